"""IMAP clients that keep what they were told: UIDs, MODSEQs, flags and bodies, over every break of the connection (RFC 7162).

Several of them share mailboxes. So that each knows what must be there, whatever the others do, only it sets and removes its own
keyword, and only it moves and removes the messages that it has appended; all change \\Seen and \\Flagged. What was in flight when
the connection broke may have happened or not, but whole. After each break the cache is brought up to date by QRESYNC and must
then be the mailbox."""
import collections
import random
import re
import time

import iems
from ledger import VANISHED, code, compress, digest, expand, fetched
from tree import Tree
from wire import Refused, Wire

KEEP = 100         # messages of its own that a client has in all, unless it appends MANY at once
MANY = 80          # enough for a COPY or MOVE that is stored as one record
BASE = 160         # messages that nobody removes: enough for flags that are stored as one record


class Cache:
    """A mailbox as a client knows it."""

    def __init__(self, key):
        self.key, self.highest, self.upto = key, 0, 0   # every UID up to `upto` is known
        self.messages = {}                              # UID -> (flags, MODSEQ)


class Cacher:
    def __init__(self, mail, ledger, name, user, paths):
        """`paths`: path -> owner of the mailbox."""
        self.mail, self.ledger, self.name, self.user, self.paths = mail, ledger, name, user, paths
        self.caches, self.path, self.wire, self.exists = {}, None, None, 0
        self.went_by = []        # UIDs that have vanished since the mailbox was opened
        self.keyword = name.encode()
        self.mine = {}           # (key, UID) -> mark of messages of its own that are there
        self.mark_set = {}       # (key, UID) -> whether its keyword is set, if it knows
        self.pending = None      # Pending of the change that is in flight
        self.changing = {}       # UID -> function of flags: what the STORE in flight does to them
        self.breaks = []         # (connection made at, broken at, why)
        self.tree = Tree(self)
        self.count = collections.Counter()

    def fault(self, text):
        self.ledger.fault(f"{self.name}: {text}")

    @property
    def cache(self):
        return self.caches[self.path]

    # ---- what the server tells
    def take_fetch(self, told):
        if told.uid is None:
            return self.fault("FETCH without UID though QRESYNC is enabled")
        cache, key = self.cache, self.cache.key
        if told.text is not None:
            self.ledger.body(key, told.uid, told.text)
        flags, modseq = cache.messages.get(told.uid, (None, 0))
        if told.flags is not None:
            flags = told.flags
            self.check_keyword(told.uid, flags)
            if told.modseq:
                self.ledger.state(key, told.uid, told.modseq, flags)
        elif told.modseq and told.uid in self.changing and flags is not None:
            flags = self.changing[told.uid](flags)
        if told.modseq:
            if told.modseq < modseq:
                self.fault(f"{key}: MODSEQ of UID {told.uid} fell from {modseq} to {told.modseq}")
            cache.messages[told.uid] = (flags, told.modseq)
        return None

    def check_keyword(self, uid, flags):
        place = (self.cache.key, uid)
        if uid not in self.changing and self.mark_set.setdefault(place, self.keyword in flags) != (self.keyword in flags):
            self.fault(f"{place}: the acknowledged change of a keyword is undone: {sorted(flags)}")
            self.mark_set[place] = self.keyword in flags

    def take(self, line):
        if told := fetched(line):
            self.take_fetch(told)
        elif gone := VANISHED.match(line):
            uids = expand(gone.group(2))
            self.ledger.vanished(self.cache.key, uids)
            for uid in uids:
                self.cache.messages.pop(uid, None)
            if not gone.group(1):
                self.exists -= len(uids)
                self.went_by += uids
        elif m := re.match(rb"\* (\d+) EXISTS", line):
            self.exists = int(m.group(1))
        elif re.match(rb"\* \d+ EXPUNGE", line):
            self.fault("EXPUNGE though QRESYNC is enabled")

    def do(self, text, **how):
        """A command in the selected mailbox; the tagged answer."""
        status, untagged = self.wire.command(text, **how)
        for line in untagged:
            self.take(line)
        if status == b"BAD":
            self.fault(f"{text[:100]!r} was answered with {self.wire.tagged}")
        if status != b"OK":
            raise Refused(self.wire.tagged.decode())
        self.count[re.match(r"(UID )?\w+", text).group()] += 1
        return self.wire.tagged

    def synchronize(self, **how):
        """After NOOP or IDLE everything up to the highest MODSEQ that was told is known, if no message is new."""
        self.do("IDLE" if how else "NOOP", **how)
        if self.knows_all():
            self.cache.highest = max([self.cache.highest, *(modseq for _, modseq in self.cache.messages.values())])

    def knows_all(self):
        return self.exists == len(self.cache.messages) and max(self.cache.messages, default=0) <= self.cache.upto

    # ---- opening and comparing
    def parameters(self, cache):
        if cache is None or cache.highest == 0:
            return "CONDSTORE"
        known = [compress(cache.messages)] if cache.messages and random.random() < 0.7 else []
        if known and random.random() < 0.5:   # some of them with their numbers (section 3.2.5.2)
            uids = sorted(cache.messages)
            numbers = sorted(random.sample(range(len(uids)), min(len(uids), 9)))
            known.append(f"({compress(n + 1 for n in numbers)} {compress(uids[n] for n in numbers)})")
        return "QRESYNC (" + " ".join([str(cache.key[1]), str(cache.highest), *known]) + ")"

    def select(self, path):
        cache, before = self.caches.get(path), None
        if cache:
            before = self.ledger.numbers(cache.key)
        self.went_by = []
        status, untagged = self.wire.command(f'SELECT "{path}" ({self.parameters(cache)})')
        if status != b"OK":
            raise Refused(self.wire.tagged.decode())
        whole = b"".join(line for line in untagged if line.startswith(b"* OK ["))
        validity, uidnext, highest = (code(name, whole) for name in (b"UIDVALIDITY", b"UIDNEXT", b"HIGHESTMODSEQ"))
        key = (self.paths[path], validity)
        if cache and cache.key != key:
            self.fault(f"{path} was {cache.key} and is {key} now")
        fresh = cache is None or cache.key != key or cache.highest == 0
        self.path, self.caches[path] = path, Cache(key) if fresh else cache
        for line in untagged:
            self.take(line)
        self.ledger.opened(key, uidnext, highest, before or (0, 0, ()))
        exists = self.exists
        self.catch_up()
        if not fresh:
            self.check_resync(before, exists, uidnext)
        self.cache.highest = max(self.cache.highest, highest)
        return uidnext, highest

    def check_resync(self, before, exists, uidnext):
        """QRESYNC has told what became of the messages that were known; those that are new were read now."""
        cache = self.cache

        def known():
            return sum(uid < uidnext for uid in [*cache.messages, *self.went_by])

        if exists != known():
            self.do("NOOP")    # may tell that some have vanished before they were read
        if exists != known():
            self.fault(f"{cache.key}: {known()} messages after QRESYNC, but EXISTS {exists}")
        for uid in before[2].intersection(cache.messages):
            self.fault(f"{cache.key}: UID {uid} had vanished and is there after QRESYNC")

    def catch_up(self):
        """Reads messages that are new."""
        cache = self.cache
        if self.exists == 0:
            return
        self.do(f"UID FETCH {cache.upto + 1}:* (FLAGS MODSEQ BODY.PEEK[])")
        cache.upto = max([cache.upto, *cache.messages])

    def read_whole(self):
        """UID -> (flags, MODSEQ) of the selected mailbox and the UIDs that vanished meanwhile; the cache stays as it is."""
        _, untagged = self.wire.command("UID FETCH 1:* (FLAGS MODSEQ)")
        whole, gone = {}, set()
        for line in untagged:
            if told := fetched(line):
                whole[told.uid] = (told.flags, told.modseq)
            elif m := VANISHED.match(line):
                gone.update(expand(m.group(2)))
        return whole, gone, untagged

    def compare(self, upto=None):
        """The cache and the mailbox are the same; only what was changed after MODSEQ `upto` may differ."""
        cache = self.cache
        whole, gone, untagged = self.read_whole()
        for uid, state in whole.items():
            if (upto is None or state[1] <= upto) and cache.messages.get(uid) != state:
                self.fault(f"{cache.key}: UID {uid} is cached as {cache.messages.get(uid)} and is {state}")
        for line in untagged:
            self.take(line)
        if set(cache.messages) - set(whole) - gone:
            self.do("NOOP")    # may tell that they have vanished meanwhile
        for uid in set(cache.messages) - set(whole) - gone:
            if uid <= cache.upto:
                self.fault(f"{cache.key}: UID {uid} is cached and is not there")
        return whole

    def open(self):
        self.wire = Wire(self.mail.port("imap"), self.user)
        self.wire.command("ENABLE QRESYNC")
        self.changing = {}
        for path in random.sample(list(self.paths), len(self.paths)):
            _, highest = self.select(path)
            if random.random() < 0.3:
                self.compare(highest)
        self.settle()
        self.tree.settle()

    # ---- what became of the change that was in flight
    def settle(self):
        found = {}
        for cache in self.caches.values():
            marks = self.ledger.box(cache.key).marks
            found.update({(cache.key, uid): marks[uid] for uid in cache.messages
                          if uid in marks and marks[uid].startswith(self.name + "-")})
        lost = {place: mark for place, mark in self.mine.items() if place not in found}
        more = {place: mark for place, mark in found.items() if place not in self.mine}
        flight, self.pending = self.pending, None
        took, gave = (flight["took"], flight["gave"]) if flight else ({}, ())
        if lost and lost != {place: mark for place, mark in took.items() if place in self.mine}:
            self.fault(f"lost {sorted(lost.items())[:5]} while in flight was {flight}")
        if more and sorted((place[0], mark) for place, mark in more.items()) != sorted(gave):
            self.fault(f"there is {sorted(more.items())[:5]} while in flight was {flight}")
        if took and gave and bool(lost) != bool(more):
            self.fault(f"moved by halves: lost {lost}, came {more}")
        if flight and flight["changed"]:
            self.settle_keyword(flight)
        self.mine = found

    def settle_keyword(self, flight):
        """A STORE in flight has set its keyword everywhere or nowhere."""
        key = flight["key"]
        cache = next(c for c in self.caches.values() if c.key == key)
        now = {uid: self.keyword in cache.messages[uid][0] for uid in flight["changed"] if uid in cache.messages}
        if len(set(now.values())) > 1:
            self.fault(f"{key}: a change of flags has happened by halves: {sum(now.values())} of {len(now)}: {flight['text'][:60]}")

    def flight(self, text, took=(), gave=(), changed=()):
        """From now on this may have happened; done() says that it has."""
        self.pending = {"text": text, "key": self.cache.key, "changed": list(changed), "gave": list(gave),
                        "took": {(self.cache.key, uid): self.mine[self.cache.key, uid] for uid in took}}
        return text

    def done(self):
        self.pending = None

    # ---- changes
    def text(self, mark):
        words = " ".join(f"{random.getrandbits(random.choice([12, 40])):x}" for _ in range(random.randrange(3, 60)))
        return re.sub(r"(.{60,70}) ", r"\1\n", iems.message(mark, body=words, X_Mark=mark)).replace("\n", "\r\n")

    def new_mark(self):
        self.count["messages"] += 1
        return f"{self.name}-{self.count['messages']}-{random.getrandbits(40):x}"

    def append(self):
        path = random.choice(list(self.caches))
        key, parts, marks = self.caches[path].key, [], {}
        for _ in range(random.choice([1, 1, 1, 1, 1, 3, 3, MANY])):
            mark = self.new_mark()
            text, flagged = self.text(mark), random.random() < 0.5
            self.ledger.same(self.ledger.texts, mark, digest(text.encode()), mark)
            parts.append(f"({self.name if flagged else ''}) {{{len(text)}+}}\r\n{text}")
            marks[mark] = flagged
        answer = self.do(self.flight(f'APPEND "{path}" ' + " ".join(parts), gave=[(key, mark) for mark in marks]))
        where = re.search(rb"APPENDUID (\d+) (\S+)\]", answer)
        self.came(key, where, list(marks.items()))
        self.done()

    def came(self, key, where, marks):
        """These stand under the UIDs that the server has told; `marks`: (mark, whether the keyword is set)."""
        if not where or int(where.group(1)) != key[1]:
            return self.fault(f"{key}: {where and where.group()}")
        for uid, (mark, flagged) in zip(expand(where.group(2)), marks, strict=True):
            self.ledger.message(key, uid, mark)
            self.mine[key, uid] = mark
            if flagged is not None:
                self.mark_set[key, uid] = flagged
        return None

    def own(self):
        return [uid for key, uid in self.mine if key == self.cache.key and uid in self.cache.messages]

    def copy(self, verb):
        uids = sorted(random.sample(self.own(), min(len(self.own()), random.choice([1, 4, MANY]))))
        others = [path for path in self.caches if path != self.path]
        if not uids or not others:
            return
        path, source = random.choice(others), self.cache.key
        key = self.caches[path].key
        marks = [(self.mine[source, uid], self.mark_set.get((source, uid))) for uid in uids]
        text = self.flight(f'UID {verb} {compress(uids)} "{path}"', uids if verb == "MOVE" else (), [(key, m) for m, _ in marks])
        status, untagged = self.wire.command(text)
        for line in untagged:
            self.take(line)
        if status != b"OK":
            raise Refused(self.wire.tagged.decode())
        where = re.search(rb"COPYUID (\d+) \S+ (\S+)\]", b"".join([*untagged, self.wire.tagged]))
        self.came(key, where, marks)
        if verb == "MOVE":
            self.went(text, uids)
        self.count["UID " + verb] += 1
        self.done()

    def went(self, text, uids):
        for uid in uids:
            self.mine.pop((self.cache.key, uid))
            if uid in self.cache.messages:
                self.fault(f"{self.cache.key}: UID {uid} is there after {text}")
        self.ledger.vanished(self.cache.key, uids)

    def expunge(self):
        uids = sorted(random.sample(self.own(), min(len(self.own()), random.choice([1, 5]))))
        if not uids:
            return
        self.changing = {uid: lambda flags: flags | {rb"\Deleted"} for uid in uids}
        self.do(f"UID STORE {compress(uids)} +FLAGS.SILENT (\\Deleted)")
        self.changing = {}
        text = self.flight(f"UID EXPUNGE {compress(uids)}", uids)
        highest = code(b"HIGHESTMODSEQ", self.do(text))
        self.went(text, uids)
        if highest and self.knows_all():
            self.cache.highest = max(self.cache.highest, highest)
        self.done()

    def choose(self):
        """UIDs for a STORE: some, or all of a range, which is one record for many messages."""
        known = sorted(uid for uid in self.cache.messages if uid <= self.cache.upto)
        if random.random() < 0.3 and known:
            first = random.choice(known[:5])
            chosen = [uid for uid in known if uid >= first]
            return chosen, f"{first}:{known[-1]}"
        chosen = random.sample(known, min(len(known), random.randrange(1, 8)))
        return chosen, compress(chosen)

    def store(self):
        uids, text = self.choose()
        if not uids:
            return
        key, sign, silent = self.cache.key, random.choice("+-"), random.choice(["", ".SILENT"])
        word = random.choice([self.keyword, self.keyword, rb"\Seen", rb"\Flagged"])
        since = random.choice(["", "", f" (UNCHANGEDSINCE {self.cache.highest})"])
        own, wanted = word == self.keyword, sign == "+"
        text = f"UID STORE {text}{since} {sign}FLAGS{silent} ({word.decode()})"
        self.changing = {uid: (lambda f: f | {word}) if wanted else (lambda f: f - {word}) for uid in uids}
        before = {uid: self.mark_set.pop((key, uid), None) for uid in uids} if own else {}
        answer = self.do(self.flight(text, changed=[u for u, b in before.items() if b == (not wanted)] if not since else ()))
        refused = re.search(rb"MODIFIED (\S+)\]", answer)
        refused = set(expand(refused.group(1))) if refused else set()
        if refused and not since:
            self.fault(f"{text[:80]} was answered with {answer[:80]}")
        for uid in before:
            if uid in self.cache.messages and before[uid] is not None:
                self.mark_set[key, uid] = before[uid] if uid in refused else wanted
        self.changing = {}
        self.done()

    def read(self):
        """A body, which marks the message as seen: the flags that come with it are those of the MODSEQ that comes with it."""
        if self.cache.messages:
            self.do(f"UID FETCH {random.choice(list(self.cache.messages))} (BODY[])")

    def step(self):
        for _ in range(20):
            if self.knows_all():
                break
            self.do("NOOP")
            self.catch_up()
        else:
            self.fault(f"{self.cache.key}: {len(self.cache.messages)} messages are known of EXISTS {self.exists}")
        spare = len(self.mine) > KEEP
        jobs = {self.append: 0 if spare else 6, self.expunge: 8 if spare else 1, self.store: 10, self.synchronize: 3,
                self.tree.step: 3, self.reopen: 2, self.idle: 1, self.move: 2, self.duplicate: 0 if spare else 1, self.read: 2}
        random.choices(list(jobs), list(jobs.values()))[0]()

    def idle(self):
        self.synchronize(idle=random.uniform(0.01, 0.1))

    def move(self):
        self.copy("MOVE")

    def duplicate(self):
        self.copy("COPY")

    def reopen(self):
        if random.random() < 0.5:
            self.do("UNSELECT")
        _, highest = self.select(random.choice(list(self.paths)))
        if random.random() < 0.3:
            self.compare(highest)

    # ---- a life
    def session(self, stopping):
        """Until told to stop, or a break."""
        self.wire = None
        try:
            self.open()
        except OSError:
            time.sleep(0.05)      # imapd, store or directory is away just now
            return self.close()
        try:
            while not stopping():
                self.step()
        except TimeoutError:
            self.fault("no answer to a command")
        except Refused:
            self.count["refused"] += 1
        except OSError as e:
            self.breaks.append((self.wire.began, time.monotonic(), f"{self.name}: {e}"))
        return self.close()

    def close(self):
        if self.wire:
            self.wire.close()

    def run(self, stopping):
        while not stopping():
            self.session(stopping)

    def verify(self):
        """While nobody changes anything: the cache after QRESYNC is the mailbox, which is what all clients were told."""
        iems.wait_until(f"all mailboxes of {self.user}", self.verify_once)

    def verify_once(self):
        """False: not now."""
        self.wire = None
        try:
            self.open()
            for path in self.paths:
                uidnext, highest = self.select(path)
                self.ledger.compare(self.cache.key, self.compare(), uidnext, highest)
            return True
        except OSError:
            return False
        finally:
            self.close()
