#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Storms: few records, exact counts, and what the daemon costs a process that deletes a great deal.
UW_FILES and UW_RUNS set the size of the tree and the number of runs, whose medians are printed.
UW_NAMES is how many names each of sixteen processes deletes.
"""
import os
import statistics
import subprocess
import time

from uwtest import (DELETED, FAILED, FLOOD, Account, configure, cursor, done, equal, journal,
                    keep_journal, main_pid, ok, reload, restart, run, status)

TOP = "/srv/flood"
FILES, RUNS = int(os.environ.get("UW_FILES", "2400")), int(os.environ.get("UW_RUNS", "1"))
DIRS, BURST = 40, 100
ALL = FILES // DIRS * DIRS + DIRS + 1
MANY, PROCESSES, NAMES = "/srv/many", 16, int(os.environ.get("UW_NAMES", "2500"))


def mount():
    """
    An ext4 file system on the guest's disk, which itself has room for a hundred thousand files.
    Takes e2fsprogs.
    """
    run("truncate", "-s", "2G", "/var/tmp/disk")
    run("/sbin/mkfs.ext4", "-q", "-N", str(2 * ALL), "-E", "lazy_itable_init=0,lazy_journal_init=0",
        "/var/tmp/disk")
    run("mount", "-o", "loop", "/var/tmp/disk", os.path.dirname(TOP))


def tree():
    for d in range(DIRS):
        os.makedirs("%s/d%02d" % (TOP, d))
        for f in range(FILES // DIRS):
            os.close(os.open("%s/d%02d/f%02d" % (TOP, d, f), os.O_CREAT | os.O_WRONLY, 0o600))
    os.sync()


def remove():
    """Deletes the tree. The process id of rm, the seconds that it took, and those of CPU time."""
    start = time.monotonic()
    pid = os.posix_spawn("/usr/bin/rm", ["rm", "-rf", TOP], os.environ)
    _, _, usage = os.wait4(pid, 0)
    return pid, time.monotonic() - start, usage.ru_utime + usage.ru_stime


def settled(here, count, seconds=60):
    """
    The records of deletions and the summaries, when they add up to `count`; what there is later.
    """
    end = time.monotonic() + seconds
    while True:
        records = journal(here)
        single = [r for r in records if r.get("MESSAGE_ID") in (DELETED, FAILED)]
        floods = [r for r in records if r.get("MESSAGE_ID") == FLOOD]
        if len(single) + summed(floods, "COUNT") >= count or time.monotonic() > end:
            return single, floods
        time.sleep(0.5)


def summed(floods, what):
    return sum(int(r["UNLINK_FLOOD_" + what]) for r in floods)


def listed(v):
    """A field that may be there more than once."""
    return v if isinstance(v, list) else [v]


def wakeups():
    """Returns how often the daemon has gone to sleep until now."""
    with open("/proc/%d/status" % main_pid()) as f:
        return int(next(line for line in f
                        if line.startswith("voluntary_ctxt_switches")).split()[1])


def rule(burst, interval=5, names="yes"):
    return ("[Watch tree]\nPath=%s\nPriority=notice\n[Storm]\nBurst=%d\nIntervalSec=%d\n"
            "Names=%s\n" %
            (TOP, burst, interval, names))


def hogs():
    """Starts shells that wait. Each deletes a tree of its own when its input is closed."""
    shells = []
    for s in range(PROCESSES):
        top = "%s/storm%d" % (MANY, s)
        os.mkdir(top)
        for f in range(NAMES):
            os.close(os.open("%s/storm%d-%d" % (top, s, f), os.O_CREAT | os.O_WRONLY, 0o600))
        shells.append(subprocess.Popen(["setsid", "sh", "-c", "read x; rm -r %s; :" % top],
                                       stdin=subprocess.PIPE))
    return shells


def at_once(title):
    """Sixteen processes delete as fast as they can: with the configuration as it is installed."""
    shells, here, lost = hogs(), Account(cursor()), status()["counters"]["lost"]["total"]
    if title == "journald stopped":
        run("systemctl", "kill", "-s", "STOP", "systemd-journald")
    start = time.monotonic()
    for s in shells:
        s.stdin.close()
    for s in shells:
        s.wait()
    print("# %s: %d processes deleted %d names each in %.1f s" %
          (title, PROCESSES, NAMES, time.monotonic() - start), flush=True)
    if title == "journald stopped":
        time.sleep(max(0, start + 10 - time.monotonic()))
        run("systemctl", "kill", "-s", "CONT", "systemd-journald")
    here.settle(PROCESSES * (NAMES + 1))
    count = sum(n for (name, _), n in here.singles.items() if name.startswith("storm"))
    equal((count + here.floods["COUNT"], here.lost,
           status()["counters"]["lost"]["total"] - lost), (PROCESSES * (NAMES + 1), 0, 0),
          "%s: sixteen busy processes make the daemon lose nothing" % title)


keep_journal()
os.mkdir(MANY)
run("mount", "-t", "tmpfs", "tmpfs", MANY)
run("sysctl", "-w", "kernel.sched_autogroup_enabled=1")
restart()
for title in ("journald running", "journald stopped"):
    at_once(title)
run("umount", MANY)

if ALL > 100000:
    mount()

# What it costs rm: under emulation, for the eye only.
times = {}
states = [("stopped", None), ("recording each", 0), ("with floods", BURST)]
if ALL > 5000:
    del states[1]
for title, burst in states * RUNS:
    run("systemctl", "stop", "unlinkwatchd", check=False)
    tree()
    if burst is not None:
        configure(rule(burst))
        restart()
    here = cursor()
    before = wakeups() if burst else 0
    pid, wall, cpu = remove()
    taken = wakeups() - before if burst else 0
    times.setdefault(title, []).append((wall, cpu))
    print("# daemon %s: rm -rf of %d names took %.3f s, %.3f s of CPU time" % (title, ALL, wall,
                                                                               cpu), flush=True)
    if burst is None:
        equal(([r["MESSAGE"] for r in journal(here)], os.path.exists(TOP), main_pid()),
              ([], False, 0),
              "a stopped daemon records nothing of it")
        continue
    single, floods = settled(here, ALL)
    records = len(journal(here))
    if burst == 0:
        equal((len(single), len(floods)), (ALL, 0), "with Burst=0 each deletion has its record")
        continue
    equal(len(single) + summed(floods, "COUNT"), ALL,
          "records and summaries are as many as %d deletions" % ALL)
    equal(status()["counters"]["lost"]["total"], 0, "nothing is lost")
    ok(records <= 200, "in at most 200 records", records)
    print("# in the journal: %d records, %d of them summaries" % (records, len(floods)), flush=True)
medians = {title: [statistics.median(t) for t in zip(*runs)] for title, runs in times.items()}
for title, (wall, cpu) in medians.items():
    print("# daemon %s, median: %.3f s (%+.1f %%), %.3f s of CPU time (%+.1f %%)" %
          (title, wall, 100 * (wall / medians["stopped"][0] - 1), cpu,
           100 * (cpu / medians["stopped"][1] - 1)))

equal(len(single), BURST, "the first %d of a flood are recorded in full" % BURST)
equal(summed(floods, "COUNT"), ALL - BURST, "the summaries count the rest exactly")
equal((summed(floods, "SUCCEEDED"), summed(floods, "FAILED"), summed(floods, "UNKNOWN")),
      (ALL - BURST, 0, 0),
      "all of which succeeded")
ok(1 <= len(floods) <= 4 + wall, "there are few summaries", len(floods))
ok(taken < BURST + ALL // 4, "the daemon wakes up for many at once", "%d times" % taken)
f = floods[-1]
equal({k: f.get(k) for k in ("UNLINK_FLOOD_PID", "UNLINK_PPID", "UNLINK_COMM", "UNLINK_EXE",
                             "UNLINK_UID", "UNLINK_USER", "UNLINK_RULE", "PRIORITY",
                             "UNLINK_FLOOD_LAST")},
      {"UNLINK_FLOOD_PID": str(pid), "UNLINK_PPID": str(os.getpid()), "UNLINK_COMM": "rm",
       "UNLINK_EXE": "/usr/bin/rm", "UNLINK_UID": "0", "UNLINK_USER": "root", "UNLINK_RULE": "tree",
       "PRIORITY": "5", "UNLINK_FLOOD_LAST": TOP},
      "a summary says who it was, and the last path")
ok(f["UNLINK_FLOOD_FIRST"].startswith(TOP + "/d") and
   all(r["UNLINK_FLOOD_DIR"].startswith(os.path.dirname(TOP)) for r in floods),
   "and the first, and the directory that all have in common", floods)
ok(all(0 <= int(r["UNLINK_FLOOD_END"]) - int(r["UNLINK_FLOOD_BEGIN"]) < 10e9 and
       abs(int(r["UNLINK_FLOOD_END"]) / 1e9 - time.time()) < 120 for r in floods),
   "and when it was", floods)
ok("more names below %s" % f["UNLINK_FLOOD_DIR"] in f["MESSAGE"], "in a sentence", f["MESSAGE"])
counters = status()["counters"]
equal((counters["recorded"], counters["summarised"], counters["lost"]["total"]),
      (BURST, ALL - BURST, 0),
      "the counters of the status say the same")

# Many short processes of one parent are one flood, and their failed attempts another one; a reload
# ends both.
configure(rule(20, 600, "no"))
restart()
os.makedirs(TOP)
here = cursor()
script = "cd %s; for i in %s; do touch f$i; rm f$i; rm f$i; done" % (TOP,
                                                                     " ".join(str(i)
                                                                              for i in range(40)))
subprocess.run(["sh", "-c", script], stderr=subprocess.DEVNULL)
single, floods = settled(here, 40, 10)
time.sleep(1)
single, floods = settled(here, 40)
equal((sum(r["MESSAGE_ID"] == DELETED for r in single), len(single), len(floods)), (20, 40, 0),
      "short processes of one parent: the first 20 of 40 deletions are recorded in full, and the "
      "first 20 of 40 failed attempts")
configure(rule(20, 601, "no"))
reload()
single, floods = settled(here, 80)
equal(len(single), 40, "a reload does not record what is summarised")
equal(sorted((r["UNLINK_FLOOD_COUNT"], r["UNLINK_FLOOD_SUCCEEDED"], r["UNLINK_FLOOD_FAILED"])
             for r in floods),
      [("20", "0", "20"), ("20", "20", "0")], "it ends the floods with a summary for each")
equal(len(listed(floods[0]["UNLINK_FLOOD_PID"])), 16, "which names sixteen of the processes")

# Stopping ends a flood as well, and other programs are not part of it.
here = cursor()
for i in range(50):
    open("%s/g%d" % (TOP, i), "w").close()
for i in range(50):
    os.unlink("%s/g%d" % (TOP, i))
subprocess.run(["rmdir", TOP])
run("systemctl", "stop", "unlinkwatchd")
single, floods = settled(here, 51)
equal((len(single), summed(floods, "COUNT")), (21, 30),
      "a stop writes the last summary; another program has its record")
ok(any("summarised: 70, lost: 0" in r["MESSAGE"] for r in journal(here)),
   "the last count has the summarised ones",
   [r["MESSAGE"] for r in journal(here)][-1])
done()
