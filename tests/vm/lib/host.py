# SPDX-License-Identifier: MIT
"""What the other modules need from the host: commands, progress lines, errors with a remedy."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time

VM_FAILED = 125
TIMED_OUT = 124

# program -> Debian package that has it
PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "fakeroot": "fakeroot",
    "make": "make",
    "xz": "xz-utils",
    "zstd": "zstd",
}
PR_SET_PDEATHSIG = 1

quiet = False
_line_open = False  # a progress line waits for its end


class VmError(Exception):
    """A failure of the vm itself: one line for the user, and the status to exit with."""

    def __init__(self, message, status=VM_FAILED):
        super().__init__(message)
        self.status = status


def _tell(text, end="\n"):
    global _line_open  # pylint: disable=global-statement
    print(text, end=end, file=sys.stderr, flush=True)
    _line_open = end != "\n"


def say(message):
    """Something the user must know even with -q."""
    _tell(f"{chr(10) if _line_open else ''}vm: {message}")


@contextlib.contextmanager
def step(message):
    """One progress line on stderr, completed by the seconds it took."""
    if quiet:
        yield
        return
    start = time.monotonic()
    _tell(f"vm: {message} ... ", end="")
    done = "failed"
    try:
        yield
        done = f"{time.monotonic() - start:.0f} s"
    finally:
        _tell(done if _line_open else f"vm: {message}: {done}")


def program(name):
    """The program's path, or an error that names the package to install."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise VmError(f"{name} is missing: apt-get install {PACKAGES.get(name, name)}")
    return found


def run(arguments, **options):
    """Run a helper program quietly and return its output; its last words become the error.

    It gets a session of its own and is asked to stop before it is killed: mmdebstrap has mounts to
    undo.
    """
    command = [program(arguments[0]), *arguments[1:]]
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, errors="replace", start_new_session=True, preexec_fn=die_with_parent, **options)
    try:
        output, errors = child.communicate()
    except BaseException:
        _stop(child)
        raise
    if child.returncode:
        words = [line.strip() for line in (output + errors).splitlines() if line.strip()]
        apt_errors = [line for line in words if line.startswith("E: ")]
        cause = (apt_errors or words[-1:] or ["it said nothing"])[0]
        raise VmError(f"{os.path.basename(command[0])} failed ({child.returncode}): {cause}")
    return output


def _stop(child):
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=20)
            return


def as_owner():
    """Prefix for commands that must see or set root's ownership of files."""
    return [] if os.geteuid() == 0 else ["fakeroot", "--"]


def die_with_parent():
    """For preexec_fn: a child must not survive us, not even kill -9."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
