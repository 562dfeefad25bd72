#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The daemon is killed, restarted and replaced by another version while processes delete: no deletion
is lost and none is recorded twice. The rules select only the user of this test, so that the sums
are exact.
"""
import collections
import os
import shutil
import signal
import subprocess
import sys
import time

from uwtest import (CONTINUED, STARTED, STOPPED, Account, configure, cursor, done, equal,
                    keep_journal, ok, run, status, unbalanced)

UID, DIR, FAIL = 4242, "/dev/shm/restart", 3
DELETERS, THREADS = 8, 2
DELETIONS = int(os.environ.get("UW_DELETIONS", "1000"))
KILLS = int(os.environ.get("UW_KILLS", "6"))
PROGRAM = "/usr/sbin/unlinkwatchd"
PROCESSES = "/sys/fs/cgroup/system.slice/unlinkwatchd.service/cgroup.procs"
# The kills leave little time to read, so the ring buffer must hold everything.
RULE = "[Watch mine]\nUser=%d\n[Daemon]\nDetail=minimal\nRingBufferSize=%s\nQueueSize=32M\n%s\n"
short = not os.path.exists("unlinkwatchd-other")  # one kernel has the full test
RESTARTS = int(os.environ.get("UW_RESTARTS", 3 if short else 6))

os.makedirs(DIR)
run("install", "-m", "755", "deleters", "/usr/local/bin/deleters")  # from where others may run it
os.chown(DIR, UID, UID)


def configured(ring="32M", more=""):
    configure(RULE % (UID, ring, more))


def begin(n, seconds):
    """Starts deletions that take about so many seconds. Returns after the first few."""
    pause = seconds * 1000000 * DELETERS * THREADS // n
    numbers = map(str, (DELETERS, THREADS, n, FAIL, pause))
    p = subprocess.Popen(["deleters", DIR, *numbers], stdout=subprocess.PIPE, user=UID, group=UID)
    most = 0
    while True:
        left = len(os.listdir(DIR))
        if left < most or p.poll() is not None:
            return p
        most = max(left, most)


def end(p):
    """Waits for the deletions. Returns (name, ret) of each."""
    out = p.communicate()[0].decode()
    return collections.Counter(tuple(line.split()[1:]) for line in out.splitlines())


def active():
    for _ in range(300):
        if run("systemctl", "is-active", "unlinkwatchd", check=False).strip() == "active":
            return
        time.sleep(0.1)
    sys.exit("# the daemon does not start")


def check(title, here, happened, exact_counters=True):
    n = sum(happened.values())
    account = Account(here)
    account.settle(n, 150)
    seen, summed = account.singles, account.floods["COUNT"]
    print("# %s: %d deletions, %d recorded, %d in summaries, %d lost" %
          (title, n, account.recorded(), summed, account.lost),
          flush=True)
    equal(account.lost, 0, title + ": nothing is reported as lost")
    if summed:
        ok(not seen - happened, title + ": no deletion is recorded twice",
           list((seen - happened).items())[:5])
        equal(account.recorded() + summed, n,
              title + ": records and summaries add up to the deletions")
    else:
        ok(not seen - happened, title + ": no deletion is recorded twice",
           list((seen - happened).items())[:5])
        ok(not happened - seen, title + ": every deletion is recorded",
           sum((happened - seen).values()), list((happened - seen).items())[:5])
    now = status()["counters"]
    equal(unbalanced(now), 0, title + ": the counters balance")
    if exact_counters:
        equal((now["recorded"] + now["summarised"], now["lost"]["total"]), (counted["all"] + n, 0),
              title + ": the counters continue those of the process before")
        counted["all"] += n
    return account


counted = {"all": 0}


def processes():
    try:
        with open(PROCESSES) as f:
            return [int(line) for line in f]
    except OSError:
        return []


def kill_often(times, deleting):
    """Returns how often it killed the daemon, and how often of these while files were deleted."""
    killed = meanwhile = 0
    limit = time.monotonic() + 3 * times
    while killed < times and time.monotonic() < limit:
        for pid in processes():
            try:
                os.kill(pid, signal.SIGKILL)
                killed += 1
                meanwhile += deleting.poll() is None
            except ProcessLookupError:
                pass
        time.sleep(0.3)
    return killed, meanwhile


keep_journal()

# kill -9
for probe in ("kprobe",) if short else ("auto", "kprobe"):
    configured(more="Probe=" + probe)
    run("systemctl", "stop", "unlinkwatchd", check=False)
    counted["all"] = 0
    run("systemctl", "start", "unlinkwatchd")
    here = cursor()
    p = begin(DELETIONS, 4)
    killed, meanwhile = kill_often(KILLS, p)
    equal(killed, KILLS,
          "by %s: the daemon is killed %d times, and restarts each time" % (probe, KILLS))
    ok(meanwhile > 1, "by %s: it is killed several times while files are deleted" % probe,
       meanwhile)
    happened = end(p)
    active()
    said = check("killed, by " + probe, here, happened).said
    ok(said[CONTINUED] and not said[STARTED] + said[STOPPED],
       "killed, by %s: the daemon says that it continued without a gap" % probe)

if not short:
    # The counts of a storm continue, too.
    configure((RULE % (UID, "32M", "Probe=kprobe")) + "[Storm]\nBurst=100\nIntervalSec=2\n")
    run("systemctl", "restart", "unlinkwatchd")
    here = cursor()
    p = begin(DELETIONS, 4)
    meanwhile = kill_often(10, p)[1]
    ok(meanwhile > 1, "the daemon is killed several times in a storm", meanwhile)
    happened = end(p)
    active()
    check("killed in a storm", here, happened)

# systemctl restart
configured(more="Probe=kprobe")
run("systemctl", "restart", "unlinkwatchd")
here = cursor()
p = begin(DELETIONS, 6)
meanwhile = 0
for _ in range(RESTARTS):
    left = len(os.listdir(DIR))
    run("systemctl", "restart", "unlinkwatchd")
    meanwhile += len(os.listdir(DIR)) < left
ok(meanwhile, "the daemon is restarted while files are deleted")
happened = end(p)
check("restarted", here, happened)

if not short:
    # Settings that need new probes.
    configured(ring="16M", more="Probe=kprobe")
    here = cursor()
    p = begin(DELETIONS, 2)
    run("systemctl", "restart", "unlinkwatchd")
    happened = end(p)
    check("restarted with another ring buffer", here, happened, False)
    equal(status()["ring"]["size"], 16 << 20, "the new ring buffer has the new size")

    # An upgrade to a version with another event layout, and a downgrade.
    shutil.copy(PROGRAM, "/root/old")
    for title, program in (("upgraded", "unlinkwatchd-other"), ("downgraded", "/root/old")):
        run("install", "-m", "755", program, PROGRAM + ".new")
        os.rename(PROGRAM + ".new", PROGRAM)
        here = cursor()
        p = begin(DELETIONS, 2)
        run("systemctl", "restart", "unlinkwatchd")
        happened = end(p)
        check(title, here, happened, False)

# A real stop.
run("systemctl", "stop", "unlinkwatchd")
with open("/sys/kernel/tracing/kprobe_events") as f:
    equal(f.read(), "", "a stop leaves no probe definition")
equal(run("systemctl", "show", "-P", "NFileDescriptorStore", "unlinkwatchd").strip(), "0",
      "after a stop systemd keeps no descriptor of the daemon")
done()
