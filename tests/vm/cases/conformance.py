#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The conformance table: each kind of deletion x each way to name the file x success and failure.
Every field of each record must equal what this script finds out itself. A `victims` process does
each deletion. While it waits, the script reads /proc/PID for the fields of the process, and stat(2)
and /proc/self/fd for those of the file.

One daemon for each of UW_PROBES watches the same deletions at the same time, and each must get all
of them right.
"""
import collections
import ctypes
import errno
import fcntl
import os
import pwd
import shlex
import stat
import subprocess
import sys
import time
import traceback

import uwtest
from uwtest import (LOSS, STOPPED, configure, cursor, deletions, done, equal, journal, leave_others,
                    ok, preempts, run, settle, value)

VICTIMS = "/root/vm/victims"
B = "/srv/c"
USER = 1500

CDLL = ctypes.CDLL(None, use_errno=True)
kernel = tuple(int(n) for n in os.uname().release.split("-")[0].split(".")[:2])
PROBES = os.environ.get("UW_PROBES", "kprobe fentry" if kernel > (5, 10) else "kprobe").split()
n_cases = 0
cases = []


# ---- the daemons

def unit(probe):
    return "unlinkwatchd-%s.service" % probe


def start_daemons():
    """
    Each is the service with another probe. The variable meant for tests forces fentry where the
    kernel would skip it.
    """
    for probe in PROBES:
        with open("/run/systemd/system/" + unit(probe), "w") as f:
            f.write(run("systemctl", "cat", "unlinkwatchd.service") +
                    "[Service]\nExecStart=\nExecStart=/usr/sbin/unlinkwatchd --probe=%s\n"
                    "Environment=UNLINKWATCH_PREEMPTION=none\n" % probe)
    run("systemctl", "daemon-reload")
    run("systemctl", "stop", "unlinkwatchd")
    for probe in PROBES:
        run("systemctl", "start", unit(probe))


def by_probe(records):
    """Sorts the records by the daemon that wrote them."""
    return {probe: [r for r in records if r["_SYSTEMD_UNIT"] == unit(probe)] for probe in PROBES}


# ---- what a record must have

def read(path):
    with open(path, "rb") as f:
        return f.read()


def link(path):
    try:
        return os.readlink(path)
    except OSError as e:
        if e.errno != errno.ENAMETOOLONG:
            raise
        return None


def who(pid):
    """The fields of a process, from /proc."""
    at = "/proc/%d/" % pid
    status = dict(line.split(":\t", 1) for line in read(at + "status").decode().splitlines()
                  if ":\t" in line)
    real, effective = status["Uid"].split()[:2]
    args = read(at + "cmdline")
    cut = len(args) > 1024
    args = args[:1024] if cut else args[:-1]
    cgroup = read(at + "cgroup").decode().split("0::", 1)[1].strip()
    parts = [p for p in cgroup.split("/") if p]
    slices = [p for p in parts if p.endswith(".slice")]
    units = [p for p in parts if p.endswith((".service", ".scope"))]
    audit = [read(at + name).decode() for name in ("loginuid", "sessionid")]
    audit = [None if n == "4294967295" else n for n in audit]
    try:
        user = pwd.getpwuid(int(real)).pw_name
    except KeyError:
        user = None
    root, cwd = os.readlink(at + "root"), link(at + "cwd") or ""
    if cwd.endswith(" (deleted)"):
        cwd = cwd[:-len(" (deleted)")]
    return {
        "PID": pid, "TID": pid, "PPID": status["PPid"].strip(), "COMM": read(at + "comm")[:-1],
        "UID": real, "EUID": effective, "GID": status["Gid"].split()[0], "USER": user,
        "LOGINUID": audit[0], "SESSION": audit[1],
        "EXE": os.readlink(at + "exe"),
        "CMDLINE": shlex.join(a.decode() for a in args.split(b"\0")) + (" (cut)" if cut else ""),
        "CWD": cwd, "ROOT": None if root == "/" else root,
        "CGROUP": cgroup, "UNIT": units[0] if units else None,
        "SLICE": slices[-1] if slices else None,
        "CONTAINER": None, "MNTNS": os.stat(at + "ns/mnt").st_ino,
    }


def mount_of(fd, pid):
    """Device and type of the file system of fd, from mountinfo."""
    with open("/proc/self/fdinfo/%d" % fd) as f:
        mount = [line.split()[1] for line in f if line.startswith("mnt_id:")][0]
    for table in ("/proc/self/mountinfo", "/proc/%d/mountinfo" % pid):
        with open(table) as f:
            for line in f:
                words = line.split()
                if words[0] == mount:
                    return words[2], words[words.index("-") + 1].split(".")[0]
    st = os.fstat(fd)  # not mounted anywhere
    return "%d:%d" % (os.major(st.st_dev), os.minor(st.st_dev)), None


def parent_of(pid, fd, name):
    """Opens the parent directory as the process would. Returns it and the last component."""
    # `..` must not leave the root of the process.
    root = os.readlink("/proc/%d/root" % pid)
    if root != "/":
        cwd = os.readlink("/proc/%d/cwd" % pid)
        if fd == "cwd" and cwd.startswith(root):
            full = os.path.normpath("/" + os.path.join(cwd[len(root):] or "/", name))
            name = full.replace("//", "/")
    name = name.replace("/proc/self/", "/proc/%d/" % pid)
    start = "root" if name.startswith("/") else "cwd" if fd == "cwd" else "fd/" + fd
    start = os.open("/proc/%d/%s" % (pid, start), os.O_PATH)
    directory, last = os.path.split(name.rstrip("/"))
    parent = os.open(directory.lstrip("/") or ".", os.O_PATH | os.O_DIRECTORY, dir_fd=start)
    os.close(start)
    return parent, last


def true_path(parent, last):
    directory = link("/proc/self/fd/%d" % parent) or ""
    return os.path.join(directory, last)


def lexical_path(pid, root, fd, name):
    """
    The path by its text alone: nothing is looked up, and `..` stops at the root of the process.
    """
    root = root or "/"
    start = root
    if not name.startswith("/"):
        start = link("/proc/%d/%s" % (pid, "cwd" if fd == "cwd" else "fd/" + fd))
    if start is None:
        return None
    if start.endswith(" (deleted)"):
        start = start[:-len(" (deleted)")]
    floor = [p for p in root.split("/") if p]
    parts = [p for p in start.split("/") if p]
    for p in name.split("/"):
        if p == "..":
            if parts != floor:
                parts = parts[:-1]
        elif p not in ("", "."):
            parts.append(p)
    return "/" + "/".join(parts)


def what(parent, last, pid, covered):
    """The fields of the target and of its file system, and its stat."""
    st = covered or os.stat(last, dir_fd=parent, follow_symlinks=False)
    dev, fstype = mount_of(parent, pid)
    return {"DEV": dev, "FSTYPE": fstype, "INODE": st.st_ino, "MODE": "0%o" % st.st_mode,
            "OWNER": st.st_uid, "SIZE": st.st_size}, st


NOTHING = dict.fromkeys(("DEV", "FSTYPE", "INODE", "MODE", "OWNER", "SIZE", "NLINK", "REPLACED_BY"))


def parse(call):
    """Descriptor and name of the victim, then of the file that replaces it."""
    if call[0] in ("unlink", "rmdir"):
        return "cwd", call[1], None, None
    if call[0] == "rename":
        return "cwd", call[2], "cwd", call[1]
    if call[0] == "unlinkat":
        return call[1], call[2], None, None
    return call[3], call[4], call[1], call[2]


def operation(call):
    if call[0].startswith("rename"):
        return "rename"
    removes_directory = call[0] == "rmdir" or call[0] == "unlinkat" and int(call[3], 0) & 0x200
    return "rmdir" if removes_directory else "unlink"


Case = collections.namedtuple("Case", "title pid expected parent began ended problem")


def case(title, call, result=0, steps=(), state="resolved", record=True, covered=None, before=None,
         **changes):
    """
    One deletion. state: the expected UNLINK_PATH_STATE; record=False: no record is expected;
    covered: stat of a mount point without its mount; before: called when the victim is ready to
    delete; changes: fields with other values.
    """
    global n_cases
    n_cases += 1
    p = subprocess.Popen([VICTIMS, *steps, *call], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, cwd="/")
    said = p.stdout.readline()
    if said != b"ready\n":
        p.wait()
        ok(False, title, "the victim says: %r" % said)
        return
    if before:
        before()
    fd, name, from_fd, source = parse(call)
    expected, links, identity = who(p.pid), None, None
    threaded, via = "thread" in steps, [b for a, b in zip(steps, steps[1:]) if a == "via"]
    via = "io_uring" if via and via[0] in ("uring", "sqpoll") else "syscall"
    expected.update({"OP": operation(call), "VIA": via, "RET": -result, "PATH_STATE": state,
                     "ERRNO": errno.errorcode[result] if result else None, "FILENAME": name})
    expected.update(NOTHING)
    if record and state in ("resolved", "truncated") and (not result or state == "resolved"):
        parent, last = parent_of(p.pid, fd, name)
        expected["PATH"] = true_path(parent, last)
        more, st = what(parent, last, p.pid, covered)
        expected.update(more)
        links = st.st_nlink if result else 0 if stat.S_ISDIR(st.st_mode) else st.st_nlink - 1
        expected["NLINK"] = links
        if source is not None:
            by, last_by = parent_of(p.pid, from_fd, source)
            expected["REPLACED_BY"] = true_path(by, last_by)
            os.close(by)
        identity = os.fstat(parent).st_dev, os.fstat(parent).st_ino
        os.close(parent)
    elif record:
        expected["PATH"] = lexical_path(p.pid, expected["ROOT"], fd,
                                        name) if state == "lexical" else None
    began = time.time()
    said = p.communicate(b"x")[0].split()
    ended = time.time()
    problem = None
    if len(said) != 2 or int(said[1]) != -result:
        problem = "the call itself returned %s, not %d" % (b" ".join(said), -result)
    elif via == "io_uring":
        del expected["TID"]  # that of an io_uring worker, which nothing shows
    elif threaded:
        expected["TID"] = int(said[0])
    expected.update(changes)
    cases.append(Case(title, p.pid, expected if record else None, identity, began, ended, problem))


def field(v):
    return v if v is None or isinstance(v, bytes) else str(v).encode()


def short(v):
    if v is None or len(v) < 200:
        return repr(v)
    return "%r... (%d bytes) ...%r" % (v[:60], len(v), v[-60:])


def check_host_path(c, host, path):
    """UNLINK_HOST_PATH must be another path to the same directory."""
    try:
        st = os.stat(os.path.dirname(host))
    except OSError as e:
        return ["HOST_PATH: %s: %s" % (short(host), e)]
    if host == path or (st.st_dev, st.st_ino) != c.parent:
        return ["HOST_PATH: not the place: %s" % short(host)]
    return []


def compare(c, probe, records):
    title = "%s: %s" % (probe, c.title)
    if c.problem:
        return ok(False, title, c.problem)
    if c.expected is None:
        return ok(not records, title + ": no record", *(str(r) for r in records))
    if len(records) != 1:
        return ok(False, title, "%d records" % len(records), *(str(r) for r in records))
    r, wrong = records[0], []
    for key, want in c.expected.items():
        want, got = field(want), r.get("UNLINK_" + key)
        got = None if got is None else value(got)
        if (key == "PATH_STATE" and want == b"truncated" and got == b"resolved" and
                len(field(c.expected["PATH"])) < 4096):
            continue
        if key == "PATH" and r["UNLINK_PATH_STATE"] == "truncated":
            if not got or not want.endswith(got) or not got.startswith(b"/"):
                wrong += ["PATH: expected the end of " + short(want),
                          "PATH: got      " + short(got)]
        elif got != want:
            wrong += ["%s: expected %s" % (key, short(want)), "%s: got      %s" % (key, short(got))]
    if "UNLINK_HOST_PATH" in r:
        wrong += check_host_path(c, value(r["UNLINK_HOST_PATH"]), value(r["UNLINK_PATH"]))
    at = int(r["UNLINK_TIME"]) / 1e9
    if not c.began - 0.2 < at < c.ended + 0.2:
        wrong.append("TIME: %f is not between %f and %f" % (at, c.began, c.ended))
    if not 0 < int(r.get("UNLINK_DURATION_NS", 0)) < 1e9 * (c.ended - c.began + 0.2):
        wrong.append("DURATION_NS: %s" % r.get("UNLINK_DURATION_NS"))
    return ok(not wrong, title, *wrong)


def check():
    """Compares the records of all cases since the last check."""
    last = [c for c in cases if c.expected and not c.problem]
    settle(start, len(last) * len(PROBES), *(c.pid for c in last), seconds=20)
    for probe, got in by_probe(deletions(start, *(c.pid for c in cases))).items():
        records = collections.defaultdict(list)
        for r in got:
            records[int(r["UNLINK_PID"])].append(r)
        for c in cases:
            compare(c, probe, records[c.pid])
    cases.clear()


# ---- things to delete

def fill(parent, name, what_for):
    """A file, or an empty directory, that differs from the others in mode, owner and size."""
    if what_for == "directory":
        os.mkdir(name, dir_fd=parent)
        os.chmod(name, 0o700 + n_cases % 64, dir_fd=parent)
    else:
        fd = os.open(name, os.O_CREAT | os.O_WRONLY | os.O_EXCL, dir_fd=parent)
        os.write(fd, b"x" * (17 * n_cases % 3000))
        os.fchown(fd, 2000 + n_cases, 0)
        os.fchmod(fd, 0o600 + n_cases % 64 + (0o4000 if n_cases % 3 else 0))
        os.close(fd)


# steps: of the victim; where: the directory as seen from here; prefix: what the victim puts before
# the name; fd: the descriptor that this is relative to; last: the length of the name.
Way = collections.namedtuple("Way", "title where prefix steps fd last", defaults=((), "cwd", 0))
# thing: the type of the victim; call: a function of the descriptor, the name, and the name of its
# replacement
Kind = collections.namedtuple("Kind", "title thing at call steps", defaults=((),))

UNLINK = Kind("unlink", "file", False, lambda fd, a, b: ["unlink", a])
RMDIR = Kind("rmdir", "directory", False, lambda fd, a, b: ["rmdir", a])
UNLINKAT = Kind("unlinkat", "file", True, lambda fd, a, b: ["unlinkat", fd, a, "0"])
REMOVEDIR = Kind("unlinkat(AT_REMOVEDIR)", "directory", True,
                 lambda fd, a, b: ["unlinkat", fd, a, "0x200"])
RENAME = Kind("rename over a file", "file", False, lambda fd, a, b: ["rename", b, a])
RENAMEDIR = Kind("rename over a directory", "directory", False, lambda fd, a, b: ["rename", b, a])
RENAMEAT = Kind("renameat over a file", "file", True, lambda fd, a, b: ["renameat", fd, b, fd, a])
RENAMEAT2 = Kind("renameat2 over a file", "file", True,
                 lambda fd, a, b: ["renameat2", fd, b, fd, a, "0"])
NATIVE = [UNLINK, UNLINKAT, REMOVEDIR, RMDIR, RENAME, RENAMEAT, RENAMEAT2, RENAMEDIR]


def through(way, kinds):
    return [k._replace(title=way + " " + k.title,
                       steps=("via", way if way != "io_uring" else "uring"))
            for k in kinds]


INT80 = through("int80", [UNLINK, UNLINKAT, REMOVEDIR, RMDIR, RENAME, RENAMEAT, RENAMEAT2])
URING = through("io_uring", [UNLINKAT, REMOVEDIR, RENAMEAT])
SQPOLL = through("sqpoll", [UNLINKAT, RENAMEAT])


def skip(what_for, why):
    uwtest._count += 1
    print("ok %d - %s # SKIP %s" % (uwtest._count, what_for, why))
    sys.stdout.flush()


def success(kind, way, **more):
    if way.fd != "cwd" and not kind.at:
        return
    parent = os.open(way.where, os.O_PATH | os.O_DIRECTORY)
    name = "%d" % n_cases
    name = name + "n" * (way.last - len(name))
    fill(parent, name, kind.thing)
    if "rename" in kind.title:
        fill(parent, "by%d" % n_cases, kind.thing)
    call = kind.call(way.fd, way.prefix + name, way.prefix + "by%d" % n_cases)
    os.close(parent)
    case("%s, %s" % (kind.title, way.title), call, steps=(*kind.steps, *way.steps), **more)


def failure(kind, why, result, name, state="resolved", steps=(), fd="cwd", by=B + "/source",
            record=True, **more):
    if fd != "cwd" and not kind.at:
        return
    case("%s: %s, %s" % (kind.title, errno.errorcode[result], why), kind.call(fd, name, by), result,
         steps=(*kind.steps, *steps), state=state, record=record, **more)


# ---- directories and mounts

def mount(*args):
    run("mount", *args)


def new(*names):
    for name in names:
        os.makedirs(name)


def immutable(path, on):
    fd = os.open(path, os.O_RDONLY)
    flags = bytearray(fcntl.ioctl(fd, 0x80086601, bytes(8)))
    flags[0] = flags[0] | 0x10 if on else flags[0] & ~0x10
    fcntl.ioctl(fd, 0x40086602, bytes(flags))
    os.close(fd)


def ways():
    new(B, B + "/d", B + "/e/f", B + "/other", B + "/real", B + "/bind", B + "/twice",
        B + "/jail/in/sub",
        B + "/jail/mnt", B + "/tmpfs", B + "/over", B + "/lower/below", B + "/upper", B + "/work",
        B + "/ns")
    os.symlink("d", B + "/sym")
    os.symlink(B + "/sym", B + "/symsym")
    os.symlink("e/f", B + "/link")
    mount("--bind", B + "/real", B + "/bind")
    mount("--bind", B + "/d", B + "/twice")
    mount("--make-private", B + "/twice")
    mount("--bind", B + "/real", B + "/twice")
    mount("-t", "tmpfs", "conformance", B + "/tmpfs")
    new(B + "/tmpfs/t")
    mount("--bind", B + "/tmpfs/t", B + "/jail/mnt")
    deep = B + "/deep" + "/x" * 200
    new(deep)
    long = B + "/long"
    while len(long) < 3600:
        long += "/" + "l" * 250
    long += "/" + "l" * (3898 - len(long))
    new(long)
    yield Way("absolute", B + "/d", B + "/d/")
    yield Way("relative", B + "/d", "d/", ("chdir", B))
    yield Way("in the working directory", B + "/d", "", ("chdir", B + "/d"))
    yield Way("by a descriptor", B + "/d", "", ("open", B + "/d"), "10")
    yield Way("below a descriptor", B + "/d", "d/", ("chdir", "/tmp", "open", B), "10")
    yield Way("absolute, the descriptor ignored", B + "/d", B + "/d/", ("open", "/etc"), "10")
    yield Way("with `..`", B + "/d", "../d/./", ("chdir", B + "/other"))
    yield Way("`..` after a symlink", B + "/e", B + "/link/../")
    yield Way("through a symlinked directory", B + "/d", B + "/sym/")
    yield Way("through two symlinks", B + "/d", "symsym/", ("chdir", B))
    yield Way("with // and ./", B + "/d", "//srv///./c//d/.///")
    yield Way("through a bind mount", B + "/bind", B + "/bind/")
    yield Way("in a bind mount by a descriptor", B + "/bind", "", ("open", B + "/bind"), "10")
    yield Way("in a bind mount on a bind mount", B + "/twice", "twice/", ("chdir", B))
    yield Way("in a chroot", B + "/jail/in", "/in/", ("chroot", B + "/jail"))
    yield Way("relative in a chroot", B + "/jail/in", "", ("chroot", B + "/jail", "chdir", "/in"))
    yield Way("`..` in a chroot", B + "/jail/in", "../../../in/",
              ("chroot", B + "/jail", "chdir", "/in/sub"))
    yield Way("in a bind mount in a chroot", B + "/jail/mnt", "/mnt/", ("chroot", B + "/jail"))
    yield Way("outside the chroot, by a descriptor", B + "/d", "",
              ("open", B + "/d", "chroot", B + "/jail", "chdir", "/"), "10")
    yield Way("through /proc/self/cwd", B + "/d", "/proc/self/cwd/", ("chdir", B + "/d"))
    yield Way("a name of 255 bytes", B + "/d", B + "/d/", last=255)
    yield Way("200 directories deep", deep, deep + "/")
    yield Way("200 directories deep by a descriptor", deep, "", ("open", deep), "10")
    yield Way("a path of 4095 bytes", long, long + "/", last=4095 - 3900)
    yield Way("on tmpfs", B + "/tmpfs", B + "/tmpfs/")
    yield Way("in a mount namespace of its own", B + "/real", B + "/ns/",
              ("unshare", "bind", B + "/real", B + "/ns"))
    if overlay():
        yield Way("on overlayfs", B + "/over", B + "/over/")
        yield Way("on overlayfs, in a directory of the lower layer", B + "/over/below",
                  "over/below/", ("chdir", B))
    if btrfs():
        yield Way("on btrfs", B + "/btrfs", B + "/btrfs/")
        yield Way("in a btrfs subvolume", B + "/btrfs/sub/in", B + "/btrfs/sub/in/")
        yield Way("in a mounted btrfs subvolume", B + "/subvol/in", "subvol/in/", ("chdir", B))


def overlay():
    run("modprobe", "overlay", check=False)
    for i in range(20):
        with open(B + "/lower/below/low%d" % i, "w") as f:
            f.write("l" * i)
    said = run("mount", "-t", "overlay", "o", "-o",
               "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work" % (B, B, B),
               B + "/over", check=False)
    if said:
        skip("overlayfs", said.strip())
    return not said


def btrfs():
    if not os.path.exists("/usr/bin/btrfs") and not os.path.exists("/bin/btrfs"):
        skip("btrfs", "no btrfs-progs")
        return False
    new(B + "/btrfs", B + "/subvol")
    with open("/srv/btrfs.img", "wb") as f:
        f.truncate(256 << 20)
    run("mkfs.btrfs", "-q", "/srv/btrfs.img")
    mount("-o", "loop", "/srv/btrfs.img", B + "/btrfs")
    run("btrfs", "subvolume", "create", B + "/btrfs/sub")
    new(B + "/btrfs/sub/in")
    device = [line.split()[0] for line in read("/proc/mounts").decode().splitlines()
              if B + "/btrfs " in line][0]
    mount("-o", "subvol=sub", device, B + "/subvol")
    return True


# ---- the table

def successes():
    table = list(ways())
    for way in table:
        for kind in NATIVE:
            success(kind, way)
    few = [w for w in table if w.title in (
        "absolute", "relative", "by a descriptor", "through a symlinked directory",
        "through a bind mount", "in a chroot", "relative in a chroot", "on tmpfs", "on overlayfs",
        "200 directories deep", "a path of 4095 bytes", "a name of 255 bytes",
        "in a mount namespace of its own")]
    for way in few:
        for kind in (int80 + uring + (sqpoll if "relative" in way.title else [])):
            success(kind, way)


def special_files():
    """Other types of files, and other users, threads and namespaces."""
    in_d = Way("", B + "/d", B + "/d/")
    os.symlink("/etc/hosts", B + "/d/symlink")
    os.mkfifo(B + "/d/fifo", 0o640)
    os.mknod(B + "/d/socket", stat.S_IFSOCK | 0o777)
    os.mknod(B + "/d/device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    for name in ("symlink", "fifo", "socket", "device"):
        case("unlink of a %s" % name, ["unlink", B + "/d/" + name])

    for left in (1, 0):
        if left:
            fill_path(B + "/d/one")
            os.link(B + "/d/one", B + "/d/two")
        fd = os.open(B + "/d/one" if left else B + "/d/two", os.O_PATH)
        case("unlink of one of %d hard links" % (left + 1),
             ["unlink", B + "/d/" + ("one" if left else "two")])
        equal(os.fstat(fd).st_nlink, left,
              "fstat(2) after the unlink of one of %d hard links agrees" % (left + 1))
        os.close(fd)
    fill_path(B + "/d/one")
    os.link(B + "/d/one", B + "/d/two")
    fill_path(B + "/d/three")
    case("rename over one of two hard links", ["rename", B + "/d/three", B + "/d/two"])
    for kind in (UNLINK, RENAME, *uring[:1]):
        run("rm", "-f", B + "/d/open", B + "/d/new")
        fill_path(B + "/d/open")
        with open(B + "/d/open", "r+") as f:
            fill_path(B + "/d/new")
            case(kind.title + " of an open file", kind.call("cwd", B + "/d/open", B + "/d/new"),
                 steps=kind.steps)
            equal(os.fstat(f.fileno()).st_nlink, 0,
                  kind.title + " of an open file: fstat(2) shows no link")
    run("rm", "-f", B + "/d/open")

    success(UNLINK, in_d._replace(title="by another comm", steps=("comm", "odd [1] (x) name")))
    success(UNLINKAT, in_d._replace(title="from another thread", steps=("thread",)))
    success(RENAMEAT, in_d._replace(title="from another thread with its own comm",
                                    steps=("comm", "thr", "thread")))
    for kind in uring[:1]:
        success(kind, in_d._replace(title="submitted by another thread",
                                    steps=("comm", "submitter", "thread")))
    os.chmod(B + "/other", 0o777)
    anyone = Way("as another user", B + "/other", B + "/other/", ("setuid", str(USER)))
    for kind in (UNLINK, RMDIR, RENAME, *uring):
        success(kind, anyone)
    success(UNLINK, anyone._replace(title="as nobody", steps=("setuid", "65534")))
    for kind in (UNLINK, *uring[:1]):
        success(kind, anyone._replace(title="with another effective user",
                                      steps=("seteuid", str(USER))))
    success(UNLINK, in_d._replace(title="by a process with another comm",
                                  steps=("comm", "elsewhere")))
    new(B + "/elsewhere")
    other = subprocess.Popen([VICTIMS, "unshare", "bind", "/etc", B + "/elsewhere", "unlink",
                              "/none"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    other.stdout.readline()
    case("rmdir of a directory that is a mount point in another namespace",
         ["rmdir", B + "/elsewhere"])
    other.communicate(b"x")
    success(UNLINK, Way("in a detached mount", detached(), "",
                        ("chdir", B + "/detached", "detach", B + "/detached")),
            FSTYPE="tmpfs")


def fill_path(path):
    parent = os.open(os.path.dirname(path), os.O_PATH)
    fill(parent, os.path.basename(path), "file")
    os.close(parent)


def detached():
    new(B + "/detached")
    mount("-t", "tmpfs", "detached", B + "/detached")
    return B + "/detached"


def long_paths():
    """
    Paths around the longest that a record holds. Relative names get past the limit of a system
    call.
    """
    directory = B + "/huge"
    while len(directory) < 3650:
        directory += "/" + "h" * 250
    directory += "/" + "h" * (3949 - len(directory))
    new(directory)
    for length in (4094, 4095, 4096, 4097, 4150):
        parent = os.open(directory, os.O_PATH)
        name = "p" * (length - len(directory) - 1)
        fill(parent, name, "file")
        os.close(parent)
        case("unlink of a path of %d bytes" % length, ["unlink", name], steps=("chdir", directory),
             state="truncated" if length > 4095 else "resolved")
        case("unlink: ENOENT, a path of %d bytes" % length, ["unlink", name], errno.ENOENT,
             steps=("chdir", directory), state="lexical")
        parent = os.open(directory, os.O_PATH)
        fill(parent, name, "file")
        os.close(parent)
        run("rm", "-f", B + "/replaced")
        fill_path(B + "/replaced")
        case("rename of a path of %d bytes over a file" % length, ["rename", name, B + "/replaced"],
             steps=("chdir", directory), REPLACED_BY=cut(directory + "/" + name))
    # Working directories of these lengths. They cannot be entered by their absolute paths.
    inside = os.open(directory, os.O_PATH)
    for length in (4095, 4096, 4097):
        name = "q" * (length - len(directory) - 1)
        os.mkdir(name, dir_fd=inside)
        within = os.open(name, os.O_PATH, dir_fd=inside)
        fill(within, "f", "file")
        steps = ("chdir", directory, "chdir", name)
        case("unlink in a directory of %d bytes" % length, ["unlink", "f"], steps=steps,
             state="truncated", PATH=directory + "/" + name + "/f", CWD=cut(directory + "/" + name))
        case("unlink: ENOENT, in a directory of %d bytes" % length, ["unlink", "none"],
             errno.ENOENT, steps=steps, state="truncated" if length > 4095 else "lexical",
             PATH=directory + "/" + name + "/none", CWD=cut(directory + "/" + name))
        os.close(within)
    os.close(inside)
    many = B + "/many" + "/m" * 300
    new(many)
    # More than the kernel side reads: the record has the whole path or its end, marked as
    # truncated.
    success(UNLINK, Way("300 directories deep", many, many + "/"), state="truncated")


def cut(path):
    """The end of a path that fits, in whole components."""
    if len(path) < 4096:
        return path
    parts = path.split("/")[1:]
    while len("/" + "/".join(parts)) > 4095:
        parts = parts[1:]
    return ".../" + "/".join(parts)


def files_failing(kinds):
    for k in kinds:
        failure(k, "absolute", errno.ENOENT, B + "/d/none", "lexical")
        failure(k, "relative", errno.ENOENT, "../d/./none", "lexical", ("chdir", B + "/other"))
        failure(k, "by a descriptor", errno.ENOENT, "none", "lexical", ("open", B + "/d"), "10")
        failure(k, "no such directory", errno.ENOENT, B + "/none/../x", "lexical")
        failure(k, "in a chroot", errno.ENOENT, "/in/none", "lexical", ("chroot", B + "/jail"))
        failure(k, "relative in a chroot", errno.ENOENT, "../../../none", "lexical",
                ("chroot", B + "/jail", "chdir", "/in"))
        failure(k, "through a symlink", errno.ENOENT, B + "/sym/none", "lexical")
        failure(k, "a file as directory", errno.ENOTDIR, B + "/source/x", "lexical")
        failure(k, "symlinks in a circle", errno.ELOOP, B + "/circle/x", "lexical")
        new(B + "/gone")
        failure(k, "in the removed working directory", errno.ENOENT, "x", "lexical",
                ("chdir", B + "/gone"),
                before=lambda: os.rmdir(B + "/gone"))
        failure(k, "a read-only mount", errno.EROFS, B + "/ro/" + k.thing, "lexical")
        failure(k, "a name of 256 bytes", errno.ENAMETOOLONG, B + "/d/" + "n" * 256, "lexical")
        # io_uring refuses these before it starts a deletion.
        seen = "io_uring" not in k.title
        failure(k, "a name of 4096 bytes", errno.ENAMETOOLONG, "/" * 4096, "unknown", record=seen,
                FILENAME="")
        failure(k, "an empty name", errno.ENOENT, "", "unknown", record=seen)
        failure(k, "an unreadable name", errno.EFAULT, "@fault", "unknown", record=seen,
                FILENAME="")
        failure(k, "no such descriptor", errno.EBADF, "x", "unknown", (), "77")
        failure(k, "a file as descriptor", errno.ENOTDIR, "x", "lexical", ("open", B + "/source"),
                "10")
        failure(k, "a directory closed to the user", errno.EACCES, B + "/closed/" + k.thing,
                "lexical", ("setuid", str(USER)))
        failure(k, "a directory that is not the user's", errno.EACCES, B + "/foreign/" + k.thing,
                steps=("setuid", str(USER)))
        failure(k, "a sticky directory", errno.EPERM, B + "/sticky/" + k.thing,
                steps=("setuid", str(USER)))
        failure(k, "an immutable directory", errno.EPERM, B + "/fixed/" + k.thing)


def failures():
    new(B + "/rw", B + "/ro", B + "/closed", B + "/foreign", B + "/sticky", B + "/fixed",
        B + "/full/x")
    for where in ("rw", "closed", "foreign", "sticky", "fixed"):
        fill_path("%s/%s/file" % (B, where))
        new("%s/%s/directory" % (B, where))
    os.chmod(B + "/closed", 0o700)
    os.chmod(B + "/sticky", 0o1777)
    immutable(B + "/fixed", True)
    mount("--bind", B + "/rw", B + "/ro")
    mount("-o", "remount,bind,ro", B + "/ro")
    fill_path(B + "/source")
    fill_path(B + "/fileover")
    fill_path(B + "/immutable")
    os.symlink("circle", B + "/circle")
    os.makedirs(B + "/point")
    of_point, of_file = os.stat(B + "/point"), os.stat(B + "/fileover")
    mount("-t", "tmpfs", "point", B + "/point")
    mount("--bind", B + "/source", B + "/fileover")
    immutable(B + "/immutable", True)

    files_failing([UNLINK, UNLINKAT, RMDIR, REMOVEDIR, *int80[:2], *uring[:2]])
    for k in (UNLINK, UNLINKAT, *int80[:1], *uring[:1]):
        failure(k, "a directory", errno.EISDIR, B + "/d")
        failure(k, "a directory, with a slash", errno.EISDIR, B + "/d/", "lexical")
        failure(k, "a file, with a slash", errno.ENOTDIR, B + "/source/", "lexical")
        failure(k, "the dot", errno.EISDIR, "d/.", "lexical", ("chdir", B))
        failure(k, "a file that something is mounted on", errno.EBUSY, B + "/fileover",
                covered=of_file)
        failure(k, "an immutable file", errno.EPERM, B + "/immutable")
    for k in (RMDIR, REMOVEDIR, *int80[3:4], *uring[1:2]):
        failure(k, "a file", errno.ENOTDIR, B + "/source")
        failure(k, "not empty", errno.ENOTEMPTY, B + "/full")
        failure(k, "not empty, with slashes", errno.ENOTEMPTY, B + "/full//")
        failure(k, "a mount point", errno.EBUSY, B + "/point", covered=of_point)
        failure(k, "the root", errno.EBUSY, "/", "lexical")
        failure(k, "the dot", errno.EINVAL, "d/.", "lexical", ("chdir", B))
        failure(k, "two dots", errno.ENOTEMPTY, "d/..", "lexical", ("chdir", B))
    new(B + "/empty")
    fill_path(B + "/other/own")
    for k in (RENAME, RENAMEAT, RENAMEAT2, *int80[4:5], *uring[2:3]):
        failure(k, "a directory in the way", errno.EISDIR, B + "/d")
        failure(k, "a directory over a file", errno.ENOTDIR, B + "/sticky/file", by=B + "/empty")
        failure(k, "a directory that is not empty", errno.ENOTEMPTY, B + "/full", by=B + "/empty")
        failure(k, "a mount point", errno.EBUSY, B + "/point", by=B + "/empty", covered=of_point)
        failure(k, "a file that something is mounted on", errno.EBUSY, B + "/fileover",
                covered=of_file, by=B + "/sticky/file")
        failure(k, "an immutable file", errno.EPERM, B + "/immutable")
        failure(k, "in a sticky directory", errno.EPERM, B + "/sticky/file", by=B + "/other/own",
                steps=("setuid", str(USER)))
        failure(k, "in a directory that is not the user's", errno.EACCES, B + "/foreign/file",
                by=B + "/other/own", steps=("setuid", str(USER)))
    immutable(B + "/fixed", False)
    immutable(B + "/immutable", False)


def no_record():
    """Renames that delete nothing, or fail before they reach a file to delete."""
    def at(flags, a, b):
        return ["renameat2", "cwd", B + "/r/" + a, "cwd", B + "/r/" + b, str(flags)]

    for k in ((), *(kind.steps for kind in (*int80[:1], *uring[:1]))):
        run("rm", "-rf", B + "/r")
        new(B + "/r", B + "/r/dir/sub", B + "/r/empty")
        for name in ("a", "b", "file"):
            fill_path(B + "/r/" + name)
        os.link(B + "/r/a", B + "/r/same")
        by = " " + k[1] if k else ""
        case("renameat2(RENAME_EXCHANGE)" + by, at(2, "a", "b"), steps=k, record=False)
        case("renameat2(RENAME_NOREPLACE) onto a file" + by, at(1, "a", "b"), errno.EEXIST, steps=k,
             record=False)
        case("renameat2(RENAME_NOREPLACE) onto nothing" + by, at(1, "file", "new"), steps=k,
             record=False)
        case("renameat2 onto nothing" + by, at(0, "new", "file"), steps=k, record=False)
        case("renameat2 of one hard link onto another" + by, at(0, "same", "b"), steps=k,
             record=False)
        case("renameat2 of nothing" + by, at(0, "none", "a"), errno.ENOENT, steps=k, record=False)
        case("renameat2 onto itself" + by, at(0, "a", "a"), steps=k, record=False)
        case("renameat2 of a directory into itself" + by, at(0, "dir", "dir/sub"), errno.EINVAL,
             steps=k, record=False)
    case("rename onto nothing", ["rename", B + "/r/file", B + "/r/new"], record=False)
    case("rename of one hard link onto another", ["rename", B + "/r/same", B + "/r/b"],
         record=False)
    case("rename to another file system", ["rename", B + "/r/new", B + "/tmpfs/t"], errno.EXDEV,
         record=False)
    case("rename on a read-only mount", ["rename", B + "/ro/file", B + "/ro/file"], errno.EROFS,
         record=False)
    case("renameat2 with flags that exclude each other", at(3, "a", "b"), errno.EINVAL,
         record=False)
    case("unlinkat with a wrong flag", ["unlinkat", "cwd", B + "/r/a", "0x1000"], errno.EINVAL,
         record=False)
    fill_path(B + "/r/white")
    fill_path(B + "/r/out")
    case("renameat2(RENAME_WHITEOUT) over a file", at(4, "white", "out"))


def overlays():
    """
    On overlayfs a deletion makes whiteouts and copies. It has one record, with the path in the top
    layer.
    """
    if not os.path.exists(B + "/over/below"):
        return
    low = Way("", B + "/over/below", B + "/over/below/")
    case("unlink of a file of the lower layer", ["unlink", low.prefix + "low1"])
    case("rename over a file of the lower layer",
         ["rename", low.prefix + "low2", low.prefix + "low3"])
    fill_path(low.prefix + "upper")
    case("rename of a file of the upper layer over one of the lower",
         ["rename", low.prefix + "upper", low.prefix + "low4"])
    new(B + "/over/below/newdir")
    case("rmdir of a directory of the upper layer", ["rmdir", low.prefix + "newdir"])
    case("unlink: ENOENT, a whiteout", ["unlink", low.prefix + "low1"], errno.ENOENT,
         state="lexical")
    case("rmdir: ENOTEMPTY, a merged directory", ["rmdir", B + "/over/below"], errno.ENOTEMPTY)
    for i in range(20):
        run("rm", "-f", low.prefix + "low%d" % i)
    run("rm", "-rf", *[low.prefix + n for n in os.listdir(low.where)])
    case("rmdir of a directory of the lower layer", ["rmdir", B + "/over/below"])


def rm_r():
    """
    rm -r of a tree with bind mounts, symlinks and a tmpfs: it follows the mounts, but not the
    symlinks.
    """
    t = B + "/tree"
    new(t + "/a/b/c", t + "/a/bind", t + "/tmpfs", t + "/a/x", B + "/outside/deep", B + "/linked")
    os.symlink(B + "/linked", t + "/a/link")
    os.symlink("../b", t + "/a/x/up")
    for name in ("kept1", "kept2"):
        fill_path(B + "/linked/" + name)
    mount("--bind", B + "/outside", t + "/a/bind")
    mount("-t", "tmpfs", "tree", t + "/tmpfs")
    new(t + "/tmpfs/y")
    for name in ("a/1", "a/b/2", "a/b/c/3", "a/b/c/4", "a/bind/5", "a/bind/deep/6", "tmpfs/7",
                 "tmpfs/y/8", "a/x/9"):
        fill_path(t + "/" + name)
    points = [t + "/a/bind", t + "/tmpfs"]
    want = []
    for where, directories, files in os.walk(t):
        for name in files + [d for d in directories if os.path.islink(where + "/" + d)]:
            want.append(("unlink", where + "/" + name, "0"))
        if where in points:
            want.append(("rmdir", where, "-16"))
        elif not any(p.startswith(where + "/") for p in points):
            want.append(("rmdir", where, "0"))
    here = cursor()
    p = subprocess.Popen(["rm", "-rf", "tree"], cwd=B, stderr=subprocess.DEVNULL)
    p.wait()
    for probe, got in by_probe(settle(here, len(want) * len(PROBES), p.pid)).items():
        equal(sorted((r["UNLINK_OP"], r["UNLINK_PATH"], r["UNLINK_RET"]) for r in got),
              sorted(want),
              probe + ": rm -r of a tree with mounts and symlinks: every path and result")
        ok(all(r["UNLINK_PATH_STATE"] == "resolved" for r in got),
           probe + ": rm -r: every path is resolved")
    equal(sorted(os.listdir(B + "/linked")), ["kept1", "kept2"],
          "rm -r: the target of a symlink is untouched")


leave_others()
configure("[Watch all]\n[Daemon]\nDetail=full\n")
start_daemons()
start = cursor()
has_int80 = subprocess.run([VICTIMS, "via", "int80", "nothing"], stdout=subprocess.PIPE)
has_int80 = has_int80.returncode == 0 and int(has_int80.stdout) > 0
int80, uring, sqpoll = (INT80 if has_int80 else []), (URING if kernel >= (5, 11) else []), SQPOLL
if not has_int80:
    skip("32-bit system calls", "this kernel has none")
if not uring:
    sqpoll = []
    skip("io_uring", "no UNLINKAT and RENAMEAT before Linux 5.11")
first = cursor()
for part in (successes, special_files, long_paths, failures, no_record, overlays):
    try:
        part()
    except Exception:  # the other parts still run
        ok(False, part.__name__ + " runs to its end", traceback.format_exc())
    check()
rm_r()
last = cursor()
run("systemctl", "stop", *(unit(probe) for probe in PROBES))
said = {r["_SYSTEMD_UNIT"]: r["MESSAGE"] for r in journal(last) if r.get("MESSAGE_ID") == STOPPED}
losses = [r for r in journal(first) if r.get("MESSAGE_ID") == LOSS]

# A kernel that preempts programs may skip fentry for other deletions meanwhile. The daemon refuses
# fentry there.
sure = [probe for probe in PROBES if probe != "fentry" or not preempts()]
equal([said[unit(probe)].rsplit(" ", 1)[1] for probe in sure], ["0"] * len(sure),
      "nothing was lost: %r" % losses if losses else "nothing was lost")
for probe in set(PROBES) - set(sure):
    print("# %s: %s" % (probe, said[unit(probe)]))
print("# %d cases on Linux %s by %s" % (n_cases, os.uname().release, " and ".join(PROBES)))
done()
