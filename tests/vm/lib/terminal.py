# SPDX-License-Identifier: MIT
"""The user's terminal while `vm shell` lends it to a shell in the guest."""

import contextlib
import json
import os
import signal
import sys
import termios
import tty


class Terminal:
    """The terminal in raw mode, as a context manager; tells of keys and of changes of its size."""

    def __init__(self):
        self.input = sys.stdin.fileno()
        self.saved = termios.tcgetattr(self.input)
        self.wake_read, self.wake_write = os.pipe()

    def __enter__(self):
        os.set_blocking(self.wake_write, False)
        signal.signal(signal.SIGWINCH, lambda *_: os.write(self.wake_write, b"w"))
        tty.setraw(self.input)
        return self

    def __exit__(self, *_):
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self.input, termios.TCSADRAIN, self.saved)

    @staticmethod
    def size():
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
        return {"rows": rows, "columns": columns}

    @staticmethod
    def write(data):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def inputs(self):
        return [self.input, self.wake_read]

    def events(self, ready):
        """Frames to send for what is ready to read."""
        if self.wake_read in ready:
            os.read(self.wake_read, 64)
            yield b"W", json.dumps(self.size()).encode()
        if self.input in ready:
            keys = os.read(self.input, 4096)
            if not keys:
                raise EOFError
            yield b"I", keys
