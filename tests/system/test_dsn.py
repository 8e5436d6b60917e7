"""Delivery status notifications row by row of RFC 3461 sections 5 and 6, and what cannot be sent to servers without SMTPUTF8 (RFC 6531
section 3.5, RFC 6533): ESMTP-05, ESMTP-08, SMTPC-11, SMTPC-15, MTA-18. Every row has a sender of its own; what becomes of it is seen
at the servers that its mail and its reports come to."""
import email
import json
import re
import unittest

import iems
from recorder import Recorder

FULL = "SIZE 8BITMIME DSN SMTPUTF8"   # what the servers offer
SERVERS = {"dsn.test": FULL, "old.test": "SIZE 8BITMIME", "seven.test": "SIZE 8BITMIME DSN", "senders.test": FULL}
REFUSE = {"<perm": "550 5.1.1 nobody", "<temp": "450 4.2.1 busy"}

# name: (MAIL, recipient, RCPT, what MAIL has, what RCPT has, actions that the sender is told of)
NOTHING = ("", "")
ROWS = {
    # 5.2.1 to a server with DSN: as it came, nothing added
    "5.2.1 all": ("RET=HDRS ENVID=e+2B1", "x@dsn.test", "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o+2B@x.test", "RET=HDRS ENVID=e+2B1",
                  "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o+2B@x.test", []),
    "5.2.1 full": ("RET=FULL", "x@dsn.test", "NOTIFY=FAILURE", "RET=FULL", "NOTIFY=FAILURE", []),
    "5.2.1 never": ("", "x@dsn.test", "NOTIFY=NEVER", "", "NOTIFY=NEVER", []),
    "5.2.1 none": ("", "x@dsn.test", "", "", "", []),
    # 5.2.2 to a server without: no parameter, and "relayed" if success was to be told
    "5.2.2 success": ("RET=FULL ENVID=e2", "x@old.test", "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;o@x.test", *NOTHING, ["relayed"]),
    "5.2.2 more": ("ENVID=e9", "x@old.test", "NOTIFY=SUCCESS,DELAY", *NOTHING, ["relayed"]),
    "5.2.2 failure": ("ENVID=e3", "x@old.test", "NOTIFY=FAILURE", *NOTHING, []),
    "5.2.2 delay": ("", "x@old.test", "NOTIFY=DELAY", *NOTHING, []),
    "5.2.2 never": ("", "x@old.test", "NOTIFY=NEVER", *NOTHING, []),
    "5.2.2 none": ("", "x@old.test", "", *NOTHING, []),
    # 5.2.3 to a mailbox here
    "5.2.3 success": ("RET=FULL ENVID=e4", "lisa@example.test", "NOTIFY=SUCCESS", None, None, ["delivered"]),
    "5.2.3 failure": ("", "lisa@example.test", "NOTIFY=FAILURE,DELAY", None, None, []),
    "5.2.3 never": ("", "lisa@example.test", "NOTIFY=NEVER", None, None, []),
    "5.2.3 none": ("", "lisa@example.test", "", None, None, []),
    # 5.2.5 delays: only who asked for it (smtpc.delay_notice is off)
    "5.2.5 delay": ("ENVID=e5", "temp@dsn.test", "NOTIFY=DELAY", None, None, ["delayed"]),
    "5.2.5 old": ("", "temp@old.test", "NOTIFY=DELAY,FAILURE", None, None, ["delayed"]),
    "5.2.5 failure": ("", "temp@dsn.test", "NOTIFY=FAILURE", None, None, []),
    "5.2.5 never": ("", "temp@dsn.test", "NOTIFY=NEVER", None, None, []),
    "5.2.5 none": ("", "temp@dsn.test", "", None, None, []),
    # 5.2.6 failures, whoever refuses
    "5.2.6 none": ("", "perm@dsn.test", "", None, None, ["failed"]),
    "5.2.6 failure": ("RET=FULL ENVID=e6", "perm@dsn.test", "NOTIFY=FAILURE ORCPT=rfc822;o6@x.test", None, None, ["failed"]),
    "5.2.6 headers": ("RET=HDRS", "perm@old.test", "NOTIFY=FAILURE", None, None, ["failed"]),
    "5.2.6 more": ("", "perm@old.test", "NOTIFY=SUCCESS,FAILURE,DELAY", None, None, ["failed"]),
    "5.2.6 alias": ("", "gone@example.test", "", None, None, ["failed"]),
    "5.2.6 encoded": ("ENVID=two+0Awords", "gone@example.test", "ORCPT=rfc822;first+2Bx@x.test", None, None, ["failed"]),
    "5.2.6 success": ("", "perm@dsn.test", "NOTIFY=SUCCESS", None, None, []),
    "5.2.6 delay": ("", "perm@old.test", "NOTIFY=DELAY", None, None, []),
    "5.2.6 never": ("", "perm@old.test", "NOTIFY=NEVER", None, None, []),
    # 5.2.7.2 an alias for one address: everything goes on, the first address as ORCPT
    "5.2.7.2 alias": ("RET=HDRS ENVID=e7", "alias@example.test", "NOTIFY=SUCCESS", "RET=HDRS ENVID=e7", "NOTIFY=SUCCESS ORCPT=rfc822;alias@example.test", []),
    "5.2.7.2 orcpt": ("", "alias@example.test", "NOTIFY=FAILURE ORCPT=rfc822;first@x.test", "", "NOTIFY=FAILURE ORCPT=rfc822;first@x.test", []),
    "5.2.7.2 near": ("", "near@example.test", "NOTIFY=SUCCESS ORCPT=rfc822;first@x.test", None, None, ["delivered"]),
    # 5.2.7.3 one for several: "expanded" instead of success from each
    "5.2.7.3 success": ("ENVID=e8", "both@example.test", "NOTIFY=SUCCESS", "ENVID=e8", "NOTIFY=NEVER ORCPT=rfc822;both@example.test", ["expanded"]),
    "5.2.7.3 more": ("", "both@example.test", "NOTIFY=SUCCESS,FAILURE", "", "NOTIFY=FAILURE ORCPT=rfc822;both@example.test", ["expanded"]),
    "5.2.7.3 delay": ("RET=FULL", "both@example.test", "NOTIFY=SUCCESS,DELAY", "RET=FULL", "NOTIFY=DELAY ORCPT=rfc822;both@example.test", ["expanded"]),
    "5.2.7.3 never": ("", "both@example.test", "NOTIFY=NEVER", "", "NOTIFY=NEVER ORCPT=rfc822;both@example.test", []),
    "5.2.7.3 failure": ("", "both@example.test", "NOTIFY=FAILURE", "", "NOTIFY=FAILURE ORCPT=rfc822;both@example.test", []),
    "5.2.7.3 none": ("", "both@example.test", "", "", "ORCPT=rfc822;both@example.test", []),
}

# name: (sender, MAIL, recipient, RCPT, header, actions; status or what RCPT has where it gets through)
UTF8 = {
    "recipient": ("", "SMTPUTF8", "grüß@old.test", "", "", ["failed 5.6.7"]),
    "sender": ("ü", "SMTPUTF8", "x@old.test", "", "", ["failed 5.6.7"]),
    "header": ("", "SMTPUTF8", "x@old.test", "", "Comments: grüß\n", ["failed 5.6.9"]),
    "never": ("", "SMTPUTF8", "grüß@old.test", "NOTIFY=NEVER", "", []),
    "not needed": ("", "SMTPUTF8", "x@old.test", "", "", "RCPT TO:<x@old.test>"),
    "domain": ("", "SMTPUTF8", "x@bücher.old.test", "", "", "RCPT TO:<x@xn--bcher-kva.old.test>"),
    "able": ("ü", "SMTPUTF8", "grüß@dsn.test", "NOTIFY=FAILURE ORCPT=utf-8;grüß@x.test", "Comments: grüß\n", "RCPT TO:<grüß@dsn.test> NOTIFY=FAILURE ORCPT=utf-8;grüß@x.test"),
    "orcpt": ("", "SMTPUTF8", "x@seven.test", "ORCPT=utf-8;grüß@x.test", "", "RCPT TO:<x@seven.test> ORCPT=utf-8;gr\\x{FC}\\x{DF}@x.test"),
}


class Dsn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = {domain: Recorder(extensions.split(), REFUSE) for domain, extensions in SERVERS.items()}
        cls.site = iems.Instance(config="[smtpd]\nrelay_networks = 127.0.0.0/8\n[smtpc]\nretry = 1h\nkeep_idle = 0\ndelay_notice_after = 1\n")
        cls.site.__enter__()
        cls.site.user("lisa")
        for domain, server in cls.servers.items():
            cls.site.run("route", "set", domain, "hosts=" + server.host)
        cls.site.run("alias", "add", "alias@example.test", "x@dsn.test")
        cls.site.run("alias", "add", "gone@example.test", "perm@old.test")
        cls.site.run("alias", "add", "near@example.test", "lisa@example.test")
        cls.site.run("user", "add", "both@example.test", "--no-password", "--connector", "SMTPC$one@dsn.test", "--connector", "SMTPC$two@dsn.test")

    @classmethod
    def tearDownClass(cls):
        cls.site.__exit__(None, None, None)
        for server in cls.servers.values():
            server.stop()

    def submit(self, rows):
        """Lines of MAIL and RCPT, and a message, for each row, over one connection."""
        s = self.site.smtp()
        s.command_encoding = "utf-8"
        for name, (mail, rcpt, header) in rows.items():
            for line in (mail, rcpt):
                code, text = s.docmd(line.strip())
                self.assertEqual(code, 250, (name, line, text))
            text = f"From: a@senders.test\nSubject: {name}\n{header}\nA line of text.\n"
            self.assertEqual(s.data(text.encode())[0], 250, name)
        s.quit()

    def reports(self, sender):
        return [body.decode() for mail, to, body in list(self.servers["senders.test"].mail) if any(f"<{sender}>" in r for r in to)]

    def settled(self, count):
        """So many reports have come, and nothing is under way any more."""
        def done():
            waiting = json.loads(self.site.run("queue", "list", "--all", "--json").stdout)["entries"]
            return all("temp@" in str(e) for e in waiting) and len(self.servers["senders.test"].mail) >= count
        iems.wait_until("all is settled", done, 30)

    def test_rows(self):
        senders = {name: f"s{n}@senders.test" for n, name in enumerate(ROWS)}
        before = len(self.servers["senders.test"].mail)
        self.submit({name: (f"MAIL FROM:<{senders[name]}> {row[0]}", f"RCPT TO:<{row[1]}> {row[2]}", "") for name, row in ROWS.items()})
        self.settled(before + sum(len(row[5]) for row in ROWS.values()))
        for name, (_, _, _, has_mail, has_rcpt, actions) in ROWS.items():
            with self.subTest(name=name):
                got = self.reports(senders[name])
                self.assertEqual([re.findall(r"(?m)^Action: (\w+)", r) for r in got], [[a] for a in actions])
                self.check_report(got, *ROWS[name][:3])
                if has_mail is None:
                    continue
                sent = [(m, r) for server in self.servers.values() for m, r, _ in server.mail if f"<{senders[name]}>" in m]
                self.assertTrue(sent)
                for m, recipients in sent:
                    self.assertEqual(re.sub(r" SIZE=\d+| BODY=\w+", "", m), f"MAIL FROM:<{senders[name]}> {has_mail}".strip())
                    for r in recipients:
                        self.assertEqual(r.split(" ", 2)[2:], [has_rcpt] if has_rcpt else [])
        # 6.1: reports are sent by nobody, and ask for none
        for mail, to, _ in self.servers["senders.test"].mail:
            self.assertTrue(mail.startswith("MAIL FROM:<>"), mail)
            self.assertNotRegex(mail, "RET=|ENVID=")
            self.assertFalse([r for r in to if "NOTIFY=" in r and "NOTIFY=NEVER" not in r], to)

    def check_report(self, reports, mail, to, rcpt):   # 6.2 to 6.4; RFC 3464 sections 2.2 and 2.3
        for text in reports:
            parts = email.message_from_string(text).get_payload()
            self.assertEqual([p.get_content_type() for p in parts[:2]], ["text/plain", "message/delivery-status"])
            of_message, of_recipient = parts[1].get_payload()
            action = of_recipient["Action"]
            self.assertRegex(text, "(?m)^Content-Type: multipart/report; report-type=delivery-status;")
            self.assertRegex(text, "(?m)^Auto-Submitted: auto-replied")
            self.assertEqual(of_message["Reporting-MTA"], "dns; mail.example.test")
            self.assertIsNotNone(email.utils.parsedate(of_message["Arrival-Date"]))
            self.assertEqual(of_recipient["Final-Recipient"], f"rfc822; {to}")   # as it came, wherever it leads
            self.assertEqual(of_recipient["Status"][0], {"failed": "5", "delayed": "4"}.get(action, "2"))
            envid, orcpt = re.search(r"ENVID=(\S+)", mail), re.search(r"ORCPT=rfc822;(\S+)", rcpt)
            self.assertEqual(of_message["Original-Envelope-Id"], envid and envid.group(1).replace("+2B", "+").replace("+0A", " "))
            self.assertEqual(of_recipient["Original-Recipient"], orcpt and f"rfc822; {orcpt.group(1)}".replace("+2B", "+"))
            asked = {"failed": "550 5.1.1 nobody", "delayed": "450 4.2.1 busy", "relayed": "250 2.0.0 taken"}.get(action)   # (h), (i)
            self.assertEqual(of_recipient["Remote-MTA"], asked and "dns; [127.0.0.1]")   # 9.3
            self.assertEqual(of_recipient["Diagnostic-Code"], asked and f"smtp; {asked}")
            self.assertEqual(of_recipient["Will-Retry-Until"] is not None, action == "delayed")
            # the whole message is for failures only, and not if the header was wanted
            full = action == "failed" and "RET=HDRS" not in mail
            self.assertEqual(parts[2].get_content_type(), "message/rfc822" if full else "text/rfc822-headers")
            self.assertEqual("A line of text." in text, full)

    def test_international(self):
        senders = {name: f"{row[0]}u{n}@senders.test" for n, (name, row) in enumerate(UTF8.items())}
        before = len(self.servers["senders.test"].mail)
        self.submit({name: (f"MAIL FROM:<{senders[name]}> {row[1]}", f"RCPT TO:<{row[2]}> {row[3]}", row[4]) for name, row in UTF8.items()})
        self.settled(before + sum(isinstance(row[5], list) and len(row[5]) for row in UTF8.values()))
        for name, row in UTF8.items():
            with self.subTest(name=name):
                got = self.reports(senders[name])
                sent = [r for server in self.servers.values() for m, r, _ in server.mail if f"<{senders[name]}>" in m]
                if isinstance(row[5], list):
                    found = [f"{re.search('(?m)^Action: (.*?)$', r).group(1).strip()} {re.search('(?m)^Status: (.*?)$', r).group(1).strip()}" for r in got]
                    self.assertEqual((found, sent), (row[5], []))
                else:
                    self.assertEqual((got, sent), ([], [[row[5]]]))
        s = self.site.smtp()   # who does not say SMTPUTF8 may not use it
        s.command_encoding = "utf-8"
        self.assertEqual(s.docmd("MAIL FROM:<ü@senders.test>")[1][:5], b"5.6.7")
        self.assertEqual(s.docmd("MAIL FROM:<a@senders.test>")[0], 250)
        self.assertEqual(s.docmd("RCPT TO:<grüß@dsn.test>")[1][:5], b"5.6.7")
        s.quit()

    def test_without_sender(self):   # 5.2: never a report to anybody but, if that is wanted, the postmaster, and none about what he could not get
        recipients = {"perm@old.test": True, "perm@dsn.test": True, "nobody@example.test": True, "lisa@example.test": False,
                      "postmaster@example.test": False}
        self.site.run("alias", "add", "postmaster@example.test", "perm@senders.test")   # cannot be reached: no report about his reports
        expected = self.tried("postmaster")
        for wanted in ("no", "yes"):
            self.site.run("config", "set", "mta.postmaster_double_bounce", wanted)
            for to, told in recipients.items():
                with self.subTest(wanted=wanted, to=to):
                    s = self.site.smtp()
                    self.assertEqual(s.docmd("MAIL FROM:<>")[0], 250)
                    self.assertIn(s.docmd(f"RCPT TO:<{to}> NOTIFY=SUCCESS,FAILURE,DELAY")[0], (250, 550))
                    if to != "nobody@example.test":
                        self.assertEqual(s.data(b"Subject: null\n\ntext\n")[0], 250)
                        expected += (to == "postmaster@example.test") + (told and wanted == "yes")
                        iems.wait_until("what the postmaster is told", lambda: self.tried("postmaster") >= expected)
                        self.settled(0)
                        self.assertEqual(self.tried("postmaster"), expected)
                    s.quit()
        self.site.run("config", "unset", "mta.postmaster_double_bounce")

    def tried(self, word):
        """Times that a message to this recipient here was tried at the server that refuses it."""
        return sum(b"ORCPT=rfc822;" + word.encode() in line for line in list(self.servers["senders.test"].commands))

    def test_two_ways_to_a_mailbox(self):   # 5.2: one copy, and of each address what was asked for it
        n, before = self.site.count("lisa"), len(self.servers["senders.test"].mail)
        s = self.site.smtp()
        for line in ("MAIL FROM:<ways@senders.test>", "RCPT TO:<lisa@example.test> NOTIFY=NEVER", "RCPT TO:<near@example.test> NOTIFY=SUCCESS ORCPT=rfc822;o@x.test",
                     "RCPT TO:<near@example.test> NOTIFY=SUCCESS"):
            self.assertEqual(s.docmd(line)[0], 250)
        self.assertEqual(s.data(b"Subject: ways\n\ntext\n")[0], 250)
        s.quit()
        self.settled(before + 1)
        (report,) = self.reports("ways@senders.test")
        self.assertEqual(re.findall(r"(?m)^Final-Recipient: rfc822; (\S+)", report), ["near@example.test"] * 2)
        self.assertEqual(re.findall(r"(?m)^Original-Recipient: rfc822; (\S+)", report), ["o@x.test"])
        self.assertEqual(re.findall(r"(?m)^Action: (\w+)", report), ["delivered"] * 2)
        self.site.wait_count("lisa", n + 1)

    def test_limits(self):   # 5.4: what has to be taken, in any case of letters
        s = self.site.smtp()
        self.assertEqual(s.docmd("MAIL FROM:<a@b.test> ret=full envid=" + "x" * 100)[0], 250)
        long = "x" * 64 + "@" + "d" * 60 + ".test"
        self.assertEqual(s.docmd(f"RCPT TO:<{long}> Notify=Success,failure,DELAY ORCPT=rfc822;" + "+2B" * 164 + "x")[0], 250)
        s.quit()

    def test_bad_parameters(self):   # 4.1 to 4.4, 5.4: malformed ones are refused, and nothing is taken then
        for line in ("MAIL FROM:<a@b.test> RET=SOME", "MAIL FROM:<a@b.test> RET", "MAIL FROM:<a@b.test> ENVID=a+2", "MAIL FROM:<a@b.test> ENVID=" + "x" * 101,
                     "MAIL FROM:<a@b.test> NOTIFY=NEVER", "MAIL FROM:<a@b.test> RET=FULL RET=HDRS"):
            s = self.site.smtp()
            self.assertIn(s.docmd(line)[0], (501, 555), line)
            s.quit()
        for part in ("NOTIFY=", "NOTIFY=NEVER,SUCCESS", "NOTIFY=SOMETIMES", "ORCPT=x@y.test", "ORCPT=rfc822;a+2", "ORCPT=rfc822;" + "x" * 501, "RET=FULL",
                     "NOTIFY=NEVER NOTIFY=NEVER"):
            s = self.site.smtp()
            self.assertEqual(s.docmd("MAIL FROM:<a@b.test>")[0], 250)
            self.assertIn(s.docmd(f"RCPT TO:<lisa@example.test> {part}")[0], (501, 555), part)
            s.quit()


if __name__ == "__main__":
    iems.main()
