#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Path rules follow the host's tree as it is at the deletion, while mounts, directories and the
symbolic links in the paths of rules change, and even while they change all the time.
"""
import ctypes
import os
import signal
import statistics
import struct
import subprocess
import sys
import threading
import time
import traceback

import uwtest
import uwtree
from uwtest import done, need, ok, run, touch
from uwtree import begin, check, here, mount, new_name, twice, unmount

AT_FDCWD, AT_EMPTY_PATH, MOVE_MOUNT_F_EMPTY_PATH, OPEN_TREE_CLONE = -100, 0x1000, 4, 1
SYS_OPEN_TREE, SYS_MOVE_MOUNT, SYS_BPF, BPF_MAP_GET_NEXT_ID = 428, 429, 321, 12
ROUNDS = 20
# What a daemon may take of a CPU while its tree changes all the time and nobody deletes. It spends
# a tenth on reading the tree again. Mounts and links on the host also wake it for each change.
LOOKING, WOKEN = 0.1, 0.25

IN = {"RULE": "data"}
CURRENT = {"RULE": "current"}


def flip(target, link="/srv/www/current"):
    """As deploy tools do: the link is never absent."""
    os.symlink(target, link + ".new")
    os.rename(link + ".new", link)


def pause():
    """
    Waits until the daemon has read the tree as it is now: it decides a deletion after that. What
    changes before that has only its own path.
    """
    name = "/srv/data/" + new_name()
    touch(name)
    run("rm", name)
    need(lambda: any(uwtest.value(r["UNLINK_FILENAME"]).decode() == name
                     for r in uwtest.deletions(uwtree.start)), "record of " + name)


def links():
    for release in ("41", "42", "43", "44"):
        os.makedirs("/srv/www/releases/%s/app" % release)
    os.makedirs("/srv/www2/releases")
    for release in ("41", "42", "43", "42"):
        flip("releases/" + release)
        here("a link that was flipped to " + release, "/srv/www/releases/%s/app/%s" %
             (release, new_name()), CURRENT)
        old = str(41 + (int(release) - 40) % 3)
        here("what the link to %s does not lead to" % release, "/srv/www/releases/%s/%s" %
             (old, new_name()), None)
        here("below what is excluded through it", "/srv/www/releases/%s/tmp/%s" %
             (release, new_name()), None)
        pause()
    os.unlink("/srv/www/current")
    twice("what a link led to that was removed", "/srv/www/releases/42/app", None)
    os.symlink("/srv/none/yet", "/srv/www/current")
    os.makedirs("/srv/none/yet")
    twice("what a link leads to that was made after it", "/srv/none/yet", CURRENT)
    os.symlink("44", "/srv/www2/releases/last")
    os.makedirs("/srv/www2/releases/44")
    os.symlink("releases/last", "/srv/www2/current")
    os.rename("/srv/www", "/srv/www.old")
    os.rename("/srv/www2", "/srv/www")
    twice("through two links in a directory that was moved to its place", "/srv/www/releases/44",
          CURRENT)
    here("what the link led to that was in its place", "/srv/none/yet/" + new_name(), None)
    pause()
    os.symlink("44", "/srv/www/releases/next")
    os.rename("/srv/www/releases/next", "/srv/www/releases/last")
    here("a second link that leads to the same", "/srv/www/releases/44/" + new_name(), CURRENT)
    pause()
    os.rename("/srv/www/releases", "/srv/www/elsewhere")
    os.symlink("elsewhere", "/srv/www/releases")
    twice("a directory that became a link", "/srv/www/elsewhere/44", CURRENT)
    os.link("/srv/www/releases", "/srv/www/spare", follow_symlinks=False)
    os.rename("/srv/www", "/srv/www3")
    os.symlink("www3", "/srv/www")
    twice("a link above the link", "/srv/www3/elsewhere/44", CURRENT)


def renames():
    for d in ("/srv/a/b/src", "/srv/points/p"):
        os.makedirs(d)
    mount("/srv/a/b/src", "/srv/data/in")
    here("a directory bound below a watched one", "/srv/a/b/src/" + new_name(), IN)
    pause()
    os.rename("/srv/a", "/srv/a2")
    here("the same, two directories above it renamed", "/srv/a2/b/src/" + new_name(), IN)
    here("the same by the mount", "/srv/data/in/" + new_name(), IN)
    here("another one in the old place", "/srv/a/b/src/" + new_name(), None)
    pause()
    run("unshare", "-m", "mv", "/srv/a2/b", "/srv/a/b2")
    here("the same, moved by another mount namespace", "/srv/a/b2/src/" + new_name(), IN)
    pause()
    unmount("/srv/data/in")
    os.rmdir("/srv/a/b2/src")
    os.makedirs("/srv/a/b2/src")
    twice("a directory that was bound, and made anew", "/srv/a/b2/src", None)
    # A mount that is watched as its mount point is renamed into the watched directory.
    mount("points", "/srv/points/p", "tmpfs", 0)
    here("a mount outside", "/srv/points/p/" + new_name(), None)
    pause()
    os.rename("/srv/points", "/srv/data/points")
    here("the same, renamed into a watched directory", "/srv/data/points/p/" + new_name(), IN)
    pause()
    os.rename("/srv/data/points", "/srv/points")
    twice("the same, renamed out of it", "/srv/points/p", None)
    pause()
    unmount("/srv/points/p")
    # A directory that others have mounted upon can go: so do the mounts, of which no umount(2)
    # tells.
    os.makedirs("/srv/gone/p")
    mount("gone", "/srv/gone/p", "tmpfs", 0)
    run("unshare", "-m", "sh", "-c",
        "mount --make-rprivate / && umount /srv/gone/p && rmdir /srv/gone/p")
    ok(not os.path.exists("/srv/gone/p"), "a mount point is removed in another mount namespace")
    here("a directory in its place", "/srv/gone/p/" + new_name(), {"RULE": "gone"})


def ways_to_mount():
    os.makedirs("/srv/other")
    libc = ctypes.CDLL(None, use_errno=True)
    tree = libc.syscall(SYS_OPEN_TREE, AT_FDCWD, b"/srv/other", OPEN_TREE_CLONE)
    here("a tree that is not attached yet", "/srv/other/" + new_name(), None)
    pause()
    moved = libc.syscall(SYS_MOVE_MOUNT, tree, b"", AT_FDCWD, b"/srv/data/in",
                         MOVE_MOUNT_F_EMPTY_PATH)
    ok(tree >= 0 and moved == 0, "open_tree(2) and move_mount(2) work")
    here("a tree attached by move_mount(2)", "/srv/other/" + new_name(), IN)
    os.close(tree)
    pause()
    unmount("/srv/data/in")
    here("the same, unmounted", "/srv/other/" + new_name(), None)
    pause()
    p = subprocess.Popen(["unshare", "-m", "--propagation", "unchanged", "sh", "-c",
                          "mount --bind /srv/other /srv/data/in && echo ready && read line && "
                          "umount /srv/data/in"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdout.readline()
    title = "a mount that another mount namespace shares with the host's"
    here(title, "/srv/other/" + new_name(), IN)
    pause()
    p.communicate(b"\n")
    pause()
    here("the same, unmounted there", "/srv/other/" + new_name(), None)
    os.makedirs("/srv/other/sub")
    for i in range(5):
        mount("/srv/other/sub", "/srv/data/in")
        here("bound for a moment, %d" % i, "/srv/other/sub/" + new_name(), IN)
        pause()
        unmount("/srv/data/in")
        here("not bound for a moment, %d" % i, "/srv/other/sub/" + new_name(), None)
        pause()


def churn(steps, namespace):
    """
    Starts a process that repeats the steps until end(), in a mount namespace of its own or in the
    host's. It ends after the last step, so that the next one finds everything in its place.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    ends = []
    signal.signal(signal.SIGTERM, lambda *_: ends.append(True))
    try:
        if namespace:
            uwtree.CDLL.unshare(0x20000)
            mount(None, "/", None, 1 << 18 | 1 << 14)
        while not ends:
            for step, *args in steps:
                step(*args)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def last_map():
    """Returns the number of the newest BPF map, which says how many have been made."""
    last = 0
    while True:
        attr = ctypes.create_string_buffer(struct.pack("IIQ", last, 0, 0), 64)
        if ctypes.CDLL(None).syscall(SYS_BPF, BPF_MAP_GET_NEXT_ID, attr, 64) < 0:
            return last
        last = struct.unpack("II", attr.raw[:8])[1]


def cpu_ns():
    return int(run("systemctl", "show", "-P", "CPUUsageNSec", "unlinkwatchd"))


def meter():
    return last_map(), cpu_ns(), time.monotonic()


def reading(begun):
    """Returns maps made, seconds of the daemon's CPU time and seconds passed since meter()."""
    maps, cpu, at = begun
    return last_map() - maps, (cpu_ns() - cpu) / 1e9, time.monotonic() - at


def end(pids):
    """Ends the processes of churn(), none of which may have failed."""
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
        status = os.waitpid(pid, 0)[1]
        if status:
            sys.exit("# a process that changes the tree has failed: %#x" % status)


class Contention:
    """
    How much more CPU time than at best a short computation takes while this exists. If the machine
    below is busy, the guest's kernel also counts as CPU time what the guest had to wait for.
    """

    def __init__(self):
        self.ends, self.took = threading.Event(), []
        self.thread = threading.Thread(target=self.sample)
        self.thread.start()

    def sample(self):
        while not self.ends.wait(0.02):
            begun = time.thread_time()
            sum(range(5000))
            self.took.append(time.thread_time() - begun)

    def factor(self):
        self.ends.set()
        self.thread.join()
        return statistics.mean(self.took) / min(self.took)


def under(title, churns):
    """
    Deletes while the mounts change faster than the daemon can read them. In the host's mount
    namespace, each deletion is judged by the path that it had then.
    """
    pids = [churn(steps, namespace) for steps, namespace in churns]
    begun = meter()
    for i in range(ROUNDS):
        mount("storm%d" % i, "/srv/data/in", "tmpfs", 0)
        here("%s: mounted %d" % (title, i), "/srv/data/in/" + new_name(), IN)
        here("%s: not watched %d" % (title, i), "/srv/other/" + new_name(), None)
        unmount("/srv/data/in")
        here("%s: unmounted %d" % (title, i), "/srv/data/in/" + new_name(), IN)
        mount("/srv/other/sub", "/srv/data/in")
        here("%s: bound %d" % (title, i), "/srv/data/in/" + new_name(), IN)
        unmount("/srv/data/in")
    maps, cpu, seconds = reading(begun)
    end(pids)
    print("# %s: %d rounds in %.1f s, %d maps made, %.2f s of CPU" % (title, ROUNDS, seconds, maps,
                                                                      cpu))
    check_all(title)


def check_all(title):
    wanted = [e for e in uwtree.expected if e.fields is not None]
    unwanted = {e.name for e in uwtree.expected if e.fields is None}
    uwtree.expected.clear()
    uwtest.settle(uwtree.start, len(wanted), os.getpid())
    names = {uwtest.value(r["UNLINK_FILENAME"]).decode()
             for r in uwtest.deletions(uwtree.start, os.getpid())}
    missed = [e.title for e in wanted if e.name not in names]
    ok(not missed, "%s: none of %d deletions is missed" % (title, len(wanted)), *missed)
    ok(not unwanted & names, "%s: none of %d others is recorded" % (title, len(unwanted)),
       *(unwanted & names))
    uwtree.start = uwtest.cursor()


def alone(title, steps, namespace, limit):
    """While nobody deletes, the daemon limits the CPU time that it spends on reading the tree."""
    pid = churn(steps, namespace)
    time.sleep(5)   # until the daemon's credit of CPU time is used up
    contention, begun = Contention(), meter()
    time.sleep(3)
    maps, cpu, seconds = reading(begun)
    factor = contention.factor()
    end([pid])
    print("# %s alone: %d maps made, %.2f s of CPU in %.1f s; contention: %.1f" %
          (title, maps, cpu, seconds, factor))
    ok(cpu < seconds * limit * factor, "%s alone: the daemon takes less than %d %% of a CPU" %
       (title, 100 * limit), cpu, factor)
    ok(maps < seconds * 100,
       "%s alone: the rules are compiled a bounded number of times" % title, maps)


def storms():
    for d in ("/srv/storm/host", "/srv/storm/box", "/srv/storm/x/src", "/srv/storm/bound"):
        os.makedirs(d)
    mount("/srv/storm/x/src", "/srv/storm/bound")
    time.sleep(1)
    box = [(mount, "storm", "/srv/storm/box", "tmpfs", 0), (unmount, "/srv/storm/box")], True
    host = [(mount, "storm", "/srv/storm/host", "tmpfs", 0), (unmount, "/srv/storm/host")], False
    turn = [(os.rename, "/srv/storm/x", "/srv/storm/y"), (os.rename, "/srv/storm/y",
                                                          "/srv/storm/x")], False
    link = [(flip, "nowhere", "/srv/storm/link"), (flip, "else", "/srv/storm/link")], False
    under("nothing else", [])
    under("mounts in a container", [box])
    under("mounts, renames and links on the host", [host, turn, link])
    for title, (steps, namespace), limit in (("mounts in a container", box, 0.05),
                                             ("mounts on the host", host, WOKEN),
                                             ("a directory above a mount", turn, LOOKING),
                                             ("a link in a rule", link, WOKEN)):
        alone(title, steps, namespace, limit)


# Without moves: the case moves directories and links to and fro, and expects no records of that.
RULES = """[Watch data]
Path=/srv/data
[Watch current]
Path=/srv/www/current
ExcludePath=/srv/www/current/tmp
[Watch gone]
Path=/srv/gone
[Watch storm]
Path=/srv/storm/link
""".replace("]\n", "]\nOperation=unlink rmdir rename\n")

os.makedirs("/srv/data/in")
os.makedirs("/srv/gone")
begin(RULES, restarted=True)
for part in (links, renames, ways_to_mount):
    part()
    check()
storms()
begin(RULES)
here("after all that: watched", "/srv/data/" + new_name(), IN)
here("after all that: not watched", "/srv/other/" + new_name(), None)
check()
done()
