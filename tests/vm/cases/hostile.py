#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Users who try to hide their deletions: they cause a storm, exit at once, reuse process ids, or
change their name and user between two deletions. Each record is compared with what the process
itself reports.
"""
import ctypes
import json
import os
import pwd
import signal
import subprocess
import sys
import time

from uwtest import (LOSS, configure, cursor, deletions, done, equal, journal, main_pid, ok, restart,
                    run, settle, status, value)

DIR = "/dev/shm/hostile"
UID, OTHER = 4242, 4243
PR_SET_NAME, CLONE_NEWNS = 15, 0x20000
libc = ctypes.CDLL(None, use_errno=True)
with open("/proc/self/comm", "rb") as f:
    COMM = f.read()[:-1]
print("# table: attempt | outcome")


def outcome(good, attempt, said):
    print("# row: %s | %s" % (attempt, said if good else "FAILED"))


def touch(name, uid=None):
    path = os.path.join(os.fsencode(DIR), os.fsencode(name))
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    if uid is not None:
        os.chown(path, uid, uid)
    return path


def who(r):
    """
    The process and the deletion of a record, in the form in which the processes below report them.
    """
    return [int(r["UNLINK_PID"]), value(r["UNLINK_COMM"]).hex(), int(r["UNLINK_UID"]),
            value(r["UNLINK_PATH"]).hex(), int(r["UNLINK_RET"])]


def child(work):
    """Runs work() in a child process. Returns the list that it reports."""
    here, there = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(here)
        os.write(there, json.dumps(work()).encode())
        os._exit(0)
    os.close(there)
    with open(here) as f:
        text = f.read()
    os.waitpid(pid, 0)
    return json.loads(text)


os.makedirs(DIR, exist_ok=True)
os.chmod(DIR, 0o777)
run("install", "-m", "755", "deleters", "/usr/local/bin/deleters")  # from where others may run it

# One user causes a storm while the daemon is stopped. The ring buffer keeps room for another user.
configure("[Watch both]\nUser=%d %d\n[Daemon]\nDetail=minimal\nRingBufferSize=128K\n" %
          (UID, OTHER))
restart()
here = cursor()
os.kill(main_pid(), signal.SIGSTOP)
subprocess.run(["deleters", DIR, "4", "2", "2000", "3"], user=UID, group=UID,
               stdout=subprocess.DEVNULL, check=True)
names = ["other%d" % i for i in range(20)]
subprocess.run(["sh", "-c", "cd %s && touch %s && rm %s" % (DIR, " ".join(names), " ".join(names))],
               user=OTHER, check=True)
os.kill(main_pid(), signal.SIGCONT)
for _ in range(100):
    lost = status()["counters"]["lost"]
    got = deletions(here)
    if lost["total"] + len(got) >= 2020:
        break
    time.sleep(0.3)
mine = [r for r in got if r["UNLINK_UID"] == str(UID)]
others = [value(r["UNLINK_FILENAME"]).decode() for r in got if r["UNLINK_UID"] == str(OTHER)]
print("# storm: %d of 2000 recorded, lost: %s" % (len(mine), lost))
good = [equal(others, names, "each deletion by another user has its record"),
        equal(len(mine) + lost["total"], 2000,
              "each deletion of the storm is recorded or counted as lost"),
        ok(lost["ring_share"] > 0 and lost["ring_share"] == lost["total"],
           "all losses have the cause ring_share, as the storm exceeded its user's share", lost)]
outcome(all(good), "a storm, to push out the records of others",
        "each of theirs is recorded; the storm's losses are counted")

configure("[Watch all]\nPath=%s\n[Daemon]\nDetail=full\nRingBufferSize=16M\n" % DIR)
restart()

# Hundreds of processes that delete one file and exit.
here = cursor()
expected = []
for i in range(200):
    path = touch("gone%d" % i)
    pid = os.fork()
    if not pid:
        os.unlink(path)
        os._exit(0)
    expected.append([pid, COMM.hex(), 0, path.hex(), 0])
while expected:
    try:
        os.wait()
    except ChildProcessError:
        break
got = [who(r) for r in settle(here, len(expected))]
outcome(equal(sorted(got), sorted(expected),
              "200 processes that exit at once: each has its record, with its own comm"),
        "200 processes that live for one deletion", "each recorded, with its pid and comm")

# Another program of another user gets the same process id.
here = cursor()
first, second = touch("first"), touch("second", UID)


def as_pid(wanted, work):
    """Like child(), in a process with the id `wanted` unless that is 0."""
    for _ in range(50):
        if wanted:
            with open("/proc/sys/kernel/ns_last_pid", "w") as f:
                f.write(str(wanted - 1))
        said = child(lambda: [os.getpid()] + (work() if wanted in (0, os.getpid()) else []))
        if not wanted or said[0] == wanted:
            return said
    sys.exit("# no process with the id %d" % wanted)


def delete(path, comm=COMM):
    os.unlink(path)
    return [comm.hex(), os.getuid(), path.hex(), 0]


def delete_as(uid, comm, path):
    libc.prctl(PR_SET_NAME, comm, 0, 0, 0)
    os.setresuid(uid, uid, uid)
    return delete(path, comm)


expected = [as_pid(0, lambda: delete(first))]
expected.append(as_pid(expected[0][0], lambda: delete_as(UID, b"second", second)))
outcome(equal([who(r) for r in settle(here, 2)], expected,
              "a reused process id: each record has its own process"),
        "the process id of another", "each record has its own comm and user")

# Another comm before each deletion: journal fields, terminal escapes, and bytes that are not text.
COMMS = [b"x\nMESSAGE=forged", b"\x1b[2J\x1b[H", b"\xff\xfe\xc0\xaf", b"a\tb c\"'\\",
         b"\xe2\x80\xae" b"rtl", b" ", b"(deleted)"]
here = cursor()
paths = [touch(b"comm%d" % i) for i in range(len(COMMS))]


def rename_myself():
    said = []
    for comm, path in zip(COMMS, paths):
        libc.prctl(PR_SET_NAME, comm, 0, 0, 0)
        said.append([os.getpid()] + delete(path, comm[:15]))
    return said


expected = child(rename_myself)
got = settle(here, len(COMMS))
forged = [r["MESSAGE"] for r in got
          if any(c in value(r["MESSAGE"]).decode() for c in "\n\x1b\u202e")]
outcome(all([equal([who(r) for r in got], expected,
                   "a comm that changes: each record has the comm at its deletion, byte by byte"),
             equal(forged, [], "no MESSAGE holds a newline, an escape or a change of direction")]),
        "another comm before each deletion, with newlines and escapes",
        "the comm at that time, byte by byte; MESSAGE is safe")

# The same with file names.
NAMES = [b"a\nUNLINK_UID=0\nPRIORITY=0", b"\x1b]0;title\x07", b"\xff" * 200, b"\xed\xa0\x80",
         b"%s%n%d", b" ", b"\\x0a"]
here = cursor()
paths = [touch(name) for name in NAMES]
expected = child(lambda: [[os.getpid()] + delete(path) for path in paths])
outcome(equal([who(r) for r in settle(here, len(NAMES))], expected,
              "names with newlines, escapes or invalid UTF-8 are recorded byte by byte"),
        "names that look like fields, escapes, invalid UTF-8", "byte by byte")

# Another user and another mount namespace between two deletions.
here = cursor()
paths = [touch("user%d" % i, UID) for i in range(4)]
nobody = pwd.getpwnam("nobody").pw_uid


def change_myself():
    said = [delete(paths[0])]
    libc.unshare(CLONE_NEWNS)
    said.append(delete(paths[1]))
    os.setresuid(UID, UID, 0)
    said.append(delete(paths[2]))
    os.setresuid(0, 0, 0)
    os.setresuid(nobody, nobody, nobody)
    try:
        os.unlink(paths[3])
    except OSError as e:
        said.append([COMM.hex(), nobody, paths[3].hex(), -e.errno])
    return [[os.getpid()] + s for s in said]


os.chmod(DIR, 0o1777)
expected = child(change_myself)
got = settle(here, 4)
outcome(all([equal([who(r) for r in got], expected,
                   "a process that changes its user and its mount namespace: "
                   "each record has the user at its deletion"),
             ok(len({r["UNLINK_MNTNS"] for r in got[:2]}) == 2,
                "the records before and after unshare(2) name different mount namespaces")]),
        "another user, another mount namespace, between two deletions",
        "each record has those of its time")

# A user uses up processes and inotify(7) instances. The daemon needs neither.
here = cursor()
hog = subprocess.Popen([sys.executable, "-c", """
import ctypes, os, resource, time
libc = ctypes.CDLL(None)
resource.setrlimit(resource.RLIMIT_NPROC, (300, 300))
fds = [libc.inotify_init() for _ in range(200)]
try:
    while True:
        if not os.fork():
            time.sleep(60)
            os._exit(0)
except OSError:
    print("full", flush=True)
time.sleep(60)
"""], user=UID, group=UID, stdout=subprocess.PIPE)
hog.stdout.readline()
path = touch("meanwhile")
expected = child(lambda: [[os.getpid()] + delete(path)])
good = [equal([who(r) for r in settle(here, 1)], expected,
              "a user uses up all processes and inotify instances: the next deletion is recorded"),
        ok("Watching by" in run("systemctl", "show", "-P", "StatusText", "unlinkwatchd"),
           "the daemon still reports that it is watching")]
run("pkill", "-KILL", "-u", str(UID), check=False)
outcome(all(good), "no process, no inotify instance left", "nothing changes")
equal([r["MESSAGE"] for r in journal(here) if r.get("MESSAGE_ID") == LOSS], [],
      "nothing is lost while the user does that")
done()
