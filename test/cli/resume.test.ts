import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { cli, foretaste } from "../support/run-cli.ts";

const sessions = 15_000;

/** Three shards, and a policy that takes 20 µs an answer and notes in a file which shards' sessions it has seen. */
function slowProject(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "logs"));
  const lines = Array.from({ length: 2 * sessions }, (_, i) =>
    JSON.stringify({ s: `s${i >> 1}`, at: new Date(Date.UTC(2026, 0, 1) + i * 10_000).toISOString(), q: i }),
  );
  writeFileSync(join(folder, "logs/log.jsonl"), lines.join("\n"));
  writeFileSync(
    join(folder, "policy.js"),
    `export default { name: "slow", version: "1", open: () => ({ respond: (q) => {
  const end = performance.now() + 0.02; while (performance.now() < end);
  return { response: q, measures: { done: q % 3 === 0 } };
} }) };`,
  );
  writeFileSync(
    join(folder, "foretaste.yaml"),
    `name: slow
traffic: { source: logs/log.jsonl, columns: { session: s, at: at, request: q } }
control: { module: policy.js }
candidate: { module: policy.js }
metrics: { done: { kind: proportion, value: bool_or(done), better: higher } }
plan: plan.yaml
`,
  );
  writeFileSync(
    join(folder, "plan.yaml"),
    `salt: x
primary: done
margins: { done: 5pp }
stages: [{ name: half, exposure: 50%, duration: { max: 24h }, minimumSample: 100 }]
rule: { evidence: fixed }
`,
  );
  return folder;
}

function runFolder(project: string): string {
  const runs = join(project, ".foretaste/runs");
  return join(runs, readdirSync(runs).sort().at(-1) as string);
}

function observations(project: string): Record<string, string> {
  const root = join(runFolder(project), "observations");
  if (!existsSync(root)) return {};
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".parquet"));
  return Object.fromEntries(
    files.sort().map((file) => [
      file,
      createHash("sha256")
        .update(readFileSync(join(root, file)))
        .digest("hex"),
    ]),
  );
}

it("a run that is killed and resumed has the bytes of an undisturbed one", async () => {
  const project = slowProject();
  await foretaste(["replay", project, "--threads", "1"]);
  const undisturbed = observations(project);
  expect(Object.keys(undisturbed).length).toBe(6);

  const killed = slowProject();
  const child = spawn(process.execPath, [cli, "replay", killed, "--threads", "1"], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.on("close", resolve));
  while (!existsSync(join(killed, ".foretaste/runs")) || Object.keys(observations(killed)).length < 2) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  child.kill("SIGKILL");
  await ended;
  const before = observations(killed);
  expect(Object.keys(before).length).toBeLessThan(6);

  const resumed = await foretaste(["replay", killed, "--threads", "2", "--resume"]);
  expect(resumed.stdout).toMatch(/, resumed/);
  expect(resumed.stderr).toMatch(new RegExp(`replay: \\d+ of ${2 * sessions}`));
  expect(observations(killed)).toEqual(undisturbed);
  expect(readdirSync(join(killed, ".foretaste/runs")).length).toBe(1);
});

it("a run that is interrupted says how to go on and exits with 130", async () => {
  const project = slowProject();
  const child = spawn(process.execPath, [cli, "replay", project, "--threads", "1"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  while (!existsSync(join(project, ".foretaste/runs"))) await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill("SIGINT");
  expect(await ended).toBe(130);
  expect(stderr).toMatch(/interrupted; go on with: the same command and --resume/);
});
