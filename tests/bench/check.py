#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The part of the benchmark that is a test: no deletion costs more than budgets.py says. One clock tick is one
instruction, so that the figures do not depend on the machine, and one percent more is seen.
"""
import itertools
import os

from budgets import BUDGETS, ELSEWHERE, KERNEL, MEMORY
from meter import MANY, RULES, counted, deletion, memory, prepare, record, watch
from uwtest import done, ok, run

COUNT = 150     # of which the median is taken, twice: the less, as the machine's own work may come in between
PROBES = ("kprobe", "fentry")
PAIRS = tuple(itertools.combinations(MANY[:24], 2))     # so many that some are remembered in the same two places
DEEP = tuple(d + "/c" * 12 for d in MANY)
costs = {}


def least(dirs):
    return min(deletion(dirs, COUNT) for _ in range(2))


def worst_pair():
    """Of two directories in turn, whichever they are."""
    return max(int(run("./unlinkcost", "20", *pair)) for pair in PAIRS)


prepare()
for path in DEEP:
    os.makedirs(path)
bare = {dirs: least(dirs) for dirs in {d for _, d in RULES.values()} | {DEEP}}
bare[PAIRS] = worst_pair()
for probe in PROBES:
    for i, case in enumerate(("uid", "path", "new directory", "minimal", "standard")):
        dirs = RULES[case][1]
        watch(case, probe, renew=not i)
        costs[probe + "/" + case] = least(dirs) - bare[dirs]
        if case == "path" and probe == "kprobe":
            costs["kprobe/pair"] = worst_pair() - bare[PAIRS]
        if case in ("minimal", "standard") and probe == "kprobe":
            costs["daemon/" + case] = record()
        if case == "new directory":
            costs[probe + "/component"] = (least(DEEP) - bare[DEEP] - costs[probe + "/" + case]) // 12
watch("standard", "kprobe", extra="[Flood]\nBurst=1\n")
costs["daemon/flood"] = counted()
left = memory()
slack = 1 if os.uname().release == KERNEL else ELSEWHERE
for b in BUDGETS:
    cost, ceiling = costs[b.key], int(b.ceiling * slack)
    print("# %-70s %6d  goal %6d  at most %6d" % (b.what, cost, b.goal, ceiling))
    ok(cost <= ceiling, "%s: at most %d instructions%s" %
       (b.what, ceiling, "" if b.ceiling <= b.goal else ", to become %d" % b.goal), "it takes %d" % cost)
ok(left <= MEMORY, "the daemon takes at most %d KiB beside the ring buffer" % MEMORY, "it takes %d" % left)
done()
