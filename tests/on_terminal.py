# SPDX-License-Identifier: MIT
"""A program on a terminal of its own, for tests of what it does there."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time


class Session:
    def __init__(self, *command, rows=24, columns=100, env=None):
        self.output = b""
        environment = {**(env or os.environ), "TERM": "xterm"}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                signal.signal(signal.SIGINT, signal.SIG_DFL)    # a shell ignores it for what it starts in the background
                os.execvpe(command[0], command, environment)
            finally:
                os._exit(127)
        self.resize(rows, columns)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def _read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""  # Linux has EIO where the other side has gone
        self.output += data
        return bool(data)

    def wait_for(self, pattern, seconds=30):
        """Whether the pattern comes in what is written from now on, after all that matched before."""
        end = time.monotonic() + seconds
        while True:
            m = re.search(pattern, self.output, re.S)
            if m:
                self.output = self.output[m.end():]
                return True
            if time.monotonic() > end or not self._read(0.2):
                return bool(re.search(pattern, self.output, re.S))

    def is_raw(self):
        """Whether keys come one by one, without an echo."""
        return not termios.tcgetattr(self.fd)[3] & (termios.ICANON | termios.ECHO)

    def end(self, signum=None, seconds=20):
        """Waits for its end, after a signal if one is given. Its wait status, None if it had to be killed."""
        if signum:
            os.kill(self.pid, signum)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._read(0.1)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while self._read(0.1) and select.select([self.fd], [], [], 0)[0]:
                    pass
                return status
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None
