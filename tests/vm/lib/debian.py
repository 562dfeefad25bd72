# SPDX-License-Identifier: MIT
"""Debian's archive, through the machine's own mirrors but with APT state of our own: the host is not altered."""

import os
import re
import time

from lib import cache, host

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SUITES = ("bullseye", "bookworm", "trixie", "sid")
WITHOUT_SECURITY = ("sid",)
REFRESH_SECONDS = 24 * 3600
RETRY_SECONDS = 3600  # after a refresh that failed: stay usable offline without a delay at every run


def _targets():
    """What the machine's APT configuration names, one [uri, suite, component] each, lists fetched or not."""
    text = host.run(["apt-get", "-o", "APT::Get::IndexTargets::ReleaseInfo=false", "indextargets",
                     "--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)"])
    return [line.split("|") for line in dict.fromkeys(text.splitlines()) if line.count("|") == 2]


def mirrors():
    """(main archive, security archive or None) as the machine's own APT sources name them."""
    if os.environ.get("UW_VM_MIRROR"):
        return os.environ["UW_VM_MIRROR"], os.environ.get("UW_VM_SECURITY_MIRROR")
    releases = "stable|testing|unstable|oldstable|oldoldstable|forky|" + "|".join(SUITES)
    targets = [(uri, suite) for uri, suite, component in _targets() if component == "main"]
    main = [uri for uri, suite in targets if re.fullmatch(rf"({releases})(-updates)?", suite)]
    security = [uri for uri, suite in targets if re.fullmatch(rf"({releases})(-security|/updates)", suite)]
    if not main:
        raise host.VmError("no Debian archive among this machine's APT sources: set UW_VM_MIRROR to one's URI")
    main.sort(key=lambda uri: not uri.rstrip("/").endswith("/debian"))  # others name their suites like Debian's
    return main[0], security[0] if security else None


def sources(suite, with_security=True):
    """Lines for a sources.list of the suite."""
    if not os.path.exists(KEYRING):
        raise host.VmError("Debian's archive keys are missing: apt-get install debian-archive-keyring")
    main, security = mirrors()
    # Old suites' Release files are past their date; their signatures are checked all the same.
    options = f"[signed-by={KEYRING} check-valid-until=no]"
    lines = [f"deb {options} {main} {suite} main"]
    if with_security and security and suite not in WITHOUT_SECURITY:
        lines.append(f"deb {options} {security} {suite}-security main")
    return lines


class Archive:
    """One suite of the archive, with lists that are refreshed at most once a day."""

    def __init__(self, suite):
        self.suite = suite
        self.directory = cache.root() / "apt" / suite
        self.stamp = self.directory / "refreshed"

    def _options(self):
        own = self.directory
        return ["-o", f"Dir::State::lists={own}/lists", "-o", f"Dir::Cache={own}/cache",
                "-o", f"Dir::Etc::sourcelist={own}/sources.list", "-o", "Dir::Etc::sourceparts=/dev/null",
                "-o", "Dir::Etc::preferences=/dev/null", "-o", "Dir::Etc::preferencesparts=/dev/null",
                "-o", "Dir::State::status=/dev/null", "-o", "APT::Sandbox::User=root",
                "-o", "APT::Default-Release=", "-o", "Acquire::Retries=1", "-o", "Acquire::Languages=none",
                # the machine's own hooks are about its own lists
                "-o", "APT::Update::Post-Invoke-Success::=", "-o", "DPkg::Post-Invoke::="]

    def apt(self, tool, *arguments, **options):
        return host.run([tool, *self._options(), *arguments], **options)

    def _update(self):
        """Fetch the lists; a security archive that no longer carries the suite is done without."""
        for directory in ("lists/partial", "cache/archives/partial"):
            (self.directory / directory).mkdir(parents=True, exist_ok=True)
        for with_security in (True, False):
            (self.directory / "sources.list").write_text("\n".join(sources(self.suite, with_security)) + "\n")
            try:
                self.apt("apt-get", "--error-on=any", "-q", "update")
                return
            except host.VmError:
                if not with_security:
                    raise

    def _locked(self):
        return cache.lock(f"apt-{self.suite}", f"waiting for another vm that uses the package lists of {self.suite}")

    def refresh(self):
        """Have lists no older than a day, or the best there is; returns the time they were fetched."""
        with self._locked():
            if not self.stamp.exists() or time.time() > self.stamp.stat().st_mtime + REFRESH_SECONDS:
                self._refresh_now()
            return self.stamp.stat().st_mtime

    def _refresh_now(self):
        try:
            with host.step(f"fetching the package lists of {self.suite}"):
                self._update()
            self.stamp.touch()
        except host.VmError as error:
            if not self.stamp.exists():
                raise host.VmError(f"no package lists of {self.suite}: {error}") from error
            host.say(f"going on with old package lists of {self.suite}: {error}")
            late = time.time() - REFRESH_SECONDS + RETRY_SECONDS
            os.utime(self.stamp, (late, late))

    def show(self, package):
        """The fields of the newest version of a package."""
        with self._locked():
            text = self.apt("apt-cache", "--no-all-versions", "show", package)
        return dict(line.split(": ", 1) for line in text.split("\n\n")[0].splitlines()
                    if ": " in line and not line.startswith(" "))

    def check(self, packages):
        """Raise an error for the first package that the suite does not have (mmdebstrap would not name it)."""
        self.refresh()
        for package in packages:
            try:
                self.show(package)
            except host.VmError as error:
                raise host.VmError(f"Debian {self.suite} has no package {package}") from error

    def extract(self, packages, directory):
        """Download packages and unpack their files into directory."""
        with self._locked(), cache.scratch() as downloads:
            self.apt("apt-get", "-q", "download", *packages, cwd=downloads)
            for package in sorted(downloads.glob("*.deb")):
                host.run(["dpkg-deb", "-x", str(package), str(directory)])


def bootstrap(suite, packages, tar):
    """Make a tar of a minimal root file system of the suite."""
    command = ["mmdebstrap", "--quiet", "--variant=essential", f"--include={','.join(packages)}",
               "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
               "--dpkgopt=path-exclude=/usr/share/man/*", "--aptopt=Acquire::Languages none",
               suite, str(tar), *sources(suite)]
    # Its working directory must go with ours if we are killed; ordinary users need one their subuids can reach.
    own = {"TMPDIR": str(tar.parent)} if os.geteuid() == 0 else {}
    host.run(command, env=dict(os.environ, **own))
