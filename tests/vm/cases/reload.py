#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Reloads between two rule sets while processes delete: each record is right by the set that was in
force when its deletion happened, or by either of the two while they changed, and nothing is lost.
UW_RELOADS is the number of reloads, and UW_PAUSE how long the processes rest between deletions.
"""
import bisect
import collections
import os
import signal
import subprocess
import sys
import time

from uwtest import (CONFIG_ACCEPTED, CONFIG_REJECTED, DELETED, FAILED, LOSS, Tail, configure,
                    cursor, done, drained, equal, keep_journal, main_pid, need, ok, restart, status,
                    unbalanced)

UID, DIR = 4242, "/dev/shm/reload"
RELOADS = int(os.environ.get("UW_RELOADS", "6"))
PAUSE = os.environ.get("UW_PAUSE", "30")  # ms, after 16 deletions
DELETERS = 4
# More for the daemon to give to the kernel: while it does, no deletion may be missed.
MANY = "".join("Path=/srv/other/%d\n" % i for i in range(200))
# One directory is watched by the first set, one by the second, one by both, one by none.
SETS = {rule: "[Watch %s]\nUser=%d\nPath=%s/%s %s/both\n%s"
              "[Daemon]\nDetail=minimal\nRingBufferSize=64M\nQueueSize=%%s\n" %
        (rule, UID, DIR, rule, DIR, MANY) for rule in ("one", "two")}

# Deletes until it is told to stop. Prints NAME RET and the nanoseconds since 1970 before and after
# each.
SCRIPT = """
import os, select, sys, time
stop, who, pause = select.poll(), sys.argv[2], int(sys.argv[3])
stop.register(0)
os.chdir(sys.argv[1])
said, i = [], 0
while i % 16 or not stop.poll(pause):
    name = "%s/%s-%d" % (("one", "two", "both", "none")[i % 4], who, i)
    if i // 4 % 3:
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
    ret, before = 0, time.time_ns()
    try:
        os.unlink(name)
    except OSError as e:
        ret = -e.errno
    said.append("%s %d %d %d" % (name, ret, before, time.time_ns()))
    i += 1
print("\\n".join(said))
"""

Deletion = collections.namedtuple("Deletion", "name ret before after")

for name in ("", "one", "two", "both", "none"):
    os.makedirs(os.path.join(DIR, name))
    os.chown(os.path.join(DIR, name), UID, UID)


def delete(pause):
    return [subprocess.Popen([sys.executable, "-c", SCRIPT, DIR, str(i), pause],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             user=UID, group=UID) for i in range(DELETERS)]


def end(processes):
    for p in processes:
        p.stdin.close()
    for p in processes:
        for line in p.stdout:
            name, *numbers = line.decode().split()
            yield Deletion(name, *map(int, numbers))
        if p.wait():
            sys.exit("# a process that deletes: status %d" % p.returncode)


def change(rule):
    """Puts the set with this rule in force, and returns when it is."""
    os.kill(main_pid(), signal.SIGHUP)
    need(lambda: [r["name"] for r in status()["rules"]] == [rule], "rule set in force", 30,
         every=0.005)


class Times:
    """Which set was in force when."""

    def __init__(self, rule):
        self.begin, self.sets = [0], [{rule}]

    def add(self, rule):
        self.begin.append(time.time_ns())
        self.sets.append({rule})

    def between(self):
        """From now on, until the next add(), it is one of both."""
        self.begin.append(time.time_ns())
        self.sets.append(set(SETS))

    def during(self, before, after):
        first = bisect.bisect_right(self.begin, before) - 1
        last = bisect.bisect_right(self.begin, after) - 1
        return set().union(*self.sets[first:last + 1])


def phase(title, reloads, stopped=False):
    """
    Reloads while others delete. With `stopped`, journald stands still, so that events wait in the
    ring buffer.
    """
    journald = main_pid("systemd-journald")
    print("# " + title)
    queue = "1M" if stopped else "32M"
    configure(SETS["one"] % queue)
    restart()
    pid, here = main_pid(), cursor()
    # Nothing takes events out of the ring buffer while they wait: it must not fill up.
    times, deleters = Times("one"), delete("30" if stopped else PAUSE)
    time.sleep(1)
    if stopped:
        os.kill(journald, signal.SIGSTOP)
        need(lambda: status()["ring"]["used"] > 65536, "events that wait", 120, every=0.1)
    begun = time.monotonic()
    for i in range(1, reloads + 1):
        rule = ("one", "two")[i % 2]
        configure(SETS[rule] % queue)
        times.between()
        start = time.monotonic()
        change(rule)
        times.add(rule)
        time.sleep(max(0.1, 2 * (time.monotonic() - start)))  # most deletions are to meet one set
    took = time.monotonic() - begun
    happened = list(end(deleters))
    if stopped:
        os.kill(journald, signal.SIGCONT)

    counters = drained()
    records, reports = {}, collections.Counter()
    for r in Tail(here).more("UNLINK_FILENAME", "UNLINK_RET", "UNLINK_RULE"):
        reports[r.get("MESSAGE_ID")] += 1
        if r.get("MESSAGE_ID") in (DELETED, FAILED):
            records.setdefault(r["UNLINK_FILENAME"], []).append((r["UNLINK_RULE"],
                                                                 int(r["UNLINK_RET"])))

    wrong, missing, certain, either = [], [], 0, 0
    for d in happened:
        where, got = d.name.split("/")[0], records.pop(d.name, [])
        inforce = times.during(d.before, d.after)
        # What its record would be under each of the sets that it may have met: a rule, or none.
        right = {rule if where in (rule, "both") else None for rule in inforce}
        certain += len(right) == 1
        either += len(right) > 1
        if not got and None not in right:
            missing.append((d, inforce))
        elif len(got) > 1 or (got and (got[0][0] not in right or got[0][1] != d.ret)):
            wrong.append((d, inforce, got))
    print("# %d deletions, %d recorded, %d reloads in %.1f s; %d met one set, %d one of two" %
          (len(happened), reports[DELETED] + reports[FAILED], reloads, took, certain, either))
    equal(main_pid(), pid, "by one process of the daemon")
    equal((reports[CONFIG_ACCEPTED], reports[CONFIG_REJECTED]), (reloads, 0),
          "each of %d reloads is accepted" % reloads)
    ok(certain > either, "most deletions met one set of rules", certain, either)
    ok(not wrong, "each record is right by the set in force, and none comes twice", len(wrong),
       *wrong[:5])
    ok(not missing, "what the set in force wants is there", len(missing), *missing[:5])
    equal(records, {}, "and nothing that did not happen")
    equal((reports[LOSS], counters["lost"]["total"]), (0, 0), "nothing is lost")
    equal((unbalanced(counters), counters["seen"] >= len(happened)), (0, True),
          "the counters balance")


keep_journal()
phase("reloads", RELOADS)
phase("reloads while events wait", 6, stopped=True)
done()
