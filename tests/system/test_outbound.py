"""Sending to other hosts: routes and relay hosts, profiles of peers, order, limits, notices (SMTPC, ROUTE, PEER, PRIO, SNOT, LIM-19,
LIM-23). The other hosts are servers of this test, reached by the table of routes."""
import os
import socket
import threading
import time
import unittest

import iems
import mta

CONFIG = """[smtpc]
dns_servers = 127.0.0.1@{dns}
dns_timeout = 20
keep_idle = 0
max_sessions = 12
relay_return_after = 1
delay_notice = yes
delay_notice_after = 1
success_notice = yes
retry = 1h
retry_destination = 1h
priority_size = 1
priority_sizes = 8 : 0 10
"""


class Outbound(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)   # a name server that never answers
        cls.silent.bind(("127.0.0.1", 0))
        cls.a = iems.Instance(config=CONFIG.format(dns=cls.silent.getsockname()[1]))
        cls.a.__enter__()
        cls.a.user("bart")
        cls.servers = []

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers:
            server.stop()
        cls.silent.close()
        cls.a.__exit__(None, None, None)

    def server(self, **behaviour):
        server = mta.Mta()
        for name, value in behaviour.items():
            setattr(server, name, value)
        self.servers.append(server)
        return server

    def routed(self, domain, **behaviour):
        server = self.server(**behaviour)
        self.a.run("route", "set", domain, f"hosts={server.host}")
        return server

    def file(self, name, text):
        path = os.path.join(self.a.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o600)

    def send(self, *messages):
        """Messages (recipient, subject[, body]) over one connection."""
        s = self.a.smtp("submission", tls=True, login="bart@example.test")
        try:
            for to, subject, *body in messages:
                text = iems.message(subject, sender="bart@example.test", to=to, **({"body": body[0]} if body else {}))
                s.sendmail("bart@example.test", [to], text.replace("\n", "\r\n").encode())
        finally:
            s.quit()

    def wait_taken(self, server, number, seconds=10):
        iems.wait_until(f"{number} messages at the other host", lambda: len(server.taken) >= number, seconds)
        return server.subjects()

    def queued(self, text):
        return text in self.a.run("queue", "list").stdout

    def wait_deferred(self, text):
        iems.wait_until(f"{text} in the queue", lambda: self.queued(text), 10)

    def test_fail_over_and_return(self):   # MTA-12, ROUTE-10, ROUTE-11 to ROUTE-15, SAUTH-04, SAUTH-05, LIM-16: without a restart
        first, second = self.server(), self.server(auth=("will", "secret"))
        self.file("secrets/will", "secret\nsecond line\n")
        self.a.run("route", "set", "relayed.test", f"hosts={first.host} {second.host}", "user=- will", "password_file=- will")
        self.send(("x@relayed.test", "one"))
        self.assertEqual(self.wait_taken(first, 1), ["one"])
        first.stop()
        self.send(("x@relayed.test", "two"))
        self.assertEqual(self.wait_taken(second, 1), ["two"])
        self.assertEqual(second.users, [("will", "secret")])
        first.start()
        time.sleep(1.1)   # relay_return_after
        self.send(("x@sub.relayed.test", "three"))
        self.assertEqual(self.wait_taken(first, 2), ["one", "three"])
        first.stop()
        self.file("secrets/will", "another\n")   # read for each connection
        second.auth = ("will", "another")
        self.send(("x@relayed.test", "four"))
        self.wait_taken(second, 2)

    def test_one_connection_at_a_time(self):   # SMTPC-08: and others are not slowed down
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        narrow, other = self.routed("narrow.test", open_max=1, slow=0.01, hold=go_on), self.routed("other.test")
        self.send(*[("x@narrow.test", f"n{i}") for i in range(60)])
        iems.wait_until("a connection", lambda: narrow.connections > 0)
        start = time.monotonic()
        self.send(("x@other.test", "quick"))
        self.wait_taken(other, 1)   # while the first one there still waits for its answer
        self.assertLess(time.monotonic() - start, 5 * iems.QUICK)
        self.assertEqual(narrow.taken, [])
        go_on.set()
        self.wait_taken(narrow, 60, 20)
        self.assertLess(narrow.open_most, 5)   # the first refusals may cross with more attempts
        self.assertLess(narrow.refused, 15)
        iems.wait_until("an empty queue", lambda: not self.queued("narrow.test"), 5)

    def test_bad_message_holds_up_nobody(self):   # LIM-23, SMTPC-06, TRBL-03
        server = self.routed("poison.test", drop=b"drop dead", refuse={"<temp": "450 4.2.1 mailbox busy"})
        self.a.run("peer", "set", "poison.test", "max_sessions=1", "queue_first=yes", "run_interval=1d")
        self.send(("x@poison.test", "bad", "drop dead"), ("temp@poison.test", "busy"), ("x@poison.test", "good1"), ("x@poison.test", "good2"))
        iems.wait_until("all four wait", lambda: self.a.run("queue", "list").stdout.count("poison.test") >= 4)
        self.a.run("queue", "run", "poison.test")
        self.assertEqual(sorted(self.wait_taken(server, 2)), ["good1", "good2"])
        self.wait_deferred("mailbox busy")

    def test_queue_first_waits_for_a_run(self):   # PEER-07, SMTPC-07, SMTPC-12
        server = self.routed("dial.test")
        self.a.run("peer", "set", "dial.test", "queue_first=yes", "run_interval=1d")
        self.send(("x@dial.test", "d1"), ("x@dial.test", "d2"))
        self.wait_deferred("waits for the next queue run")
        self.assertEqual(server.connections, 0)
        self.a.run("queue", "run", "dial.test")
        self.wait_taken(server, 2)
        self.assertEqual(server.connections, 1)

    def test_order_by_priority(self):   # PRIO-07, PRIO-08
        server = self.routed("order.test")
        self.a.run("peer", "set", "order.test", "queue_first=yes", "run_interval=1d", "max_sessions=1")
        big = "0123456789" * 7 + "\n"
        self.send(("x@order.test", "big", big * 200), ("x@order.test", "small1"), ("x@order.test", "small2"))
        iems.wait_until("all three wait", lambda: self.a.run("queue", "list").stdout.count("order.test") >= 3)
        self.a.run("queue", "run", "order.test")
        self.assertEqual(self.wait_taken(server, 3), ["small1", "small2", "big"])

    def test_priority_lists_must_fit(self):   # PRIO-05
        p = self.a.run("config", "set", "smtpc.priority_times", "1 6 12 : 1 4 6", check=False)
        self.assertNotEqual(p.returncode, 0)
        self.assertIn("3 boundaries need 4 weights, there are 3", p.stdout + p.stderr)

    def test_profile_refuses(self):   # PEER-06, PEER-13
        self.routed("closed.test"), self.routed("tiny.test")
        self.a.run("peer", "set", "closed.test", "transmit=no")
        self.a.run("peer", "set", "tiny.test", "max_out=8192")
        before = self.a.count("bart")
        self.send(("x@closed.test", "closed"), ("x@tiny.test", "tiny", "x" * 70 + "\n" + ("y" * 70 + "\n") * 150))
        self.a.wait_count("bart", before + 2)
        reports = b"".join(self.a.messages("bart")[before:])
        self.assertIn(b"Status: 5.7.1", reports)
        self.assertIn(b"Status: 5.3.4", reports)

    def test_notices(self):   # SNOT-01, SNOT-02, SNOT-03, SNOT-04
        server = self.routed("late.test", refuse={"<x": "450 4.2.1 mailbox busy"})
        self.file("texts/delay.txt", "Subject: Geduld: ${subject}\n\nNachricht an ${recipients} verspätet: ${reason}\n")
        before = self.a.count("bart")
        self.send(("x@late.test", "slow mail"))
        self.a.wait_count("bart", before + 1, seconds=20)
        notice = self.a.messages("bart")[-1].decode()
        self.assertIn("Subject: Geduld: slow mail\r\n", notice)
        self.assertIn("Nachricht an x@late.test verspätet: 450 4.2.1 mailbox busy\r\n", notice)
        self.assertIn("Action: delayed", notice)
        server.refuse = {}
        self.a.run("queue", "run", "late.test")
        self.a.wait_count("bart", before + 2)
        self.assertRegex(self.a.messages("bart")[-1].decode(), r"was passed on(.|\n)*Action: relayed")   # the built-in text

    def test_silent_name_service(self):   # ROUTE-09, DNSBL-10: holds up its own destinations alone
        server = self.routed("healthy.test")
        self.send(*[("x@silent%d.example" % i, f"s{i}") for i in range(40)])   # more than max_sessions
        start = time.monotonic()
        self.send(("x@healthy.test", "h"))
        self.wait_taken(server, 1)
        self.assertLess(time.monotonic() - start, 5 * iems.QUICK)
        # SQST-01; it came before one of them was given up
        self.assertRegex(self.a.run("queue", "status").stdout, r"Sending: \d+ connections .*, 40 look-ups")

    def test_limit_of_a_connection(self):   # PEER-10, PEER-11: 421 after so many messages counts no attempt
        server = self.routed("short.test", close_after=2)
        self.a.run("peer", "set", "short.test", "max_sessions=1")
        self.send(*[("x@short.test", f"m{i}") for i in range(7)])
        self.wait_taken(server, 7)
        self.assertEqual(server.open_most, 1)
        iems.wait_until("an empty queue", lambda: not self.queued("short.test"), 5)


if __name__ == "__main__":
    iems.main()
