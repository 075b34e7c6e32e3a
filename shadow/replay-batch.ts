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
  try {
    const { lanes: found, strays, printed } = await pool.run({ ...settings, batch, lanes, careful: false });
    if (strays.length === 0) return { lanes: found, strays: 0, printed };
    const pieced = await replayInPieces(pool, batch, lanes, settings, undefined);
    // answers that come out of a log of calls bring no errors again
    const fromLog = lanes.some(({ calls }) => calls !== undefined);
    return fromLog ? { ...pieced, strays: Math.max(pieced.strays, strays.length) } : pieced;
  } catch (error) {
    if (!(error instanceof Died)) throw error;
    return replayInPieces(pool, batch, lanes, settings, error);
  }
}

/** A batch in which something went wrong: errors that nothing waited for, or the death of its worker. */
async function replayInPieces(
  pool: IsolatedPool<BatchJob, BatchResult>,
  batch: RequestBatch,
  lanes: readonly LaneJob[],
  settings: ReplaySettings,
  first: Died | undefined,
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
  const blame = (death: Died) => {
    const found = suspectsOf(death, starts, rest);
    suspects.push(...found);
    rest = rest.filter((own) => !found.some((suspect) => suspect.session === own));
  };
  if (first) blame(first);
  // errors that nothing waited for are found by running one session after the other
  let careful = first === undefined;
  while (rest.length > 0) {
    const job = { ...settings, batch: rest.length === session.length ? batch : pickSessions(batch, rest), lanes };
    try {
      const part = await pool.run({ ...job, careful });
      if (part.strays.length > 0 && !careful) {
        careful = true;
        continue;
      }
      keep(part, [...lanes.keys()], pieces(starts, rest));
      break;
    } catch (error) {
      if (!(error instanceof Died)) throw error;
      blame(error);
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

/** Who may have killed a worker in which these sessions of a batch ran: the one in whose call it died, or all that were under way. */
function suspectsOf(death: Died, starts: readonly number[], sessions: readonly number[]): Suspect[] {
  const culprit = death.fate === "memory" ? undefined : inCall(death.flight);
  if (culprit) {
    const first = pieces(starts, sessions)[culprit.session]?.from as number;
    const died = { lane: culprit.lane, row: culprit.row - first, error: death };
    return [{ session: sessions[culprit.session] as number, alone: false, died }];
  }
  const flying = new Set(inFlight(death.flight).map((own) => sessions[own.session] as number));
  const found = flying.size > 0 ? sessions.filter((own) => flying.has(own)) : sessions;
  return found.map((session) => ({ session, alone: death.fate === "memory" }));
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
