"""The way of a message: SMTP in, queue, routing, mailbox, IMAP and POP3 out (ARCH-06, ARCH-08, STORE-01, SMTPD-15)."""
import smtplib
import unittest

import iems


class MailPath(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mail = iems.Instance()
        cls.mail.__enter__()
        for name in ("bart", "lisa", "homer"):
            cls.mail.user(name)

    @classmethod
    def tearDownClass(cls):
        cls.mail.__exit__(None, None, None)

    def test_smtp_to_imap_and_pop3(self):
        text = iems.message("one", body="first line\n.starts with a dot\n..two dots\nlast")
        self.assertEqual(self.mail.send("a@sender.example", "homer@example.test", text), {})
        self.mail.wait_count("homer", 1)
        (got,) = self.mail.messages("homer")
        self.assertTrue(got.startswith(b"Return-Path: <a@sender.example>\r\n"), got[:200])
        self.assertIn(b"\r\nReceived: from client.example", got)
        self.assertTrue(got.endswith(b"\r\n\r\nfirst line\r\n.starts with a dot\r\n..two dots\r\nlast\r\n"), got[-200:])
        pop = self.mail.pop3("homer")
        _, lines, _ = pop.retr(1)
        self.assertEqual(b"\r\n".join(lines) + b"\r\n", got)
        pop.quit()

    def test_one_message_two_recipients(self):   # ARCH-12: who it is for stands in the envelope alone
        before = {u: self.mail.count(u) for u in ("bart", "lisa")}
        self.mail.send("a@sender.example", ["bart@example.test", "lisa@example.test"], iems.message("both"))
        for user, number in before.items():
            self.mail.wait_count(user, number + 1)
        bart, lisa = (self.mail.messages(user)[-1].split(b"\r\n\r\n") for user in ("bart", "lisa"))
        self.assertEqual(bart[1], lisa[1])
        self.assertIn(b"\r\nTo: bart@example.test\r\n", lisa[0])
        self.assertNotIn(b"lisa@", lisa[0].split(b"\r\nFrom:")[1])   # only behind what was added on the way

    def test_unknown_recipient_is_refused(self):  # LIM-21, LIM-22
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as caught:
            self.mail.send("a@sender.example", "nobody@example.test", iems.message())
        code, text = caught.exception.recipients["nobody@example.test"]
        self.assertEqual((code, text[:5]), (550, b"5.1.1"))

    def test_relaying_is_refused(self):  # RELAY-03, TRBL-05, DNSBL-09: and no DNS list is asked
        self.assertEqual(self.mail.run("dnslist", "export").stdout.replace("#", "").strip(), "")
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as caught:
            self.mail.send("a@sender.example", "x@elsewhere.invalid", iems.message())
        self.assertEqual(caught.exception.recipients["x@elsewhere.invalid"][0], 550)

    def test_submission_needs_login_and_own_address(self):   # LIM-67
        with self.assertRaises(smtplib.SMTPSenderRefused) as caught:
            self.mail.send("bart@example.test", "lisa@example.test", iems.message(), service="submission", tls=True)
        self.assertEqual(caught.exception.smtp_code, 530)
        with self.assertRaises(smtplib.SMTPSenderRefused) as caught:
            self.mail.send("lisa@example.test", "lisa@example.test", iems.message(), service="submission", tls=True,
                           login="bart@example.test")
        self.assertEqual(caught.exception.smtp_code, 550)
        before = self.mail.count("lisa")
        for service, tls in (("submission", True), ("submissions", False)):
            self.mail.send("bart@example.test", "lisa@example.test", iems.message(), service=service, tls=tls, login="bart@example.test")
        self.mail.wait_count("lisa", before + 2)

    def test_lmtp(self):
        s = smtplib.LMTP("127.0.0.1", self.mail.port("lmtp"), timeout=30)
        before = self.mail.count("lisa")
        s.sendmail("a@sender.example", ["lisa@example.test"], iems.message("lmtp"))
        s.quit()
        self.mail.wait_count("lisa", before + 1)

    def test_wrong_password(self):
        with self.assertRaises(iems.imaplib.IMAP4.error):
            self.mail.imap("bart", "wrong-1")
        with self.assertRaises(smtplib.SMTPAuthenticationError):
            self.mail.smtp("submission", tls=True, login="bart@example.test", password="wrong-1")


if __name__ == "__main__":
    iems.main()
