import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Result, resultSchema } from "../../reports/result.ts";
import { copyExample } from "../support/folders.ts";
import { foretaste } from "../support/run-cli.ts";

const small = ["--replicates", "100"];

/** The bundled example with less traffic. */
async function bundled(sessions = 6000): Promise<string> {
  const project = copyExample("support-agent");
  const generated = await foretaste(["generate", join(project, "logs/requests.jsonl"), "--sessions", String(sessions)]);
  expect(generated.code).toBe(0);
  return project;
}

describe("foretaste rehearse on the bundled example", () => {
  it("says no-go, exits with 11, names the broken segment, and shows what the plan would have exposed", async () => {
    const project = await bundled(20_000);
    const { code, stdout, stderr } = await foretaste(["rehearse", project, ...small]);
    expect(stdout).toMatch(/NO-GO \(exit code 11\)/);
    expect(stdout).toMatch(/completion_rate in workflow=refund goes from .* beyond its margin of 5pp/);
    expect(stdout).toMatch(/As written, the plan promotes this candidate in .* the candidate has served \d+ units/s);
    expect(stdout).not.toContain("\u001b[");
    expect(stderr).toMatch(/replay: \d+ of \d+/);
    expect(code).toBe(11);
    const report = /report: (.*)/.exec(stdout)?.[1] as string;
    expect(readFileSync(join(process.cwd(), report), "utf8")).toContain("<!doctype html>");
  });

  it("prints with --json exactly the result that lies in the run's folder, and nothing else", async () => {
    const project = await bundled();
    const { stdout } = await foretaste(["rehearse", project, "--json", ...small]);
    const result = resultSchema.parse(JSON.parse(stdout));
    const folder = join(project, ".foretaste/runs", result.run.id);
    expect(stdout).toBe(readFileSync(join(folder, "result.json"), "utf8"));
    for (const file of ["manifest.json", "sessions.parquet", "quarantine.parquet", "report.md", "report.html"]) {
      expect(existsSync(join(folder, file)), file).toBe(true);
    }
  });

  it("gives the same bytes on 1, 2 and 8 threads, save run id and start time", async () => {
    const project = await bundled();
    const results: string[] = [];
    for (const threads of ["1", "2", "8"]) {
      const { stdout } = await foretaste(["rehearse", project, "--json", "--threads", threads, ...small]);
      const result = JSON.parse(stdout) as Result;
      results.push(stdout.replaceAll(result.run.id, "ID").replaceAll(result.run.startedAt, "TIME"));
    }
    expect(results[1]).toBe(results[0]);
    expect(results[2]).toBe(results[0]);
  });

  it("gives other figures with another seed, and the same ones with the same seed", async () => {
    const project = await bundled(20_000);
    const figures = async (seed: string) => {
      const { stdout } = await foretaste(["simulate", project, "--json", "--resume", "--seed", seed, ...small]);
      return JSON.stringify((JSON.parse(stdout) as Result).scenarios);
    };
    const first = await figures("a");
    expect(await figures("a")).toBe(first);
    expect(await figures("b")).not.toBe(first);
  });
});

describe("the other commands", () => {
  it("compare exits with 11 when harm is shown and lists the segments that differ", async () => {
    const project = await bundled();
    const { code, stdout } = await foretaste(["compare", project]);
    expect(stdout).toMatch(/workflow=refund +completion_rate/);
    expect(code).toBe(11);
    const json = await foretaste(["compare", project, "--json", "--resume"]);
    expect((JSON.parse(json.stdout) as Result).comparison.metrics.map(({ name }) => name)).toEqual([
      "completion_rate",
      "tool_error_rate",
      "cost_per_task",
      "latency_p95",
      "failure_rate",
    ]);
  });

  it("simulate exits with 10 when the plan misses a budget", async () => {
    const { code, stdout } = await foretaste(["simulate", await bundled(), ...small]);
    expect(stdout).toMatch(/no_change .* false stop 20 %: missed/);
    expect(code).toBe(10);
  });

  it("replay says what was read and where the observations lie, and resumes a finished run", async () => {
    const own = await bundled();
    const { code, stdout } = await foretaste(["replay", own]);
    expect(stdout).toMatch(/traffic: \d+ records, \d+ used, 0 in quarantine, 0 left out/);
    expect(code).toBe(0);
    const again = await foretaste(["replay", own, "--resume"]);
    expect(again.stdout).toMatch(/, resumed/);
  });

  it("generate writes the same bytes for the same seed", async () => {
    const own = copyExample("support-agent");
    const files = ["a.jsonl", "b.jsonl"].map((name) => join(own, name));
    for (const file of files) await foretaste(["generate", file, "--sessions", "500", "--seed", "x"]);
    expect(readFileSync(files[0] as string, "utf8")).toBe(readFileSync(files[1] as string, "utf8"));
  });

  it("an identical candidate shows exactly zero difference", async () => {
    const own = await bundled();
    const file = join(own, "foretaste.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace("policies/v2.4.js", "policies/v2.3.js"));
    const { stdout, code } = await foretaste(["compare", own, "--json"]);
    for (const { difference, control, candidate } of (JSON.parse(stdout) as Result).comparison.metrics) {
      expect(candidate).toBe(control);
      expect(difference).toMatchObject({ status: "ok", value: 0 });
    }
    expect(code).toBe(0);
  });
});

describe("wrong usage", () => {
  it.each([
    [["rehearse", "nowhere"], /nowhere: no such file or folder; name a folder with a foretaste\.yaml/],
    [["rehearse", "--threads", "0"], /threads.*whole number/s],
    [["reherse"], /unknown command 'reherse'.*rehearse/s],
    [["rehearse", "--sed", "x"], /unknown option '--sed'.*--seed/s],
    [[], /Usage: foretaste/],
  ])("%j exits with 2 and says what to do", async (args, message) => {
    const { code, stderr } = await foretaste(args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(code).toBe(2);
  });

  it("--help and --version exit with 0", async () => {
    expect((await foretaste(["--help"])).code).toBe(0);
    expect((await foretaste(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
