#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs after service.py and a reboot of the guest: the service has started by itself."""
import os

from uwtest import cursor, done, equal, ok, preempts, run, settle, STARTED

run("systemctl", "is-system-running", "--wait", check=False)
equal(run("systemctl", "is-active", "unlinkwatchd", check=False).strip(), "active",
      "the enabled service is active after a reboot")
boots = run("journalctl", "-t", "unlinkwatchd", "MESSAGE_ID=" + STARTED, "-b", "-o",
            "cat").splitlines()
ok(len(boots) == 1 and "by %s " % ("kprobe" if preempts() else "fentry") in boots[0],
   "the daemon started once in this boot, with its usual probe", boots)
old = run("journalctl", "-t", "unlinkwatchd", "UNLINK_PATH=/root/a", "-o", "cat").splitlines()
ok(len(old) >= 1, "the journal still has the records from before the reboot", old)
here = cursor()
open("/root/after", "w").close()
os.unlink("/root/after")
equal([r["UNLINK_PATH"] for r in settle(here, 1, os.getpid())], ["/root/after"],
      "a deletion after the reboot is recorded")
order = run("systemctl", "list-units", "--failed", "--no-legend")
equal(order.strip(), "", "no unit failed")
done()
