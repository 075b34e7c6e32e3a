import type { ArmReading } from "../plan/reading.ts";
import { binomialQuantileNear, normalUpperQuantile } from "../statistics/distributions.ts";
import { type QuantileRanks, quantileRanks } from "../statistics/quantiles/quantiles.ts";
import type { Columns } from "./columns.ts";

/** An arm of a guardrail that is read into, look after look. */
export interface MutableReading extends ArmReading {
  estimate: number;
  standardError: number;
  effectiveSample: number;
}

/**
 * Reads an arm of a guardrail from its sums, with the variance of independent sessions times the design effect. A composition is
 * read to first order, with the variance of second order beside it and no value below the draws that it asks for.
 *
 * @param sums     of the guardrail's columns, in their own units
 * @param sessions visible ones of the arm, whether or not they have a value
 */
export function readArm(
  into: MutableReading,
  columns: Columns,
  sums: Float64Array,
  sessions: number,
  designEffect: number,
): void {
  readEstimate(into, columns, sums, sessions);
  readError(into, columns, sums, sessions, designEffect);
}

/** The estimate of {@link readArm} alone, which says most that a look asks; a quantile's before it is known whether it has an error. */
export function readEstimate(into: MutableReading, columns: Columns, sums: Float64Array, sessions: number): void {
  const { guardrail } = columns;
  const { metric } = guardrail.guardrail;
  if (metric.kind === "quantile") {
    into.estimate = quantileAt(guardrail.edges as Float64Array, sums, requestsOf(sums), metric.quantile);
    return;
  }
  const b = denominatorOf(columns, sums, sessions);
  const isKnown = b > 0 && !(metric.kind === "distinct-share" && b < metric.draws);
  into.estimate = isKnown ? guardrail.centre + (sums[0] as number) / b : Number.NaN;
}

/** What {@link readArm} reads beside the estimate, which is there. */
export function readError(
  into: MutableReading,
  columns: Columns,
  sums: Float64Array,
  sessions: number,
  designEffect: number,
): void {
  const { guardrail, kind } = columns;
  const { metric } = guardrail.guardrail;
  if (metric.kind === "quantile") {
    readQuantileError(into, guardrail.edges as Float64Array, sums, metric.quantile, designEffect);
    return;
  }
  if (Number.isNaN(into.estimate)) {
    clear(into);
    return;
  }
  const ratio = kind === "ratio";
  const a = sums[0] as number;
  const b = denominatorOf(columns, sums, sessions);
  const mean = a / b;
  const aa = ratio ? (sums[2] as number) : kind === "mean" ? (sums[1] as number) : a;
  const ab = ratio ? (sums[3] as number) : a;
  const bb = ratio ? (sums[4] as number) : b;
  const n = ratio ? sessions : b;
  const residual = Math.max(0, aa - 2 * mean * ab + mean * mean * bb);
  const variance = n < 2 ? Number.NaN : ((residual * n) / (n - 1) / (b * b)) * designEffect;
  into.standardError = Math.sqrt(variance + guardrail.curvature / (b * b));
  into.effectiveSample = b / designEffect;
}

function denominatorOf({ kind, denominator }: Columns, sums: Float64Array, sessions: number): number {
  if (kind === "ratio") return sums[1] as number;
  return denominator ? (sums[kind === "mean" ? 2 : 1] as number) : sessions;
}

function clear(into: MutableReading): void {
  into.estimate = Number.NaN;
  into.standardError = Number.NaN;
  into.effectiveSample = 0;
}

/** The order-statistic interval of a P-quantile over 2z, from counts by bin. */
function readQuantileError(
  into: MutableReading,
  edges: Float64Array,
  sums: Float64Array,
  p: number,
  designEffect: number,
): void {
  const n = requestsOf(sums);
  const effective = n / designEffect;
  const { lower, upper } = simulatedRanks(effective, p);
  if (lower === null || upper === null) {
    clear(into);
    return;
  }
  const width = quantileAt(edges, sums, n, upper / effective) - quantileAt(edges, sums, n, lower / effective);
  into.standardError = width / (2 * twoSided95);
  into.effectiveSample = effective;
}

function requestsOf(bins: Float64Array): number {
  let n = 0;
  for (let j = 0; j < bins.length; j++) n += bins[j] as number;
  return n;
}

/**
 * Ranks of the 95 % order-statistic interval as `quantileRanks` has them; from n·p·(1 − p) = 400 on to one rank, which is a
 * fortieth of the standard error at most and a thousand times as fast.
 */
export function simulatedRanks(n: number, p: number): QuantileRanks {
  const whole = Math.floor(n);
  if (whole * p * (1 - p) < 400) return exactRanks(whole, p);
  return { lower: binomialQuantileNear(0.025, whole, p), upper: binomialQuantileNear(0.975, whole, p) + 1 };
}

/** Exact ranks of small samples come again and again. */
const known = new Map<number, Map<number, QuantileRanks>>();

function exactRanks(whole: number, p: number): QuantileRanks {
  let ofQuantile = known.get(p);
  if (ofQuantile === undefined) {
    ofQuantile = new Map();
    known.set(p, ofQuantile);
  }
  let found = ofQuantile.get(whole);
  if (found === undefined) {
    found = quantileRanks(whole, p);
    ofQuantile.set(whole, found);
  }
  return found;
}

function quantileAt(edges: Float64Array, sums: Float64Array, n: number, share: number): number {
  const wanted = share * n;
  let below = 0;
  for (let j = 0; j < edges.length; j++) {
    const inside = sums[j] as number;
    if (below + inside >= wanted && inside > 0) {
      const from = edges[Math.max(0, j - 1)] as number;
      return from + ((edges[j] as number) - from) * ((wanted - below) / inside);
    }
    below += inside;
  }
  return edges[edges.length - 1] as number;
}

const twoSided95 = normalUpperQuantile(0.025);
