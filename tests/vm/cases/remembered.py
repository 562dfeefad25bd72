#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The kernel side caches the paths of directories, executables and cgroups from one deletion to the
next. Here each of them changes between two deletions on the same CPU. Every record must have the
paths of its own time.
"""
import os
import shutil
import subprocess

from uwtest import configure, cursor, done, equal, restart, run, settle

TOP, FILES = "/srv/remembered", "/srv/remembered/files"
UID = 4242
n = 0


def delete(*paths, rm="/bin/rm", before=()):
    """
    Deletes each path in a process of its own that runs `rm`. Returns the paths that the records
    must have.
    """
    for path in paths:
        open(path, "w").close()
        subprocess.run([*before, "setpriv", "--reuid=%d" % UID, "--clear-groups", rm, "-f", path],
                       check=True)
    return list(paths)


def names(directory, count=2):
    """Unused names in a directory."""
    global n
    n += count
    return ["%s/f%d" % (directory, i) for i in range(n - count, n)]


def compare(since, field, want, what):
    records = settle(since, len(want))
    equal([r.get(field) for r in records], want, what)


os.sched_setaffinity(0, {0})
os.makedirs(FILES)
run("mount", "-t", "tmpfs", "-o", "mode=777", "tmpfs", FILES)
configure("[Watch mine]\nUser=%d\n" % UID)
restart()

# Executables.
since, want = cursor(), []
os.makedirs(TOP + "/one")


def by(path):
    delete(*names(FILES), rm=path)
    want.extend([path] * 2)


shutil.copy("/bin/rm", TOP + "/one/rm")
by(TOP + "/one/rm")
os.rename(TOP + "/one", TOP + "/two")
by(TOP + "/two/rm")
os.rename(TOP + "/two/rm", TOP + "/two/del")
by(TOP + "/two/del")
os.link(TOP + "/two/del", TOP + "/two/linked")
by(TOP + "/two/linked")
by(TOP + "/two/del")
os.unlink(TOP + "/two/linked")
shutil.copy("/bin/rm", TOP + "/two/linked")
by(TOP + "/two/linked")
os.makedirs(TOP + "/three")
run("mount", "--bind", TOP + "/two", TOP + "/three")
by(TOP + "/three/del")
by(TOP + "/two/del")
run("umount", TOP + "/three")
compare(since, "UNLINK_EXE", want,
        "UNLINK_EXE is right after the executable or its directory is renamed, linked, replaced "
        "or bind-mounted")

# A process moves from one control group to the next. The unit comes from the control group.
since, want = cursor(), []
SLICE = "/sys/fs/cgroup/system.slice/"


def enter(unit):
    os.makedirs(SLICE + unit, exist_ok=True)
    with open(SLICE + unit + "/cgroup.procs", "w") as f:
        f.write(str(os.getpid()))


for letter in "abcadeb":
    enter(letter + ".service")
    delete(*names(FILES))
    want += [letter + ".service"] * 2
os.rmdir(SLICE + "a.service")
enter("a.service")
delete(*names(FILES))
want += ["a.service"] * 2
compare(since, "UNLINK_UNIT", want,
        "UNLINK_UNIT is right after the control group changes, is removed and is created again")

# Directories, reached through different mounts.
since, want = cursor(), []
for d in ("m", "moved", "bound", "up/m"):
    os.makedirs(TOP + "/" + d)
run("mount", "--make-rprivate", "/")
run("mount", "-t", "tmpfs", "-o", "mode=777", "tmpfs", TOP + "/m")
os.makedirs(TOP + "/m/d/e")
for d in ("/m/d", "/m/d/e"):
    os.chmod(TOP + d, 0o777)
want += delete(*names(TOP + "/m/d"), *names(TOP + "/m/d/e"))
run("mount", "--bind", TOP + "/m/d", TOP + "/bound")
for i in range(2):
    want += delete(*names(TOP + "/m/d/e"), *names(TOP + "/bound/e"), *names(TOP + "/bound"),
                   *names(TOP + "/m/d"))
run("mount", "--move", TOP + "/m", TOP + "/moved")
want += delete(*names(TOP + "/moved/d/e"), *names(TOP + "/bound/e"))
run("umount", TOP + "/bound")
run("mount", "--move", TOP + "/moved", TOP + "/up/m")
want += delete(*names(TOP + "/up/m/d/e"))
os.rename(TOP + "/up", TOP + "/down")
want += delete(*names(TOP + "/down/m/d/e"))
os.rename(TOP + "/down/m/d", TOP + "/down/m/c")
want += delete(*names(TOP + "/down/m/c/e"))
run("mount", "--bind", TOP + "/down/m/c", TOP + "/bound")
inside = names(TOP + "/bound/e")
delete(*inside, before=("unshare", "-m"))
script = ("mount --move %s/bound %s/moved && cd / && touch %%s && "
          "exec setpriv --reuid=%d --clear-groups rm -f %%s" % (TOP, TOP, UID))
elsewhere = names(TOP + "/moved/e")
for path in elsewhere:
    run("unshare", "-m", "sh", "-c", script % (path, path))
again = delete(*names(TOP + "/bound/e"))
want += inside + elsewhere + again
compare(since, "UNLINK_PATH", want,
        "UNLINK_PATH is right after a mount is moved or bound, or its mount point renamed, and in "
        "other namespaces")
done()
