"""A mail server for tests that behaves as a test wants: slow, full, closing, refusing, away. Keeps what it took."""
import socket
import threading
import time


class Mta:
    """Listens on a loopback port. Behaviour may be changed at any time:
    open_max     connections at a time, further ones get 421; 0 = any number
    close_after  messages of a connection, then 421 and the end; 0 = never
    slow         seconds before the answer to the end of a message
    hold         an event that this answer waits for
    refuse       substring of RCPT -> reply, as {"<temp": "450 4.2.1 later"}
    drop         substring of the body: the connection ends without a word
    greeting     first line
    auth         (user, password): AUTH PLAIN is offered and wanted
    """

    def __init__(self, address="127.0.0.1", port=0, extensions=("PIPELINING", "8BITMIME", "SIZE")):
        self.address, self.port, self.extensions = address, port, extensions
        self.open_max = self.close_after = self.slow = 0
        self.refuse, self.drop, self.greeting, self.auth, self.hold = {}, None, "220 mx ESMTP", None, None
        self.lock = threading.Lock()
        self.taken = []          # (sender, recipients, body)
        self.connections = self.open = self.refused = self.open_most = 0
        self.users = []
        self.listener = None
        self.start()

    def start(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((self.address, self.port))
        self.listener.listen(100)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        """Connections are refused from now on; those that are open go on."""
        listener, self.listener = self.listener, None
        if listener:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    @property
    def host(self):
        return f"{self.address}:{self.port}"

    def accept(self, listener):
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        with self.lock:
            self.connections += 1
            self.open += 1
            self.open_most = max(self.open_most, self.open)
            full = self.open_max and self.open > self.open_max
            self.refused += bool(full)
        try:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with s, s.makefile("rwb") as f:
                try:
                    self.talk(f, full)
                finally:
                    with self.lock:   # before the client can see the end
                        self.open -= 1
        except OSError:
            pass

    @staticmethod
    def say(f, *lines):
        f.write("".join(line + "\r\n" for line in lines).encode())
        f.flush()

    def talk(self, f, full):
        self.say(f, "421 4.7.0 one at a time" if full else self.greeting)
        if full or not self.greeting.startswith("220"):
            return
        sender, recipients, count = "", [], 0
        while line := f.readline():
            verb, text = line[:4].upper(), line.decode("utf-8", "replace").strip()
            if self.close_after and count >= self.close_after:
                self.say(f, "421 4.7.0 enough for this connection")
                return
            if verb == b"EHLO":
                more = list(self.extensions) + (["AUTH PLAIN"] if self.auth else [])
                self.say(f, *(["250-mx"] + ["250-" + x for x in more[:-1]] + ["250 " + more[-1]]))
            elif verb == b"AUTH":
                import base64
                got = tuple(base64.b64decode(text.split()[2]).decode().split("\0")[1:])
                self.users.append(got)
                self.say(f, "235 2.7.0 fine" if got == self.auth else "535 5.7.8 no")
            elif verb == b"MAIL":
                sender, recipients = text[text.find("<") + 1:text.find(">")], []
                self.say(f, "250 2.1.0 ok")
            elif verb == b"RCPT":
                answer = next((reply for part, reply in self.refuse.items() if part in text), None)
                if answer is None:
                    recipients.append(text[text.find("<") + 1:text.find(">")])
                self.say(f, answer or "250 2.1.5 ok")
            elif verb == b"DATA":
                if not recipients:
                    self.say(f, "554 5.5.1 no valid recipients")
                    continue
                self.say(f, "354 go")
                body = []
                while (part := f.readline()) not in (b".\r\n", b""):
                    body.append(part)
                data = b"".join(body)
                if part == b"" or (self.drop and self.drop in data):
                    return
                if self.hold:
                    self.hold.wait()
                time.sleep(self.slow)
                with self.lock:
                    self.taken.append((sender, recipients, data))
                count += 1
                self.say(f, "250 2.0.0 taken")
            elif verb == b"QUIT":
                self.say(f, "221 2.0.0 bye")
                return
            else:
                self.say(f, "250 2.0.0 ok")

    def subjects(self):
        """Subjects of what was taken, in order."""
        with self.lock:
            found = []
            for _, _, body in self.taken:
                head = body.split(b"\r\n\r\n")[0].decode("utf-8", "replace").split("\r\n")
                found.append(next((line[9:] for line in head if line.startswith("Subject: ")), ""))
            return found
