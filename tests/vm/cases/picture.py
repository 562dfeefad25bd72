#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints the terminal session that tests/vm/picture draws: a user looks up a deletion."""
import os
import signal
import subprocess

from on_terminal import Session
from uwtest import configure, cursor, log_in, run, settle, touch


def prompt(command):
    print("\x1b[1m$\x1b[0m " + command, flush=True)


def alice(*command, cwd="/srv/data"):
    """Runs a command as alice, logged in."""
    p = subprocess.Popen(command, cwd=cwd, preexec_fn=log_in, stderr=subprocess.DEVNULL)
    p.wait()


run("useradd", "-u", "1000", "-m", "alice")
with open("/etc/sudoers.d/alice", "w") as f:
    f.write("alice ALL=(ALL) NOPASSWD: ALL\n")
os.chmod("/etc/sudoers.d/alice", 0o440)
configure("[Watch all]\nPath=/srv /etc\n")
run("systemctl", "start", "unlinkwatchd")
os.makedirs("/srv/data/old")
for name in ("report.csv", "plan.txt", "plan.new", "old/a"):
    touch("/srv/data/" + name)
run("chown", "-R", "alice", "/srv/data")
here = cursor()
alice("sudo", "-n", "rm", "-f", "report.csv")
settle(here, 1)

prompt("unlinkwatchctl who /srv/data/report.csv")
subprocess.run(["unlinkwatchctl", "who", "/srv/data/report.csv"],
               env={**os.environ, "SYSTEMD_COLORS": "1"})
print()
prompt("unlinkwatchctl tail --lines=0")
tail = Session("unlinkwatchctl", "tail", "--lines=0", columns=120)
tail.wait_for(rb"$^nothing comes yet", seconds=3)
for command in (["rm", "-r", "old"], ["mv", "plan.new", "plan.txt"], ["rm", "-f", "/etc/motd"]):
    alice(*command)
while b"/etc/motd" not in tail.output and not tail.wait_for(rb"$^never", seconds=1):
    pass
tail.end(signal.SIGINT)
print(tail.output.decode().replace("\r\n", "\n"), end="")
