# SPDX-License-Identifier: MIT
"""
What the suites share. A check is a function that returns where all is well and raises Failed or
Skipped where it is not; @check gives it its title. main() runs them in order and speaks TAP.
"""
import os
import subprocess
import sys
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, os.environ.get("UW_BUILD", "build"))
SHOWN = 30  # lines that say why a check failed


class Failed(Exception):
    """What is wrong, a line for each thing."""


class Skipped(Exception):
    """Why it cannot be checked here."""


_checks = []


def check(title):
    def add(function):
        _checks.append((title, function))
        return function
    return add


def need(good, *why):
    if not good:
        raise Failed("\n".join(str(text) for text in why))


def need_equal(got, expected, what):
    need(got == expected, what, "expected: %r" % (expected,), "got:      %r" % (got,))


def need_none(problems):
    need(not problems, *problems)


def need_same_set(a, in_a, b, in_b):
    """Both directions, each name that is missing on one side with where it is."""
    a, b = set(a), set(b)
    need(a and b, "nothing found: %d %s, %d %s" % (len(a), in_a, len(b), in_b))
    need_none(["%s: %s, but not %s" % (name, in_a, in_b) for name in sorted(a - b, key=str)] +
              ["%s: %s, but not %s" % (name, in_b, in_a) for name in sorted(b - a, key=str)])


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def run(*command, **options):
    """Runs it from the top of the tree. Returns its status, its output and its standard error."""
    options.setdefault("cwd", TOP)
    options.setdefault("timeout", 900)
    r = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, **options)
    return r.returncode, r.stdout.decode(errors="replace"), r.stderr.decode(errors="replace")


def clean_environment(**more):
    """
    Without what the make above this suite hands down, or its user has set: neither is to be
    tested.
    """
    theirs = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "BUILD", "CC", "CFLAGS",
              "CPPFLAGS", "LDFLAGS", "DESTDIR", "PREFIX", "V", "UNLINKWATCH_LIBBPF_LOG",
              "UNLINKWATCH_MAXACTIVE", "UNLINKWATCH_PREEMPTION", "UNLINKWATCH_TICK_MS")
    env = {k: v for k, v in os.environ.items() if k not in theirs}
    env.update(more, LC_ALL="C.UTF-8")
    return env


def caching_environment(**more):
    """
    The same, with ccache where it is installed: the suites compile the same sources several times.
    """
    folders = [d for d in ("/usr/lib/ccache", "/usr/lib64/ccache", "/usr/lib/ccache/bin")
               if os.path.isdir(d)]
    return clean_environment(PATH=":".join(folders[:1] + [os.environ["PATH"]]),
                             CCACHE_NOHASHDIR="1", **more)


def tree():
    """Every file of the tree that is or could be committed, by its path from the top."""
    status, out, _ = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if status == 0:
        names = [name for name in out.split("\0") if name]
    else:  # a release has no .git
        names = [os.path.relpath(os.path.join(at, name), TOP) for at, _, files in os.walk(TOP)
                 for name in files]
        names = [n for n in names if not n.startswith("build/") and "__pycache__" not in n]
    return sorted(n for n in set(names) if os.path.isfile(os.path.join(TOP, n)))


def _line(good, number, title, directive=""):
    print("%sok %d - %s%s" % ("" if good else "not ", number, title.replace("#", "\\#"), directive))


def _why(text):
    lines = text.splitlines()
    for line in lines[:SHOWN]:
        print("# " + line)
    if len(lines) > SHOWN:
        print("# and %d lines more" % (len(lines) - SHOWN))


def main(skip_all=None):
    """skip_all: None, or why nothing at all can be checked here."""
    failed = 0
    print("1..%d" % len(_checks))
    for number, (title, function) in enumerate(_checks, 1):
        try:
            if skip_all:
                raise Skipped(skip_all)
            function()
            _line(True, number, title)
        except Skipped as e:
            _line(True, number, title, " # SKIP " + " ".join(str(e).split()))
        except Failed as e:
            failed += 1
            _line(False, number, title)
            _why(str(e))
        except Exception:
            failed += 1
            _line(False, number, title)
            _why(traceback.format_exc())
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
