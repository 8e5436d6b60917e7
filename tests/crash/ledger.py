"""What a server has told its IMAP clients, whoever they are: no UID or MODSEQ may ever stand for something else afterwards
(RFC 9051 section 2.3.1.1, RFC 7162). And how to read what it tells."""
import collections
import hashlib
import re
import threading

MARK = re.compile(rb"X-Mark: (\S+)")
LITERAL = re.compile(rb"BODY\[\] \{(\d+)\}\r\n")
FETCH = re.compile(rb"\* \d+ FETCH \(")
VANISHED = re.compile(rb"\* VANISHED (\(EARLIER\) )?(\S+)\r\n")


def digest(text):
    return hashlib.sha256(text).hexdigest()


def expand(uids):
    """The numbers of b"1:3,5"."""
    found = []
    for run in uids.decode().split(","):
        first, _, last = run.partition(":")
        a, b = sorted((int(first), int(last or first)))
        found += range(a, b + 1)
    return found


def compress(numbers):
    """"1:3,5" of numbers."""
    runs = []
    for n in sorted(numbers):
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in runs)


Told = collections.namedtuple("Told", "uid flags modseq text")


def fetched(line):
    """What a FETCH response tells of a message: None where it does not; flags without \\Recent, which is of the session."""
    if not FETCH.match(line):
        return None
    text = None
    if literal := LITERAL.search(line):
        text = line[literal.end():literal.end() + int(literal.group(1))]
        line = line[:literal.start()] + line[literal.end() + len(text):]
    uid, flags, modseq = (re.search(p, line) for p in (rb"[( ]UID (\d+)", rb"[( ]FLAGS \(([^)]*)\)", rb"[( ]MODSEQ \((\d+)\)"))
    return Told(int(uid.group(1)) if uid else None, frozenset(flags.group(1).split()) - {rb"\Recent"} if flags else None,
                int(modseq.group(1)) if modseq else None, text)


def code(name, text):
    """The number behind a response code."""
    found = re.search(rb"\[%s (\d+)" % name, text)
    return int(found.group(1)) if found else None


class Box:
    """What was told of one mailbox."""

    def __init__(self):
        self.marks = {}              # UID -> mark of the message
        self.states = {}             # (UID, MODSEQ) -> flags
        self.last = {}               # UID -> highest MODSEQ
        self.gone = set()            # UIDs that have vanished
        self.uidnext = self.highest = 0


class Ledger:
    """Boxes by (owner, UIDVALIDITY): these two name a mailbox for ever."""

    def __init__(self):
        self.lock = threading.Lock()
        self.boxes = collections.defaultdict(Box)
        self.texts = {}              # mark -> digest of the text that was appended
        self.ids = {}                # (owner, UIDVALIDITY) -> MAILBOXID
        self.faults = []

    def fault(self, text):
        with self.lock:
            self.faults.append(text)

    def box(self, key):
        with self.lock:
            return self.boxes[key]

    def same(self, facts, name, value, what):
        """A fact never changes."""
        with self.lock:
            before = facts.setdefault(name, value)
        if before != value:
            self.fault(f"{what}: was {before} and is {value} now")

    def message(self, key, uid, mark):
        box = self.box(key)
        self.same(box.marks, uid, mark, f"{key}: UID {uid}")
        with self.lock:
            box.uidnext = max(box.uidnext, uid + 1)

    def body(self, key, uid, text):
        mark = MARK.search(text).group(1).decode()
        self.message(key, uid, mark)
        self.same(self.texts, mark, digest(text), f"{key}: text of {mark}")

    def state(self, key, uid, modseq, flags):
        box = self.box(key)
        self.same(box.states, (uid, modseq), flags, f"{key}: flags of UID {uid} at MODSEQ {modseq}")
        with self.lock:
            box.last[uid] = max(modseq, box.last.get(uid, 0))
            box.highest = max(modseq, box.highest)

    def vanished(self, key, uids):
        box = self.box(key)
        with self.lock:
            box.gone.update(uids)

    def numbers(self, key):
        """What a client that asks from now on must be told at least: UIDNEXT, HIGHESTMODSEQ, what is gone."""
        box = self.box(key)
        with self.lock:
            return box.uidnext, box.highest, set(box.gone)

    def opened(self, key, uidnext, highest, before):
        """SELECT has told these; `before` is of numbers(), taken before it was sent."""
        if uidnext < before[0]:
            self.fault(f"{key}: UIDNEXT was {before[0]} and is {uidnext} now")
        if highest < before[1]:
            self.fault(f"{key}: HIGHESTMODSEQ was {before[1]} and is {highest} now")
        box = self.box(key)
        with self.lock:
            box.uidnext, box.highest = max(uidnext, box.uidnext), max(highest, box.highest)

    def compare(self, key, whole, uidnext, highest):
        """`whole` is the mailbox as read while nobody changes it: UID -> (flags, MODSEQ)."""
        box = self.box(key)
        for uid, (_, modseq) in whole.items():
            if uid in box.gone:
                self.fault(f"{key}: UID {uid} had vanished and is there")
            if modseq < box.last.get(uid, 0):
                self.fault(f"{key}: MODSEQ of UID {uid} was {box.last[uid]} and is {modseq} now: a change is undone")
            if uid >= uidnext or modseq > highest:
                self.fault(f"{key}: UID {uid} with MODSEQ {modseq}, but UIDNEXT {uidnext} and HIGHESTMODSEQ {highest}")
        for uid in set(box.last) - set(whole) - box.gone:
            if modseq := box.last[uid]:
                if uid not in box.marks or box.marks[uid].startswith("base"):
                    self.fault(f"{key}: UID {uid} with MODSEQ {modseq} is lost")
