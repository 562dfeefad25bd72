# SPDX-License-Identifier: MIT
"""
Writes made-up journals with systemd-journal-remote(8), so that the files have journald's format. As
a program it makes a large journal for measurements: tests/journals.py FOLDER RECORDS [PATHS].
"""
import os
import struct
import subprocess
import sys

REMOTE = "/lib/systemd/systemd-journal-remote"
UNIT = "unlinkwatchd.service"
DELETED = "a6c751c249b34f8faa0766c0d92d85c6"
MOVED = "50fcdba403f040b1921c6db500e1da40"
FAILED = "127b0dfe915e4bfa82c4947e1edbf697"
LOSS = "d250303bc46f4c998030df4a7ed8cba1"
FLOOD = "925b2cc9a18c4b0eadfea7aff523b595"
STARTED = "c161085fe1c64fa5887d2c6faeac2f4d"
STOPPED = "f99c8f913ee441b5875e79c1df369483"
PROCESS_EXIT = "98e322203f7a4ed290d09fe03c09fe15"  # systemd's own
BOOT = "0123456789abcdef0123456789abcdef"
BOOT_2 = "1123456789abcdef0123456789abcdef"
MACHINE = "fedcba9876543210fedcba9876543210"


def _export(fields):
    """One record in systemd's export format. Values are str or bytes; a list repeats the field."""
    out = []
    for name, values in fields.items():
        for v in values if isinstance(values, list) else [values]:
            v = v if isinstance(v, bytes) else str(v).encode()
            if b"\n" in v or not _is_text(v):
                out.append(name.encode() + b"\n" + struct.pack("<Q", len(v)) + v + b"\n")
            else:
                out.append(name.encode() + b"=" + v + b"\n")
    return b"".join(out) + b"\n"


def _is_text(v):
    try:
        return v.decode().isprintable()
    except UnicodeDecodeError:
        return False


def trusted(when_us, host="here", boot=BOOT, **more):
    """A record of the daemon with the fields that journald adds."""
    return {"__REALTIME_TIMESTAMP": when_us, "__MONOTONIC_TIMESTAMP": when_us % 10**12,
            "_BOOT_ID": boot,
            "_MACHINE_ID": MACHINE, "_HOSTNAME": host, "_SYSTEMD_UNIT": UNIT, "_UID": 0, "_PID": 77,
            "_COMM": "unlinkwatchd", "_TRANSPORT": "journal", "SYSLOG_IDENTIFIER": "unlinkwatchd",
            **more}


def note(when_us, message_id, message, **more):
    return trusted(when_us, MESSAGE_ID=message_id, MESSAGE=message, PRIORITY=6, **more)


def process_exit(when_us, **more):
    """The record that systemd writes for a killed daemon."""
    return {**trusted(when_us, **more), "_SYSTEMD_UNIT": "init.scope", "_PID": 1,
            "_COMM": "systemd",
            "SYSLOG_IDENTIFIER": "systemd", "UNIT": UNIT, "MESSAGE_ID": PROCESS_EXIT,
            "MESSAGE": "unlinkwatchd.service: Main process exited, code=killed, status=9/KILL"}


def deletion(when_us, path, ret=0, uid=1000, user="alice", comm="rm", pid=4242, host="here",
             boot=BOOT, **more):
    fields = {
        "MESSAGE": "made up", "MESSAGE_ID": FAILED if ret else DELETED, "PRIORITY": 6,
        "UNLINK_TIME": when_us * 1000, "UNLINK_OP": "unlink", "UNLINK_VIA": "syscall",
        "UNLINK_RET": ret,
        "UNLINK_PID": pid, "UNLINK_TID": pid, "UNLINK_PPID": 4200, "UNLINK_COMM": comm,
        "UNLINK_EXE": "/usr/bin/rm",
        "UNLINK_CMDLINE": "rm -f x", "UNLINK_UID": uid, "UNLINK_GID": uid, "UNLINK_EUID": uid,
        "UNLINK_USER": user,
        "UNLINK_UNIT": "session-3.scope", "UNLINK_FILENAME": path, "UNLINK_PATH": path,
        "UNLINK_PATH_STATE": "resolved", "UNLINK_DEV": "254:0", "UNLINK_INODE": 8276,
        "UNLINK_MODE": "0100644",
        "UNLINK_OWNER": uid, "UNLINK_SIZE": 11, "UNLINK_NLINK": 0, "UNLINK_RULE": "all"}
    if ret:
        fields["UNLINK_ERRNO"] = {-2: "ENOENT", -13: "EACCES"}[ret]
    fields.update(more)
    return trusted(when_us, host=host, boot=boot,
                   **{k: v for k, v in fields.items() if v is not None})


def move(when_us, path, to, op="move", **more):
    return deletion(when_us, path, **{"MESSAGE_ID": MOVED, "UNLINK_OP": op, "UNLINK_MOVED_TO": to,
                                      "UNLINK_NLINK": 1, "UNLINK_CMDLINE": "mv x y", "comm": "mv",
                                      **more})


def replacement(when_us, path, by, **more):
    """The rename of `by` to `path`."""
    return deletion(when_us, path, **{"UNLINK_OP": "rename", "UNLINK_REPLACED_BY": by,
                                      "comm": "mv", **more})


def write(path, records):
    """Writes the records, which must be sorted by time, to the journal file."""
    remote = subprocess.Popen([REMOTE, "--split-mode=none", "--output=" + path, "-"],
                              stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    for record in records:
        remote.stdin.write(_export(record))
    _, said = remote.communicate()
    if remote.returncode:
        raise RuntimeError(said.decode())


def many(count, paths, **more):
    """
    Yields records of `count` deletions of `paths` names, five seconds apart, by a few users and
    programs.
    """
    start = 1_700_000_000_000_000
    yield note(start - 1, STARTED, "watching deletions by kprobe", **more)
    for i in range(count):
        n = i % paths
        user = i % 7
        yield deletion(start + i * 5_000_000,
                       "/srv/data/d%d/e%d/file-%d.dat" % (n % 100, n % 1000, n),
                       ret=-13 if i % 10 == 0 else 0, uid=1000 + user, user="user%d" % user,
                       pid=1000 + i % 30000,
                       comm=("rm", "find", "make", "git")[i % 4], UNLINK_INODE=i,
                       UNLINK_SIZE=i * 37 % 100_000, **more)


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    write(os.path.join(sys.argv[1], "remote.journal"),
          many(int(sys.argv[2]), int((sys.argv[3:] or sys.argv[2:])[0])))
