"""One directory for several hosts: replicas that follow a provider, go on without it, hand changes on to it, and take its place
(LIM-14, DIR-18, DEPL-02, DEPL-05, DEPL-06)."""
import contextlib
import imaplib
import json
import os
import poplib
import re
import shutil
import smtplib
import subprocess
import unittest

import iems
from nameserver import NameServer


class Hosts(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)

    def first(self, name, config=""):
        return self.stack.enter_context(iems.Instance(name, "corp.test", config))

    def join(self, provider, name, config=""):
        file = os.path.join(provider.parent, name + ".join")
        provider.run("directory", "invite", name, file)
        self.assertEqual(os.stat(file).st_mode & 0o777, 0o600)
        host = iems.Instance(name, "corp.test", config, join=file)
        return self.stack.enter_context(host), file

    def states(self, host):
        status = json.loads(host.run("directory", "status", "--json", check=False).stdout)
        return {e["name"]: (e["role"], e["state"]) for e in status}

    def in_step(self, host, number):
        iems.wait_until("all copies are equal", lambda: [s for _, s in self.states(host).values()] == ["ok"] * number, 20)

    def wait_mailbox(self, address, at, hosts):
        """Until each of the hosts sends mail for `address` to the one that has the mailbox, which keeps it."""
        for host in hosts:
            way = "into the mailbox of" if host is at else "to the host that has the mailbox"
            iems.wait_until(f"{host.hostname} knows where {address} is", lambda h=host, w=way: w in h.run("resolve", address, check=False).stdout, 20)

    def users(self, host):
        return {line.split("@")[0] for line in host.run("user", "list").stdout.splitlines()[1:]}

    def ldap(self, host, *args):
        """What a stranger sees on the port of slapd."""
        return subprocess.run(["ldapsearch", "-x", "-LLL", "-H", f"ldap://127.0.0.1:{host.port('ldap')}", *args], capture_output=True,
                              text=True, timeout=60, env=dict(os.environ, LDAPNOINIT="1"))

    def test_replica(self):   # LIM-14, DIR-06, DIR-18, DIR-20
        one = self.first("one.corp.test")
        one.user("bart")
        two, file = self.join(one, "two.corp.test")
        # what was there, and what is made on either host, is on both
        self.assertEqual(self.users(two), {"bart"})
        one.run("host", "set", "two.corp.test", f"mail=127.0.0.1:{two.port('smtp')}")
        one.user("lisa")
        iems.wait_until("what the change needs", lambda: "lisa" in self.users(two) and "two.corp.test" in two.run("host", "list").stdout)
        two.run("user", "set", "lisa@corp.test", "--host", "two.corp.test")
        two.user("maggie")
        for host in (one, two):
            iems.wait_until("three accounts on " + host.hostname, lambda h=host: self.users(h) == {"bart", "lisa", "maggie"})
        two.run("route", "set", "far.test", "hosts=[192.0.2.1]")
        iems.wait_until("the route", lambda: "192.0.2.1" in one.run("route", "list").stdout)
        for host in (one, two):   # hashes and SCRAM keys are there too
            host.smtp("submission", tls=True, login="maggie@corp.test").quit()
        self.in_step(one, 2)
        self.assertEqual(self.states(two), {"one.corp.test": ("provider", "ok"), "two.corp.test": ("replica", "ok")})
        # errors of the provider are told as they are, and numbers of accounts are given once
        again = two.run("user", "add", "lisa@corp.test", "--no-password", check=False)
        self.assertEqual((again.returncode, "exists already" in again.stderr), (73, True), again)
        numbers = [json.loads(one.run("user", "show", f"{n}@corp.test", "--json").stdout)["account"] for n in ("bart", "lisa", "maggie")]
        self.assertEqual(len(set(numbers)), 3)
        refused = two.run("directory", "import", "--replace", os.devnull, check=False)
        self.assertEqual((refused.returncode, "from one.corp.test: give the command there" in refused.stderr), (69, True), refused)
        # the file was good for one time; nobody else reads what is in it, and it is in no log
        with self.assertRaisesRegex(AssertionError, "good for one time"):
            iems.Instance("two.corp.test", "corp.test", join=file)
        with open(file, encoding="ascii") as f:
            secret = next(line.split("=")[1].strip() for line in f if line.startswith("secret"))
        with open(os.path.join(two.dir, "directory", "host.conf"), encoding="ascii") as f:
            fresh = next(line.split("=")[1].strip() for line in f if line.startswith("secret"))
        self.assertNotEqual(secret, fresh)
        for host in (one, two):
            self.assertNotIn(secret, host.log())
            self.assertNotIn(fresh, host.log())
            self.assertEqual(os.stat(os.path.join(host.dir, "directory", "host.conf")).st_mode & 0o777, 0o600)
        me = ("-D", "cn=two.corp.test,cn=replicas,o=iems", "-w", fresh, "-b", "o=iems")
        self.assertEqual(self.ldap(one, *me).returncode, 49)   # not without TLS
        self.assertNotIn("replicas", self.ldap(one, "-b", "").stdout)
        # without the provider: logins and mail go on, also after a restart; changes say where they are made
        one.stop()
        two.run("restart")
        two.imap("lisa").logout()
        two.send("x@far.example", "lisa@corp.test", iems.message(to="lisa@corp.test"))
        two.wait_count("lisa", 1)
        refused = two.run("user", "add", "nelson@corp.test", "--no-password", check=False)
        self.assertEqual((refused.returncode, "is changed at one.corp.test" in refused.stderr), (75, True), refused)
        self.assertEqual(self.states(two)["one.corp.test"], ("provider", "unreachable"))
        one.start()
        one.user("homer")
        iems.wait_until("it has caught up", lambda: "homer" in self.users(two), 20)
        two.user("nelson")

    def test_promotion(self):   # LIM-14, DEPL-05
        one = self.first("one.corp.test")
        two, _ = self.join(one, "two.corp.test")
        three, _ = self.join(one, "three.corp.test")
        one.user("bart")
        self.in_step(one, 3)
        refused = two.run("directory", "promote", check=False)
        self.assertEqual((refused.returncode, "stop it first" in refused.stderr), (75, True), refused)
        self.assertIn("give the command there", two.run("directory", "invite", "four.corp.test", check=False).stderr)
        one.kill_everything()
        two.run("directory", "promote")
        two.user("lisa")
        three.run("directory", "follow", "two.corp.test")
        iems.wait_until("the new copy", lambda: self.users(three) == {"bart", "lisa"}, 20)
        three.user("maggie")
        # the one that was lost comes back
        one.start()
        self.assertIn("would be lost", two.run("directory", "follow", "one.corp.test", check=False).stderr)
        self.assertIn("does not take changes", one.run("directory", "follow", "three.corp.test", check=False).stderr)
        one.run("directory", "follow", "two.corp.test")
        iems.wait_until("the new copy", lambda: self.users(one) == {"bart", "lisa", "maggie"}, 20)
        one.user("homer")
        self.in_step(two, 3)
        self.assertEqual({n: r for n, (r, _) in self.states(one).items()},
                         {"one.corp.test": "replica", "two.corp.test": "provider", "three.corp.test": "replica"})
        # a host that is expelled gets nothing any more
        two.run("directory", "expel", "three.corp.test")
        two.user("nelson")
        iems.wait_until("the last change", lambda: "nelson" in self.users(one))
        self.assertNotIn("nelson", self.users(three))
        self.assertEqual(set(self.states(two)), {"one.corp.test", "two.corp.test"})

    def lose_and_restore(self, host):
        """The machine of a host is lost; another one gets its backup, with keys, under the same name and address."""
        host.kill_everything()
        shutil.rmtree(host.dir)
        host.run("restore", host.parent + "/backup", "--instance", host.dir)
        host.start()

    def test_restore(self):   # DEPL-05, LIM-14
        one = self.first("one.corp.test")
        two, _ = self.join(one, "two.corp.test")
        one.user("bart")
        self.in_step(one, 2)
        for host in (one, two):
            host.run("backup", host.parent + "/backup", "--keys")
        one.user("lisa")
        self.in_step(one, 2)
        # a replica catches up by itself
        self.lose_and_restore(two)
        iems.wait_until("it has caught up", lambda: self.users(two) == {"bart", "lisa"}, 20)
        two.user("maggie")
        self.in_step(one, 2)
        # the provider has what it had when it was backed up; what its replica has beyond that is not given up unasked
        self.lose_and_restore(one)
        self.assertEqual(self.users(one), {"bart"})
        self.assertIn("would be lost", two.run("directory", "follow", "one.corp.test", check=False).stderr)
        self.assertEqual(self.users(two), {"bart", "lisa", "maggie"})
        # so the replica, which is well, takes its place
        one.stop()
        two.run("directory", "promote")
        one.start()
        one.run("directory", "follow", "two.corp.test", "--force")
        iems.wait_until("the new copy", lambda: self.users(one) == {"bart", "lisa", "maggie"}, 20)
        one.user("homer")
        self.in_step(two, 2)
        # or, if it is meant, all goes back to the day of the backup
        two.run("backup", two.parent + "/backup", "--keys")
        two.user("nelson")
        self.in_step(two, 2)
        self.lose_and_restore(two)
        one.run("directory", "follow", "--force", "two.corp.test")
        iems.wait_until("the older copy", lambda: self.users(one) == self.users(two) == {"bart", "lisa", "maggie", "homer"}, 20)
        one.user("ned")
        self.in_step(two, 2)

    def test_mailboxes_on_several_hosts(self):   # DEPL-02, DEPL-06, STORE-10, LIM-14
        """One domain: a host in front that takes all mail, and two that have the mailboxes."""
        front = self.first("front.corp.test")
        back = [self.join(front, f"back{n}.corp.test", "[smtpc]\nretry = 1s 1s 2s\n")[0] for n in (1, 2)]
        for host in back:
            front.run("host", "set", host.hostname, f"mail=127.0.0.1:{host.port('smtp')}")
        front.run("config", "set", "dir.mailbox_host", "back1.corp.test")
        self.assertIn("no host nowhere.corp.test is known", front.run("user", "add", "x@corp.test", "--no-password", "--host", "nowhere.corp.test",
                                                                      check=False).stderr)
        front.user("bart")
        front.user("lisa")
        front.run("user", "set", "lisa@corp.test", "--host", "back2.corp.test")
        front.run("alias", "add", "sax@corp.test", "lisa@corp.test")
        self.in_step(front, 3)
        iems.wait_until("it is shown", lambda: "back2.corp.test" in back[0].run("user", "show", "lisa@corp.test", check=False).stdout)
        self.wait_mailbox("bart@corp.test", back[0], (front, *back))
        self.wait_mailbox("sax@corp.test", back[1], (front, *back))
        for host in (front, *back):   # any of them takes mail for all, and none for who is not there
            host.send("x@far.example", ["bart@corp.test", "sax@corp.test"], iems.message("from " + host.hostname))
            with self.assertRaises(smtplib.SMTPRecipientsRefused):
                host.send("x@far.example", "nobody@corp.test", iems.message())
        back[0].wait_count("bart", 3, seconds=20)
        back[1].wait_count("lisa", 3, seconds=20)
        self.assertIn("to the host that has the mailbox, 127.0.0.1:", front.run("resolve", "sax@corp.test").stdout)
        # a shared account is at one host as well: nobody has an empty one elsewhere into which he might put something
        front.run("shared", "add", "team@corp.test", "--member", "bart@corp.test", "--member", "lisa@corp.test")
        shared = lambda host, name: [f.split(b'"')[-2] if f.endswith(b'"') else f.split()[-1] for f in host.imap(name).list("Shared/", "*")[1] if f]
        iems.wait_until("the members' folder", lambda: b"Shared/team@corp.test/INBOX" in shared(back[0], "bart"), 20)
        self.assertEqual(shared(back[1], "lisa"), [])
        back[0].run("shared", "delete", "team@corp.test", "--yes")
        # a sub-address goes along; whoever logs in may send from any host
        with back[1].imap("lisa") as c:
            c.create("Work")
        front.send("bart@corp.test", "lisa+Work@corp.test", iems.message("sub"), service="submission", tls=True, login="bart@corp.test")
        back[1].wait_count("lisa", 1, folder="Work", seconds=20)
        # the wrong host says which is the right one (RFC 2221), after the password
        with self.assertRaisesRegex(imaplib.IMAP4.error, r"\[REFERRAL imap://lisa%40corp\.test;AUTH=\*@back2\.corp\.test/\] the mailbox is on back2"):
            front.imap("lisa")
        with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
            front.imap("lisa", "wrong")
        with self.assertRaisesRegex(poplib.error_proto, r"\[SYS/PERM\] the mailbox is on back1"):
            back[1].pop3("bart")
        with imaplib.IMAP4("127.0.0.1", front.port("imap")) as c:
            self.assertIn("LOGIN-REFERRALS", c.capabilities)
        # a host that was taken for the wrong one does not send on: no circle
        with back[0].smtp() as s:
            self.assertTrue(s.has_extn("xmailbox"))
            s.mail("x@far.example")
            self.assertEqual(s.rcpt("lisa@corp.test", ["XMAILBOX"])[0], 451)
            self.assertEqual(s.rcpt("bart@corp.test", ["XMAILBOX"])[0], 250)
        # reports of quotas tell of the mailboxes that are here, of all with an entry in the directory (QUOTA-09)
        for host, users in ((front, []), (back[0], ["bart@corp.test"]), (back[1], ["lisa@corp.test"])):
            self.assertRegex(host.run("quota", "run").stdout, rf"(?m)^Users +{len(users)}$")
            self.assertEqual(re.findall(r"\w+@corp\.test", host.run("quota", "report", "--html").stdout), users)
            self.assertEqual([q["user"] for q in json.loads(host.run("quota", "list", "--json").stdout)], users)
        shown = front.run("quota", "show", "lisa@corp.test", check=False)
        self.assertEqual((shown.returncode, shown.stderr), (67, "iems: the mailbox of lisa@corp.test is on another host: give the command there\n"))
        # what concerns the mailbox is done where it is
        self.assertIn("on the host that has the mailbox, back2", front.run("user", "delete", "lisa@corp.test", check=False).stderr)
        back[1].run("user", "delete", "lisa@corp.test", "--now")
        iems.wait_until("the entry is gone", lambda: self.users(front) == {"bart"})

    def test_relays_share_a_directory(self):   # DEPL-05, DEPL-04, LIM-14
        """Three relays with equal MX before a server with the mailboxes. What is made at one of them works at all; each may be lost."""
        dns = NameServer({"corp.test": "".join(f"@ 60 MX 10 relay{n}\nrelay{n} 60 A 127.0.0.6{n}\n" for n in (1, 2, 3))})
        self.stack.callback(dns.stop)
        port = iems.free_port()
        fast = "[smtpc]\nretry = 1s 1s 2s\nretry_destination = 1s 1s 2s\n"
        config = [f"[smtpd]\nlisten_smtp = 127.0.0.6{n}:{port}\n{fast}" for n in (1, 2, 3)]
        relays = [self.first("relay1.corp.test", config[0])]
        relays += [self.join(relays[0], f"relay{n}.corp.test", config[n - 1])[0] for n in (2, 3)]
        boxes, _ = self.join(relays[0], "mail.corp.test")
        relays[1].run("host", "set", "mail.corp.test", f"mail=127.0.0.1:{boxes.port('smtp')}")
        relays[2].run("config", "set", "dir.mailbox_host", "mail.corp.test")
        relays[1].user("bart")
        relays[2].run("alias", "add", "b.simpson@corp.test", "bart@corp.test")
        sender = self.stack.enter_context(iems.Instance("mail.far.test", "far.test",
                                                        f"[server]\ndns_servers = 127.0.0.1@{dns.port}\n{fast}keep_idle = 0\nport = {port}\n[smtpd]\nrelay_networks = 127.0.0.0/8\n"))
        self.in_step(relays[0], 4)
        self.wait_mailbox("b.simpson@corp.test", boxes, (*relays, boxes))
        sent = 0

        def send(what, count):
            nonlocal sent
            for n in range(count):
                sender.send("x@far.test", "b.simpson@corp.test", iems.message(f"{what} {n}"))
            sent += count
            boxes.wait_count("bart", sent, seconds=30)

        send("all are there", 3)
        relays[2].kill_everything()
        send("one is lost", 3)
        relays[0].kill_everything()   # the provider: what is known goes on, also after a restart
        send("the provider is lost", 3)
        relays[1].run("restart")
        send("and another has been restarted", 2)
        relays[0].start()
        relays[1].run("alias", "add", "el.barto@corp.test", "bart@corp.test")
        iems.wait_until("the department server has caught up",
                        lambda: "bart" in boxes.run("resolve", "el.barto@corp.test", check=False).stdout, 30)
        relays[2].start()
        self.in_step(relays[0], 4)


if __name__ == "__main__":
    iems.main()
