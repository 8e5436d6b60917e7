"""Accounts from their making to their end, and back: LIM-20, TRBL-27, TRBL-28."""
import imaplib
import json
import os
import signal
import subprocess
import unittest

import iems

MAIL = b"Subject: kept\r\nFrom: a@sender.example\r\n\r\nbody\r\n"


class Accounts(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.mail = iems.Instance()
        cls.mail.__enter__()
        cls.addClassCleanup(cls.mail.__exit__, None, None, None)
        for name in ("postmaster", "ann", "bob"):
            cls.mail.user(name)

    def run_iems(self, *args, code=0, **how):
        r = self.mail.run(*args, check=False, **how)
        self.assertEqual(r.returncode, code, (args, r.stdout, r.stderr))
        return r.stdout + r.stderr

    def json(self, *args):
        return json.loads(self.run_iems(*args, "--json"))

    def ok(self, answer):
        self.assertEqual(answer[0], "OK", answer)
        return answer[1]

    def state(self, user, password=iems.PASSWORD):
        """All that a mail program can see of the account."""
        c = self.mail.imap(user, password)
        try:
            seen = {"folders": sorted(self.ok(c.list())), "subscribed": sorted(self.ok(c.lsub()))}
            for folder in ("INBOX", "Work/Deep", "Sent"):
                seen[folder] = self.ok(c.status(folder, "(UIDVALIDITY UIDNEXT HIGHESTMODSEQ MESSAGES UNSEEN)"))
            self.ok(c.select("Work/Deep", readonly=True))
            seen["mail"] = self.ok(c.uid("FETCH", "1:*", "(UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE)"))
            seen["acl"] = self.ok(c.getacl("Work/Deep"))
            seen["note"] = self.ok(c.xatom("GETMETADATA", "INBOX", "/private/comment")) and c.response("METADATA")
            return seen
        finally:
            c.logout()

    def refused(self, address):
        s = self.mail.smtp()
        try:
            s.ehlo("client.example")
            s.mail("a@sender.example")
            return s.rcpt(address)[0]
        finally:
            s.close()

    def fill(self, name):
        mail = self.mail
        mail.run("user", "add", f"{name}@example.test", "--quota", "77", "--alias", f"{name}.alias@example.test", "--first", "Lisa",
                 "--last", "Ng", "--permission", "receive", "--password-stdin", input=iems.PASSWORD + "\n")
        c = mail.imap(name)
        self.ok(c.create("Work/Deep"))
        self.ok(c.subscribe("Work/Deep"))
        self.ok(c.setacl("Work/Deep", "bob@example.test", "lr"))
        for flags in ("", r"\Seen", r"\Flagged $Later"):
            self.ok(c.append("Work/Deep", flags, None, MAIL))
        self.ok(c.xatom("SETMETADATA", "INBOX", '(/private/comment "mine")'))
        c.logout()

    def test_undelete(self):   # LIM-20 TRBL-27 ACCT-06: one delete for account and entry, which can be taken back as one
        mail, run = self.mail, self.run_iems
        self.fill("lisa")
        run("shared", "add", "team@example.test", "--member", "ann@example.test", "--member", "lisa@example.test:admin")
        before, shown = self.state("lisa"), self.json("user", "show", "lisa@example.test")
        open_session = mail.imap("lisa")
        bob = mail.imap("bob")
        self.assertEqual(len(self.ok(bob.list('""', '"Other Users/lisa@example.test*"'))), 3)
        out = run("user", "delete", "lisa@example.test", "--yes")
        self.assertIn("iems user undelete lisa@example.test", out)
        # nothing of it is there for anybody
        for address in ("lisa@example.test", "lisa.alias@example.test"):
            self.assertEqual(self.refused(address), 550)
        with self.assertRaises(imaplib.IMAP4.error):
            mail.imap("lisa")
        iems.wait_until("the open session ends", lambda: self.ended(open_session))
        self.assertEqual(self.ok(bob.list('""', '"Other Users/lisa@example.test*"')), [None])
        run("user", "show", "lisa@example.test", code=67)
        self.assertNotIn("lisa", run("shared", "show", "team@example.test"))
        self.assertNotIn("lisa", run("user", "list"))
        deleted = self.json("user", "list", "--deleted")
        self.assertEqual([d["address"] for d in deleted], ["lisa@example.test"])
        self.assertEqual(deleted[0]["until"] - deleted[0]["deleted"], 7 * 24 * 3600)
        # the same command again is no fault; store and directory die meanwhile: nothing changes
        run("user", "delete", "lisa@example.test", "--yes")
        for module in ("store", "dir"):
            mail.wait_restarted(module, mail.kill(module))
            self.answers()
        undeleted = lambda: mail.run("user", "undelete", "lisa@example.test", check=False).stdout
        self.assertIn("is there again", iems.wait_until("it comes back", undeleted))
        self.assertEqual(self.state("lisa"), before)
        again = self.json("user", "show", "lisa@example.test")
        for o in (shown, again):
            o["mailbox"].pop("last_access")
        self.assertEqual(again, shown)
        self.assertIn({"address": "lisa@example.test", "rights": "admin"}, self.json("shared", "show", "team@example.test")["members"])
        iems.wait_until("mail is taken again", lambda: self.refused("lisa.alias@example.test") == 250)
        bob.noop()
        self.assertEqual(len(self.ok(bob.list('""', '"Other Users/lisa@example.test*"'))), 3)
        lisa = mail.imap("lisa")
        self.assertTrue(self.ok(lisa.list('""', '"Shared/team@example.test/*"'))[0])
        lisa.logout()
        bob.logout()
        self.assertEqual(self.json("user", "list", "--deleted"), [])
        run("user", "undelete", "lisa@example.test", code=67)
        self.assertEqual(mail.run("store", "check").returncode, 0)

    def ended(self, c):
        try:
            c.noop()
        except (imaplib.IMAP4.abort, OSError):
            return True
        return False

    def test_undelete_beside_a_new_one(self):
        mail, run = self.mail, self.run_iems
        self.fill("max")
        run("shared", "add", "pool@example.test", "--member", "ann@example.test", "--member", "max@example.test")
        before = self.state("max")
        run("user", "delete", "max@example.test", "--yes")
        # a new account of the same address is a fresh one, and no member of anything
        mail.user("max", "another password")
        with self.assertRaises(imaplib.IMAP4.error):
            mail.imap("max")
        self.assertEqual(mail.count("max", password="another password"), 0)
        self.assertNotIn("max", run("shared", "show", "pool@example.test"))
        out = run("user", "undelete", "max@example.test", code=73)
        self.assertIn("--as ADDRESS", out)
        run("alias", "add", "max.alias@example.test", "bob@example.test")
        out = run("user", "undelete", "max@example.test", "--as", "max.old@example.test")
        self.assertIn("max.alias@example.test belongs to somebody else", out)
        self.assertEqual(self.state("max.old"), {**before, "acl": [a.replace(b"max@", b"max.old@") for a in before["acl"]]})
        self.assertIn("max.old@example.test", run("shared", "show", "pool@example.test"))
        mail.send("a@sender.example", "max.old@example.test", iems.message())
        mail.wait_count("max.old", 1)
        # several of one address: the last, or the one that is named; --now is for good
        numbers = []
        for _ in range(2):
            mail.run("user", "add", "twice@example.test", "--no-password")
            numbers.append(self.json("user", "show", "twice@example.test")["account"])
            run("user", "delete", "twice@example.test", "--yes")
        self.assertEqual([d["account"] for d in self.json("user", "list", "twice*", "--deleted")], numbers)
        run("user", "undelete", "twice@example.test", "--account", str(numbers[0]))
        self.assertEqual(self.json("user", "show", "twice@example.test")["account"], numbers[0])
        run("user", "delete", "twice@example.test", "--yes", "--now")
        run("user", "delete", "twice@example.test", "--yes", "--now")   # the other
        run("user", "delete", "twice@example.test", "--yes", "--now", code=67)
        self.assertEqual(self.json("user", "list", "twice*", "--deleted"), [])

    def answers(self):
        iems.wait_until("the directory answers", lambda: self.mail.run("user", "list", check=False).returncode == 0)

    def test_killed_half_way(self):   # LIM-20: what one call leaves, the agent or a second call finishes
        mail, run = self.mail, self.run_iems
        self.fill("half")
        run("shared", "add", "half.team@example.test", "--member", "ann@example.test", "--member", "half@example.test")
        before = self.state("half")
        for args in (["user", "delete", "half@example.test", "--yes"], ["user", "undelete", "half@example.test"]):
            store = mail.kill("store", signal.SIGSTOP)
            p = subprocess.Popen([iems.IEMS, *args], env=dict(os.environ, IEMS_DIR=mail.dir), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if args[1] == "delete":
                iems.wait_until("the address is gone", lambda: run("user", "list", "--deleted").count("half@") == 1)
            mail.wait_restarted("dir", mail.kill("dir"))
            os.kill(store, signal.SIGCONT)
            p.communicate()
            self.answers()
            if args[1] == "undelete" and p.returncode == 0:   # it came so late that nothing was in its way
                break
            self.assertEqual([d["address"] for d in self.json("user", "list", "half*", "--deleted")], ["half@example.test"])
            iems.wait_until("there is no such address", lambda: self.refused("half@example.test") == 550)
        else:
            iems.wait_until("it comes back", lambda: mail.run("user", "undelete", "half@example.test", check=False).returncode == 0)
        self.assertEqual(self.state("half"), before)
        self.assertIn("half@example.test", run("shared", "show", "half.team@example.test"))

    def test_shared_account_comes_back(self):   # SHARE-07
        mail, run = self.mail, self.run_iems
        run("shared", "add", "desk@example.test", "--member", "ann@example.test:admin", "--name", "The Desk")
        mail.send("a@sender.example", "desk@example.test", iems.message())
        ann = mail.imap("ann")
        box = '"Shared/desk@example.test/INBOX"'
        iems.wait_until("the mail", lambda: b"MESSAGES 1" in (ann.status(box, "(MESSAGES)")[1][0] or b""))
        run("shared", "delete", "desk@example.test", "--yes")
        self.assertEqual(ann.status(box, "(MESSAGES)")[0], "NO")
        run("user", "undelete", "desk@example.test")
        self.assertIn(b"MESSAGES 1", self.ok(ann.status(box, "(MESSAGES)"))[0])
        self.assertIn("The Desk", run("shared", "show", "desk@example.test"))
        ann.logout()

    def submit(self, user, sender):
        s = self.mail.smtp("submission", tls=True, login=f"{user}@example.test")
        try:
            return s.mail(sender)[0]
        finally:
            s.close()

    def test_permissions(self):   # ACCT-04: send, receive, both, none; enforced where mail comes in
        cases = [("send", 550, 250), ("receive", 250, 553), ("send+receive", 250, 250), ("none", 550, 553)]
        mail = self.mail
        mail.user("perm")
        for word, rcpt, sender in cases:
            self.run_iems("user", "set", "perm@example.test", "--permission", word)
            iems.wait_until(f"{word}: {rcpt}", lambda: self.refused("perm@example.test") == rcpt)
            self.assertEqual(self.submit("perm", "perm@example.test") // 100, sender // 100, word)

    def test_find_show_and_edit(self):   # ACCT-06 ACCT-07 ACCT-08 ACCT-09
        mail, run = self.mail, self.run_iems
        for name, first, last in (("rita", "Rita", "Moreno"), ("ralf", "Ralf", "Zebra"), ("zoe", "Zoe", "Rossi")):
            run("user", "add", f"{name}@example.test", "--first", first, "--last", last, "--password-stdin", input=iems.PASSWORD + "\n")
        found = lambda *p: [u["address"].split("@")[0] for u in self.json("user", "list", *p)]
        for pattern, names in (("R*", ["ralf", "rita", "zoe"]), ("Moreno", ["rita"]), ("z?e", ["zoe"]), ("*ebra", ["ralf"]), ("zoe@*", ["zoe"]), ("nobody*", [])):
            self.assertEqual(found(pattern), names, pattern)
        for _ in range(3):
            mail.send("a@sender.example", "rita@example.test", iems.message())
        mail.wait_count("rita", 3)
        c = mail.imap("rita")
        c.select("INBOX")
        c.store("1", "+FLAGS", r"\Seen")
        c.logout()
        mail.send("a@sender.example", "rita@example.test", iems.message())
        seen = lambda: {f["name"]: f for f in self.json("user", "show", "rita@example.test", "--folders")["folders"]}
        inbox = iems.wait_until("the fourth", lambda: (lambda f: f["messages"] == 4 and f)(seen()["INBOX"]))
        self.assertEqual((inbox["unread"], inbox["recent"]), (3, 1))
        self.assertGreater(inbox["bytes"], 400)
        before = self.json("user", "show", "rita@example.test")
        out = run("user", "show", "rita@example.test", "--folders")
        self.assertRegex(out, r"(?m)^INBOX +4 +3 +1 ")
        self.assertEqual(self.json("user", "show", "rita@example.test")["mailbox"], before["mailbox"])   # to look is no access
        self.assertGreater(before["mailbox"]["last_access"], 0)
        self.assertRegex(out, r"(?m)^Last access +\w{3}, \d\d \w{3} 20\d\d ")
        run("user", "set", "rita@example.test", "--last", "Hayworth", "--quota", "55", "--permission", "send", "--home", "/rita",
            "--web-dir", "/web", "--telephone", "+49 1", "--max-messages", "9")
        u = self.json("user", "show", "rita@example.test")
        self.assertEqual([u[k] for k in ("last_name", "quota_mb", "permission", "home", "web_dir", "telephone", "max_messages")],
                         ["Hayworth", 55, "send", "/rita", "/web", "+49 1", 9])
        # several at once, not without a question
        self.assertIn("--yes", run("user", "delete", "ralf@example.test", "zoe@example.test", code=64, input=""))
        self.assertEqual(found("R*"), ["ralf", "rita", "zoe"])
        run("user", "delete", "ralf@example.test", "zoe@example.test", "--yes")
        self.assertEqual(found("R*"), ["rita"])
        # TRBL-28: no alias may be what is an address of another already
        self.assertIn("exists already", run("alias", "add", "bob@example.test", "ann@example.test", code=73))

    def test_number_of_users(self):   # ACCT-13 TRBL-24 LIM-35: beyond the limit new accounts are refused, nothing else
        mail, run = self.mail, self.run_iems
        run("domain", "add", "few.test")
        run("quota", "set", "@few.test", "--users", "2")
        iems.wait_until("the limit is there", lambda: "few.test" in run("domainquota", "list"))
        for name in ("one", "two"):
            run("user", "add", f"{name}@few.test", "--no-password")
        self.assertIn("has 2 accounts and may have no more", self.mail.run("user", "add", "three@few.test", "--no-password", check=False).stderr)
        run("alias", "add", "other@few.test", "one@few.test")
        self.assertEqual(self.refused("two@few.test"), 250)
        run("user", "delete", "two@few.test", "--yes")
        run("user", "add", "three@few.test", "--no-password")
        run("quota", "set", "@few.test", "--users", "1")     # those that are there stay
        self.assertEqual(self.refused("three@few.test"), 250)

    def test_class_of_shared_accounts(self):   # SHARE-09
        self.run_iems("shared", "add", "class@example.test", "--member", "ann@example.test")
        uri = "ldapi://" + (self.mail.dir + "/run/ldapi").replace("/", "%2F")
        out = subprocess.run(["ldapsearch", "-x", "-LLL", "-H", uri, "-b", "dc=example,dc=test", "(objectClass=iemessagestoreshared)", "mail"],
                             capture_output=True, text=True, check=True).stdout
        self.assertIn("mail: class@example.test", out)
        self.assertNotIn("ann@", out)

    def test_time_is_over(self):
        mail, run = self.mail, self.run_iems
        self.fill("late")
        run("user", "delete", "late@example.test", "--yes")
        run("config", "set", "store.undelete_time", "1s")
        iems.wait_until("it is gone", lambda: self.json("user", "list", "late*", "--deleted") == [])
        run("user", "undelete", "late@example.test", code=67)
        run("config", "set", "store.undelete_time", "0")
        iems.wait_until("nothing is kept", lambda: "undelete" not in self.make_and_delete("zero"))
        run("config", "unset", "store.undelete_time")
        self.assertEqual(mail.run("store", "check").returncode, 0)

    def make_and_delete(self, name):
        self.mail.run("user", "add", f"{name}@example.test", "--no-password")
        return self.run_iems("user", "delete", f"{name}@example.test", "--yes")


iems.main()
