#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
10,000 paths in the rules load and select the right files, and a deletion costs about as much as
with one path.
"""
import os
import time

from uwtest import configure, cursor, done, equal, ok, restart, run, settle, unlink, touch

N = 10000
TREE = "/dev/shm/tree"
NEAR, FAR = TREE + "/d07777/x/y", TREE + "/other/x/y"
for path in (NEAR, FAR):
    os.makedirs(path)


def cost(path):
    """
    Guest instructions for one unlink: the median of 500, after a run to warm up. There is one CPU,
    so the daemon is stopped meanwhile and records wait in the ring buffer.
    """
    run("./unlinkcost", "200", path)
    time.sleep(1)
    run("systemctl", "kill", "-s", "STOP", "unlinkwatchd", check=False)
    n = int(run("./unlinkcost", "500", path))
    run("systemctl", "kill", "-s", "CONT", "unlinkwatchd", check=False)
    return n


def rules(count):
    names = ["d%05d" % i for i in range(count)] if count > 7777 else ["d07777"]
    lines = ["Path=" + " ".join("%s/%s" % (TREE, n) for n in names[i:i + 100])
             for i in range(0, len(names), 100)]
    return "[Watch many]\n%s\n[Daemon]\nDetail=minimal\n" % "\n".join(lines), len(names)


costs = {}
for count in (1, N):
    text, names = rules(count)
    equal(names, count, "a configuration with %d paths" % count)
    configure(text)
    start = time.monotonic()
    restart()
    print("# started with %d paths in %.1f s" % (count, time.monotonic() - start))
    here = cursor()
    for path in (NEAR, FAR):
        touch(path + "/one")
        unlink(path + "/one")
    records = settle(here, 1, os.getpid())
    equal([r["UNLINK_PATH"] for r in records], [NEAR + "/one"],
          "with %d paths only the file below one of them is recorded" % count)
    costs[count] = cost(FAR), cost(NEAR)
    print("# %d paths: %d instructions not selected, %d recorded" % ((count,) + costs[count]))
run("systemctl", "stop", "unlinkwatchd")
bare = cost(FAR)
print("# without the daemon: %d instructions" % bare)
# The depth of the trie is the number of bits in which its keys differ: 14 levels for 10,000 paths.
for i, what, percent in ((0, "that no rule covers", 5), (1, "that is recorded", 10)):
    one, many = costs[1][i], costs[N][i]
    ok(many * 100 <= one * (100 + percent),
       "a deletion %s costs with %d paths at most %d %% more than with one" %
       (what, N, percent), "1: %d, %d: %d" % (one, N, many))
done()
