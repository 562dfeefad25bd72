#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Two users. One does his worst for as long as it takes: thousands of hanging deletions, storms by
many of his subordinate users, failing attempts by ever new processes, mounts in a loop. Meanwhile
the other one deletes 1,000 files. Each of these has a record with its name, not long after.
"""
import json
import os
import signal
import subprocess
import time

from uwevade import (OTHER, UID, become, detach, folder, hang, hang_long, mapped, mount, namespace,
                     prepare)
from uwtest import configure, done, equal, keep_journal, ok, restart, status, value, wait_for

COUNT, SECONDS, LATEST = 1000, 40, 10
CALM, BUSY = "/srv/share/calm", "/srv/share/busy"
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def storm():
    """By subordinate users, each with a share of its own if shares went by user."""
    for i in range(1 << 20):
        where = folder("%s/%d" % (BUSY, i % 64))
        os.chmod(where, 0o777)
        subprocess.run(["deleters", where, "4", "4", "1000", "3"], user=i % 64, **QUIET)


def failures():
    """Many processes with a parent of their own, which fail to delete."""
    become(UID)
    while True:
        subprocess.run(["deleters", BUSY, "1", "1", "60", "1"], **QUIET)


def mounts():
    """Changes of the mounts, in a namespace of his own."""
    become(UID)
    namespace()
    while True:
        mount("evade", "/srv/share/busy", "tmpfs")
        detach("/srv/share/busy")


def together(*works):
    """Runs all of them at once, each in a process of its own."""
    for work in works:
        if not os.fork():
            work()
    while True:
        signal.pause()


def worst():
    os.setsid()
    hang(folder("/tmp/hang"))
    hang_long(folder("/tmp/long"))
    print("# the threads hang: %d states used" % status()["states"]["used"], flush=True)
    os.write(ready[1], b"x")
    together(lambda: mapped(storm), failures, mounts)


def records():
    out = subprocess.run(["journalctl", "-a", "-o", "json", "UNLINK_UID=%d" % OTHER,
                          "--output-fields=UNLINK_PATH,UNLINK_TIME"], stdout=subprocess.PIPE,
                         check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


prepare()
keep_journal()
for d, uid in (CALM, OTHER), (BUSY, UID), ("/tmp/hang", UID), ("/tmp/long", UID):
    os.chown(folder(d), uid, uid)
names = ["%s/file%d" % (CALM, i) for i in range(COUNT)]
for name in names:
    with open(name, "w"):
        pass
# The emulated guest writes some hundred records a second, a hundredth of what a machine does. So a
# user gets a fifth of the default budget.
configure("[Watch share]\nPath=/srv/share\nExcludePath=/tmp /proc /sys /dev /run\n"
          "[Storm]\nBurst=200\n")
restart()
ready = os.pipe()
attacker = os.fork()
if not attacker:
    try:
        worst()
    finally:
        os._exit(1)
os.close(ready[1])
ok(os.read(ready[0], 1) == b"x", "thousands of threads hang in unlink(2)")

begun = time.monotonic()
calm = os.fork()
if not calm:
    become(OTHER)
    for i, name in enumerate(names):
        time.sleep(max(0, begun + i * SECONDS / COUNT - time.monotonic()))
        os.unlink(name)
    os._exit(0)
equal(os.waitpid(calm, 0)[1], 0, "another user deletes %d files meanwhile" % COUNT)
took = time.monotonic() - begun
got = wait_for(lambda: len(records()) >= COUNT and records(), LATEST + 5, 1) or records()
os.killpg(attacker, signal.SIGKILL)
os.waitpid(attacker, 0)
by_name = {value(r["UNLINK_PATH"]).decode(): r for r in got if "UNLINK_PATH" in r}
missing = [name for name in names if name not in by_name]
late = max((int(r["__REALTIME_TIMESTAMP"]) / 1e6 - int(r["UNLINK_TIME"]) / 1e9
            for r in by_name.values()), default=0)
counters = status()["counters"]
print("# %d deletions in %.0f s, the latest record after %.2f s" % (COUNT, took, late))
print("# of all: %s" % {k: v for k, v in counters.items() if v})
print("# table: two users, one of whom does his worst | deleted | recorded by name | latest")
print("# row: slots, shares, storms and mounts at once | %d | %d | %.1f s" %
      (COUNT, COUNT - len(missing), late))
equal(len(missing), 0, "each of these deletions has a record with its name")
ok(late <= LATEST, "none is recorded later than %d s after it" % LATEST, late)
done()
