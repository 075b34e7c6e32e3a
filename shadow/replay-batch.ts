import { Died, type IsolatedPool } from "../io/isolated-pool.ts";
import { inCall, inFlight } from "./flight-recorder.ts";
import type { BatchJob, BatchResult, LaneJob, Printed } from "./handle-job.ts";
import { emptyObservations, failFrom, type Observations, type Piece, place, type Status } from "./observations.ts";
import type { ReplaySettings } from "./replay-requests.ts";
import { pickSessions, pieces, type RequestBatch, readBatch } from "./requests.ts";

/** What came of a batch. */
export interface ReplayedBatch {
  /** one a lane */
  readonly lanes: readonly Observations[];
  /** errors of nobody: they came where nothing waited for them, when their session had ended */
  readonly strays: number;
  readonly printed: Printed;
}

/**
 * Replays a batch so that a session which ends its worker costs nobody else anything.
 *
 * When a worker dies inside a call, it is known whose. Otherwise the sessions that were under way in it are suspects. The others run again without them; each suspect
 * runs by itself, lane by lane. One that dies there is the culprit: the request in which it died has failed, and those before
 * it are asked once more, without it. Suspects of a full memory run while nothing else does, since memory is shared.
 */
export async function replayBatch(
  pool: IsolatedPool<BatchJob, BatchResult>,
  batch: RequestBatch,
  lanes: readonly LaneJob[],
  settings: ReplaySettings,
): Promise<ReplayedBatch> {
  const { session, starts } = readBatch(batch);
  const whole = lanes.map(() => emptyObservations(batch.rows));
  const printed = { lines: 0, first: [] as string[] };
  let strays = 0;
  const keep = (part: BatchResult, laneIndices: readonly number[], where: readonly Piece[]) => {
    strays += part.strays.length;
    printed.lines += part.printed.lines;
    printed.first.push(...part.printed.first);
    for (const [i, lane] of laneIndices.entries())
      place(whole[lane] as Observations, part.lanes[i] as Observations, where);
  };
  let rest = [...session.keys()];
  const suspects: Suspect[] = [];
  while (rest.length > 0) {
    const job = { ...settings, batch: rest.length === session.length ? batch : pickSessions(batch, rest), lanes };
    try {
      let part = await pool.run({ ...job, careful: false });
      // an error that nothing waited for: once more, one session after the other, to find whose it is
      if (part.strays.length > 0) part = await pool.run({ ...job, careful: true });
      keep(part, [...lanes.keys()], pieces(starts, rest));
      break;
    } catch (error) {
      if (!(error instanceof Died)) throw error;
      const culprit = error.fate === "memory" ? undefined : inCall(error.flight);
      if (culprit) {
        const session = rest[culprit.session] as number;
        const died = {
          lane: culprit.lane,
          row: culprit.row - (partStarts(starts, rest)[culprit.session] as number),
          error,
        };
        suspects.push({ session, alone: false, died });
        rest = rest.filter((own) => own !== session);
        continue;
      }
      const flying = new Set(inFlight(error.flight).map((own) => rest[own.session] as number));
      const found = flying.size > 0 ? rest.filter((own) => flying.has(own)) : rest;
      suspects.push(...found.map((own) => ({ session: own, alone: error.fate === "memory" })));
      rest = rest.filter((own) => !found.includes(own));
    }
  }
  for (const { session: suspect, alone, died } of suspects) {
    const where = pieces(starts, [suspect]);
    const rows = (starts[suspect + 1] as number) - (starts[suspect] as number);
    for (const [i, lane] of lanes.entries()) {
      const job = { ...settings, batch: pickSessions(batch, [suspect]), lanes: [lane] };
      const known = died?.lane === i ? died : undefined;
      keep(await replaySuspect(pool, job, rows, alone, known), [i], where);
    }
  }
  return { lanes: whole, strays, printed };
}

interface Suspect {
  readonly session: number;
  readonly alone: boolean;
  /** where it is known to have died */
  readonly died?: Death;
}

interface Death {
  readonly lane: number;
  /** in the session */
  readonly row: number;
  readonly error: Died;
}

/** First rows of sessions that were picked from a batch. */
function partStarts(starts: readonly number[], sessions: readonly number[]): number[] {
  return pieces(starts, sessions).map(({ from }) => from);
}

/** One session in one lane, by itself. */
async function replaySuspect(
  pool: IsolatedPool<BatchJob, BatchResult>,
  job: Omit<BatchJob, "careful">,
  rows: number,
  alone: boolean,
  died: Death | undefined,
): Promise<BatchResult> {
  let until = died?.row ?? rows;
  let fate = died && fateOf(died.error, job.timeoutMs);
  for (;;) {
    try {
      const part: BatchResult =
        until === 0
          ? { lanes: [emptyObservations(rows)], strays: [], printed: { lines: 0, first: [] } }
          : await pool.run({ ...job, careful: true, until }, alone);
      const into = part.lanes[0] as Observations;
      // a request before it may have failed this time
      if (fate && !into.status.subarray(0, until).some((status) => status !== 0))
        failFrom(into, until, rows, fate.status, { message: fate.message, stack: null });
      return part;
    } catch (error) {
      if (!(error instanceof Died)) throw error;
      const [at] = inFlight(error.flight);
      fate = fateOf(error, job.timeoutMs);
      until = Math.min(at?.row ?? 0, until - 1);
    }
  }
}

function fateOf({ fate, message }: Died, timeoutMs: number): { status: Status; message: string } {
  return fate === "blocked"
    ? { status: "timeout", message: `no answer within ${timeoutMs} ms, and ${message}` }
    : { status: "crashed", message };
}
