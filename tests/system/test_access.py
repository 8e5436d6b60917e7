"""Who may connect and send: tables, reverse DNS, HELO, sender domains, DNS lists, with a real name server. Clients come
from where they like by the PROXY protocol (DEPL-11, LIM-51)."""
import re
import socket
import ssl
import struct
import time
import unittest

import iems
from nameserver import NameServer, SilentRelay

FRONT, XCLIENT = "127.0.0.50", "127.0.0.60"
TIMEOUT = 2   # smtpd.dns_timeout
SILENT = range(20, 24)   # clients whose name servers never answer; after five the list would rest
SIX = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"


class Client:
    """A connection through the front end."""

    def __init__(self, mail, peer, service="smtp", version=1):
        self.sock = socket.create_connection(("127.0.0.1", mail.port(service)), 20 * iems.SLOW, source_address=(FRONT, 0))
        self.file = self.sock.makefile("rb")
        if version == 2:
            self.sock.sendall(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + socket.inet_aton(peer) + socket.inet_aton(FRONT) + struct.pack(">HH", 4711, 25))
        elif peer is not None:
            family = "TCP6" if ":" in peer else "TCP4"
            self.sock.sendall(f"PROXY {family} {peer} {'::1' if family == 'TCP6' else FRONT} 4711 25\r\n".encode())
        self.greeting = self.reply()

    def reply(self):
        lines = []
        while not lines or lines[-1][3:4] == "-":
            line = self.file.readline().decode().rstrip("\r\n")
            if not line:
                break
            lines.append(line)
        return "\n".join(lines)

    def say(self, line):
        self.sock.sendall(line.encode() + b"\r\n")
        return self.reply()

    def close(self):
        self.file.close()
        self.sock.close()


class Access(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dns = NameServer({
            "example.test": "@ 60 MX 10 mail.example.test.\nmail 60 A 127.0.0.1",
            "good.test": "@ 60 MX 10 mail.good.test.\nmail 60 A 198.51.100.1\nsix 60 AAAA 2001:db8::1\nalias 60 CNAME nine\nnine 60 A 198.51.100.9",
            "null.test": "@ 60 MX 0 .",
            "other.test": "@ 60 MX 10 mail.other.test.\nmail 60 A 127.0.0.1",
            "100.51.198.in-addr.arpa": "1 60 PTR mail.good.test.\n2 60 PTR mail.good.test.\n9 60 CNAME 9.part\n9.part 60 PTR alias.good.test."
                                        + "".join(f"\n{n} 60 PTR host{n}.silent.test." for n in SILENT),
            "8.b.d.0.1.0.0.2.ip6.arpa": f"{SIX[:-16]} 60 PTR six.good.test.",
            "bl.test": '4.100.51.198 60 A 127.0.0.2\n4.100.51.198 60 TXT "an open proxy, see https://bl.test/"\n'
                       f"{SIX} 60 A 127.0.0.2\n5.100.51.198 60 A 127.0.0.2\n6.100.51.198 60 A 127.255.255.254",
            "tag.test": "4.100.51.198 60 A 127.0.0.2\n3.100.51.198 60 A 127.0.0.9",
            "wl.test": "5.100.51.198 60 A 127.0.0.1",
        })
        cls.relay = SilentRelay(cls.dns.port)
        cls.base_b = iems.free_port_base()
        cls.a = iems.Instance(config=f"[server]\ndns_servers = 127.0.0.1@{cls.relay.port}\n[smtpd]\ndns_timeout = {TIMEOUT}s\n[smtpc]\nport = {cls.base_b + 25}\n")
        cls.a.__enter__()
        cls.a.user("bart")
        cls.table("access", FRONT, "proxy=yes")
        cls.table("access", XCLIENT, "xclient=yes")
        cls.wait_front()

    @classmethod
    def tearDownClass(cls):
        cls.a.__exit__(None, None, None)
        cls.relay.stop()
        cls.dns.stop()

    @classmethod
    def wait_front(cls):
        def there():
            c = Client(cls.a, "198.51.100.9")
            reply = c.say("EHLO x.test")
            c.close()
            return "[" not in reply.split("\n")[0] and "198.51.100.9" in reply
        iems.wait_until("PROXY of the front end", there, 10)

    @classmethod
    def table(cls, table, key, *columns):
        cls.a.run(table, "set", key, *columns)

    def drop(self, table, key):
        self.a.run(table, "delete", key)

    def option(self, name, value):
        self.a.run("config", "set", f"smtpd.{name}", value)
        self.addCleanup(self.a.run, "config", "set", f"smtpd.{name}", {"check_dnslists": "permanent", "check_connect": "permanent",
                                                                       "connect_default": "allow"}.get(name, "off"))

    def mail(self, peer, sender="a@good.test", helo="mail.good.test", **how):
        """The answers to connection, EHLO and MAIL, as far as it comes."""
        c = Client(self.a, peer, **how)
        try:
            answers = [c.greeting]
            for line in (f"EHLO {helo}", f"MAIL FROM:<{sender}>"):
                if answers[-1][:1] != "2":
                    break
                answers.append(c.say(line))
            return answers
        finally:
            c.close()

    def last(self, peer, **how):
        return self.mail(peer, **how)[-1]

    def until(self, expected, peer, **how):
        """Changes come to smtpd a moment after the command."""
        iems.wait_until(f"answer {expected}", lambda: re.match(expected, self.last(peer, **how)), 5)

    def dry_run(self, peer, helo=None, sender=None):
        r = self.a.run("access", "test", peer, *([helo] if helo else []), *([sender] if sender is not None else []), check=False)
        return r.returncode, r.stdout

    def test_dry_run_says_what_is_answered(self):   # CONNCTL-01, RDNS-02, SNDCHK-01, SNDCHK-02, RELAY-03, DNSBL-05, SMTPD-17
        self.table("access", "198.51.100.32/29", "connect=deny")
        self.table("access", "198.51.100.48/29", "relay=allow", "checks=no", "dnsbl=no")
        self.table("sender", "@spam.dry.test")
        self.table("peer", "dry.test", "accept=no")
        self.table("dnslist", "bl.test")
        for table, key in (("access", "198.51.100.32/29"), ("access", "198.51.100.48/29"), ("sender", "@spam.dry.test"), ("peer", "dry.test"),
                           ("dnslist", "bl.test")):
            self.addCleanup(self.drop, table, key)
        self.option("check_rdns", "temporary")
        self.option("check_sender_domain", "permanent")
        cases = (("198.51.100.33", "x.test", "a@good.test", "the connection", "access 198.51.100.32/29"),
                 ("198.51.100.49", "x.test", "a@nowhere.test", "", ""),
                 ("198.51.100.1", "x.test", "a@spam.dry.test", "MAIL", "sender @spam.dry.test"),
                 ("198.51.100.1", "x.test", "a@dry.test", "MAIL", "peer dry.test"),
                 ("198.51.100.4", "x.test", "a@good.test", "MAIL", "dnslist bl.test"),
                 ("198.51.100.8", "x.test", "a@good.test", "MAIL", "smtpd.check_rdns"),
                 ("198.51.100.1", "x.test", "a@null.test", "MAIL", "smtpd.check_sender_domain"),
                 ("198.51.100.1", "x.test", "a@good.test", "", ""))
        self.until("450", "198.51.100.8")
        self.until("550", "198.51.100.1", sender="a@null.test")
        for peer, helo, sender, when, rule in cases:
            status, shown = self.dry_run(peer, helo, sender)
            answer = self.last(peer, helo=helo, sender=sender)
            self.assertEqual(status, 77 if when else 0, shown)
            if when:
                code, text = answer[:3], answer[4:].removeprefix("mail.example.test Error: ").split(" ", 0)[-1]
                self.assertIn(f"Refused at {when}: {code} ", shown, answer)
                self.assertIn(text.removeprefix("5.7.1 mail.example.test Error: "), shown)
                self.assertIn(f"\n  by {rule}\n", shown)
                self.a.wait_logged(f'peer={peer} ', f'reply={code} rule="{rule}"')
            else:
                self.assertTrue(answer.startswith("250 "), answer)
        self.assertIn("allowed without login                    access 198.51.100.48/29", self.dry_run("198.51.100.49")[1])
        self.assertIn("after login only, else 550               smtpd.relay_default", self.dry_run("198.51.100.1")[1])
        self.assertEqual(self.dry_run("nonsense")[0], 64)

    def test_proxy_header(self):   # DEPL-11
        for version in (1, 2):
            c = Client(self.a, "198.51.100.9", version=version)
            self.assertIn("198.51.100.9", c.say("EHLO x.test"))
            c.close()
        c = Client(self.a, "2001:db8::9")
        self.assertIn("2001:db8::9", c.say("EHLO x.test"))
        c.close()
        # before TLS, with the begin of the handshake in the same segment
        raw = socket.create_connection(("127.0.0.1", self.a.port("submissions")), 20 * iems.SLOW, source_address=(FRONT, 0))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = iems.no_verify().wrap_bio(incoming, outgoing)
        header, data = b"PROXY TCP4 198.51.100.9 127.0.0.50 4711 465\r\n", b""
        for step in (tls.do_handshake, lambda: tls.write(b"EHLO x.test\r\n"), tls.read, tls.read):
            while True:
                try:
                    data = step()
                    break
                except ssl.SSLWantReadError:
                    raw.sendall(header + outgoing.read())
                    header = b""
                    incoming.write(raw.recv(65536))
            raw.sendall(outgoing.read())
        self.assertIn(b"198.51.100.9", data)
        raw.close()
        c = Client(self.a, None)   # none comes: nothing is said to it, after five seconds it is cut off
        self.assertEqual(c.greeting, "")
        c.close()

    def test_xclient(self):   # DEPL-11
        s = socket.create_connection(("127.0.0.1", self.a.port("smtp")), 20 * iems.SLOW, source_address=(XCLIENT, 0))
        f = s.makefile("rb")
        self.assertTrue(f.readline().startswith(b"220"))
        s.sendall(b"EHLO front.test\r\n")
        while not (line := f.readline()).startswith(b"250 "):
            if line.startswith(b"250-XCLIENT"):
                self.assertIn(b"ADDR", line)
        s.sendall(b"XCLIENT ADDR=198.51.100.33 NAME=other.test\r\n")
        self.assertTrue(f.readline().startswith(b"220"))
        s.sendall(b"EHLO front.test\r\n")
        self.assertIn(b"198.51.100.33", f.readline())
        f.close()
        s.close()

    def test_reverse_dns(self):   # RDNS-01 to RDNS-03, SMTPD-16, LIM-17
        self.option("check_rdns", "permanent")
        self.until("550.5.7.25", "198.51.100.3")
        self.assertRegex(self.last("198.51.100.1"), "^250")
        self.assertRegex(self.last("2001:db8::1"), "^250")
        self.assertRegex(self.last("2001:db8::2"), "^550.5.7.25")
        self.option("check_rdns", "temporary")
        self.until("450.4.7.25", "198.51.100.3")
        self.option("check_rdns_forward", "permanent")
        self.until("550.5.7.25", "198.51.100.2")   # another's name
        self.assertRegex(self.last("198.51.100.1"), "^250")
        self.assertRegex(self.last("198.51.100.9"), "^250")   # its PTR is behind a CNAME (RFC 2317), and so is the address of its name
        self.option("check_helo_match", "permanent")
        self.until("550.5.7.1", "198.51.100.1", helo="other.test")
        self.assertRegex(self.last("198.51.100.1"), "^250")

    def test_helo(self):
        self.option("check_helo_syntax", "permanent")
        self.until("550.5.7.1", "198.51.100.1", helo="nonsense")
        self.assertRegex(self.last("198.51.100.1", helo="[198.51.100.1]"), "^250")
        self.option("check_helo_dns", "permanent")
        self.until("550.5.7.1", "198.51.100.1", helo="missing.good.test")
        self.assertRegex(self.last("198.51.100.1", helo="good.test"), "^250")

    def test_sender_domain(self):   # SNDCHK-01
        self.option("check_sender_domain", "permanent")
        self.until("550.5.1.8", "198.51.100.1", sender="a@missing.good.test")
        for sender, expected in (("a@good.test", "250"), ("a@mail.good.test", "250"), ("", "250"), ("a@null.test", "550.5.7.27")):
            self.assertRegex(self.last("198.51.100.1", sender=sender), "^" + expected)

    def test_sender_table(self):   # SNDCHK-02, SPAM-03
        self.table("sender", "@spam.test")
        self.until("553.5.7.1", "198.51.100.1", sender="x@spam.test")
        self.drop("sender", "@spam.test")
        self.until("250", "198.51.100.1", sender="x@spam.test")

    def test_dns_lists(self):   # DNSBL-01 to DNSBL-06, DNSBL-03, DNSBL-05, DNSBL-08, LIM-50
        self.table("dnslist", "bl.test")
        self.until("554.5.7.1.*bl.test: an open proxy, see https://bl.test/", "198.51.100.4")
        self.assertRegex(self.last("2001:db8::1"), "^554.5.7.1")
        self.assertRegex(self.last("198.51.100.6"), "^250")   # the list does not serve us: nobody is listed by that
        self.table("dnslist", "wl.test", "kind=allow")
        self.until("250", "198.51.100.5")
        self.table("access", "198.51.100.4", "dnsbl=no")
        self.until("250", "198.51.100.4")
        self.drop("access", "198.51.100.4")
        self.option("check_dnslists", "temporary")
        self.until("450.4.7.1", "198.51.100.4")
        self.table("dnslist", "bl.test", "policy=ignore")
        self.until("250", "198.51.100.4")
        self.drop("dnslist", "wl.test")
        self.drop("dnslist", "bl.test")

    def test_tagged_mail_arrives_without_forged_tags(self):   # DNSBL-06, PEER-15, ARCH-26, LIM-66
        self.table("dnslist", "tag.test", "policy=tag")

        def tagged():
            before = self.a.count("bart")
            c = Client(self.a, "198.51.100.3")
            for line in ("EHLO mail.good.test", "MAIL FROM:<a@good.test>", "RCPT TO:<bart@example.test>", "DATA"):
                c.say(line)
            c.sock.sendall(iems.message("tagged", X_IEMS_Spam="dnsbl=forged.test").replace("\n", "\r\n").encode() + b".\r\n")
            reply = c.reply()
            c.close()
            self.assertRegex(reply, "^250")
            self.a.wait_count("bart", before + 1)
            self.assertNotIn(b"X-IEMS", self.a.messages("bart")[-1])
            return re.search(r'dnslist_tagged .*peer=198.51.100.3 .*zones="?tag.test', self.a.log())
        iems.wait_until("tag", tagged, 5)
        self.drop("dnslist", "tag.test")

    def test_tagged_mail_is_dropped_where_that_is_wanted(self):   # DNSBL-07, SPAM-06, LMDA-08: for users who have chosen nothing
        self.table("dnslist", "tag.test", "policy=tag", "local=discard")

        def dropped():
            c = Client(self.a, "198.51.100.3")
            for line in ("EHLO mail.good.test", "MAIL FROM:<a@good.test>", "RCPT TO:<bart@example.test>", "DATA"):
                c.say(line)
            c.sock.sendall(iems.message("to be dropped").replace("\n", "\r\n").encode() + b".\r\n")
            reply = c.reply()
            c.close()
            self.assertRegex(reply, "^250")
            time.sleep(0.1)
            return re.search(r"mta .* discarded module=dnsbl .* channel=LOCAL", self.a.log())
        iems.wait_until("discard", dropped, 5)
        self.drop("dnslist", "tag.test")

    def test_tags_cross_to_a_trusted_peer(self):   # PEER-15, DNSBL-07, DEPL-09: the second server acts on what the first found
        config = f"[server]\ndns_servers = 127.0.0.1@{self.relay.port}\n"
        with iems.Instance(hostname="mail.other.test", domain="other.test", port_base=self.base_b, config=config) as b:
            b.user("ned")
            b.run("dnslist", "set", "tag.test", "policy=tag", "local=discard")
            b.run("peer", "set", "localhost", "keep_tags=yes")   # the name of 127.0.0.1
            self.table("peer", "other.test", "keep_tags=yes")
            self.table("dnslist", "tag.test", "policy=tag")
            self.table("access", "198.51.100.3", "relay=allow")

            def dropped():
                c = Client(self.a, "198.51.100.3")
                for line in ("EHLO mail.good.test", "MAIL FROM:<a@good.test>", "RCPT TO:<ned@other.test>", "DATA"):
                    c.say(line)
                c.sock.sendall(iems.message("through both").replace("\n", "\r\n").encode() + b".\r\n")
                c.reply()
                c.close()
                time.sleep(0.2)
                return "discarded module=dnsbl" in b.log()
            iems.wait_until("discard over there", dropped, 10)
        for table, key in (("peer", "other.test"), ("dnslist", "tag.test"), ("access", "198.51.100.3")):
            self.drop(table, key)

    def test_silent_name_servers_delay_by_the_timeout_only(self):   # DNSBL-10
        self.table("dnslist", "silent.test")
        self.option("check_rdns_forward", "permanent")
        asked = self.relay.unanswered
        for n in SILENT:   # until list and check are in use
            begin = time.monotonic()
            self.assertRegex(self.last(f"198.51.100.{n}"), "^250")
            took = time.monotonic() - begin
            listed, name = asked.get(f"{n}.100.51.198.silent.test"), asked.get(f"host{n}.silent.test")
            if listed and name:
                break
            time.sleep(0.5)
        self.assertTrue(listed and name, asked)
        self.assertLess(abs(listed - name), TIMEOUT * 0.5)   # both at once, none behind the other
        self.assertGreater(took, TIMEOUT * 0.5)
        self.assertLess(took, TIMEOUT + 0.5 * iems.QUICK)
        begin = time.monotonic()
        self.assertRegex(self.last(f"198.51.100.{n}"), "^250")   # it is remembered that there was no answer
        self.assertLess(time.monotonic() - begin, TIMEOUT * 0.5)
        self.drop("dnslist", "silent.test")

    def test_connections_and_relay(self):   # CONNCTL-01 to CONNCTL-03, RELAY-01 to RELAY-04
        self.table("access", "198.51.100.64/26", "connect=deny")
        iems.wait_until("denied", lambda: self.mail("198.51.100.70")[0].startswith("554 5.7.1"), 5)
        self.assertRegex(self.last("198.51.100.1"), "^250")
        self.option("check_connect", "temporary")
        iems.wait_until("denied for now", lambda: self.mail("198.51.100.70")[0].startswith("421"), 5)
        self.drop("access", "198.51.100.64/26")

        def relay(peer):
            c = Client(self.a, peer)
            c.say("EHLO x.test")
            c.say("MAIL FROM:<a@good.test>")
            answer = c.say("RCPT TO:<x@elsewhere.test>")
            c.close()
            return answer
        self.assertRegex(relay("198.51.100.10"), "^550 5.7.1")
        self.table("access", "198.51.100.10-198.51.100.12", "relay=allow")
        iems.wait_until("relay allowed", lambda: relay("198.51.100.10").startswith("250"), 5)
        self.assertRegex(relay("198.51.100.13"), "^550 5.7.1")
        self.drop("access", "198.51.100.10-198.51.100.12")
        self.a.run("config", "set", "smtpd.relay_default", "allow")
        iems.wait_until("warning", lambda: "open_relay" in self.a.log(), 5)
        self.a.run("config", "set", "smtpd.relay_default", "deny")

    def test_limits_of_networks(self):   # SMTPD-03, LIM-48
        self.table("access", "198.51.100.128/25", "max_sessions=2")
        kept = []
        try:
            def limited():
                for c in kept:
                    c.close()
                kept[:] = [Client(self.a, f"198.51.100.{130 + i}") for i in range(3)]
                return [c.greeting[:3] for c in kept] == ["220", "220", "421"]
            iems.wait_until("limit", limited, 5)
        finally:
            for c in kept:
                c.close()
        self.drop("access", "198.51.100.128/25")

    def test_peers(self):   # SMTPD-17, PEER-05, PEER-12
        self.table("peer", "good.test", "accept=no")
        iems.wait_until("refusal", lambda: self.last("198.51.100.1") == "550 host mail.good.test is not authorized to connect to mail.example.test", 5)
        self.assertRegex(self.last("198.51.100.2", sender="a@else.test"), "^250")   # the name is not confirmed
        self.table("peer", "good.test", "accept=yes", "max_in=10000")
        iems.wait_until("size", lambda: "SIZE 10000" in self.mail("198.51.100.1")[1], 5)
        self.drop("peer", "good.test")

    def test_metrics(self):
        text = self.a.run("metrics").stdout
        for line in ('iems_smtpd_checks_total{check="rdns",result="refused"}', 'iems_smtpd_limited_total{what="rate"}'):
            self.assertIn(line, text)


if __name__ == "__main__":
    iems.main()
