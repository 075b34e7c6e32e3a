#!/usr/bin/env python3
"""Reference numbers for comparing a candidate with a control: writes comparison.json beside this file.

Nothing here looks at the library under test. Every number comes from one of
  - exact rational or 60-digit decimal arithmetic (written out below),
  - scipy, and then it is checked here against a second way of computing it,
  - another program's published output (R 4.2.2 and others), copied with its source.
A failed check stops the script. If mpmath is installed, the tails are checked against it as well.

A number matches if |got - expect| <= tolerance * |expect|, or |got| <= tolerance where expect is 0. A number that is not
defined is left out of `expect` (z with a standard error of 0). In `quantile_ranks`, null means that there is no bound.

Run: python3 test/golden/make_comparison.py        needs numpy and scipy
"""

import json
import math
import platform
from decimal import Decimal, getcontext
from fractions import Fraction
from pathlib import Path

import numpy
import scipy
from scipy import optimize, special, stats

try:
    import mpmath
except ImportError:
    mpmath = None

getcontext().prec = 60
CLOSED_FORM = 1e-10  # a closed form, or a special function good to about 1e-14, in double precision
R_PRINTED = 1e-9  # R's output at 15 digits
HERE = Path(__file__).resolve().parent
TABLES = {}


def add(table, id, input, expect, source, tolerance=CLOSED_FORM):
    entries = TABLES.setdefault(table, [])
    assert all(entry["id"] != id for entry in entries), f"{table}: two entries {id}"
    plain = lambda value: (  # numpy's numbers are not JSON
        {k: plain(v) for k, v in value.items()} if isinstance(value, dict)
        else [plain(v) for v in value] if isinstance(value, (list, tuple))
        else value.item() if isinstance(value, numpy.generic)
        else value
    )
    entries.append({"id": id, "input": plain(input), "expect": plain(expect), "tolerance": tolerance, "source": source})


def close(a, b, relative, what=""):
    a, b = float(a), float(b)
    assert abs(a - b) <= relative * max(abs(a), abs(b)), f"{what}: {a!r} is not {b!r} within {relative}"


def decimal(value):
    """A whole number, a double (its exact value) or a fraction, to 60 digits."""
    return Decimal(value.numerator) / Decimal(value.denominator) if isinstance(value, Fraction) else Decimal(value)


def agree(table, copied, computed, relative=1e-9):
    """A copied entry and one computed here have the same data and the same numbers: no slip in either."""
    one, other = ([e for e in TABLES[table] if e["id"] == id][0] for id in (copied, computed))
    same = lambda data: sorted(repr(row) for row in data if row != 0)
    for key, value in one["input"].items():
        assert value == other["input"][key] or key == "differences" and same(value) == same(other["input"][key]), (table, copied, key)
    for key, value in one["expect"].items():
        close(value, other["expect"][key], relative, f"{table} {copied} {key}")


def exact_mean(values):
    return sum(map(Fraction, values)) / len(values)


def exact_covariance(x, y):
    """Sample covariance (n - 1), in rational arithmetic on the doubles given."""
    mx, my = exact_mean(x), exact_mean(y)
    return sum((Fraction(a) - mx) * (Fraction(b) - my) for a, b in zip(x, y)) / (len(x) - 1)


# ---------------------------------------------------------------------------------------------------------------- welch

SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
MTCARS_AUTOMATIC = [21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3, 15.2, 10.4, 10.4, 14.7, 21.5, 15.5, 15.2,
                    13.3, 19.2]
MTCARS_MANUAL = [21, 21, 22.8, 32.4, 30.4, 33.9, 27.3, 26, 30.4, 15.8, 19.7, 15, 21.4]


def welch_exact(control, candidate):
    """difference, standard error, t and df from exact rational moments."""
    v0 = exact_covariance(control, control) / len(control)
    v1 = exact_covariance(candidate, candidate) / len(candidate)
    difference = decimal(exact_mean(candidate) - exact_mean(control))
    se = decimal(v0 + v1).sqrt()
    df = (v0 + v1) ** 2 / (v0**2 / (len(control) - 1) + v1**2 / (len(candidate) - 1))
    return float(difference), float(se), float(difference / se), float(df)


def welch(id, control, candidate, level=0.95, scipy_agrees=1e-10, tolerance=CLOSED_FORM, note=""):
    control, candidate = list(map(float, control)), list(map(float, candidate))
    difference, se, t, df = welch_exact(control, candidate)
    p = 2 * stats.t.sf(abs(t), df)
    half = stats.t.isf((1 - level) / 2, df) * se
    result = stats.ttest_ind(candidate, control, equal_var=False)
    interval = result.confidence_interval(level)
    for ours, theirs in [(t, result.statistic), (df, result.df), (p, result.pvalue),
                         (difference - half, interval.low), (difference + half, interval.high)]:
        close(ours, theirs, scipy_agrees, f"welch {id}")
    add("welch", id, {"control": control, "candidate": candidate, "level": level},
        {"difference": difference, "standardError": se, "df": df, "t": t, "pTwoSided": p,
         "low": difference - half, "high": difference + half},
        f"exact rational moments, t distribution of scipy; scipy.stats.ttest_ind(candidate, control, equal_var=False) "
        f"with confidence_interval agrees to {scipy_agrees:g}{note}", tolerance)


def make_welch():
    rng = numpy.random.default_rng(20240501)
    rounded = lambda values, digits: [round(float(v), digits) for v in values]

    # In R's t.test(x, y) the estimate is mean(x) - mean(y): with candidate = x and control = y its signs are ours.
    add("welch", "r_sleep", {"control": SLEEP_2, "candidate": SLEEP_1, "level": 0.95},
        {"difference": -1.58, "df": 17.7764735161785, "t": -1.86081346748685, "pTwoSided": 0.0793941401873582,
         "low": -3.36548323071171, "high": 0.20548323071171},
        "R 4.2.2 t.test(extra ~ group, data = sleep), Student 1908; candidate = group 1, R's x", R_PRINTED)
    add("welch", "r_sleep_other_way_round", {"control": SLEEP_1, "candidate": SLEEP_2, "level": 0.95},
        {"difference": 1.58, "df": 17.7764735161785, "t": 1.86081346748685, "pTwoSided": 0.0793941401873582,
         "low": -0.20548323071171, "high": 3.36548323071171},
        "R 4.2.2 t.test(extra ~ group, data = sleep) with the signs turned; candidate = group 2, R's y", R_PRINTED)
    add("welch", "r_mtcars", {"control": MTCARS_MANUAL, "candidate": MTCARS_AUTOMATIC, "level": 0.95},
        {"t": -3.76712314514493, "pTwoSided": 2 * (1 - 0.999313180833465)},
        "R 4.2.2 t.test(mpg ~ am, alternative = 'greater'), p = 0.999313180833465, so 2(1 - p)", R_PRINTED)

    welch("sleep", SLEEP_1, SLEEP_2)
    welch("sleep_other_way_round", SLEEP_2, SLEEP_1)
    welch("mtcars", MTCARS_MANUAL, MTCARS_AUTOMATIC)
    agree("welch", "r_sleep", "sleep_other_way_round")
    agree("welch", "r_sleep_other_way_round", "sleep")
    agree("welch", "r_mtcars", "mtcars")
    welch("mtcars_level_99", MTCARS_AUTOMATIC, MTCARS_MANUAL, level=0.99)
    welch("allocation_1_99", rounded(rng.normal(100, 15, 1980), 3), rounded(rng.normal(106, 30, 20), 3))
    welch("allocation_1_99_skewed", [float(v) for v in numpy.rint(rng.lognormal(6, 1, 1980))],
          [float(v) for v in numpy.rint(rng.lognormal(6.3, 1.2, 20))], level=0.9)
    welch("allocation_1_99_rare_zero_one", [1] * 40 + [0] * 1940, [1] * 3 + [0] * 17)
    welch("allocation_99_1_no_variance_in_candidate", [0, 1, 3, 0, 0, 2, 1, 0] * 12, [0, 0, 0, 0], level=0.9)
    welch("two_and_two", [1, 2], [4, 8.5])
    welch("two_and_fifty", rounded(rng.normal(0, 1, 50), 4), [0.25, 0.5], level=0.999)
    welch("no_difference", [1, 2, 3, 4], [4, 3, 2, 1, 2.5])
    welch("far_apart", rounded(rng.normal(0, 1, 40), 4), rounded(rng.normal(30, 1.5, 25), 4))
    # Around 1e9 + {0 ... 2}, exact in binary: a sum of squares minus a squared sum loses everything, two passes do not.
    # A double mean near 1e9 is good to 1.2e-7, hence the wide tolerance.
    welch("large_offset", [1e9 + k / 8 for k in range(16)], [1e9 + 0.5 + k / 4 for k in range(12)], scipy_agrees=1e-6,
          tolerance=1e-6, note=" (values near 1e9)")
    welch("tiny_values", [k * 1e-7 for k in (1, 2, 2, 3, 5)], [k * 1e-7 for k in (2, 4, 4, 7)])

    add("welch", "no_variance_at_all", {"control": [2, 2, 2], "candidate": [3, 3], "level": 0.95},
        {"difference": 1, "standardError": 0}, "by hand; df, t, p and the interval are not defined")


# ---------------------------------------------------------------------------------------------------------------- ratio

DENG_NUMERATORS = [2, 3, 1, 1, 0, 4, 1, 3, 1, 2, 1, 2, 2, 3, 2, 1, 2, 0, 1, 4, 3, 0, 2, 2, 1, 1, 3, 3, 2, 1, 2, 1, 3, 0, 1, 3,
                   2, 2, 2, 1]
DENG_DENOMINATORS = [3, 3, 4, 4, 3, 10, 3, 5, 4, 3, 3, 3, 3, 4, 5, 2, 5, 1, 2, 5, 5, 4, 4, 7, 5, 4, 6, 3, 4, 4, 4, 2, 5, 4, 5,
                     5, 5, 5, 3, 1]


def ratio(id, numerators, denominators, resample=False, tolerance=CLOSED_FORM, note=""):
    y, d = list(map(float, numerators)), list(map(float, denominators))
    n = len(y)
    dbar = exact_mean(d)
    r = exact_mean(y) / dbar
    variance = exact_covariance(y, y) - 2 * r * exact_covariance(y, d) + r**2 * exact_covariance(d, d)
    se = decimal(variance / (n * dbar**2)).sqrt()
    source = "delta method, exact rational arithmetic (Deng, Knoblich & Lu 2018, section 3)"
    if resample:
        ya, da = numpy.array(y), numpy.array(d)
        leave_one_out = (ya.sum() - ya) / (da.sum() - da)
        jackknife = math.sqrt((n - 1) / n * ((leave_one_out - leave_one_out.mean()) ** 2).sum())
        rows = numpy.random.default_rng(7).integers(0, n, (20000, n))
        bootstrap = (ya[rows].sum(1) / da[rows].sum(1)).std(ddof=1)
        assert abs(jackknife / float(se) - 1) < 5 / n, f"ratio {id}: jackknife {jackknife}, delta {se}"
        assert abs(bootstrap / float(se) - 1) < 0.03 + 3 / n, f"ratio {id}: bootstrap {bootstrap}, delta {se}"
        source += f"; jackknife {jackknife:.6g}, bootstrap of 20000 {bootstrap:.6g}"
    add("ratio", id, {"units": [[a, b] for a, b in zip(y, d)]},
        {"n": n, "ratio": float(decimal(r)), "standardError": float(se)}, source + note, tolerance)


def make_ratio():
    rng = numpy.random.default_rng(20240502)
    add("ratio", "deng_40", {"units": [list(pair) for pair in zip(DENG_NUMERATORS, DENG_DENOMINATORS)]},
        {"n": 40, "ratio": 0.44375, "standardError": 0.035583453197044854},
        "delta method with n - 1 moments, Deng, Knoblich & Lu 2018 (arXiv 1803.06336) section 3, evaluated with scipy 1.17.1",
        1e-9)
    ratio("deng_40_exact", DENG_NUMERATORS, DENG_DENOMINATORS, resample=True)
    agree("ratio", "deng_40", "deng_40_exact")

    values = [round(float(v), 3) for v in rng.gamma(2, 3, 50)]
    ratio("denominators_all_1", values, [1] * 50, resample=True, note="; equals the mean and s/sqrt(n)")
    entry = TABLES["ratio"][-1]["expect"]
    close(entry["ratio"], numpy.mean(values), 1e-12, "plain mean")
    close(entry["standardError"], stats.sem(values), 1e-12, "plain standard error")

    sessions = rng.geometric(0.25, 400)
    ratio("successes_per_session_400_users", rng.binomial(sessions, rng.beta(4, 1, 400)), sessions, resample=True)
    calls = rng.poisson(3, 300)
    ratio("tokens_per_call_some_units_without_calls", [int(c * 100 + rng.integers(-50, 50)) if c else 0 for c in calls], calls,
          resample=True)
    ratio("negative_numerators", [-3, 2.5, 0, -1, 4, -2.25], [1, 2, 1, 1, 3, 2])
    ratio("two_units", [1, 3], [2, 4])
    ratio("numerators_all_0", [0, 0, 0, 0], [1, 2, 3, 4])
    # Exactly proportional: the standard error is 0, and the three terms cancel. What rounding leaves (about 1e-16 of the
    # variance, its root 1e-8) must not become NaN.
    ratio("proportional", [0.3 * k for k in (3, 7, 11, 13, 29)], [0.1 * k for k in (3, 7, 11, 13, 29)], tolerance=1e-7,
          note="; proportional up to the rounding of the inputs")
    TABLES["ratio"][-1]["expect"]["standardError"] = 0
    d = [int(v) for v in rng.integers(50, 150, 60)]
    ratio("almost_proportional", [3 * v + float(e) for v, e in zip(d, rng.integers(-4, 5, 60) / 64)], d, resample=True,
          tolerance=1e-8, note="; the three terms cancel to 1e-6 of their size")
    ratio("large_denominators", [int(v) for v in rng.integers(10**6, 10**7, 30)],
          [int(v) for v in rng.integers(10**9, 10**10, 30)], resample=False)


# -------------------------------------------------------------------------------------------------------------- mcnemar


def make_mcnemar_exact():
    def exact(b, c):
        n = b + c
        tail = Fraction(sum(math.comb(n, i) for i in range(min(b, c) + 1)), 2**n)
        return float(min(Fraction(1), 2 * tail))

    for b, c in [(50, 323), (9, 10), (0, 0), (12, 3), (0, 5), (5, 0), (1, 0), (0, 1), (7, 7), (0, 40), (150, 86), (86, 150),
                 (490, 510), (5000, 5300), (0, 1000), (200, 800)]:
        p = exact(b, c)
        if b + c:
            close(p, stats.binomtest(b, b + c, 0.5).pvalue, 1e-10, f"mcnemar {b} {c}")
        source = "exact rational sum; scipy.stats.binomtest agrees" if b + c else "no discordant pair: 1 by definition"
        add("mcnemar_exact", f"{b}_{c}", {"controlOnly": b, "candidateOnly": c}, {"p": p}, source)
    close(exact(50, 323), 4.985694469285004e-50, 1e-12, "50 323")

    copied = [
        ("r_12_3", 12, 3, 0.03515625, "R 4.2.2 binom.test(3, 15)", R_PRINTED),
        ("formula_150_86", 150, 86, 3.7159361395713866e-05, "Fagerland, Lydersen & Laake 2013, evaluated with scipy 1.17.1", 1e-9),
        ("formula_1_0", 1, 0, 1, "Fagerland, Lydersen & Laake 2013, evaluated with scipy 1.17.1", 1e-9),
        ("statsmodels_70_59", 70, 59, 0.378688, "statsmodels 0.15.0 test_mcnemar_exact (vassarstats), 6 digits", 2e-6),
        ("statsmodels_30_60", 30, 60, 0.00206, "statsmodels 0.15.0 test_mcnemar_exact (vassarstats), 3 digits", 2.5e-3),
        ("statsmodels_10_10", 10, 10, 1, "statsmodels 0.15.0 test_mcnemar_exact (vassarstats)", 1e-9),
    ]
    for id, b, c, p, source, tolerance in copied:
        close(exact(b, c), p, tolerance, id)
        add("mcnemar_exact", id, {"controlOnly": b, "candidateOnly": c}, {"p": p}, source, tolerance)


def make_mcnemar_clustered():
    def clustered(id, differences, note=""):
        total, squares = sum(map(Fraction, differences)), sum(Fraction(d) ** 2 for d in differences)
        z = float(decimal(total) / decimal(squares).sqrt())
        if all(d in (-1, 0, 1) for d in differences):
            b, c = differences.count(-1), differences.count(1)
            close(z * z, (b - c) ** 2 / (b + c), 1e-12, f"{id}: McNemar's chi-squared without correction")
        add("mcnemar_clustered", id, {"differences": differences}, {"z": z, "pTwoSided": 2 * stats.norm.sf(abs(z))},
            "z = sum d / sqrt(sum d^2), exact sums, p = 2 scipy.stats.norm.sf(|z|)" + note)

    rng = numpy.random.default_rng(20240503)
    add("mcnemar_clustered", "r_approval", {"differences": [-1] * 150 + [1] * 86},
        {"z": -math.sqrt(17.3559322033898), "pTwoSided": 3.09929344104522e-05},
        "R 4.2.2 mcnemar.test(Performance, correct = FALSE), the table 794 150 / 86 570: chi-squared 17.3559322033898 = z^2",
        R_PRINTED)
    add("mcnemar_clustered", "r_70_59", {"differences": [-1] * 70 + [1] * 59},
        {"z": -math.sqrt(0.9379845), "pTwoSided": 0.3327967},
        "statsmodels 0.15.0 test_mcnemar_chisquare (R, without correction): chi-squared 0.9379845 = z^2, 7 digits", 1e-6)
    clustered("approval_with_concordant_units", [0] * 1364 + [-1] * 150 + [1] * 86,
              "; z^2 is McNemar's chi-squared without correction")
    agree("mcnemar_clustered", "r_approval", "approval_with_concordant_units")
    clustered("70_59", [-1] * 70 + [1] * 59)
    agree("mcnemar_clustered", "r_70_59", "70_59", 1e-6)
    clustered("several_sessions_per_unit", [int(d) for d in rng.binomial(6, 0.3, 120) - rng.binomial(6, 0.25, 120)])
    clustered("one_heavy_unit", [40] + [-1] * 30 + [0] * 10 + [1] * 20)
    clustered("one_unit", [-3], "; one unit alone gives -1")
    clustered("balanced", [2, -2, 1, -1, 0])
    clustered("all_one_way", [1] * 150)
    clustered("far_tail", [1] * 900 + [-1] * 60)
    add("mcnemar_clustered", "all_0", {"differences": [0, 0, 0]}, {"pTwoSided": 1},
        "no difference in any unit: 1 by definition, as in the exact test; z is 0/0, not defined")


# ----------------------------------------------------------- score tests with the restricted maximum-likelihood estimate


def maximise(score, low, high):
    """Where the concave log-likelihood with this derivative has its maximum on [low, high]: bisection, 60 digits."""
    if score(low) <= 0:
        return low
    if score(high) >= 0:
        return high
    while high - low > Decimal(10) ** -55 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if score(middle) > 0 else (low, middle)
    return (low + high) / 2


def check_maximum(log_likelihood, slope, low, high, found, what):
    """The same maximum in double precision by scipy: bounded minimisation, and brentq on the score."""
    value = log_likelihood(found)
    if high > low:
        best = optimize.minimize_scalar(lambda p: -log_likelihood(p), bounds=(low, high), method="bounded",
                                        options={"xatol": 1e-14, "maxiter": 2000})
        assert -best.fun <= value + 1e-9 * max(1, abs(value)), f"{what}: scipy finds {best.x} with {-best.fun} > {value}"
    if low < found < high:
        margin = 1e-3 * min(found - low, high - found)
        root = optimize.brentq(slope, low + margin, high - margin, xtol=1e-18, rtol=1e-15, maxiter=1000)
        assert abs(root - found) <= 1e-8 * found, f"{what}: brentq {root}, {found}"


def xlogy(count, p):
    return 0.0 if count == 0 else count * math.log(p) if p > 0 else -math.inf


def term(count, p):
    """count / p, the derivative of count * log p, with 0 / 0 = 0 and the pole at 0 as infinity."""
    return type(p)(0) if count == 0 else count / p if p > 0 else type(p)("inf")


def restricted(kind, x0, n0, x1, n1, null):
    """p0, p1, standard error and z under p1 = p0 + null (difference) or p1 = null * p0 (ratio)."""
    d = Decimal(null)
    if kind == "difference":
        slope, p1_of = 1, lambda p0, d: p0 + d
        low, high = max(Decimal(0), -d), min(Decimal(1), 1 - d)
    else:
        slope, p1_of = d, lambda p0, d: p0 * d
        low, high = Decimal(0), min(Decimal(1), 1 / d)

    def score(p0, d=d, slope=slope):
        one = type(p0)(1)
        # At an end of the range rounding can leave 1 - p1 at 1e-60 or below 0, which stands for 0.
        p1 = min(one, max(one * 0, p1_of(p0, d)))
        if one - p1 < 1e-50:
            p1 = one
        rise = term(x0, p0) + slope * term(x1, p1)
        fall = term(n0 - x0, one - p0) + slope * term(n1 - x1, one - p1)
        return rise - fall

    p0 = maximise(score, low, high)
    p1 = p1_of(p0, d)
    if 1 - p1 < Decimal("1e-50"):
        p1 = Decimal(1)

    def log_likelihood(p):
        q = min(1.0, max(0.0, p1_of(p, null)))
        return xlogy(x0, p) + xlogy(n0 - x0, 1 - p) + xlogy(x1, q) + xlogy(n1 - x1, 1 - q)

    check_maximum(log_likelihood, lambda p: score(p, null, float(slope)), float(low), float(high), float(p0),
                  f"{kind} {x0}/{n0} {x1}/{n1} {null}")
    v0, v1 = p0 * (1 - p0) / n0, p1 * (1 - p1) / n1
    estimate0, estimate1 = decimal(Fraction(x0, n0)), decimal(Fraction(x1, n1))
    if kind == "difference":
        se, numerator = (v1 + v0).sqrt(), estimate1 - estimate0 - d
    else:
        se, numerator = (v1 + d * d * v0).sqrt(), estimate1 - d * estimate0
    expect = {"p0": float(p0), "p1": float(p1), "standardError": float(se)}
    if se > 0:
        expect["z"] = float(numerator / se)
    return expect


def score_entry(kind, id, control, candidate, null, expect=None, source=None, tolerance=CLOSED_FORM):
    table, name = ("proportion_difference_null", "delta") if kind == "difference" else ("proportion_ratio_null", "ratio")
    computed = restricted(kind, *control, *candidate, null)
    for key, value in (expect or {}).items():
        close(computed[key], value, tolerance, f"{table} {id} {key}")
    add(table, id,
        {"control": {"events": control[0], "n": control[1]}, "candidate": {"events": candidate[0], "n": candidate[1]}, name: null},
        expect or computed,
        source or "numerical maximisation of the restricted binomial likelihood, root of the score by bisection in 60 digits; "
                  "scipy's bounded minimisation and brentq agree", tolerance)


def make_score_tests():
    z975 = 1.959963984540054
    # Copied. In R's prop.test(x, n) the first group is the candidate here.
    for kind, null in [("difference", 0), ("ratio", 1)]:
        score_entry(kind, "r_prop_test_canary_1_10", (9120, 10000), (852, 1000), null, {"z": -6.21526858278606},
                    "R 4.2.2 prop.test(c(852, 9120), c(1000, 10000), correct = FALSE): the restricted estimate is the pooled one",
                    R_PRINTED)
    # Miettinen and Nurminen's z has sqrt((N - 1) / N) in it, which is divided out.
    for null, z in [(-0.1658, 1.959962), (0.2843608, -1.959865)]:
        score_entry("difference", f"gsdesign_no_events_{null}", (0, 20), (0, 10), null, {"z": z * math.sqrt(30 / 29)},
                    "gsDesign HEAD 2a56888 test-binomial_stress.R, testBinomial(adj = 1), its factor sqrt((N - 1)/N) divided out; "
                    "delta is rounded there", 1e-3)
    for null, z in [(0.0344, z975), (0.0868, -z975)]:
        score_entry("difference", f"gsdesign_interval_end_{null}", (20, 573), (72, 756), null, {"z": z * math.sqrt(1329 / 1328)},
                    "gsDesign HEAD 2a56888 test-binomial_stress.R, ciBinomial(adj = 1): z is 1.96 at the interval's ends, its factor "
                    "sqrt((N - 1)/N) divided out; delta is rounded to 4 places there", 5e-3)
    for null, z in [(1.220853, z975), (42.575718, -z975)]:
        score_entry("ratio", f"propcis_interval_end_{null}", (1, 34), (7, 34), null, {"z": z},
                    "statsmodels 0.15.0 test_confint_2indep_propcis (R PropCIs, Koopman's score interval): z is 1.96 at its ends; "
                    "the ratio is rounded there", 1e-6)

    cases = [
        ("allocation_1_99_rare", (283, 14157), (9, 143)),
        ("allocation_1_99_rare_one_event", (283, 14157), (1, 143)),
        ("allocation_1_99_rare_no_candidate_event", (283, 14157), (0, 143)),
        ("allocation_1_99_very_rare", (12, 198000), (1, 2000)),
        ("allocation_1_99_no_control_event", (0, 1980), (2, 20)),
        ("allocation_1_99_no_event", (0, 1980), (0, 20)),
        ("allocation_1_1", (45, 500), (62, 500)),
        ("candidate_better", (120, 1000), (60, 900)),
        ("small", (3, 10), (5, 12)),
        ("one_and_one", (0, 1), (1, 1)),
        ("all_events_in_candidate", (30, 40), (20, 20)),
        ("all_events_in_control", (40, 40), (15, 20)),
        ("all_events_in_both", (40, 40), (20, 20)),
        ("none_and_all", (0, 40), (20, 20)),
        ("all_and_none", (40, 40), (0, 20)),
        ("large", (480000, 1000000), (5100, 10000)),
        ("equal_estimates", (10, 200), (5, 100)),
    ]
    deltas = {0: cases, 0.05: cases[:-1], -0.05: cases, 0.01: cases[:10], 0.1: cases[:8] + cases[10:15], -0.2: cases[6:12]}
    for delta, chosen in deltas.items():
        for id, control, candidate in chosen:
            score_entry("difference", f"{id}_{delta:+g}", control, candidate, delta)
    ratios = {1: cases, 1.2: cases, 3: cases, 0.8: cases[:3] + cases[5:9] + cases[10:]}
    for null, chosen in ratios.items():
        for id, control, candidate in chosen:
            score_entry("ratio", f"{id}_{null:g}", control, candidate, null)

    # With no difference under the null, z^2 is Pearson's chi-squared and both tables say the same.
    by_id = lambda table: {entry["id"]: entry["expect"] for entry in TABLES[table]}
    for id, (x0, n0), (x1, n1) in cases:
        one, other = by_id("proportion_difference_null")[f"{id}_+0"], by_id("proportion_ratio_null")[f"{id}_1"]
        assert one == other, id
        assert ("z" in one) == (0 < x0 + x1 < n0 + n1), id
        if one.get("z"):
            table = [[x0, n0 - x0], [x1, n1 - x1]]
            close(one["z"] ** 2, stats.chi2_contingency(table, correction=False).statistic, 1e-9, f"chi-squared {id}")


# ------------------------------------------------------------------------------------------------------- quantile ranks


def make_quantile_ranks():
    def ranks(n, p, level):
        """qbinom(alpha/2) and qbinom(1 - alpha/2) + 1 by summing exact probabilities; says how near a tie it was."""
        p, level = Fraction(str(p)), Fraction(str(level))
        tail, cumulative, lower, upper, nearest = (1 - level) / 2, 0.0, None, None, 1.0
        if n <= 1000:  # exact
            q, total = 1 - p, Fraction(0)
            for k in range(n + 1):
                total += math.comb(n, k) * p**k * q ** (n - k)
                nearest = min(nearest, abs(float(total - tail)), abs(float(total - (1 - tail))))
                lower = k if lower is None and total >= tail else lower
                if total >= 1 - tail:
                    upper = k + 1
                    break
        else:
            distribution = stats.binom(n, float(p))
            lower, upper = int(distribution.ppf(float(tail))), int(distribution.ppf(float(1 - tail))) + 1
            nearest = min(abs(distribution.cdf(k) - float(t))
                          for t, x in [(tail, lower), (1 - tail, upper - 1)] for k in (x - 1, x))
        assert nearest > 1e-9, f"quantile ranks {n} {p} {level}: a tie, which rounding decides"
        return lower, upper

    def entry(id, n, p, level, source="smallest k with P(B <= k) >= alpha/2 and >= 1 - alpha/2 (+ 1), {}", expected=None):
        lower, upper = ranks(n, p, level)
        alpha = 1 - level
        assert (lower, upper) == (stats.binom.ppf(alpha / 2, n, p), stats.binom.ppf(1 - alpha / 2, n, p) + 1), (n, p, level)
        assert expected in (None, (lower, upper)), (n, p, level)
        how = "exact rational sums; scipy.stats.binom.ppf agrees" if n <= 1000 else "scipy.stats.binom.ppf, no tie within 1e-9"
        add("quantile_ranks", id, {"n": n, "p": p, "level": level},
            {"lower": lower if lower >= 1 else None, "upper": upper if upper <= n else None}, source.format(how), 0)

    formula = "order-statistic interval (David & Nagaraja), ranks evaluated with scipy 1.17.1"
    entry("formula_100_0.5", 100, 0.5, 0.95, formula, (40, 61))
    entry("formula_200_0.95", 200, 0.95, 0.95, formula, (184, 197))
    entry("formula_59_0.95", 59, 0.95, 0.95, formula + "; rank 60 of 59: no upper bound", (52, 60))
    # .95^58 = .0510 and .95^59 = .0485: at level .9, 59 is the first n with an upper bound; at .95 it is 72 (.95^72 = .0249).
    for n, p, level in [(58, 0.95, 0.9), (59, 0.95, 0.9), (71, 0.95, 0.95), (72, 0.95, 0.95), (1, 0.5, 0.95), (2, 0.5, 0.95),
                        (5, 0.5, 0.95), (6, 0.5, 0.95), (20, 0.05, 0.95), (59, 0.05, 0.95), (72, 0.05, 0.95), (100, 0.99, 0.95),
                        (368, 0.99, 0.95), (20, 0.9, 0.99), (143, 0.95, 0.95), (1000, 0.95, 0.95), (1000, 0.5, 0.999),
                        (14157, 0.95, 0.95), (100000, 0.99, 0.99), (1000000, 0.5, 0.95)]:
        entry(f"{n}_{p}_level_{level}", n, p, level)


# ----------------------------------------------------------------------------------------------------------------- holm

BENJAMINI_HOCHBERG_1995 = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528,
                           0.759, 1]


def make_holm():
    def holm(p):
        """adjusted p of each i: the largest min(1, (number of p not below p_j) * p_j) over the p_j <= p_i."""
        order = sorted(range(len(p)), key=lambda i: p[i])
        step = {i: min(Fraction(1), (len(p) - rank) * Fraction(p[i])) for rank, i in enumerate(order)}
        return [float(max(step[j] for j in range(len(p)) if p[j] <= p[i])) for i in range(len(p))]

    copied = [
        ("r_five", [0.01, 0.02, 0.03, 0.04, 0.05], [0.05, 0.08, 0.09, 0.09, 0.09], "R 4.2.2 p.adjust(method = 'holm')"),
        ("r_benjamini_hochberg_1995", BENJAMINI_HOCHBERG_1995,
         [0.0015, 0.0056, 0.0247, 0.114, 0.2211, 0.278, 0.278, 0.278, 0.3213, 1, 1, 1, 1, 1, 1],
         "R 4.2.2 p.adjust(method = 'holm') on the p-values of Benjamini & Hochberg 1995"),
    ]
    for id, p, adjusted, source in copied:
        for ours, theirs in zip(holm(p), adjusted):
            close(ours, theirs, 1e-12, id)
        add("holm", id, {"p": p}, {"adjusted": adjusted}, source, R_PRINTED)

    rng = numpy.random.default_rng(20240508)
    for id, p in [("none", []), ("one", [0.03]), ("two", [0.04, 0.01]), ("unsorted", [0.04, 0.01, 0.03, 0.005]),
                  ("ties", [0.02, 0.01, 0.02, 0.01, 0.5]), ("all_equal", [0.02, 0.02, 0.02]), ("zeros_and_ones", [0, 1, 0, 1, 0.5]),
                  ("capped", [0.6, 0.4, 0.9]), ("monotone_by_force", [0.01, 0.011, 0.012, 0.9]),
                  ("tiny", [1e-300, 1e-50, 0.2, 4.985694469285004e-50]),
                  ("random_40", [round(float(v), 6) for v in rng.beta(0.4, 2, 40)])]:
        add("holm", id, {"p": p}, {"adjusted": holm(p)}, "definition (Holm 1979) in exact rational arithmetic")


# --------------------------------------------------------------------------------------------------------------- wilson


def make_wilson():
    def interval(k, n, level):
        result = stats.binomtest(k, n).proportion_ci(level, method="wilson")
        z = stats.norm.isf((1 - level) / 2)
        low, high = float(result.low), float(result.high)
        # Each end p solves (k/n - p)^2 = z^2 p (1 - p) / n; it is solved once more, without cancellation.
        centre, root = k + z * z / 2, z * math.sqrt(z * z / 4 + k * (n - k) / n)
        close(high, (centre + root) / (n + z * z), 1e-10, f"wilson {k} {n}")
        if k:
            close(low, k * k / n / (centre + root), 1e-10, f"wilson {k} {n}")
        else:
            assert low == 0
        return low, high

    newcombe = "Newcombe 1998 method 10, its Wilson intervals, evaluated with scipy 1.17.1"
    for id, k, n, low, high in [("newcombe_852_1000", 852, 1000, 0.8286449507026349, 0.8726610113235341),
                                ("newcombe_9120_10000", 9120, 10000, 0.9062881269633114, 0.9173954583792512),
                                ("newcombe_0_50", 0, 50, 0, 0.07134759913335875),
                                ("newcombe_3_60", 3, 60, 0.01714950216439566, 0.13700516476348523)]:
        ours = interval(k, n, 0.95)
        close(ours[0], low, 1e-9, id)
        close(ours[1], high, 1e-9, id)
        add("wilson", id, {"successes": k, "n": n, "level": 0.95}, {"low": low, "high": high}, newcombe, 1e-9)

    for k, n, level in [(0, 1, 0.95), (1, 1, 0.95), (0, 20, 0.95), (20, 20, 0.95), (0, 14157, 0.95), (14157, 14157, 0.95),
                        (1, 10000, 0.95), (9999, 10000, 0.95), (15, 50, 0.95), (15, 50, 0.9), (15, 50, 0.99), (7, 20, 0.999),
                        (283, 14157, 0.95), (9, 143, 0.95), (500000, 1000000, 0.95), (1, 1000000, 0.95), (0, 100, 0.8)]:
        low, high = interval(k, n, level)
        add("wilson", f"{k}_{n}_level_{level}", {"successes": k, "n": n, "level": level}, {"low": low, "high": high},
            "scipy.stats.binomtest(...).proportion_ci(method='wilson'); the quadratic solved without cancellation agrees")


# ----------------------------------------------------------------------------------------------------------- generators


def philox4x32(counter, key, rounds=10):
    """Salmon, Moraes, Dror & Shaw 2011, section 3.3."""
    x, k, word = list(counter), list(key), 2**32
    for _ in range(rounds):
        first, second = x[0] * 0xD2511F53, x[2] * 0xCD9E8D57
        x = [second // word ^ x[1] ^ k[0], second % word, first // word ^ x[3] ^ k[1], first % word]
        k = [(k[0] + 0x9E3779B9) % word, (k[1] + 0xBB67AE85) % word]
    return x


def make_philox():
    words = lambda text: [int(w, 16) for w in text.split()]
    published = [
        ("zero", "00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ones", "ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("pi", "243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ]
    for id, counter, key, output in published:
        assert philox4x32(words(counter), words(key)) == words(output), id
        add("philox4x32_10", f"kat_{id}", {"counter": words(counter), "key": words(key)}, {"output": words(output)},
            f"Random123 kat_vectors, philox4x32 10: {counter} | {key} | {output}", 0)
    assert philox4x32([0] * 4, [0] * 2, 7) == words("5f6fb709 0d893f64 4f121f81 4f730a48")  # kat_vectors, philox4x32 7
    for id, counter, key in [("counter_1", [1, 0, 0, 0], [0, 0]), ("counter_word_2", [0, 1, 0, 0], [0, 0]),
                             ("counter_word_3", [0, 0, 1, 0], [0, 0]), ("counter_word_4", [0, 0, 0, 1], [0, 0]),
                             ("key_1", [0, 0, 0, 0], [1, 0]), ("key_word_2", [0, 0, 0, 0], [0, 1]),
                             ("top_bits", [2**31, 2**31, 2**31, 2**31], [2**31, 2**31]),
                             ("mixed", [123456789, 987654321, 42, 7], [20240501, 3])]:
        add("philox4x32_10", id, {"counter": counter, "key": key}, {"output": philox4x32(counter, key)},
            "the algorithm of Salmon and others 2011 in whole-number arithmetic, checked with the known answers above", 0)


def xoshiro128starstar(state, count):
    """Blackman & Vigna, version 1.1: the scrambler reads s[1]."""
    s, word, outputs = list(state), 2**32, []
    rotate = lambda x, k: (x << k | x >> (32 - k)) % word
    for _ in range(count):
        outputs.append(rotate(s[1] * 5 % word, 7) * 9 % word)
        shifted = (s[1] << 9) % word
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = rotate(s[3], 11)
    return outputs


def make_xoshiro():
    published = [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804]
    assert xoshiro128starstar([1, 2, 3, 4], 10) == published
    add("xoshiro128starstar", "1_2_3_4", {"state": [1, 2, 3, 4]}, {"outputs": published},
        "reference vector of Rust's rand_xoshiro, made with xoshiro128starstar.c 1.1; the algorithm written out here agrees", 0)
    for id, state in [("all_ones", [2**32 - 1] * 4), ("one_bit", [1, 0, 0, 0]), ("one_bit_last", [0, 0, 0, 1]),
                      ("pi", [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344])]:
        add("xoshiro128starstar", id, {"state": state}, {"outputs": xoshiro128starstar(state, 10)},
            "the algorithm of Blackman & Vigna, version 1.1, in whole-number arithmetic, checked with the vector above", 0)


# ---------------------------------------------------------------------------------------------------------------- tails


def precise_normal(z):
    with mpmath.workdps(60):
        upper = mpmath.erfc(mpmath.mpf(z) / mpmath.sqrt(2)) / 2
        return upper, mpmath.log(upper)


def precise_t(t, df):
    with mpmath.workdps(60):
        t, df = mpmath.mpf(t), mpmath.mpf(df)
        tail = mpmath.betainc(df / 2, mpmath.mpf(1) / 2, 0, df / (df + t * t), regularized=True) / 2
        return tail if t >= 0 else 1 - tail


def make_tails():
    for z in [0, 0.5, 1, 1.6448536269514722, 1.959963984540054, 3, 5, 8, 8.3, 9.955145577, 10, 15, 20, 30, 37, 40, 100, -1, -3, -5,
              -8, -10]:
        upper, log_upper = float(stats.norm.sf(z)), float(special.log_ndtr(-z))
        if mpmath:
            precise, precise_log = precise_normal(z)
            close(log_upper, precise_log, 1e-12, f"normal log tail {z}")
            if upper:
                close(upper, precise, 1e-12, f"normal tail {z}")
        expect = {"upper": upper, "logUpper": log_upper} if upper > 1e-300 else {"logUpper": log_upper}
        add("normal_tails", f"z_{z}", {"z": z}, expect, "scipy.stats.norm.sf and scipy.special.log_ndtr(-z)")
    for upper in [0.5, 0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001, 1e-6, 1e-9, 1e-12, 1.2e-23, 1e-50, 1e-100, 1e-300, 0.975, 0.999,
                  0.6]:
        z = -float(special.ndtri(upper)) + 0.0
        if mpmath and z:
            close(precise_normal(z)[0], upper, 1e-10, f"normal quantile {upper}")
        add("normal_tails", f"upper_{upper}", {"upper": upper}, {"z": z}, "-scipy.special.ndtri(upper)")
    for log_upper in [-1.0, -10.0, -53.23128515051247, -700.0, -804.6084420137538, -5005.5242086942050]:
        z = -float(special.ndtri_exp(log_upper))
        if mpmath:
            close(precise_normal(z)[1], log_upper, 1e-12, f"normal log quantile {log_upper}")
        add("normal_tails", f"log_upper_{log_upper}", {"logUpper": log_upper}, {"z": z}, "-scipy.special.ndtri_exp(logUpper)")

    for t, df, p in [(1, 3, 0.195501109477885), (2, 10, 0.0366940173853702), (5, 30.5, 1.11792354155665e-05),
                     (10, 1000, 8.33535147930004e-23), (40, 7, 7.95108999242521e-10)]:
        close(stats.t.sf(t, df), p, R_PRINTED, "R's pt")
        add("t_tails", f"r_t_{t}_df_{df}", {"t": t, "df": df}, {"upper": p}, "R 4.2.2 pt(t, df, lower.tail = FALSE)", R_PRINTED)
    for t, df in [(0, 3), (10, 3), (40, 3), (1000, 3), (1e6, 3), (10, 10), (40, 10), (1000, 10), (10, 30.5), (40, 30.5), (1000, 30.5),
                  (12.706204736432095, 1), (1e8, 1), (4, 2), (3, 17.7764735161785), (2, 1e6), (8, 1e6), (6, 19.3), (-2, 10), (-40, 3),
                  (1e-8, 5)]:
        upper = float(stats.t.sf(t, df))
        if mpmath:
            close(upper, precise_t(t, df), 1e-11, f"t tail {t} {df}")
        add("t_tails", f"t_{t}_df_{df}", {"t": t, "df": df}, {"upper": upper}, "scipy.stats.t.sf")
    for upper, df in [(0.025, 3), (0.025, 10), (0.025, 30.5), (0.025, 1), (0.025, 2), (0.005, 17.7764735161785), (0.05, 19.3),
                      (0.025, 1e6), (0.0005, 1.02), (1e-6, 3), (1e-12, 3), (1e-12, 10), (1e-12, 30.5), (1e-30, 10), (1e-30, 30.5),
                      (0.5, 7), (0.4, 1.5), (0.975, 10)]:
        t = float(stats.t.isf(upper, df)) + 0.0
        if mpmath and t:
            close(precise_t(t, df), upper, 1e-11, f"t quantile {upper} {df}")
        add("t_tails", f"upper_{upper}_df_{df}", {"upper": upper, "df": df}, {"t": t}, "scipy.stats.t.isf")


# ----------------------------------------------------------------------------------------------------------------- main


def main():
    versions = f"python {platform.python_version()}, numpy {numpy.__version__}, scipy {scipy.__version__}"
    print(versions + (f", mpmath {mpmath.__version__} for checks" if mpmath else ", no mpmath: the tails stay unchecked"))
    for make in [make_welch, make_ratio, make_mcnemar_exact, make_mcnemar_clustered, make_score_tests, make_quantile_ranks,
                 make_holm, make_wilson, make_philox, make_xoshiro, make_tails]:
        make()
    tables = []
    for name, entries in TABLES.items():
        lines = ",\n".join("      " + json.dumps(entry, ensure_ascii=False, allow_nan=False) for entry in entries)
        tables.append(f'    "{name}": [\n{lines}\n    ]')
        print(f"  {name}: {len(entries)}")
    made_by = json.dumps(f"test/golden/make_comparison.py, {versions}")
    text = '{\n  "made_by": ' + made_by + ',\n  "tables": {\n' + ",\n".join(tables) + "\n  }\n}\n"
    json.loads(text)
    (HERE / "comparison.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
