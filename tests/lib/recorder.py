"""A mail server for tests that keeps every octet it is sent."""
import socket
import threading


class Recorder:
    """Takes everything, but for recipients with a part of `refuse` in them (part -> reply). `taken`: bodies between 354 and CRLF.CRLF
    or of BDAT, as they came; `mail`: (MAIL, [RCPT], body) of each message; `commands`: all lines."""

    def __init__(self, extensions=("8BITMIME", "SIZE"), refuse=None):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.extensions, self.refuse = extensions, refuse or {}
        self.taken, self.mail, self.commands = [], [], []
        threading.Thread(target=self.run, daemon=True).start()

    @property
    def host(self):
        return f"[127.0.0.1]:{self.port}"

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def stop(self):
        self.listener.close()

    def serve(self, s):
        with s:
            try:
                self.talk(s)
            except OSError:
                pass

    def talk(self, s):
        buf, chunks, sender, to = b"", b"", "", []

        def until(end):
            nonlocal buf
            while end not in buf:
                got = s.recv(65536)
                if not got:
                    raise OSError
                buf += got
            head, buf = buf.split(end, 1)
            return head

        def take(body):
            self.mail.append((sender, list(to), body))
            self.taken.append(body)
            s.sendall(b"250 2.0.0 taken\r\n")

        s.sendall(b"220 recorder\r\n")
        while True:
            line = until(b"\r\n")
            self.commands.append(line)
            verb, text = line[:4].upper(), line.decode("utf-8", "replace")
            if verb == b"EHLO":
                s.sendall("".join(f"250-{x}\r\n" for x in ("recorder", *self.extensions)).encode() + b"250 HELP\r\n")
            elif verb == b"MAIL":
                sender, to = text, []
                s.sendall(b"250 2.1.0 ok\r\n")
            elif verb == b"RCPT":
                answer = next((reply for part, reply in self.refuse.items() if part in text), None)
                if answer is None:
                    to.append(text)
                s.sendall((answer or "250 2.1.5 ok").encode() + b"\r\n")
            elif verb == b"DATA" and not to:
                s.sendall(b"503 5.5.1 no recipient\r\n")
            elif verb == b"DATA":
                s.sendall(b"354 go\r\n")
                take(until(b"\r\n.\r\n") + b"\r\n")
            elif verb == b"BDAT":
                size, last = int(line.split()[1]), line.upper().endswith(b"LAST")
                while len(buf) < size:
                    buf += s.recv(65536)
                chunks, buf = chunks + buf[:size], buf[size:]
                if last:
                    take(chunks)
                    chunks = b""
                else:
                    s.sendall(b"250 2.0.0 more\r\n")
            elif verb == b"QUIT":
                s.sendall(b"221 2.0.0 bye\r\n")
                return
            else:
                s.sendall(b"250 2.0.0 ok\r\n")

    def find(self, subject):
        """Bodies of messages with this subject; reports on them are none."""
        return [body for body in list(self.taken) if b"Subject: " + subject + b"\r\n" in body and b"multipart/report" not in body]
