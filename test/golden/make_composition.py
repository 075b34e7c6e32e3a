#!/usr/bin/env python3
"""Reference numbers for compositions (entropy, coverage, calibration, drift): writes composition.json beside this file.

Nothing here looks at the library under test: scipy, dense numpy matrices of units by categories, exact fractions, and every
subset of small samples. Seeds are fixed.

A number matches if |got - expect| <= tolerance * |expect|, or |got| <= tolerance where expect is 0.

Run: python3 test/golden/make_composition.py        needs numpy and scipy
"""

import itertools
import json
import math
import platform
from fractions import Fraction
from pathlib import Path

import numpy as np
import scipy
from scipy import stats
from scipy.spatial.distance import jensenshannon

HERE = Path(__file__).resolve().parent
TABLES = {}
SCIPY = f"scipy {scipy.__version__}"
NUMPY = f"numpy {np.__version__}, dense"


def add(table, id, input, expect, source, tolerance=1e-9):
    entries = TABLES.setdefault(table, [])
    assert all(entry["id"] != id for entry in entries), id
    plain = lambda v: (
        {k: plain(w) for k, w in v.items()} if isinstance(v, dict)
        else [plain(w) for w in v] if isinstance(v, (list, tuple, np.ndarray))
        else v.item() if isinstance(v, np.generic) else float(v) if isinstance(v, Fraction) else v
    )
    entries.append({"id": id, "input": plain(input), "expect": plain(expect), "tolerance": tolerance, "source": source})


random = np.random.default_rng(20262)


def rows_of(categories, rows, units, most, skew=1.0, taste=0.5):
    """Lists of categories; each unit prefers one category."""
    p = (1.0 / np.arange(1, categories + 1)) ** skew
    p /= p.sum()
    favourite = random.integers(0, categories, units)
    unit = random.integers(0, units, rows)
    lists = [
        [int(favourite[unit[i]]) if random.random() < taste else int(random.choice(categories, p=p)) for _ in range(random.integers(0, most + 1))]
        for i in range(rows)
    ]
    return {"lists": lists, "unit": unit.tolist(), "categories": categories}


def dense(sample):
    """Counts of units by categories."""
    x = np.zeros((max(sample["unit"]) + 1, sample["categories"]))
    for row, unit in zip(sample["lists"], sample["unit"]):
        for code in row:
            x[unit, code] += 1
    return x


def covariance(x, y):
    """Covariance matrix by unit of the shares in x with those in y."""
    units = max(len(x), len(y))
    grow = lambda m: np.vstack([m, np.zeros((units - len(m), m.shape[1]))])
    residual = lambda m: (grow(m) - m.sum(0) / m.sum() * grow(m).sum(1, keepdims=True)) / m.sum()
    return residual(x).T @ residual(y)


def linear(x, influence):
    return float(((x @ influence) ** 2).sum() / x.sum() ** 2)


def shrunk(raw, x, quadratic):
    variance = linear(x, raw)
    return raw * (math.sqrt(max(0, 1 - quadratic / variance)) if variance > 0 else 0)


# ---- entropy

def jackknife(x):
    x = x[x.sum(1) > 0]
    n = len(x)
    without = [stats.entropy(np.delete(x, u, 0).sum(0), base=2) for u in range(n)]
    return n * stats.entropy(x.sum(0), base=2) - (n - 1) * np.mean(without)


for k, counts in enumerate([[5, 3, 2], [1, 1, 1, 1], [40, 0, 7, 13, 1], [12]]):
    n = sum(counts)
    lists = [[c] for c, count in enumerate(counts) for _ in range(count)]
    seen = sum(c > 0 for c in counts)
    add("entropy", f"independent_{k}", {"lists": lists, "unit": list(range(n)), "categories": len(counts)},
        {"estimate": jackknife(np.eye(len(counts))[[row[0] for row in lists]]),
         "curvature": (seen - 1) / (2 * math.log(2) ** 2)},
        f"{SCIPY} entropy without each unit in turn; curvature of Miller (1955)", 1e-11)
for k, (categories, rows, units, most, taste) in enumerate([(4, 30, 9, 3, 0.5), (9, 60, 20, 10, 0.2), (6, 80, 80, 1, 0.0)]):
    sample = rows_of(categories, rows, units, most, 1.0, taste)
    x = dense(sample)
    p = x.sum(0) / x.sum()
    on = p > 0
    bias = sum(covariance(x, x)[c, c] / p[c] for c in range(categories) if on[c]) / (2 * math.log(2))
    raw = np.where(on, -np.log2(np.where(on, p, 1)) - stats.entropy(p, base=2), 0)
    quadratic = 2 * bias**2 / (on.sum() - 1)
    influence = shrunk(raw, x, quadratic)
    add("entropy", f"clustered_{k}", sample,
        {"estimate": jackknife(x), "influence": influence, "linear": linear(x, influence), "curvature": quadratic * x.sum() ** 2},
        NUMPY, 1e-11)

# ---- share of a catalogue

def brute(items, draws, catalogue):
    subsets = list(itertools.combinations(items, draws))
    return Fraction(sum(len(set(s)) for s in subsets), len(subsets) * catalogue)


for k, (counts, draws, catalogue) in enumerate([([3, 2, 1], 2, 5), ([3, 2, 1], 6, 3), ([5, 1, 1, 1], 4, 10), ([4, 4], 1, 2), ([2, 0, 6, 1], 5, 7)]):
    items = [c for c, count in enumerate(counts) for _ in range(count)]
    add("distinct_share", f"every_subset_{k}",
        {"lists": [[i] for i in items], "unit": list(range(len(items))), "categories": len(counts), "draws": draws, "catalogue": catalogue},
        {"estimate": brute(items, draws, catalogue)}, "every subset of the sample", 1e-12)
for k, (categories, n, draws) in enumerate([(300, 3000, 1000), (2000, 1500, 700), (40, 5000, 30)]):
    p = 1.0 / np.arange(1, categories + 1)
    counts = random.multinomial(n, p / p.sum())
    estimate = sum(1 - Fraction(math.comb(n - int(c), draws), math.comb(n, draws)) for c in counts if c) / categories
    raw = [Fraction(draws * math.comb(n - int(c), draws - 1), math.comb(n - 1, draws - 1) * categories) if c else 0 for c in counts]
    mean = sum(Fraction(int(c), n) * r for c, r in zip(counts, raw))
    variance = sum(int(c) * (r - mean) ** 2 for c, r in zip(counts, raw) if c) / n**2
    add("distinct_share", f"exact_{k}", {"counts": counts, "draws": draws, "catalogue": categories},
        {"estimate": estimate, "linear": variance}, "exact fractions, Hurlbert (1971)", 1e-9)
for k, (categories, rows, units, most, draws, taste) in enumerate([(8, 40, 12, 4, 5, 0.5), (30, 60, 20, 10, 40, 0.3)]):
    sample = rows_of(categories, rows, units, most, 1.0, taste)
    x = dense(sample)
    n = int(x.sum())
    found = Fraction(0)
    for c in range(categories):
        absent, before = Fraction(1), 0
        for own in sorted((int(v) for v in x[:, c] if v), reverse=True):
            absent *= max(Fraction(-1), 1 - Fraction(draws * own, n - before))
            before += own
        found += 1 - absent
    add("distinct_share", f"clustered_{k}", {**sample, "draws": draws, "catalogue": categories + 3},
        {"estimate": found / (categories + 3)}, "exact fractions", 1e-10)

# ---- calibration

def kumar(probabilities, outcomes, bins):
    """unbiased_square_ce of Kumar's package uncertainty-calibration, by its formula."""
    probabilities, outcomes = np.array(probabilities), np.array(outcomes)
    own = np.minimum(bins - 1, np.floor(probabilities * bins)).astype(int)
    total = 0.0
    for b in set(own):
        y, p = outcomes[own == b], probabilities[own == b]
        if len(y) > 1:
            total += len(y) / len(own) * ((p.mean() - y.mean()) ** 2 - y.mean() * (1 - y.mean()) / (len(y) - 1))
    return total


for k, (n, bins, shift) in enumerate([(40, 10, 0.0), (200, 10, 0.15), (90, 4, -0.2), (6, 10, 0.0)]):
    probabilities = (random.integers(0, bins, n) + 0.5) / bins
    outcomes = (random.random(n) < np.clip(probabilities + shift, 0, 1)).astype(int)
    add("calibration", f"one_probability_a_bin_{k}",
        {"probabilities": [[p] for p in probabilities], "outcomes": [[y] for y in outcomes], "unit": list(range(n)), "bins": bins},
        {"estimate": kumar(probabilities, outcomes, bins)}, "Kumar, Liang & Ma (2019), unbiased_square_ce", 1e-10)
for k, (rows, units, bins) in enumerate([(50, 12, 5), (120, 60, 10), (30, 30, 1)]):
    unit = random.integers(0, units, rows)
    probabilities = [random.random(random.integers(0, 4)) for _ in range(rows)]
    outcomes = [(random.random(len(p)) < p**1.5).astype(int) for p in probabilities]
    r = np.array([y - p for ps, ys in zip(probabilities, outcomes) for p, y in zip(ps, ys)])
    b = np.array([min(bins - 1, int(p * bins)) for ps in probabilities for p in ps])
    u = np.array([unit[i] for i, ps in enumerate(probabilities) for _ in ps])
    n = len(r)
    gap, variance = np.zeros(bins), np.zeros(bins)
    weight = np.array([(b == k2).sum() / n for k2 in range(bins)])
    for k2 in range(bins):
        here = b == k2
        present = sorted(set(u[here]))
        if len(present) > 1:
            gap[k2] = r[here].mean()
            sums = [(r[here & (u == own)] - gap[k2]).sum() for own in present]
            variance[k2] = sum(s * s for s in sums) / here.sum() ** 2 * len(present) / (len(present) - 1)
    plain = (weight * gap**2).sum()
    quadratic = 2 * ((weight * variance) ** 2).sum()
    influence = 2 * gap[b] * (r - gap[b]) + gap[b] ** 2 - plain
    by_unit = np.array([influence[u == own].sum() for own in sorted(set(u))])
    raw = (by_unit**2).sum() / n**2
    add("calibration", f"clustered_{k}", {"probabilities": probabilities, "outcomes": outcomes, "unit": unit, "bins": bins},
        {"estimate": plain - (weight * variance).sum(), "linear": max(0, raw - quadratic), "curvature": quadratic * n**2}, NUMPY, 1e-10)

# ---- drift

def drift(control, candidate, rare=0.01):
    x, y = dense(control), dense(candidate)
    middle = (x.sum(0) / x.sum() + y.sum(0) / y.sum()) / 2
    merge = lambda m: np.column_stack(([m[:, middle < rare].sum(1)] if m[:, middle < rare].size else []) + [m[:, c] for c in range(m.shape[1]) if middle[c] >= rare])
    if ((middle < rare) & (middle > 0)).any():
        x, y = merge(x), merge(y)
    p, q = x.sum(0) / x.sum(), y.sum(0) / y.sum()
    on = p + q > 0
    x, y, p, q = x[:, on], y[:, on], p[on], q[on]
    mid = (p + q) / 2
    part = lambda v: float((np.diag(v) / mid).sum() / (8 * math.log(2)))
    own0, own1, both = part(covariance(x, x)), part(covariance(y, y)), part(covariance(x, y))
    kinds = max(1, len(mid) - 1)
    found = {"estimate": jensenshannon(p, q, base=2) ** 2 - own0 - own1 + 2 * both}
    for name, m, shares, own in [("control", x, p, own0), ("candidate", y, q, own1)]:
        quadratic = 2 * own * (own0 + own1) / kinds
        log = np.where(shares > 0, np.log2(np.where(shares > 0, shares, 1) / mid) / 2, 0)
        raw = np.where(shares > 0, log - (shares * log).sum(), 0)
        found[name] = {"linear": linear(m, shrunk(raw, m, quadratic)), "curvature": quadratic * m.sum() ** 2}
    return found


for k, (categories, rows, units, most, skews, taste) in enumerate([
    (5, 60, 60, 1, (1.0, 0.4), 0.0), (5, 80, 20, 3, (1.0, 1.0), 0.4), (200, 150, 50, 10, (1.2, 1.0), 0.1), (3, 12, 4, 2, (0.0, 3.0), 0.0),
]):
    control, candidate = (rows_of(categories, rows, units, most, skew, taste) for skew in skews)
    add("drift", f"two_samples_{k}", {"control": control, "candidate": candidate}, drift(control, candidate),
        f"{SCIPY} jensenshannon squared, {NUMPY}", 1e-9)

entries = sum(map(len, TABLES.values()))
made = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
(HERE / "composition.json").write_text(json.dumps({"made": made, "tables": TABLES}).replace('}, {"id"', '},\n{"id"') + "\n")
print(f"{entries} entries")
