"""Writes group-sequential.json: bounds and crossing probabilities by an independent solver, and published ones.

The solver: Gauss-Legendre quadrature on 40 panels of 20 points over [-12 + mean, bound], numpy; roots by scipy's brentq on
the logarithm of the probability; normal tails by scipy.stats.norm.sf. Published entries (rpact, gsDesign, Jennison &
Turnbull) are copied from a folder of reference vectors, each with its source.

    python3 test/golden/make_group_sequential.py FOLDER_OF_REFERENCE_VECTORS
"""

import json
import sys
from pathlib import Path

import numpy as np
import scipy
from scipy.optimize import brentq
from scipy.stats import norm

X, W = np.polynomial.legendre.leggauss(20)


def grid(low, high, panels=40):
    edges = np.linspace(low, high, panels + 1)
    half = np.diff(edges) / 2
    mid = (edges[1:] + edges[:-1]) / 2
    return (mid[:, None] + half[:, None] * X).ravel(), (half[:, None] * W).ravel()


class Process:
    """Brownian motion with drift observed at rising information; paths stop outside of (lower, upper)."""

    def __init__(self, drift=0.0):
        self.drift, self.info, self.nodes, self.mass = drift, 0.0, None, None

    def above(self, info, bound):
        if self.nodes is None:
            return norm.sf(bound - self.drift * np.sqrt(info))
        step = info - self.info
        x = (bound * np.sqrt(info) - self.nodes * np.sqrt(self.info) - self.drift * step) / np.sqrt(step)
        return float(np.sum(self.mass * norm.sf(x)))

    def below(self, info, bound):
        if self.nodes is None:
            return norm.cdf(bound - self.drift * np.sqrt(info))
        step = info - self.info
        x = (bound * np.sqrt(info) - self.nodes * np.sqrt(self.info) - self.drift * step) / np.sqrt(step)
        return float(np.sum(self.mass * norm.cdf(x)))

    def advance(self, info, lower, upper):
        mean = self.drift * np.sqrt(info)
        nodes, weights = grid(max(lower, mean - 12), min(upper, mean + 12))
        if self.nodes is None:
            density = norm.pdf(nodes - mean)
        else:
            step = info - self.info
            x = (
                nodes[:, None] * np.sqrt(info) - self.nodes[None, :] * np.sqrt(self.info) - self.drift * step
            ) / np.sqrt(step)
            density = np.sqrt(info / step) * (norm.pdf(x) @ self.mass)
        self.nodes, self.mass, self.info = nodes, weights * density, info


def spent(spending, error, t):
    kind = spending["kind"]
    if t >= 1:
        return error
    if kind == "obrien-fleming":
        return 2 * norm.sf(norm.isf(error / 2) / np.sqrt(t))
    if kind == "pocock":
        return error * np.log(1 + (np.e - 1) * t)
    if kind == "power":
        return error * t ** spending["rho"]
    if kind == "hwang-shih-decani":
        g = spending["gamma"]
        return error * t if g == 0 else error * (1 - np.exp(-g * t)) / (1 - np.exp(-g))
    if kind == "exponential":
        return error ** (t ** -spending["nu"])
    raise ValueError(kind)


def bounds(info, error, spending, sides=1, lower=None):
    process, found, before = Process(), [], 0.0
    for k, i in enumerate(info):
        total = spending["shares"][k] * error if spending["kind"] == "points" else spent(spending, error, i / info[-1])
        increment, before = total - before, total
        if increment <= 0:
            b = np.inf
        else:
            f = lambda z: np.log(max(process.above(i, z), 1e-320)) - np.log(increment)
            b = brentq(f, -6, 36, xtol=1e-14, rtol=1e-15)
        found.append(b)
        low = -b if sides == 2 else (lower[k] if lower else -np.inf)
        process.advance(i, max(low, -1e9), b)
    return found


def crossing(info, upper, lower, drift):
    process, up, down = Process(drift), [], []
    for k, i in enumerate(info):
        up.append(process.above(i, upper[k]) if np.isfinite(upper[k]) else 0.0)
        down.append(process.below(i, lower[k]) if np.isfinite(lower[k]) else 0.0)
        process.advance(i, lower[k], upper[k])
    return up, down


CANARY = [0.01, 0.05, 0.25, 0.5, 1]
RAMP = [0.02, 0.116, 0.495, 1]
OWN = "this script's solver, numpy and scipy"


def own_bounds():
    cases = []
    for name, info in {"canary": CANARY, "ramp": RAMP, "equal 6": [k / 6 for k in range(1, 7)], "late": [0.5, 0.9, 0.95, 0.99, 1]}.items():
        for spending in [
            {"kind": "obrien-fleming"},
            {"kind": "pocock"},
            {"kind": "power", "rho": 1.5},
            {"kind": "hwang-shih-decani", "gamma": -8},
            {"kind": "exponential", "nu": 0.75},
        ]:
            for error in [0.0005, 0.025, 0.1]:
                for sides in [1, 2]:
                    cases.append((f"{name} {spending['kind']} {error} sides {sides}", info, error, spending, sides, None))
    cases.append(("points", [0.2, 0.5, 1], 0.025, {"kind": "points", "shares": [0, 0.3, 1]}, 1, None))
    cases.append(("binding", [0.3, 0.6, 1], 0.025, {"kind": "pocock"}, 1, [-0.5, 0.3, -9]))
    entries = []
    for id_, info, error, spending, sides, lower in cases:
        given = {"information": info, "error": error, "spending": spending, "sides": sides}
        if lower:
            given["lower"] = lower
        found = bounds(info, error, spending, sides, lower)
        entries.append(
            {
                "id": id_,
                "input": given,
                "expect": {"upper": [None if np.isinf(b) else b for b in found]},
                "tolerance": 1e-9,
                "source": OWN,
            }
        )
    return entries


def own_crossings():
    cases = {
        "peeking at 1.96, ramp": (RAMP, [1.959963984540054] * 4, [-1.959963984540054] * 4, 0),
        "peeking, 5 looks": ([k / 5 for k in range(1, 6)], [1.959963984540054] * 5, [-1.959963984540054] * 5, 0),
        "one-sided under drift": (CANARY, [4, 3.5, 3, 2.4, 2.0], [-np.inf] * 5, 2.8),
        "futility under drift": ([0.25, 0.5, 1], [3, 2.5, 2], [-0.5, 0.4, 2], 2.9),
        "against the drift": ([0.1, 0.4, 1], [2.2, 2.1, 2.0], [-3, -2.5, -2], -3.5),
        "no bound at first": ([0.1, 0.5, 1], [np.inf, 2.5, 2], [-np.inf, -np.inf, -np.inf], 1),
    }
    entries = []
    for id_, (info, upper, lower, drift) in cases.items():
        up, down = crossing(info, upper, lower, drift)
        finite = lambda v: [None if np.isinf(x) else x for x in v]
        entries.append(
            {
                "id": id_,
                "input": {"information": info, "upper": finite(upper), "lower": finite(lower), "drift": drift},
                "expect": {"upper": up, "lower": down},
                "tolerance": 1e-9,
                "source": OWN,
            }
        )
    return entries


def copied(folder, file):
    document = json.loads((folder / file).read_text())
    return [{k: v for k, v in entry.items() if k != "origin"} for entry in document["entries"]]


def main():
    folder = Path(sys.argv[1])
    gsdesign = [e for e in copied(folder, "gs_gsdesign.json") if not e["id"].startswith(("FM", "nB", "MN", "nN"))]
    # Pampallona-Tsiatis shapes are not built
    rpact = [e for e in copied(folder, "gs_rpact.json") if e["input"].get("typeOfDesign") != "PT"]
    document = {
        "made_by": f"test/golden/make_group_sequential.py, python {sys.version.split()[0]}, numpy {np.__version__}, scipy {scipy.__version__}",
        "bounds": own_bounds(),
        "crossings": own_crossings(),
        "high_precision": copied(folder, "gs_hp.json"),
        "published": copied(folder, "gs_published_tables.json"),
        "gsdesign": gsdesign,
        "rpact": rpact,
        "rpact_power": [
            e
            for file in ["samplesize_means_rpact.json", "samplesize_rates_rpact.json"]
            for e in copied(folder, file)
            if "overallReject" in e["expect"]
        ],
        "spotify": [e for e in copied(folder, "spotify_confidence.json") if e["id"] in ("sp_bounds_1", "sp_runover")],
    }
    lines = [f'  "made_by": {json.dumps(document.pop("made_by"))}']
    for table, entries in document.items():
        rows = ",\n".join("    " + json.dumps(entry, ensure_ascii=False) for entry in entries)
        lines.append(f'  "{table}": [\n{rows}\n  ]')
    out = Path(__file__).parent / "group-sequential.json"
    out.write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
