# SPDX-License-Identifier: MIT
"""
Writes made-up journals with systemd-journal-remote(8), so that the files have journald's format. As
a program it makes a large journal for measurements: tests/journals.py FOLDER RECORDS [PATHS], or
tests/journals.py FOLDER NAMES storms, where the names are in manifests.
"""
import os
import struct
import subprocess
import sys

REMOTE = "/lib/systemd/systemd-journal-remote"
UNIT = "unlinkwatchd.service"
DELETED = "a6c751c249b34f8faa0766c0d92d85c6"
MOVED = "50fcdba403f040b1921c6db500e1da40"
UNKNOWN = "19d13c0bf1d740bfbf88fbb9cfce59d8"
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


# ---- manifests: the names of a storm in one record, as docs/manifest.md has it

OPS = {"unlink": 1, "rmdir": 2, "rename": 3, "move": 4, "exchange": 5}
ALONE = ("UNLINK_MOVED_TO", "UNLINK_HOST_MOVED_TO", "UNLINK_REPLACED_BY",
         "UNLINK_HOST_REPLACED_BY", "UNLINK_REPLACED_BY_INODE", "UNLINK_UPPER_PATH")


def _bytes(value):
    return value if isinstance(value, bytes) else str(value).encode()


def _number(n):
    out = bytearray()
    while n > 0x7f:
        out.append(0x80 | n & 0x7f)
        n >>= 7
    return bytes(out) + bytes([n])


def _signed(n):
    return _number(2 * n if n >= 0 else -2 * n - 1)


def _string(s):
    return _number(len(s)) + s


def _strings(fields):
    """Fields [(name, value)] as a number of strings."""
    return _number(len(fields)) + b"".join(_string(n.encode() + b"=" + v) for n, v in fields)


class Names:
    """Encodes records of deletions as the value of UNLINK_NAMES."""

    def __init__(self):
        self.out = bytearray()
        self.sets = {}  # process: [number, fields, directory, host directory, inode, time]
        self.now = None

    def add(self, record):
        fields = {n: _bytes(v) for n, v in record.items()
                  if n == "PRIORITY" or n.startswith("UNLINK_") and not isinstance(v, list)}
        lists = [(n, _bytes(v)) for n, values in record.items() if isinstance(values, list)
                 for v in values]
        own = {n: fields.pop(n, None) for n in (
            "UNLINK_TIME", "UNLINK_OP", "UNLINK_RET", "UNLINK_ERRNO", "UNLINK_PATH",
            "UNLINK_HOST_PATH", "UNLINK_FILENAME", "UNLINK_INODE", "UNLINK_SIZE")}
        more = [(n, fields.pop(n)) for n in ALONE if n in fields]
        key = (fields["UNLINK_PID"], fields["UNLINK_COMM"])
        if key not in self.sets:
            self.sets[key] = [len(self.sets), (fields, lists), b"", b"", 0, 0]
            self.out += b"F" + _strings(sorted(fields.items()) + lists)
        elif self.now != key:
            self.out += b"S" + _number(self.sets[key][0])
        self.now = key
        known, known_lists = self.sets[key][1]
        if lists != known_lists:
            more += lists
        gone = {*known, *dict(known_lists)} - {*fields, *dict(lists)}
        more += [(n, fields.get(n, b"")) for n in sorted({*fields, *gone})
                 if n in gone or fields[n] != known.get(n)]
        self._entry(self.sets[key], own, more)

    def _directory(self, which, kind, directory):
        before = self.sets[self.now][which]
        if directory == before:
            return
        n = len(os.path.commonprefix([before, directory]))
        self.out += kind + _number(n) + _string(directory[n:])
        self.sets[self.now][which] = directory

    def _entry(self, at, own, more):
        head = 0x80 | OPS[own["UNLINK_OP"].decode()]
        path, host, filename = (own["UNLINK_" + n] for n in ("PATH", "HOST_PATH", "FILENAME"))
        directory, slash, name = (path or b"").rpartition(b"/")
        if not slash or not name:
            directory = name = b""
            more += [("UNLINK_PATH", path)] if path else []
        self._directory(2, b"D", directory)
        host_directory, _, host_name = (host or b"").rpartition(b"/")
        if host and (host_name != name or not host_directory):
            more.append(("UNLINK_HOST_PATH", host))
            host_directory = b""
        self._directory(3, b"H", host_directory)
        if filename == path and name:
            head |= 0x20
        elif filename != (name or None):
            more.append(("UNLINK_FILENAME", filename or b""))
        body = b""
        if own["UNLINK_RET"] != b"0":
            head |= 0x08
            error = own["UNLINK_RET"]
            body += _number(0 if error == b"unknown" else -int(error))
        if own["UNLINK_INODE"] and own["UNLINK_SIZE"]:
            head |= 0x10
            inode = int(own["UNLINK_INODE"])
            body += _signed(inode - at[4]) + _number(int(own["UNLINK_SIZE"]))
            at[4] = inode
        else:
            more += [(n, own[n]) for n in ("UNLINK_INODE", "UNLINK_SIZE") if own[n]]
        us = int(own["UNLINK_TIME"]) // 1000
        body += _signed(us - at[5]) + _string(name)
        at[5] = us
        self.out += bytes([head | (0x40 if more else 0)]) + body
        if more:
            self.out += _strings(more)


def manifest(when_us, records, **more):
    """The summary of a storm with the names of these records."""
    names = Names()
    for record in records:
        names.add(record)
    failed = sum(str(r["UNLINK_RET"]).startswith("-") for r in records)
    first = records[0]
    return note(when_us, FLOOD, "a storm of %d names" % len(records),
                **{"UNLINK_NAMES": bytes(names.out), "UNLINK_FLOOD_COUNT": len(records),
                   "UNLINK_FLOOD_FAILED": failed, "_HOSTNAME": first["_HOSTNAME"],
                   **{n: first[n] for n in ("UNLINK_UID", "UNLINK_USER", "UNLINK_COMM")
                      if n in first}, **more})


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


def storms(count):
    """Yields manifests of so many names: of storms of 50,000 names, 250 microseconds apart."""
    at = 1_700_000_000_000_000
    yield note(at - 1, STARTED, "watching deletions by kprobe")
    names = []
    size = 0
    for i in range(count):
        at += 250
        names.append(deletion(at, "/srv/data/d%d/e%d/file-%d.dat" % (i // 20000, i // 300, i),
                              ret=-13 if i % 50 == 0 else 0, pid=1000 + i // 50000,
                              UNLINK_INODE=i * 7919 % 1000003, UNLINK_SIZE=i * 37 % 100_000))
        size += 22
        if size > 60_000 or i == count - 1:
            yield manifest(at + 1_000_000, names)
            names = []
            size = 0


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    last = (sys.argv[3:] or sys.argv[2:])[0]
    write(os.path.join(sys.argv[1], "remote.journal"),
          storms(int(sys.argv[2])) if last == "storms" else many(int(sys.argv[2]), int(last)))
