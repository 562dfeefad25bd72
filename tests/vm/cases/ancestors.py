#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Who is above the process that deletes, for many ways to start one. The process itself reads /proc
just before it deletes: its log is what the record has to say. UW_FORKS is the number of processes
that run while numbers are used again and again.
"""
import ctypes
import json
import os
import re
import shutil
import subprocess
import time

from uwtest import (configure, cursor, deletions, done, drained, equal, in_child, keep_journal,
                    need, ok, preempts, restart, run, settle, touch)
from uwwitness import parse

DIR = "/srv/chain"
WITNESS = os.path.abspath("uwwitness.py")
FORKS = int(os.environ.get("UW_FORKS", "5000"))
PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 15, 36
libc = ctypes.CDLL(None)


def sh(script, shell="sh", **more):
    return subprocess.run([shell, "-c", script], check=True, **more)


def called(name):
    """A shell with another name: that of a program which runs others."""
    path = "/usr/local/bin/" + name
    shutil.copy("/bin/dash", path)
    return path


def rename_and_run(name, w):
    libc.prctl(PR_SET_NAME, name, 0, 0, 0)
    sh(w + "; true")


def subreaper(w):
    """The shell ends, and this process adopts what it has started."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    sh("%s wait $$ & true" % w)
    os.wait()


def killed_parent(w):
    p = subprocess.Popen(["sh", "-c", w + " wait $$; true"])
    need(lambda: run("pgrep", "-P", str(p.pid), check=False), "a child")
    p.kill()
    p.wait()


def nested(w, levels):
    for _ in range(levels):
        w = "sh -c '%s; true'" % w.replace("'", "'\\''")
    sh(w)


def timer(w):
    run("systemd-run", "--quiet", "--on-active=1", "--timer-property=AccuracySec=10ms",
        *w.split())


# Each gets the command line of the witness. What comes later is for a process that outlives this.
ORIGINS = {
    "a shell": lambda w: sh(w + "; true"),
    "a subshell": lambda w: sh("(%s; true); true" % w),
    "a pipeline": lambda w: sh("true | %s; true" % w),
    "in the background": lambda w: sh("%s & wait" % w),
    "exec": lambda w: sh("exec " + w),
    "bash": lambda w: sh(w + "; true", shell="bash"),
    "command substitution": lambda w: sh("x=$(%s; true)" % w),
    "a trap": lambda w: sh("trap '%s; true' EXIT" % w),
    "env": lambda w: sh("env A=b %s; true" % w),
    "nice": lambda w: sh("nice %s; true" % w),
    "nohup": lambda w: sh("nohup %s; true" % w),
    "setsid": lambda w: sh("setsid -w %s; true" % w),
    "timeout": lambda w: sh("timeout 60 %s" % w),
    "flock": lambda w: sh("flock /run/lock/chain %s" % w),
    "xargs -P": lambda w: sh("echo a | xargs -P 4 -I x %s" % w),
    "find -exec": lambda w: sh("find /etc/hostname -exec %s ';'" % w),
    "su": lambda w: sh('su -s /bin/sh -c "%s; true"' % w),
    "setpriv": lambda w: sh("setpriv --no-new-privs sh -c '%s; true'" % w),
    "chroot": lambda w: sh("chroot / %s" % w),
    "a pid namespace": lambda w: sh("unshare -p -f %s" % w),
    "a mount namespace": lambda w: sh("unshare -m sh -c '%s; true'" % w),
    "a user namespace": lambda w: sh("unshare -U -r sh -c '%s; true'" % w),
    "nsenter": lambda w: sh("nsenter -t 1 -m %s" % w),
    "a service": lambda w: run("systemd-run", "--quiet", "--wait", *w.split()),
    "a scope": lambda w: run("systemd-run", "--quiet", "--scope", *w.split()),
    "a timer": timer,
    "a child of a fork": lambda w: in_child(lambda: sh(w)),
    "posix_spawn": lambda w: os.waitpid(os.posix_spawn(w.split()[0], w.split(), os.environ), 0),
    "a thread": lambda w: sh(w + " thread; true"),
    "an orphan": lambda w: sh("setsid %s wait $$ & true" % w),
    "an orphan of a subreaper": lambda w: in_child(lambda: subreaper(w)),
    "an orphan whose parent was killed": killed_parent,
    "a script below an agent": lambda w: sh("%s -c 'sh -c \"bash -c \\\"%s; true\\\"; true\"; true'"
                                            % (called("claude"), w)),
    "a name that looks like a chain": lambda w: in_child(lambda: rename_and_run(b"x[1] < y", w)),
    "a name with odd bytes": lambda w: in_child(lambda: rename_and_run(b'\x1b[2J"\\\xff\n', w)),
    "a name of no bytes": lambda w: in_child(lambda: rename_and_run(b"", w)),
    "more levels than are recorded": lambda w: nested(w, 5),
}


def witnessed(path):
    with open(path + ".log") as f:
        log = json.load(f)
    return log["pid"], [tuple(above) for above in log["chain"]]


def check_origins(probe):
    here = cursor()
    paths = {}
    for i, (origin, start) in enumerate(ORIGINS.items()):
        path = "%s/%s-%d" % (DIR, probe, i)
        touch(path)
        paths[origin] = path
        start("%s %s" % (WITNESS, path))
        need(lambda path=path: not os.path.exists(path), "the deletion by " + origin)
    settle(here, len(paths))
    found = {r["UNLINK_PATH"]: r for r in deletions(here) if r.get("UNLINK_PATH")}
    for origin, path in paths.items():
        record = found.get(path, {})
        pid, chain = witnessed(path)
        equal((int(record["UNLINK_PID"]), parse(record.get("UNLINK_ANCESTORS", ""))),
              (pid, chain[:8]), "%s: %s" % (probe, origin))
    return found, paths


def check_index(found, path):
    """Each name once, however the journal orders them, and no process 1."""
    record = found[path]
    names = record["UNLINK_ANCESTOR"]
    names = names if isinstance(names, list) else [names]
    wanted = {name for name, pid in parse(record["UNLINK_ANCESTORS"]) if pid != 1}
    equal((len(names), set(names)), (len(wanted), wanted), "the index has each ancestor once")


def each(*arguments):
    """Yields the answers of unlinkwatchctl. There may be many."""
    with subprocess.Popen(["unlinkwatchctl", "who", "--json", *arguments, DIR + "/"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as p:
        for line in p.stdout:
            yield json.loads(line)


def who(*arguments):
    return list(each(*arguments))


def check_under(found, paths):
    path = paths["a script below an agent"]
    agent = [pid for name, pid in parse(found[path]["UNLINK_ANCESTORS"]) if name == "claude"]
    of_agents = [r["path"] for r in who("--under=claude")]
    ok(path in of_agents and {os.path.basename(p).split("-")[1] for p in of_agents} ==
       {path.split("-")[1]}, "--under= with a name", of_agents)
    equal([r["path"] for r in who("--under=%d" % agent[0])], [path], "--under= with a number")
    equal(who("--under=claud"), [], "--under= with a part of a name")
    lines = run("unlinkwatchctl", "who", path).splitlines()
    shown = [line.split(None, 1)[1] for line in lines if line.startswith("    chain ")]
    equal(shown, ["%(UNLINK_COMM)s[%(UNLINK_PID)s] < %(UNLINK_ANCESTORS)s" % found[path]],
          "who shows the chain")
    stats = run("unlinkwatchctl", "stats", "--by=ancestor", "-n", "all")
    ok(re.search(r"^ +\d+ +\d+ +claude$", stats, re.M), "stats counts by ancestor", stats)


def check_rule():
    """A rule for an agent, and what a storm below it leaves."""
    configure("[Watch agent]\nAncestor=claude\nPath=%s\n[Storm]\nBurst=5\nIntervalSec=1\n" % DIR)
    restart()
    sh("%s -c 'mkdir -p %s/t; cd %s/t; for i in $(seq 50); do : > $i; done; rm -rf ../t; true'" %
       ("/usr/local/bin/claude", DIR, DIR))
    touch(DIR + "/other")
    os.unlink(DIR + "/other")
    need(lambda: len(who("--under=claude", "--rule=agent")) == 51, "the names of a storm")
    names = who("--rule=agent")
    equal(sorted(r["path"] for r in names), sorted(["%s/t" % DIR] + ["%s/t/%d" % (DIR, i + 1)
                                                                     for i in range(50)]),
          "Ancestor= selects what is below a process, and each name of a storm has its ancestors")


def check_reuse(probe):
    with open("/proc/sys/kernel/pid_max") as f:
        before = f.read()
    with open("/proc/sys/kernel/pid_max", "w") as f:
        f.write("400")  # after the first round, the kernel gives no numbers below 300
    began = time.time()
    run("./generations", DIR, str(FORKS))
    with open("/proc/sys/kernel/pid_max", "w") as f:
        f.write(before)
    print("# %d processes in %.0f s" % (FORKS, time.time() - began))
    drained()
    run("journalctl", "--sync")
    wrong, parents, seen = [], set(), 0
    for r in each("--since=@%d" % began):
        m = re.fullmatch(DIR + r"/(gen\d+)-(\d+)-\d+", r["path"])
        if not m:
            continue
        seen += 1
        parents.add(m[2])
        if not r["ancestors"].startswith("%s[%s] < " % (m[1], m[2])):
            wrong.append("%s: %s" % (r["path"], r["ancestors"]))
    equal(seen, FORKS, "%s: each of %d processes has its record" % (probe, FORKS))
    ok(not wrong, "%s: no wrong parent in %d processes" % (probe, FORKS), *wrong[:9])
    ok(len(parents) < FORKS / 10, "%s: numbers were used again" % probe,
       "%d of %d" % (len(parents), FORKS / 10))


keep_journal()
os.makedirs(DIR)
for name in ("kprobe",) if preempts() else ("kprobe", "fentry"):
    configure("[Watch chain]\nPath=%s\n[Daemon]\nProbe=%s\n[Storm]\nBurst=100000\n" % (DIR, name))
    restart()
    records, places = check_origins(name)
check_index(records, places["a script below an agent"])
check_under(records, places)
check_reuse(name)
check_rule()
done()
