# SPDX-License-Identifier: MIT
"""Debian's archive, through the machine's own mirrors but with APT state of our own.

The host's APT is read, never altered.
"""

import os
import re
import time

from lib import cache, host

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SUITES = ("bullseye", "bookworm", "trixie", "sid")  # whose user space a guest can have
REFRESH_SECONDS = 24 * 3600
RETRY_SECONDS = 3600  # after a refresh that failed: offline, not every run should try again


def _targets():
    """What the machine's APT configuration names: [uri, suite, component] each."""
    # without ReleaseInfo: also those whose lists were never fetched
    text = host.run(["apt-get", "-o", "APT::Get::IndexTargets::ReleaseInfo=false", "indextargets",
                     "--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)"])
    return [line.split("|") for line in dict.fromkeys(text.splitlines()) if line.count("|") == 2]


def mirrors():
    """(main archive, security archive or None) as the machine's own APT sources name them."""
    if os.environ.get("UW_VM_MIRROR"):
        return os.environ["UW_VM_MIRROR"], os.environ.get("UW_VM_SECURITY_MIRROR")
    releases = "|".join(("(old){0,2}stable", "testing", "unstable", "forky", *SUITES))

    def uris(suffixes):
        return [uri for uri, suite, component in _targets()
                if component == "main" and re.fullmatch(f"({releases}){suffixes}", suite)]

    main, security = uris("(-updates)?"), uris("(-security|/updates)")
    if not main:
        raise host.VmError("no Debian archive among this machine's APT sources: "
                           "set UW_VM_MIRROR to one's URI")
    # other archives may name their suites like Debian's
    main.sort(key=lambda uri: not uri.rstrip("/").endswith("/debian"))
    return main[0], security[0] if security else None


def sources(suite, with_security=True):
    """Lines for a sources.list of the suite."""
    if not os.path.exists(KEYRING):
        raise host.VmError("Debian's keys are missing: apt-get install debian-archive-keyring")
    main, security = mirrors()
    # Old suites' Release files are past their date; their signatures are checked all the same.
    options = f"[signed-by={KEYRING} check-valid-until=no]"
    lines = [f"deb {options} {main} {suite} main"]
    if with_security and security and suite != "sid" and not suite.endswith("-backports"):
        lines.append(f"deb {options} {security} {suite}-security main")
    return lines


class Archive:
    """One suite of the archive, with lists that are refreshed at most once a day."""

    def __init__(self, suite, arch="amd64"):
        self.suite, self.arch = suite, arch
        self.name = suite if arch == "amd64" else f"{suite}-{arch}"
        self.directory = cache.root() / "apt" / self.name
        self.stamp = self.directory / "refreshed"
        self.failure = self.directory / "failed"

    def _options(self):
        own = self.directory
        settings = {
            "Dir::State::lists": own / "lists", "Dir::Cache": own / "cache",
            "Dir::State::status": "/dev/null",
            "APT::Architecture": self.arch, "APT::Architectures": self.arch,
            "Dir::Etc::sourcelist": own / "sources.list", "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null", "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Default-Release": "", "APT::Sandbox::User": "root",
            "Acquire::Retries": 1, "Acquire::Languages": "none",
            # the machine's own hook is about its own lists
            "APT::Update::Post-Invoke-Success::": "",
        }
        return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]

    def apt(self, tool, *arguments, **options):
        return host.run([tool, *self._options(), *arguments], **options)

    def _update(self):
        """Fetch the lists; a security archive that no longer carries the suite is done without."""
        for directory in ("lists/partial", "cache/archives/partial"):
            (self.directory / directory).mkdir(parents=True, exist_ok=True)
        # For another architecture point releases will do: its security archive may be gone first.
        for with_security in (True, False) if self.arch == "amd64" else (False,):
            lines = "\n".join(sources(self.suite, with_security))
            (self.directory / "sources.list").write_text(lines + "\n")
            try:
                self.apt("apt-get", "--error-on=any", "-q", "update")
                return
            except host.VmError:
                if not with_security:
                    raise

    def _locked(self):
        waiting = f"waiting for another vm that uses the package lists of {self.name}"
        return cache.lock(f"apt-{self.name}", waiting)

    def refresh(self):
        """Have lists no older than a day, or the best there is; returns when they were fetched."""
        with self._locked():
            fetched = self.stamp.stat().st_mtime if self.stamp.exists() else 0
            if not fetched and self._failed_lately():
                raise host.VmError(self.failure.read_text())
            if time.time() > fetched + REFRESH_SECONDS:
                self._refresh_now()
            return self.stamp.stat().st_mtime

    def _failed_lately(self):
        return (self.failure.exists() and
                time.time() < self.failure.stat().st_mtime + RETRY_SECONDS)

    def sources(self):
        """The lines that the last refresh succeeded with."""
        self.refresh()
        return (self.directory / "sources.list").read_text().splitlines()

    def _refresh_now(self):
        try:
            with host.step(f"fetching the package lists of {self.name}"):
                self._update()
            self.stamp.touch()
        except host.VmError as error:
            if not self.stamp.exists():
                problem = f"no package lists of {self.name}: {error}"
                self.failure.write_text(problem)
                raise host.VmError(problem) from error
            host.say(f"going on with old package lists of {self.name}: {error}")
            late = time.time() - REFRESH_SECONDS + RETRY_SECONDS
            os.utime(self.stamp, (late, late))

    def show(self, package):
        """The fields of the newest version of a package."""
        with self._locked():
            text = self.apt("apt-cache", "--no-all-versions", "show", package)
        return dict(
            line.split(": ", 1)
            for line in text.split("\n\n")[0].splitlines()
            if ": " in line and not line.startswith(" ")
        )

    def check(self, packages):
        """Raise an error that names a package which the suite lacks: mmdebstrap's would not."""
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
    unwanted = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*")
    command = ["mmdebstrap", "--quiet", "--variant=essential", f"--include={','.join(packages)}",
               *(f"--dpkgopt=path-exclude={path}" for path in unwanted),
               "--aptopt=Acquire::Languages none", suite, str(tar), *Archive(suite).sources()]
    # Its working directory must go with ours if we are killed. An ordinary user's is left to
    # mmdebstrap, which needs one that the user's subordinate uids can reach.
    own = {"TMPDIR": str(tar.parent)} if os.geteuid() == 0 else {}
    host.run(command, env=dict(os.environ, **own))
