import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { prepareSimulation } from "../../rehearsal/prepare-simulation.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { scenarioLibrary } from "../../scenarios/library.ts";
import type { OwnScenario } from "../../scenarios/own-scenario.ts";
import type { HarmScenario, ModuleScenario } from "../../scenarios/scenario.ts";
import { projectFolder } from "../support/project-folder.ts";
import { refusal } from "../support/refusal.ts";
import { clusteredTraffic, cost, smallPlan, success } from "../support/traffic.ts";

const lower = { better: "lower" } as const;
const metrics = {
  completion: { kind: "proportion", value: "bool_or(completed)", better: "higher" },
  tool_errors_per_call: { kind: "ratio", numerator: "sum(e)", denominator: "sum(c)", ...lower },
  spent: { kind: "mean", value: "sum(usd)", ...lower, measuredIn: "USD" },
  answer_p95: { kind: "quantile", quantile: 0.95, value: "t", ...lower, measuredIn: "s" },
  blocked: { kind: "proportion", value: "bool_or(b)", ...lower },
  abandoned: { kind: "proportion", value: "bool_or(a)", ...lower },
  ctr: { kind: "ratio", numerator: "sum(k)", denominator: "sum(i)", better: "higher" },
  diversity: { kind: "entropy", value: "category", better: "higher" },
};

function folder(scenarios: readonly unknown[], more: object = {}): string {
  return projectFolder({
    project: {
      traffic: {
        source: "log.jsonl",
        columns: { session: "session", user: "user", at: "at", request: "input" },
        attributes: ["workflow", "region"],
      },
      metrics: { ...metrics, ...more },
      scenarios,
    },
  });
}

const stated = async (scenarios: readonly unknown[], more: object = {}) =>
  (await loadProject(folder(scenarios, more))).scenarios as readonly HarmScenario[];

async function refused(scenarios: readonly unknown[], more?: object): Promise<string> {
  const own = folder(scenarios, more);
  return (await refusal(() => loadProject(own))).replaceAll(`${own}/`, "");
}

describe("the scenarios of a project", () => {
  it("are those of the library that it names, with their defaults or with its own parameters", async () => {
    const own = await stated(["cost_rise", { tool_errors: {} }, { completion_drop: { by: "10pp" } }]);
    expect(own.map(({ name }) => name)).toEqual([
      "cost_rise:spent:20%",
      "tool_errors:tool_errors_per_call:x3",
      "completion_drop:completion:10pp",
    ]);
    expect(own[0]).toMatchObject({ kind: "harm", story: "Every session costs more." });
  });

  it.each(
    scenarioLibrary
      .map(({ name }) => name)
      .filter((name) => !/^(metric_shift|segment_broken|fairness_gap)$/.test(name)),
  )("may be the bare name %s", async (name) => {
    const [scenario] = await stated([name]);
    expect(scenario?.name).toMatch(new RegExp(`^${name}(:|$)`));
  });

  it("do not repeat those of every rehearsal", async () => {
    expect(await stated(["no_change", "as_replayed", "at_margin:completion"])).toEqual([]);
  });

  it("may be several harms at once, under a name, with a course and an exposure", async () => {
    const [own] = await stated([
      {
        name: "own",
        story: "All of it.",
        harms: [{ completion_drop: { by: "5pp" } }, "cost_rise", { latency_tail: { by: "200 ms" } }],
        grows: "7d",
        fromExposure: "25%",
      },
    ]);
    expect(own).toMatchObject({
      kind: "harm",
      name: "own",
      story: "All of it.",
      harms: [
        { metric: { name: "completion" }, size: { kind: "absolute", loss: 0.05 } },
        { metric: { name: "spent" }, size: { kind: "relative", factor: 1.2 } },
        { metric: { name: "answer_p95" }, size: { kind: "absolute", loss: 0.2 } },
      ],
      course: { kind: "grows", overMs: 7 * 86_400_000 },
      fromExposure: 0.25,
    });
  });

  it("that are simulated take course and exposure along", () => {
    const harms = [{ metric: cost, size: { kind: "relative", factor: 1.5 }, where: [] }] as const;
    const scenario: HarmScenario = {
      kind: "harm",
      name: "late",
      harms,
      course: { kind: "begins", afterMs: 3_600_000 },
      fromExposure: 0.3,
    };
    const traffic = clusteredTraffic({ users: 50 });
    const prepare = (own: HarmScenario) => prepareSimulation(smallPlan(), [own], traffic).worlds[0]?.input;
    const { course: _, fromExposure: __, ...always } = scenario;
    expect(prepare(scenario)).not.toEqual(prepare(always));
    expect(prepare(scenario)?.scenarios.at(-1)).toBe("late");
  });

  it("that have no room are left out, and said so", () => {
    const harms = [{ metric: success, size: { kind: "absolute", loss: 0.99 }, where: [] }] as const;
    const { worlds, notes } = prepareSimulation(
      smallPlan(),
      [{ kind: "harm", name: "all gone", harms }],
      clusteredTraffic({ users: 50 }),
    );
    expect(worlds.flatMap(({ input }) => input.scenarios)).not.toContain("all gone");
    expect(notes).toEqual([expect.stringMatching(/^all gone is not simulated: success is 0\.\d+ and cannot fall by /)]);
  });
});

describe("a scenario is refused, with its place and a way out:", () => {
  const twoCosts = { token_cost: { kind: "mean", value: "sum(t)", ...lower } };
  const where = { workflow: "refund" };

  it.each<[string, unknown, RegExp, object?]>([
    ["an unknown name", "tool_erors", /^foretaste\.yaml:\d+: unknown scenario tool_erors; did you mean tool_errors\?$/],
    ["an unknown key", { novlty: {} }, /unknown scenario novlty; did you mean novelty\?$/],
    ["an unknown parameter", { slow_burn: { ovr: "7d" } }, /unknown key ovr in .*slow_burn; did you mean over\?$/],
    ["a wrong parameter", { slow_burn: { over: "7 weeks" } }, /slow_burn\.over is "7 weeks"; write a duration/],
    ["no time", { slow_burn: { over: "0h" } }, /slow_burn\.over is 0; write a duration above 0$/],
    ["a wrong word", { novelty: { looks: "good" } }, /novelty\.looks is "good"; write better or worse$/],
    [
      "a needed parameter, in a name alone",
      "metric_shift",
      /metric_shift has no by; write { metric_shift: { by: 5pp } }$/,
    ],
    [
      "a segment that is needed",
      "fairness_gap",
      /has no where; write { fairness_gap: { where: { workflow: refund } } }$/,
    ],
    ["a segment of nothing", { segment_broken: { by: "5pp" } }, /segment_broken names no segment; write where: /],
    ["no segment behind an average", { refund_workflow_broken: { where: {} } }, /names no segment; write where: /],
    [
      "a metric that must be named",
      { metric_shift: { by: "5pp" } },
      /metric_shift names no metric; write metric: completion$/,
    ],
    [
      "a metric that none is",
      "abandonment",
      /abandonment names no metric, and none of the project is a rate where lower .* in its name; write metric: completion, or another of completion, tool_/,
      { abandoned: undefined },
    ],
    [
      "a metric that two are",
      "cost_rise",
      /cost_rise names no metric, and spent and token_cost are each a mean .*; write metric: spent or metric: token_cost$/,
      twoCosts,
    ],
    ["an unknown metric", { cost_rise: { metric: "spend" } }, /unknown metric spend; did you mean spent\?$/],
    ["an unknown attribute", { cost_rise: { where: { regoin: "eu" } } }, /attribute regoin; did you mean region\?$/],
    [
      "a size that does not fit",
      { cost_rise: { by: "5pp" } },
      /size 5pp of spent is in percentage points, .*; write 20%/,
    ],
    ["a signed size", { completion_drop: { by: "-5pp" } }, /size -5pp of completion is signed; write/],
    [
      "two attributes of one group",
      { fairness_gap: { where: { ...where, region: "eu" } } },
      /names 2 attributes, needs one; /,
    ],
    [
      "an average of a quantile",
      { refund_workflow_broken: { metric: "answer_p95", by: "50%" } },
      /a quantile is no average; /,
    ],
    [
      "the gain of a composition",
      { novelty: { metric: "diversity" } },
      /novelty improves an entropy, which is not simulated; /,
    ],
    [
      "two entries",
      { cost_rise: {}, tool_errors: {} },
      /a scenario has one name; write one entry a scenario, or { name: /,
    ],
    ["nothing", {}, /a scenario has one name; /],
    ["a name without harms", { name: "own" }, /a scenario with name has no harms; write { name: my own, harms: \[/],
    ["a course without harms", { cost_rise: {}, grows: "2d" }, /a scenario with grows has no harms; .*, grows: … }$/],
    ["harms without a name", { harms: ["cost_rise"] }, /a list of harms has no name; write name: my own$/],
    ["no harm", { name: "own", harms: [] }, /harms is \[\]; write at least one harm/],
    [
      "an entry beside harms",
      { name: "own", harms: ["cost_rise"], tool_errors: {} },
      /tool_errors stands beside harms; write it/,
    ],
    [
      "an unknown harm",
      { name: "own", harms: [{ cost_rse: {} }] },
      /unknown scenario cost_rse; did you mean cost_rise\?$/,
    ],
    [
      "a replay as a harm",
      { name: "own", harms: ["no_change"] },
      /unknown scenario no_change; known are completion_drop, /,
    ],
    ["two courses", { name: "own", harms: ["cost_rise"], grows: "2d", fades: "1d" }, /fades and grows; write one of/],
    [
      "a course inside",
      { name: "own", harms: ["slow_burn"] },
      /slow_burn:\S+ has a time or an exposure of its own, .*; write /,
    ],
    [
      "an entry about more than harm among several",
      { name: "both", harms: ["cost_rise", "low_traffic"] },
      /low_traffic:25% is about more than harm, .*; write metric_shift here, and traffic, late, .* beside harms$/,
    ],
    [
      "a control that is harmed from a time on",
      { name: "both", harms: ["cost_rise"], mixed: "5%", grows: "2d" },
      /harm that reaches the control has a time or an exposure of its own, .*; write mixed and spilled without/,
    ],
    ["nobody", { low_traffic: { share: "0%" } }, /low_traffic\.share is 0; write a percentage above 0%$/],
    ["a condition without harms", { traffic: "5%" }, /a scenario with traffic has no harms; write \{ name: my own, /],
    ["a module that is not there", { module: "none.js" }, /none\.js does not exist; check the path: it is .*none\.js$/],
    ["something beside a module", { module: "a.js", name: "b" }, /name stands beside module; say it in the module/],
    [
      "a name that is taken",
      { name: "no_change", harms: ["cost_rise"] },
      /no_change is always rehearsed; call yours otherwise$/,
    ],
  ])("%s", async (_, scenario, message, more = {}) => {
    expect(await refused([scenario], more)).toMatch(message);
  });

  it("the same twice", async () => {
    expect(await refused(["cost_rise", { cost_rise: { by: "20%" } }])).toMatch(
      /there are two scenarios cost_rise:spent:20%; remove one, or call it otherwise$/,
    );
  });

  it("all of them at once, each at its line", async () => {
    const message = await refused(["cost_rse", "cost_rise", { tool_errors: { metric: "x" } }]);
    const lines = message.split("\n").map((line) => Number(/^foretaste\.yaml:(\d+): /.exec(line)?.[1]));
    expect(lines).toHaveLength(2);
    expect(lines[1]).toBeGreaterThan(lines[0] as number);
  });
});

describe("a scenario of a module", () => {
  const withModule = (text: string) => {
    const own = folder([{ module: "own/mine.mjs" }]);
    mkdirSync(join(own, "own"));
    writeFileSync(join(own, "own", "mine.mjs"), text);
    return own;
  };

  it("is named from the project's folder, and knows where it is named", async () => {
    const own = withModule(`export default { name: "mine", story: "It breaks.", change: () => ({ spent: 3 }) };`);
    const [scenario] = (await loadProject(own)).scenarios;
    expect(scenario).toMatchObject({ kind: "own", name: "mine", story: "It breaks." });
    expect((scenario as ModuleScenario).place).toMatch(/foretaste\.yaml:\d+$/);
  });

  it.each([
    ["nothing", "export const a = 1;"],
    ["no change", `export default { name: "mine" };`],
    ["no name", "export default { change: () => undefined };"],
  ])("that exports %s is refused", async (_, text) => {
    expect(await refusal(() => loadProject(withModule(text)))).toMatch(
      /foretaste\.yaml:\d+: own\/mine\.mjs exports no scenario by default; write export default defineScenario/,
    );
  });

  it("that throws is told by its message", async () => {
    expect(await refusal(() => loadProject(withModule(`throw new Error("not today");`)))).toMatch(
      /mine\.mjs cannot be loaded \(not today\)/,
    );
  });

  it("may have the name of no other", async () => {
    expect(
      await refusal(() => loadProject(withModule(`export default { name: "no_change", change: () => undefined };`))),
    ).toMatch(/no_change is always rehearsed/);
  });

  it("that the page shows does what it says", async () => {
    const page = readFileSync(new URL("../../docs/scenarios.md", import.meta.url), "utf8");
    const [, text = ""] = /```ts\n(.*?)```/s.exec(page) ?? [];
    const index = new URL("../../index.ts", import.meta.url).href;
    const file = join(folder([]), "shown.ts");
    writeFileSync(file, text.replace('"foretaste"', JSON.stringify(index)));
    const { default: shown } = (await import(pathToFileURL(file).href)) as { readonly default: OwnScenario };
    const session = { id: "s", unit: "u", at: 0, values: { answer_tokens: 40, completion: 1 } };
    const change = (workflow: string, chance: number) => shown.change({ ...session, attributes: { workflow }, chance });
    expect(change("refund", 0.5)).toEqual({ answer_tokens: 80 });
    expect(change("refund", 0.05)).toEqual({ answer_tokens: 80, completion: 0 });
    expect(change("faq", 0.05)).toBeUndefined();
  });
});

describe("scenarios under conditions of their own", () => {
  const traffic = clusteredTraffic({ users: 300 });
  const conditions: readonly NonNullable<HarmScenario["conditions"]>[] = [
    { traffic: 0.3 },
    { late: { metrics: ["success"], byMs: 3_600_000 } },
    { contamination: 0.2 },
    { routing: "power_users" },
  ];
  const harms = [{ metric: success, size: { kind: "absolute", loss: 0.05 }, where: [] }] as const;
  const { worlds } = prepareSimulation(
    smallPlan(),
    conditions.map((own, i) => ({ kind: "harm", name: `own ${i}`, harms, conditions: own })),
    traffic,
  );

  it("are each simulated in a world of their own, with the samples that the log promised", () => {
    expect(worlds.slice(1).map(({ input }) => input.scenarios)).toEqual(conditions.map((_, i) => [`own ${i}`]));
    for (const { input } of worlds) expect(input.plan.calibration).toEqual(worlds[0]?.input.plan.calibration);
    expect(worlds[0]?.input.scenarios).not.toContain("own 0");
  });

  it("that leave nobody are left out, and said so", () => {
    const { notes } = prepareSimulation(
      smallPlan(),
      [{ kind: "harm", name: "none", harms, conditions: { traffic: 1e-9 } }],
      traffic,
    );
    expect(notes).toEqual([expect.stringMatching(/^none is not simulated: none of the log's 300 units is among/)]);
  });
});

describe("the page on scenarios", () => {
  const page = readFileSync(new URL("../../docs/scenarios.md", import.meta.url), "utf8");
  const usual = (value: unknown) =>
    typeof value === "object" ? `{ ${Object.entries(value as object).map(([key, own]) => `${key}: ${own}`)} }` : value;

  it.each(scenarioLibrary)("has a row for $name, with its story, its parameters and their defaults", (entry) => {
    const row = page.split("\n").find((line) => line.startsWith(`| \`${entry.name}\` | `));
    const { properties } = z.toJSONSchema(z.object(entry.parameters.shape), { io: "input" }) as {
      properties: Readonly<Record<string, { readonly default?: unknown }>>;
    };
    const parameters = Object.entries(properties).map(([name, own]) =>
      own.default === undefined ? `\`${name}\`` : `\`${name}: ${usual(own.default)}\``,
    );
    expect(row?.split(" | ").slice(1, 3)).toEqual([entry.story, parameters.join(", ")]);
  });

  it("names no entry that there is not", () => {
    const [table = ""] = page.slice(page.indexOf("## The library")).split("\n\n`by`");
    const named = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    expect(named).toEqual(scenarioLibrary.map(({ name }) => name));
  });

  it.each([...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml]) => yaml as string))(
    "has examples that parse:\n%s",
    async (yaml) => {
      const { scenarios } = parse(yaml) as { readonly scenarios: readonly unknown[] };
      expect(await stated(scenarios)).toHaveLength(scenarios.length);
    },
  );
});
