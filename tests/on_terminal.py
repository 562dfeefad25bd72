# SPDX-License-Identifier: MIT
"""Runs a program on a terminal of its own, for tests."""
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
                # shells ignore SIGINT for background jobs
                signal.signal(signal.SIGINT, signal.SIG_DFL)
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
            data = b""  # Linux returns EIO when the other side is closed
        self.output += data
        return bool(data)

    def wait_for(self, pattern, seconds=30):
        """Waits for the pattern in the output after the last match. Returns whether it came."""
        end = time.monotonic() + seconds
        while True:
            m = re.search(pattern, self.output, re.S)
            if m:
                self.output = self.output[m.end():]
                return True
            if time.monotonic() > end or not self._read(0.2):
                return bool(re.search(pattern, self.output, re.S))

    def is_raw(self):
        """Whether the terminal delivers single keys, without an echo."""
        return not termios.tcgetattr(self.fd)[3] & (termios.ICANON | termios.ECHO)

    def end(self, signum=None, seconds=20):
        """
        Sends the signal, if any, and waits for the end. Returns the wait status, None if it had to
        be killed.
        """
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
