#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The guest's half of tests/vm/vm: serves one virtio-serial port.

Everything on the port is a frame (type byte, 32-bit length, payload), so nothing a script prints
can be mistaken for its end. The host sends J (a JSON request), D (tar bytes of an unpack), I (keys
for a shell), W (window size) and Q (what is running?). The agent answers J (result), O (output),
Q (a process list) and X (exit), and says H once after each boot.

Python 3.9 is enough: bullseye's.
"""

import errno
import fcntl
import io
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tarfile
import termios
import time

PORT = "/dev/virtio-ports/unlinkwatch.agent"
WORK = "/root/vm"
HEADER = struct.Struct(">cI")
CHUNK = 1 << 16
F_SETPIPE_SZ = 1031  # fcntl.F_SETPIPE_SZ, but only since Python 3.10
ENVIRONMENT = {
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "SHELL": "/bin/bash",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}


class Port:
    """The framed connection to the host."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def _read(self, size):
        data = bytearray()
        while len(data) < size:
            piece = os.read(self.fd, min(size - len(data), CHUNK))
            if not piece:  # no host is connected: the driver says so at once, it does not block
                time.sleep(0.05)
            data += piece
        return bytes(data)

    def receive(self):
        kind, length = HEADER.unpack(self._read(HEADER.size))
        return kind, self._read(length)

    def send(self, kind, payload=b""):
        data = memoryview(HEADER.pack(kind, len(payload)) + payload)
        while data:
            data = data[os.write(self.fd, data):]

    def send_json(self, kind, value):
        self.send(kind, json.dumps(value).encode())


class TarFrames(io.RawIOBase):
    """The D frames of one unpack as a file to read; an empty frame is its end."""

    def __init__(self, port):
        self.port, self.rest, self.ended = port, b"", False

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self.rest and not self.ended:
            kind, self.rest = self.port.receive()
            if kind != b"D":
                raise ValueError("expected tar data, got frame %r" % kind)
            self.ended = not self.rest
        size = min(len(buffer), len(self.rest))
        buffer[:size], self.rest = self.rest[:size], self.rest[size:]
        return size

    def drain(self):
        while not self.ended:
            self.ended = not self.port.receive()[1]


def unpack(port, request):
    """Unpack a tar stream below request["to"] and return the paths it held."""
    frames = TarFrames(port)
    names = []
    try:
        os.makedirs(request["to"], exist_ok=True)
        with tarfile.open(fileobj=io.BufferedReader(frames, CHUNK), mode="r|") as tar:
            # all of it as it is; Python 3.14 would otherwise drop owners and modes
            tar.extraction_filter = lambda member, _path: member
            for member in tar:
                # a directory that is there keeps its mode and time: a newer /usr would make the
                # next boot rebuild every cache (ConditionNeedsUpdate=)
                if not (member.isdir() and os.path.isdir(os.path.join(request["to"], member.name))):
                    tar.extract(member, request["to"], numeric_owner=True)
                    names.append(member.name)
    finally:
        frames.drain()
    return names


def install_product(port, request):
    """Unpack the staged `make install` at / and do what a package's maintainer scripts would."""
    names = unpack(port, {"to": "/"})

    def has(part):
        return [name for name in names if part in "/" + name]

    if has("/sysusers.d/"):
        succeed("systemd-sysusers")
    if has("/tmpfiles.d/"):
        files = ["/" + name for name in has("/tmpfiles.d/") if name.endswith(".conf")]
        succeed("systemd-tmpfiles", "--create", *files)
    # systemd finds a new unit when it is first asked for; only what adds to units that it may have
    # loaded takes a reload, which is a second here
    additions = (".d", ".wants", ".requires")
    if any(os.path.dirname(name).endswith(additions) for name in has("/systemd/system/")):
        succeed("systemctl", "daemon-reload")
    if has("/systemd/catalog/"):
        succeed("journalctl", "--update-catalog")


def output_of(*command):
    """(status, output of both kinds) of a command."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=ENVIRONMENT, check=False)
    return done.returncode, done.stdout.decode(errors="replace").rstrip()


def succeed(*command):
    status, text = output_of(*command)
    if status:
        raise RuntimeError("%s: %s" % (" ".join(command), text))


def settle(_port, _request):
    """Wait until systemd has no start job left, and say what became of it."""
    _, state = output_of("systemctl", "is-system-running", "--wait")
    _, failed = output_of("systemctl", "list-units", "--failed", "--plain", "--no-legend")
    return {"state": state, "failed": [line.split()[0] for line in failed.splitlines()]}


def warm(_port, _request):
    """Pull into the page cache what nearly every script uses: the snapshot keeps it there."""
    for command in (
        "systemctl daemon-reload",
        "journalctl -n1 -o json",
        "systemctl show dbus",
        "python3 -c 'import ctypes, json, os, re, struct, subprocess, threading, time'",
        "systemd-run --wait -q true",
        "cat /sys/kernel/btf/vmlinux",
        "bash -lc 'ls | sort | sed p'",
    ):
        output_of("/bin/sh", "-c", command)
    os.sync()


def clock(_port, request):
    """A restored snapshot's clock stands where it was taken; journal records need the real one."""
    time.clock_settime(time.CLOCK_REALTIME, request["time"])


def reboot(_port, _request):
    succeed("systemctl", "reboot")


def exit_status(wait_status):
    code = os.waitstatus_to_exitcode(wait_status)
    return 128 - code if code < 0 else code


def start_script(request):
    """Start the script with both outputs on one pipe; returns (pid, fd to read)."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 1 << 20)
    try:
        child = subprocess.Popen(request["argv"], stdin=subprocess.DEVNULL, stdout=writer,
                                 stderr=writer, cwd=WORK, env=ENVIRONMENT, start_new_session=True)
    finally:
        os.close(writer)
    return child.pid, reader


def start_shell(request):
    """Start a login shell on a terminal of its own; returns (pid, fd of the terminal)."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(WORK)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and that is inherited
        os.execve("/bin/bash", ["-bash"], dict(ENVIRONMENT, TERM=request["term"]))
    resize(fd, request)
    return pid, fd


def resize(fd, size):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", size["rows"], size["columns"], 0, 0))


def forward(port, fd):
    """Send what is there to read on fd; False when there is nothing (more) now."""
    try:
        data = os.read(fd, CHUNK)
    except BlockingIOError:
        return False
    except OSError:  # a terminal whose last user is gone answers EIO
        return False
    if data:
        port.send(b"O", data)
    return bool(data)


def from_host(port, fd):
    kind, payload = port.receive()
    if kind == b"I":
        type_keys(port, fd, payload)
    elif kind == b"W":
        resize(fd, json.loads(payload))
    elif kind == b"Q":
        # all but kernel threads
        port.send(b"Q", output_of("ps", "--forest", "--ppid", "2", "-p", "2", "-N",
                                  "-o", "pid,stat,wchan:24,time,args")[1].encode())


def type_keys(port, fd, keys):
    """Give keys to a terminal, whose buffer takes 4 KiB: meanwhile its output must go on."""
    while keys:
        try:
            keys = keys[os.write(fd, keys):]
        except BlockingIOError:
            if not forward(port, fd):
                time.sleep(0.01)


def serve_process(port, pid, fd):
    """Relay until the process itself has ended; what it left running may hold the pipe for ever."""
    os.set_blocking(fd, False)
    pidfd = os.pidfd_open(pid)
    poller = select.poll()
    for watched in (fd, pidfd, port.fd):
        poller.register(watched, select.POLLIN)
    ended = False
    while not ended:
        for ready, _events in poller.poll():
            if ready == pidfd:
                ended = True
            elif ready == port.fd:
                from_host(port, fd)
            elif not forward(port, fd):
                poller.unregister(fd)  # closed by a script that runs on silently
    while forward(port, fd):
        pass
    status = exit_status(os.waitpid(pid, 0)[1])
    os.close(pidfd)
    os.close(fd)
    port.send_json(b"X", {"status": status})


def run(port, request):
    os.makedirs(WORK, exist_ok=True)
    start = start_shell if request["do"] == "shell" else start_script
    try:
        pid, fd = start(request)
    except OSError as error:
        name = os.path.basename(request["argv"][0])
        port.send(b"O", ("%s: %s\n" % (name, error.strerror)).encode())
        port.send_json(b"X", {"status": 127 if error.errno == errno.ENOENT else 126})
        return
    serve_process(port, pid, fd)


ANSWERED = {
    "settle": settle,
    "warm": warm,
    "clock": clock,
    "unpack": unpack,
    "install": install_product,
    "reboot": reboot,
}


def serve(port):
    kind, payload = port.receive()
    if kind != b"J":
        return
    request = json.loads(payload)
    if request["do"] in ("run", "shell"):
        run(port, request)
        return
    try:
        port.send_json(b"J", {"result": ANSWERED[request["do"]](port, request)})
    except Exception as error:  # whatever it is, the host must hear of it
        port.send_json(b"J", {"error": "%s: %s" % (request["do"], error)})


def main():
    for _ in range(600):  # udev names the port once its driver is there
        if os.path.exists(PORT):
            break
        time.sleep(0.1)
    port = Port(PORT)
    port.send(b"H")
    while True:
        serve(port)


if __name__ == "__main__":
    sys.exit(main())
