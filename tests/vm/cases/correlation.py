#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Entry and return are joined per thread: many processes and threads delete in one directory at once, and
each record is one that really happened, none missing, none twice. Then the same with room for a
single return in flight, where the kernel skips most return probes without a word: still no deletion
is lost, and those whose result is not known say so.
"""
import collections
import json
import os
import re
import subprocess
import time

from uwtest import configure, done, equal, ok, run

PROCESSES, THREADS, DELETIONS, FAIL = 64, 4, int(os.environ.get("UW_DELETIONS", "20000")), 3
DIR = "/dev/shm/many"


def counters():
    """seen, recorded, lost, as the status has them after the next tick."""
    status = run("systemctl", "show", "-P", "StatusText", "unlinkwatchd")
    return [int(n) for n in re.findall(r"(\d+) (?:seen|recorded|lost)", status)]


def contend(title):
    os.makedirs(DIR, exist_ok=True)
    since = time.time()
    out = run("./deleters", DIR, str(PROCESSES), str(THREADS), str(DELETIONS), str(FAIL))
    happened = collections.Counter()
    for line in out.splitlines():
        tid, name, ret = line.split()
        happened[(tid, name, ret)] += 1
    equal(sum(happened.values()), DELETIONS, "%s: %d deletions by %d threads" % (title, DELETIONS,
                                                                                PROCESSES * THREADS))
    equal(sum(1 for (_, name, ret) in happened if (ret == "-2") != name.startswith("none")), 0,
          "%s: one in %d fails" % (title, FAIL))
    run("systemctl", "stop", "unlinkwatchd")
    run("journalctl", "--sync")
    fields = "UNLINK_TID,UNLINK_FILENAME,UNLINK_RET,UNLINK_PATH"
    journal = subprocess.Popen(["journalctl", "-t", "unlinkwatchd", "UNLINK_COMM=deleters", "-o", "json",
                                "--output-fields=" + fields, "--since=@%f" % (since - 1)],
                               stdout=subprocess.PIPE)
    got = [json.loads(line) for line in journal.stdout]
    journal.wait()
    stopped = run("journalctl", "-t", "unlinkwatchd", "-n1", "-o", "cat").strip()
    print("# " + stopped)
    return happened, got, stopped


configure("[Watch many]\nPath=%s\n[Daemon]\nRingBufferSize=64M\n" % DIR)
run("systemctl", "restart", "unlinkwatchd")
happened, records, stopped = contend("room for 4096 returns")
seen = collections.Counter((r["UNLINK_TID"], r["UNLINK_FILENAME"], r["UNLINK_RET"]) for r in records)
ok(seen == happened, "every (tid, filename, ret) is one that happened, none missing, none doubled",
   "missing: %d, e.g. %s" % (sum((happened - seen).values()), list(happened - seen)[:5]),
   "too many: %d, e.g. %s" % (sum((seen - happened).values()), list(seen - happened)[:5]))
ok(all(r["UNLINK_PATH"] == DIR + "/" + r["UNLINK_FILENAME"] for r in records), "every path is right")
ok(stopped.endswith("lost: 0"), "nothing is counted as lost", stopped)

# Less room, by the way meant for this test.
os.makedirs("/run/systemd/system/unlinkwatchd.service.d", exist_ok=True)
with open("/run/systemd/system/unlinkwatchd.service.d/room.conf", "w") as f:
    f.write("[Service]\nEnvironment=UNLINKWATCH_MAXACTIVE=1\n")
run("systemctl", "daemon-reload")
run("systemctl", "start", "unlinkwatchd")
happened, records, stopped = contend("room for 1 return")
names = collections.Counter((tid, name) for (tid, name, _) in happened.elements())
seen = collections.Counter((r["UNLINK_TID"], r["UNLINK_FILENAME"]) for r in records)
ok(seen == names, "with missed returns too no deletion is missing or doubled",
   "missing: %d, e.g. %s" % (sum((names - seen).values()), list(names - seen)[:5]),
   "too many: %d, e.g. %s" % (sum((seen - names).values()), list(seen - names)[:5]))
unknown = [r for r in records if r["UNLINK_RET"] == "unknown"]
known = collections.Counter((r["UNLINK_TID"], r["UNLINK_FILENAME"], r["UNLINK_RET"]) for r in records
                            if r["UNLINK_RET"] != "unknown")
print("# %d of %d results are unknown" % (len(unknown), len(records)))
ok(unknown, "returns were missed, and their records say that the result is unknown")
ok(not known - happened, "and every known result is the right one", list(known - happened)[:5])
ok(stopped.endswith("lost: 0"), "nothing is counted as lost then", stopped)
done()
