"""The search index: what a search finds is exactly what is there, with the index, without it, and while it is made."""
import base64
import json
import quopri
import random
import signal
import time
import unittest

import iems

MESSAGES, NEEDLES = 120, 12
SYLLABLES = ["zka", "wug", "qip", "\u00e4x", "v\u00df", "\u017eu", "xox", "jyk", "\u0436\u0438", "uzz"]


def words(rng, count):
    return " ".join("".join(rng.choice(SYLLABLES) for _ in range(rng.randint(1, 4))).capitalize() for _ in range(count))


def body_of(rng, text):
    """The text in one of the ways in which mail carries it."""
    kind = rng.choice(["8bit", "base64", "quoted-printable", "koi8-r", "html", "mixed"])
    if kind == "koi8-r":
        text = "".join(c for c in text if c.isascii() or "\u0430" <= c.lower() <= "\u044f")
        return text, "Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: 8bit", text.encode("koi8-r")
    raw = text.encode()
    if kind == "base64":
        return text, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64", base64.encodebytes(raw).replace(b"\n", b"\r\n")
    if kind == "quoted-printable":
        return text, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable", quopri.encodestring(raw).replace(b"\n", b"\r\n")
    if kind == "html":
        first, _, rest = text.partition(" ")
        page = f"<html><body><p>{first} <b>{rest}</b></p></body></html>"
        return text, "Content-Type: text/html; charset=utf-8", page.encode()
    if kind == "mixed":
        part = (b"--b0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + raw +
                b"\r\n--b0\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nenprYQ==\r\n--b0--\r\n")
        return text, "Content-Type: multipart/mixed; boundary=b0", part
    return text, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit", raw


class Search(unittest.TestCase):
    def setUp(self):
        self.mail = iems.Instance()
        self.mail.__enter__()
        self.addCleanup(self.mail.__exit__, None, None, None)
        self.mail.user("bart")

    def status(self):
        return json.loads(self.mail.run("search", "status", "--json").stdout)

    def wait_indexed(self, seconds=20):
        end = time.monotonic() + seconds * iems.SLOW
        while True:
            s = self.status()
            if s["waiting"] == 0 and not s["round"]:
                return s
            self.assertLess(time.monotonic(), end, s)
            time.sleep(0.1)

    def find(self, c, key, needle):
        data = needle.encode()
        c.literal = data
        ok, found = c.search("UTF-8", key)
        self.assertEqual(ok, "OK")
        return {int(n) for n in found[0].split()}

    def compare(self, c, texts, subjects, needles):
        for needle in needles:
            low = needle.lower()
            in_body = {i + 1 for i, t in enumerate(texts) if low in t.lower()}
            in_subject = {i + 1 for i, t in enumerate(subjects) if low in t.lower()}
            self.assertEqual(self.find(c, "BODY", needle), in_body, needle)
            self.assertEqual(self.find(c, "SUBJECT", needle), in_subject, needle)
            self.assertEqual(self.find(c, "TEXT", needle), in_body | in_subject, needle)
            self.assertEqual(self.find(c, "NOT BODY", needle), set(range(1, len(texts) + 1)) - in_body, needle)

    def test_results_are_exact(self):   # RFC 9051 section 6.4.4
        rng = random.Random(4711)
        c = self.mail.imap("bart")
        texts, subjects = [], []
        for i in range(MESSAGES):
            text, header, raw = body_of(rng, words(rng, rng.randint(3, 60)))
            subject = words(rng, 3)
            encoded = "=?utf-8?b?" + base64.b64encode(subject.encode()).decode() + "?="
            message = f"From: a@b.example\r\nSubject: {encoded}\r\nMIME-Version: 1.0\r\n{header}\r\n\r\n".encode() + raw
            self.assertEqual(c.append("INBOX", None, None, message)[0], "OK")
            texts.append(text)
            subjects.append(subject)
            if i == MESSAGES // 2:
                self.mail.wait_restarted("index", self.mail.kill("index", signal.SIGKILL))
        needles = []
        for _ in range(NEEDLES):
            source = rng.choice(texts + subjects)
            at = rng.randrange(len(source))
            needles.append(source[at:at + rng.randint(2, 12)].strip() or "zka")
            needles.append(words(rng, 1))
        needles = [n for n in dict.fromkeys(needles) if len(n) >= 2 and '"' not in n]
        c.select("INBOX")
        self.compare(c, texts, subjects, needles[:10])   # while it is made
        s = self.wait_indexed()
        self.assertTrue(s["connected"])
        self.compare(c, texts, subjects, needles)
        # the prefix of a delivery is searched, too
        self.mail.send("zkawug@sender.example", "bart@example.test", iems.message("hello"))
        self.mail.wait_count("bart", MESSAGES + 1)
        self.wait_indexed()
        c.noop()
        self.assertEqual(self.find(c, "TEXT", "return-path: <zkawug@"), {MESSAGES + 1})
        self.assertEqual(self.find(c, "TEXT", "return-path: <qip@"), set())
        c.store(str(MESSAGES + 1), "+FLAGS", "\\Deleted")
        c.expunge()
        # several texts, and other things, together
        a, b = needles[0], needles[3]
        low = [t.lower() for t in texts]
        c.literal = a.encode()
        ok, found = c.search("UTF-8", 'UNDELETED NOT SUBJECT "zz top" BODY')
        self.assertEqual({int(n) for n in found[0].split()}, {i + 1 for i, t in enumerate(low) if a.lower() in t})
        if a.isascii() and b.isascii():
            ok, found = c.search(None, f'OR BODY "{a}" BODY "{b}"')
            self.assertEqual({int(n) for n in found[0].split()}, {i + 1 for i, t in enumerate(low) if a.lower() in t or b.lower() in t})
        # made anew, of one account and of all
        self.mail.run("search", "rebuild", "bart@example.test")
        self.wait_indexed()
        self.mail.run("search", "rebuild")
        self.wait_indexed()
        self.compare(c, texts, subjects, needles[:10])
        # a message of a hundred thousand parts is read in large pieces, however small they are
        many = b"".join(b"--x\r\n\r\npart %06d end\r\n" % i for i in range(100_000))
        c.append("INBOX", None, None, b"Subject: many\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + many + b"--x--\r\n")
        self.wait_indexed()
        for needle in ("part 000000 e", "part 099999 e", "9 end", "09"):
            self.assertIn(MESSAGES + 1, self.find(c, "BODY", needle), needle)
        self.assertNotIn(MESSAGES + 1, self.find(c, "BODY", "part 100000"))
        c.store(str(MESSAGES + 1), "+FLAGS", "\\Deleted")
        # gone with the messages
        c.store("1:80", "+FLAGS", "\\Deleted")
        c.expunge()
        self.compare(c, texts[80:], subjects[80:], needles[:10])
        self.assertIn("in order", self.mail.run("store", "check").stdout)
        c.logout()


if __name__ == "__main__":
    iems.main()
