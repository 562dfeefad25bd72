#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
conf/alert sends an alert when a rule records a deletion. Its service may only read the journal.
"""
import json
import os
import subprocess
import time

from uwtest import DELETED, configure, cursor, done, equal, main_pid, ok, run, touch, wait_for

UNIT = "unlinkwatch-alert@keys.service"


def alerts(after, count, seconds=40):
    """Waits for `count` alerts and returns those in the journal, oldest first."""
    end = time.monotonic() + seconds
    while True:
        run("journalctl", "--sync")
        records = map(json.loads,
                      run("journalctl", "-a", "-o", "json", "--after-cursor", after).splitlines())
        found = [r for r in records if r.get("SYSLOG_IDENTIFIER") == "unlinkwatch-alert"]
        if len(found) >= count or time.monotonic() > end:
            return found
        time.sleep(0.3)


run("install", "alert/unlinkwatch-alert", "/usr/local/sbin")
run("cp", "alert/unlinkwatch-alert@.service", "/etc/systemd/system")
os.makedirs("/etc/systemd/system/%s.d" % UNIT)
with open("/etc/systemd/system/%s.d/test.conf" % UNIT, "w") as f:
    f.write("[Service]\nEnvironment=INTERVAL=5\n")
os.makedirs("/srv/keys/tree")
configure("[Watch keys]\nPath=/srv/keys\n[Watch rest]\nPath=/srv\n")
touch("/srv/keys/before")
run("systemctl", "daemon-reload")
run("systemctl", "start", "unlinkwatchd")
os.unlink("/srv/keys/before")
run("systemctl", "start", UNIT)
wait_for(lambda: "unlinkwatchctl" in run("systemctl", "status", UNIT, check=False))
time.sleep(2)  # until tail has reached the end of the journal

here = cursor()
for name in ("/srv/other", "/srv/keys/id_rsa"):
    touch(name)
    os.unlink(name)
found = alerts(here, 1)
ok(len(found) == 1 and "removed /srv/keys/id_rsa" in found[0]["MESSAGE"],
   "an alert names the file that the rule covers, and no other file", found)
equal([r["PRIORITY"] for r in found], ["1"], "the priority of an alert is \"alert\"")

here = cursor()
hostile = b"/srv/keys/tree/x\n<0>forged\x1b[2J"
touch(hostile)
for i in range(20):
    touch("/srv/keys/tree/%02d" % i)
run("rm", "-r", "/srv/keys/tree")
found = alerts(here, 22)
equal(len(found), 22, "removing a tree logs a line for each name")
equal(len({r["_STREAM_ID"] for r in found}), 1, "the lines of a removed tree are one alert")
ok(any("x\\n<0>forged\\x1b[2J" in r["MESSAGE"] for r in found), "a hostile name is escaped", found)

here = cursor()
forged = ("MESSAGE=x\nMESSAGE_ID=%s\nSYSLOG_IDENTIFIER=unlinkwatchd\n"
          "UNLINK_PATH=/srv/keys/f\nUNLINK_RULE=keys\n" % DELETED)
subprocess.run(["logger", "--journald"], input=forged.encode(), check=True)
touch("/srv/keys/real")
os.unlink("/srv/keys/real")
found = alerts(here, 1)
ok(len(found) == 1 and "/srv/keys/real" in found[0]["MESSAGE"],
   "a record forged by another program raises no alert", found)
pid = main_pid(UNIT)
with open("/proc/%s/status" % pid) as f:
    status = f.read()
ok("Uid:\t0\t" not in status and "CapEff:\t0000000000000000" in status,
   "the service does not run as root and has no capability", status)
done()
