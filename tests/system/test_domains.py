"""Where mail to an address goes (docs/admin/addresses.md), live: forwarding of domains with next hops, domain aliases, catch-all, default
channel, and that an address belongs to one entry only."""
import json
import os
import re
import socketserver
import subprocess
import threading
import unittest

import iems

AGENT = "cn=directory agent,o=iems"


class Hop(socketserver.ThreadingTCPServer):
    """A host that takes all mail and remembers the recipients of each message."""
    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Talk)
        self.port, self.taken = self.server_address[1], []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Talk(socketserver.StreamRequestHandler):
    def handle(self):
        def say(text):
            self.wfile.write(text.encode() + b"\r\n")
        say("220 hop.example ready")
        rcpt = []
        for line in self.rfile:
            verb = line.strip().upper()
            if verb.startswith(b"RCPT TO:"):
                rcpt.append(line.split(b"<")[1].split(b">")[0].decode())
                say("250 2.1.5 ok")
            elif verb == b"DATA":
                say("354 go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                self.server.taken.append(sorted(rcpt))
                rcpt = []
                say("250 2.0.0 taken")
            elif verb == b"QUIT":
                say("221 bye")
                return
            else:
                say("250 hop.example")


class Domains(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hop = Hop()
        cls.addClassCleanup(cls.hop.server_close)
        cls.addClassCleanup(cls.hop.shutdown)
        cls.mail = iems.Instance().start()
        cls.addClassCleanup(cls.mail.remove)
        cls.addClassCleanup(cls.mail.stop)
        for user in ("bart", "lisa"):
            cls.mail.user(user)

    def setUp(self):
        self.hop.taken.clear()

    def iems(self, *args, **how):
        return self.mail.run(*args, **how)

    def fails(self, code, text, *args):
        p = self.mail.run(*args, check=False)
        self.assertEqual(p.returncode, code, p.stdout + p.stderr)
        self.assertIn(text, p.stderr)

    def rcpt(self, address):
        with self.mail.smtp() as s:
            s.mail("a@sender.example")
            return s.rcpt(address)[0]

    def send(self, *to):
        with self.mail.smtp() as s:
            s.sendmail("a@sender.example", to, iems.message(to=", ".join(to)))

    def wait_taken(self, *messages):
        iems.wait_until("the hop has the mail", lambda: sorted(self.hop.taken) == sorted(messages))

    def test_next_hop(self):   # FWD-01 FWD-03 FWD-06 FWD-07 LIM-19
        hop = f"SMTPC$[127.0.0.1]:{self.hop.port}"
        done = self.iems("domain", "add", "fwd.test", "--forward", hop)
        self.assertIn("Domain fwd.test was added.", done.stdout)
        self.iems("domain", "add", "*.fwd.test", "--forward", hop)
        self.iems("domain", "alias", "name.test", "fwd.test")
        self.mail.user("own@fwd.test")
        self.assertEqual(self.rcpt("own@fwd.test"), 250)
        self.send("own@fwd.test", "x@fwd.test", "y@fwd.test", "z@dept.fwd.test", "w@name.test")
        self.wait_taken(["w@fwd.test", "x@fwd.test", "y@fwd.test", "z@dept.fwd.test"])   # one hop, one session
        self.mail.wait_count("own@fwd.test", 1)
        self.iems("domain", "set", "fwd.test", "--forward", "LOCAL$lisa@example.test")   # FWD-05: live
        before = self.mail.count("lisa@example.test")
        self.send("x@fwd.test")
        self.mail.wait_count("lisa@example.test", before + 1)
        self.iems("domain", "set", "fwd.test", "--forward", "LOCAL$")
        self.assertEqual(self.rcpt("x@fwd.test"), 550)
        self.assertEqual(self.rcpt("own@fwd.test"), 250)
        self.iems("domain", "set", "fwd.test", "--forward", "")
        for name in ("name.test", "*.fwd.test"):
            self.iems("domain", "delete", name)

    def test_bad_forwarding(self):   # FWD-02 FWD-07
        for bad in ("SMTPC$[127.0.0.1", "SMTPC$host:99999", "SMTPC$two hosts"):
            self.fails(65, "is no next hop", "domain", "add", "bad.test", "--forward", bad)
        for bad in ("BSMTPOUT$", "host.example", "DL$"):
            self.fails(65, "is not CHANNEL$identifier", "domain", "add", "bad.test", "--forward", bad)
        self.fails(65, "is not an address", "domain", "add", "bad.test", "--forward", "BSMTPOUT$nowhere")
        self.fails(65, "is unknown", "domain", "add", "bad.test", "--forward", "PIGEON$a@b.test")

    def test_aliases_and_catch_all(self):   # ALIAS-01 ALIAS-02 ALIAS-04 MTA-04 DEPL-21
        self.iems("domain", "add", "one.test")
        self.iems("domain", "alias", "two.test", "one.test")
        for user in ("homer@one.test", "homer@two.test", "marge@one.test"):
            self.mail.user(user)
        self.send("homer@one.test", "homer@two.test", "marge@two.test")   # real accounts win over the alias
        for user in ("homer@one.test", "homer@two.test", "marge@one.test"):
            self.mail.wait_count(user, 1)
        self.assertEqual(self.rcpt("nobody@two.test"), 550)
        self.iems("domain", "set", "one.test", "--catch-all", "bart@example.test")
        self.assertEqual(self.rcpt("nobody@one.test"), 250)
        before = self.mail.count("bart@example.test")
        self.send("nobody@two.test")   # the catch-all of the domain that it stands for
        self.mail.wait_count("bart@example.test", before + 1)

    def test_default_channel(self):   # MTA-05 MTA-06
        self.iems("domain", "add", "strict.test", "--forward", "LOCAL$")
        self.iems("domain", "add", "loose.test")
        self.assertEqual(self.rcpt("nobody@loose.test"), 550)
        self.iems("config", "set", "dir.unknown_channel", "SMTPC")
        self.iems("route", "set", "loose.test", f"hosts=[127.0.0.1]:{self.hop.port}")
        iems.wait_until("the default channel", lambda: self.rcpt("nobody@loose.test") == 250)
        self.assertEqual(self.rcpt("nobody@strict.test"), 550)
        self.send("nobody@loose.test")
        self.wait_taken(["nobody@loose.test"])
        self.iems("config", "unset", "dir.unknown_channel")

    def test_resolve(self):   # TRBL-04: where an address leads to, and the servers of a domain with what the name servers say
        self.iems("alias", "add", "far@example.test", "x@far.test")
        self.iems("domain", "add", "hop.test", "--forward", "SMTPC$[127.0.0.1]:2525")
        self.iems("route", "set", "routed.test", "hosts=[192.0.2.1]:26")
        self.iems("peer", "set", "closed.test", "transmit=no")
        expected = {"bart@example.test": "into the mailbox of account", "bart+work@example.test": "folder work", "far@example.test": "x@far.test to the servers of far.test",
                    "x@hop.test": r"to the next hop \[127.0.0.1\]:2525", "x@routed.test": r"to \[192.0.2.1\]:26 \(iems route\)",
                    "x@elsewhere.test": "to the servers of elsewhere.test", "x@closed.test": "is sent back: no mail is sent to this domain",
                    "nobody@example.test": "there is no such address here"}
        for address, text in expected.items():
            p = self.mail.run("resolve", address, check=False)
            self.assertRegex(p.stdout, "^" + re.escape(address) + ": .*" + text)
            self.assertEqual(p.returncode, 67 if address in ("x@closed.test", "nobody@example.test") else 0, p.stderr)
        found = json.loads(self.mail.run("resolve", "--json", *list(expected)[:6]).stdout)
        self.assertEqual([f["kind"] for f in found], ["local", "local", "local", "local", "remote", "remote"])
        self.assertEqual([found[2]["targets"][0][k] for k in ("channel", "address", "good")], ["SMTPC", "x@far.test", True])
        p = self.mail.run("-bv", "bart", "nobody", program="sendmail", check=False)   # SCLI-02: the domain of the instance is meant
        self.assertEqual(p.returncode, 67)
        self.assertRegex(p.stdout, r"bart@example.test: into.*\nnobody@example.test: there is no")
        self.fails(64, "is no address", "resolve", "bart")
        p = self.mail.run("tls", "check", "far.test", check=False)   # nobody answers here, or nobody knows it
        self.assertEqual(p.returncode, 68)
        self.assertRegex(p.stdout, "far.test\n  The (name servers give no|domain does not exist)")

    def refusal(self, server, address):
        server.mail("a@sender.example")
        text = server.rcpt(address)[1].decode()
        server.rset()
        return text

    def test_known_at_once(self):   # MTA-02: what is known of domains that are not ours is void with the change
        with self.mail.smtp() as s:
            for _ in range(4):
                for _ in range(3):
                    self.assertIn("Relaying denied", self.refusal(s, "x@turns.test"))
                self.iems("domain", "add", "turns.test")
                for _ in range(2):
                    self.assertIn("No such address", self.refusal(s, "x@turns.test"))
                self.iems("domain", "delete", "turns.test")

    def test_unique(self):   # ALIAS-06 ACCT-10
        self.iems("alias", "add", "taken@example.test", "lisa@example.test")
        self.iems("alias", "add", "away@example.test", "box@isp.example")
        for address in ("taken@example.test", "Away@Example.test", "LISA@example.test"):
            self.fails(73, "exists already", "user", "add", address, "--no-password")
            self.fails(73, "exists already", "alias", "add", address, "bart@example.test")
        self.fails(73, "exists already", "user", "set", "bart@example.test", "--rename", "taken@example.test")
        self.fails(73, "exists already", "user", "add", "new@example.test", "--alias", "away@example.test", "--no-password")
        with open(os.path.join(self.mail.dir, "directory", "rootpw"), encoding="ascii") as f:
            secret = f.read().strip()
        entry = "dn: cn=news,dc=example,dc=test\nobjectClass: ielist\ncn: news\nieaddress: taken@example.test\n"
        p = subprocess.run(["ldapadd", "-x", "-H", "ldapi://" + (self.mail.dir + "/run/ldapi").replace("/", "%2F"), "-D", AGENT, "-w", secret],
                           input=entry, capture_output=True, text=True, timeout=60, env=dict(os.environ, LDAPNOINIT="1"))
        self.assertNotEqual(p.returncode, 0)   # slapd refuses it to every client
        self.assertIn("non-unique attributes", p.stderr)
        self.assertEqual(self.rcpt("taken@example.test"), 250)


if __name__ == "__main__":
    unittest.main()
