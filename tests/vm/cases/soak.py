#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
A long run: deletions of all kinds, floods, and reloads now and then. The counts are exact, nothing is lost, and in the
end the daemon and the kernel side hold what they held after a tenth of it: memory, descriptors, maps, and rooms for
deletions in flight. UW_DELETIONS makes it as long as wanted.
"""
import collections
import ctypes
import os
import struct
import subprocess
import time

from uwtest import (DELETED, FAILED, Account, configure, cursor, done, equal, keep_journal, main_pid, ok, reload, restart, run,
                    status, unbalanced)

UID, DIR = 4242, "/dev/shm/soak"
DELETIONS = int(os.environ.get("UW_DELETIONS", "16000"))
ROUNDS = max(20, DELETIONS // 20000)  # what is deleted in one fits the ring buffer a few times
RELOAD_EVERY, READ_EVERY = 5, 10
DAEMON = "[Daemon]\nDetail=minimal\nRingBufferSize=32M\nQueueSize=4M\n[Flood]\nBurst=50\nIntervalSec=%d\n"
# Both record all of it: by one rule, or by many of which two apply.
RULES = ("[Watch mine]\nUser=%d\n" % UID + DAEMON % 5,
         "[Watch mine]\nUser=%d\nPath=%s\nExcludePath=/**/*.keep\n[Watch too]\nUser=4000-4999\n" % (UID, DIR) +
         "".join("[Watch n%d]\nPath=/srv/n%d\nUser=%d\n" % (i, i, i) for i in range(20)) + DAEMON % 4)

os.makedirs(DIR)
run("install", "-m", "755", "churn", "/usr/local/bin/churn")  # from where others may run it
os.chown(DIR, UID, UID)

# ---- what could leak

LIBC = ctypes.CDLL(None, use_errno=True)
SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
UPDATE, GET_NEXT_KEY, GET_NEXT_MAP, GET_FD, GET_INFO, LOOKUP_AND_DELETE = 2, 4, 12, 14, 15, 21  # commands of bpf(2)
MAP_STACK = 23


def bpf(command, attr):
    """The result of bpf(2), and its attributes after that."""
    buf = ctypes.create_string_buffer(attr.ljust(64, b"\0"), 64)
    return LIBC.syscall(SYS_BPF, command, buf, 64), buf.raw


def maps():
    """The maps of the whole system, of which there are no others: (name, fd, type, max_entries)."""
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
    """How many a hash table has."""
    key, following, n = None, ctypes.create_string_buffer(64), 0
    while not bpf(GET_NEXT_KEY, struct.pack("=IIQQ", fd, 0, ctypes.addressof(key) if key else 0,
                                            ctypes.addressof(following)))[0]:
        key = ctypes.create_string_buffer(following.raw, 64)
        n += 1
    return n


def depth(fd):
    """How many a stack has: they are all taken, and put back."""
    value, taken = ctypes.create_string_buffer(64), []
    while not bpf(LOOKUP_AND_DELETE, struct.pack("=IIQQ", fd, 0, 0, ctypes.addressof(value)))[0]:
        taken.append(value.raw)
    for v in reversed(taken):
        value.raw = v
        bpf(UPDATE, struct.pack("=IIQQQ", fd, 0, 0, ctypes.addressof(value), 0))
    return len(taken)


def memory(pid):
    """In KiB, the ring buffer and the queue included."""
    with open("/proc/%d/status" % pid) as f:
        lines = dict(line.split(":", 1) for line in f)
    return int(lines["VmRSS"].split()[0])


def held(pid):
    """What must be the same later. Nobody deletes meanwhile."""
    there = maps()
    h = {"maps": collections.Counter(name for name, _, _, _ in there),
         "descriptors": len(os.listdir("/proc/%d/fd" % pid)),
         "kept by systemd": run("systemctl", "show", "-P", "NFileDescriptorStore", "unlinkwatchd").strip(),
         "states": sum(entries(fd) for name, fd, _, _ in there if name == "uw_slot_hash")}
    for _, fd, _, _ in there:
        os.close(fd)
    return h


# ---- the run

def quiet():
    """Waits until all is read and written. The state of the daemon then."""
    for _ in range(600):
        s = status()
        if not s["counters"]["in_flight"] and not s["counters"]["queued"] and s["ring"]["used"] < 4096:
            return s
        time.sleep(0.1)
    return s


def wait_for_room():
    while True:
        ring = status()["ring"]
        if ring["used"] < ring["size"] // 4:
            return
        time.sleep(0.05)


keep_journal()
configure(RULES[0])
restart()
pid, generation = main_pid(), status()["generation"]
account = Account(cursor())
happened = {"succeeded": 0, "failed": 0}
reloads, differences, first, begin = 0, 0, None, time.monotonic()
for i in range(ROUNDS):
    p = subprocess.Popen(["churn", DIR, "8", str(DELETIONS * (i + 1) // ROUNDS - DELETIONS * i // ROUNDS)],
                         stdout=subprocess.PIPE, user=UID, group=UID)
    if i % RELOAD_EVERY == RELOAD_EVERY - 1:
        reloads += 1
        configure(RULES[reloads % 2])
        reload()
    differences += unbalanced(status()["counters"]) != 0
    succeeded, failed = map(int, p.communicate()[0].split())
    happened["succeeded"] += succeeded
    happened["failed"] += failed
    wait_for_room()
    if i % READ_EVERY == READ_EVERY - 1:
        account.read()
    # After as many reloads, so that the same rules are in force.
    if not first and i + 1 >= ROUNDS / 10 and reloads and reloads % 2 == ROUNDS // RELOAD_EVERY % 2:
        quiet()
        first = held(pid), memory(pid)
    if i % max(1, ROUNDS // 20) == 0:
        print("# after %d rounds of %d, %.0f s: %d KiB, %s" % (i + 1, ROUNDS, time.monotonic() - begin, memory(pid), happened),
              flush=True)
s = quiet()
last = held(pid), memory(pid)
account.settle(DELETIONS, 60)
results = {"succeeded": account.said[DELETED] + account.floods["SUCCEEDED"],
           "failed": account.said[FAILED] + account.floods["FAILED"]}
counters = s["counters"]
took = time.monotonic() - begin
print("# %d deletions and %d reloads in %.0f s: %s" % (DELETIONS, reloads, took, counters))
print("# resident: %d KiB after a tenth, %d KiB in the end; descriptors: %d, maps: %d" %
      (first[1], last[1], last[0]["descriptors"], sum(last[0]["maps"].values())))

equal(sum(happened.values()), DELETIONS, "%d deletions of all kinds" % DELETIONS)
equal(main_pid(), pid, "by one process of the daemon")
equal(s["generation"], generation + reloads, "with %d reloads meanwhile" % reloads)
equal((counters["lost"]["total"], account.lost), (0, 0), "nothing is lost")
equal(account.recorded() + account.floods["COUNT"], DELETIONS, "records and summaries are as many, to the last one")
equal(results, happened, "of each result")
equal((counters["recorded"], counters["summarised"]), (account.recorded(), account.floods["COUNT"]),
      "and the counters are those of the journal")
equal((differences, unbalanced(counters)), (0, 0), "which balance at any time")
equal(counters["strings_cut"], 0, "there was always room for the long names")
ok(last[1] - first[1] < 1024, "the daemon has grown by less than 1 MiB", first[1], last[1])
equal(last[0], first[0], "it has the maps and descriptors that it had")
equal((last[0]["states"], s["states"]["used"]), (0, 0), "no deletion is left in flight")
stacks = [(name, most, depth(fd)) for name, fd, kind, most in maps() if kind == MAP_STACK]
ok(stacks and all(most == free for _, most, free in stacks), "and every room for one is free", stacks)
done()
