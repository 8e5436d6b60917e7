"""An IMAP connection for tests that look at every response."""
import re
import socket
import time

import iems


class Refused(OSError):
    """The server said NO: perhaps later."""


class Wire:
    """An IMAP connection that keeps the order of untagged responses."""

    def __init__(self, port, user):
        self.began = time.monotonic()
        self.socket = socket.create_connection(("127.0.0.1", port), 30 * iems.SLOW)
        self.file = self.socket.makefile("rb")
        self.number, self.tagged = 0, b""
        self.response()
        if self.command(f"LOGIN {user}@example.test {iems.PASSWORD}")[0] != b"OK":
            raise OSError("no login")

    def close(self):
        self.file.close()
        self.socket.close()

    def response(self):
        whole = b""
        while True:
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                raise OSError("connection ended")
            whole += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if not literal:
                return whole
            whole += self.file.read(int(literal.group(1)))

    def command(self, text, idle=0.0):
        """(OK, NO or BAD, untagged responses); the tagged one is in `tagged`."""
        self.number += 1
        tag = b"t%d" % self.number
        self.socket.sendall(tag + b" " + text.encode() + b"\r\n")
        untagged = []
        while True:
            line = self.response()
            if line.startswith(b"+ ") and text == "IDLE":
                time.sleep(idle)
                self.socket.sendall(b"DONE\r\n")
            elif line.startswith(tag):
                self.tagged = line
                return line.split()[1], untagged
            elif line.startswith(b"* BYE"):
                raise OSError(line.decode())
            else:
                untagged.append(line)
