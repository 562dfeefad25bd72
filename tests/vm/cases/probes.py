#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The service attaches each probe on this kernel, and each probe records the same deletions."""
import os
import subprocess

from uwtest import (STARTED, configure, cursor, deletions, done, equal, journal, leave_others, ok,
                    preempts, run, settle, value)

DIR = "/srv/probes"
DROPIN = "/run/systemd/system/unlinkwatchd.service.d"
leave_others()
os.makedirs(DIR)
configure("[Watch probes]\nPath=%s\n" % DIR)


def deletions_of_one_child():
    """
    A child process deletes by unlink, unlinkat and rmdir, with names of all kinds. Returns its pid.
    """
    os.makedirs(DIR + "/d/e", exist_ok=True)
    for name in ("1", "2", "3", "d/4"):
        open(DIR + "/" + name, "w").close()
    child = """
import os, ctypes
libc = ctypes.CDLL(None, use_errno=True)
os.chdir(%r)
fd = os.open("d", os.O_RDONLY)
libc.syscall(263, -100, b"%s/1", 0)   # unlinkat
libc.syscall(87, b"2")                # unlink
libc.syscall(263, -100, b"d/../3", 0)
libc.syscall(263, fd, b"4", 0)
libc.syscall(87, b"none")
libc.syscall(87, b"d")
libc.syscall(263, fd, b"e", 0x200)    # AT_REMOVEDIR
libc.syscall(84, b"d/")               # rmdir
libc.syscall(84, b"none")
""" % (DIR, DIR)
    p = subprocess.Popen(["python3", "-c", child])
    p.wait()
    return p.pid


EXPECTED = [
    ("unlink", DIR + "/1", DIR + "/1", "0", "resolved"),
    ("unlink", "2", DIR + "/2", "0", "resolved"),
    ("unlink", "d/../3", DIR + "/3", "0", "resolved"),
    ("unlink", "4", DIR + "/d/4", "0", "resolved"),
    ("unlink", "none", DIR + "/none", "-2", "lexical"),
    ("unlink", "d", DIR + "/d", "-21", "resolved"),
    ("rmdir", "e", DIR + "/d/e", "0", "resolved"),
    ("rmdir", "d/", DIR + "/d", "0", "resolved"),
    ("rmdir", "none", DIR + "/none", "-2", "lexical"),
]

PREEMPTS = "this kernel preempts such programs"


def start(probe, environment=""):
    """Starts the service with this probe. Returns the records of its start."""
    # systemd may be about to restart the last one.
    run("systemctl", "stop", "unlinkwatchd")
    os.makedirs(DROPIN, exist_ok=True)
    with open(DROPIN + "/probe.conf", "w") as f:
        f.write("[Service]\nExecStart=\nExecStart=/usr/sbin/unlinkwatchd --probe=%s\n%s" %
                (probe, environment))
    run("systemctl", "daemon-reload")
    here = cursor()
    run("systemctl", "start", "unlinkwatchd", check=False)
    return journal(here)


def check(probe, takes, environment=""):
    """Checks the deletions above with --probe=PROBE, which must attach the probe `takes`."""
    said = start(probe, environment)
    started = [r["MESSAGE"] for r in said if r.get("MESSAGE_ID") == STARTED]
    passed = [ok(len(started) == 1 and started[0].startswith("watching deletions by %s" % takes),
                 "--probe=%s attaches %s on %s" % (probe, takes, os.uname().release),
                 *(r["MESSAGE"] for r in said))]
    here = cursor()
    pid = deletions_of_one_child()
    got = [(r["UNLINK_OP"], r["UNLINK_FILENAME"], r.get("UNLINK_PATH"), r["UNLINK_RET"],
            r["UNLINK_PATH_STATE"])
           for r in settle(here, len(EXPECTED), pid)]
    expected = EXPECTED if takes != "tracepoint" else [e[:4] + ("lexical",) for e in EXPECTED]
    passed.append(equal(got, expected,
                        "--probe=%s: each record has the name, path and result" % probe))
    passed.append(ok(all(r["UNLINK_PPID"] == str(os.getpid()) and
                         value(r["UNLINK_COMM"]) == b"python3" for r in deletions(here, pid)),
                     "--probe=%s: each record has the parent and the comm" % probe))
    return "%d of %d" % (len(set(got) & set(expected)), len(expected)) if all(passed) else "failed"


rows = {"kprobe": check("kprobe", "kprobe")}
if preempts():
    said = [r["MESSAGE"] for r in start("fentry")]
    refused = ok(any(m.startswith("fentry cannot be used: " + PREEMPTS) for m in said) and
                 any(m.startswith("no probe can be attached") for m in said),
                 "--probe=fentry is refused, as this kernel may skip its programs", *said)
    # A variable meant for this test forces fentry: its programs load and see the same as elsewhere.
    check("fentry", "fentry", "Environment=UNLINKWATCH_PREEMPTION=none\n")
    rows["fentry"] = "refused: preemption" if refused else "failed"
    auto = "kprobe"
else:
    rows["fentry"] = check("fentry", "fentry")
    auto = "fentry"
rows["tracepoint"] = check("tracepoint", "tracepoint")
check("auto", auto)
print("# table: kernel | kprobe | fentry | tracepoint | chosen by auto")
print("# row: %s | %s | %s | %s | %s" % (os.uname().release.split("-")[0], rows["kprobe"],
                                         rows["fentry"],
                                      rows["tracepoint"], auto))

# The process has not touched the page that holds the name. The tracepoint reads it at the return.
start("tracepoint")
here = cursor()
child = """
import ctypes, mmap, os
path = %r
open(path + "/late", "w").close()
with open("/srv/page", "wb") as f:
    f.write(b"late" + b"\\0" * 4092)
fd = os.open("/srv/page", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + 3 * [ctypes.c_int] + [ctypes.c_long]
at = libc.mmap(None, 4096, 1, 2, fd, 0)
os.chdir(path)
libc.syscall(ctypes.c_long(87), ctypes.c_void_p(at))
""" % DIR
p = subprocess.Popen(["python3", "-c", child])
p.wait()
got = [(r["UNLINK_FILENAME"], r.get("UNLINK_PATH"), r["UNLINK_RET"])
       for r in settle(here, 1, p.pid)]
equal(got, [("late", DIR + "/late", "0")], "a name in a page that was not in memory is recorded")
done()
