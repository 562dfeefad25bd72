#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""unlinkwatchctl with a real daemon and a real journal."""
import json
import os
import signal
import subprocess
import time

from on_terminal import Session
from uwtest import (DELETED, LOSS, configure, cursor, deletions, done, equal, journal, log_in,
                    ok, run, settle, touch, wait_for)


def ctl(*args, **options):
    r = subprocess.run(["unlinkwatchctl", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=60, **options)
    return (r.returncode, r.stdout.decode(errors="surrogateescape"),
            r.stderr.decode(errors="surrogateescape"))


def as_alice(groups):
    def become():
        os.setgroups(groups)
        os.setgid(1000)
        os.setuid(1000)
    return become


def claim():
    """Any process that has no login uid can set one."""
    with open("/proc/self/loginuid", "w") as f:
        f.write("1000")


def delete_and_wait(path):
    here = cursor()
    touch(path)
    os.unlink(path)
    settle(here, 1, os.getpid())


run("groupadd", "-g", "1000", "alice")
run("useradd", "-u", "1000", "-g", "1000", "-m", "alice")
with open("/etc/sudoers.d/alice", "w") as f:
    f.write("alice ALL=(ALL) NOPASSWD: ALL\n")
os.chmod("/etc/sudoers.d/alice", 0o440)
configure("[Watch srv]\nPath=/srv\nOperation=unlink rmdir\n")
run("systemctl", "start", "unlinkwatchd")

# who names the user behind sudo.
os.makedirs("/srv/data/old/deep")
for name in ("report.csv", "old/deep/a", "old/b"):
    touch("/srv/data/" + name)
here = cursor()
p = subprocess.Popen(["sudo", "-n", "rm", "-f", "report.csv"], cwd="/srv/data", preexec_fn=log_in)
equal(p.wait(), 0, "alice removes a file through sudo")
settle(here, 1)
status, out, err = ctl("who", "/srv/data/report.csv")
ok(status == 0 and "removed /srv/data/report.csv" in out and "root, logged in as alice" in out and
   "rm -f report.csv" in out, "who names root, the user who logged in, and the command", status,
   out, err)
status, out, err = ctl("who", "report.csv", "--json")
record = json.loads(out) if status == 0 else {}
equal((record.get("path"), record.get("uid"), record.get("loginuid")),
      ("/srv/data/report.csv", 0, 1000),
      "who --json has the fields as numbers and strings")
ok(ctl("who", "--user", "alice", "/srv/data/report.csv")[0] == 0 and
   ctl("who", "--user", "nobody", "/srv/data/report.csv")[0] == 1,
   "--user finds what that user did through sudo, and nothing by others")

touch("/srv/claimed")
here = cursor()
p = subprocess.Popen(["rm", "/srv/claimed"], preexec_fn=claim)
equal(p.wait(), 0, "root removes a file as alice")
settle(here, 1)
ok("root, claims to be logged in as alice" in ctl("who", "/srv/claimed")[1],
   "who calls a login uid that a process may have chosen a claim")

# A path can be written in many ways.
here = cursor()
run("rm", "-r", "/srv/data/old")
settle(here, 4)
os.symlink("/srv/data", "/srv/link")
for args, cwd, expected in ((["/srv/data/old"], "/", 4), (["old/deep"], "/srv/data", 2),
                            (["/srv/link/old/b"], "/", 1), (["./old/b"], "/srv/data", 1),
                            (["../data/old/b"], "/srv/data", 1), (["deep"], "/", 2),
                            (["/srv/data/*/b"], "/", 1), (["/srv/data/"], "/", 5),
                            (["/srv/data"], "/", 5), (["-n", "2", "/srv/data"], "/", 2),
                            (["--rule", "srv", "/srv/data"], "/", 5),
                            (["--failed", "/srv/data"], "/", 0),
                            (["--since", "+1h", "/srv/data"], "/", 0)):
    status, out, err = ctl("who", "--brief", *args, cwd=cwd)
    ok(len(out.splitlines()) == expected and status == (0 if expected else 1),
       "who %s in %s finds %d" % (" ".join(args), cwd, expected), status, out, err)

# Hostile names.
name = b"x\n-- removed\x1b[2J\xff \xe2\x80\xae.txt"
os.makedirs("/srv/hostile")
here = cursor()
os.close(os.open(b"/srv/hostile/" + name, os.O_CREAT))
os.unlink(b"/srv/hostile/" + name)
settle(here, 1, os.getpid())
raw = subprocess.run(["unlinkwatchctl", "who", b"/srv/hostile/" + name],
                     stdout=subprocess.PIPE).stdout
ok(b"\\n-- removed\\x1b[2J\\xff" in raw and b"\x1b" not in raw and b"\xff" not in raw and
   b"\xe2\x80\xae" not in raw and
   not any(line.startswith(b"--") for line in raw.splitlines()), "who escapes a hostile name", raw)
out = ctl("who", "--json", "/srv/hostile/")[1]
equal(bytes(json.loads(out)["path"]), b"/srv/hostile/" + name,
      "who --json has each byte of a hostile name")

# Records forged by other programs.
forged = ("MESSAGE=x\nMESSAGE_ID=%s\nSYSLOG_IDENTIFIER=unlinkwatchd\n"
          "UNLINK_PATH=/srv/forged\nUNLINK_RET=0\n" % DELETED)
p = subprocess.run(["logger", "--journald"], input=forged.encode(), preexec_fn=as_alice([1000]))
run("journalctl", "--sync")
equal((p.returncode, ctl("who", "/srv/forged")[0], ctl("who", "--any-source", "/srv/forged")[0]),
      (0, 1, 0),
      "who finds a forged record only with --any-source")

# unlinkwatchctl who works for any user who may read the journal.
group = int(run("getent", "group", "systemd-journal").split(":")[2])
ok(ctl("who", "/srv/data/report.csv", preexec_fn=as_alice([group]))[0] == 0,
   "who works for a member of the group systemd-journal")
status, out, err = ctl("who", "/srv/data/report.csv", preexec_fn=as_alice([1000]))
ok(status == 2 and "systemd-journal" in err and not out,
   "who tells other users which group they need", status, out, err)

# Gaps in what the journal covers.
since = "@%d" % (time.time() - 1)
time.sleep(1.1)
run("systemctl", "stop", "unlinkwatchd")
touch("/srv/unseen")
os.unlink("/srv/unseen")
time.sleep(1.1)
run("systemctl", "start", "unlinkwatchd")
status, out, err = ctl("who", "--since", since, "/srv/unseen")
ok(status == 1 and not out and "not covered: unlinkwatchd was stopped from" in err and
   "until now" not in err,
   "who says that the daemon was stopped", status, out, err)
run("systemctl", "kill", "-s", "KILL", "unlinkwatchd")
touch("/srv/meanwhile")
os.unlink("/srv/meanwhile")
wait_for(lambda: ctl("who", "/srv/meanwhile")[0] == 0 and
         "crashed or was killed" not in ctl("who", "/srv/meanwhile")[2])
status, out, err = ctl("who", "--since", since, "/srv/meanwhile")
ok(status == 0 and "removed /srv/meanwhile" in out and "crashed" not in err,
   "who reports no gap after a kill, as the probes stayed attached", status, out, err)

# A real loss: the ring buffer fills up while the daemon is stopped.
configure("[Watch srv]\nPath=/srv\n[Daemon]\nRingBufferSize=64K\n")
run("systemctl", "restart", "unlinkwatchd")
here = cursor()
run("systemctl", "kill", "-s", "STOP", "unlinkwatchd")
for i in range(1500):
    touch("/srv/f%d" % i)
    os.unlink("/srv/f%d" % i)
run("systemctl", "kill", "-s", "CONT", "unlinkwatchd")
wait_for(lambda: any(r.get("MESSAGE_ID") == LOSS for r in journal(here)))
status, out, err = ctl("who", "--since", since, "/srv/f1499")
ok("deletions not recorded: " in err, "who reports losses", status, out, err)

# Live, on a terminal.
tail = Session("unlinkwatchctl", "tail", "-n", "1")
ok(tail.wait_for(rb"\x1b\[32m\w{3} \d{4}-"), "tail begins with the last record, in colour",
   tail.output)
delete_and_wait("/srv/live")
ok(tail.wait_for(rb"removed /srv/live"), "tail shows a deletion when it happens", tail.output)
equal(tail.end(signal.SIGINT), signal.SIGINT, "^C ends tail")

top = Session("unlinkwatchctl", "top", "--by=user")
ok(top.wait_for(rb"\x1b\[\?1049h.*USER") and top.is_raw(),
   "top takes the whole screen and turns off echo", top.output)
delete_and_wait("/srv/live")
ok(top.wait_for(rb"[1-9]\d* deletions.* 1 +0  root"), "top counts deletions by user", top.output)
top.type("d")
ok(top.wait_for(rb"DIRECTORY.* 1 +0  /srv"), "the key d counts by directory", top.output)
top.resize(10, 30)
ok(top.wait_for(rb"\x1b\[2J"), "top redraws when the terminal changes its size", top.output)
top.type("q")
status = top.end()
ok(status == 0 and b"\x1b[?1049l" in top.output and not top.is_raw(),
   "q ends top and restores the terminal", status, top.output)
top = Session("unlinkwatchctl", "top")
top.wait_for(rb"PROCESS")
status = top.end(signal.SIGTERM)
ok(status == 0 and b"\x1b[?1049l" in top.output and not top.is_raw(),
   "SIGTERM ends top and restores the terminal", status, top.output)

# check predicts what the daemon does.
configure("[Watch a]\nPath=/srv/a\nExcludePath=/srv/a/not\nUser=root\n"
          "[Watch fail]\nPath=/srv/b\nResult=failure\n")
run("systemctl", "restart", "unlinkwatchd")
os.makedirs("/srv/a/not")
os.makedirs("/srv/b")
os.makedirs("/srv/bound")
run("mount", "--bind", "/srv/a", "/srv/bound")
time.sleep(1)
paths = ["/srv/a/1", "/srv/a/not/1", "/srv/b/1", "/srv/bound/1", "/srv/bound/not/1", "/srv/c"]
here = cursor()
for path in paths:
    touch(path)
    os.unlink(path)
settle(here, 2, os.getpid())
time.sleep(0.5)
recorded = {r["UNLINK_PATH"] for r in deletions(here, os.getpid())}
equal([p for p in paths if ctl("check", p)[0] == 0], [p for p in paths if p in recorded],
      "check PATH agrees with the daemon on each path")
out = ctl("check", "/srv/bound/not/1")[1]
ok("a would not: ExcludePath=/srv/a/not covers" in out and
   "fail would not: Result= has no success" in out,
   "check PATH says why", out)

# The status socket.
equal(ctl("status", "--socket", "/run/none")[0], 1, "status fails where no daemon listens")
status, out, err = ctl("status")
ok(status == 0 and "is running" in out and ("kprobe" in out or "fentry" in out) and
   "Path=/srv/a" in out and "not accounted" not in out,
   "status shows the probe and the rules, and its counters balance", status, out, err)
out = ctl("metrics")[1]
ok("unlinkwatchd_up 1" in out and "unlinkwatchd_deletions_seen_total " in out and
   "_deletions_lost_total{" in out,
   "metrics prints the counters", out)
done()
