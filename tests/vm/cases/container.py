#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
A path in a rule means the host's tree, through whichever mount, root or container a process reaches
it, and nothing else. The containers are a mount namespace and pivot_root, on overlayfs and on a
directory. Another one is started by systemd-nspawn where it is installed.
"""
import os
import subprocess
import time

import uwtest
import uwtree
from uwtest import deletions, done, ok, run, value
from uwtree import (MS_MOVE, VICTIMS, begin, check, here, mount, new_name, twice, unmount, victim,
                    write)

DATA = {"RULE": "data", "PATH_STATE": "resolved"}
ETC = {"RULE": "etc", "PATH_STATE": "resolved"}


def container(title, enter):
    """
    The cases for any container. It has the host's /srv/data as /data and the host's /etc as
    /hostetc.
    """
    n = new_name()
    write("/srv/data/" + n)
    victim(title + ": a file in a bind-mounted directory", enter, ["unlink", "/data/" + n],
           {**DATA, "PATH": "/data/" + n, "HOST_PATH": "/srv/data/" + n, "ROOT": None})
    n = new_name()
    write("/srv/data/" + n)
    write("/srv/data/by" + n)
    victim(title + ": a rename in a bind-mounted directory", enter,
           ["rename", "/data/by" + n, "/data/" + n],
           {**DATA, "PATH": "/data/" + n, "HOST_PATH": "/srv/data/" + n,
            "REPLACED_BY": "/data/by" + n})
    n = new_name()
    victim(title + ": no such file in a bind-mounted directory", enter, ["unlink", "/data/" + n],
           {"RULE": "data", "PATH_STATE": "lexical", "PATH": "/data/" + n})
    n = new_name()
    write("/srv/data/" + n)
    victim(title + ": by a descriptor of a bind-mounted directory", [*enter, "open", "/data"],
           ["unlinkat", "10", n, "0"],
           {**DATA, "PATH": "/data/" + n, "HOST_PATH": "/srv/data/" + n})
    n = new_name()
    write("/srv/data/secret/" + n)
    victim(title + ": a file in an excluded directory", enter, ["unlink", "/data/secret/" + n],
           None)
    n = new_name()
    write("/etc/" + n)
    victim(title + ": a file in the host's /etc", enter, ["unlink", "/hostetc/" + n],
           {**ETC, "PATH": "/hostetc/" + n, "HOST_PATH": "/etc/" + n})
    n = new_name()
    victim(title + ": no such file in its own /etc", enter, ["unlink", "/etc/" + n], None)
    n = new_name()
    victim(title + ": no such file in its own /srv/data", enter, ["unlink", "/srv/data/" + n], None)
    n = new_name()
    write("/srv/data/jail/" + n)
    victim(title + ": a chroot inside", [*enter, "chroot", "/data"], ["unlink", "/jail/" + n],
           {**DATA, "PATH": "/data/jail/" + n, "HOST_PATH": "/srv/data/jail/" + n, "ROOT": "/data"})


def overlays(box, count):
    """
    Creates the directories of an overlayfs with its own /etc and /srv/data. Returns its mount
    options.
    """
    for d in ("lower/data", "lower/hostetc", "upper", "work", "merged"):
        os.makedirs("%s/%s" % (box, d))
    for i in range(count):
        write("%s/lower/etc/own%d" % (box, i))
        write("%s/lower/srv/data/own%d" % (box, i))
    return "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work" % (box, box, box)


def binds(root):
    return ("bind", "/srv/data", root + "/data", "bind", "/etc", root + "/hostetc", "pivot", root)


def in_containers():
    # Like Docker: the host has mounted the file system, too.
    options = overlays("/srv/box", 8)
    run("mount", "-t", "overlay", "box", "-o", options, "/srv/box/merged")
    enter = ("unshare", *binds("/srv/box/merged"))
    container("overlayfs that the host sees", enter)
    victim("overlayfs that the host sees: its own /etc", enter, ["unlink", "/etc/own0"], None)
    victim("overlayfs that the host sees: its own /srv/data", enter, ["unlink", "/srv/data/own0"],
           None)
    # Like rootless podman: only the container has mounted it.
    options = overlays("/srv/pod", 8)
    enter = ("unshare", "mount", "overlay", "/srv/pod/merged", options, *binds("/srv/pod/merged"))
    container("overlayfs of its own", enter)
    victim("overlayfs of its own: its own /etc", enter, ["unlink", "/etc/own0"], None)
    victim("overlayfs of its own: its own /srv/data", enter, ["unlink", "/srv/data/own0"], None)
    victim("a tmpfs that only the container has, below /data",
           (*enter, "mount", "tmpfs", "/data/secret", ""),
           ["unlink", "/data/secret/none"], None)
    # Like nspawn and LXC: the root is a directory of the host's file system.
    for i in range(3):
        write("/srv/dir/etc/own%d" % i)
        write("/srv/dir/srv/data/own%d" % i)
    os.makedirs("/srv/dir/data")
    os.makedirs("/srv/dir/hostetc")
    enter = ("unshare", *binds("/srv/dir"))
    container("a directory", enter)
    victim("a directory: its own /etc", enter, ["unlink", "/etc/own0"], None)
    victim("a directory: its own /srv/data", enter, ["unlink", "/srv/data/own0"], None)
    # Mount points whose first bytes are the same: the kernel side compares them in parts.
    points = ["/a/long/way/down/there/is/the/" + last for last in ("one", "two", "two-or-more")]
    for p in points:
        os.makedirs("/srv/dir" + p)
    enter = ("unshare", "bind", "/srv/data", "/srv/dir" + points[0], "bind", "/etc",
             "/srv/dir" + points[1], "bind", "/opt", "/srv/dir" + points[2], "pivot", "/srv/dir")
    for p, rule in zip(points, ("data", "etc", None)):
        for path in (p + "/" + new_name(), p[1:] + "/" + new_name()):
            victim("no such file: " + path, enter, ["unlink", path],
                   rule and {"RULE": rule, "PATH_STATE": "lexical", "PATH": "/" + path.lstrip("/")})


def on_the_host():
    for rule, d in (("etc", "/etc"), ("data", "/srv/data")):
        here("the host's " + d, "%s/%s" % (d, new_name()),
             {"RULE": rule, "PATH_STATE": "resolved", "HOST_PATH": None})
    n = new_name()
    victim("the host's /etc by another process", (), ["unlink", "/etc/" + n],
           {"RULE": "etc", "PATH": "/etc/" + n})
    here("the host's /srv/data, excluded", "/srv/data/secret/" + new_name(), None)
    here("beside the host's /srv/data", "/srv/data2/" + new_name(), None)
    os.makedirs("/srv/bind", exist_ok=True)
    mount("/srv/data", "/srv/bind")
    time.sleep(1)
    n = new_name()
    here("a bind mount on the host", "/srv/bind/" + n, {**DATA, "HOST_PATH": "/srv/data/" + n})
    here("a bind mount on the host, excluded", "/srv/bind/secret/" + new_name(), None)
    n = new_name()
    write("/srv/data/" + n)
    victim("a bind mount in a namespace of its own", ("unshare", "bind", "/srv/data", "/opt"),
           ["unlink", "/opt/" + n], {**DATA, "PATH": "/opt/" + n, "HOST_PATH": "/srv/data/" + n})
    n = new_name()
    write("/srv/data/" + n)
    victim("a chroot whose /data is the watched directory", ("chroot", "/srv"),
           ["unlink", "/data/" + n],
           {**DATA, "PATH": "/srv/data/" + n, "HOST_PATH": None, "ROOT": "/srv"})
    n = new_name()
    write("/srv/data/" + n)
    victim("a chroot to the watched directory", ("chroot", "/srv/data"), ["unlink", "/" + n],
           {**DATA, "PATH": "/srv/data/" + n, "HOST_PATH": None, "ROOT": "/srv/data"})
    n = new_name()
    write("/srv/jail/etc/" + n)
    victim("a chroot's own /etc", ("chroot", "/srv/jail"), ["unlink", "/etc/" + n], None)
    victim("a chroot's own /etc, no such file", ("chroot", "/srv/jail"), ["unlink", "/etc/none"],
           None)
    n = new_name()
    victim("a chroot, no such file", ("chroot", "/srv"), ["unlink", "/data/" + n],
           {"RULE": "data", "PATH": "/srv/data/" + n, "PATH_STATE": "lexical"})


LATER = {"RULE": "later", "PATH_STATE": "resolved", "HOST_PATH": None}


def directories_appear():
    twice("a directory created after the start", "/srv/later", LATER)
    os.rename("/srv/later", "/srv/later.old")
    twice("a new directory of the same name", "/srv/later", LATER)
    twice("the directory that was moved away", "/srv/later.old", None)
    os.makedirs("/srv/incoming")
    os.rmdir("/srv/later")
    os.rename("/srv/incoming", "/srv/later")
    twice("a directory renamed to the watched path", "/srv/later", LATER)


def mounts_appear():
    mount("later", "/srv/later", "tmpfs", 0)
    twice("a tmpfs mounted on the watched directory", "/srv/later", LATER)
    unmount("/srv/later")
    twice("the directory after that tmpfs is unmounted", "/srv/later", LATER)
    os.makedirs("/srv/data/later")
    mount("later2", "/srv/data/later", "tmpfs", 0)
    twice("a tmpfs mounted below the watched directory", "/srv/data/later",
          {**DATA, "HOST_PATH": None})
    unmount("/srv/data/later")
    os.makedirs("/srv/mounted")
    time.sleep(1)   # else the daemon may see two changes as one
    # the kernel reuses the device number of the unmounted one
    mount("above", "/srv/mounted", "tmpfs", 0)
    twice("another tmpfs mounted above a watched directory", "/srv/mounted/sub",
          {"RULE": "deep", "HOST_PATH": None})
    twice("beside a watched directory on another tmpfs", "/srv/mounted/other", None)
    os.makedirs("/srv/data/secret/m")
    unmount("/srv/mounted")
    mount("excluded", "/srv/data/secret/m", "tmpfs", 0)
    twice("a tmpfs mounted below an excluded directory", "/srv/data/secret/m", None)
    unmount("/srv/data/secret/m")
    mount("again", "/srv/data/later", "tmpfs", 0)
    twice("a tmpfs below the watched directory that reuses the device number of an excluded one",
          "/srv/data/later", DATA)
    unmount("/srv/data/later")
    time.sleep(1)


def binds_appear():
    for d in ("/srv/foreign", "/srv/data/in", "/srv/data/moved", "/srv/alias"):
        os.makedirs(d)
    mount("/srv/foreign", "/srv/data/in")
    twice("a directory bind-mounted below the watched one", "/srv/data/in", {"RULE": "data"})
    n = new_name()
    here("the bind-mounted directory by its own path", "/srv/foreign/" + n,
         {**DATA, "HOST_PATH": "/srv/data/in/" + n})
    os.rename("/srv/foreign", "/srv/foreign.2")
    twice("after the bind-mounted directory is renamed", "/srv/data/in", {"RULE": "data"})
    os.makedirs("/srv/parent/bound")
    unmount("/srv/data/in")
    mount("/srv/parent/bound", "/srv/data/in")
    time.sleep(1)
    os.rename("/srv/parent", "/srv/parent.2")
    twice("after a parent of the bind-mounted directory is renamed", "/srv/data/in",
          {"RULE": "data"})
    unmount("/srv/data/in")
    run("mount", "--make-private", "/")
    mount("/srv/foreign.2", "/srv/data/in")
    time.sleep(1)
    mount("/srv/data/in", "/srv/data/moved", None, MS_MOVE)
    run("mount", "--make-shared", "/")
    twice("after that mount is moved", "/srv/data/moved", {"RULE": "data"})
    unmount("/srv/data/moved")
    time.sleep(1)
    mount("/srv/data", "/srv/alias")
    n = new_name()
    here("a bind mount of the watched directory, at once", "/srv/alias/" + n,
         {**DATA, "HOST_PATH": "/srv/data/" + n})
    unmount("/srv/alias")
    time.sleep(1)


def symlinks():
    for d in ("/srv/target2", "/srv/target3", "/srv/target4"):
        os.makedirs(d)
    here("in the target of a watched symlink", "/srv/target/" + new_name(),
         {"RULE": "link", "HOST_PATH": None})
    here("through a watched symlink", "/srv/link/" + new_name(),
         {"RULE": "link", "PATH": "/srv/target/f%d" % uwtree.serial})
    here("the watched symlink itself", "/srv/link", {"RULE": "link"}, make=False)
    os.symlink("target2", "/srv/link")
    for when in ("at once", "a second later"):
        here("through the symlink, which now has another target, " + when,
             "/srv/link/" + new_name(),
             {"RULE": "link", "PATH": "/srv/target2/f%d" % uwtree.serial})
        time.sleep(1)
    os.symlink("target3", "/srv/latelink")
    for when in ("at once", "a second later"):
        here("through a symlink created after the start, " + when, "/srv/latelink/" + new_name(),
             {"RULE": "latelink", "PATH": "/srv/target3/f%d" % uwtree.serial})
        time.sleep(1)
    for i in range(6):
        target = "target%d" % (3 + i % 2)
        os.unlink("/srv/latelink")
        time.sleep(0.01)
        os.symlink(target, "/srv/latelink")
        here("through a symlink that is replaced while the daemon re-reads it",
             "/srv/latelink/" + new_name(),
             {"RULE": "latelink", "PATH": "/srv/%s/f%d" % (target, uwtree.serial)})
        time.sleep(0.5)


def exclusion():
    """
    A rule excludes the host's /etc. Files in a container's own /etc are recorded all the same.
    """
    begin("[Watch most]\nExcludePath=/etc /srv/data/secret\n[Daemon]\nDetail=full\n")
    most = {"RULE": "most", "PATH_STATE": "resolved"}
    for title, box, enter in (
            ("overlayfs that the host sees", "/srv/box", ("unshare", *binds("/srv/box/merged"))),
            ("overlayfs of its own", None, ("unshare", "mount", "overlay", "/srv/pod/merged",
             "lowerdir=/srv/pod/lower,upperdir=/srv/pod/upper,workdir=/srv/pod/work",
             *binds("/srv/pod/merged"))),
            ("a directory", "/srv/dir", ("unshare", *binds("/srv/dir")))):
        where = {"/srv/box": "/srv/box/merged/etc/own2", "/srv/dir": "/srv/dir/etc/own2",
                 None: None}[box]
        victim("exclusion, %s: its own /etc" % title, enter, ["unlink", "/etc/own2"],
               {**most, "PATH": "/etc/own2", "HOST_PATH": where})
        n = new_name()
        write("/etc/" + n)
        victim("exclusion, %s: the host's /etc" % title, enter, ["unlink", "/hostetc/" + n], None)
        n = new_name()
        write("/srv/data/secret/" + n)
        victim("exclusion, %s: the host's excluded directory" % title, enter,
               ["unlink", "/data/secret/" + n], None)
        victim("exclusion, %s: no such file in its own /etc" % title, enter,
               ["unlink", "/etc/none"],
               {"RULE": "most", "PATH": "/etc/none", "PATH_STATE": "lexical"})
    here("exclusion: the host's /etc", "/etc/" + new_name(), None)
    here("exclusion: a directory that is not excluded", "/srv/data/" + new_name(), most)
    check()


def nspawn():
    if not os.path.exists("/usr/bin/systemd-nspawn"):
        uwtest._count += 1
        print("ok %d - systemd-nspawn # SKIP package systemd-container is not installed" %
              uwtest._count)
        return
    begin(RULES)
    os.makedirs("/srv/machine/usr")
    write("/srv/machine/etc/os-release", "ID=test\n")
    write("/srv/machine/etc/own")
    run("cp", VICTIMS, "/srv/machine/victims")
    for n, call, fields in (
            ("nspawn: a file in a bind-mounted directory", ["unlink", "/data/spawn"],
             {**DATA, "PATH": "/data/spawn", "HOST_PATH": "/srv/data/spawn", "CONTAINER": "box"}),
            ("nspawn: a file in its own /etc", ["unlink", "/etc/own"], None)):
        write("/srv/data/spawn")
        p = subprocess.run(["systemd-nspawn", "-q", "--directory=/srv/machine", "--machine=box",
                            "--pipe", "--bind=/srv/data:/data", "/victims", *call], input=b"x",
                            stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
        if not p.stdout.rstrip().endswith(b" 0"):
            ok(False, n, p.stdout)
            continue
        time.sleep(1)
        records = [r for r in deletions(uwtree.start)
                   if value(r["UNLINK_FILENAME"]).decode() == call[-1]]
        if fields is None:
            ok(not records, n + ": no record", *records)
        elif ok(len(records) == 1, n + ": one record", *records):
            for key, want in fields.items():
                uwtest.equal(records[0].get("UNLINK_" + key), want, "%s: %s" % (n, key))
            ok("box" in records[0]["UNLINK_CGROUP"], n + ": UNLINK_CGROUP names the machine",
               records[0]["UNLINK_CGROUP"], records[0].get("UNLINK_UNIT"))


RULES = """[Watch etc]
Path=/etc
[Watch data]
Path=/srv/data
ExcludePath=/srv/data/secret
[Watch later]
Path=/srv/later
[Watch deep]
Path=/srv/mounted/sub
[Watch link]
Path=/srv/link
[Watch latelink]
Path=/srv/latelink
[Daemon]
Detail=full
"""

run("modprobe", "overlay", check=False)
for directory in ("/srv/data/secret", "/srv/data2", "/srv/jail/etc", "/srv/target"):
    os.makedirs(directory)
os.symlink("target", "/srv/link")
begin(RULES, restarted=True)
in_containers()
check()
on_the_host()
check()
for part in (directories_appear, mounts_appear, binds_appear, symlinks):
    part()
    check()
exclusion()
nspawn()
done()
