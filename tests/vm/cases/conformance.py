#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The conformance table of deletions: each kind of deletion x each way to name the file x success and
failure. See uwconform.py; conformance_moves.py has the table of moves and exchanges.
"""
import collections
import errno
import os
import stat
import subprocess

import uwconform
from uwconform import (B, PROBES, USER, VICTIMS, Way, begin, by_probe, case, covered, cut, end,
                       fill, fill_path, immutable, mount, new, run_parts, through, ways)
from uwtest import cursor, equal, ok, run, settle

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
INT80 = through("int80", [UNLINK, UNLINKAT, REMOVEDIR, RMDIR, RENAME, RENAMEAT, RENAMEAT2])
URING = through("io_uring", [UNLINKAT, REMOVEDIR, RENAMEAT])
SQPOLL = through("sqpoll", [UNLINKAT, RENAMEAT])


def success(kind, way, **more):
    if way.fd != "cwd" and not kind.at:
        return
    parent = os.open(way.where, os.O_PATH | os.O_DIRECTORY)
    name = "%d" % uwconform.n_cases
    name = name + "n" * (way.last - len(name))
    fill(parent, name, kind.thing)
    if "rename" in kind.title:
        fill(parent, "by%d" % uwconform.n_cases, kind.thing)
    call = kind.call(way.fd, way.prefix + name, way.prefix + "by%d" % uwconform.n_cases)
    os.close(parent)
    case("%s, %s" % (kind.title, way.title), call, steps=(*kind.steps, *way.steps), **more)


def failure(kind, why, result, name, state="resolved", steps=(), fd="cwd", by=B + "/source",
            record=True, **more):
    if fd != "cwd" and not kind.at:
        return
    case("%s: %s, %s" % (kind.title, errno.errorcode[result], why), kind.call(fd, name, by), result,
         steps=(*kind.steps, *steps), state=state, record=record, **more)


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
            state="detached", FSTYPE="tmpfs", MNTNS=None)


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
        failure(k, "a name of 4096 bytes", errno.ENAMETOOLONG, "/" * 4096, "unknown", record=seen)
        failure(k, "an empty name", errno.ENOENT, "", "unknown", record=seen)
        failure(k, "an unreadable name", errno.EFAULT, "@fault", "unknown", record=seen)
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
    for name in ("/point", "/fileover"):
        covered[B + name] = os.stat(B + name)
    mount("-t", "tmpfs", "point", B + "/point")
    mount("--bind", B + "/source", B + "/fileover")
    immutable(B + "/immutable", True)

    files_failing([UNLINK, UNLINKAT, RMDIR, REMOVEDIR, *int80[:2], *uring[:2]])
    for k in (UNLINK, UNLINKAT, *int80[:1], *uring[:1]):
        failure(k, "a directory", errno.EISDIR, B + "/d")
        failure(k, "a directory, with a slash", errno.EISDIR, B + "/d/", "lexical")
        failure(k, "a file, with a slash", errno.ENOTDIR, B + "/source/", "lexical")
        failure(k, "the dot", errno.EISDIR, "d/.", "lexical", ("chdir", B))
        failure(k, "a file that something is mounted on", errno.EBUSY, B + "/fileover")
        failure(k, "an immutable file", errno.EPERM, B + "/immutable")
    for k in (RMDIR, REMOVEDIR, *int80[3:4], *uring[1:2]):
        failure(k, "a file", errno.ENOTDIR, B + "/source")
        failure(k, "not empty", errno.ENOTEMPTY, B + "/full")
        failure(k, "not empty, with slashes", errno.ENOTEMPTY, B + "/full//")
        failure(k, "a mount point", errno.EBUSY, B + "/point")
        failure(k, "the root", errno.EBUSY, "/", "lexical")
        failure(k, "the dot", errno.EINVAL, "d/.", "lexical", ("chdir", B))
        failure(k, "two dots", errno.ENOTEMPTY, "d/..", "lexical", ("chdir", B))
    new(B + "/empty")
    fill_path(B + "/other/own")
    for k in (RENAME, RENAMEAT, RENAMEAT2, *int80[4:5], *uring[2:3]):
        failure(k, "a directory in the way", errno.EISDIR, B + "/d")
        failure(k, "a directory over a file", errno.ENOTDIR, B + "/sticky/file", by=B + "/empty")
        failure(k, "a directory that is not empty", errno.ENOTEMPTY, B + "/full", by=B + "/empty")
        failure(k, "a mount point", errno.EBUSY, B + "/point", by=B + "/empty")
        failure(k, "a file that something is mounted on", errno.EBUSY, B + "/fileover",
                by=B + "/sticky/file")
        failure(k, "an immutable file", errno.EPERM, B + "/immutable")
        failure(k, "in a sticky directory", errno.EPERM, B + "/sticky/file", by=B + "/other/own",
                steps=("setuid", str(USER)))
        failure(k, "in a directory that is not the user's", errno.EACCES, B + "/foreign/file",
                by=B + "/other/own", steps=("setuid", str(USER)))
    immutable(B + "/fixed", False)
    immutable(B + "/immutable", False)


def no_record():
    case("unlinkat with a wrong flag", ["unlinkat", "cwd", B + "/source", "0x1000"], errno.EINVAL,
         record=False)


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


has_int80, has_uring = begin()
int80, uring, sqpoll = (INT80 if has_int80 else []), (URING if has_uring else []), \
    (SQPOLL if has_uring else [])
run_parts(successes, special_files, long_paths, failures, no_record, overlays)
rm_r()
end()
