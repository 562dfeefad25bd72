#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""conf/fleet with the units of the distribution: a host that is its own collector, and rsyslog."""
import json
import os
import re
import shutil
import socket
import subprocess
import time

from uwtest import DELETED, configure, cursor, deletions, done, equal, ok, run, settle, touch, value

REMOTE = "/var/log/journal/remote"
UPLOAD = "/etc/systemd/journal-upload.conf.d/unlinkwatchd.conf"


def edited(name, target, *changes):
    with open("fleet/" + name, encoding="utf-8") as f:
        text = f.read()
    for pattern, replacement in changes:
        text, n = re.subn(pattern, replacement, text, flags=re.M)
        if not n:
            raise SystemExit("# %s has no %s" % (name, pattern))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "w", encoding="utf-8") as f:
        f.write(text)


def who(*args):
    r = subprocess.run(["unlinkwatchctl", "who", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return r.stdout.decode(), r.stderr.decode()


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.5)


configure("[Watch srv]\nPath=/srv\n")
run("systemctl", "start", "unlinkwatchd")
edited("journal-remote-http.conf", "/etc/systemd/system/systemd-journal-remote.service.d/http.conf")
edited("journal-remote.conf", "/etc/systemd/journal-remote.conf.d/unlinkwatchd.conf", (r"^.*File=.*\n", ""))
edited("journal-upload.conf", UPLOAD, (r"^.*File=.*\n", ""), ("https://collector.example", "http://127.0.0.1"))
run("systemctl", "daemon-reload")
os.makedirs(REMOTE, exist_ok=True)
shutil.chown(REMOTE, "systemd-journal-remote", "systemd-journal-remote")

here = cursor()
os.makedirs("/srv/data")
for i in range(200):
    touch("/srv/data/%d" % i)
    os.unlink("/srv/data/%d" % i)
settle(here, 200, os.getpid())
run("systemctl", "start", "systemd-journal-remote.socket", "systemd-journal-upload")
touch("/srv/data/\n\x1b last")
os.unlink("/srv/data/\n\x1b last")
wait_for(lambda: "last" in who("-D", REMOTE, "--brief", "-n1", "/srv/data/")[0])
mine, theirs = who("--json", "/srv/data/")[0], who("-D", REMOTE, "--json", "/srv/data/")[0]
theirs = theirs.replace(',"hostname":"%s"}' % os.uname().nodename, "}")
equal(len(mine.splitlines()), 201, "the host has each of its deletions")
ok(mine == theirs, "the collector has the same ones, with the same fields",
   *[line for pair in zip(mine.splitlines(), theirs.splitlines()) if pair[0] != pair[1] for line in pair][:4])
name = os.uname().nodename
equal([len(who("-D", REMOTE, "--json", "--host=" + h, "/srv/data/")[0].splitlines()) for h in (name, "other")], [201, 0],
      "--host selects the host")
run("systemctl", "stop", "systemd-journal-upload")
touch("/srv/data/meanwhile")
os.unlink("/srv/data/meanwhile")
run("systemctl", "start", "systemd-journal-upload")
wait_for(lambda: who("-D", REMOTE, "/srv/data/meanwhile")[0])
equal(len(who("-D", REMOTE, "--json", "/srv/data/")[0].splitlines()), 202,
      "what is deleted while nothing is sent is sent later, and nothing twice")
run("systemctl", "stop", "systemd-journal-upload", "systemd-journal-remote.socket")

with socket.create_server(("127.0.0.1", 5140)) as server:
    edited("rsyslog.conf", "/etc/rsyslog.d/unlinkwatchd.conf", ("collector.example", "127.0.0.1"))
    run("systemctl", "restart", "rsyslog")
    server.settimeout(60)
    time.sleep(3)  # it begins at the end of the journal
    here = cursor()
    touch("/srv/data/\n\x1b syslog")
    os.unlink("/srv/data/\n\x1b syslog")
    settle(here, 1, os.getpid())
    lines = server.accept()[0].makefile()
    sent = next((r for r in map(json.loads, lines) if r.get("MESSAGE_ID") == DELETED), {})
    record = deletions(here, os.getpid())[0]
    wanted = {k: value(v).decode() for k, v in record.items() if k.startswith("UNLINK_")}
    equal({k: v for k, v in sent.items() if k.startswith("UNLINK_")}, wanted, "rsyslog sends the record with its fields")
done()
