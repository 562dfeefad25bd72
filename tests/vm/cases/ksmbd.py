#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The kernel's SMB server deletes, moves and replaces files for a client on the same machine. Each
record has the client's user.
"""
import os

from uwtest import (configure, cursor, done, equal, journal, need, restart, rmdir, run, settle,
                    unlink)

SHARE, MOUNT = "/srv/share/", "/mnt/"
FIELDS = ("OP", "PATH", "MOVED_TO", "REPLACED_BY", "RET", "VIA", "UID", "FSUID", "USER")
KSMBD_CONF = """[global]
	netbios name = guest
[share]
	path = /srv/share
	read only = no
"""


def record(op, name, moved_to=None, replaced_by=None):
    other = [n and SHARE + n for n in (moved_to, replaced_by)]
    return (op, SHARE + name, *other, "0", "kernel", "1000", None, "alice")


run("useradd", "-M", "-u", "1000", "alice")
os.makedirs("/srv/share")
os.chmod("/srv/share", 0o777)
with open("/etc/ksmbd/ksmbd.conf", "w", encoding="utf-8") as f:
    f.write(KSMBD_CONF)
run("ksmbd.adduser", "-a", "alice", "-p", "secret")
configure("[Watch share]\nPath=/srv/share\nUser=1000-59999\n")
restart()
begin = cursor()
run("modprobe", "ksmbd")
need(lambda: any("ksmbd is there" in r["MESSAGE"] for r in journal(begin)), "the probes for ksmbd")
run("ksmbd.mountd")
# It listens on interfaces that come up.
need(lambda: run("ip", "link", "set", "lo", "down") or run("ip", "link", "set", "lo", "up") or
     run("ss", "-Hltn", "sport = :445"), "ksmbd listens")
run("mount", "-t", "cifs", "//127.0.0.1/share", MOUNT, "-o", "username=alice,password=secret")

for directory in ("old", "empty", "full", "full/sub", "project"):
    os.mkdir(MOUNT + directory)
for name in ("file", "plan", "report", "target", "new"):
    with open(MOUNT + name, "w", encoding="utf-8") as f:
        f.write("text")
begin = cursor()
equal(unlink(MOUNT + "file"), 0, "the client deletes a file")
for old, new in (("plan", "plan2"), ("report", "old/report"), ("project", "old/project"),
                 ("new", "target")):
    os.rename(MOUNT + old, MOUNT + new)
equal([rmdir(MOUNT + name) for name in ("empty", "full")], [0, -39],
      "the client deletes one of two directories")
wanted = [record("unlink", "file"), record("move", "plan", "plan2"),
          record("move", "report", "old/report"), record("move", "project", "old/project"),
          record("rename", "target", None, "new"), record("rmdir", "empty")]
records = settle(begin, len(wanted))
equal([tuple(r.get("UNLINK_" + field) for field in FIELDS) for r in records], wanted,
      "each step that succeeds has one record")
equal([r["MESSAGE"].split("/")[0] for r in records], ["kworker"] * len(wanted),
      "a kernel thread did it")
run("umount", MOUNT)
run("ksmbd.control", "--shutdown")
done()
