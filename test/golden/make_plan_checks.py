#!/usr/bin/env python3
"""Reference numbers for the checks of a plan: writes plan-checks.json beside this file.

Nothing here looks at the library under test.

- `units`: units of both arms at which one test shows a margin with a power when nothing has changed. For means and ratios
  from the textbook formula; for rates the restricted maximum likelihood is maximised numerically (scipy), not solved in
  closed form, and the size is found by root finding on the normal approximation of the power.
- `repeated`: chance that a one-sided z test at one level rejects at one of several looks, from scipy's multivariate
  normal distribution function: corr(Z_j, Z_k) = sqrt(n_j / n_k). `drift` is the mean of Z per square root of n.

A number matches if |got - expect| <= tolerance * |expect|.

Run: python3 test/golden/make_plan_checks.py        needs numpy and scipy
"""

import json
import math
import platform
from pathlib import Path

import numpy as np
import scipy
from scipy import optimize, stats

HERE = Path(__file__).resolve().parent
Z = stats.norm.isf


def null_error(rate, exposure, margin):
    """Standard error per sqrt(unit) of the harm beyond the margin, where the likelihood of two equal arms obeys it."""
    kind, bound, better = margin
    sign = 1 if better == "lower" else -1
    candidate_of = (lambda p: p + sign * bound) if kind == "absolute" else (lambda p: p * bound)

    def minus_log_likelihood(p0):
        p1 = candidate_of(p0)
        if not (0 < p0 < 1 and 0 < p1 < 1):
            return math.inf
        term = lambda p: rate * math.log(p) + (1 - rate) * math.log(1 - p)
        return -((1 - exposure) * term(p0) + exposure * term(p1))

    low = max(0, -sign * bound) if kind == "absolute" else 0
    high = min(1, 1 - sign * bound) if kind == "absolute" else min(1, 1 / bound)
    inside = (low + 1e-12, high - 1e-12)
    p0 = optimize.minimize_scalar(minus_log_likelihood, bounds=inside, method="bounded", options={"xatol": 1e-14}).x
    p1 = candidate_of(p0)
    factor = bound if kind == "relative" else 1
    return math.sqrt(p1 * (1 - p1) / exposure + factor**2 * p0 * (1 - p0) / (1 - exposure))


def units_of_rate(rate, exposure, margin, level, power):
    kind, bound, better = margin
    factor = bound if kind == "relative" else 1
    distance = bound if kind == "absolute" else abs(bound - 1) * rate
    own = math.sqrt(rate * (1 - rate) * (1 / exposure + factor**2 / (1 - exposure)))
    null = null_error(rate, exposure, margin)
    shortfall = lambda n: stats.norm.sf((Z(level) * null / math.sqrt(n) - distance) / (own / math.sqrt(n))) - power
    return optimize.brentq(shortfall, 1e-3, 1e9, xtol=1e-10, rtol=1e-14)


def units_of_mean(mean, deviation, exposure, margin, level, power):
    kind, bound, _ = margin
    factor = bound if kind == "relative" else 1
    distance = bound if kind == "absolute" else abs(bound - 1) * mean
    variance = deviation**2 * (1 / exposure + factor**2 / (1 - exposure))
    return (Z(level) + Z(1 - power)) ** 2 * variance / distance**2


def repeated(level, units, drift=0.0):
    n = np.array(units, float)
    correlation = np.sqrt(np.minimum.outer(n, n) / np.maximum.outer(n, n))
    mean = drift * np.sqrt(n)
    below = stats.multivariate_normal(mean, correlation, allow_singular=True, seed=1, maxpts=4_000_000, abseps=1e-9, releps=1e-9)
    return 1 - below.cdf(np.full(len(n), Z(level)))


units = []
for id, rate, exposure, margin, level, power in [
    ("completion 75 % at 1 %", 0.75, 0.01, ("absolute", 0.05, "higher"), 0.25, 0.8),
    ("completion 75 % at 50 %", 0.75, 0.5, ("absolute", 0.05, "higher"), 0.1, 0.8),
    ("failures 0.5 % within 1 pp at 5 %", 0.005, 0.05, ("absolute", 0.01, "lower"), 0.25, 0.9),
    ("errors 2 % within three times at 25 %", 0.02, 0.25, ("relative", 3, "lower"), 0.1, 0.8),
    ("completion 60 % within a tenth at 75 %", 0.6, 0.75, ("relative", 0.9, "higher"), 0.1, 0.8),
]:
    units.append({
        "id": id,
        "input": {"kind": "proportion", "estimate": rate, "deviation": math.sqrt(rate * (1 - rate)), "exposure": exposure,
                  "margin": margin, "level": level, "power": power},
        "expect": units_of_rate(rate, exposure, margin, level, power), "tolerance": 1e-6,
    })
for id, mean, deviation, exposure, margin, level, power in [
    ("cost 0.033 within 20 % at 1 %", 0.033, 0.05, 0.01, ("relative", 1.2, "lower"), 0.25, 0.8),
    ("latency within 200 ms at 50 %", 900, 700, 0.5, ("absolute", 200, "lower"), 0.1, 0.9),
    ("satisfaction within 5 % at 25 %", 4.1, 1.2, 0.25, ("relative", 0.95, "higher"), 0.1, 0.8),
]:
    units.append({
        "id": id,
        "input": {"kind": "mean", "estimate": mean, "deviation": deviation, "exposure": exposure, "margin": margin,
                  "level": level, "power": power},
        "expect": units_of_mean(mean, deviation, exposure, margin, level, power), "tolerance": 1e-12,
    })

looks = [
    {"id": id, "input": {"level": level, "units": n, "drift": drift}, "expect": float(repeated(level, n, drift)), "tolerance": tolerance}
    for id, level, n, drift, tolerance in [
        ("2 even looks", 0.05, [1, 2], 0, 1e-6),
        ("3 even looks at 0.25 %", 0.0025, [1, 2, 3], 0, 1e-5),
        ("5 even looks", 0.025, [1, 2, 3, 4, 5], 0, 1e-4),
        ("4 uneven looks", 0.1, [10, 12, 40, 45], 0, 1e-4),
        ("3 looks with a drift", 0.1, [100, 200, 300], 0.1, 1e-5),
    ]
]

(HERE / "plan-checks.json").write_text(json.dumps({
    "made_with": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__},
    "units": units,
    "repeated": looks,
}, indent=1, ensure_ascii=False) + "\n")
