"""Limits of smtpd hold for all its workers together, and what a worker had is free when it dies (SMTPD-03); a module may run as several processes
(ARCH-18); TLS sessions are resumed at any of them (RFC 8446 section 4.6.1)."""
import contextlib
import json
import os
import signal
import socket
import ssl
import unittest

import iems

CONFIG = """[smtpd]
workers = 2
"""


class Workers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.a = iems.Instance(config=CONFIG)
        cls.a.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.a.__exit__(None, None, None)

    def setUp(self):
        self.open = []
        self.addCleanup(self.close_all)

    def close_all(self):
        for s in self.open:
            s.close()
        self.open = []

    def workers(self):
        status = json.loads(self.a.run("status", self.a.dir, "--json", check=False).stdout)
        return sorted(m["pid"] for m in status["modules"] if m["name"] == "smtpd" and m.get("pid") and m["state"] == "ready")

    def connect(self, host):
        s = socket.create_connection(("127.0.0.1", self.a.port("smtp")), 20 * iems.SLOW, source_address=(host, 0))
        self.open.append(s)
        return s

    def greeting(self, host):
        """The first line that smtpd says to a new connection, which stays open."""
        with self.connect(host).makefile("rb") as f:
            return f.readline().decode()

    @contextlib.contextmanager
    def connected_to(self, pid, host):
        """A connection to this worker: the other one stands still. A connection may wake the one that stands still, and then
        waits for the next one, or for the next look of this one: therefore a second."""
        others = [p for p in self.workers() if p != pid]
        for p in others:
            os.kill(p, signal.SIGSTOP)
        try:
            s = self.connect(host)
            self.connect("127.0.0.1")
            yield s
        finally:
            for p in others:
                os.kill(p, signal.SIGCONT)

    def greeting_of(self, pid, host):
        with self.connected_to(pid, host) as s, s.makefile("rb") as f:
            return f.readline().decode()

    def resumed(self, pid, context, session):
        """Whether this worker resumes the session by STARTTLS; and the session that goes on from it."""
        with self.connected_to(pid, "127.0.5.1") as s:
            with s.makefile("rb") as f:
                self.assertEqual(f.readline()[:3], b"220")
                for command in (b"EHLO client.example", b"STARTTLS"):
                    s.sendall(command + b"\r\n")
                    while f.readline()[3:4] == b"-":
                        pass
            with context.wrap_socket(s, session=session) as tls:
                tls.sendall(b"NOOP\r\n")
                self.assertEqual(tls.recv(100)[:3], b"250")   # and with it the ticket
                return tls.session_reused, tls.session

    def codes(self, host, number):
        """Each worker in turn."""
        pids = self.workers()
        self.assertEqual(len(pids), 2)
        return [self.greeting_of(pids[i % 2], host)[:3] for i in range(number)]

    def row(self, network, *columns):
        """A change of a table comes to both workers: seen by a refusal that the same change makes for a neighbour."""
        self.a.run("access", "set", network, *columns)
        self.a.run("access", "set", "127.0.9.1", "connect=deny")
        iems.wait_until("the row in both workers", lambda: all(self.greeting_of(p, "127.0.9.1")[:3] == "554" for p in self.workers()), 10)
        self.a.run("access", "delete", "127.0.9.1")
        self.close_all()

    def test_sessions_of_a_network(self):
        self.row("127.0.1.0/24", "max_sessions=3")
        self.assertEqual(self.codes("127.0.1.1", 5), ["220", "220", "220", "421", "421"])
        self.open[0].close()
        iems.wait_until("room for one", lambda: self.greeting("127.0.1.2")[:3] == "220", 5)
        self.assertEqual(self.greeting("127.0.1.2")[:3], "421")

    def test_connections_in_a_minute(self):
        self.row("127.0.2.0/24", "max_rate=4")
        codes = self.codes("127.0.2.1", 7)   # four fast ones; what is older than a minute counts less and less
        self.assertEqual(codes[:4], ["220"] * 4)
        self.assertIn("421", codes[4:], "each worker counts for itself")

    def test_a_worker_that_dies_leaves_nothing_behind(self):
        self.row("127.0.3.0/24", "max_sessions=2")
        pids = self.workers()
        self.assertEqual([self.greeting_of(pids[0], "127.0.3.1")[:3] for _ in range(2)], ["220", "220"])
        self.assertEqual(self.greeting_of(pids[1], "127.0.3.1")[:3], "421")
        self.a.killed["smtpd"] = self.a.killed.get("smtpd", 0) + 1
        os.kill(pids[0], signal.SIGKILL)
        iems.wait_until("another worker", lambda: pids[0] not in self.workers() and len(self.workers()) == 2, 15)
        self.assertEqual(self.codes("127.0.3.1", 3), ["220", "220", "421"])

    def test_tls_sessions_are_resumed_at_another_worker(self):
        context = iems.no_verify()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context.maximum_version = version
            session, seen = None, []
            for pid in self.workers() * 2:
                reused, session = self.resumed(pid, context, session)
                seen.append(reused)
            self.assertEqual(seen, [False, True, True, True], version)
        first, other = self.workers()
        self.a.killed["smtpd"] = self.a.killed.get("smtpd", 0) + 1
        os.kill(first, signal.SIGKILL)
        iems.wait_until("another worker", lambda: first not in self.workers() and len(self.workers()) == 2, 15)
        new = next(p for p in self.workers() if p != other)
        self.assertTrue(self.resumed(new, context, session)[0])   # it has the keys of the others

    def test_a_worker_that_stands_still_is_replaced(self):
        """SMTPD-20: meanwhile it holds up nobody, and what it had is free again."""
        self.row("127.0.4.0/24", "max_sessions=2")
        still, other = self.workers()
        self.assertEqual(self.greeting_of(still, "127.0.4.1")[:3], "220")
        self.a.killed["smtpd"] = self.a.killed.get("smtpd", 0) + 1
        self.a.run("config", "set", "server.answer_timeout", "12")
        os.kill(still, signal.SIGSTOP)
        for _ in range(3):
            self.assertEqual(self.greeting("127.0.0.1")[:3], "220")
        iems.wait_until("another worker", lambda: still not in self.workers() and len(self.workers()) == 2, 60)
        self.assertRegex(self.a.log(), fr"module-silent.* module=smtpd .*pid={still} ")
        self.assertIn(other, self.workers())
        self.a.run("config", "unset", "server.answer_timeout")
        self.assertEqual(self.codes("127.0.4.1", 3), ["220", "220", "421"])


if __name__ == "__main__":
    iems.main()
