"""The directory of a running instance: commands, foreign LDAP clients, logins by every mechanism, the brake, outages of slapd."""
import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import signal
import smtplib
import socket
import subprocess
import time
import unittest

import iems

AGENT = "cn=directory agent,o=iems"


class Directory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mail = iems.Instance().start()
        cls.addClassCleanup(cls.mail.remove)
        cls.addClassCleanup(cls.mail.stop)
        cls.mail.user("bart", iems.PASSWORD, "-q", "100", "-t", "50")   # IEMSUSER-06
        cls.mail.user("lisa")

    # ---- helpers
    def iems(self, *args, **how):
        return self.mail.run(*args, **how)

    def fails(self, code, text, *args, program=None, input=None):
        p = self.mail.run(*args, check=False, program=program, input=input)
        self.assertEqual(p.returncode, code, p.stdout + p.stderr)
        self.assertIn(text, p.stderr)

    def ldap(self, tool, *args, agent=True, input=None, check=True):
        uri = "ldapi://" + (self.mail.dir + "/run/ldapi").replace("/", "%2F")
        argv = [tool, "-x", "-H", uri]
        if agent:
            with open(os.path.join(self.mail.dir, "directory", "rootpw"), encoding="ascii") as f:
                argv += ["-D", AGENT, "-w", f.read().strip()]
        p = subprocess.run(argv + list(args), input=input, capture_output=True, text=True, timeout=60,
                           env=dict(os.environ, LDAPNOINIT="1"))
        if check:
            self.assertEqual(p.returncode, 0, p.stderr)
        return p

    def rcpt(self, address):
        with self.mail.smtp() as s:
            s.mail("a@sender.example")
            return s.rcpt(address)[0]

    def show(self, address):
        return json.loads(self.iems("user", "show", address, "--json").stdout)

    # ---- commands
    def test_duplicates_and_bad_values(self):   # IEMSUSER-01 IEMSUSER-02 ALIAS-06 ACCT-10
        self.iems("alias", "add", "sax@example.test", "lisa@example.test")
        new = ("-C", "-p", "secret-1", "-a")
        self.fails(73, "bart@example.test exists already", *new, "Bart@example.test", program="iemsuser")
        self.fails(73, "sax@example.test exists already as an alias of lisa@example.test", *new, "sax@example.test", program="iemsuser")
        self.fails(65, "is not a mail address", *new, "no address", program="iemsuser")
        self.fails(65, "other.test is not a local domain", *new, "x@other.test", program="iemsuser")
        self.fails(65, "at least 6 characters", "-C", "-a", "new@example.test", "-p", "five5", program="iemsuser")
        self.fails(67, "nobody@example.test does not exist", "-D", "-a", "nobody@example.test", program="iemsuser")
        self.fails(65, "sax@example.test is an alias of lisa@example.test", "user", "delete", "sax@example.test", "--yes")
        self.fails(64, "unknown option -Z", "-Z", program="iemsuser")
        self.fails(65, "permission 'maybe' is unknown", *new, "p@example.test", "-r", "maybe", program="iemsuser")
        self.assertIn("lisa@example.test", self.mail.run("-L", program="iemsuser").stdout.split())
        self.iems("alias", "delete", "sax@example.test")
        self.fails(67, "alias sax@example.test does not exist", "alias", "delete", "sax@example.test")

    def test_classic_options(self):   # IEMSUSER-03 IEMSUSER-04 IEMSUSER-05 ACCT-03 ACCT-05
        self.mail.run("-C", "-a", "maggie@example.test", "-p", "secret-1", "-f", "Maggie", "-l", "Simpson", "-h", "/home/m", "-r", "receive",
                      "-q", "7", "-w", "/web/m", "-m", "enable", "-t", "9", program="iemsuser")
        u = self.show("maggie@example.test")
        for key, value in (("first_name", "Maggie"), ("last_name", "Simpson"), ("home", "/home/m"), ("permission", "receive"),
                           ("quota_mb", 7), ("web_dir", "/web/m"), ("web_enabled", True), ("web_quota_mb", 9)):
            self.assertEqual(u[key], value, key)
        self.mail.run("-D", "-a", "maggie@example.test", program="iemsuser")
        self.assertEqual(self.rcpt("maggie@example.test"), 550)

    def test_rename_keeps_account_and_references(self):   # LIM-01 ACCT-11 DIR-37
        self.mail.user("old")
        self.iems("domain", "add", "catch.test", "--catch-all", "old@example.test")
        number = self.show("old@example.test")["account"]
        self.iems("user", "set", "old@example.test", "--rename", "new@example.test", "--last", "Changed")
        u = self.show("new@example.test")
        self.assertEqual((u["account"], u["last_name"], u["connectors"], u["aliases"]),
                         (number, "Changed", ["LOCAL$new@example.test"], []))
        self.assertEqual(self.rcpt("old@example.test"), 550)
        self.assertEqual(self.rcpt("anything@catch.test"), 250)
        self.mail.smtp(login="new@example.test").quit()

    def test_domains(self):   # MTA-03 ALIAS-01 ALIAS-03
        self.assertEqual(self.rcpt("x@music.ima.test"), 550)
        self.iems("domain", "add", "*.ima.test", "--catch-all", "bart@example.test")
        self.iems("domain", "alias", "jade.test", "example.test")
        self.assertEqual(self.rcpt("x@music.ima.test"), 250)
        self.assertEqual(self.rcpt("x@ima.test"), 550)
        self.assertEqual(self.rcpt("bart@jade.test"), 250)
        self.assertEqual(self.rcpt("nobody@jade.test"), 550)
        self.fails(73, "domain jade.test exists already", "domain", "add", "jade.test")
        self.fails(75, "default domain", "domain", "delete", "example.test")
        self.iems("domain", "delete", "jade.test")
        self.iems("domain", "delete", "*.ima.test")
        self.assertEqual(self.rcpt("bart@jade.test"), 550)

    def test_many_at_once(self):   # LIM-10 LIM-12
        hashed = self.ldap("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", "", "mail=bart@example.test", "iepassword").stdout
        hashed = [line.split(": ", 1)[1] for line in hashed.splitlines() if line.startswith("iepassword: ")][0]
        path = os.path.join(self.mail.parent, "users.csv")
        with open(path, "w", encoding="utf-8") as f:
            f.write("address,password,first name,last name,quota,aliases\n")
            f.writelines(f'many{i}@example.test,"{hashed}","First, {i}",Last,5,other{i}@example.test\n' for i in range(1000))
        self.assertIn("1000 users would be added", self.iems("user", "import", "--dry-run", path).stdout)
        self.assertIn("1000 users were added", self.iems("user", "import", path, timeout=300).stdout)
        self.assertEqual(self.rcpt("other999@example.test"), 250)
        self.mail.smtp(login="many500@example.test").quit()
        self.fails(65, "line 2: many0@example.test", "user", "import", path)
        self.assertIn("1000 users were deleted", self.iems("user", "delete", "--file", path, "--yes", timeout=300).stdout)
        self.assertEqual(self.rcpt("other999@example.test"), 550)

    # ---- other LDAP clients
    def test_foreign_writes_are_seen(self):   # DIR-02 DIR-08 DIR-14 DIR-19 DIR-36 ALIAS-05
        entry = ("dn: mail=ned@example.test,dc=example,dc=test\nobjectClass: ieperson\nobjectClass: iemessagestoreuser\n"
                 "mail: ned@example.test\nieaddress: ned@example.test\ncn: Ned\nsn: Flanders\nothermailbox: LOCAL$ned@example.test\n")
        self.ldap("ldapadd", input=entry)
        iems.wait_until("ned gets an account number", lambda: self.show("ned@example.test")["account"])
        self.assertEqual((self.rcpt("ned@example.test"), self.rcpt("NED@Example.Test")), (250, 250))
        self.assertIn("cn: Ned", self.ldap("ldapsearch", "-LLL", "-b", "", "(&(mail=NED@EXAMPLE.TEST)(cn=nEd))").stdout)
        twin = entry.replace("mail=ned@", "mail=twin@").replace("mail: ned@", "mail: twin@")
        self.assertNotEqual(self.ldap("ldapadd", input=twin, check=False).returncode, 0)   # ieaddress is ned's: refused
        self.ldap("ldapmodify", input="dn: mail=ned@example.test,dc=example,dc=test\nchangetype: modify\nreplace: ieenabled\n"
                                      "ieenabled: FALSE\n")
        iems.wait_until("ned is disabled", lambda: self.rcpt("ned@example.test") == 550)

    def test_anonymous_sees_names_alone(self):   # DIR-06 DIR-27 ACCT-14
        out = self.ldap("ldapsearch", "-LLL", "-b", "", "(mail=bart@example.test)", agent=False).stdout
        self.assertIn("sn: Tester", out)
        for secret in ("iepassword", "iescramkey", "ieaccountid", "iequota", "othermailbox", "argon2"):
            self.assertNotIn(secret, out)
        self.assertEqual(self.ldap("ldapsearch", "-LLL", "-b", "o=iems", agent=False, check=False).stdout.strip(), "")
        self.assertEqual(self.ldap("ldapsearch", "-LLL", "-b", "", "(iepassword=*)", "dn", agent=False).stdout.strip(), "")

    def test_options_live_in_the_directory(self):   # ARCH-13 DIR-16
        self.iems("config", "set", "smtpd.max_recipients", "5")
        iems.wait_until("the option is there", lambda: "5" in self.iems("config", "get", "smtpd.max_recipients").stdout.split())
        change = "dn: cn=options,o=iems\nchangetype: modify\n"
        self.ldap("ldapmodify", input=change + "delete: ieoption\nieoption: smtpd.max_recipients=5\n-\n"
                                               "add: ieoption\nieoption: smtpd.max_recipients=nonsense\n")
        iems.wait_until("the bad value is logged", lambda: "smtpd.max_recipients" in self.mail.log() and "nonsense" in self.mail.log())
        self.assertIn("smtpd.max_recipients = 5", self.iems("config", "get", "smtpd.max_recipients").stdout)   # the old one stays
        self.iems("config", "unset", "smtpd.max_recipients")
        self.assertIn("smtpd.max_recipients = 1000", self.iems("config", "get", "smtpd.max_recipients").stdout)

    def every_option(self):
        """name -> (value, where it comes from)"""
        lines = self.iems("config", "list", "--all").stdout.splitlines()
        return {m[1]: (m[2].strip(), m[3]) for m in (re.fullmatch(r"(\S+) (.*) \((.*)\)", line) for line in lines)}

    def test_lists_in_options_are_checked(self):   # RELAY-02, ROUTE-01, ROUTE-10, SMTPC-04
        for name, value, why in (("smtpd.relay_networks", "10.0.0.0/8 10.1.1", '"10.1.1" is not an address'), ("smtpc.retry", "5m 1x", "'1x' is no time"),
                                 ("smtpc.relay_host", "[relay.example", '"]" is missing'), ("smtpc.resolution", "Foo", "one of DNSOnly, DNSThenHostTable")):
            self.fails(65, f"{name}: {why}", "config", "set", name, value)
        self.iems("config", "set", "smtpc.resolution", "dnsthenhosttable")
        self.assertIn("smtpc.resolution = DNSThenHostTable", self.iems("config", "get", "smtpc.resolution").stdout)
        self.iems("config", "unset", "smtpc.resolution")

    def test_many_connections(self):   # LIM-28: no fixed number of sockets
        with contextlib.ExitStack() as open_ones:
            for _ in range(400):
                open_ones.enter_context(socket.create_connection(("127.0.0.1", self.mail.port("ldap")), 10 * iems.SLOW))
            self.assertIn("mail: lisa@example.test", self.ldap("ldapsearch", "-LLL", "-b", "dc=example,dc=test", "(mail=lisa@example.test)", "mail").stdout)
            self.iems("user", "set", "lisa@example.test", "--last", "Many")
        self.assertEqual(self.show("lisa@example.test")["last_name"], "Many")

    def test_every_option(self):   # DIR-16 MTA-15: what is in the table of options can be shown, set and unset
        before = self.every_option()
        names = [n for n in before if ".listen_" not in n]   # these belong to one host
        self.assertGreater(len(names), 100)
        names = names[::5]   # all are checked alike; this tries each kind
        for name in names:
            self.iems("config", "set", name, before[name][0])
        now = self.every_option()
        self.assertEqual([n for n in names if now[n] not in ((before[n][0], "directory"), (before[n][0], "iems.conf"))], [])
        for name in names:
            self.iems("config", "unset", name)
        self.assertEqual(self.every_option(), before)

    def test_export_and_import(self):   # DIR-38 DIR-39 DIR-42 LIM-27
        path = os.path.join(self.mail.parent, "all.ldif")
        self.iems("directory", "export", path)
        self.iems("directory", "export", path)
        self.assertTrue(os.path.exists(path + ".0"))   # nothing is overwritten
        self.assertEqual(os.stat(path).st_mode & 0o077, 0)
        self.assertIn("Would add 0 entries and change 0;", self.iems("directory", "import", "--dry-run", path).stdout)
        self.mail.user("gone")
        number = self.show("gone@example.test")["account"]
        self.iems("directory", "export", path + ".with")
        self.iems("user", "delete", "gone@example.test", "--yes")
        self.assertIn("Would add 1 entries", self.iems("directory", "import", "--dry-run", path + ".with").stdout)
        self.assertEqual(self.rcpt("gone@example.test"), 550)
        self.iems("directory", "import", path + ".with")
        # with a new number and an empty mailbox: what was deleted stays deleted
        iems.wait_until("the account is back", lambda: self.rcpt("gone@example.test") == 250 and self.show("gone@example.test")["account"] > number)
        self.mail.send("a@sender.example", ["gone@example.test"], iems.message())
        self.mail.wait_count("gone", 1)
        self.assertTrue([n for n in os.listdir(os.path.join(self.mail.dir, "directory")) if n.startswith("backup-")])
        self.fails(75, "instance to be stopped", "directory", "import", "--replace", path)

    def test_replace(self):   # DIR-01 DIR-40 DIR-41
        with iems.Instance(domain="replace.test") as mail:
            data = os.path.join(mail.dir, "directory")
            for user in ("old", "deleted"):
                mail.user(user)
            mail.run("peer", "set", "a.example", "max_sessions=3")
            mail.run("config", "set", "smtpd.max_recipients", "7")
            path = os.path.join(mail.parent, "all.ldif")
            mail.run("directory", "export", path)
            with mail.smtp() as s:
                s.sendmail("a@sender.example", ["old@replace.test"], iems.message())
            mail.wait_count("old", 1)
            mail.run("user", "set", "old@replace.test", "--first", "Changed")
            hashed = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$" + "A" * 43
            lines = "".join(f'v{i}@replace.test,"{hashed}"\n' for i in range(110))   # more numbers than were reserved before
            mail.run("user", "import", "-", input=lines)
            mail.user("new")
            with mail.smtp() as s:
                s.sendmail("a@sender.example", ["new@replace.test", "deleted@replace.test"], iems.message())
            mail.wait_count("new", 1)
            mail.wait_count("deleted", 1)
            mail.run("user", "delete", "deleted@replace.test", "--yes")
            mail.run("peer", "delete", "a.example")
            mail.run("config", "unset", "smtpd.max_recipients")
            mail.stop()
            bad = os.path.join(mail.parent, "bad.ldif")
            with open(path, encoding="utf-8") as f, open(bad, "w", encoding="utf-8") as g:
                g.write(f.read() + "\ndn: dc=nowhere,dc=missing\nobjectClass: nonsense\n")
            p = mail.run("directory", "import", "--replace", bad, check=False)
            self.assertNotEqual(p.returncode, 0)   # and what was there is there
            self.assertIn("can be loaded", mail.run("directory", "import", "--replace", "--dry-run", path).stdout)
            mail.start()
            given = [u["account"] for u in json.loads(mail.run("user", "list", "--json").stdout)]
            self.assertEqual(len(given), 112)
            mail.stop()
            done = mail.run("directory", "import", "--replace", path).stdout
            self.assertIn("The directory was replaced", done)
            self.assertIn("come back with empty mailboxes: 1.", done)
            self.assertIn("not in the file, and are deleted now: 111.", done)   # v0 to v109 and new
            self.assertIn("for a time (iems user list --deleted): 112.", done)
            self.assertTrue([n for n in os.listdir(data) if n.startswith("data.before-import")])
            self.assertTrue([n for n in os.listdir(data) if n.startswith("backup-")])
            mail.start()
            self.assertIn("old@replace.test", mail.run("user", "list").stdout)
            self.assertNotIn("new@replace.test", mail.run("user", "list").stdout)
            self.assertIn("max_sessions=3", mail.run("peer", "list").stdout)
            self.assertIn("smtpd.max_recipients = 7", mail.run("config", "get", "smtpd.max_recipients").stdout)
            self.assertIn('"first_name": "Old"', mail.run("user", "show", "old@replace.test", "--json").stdout)
            self.assertEqual(mail.count("old"), 1)
            with mail.smtp() as s:
                s.sendmail("a@sender.example", ["deleted@replace.test"], iems.message())
            mail.wait_count("deleted", 1)
            mail.user("after")   # no number is given twice: the store has mailboxes with those of the state before
            after = json.loads(mail.run("user", "show", "after@replace.test", "--json").stdout)["account"]
            self.assertGreater(after, max(given))
            gone = mail.run("user", "list", "--deleted").stdout   # LIM-20: mailboxes that the file does not know are nobody's secret
            for user in ("new", "deleted", "v109"):
                self.assertIn(f"{user}@replace.test", gone)
            mail.run("user", "undelete", "new@replace.test")
            self.assertEqual(mail.count("new"), 1)
            mail.run("user", "undelete", "deleted@replace.test", "--as", "deleted.old@replace.test")
            self.assertEqual((mail.count("deleted"), mail.count("deleted.old")), (1, 1))
            mail.run("config", "set", "store.undelete_time", "1")   # their time is over: they go for good
            iems.wait_until("deleted accounts are purged", lambda: "v109" not in mail.run("user", "list", "--deleted").stdout)
            self.assertEqual(sorted(a.split()[0] for a in mail.run("user", "list").stdout.split("\n") if "@" in a),
                             [f"{u}@replace.test" for u in ("after", "deleted.old", "deleted", "new", "old")])

    # ---- logins
    def auth(self, mechanism, user, password, tls=False, wrong_binding=False):
        """SCRAM-SHA-256 and -PLUS (tls-server-end-point) as a client does it; True, or the code of the refusal."""
        s = self.mail.smtp("submission", tls=tls)
        self.addCleanup(s.close)
        plus = mechanism.endswith("-PLUS")
        header = "p=tls-server-end-point,," if plus else "n,,"
        bound = hashlib.sha256(s.sock.getpeercert(True)).digest() if plus else b""
        if wrong_binding:
            bound = bound[::-1]
        first = f"n={user},r=fyko+d2lbbFgONRv9qkxdawL"
        code, challenge = s.docmd("AUTH", mechanism + " " + base64.b64encode((header + first).encode()).decode())
        if code != 334:
            return code
        server_first = base64.b64decode(challenge).decode()
        fields = dict(f.split("=", 1) for f in server_first.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        client = hmac.digest(salted, b"Client Key", "sha256")
        final = "c=" + base64.b64encode(header.encode() + bound).decode() + ",r=" + fields["r"]
        message = f"{first},{server_first},{final}".encode()
        proof = bytes(a ^ b for a, b in zip(client, hmac.digest(hashlib.sha256(client).digest(), message, "sha256")))
        code, answer = s.docmd(base64.b64encode((final + ",p=" + base64.b64encode(proof).decode()).encode()).decode())
        if code == 334:   # the server's signature, then nothing more to say
            signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
            self.assertEqual(base64.b64decode(answer).decode(), "v=" + base64.b64encode(signature).decode())
            code, answer = s.docmd("")
        return code

    def test_scram(self):   # SAUTH-03, RFC 5802, RFC 7677
        self.assertEqual(self.auth("SCRAM-SHA-256", "bart@example.test", iems.PASSWORD), 235)
        self.assertEqual(self.auth("SCRAM-SHA-256", "bart", iems.PASSWORD), 235)
        self.assertEqual(self.auth("SCRAM-SHA-256", "bart@example.test", "wrong-1"), 535)
        self.assertEqual(self.auth("SCRAM-SHA-256", "nobody@example.test", "wrong-1"), 535)
        self.assertEqual(self.auth("SCRAM-SHA-256-PLUS", "bart@example.test", iems.PASSWORD, tls=True), 235)
        self.assertEqual(self.auth("SCRAM-SHA-256-PLUS", "bart@example.test", iems.PASSWORD, tls=True, wrong_binding=True), 535)

    def test_password_change_ends_the_cache(self):   # ACCT-10
        self.mail.user("pat", "first-1")
        self.mail.smtp(login="pat@example.test", password="first-1").quit()
        self.iems("user", "passwd", "pat@example.test", "--password-stdin", input="second-2\n")
        with self.assertRaises(smtplib.SMTPAuthenticationError):
            self.mail.smtp(login="pat@example.test", password="first-1")
        self.mail.smtp(login="pat@example.test", password="second-2").quit()
        self.iems("user", "set", "pat@example.test", "--disable")
        with self.assertRaises(smtplib.SMTPAuthenticationError):
            self.mail.smtp(login="pat@example.test", password="second-2")

    def test_slapd_killed(self):   # DIR-20 SRV-12
        self.mail.smtp(login="lisa@example.test").quit()
        before = self.mail.pids()["slapd"]
        os.kill(before, signal.SIGKILL)
        self.assertEqual(self.rcpt("lisa@example.test"), 250)   # the mirror answers
        self.assertEqual(self.rcpt("nobody@example.test"), 550)
        self.mail.smtp(login="lisa@example.test").quit()
        iems.wait_until("slapd is back", lambda: self.mail.pids().get("slapd") not in (None, before))

        def add():
            return self.mail.run("-C", "-a", "after@example.test", "-p", "secret-1", check=False, program="iemsuser").returncode in (0, 73)
        iems.wait_until("accounts can be made again", add)
        self.assertEqual(self.rcpt("after@example.test"), 250)
        self.ldap("ldapmodify", input="dn: mail=after@example.test,dc=example,dc=test\nchangetype: modify\nadd: ieaddress\n"
                                      "ieaddress: resync@example.test\n")
        iems.wait_until("changes are followed again", lambda: self.rcpt("resync@example.test") == 250)


class Brake(unittest.TestCase):
    def test_guessing_is_slowed_then_refused(self):   # DIR-17
        mail = iems.Instance(config="[dir]\nbrake_failures = 3\n")
        with mail:
            mail.user("bart")
            mail.user("lisa")
            mail.smtp(login="lisa@example.test").quit()

            def guess(password):
                with mail.smtp("submission") as s:
                    start = time.monotonic()
                    plain = base64.b64encode(b"\0bart@example.test\0" + password.encode()).decode()
                    return s.docmd("AUTH", "PLAIN " + plain)[0], time.monotonic() - start
            results = [guess(f"guess-{i}") for i in range(6)]
            self.assertEqual([code for code, _ in results], [535] * 6)
            self.assertGreater(results[5][1], 1.0)
            self.assertEqual(guess("guess-7")[0], 454)
            self.assertEqual(guess(iems.PASSWORD)[0], 454)              # not even looked at from this network
            mail.smtp(login="lisa@example.test").quit()                 # known before: not locked out
            mail.wait_logged("login-brake what=network", "login-brake what=account")
            self.assertEqual(mail.log().count("login-brake what=network"), 1)
            self.assertEqual(mail.log().count("login-brake what=account"), 1)
            self.assertNotIn("guess-", mail.log())


if __name__ == "__main__":
    iems.main()
