import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { foretaste } from "../support/run-cli.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

describe("foretaste power", () => {
  it("answers as the README says", async () => {
    const [, block = ""] = /<!-- output of foretaste power -->\n```console\n([^`]*)```/.exec(readme) ?? [];
    const runs = block.split(/^\$ npx foretaste /m).slice(1);
    expect(runs).toHaveLength(3);
    for (const run of runs) {
      const [command = "", ...lines] = run.trimEnd().split("\n");
      const { code, stdout } = await foretaste(command.split(" "));
      expect(stdout.trimEnd().split("\n")).toEqual(lines);
      expect(code).toBe(0);
    }
  });

  it("gives the answer as JSON", async () => {
    const { stdout } = await foretaste([
      "power",
      "--deviation",
      "40",
      "--difference",
      "-5",
      "--exposure",
      "0.5",
      "--json",
    ]);
    // two samples, t, R's power.t.test(delta = 5, sd = 40, power = .8): n = 1005.6
    expect(JSON.parse(stdout)).toMatchObject({ question: { exposure: 0.5 }, units: { status: "ok" } });
    expect(JSON.parse(stdout).units.candidate).toBeCloseTo(1005.6, 0);
  });

  it.each([
    [["--rate", "20%"], /--difference is missing; state what is to be found/],
    [[], /0 of --units, --rate and --deviation are given; give one of them/],
    [["--rate", "20%", "--deviation", "3", "--difference", "1"], /2 of --units/],
    [["--rate", "120%", "--difference", "1pp"], /--rate: 120% is not a share between 0 and 1; write 5% or 0.05/],
    [["--rate", "99%", "--difference", "2pp"], /--difference: 2pp leads from 99 % out of 0 to 100 %/],
    [["--rate", "20%", "--difference", "2"], /--difference: 2 is not one of rates; write 2pp/],
    [["--rate", "20%", "--difference", "0pp"], /--difference: 0 is not a difference/],
    [["--units", "-5"], /--units: -5 is not a number above 0/],
    [["--units", "5", "--per-day", "many"], /--per-day: many is not a number above 0/],
    [["--units", "5", "--exposure", "100%"], /--exposure: 100% is not a share between 0 and 1/],
  ] as const)("refuses %j with place, problem and way out", async (given, message) => {
    const { code, stderr } = await foretaste(["power", ...given]);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});
