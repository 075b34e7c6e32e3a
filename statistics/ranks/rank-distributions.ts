/** Probabilities of the whole numbers from 0 up. */
export type Masses = Float64Array;

/**
 * The null distribution of Mann & Whitney's U of m and n units without ties, for U = 0 … m·n.
 *
 * Additions only, so that small tails keep their digits; the work grows as m²n²: 50 a side take some milliseconds, 200
 * a side a second.
 *
 * Source: Mann & Whitney (1947), Ann. Math. Stat. 18:50–60: the largest value is an m's, above n others, or an n's.
 */
export function mannWhitneyMasses(m: number, n: number): Masses {
  const rows: Masses[] = Array.from({ length: m + 1 }, () => Float64Array.of(1));
  for (let j = 1; j <= n; j++) {
    for (let i = 1; i <= m; i++) {
      const without = rows[i] as Masses;
      const fewer = rows[i - 1] as Masses;
      const own = new Float64Array(i * j + 1);
      for (let u = 0; u < without.length; u++) own[u] = (without[u] as number) * (j / (i + j));
      for (let u = 0; u < fewer.length; u++) own[u + j] = (own[u + j] as number) + (fewer[u] as number) * (i / (i + j));
      rows[i] = own;
    }
  }
  return rows[m] as Masses;
}

/**
 * The null distribution of Wilcoxon's signed-rank sum of n differences without ties, for V = 0 … n(n + 1)/2.
 *
 * Source: Wilcoxon (1945), Biometrics Bulletin 1:80–83: each rank counts or not, with probability 1/2.
 */
export function signedRankMasses(n: number): Masses {
  const masses = new Float64Array((n * (n + 1)) / 2 + 1);
  masses[0] = 1;
  let reached = 0;
  for (let rank = 1; rank <= n; rank++) {
    reached += rank;
    for (let v = reached; v >= 0; v--) {
      masses[v] = ((masses[v] as number) + (v >= rank ? (masses[v - rank] as number) : 0)) / 2;
    }
  }
  return masses;
}

/** P(X ≤ k). */
export function lowerMass(masses: Masses, k: number): number {
  let total = 0;
  for (let i = 0; i <= Math.min(k, masses.length - 1); i++) total += masses[i] as number;
  return Math.min(1, total);
}

/** The smallest k with P(X ≤ k) ≥ `lowerTail`; a tail that misses by rounding alone counts as reached, as in R. */
export function lowerQuantile(masses: Masses, lowerTail: number): number {
  let total = 0;
  for (let k = 0; k < masses.length; k++) {
    total += masses[k] as number;
    if (total >= lowerTail - 10 * Number.EPSILON) return k;
  }
  return masses.length - 1;
}
