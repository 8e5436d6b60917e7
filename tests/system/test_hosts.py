"""One directory for several hosts: replicas that follow a provider, go on without it, hand changes on to it, and take its place
(LIM-14, DIR-18, DEPL-02, DEPL-05, DEPL-06)."""
import contextlib
import json
import os
import subprocess
import unittest

import iems


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
        one.user("lisa")
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


if __name__ == "__main__":
    iems.main()
