# SPDX-License-Identifier: MIT
"""
Shared by the cases about path rules: deletions, and the one record that each must have, or none.
"""
import collections
import ctypes
import os
import subprocess
import sys
import time

import uwtest
from uwtest import configure, cursor, deletions, ok, reload, restart, settle, value

VICTIMS = "/root/vm/victims"
MS_BIND, MS_MOVE, MNT_DETACH = 0x1000, 0x2000, 2
CDLL = ctypes.CDLL(None, use_errno=True)
CDLL.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong,
                       ctypes.c_char_p]

Expected = collections.namedtuple("Expected", "title pid name fields")
expected = []
start = None
serial = 0


def new_name():
    global serial
    serial += 1
    return "f%d" % serial


def write(path, text=""):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def mount(source, point, fstype=None, flags=MS_BIND):
    """Calls mount(2) itself: to start mount(8) would give the daemon time to notice."""
    if CDLL.mount(source and source.encode(), point.encode(), fstype and fstype.encode(), flags,
                  None):
        sys.exit("# mount %s: %s" % (point, os.strerror(ctypes.get_errno())))


def unmount(point):
    if CDLL.umount2(point.encode(), MNT_DETACH):
        sys.exit("# umount %s: %s" % (point, os.strerror(ctypes.get_errno())))


def victim(title, steps, call, fields):
    """
    Deletes in a process of its own. fields: what its one record must have; None if there must be
    none.
    """
    p = subprocess.Popen([VICTIMS, *steps, *call], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, cwd="/")
    said = p.communicate(b"x")[0].split(b"\n")
    if len(said) < 2 or said[0] != b"ready":
        ok(False, title, said)
        return
    if fields is not None:
        fields = {"RET": said[1].split()[1].decode(), **fields}
    expected.append(Expected(title, p.pid, call[-1] if call[0] != "unlinkat" else call[2], fields))


def here(title, path, fields, make=True):
    """
    Creates the file if `make` is set and deletes it in this process, only a few system calls later.
    """
    if make:
        write(path)
    ret = uwtest.unlink(path)
    expected.append(Expected(title, os.getpid(), path, None if fields is None else
                             {"RET": str(ret), "PATH": path, **fields}))


def check():
    """Compares the records of all deletions since the last check."""
    wanted = [e for e in expected if e.fields is not None]
    records = collections.defaultdict(list)
    settle(start, len(wanted), *(e.pid for e in expected))
    time.sleep(0.5)  # for records that must not come
    for r in deletions(start, *(e.pid for e in expected)):
        records[int(r["UNLINK_PID"]), value(r["UNLINK_FILENAME"]).decode()].append(r)
    for e in expected:
        some = records[e.pid, e.name]
        if e.fields is None:
            ok(not some, e.title + ": no record", *some)
            continue
        if len(some) != 1:
            ok(False, e.title, "%d records" % len(some), *some)
            continue
        wrong = []
        for key, want in e.fields.items():
            got = some[0].get("UNLINK_" + key)
            if got != want:
                wrong += ["%s: expected %r" % (key, want), "%s: got      %r" % (key, got)]
        ok(not wrong, e.title, *wrong)
    expected.clear()


def begin(text, restarted=False):
    global start
    configure(text)
    if restarted:
        restart()
    else:
        reload()
    start = cursor()


def twice(title, directory, fields):
    """Deletes at once, and again when the daemon must have noticed any change."""
    here(title + ", at once", "%s/%s" % (directory, new_name()), fields)
    time.sleep(1)
    here(title + ", a second later", "%s/%s" % (directory, new_name()), fields)
