import { join } from "node:path";
import { Database } from "../io/duckdb.ts";
import { publishFile, temporaryName } from "../io/run-folder.ts";
import { literal, sql, join as sqlJoin } from "../io/sql.ts";
import { controlledStages, type Plan } from "../plan/plan.ts";
import type { Rollout } from "../sim/rollout.ts";
import type { ScenarioRollouts } from "../sim/simulate.ts";

/** The simulated rollouts of a run. */
export function rolloutsFile(folder: string): string {
  return join(folder, "rollouts.parquet");
}

const ends: readonly Rollout["end"][] = ["promoted", "rolledBack", "stopped"];

/**
 * Writes the simulated rollouts, one row a replicate: scenario, salt, replicate (from 0 in its salt), start_hours (from the log's
 * first hour), end, stage in which it ended, hours, units_exposed, and because: the guardrail that rolled back, `timeout`, or NULL.
 *
 * @param starts at which salts take turns, ms
 */
export async function writeRollouts(
  folder: string,
  plan: Plan,
  rollouts: readonly ScenarioRollouts[],
  windowMs: number,
  starts: readonly number[],
): Promise<void> {
  const rows = rollouts.flatMap(({ bySalt }, scenario) =>
    bySalt.flatMap((own, salt) => own.map((rollout, replicate) => ({ scenario, salt, replicate, rollout }))),
  );
  const column = (value: (row: (typeof rows)[number]) => number) => Float64Array.from(rows, value);
  const columns = {
    scenario: column(({ scenario }) => scenario),
    salt: column(({ salt }) => salt),
    replicate: column(({ replicate }) => replicate),
    start: column(({ salt }) => (starts[salt % starts.length] as number) / 3_600_000),
    end: column(({ rollout }) => ends.indexOf(rollout.end)),
    stage: column(({ rollout }) => rollout.stage),
    hours: column(({ rollout }) => (rollout.windows * windowMs) / 3_600_000),
    exposed: column(({ rollout }) => rollout.unitsExposed),
    // after the guardrails: a timeout
    because: column(({ rollout }) =>
      rollout.end !== "rolledBack" ? -1 : rollout.because < 0 ? plan.guardrails.length : rollout.because,
    ),
  };
  const texts = (own: readonly string[]) => sql`[${sqlJoin(own.map(literal))}]`;
  const file = rolloutsFile(folder);
  const temporary = temporaryName(file);
  // one thread: rows stay in order
  const database = await Database.open({ threads: 1, folders: [folder] });
  try {
    await database.run(sql`
      create table numbers (scenario double, salt double, replicate double, start double, ended double, stage double, hours double,
        exposed double, because double)`);
    await database.appendNumbers("numbers", Object.values(columns));
    await database.run(sql`
      copy (
        select list_extract(${texts(rollouts.map(({ scenario }) => scenario))}, cast(scenario as bigint) + 1) as scenario,
          cast(salt as integer) as salt, cast(replicate as integer) as replicate, start as start_hours,
          list_extract(${texts(ends)}, cast(ended as bigint) + 1) as "end",
          list_extract(${texts(controlledStages(plan).map(({ name }) => name))}, cast(stage as bigint) + 1) as stage,
          hours, exposed as units_exposed,
          case when because >= 0 then
            list_extract(${texts([...plan.guardrails.map(({ key }) => key), "timeout"])}, cast(because as bigint) + 1)
          end as because
        from numbers
      ) to ${temporary} (format parquet)`);
  } finally {
    await database.close();
  }
  publishFile(temporary, file);
}
