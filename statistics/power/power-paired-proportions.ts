import { binomialUpperTail, normalUpperQuantile, normalUpperTail } from "../distributions.ts";
import { undetermined } from "../estimate.ts";
import { binomialMasses } from "./exact-power.ts";
import { requireFraction, smallestSize, type TestSides } from "./noncentral-power.ts";
import { requirePower, type SampleSize, wrongSide } from "./power-means.ts";

/** Probabilities that a pair succeeds under one arm only. */
export interface DiscordantRates {
  readonly controlOnly: number;
  readonly candidateOnly: number;
}

/**
 * Power of McNemar's test of n pairs, by the normal approximation; below some 25 discordant pairs use
 * {@link exactPowerMcNemar}.
 *
 * Source: Connor (1987), Biometrics 43:207–211: Φ((|δ|√n − z√ψ)/√(ψ − δ²)), ψ = p₁₀ + p₀₁, δ = p₀₁ − p₁₀.
 */
export function powerMcNemar(rates: DiscordantRates, n: number, sides: TestSides = {}): number {
  const { alternative = "twoSided", alpha = 0.05, strict = true } = sides;
  requireFraction("powerMcNemar", "alpha", alpha);
  requireDiscordance(rates);
  const discordant = rates.controlOnly + rates.candidateOnly;
  const difference = rates.candidateOnly - rates.controlOnly;
  const deviation = Math.sqrt(discordant - difference ** 2);
  const reject = (tail: number, toward: number) =>
    normalUpperTail((normalUpperQuantile(tail) * Math.sqrt(discordant) - Math.sqrt(n) * toward) / deviation);
  if (alternative !== "twoSided") return reject(alpha, alternative === "less" ? -difference : difference);
  return reject(alpha / 2, Math.abs(difference)) + (strict ? reject(alpha / 2, -Math.abs(difference)) : 0);
}

/** Pairs for a power of {@link powerMcNemar}; the fields of {@link SampleSize} are all this n. */
export function sampleSizeMcNemar(rates: DiscordantRates, power = 0.8, sides: TestSides = {}): SampleSize {
  requirePower("sampleSizeMcNemar", power, sides);
  requireDiscordance(rates);
  const wrong = wrongSide(rates.candidateOnly - rates.controlOnly, sides);
  if (wrong !== undefined) return undetermined(wrong);
  const n = smallestSize((pairs) => powerMcNemar(rates, pairs, sides), power, 1e-9);
  return n === undefined ? undetermined("more than 1e15 pairs") : { status: "ok", control: n, candidate: n, total: n };
}

/**
 * Power of McNemar's exact test of n pairs, over all numbers of discordant pairs; rejects when p ≤ alpha.
 *
 * Source: Duffy (1984), Biometrics 40:1005–1015 (unconditional power of the exact conditional test).
 */
export function exactPowerMcNemar(
  rates: DiscordantRates,
  n: number,
  { alternative = "twoSided", alpha = 0.05, strict = true }: TestSides = {},
): number {
  requireFraction("exactPowerMcNemar", "alpha", alpha);
  requireDiscordance(rates);
  const discordant = rates.controlOnly + rates.candidateOnly;
  const share = rates.candidateOnly / discordant;
  const { first, masses } = binomialMasses(n, discordant);
  const upward = alternative === "greater" || (alternative === "twoSided" && (strict || share >= 0.5));
  const downward = alternative === "less" || (alternative === "twoSided" && (strict || share < 0.5));
  let power = 0;
  masses.forEach((mass, i) => {
    const pairs = first + i;
    const critical = criticalCount(pairs, alternative === "twoSided" ? alpha / 2 : alpha);
    if (upward) power += mass * binomialUpperTail(critical, pairs, share);
    if (downward) power += mass * binomialUpperTail(critical, pairs, 1 - share);
  });
  return power;
}

/** The smallest count of a fair coin's heads whose upper tail is at most `tail`; n + 1 when none is. */
function criticalCount(n: number, tail: number): number {
  let [low, high] = [Math.floor(n / 2), n + 1];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    // a tail that exceeds the level by rounding alone does not
    if (binomialUpperTail(middle, n, 0.5) <= tail * (1 + 64 * Number.EPSILON)) high = middle;
    else low = middle;
  }
  return high;
}

function requireDiscordance({ controlOnly, candidateOnly }: DiscordantRates): void {
  if (
    !(controlOnly >= 0 && candidateOnly >= 0 && controlOnly + candidateOnly > 0 && controlOnly + candidateOnly <= 1)
  ) {
    throw new RangeError(
      `McNemar's power needs two rates with a sum in (0, 1], got ${controlOnly} and ${candidateOnly}`,
    );
  }
}
