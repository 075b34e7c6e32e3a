import { describe, expect, it } from "vitest";
import { hashText } from "../../plan/assignment.ts";
import { decide } from "../../plan/decide.ts";
import type { Margin } from "../../plan/margin.ts";
import { type ControlledStage, controlledStages, type Evidence, evidences, type Plan } from "../../plan/plan.ts";
import { asReplayed, atMargin, candidateValues, noChange } from "../../scenarios/scenario.ts";
import type { Outcomes, Values } from "../../shadow/outcomes.ts";
import { assignUnits } from "../../sim/assign-units.ts";
import { DesignEffects } from "../../sim/design-effect.ts";
import type { Rollout } from "../../sim/rollout.ts";
import { SaltSimulation } from "../../sim/salt-simulation.ts";
import { exposureOrder, simulateSalts } from "../../sim/simulate.ts";
import { type SimulationInput, simulationInput } from "../../sim/simulation-input.ts";
import { randomStream, studyKey } from "../../statistics/random-stream.ts";
import { BucketTables, FirstSeen, simulateRollout } from "../support/plain-engine.ts";
import { guardrail } from "../support/plan.ts";
import { clusteredTraffic, cost, latency, smallPlan, success } from "../support/traffic.ts";

const hour = 3_600_000;
const replicates = 20;

const orderOf = (salt: number) => (r: number) => exposureOrder(randomStream(studyKey("fast"), 2, 1000 * salt + r), 500);

function inputOf(plan: Plan, outcomes: Outcomes): SimulationInput {
  const scenarios = [noChange, asReplayed, ...plan.guardrails.map(atMargin)];
  return simulationInput(
    plan,
    outcomes,
    scenarios.map((own) => ({ name: own.name, candidate: candidateValues(own, outcomes) })),
  );
}

/** Every rollout by itself, in floating point, through `decide`. */
function plainly(input: SimulationInput, salt: number): Rollout[][] {
  const assignment = assignUnits(input.sessions.unitHash, hashText(`fast/${salt}`));
  const longest = Math.max(...controlledStages(input.plan).map(({ maximumMs }) => maximumMs / input.windowMs));
  const values = input.guardrails.map(({ control }) => control);
  const control = new BucketTables(input, assignment, values);
  const firstSeen = new FirstSeen(input, assignment);
  const controlEffects = new DesignEffects(input, values, longest);
  return input.scenarios.map((_, s) => {
    const own = input.guardrails.map(({ candidates }) => candidates[s] as Values);
    const candidate = new BucketTables(input, assignment, own);
    const candidateEffects = new DesignEffects(input, own, longest, controlEffects);
    const world = { input, control, candidate, firstSeen, controlEffects, candidateEffects };
    return Array.from({ length: replicates }, (_, r) => simulateRollout(world, orderOf(salt)(r)));
  });
}

const fast = (input: SimulationInput, salt: number, kernel: "wasm" | "javascript" = "wasm") =>
  new SaltSimulation(input, replicates, kernel).simulate(hashText(`fast/${salt}`), orderOf(salt));

const traffic = clusteredTraffic({ users: 1200 });
const late = (hours: number) => ({ ...cost, name: "late", matureAfterMs: hours * hour });
const tiers: Outcomes = {
  ...traffic,
  attributes: new Map([
    ["tier", { names: ["free", "pro"], codes: Int32Array.from(traffic.unit, (unit) => Number(unit % 3 === 0)) }],
  ]),
  metrics: [...traffic.metrics, { ...(traffic.metrics[1] as Outcomes["metrics"][number]), metric: late(9) }],
};

/** No counts lie exactly at it: there the last bit would decide, which floating point and integers have otherwise. */
function offTies(margin: Margin): Margin {
  const little = Math.PI * 1e-6;
  return margin.kind === "absolute"
    ? { kind: "absolute", loss: margin.loss + little }
    : { kind: "relative", factor: margin.factor + little };
}

/** A plan with all kinds of guardrails: a segment's, a quantile's, one whose truth comes late. */
function plan(evidence: Evidence, others: Partial<Plan> = {}): Plan {
  const base = smallPlan();
  return {
    ...base,
    guardrails: [
      ...base.guardrails,
      guardrail(latency, "30%"),
      guardrail(success, "15pp", { attribute: "tier", value: "pro" }),
      guardrail(late(9), "40%"),
    ].map((own) => ({ ...own, margin: offTies(own.margin) })),
    rule: { ...base.rule, evidence },
    ...others,
  };
}

describe("a salt's rollouts, simulated together on integers,", () => {
  it.each(evidences)("are those of one rollout after another through decide, in every scenario (%s)", (evidence) => {
    const input = inputOf(plan(evidence), tiers);
    const all = [0, 1].map((salt) => fast(input, salt));
    expect(all).toEqual([0, 1].map((salt) => plainly(input, salt)));
    // a law of nothing is no law
    expect(new Set(all.flat(2).map(({ end }) => end)).size).toBeGreaterThan(1);
  });

  it.each(evidences)("decide every look as decide does (%s)", (evidence) => {
    const input = inputOf(plan(evidence), tiers);
    const ended = new Map<string, string>();
    let looks = 0;
    const rollouts = new SaltSimulation(input, 5).simulate(hashText("fast/2"), orderOf(2), true, (seen) => {
      const key = `${seen.scenario}/${seen.replicate}`;
      // whoever has ended is not shown again
      expect(["promoted", undefined]).toContain(ended.get(key));
      const decision = decide(input.plan, seen.look);
      looks += 1;
      if (decision.action === "promote") ended.set(key, "promoted");
      else if (decision.action === "rollback") ended.set(key, "rolledBack");
      else if (decision.final) ended.set(key, "stopped");
      else ended.delete(key);
    });
    expect(looks).toBeGreaterThan(100);
    for (const [s, own] of rollouts.entries()) {
      for (const [r, { end }] of own.entries()) expect(ended.get(`${s}/${r}`)).toBe(end);
    }
  });

  it.each([
    ["timeouts that roll back", { rule: { ...plan("sequential").rule, onTimeout: "rollback" } }],
    ["timeouts that promote", { rule: { ...plan("sequential").rule, onTimeout: "promote" } }],
    [
      "a stage's own margins, floor and timeout",
      {
        stages: smallPlan().stages.map((stage) =>
          stage.kind === "controlled" && stage.name === "tenth"
            ? {
                ...stage,
                margins: { success: { margin: { kind: "absolute" as const, loss: 0.3 }, written: "30pp" } },
                rollbackFloor: 100,
                onTimeout: "promote" as const,
              }
            : stage,
        ),
      },
    ],
    [
      "harm that is none yet",
      {
        guardrails: plan("fixed").guardrails.map((own) => ({
          ...own,
          rollbackAbove: { kind: "relative" as const, factor: own.metric.better === "lower" ? 1.05 : 0.95 },
        })),
      },
    ],
  ])("also with %s", (_, others) => {
    const input = inputOf(plan("sequential", others as Partial<Plan>), tiers);
    expect(fast(input, 3)).toEqual(plainly(input, 3));
  });

  it("are equal to the bit in WebAssembly and in JavaScript", () => {
    const input = inputOf(plan("calibrated"), tiers);
    for (const salt of [4, 5]) expect(fast(input, salt, "javascript")).toEqual(fast(input, salt));
  });

  it("do not depend on which salts were simulated before, or on how many at once", () => {
    const input = inputOf(plan("sequential"), tiers);
    const engine = new SaltSimulation(input, replicates);
    const again = () => engine.simulate(hashText("fast/6"), orderOf(6));
    const first = again();
    engine.simulate(hashText("fast/7"), orderOf(7));
    expect(again()).toEqual(first);
    const few = new SaltSimulation(input, 3).simulate(hashText("fast/6"), orderOf(6));
    expect(few).toEqual(first.map((own) => own.slice(0, 3)));
  });

  it("take values that are equal for the control's own, whichever objects they are", () => {
    const copies: Outcomes = {
      ...tiers,
      metrics: tiers.metrics.map((own) => ({ ...own, candidate: structuredClone(own.control) as Values })),
    };
    const [unchanged, replayed] = fast(inputOf(plan("sequential"), copies), 8);
    expect(replayed).toEqual(unchanged);
  });

  it("keep their sums far below what 32 bits hold, whatever the size of the values", () => {
    const huge: Outcomes = {
      ...traffic,
      metrics: traffic.metrics.map((own) => {
        const grown =
          own.control.kind === "sums"
            ? { ...own.control, numerator: own.control.numerator.map((x) => 1e9 * x) }
            : own.control;
        return own.metric.name === "cost" ? { ...own, control: grown, candidate: grown } : own;
      }),
    };
    const input = inputOf(smallPlan(), huge);
    const same = inputOf(smallPlan(), traffic);
    // a margin of 25 % is one in any unit
    expect(fast(input, 9)[0]).toEqual(fast(same, 9)[0]);
    expect((controlledStages(input.plan)[0] as ControlledStage).name).toBe("tenth");
  });
});

describe("a stage that addresses a segment", () => {
  const where = [{ attribute: "tier", value: "pro" }];
  const [tenth, , half] = smallPlan().stages as readonly ControlledStage[];

  it("is simulated as if the others' sessions were not in the log", () => {
    const codes = (tiers.attributes.get("tier") as { codes: Int32Array }).codes;
    const inside = [...codes.keys()].filter((i) => codes[i] === 1);
    // the log begins with the same session, so that hours begin alike
    const first = inside[0] as number;
    const shift = (traffic.arrivalMs[first] as number) - (traffic.arrivalMs[0] as number);
    expect(shift).toBeLessThan(hour);
    const only = filtered(tiers, inside);
    const stages = [{ ...(half as ControlledStage), minimumSample: 20 }];
    // without the quantile, whose bins are the log's own, and without harm, which is of a share of its sessions
    const guardrails = plan("sequential").guardrails.filter(({ metric }) => metric.kind !== "quantile");
    const among = (outcomes: Outcomes, own: ControlledStage["where"]) => {
      const narrow = plan("sequential", { guardrails, stages: stages.map((stage) => ({ ...stage, where: own })) });
      return fast(inputOf(narrow, outcomes), 10).slice(0, 2);
    };
    const all = among(tiers, where);
    expect(all).toEqual(among(only, []));
    expect(new Set(all.flat().map(({ end }) => end)).size).toBeGreaterThan(1);
  });

  it("exposes units of the segment alone, and those of everyone from the next stage on", () => {
    const pro = new Set([...traffic.unit].filter((unit) => unit % 3 === 0)).size;
    const own = plan("point", {
      stages: [
        { ...(tenth as ControlledStage), name: "pro first", where, minimumSample: 1 },
        { ...(half as ControlledStage), minimumSample: 1 },
      ],
    });
    const ended = fast(inputOf(own, tiers), 11).flat();
    const early = ended.filter(({ stage }) => stage === 0);
    const late = ended.filter(({ stage }) => stage === 1);
    expect([early.length > 0, late.length > 0]).toEqual([true, true]);
    for (const { unitsExposed } of early) expect(unitsExposed).toBeLessThanOrEqual(0.1 * pro);
    for (const { unitsExposed } of late) expect(unitsExposed).toBeGreaterThan(0.1 * pro);
  });
});

describe("a harm that is not always there", () => {
  const own = plan("sequential");
  const harmed = tiers.metrics.map(({ metric, control }) =>
    metric.name === "cost" && control.kind === "sums"
      ? { ...control, numerator: control.numerator.map((value) => 1.4 * value) }
      : control,
  );
  const under = (others: Partial<Parameters<typeof simulationInput>[2][number]>) =>
    fast(simulationInput(own, tiers, [{ name: "own", candidate: harmed, ...others }]), 12)[0] as Rollout[];
  const unchanged = fast(
    simulationInput(own, tiers, [{ name: "own", candidate: tiers.metrics.map(({ control }) => control) }]),
    12,
  )[0] as Rollout[];
  const share = (rollouts: readonly Rollout[]) => rollouts.filter(({ end }) => end === "rolledBack").length;

  it("that begins at once, or from no exposure on, is one that is always there", () => {
    const always = under({});
    expect(share(always)).toBeGreaterThan(share(unchanged));
    expect(under({ course: { kind: "begins", afterMs: 0 } })).toEqual(always);
    expect(under({ fromExposure: 0.1 })).toEqual(always);
  });

  it("that begins after the end, or at a larger exposure than any, is none", () => {
    expect(under({ course: { kind: "begins", afterMs: 1e12 } })).toEqual(unchanged);
    expect(under({ fromExposure: 0.9 })).toEqual(unchanged);
  });

  it("from 25 % on changes nothing in the stages before", () => {
    const early = (rollouts: readonly Rollout[]) =>
      rollouts.map((one) => (one.stage === 0 && one.end !== "promoted" ? one : null));
    const loaded = under({ fromExposure: 0.25 });
    expect(early(loaded)).toEqual(early(unchanged));
    expect(loaded).not.toEqual(unchanged);
  });

  it("that fades harms less than one that stays, and more than none", () => {
    const days = (halfLifeMs: number) => share(under({ course: { kind: "fades", halfLifeMs } }));
    expect(days(1e12)).toBe(share(under({})));
    expect(days(12 * hour)).toBeLessThanOrEqual(share(under({})));
    expect(days(1)).toBe(share(unchanged));
  });
});

it("a salt is after others what it is alone", () => {
  const input = inputOf(plan("sequential"), tiers);
  const engine = new SaltSimulation(input, replicates);
  const one = (salt: number) => engine.simulate(hashText(`fast/${salt}`), orderOf(salt));
  const all = [5, 6, 7, 5].map(one);
  expect(all).toEqual([5, 6, 7, 5].map((salt) => fast(input, salt)));
});

describe("a control that is not the same in all stages", () => {
  const own = plan("sequential");
  const times = (factor: number) =>
    tiers.metrics.map(({ metric, control }) =>
      metric.name === "cost" && control.kind === "sums"
        ? { ...control, numerator: control.numerator.map((value) => factor * value) }
        : control,
    );
  const harmed = times(1.4);
  const control = tiers.metrics.map((metric) => metric.control);
  const under = (controlAt?: (exposure: number) => readonly Values[]) =>
    fast(simulationInput(own, tiers, [{ name: "own", candidate: harmed }], { controlAt }), 13)[0] as Rollout[];
  const usual = under();

  it("is the log's where it always is", () => {
    expect(under(() => control)).toEqual(usual);
  });

  it("is that of a log with these values where they are the same in all stages", () => {
    const half = times(1.2);
    const metrics = tiers.metrics.map((metric, m) => ({ ...metric, control: half[m] as Values }));
    const other = simulationInput(own, { ...tiers, metrics }, [{ name: "own", candidate: harmed }]);
    // squares are centred at the log's control in one, at these values in the other
    expect(under(() => half)).toEqual(fast(other, 13)[0]);
  });

  it("hides the harm that the arms share", () => {
    const ends = under(() => harmed).map(({ end }) => end);
    expect(usual.map(({ end }) => end)).toContain("rolledBack");
    expect(ends).not.toContain("rolledBack");
  });

  it("changes nothing in the stages before", () => {
    const early = (rollouts: readonly Rollout[]) =>
      rollouts.map((one) => (one.stage === 0 && one.end !== "promoted" ? one : null));
    const spilled = under((exposure) => (exposure < 0.25 ? control : times(1.3)));
    expect(early(spilled)).toEqual(early(usual));
    expect(under(() => times(1.3))).not.toEqual(spilled);
  });

  it("counts units once that several stages expose", () => {
    const same = under(() => control);
    expect(same.map(({ unitsExposed }) => unitsExposed)).toEqual(usual.map(({ unitsExposed }) => unitsExposed));
  });
});

describe("units that no draw puts first", () => {
  const own = plan("sequential");
  const buckets = Uint16Array.from(tiers.unitNames, (_, u) => Math.floor((1000 * u) / tiers.unitNames.length));
  const input = simulationInput(own, tiers, [{ name: "own", candidate: tiers.metrics.map(({ control }) => control) }], {
    buckets,
  });

  it("are in their buckets under every salt, with all their copies", () => {
    for (const salt of ["a", "b"]) {
      const assigned = assignUnits(input.sessions.unitHash, hashText(salt), true, input.sessions.buckets);
      for (let u = 0; u < tiers.unitNames.length; u++) {
        const copies = assigned.buckets.slice(assigned.starts[u], assigned.starts[u + 1]);
        expect(new Set(copies).size).toBeLessThanOrEqual(1);
        for (const bucket of copies) expect(bucket).toBe(buckets[u]);
      }
    }
  });

  it("make the rollouts of a salt one rollout, and those of two salts two", () => {
    const [[first], [second]] = simulateSalts({ study: -1, input, seed: "s", salts: [0, 1], replicatesPerSalt: 3 }) as [
      [Rollout[]],
      [Rollout[]],
    ];
    expect(new Set(first.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(first).not.toEqual(second);
  });
});

/** A log of the chosen sessions. */
function filtered(outcomes: Outcomes, chosen: readonly number[]): Outcomes {
  const pick = (own: Values): Values => {
    if (own.kind === "sums") {
      const at = (array: Float64Array) => Float64Array.from(chosen, (i) => array[i] as number);
      return {
        kind: "sums",
        numerator: at(own.numerator),
        denominator: at(own.denominator),
        missing: Uint8Array.from(chosen, (i) => own.missing[i] as number),
      };
    }
    const requests = chosen.map((i) => own.values.slice(own.offsets[i] as number, own.offsets[i + 1] as number));
    const offsets = new Int32Array(chosen.length + 1);
    requests.forEach((values, k) => {
      offsets[k + 1] = (offsets[k] as number) + values.length;
    });
    return { kind: "requests", offsets, values: Float64Array.from(requests.flatMap((values) => [...values])) };
  };
  return {
    ...outcomes,
    sessions: chosen.map((i) => outcomes.sessions[i] as string),
    unit: Int32Array.from(chosen, (i) => outcomes.unit[i] as number),
    arrivalMs: Float64Array.from(chosen, (i) => outcomes.arrivalMs[i] as number),
    endMs: Float64Array.from(chosen, (i) => outcomes.endMs[i] as number),
    attributes: new Map(
      [...outcomes.attributes].map(([name, own]) => [
        name,
        { ...own, codes: Int32Array.from(chosen, (i) => own.codes[i] as number) },
      ]),
    ),
    metrics: outcomes.metrics.map((own) => {
      const control = pick(own.control);
      return { ...own, control, candidate: own.candidate === own.control ? control : pick(own.candidate) };
    }),
  };
}
