import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashText, position } from "../../plan/assignment.ts";
import type { Margin } from "../../plan/margin.ts";
import type { Metric } from "../../plan/metric.ts";
import { NoRoom, shifted } from "../../scenarios/shift.ts";
import type { Values } from "../../shadow/outcomes.ts";
import { normalUpperQuantile } from "../../statistics/distributions.ts";
import { type Own, outcomes } from "../support/outcomes.ts";
import { cost, errors, latency, success } from "../support/traffic.ts";

type Sums = Extract<Values, { kind: "sums" }>;
type Requests = Extract<Values, { kind: "requests" }>;

const failures: Metric = { ...success, name: "failures", better: "lower" };
const score: Metric = { ...cost, name: "score", better: "higher" };
const absolute = (loss: number): Margin => ({ kind: "absolute", loss });
const relative = (factor: number): Margin => ({ kind: "relative", factor });

function values<V extends Values>(
  metric: Metric,
  own: readonly Own[],
): { readonly control: V; readonly sessions: readonly string[] } {
  const made = outcomes({ metrics: [metric], sessions: own.map((both) => ({ values: { [metric.name]: { both } } })) });
  return { control: made.metrics[0]?.control as V, sessions: made.sessions };
}

const mask = (length: number, harmed: (i: number) => boolean) =>
  Uint8Array.from({ length }, (_, i) => Number(harmed(i)));
const maybe = fc.option(fc.boolean(), { nil: null, freq: 8 });

/** Flips of a shift: sessions whose value changed, with what it was and is. */
function flips({ numerator: before }: Sums, { numerator: after }: Sums) {
  return [...before.keys()].filter((i) => before[i] !== after[i]).map((i) => ({ i, was: before[i], is: after[i] }));
}

describe("harm of a proportion", () => {
  const metric = fc.constantFrom(success, failures);
  const sizes = fc.oneof(
    fc.integer({ min: 1, max: 60 }).map((points) => absolute(points / 100)),
    fc.integer({ min: 1, max: 90 }).map((percent) => ({ percent })),
  );

  it("is the size asked, to one session, by failures inside the segment only, and leaves missing values alone", () => {
    let shifts = 0;
    fc.assert(
      fc.property(
        metric,
        fc.array(maybe, { minLength: 1, maxLength: 80 }),
        fc.array(fc.boolean(), { minLength: 80, maxLength: 80 }),
        sizes,
        fc.boolean(),
        (own, sessionValues, inSegment, asked, everyone) => {
          const higher = own.better === "higher";
          const size =
            "percent" in asked ? relative(higher ? 1 - asked.percent / 100 : 1 + asked.percent / 100) : asked;
          const { control, sessions } = values<Sums>(own, sessionValues);
          const harmed = everyone ? null : mask(sessions.length, (i) => inSegment[i] as boolean);
          const present = [...sessions.keys()].filter((i) => control.missing[i] === 0 && harmed?.[i] !== 0);
          const total = present.reduce((sum, i) => sum + (control.numerator[i] as number), 0);
          const loss = size.kind === "absolute" ? size.loss * present.length : Math.abs(total * (size.factor - 1));
          const bad = higher ? 0 : 1;
          const room = present.filter((i) => control.numerator[i] !== bad).length;
          // a share of nearly nothing is no harm: the scenario would be one without a change
          if (Math.round(loss) > room || (size.kind === "relative" && Math.round(loss) === 0)) {
            expect(() => shifted(control, own, size, sessions, harmed)).toThrow(NoRoom);
            return;
          }
          shifts += 1;
          const after = shifted(control, own, size, sessions, harmed) as Sums;
          const changed = flips(control, after);
          expect(Math.abs(changed.length - loss)).toBeLessThanOrEqual(0.5 + 1e-9);
          for (const { i, is } of changed) {
            expect(present).toContain(i);
            expect(is).toBe(bad);
          }
          expect(after.denominator).toBe(control.denominator);
          expect(after.missing).toBe(control.missing);
        },
      ),
      { numRuns: 500 },
    );
    expect(shifts).toBeGreaterThan(100);
  });

  const many = values<Sums>(
    success,
    Array.from({ length: 2000 }, (_, i) => i % 10 < 9),
  );
  const failed = (size: Margin) =>
    new Set(flips(many.control, shifted(many.control, success, size, many.sessions) as Sums).map(({ i }) => i));

  it("leaves the values that it comes from as they were", () => {
    const before = many.control.numerator.slice();
    shifted(many.control, success, absolute(0.05), many.sessions);
    expect(many.control.numerator).toEqual(before);
  });

  it("lets the sessions of a smaller harm fail in a larger one too", () => {
    const [small, large] = [failed(absolute(0.03)), failed(absolute(0.2))];
    expect([small.size, large.size]).toEqual([60, 400]);
    expect([...small].every((i) => large.has(i))).toBe(true);
  });

  it("chooses sessions by name, not by their place in the log", () => {
    const order = [...many.sessions.keys()].reverse();
    const reversed: Sums = { ...many.control, numerator: many.control.numerator.slice().reverse() };
    const names = order.map((i) => many.sessions[i] as string);
    const after = shifted(reversed, success, absolute(0.05), names) as Sums;
    const byName = new Set(flips(reversed, after).map(({ i }) => names[i]));
    expect(byName).toEqual(new Set([...failed(absolute(0.05))].map((i) => many.sessions[i])));
  });

  it("chooses sessions apart from their assignment to arms", () => {
    const salt = hashText("salt");
    const harmed = [...failed(absolute(0.5))];
    const exposed = harmed.filter((i) => position(hashText(many.sessions[i] as string), salt) < 0.25).length;
    const standardError = Math.sqrt(harmed.length * 0.25 * 0.75);
    // one in a million
    expect(Math.abs(exposed - harmed.length * 0.25)).toBeLessThan(normalUpperQuantile(5e-7) * standardError);
  });

  it("has no room beyond its successes, and says so", () => {
    const { control, sessions } = values<Sums>(success, [true, false, false, false]);
    expect(() => shifted(control, success, absolute(0.5), sessions)).toThrow(
      new NoRoom("success is 0.250 and cannot fall by 0.500"),
    );
    expect(() => shifted(control, failures, relative(6), sessions)).toThrow(
      new NoRoom("failures is 0.250 and cannot rise by 1.25"),
    );
  });

  it("takes all the room there is", () => {
    const { control, sessions } = values<Sums>(success, [true, false, true, false]);
    expect((shifted(control, success, absolute(0.5), sessions) as Sums).numerator).toEqual(Float64Array.of(0, 0, 0, 0));
  });

  it("of an empty segment is none", () => {
    const { control, sessions } = values<Sums>(success, [true, false]);
    const after = shifted(
      control,
      success,
      absolute(0.5),
      sessions,
      mask(2, () => false),
    ) as Sums;
    expect(after.numerator).toEqual(control.numerator);
  });
});

describe("harm of a mean", () => {
  const { control, sessions } = values<Sums>(cost, [1, null, 3, 10]);
  const moved = (metric: Metric, size: Margin, only: Uint8Array | null = null) =>
    shifted(control, metric, size, sessions, only) as Sums;

  it("moves every value by an absolute size, in the direction of harm", () => {
    expect(moved(cost, absolute(2)).numerator).toEqual(Float64Array.of(3, 0, 5, 12));
    expect(moved(score, absolute(2)).numerator).toEqual(Float64Array.of(-1, 0, 1, 8));
  });

  it("multiplies every value by a relative one", () => {
    expect(moved(cost, relative(1.5)).numerator).toEqual(Float64Array.of(1.5, 0, 4.5, 15));
    expect(moved(score, relative(0.5)).numerator).toEqual(Float64Array.of(0.5, 0, 1.5, 5));
  });

  it("stays inside the segment", () => {
    expect(
      moved(
        cost,
        absolute(2),
        mask(4, (i) => i >= 2),
      ).numerator,
    ).toEqual(Float64Array.of(1, 0, 5, 12));
    expect(
      moved(
        cost,
        relative(2),
        mask(4, (i) => i === 0),
      ).numerator,
    ).toEqual(Float64Array.of(2, 0, 3, 10));
  });

  it("keeps missing values missing", () => {
    expect(moved(cost, absolute(2)).missing).toBe(control.missing);
    expect(moved(cost, absolute(2)).denominator).toBe(control.denominator);
  });
});

describe("harm of a ratio", () => {
  const over = (numerator: number, denominator: number): Own => ({ over: [numerator, denominator] });
  const { control, sessions } = values<Sums>(errors, [over(1, 10), over(0, 4), null, over(2, 6), over(0, 0)]);
  const ratio = ({ numerator, denominator }: Sums) =>
    numerator.reduce((a, b) => a + b, 0) / denominator.reduce((a, b) => a + b, 0);

  it("is the size asked of the ratio of sums, whatever the denominators", () => {
    const absoluteHarm = shifted(control, errors, absolute(0.05), sessions) as Sums;
    expect(ratio(absoluteHarm) - ratio(control)).toBeCloseTo(0.05, 12);
    expect(absoluteHarm.numerator[1]).toBeCloseTo(0.2, 12);
    expect(ratio(shifted(control, errors, relative(3), sessions) as Sums)).toBeCloseTo(3 * ratio(control), 12);
  });

  it("is none where nothing was counted", () => {
    const { numerator } = shifted(control, errors, absolute(0.05), sessions) as Sums;
    expect([numerator[2], numerator[4]]).toEqual([0, 0]);
  });
});

describe("harm of a quantile", () => {
  const { control, sessions } = values<Requests>(latency, [[100, 300], null, [50], [20, 30, 40]]);

  it("moves or multiplies every request of the harmed sessions", () => {
    const of = (size: Margin, only: Uint8Array | null = null) =>
      (shifted(control, latency, size, sessions, only) as Requests).values;
    expect(of(absolute(200))).toEqual(Float64Array.of(300, 500, 250, 220, 230, 240));
    expect(of(relative(2))).toEqual(Float64Array.of(200, 600, 100, 40, 60, 80));
    expect(
      of(
        relative(2),
        mask(4, (i) => i === 3),
      ),
    ).toEqual(Float64Array.of(100, 300, 50, 40, 60, 80));
  });

  it("leaves the requests that it comes from, and how many each session has", () => {
    const before = control.values.slice();
    const after = shifted(control, latency, absolute(200), sessions) as Requests;
    expect(control.values).toEqual(before);
    expect(after.offsets).toBe(control.offsets);
  });
});

describe("harm of any size", () => {
  it("is exactly the size asked of a mean, a ratio and a quantile, and turns with the direction", () => {
    const numbers = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 500 }), fc.boolean(), (own, loss, higher) => {
        const metric = higher ? score : cost;
        const { control, sessions } = values<Sums>(metric, own);
        const mean = (sums: Sums) => sums.numerator.reduce((a, b) => a + b, 0) / own.length;
        const fallen = mean(shifted(control, metric, absolute(loss), sessions) as Sums);
        expect(fallen - mean(control)).toBeCloseTo(higher ? -loss : loss, 6);
        const factor = higher ? 1 - loss / 501 : 1 + loss / 501;
        const times = mean(shifted(control, metric, relative(factor), sessions) as Sums);
        expect(times / mean(control)).toBeCloseTo(factor, 9);
      }),
    );
  });
});
