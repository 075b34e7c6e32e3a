#!/usr/bin/env python3
"""Reference numbers for off-policy estimators: writes off-policy.json beside this file.

Nothing here looks at the library under test. The obp entries are the Open Bandit Pipeline's estimates on fixed inputs; the
inputs here are its rows turned into the columns that an estimator reads. Standard errors are computed by an infinitesimal
jackknife: each unit's weight in the estimator is moved a little and the estimate's slope taken, with no formula of its
variance. Seeds are fixed.

A number matches if |got - expect| <= tolerance * |expect|, or |got| <= tolerance where expect is 0.

Run: python3 test/golden/make_off_policy.py        needs numpy and scipy
"""

import json
import math
import platform
from pathlib import Path

import numpy as np
import scipy
from scipy import stats

HERE = Path(__file__).resolve().parent
ENTRIES = []


def value(kind, rows, mass, parameter):
    """An estimate when row i counts mass[i] times."""
    r, b, e, q, d = (np.array(rows[k], dtype=float) for k in ("reward", "behaviour", "evaluation", "predicted", "direct"))
    w = e / b
    mean = lambda x: np.sum(mass * x) / np.sum(mass)
    if kind in ("ips", "snips", "dr", "sndr") and parameter is not None:
        w = np.minimum(w, parameter)
    if kind == "switchDr":
        w = np.where(w <= parameter, w, 0)
    if kind == "drOs":
        w = parameter * w / (w**2 + parameter)
    if kind in ("subGaussianIps", "subGaussianDr"):
        w = w / (1 - parameter + parameter * w)
    return {"ips": lambda: mean(w * r), "subGaussianIps": lambda: mean(w * r), "snips": lambda: mean(w * r) / mean(w),
            "dm": lambda: mean(d), "sndr": lambda: mean(d) + mean(w * (r - q)) / mean(w),
            "replay": lambda: mean(r * (e == 1)) / mean((e == 1) * 1.0)}.get(kind, lambda: mean(d + w * (r - q)))()


def standard_error(kind, rows, parameter, units):
    n = len(rows["reward"])
    labels = sorted(set(units))
    influence = []
    for label in labels:
        own = np.array([u == label for u in units], dtype=float)
        h = 1e-4
        influence.append((value(kind, rows, 1 + h * own, parameter) - value(kind, rows, 1 - h * own, parameter)) / (2 * h))
    k = len(labels)
    return math.sqrt(sum(np.square(influence)) * k / (k - 1)), k


NAMES = {"ips": "clip", "snips": "clip", "dr": "clip", "sndr": "clip", "switchDr": "threshold", "drOs": "lambda",
         "subGaussianIps": "lambda", "subGaussianDr": "lambda"}


def add(id, rows, kind, parameter, source, expect=None, unit=None, tolerance=1e-6):
    estimate = value(kind, rows, np.ones(len(rows["reward"])), parameter)
    if expect is not None:
        assert abs(estimate - expect) < 1e-9, (id, estimate, expect)
    error, k = standard_error(kind, rows, parameter, unit or range(len(rows["reward"])))
    half = stats.t.isf(0.025, k - 1) * error
    w = np.array(rows["evaluation"]) / np.array(rows["behaviour"])
    answer = {"value": expect if expect is not None else estimate, "standardError": error, "low": estimate - half, "high": estimate + half}
    if kind != "dm":
        answer |= {"effectiveSampleSize": w.sum() ** 2 / np.sum(w**2), "maximumWeight": w.max(), "meanWeight": w.mean()}
    ENTRIES.append({"id": id, "rows": len_name(rows), "unit": unit, "estimator": {"kind": kind} | ({NAMES[kind]: parameter} if parameter is not None else {}),
                    "expect": {k: float(v) for k, v in answer.items()}, "tolerance": tolerance, "source": source})


DATA = {}


def len_name(rows):
    return next(name for name, own in DATA.items() if own is rows)


def columns(name, reward, action, pscore, action_dist, q_hat):
    DATA[name] = {
        "reward": reward, "behaviour": pscore, "evaluation": [p[a] for p, a in zip(action_dist, action)],
        "predicted": [q[a] for q, a in zip(q_hat, action)],
        "direct": [sum(x * y for x, y in zip(p, q)) for p, q in zip(action_dist, q_hat)],
    }
    return DATA[name]


OBP = "obp HEAD 8cbd5fa (obp/ope/estimators.py) run on this input; standard error by infinitesimal jackknife"
rows = columns('obp_n10_A3_s1',
    reward=[1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0],
    action=[1, 1, 0, 1, 0, 1, 1, 1, 2, 2],
    pscore=[0.287369, 0.440856, 0.237824, 0.25874, 0.294788, 0.644131, 0.592262, 0.496938, 0.219048, 0.362814],
    action_dist=[[0.6238196238196239, 0.10367210367210368, 0.2725082725082725], [0.5056134943865056, 0.31914168085831907, 0.17524482475517522], [0.459322, 0.517447, 0.023231], [0.2962317037682963, 0.6103233896766104, 0.09344490655509345], [0.425911, 0.22131, 0.352779], [0.421993, 0.242164, 0.335843], [0.252644, 0.404063, 0.343293], [0.5997830000000001, 0.039136000000000004, 0.36108100000000004], [0.26428173571826424, 0.5051234948765051, 0.23059476940523055], [0.444376, 0.529523, 0.026101]],
    q_hat=[[0.572973, 0.297608, 0.414029], [0.378561, 0.192604, 0.565078], [0.406959, 0.330724, 0.807508], [0.396141, 0.776376, 0.690333], [0.301899, 0.376329, 0.593728], [0.40101, 0.285004, 0.620761], [0.50454, 0.385, 0.048776], [0.426061, 0.663713, 0.375857], [0.548826, 0.127276, 0.393174], [0.862756, 0.654675, 0.267652]])
for kind, parameter, expect in [
    ('ips', None, 0.34235833128999743),
    ('ips', 5, 0.34235833128999743),
    ('snips', None, 0.3769942142114748),
    ('dm', None, 0.45076184548315545),
    ('dr', None, 0.37756681042927753),
    ('sndr', None, 0.37016177765263353),
    ('switchDr', 1, 0.4259006105020434),
    ('switchDr', 2, 0.5607006250631061),
    ('drOs', 1, 0.44992842603148053),
    ('drOs', 10, 0.41476462632503563),
    ('subGaussianIps', 0.05, 0.3350593482364954),
    ('subGaussianDr', 0.05, 0.3848087810356967)]:
    add(f'obp_n10_A3_s1_{kind}_{parameter}', rows, kind, parameter, OBP, expect)
rows = columns('obp_n25_A4_s3',
    reward=[0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0],
    action=[0, 2, 2, 1, 1, 2, 2, 3, 2, 3, 3, 0, 1, 0, 2, 2, 2, 0, 0, 3, 2, 2, 2, 0, 0],
    pscore=[0.622576, 0.281191, 0.173712, 0.611082, 0.234227, 0.468542, 0.191337, 0.423914, 0.513147, 0.215078, 0.124047, 0.281948, 0.272927, 0.259876, 0.145636, 0.304752, 0.267636, 0.616471, 0.298571, 0.451265, 0.138557, 0.235399, 0.223061, 0.503508, 0.361155],
    action_dist=[[0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]],
    q_hat=[[0.322524, 0.614294, 0.5684, 0.540825], [0.75055, 0.296517, 0.457042, 0.352751], [0.864279, 0.95529, 0.683425, 0.2758], [0.426095, 0.708239, 0.526131, 0.774035], [0.566463, 0.281013, 0.610091, 0.366911], [0.955691, 0.957311, 0.556655, 0.573429], [0.121348, 0.624349, 0.399654, 0.315183], [0.658517, 0.21769, 0.580354, 0.500661], [0.179003, 0.598537, 0.680031, 0.297977], [0.136951, 0.736378, 0.522946, 0.235108], [0.30779, 0.50299, 0.540539, 0.488921], [0.696036, 1.0, 0.808722, 0.684873], [0.956785, 0.887953, 0.551423, 0.253187], [0.65619, 0.499367, 0.587335, 0.594395], [0.541525, 0.582293, 0.822631, 0.622546], [0.416511, 0.482276, 0.465341, 0.672896], [0.466525, 0.691319, 0.910875, 0.365589], [0.65991, 0.378239, 0.735927, 0.213866], [0.406476, 0.368687, 0.52547, 0.597249], [0.418754, 0.330464, 0.55837, 0.833088], [0.424848, 0.425633, 0.572996, 0.228041], [0.367606, 0.439264, 0.545296, 0.471344], [0.423248, 0.826153, 0.961455, 0.444544], [0.5293, 0.408042, 0.622119, 0.0], [0.764228, 0.482853, 0.914998, 0.612695]])
for kind, parameter, expect in [
    ('ips', None, 0.6855264631882371),
    ('ips', 5, 0.6552602754752408),
    ('snips', None, 0.6186013442827718),
    ('dm', None, 0.600583),
    ('dr', None, 0.5525309620109978),
    ('sndr', None, 0.557222084132101),
    ('switchDr', 1, 0.600583),
    ('switchDr', 2, 0.6226498936576093),
    ('drOs', 1, 0.6104281263676712),
    ('drOs', 10, 0.6254845050385168),
    ('subGaussianIps', 0.05, 0.5981081854783697),
    ('subGaussianDr', 0.05, 0.5762800290679152),
    ('replay', None, 0.7142857142857142)]:
    add(f'obp_n25_A4_s3_{kind}_{parameter}', rows, kind, parameter, OBP, expect)
# bounds of the mean of w*r with the largest w*r observed as range, which obp takes
BOUNDS = [
    {
        "data": "obp_n10_A3_s1",
        "tail": 0.05,
        "hoeffding": -0.40511907360120697,
        "bernstein": -2.0630579530195865,
        "ess": 5.992439150439662,
        "standardError": 0.2055504348277644
    },
    {
        "data": "obp_n25_A4_s3",
        "tail": 0.05,
        "hoeffding": -0.723556864780364,
        "bernstein": -2.216031099996465,
        "ess": 5.813580226956563,
        "standardError": 0.30814516576443174
    }
]


random = np.random.default_rng(7)
for name, n, sharp in [("mild", 80, 1.0), ("heavy", 60, 4.0)]:
    logits, target = random.normal(0, 1, (n, 3)), random.normal(0, sharp, (n, 3))
    soft = lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    b, e, q = soft(logits), soft(target), random.uniform(0, 1, (n, 3))
    action = [int(random.choice(3, p=p)) for p in b]
    reward = [float(random.normal(q[i, a], 1.5)) for i, a in enumerate(action)]
    rows = columns(name, reward, action, [float(b[i, a]) for i, a in enumerate(action)], e.tolist(), q.tolist())
    unit = [int(u) for u in random.integers(0, n // 3, n)]
    for kind, parameter in [("ips", None), ("ips", 2), ("snips", None), ("snips", 1.5), ("dm", None), ("dr", None), ("dr", 3), ("sndr", None),
                            ("switchDr", 2), ("drOs", 5), ("subGaussianIps", 0.1), ("subGaussianDr", 0.9)]:
        for clustered in (False, True):
            add(f"{name}_{kind}_{parameter}_{'clustered' if clustered else 'rows'}", rows, kind, parameter,
                "numpy; standard error by infinitesimal jackknife over units", unit=unit if clustered else None)

(HERE / "off-policy.json").write_text(json.dumps(
    {"made": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}, "data": DATA, "bounds": BOUNDS,
     "entries": ENTRIES}).replace("}, {\"id\"", "},\n{\"id\"") + "\n")
print(len(ENTRIES))
