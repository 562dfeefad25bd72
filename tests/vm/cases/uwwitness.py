#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
uwwitness PATH [thread | wait PID]: writes the processes above this one, as /proc has them, to
PATH.log, and deletes PATH: by a thread, or as soon as process PID is not its parent any more.
"""
import json
import os
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
    """Nearest first, up to process 1."""
    above = []
    while pid != 1:
        pid = parent(pid)
        above.append((comm(pid), pid))
    return above


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
