"""Who is logged in, over all services, and who may log in where (IMAPPOP-05, IMAPPOP-08, DIR-17): `iems sessions`,
switches of accounts, the table `access` for IMAP and POP3, PROXY headers (LIM-51), extensions of POP3."""
import contextlib
import imaplib
import json
import poplib
import smtplib
import socket
import time
import unittest

import iems

FRONT = "127.0.0.50"


class Front:
    """A connection through a front end."""

    def __init__(self, mail, service, header, source=FRONT):
        self.sock = socket.create_connection(("127.0.0.1", mail.port(service)), 20 * iems.SLOW, source_address=(source, 0))
        self.sock.sendall(header.encode())
        self.greeting = self.sock.makefile("rb").readline().decode().strip()
        self.sock.close()


class Sessions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mail = iems.Instance()
        cls.mail.__enter__()
        cls.addClassCleanup(cls.mail.__exit__, None, None, None)
        for name in ("bart", "lisa", "off"):
            cls.mail.user(name)

    def listed(self, *more):
        return json.loads(self.mail.run("sessions", "list", "--json", *more).stdout)

    def wait_listed(self, count, *more):
        return iems.wait_until(f"{count} sessions", lambda: len(self.listed(*more)) == count and (self.listed(*more) or True))

    @contextlib.contextmanager
    def quick(self):
        begin = time.monotonic()
        yield
        self.assertLess(time.monotonic() - begin, 1.0 * iems.QUICK)

    def wait_gone(self):
        self.wait_listed(0)

    def test_list_show_disconnect(self):
        mail, before = self.mail, time.time()
        imap, pop, smtp = mail.imap("bart", tls=True), mail.pop3("lisa"), mail.smtp("submission", login="bart@example.test")
        imap.select("INBOX")
        self.wait_listed(3)
        iems.wait_until("the folder is told", lambda: [s["folder"] for s in self.listed("--service", "imap")] == ["INBOX"], 15)
        by = {s["service"]: s for s in self.listed()}
        self.assertEqual(sorted(by), ["imap", "pop3", "smtp"])
        self.assertEqual(by["imap"]["user"], "bart@example.test")
        self.assertTrue(by["imap"]["tls"])
        self.assertEqual(by["pop3"]["peer"], "127.0.0.1")
        self.assertTrue(int(before) <= by["smtp"]["since"] <= time.time(), by["smtp"])
        self.assertGreater(by["imap"]["bytes_out"], 0)
        self.assertEqual(len(self.listed("--user", "bart@*")), 2)
        # pages of one: the list goes on where it ended
        first = mail.run("sessions", "list", "--limit", "1").stdout
        self.assertIn("3 sessions; go on: --after", first)
        place = first.rsplit(" ", 1)[1].strip()
        rest = self.listed("--after", place)
        self.assertEqual(len(rest), 2)
        shown = mail.run("sessions", "show", by["pop3"]["id"]).stdout
        self.assertIn("lisa@example.test", shown)
        # each ends within a second, and the client is told
        with self.quick():
            mail.run("sessions", "disconnect", by["imap"]["id"])
            with self.assertRaises((imaplib.IMAP4.abort, OSError)):
                for _ in range(100):
                    imap.noop()
                    time.sleep(0.02)
        with self.quick():
            mail.run("sessions", "disconnect", "--user", "lisa@*")
            self.assertIn(b"administrator", pop.file.readline())
        with self.quick():
            mail.run("sessions", "disconnect", "--service", "smtp")
            self.assertEqual(smtp.getreply()[0], 421)
        self.wait_gone()
        self.assertEqual(mail.run("sessions", "show", by["pop3"]["id"], check=False).returncode, 67)
        self.assertNotEqual(mail.run("sessions", "disconnect", check=False).returncode, 0)

    def test_restart_of_directory(self):
        pop = self.mail.pop3("lisa")
        self.wait_listed(1)
        pid = self.mail.kill("dir")
        self.mail.wait_restarted("dir", pid)
        self.wait_listed(1)
        pop.quit()
        self.wait_gone()

    def test_switches(self):
        mail = self.mail
        for service in ("imap", "pop3", "smtp"):
            mail.run("user", "set", "off@example.test", f"--{service}", "off")
        self.assertIn("imap=off", mail.run("user", "show", "off@example.test").stdout)
        with self.assertRaisesRegex(imaplib.IMAP4.error, "may not use IMAP"):
            mail.imap("off")
        with self.assertRaisesRegex(poplib.error_proto, "may not use POP3"):
            mail.pop3("off")
        with self.assertRaisesRegex(smtplib.SMTPAuthenticationError, "may not use SMTP"):
            mail.smtp("submission", login="off@example.test")
        mail.run("user", "set", "off@example.test", "--imap", "on")
        mail.imap("off").logout()
        self.assertEqual(json.loads(mail.run("user", "show", "off@example.test", "--json").stdout)["services"],
                         ["pop3=off", "smtp=off"])
        self.assertNotEqual(mail.run("user", "set", "off@example.test", "--imap", "maybe", check=False).returncode, 0)

    def test_access_table(self):
        mail = self.mail
        for row in ([FRONT, "proxy=yes"], ["192.0.2.0/24", "imap=deny"], ["192.0.2.7", "imap=allow", "pop3=deny"]):
            mail.run("access", "set", *row)
        iems.wait_until("the rows count", lambda: Front(mail, "imap", "PROXY TCP4 192.0.2.9 127.0.0.1 4711 143\r\n").greeting
                        == "* BYE Access from your address is not allowed")
        cases = [("imap", "192.0.2.7", "* OK"), ("pop3", "192.0.2.7", "-ERR [SYS/PERM]"), ("pop3", "192.0.2.9", "+OK"),
                 ("imap", "198.51.100.1", "* OK")]
        for service, peer, start in cases:
            with self.subTest(service=service, peer=peer):
                self.assertTrue(Front(mail, service, f"PROXY TCP4 {peer} 127.0.0.1 4711 143\r\n").greeting.startswith(start))
        self.assertEqual(Front(mail, "imap", "a NOOP\r\n").greeting, "")   # a front end has to say whom it brings
        self.assertTrue(Front(mail, "imap", "PROXY TCP4 192.0.2.9 127.0.0.1 4711 143\r\n", "127.0.0.51").greeting.startswith("* OK"))

    def test_pop3_extensions(self):
        mail = self.mail
        mail.send("a@sender.example", "bart@example.test", iems.message("expires"))
        mail.wait_count("bart", 1)
        for name, value in (("pop3d.login_delay", "600"), ("pop3d.expire", "0"), ("pop3d.max_per_user", "1")):
            mail.run("config", "set", name, value)
        try:
            def told():
                c = poplib.POP3("127.0.0.1", mail.port("pop3"), timeout=30)
                capa = c.capa()
                c.quit()
                return capa.get("EXPIRE") == ["0"] and capa.get("LOGIN-DELAY") == ["600"] and capa
            capa = iems.wait_until("new capabilities", told)
            self.assertIn("LANG", capa)
            self.assertEqual(capa["UTF8"], ["USER"])
            pop = mail.pop3("bart")
            with self.assertRaisesRegex(poplib.error_proto, "LOGIN-DELAY"):
                mail.pop3("bart")
            # the same mailbox over IMAP at once: both see it, nobody is locked out (STORE-01, STORE-08, LIM-03)
            self.assertEqual(mail.count("bart"), 1)
            self.assertEqual(pop.stat()[0], 1)
            pop.retr(1)

            def refusal():
                with self.assertRaises(poplib.error_proto) as refused:
                    mail.pop3("bart")
                return str(refused.exception)
            mail.run("config", "set", "pop3d.login_delay", "0")
            self.assertIn("IN-USE", iems.wait_until("the delay gone", lambda: "LOGIN-DELAY" not in (text := refusal()) and text))
            pop.quit()
            self.assertEqual(mail.count("bart"), 0)   # EXPIRE 0: what was retrieved is gone
        finally:
            for name in ("pop3d.login_delay", "pop3d.expire", "pop3d.max_per_user"):
                mail.run("config", "unset", name)

    def test_imap_and_pop3_at_once(self):
        """What one removes the other is told of, and nothing else (IMAPPOP-07, LIM-54)."""
        mail = self.mail
        for i in range(3):
            mail.send("a@sender.example", "lisa@example.test", iems.message(f"both {i}"))
        mail.wait_count("lisa", 3)
        imap, pop = mail.imap("lisa"), mail.pop3("lisa")
        imap.select("INBOX")
        imap.store("1", "+FLAGS", r"\Deleted")
        imap.expunge()
        with self.assertRaises(poplib.error_proto):
            pop.retr(1)
        self.assertIn(b"Subject: both 1", pop.retr(2)[1])
        pop.dele(2)
        pop.quit()
        self.assertEqual(imap.noop()[0], "OK")
        self.assertEqual(imap.search(None, "ALL")[1][0], b"1")
        imap.logout()


iems.main()
