#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""After service.py and a reboot of the guest: the service came up by itself."""
import os

from uwtest import cursor, done, equal, ok, preempts, run, settle, STARTED

run("systemctl", "is-system-running", "--wait", check=False)
equal(run("systemctl", "is-active", "unlinkwatchd", check=False).strip(), "active",
      "enabled, it is active after a reboot")
boots = run("journalctl", "-t", "unlinkwatchd", "MESSAGE_ID=" + STARTED, "-b", "-o", "cat").splitlines()
ok(len(boots) == 1 and "by %s " % ("kprobe" if preempts() else "fentry") in boots[0],
   "it was started once in this boot, early, by the same probe", boots)
old = run("journalctl", "-t", "unlinkwatchd", "UNLINK_PATH=/root/a", "-o", "cat").splitlines()
ok(len(old) >= 1, "the records from before the reboot are still there", old)
here = cursor()
open("/root/after", "w").close()
os.unlink("/root/after")
equal([r["UNLINK_PATH"] for r in settle(here, 1, os.getpid())], ["/root/after"],
      "and deletions are recorded")
order = run("systemctl", "list-units", "--failed", "--no-legend")
equal(order.strip(), "", "no unit failed")
done()
