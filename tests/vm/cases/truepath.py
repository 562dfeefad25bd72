#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
2,000 random deletions in random trees with bind mounts, other file systems, symlinks, `..`,
descriptors and chroots. UNLINK_PATH must be what the kernel itself says: /proc/self/fd of the
parent before the deletion.
"""
import collections
import ctypes
import os
import random
import sys

from uwtest import configure, cursor, done, equal, ok, restart, run, settle, value

N = 2000
TREES = 5
TOP = b"/srv/true"
SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 20261121

random.seed(SEED)
CDLL = ctypes.CDLL(None, use_errno=True)
CDLL.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong,
                       ctypes.c_char_p]
BYTES = [c for c in range(1, 256) if c != ord("/")]
counts = collections.Counter()
Deletion = collections.namedtuple("Deletion", "pid op path by state")


def name():
    kind = random.random()
    if kind < 0.6:
        return b"%x" % random.getrandbits(40)
    length = random.choice((1, 20, 100, 254, 255))
    text = bytes(random.choice(BYTES) for _ in range(length))
    if kind < 0.8 and text not in (b".", b".."):
        return text
    return b"%x" % random.getrandbits(40) + b"n" * 230


def mount(source, point, fstype, flags):
    """Calls mount(2) itself: mount(8) changes some names."""
    if CDLL.mount(source, point, fstype, flags, None):
        sys.exit("# mount %r at %r: %s" % (source, point, os.strerror(ctypes.get_errno())))
    counts["mounts"] += 1


def plant(top):
    """Creates directories, mounts on some of them, and symlinks to any. Returns the directories."""
    directories = [top]
    for _ in range(60):
        new = os.path.join(random.choice(directories[-8:]), name()[:random.choice((8, 8, 255))])
        if len(new) < 3000 and not os.path.lexists(new):
            os.makedirs(new)
            directories.append(new)
    for i in range(8):
        # An earlier mount may have hidden some.
        directories = [d for d in directories if os.path.isdir(d)]
        point = random.choice(directories[1:])
        if i % 4 == 0:
            mount(b"tmpfs", point, b"tmpfs", 0)
            os.makedirs(point + b"/on/tmpfs")
            directories += [point + b"/on", point + b"/on/tmpfs"]
        else:
            mount(random.choice(directories), point, None, 0x5000)  # MS_BIND | MS_REC
    directories = [d for d in directories if os.path.isdir(d)]
    for _ in range(30):
        link = os.path.join(random.choice(directories), b"link%x" % random.getrandbits(30))
        target = random.choice(directories)
        if random.random() < 0.5:
            target = os.path.relpath(target, os.path.dirname(link))
        os.symlink(target, link)
    return directories


def stroll(start, floor):
    """
    Returns a random name that leads from `start` to an existing directory. `..` stays below
    `floor`.
    """
    fd = os.open(start, os.O_RDONLY | os.O_DIRECTORY)
    words = []
    for _ in range(random.choice((0, 1, 2, 3, 5, 8))):
        choice = random.random()
        if choice < 0.2:
            words.append(random.choice((b".", b"./.", b"" if words else b".")))
            continue
        here = os.readlink(b"/proc/self/fd/%d" % fd)
        if choice < 0.4:
            word = b".."
            if here == floor or not here.startswith(TOP + b"/"):
                continue
        else:
            inside = [n for n in os.listdir(b"/proc/self/fd/%d" % fd)
                      if os.path.isdir(os.path.join(b"/proc/self/fd/%d" % fd, n))]
            if not inside:
                continue
            word = random.choice(inside)
        try:
            next_fd = os.open(word, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        except OSError:  # a dangling symlink
            continue
        is_link = os.path.islink(os.path.join(here, word))
        counts["symlinks" if is_link else "up" if word == b".." else "down"] += 1
        words.append(word)
        os.close(fd)
        fd = next_fd
    os.close(fd)
    return b"".join(w + b"/" for w in words)


def delete(op, leaf, prefix, fd):
    """
    Deletes in this process, relative to fd or the working directory. Returns the path and what
    replaced it.
    """
    parent = os.open(prefix or b".", os.O_PATH | os.O_DIRECTORY, dir_fd=fd)
    true = os.path.join(os.readlink(b"/proc/self/fd/%d" % parent), leaf)
    by = None
    if op == "rmdir":
        os.mkdir(leaf, dir_fd=parent)
    else:
        os.close(os.open(leaf, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600, dir_fd=parent))
    if op == "rename":
        by = true[:-len(leaf)] + b"by"
        os.close(os.open(b"by", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=parent))
        os.rename(prefix + b"by", prefix + leaf, src_dir_fd=fd, dst_dir_fd=fd)
    elif op == "unlink":
        os.unlink(prefix + leaf, dir_fd=fd)
    else:
        os.rmdir(prefix + leaf, dir_fd=fd)
    if op == "rename":
        left.append(true)
    os.close(parent)
    return true, by


def one(directories):
    op = random.choice(("unlink", "unlink", "unlink", "rmdir", "rename"))
    start, leaf, way = random.choice(directories), name(), random.random()
    fd = None
    if way < 0.05:
        return in_chroot(op, leaf, start)
    prefix = stroll(start, TOP)
    if way < 0.35:
        os.chdir(start)
        counts["relative"] += 1
    elif way < 0.65:
        fd = os.open(start, random.choice((os.O_PATH, os.O_RDONLY)) | os.O_DIRECTORY)
        os.chdir("/")
        counts["by a descriptor"] += 1
    else:
        prefix = random.choice((b"", b"/", b"//")) + start + b"/" + prefix
        os.chdir("/")
        counts["absolute"] += 1
    path, by = delete(op, leaf, prefix, fd)
    if fd is not None:
        os.close(fd)
    return Deletion(os.getpid(), op, path, by, state(path))


def in_chroot(op, leaf, root):
    """
    Deletes in a process whose root is a directory of the tree. The path is looked up from outside.
    """
    counts["in a chroot"] += 1
    inside = [d[len(root):] for d in directories_below(root)]
    where = random.choice(inside or [b""])
    parent = os.open(root + where, os.O_PATH)
    true = os.path.join(os.readlink(b"/proc/self/fd/%d" % parent), leaf)
    by = true[:-len(leaf)] + b"by" if op == "rename" else None
    pid = os.fork()
    if pid == 0:
        try:
            os.chroot(root)
            os.chdir("/")
            if op == "rmdir":
                os.mkdir(b"/" + where + b"/" + leaf)
                os.rmdir(b"/../.." + where + b"/" + leaf)
            else:
                os.close(os.open(b"/" + where + b"/" + leaf, os.O_CREAT | os.O_WRONLY, 0o600))
            if op == "unlink":
                os.unlink(where.lstrip(b"/") + b"/" + leaf if where else leaf)
            elif op == "rename":
                os.close(os.open(b"/" + where + b"/by", os.O_CREAT | os.O_WRONLY, 0o600))
                os.rename(b"/" + where + b"/by", b"/../" + where + b"/" + leaf)
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(pid, 0)[1]:
        sys.exit("# the process in the chroot failed: %r %r" % (root, where))
    if op == "rename":
        left.append(true)
    os.close(parent)
    return Deletion(pid, op, true, by, state(true))


def directories_below(root):
    return [d for d in directories if d.startswith(root + b"/")]


def state(path):
    return "resolved" if len(path) < 4096 else "truncated"


left = []  # files that replaced others
run("rm", "-rf", os.fsdecode(TOP))
configure("[Watch all]\nPath=/srv\n")
restart()
os.makedirs(TOP)
run("mount", "-t", "tmpfs", "true", os.fsdecode(TOP))  # private, so that a mount is mounted once
run("mount", "--make-rprivate", os.fsdecode(TOP))
here = cursor()
expected = []
for tree in range(TREES):
    directories = plant(TOP + b"/%d" % tree)
    for _ in range(N // TREES):
        expected.append(one(directories))
os.chdir("/")

pids = {d.pid for d in expected}
records = collections.defaultdict(list)
for r in settle(here, N, *pids):
    records[int(r["UNLINK_PID"])].append(r)
wanted = collections.defaultdict(list)
for d in expected:
    wanted[d.pid].append(d)
differences = []
for pid, some in wanted.items():
    got = [Deletion(pid, r["UNLINK_OP"], value(r.get("UNLINK_PATH", "")),
                    value(r["UNLINK_REPLACED_BY"]) if "UNLINK_REPLACED_BY" in r else None,
                    r["UNLINK_PATH_STATE"])
           for r in records[pid]]
    if len(got) != len(some):
        differences.append("process %d: %d records of %d" % (pid, len(got), len(some)))
    differences += ["expected %r\ngot      %r" % pair for pair in zip(some, got)
                    if pair[0] != pair[1]]
print("# seed %d; %s" % (SEED, ", ".join("%s: %d" % item for item in sorted(counts.items()))))
print("# %s; longest path %d bytes, %d deep" % (
    ", ".join("%s: %d" % item
              for item in sorted(collections.Counter(d.op for d in expected).items())),
    max(len(d.path) for d in expected), max(d.path.count(b"/") for d in expected)))
equal(sum(len(r) for r in records.values()), N, "%d random deletions have as many records" % N)
ok(not differences, "every record has the path that /proc/self/fd says",
   "%d differ" % len(differences), *differences[:5])
done()
