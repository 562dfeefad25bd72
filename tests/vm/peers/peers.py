#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Makes the same deletions under each installed tool, one tool at a time, and prints a Markdown table
of how far each tool's records are right. The truth comes from the deletion itself: see README.md in
this directory.
"""
import ctypes
import errno
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import uwtest

TOP = "/srv/p"
VICTIMS = "/root/vm/victims"
LIBC = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWPID, SYS_PIVOT_ROOT = 0x00020000, 0x20000000, 155

# bpftrace's default of 64 bytes for a string: longer ones exceed the BPF stack of 512 bytes and do
# not compile.
BPFTRACE = """
kprobe:do_unlinkat, kprobe:do_rmdir { @n[tid] = str(((struct filename *)arg1)->name); }
kprobe:do_renameat2 { @n[tid] = str(((struct filename *)arg3)->name); }
kretprobe:do_unlinkat, kretprobe:do_rmdir, kretprobe:do_renameat2 /@n[tid] != ""/
{ printf("%s|%d|%d|%s\\n", comm, pid, (int32)retval, @n[tid]); delete(@n[tid]); }
"""


class Deletion:
    """
    One deletion, done or tried: the process, the path in its mount namespace, and the name that it
    passed.
    """

    def __init__(self, pid, path, typed, ret=0, host=None, rename=False, plain=None):
        self.pid, self.path, self.typed, self.ret = pid, path, typed, ret
        self.host = host        # the path in the host's tree, where it differs
        self.rename = rename
        # (pid, path) of a rename that replaced nothing, which must not look the same
        self.plain = plain


class Record:
    """
    A record of a tool. ok is None where the tool gives no result, pid is None where it gives no
    pid.
    """

    def __init__(self, pid, path, ok, error=None, text=""):
        self.pid, self.path, self.ok, self.error, self.text = pid, path, ok, error, text


# The deletions


def write(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write("x")


def act(*words, cwd="/", launch=None):
    """Runs victims. Returns its pid and the result of the deletion."""
    p = subprocess.Popen([VICTIMS, *words], cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out = p.communicate(b"x")[0].split()
    if p.returncode or len(out) != 3:
        sys.exit("# victims %r: %r" % (words, out))
    return p.pid, int(out[2])


def checked(result, what):
    if result:
        sys.exit("# %s: %s" % (what, os.strerror(ctypes.get_errno())))


def mount(kind, source, target, options=None):
    checked(subprocess.run(["mount", *(["-t", kind] if kind else ["--bind"]),
                            *(["-o", options] if options else []),
                            source, target]).returncode, "mount " + target)


class Case:
    """prepare() makes the files first, so that tools that watch directories can find them."""
    title = ""

    def __init__(self, name):
        self.dir = os.path.join(TOP, name)
        self.file = os.path.join(self.dir, name + "-victim")

    def prepare(self):
        write(self.file)

    def delete(self):
        pid, ret = act("unlink", self.file)
        return [Deletion(pid, self.file, self.file, ret)]

    def clean(self):
        pass


class Absolute(Case):
    title = "absolute name"


class Relative(Case):
    title = "relative name, from the working directory"

    def delete(self):
        name = os.path.basename(self.file)
        pid, ret = act("unlink", name, cwd=self.dir)
        return [Deletion(pid, self.file, name, ret)]


class Tree(Case):
    title = "`rm -r` of a tree: full path of each of six"

    def prepare(self):
        self.tree = os.path.join(self.dir, "tree-top")
        self.names = [os.path.join(self.tree, n)
                      for n in ("tree-a", "tree-sub/tree-b", "tree-sub/tree-c")]
        for name in self.names:
            write(name)
        self.names += [os.path.join(self.tree, "tree-link"), os.path.join(self.tree, "tree-sub"),
                       self.tree]
        os.symlink("/etc", self.names[3])

    def delete(self):
        p = subprocess.Popen(["rm", "-r", self.tree], cwd="/")
        checked(p.wait(), "rm -r")
        return [Deletion(p.pid, n, n if n == self.tree else os.path.basename(n))
                for n in self.names]


class Symlink(Case):
    title = "through a symlinked directory: true path"

    def prepare(self):
        super().prepare()
        os.symlink(self.dir, TOP + "/link")

    def delete(self):
        typed = TOP + "/link/" + os.path.basename(self.file)
        pid, ret = act("unlink", typed)
        return [Deletion(pid, self.file, typed, ret)]


class Bind(Case):
    title = "relative name, in a bind mount"

    def prepare(self):
        super().prepare()
        self.seen = TOP + "/seen"
        os.mkdir(self.seen)
        mount(None, self.dir, self.seen)

    def delete(self):
        name = os.path.basename(self.file)
        pid, ret = act("unlink", name, cwd=self.seen)
        return [Deletion(pid, self.seen + "/" + name, name, ret)]

    def clean(self):
        checked(subprocess.run(["umount", self.seen]).returncode, "umount")


class Chroot(Case):
    title = "absolute name, in a chroot: path up to the system's root"

    def delete(self):
        typed = "/" + os.path.basename(self.file)
        pid, ret = act("chroot", self.dir, "chdir", "/", "unlink", typed)
        return [Deletion(pid, self.file, typed, ret)]


class Rmdir(Case):
    title = "rmdir"

    def prepare(self):
        os.makedirs(self.file)

    def delete(self):
        pid, ret = act("rmdir", self.file)
        return [Deletion(pid, self.file, self.file, ret)]


class Rename(Case):
    title = "rename that replaces a file: the victim, and unlike one that replaces nothing"

    def prepare(self):
        super().prepare()
        write(self.dir + "/rename-new")
        write(self.dir + "/rename-other")

    def delete(self):
        pid, ret = act("rename", self.dir + "/rename-new", self.file)
        plain = self.dir + "/rename-free"
        other, _ = act("rename", self.dir + "/rename-other", plain)
        return [Deletion(pid, self.file, self.file, ret, rename=True, plain=(other, plain))]


class Missing(Case):
    title = "failed: no such file (ENOENT)"

    def prepare(self):
        os.makedirs(self.dir)


class Denied(Case):
    title = "failed: not permitted (EACCES)"

    def delete(self):
        pid, ret = act("setuid", "65534", "unlink", self.file)
        return [Deletion(pid, self.file, self.file, ret)]


class Uring(Case):
    title = "io_uring (IORING_OP_UNLINKAT)"

    def delete(self):
        pid, ret = act("via", "uring", "unlinkat", "cwd", self.file, "0")
        return [Deletion(pid, self.file, self.file, ret)]


class Compat(Case):
    title = "32-bit system call (`int $0x80`)"

    def delete(self):
        pid, ret = act("via", "int80", "unlink", self.file)
        return [Deletion(pid, self.file, self.file, ret)]


class Long(Case):
    title = "absolute name of 1,500 bytes"

    def prepare(self):
        path = self.dir
        while len(path) + 1 + 200 < 1500:
            path += "/" + "d" * 199
        self.file = path + "/long-victim".ljust(1500 - len(path), "l")
        write(self.file)


class Overlay(Case):
    title = "overlayfs, a file of either layer: one record each, with the path in the top layer"

    def prepare(self):
        for layer in ("lower", "upper", "work", "top"):
            os.makedirs(self.dir + "/" + layer)
        write(self.dir + "/lower/overlay-low")
        mount("overlay", "overlay", self.dir + "/top",
              "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work" % ((self.dir,) * 3))
        write(self.dir + "/top/overlay-up")

    def delete(self):
        found = []
        for path in (self.dir + "/top/overlay-low", self.dir + "/top/overlay-up"):
            pid, ret = act("unlink", path)
            found.append(Deletion(pid, path, path, ret))
        return found

    def clean(self):
        checked(subprocess.run(["umount", self.dir + "/top"]).returncode, "umount")


class Container(Case):
    title = "container (own mounts, root on overlayfs, pids): its path"
    path, host = "/etc/container-victim", None

    def prepare(self):
        for layer in ("lower/etc", "lower/data", "lower/old", "upper/etc", "work", "root",
                      "shared"):
            os.makedirs(self.dir + "/" + layer)
        write(self.dir + "/lower/etc/container-victim")
        write(self.dir + "/shared/shared-victim")

    def inside(self):
        """Changes to a new root in a new mount namespace, and executes victims."""
        program = os.open(VICTIMS, os.O_RDONLY)
        checked(subprocess.run(["mount", "--make-rprivate", "/"]).returncode, "rprivate")
        mount("overlay", "overlay", self.dir + "/root",
              "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work" % ((self.dir,) * 3))
        mount(None, self.dir + "/shared", self.dir + "/root/data")
        os.chdir(self.dir + "/root")
        checked(LIBC.syscall(SYS_PIVOT_ROOT, b".", b"old"), "pivot_root")
        os.chdir("/")
        checked(LIBC.umount2(b"/old", 2), "umount2")
        os.execve(program, ["victims", "unlink", self.path], {})

    def delete(self):
        feed, answer, number = os.pipe(), os.pipe(), os.pipe()
        outer = os.fork()
        if outer == 0:
            checked(LIBC.unshare(NEWNS | NEWPID), "unshare")
            inner = os.fork()
            if inner == 0:
                os.dup2(feed[0], 0)
                os.dup2(answer[1], 1)
                self.inside()
            os.write(number[1], b"%d" % inner)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]))
        os.write(feed[1], b"x")
        status = os.waitpid(outer, 0)[1]
        if status:
            sys.exit("# no container: %d" % status)
        pid, ret = int(os.read(number[0], 64)), int(os.read(answer[0], 4096).split()[2])
        for fd in feed + answer + number:
            os.close(fd)
        return [Deletion(pid, self.path, self.path, ret, host=self.host)]


class Shared(Container):
    title = "container, a directory of the host bind mounted as `/data`: both paths"
    path = "/data/shared-victim"

    def __init__(self, name):
        super().__init__(name)
        self.host = self.dir + "/shared/shared-victim"


CASES = [kind(kind.__name__.lower()) for kind in (
    Absolute, Relative, Tree, Symlink, Bind, Chroot, Rmdir, Rename, Missing, Denied, Uring, Compat,
    Long, Overlay, Container, Shared)]


# The tools


class Tool:
    package = command = name = output = ""
    late = False    # start it after the files exist

    def start(self):
        pass

    def records(self):
        raise NotImplementedError

    def version(self):
        return uwtest.run("dpkg-query", "-W", "-f", "${Package} ${Version}", self.package)


class Printer(Tool):
    """A tool that prints a line for each deletion until it is stopped."""
    argv, ready = (), 4

    def start(self):
        self.out = tempfile.TemporaryFile()
        self.process = subprocess.Popen(["stdbuf", "-oL", *self.argv], stdout=self.out,
                                        stderr=subprocess.STDOUT)
        time.sleep(self.ready)

    def records(self):
        self.process.send_signal(2)
        self.process.wait(30)
        self.out.seek(0)
        self.output = self.out.read().decode(errors="replace")
        return [r for r in map(self.parse, self.output.splitlines()) if r]


class Unlinkwatchd(Tool):
    command = name = "unlinkwatchd"

    def start(self):
        uwtest.configure("[Watch all]\nExcludePath=/proc /sys /dev /run\n[Daemon]\nDetail=full\n")
        self.here = uwtest.cursor()
        uwtest.run("systemctl", "start", "unlinkwatchd")

    def records(self):
        found = []
        for r in uwtest.deletions(self.here):
            ret = r["UNLINK_RET"]
            found.append(Record(int(r["UNLINK_PID"]),
                                uwtest.value(r["UNLINK_PATH"]).decode(errors="replace"),
                                None if ret == "unknown" else ret == "0", r.get("UNLINK_ERRNO"),
                                " ".join("%s=%s" % f for f in sorted(r.items())
                                         if f[0].startswith("UNLINK_"))))
        uwtest.run("systemctl", "stop", "unlinkwatchd")
        return found

    def version(self):
        return uwtest.run("unlinkwatchd", "--version").splitlines()[0]


class Auditd(Tool):
    package = name = "auditd"
    command = "auditctl"

    def start(self):
        uwtest.run("auditctl", "-D")
        for arch in ("b64", "b32"):
            uwtest.run("auditctl", "-a", "always,exit", "-F", "arch=" + arch, "-S",
                       "unlink,unlinkat,rmdir,rename,renameat,renameat2", "-k", "peers")

    def records(self):
        """
        Reads an event as `ausearch --format text` does: a relative name is below cwd. An event
        counts once for each path that it calls deleted, or else once for its last path, which
        ausearch prints first.
        """
        uwtest.run("auditctl", "-D")
        found = []
        for event in uwtest.run("ausearch", "-i", "-k", "peers").split("----\n"):
            call = re.search(r"^type=SYSCALL .* success=(\w+) exit=(\w+).* pid=(\d+)", event, re.M)
            if not call or "type=CONFIG_CHANGE" in event:
                continue
            cwd = re.search(r"^type=CWD .*? cwd=(.*?) ?$", event, re.M)
            items = re.findall(r"^type=PATH .*? name=(.*?) (?:inode=.* )?nametype=(\w+)", event,
                               re.M)
            names = [n for n, kind in items if kind == "DELETE"] or [n for n, _ in items[:1]]
            for path in {os.path.normpath(os.path.join(cwd[1] if cwd else "/", n)) for n in names}:
                found.append(Record(int(call[3]), path, call[1] == "yes",
                                    call[2] if call[1] == "no" else None, event))
        return found


class Bpftrace(Printer):
    package = command = "bpftrace"
    name = "bpftrace script"
    argv, ready = ("bpftrace", "-e", BPFTRACE), 15

    @staticmethod
    def parse(line):
        part = line.split("|", 3)
        if len(part) != 4:
            return None
        ret = int(part[2])
        return Record(int(part[1]), part[3], ret == 0, errno.errorcode.get(-ret), line)


class Filelife(Printer):
    """It lists successful deletions only."""
    package, command, name = "libbpf-tools", "filelife", "filelife"
    argv, ready = ("filelife",), 8

    @staticmethod
    def parse(line):
        part = line.split(None, 4)
        return Record(int(part[1]), part[4], True, None,
                      line) if len(part) == 5 and part[1].isdigit() else None


class Inotifywait(Printer):
    """It lists deletions. Of a replaced file it shows only the rename onto its name."""
    package, command, name = "inotify-tools", "inotifywait", "inotifywait"
    ready, late = 10, True
    argv = ("inotifywait", "-m", "-r", "-e", "create,delete,moved_to", "--format", "%e %w%f", TOP)

    @staticmethod
    def parse(line):
        event, _, path = line.partition(" ")
        gone = event.split(",")[0] in ("DELETE", "MOVED_TO")
        return Record(None, path, True, None, line) if gone else None


# The verdict


def name_of(path):
    return os.path.basename(path.rstrip("/"))


def path_verdict(d, r):
    if d.host:
        seen = [p for p in (d.path, d.host) if p == r.path or
                re.search(re.escape(p) + r"(?![^\s])", r.text)]
        if len(seen) == 2:
            return None
        if seen:
            return "the container's path only" if seen[0] == d.path else "the host's path only"
    if r.path == d.path:
        return None
    if r.path == d.typed:
        return "as typed" if r.path.startswith("/") else "name only"
    if r.path == name_of(d.path):
        return "name only"
    if r.path == os.path.dirname(d.path):
        return "directory only"
    if d.path.startswith(r.path):
        return "cut at %d bytes" % len(r.path)
    if name_of(d.path).startswith(r.path):
        return "name only, cut at %d bytes" % len(r.path)
    return "wrong path (`%s`)" % r.path if len(r.path) < 40 else "wrong path"


def verdict(d, records, many):
    """Returns a list of what is wrong with the records of a deletion, and these records."""
    mine = [r for r in records if r.pid in (d.pid, None) and name_of(r.path) == name_of(d.path)]
    if not mine and not many and not d.rename:
        mine = [r for r in records if r.pid == d.pid]
    if not mine:
        mine = [r for r in records if name_of(r.path) == name_of(d.path)]
    if not mine:
        return ["no record"], []
    wrong = []
    if len(mine) > 1:
        wrong.append("%d records" % len(mine))
    r = next((m for m in mine if not path_verdict(d, m)), mine[0])
    path = path_verdict(d, r)
    if path:
        wrong.append(path)
    if d.plain and any(q.pid in (d.plain[0], None) and name_of(q.path) == name_of(d.plain[1])
                       for q in records):
        wrong.append("like any rename")
    if d.ret < 0 and r.ok:
        wrong.append("shown as deleted")
    elif r.ok is None or d.ret == 0 and not r.ok:
        wrong.append("no result" if r.ok is None else "wrong result")
    elif d.ret < 0 and r.error != errno.errorcode[-d.ret]:
        wrong.append("no errno")
    if r.pid is None:
        wrong.append("no pid")
    elif r.pid != d.pid:
        wrong.append("wrong pid")
    return wrong, mine


def cell(deletions, records):
    each = [verdict(d, records, len(deletions) > 1) for d in deletions]
    bad = [wrong for wrong, _ in each if wrong]
    if not bad:
        return "yes", each
    said = {}
    for text in map("; ".join, bad):
        said.setdefault(re.sub(r" \(`.*?`\)", "", text), []).append(text)
    if len(said) == 1 and len(bad) == len(deletions):
        return "; ".join(bad[0]), each
    return "; ".join("%d of %d: %s" % (len(texts), len(deletions), texts[0])
                     for texts in said.values()), each


def prepare():
    for case in CASES:
        case.prepare()


def main():
    tools = [t for t in (Unlinkwatchd(), Auditd(), Bpftrace(), Filelife(), Inotifywait())
             if shutil.which(t.command)]
    uwtest.run("systemctl", "stop", "unlinkwatchd")
    cells, evidence = {}, []
    for tool in tools:
        shutil.rmtree(TOP, ignore_errors=True)
        os.mkdir(TOP)
        for step in (prepare, tool.start) if tool.late else (tool.start, prepare):
            step()
        deletions = [case.delete() for case in CASES]
        time.sleep(3)
        records = tool.records()
        for case, gone in zip(CASES, deletions):
            cells[tool, case], each = cell(gone, records)
            for d, (wrong, mine) in zip(gone, each):
                evidence += ["%s, %s: %s: pid %d %s ret %d, said: %s" %
                             (tool.name, name_of(case.dir), "; ".join(wrong), d.pid, d.path[-80:],
                              d.ret,
                              [(r.pid, r.path[-80:], r.ok, r.error)
                               for r in mine])] if wrong else []
            case.clean()
        if cells[tool, CASES[0]] == "no record":
            sys.exit("# %s does not work here: %s" % (tool.name, tool.output))
    print("| | %s |" % " | ".join(t.name for t in tools))
    print("| --- |%s" % (" --- |" * len(tools)))
    for case in CASES:
        print("| %s | %s |" % (case.title, " | ".join(cells[t, case] for t in tools)))
    print("\nLinux %s; %s\n" % (os.uname().release, "; ".join(t.version() for t in tools)))
    print("\n".join(["Every result that is not \"yes\":"] + evidence))


main()
