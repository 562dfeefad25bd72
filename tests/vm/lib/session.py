# SPDX-License-Identifier: MIT
"""What `vm run`, `vm shell` and `vm build` do: prepare a guest, fill it, run, report."""

import contextlib
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import time

from lib import cache, guest, host, image, machine, snapshot

TOP = pathlib.Path(__file__).resolve().parents[3]
WORK = "root/vm"


@dataclasses.dataclass
class Options:
    """A parsed command line."""

    kernel: str
    suite: str
    packages: list
    machine: machine.Machine
    copies: list  # of (path on the host, path in the guest relative to /, mode or None to keep it)
    scripts: list  # names below /root/vm, in order
    variables: list  # NAME=VALUE, of their environment
    fresh_boot: bool
    product: bool
    timeout: float

    def label(self):
        return image.label(self.kernel, self.suite, extra=self.packages)


def stage_product(directory):
    """Run `make install` of this checkout into directory."""
    if not (TOP / "Makefile").exists():
        raise host.VmError(f"no Makefile in {TOP} to install the product with: use --no-product")
    # A make that called us keeps its job server to itself.
    flags = re.sub(r"(^| )(--jobserver-\S+|-j\d*)", "", os.environ.get("MAKEFLAGS", ""))
    command = [host.program("make"), "-s", "-C", str(TOP), "install",
               f"DESTDIR={directory}", "PREFIX=/usr"]
    # two makes in one build directory would disturb each other
    with cache.lock(f"make-{cache.key(str(TOP))}"):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                              stdout=subprocess.PIPE if host.quiet else sys.stderr.fileno(),
                              env=dict(os.environ, MAKEFLAGS=flags), check=False)
    if done.returncode:
        sys.stderr.buffer.write(done.stdout or b"")
        raise host.VmError(f"`make install` failed with status {done.returncode}: "
                           "mend it or use --no-product")


def _owned_by_root(member):
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def _add_stage(stage):
    def add(tar):
        for entry in sorted(stage.iterdir()):
            tar.add(entry, entry.name, filter=_owned_by_root)

    return add


def _add_copies(copies):
    def add(tar):
        for source, target, mode in copies:
            member = _owned_by_root(tar.gettarinfo(os.path.realpath(source), target))
            if member.isdir():
                tar.add(source, target, filter=_owned_by_root)
                continue
            member.mode = member.mode if mode is None else mode
            with open(source, "rb") as file:
                tar.addfile(member, file)

    return add


class Session:
    """One guest and the scratch directory it lives in; leaving the context ends both."""

    def __init__(self, options):
        self.options = options
        self.guest = None

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        with contextlib.ExitStack() as undo:
            self.directory = undo.enter_context(_workplace())
            undo.callback(self.close)
            self._prepare()
            self.stack = undo.pop_all()
        return self

    def __exit__(self, *failure):
        return self.stack.__exit__(*failure)

    def close(self):
        if self.guest:
            self.guest.close()

    def _prepare(self):
        """A guest with the product and the copies in place."""
        options, stage = self.options, self.directory / "stage"
        stage.mkdir()
        if options.product:
            stage_product(stage)
        self.disk = image.disk(options.kernel, options.suite, options.packages)
        self._start()
        self.guest.request("clock", time=time.time())
        if options.copies:
            self.guest.send_files("unpack", _add_copies(options.copies))
        if options.product:
            self.guest.send_files("install", _add_stage(stage))

    def _start(self):
        options = self.options
        if options.fresh_boot or options.machine.icount:
            with host.step(f"booting {options.label()}"):
                machine.make_overlay(self.directory, self.disk / "disk.raw", "raw")
                self._boot()
        else:
            saved = snapshot.take(options.machine, self.disk, options.label())
            machine.make_overlay(self.directory, saved / "overlay.qcow2", "qcow2")
            self.guest = guest.Guest(options.machine, self.disk, self.directory, snapshot=saved)

    def _boot(self):
        self.guest = guest.boot(self.options.machine, self.disk, self.directory)
        snapshot.check_settled(self.guest, self.options.machine, strict=False)

    def reboot(self):
        """Shut the guest's system down and boot it again from the same disk."""
        with host.step("rebooting the guest"):
            self.guest.reboot()
            self.guest.close()
            self._boot()

    def run_script(self, name):
        """Run one of the copied scripts and return its status."""
        start = self.guest.console_size()
        try:
            status = self.guest.run_script(
                name, self.options.variables, _print, self.options.timeout)
        except guest.GuestSilent as error:
            host.say(f"running in the guest when the time was up:\n{self.guest.processes()}")
            late = f"{name} did not end within {self.options.timeout:g} s"
            raise host.VmError(late, host.TIMED_OUT) from error
        except guest.GuestDied as error:
            raise host.VmError(f"while {name} ran, {error}") from error
        if trouble := self.guest.trouble(start):
            log = cache.keep_log(self.guest.console)
            host.say(f"the guest's kernel complained while {name} ran: {trouble} "
                     f"(all of it: {log})")
        return status


def _print(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@contextlib.contextmanager
def _workplace():
    """A scratch directory whose console is shown when the guest fails."""
    with cache.scratch() as directory, guest.console_told(directory):
        yield directory


def run(options):
    """Run the scripts, with a reboot between them; the status of the first that fails, or 0."""
    with Session(options) as session:
        for number, name in enumerate(options.scripts):
            if number:
                session.reboot()
            if status := session.run_script(name):
                return status
    return 0


def shell(options, terminal):
    """A root shell in the guest on the user's terminal."""
    with Session(options) as session:
        host.say("a root shell in the guest; leave it with exit, and the guest is thrown away")
        with terminal:
            return session.guest.shell(terminal)


def build(options):
    """Make everything that a run would need."""
    disk = image.disk(options.kernel, options.suite, options.packages)
    snapshot.take(options.machine, disk, options.label())
