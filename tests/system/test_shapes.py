"""Shapes in which sites are put together (DEPL-04 to DEPL-11): a firewall in front that tags and passes on, two equal relays of which one
dies, departments behind a hub, a site that fetches its mail with ETRN when it calls."""
import contextlib
import os
import socket
import unittest

import iems
from nameserver import NameServer

FRONT_END = "127.0.0.50"
SLOW_RETRY = "retry = 1s 1s 2s\nretry_destination = 1s 1s 2s\n"


class Site(iems.Instance):
    """An instance that asks the name server of the test and finds the others on its ports by routes."""

    def __init__(self, host, domain, dns, config=""):
        super().__init__(hostname=host, domain=domain, config=f"[server]\ndns_servers = 127.0.0.1@{dns.port}\n{config}")

    @property
    def host(self):
        return f"[127.0.0.1]:{self.port('smtp')}"

    def route(self, domain, *hosts):
        self.run("route", "set", domain, f"hosts={' '.join(hosts)}")

    def mail_from_outside(self, to, subject, sender="x@far.test"):
        self.send(sender, to, iems.message(subject, sender=sender, to=to))


def send_as(peer, site, to, subject):
    """One message through a front end that speaks the PROXY protocol."""
    data = iems.message(subject, sender="x@far.test", to=to).replace("\n", "\r\n").encode()
    with socket.create_connection(("127.0.0.1", site.port("smtp")), 20 * iems.SLOW, source_address=(FRONT_END, 0)) as c:
        f = c.makefile("rwb")
        f.write(f"PROXY TCP4 {peer} {FRONT_END} 4711 25\r\n".encode())
        for line, want in (("", b"220"), ("HELO mail.far.test", b"250"), ("MAIL FROM:<x@far.test>", b"250"), (f"RCPT TO:<{to}>", b"250"), ("DATA", b"354"), (None, b"250")):
            f.write(data + b".\r\n" if line is None else line.encode() + b"\r\n" if line else b"")
            f.flush()
            reply = f.readline()
            assert reply.startswith(want), (line, reply)


class Shapes(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.dns = NameServer({"far.test": "@ 60 MX 10 mail.far.test.\nmail 60 A 127.0.0.1",
                               "bl.test": "4.100.51.198 60 A 127.0.0.2"})
        self.stack.callback(self.dns.stop)

    def site(self, host, domain, config=""):
        return self.stack.enter_context(Site(host, domain, self.dns, config))

    def test_firewall_tags_and_passes_on(self):   # DEPL-04, DEPL-10, DEPL-11, FWD-03, PEER-15, DNSBL-06
        inside = self.site("inside.corp.test", "corp.test")
        inside.user("bart")
        front = self.site("front.corp.test", "front.test")
        front.run("domain", "add", "corp.test")
        front.run("domain", "set", "corp.test", "--forward", "SMTPC$" + inside.host)
        front.run("dnslist", "set", "bl.test", "policy=tag")
        front.run("access", "set", FRONT_END, "proxy=yes")
        for name in ("corp.test", "127.0.0.1"):
            front.run("peer", "set", name, "keep_tags=yes")
        inside.run("peer", "set", "localhost", "keep_tags=yes")   # the confirmed name of the firewall here
        inside.run("dnslist", "set", "bl.test", "policy=ignore", "local=ignore")
        send_as("198.51.100.4", front, "bart@corp.test", "through the firewall")
        inside.wait_count("bart", 1, seconds=20)
        got = inside.messages("bart")[0].decode()
        self.assertRegex(got, r"Received: from \S+ .*\n?.*by front\.corp\.test")
        self.assertRegex(got, r"Received: from front\.corp\.test .*\n?.*by inside\.corp\.test")
        # what the firewall found out counts inside: now such mail is dropped there
        inside.run("dnslist", "set", "bl.test", "local=discard")
        iems.wait_until("the new row", lambda: "discard" in inside.run("dnslist", "show", "bl.test").stdout)
        send_as("198.51.100.4", front, "bart@corp.test", "listed")
        send_as("198.51.100.5", front, "bart@corp.test", "not listed")
        inside.wait_count("bart", 2, seconds=20)
        self.assertIn(b"Subject: not listed", inside.messages("bart")[1])
        iems.wait_until("the reason in the trace", lambda: "discarded module=dnsbl" in inside.run("trace", "bart@corp.test").stdout)

    def test_redundant_relays(self):   # DEPL-05, ROUTE-15
        target = self.site("mail.corp.test", "corp.test")
        target.user("bart")
        relays = [self.site(f"relay{n}.test", f"relay{n}.test", f"[smtpd]\nrelay_networks = 127.0.0.0/8\n[smtpc]\n{SLOW_RETRY}") for n in (1, 2)]
        for relay in relays:
            relay.route("corp.test", target.host)
        sender = self.site("mail.dept.test", "dept.test", f"[smtpd]\nrelay_networks = 127.0.0.0/8\n[smtpc]\n{SLOW_RETRY}")
        sender.route("*", *(r.host for r in relays))
        sender.mail_from_outside("bart@corp.test", "both are up")
        target.wait_count("bart", 1, seconds=20)
        relays[0].run("stop", relays[0].dir)
        for n in range(5):
            sender.mail_from_outside("bart@corp.test", f"one is down {n}")
        target.wait_count("bart", 6, seconds=30)
        self.assertIn(b"by relay2.test", target.messages("bart")[-1])
        relays[0].start()

    def test_hub_and_departments(self):   # DEPL-06, DEPL-07, ROUTE-14
        departments = [self.site(f"mail.{name}.test", f"{name}.test") for name in ("sales", "works")]
        hub = self.site("hub.corp.test", "corp.test", "[smtpd]\nrelay_networks = 127.0.0.0/8\n")
        for site, name in zip(departments, ("sales", "works")):
            site.user("boss")
            hub.route(f"{name}.test", site.host)
            site.route("*", hub.host)
            site.run("config", "set", "smtpd.relay_networks", "127.0.0.0/8")
        hub.user("chief")
        departments[0].mail_from_outside("boss@works.test", "to the neighbours", sender="boss@sales.test")
        departments[1].wait_count("boss", 1, seconds=20)
        self.assertIn(b"by hub.corp.test", departments[1].messages("boss")[0])
        departments[1].mail_from_outside("chief@corp.test", "to the top", sender="boss@works.test")
        hub.wait_count("chief", 1, seconds=20)

    def test_site_that_calls(self):   # DEPL-08, DEPL-09, PEER-07, SMTPC-07, ESMTP-04
        office = self.site("office.test", "office.test")
        office.user("bart")
        provider = self.site("provider.test", "provider.test", "[smtpd]\nrelay_networks = 127.0.0.0/8\netrn = anyone\n")
        provider.route("office.test", office.host)
        provider.run("peer", "set", "office.test", "queue_first=yes", "run_interval=1d")
        for n in range(3):
            provider.mail_from_outside("bart@office.test", f"kept {n}")
        iems.wait_until("messages wait", lambda: provider.run("queue", "list").stdout.count("office.test") >= 3, 20)
        self.assertEqual(office.count("bart"), 0)
        with provider.smtp() as s:
            self.assertIn(s.docmd("ETRN", "office.test")[0], (250, 251, 252, 253))
        office.wait_count("bart", 3, seconds=20)


    def test_site_that_fetches(self):   # DEPL-08, DEPL-18, SMTPC-12, SAUTH-05, SCHED-13, SCHED-14, SCHED-15
        """A customer with a changing address logs in at its provider and turns the connection round (ATRN)."""
        office = self.site("office.test", "office.test")
        provider = self.site("provider.test", "provider.test", "[smtpd]\nrelay_networks = 127.0.0.0/8\netrn = anyone\n")
        office.user("bart")
        provider.user("office")
        for domain in ("office.test", "other.test"):   # only one of them is the customer's
            provider.route(domain, "[127.0.0.1]:9")
            provider.run("peer", "set", domain, "queue_first=yes", "run_interval=1d")
        provider.run("peer", "set", "office.test", "atrn=office@provider.test")
        os.makedirs(os.path.join(office.dir, "secrets"), exist_ok=True)
        with open(os.path.join(office.dir, "secrets", "isp"), "w", encoding="ascii") as f:
            f.write(iems.PASSWORD + "\n")
        office.run("fetch", "set", "isp", "method=atrn", f"host=[127.0.0.1]:{provider.port('submission')}", "user=office@provider.test", "password_file=isp")
        self.assertIn("453 4.0.0 You have no mail", office.run("atrn", "isp").stdout)
        for n in range(3):
            provider.mail_from_outside("bart@office.test", f"kept {n}")
        provider.mail_from_outside("nobody@office.test", "to nobody", sender="office@provider.test")
        iems.wait_until("messages wait", lambda: provider.run("queue", "list").stdout.count("office.test") >= 4, 20)
        refused = office.run("atrn", "isp", "other.test", check=False)
        self.assertEqual((refused.returncode, "450 4.7.1" in refused.stdout), (75, True), refused.stdout)   # EX_TEMPFAIL
        got = office.run("atrn", "isp").stdout
        self.assertRegex(got, r"isp: 250 .*\nisp: \d+ bytes came")
        office.wait_count("bart", 3, seconds=20)
        self.assertIn(b"by office.test", office.messages("bart")[0])
        provider.wait_count("office", 1, seconds=20)   # the report of the one that was refused
        self.assertNotEqual(office.run("atrn", "nobody", check=False).returncode, 0)
        # by itself: at once when the row says so, then every interval
        office.run("fetch", "set", "isp", "interval=1", "domains=office.test")
        provider.mail_from_outside("bart@office.test", "by itself")
        office.wait_count("bart", 4, seconds=20)
        office.run("fetch", "set", "isp", "enabled=no")
        # the same with ETRN: the provider calls
        provider.route("office.test", office.host)
        provider.mail_from_outside("bart@office.test", "called back")
        office.run("fetch", "set", "up", "host=" + provider.host, "domains=office.test")
        self.assertRegex(office.run("atrn", "up").stdout, r"up office\.test: 25[0-3] ")
        office.wait_count("bart", 5, seconds=20)
        self.assertNotIn(iems.PASSWORD, office.log())


if __name__ == "__main__":
    iems.main()
