"""What is derived from the messages is right after a recovery: quota and sizes (RFC 9208, RFC 8438), and searches for text."""
import random
import re


class Reader:
    """All messages of an account, read whole."""

    def __init__(self, mail, user):
        self.user, self.faults, self.c = user, [], mail.imap(user)
        try:
            self.folders = re.findall(r'"/" "?([^"]+)"?$', "\n".join(d.decode() for d in self.c.list('""', "*")[1]), re.M)
            self.total = sum(self.read(folder) for folder in self.folders)
            self.check_quota()
        finally:
            self.c.logout()

    def fault(self, text):
        self.faults.append(f"{self.user}: {text}")

    def read(self, folder):
        """Checks a folder; its size."""
        name = f'"{folder}"'
        _, status = self.c.status(name, "(SIZE MESSAGES)")
        self.c.select(name, readonly=True)
        _, data = self.c.uid("FETCH", "1:*", "(RFC822.SIZE BODY.PEEK[])")
        texts, size = {}, 0
        for head, text in (part for part in data if isinstance(part, tuple)):
            texts[int(re.search(rb"UID (\d+)", head).group(1))] = text
            told = int(re.search(rb"RFC822.SIZE (\d+)", head).group(1))
            size += told
            if told != len(text):
                self.fault(f"{folder}: {len(text)} bytes of RFC822.SIZE {told}")
        told = tuple(int(re.search(word + rb" (\d+)", status[0]).group(1)) for word in (rb"SIZE", rb"MESSAGES"))
        if told != (size, len(texts)):
            self.fault(f"{folder}: STATUS tells of {told} and there is {(size, len(texts))}")
        for _ in range(3 if texts else 0):
            self.search(folder, texts, self.needle(random.choice(list(texts.values()))))
        return size

    @staticmethod
    def needle(text):
        """A piece of the text of a message."""
        line = random.choice([part for part in re.split(rb"\r?\n", text.partition(b"\r\n\r\n")[2]) if part] or [b"none"]).decode()
        first = random.randrange(len(line))
        return line[first:first + random.randrange(2, 12)].strip() or "none"

    def search(self, folder, texts, needle):
        """SEARCH finds what a look at each message finds, no more and no less."""
        for what, texts_of in (("BODY", lambda t: t.partition(b"\r\n\r\n")[2]), ("TEXT", lambda t: t)):
            _, data = self.c.uid("SEARCH", what, f'"{needle}"')
            found = {int(uid) for uid in data[0].split()}
            right = {uid for uid, text in texts.items() if needle.lower().encode() in texts_of(text).lower()}
            if found != right:
                self.fault(f"{folder}: SEARCH {what} {needle!r}: {sorted(found - right)[:5]} are too many, "
                           f"{sorted(right - found)[:5]} are missing")

    def check_quota(self):
        _, (_, quota) = self.c.getquotaroot("INBOX")
        told = re.search(rb"STORAGE (\d+)", quota[0])
        if not told or int(told.group(1)) not in (self.total // 1024, -(-self.total // 1024)):
            self.fault(f"quota {quota} of {self.total} bytes")


def derived_faults(mail, users):
    return [fault for user in users for fault in Reader(mail, user).faults]
