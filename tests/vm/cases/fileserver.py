#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Clients of Samba and NFS-Ganesha delete, move and replace files. Each record has the client's user,
and for Samba leads to its address. The configurations and commands are those of docs/fileserver.md.
"""
import ctypes
import os
import re
import subprocess
import time

from uwtest import CONF, cursor, deletions, done, equal, need, ok, restart, run, settle

ROOT, ALICE, BOB, NOBODY = 0, 1000, 1001, 65534
NAMES = {ROOT: "root", ALICE: "alice", BOB: "bob", NOBODY: "nobody"}
ERRORS = {-1: "Operation not permitted (EPERM)", -39: "Directory not empty (ENOTEMPTY)"}
# A line of each configuration on the page, and its file.
FILES = {"[Watch shares]": CONF, "[global]": "/etc/samba/smb.conf",
         "EXPORT {": "/etc/ganesha/ganesha.conf"}
# More rules, for most of /srv/share.
RULES = """[Watch users]
Path=/srv/share
ExcludePath=/srv/share/office
User=1000-59999
[Watch not-root]
Path=/srv/share
ExcludePath=/srv/share/office
ExcludeUser=root
"""
ALL = ("shares", "users", "not-root")
CIFS, NFS = "/mnt/{user}/{share}", "/mnt/nfs"
# The steps of a client, for smbclient and for a process.
SMBCLIENT = {"unlink": "rm %s", "rename": "rename %s %s", "replace": "rename %s %s -f",
             "rmdir": "rmdir %s"}
PROCESS = {"unlink": os.unlink, "rename": os.rename, "replace": os.rename, "rmdir": os.rmdir}

wanted = {}  # path -> title, fields and sentence of its only record
pid = ""     # what the page's commands find in $PID


# ---- the page

def read_page():
    """
    Writes the configurations of the page to their files. Returns its commands and the records that
    it shows.
    """
    with open("fileserver.md", encoding="utf-8") as f:
        blocks = re.findall(r"^((?:    .*\n|\n(?=    ))+)", f.read(), re.M)
    typed, records = [], []
    for block in blocks:
        lines = [line[4:] for line in block.strip("\n").split("\n")]
        target = next((FILES.pop(line) for line in lines if line in FILES), None)
        if target:
            with open(target, "w", encoding="utf-8") as f:
                f.write("\n".join(lines) + "\n")
        elif re.match(r"\w+\[\d+\] ", lines[0]):
            records += lines
        else:
            typed += lines
    return typed, records


def type_in(command, pattern):
    r = subprocess.run(["sh", "-c", command], env=dict(os.environ, PID=pid), text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    ok(r.returncode == 0 and re.search(pattern, r.stdout, re.S), "the page's command: " + command,
       "status %d" % r.returncode, r.stdout)


def without_pid(message):
    return re.sub(r"\[\d+\]", "", message, count=1)


# ---- what is wanted

def samba(uid):
    """The fields of a record by smbd, which keeps its real gid, and how it names the user."""
    return {"VIA": "syscall", "COMM": "smbd", "UNIT": "smbd.service", "UID": str(uid), "GID": "0",
            "EUID": str(uid), "FSUID": None, "FSGID": str(uid), "USER": NAMES[uid]}, NAMES[uid]


def ganesha(uid):
    """The same for ganesha.nfsd, whose threads keep both of their real ids."""
    return {"VIA": "syscall", "COMM": "ganesha.nfsd", "UNIT": "nfs-ganesha.service", "UID": "0",
            "GID": "0", "EUID": str(uid), "FSUID": str(uid), "FSGID": str(uid),
            "USER": NAMES[uid]}, "root for " + NAMES[uid]


def want(title, server, op, path, other=None, *, ret=0, kind="", rules=ALL):
    """Expects one record for this path. other: the new path, or what replaces the file."""
    fields, who = server
    text = {"unlink": "removed {0}", "rmdir": "removed directory {0}",
            "move": "moved {2}{0} to {1}", "rename": "replaced {0} with {1}"}[op]
    text = text.format(path, other, kind)
    if ret:
        text = "could not %s: %s" % (text.replace("removed", "remove"), ERRORS[ret])
    fields = {**fields, "OP": op, "PATH": path, "PATH_STATE": "resolved", "RET": str(ret),
              "MOVED_TO": other if op == "move" else None,
              "REPLACED_BY": other if op == "rename" else None,
              "RULE": list(rules) if len(rules) > 1 else rules[0]}
    wanted[path] = title, fields, "(%s) %s" % (who, text)


def check(start):
    """Compares all records with what is wanted. Returns them by their paths."""
    settle(start, len(wanted))
    time.sleep(1)  # for records that must not come
    found = {}
    for r in deletions(start):
        found.setdefault(r["UNLINK_PATH"], []).append(r)
    for path, (title, fields, text) in wanted.items():
        some = found.get(path, [])
        if ok(len(some) == 1, title + ": one record", *some):
            equal({key: some[0].get("UNLINK_" + key) for key in fields}, fields,
                  title + ": its fields")
            equal(some[0]["MESSAGE"], "%s[%s] %s" % (fields["COMM"], some[0]["UNLINK_PID"], text),
                  title + ": its sentence")
    ok(not found.keys() - wanted.keys(), "there are no other records",
       *(r["MESSAGE"] for path in found.keys() - wanted.keys() for r in found[path]))
    return {path: some[0] for path, some in found.items()}


# ---- clients

def make(path, uid):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write("text")
    os.chown(path, uid, uid)


def make_directory(path, uid, mode=0o755):
    os.makedirs(path)
    os.chown(path, uid, uid)
    os.chmod(path, mode)


def below(directory, steps):
    """The same steps with names below the directory."""
    return [(step, *("%s/%s" % (directory, name) for name in names)) for step, *names in steps]


def smbclient(uid, share, steps):
    """smbclient takes the steps. Returns how many failed."""
    typed = "; ".join(SMBCLIENT[step] % tuple(names) for step, *names in steps)
    return run("smbclient", "-U", NAMES[uid] + "%secret", "//127.0.0.1/" + share, "-c", typed,
               check=False).count("NT_STATUS_")


def log_in(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def process(uid, steps, become=log_in):
    """A process that has become the user takes the steps. Returns how many failed."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    failed = 255
    try:
        become(uid)
        failed = 0
        for step, *names in steps:
            try:
                PROCESS[step](*names)
            except OSError:
                failed += 1
    finally:
        os._exit(failed)


def cifs(uid, share, steps):
    return process(uid, below(CIFS.format(user=NAMES[uid], share=share), steps))


def nfs(uid, _share, steps):
    return process(uid, below(NFS, steps))


# ---- what they do

def everything(title, client, server, uid):
    """A client takes every kind of step in a directory of its own."""
    name = title.replace(" ", "-")
    top = "/srv/share/" + name
    for directory in ("", "/old", "/empty", "/full", "/full/sub", "/project"):
        make_directory(top + directory, uid)
    for file in ("file", "plan", "report", "target", "new", "project/a"):
        make("%s/%s" % (top, file), uid)
    steps = [("unlink", "file"), ("rename", "plan", "plan2"), ("rename", "report", "old/report"),
             ("rename", "project", "old/project"), ("replace", "new", "target"), ("rmdir", "empty"),
             ("rmdir", "full")]
    equal(client(uid, "share", below(name, steps)), 1, title + ": all steps but the last succeed")
    who = server(uid)
    want(title + ": a deletion", who, "unlink", top + "/file")
    want(title + ": a new name in the directory", who, "move", top + "/plan", top + "/plan2")
    want(title + ": a move", who, "move", top + "/report", top + "/old/report")
    want(title + ": a move of a directory", who, "move", top + "/project", top + "/old/project",
         kind="directory ")
    want(title + ": a rename that replaces", who, "rename", top + "/target", top + "/new")
    want(title + ": rmdir", who, "rmdir", top + "/empty")
    if server is ganesha:  # smbd looks into the directory first, and does not try
        want(title + ": rmdir of a directory that is not empty", who, "rmdir", top + "/full",
             ret=-39)


def recycle():
    """A deletion in the share [team] is a move, unless Samba fails to make the directory for it."""
    for uid, name in ((ALICE, "plan.txt"), (ALICE, "other.txt"), (BOB, "bob.txt")):
        make("/srv/team/" + name, uid)
    make_directory("/srv/team/empty", BOB)
    failed = cifs(ALICE, "team", [("unlink", "plan.txt")])
    failed += smbclient(BOB, "team", [("unlink", "bob.txt"), ("rmdir", "empty")])
    os.chmod("/srv/team/.recycle", 0o700)
    failed += cifs(ALICE, "team", [("unlink", "other.txt")])
    equal(failed, 0, "recycle: all steps succeed")
    for uid, name in ((ALICE, "plan.txt"), (BOB, "bob.txt")):
        want("recycle: a deletion by " + NAMES[uid], samba(uid), "move", "/srv/team/" + name,
             "/srv/team/.recycle/%s/%s" % (NAMES[uid], name), rules=("shares",))
    want("recycle: rmdir", samba(BOB), "rmdir", "/srv/team/empty", rules=("shares",))
    want("recycle: a deletion of a file that Samba cannot move", samba(ALICE), "unlink",
         "/srv/team/other.txt", rules=("shares",))


def office():
    """How Word saves a document and closes it. The page's rule excludes all names but one."""
    top = "/srv/share/office"
    for name in ("a.docx", "~WRD0001.tmp", "~$a.docx"):
        make("%s/%s" % (top, name), BOB)
    os.chown(top, BOB, BOB)
    steps = [("rename", "a.docx", "~WRL0002.tmp"), ("rename", "~WRD0001.tmp", "a.docx"),
             ("unlink", "~WRL0002.tmp"), ("unlink", "~$a.docx")]
    equal(smbclient(BOB, "share", below("office", steps)), 0, "Word: all steps succeed")
    want("Word: a save", samba(BOB), "move", top + "/a.docx", top + "/~WRL0002.tmp",
         rules=("shares",))


def refusals():
    """smbd refuses by itself. Ganesha leaves it to the kernel, here for the root of a client."""
    make("/srv/share/locked/file", ROOT)
    equal(smbclient(ALICE, "share", [("unlink", "locked/file")]), 1,
          "Samba refuses to delete a file, which leaves no record")
    make("/srv/share/sticky/alice", ALICE)
    make("/srv/share/sticky/nobody", NOBODY)
    os.chmod("/srv/share/sticky", 0o1777)
    equal(nfs(ROOT, "share", [("unlink", "sticky/alice"), ("unlink", "sticky/nobody")]), 1,
          "the kernel refuses one of two deletions by the root of an NFS client")
    want("the root of an NFS client may not delete the file of alice", ganesha(NOBODY), "unlink",
         "/srv/share/sticky/alice", ret=-1, rules=("shares", "not-root"))
    want("the root of an NFS client may delete the file of nobody", ganesha(NOBODY), "unlink",
         "/srv/share/sticky/nobody", rules=("shares", "not-root"))


def report():
    """alice moves a file by Samba. bob removes it by NFS while his client has it open."""
    make("/srv/share/report.csv", ALICE)
    make_directory("/srv/share/old", BOB, 0o777)
    failed = cifs(ALICE, "share", [("rename", "report.csv", "old/report.csv")])
    with open(NFS + "/old/report.csv"):
        failed += nfs(BOB, "share", [("unlink", "old/report.csv")])
        hidden = [n for n in os.listdir("/srv/share/old") if n.startswith(".nfs")]
    equal((failed, len(hidden)), (0, 1), "alice and bob succeed, and the client keeps the file")
    want("alice moves the report", samba(ALICE), "move", "/srv/share/report.csv",
         "/srv/share/old/report.csv")
    hidden = "/srv/share/old/" + hidden[0]
    want("the client of bob moves the report", ganesha(BOB), "move", "/srv/share/old/report.csv",
         hidden)
    want("the client of bob removes the report", ganesha(BOB), "unlink", hidden)


def without_server():
    """Any process may act for another user, as far as it may become that user."""
    make_directory("/srv/share/own", ALICE)
    for_alice = {"UID": "0", "FSUID": "1000", "USER": "alice"}
    for call, become, fields, who, rules in (
            ("setfsuid", ctypes.CDLL(None).setfsuid, {**for_alice, "EUID": "0"}, "root for alice",
             ALL),
            ("seteuid", os.seteuid, {**for_alice, "EUID": "1000"}, "root for alice", ALL),
            ("setresuid", lambda uid: os.setresuid(uid, 0, 0),
             {"UID": "1000", "FSUID": "0", "USER": "root", "EUID": "0"}, "alice as root", ALL),
            ("nothing", lambda uid: None, {"UID": "0", "FSUID": None, "USER": "root", "EUID": "0"},
             "root", ("shares",))):
        path = "/srv/share/own/" + call
        make(path, ALICE)
        equal(process(ALICE, [("unlink", path)], become), 0, call + ": the deletion succeeds")
        want("a process after " + call, ({**fields, "COMM": "fileserver.py", "FSGID": None}, who),
             "unlink", path, rules=rules)


for number in (ALICE, BOB):
    run("useradd", "-M", "-u", str(number), NAMES[number])
    subprocess.run(["smbpasswd", "-s", "-a", NAMES[number]], input=b"secret\nsecret\n", check=True,
                   stdout=subprocess.DEVNULL)
make_directory("/srv/share", ROOT, 0o777)
make_directory("/srv/team", ROOT, 0o777)
commands, shown = read_page()
equal(FILES, {}, "the page has a configuration for the daemon and for each server")
with open("/etc/ganesha/ganesha.conf", "a", encoding="utf-8") as f:
    f.write("NFSv4 { Graceless = true; }\n")  # else it removes nothing for the first 90 s
type_in(commands.pop(0), r"\A\Z")  # makes /srv/team/.recycle
with open("/etc/unlinkwatch.conf.d/test.conf", "w", encoding="utf-8") as f:
    f.write(RULES)
restart()
run("systemctl", "restart", "smbd", "nfs-ganesha")
begin = cursor()
mounts = [(user, address, share, CIFS.format(user=user, share=share))
          for user, address in (("alice", "127.0.0.2"), ("bob", "127.0.0.3"))
          for share in ("share", "team")]
for user, address, share, point in mounts:
    os.makedirs(point)
    run("mount", "-t", "cifs", "//127.0.0.1/" + share, point, "-o",
        "username=%s,password=secret,uid=%s,gid=%s,srcaddr=%s" % (user, user, user, address))
os.makedirs(NFS)
run("mount", "-t", "nfs4", "-o", "soft,timeo=50", "127.0.0.1:/share", NFS)

everything("smbclient", smbclient, samba, ALICE)
for number in (ALICE, BOB):
    everything("CIFS by " + NAMES[number], cifs, samba, number)
    everything("NFS by " + NAMES[number], nfs, ganesha, number)
recycle()
office()
refusals()
report()
without_server()
records = check(begin)

# The connections of the mounts last for the whole test.
for user, address, _, point in mounts[::2]:
    clients = [(r.get("UNLINK_CLIENT"), r.get("UNLINK_CLIENT_FROM")) for path, r in records.items()
               if "/CIFS-by-%s/" % user in path]
    ok(len(clients) > 5 and set(clients) == {(address, "socket")},
       "each record of the smbd for %s has the address of the client" % address, clients)
for text in shown:
    ok(without_pid(text) in [without_pid(r["MESSAGE"]) for r in records.values()],
       "the page shows this record: " + text)
pid = records["/srv/share/report.csv"]["UNLINK_PID"]  # of the smbd for 127.0.0.2
MOVED = r"smbd\[%s\] \(alice\) moved /srv/share/report\.csv to /srv/share/old/report\.csv" % pid
CLIENT = "journalctl -u smbd SYSLOG_PID=$PID"
EXPECTED = {
    "unlinkwatchctl where /srv/share/report.csv":
        r"^/srv/share/report\.csv: removed by bob at .*, as /srv/share/old/\.nfs\w+, after 2 moves",
    "unlinkwatchctl who /srv/share/report.csv": MOVED,
    "unlinkwatchctl who --user=alice -S yesterday /srv/":
        r"(?=.*%s)(?=.*ganesha\.nfsd\[\d+\] \(root for alice\) removed)" % MOVED,
    "unlinkwatchctl who --op=move -S yesterday /srv/share/":
        r"(?!.*\) removed )(?=.*\(root for bob\) moved directory /srv/share/).*" + MOVED,
    "smbstatus -p": r"\b%s +alice .* 127\.0\.0\.2 " % pid,
    "ss -Htn state established sport = :2049": r"127\.0\.0\.1\]?:\d+",
    CLIENT: r"alice from 127\.0\.0\.2 connects to share"}
equal(set(commands), set(EXPECTED), "each command of the page has an expectation")
for command in commands:
    if command != CLIENT:
        type_in(command, EXPECTED[command])
for user, address, share, point in mounts:
    run("umount", point)
need(lambda: not os.path.exists("/proc/" + pid), "the end of the smbd for 127.0.0.2")
type_in(CLIENT, EXPECTED[CLIENT])
run("umount", NFS)
done()
