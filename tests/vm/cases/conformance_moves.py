#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The conformance table of renames: each call x each way to give the two names x what they name, and
what the kernel refuses. See uwconform.py.
"""
import collections
import errno
import os
import stat

import uwconform
from uwconform import (B, EXCHANGE, NOREPLACE, UNREADABLE, USER, WHITEOUT, Way, begin, case,
                       covered, end, fill, fill_path, immutable, mount, new, run_parts, through,
                       ways)
from uwtest import run

# at: whether it takes descriptors; call: a function of the descriptors and the names
Kind = collections.namedtuple("Kind", "title at call steps", defaults=((),))


def renameat2(title, flags):
    return Kind(title, True, lambda f, a, g, b: ["renameat2", f, a, g, b, str(flags)])


RENAME = Kind("rename", False, lambda f, a, g, b: ["rename", a, b])
RENAMEAT = Kind("renameat", True, lambda f, a, g, b: ["renameat", f, a, g, b])
RENAMEAT2 = renameat2("renameat2", 0)
KEEP = renameat2("renameat2(RENAME_NOREPLACE)", NOREPLACE)
SWAP = renameat2("exchange", EXCHANGE)
WHITE = renameat2("renameat2(RENAME_WHITEOUT)", WHITEOUT)

# Two ways, for the old name and the new one, with the steps of both
Pair = collections.namedtuple("Pair", "title old new steps", defaults=((),))


def same(way):
    return Pair(way.title, way, way, way.steps)


def at_where(where, prefix=None, fd="cwd"):
    return Way("", where, where + "/" if prefix is None else prefix, (), fd)


def make(way, letter, thing):
    """Makes what the name shall lead to. Returns the name as the way gives it."""
    name = "%s%d" % (letter, uwconform.n_cases)
    name += letter * (way.last - len(name))
    parent = os.open(way.where, os.O_PATH | os.O_DIRECTORY)
    if thing == "tree":
        os.makedirs("/proc/self/fd/%d/%s/in/deep" % (parent, name))
    elif thing:
        fill(parent, name, thing)
    os.close(parent)
    return way.prefix + name


def success(kind, pair, old="file", onto=None, result=0, **more):
    """
    Renames a file or directory, `old`, onto nothing, or onto another one. rename(2) takes no
    descriptors: renameat(2) does it where the names need them.
    """
    if (pair.old.fd, pair.new.fd) != ("cwd", "cwd") and not kind.at:
        kind = RENAMEAT
    title = "%s of a %s %s, %s" % (kind.title, old, "onto a " + onto if onto else "onto nothing",
                                   pair.title)
    call = kind.call(pair.old.fd, make(pair.old, "o", old), pair.new.fd, make(pair.new, "n", onto))
    if result:
        title = "%s: %s" % (errno.errorcode[result], title)
    case(title, call, result, steps=(*kind.steps, *pair.steps), **more)


def failure(kind, why, result, old, to, state="resolved", steps=(), fds=("cwd", "cwd"), **more):
    if fds != ("cwd", "cwd") and not kind.at:
        return
    case("%s: %s, %s" % (kind.title, errno.errorcode[result], why),
         kind.call(fds[0], old, fds[1], to), result, steps=(*kind.steps, *steps), state=state,
         **more)


# ---- the tables

def each_way():
    """Both names in one way."""
    for n, way in enumerate(table):
        success((RENAME, RENAMEAT, RENAMEAT2)[n % 3], same(way), ("file", "tree")[n % 2])
        success(SWAP, same(way), "file", ("tree", "file")[n % 2])


# See uwconform.CORE.
CORE_PAIRS = ("by two descriptors", "relative, and by a descriptor", "in a bind mount",
              "out of a chroot by a descriptor", "in a mount namespace of its own",
              "to a path of 4095 bytes")
OVERLAID = ("on overlayfs, into a directory of the lower layer",
            "on overlayfs, out of a directory of the lower layer")


def pairs():
    """The old name in one way, the new one in another."""
    d, other, jail = B + "/d", B + "/other", B + "/jail"
    new(B + "/real/in", B + "/tmpfs/t/in", d + "/in")
    by_title = {way.title: way for way in table}
    deep, long = by_title["200 directories deep"], by_title["a path of 4095 bytes"]
    name = by_title["a name of 255 bytes"]
    yield Pair("by two descriptors", at_where(d, "", "10"), at_where(other, "", "11"),
               ("open", d, "open", other))
    yield Pair("by a descriptor, and absolute", at_where(d, "", "10"), at_where(other),
               ("open", d))
    yield Pair("relative, and by a descriptor", at_where(d, ""), at_where(other, "", "10"),
               ("chdir", d, "open", other))
    yield Pair("absolute, and below a descriptor", at_where(d), at_where(other, "other/", "10"),
               ("open", B))
    yield Pair("absolute, and relative", at_where(d), at_where(other, ""), ("chdir", other))
    yield Pair("relative, and absolute", at_where(d, "./d/"), at_where(other), ("chdir", B))
    yield Pair("with `..`, and in the working directory", at_where(d, "../d/"),
               at_where(other, ""), ("chdir", other))
    yield Pair("down", at_where(d), at_where(d + "/in"))
    yield Pair("up", at_where(d + "/in", ""), at_where(d, "../"), ("chdir", d + "/in"))
    yield Pair("through a symlink, and after one with `..`", at_where(d, B + "/sym/"),
               at_where(B + "/e", B + "/link/../"))
    yield Pair("through /proc/self/cwd", at_where(d, "/proc/self/cwd/"), at_where(other),
               ("chdir", d))
    yield Pair("in a chroot", at_where(jail + "/in", "/in/"),
               at_where(jail + "/in/sub", "/in/sub/"), ("chroot", jail))
    yield Pair("relative and with `..` in a chroot", at_where(jail + "/in/sub", ""),
               at_where(jail + "/in", "../../../../in/"), ("chroot", jail, "chdir", "/in/sub"))
    yield Pair("out of a chroot by a descriptor", at_where(jail + "/in", "/in/"),
               at_where(d, "", "10"), ("open", d, "chroot", jail, "chdir", "/"))
    yield Pair("into a chroot by a descriptor", at_where(d, "", "10"),
               at_where(jail + "/in", "in/"), ("open", d, "chroot", jail, "chdir", "/"))
    yield Pair("in a bind mount", at_where(B + "/bind"), at_where(B + "/bind/in"))
    yield Pair("in a bind mount on a bind mount", at_where(B + "/twice/in"), at_where(B + "/twice"))
    yield Pair("in a bind mount in a chroot", at_where(jail + "/mnt/in", "/mnt/in/"),
               at_where(jail + "/mnt", "/mnt/"), ("chroot", jail))
    yield Pair("in a mount namespace of its own", at_where(B + "/real", B + "/ns/"),
               at_where(B + "/real/in", B + "/ns/in/"),
               ("unshare", "bind", B + "/real", B + "/ns"))
    yield Pair("on tmpfs", at_where(B + "/tmpfs", ""), at_where(B + "/tmpfs/t", "", "10"),
               ("chdir", B + "/tmpfs", "open", B + "/tmpfs/t"))
    yield Pair("from 200 directories deep", deep, at_where(d))
    yield Pair("to 200 directories deep", at_where(d), deep)
    yield Pair("from a path of 4095 bytes", long, at_where(other))
    yield Pair("to a path of 4095 bytes", at_where(other), long)
    yield Pair("from a name of 255 bytes", name, at_where(other, "other/"), ("chdir", B))
    if "on overlayfs" in by_title:
        yield Pair("on overlayfs, into a directory of the lower layer", at_where(B + "/over"),
                   at_where(B + "/over/below"))
        yield Pair("on overlayfs, out of a directory of the lower layer",
                   at_where(B + "/over/below", "below/"), at_where(B + "/over", ""),
                   ("chdir", B + "/over"))
    if "on btrfs" in by_title:
        new(B + "/btrfs/in")
        yield Pair("on btrfs", at_where(B + "/btrfs"), at_where(B + "/btrfs/in"))
        yield Pair("in a mounted btrfs subvolume", at_where(B + "/subvol/in"),
                   at_where(B + "/subvol"))


def across():
    for n, pair in enumerate(all_pairs):
        success((RENAMEAT, RENAME, KEEP)[n % 3], pair, ("tree", "file")[n % 2])
        success((RENAME, RENAMEAT2)[n % 2], pair, onto="file")
        if n % 2:
            success(RENAME, pair, "tree", "directory")
        success(SWAP, pair, ("file", "tree")[n % 2], "file")


def by_other_calls():
    """32-bit system calls and io_uring."""
    few = [same(w) for w in table if w.title in ("absolute", "in a chroot", "on overlayfs")]
    few += [p for p in all_pairs if p.title in CORE_PAIRS]
    for n, pair in enumerate(few):
        for kind in int80:
            if kind.at or (pair.old.fd, pair.new.fd) == ("cwd", "cwd"):
                success(kind, pair, ("file", "tree")[n % 2],
                        "tree" if "exchange" in kind.title else None)
        for kind in uring:
            success(kind, pair, ("tree", "file")[n % 2],
                    "file" if "exchange" in kind.title else None)
        for kind in uring[:1]:
            success(kind, pair, onto="file")
        if "relative" in pair.title or "absolute" in pair.title:
            for kind in sqpoll:
                success(kind, pair, "file", "file" if "exchange" in kind.title else None)


def special():
    """Other types of files, links, flags, users and threads."""
    d, other = B + "/d/", B + "/other/"
    os.symlink("/etc/hosts", d + "symlink")
    os.symlink("nowhere", d + "dangling")
    os.mkfifo(d + "fifo", 0o640)
    os.mknod(d + "socket", stat.S_IFSOCK | 0o777)
    os.mknod(d + "device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    for name in ("symlink", "dangling", "fifo", "socket", "device"):
        case("rename of a " + name, ["rename", d + name, other + name])
    os.symlink("/etc", d + "link")
    case("exchange of a symlink with a fifo", SWAP.call("cwd", d + "link", "cwd", other + "fifo"))
    case("rename of a fifo over a symlink", ["rename", d + "link", other + "symlink"])
    fill_path(d + "one")
    os.link(d + "one", other + "two")
    case("rename of one of two hard links", ["rename", d + "one", d + "moved"])
    fill_path(d + "one")
    case("rename over one of two hard links", ["rename", d + "one", other + "two"])
    new(d + "dir", d + "dir2")
    case("rename of a directory, both names with a slash",
         ["rename", d + "dir/", d + "renamed//"])
    case("rename of a directory onto one with a slash", ["rename", d + "renamed", d + "dir2/"])
    plain = Pair("", at_where(B + "/d"), at_where(B + "/other"))
    for pair in all_pairs[:2] + [p for p in all_pairs if p.title == "on tmpfs"]:
        success(WHITE, pair)
        success(WHITE, pair, onto="file")
    for kind in (KEEP, *int80[-1:], *uring[-1:]):
        success(kind, plain._replace(title="with RENAME_NOREPLACE or RENAME_EXCHANGE"), "tree",
                "file" if "exchange" in kind.title else None)
    success(RENAME, plain._replace(title="by another comm", steps=("comm", "odd [1] (x) name")))
    success(RENAMEAT, plain._replace(title="from another thread", steps=("thread",)))
    success(SWAP, plain._replace(title="from another thread", steps=("comm", "t", "thread")),
            "file", "file")
    for kind in uring:
        success(kind, plain._replace(title="submitted by another thread",
                                     steps=("comm", "submitter", "thread")), "file",
                "file" if "exchange" in kind.title else None)
    os.chmod(other, 0o777)
    new(other + "own")
    os.chmod(other + "own", 0o777)
    theirs = Pair("as another user", at_where(B + "/other", ""), at_where(other + "own"),
                  ("chdir", B + "/other", "setuid", str(USER)))
    as_fsuid = theirs._replace(title="with another fsuid",
                               steps=("chdir", B + "/other", "setfsuid", str(USER)))
    as_euid = theirs._replace(title="with another effective user",
                              steps=("chdir", B + "/other", "seteuid", str(USER)))
    for pair in (theirs, as_fsuid, as_euid):
        success(RENAMEAT, pair)
        success(RENAME, pair, onto="file")
        success(SWAP, pair, "file", "file")
        for kind in uring[:1]:
            success(kind, pair)
    case("unlink with another fsuid", ["unlink", make(at_where(B + "/other"), "u", "file")],
         steps=("setfsuid", "65534"))
    case("rmdir with an fsuid that has no name",
         ["rmdir", make(at_where(B + "/other"), "u", "directory")], steps=("setfsuid", "77777"))


def overlays():
    """On overlayfs a rename copies files up and makes whiteouts. It has one record."""
    if not os.path.exists(B + "/over/below"):
        return
    low = B + "/over/below/low"
    case("rename of a file of the lower layer", ["rename", low + "1", B + "/over/up"])
    case("rename of a file of the lower layer within its directory", ["rename", low + "2", low])
    case("exchange of files of both layers", SWAP.call("cwd", low + "3", "cwd", B + "/over/up"))
    case("rename of a file of the lower layer over another", ["rename", low + "4", low + "5"])
    case("rename: ENOENT, a whiteout", ["rename", low + "1", low + "6"], errno.ENOENT,
         state="lexical")
    case("rename onto a whiteout", ["rename", low + "6", low + "1"])
    case("rename: EXDEV, a directory of the lower layer",
         ["rename", B + "/over/below", B + "/over/b"], errno.EXDEV)
    fill_path(B + "/over/white")
    case("renameat2(RENAME_WHITEOUT): EINVAL, on overlayfs",
         WHITE.call("cwd", B + "/over/white", "cwd", B + "/over/out"), errno.EINVAL)


def subvolumes():
    if not os.path.exists(B + "/btrfs/sub"):
        return
    fill_path(B + "/btrfs/file")
    case("rename: EXDEV, into another btrfs subvolume",
         ["rename", B + "/btrfs/file", B + "/btrfs/sub/file"], errno.EXDEV)
    run("btrfs", "subvolume", "create", B + "/btrfs/other")
    case("rename of a btrfs subvolume", ["rename", B + "/btrfs/other", B + "/btrfs/in/moved"])


def long_paths():
    """Paths around the longest that a record holds, by names relative to their directories."""
    huge = B + "/huge"
    while len(huge) < 3650:
        huge += "/" + "h" * 250
    huge += "/" + "h" * (3949 - len(huge))
    new(huge)
    for length in (4095, 4096, 4150):
        state = "truncated" if length > 4095 else "resolved"
        way = Way("", huge, "", (), "10", length - len(huge) - 1)
        steps = ("open", huge)
        success(RENAMEAT, Pair("both paths of %d bytes" % length, way, way, steps), state=state)
        success(SWAP, Pair("both paths of %d bytes" % length, way, way, steps), "file", "tree",
                state=state)
        success(RENAMEAT2, Pair("from a path of %d bytes" % length, way, at_where(B + "/d"), steps),
                state=state)
        success(RENAMEAT2, Pair("to a path of %d bytes" % length, at_where(B + "/d"), way, steps),
                "tree")
        success(RENAMEAT, Pair("to a path of %d bytes" % length, at_where(B + "/d"), way, steps),
                onto="file", state=state)
    many = B + "/many" + "/m" * 300
    new(many)
    success(RENAME, Pair("300 directories deep", at_where(many), at_where(B + "/d")),
            state="truncated")
    # Names of 4095 bytes each, that lead to short paths and to nothing.
    fill_path(B + "/d/short")
    pad = [(B + "/d/" + "./" * 2100)[:4095 - n] for n in range(12)]
    old, to, none = (pad[len(n)] + n for n in ("/short", "/brief", "/none"))
    for kind in (RENAME, RENAMEAT2, *int80[:1], *uring[:1]):
        case("%s, both names of 4095 bytes" % kind.title, kind.call("cwd", old, "cwd", to),
             steps=kind.steps)
        case("%s: ENOENT, both names of 4095 bytes" % kind.title,
             kind.call("cwd", none, "cwd", to), errno.ENOENT, steps=kind.steps, state="lexical")
        os.rename(B + "/d/brief", B + "/d/short")
    fill_path(B + "/d/brief")
    case("exchange, both names of 4095 bytes", SWAP.call("cwd", old, "cwd", to))


def refused_names(k):
    """Names and descriptors that the kernel refuses, and so does not resolve."""
    d, other = B + "/d/", B + "/other/"
    seen = "io_uring" not in k.title  # io_uring refuses some before it starts a rename
    failure(k, "no such file", errno.ENOENT, d + "none", other + "x", "lexical")
    failure(k, "no such file, relative", errno.ENOENT, "../d/./none", "x", "lexical",
            ("chdir", B + "/other"))
    failure(k, "no such file, by descriptors", errno.ENOENT, "none", "sub/../x", "lexical",
            ("open", B + "/d", "open", B + "/other"), ("10", "11"))
    failure(k, "no such file, in a chroot", errno.ENOENT, "/in/none", "../../../x", "lexical",
            ("chroot", B + "/jail", "chdir", "/in"))
    failure(k, "the old name of 256 bytes", errno.ENAMETOOLONG, d + "n" * 256, d + "x", "lexical")
    failure(k, "the new name of 256 bytes", errno.ENAMETOOLONG, d + "there", d + "n" * 256,
            "lexical")
    failure(k, "the old name of 4096 bytes", errno.ENAMETOOLONG, "/" * 4096, d + "x", "unknown",
            record=seen)
    failure(k, "the new name of 4096 bytes", errno.ENAMETOOLONG, d + "there", "/" * 4096, "lexical",
            record=seen)
    failure(k, "the old name empty", errno.ENOENT, "", d + "x", "unknown", record=seen)
    failure(k, "the new name empty", errno.ENOENT, d + "there", "", "lexical", record=seen)
    failure(k, "the old name unreadable", errno.EFAULT, UNREADABLE, d + "x", "unknown", record=seen)
    failure(k, "the new name unreadable", errno.EFAULT, d + "there", UNREADABLE, "lexical",
            record=seen)
    failure(k, "no descriptor for the old name", errno.EBADF, "x", "y", "unknown", (),
            ("77", "cwd"))
    failure(k, "no descriptor for the new name", errno.EBADF, d + "there", "y", "lexical", (),
            ("cwd", "77"))
    failure(k, "a file as descriptor", errno.ENOTDIR, d + "there", "x", "lexical",
            ("open", d + "there"), ("cwd", "10"))


def refused_places(k):
    """What the kernel refuses before it asks the security modules, though the names are valid."""
    d, exchanges, user = B + "/d/", "exchange" in k.title, ("setuid", str(USER))
    failure(k, "no such directory for the new name", errno.ENOENT, d + "there", B + "/none/x",
            "lexical")
    failure(k, "the new name through a symlink", errno.ENOENT, d + "none", B + "/sym/none",
            "lexical")
    failure(k, "a file as directory of the old name", errno.ENOTDIR, d + "there/x", d + "y",
            "lexical")
    failure(k, "a file as directory of the new name", errno.ENOTDIR, d + "there", d + "there/x",
            "lexical")
    failure(k, "the old name of a file with a slash", errno.ENOTDIR, d + "there/", d + "onto",
            "lexical")
    failure(k, "symlinks in a circle", errno.ELOOP, d + "there", B + "/circle/x", "lexical")
    failure(k, "another file system", errno.EXDEV, d + "there", B + "/tmpfs/x", "lexical")
    failure(k, "another mount of the file system", errno.EXDEV, d + "there", B + "/bind/x",
            "lexical")
    failure(k, "a read-only mount", errno.EROFS, B + "/ro/file", B + "/ro/x", "lexical")
    failure(k, "a directory into itself", errno.EINVAL, B + "/full", B + "/full/x/y/file",
            "lexical")
    failure(k, "a file onto the directory that it is in",
            errno.EINVAL if exchanges else errno.ENOTEMPTY, B + "/full/x/y/file", B + "/full/x",
            "lexical")
    failure(k, "the dot", errno.EBUSY, "d/.", "x", "lexical", ("chdir", B))
    failure(k, "onto the dots", errno.EBUSY, "d/there", "d/..", "lexical", ("chdir", B))
    failure(k, "the root", errno.EBUSY, "/", "x", "lexical", ("chdir", B))
    new(B + "/gone")
    failure(k, "in the removed working directory", errno.ENOENT, d + "there", "x", "lexical",
            ("chdir", B + "/gone"), before=lambda: os.rmdir(B + "/gone"))
    failure(k, "the old directory closed to the user", errno.EACCES, B + "/closed/file",
            B + "/other/x", "lexical", user)
    failure(k, "the new directory closed to the user", errno.EACCES, B + "/other/own",
            B + "/closed/file", "lexical", user)


def refused_files(k):
    """What the file system refuses, whose names are known."""
    exchanges = "exchange" in k.title
    d, other, user = B + "/d/", B + "/other/", ("setuid", str(USER))
    onto = d + "onto" if exchanges else d + "none"
    failure(k, "out of a directory that is not the user's", errno.EACCES, B + "/foreign/file",
            other + ("own" if exchanges else "x"), steps=user)
    failure(k, "into a directory that is not the user's", errno.EACCES, other + "own",
            B + "/foreign/" + ("file" if exchanges else "x"), steps=user)
    failure(k, "out of a sticky directory", errno.EPERM, B + "/sticky/file",
            other + ("own" if exchanges else "x"), steps=user)
    failure(k, "into another directory, of a directory that is not the user's", errno.EACCES,
            other + "theirs", B + "/open/" + ("file" if exchanges else "x"), steps=user)
    failure(k, "out of an immutable directory", errno.EPERM, B + "/fixed/file", onto)
    failure(k, "into an immutable directory", errno.EPERM, d + "there",
            B + "/fixed/" + ("file" if exchanges else "x"))
    failure(k, "an immutable file", errno.EPERM, B + "/immutable", onto)
    failure(k, "a mount point", errno.EBUSY, B + "/point", onto)
    if exchanges:
        failure(k, "a mount point as the other name", errno.EBUSY, d + "there", B + "/point")
        return
    failure(k, "over an immutable file", errno.EPERM, d + "there", B + "/immutable")
    failure(k, "a file over a directory", errno.EISDIR, d + "there", B + "/other")
    failure(k, "a directory over a file", errno.ENOTDIR, B + "/full", d + "there")
    failure(k, "over a directory that is not empty", errno.ENOTEMPTY, B + "/other", B + "/full")
    failure(k, "over a mount point", errno.EBUSY, B + "/full", B + "/point")


def refused():
    new(B + "/rw", B + "/ro", B + "/closed", B + "/foreign", B + "/sticky", B + "/fixed",
        B + "/open", B + "/full/x/y", B + "/point", B + "/other/theirs")
    for name in ("rw/file", "closed/file", "foreign/file", "sticky/file", "fixed/file", "open/file",
                 "full/x/y/file", "d/there", "d/onto", "immutable"):
        fill_path(B + "/" + name)
    for name, mode in (("closed", 0o700), ("sticky", 0o1777), ("open", 0o777), ("other", 0o777)):
        os.chmod(B + "/" + name, mode)
    for name in ("fixed", "immutable"):
        immutable(B + "/" + name, True)
    covered[B + "/point"] = os.stat(B + "/point")
    mount("-t", "tmpfs", "point", B + "/point")
    mount("--bind", B + "/rw", B + "/ro")
    mount("-o", "remount,bind,ro", B + "/ro")
    os.symlink("circle", B + "/circle")
    for k in (RENAMEAT2, SWAP, *int80[1:2], *uring[:1]):
        refused_names(k)
    for k in (RENAME, SWAP):
        refused_places(k)
        refused_files(k)
    for k in (*int80[3:], *uring[1:2]):
        failure(k, "a read-only mount", errno.EROFS, B + "/ro/file", B + "/ro/file", "lexical")
        failure(k, "an immutable file", errno.EPERM, B + "/immutable", B + "/d/onto")
    for k in (KEEP, *int80[2:3], *uring[2:3]):
        failure(k, "onto a file", errno.EEXIST, B + "/d/there", B + "/d/onto", "lexical")
        failure(k, "onto another link of the file", errno.EEXIST, B + "/d/there", B + "/d/there",
                "lexical")
        failure(k, "onto the dot", errno.EEXIST, "d/there", "d/.", "lexical", ("chdir", B))
    failure(RENAME, "onto nothing with a slash", errno.ENOTDIR, B + "/d/there", B + "/d/none/",
            "lexical")
    failure(RENAME, "onto a file with a slash", errno.ENOTDIR, B + "/d/there", B + "/d/onto/",
            "lexical")
    failure(SWAP, "with nothing", errno.ENOENT, B + "/d/there", B + "/d/none", "lexical")
    failure(SWAP, "with a file and a slash", errno.ENOTDIR, B + "/d/there", B + "/d/onto/",
            "lexical")
    for flags in (NOREPLACE | EXCHANGE, WHITEOUT | EXCHANGE, 8):
        failure(renameat2("renameat2 with the flags %d" % flags, flags), "no such flags",
                errno.EINVAL, B + "/d/there", B + "/d/onto", "lexical")
    for name in ("fixed", "immutable"):
        immutable(B + "/" + name, False)


def moves_nothing():
    """Two links of one file: rename(2) does nothing, and has no record."""
    fill_path(B + "/d/link1")
    os.link(B + "/d/link1", B + "/other/link2")
    one, two = B + "/d/link1", B + "/other/link2"
    for k in (RENAME, RENAMEAT2, SWAP, *int80[:1], *uring[:2]):
        case(k.title + " of one hard link onto another", k.call("cwd", one, "cwd", two),
             steps=k.steps, record=False)
        case(k.title + " onto itself", k.call("cwd", one, "cwd", one), steps=k.steps, record=False)
    case("rename of a directory onto itself", ["rename", B + "/d", B + "/sym/../d"], record=False)


has_int80, has_uring = begin()
int80 = through("int80", [RENAME, RENAMEAT, KEEP, SWAP]) if has_int80 else []
uring = through("io_uring", [RENAMEAT2, SWAP, KEEP]) if has_uring else []
sqpoll = through("sqpoll", [RENAMEAT2, SWAP]) if has_uring else []
table = list(ways())
all_pairs = uwconform.few(pairs(), (*CORE_PAIRS, *OVERLAID))
run_parts(each_way, across, by_other_calls, special, overlays, subvolumes, long_paths, refused,
          moves_nothing)
end()
