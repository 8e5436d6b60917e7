"""Shapes in which sites are put together (DEPL-04 to DEPL-11): a firewall that tags and passes on, before IEMS and before Postfix
and Dovecot; two equal relays of which one dies; departments behind a hub; sites that fetch their mail when they call, with ETRN
and ATRN. Names come from zones that knot signs."""
import contextlib
import os
import re
import socket
import unittest

import dovecot
import iems
import mta
import postfix
from nameserver import NameServer

FRONT_END = "127.0.0.50"
SLOW_RETRY = "retry = 1s 1s 2s\nretry_destination = 1s 1s 2s\n"


class Site(iems.Instance):
    """An instance that asks the name server of the test and finds the others on its ports by routes."""

    def __init__(self, host, domain, dns, config=""):
        super().__init__(hostname=host, domain=domain, config=f"[server]\ndns_servers = 127.0.0.1@{dns.port}\n[smtpc]\ntrust_anchor = {dns.anchor}\n{config}")

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
                               "relays.test": "@ 60 MX 10 one\n@ 60 MX 10 two\none 60 A 127.0.0.61\ntwo 60 A 127.0.0.62",
                               "bl.test": "4.100.51.198 60 A 127.0.0.2"}, sign=("far.test", "relays.test"))
        self.stack.callback(self.dns.stop)

    def site(self, host, domain, config=""):
        return self.stack.enter_context(Site(host, domain, self.dns, config))

    def test_firewall_tags_and_passes_on(self):   # DEPL-09, DEPL-11, FWD-03, PEER-15, DNSBL-06, ARCH-26
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

    def test_redundant_relays(self):   # DEPL-05, DEPL-10, MTA-08, ROUTE-04, ROUTE-15
        """Two relays with equal MX records, named by host:port, in a zone that is signed: they share the work; one of them is killed."""
        target = self.site("mail.corp.test", "corp.test")
        target.user("bart")
        port = iems.free_port()
        relays = [self.site(f"relay{n}.test", f"relay{n}.test", f"[smtpd]\nrelay_networks = 127.0.0.0/8\nlisten_smtp = 127.0.0.6{n}:{port}\n[smtpc]\n{SLOW_RETRY}")
                  for n in (1, 2)]
        for relay in relays:
            relay.route("corp.test", target.host)
        sender = self.site("mail.dept.test", "dept.test", f"[smtpd]\nrelay_networks = 127.0.0.0/8\n[smtpc]\nkeep_idle = 0\n{SLOW_RETRY}")
        sender.route("*", f"relays.test:{port}")
        sent = 0

        def both_were_used():
            nonlocal sent
            sender.mail_from_outside("bart@corp.test", f"both are up {sent}")
            sent += 1
            target.wait_count("bart", sent, seconds=20)
            mail = b"".join(target.messages("bart"))
            return b"by relay1.test" in mail and b"by relay2.test" in mail

        iems.wait_until("both relays have passed mail on", both_were_used, 20)
        relays[0].kill_everything()
        for n in range(5):
            sender.mail_from_outside("bart@corp.test", f"one is down {n}")
        target.wait_count("bart", sent + 5, seconds=30)
        self.assertNotIn(b"by relay1.test", b"".join(target.messages("bart")[sent:]))
        relays[0].start()

    @unittest.skipUnless(postfix.available() and dovecot.available(), "needs Postfix and Dovecot, and root to start them")
    def test_firewall_before_postfix_and_dovecot(self):   # DEPL-07, DEPL-09, FWD-03, RELAY-02, ARCH-26
        """A system of others behind our firewall: mail comes in through it, with its marks, and goes out through it, without any."""
        far = mta.Mta()
        self.stack.callback(far.stop)
        boxes = dovecot.Dovecot(["bart"])
        self.stack.callback(boxes.stop)
        front = self.site("front.corp.test", "front.test", f"[smtpd]\nrelay_networks = 127.0.0.1\n[smtpc]\nport = {far.port}\n{SLOW_RETRY}")
        inside = postfix.Postfix({"corp.test": f"lmtp:inet:127.0.0.1:{boxes.lmtp_port}"}, hostname="inside.corp.test",
                                 config=f"relayhost = [127.0.0.1]:{front.port('smtp')}")
        self.stack.callback(inside.stop)
        front.run("domain", "add", "corp.test")
        front.run("domain", "set", "corp.test", "--forward", f"SMTPC$[127.0.0.1]:{inside.port}")
        front.run("dnslist", "set", "bl.test", "policy=tag")
        front.run("access", "set", FRONT_END, "proxy=yes")
        front.run("peer", "set", "127.0.0.1", "keep_tags=yes")
        send_as("198.51.100.4", front, "bart@corp.test", "marked")
        send_as("198.51.100.5", front, "bart@corp.test", "not marked")
        got = boxes.wait_messages("bart", 2)
        marks = {re.search(rb"Subject: (.*)\r\n", m).group(1): b"\r\nX-IEMS-Spam: dnsbl" in m for m in got}
        self.assertEqual(marks, {b"marked": True, b"not marked": False})
        for m in got:
            self.assertRegex(m.decode(), r"by inside\.corp\.test \(Postfix\)(.|\n)*by front\.corp\.test")
        # outwards: by the MX of a zone that is signed; what the inside says of itself stays inside
        inside.sendmail(iems.message("out", sender="bart@corp.test", to="x@far.test", X_IEMS_Spam="dnsbl=inner"), "-f", "bart@corp.test", "x@far.test")
        iems.wait_until("mail at the far host", lambda: far.taken, 20)
        sender, to, body = far.taken[0]
        self.assertEqual((sender, to), ("bart@corp.test", ["x@far.test"]))
        self.assertNotIn(b"X-IEMS", body)
        # an address that does not exist inside: the inside says so, the report goes out the same way
        send_as("198.51.100.5", front, "nobody@corp.test", "to nobody")
        iems.wait_until("the report", lambda: len(far.taken) == 2, 20)
        self.assertEqual(far.taken[1][:2], ("", ["x@far.test"]))
        self.assertIn(b"nobody@corp.test", far.taken[1][2])

    def test_hub_and_departments(self):   # DEPL-04, DEPL-06, DEPL-08, ROUTE-14, ARCH-09
        """The hub finds those inside by its host table before DNS; they know the hub alone."""
        config = f"[smtpd]\nrelay_networks = 127.0.0.0/8\n[smtpc]\n{SLOW_RETRY}"   # mail may come before what is set below counts
        departments = [self.site(f"mail.{name}.test", f"{name}.test", config) for name in ("sales", "works")]
        hub = self.site("hub.corp.test", "corp.test", config)
        os.makedirs(os.path.join(hub.dir, "tables"), exist_ok=True)
        with open(os.path.join(hub.dir, "tables", "inside"), "w", encoding="ascii") as f:
            for site, name in zip(departments, ("sales", "works")):
                f.write(f"127.0.0.1:{site.port('smtp')}  {name}.test\n")
        hub.run("config", "set", "smtpc.host_table", "inside")
        hub.run("config", "set", "smtpc.resolution", "HostTableThenDNS")
        for site in departments:
            site.user("boss")
            site.run("config", "set", "smtpc.relay_host", hub.host)
            site.run("config", "set", "smtpc.resolution", "MailRelayHost")
        hub.user("chief")
        departments[0].mail_from_outside("boss@works.test", "to the neighbours", sender="boss@sales.test")
        departments[1].wait_count("boss", 1, seconds=20)
        self.assertIn(b"by hub.corp.test", departments[1].messages("boss")[0])
        departments[1].mail_from_outside("chief@corp.test", "to the top", sender="boss@works.test")
        hub.wait_count("chief", 1, seconds=20)
        far = mta.Mta()   # what the table does not have goes by DNS
        self.stack.callback(far.stop)
        hub.run("config", "set", "smtpc.port", str(far.port))
        departments[0].mail_from_outside("x@far.test", "out", sender="boss@sales.test")
        iems.wait_until("mail at the far host", lambda: far.taken, 20)

    def test_site_that_calls(self):   # DEPL-18, PEER-07, SMTPC-07, ESMTP-04
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


    def test_site_that_fetches(self):   # DEPL-18, SMTPC-12, SAUTH-05, SCHED-13, SCHED-14, SCHED-15
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
        self.assertRegex(got, r"isp: 250 .*\nisp: 3 messages, \d+ bytes came")
        self.assertRegex(office.log(), r"fetched name=isp .*messages=3 bytes=\d+")
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
