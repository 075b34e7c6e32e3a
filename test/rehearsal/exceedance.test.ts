import { expect, it } from "vitest";
import { loadProject } from "../../rehearsal/project.ts";
import { rehearse } from "../../rehearsal/rehearse.ts";
import { policyModule, projectFolder, requests, runOptions } from "../support/project-folder.ts";

it("the share of requests beyond a limit is a ratio, compared and simulated as it is", async () => {
  const log = requests(1200, 3).map((request, i) => ({
    ...request,
    at: new Date(Date.UTC(2026, 0, 5) + i * 20_000).toISOString(),
  }));
  const slowEvery = (n: number) => `({ measures: { completed: true, ms: request.n % ${n} === 0 ? 900 : 100 } })`;
  const project = await loadProject(
    projectFolder({
      log,
      files: {
        "control.mjs": policyModule({ version: "1", respond: slowEvery(10) }),
        "candidate.mjs": policyModule({ version: "2", respond: slowEvery(2) }),
      },
      project: {
        metrics: {
          completion: { kind: "proportion", value: "bool_or(completed)", better: "higher" },
          slow: {
            kind: "ratio",
            numerator: "count(*) filter (where ms > 500)",
            denominator: "count(ms)",
            better: "lower",
          },
        },
      },
      plan: {
        margins: { completion: "5pp", slow: "10pp" },
        stages: [
          { name: "half", exposure: "50%", duration: { min: "1h", max: "3h" }, minimumSample: 1, lookEvery: "1h" },
          { name: "full", exposure: "100%" },
        ],
      },
    }),
  );
  const { result } = await rehearse(project, { ...runOptions(), salts: 8, replicatesPerSalt: 10 });
  const slow = result.comparison.metrics.find(({ name }) => name === "slow");
  expect(slow?.control).toBeCloseTo(0.1, 12);
  expect(slow?.candidate).toBeCloseTo(0.5, 12);
  const scenario = (name: string) => result.scenarios.find((own) => own.name === name);
  // 40 points beyond a margin of 10, on some hundred requests
  expect(scenario("as_replayed")?.byMetric.find(({ metric }) => metric === "slow")?.rollback).toBe(1);
  // as many more slow requests as the exposure serves
  expect(scenario("as_replayed")?.costs?.find(({ metric }) => metric === "slow")?.p50).toBeGreaterThan(0);
  expect(scenario("at_margin:slow")).toBeDefined();
});
