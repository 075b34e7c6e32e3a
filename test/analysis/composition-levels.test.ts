import { describe, expect, it } from "vitest";
import { summarizeArm } from "../../analysis/arms.ts";
import type { CompositionMetric } from "../../plan/metric.ts";
import { composed, recomposed } from "../../shadow/compose.ts";
import type { Observed } from "../../shadow/outcomes.ts";
import { byUnit } from "../../statistics/composition/tally.ts";
import { binomialQuantile } from "../../statistics/distributions.ts";
import { upperTailP, welch } from "../../statistics/means/means.ts";
import { type RandomStream, randomStream, studyKey } from "../../statistics/random-stream.ts";
import { everyRow, predictionsOf, shown } from "../support/compositions.ts";

const common = { better: "lower", matureAfterMs: 0, whenFailed: "missing", value: "x" } as const;
const catalogue = 200;
const coverage: CompositionMetric = { ...common, name: "coverage", kind: "distinct-share", draws: 60, catalogue };
const diversity: CompositionMetric = { ...common, name: "diversity", kind: "entropy" };
const calibration: CompositionMetric = {
  ...common,
  name: "calibration",
  kind: "calibration-error",
  probability: "p",
  outcome: "y",
  bins: 10,
};
const drift: CompositionMetric = { ...common, name: "drift", kind: "drift" };

/** What one row shows: items, or predictions. */
interface Row {
  readonly unit: number;
  readonly codes: readonly number[];
  readonly probabilities: readonly number[];
  readonly outcomes: readonly number[];
}

interface World {
  /** categories with probabilities in proportion to 1/rank */
  readonly categories: number;
  /** added to the chance of the outcome */
  readonly gap: number;
  /** added to the rank of every second category that is drawn */
  readonly moved: number;
}

const world: World = { categories: 10, gap: 0, moved: 0 };

/** Units of one to four rows of one to three showings, of which .3 are what the unit likes, and of a luck of its own. */
function rowsOf(units: number, random: RandomStream, { categories, gap, moved }: World = world, first = 0): Row[] {
  const cumulated: number[] = [];
  for (let c = 0; c < categories; c++) cumulated.push((cumulated[c - 1] ?? 0) + 1 / (c + 1));
  const draw = () => {
    const at = random() * (cumulated[categories - 1] as number);
    const code = cumulated.findIndex((edge) => edge >= at);
    return code % 2 === 1 ? Math.min(categories - 1, code + moved) : code;
  };
  return Array.from({ length: units }, (_, u) => {
    const [favourite, luck] = [draw(), 1.6 * (random() - 0.5)];
    return Array.from({ length: 1 + Math.floor(4 * random()) }, () => {
      const many = Array.from({ length: 1 + Math.floor(3 * random()) }, () => random());
      return {
        unit: first + u,
        codes: many.map(() => (random() < 0.3 ? favourite : draw())),
        probabilities: many,
        outcomes: many.map((p) => Number(random() < Math.min(1, p + gap + luck * p * (1 - p)))),
      };
    });
  }).flat();
}

/** Both arms of a rollout, of units of their own, as they are compared. */
function armsOf(metric: CompositionMetric, control: readonly Row[], candidate: readonly Row[], categories: number) {
  const { rows, unit, units, ...values } = lanesOf(metric, control, candidate, categories);
  const arm = (own: typeof values.control) => summarizeArm(metric, own, everyRow(rows), unit, units);
  return { control: arm(values.control), candidate: arm(values.candidate) };
}

function lanesOf(metric: CompositionMetric, control: readonly Row[], candidate: readonly Row[], categories: number) {
  const rows = [...new Set([...control, ...candidate])];
  const lane = (own: readonly Row[]): Observed => {
    const inside = new Set(own);
    const of = <T>(list: (row: Row) => readonly T[]) => rows.map((row) => (inside.has(row) ? list(row) : []));
    return metric.kind === "calibration-error"
      ? {
          kind: "predictions",
          ...predictionsOf(
            of(({ probabilities }) => probabilities),
            of(({ outcomes }) => outcomes),
          ),
        }
      : {
          kind: "categories",
          ...shown(
            of(({ codes }) => codes),
            categories,
          ),
        };
  };
  const unit = Int32Array.from(rows, (row) => row.unit);
  return { rows, unit, units: 1 + Math.max(...unit), ...composed(metric, lane(control), lane(candidate), unit) };
}

describe("an A/A rollout at 1 : 19 with clustered units", () => {
  const [replicates, units, level] = [500, 1500, 0.05];
  /** 8 counts are checked; a method of the nominal level fails one of them once in 10,000 runs */
  const most = binomialQuantile(1 - 1e-4 / 8, replicates, level);
  const least = binomialQuantile(1e-4 / 8, replicates, level);

  it.each<[string, CompositionMetric, Partial<World>, boolean]>([
    ["an entropy", diversity, {}, true],
    ["a share of a catalogue", coverage, { categories: catalogue }, true],
    // where the first order vanishes the test keeps its level and does not reach it
    ["a calibration error of calibrated probabilities", calibration, {}, false],
    ["a drift", drift, {}, false],
  ])("calls %s a rise, or a fall, at most as often as it says", (name, metric, own, nominal) => {
    const here = { ...world, ...own };
    const called = { rise: 0, fall: 0 };
    for (let r = 0; r < replicates; r++) {
      const random = randomStream(studyKey(`level of ${name}`), 1, r);
      const exposed = units / 20;
      const control = rowsOf(units - exposed, random, here);
      const candidate = rowsOf(exposed, random, here, units);
      const arms = armsOf(metric, control, candidate, here.categories);
      const difference = welch(arms.control, arms.candidate);
      if (upperTailP(difference) < level) called.rise += 1;
      if (upperTailP({ ...difference, t: -difference.t }) < level) called.fall += 1;
    }
    for (const count of Object.values(called)) {
      expect(count).toBeLessThanOrEqual(most);
      if (nominal) expect(count).toBeGreaterThanOrEqual(least);
    }
  });
});

describe("what the simulator reads of an arm of 200 of 1,000 units", () => {
  it.each<[string, CompositionMetric, Partial<World>]>([
    ["an entropy", diversity, {}],
    ["a share of a catalogue", coverage, { categories: catalogue }],
    ["a calibration error", calibration, { gap: 0.1 }],
  ])("of %s is what the arm shows by itself, to within a third of its standard error", (name, metric, own) => {
    const random = randomStream(studyKey(`linear form of ${name}`), 1, 0);
    const here = { ...world, ...own };
    const everyone = rowsOf(1000, random, here);
    const whole = { metric, ...lanesOf(metric, everyone, everyone, here.categories) };
    const { unit, units } = whole;
    let apart = 0;
    let error = 0;
    for (let r = 0; r < 100; r++) {
      const exposed = Array.from({ length: units }, () => random() < 0.2);
      const arm = everyRow(everyone).filter((row) => exposed[unit[row] as number]);
      const linear = summarizeArm(metric, whole.control, arm, unit, units);
      const alone = summarizeArm(metric, recomposed(whole, arm, unit).control, arm, unit, units);
      apart += (linear.estimate - alone.estimate) ** 2;
      error += alone.standardError ** 2;
    }
    expect(Math.sqrt(apart / error)).toBeLessThan(1 / 3);
  });
});

describe("the standard error of a difference", () => {
  const replicates = 600;
  /** four standard errors of a standard deviation of as many draws, and a tenth for what is of higher order */
  const tolerance = 4 / Math.sqrt(2 * replicates) + 0.1;

  it.each<[string, CompositionMetric, Partial<World>]>([
    ["an entropy", diversity, {}],
    ["a share of a catalogue", coverage, { categories: catalogue }],
    ["a calibration error", calibration, { gap: 0.2 }],
    ["a drift", drift, { moved: 5 }],
  ])("of %s is that of the bootstrap by unit", (name, metric, own) => {
    const random = randomStream(studyKey(`bootstrap of ${name}`), 1, 0);
    const here = { ...world, ...own };
    const control = rowsOf(600, random, metric.kind === "drift" ? { ...here, moved: 0 } : here);
    const candidate = rowsOf(400, random, here, 600);
    const { standardError } = differenceOf(metric, control, candidate, here);
    const differences = Array.from({ length: replicates }, () => {
      const again = [redrawn(control, random, 0), redrawn(candidate, random, 1000)] as const;
      return differenceOf(metric, ...again, here).difference;
    });
    const mean = differences.reduce((sum, one) => sum + one, 0) / replicates;
    const spread = Math.sqrt(differences.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (replicates - 1));
    expect(Math.abs(standardError / spread - 1)).toBeLessThan(tolerance);
  });

  function differenceOf(metric: CompositionMetric, control: readonly Row[], candidate: readonly Row[], own: World) {
    const arms = armsOf(metric, control, candidate, own.categories);
    return welch(arms.control, arms.candidate);
  }

  /** As many units, drawn with replacement with all their rows, each a unit of its own. */
  function redrawn(rows: readonly Row[], random: RandomStream, first: number): Row[] {
    const units = byUnit(
      Int32Array.from(rows, ({ unit }) => unit),
      everyRow(rows),
    );
    return units.flatMap((_, i) =>
      Array.from(units[Math.floor(random() * units.length)] as Int32Array, (row) => ({
        ...(rows[row] as Row),
        unit: first + i,
      })),
    );
  }
});
