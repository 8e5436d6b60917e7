#!/usr/bin/python3
"""Plays dialogue scripts (*.dlg) against a real instance; each script is one test case. A script is read line by line:

  service NAME    connects (smtp submission submissions lmtp imap imaps pop3 pop3s); TLS at once for the ...s ports
  > text          sends the line with CRLF
  >> text         sends raw bytes; \\r \\n \\0 \\xHH are escapes
  < regex         the next line must match (at its start)
  <- regex        the last line of a multi-line SMTP reply must match; lines before it may be anything
  <* regex        lines are skipped until one matches
  <! regex        skips until the line that the following "<" would take, and fails if any line matches (with: <! BAD ; tag)
  starttls        TLS handshake now
  closed          the server has closed the connection
  deliver USER    waits until USER has one message more than before the script
  # text          a comment

Accounts: bart, lisa (password secret-1) at example.test. Usage: run.py SCRIPT..."""
import os
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import iems  # noqa: E402


class Fault(Exception):
    pass


class Player:
    def __init__(self, mail):
        self.mail, self.sock, self.data = mail, None, b""
        self.before = {}

    def line(self):
        while b"\n" not in self.data:
            try:
                more = self.sock.recv(65536)
            except socket.timeout as e:
                raise Fault("timeout, nothing came") from e
            except ConnectionError:
                more = b""
            if not more:
                raise Fault("connection closed")
            self.data += more
        line, self.data = self.data.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def do_service(self, name):
        if self.sock:
            self.sock.close()
        self.data = b""
        self.sock = socket.create_connection(("127.0.0.1", self.mail.port(name)), 20 * iems.SLOW)
        if name in ("submissions", "imaps", "pop3s"):
            self.do_starttls("")

    def do_starttls(self, _):
        self.sock = iems.no_verify().wrap_socket(self.sock, server_hostname="mail.example.test")

    def do_closed(self, _):
        try:
            while self.sock.recv(4096):
                pass
        except ConnectionError:
            pass
        except socket.timeout as e:
            raise Fault("the server did not close") from e

    def do_deliver(self, user):
        self.mail.wait_count(user, self.before[user] + 1)

    def expect(self, pattern, line):
        if not re.match(pattern, line):
            raise Fault(f"expected {pattern!r}, got {line!r}")

    def step(self, text):
        word, _, rest = text.partition(" ")
        if word == ">":
            self.sock.sendall(rest.encode() + b"\r\n")
        elif word == ">>":
            self.sock.sendall(rest.encode("latin-1").decode("unicode_escape").encode("latin-1"))
        elif word == "<":
            self.expect(rest, self.line())
        elif word == "<-":
            while (line := self.line())[3:4] == "-":
                pass
            self.expect(rest, line)
        elif word == "<*":
            while not re.match(rest, self.line()):
                pass
        elif word == "<!":
            bad, _, good = rest.partition(" ; ")
            while not re.match(good, line := self.line()):
                if re.match(bad, line):
                    raise Fault(f"{line!r} must not come")
        else:
            getattr(self, "do_" + word)(rest)

    def play(self, path):
        with open(path, encoding="utf-8") as f:
            lines = f.read().splitlines()
        self.before = {u: self.mail.count(u) for u in ("bart", "lisa") if any(l == f"deliver {u}" for l in lines)}
        for number, text in enumerate(lines, 1):
            if text.strip() and not text.startswith("#"):
                try:
                    self.step(text)
                except (Fault, OSError) as e:
                    raise Fault(f"line {number}: {text}: {e}") from e
        if self.sock:
            self.sock.close()
            self.sock = None


def main():
    bad = 0
    with iems.Instance() as mail:
        for user in ("bart", "lisa"):
            mail.user(user)
        for number, path in enumerate(sys.argv[1:], 1):
            name = os.path.basename(path)
            try:
                Player(mail).play(path)
                print(f"ok {number} - {name}", flush=True)
            except (Fault, AssertionError) as e:
                bad += 1
                print(f"not ok {number} - {name}\n# {e}", flush=True)
        if bad:
            print(mail.log_tail(30))
    sys.exit(1 if bad else 0)


main()
