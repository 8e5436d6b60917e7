"""IMAP against a whole instance: authorized URLs (RFC 4467) and what they are for, batches of UIDs (RFC 10022), what one
session sees of another one's changes, and how fast."""
import imaplib
import re
import time
import unittest

import iems

for name in ("GENURLAUTH", "URLFETCH", "RESETKEY", "UIDBATCHES", "SETMETADATA", "GETMETADATA"):
    imaplib.Commands[name] = ("AUTH", "SELECTED")
TEXT = b"From: bart@example.test\r\nSubject: x\r\n\r\none\r\ntwo\r\n"


class Imap(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mail = iems.Instance()
        cls.mail.__enter__()
        cls.addClassCleanup(cls.mail.__exit__, None, None, None)
        for name in ("bart", "lisa"):
            cls.mail.user(name)

    def command(self, c, name, *args):
        c.untagged_responses.clear()
        status, data = c._simple_command(name, *args)
        return status, c._untagged_response(status, data, name)[1]

    def authorize(self, c, rump):
        status, data = self.command(c, "GENURLAUTH", f'"{rump}"', "INTERNAL")
        self.assertEqual(status, "OK", data)
        return data[0].decode().strip('"')

    # ---- URLAUTH: RFC 4467
    def test_urlauth(self):
        c = self.mail.imap("bart")
        c.create("Drafts/urls")
        c.append("Drafts/urls", None, None, TEXT)
        base = "imap://bart%40example.test@mail.example.test/Drafts/urls/;UID=1"
        good = self.authorize(c, base + "/;SECTION=TEXT;URLAUTH=anonymous")
        late = self.authorize(c, base + ";EXPIRE=2020-01-01T00:00:00Z;URLAUTH=authuser")
        mine = self.authorize(c, base + ";URLAUTH=user+bart@example.test")
        submit = self.authorize(c, base + ";URLAUTH=submit+bart@example.test")
        self.assertRegex(good, r"^imap://.*;URLAUTH=anonymous:internal:[0-9a-f]{64}$")

        def fetched(url, session=c):
            status, data = self.command(session, "URLFETCH", f'"{url}"')
            self.assertEqual(status, "OK")
            return data[0][1] if isinstance(data[0], tuple) else None

        self.assertEqual(fetched(good), b"one\r\ntwo\r\n")
        self.assertEqual(fetched(mine), TEXT)
        for wrong in (late, submit, good[:-1] + ("0" if good[-1] != "0" else "1"), good.replace("UID=1", "UID=2"), base):
            self.assertIsNone(fetched(wrong), wrong)
        other = self.mail.imap("lisa")
        self.assertIsNone(fetched(mine, other))
        self.assertNotEqual(self.command(other, "GENURLAUTH", f'"{base};URLAUTH=anonymous"', "INTERNAL")[0], "OK")
        # the key is no annotation that a client can see
        data = self.command(c, "GETMETADATA", "(DEPTH infinity)", "Drafts/urls", "(/private/a /shared/a)")[1]
        self.assertNotIn("urlauth", str(data))
        # RFC 4468: what is meant for a server that sends mail is sent
        n = self.mail.count("lisa")
        s = self.mail.smtp("submission", tls=True, login="bart@example.test")

        def burl(url):
            for line in ("MAIL FROM:<bart@example.test>", "RCPT TO:<lisa@example.test>"):
                self.assertEqual(s.docmd(line)[0], 250, line)
            code, text = s.docmd(f"BURL {url} LAST")
            return code, text.split()[0].decode()

        # section 3.3: whoever the URL is meant for, as long as it is him; a token that is there must be right
        sent = (submit, mine, good, self.authorize(c, base + ";URLAUTH=anonymous"), self.authorize(c, base + ";URLAUTH=authuser"), base,
                base + ";URLAUTH=submit+bart@example.test")
        refused = ((self.authorize(c, base + ";URLAUTH=submit+lisa@example.test"), "5.7.14"),
                   (self.authorize(c, base + ";URLAUTH=user+lisa@example.test"), "5.7.14"), (late, "5.6.6"),
                   (submit[:-1] + ("0" if submit[-1] != "0" else "1"), "5.6.6"), (submit.replace("UID=1", "UID=2"), "5.6.6"),
                   (submit.replace("example.test@", "example.com@"), "5.6.6"), (submit.replace("internal", "external"), "5.6.6"))
        for url in sent:
            self.assertEqual(burl(url), (250, "2.0.0"), url)
        for url, status in refused:
            self.assertEqual(burl(url), (554, status), url)
        self.mail.wait_count("lisa", n + len(sent))
        # a new key: old tokens are void
        self.assertEqual(self.command(c, "RESETKEY", "Drafts/urls")[0], "OK")
        self.assertIsNone(fetched(good))
        self.assertEqual(burl(submit), (554, "5.6.6"))
        s.quit()
        self.assertEqual(fetched(self.authorize(c, base + "/;SECTION=TEXT;URLAUTH=anonymous")), b"one\r\ntwo\r\n")
        self.assertEqual(self.command(c, "RESETKEY")[0], "OK")
        self.assertIsNone(fetched(mine))
        c.logout()
        other.logout()

    # ---- UIDBATCHES: RFC 10022
    def test_batches(self):
        c = self.mail.imap("bart")
        c.create("many")
        c.append("many", None, None, TEXT)
        c.select("many")
        for _ in range(11):   # 2,048 messages
            c.copy("1:*", "many")
        c.store("1:100", "+FLAGS.SILENT", r"\Deleted")
        c.expunge()
        data = self.command(c, "UIDBATCHES", "500")[1][0].decode()
        self.assertEqual(data.split(") ")[1], "2048:1549,1548:1049,1048:549,548:1")
        for part in data.split(") ")[1].split(","):
            self.assertLessEqual(len(c.uid("SEARCH", "UID", part)[1][0].split()), 500)
        self.assertEqual(self.command(c, "UIDBATCHES", "900", "2:3")[1][0].decode().split(") ")[1], "1148:249,248:1")
        c.logout()

    # ---- keywords: RFC 9051 section 7.1, PERMANENTFLAGS
    def test_keywords(self):
        c = self.mail.imap("bart")
        c.create("words")
        c.append("words", None, None, TEXT)
        c.select("words")
        self.assertIn(rb"\*", c.response("PERMANENTFLAGS")[1][-1])
        names = [f"$k{i}" for i in range(57)]
        c.store("1", "+FLAGS.SILENT", f"({' '.join(names[:55])})")
        self.assertIn(rb"\*", c.response("PERMANENTFLAGS")[1][-1])
        c.store("1", "+FLAGS.SILENT", names[55])
        told = c.response("PERMANENTFLAGS")[1][-1]
        self.assertNotIn(rb"\*", told)
        self.assertIn(b"$k55", told)
        self.assertEqual(c.store("1", "+FLAGS", names[56])[0], "NO")
        c.select("words")
        self.assertEqual(c.response("PERMANENTFLAGS")[1][-1], told)
        c.logout()

    def test_told_without_delay(self):
        a, b = self.mail.imap("lisa"), self.mail.imap("lisa")
        a.create("quick")
        a.select("quick")
        a.send(b"i IDLE\r\n")
        self.assertEqual(a.readline(), b"+ idling\r\n")
        took = []
        for number in range(1, 6):
            start = time.monotonic()
            b.append("quick", None, None, TEXT)
            done = time.monotonic()
            self.assertEqual(a.readline(), b"* %d EXISTS\r\n" % number)
            took.append((time.monotonic() - done, done - start))
            self.assertEqual(a.readline(), b"* %d RECENT\r\n" % number)
        # pushed, not found by looking now and then: the telling takes no longer than what is told of, or next to nothing
        late, append = (sorted(t)[2] for t in zip(*took))
        self.assertLess(late, max(append, 0.1 * iems.QUICK))
        a.send(b"DONE\r\n")
        self.assertEqual(a.readline(), b"i OK IDLE completed\r\n")
        for c in (a, b):
            c.logout()

    # ---- RFC 2177, RFC 9051 section 5.2: another session's changes are told at once while this one idles
    def test_told_at_once(self):
        a, b = self.mail.imap("lisa"), self.mail.imap("lisa")
        a.create("watched")
        a.select("watched")
        a.send(b"i IDLE\r\n")
        self.assertEqual(a.readline(), b"+ idling\r\n")
        b.append("watched", None, None, TEXT)
        self.assertEqual(a.readline(), b"* 1 EXISTS\r\n")
        self.assertEqual(a.readline(), b"* 1 RECENT\r\n")   # RFC 3501 section 2.3.2: for the session that is told first
        self.assertEqual(b.select("watched"), ("OK", [b"1"]))
        self.assertEqual(b.response("RECENT"), ("RECENT", [b"0"]))
        b.store("1", "+FLAGS", r"(\Deleted $Mine)")
        told = b"".join(a.readline() for _ in range(3))
        self.assertTrue(re.search(rb"\* 1 FETCH \(UID 1 FLAGS \(\\Deleted \\Recent \$Mine\)\)", told), told)
        b.expunge()
        self.assertEqual([a.readline(), a.readline()], [b"* 1 EXPUNGE\r\n", b"* 0 RECENT\r\n"])
        a.send(b"DONE\r\n")
        self.assertTrue(a.readline().startswith(b"i OK"))
        b.logout()
        a.shutdown()

    # ---- RENAME of INBOX: RFC 9051 section 6.3.6, RFC 5464 section 4.1, RFC 8474 section 4; told to whom it is selected
    def test_rename_inbox(self):
        a, b = self.mail.imap("lisa"), self.mail.imap("lisa")

        def identity(c, name):
            c.select(name)
            return c.response("UIDVALIDITY")[1][0], c.response("UIDNEXT")[1][0]

        for text in (TEXT, TEXT.replace(b"one", b"1")):
            a.append("INBOX", r"(\Flagged $Mine)", None, text)
        count = int(a.select("INBOX")[1][0])
        before = identity(b, "INBOX")
        self.command(b, "SETMETADATA", "INBOX", '(/private/comment "kept")')
        self.assertEqual(self.command(b, "RENAME", "INBOX", "Sent")[0], "NO")
        b.untagged_responses.clear()
        self.assertEqual(b.rename("INBOX", "renamed/inbox")[0], "OK")
        self.assertEqual(len(b.response("EXPUNGE")[1]), count)
        a.untagged_responses.clear()
        a.noop()
        self.assertEqual(len(a.response("EXPUNGE")[1]), count)
        a.append("INBOX", None, None, TEXT)   # told as before: it is the same mailbox
        self.assertEqual(a.response("EXISTS")[1], [b"1"])
        self.assertEqual(identity(b, "INBOX"), (before[0], str(int(before[1]) + 1).encode()))
        self.assertEqual(b.select("renamed/inbox"), ("OK", [str(count).encode()]))
        self.assertEqual(len(b.search(None, "KEYWORD", "$Mine", "FLAGGED")[1][0].split()), 2)
        for name in ("INBOX", "renamed/inbox"):
            self.command(b, "GETMETADATA", name, "/private/comment")
            self.assertIn(b'(/private/comment "kept")', b.response("METADATA")[1][0])
        a.logout()
        b.logout()

    def heard(self, c, pattern):
        """Reads lines up to the one that fits."""
        seen = []
        while not seen or not re.search(pattern, seen[-1]):
            seen.append(c.readline())
            self.assertTrue(seen[-1], seen)
        return seen[-1]

    # ---- NOTIFY: RFC 5465, of deliveries, and of folders that others share (RFC 4314)
    def test_notify(self):
        a, b = self.mail.imap("lisa"), self.mail.imap("bart")
        a.send(b'n NOTIFY SET (selected (MessageNew (UID) MessageExpunge FlagChange)) '
               b'(personal (MessageNew MessageExpunge MailboxName SubscriptionChange ServerMetadataChange)) '
               b'(subtree "Other Users" (MessageNew MessageExpunge MailboxName MailboxMetadataChange))\r\n')
        self.heard(a, rb"^n OK")
        self.mail.send("bart@example.test", ["lisa@example.test"], iems.message())
        self.heard(a, rb"^\* STATUS INBOX \(MESSAGES \d+ UIDNEXT \d+ UIDVALIDITY \d+ UNSEEN \d+\)")
        other = self.mail.imap("lisa")
        other.create("notify/below")
        self.heard(a, rb'^\* LIST \(\\HasNoChildren\) "/" notify/below')
        other.rename("notify", "told")
        self.heard(a, rb'^\* LIST \(\\HasChildren\) "/" told \("OLDNAME" \(notify\)\)')
        other.subscribe("told")   # told/below was renamed along: section 5.4
        self.assertEqual(a.readline(), b'* LIST (\\HasChildren \\Subscribed) "/" told\r\n')
        other._simple_command("SETMETADATA", '""', '(/private/comment "x")')
        self.heard(a, rb'^\* METADATA "" /private/comment')
        b.create("Team")
        b.setacl("Team", "lisa@example.test", "lr")
        team = rb'"Other Users/bart@example.test/Team"'
        self.heard(a, rb'^\* LIST \(\\HasNoChildren\) "/" ' + team)
        b.append("Team", None, None, TEXT)
        self.heard(a, rb"^\* STATUS " + team + rb" \(MESSAGES 1 ")
        b._simple_command("SETMETADATA", "Team", '(/private/comment "x" /shared/comment "y")')
        self.assertEqual(self.heard(a, rb"^\* METADATA"), b"* METADATA " + team + b" /shared/comment\r\n")
        b.deleteacl("Team", "lisa@example.test")
        self.heard(a, rb'^\* LIST \(\\NonExistent \\NoAccess\) "/" ' + team)
        a.send(b"s SELECT told/below\r\n")
        self.heard(a, rb"^s OK")
        other.append("told/below", None, None, TEXT)
        self.heard(a, rb"^\* 1 FETCH \(UID 1\)")
        other.select("told/below")
        other.store("1", "+FLAGS", r"\Deleted")
        self.heard(a, rb"^\* 1 FETCH \(UID 1 FLAGS \((\\Recent )?\\Deleted( \\Recent)?\)\)")
        other.expunge()
        self.heard(a, rb"^\* 1 EXPUNGE")
        for c in (a, b, other):
            c.shutdown()


if __name__ == "__main__":
    unittest.main()
