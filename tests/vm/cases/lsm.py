#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Booted with lockdown=integrity and no security module that uses the path hooks, everything works.
"""
import json
import os
import subprocess

from uwtest import configure, cursor, done, equal, ok, run, settle, touch

with open("/sys/kernel/security/lsm") as f:
    modules = f.read()
with open("/sys/kernel/security/lockdown") as f:
    lockdown = f.read()
ok("apparmor" not in modules and "tomoyo" not in modules and "[integrity]" in lockdown,
   "the guest has lockdown=integrity and neither AppArmor nor TOMOYO",
   modules, lockdown)
p = subprocess.run(["unlinkwatchd", "--doctor", "--output=json", "--probe=kprobe"],
                   stdout=subprocess.PIPE, timeout=200)
found = {f["id"]: f for f in map(json.loads, p.stdout.splitlines())}
equal((p.returncode, found["path-hooks"]["state"], found["lockdown"]["state"],
       found["probe-kprobe"]["state"]),
      (0, "ok", "ok", "ok"), "--doctor finds nothing lacking")
configure("[Watch all]\nPath=/srv\n")
here = cursor()
run("systemctl", "start", "unlinkwatchd")
os.makedirs("/srv/real")
os.symlink("real", "/srv/link")
touch("/srv/link/file")
os.unlink("/srv/link/file")
equal([(r["UNLINK_PATH"], r["UNLINK_PATH_STATE"]) for r in settle(here, 1, os.getpid())],
      [("/srv/real/file", "resolved")], "a record has the true path")
done()
