import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** One measurement, by `measure.ts` in a process of its own. */
export interface Measured {
  /** seconds of the bare loop: parse each record, call both policies */
  readonly bareSeconds: number;
  /** seconds of reading the log into shards */
  readonly ingestSeconds: number;
  /** seconds of replaying the shards to observations on disk */
  readonly replaySeconds: number;
  readonly peakMegabytes: number;
}

/**
 * Replay against a bare loop that parses the same records and calls the same two policies, in the same run.
 *
 * The bare loop and the replay are processes of their own; the peak of memory is the replay's.
 */
export async function replayBench(): Promise<void> {
  console.log("overhead per record above the bare loop, policies of 0 µs, one thread");
  console.log("records    bare µs   replay µs   overhead µs   ingest µs   peak MB");
  for (const records of [10_000, 100_000, 1_000_000]) {
    const { bareSeconds, ingestSeconds, replaySeconds, peakMegabytes } = measure({
      records,
      threads: 1,
      costMicros: 0,
    });
    const each = (seconds: number) => ((1e6 * seconds) / records).toFixed(2).padStart(11);
    console.log(
      `${String(records).padStart(7)}${each(bareSeconds)}${each(replaySeconds)} ${each(replaySeconds - bareSeconds)}  ${each(ingestSeconds)}${peakMegabytes.toFixed(0).padStart(10)}`,
    );
  }
  console.log("\ntwo threads against one, by the cost of a policy's answer");
  console.log("cost µs   records   one thread s   two threads s   ratio");
  for (const [costMicros, records] of [
    [0, 200_000],
    [20, 100_000],
    [200, 20_000],
  ] as const) {
    const one = measure({ records, threads: 1, costMicros }).replaySeconds;
    const two = measure({ records, threads: 2, costMicros }).replaySeconds;
    console.log(
      `${String(costMicros).padStart(7)}${String(records).padStart(10)}${one.toFixed(2).padStart(15)}${two.toFixed(2).padStart(16)}${(one / two).toFixed(2).padStart(8)}`,
    );
  }
}

interface Setting {
  readonly records: number;
  readonly threads: number;
  readonly costMicros: number;
}

function measure(setting: Setting): Measured {
  const folder = mkdtempSync(join(tmpdir(), "foretaste-bench-"));
  try {
    writeProject(folder, setting);
    return { ...inProcess("bare", folder, setting), ...inProcess("replay", folder, setting) } as Measured;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function inProcess(what: "bare" | "replay", folder: string, { threads }: Setting): Partial<Measured> {
  const script = fileURLToPath(new URL("measure.ts", import.meta.url));
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const args = ["--import", "tsx", script, what, folder, String(threads)];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8", cwd });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout.trim().split("\n").at(-1) as string) as Partial<Measured>;
}

function writeProject(folder: string, { records, costMicros }: Setting): void {
  const lines: string[] = [];
  for (let i = 0; i < records; i++) {
    const at = new Date(Date.UTC(2026, 0, 1) + i * 250).toISOString();
    lines.push(
      JSON.stringify({
        session: `s${i >> 1}`,
        user: `u${i >> 2}`,
        at,
        input: { text: `request number ${i}, please help`, turn: i & 1, tokens: i % 977 },
      }),
    );
  }
  writeFileSync(join(folder, "log.jsonl"), `${lines.join("\n")}\n`);
  for (const version of ["1", "2"]) writeFileSync(join(folder, `policy-${version}.js`), policy(version, costMicros));
  writeFileSync(
    join(folder, "foretaste.yaml"),
    `name: bench
traffic:
  source: log.jsonl
  columns: { session: session, user: user, at: at, request: input }
control: { module: policy-1.js }
candidate: { module: policy-2.js }
metrics:
  done: { kind: proportion, value: bool_or(done), better: higher }
plan: plan.yaml
`,
  );
  writeFileSync(
    join(folder, "plan.yaml"),
    `salt: bench
primary: done
margins: { done: 5pp }
stages: [{ name: half, exposure: 50%, duration: { max: 24h }, minimumSample: 100 }]
rule: { evidence: fixed }
`,
  );
}

/** A policy that keeps the processor busy for a time. */
function policy(version: string, costMicros: number): string {
  const busy =
    costMicros === 0 ? "" : `const end = performance.now() + ${costMicros / 1000}; while (performance.now() < end);`;
  return `export default {
  name: "bench", version: "${version}", deterministic: true, config: {},
  open: () => ({ respond: (request) => { ${busy} return { response: request.text, measures: { done: request.turn === 1, tokens: request.tokens } }; } }),
};
`;
}
