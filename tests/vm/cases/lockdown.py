#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Under lockdown=confidentiality programs cannot read the kernel and tracefs is empty. Deletions are
still recorded.
"""
import json
import os
import subprocess

from uwtest import configure, cursor, done, equal, journal, ok, run, settle, STARTED

with open("/sys/kernel/security/lockdown") as f:
    ok("[confidentiality]" in f.read(), "the guest is locked down")
p = subprocess.run(["unlinkwatchd", "--doctor", "--output=json"], stdout=subprocess.PIPE,
                   timeout=200)
found = {f["id"]: f for f in map(json.loads, p.stdout.splitlines())}
equal((p.returncode, found["lockdown"]["state"], found["probe-kprobe"]["state"],
       found["probe-tracepoint-raw"]["state"]),
      (1, "lacking", "lacking", "ok"), "--doctor names lockdown, and the probe that still works")
os.makedirs("/srv/d")
configure("[Watch all]\n")
start = cursor()
run("systemctl", "enable", "--now", "unlinkwatchd")
said = [r["MESSAGE"] for r in journal(start)]
ok(any(m.startswith("kprobe cannot be used: lockdown=confidentiality") for m in said),
   "the daemon says why kprobes cannot be used", said)
ok(any(r["MESSAGE"].startswith("watching deletions by tracepoint of all system calls") and
       "relative names" in r["MESSAGE"] for r in journal(start) if r.get("MESSAGE_ID") == STARTED),
   "the daemon says what it uses instead, and what that does not cover", said)



def delete_by_every_kind_of_name():
    """Returns (operation, name, path, state of the path, result) of each record."""
    os.makedirs("/srv/d", exist_ok=True)
    here = cursor()
    open("/srv/d/a", "w").close()
    open("/srv/d/b", "w").close()
    os.chdir("/srv")
    fd = os.open("/srv/d", os.O_RDONLY)
    os.unlink("/srv/d/a")
    os.unlink("d/b")
    try:
        os.unlink("none", dir_fd=fd)
    except OSError:
        pass
    os.close(fd)
    os.rmdir("d")
    return [(r["UNLINK_OP"], r["UNLINK_FILENAME"], r.get("UNLINK_PATH"), r["UNLINK_PATH_STATE"],
             r["UNLINK_RET"]) for r in settle(here, 4, os.getpid())]


equal(delete_by_every_kind_of_name(), [
    ("unlink", "/srv/d/a", "/srv/d/a", "guessed", "0"),
    ("unlink", "d/b", None, "unknown", "0"),
    ("unlink", "none", None, "unknown", "-2"),
    ("rmdir", "d", None, "unknown", "0"),
], "records have the names, the results, and how far each path can be trusted")
os.makedirs("/run/systemd/system/unlinkwatchd.service.d")
with open("/run/systemd/system/unlinkwatchd.service.d/ptrace.conf", "w") as f:
    f.write("[Service]\nCapabilityBoundingSet=CAP_SYS_PTRACE\nAmbientCapabilities=CAP_SYS_PTRACE\n")
run("systemctl", "daemon-reload")
run("systemctl", "restart", "unlinkwatchd")
equal(delete_by_every_kind_of_name(), [
    ("unlink", "/srv/d/a", "/srv/d/a", "guessed", "0"),
    ("unlink", "d/b", "/srv/d/b", "guessed", "0"),
    ("unlink", "none", None, "unknown", "-2"),
    ("rmdir", "d", "/srv/d", "guessed", "0"),
], "with CAP_SYS_PTRACE, as the man page advises, the daemon looks up the working directory")

# 32-bit calls cannot be seen here, and must not be mistaken: 87 is swapon in their table and unlink
# in the other.
here = cursor()
# push rbx; eax=edi; rbx=rsi; int 0x80
code = bytes.fromhex("53 89 f8 48 89 f3 cd 80 5b c3".replace(" ", ""))
child = """
import ctypes, mmap
code = %r
m = mmap.mmap(-1, 4096, prot=7)
m.write(code)
low = ctypes.CDLL(None)
low.mmap.restype = ctypes.c_void_p
low.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + 3 * [ctypes.c_int] + [ctypes.c_long]
at = low.mmap(0x10000, 4096, 3, 0x32, -1, 0)
ctypes.memmove(at, b"/srv/forged\\0", 12)
start = ctypes.addressof(ctypes.c_char.from_buffer(m))
f = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long, ctypes.c_long)(start)
print(f(87, at))
""" % code
p = subprocess.Popen(["python3", "-c", child], stdout=subprocess.PIPE)
out = p.communicate()[0].decode().strip()
ok(p.returncode == 0 and out.startswith("-"), "a process made the 32-bit system call number 87",
   out, p.returncode)
open("/srv/end", "w").close()
os.unlink("/srv/end")
settle(here, 1, os.getpid())
equal([r for r in settle(here, 0, p.pid) if "forged" in r["UNLINK_FILENAME"]], [],
      "the 32-bit call is not recorded as an unlink")
done()
