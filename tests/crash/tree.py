"""Folders that only one client makes, renames, fills, describes, shares, subscribes to and deletes. What was in flight at a break has
happened whole or not at all."""
import random
import re

import iems
from wire import Refused

FOLDERS_MAX = 4


class Tree:
    """`state`: (folders: name -> (messages, comment, rights of the other), names subscribed to)."""

    def __init__(self, client):
        self.client, self.state, self.pending = client, ({}, frozenset()), None
        self.prefix, self.number = client.name + ".", 0

    def ask(self, text):
        status, untagged = self.client.wire.command(text)
        for line in untagged:
            self.client.take(line)
        if status != b"OK":
            raise Refused(self.client.wire.tagged.decode())
        return b"".join(untagged)

    def read(self):
        names = re.findall(rb'\* LIST \([^)]*\) "/" "?([^\r"]+)"?\r\n', self.ask(f'LIST "" "{self.prefix}*"'))
        folders = {name.decode(): self.read_folder(name.decode()) for name in names}
        subscribed = re.findall(rb'\* LSUB \([^)]*\) "/" "?([^\r"]+)"?\r\n', self.ask(f'LSUB "" "{self.prefix}*"'))
        return folders, frozenset(name.decode() for name in subscribed)

    def read_folder(self, name):
        status = self.ask(f"STATUS {name} (MESSAGES UIDVALIDITY MAILBOXID)")
        validity = int(re.search(rb"UIDVALIDITY (\d+)", status).group(1))
        ident = re.search(rb"MAILBOXID \(([^)]+)\)", status).group(1)
        self.client.ledger.same(self.client.ledger.ids, (self.client.user, validity), ident, f"{self.client.user}: UIDVALIDITY {validity}")
        comment = re.search(rb'/private/comment (?:"(\w*)"|\{\d+\}\r\n(\w*)|NIL)', self.ask(f"GETMETADATA {name} /private/comment"))
        rights = re.search(rb"other@example\.test\"? \"?(\w+)", self.ask(f"GETACL {name}"))
        return (int(re.search(rb"MESSAGES (\d+)", status).group(1)),
                (comment.group(1) or comment.group(2) or b"").decode() if comment else "", bool(rights))

    def settle(self):
        """After a break: the tree is as it was, or as it would have been after what was in flight."""
        now = self.read()
        if now not in (self.state, self.pending):
            self.client.fault(f"folders are {now}, were {self.state}, in flight was {self.pending}")
        self.state, self.pending = now, None

    def change(self, text, folders=None, subscribed=None):
        self.pending = (self.state[0] if folders is None else folders, self.state[1] if subscribed is None else subscribed)
        self.client.do(text)
        self.state, self.pending = self.pending, None

    def new_name(self):
        self.number += 1
        return f"{self.prefix}{self.number}"

    def create(self):
        name = self.new_name()
        self.change(f"CREATE {name}", {**self.state[0], name: (0, "", False)})

    def delete(self, name):
        self.change(f"DELETE {name}", {n: f for n, f in self.state[0].items() if n != name})

    def rename(self, name):
        new = self.new_name()
        self.change(f"RENAME {name} {new}", {new if n == name else n: f for n, f in self.state[0].items()})

    def alter(self, text, name, messages=None, comment=None, rights=None):
        m, c, r = self.state[0][name]
        self.change(text, {**self.state[0], name: (m if messages is None else messages, c if comment is None else comment,
                                                   r if rights is None else rights)})

    def fill(self, name):
        text = iems.message("filled").replace("\n", "\r\n")
        self.alter(f"APPEND {name} {{{len(text)}+}}\r\n{text}", name, messages=self.state[0][name][0] + 1)

    def describe(self, name):
        word = f"c{random.getrandbits(30):x}"
        self.alter(f'SETMETADATA {name} (/private/comment "{word}")', name, comment=word)

    def share(self, name):
        give = not self.state[0][name][2]
        self.alter(f"SETACL {name} other@example.test lr" if give else f"DELETEACL {name} other@example.test", name, rights=give)

    def subscribe(self, name):
        if name in self.state[1]:
            self.change(f"UNSUBSCRIBE {name}", subscribed=self.state[1] - {name})
        else:
            self.change(f"SUBSCRIBE {name}", subscribed=self.state[1] | {name})

    def step(self):
        if len(self.state[0]) < 2 or (len(self.state[0]) < FOLDERS_MAX and random.random() < 0.3):
            return self.create()
        job = random.choice([self.delete, self.rename, self.fill, self.describe, self.share, self.subscribe])
        return job(random.choice(list(self.state[0])))
