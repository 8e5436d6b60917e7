"""Two instances exchange mail through a DNS server of their own (ROUTE-04, SMTPC-01, SMTPC-10, DEPL-01)."""
import unittest

import iems
from nameserver import NameServer


class TwoSites(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        base_a, base_b = iems.free_port_base(), iems.free_port_base()
        cls.dns = NameServer({
            "example.test": "@ 60 MX 10 mail.example.test.\nmail 60 A 127.0.0.1",
            "other.test": "@ 60 MX 10 dead.other.test.\n@ 60 MX 20 mail.other.test.\ndead 60 A 127.0.0.77\nmail 60 A 127.0.0.1",
            "nomail.test": "@ 60 MX 0 .",
        })
        common = f"dns_servers = 127.0.0.1@{cls.dns.port}\n"
        cls.a = iems.Instance(port_base=base_a, config=f"[smtpc]\n{common}port = {base_b + 25}\n")
        cls.b = iems.Instance(hostname="mail.other.test", domain="other.test", port_base=base_b, config=f"[smtpc]\n{common}port = {base_a + 25}\n")
        cls.a.__enter__()
        cls.b.__enter__()
        cls.a.user("bart")
        cls.b.user("ned")

    @classmethod
    def tearDownClass(cls):
        cls.a.__exit__(None, None, None)
        cls.b.__exit__(None, None, None)
        cls.dns.stop()

    def submit(self, to, subject, site=None):
        site = site or self.a
        sender = "bart@example.test" if site is self.a else "ned@other.test"
        site.send(sender, to, iems.message(subject, sender=sender, to=to), service="submission", tls=True, login=sender)

    def test_there_and_back(self):   # SMTPC-02, SMTPC-03, SQM-03, ROUTE-06: tried when it comes, by this name server, on this port
        before = self.b.count("ned")
        self.submit("ned@other.test", "hello over there")
        self.b.wait_count("ned", before + 1)
        got = self.b.messages("ned")[-1]
        self.assertIn(b"Subject: hello over there", got)
        self.assertRegex(got.decode(), r"Received: from mail\.example\.test .*\n?.*by mail\.other\.test.* with ESMTPS")   # STARTTLS was used
        before = self.a.count("bart")
        self.submit("bart@example.test", "and back", self.b)
        self.a.wait_count("bart", before + 1)

    def test_attachments_stay_as_they_are(self):   # NOTIF-03
        """Names and attributes of attachments, odd ones too, cross two servers octet by octet."""
        body = "\n".join([
            "preamble", "--b", "Content-Type: application/x-foo; name*0*=utf-8''gr%C3%BC; name*1=\"n.foo\"; x-mac-type=54455854; x-mac-creator=74747874",
            "Content-Transfer-Encoding: base64", "Content-Disposition: attachment; filename=\"a  b;\\\"c.foo\"; size=3;",
            "\tmodification-date=\"Sat, 21 Nov 2026 07:24:00 +0000\"", "X-Odd:   kept", "", "AAECAw==", "--b", "Content-Type: message/rfc822", "",
            "Subject: inner", "", "begin 644 x", "#0V%T", "`", "end", "--b--", "epilogue"])
        text = iems.message("attached", body=body, sender="bart@example.test", to="ned@other.test", MIME_Version="1.0", Content_Type="multipart/mixed; boundary=b")
        before = self.b.count("ned")
        self.a.send("bart@example.test", "ned@other.test", text, service="submission", tls=True, login="bart@example.test")
        self.b.wait_count("ned", before + 1)
        self.assertEqual(self.b.messages("ned")[-1].split(b"\r\n\r\n", 1)[1], (body + "\n").replace("\n", "\r\n").encode())

    def test_unknown_user_over_there_bounces(self):   # MTA-18, SMTPC-15
        before = self.a.count("bart")
        self.submit("nobody@other.test", "to nobody")
        self.a.wait_count("bart", before + 1)
        report = self.a.messages("bart")[-1]
        self.assertTrue(report.startswith(b"Return-Path: <>"), report[:100])
        for part in (b"multipart/report", b"message/delivery-status", b"Final-Recipient: rfc822; nobody@other.test", b"Action: failed", b"Status: 5.1.1"):
            self.assertIn(part.lower(), report.lower())

    def test_null_mx_and_missing_domain_bounce(self):
        for domain, status in (("nomail.test", b"5.1.10"), ("missing.example.test", b"5.1.2")):
            before = self.a.count("bart")
            self.submit(f"x@{domain}", "to nowhere")
            self.a.wait_count("bart", before + 1)
            self.assertIn(b"Status: " + status, self.a.messages("bart")[-1])

    def test_other_site_down_is_deferred_and_comes_later(self):   # SMTPC-04
        before = self.b.count("ned")
        self.b.run("stop", self.b.dir)
        self.submit("ned@other.test", "later")
        iems.wait_until("deferral", lambda: "refused" in self.a.run("queue", "list").stdout, 20)
        self.b.start()
        self.a.run("queue", "retry", "--all", "--yes")
        self.b.wait_count("ned", before + 1, seconds=20)


if __name__ == "__main__":
    iems.main()
