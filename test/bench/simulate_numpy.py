"""The staged rollout as an expert would write it in numpy: one draw a user, and one product of matrices a stage.

Users' sums by look and column are laid out once; a batch of rollouts is a matrix of users in the candidate (float32), whose
product with them gives every look of a stage. The control is the total less that. No resampling, no bounds, no rule.

usage: simulate_numpy.py SESSIONS
"""
import json
import sys
import time

import numpy as np

sessions = int(float(sys.argv[1]))
users, looks, batch = max(1, sessions // 5), 10, 32
random = np.random.default_rng(1)
unit = random.integers(0, users, sessions)
stage_look = random.integers(0, 50, sessions)  # the hour of fifty; the last ten are after the plan
effect = random.random(users)[unit]
columns = [np.ones(sessions)]
for kind in ["proportion", "proportion", "mean", "mean", "ratio", "ratio"]:
    if kind == "proportion":
        columns.append((random.random(sessions) < 0.02 + 0.1 * effect).astype(float))
    elif kind == "mean":
        a = (0.5 + effect) * (0.5 + random.random(sessions))
        columns += [a, a * a]
    else:
        a, b = (random.random(sessions) < 0.2 * effect).astype(float), 1.0 + random.integers(0, 3, sessions)
        columns += [a, b, a * a, a * b, b * b]
width = len(columns)
tables = []
for stage in range(4):
    table = np.zeros((users, looks * width), dtype=np.float32)
    for look in range(looks):
        chosen = stage_look == looks * stage + look
        for c, column in enumerate(columns):
            table[:, look * width + c] = np.bincount(unit[chosen], column[chosen], users)
    tables.append(table)
totals = [table.sum(axis=0, dtype=np.float64).reshape(looks, width).cumsum(axis=0) for table in tables]

begin, done, harmful = time.perf_counter(), 0, 0
while done < 2 * batch or time.perf_counter() - begin < 5:
    place = random.random((batch, users), dtype=np.float32)
    for table, total, exposure in zip(tables, totals, [0.01, 0.05, 0.25, 0.5]):
        exposed = ((place < exposure).astype(np.float32) @ table).reshape(batch, looks, width).cumsum(axis=1)
        control = total[None] - exposed
        with np.errstate(all="ignore"):
            p1, p0 = exposed[..., 1] / exposed[..., 0], control[..., 1] / control[..., 0]
            z = (p1 - p0) / np.sqrt(p1 * (1 - p1) / exposed[..., 0] + p0 * (1 - p0) / control[..., 0])
        harmful += int((z > 3).sum())
    done += batch
print(json.dumps({"rolloutsPerSecond": done / (time.perf_counter() - begin)}))
