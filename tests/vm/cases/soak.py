#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
A long run of deletions of all kinds, with storms and some reloads. The counts are exact and nothing
is lost. At the end the daemon and the kernel side hold as much memory and as many descriptors, maps
and slots as after a tenth of the run. UW_DELETIONS sets its length.
"""
import collections
import ctypes
import os
import struct
import subprocess
import sys
import time

from uwtest import (DELETED, MOVED, FAILED, Account, configure, cursor, done, equal, keep_journal,
                    main_pid, ok, reload, restart, run,
                    status, unbalanced, wait_for)

UID, DIR = 4242, "/dev/shm/soak"
DELETIONS = int(os.environ.get("UW_DELETIONS", "16000"))
ROUNDS = max(20, DELETIONS // 20000)  # the ring buffer has room for a few rounds
RELOAD_EVERY, READ_EVERY = 5, 10
DAEMON = ("[Daemon]\nDetail=minimal\nRingBufferSize=32M\nQueueSize=4M\n"
          "[Storm]\nBurst=50\nIntervalSec=%d\n")
# Both record every deletion: by one rule, or by many rules of which two apply.
RULES = ("[Watch mine]\nUser=%d\n" % UID + DAEMON % 5,
         "[Watch mine]\nUser=%d\nPath=%s\nExcludePath=/**/*.keep\n[Watch too]\nUser=4000-4999\n" %
         (UID, DIR) +
         "".join("[Watch n%d]\nPath=/srv/n%d\nUser=%d\n" % (i, i, i) for i in range(20)) + DAEMON %
         4)

os.makedirs(DIR)
run("install", "-m", "755", "churn", "/usr/local/bin/churn")  # from where others may run it
os.chown(DIR, UID, UID)

# ---- what could leak

LIBC = ctypes.CDLL(None, use_errno=True)
SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
# commands of bpf(2)
UPDATE, GET_NEXT_KEY, GET_NEXT_MAP, GET_FD, GET_INFO, LOOKUP_AND_DELETE = 2, 4, 12, 14, 15, 21
MAP_STACK = 23
SLOT_HASH = "uw_slot_hash"  # has an entry for each deletion in flight


def bpf(command, attr):
    """Returns the result of bpf(2) and the attributes that it wrote."""
    buf = ctypes.create_string_buffer(attr.ljust(64, b"\0"), 64)
    return LIBC.syscall(SYS_BPF, command, buf, 64), buf.raw


def maps():
    """(name, fd, type, max_entries) of all maps: the guest has no others."""
    found, map_id = [], 0
    while True:
        r, out = bpf(GET_NEXT_MAP, struct.pack("=II", map_id, 0))
        if r:
            return found
        map_id = struct.unpack_from("=I", out, 4)[0]
        fd = bpf(GET_FD, struct.pack("=I", map_id))[0]
        info = ctypes.create_string_buffer(128)
        bpf(GET_INFO, struct.pack("=IIQ", fd, len(info), ctypes.addressof(info)))
        kind, _, _, _, most, _ = struct.unpack_from("=6I", info)
        found.append((info.raw[24:40].rstrip(b"\0").decode(), fd, kind, most))


def entries(fd):
    """The number of entries of a hash table."""
    key, following, n = None, ctypes.create_string_buffer(64), 0
    while not bpf(GET_NEXT_KEY, struct.pack("=IIQQ", fd, 0, ctypes.addressof(key) if key else 0,
                                            ctypes.addressof(following)))[0]:
        key = ctypes.create_string_buffer(following.raw, 64)
        n += 1
    return n


def depth(fd):
    """The number of entries of a stack: takes all of them and puts them back."""
    value, taken = ctypes.create_string_buffer(64), []
    while not bpf(LOOKUP_AND_DELETE, struct.pack("=IIQQ", fd, 0, 0, ctypes.addressof(value)))[0]:
        taken.append(value.raw)
    for v in reversed(taken):
        value.raw = v
        bpf(UPDATE, struct.pack("=IIQQQ", fd, 0, 0, ctypes.addressof(value), 0))
    return len(taken)


def memory(pid):
    """Resident memory in KiB, with the ring buffer and the queue."""
    with open("/proc/%d/status" % pid) as f:
        lines = dict(line.split(":", 1) for line in f)
    return int(lines["VmRSS"].split()[0])


def held(pid):
    """What must be the same later. No process deletes meanwhile."""
    there = maps()
    h = {"maps": collections.Counter(name for name, _, _, _ in there),
         "descriptors": len(os.listdir("/proc/%d/fd" % pid)),
         "kept by systemd": run("systemctl", "show", "-P", "NFileDescriptorStore",
                                "unlinkwatchd").strip(),
         "states": sum(entries(fd) for name, fd, _, _ in there if name == SLOT_HASH)}
    if not h["maps"][SLOT_HASH]:
        sys.exit("# there is no map " + SLOT_HASH)
    for _, fd, _, _ in there:
        os.close(fd)
    return h


# ---- the run

def quiet():
    """Waits until the daemon has read and written everything. Returns its status."""
    for _ in range(600):
        s = status()
        counters = s["counters"]
        if not counters["in_flight"] and not counters["queued"] and s["ring"]["used"] < 4096:
            return s
        time.sleep(0.1)
    return s


def has_room():
    ring = status()["ring"]
    return ring["used"] < ring["size"] // 4


keep_journal()
configure(RULES[0])
restart()
pid, generation = main_pid(), status()["generation"]
account = Account(cursor())
happened = {"succeeded": 0, "failed": 0}
reloads, differences, first, begin = 0, 0, None, time.monotonic()
for i in range(ROUNDS):
    p = subprocess.Popen(["churn", DIR, "8",
                          str(DELETIONS * (i + 1) // ROUNDS - DELETIONS * i // ROUNDS)],
                         stdout=subprocess.PIPE, user=UID, group=UID)
    if i % RELOAD_EVERY == RELOAD_EVERY - 1:
        reloads += 1
        configure(RULES[reloads % 2])
        reload()
    differences += unbalanced(status()["counters"]) != 0
    succeeded, failed = map(int, p.communicate()[0].split())
    happened["succeeded"] += succeeded
    happened["failed"] += failed
    if not wait_for(has_room, 120):
        sys.exit("# the daemon does not empty the ring buffer")
    if i % READ_EVERY == READ_EVERY - 1:
        account.read()
    # The number of reloads is even or odd as at the end: the same rules must be in force.
    if not first and i + 1 >= ROUNDS / 10 and reloads and reloads % 2 == ROUNDS // RELOAD_EVERY % 2:
        quiet()
        first = held(pid), memory(pid)
    if i % max(1, ROUNDS // 20) == 0:
        print("# after %d rounds of %d, %.0f s: %d KiB, %s" %
              (i + 1, ROUNDS, time.monotonic() - begin, memory(pid), happened),
              flush=True)
s = quiet()
last = held(pid), memory(pid)
account.settle(DELETIONS, 60)
results = {"succeeded": account.said[DELETED] + account.said[MOVED] + account.floods["SUCCEEDED"],
           "failed": account.said[FAILED] + account.floods["FAILED"]}
counters = s["counters"]
took = time.monotonic() - begin
print("# %d deletions and %d reloads in %.0f s: %s" % (DELETIONS, reloads, took, counters))
print("# resident: %d KiB after a tenth, %d KiB in the end; descriptors: %d, maps: %d" %
      (first[1], last[1], last[0]["descriptors"], sum(last[0]["maps"].values())))

equal(sum(happened.values()), DELETIONS, "the processes made %d deletions" % DELETIONS)
equal(main_pid(), pid, "the daemon is still the same process")
equal(s["generation"], generation + reloads, "the daemon accepted %d reloads meanwhile" % reloads)
equal((counters["lost"]["total"], account.lost), (0, 0), "nothing is lost")
equal(account.recorded() + account.floods["COUNT"], DELETIONS,
      "records and summaries add up to the deletions exactly")
equal(results, happened, "successes and failures add up, too")
equal((counters["recorded"], counters["summarised"]), (account.recorded(), account.floods["COUNT"]),
      "the counters agree with the journal")
equal((differences, unbalanced(counters)), (0, 0),
      "the counters balance in every round and at the end")
equal(counters["strings_cut"], 0, "no long name was cut")
ok(last[1] - first[1] < 1024, "the daemon has grown by less than 1 MiB", first[1], last[1])
equal(last[0], first[0], "maps and descriptors are the same as after a tenth of the run")
equal((last[0]["states"], s["states"]["used"]), (0, 0), "no deletion is left in flight")
stacks = [(name, most, depth(fd)) for name, fd, kind, most in maps() if kind == MAP_STACK]
ok(stacks and all(most == free for _, most, free in stacks),
   "every slot for a deletion in flight is free", stacks)
done()
