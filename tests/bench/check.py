#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The part of the benchmark that is a test: no deletion may cost more than budgets.py says. One clock
tick is one instruction, so the figures do not depend on the machine, and the check notices one
percent more.
"""
import itertools
import os
import time

from budgets import BUDGETS, ELSEWHERE, KERNEL, MEMORY
from meter import DIR, MANY, RULES, counted, deletion, memory, prepare, record, watch
from uwtest import done, ok, run

COUNT = 150     # takes the lower of two medians, as the guest's own work may come in between
PROBES = ("kprobe", "fentry")
# so many that some share the two places of the cache
PAIRS = tuple(itertools.combinations(MANY[:24], 2))
DEEP = tuple(d + "/c" * 12 for d in MANY)
RENAMED = (DIR,)
costs = {}


def least(dirs, **more):
    return min(deletion(dirs, COUNT, **more) for _ in range(2))


def worst_pair():
    """The highest cost of a deletion in two directories in turn, over all pairs."""
    return max(int(run("./unlinkcost", "20", *pair)) for pair in PAIRS)


prepare()
for path in DEEP:
    os.makedirs(path)
bare = {dirs: least(dirs) for dirs in {d for _, d in RULES.values()} | {DEEP}}
bare[PAIRS] = worst_pair()
bare["rename"] = least(RENAMED, rename=True)
for probe in PROBES:
    for i, case in enumerate(("uid", "path", "new directory", "minimal", "standard")):
        dirs = RULES[case][1]
        watch(case, probe, renew=not i)
        costs[probe + "/" + case] = least(dirs) - bare[dirs]
        if case in ("uid", "path", "standard"):
            costs[probe + "/rename " + case] = least(RENAMED, rename=True) - bare["rename"]
        if case == "path" and probe == "kprobe":
            costs["kprobe/pair"] = worst_pair() - bare[PAIRS]
        if case in ("minimal", "standard") and probe == "kprobe":
            costs["daemon/" + case] = record()
        if case == "new directory":
            more = least(DEEP) - bare[DEEP] - costs[probe + "/" + case]
            costs[probe + "/component"] = more // 12
watch("standard", "kprobe", extra="[Storm]\nBurst=1\n")
costs["daemon/flood"] = counted()
time.sleep(10)  # until the last summary is written, and the memory of the queue is given back
left = memory()
slack = 1 if os.uname().release == KERNEL else ELSEWHERE
for b in BUDGETS:
    cost, ceiling = costs[b.key], int(b.ceiling * slack)
    print("# %-70s %6d  goal %6d  at most %6d" % (b.what, cost, b.goal, ceiling))
    ok(cost <= ceiling, "%s: costs at most %d instructions%s" %
       (b.what, ceiling, "" if b.ceiling <= b.goal else " (goal: %d)" % b.goal),
       "it takes %d" % cost)
ok(left <= MEMORY, "the daemon uses at most %d KiB besides the ring buffer" % MEMORY,
   "it takes %d" % left)
done()
