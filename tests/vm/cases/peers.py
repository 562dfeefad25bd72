#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The client's address of a server in user space that has a process for each connection. Since Linux
6.1; before, no record has one.
"""
import os
import socket
import threading

from uwtest import configure, cursor, deletions, done, equal, need, restart, run, settle, touch

DIR, PORT = "/srv/peers", 4455
KNOWS = not os.uname().release.startswith("5.")
# A client says who is to delete, and what. It ends the connection.
SERVER = r'''
import os, socket, subprocess, sys
s = socket.create_server(("::", %d), family=socket.AF_INET6, dualstack_ipv6=True)
kept = []
while True:
    c, _ = s.accept()
    who, path = (c.recv(999).decode() or "nobody /").split()
    if who == "nobody":
        pass
    elif who == "listener":
        os.unlink(path)
        kept.append(c)
    elif not os.fork():
        s.close()
        for k in kept if who != "two" else ():
            k.close()
        if who == "child":
            subprocess.run(["rm", path])
        elif who == "grandchild":
            subprocess.run(["sh", "-c", "sleep 2; rm " + path + "; :"])
        else:
            os.unlink(path)
        c.send(b".")
        c.recv(1)
        os._exit(0)
    if who == "listener":
        c.send(b".")
    else:
        c.close()
''' % PORT


def ask(who, path, source):
    """Returns the connection."""
    c = socket.create_connection(("::1" if source == "::1" else "127.0.0.1", PORT),
                                 source_address=(source, 0))
    touch(path)
    c.send(("%s %s" % (who, path)).encode())
    c.recv(1)
    return c


def listens():
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", PORT)) == 0


os.makedirs(DIR)
configure("[Watch peers]\nPath=%s\n" % DIR)
restart()
run("systemd-run", "--unit=server", "python3", "-c", SERVER)
need(listens, "the server")
ROWS = (
    # who deletes, from where, what the record has
    ("itself", "127.0.0.2", "127.0.0.2"),
    ("itself", "127.0.0.3", "127.0.0.3"),
    ("itself", "::1", "::1"),
    ("child", "127.0.0.4", "127.0.0.4"),
    ("grandchild", "127.0.0.5", "127.0.0.5"),
    ("listener", "127.0.0.7", None),
    ("two", "127.0.0.8", None),
)
here = cursor()
open_ones = []
for i, (who, source, _) in enumerate(ROWS):
    open_ones.append(ask(who, "%s/%d" % (DIR, i), source))
settle(here, len(ROWS))
for c in open_ones:
    c.close()
found = {r["UNLINK_PATH"]: r for r in deletions(here)}
for i, (who, source, wanted) in enumerate(ROWS):
    record = found.get("%s/%d" % (DIR, i), {})
    equal((record.get("UNLINK_CLIENT"), record.get("UNLINK_CLIENT_FROM")),
          (wanted, "socket") if wanted and KNOWS else (None, None),
          "%s, from %s" % (who, source))

# A client is no server.
here = cursor()
touch(DIR + "/client")
with socket.create_server(("127.0.0.1", PORT + 1)):
    run("systemd-run", "--quiet", "--wait", "python3", "-c",
        "import os, socket; s = socket.create_connection(('127.0.0.1', %d)); os.unlink('%s')" %
        (PORT + 1, DIR + "/client"))
settle(here, 1)
equal([r.get("UNLINK_CLIENT") for r in deletions(here)], [None], "a client has no client")

# Processes come and go, from two addresses at once.
def many(source):
    for i in range(100):
        ask("child", "%s/%s-%d" % (DIR, source, i), source).close()


here = cursor()
threads = [threading.Thread(target=many, args=("127.0.1.%d" % i,)) for i in (1, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
settle(here, 200)
wrong = [r for r in deletions(here)
         if r.get("UNLINK_CLIENT") not in (None, r["UNLINK_PATH"].split("/")[-1].split("-")[0])]
missing = sum("UNLINK_CLIENT" not in r for r in deletions(here))
equal(wrong, [], "no record has the address of another client")
print("# 200 processes of 2 clients: %d records have no address" % missing)
done()
