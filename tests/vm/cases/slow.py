#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
What the daemon asks is slow, or hangs: the name service (see nss/slow.c), systemd. Deletions are
recorded with the uid alone, the status answers, and the daemon stops and starts as ever.
"""
import os
import shutil
import signal
import socket
import time

from uwtest import (configure, cursor, done, drained, equal, keep_journal, main_pid,
                    ok, restart, run, settle, status, touch, wait_for)

DIR, FIRST = "/srv/slow", 100000
UIDS = int(os.environ.get("UW_UIDS", "2048"))
STEP = 65536 if UIDS < 30000 else 1     # default ranges of subordinate uids, or all of one


def pace(mode):
    with open("/run/nss_slow", "w") as f:
        f.write(mode)


def delete(n, pause=0):
    """As n users, each one file. Returns the longest that the status took, in seconds."""
    longest = 0
    for i in range(n):
        touch("%s/%d" % (DIR, i))
        os.seteuid(FIRST + i * STEP)
        os.unlink("%s/%d" % (DIR, i))
        os.seteuid(0)
        time.sleep(pause)
        if i % 512 == 0:
            begin = time.monotonic()
            status()
            longest = max(longest, time.monotonic() - begin)
    return longest


def threads():
    """The scheduling policies of the daemon's threads, the main one first."""
    pid = main_pid()
    return [os.sched_getscheduler(int(tid)) & ~os.SCHED_RESET_ON_FORK
            for tid in sorted(os.listdir("/proc/%d/task" % pid), key=int)]


def took(*command):
    begin = time.monotonic()
    run(*command)
    return time.monotonic() - begin


keep_journal()
shutil.copy("libnss_slow.so.2", "/lib/x86_64-linux-gnu/")
with open("/etc/nsswitch.conf", "w") as f:
    f.write("passwd: files slow\ngroup: files\n")
os.makedirs(DIR)
os.chmod(DIR, 0o777)
configure("[Watch]\nPath=%s\n" % DIR)
restart()

for mode, title in (("0", "quick"), ("500", "half a second slow"), ("hang", "hanging")):
    pace(mode)
    restart()
    here = cursor()
    touch(DIR + "/root")
    os.unlink(DIR + "/root")
    n = 8 if mode == "0" else UIDS
    longest = delete(n, 0.5 if mode == "0" else 0)
    records = settle(here, n + 1, seconds=120 + n / 100)
    named = sum("UNLINK_USER" in r for r in records)
    print("# %s: %d records, %d with a name; the status took at most %.0f ms" %
          (title, len(records), named, 1000 * longest))
    equal(sorted(int(r["UNLINK_FSUID"] if "UNLINK_FSUID" in r else r["UNLINK_UID"])
                 for r in records), [0] + [FIRST + i * STEP for i in range(n)],
          "%s: %d users' deletions are recorded, each with its uid" % (title, n))
    equal(drained()["lost"]["total"], 0, "%s: nothing is lost" % title)
    ok(longest < 1, "%s: the status answers" % title, longest)
    if mode == "0":
        equal([r.get("UNLINK_USER") for r in records[1:]],
              ["slow%d" % (FIRST + i * STEP) for i in range(n)],
              "quick: the first record of each user has the name")
    equal(records[0].get("UNLINK_USER"), "root", "%s: root's first record has the name" % title)
    equal(threads(), [os.SCHED_FIFO, os.SCHED_OTHER],
          "%s: one more thread, of normal priority" % title)

pace("0")
plain = took("systemctl", "stop", "unlinkwatchd")
pace("hang")
run("systemctl", "start", "unlinkwatchd")
touch(DIR + "/again")
here = cursor()
os.seteuid(FIRST + 99)
os.unlink(DIR + "/again")
os.seteuid(0)
settle(here, 1)
stop = took("systemctl", "stop", "unlinkwatchd")
ok(stop < 2 * plain + 2, "a look-up that hangs does not delay the stop", stop, plain)
print("# a stop took %.2f s, %.2f s without a look-up" % (stop, plain))
run("systemctl", "start", "unlinkwatchd")

# The look-up ends: the next records have names again.
pace("0")


def name():
    at = cursor()
    touch(DIR + "/named")
    os.seteuid(FIRST + 100)
    os.unlink(DIR + "/named")
    os.seteuid(0)
    return settle(at, 1)[0].get("UNLINK_USER") == "slow%d" % (FIRST + 100)


ok(wait_for(name, 20), "names come back with the name service")

# systemd's own socket takes connections and never answers.
with socket.socket(socket.AF_UNIX) as mute:
    mute.bind("/run/mute")
    mute.listen()
    pid = main_pid()
    run("mount", "--bind", "/run/mute", "/run/systemd/private")
    begin = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not os.path.exists("/proc/%d" % pid), 30)
    stop = time.monotonic() - begin
    run("umount", "/run/systemd/private")
ok(stop < 2 * plain + 5, "a systemd that does not answer by D-Bus delays the end by three seconds",
   stop, plain)
print("# the daemon ended after %.1f s" % stop)
done()
