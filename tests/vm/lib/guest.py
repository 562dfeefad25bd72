# SPDX-License-Identifier: MIT
"""A running guest: the qemu process, and the framed talk with the agent inside (agent.py has the other half)."""

import contextlib
import dataclasses
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

from lib import cache, host

BOOT_SECONDS = 300
ANSWER_SECONDS = 180
QUESTION_SECONDS = 20
BOOT_TRIES = 3
CONSOLE_LINES = 40
HEADER = struct.Struct(">cI")
CHUNK = 1 << 16
# mitigations=off: emulated CPUs gain nothing from them and every system call pays. loglevel=5 puts kernel warnings on
# the console without slowing the boot. panic=-1: a panic ends qemu at once (-no-reboot) instead of at the timeout.
# tsc=reliable: emulated CPUs share one time stamp counter, but the kernel finds it unstable and would read every time
# from the HPET, at three times the cost.
KERNEL_ARGUMENTS = "console=ttyS0 loglevel=5 panic=-1 mitigations=off tsc=reliable systemd.show_status=auto"
# 5-level page tables and nested virtualisation only cost time under emulation.
CPU = "max,la57=off,svm=off"
TROUBLE = re.compile(r"BUG:|WARNING: |Oops|Kernel panic|general protection fault|double fault|UBSAN:")


@dataclasses.dataclass(frozen=True)
class Machine:
    """What the virtual machine is made of; part of a snapshot's key."""

    cpus: int = 2
    memory: int = 1024
    append: str = ""
    icount: bool = False


class GuestDied(host.VmError):
    """qemu ended though nobody asked it to."""


class GuestSilent(host.VmError):
    """No answer in time."""


def make_overlay(directory, backing, backing_format):
    """A qcow2 in directory that reads from the backing file; named relatively, so that a cache can be moved."""
    backing = os.path.relpath(backing, directory)
    host.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", backing_format, "-b", backing,
              str(directory / "overlay.qcow2")])


def _accelerator(machine):
    if machine.icount:  # one instruction, one virtual nanosecond; exact only with a single thread
        return ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-smp", "1"]
    return ["-accel", "tcg,thread=multi", "-smp", str(machine.cpus)]


def _memory(machine, ram, shared):
    """Guest RAM. A snapshot's RAM is a file that each restored guest maps copy-on-write: nothing to load."""
    if not ram:
        return ["-m", f"{machine.memory}M"]
    return ["-m", f"{machine.memory}M", "-machine", "memory-backend=ram", "-object",
            f"memory-backend-file,id=ram,mem-path={ram},size={machine.memory}M,share={'on' if shared else 'off'}"]


def _command(machine, disk):
    """qemu's arguments but for memory and migration. Paths are relative to its directory: no name needs quoting."""
    return [host.program("qemu-system-x86_64"), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-machine", "q35", "-cpu", CPU, *_accelerator(machine),
            "-kernel", f"{disk}/vmlinuz", "-initrd", f"{disk}/initrd",
            "-append", f"{KERNEL_ARGUMENTS} {machine.append}".strip(),
            "-drive", "if=none,id=root,format=qcow2,cache=unsafe,file=overlay.qcow2",
            "-device", "virtio-blk-pci,drive=root", "-device", "virtio-serial-pci",
            "-device", "virtserialport,chardev=agent,name=unlinkwatch.agent",
            "-chardev", "file,id=console,append=on,path=console.log", "-serial", "chardev:console"]


class Guest:
    """One qemu process on directory/overlay.qcow2. Use as a context manager; its end is always the end of qemu.

    Restores the given snapshot, or boots; record=True boots with RAM in directory/ram, for save_state.
    """

    def __init__(self, machine, disk, directory, snapshot=None, record=False):
        self.directory = directory
        self.console = directory / "console.log"
        self.console.touch()
        self.buffer = bytearray()
        self.process = self.agent = self.monitor = self.errors = None
        disk = os.path.relpath(disk, directory)
        saved = os.path.relpath(snapshot, directory) if snapshot else None
        ram = f"{saved}/ram" if saved else "ram" if record else None
        command = [*_command(machine, disk), *_memory(machine, ram, shared=record)]
        try:
            self._start(command + (["-incoming", "defer"] if saved else []), monitored=bool(ram))
            if ram:
                self._open_monitor()
            if saved:
                self.command("migrate-incoming", uri=f"exec:cat {saved}/state")
        except BaseException:
            self.close()
            raise

    def _start(self, command, monitored):
        self.agent, theirs = socket.socketpair()
        command += ["-chardev", f"socket,id=agent,fd={theirs.fileno()}"]
        inherited = [theirs]
        if monitored:
            self.monitor, theirs = socket.socketpair()
            command += ["-chardev", f"socket,id=monitor,fd={theirs.fileno()}", "-mon", "chardev=monitor,mode=control"]
            inherited.append(theirs)
        self.errors = open(self.directory / "qemu.log", "ab+")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors,
            pass_fds=[end.fileno() for end in inherited], start_new_session=True, preexec_fn=host.die_with_parent)
        for end in inherited:
            end.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End qemu, whatever it is doing: its disk and memory are thrown away. May be called again."""
        if self.process and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for end in (self.agent, self.monitor, self.errors):
            if end:
                end.close()

    # The monitor (QMP): only for snapshots.

    def _open_monitor(self):
        self.monitor.settimeout(60)
        self.monitor_file = self.monitor.makefile("r", encoding="utf-8")
        self.monitor_file.readline()  # the greeting
        self.command("qmp_capabilities")
        # RAM that is a shared file stays out of the stream
        self.command("migrate-set-capabilities", capabilities=[{"capability": "x-ignore-shared", "state": True}])

    def command(self, name, **arguments):
        """Run a monitor command and return its result."""
        try:
            self.monitor.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
            for line in self.monitor_file:
                answer = json.loads(line)
                if "return" in answer:
                    return answer["return"]
                if "error" in answer:
                    raise host.VmError(f"qemu refused {name}: {answer['error']['desc']}")
        except OSError as error:
            raise GuestDied(f"qemu's monitor failed at {name}: {error}") from error
        raise GuestDied(self.cause("qemu ended"))

    def save_state(self):
        """End the guest and write its devices' state; its RAM is in the file it was started with."""
        self.command("migrate", uri="exec:cat > state")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status = self.command("query-migrate")
            if status["status"] == "completed":
                self.command("quit")
                self.process.wait(timeout=30)
                return
            if status["status"] == "failed":
                break
            time.sleep(0.05)
        raise host.VmError(f"qemu could not save the snapshot: {status.get('error-desc', status['status'])}")

    # Frames.

    def _send(self, kind, payload=b""):
        try:
            self.agent.settimeout(ANSWER_SECONDS)
            self.agent.sendall(HEADER.pack(kind, len(payload)) + payload)
        except TimeoutError as error:
            raise GuestSilent("the guest's agent takes no more data") from error
        except OSError as error:
            raise GuestDied(self.cause("the guest ended")) from error

    def _take(self):
        """A complete frame from what has been received, or None."""
        if len(self.buffer) < HEADER.size:
            return None
        kind, length = HEADER.unpack_from(self.buffer)
        if len(self.buffer) < HEADER.size + length:
            return None
        payload = bytes(self.buffer[HEADER.size:HEADER.size + length])
        del self.buffer[:HEADER.size + length]
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
            if not select.select([self.agent], [], [], max(0, deadline - time.monotonic()))[0]:
                raise GuestSilent(f"no answer from the guest for {seconds:.0f} s")
            self._more()
        return frame

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
        kind, payload = self.receive(BOOT_SECONDS)
        if kind != b"H":
            raise host.VmError("the guest's agent did not greet")
        return json.loads(payload)

    def request(self, what, **arguments):
        self._send(b"J", json.dumps({"do": what, **arguments}).encode())
        return self._answer()

    def send_files(self, what, add):
        """Stream a tar to the agent; add(tar) fills it."""
        guest = self

        class Frames:
            """What tarfile writes to."""

            @staticmethod
            def write(data):
                for start in range(0, len(data), CHUNK):
                    guest._send(b"D", data[start:start + CHUNK])
                return len(data)

        self._send(b"J", json.dumps({"do": what, "to": "/"}).encode())
        with tarfile.open(fileobj=Frames, mode="w|", bufsize=CHUNK, format=tarfile.GNU_FORMAT) as tar:
            add(tar)
        self._send(b"D")
        return self._answer()

    def run_script(self, name, output, seconds):
        """Run a script that was copied before; every byte it prints goes to output. Returns its status."""
        self._send(b"J", json.dumps({"do": "run", "argv": [f"/root/vm/{name}"]}).encode())
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            kind, payload = self.receive(left)
            if kind == b"X":
                return json.loads(payload)["status"]
            if kind == b"O":
                output(payload)
        raise GuestSilent("out of time")

    def processes(self):
        """What runs in the guest now, as ps lists it, or an explanation why that cannot be had."""
        try:
            self._send(b"Q")
            deadline = time.monotonic() + QUESTION_SECONDS
            while (left := deadline - time.monotonic()) > 0:
                kind, payload = self.receive(left)
                if kind == b"Q":
                    return payload.decode(errors="replace")
        except host.VmError as error:
            return f"({error})"
        return "(the guest's agent does not answer)"

    def shell(self, terminal):
        """Relay between a terminal (see terminal.py) and a login shell in the guest until that ends."""
        self._send(b"J", json.dumps({"do": "shell", "term": os.environ.get("TERM", "vt100"),
                                     **terminal.size()}).encode())
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
        """Let the guest's systemd shut down for a reboot; qemu then ends (-no-reboot), the disk stays."""
        self._send(b"J", json.dumps({"do": "reboot"}).encode())
        with contextlib.suppress(GuestDied):
            while True:
                self.receive(ANSWER_SECONDS)
        self.process.wait(timeout=30)
        if "reboot: " not in self.console_text():
            raise GuestDied(self.cause("the guest ended while it shut down"))

    # What the console tells.

    def console_text(self, start=0):
        with open(self.console, "rb") as file:
            file.seek(start)
            return file.read().decode(errors="replace").replace("\r", "")

    def console_size(self):
        return self.console.stat().st_size

    def trouble(self, start):
        """The first line of a kernel oops, BUG or WARNING since the given place in the console, or None."""
        lines = self.console_text(start).splitlines()
        return next((re.sub(r"^\[ *[\d.]+\] ", "", line) for line in lines if TROUBLE.search(line)), None)

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
        return f"{otherwise}: {words[-1]}" if words else f"{otherwise} (qemu's status {self.process.returncode})"


def boot(machine, disk, directory, record=False):
    """Boot the disk of directory/overlay.qcow2; a kernel that dies before the agent greets is tried again."""
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
    """When what is done inside fails, show the end of the console log in directory, and keep all of it."""
    try:
        yield
    except host.VmError:
        console = directory / "console.log"
        if console.exists() and console.stat().st_size:
            lines = console.read_text(errors="replace").replace("\r", "").splitlines()[-CONSOLE_LINES:]
            kept = cache.keep_log(console)
            host.say(f"the last {len(lines)} lines of the guest's console (all of it: {kept}):\n    "
                     + "\n    ".join(lines))
        raise
