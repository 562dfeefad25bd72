#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A new user with sudo and the package types the commands of the README's section Install."""
import os
import re
import subprocess
import time

from uwtest import done, log_in, ok, run

SECONDS = 120
COMMANDS = 5
HOME = "/home/alice"
PACKAGE = "unlinkwatchd_0_amd64.deb"  # as make deb calls it


def commands():
    """The lines of the first block of the section Install."""
    with open("/root/vm/README.md") as f:
        block = re.search(r"^## Install\n.*?\n\n((?:    [^\n]+\n)+)", f.read(),
                          re.M | re.S).group(1)
    return [line.strip() for line in block.splitlines()]


run("groupadd", "-g", "1000", "alice")
run("useradd", "-u", "1000", "-g", "1000", "-m", "-s", "/bin/bash", "alice")
with open("/etc/sudoers.d/alice", "w") as f:
    f.write("alice ALL=(ALL) NOPASSWD: ALL\n")
os.chmod("/etc/sudoers.d/alice", 0o440)
os.rename("/root/vm/unlinkwatchd.deb", os.path.join(HOME, PACKAGE))

typed = commands()
ok(2 < len(typed) <= COMMANDS, "the README needs at most %d commands" % COMMANDS, typed)
start = time.monotonic()
shell = {"HOME": HOME, "USER": "alice", "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
out = ""
for command in typed:
    r = subprocess.run(["bash", "-c", command], cwd=HOME, env=shell, preexec_fn=log_in,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out = r.stdout.decode(errors="replace")
    ok(r.returncode == 0, "alice: " + command, "status %d" % r.returncode, out)
seconds = time.monotonic() - start
print("# %.1f s, %d commands" % (seconds, len(typed)))
ok("logged in as alice" in out and "(root) removed %s/report.csv" % HOME in out and
   "rm report.csv" in out,
   "the last command shows the login user, the user, the file and the command", out)
ok(seconds < SECONDS, "all commands together take less than %d s" % SECONDS, "%.1f s" % seconds)
done()
