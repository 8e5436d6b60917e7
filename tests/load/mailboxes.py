"""Parts of make load about mailboxes: many idle connections, a folder of a million messages, an account of ten thousand folders
(STORE-04, CAP-05, ARCH-16)."""
import select
import socket
import time

from meter import pss_kib
import iems

CONNECTIONS, USERS, TOLD = 10000, 100, 20
IDLE_KIB, TOLD_MS, ANSWER_MS = 20, 50, 200
DOUBLINGS, FOLDERS = 20, 10000   # 2^20 messages
TAIL = 4096   # in which the end of an answer is looked for


class Client:
    """A connection that says no more than it must: 10,000 of them have to be quick."""

    def __init__(self, mail, user):
        self.sock = socket.create_connection(("127.0.0.1", mail.port("imap")), 120)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.until(b"\r\n")
        self.command(f"LOGIN {user}@{mail.domain} {iems.PASSWORD}")

    def until(self, end):
        got = bytearray()
        while end not in got[-TAIL:]:
            part = self.sock.recv(1 << 16)
            if not part:
                raise RuntimeError(f"closed after {bytes(got[-TAIL:])}")
            got += part
        return bytes(got)

    def command(self, text):
        """(milliseconds, what was answered); fails unless OK."""
        begin = time.monotonic()
        self.sock.sendall(b"t " + text.encode() + b"\r\n")
        got = self.until(b"t OK ")
        return (time.monotonic() - begin) * 1e3, got

    def idle(self):
        self.command("SELECT INBOX")
        self.sock.sendall(b"t IDLE\r\n")
        self.until(b"+ ")
        return self

    def append(self, folder, text=b"Subject: x\r\n\r\nx\r\n"):
        begin = time.monotonic()
        self.sock.sendall(b"t APPEND %s {%d+}\r\n%s\r\n" % (folder.encode(), len(text), text))
        self.until(b"t OK ")
        return (time.monotonic() - begin) * 1e3


def memory(mail):
    return pss_kib(mail.pids().values())


def told(mail, writer, idling):
    """Milliseconds until all idling connections of an account have heard of a new message."""
    writer.append("INBOX")
    begin, poll, left = time.monotonic(), select.poll(), {c.sock.fileno(): c.sock for c in idling}
    for fd in left:
        poll.register(fd, select.POLLIN)
    while left:
        ready = poll.poll(5000)
        if not ready:
            raise RuntimeError(f"{len(left)} connections were not told")
        for fd, _ in ready:
            left.pop(fd).recv(4096)
            poll.unregister(fd)
    return (time.monotonic() - begin) * 1e3


def idle(quick, verdict):
    number = CONNECTIONS // 10 if quick else CONNECTIONS
    with iems.Instance(config=f"[imapd]\nmax_sessions = {number + 100}\nmax_per_user = 0\nmax_per_address = 0\n") as mail:
        for i in range(USERS):
            mail.user(f"u{i}")
        before = memory(mail)
        clients = [Client(mail, f"u{i % USERS}").idle() for i in range(number)]
        time.sleep(2)
        each = (memory(mail) - before) / number
        verdict(each <= IDLE_KIB, f"{number} idle connections", f"{each:.1f} KiB PSS each, of all processes (goal {IDLE_KIB})")
        writer = Client(mail, "u5")
        worst = max(told(mail, writer, clients[5::USERS]) for _ in range(TOLD))
        verdict(worst <= TOLD_MS, f"new mail told to {number // USERS} of them", f"{TOLD} times, the slowest after {worst:.1f} ms (goal {TOLD_MS})")
        for c in clients:
            c.sock.close()


def opened(mail, user, folder):
    """Milliseconds of what a client does first, by name."""
    c = Client(mail, user)
    took = {"SELECT": c.command(f"SELECT {folder}")}
    count = int(took["SELECT"][1].split(b" EXISTS")[0].rsplit(b" ", 1)[1])
    took["first page"] = c.command(f"FETCH {max(1, count - 49)}:* (UID FLAGS ENVELOPE INTERNALDATE RFC822.SIZE)")
    took = {name: ms for name, (ms, _) in took.items()}
    took["delivery"] = c.append(folder)
    took["STATUS"] = Client(mail, user).command(f"STATUS {folder} (MESSAGES UNSEEN UIDNEXT SIZE)")[0]
    c.sock.close()
    return took


def best(measure, times=5):
    """The least of each figure."""
    runs = [measure() for _ in range(times)]
    return {name: min(r[name] for r in runs) for name in runs[0]}


def large(quick, verdict):
    with iems.Instance() as mail:
        mail.user("small")
        mail.user("large")
        for user, doublings in (("small", 7), ("large", DOUBLINGS - 4 if quick else DOUBLINGS)):
            w = Client(mail, user)
            w.command("CREATE big")
            w.append("big")
            w.command("SELECT big")
            for _ in range(doublings):
                w.command("COPY 1:* big")
            w.sock.close()
        pid = mail.pids()["store"]
        mail.run("restart", "store")
        mail.wait_restarted("store", pid)
        first = opened(mail, "large", "big")["SELECT"]   # nothing of it is in memory
        small, great = best(lambda: opened(mail, "small", "big")), best(lambda: opened(mail, "large", "big"))
        folder = f"in a folder of {2 ** (DOUBLINGS - 4 if quick else DOUBLINGS)} messages"
        verdict(first < ANSWER_MS, f"first SELECT after a start {folder}", f"{first:.1f} ms (goal {ANSWER_MS})")
        for name, ms in great.items():
            verdict(ms < ANSWER_MS, f"{name} {folder}", f"{ms:.1f} ms (goal {ANSWER_MS}); of 128 messages {small[name]:.1f} ms")
        number = FOLDERS // 10 if quick else FOLDERS
        c = Client(mail, "large")
        for i in range(number):
            c.command(f"CREATE many/{i // 100}/{i}")
        lists = {f'LIST "" {p}': best(lambda p=p: {"ms": c.command(f'LIST "" {p}')[0]})["ms"] for p in ('"*"', '"%"', '"many/7/%"')}
        for name, ms in lists.items():
            verdict(ms < ANSWER_MS, f"{name} of {number} folders", f"{ms:.1f} ms (goal {ANSWER_MS})")
        took = best(lambda: opened(mail, "large", "many/7/700"))
        verdict(max(took.values()) < ANSWER_MS, f"one of {number} folders", ", ".join(f"{name} {ms:.1f} ms" for name, ms in took.items()))
