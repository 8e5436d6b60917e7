"""Sessions that take a server's places and do next to nothing."""
import random
import socket
import threading
import time

TURN = 2.0   # seconds in which each slow session says a little


class Crowd:
    """`number` SMTP connections: half never say a word, a quarter says commands letter by letter, a quarter is in the middle of a
    message and goes on letter by letter."""

    def __init__(self, port, domain, number):
        self.sockets, self.texts, self.lost, self.stopping = [], [], 0, False
        for n in range(number):
            s = socket.create_connection(("127.0.0.1", port), 30)
            self.sockets.append(s)
            self.texts.append((b"", b"NOOP a long argument\r\n", b"", b"a line of a message that never ends\r\n")[n % 4])
        for s in self.sockets:
            if not s.recv(200).startswith(b"220"):
                raise RuntimeError("a slow session was refused")
        for s in self.sockets[3::4]:
            for line in (b"EHLO slow.example\r\n", b"MAIL FROM:<s@slow.example>\r\n", b"RCPT TO:<u000@%s>\r\n" % domain.encode(), b"DATA\r\n"):
                s.sendall(line)
                answer = s.recv(4000)
            if not answer.startswith(b"354"):
                raise RuntimeError(f"no DATA for a slow session: {answer}")
            s.sendall(b"Subject: slow\r\n\r\n")
        self.slow = [n for n, text in enumerate(self.texts) if text]
        self.thread = threading.Thread(target=self.drip, daemon=True)
        self.thread.start()

    def drip(self):
        place = [random.randrange(20) for _ in self.sockets]
        step = TURN / max(len(self.slow), 1)
        while not self.stopping:
            for k, n in enumerate(self.slow):
                text = self.texts[n]
                try:
                    self.sockets[n].sendall(text[place[n] % len(text):][:1])
                except OSError:
                    self.lost += 1
                place[n] += 1
                if k % 20 == 0:
                    time.sleep(20 * step)
                if self.stopping:
                    return

    def alive(self):
        """How many are still open: a session that was ended has something to read, and that is the end."""
        count = 0
        for s in self.sockets:
            s.setblocking(False)
            try:
                count += s.recv(4000, socket.MSG_PEEK) != b""
            except BlockingIOError:
                count += 1
            except OSError:
                pass
            s.setblocking(True)
        return count

    def close(self):
        self.stopping = True
        self.thread.join(10)
        for s in self.sockets:
            s.close()
