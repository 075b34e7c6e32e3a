#!/usr/bin/env python3
"""Reference numbers for the anytime-valid tests and intervals: writes anytime.json beside this file.

Nothing here looks at the library under test. Every number is copied from another project's tests (COPIED, source beside
it) or computed here from the definition, as a rule by another way than the library's: mixtures as integrals over the
prior, urns unit by unit in exact fractions, intervals by Brent's method on scipy's functions, tests over a brute-force grid.

Run: python3 test/golden/make_anytime.py        needs numpy and scipy
"""

import itertools
import json
import math
import platform
from decimal import Decimal, getcontext
from fractions import Fraction
from pathlib import Path

import numpy as np
import scipy
from scipy import optimize, special, stats

getcontext().prec = 60
TABLES = {}


def add(table, id, input, expect, source, tolerance=1e-9, kind="relative"):
    entries = TABLES.setdefault(table, [])
    assert all(entry["id"] != id for entry in entries), (table, id)
    entries.append(
        {"id": id, "input": input, "expect": expect, "tolerance": tolerance, "tolerance_kind": kind, "source": source}
    )


# (table, id, input, expect, source, tolerance, kind)
COPIED = [
    ('best_rho', 'two_sided_normal_rho', {'v_opt': 100, 'alpha_opt': 0.05}, {'rho': 12.60056}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('mixture', 'two_sided_normal_bound', {'v': 100, 'alpha': 0.05, 'v_opt': 100, 'alpha_opt': 0.05, 'mixture': 'normal', 'sides': 2, 's': 10}, {'bound': 30.35209, 'log_mixture': -0.6510052}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('mixture', 'one_sided_normal_bound', {'v': 100, 'alpha': 0.05, 'v_opt': 100, 'alpha_opt': 0.05, 'mixture': 'normal', 'sides': 1, 's': 10}, {'bound': 27.66071, 'log_mixture': -0.06502391}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('mixture', 'gamma_exp_bound', {'v': 100, 'alpha': 0.05, 'v_opt': 100, 'c': 2, 'mixture': 'gamma_exponential', 'sides': 1, 'alpha_opt': 0.05, 's': 10}, {'bound': 33.02017, 'log_mixture': -0.2490165}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('mixture', 'gamma_pois_bound', {'v': 100, 'alpha': 0.05, 'v_opt': 100, 'c': 2, 'mixture': 'gamma_poisson', 'sides': 1, 'alpha_opt': 0.05, 's': 10}, {'bound': 30.1949, 'log_mixture': -0.06991219}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('mixture', 'bb2_bound', {'v': 100, 'alpha': 0.05, 'v_opt': 100, 'g': 0.2, 'h': 0.8, 'mixture': 'beta_binomial', 'sides': 2, 'alpha_opt': 0.05, 's': 10}, {'bound': 31.4308, 'log_mixture': -0.6941012}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('mixture', 'bb1_bound', {'v': 100, 'alpha': 0.05, 'v_opt': 100, 'g': 0.2, 'h': 0.8, 'mixture': 'beta_binomial', 'sides': 1, 'alpha_opt': 0.05, 's': 10}, {'bound': 28.41238, 'log_mixture': -0.07134019}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('stitching', 'poly_stitch', {'v': 100, 'alpha': 0.05, 'v_min': 10, 'c': 3}, {'bound': 64.48755}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('empirical_process', 'emp_lil', {'t': 1000, 'alpha': 0.05, 't_min': 100, 'A': 0.85}, {'bound': 0.08204769}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('double_stitching', 'double_stitch_0.9', {'p': 0.9, 't': 1000, 'alpha': 0.05, 't_opt': 100}, {'bound': 43.72119}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('quantile_test', 'q_ab_0.5_70', {'p': 0.5, 'offset': 70, 'n': 1000, 't_opt': 100, 'alpha_opt': 0.05}, {'p_value': 0.814704}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('quantile_test', 'q_ab_0.5_100', {'p': 0.5, 'offset': 100, 'n': 1000, 't_opt': 100, 'alpha_opt': 0.05}, {'p_value': 0.0054947}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('bernoulli', 'bern_ci_700_1000_100', {'successes': 700, 'n': 1000, 'alpha': 0.05, 't_opt': 100, 'alpha_opt': 0.05}, {'ci': [0.651629, 0.745949]}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('bernoulli', 'bern_ci_5_50_50', {'successes': 5, 'n': 50, 'alpha': 0.05, 't_opt': 50, 'alpha_opt': 0.05}, {'ci': [0.013021, 0.269264]}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('bernoulli', 'bern_ci_1_2_50', {'successes': 1, 'n': 2, 'alpha': 0.05, 't_opt': 50, 'alpha_opt': 0.05}, {'ci': [0, 1]}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('bernoulli', 'bern_ci_0_1_50', {'successes': 0, 'n': 1, 'alpha': 0.05, 't_opt': 50, 'alpha_opt': 0.05}, {'ci': [0, 1]}, 'confseq test/uniform_boundaries_unittest.cpp, values of a reference implementation in R', 1e-05, 'absolute'),
    ('polya', 'seq_srm_0', {'counts': [505.0, 495.0], 'theta0': [0.5, 0.5], 'alpha0': [50.0, 50.0]}, {'log_bf': -1.1557238014024733, 'p_point': 1}, 'closed form, scipy 1.17.1; Lindon & Malek 2020, arXiv 2011.03567', 1e-09, 'relative'),
    ('polya', 'seq_srm_2', {'counts': [1150.0, 98850.0], 'theta0': [0.01, 0.99], 'alpha0': [1.0, 99.0]}, {'log_bf': 7.225152322971553, 'p_point': 0.0007280416331779362}, 'closed form, scipy 1.17.1; Lindon & Malek 2020, arXiv 2011.03567', 1e-09, 'relative'),
    ('polya', 'seq_srm_4', {'counts': [340.0, 330.0, 330.0], 'theta0': [0.3333333333333333, 0.3333333333333333, 0.3333333333333333], 'alpha0': [10.0, 10.0, 10.0]}, {'log_bf': -3.4607651240737596, 'p_point': 1}, 'closed form, scipy 1.17.1; Lindon & Malek 2020, arXiv 2011.03567', 1e-09, 'relative'),
    ('mixture_test', 'msprt_0', {'n': 1000, 'mean_diff': 0.1, 'V': 1.0, 'tau2': 0.01, 'alpha': 0.05}, {'log_lambda': 3.3465069090553605, 'p': 0.035207121234003325, 'ci_halfwidth': 0.09606401928868576}, 'closed form, scipy 1.17.1; Johari, Koomen, Pekelis, Walsh 2017/2022 (always valid inference), eq. for normal data', 1e-09, 'relative'),
    ('mixture_test', 'msprt_2', {'n': 200, 'mean_diff': 0.5, 'V': 4.0, 'tau2': 0.1, 'alpha': 0.05}, {'log_lambda': 4.312453598719306, 'p': 0.013400629457083663, 'ci_halfwidth': 0.4322006205364181}, 'closed form, scipy 1.17.1; Johari, Koomen, Pekelis, Walsh 2017/2022 (always valid inference), eq. for normal data', 1e-09, 'relative'),
    ('asymptotic', 'asympcs_0', {'n': 100, 'sd': 1.0, 'alpha': 0.05, 'N_opt': 5000}, {'rho2': 0.001587230920347513, 'halfwidth': 0.6694388617066039, 'halfwidth_one_sided': 0.6606888049147895}, 'closed form, scipy 1.17.1; Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, arXiv 2103.06476 v7 eq 9, 134, 161; as implemented in gbstats', 1e-09, 'relative'),
    ('asymptotic', 'asympcs_2', {'n': 100000, 'sd': 2.5, 'alpha': 0.05, 'N_opt': 5000}, {'rho2': 0.001587230920347513, 'halfwidth': 0.02638017508564479, 'halfwidth_one_sided': 0.024426354659075007}, 'closed form, scipy 1.17.1; Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, arXiv 2103.06476 v7 eq 9, 134, 161; as implemented in gbstats', 1e-09, 'relative'),
    ('asymptotic', 'asympcs_4', {'n': 100, 'sd': 1.0, 'alpha': 0.025, 'N_opt': 5000}, {'rho2': 0.0019006678707138968, 'halfwidth': 0.6876332684357487, 'halfwidth_one_sided': 0.6743719078552547}, 'closed form, scipy 1.17.1; Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, arXiv 2103.06476 v7 eq 9, 134, 161; as implemented in gbstats', 1e-09, 'relative'),
    ('asymptotic_relative', 'gb_seq_prop', {'a': {'sum': 1396, 'n': 3000, 'kind': 'proportion'}, 'b': {'sum': 2422, 'n': 3461, 'kind': 'proportion'}, 'difference': 'relative', 'alpha': 0.05, 'tuning': 5000}, {'effect': 0.50386, 'ci': [0.40098, 0.60675], 'se': 0.03386, 'p': 0.0}, 'gbstats tests/frequentist/test_tests.py', 6e-06, 'absolute'),
    ('asymptotic_relative', 'gb_seq_greater_rel', {'a': {'sum': 1396.87, 'sum_squares': 52377.9767, 'n': 3000}, 'b': {'sum': 2422.7, 'sum_squares': 134698.29, 'n': 3461}, 'difference': 'relative', 'alpha': 0.05, 'tuning': 5000}, {'ci_lower': -0.42356454602790883}, 'gbstats tests/frequentist/test_tests.py', 6e-06, 'absolute'),
    ('asymptotic_relative', 'gb_seq_lesser_rel', {'a': {'sum': 1396.87, 'sum_squares': 52377.9767, 'n': 3000}, 'b': {'sum': 2422.7, 'sum_squares': 134698.29, 'n': 3461}, 'difference': 'relative', 'alpha': 0.05, 'tuning': 5000}, {'ci_upper': 1.4302867177403806}, 'gbstats tests/frequentist/test_tests.py', 6e-06, 'absolute'),
    ('sample_ratio', 'tt_srm_binom', {'counts': [53, 47], 'weights': [1, 1]}, {'exact_p': 0.6172994135892521}, 'tea-tasting tests/metrics/test_proportion.py', 1e-06, 'relative'),
    ('sample_ratio', 'tt_srm_norm', {'counts': [53, 47], 'weights': [1, 1]}, {'p': 0.5485062355001472}, 'tea-tasting tests/metrics/test_proportion.py', 1e-06, 'relative'),
    ('sample_ratio', 'srm_821588_815482', {'counts': [821588, 815482], 'weights': [0.5, 0.5]}, {'chi2': 22.7743688418944, 'p': 1.82179287261919e-06}, 'R 4.2.2 chisq.test', 1e-09, 'relative'),
    ('sample_ratio', 'srm_1010_98990', {'counts': [1010, 98990], 'weights': [0.01, 0.99]}, {'chi2': 0.101010101010101, 'p': 0.750620824165631}, 'R 4.2.2 chisq.test', 1e-09, 'relative'),
    ('sample_ratio', 'srm_5120_94880', {'counts': [5120, 94880], 'weights': [0.05, 0.95]}, {'chi2': 3.03157894736842, 'p': 0.0816585155852152}, 'R 4.2.2 chisq.test', 1e-09, 'relative'),
]

for entry in COPIED:
    add(*entry)


# Mixtures: ln of the integral of exp(λS − ψ(λ)V) over the prior, by panels of Gauss-Legendre around the peak.


def best_rho(v, alpha):
    logs = -2 * math.log(alpha)
    return v / (logs + math.log1p(logs))


def log_integral(log_f, low, high):
    """ln of the integral of exp(log_f): scan for the peak, find where it has fallen by 60, integrate there."""
    grid = np.linspace(low, high, 20001)[1:-1]
    for _ in range(6):
        values = log_f(grid)
        top = np.nanmax(values)
        keep = np.flatnonzero(values > top - 60)
        a = grid[max(keep[0] - 1, 0)] if keep[0] > 0 else low
        b = grid[min(keep[-1] + 1, len(grid) - 1)] if keep[-1] < len(grid) - 1 else high
        low, high = a, b
        grid = np.linspace(low, high, 2001)[1:-1]
    nodes, weights = np.polynomial.legendre.leggauss(50)
    edges = np.linspace(low, high, 101)
    half = (edges[1:] - edges[:-1])[:, None] / 2
    x = (edges[1:] + edges[:-1])[:, None] / 2 + half * nodes
    return top + math.log(np.sum(np.exp(log_f(x) - top) * half * weights))


def mixture_log(kind, sides, s, v, v_opt, alpha_opt, c=None, g=None, h=None):
    rho = best_rho(v_opt, alpha_opt if sides == 2 else 2 * alpha_opt)
    if kind == "normal":
        reach = 60 * (1 / math.sqrt(rho + v)) + abs(s) / (rho + v) * 3
        f = lambda l: l * s - l * l * (v + rho) / 2 + 0.5 * math.log(rho / (2 * math.pi)) + (math.log(2) if sides == 1 else 0)
        return log_integral(f, -reach if sides == 2 else 0, reach)
    if kind == "gamma_exponential":  # u = 1 - cλ ~ Gamma(k, rate k) on [0, 1]
        k = rho / c**2
        prior = lambda u: (k - 1) * np.log(u) - k * u
        f = lambda u: prior(u) + (1 - u) * s / c + (np.log(u) + 1 - u) * v / c**2
        whole = math.lgamma(k) + math.log(special.gammainc(k, k)) - k * math.log(k)
        return log_integral(f, 0, 1) - whole
    if kind == "gamma_poisson":  # u = exp(cλ) ~ Gamma(k, rate k) on [1, ∞)
        k = rho / c**2
        prior = lambda u: (k - 1) * np.log(u) - k * u
        f = lambda u: prior(u) + np.log(u) * s / c - (u - 1 - np.log(u)) * v / c**2
        return log_integral(f, 1, 1 + 100 / min(k, 1)) - log_integral(prior, 1, 1 + 100 / min(k, 1))
    k = max(rho - g * h, 1e-3 * g * h) / (g * h)
    up, down = g / (g + h), h / (g + h)
    n_up, n_down = (v + h * s) / (h * (g + h)), (v - g * s) / (g * (g + h))
    prior = lambda q: (k * up - 1) * np.log(q) + (k * down - 1) * np.log1p(-q)
    f = lambda q: prior(q) + n_up * np.log(q / up) + n_down * np.log((1 - q) / down)
    low = 0 if sides == 2 else up
    if min(k * up, k * down) < 1:  # a pole at an end: closed form
        tail = 0 if sides == 2 else (stats.beta.logsf(up, k * up + n_up, k * down + n_down) - stats.beta.logsf(up, k * up, k * down))
        return (special.betaln(k * up + n_up, k * down + n_down) - special.betaln(k * up, k * down)
                - n_up * math.log(up) - n_down * math.log(down) + tail)
    return log_integral(f, low, 1) - log_integral(prior, low, 1)


mixtures = [
    ("normal", 2, 10, 100, dict(v_opt=250, alpha_opt=0.025)),
    ("normal", 1, 10, 100, dict(v_opt=250, alpha_opt=0.025)),
    ("normal", 1, -25, 100, dict(v_opt=30, alpha_opt=0.1)),
    ("normal", 1, 8e4, 1e9, dict(v_opt=1e6, alpha_opt=0.05)),
    ("gamma_exponential", 1, 40, 100, dict(v_opt=100, alpha_opt=0.025, c=1)),
    ("gamma_exponential", 1, -8, 30, dict(v_opt=100, alpha_opt=0.025, c=1)),
    ("gamma_exponential", 1, 3, 0.5, dict(v_opt=40, alpha_opt=0.05, c=0.5)),
    ("gamma_exponential", 1, 1.5e5, 1e9, dict(v_opt=1e7, alpha_opt=0.05, c=1)),
    ("gamma_poisson", 1, 40, 100, dict(v_opt=100, alpha_opt=0.025, c=1)),
    ("gamma_poisson", 1, -8, 30, dict(v_opt=100, alpha_opt=0.025, c=1)),
    ("gamma_poisson", 1, 1.5e5, 1e9, dict(v_opt=1e7, alpha_opt=0.05, c=1)),
    ("beta_binomial", 2, 40, 100, dict(v_opt=50, alpha_opt=0.025, g=0.7, h=0.3)),
    ("beta_binomial", 1, 40, 100, dict(v_opt=50, alpha_opt=0.025, g=0.7, h=0.3)),
    ("beta_binomial", 1, 6, 2, dict(v_opt=2, alpha_opt=0.05, g=0.01, h=0.99)),
    ("beta_binomial", 2, 6, 2, dict(v_opt=2, alpha_opt=0.05, g=0.01, h=0.99)),
    ("beta_binomial", 1, -1, 2, dict(v_opt=2, alpha_opt=0.05, g=0.2, h=1.3)),
    ("beta_binomial", 2, 5e4, 1e8, dict(v_opt=1e6, alpha_opt=0.05, g=0.5, h=0.5)),
]
for kind, sides, s, v, tuning in mixtures:
    log = mixture_log(kind, sides, s, v, **tuning)
    expect = {"log_mixture": log}
    if v < 1e6:
        root = lambda x: mixture_log(kind, sides, x, v, **tuning) - math.log(1 / 0.01)
        high = 1.0
        limit = v / tuning["g"] * (1 - 1e-12) if "g" in tuning else math.inf
        while high < limit and root(min(high, limit)) < 0:
            high *= 1.3
        if root(min(high, limit)) > 0:
            expect["bound"] = optimize.brentq(root, max(high / 2, 0), min(high, limit), xtol=1e-11, rtol=1e-13)
    # at V = 1e9 the integrand itself is good to 1e-16 · 1e9
    tolerance = 1e-8 if v < 1e6 else 1e-6
    add("mixture", f"{kind}_{sides}_{s:g}_{v:g}_{tuning['v_opt']:g}",
        dict(mixture=kind, sides=sides, s=s, v=v, alpha=0.01, **tuning), expect,
        "integral over the prior (Howard, Ramdas, McAuliffe & Sekhon 2021), Gauss-Legendre", tolerance)

# Normal and asymptotic sequences


def asymptotic(z, n, level, tuned):
    a = 1 - level
    two, one = (n * (-2 * math.log(b) + math.log(1 - 2 * math.log(b))) / tuned for b in (a, 2 * a))
    half = lambda p: math.sqrt(2 * (two + 1) / two * math.log(math.sqrt(two + 1) / p))
    half1 = lambda p: math.sqrt(2 * (one + 1) / one * math.log(1 + math.sqrt(one + 1) / (2 * p)))
    solve = lambda f: 1.0 if f(1) > abs(z) else math.exp(
        optimize.brentq(lambda lp: f(math.exp(lp)) - abs(z), -700, 0, xtol=1e-13, rtol=1e-13))
    ahead = solve(half1)
    return {"halfwidth": half(a), "halfwidth_one_sided": half1(a), "twoSided": solve(half),
            "greater": ahead if z > 0 else 1, "less": ahead if z < 0 else 1}


for z, n, level, tuned in [(2.5, 6461, 0.95, 5000), (-3.1, 400, 0.9, 5000), (12, 100000, 0.99, 20000), (-30, 2000, 0.95, 5000), (0.4, 50, 0.95, 100)]:
    add("asymptotic_test", f"z{z}_n{n}", dict(z=z, n=n, level=level, tuned=tuned), asymptotic(z, n, level, tuned),
        "half-widths of Waudby-Smith et al. (2024) solved for the error probability by Brent's method", 1e-9)

for d, se, tau2 in [(0.1, 0.04, 0.01), (-0.3, 0.05, 0.2), (0.01, 0.2, 0.001), (2.0, 0.05, 0.5)]:
    v = 1 / se**2
    whole = log_integral(lambda t: stats.norm.logpdf(t, 0, math.sqrt(tau2)) + t * d * v - t * t * v / 2, -60 * math.sqrt(tau2), 60 * math.sqrt(tau2))
    right = log_integral(lambda t: stats.norm.logpdf(t, 0, math.sqrt(tau2)) + t * d * v - t * t * v / 2, 0, 60 * math.sqrt(tau2))
    left = log_integral(lambda t: stats.norm.logpdf(t, 0, math.sqrt(tau2)) + t * d * v - t * t * v / 2, -60 * math.sqrt(tau2), 0)
    p = lambda log: min(1, math.exp(-log))
    add("mixture_test_integral", f"d{d}_se{se}", dict(difference=d, se=se, tau2=tau2),
        {"log_lambda": whole, "twoSided": p(whole), "greater": p(right + math.log(2)), "less": p(left + math.log(2))},
        "likelihood ratio integrated over N(0, tau2), whole and halves", 1e-8)

# Urns, unit by unit


def polya_log(counts, shares, c):
    """Exact fractions, one unit after another (the order does not matter)."""
    alpha = [Fraction(c) * Fraction(str(s)) for s in shares]
    seen = [Fraction(0)] * len(counts)
    product, total, log = Fraction(1), Fraction(0), 0.0
    for arm, count in enumerate(counts):
        for _ in range(count):
            product *= (alpha[arm] + seen[arm]) / (c + total) / Fraction(str(shares[arm]))
            seen[arm] += 1
            total += 1
            if len(str(product.numerator)) > 400:
                log += math.log(product.numerator) - math.log(product.denominator)
                product = Fraction(1)
    return log + math.log(product.numerator) - math.log(product.denominator)


for counts, shares, c in [([97, 3], [0.99, 0.01], 100), ([400, 12], [0.99, 0.01], 20), ([0, 7], [0.75, 0.25], 10), ([30, 45, 25], [0.2, 0.5, 0.3], 50), ([1, 0], [0.95, 0.05], 100)]:
    add("polya", f"urn_{'_'.join(map(str, counts))}", dict(counts=counts, theta0=shares, alpha0=[c * s for s in shares]),
        {"log_bf": polya_log(counts, shares, c)}, "Polya's urn unit by unit in exact fractions", 1e-9)
for counts, shares, c in [([990_000_000, 10_050_000], [0.99, 0.01], 100), ([500_000, 501_500], [0.5, 0.5], 1000)]:
    # ln B in 60 digits by Stirling's series
    def log_gamma(x):
        x = Decimal(x)
        shift = Decimal(0)
        while x < 60:
            shift -= x.ln()
            x += 1
        series = sum(Decimal(b.numerator) / Decimal(b.denominator) / (2 * k * (2 * k - 1)) / x ** (2 * k - 1)
                     for k, b in enumerate([Fraction(1, 6), Fraction(-1, 30), Fraction(1, 42), Fraction(-1, 30), Fraction(5, 66),
                                            Fraction(-691, 2730), Fraction(7, 6), Fraction(-3617, 510), Fraction(43867, 798), Fraction(-174611, 330)], 1))
        two_pi = Decimal("6.28318530717958647692528676655900576839433879875021164194988918")
        return shift + (x - Decimal("0.5")) * x.ln() - x + two_pi.ln() / 2 + series

    exact = [Decimal(str(s)) for s in shares]
    log = log_gamma(c) - log_gamma(c + sum(counts))
    for count, s in zip(counts, exact):
        log += log_gamma(c * s + count) - log_gamma(c * s) - count * s.ln()
    # shares as doubles move the count's expectation by 1e-16 of it, its log likelihood by about z * sqrt(n) * 1e-16
    add("polya", f"digits_{counts[0]}", dict(counts=counts, theta0=shares, alpha0=[c * s for s in shares]),
        {"log_bf": float(log)}, "ln Gamma to 60 digits by Stirling's series", 1e-8)


def brute_bernoulli(events, n, alpha, t_opt, alpha_opt=0.05):
    c = max(best_rho(t_opt, alpha_opt) - 1, 1e-3)
    f = lambda p: (special.betaln(c * p + events, c * (1 - p) + n - events) - special.betaln(c * p, c * (1 - p))
                   - events * math.log(p) - (n - events) * math.log1p(-p) - math.log(1 / alpha))
    hat = min(max(events / n, 1e-12), 1 - 1e-12)
    low = 0 if events == 0 or f(1e-12) < 0 else optimize.brentq(f, 1e-12, hat, xtol=1e-15, rtol=1e-14)
    high = 1 if events == n or f(1 - 1e-12) < 0 else optimize.brentq(f, hat, 1 - 1e-12, xtol=1e-15, rtol=1e-14)
    return [low, high]


for events, n, alpha, t_opt in [(0, 300, 0.05, 1000), (3, 143, 0.05, 200), (286, 14157, 0.01, 10000), (140, 143, 0.1, 200), (300, 300, 0.05, 50), (2, 3, 0.5, 10)]:
    add("bernoulli", f"brent_{events}_{n}", dict(successes=events, n=n, alpha=alpha, t_opt=t_opt, alpha_opt=0.05),
        {"ci": brute_bernoulli(events, n, alpha, t_opt)}, "scipy's betaln and Brent's method", 1e-8)


# Counts with changing shares: event by event, the belief about the log rate ratio carried over


def counts_run(steps, c, order, side=None):
    """Beta belief (a0, a1), event by event in any order; one-sided with the belief cut at the share, integrated numerically."""
    log, logs, a, last = 0.0, [], None, None
    for (n0, n1), share in steps:
        if a is None:
            a = [c * (1 - share), c * share]
        elif share != last:
            weight, mean = a[0] + a[1], a[1] / (a[0] + a[1])
            odds = mean / (1 - mean) * (1 - last) / last * share / (1 - share)
            new = odds / (1 + odds)
            weight *= mean * (1 - mean) / (new * (1 - new))
            a = [weight * (1 - new), weight * new]
        last = share
        events = [0] * n0 + [1] * n1
        order.shuffle(events)
        start = tuple(a)
        for e in events:
            log += math.log(a[e] / (a[0] + a[1]) / (share if e else 1 - share))
            a[e] += 1
        if side and events:
            cut = lambda q0, q1: log_integral(
                lambda q: (q1 - 1) * np.log(q) + (q0 - 1) * np.log1p(-q),
                *((share, 1) if side == "greater" else (0, share))) - special.betaln(q0, q1)
            log += cut(*a) - cut(*start)
        logs.append(log)
    return logs


rng = np.random.default_rng(7)
ramps = {
    "steady": ([((97, 3), 0.01), ((200, 9), 0.01), ((50, 0), 0.01)], 100),
    "ramp": ([((497, 9), 0.01), ((300, 22), 0.05), ((150, 61), 0.25), ((70, 90), 0.5)], 100),
    "even": ([((40, 52), 0.5), ((33, 60), 0.5)], 20),
    "back": ([((40, 52), 0.5), ((333, 6), 0.02)], 60),
}
for name, (steps, c) in ramps.items():
    expect = {"two_sided": counts_run(steps, c, rng)}
    # integrable in the halves only without a pole at 0, so for priors with both parameters above 1
    for side in ("greater", "less"):
        if c * steps[0][1] >= 1:
            expect[side] = counts_run(steps, c, rng, side)
    total = expect["two_sided"][-1]
    s1 = sum(k1 for (_, k1), _ in steps)
    log_bf = lambda lr: total - s1 * lr + sum((k0 + k1) * math.log(1 - t + t * math.exp(lr)) for (k0, k1), t in steps)
    centre = optimize.minimize_scalar(log_bf, bounds=(-10, 10), method="bounded", options=dict(xatol=1e-10)).x
    for level in (0.95,):
        f = lambda lr: log_bf(lr) - math.log(1 / (1 - level))
        expect["ratio"] = [math.exp(optimize.brentq(f, -20, centre, xtol=1e-13)), math.exp(optimize.brentq(f, centre, 20, xtol=1e-13))]
    add("counts", name, dict(steps=[dict(counts=list(k), share=t) for k, t in steps], c=c), expect,
        "event by event in random order; beta tails by quadrature; Brent's method", 1e-8)

# Sample ratio

for counts, weights in [([100, 99, 130], [1, 1, 1]), ([12, 3], [0.95, 0.05]), ([0, 40], [1, 3]), ([5, 9, 11, 2], [0.1, 0.4, 0.4, 0.1]), ([14_000, 90], [0.99, 0.01])]:
    w = np.array(weights) / sum(weights)
    n = sum(counts)
    chi = stats.chisquare(counts, w * n)
    expect = {"chi2": float(chi.statistic), "p": float(chi.pvalue)}
    if len(counts) == 2:
        expect["exact_p"] = float(stats.binomtest(counts[1], n, w[1]).pvalue)
    elif n < 60:
        pmf = stats.multinomial(n, w).pmf
        seen = pmf(counts)
        ways = (list(x) + [n - sum(x)] for x in itertools.product(range(n + 1), repeat=len(counts) - 1) if sum(x) <= n)
        masses = pmf(np.array(list(ways)))
        expect["exact_p"] = float(masses[masses <= seen * (1 + 1e-7)].sum())
    add("sample_ratio", "_".join(map(str, counts)), dict(counts=counts, weights=weights), expect, "scipy chisquare, binomtest, multinomial", 1e-8)
stages = [([990, 14], [0.99, 0.01]), ([940, 66], [0.95, 0.05]), ([260, 255, 490], [0.25, 0.25, 0.5])]
chi = sum(stats.chisquare(k, np.array(w) * sum(k)).statistic for k, w in stages)
add("sample_ratio_stages", "ramp", dict(stages=[dict(counts=k, shares=w) for k, w in stages]),
    {"chi2": float(chi), "df": 4, "p": float(stats.chi2.sf(chi, 4))}, "scipy chisquare summed", 1e-9)

# Bounded means

for name, draw, n, level, v_opt in [("beta", lambda r, n: r.beta(1.5, 6, n), 80, 0.95, 10), ("bernoulli", lambda r, n: (r.random(n) < 0.1) * 1.0, 150, 0.9, 20), ("late", lambda r, n: np.sort(r.random(n)), 60, 0.95, 5)]:
    x = np.round(draw(np.random.default_rng(3), n), 3)
    a = (1 - level) / 2
    prior = np.concatenate([[0.5], np.cumsum(x)[:-1] / np.arange(1, n)])
    v = float(((x - prior) ** 2).sum())
    bound = optimize.brentq(lambda s: mixture_log("gamma_exponential", 1, s, v, v_opt, a, c=1) - math.log(1 / a), 0.1, 10 * n, xtol=1e-11)
    mean = float(x.mean())
    mu = (0.5 + np.cumsum(x)) / (np.arange(n) + 2)
    before = np.concatenate([[0.5], mu[:-1]])
    var = (0.25 + np.cumsum((x - mu) ** 2)) / (np.arange(n) + 2)
    t = np.arange(1, n + 1)
    bets = np.sqrt(2 * math.log(1 / a) / (np.concatenate([[0.25], var[:-1]]) * t * np.log(1 + t)))
    lam = np.minimum(0.5, bets)
    centre = float((lam * x).sum() / lam.sum())
    margin = float((math.log(1 / a) + ((-np.log(1 - lam) - lam) * (x - before) ** 2).sum()) / lam.sum())
    up = lambda m: np.log1p(np.minimum(bets, 0.5 / m) * (x - m)).sum() - math.log(1 / a)
    down = lambda m: np.log1p(-np.minimum(bets, 0.5 / (1 - m)) * (x - m)).sum() - math.log(1 / a)
    betting = [optimize.brentq(up, 1e-9, 1, xtol=1e-14), optimize.brentq(down, 0, 1 - 1e-9, xtol=1e-14)]
    clip = lambda low, high: [max(0, low), min(1, high)]
    add("bounded_mean", name, dict(values=x.tolist(), level=level, v_opt=v_opt),
        {"mixture": clip(mean - bound / n, mean + bound / n), "plug_in": clip(centre - margin, centre + margin), "betting": betting},
        "Waudby-Smith & Ramdas (2024) and Howard et al. (2021) evaluated with numpy, Brent's method", 1e-8)

# Quantiles


def lil_c(alpha, a):
    def error(c):
        best = math.inf
        for eta in np.linspace(1 + 1e-6, 2 * a * a - 1e-9, 40001):
            gap = a - math.sqrt(2 * (eta - 1) / c)
            square = 2 / eta * gap * gap
            if gap > 0 and square > 1:
                best = min(best, 4 * math.exp(-square * c) * (1 + 1 / ((square - 1) * math.log(eta))))
        return best
    return optimize.brentq(lambda c: math.log(error(c) / alpha), 2, 80, xtol=1e-7)


for t, alpha, t_min, a in [(5000, 0.01, 50, 0.85), (300, 0.05, 32, 1.0)]:
    c = lil_c(alpha, a)
    add("empirical_process", f"scan_{t}_{a}", dict(t=t, alpha=alpha, t_min=t_min, A=a),
        {"bound": a * math.sqrt((math.log(1 + math.log(t / t_min)) + c) / t)},
        "Howard & Ramdas (2022), theorem 2, eta scanned over 40,001 points", 1e-6)


def stitching(p, t, alpha, m, delta=0.5, s=1.4, eta=2.0):
    t = max(t, m)
    r = p if p >= 0.5 else min(0.5, special.expit(special.logit(p) + 2 * delta * math.sqrt(eta * m / t)))
    j = math.sqrt(t / m) * abs(special.logit(p)) / (2 * delta) + 1
    z = special.zeta(s)
    ell = s * math.log(math.log(eta * t / m)) + s * math.log(j) + math.log(2 * z * (2 * z + 1) / (alpha * math.log(eta) ** s))
    cp = (1 - 2 * p) / 3
    k1, k2 = (eta**0.25 + eta**-0.25) / math.sqrt(2), (math.sqrt(eta) + 1) / 2
    return delta * math.sqrt(eta * t * r * (1 - r) / m) + math.sqrt(k1**2 * r * (1 - r) * t * ell + (k2 * cp * ell) ** 2) + k2 * cp * ell


for p, t, alpha, m in [(0.1, 1000, 0.05, 100), (0.02, 20000, 0.01, 32), (0.999, 50, 0.05, 100), (0.5, 1e6, 0.025, 500)]:
    add("double_stitching", f"formula_{p}_{t:g}", dict(p=p, t=t, alpha=alpha, t_opt=m), {"bound": float(stitching(p, t, alpha, m))},
        "Howard & Ramdas (2022), theorem 3, scipy's zeta", 1e-10)


def bb(s, n, p, t_opt, alpha_opt):
    c = max(best_rho(t_opt, alpha_opt) - 1, 1e-3)
    up, down = np.maximum(0, n * p + s), np.maximum(0, n * (1 - p) - s)
    return (special.betaln(c * p + up, c * (1 - p) + down) - special.betaln(c * p, c * (1 - p)) - up * math.log(p) - down * math.log1p(-p))


def bb_one(k, n, p, t_opt, alpha_opt):
    """k of n below; evidence that more than a share p is."""
    c = max(best_rho(t_opt, 2 * alpha_opt) - 1, 1e-3)
    above = lambda a, b: log_integral(lambda q: (a - 1) * np.log(q) + (b - 1) * np.log1p(-q), p, 1)
    ratio = above(c * p + k, c * (1 - p) + n - k) - above(c * p, c * (1 - p))
    return ratio - k * math.log(p) - (n - k) * math.log1p(-p)


for n, p, level, t_opt in [(100, 0.5, 0.95, 100), (1000, 0.95, 0.95, 1000), (5000, 0.99, 0.9, 2000), (20, 0.95, 0.95, 100), (400, 0.1, 0.99, 400)]:
    counts = np.arange(0, n + 1)
    threshold = math.log(1 / (1 - level))
    # ranks: the smallest k whose next lower count is excluded, by complete scan over the counts
    excluded = bb(counts - n * p, n, p, t_opt, 1 - level) >= threshold
    lows = [k for k in counts if k < n * p and excluded[k]]
    highs = [k for k in counts if k > n * p and excluded[k]]
    lower = max(lows) + 1 if lows else 0
    upper = min(highs) if highs else n + 1
    add("quantile_ranks", f"scan_{n}_{p}", dict(n=n, p=p, level=level, t_opt=t_opt),
        {"lower": int(lower) if lower >= 1 else None, "upper": int(upper) if upper <= n else None}, "complete scan of the counts with scipy's betaln", 0, "absolute")

rng = np.random.default_rng(11)
for name, a, b, p, t_opt in [
    ("ties", rng.integers(0, 8, 150), rng.integers(2, 10, 90), 0.5, 100),
    ("skewed", np.round(rng.exponential(1, 300), 3), np.round(rng.exponential(2.2, 60), 3), 0.75, 200),
    ("tail", np.round(rng.exponential(1, 900), 3), np.round(0.4 * rng.exponential(1, 500), 3), 0.95, 500),
    ("same", np.round(rng.normal(0, 1, 120), 3), np.round(rng.normal(0, 1, 110), 3), 0.25, 100),
]:
    a, b = np.sort(a).astype(float), np.sort(b).astype(float)
    pooled = np.unique(np.concatenate([a, b]))
    points = np.concatenate([[-1e9], np.sort(np.concatenate([pooled, (pooled[1:] + pooled[:-1]) / 2])), [1e9]])

    def two(values, x):
        """The least over the true share of values below a cut at x: all of a fine grid of counts between < x and <= x."""
        n = len(values)
        low, high = np.searchsorted(values, x, "left"), np.searchsorted(values, x, "right")
        return float(bb(np.linspace(low, high, 4001) - n * p, n, p, t_opt, 0.05).min())

    least = min(two(a, x) + two(b, x) for x in points)

    known = {}

    def cached(k, n, q):
        if (k, n, q) not in known:
            known[k, n, q] = bb_one(k, n, q, t_opt, 0.05)
        return known[k, n, q]

    def one(low, high, x):
        return (cached(int(np.searchsorted(low, x, "left")), len(low), p)
                + cached(len(high) - int(np.searchsorted(high, x, "right")), len(high), 1 - p))

    asp = lambda log: float(min(1, math.exp(-log)))
    add("quantile_two_arms", name, dict(control=a.tolist(), candidate=b.tolist(), p=p, t_opt=t_opt),
        {"twoSided": asp(least), "greater": asp(min(one(a, b, x) for x in points)), "less": asp(min(one(b, a, x) for x in points))},
        "brute force over all cuts; beta functions of scipy", 1e-6)

# Tails of the beta distribution in logs

for x, a, b in [(0.01, 5, 700), (0.3, 5, 7), (0.9, 5, 700), (0.5, 40.5, 3.2), (0.2, 4, 3), (0.99, 99e6, 1.01e6), (0.4, 2e4, 3.1e4)]:
    f = lambda q: (a - 1) * np.log(q) + (b - 1) * np.log1p(-q)
    whole = log_integral(f, 0, 1)
    lower, upper = log_integral(f, 0, x) - whole, log_integral(f, x, 1) - whole
    # the larger from the smaller, which keeps its digits
    if lower < upper:
        upper = math.log1p(-math.exp(lower))
    else:
        lower = math.log1p(-math.exp(upper))
    add("beta_tails", f"{x}_{a:g}_{b:g}", dict(x=x, a=a, b=b), {"lower": lower, "upper": upper},
        "density integrated by Gauss-Legendre", 1e-7 if a > 1e6 else 1e-8)

made_by = f"test/golden/make_anytime.py, python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"
path = Path(__file__).resolve().with_suffix("").with_name("anytime.json")
path.write_text(json.dumps({"made_by": made_by, "tables": TABLES}, indent=1, ensure_ascii=False) + "\n")
print({table: len(entries) for table, entries in TABLES.items()})
