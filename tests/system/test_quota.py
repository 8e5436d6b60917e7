"""Quotas from the command line to the mailbox: QUOTA-01 to QUOTA-14, LIM-31; RFC 9208, RFC 3463 (4.2.2, 5.2.2)."""
import json
import os
import time
import unittest

import iems

KB = 1024
BODY = "x" * 70 + "\n"


def big(kilobytes, **how):
    return iems.message(body=BODY * (kilobytes * KB // len(BODY)), **how)


class Quota(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mail = iems.Instance()
        cls.mail.configure("[lmda]\nretry = 1s 1s")
        cls.mail.__enter__()
        cls.addClassCleanup(cls.mail.__exit__, None, None, None)
        cls.mail.user("postmaster")

    def states(self, pattern=""):
        more = [pattern] if pattern else []
        return {q["user"]: q for q in json.loads(self.mail.run("quota", "list", *more, "--json").stdout)}

    def refusal(self, to, size):
        s = self.mail.smtp()
        try:
            s.ehlo("client.example")
            self.assertEqual(s.mail("a@sender.example", [f"size={size}"])[0], 250)
            code, text = s.rcpt(to)
            return code, text.decode()
        finally:
            s.close()

    def test_life_cycle(self):   # QUOTA-04: still over after the grace: disabled; user and postmaster are told
        mail = self.mail
        mail.user("lisa")
        mail.run("quota", "set", "lisa@example.test", "1")
        for _ in range(2):
            mail.send("a@sender.example", "lisa@example.test", big(480))
        mail.wait_count("lisa", 2)
        # QUOTA-14: no room for this one, and RCPT says so; a small one goes
        self.assertEqual(self.refusal("lisa@example.test", 200 * KB), (452, "4.2.2 <lisa@example.test> the mailbox is full"))
        self.assertEqual(self.refusal("lisa@example.test", 2 * KB)[0], 250)
        self.assertEqual(self.refusal("lisa@example.test", 2000 * KB)[0], 552)
        # warned, with the day on which it expires, in words of the administrator
        with open(os.path.join(mail.dir, "texts", "quota-warning.txt"), "w", encoding="utf-8") as f:
            f.write("Subject: Hello ${user}\n\nOnly ${limit}, used ${percent} %. ${unknown}\n")
        mail.run("config", "set", "quota.grace", "3")
        report = mail.run("quota", "run").stdout
        self.assertRegex(report, r"(?m)^Warned +1$")
        self.assertIn("lisa@example.test", report)
        self.assertEqual(self.states()["lisa@example.test"]["state"], "warned")
        mail.wait_count("lisa", 3)
        warning = mail.messages("lisa")[2].decode()
        self.assertIn("Subject: Hello lisa@example.test", warning)
        self.assertRegex(warning, r"Only 1\.0 MB, used 9\d %\. \$\{unknown\}")
        # expired: nothing is delivered but the notice, which the postmaster gets too
        time.sleep(3.2)
        before = mail.count("postmaster")
        mail.run("quota", "run")
        self.assertEqual(self.states()["lisa@example.test"]["state"], "expired")
        mail.wait_count("lisa", 4)
        self.assertIn("takes no more mail", mail.messages("lisa")[3].decode())
        iems.wait_until("the postmaster's copy and the report", lambda: mail.count("postmaster") >= before + 2)
        code, text = self.refusal("lisa@example.test", 10)
        self.assertEqual((code, text[:5]), (452, "4.2.2"))
        self.assertIn("disabled", text)
        mail.run("config", "set", "smtpd.over_quota", "permanent")
        iems.wait_until("permanent answers", lambda: self.refusal("lisa@example.test", 10)[0] == 552)
        self.assertEqual(self.refusal("lisa@example.test", 10)[1][:5], "5.2.2")
        mail.run("config", "unset", "smtpd.over_quota")
        # what has been accepted nevertheless waits (off), and comes when the user has made room
        mail.run("config", "set", "smtpd.over_quota", "off")
        iems.wait_until("no more answers", lambda: self.refusal("lisa@example.test", 10)[0] == 250)
        mail.send("a@sender.example", "lisa@example.test", iems.message("late"))
        imap = mail.imap("lisa")
        imap.select("INBOX")
        kind, data = imap.append("INBOX", None, None, b"Subject: x\r\n\r\nx\r\n")
        self.assertEqual((kind, data[0][:11]), ("NO", b"[OVERQUOTA]"))
        self.assertIn(b"STORAGE 9", imap.getquotaroot("INBOX")[1][1][0])
        imap.store("1:2", "+FLAGS", r"\Deleted")
        imap.expunge()
        imap.logout()
        mail.wait_count("lisa", 3, seconds=15)   # two notices and the late one: it takes mail again by itself
        mail.run("quota", "run")
        self.assertEqual(self.states()["lisa@example.test"]["state"], "recovered")
        mail.wait_count("lisa", 4)
        mail.run("quota", "run")
        self.assertEqual(self.states()["lisa@example.test"]["state"], "ok")
        mail.run("config", "unset", "smtpd.over_quota")
        self.assertEqual(mail.run("store", "check").returncode, 0)

    def test_domain(self):
        mail = self.mail
        mail.run("domain", "add", "small.test")
        mail.run("quota", "set", "@small.test", "--total", "1M", "--default", "7")
        iems.wait_until("the default of the domain", lambda: "small.test" in mail.run("domainquota", "list").stdout)
        mail.run("user", "add", "one@small.test", "--password-stdin", input=iems.PASSWORD + "\n")
        mail.run("user", "add", "two@small.test", "--quota", "unlimited", "--password-stdin", input=iems.PASSWORD + "\n")
        states = self.states("*@small.test")
        self.assertEqual(states["one@small.test"]["limit_bytes"], 7 * KB * KB)
        self.assertEqual(states["two@small.test"]["limit_bytes"], 0)
        for i in range(2):
            mail.send("a@sender.example", "one@small.test", big(400))
        mail.wait_count("one@small.test", 2)
        # at each delivery: the sum of both is what counts, long before the agent looks again
        for user in ("one@small.test", "two@small.test"):
            code, text = self.refusal(user, 400 * KB)
            self.assertEqual((code, "domain" in text), (452, True))
            self.assertEqual(self.refusal(user, 10 * KB)[0], 250)
        mail.send("a@sender.example", "two@small.test", big(10))
        mail.wait_count("two@small.test", 1)
        imap = mail.imap("two@small.test")
        self.assertEqual(imap.append("INBOX", None, None, big(400).encode())[1][0][:11], b"[OVERQUOTA]")
        imap.logout()
        # a restart of the store forgets what it counted; the agent tells it again
        mail.wait_restarted("store", mail.kill("store"))
        iems.wait_until("the total is known again", lambda: self.refusal("two@small.test", 400 * KB)[0] == 452, 20)
        # less than they hold already: the agent closes all of them
        mail.run("config", "set", "quota.domain_check", "1")
        mail.run("quota", "set", "@small.test", "--total", "500K")
        iems.wait_until("the domain is full", lambda: self.refusal("two@small.test", 10)[0] == 452, 15)
        self.assertIn("domain", self.refusal("two@small.test", 10)[1])
        iems.wait_until("it is shown", lambda: self.states("*@small.test")["two@small.test"]["blocked"])
        mail.run("quota", "set", "@small.test", "--total", "unlimited")
        iems.wait_until("there is room again", lambda: self.refusal("two@small.test", 10)[0] == 250, 15)

    def test_messages(self):   # RFC 9208 section 5.2: the resource MESSAGE
        mail = self.mail
        mail.user("few")
        imap = mail.imap("few")
        self.assertIn(b"QUOTA=RES-MESSAGE", imap.capability()[1][0])
        self.assertIn("2 messages", mail.run("quota", "set", "few@example.test", "--messages", "2").stdout)
        for _ in range(2):
            mail.send("a@sender.example", "few@example.test", iems.message())
        mail.wait_count("few", 2)
        self.assertIn(b"(MESSAGE 2 2)", imap.getquotaroot("INBOX")[1][1][0])
        code, text = self.refusal("few@example.test", 10)
        self.assertEqual((code, "messages" in text), (452, True))
        imap.select("INBOX")
        for answer in (imap.append("INBOX", None, None, b"Subject: x\r\n\r\nx\r\n"), imap.copy("1", "Sent")):
            self.assertEqual((answer[0], answer[1][0][:11]), ("NO", b"[OVERQUOTA]"))
        self.assertEqual(imap.uid("MOVE", "1", "Sent")[0], "OK")
        self.assertEqual(imap.setquota('""', "(STORAGE 99999)")[1][0][:8], b"[NOPERM]")
        # what was accepted all the same waits until there is room; a restart changes nothing
        mail.run("config", "set", "smtpd.over_quota", "off")
        iems.wait_until("no more answers", lambda: self.refusal("few@example.test", 10)[0] == 250)
        mail.send("a@sender.example", "few@example.test", iems.message("late"))
        mail.run("config", "unset", "smtpd.over_quota")
        iems.wait_until("answers again", lambda: self.refusal("few@example.test", 10)[0] == 452)
        mail.wait_restarted("store", mail.kill("store"))
        iems.wait_until("the limit is known again", lambda: self.refusal("few@example.test", 10)[0] == 452)
        self.assertEqual(self.states("few@*")["few@example.test"]["limit_messages"], 2)
        mail.run("user", "set", "few@example.test", "--max-messages", "3")
        mail.wait_count("few", 2, seconds=20)
        self.assertIn("3", mail.run("user", "show", "few@example.test").stdout)
        mail.run("quota", "set", "few@example.test", "5", "--messages", "unlimited")
        iems.wait_until("no limit any more", lambda: self.refusal("few@example.test", 10)[0] == 250)
        self.assertEqual(mail.run("store", "check").returncode, 0)

    def test_grace(self):   # QUOTA-03: two weeks; the warning tells the quota and the day
        mail = self.mail
        mail.run("config", "unset", "quota.grace", check=False)
        iems.wait_until("the default", lambda: "2w" in mail.run("config", "get", "quota.grace").stdout)
        mail.user("bea")
        mail.run("quota", "set", "bea@example.test", "1")
        for _ in range(2):
            mail.send("a@sender.example", "bea@example.test", big(480))
        mail.wait_count("bea", 2)
        # QUOTA-13: the sizes of the messages and nothing else are counted
        imap = mail.imap("bea")
        imap.select("INBOX", readonly=True)
        sizes = sum(int(m.split(b"RFC822.SIZE ")[1].rstrip(b")")) for m in imap.fetch("1:*", "(RFC822.SIZE)")[1])
        imap.logout()
        self.assertEqual(self.states("bea@*")["bea@example.test"]["used_bytes"], sizes)
        if os.path.exists(text := os.path.join(mail.dir, "texts", "quota-warning.txt")):
            os.remove(text)
        mail.run("quota", "run")
        state = self.states("bea@*")["bea@example.test"]
        self.assertEqual((state["state"], state["until"] - state["since"]), ("warned", 14 * 24 * 3600))
        mail.wait_count("bea", 3)
        warning = " ".join(mail.messages("bea")[2].decode().split())
        self.assertIn("1.0 MB", warning)
        self.assertIn(time.strftime("%b %Y %H:%M:%S", time.gmtime(state["until"])), warning)
        mail.run("quota", "set", "bea@example.test", "unlimited")
        mail.run("quota", "run")

    def test_wildcards_and_option(self):
        mail = self.mail
        mail.run("config", "set", "quota.user_default", "33")
        iems.wait_until("the option counts", lambda: "33" in mail.run("config", "get", "quota.user_default", check=False).stdout)
        for name in ("w1", "w2"):
            mail.run("user", "add", f"{name}@example.test", "--password-stdin", input=iems.PASSWORD + "\n")
        mail.run("config", "unset", "quota.user_default")
        self.assertEqual(self.states("w?@*")["w1@example.test"]["limit_bytes"], 33 * KB * KB)
        self.assertIn("2 accounts", mail.run("quota", "set", "w?@example.test", "5").stdout)
        self.assertEqual({q["limit_bytes"] for q in self.states("w?@*").values()}, {5 * KB * KB})
        self.assertIn("5 MB", mail.run("quota", "show", "w1@example.test").stdout)
        # who uses most, and how much a domain
        mail.send("a@sender.example", "w2@example.test", big(20))
        mail.wait_count("w2", 1)
        top = json.loads(mail.run("quota", "list", "w?@*", "--top", "1", "--json").stdout)
        self.assertEqual([q["user"] for q in top], ["w2@example.test"])
        for order in ("used", "messages", "percent"):
            self.assertRegex(mail.run("quota", "list", "w?@*", "--sort", order).stdout, r"(?s)w2@.*w1@")
        sums = json.loads(mail.run("quota", "list", "w?@*", "--domains", "--json").stdout)
        self.assertEqual([(d["user"], d["accounts"], d["messages"]) for d in sums], [("@example.test", 2, 1)])
        self.assertIn("2 accounts", mail.run("quota", "list", "w?@*", "--domains", "--sort", "used").stdout)
        self.assertEqual(mail.run("quota", "list", "--sort", "size", check=False).returncode, 64)
        self.assertEqual(mail.run("quota", "show", "nobody@example.test", check=False).returncode, 67)
        self.assertEqual(mail.run("quota", "set", "w1@example.test", "much", check=False).returncode, 64)

    def test_reports(self):   # QUOTA-08 QUOTA-11 QUOTA-12: the report before or a new one; past runs; reports are deleted
        mail = self.mail
        mail.run("config", "set", "quota.check_at", "03:30")
        first = mail.run("quota", "run").stdout
        self.assertRegex(first, r"(?m)^Total usage")
        history = iems.wait_until("next check", lambda: (lambda h: time.strftime("%H:%M", time.localtime(h["next"])) == "03:30" and h)(
            json.loads(mail.run("quota", "history", "--json").stdout)))
        newest = history["runs"][0]["at"]
        self.assertIn("Next check", mail.run("quota", "history").stdout)
        self.assertEqual(mail.run("quota", "report", str(newest)).stdout, first)
        html = mail.run("quota", "report", "--html").stdout
        self.assertTrue(html.startswith("<!DOCTYPE html>") and html.rstrip().endswith("</html>"))
        mail.run("quota", "history", "--delete", str(newest))
        self.assertNotIn(newest, [r["at"] for r in json.loads(mail.run("quota", "history", "--json").stdout)["runs"]])
        self.assertNotEqual(mail.run("quota", "report", str(newest), check=False).returncode, 0)
        mail.wait_count("postmaster", mail.count("postmaster"))
        texts = b"".join(iems.wait_until("the mailed report", lambda: mail.messages("postmaster")))
        self.assertRegex(texts, rb'filename="quota-\d{4}-\d\d-\d\d\.txt"')


iems.main()
