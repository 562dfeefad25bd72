#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Directories are moved in and out of a watched tree, removed and created again, and lose their
dentries, while files in them are deleted. A deletion counts by where its directory is at that
moment, whatever the kernel side has cached. Four processes run at once, each with a tree of its own
on tmpfs or ext4.
"""
import os
import random

from uwtest import configure, cursor, done, equal, ok, restart, settle

ROUNDS = 200
TREES = ["/dev/shm/moves", "/root/moves"]


def worker(root, seed, out):
    """Writes a line for each deletion: whether it must be recorded, and its path."""
    dice = random.Random(seed)
    base = "%s/%d" % (root, seed)
    inside, outside = base + "/in", base + "/out"
    here = ["%s/%s" % (side, name) for side in (inside, outside) for name in ("a", "b")]
    for path in here:
        os.makedirs(path + "/sub")
    for n in range(ROUNDS):
        at = dice.randrange(len(here))
        path = here[at]
        what = dice.random()
        other = "%s/%d" % (outside if path.startswith(inside) else inside, n)
        if what < 0.4:
            os.rename(path, other)
            here[at] = other
        elif what < 0.6:    # another directory, perhaps with the same inode, on the other side
            os.rmdir(path + "/sub")
            os.rmdir(path)
            os.makedirs(other + "/sub")
            here[at] = other
        elif what < 0.62:
            with open("/proc/sys/vm/drop_caches", "w") as f:
                f.write("2")
        for directory in dice.sample((here[at], here[at] + "/sub"), 2):
            for k in range(dice.randrange(1, 4)):
                name = "%s/f%d-%d" % (directory, n, k)
                open(name, "w").close()
                os.unlink(name)
                out.write("%d %s\n" % (directory.startswith(inside), name))


for tree in TREES:
    os.makedirs(tree)
configure("[Watch in]\nPath=%s\nOperation=unlink\n[Daemon]\nDetail=minimal\nRingBufferSize=16M\n" %
          " ".join("%s/%d/in" % (t, n) for n, t in enumerate(TREES * 2)))
restart()
since = cursor()
pids = []
for n, tree in enumerate(TREES * 2):
    pid = os.fork()
    if not pid:
        with open("/tmp/moves%d" % n, "w") as f:
            worker(tree, n, f)
        os._exit(0)
    pids.append(pid)
status = [os.waitpid(pid, 0)[1] for pid in pids]
equal(status, [0] * len(pids), "%d processes end without an error" % len(pids))
expected, others = set(), 0
for n in range(len(pids)):
    for line in open("/tmp/moves%d" % n):
        wanted, name = line.split()
        if wanted == "1":
            expected.add(name)
        else:
            others += 1
records = settle(since, len(expected), *pids)
got = [r["UNLINK_PATH"] for r in records]
ok(len(expected) > ROUNDS and others > ROUNDS,
   "more than %d deletions are inside the watched directories, and more than %d outside" %
   (ROUNDS, ROUNDS))
equal(len(got), len(set(got)), "no deletion is recorded twice")
ok(not expected - set(got),
   "all %d deletions below a watched directory are recorded" % len(expected),
   sorted(expected - set(got))[:5])
ok(not set(got) - expected, "none of the %d deletions outside is recorded" % others,
   sorted(set(got) - expected)[:5])
done()
