import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** One measurement, by `measure.mjs` in processes of their own. */
export interface Measured {
  /** seconds of the bare loop: parse each record, call both policies */
  readonly bareSeconds: number;
  /** seconds that DuckDB's read_json takes to read the log into a table, on as many threads and in as much memory */
  readonly readerSeconds: number;
  /** seconds of reading the log into checked records */
  readonly readSeconds: number;
  /** the same, and sorting it into sessions and shards on disk */
  readonly ingestSeconds: number;
  /** seconds of replaying the shards to observations on disk */
  readonly replaySeconds: number;
  /** of the process that reads and replays */
  readonly peakMegabytes: number;
}

/**
 * Replay against a bare loop that parses the same records and calls the same two policies, and reading against DuckDB's own
 * reader, in the same run.
 */
export async function replayBench(): Promise<void> {
  console.log("two policies of 0 µs, one worker thread; µs are per record, both policies together");
  console.log("   records   bare µs   replay µs   overhead µs   read_json µs   read µs   ratio   ingest µs   peak MB");
  for (const records of [10_000, 100_000, 1_000_000, 10_000_000]) {
    const found = measure({ records, threads: 1, costMicros: 0 });
    const each = (seconds: number) => ((1e6 * seconds) / records).toFixed(2);
    const columns = [
      [String(records), 10],
      [each(found.bareSeconds), 10],
      [each(found.replaySeconds), 12],
      [each(found.replaySeconds - found.bareSeconds), 14],
      [each(found.readerSeconds), 15],
      [each(found.readSeconds), 10],
      [(found.readerSeconds / found.readSeconds).toFixed(2), 8],
      [each(found.ingestSeconds), 12],
      [found.peakMegabytes.toFixed(0), 10],
    ] as const;
    console.log(columns.map(([text, width]) => text.padStart(width)).join(""));
  }
  console.log("\ntwo worker threads against one, by the cost of a policy's answer");
  console.log("cost µs   records   one thread s   two threads s   ratio");
  for (const [costMicros, records] of [
    [0, 1_000_000],
    [20, 300_000],
    [200, 30_000],
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
    const [bare, reader, replay] = (["bare", "reader", "replay"] as const).map((what) =>
      inProcess(what, folder, setting),
    );
    return { ...bare, ...reader, ...replay } as Measured;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs up to a million records are done three times, and their medians are taken. */
function inProcess(what: "bare" | "reader" | "replay", folder: string, setting: Setting): Partial<Measured> {
  const runs = Array.from({ length: setting.records > 1_000_000 ? 1 : 3 }, () => once(what, folder, setting));
  const names = Object.keys(runs[0] as object) as (keyof Measured)[];
  const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] as number;
  return Object.fromEntries(names.map((name) => [name, middle(runs.map((run) => run[name] as number))]));
}

function once(what: "bare" | "reader" | "replay", folder: string, { threads }: Setting): Partial<Measured> {
  rmSync(join(folder, ".foretaste"), { recursive: true, force: true });
  const script = fileURLToPath(new URL("measure.mjs", import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [script, what, folder, String(threads)], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout.trim().split("\n").at(-1) as string) as Partial<Measured>;
}

function writeProject(folder: string, { records, costMicros }: Setting): void {
  const log = openSync(join(folder, "log.jsonl"), "w");
  let lines: string[] = [];
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
    if (lines.length < 10_000 && i < records - 1) continue;
    writeSync(log, `${lines.join("\n")}\n`);
    lines = [];
  }
  closeSync(log);
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
