#!/usr/bin/env python3
"""Reference numbers for tests and intervals of two samples: writes two-samples.json beside this file.

Nothing here looks at the library under test. Every number under `tables` comes from exact rational or 50-digit decimal
arithmetic, from listing all pairs or all splits, or from scipy. The entries under `copied` are other programs' printed
output, with its source; this script leaves them as they are.

A number matches if |got - expect| <= tolerance * |expect|, or |got| <= tolerance where expect is 0. null is infinity.

Run: python3 test/golden/make_two_samples.py        needs numpy and scipy
"""

import json
import math
import platform
from decimal import Decimal, getcontext
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy
import scipy
import scipy.optimize
from scipy import stats
from scipy.stats.contingency import odds_ratio

getcontext().prec = 50
HERE = Path(__file__).resolve().parent
TABLES = {}
VERSIONS = f"python {platform.python_version()}, numpy {numpy.__version__}, scipy {scipy.__version__}"
EXACT = 1e-10


def plain(value):
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, numpy.ndarray)):
        return [plain(inner) for inner in value]
    if isinstance(value, numpy.generic):
        value = value.item()
    if isinstance(value, (Fraction, Decimal)):
        value = float(value)
    if isinstance(value, float) and math.isinf(value):
        return None
    return value


def add(table, input, expect, source, tolerance=EXACT):
    entries = TABLES.setdefault(table, [])
    entries.append(
        {"id": f"{table}_{len(entries) + 1}", "input": plain(input), "expect": plain(expect), "tolerance": tolerance, "source": source}
    )


def count(events, n):
    return {"events": events, "n": n}


# proportions -------------------------------------------------------------------------------------------------------

PAIRS = [
    ((19, 53), (13, 47)), ((1, 34), (7, 34)), ((283, 14157), (9, 143)), ((0, 990), (2, 10)), ((3, 60), (0, 50)),
    ((25, 50), (15, 50)), ((990, 1000), (95, 100)), ((2, 100000), (1, 1000)), ((12, 12), (5, 9)), ((7, 9), (9, 9)),
    ((0, 8), (0, 13)), ((8, 8), (13, 13)), ((1, 2), (1, 3)), ((500, 5000), (520, 5000)), ((0, 10), (10, 10)),
]  # fmt: skip


def root(f, low, high, steps=150):
    """Where a falling function is 0, between Decimals; an end where it does not change sign."""
    low, high = Decimal(low), Decimal(high)
    for _ in range(steps):
        middle = (low + high) / 2
        if f(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def weigh(events, p):
    return Decimal(0) if events == 0 else (Decimal(events) / p if p > 0 else Decimal("1e40"))


def slope(x, n, p):
    """d log-likelihood / dp"""
    return weigh(x, p) - weigh(n - x, 1 - p)


def fit(control, candidate, scale, null):
    """Both proportions where the likelihood under the null is highest, by bisection on its slope."""
    (x0, n0), (x1, n1) = control, candidate
    if scale == "difference":
        low, high = max(Decimal(0), -null), min(Decimal(1), 1 - null)
        p0 = root(lambda p: slope(x0, n0, p) + slope(x1, n1, p + null), low, high)
        return p0, p0 + null
    if scale == "ratio":
        p0 = root(lambda p: slope(x0, n0, p) + null * slope(x1, n1, null * p), 0, min(Decimal(1), 1 / null))
        return p0, null * p0
    other = lambda p: null * p / (1 + (null - 1) * p)
    p0 = root(lambda p: x0 + x1 - n0 * p - n1 * other(p), 0, 1)
    return p0, other(p0)


def score(control, candidate, scale, null, small_sample):
    (x0, n0), (x1, n1) = control, candidate
    p0, p1 = fit(control, candidate, scale, null)
    v0, v1 = p0 * (1 - p0) / n0, p1 * (1 - p1) / n1
    r0, r1 = Decimal(x0) / n0, Decimal(x1) / n1
    shrink = (Decimal(n0 + n1 - 1) / (n0 + n1)).sqrt() if small_sample else 1
    if scale == "difference":
        return shrink * (r1 - r0 - null) / (v1 + v0).sqrt()
    if scale == "ratio":
        return shrink * (r1 - null * r0) / (v1 + null**2 * v0).sqrt()
    # Miettinen & Nurminen (1985), eq. 15: the difference of the arms' own standardised excesses
    return shrink * ((r1 - p1) / (p1 * (1 - p1)) - (r0 - p0) / (p0 * (1 - p0))) / (
        1 / (n1 * p1 * (1 - p1)) + 1 / (n0 * p0 * (1 - p0))
    ).sqrt()


UNCONDITIONAL = f"tables by whole numbers, their worst case on a fine grid and by scipy.optimize, {VERSIONS}"


def worst_case(n0, n1, extreme):
    """sup over p of the probability of the extreme tables."""
    weights = numpy.zeros(n0 + n1 + 1)
    for a, b in extreme:
        weights[a + b] += math.comb(n0, a) * math.comb(n1, b)
    t = numpy.arange(n0 + n1 + 1)
    f = lambda p: float((weights * p**t * (1 - p) ** (n0 + n1 - t)).sum())
    grid = numpy.linspace(0, 1, 4001)
    values = numpy.array([f(p) for p in grid])
    best = values.max()
    for i in numpy.argsort(values)[-5:]:
        found = scipy.optimize.minimize_scalar(
            lambda p: -f(p), bounds=(grid[max(0, i - 1)], grid[min(4000, i + 1)]), method="bounded", options={"xatol": 1e-12}
        )
        best = max(best, -found.fun)
    return min(1.0, best)


def check(name, ours, n0, n1, x0, x1):
    test = {"boschloo": stats.boschloo_exact, "barnard": stats.barnard_exact}[name]
    for key, alternative in (("less", "less"), ("greater", "greater"), ("twoSided", "two-sided")):
        theirs = test([[x1, x0], [n1 - x1, n0 - x0]], alternative=alternative).pvalue
        assert abs(theirs - ours[key]) <= 1e-6 * theirs, (name, key, theirs, ours[key])


def barnard(n0, n1, x0, x1, agrees):
    def z(a, b):
        """sign and square of the pooled z, up to a factor"""
        variance = (a + b) * (n0 + n1 - a - b)
        difference = b * n0 - a * n1
        return Fraction(0) if variance == 0 else Fraction(difference * abs(difference), variance)

    own = z(x0, x1)
    every = [(a, b) for a in range(n0 + 1) for b in range(n1 + 1)]
    result = {
        "less": worst_case(n0, n1, [(a, b) for a, b in every if z(a, b) <= own]),
        "greater": worst_case(n0, n1, [(a, b) for a, b in every if z(a, b) >= own]),
        "twoSided": worst_case(n0, n1, [(a, b) for a, b in every if abs(z(a, b)) >= abs(own)]),
    }
    if agrees:
        check("barnard", result, n0, n1, x0, x1)
    return result


def boschloo(n0, n1, x0, x1):
    def greater(n0, n1, x0, x1):
        tails = {}
        for t in range(n0 + n1 + 1):
            ways = 0
            for b in range(min(n1, t), max(0, t - n0) - 1, -1):
                ways += math.comb(n1, b) * math.comb(n0, t - b)
                tails[t - b, b] = Fraction(ways, math.comb(n0 + n1, t))
        return worst_case(n0, n1, [at for at, tail in tails.items() if tail <= tails[x0, x1]])

    result = {"greater": greater(n0, n1, x0, x1), "less": greater(n0, n1, n0 - x0, n1 - x1)}
    result["twoSided"] = min(1.0, 2 * min(result.values()))
    check("boschloo", result, n0, n1, x0, x1)
    return result


NULLS = {"difference": ["-0.05", "0", "0.02", "0.3"], "ratio": ["0.8", "1", "1.25", "3"], "odds-ratio": ["0.5", "1", "1.25", "4"]}
for scale, nulls in NULLS.items():
    for control, candidate in PAIRS:
        none = control[0] + candidate[0] == 0
        every = control[0] + candidate[0] == control[1] + candidate[1]
        for i, null in enumerate(nulls):
            if scale == "odds-ratio" and (none or every) or scale == "ratio" and none or (none or every) and null in "01":
                continue
            z = round(float(score(control, candidate, scale, Decimal(null), i % 2 == 1)), 30)
            expect = {
                "statistic": z,
                "less": stats.norm.cdf(z),
                "greater": stats.norm.sf(z),
                "twoSided": 2 * stats.norm.sf(abs(z)),
            }
            inputs = {"control": count(*control), "candidate": count(*candidate), "scale": scale, "nullValue": float(null), "smallSample": i % 2 == 1}
            add("score_test", inputs, expect, f"restricted likelihood by bisection, 50 digits; tails {VERSIONS}", 1e-9)

for scale in NULLS:
    for i, (control, candidate) in enumerate(PAIRS):
        (x0, n0), (x1, n1) = control, candidate
        if scale == "ratio" and x0 + x1 == 0 or scale == "odds-ratio" and x0 + x1 in (0, n0 + n1):
            continue
        level = [0.95, 0.99, 0.9][i % 3]
        z = Decimal(stats.norm.isf((1 - level) / 2))
        small = i % 2 == 0
        if scale == "difference":
            value = Decimal(x1) / n1 - Decimal(x0) / n0
            at = lambda d: score(control, candidate, scale, d, small)
            low = value if value == -1 else root(lambda d: at(d) - z, -1, value, 75)
            high = value if value == 1 else root(lambda d: at(d) + z, value, 1, 75)
        else:
            top, bottom = (x1 * n0, x0 * n1) if scale == "ratio" else (x1 * (n0 - x0), x0 * (n1 - x1))
            value = math.inf if bottom == 0 else Decimal(top) / bottom
            middle = {True: 30, False: None}[bottom == 0] or (-30 if top == 0 else (Decimal(top) / bottom).ln())
            at = lambda log: score(control, candidate, scale, Decimal(log).exp(), small)
            low = 0 if top == 0 else root(lambda log: at(log) - z, -31, middle, 75).exp()
            high = math.inf if bottom == 0 else root(lambda log: at(log) + z, middle, 31, 75).exp()
        inputs = {"control": count(*control), "candidate": count(*candidate), "scale": scale, "level": level, "smallSample": small}
        add("score_interval", inputs, {"value": value, "low": low, "high": high}, f"root of the score by bisection, 50 digits; z {VERSIONS}", 1e-9)

for control, candidate in PAIRS:
    (x0, n0), (x1, n1) = control, candidate
    inputs = {"control": count(*control), "candidate": count(*candidate)}
    if 0 < x0 + x1 < n0 + n1:
        table = [[x1, n1 - x1], [x0, n0 - x0]]
        for correction in (False, True):
            own = stats.chi2_contingency(table, correction=correction)
            # the sign is the difference's; R takes the root of chi-squared
            z = math.copysign(math.sqrt(own.statistic), x1 * n0 - x0 * n1)
            expect = {"statistic": z, "less": stats.norm.cdf(z), "greater": stats.norm.sf(z), "twoSided": own.pvalue}
            add("pooled_test", {**inputs, "continuityCorrection": correction}, expect, VERSIONS)
        if n0 + n1 < 200:
            add("boschloo", inputs, boschloo(n0, n1, x0, x1), f"{UNCONDITIONAL}; agrees with scipy", 1e-9)
            agrees = (x0, n0, x1, n1) != (1, 2, 1, 3)  # two-sided .774088591829786 in scipy 1.17.1, which misses a tie
            note = "agrees with scipy" if agrees else "scipy 1.17.1 misses a tie"
            add("barnard", inputs, barnard(n0, n1, x0, x1, agrees), f"{UNCONDITIONAL}; {note}", 1e-9)
        # Fisher, by whole numbers
        ways = {
            k: math.comb(n1, k) * math.comb(n0, x0 + x1 - k) for k in range(max(0, x0 + x1 - n0), min(n1, x0 + x1) + 1)
        }
        total = sum(ways.values())
        own = ways[x1]
        p = lambda keep: sum(w for k, w in ways.items() if keep(k, w))
        exact = {"less": p(lambda k, w: k <= x1), "greater": p(lambda k, w: k >= x1), "twoSided": p(lambda k, w: w <= own)}
        add("fisher", {**inputs, "midP": False}, {k: Fraction(w, total) for k, w in exact.items()}, "whole numbers", 1e-11)
        half = {"less": own, "greater": own, "twoSided": p(lambda k, w: w == own)}
        mid = {k: Fraction(2 * w - half[k], 2 * total) for k, w in exact.items()}
        add("fisher", {**inputs, "midP": True}, mid, "whole numbers", 1e-11)
        for level in (0.95, 0.8):
            conditional = odds_ratio(table, kind="conditional")
            interval = conditional.confidence_interval(level)
            expect = {"value": conditional.statistic, "low": interval.low, "high": interval.high}
            if not any(math.isnan(v) for v in expect.values()):
                add("conditional_odds_ratio", {**inputs, "level": level}, expect, VERSIONS, 1e-9)
    wilson = [stats.binomtest(x, n).proportion_ci(0.9, "wilson") for x, n in (control, candidate)]
    difference = x1 / n1 - x0 / n0
    low = difference - math.hypot(x1 / n1 - wilson[1].low, wilson[0].high - x0 / n0)
    high = difference + math.hypot(wilson[1].high - x1 / n1, x0 / n0 - wilson[0].low)
    add("newcombe", {**inputs, "level": 0.9}, {"value": difference, "low": max(-1, low), "high": min(1, high)}, VERSIONS)
    for x, n in (control, candidate):
        for level in (0.95, 0.999):
            low = 0 if x == 0 else stats.beta.ppf((1 - level) / 2, x, n - x + 1)
            high = 1 if x == n else stats.beta.isf((1 - level) / 2, x + 1, n - x)
            add("clopper_pearson", {**count(x, n), "level": level}, {"low": low, "high": high}, VERSIONS, 1e-9)

# tables ------------------------------------------------------------------------------------------------------------

for table in (
    [[10, 20], [30, 5]], [[3, 1], [1, 3]], [[12, 0, 7], [5, 9, 8]], [[1, 2, 3], [4, 5, 6], [700, 8, 9]],
    [[14000, 157], [130, 13]], [[1, 0], [0, 1]], [[50, 50], [100, 100]], [[200, 190, 210, 205], [20, 25, 18, 30]],
):  # fmt: skip
    for statistic, power in (("pearson", 1), ("likelihood-ratio", "log-likelihood")):
        for correction in (False, True):
            own = stats.chi2_contingency(table, correction=correction, lambda_=power)
            expect = {"statistic": own.statistic, "degreesOfFreedom": own.dof, "pValue": own.pvalue, "smallestExpected": own.expected_freq.min()}
            inputs = {"table": table, "statistic": statistic, "continuityCorrection": correction}
            add("contingency", inputs, expect, VERSIONS)

# ranks -------------------------------------------------------------------------------------------------------------

rng = numpy.random.default_rng(20240613)
whole = lambda values: [round(float(v), 3) for v in values]
ARMS = [
    ("no ties", whole(rng.normal(0, 1, 7)), whole(rng.normal(0.8, 1, 5))),
    ("no ties", whole(rng.normal(0, 1, 40)), whole(rng.normal(1.2, 1, 30))),
    ("no ties", whole(rng.normal(0, 1, 3)), whole(rng.normal(4, 1, 45))),
    ("no ties", [1.5], [0.5, 2.5]),
    ("no ties", whole(rng.exponential(1, 300)), whole(rng.exponential(1.4, 60))),
    ("ties", [float(v) for v in rng.poisson(2, 90)], [float(v) for v in rng.poisson(3, 10)]),
    ("ties", [0, 0, 0, 1], [0, 1, 1, 2, 2]),
    ("ties", [-1.5, -1.5, 0, 2], [0, 0, 7]),
    ("ties", [float(v) for v in rng.binomial(1, 0.02, 990)], [float(v) for v in rng.binomial(1, 0.3, 10)]),
]


def mann_whitney_ways(m, n):
    """Number of arrangements for each U, by listing partitions: whole numbers."""
    ways = [[[1] for _ in range(n + 1)] for _ in range(m + 1)]
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            own = [0] * (i * j + 1)
            for u, w in enumerate(ways[i - 1][j]):
                own[u + j] += w
            for u, w in enumerate(ways[i][j - 1]):
                own[u] += w
            ways[i][j] = own
    return ways[m][n]


def signed_rank_ways(n):
    ways = [1]
    for rank in range(1, n + 1):
        own = [0] * (len(ways) + rank)
        for v, w in enumerate(ways):
            own[v] += w
            own[v + rank] += w
        ways = own
    return ways


def rank_of(ways, level):
    """Rank of the interval's ends, and the level reached."""
    total, below = sum(ways), 0
    for k, w in enumerate(ways):
        below += w
        if Fraction(below, total) >= Fraction(1 - level).limit_denominator(10**6) / 2:
            return (k, level) if k > 0 else (1, 1 - 2 * float(Fraction(ways[0], total)))


def middle(values, rank):
    values = numpy.sort(values)
    return {"value": numpy.median(values), "low": values[rank - 1], "high": values[len(values) - rank]}


def normal_rank(pairs, deviation, level, half):
    return pairs - math.ceil(pairs / 2 + half + stats.norm.isf((1 - level) / 2) * deviation) + 1


def tie_sum(values):
    _, sizes = numpy.unique(values, return_counts=True)
    return sum(int(t) ** 3 - int(t) for t in sizes)


for ties, control, candidate in ARMS:
    n, m = len(control), len(candidate)
    differences = numpy.subtract.outer(candidate, control).ravel()
    wins = (differences > 0).sum() + (differences == 0).sum() / 2
    inputs = {"control": control, "candidate": candidate}
    if ties == "no ties":
        if n < 50 and m < 50:
            ways = mann_whitney_ways(m, n)
            total = sum(ways)
            less, greater = (Fraction(sum(ways[: int(k) + 1]), total) for k in (wins, m * n - wins))
            add("mann_whitney", {**inputs, "exactBelow": 50}, {"statistic": wins, "less": less, "greater": greater, "twoSided": min(1, 2 * min(less, greater))}, "whole numbers", 1e-11)
            for level in (0.95, 0.8):
                rank, reached = rank_of(ways, level)
                add("shift", {**inputs, "level": level, "exactBelow": 50}, {**middle(differences, rank), "level": reached}, "all differences; whole numbers")
    for correction in (False, True):
        expect = {"statistic": wins}
        for key, alternative in (("less", "less"), ("greater", "greater"), ("twoSided", "two-sided")):
            expect[key] = stats.mannwhitneyu(candidate, control, use_continuity=correction, alternative=alternative, method="asymptotic").pvalue
        add("mann_whitney", {**inputs, "exactBelow": 0, "continuityCorrection": correction}, expect, VERSIONS)
        N = m + n
        deviation = math.sqrt(m * n / 12 * (N + 1 - (tie_sum(control) + tie_sum(candidate)) / (N * (N - 1))))
        rank = normal_rank(m * n, deviation, 0.9, 0.5 if correction else 0)
        if rank >= 1:
            inputs_ = {**inputs, "level": 0.9, "exactBelow": 0, "continuityCorrection": correction}
            add("shift", inputs_, {**middle(differences, rank), "level": 0.9}, f"all differences; {VERSIONS}")

SINGLE = [
    whole(rng.normal(0.4, 1, 9)), whole(rng.normal(0.1, 1, 45)), whole(rng.normal(0.05, 1, 120)), [0.5, -1.0, 2.0],
    [float(v) for v in rng.poisson(2, 60) - rng.poisson(1.7, 60)], [0.0, 0.0, 1.0, 2.0, 2.0, -1.0, 3.0, 5.0],
]  # fmt: skip
for values in SINGLE:
    kept = numpy.array([v for v in values if v != 0])
    n = len(kept)
    i, j = numpy.triu_indices(n)
    averages = (kept[i] + kept[j]) / 2
    ranks = stats.rankdata(numpy.abs(kept))
    V = ranks[kept > 0].sum()
    tied = len(set(numpy.abs(kept))) < n
    if not tied and n == len(values) and n < 50:
        ways = signed_rank_ways(n)
        total = sum(ways)
        less, greater = (Fraction(sum(ways[: int(k) + 1]), total) for k in (V, n * (n + 1) // 2 - V))
        add("signed_rank", {"differences": values, "exactBelow": 50}, {"statistic": V, "less": less, "greater": greater, "twoSided": min(1, 2 * min(less, greater))}, "whole numbers", 1e-11)
        rank, reached = rank_of(ways, 0.95)
        add("pseudo_median", {"differences": values, "level": 0.95, "exactBelow": 50}, {**middle(averages, rank), "level": reached}, "all averages; whole numbers")
    for correction in (False, True):
        expect = {"statistic": V}
        for key, alternative in (("less", "less"), ("greater", "greater"), ("twoSided", "two-sided")):
            expect[key] = stats.wilcoxon(values, zero_method="wilcox", correction=correction, alternative=alternative, method="asymptotic").pvalue
        add("signed_rank", {"differences": values, "exactBelow": 0, "continuityCorrection": correction}, expect, VERSIONS)
        deviation = math.sqrt(n * (n + 1) * (2 * n + 1) / 24 - tie_sum(kept) / 48)
        rank = normal_rank(n * (n + 1) // 2, deviation, 0.9, 0.5 if correction else 0)
        if rank >= 1:
            inputs = {"differences": values, "level": 0.9, "exactBelow": 0, "continuityCorrection": correction}
            add("pseudo_median", inputs, {**middle(averages, rank), "level": 0.9}, f"all averages; {VERSIONS}")
    positive = int((kept > 0).sum())
    expect = {"statistic": positive}
    for key, alternative in (("less", "less"), ("greater", "greater"), ("twoSided", "two-sided")):
        expect[key] = stats.binomtest(positive, n, 0.5, alternative).pvalue
    add("sign_test", {"differences": values}, expect, VERSIONS)

# pairs -------------------------------------------------------------------------------------------------------------

for b, c in ((12, 3), (3, 12), (150, 86), (1, 0), (10, 10), (0, 40), (70, 59), (1, 1), (400, 521)):
    n = b + c
    up, down, own = (sum(math.comb(n, k) for k in ks) for ks in (range(c, n + 1), range(0, c + 1), (c,)))
    inputs = {"controlOnly": b, "candidateOnly": c}
    exact = {"less": Fraction(down, 2**n), "greater": Fraction(up, 2**n), "twoSided": min(Fraction(1), Fraction(2 * min(up, down), 2**n))}
    add("mcnemar", {**inputs, "form": "exact"}, {"statistic": c, **exact}, "whole numbers", 1e-11)
    # P(statistic further out) + P(statistic as far) / 2, whichever side
    far = lambda k: abs(2 * k - n)
    both = sum(Fraction(math.comb(n, k), 2**n) * (1 if far(k) > far(c) else Fraction(1, 2) if far(k) == far(c) else 0) for k in range(n + 1))
    mid = {"less": Fraction(2 * down - own, 2 ** (n + 1)), "greater": Fraction(2 * up - own, 2 ** (n + 1)), "twoSided": both}
    add("mcnemar", {**inputs, "form": "mid-p"}, {"statistic": c, **mid}, "whole numbers", 1e-11)
    for form in ("asymptotic", "continuity-corrected"):
        gap = c - b if form == "asymptotic" else math.copysign(max(0, abs(c - b) - 1), c - b)
        z = gap / math.sqrt(n)
        expect = {"statistic": z, "less": stats.norm.cdf(z), "greater": stats.norm.sf(z), "twoSided": stats.chi2.sf(z * z, 1)}
        add("mcnemar", {**inputs, "form": form}, expect, VERSIONS)

for n, shift in ((2, 0.5), (8, 0.3), (60, -2.5)):
    control = whole(rng.normal(5, 2, n))
    candidate = whole(numpy.array(control) + rng.normal(shift, 1, n))
    own = {key: stats.ttest_rel(candidate, control, alternative=alternative) for key, alternative in (("less", "less"), ("greater", "greater"), ("twoSided", "two-sided"))}
    inputs = {"control": control, "candidate": candidate}
    add("paired_t", inputs, {"statistic": own["less"].statistic, **{key: test.pvalue for key, test in own.items()}}, VERSIONS)
    interval = own["twoSided"].confidence_interval(0.9)
    add("paired_t_interval", {**inputs, "level": 0.9}, {"low": interval.low, "high": interval.high}, VERSIONS)

units = [int(u) for u in rng.integers(0, 12, 50)]
control = whole(rng.normal(5, 2, 50))
candidate = whole(numpy.array(control) + numpy.array([0.4 * math.sin(u) for u in units]) + rng.normal(0.5, 1, 50))
d = numpy.subtract(candidate, control)
names = sorted(set(units))
sums = numpy.array([d[numpy.array(units) == u].sum() for u in names])
sizes = numpy.array([(numpy.array(units) == u).sum() for u in names])
ratio = sums.sum() / sizes.sum()
K = len(names)
error = math.sqrt(((sums - ratio * sizes) ** 2).sum() / (K - 1) * K) / sizes.sum()
t = ratio / error
expect = {"statistic": t, "less": stats.t.cdf(t, K - 1), "greater": stats.t.sf(t, K - 1), "twoSided": 2 * stats.t.sf(abs(t), K - 1)}
inputs = {"control": control, "candidate": candidate, "units": units}
add("paired_t", inputs, expect, f"residuals of the units about the ratio, {VERSIONS}")
half = stats.t.isf(0.025, K - 1) * error
add("paired_t_interval", {**inputs, "level": 0.95}, {"value": ratio, "low": ratio - half, "high": ratio + half}, f"residuals of the units about the ratio, {VERSIONS}")

# resampling --------------------------------------------------------------------------------------------------------

mean_difference = lambda a, b: float(numpy.mean(b) - numpy.mean(a))
for control, candidate in (([1.0, 2.5, 3.0, 8.0], [4.0, 9.0, 10.5]), (whole(rng.normal(0, 1, 11)), [0.3, 2.1]), ([0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 1.0])):
    units_ = control + candidate
    own = mean_difference(control, candidate)
    values = []
    for chosen in combinations(range(len(units_)), len(candidate)):
        values.append(mean_difference([v for i, v in enumerate(units_) if i not in chosen], [units_[i] for i in chosen]))
    values = numpy.array(values)
    less, greater = (values <= own + 1e-12).mean(), (values >= own - 1e-12).mean()
    inputs = {"control": control, "candidate": candidate}
    add("permutation", inputs, {"statistic": own, "less": less, "greater": greater, "twoSided": min(1, 2 * min(less, greater))}, f"all splits, {VERSIONS}")


def congruential(seed):
    """Uniforms that any language can make: Numerical Recipes' 32-bit generator."""
    state = seed
    while True:
        state = (1664525 * state + 1013904223) % 2**32
        yield state / 2**32


for control, candidate, statistic in (
    (whole(rng.exponential(1, 25)), whole(rng.exponential(1.5, 12)), "mean-difference"),
    (whole(rng.exponential(1, 40)), whole(rng.exponential(1.5, 8)), "mean-ratio"),
):
    f = mean_difference if statistic == "mean-difference" else lambda a, b: float(numpy.mean(b) / numpy.mean(a))
    stream = congruential(12345)
    draw = lambda arm: [arm[math.floor(next(stream) * len(arm))] for _ in arm]
    draws = numpy.array([f(draw(control), draw(candidate)) for _ in range(999)])
    value = f(control, candidate)
    inputs = {"control": control, "candidate": candidate, "statistic": statistic, "seed": 12345, "replicates": 999}
    for level in (0.95, 0.8):
        tail = (1 - level) / 2
        expect = {"value": value, "low": numpy.quantile(draws, tail), "high": numpy.quantile(draws, 1 - tail)}
        add("bootstrap", {**inputs, "method": "percentile", "level": level}, expect, VERSIONS)
        z0 = stats.norm.ppf(((draws < value).mean() + (draws <= value).mean()) / 2)
        influence = []
        for which, arm in enumerate((control, candidate)):
            without = [arm[:i] + arm[i + 1 :] for i in range(len(arm))]
            left = numpy.array([f(rest, candidate) if which == 0 else f(control, rest) for rest in without])
            influence.append((len(arm) - 1) * (left.mean() - left) / len(arm))
        cubes, squares = sum((u**3).sum() for u in influence), sum((u**2).sum() for u in influence)
        a = cubes / 6 / squares**1.5
        adjusted = [stats.norm.cdf(z0 + (z0 + z) / (1 - a * (z0 + z))) for z in (stats.norm.ppf(tail), stats.norm.isf(tail))]
        expect = {"value": value, "low": numpy.quantile(draws, adjusted[0]), "high": numpy.quantile(draws, adjusted[1])}
        add("bootstrap", {**inputs, "method": "bca", "level": level}, expect, f"{VERSIONS}; acceleration as scipy.stats.bootstrap's")

path = HERE / "two-samples.json"
copied = json.loads(path.read_text())["copied"] if path.exists() else {}


def lines(tables):
    rows = lambda entries: ",\n".join("      " + json.dumps(entry) for entry in entries)
    return ",\n".join(f'    "{name}": [\n{rows(entries)}\n    ]' for name, entries in tables.items())


path.write_text(
    f'{{\n  "made_by": "test/golden/make_two_samples.py, {VERSIONS}",\n  "copied": {{\n{lines(copied)}\n  }},\n  "tables": {{\n{lines(TABLES)}\n  }}\n}}\n'
)
