#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Where a person came from: sessions by sshd and logind, with and without a terminal, with sudo, and
what no session has. Takes openssh-server, libpam-systemd and sudo.
"""
import os
import re
import subprocess

from uwtest import (SSH, configure, cursor, deletions, done, equal, ok, restart, run, settle,
                    ssh_user, touch)

DIR = "/srv/sessions"


def fresh(name):
    touch(DIR + "/" + name)
    os.chown(DIR + "/" + name, 1000, 1000)
    return DIR + "/" + name


def ssh(script, *options):
    subprocess.run([*SSH, *options, "alice@127.0.0.1", script], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


# What deletes the file, whether it has a remote host, and whether it has a terminal.
WAYS = {
    "ssh": (lambda path: ssh("rm " + path), True, False),
    "ssh with a terminal": (lambda path: ssh("rm " + path, "-tt"), True, True),
    "sudo": (lambda path: ssh("sudo rm " + path), True, False),
    "sudo with a terminal": (lambda path: ssh("sudo rm " + path, "-tt"), True, True),
    "su": (lambda path: ssh("sudo su -c 'rm %s'" % path), True, False),
    "a shell that has hung up": (lambda path: ssh("nohup sh -c 'rm %s' >/dev/null 2>&1 & sleep 1"
                                                  % path), True, False),
    "a login without a host": (lambda path: run("systemd-run", "--quiet", "--wait", "-p",
                                                "PAMName=login", "-p", "User=alice", "rm", path),
                               False, False),
    "a terminal without a session": (lambda path: run(
        "script", "-qec", "setpriv --reuid=1000 --clear-groups rm " + path, "/dev/null"),
                                     False, True),
    "a service": (lambda path: run("systemd-run", "--quiet", "--wait", "rm", path), False, False),
    "no session": (os.unlink, False, False),
}

ssh_user()
os.makedirs(DIR)
os.chmod(DIR, 0o777)
configure("[Watch sessions]\nPath=%s\n" % DIR)
restart()
here = cursor()
for i, (delete, _, _) in enumerate(WAYS.values()):
    delete(fresh(str(i)))
settle(here, len(WAYS))
found = {r["UNLINK_PATH"]: r for r in deletions(here)}
for i, (way, (_, remote, terminal)) in enumerate(WAYS.items()):
    record = found.get("%s/%d" % (DIR, i), {})
    equal(record.get("UNLINK_REMOTE"), "127.0.0.1" if remote else None, way + ": the host")
    ok(bool(re.fullmatch(r"pts/\d+", record.get("UNLINK_TTY", ""))) == terminal,
       way + ": the terminal", record)
shown = run("unlinkwatchctl", "who", DIR + "/3")
ok(re.search(r"^    user     root, logged in as alice in session \d+, through sudo$", shown,
             re.M) and
   re.search(r"^    chain    rm\[.* < sshd\[.* \(from 127\.0\.0\.1, on pts/\d+\)$", shown, re.M),
   "who says where somebody came from", shown)
done()
