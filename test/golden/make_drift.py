#!/usr/bin/env python3
"""Reference numbers for drift between samples and dependence within a series: writes drift.json beside this file.

Nothing here looks at the library under test: scipy and numpy, all orders of small samples for Kolmogorov-Smirnov with ties,
R 4.2.2's output where it is named. Seeds are fixed.

A number matches if |got - expect| <= tolerance * |expect|, or |got| <= tolerance where expect is 0.

Run: python3 test/golden/make_drift.py        needs numpy and scipy
"""

import itertools
import json
import math
import platform
from fractions import Fraction
from pathlib import Path

import numpy as np
import scipy
from scipy import special, stats
from scipy.spatial.distance import jensenshannon

HERE = Path(__file__).resolve().parent
TABLES = {}
SCIPY = f"scipy {scipy.__version__}"


def add(table, id, input, expect, source, tolerance=1e-9):
    entries = TABLES.setdefault(table, [])
    assert all(entry["id"] != id for entry in entries), id
    plain = lambda v: (
        {k: plain(w) for k, w in v.items()} if isinstance(v, dict)
        else [plain(w) for w in v] if isinstance(v, (list, tuple, np.ndarray))
        else v.item() if isinstance(v, np.generic) else v
    )
    entries.append({"id": id, "input": plain(input), "expect": plain(expect), "tolerance": tolerance, "source": source})


random = np.random.default_rng(20261)

# ---- Kolmogorov-Smirnov; `less` = candidate smaller = F1 above F0 = scipy's "greater" of (candidate, control)

def ks_scipy(control, candidate, method):
    p = {k: stats.ks_2samp(candidate, control, alternative=a, method=method) for k, a in
         [("less", "greater"), ("greater", "less"), ("twoSided", "two-sided")]}
    return {"statistic": p["twoSided"].statistic, **{k: v.pvalue for k, v in p.items()}}


x = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
y = [1.15, 0.88, 0.9, 0.74, 1.21]
# R stops its series at 1e-6: the next term is 8.3e-10
add("ks", "ks_HW_asym", {"control": x, "candidate": y, "exact": False}, {"statistic": 0.6, "twoSided": 0.181300449938123},
    "R 4.2.2 ks.test exact=FALSE", 1e-8)
for k, (n, m, shift) in enumerate([(10, 5, 0.3), (7, 12, 0), (30, 8, -1.5), (60, 60, 0.8), (3, 99, 1), (1, 5, 0), (90, 11, 3), (40, 45, 4)]):
    control, candidate = random.normal(0, 1, n), random.normal(shift, 1.2, m)
    add("ks", f"exact_{k}", {"control": control, "candidate": candidate, "exact": True}, ks_scipy(control, candidate, "exact"),
        f"{SCIPY} ks_2samp method=exact", 1e-9)
for k, (n, m, shift) in enumerate([(200, 150, 0.1), (990, 10, -0.5), (300, 300, 0.6)]):
    control, candidate = random.normal(0, 1, n), random.normal(shift, 1, m)
    d = {a: stats.ks_2samp(candidate, control, alternative=a, method="asymp").statistic for a in ("greater", "less", "two-sided")}
    root = math.sqrt(n * m / (n + m))
    add("ks", f"asymptotic_{k}", {"control": control, "candidate": candidate, "exact": False},
        {"statistic": d["two-sided"], "less": math.exp(-2 * (root * d["greater"]) ** 2), "greater": math.exp(-2 * (root * d["less"]) ** 2),
         "twoSided": special.kolmogorov(root * d["two-sided"])}, f"Smirnov's limits with {SCIPY} special.kolmogorov", 1e-9)


def ks_orders(control, candidate):
    pooled = sorted(control + candidate)
    values = sorted(set(pooled))
    n, m = len(control), len(candidate)

    def gaps(chosen):
        g = [Fraction(sum(1 for i in chosen if pooled[i] <= v), m) - Fraction(sum(1 for i in range(n + m) if i not in chosen and pooled[i] <= v), n) for v in values]
        return max(g), max(-a for a in g), max(abs(a) for a in g)

    left = list(range(n + m))
    own = []
    for v in candidate:
        i = next(i for i in left if pooled[i] == v)
        left.remove(i)
        own.append(i)
    seen = gaps(set(own))
    counts, total = [0, 0, 0], 0
    for chosen in itertools.combinations(range(n + m), m):
        total += 1
        for k, g in enumerate(gaps(set(chosen))):
            counts[k] += g >= seen[k]
    return {"statistic": float(seen[2]), "less": counts[0] / total, "greater": counts[1] / total, "twoSided": counts[2] / total}


for k, (control, candidate) in enumerate([([1, 2, 2, 3, 3, 5], [2, 3, 4, 4, 5]), ([0, 0, 0, 1, 1], [0, 1, 1, 1]), ([1, 2, 3, 4, 5, 6, 7], [3, 3, 8]),
                                          ([0] * 6 + [1], [0, 0, 1, 1, 1]), ([5, 5, 6, 9], [1, 2, 5, 6])]):
    add("ks", f"ties_{k}", {"control": control, "candidate": candidate, "exact": True}, ks_orders(control, candidate), "all orders, in fractions", 1e-12)
for z in [0.1, 0.2, 0.3, 0.5, 0.8, 0.99, 1.01, 1.36, 2, 4, 8]:
    add("kolmogorov", str(z), {"x": z}, {"upper": special.kolmogorov(z)}, f"{SCIPY} special.kolmogorov", 1e-12)

# ---- Wasserstein, Jensen-Shannon, stability, categories

add("wasserstein", "wass_1", {"a": [0.0, 1.0, 3.0], "b": [5.0, 6.0, 8.0]}, {"w1": 5.0}, "scipy docs")
for k, (n, m) in enumerate([(1, 1), (1, 7), (13, 5), (200, 31), (40, 40)]):
    a, b = random.gamma(2, 1, n), random.gamma(2, 1.5, m)
    if k == 4:
        a, b = np.round(a), np.round(b)
    add("wasserstein", f"own_{k}", {"a": a, "b": b}, {"w1": stats.wasserstein_distance(a, b)}, SCIPY + " wasserstein_distance")
histograms = [([30, 50, 20], [25, 45, 30]), ([100, 0, 50], [90, 10, 50]), ([1, 0, 0], [0, 0, 5]), ([990, 1980, 1000, 7], [12, 30, 5, 1]),
              ([10, 20, 30], [10, 20, 30]), ([5, 0, 5, 0], [1, 0, 9, 4]), ([1e6, 2e6, 1], [1e4, 2e4, 3])]
for k, (p, q) in enumerate(histograms):
    add("jensen_shannon", str(k), {"reference": p, "current": q}, {"bits": jensenshannon(p, q, base=2) ** 2}, SCIPY + " jensenshannon(base=2)**2", 1e-8)
    kept = [(a, b) for a, b in zip(p, q) if a + b]
    s = 0.5 if any(a == 0 or b == 0 for a, b in kept) else 0
    e = np.array([a + s for a, _ in kept]) / (sum(p) + s * len(kept))
    a = np.array([b + s for _, b in kept]) / (sum(q) + s * len(kept))
    # as two Kullback-Leibler divergences
    value = float(special.rel_entr(a, e).sum() + special.rel_entr(e, a).sum())
    add("stability", str(k), {"reference": p, "current": q},
        {"value": value, "pValue": stats.chi2.sf(value / (1 / sum(p) + 1 / sum(q)), len(kept) - 1)}, SCIPY + " rel_entr both ways, chi2", 1e-9)
    table = np.array(kept).T
    r = stats.chi2_contingency(table, correction=False)
    add("categories", str(k), {"reference": p, "current": q},
        {"statistic": r.statistic, "degreesOfFreedom": r.dof, "pValue": r.pvalue, "smallestExpected": r.expected_freq.min()},
        SCIPY + " chi2_contingency(correction=False)", 1e-9)

# ---- series

def ar1(n, rho):
    out, v = [], 0.0
    for e in random.normal(0, 1, n):
        v = rho * v + e
        out.append(v)
    return np.array(out)


def acf(x):
    c = x - x.mean()
    full = np.correlate(c, c, "full")[len(x) - 1:]
    return full / full[0]


for k, x in enumerate([ar1(60, 0), ar1(200, 0.6), ar1(150, -0.5), ar1(500, 0.9) + 1e6, np.array([1.0, 2, 4, 7, 11]), np.array([1.0, -1] * 20)]):
    r = acf(x)
    add("autocorrelation", str(k), {"series": x, "lag": min(8, len(x) - 1)}, {"r": r[: min(8, len(x) - 1) + 1]}, "numpy correlate", 1e-8)
    for lags, fitted in [(1, 0), (4, 0), (4, 1)]:
        q = len(x) * (len(x) + 2) * sum(r[j] ** 2 / (len(x) - j) for j in range(1, lags + 1))
        add("ljung_box", f"{k}_{lags}_{fitted}", {"series": x, "lags": lags, "fitted": fitted},
            {"statistic": q, "pValue": stats.chi2.sf(q, lags - fitted)}, f"numpy and {SCIPY} chi2", 1e-7)
    pairs = r[: len(r) // 2 * 2].reshape(-1, 2).sum(axis=1)
    stop = np.argmax(pairs <= 0) if np.any(pairs <= 0) else len(pairs)
    tau = max(-1 + 2 * pairs[:stop].sum(), 1 / math.log10(max(len(x), 11)))
    add("effective_size", str(k), {"series": x}, {"size": len(x) / tau, "inflation": tau}, "Geyer (1992), numpy", 1e-8)
for rho, n in [(0.6, 24), (-0.4, 7), (0.99, 100), (0, 5), (0.5, 1), (0.9, 2)]:
    add("ar1", f"{rho}_{n}", {"rho": rho, "n": n},
        {"inflation": sum(rho ** abs(i - j) for i in range(n) for j in range(n)) / n}, "sum of the correlation matrix", 1e-10)

(HERE / "drift.json").write_text(json.dumps(
    {"made": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}, "tables": TABLES}) .replace("}, {\"id\"", "},\n{\"id\"") + "\n")
print({k: len(v) for k, v in TABLES.items()})
