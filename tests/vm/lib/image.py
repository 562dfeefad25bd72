# SPDX-License-Identifier: MIT
"""What a guest boots: a Debian root file system on a disk, a kernel, and a small initramfs."""

import io
import lzma
import os
import pathlib
import shutil
import subprocess
import sys

from lib import cache, debian, host, kernels

RECIPE = 1  # raise it when what this file puts into an image changes in a way the key does not see
DISK_SIZE = "4G"
BASE_PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "udev", "kmod", "mount", "procps", "passwd", "libbpf1",
    "libelf1", "libsystemd0", "python3", "busybox-static",
)
OTHER_NAMES = {"bullseye": {"libbpf1": "libbpf0"}}
BOOT_MODULES = ("virtio_pci", "virtio_blk", "ext4", "virtio_console")
# Units that cost boot time and have nothing to do in a guest without network or terminals.
MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
    "e2scrub_reap.service", "fstrim.timer", "getty.target", "getty-static.service",
    "logrotate.timer", "man-db.timer", "serial-getty@ttyS0.service",
    "systemd-ask-password-console.path", "systemd-ask-password-wall.path",
    "systemd-network-generator.service", "systemd-networkd.service", "systemd-pstore.service",
    "systemd-timesyncd.service", "systemd-tmpfiles-clean.timer",
)
# Each generator is a process at every boot and every daemon-reload.
MASKED_GENERATORS = (
    "bless-boot", "cryptsetup", "getty", "gpt-auto", "hibernate-resume", "integritysetup",
    "rc-local", "system-update", "veritysetup",
)
AGENT = "/usr/local/lib/unlinkwatch-vm-agent"
AGENT_NAME = "unlinkwatch-vm-agent.service"
AGENT_UNIT = f"""[Unit]
Description=Agent of unlinkwatchd's tests/vm/vm
[Service]
ExecStart={AGENT}
StandardOutput=journal+console
TasksMax=infinity
KillMode=mixed
TimeoutStopSec=5
[Install]
WantedBy=multi-user.target
"""
INIT = """#!/busybox sh
/busybox mount -t devtmpfs dev /dev
for module in {modules}; do
  /busybox insmod /modules/$module || echo "vm: insmod $module failed"
done
tries=0
until [ -b /dev/vda ] || [ $tries = 100 ]; do /busybox usleep 50000; tries=$((tries + 1)); done
/busybox mount -t ext4 -o noatime /dev/vda /root || echo "vm: no root disk"
/busybox mount --move /dev /root/dev
exec /busybox switch_root /root /sbin/init
"""


def root_tar(suite, extra):
    """Directory with root.tar, Debian's files as installed, before anything of ours."""
    names = OTHER_NAMES.get(suite, {})
    packages = [names.get(package, package) for package in BASE_PACKAGES] + sorted(set(extra))

    def build(directory):
        debian.Archive(suite).check(extra)
        more = f" with {', '.join(sorted(set(extra)))}" if extra else ""
        with host.step(f"installing Debian {suite}{more}"):
            debian.bootstrap(suite, packages, directory / "root.tar")

    return cache.artifact("root", label(suite, extra=extra), [RECIPE, suite, packages], build)


def label(*parts, extra=()):
    """A readable name; additional packages are in it as a hash."""
    return "-".join([*parts, *([cache.key(sorted(set(extra)))[:6]] if extra else [])])


def _write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _configure(tree):
    """Turn Debian's plain root into the guest: the agent, a fixed identity, nothing to wait for."""
    etc = tree / "etc"
    units = etc / "systemd/system"
    _write(etc / "fstab", "/dev/vda / ext4 noatime,errors=remount-ro 0 0\n")
    _write(etc / "hostname", "guest\n")
    _write(etc / "hosts", "127.0.0.1 localhost guest\n::1 localhost\n")
    _write(etc / "machine-id", "75776d0000000000000000000000dead\n")  # else it is a first boot
    _write(etc / "default/locale", "LANG=C.UTF-8\n")
    _write(tree / AGENT[1:], (pathlib.Path(__file__).parent / "agent.py").read_text(), 0o755)
    _write(units / AGENT_NAME, AGENT_UNIT)
    _link(f"../{AGENT_NAME}", units / "multi-user.target.wants" / AGENT_NAME)
    _link("/lib/systemd/system/multi-user.target", units / "default.target")
    for unit in MASKED:
        _link("/dev/null", units / unit)
    for generator in MASKED_GENERATORS:
        _link("/dev/null", etc / f"systemd/system-generators/systemd-{generator}-generator")
    for catalog in (tree / "usr/lib/systemd/catalog").glob("systemd.*.catalog"):
        catalog.unlink()  # translations, which `journalctl --update-catalog` would compile
    (tree / "var/log/journal").mkdir(exist_ok=True)  # makes the journal persistent
    (tree / "root/vm").mkdir(mode=0o700, exist_ok=True)
    for stamp in ("etc/.updated", "var/.updated"):  # else ldconfig, sysusers and hwdb run at boot
        (tree / stamp).touch()


def _link(target, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _add_modules(tree, source, release):
    """Put the kernel's modules into the tree, indexed by the tree's own depmod.

    It runs through the tree's own loader, so neither the host's libraries nor a chroot matter.
    """
    modules = tree / "lib/modules" / release
    modules.parent.mkdir(exist_ok=True)
    shutil.copytree(source, modules, symlinks=True)
    libraries = tree / "lib/x86_64-linux-gnu"
    depmod = tree.parent / "depmod"  # kmod is what it is called as
    depmod.symlink_to(tree / "bin/kmod")
    host.run([f"{libraries}/ld-linux-x86-64.so.2",
              "--library-path", f"{libraries}:{tree}/usr/lib/x86_64-linux-gnu",
              str(depmod), "-b", str(tree), release])


def _module_order(modules):
    """Files of BOOT_MODULES and all they depend on, in the order to insert them."""
    depends, names = {}, {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _, needs = line.partition(":")
        depends[path] = needs.split()
        names[os.path.basename(path).split(".ko")[0].replace("-", "_")] = path
    order = []
    for name in BOOT_MODULES:
        if name in names:  # else it is built in
            # modules.dep lists the direct needs first, the deepest last
            order += [*reversed(depends[names[name]]), names[name]]
    if "crc32c_generic" in names:  # ext4 asks for it by an alias, which modules.dep does not show
        order.insert(0, names["crc32c_generic"])
    return list(dict.fromkeys(order))


def _uncompressed(path):
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".zst":
        zstd = [host.program("zstd"), "-dc"]
        return subprocess.run(zstd, input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def make_cpio(entries):
    """A newc archive of (name, mode, data) entries, owned by root whoever we are."""
    out = io.BytesIO()
    for number, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        header = "070701" + "".join(f"{field:08x}" for field in fields) + name + "\0"
        out.write(header.encode())
        out.write(b"\0" * (-out.tell() % 4) + data)
        out.write(b"\0" * (-out.tell() % 4))
    return out.getvalue()


def _initramfs(modules, busybox):
    """A small initramfs: busybox, the modules for the root disk, and a script.

    Debian's own takes seconds more.
    """
    files = _module_order(modules)
    names = [os.path.basename(name).split(".ko")[0] + ".ko" for name in files]
    entries = [(name, 0o040755, b"") for name in ("dev", "root", "modules")]
    entries.append(("busybox", 0o100755, busybox.read_bytes()))
    entries.append(("init", 0o100755, INIT.format(modules=" ".join(names)).encode()))
    entries += [
        (f"modules/{name}", 0o100644, _uncompressed(modules / path))
        for name, path in zip(names, files)
    ]
    return make_cpio(entries)


def disk(series, suite, extra):
    """Directory with disk.raw, vmlinuz and initrd: all that a boot needs."""
    kernel_directory, release = kernels.fetch(series)
    root_directory = root_tar(suite, extra)
    here = pathlib.Path(__file__).parent
    ours = [(here / name).read_text() for name in ("agent.py", "image.py")]

    def build(directory):
        with host.step(f"making a disk with Linux {release}"), cache.scratch() as scratch:
            tree = scratch / "tree"
            tree.mkdir()
            # One fakeroot session: ownership that tar sets must still be there when mke2fs looks.
            script = "import sys; from lib import image; image.fill_disk(*sys.argv[1:])"
            host.run([*host.as_owner(), sys.executable, "-B", "-c", script, str(root_directory),
                      str(kernel_directory), release, str(tree), str(directory)],
                     env=dict(os.environ, PYTHONPATH=str(here.parent)))
            initramfs = _initramfs(tree / "lib/modules" / release, tree / "bin/busybox")
            (directory / "initrd").write_bytes(initramfs)
            shutil.copy(kernel_directory / "vmlinuz", directory / "vmlinuz")

    made_of = [RECIPE, ours, kernel_directory.name, root_directory.name]
    return cache.artifact("disk", label(series, suite, extra=extra), made_of, build)


def fill_disk(root_directory, kernel_directory, release, tree, directory):
    """Unpack, configure and write disk.raw.

    Runs in a process of its own, for an ordinary user under fakeroot.
    """
    tree = pathlib.Path(tree)
    host.run(["tar", "-x", "-p", "--xattrs", "--numeric-owner", "--exclude=./dev/*",
              "-f", f"{root_directory}/root.tar", "-C", str(tree)])
    _configure(tree)
    _add_modules(tree, pathlib.Path(kernel_directory) / "modules", release)
    # no lazy_itable_init: no kernel thread that writes inode tables while something is measured
    host.run(["mke2fs", "-q", "-t", "ext4", "-i", "32768",
              "-E", "lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0",
              "-d", str(tree), f"{directory}/disk.raw", DISK_SIZE])
