import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DuckDBInstance } from "@duckdb/node-api";
import type { RunOptions } from "../../index.ts";
import type { Measured } from "./replay.ts";

/** The built package: what a user runs. */
const { loadProject, replayTraffic } = (await import(
  new URL("../../dist/index.js", import.meta.url).href
)) as typeof import("../../index.ts");

interface BarePolicy {
  readonly open: (session: object, context: object) => { readonly respond: (request: unknown) => unknown };
}

const [what = "", folder = "", threads = "1"] = process.argv.slice(2);
const measures: Readonly<Record<string, () => Promise<Partial<Measured>>>> = {
  bare: bareLoop,
  reader: duckdbReader,
  replay: replayTimed,
};
const seconds = await measures[what]?.();
console.log(
  JSON.stringify({ ...seconds, peakMegabytes: process.resourceUsage().maxRSS / 1024 } satisfies Partial<Measured>),
);

/** Steps begin and end when the library says so. */
async function replayTimed(): Promise<Partial<Measured>> {
  const project = await loadProject(folder);
  const options: RunOptions = {
    seed: "bench",
    threads: Number(threads),
    resume: false,
    startedAt: new Date(0),
    versions: { foretaste: "bench", node: process.version },
    command: "bench",
  };
  const at = new Map<string, number>();
  await replayTraffic(project, options, (step, done, total) => {
    const event = `${step} ${done === total ? "ends" : "begins"}`;
    if (done === total || !at.has(event)) at.set(event, performance.now());
  });
  const between = (from: string, to: string) => ((at.get(to) as number) - (at.get(from) as number)) / 1000;
  return {
    readSeconds: between("read traffic begins", "read traffic ends"),
    ingestSeconds: between("read traffic begins", "replay begins"),
    replaySeconds: (performance.now() - (at.get("replay begins") as number)) / 1000,
  };
}

/** What DuckDB itself takes to read the log into a table. */
async function duckdbReader(): Promise<Partial<Measured>> {
  const instance = await DuckDBInstance.create(":memory:", { threads });
  const connection = await instance.connect();
  const file = join(folder, "log.jsonl");
  const start = performance.now();
  await connection.run(`create table log as select * from read_json('${file}', format = 'newline_delimited')`);
  return { readerSeconds: (performance.now() - start) / 1000 };
}

/** What anyone would write: parse each line, call both policies, keep the answers' measures. Reading is not counted. */
async function bareLoop(): Promise<Partial<Measured>> {
  const policies = await Promise.all(
    ["1", "2"].map(async (version) => (await import(join(folder, `policy-${version}.js`))).default as BarePolicy),
  );
  let done = 0;
  let records = 0;
  let spent = 0;
  const run = (lines: readonly string[]) => {
    const begin = performance.now();
    for (const policy of policies) {
      for (const line of lines) {
        const record = JSON.parse(line);
        const answer = policy.open({ id: record.session }, {}).respond(record.input) as { measures: { done: boolean } };
        if (answer.measures.done) done += 1;
      }
    }
    spent += performance.now() - begin;
    records += lines.length;
  };
  let lines: string[] = [];
  for await (const line of createInterface({ input: createReadStream(join(folder, "log.jsonl")) })) {
    lines.push(line);
    if (lines.length < 100_000) continue;
    run(lines);
    lines = [];
  }
  run(lines);
  if (done !== records) throw new Error("the bare loop is wrong");
  return { bareSeconds: spent / 1000 };
}
