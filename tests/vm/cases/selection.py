#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Which deletions a configuration selects: a table of user, operation, path, and the rules that select
it.
"""
import os
import subprocess

from uwtest import configure, cursor, deletions, done, equal, reload, restart, run, settle

for name, uid in (("alice", 1001), ("bob", 1002), ("carol", 1003), ("dave", 1500)):
    run("useradd", "-M", "-u", str(uid), name)
run("groupadd", "staff2")
run("usermod", "-aG", "staff2", "carol")
for path in ("data/keep", "data/tmp/deep", "data2", "logs", "other", "my files"):
    os.makedirs("/srv/" + path)
subprocess.run(["chmod", "-R", "a+rwx", "/srv"], check=True)

TWO_RULES = """
[Watch data]
Path=/srv/data
ExcludePath=/srv/data/tmp
User=alice 1002
[Watch logs]
Path=/srv/logs/*.log /srv/logs/**/core
Operation=unlink
Result=success
Priority=warning
"""
ALICE, BOB, CAROL, DAVE, ROOT = 1001, 1002, 1003, 1500, 0

# user, operation, name, working directory, whether the name exists, the rules that select it
U, D = "unlink", "rmdir"
TABLE = [
    (ALICE, U, "/srv/data/a", None, True, "data"),
    (BOB, U, "/srv/data/b", None, True, "data"),
    (CAROL, U, "/srv/data/c", None, True, ""),
    (DAVE, U, "/srv/data/d", None, True, ""),
    (ROOT, U, "/srv/data/e", None, True, ""),
    (ALICE, U, "/srv/data/keep/f", None, True, "data"),
    (ALICE, U, "/srv/data/tmp/g", None, True, ""),
    (ALICE, U, "/srv/data/tmp/deep/h", None, True, ""),
    (BOB, U, "/srv/data/tmp/i", None, True, ""),
    (ALICE, U, "/srv/data/tmpfile", None, True, "data"),
    (ALICE, U, "/srv/data2/j", None, True, ""),
    (ALICE, U, "/srv/data2", None, False, ""),
    (ALICE, U, "/srv/other/data/k", None, False, ""),
    (ALICE, D, "/srv/data/dir1", None, True, "data"),
    (BOB, D, "/srv/data/keep/dir2", None, True, "data"),
    (CAROL, D, "/srv/data/dir3", None, True, ""),
    (ALICE, D, "/srv/data/tmp/dir4", None, True, ""),
    (ALICE, U, "/srv/data/none", None, False, "data"),
    (BOB, D, "/srv/data/none", None, False, "data"),
    (CAROL, U, "/srv/data/none", None, False, ""),
    (ALICE, U, "a", "/srv/data", True, "data"),
    (ALICE, U, "data/b", "/srv", True, "data"),
    (ALICE, U, "g", "/srv/data/tmp", True, ""),
    (ALICE, U, "tmp/g", "/srv/data", True, ""),
    (ALICE, U, "../data/l", "/srv/logs", True, "data"),
    (ALICE, U, "../data2/m", "/srv/data", True, ""),
    (ALICE, U, "./keep/../n", "/srv/data", True, "data"),
    (BOB, U, "//srv///data//o", None, True, "data"),
    (BOB, U, "/srv/./data/./p", None, True, "data"),
    (ALICE, U, "/srv/data", None, False, "data"),
    (ROOT, U, "/srv/logs/x.log", None, True, "logs"),
    (ALICE, U, "/srv/logs/y.log", None, True, "logs"),
    (CAROL, U, "/srv/logs/z.txt", None, True, ""),
    (CAROL, U, "/srv/logs/.log", None, True, "logs"),
    (CAROL, U, "/srv/logs/gone.log", None, False, ""),
    (CAROL, D, "/srv/logs/dir.log", None, True, ""),
    (DAVE, U, "/srv/logs/core", None, True, "logs"),
    (DAVE, U, "/srv/logs/one/two/core", None, True, "logs"),
    (DAVE, U, "/srv/logs/one/score", None, True, ""),
    (DAVE, U, "/srv/logs/one/x.log", None, True, ""),
    (DAVE, U, "x.log", "/srv/logs", True, "logs"),
    (DAVE, U, "/srv/other/q", None, True, ""),
    (ALICE, D, "/srv/other/dir5", None, True, ""),
    (ALICE, U, "/srv/my files/r", None, True, ""),
    (BOB, U, "/srv/Data/s", None, False, ""),
]


def prepare(op, path):
    os.makedirs(os.path.dirname(path), mode=0o777, exist_ok=True)
    os.chmod(os.path.dirname(path), 0o777)
    if op == D:
        os.mkdir(path)
    else:
        open(path, "w").close()


def attempt(uid, op, name, directory):
    """Deletes in a process of that user. Returns its pid."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return pid
    try:
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        if directory:
            os.chdir(directory)
        os.rmdir(name) if op == D else os.unlink(name)
    except OSError:
        pass
    os._exit(0)


def rules_of(record):
    rules = record["UNLINK_RULE"]
    return " ".join(sorted(rules)) if isinstance(rules, list) else rules


def check(table, title):
    """Runs the whole table, then compares the records with each line."""
    here = cursor()
    expected = {}
    lines = {}
    for uid, op, name, directory, there, rules in table:
        path = os.path.normpath(os.path.join(directory or "/", name))
        path = "/" + path.lstrip("/")
        if there:
            prepare(op, path)
        pid = attempt(uid, op, name, directory)
        lines[pid] = "%s %s %s%s" % (uid, op, name, " in " + directory if directory else "")
        expected[pid] = [(name, path, rules)] if rules else []
    settle(here, sum(1 for e in expected.values() if e), *expected)
    records = deletions(here, *expected)
    for pid, want in expected.items():
        got = [(r["UNLINK_FILENAME"], r["UNLINK_PATH"], rules_of(r))
               for r in records if r["UNLINK_PID"] == str(pid)]
        equal(got, want, "%s: %s: %s" % (title, lines[pid], want[0][2] if want else "no record"))
    return records


configure(TWO_RULES)
restart()
records = check(TABLE, "two rules")
equal({r["PRIORITY"] for r in records if r["UNLINK_RULE"] == "logs"}, {"4"},
      "Priority=warning sets the priority of the records")
equal({r["PRIORITY"] for r in records if r["UNLINK_RULE"] == "data"}, {"6"},
      "without Priority= records have the priority info")

# After an edit and a reload: groups, ranges, exclusions, overlapping rules.
configure("""
[Watch]
Path=/srv/data
User=@staff2 1400-1600
[Watch everybody]
Path="/srv/my files"
ExcludeUser=root
Priority=err
[Watch broad]
Path=/srv
Operation=rmdir
User=carol
""")
reload()
check([
    (ALICE, U, "/srv/data/a", None, True, ""),
    (CAROL, U, "/srv/data/c", None, True, "rule1"),
    (DAVE, U, "/srv/data/d", None, True, "rule1"),
    (CAROL, D, "/srv/data/dir", None, True, "broad rule1"),
    (CAROL, D, "/srv/other/dir", None, True, "broad"),
    (DAVE, D, "/srv/other/dir6", None, True, ""),
    (ALICE, U, "/srv/my files/x", None, True, "everybody"),
    (ROOT, U, "/srv/my files/y", None, True, ""),
    (CAROL, D, "/srv/my files/z", None, True, "broad everybody"),
], "after a reload")

# A drop-in adds to a rule, and an empty value resets it.
os.makedirs("/etc/unlinkwatch.conf.d", exist_ok=True)
with open("/etc/unlinkwatch.conf.d/50-more.conf", "w") as f:
    f.write("[Watch everybody]\nExcludeUser=\nExcludeUser=alice\nPath=/srv/logs\n")
reload()
check([
    (ROOT, U, "/srv/my files/y", None, True, "everybody"),
    (ALICE, U, "/srv/my files/x", None, True, ""),
    (BOB, U, "/srv/logs/b", None, True, "everybody"),
], "with a drop-in")
os.unlink("/etc/unlinkwatch.conf.d/50-more.conf")

# User= compares the real uid, in the kernel.
configure("[Watch one]\nUser=alice\n")
reload()
here = cursor()
pids = [attempt(uid, U, "/nowhere", None) for uid in (ALICE, BOB, ROOT, DAVE)]
settle(here, 1, *pids)
equal([(r["UNLINK_UID"], r["UNLINK_USER"]) for r in deletions(here, *pids)], [("1001", "alice")],
      "User= selects by uid")
done()
