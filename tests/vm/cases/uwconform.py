# SPDX-License-Identifier: MIT
"""
What the conformance tables share: the daemons, the cases with what their records must have, and the
directories and mounts that the names lead through.

Every field of each record must equal what this script finds out itself. A `victims` process does
each deletion or move. While it waits, the script reads /proc/PID for the fields of the process, and
stat(2) and /proc/self/fd for those of the files.

One daemon for each of UW_PROBES watches the same calls at the same time, and each must get all of
them right.
"""
import collections
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
NOREPLACE, EXCHANGE, WHITEOUT = 1, 2, 4  # flags of renameat2(2)

kernel = tuple(int(n) for n in os.uname().release.split("-")[0].split(".")[:2])
PROBES = os.environ.get("UW_PROBES", "kprobe fentry" if kernel > (5, 10) else "kprobe").split()
n_cases = 0
cases = []
covered = {}  # stat of mount points without their mounts, by path


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
        if e.errno not in (errno.ENAMETOOLONG, errno.ENOENT):
            raise
        return None


def who(pid):
    """The fields of a process, from /proc."""
    at = "/proc/%d/" % pid
    status = dict(line.split(":\t", 1) for line in read(at + "status").decode().splitlines()
                  if ":\t" in line)
    uids, gids = status["Uid"].split(), status["Gid"].split()  # real, effective, saved, fs
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
        user = pwd.getpwuid(int(uids[3])).pw_name
    except KeyError:
        user = None
    root, cwd = os.readlink(at + "root"), link(at + "cwd") or ""
    exe, mntns = os.stat(at + "exe"), os.stat(at + "ns/mnt").st_ino
    if cwd.endswith(" (deleted)"):
        cwd = cwd[:-len(" (deleted)")]
    return {
        "PID": pid, "TID": pid, "PPID": status["PPid"].strip(), "COMM": read(at + "comm")[:-1],
        "UID": uids[0], "EUID": uids[1], "GID": gids[0], "USER": user,
        "FSUID": uids[3] if uids[3] != uids[0] else None,
        "FSGID": gids[3] if gids[3] != gids[0] else None,
        "LOGINUID": audit[0], "LOGIN": "claimed" if audit[0] else None, "SESSION": audit[1],
        "EXE": os.readlink(at + "exe"), "EXE_INODE": exe.st_ino, "EXE_STATE": None,
        "EXE_DEV": "%d:%d" % (os.major(exe.st_dev), os.minor(exe.st_dev)),
        "CMDLINE": shlex.join(a.decode() for a in args.split(b"\0")) + (" (cut)" if cut else ""),
        "CWD": cwd, "ROOT": None if root == "/" else root,
        "CGROUP": cgroup, "UNIT": units[0] if units else None,
        "SLICE": slices[-1] if slices else None,
        "CONTAINER": None, "MNTNS": mntns,
        "MNT": "private" if mntns != os.stat("/proc/1/ns/mnt").st_ino else None,
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
    None if name or descriptor are not valid.
    """
    root = root or "/"
    start = root
    if not passed(name):
        return None
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


def what(parent, last, pid):
    """The fields of the target and of its file system, and its stat."""
    st = covered.get(true_path(parent, last)) or os.stat(last, dir_fd=parent, follow_symlinks=False)
    dev, fstype = mount_of(parent, pid)
    return {"DEV": dev, "FSTYPE": fstype, "INODE": st.st_ino, "MODE": "0%o" % st.st_mode,
            "OWNER": st.st_uid, "SIZE": st.st_size}, st

# A name that a call was given, resolved. parent: its directory's device and inode, None if that is
# mounted nowhere; elsewhere: whether the host has it only by another path; fields and stat: of its
# file, None if there is none.
Place = collections.namedtuple("Place", "parent elsewhere path fields stat")
# records: the fields of each; places: of each path of each record, as far as known
Case = collections.namedtuple("Case", "title pid records places began ended problem")

UNREADABLE = "@fault"
OF_FILE = ("DEV", "FSTYPE", "INODE", "MODE", "OWNER", "SIZE", "NLINK")
OF_OTHER = ("MOVED_TO", "REPLACED_BY", "REPLACED_BY_INODE")


def parse(call):
    """Descriptor and name that the call takes away; for a rename then those of the new name."""
    if call[0] in ("unlink", "rmdir"):
        return [("cwd", call[1])]
    if call[0] == "unlinkat":
        return [(call[1], call[2])]
    if call[0] == "rename":
        return [("cwd", call[1]), ("cwd", call[2])]
    return [(call[1], call[2]), (call[3], call[4])]


def operation(call, replaces):
    if call[0] == "renameat2" and int(call[5]) & EXCHANGE:
        return "exchange"
    if call[0].startswith("rename"):
        return "rename" if replaces else "move"
    removes_directory = call[0] == "rmdir" or call[0] == "unlinkat" and int(call[3], 0) & 0x200
    return "rmdir" if removes_directory else "unlink"


def leads_to(path, parent):
    try:
        st = os.stat(os.path.dirname(path))
    except OSError:
        return False
    return (st.st_dev, st.st_ino) == parent


def find(pid, fd, name):
    parent, last = parent_of(pid, fd, name)
    path, at = true_path(parent, last), os.fstat(parent)
    identity = (at.st_dev, at.st_ino) if mount_of(parent, pid)[1] else None
    elsewhere = identity and len(path) < 4096 and not leads_to(path, identity)
    try:
        fields, st = what(parent, last, pid)
    except FileNotFoundError:
        fields = st = None
    os.close(parent)
    return Place(identity, elsewhere, path, fields, st)


def passed(name):
    """UNLINK_FILENAME"""
    return "" if name == UNREADABLE or len(name) > 4095 else name


def expect_resolved(pid, call, result):
    """The fields of each record of a call whose names lead to files, and the places in them."""
    names = parse(call)
    places = [find(pid, *n) for n in names]
    op = operation(call, places[-1].stat)
    # The victim of a rename is the file that the new name had.
    order = [(1, 0)] if op == "rename" else [(0, 1), (1, 0)] if op == "exchange" else [(0, -1)]
    for subject, other in order:
        p, o = places[subject], places[other]
        directory, links = stat.S_ISDIR(p.stat.st_mode), p.stat.st_nlink
        if not result and op not in ("move", "exchange"):
            links = 0 if directory else links - 1
        elif directory and p.fields["FSTYPE"] == "overlay":
            links = 1  # overlayfs itself counts none, and stat(2) shows those of the layer
        record = {"OP": op, "FILENAME": names[subject][1], "PATH": p.path, **p.fields,
                  "NLINK": links}
        shown = {"PATH": p}
        if op == "rename":
            record.update(REPLACED_BY=cut(o.path), REPLACED_BY_INODE=o.stat.st_ino)
            shown["REPLACED_BY"] = o
        elif op in ("move", "exchange"):
            record["MOVED_TO"] = cut(o.path)
            shown["MOVED_TO"] = o
        yield record, shown


def expect_lexical(pid, root, call, state):
    """The same for a call that failed before the kernel had resolved its names."""
    names = parse(call)
    op = operation(call, False)
    order = [(0, 1), (1, 0)] if op == "exchange" else [(0, -1)]
    paths = [lexical_path(pid, root, *n) for n in names]
    for subject, other in order:
        record = {"OP": op, "FILENAME": passed(names[subject][1]),
                  "PATH": paths[subject] if state == "lexical" or subject else None}
        if subject:
            record["PATH_STATE"] = "lexical" if paths[subject] else "unknown"
        if len(names) > 1:
            record["MOVED_TO"] = paths[other]
        yield record, {}


def case(title, call, result=0, steps=(), state="resolved", record=True, before=None, second=(),
         **changes):
    """
    One call. state: the expected UNLINK_PATH_STATE; record=False: no record is expected;
    before: called when the process is ready for the call; changes: fields with other values,
    second: those of the second record of an exchange.
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
    common = who(p.pid)
    threaded, via = "thread" in steps, [b for a, b in zip(steps, steps[1:]) if a == "via"]
    via = "io_uring" if via and via[0] in ("uring", "sqpoll") else "syscall"
    common.update({"VIA": via, "RET": -result, "PATH_STATE": state,
                   "ERRNO": errno.errorcode[result] if result else None})
    common.update(dict.fromkeys(OF_FILE + OF_OTHER))
    wanted = []
    if record and state in ("resolved", "detached", "truncated") and \
            (not result or state == "resolved"):
        wanted = list(expect_resolved(p.pid, call, result))
    elif record:
        wanted = list(expect_lexical(p.pid, common["ROOT"], call, state))
    began = time.time()
    said = p.communicate(b"x")[0].split()
    ended = time.time()
    problem = None
    if len(said) != 2 or int(said[1]) != -result:
        problem = "the call itself returned %s, not %d" % (b" ".join(said), -result)
    elif via == "io_uring":
        del common["TID"]  # that of an io_uring worker, which nothing shows
    elif threaded:
        common["TID"] = int(said[0])
    records = [{**common, **fields, **changes} for fields, _ in wanted]
    if records:
        records[-1].update(second)
    cases.append(Case(title, p.pid, records, [places for _, places in wanted], began, ended,
                      problem))


def field(v):
    return v if v is None or isinstance(v, bytes) else str(v).encode()


def short(v):
    if v is None or len(v) < 200:
        return repr(v)
    return "%r... (%d bytes) ...%r" % (v[:60], len(v), v[-60:])


def check_host_path(key, record, place):
    """
    UNLINK_HOST_PATH and its like are another path to the same place, and there if the path itself
    leads elsewhere. In another mount namespace, the same path may be on the host.
    """
    path, host = (record.get("UNLINK_" + prefix + key) for prefix in ("", "HOST_"))
    if host is None:
        # The place of a path that was cut may not be known.
        missing = place and place.elsewhere and record["UNLINK_PATH_STATE"] != "truncated"
        return ["HOST_%s: missing" % key] if missing else []
    same = host == path and "UNLINK_MNT" not in record
    if same or not place or not leads_to(value(host), place.parent):
        return ["HOST_%s: not the place: %s" % (key, short(value(host)))]
    return []


def differences(c, want, places, r):
    """What is wrong with a record."""
    wrong = []
    for key, v in want.items():
        v, got = field(v), r.get("UNLINK_" + key)
        got = None if got is None else value(got)
        if (key == "PATH_STATE" and v == b"truncated" and got == b"resolved" and
                len(field(want["PATH"])) < 4096):
            continue
        if key == "PATH" and r["UNLINK_PATH_STATE"] == "truncated":
            if not got or not v.endswith(got) or not got.startswith(b"/"):
                wrong += ["PATH: expected the end of " + short(v), "PATH: got      " + short(got)]
        elif got != v:
            wrong += ["%s: expected %s" % (key, short(v)), "%s: got      %s" % (key, short(got))]
    for key in ("PATH", "MOVED_TO", "REPLACED_BY"):
        wrong += check_host_path(key, r, places.get(key))
    at = int(r["UNLINK_TIME"]) / 1e9
    if not c.began - 0.2 < at < c.ended + 0.2:
        wrong.append("TIME: %f is not between %f and %f" % (at, c.began, c.ended))
    if not 0 < int(r.get("UNLINK_DURATION_NS", 0)) < 1e9 * (c.ended - c.began + 0.2):
        wrong.append("DURATION_NS: %s" % r.get("UNLINK_DURATION_NS"))
    return wrong


def compare(c, probe, records):
    title = "%s: %s" % (probe, c.title)
    if c.problem:
        return ok(False, title, c.problem)
    if not c.records:
        return ok(not records, title + ": no record", *(str(r) for r in records))
    if len(records) != len(c.records):
        return ok(False, title, "%d records" % len(records), *(str(r) for r in records))
    wrong = [w for want, places, r in zip(c.records, c.places, records)
             for w in differences(c, want, places, r)]
    return ok(not wrong, title, *wrong)


def check():
    """Compares the records of all cases since the last check."""
    last = [c for c in cases if c.records and not c.problem]
    settle(start, sum(len(c.records) for c in last) * len(PROBES), *(c.pid for c in last),
           seconds=20)
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
def fill_path(path):
    parent = os.open(os.path.dirname(path), os.O_PATH)
    fill(parent, os.path.basename(path), "file")
    os.close(parent)

def skip(what_for, why):
    uwtest._count += 1
    print("ok %d - %s # SKIP %s" % (uwtest._count, what_for, why))
    sys.stdout.flush()

def through(way, kinds):
    """The same kinds of calls by 32-bit system calls, io_uring, or sqpoll."""
    return [k._replace(title=way + " " + k.title,
                       steps=("via", way if way != "io_uring" else "uring"))
            for k in kinds]


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


# The ways in which kernels differ most. The others need not be tried on each of them.
CORE = ("absolute", "by a descriptor", "absolute, the descriptor ignored", "`..` after a symlink",
        "in a bind mount on a bind mount", "relative in a chroot", "in a bind mount in a chroot",
        "outside the chroot, by a descriptor", "a name of 255 bytes", "200 directories deep",
        "a path of 4095 bytes", "in a mount namespace of its own", "on overlayfs",
        "on overlayfs, in a directory of the lower layer", "on btrfs",
        "in a mounted btrfs subvolume")


# Whether all of a table is tried, and by 32-bit system calls, too.
WHOLE = kernel == (6, 1) or "UW_WHOLE" in os.environ


def few(table, titles):
    """The whole table, or what has these titles."""
    return [row for row in table if WHOLE or row.title in titles]


def ways():
    return few(all_ways(), CORE)


def all_ways():
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

def cut(path):
    """The end of a path that fits, in whole components."""
    if len(path) < 4096:
        return path
    parts = path.split("/")[1:]
    while len("/" + "/".join(parts)) > 4095:
        parts = parts[1:]
    return ".../" + "/".join(parts)


# ---- the run

def begin():
    """Starts the daemons. Returns what the kernel has: 32-bit system calls, renames by io_uring."""
    global start
    leave_others()
    configure("[Watch all]\n[Daemon]\nDetail=full\n")
    start_daemons()
    start = cursor()
    int80 = subprocess.run([VICTIMS, "via", "int80", "nothing"], stdout=subprocess.PIPE)
    int80 = int80.returncode == 0 and int(int80.stdout) > 0
    if not int80:
        skip("32-bit system calls", "this kernel has none")
    if kernel < (5, 11):
        skip("io_uring", "no UNLINKAT and RENAMEAT before Linux 5.11")
    return int80 and WHOLE, kernel >= (5, 11)


def run_parts(*parts):
    for part in parts:
        try:
            part()
        except Exception:  # the other parts still run
            ok(False, part.__name__ + " runs to its end", traceback.format_exc())
        check()


def end():
    """Stops the daemons, of which none may have lost anything."""
    last = cursor()
    run("systemctl", "stop", *(unit(probe) for probe in PROBES))
    said = {r["_SYSTEMD_UNIT"]: r["MESSAGE"] for r in journal(last)
            if r.get("MESSAGE_ID") == STOPPED}
    losses = [r for r in journal(start) if r.get("MESSAGE_ID") == LOSS]

    # A kernel that preempts programs may skip fentry for other deletions meanwhile. The daemon
    # refuses fentry there.
    sure = [probe for probe in PROBES if probe != "fentry" or not preempts()]
    equal([said[unit(probe)].rsplit(" ", 1)[1] for probe in sure], ["0"] * len(sure),
          "nothing was lost: %r" % losses if losses else "nothing was lost")
    for probe in set(PROBES) - set(sure):
        print("# %s: %s" % (probe, said[unit(probe)]))
    print("# %d cases on Linux %s by %s" % (n_cases, os.uname().release, " and ".join(PROBES)))
    done()
