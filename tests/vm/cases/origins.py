#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Who is above a deletion, for a table of ways in which files are deleted on a host. The witness is
the file system: a FUSE server lets each deletion wait until it has written down who is there, as
/proc has it at that moment. Takes the packages LOGINS of tests/run.
"""
import collections
import ctypes
import glob
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess

import uwfuse
from uwconform import kernel, skip
from uwevade import mount
from uwtest import (SSH, configure, cursor, deletions, done, drained, equal, in_child, need,
                    ok, restart, run, ssh_user, value)
from uwwitness import chain, comm, parse

DIR, BOX, LOG = "/srv/origins", "/srv/box", "/run/origins.log"
PROGRAMS = "/usr/local/bin/"
SYS_CLONE, CLONE_PARENT = 56, 0x8000    # of x86
PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 15, 36
HOSTILE = b'\x1b[2J"\\\xff\n'
libc = ctypes.CDLL(None)


class Witness(uwfuse.Server):
    def answer(self, opcode, node, body):
        if opcode == uwfuse.UNLINK:
            with open("/proc/%d/status" % self.caller, "rb") as f:
                pid = int(re.search(rb"^Tgid:\t(\d+)", f.read(), re.M)[1])
            with open(LOG, "a") as f:
                f.write(json.dumps((os.fsdecode(body[:-1]), self.caller, pid, comm(pid),
                                    chain(pid))) + "\n")
        return super().answer(opcode, node, body)


# ---- what the origins use

# Deletes a file when a process is gone; deletes it some levels below.
SCRIPTS = {
    "orphan": '#!/bin/sh\nwhile kill -0 $1 2>/dev/null; do sleep 0.02; done\nrm -f "$2"\n',
    "nest": '#!/bin/sh\nif [ $1 = 1 ]; then rm -f "$2"; else nest $(($1 - 1)) "$2"; fi\n',
}
PYTHON = """
import ctypes, os, subprocess, sys, threading, time
prctl, syscall, path = ctypes.CDLL(None).prctl, ctypes.CDLL(None).syscall, sys.argv[1]
rm = lambda: subprocess.run(["rm", "-f", path])
"""


def sh(script, shell="sh"):
    """Waits for the shell alone: what it leaves behind would keep a pipe open."""
    subprocess.run([shell, "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def python(script, path):
    run("python3", "-c", PYTHON + script, path)


def as_alice(*command):
    run("runuser", "-u", "alice", "--", *command)


def ssh(path, *options):
    run(*SSH, *options, "alice@127.0.0.1", "rm -f " + path)


def called(name, work):
    libc.prctl(PR_SET_NAME, name, 0, 0, 0)
    work()


def program_32(path):
    """An executable for i386 that deletes what its first argument names."""
    code = bytes.fromhex("8b5c2408"     # mov ebx, [esp + 8]
                         "b80a000000cd80"   # unlink(ebx)
                         "89c3b801000000cd80")  # exit(the result)
    start, size = 0x8048000, 84 + len(code)
    with open(path, "wb") as f:
        f.write(struct.pack("<16s2H5I6H", b"\x7fELF\1\1\1", 2, 3, 1, start + 84, 52, 0, 0, 52, 32,
                            1, 0, 0, 0))
        f.write(struct.pack("<8I", 1, 0, start, start, size, size, 5, 0x1000) + code)
    os.chmod(path, 0o755)


def typed(line):
    """Types it into a shell on a terminal."""
    pid, fd = pty.fork()
    if not pid:
        os.execvp("bash", ["bash", "--norc", "-i"])
    os.write(fd, (line + "\nexit\n").encode())
    try:
        while os.read(fd, 4096):
            pass
    except OSError:     # the terminal is closed
        os.close(fd)
    os.waitpid(pid, 0)


def killed(script):
    """Kills a shell when it has a child."""
    with subprocess.Popen(["sh", "-c", script + "; true"]) as p:
        need(lambda: run("pgrep", "-P", str(p.pid), check=False), "a child")
        p.kill()


def subreaper(work):
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    called(b"reaper", work)
    os.wait()


def cloned(path):
    """A child of its creator's parent."""
    def clone():
        if not libc.syscall(SYS_CLONE, CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0):
            os.execv("/bin/rm", ["rm", "-f", path])
    in_child(lambda: called(b"cloner", clone))
    os.wait()


def uring(path, way="uring"):
    subprocess.run(["victims", "via", way, "unlinkat", "cwd", path, "0"], input=b"x",
                   stdout=subprocess.PIPE, check=True)


def udev(path):
    with open("/run/udev/rules.d/origins.rules", "w") as f:
        f.write('KERNEL=="null", ACTION=="change", RUN+="/bin/rm -f %s"\n' % path)
    run("udevadm", "control", "--reload")
    run("udevadm", "trigger", "--settle", "--action=change", "/sys/class/mem/null")
    os.unlink("/run/udev/rules.d/origins.rules")


def core_dump(path):
    """The kernel itself starts the program for core dumps."""
    pattern = "/proc/sys/kernel/core_pattern"
    with open(pattern) as f:
        before = f.read()
    with open(pattern, "w") as f:
        f.write("|/bin/rm -f " + path)
    subprocess.run(["sh", "-c", "kill -SEGV $$"], check=False)
    with open(pattern, "w") as f:
        f.write(before)


def tmpfiles(path):
    with open("/run/origins.conf", "w") as f:
        f.write("r %s\n" % path)
    run("systemd-tmpfiles", "--remove", "/run/origins.conf")


def of_manager(path):
    """By alice's service manager, which is a subreaper, too."""
    run("loginctl", "enable-linger", "alice")
    need(lambda: os.path.exists("/run/user/1000/systemd/private"), "alice's service manager")
    as_alice("env", "XDG_RUNTIME_DIR=/run/user/1000", "systemd-run", "--user", "--quiet", "rm",
             "-f", path)


def nspawn(*command):
    return ["systemd-nspawn", "--quiet", "--directory=" + BOX, "--machine=box", "--pipe",
            "--bind=" + DIR, *command]


def into_container(path):
    with subprocess.Popen(nspawn("/sleep", "60"), stdout=subprocess.DEVNULL) as p:
        inside = need(lambda: run("pgrep", "-x", "-P", str(p.pid), "sleep", check=False),
                      "a container").strip()
        run("nsenter", "-t", inside, "-m", "-p", "/rm", "-f", path)
        os.kill(int(inside), signal.SIGKILL)


def cron(script):
    """Returns what has cron start the job in the next minute."""
    def start(path):
        with open("/etc/cron.d/origins-" + os.path.basename(path), "w") as f:
            f.write("* * * * * root %s\n" % (script % path))
    return start


def run_parts(path):
    os.mkdir("/etc/origins")
    with open("/etc/origins/job", "w") as f:
        f.write("#!/bin/sh\nrm -f %s\n" % path)
    os.chmod("/etc/origins/job", 0o755)
    cron("run-parts /etc/origins; true # %s")(path)


PARENT_ENDS = "orphan $$ %s & true"
BELOW_CLAUDE = "claude -c 'sh -c \"bash -c \\\"rm -f %s; true\\\"; true\"; true'"
PID_1_REAPS = "unshare -p -f sh -c 'sh -c \"orphan \\$\\$ %s & true\"; " \
              "while [ -e %s ]; do sleep 0.05; done'"
MAKE = "printf 'all: a b\\na:;rm -f %s\\nb:;true\\n' | make -s -j2 -f -"
IN_MEMORY = """
fd = os.memfd_create("script", 0)
os.write(fd, b"#!/bin/sh\\nrm -f %s\\n" % path.encode())
os.execve(fd, ["script"], os.environ)
"""
BY_THREAD = """
t = threading.Thread(target=os.unlink, args=(path,))
t.start()
t.join()
"""
CHILD_OF_THREAD = """
t = threading.Thread(target=lambda: (prctl(15, b"helper", 0, 0, 0), rm()))
t.start()
t.join()
"""
CHILD_OF_FORMER_THREAD = """
children = []
t = threading.Thread(target=lambda: children.append(
    subprocess.Popen(["sh", "-c", "read x; rm -f " + path + "; true"], stdin=subprocess.PIPE)))
t.start()
t.join()
time.sleep(0.1)
children[0].communicate(b"x\\n")
"""
FIRST_THREAD_HAS_ENDED = """
threading.Thread(target=lambda: (time.sleep(0.2), rm(), os._exit(0))).start()
syscall(60, 0)
"""

# What deletes a file, and the names from the process that does it on: of what is no less than the
# origin. Those of cron come first, as their minute passes while the others are tried.
ORIGINS = {
    "cron": (cron("rm -f %s"), "rm sh cron cron systemd"),
    "cron, run-parts": (run_parts, "rm job run-parts sh cron cron systemd"),
    "an interactive shell": (lambda p: typed("rm -f " + p), "rm bash origins.py"),
    "sh -c": (lambda p: sh("rm -f " + p), "rm sh origins.py"),
    "bash": (lambda p: sh("rm -f %s; true" % p, "bash"), "rm bash origins.py"),
    "a pipeline": (lambda p: sh("true | rm -f %s | cat" % p), "rm sh origins.py"),
    "a subshell": (lambda p: sh("(rm -f %s; true); true" % p), "rm sh sh origins.py"),
    "in the background": (lambda p: sh("rm -f %s & wait" % p), "rm sh origins.py"),
    "nohup": (lambda p: sh("nohup sh -c 'rm -f %s; true'; true" % p), "rm sh sh origins.py"),
    "setsid": (lambda p: sh("setsid -w sh -c 'rm -f %s; true'; true" % p), "rm sh sh origins.py"),
    "bash, disown": (lambda p: sh("orphan $$ %s & disown" % p, "bash"), "rm orphan systemd"),
    "sudo": (lambda p: as_alice("sudo", "rm", "-f", p), "rm sudo runuser origins.py"),
    "su -c": (lambda p: run("su", "alice", "-c", "rm -f " + p), "rm su origins.py"),
    "su -": (lambda p: run("su", "-", "alice", "-c", "rm -f %s; true" % p),
             "rm bash su origins.py"),
    "runuser": (lambda p: run("runuser", "alice", "-c", "rm -f " + p), "rm runuser origins.py"),
    "doas": (lambda p: as_alice("doas", "rm", "-f", p), "rm doas runuser origins.py"),
    "pkexec": (lambda p: run("pkexec", "rm", "-f", p), "rm"),
    "ssh": (ssh, "rm sshd sshd sshd systemd"),
    "ssh with a terminal": (lambda p: ssh(p, "-tt"), "rm sshd sshd sshd systemd"),
    "sftp": (lambda p: sh("echo rm %s | sftp -b - %s alice@127.0.0.1" % (p, " ".join(SSH[1:]))),
             "sftp-server sshd sshd sshd systemd"),
    "at": (lambda p: sh("echo rm -f %s | at now" % p), "rm sh atd atd systemd"),
    "a timer": (lambda p: run("systemd-run", "--quiet", "--on-active=1",
                              "--timer-property=AccuracySec=10ms", "rm", "-f", p), "rm systemd"),
    "a service": (lambda p: run("systemd-run", "--quiet", "--wait", "rm", "-f", p), "rm systemd"),
    "a scope": (lambda p: run("systemd-run", "--quiet", "--scope", "rm", "-f", p),
                "rm origins.py"),
    "a user's service": (of_manager, "rm systemd systemd"),
    "systemd-tmpfiles": (tmpfiles, "systemd-tmpfile origins.py"),
    "udev": (udev, "rm (udev-worker) systemd-udevd systemd"),
    "tmux": (lambda p: run("tmux", "new-session", "-d", "rm -f %s; true" % p),
             "rm bash tmux:_server systemd"),
    "make -j": (lambda p: sh(MAKE % p), "rm make sh origins.py"),
    "xargs -P": (lambda p: sh("echo %s | xargs -P 4 rm -f" % p), "rm xargs sh origins.py"),
    "find -delete": (lambda p: run("find", p, "-delete"), "find origins.py"),
    "find -exec": (lambda p: run("find", p, "-exec", "rm", "-f", "{}", ";"),
                   "rm find origins.py"),
    "perl": (lambda p: run("perl", "-e", "unlink shift", p), "perl origins.py"),
    "python": (lambda p: python("os.unlink(path)", p), "python3 origins.py"),
    "a thread": (lambda p: python(BY_THREAD, p), "python3 origins.py"),
    "a child of a thread": (lambda p: python(CHILD_OF_THREAD, p), "rm python3 origins.py"),
    "a child of a thread that has ended": (lambda p: python(CHILD_OF_FORMER_THREAD, p),
                                           "rm sh python3 origins.py"),
    "a child of a process whose first thread has ended":
        (lambda p: python(FIRST_THREAD_HAS_ENDED, p), "rm python3 origins.py"),
    "posix_spawn": (lambda p: os.waitpid(os.posix_spawn("/bin/rm", ["rm", "-f", p], os.environ),
                                         0), "rm origins.py"),
    "clone(CLONE_PARENT)": (cloned, "rm origins.py"),
    "a program in memory": (lambda p: python(IN_MEMORY, p), "rm"),
    "a 32-bit program": (lambda p: run("program32", p), "program32 origins.py"),
    "io_uring": (uring, "victims origins.py"),
    "io_uring with a polling thread": (lambda p: uring(p, "sqpoll"), "victims origins.py"),
    "an orphan": (lambda p: sh(PARENT_ENDS % p), "rm orphan systemd"),
    "a daemon that forks twice": (lambda p: sh("setsid sh -c '%s' & wait" % (PARENT_ENDS % p)),
                                  "rm orphan systemd"),
    "a parent that was killed": (lambda p: killed("orphan $$ " + p), "rm orphan systemd"),
    "a grandparent that was killed": (lambda p: killed("sh -c 'orphan $PPID %s; true'" % p),
                                      "rm orphan sh systemd"),
    "an orphan of a subreaper": (lambda p: in_child(lambda: subreaper(lambda: sh(PARENT_ENDS % p))),
                                 "rm orphan reaper origins.py"),
    "a killed parent below a subreaper": (
        lambda p: in_child(lambda: subreaper(lambda: killed("orphan $$ " + p))),
        "rm orphan reaper origins.py"),
    "chroot": (lambda p: run("chroot", BOX, "/rm", "-f", p), "rm origins.py"),
    "a pid namespace": (lambda p: run("unshare", "-p", "-f", "sh", "-c", "rm -f %s; true" % p),
                        "rm sh unshare origins.py"),
    "an orphan in a pid namespace": (lambda p: sh(PID_1_REAPS % (p, p)),
                                     "rm orphan sh unshare sh origins.py"),
    "a user namespace": (lambda p: run("unshare", "-U", "-r", "sh", "-c", "rm -f %s; true" % p),
                         "rm sh origins.py"),
    "a container": (lambda p: run(*nspawn("/rm", "-f", p)), "rm systemd-nspawn origins.py"),
    "nsenter into a container": (into_container, "rm nsenter origins.py"),
    "the program for core dumps": (core_dump, "rm kthreadd"),
    "a script below an agent": (lambda p: sh(BELOW_CLAUDE % p), "rm bash sh claude sh origins.py"),
    "more levels than are recorded": (lambda p: run("nest", "10", p), "rm" + " nest" * 8),
    "a process with another name": (
        lambda p: in_child(lambda: called(b"kworker/0:1", lambda: sh("rm -f " + p))),
        "rm sh kworker/0:1 origins.py"),
    "a name that looks like a chain": (
        lambda p: in_child(lambda: called(b"x[1]<y", lambda: sh("rm -f " + p))),
        "rm sh x[1]<y origins.py"),
    "a name with odd bytes": (
        lambda p: in_child(lambda: called(HOSTILE, lambda: sh("rm -f " + p))),
        "rm sh %s origins.py" % os.fsdecode(HOSTILE).replace("\n", "_")),
    "a name of no bytes": (lambda p: in_child(lambda: called(b"", lambda: sh("rm -f " + p))),
                           "rm sh  origins.py"),
}
SINCE = {"io_uring": (5, 11), "io_uring with a polling thread": (5, 11)}
UNDER = ("claude", "cron", "atd", "sshd", "sudo", "make", "reaper", "nest", "tmux: server",
         "systemd-nspawn", "kthreadd", os.fsdecode(HOSTILE))


def prepare():
    ssh_user()
    with open("/etc/doas.conf", "w") as f:
        f.write("permit nopass alice\n")
    for name, text in SCRIPTS.items():
        with open(PROGRAMS + name, "w") as f:
            f.write(text)
        os.chmod(PROGRAMS + name, 0o755)
    run("install", "-m", "755", "victims", PROGRAMS)
    shutil.copy("/bin/dash", PROGRAMS + "claude")
    program_32(PROGRAMS + "program32")
    for d in (DIR, BOX + DIR, BOX + "/usr", BOX + "/etc", "/run/udev/rules.d"):
        os.makedirs(d, exist_ok=True)
    with open(BOX + "/etc/os-release", "w") as f:
        f.write("ID=test\n")
    for name in ("rm", "sleep"):
        shutil.copy("/bin/busybox", BOX + "/" + name)
    run("modprobe", "fuse")


def try_all(files):
    """Returns the witness's word on each file."""
    for title, name in files.items():
        ORIGINS[title][0](DIR + "/" + name)
        if "cron" not in title:
            need(lambda name=name: not os.path.exists(DIR + "/" + name), "the deletion by " + title)
    need(lambda: not any(os.path.exists(DIR + "/" + name) for name in files.values()), "cron", 70)
    with open(LOG) as f:
        return {name: rest for name, *rest in map(json.loads, f)}


def index_of(record):
    """The values of UNLINK_ANCESTOR."""
    values = record.get("UNLINK_ANCESTOR", [])
    if isinstance(values, str) or values and isinstance(values[0], int):
        values = [values]
    return sorted(os.fsdecode(value(v)) for v in values)


def probed():
    with open("/sys/kernel/tracing/kprobe_events") as f:
        return "vfs_unlink" in f.read()


def kernel_thread(title):
    """devtmpfs has one, which deletes nodes. nfsd takes the same way."""
    run("modprobe", "nfsd")     # or else nobody watches them
    need(probed, "the probes for kernel threads")
    run("modprobe", "loop")
    need(lambda: os.path.exists("/dev/loop-control"), "a device")
    run("modprobe", "-r", "loop")
    return need(lambda: [r for r in deletions(here) if r["UNLINK_COMM"] == "kdevtmpfs"],
                title)[0]


def who(name):
    out = subprocess.run(["unlinkwatchctl", "who", "--json", "--under=" + name, DIR + "/"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return sorted({os.path.basename(json.loads(line)["path"]) for line in out.splitlines()})


prepare()
names = {title: "o%d" % i for i, title in enumerate(ORIGINS) if kernel >= SINCE.get(title, (0, 0))}
Witness({name: b"" for name in names.values()}).mount(
    DIR, lambda *a: mount(*a[:-1], a[-1] + ",allow_other"))
run("mount", "--bind", DIR, BOX + DIR)
configure("[Watch origins]\nPath=%s /dev/loop-control\n" % DIR)
restart()
here = cursor()
run("systemctl", "restart", "cron")
seen = try_all(names)
for job in glob.glob("/etc/cron.d/origins-*"):
    os.unlink(job)
drained()
found = collections.defaultdict(list)
for r in deletions(here):
    if r["UNLINK_RET"] == "0":
        found[os.path.basename(os.fsdecode(value(r["UNLINK_FILENAME"])))].append(r)
print("# table: origin on Linux %d.%d | chain" % kernel)
for title, (_, expected) in ORIGINS.items():
    if title not in names:
        skip(title, "not on this kernel")
        continue
    tid, pid, own, above = seen[names[title]]
    above = [tuple(a) for a in above]
    record, *more = found[names[title]] or [{}]
    print("# row: %s | %s[%s] < %s" % (title, record.get("UNLINK_COMM"), record.get("UNLINK_PID"),
                                       record.get("UNLINK_ANCESTORS")))
    shown = " ".join(re.sub(r"\s", "_", n) for n in (own, *(n for n, _ in above)))
    ok((shown + " ").startswith(expected + " "), title + ": the origin", shown)
    equal((record.get("UNLINK_TID"), record.get("UNLINK_PID"),
           parse(record.get("UNLINK_ANCESTORS", "")), index_of(record), more),
          (str(tid), str(pid), above[:8], sorted({n for n, i in above[:8] if i != 1}), []),
          title)
for under in UNDER:
    equal(who(under), sorted(name for name, (_, _, own, above) in seen.items()
                             if under in (own, *(n for n, _ in above[:8]))),
          "who --under=%r" % under)
of_kernel = kernel_thread("a kernel thread")
print("# row: a kernel thread | %s[%s]" % (of_kernel["UNLINK_COMM"], of_kernel["UNLINK_PID"]))
equal((of_kernel["UNLINK_VIA"], of_kernel.get("UNLINK_ANCESTORS"), index_of(of_kernel)),
      ("kernel", None, []), "a kernel thread has no chain")
done()
