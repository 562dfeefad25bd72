# SPDX-License-Identifier: MIT
"""The virtual machine as qemu's command line: what is emulated, and what the kernel is told."""

import dataclasses
import os

from lib import host

# loglevel=5: kernel warnings are on the console, and the boot is not slowed by the rest.
# panic=-1: a panic ends qemu at once (-no-reboot) instead of at the timeout.
# mitigations=off: emulated CPUs gain nothing from them, and every system call pays.
# tsc=reliable: emulated CPUs share one time stamp counter, but the kernel finds it unstable and
# would read the time from the HPET, at three times the cost.
KERNEL_ARGUMENTS = (
    "console=ttyS0 loglevel=5 panic=-1 mitigations=off tsc=reliable systemd.show_status=auto"
)
# 5-level page tables and nested virtualisation only cost time under emulation.
CPU = "max,la57=off,svm=off"


@dataclasses.dataclass(frozen=True)
class Machine:
    """What the virtual machine is made of; part of a snapshot's key."""

    cpus: int = 2
    memory: int = 1024
    append: str = ""
    icount: bool = False


def make_overlay(directory, backing, backing_format):
    """Make directory/overlay.qcow2, which reads from the backing file.

    The name in it is relative: a cache can be moved.
    """
    host.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", backing_format,
              "-b", os.path.relpath(backing, directory), str(directory / "overlay.qcow2")])


def _accelerator(machine):
    if machine.icount:  # one instruction, one virtual nanosecond; exact only with a single thread
        return ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-smp", "1"]
    return ["-accel", "tcg,thread=multi", "-smp", str(machine.cpus)]


def _memory(machine, ram, shared):
    """RAM, in a file if ram names one: shared while a snapshot is made, copy-on-write in its users.

    Restoring a snapshot then has nothing to load.
    """
    size = f"{machine.memory}M"
    if not ram:
        return ["-m", size]
    backend = f"id=ram,mem-path={ram},size={size},share={'on' if shared else 'off'}"
    return ["-m", size, "-machine", "memory-backend=ram",
            "-object", f"memory-backend-file,{backend}"]


def command(machine, disk, ram, shared):
    """qemu's arguments, but for what differs from start to start.

    Paths are relative to the directory qemu runs in: no name of the user's needs quoting.
    """
    return [
        host.program("qemu-system-x86_64"), "-nodefaults", "-no-user-config", "-display", "none",
        "-no-reboot", "-machine", "q35", "-cpu", CPU,
        *_accelerator(machine), *_memory(machine, ram, shared),
        "-kernel", f"{disk}/vmlinuz", "-initrd", f"{disk}/initrd",
        "-append", f"{KERNEL_ARGUMENTS} {machine.append}".strip(),
        "-drive", "if=none,id=root,format=qcow2,cache=unsafe,file=overlay.qcow2",
        "-device", "virtio-blk-pci,drive=root",
        "-device", "virtio-serial-pci",
        "-device", "virtserialport,chardev=agent,name=unlinkwatch.agent",
        "-chardev", "file,id=console,append=on,path=console.log", "-serial", "chardev:console",
    ]
