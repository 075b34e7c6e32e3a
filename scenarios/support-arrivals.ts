import { randomNormal } from "d3-random";
import type { RandomStream } from "../statistics/random-stream.ts";
import { trafficFacts } from "./traffic-facts.ts";

/**
 * Relative intensity of session starts in every minute: hour of the day × level of the day × a lognormal AR(1).
 * Levels repeat after the recorded 14 days.
 */
export function intensityByMinute(days: number, start: number, draw: RandomStream): Float64Array {
  const { counts } = trafficFacts.requestsByHourOfDay;
  const { relative } = trafficFacts.rateByDay;
  const { sigma, phi } = rateWander();
  const normal = randomNormal.source(draw)();
  let wander = sigma * normal();
  return Float64Array.from({ length: days * 1440 }, (_, minute) => {
    const hour = new Date(start + minute * 60_000).getUTCHours();
    const level = relative[Math.floor(minute / 1440) % relative.length] as number;
    const intensity = (counts[hour] as number) * level * Math.exp(wander);
    wander = phi * wander + sigma * Math.sqrt(1 - phi * phi) * normal();
    return intensity;
  });
}

/**
 * Standard deviation and lag-1 autocorrelation of the log rate under which counts per minute have the recorded variance
 * and autocorrelation.
 *
 * Source: Cox (1955), JRSS B 17:129–164: Var N = E N + Var Λ, Cov(N₁, N₂) = Cov(Λ₁, Λ₂); for a lognormal Λ of mean 1,
 * Cov(Λ₁, Λ₂) = exp(σ²φ) − 1.
 */
function rateWander(): { readonly sigma: number; readonly phi: number } {
  const { mean, variance, lag1Autocorrelation } = trafficFacts.requestsPerMinute;
  const logVariance = Math.log1p((variance - mean) / mean ** 2);
  const logCovariance = Math.log1p((lag1Autocorrelation * variance) / mean ** 2);
  return { sigma: Math.sqrt(logVariance), phi: logCovariance / logVariance };
}

/**
 * Rising start times in ms: given their number, the points of a Poisson process are independent with the normalised
 * intensity as density.
 *
 * Source: Bentley & Saxe (1980), Generating sorted lists of random numbers, ACM TOMS 6:359–364 (without sorting).
 */
export function* sessionStarts(count: number, intensity: Float64Array, draw: RandomStream): Generator<number, void> {
  const total = intensity.reduce((sum, x) => sum + x, 0);
  let minute = 0;
  let before = 0;
  let left = 1;
  for (let remaining = count; remaining > 0; remaining--) {
    left *= (1 - draw()) ** (1 / remaining);
    const target = (1 - left) * total;
    while (minute < intensity.length - 1 && before + (intensity[minute] as number) < target) {
      before += intensity[minute] as number;
      minute += 1;
    }
    yield Math.floor((minute + Math.min(1, (target - before) / (intensity[minute] as number))) * 60_000);
  }
}
