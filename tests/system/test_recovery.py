"""Crashes, limits and bad input: a clear answer, nothing lost, the service goes on."""
import json
import os
import signal
import smtplib
import socket
import subprocess
import time
import unittest

import iems


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
            pid = self.mail.pids()[name]
            os.kill(pid, signal.SIGKILL)
            begin = time.monotonic()
            iems.wait_until(f"{name} is back", lambda: self.mail.pids().get(name) not in (None, pid) and self.mail.run("status", self.mail.dir, check=False).returncode == 0)
            self.assertLess(time.monotonic() - begin, 1.5 * iems.SLOW, name)
            self.deliver()

    def test_idle_session_survives_a_store_restart(self):
        c = self.mail.imap("lisa")
        c.select("INBOX")
        os.kill(self.mail.pids()["store"], signal.SIGKILL)
        iems.wait_until("store", lambda: self.mail.run("status", self.mail.dir, check=False).returncode == 0)
        self.assertEqual(c.noop()[0], "OK")
        self.mail.send("a@sender.example", "lisa@example.test", iems.message("after the restart"))
        self.mail.wait_count("lisa", int(c.select("INBOX")[1][0]) or 1)
        c.logout()

    def test_directory_down_is_temporary(self):   # DIR-20
        pid = self.mail.pids()["slapd"]
        os.kill(pid, signal.SIGSTOP)
        try:
            self.deliver()   # look-ups are answered from the mirror
        finally:
            os.kill(pid, signal.SIGCONT)

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
        if iems.SLOW == 1:
            for name, kib in peak.items():
                self.assertLess(kib - before.get(name, kib), 64 << 10, f"{name} grew")

    @staticmethod
    def pss(pid):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                return next(int(l.split()[1]) for l in f if l.startswith("Pss:"))
        except OSError:
            return 0

    def test_line_without_end(self):
        """Far more bytes than any limit without a CRLF: refused or cut off, memory stays."""
        pid = self.mail.pids()["smtpd"]
        before = self.pss(pid)
        with socket.create_connection(("127.0.0.1", self.mail.port("smtp")), 30) as s:
            s.recv(1000)
            try:
                for _ in range(256):
                    s.sendall(b"x" * (1 << 20))
                s.sendall(b"\r\n")
                answer = s.recv(1000)
            except OSError:
                answer = b"closed"
        self.assertTrue(answer == b"closed" or answer[:1] in b"45", answer[:100])
        self.assertLess(self.pss(pid) - before, 8 << 10)
        self.deliver()

    def test_many_recipients(self):
        with self.mail.smtp() as s:
            s.mail("a@sender.example")
            codes = {}
            for n in range(5000):
                code, _ = s.rcpt("bart@example.test")
                codes[code] = codes.get(code, 0) + 1
            self.assertEqual(set(codes), {250, 452}, codes)
            self.assertEqual(codes[250], 1000)

    def test_half_open_connections(self):
        sockets = [socket.create_connection(("127.0.0.1", self.mail.port("smtp")), 10) for _ in range(150)]
        self.deliver()
        for s in sockets:
            s.close()

    def test_oversize_is_refused_early(self):
        with self.mail.smtp() as s:
            code, text = s.docmd("MAIL FROM:<a@sender.example> SIZE=99999999999")
            self.assertEqual((code, text[:5]), (552, b"5.3.4"))

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
        other = iems.Instance()
        try:
            with open(os.path.join(other.dir, "tls", "server.pem"), "w", encoding="ascii") as f:
                f.write("no certificate\n")
            p = other.run("start", other.dir, check=False)
            self.assertNotEqual(p.returncode, 0)
            self.assertIn("server.pem", p.stderr)
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
            with open(os.path.join(mail.dir, "run", "responder.pid"), encoding="ascii") as f:
                pids = [int(f.read()), *mail.pids().values()]
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            iems.wait_until("all gone", lambda: not any(os.path.exists(f"/proc/{p}") for p in pids))
            mail.start()
            mail.wait_count("bart", acked, seconds=20)
            pids = [*mail.pids().values()]
            mail.stop()
            self.assertFalse([p for p in pids if os.path.exists(f"/proc/{p}")], "stop leaves no process")
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
            mail.wait_count("bart", 1)
            ballast = os.path.join(parent, "ballast")
            free = os.statvfs(parent)
            with open(ballast, "wb") as f:
                f.write(b"x" * max(0, free.f_bavail * free.f_bsize - (40 << 20)))
            iems.wait_until("guard", lambda: self.refused(mail), 10)
            os.unlink(ballast)
            iems.wait_until("accepting again", lambda: not self.refused(mail), 10)
            self.assertGreater(mail.count("bart"), 1)
        finally:
            if mail:
                mail.stop()
            subprocess.run(["umount", parent], check=False)
            os.rmdir(parent)

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
