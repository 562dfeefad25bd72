#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
On hosts that lack something, --doctor names it and gives advice, and the daemon says what it cannot
record.
"""
import json
import os
import re
import subprocess

from uwtest import configure, cursor, done, equal, journal, ok, run, settle, STARTED, touch

PROGRAM = "/usr/sbin/unlinkwatchd"
DROPIN = "/run/systemd/system/unlinkwatchd-attach@.service.d"


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def doctor(*prefix, probe="kprobe"):
    """Returns the exit status and the findings by id."""
    p = subprocess.run([*prefix, PROGRAM, "--doctor", "--output=json", "--probe=" + probe],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=200)
    findings = [json.loads(line) for line in p.stdout.splitlines()]
    if p.stderr:
        print("# " + p.stderr.decode())
    return p.returncode, {f["id"]: f for f in findings}


def lacking(findings):
    return [i for i, f in findings.items() if f["state"] == "lacking"]


def says(findings, what, message, advice=None):
    f = findings.get(what, {})
    return message in f.get("message", "") and (advice is None or advice in f.get("advice", ""))


def refuses(*command):
    """The daemon must exit with status 1, as no probe can be attached. Returns its messages."""
    p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       timeout=200)
    refused = p.returncode == 1 and "no probe can be attached" in p.stderr
    return p.stderr if refused else "status %d\n%s" % (
        p.returncode, p.stderr)


kernel = os.uname().release

# ---- nothing is lacking: perf_event_paranoid does not restrict root

write("/proc/sys/kernel/perf_event_paranoid", "4")
status, found = doctor()
equal((status, lacking(found)), (0, []), "nothing is lacking on %s" % kernel)
ok(says(found, "result", "in full, by kprobe") and
   says(found, "perf-event-paranoid", "=4 does not stand in the way"),
   "--doctor tries a kprobe, which works", found.get("result"), found.get("perf-event-paranoid"))
ok(all(f["state"] in ("ok", "note", "lacking") and f["message"] and
       ("advice" in f or f["state"] != "lacking" or i.startswith("probe-")) for i,
       f in found.items()),
   "each finding has a state and a message, and advice if something is lacking", found)

# ---- an ordinary user

user = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups")
status, found = doctor(*user, probe="auto")
ok(status == 1 and
   says(found, "capabilities", "CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN", "run as root") and
   says(found, "result", "no deletion can be seen"),
   "--doctor tells an ordinary user which capabilities are needed", found)
said = refuses(*user, PROGRAM)
ok("this takes root" in said and said.count("cannot be used") >= 3,
   "the daemon of an ordinary user exits and says why", said)

# ---- capabilities

only = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin")
status, found = doctor(*only, probe="tracepoint")
ok(status == 1 and
   says(found, "perf-event-paranoid", "=4 asks for CAP_SYS_ADMIN", "grant CAP_SYS_ADMIN"),
   "without CAP_SYS_ADMIN --doctor names perf_event_paranoid", found)
ok(says(found, "probe-tracepoint", "cannot attach to syscalls/") and
   says(found, "probe-tracepoint", "ermi") and
   (says(found, "probe-tracepoint-raw", "works") or kernel.startswith("5.10.")),
   "without CAP_SYS_ADMIN probes that need perf_event_open(2) cannot be used", found)
neither = ("setpriv", "--bounding-set=-sys_admin,-perfmon", "--inh-caps=-sys_admin,-perfmon")
status, found = doctor(*neither)
ok(status == 1 and says(found, "capabilities", "CAP_PERFMON") and
   says(found, "probe-kprobe", "does not accept"),
   "without CAP_PERFMON --doctor names it, and the kernel accepts no program", found)

# ---- locked memory

locked = ("prlimit", "--memlock=65536:65536", "setpriv", "--bounding-set=-sys_resource",
          "--inh-caps=-sys_resource")
status, found = doctor(*locked)
if kernel.startswith("5.10."):
    ok(status == 1 and says(found, "memlock", "limited to 64 KiB", "LimitMEMLOCK=infinity"),
       "--doctor names the limit of locked memory on a kernel that charges maps to it", found)
    said = refuses(*locked, PROGRAM, "--probe=kprobe")
    ok("kprobe cannot be used" in said, "with that limit the daemon exits", said)
else:
    ok(status == 0 and says(found, "memlock", "does not charge"),
       "a limit of locked memory does not matter to this kernel", found)

# ---- no BTF

hidden = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/kernel/btf && exec "$@"',
          "sh")
status, found = doctor(*hidden, probe="tracepoint")
ok(status == 1 and says(found, "btf", "no BTF", "CONFIG_DEBUG_INFO_BTF") and
   says(found, "probe-tracepoint", "no BTF") and says(found, "probe-tracepoint-plain", "works"),
   "without BTF --doctor names it, and plain tracepoints work", found)

# ---- kprobes that see nothing

write("/sys/kernel/debug/kprobes/enabled", "0")
status, found = doctor()
write("/sys/kernel/debug/kprobes/enabled", "1")
ok(status == 1 and
   says(found, "kprobes-armed", "disarmed", "echo 1 > /sys/kernel/debug/kprobes/enabled") and
   says(found, "probe-kprobe", "can be attached, but it sees nothing"),
   "--doctor says that kprobes are disarmed", found)
write("/proc/sys/kernel/ftrace_enabled", "0")
status, found = doctor()
write("/proc/sys/kernel/ftrace_enabled", "1")
ok(status == 1 and says(found, "ftrace", "it is off", "sysctl kernel.ftrace_enabled=1") and
   says(found, "probe-kprobe", "cannot be used: ftrace is off"),
   "--doctor says that ftrace is off, and that no kprobe can be used", found)

# ---- the service with fewer capabilities uses another probe

if not kernel.startswith("5.10."):
    os.makedirs(DROPIN)
    write(DROPIN + "/caps.conf", "[Service]\nCapabilityBoundingSet=~CAP_SYS_ADMIN\n")
    configure("[Watch all]\n")
    run("systemctl", "daemon-reload")
    start = cursor()
    run("systemctl", "start", "unlinkwatchd")
    said = [r["MESSAGE"] for r in journal(start)]
    # fentry, where there is one, needs no perf_event_open(2) either.
    started = [r["MESSAGE"] for r in journal(start) if r.get("MESSAGE_ID") == STARTED]
    ok(any(re.match("watching deletions by fentry.*not covered: ", m) for m in started) or
       (any(re.match("watching deletions by tracepoint of all system calls.*not covered: ", m)
            for m in started) and
        any(m.startswith("kprobe cannot be used: cannot attach to") for m in said)),
       "the service without CAP_SYS_ADMIN says which probe it uses, why, and what that does not "
       "cover", said)
    touch("/srv/left")
    os.unlink("/srv/left")
    equal([r["UNLINK_FILENAME"] for r in settle(start, 1, os.getpid())], ["/srv/left"],
          "the service without CAP_SYS_ADMIN records a deletion")
done()
