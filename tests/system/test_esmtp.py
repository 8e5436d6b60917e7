"""Extensions of SMTP over whole instances: ETRN, FUTURERELEASE, DELIVERBY, REQUIRETLS, DSN end to end (also with Postfix), daily
limits and the brake (ESMTP-04, ESMTP-05, ESMTP-08, SMTPC-07, SMTPC-11, SMTPD-09, SMTPD-11, SMTPD-12)."""
import contextlib
import re
import subprocess
import unittest

import iems
import postfix


class Esmtp(unittest.TestCase):
    """A sends everything to B, B everything to A."""

    @classmethod
    def setUpClass(cls):
        base_a, base_b = iems.free_port_base(), iems.free_port_base()
        common = "[smtpc]\nresolution = MailRelayHost\nretry = 1s\nretry_destination = 1h\nrelay_host = [127.0.0.1]:{}\n"
        cls.a = iems.Instance(port_base=base_a, config=common.format(base_b + 25))
        cls.b = iems.Instance(hostname="mail.other.test", domain="other.test", port_base=base_b, config=common.format(base_a + 25))
        cls.a.__enter__()
        cls.b.__enter__()
        for name in ("bart", "lisa", "homer", "marge"):
            cls.a.user(name)
        cls.b.user("ned")

    @classmethod
    def tearDownClass(cls):
        cls.a.__exit__(None, None, None)
        cls.b.__exit__(None, None, None)

    def submit(self, to, options="", rcpt="", sender="bart@example.test", text=None):
        """One submitted message with parameters of MAIL and RCPT; the reply that was not 2xx, or the last one."""
        s = self.a.smtp("submission", tls=True, login=sender)
        try:
            reply = s.docmd(f"MAIL FROM:<{sender}>{' ' + options if options else ''}")
            for one in [to] if isinstance(to, str) else to:
                if reply[0] == 250:
                    reply = s.docmd(f"RCPT TO:<{one}>{' ' + rcpt if rcpt else ''}")
            if reply[0] == 250:
                reply = s.data(text or iems.message("esmtp", sender=sender, to="somebody"))
            return reply
        finally:
            with contextlib.suppress(OSError):
                s.close()

    def report(self, user, number, *wanted):
        """The newest message of a user who is to have `number`; it has all of `wanted`."""
        self.a.wait_count(user, number, seconds=20)
        text = self.a.messages(user)[-1].decode()
        for part in wanted:
            self.assertRegex(text, "(?mi)" + part)
        return text

    def set(self, name, value, shows=None):
        """Sets an option; until EHLO shows it."""
        self.a.run("config", "set", name, value)
        if shows:
            iems.wait_until(f"{name} = {value}", lambda: shows(self.a.smtp("submission", tls=True).ehlo("x")[1].decode()))

    def relay_is_down(self):
        self.b.run("stop", self.b.dir)

    def relay_is_up(self):
        self.b.start()
        self.a.run("queue", "retry", "--all", "--yes")

    # ---- DSN: RFC 3461, 3464
    def test_delivered(self):
        n = self.a.count("bart")
        self.assertEqual(self.submit("lisa@example.test", "RET=HDRS ENVID=env+2B1", "NOTIFY=SUCCESS ORCPT=rfc822;lisa+2Bx@example.test")[0], 250)
        text = self.report("bart", n + 1, "^Action: delivered", r"^Original-Envelope-Id: env\+1", r"^Original-Recipient: rfc822; ?lisa\+x@example.test",
                           "^Final-Recipient: rfc822; lisa@example.test", "^Status: 2")
        self.assertNotIn("A line of text.", text)

    def test_delivered_over_there(self):   # the next host reports: RFC 3461 section 5.2.2
        n = self.a.count("bart")
        self.submit("ned@other.test", "ENVID=far", "NOTIFY=SUCCESS")
        self.report("bart", n + 1, "^Action: delivered", "^Original-Envelope-Id: far", "^Reporting-MTA: dns; mail.other.test")

    def test_relayed(self):   # to a host without DSN
        self.b.run("config", "set", "smtpd.dsn", "no")
        iems.wait_until("no DSN", lambda: b"DSN" not in self.b.smtp().ehlo("x")[1])
        self.a.run("config", "set", "smtpc.keep_idle", "0")
        n = self.a.count("bart")
        iems.wait_until("connections to the other site closed", lambda: not self.connected(), 15)
        self.submit("ned@other.test", "ENVID=rel", "NOTIFY=SUCCESS")
        self.report("bart", n + 1, "^Action: relayed", "^Original-Envelope-Id: rel", "^Reporting-MTA: dns; mail.example.test")
        self.b.run("config", "set", "smtpd.dsn", "yes")
        iems.wait_until("DSN", lambda: b"DSN" in self.b.smtp().ehlo("x")[1])

    def connected(self):
        return f":{self.b.port('smtp')} " in subprocess.run(["ss", "-tnH", "state", "established", "dst", "127.0.0.1"], capture_output=True, text=True,
                                                            check=False).stdout.replace("\n", " \n")

    def test_failed_and_never(self):
        n = self.a.count("bart")
        self.submit("nobody@other.test", "RET=FULL ENVID=bad", "NOTIFY=NEVER")
        self.submit("nobody@other.test", "RET=FULL ENVID=worse HOLDFOR=1", "NOTIFY=FAILURE")
        text = self.report("bart", n + 1, "^Action: failed", "^Original-Envelope-Id: worse", "^Future-Release-Request: for;1\r?$", "^Status: 5.1.1")
        self.assertIn("A line of text.", text)

    # ---- DELIVERBY: RFC 2852; ETRN: RFC 1985
    def test_deadlines_and_etrn(self):
        before, n = self.b.count("ned"), self.a.count("bart")
        self.relay_is_down()
        self.assertEqual(self.submit("ned@other.test", "BY=2;N ENVID=late")[0], 250)
        self.assertEqual(self.submit("ned@other.test", "BY=2;R ENVID=back")[0], 250)
        self.a.wait_count("bart", n + 2, seconds=25)
        reports = b"".join(self.a.messages("bart")[-2:]).decode()
        late = re.search(r"(?s)Original-Envelope-Id: late.*?Deliver-By-Date: \w+, .*?Action: (\w+)", reports)
        back = re.search(r"(?s)Original-Envelope-Id: back.*?Action: (\w+).*?Status: ([\d.]+)", reports)
        self.assertEqual(late.group(1), "delayed")
        self.assertEqual(back.groups(), ("failed", "5.4.7"))
        self.b.start()
        s = self.a.smtp(tls=True, login="bart@example.test")   # not on ports of submission: RFC 6409 section 7
        self.assertTrue(s.has_extn("etrn"))
        self.assertEqual(s.docmd("ETRN empty.example")[0], 251)
        code, text = s.docmd(f"ETRN #[127.0.0.1]:{self.b.port('smtp')}")
        self.assertEqual((code, text[:40]), (253, f"2.0.0 OK, 1 pending messages for node [1".encode()))
        s.quit()
        self.b.wait_count("ned", before + 1, seconds=20)

    def test_etrn_client(self):   # SMTPC-12
        at = f"127.0.0.1:{self.a.port('smtp')}"
        refused = self.b.run("etrn", at, "other.test", check=False)
        self.assertEqual((refused.returncode, refused.stdout), (75, "other.test: 459 4.7.1 Node other.test not allowed: its queue is not yours to start\n"))
        self.a.run("config", "set", "smtpd.etrn", "anyone")
        iems.wait_until("ETRN for anyone", lambda: self.b.run("etrn", at, "@x.test", check=False).returncode == 0)
        self.assertEqual(self.b.run("etrn", at).stdout, "other.test: 251 2.0.0 OK, no messages waiting for node other.test\n")
        self.a.run("config", "set", "smtpd.etrn", "never")
        iems.wait_until("no ETRN", lambda: b"ETRN" not in self.a.smtp().ehlo("x")[1])
        self.assertIn("does not offer ETRN", self.b.run("etrn", at, check=False).stderr)
        self.a.run("config", "unset", "smtpd.etrn")
        iems.wait_until("ETRN", lambda: b"ETRN" in self.a.smtp().ehlo("x")[1])
        self.assertEqual(self.b.run("etrn", f"127.0.0.1:{iems.free_port()}", check=False).returncode, 75)

    # ---- FUTURERELEASE: RFC 4865
    def test_held(self):
        n = self.a.count("lisa")
        self.assertEqual(self.submit("lisa@example.test", "HOLDFOR=99999999")[0], 501)
        self.assertEqual(self.submit("lisa@example.test", "HOLDFOR=3")[0], 250)
        self.assertIn("INPUT", self.a.run("queue", "list").stdout)
        self.assertEqual(self.a.count("lisa"), n)
        self.a.wait_count("lisa", n + 1, seconds=15)

    # ---- BURL: RFC 4468
    def test_message_from_the_mailbox(self):
        c = self.a.imap("bart")
        c.create("Drafts")
        text = iems.message("from drafts", sender="bart@example.test", to="lisa@example.test", body="line\n" * 80000 + "end").replace("\n", "\r\n")
        _, data = c.append("Drafts", None, None, text.encode())
        validity, uid = re.search(rb"APPENDUID (\d+) (\d+)", data[0]).groups()
        c.logout()
        n = self.a.count("lisa")
        s = self.a.smtp("submission", tls=True, login="bart@example.test")
        self.assertIn(b"BURL imap imap://mail.example.test", s.ehlo("x")[1])
        url = f"imap://bart%40example.test@mail.example.test/Drafts;UIDVALIDITY={validity.decode()}/;UID={uid.decode()}"

        def burl(argument, mail="MAIL FROM:<bart@example.test>"):
            s.docmd("RSET")
            for line in (mail, "RCPT TO:<lisa@example.test>"):
                self.assertEqual(s.docmd(line)[0], 250)
            return s.docmd("BURL " + argument)[0]

        for wrong, code in ((url.replace("bart%40", "lisa%40"), 554), (url.replace("mail.example", "mail.other"), 554), (url + "9", 554),
                            (url.replace("Drafts", "None"), 554), (re.sub("VALIDITY=[0-9]+", "VALIDITY=7", url), 554), (url + "/;SECTION=2", 554),
                            ("http://x/", 501), (url + " FIRST", 501)):
            self.assertEqual(burl(wrong + (" LAST" if "FIRST" not in wrong else "")), code, wrong)
        self.assertEqual(burl(url + "9 LAST"), 554)
        self.assertEqual(s.docmd("BURL " + url + " LAST")[0], 503)   # the transaction is gone
        s.quit()
        s = self.a.smtp("submission", tls=True, login="bart@example.test")
        self.assertEqual(burl(url + " LAST"), 250)
        self.a.wait_count("lisa", n + 1)
        got = self.a.messages("lisa")[-1]
        self.assertTrue(got.endswith(text[-400000:].encode()), got[-100:])
        # a header by BDAT, the rest from the mailbox
        s.docmd("MAIL FROM:<bart@example.test>")
        s.docmd("RCPT TO:<lisa@example.test>")
        s.send("BDAT 16\r\nX-First: chunk\r\n")
        self.assertEqual(s.getreply()[0], 250)
        self.assertEqual(s.docmd("BURL " + url + " LAST")[0], 250)
        self.a.wait_count("lisa", n + 2)
        self.assertIn(b"X-First: chunk\r\n", self.a.messages("lisa")[-1])
        s.quit()
        s = self.a.smtp()
        self.assertEqual(s.docmd("BURL " + url)[0], 502)

    def test_parts_and_mailboxes_of_others(self):   # RFC 4468 section 3, RFC 5092 section 6.3, RFC 4467 section 8
        parts = ("Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst\r\n--b\r\nContent-Type: text/html\r\n\r\n"
                 "<p>second\r\n--b--\r\n")
        c = self.a.imap("lisa")
        c.create("Work")
        _, data = c.append("Work", None, None, parts.encode())
        uid = re.search(rb"APPENDUID \d+ (\d+)", data[0]).group(1).decode()
        url = f"imap://lisa%40example.test@mail.example.test/Work/;UID={uid}"
        n = self.a.count("bart")

        def burl(*urls):   # each in a session of its own: there may not be many errors in one
            s = self.a.smtp("submission", tls=True, login="bart@example.test")
            s.docmd("MAIL FROM:<bart@example.test>")
            s.docmd("RCPT TO:<bart@example.test>")
            s.send("BDAT 20\r\nSubject: of them\r\n\r\n")
            s.getreply()
            answers = [s.docmd(f"BURL {u}{' LAST' if u == urls[-1] else ''}") for u in urls]
            s.close()
            return answers[-1]

        self.assertEqual(burl(url)[0], 554)   # nobody has given bart a right
        c.setacl("Work", "bart@example.test", "lr")
        self.assertEqual(burl(url + "/;SECTION=2", url + "/;SECTION=1.MIME", url + "/;SECTION=1/;PARTIAL=1.3")[0], 250)
        self.a.wait_count("bart", n + 1)
        self.assertTrue(self.a.messages("bart")[-1].endswith(b"Subject: of them\r\n\r\n<p>second\r\nirs"), self.a.messages("bart")[-1])
        for access, codes in (("submit+bart@example.test", (250, b"2.0.0")), ("submit+bart%40example.test", (250, b"2.0.0")), ("user+bart@example.test", (250, b"2.0.0")), ("authuser", (250, b"2.0.0")),
                              ("anonymous", (250, b"2.0.0")), ("submit+homer@example.test", (554, b"5.7.14")), ("user+lisa@example.test", (554, b"5.7.14"))):
            c.xatom("GENURLAUTH", f'"{url};URLAUTH={access}"', "INTERNAL")
            token = c.response("GENURLAUTH")[1][0].decode().strip('"')
            code, text = burl(token)
            self.assertEqual((code, text.split()[0]), codes, access)
            self.assertEqual(burl(token[:-2] + ("00" if token[-2:] != "00" else "11"))[0], 554)
        self.assertEqual(burl(url + "/;SECTION=HEADER.FIELDS%20(TO)")[0], 554)
        self.assertEqual(burl(url.replace("@mail.example.test", "@mail.other.test")), (554, b"5.7.14 URL is not of a mailbox here"))
        c.deleteacl("Work", "bart@example.test")
        self.assertEqual(burl(url)[0], 554)
        c.logout()

    # ---- REQUIRETLS: RFC 8689; the other site's certificate is not to be trusted
    def test_requiretls(self):
        n = self.a.count("bart")
        self.assertEqual(self.submit("ned@other.test", "REQUIRETLS RET=FULL")[0], 250)
        text = self.report("bart", n + 1, "^Action: failed", "^Status: 5.7.")
        self.assertNotIn("A line of text.", text)

    # ---- VRFY, EXPN
    def test_verify(self):
        for name in ("vrfy", "expn"):
            self.a.run("config", "set", f"smtpd.disable_{name}", "no")
        s = self.a.smtp("submission", tls=True, login="bart@example.test")
        iems.wait_until("VRFY", lambda: s.docmd("VRFY lisa") == (250, b"2.1.5 <lisa@example.test>"))
        self.assertEqual(s.docmd("VRFY nobody")[0], 550)
        self.assertEqual(s.docmd("EXPN lisa"), (250, b"2.1.5 <lisa@example.test>"))
        s.quit()
        s = self.a.smtp()
        self.assertEqual(s.docmd("VRFY nobody")[0], 252)
        s.quit()

    # ---- SMTPD-11, SMTPD-12
    def test_daily_limit_survives_restart(self):
        self.assertEqual(self.submit("lisa@example.test", sender="homer@example.test")[0], 250)
        self.a.run("config", "set", "smtpd.daily_messages", "2")
        self.a.wait_restarted("smtpd", self.a.kill("smtpd"))
        self.assertEqual(self.submit("lisa@example.test", sender="homer@example.test")[0], 250)
        code, text = self.submit("lisa@example.test", sender="homer@example.test")
        self.assertEqual((code, text[:30]), (450, b"4.7.1 Your limit of 2 messages"))
        self.assertIn("2 messages to 2 recipients", self.a.run("user", "show", "homer@example.test").stdout)
        self.a.run("config", "unset", "smtpd.daily_messages")
        iems.wait_until("no limit", lambda: self.submit("lisa@example.test", sender="homer@example.test")[0] == 250)

    def test_limits_hold_for_sessions_together(self):   # all of them begin before the first message is counted
        self.a.user("nelson")
        self.a.run("config", "set", "smtpd.daily_recipients", "5")
        sessions = [self.a.smtp("submission", tls=True, login="nelson@example.test") for _ in range(4)]
        try:
            for s in sessions:
                for line in ("MAIL FROM:<nelson@example.test>", "RCPT TO:<lisa@example.test>", "RCPT TO:<homer@example.test>"):
                    self.assertEqual(s.docmd(line)[0], 250)
            iems.wait_until("limit", lambda: self.submit(["lisa@example.test"] * 6, sender="nelson@example.test")[0] == 452)
            for s in sessions[:2]:
                self.assertEqual(s.docmd("DATA")[0], 354)
                s.send(iems.message("together").replace("\n", "\r\n") + "\r\n.\r\n")
                s.code, _ = s.getreply()
            self.assertEqual([s.code for s in sessions[:2]], [250, 250])
            chunk = "Subject: x\r\n\r\nx\r\n"
            sessions[2].send(f"BDAT {len(chunk)} LAST\r\n{chunk}")
            self.assertEqual(sessions[2].getreply()[0], 452)
            self.assertEqual(sessions[3].data(iems.message("together"))[:1], (452,))
            self.assertIn("2 messages to 4 recipients", self.a.run("user", "show", "nelson@example.test").stdout)
        finally:
            for s in sessions:
                s.close()
            self.a.run("config", "unset", "smtpd.daily_recipients")

    def test_brake(self):
        n = self.a.count("marge")
        self.a.run("config", "set", "smtpd.brake_recipients", "4")
        self.a.run("config", "set", "smtpd.brake_rate", "2")
        everybody = [f"{u}@example.test" for u in ("bart", "lisa", "homer", "bart")]
        iems.wait_until("brake", lambda: self.submit(everybody, sender="marge@example.test")[0] == 450)
        self.report("marge", n + 1, "^Subject: Sending by marge@example.test is slowed down", "iems user release marge@example.test")
        shown = self.a.run("user", "show", "marge@example.test").stdout
        self.assertRegex(shown, r"Slowed down +since .*: \d+ recipients in an hour")
        self.assertEqual(shown.count("Slowed down"), 1)
        self.a.wait_logged("account_braked")
        self.assertRegex(self.a.run("user", "slowed").stdout, r"marge@example.test +since .*: \d+ recipients in an hour")
        self.assertIn("may send as before", self.a.run("user", "release", "marge@example.test").stdout)
        self.assertEqual(self.submit("lisa@example.test", sender="marge@example.test")[0], 250)
        self.assertNotIn("Slowed down", self.a.run("user", "show", "marge@example.test").stdout)
        self.assertNotIn("marge", self.a.run("user", "slowed").stdout)
        for name in ("recipients", "rate"):
            self.a.run("config", "unset", f"smtpd.brake_{name}")


class Atrn(unittest.TestCase):
    """A customer without a fixed address fetches the mail of its domain (RFC 2645)."""

    @classmethod
    def setUpClass(cls):
        cls.mail = iems.Instance(config="[smtpd]\nlisten_odmr = default\n")
        cls.mail.__enter__()
        for user in ("bart", "dial"):
            cls.mail.user(user)
        cls.mail.run("route", "set", "cust.test", f"hosts=[127.0.0.1]:{iems.free_port()}")
        cls.mail.run("peer", "set", "cust.test", "queue_first=yes", "run_interval=1d", "atrn=dial@example.test")

    @classmethod
    def tearDownClass(cls):
        cls.mail.__exit__(None, None, None)

    def turn(self, command):
        """Logs in and turns the connection; plays the customer's server. The reply to ATRN, and the messages that came."""
        s = self.mail.smtp("odmr", tls=True)
        try:
            self.assertTrue(s.has_extn("auth") and s.has_extn("atrn"))   # before the login: RFC 2645 section 5.1.1
            self.assertEqual(s.docmd("ATRN")[0], 530)
            s.login("dial@example.test", iems.PASSWORD)
            reply = s.docmd(command)
            return reply, self.serve(s.sock) if reply[0] == 250 else []
        finally:
            s.close()

    def serve(self, sock):
        got, data, f = [], None, sock.makefile("rwb")
        f.write(b"220 dial.example ESMTP\r\n")
        f.flush()
        for line in f:
            if data is not None:
                if line == b".\r\n":
                    got.append(b"".join(data))
                    data = None
                    f.write(b"250 taken\r\n")
                else:
                    data.append(line)
            elif line.startswith(b"EHLO"):
                f.write(b"250-dial.example\r\n250-8BITMIME\r\n250 PIPELINING\r\n")
            elif line.startswith(b"DATA"):
                data = []
                f.write(b"354 go\r\n")
            elif line.startswith(b"QUIT"):
                f.write(b"221 bye\r\n")
                f.flush()
                break
            else:
                f.write(b"250 ok\r\n")
            f.flush()
        return got

    def test_customer_fetches_its_mail(self):
        self.assertEqual(iems.wait_until("peer row", lambda: self.turn("ATRN")[0][0] != 450 and self.turn("ATRN")[0]), (453, b"4.0.0 You have no mail"))
        for n in range(3):
            self.mail.send("bart@example.test", f"user{n}@cust.test", iems.message(f"fetched {n}", body="line\n" * 9000 * n + "end"),
                           service="submission", tls=True, login="bart@example.test")
        iems.wait_until("three messages", lambda: self.mail.run("queue", "list").stdout.count("cust.test") >= 3)
        self.assertEqual(self.turn("ATRN other.test")[0][0], 450)
        reply, got = self.turn("ATRN cust.test")
        self.assertEqual(reply[0], 250)
        self.assertEqual(sorted(re.search(rb"Subject: (.*)\r", m).group(1) for m in got), [b"fetched 0", b"fetched 1", b"fetched 2"])
        self.assertTrue(all(m.endswith(b"end\r\n") for m in got))
        iems.wait_until("empty queue", lambda: "cust.test" not in self.mail.run("queue", "list").stdout)
        self.assertEqual(self.turn("ATRN")[0][0], 453)


@unittest.skipUnless(postfix.available(), "needs Postfix, and root to start it")
class WithPostfix(unittest.TestCase):
    """Delivery reports between IEMS and Postfix, both ways (ESMTP-05, SMTPC-11)."""

    @classmethod
    def setUpClass(cls):
        base = iems.free_port_base()
        cls.postfix = postfix.Postfix({"example.test": f"smtp:[127.0.0.1]:{base + 25}", "ok.test": "discard:", "bad.test": f"smtp:[127.0.0.1]:{base + 25}"})
        try:
            cls.mail = iems.Instance(port_base=base, config=f"[smtpc]\nresolution = MailRelayHost\nrelay_host = [127.0.0.1]:{cls.postfix.port}\n")
            cls.mail.__enter__()
        except BaseException:
            cls.postfix.stop()
            raise
        cls.mail.user("bart")
        cls.mail.user("lisa")

    @classmethod
    def tearDownClass(cls):
        cls.postfix.stop()
        cls.mail.__exit__(None, None, None)

    def expect(self, user, number, *wanted):
        self.mail.wait_count(user, number, seconds=30)
        text = self.mail.messages(user)[-1].decode()
        for part in wanted:
            self.assertRegex(text, "(?mi)" + part)

    def submit(self, to, options, rcpt):
        s = self.mail.smtp("submission", tls=True, login="bart@example.test")
        for line in (f"MAIL FROM:<bart@example.test> {options}", f"RCPT TO:<{to}> {rcpt}"):
            self.assertEqual(s.docmd(line)[0], 250)
        s.data(iems.message("to postfix", sender="bart@example.test", to=to))
        s.quit()

    def test_postfix_reports(self):
        n = self.mail.count("bart")
        self.submit("ned@ok.test", "RET=HDRS ENVID=e+2B1", "NOTIFY=SUCCESS ORCPT=rfc822;ned+2Bx@ok.test")
        self.expect("bart", n + 1, "^Action: (delivered|relayed)", r"^Original-Envelope-Id: e\+1", r"^Original-Recipient: rfc822; ?ned\+x@ok.test",
                    "^Reporting-MTA: dns; mx.postfix.test")
        # Postfix brings it back to us, who take no mail for that domain
        self.submit("ned@bad.test", "ENVID=e2", "NOTIFY=FAILURE")
        self.expect("bart", n + 2, "^Action: failed", "^Original-Envelope-Id: e2", "^Status: 5.7.1", "^Reporting-MTA: dns; mx.postfix.test")

    def test_we_report(self):
        n = self.mail.count("lisa")
        self.postfix.sendmail(iems.message("from postfix"), "-f", "lisa@example.test", "-N", "success", "-V", "env3", "-R", "hdrs", "bart@example.test")
        self.expect("lisa", n + 1, "^Action: delivered", "^Original-Envelope-Id: env3", "^Final-Recipient: rfc822; bart@example.test",
                    "^Reporting-MTA: dns; mail.example.test")
        self.postfix.sendmail(iems.message("quiet"), "-f", "lisa@example.test", "-N", "never", "bart@example.test")
        self.postfix.wait_log("(?s)to=<bart@example.test>.*to=<bart@example.test>.*status=sent")
        self.assertEqual(self.mail.count("lisa"), n + 1)


if __name__ == "__main__":
    iems.main()
