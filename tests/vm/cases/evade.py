#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
No user makes a watched name vanish without a record. Each attempt deletes, replaces or moves a
victim in a way that should hide it. See uwevade.py.
"""
import ctypes
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import uwfuse
from uwconform import EXCHANGE, NOREPLACE, WHITEOUT
from uwevade import (CLONE_NEWPID, NAMESPACE, OTHER, PR_SET_NAME, ROOT, UID, USER, Unavailable,
                     attempt, become, bind, call, detach, folder, hang, hang_long, libc, mapped,
                     mount, namespace, peer, prepare, renameat2, run_all, try_unlink, write)
from uwtest import done, main_pid, ok, run

PTRACE_TRACEME, PTRACE_PEEKUSER, PTRACE_POKEUSER, PTRACE_SYSCALL = 0, 3, 6, 24
ORIG_RAX, RDI, SYS_UNLINK = 120, 112, 87    # of x86
SYS_EXIT, SYS_PIVOT_ROOT, SYS_OPEN_TREE, OPEN_TREE_CLONE = 60, 155, 428, 1
EVERYWHERE = ("share", "any")
TWENTY = tuple("report%d.csv" % i for i in range(20))
FORTY = tuple("report%d.csv" % i for i in range(40))
LONG, LONGEST = (("l" * 250 + "/") * n for n in (5, 14))
EURO = "\u20ac" * 255   # 765 bytes


def victims(*steps):
    """Deletes by the C program, which knows other ways into the kernel."""
    said = subprocess.run(["victims", *steps], input=b"x", stdout=subprocess.PIPE,
                          check=True).stdout.split()
    if int(said[2]):
        raise OSError(-int(said[2]), "victims: " + os.strerror(-int(said[2])))


def directory(path):
    return os.open(path, os.O_PATH | os.O_DIRECTORY)


# ---- the plain ways

@attempt("unlink(2)", rules=EVERYWHERE)
def plain(v):
    os.unlink(v.path)


@attempt("rm -r of the directory", rules=EVERYWHERE, files=("in/report.csv", "in/deep/report.csv"))
def recursively(v):
    subprocess.run(["rm", "-r", v.dir + "/in"], check=True)


@attempt("rmdir(2)", files=("reports/",))
def remove_directory(v):
    os.rmdir(v.path)


@attempt("rename(2) of another file over it", rules=EVERYWHERE)
def replace(v):
    os.rename(v.scratch + "/decoy", v.path)


@attempt("renameat2(RENAME_NOREPLACE) away")
def move(v):
    renameat2(v.path, v.scratch + "/away", NOREPLACE)


@attempt("renameat2(RENAME_WHITEOUT) away", by=ROOT)
def white(v):
    renameat2(v.path, v.scratch + "/away", WHITEOUT)


@attempt("a 32-bit system call")
def int80(v):
    try:
        victims("via", "int80", "unlink", v.path)
    except subprocess.CalledProcessError as e:
        raise Unavailable("no 32-bit system calls") from e


@attempt("io_uring", rules=EVERYWHERE, since=(5, 11))
def uring(v):
    victims("via", "uring", "unlinkat", "cwd", v.path, "0")


@attempt("io_uring with a polling thread", since=(5, 11))
def sqpoll(v):
    victims("via", "sqpoll", "unlinkat", "cwd", v.path, "0")


@attempt("io_uring, rename over it", since=(5, 11))
def uring_rename(v):
    victims("via", "uring", "renameat", "cwd", v.scratch + "/decoy", "cwd", v.path)


# ---- other names for the place

@attempt("a descriptor of the directory")
def by_descriptor(v):
    os.unlink("report.csv", dir_fd=directory(v.dir))


@attempt("a symbolic link to the directory")
def symlink(v):
    os.symlink(v.dir, "link")
    os.unlink("link/report.csv")


@attempt("/proc/self/fd/N/name")
def by_proc(v):
    os.unlink("/proc/self/fd/%d/report.csv" % directory(v.dir))


@attempt("/proc/self/cwd/name")
def by_cwd(v):
    os.chdir(v.dir)
    os.unlink("/proc/self/cwd/report.csv")


@attempt("a path of 4,090 bytes through /tmp")
def padded(v):
    end = "/.." + v.path
    os.unlink("/tmp" + "/." * ((4090 - len("/tmp" + end)) // 2) + end)


@attempt("a hard link in /tmp, and then both names")
def hard_link(v):
    os.link(v.path, "link")
    os.unlink(v.path)
    os.unlink("link")


@attempt("a bind mount on /tmp", by=NAMESPACE, rules=EVERYWHERE)
def bound(v):
    bind(v.dir, "/tmp")
    os.unlink("/tmp/report.csv")


@attempt("a bind mount on /proc", by=NAMESPACE, rules=EVERYWHERE)
def bound_on_proc(v):
    bind(v.dir, "/proc")
    os.unlink("/proc/report.csv")


@attempt("chroot(2) into the directory", by=NAMESPACE)
def jailed(v):
    os.chroot(v.dir)
    os.unlink("/report.csv")


@attempt("pivot_root(2): the directory becomes /tmp", by=NAMESPACE, rules=EVERYWHERE)
def pivoted(v):
    root = v.point("root")
    bind(root, root)
    bind(v.dir, folder(root + "/tmp"))
    os.chdir(root)
    call(SYS_PIVOT_ROOT, ".", ".")
    detach(".")
    os.unlink("/tmp/report.csv")


# ---- a file system that asks for a second look-up

def stale(mount_by, remove):
    """
    The first target is on the attacker's own file system. Its server answers with ESTALE and turns
    its links, so that the kernel looks up again and finds the victim.
    """
    def work(v):
        def turn(tree):
            tree.update(link=v.dir, away=v.scratch)
            return errno.ESTALE
        inside = b"" if os.path.isfile(v.path) else {}
        tree = {"link": "d", "away": "d", "d": {"report.csv": inside, "decoy": b""}}
        point = v.point()
        server = uwfuse.Server(tree, turn)
        if mount_by == USER:
            server.fusermount(point)
        else:
            server.mount(point, mount)
        remove(point + "/link/", point + "/away/")
    return work


for by, what, how, more in (
        (NAMESPACE, "unlink", lambda link, away: os.unlink(link + "report.csv"), {}),
        (NAMESPACE, "rmdir", lambda link, away: os.rmdir(link + "report.csv"),
         {"files": ("report.csv/",)}),
        (NAMESPACE, "rename over it",
         lambda link, away: os.rename(link + "decoy", link + "report.csv"), {}),
        (NAMESPACE, "rename away",
         lambda link, away: os.rename(link + "report.csv", away + "taken"), {}),
        (NAMESPACE, "exchange",
         lambda link, away: renameat2(link + "report.csv", away + "decoy", EXCHANGE), {}),
        (NAMESPACE, "io_uring unlinkat",
         lambda link, away: victims("via", "uring", "unlinkat", "cwd", link + "report.csv", "0"),
         {"since": (5, 11)}),
        (USER, "fusermount3, unlink", lambda link, away: os.unlink(link + "report.csv"),
         {"rules": EVERYWHERE}),
        (USER, "fusermount3, rmdir", lambda link, away: os.rmdir(link + "report.csv"),
         {"files": ("report.csv/",)}),
        (USER, "fusermount3, rename over it",
         lambda link, away: os.rename(link + "decoy", link + "report.csv"), {})):
    attempt("ESTALE and a turned link: " + what, by=by, **more)(stale(by, how))


# ---- away first

@attempt("an exchange with a file in /tmp, which is deleted there", rules=EVERYWHERE)
def exchanged(v):
    renameat2(v.path, v.scratch + "/decoy", EXCHANGE)
    os.unlink(v.scratch + "/decoy")


@attempt("a move to /tmp, and deleted there", rules=EVERYWHERE)
def moved(v):
    os.rename(v.path, v.scratch + "/away")
    os.unlink(v.scratch + "/away")


@attempt("its directory to /tmp, deleted there, and back", rules=EVERYWHERE,
         files=("in/report.csv",))
def directory_moved(v):
    os.rename(v.dir + "/in", "in")
    os.unlink("in/report.csv")
    os.rename("in", v.dir + "/in")


@attempt("its directory exchanged with one in /tmp, and back", files=("in/report.csv",))
def directory_exchanged(v):
    renameat2(v.dir + "/in", v.point("in"), EXCHANGE)
    os.unlink("in/report.csv")
    renameat2(v.dir + "/in", v.scratch + "/in", EXCHANGE)


# ---- overlays

def overlay(v, lower, upper, point="merged"):
    """Mounts an overlay. Returns its mount point."""
    options = "lowerdir=%s,upperdir=%s,workdir=%s" % (lower, upper, v.point(point + "-work"))
    if v.a.by == NAMESPACE:
        options += ",userxattr"
    mount("evade", v.point(point), "overlay", 0, options)
    return v.point(point)


for what, how, more in (
        ("unlink", lambda top: os.unlink(top + "/report.csv"), {"rules": EVERYWHERE}),
        ("rmdir", lambda top: os.rmdir(top + "/report.csv"), {"files": ("report.csv/",)}),
        ("rename over it", lambda top: os.rename(top + "/decoy", top + "/report.csv"), {}),
        ("rename away", lambda top: os.rename(top + "/report.csv", top + "/away"), {}),
        ("exchange", lambda top: renameat2(top + "/report.csv", top + "/decoy", EXCHANGE), {})):
    attempt("the upper directory of an overlay: " + what, by=NAMESPACE, since=(5, 11), **more)(
        lambda v, how=how: how(overlay(v, v.point("lower"), v.dir)))


@attempt("the lower directory of an overlay: a whiteout", by=NAMESPACE, since=(5, 11), keeps=True)
def lower(v):
    os.unlink(overlay(v, v.dir, v.point("upper")) + "/report.csv")


@attempt("the upper directory of an overlay that is another's lower one: a whiteout", by=NAMESPACE,
         since=(5, 11), keeps=True)
def lower_twice(v):
    first = overlay(v, v.point("lower"), v.dir)
    os.unlink(overlay(v, first, v.point("upper"), "second") + "/report.csv")


def root_overlay(v):
    overlay(v, v.point("lower"), folder(v.dir))


@attempt("the upper directory of a container's overlay", by=ROOT)
def in_container(v):
    os.unlink(overlay(v, v.point("lower"), v.dir) + "/report.csv")


@attempt("the upper directory of root's overlay", prepare=root_overlay)
def in_root_overlay(v):
    os.unlink(v.point("merged") + "/report.csv")


# ---- hidden places, other namespaces, detached trees

@attempt("a tmpfs over the directory, with a descriptor kept", by=NAMESPACE, rules=EVERYWHERE)
def below_tmpfs(v):
    fd = directory(v.dir)
    mount("evade", v.dir, "tmpfs")
    os.unlink("report.csv", dir_fd=fd)


@attempt("fusermount3 over the directory, with a descriptor kept", rules=EVERYWHERE)
def below_fuse(v):
    fd = directory(v.dir)
    uwfuse.Server({}).fusermount(v.dir)
    time.sleep(2)   # until the daemon has read the mounts
    os.unlink("report.csv", dir_fd=fd)


@attempt("a bind mount over the root of a mount", by=NAMESPACE,
         prepare=lambda v: mount("evade", folder(v.dir), "tmpfs"))
def below_bind(v):
    fd = directory(v.dir)
    bind(v.scratch, v.dir)
    os.unlink("report.csv", dir_fd=fd)


def elsewhere(v):
    """The directory as /tmp, in another process's namespace. Returns a descriptor of it."""
    namespace()
    bind(v.dir, "/tmp")
    return [directory("/tmp")]


@attempt("/proc/PID/root of another namespace", rules=EVERYWHERE)
def by_root_of(v):
    pid, _ = peer(lambda: elsewhere(v))
    os.unlink("/proc/%d/root/tmp/report.csv" % pid)


@attempt("a descriptor from another namespace", rules=EVERYWHERE)
def passed_out(v):
    _, (fd,) = peer(lambda: elsewhere(v))
    os.unlink("report.csv", dir_fd=fd)


@attempt("a descriptor from the host in a namespace")
def passed_in(v):
    fd = directory(v.dir)
    namespace()
    mount("evade", "/srv", "tmpfs")
    os.unlink("report.csv", dir_fd=fd)


@attempt("a descriptor from one namespace in another one")
def passed_on(v):
    _, (fd,) = peer(lambda: elsewhere(v))
    namespace()
    os.unlink("report.csv", dir_fd=fd)


@attempt("a namespace that has ended, by its descriptor")
def survived(v):
    pid, (fd,) = peer(lambda: elsewhere(v))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.unlink("report.csv", dir_fd=fd)


@attempt("a lazily unmounted bind mount", by=NAMESPACE, rules=EVERYWHERE)
def detached(v):
    bind(v.dir, v.point())
    fd = directory(v.point())
    detach(v.point())
    os.unlink("report.csv", dir_fd=fd)


@attempt("open_tree(OPEN_TREE_CLONE)", by=NAMESPACE, rules=EVERYWHERE)
def cloned(v):
    os.unlink("report.csv", dir_fd=call(SYS_OPEN_TREE, -100, v.dir, OPEN_TREE_CLONE))


@attempt("a directory moved out of its bind mount", by=NAMESPACE, files=("sub/in/report.csv",),
         names=lambda path: ["%(dir)s/out/report.csv"])
def moved_out(v):
    bind(v.dir + "/sub", v.point())
    os.chdir(v.point() + "/in")
    os.rename(v.dir + "/sub/in", v.dir + "/out")
    os.unlink("report.csv")


# ---- no room for the victim's record

@attempt("4,224 threads that hang in unlink(2)", by=ROOT, who="the same user, and root",
         files=FORTY)
def no_slot(v):
    hang(v.point())
    by_both(v)


@attempt("140 threads that hang in unlink(2) with long names", by=ROOT,
         who="the same user, and root", files=tuple(LONGEST + name for name in FORTY))
def no_long_slot(v):
    hang_long(v.point())
    by_both(v)


def by_both(v):
    for uid, paths in (0, v.paths[::2]), (UID, v.paths[1::2]):
        os.setresuid(uid, uid, 0)
        for path in paths:
            os.unlink(path)


@attempt("a ring buffer that 40 subordinate users fill", by=ROOT, who="another user meanwhile",
         files=TWENTY, rules=("ring",))
def many_users(v):
    def storm():
        for i in range(40):
            os.mkdir("%s/%d" % (v.dir, i))
            os.chmod("%s/%d" % (v.dir, i), 0o777)
            subprocess.run(["deleters", "%s/%d" % (v.dir, i), "1", "1", "300", "3"], user=i,
                           stdout=subprocess.DEVNULL, check=True)
    os.chmod(v.dir, 0o777)
    os.kill(main_pid(), signal.SIGSTOP)
    try:
        mapped(storm)
        by_other(v)
    finally:
        os.kill(main_pid(), signal.SIGCONT)


def by_other(v, pause=0):
    """Another user deletes the victims."""
    pid = os.fork()
    if not pid:
        become(OTHER)
        for path in v.paths:
            os.unlink(path)
            time.sleep(pause)
        os._exit(0)
    os.waitpid(pid, 0)


# ---- storms

@attempt("1,001 failures before it", rules=("storm",))
def after_failures(v):
    for i in range(1001):
        try_unlink("%s/none%d" % (v.dir, i))
    os.unlink(v.path)


@attempt("6,000 failures by 100 processes and their parents", by=ROOT, files=TWENTY,
         who="another user meanwhile", rules=("storm",), most=3000)
def washed_out(v):
    os.chmod(v.dir, 0o777)
    pid = os.fork()
    if not pid:
        become(UID)
        for _ in range(100):
            subprocess.run(["deleters", v.dir, "1", "1", "60", "1"], stdout=subprocess.DEVNULL)
        os._exit(0)
    by_other(v, 0.1)
    os.waitpid(pid, 0)


# ---- names and paths

attempt("a name of newlines and escapes", rules=EVERYWHERE,
        files=("re\nUNLINK_PATH=/tmp/x\n\x1b[2J\u202e.csv",))(plain)
attempt("a name of 255 bytes in a path of 1,500", files=(LONG + "r" * 255,))(plain)


def image(top, fstype, options, *mkfs):
    """Mounts a file system of its own below which the attempt has its directory."""
    def prepare_image(v):
        run("truncate", "-s", "32M", top + ".img")
        run(*mkfs, top + ".img")
        said = run("mount", "-t", fstype, "-o", "loop," + options, top + ".img", folder(top),
                   check=False)
        if said:
            raise Unavailable("no %s: %s" % (fstype, " ".join(mkfs)))
        if "casefold" in mkfs:
            run("chattr", "+F", folder(top + "/F"))
    return prepare_image


attempt("a name of 765 bytes on vfat in a directory of such a name", home="/srv/fat/" + EURO,
        files=(EURO[:-1] + "f",),
        prepare=image("/srv/fat", "vfat", "utf8,uid=%d" % UID, "mkfs.vfat"))(plain)
attempt("the directory's name in another case", home="/srv/fold/F/Reports", same=bytes.lower,
        prepare=image("/srv/fold", "ext4", "rw", "mkfs.ext4", "-q", "-O", "casefold"))(
    lambda v: os.unlink("/srv/fold/F/REPORTS/Report.CSV"))


def huge(v, *path):
    """Deletes a file of the user's file system, and the victim as a sign that it is gone."""
    tree = {path[-1]: b""}
    for name in reversed(path[:-1]):
        tree = {name: tree}
    uwfuse.Server(tree).fusermount(folder(v.dir + "/mnt"))
    os.unlink("/".join((v.dir, "mnt", *path)))
    os.unlink(v.path)


for path in ("n" * 300,), ("n" * 1024,), ("d" * 1024, "n" * 1024):
    attempt("FUSE: names of %s bytes" % " and ".join(str(len(n)) for n in path),
            names=lambda _, path=path: ["%(dir)s/mnt/" + "/".join(path)])(
        lambda v, path=path: huge(v, *path))


LOOP = "loop" * 50


@attempt("a directory above is renamed all the time", home="/srv/race",
         files=tuple("a/" + "deep/" * 12 + "report%d.csv" % i for i in range(200)),
         names=lambda path: [path, path.replace("/a/", "/%s/" % LOOP)])
def torn(v):
    fd = directory(os.path.dirname(v.path))
    if not os.fork():
        while True:
            os.rename(v.dir + "/a", v.dir + "/" + LOOP)
            os.rename(v.dir + "/" + LOOP, v.dir + "/a")
    time.sleep(0.1)
    for path in v.paths:
        os.unlink(os.path.basename(path), dir_fd=fd)


# ---- who it was

@attempt("a control group named like a container's", by=ROOT, who="user in his own subtree")
def contained(v):
    box = folder("/sys/fs/cgroup/evade/docker-%s.scope" % ("e" * 64))
    write(box + "/cgroup.procs", str(os.getpid()))
    become(UID)
    os.unlink(v.path)


@attempt("another loginuid")
def login(v):
    write("/proc/self/loginuid", "4711")
    os.unlink(v.path)


@attempt("comm and arguments of another program")
def disguised(v):
    call("prctl", PR_SET_NAME, "x\nUNLINK_PATH=", 0, 0, 0)
    subprocess.run(["sshd: \n[accepted]", "-c", "import os; os.unlink(%r)" % v.path],
                   executable=sys.executable, check=True)


@attempt("a program that deletes itself first")
def without_program(v):
    shutil.copy("/bin/rm", "rm")
    subprocess.run(["./rm", "rm", v.path], check=True)


@attempt("the last act of a process")
def last_act(v):
    if not os.fork():
        os.unlink(v.path)
        os._exit(0)
    os.wait()


@attempt("a process that is killed in the middle", files=tuple("r%d" % i for i in range(300)))
def killed(v):
    pid = os.fork()
    if not pid:
        for path in v.paths:
            os.unlink(path)
        signal.pause()
    while os.path.exists(v.paths[20]):
        pass
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@attempt("a thread whose leader has exited")
def orphan(v):
    def last():
        time.sleep(0.2)
        os.unlink(v.path)
        os._exit(0)
    threading.Thread(target=last).start()
    call(SYS_EXIT, 0)


@attempt("another pid namespace", by=NAMESPACE)
def renumbered(v):
    call("unshare", CLONE_NEWPID)
    last_act(v)


@attempt("setfsuid(2)", by=ROOT)
def fsuid(v):
    libc.setfsuid(UID)
    os.unlink(v.path)


@attempt("seteuid(2)", by=ROOT)
def euid(v):
    os.seteuid(UID)
    os.unlink(v.path)


@attempt("a debugger that changes the path")
def traced(v):
    """The debugger replaces the name at the entry of the system call."""
    harmless, victim = (ctypes.create_string_buffer(os.fsencode(p))
                        for p in (v.scratch + "/decoy", v.path))
    pid = os.fork()
    if not pid:
        libc.ptrace(PTRACE_TRACEME, 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(libc.unlink(harmless))
    os.waitpid(pid, 0)
    while True:
        call("ptrace", PTRACE_SYSCALL, pid, 0, 0)
        if os.WIFEXITED(os.waitpid(pid, 0)[1]):
            return
        if libc.ptrace(PTRACE_PEEKUSER, pid, ORIG_RAX, 0) == SYS_UNLINK:
            call("ptrace", PTRACE_POKEUSER, pid, RDI, ctypes.addressof(victim))


# ---- probes that are blind for a moment

def blinded(switch):
    def work(v):
        """First each CPU gets to know the directory by its old name."""
        for cpu in range(os.cpu_count()):
            os.sched_setaffinity(0, {cpu})
            for _ in range(3):
                write(v.dir + "/old/x")
                os.unlink(v.dir + "/old/x")
        try:
            write(switch, "0")
        except OSError as e:
            raise Unavailable("%s: %s" % (switch, e.strerror)) from e
        os.rename(v.dir + "/old", v.dir + "/new")
        write(switch, "1")
        os.unlink(v.dir + "/new/report.csv")
    return work


for what, switch in (("disarmed kprobes", "/sys/kernel/debug/kprobes/enabled"),
                     ("ftrace turned off", "/proc/sys/kernel/ftrace_enabled")):
    attempt("%s while the directory gets another name" % what, by=ROOT, files=("old/report.csv",),
            names=lambda path: ["%(dir)s/new/report.csv"])(blinded(switch))


# ---- the run

EXCLUDED = "ExcludePath=/tmp /proc /sys /dev /run\n"
SHARE = "[Watch share]\nPath=/srv/share\n" + EXCLUDED
prepare()
unseen = run_all({
    "share": SHARE + "[Watch names]\nPath=/srv/fold/F/reports /srv/fat/" + EURO +
             "\n[Watch race]\nPath=/srv/race\nOperation=unlink\n",
    "any": "[Watch any]\n" + EXCLUDED,
    "storm": SHARE + "[Storm]\n",
    "ring": SHARE + "[Daemon]\nDetail=minimal\nRingBufferSize=128K\n",
})
ok(not unseen, "0 unseen", "%d unseen" % len(unseen), *(path[:80] for path in unseen[:20]))
done()
