#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
unlinkwatchctl where after random histories of real files, by several processes: the names are those
of tests/histories.py, which knows where each file is.
"""
import ctypes
import json
import os
import random
import subprocess
import time

import histories
from uwtest import configure, done, drained, equal, ok, run, touch

HISTORIES = int(os.environ.get("UW_HISTORIES", "100"))
WORKERS = 4
RENAME_EXCHANGE = 2
AT_FDCWD = -100
libc = ctypes.CDLL(None, use_errno=True)


def do(action, path, other):
    if action in ("move", "replace"):
        os.rename(path, other)
    elif action == "exchange":
        if libc.renameat2(AT_FDCWD, path.encode(), AT_FDCWD, other.encode(), RENAME_EXCHANGE):
            raise OSError(ctypes.get_errno(), path)
    else:
        {"create": touch, "mkdir": os.mkdir, "unlink": os.unlink, "rmdir": os.rmdir}[action](path)


def work(orders, reports):
    """What a worker does: one step for each line, and a byte back when it is done."""
    with os.fdopen(orders) as lines:
        for line in lines:
            do(*json.loads(line))
            os.write(reports, b".")
    os._exit(0)


class Worker:
    def __init__(self):
        theirs, self.orders = os.pipe()
        self.reports, mine = os.pipe()
        if not os.fork():
            os.close(self.orders)
            work(theirs, mine)
        os.close(theirs)
        os.close(mine)

    def do(self, *step):
        os.write(self.orders, json.dumps(step).encode() + b"\n")
        if not os.read(self.reports, 1):
            raise RuntimeError("a worker has failed at %r" % (step,))


def where(*args):
    r = subprocess.run(["unlinkwatchctl", "where", *args], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=60)
    return r.stdout.decode() + r.stderr.decode()


run("useradd", "-u", "1000", "alice")
os.makedirs("/srv/tmpfs")
run("mount", "-t", "tmpfs", "tmpfs", "/srv/tmpfs")
configure("[Watch srv]\nPath=/srv\n")
run("systemctl", "start", "unlinkwatchd")

workers = [Worker() for _ in range(WORKERS)]
pick = random.Random(0)
made = []
for seed in range(HISTORIES):
    top = ("/srv/%d", "/srv/tmpfs/%d")[seed % 2] % seed
    os.mkdir(top)
    history = histories.History(seed, top)
    for step in history.begin + [None] * histories.STEPS:
        pick.choice(workers).do(*(step or history.step()))
    made.append(history)
ok(drained(), "all records are written")
run("journalctl", "--sync")

wrong, names = [], 0
for history in made:
    truths = list(history.truths(False))
    names += len(truths)
    told = [json.loads(line) for line in
            where("--json", *(name for name, _, _ in truths)).splitlines()] if truths else []
    got = [(t["asked"], t["state"], t["path"]) for t in told]
    wrong += [pair for pair in zip(got, truths) if pair[0] != pair[1]]
    if len(got) != len(truths):
        wrong.append((history.top, len(got), len(truths)))
    here = [t["asked"] for t in told if t["exists"] != os.path.lexists(t["asked"])]
    wrong += [(name, "exists") for name in here]
ok(names > 6 * HISTORIES, "%d histories have names that files lost" % HISTORIES, names)
equal(wrong[:5], [], "where is right about each name of %d random histories" % HISTORIES)

# A move in another mount namespace is followed by the host's paths.
os.makedirs("/srv/real")
os.makedirs("/srv/box")
touch("/srv/real/a")
run("unshare", "-m", "sh", "-c", "mount --bind /srv/real /srv/box; mv /srv/box/a /srv/box/b")
os.rename("/srv/real/b", "/srv/real/c")
drained()
run("journalctl", "--sync")
ok("moved to /srv/real/c by root" in where("/srv/real/a") and
   "after 1 other move; it is there" in where("/srv/real/a"),
   "where follows a move of a container by the host's paths", where("/srv/real/a"))
equal(where("/srv/box/a"), "/srv/box/a: no record\n", "a path of a container is none of the host's")

# overlayfs numbers directories anew.
for name in ("lower/d", "upper", "overlay"):
    os.makedirs("/srv/" + name)
run("mount", "-t", "tmpfs", "tmpfs", "/srv/upper")
os.makedirs("/srv/upper/files/d")
os.mkdir("/srv/upper/work")
run("mount", "-t", "overlay", "overlay", "-o",
    "lowerdir=/srv/lower,upperdir=/srv/upper/files,workdir=/srv/upper/work,redirect_dir=on",
    "/srv/overlay")
time.sleep(1)  # until the daemon knows the mount
os.rename("/srv/overlay/d", "/srv/overlay/e")
run("sync")
with open("/proc/sys/vm/drop_caches", "w") as f:
    f.write("3")
drained()
run("journalctl", "--sync")
ok(where("/srv/overlay/d").endswith("; it is there\n"), "where finds a directory of overlayfs",
   where("/srv/overlay/d"))

# What the records do not say.
for name in ("a", "b", "c", "d/e"):
    os.makedirs(os.path.dirname("/srv/lost/" + name), exist_ok=True)
    touch("/srv/lost/" + name)
    os.rename("/srv/lost/" + name, "/srv/lost/%s.moved" % name)
os.rename("/srv/lost/d", "/srv/lost/f")
drained()
run("journalctl", "--sync")
run("systemctl", "stop", "unlinkwatchd")
os.unlink("/srv/lost/a.moved")
os.unlink("/srv/lost/b.moved")
touch("/srv/lost/keeps-the-inode")
touch("/srv/lost/b.moved")
touch("/srv/lost/c")
for name, said in (("a", "moved to /srv/lost/a.moved by root"),
                   ("a", "it is not there any more, and no record says why"),
                   ("b", "another file is there now, and no record says why"),
                   ("c", "; it is there; another file has the old name now"),
                   ("d/e", "moved to /srv/lost/f/e.moved with its directory by root"),
                   ("c.moved", "c.moved: is there"),
                   ("d/e.moved", "; it is there"),
                   ("d/none", "no record; its directory was moved by root, but there is no such "
                              "file at /srv/lost/f/none"),
                   ("none", "/none: no record")):
    out = where("/srv/lost/" + name)
    ok(said in out, "where %s says: %s" % (name, said), out)
done()
