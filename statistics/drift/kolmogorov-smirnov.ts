import { type TestResult, type Undetermined, undetermined } from "../estimate.ts";

export type KolmogorovSmirnov =
  | (Extract<TestResult, { status: "ok" }> & {
      /** largest F₁ − F₀, which speaks for a smaller candidate, and largest F₀ − F₁ */
      readonly below: number;
      readonly above: number;
      readonly method: "exact" | "asymptotic";
    })
  | Undetermined;

/**
 * Two-sample Kolmogorov–Smirnov test of equal distributions; `less` says that the candidate's values are the smaller ones.
 *
 * The asymptotic p-value is for continuous data; with ties it is too large (it rejects too seldom), while the exact one is
 * conditional on them. Both need independent units: with several values a user, take one of each.
 *
 * @param sortedControl   rising
 * @param sortedCandidate rising
 * @param exact whether to count all orders; by default when n·m < 10,000, as R
 * @returns undetermined when a sample is empty or holds NaN, or all values are one
 *
 * Sources: asymptotic Smirnov (1948), Ann. Math. Stat. 19:279–281; exact Kim & Jennrich (1973) by the recursion of R's
 * `psmirnov`; with ties Schröer & Trenkler (1995), Comput. Stat. Data Anal. 20:185–202.
 */
export function kolmogorovSmirnov(
  sortedControl: ArrayLike<number>,
  sortedCandidate: ArrayLike<number>,
  { exact = sortedControl.length * sortedCandidate.length < 10_000 }: { readonly exact?: boolean } = {},
): KolmogorovSmirnov {
  const [n, m] = [sortedControl.length, sortedCandidate.length];
  if (n === 0 || m === 0) return undetermined("an empty sample");
  for (const sorted of [sortedControl, sortedCandidate]) {
    for (let i = 0; i < sorted.length; i++) {
      if (Number.isNaN(sorted[i])) return undetermined("a value is not a number");
      if (i > 0 && (sorted[i] as number) < (sorted[i - 1] as number)) {
        throw new RangeError(`kolmogorovSmirnov needs rising values, got ${sorted[i - 1]} before ${sorted[i]}`);
      }
    }
  }
  const { below, above, groupEnd } = steps(sortedControl, sortedCandidate);
  if (groupEnd.indexOf(1) === n + m) return undetermined("all values are the same");
  const largest = Math.max(below, above);
  const common = {
    status: "ok",
    statistic: largest / (n * m),
    below: below / (n * m),
    above: above / (n * m),
  } as const;
  if (exact) {
    return {
      ...common,
      less: touching(n, m, groupEnd, (gap) => gap >= below),
      greater: touching(n, m, groupEnd, (gap) => -gap >= above),
      twoSided: touching(n, m, groupEnd, (gap) => Math.abs(gap) >= largest),
      method: "exact",
    };
  }
  const scaled = (distance: number) => (distance / (n * m)) * Math.sqrt(n * (m / (n + m)));
  return {
    ...common,
    less: Math.exp(-2 * scaled(below) ** 2),
    greater: Math.exp(-2 * scaled(above) ** 2),
    twoSided: kolmogorovUpperTail(scaled(largest)),
    method: "asymptotic",
  };
}

/**
 * P(sup |B| > x) for a Brownian bridge B, the Kolmogorov distribution's upper tail.
 *
 * Source: Kolmogorov (1933); 2 Σ (−1)^{k−1} e^{−2k²x²}, and below 1 its theta-function dual.
 */
export function kolmogorovUpperTail(x: number): number {
  if (x <= 0) return 1;
  if (x < 1) {
    let sum = 0;
    for (let k = 1; k < 20; k += 2) sum += Math.exp((-(k * k) * Math.PI ** 2) / (8 * x * x));
    return 1 - (Math.sqrt(2 * Math.PI) / x) * sum;
  }
  let sum = 0;
  for (let k = 1; k < 20; k++) sum += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * k * k * x * x);
  return sum;
}

/** Largest differences of the distribution functions times n·m, as whole numbers, and where groups of ties end. */
function steps(control: ArrayLike<number>, candidate: ArrayLike<number>) {
  const [n, m] = [control.length, candidate.length];
  const groupEnd = new Uint8Array(n + m + 1);
  let [i, j, below, above] = [0, 0, 0, 0];
  while (i < n || j < m) {
    const value = Math.min(
      i < n ? (control[i] as number) : Number.POSITIVE_INFINITY,
      j < m ? (candidate[j] as number) : Number.POSITIVE_INFINITY,
    );
    while (i < n && control[i] === value) i += 1;
    while (j < m && candidate[j] === value) j += 1;
    groupEnd[i + j] = 1;
    below = Math.max(below, j * n - i * m);
    above = Math.max(above, i * m - j * n);
  }
  return { below, above, groupEnd };
}

/**
 * Probability that a random order of n and m values reaches a gap F₁ − F₀, times n·m, at the end of a group of ties.
 *
 * A path of i control and j candidate values came from (i − 1, j) with probability i/(i + j); only sums of positive
 * numbers, so that small probabilities keep their digits.
 */
function touching(n: number, m: number, groupEnd: Uint8Array, reached: (gap: number) => boolean): number {
  const touched = new Float64Array(m + 1);
  for (let i = 0; i <= n; i++) {
    for (let j = 0; j <= m; j++) {
      const up = i === 0 ? 0 : (i / (i + j)) * (touched[j] as number);
      const right = j === 0 ? 0 : (j / (i + j)) * (touched[j - 1] as number);
      touched[j] = groupEnd[i + j] === 1 && reached(j * n - i * m) ? 1 : up + right;
    }
  }
  return Math.min(1, touched[m] as number);
}
