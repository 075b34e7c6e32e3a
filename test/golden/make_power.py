#!/usr/bin/env python3
"""Reference numbers for power, sample size and what multiplies a sample: writes power.json beside this file.

Nothing here looks at the library under test. Every number is another program's published output (rpact 4.0 unit tests,
R 4.2.2, statsmodels, gsDesign, confidence), copied with its source, or it is computed here with numpy and scipy: quadrature
over the chi density or scipy's noncentral t, numerical maximum likelihood, enumeration of all outcomes.

rpact's entries are group-sequential. Their sample size is that of a fixed test times the design's inflation factor, which
is computed here from the definition by integrating the joint distribution of the three looks; its power entries mix
looks and have no fixed counterpart, so they are left out.

A number matches if |got - expect| <= tolerance * |expect|, or |got| <= tolerance where expect is 0.

Run: python3 test/golden/make_power.py        needs numpy and scipy
"""

import itertools
import json
import math
import platform
from pathlib import Path

import numpy as np
import scipy
from scipy import integrate, optimize, stats

HERE = Path(__file__).resolve().parent
TABLES = {}
Z = stats.norm.isf


def add(table, id, input, expect, source, tolerance=1e-9):
    entries = TABLES.setdefault(table, [])
    assert all(entry["id"] != id for entry in entries), id
    plain = lambda v: (
        {k: plain(w) for k, w in v.items()} if isinstance(v, dict)
        else [plain(w) for w in v] if isinstance(v, (list, tuple))
        else v.item() if isinstance(v, np.generic) else v
    )
    entries.append({"id": id, "input": plain(input), "expect": plain(expect), "tolerance": tolerance, "source": source})


def arms(control, candidate):
    return {"control": control, "candidate": candidate}


# ---- inflation of rpact's designs: Wang-Tsiatis boundaries c * t^(delta - 1/2), three looks

NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)


def crossing(bounds, times, drift, two_sided, lower=True):
    """P(cross the upper [or either] bound) of Z_k with mean drift * sqrt(t_k): Armitage, McPherson & Rowe (1969).

    Without `lower` a path that crosses the lower bound stops and is not counted, as in rpact's two-sided power.
    """
    total, grid, density = 0.0, None, None
    for k, (bound, t) in enumerate(zip(bounds, times)):
        low = -bound if two_sided else -10.0
        panels = np.linspace(low, bound, 13)
        x = np.concatenate([(b - a) / 2 * NODES + (a + b) / 2 for a, b in zip(panels, panels[1:])])
        w = np.concatenate([(b - a) / 2 * WEIGHTS for a, b in zip(panels, panels[1:])])
        if k == 0:
            total += stats.norm.sf(bound - drift * math.sqrt(t))
            total += stats.norm.cdf(-bound - drift * math.sqrt(t)) if two_sided and lower else 0
            new = stats.norm.pdf(x - drift * math.sqrt(t))
        else:
            before = times[k - 1]
            step = t - before
            at = lambda z: (z * math.sqrt(t) - grid * math.sqrt(before) - drift * step) / math.sqrt(step)
            total += np.sum(density * stats.norm.sf(at(bound)))
            total += np.sum(density * stats.norm.cdf(at(-bound))) if two_sided and lower else 0
            new = np.array([np.sum(density * stats.norm.pdf(at(z))) for z in x]) * math.sqrt(t / step)
        grid, density = x, new * w
    return total


def inflation(alpha, beta, times, delta, two_sided):
    bounds = lambda c: [c * t ** (delta - 0.5) for t in times]
    c = optimize.brentq(lambda c: crossing(bounds(c), times, 0, two_sided) - alpha, 0.3, 5, xtol=1e-12)
    fixed = Z(alpha / 2 if two_sided else alpha) + Z(beta)
    drift = optimize.brentq(lambda d: crossing(bounds(c), times, d, two_sided, lower=False) - 1 + beta, 1, 6, xtol=1e-12)
    return (drift / fixed) ** 2


ONE = inflation(0.025, 0.1, [0.2, 0.5, 1], 0.3, False)
TWO = inflation(0.4, 0.1, [0.2, 0.5, 1], 0.3, True)
print("inflation", ONE, TWO)

# ---- two means, one mean


def rpact_means(line, n1, n2, r, effect, sd1, sd2, test, two_sided=False):
    """Group 1 is the candidate, r = n1 / n2; inputs per unit."""
    add("means_size", f"rpact_means_{line}",
        {"difference": effect, "deviation": arms(sd2, sd1), "power": 0.9, "ratio": 1 / r, "test": test,
         "alternative": "twoSided" if two_sided else "greater", "alpha": 0.4 if two_sided else 0.025, "strict": False,
         "inflation": TWO if two_sided else ONE},
        arms(n2, n1), f"rpact v4.0.0 tests/testthat/test-f_design_plan_means.R:{line}", 1e-6)


rpact_means(163, 53.501497, 53.501497, 1, 1.3, 2, 2, "t")
rpact_means(267, 106.4785, 35.492832, 3, 1.3, 2, 2, "t")
rpact_means(387, 35.681155, 35.681155, 1, 1.6, 2, 2, "t")
rpact_means(491, 24.839307, 62.098267, 0.4, 1.6, 2, 2, "t")
for line, n1, n2, r, test in [(611, 181.57474, 181.57474, 1, "t"), (715, 343.68473, 114.56158, 3, "t"), (836, 189.5336, 170.58024, 1 / 0.9, "z")]:
    # stDev is a share of the control's mean
    add("mean_ratio_size", f"rpact_means_{line}",
        {"means": arms(7, 7 * 1.9), "deviation": 7 * 3, "nullRatio": 0.9, "power": 0.9, "ratio": 1 / r, "test": test,
         "alternative": "greater", "alpha": 0.025, "inflation": ONE}, arms(n2, n1),
        f"rpact v4.0.0 tests/testthat/test-f_design_plan_means.R:{line}", 1e-6)
rpact_means(1099, 24.9770835, 24.9770835, 1, 1.3, 2, 2, "z", True)
rpact_means(1219, 66.605556 * 0.75, 66.605556 * 0.25, 3, 1.3, 2, 2, "z", True)
for line, n, test, two_sided in [(65, 494.6455, "t", False), (991, 234.50706, "z", True)]:
    add("one_mean_size", f"rpact_means_{line}",
        {"mean": 0.8, "nullMean": 0.5, "deviation": 2, "power": 0.9, "test": test, "strict": False,
         "alternative": "twoSided" if two_sided else "greater", "alpha": 0.4 if two_sided else 0.025,
         "inflation": TWO if two_sided else ONE},
        {"total": n}, f"rpact v4.0.0 tests/testthat/test-f_design_plan_means.R:{line}", 1e-6)
add("means_size", "pt2", {"difference": 1, "deviation": arms(1, 1), "power": 0.9, "ratio": 1, "test": "t",
                          "alternative": "twoSided", "alpha": 0.05, "strict": False, "inflation": 1},
    arms(22.0210977038512, 22.0210977038512), "R 4.2.2 ?power.t.test; documented n=22.02110", 1e-6)
for id, n, mean, alternative, power in [
    ("OneS1", 30, 1, "twoSided", 0.9995636009612725), ("OneS3", 30, 1, "greater", 0.999892010204909),
    ("OneS5", 20, 0.2, "less", 0.006063932667926375)]:
    add("one_mean_power", f"sm_TestTTPower{id}", {"mean": mean, "deviation": 1, "n": n, "test": "t",
        "alternative": alternative, "alpha": 0.05}, {"power": power},
        f"statsmodels 0.15.0 stats/tests/test_power.py TestTTPower{id} (values from R pwr)", 1e-8)
add("one_mean_power", "sm_TestNormalIndPower_onesamp1", {"mean": 0.3, "deviation": 1, "n": 40, "test": "z",
    "alternative": "twoSided", "alpha": 0.05}, {"power": 0.475100870572638},
    "statsmodels 0.15.0 stats/tests/test_power.py (values from R pwr)", 1e-8)
for id, n0, n1, d, test, alternative, power in [
    ("TestTTPowerTwoS1", 30, 30, 1, "t", "twoSided", 0.967708258242517),
    ("TestTTPowerTwoS3", 30, 30, 1, "t", "greater", 0.985459690251624),
    ("TestTTPowerTwoS5", 20, 30, 0.1, "t", "twoSided", 0.0633081832564667),
    ("TestNormalIndPower1", 80, 80, 0.3, "z", "twoSided", 0.475100870572638)]:
    add("means_power", f"sm_{id}", {"difference": d, "deviation": arms(1, 1), "sizes": arms(n0, n1), "test": test,
        "alternative": alternative, "alpha": 0.05}, {"power": power},
        f"statsmodels 0.15.0 stats/tests/test_power.py {id} (values from R pwr)", 1e-8)
add("means_power", "ni_power_0.02_5000", {"difference": -0.005, "nullDifference": -0.02, "deviation": arms(0.3, 0.3),
    "sizes": arms(50000, 5000), "test": "z", "alternative": "greater", "alpha": 0.025}, {"power": 0.9208829012484436},
    "Julious (2004): power = Phi((m + delta)/se - z_a), evaluated with scipy 1.17.1")
add("means_size", "ni_each_0.02", {"difference": -0.005, "nullDifference": -0.02, "deviation": arms(0.3, 0.3), "power": 0.8,
    "ratio": 1, "test": "z", "alternative": "greater", "alpha": 0.025, "inflation": 1},
    arms(6279.103787479272, 6279.103787479272), "Julious (2004), evaluated with scipy 1.17.1")
add("equivalence_power", "tost_0.02_5000", {"difference": 0, "deviation": arms(0.3, 0.3), "low": -0.02, "high": 0.02,
    "sizes": arms(50000, 5000), "test": "z", "alpha": 0.025}, {"power": 0.9887456904831708},
    "Julious (2004): 2 Phi(m/se - z_a) - 1, evaluated with scipy 1.17.1")
add("means_power", "nNormal_2", {"difference": 0.8, "deviation": arms(1.25, 1.6), "sizes": arms(400 / 3, 200 / 3), "test": "z",
    "alternative": "greater", "alpha": 0.025}, {"power": 0.95}, "gsDesign tests/testthat/test-nNormal.R, rounded", 0.005)


def t_sf(noncentrality, df, tail):
    """P(noncentral t > upper quantile), by Gauss-Legendre panels over the chi density; z for an infinite df."""
    if df == math.inf:
        return stats.norm.sf(Z(tail) - noncentrality)
    q = stats.t.isf(tail, df)
    spread = 1 / math.sqrt(2 * df)
    chi = stats.chi(df, scale=1 / math.sqrt(df))
    cuts = set(np.linspace(max(0, 1 - 12 * spread), 1 + 12 * spread, 60))
    if df < 30:
        cuts |= set(np.linspace(0, 15 / math.sqrt(df), 200))
    cuts = sorted(cuts)
    s = np.concatenate([(b - a) / 2 * NODES + (a + b) / 2 for a, b in zip(cuts, cuts[1:])])
    w = np.concatenate([(b - a) / 2 * WEIGHTS for a, b in zip(cuts, cuts[1:])])
    return float(np.sum(w * stats.norm.sf(q * s - noncentrality) * chi.pdf(s)) / np.sum(w * chi.pdf(s)))


def t_power(noncentrality, df, alternative, alpha, strict=True):
    if alternative != "twoSided":
        return t_sf(noncentrality if alternative == "greater" else -noncentrality, df, alpha)
    return t_sf(abs(noncentrality), df, alpha / 2) + (t_sf(-abs(noncentrality), df, alpha / 2) if strict else 0)


def statistic(difference, sd0, sd1, n0, n1, test):
    v0, v1 = sd0**2 / n0, sd1**2 / n1
    df = {"z": math.inf, "t": n0 + n1 - 2, "welch": (v0 + v1) ** 2 / (v0**2 / (n0 - 1) + v1**2 / (n1 - 1))}[test]
    return difference / math.sqrt(v0 + v1), df


cases = [(0.5, 0, 1, 1, 10, 10), (0.1, 0.0, 1, 2, 9900, 100), (-0.3, -0.5, 2, 1, 40, 8), (120.0, 0, 900, 1100, 99000, 1000),
         (0.02, 0, 0.3, 0.3, 5, 3)]
for k, (d, null, sd0, sd1, n0, n1) in enumerate(cases):
    for test, alternative, alpha in itertools.product(["z", "t", "welch"], ["less", "greater", "twoSided"], [0.05, 0.001]):
        strict = k % 2 == 0
        power = t_power(*statistic(d - null, sd0, sd1, n0, n1, test), alternative, alpha, strict)
        if power < 1e-15:
            continue
        add("means_power", f"own_{k}_{test}_{alternative}_{alpha}",
            {"difference": d, "nullDifference": null, "deviation": arms(sd0, sd1), "sizes": arms(n0, n1), "test": test,
             "alternative": alternative, "alpha": alpha, "strict": strict}, {"power": power},
            f"scipy {scipy.__version__}: quadrature of the normal tail over the chi density; Satterthwaite (1946)", 1e-8)
for k, (d, sd0, sd1, ratio, power, alpha) in enumerate(
    [(0.2, 1, 1, 1, 0.8, 0.05), (0.2, 1, 1.5, 99, 0.9, 0.01), (0.05, 1, 1, 999, 0.8, 0.05), (1, 1, 2, 0.25, 0.95, 0.05), (3, 1, 1.2, 3, 0.8, 0.05)]):
    for test, alternative in itertools.product(["z", "t", "welch"], ["greater", "twoSided"]):
        f = lambda n: t_power(*statistic(d, sd0, sd1, ratio * n, n, test), alternative, alpha) - power
        low = 2 * max(1, 1 / ratio)
        if test != "z" and f(low) > 0:
            continue
        n = optimize.brentq(f, low if test != "z" else 1e-6, 1e7, xtol=1e-9, rtol=1e-13)
        add("means_size", f"own_{k}_{test}_{alternative}",
            {"difference": d, "deviation": arms(sd0, sd1), "power": power, "ratio": ratio, "test": test,
             "alternative": alternative, "alpha": alpha, "strict": True, "inflation": 1}, arms(ratio * n, n),
            f"scipy {scipy.__version__}: root of the quadrature above", 1e-7)

# ---- the true power of Welch's test, over both sample variances; the noncentral t comes within .005

U, WU = (np.polynomial.legendre.leggauss(300)[0] + 1) / 2, np.polynomial.legendre.leggauss(300)[1] / 2
for n0, n1, sd0, sd1 in [(990, 10, 1, 1), (40, 8, 1, 3), (40, 8, 3, 1), (10, 10, 1, 2)]:
    for noncentrality in (1.5, 2.5, 3.5):
        v0 = (sd0**2 * stats.chi2.ppf(U, n0 - 1) / (n0 - 1) / n0)[:, None]
        v1 = (sd1**2 * stats.chi2.ppf(U, n1 - 1) / (n1 - 1) / n1)[None, :]
        critical = stats.t.isf(0.025, (v0 + v1) ** 2 / (v0**2 / (n0 - 1) + v1**2 / (n1 - 1)))
        se = math.sqrt(sd0**2 / n0 + sd1**2 / n1)
        power = float(WU @ stats.norm.sf(critical * np.sqrt(v0 + v1) / se - noncentrality) @ WU)
        add("means_power", f"welch_true_{n0}_{n1}_{sd0}_{sd1}_{noncentrality}",
            {"difference": noncentrality * se, "deviation": arms(sd0, sd1), "sizes": arms(n0, n1), "test": "welch",
             "alternative": "greater", "alpha": 0.025}, {"power": power},
            f"scipy {scipy.__version__}: quadrature over both sample variances", 0.005 / power)

# ---- equivalence


def tost(low, high, df, alpha):
    if df == math.inf:
        return max(0, stats.norm.cdf(high - Z(alpha)) - stats.norm.cdf(Z(alpha) - low))
    q = stats.t.isf(alpha, df)
    end = (low + high) / (2 * q)
    chi = stats.chi(df, scale=1 / math.sqrt(df))
    cuts = sorted({0.0, end} | {min(end, max(0, 1 + k / math.sqrt(2 * df))) for k in (-12, -6, -3, -1, 0, 1, 3, 6, 12)})
    return sum(integrate.quad(lambda s: (stats.norm.cdf(high - q * s) - stats.norm.cdf(q * s - low)) * chi.pdf(s), a, b,
                              epsabs=1e-15, epsrel=1e-12)[0] for a, b in zip(cuts, cuts[1:]))


for k, (d, sd0, sd1, low, high, n0, n1, alpha) in enumerate(
    [(0, 1, 1, -0.5, 0.5, 50, 50, 0.05), (0.1, 1, 1, -0.5, 0.4, 900, 60, 0.05), (0, 1, 1.3, -0.9, 1.2, 12, 9, 0.05),
     (0, 1, 1, -0.2, 0.2, 12, 12, 0.05), (0.01, 0.3, 0.3, -0.02, 0.03, 99000, 1000, 0.025), (0.3, 1, 1, -1, 1, 6, 5, 0.1)]):
    for test in ["z", "t", "welch"]:
        se, df = math.sqrt(sd0**2 / n0 + sd1**2 / n1), statistic(0, sd0, sd1, n0, n1, test)[1]
        power = tost((d - low) / se, (high - d) / se, df, alpha)
        add("equivalence_power", f"own_{k}_{test}", {"difference": d, "deviation": arms(sd0, sd1), "low": low, "high": high,
            "sizes": arms(n0, n1), "test": test, "alpha": alpha}, {"power": power},
            f"scipy {scipy.__version__}: quadrature; Phillips (1990)", 1e-8)

# ---- two proportions


def null_fit(p0, p1, ratio, scale, value):
    """Rates obeying the null that maximise the expected log-likelihood, by brute numerical maximisation."""
    link = {"difference": lambda q: q + value, "ratio": lambda q: q * value, "oddsRatio": lambda q: value * q / (1 + q * (value - 1))}[scale]
    low, high = {"difference": (max(0, -value), min(1, 1 - value)), "ratio": (0, min(1, 1 / (value or 1))), "oddsRatio": (0, 1)}[scale]
    slope = {"difference": lambda q: 1.0, "ratio": lambda q: value, "oddsRatio": lambda q: value / (1 + q * (value - 1)) ** 2}[scale]
    score = lambda q: ratio * (p0 - q) / (q * (1 - q)) + (p1 - link(q)) / (link(q) * (1 - link(q))) * slope(q)
    eps = 1e-13 * (high - low)
    q = optimize.brentq(score, low + eps, high - eps, xtol=1e-16, rtol=1e-15)
    return q, link(q)


def rate_parts(p0, p1, ratio, scale, value, test):
    v = lambda p: p * (1 - p)
    if test == "arcsine":
        h = 2 * math.asin(math.sqrt(p1)) - 2 * math.asin(math.sqrt(p0))
        return h, math.sqrt(1 + 1 / ratio), math.sqrt(1 + 1 / ratio)
    logit = lambda p: math.log(p / (1 - p))
    sd = {"difference": lambda a, b: math.sqrt(v(b) + v(a) / ratio), "ratio": lambda a, b: math.sqrt(v(b) + value**2 * v(a) / ratio),
          "oddsRatio": lambda a, b: math.sqrt(1 / v(b) + 1 / (ratio * v(a)))}[scale]
    effect = {"difference": lambda: p1 - p0 - value, "ratio": lambda: p1 - value * p0,
              "oddsRatio": lambda: logit(p1) - logit(p0) - math.log(value)}[scale]()
    under_plan = sd(p0, p1)
    return effect, under_plan if test == "unpooled" else sd(*null_fit(p0, p1, ratio, scale, value)), under_plan


def rate_power(parts, n, alternative, alpha, strict):
    effect, s0, s1 = parts
    toward = math.sqrt(n) * (-effect if alternative == "less" else effect)
    reject = lambda tail, x: stats.norm.sf((Z(tail) * s0 - x) / s1)
    if alternative != "twoSided":
        return reject(alpha, toward)
    return reject(alpha / 2, abs(toward)) + (reject(alpha / 2, -abs(toward)) if strict else 0)


def rate_size(table_id, p0, p1, null, ratio, power, alpha, alternative, expect, source, tolerance, test="score", strict=False, factor=1):
    add("rates_size", table_id, {"rates": arms(p0, p1), "null": null, "test": test, "ratio": ratio, "power": power, "alpha": alpha,
        "alternative": alternative, "strict": strict, "inflation": factor}, expect, source, tolerance)


NONE = {"scale": "difference", "value": 0}
SOURCE = "rpact v4.0.0 tests/testthat/test-f_design_plan_rates.R:"
rate_size("rpact_rates_234", 0.3, 0.5, NONE, 1 / 3, 0.9, 0.025, "greater", arms(87.353268, 262.0598), SOURCE + "234", 1e-6, factor=ONE)
rate_size("rpact_rates_350", 0.1, 0.5, {"scale": "difference", "value": 0.2}, 2.5, 0.9, 0.025, "greater", arms(191.06334, 76.425337), SOURCE + "350", 1e-6, factor=ONE)
rate_size("rpact_rates_477", 0.2, 0.4, {"scale": "ratio", "value": 0.9}, 1, 0.9, 0.025, "greater", arms(85.604059, 85.604059), SOURCE + "477", 1e-6, factor=ONE)
rate_size("rpact_rates_595", 0.2, 0.4, {"scale": "ratio", "value": 0.9}, 1 / 1.0304199, 0.9, 0.025, "greater", arms(84.303693, 86.868201), SOURCE + "595", 1e-6, factor=ONE)
rate_size("rpact_rates_723", 0.3, 0.5, NONE, 1, 0.9, 0.4, "twoSided", arms(61.717765, 61.717765), SOURCE + "723", 1e-6, factor=TWO)
GS = "gsDesign tests/testthat/test-binomial_stress.R test.nBinomial.misc"
rate_size("FM_2", 0.1, 0.1, {"scale": "difference", "value": -0.2}, 2 / 3, 0.9, 0.05, "greater", arms(41.92, 62.88), GS + "; Farrington & Manning (1990)", 1e-4)
rate_size("FM_4", 0.05, 0.25, {"scale": "ratio", "value": 2}, 1.5, 0.9, 0.05, "greater", arms(200.8933, 133.9289), GS, 1e-6)
rate_size("nB_or_2", 0.1, 0.15, {"scale": "oddsRatio", "value": math.exp(0.09531017980432493)}, 1.5, 0.8, 0.025, "greater", arms(1350.85, 900.57), GS, 1e-5)
for id, p0, p1, r, power, pooled, unpooled in [
    ("0.9_0.85_1_0.8", 0.9, 0.85, 1, 0.8, 685.5968583253599, 682.8525368883696),
    ("0.9_0.85_19_0.9", 0.9, 0.85, 19, 0.9, 463.05694979129447, 555.7873777235689),
    ("0.02_0.06_99_0.8", 0.02, 0.06, 99, 0.8, 143.21450450016167, 277.6442104009144)]:
    for test, n in [("score", pooled), ("unpooled", unpooled)]:
        rate_size(f"n2p_{id}_{test}", p0, p1, NONE, r, power, 0.025, "less" if p1 < p0 else "greater", arms(r * n, n),
                  "Fleiss, Tytun & Ury (1980) without continuity correction, evaluated with scipy 1.17.1", 1e-9, test)
rate_size("pp3", 0.75, 0.5, NONE, 1, 0.9, 0.01, "twoSided", arms(109.095229013614, 109.095229013614), "R 4.2.2 power.prop.test", 1e-6)
for id, alpha, total in [("small", 0.05, 897348), ("a14", 0.14, 630710)]:
    rate_size(f"sp_ss_bin_{id}", 0.34, 0.343, NONE, 1, 0.85, alpha, "twoSided", arms(total / 2, total / 2),
              "confidence (Spotify) tests/samplesize/test_samplesizecalculator.py, G*Power reference in their tolerance; default power .85", 5e-3, "unpooled")
rate_size("sp_ss_bin_3arm", 0.34, 0.343, NONE, 2, 0.85, 0.05, "twoSided", arms(1346313 * 0.5, 1346313 * 0.25),
          "confidence (Spotify) tests/samplesize/test_samplesizecalculator.py: shares 1/2, 1/4, 1/4; default power .85", 5e-3, "unpooled")


def rates_power(id, p0, p1, n0, n1, alternative, alpha, expect, source, tolerance, test="score", null=NONE, strict=True):
    add("rates_power", id, {"rates": arms(p0, p1), "sizes": arms(n0, n1), "null": null, "test": test, "alternative": alternative,
        "alpha": alpha, "strict": strict}, {"power": expect}, source, tolerance)


rates_power("pp1", 0.5, 0.75, 50, 50, "twoSided", 0.05, 0.740165901331388, "R 4.2.2 ?power.prop.test; documented 0.740", 1e-9, strict=False)
for id, p2, d, n1, r, power in [(0, 0.75, -0.25, 76.70692, 1, 0.9), (2, 0.65, -0.15, 83.4373, 1, 0.5), (4, 0.2, -0.1, 154, 2, 0.7995659211532175)]:
    # their p1 = p2 + diff, n2 = ratio * n1
    rates_power(f"sm_pow2p_{id}", p2 + d, p2, n1, r * n1, "twoSided", 0.05, power,
                "statsmodels 0.15.0 stats/tests/test_proportion.py test_power_2indep (R / Stata)", 1e-7)
for id, n0, n1, power in [("2p2n", 245, 80, 0.753292447231886), ("2p", 80, 80, 0.599677704546438)]:
    add("arcsine_power", f"pwr_{id}", {"h": 0.3, "sizes": arms(n0, n1), "alternative": "greater", "alpha": 0.05}, {"power": power},
        f"R 4.2.2 pwr::pwr.{id}.test example")
OWN = f"scipy {scipy.__version__}: null fit as a root of the score, normal tails"
rate_cases = [(0.9, 0.85, 19, NONE), (0.02, 0.06, 99, NONE), (0.1, 0.1, 0.5, {"scale": "difference", "value": 0.05}),
              (0.0005, 0.002, 199, NONE), (0.95, 0.94, 99, {"scale": "difference", "value": -0.03}),
              (0.01, 0.012, 99, {"scale": "ratio", "value": 1.5}), (0.3, 0.2, 3, {"scale": "ratio", "value": 0.5}),
              (0.05, 0.04, 9, {"scale": "oddsRatio", "value": 1.3}), (0.6, 0.8, 0.2, {"scale": "oddsRatio", "value": 1})]
for k, (p0, p1, r, null) in enumerate(rate_cases):
    for test in ["score", "unpooled"] + (["arcsine"] if null["value"] == (0 if null["scale"] == "difference" else 1) else []):
        parts = rate_parts(p0, p1, r, null["scale"], null["value"], test)
        for alternative, alpha, n in itertools.product(["less", "greater", "twoSided"], [0.05, 0.001], [60, 2000]):
            power = rate_power(parts, n, alternative, alpha, k % 2 == 0)
            if power > 1e-15:
                rates_power(f"own_{k}_{test}_{alternative}_{alpha}_{n}", p0, p1, r * n, n, alternative, alpha, power, OWN, 1e-8, test, null, k % 2 == 0)
        alternative = "less" if parts[0] < 0 else "greater"
        n = ((Z(0.025) * parts[1] + Z(0.1) * parts[2]) / parts[0]) ** 2
        rate_size(f"own_{k}_{test}", p0, p1, null, r, 0.9, 0.025, alternative, arms(r * n, n), OWN, 1e-9, test)

SP = "confidence (Spotify) tests/frequentist/test_freqsamplesizecalculator.py test_sample_size_1: shares 5:2:3, one-sided .01/2/2"
rate_size("sp_fss_1_rate", 0.7, 0.7 * 1.00617, NONE, 2.5, 0.8, 0.0025, "greater", arms(1042868 * 0.5, 1042868 * 0.2), SP, 1e-3, "unpooled")
add("means_size", "sp_fss_1_mean", {"difference": 0.0456, "deviation": arms(math.sqrt(2.13), math.sqrt(2.13)), "power": 0.8, "ratio": 2.5,
    "test": "z", "alternative": "greater", "alpha": 0.0025, "strict": True, "inflation": 1}, arms(95459 * 0.5, 95459 * 0.2), SP, 1e-3)

# ---- one proportion

for rate, power in zip([0.6, 0.61, 0.62, 0.63, 0.64, 0.65, 0.66, 0.67, 0.68, 0.69],
                       [0.9965, 0.994, 0.9815, 0.9482, 0.8783, 0.7583, 0.5914, 0.4041, 0.2352, 0.1139]):
    add("one_rate_equivalence", f"sm_tost_{rate}", {"rate": rate, "low": 0.5, "high": 0.7, "n": 500, "alpha": 0.05}, {"power": power},
        "statsmodels 0.15.0 stats/tests/test_proportion.py test_power_binom_tost (PASS manual, 4 digits)", 6e-5 / power)

for line, exact, n in [(34, True, 29.536017), (132, False, 26.111979)]:
    add("one_rate_size", f"rpact_rates_{line}", {"rate": 0.8, "nullRate": 0.5, "power": 0.9, "alpha": 0.025, "alternative": "greater",
        "test": "exact" if exact else "z", "inflation": ONE}, {"total": n}, SOURCE + str(line), 1e-6)


def region_power(n, p0, p1, alternative, alpha):
    x = np.arange(n + 1)
    tail = alpha / 2 if alternative == "twoSided" else alpha
    upper, lower = stats.binom.sf(x - 1, n, p0) <= tail * (1 + 1e-12), stats.binom.cdf(x, n, p0) <= tail * (1 + 1e-12)
    rejects = {"greater": upper, "less": lower, "twoSided": upper | lower}[alternative]
    return float(masses(n, p1) @ rejects)


def masses(n, p):
    return stats.binom.pmf(np.arange(n + 1), n, p)


for k, (p0, p1, n) in enumerate([(0.5, 0.8, 28), (0.02, 0.06, 143), (0.9, 0.8, 77), (0.001, 0.01, 400)]):
    for alternative in ["less", "greater", "twoSided"]:
        power = region_power(n, p0, p1, alternative, 0.05)
        if power > 1e-15:
            add("one_rate_power", f"{k}_{alternative}", {"rate": p1, "nullRate": p0, "n": n, "alternative": alternative, "alpha": 0.05},
                {"power": power}, f"all outcomes with scipy {scipy.__version__}")
for k, (p0, p1, power) in enumerate([(0.02, 0.06, 0.8), (0.9, 0.8, 0.9)]):
    alternative = "greater" if p1 > p0 else "less"
    n = next(n for n in range(2, 2000) if region_power(n, p0, p1, alternative, 0.025) >= power)
    add("one_rate_size", f"first_{k}", {"rate": p1, "nullRate": p0, "power": power, "alpha": 0.025, "alternative": alternative, "test": "exact",
        "inflation": 1}, {"total": n}, f"first n by enumeration, scipy {scipy.__version__}")

# ---- exact power by enumeration

def z_rejects(n0, n1, pooled, alpha):
    x0, x1 = np.arange(n0 + 1)[:, None], np.arange(n1 + 1)[None, :]
    p0, p1 = x0 / n0, x1 / n1
    p = (x0 + x1) / (n0 + n1)
    v = p * (1 - p) * (1 / n0 + 1 / n1) if pooled else p0 * (1 - p0) / n0 + p1 * (1 - p1) / n1
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num((p1 - p0) / np.sqrt(v), nan=0.0) > Z(alpha)


for p0, p1, n0, n1, alpha in [(0.02, 0.06, 14157, 143, 0.025), (0.02, 0.02, 14157, 143, 0.025), (0.3, 0.6, 20, 15, 0.05), (0.001, 0.02, 990, 10, 0.05), (0, 0.2, 30, 7, 0.05)]:
    for pooled in [True, False]:
        power = float(masses(n0, p0) @ z_rejects(n0, n1, pooled, alpha) @ masses(n1, p1))
        add("exact_power", f"z_{'pooled' if pooled else 'unpooled'}_{p0}_{p1}_{n0}_{n1}",
            {"rates": arms(p0, p1), "sizes": arms(n0, n1), "pooled": pooled, "critical": Z(alpha)}, {"power": power},
            f"all outcomes with scipy {scipy.__version__} binomial masses")
published = {e["id"]: e["expect"]["power"] for e in TABLES["exact_power"]}
assert [round(published[f"z_{k}_0.02_{p}_14157_143"], 4) for k, p in [("pooled", 0.02), ("unpooled", 0.02)]] == [0.0369, 0.0028]
assert [round(published[f"z_{k}_0.02_0.06_14157_143"], 3) for k in ("pooled", "unpooled")] == [0.788, 0.498]

# ---- paired proportions

for k, (b, c, n) in enumerate([(0.1, 0.2, 150), (0.02, 0.07, 300), (0.3, 0.1, 40), (0.001, 0.02, 500), (0.05, 0.05, 100)]):
    for alternative, alpha in itertools.product(["less", "greater", "twoSided"], [0.05, 0.01]):
        d, psi = c - b, b + c
        sd = math.sqrt(psi - d * d)
        reject = lambda tail, toward: stats.norm.sf((Z(tail) * math.sqrt(psi) - math.sqrt(n) * toward) / sd)
        power = (reject(alpha, d if alternative == "greater" else -d) if alternative != "twoSided"
                 else reject(alpha / 2, abs(d)) + reject(alpha / 2, -abs(d)))
        exact = 0.0
        for discordant in range(n + 1):
            mass = stats.binom.pmf(discordant, n, psi)
            if mass < 1e-19:
                continue
            x = np.arange(discordant + 1)
            lower, upper = stats.binom.cdf(x, discordant, 0.5), stats.binom.sf(x - 1, discordant, 0.5)
            p = {"less": lower, "greater": upper, "twoSided": np.minimum(1, 2 * np.minimum(lower, upper))}[alternative]
            exact += mass * float(stats.binom.pmf(x, discordant, c / psi) @ (p <= alpha))
        add("mcnemar_power", f"{k}_{alternative}_{alpha}", {"controlOnly": b, "candidateOnly": c, "n": n, "alternative": alternative,
            "alpha": alpha}, {"normal": power, "exact": exact}, f"Connor (1987) and all outcomes, scipy {scipy.__version__}", 1e-8)
for k, (b, c, power, alpha) in enumerate([(0.1, 0.2, 0.9, 0.025), (0.02, 0.05, 0.8, 0.05), (0.3, 0.15, 0.8, 0.01)]):
    d, psi = c - b, b + c
    n = ((Z(alpha) * math.sqrt(psi) + Z(1 - power) * math.sqrt(psi - d * d)) / d) ** 2
    add("mcnemar_size", str(k), {"controlOnly": b, "candidateOnly": c, "power": power, "alpha": alpha,
        "alternative": "greater" if d > 0 else "less"}, {"n": n}, "Connor (1987), evaluated with scipy")

# ---- event rates

for k, (l0, l1, r, exposure, phi, disp, null, power, alpha) in enumerate(
    [(0.01, 0.02, 99, 1, 1, 0, 1, 0.8, 0.025), (2, 2.5, 1, 0.5, 1.8, 0, 1, 0.9, 0.05), (0.5, 0.5, 9, 1, 1, 0.7, 1.2, 0.8, 0.025),
     (3, 2, 4, 2, 1, 0, 1, 0.8, 0.01)]):
    v0, v1 = phi / (l0 * exposure) + disp, phi / (l1 * exposure) + disp
    effect = math.log(l1 / l0 / null)
    n = (v0 / r + v1) * ((Z(alpha) + Z(1 - power)) / effect) ** 2
    add("events_size", str(k), {"rates": arms(l0, l1), "ratio": r, "exposure": exposure, "overdispersion": phi, "dispersion": disp,
        "nullRatio": null, "power": power, "alpha": alpha, "alternative": "less" if effect < 0 else "greater"}, arms(r * n, n),
        "Wald test of the log ratio with the plan's variance, evaluated with scipy")

# ---- allocation, judge

for r, eff, factor in [(3, 0.75, 0.6666666666666666), (99, 0.0396, 0.5050505050505051), (1, 1, 1), (0.25, 0.64, 2.5)]:
    add("allocation", str(r), {"ratio": r}, {"efficiency": eff, "variance": factor}, "elementary: 4r/(1+r)^2 and (1+1/r)/2")
for k, (events, n, se, sp, m1, m0) in enumerate([(130, 1000, 0.9, 0.95, None, None), (130, 1000, 0.9, 0.95, 200, 300), (40, 1000, 0.8, 0.95, None, None), (990, 1000, 0.97, 0.8, 50, 60)]):
    q, j = events / n, se + sp - 1
    p = (q + sp - 1) / j
    inside = min(1, max(0, p))
    # delta method by numerical derivatives of (q + sp - 1)/(se + sp - 1) at the rate used for the judge's terms
    rate = lambda q, se, sp: (q + sp - 1) / (se + sp - 1)
    h = 1e-6
    dq = (rate(q + h, se, sp) - rate(q - h, se, sp)) / (2 * h)
    at = judged = se * inside + (1 - sp) * (1 - inside)
    dse = (rate(at, se + h, sp) - rate(at, se - h, sp)) / (2 * h)
    dsp = (rate(at, se, sp + h) - rate(at, se, sp - h)) / (2 * h)
    variance = dq**2 * q * (1 - q) / n + (dse**2 * se * (1 - se) / m1 + dsp**2 * sp * (1 - sp) / m0 if m1 else 0)
    add("judge", str(k), {"events": events, "n": n, "sensitivity": se, "specificity": sp, "successes": m1, "failures": m0},
        {"rate": p, "standardError": math.sqrt(variance)}, "Rogan & Gladen (1978); delta method by numerical derivatives", 1e-7)

(HERE / "power.json").write_text(json.dumps(
    {"made": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}, "tables": TABLES}, indent=1) + "\n")
print({k: len(v) for k, v in TABLES.items()})
