#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints the terminal session that tests/vm/picture draws: a user looks up a deletion."""
import os
import signal
import subprocess

from on_terminal import Session
from uwtest import SSH, configure, cursor, log_in, run, settle, ssh_user, touch


def prompt(command):
    print("\x1b[1m$\x1b[0m " + command, flush=True)


def alice(*command, cwd="/srv/data"):
    """Runs a command as alice, logged in."""
    p = subprocess.Popen(command, cwd=cwd, preexec_fn=log_in, stderr=subprocess.DEVNULL)
    p.wait()


ssh_user()
run("ip", "address", "add", "192.0.2.7/32", "dev", "lo")
configure("[Watch all]\nPath=/srv /etc\n")
run("systemctl", "start", "unlinkwatchd")
os.makedirs("/srv/data/old")
for name in ("report.csv", "plan.txt", "plan.new", "old/a"):
    touch("/srv/data/" + name)
run("chown", "-R", "alice", "/srv/data")
here = cursor()
run(*SSH, "-tt", "-b", "192.0.2.7", "alice@127.0.0.1", "sudo rm -f /srv/data/report.csv")
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
