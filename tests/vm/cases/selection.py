#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Which deletions and moves a configuration selects: tables of user, operation, paths, and the rules
that select it.
"""
import ctypes
import os
import shutil
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

# ---- moves: each place has a rule of the same name

configure("""
[Watch inbox]
Path=/srv/mv/inbox
[Watch replaced]
Path=/srv/mv/replaced
Operation=rename
[Watch moved]
Path=/srv/mv/moved
Operation=move
[Watch kept]
Path=/srv/mv/kept
Operation=unlink rmdir
[Watch drafts]
Path=/srv/mv/drafts
ExcludePath=/srv/mv/drafts/tmp
[Watch logs]
Path=/srv/mv/logs/*.log
[Watch failed]
Path=/srv/mv/failed
Result=failure
[Watch alices]
Path=/srv/mv/alices
User=alice
[Watch others]
Path=/srv/mv/others
ExcludeUser=alice
[Watch deep]
Path=/srv/mv/x/above/watched
""")
TOP = "/srv/mv/"
DIRECTORIES = ("inbox/sub", "replaced", "moved", "kept", "drafts/tmp", "logs", "failed/full/x",
               "alices", "others", "free", "x/above/watched", "x/above/near", "x/beside")
R, X = 0, 2  # flags of renameat2(2): a plain rename, an exchange

# user, fsuid, flags, old name, new name, whether the new one exists, the records: operation, path
# and rule. Names that end in a slash are directories; of `none` and of /dev/shm there are none.
MOVES = [
    (ROOT, ROOT, R, "inbox/a", "free/a", False, "move inbox/a inbox"),
    (ROOT, ROOT, R, "free/b", "inbox/b", False, ""),
    (ROOT, ROOT, R, "inbox/c", "inbox/c2", False, "move inbox/c inbox"),
    (ROOT, ROOT, R, "inbox/sub/d", "free/d", False, "move inbox/sub/d inbox"),
    (ROOT, ROOT, R, "free/e", "free/e2", False, ""),
    (ROOT, ROOT, R, "inbox/f", "free/f", True, "rename free/f inbox"),
    (ROOT, ROOT, R, "free/g", "inbox/g", True, "rename inbox/g inbox"),
    (ROOT, ROOT, R, "inbox/h", "inbox/h2", True, "rename inbox/h2 inbox"),
    (ROOT, ROOT, R, "free/i", "free/i2", True, ""),
    (ROOT, ROOT, X, "inbox/j", "free/j", True, "exchange inbox/j inbox"),
    (ROOT, ROOT, X, "free/k", "inbox/k", True, "exchange inbox/k inbox"),
    (ROOT, ROOT, X, "inbox/l", "moved/l", True, "exchange inbox/l inbox, exchange moved/l moved"),
    (ROOT, ROOT, X, "free/m", "free/m2", True, ""),
    (ROOT, ROOT, R, "inbox/n", "replaced/n", True, "rename replaced/n inbox replaced"),
    (ROOT, ROOT, R, "inbox/dir/", "free/dir/", False, "move inbox/dir inbox"),
    (ROOT, ROOT, R, "free/dir2/", "inbox/dir2/", True, "rename inbox/dir2 inbox"),
    (ROOT, ROOT, R, "inbox/none", "free/o", False, "move inbox/none inbox"),
    (ROOT, ROOT, R, "free/none", "inbox/p", False, ""),
    (ROOT, ROOT, X, "free/none", "inbox/q", True, "exchange inbox/q inbox"),
    (ROOT, ROOT, R, "replaced/a", "free/ra", False, ""),
    (ROOT, ROOT, R, "replaced/b", "free/rb", True, "rename free/rb replaced"),
    (ROOT, ROOT, R, "free/rc", "replaced/c", True, "rename replaced/c replaced"),
    (ROOT, ROOT, X, "replaced/d", "free/rd", True, ""),
    (ROOT, ROOT, R, "replaced/none", "free/re", False, ""),
    (ROOT, ROOT, R, "moved/a", "free/ma", False, "move moved/a moved"),
    (ROOT, ROOT, R, "moved/b", "free/mb", True, ""),
    (ROOT, ROOT, R, "free/mc", "moved/c", True, ""),
    (ROOT, ROOT, X, "moved/d", "free/md", True, "exchange moved/d moved"),
    (ROOT, ROOT, R, "moved/none", "free/me", False, "move moved/none moved"),
    (ROOT, ROOT, R, "kept/a", "free/ka", False, ""),
    (ROOT, ROOT, R, "free/kb", "kept/b", True, ""),
    (ROOT, ROOT, R, "drafts/a", "drafts/tmp/a", False, "move drafts/a drafts"),
    (ROOT, ROOT, R, "drafts/tmp/b", "drafts/b", False, ""),
    (ROOT, ROOT, R, "drafts/tmp/c", "drafts/c", True, "rename drafts/c drafts"),
    (ROOT, ROOT, R, "drafts/d", "drafts/tmp/d", True, "rename drafts/tmp/d drafts"),
    (ROOT, ROOT, R, "drafts/tmp/e", "drafts/tmp/e2", True, ""),
    (ROOT, ROOT, X, "drafts/tmp/f", "drafts/f", True, "exchange drafts/f drafts"),
    (ROOT, ROOT, R, "logs/a.log", "logs/a.log.1", False, "move logs/a.log logs"),
    (ROOT, ROOT, R, "logs/b.new", "logs/b.log", False, ""),
    (ROOT, ROOT, R, "logs/c.new", "logs/c.log", True, "rename logs/c.log logs"),
    (ROOT, ROOT, R, "logs/d.log", "logs/d.txt", True, "rename logs/d.txt logs"),
    (ROOT, ROOT, X, "logs/e.txt", "logs/e.log", True, "exchange logs/e.log logs"),
    (ROOT, ROOT, R, "failed/a", "free/fa", False, ""),
    (ROOT, ROOT, R, "failed/none", "free/fb", False, "move failed/none failed"),
    (ROOT, ROOT, R, "failed/c", "/dev/shm/fc", False, "move failed/c failed"),
    (ROOT, ROOT, R, "failed/d", "free/fd/", True, "move failed/d failed"),
    (ROOT, ROOT, R, "free/fe/", "failed/full/", True, "rename failed/full failed"),
    (ROOT, ROOT, R, "free/ff/", "failed/full/none/x", False, ""),
    (ALICE, ALICE, R, "alices/a", "free/aa", False, "move alices/a alices"),
    (BOB, BOB, R, "alices/b", "free/ab", False, ""),
    (ROOT, ROOT, R, "alices/c", "free/ac", False, ""),
    (ROOT, ALICE, R, "alices/d", "free/ad", False, "move alices/d alices"),
    (ALICE, ALICE, R, "others/a", "free/oa", False, ""),
    (ROOT, ALICE, R, "others/b", "free/ob", False, "move others/b others"),
    (BOB, BOB, R, "others/c", "free/oc", True, "rename free/oc others"),
    (ROOT, ROOT, R, "x/above/watched/a", "free/xa", False, "move x/above/watched/a deep"),
    (ROOT, ROOT, R, "x/above/b", "free/xb", False, ""),
    (ROOT, ROOT, R, "x/above/near/", "free/near/", False, ""),
    (ROOT, ROOT, R, "x/beside/", "free/beside/", False, ""),
    (ROOT, ROOT, R, "x/above/watched/", "free/watched/", False, "move x/above/watched deep"),
    (ROOT, ROOT, R, "x/above/", "x/aside/", False, "move x/above deep"),
    (ROOT, ROOT, R, "x/above/", "free/above/", False, "move x/above deep"),
    (ROOT, ROOT, R, "x/", "y/", False, "move x deep"),
    (ROOT, ROOT, X, "x/above/", "free/other/", True, "exchange x/above deep"),
    (ROOT, ROOT, X, "free/last/", "x/", True, "exchange x deep"),
]


def place(name, there):
    """Makes the file or directory that the name shall lead to, or none."""
    path = TOP + name
    if name.startswith("/dev/") or name.endswith("none"):
        return
    if not there:
        if os.path.lexists(path.rstrip("/")):
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    elif name.endswith("/"):
        os.makedirs(path, exist_ok=True)
    elif "none" not in name:
        open(path, "w").close()


def attempt_move(uid, fsuid, flags, old, new):
    """The same for a move: names are relative to TOP."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return pid
    libc = ctypes.CDLL(None)
    os.chdir(TOP)
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    libc.setfsuid(fsuid)
    libc.renameat2(-100, old.encode(), -100, new.encode(), flags)
    os._exit(0)


def check_moves():
    here = cursor()
    expected, lines = {}, {}
    for uid, fsuid, flags, old, new, there, records in MOVES:
        for name in DIRECTORIES:
            os.makedirs(TOP + name, exist_ok=True)
        place(old, True)
        place(new, there)
        pid = attempt_move(uid, fsuid, flags, old, new)
        lines[pid] = "%s%s %s %s%s" % (uid, "" if uid == fsuid else " for %d" % fsuid,
                                       "exchange" if flags else "rename", old + " " + new,
                                       "" if there else " (new)")
        expected[pid] = records.split(", ") if records else []
    settle(here, sum(len(e) for e in expected.values()), *expected)
    records = deletions(here, *expected)
    for pid, want in expected.items():
        got = ["%s %s %s" % (r["UNLINK_OP"], r["UNLINK_PATH"].replace(TOP, "", 1), rules_of(r))
               for r in records if r["UNLINK_PID"] == str(pid)]
        equal(got, want, "moves: %s: %s" % (lines[pid], ", ".join(want) or "no record"))


for name in DIRECTORIES:
    os.makedirs(TOP + name)
subprocess.run(["chmod", "-R", "a+rwx", TOP], check=True)
reload()
check_moves()
done()
