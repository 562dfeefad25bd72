# SPDX-License-Identifier: MIT
"""qemu's monitor (QMP), as far as saving and restoring a snapshot takes it."""

import json
import socket
import time

from lib import host

ANSWER_SECONDS = 60


class Monitor:
    """One connection, over a socket pair whose other end qemu inherits."""

    def __init__(self):
        self.socket, self.qemus_end = socket.socketpair()
        self.socket.settimeout(ANSWER_SECONDS)

    def arguments(self):
        """For qemu's command line."""
        return ["-chardev", f"socket,id=monitor,fd={self.qemus_end.fileno()}",
                "-mon", "chardev=monitor,mode=control"]

    def open(self):
        """Greet; to be called when qemu runs."""
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.lines.readline()
        self.command("qmp_capabilities")
        # RAM that is a shared file stays out of the stream; both sides must know
        ignore_shared = {"capability": "x-ignore-shared", "state": True}
        self.command("migrate-set-capabilities", capabilities=[ignore_shared])

    def close(self):
        self.socket.close()

    def command(self, name, **arguments):
        """Run a command and return its result."""
        request = json.dumps({"execute": name, "arguments": arguments})
        try:
            self.socket.sendall(request.encode() + b"\n")
            for line in self.lines:
                answer = json.loads(line)
                if "return" in answer:
                    return answer["return"]
                if "error" in answer:
                    raise host.VmError(f"qemu refused {name}: {answer['error']['desc']}")
        except OSError as error:
            raise host.VmError(f"qemu's monitor failed at {name}: {error}") from error
        raise host.VmError(f"qemu ended at the monitor's command {name}")

    def restore(self, state):
        self.command("migrate-incoming", uri=f"exec:cat {state}")

    def save(self):
        """Write the devices' state to the file `state` in qemu's directory, and end qemu."""
        self.command("migrate", uri="exec:cat > state")
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            status = self.command("query-migrate")
            if status["status"] == "completed":
                self.command("quit")
                return
            if status["status"] == "failed":
                break
            time.sleep(0.05)
        reason = status.get("error-desc", status["status"])
        raise host.VmError(f"qemu could not save the snapshot: {reason}")
