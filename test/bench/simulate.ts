import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

interface Measured {
  /** of a study: threads, scales of columns, design effects */
  readonly setUpSeconds: number;
  /** of one salt, beyond the set-up */
  readonly tableSeconds: number;
  /** once tables stand */
  readonly rolloutsPerSecond: number;
  /** of one salt with 250 rollouts, beyond the set-up */
  readonly saltSeconds: number;
  readonly peakMegabytes: number;
}

const run = promisify(execFile);
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

async function measured(what: string, sessions: number, threads = 1): Promise<Measured> {
  const { stdout } = await run(process.execPath, [
    here("measure-simulate.mjs"),
    what,
    String(sessions),
    String(threads),
  ]);
  return JSON.parse(stdout) as Measured;
}

/** Undefined where there is no Python with numpy. */
async function numpy(sessions: number): Promise<number | undefined> {
  try {
    const { stdout } = await run("python3", [here("simulate_numpy.py"), String(sessions)]);
    return (JSON.parse(stdout) as Pick<Measured, "rolloutsPerSecond">).rolloutsPerSecond;
  } catch {
    return undefined;
  }
}

/** Staged rollouts of 1, 5, 25 and 50 % with ten looks each, six metrics, clustering and resampling on, no change. */
export async function simulateBench(): Promise<void> {
  const sizes = process.argv.slice(3).map(Number);
  const number = (value: number) => (value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3));
  console.log(
    "| sessions | metrics | threads | rollouts/s | a salt's tables | a salt with 250 rollouts | set-up | peak | per unit, JavaScript | numpy |",
  );
  console.log("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|");
  for (const sessions of sizes.length > 0 ? sizes : [1e4, 1e5, 1e6, 1e7]) {
    const [unit, python] = [(await measured("perUnit", sessions)).rolloutsPerSecond, await numpy(sessions)];
    for (const [what, threads] of [
      ["moments", 1],
      ["moments", Math.min(2, availableParallelism())],
      ["quantiles", 1],
    ] as const) {
      const own = await measured(what, sessions, threads);
      const against = (other: number | undefined) =>
        other === undefined ? "–" : `${number(other)} (${number(own.rolloutsPerSecond / other)} ×)`;
      console.log(
        `| ${sessions.toLocaleString("en")} | ${what} | ${threads} | ${number(own.rolloutsPerSecond)} | ${number(1000 * own.tableSeconds)} ms | ` +
          `${number(1000 * own.saltSeconds)} ms | ${number(1000 * own.setUpSeconds)} ms | ${number(own.peakMegabytes)} MB | ${against(unit)} | ${against(python)} |`,
      );
    }
  }
}
