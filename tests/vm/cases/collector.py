#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
conf/fleet and docs/fleet.md with the distribution's units: one host is its own collector, and
rsyslog sends too.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import time

from uwtest import (DELETED, configure, cursor, deletions, done, equal, ok, run, settle, touch,
                    value, wait_for)

REMOTE = "/var/log/journal/remote"
UPLOAD = "/etc/systemd/journal-upload.conf.d/unlinkwatchd.conf"
UNITS = "/etc/systemd/system/systemd-journal-%s.service.d/"
PKI = "/root/pki"
# The commands of docs/fleet.md that create a host's certificate, and those that install it.
ISSUE = "openssl (?!req -x509)"
PLACE = r"install .* (?:trusted|\$NAME)"


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
    r = subprocess.run(["unlinkwatchctl", "who", *args], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    return r.stdout.decode(), r.stderr.decode()


def as_written(pattern, name, authority="", to=""):
    """Runs the commands of docs/fleet.md that match the pattern, for a host of this name."""
    with open("/root/vm/fleet.md", encoding="utf-8") as f:
        commands = re.findall(r"^    (%s.*)" % pattern, f.read(), re.M)
    if not commands:
        raise SystemExit("# docs/fleet.md has no command that begins with " + pattern)
    for command in commands:
        command = command.replace("trusted.pem",
                                  authority + "trusted.pem").replace("ca.key", authority + "ca.key")
        run("sh", "-ec", "cd %s; NAME=%s; %s" %
            (PKI, name, command.replace("journal-remote", to or "journal-remote")))


def delete(name):
    touch("/srv/data/" + name)
    os.unlink("/srv/data/" + name)


def collected(name):
    return bool(who("-D", REMOTE, "/srv/data/" + name)[0])


configure("[Watch srv]\nPath=/srv\n")
run("systemctl", "start", "unlinkwatchd")
edited("journal-remote-http.conf", UNITS % "remote" + "http.conf")
edited("journal-remote.conf", "/etc/systemd/journal-remote.conf.d/unlinkwatchd.conf",
       (r"^.*File=.*\n", ""))
edited("journal-upload.conf", UPLOAD, (r"^.*File=.*\n", ""),
       ("https://collector.example", "http://127.0.0.1"))
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
wait_for(lambda: "last" in who("-D", REMOTE, "--brief", "-n1", "/srv/data/")[0], 120)
mine, theirs = who("--json", "/srv/data/")[0], who("-D", REMOTE, "--json", "/srv/data/")[0]
theirs = theirs.replace(',"hostname":"%s"}' % os.uname().nodename, "}")
equal(len(mine.splitlines()), 201, "the host has a record of each of its deletions")
ok(mine == theirs, "the collector has the same records with the same fields",
   *[line for pair in zip(mine.splitlines(), theirs.splitlines()) if pair[0] != pair[1]
     for line in pair][:4])
name = os.uname().nodename
equal([len(who("-D", REMOTE, "--json", "--host=" + h, "/srv/data/")[0].splitlines())
       for h in (name, "other")], [201, 0],
      "--host selects the host")
run("systemctl", "stop", "systemd-journal-upload")
touch("/srv/data/meanwhile")
os.unlink("/srv/data/meanwhile")
run("systemctl", "start", "systemd-journal-upload")
wait_for(lambda: who("-D", REMOTE, "/srv/data/meanwhile")[0], 120)
equal(len(who("-D", REMOTE, "--json", "/srv/data/")[0].splitlines()), 202,
      "records made while the upload is stopped are sent later, and none twice")
run("systemctl", "stop", "systemd-journal-upload", "systemd-journal-remote.socket")

# With certificates, and the shipped files unchanged. At first another authority has signed the
# collector's certificate.
def restart_both():
    run("systemctl", "stop", "systemd-journal-upload", "systemd-journal-remote.service")
    run("systemctl", "reset-failed", "systemd-journal-upload", check=False)  # if it has failed
    run("systemctl", "start", "systemd-journal-remote.socket")
    run("systemctl", "start", "systemd-journal-upload")


def said(text, after):
    return text in run("journalctl", "--after-cursor", after, "-o", "cat")


os.mkdir(PKI)
for authority in ("", "other-"):
    as_written("openssl req -x509", "", authority)
as_written(ISSUE, "collector.example", "other-")
as_written(ISSUE, "web3")
as_written(PLACE, "collector.example")
as_written(PLACE, "web3", to="journal-upload")
os.unlink(UNITS % "remote" + "http.conf")
edited("journal-remote.conf", "/etc/systemd/journal-remote.conf.d/unlinkwatchd.conf")
edited("journal-upload.conf", UPLOAD)
for unit in ("remote", "upload"):
    edited("journal-key.conf", UNITS % unit + "key.conf")
with open("/etc/hosts", "a") as f:
    f.write("127.0.0.1 collector.example\n")
run("systemctl", "daemon-reload")
delete("by TLS")
here = cursor()
restart_both()
wait_for(lambda: said("SSL certificate problem", here), 120)
ok(said("SSL certificate problem", here) and not collected("by TLS"),
   "the host sends nothing to a collector whose certificate another authority has signed",
   run("journalctl", "--after-cursor", here))
as_written(ISSUE, "collector.example")
as_written(PLACE, "collector.example")
restart_both()
wait_for(lambda: collected("by TLS"), 120)
equal(len(who("-D", REMOTE, "--json", "/srv/data/")[0].splitlines()), 203,
      "with a valid certificate the collector gets the outstanding record, and none twice")
equal([os.stat("/etc/ssl/private/systemd-journal-%s.pem" % unit).st_mode & 0o777
       for unit in ("remote", "upload")],
      [0o600, 0o600], "only root can read the keys")
run("systemctl", "stop", "systemd-journal-upload", "systemd-journal-remote.socket",
    "systemd-journal-remote.service")

with socket.create_server(("127.0.0.1", 5140)) as server:
    edited("rsyslog.conf", "/etc/rsyslog.d/unlinkwatchd.conf", ("collector.example", "127.0.0.1"))
    run("systemctl", "restart", "rsyslog")
    server.settimeout(60)
    time.sleep(3)  # until rsyslog has reached the end of the journal
    here = cursor()
    touch("/srv/data/\n\x1b syslog")
    os.unlink("/srv/data/\n\x1b syslog")
    settle(here, 1, os.getpid())
    lines = server.accept()[0].makefile()
    sent = next((r for r in map(json.loads, lines) if r.get("MESSAGE_ID") == DELETED), {})
    record = deletions(here, os.getpid())[0]
    wanted = {k: value(v).decode() for k, v in record.items() if k.startswith("UNLINK_")}
    equal({k: v for k, v in sent.items() if k.startswith("UNLINK_")}, wanted,
          "rsyslog sends the record with all its fields")
done()
