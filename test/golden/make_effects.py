#!/usr/bin/env python3
"""Reference numbers for effects between a control and a candidate: writes effects.json beside this file.

Means, relative differences, covariates, strata, clusters, quantiles, margins, multiplicity, moments. Nothing here looks
at the library under test. Every number comes from one of
  - exact rational arithmetic on the data themselves (fractions.Fraction), the root at the end in 60 digits,
  - scipy or numpy on the raw rows, by a way other than the library's summaries,
  - exhaustive enumeration (closed testing over all subsets),
  - another program's published output (R 4.2.2, tea-tasting, GrowthBook), copied with its source.

A number matches if |got - expect| <= tolerance * |expect| + absolute, and |got| <= tolerance + absolute where expect is 0.
`absolute` is half a unit of the last printed digit of a rounded source. null is a rank that does not exist, or NaN.

Run: python3 test/golden/make_effects.py        needs numpy and scipy
"""

import itertools
import json
import math
import platform
from decimal import Decimal, getcontext
from fractions import Fraction
from pathlib import Path

import numpy
import scipy
from scipy import optimize, stats

getcontext().prec = 60
HERE = Path(__file__).resolve().parent
TABLES = {}
CLOSED_FORM = 1e-10
RNG = numpy.random.default_rng(20260709)


def add(table, id, input, expect, source, tolerance=CLOSED_FORM, absolute=0.0):
    entries = TABLES.setdefault(table, [])
    assert all(entry["id"] != id for entry in entries), f"{table}: two entries {id}"

    def plain(value):
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, (list, tuple, numpy.ndarray)):
            return [plain(v) for v in value]
        if isinstance(value, numpy.generic):
            value = value.item()
        if isinstance(value, (Fraction, Decimal)):
            value = float(value)
        return None if isinstance(value, float) and math.isnan(value) else value

    entries.append({"id": id, "input": plain(input), "expect": plain(expect), "tolerance": tolerance,
                    "absolute": absolute, "source": source})


def root(fraction):
    return (Decimal(fraction.numerator) / Decimal(fraction.denominator)).sqrt()


def exact(values):
    return [Fraction(v) for v in (values.tolist() if isinstance(values, numpy.ndarray) else values)]


def mean(values):
    return sum(values, Fraction(0)) / len(values)


def covariance(x, y):
    mx, my = mean(x), mean(y)
    return sum(((a - mx) * (b - my) for a, b in zip(x, y)), Fraction(0)) / (len(x) - 1)


def summary(values):
    """n, mean and standard error of the mean of an arm."""
    own = exact(values)
    return {"n": len(own), "estimate": float(mean(own)), "standardError": float(root(covariance(own, own) / len(own)))}


# ---- copied numbers

MTCARS_AUTOMATIC = [21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3, 15.2, 10.4, 10.4, 14.7, 21.5, 15.5, 15.2, 13.3,
 19.2]
MTCARS_MANUAL = [21, 21, 22.8, 32.4, 30.4, 33.9, 27.3, 26, 30.4, 15.8, 19.7, 15, 21.4]
SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
MTCARS_MPG = [21, 21, 22.8, 21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3, 15.2, 10.4, 10.4, 14.7, 32.4, 30.4,
 33.9, 21.5, 15.5, 15.2, 13.3, 19.2, 27.3, 26, 30.4, 15.8, 19.7, 15, 21.4]
E_welch_sleep = [{'t': -1.86081346748685,
  'df': 17.7764735161785,
  'p': 0.0793941401873582,
  'ci': [-3.36548323071171, 0.20548323071171]},
 'R 4.2.2 t.test(extra~group, data=sleep) (R datasets, Student 1908)']
E_welch_mtcars_greater = [{'t': -3.76712314514493, 'p': 0.999313180833465}, 'R 4.2.2 t.test alternative=greater']
E_var_mtcars = [{'F': 0.386561496137199, 'p': 0.0669059242158737}, 'R 4.2.2 var.test']
E_quantile_type6 = [{'q': [10.4, 19.2, 30.4, 32.925]}, 'R 4.2.2 quantile()']
E_quantile_type8 = [{'q': [10.4, 19.2, 30.4, 32.475]}, 'R 4.2.2 quantile()']
E_padj_holm = [[0.05, 0.08, 0.09, 0.09, 0.09], 'R 4.2.2 p.adjust']
E_padj_hommel = [[0.05, 0.05, 0.05, 0.05, 0.05], 'R 4.2.2 p.adjust']
E_padj_BY = [[0.114166666666667, 0.114166666666667, 0.114166666666667, 0.114166666666667, 0.114166666666667],
 'R 4.2.2 p.adjust']
E_padj_BH95_holm = [[0.0015, 0.0056, 0.0247, 0.114, 0.2211, 0.278, 0.278, 0.278, 0.3213, 1, 1, 1, 1, 1, 1],
 'R 4.2.2 p.adjust on Benjamini & Hochberg 1995 p-values']
E_padj_BH95_hommel = [[0.0015, 0.0056, 0.0247, 0.095, 0.1608, 0.1946, 0.2086, 0.2408, 0.3213, 1, 1, 1, 1, 1, 1],
 'R 4.2.2 p.adjust on Benjamini & Hochberg 1995 p-values']
E_padj_BH95_BY = [[0.00497734348984349, 0.00995468697968698, 0.0315231754356754, 0.118211907883783, 0.200089208291708,
  0.211892622853337, 0.211892622853337, 0.21402577006327, 0.253844517982018, 1, 1, 1, 1, 1, 1],
 'R 4.2.2 p.adjust on Benjamini & Hochberg 1995 p-values']
BH95 = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759,
 1]
TEA_CONTROL = {'n': 53,
 'mean': [0.5660377358490566, 1.9811320754716981, 0.5283018867924528, 1.9245283018867925],
 'covariance': [[0.7888243831640053, 0.39550072568940503, 0.772133526850509, 0.6973875181422351],
                [0.39550072568940503, 0.9804063860667634, 0.3947750362844705, 1.1139332365747463],
                [0.772133526850509, 0.3947750362844705, 1.4462989840348326, 1.2329462989840345],
                [0.6973875181422351, 1.1139332365747463, 1.2329462989840345, 3.5326560232220605]]}
TEA_CANDIDATE = {'n': 47,
 'mean': [0.3829787234042553, 1.8936170212765957, 0.3191489361702128, 1.9574468085106382],
 'covariance': [[0.5023126734505092, 0.15032377428307112, 0.37511563367252565, 0.1470860314523589],
                [0.15032377428307112, 0.7927844588344127, 0.1651248843663275, 0.8432007400555043],
                [0.37511563367252565, 0.1651248843663275, 0.5698427382053655, 0.2747456059204441],
                [0.1470860314523589, 0.8432007400555043, 0.2747456059204441, 2.3894542090656814]]}
E_tt_mean = [{'control': 0.5660377358490566,
  'treatment': 0.3829787234042553,
  'effect': -0.18305901244480127,
  'ci': [-0.5004359360326984, 0.13431791114309583],
  'rel': -0.32340425531914896,
  'rel_ci': [-0.6593351111187646, 0.34378920945924096],
  'p': 0.2551230546709908,
  't': -1.1447678040118034},
 'e10v/tea-tasting HEAD 90306f1 tests/metrics/test_mean.py test_ratio_of_means_analyze_basic']
E_tt_ratio_cuped_less_z = [{'control': 0.25572348175909004,
  'treatment': 0.23549786496156158,
  'effect': -0.020225616797528462,
  'ci_upper': 0.07287939184944564,
  'rel': -0.07909174651619377,
  'rel_ci_upper': 0.34578466493619153,
  'p': 0.3604265417728255,
  'z': -0.3573188986307722},
 'e10v/tea-tasting HEAD 90306f1 tests/metrics/test_mean.py']
E_gb_t_rel = [{'a': {'sum': 1396.87, 'sum_squares': 52377.9767, 'n': 3407},
  'b': {'sum': 2422.7, 'sum_squares': 134698.29, 'n': 3461},
  'difference': 'relative',
  'alpha': 0.05},
 {'effect': 0.70732, 'ci': [-0.03526, 1.44989], 'se': 0.37879, 'p': 0.06191},
 'growthbook HEAD 8f1db44 packages/stats/tests/frequentist/test_tests.py test_two_sided_ttest']
E_gb_prop_rel = [{'a': {'sum': 14, 'n': 28, 'kind': 'proportion'},
  'b': {'sum': 16, 'n': 30, 'kind': 'proportion'},
  'difference': 'relative',
  'alpha': 0.05},
 {'effect': 0.06667, 'ci': [-0.47767, 0.61101], 'se': 0.2717, 'p': 0.80707},
 'growthbook HEAD 8f1db44 packages/stats/tests/frequentist/test_tests.py test_two_sided_ttest_binom']
E_gb_greater_rel = [{'a': {'sum': 1396.87, 'sum_squares': 52377.9767, 'n': 3000},
  'b': {'sum': 2422.7, 'sum_squares': 134698.29, 'n': 3461},
  'difference': 'relative',
  'alpha': 0.05},
 {'effect': 0.5033610858562358,
  'ci_lower': -0.045136675850396046,
  'se': 0.3334122146400735,
  'p': 0.06558262868467746},
 'growthbook HEAD 8f1db44 packages/stats/tests/frequentist/test_tests.py TestOneSidedGreater']
E_gb_lesser_rel = [{'a': {'sum': 1396.87, 'sum_squares': 52377.9767, 'n': 3000},
  'b': {'sum': 2422.7, 'sum_squares': 134698.29, 'n': 3461},
  'difference': 'relative',
  'alpha': 0.05},
 {'ci_upper': 1.0518588475628676, 'p': 0.9344173713153225},
 'growthbook HEAD 8f1db44 packages/stats/tests/frequentist/test_tests.py TestOneSidedLesser']
E_gb_ratio_cuped = [{'a': {'kind': 'regression_adjusted_ratio',
        'n': 100,
        'm_post': [485.112236689623, 2715.484666118136],
        'd_post': [679.9093275844917, 4939.424001640236],
        'm_pre': [192.59138069991536, 460.076026390857],
        'd_pre': [290.1398399750233, 920.9461385038898],
        'sop': {'mpost_mpre': 1113.6215759318352,
                'dpost_dpre': 2130.9404074446747,
                'mpre_dpre': 634.239482353647,
                'mpost_dpost': 3602.146836776702,
                'mpost_dpre': 1559.2878434944676,
                'mpre_dpost': 1460.3181079276983}},
  'b': {'kind': 'regression_adjusted_ratio',
        'n': 100,
        'm_post': [514.7757826608777, 2994.897482705013],
        'd_post': [705.4090874383759, 5291.36604146392],
        'm_pre': [206.94157227402536, 514.2903702246757],
        'd_pre': [302.54389139107326, 994.4506208125663],
        'sop': {'mpost_mpre': 1237.0953021125997,
                'dpost_dpre': 2292.081739775257,
                'mpre_dpre': 698.4173425817908,
                'mpost_dpost': 3918.1561431600717,
                'mpost_dpre': 1701.0287270040265,
                'mpre_dpost': 1604.0759503266522}},
  'difference': 'relative',
  'alpha': 0.05},
 {'effect': -0.0007, 'ci': [-0.00841, 0.007], 'se': 0.00391, 'p': 0.85771},
 'growthbook HEAD 8f1db44 packages/stats/tests/frequentist/test_tests.py '
 'test_two_sided_ttest_test_runs_ratio_ra']
E_delta_ratio_1 = [{'num': [2, 3, 1, 1, 0, 4, 1, 3, 1, 2, 1, 2, 2, 3, 2, 1, 2, 0, 1, 4, 3, 0, 2, 2, 1, 1, 3, 3, 2, 1, 2, 1, 3, 0,
          1, 3, 2, 2, 2, 1],
  'den': [3, 3, 4, 4, 3, 10, 3, 5, 4, 3, 3, 3, 3, 4, 5, 2, 5, 1, 2, 5, 5, 4, 4, 7, 5, 4, 6, 3, 4, 4, 4, 2, 5, 4,
          5, 5, 5, 5, 3, 1]},
 {'ratio': 0.44375, 'se': 0.035583453197044854}, 'Deng, Knoblich & Lu 2018 (arXiv 1803.06336) sec 3']
E_qci_100 = [{'n': 100, 'p': 0.5, 'alpha': 0.05},
 {'lower_rank_exact': 40,
  'upper_rank_exact': 61,
  'coverage': 0.9647997997822952,
  'lower_rank_normal': 40,
  'upper_rank_normal': 61},
 'distribution-free order-statistic CI (David & Nagaraja); outer CI in Deng 2018 sec 4']
E_qci_200 = [{'n': 200, 'p': 0.95, 'alpha': 0.05},
 {'lower_rank_exact': 184,
  'upper_rank_exact': 197,
  'coverage': 0.9671521638567256,
  'lower_rank_normal': 183,
  'upper_rank_normal': 198},
 'distribution-free order-statistic CI (David & Nagaraja); outer CI in Deng 2018 sec 4']
E_qci_59 = [{'n': 59, 'p': 0.95, 'alpha': 0.05},
 {'lower_rank_exact': 52,
  'upper_rank_exact': 60,
  'coverage': 0.9911362570110952,
  'lower_rank_normal': 52,
  'upper_rank_normal': 61},
 'distribution-free order-statistic CI (David & Nagaraja); outer CI in Deng 2018 sec 4']
E_deff = [{'m': 20, 'icc': 0.02, 'cv': 0.6}, {'deff': 1.38, 'deff_cv': 1.524}, 'Kish 1965; Eldridge, Ashby, Kerry 2006']


# ---- means

def means_entry(id, control, candidate, difference=0.0, level=0.95):
    """scipy on the raw values; the null is a shift of the candidate."""
    moved = numpy.asarray(candidate, float) - difference
    expect = {}
    for name, equal in (("welch", False), ("student", True)):
        run = lambda alternative: stats.ttest_ind(moved, control, equal_var=equal, alternative=alternative)
        both = run("two-sided")
        interval = both.confidence_interval(level)
        expect[name] = {
            "statistic": both.statistic, "df": both.df, "twoSided": both.pvalue,
            "less": run("less").pvalue, "greater": run("greater").pvalue,
            "low": interval.low + difference, "high": interval.high + difference,
        }
    a, b = summary(control), summary(candidate)
    error = math.hypot(a["standardError"], b["standardError"])
    z = (b["estimate"] - a["estimate"] - difference) / error
    half = stats.norm.isf((1 - level) / 2) * error
    expect["normal"] = {
        "statistic": z, "twoSided": 2 * stats.norm.sf(abs(z)), "less": stats.norm.cdf(z), "greater": stats.norm.sf(z),
        "low": b["estimate"] - a["estimate"] - half, "high": b["estimate"] - a["estimate"] + half,
    }
    add("means", id, {"control": control, "candidate": candidate, "difference": difference, "level": level}, expect,
        f"scipy {scipy.__version__} ttest_ind on the values, norm for z", 1e-9)


expect, source = E_welch_sleep
add("means", "welch_sleep", {"control": SLEEP_2, "candidate": SLEEP_1, "difference": 0, "level": 0.95},
    {"welch": {"statistic": expect["t"], "df": expect["df"], "twoSided": expect["p"], "low": expect["ci"][0], "high": expect["ci"][1]}},
    source, 1e-9)
expect, source = E_welch_mtcars_greater
add("means", "welch_mtcars_greater", {"control": MTCARS_MANUAL, "candidate": MTCARS_AUTOMATIC, "difference": 0, "level": 0.95},
    {"welch": {"statistic": expect["t"], "greater": expect["p"]}}, source, 1e-9)
means_entry("sleep", SLEEP_2, SLEEP_1)
means_entry("sleep_margin", SLEEP_2, SLEEP_1, -2.5, 0.9)
means_entry("mtcars_margin", MTCARS_AUTOMATIC, MTCARS_MANUAL, 10.0, 0.99)
means_entry("two_against_three", [1.0, 2.5], [0.5, 3.0, 7.0], 0.25)
means_entry("one_to_99", numpy.round(RNG.normal(10, 1, 990), 3), numpy.round(RNG.normal(11, 3, 10), 3), 0.5)
means_entry("far_tail", numpy.round(RNG.normal(10, 1, 300), 3), numpy.round(RNG.normal(16, 1, 40), 3))
means_entry("heavy_tail", numpy.round(RNG.lognormal(0, 1.5, 400), 3), numpy.round(RNG.lognormal(0, 1.5, 25), 3))
means_entry("rare_events", [1.0] * 20 + [0.0] * 980, [1.0] * 3 + [0.0] * 7)

expect, source = E_var_mtcars
add("variance_ratio", "var_mtcars", {"control": MTCARS_MANUAL, "candidate": MTCARS_AUTOMATIC},
    {"statistic": expect["F"], "twoSided": expect["p"]}, source, 1e-9)
for id, control, candidate in (
    ("sleep", SLEEP_1, SLEEP_2),
    ("one_to_50", numpy.round(RNG.normal(0, 1, 500), 3), numpy.round(RNG.normal(0, 3, 10), 3)),
    ("far_below", numpy.round(RNG.normal(0, 8, 120), 3), numpy.round(RNG.normal(0, 1, 60), 3)),
):
    ratio = float(covariance(exact(candidate), exact(candidate)) / covariance(exact(control), exact(control)))
    d1, d0 = len(candidate) - 1, len(control) - 1
    less, greater = stats.f.cdf(ratio, d1, d0), stats.f.sf(ratio, d1, d0)
    add("variance_ratio", id, {"control": control, "candidate": candidate},
        {"statistic": ratio, "less": less, "greater": greater, "twoSided": 2 * min(less, greater)},
        f"scipy {scipy.__version__} f on exact variances", 1e-8)


# ---- ratios of sums, and relative differences

def linearised(num, den):
    """Value and error of a ratio of sums from its linear parts, unit by unit."""
    y, d = exact(num), exact(den)
    r = sum(y) / sum(d)
    u = [(a - r * b) / mean(d) for a, b in zip(y, d)]
    return r, covariance(u, u) / len(u)


input_, expect, source = E_delta_ratio_1
add("ratio", "delta_ratio_1", {"numerator": input_["num"], "denominator": input_["den"]},
    {"estimate": expect["ratio"], "standardError": expect["se"]}, source, 1e-9)
for id, n in (("few", 5), ("many", 200)):
    den = RNG.integers(1, 9, n)
    num = RNG.binomial(den, 0.3)
    num, den = [int(v) for v in num], [int(v) for v in den]
    r, variance = linearised(num, den)
    add("ratio", id, {"numerator": num, "denominator": den}, {"estimate": r, "standardError": root(variance)},
        "exact arithmetic on the linear parts of each unit")


def ratio_difference(id, sizes):
    arms = []
    for n, p in sizes:
        den = [int(v) for v in RNG.integers(1, 9, n)]
        num = [int(v) for v in RNG.binomial(den, p)]
        arms.append((num, den))
    (r0, v0), (r1, v1) = (linearised(*arm) for arm in arms)
    n0, n1 = sizes[0][0], sizes[1][0]
    df = (v0 + v1) ** 2 / (v0 ** 2 / (n0 - 1) + v1 ** 2 / (n1 - 1))
    t = float(Decimal(float(r1 - r0)) / root(v0 + v1))
    half = float(root(v0 + v1)) * stats.t.isf(0.025, float(df))
    add("ratio_difference", id,
        {"control": {"numerator": arms[0][0], "denominator": arms[0][1]},
         "candidate": {"numerator": arms[1][0], "denominator": arms[1][1]}},
        {"difference": r1 - r0, "standardError": root(v0 + v1), "df": df, "twoSided": 2 * stats.t.sf(abs(t), float(df)),
         "less": stats.t.cdf(t, float(df)), "greater": stats.t.sf(t, float(df)),
         "low": float(r1 - r0) - half, "high": float(r1 - r0) + half},
        f"exact arithmetic on linear parts, scipy {scipy.__version__} t", 1e-9)


ratio_difference("even", ((60, 0.3), (60, 0.35)))
ratio_difference("one_to_20", ((400, 0.1), (20, 0.2)))


def gb_arm(arm):
    n = arm["n"]
    m = arm["sum"] / n
    variance = m * (1 - m) if arm.get("kind") == "proportion" else (arm["sum_squares"] - arm["sum"] ** 2 / n) / (n - 1)
    return {"n": n, "estimate": m, "standardError": math.sqrt(variance / n)}


def gb_relative(id, entry, fields, absolute):
    input_, expect, source = entry
    two_sided = id in ("gb_t_rel", "gb_prop_rel")
    add("relative", id,
        {"control": gb_arm(input_["a"]), "candidate": gb_arm(input_["b"]), "method": "delta", "variances": "welch",
         "level": 0.95 if two_sided else 0.9, "lift": 0},
        {ours: (expect[theirs][int(ours == "high")] if theirs == "ci" else expect[theirs]) for ours, theirs in fields.items()},
        source, 1e-9 if absolute == 0 else 0.0, absolute)


gb_relative("gb_t_rel", E_gb_t_rel, {"value": "effect", "low": "ci", "high": "ci", "twoSided": "p"}, 6e-6)
gb_relative("gb_prop_rel", E_gb_prop_rel, {"value": "effect", "low": "ci", "high": "ci", "twoSided": "p"}, 6e-6)
gb_relative("gb_greater_rel", E_gb_greater_rel, {"value": "effect", "low": "ci_lower", "greater": "p"}, 0)
gb_relative("gb_lesser_rel", E_gb_lesser_rel, {"high": "ci_upper", "less": "p"}, 0)


def tea(arm, numerator, denominator=None):
    """n, value and error of one of tea-tasting's aggregates."""
    m, c, n = arm["mean"], arm["covariance"], arm["n"]
    assert denominator is None
    return {"n": n, "estimate": m[numerator], "standardError": math.sqrt(c[numerator][numerator] / n)}


expect, source = E_tt_mean
arms = {"control": tea(TEA_CONTROL, 0), "candidate": tea(TEA_CANDIDATE, 0)}
add("relative", "tt_mean", {**arms, "method": "log", "variances": "welch", "level": 0.95, "lift": 0},
    {"value": expect["rel"], "low": expect["rel_ci"][0], "high": expect["rel_ci"][1]}, source, 1e-6)
add("summaries", "tt_mean", {**arms, "level": 0.95},
    {"difference": expect["effect"], "low": expect["ci"][0], "high": expect["ci"][1], "statistic": expect["t"],
     "twoSided": expect["p"]}, source, 1e-6)


def welch_df(v0, n0, v1, n1):
    return (v0 + v1) ** 2 / (v0 ** 2 / (n0 - 1) + v1 ** 2 / (n1 - 1))


def fieller_p(control, candidate, ratio, tail):
    v0, v1 = (ratio * control["standardError"]) ** 2, candidate["standardError"] ** 2
    t = (candidate["estimate"] - ratio * control["estimate"]) / math.sqrt(v0 + v1)
    return tail(t, welch_df(v0, control["n"], v1, candidate["n"]))


def relative_entries(id, control, candidate, level, lift):
    r = candidate["estimate"] / control["estimate"]
    (m0, s0, n0), (m1, s1, n1) = ((a["estimate"], a["standardError"], a["n"]) for a in (control, candidate))
    common = {"control": control, "candidate": candidate, "level": level, "lift": lift}
    # log: Welch on the arms divided by their values
    v0, v1 = (s0 / m0) ** 2, (s1 / m1) ** 2
    df, se = welch_df(v0, n0, v1, n1), math.sqrt(v0 + v1)
    pooled = ((n0 - 1) * n0 * v0 + (n1 - 1) * n1 * v1) / (n0 + n1 - 2)
    errors = {"welch": (se, stats.t(df)), "normal": (se, stats.norm()),
              "student": (math.sqrt(pooled / n0 + pooled / n1), stats.t(n0 + n1 - 2))}
    for variances, (se, law) in errors.items():
        q = law.isf((1 - level) / 2)
        z = (math.log(r) - math.log1p(lift)) / se
        add("relative", f"{id}_log_{variances}", {**common, "method": "log", "variances": variances},
            {"value": r - 1, "low": r * math.exp(-q * se) - 1, "high": r * math.exp(q * se) - 1, "statistic": z,
             "less": law.cdf(z), "greater": law.sf(z), "twoSided": 2 * law.sf(abs(z))},
            f"log ratio, Welch on scaled arms; scipy {scipy.__version__} t and norm", 1e-8)
    # delta: numerical gradient, so that no derivative is taken by hand
    h = 1e-4
    g0 = (m1 / (m0 * (1 + h)) - m1 / (m0 * (1 - h))) / (2 * h * m0)
    g0 = (4 * ((m1 / (m0 * (1 + h / 2)) - m1 / (m0 * (1 - h / 2))) / (h * m0)) - g0) / 3  # Richardson
    se = math.hypot(g0 * s0, s1 / m0)
    law = stats.t(welch_df(s0 ** 2, n0, s1 ** 2, n1))
    q, z = law.isf((1 - level) / 2), (r - 1 - lift) / se
    add("relative", f"{id}_delta", {**common, "method": "delta", "variances": "welch"},
        {"value": r - 1, "low": r - 1 - q * se, "high": r - 1 + q * se, "statistic": z, "less": law.cdf(z),
         "greater": law.sf(z), "twoSided": 2 * law.sf(abs(z))},
        f"numerical gradient; scipy {scipy.__version__} t", 1e-7)
    # Fieller: the ratios where the test's one-sided p-value is half of what the level leaves out
    half = (1 - level) / 2
    upper = lambda ratio: fieller_p(control, candidate, ratio, stats.t.sf) - half
    lower = lambda ratio: fieller_p(control, candidate, ratio, stats.t.cdf) - half
    step = abs(r) + 1
    low = optimize.brentq(upper, r - 2 * step, r, xtol=1e-14, rtol=1e-14)
    high = optimize.brentq(lower, r, r + 50 * step, xtol=1e-14, rtol=1e-14)
    add("relative", f"{id}_fieller", {**common, "method": "fieller", "variances": "welch"},
        {"value": r - 1, "low": low - 1, "high": high - 1, "less": fieller_p(control, candidate, 1 + lift, stats.t.cdf),
         "greater": fieller_p(control, candidate, 1 + lift, stats.t.sf)},
        f"brentq on the test of candidate - ratio * control, scipy {scipy.__version__}", 1e-8)


    # the classical Fieller interval: one variance, n0 + n1 - 2 degrees of freedom, by its quadratic
    df = n0 + n1 - 2
    pooled = ((n0 - 1) * n0 * s0 ** 2 + (n1 - 1) * n1 * s1 ** 2) / df
    q = stats.t.isf((1 - level) / 2, df)
    g = q * q * pooled / n0 / m0 ** 2
    if g < 1:
        half = q * math.sqrt(pooled) / m0 * math.sqrt((1 - g) / n1 + r * r / n0)
        t = (m1 - (1 + lift) * m0) / math.sqrt(pooled * (1 / n1 + (1 + lift) ** 2 / n0))
        add("relative", f"{id}_fieller_student", {**common, "method": "fieller", "variances": "student"},
            {"value": r - 1, "low": (r - half) / (1 - g) - 1, "high": (r + half) / (1 - g) - 1, "statistic": t,
             "less": stats.t.cdf(t, df), "greater": stats.t.sf(t, df)},
            f"textbook form with g, scipy {scipy.__version__} t", 1e-8)


arm = lambda n, estimate, error: {"n": n, "estimate": estimate, "standardError": error}
relative_entries("even", arm(100, 2.0, 0.1), arm(100, 2.3, 0.12), 0.95, 0.0)
relative_entries("margin", arm(990, 0.8, 0.01), arm(10, 1.1, 0.2), 0.9, 0.2)
relative_entries("weak_control", arm(12, 1.0, 0.3), arm(1000, 1.5, 0.02), 0.95, 1.0)
relative_entries("small_units", arm(40, 2e-7, 1e-8), arm(60, 2.2e-7, 2e-8), 0.99, -0.1)
relative_entries("triple", arm(5000, 0.01, 0.0014), arm(50, 0.04, 0.027), 0.8, 2.0)

for id, control, candidate in (
    ("complement", arm(30, 1.0, 0.8), arm(30, 5.0, 0.5)),
    ("line", arm(30, 0.2, 0.8), arm(30, 0.1, 0.5)),
    ("line_small_units", arm(30, 0.0002, 0.0008), arm(30, 0.0001, 0.0005)),
    ("zero_control", arm(30, 0.0, 0.5), arm(30, 4.0, 0.5)),
    ("negative_control", arm(200, -2.0, 0.1), arm(200, 3.0, 0.1)),
):
    m0, s0, m1, s1 = control["estimate"], control["standardError"], candidate["estimate"], candidate["standardError"]
    q2 = Fraction(float(stats.norm.isf(0.025))) ** 2
    m0, s0, m1, s1 = exact((m0, s0, m1, s1))
    a, b, c = m0 ** 2 - q2 * s0 ** 2, -2 * m0 * m1, m1 ** 2 - q2 * s1 ** 2
    disc = b * b - 4 * a * c
    if disc <= 0:
        expect = {"shape": "line"}
    else:
        roots = sorted(float((-Decimal(float(b)) + s * root(disc)) / (2 * Decimal(float(a)))) for s in (1, -1))
        expect = {"shape": "interval" if a > 0 else "complement", "low": roots[0], "high": roots[1]}
    add("fieller_set", id, {"control": control, "candidate": candidate, "level": 0.95, "variances": "normal"}, expect,
        "Fieller's quadratic in exact arithmetic", 1e-9)


# ---- covariates

expect, source = E_tt_ratio_cuped_less_z
add("cuped_moments", "tt_ratio_cuped_less_z", {"control": TEA_CONTROL, "candidate": TEA_CANDIDATE, "slope": "total", "level": 0.9},
    {"control": expect["control"], "candidate": expect["treatment"], "difference": expect["effect"],
     "high": expect["ci_upper"], "less": expect["p"], "z": expect["z"], "lift": expect["rel"], "liftHigh": expect["rel_ci_upper"]},
    source, 1e-6)


def gb_regression(arm):
    """Mean and covariance of numerator, denominator and both covariates."""
    n, names = arm["n"], ("m_post", "d_post", "m_pre", "d_pre")
    sums = numpy.array([arm[k][0] for k in names])
    products = numpy.diag([arm[k][1] for k in names]).astype(float)
    for pair, value in arm["sop"].items():
        i, j = (names.index(f"{p[0]}_{p[1:]}") for p in pair.split("_"))
        products[i, j] = products[j, i] = value
    return {"n": n, "mean": sums / n, "covariance": (products - numpy.outer(sums, sums) / n) / (n - 1)}


input_, expect, source = E_gb_ratio_cuped
add("cuped_lift", "gb_ratio_cuped",
    {"control": gb_regression(input_["a"]), "candidate": gb_regression(input_["b"]), "slope": "within", "level": 0.95},
    {"value": expect["effect"], "low": expect["ci"][0], "high": expect["ci"][1], "twoSided": expect["p"]}, source, 0.0, 6e-6)


def cuped_rows(id, n0, n1, ratio):
    arms = []
    for n in (n0, n1):
        habit = RNG.gamma(2, 1, n)
        d = RNG.integers(1, 6, n) if ratio else numpy.ones(n, int)
        dx = RNG.integers(1, 6, n) if ratio else numpy.ones(n, int)
        arms.append([[int(v) for v in row] for row in zip(RNG.poisson(habit * d), d, RNG.poisson(habit * dx), dx)])
    columns = [[exact(c) for c in zip(*arm)] for arm in arms]
    both = [a + b for a, b in zip(*columns)]

    def parts(own):
        y, d, x, e = own
        ry, rx = sum(y) / sum(d), sum(x) / sum(e)
        return (ry, rx, [(a - ry * b) / mean(d) for a, b in zip(y, d)], [(a - rx * b) / mean(e) for a, b in zip(x, e)])

    for slope in ("total", "within"):
        if slope == "total":
            _, _, u, v = parts(both)
            theta = covariance(u, v) / covariance(v, v)
        else:
            own = [parts(c) for c in columns]
            theta = sum(covariance(u, v) for _, _, u, v in own) / sum(covariance(v, v) for _, _, u, v in own)
        centre = parts(both)[1]
        expect = {"theta": theta}
        for name, c in zip(("control", "candidate"), columns):
            ry, rx, u, v = parts(c)
            residual = [a - theta * b for a, b in zip(u, v)]
            expect[name] = ry - theta * (rx - centre)
            expect[f"{name}Error"] = root(covariance(residual, residual) / len(residual))
        add("cuped_rows", f"{id}_{slope}", {"control": arms[0], "candidate": arms[1], "slope": slope}, expect,
            "exact arithmetic on the linear parts of each unit")


cuped_rows("mean", 40, 30, False)
cuped_rows("mean_one_to_20", 200, 10, False)
cuped_rows("ratio", 60, 25, True)


# ---- clusters

input_, expect, source = E_deff
add("design_effect", "deff_20_0.02", {"size": 20, "correlation": 0.02, "variation": 0.6},
    {"equal": expect["deff"], "unequal": expect["deff_cv"]}, source, 1e-9)
for id, size, correlation, variation in (("one", 1, 0.5, 0), ("pairs", 2, 1, 0), ("negative", 5, -0.1, 1.5), ("wide", 3.5, 0.3, 2)):
    m, r, cv = Fraction(size), Fraction(correlation), Fraction(variation)
    add("design_effect", id, {"size": size, "correlation": correlation, "variation": variation},
        {"equal": 1 + (m - 1) * r, "unequal": 1 + ((1 + cv * cv) * m - 1) * r}, "Eldridge, Ashby & Kerry 2006, exact")


def icc_entry(id, clusters, tolerance=CLOSED_FORM):
    own = [exact(c) for c in clusters]
    k, n = len(own), sum(len(c) for c in own)
    grand = sum(sum(c) for c in own) / n
    total = sum((v - grand) ** 2 for c in own for v in c)
    within = sum((v - mean(c)) ** 2 for c in own for v in c)
    msb, msw = (total - within) / (k - 1), within / (n - k)
    size = (n - Fraction(sum(len(c) ** 2 for c in own), n)) / (k - 1)
    between = (msb - msw) / size
    linear = sum((sum(c) - len(c) * grand) ** 2 for c in own)
    mbar = Fraction(n, k)
    cv = root(sum((len(c) - mbar) ** 2 for c in own) / k) / Decimal(float(mbar))
    add("intraclass", id, {"clusters": clusters},
        {"value": between / (between + msw), "meanSquareBetween": msb, "meanSquareWithin": msw, "typicalSize": size,
         "variation": cv, "observedDesignEffect": Fraction(k, k - 1) * linear / n ** 2 / (total / (n - 1) / n)},
        "analysis of variance in exact arithmetic, variance components", tolerance)


icc_entry("equal", [[1, 2, 3], [4, 5, 6], [2, 2, 5], [9, 7, 8]])
icc_entry("unequal", [[1], [4, 5, 6, 5], [2, 2], [9, 7, 8, 9, 9, 6, 5], [3]])
icc_entry("negative", [[0, 10], [1, 9], [2, 8]])
icc_entry("binary", [[int(v) for v in RNG.binomial(1, RNG.beta(2, 3), RNG.integers(1, 12))] for _ in range(40)])
# a mean near 1e7 is a double good to 1e-9, and the deviations are about 1
icc_entry("large_mean", [[10 ** 7 + int(v) for v in RNG.integers(0, 9, s)] for s in (3, 4, 5, 6)], 1e-8)


# ---- strata

def post_entry(id, weights, rows):
    """rows: values of control and candidate in each stratum"""
    shares = exact(weights) if weights else [Fraction(len(a) + len(b)) for a, b in rows]
    shares = [w / sum(shares) for w in shares]
    pieces = [(w * w * covariance(exact(arm), exact(arm)) / len(arm), len(arm) - 1) for w, pair in zip(shares, rows) for arm in pair]
    variance = sum(p for p, _ in pieces)
    difference = sum(w * (mean(exact(b)) - mean(exact(a))) for w, (a, b) in zip(shares, rows))
    df = variance ** 2 / sum(p * p / d for p, d in pieces)
    t = float(Decimal(float(difference)) / root(variance))
    add("post_stratified", id, {"weights": weights, "strata": [{"control": a, "candidate": b} for a, b in rows]},
        {"difference": difference, "standardError": root(variance), "df": df, "weights": shares,
         "twoSided": 2 * stats.t.sf(abs(t), float(df)), "greater": stats.t.sf(t, float(df))},
        f"exact arithmetic, scipy {scipy.__version__} t", 1e-9)


rows = lambda sizes, effects: [([int(v) for v in RNG.poisson(5 + 3 * s, a)], [int(v) for v in RNG.poisson(5 + 3 * s + e, b)])
                               for s, ((a, b), e) in enumerate(zip(sizes, effects))]
post_entry("pooled", None, rows(((20, 18), (7, 12), (40, 5)), (0, 1, 2)))
post_entry("given", [0.5, 0.2, 0.3], rows(((9, 9), (30, 4), (6, 6)), (1, 1, 1)))

for id, stages in (
    ("ramp", [[0.3, 0.4], [0.1, 0.12], [0.05, 0.05], [-0.02, 0.03]]),
    ("two", [[-1.5, 0.5], [2.5, 0.75]]),
    ("one", [[0.25, 0.125]]),
):
    d, s = exact([a for a, _ in stages]), exact([b for _, b in stages])
    info = sum(1 / e ** 2 for e in s)
    estimate = sum(a / e ** 2 for a, e in zip(d, s)) / info
    q = sum((a - estimate) ** 2 / e ** 2 for a, e in zip(d, s))
    expect = {"difference": estimate, "standardError": root(1 / info), "weights": [1 / e ** 2 / info for e in s],
              "twoSided": 2 * stats.norm.sf(abs(float(Decimal(float(estimate)) * root(info))))}
    if len(stages) > 1:
        expect |= {"q": q, "qP": stats.chi2.sf(float(q), len(stages) - 1)}
    add("inverse_variance", id, {"stages": stages}, expect, f"exact arithmetic, scipy {scipy.__version__} norm and chi2", 1e-9)


def mh_entry(id, tables):
    """tables: events and units of control, events and units of candidate; exact, with the hypergeometric from scipy"""
    w = num = p = q = rr1 = rr0 = or1 = or0 = Fraction(0)
    excess = variance = 0.0
    for b, n0, a, n1 in tables:
        if n0 == 0 or n1 == 0:
            continue
        n, b, a = Fraction(n0 + n1), Fraction(b), Fraction(a)
        w += n1 * n0 / n
        num += (a / n1 - b / n0) * n1 * n0 / n
        p += (n1 * n1 * b - n0 * n0 * a + Fraction(n1 * n0 * (n0 - n1), 2)) / n ** 2
        q += (a * (n0 - b) + b * (n1 - a)) / (2 * n)
        rr1, rr0 = rr1 + a * n0 / n, rr0 + b * n1 / n
        or1, or0 = or1 + a * (n0 - b) / n, or0 + b * (n1 - a) / n
        law = stats.hypergeom(int(n), int(a + b), n1)
        excess += float(a) - law.mean()
        variance += law.var()
    delta = num / w
    z = excess / math.sqrt(variance)
    zc = math.copysign(max(0, abs(excess) - 0.5) / math.sqrt(variance), z)
    add("mantel_haenszel", id, {"tables": tables},
        {"difference": delta, "standardError": root(delta * p + q) / Decimal(float(w)), "riskRatio": rr1 / rr0, "oddsRatio": or1 / or0,
         "z": z, "twoSided": 2 * stats.norm.sf(abs(z)), "less": stats.norm.cdf(z), "greater": stats.norm.sf(z),
         "zCorrected": zc, "twoSidedCorrected": 2 * stats.norm.sf(abs(zc))},
        f"exact arithmetic (Sato 1989), hypergeometric moments from scipy {scipy.__version__}", 1e-9)


UCB = [(89, 108, 512, 825), (17, 25, 353, 560), (202, 593, 120, 325), (131, 375, 138, 417), (94, 393, 53, 191), (24, 341, 22, 373)]
add("mantel_haenszel", "ucb_admissions_r", {"tables": UCB}, {"chiSquaredCorrected": 1.4269, "twoSidedCorrected": 0.2323, "oddsRatio": 0.9046968},
    "R's documented example mantelhaen.test(UCBAdmissions): women are control, men candidate, admission the event", 0.0, 5e-5)
mh_entry("ucb_admissions", UCB)
mh_entry("rare_ramp", [(20, 9900, 1, 100), (31, 9500, 4, 500), (25, 7500, 12, 2500), (9, 5000, 14, 5000)])
mh_entry("pairs", [(0, 1, 1, 1)] * 9 + [(1, 1, 0, 1)] * 3 + [(1, 1, 1, 1)] * 20)
mh_entry("empty_arm", [(3, 50, 0, 0), (4, 60, 9, 30), (0, 5, 1, 2)])


# ---- quantiles

for type_ in (6, 8):
    expect, source = {6: E_quantile_type6, 8: E_quantile_type8}[type_]
    add("quantile", f"quantile_type{type_}", {"values": MTCARS_MPG, "probs": [0.05, 0.5, 0.9, 0.95], "type": type_}, {"q": expect["q"]}, source, 1e-9)
METHODS = ["inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull",
           "linear", "median_unbiased", "normal_unbiased"]
for type_, method in enumerate(METHODS, 1):
    for id, values in (("mtcars", MTCARS_MPG), ("seven", [3, 1, 4, 1, 5, 9, 2]), ("one", [7])):
        # shares whose positions no rounding decides; 3.5/32, 4.5/32 and 1/2 lie on a value or half-way exactly
        probs = [0, 0.03, 0.109375, 0.11, 0.140625, 0.3, 0.47, 0.5, 0.6, 0.83, 0.95, 0.99, 1]
        add("quantile", f"{method}_{id}", {"values": values, "probs": probs, "type": type_},
            {"q": numpy.quantile(numpy.array(values, float), probs, method=method)}, f"numpy {numpy.__version__} quantile({method})")

for entry in (E_qci_100, E_qci_200, E_qci_59):
    input_, expect, source = entry
    n = input_["n"]
    inside = lambda rank: rank if 1 <= rank <= n else None
    add("quantile_ranks", f"qci_{n}_{input_['p']}", {"n": n, "p": input_["p"], "level": 0.95},
        {"lower": inside(expect["lower_rank_exact"]), "upper": inside(expect["upper_rank_exact"]), "coverage": expect["coverage"],
         "normalLower": inside(expect["lower_rank_normal"]), "normalUpper": inside(expect["upper_rank_normal"])}, source, 1e-9)
for n, p, level in ((10, 0.5, 0.95), (73, 0.95, 0.95), (1000, 0.99, 0.9), (25, 0.1, 0.8), (100000, 0.999, 0.99), (5, 0.9, 0.95)):
    a = (1 - level) / 2
    # by definition: the largest lower and smallest upper rank that miss with at most a each, from exact binomial masses
    law = stats.binom(n, p)
    ranks = numpy.arange(1, n + 1)
    lower = [int(r) for r in ranks if law.cdf(r - 1) < a]
    upper = [int(r) for r in ranks if law.sf(r - 1) <= a]
    low, up = (max(lower) if lower else None), (min(upper) if upper else None)
    covered = law.cdf((up or n + 1) - 1) - law.cdf((low or 0) - 1)
    add("quantile_ranks", f"definition_{n}_{p}_{level}", {"n": n, "p": p, "level": level},
        {"lower": low, "upper": up, "coverage": covered}, f"definition, by binomial tails of scipy {scipy.__version__}", 1e-9)
for n, p, level in ((200, 0.95, 0.95), (150, 0.5, 0.9), (40, 0.25, 0.95)):
    values = numpy.sort(numpy.round(RNG.lognormal(0, 1, n), 4))
    interval = stats.quantile_test(values, q=0, p=p).confidence_interval(level)
    add("quantile_interval", f"{n}_{p}", {"values": values, "p": p, "level": level},
        {"value": numpy.quantile(values, p), "low": interval.low, "high": interval.high},
        f"scipy {scipy.__version__} quantile_test().confidence_interval, numpy quantile")


def mover_entry(id, control, candidate, shift, ratio, level=0.95):
    expect = {}
    for scale in ("difference", "ratio"):
        turn = (lambda v: Decimal(v)) if scale == "difference" else (lambda v: Decimal(v).ln())
        back = float if scale == "difference" else (lambda v: float(v.exp()))
        (c, cl, ch), (k, kl, kh) = ([turn(v) for v in own] for own in (candidate, control))
        z = Decimal(float(stats.norm.isf((1 - level) / 2)))
        for method in ("mover", "normal"):
            if method == "mover":
                below = ((c - cl) ** 2 + (kh - k) ** 2).sqrt()
                above = ((ch - c) ** 2 + (k - kl) ** 2).sqrt()
            else:
                below = above = z * (((ch - cl) / (2 * z)) ** 2 + ((kh - kl) / (2 * z)) ** 2).sqrt()
            effect = c - k - (Decimal(shift) if scale == "difference" else Decimal(ratio).ln())
            statistic = float(effect / ((below if effect > 0 else above) / z))
            expect[f"{scale}_{method}"] = {
                "value": back(c - k), "low": back(c - k - below), "high": back(c - k + above), "statistic": statistic,
                "less": stats.norm.cdf(statistic), "greater": stats.norm.sf(statistic), "twoSided": 2 * stats.norm.sf(abs(statistic))}
    add("quantile_difference", id, {"control": control, "candidate": candidate, "difference": shift, "ratio": ratio, "level": level},
        expect, f"60-digit arithmetic, scipy {scipy.__version__} norm", 1e-9)


mover_entry("latency", [800.0, 760.0, 850.0], [905.0, 780.0, 1250.0], 0.0, 1.0)
mover_entry("margin", [800.0, 760.0, 850.0], [905.0, 780.0, 1250.0], 200.0, 1.25)
mover_entry("better", [2.0, 1.75, 2.5], [1.0, 0.875, 1.5], 0.0, 1.0, 0.9)


# ---- margins

def tost_entry(id, control, candidate, below, above):
    v = numpy.asarray(candidate, float)
    lower = stats.ttest_ind(v + below, control, equal_var=False, alternative="greater").pvalue
    upper = stats.ttest_ind(v - above, control, equal_var=False, alternative="less").pvalue
    add("equivalence", id, {"control": control, "candidate": candidate, "below": below, "above": above},
        {"aboveLower": lower, "belowUpper": upper, "pValue": max(lower, upper)}, f"scipy {scipy.__version__} ttest_ind, shifted", 1e-9)


tost_entry("sleep", SLEEP_1, SLEEP_2, 1.0, 5.0)
tost_entry("mtcars", MTCARS_AUTOMATIC, MTCARS_MANUAL, 5.0, 9.5)
tost_entry("close", numpy.round(RNG.normal(10, 1, 500), 3), numpy.round(RNG.normal(10, 1, 50), 3), 1.0, 1.0)


def margin_entry(id, control, candidate, margin, better):
    """scipy's Welch test on the raw values: of a shift, or of the control's values times the factor."""
    k, c = numpy.asarray(control, float), numpy.asarray(candidate, float)
    if margin["kind"] == "absolute":
        c = c - margin["loss"] * (1 if better == "lower" else -1)
    else:
        k = k * margin["factor"]
    inside, beyond = ("less", "greater") if better == "lower" else ("greater", "less")
    p = lambda alternative: stats.ttest_ind(c, k, equal_var=False, alternative=alternative)
    add("margin", id, {"control": control, "candidate": candidate, "margin": margin, "better": better},
        {"statistic": p("two-sided").statistic * (1 if better == "lower" else -1), "df": p("two-sided").df,
         "less": p(inside).pvalue, "greater": p(beyond).pvalue}, f"scipy {scipy.__version__} ttest_ind on moved or scaled values", 1e-9)


cost = [list(numpy.round(RNG.gamma(4, 0.25, n), 4)) for n in (400, 40)]
for better in ("lower", "higher"):
    margin_entry(f"absolute_{better}", *cost, {"kind": "absolute", "loss": 0.3}, better)
    margin_entry(f"relative_{better}", *cost, {"kind": "relative", "factor": 1.2 if better == "lower" else 0.8}, better)
margin_entry("triple", *cost, {"kind": "relative", "factor": 3.0}, "lower")


# ---- multiplicity

for id, entry in (("padj_holm", E_padj_holm), ("padj_hommel", E_padj_hommel), ("padj_BY", E_padj_BY)):
    add("p_adjust", id, {"p": [0.01, 0.02, 0.03, 0.04, 0.05], "method": id.split("_")[-1]}, {"adjusted": entry[0]}, entry[1], 1e-9)
for method, entry in (("holm", E_padj_BH95_holm), ("hommel", E_padj_BH95_hommel), ("BY", E_padj_BH95_BY)):
    add("p_adjust", f"padj_BH95_{method}", {"p": BH95, "method": method}, {"adjusted": entry[0]}, entry[1], 1e-9)


def closed(p, local):
    """Adjusted p-values by closed testing: the largest local p-value of any set of hypotheses that holds the one."""
    m = len(p)
    sets = [s for size in range(1, m + 1) for s in itertools.combinations(range(m), size)]
    values = {s: min(Fraction(1), local(sorted(p[i] for i in s))) for s in sets}
    return [max(v for s, v in values.items() if i in s) for i in range(m)]


def adjustments(id, p):
    known = [i for i, v in enumerate(p) if v is not None]
    own = [Fraction(p[i]) for i in known]
    m = len(own)
    order = sorted(own)
    hochberg = [min([Fraction(1)] + [(m - j) * order[j] for j in range(m) if order[j] >= v]) for v in own]
    found = {
        "bonferroni": [min(Fraction(1), m * v) for v in own],
        "holm": closed(own, lambda q: len(q) * q[0]),
        "hochberg": hochberg,
        "hommel": closed(own, lambda q: min(Fraction(len(q), j) * v for j, v in enumerate(q, 1))),
        "BH": stats.false_discovery_control([float(v) for v in own], method="bh"),
        "BY": stats.false_discovery_control([float(v) for v in own], method="by"),
    }
    for method, values in found.items():
        adjusted = [None] * len(p)
        for i, v in zip(known, values):
            adjusted[i] = float(v)
        add("p_adjust", f"{id}_{method}", {"p": p, "method": method}, {"adjusted": adjusted},
            f"closed testing or definition in exact arithmetic; scipy {scipy.__version__} false_discovery_control for BH, BY")


adjustments("seven", [0.2, 0.001, 0.04, 0.03, 0.04, 0.9, 0.012])
adjustments("missing", [0.02, None, 0.5, 0.013, None, 0.0004])
adjustments("ties", [0.05, 0.05, 0.05, 0.05])
adjustments("tiny", [1e-300, 1e-20, 0.0, 1.0])
adjustments("alone", [0.3])


# ---- moments

for id, sizes in (("two", (3, 5)), ("four", (1, 7, 2, 40))):
    parts = [[[int(a), int(b), int(a * b)] for a, b in zip(RNG.integers(0, 9, n), RNG.integers(0, 50, n))] for n in sizes]
    columns = [exact(c) for c in zip(*(row for part in parts for row in part))]
    n = len(columns[0])
    add("moments", id, {"parts": parts},
        {"n": n, "mean": [mean(c) for c in columns], "products": [[covariance(a, b) * (n - 1) for b in columns] for a in columns]},
        "exact arithmetic over all rows together", 1e-12)

ABOUT = {
    "about": "Reference numbers for effects between two arms, written by make_effects.py; see its first lines for how to match them.",
    "versions": {"python": platform.python_version(), "numpy": numpy.__version__, "scipy": scipy.__version__},
}
(HERE / "effects.json").write_text(json.dumps({**ABOUT, "tables": TABLES}, indent=1, allow_nan=False) + "\n")
print({table: len(entries) for table, entries in TABLES.items()})
