# SPDX-License-Identifier: MIT
"""
What a deletion may cost: guest instructions added to one unlink(2) on tmpfs, on Debian's Linux 6.1
with mitigations=off. Both the benchmark and its check read this table.
"""
from collections import namedtuple

# goal: the cost to reach. ceiling: the limit, which is the measured cost and one percent, or the
# goal. Where no rule matches the user it is two percent, as some boots add 7 to 14 instructions.
# The cost of a component and that of a record to the daemon vary between boots, too, so their
# ceilings are higher. Lower a ceiling when you make something cheaper.
KERNEL = "6.1.0-56-cloud-amd64"  # the ceilings were measured on it; an update is other code
ELSEWHERE = 1.05                 # another kernel may take this much more

Budget = namedtuple("Budget", "key what goal ceiling")

BUDGETS = (
    Budget("kprobe/uid", "kprobe: uid not selected", 1450, 1428),
    Budget("kprobe/path", "kprobe: path not selected, 4 components, directory remembered", 3300,
           2775),
    Budget("kprobe/pair", "kprobe: the same, the worst of 276 pairs of directories", 3300, 2805),
    Budget("kprobe/new directory", "kprobe: the same, directory not remembered", 3300, 4850),
    Budget("kprobe/component",
           "kprobe: each further component of the path, directory not remembered", 200, 275),
    Budget("kprobe/minimal", "kprobe: recorded at Detail=minimal", 5000, 4170),
    Budget("kprobe/standard", "kprobe: recorded at Detail=standard", 7500, 5375),
    Budget("kprobe/rename uid", "kprobe: a plain rename, uid not selected", 1200, 1645),
    Budget("kprobe/rename path", "kprobe: a plain rename, path not selected", 3300, 3755),
    Budget("kprobe/rename standard", "kprobe: a move recorded at Detail=standard", 12000, 12300),
    Budget("fentry/uid", "fentry: uid not selected", 700, 683),
    Budget("fentry/path", "fentry: path not selected, 4 components, directory remembered", 2300,
           1727),
    Budget("fentry/new directory", "fentry: the same, directory not remembered", 2300, 3900),
    Budget("fentry/component",
           "fentry: each further component of the path, directory not remembered", 150, 275),
    Budget("fentry/minimal", "fentry: recorded at Detail=minimal", 4000, 2915),
    Budget("fentry/standard", "fentry: recorded at Detail=standard", 6500, 3820),
    Budget("fentry/rename uid", "fentry: a plain rename, uid not selected", 600, 762),
    Budget("fentry/rename path", "fentry: a plain rename, path not selected", 2300, 2300),
    Budget("fentry/rename standard", "fentry: a move recorded at Detail=standard", 12000, 12000),
    Budget("daemon/minimal", "the daemon, for a record at Detail=minimal", 20000, 20000),
    Budget("daemon/standard", "the daemon, for a record at Detail=standard", 20000, 23000),
    Budget("daemon/flood", "the daemon, for a deletion that is part of a storm", 1000, 1640),
)

# KiB resident at the end, with the libraries and the names of a storm, without the ring buffer.
MEMORY = 5120
