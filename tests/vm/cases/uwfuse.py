# SPDX-License-Identifier: MIT
"""
A FUSE server without libfuse, for the cases in which a user's own file system takes part. Its tree
is a nest of dictionaries: a dict is a directory, a str the target of a symbolic link, and bytes are
a file. The kernel caches nothing and asks again at each look-up.
"""
import errno
import itertools
import os
import signal
import socket
import stat
import struct
import subprocess
import traceback

LOOKUP, FORGET, GETATTR, READLINK, UNLINK, RMDIR, RENAME = 1, 2, 3, 5, 10, 11, 12
OPEN, READ, STATFS, RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR = (14, 15, 17, 18, 25, 26,
                                                                          27, 28, 29)
INTERRUPT, DESTROY, BATCH_FORGET, RENAME2 = 36, 38, 42, 45
REMOVALS = {UNLINK: 0, RMDIR: 0, RENAME: 8, RENAME2: 16}   # bytes before the names
UNANSWERED = (FORGET, INTERRUPT, BATCH_FORGET)

REQUEST = struct.Struct("=IIQQIIII")       # length, opcode, unique, node, uid, gid, pid, padding
REPLY = struct.Struct("=IiQ")              # length, -errno, unique
ATTR = struct.Struct("=6Q10I")
VALID = struct.Struct("=QII")              # how long attributes are valid: not at all
ENTRY = struct.Struct("=QQQQII")           # node, generation, how long both are valid
INITIAL = struct.Struct("=4I2H2I2H8I")
MODES = {dict: stat.S_IFDIR | 0o755, str: stat.S_IFLNK | 0o777, bytes: stat.S_IFREG | 0o644}


class Server:
    """
    Serves a tree from a process of its own. removal(tree) decides how each UNLINK, RMDIR or RENAME
    is answered: with an error number, with 0 after the name is taken away, or not at all (None). It
    may change the tree first. While answer() runs, `caller` is the thread that waits for it.
    """

    def __init__(self, tree, removal=lambda tree: 0):
        self.tree, self.removal = tree, removal
        self.fd = self.pid = self.caller = None
        self.paths, self.nodes = {1: ()}, {(): 1}
        self.numbers = itertools.count(2)

    def mount(self, point, mount):
        """Mounts by mount(2), as root of a user namespace may."""
        self.fd = os.open("/dev/fuse", os.O_RDWR)
        mount("evade", point, "fuse", 0, "fd=%d,rootmode=40000,user_id=%d,group_id=%d" %
              (self.fd, os.getuid(), os.getgid()))
        self.start()

    def fusermount(self, point):
        """Mounts as any user may, by fusermount3, which passes the descriptor on."""
        ours, theirs = socket.socketpair()
        env = dict(os.environ, _FUSE_COMMFD=str(theirs.fileno()))
        subprocess.run(["fusermount3", "-o", "fsname=evade", "--", point], env=env, check=True,
                       pass_fds=[theirs.fileno()])
        self.fd = socket.recv_fds(ours, 1, 1)[1][0]
        self.start()

    def start(self):
        self.pid = os.fork()
        if not self.pid:
            try:
                self.serve()
            except BaseException:  # so that this process never goes on as its parent
                traceback.print_exc()
            os._exit(0)
        os.close(self.fd)

    def stop(self):
        """Ends the server. Whoever waits for an answer gets ECONNABORTED."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def serve(self):
        while True:
            try:
                request = os.read(self.fd, 1 << 16)
            except OSError as e:
                if e.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue
                return  # unmounted
            _, opcode, unique, node, _, _, self.caller, _ = REQUEST.unpack_from(request)
            if opcode in UNANSWERED:
                continue
            answer = self.answer(opcode, node, request[REQUEST.size:])
            if answer is None:
                continue
            error, data = (answer, b"") if isinstance(answer, int) else (0, answer)
            os.write(self.fd, REPLY.pack(REPLY.size + len(data), -error, unique) + data)

    def answer(self, opcode, node, body):
        """Returns what the kernel gets: an error number, bytes, or None for no answer."""
        path = self.paths.get(node, ())     # INIT is about none
        thing = self.at(path)
        if opcode == INIT:
            return INITIAL.pack(7, 31, 4096, 0, 16, 12, 4096, 1, 1, 0, *[0] * 8)
        if opcode == LOOKUP:
            return self.entry((*path, os.fsdecode(body[:-1])))
        if opcode == GETATTR:
            return errno.ESTALE if thing is None else VALID.pack(0, 0, 0) + self.attr(node, thing)
        if opcode == READLINK:
            return os.fsencode(thing)
        if opcode in REMOVALS:
            error = self.removal(self.tree)
            if error == 0:
                self.remove(opcode, path, body[REMOVALS[opcode]:].split(b"\0"), body)
            return error
        if opcode in (OPEN, OPENDIR):
            return bytes(16)
        if opcode in (READ, READDIR, RELEASE, RELEASEDIR, FLUSH, DESTROY):
            return b""
        if opcode == STATFS:
            return struct.pack("=5Q10I", 0, 0, 0, 0, 0, 4096, 1024, 4096, *[0] * 7)
        return errno.ENOSYS

    def at(self, path):
        """Returns what the tree has there, or None."""
        thing = self.tree
        for name in path:
            thing = thing.get(name) if isinstance(thing, dict) else None
        return thing

    def attr(self, node, thing):
        return ATTR.pack(node, len(thing), 0, 0, 0, 0, 0, 0, 0, MODES[type(thing)], 1, os.getuid(),
                         os.getgid(), 0, 4096, 0)

    def entry(self, path):
        thing = self.at(path)
        if thing is None:
            return errno.ENOENT
        if path not in self.nodes:
            node = next(self.numbers)
            self.nodes[path], self.paths[node] = node, path
        node = self.nodes[path]
        return ENTRY.pack(node, 0, 0, 0, 0, 0) + self.attr(node, thing)

    def remove(self, opcode, path, names, body):
        thing = self.at(path).pop(os.fsdecode(names[0]))
        if opcode in (RENAME, RENAME2):
            to = self.paths[struct.unpack_from("=Q", body)[0]]
            self.at(to)[os.fsdecode(names[1])] = thing
