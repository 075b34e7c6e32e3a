import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Result } from "../../reports/result.ts";
import { temporaryFolder } from "../support/folders.ts";
import { foretaste } from "../support/run-cli.ts";

const good =
  'export default { name: "p", version: "1", open: () => ({ respond: (n) => ({ measures: { ok: n % 4 > 0, ms: n } }) }) };';

/** 300 sessions of one request; the candidate's module is given. */
function project({
  candidate = good,
  plan = "",
  log = (line: string) => line,
}: {
  candidate?: string;
  plan?: string;
  log?: (line: string, i: number) => string;
} = {}): string {
  const folder = temporaryFolder();
  const lines = Array.from({ length: 300 }, (_, i) =>
    log(
      JSON.stringify({
        s: `s${i}`,
        at: new Date(Date.UTC(2026, 0, 1) + i * 600_000).toISOString(),
        n: i,
        seg: i % 3 === 0 ? "a" : "b",
      }),
      i,
    ),
  );
  writeFileSync(join(folder, "log.jsonl"), lines.join("\n"));
  writeFileSync(join(folder, "control.js"), good);
  writeFileSync(join(folder, "candidate.js"), candidate);
  writeFileSync(
    join(folder, "foretaste.yaml"),
    `name: faults
traffic: { source: log.jsonl, columns: { session: s, at: at, request: n }, attributes: [seg] }
control: { module: control.js }
candidate: { module: candidate.js }
replay: { timeout: 2s }
metrics:
  ok: { kind: proportion, value: bool_or(ok), better: higher }
  ms: { kind: mean, value: sum(ms), better: lower, measuredIn: ms }
plan: plan.yaml
`,
  );
  writeFileSync(
    join(folder, "plan.yaml"),
    `salt: x
primary: ok
margins: { ok: 20pp, ms: 50%${plan} }
stages: [{ name: half, exposure: 50%, duration: { max: 24h }, minimumSample: 30 }]
rule: { evidence: fixed }
`,
  );
  return folder;
}

const rehearse = (folder: string, ...more: string[]) => foretaste(["rehearse", folder, "--replicates", "50", ...more]);
const respond = (body: string) =>
  `export default { name: "p", version: "2", open: () => ({ respond: (n) => { ${body} } }) };`;

describe("a policy's fault", () => {
  it("in every request is no-go by the failure rate, with the message it failed with", async () => {
    const { code, stdout } = await rehearse(project({ candidate: respond('throw new Error("missing API key");') }));
    expect(stdout).toMatch(/failure_rate goes from 0 % to 100 %/);
    expect(stdout).toMatch(/candidate: 300 requests ended in error: missing API key/);
    expect(code).toBe(11);
  });

  it.each([
    [
      "exits in every tenth request",
      respond("if (n % 10 === 0) process.exit(0); return { measures: { ok: true, ms: 1 } };"),
      /failure_rate goes from 0 % to 10(\.0)? %/,
      /ended in crashed: ended its thread \(.*exit.* 0\)/,
    ],
    [
      "rejects in every request where nothing waits",
      respond('Promise.reject(new Error("bg")); return { measures: { ok: true, ms: 1 } };'),
      /failure_rate goes from 0 % to 100 %/,
      /ended in error: an error was thrown or rejected where nothing waits for it \(bg\)/,
    ],
  ])("that %s is no-go, with what it did", async (_, candidate, rate, message) => {
    const { code, stdout } = await rehearse(project({ candidate }));
    expect(stdout).toMatch(message);
    expect(stdout).toMatch(rate);
    expect(code).toBe(11);
  });

  it.each([
    ["exits while it is loaded", `process.exit(0);\n${good}`, /ended its thread/],
    [
      "waits for ever while it is loaded",
      "await new Promise(() => {});",
      /cannot be loaded|not loaded after|ended its thread/,
    ],
    [
      "has a config that is no JSON",
      good.replace("version:", "config: { big: 1n }, version:"),
      /config cannot be written as JSON/,
    ],
  ])("that %s ends with exit code 2 and its module or its act named", async (_, candidate, message) => {
    const { code, stderr, stdout } = await rehearse(project({ candidate }));
    expect(stderr).toMatch(message);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  it("that prints does not touch the results", async () => {
    const noise = 'console.log("a"); console.dir({}); process.stdout.write("b");';
    const candidate = `${noise}\n${respond(`${noise} return { measures: { ok: n % 4 > 0, ms: n } };`)}`;
    const { stdout } = await rehearse(project({ candidate }), "--json");
    expect((JSON.parse(stdout) as Result).name).toBe("faults");
  });
});

describe("a fault of the input", () => {
  it("in a metric is said in the same words every time", async () => {
    const folder = project();
    const file = join(folder, "foretaste.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace("bool_or(ok)", "bool_or(okk)"));
    for (let time = 0; time < 5; time++) {
      const { code, stderr } = await rehearse(folder);
      expect(stderr).toMatch(/foretaste\.yaml:7: metric ok reads okk, which no lane reports; did you mean ok\?/);
      expect(code).toBe(2);
    }
  });

  it("in a segment that no session has is refused", async () => {
    const { code, stderr } = await rehearse(project({ plan: ", ok@seg=zzz: 30pp" }));
    expect(stderr).toMatch(/no session has seg=zzz; known are/);
    expect(code).toBe(2);
  });

  it("in one record of another year is cannot tell, with where to look", async () => {
    const log = (line: string, i: number) => (i === 7 ? line.replace("2026-", "2025-") : line);
    const { code, stdout } = await rehearse(project({ log }));
    expect(stdout).toMatch(/gaps in the log: .* look for records with a wrong time/);
    expect(code).toBe(12);
  });

  it("in one record of two hundred goes to quarantine, with the run going on", async () => {
    const log = (line: string, i: number) =>
      i === 7 ? line.replace('"n":7', '"n":NaN') : i === 9 ? line.slice(0, -4) : line;
    const folder = project({ log });
    const { stdout } = await rehearse(folder, "--json");
    const [own] = (JSON.parse(stdout) as Result).traffic.imports;
    expect(own).toMatchObject({ records: 300, kept: 298, quarantined: 2 });
  });

  it("in the output's place is said, and nothing there is touched", async () => {
    const folder = project();
    writeFileSync(join(folder, "taken"), "");
    const { code, stderr } = await rehearse(folder, "--out", join(folder, "taken"));
    expect(stderr).toMatch(/taken.*check the path/);
    expect(code).toBe(2);
    mkdirSync(join(folder, "folder"));
    const generated = await foretaste(["generate", join(folder, "folder"), "--sessions", "5"]);
    expect(generated.stderr).toMatch(/folder: is not a file that can be written/);
    expect(generated.code).toBe(2);
    expect(existsSync(join(folder, "folder.tmp"))).toBe(false);
  });
});
