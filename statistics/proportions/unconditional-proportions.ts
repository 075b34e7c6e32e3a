import { logChoose } from "../distributions.ts";
import { type TestResult, undetermined } from "../estimate.ts";
import { lowestPoint } from "../line-search.ts";
import { requireWhole, tablesOf } from "./exact-proportions.ts";
import type { Count } from "./proportions.ts";

/**
 * Boschloo's exact test of two proportions: Fisher's p-value as the statistic, and the worst case over the unknown common
 * rate. It holds its level and is never weaker than Fisher's one-sided test.
 *
 * @returns `statistic` is Fisher's smaller one-sided p; two-sided is twice the smaller one-sided p (as scipy; not R's
 *   `Exact`, which orders by Fisher's two-sided p); undetermined when an arm has no trials, when all trials came out
 *   alike, and above 4 million tables or 20,000 trials, where `scoreTest` is as good
 * @throws RangeError for counts that are impossible or not whole
 *
 * Source: Boschloo (1970), Statistica Neerlandica 24:1–35.
 */
export function boschlooExact(control: Count, candidate: Count): TestResult {
  requireWhole("boschlooExact", control, candidate);
  const reason = outOfReach(control, candidate);
  if (reason !== null) return undetermined(reason);
  const greater = boschlooGreater(control, candidate);
  const less = boschlooGreater(failuresOf(control), failuresOf(candidate));
  return {
    status: "ok",
    statistic: Math.min(greater.fisher, less.fisher),
    less: less.p,
    greater: greater.p,
    twoSided: Math.min(1, 2 * Math.min(less.p, greater.p)),
  };
}

/**
 * Barnard's exact test of two proportions: the pooled z as the statistic, and the worst case over the unknown common
 * rate. It holds its level; at very unequal arms Boschloo's test is usually stronger.
 *
 * @returns `statistic` is the pooled z; undetermined when an arm has no trials, when all trials came out alike, and above
 *   4 million tables or 20,000 trials, where `scoreTest` is as good
 * @throws RangeError for counts that are impossible or not whole
 *
 * Source: Barnard (1947), Biometrika 34:123–138; Suissa & Shuster (1985), JRSS A 148:317–327 (pooled z).
 */
export function barnardExact(control: Count, candidate: Count): TestResult {
  requireWhole("barnardExact", control, candidate);
  const reason = outOfReach(control, candidate);
  if (reason !== null) return undetermined(reason);
  const z = pooledZ(control.n, candidate.n, control.events, candidate.events);
  const slack = 1e-12 * Math.abs(z);
  const worst = (extreme: (own: number) => boolean) =>
    worstCase(
      conditionalShares(control.n, candidate.n, (events, k) => extreme(pooledZ(control.n, candidate.n, events - k, k))),
    );
  return {
    status: "ok",
    statistic: z,
    less: worst((own) => own <= z + slack),
    greater: worst((own) => own >= z - slack),
    twoSided: worst((own) => Math.abs(own) >= Math.abs(z) - slack),
  };
}

function outOfReach(control: Count, candidate: Count): string | null {
  if (control.n === 0 || candidate.n === 0) return "an arm has no trials";
  const events = control.events + candidate.events;
  if (events === 0 || events === control.n + candidate.n) return "all trials came out alike";
  const tables = (control.n + 1) * (candidate.n + 1);
  if (tables > 4e6 || control.n + candidate.n > 20_000) return `${tables} tables are too many to enumerate`;
  return null;
}

/** Integers until the last step, so that equal tables have equal z; 0 where all trials came out alike. */
function pooledZ(n0: number, n1: number, x0: number, x1: number): number {
  const events = x0 + x1;
  const total = n0 + n1;
  const variance = events * (total - events);
  return variance === 0 ? 0 : ((x1 * n0 - x0 * n1) / Math.sqrt(variance)) * Math.sqrt(total / (n0 * n1));
}

function failuresOf({ events, n }: Count): Count {
  return { events: n - events, n };
}

/** Fisher's P(candidate ≥ observed) and its worst case over the common rate. */
function boschlooGreater(control: Count, candidate: Count): { readonly fisher: number; readonly p: number } {
  const n = control.n + candidate.n;
  const own = upperTails(control.n, candidate.n, control.events + candidate.events);
  const fisher = own.tails[candidate.events - own.lowest] as number;
  const shares = new Float64Array(n + 1);
  for (let events = 0; events <= n; events++) {
    // the largest of this row's tails that is not above the observed one, ties by rounding included
    const { tails } = upperTails(control.n, candidate.n, events);
    const share = tails.find((tail) => tail <= fisher * (1 + 1e-10));
    shares[events] = share ?? 0;
  }
  return { fisher, p: worstCase(shares) };
}

/** P(candidate's count ≥ k | events), for k from `lowest` up. */
function upperTails(n0: number, n1: number, events: number) {
  const { lowest, weights } = rowOf(n0, n1, events);
  const tails = weights.slice();
  for (let k = tails.length - 2; k >= 0; k--) tails[k] = (tails[k] as number) + (tails[k + 1] as number);
  const total = tails[0] as number;
  return { lowest, tails: tails.map((tail) => tail / total) };
}

/** For each number of events in all, the conditional probability of the extreme tables. */
function conditionalShares(n0: number, n1: number, extreme: (events: number, k: number) => boolean): Float64Array {
  return new Float64Array(n0 + n1 + 1).map((_, events) => {
    const { lowest, weights } = rowOf(n0, n1, events);
    let share = 0;
    let total = 0;
    weights.forEach((weight, i) => {
      total += weight;
      if (extreme(events, lowest + i)) share += weight;
    });
    return share / total;
  });
}

function rowOf(n0: number, n1: number, events: number) {
  const events1 = Math.min(events, n1);
  return tablesOf({ events: events - events1, n: n0 }, { events: events1, n: n1 });
}

/**
 * The largest Σ shares[t]·P(T = t) over the rate of T ~ Binomial(N, rate).
 *
 * On the scale asin √rate a binomial's standard deviation is 1/(2√N) everywhere, so steps of a quarter of it miss no
 * maximum; those near the highest are then narrowed by golden sections.
 */
function worstCase(shares: Float64Array): number {
  const n = shares.length - 1;
  const chooseLogs = shares.map((_, t) => logChoose(n, t));
  const at = (angle: number) => {
    const logUp = 2 * Math.log(Math.sin(angle));
    const logDown = 2 * Math.log(Math.abs(Math.cos(angle)));
    const mean = n * Math.sin(angle) ** 2;
    // 20 standard deviations and 100 more hold all but e^−200 of the binomial
    const reach = 20 * Math.sqrt(n) * Math.sin(angle) * Math.abs(Math.cos(angle)) + 100;
    let total = 0;
    for (let t = Math.max(0, Math.ceil(mean - reach)); t <= Math.min(n, mean + reach); t++) {
      const share = shares[t] as number;
      if (share === 0) continue;
      const log = (chooseLogs[t] as number) + (t === 0 ? 0 : t * logUp) + (t === n ? 0 : (n - t) * logDown);
      total += share * Math.exp(log);
    }
    return total;
  };
  const steps = Math.max(64, Math.ceil(4 * Math.PI * Math.sqrt(n)));
  const step = Math.PI / 2 / steps;
  const grid = Float64Array.from({ length: steps + 1 }, (_, i) => at(i * step));
  const highest = Math.max(...grid);
  let worst = Math.max(shares[0] as number, shares[n] as number);
  for (let i = 0; i <= steps; i++) {
    const own = grid[i] as number;
    if (own < 0.9 * highest || own < (grid[i - 1] ?? 0) || own < (grid[i + 1] ?? 0)) continue;
    const peak = lowestPoint((angle) => -at(angle), Math.max(0, i - 1) * step, Math.min(steps, i + 1) * step);
    worst = Math.max(worst, own, at(peak));
  }
  return Math.min(1, worst);
}
