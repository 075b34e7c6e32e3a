import type { RandomStream } from "../../statistics/random-stream.ts";

export function normal(random: RandomStream): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** A Poisson count by multiplication of uniforms; mean up to some tens. */
export function poisson(random: RandomStream, mean: number): number {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = 1 - random(); product > limit; product *= 1 - random()) count += 1;
  return count;
}

export interface Population {
  readonly draw: (random: RandomStream) => number;
  readonly mean: number;
  readonly median: number;
  readonly p90: number;
}

const sigma = 1.5;
/** the normal's 90 % point */
const z90 = 1.2815515655446004;

/** Numbers as metrics have them. */
export const populations: Readonly<Record<string, Population>> = {
  normal: { draw: (random) => 10 + normal(random), mean: 10, median: 10, p90: 10 + z90 },
  /** lognormal, σ = 1.5: skewness 33 */
  heavy: {
    draw: (random) => Math.exp(sigma * normal(random)),
    mean: Math.exp(sigma ** 2 / 2),
    median: 1,
    p90: Math.exp(sigma * z90),
  },
  /** 95 % zeros, the rest lognormal with σ = 1 */
  "mostly zero": {
    draw: (random) => (random() < 0.95 ? 0 : Math.exp(normal(random))),
    mean: 0.05 * Math.exp(0.5),
    median: 0,
    p90: 0,
  },
};

export function draws(n: number, draw: () => number): Float64Array {
  const values = new Float64Array(n);
  for (let i = 0; i < n; i++) values[i] = draw();
  return values;
}

/** Events among n trials. */
export function binomial(random: RandomStream, n: number, p: number): number {
  let events = 0;
  for (let i = 0; i < n; i++) if (random() < p) events += 1;
  return events;
}
