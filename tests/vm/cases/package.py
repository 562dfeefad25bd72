#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The Debian package in a guest that has no other trace of the program: install, upgrade, remove,
purge.
"""
import collections
import ctypes
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time

from uwtest import CONF, DELETED, cursor, deletions, done, equal, main_pid, ok, run, settle, touch

DEB = "/root/vm/unlinkwatchd.deb"
# The administrator's configuration: kprobes, whose definitions could be left behind, and no
# summaries.
EDITED = "# mine\n[Watch all]\nPath=/srv\n[Daemon]\nProbe=kprobe\n[Storm]\nBurst=0\n"
TIMES = "/root/times"
# Directories where other programs write meanwhile.
ELSEWHERE = re.compile(r"/(proc|sys|run|dev|tmp|root|srv)/|"
                       r"/var/(log|cache|lib/dpkg|lib/systemd/catalog)/")
SYS_BPF, PROG_GET_NEXT_ID, PROG_GET_FD_BY_ID, OBJ_GET_INFO_BY_FD = 321, 11, 13, 15


def files():
    return {path for at, folders, names in os.walk("/")
            for path in (os.path.join(at, name) for name in folders + names)
            if not ELSEWHERE.match(path + "/")}


def bpf(command, attr):
    return ctypes.CDLL(None, use_errno=True).syscall(SYS_BPF, command, attr, len(attr))


def programs():
    """Names of the BPF programs in the kernel that begin with uw_."""
    found, last = [], 0
    while True:
        attr = ctypes.create_string_buffer(struct.pack("=II", last, 0), 128)
        if bpf(PROG_GET_NEXT_ID, attr) < 0:
            return [name for name in found if name.startswith("uw_")]
        last = struct.unpack_from("=I", attr, 4)[0]
        fd = bpf(PROG_GET_FD_BY_ID, ctypes.create_string_buffer(struct.pack("=I", last), 128))
        if fd < 0:
            continue
        info = ctypes.create_string_buffer(256)
        attr = ctypes.create_string_buffer(struct.pack("=IIQ", fd, len(info),
                                                       ctypes.addressof(info)), 128)
        if bpf(OBJ_GET_INFO_BY_FD, attr) == 0:
            found.append(info.raw[64:80].split(b"\0")[0].decode())
        os.close(fd)


def definitions():
    with open("/sys/kernel/tracing/kprobe_events") as f:
        return f.read()


def is_now(*verbs):
    return [run("systemctl", verb, "unlinkwatchd", check=False).strip() for verb in verbs]


def conf():
    with open(CONF) as f:
        return f.read()


def delete(name):
    path = "/srv/" + name
    here = cursor()
    touch(path)
    os.unlink(path)
    return [(r["UNLINK_PATH"], r["MESSAGE_ID"])
            for r in settle(here, 1, os.getpid())] == [(path, DELETED)]


def newer():
    """Builds a package of a higher version with a changed configuration file."""
    run("dpkg-deb", "-R", DEB, "/tmp/newer")
    with open("/tmp/newer/DEBIAN/control") as f:
        control = f.read()
    with open("/tmp/newer/DEBIAN/control", "w") as f:
        f.write(re.sub(r"(?m)^(Version: .*)$", r"\1+newer", control))
    with open("/tmp/newer" + CONF, "a") as f:
        f.write("# newer\n")
    run("dpkg-deb", "-b", "-Znone", "/tmp/newer", "/tmp/newer.deb")
    return "/tmp/newer.deb"


def delete_all_the_time():
    """
    Deletes one file after the other until SIGTERM. Writes the times before and after each to a
    file.
    """
    going = [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    with open(TIMES, "w") as f:
        number = 0
        while going:
            path = "/srv/n/%d" % number
            touch(path)
            before = time.time()
            os.unlink(path)
            print(path, before, time.time(), file=f)
            number += 1
            time.sleep(0.01)


def deleted_meanwhile():
    with open(TIMES) as f:
        return [(path, float(start), float(end)) for path, start, end in map(str.split, f)]


def restart_time():
    """When systemd began to stop the daemon, and when the next one was ready."""
    out = run("journalctl", "-o", "json", "_PID=1", "UNIT=unlinkwatchd.service")
    times = {word: int(r["__REALTIME_TIMESTAMP"]) / 1e6 for r in map(json.loads, out.splitlines())
             for word in ("Stopping ", "Started ") if r["MESSAGE"].startswith(word)}
    return times["Stopping "], times["Started "]


if sys.argv[1:] == ["delete"]:
    delete_all_the_time()
    sys.exit(0)

if os.path.exists("/etc/dpkg/dpkg.cfg.d/99mmdebstrap"):
    os.unlink("/etc/dpkg/dpkg.cfg.d/99mmdebstrap")  # else dpkg would leave out the documentation
newer_deb = newer()
before = files()

# Installing starts the service and enables it for the next boot.
out = run("dpkg", "-i", DEB)
equal(is_now("is-active", "is-enabled"), ["active", "enabled"],
      "dpkg -i starts and enables the service")
ok(delete("first"), "the installed service records a deletion", out)
ok("unlinkwatchd: " in run("journalctl", "--list-catalog"),
   "the journal's catalog has its messages")
equal(run("dpkg", "-V", "unlinkwatchd"), "", "dpkg -V finds every file unchanged")
ok(os.path.exists("/usr/share/man/man8/unlinkwatchd.8.gz"), "the man page is installed")

# Upgrade while files are deleted. The administrator has edited the configuration.
with open(CONF, "w") as f:
    f.write(EDITED)
os.mkdir("/srv/n")
here = cursor()
deleter = subprocess.Popen([sys.executable, __file__, "delete"])
time.sleep(1)
first = main_pid()
out = run("dpkg", "--force-confold", "-i", newer_deb)
time.sleep(1)
deleter.terminate()
deleter.wait()
ok(run("dpkg-query", "-W", "-f", "${Version}", "unlinkwatchd").endswith("+newer") and
   is_now("is-active", "is-enabled") == ["active", "enabled"] and
   main_pid() != first, "an upgrade runs the new program", out)
equal((conf(), os.path.exists(CONF + ".dpkg-dist")), (EDITED, True),
      "the edited configuration stays, and dpkg writes the new one to .dpkg-dist")
expected = deleted_meanwhile()
# the earlier records have arrived by then
ok(delete("marker"), "the new program records deletions")
stopped, started = restart_time()
records = collections.Counter(r["UNLINK_PATH"] for r in deletions(here, deleter.pid))
meanwhile = [d for d in expected if stopped < d[1] < started]
print("# %d deletions, %d of them in the %.1f s of the restart" %
      (len(expected), len(meanwhile), started - stopped))
ok(meanwhile and len(expected) > len(meanwhile),
   "files were deleted while the daemon restarted, and at other times")
equal([path for path, count in records.items() if count > 1], [], "no deletion has two records")
equal([d for d in expected if not records[d[0]]], [], "every deletion has a record")

# Remove and install again. The configuration stays.
run("dpkg", "-r", "unlinkwatchd")
equal(is_now("is-active"), ["inactive"], "removing the package stops the service")
equal((programs(), definitions()), ([], ""),
      "removing the package leaves no program and no probe in the kernel")
equal((conf(), os.path.exists("/usr/sbin/unlinkwatchd")), (EDITED, False),
      "removing the package keeps the configuration and deletes the program")
run("dpkg", "-i", newer_deb)
equal((conf(), is_now("is-active", "is-enabled")), (EDITED, ["active", "enabled"]),
      "the package can be installed again with the old configuration")
ok(delete("last") and programs(), "the package installed again records a deletion")

run("dpkg", "-P", "unlinkwatchd")
equal((programs(), definitions()), ([], ""), "purging leaves no program and no probe")
equal(sorted(files() - before), [], "purging leaves no file")
ok(not os.path.exists("/run/unlinkwatchd") and
   "unlinkwatchd" not in run("journalctl", "--list-catalog") and
   "could not be found" in run("systemctl", "status", "unlinkwatchd", check=False),
   "purging leaves nothing in /run, in the catalog or in systemd")
done()
