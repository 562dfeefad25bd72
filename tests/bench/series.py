#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The whole benchmark, in a guest whose clock counts instructions and that has the peers installed:
the rows of the table, the series by number of rules and the like, and single figures. The last line
of output is all of that as JSON.
"""
import json
import os
import time

from meter import (COUNT, DAEMON, DIR, MANY, RULES, TREE, deletion, delete, memory, prepare,
                   started, watch)
from uwtest import configure, restart, run

PEER, JOURNALD = "bench-peer", "systemd-journald"
PACKAGES = ("auditd", "bpftrace", "libbpf-tools", "inotify-tools", "systemd", "libbpf1")
STORM = 100000
SHORT = 300     # deletions for a median of scale()

BPFTRACE = """
kprobe:do_unlinkat { @n[tid] = str(((struct filename *)arg1)->name); }
kretprobe:do_unlinkat /@n[tid] != ""/ {
  printf("%s %d %d %s\\n", comm, pid, (int32)retval, @n[tid]);
  delete(@n[tid]);
}
"""

# Name, and object or command.
ATTACHED = [("empty kprobe and kretprobe: the limit", "empty_kprobe"),
            ("empty fentry and fexit: the limit", "empty_fentry"),
            ("the tutorials' kprobe and kretprobe with bpf_printk", "printk_kprobe"),
            ("the tutorials' fentry and fexit with bpf_printk", "printk_fentry")]
PRINTERS = [("bpftrace, kprobe and kretprobe, printf", ("bpftrace", "-e", BPFTRACE)),
            ("filelife (libbpf-tools)", ("filelife",)),
            ("inotifywait -m", ("inotifywait", "-m", "-r", "-e", "delete", TREE))]
AUDIT = [("auditd, rule for the system calls",
          ("-a", "always,exit", "-F", "arch=b64", "-S", "unlink,unlinkat,rmdir")),
         ("auditd, watch, file inside it", ("-w", DIR, "-p", "wa")),
         ("auditd, watch, file outside it", ("-w", TREE + "/a/c", "-p", "wa"))]

rows, scales, facts = [], [], {}
bare = {}   # costs without a listener, by directories and whether the file is missing


def note(text):
    print("# " + text, flush=True)


def baseline(dirs, missing):
    return bare.setdefault((dirs, missing), (deletion(dirs, missing=missing),
                                             delete(dirs, missing=missing, times=4)[1]))


def row(name, listener=None, dirs=(DIR,), missing=False, stop=True, key=None):
    """Measures what is attached now. `listener` is the unit that reads its records."""
    call, total = bare[dirs, missing]
    units = [u for u in (listener, JOURNALD) if u]
    figures = delete(dirs, missing=missing, units=units)
    median = deletion(dirs, missing=missing, listener=listener) if stop and listener else figures[0]
    rows.append({"name": name, "key": key, "deletion": median - call,
                 "daemon": figures[2] if listener else None,
                 "journald": figures[-1], "total": figures[1] - total})
    note("%s: %r" % (name, rows[-1]))


def await_listener(name):
    """Waits until deletions cost more. bpftrace compiles for minutes here."""
    for _ in range(60):
        time.sleep(5)
        if int(run("./unlinkcost", "50", DIR)) > bare[(DIR,), False][0] + 100:
            return
    raise SystemExit("# %s does not listen" % name)


def peer(name, argv, stop=True):
    run("systemd-run", "-q", "--collect", "--unit=" + PEER, "-p", "StandardOutput=file:/dev/null",
        "-p", "LimitMEMLOCK=infinity", "-p", "WorkingDirectory=" + os.getcwd(), *argv)
    await_listener(name)
    row(name, PEER, stop=stop)
    run("systemctl", "stop", PEER)
    time.sleep(2)


def products():
    words = {"uid": "uid not selected", "path": "path not selected, in two directories in turn",
             "new directory": "path not selected, directory not remembered",
             "failed": "failed (ENOENT), recorded"}
    for probe in ("kprobe", "fentry", "tracepoint"):
        for i, (case, (_, dirs)) in enumerate(RULES.items()):
            watch(case, probe, renew=not i)
            row("unlinkwatchd, %s: %s" % (probe, words.get(case, "recorded at Detail=" + case)),
                DAEMON, dirs, case == "failed", key=probe + "/" + case)
    run("systemctl", "stop", DAEMON)


def auditd():
    run("systemd-run", "-q", "--collect", "--unit=" + PEER, "auditd", "-n")
    time.sleep(5)
    # As in Debian's rules: auditd loses no event, as a deletion waits for it.
    run("auditctl", "-b", "8192", "--backlog_wait_time", "60000")
    for name, rule in AUDIT:
        run("auditctl", "-D")
        run("auditctl", *rule)
        row(name, PEER, stop=False)     # a kernel thread would wait for a stopped auditd
    run("auditctl", "-D")


# Series against values that should make no difference


FAR, SAME = "path not selected, not remembered", "path not selected, remembered"
NEAR = "recorded, Detail=minimal"


class Point:
    """
    One x of a series: rules, and lines (name, directories) of deletions by `jobs` processes at
    once.
    """

    def __init__(self, x, rules, lines, jobs=1):
        self.x, self.rules, self.lines, self.jobs = x, rules, lines, jobs

    def measure(self):
        return [deletion(dirs, SHORT, jobs=self.jobs) for _, dirs in self.lines]


def made(*names):
    for name in names:
        os.makedirs(TREE + name, exist_ok=True)
    return tuple(TREE + n for n in names)


def many(top, below=""):
    return made(*("%s-%02d%s" % (top, i, below) for i in range(len(MANY))))


def lines(cold, hit):
    """
    Deletions that no rule covers, in more directories than are cached or in one, and recorded ones.
    """
    return [(FAR, cold), (NEAR, hit), (SAME, cold[:1])]


def paths(count):
    return "[Watch many]\n" + "\n".join("Path=%s/p%d" % (TREE, i) for i in range(count))


def rules(count):
    return "\n".join("[Watch r%d]\nPath=%s/p%d" % (i, TREE, i) for i in range(count))


def users(count):
    return "[Watch users]\nUser=" + " ".join(str(2000 + 2 * i) for i in range(count))


def scale():
    """Measures each series. The daemon is started once, and reloaded for each point."""
    plain = lines(many("/cold"), made("/p0/x"))
    one = paths(1)
    depths = [(n, "/d" * (n - 2)) for n in (2, 8, 32)]
    jobs = [(n, *(made(*(top + "/job%d" % i for i in range(n))) for top in ("/cold", "/p0")))
            for n in (1, 4, 16)]
    series = [
        ("rules", "rules", [Point(n, rules(n), plain) for n in (1, 64)]),
        ("path prefixes", "prefixes of one rule",
         [Point(n, paths(n), plain) for n in (1, 100, 10000)]),
        ("users", "uids of one rule",
         [Point(n, users(n), [("uid not selected", (DIR,))]) for n in (1, 1000)]),
        ("depth", "components below the mount",
         [Point(n, one, lines(many("/cold%d" % n, d), made("/p0" + d))) for n, d in depths]),
        ("deleters", "processes at once",
         [Point(n, one, [(NEAR, hit), (SAME, cold)], n) for n, cold, hit in jobs]),
    ]
    without = {point: point.measure() for _, _, points in series for point in points}
    watch("minimal", "kprobe", renew=True)
    for title, unit, points in series:
        found = {}
        for point in points:
            watch("minimal", "kprobe", point.rules)
            for (name, _), cost, bare_cost in zip(point.lines, point.measure(), without[point]):
                found.setdefault(name, []).append((point.x, cost - bare_cost))
        note("%s: %r" % (title, found))
        scales.append({"title": title, "unit": unit, "lines": found})
    run("systemctl", "stop", DAEMON)


# Single figures


def storm():
    plain = delete((DIR,), STORM, wait=12)[1]
    configure("[Watch all]\nPath=%s\n[Storm]\n" % DIR)
    restart()
    facts["storm"] = delete((DIR,), STORM, wait=12)[1] - plain
    facts["memory"] = memory()
    note("storm: %d, %d KiB" % (facts["storm"], facts["memory"]))
    run("systemctl", "stop", DAEMON)


def start():
    for probe in ("kprobe", "fentry"):
        configure("[Watch all]\nPath=%s\n[Daemon]\nProbe=%s\n" % (DIR, probe))
        facts["start/" + probe] = started()
    run("systemctl", "stop", DAEMON)


def versions():
    return ["Linux " + os.uname().release, run("unlinkwatchd", "--version").splitlines()[0]] + \
        [run("dpkg-query", "-W", "-f", "${Package} ${Version}", p) for p in PACKAGES]


prepare()
for files in {dirs for _, dirs in RULES.values()}:
    baseline(files, False)
baseline((DIR,), True)
facts["bare"], facts["bare total"] = bare[(DIR,), False]
facts["count"] = COUNT
facts["versions"] = versions()
for title, program in ATTACHED:
    peer(title, ("./attach", program + ".bpf.o"), stop=False)
products()
storm()
start()
scale()
for title, command in PRINTERS:
    peer(title, command)
auditd()
print(json.dumps({"rows": rows, "scales": scales, "facts": facts}))
