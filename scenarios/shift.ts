import { finalize, hashText } from "../plan/assignment.ts";
import type { Margin } from "../plan/margin.ts";
import { harmSign, type Metric } from "../plan/metric.ts";
import type { Composition, Values } from "../shadow/outcomes.ts";

/** A shift asks for more harm than there is room for. */
export class NoRoom extends RangeError {}

/**
 * The values of a metric with harm of exactly a given size, coupled to the values they come from.
 *
 * Proportion: as many sessions fail as the size asks for, drawn evenly along the log, so that the harm is as large in every
 * stretch of it. Mean and quantile: every value
 * moves by the size, or is multiplied. Ratio: every numerator moves by size · denominator, or is multiplied; multiplying
 * keeps zeros and so makes a rare count rarer and larger than real errors would be. Composition: as a ratio, and the harm of
 * a squared distance varies with its root, along one direction.
 *
 * @param mask 1 for the sessions that are harmed, null for all
 * @param sessions names of the sessions, which decide who fails
 * @returns the mean over the masked sessions differs from that of `values` by the size, to one session of a proportion
 * @throws NoRoom when a proportion has not enough successes to lose (or failures to gain), and when the harm is a share of
 *   a control that is not above zero
 */
export function shifted(
  values: Values,
  metric: Metric,
  size: Margin,
  sessions: readonly string[],
  mask: Uint8Array | null = null,
): Values {
  const harmed = (i: number) => mask === null || mask[i] === 1;
  if (values.kind === "requests") return shiftRequests(values, metric, size, harmed);
  if (metric.kind === "proportion") return flipSessions(values, metric, size, sessions, harmed);
  if (values.composition) requireValue(metric, values.composition);
  if (size.kind === "relative")
    requirePositive(
      metric,
      values.numerator.filter((_, i) => harmed(i)),
    );
  const sign = harmSign(metric);
  const noise = noiseOfHarm(values, size);
  return {
    ...values,
    numerator: values.numerator.map((numerator, i) => {
      if (!harmed(i)) return numerator;
      const moved =
        size.kind === "relative"
          ? numerator * size.factor
          : numerator + sign * size.loss * (values.denominator[i] as number);
      return moved + noise(i);
    }),
  };
}

function requireValue(metric: Metric, { undetermined }: Composition): void {
  if (undetermined !== null) throw new NoRoom(`${metric.name} has no value: ${undetermined}`);
}

/** What a session adds to the variance of a distance that has grown: nothing to sums, which vary as before. */
function noiseOfHarm(values: Extract<Values, { kind: "sums" }>, size: Margin): (session: number) => number {
  const direction = values.composition?.direction;
  if (!direction) return () => 0;
  const total = (column: Float64Array) => column.reduce((sum, own) => sum + own, 0);
  const harm =
    size.kind === "absolute"
      ? size.loss
      : (size.factor - 1) * (total(values.numerator) / (total(values.denominator) || 1));
  return (session) => Math.sqrt(harm) * (direction[session] as number);
}

/** A factor of zero is no harm, and one of a negative number an improvement. */
function requirePositive(metric: Metric, values: Float64Array): void {
  let sum = 0;
  for (const value of values) sum += value;
  if (!(sum > 0)) throw new NoRoom(`${metric.name} is not above zero: a share of it is no harm`);
}

function shiftRequests(
  values: Extract<Values, { kind: "requests" }>,
  metric: Metric,
  size: Margin,
  harmed: (session: number) => boolean,
): Values {
  const sign = harmSign(metric);
  if (size.kind === "relative") requirePositive(metric, values.values);
  const moved = values.values.slice();
  for (let i = 0; i + 1 < values.offsets.length; i++) {
    if (!harmed(i)) continue;
    for (let k = values.offsets[i] as number; k < (values.offsets[i + 1] as number); k++) {
      const own = moved[k] as number;
      moved[k] = size.kind === "relative" ? own * size.factor : own + sign * size.loss;
    }
  }
  return { ...values, values: moved };
}

function flipSessions(
  values: Extract<Values, { kind: "sums" }>,
  metric: Metric,
  size: Margin,
  sessions: readonly string[],
  harmed: (session: number) => boolean,
): Values {
  const bad = metric.better === "lower" ? 1 : 0;
  let n = 0;
  let sum = 0;
  const good: number[] = [];
  for (let i = 0; i < values.numerator.length; i++) {
    if (!harmed(i) || values.missing[i] === 1) continue;
    n += 1;
    sum += values.numerator[i] as number;
    if (values.numerator[i] !== bad) good.push(i);
  }
  const rate = n === 0 ? 0 : sum / n;
  const loss = size.kind === "absolute" ? size.loss : Math.abs(rate * (size.factor - 1));
  const flips = Math.round(loss * n);
  if (size.kind === "relative" && flips === 0) {
    throw new NoRoom(`${metric.name} is ${rate.toPrecision(3)}: a share of it is not one session`);
  }
  if (flips > good.length) {
    throw new NoRoom(
      `${metric.name} is ${rate.toPrecision(3)} and cannot ${bad === 1 ? "rise" : "fall"} by ${loss.toPrecision(3)}`,
    );
  }
  const numerator = values.numerator.slice();
  for (const i of spread(good, flips, sessions)) numerator[i] = bad;
  return { ...values, numerator };
}

/** So many of the candidates, one of each of as many equal stretches: the one with the smallest hash. */
function spread(candidates: readonly number[], count: number, sessions: readonly string[]): number[] {
  return Array.from({ length: count }, (_, k) => {
    const [from, to] = [k, k + 1].map((own) => Math.floor((own * candidates.length) / count)) as [number, number];
    let [chosen, smallest] = [candidates[from] as number, Number.POSITIVE_INFINITY];
    for (let j = from; j < to; j++) {
      const own = candidates[j] as number;
      const drawn = finalize(hashText(sessions[own] as string)[1] ^ flipSalt);
      if (drawn < smallest) [chosen, smallest] = [own, drawn];
    }
    return chosen;
  });
}

/** Keeps the choice of sessions apart from their assignment to arms. */
const flipSalt = 0x51ed270b;
