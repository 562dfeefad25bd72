# SPDX-License-Identifier: MIT
"""Debian's kernels: which one a series is today, and its files."""

import json
import re
import shutil

from lib import cache, debian, host

RECIPE = 1  # raise it when what this file puts into a kernel's directory changes
# The suites that carry a series. Debian keeps a stable suite's series for as long as it keeps the
# suite. sid and backports move on, so that what they have is only named "newest".
KERNELS = {
    "5.10": ("bullseye",),
    "6.1": ("bookworm",),
    "6.12": ("trixie", "bookworm-backports"),
    "newest": ("sid", "trixie-backports"),
}
META_PACKAGE = "linux-image-cloud-"  # and the architecture


def _offer(suite, arch):
    """(version, release) of the kernel that the suite's meta package names."""
    archive = debian.Archive(suite, arch)
    facts = archive.directory / "kernel.json"
    fetched = archive.refresh()
    if not facts.exists() or facts.stat().st_mtime < fetched:
        found = archive.show(META_PACKAGE + arch)
        release = re.search(r"linux-image-(\d\S*)", found["Depends"]).group(1)
        facts.write_text(json.dumps({"version": found["Version"], "release": release}))
    known = json.loads(facts.read_text())
    return known["version"], known["release"]


def _numbers(release):
    return [int(n) for n in re.match(r"[\d.]+", release).group(0).split(".") if n]


def current(series, arch="amd64"):
    """The newest kernel of a series: (suite, package version, release)."""
    offers, problems = [], []
    for suite in KERNELS[series]:
        try:
            version, release = _offer(suite, arch)
        except host.VmError as error:
            problems.append(str(error))
            continue
        if series == "newest" or release.startswith(series + "."):
            offers.append((_numbers(release), suite, version, release))
            if series != "newest":
                break
        else:
            problems.append(f"{suite} has Linux {release}")
    if not offers:
        raise host.VmError(f"no Linux {series}: {'; '.join(problems)}")
    return max(offers)[1:]


def _packages(archive, release):
    """The image package and what it needs of the same release: since 7.x itself it is empty."""
    wanted, found = [f"linux-image-{release}"], []
    while wanted:
        package = wanted.pop()
        found.append(package)
        depends = archive.show(package).get("Depends", "")
        needed = re.findall(rf"linux-[a-z]+-{re.escape(release)}(?= |,|$)", depends)
        wanted += [name for name in needed if name not in found + wanted]
    return found


def _first(base, *names):
    """The first of the names that exists below base: releases differ in where they keep things."""
    return next(base / name for name in names if (base / name).exists())


def fetch(series, arch="amd64"):
    """(directory with vmlinuz and modules/, release) of the series' newest kernel."""
    suite, version, release = current(series, arch)

    def build(directory):
        archive = debian.Archive(suite, arch)
        with host.step(f"fetching Linux {release}"), cache.scratch() as files:
            archive.extract(_packages(archive, release), files)
            modules = _first(files, f"lib/modules/{release}", f"usr/lib/modules/{release}")
            vmlinuz = _first(files, f"boot/vmlinuz-{release}",
                             f"usr/lib/modules/{release}/vmlinuz")
            shutil.move(vmlinuz, directory / "vmlinuz")
            shutil.move(modules, directory / "modules")

    name = series if arch == "amd64" else f"{series}-{arch}"
    return cache.artifact("kernel", name, [RECIPE, version, release], build), release
