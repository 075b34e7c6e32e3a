"""Writes distributions.json: tails, their logarithms and quantiles by scipy, and R's where it is named.

    python3 test/golden/make_distributions.py
"""

import json
import sys
from pathlib import Path

import numpy as np
import scipy
from scipy import special, stats

SCIPY = f"scipy {scipy.__version__}"


def entries(function, cases, value, tolerance=1e-12, source=SCIPY):
    return [
        {"function": function, "input": list(case), "expect": float(value(*case)), "tolerance": tolerance, "source": source}
        for case in cases
    ]


def beta_log(x, a, b):
    # the hypergeometric series of DLMF 8.17.8, in logs: all terms are positive
    total, term, n = 1.0, 1.0, 0
    while term > 1e-17 * total:
        term *= (a + b + n) * x / (a + 1 + n)
        total += term
        n += 1
    return a * np.log(x) + b * np.log1p(-x) - special.betaln(a, b) - np.log(a) + np.log(total)


def main():
    found = []
    found += entries("normalUpperTailLog", [(-3,), (0,), (5,), (38,), (40,), (200,)], lambda z: stats.norm.logsf(z))
    found += entries("normalUpperQuantileLog", [(-0.3,), (-20,), (-700,), (-20000,)], lambda p: scipy.optimize.brentq(lambda z: stats.norm.logsf(z) - p, -5, 300, xtol=1e-13))
    found += entries("chiSquaredUpperTail", [(0.5, 1), (30, 3), (100, 3), (1000, 900), (60, 40)], stats.chi2.sf)
    found += entries("chiSquaredUpperQuantile", [(0.05, 1), (1e-10, 7), (0.999, 30)], stats.chi2.isf, 1e-10)
    found += entries("fUpperTail", [(5, 3, 20), (1, 1, 1), (30, 2, 50), (0.01, 10, 7)], stats.f.sf, 1e-11)
    found += entries("gammaLowerTail", [(40, 50), (0.01, 3), (1, 0.2)], lambda x, a: special.gammainc(a, x))
    found += entries("gammaUpperTail", [(30, 2.5), (100, 50), (1e-3, 0.5)], lambda x, a: special.gammaincc(a, x))
    found += entries("gammaUpperTailLog", [(30, 2.5), (100, 50)], lambda x, a: np.log(special.gammaincc(a, x)))
    found += entries("betaLowerTail", [(0.001, 2.5, 900), (0.3, 0.5, 0.5), (0.999, 900, 2), (0.5, 30, 31)], lambda x, a, b: special.betainc(a, b, x), 1e-11)
    found += entries("betaUpperTail", [(0.99, 2.5, 9), (0.02, 3, 300)], lambda x, a, b: special.betaincc(a, b, x) if hasattr(special, "betaincc") else special.betainc(b, a, 1 - x), 1e-11)
    found += entries("betaLowerTailLog", [(1e-5, 100, 100), (1e-9, 50, 3), (0.01, 20, 500)], beta_log, 1e-11, "the series of DLMF 8.17.8, summed in logs")
    found += entries("betaQuantile", [(0.025, 1, 59), (0.975, 59, 1), (1e-10, 3, 5), (0.5, 0.3, 0.7), (0.025, 200, 12)], stats.beta.ppf, 1e-9)
    found += entries("poissonLowerTail", [(3, 10), (0, 2), (120, 100)], stats.poisson.cdf)
    found += entries("poissonUpperTail", [(41, 20), (1, 1e-3), (0, 5)], lambda k, m: stats.poisson.sf(k - 1, m))
    found += entries("binomialUpperTail", [(8, 143, 0.02), (1, 10, 1e-6), (60, 100, 0.5), (0, 5, 0.2)], lambda k, n, p: stats.binom.sf(k - 1, n, p), 1e-11)
    found += entries("binomialMassLog", [(3, 10, 0.2), (0, 14157, 0.02), (283, 14157, 0.02), (5, 5, 0.3)], stats.binom.logpmf, 1e-11)
    found += entries("hypergeometricMassLog", [(3, 20, 80, 30), (0, 5, 9, 4), (8, 291, 14009, 143)], lambda k, m, u, d: stats.hypergeom.logpmf(k, m + u, m, d), 1e-10)
    found += entries("noncentralStudentUpperTail", [(2, 1, 0.5), (50, 3, 2), (1.96, 1000, 2.8), (0, 5, -3), (-2, 5, 3), (10, 30, 1), (2.1, 2.5, 0)], stats.nct.sf, 1e-10)
    found.append({"function": "studentUpperTail", "input": [6, 4.5], "expect": float(stats.t.sf(6, 4.5)), "tolerance": 1e-11, "source": SCIPY})
    r = "R 4.2.2"
    for t, df, p in zip([1, 2, 5, 10, 40], [3, 10, 30.5, 1000, 7], [0.195501109477885, 0.0366940173853702, 1.11792354155665e-05, 8.33535147930004e-23, 7.95108999242521e-10]):
        found.append({"function": "studentUpperTail", "input": [t, df], "expect": p, "tolerance": 1e-9, "source": f"{r} pt"})
    for x, df, p in zip([3.84, 10, 50, 300], [1, 4, 9, 20], [0.0500435212487052, 0.0404276819945128, 1.07723820225747e-07, 8.08284962977591e-52]):
        found.append({"function": "chiSquaredUpperTail", "input": [x, df], "expect": p, "tolerance": 1e-9, "source": f"{r} pchisq"})
    out = {"made_by": f"test/golden/make_distributions.py, python {sys.version.split()[0]}, numpy {np.__version__}, {SCIPY}", "entries": found}
    lines = ",\n".join("    " + json.dumps(entry) for entry in out["entries"])
    (Path(__file__).parent / "distributions.json").write_text(f'{{\n  "made_by": {json.dumps(out["made_by"])},\n  "entries": [\n{lines}\n  ]\n}}\n')


main()
