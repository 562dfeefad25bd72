# SPDX-License-Identifier: MIT
"""The cache directory: artifacts that are built once, atomically, and never changed afterwards.

An artifact is a directory KIND/LABEL-HASH, the hash being over everything it is made of. A build
goes to a directory of its own that is renamed when complete; a lock file per label keeps two runs
from building the same thing. Whoever uses an artifact holds a shared lock on its directory, so that
replacing an old one never pulls it from under a guest.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import tempfile
import time

from lib import host

KINDS = ("disk", "kernel", "root", "snapshot", "sysroot", "tool")
LOGS_KEPT = 20
UNUSED_SECONDS = 14 * 24 * 3600


def root():
    """Where the cache lives; created on first use."""
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    chosen = os.environ.get("UW_VM_CACHE") or os.path.join(caches, "unlinkwatchd-vm")
    path = pathlib.Path(chosen).absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot create the cache {path}: {error.strerror}; set UW_VM_CACHE"
        raise host.VmError(problem) from error
    return path


def key(*parts):
    """A short hash of JSON-able values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


@contextlib.contextmanager
def lock(name, wait_message=None):
    """Hold the named lock; says why when another vm makes us wait."""
    path = root() / "locks" / name
    while True:
        path.parent.mkdir(exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if wait_message and not host.quiet:
                    host.say(wait_message)
                fcntl.flock(file, fcntl.LOCK_EX)
            if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
                yield
                return
            # clean() removed it while we waited: what we hold is nobody's lock any more


def _hold(path):
    """Take a shared lock on a complete artifact until the process ends; False if there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    if path.exists():  # it may have been pruned between the two calls
        with contextlib.suppress(PermissionError):
            os.utime(path)  # in use: not to be pruned
        return True
    os.close(descriptor)
    return False


def _remove_unused(path):
    """Remove a directory unless somebody holds it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)


def artifact(kind, label, made_of, build):
    """The directory of an artifact, built by build(directory) if there is none made of the same."""
    path = root() / kind / f"{label}-{key(kind, made_of)}"
    if _hold(path):
        return path
    with lock(f"{kind}-{label}", f"waiting for another vm that builds {kind} {label}"):
        if _hold(path):
            return path
        with scratch() as directory:
            build(directory)
            path.parent.mkdir(exist_ok=True)
            os.chmod(directory, 0o755)
            os.rename(directory, path)
        _hold(path)
        _prune(path, label)
    return path


def _prune(path, label):
    """Remove what the new artifact replaces, and what nobody has used for long."""
    for old in path.parent.glob(f"{label}-{'[0-9a-f]' * 12}"):
        if old != path:
            _remove_unused(old)
    for kind in KINDS:
        for old in (root() / kind).glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() > old.stat().st_mtime + UNUSED_SECONDS:
                    _remove_unused(old)


@contextlib.contextmanager
def scratch():
    """A temporary directory on the cache's file system, gone afterwards (unless renamed away)."""
    base = root() / "tmp"
    base.mkdir(exist_ok=True)
    _sweep(base)
    directory = pathlib.Path(tempfile.mkdtemp(dir=base))
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    try:
        yield directory
    finally:
        os.close(descriptor)
        shutil.rmtree(directory, ignore_errors=True)


def _sweep(base):
    """Remove what a killed vm left behind: directories that nobody holds."""
    for left in base.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > 60:  # a new one may not hold its lock yet
                _remove_unused(left)


def keep_log(path):
    """Copy a log out of a scratch directory and return where it is now; old ones make room."""
    logs = root() / "logs"
    logs.mkdir(exist_ok=True)
    kept = logs / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{path.name}"
    shutil.copyfile(path, kept)
    for old in sorted(logs.iterdir())[:-LOGS_KEPT]:
        old.unlink(missing_ok=True)
    return kept


def clean():
    """Remove everything that is not in use."""
    for directory in filter(pathlib.Path.is_dir, root().iterdir()):
        for entry in directory.iterdir():
            if entry.is_dir():
                _remove_unused(entry)
            else:
                _unlink_unlocked(entry)
        with contextlib.suppress(OSError):
            directory.rmdir()
    with contextlib.suppress(OSError):
        root().rmdir()


def _unlink_unlocked(path):
    with contextlib.suppress(OSError), open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
