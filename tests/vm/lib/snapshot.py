# SPDX-License-Identifier: MIT
"""Snapshots: a guest that has booted and settled, as a disk overlay, a RAM file and device state.

Restoring maps the RAM file copy-on-write and reads some kilobytes of device state, so any number of
guests can start from one snapshot at the same time, in well under a second, each on a throw-away
overlay.
"""

import dataclasses

from lib import cache, guest, host, machine as machines

RECIPE = 2


def check_settled(machine_guest, machine, strict):
    """Wait until the guest has booted completely.

    A degraded system is an error if strict, unless kernel arguments of the user's can be why.
    """
    found = machine_guest.request("settle")
    if found["state"] == "running":
        return
    failed = ", ".join(found["failed"]) or "no failed unit"
    message = f"the guest is {found['state'] or 'in an unknown state'}, not running ({failed})"
    if strict and not machine.append:
        raise host.VmError(message)
    host.say(message)


def take(machine, disk, label):
    """Directory of the snapshot of this machine on this disk, booting it once if there is none."""

    def build(directory):
        with host.step(f"booting {label} for its snapshot"), guest.console_told(directory):
            machines.make_overlay(directory, disk / "disk.raw", "raw")
            booted = guest.boot(machine, disk, directory, record=True)
            with booted:
                check_settled(booted, machine, strict=True)
                booted.request("warm")
                booted.save_state()

    emulator = host.run(["qemu-system-x86_64", "--version"]).splitlines()[0]
    made_of = [RECIPE, disk.name, dataclasses.asdict(machine), emulator, _host_cpu(),
               machines.KERNEL_ARGUMENTS, machines.CPU]
    variant = cache.key(dataclasses.asdict(machine))[:6]
    return cache.artifact("snapshot", f"{label}-{variant}", made_of, build)


def _host_cpu():
    """The host's CPU: its clock's rate is what the guest measured when it booted."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return next((line for line in file if line.startswith("model name")), "")
