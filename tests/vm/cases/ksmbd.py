#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The kernel's SMB server deletes, moves and replaces files for clients on the same machine. Each
record has the client's user and address.
"""
import os

from uwtest import (configure, cursor, deletions, done, equal, journal, need, restart, rmdir, run,
                    settle, touch, unlink, wait_for)

SHARE, MOUNT = "/srv/share/", "/mnt/"
FIELDS = ("OP", "PATH", "MOVED_TO", "REPLACED_BY", "RET", "VIA", "UID", "FSUID", "USER", "CLIENT",
          "CLIENT_FROM")
KSMBD_CONF = """[global]
	netbios name = guest
[share]
	path = /srv/share
	read only = no
"""


def record(op, name, moved_to=None, replaced_by=None):
    other = [n and SHARE + n for n in (moved_to, replaced_by)]
    return (op, SHARE + name, *other, "0", "kernel", "1000", None, "alice", "127.0.0.1",
            "request")


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

# Clients with other addresses, by turns, each with a connection of its own.
for address in ("192.0.2.7/32", "2001:db8::7/128"):
    run("ip", "address", "add", address, "dev", "lo", "nodad")
clients = {"127.0.0.1": MOUNT}
for address in ("192.0.2.7", "2001:db8::7"):
    clients[address] = "/root/%s/" % address
    os.mkdir(clients[address])
    run("mount", "-t", "cifs", "//%s/share" % address, clients[address], "-o",
        "username=alice,password=secret,nosharesock,ip=" + address)
# No file has a colon in its name over SMB.
wanted = {"%d-%s" % (i, a.replace(":", "_")): a for i in range(50) for a in clients}
for name in wanted:
    touch(SHARE + name)
    os.chown(SHARE + name, 1000, 1000)
begin = cursor()
failed = [name for name, address in wanted.items() if unlink(clients[address] + name)]
equal(failed, [], "%d clients delete by turns" % len(clients))
records = settle(begin, len(wanted))
equal({os.path.basename(r["UNLINK_PATH"]): r.get("UNLINK_CLIENT") for r in records}, wanted,
      "each of %d records has the address of its client" % len(wanted))

# The client has deleted a file that it has open, and hangs up before it closes it.
touch(SHARE + "open")
os.chown(SHARE + "open", 1000, 1000)
begin = cursor()
with open(clients["192.0.2.7"] + "open", encoding="utf-8"):
    os.unlink(clients["192.0.2.7"] + "open")
    run("ss", "-K", "dst", "192.0.2.7", "dport", "=", ":445", check=False)
    last = wait_for(lambda: next((r for r in deletions(begin) if r["UNLINK_OP"] == "unlink"), {}))
equal((last.get("UNLINK_COMM", "")[:6], last.get("UNLINK_CLIENT")), ("ksmbd:", "192.0.2.7"),
      "what the thread of a connection deletes has its client's address")
for mount in clients.values():
    run("umount", mount)
run("ksmbd.control", "--shutdown")
done()
