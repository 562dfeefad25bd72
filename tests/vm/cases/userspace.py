#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same binary with the libraries and the systemd of another Debian release."""
import os
import re
import shutil

from uwtest import (CONFIG_ACCEPTED, CONFIG_REJECTED, DELETED, STOPPED, configure, cursor, done,
                    equal, journal, ok, reload, run, settle, touch)

DROP_IN = "/usr/lib/systemd/system/unlinkwatchd.service.d/notify-reload.conf"


def show(name):
    return run("systemctl", "show", "--property=" + name, "--value", "unlinkwatchd").strip()


def delete(name):
    touch(name)
    os.unlink(name)


def recorded(after, count):
    return [(r["UNLINK_PATH"], r["MESSAGE_ID"]) for r in settle(after, count, os.getpid())]


version = int(re.search(r"systemd (\d+)", run("systemctl", "--version")).group(1))
print("# systemd %d" % version)
start = cursor()
run("systemctl", "enable", "--now", "unlinkwatchd")
equal((show("ActiveState"), show("Type"), show("NRestarts")), ("active", "notify", "0"),
      "the service starts and notifies systemd")
complaints = [r["MESSAGE"] for r in journal(start) if int(r["PRIORITY"]) < 5 and
              r.get("MESSAGE_ID") is None]
equal(complaints, [], "the daemon logs no warning")
unit = run("systemd-analyze", "verify", "--man=no", "unlinkwatchd.service", check=False)
equal([line for line in unit.splitlines() if "unlinkwatchd" in line], [],
      "systemd accepts each line of the unit")
level = re.search(r"exposure level for \S+ ([\d.]+)",
                  run("systemd-analyze", "security", "--no-pager", "unlinkwatchd", check=False))
ok(level and float(level.group(1)) <= 1.5, "systemd-analyze security rates the unit 1.5 or lower",
   level and level.group(0))
delete("/root/a")
equal(recorded(start, 1), [("/root/a", DELETED)], "a deletion is recorded")

if version >= 253:
    # `make install` adds this drop-in for such a systemd. Here it was made for an older one.
    os.makedirs(os.path.dirname(DROP_IN))
    shutil.copy("/root/vm/notify-reload.conf", DROP_IN)
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "unlinkwatchd")
    equal(show("Type"), "notify-reload", "systemd applies the drop-in for notify-reload")
    for text, answer in (("[Watch]\nPath=/root/in\n", CONFIG_ACCEPTED),
                         ("[Watch]\nPath=in\n", CONFIG_REJECTED)):
        configure(text)
        here = cursor()
        run("systemctl", "reload", "unlinkwatchd")
        equal({r["MESSAGE_ID"] for r in journal(here)
               if r.get("MESSAGE_ID") in (CONFIG_ACCEPTED, CONFIG_REJECTED)},
              {answer}, "systemctl reload returns when the daemon has answered")
else:
    configure("[Watch]\nPath=/root/in\n")
    reload()
here = cursor()
delete("/root/in")
delete("/root/out")
delete("/root/in")
equal(recorded(here, 2), [("/root/in", DELETED)] * 2,
      "the rules that were accepted last are in force")

here = cursor()
run("systemctl", "stop", "unlinkwatchd")
equal((show("ActiveState"), show("Result")), ("inactive", "success"),
      "the service stops without an error")
ok(any(r.get("MESSAGE_ID") == STOPPED and "lost: 0" in r["MESSAGE"] for r in journal(here)),
   "the daemon has lost nothing", journal(here))
done()
