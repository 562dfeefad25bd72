#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Entry and return are joined per thread: many processes and threads delete in one directory at once,
and each record is one that really happened, none missing, none twice; by each probe that the
kernel does not skip. Then the same with room for a single return in flight, where the kernel
silently skips most return probes: still no deletion is lost, and records whose result is not known
say so. Last, where the kernel skips tracepoint programs, each deletion that they missed is counted
as lost.
"""
import collections
import json
import os
import re
import subprocess
import sys
import time

from uwtest import configure, done, drained, drop_in, equal, ok, preempts, restart, run, status

# processes, threads of each, deletions; one in FAIL fails
LOADS = ((1, 4, 500), (16, 4, 1000), (64, 4, 4000))
FAIL = 3
DIR = "/dev/shm/many"


def start(probe, environment=""):
    drop_in("[Service]\nExecStart=\nExecStart=/usr/sbin/unlinkwatchd --probe=%s\n%s" %
            (probe, environment))
    restart()


def stop():
    """How many are counted as lost in the end. What never returned is recorded then."""
    run("systemctl", "stop", "unlinkwatchd")
    run("journalctl", "--sync")
    return int(re.search(r"lost: (\d+)", run("journalctl", "-t", "unlinkwatchd", "-n1", "-o",
                                             "cat")).group(1))


def contend(title, processes, threads, deletions, last=False):
    """
    What happened, as (tid, filename, ret), what the journal has, and how many are counted as lost.
    """
    os.makedirs(DIR, exist_ok=True)
    before, since = status()["counters"]["lost"]["total"], time.time()
    out = run("./deleters", DIR, str(processes), str(threads), str(deletions), str(FAIL))
    happened = collections.Counter(tuple(line.split()) for line in out.splitlines())
    equal(sum(happened.values()), deletions, "%s: %d deletions" % (title, deletions))
    equal(sum(1 for (_, name, ret) in happened if (ret == "-2") != name.startswith("none")), 0,
          "%s: one in %d fails" % (title, FAIL))
    lost = (stop() if last else drained()["lost"]["total"]) - before
    run("journalctl", "--sync")
    fields = "UNLINK_TID,UNLINK_FILENAME,UNLINK_RET,UNLINK_PATH,UNLINK_PATH_STATE"
    journal = subprocess.Popen(["journalctl", "-t", "unlinkwatchd", "UNLINK_COMM=deleters", "-o",
                                "json", "--output-fields=" + fields, "--since=@%f" % since],
                               stdout=subprocess.PIPE)
    got = [json.loads(line) for line in journal.stdout]
    if journal.wait():
        sys.exit("# journalctl: %d" % journal.returncode)
    print("# %s: %d records, %d lost" % (title, len(got), lost))
    return happened, got, lost


def compare(title, happened, seen):
    """Both Counters; what is there more or less often than it happened fails."""
    return ok(seen == happened, title,
              "missing: %d, e.g. %s" % (sum((happened - seen).values()), list(happened - seen)[:5]),
              "too many: %d, e.g. %s" % (sum((seen - happened).values()),
                                         list(seen - happened)[:5]))


def every_return(probe, processes, threads, deletions):
    title = "%s, %d threads" % (probe, processes * threads)
    happened, records, lost = contend(title, processes, threads, deletions)
    compare(title + ": every (tid, filename, ret) is one that happened, none missing, none doubled",
            happened, collections.Counter((r["UNLINK_TID"], r["UNLINK_FILENAME"], r["UNLINK_RET"])
                                          for r in records))
    ok(all(r["UNLINK_PATH"] == DIR + "/" + r["UNLINK_FILENAME"] for r in records),
       title + ": every path is right")
    equal(lost, 0, title + ": nothing is counted as lost")


def few_returns():
    """Less room, by the way meant for this test."""
    start("kprobe", "Environment=UNLINKWATCH_MAXACTIVE=1\n")
    happened, records, lost = contend("room for 1 return", 64, 4, 5000, last=True)
    names = collections.Counter((tid, name) for (tid, name, _) in happened.elements())
    compare("with missed returns too no deletion is missing or doubled", names,
            collections.Counter((r["UNLINK_TID"], r["UNLINK_FILENAME"]) for r in records))
    unknown = [r for r in records if r["UNLINK_RET"] == "unknown"]
    known = collections.Counter((r["UNLINK_TID"], r["UNLINK_FILENAME"], r["UNLINK_RET"])
                                for r in records
                                if r["UNLINK_RET"] != "unknown")
    print("# %d of %d results are unknown" % (len(unknown), len(records)))
    ok(unknown, "returns were missed, and their records say that the result is unknown")
    ok(not known - happened, "and every known result is the right one", list(known - happened)[:5])
    equal(lost, 0, "nothing is counted as lost then")


def skipped_entries():
    """By tracepoint where the kernel preempts, and skips, its programs."""
    start("tracepoint")
    happened, records, lost = contend("tracepoint, with skipped entries", 64, 4, 5000, last=True)
    names = collections.Counter((tid, name) for (tid, name, _) in happened.elements())
    seen = collections.Counter((r["UNLINK_TID"], r["UNLINK_FILENAME"]) for r in records)
    missing = sum((names - seen).values())
    ok(missing, "tracepoint: the kernel skipped programs")
    ok(not seen - names, "tracepoint: no deletion is recorded that did not happen, or twice",
       list(seen - names)[:5])
    # Other processes delete, too.
    ok(missing <= lost <= missing + 20, "tracepoint: %d are missing, and %d are counted as lost" %
       (missing, lost))
    ok(all(r.get("UNLINK_PATH") == DIR + "/" + r["UNLINK_FILENAME"] or
           (r["UNLINK_PATH_STATE"], "UNLINK_PATH" in r) == ("unknown", False) for r in records),
       "tracepoint: and every path is right, or not known")
    results = collections.Counter("unknown" if r["UNLINK_RET"] == "unknown" else
                                  "right" if happened[(r["UNLINK_TID"], r["UNLINK_FILENAME"],
                                                       r["UNLINK_RET"])] else
                                  "the next one's" for r in records)
    print("# results: %s" % dict(results))
    # A return and the next entry of that thread, both skipped.
    ok(results["the next one's"] <= missing / 50,
       "tracepoint: hardly any result is that of the thread's next deletion", results)


configure("[Watch many]\nPath=%s\n[Daemon]\nRingBufferSize=64M\n" % DIR)
for probe in ("kprobe",) if preempts() else ("kprobe", "fentry", "tracepoint"):
    start(probe)
    for load in LOADS:
        every_return(probe, *load)
few_returns()
if preempts():
    skipped_entries()
done()
