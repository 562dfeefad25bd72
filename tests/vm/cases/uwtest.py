# SPDX-License-Identifier: MIT
"""
What the cases share. A case runs in the guest as root and prints one line of TAP for each thing
that it checks.
"""
import collections
import json
import os
import re
import socket
import subprocess
import sys
import time

CONF = "/etc/unlinkwatch.conf"
DELETED = "a6c751c249b34f8faa0766c0d92d85c6"
MOVED = "50fcdba403f040b1921c6db500e1da40"
FAILED = "127b0dfe915e4bfa82c4947e1edbf697"
UNKNOWN = "19d13c0bf1d740bfbf88fbb9cfce59d8"
CONFIG_ACCEPTED = "b1bb670d007a44548bedcda6e7647afd"
CONFIG_REJECTED = "081240c13d574be7b97f172458373651"
STARTED = "c161085fe1c64fa5887d2c6faeac2f4d"
FLOOD = "925b2cc9a18c4b0eadfea7aff523b595"
LOSS = "d250303bc46f4c998030df4a7ed8cba1"
CONTINUED = "97b5a69c36c640c8a95eeb8a1d721e05"
STOPPED = "f99c8f913ee441b5875e79c1df369483"
BLIND = "7b78a763f7d74366a36f275e2f0e0ebe"
SEES_AGAIN = "cb35640ace5848098253b2120de8b7f9"

_count = 0
_failed = 0


def ok(good, title, *why):
    """Counts one check. Prints `why` only if the check failed."""
    global _count, _failed
    _count += 1
    print("%s %d - %s" % ("ok" if good else "not ok", _count, title.replace("#", "\\#")))
    if not good:
        _failed += 1
        for text in why:
            for line in str(text).splitlines()[:30]:
                print("# " + line)
    sys.stdout.flush()
    return good


def equal(got, expected, title):
    return ok(got == expected, title, "expected: %r" % (expected,), "got:      %r" % (got,))


def done():
    print("# kernel: " + os.uname().release)
    print("1..%d" % _count)
    sys.exit(1 if _failed else 0)


def run(*command, check=True):
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if check and r.returncode:
        sys.exit("# %s: %d\n%s" % (" ".join(command), r.returncode, r.stdout.decode()))
    return r.stdout.decode(errors="replace")


def wait_for(condition, seconds=60, every=0.05):
    """
    Returns the first true value of the condition, or its last one when the time is up. It is asked
    at least twice.
    """
    end = time.monotonic() + seconds
    while not (got := condition()):
        if time.monotonic() > end:
            return condition()
        time.sleep(every)
    return got


def need(condition, what, seconds=60, every=0.05):
    """
    The same for what the rest of the case builds on: ends the case if it does not come true in
    time.
    """
    got = wait_for(condition, seconds, every)
    if not got:
        sys.exit("# %s: not within %g s" % (what, seconds))
    return got


def drop_in(text, name="test"):
    """Adds to the service's unit, from its next start on; an empty text adds nothing."""
    os.makedirs("/run/systemd/system/unlinkwatchd.service.d", exist_ok=True)
    with open("/run/systemd/system/unlinkwatchd.service.d/%s.conf" % name, "w") as f:
        f.write(text)
    run("systemctl", "daemon-reload")


def value(v):
    """
    Returns a field of journalctl -o json as bytes. journalctl prints what is not text as an array
    of numbers.
    """
    if isinstance(v, list) and v and isinstance(v[0], int):
        return bytes(v)
    return v.encode()


def cursor():
    run("journalctl", "--sync")
    for line in run("journalctl", "-n0", "--show-cursor").splitlines():
        if line.startswith("-- cursor: "):
            return line[len("-- cursor: "):]
    sys.exit("# the journal has no cursor")


def journal(after):
    """
    Returns the daemon's records after a cursor, oldest first. journalctl does not select them: if
    it has a match, --after-cursor of systemd 252 skips the first record that matches.
    """
    run("journalctl", "--sync")
    out = subprocess.run(["journalctl", "-a", "-o", "json", "--after-cursor", after],
                         stdout=subprocess.PIPE, check=True).stdout
    records = (json.loads(line) for line in out.splitlines() if b'"unlinkwatchd"' in line)
    return [r for r in records if r.get("SYSLOG_IDENTIFIER") == "unlinkwatchd"]


class Tail:
    """The daemon's records after a cursor. Each is read only once, as there may be millions."""

    def __init__(self, after):
        self.after = after

    def more(self, *fields):
        """Yields the records since the last call, oldest first, with these fields only."""
        run("journalctl", "--sync")
        wanted = ",".join(("SYSLOG_IDENTIFIER", "MESSAGE_ID") + fields)
        with subprocess.Popen(["journalctl", "-a", "-o", "json", "--output-fields=" + wanted,
                               "--after-cursor", self.after],
                              stdout=subprocess.PIPE) as p:
            for line in p.stdout:
                r = json.loads(line)
                self.after = r["__CURSOR"]
                if r.get("SYSLOG_IDENTIFIER") == "unlinkwatchd":
                    yield r
        if p.returncode:
            sys.exit("# journalctl: %d" % p.returncode)


LOSS_CAUSES = ("RING_FULL", "RING_SHARE", "STATE_FULL", "SKIPPED", "UNDECODABLE", "SINK_FAILED")


class Account:
    """Sums of what the journal has after a cursor. read() goes on where it stopped."""

    def __init__(self, after):
        self.tail = Tail(after)
        self.singles = collections.Counter()  # (name, ret) as text, of what has a record of its own
        self.floods = collections.Counter()   # COUNT, SUCCEEDED, FAILED, UNKNOWN of the summaries
        self.losses = []                      # the reports
        self.said = collections.Counter()     # MESSAGE_IDs
        self.lost = 0

    def read(self):
        kinds = ("COUNT", "SUCCEEDED", "FAILED", "UNKNOWN")
        for r in self.tail.more("UNLINK_FILENAME", "UNLINK_RET",
                                *("UNLINK_FLOOD_" + k for k in kinds), "UNLINK_LOST",
                                *("UNLINK_LOST_" + c for c in LOSS_CAUSES)):
            what = r.get("MESSAGE_ID")
            self.said[what] += 1
            if what in (DELETED, MOVED, FAILED):
                self.singles[r["UNLINK_FILENAME"], r["UNLINK_RET"]] += 1
            elif what == FLOOD:
                self.floods.update({k: int(r["UNLINK_FLOOD_" + k]) for k in kinds})
            elif what == LOSS:
                self.losses.append(r)
                self.lost += int(r["UNLINK_LOST"])

    def recorded(self):
        return self.said[DELETED] + self.said[MOVED] + self.said[FAILED]

    def settle(self, count, seconds=120):
        """
        Waits until records, summaries and losses add up to `count`, and a second more for what
        would come twice.
        """
        def complete():
            self.read()
            return self.recorded() + self.floods["COUNT"] + self.lost >= count
        wait_for(complete, seconds + count / 500, 0.5)
        time.sleep(1)
        self.read()


def keep_journal():
    """
    Makes room for records of hundreds of thousands of deletions: journald's own limit is a tenth
    of the disk.
    """
    os.makedirs("/run/systemd/journald.conf.d", exist_ok=True)
    with open("/run/systemd/journald.conf.d/test.conf", "w") as f:
        f.write("[Journal]\nSystemMaxUse=3G\nSystemKeepFree=100M\n")
    run("systemctl", "restart", "systemd-journald")


def deletions(after, *pids):
    """Returns the daemon's records of deletions, only those by these processes if any are given."""
    wanted = [str(pid) for pid in pids]
    ids = (DELETED, MOVED, FAILED)
    return [r for r in journal(after) if r.get("MESSAGE_ID") in ids and
            (not wanted or r["UNLINK_PID"] in wanted)]


def configure(text):
    """
    Writes the configuration. Storms are recorded in full unless it has a [Storm]: the cases
    compare each record.
    """
    with open(CONF, "w") as f:
        f.write(text if "[Storm]" in text else text.rstrip("\n") + "\n[Storm]\nBurst=0\n")


def restart():
    """
    Stops and starts the daemon, which begins anew: after a restart it would go on with the probes
    and the counts.
    """
    run("systemctl", "stop", "unlinkwatchd")
    run("systemctl", "start", "unlinkwatchd")


def unbalanced(counters):
    """Returns how many deletions the daemon saw and did not count as anything else: 0."""
    return counters["seen"] - sum(counters[k] for k in ("recorded", "filtered", "summarised",
                                                        "in_flight", "queued")) - \
        counters["lost"]["total"]


def main_pid(unit="unlinkwatchd"):
    return int(run("systemctl", "show", "-P", "MainPID", unit))


def reload():
    """
    Returns when the daemon has decided about the new configuration. The signal alone waits for
    nothing.
    """
    here = cursor()
    run("systemctl", "reload", "unlinkwatchd")
    need(lambda: any(r.get("MESSAGE_ID") in (CONFIG_ACCEPTED, CONFIG_REJECTED)
                     for r in journal(here)), "answer to a reload")


def settle(after, count, *pids, seconds=60):
    """
    Waits until the journal has `count` deletions by these processes. Returns what it has, even if
    it has fewer.
    """
    records = []

    def enough():
        records[:] = deletions(after, *pids)
        return len(records) >= count
    wait_for(enough, seconds, 0.3)
    return records


def message(after, message_id, seconds=60, text=""):
    """
    Waits for the daemon's first record with this id and this text in its message. Returns it, or
    None.
    """
    return wait_for(lambda: next((r for r in journal(after) if r.get("MESSAGE_ID") == message_id and
                                  text in r["MESSAGE"]), None), seconds, 0.3)


def status():
    """Returns what the daemon tells of itself by its socket."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("/run/unlinkwatchd/status")
        s.settimeout(10)  # not before: where others wait, connect(2) would fail instead of waiting
        return json.loads(b"".join(iter(lambda: s.recv(65536), b"")))


def drained(seconds=300):
    """Waits until all that the daemon has seen is written. Returns its counters of that moment."""
    def is_drained():
        told = status()
        counters = told["counters"]
        empty = not counters["in_flight"] and not counters["queued"] and told["ring"]["used"] < 4096
        return empty and unbalanced(counters) == 0 and counters
    return need(is_drained, "all that the daemon has seen is written", seconds)


SSH = ("ssh", "-q", "-o", "StrictHostKeyChecking=no")


def ssh_user():
    """Adds user 1000, alice, who may use sudo. Root may log in as alice by ssh."""
    run("useradd", "-m", "-u", "1000", "-s", "/bin/bash", "alice")
    with open("/etc/sudoers.d/alice", "w") as f:
        f.write("alice ALL=(ALL) NOPASSWD: ALL\n")
    os.makedirs("/root/.ssh", exist_ok=True)
    run("ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", "/root/.ssh/id_ed25519")
    run("install", "-d", "-o", "alice", "-m", "700", "/home/alice/.ssh")
    run("install", "-o", "alice", "-m", "600", "/root/.ssh/id_ed25519.pub",
        "/home/alice/.ssh/authorized_keys")
    run("systemctl", "start", "ssh")
    need(lambda: subprocess.run([*SSH, "alice@127.0.0.1", "true"]).returncode == 0, "sshd")


def in_child(work):
    """Runs it in a child, and waits for that."""
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def log_in():
    """
    As a login of user 1000 does: a session, and the login uid, which sudo keeps. For preexec_fn.
    """
    session = "/sys/fs/cgroup/user.slice/user-1000.slice/session-1.scope"
    os.makedirs(session, exist_ok=True)
    for path, text in ((session + "/cgroup.procs", "0"), ("/proc/self/loginuid", "1000")):
        with open(path, "w") as f:
            f.write(text)
    os.setgroups([1000])
    os.setgid(1000)
    os.setuid(1000)


def unlink(path):
    """Deletes a file. Returns 0 or -errno."""
    try:
        os.unlink(path)
        return 0
    except OSError as e:
        return -e.errno


def rmdir(path):
    try:
        os.rmdir(path)
        return 0
    except OSError as e:
        return -e.errno


def touch(path):
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o666))


def preempts():
    """
    Returns whether this kernel may preempt a task within the kernel, BPF programs of fentry
    included.
    """
    if "PREEMPT" not in os.uname().version:
        return False
    with open("/sys/kernel/debug/sched/preempt") as f:
        return not re.search(r"\((none|voluntary)\)", f.read())


def leave_others():
    """
    Moves to the CPU that the kernel's command line keeps free (isolcpus=), if there is one. A
    kernel that preempts programs skips the program of a deletion that comes while another's is
    under way on the same CPU.
    """
    with open("/sys/devices/system/cpu/isolated") as f:
        free = f.read().strip()
    if free:
        os.sched_setaffinity(0, {int(free)})
