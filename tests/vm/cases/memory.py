#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The kernel's memory for maps and programs: it grows little with the CPUs that the machine may have,
and not with those that a deletion needs. The guest has possible_cpus=64, of which 2 are there.
"""
import os
import re

from uwtest import configure, cursor, done, ok, restart, settle, status

DIR = "/srv/memory"
PER_CPU = 96 << 10
TWO_CPUS = 16 << 20
os.makedirs(DIR, exist_ok=True)


def delete(count):
    for i in range(count):
        open("%s/%d" % (DIR, i), "w").close()
    for i in range(count):
        os.unlink("%s/%d" % (DIR, i))


with open("/sys/devices/system/cpu/possible") as file:
    possible = int(re.search(r"(\d+)$", file.read().strip()).group(1)) + 1
for probe in ("kprobe", "fentry", "tracepoint"):
    configure("[Daemon]\nProbe=%s\n[Watch memory]\nPath=%s\n" % (probe, DIR))
    restart()
    now = status()
    kernel, resident = now["memory"]["kernel"], now["memory"]["resident"]
    print("# %s: %d possible CPUs: %d KiB in the kernel, ring buffer %d KiB, resident %d KiB" %
          (probe, possible, kernel >> 10, now["ring"]["size"] >> 10, resident >> 10), flush=True)
    ok(kernel <= TWO_CPUS + PER_CPU * (possible - 2),
       "with %s, maps and programs take at most 16 MiB, and 96 KiB for each further CPU" % probe)
    ok(kernel > 4 << 20, "and the status does not leave them out")
    start = cursor()
    delete(50)
    settle(start, 50)
done()
