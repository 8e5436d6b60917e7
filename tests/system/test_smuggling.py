"""SMTP smuggling (RFC 5321 sections 2.3.8 and 4.1.1.4): no variant of an end of data that is none is taken as one, and none is passed on.
Each goes in by DATA and BDAT, whole and byte by byte, and out to a server that keeps every byte: there even a reader that takes
everything for a line end sees one message, with all its lines."""
import re
import socket
import unittest

import iems
from recorder import Recorder

# What stands for CRLF . CRLF; "nul": not a stray line end, so a strict server takes it too
VARIANTS = {
    "LF.LF": b"\n.\n", "LF.CRLF": b"\n.\r\n", "CRLF.LF": b"\r\n.\n", "CR.CR": b"\r.\r", "CR.CRLF": b"\r.\r\n", "CRLF.CR": b"\r\n.\rX",
    "CR.LF": b"\r.\n", "LF.CR": b"\n.\rX", "LFLF.CRLF": b"\n\n.\r\n", "LFCR.CRLF": b"\n\r.\r\n", "LFCR.CR": b"\n\r.\rX", "LFCR.LFCR": b"\n\r.\n\rX",
    "CRLFLF.CRLF": b"\r\n\n.\r\n", "CRCRLF.LF": b"\r\r\n.\n", "CRLF.CRCRLF": b"\r\n.\r\r\n", "CRLF.CRCR": b"\r\n.\r\rX", "CRLF.CR.CRLF": b"\r\n.\r.\r\n",
    "LF..CRLF": b"\n..\r\n", "CR": b"one\rtwo", "LF": b"one\ntwo",
    "nul before dot": b"\r\n\0.\r\n", "nul after dot": b"\r\n.\0\r\n", "nul": b"\0.\r\n", "nul between": b"\r\0\n.\r\0\n",
    "CRLF..CRLF": b"\r\n..\r\n", "CRLF.blank": b"\r\n. \r\n", "vertical tab": b"\x0b.\x0b", "form feed": b"\x0c.\x0c", "NEL": b"\xc2\x85.\xc2\x85",
}
EVIL = b"MAIL FROM:<evil@sender.example>\r\nRCPT TO:<bart@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n"


def is_bare(text):
    return re.search(rb"\r(?!\n)|(?<!\r)\n", text) is not None


class Smuggling(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.out = Recorder()
        cls.site = iems.Instance(config=f"[smtpd]\nrelay_networks = 127.0.0.0/8\n[smtpc]\nresolution = MailRelayHost\nrelay_host = [127.0.0.1]:{cls.out.port}\n"
                                        "keep_idle = 0\n")
        cls.site.__enter__()
        cls.site.user("bart")

    @classmethod
    def tearDownClass(cls):
        cls.site.__exit__(None, None, None)

    def dialogue(self, pieces, to="x@far.test", hello=b"EHLO client.example", service="smtp", mail=b""):
        """Says hello, MAIL, RCPT; then the pieces, each after the reply to the last; the reply to each."""
        with socket.create_connection(("127.0.0.1", self.site.port(service)), 20 * iems.SLOW) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            f = s.makefile("rb")

            def reply():
                while (line := f.readline())[3:4] == b"-":
                    pass
                return line.decode().strip()

            self.assertEqual(reply()[:3], "220")
            for line in (hello, b"MAIL FROM:<a@sender.example>" + mail, b"RCPT TO:<" + to.encode() + b">"):
                s.sendall(line + b"\r\n")
                self.assertEqual(reply()[:3], "250")
            replies = []
            for piece in pieces:
                for part in [piece] if isinstance(piece, bytes) else piece:
                    s.sendall(part)
                replies.append(reply())
            rest = f.read()
            self.assertEqual(rest, b"", "something was taken for a command")
            return replies

    def message(self, name, variant, way):
        return f"{way} {name}".encode(), b"Subject: " + f"{way} {name}".encode() + b"\r\nFrom: a@sender.example\r\n\r\nfirst" + variant + EVIL

    def by_data(self, text, split):
        whole = text + b".\r\n"
        return [b"DATA\r\n", [bytes([c]) for c in whole] if split else whole, b"QUIT\r\n"]

    def check_passed_on(self, subject, text):
        """One message, no stray line end, no line that a lenient reader takes for the end, and nothing is missing."""
        iems.wait_until(f"{subject} passed on", lambda: self.out.find(subject), 20)
        found = self.out.find(subject)
        self.assertEqual(len(found), 1)
        self.assertFalse(is_bare(found[0]), found[0])
        for line in re.split(rb"[\r\n]+", found[0]):
            self.assertNotEqual(line, b".", "a lenient server would see an end")
        got = re.sub(rb"(?m)^\.", b"", found[0].replace(b"\r\n", b"\n")).replace(b"\n", b"")
        sent = text.replace(b"\r", b"").replace(b"\n", b"")
        self.assertTrue(got.replace(b".", b"").endswith(sent.replace(b".", b"")), (got, sent))

    def test_data(self):   # SMTPD-15
        for split in (False, True):
            for name, variant in VARIANTS.items():
                with self.subTest(name=name, split=split):
                    subject, text = self.message(name, variant, "split" if split else "data")
                    replies = self.dialogue(self.by_data(text, split))
                    self.assertEqual([r[:3] for r in replies], ["354", "250", "221"])
                    self.check_passed_on(subject, text)
        self.assertFalse(any(b"evil" in c for c in self.out.commands))

    def test_chunks(self):   # RFC 3030: the length ends a chunk, whatever is in it
        for name, variant in VARIANTS.items():
            with self.subTest(name=name):
                subject, text = self.message(name, variant, "bdat")
                half = text.index(variant) + len(variant) // 2   # between two chunks, too
                replies = self.dialogue([b"BDAT %d\r\n" % half + text[:half], b"BDAT %d LAST\r\n" % (len(text) - half) + text[half:], b"QUIT\r\n"])
                self.assertEqual([r[:3] for r in replies], ["250", "250", "221"])
                self.check_passed_on(subject, text)

    def test_binary(self):   # RFC 3030 section 3: as it is, to a server that takes it by length; else not at all
        subject, text = self.message("LF.LF", b"\n.\n", "binary")
        chunk = [b"BDAT %d LAST\r\n" % len(text) + text, b"QUIT\r\n"]
        self.assertEqual([r[:3] for r in self.dialogue(chunk, mail=b" BODY=BINARYMIME")], ["250", "221"])
        iems.wait_until("it fails", lambda: "status=5.6.3" in self.site.log() or "5.6.3" in self.site.run("trace", "x@far.test").stdout, 20)
        self.assertEqual(self.out.find(subject), [])
        self.out.extensions += ("CHUNKING", "BINARYMIME")
        subject, text = self.message("LF.LF", b"\n.\n", "binary taken")
        chunk = [b"BDAT %d LAST\r\n" % len(text) + text, b"QUIT\r\n"]
        self.assertEqual([r[:3] for r in self.dialogue(chunk, mail=b" BODY=BINARYMIME")], ["250", "221"])
        iems.wait_until("it is passed on", lambda: self.out.find(subject), 20)
        self.assertTrue(self.out.find(subject)[0].endswith(text))
        self.out.extensions = self.out.extensions[:-2]

    def test_lmtp(self):
        before = self.site.count("bart")
        for name in ("LF.LF", "LF.CRLF", "CR.CR", "CRLF.LF"):
            subject, text = self.message(name, VARIANTS[name], "lmtp")
            replies = self.dialogue(self.by_data(text, False), to="bart@example.test", hello=b"LHLO client.example", service="lmtp")
            self.assertEqual([r[:3] for r in replies], ["354", "250", "221"], subject)
        self.site.wait_count("bart", before + 4)

    def test_refused(self):   # smtpd.bare_newline = reject
        self.site.run("config", "set", "smtpd.bare_newline", "reject")
        text = self.message("LF", b"\n", "probe")[1]
        iems.wait_until("strict", lambda: self.dialogue(self.by_data(text, False))[1].startswith("550 5.6.0"))
        for name, variant in VARIANTS.items():
            with self.subTest(name=name):
                subject, text = self.message(name, variant, "strict")
                want = "550" if is_bare(text) else "250"
                self.assertEqual([r[:3] for r in self.dialogue(self.by_data(text, False))], ["354", want, "221"])
                self.assertEqual([r[:3] for r in self.dialogue([b"BDAT %d LAST\r\n" % len(text) + text, b"QUIT\r\n"])], [want, "221"])
        self.site.run("config", "unset", "smtpd.bare_newline")
        iems.wait_until("lenient", lambda: self.dialogue(self.by_data(self.message("LF", b"\n", "probe")[1], False))[1].startswith("250"))

    def test_commands(self):   # a command line ends with CRLF alone: nothing behind a stray line end is looked at
        for name, end in (("LF", b"\n"), ("CR", b"\r"), ("LFCR", b"\n\r"), ("nul", b"\0\r\n")):
            with self.subTest(name=name), socket.create_connection(("127.0.0.1", self.site.port("smtp")), 20 * iems.SLOW) as s:
                f = s.makefile("rb")
                f.readline()
                s.sendall(b"HELO client.example\r\nMAIL FROM:<a@sender.example>" + end + b"RCPT TO:<bart@example.test>\r\nQUIT\r\n")
                self.assertTrue(f.readline().startswith(b"250"))
                replies = [line[:3] for line in f.read().splitlines()]
                self.assertIn(replies[0], (b"500", b"501", b"521"), replies)
                self.assertNotIn(b"250", replies)


if __name__ == "__main__":
    iems.main()
