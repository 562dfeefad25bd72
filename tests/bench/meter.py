# SPDX-License-Identifier: MIT
"""Shared by the benchmarks: measures a deletion in a guest whose clock counts instructions."""
import os
import re
import signal
import subprocess
import time

from uwtest import configure, main_pid, reload, restart, run

TREE = "/mnt"                   # a tmpfs, one mount below the root
DIR = TREE + "/a/b"             # so that a file in it has four components
BESIDE = TREE + "/a/c"
# more directories than the kernel side caches
MANY = tuple("%s/a/%02d" % (TREE, i) for i in range(99))
COUNT = 500
DAEMON = "unlinkwatchd"
MISSED = "/none"                # for a rule that covers another directory of the same file system

# For each case: its rule, and the directories in which files are deleted in turn.
RULES = {
    "uid": ("User=4242", (DIR,)),
    "path": ("Path=" + TREE + MISSED, (DIR, BESIDE)),
    "new directory": ("Path=" + TREE + MISSED, MANY),
    "minimal": ("Path=" + DIR, (DIR,)),
    "standard": ("Path=" + DIR, (DIR,)),
    "full": ("Path=" + DIR, (DIR,)),
    "failed": ("Result=failure", (DIR,)),
}


def prepare():
    run("systemctl", "stop", DAEMON)
    run("mount", "-t", "tmpfs", "-o", "size=512M,nr_inodes=0", "tmpfs", TREE)
    for path in (DIR, BESIDE, *MANY):
        os.makedirs(path)


def watch(case, probe, rules=None, extra="", renew=False):
    """
    Puts a case of RULES, or other rules, in force: by a restart if `renew` is set, or else by a
    reload.
    """
    detail = case if case in ("minimal", "full") else "standard"
    text = rules or "[Watch cost]\n" + RULES[case][0]
    configure("%s\n[Daemon]\nProbe=%s\nDetail=%s\n%s" % (text, probe, detail, extra))
    restart() if renew else reload()


def stat_of(unit, name="cpu.stat"):
    return "/sys/fs/cgroup/system.slice/%s.service/%s" % (unit, name)


def delete(dirs, count=COUNT, missing=False, units=(), wait=2, times=1):
    """
    Returns per deletion: the median cost of the call to the process; the work of all CPUs until
    every record was written; and each unit's part of that. Of several runs it takes the one with
    the least work by others.
    """
    argv = ["./unlinkcost"] + (["-m"] if missing else [])
    args = [arg for unit in units for arg in ("-u", stat_of(unit))]
    run(*argv, "200", *dirs)    # to warm up
    found = [[int(n) for n in run(*argv, "-t", str(wait), *args, str(count), *dirs).split()]
             for _ in range(times)]
    return min(found, key=lambda figures: figures[1])


def kill(unit, number):
    """Signals the processes of a unit. Returns False if it has none."""
    try:
        with open(stat_of(unit, "cgroup.procs")) as f:
            pids = f.read().split()
    except FileNotFoundError:
        return False
    for pid in pids:
        os.kill(int(pid), number)
    return bool(pids)


def deletion(dirs=(DIR,), count=COUNT, missing=False, jobs=1, listener=DAEMON, rename=False):
    """
    The cost of the call alone, as in a burst: the listener is stopped, so that the call need not
    wake it up. With several jobs at once, each in its own directory of `dirs`, the mean of their
    medians.
    """
    argv = ["./unlinkcost"] + (["-m"] if missing else []) + (["-r"] if rename else [])
    run(*argv, "200", *dirs)
    time.sleep(1)   # until the listener has read all earlier records
    stopped = kill(listener, signal.SIGSTOP)
    if jobs == 1:
        cost = int(run(*argv, str(count), *dirs))
    else:
        processes = [subprocess.Popen([*argv, str(count), d], stdout=subprocess.PIPE) for d in dirs]
        cost = sum(int(p.communicate()[0]) for p in processes) // jobs
    if stopped:
        kill(listener, signal.SIGCONT)
    return cost


def record(count=400):
    """
    The cost of a record to the daemon, in a burst that journald has room for, so that it does not
    wake up for each. The least of some short runs, as its periodic work may come in between.
    """
    costs = []
    for _ in range(12):
        kill(DAEMON, signal.SIGSTOP)
        run("./unlinkcost", str(count), DIR)
        before = used(DAEMON)
        kill(DAEMON, signal.SIGCONT)
        time.sleep(0.25)    # it is done in half of that
        costs.append((used(DAEMON) - before) // count)
    return min(costs)


def counted(count=4000):
    """
    The cost of a deletion of a storm to the daemon, with all its wake-ups. The least of a few runs,
    as above.
    """
    costs = []
    for _ in range(3):
        before = used(DAEMON)
        run("./unlinkcost", str(count), DIR)
        time.sleep(1)
        costs.append((used(DAEMON) - before) // count)
    return min(costs)


def memory():
    """The daemon's resident memory without the ring buffer, in KiB."""
    with open("/proc/%d/smaps" % main_pid()) as f:
        parts = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", f.read(), flags=re.M)
    return sum(int(re.search(r"^Rss: +(\d+)", p, re.M)[1]) for p in parts if p and
               "bpf-map" not in p.split("\n")[0])


def started():
    """Instructions from the daemon's start until it is ready."""
    restart()
    return used(DAEMON)


def used(unit):
    """CPU time of a unit since its start, in instructions."""
    with open(stat_of(unit)) as f:
        return 1000 * int(re.search(r"^usage_usec (\d+)", f.read(), re.M)[1])
