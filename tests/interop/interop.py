#!/usr/bin/python3
"""Mail in both directions between IEMS and other mail servers: text as it was, TLS, DANE, SMTPUTF8, CHUNKING, DSN (ESMTP-02 to ESMTP-05,
SMTPC-11, STLS-03). The names of other servers as arguments choose some of them."""
import email
import email.policy
import hashlib
import os
import re
import shutil
import smtplib
import subprocess
import sys
import tempfile

import iems
from nameserver import NameServer
from others import Exim, OpenSmtpd, Postfix, Sink

SERVERS = {s.name: s for s in (Postfix, Exim, OpenSmtpd)}
CONFIG = "[smtpd]\nrelay_networks = 127.0.0.0/8\n[smtpc]\nresolution = MailRelayHost\nrelay_host = [127.0.0.1]:{port}\nretry = 1s\nretry_destination = 1s\n" \
         "dns_servers = 127.0.0.1@{dns}\ntrust_anchor = {anchor}\n"
HARD = "\r\n".join([".", "..", ".a line that begins with a dot", "x" * 990, "", "tail \t", "Gr\u00fc\u00dfe aus K\u00f6ln", "From here on", ""])
BIG = "".join(f"line {n} of a long message, which is sent in many pieces\r\n" for n in range(60000))


def text(subject, body, sender="bart@example.test", to="x@other.test"):
    return (f"From: <{sender}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: Sat, 21 Nov 2026 07:24:00 +0000\r\nMessage-ID: <{subject}@t.example>\r\n"
            f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}").encode()


def send(port, sender, to, data, mail=("BODY=8BITMIME",), rcpt=()):
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as s:
        s.ehlo("client.test")
        s.command_encoding = "utf-8"
        for command, arguments in (("mail", f"FROM:<{sender}> {' '.join(mail)}"), ("rcpt", f"TO:<{to}> {' '.join(rcpt)}")):
            code, answer = s.docmd(command, arguments.strip())
            assert code == 250, (command, arguments, code, answer)
        code, answer = s.data(data)
        assert code == 250, (code, answer)


def body_of(data):
    return data.split(b"\r\n\r\n", 1)[1]


class Pair:
    """One other server beside one instance."""

    def __init__(self, kind):
        self.folder, self.sink = tempfile.mkdtemp(prefix="iems-interop-"), Sink()
        base = iems.free_port_base()
        self.other = kind(self.folder, base + 25, self.sink.port)
        key = subprocess.run(["openssl", "x509", "-in", self.other.cert, "-noout", "-pubkey"], capture_output=True, check=True).stdout
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key, capture_output=True, check=True).stdout
        tlsa = f"mail 60 A 127.0.0.1\n_{self.other.port}._tcp.mail 60 TLSA 3 1 1 "
        self.names = NameServer({"right.test": tlsa + hashlib.sha256(der).hexdigest(), "wrong.test": tlsa + "00" * 32}, sign=("right.test", "wrong.test"))
        self.mail = iems.Instance(port_base=base, config=CONFIG.format(port=self.other.port, dns=self.names.port, anchor=self.names.anchor))
        self.mail.start()
        self.mail.user("bart")
        if self.other.utf8:
            self.mail.run("alias", "add", "gr\u00fc\u00dfe@example.test", "bart@example.test")

    def close(self):
        self.mail.stop()
        self.other.stop()
        self.names.stop()
        self.mail.check_log()
        self.mail.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- helpers
    def arrived(self, subject):
        return iems.wait_until(f"{subject} at the sink", lambda: self.sink.find(f"Subject: {subject}\r\n"), 30)

    def in_mailbox(self, marks):
        def look():
            return next((m for m in self.mail.messages("bart") if all(mark.encode() in m for mark in marks)), None)
        return iems.wait_until(f"{marks} in the mailbox", look, 30)

    # ---- cases
    def out_text(self):
        send(self.mail.port("smtp"), "bart@example.test", "x@other.test", text("out-text", HARD))
        assert body_of(self.arrived("out-text")[2]) == HARD.encode()

    def out_big(self):
        send(self.mail.port("smtp"), "bart@example.test", "x@other.test", text("out-big", BIG))
        assert body_of(self.arrived("out-big")[2]) == BIG.encode()

    def out_tls(self):
        received = re.sub(rb"\r\n[ \t]+", b" ", self.arrived("out-text")[2])
        assert re.search(rb"by other\.test .*(with E?SMTPS|with esmtps|TLS)", received, re.I), received[:600]
        way = self.mail.run("trace", "out-text@t.example").stdout
        assert re.search(r"tls=encrypted:TLSv1", way), way

    def out_dane(self):
        """RFC 7672, signed zones of ours: the right record, and one of another key, which keeps the message here."""
        for domain in ("right.test", "wrong.test"):
            self.mail.run("route", "set", domain, f"hosts=mail.{domain}:{self.other.port}")
            self.mail.run("peer", "set", domain, "tls=dane")
            send(self.mail.port("smtp"), "bart@example.test", f"x@{domain}", text(f"out-dane-{domain}", HARD))
        self.arrived("out-dane-right.test")
        assert "tls=dane:TLSv1" in self.mail.run("trace", "out-dane-right.test@t.example").stdout
        iems.wait_until("the reason", lambda: "4.7.5" in self.mail.run("queue", "status", "wrong.test").stdout, 30)
        assert not self.sink.find("Subject: out-dane-wrong.test\r\n")

    def out_tls_broken(self):
        """Its TLS breaks off in the handshake (OpenSMTPD 6.8 with OpenSSL 3): the message goes without (RFC 7435)."""
        assert "tls=none" in self.mail.run("trace", "out-text@t.example").stdout

    def out_utf8(self):
        send(self.mail.port("smtp"), "gr\u00fc\u00dfe@example.test", "\u00fcber@other.test", text("out-utf8", HARD), ("BODY=8BITMIME", "SMTPUTF8"))
        mail, rcpt, _ = self.arrived("out-utf8")
        assert "\u00fcber@other.test".encode() in rcpt[0] and "gr\u00fc\u00dfe".encode() in mail, (mail, rcpt)

    def out_utf8_refused(self):
        """The other side has no SMTPUTF8: the sender learns it (5.6.7), nothing is sent."""
        send(self.mail.port("smtp"), "bart@example.test", "\u00fcber@other.test", text("out-utf8-refused", HARD), ("BODY=8BITMIME", "SMTPUTF8"))
        self.in_mailbox(("multipart/report", "Status: 5.6.7"))

    def out_dsn(self):
        send(self.mail.port("smtp"), "bart@example.test", "x@other.test", text("out-dsn", HARD), ("RET=HDRS", "ENVID=out-dsn+2B1"),
             ("NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;first@elsewhere.test"))
        report = self.in_mailbox(("message/delivery-status", "out-dsn"))
        kinds = [p.get_content_type() for p in email.message_from_bytes(report, policy=email.policy.default).walk()]
        assert "message/delivery-status" in kinds, kinds
        assert re.search(rb"Action: (relayed|delivered)", report, re.I), report.decode(errors="replace")
        if self.other.dsn_whole:   # some keep the envelope identifier in xtext, as it came
            assert re.search(rb"Envelope-Id: out-dsn\+(2B)?1", report, re.I) and b"rfc822;first@elsewhere.test" in report.replace(b"; ", b";"), report

    def out_bounce(self):
        send(self.mail.port("smtp"), "bart@example.test", "nobody@other.test", text("out-bounce", HARD))
        self.in_mailbox(("out-bounce", "5.1.1"))

    def in_text(self):
        send(self.other.port, "x@other.test", "bart@example.test", text("in-text", HARD, "x@other.test", "bart@example.test"))
        assert body_of(self.in_mailbox(("Subject: in-text",))) == HARD.encode()

    def in_big(self):
        send(self.other.port, "x@other.test", "bart@example.test", text("in-big", BIG, "x@other.test", "bart@example.test"))
        assert body_of(self.in_mailbox(("Subject: in-big",))) == BIG.encode()

    def in_tls(self):
        received = re.sub(r"\r\n[ \t]+", " ", self.in_mailbox(("Subject: in-text",)).decode(errors="replace"))
        assert re.search(r"Received: from \S+ .*by mail\.example\.test.* with (UTF8)?E?SMTPS", received), received[:800]

    def in_utf8(self):
        send(self.other.port, "x@other.test", "gr\u00fc\u00dfe@example.test", text("in-utf8", HARD, "x@other.test", "bart@example.test"), ("BODY=8BITMIME", "SMTPUTF8"))
        self.in_mailbox(("Subject: in-utf8",))

    def in_dsn(self):
        send(self.other.port, "x@other.test", "bart@example.test", text("in-dsn", HARD, "x@other.test", "bart@example.test"), ("RET=HDRS", "ENVID=in-dsn"),
             ("NOTIFY=SUCCESS",))
        report = iems.wait_until("a report at the sink", lambda: next((m for m in self.sink.got if b"multipart/report" in m[2] and b"in-dsn" in m[2]), None), 30)
        assert re.search(rb"Action: delivered", report[2], re.I), report[2].decode(errors="replace")
        assert report[0].upper().startswith(b"MAIL FROM:<>"), report[0]

    def in_bounce(self):
        send(self.other.port, "x@other.test", "missing@example.test", text("in-bounce", HARD, "x@other.test", "missing@example.test"))
        iems.wait_until("the bounce", lambda: next((m for m in self.sink.got if b"missing@example.test" in m[2] and b"5.1.1" in m[2]), None), 30)

    def cases(self):
        names = ["out_text", "out_big", "out_dsn", "out_bounce", "in_text", "in_big", "in_tls", "in_dsn", "in_bounce"]
        names += ["out_tls", "out_dane"] if self.other.tls else ["out_tls_broken"]
        return names + (["out_utf8", "in_utf8"] if self.other.utf8 else ["out_utf8_refused"])


def main():
    good = bad = 0
    for name in sys.argv[1:] or SERVERS:
        pair = Pair(SERVERS[name])
        try:
            for case in pair.cases():
                try:
                    getattr(pair, case)()
                    good += 1
                    print(f"ok {good + bad} - {name} {case}", flush=True)
                except (AssertionError, OSError, smtplib.SMTPException) as e:
                    bad += 1
                    print(f"not ok {good + bad} - {name} {case}\n# {str(e)[:3000]}", flush=True)
        finally:
            if os.environ.get("IEMS_KEEP_LOG"):
                print(pair.mail.log_tail(200))
            pair.close()
    print(f"{good} passed, {bad} failed")
    sys.exit(1 if bad else 0)


main()
