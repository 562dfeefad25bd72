#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The main job: install, enable, delete, read the journal. The guest is rebooted after this; see
reboot.py.
"""
import errno
import grp
import os
import pwd
import re
import signal
import socket
import stat
import struct
import subprocess
import time

from uwtest import (CONFIG_ACCEPTED, CONFIG_REJECTED, CONTINUED, DELETED, FAILED, STARTED, STOPPED,
                    configure, cursor, deletions, done, drop_in, equal, journal, main_pid, ok,
                    preempts, reload, restart, run, settle, status,
                    value, wait_for)

probe = "kprobe" if preempts() else "fentry"

start = cursor()
run("systemctl", "enable", "--now", "unlinkwatchd")
equal(run("systemctl", "is-active", "unlinkwatchd").strip(), "active", "enable --now starts it")
started = [r["MESSAGE"] for r in journal(start) if r.get("MESSAGE_ID") == STARTED]
ok(len(started) == 1 and "by %s " % probe in started[0] and "not covered: " in started[0],
   "it says once which probe it uses and what that does not cover", started)

# By the shell's own tools; unlink(1) of a missing file reaches the kernel, where rm(1) would not.
here = cursor()
pids = []
for command in ("touch /root/a", "rm /root/a", "unlink /root/none"):
    p = subprocess.Popen(command.split(), stderr=subprocess.DEVNULL)
    p.wait()
    pids.append(p.pid)
records = settle(here, 2, *pids)
want = ("UNLINK_PID", "UNLINK_COMM", "UNLINK_FILENAME", "UNLINK_RET", "UNLINK_PATH", "UNLINK_OP",
        "UNLINK_UID", "UNLINK_GID", "UNLINK_USER", "UNLINK_PPID", "UNLINK_TID", "UNLINK_ERRNO",
        "UNLINK_PATH_STATE", "MESSAGE_ID", "PRIORITY", "SYSLOG_IDENTIFIER", "MESSAGE",
        "UNLINK_RULE")
equal([{k: r.get(k) for k in want} for r in records], [
    {"UNLINK_PID": str(pids[1]), "UNLINK_COMM": "rm", "UNLINK_FILENAME": "/root/a",
     "UNLINK_RET": "0", "UNLINK_PATH": "/root/a", "UNLINK_OP": "unlink", "UNLINK_UID": "0",
     "UNLINK_GID": "0", "UNLINK_USER": "root", "UNLINK_PPID": str(os.getpid()),
     "UNLINK_TID": str(pids[1]),
     "UNLINK_ERRNO": None, "UNLINK_PATH_STATE": "resolved", "MESSAGE_ID": DELETED, "PRIORITY": "6",
     "SYSLOG_IDENTIFIER": "unlinkwatchd", "MESSAGE": "rm[%d] (root) removed /root/a" % pids[1],
     "UNLINK_RULE": "all"},
    {"UNLINK_PID": str(pids[2]), "UNLINK_COMM": "unlink", "UNLINK_FILENAME": "/root/none",
     "UNLINK_RET": "-2", "UNLINK_PATH": "/root/none", "UNLINK_OP": "unlink", "UNLINK_UID": "0",
     "UNLINK_GID": "0", "UNLINK_USER": "root", "UNLINK_PPID": str(os.getpid()),
     "UNLINK_TID": str(pids[2]), "UNLINK_ERRNO": "ENOENT", "UNLINK_PATH_STATE": "lexical",
     "MESSAGE_ID": FAILED, "PRIORITY": "6", "SYSLOG_IDENTIFIER": "unlinkwatchd",
     "MESSAGE": "unlink[%d] (root) could not remove /root/none: No such file or directory (ENOENT)"
                % pids[2], "UNLINK_RULE": "all"},
], "rm of a file and of none: the exact fields of both records")
now = time.time_ns()
ok(all(abs(now - int(r["UNLINK_TIME"])) < 60e9 for r in records),
   "UNLINK_TIME is now, in nanoseconds since 1970", records)
ok(all(r["_SYSTEMD_UNIT"] == "unlinkwatchd.service" for r in records),
   "journalctl -u unlinkwatchd finds the records")
text = run("journalctl", "-u", "unlinkwatchd", "-n", "20", "-o", "cat")
ok("rm[%d] (root) removed /root/a" % pids[1] in text, "journalctl -u has the sentence", text)
found = run("journalctl", "-t", "unlinkwatchd", "UNLINK_PATH=/root/a", "-o", "cat").splitlines()
ok(len(found) == 1, "a match on UNLINK_PATH finds the record", found)
explained = run("journalctl", "-x", "-t", "unlinkwatchd", "UNLINK_PID=%d" % pids[1])
ok("Subject: A name was removed: /root/a" in explained, "journalctl -x explains it", explained)

# Every way to give a directory or a name.
os.makedirs("/root/t/sub")
for name in ("f1", "f2", "f3", "f4"):
    open("/root/t/sub/" + name, "w").close()
here = cursor()
os.chdir("/root/t")
os.unlink("sub/f1")
fd = os.open("/root/t/sub", os.O_RDONLY | os.O_DIRECTORY)
os.unlink("f2", dir_fd=fd)
os.unlink("../sub/./f3", dir_fd=fd)
os.unlink("//root/t//sub/f4", dir_fd=fd)
os.rmdir("sub")
os.chdir("/")
os.rmdir("/root/t/")
got = [(value(r["UNLINK_OP"]), value(r["UNLINK_FILENAME"]), value(r["UNLINK_PATH"])) for r in
       settle(here, 6, os.getpid())]
equal(got, [
    (b"unlink", b"sub/f1", b"/root/t/sub/f1"),
    (b"unlink", b"f2", b"/root/t/sub/f2"),
    (b"unlink", b"../sub/./f3", b"/root/t/sub/f3"),
    (b"unlink", b"//root/t//sub/f4", b"/root/t/sub/f4"),
    (b"rmdir", b"sub", b"/root/t/sub"),
    (b"rmdir", b"/root/t/", b"/root/t"),
], "relative names are completed with the working directory or the descriptor's")

# A process in a chroot: the path up to the namespace's root.
os.makedirs("/root/jail/in")
open("/root/jail/in/x", "w").close()
here = cursor()
pid = os.fork()
if pid == 0:
    os.chroot("/root/jail")
    os.unlink("/in/x")
    os._exit(0)
os.waitpid(pid, 0)
got = [(r["UNLINK_FILENAME"], r["UNLINK_PATH"]) for r in settle(here, 1, pid)]
equal(got, [("/in/x", "/root/jail/in/x")], "a chroot's root is part of the path")

# Reload, good and bad.
here = cursor()
configure("[Watch only]\nPath=/srv/only\n")
reload()
os.makedirs("/srv/only", exist_ok=True)
for path in ("/srv/only/yes", "/srv/no"):
    open(path, "w").close()
    os.unlink(path)
got = [(r["UNLINK_PATH"], r["UNLINK_RULE"]) for r in settle(here, 1, os.getpid())]
equal(got, [("/srv/only/yes", "only")], "after a reload the new rules decide")
equal(len([r for r in journal(here) if r.get("MESSAGE_ID") == CONFIG_ACCEPTED]), 1,
      "the reload is in the journal")

here = cursor()
configure("[Watch only]\nPath=/srv\nUser=nobody-of-that-name\nPaht=/x\n")
reload()
open("/srv/no", "w").close()
os.unlink("/srv/no")
open("/srv/only/yes", "w").close()
os.unlink("/srv/only/yes")
got = [(r["UNLINK_PATH"], r["UNLINK_RULE"]) for r in settle(here, 1, os.getpid())]
equal(got, [("/srv/only/yes", "only")], "after a bad edit the old rules still decide")
said = [r["MESSAGE"] for r in journal(here) if r.get("MESSAGE_ID") == CONFIG_REJECTED]
ok(len(said) == 3 and "the rules in force stay" in said[0] and
   said[1].startswith("/etc/unlinkwatch.conf:3: ") and
   said[2].startswith("/etc/unlinkwatch.conf:4: "),
   "the journal names both lines of the bad edit", said)
equal(run("systemctl", "is-active", "unlinkwatchd").strip(), "active", "it is still active then")

# A bad file at the start.
here = cursor()
r = subprocess.run(["systemctl", "restart", "unlinkwatchd"], stdout=subprocess.PIPE,
                   stderr=subprocess.STDOUT)
ok(r.returncode != 0, "with a bad file it does not start")
equal(run("systemctl", "show", "-P", "ExecMainStatus", "unlinkwatchd").strip(), "78",
      "it exits with 78")
time.sleep(1)
equal(run("systemctl", "show", "-P", "NRestarts", "unlinkwatchd").strip(), "0",
      "and is not tried again")
r = subprocess.run(["unlinkwatchd", "--check-config"], stdout=subprocess.PIPE,
                   stderr=subprocess.PIPE)
lines = r.stderr.decode().splitlines()
ok(r.returncode == 1 and len(lines) == 2 and lines[0].startswith("/etc/unlinkwatch.conf:3: ") and
   not r.stdout, "--check-config prints both mistakes and exits with 1", lines)
# By kprobes from here on, as fentry leaves nothing behind that could be forgotten.
configure("[Watch all]\nExcludePath=/proc /sys /dev /run\n[Daemon]\nProbe=kprobe\n")
r = subprocess.run(["unlinkwatchd", "--check-config"], stdout=subprocess.PIPE,
                   stderr=subprocess.PIPE)
ok(r.returncode == 0 and not r.stderr, "--check-config is silent about a good file", r)
run("systemctl", "start", "unlinkwatchd")

# Stop: clean, and nothing stays behind.
here = cursor()
open("/srv/last", "w").close()
os.unlink("/srv/last")
run("systemctl", "stop", "unlinkwatchd")
equal([r["UNLINK_PATH"] for r in deletions(here, os.getpid())], ["/srv/last"],
      "what was deleted just before a stop is recorded")
equal(run("systemctl", "show", "-P", "Result", "unlinkwatchd").strip(), "success",
      "SIGTERM is a clean exit")
said = [r["MESSAGE"] for r in journal(here) if r.get("MESSAGE_ID") == STOPPED]
ok(len(said) == 1 and re.search(r"lost: 0$", said[0]),
   "it says that it stopped, and that nothing was lost", said)
with open("/sys/kernel/tracing/kprobe_events") as f:
    equal(f.read(), "", "no probe stays in tracefs")

# kill -9: the probes stay, and the next process goes on with them.
run("systemctl", "start", "unlinkwatchd")
first = main_pid()
run("systemctl", "kill", "-s", "KILL", "unlinkwatchd")
wait_for(lambda: main_pid() not in (0, first) and
         run("systemctl", "is-active", "unlinkwatchd", check=False).strip() == "active")
again = main_pid()
ok(again not in (0, first), "after a crash systemd starts it again")
with open("/sys/kernel/tracing/kprobe_events") as f:
    events = f.read()
ok(events.count("_%s " % first) > 8 and "_%s " % again not in events,
   "and it goes on with the probes of the one that crashed", events)

# The daemon answers a watchdog, idle and while it records without a pause.
WATCHDOG = 2
drop_in("[Service]\nWatchdogSec=%ds\n" % WATCHDOG)
run("systemctl", "restart", "unlinkwatchd")
pid = main_pid()
time.sleep(2 * WATCHDOG + 1)
equal(main_pid(), pid, "it answers a watchdog of %d seconds" % WATCHDOG)
text = run("systemctl", "show", "-P", "StatusText", "unlinkwatchd").strip()
ok(re.match(r"Watching by kprobe: \d+ seen, \d+ recorded, 0 lost$", text),
   "systemctl status shows the counts", text)
os.makedirs("/srv/busy", exist_ok=True)
before = status()["counters"]["seen"]
busy = subprocess.Popen(["sh", "-c",
                         "while /root/vm/deleters /srv/busy 8 2 2000 3 >/dev/null; do :; done"],
                        start_new_session=True)
time.sleep(3 * WATCHDOG)
still_busy = busy.poll() is None
os.killpg(busy.pid, signal.SIGKILL)
busy.wait()
seen = status()["counters"]["seen"] - before
print("# watchdog under load: %d deletions in %d s" % (seen, 3 * WATCHDOG))
equal((main_pid(), still_busy, seen > 1000), (pid, True, True), "and under load")
drop_in("")
configure("[Watch all]\nExcludePath=/proc /sys /dev /run\n")
restart()

# The status socket.
st = os.stat("/run/unlinkwatchd/status")
equal((stat.S_IMODE(st.st_mode), pwd.getpwuid(st.st_uid).pw_name, grp.getgrgid(st.st_gid).gr_name),
      (0o660, "unlinkwatchd", "systemd-journal"),
      "the status socket is for those who may read the journal")
clients = [socket.socket(socket.AF_UNIX) for _ in range(20)]
for client in clients:
    client.connect("/run/unlinkwatchd/status")
told = status()
equal((told["pid"], told["probe"], [r["name"] for r in told["rules"]]),
      (main_pid(), probe, ["all"]),
      "it tells the state of the daemon, also while twenty clients do not read")
for client in clients:
    client.close()

# ---- rights

def proc_status(pid):
    with open("/proc/%s/status" % pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def helpers():
    """Those that attach, by what they have as programs' arguments."""
    return [pid for pid in run("pgrep", "-f", "unlinkwatchd --attac[h]", check=False).split()]


configure("[Watch all]\nExcludePath=/proc /sys /dev /run\n[Daemon]\nProbe=kprobe\n")
restart()
wait_for(lambda: not helpers())
equal(helpers(), [], "who attaches has gone soon after the start")
rights = {}
here = cursor()
p = subprocess.Popen(["sh", "-c", "for i in $(seq 200); do : > /root/busy; rm /root/busy; done"])
main = main_pid()
while p.poll() is None:
    proc = proc_status(main)
    rights[tuple(proc[k] for k in ("Uid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"))] = True
    time.sleep(0.05)
equal(len([r for r in settle(here, 200) if r["UNLINK_FILENAME"] == "/root/busy"]), 200,
      "while it records by kprobes")
uid = str(pwd.getpwnam("unlinkwatchd").pw_uid)
# CAP_DAC_READ_SEARCH 2, CAP_PERFMON 38, CAP_BPF 39
caps = "%016x" % (1 << 2 | 1 << 38 | 1 << 39)
equal(list(rights), [("\t".join([uid] * 4), caps, caps, caps, caps, caps)],
      "it is not root and has three capabilities: CAP_SYS_ADMIN is in no set of them")
equal((proc["NoNewPrivs"], proc["Seccomp"]), ("1", "2"),
      "it has no new privileges and a system call filter")
equal(helpers(), [], "and nobody holds any for it")
scores = []
for pid in (main, main_pid("systemd-journald")):
    with open("/proc/%s/oom_score_adj" % pid) as f:
        scores.append(int(f.read()))
equal(scores, [-250, -250], "where memory runs out, it and journald are not the first to be killed")
here = cursor()
with open("/proc/%s/oom_score_adj" % main, "w") as f:
    f.write("1000")
open("/root/busy", "w").close()
with open("/proc/sysrq-trigger", "w") as f:
    f.write("f")  # as if there was no memory left
os.unlink("/root/busy")
wait_for(lambda: any(r.get("MESSAGE_ID") == CONTINUED for r in journal(here)))
said = {r["MESSAGE_ID"] for r in journal(here) if "MESSAGE_ID" in r}
ok(CONTINUED in said and not said & {STARTED, STOPPED} and
   main_pid() not in (0, main),
   "and if it is, systemd starts it again, and it goes on", journal(here))
equal([r["UNLINK_FILENAME"] for r in settle(here, 1, os.getpid())], ["/root/busy"],
      "what was deleted meanwhile is recorded")
ok(uid != "0" and int(uid) < 1000, "its user is a system user", uid)
for unit, most in (("unlinkwatchd.service", 1.5), ("unlinkwatchd-attach@x.service", 1.8)):
    text = run("systemd-analyze", "security", "--no-pager", unit, check=False)
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", text)
    print("# %s: %s" % (unit, level and level.group(1)))
    ok(level and float(level.group(1)) <= most, "systemd-analyze security %s: %s or lower" %
       (unit, most), text)

# ---- who attaches is there for the daemon alone, and for its own probes

PATH = "/run/unlinkwatchd-attach"
st = os.stat(PATH)
equal((stat.S_IMODE(st.st_mode), st.st_uid), (0o600, int(uid)),
      "the socket for attaching is the daemon's")


def ask(op, name, most=0):
    """The result of a question to who attaches."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect(PATH)
        s.send(struct.pack("=Ii64s", op, most, name))
        return struct.unpack("=i68x", s.recv(200))[0]


FACTS, PROBE, ATTACH, REMOVE = range(4)
with open("/sys/kernel/tracing/kprobe_events") as f:
    before = f.read()
equal([ask(*q) for q in ((PROBE, b"do_sys_openat2"), (PROBE, b"do_unlinkat\np:x do_exit"),
                         (PROBE, b"do_unlinkat", 9999),
                         (ATTACH, b"syscalls/sys_enter_openat"),
                         (ATTACH, b"../events/syscalls/sys_enter_unlink"),
                         (REMOVE, b"unlinkwatch/x\np:y do_exit"), (REMOVE, b"other/x"))],
      [-errno.EPERM] * 7,
      "it attaches to what the daemon watches, and removes what it made, nothing else")
equal((ask(REMOVE, b"x" * 64), ask(99, b"")), (-errno.EINVAL, -errno.EOPNOTSUPP),
      "and refuses what it does not understand")
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
    s.connect(PATH)
    s.send(b"short")
    equal(s.recv(200), b"", "it hangs up on what is not a question")
with open("/sys/kernel/tracing/kprobe_events") as f:
    equal(f.read(), before, "the probes are as they were")
user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "python3", "-c",
        "import socket; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect('%s')" % PATH)
ok("PermissionError" in run(*user, check=False), "others cannot ask")
run("systemctl", "stop", "unlinkwatchd")
wait_for(lambda: not os.path.exists(PATH))
ok(not os.path.exists(PATH), "the socket goes with the daemon")
configure("[Watch all]\nExcludePath=/proc /sys /dev /run\n")
run("systemctl", "start", "unlinkwatchd")
done()
