"""Sharing of folders and shared accounts over real IMAP, SMTP and the command line (SHARE-01 to SHARE-10; RFC 4314, RFC 2342, RFC 8440)."""
import imaplib
import json
import os
import smtplib
import subprocess
import tempfile
import unittest

import iems

MAIL = b"Subject: shared\r\nFrom: a@sender.example\r\n\r\nbody\r\n"


class Sharing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mail = iems.Instance()
        cls.mail.__enter__()
        for name in ("ann", "bob", "eve"):
            cls.mail.user(name)

    @classmethod
    def tearDownClass(cls):
        cls.mail.__exit__(None, None, None)

    def login(self, user):
        c = self.mail.imap(user)
        self.addCleanup(lambda: c.sock is not None and c.shutdown())
        return c

    def ok(self, answer):
        self.assertEqual(answer[0], "OK", answer)
        return [x.decode() if isinstance(x, bytes) else x for x in answer[1] if x is not None]

    def no(self, answer):
        self.assertEqual(answer[0], "NO", answer)

    def names(self, c, pattern):
        return sorted(line.split(' "/" ')[1].strip('"') for line in self.ok(c.list('""', pattern)))

    def idle_until(self, c, word, act):
        """IDLE as its own client would: imaplib of this age has none."""
        c.send(b"I1 IDLE\r\n")
        line = c.readline()
        while not line.startswith(b"+"):
            line = c.readline()
        act()
        c.sock.settimeout(10 * iems.SLOW)
        told = b""
        while word not in told:
            line = c.readline()
            if not line:
                self.fail(f"the connection ended: {told!r}")
            told += line
        c.send(b"DONE\r\n")
        while not line.startswith(b"I1"):
            line = c.readline()
        return told

    def test_folder_of_a_user(self):
        ann, bob, eve = self.login("ann"), self.login("bob"), self.login("eve")
        box = '"Other Users/ann@example.test/Box"'
        self.ok(ann.create("Box"))
        self.ok(ann.append("Box", "", None, MAIL))
        self.assertIn('(("Other Users/" "/")) (("Shared/" "/"))', self.ok(bob.namespace())[0])
        self.assertEqual(self.names(bob, '"Other Users/*"'), [])
        self.ok(ann.setacl("Box", "bob@example.test", "lr"))
        self.assertIn("bob@example.test lr", self.ok(ann.getacl("Box"))[0])
        self.no(ann.setacl("Box", "nobody@example.test", "lr"))
        # Seen at once by who is logged in, and by nobody else.
        self.assertEqual(self.names(bob, '"Other Users/*"'), ["Other Users/ann@example.test", "Other Users/ann@example.test/Box"])
        self.assertEqual(self.names(eve, '"Other Users/*"'), [])
        self.no(eve.select(box))
        self.assertIn("lr", self.ok(bob.myrights(box))[0])
        bob.send(b'M1 LIST "" "Other Users/*" RETURN (MYRIGHTS STATUS (MESSAGES))\r\n')
        told = b""
        while b"M1 OK" not in told:
            told += bob.readline()
        self.assertIn(b'* MYRIGHTS "Other Users/ann@example.test/Box" lr', told)
        self.assertIn(b'* STATUS "Other Users/ann@example.test/Box" (MESSAGES 1)', told)
        # Read-only: RFC 4314 section 4.
        with self.assertRaises(imaplib.IMAP4.readonly):
            bob.select(box)
        self.assertEqual(bob.select(box, readonly=True), ("OK", [b"1"]))
        self.no(bob.store("1", "+FLAGS", "\\Flagged"))
        self.no(bob.append(box, "", None, MAIL))
        self.ok(bob.fetch("1", "(BODY[])"))   # does not mark it
        self.ok(bob.copy("1", "INBOX"))
        self.no(bob.getacl(box))
        # More rights; both see what the other does (SHARE-10).
        self.ok(ann.setacl("Box", "bob@example.test", "+swi"))
        self.ok(ann.select("Box"))
        self.ok(bob.select(box))
        told = self.idle_until(ann, b"\\Flagged", lambda: self.ok(bob.store("1", "+FLAGS", "\\Flagged")))
        self.assertIn(b"FETCH", told)
        self.idle_until(bob, b"2 EXISTS", lambda: self.ok(self.login("ann").append("Box", "", None, MAIL)))
        self.no(bob.expunge())
        # Taken away while it is open: the session ends with a word of why.
        bob.send(b"I2 IDLE\r\n")
        self.ok(ann.deleteacl("Box", "bob@example.test"))
        told = b""
        while b"BYE" not in told:
            line = bob.readline()
            self.assertTrue(line, told)
            told += line
        self.assertEqual(self.names(self.login("bob"), '"Other Users/*"'), [])

    def test_rights_without_lookup(self):
        """RFC 4314 section 4: LIST asks for "l", other commands for rights of their own. RFC 5465 section 3.1: \\NoAccess."""
        ann, bob = self.login("ann"), self.login("bob")
        box = '"Other Users/ann@example.test/Hidden"'
        self.ok(ann.create("Hidden"))
        self.ok(ann.append("Hidden", "", None, MAIL))
        for rights, may_read, may_append in (("", False, False), ("r", True, False), ("i", False, True), ("rstw", True, False)):
            self.ok(ann.setacl("Hidden", "bob@example.test", f'"{rights}"'))
            self.assertNotIn("Other Users/ann@example.test/Hidden", self.names(bob, '"Other Users/*"'))
            (self.ok if may_read else self.no)(bob.status(box, "(MESSAGES)"))
            if may_read:
                self.ok(bob.select(box, readonly=True))
                self.ok(bob.unselect())
            self.no(bob.subscribe(box))
            said = str((self.ok if may_append else self.no)(bob.append(box, "", None, MAIL)))
            self.assertNotIn("APPENDUID", said)   # RFC 9051 section 6.3.12: who may not read there is not told
            if may_append:
                self.ok(bob.select("INBOX"))
                self.ok(bob.append("INBOX", "", None, MAIL))
                self.ok(bob.noop())
                self.assertNotIn("COPYUID", str(self.ok(bob.copy("1", box))))
                self.ok(bob.close())
            (self.ok if rights else self.no)(bob.myrights(box))
            self.assertIn("NONEXISTENT", str(bob.getacl(box)))
        # Without "e": EXPUNGE is refused, CLOSE closes.
        self.ok(bob.select(box))
        self.ok(bob.store("1", "+FLAGS", "\\Deleted"))
        self.assertIn("NOPERM", str(bob.expunge()))
        self.ok(bob.close())
        self.assertIn("(MESSAGES 3)", self.ok(ann.status("Hidden", "(MESSAGES)"))[0])
        self.no(bob.subscribe('"Other Users/ann@example.test/Nowhere"'))
        # Seen, but not to be read; then to be read; then not to be seen.
        self.ok(ann.setacl("Hidden", "bob@example.test", "l"))
        # RFC 5819 section 2: without "r" there is no STATUS, and \\Noselect
        bob.send(b'L1 LIST "" "Other Users/*" RETURN (STATUS (MESSAGES))\r\n')
        told = []
        while not (told and told[-1].startswith(b"L1 ")):
            told.append(bob.readline())
        self.assertIn(b'* LIST (\\Noselect \\HasNoChildren) "/" "Other Users/ann@example.test/Hidden"\r\n', told)
        self.assertFalse([line for line in told if line.startswith(b"* STATUS") and b"Hidden" in line])
        bob.send(b'N1 NOTIFY SET (mailboxes "Other Users/ann@example.test/Hidden" (MessageNew MessageExpunge))\r\n')
        self.assertEqual(bob.readline(), b'* LIST (\\NoAccess \\HasNoChildren) "/" "Other Users/ann@example.test/Hidden"\r\n')
        self.assertTrue(bob.readline().startswith(b"N1 OK"))
        self.ok(ann.setacl("Hidden", "bob@example.test", "lr"))
        self.assertEqual(bob.readline(), b'* LIST (\\HasNoChildren) "/" "Other Users/ann@example.test/Hidden"\r\n')
        self.ok(ann.append("Hidden", "", None, MAIL))
        self.assertIn(b"(MESSAGES 4", bob.readline())
        self.ok(ann.deleteacl("Hidden", "bob@example.test"))
        self.assertEqual(bob.readline(), b'* LIST (\\NonExistent \\NoAccess) "/" "Other Users/ann@example.test/Hidden"\r\n')
        self.ok(ann.delete("Hidden"))

    def test_anyone_and_negative_rights(self):
        ann, bob, eve = self.login("ann"), self.login("bob"), self.login("eve")
        self.ok(ann.create("News"))
        self.ok(ann.setacl("News", "anyone", "lrs"))
        self.ok(ann.setacl("News", "-eve@example.test", "lr"))
        self.assertIn("Other Users/ann@example.test/News", self.names(bob, '"*"'))
        self.assertNotIn("Other Users/ann@example.test/News", self.names(eve, '"*"'))
        self.ok(bob.subscribe('"Other Users/ann@example.test/News"'))
        self.assertIn("News", str(self.ok(bob.lsub('""', '"*"'))))
        self.ok(ann.delete("News"))
        self.assertEqual([n for n in self.names(bob, '"Other Users/*"') if "News" in n], [])

    def test_shared_account(self):
        run = self.mail.run
        p = run("shared", "add", "team@example.test", "--name", "The Team", check=False)
        self.assertEqual(p.returncode, 64, p.stderr)   # at least one member (SHARE-02)
        run("shared", "add", "team@example.test", "--name", "The Team", "--member", "ann@example.test", "--member", "bob@example.test:read",
            "--quota", "10", "--alias", "crew@example.test")
        ann, bob, eve = self.login("ann"), self.login("bob"), self.login("eve")
        inbox = '"Shared/team@example.test/INBOX"'
        self.assertIn("Shared/team@example.test/INBOX", self.names(ann, '"*"'))
        self.assertEqual(self.names(eve, '"Shared/*"'), [])
        # Mail to it and to its other names reaches all members (SHARE-04), as one message.
        self.ok(bob.select(inbox, readonly=True))
        self.idle_until(bob, b"1 EXISTS", lambda: self.mail.send("a@sender.example", "team@example.test", iems.message("to the team")))
        self.mail.send("a@sender.example", "crew@example.test", iems.message("to the crew"))
        iems.wait_until("the second message", lambda: self.ok(ann.status(inbox, "(MESSAGES)"))[0].endswith("(MESSAGES 2)"))
        self.ok(ann.select(inbox))
        self.ok(ann.store("1", "+FLAGS", "\\Seen"))
        self.no(bob.store("1", "+FLAGS", "\\Seen"))
        self.assertIn('"Shared/team@example.test" (STORAGE', str(ann.getquotaroot(inbox)))
        self.ok(ann.create('"Shared/team@example.test/Projects"'))
        self.assertIn("Shared/team@example.test/Projects", self.names(bob, '"Shared/*"'))
        self.no(bob.create('"Shared/team@example.test/Mine"'))
        # Sending as it: who may write may send.
        self.submit("ann", "team@example.test", "eve@example.test")
        sent = '"Shared/team@example.test/Sent"'   # SHARE-01: and all members see what was sent
        iems.wait_until("the copy of what was sent", lambda: self.ok(bob.status(sent, "(MESSAGES UNSEEN)"))[0].endswith("(MESSAGES 1 UNSEEN 0)"))
        self.ok(bob.select(sent, readonly=True))
        copy = bob.fetch("1", "(FLAGS BODY.PEEK[])")[1][0]
        self.assertIn(b"Seen", copy[0])
        self.assertIn(b"Subject: as the team", copy[1])
        self.assertNotIn(b"Delivered-To", copy[1])
        run("config", "set", "smtpd.sent_copies", "no")
        self.submit("ann", "crew@example.test", "team@example.test")   # one of its names: to the mailbox alone
        run("config", "unset", "smtpd.sent_copies")
        self.submit("ann", "crew@example.test", "team@example.test")   # and to both
        iems.wait_until("the mail to itself", lambda: self.ok(ann.status(inbox, "(MESSAGES)"))[0].endswith("(MESSAGES 4)"))
        iems.wait_until("the second copy", lambda: self.ok(ann.status(sent, "(MESSAGES)"))[0].endswith("(MESSAGES 2)"))
        with self.assertRaises(smtplib.SMTPResponseException):
            self.submit("bob", "team@example.test", "eve@example.test")
        # Members come and go while they are logged in (SHARE-05).
        run("shared", "member", "add", "team@example.test", "eve@example.test", "--rights", "admin")
        self.assertIn("Shared/team@example.test/INBOX", self.names(eve, '"Shared/*"'))
        self.ok(eve.getacl(inbox))
        self.ok(eve.select(inbox))
        run("shared", "member", "remove", "team@example.test", "eve@example.test")
        with self.assertRaises(imaplib.IMAP4.error):   # BYE
            self.no(eve.noop())
            eve.noop()
        self.assertEqual(run("shared", "member", "list", "team@example.test").stdout.split(),
                         ["ann@example.test", "write", "bob@example.test", "read"])
        # Find and show (SHARE-06).
        self.assertIn("team@example.test", run("shared", "list", "*TEAM*").stdout)
        self.assertNotIn("team@example.test", run("shared", "list", "x*").stdout)
        shown = json.loads(run("shared", "show", "team@example.test", "--json").stdout)
        self.assertEqual((shown["name"], shown["quota_mb"], shown["mailbox"]["messages"]), ("The Team", 10, 6))
        run("shared", "set", "team@example.test", "--name", "Crew", "--quota", "20")
        self.assertIn("Crew", run("shared", "show", "crew@example.test").stdout)
        # A user who goes is no member any more; the store is whole.
        self.mail.user("max")
        run("shared", "member", "add", "team@example.test", "max@example.test")
        run("user", "delete", "max@example.test", "--yes")
        self.assertNotIn("max@", run("shared", "member", "list", "team@example.test").stdout)
        run("store", "check")
        # A restart of the store keeps it all.
        pid = self.mail.pids()["store"]
        self.mail.kill("store")
        self.mail.wait_restarted("store", pid)
        iems.wait_until("folders", lambda: "Shared/team@example.test/Projects" in self.names(self.login("bob"), '"Shared/*"'))
        # Deleted with a question, or --yes (SHARE-07).
        self.assertEqual(run("shared", "delete", "team@example.test", check=False, input="").returncode, 64)
        run("shared", "delete", "team@example.test", "--yes")
        self.assertEqual(self.names(self.login("ann"), '"Shared/*"'), [])
        run("store", "check")

    def submit(self, user, sender, to):
        with self.mail.smtp("submission", tls=True, login=f"{user}@example.test") as s:
            code, text = s.mail(sender)
            if code != 250:
                raise smtplib.SMTPResponseException(code, text)
            s.rset()
            s.sendmail(sender, [to], iems.message("as the team", sender=sender, to=to))

    def test_mbsync_fetches_what_is_shared(self):
        ann = self.login("ann")
        self.ok(ann.create("Plans"))
        self.ok(ann.append("Plans", "", None, MAIL))
        self.ok(ann.setacl("Plans", "bob@example.test", "lrs"))
        with tempfile.TemporaryDirectory(prefix="iems-share-") as home:
            rc = os.path.join(home, "rc")
            os.mkdir(os.path.join(home, "mail"))
            with open(rc, "w", encoding="utf-8") as f:
                f.write(f"""IMAPAccount a
Host 127.0.0.1
Port {self.mail.port("imap")}
User bob@example.test
Pass {iems.PASSWORD}
SSLType None

IMAPStore far
Account a

MaildirStore near
Path {home}/mail/
Inbox {home}/inbox
SubFolders Verbatim

Channel c
Far ":far:Other Users/ann@example.test/"
Near :near:
Patterns *
Create Near
Sync Pull
SyncState *
""")
            p = subprocess.run(["mbsync", "-c", rc, "-a"], capture_output=True, text=True, timeout=60 * iems.SLOW,
                               env=dict(os.environ, HOME=home))
            self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
            found = [d for d, _, files in os.walk(home) if files and d.endswith(("Plans/new", "Plans/cur"))]
            self.assertTrue(found, list(os.walk(home)))


if __name__ == "__main__":
    iems.main()
