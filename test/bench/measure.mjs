// @ts-check
// Plain JavaScript: worker threads inherit a loader of TypeScript, which rewrites the built package.
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DuckDBInstance } from "@duckdb/node-api";

/** @typedef {import("./replay.ts").Measured} Measured */

/** The built package: what a user runs. */
const { loadProject, replayTraffic } = /** @type {typeof import("../../index.ts")} */ (
  await import(new URL("../../dist/index.js", import.meta.url).href)
);

const [what = "", folder = "", threads = "1"] = process.argv.slice(2);
/** @type {Readonly<Record<string, () => Promise<Partial<Measured>>>>} */
const measures = { bare: bareLoop, reader: duckdbReader, replay: replayTimed };
const seconds = await measures[what]?.();
console.log(JSON.stringify({ ...seconds, peakMegabytes: process.resourceUsage().maxRSS / 1024 }));

/** Steps begin and end when the library says so. */
async function replayTimed() {
  const project = await loadProject(folder);
  const options = {
    seed: "bench",
    threads: Number(threads),
    resume: false,
    startedAt: new Date(0),
    versions: { foretaste: "bench", node: process.version },
    command: "bench",
  };
  /** @type {Map<string, number>} */
  const at = new Map();
  await replayTraffic(project, options, (step, done, total) => {
    const event = `${step} ${done === total ? "ends" : "begins"}`;
    if (done === total || !at.has(event)) at.set(event, performance.now());
  });
  const when = (/** @type {string} */ event) => /** @type {number} */ (at.get(event));
  return {
    readSeconds: (when("read traffic ends") - when("read traffic begins")) / 1000,
    ingestSeconds: (when("replay begins") - when("read traffic begins")) / 1000,
    replaySeconds: (performance.now() - when("replay begins")) / 1000,
  };
}

/** What DuckDB itself takes to read the log into a table, in as much memory. */
async function duckdbReader() {
  const instance = await DuckDBInstance.create(":memory:", { threads });
  const connection = await instance.connect();
  await connection.run(`set temp_directory = '${join(folder, "spill")}'`);
  await connection.run("set memory_limit = '300MB'");
  const file = join(folder, "log.jsonl");
  const start = performance.now();
  await connection.run(`create table log as select * from read_json('${file}', format = 'newline_delimited')`);
  return { readerSeconds: (performance.now() - start) / 1000 };
}

/** What anyone would write: parse each line, call both policies, keep the answers' measures. Reading is not counted. */
async function bareLoop() {
  const policies = await Promise.all(
    ["1", "2"].map(async (version) => (await import(join(folder, `policy-${version}.js`))).default),
  );
  let done = 0;
  let records = 0;
  let spent = 0;
  const run = (/** @type {readonly string[]} */ lines) => {
    const begin = performance.now();
    for (const policy of policies) {
      for (const line of lines) {
        const record = JSON.parse(line);
        const answer = policy.open({ id: record.session }, {}).respond(record.input);
        if (answer.measures.done) done += 1;
      }
    }
    spent += performance.now() - begin;
    records += lines.length;
  };
  /** @type {string[]} */
  let lines = [];
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
