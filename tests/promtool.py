#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Finds promtool for the tests. Debian ships it only with the whole Prometheus server, so this
extracts the one program from that package into the cache of the virtual machines. Run as a program,
it fetches promtool if it is missing.
"""
import os
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "vm"))
from lib import cache, debian, host  # noqa: E402

SUITE = "bookworm"


def find(fetch=False):
    """
    Returns its path. Raises host.VmError if there is none. Uses the network only if `fetch` is set.
    """
    installed = shutil.which("promtool")
    if installed:
        return installed

    def build(directory):
        if not fetch:
            raise host.VmError("promtool is neither installed nor in the cache: tests/promtool.py "
                               "fetches it")
        archive = debian.Archive(SUITE)
        archive.refresh()
        with host.step("fetching promtool"), cache.scratch() as files:
            archive.extract(["prometheus"], files)
            shutil.move(files / "usr/bin/promtool", directory / "promtool")
    return str(cache.artifact("tool", "promtool", [SUITE], build) / "promtool")


if __name__ == "__main__":
    try:
        print(find(fetch=True))
    except host.VmError as error:
        sys.exit("promtool.py: %s" % error)
