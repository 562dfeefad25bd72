#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a recorded deletion costs the daemon and journald, in guest instructions. One clock tick is one instruction."""
import os
import time

from uwtest import configure, cursor, done, ok, restart, run, settle, touch, unlink

N = 1000
# With room for another compiler: 30,000 and 40,000 were measured. libsystemd's way took 42,000 and 70,000.
MOST = {"minimal": 38000, "standard": 50000}
DIR = "/dev/shm/cost"
os.makedirs(DIR)


def used(unit):
    return int(run("systemctl", "show", "-P", "CPUUsageNSec", unit))


def cost():
    """Per event: of the daemon, of journald."""
    for i in range(N):
        touch("%s/file%d" % (DIR, i))
    here = cursor()
    before = used("unlinkwatchd"), used("systemd-journald")
    for i in range(N):
        unlink("%s/file%d" % (DIR, i))
    time.sleep(3)
    after = used("unlinkwatchd"), used("systemd-journald")
    ok(len(settle(here, N, os.getpid())) == N, "%d deletions have a record each" % N)
    return [(b - a) // N for a, b in zip(before, after)]


for detail, most in MOST.items():
    configure("[Watch cost]\nPath=%s\n[Daemon]\nDetail=%s\n" % (DIR, detail))
    restart()
    cost()
    daemon, journald = cost()
    print("# Detail=%s: %d instructions in the daemon, %d in journald" % (detail, daemon, journald))
    ok(0 < daemon <= most, "a record at Detail=%s takes the daemon at most %d instructions" % (detail, most), daemon)
done()
