#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
uwwitness PATH [thread | wait PID]: writes the processes above this one, as /proc has them, to
PATH.log, and deletes PATH: by a thread, or as soon as process PID is not its parent any more.

As a module: what /proc has, and what a record has, in the same form.
"""
import json
import os
import re
import sys
import threading
import time


def parent(pid):
    with open("/proc/%s/stat" % pid, "rb") as f:
        return int(f.read().rpartition(b")")[2].split()[1])


def comm(pid):
    with open("/proc/%s/comm" % pid, "rb") as f:
        return f.read()[:-1].decode(errors="surrogateescape")


def chain(pid):
    """[(name, pid)], nearest first, up to process 1, or 2 for what the kernel has started."""
    above = []
    while pid > 2:
        pid = parent(pid)
        above.append((comm(pid), pid))
    return above


def unquote(text):
    """The name of a process, as UNLINK_ANCESTORS has it."""
    if not text.startswith('"'):
        return text

    def byte(m):
        if m[1] in b"abtnvfr":
            return bytes([ord("\a") + b"abtnvfr".index(m[1])])
        return bytes.fromhex(m[1][1:].decode()) if m[1][1:] else m[1]
    return re.sub(rb"\\(x..|.)", byte, text[1:-1].encode()).decode(errors="surrogateescape")


def parse(text):
    """The same of UNLINK_ANCESTORS. What does not fit its grammar is an error."""
    entry = r'("(?:[^"\\]|\\.)*"|[^"\[\]<]*)\[(\d+)\]'
    if text and not re.fullmatch(entry + "(?: < " + entry + ")*", text):
        raise ValueError(text)
    return [(unquote(name), int(pid)) for name, pid in re.findall("(?: < )?" + entry, text)]


def main():
    path, how = sys.argv[1], sys.argv[2:]
    while "wait" in how and parent("self") == int(how[1]):
        time.sleep(0.01)
    me = int(os.readlink("/proc/self"))     # the host's number, whatever the namespace
    with open(path + ".log", "w") as f:
        json.dump({"pid": me, "comm": comm(me), "chain": chain(me)}, f)
    if "thread" in how:
        thread = threading.Thread(target=os.unlink, args=(path,))
        thread.start()
        thread.join()
    else:
        os.unlink(path)


if __name__ == "__main__":
    main()
