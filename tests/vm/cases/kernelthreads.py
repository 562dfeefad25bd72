#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
nfsd deletes files for clients on the same machine. Each deletion has two records: one for the
client's system call, and one for the kernel thread, with the user that the client is mapped to, its
address, and the host's path.
"""
import collections
import os
import socket
import stat
import struct
import subprocess
import time

from uwtest import (configure, cursor, deletions, done, equal, journal, ok, reload, restart, run,
                    settle, value, wait_for)

VICTIMS = "/root/vm/victims"
ALICE = 1000
NOBODY = 65534
MODULES = ("nfsd", "ksmbd")
CLIENTS = ("127.0.0.1", "127.0.0.2", "::1")
PROBES = ("vfs_rename", "vfs_rmdir", "vfs_symlink", "vfs_unlink")

# Each export is a file system below /srv/nfs on the server and below /mnt on the client.
EXPORTS = {"tmpfs": "no_root_squash", "ext": "no_root_squash", "ovl": "no_root_squash",
           "squash": "root_squash", "covered": "no_root_squash"}

Case = collections.namedtuple("Case", "title name client server")
cases = []
serial = 0


def probed():
    """The functions for kernel threads that have a probe."""
    with open("/sys/kernel/tracing/kprobe_events") as f:
        names = [line.split()[1] for line in f]
    return sorted({n for n in names if n in PROBES})


def unload():
    run("systemctl", "stop", "nfs-server", "proc-fs-nfsd.mount", "nfs-mountd", "nfs-idmapd",
        "nfsdcld", "ksmbd", check=False)
    for module in MODULES:
        run("modprobe", "-r", module, check=False)
    return [m for m in MODULES if os.path.exists("/sys/module/" + m)]


def appear(module):
    """After the module is loaded, systemd starts the helper, which attaches the probes."""
    ok(not probed(), "before %s is loaded, no probe for kernel threads is attached" % module,
       probed())
    run("modprobe", module)
    ok(wait_for(lambda: probed() == sorted(PROBES), 20),
       "after %s is loaded, the probes for kernel threads are attached" % module, probed())


def disappear(after):
    equal(unload(), [], "the modules can be unloaded")
    ok(wait_for(lambda: not probed(), 20), "the probes are detached when the modules are unloaded",
       probed())
    notes = [r["MESSAGE"] for r in journal(after) if "kernel threads" in r["MESSAGE"]]
    ok(len(notes) == 2 and " is there: watching what kernel threads delete" in notes[0] and
       "not watching kernel threads any more" in notes[1],
       "the journal says when the probes came and went", *notes)


def new_name():
    global serial
    serial += 1
    return "n%d" % serial


def fields(path, **more):
    """The fields of a file's record, from lstat(2) before its deletion."""
    s = os.lstat(path)
    links = s.st_nlink - (0 if more.get("RET", "0") != "0" else s.st_nlink
                          if stat.S_ISDIR(s.st_mode) else 1)
    return {"INODE": str(s.st_ino), "MODE": "0%o" % s.st_mode, "OWNER": str(s.st_uid),
            "SIZE": str(s.st_size), "NLINK": str(links), **more}


def server(path, uid=0, ret=0, **more):
    """The fields that the kernel thread's record must have; None: the field must be absent."""
    error = {-1: "EPERM", -39: "ENOTEMPTY"}.get(ret)
    dev = os.stat(os.path.dirname(path)).st_dev
    return fields(path, VIA="kernel", COMM="nfsd", EXE=None, CMDLINE=None, UID=str(uid),
                  GID=str(uid), EUID="0", CLIENT="127.0.0.1", CLIENT_FROM="request", ANCESTORS=None,
                  PPID="2", USER={0: "root", ALICE: "alice", NOBODY: "nobody"}[uid], RET=str(ret),
                  ERRNO=error,
                  PATH=path, PATH_STATE="resolved", HOST_PATH=None, FILENAME=os.path.basename(path),
                  DEV="%d:%d" % (os.major(dev), os.minor(dev)), **more)


def make(path, text="", uid=0):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chown(path, uid, uid)


def client(call, title, name, expected, steps=(), ret=0, op=None, **more):
    """
    A process deletes on the NFS mount. Expects a record for it, with these fields, and one for the
    server.
    """
    p = subprocess.run([VICTIMS, *steps, *call], input=b"x", stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    said = p.stdout.split(b"\n")
    if len(said) < 2 or said[0] != b"ready" or int(said[1].split()[1]) != ret:
        ok(False, title + ": the client's deletion", p.stdout)
        return
    path, op = call[1] if op == "move" else call[-1], op or call[0]
    cases.append(Case(title, name, {"VIA": "syscall", "OP": op, "COMM": "victims",
                                    "RET": str(ret), "PATH": path,
                                    "FILENAME": path, "CLIENT": None, **more},
                      expected and {**expected, "OP": op}))


def one_of_each(export, uid):
    """An unlink, two rmdirs, a rename that replaces a file, and a move."""
    here, there = "/srv/nfs/" + export, "/mnt/" + export
    who = "%s, %s" % (export, "root" if uid == 0 else "a user")
    steps = () if uid == 0 else ("setuid", str(uid))
    rules = {"RULE": ["all", "alice"] if uid == ALICE else "all"}

    n = new_name()
    make("%s/%s" % (here, n), "four", uid)
    client(["unlink", "%s/%s" % (there, n)], who + ": unlink", n,
           server("%s/%s" % (here, n), uid, **rules), steps)
    n = new_name()
    os.mkdir("%s/%s" % (here, n))
    os.chown("%s/%s" % (here, n), uid, uid)
    client(["rmdir", "%s/%s" % (there, n)], who + ": rmdir", n,
           server("%s/%s" % (here, n), uid, **rules), steps)
    n = new_name()
    make("%s/%s" % (here, n), "victim", uid)
    make("%s/%s.new" % (here, n), "", uid)
    # else the client does not know that it replaces a file, and has no record
    os.stat("%s/%s" % (there, n))
    client(["rename", "%s/%s.new" % (there, n), "%s/%s" % (there, n)], who + ": rename", n,
           server("%s/%s" % (here, n), uid, REPLACED_BY="%s/%s.new" % (here, n), **rules), steps)
    n = new_name()
    old, new = "%s/%s" % (here, n), "%s/%s.moved" % (here, n)
    make(old, "goes", uid)
    client(["rename", "%s/%s" % (there, n), "%s/%s.moved" % (there, n)], who + ": a move", n,
           server(old, uid, MOVED_TO=new, NLINK="1", **rules), steps, op="move",
           MOVED_TO="%s/%s.moved" % (there, n))
    n = new_name()
    os.makedirs("%s/%s/sub" % (here, n))
    os.chown("%s/%s" % (here, n), uid, uid)
    client(["rmdir", "%s/%s" % (there, n)], who + ": rmdir of a directory that is not empty", n,
           server("%s/%s" % (here, n), uid, -39, **rules), steps, -39)


def overlay():
    """overlayfs calls the same kernel functions for its layers. These calls must have no record."""
    here, there = "/srv/nfs/ovl/", "/mnt/ovl/"
    for name, title in (("lower", "a file of the lower layer"),
                        ("upper", "a file of the upper layer")):
        client(["unlink", there + name], "overlayfs: " + title, name,
               server(here + name, RULE="all"))
    client(["rmdir", there + "lowerdir"], "overlayfs: a directory of the lower layer", "lowerdir",
           server(here + "lowerdir", RULE="all"))
    os.stat(there + "target")
    client(["rename", there + "source", there + "target"], "overlayfs: a rename", "target",
           server(here + "target", REPLACED_BY=here + "source", RULE="all"))
    client(["unlink", there + "secret/hidden"], "overlayfs: a file that no rule covers", "hidden",
           None)


def make_overlay():
    os.makedirs("/srv/ovl/lower/lowerdir")
    for name in ("lower/lower", "upper/upper", "lower/source", "lower/target",
                 "lower/secret/hidden"):
        make("/srv/ovl/" + name, name)
    os.mkdir("/srv/ovl/work")
    run("modprobe", "overlay")
    run("mount", "-t", "overlay", "overlay", "-o",
        "lowerdir=/srv/ovl/lower,upperdir=/srv/ovl/upper,"
        "workdir=/srv/ovl/work,index=on,nfs_export=on", "/srv/nfs/ovl")


def prepare():
    os.makedirs("/srv/nfs/ext")
    for name in EXPORTS:
        os.makedirs("/srv/nfs/" + name, exist_ok=True)
        os.makedirs("/mnt/" + name)
    for name in ("tmpfs", "squash", "covered"):
        run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/srv/nfs/" + name)
    os.chmod("/srv/nfs/ext", 0o1777)
    make_overlay()
    with open("/etc/exports", "w") as f:
        for number, (name, squash) in enumerate(EXPORTS.items(), 1):
            options = "(rw,%s,fsid=%d,no_subtree_check,insecure)" % (squash, number)
            f.write("/srv/nfs/%s 127.0.0.0/8%s ::1%s\n" % (name, options, options))
    run("useradd", "-u", str(ALICE), "alice")


def nfs():
    run("systemctl", "start", "nfs-server")
    for name in EXPORTS:
        run("mount", "-t", "nfs4", "-o", "vers=4.2,soft,timeo=50", "127.0.0.1:/srv/nfs/" + name,
            "/mnt/" + name)
    for export, uid in (("tmpfs", 0), ("tmpfs", ALICE), ("ext", ALICE)):
        one_of_each(export, uid)

    n = new_name()
    make("/srv/nfs/squash/" + n)
    client(["unlink", "/mnt/squash/" + n],
           "root_squash: root may not remove another user's file from a sticky directory", n,
           server("/srv/nfs/squash/" + n, NOBODY, -1, RULE="all"), ret=-1)
    n = new_name()
    make("/srv/nfs/tmpfs/secret/" + n)
    client(["unlink", "/mnt/tmpfs/secret/" + n], "a file that no rule on the server covers", n,
           None)
    overlay()

    n = new_name()
    make("/srv/nfs/covered/" + n)
    expected = server("/srv/nfs/covered/" + n, RULE="all")
    run("mount", "-t", "tmpfs", "tmpfs", "/srv/nfs/covered")
    time.sleep(0.5)  # the daemon reads new mounts up to 0.1 s later
    client(["unlink", "/mnt/covered/" + n], "a file that another mount of the host hides", n,
           expected)
    run("umount", "/srv/nfs/covered")


def compare(title, records, expected):
    if expected is None:
        ok(not records, title + ": no record", *records)
    elif ok(len(records) == 1, title + ": one record", *records):
        got = {key: records[0].get("UNLINK_" + key) for key in expected}
        equal(got, expected, title + ": its fields")


def check(start):
    records = collections.defaultdict(list)
    settle(start, sum((c.client is not None) + (c.server is not None) for c in cases))
    time.sleep(1)  # for records that must not come
    for r in deletions(start):
        name = os.path.basename(value(r["UNLINK_FILENAME"]).decode())
        records[name, r["UNLINK_VIA"]].append(r)
    for c in cases:
        compare(c.title + ", client", records.pop((c.name, "syscall"), []), c.client)
        compare(c.title + ", server", records.pop((c.name, "kernel"), []), c.server)
    ok(not records, "there are no other records",
       *(r["MESSAGE"] for some in records.values() for r in some))
    cases.clear()


def silly_rename():
    """The client renames a file that it still has open, and removes it at close(2)."""
    make("/srv/nfs/tmpfs/open")
    inode = os.stat("/srv/nfs/tmpfs/open").st_ino
    start = cursor()
    with open("/mnt/tmpfs/open"):
        os.unlink("/mnt/tmpfs/open")
    got = [(r["UNLINK_VIA"], r["UNLINK_PATH"][:len("/srv/nfs/tmpfs/.nfs")], r["UNLINK_INODE"])
           for r in settle(start, 3)]
    equal(sorted(got), [("kernel", "/srv/nfs/tmpfs/.nfs", str(inode)),
                        ("kernel", "/srv/nfs/tmpfs/open", str(inode)),
                        ("syscall", "/mnt/tmpfs/open", str(inode))],
          "a file that the client had open is moved, and removed under its new name")


def moved_directory():
    """A client renames a directory whose path the kernel side has cached on this CPU."""
    before, after = "/srv/nfs/tmpfs/before/", "/srv/nfs/tmpfs/after/"
    for name in "abcd":
        make(before + name)
    start = cursor()
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    for name in "abc":
        os.unlink(before + name)
    os.rename("/mnt/tmpfs/before", "/mnt/tmpfs/after")
    os.unlink(after + "d")
    os.sched_setaffinity(0, cpus)
    got = [r["UNLINK_PATH"] for r in settle(start, 6) if r["UNLINK_OP"] == "unlink"]
    equal(got, [before + name for name in "abc"] + [after + "d"],
          "a directory that nfsd has moved is not taken for the old one")


def turned_link():
    """A client turns a symbolic link that a rule's path leads through."""
    top, link = "/srv/nfs/tmpfs/", "/mnt/tmpfs/link"
    for name in ("one/a", "one/b", "two/c"):
        make(top + name)
    os.symlink("one", top + "link")
    with open("/etc/unlinkwatch.conf", "a") as f:
        f.write("[Watch linked]\nPath=%slink\n" % top)
    reload()
    start = cursor()
    os.unlink(top + "one/a")
    os.unlink(link)
    os.symlink("two", link)
    os.unlink(top + "two/c")
    os.unlink(top + "one/b")
    got = {os.path.basename(r["UNLINK_PATH"]): "linked" in r["UNLINK_RULE"]
           for r in settle(start, 5) if r["UNLINK_PATH"].startswith((top + "one", top + "two"))}
    equal(got, {"a": True, "c": True, "b": False},
          "a rule follows its link as soon as nfsd has turned it")


def opaque(data):
    """Bytes of any length, in XDR."""
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def remove_call(path):
    """A request of NFS 4.0, by root: the compound that removes a file. See RFC 7530."""
    *directories, name = path.strip("/").encode().split(b"/")
    operations = [struct.pack(">I", 24)]  # PUTROOTFH
    operations += [struct.pack(">I", 15) + opaque(d) for d in directories]  # LOOKUP
    operations += [struct.pack(">I", 28) + opaque(name)]  # REMOVE
    user = struct.pack(">I", 0) + opaque(b"test") + struct.pack(">3I", 0, 0, 0)
    call = struct.pack(">7I", 1, 0, 2, 100003, 4, 1, 1) + opaque(user) + bytes(8) + opaque(b"") + \
        struct.pack(">2I", 0, len(operations)) + b"".join(operations)
    return struct.pack(">I", 1 << 31 | len(call)) + call


def status_of(connection):
    """The status of the compound that is answered next."""
    size, = struct.unpack(">I", connection.recv(4, socket.MSG_WAITALL))
    answer = connection.recv(size & 0x7fffffff, socket.MSG_WAITALL)
    return struct.unpack(">I", answer[24:28])[0]


def other_clients():
    """Requests of several clients by turns, for the few threads that all of them share."""
    with open("/proc/fs/nfsd/threads", "w") as f:
        f.write("2")
    connections = {a: socket.create_connection(("::1" if ":" in a else "127.0.0.1", 2049), 60,
                                               (a, 0)) for a in CLIENTS}
    wanted = {"%d-%s" % (i, a): a for i in range(200) for a in CLIENTS}
    for name in wanted:
        make("/srv/nfs/tmpfs/" + name)
    start, failed = cursor(), 0
    for name, address in wanted.items():
        connections[address].sendall(remove_call("/srv/nfs/tmpfs/" + name))
        if address == CLIENTS[-1]:  # all are under way
            failed += sum(status_of(c) != 0 for c in connections.values())
    equal(failed, 0, "%d clients delete by turns" % len(CLIENTS))
    records = settle(start, len(wanted))
    equal({r["UNLINK_FILENAME"]: r.get("UNLINK_CLIENT") for r in records}, wanted,
          "each of %d records has the address of its client" % len(wanted))
    equal(len(records), len(wanted), "and there are no others")
    shared = collections.defaultdict(set)
    for r in records:
        shared[r["UNLINK_TID"]].add(r["UNLINK_CLIENT"])
    ok(any(len(addresses) > 1 for addresses in shared.values()),
       "a thread has worked for more than one of them", dict(shared))


equal(unload(), [], "neither nfsd nor ksmbd is loaded")
configure("""[Watch all]
ExcludePath=/proc /sys /dev /run /var /tmp /srv/nfs/tmpfs/secret /srv/nfs/ovl/secret
[Watch alice]
User=%d
Path=/srv/nfs /mnt
[Daemon]
Detail=full
""" % ALICE)
restart()
prepare()
begin = cursor()
appear("nfsd")
nfs()
check(begin)
silly_rename()
moved_directory()
turned_link()
other_clients()
for export in EXPORTS:
    run("umount", "/mnt/" + export)
disappear(begin)
done()
