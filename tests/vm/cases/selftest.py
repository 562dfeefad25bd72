#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The daemon tests that its probe sees, at the start and later: kprobes that are disarmed make it
blind.
"""
import errno
import os
import pwd
import re
import signal
import subprocess
import time

from uwtest import (BLIND, SEES_AGAIN, STARTED, STOPPED, configure, cursor, deletions, done,
                    drop_in, equal, journal, leave_others, main_pid, message, ok, restart, run,
                    settle, touch, value)

DIR = "/srv/selftest"
ARMED = "/sys/kernel/debug/kprobes/enabled"
FTRACE = "/proc/sys/kernel/ftrace_enabled"
TICK = 0.4      # the probe has to pass its self-test at every fifth
PROOF = 5 * TICK
leave_others()
os.makedirs(DIR)
os.environ["UNLINKWATCH_TICK_MS"] = "%d" % (TICK * 1000)
drop_in("[Service]\nEnvironment=UNLINKWATCH_TICK_MS=%d\n" % (TICK * 1000))


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def counters(after):
    """Returns seen, recorded and lost, as the daemon says when it stops."""
    run("systemctl", "stop", "unlinkwatchd")
    stopped = [r["MESSAGE"] for r in journal(after) if r.get("MESSAGE_ID") == STOPPED]
    return [int(n) for n in re.findall(r": (\d+)", stopped[-1])]


def probe_in_use(after):
    """Returns the probe that the daemon named at its last start."""
    said = [r["MESSAGE"] for r in journal(after) if r.get("MESSAGE_ID") == STARTED]
    return re.match(r"watching deletions by (\w+)", said[-1]).group(1)


def seconds(text):
    """Returns the two times in the message that the daemon sees again."""
    return [time.strptime(t, "%Y-%m-%dT%H:%M:%SZ") for t in re.findall(r"\d{4}-\S+?Z", text)]


# ---- no other process passes for the daemon

configure("[Watch all]\n[Daemon]\nRingBufferSize=64K\n")
start = cursor()
restart()
runtime = "/run/unlinkwatchd"
st = os.stat(runtime)
ok(pwd.getpwuid(st.st_uid).pw_name == "unlinkwatchd" and not st.st_mode & 0o022,
   "nobody else can make files in its runtime directory", oct(st.st_mode))
here = cursor()
child = """
import os, threading
os.chdir(%r)
with open("/proc/self/comm", "w") as f:
    f.write("unlinkwatchd")
def imitate(n):
    for i in range(8):
        d = "unlinkwatchd.%%d%%d" %% (n, i)
        os.mkdir(d)
        for name in ("new", "old", "file"):
            open(d + "/" + name, "w").close()
        os.rename(d + "/new", d + "/old")
        os.unlink(d + "/old")
        os.unlink(d + "/file")
        os.rmdir(d)
threads = [threading.Thread(target=imitate, args=(n,)) for n in range(2)]
[t.start() for t in threads]
[t.join() for t in threads]
""" % runtime
p = subprocess.Popen(["python3", "-c", child])
p.wait()
equal(len(settle(here, 64, p.pid)), 64,
      "a process that does the same in the same place has all its records")
time.sleep(PROOF + 1)
everyone = deletions(start)
equal([r["MESSAGE"] for r in everyone if r["UNLINK_PID"] == r["_PID"]], [],
      "the daemon's own have none")
equal([m for m in (r["MESSAGE"] for r in journal(start)) if "proven" in m or "known whether" in m],
      [],
      "and it was proven to see all along")

# ---- a full ring buffer is not blindness

os.kill(main_pid(), signal.SIGSTOP)
for n in range(2000):
    touch(DIR + "/full")
    os.unlink(DIR + "/full")
os.kill(main_pid(), signal.SIGCONT)
time.sleep(PROOF + 2)
seen, recorded, lost = counters(start)
ok(lost > 0 and seen == recorded + lost, "a daemon that hung lost some, and the sum is right", seen,
   recorded, lost)
equal([r["MESSAGE"] for r in journal(start) if r.get("MESSAGE_ID") == BLIND], [],
      "it is not taken for blindness")

# ---- disarmed while it runs

RULE = "[Watch one]\nPath=%s/seen\nUser=0\nOperation=unlink\nResult=success\n" % DIR
configure(RULE)
start = cursor()
restart()
# Where fentry is preferred, kprobes are asked for, and there is nothing to go over to.
fallback = probe_in_use(start) == "kprobe"
if not fallback:
    configure(RULE + "[Daemon]\nProbe=kprobe\n")
    restart()
here = cursor()
disarmed = time.gmtime()
write(ARMED, "0")
blind = message(here, BLIND, 30)
ok(blind and blind["PRIORITY"] == "3" and
   blind["MESSAGE"].startswith("kprobe has stopped seeing deletions (it sees nothing"),
   "kprobes disarmed by hand: it says so, as an error", blind)
if not fallback:
    ok(message(here, None, text="no probe can be attached that sees"),
       "it says that there is none that it may take",
       [r["MESSAGE"] for r in journal(here)])
    write(ARMED, "1")
again = message(here, SEES_AGAIN)
ok(again and re.search("seen again, by (tracepoint|fentry|kprobe)\\b.*; not covered: ",
                       again["MESSAGE"]) and
   ("by kprobe" in again["MESSAGE"]) != fallback,
   "it goes over to the next, and says what that does not cover" if fallback
   else "it sees again once they are armed",
   again, [r["MESSAGE"] for r in journal(here)])
since, until = seconds(again["MESSAGE"])
ok(since <= disarmed <= until and since < until, "it says from when to when it may have been blind",
   again["MESSAGE"], disarmed)
ok(any(r["MESSAGE"].startswith("kprobe cannot be used: it can be attached, but it sees nothing")
       for r in journal(here)),
   "and why it does not take kprobes", [r["MESSAGE"] for r in journal(here)])
touch(DIR + "/seen")
os.unlink(DIR + "/seen")
equal([value(r["UNLINK_FILENAME"]) for r in settle(here, 1, os.getpid())],
      [DIR.encode() + b"/seen"],
      "what is deleted then is recorded")
ok(re.search("Watching by (tracepoint|fentry|kprobe):", run("systemctl", "status", "unlinkwatchd")),
   "the status names the probe in use")
seen, recorded, lost = counters(start)
ok(seen >= recorded and (recorded, lost) == (1, 0), "the counts go on over the change", seen,
   recorded, lost)

# ---- disarmed before it starts

write(ARMED, "0")
p = subprocess.run(["unlinkwatchd", "--probe=kprobe"], stderr=subprocess.PIPE, timeout=60)
ok(p.returncode == 1 and b"it can be attached, but it sees nothing" in p.stderr,
   "a kprobe that was asked for and sees nothing is an error", p.returncode, p.stderr)
write(ARMED, "1")

# ---- the other switch, and back: it is the same probe again

start = cursor()
restart()
equal(probe_in_use(start), "kprobe", "armed again, kprobes do")


def ftrace_switched():
    """Switches ftrace off and on again, where the kernel allows it; 7.3 does not."""
    try:
        write(FTRACE, "0")
    except OSError as e:
        with open(FTRACE) as f:
            equal((e.errno, f.read()), (errno.EOPNOTSUPP, "1\n"), "ftrace cannot be switched off")
        return
    blind = message(here, BLIND, 30)
    ok(blind and "sysctl kernel.ftrace_enabled=1" in blind["MESSAGE"],
       "kernel.ftrace_enabled=0 is noticed, too", blind)
    p = subprocess.run(["unlinkwatchd", "--probe=kprobe"], stderr=subprocess.PIPE, timeout=60)
    ok(p.returncode == 1 and b"kprobe cannot be used: ftrace is off" in p.stderr,
       "and no kprobe is made while it lasts: kernels do not survive its removal", p.returncode,
       p.stderr)
    write(FTRACE, "1")
    again = message(here, SEES_AGAIN)
    ok(again and "seen again, by kprobe on" in again["MESSAGE"],
       "the kprobes see again once it is on",
       again)
    equal(len([r for r in journal(here) if r.get("MESSAGE_ID") in (BLIND, SEES_AGAIN)]), 2,
          "each is said once")


here = cursor()
ftrace_switched()

# ---- a daemon that does not know its number

run("systemctl", "stop", "unlinkwatchd")
p = subprocess.Popen(["unshare", "--pid", "--fork", "--mount-proc", "unlinkwatchd", "--output=text",
                      "--config=/dev/null"],
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
first = next((line for line in p.stderr if "watching" in line), "")
ok("watching deletions by" in first, "in a pid namespace of its own: it knows its own deletions",
   first)
time.sleep(PROOF + 1)
subprocess.run(["pkill", "-P", str(p.pid), "unlinkwatchd"], check=True)
out, err = p.communicate(timeout=60)
equal([line for line in out.splitlines() if "comm=unlinkwatchd" in line], [],
      "and records none of them")
ok("stopped; " in err and "stopped seeing" not in err, "and sees to the end", err)
done()
