#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Deletions in flight, which a frozen file system keeps there: threads whose numbers lead to the same
slot, and more threads than there are slots. Each deletion is recorded: as it was, or, without a
slot, with an unknown result.
"""
import json
import os
import resource
import threading
from collections import Counter

from uwtest import (DELETED, UNKNOWN, configure, cursor, done, equal, journal, need, ok, restart,
                    run, settle, status, wait_for)

DIR, UID = "/srv/slots", 4242
DIRECT, SLOTS = 2048, 4096      # UW_DIRECT_SLOTS and UW_SLOTS
ALIKE, MANY = 40, 4200
LAST_PID = "/proc/sys/kernel/ns_last_pid"


def touch(names):
    for name in names:
        os.close(os.open(DIR + "/" + name, os.O_CREAT | os.O_WRONLY))


def alike(names):
    """
    Starts a process for each name, which deletes it. Their numbers are the same modulo DIRECT.
    """
    pids, number = {}, os.getpid() // DIRECT * DIRECT + 3 * DIRECT + 77
    for name in names:
        while True:
            with open(LAST_PID, "w") as f:
                f.write(str(number - 1))
            pid = os.fork()
            if not pid:
                if os.getpid() % DIRECT == 77:
                    os.setresuid(UID, UID, UID)
                    os.unlink(DIR + "/" + name)
                os._exit(0)
            number += DIRECT
            if pid % DIRECT == 77:
                pids[name] = pid
                break
            os.waitpid(pid, 0)  # another process took the number
    return pids


def unlink(name, ids):
    ids[name] = threading.get_native_id()
    os.unlink(DIR + "/" + name)


def threads(names, out):
    """
    Starts a thread for each name, which deletes it, and writes the threads' numbers to a file.
    """
    ids = {}
    with open("/sys/fs/cgroup/cgroup.procs", "w") as f:     # where no unit's TasksMax= is
        f.write(str(os.getpid()))
    resource.setrlimit(resource.RLIMIT_NPROC, (2 * MANY, 2 * MANY))
    os.setresuid(UID, UID, UID)
    threading.stack_size(64 << 10)
    them = [threading.Thread(target=unlink, args=(name, ids)) for name in names]
    for t in them:
        t.start()
    for t in them:
        t.join()
    with open(out, "w") as f:
        json.dump(ids, f)


def until(count):
    """Waits until so many are in flight or lost. Returns the status of that moment."""
    def reached():
        now = status()
        return now["states"]["used"] + now["counters"]["lost"]["total"] == count and now
    return need(reached, "%d deletions in flight or lost" % count, 120, every=0.2)


def freeze(on):
    run("fsfreeze", "-f" if on else "-u", DIR)


os.makedirs(DIR)
run("truncate", "-s", "64M", "/srv/slots.img")
run("mkfs.ext4", "-q", "-N", "8192", "/srv/slots.img")
run("mount", "-o", "loop", "/srv/slots.img", DIR)
os.chmod(DIR, 0o777)
configure("[Watch mine]\nUser=%d\n[Daemon]\nDetail=full\nRingBufferSize=16M\n[Storm]\nBurst=0\n" %
          UID)
restart()

for turn in ("first", "again"):
    names = ["%s%d" % (turn, i) for i in range(ALIKE)]
    touch(names)
    since = cursor()
    freeze(True)
    pids = alike(names)
    equal(until(ALIKE)["states"]["used"], ALIKE, "%s: %d threads with the same slot are in flight" %
          (turn, ALIKE))
    freeze(False)
    for pid in pids.values():
        os.waitpid(pid, 0)
    records = settle(since, ALIKE)
    equal({os.path.basename(r["UNLINK_PATH"]): (int(r["UNLINK_PID"]), r["UNLINK_RET"])
           for r in records},
          {name: (pid, "0") for name, pid in pids.items()}, "%s: each of them has its own record" %
          turn)

names = ["t%04d" % i for i in range(MANY)]
touch(names)
since = cursor()
freeze(True)
child = os.fork()
if not child:
    threads(names, "/tmp/threads")
    os._exit(0)
full = until(MANY)
lost = full["counters"]["lost"]["state_full"]
ok(full["states"]["size"] == SLOTS and full["states"]["used"] + lost == MANY and
   MANY - SLOTS <= lost < MANY - DIRECT,
   "%d threads: each is in flight or is counted as lost for the moment" % MANY, full)
freeze(False)
equal(os.waitpid(child, 0)[1], 0, "all of them come back")
with open("/tmp/threads") as f:
    ids = json.load(f)
records = []


def complete():
    records[:] = [r for r in journal(since) if r.get("MESSAGE_ID") in (DELETED, UNKNOWN)]
    return len(records) >= MANY


wait_for(complete, every=1)
got = {os.path.basename(r["UNLINK_PATH"]): (int(r["UNLINK_TID"]), r["UNLINK_RET"]) for r in records}
equal((len(records), len(got)), (MANY, MANY), "all are recorded, once")
ok(all(ids[name] == tid for name, (tid, _) in got.items()), "each as its thread's")
equal(Counter(ret for _, ret in got.values()), {"0": MANY - lost, "unknown": lost},
      "those without a slot have an unknown result")
equal((until(0)["states"]["used"], status()["counters"]["lost"]["total"]), (0, 0),
      "nothing is lost, and all slots are free")
done()
