"""Writes skewness.json: score tests of two proportions corrected for skewness, by another way than ours.

The rates under the null maximise the likelihood numerically (scipy.optimize.minimize_scalar), the corrected z solves
z = x + g (x^2 - 1) / 6 by Newton's method from z, and the ends of intervals are roots by brentq. Gart & Nam (1988, 1990), Laud (2017).

    python3 test/golden/make_skewness.py
"""

import json
import sys
from pathlib import Path

import numpy as np
import scipy
from scipy.optimize import brentq, minimize_scalar
from scipy.special import xlog1py, xlogy
from scipy.stats import norm


def restricted(x0, n0, x1, n1, scale, null):
    other = (lambda p: p + null) if scale == "difference" else (lambda p: p * null)
    low = max(0.0, -null) if scale == "difference" else 0.0
    high = min(1.0, 1 - null) if scale == "difference" else min(1.0, 1 / null)

    def minus(p):
        q = other(p)
        if not 0 <= q <= 1:
            q = min(1.0, max(0.0, q))
        return -(xlogy(x0, p) + xlog1py(n0 - x0, -p) + xlogy(x1, q) + xlog1py(n1 - x1, -q))

    grid = np.linspace(low, high, 20001)[1:-1]
    best = grid[np.argmin([minus(p) for p in grid])]
    step = (high - low) / 20000
    found = minimize_scalar(minus, bounds=(max(low, best - step), min(high, best + step)), method="bounded", options={"xatol": 1e-15})
    return found.x, min(1.0, max(0.0, other(found.x)))


def z_of(x0, n0, x1, n1, scale, null):
    p0, p1 = restricted(x0, n0, x1, n1, scale, null)
    w = 1.0 if scale == "difference" else null
    score = x1 / n1 - w * x0 / n0 - (null if scale == "difference" else 0)
    variance = p1 * (1 - p1) / n1 + w**2 * p0 * (1 - p0) / n0
    third = p1 * (1 - p1) * (1 - 2 * p1) / n1**2 - w**3 * p0 * (1 - p0) * (1 - 2 * p0) / n0**2
    g = third / variance**1.5
    z = score / np.sqrt(variance)
    x = z
    for _ in range(100):
        x -= (x + g * (x * x - 1) / 6 - z) / (1 + g * x / 3)
    return x


CASES = [(48, 80, 56, 70), (283, 14157, 8, 143), (5, 990, 2, 10), (30, 900, 9, 100), (40, 100, 60, 100), (12, 60, 3, 50)]


def main():
    entries = []
    for x0, n0, x1, n1 in CASES:
        for scale in ["difference", "ratio"]:
            for null in [0.0, 0.02, -0.03] if scale == "difference" else [1.0, 1.5, 0.8]:
                z = z_of(x0, n0, x1, n1, scale, null)
                entries.append({"control": [x0, n0], "candidate": [x1, n1], "scale": scale, "null": null, "z": z, "greater": norm.sf(z)})
    intervals = []
    for x0, n0, x1, n1 in CASES[:4]:
        rate = x1 / n1 - x0 / n0
        ends = [
            brentq(lambda d: z_of(x0, n0, x1, n1, "difference", d) - norm.isf(0.025), max(-0.9, rate - 0.6), rate, xtol=1e-12),
            brentq(lambda d: z_of(x0, n0, x1, n1, "difference", d) + norm.isf(0.025), rate, min(0.97, rate + 0.6), xtol=1e-12),
        ]
        intervals.append({"control": [x0, n0], "candidate": [x1, n1], "low": ends[0], "high": ends[1]})
    document = {
        "made_by": f"test/golden/make_skewness.py, python {sys.version.split()[0]}, numpy {np.__version__}, scipy {scipy.__version__}",
        "tests": entries,
        "intervals": intervals,
    }
    (Path(__file__).parent / "skewness.json").write_text(json.dumps(document, indent=1) + "\n")


main()
