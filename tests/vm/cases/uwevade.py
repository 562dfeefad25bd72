# SPDX-License-Identifier: MIT
"""
What the cases about hiding share: attempts to make watched files vanish without a record, each in a
process of its own, and the search for the records that name the files.

Each attempt has a directory in /srv/share with its victims, and one in /tmp, which no rule wants,
as scratch. Both belong to the attacker.
"""
import collections
import ctypes
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import traceback

import uwfuse
import uwtest
from uwconform import kernel, skip
from uwtest import need, ok, run, value

UID, OTHER = 1000, 1001
USER, NAMESPACE, ROOT = "a user", "root of a user namespace", "root"
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 2, 4, 0x1000, 0x4000, 1 << 18, 2
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
PR_SET_DUMPABLE, PR_SET_NAME = 4, 15
LIMIT = 120     # seconds that an attempt may take
FIELDS = ("UNLINK_OP", "UNLINK_RET", "UNLINK_PATH", "UNLINK_PATH_STATE", "UNLINK_HOST_PATH",
          "UNLINK_UPPER_PATH")
libc = ctypes.CDLL(None, use_errno=True)


# ---- what attackers call

def call(function, *args):
    """Calls a function of libc, or a system call by its number."""
    args = [ctypes.c_long(a) if isinstance(a, int) else a and os.fsencode(a) for a in args]
    if isinstance(function, int):
        args, function = [ctypes.c_long(function), *args], "syscall"
    ret = getattr(libc, function)(*args)
    if ret < 0:
        raise OSError(ctypes.get_errno(), "%s: %s" % (function, os.strerror(ctypes.get_errno())))
    return ret


def mount(source, point, fstype=None, flags=0, data=None):
    call("mount", source, point, fstype, flags, data)


def bind(source, point):
    mount(source, point, flags=MS_BIND)


def detach(point):
    call("umount2", point, MNT_DETACH)


def renameat2(old, new, flags):
    call("renameat2", -100, old, -100, new, flags)


def folder(path):
    os.makedirs(path, exist_ok=True)
    return path


def write(path, text=""):
    with open(path, "w") as f:
        f.write(text)


def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    call("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0)  # as after execve(2)


def namespace(more=0):
    """Makes this process the root of a user namespace with mounts of its own."""
    uid = os.getuid()
    call("unshare", CLONE_NEWUSER | CLONE_NEWNS | more)
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", "0 %d 1" % uid)
    write("/proc/self/gid_map", "0 %d 1" % uid)
    mount(None, "/", flags=MS_REC | MS_PRIVATE)


def peer(work):
    """
    Runs work() in another process, which stays until the attempt ends. Returns its number and the
    descriptors that work() returns.
    """
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if not pid:
        try:
            socket.send_fds(theirs, [b"x"], work() or [])
            while True:
                signal.pause()
        finally:
            traceback.print_exc()
            os._exit(1)
    theirs.close()
    said, fds, *_ = socket.recv_fds(ours, 1, 9)
    if not said:
        raise RuntimeError("the other process has failed")
    return pid, fds


def try_unlink(path):
    try:
        os.unlink(path)
    except OSError:
        pass


def hang(point):
    """
    Has 66 processes of 64 threads each that wait in unlink(2) for the lock of a directory, as its
    server doesn't answer the first of them. None of the files is watched.
    """
    def work():
        start_stuck(point, 66 * 64)
        subprocess.Popen(["deleters", point, "66", "64", str(66 * 64), "1"],
                         stdout=subprocess.DEVNULL)
    unlimited()
    peer(work)
    need(lambda: asleep(66 * 64), "all threads hang", 60, 0.2)


def hang_long(point):
    """The same with 140 threads whose paths have 3,000 bytes."""
    def work():
        start_stuck(point, 140)
        for i in range(140):
            path = "%s/none%d" % (point + "/." * 1500, i)
            threading.Thread(target=try_unlink, args=(path,)).start()
    unlimited()
    peer(work)
    need(lambda: asleep(140), "all threads hang", 60, 0.2)


def unlimited():
    """Lets this process and its children have thousands of threads."""
    write("/sys/fs/cgroup/cgroup.procs", str(os.getpid()))
    resource.setrlimit(resource.RLIMIT_NPROC, (20000, 20000))


def start_stuck(point, count):
    """Mounts a directory in which threads hang, as root of a user namespace."""
    become(UID)
    namespace()
    uwfuse.Server({"none%d" % i: b"" for i in range(count)}, lambda tree: None).mount(point, mount)


def asleep(count):
    """Whether there are so many threads, and only this one runs."""
    with open("/proc/loadavg") as f:
        running, threads = f.read().split()[3].split("/")
    return int(running) <= 2 and int(threads) > count


def mapped(work):
    """
    Runs work() as root of a user namespace that also has the user's 65,535 subordinate users, as
    newuidmap gives them.
    """
    here, there = socket.socketpair()
    pid = os.fork()
    if not pid:
        become(UID)
        call("unshare", CLONE_NEWUSER)
        there.send(b"x")
        there.recv(1)
        work()
        os._exit(0)
    here.recv(1)
    write("/proc/%d/uid_map" % pid, "0 %d 1\n1 100000 65535" % UID)
    here.send(b"x")
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError("the storm has failed")


class Unavailable(Exception):
    """This kernel has no such way."""


# ---- attempts

Attempt = collections.namedtuple(
    "Attempt", "title by work files rules who names home prepare keeps same since most")
attempts = []


def attempt(title, by=USER, files=("report.csv",), rules=("share",), who=None, names=None,
            home=None, prepare=None, keeps=False, same=bytes, since=(0, 0), most=None):
    """
    Adds the function below it to the attempts. It gets a Try, and runs as `by`.

    files: the victims, directories with a slash; rules: of which configurations; who: `by` in
    words; names: the places of the victims at the end if they are others; home: instead of a
    directory of its own; prepare: what root does first; keeps: the victims stay, and no record may
    say otherwise; same: brings a path into the form in which paths are compared; since: the first
    kernel that has the way; most: the records about anything in the directory.
    """
    def add(work):
        attempts.append(Attempt(title, by, work, files, rules, who or by, names, home, prepare,
                                keeps, same, since, most))
        return work
    return add


class Try:
    """An attempt at victims of its own."""
    count = 0

    def __init__(self, a):
        Try.count += 1
        self.a = a
        self.dir = a.home or "/srv/share/%03d" % Try.count
        self.scratch = "/tmp/%03d" % Try.count
        self.paths = ["%s/%s" % (self.dir, name.rstrip("/")) for name in a.files]
        self.path, self.decoy = self.paths[0], self.dir + "/decoy"
        self.problem = self.missing = None
        self.gone = []

    def point(self, name="mnt"):
        return folder(self.scratch + "/" + name)

    def make(self):
        """Makes the victims, as root. Each directory also has a file `decoy`."""
        folder(self.scratch)
        if self.a.prepare:
            self.a.prepare(self)
            await_mounts("/srv/share/mounts%d" % Try.count)
        folder(self.dir)
        for path, name in zip(self.paths, self.a.files):
            folder(path if name.endswith("/") else os.path.dirname(path))
            if not name.endswith("/"):
                write(path, name)
        for path in (self.decoy, self.scratch + "/decoy"):
            write(path)
        for top in (self.dir, self.scratch):
            for d, _, names in os.walk(top):
                for path in (d, *(os.path.join(d, n) for n in names)):
                    try:
                        os.chown(path, UID, UID)
                    except PermissionError:
                        pass    # vfat

    def run(self):
        """Runs the attempt, and finds out which victims are gone."""
        try:
            self.make()
        except Unavailable as e:
            self.missing = str(e)
            return
        before = {path: identity(path) for path in self.paths}
        here, there = os.pipe()
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            os.close(here)
            self.attack(there)
        status = os.waitpid(pid, 0)[1]
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass    # it was alone
        os.close(there)
        with open(here, errors="replace") as f:
            said = f.read()
        unmount("fuse")
        if status:
            self.problem = said or "status %#x" % status
        elif said:
            self.missing = said
        self.gone = [path for path in self.paths if identity(path) != before[path]]
        unmount("")

    def attack(self, out):
        """
        The attacker's process. It has a session of its own, by which what it started is ended.
        """
        os.setsid()
        signal.alarm(LIMIT)
        try:
            if self.a.by != ROOT:
                become(UID)
            if self.a.by == NAMESPACE:
                namespace()
            os.chdir(self.scratch)
            self.a.work(self)
            os._exit(0)
        except Unavailable as e:
            os.write(out, str(e).encode())
            os._exit(0)
        except BaseException:  # so that this process never goes on as the case
            os.write(out, traceback.format_exc().encode())
        os._exit(1)

    def places(self, path):
        """The names of a victim, one of which a record must have."""
        if self.a.names:
            return [name % vars(self) for name in self.a.names(path)]
        places = [path]
        while places[-1].startswith(self.dir + "/"):
            places.append(os.path.dirname(places[-1]))
        return places

    def judge(self, records):
        """Prints the row of the table. Returns the victims that no record names."""
        if self.missing or kernel < self.a.since:
            why = self.missing or "since Linux %d.%d" % self.a.since
            self.row("not on this kernel: " + why)
            skip(self.title(), why)
            return []
        if self.problem:
            self.row("FAILED")
            ok(False, self.title(), self.problem)
            return self.paths
        if not self.a.keeps and not self.gone:
            self.row("FAILED: the victim is still there")
            ok(False, self.title(), "nothing is gone")
            return self.paths
        same = self.a.same
        by_name = collections.defaultdict(list)
        for r in records:
            for key in ("PATH", "HOST_PATH", "UPPER_PATH"):
                if "UNLINK_" + key in r:
                    by_name[same(value(r["UNLINK_" + key]))].append(r)
        found = {path: [r for name in self.places(path) for r in by_name[same(os.fsencode(name))]
                        if r["UNLINK_RET"] in ("0", "unknown")] for path in self.paths}
        if self.a.keeps:
            self.row("it stays, and no record says otherwise" if not any(found.values())
                     else "FALSE: " + kinds(found.values()))
            ok(not self.gone and not any(found.values()), self.title() + ": no false record",
               self.gone, *found.values())
            return []
        unseen = [path for path in self.gone if not found[path]]
        self.row(kinds(found.values()) + (", UNSEEN: %d of %d" % (len(unseen), len(self.gone)) if
                                          unseen else ""))
        ok(not unseen, self.title(), *(path[:80] for path in unseen[:3]))
        if self.a.most:
            below = sum(any(name.startswith(os.fsencode(self.dir)) for name in names(r))
                        for r in records)
            ok(below < self.a.most, "%s: fewer than %d records in its directory" %
               (self.title(), self.a.most), below)
        return unseen

    def title(self):
        return "%s, by %s" % (self.a.title, self.a.who)

    def row(self, outcome):
        victim = self.path.encode("unicode_escape").decode()
        if len(self.paths) > 1:
            victim = "%d files in %s" % (len(self.gone), self.dir)
        if len(victim) > 40:
            victim = victim[:37] + "..."
        print("# row: %s | %s | %s | %s" % (self.a.title, self.a.who, victim, outcome))


def names(record):
    return {value(record["UNLINK_" + key]) for key in ("PATH", "HOST_PATH", "UPPER_PATH")
            if "UNLINK_" + key in record}


def identity(path):
    """What tells a file from another one of the same name, or None."""
    try:
        s = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return s.st_dev, s.st_ino, stat.S_IFMT(s.st_mode), s.st_size


def kinds(found):
    """The kinds of records in words: what happened, the path's state, the result."""
    counts = collections.Counter(
        "%s %s %s" % (r["UNLINK_OP"], r.get("UNLINK_PATH_STATE"), r["UNLINK_RET"])
        for records in found for r in records[-1:])
    return ", ".join("%d * %s" % (n, kind) if n > 1 else kind
                     for kind, n in sorted(counts.items())) or "none"


def await_mounts(path):
    """
    Waits until the daemon has read the mounts as they are now: it decides a deletion after that.
    """
    write(path)
    os.unlink(path)
    need(lambda: run("journalctl", "-q", "-o", "cat", "UNLINK_PATH=" + path), "record of " + path)


def unmount(fstype):
    """Unmounts what an attempt left on the host's tree."""
    with open("/proc/self/mounts") as f:
        for line in reversed(f.readlines()):
            source, point, kind, *_ = line.split()
            if source == "evade" and fstype in kind:
                detach(point)


def prepare():
    """Sets up users, programs, modules and directories."""
    for program in "victims", "deleters":
        run("install", "-m", "755", program, "/usr/local/bin/" + program)
    for uid in UID, OTHER:
        run("useradd", "-u", str(uid), "u%d" % uid)
    run("modprobe", "fuse")
    run("modprobe", "overlay")
    os.chmod("/dev/fuse", 0o666)
    folder("/srv/share")
    folder("/sys/fs/cgroup/evade")


def run_all(configurations):
    """
    Makes all attempts of each configuration, and then reads the journal once. Returns the victims
    that no record names.
    """
    unseen = []
    for name, text in configurations.items():
        uwtest.configure(text)
        uwtest.restart()
        here, began = uwtest.cursor(), time.monotonic()
        tries = [Try(a) for a in attempts if name in a.rules]
        for t in tries:
            if kernel >= t.a.since:
                t.run()
        made = time.monotonic()
        uwtest.drained()
        records = [r for r in uwtest.Tail(here).more(*FIELDS) if "UNLINK_OP" in r]
        print("# rules %s: %d attempts in %.1f s, %d records in %.1f s" %
              (name, len(tries), made - began, len(records), time.monotonic() - made))
        print("# table: attempt on Linux %d.%d, rules: %s | by whom | victim | "
              "the record: what, path, result" % (*kernel, name))
        for t in tries:
            unseen += t.judge(records)
    return unseen
