import { describe, expect, it } from "vitest";
import { bernoulliSequentialInterval } from "../../statistics/anytime/bernoulli-sequential.ts";
import {
  bettingInterval,
  empiricalBernsteinMixture,
  empiricalBernsteinPlugIn,
} from "../../statistics/anytime/bounded-mean.ts";
import {
  countsLogBayesFactors,
  oneSidedCountsLogBayesFactors,
  rateRatioSequence,
} from "../../statistics/anytime/counts-sequential.ts";
import {
  bestRho,
  betaBinomialMixture,
  gammaExponentialMixture,
  gammaPoissonMixture,
  mixtureBound,
  normalMixture,
  polynomialStitchingBound,
} from "../../statistics/anytime/mixture-bounds.ts";
import {
  asymptoticInterval,
  asymptoticOneSidedBounds,
  asymptoticTest,
  mixtureSequentialInterval,
  mixtureSequentialTest,
} from "../../statistics/anytime/normal-sequential.ts";
import {
  sampleRatioByStage,
  sampleRatioChiSquared,
  sampleRatioExact,
  sampleRatioLogBayesFactor,
} from "../../statistics/anytime/sample-ratio.ts";
import type { Estimate } from "../../statistics/estimate.ts";
import {
  doubleStitchingBound,
  empiricalProcessBound,
  quantileSequentialRanks,
} from "../../statistics/quantiles/quantile-sequential.ts";
import { quantileSequentialTest } from "../../statistics/quantiles/quantile-sequential-test.ts";
import { logBetaTails } from "../../statistics/tail-logs.ts";
import golden from "../golden/anytime.json" with { type: "json" };

// biome-ignore lint/suspicious/noExplicitAny: each table has inputs of its own shape
type Input = any;

interface Entry {
  readonly id: string;
  readonly input: Input;
  readonly expect: Readonly<Record<string, unknown>>;
  readonly tolerance: number;
  readonly tolerance_kind: string;
}

const tables = golden.tables as unknown as Readonly<Record<string, readonly Entry[]>>;

function ends(interval: Estimate): number[] {
  return interval.status === "ok" ? [interval.low, interval.high] : [];
}

function halfWidth(interval: Estimate): number {
  return interval.status === "ok" ? (interval.high - interval.low) / 2 : Number.NaN;
}

function mixture({ mixture: kind, sides, v_opt, alpha_opt, c, g, h }: Input) {
  const tuning = { variance: v_opt, alpha: alpha_opt };
  if (kind === "normal") return normalMixture(tuning, sides);
  if (kind === "gamma_exponential") return gammaExponentialMixture(tuning, c);
  if (kind === "gamma_poisson") return gammaPoissonMixture(tuning, c);
  return betaBinomialMixture(tuning, g, h, sides);
}

/** Welch-style relative difference B / A − 1 with its delta-method standard error, from sums. */
function relative({ a, b }: Input) {
  const [one, two] = [a, b].map(({ sum, sum_squares, n, kind }) => {
    const mean = sum / n;
    return { n, mean, variance: kind === "proportion" ? mean * (1 - mean) : (sum_squares - sum ** 2 / n) / (n - 1) };
  }) as [Input, Input];
  return {
    n: one.n + two.n,
    current: {
      difference: two.mean / one.mean - 1,
      standardError: Math.sqrt(
        two.variance / two.n / one.mean ** 2 + (one.variance / one.n) * (two.mean ** 2 / one.mean ** 4),
      ),
    },
  };
}

const line = (n: number, offset = 0) => Float64Array.from({ length: n }, (_, i) => i + 1 + offset);

const computed: Readonly<Record<string, (input: Input) => object>> = {
  beta_tails: ({ x, a, b }) => logBetaTails(x, 1 - x, a, b),
  best_rho: ({ v_opt, alpha_opt }) => ({ rho: bestRho({ variance: v_opt, alpha: alpha_opt }) }),
  mixture: (input) => ({
    bound: mixtureBound(mixture(input), input.v, input.alpha),
    log_mixture: mixture(input).logValue(input.s, input.v),
  }),
  stitching: ({ v, alpha, v_min, c }) => ({ bound: polynomialStitchingBound(v, alpha, { start: v_min, scale: c }) }),
  empirical_process: ({ t, alpha, t_min, A }) => ({ bound: empiricalProcessBound(t, alpha, { start: t_min, a: A }) }),
  double_stitching: ({ p, t, alpha, t_opt }) => ({ bound: doubleStitchingBound(p, t, alpha, { start: t_opt }) }),
  quantile_test: ({ p, offset, n, t_opt, alpha_opt }) => {
    const test = quantileSequentialTest(line(n), line(n, offset), p, { tunedTo: t_opt, tunedAlpha: alpha_opt });
    return { p_value: test.status === "ok" && test.twoSided };
  },
  quantile_two_arms: ({ control, candidate, p, t_opt }) =>
    quantileSequentialTest(control, candidate, p, { tunedTo: t_opt }),
  quantile_ranks: ({ n, p, level, t_opt }) => quantileSequentialRanks(n, p, { level, tunedTo: t_opt }),
  bernoulli: ({ successes, n, alpha, t_opt, alpha_opt }) => ({
    ci: ends(
      bernoulliSequentialInterval(
        { events: successes, n },
        { level: 1 - alpha, tunedTo: t_opt, tunedAlpha: alpha_opt },
      ),
    ),
  }),
  polya: ({ counts, theta0, alpha0 }) => {
    const log = sampleRatioLogBayesFactor(
      counts,
      theta0,
      alpha0.reduce((a: number, b: number) => a + b, 0),
    );
    return { log_bf: log, p_point: Math.min(1, Math.exp(-log)) };
  },
  mixture_test: ({ n, mean_diff, V, tau2, alpha }) => {
    const current = { difference: mean_diff, standardError: Math.sqrt(V / n) };
    const test = mixtureSequentialTest(current, tau2);
    if (test.status !== "ok") return {};
    return {
      log_lambda: test.statistic,
      p: test.twoSided,
      ci_halfwidth: halfWidth(mixtureSequentialInterval(current, tau2, 1 - alpha)),
    };
  },
  mixture_test_integral: ({ difference, se, tau2 }) => {
    const test = mixtureSequentialTest({ difference, standardError: se }, tau2);
    return { ...test, log_lambda: test.status === "ok" && test.statistic };
  },
  asymptotic: ({ n, sd, alpha, N_opt }) => {
    const current = { difference: 0, standardError: sd / Math.sqrt(n) };
    const options = { level: 1 - alpha, tunedTo: N_opt };
    return {
      rho2: 1 / bestRho({ variance: N_opt, alpha }),
      halfwidth: halfWidth(asymptoticInterval(current, n, options)),
      halfwidth_one_sided: halfWidth(asymptoticOneSidedBounds(current, n, options)),
    };
  },
  asymptotic_relative: (input) => {
    const { n, current } = relative(input);
    const options = { level: 1 - input.alpha, tunedTo: input.tuning };
    const [low, high] = ends(asymptoticOneSidedBounds(current, n, options));
    const test = asymptoticTest(current, n, options);
    return {
      effect: current.difference,
      se: current.standardError,
      ci: ends(asymptoticInterval(current, n, options)),
      ci_lower: low,
      ci_upper: high,
      p: test.status === "ok" && test.twoSided,
    };
  },
  asymptotic_test: ({ z, n, level, tuned }) => {
    const current = { difference: z, standardError: 1 };
    const options = { level, tunedTo: tuned };
    return {
      ...asymptoticTest(current, n, options),
      halfwidth: halfWidth(asymptoticInterval(current, n, options)),
      halfwidth_one_sided: halfWidth(asymptoticOneSidedBounds(current, n, options)),
    };
  },
  counts: ({ steps, c }) => {
    const own = steps.map(({ counts, share }: Input) => ({ counts, shares: [1 - share, share] }));
    const concentration = { concentration: c };
    return {
      two_sided: countsLogBayesFactors(own, concentration),
      greater: oneSidedCountsLogBayesFactors(own, "greater", concentration),
      less: oneSidedCountsLogBayesFactors(own, "less", concentration),
      ratio: ends(rateRatioSequence(own, concentration)),
    };
  },
  sample_ratio: ({ counts, weights }) => {
    const chi = sampleRatioChiSquared(counts, weights);
    const exact = sampleRatioExact(counts, weights);
    if (chi.status !== "ok") return {};
    return { chi2: chi.statistic, p: chi.pValue, exact_p: exact.status === "ok" && exact.pValue };
  },
  sample_ratio_stages: ({ stages }) => {
    const test = sampleRatioByStage(stages);
    return test.status === "ok" ? { chi2: test.statistic, df: test.degreesOfFreedom, p: test.pValue } : {};
  },
  bounded_mean: ({ values, level, v_opt }) => ({
    mixture: ends(empiricalBernsteinMixture(values, { level, tunedTo: v_opt })),
    plug_in: ends(empiricalBernsteinPlugIn(values, { level })),
    betting: ends(bettingInterval(values, { level })),
  }),
};

it("asks every table of reference numbers", () => {
  expect(Object.keys(computed).sort()).toEqual(Object.keys(tables).sort());
});

describe.each(Object.keys(tables))("%s agrees with references made elsewhere", (table) => {
  it.each((tables[table] as readonly Entry[]).map((entry) => [entry.id, entry] as const))("%s", (_, entry) => {
    const got = (computed[table] as (input: Input) => object)(entry.input) as Record<string, unknown>;
    for (const [key, wanted] of Object.entries(entry.expect)) {
      const pairs = Array.isArray(wanted)
        ? wanted.map((value, i) => [(got[key] as unknown[])[i], value])
        : [[got[key], wanted]];
      for (const [have, want] of pairs as [number | null, number | null][]) {
        if (want === null) {
          expect(have, key).toBeNull();
          continue;
        }
        const allowed = entry.tolerance * (entry.tolerance_kind === "absolute" ? 1 : Math.abs(want) || 1);
        expect(typeof have, key).toBe("number");
        expect(Math.abs((have as number) - want), `${key}: ${have} for ${want}`).toBeLessThanOrEqual(allowed);
      }
    }
  });
});
