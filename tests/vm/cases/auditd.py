#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
For each line of docs/from-auditd.md, unlinkwatchd records the same deletions as the audit rules.
"""
import os
import re
import time

from uwtest import configure, cursor, equal, done, ok, run, settle, touch

ROOT, ALICE, BOB = 0, 1000, 1001
SHARE = "/srv/share/"


def table():
    """
    Yields for each line of its table: the audit rules, the section, and whether unlinkwatchd
    records more.
    """
    for line in open("from-auditd.md", encoding="utf-8"):
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if line.startswith("| `"):
            rules, keys = (re.findall(r"`([^`]*)`", cell) for cell in cells[:2])
            yield rules, keys, bool(cells[2])


def replace(path):
    touch(path + ".new")
    os.rename(path + ".new", path)


def remove(path):
    os.execv("/usr/bin/rm", ["rm", "-f", path])


# user, login user, action, path, and what to create there first
DELETIONS = [
    (ROOT, None, os.unlink, SHARE + "a", "file"),
    (ROOT, ALICE, os.unlink, SHARE + "a", "file"),
    (ROOT, ALICE, remove, SHARE + "a", "file"),
    (ALICE, ALICE, os.unlink, SHARE + "a", "file"),
    (ALICE, ALICE, os.unlink, SHARE + "one", "file"),
    (ALICE, ALICE, os.unlink, SHARE + "tmp/a", "file"),
    (ALICE, ALICE, os.rmdir, SHARE + "d", "directory"),
    (ALICE, ALICE, replace, SHARE + "one", "file"),
    (ALICE, ALICE, os.unlink, SHARE + "locked/a", "file"),
    (ALICE, ALICE, os.unlink, SHARE + "none", None),
    (BOB, None, os.unlink, "/srv/other/a", "file"),
    (BOB, None, os.rmdir, "/srv/other/d", "directory"),
    (BOB, None, os.unlink, "/etc/motd.d/a", "file"),
    (BOB, None, os.unlink, "/etc/motd", "file"),
]


def attempt(uid, login, what, path, before):
    """Runs the action in a process of that user and returns its pid."""
    if before == "file":
        touch(path)
    elif before:
        os.mkdir(path)
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return pid
    try:
        if login:
            with open("/proc/self/loginuid", "w") as f:
                f.write(str(login))
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        what(path)
    except OSError:
        pass
    os._exit(0)


def audited():
    """Returns the processes that auditd recorded, by the key of the line."""
    found = {}
    run("service", "auditd", "reload", check=False)
    with open("/var/log/audit/audit.log") as f:
        for line in f:
            m = re.match(r'type=SYSCALL .* pid=(\d+) .* key="(line\d+)"', line)
            if m:
                found.setdefault(m[2], set()).add(int(m[1]))
    return found


for name, uid in (("alice", ALICE), ("bob", BOB)):
    run("useradd", "-M", "-u", str(uid), name)
for path in (SHARE + "tmp", SHARE + "locked", "/srv/other", "/etc/motd.d"):
    os.makedirs(path, exist_ok=True)
for path in (SHARE, SHARE + "tmp", "/srv/other", "/etc/motd.d"):
    os.chmod(path, 0o777)

lines = list(table())
ok(len(lines) > 15, "the table has more than 15 lines", len(lines))
configure("".join("[Watch line%d]\n%s\n" % (n, "\n".join(k for k in keys)) for n,
                  (_, keys, _) in enumerate(lines)))
run("systemctl", "start", "auditd", "unlinkwatchd")
here = cursor()
which = {}  # pid -> the line and the deletion
for n, (rules, _, _) in enumerate(lines):
    run("auditctl", "-D")
    for rule in rules:
        run("auditctl", *rule.split(), *([] if "never," in rule else ["-k", "line%d" % n]))
    for i, deletion in enumerate(DELETIONS):
        which[attempt(*deletion)] = n, i
run("auditctl", "-D")
recorded = {}
for r in settle(here, len(which), *which):
    rules = r["UNLINK_RULE"] if isinstance(r["UNLINK_RULE"], list) else [r["UNLINK_RULE"]]
    n, i = which[int(r["UNLINK_PID"])]
    if "line%d" % n in rules:
        recorded.setdefault(n, set()).add(i)
time.sleep(1)
logged = audited()
for n, (rules, keys, more) in enumerate(lines):
    theirs = {which[pid][1] for pid in logged.get("line%d" % n, set())
              if which.get(pid, (None,))[0] == n}
    mine = recorded.get(n, set())
    title = "%s: %s" % (" ".join(rules), " ".join(keys) or "no key")
    good = theirs and (theirs < mine if more else theirs == mine)
    ok(good, title, "audit alone: %s" % [DELETIONS[i] for i in sorted(theirs - mine)],
       "unlinkwatchd alone: %s" % [DELETIONS[i] for i in sorted(mine - theirs)],
       "both: %d" % len(mine & theirs))
equal(len({i for found in recorded.values() for i in found}), len(DELETIONS),
      "each deletion is recorded for at least one line")
done()
