#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Killed, restarted, replaced by another version while processes delete: nothing is lost, nothing comes twice. Only
what the user of this test deletes passes the rules, so that the sums are exact.
"""
import collections
import os
import shutil
import signal
import subprocess
import sys
import time

from uwtest import (CONTINUED, DELETED, FAILED, FLOOD, LOSS, STARTED, STOPPED, configure, cursor, done, equal, journal, ok, run, status)

UID, DIR, FAIL = 4242, "/dev/shm/restart", 3
DELETIONS = int(os.environ.get("UW_DELETIONS", "1000"))
KILLS = int(os.environ.get("UW_KILLS", "6"))
PROGRAM = "/usr/sbin/unlinkwatchd"
PROCESSES = "/sys/fs/cgroup/system.slice/unlinkwatchd.service/cgroup.procs"
# The kills leave little time for reading, so that the ring buffer holds all of it.
RULE = "[Watch mine]\nUser=%d\n[Daemon]\nDetail=minimal\nRingBufferSize=%s\nQueueSize=32M\n%s\n"
short = not os.path.exists("unlinkwatchd-other")  # on all kernels but one

os.makedirs(DIR)
run("install", "-m", "755", "deleters", "/usr/local/bin/deleters")  # from where others may run it
os.chown(DIR, UID, UID)


def configured(ring="32M", more=""):
    configure(RULE % (UID, ring, more))


def begin(n):
    """Starts to delete. Returns when some have gone."""
    p = subprocess.Popen(["deleters", DIR, "8", "2", str(n), str(FAIL)], stdout=subprocess.PIPE, user=UID, group=UID)
    most = 0
    while True:
        left = len(os.listdir(DIR))
        if left < most or p.poll() is not None:
            return p
        most = max(left, most)


def end(p):
    """What happened: (name, ret) of each deletion."""
    out = p.communicate()[0].decode()
    return collections.Counter(tuple(line.split()[1:]) for line in out.splitlines())


def active():
    for _ in range(300):
        if run("systemctl", "is-active", "unlinkwatchd", check=False).strip() == "active":
            return
        time.sleep(0.1)
    sys.exit("# it does not start")


def settled(here, n, seconds=150):
    """Records of single deletions, how many deletions the summaries have, and the losses, as soon as they are n."""
    limit = time.monotonic() + seconds
    while True:
        records = journal(here)
        got = [r for r in records if r.get("MESSAGE_ID") in (DELETED, FAILED)]
        summed = sum(int(r["UNLINK_FLOOD_COUNT"]) for r in records if r.get("MESSAGE_ID") == FLOOD)
        lost = sum(int(r["UNLINK_LOST"]) for r in records if r.get("MESSAGE_ID") == LOSS)
        if len(got) + summed + lost >= n or time.monotonic() > limit:
            time.sleep(1)   # for what would come twice
            return got, summed, lost
        time.sleep(1)


def check(title, here, happened, exact_counters=True):
    n = sum(happened.values())
    got, summed, lost = settled(here, n)
    got = [r for r in journal(here) if r.get("MESSAGE_ID") in (DELETED, FAILED)]
    seen = collections.Counter((r["UNLINK_FILENAME"], r["UNLINK_RET"]) for r in got)
    print("# %s: %d deletions, %d recorded, %d in summaries, %d lost" % (title, n, len(got), summed, lost))
    equal(lost, 0, title + ": nothing is reported as lost")
    if summed:
        ok(not seen - happened, title + ": no record comes twice", list((seen - happened).items())[:5])
        equal(len(got) + summed, n, title + ": records and summaries together are what was deleted")
    else:
        ok(not seen - happened, title + ": nothing is doubled", list((seen - happened).items())[:5])
        ok(not happened - seen, title + ": nothing is missing",
           sum((happened - seen).values()), list((happened - seen).items())[:5])
    now = status()["counters"]
    equal(now["seen"], now["recorded"] + now["filtered"] + now["summarised"] + now["in_flight"] + now["queued"] +
          now["lost"]["total"], title + ": the counters balance")
    if exact_counters:
        equal((now["recorded"] + now["summarised"], now["lost"]["total"]), (counted["all"] + n, 0),
              title + ": and go on from those of the process before")
        counted["all"] += n


counted = {"all": 0}


def processes():
    try:
        with open(PROCESSES) as f:
            return [int(line) for line in f]
    except OSError:
        return []


def kill_often(times):
    killed = 0
    limit = time.monotonic() + 3 * times
    while killed < times and time.monotonic() < limit:
        for pid in processes():
            try:
                os.kill(pid, signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                pass
        time.sleep(0.3)
    return killed


# kill -9
for probe in ("kprobe",) if short else ("auto", "kprobe"):
    configured(more="Probe=" + probe)
    run("systemctl", "stop", "unlinkwatchd", check=False)
    counted["all"] = 0
    run("systemctl", "start", "unlinkwatchd")
    here = cursor()
    p = begin(DELETIONS)
    killed = kill_often(KILLS)
    equal(killed, KILLS, "by %s: it is killed %d times, and comes back as often" % (probe, KILLS))
    happened = end(p)
    active()
    check("killed, by " + probe, here, happened)
    said = {r.get("MESSAGE_ID") for r in journal(here)}
    ok(CONTINUED in said and not said & {STARTED, STOPPED}, "killed, by %s: it says that it went on without a gap" % probe)

if not short:
    # A flood's counts go on, too.
    configure((RULE % (UID, "32M", "Probe=kprobe")) + "[Flood]\nBurst=100\nIntervalSec=2\n")
    run("systemctl", "restart", "unlinkwatchd")
    here = cursor()
    p = begin(DELETIONS)
    kill_often(10)
    happened = end(p)
    active()
    check("killed in a flood", here, happened)

# systemctl restart
configured(more="Probe=kprobe")
run("systemctl", "restart", "unlinkwatchd")
here = cursor()
p = begin(DELETIONS)
for _ in range(3 if short else 6):
    run("systemctl", "restart", "unlinkwatchd")
happened = end(p)
check("restarted", here, happened)

if not short:
    # Settings that take new probes.
    configured(ring="16M", more="Probe=kprobe")
    here = cursor()
    p = begin(DELETIONS)
    run("systemctl", "restart", "unlinkwatchd")
    happened = end(p)
    check("restarted with another ring buffer", here, happened, False)
    equal(status()["ring"]["size"], 16 << 20, "the new ring buffer has the new size")

    # A version with another layout of events, and back.
    shutil.copy(PROGRAM, "/root/old")
    for title, program in (("upgraded", "unlinkwatchd-other"), ("downgraded", "/root/old")):
        run("install", "-m", "755", program, PROGRAM + ".new")
        os.rename(PROGRAM + ".new", PROGRAM)
        here = cursor()
        p = begin(DELETIONS)
        run("systemctl", "restart", "unlinkwatchd")
        happened = end(p)
        check(title, here, happened, False)

# A real stop.
run("systemctl", "stop", "unlinkwatchd")
with open("/sys/kernel/tracing/kprobe_events") as f:
    equal(f.read(), "", "after a stop no probe's definition is left")
equal(run("systemctl", "show", "-P", "NFileDescriptorStore", "unlinkwatchd").strip(), "0",
      "and systemd keeps nothing of it")
done()
