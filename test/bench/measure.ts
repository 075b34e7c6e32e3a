import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
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
const seconds = what === "bare" ? { bareSeconds: await bareLoop() } : await replayTwice();
console.log(
  JSON.stringify({ ...seconds, peakMegabytes: process.resourceUsage().maxRSS / 1024 } satisfies Partial<Measured>),
);

/** Once from the log, and once more from the shards that are then there. */
async function replayTwice(): Promise<Pick<Measured, "ingestSeconds" | "replaySeconds">> {
  const project = await loadProject(folder);
  const options: RunOptions = {
    seed: "bench",
    threads: Number(threads),
    resume: false,
    startedAt: new Date(0),
    versions: { foretaste: "bench", node: process.version },
    command: "bench",
  };
  const start = performance.now();
  const first = await replayTraffic(project, options);
  const both = (performance.now() - start) / 1000;
  rmSync(join(first.folder, "observations"), { recursive: true });
  const again = performance.now();
  await replayTraffic(project, { ...options, resume: true });
  const replaySeconds = (performance.now() - again) / 1000;
  return { ingestSeconds: both - replaySeconds, replaySeconds };
}

/** What anyone would write: parse each line, call both policies, keep the answers' measures. */
async function bareLoop(): Promise<number> {
  const policies = await Promise.all(
    ["1", "2"].map(async (version) => (await import(join(folder, `policy-${version}.js`))).default as BarePolicy),
  );
  const lines = readFileSync(join(folder, "log.jsonl"), "utf8").trimEnd().split("\n");
  const begin = performance.now();
  let done = 0;
  for (const policy of policies) {
    for (const line of lines) {
      const record = JSON.parse(line);
      const answer = policy.open({ id: record.session }, {}).respond(record.input) as { measures: { done: boolean } };
      if (answer.measures.done) done += 1;
    }
  }
  if (done !== lines.length) throw new Error("the bare loop is wrong");
  return (performance.now() - begin) / 1000;
}
