#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
journald is stopped or restarted, or its socket is gone: no loss is silent, nothing comes twice,
and the daemon goes on answering. The rules select only what this test's user deletes, so that the
sums are exact.
"""
import collections
import os
import signal
import subprocess
import time

from uwtest import (BLIND, LOSS_CAUSES, STARTED, STOPPED, Account, configure, cursor, done, drop_in,
                    equal, journal, keep_journal, main_pid, need, ok, restart, run, status,
                    unbalanced)

UID, DIR, FAIL = 4242, "/dev/shm/backlog", 3
FEW = 4000
DELETIONS = int(os.environ.get("UW_DELETIONS", FEW))
RING = int(os.environ.get("UW_RING_MIB", 4))
FITS = DELETIONS * 512 <= RING << 20  # in the ring buffer, all of it
RULE = "[Watch mine]\nUser=%d\n[Daemon]\nDetail=minimal\n" % UID

os.makedirs(DIR)
run("install", "-m", "755", "deleters", "/usr/local/bin/deleters")  # from where others may run it
os.chown(DIR, UID, UID)


def begin(n):
    """Starts to delete. Returns when some have gone."""
    p = subprocess.Popen(["deleters", DIR, "64", "2", str(n), str(FAIL)], stdout=subprocess.PIPE,
                         user=UID, group=UID)
    most = 0
    while True:
        left = len(os.listdir(DIR))
        if left < most - 200 or p.poll() is not None:
            return p
        most = max(left, most)


def end(p):
    """What happened: (name, ret) of each deletion."""
    out = p.communicate()[0].decode()
    return collections.Counter(tuple(line.split()[1:]) for line in out.splitlines())


def check(title, here, happened):
    n = sum(happened.values())
    account = Account(here)
    account.settle(n)
    seen, lost = account.singles, account.lost
    print("# %s: %d recorded, %d lost" % (title, account.recorded(), lost))
    ok(not seen - happened, title + ": every record is one that happened, none comes twice",
       list((seen - happened).items())[:5])
    equal(sum(seen.values()) + lost, n, title + ": recorded and lost together are what was deleted")
    for r in account.losses:
        causes = sum(int(r["UNLINK_LOST_" + c]) for c in LOSS_CAUSES if "UNLINK_LOST_" + c in r)
        if causes != int(r["UNLINK_LOST"]):
            equal(causes, int(r["UNLINK_LOST"]), title + ": the causes of a loss report add up")
    now = status()["counters"]
    equal(unbalanced(now), 0, title + ": the counters balance")
    equal((now["recorded"], now["lost"]["total"]), (account.recorded(), lost),
          title + ": and are those of the journal")
    equal(account.said[BLIND], 0, title + ": that events wait is not taken for blindness")
    return lost


keep_journal()

# journald stands still for three watchdogs, and for longer than it takes until the next self-test
# of the probe.
drop_in("[Service]\nWatchdogSec=2s\nEnvironment=UNLINKWATCH_TICK_MS=500\n")
for ring, title in (("%dM" % RING, "stopped journald"), ("64K", "stopped journald, little room")):
    rule = RULE.replace("minimal", "standard") if ring == "64K" else RULE
    configure(rule + "RingBufferSize=%s\nQueueSize=1M\n" % ring)
    restart()
    pid, here = main_pid(), cursor()
    run("systemctl", "kill", "-s", "STOP", "systemd-journald")
    p = begin(DELETIONS)
    begun = time.monotonic()
    generation = status()["generation"]
    time.sleep(3)
    run("systemctl", "kill", "-s", "HUP", "unlinkwatchd")
    time.sleep(1)
    states = [status() for _ in range(20)]
    equal(states[-1]["generation"], generation + 1, title + ": a reload is answered meanwhile")
    equal([unbalanced(s["counters"]) for s in states], [0] * 20,
          title + ": each of twenty snapshots balances")
    ok(states[-1]["counters"]["queued"] > 0, title + ": records wait", states[-1])
    time.sleep(max(0, begun + 7 - time.monotonic()))
    run("systemctl", "kill", "-s", "CONT", "systemd-journald")
    happened = end(p)
    equal(sum(happened.values()), DELETIONS, title + ": %d deletions by 128 threads" % DELETIONS)
    lost = check(title, here, happened)
    if ring == "64K":
        ok(lost > 0, title + ": something is lost")
        equal({(r["UNLINK_LOST_UID"], r["UNLINK_LOST_COMM"],
                os.path.basename(r["UNLINK_LOST_EXE"]), r.get("UNLINK_LOST_DIR", DIR))
               for r in journal(here) if "UNLINK_LOST_RING_SHARE" in r},
              {(str(UID), "deleters", "deleters", DIR)}, title + ": by whom and where is known")
    elif FITS:
        equal(lost, 0, title + ": with room for all nothing is lost")
    equal(main_pid(), pid, title + ": the watchdog was answered all the time")
drop_in("")

# journald is restarted.
configure(RULE)
restart()
here = cursor()
p = begin(FEW)
run("systemctl", "restart", "systemd-journald")
happened = end(p)
equal(check("restarted journald", here, happened), 0, "restarted journald: nothing is lost")
run("systemctl", "stop", "unlinkwatchd")

# The daemon by hand, as without the socket its unit would not be started. First there is none at
# all, then one that goes away with what it got, then journald's.
SOCKET = "/run/systemd/journal/socket"
here = cursor()
os.rename(SOCKET, SOCKET + ".away")
with open("/run/hand.conf", "w") as f:
    f.write("[Watch mine]\nUser=%d\n" % UID)
daemon = subprocess.Popen(["unlinkwatchd", "--config=/run/hand.conf", "--output=journal",
                           "--probe=kprobe"])


def probes():
    with open("/sys/kernel/tracing/kprobe_events") as f:
        return f.read().count("_%d " % daemon.pid)


need(lambda: probes() > 8, "more than eight probes")
time.sleep(1)


def delete(names):
    subprocess.run(["sh", "-c", "cd %s && touch %s && rm %s" % (DIR, names, names)], user=UID,
                   check=True)


delete("a b c")
time.sleep(1)
os.rename(SOCKET + ".away", SOCKET)
delete("d e")
time.sleep(2)
daemon.send_signal(signal.SIGTERM)
daemon.wait()
said = [r.get("UNLINK_FILENAME", r["MESSAGE_ID"]) for r in journal(here) if "MESSAGE_ID" in r]
equal(said, [STARTED, *"abcde", STOPPED],
      "without a socket: records and notes come when it is there, in their order")
done()
