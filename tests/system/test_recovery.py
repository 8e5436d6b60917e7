"""Crashes, limits and bad input: a clear answer, nothing lost, the service goes on."""
import json
import os
import re
import smtplib
import socket
import subprocess
import time
import unittest

import iems
import nameserver


class Recovery(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mail = iems.Instance()
        cls.mail.__enter__()
        for name in ("bart", "lisa"):
            cls.mail.user(name)

    @classmethod
    def tearDownClass(cls):
        cls.mail.__exit__(None, None, None)

    def deliver(self, **how):
        before = self.mail.count("bart")
        self.mail.send("a@sender.example", "bart@example.test", iems.message("still alive"), **how)
        self.mail.wait_count("bart", before + 1)

    def test_killed_modules_come_back_within_a_second(self):   # RESP-04
        for name in ("smtpd", "mta", "lmda", "imapd", "store", "dir", "slapd"):
            pid = self.mail.kill(name)
            begin = time.monotonic()
            self.mail.wait_restarted(name, pid)
            self.assertLess(time.monotonic() - begin, 1.0 * iems.QUICK + self.mail.started_in, name)
            self.deliver()

    def doctor(self, *args):
        """check -> what `iems doctor` found, as (result, text)."""
        found = {}
        for f in json.loads(self.mail.run("doctor", "--json", *args, check=False).stdout):
            found.setdefault(f["check"], []).append((f["result"], f["text"]))
        return found

    def test_doctor(self):
        """TRBL-46: everything is looked at; what is wrong is told with what to do."""
        names = nameserver.NameServer({"example.test": "mail A 10.0.0.1\nmail A 10.0.0.2\n@ MX 10 mail.example.test.",
                                       "10.in-addr.arpa": "1.0.0 PTR mail.example.test.\n2.0.0 PTR other.example.test."})
        try:
            self.mail.run("config", "set", "server.dns_servers", f"127.0.0.1@{names.port}")
            self.mail.run("domain", "add", "second.example.test")
            found = self.doctor("--dns", "--full")
            for check in ("configuration", "modules", "files", "directory", "queue", "store", "certificates", "relay"):
                self.assertEqual({result for result, _ in found[check]}, {"ok"}, found[check])
            dns = "\n".join(f"{result} {text}" for result, text in found["dns"])
            self.assertIn("ok mail.example.test has the address 10.0.0.1, and that this name", dns)
            self.assertIn("warn 10.0.0.2 is called other.example.test, not mail.example.test", dns)
            self.assertIn("ok mail to example.test comes here", dns)
            self.assertIn("warn second.example.test has no MX record", dns)
        finally:
            names.stop()
            self.mail.run("config", "unset", "server.dns_servers")
            self.mail.run("domain", "delete", "second.example.test")
        self.mail.run("config", "set", "smtpd.relay_default", "allow")
        try:
            self.assertEqual(self.doctor()["relay"][0][0], "fail")   # TRBL-05
        finally:
            self.mail.run("config", "unset", "smtpd.relay_default")
        self.mail.run("stop", self.mail.dir)
        self.assertIn("not running", self.doctor()["modules"][0][1])
        self.mail.start()

    def test_idle_session_survives_a_store_restart(self):
        c = self.mail.imap("lisa")
        c.select("INBOX")
        self.mail.wait_restarted("store", self.mail.kill("store"))
        self.assertEqual(c.noop()[0], "OK")
        self.mail.send("a@sender.example", "lisa@example.test", iems.message("after the restart"))
        self.mail.wait_count("lisa", int(c.select("INBOX")[1][0]) or 1)
        c.logout()

    def test_hundred_megabytes(self):
        """A 100 MiB message goes through; no process grows by more than 64 MiB."""
        before = {n: self.pss(p) for n, p in self.mail.pids().items()}
        count = self.mail.count("bart")
        line = b"0123456789abcdef" * 4 + b"0123456789\r\n"
        with socket.create_connection(("127.0.0.1", self.mail.port("smtp")), 60) as s:
            f = s.makefile("rb")
            for command in (None, b"EHLO x.example", b"MAIL FROM:<a@sender.example>", b"RCPT TO:<bart@example.test>", b"DATA"):
                if command:
                    s.sendall(command + b"\r\n")
                while (reply := f.readline())[3:4] == b"-":
                    pass
                self.assertIn(reply[:1], b"23", reply)
            s.sendall(b"Subject: large\r\n\r\n")
            peak = dict(before)
            for n in range(100):
                s.sendall(line * (1 << 20 >> 6))
                if n % 10 == 9:
                    for name, pid in self.mail.pids().items():
                        peak[name] = max(peak.get(name, 0), self.pss(pid))
            s.sendall(b".\r\n")
            self.assertEqual(f.readline()[:3], b"250")
        self.mail.wait_count("bart", count + 1, seconds=30)
        c = self.mail.imap("bart")
        c.select("INBOX")
        _, data = c.fetch(str(count + 1), "(RFC822.SIZE)")
        self.assertGreater(int(data[0].split(b"RFC822.SIZE ")[1].rstrip(b")")), 100 << 20)
        _, data = c.fetch(str(count + 1), "(BODY.PEEK[TEXT]<104857600.76>)")
        self.assertIn(b"0123456789", data[0][1])
        c.logout()
        if not iems.SANITIZED:
            for name, kib in peak.items():
                self.assertLess(kib - before.get(name, kib), 64 << 10, f"{name} grew")

    @staticmethod
    def pss(pid):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                return next(int(l.split()[1]) for l in f if l.startswith("Pss:"))
        except OSError:
            return 0

    def endless(self, service, module, before=b"", size=(1 << 30) // (1 if not iems.SANITIZED else 16), end=b"\r\n"):
        """Sends `size` bytes without a line end; the answer, or b"" when the connection was closed without one."""
        pid = self.mail.pids()[module]
        pss, answer = self.pss(pid), b""
        with socket.create_connection(("127.0.0.1", self.mail.port(service)), 60 * iems.SLOW) as s:
            s.recv(1000)
            try:
                for line in before.splitlines(True):
                    s.sendall(line)
                    s.recv(1000)
                piece = b"x" * (1 << 20)
                for _ in range(size >> 20):
                    s.sendall(piece)
                s.sendall(end)
                answer = s.recv(1000)
            except OSError:
                pass
        self.assertEqual(self.mail.pids()[module], pid, "the module lives")
        if not iems.SANITIZED:
            self.assertLess(self.pss(pid) - pss, 8 << 10, "memory of " + module)
        return answer

    def test_line_without_end(self):
        """A GiB without a CRLF (of commands 64 MiB in the slow build with sanitizers): refused or cut off, memory stays, the service goes on."""
        self.assertRegex(self.endless("smtp", "smtpd"), rb"^(5|4|$)")
        data = b"EHLO x.example\r\nMAIL FROM:<a@sender.example>\r\nRCPT TO:<bart@example.test>\r\nDATA\r\n"
        before = self.mail.count("bart")
        self.assertRegex(self.endless("smtp", "smtpd", data, size=1 << 30, end=b"\r\n.\r\n"), rb"^552 5.3.4 ")
        self.assertRegex(self.endless("imap", "imapd"), rb"^(\* BAD|\* BYE|x* BAD|$)")
        self.assertRegex(self.endless("pop3", "pop3d"), rb"^(-ERR|$)")
        self.assertEqual(self.mail.count("bart"), before)
        self.deliver()

    def test_many_recipients(self):
        """100,000 in one go: as many as the limit are taken, the others put off; the message goes to those that were taken."""
        before = self.mail.count("bart")
        with socket.create_connection(("127.0.0.1", self.mail.port("smtp")), 60 * iems.SLOW) as s:
            f = s.makefile("rb")
            f.readline()
            s.sendall(b"EHLO x.example\r\n")
            while f.readline()[3:4] == b"-":
                pass
            s.sendall(b"MAIL FROM:<a@sender.example>\r\n")
            self.assertEqual(f.readline()[:3], b"250")
            codes = {}
            for _ in range(1000):
                s.sendall(b"RCPT TO:<bart@example.test>\r\n" * 100)
                for _ in range(100):
                    code = f.readline()[:9]
                    codes[code] = codes.get(code, 0) + 1
            self.assertEqual(codes, {b"250 2.1.5": 1000, b"452 4.5.3": 99000})
            s.sendall(b"DATA\r\n")
            self.assertEqual(f.readline()[:3], b"354")
            s.sendall(b"Subject: many\r\n\r\n.\r\n")
            self.assertEqual(f.readline()[:3], b"250")
        self.mail.wait_count("bart", before + 1)   # one mailbox, one copy
        self.deliver()

    def test_half_open_connections(self):
        """Clients that say nothing, stop in the middle of a command or of a message, or vanish."""
        sockets = []
        starts = (b"", b"EHL", b"EHLO x.example\r\nMAIL FROM:<a@sender.example>\r\nRCPT TO:<bart@example.test>\r\nDATA\r\nSubject: half\r\n\r\nhalf")
        before = self.mail.count("bart")
        for service, text in [("smtp", t) for t in starts] + [("imap", b"a LOGIN {5}"), ("imap", b""), ("pop3", b"US"), ("imaps", b"\x16\x03"), ("lmtp", b"")]:
            for _ in range(40):
                s = socket.create_connection(("127.0.0.1", self.mail.port(service)), 10)
                s.sendall(text)
                sockets.append(s)
        self.deliver()
        for n, s in enumerate(sockets):
            if n % 3 == 0:
                s.shutdown(socket.SHUT_WR)
            elif n % 3 == 1:   # RST
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            if n % 3:
                s.close()
        self.deliver()
        for s in sockets:
            s.close()
        self.deliver()
        self.assertEqual(self.mail.count("bart"), before + 3, "nothing of what was cut off has arrived")

    def test_malformed_addresses(self):
        for text in (b"<a@>", b"a@b@c", b"<@x>", b"<a b@example.test>", b"<" + b"x" * 400 + b"@example.test>", b"<\xff\xfe@example.test>", b"<bart@-.test>"):
            with socket.create_connection(("127.0.0.1", self.mail.port("smtp")), 30 * iems.SLOW) as s:
                f = s.makefile("rb")
                f.readline()
                for command in (b"HELO x.example", b"MAIL FROM:<a@sender.example>"):
                    s.sendall(command + b"\r\n")
                    self.assertEqual(f.readline()[:3], b"250")
                s.sendall(b"RCPT TO:" + text + b"\r\n")
                self.assertRegex(f.readline(), rb"^5\d\d 5\.\d\.\d+ \w", text)
        self.deliver()

    def test_wrong_passwords(self):   # DIR-17
        for n in range(12):
            with self.assertRaises(iems.imaplib.IMAP4.error):
                self.mail.imap("lisa", f"wrong-{n}")
        self.mail.wait_logged("login-brake what=account")
        self.mail.imap("bart").logout()
        self.mail.imap("lisa").logout()   # who knows the password comes in
        self.assertNotIn("wrong-", self.mail.log())

    def test_oversize_is_refused_early(self):
        with self.mail.smtp() as s:
            code, text = s.docmd("MAIL FROM:<a@sender.example> SIZE=99999999999")
            self.assertEqual((code, text[:5]), (552, b"5.3.4"))
        self.mail.run("config", "list")
        c = self.mail.imap("bart")
        c.select("INBOX")
        c.send(b"x APPEND INBOX {9999999999}\r\n")
        self.assertRegex(c.readline(), rb"^x (NO \[TOOBIG\]|NO \[LIMIT\]|BAD)")

    def test_oversize_is_refused_at_the_end(self):
        other = iems.Instance(config="[smtpd]\nmax_message_size = 100k\n")
        with other:
            other.user("bart")
            with other.smtp() as s:
                s.ehlo()
                self.assertEqual(s.esmtp_features["size"], "102400")
                s.mail("a@sender.example")
                s.rcpt("bart@example.test")
                code, text = s.data("x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 3000)
                self.assertEqual((code, text[:5]), (552, b"5.3.4"), text)
                s.sendmail("a@sender.example", ["bart@example.test"], iems.message("small").replace("\n", "\r\n"))
            other.wait_count("bart", 1)

    def test_command_line_errors(self):   # IEMSUSER-01, IEMSUSER-02, ACCT-10
        for argv, code, text in (
                (["-C", "-a", "bart@example.test", "-p", "secret-1"], None, "exists"),
                (["-C", "-a", "not an address", "-p", "secret-1"], None, "address"),
                (["-C", "-a", "new@example.test", "-p", "five5"], None, "6"),
                (["-D", "-a", "nobody@example.test"], None, "nobody@example.test"),
                (["-Z"], 64, "Z")):
            p = self.mail.run(*argv, check=False, program="iemsuser")
            self.assertNotEqual(p.returncode, 0, argv)
            if code:
                self.assertEqual(p.returncode, code, p.stderr)
            self.assertIn(text, p.stderr + p.stdout, argv)

    def test_configuration_errors_name_file_and_line(self):   # PORT-07
        other = iems.Instance()
        try:
            other.configure("[smtpd]\nmax_sesions = 5")
            p = other.run("start", other.dir, check=False)
            self.assertNotEqual(p.returncode, 0)
            self.assertRegex(p.stderr, r"iems\.conf:\d+.*max_sesions")
            self.assertIn("max_sessions", p.stderr)   # what would be right
        finally:
            other.stop()
            other.remove()

    def test_port_in_use(self):   # IMAPPOP-09, SMTPD-20
        other = iems.Instance()
        try:
            with socket.socket() as s:
                s.bind(("127.0.0.1", other.port("imap")))
                s.listen()
                p = other.run("start", other.dir, check=False)
            self.assertNotEqual(p.returncode, 0)
            self.assertIn(str(other.port("imap")), p.stderr)
            self.assertIn("in use", p.stderr)
        finally:
            other.stop()
            other.remove()

    def test_unreadable_certificate(self):
        """Goes on without TLS and says why; a missing one likewise."""
        for text, reason in (("no certificate\n", r"no TLS: .*server\.pem"), (None, r"no TLS: .*server\.pem.*No such file")):
            other = iems.Instance()
            path = os.path.join(other.dir, "tls", "server.pem")
            try:
                if text is None:
                    os.unlink(path)
                else:
                    with open(path, "w", encoding="ascii") as f:
                        f.write(text)
                p = other.run("start", other.dir)
                self.assertRegex(p.stderr, reason)
                with other.smtp() as s:
                    self.assertFalse(s.has_extn("starttls"))
            finally:
                other.stop()
                other.remove()


class EverythingDies(unittest.TestCase):
    def test_kill_all_then_start(self):
        mail = iems.Instance()
        try:
            mail.start()
            mail.user("bart")
            acked = 0
            with mail.smtp() as s:
                for n in range(200):
                    s.sendmail("a@sender.example", ["bart@example.test"], iems.message(f"n{n}").replace("\n", "\r\n"))
                    acked += 1
            mail.kill_everything()
            port = iems.free_port()
            mail.configure(f"[smtpd]\nlisten_lmtp = 127.0.0.9:{port}")   # LIM-30: another address stops nothing inside
            mail.start()
            with smtplib.LMTP("127.0.0.9", port) as s:
                s.sendmail("a@sender.example", ["bart@example.test"], iems.message(f"n{acked}").replace("\n", "\r\n"))
                acked += 1
            mail.wait_count("bart", acked, seconds=20)
            subjects = [re.search(rb"^Subject: (\S+)", m, re.M).group(1) for m in mail.messages("bart")]
            self.assertEqual(sorted(subjects), sorted(b"n%d" % n for n in range(acked)))
            pids = [mail.responder_pid(), *mail.pids().values()]
            mail.run("stop", mail.dir)
            self.assertFalse([p for p in pids if iems.alive(p)], "stop leaves no process")
            mail.check_log()
        finally:
            mail.stop()
            mail.remove()

    @unittest.skipIf(os.geteuid() != 0, "needs root for a small file system")
    def test_full_disk(self):   # LIM-29, DISK-01
        parent = iems.tempfile.mkdtemp(prefix="iems-full-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", parent], check=True)
        mail = None
        try:
            mail = iems.Instance(folder=os.path.join(parent, "instance"), config="[store]\ndrive_min = 60M\n")
            mail.start()
            mail.user("bart")
            mail.send("a@sender.example", "bart@example.test", iems.message("fits"))
            iems.wait_until("the first mail", lambda: self.has(mail, b"fits"))   # the guard writes to the postmaster, who is bart
            ballast = os.path.join(parent, "ballast")
            free = os.statvfs(parent)
            with open(ballast, "wb") as f:
                f.write(b"x" * max(0, free.f_bavail * free.f_bsize - (40 << 20)))
            iems.wait_until("guard", lambda: self.refused(mail), 10)
            os.unlink(ballast)
            iems.wait_until("accepting again", lambda: not self.refused(mail), 10)
            iems.wait_until("what was accepted", lambda: self.has(mail, b"more"))
        finally:
            if mail:
                mail.stop()
            subprocess.run(["umount", parent], check=False)
            os.rmdir(parent)

    def has(self, mail, subject):
        return any(b"Subject: " + subject in m for m in mail.messages("bart"))

    def refused(self, mail):
        try:
            mail.send("a@sender.example", "bart@example.test", iems.message("more"))
            return False
        except smtplib.SMTPSenderRefused as e:
            self.assertEqual(e.smtp_code, 452)
            self.assertIn(b"free", e.smtp_error)
            return True
        except smtplib.SMTPDataError as e:
            self.assertEqual(e.smtp_code, 452)
            return True


if __name__ == "__main__":
    iems.main()
