"""What runs while things die: senders, an appender, a session with a folder selected, and a server that takes relayed mail.
Each remembers what it was promised, so that the state afterwards can be compared with it."""
import collections
import random
import re
import smtplib
import socketserver
import threading
import time
import traceback

import iems
from cache import BASE, Cacher
from ledger import MARK, Ledger
from pop import POPPED, Popper
from wire import Wire

USERS = [f"u{n}" for n in range(5)]
WATCHED = "w"                 # only the watching session deletes from its INBOX
RELAYED = "x@elsewhere.test"
KEEPER, GUEST = "k0", "k1"    # clients of the first cache its mailboxes, one of the second looks at one of them, too
OTHER = "other"               # is given and denied rights


class Memory:
    """All that clients were told, over all rounds."""

    def __init__(self):
        self.lock = threading.Lock()
        self.acked = collections.defaultdict(set)   # user (or RELAYED) -> marks answered with 250 or OK
        self.flagged = set()                        # marks of appended messages whose +FLAGS was answered OK
        self.uids = collections.defaultdict(dict)   # user -> (UIDVALIDITY, UID) -> mark, as a client has seen it
        self.deleting = collections.defaultdict(set)   # user -> marks that may be expunged
        self.gone = collections.defaultdict(set)       # user -> marks that must be
        self.faults = []

    def count(self):
        return sum(len(m) for m in self.acked.values())

    def saw(self, user, validity, uid, mark):
        with self.lock:
            before = self.uids[user].setdefault((validity, uid), mark)
            if before != mark:
                self.faults.append(f"{user}: UID {uid} was {before} and is {mark} now")


class Sink:
    """An SMTP server that keeps the marks of what it takes, with the times of its 250."""

    def __init__(self):
        sink = self
        self.got = collections.defaultdict(list)
        self.hold, self.held, self.go = False, threading.Event(), threading.Event()   # see hold_one

        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    self.talk()
                except OSError:
                    pass

            def say(self, text):
                self.wfile.write(text + b"\r\n")

            def talk(self):
                self.say(b"220 sink.test ESMTP")
                while line := self.rfile.readline():
                    verb = line[:4].upper()
                    if verb == b"EHLO":
                        self.say(b"250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME")
                    elif verb == b"DATA":
                        self.say(b"354 go on")
                        text = []
                        while (line := self.rfile.readline()) not in (b".\r\n", b""):
                            text.append(line)
                        if not line:
                            return
                        mark = MARK.search(b"".join(text)).group(1).decode()
                        sink.wait_if_held()
                        sink.got[mark].append(time.monotonic())
                        self.say(b"250 taken")
                    elif verb == b"QUIT":
                        return self.say(b"221 bye")
                    else:
                        self.say(b"250 fine")
                return None

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, allow_reuse_address = True, True

        self.server = Server(("127.0.0.1", 0), Session)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def hold_one(self, seconds):
        """Until a message was taken whose 250 comes in a moment; or so long at most."""
        self.go.clear()
        self.held.clear()
        self.hold = True
        if self.held.wait(seconds):
            threading.Timer(random.uniform(0, 0.15), self.go.set).start()
        self.hold = False

    def wait_if_held(self):
        if self.hold:
            self.hold = False
            self.held.set()
            self.go.wait(5)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Watcher:
    """A session that stays: knows from untagged responses which message has which sequence number, deletes now and then,
    and finds every answer that contradicts what it knows."""

    def __init__(self, mail, memory):
        self.mail, self.memory = mail, memory
        self.uids, self.validity, self.wire = [], None, None
        self.breaks = []      # (connection made at, broken at, why)

    def fault(self, text):
        with self.memory.lock:
            self.memory.faults.append(f"{WATCHED}: {text}")

    def take(self, line):
        m = re.match(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)", line)
        if not m:
            return
        n, what = int(m.group(1)), m.group(2)
        if what == b"EXISTS":
            if n < len(self.uids):
                self.fault(f"EXISTS fell from {len(self.uids)} to {n}")
            self.uids += [None] * (n - len(self.uids))
        elif n < 1 or n > len(self.uids):
            self.fault(f"{line[:60]} of {len(self.uids)} messages")
        elif what == b"EXPUNGE":
            del self.uids[n - 1]
        elif uid := re.search(rb"UID (\d+)", line):
            uid = int(uid.group(1))
            if self.uids[n - 1] not in (None, uid):
                self.fault(f"message {n} had UID {self.uids[n - 1]} and has {uid} now")
            self.uids[n - 1] = uid
            if mark := MARK.search(line):
                self.memory.saw(WATCHED, self.validity, uid, mark.group(1).decode())

    def do(self, text, **how):
        status, untagged = self.wire.command(text, **how)
        for line in untagged:
            self.take(line)
        known = [u for u in self.uids if u is not None]
        if known != sorted(set(known)):
            self.fault(f"UIDs are not ascending after {text}")
        if status == b"BAD":
            self.fault(f"{text} was answered with BAD")
        return status == b"OK"

    def select(self):
        self.uids = []
        status, untagged = self.wire.command("SELECT INBOX")
        if status != b"OK":
            raise BlockingIOError("not now")
        for line in untagged:
            self.take(line)
            if m := re.search(rb"UIDVALIDITY (\d+)", line):
                if self.validity not in (None, int(m.group(1))):
                    self.fault("UIDVALIDITY has changed")
                self.validity = int(m.group(1))

    def delete_one(self):
        uid = random.choice(self.uids)
        mark = self.memory.uids[WATCHED].get((self.validity, uid))
        if mark is None:
            return
        with self.memory.lock:
            self.memory.deleting[WATCHED].add(mark)
        how = random.choice(["EXPUNGE", f"UID EXPUNGE {uid}"])
        if self.do(f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)") and self.do(how):
            if uid in self.uids:
                self.fault(f"{how} was answered with OK and UID {uid} is there")
            with self.memory.lock:
                self.memory.gone[WATCHED].add(mark)

    def step(self):
        if None in self.uids:
            first = self.uids.index(None) + 1
            last = min(len(self.uids), first + 200)
            if not self.do(f"FETCH {first}:{last} (UID BODY.PEEK[HEADER.FIELDS (X-Mark)])"):
                time.sleep(0.05)
        elif len(self.uids) > 20 and random.random() < 0.3:
            self.delete_one()
        elif random.random() < 0.4:
            self.do("IDLE", idle=random.uniform(0.05, 0.3))
        else:
            self.do("NOOP")
            time.sleep(0.02)

    def session(self, stopping):
        try:
            self.wire = Wire(self.mail.port("imap"), WATCHED)
            self.select()
        except OSError:
            time.sleep(0.05)      # imapd, store or directory is away just now
            return
        try:
            while not stopping():
                self.step()
        except TimeoutError:
            self.fault("no answer to a command")
        except OSError as e:
            self.breaks.append((self.wire.began, time.monotonic(), str(e)))
        finally:
            self.wire.close()

    def run(self, stopping):
        while not stopping():
            self.session(stopping)


class Keepers:
    """Clients with caches on mailboxes that they share. They outlive a load."""

    def __init__(self, mail):
        self.mail, self.ledger = mail, Ledger()
        own = {path: KEEPER for path in ("INBOX", "Work", "Later")}
        theirs = {f"Other Users/{KEEPER}@example.test/Work": KEEPER, "INBOX": GUEST}
        self.clients = [Cacher(mail, self.ledger, f"c{n}", KEEPER, own) for n in range(3)]
        self.clients.append(Cacher(mail, self.ledger, "c3", GUEST, theirs))

    def prepare(self):
        for user in (KEEPER, GUEST, OTHER):
            self.mail.user(user)
        for user in (KEEPER, POPPED):
            self.mail.run("quota", "set", f"{user}@example.test", "1000")
        wire = Wire(self.mail.port("imap"), KEEPER)
        texts = [iems.message(f"{n}", X_Mark=f"base-{n}").replace("\n", "\r\n") for n in range(BASE)]
        for text in ["CREATE Work", "CREATE Later", f"SETACL Work {GUEST}@example.test lrswipkxte",
                     "APPEND Work " + " ".join(f"{{{len(text)}+}}\r\n{text}" for text in texts)]:
            assert wire.command(text)[0] == b"OK", wire.tagged
        wire.close()

    def acknowledged(self):
        """Commands of all clients that were answered with OK."""
        return sum(client.count.total() for client in self.clients)

    def faults(self):
        """After the load has ended."""
        for client in self.clients:
            client.verify()
        found, self.ledger.faults = self.ledger.faults, []
        return found

    def report(self):
        count = sum((client.count for client in self.clients), collections.Counter())
        return ", ".join(f"{n} {what}" for what, n in count.most_common())


class Load:
    """`keepers` alone, if there are no senders."""

    def __init__(self, mail, memory, keepers, senders=4, relay=False):
        self.mail, self.memory, self.relay, self.stopping = mail, memory, relay, False
        self.watcher = Watcher(mail, memory)
        self.breaking = [self.watcher, *keepers.clients]
        jobs = [(client.run, lambda: self.stopping) for client in keepers.clients]
        jobs += [(self.send, n) for n in range(senders)]
        if senders:
            jobs += [(self.append,), (self.watcher.run, lambda: self.stopping), (Popper(mail, memory).run, lambda: self.stopping)]
        self.threads = [threading.Thread(target=self.guard, args=job, daemon=True) for job in jobs]
        for t in self.threads:
            t.start()

    def guard(self, job, *args):
        """What no client expects is a fault, too."""
        try:
            job(*args)
        except Exception:  # pylint: disable=broad-except
            with self.memory.lock:
                self.memory.faults.append(f"a client ended: {traceback.format_exc()}")

    @staticmethod
    def text(mark, to):
        pad = "x" * 70 + "\r\n"
        return iems.message(mark, body=pad * random.randrange(1, 200), to=to, X_Mark=mark)

    def send_one(self, s, mark):
        users = random.sample([*USERS, WATCHED, POPPED], random.randrange(1, 4))
        to = {f"{u}@example.test": u for u in users}
        if self.relay and random.random() < 0.5:
            to[RELAYED] = RELAYED
        refused = s.sendmail("a@sender.example", list(to), self.text(mark, "list"))
        with self.memory.lock:
            for address, user in to.items():
                if address not in refused:
                    self.memory.acked[user].add(mark)

    def send(self, n):
        count = 0
        while not self.stopping:
            try:
                with smtplib.SMTP("127.0.0.1", self.mail.port("smtp"), timeout=20 * iems.SLOW) as s:
                    for _ in range(random.randrange(1, 6)):
                        count += 1
                        self.send_one(s, f"s{n}-{count}-{random.getrandbits(40):x}")
            except (smtplib.SMTPException, OSError):
                time.sleep(0.05)

    def append_one(self, c, mark):
        kind, data = c.append("INBOX", None, None, self.text(mark, "u0").replace("\n", "\r\n").encode())
        if kind != "OK":
            time.sleep(0.05)
            return
        with self.memory.lock:
            self.memory.acked["u0"].add(mark)
        where = re.search(rb"APPENDUID (\d+) (\d+)", data[0])
        self.memory.saw("u0", int(where.group(1)), int(where.group(2)), mark)
        if c.uid("STORE", where.group(2).decode(), "+FLAGS.SILENT", "(\\Flagged)")[0] == "OK":
            with self.memory.lock:
                self.memory.flagged.add(mark)

    def append(self):
        count = 0
        while not self.stopping:
            try:
                c = self.mail.imap("u0")
                c.select("INBOX")
                for _ in range(20):
                    count += 1
                    self.append_one(c, f"a-{count}-{random.getrandbits(40):x}")
                    if self.stopping:
                        break
                c.logout()
            except (iems.imaplib.IMAP4.error, OSError):   # any break of the connection is expected here
                time.sleep(0.05)

    def stop(self):
        self.stopping = True
        for t in self.threads:
            t.join(60 * iems.SLOW)
            assert not t.is_alive(), "a client hangs"
