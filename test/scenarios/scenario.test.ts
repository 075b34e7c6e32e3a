import { describe, expect, it } from "vitest";
import type { Harm } from "../../scenarios/harm.ts";
import {
  asReplayed,
  atMargin,
  candidateValues,
  noChange,
  type Scenario,
  scenariosOf,
} from "../../scenarios/scenario.ts";
import { NoRoom } from "../../scenarios/shift.ts";
import type { Values } from "../../shadow/outcomes.ts";
import { outcomes, type Session } from "../support/outcomes.ts";
import { guardrail, plan } from "../support/plan.ts";
import { cost, latency, success } from "../support/traffic.ts";

const refund = { attribute: "workflow", value: "refund" };
const gold = { attribute: "tier", value: "gold" };
const sessions = Array.from(
  { length: 40 },
  (_, i): Session => ({
    attributes: { workflow: i % 4 === 0 ? "refund" : "faq", tier: i % 2 === 0 ? "gold" : "free" },
    values: {
      success: { control: true, candidate: false },
      cost: { control: 2, candidate: 3 },
      latency: { control: [100, 200], candidate: [150] },
    },
  }),
);
const own = outcomes({ metrics: [success, cost, latency], sessions });
const controls = own.metrics.map(({ control }) => control);

const shift = ({ name = "s", ...others }: Partial<Harm> & { readonly name?: string } = {}): Scenario => ({
  kind: "harm",
  name,
  harms: [{ metric: success, size: { kind: "absolute", loss: 0.5 }, where: [], ...others }],
});
const failed = (values: Values | undefined) =>
  values?.kind === "sums" ? [...values.numerator.keys()].filter((i) => values.numerator[i] === 0) : [];

describe("the candidate's values", () => {
  it("as replayed are those of the replay", () => {
    const values = candidateValues(asReplayed, own);
    values.forEach((value, i) => {
      expect(value).toBe(own.metrics[i]?.candidate);
    });
  });

  it("without a change are the control's, the very objects", () => {
    candidateValues(noChange, own).forEach((value, i) => {
      expect(value).toBe(controls[i]);
    });
  });

  it("of a shift are the control's own objects for every metric but the one that is harmed", () => {
    const [a, b, c] = candidateValues(shift({ metric: cost, size: { kind: "relative", factor: 1.5 } }), own);
    expect(a).toBe(controls[0]);
    expect(c).toBe(controls[2]);
    expect(b).not.toBe(controls[1]);
    expect(b).toMatchObject({ numerator: new Float64Array(40).fill(3) });
  });

  it("of a shift for everyone are harmed wherever the size asks", () => {
    expect(failed(candidateValues(shift(), own)[0])).toHaveLength(20);
  });

  it("of a shift in a segment are harmed there only, by a size that counts its sessions", () => {
    const found = failed(candidateValues(shift({ where: [refund] }), own)[0]);
    expect(found).toHaveLength(5);
    expect(found.every((i) => i % 4 === 0)).toBe(true);
  });

  it("of a shift in several segments are harmed where all of them meet", () => {
    const everyFourth = failed(
      candidateValues(shift({ where: [refund, gold], size: { kind: "absolute", loss: 1 } }), own)[0],
    );
    expect(everyFourth).toEqual(Array.from({ length: 10 }, (_, i) => 4 * i));
    const nowhere = shift({
      where: [refund, { attribute: "tier", value: "free" }],
      size: { kind: "absolute", loss: 1 },
    });
    expect(failed(candidateValues(nowhere, own)[0])).toEqual([]);
  });

  it("of a shift without room say so", () => {
    const failing = outcomes({
      metrics: [success],
      sessions: [true, false, false].map((both) => ({ values: { success: { both } } })),
    });
    expect(() => candidateValues(shift(), failing)).toThrow(NoRoom);
  });
});

describe("the scenario at a margin", () => {
  it("has harm of exactly the margin, in the guardrail's segment", () => {
    expect(atMargin(guardrail(success, "25pp", refund))).toEqual({
      kind: "harm",
      name: "at_margin:success@workflow=refund",
      harms: [{ metric: success, size: { kind: "absolute", loss: 0.25 }, where: [refund] }],
      atMargin: "success@workflow=refund",
    });
    expect(atMargin(guardrail(cost, "20%"))).toMatchObject({
      name: "at_margin:cost",
      harms: [{ where: [] }],
      atMargin: "cost",
    });
  });
});

describe("the scenarios of a rehearsal", () => {
  const own = plan({ guardrails: [guardrail(success, "5pp"), guardrail(cost, "20%")] });

  it("are the replay, no change, every margin, then those of the project", () => {
    expect(scenariosOf(own, [shift({ name: "refund broken" })]).map(({ name }) => name)).toEqual([
      "as_replayed",
      "no_change",
      "at_margin:success",
      "at_margin:cost",
      "refund broken",
    ]);
  });

  it("do not repeat what the project names again", () => {
    expect(scenariosOf(own, [noChange, shift({ name: "at_margin:cost" })])).toHaveLength(4);
  });
});
