#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Storms with the installed configuration: unlinkwatchctl finds each name, exactly once, as if it had
a record of its own; while journald stands still, on ext4 and on tmpfs, when the daemon is killed
again and again, and whatever bytes the names hold. UW_DELETIONS and UW_PROCESSES set the size.
"""
import collections
import json
import os
import re
import signal
import subprocess
import threading
import time

from uwtest import (DELETED, FLOOD, LOSS, configure, cursor, done, drained, equal, journal,
                    keep_journal, main_pid, need, ok, restart, run, status, touch)

DELETIONS = int(os.environ.get("UW_DELETIONS", "6000"))
PROCESSES = int(os.environ.get("UW_PROCESSES", "16"))
FAIL = 10  # one in so many has no file
KILLS = 6
DECODER = "manifest.md"
number = 0


def fresh(where):
    global number
    number += 1
    path = "%s/storm%d" % (where, number)
    os.makedirs(path)
    return path


def found(*what):
    """What unlinkwatchctl finds, as objects."""
    out = subprocess.run(["unlinkwatchctl", "who", "--json", *what], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    return [json.loads(line) for line in out.stdout.splitlines()]


def in_bytes(v):
    """A string of JSON, or the numbers of its bytes where it is not UTF-8."""
    return bytes(v) if isinstance(v, list) else v.encode()


def storm(where, meanwhile=lambda deleting: None, count=DELETIONS):
    """What happened, as (tid, name, result), and the directory."""
    path = fresh(where)
    with subprocess.Popen(["./deleters", path, str(PROCESSES), "1", str(count), str(FAIL)],
                          stdout=subprocess.PIPE, text=True) as deleting:
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(deleting.stdout))
        reader.start()
        meanwhile(deleting)
        reader.join()
    return collections.Counter(tuple(line.split()) for line in lines), path


def found_all(path, count):
    """Waits until the last summary is written, which takes up to five seconds."""
    drained()
    end = time.monotonic() + 20
    while True:
        run("journalctl", "--sync")
        got = found(path + "/")
        if len(got) >= count or time.monotonic() > end:
            return got
        time.sleep(1)


def check(title, happened, path):
    count = sum(happened.values())
    got = found_all(path, count)
    seen = collections.Counter((str(r["tid"]), r["filename"],
                                "unknown" if r["ret"] is None else str(r["ret"])) for r in got)
    ok(seen == happened and count >= DELETIONS,
       title + ": unlinkwatchctl finds each of %d, exactly once" % count,
       "missing: %d, e.g. %s" % (sum((happened - seen).values()), list(happened - seen)[:5]),
       "too many: %d, e.g. %s" % (sum((seen - happened).values()), list(seen - happened)[:5]))
    ok(all(r["path"] == path + "/" + r["filename"] and r["comm"] == "deleters" and
           r["uid"] == 0 and r["user"] == "root" and "cmdline" in r and
           ("inode" in r) == (r["ret"] == 0) for r in got),
       title + ": with the fields of a record")


def stop_journald(deleting):
    pid = main_pid("systemd-journald")
    os.kill(pid, signal.SIGSTOP)
    deleting.wait()
    time.sleep(2)
    os.kill(pid, signal.SIGCONT)


def is_new(pid):
    """Whether another process of the daemon has started."""
    return main_pid() not in (0, pid) and not subprocess.run(
        ["systemctl", "is-active", "-q", "unlinkwatchd"]).returncode


def kill_daemon(deleting):
    """Each time 300 ms after it has started."""
    killed = meanwhile = 0
    while killed < KILLS:
        pid = main_pid()
        os.kill(pid, signal.SIGKILL)
        killed += 1
        meanwhile += deleting.poll() is None
        need(lambda: is_new(pid), "the daemon is active again", 60)
        time.sleep(0.3)
    ok(meanwhile, "the daemon is killed while files are deleted", "%d times" % killed)


keep_journal()
configure("[Storm]\n")
restart()
here = cursor()
for where, title in (("/dev/shm", "tmpfs"), ("/srv", "ext4")):
    happened, path = storm(where)
    check(title, happened, path)
summaries = [r for r in journal(here) if r.get("MESSAGE_ID") == FLOOD]
records = [r for r in journal(here) if r.get("MESSAGE_ID") == DELETED]
ok(summaries and len(records) < DELETIONS, "most have no record of their own", len(records))
name = path + "/" + next(n for _, n, ret in happened if ret == "0")
equal([r["path"] for r in found(name)], [name], "a single name is found")
check("while journald stands still", *storm("/dev/shm", stop_journald))
check("while the daemon is killed every 300 ms", *storm("/dev/shm", kill_daemon, 2 * DELETIONS))
equal(status()["counters"]["lost"]["total"], 0, "nothing is lost")
equal([r["MESSAGE"] for r in journal(here) if r.get("MESSAGE_ID") == LOSS], [],
      "nor reported as lost")

# Names of any bytes, by the decoder of the documentation, which is another program
configure("[Storm]\nBurst=1\n")
restart()
here = cursor()
path = fresh("/srv").encode()
names = [bytes([b]) for b in range(1, 256) if b not in b"/."] + [bytes(range(48, 256)), b"\n" * 255]
for name in names:
    touch(path + b"/" + name)
for name in names:
    os.unlink(path + b"/" + name)
run("systemctl", "stop", "unlinkwatchd")
equal(sorted(in_bytes(r["path"]) for r in found(path.decode() + "/")),
      sorted(path + b"/" + name for name in names),
      "names of all bytes are found")
with open(DECODER, encoding="utf-8") as f:
    program = re.search(r"```python\n(.*?)```", f.read(), re.S).group(1)
exported = subprocess.run(["journalctl", "-a", "-o", "json", "--after-cursor", here,
                           "MESSAGE_ID=" + FLOOD], stdout=subprocess.PIPE, check=True).stdout
decoded = subprocess.run(["python3", "-c", program], input=exported, stdout=subprocess.PIPE,
                         check=True).stdout
paths = {in_bytes(json.loads(line)["UNLINK_PATH"]) for line in decoded.splitlines()}
ok(len(paths & {path + b"/" + name for name in names}) >= len(names) - 1,
   "the decoder of the documentation finds them, too", len(paths))
done()
