#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Runs in a guest: six workloads, and what the installed configuration, or with the argument `all` one
that leaves nothing out, records of each. Prints a row of JSON for each: the records by operation,
those that failed, and the moves of a temporary name within a directory.
"""
import collections
import glob
import json
import mailbox
import os
import re
import subprocess
import sys

from uwtest import configure, cursor, drained, deletions, keep_journal, restart, run, status, value

EVERYTHING = "[Watch all]\nExcludePath=/proc /sys /dev /run\n"
# Names that programs give to a file until it is complete.
TEMPORARY = re.compile(rb"(\.(dpkg-(new|tmp)|lock|tmp|temp|part|new|swp|partial)"
                       rb"|~|^\.?#.*|^tmp_.*|^sed\w{6}|^\d+\.M\d+P\d+.*|^\.?tmp.*|\.tmp[\w.-]*)$")


def sh(command, **more):
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, **more)


def packages():
    debs = sorted(glob.glob("/root/vm/debs/*.deb"))
    for i in range(0, len(debs), 50):
        run("dpkg", "--force-all", "-i", *debs[i:i + 50], check=False)
    return "dpkg -i of %d packages" % len(debs)


def git():
    sh("mkdir /srv/tree && cp -r /usr/share /usr/lib/python3* /srv/tree/ 2>/dev/null; cd /srv/tree;"
       "git init -q; git config user.email a@b; git config user.name a; git add -A;"
       "git commit -qm one; git checkout -qb two;"
       "find . -name '*.py' -not -path './.git/*' | head -2000 | xargs sed -i 's/^/ /';"
       "git commit -qam two")
    sh("git clone -q file:///srv/tree /srv/clone; cd /srv/clone; git checkout -q master;"
       "git checkout -q two; git gc -q", env=dict(os.environ, HOME="/root"))
    return "git: commit, clone, checkout of %s files" % \
        run("sh", "-c", "cd /srv/clone; git ls-files | wc -l").strip()


def build():
    sh("make -f /root/vm/workload.mk -j2", cwd="/root/vm/source")
    sh("make -f /root/vm/workload.mk clean", cwd="/root/vm/source")
    return "make, and make clean"


def mail():
    box = mailbox.Maildir("/srv/mail", create=True)
    for i in range(1000):
        box.add("Subject: %d\n\nbody\n" % i)
    for key in box.keys():
        message = box.get_message(key)
        message.set_subdir("cur")
        message.add_flag("S")
        box[key] = message
    for key in box.keys()[:500]:
        box.discard(key)
    return "maildir: 1,000 messages delivered and read, 500 removed"


def logs():
    os.makedirs("/srv/log")
    with open("/srv/logrotate.conf", "w") as f:
        f.write("/srv/log/*.log {\n rotate 7\n compress\n delaycompress\n create\n}\n")
    for _ in range(10):
        for i in range(20):
            with open("/srv/log/%d.log" % i, "a") as f:
                f.write("line\n" * 100)
        sh("logrotate -f -s /srv/logrotate.state /srv/logrotate.conf")
    return "logrotate: 20 logs, 10 rotations"


def editor():
    with open("/srv/text", "w") as f:
        f.write("one\ntwo\n")
    for i in range(100):
        sh("vim.tiny -es -c 's/^/%d/' -c wq /srv/text" % i)
        sh("sed -i 's/^/%d/' /srv/text" % i)
    return "100 saves by vim, and 100 by sed -i"


def temporary(r):
    old, new = value(r["UNLINK_PATH"]), value(r.get("UNLINK_MOVED_TO", ""))
    return os.path.dirname(old) == os.path.dirname(new) and \
        bool(TEMPORARY.search(os.path.basename(old)))


def measure(workload):
    here, before = cursor(), status()["counters"]
    title = workload()
    after = drained()
    counts = collections.Counter()
    for r in deletions(here):
        counts["failed" if r["UNLINK_RET"] != "0" else r["UNLINK_OP"]] += 1
        if r["UNLINK_OP"] == "move" and r["UNLINK_RET"] == "0" and "UNLINK_PATH" in r:
            counts["temporary"] += temporary(r)
            if "-v" in sys.argv:
                print("#", r["MESSAGE"], flush=True)
    print(json.dumps({"workload": title, **counts, "seen": after["seen"] - before["seen"],
                      "filtered": after["filtered"] - before["filtered"]}), flush=True)


keep_journal()
with open("/etc/unlinkwatch.conf") as f:
    installed = f.read()
configure((EVERYTHING if "all" in sys.argv else installed.replace("#[Storm]", "[Storm]")
           .replace("#Burst=1000", "Burst=0")) + "[Daemon]\nRingBufferSize=64M\n")
restart()
for chosen in (packages, git, build, mail, logs, editor):
    measure(chosen)
