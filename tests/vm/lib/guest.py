# SPDX-License-Identifier: MIT
"""A running guest: the qemu process, and the framed talk with the agent inside.

agent.py is the other half of the talk and describes the frames.
"""

import contextlib
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import tarfile
import time

from lib import cache, host, machine as machines, monitor as monitors

BOOT_SECONDS = 300
ANSWER_SECONDS = 180
QUESTION_SECONDS = 20
BOOT_TRIES = 3
CONSOLE_LINES = 40
HEADER = struct.Struct(">cI")
CHUNK = 1 << 16
TROUBLE = re.compile(
    r"BUG:|WARNING: |Oops|Kernel panic|general protection fault|double fault|UBSAN:"
)


class GuestDied(host.VmError):
    """qemu ended though nobody asked it to."""


class GuestSilent(host.VmError):
    """No answer in time."""


class Guest:
    """One qemu process on directory/overlay.qcow2; the end of its context is the end of qemu.

    Restores the given snapshot, or boots; record=True boots with its RAM in directory/ram, for
    save_state().
    """

    def __init__(self, machine, disk, directory, snapshot=None, record=False):
        self.directory = directory
        self.console = directory / "console.log"
        self.console.touch()
        self.console_start = self.console_size()  # a reboot goes on in the same log
        self.buffer = bytearray()
        self.process = self.agent = self.monitor = self.errors = None
        disk = os.path.relpath(disk, directory)
        saved = os.path.relpath(snapshot, directory) if snapshot else None
        ram = f"{saved}/ram" if saved else "ram" if record else None
        command = machines.command(machine, disk, ram, shared=record)
        try:
            if ram:
                self.monitor = monitors.Monitor()
            self._start(command + (["-incoming", "defer"] if saved else []))
            if ram:
                self.monitor.open()
            if saved:
                self.monitor.restore(f"{saved}/state")
        except BaseException:
            self.close()
            raise

    def _start(self, command):
        self.agent, theirs = socket.socketpair()
        inherited = [theirs]
        command += ["-chardev", f"socket,id=agent,fd={theirs.fileno()}"]
        if self.monitor:
            inherited.append(self.monitor.qemus_end)
            command += self.monitor.arguments()
        log = self.directory / "qemu.log"
        self.errors = open(log, "ab+")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=self.errors,
            stderr=self.errors, pass_fds=[end.fileno() for end in inherited],
            start_new_session=True, preexec_fn=host.die_with_parent)
        for end in inherited:
            end.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End qemu, whatever it does: its disk and RAM are thrown away. May be called again."""
        if self.process and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for end in (self.agent, self.monitor, self.errors):
            if end:
                end.close()

    def save_state(self):
        """End the guest as a snapshot: its devices' state joins the RAM in its directory."""
        self.monitor.save()
        self.process.wait(timeout=30)

    # Frames.

    def _send(self, kind, payload=b""):
        try:
            self.agent.settimeout(ANSWER_SECONDS)
            self.agent.sendall(HEADER.pack(kind, len(payload)) + payload)
        except TimeoutError as error:
            raise GuestSilent("the guest's agent takes no more data") from error
        except OSError as error:
            raise GuestDied(self.cause("the guest ended")) from error

    def _send_request(self, what, **arguments):
        self._send(b"J", json.dumps({"do": what, **arguments}).encode())

    def _take(self):
        """A complete frame from what has been received, or None."""
        if len(self.buffer) < HEADER.size:
            return None
        kind, length = HEADER.unpack_from(self.buffer)
        end = HEADER.size + length
        if len(self.buffer) < end:
            return None
        payload = bytes(self.buffer[HEADER.size:end])
        del self.buffer[:end]
        return kind, payload

    def _more(self):
        try:
            data = self.agent.recv(1 << 18)
        except OSError:
            data = b""
        if not data:
            raise GuestDied(self.cause("the guest ended"))
        self.buffer += data

    def receive(self, seconds):
        """The next frame; GuestSilent after the given time."""
        deadline = time.monotonic() + seconds
        while not (frame := self._take()):
            left = max(0, deadline - time.monotonic())
            if not select.select([self.agent], [], [], left)[0]:
                raise GuestSilent(f"no answer from the guest for {seconds:.0f} s")
            self._more()
        return frame

    def _frames(self, seconds):
        """All frames that come within the given time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            yield self.receive(left)
        raise GuestSilent(f"the guest was not done in {seconds:.0f} s")

    def _answer(self):
        kind, payload = self.receive(ANSWER_SECONDS)
        if kind != b"J":
            raise host.VmError(f"the guest's agent sent an unexpected frame {kind!r}")
        answer = json.loads(payload)
        if "error" in answer:
            raise host.VmError(f"in the guest: {answer['error']}")
        return answer["result"]

    # What the agent can do.

    def wait_boot(self):
        """Wait for the agent's first word."""
        if self.receive(BOOT_SECONDS)[0] != b"H":
            raise host.VmError("the guest's agent did not greet")

    def request(self, what, **arguments):
        """Have the agent do one of the things it answers when done."""
        self._send_request(what, **arguments)
        return self._answer()

    def send_files(self, what, add):
        """Stream a tar to the agent; add(tar) fills it."""
        self._send_request(what, to="/")
        stream = _DataFrames(self._send)
        with tarfile.open(fileobj=stream, mode="w|", bufsize=CHUNK,
                          format=tarfile.GNU_FORMAT) as tar:
            add(tar)
        self._send(b"D")
        return self._answer()

    def run_script(self, name, variables, output, seconds):
        """Run a script that was copied before, with these NAME=VALUE, and return its status.

        Every byte it prints goes to output.
        """
        self._send_request("run", argv=["env", *variables, f"/root/vm/{name}"])
        for kind, payload in self._frames(seconds):
            if kind == b"O":
                output(payload)
            elif kind == b"X":
                break
        return json.loads(payload)["status"]

    def processes(self):
        """What runs in the guest now, as ps lists it, or why that cannot be had."""
        try:
            self._send(b"Q")
            listing = next(payload for kind, payload in self._frames(QUESTION_SECONDS)
                           if kind == b"Q")
            return listing.decode(errors="replace").rstrip()
        except host.VmError as error:
            return f"({error})"

    def shell(self, terminal):
        """Relay between a terminal (terminal.py) and a login shell in the guest until that ends."""
        self._send_request("shell", term=os.environ.get("TERM", "vt100"), **terminal.size())
        while True:
            while frame := self._take():
                if frame[0] == b"X":
                    return json.loads(frame[1])["status"]
                terminal.write(frame[1])
            ready = select.select([self.agent, *terminal.inputs()], [], [])[0]
            if self.agent in ready:
                self._more()
            for kind, payload in terminal.events(ready):
                self._send(kind, payload)

    def reboot(self):
        """Let systemd shut the guest down for a reboot: qemu ends (-no-reboot), the disk stays."""
        self._send_request("reboot")
        with contextlib.suppress(GuestDied):
            while True:
                self.receive(ANSWER_SECONDS)
        self.process.wait(timeout=30)
        if "reboot: " not in self.console_text():
            raise GuestDied(self.cause("the guest ended while it shut down"))

    # What the console tells.

    def console_size(self):
        return self.console.stat().st_size

    def console_text(self, start=None):
        """The console since the given size, by default since this guest's start."""
        with open(self.console, "rb") as file:
            file.seek(self.console_start if start is None else start)
            return file.read().decode(errors="replace").replace("\r", "")

    def trouble(self, start):
        """The first line of an oops, BUG or WARNING since the console had the given size."""
        for line in self.console_text(start).splitlines():
            if TROUBLE.search(line):
                return re.sub(r"^\[ *[\d.]+\] ", "", line)
        return None

    def cause(self, otherwise):
        """Why the guest ended, in one line."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)
        console = self.console_text()
        if panic := re.search(r"Kernel panic - not syncing: (.*)", console):
            return f"the guest's kernel panicked: {panic.group(1)}"
        if down := re.search(r"reboot: (.*)", console):
            return f"{otherwise}: {down.group(1)}"
        self.errors.seek(0)
        words = self.errors.read().decode(errors="replace").strip().splitlines()
        return f"{otherwise}: {words[-1] if words else f'qemu status {self.process.returncode}'}"


class _DataFrames:
    """What tarfile writes an unpack to."""

    def __init__(self, send):
        self.send = send

    def write(self, data):
        for start in range(0, len(data), CHUNK):
            self.send(b"D", data[start:start + CHUNK])
        return len(data)


def boot(machine, disk, directory, record=False):
    """Boot directory/overlay.qcow2; a kernel that dies before the agent greets is tried again."""
    for left in reversed(range(BOOT_TRIES)):
        guest = Guest(machine, disk, directory, record=record)
        try:
            guest.wait_boot()
            return guest
        except GuestDied as error:
            guest.close()
            if not left:
                raise
            # Linux 6.12 under qemu 7.2's emulation is known to double-fault at some boots
            host.say(f"boot failed ({error}), trying again")
        except BaseException:
            guest.close()
            raise
    raise AssertionError("not reached")


@contextlib.contextmanager
def console_told(directory):
    """When what is done inside fails, show the end of directory/console.log and keep all of it."""
    try:
        yield
    except host.VmError:
        console = directory / "console.log"
        if console.exists() and console.stat().st_size:
            text = console.read_text(errors="replace").replace("\r", "")
            last = ["", *text.splitlines()[-CONSOLE_LINES:]]
            host.say(f"the last {len(last) - 1} lines of the guest's console "
                     f"(all of it: {cache.keep_log(console)}):" + "\n    ".join(last))
        raise
