"""Tables of configuration: the commands, rows written by hand, restarts, instances that are older than the tables."""
import json
import os
import socket
import subprocess
import tempfile
import unittest

import iems

AGENT = "cn=directory agent,o=iems"


class Tables(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mail = iems.Instance().start()
        cls.addClassCleanup(cls.mail.remove)
        cls.addClassCleanup(cls.mail.stop)

    def iems(self, *args, **how):
        return self.mail.run(*args, **how)

    def fails(self, code, text, *args, input=None):
        p = self.mail.run(*args, check=False, input=input)
        self.assertEqual(p.returncode, code, p.stdout + p.stderr)
        self.assertIn(text, p.stderr)

    def rows(self, table):
        return {r["key"]: r["columns"] for r in json.loads(self.iems(table, "list", "--json").stdout)}

    def show(self, table, key):
        return json.loads(self.iems(table, "show", key, "--json").stdout)

    def ldap(self, tool, *args, input=None):
        uri = "ldapi://" + (self.mail.dir + "/run/ldapi").replace("/", "%2F")
        with open(os.path.join(self.mail.dir, "directory", "rootpw"), encoding="ascii") as f:
            argv = [tool, "-x", "-H", uri, "-D", AGENT, "-w", f.read().strip(), *args]
        p = subprocess.run(argv, input=input, capture_output=True, text=True, timeout=60, env=dict(os.environ, LDAPNOINIT="1"))
        self.assertEqual(p.returncode, 0, p.stderr)
        return p.stdout

    def test_default_peer(self):   # PEER-03
        self.assertIn("*", self.rows("peer"))
        self.fails(77, "stays", "peer", "delete", "*")
        self.iems("peer", "set", "*", "max_sessions=9")
        self.assertEqual(self.show("peer", "unknown.example")["row"], "*")
        self.iems("peer", "unset", "*", "max_sessions")
        self.assertEqual(self.rows("peer")["*"], {})

    def test_set_show_unset_delete(self):   # PEER-01 PEER-02 PEER-04
        self.iems("peer", "set", "XYZ.example", "max_sessions=2", "tls=DANE", "note=two words")
        self.iems("peer", "set", "engr.xyz.example", "accept=no")
        self.assertEqual(self.rows("peer")["xyz.example"], {"max_sessions": "2", "tls": "dane", "note": "two words"})
        shown = self.show("peer", "mail.xyz.example")
        self.assertEqual(shown["row"], "xyz.example")
        self.assertEqual(shown["columns"]["max_sessions"], {"value": "2", "default": False})
        self.assertEqual(shown["columns"]["run_interval"], {"value": "15m", "default": True})
        self.assertEqual(self.show("peer", "a.engr.xyz.example")["row"], "engr.xyz.example")
        text = self.iems("peer", "show", "mail.xyz.example").stdout
        self.assertIn("the row xyz.example counts for it", text)
        self.assertRegex(text, r"run_interval +15m \(default\)")
        self.iems("peer", "set", "xyz.example", "max_sessions=3")
        self.iems("peer", "unset", "xyz.example", "tls", "note")
        self.assertEqual(self.rows("peer")["xyz.example"], {"max_sessions": "3"})
        self.iems("peer", "delete", "xyz.example", "engr.xyz.example")
        self.assertNotIn("xyz.example", self.rows("peer"))
        self.fails(67, "peer has no row 'xyz.example'", "peer", "delete", "xyz.example")
        self.fails(67, "peer has no row 'xyz.example'", "peer", "unset", "xyz.example", "tls")

    def test_what_is_wrong_is_told(self):
        self.fails(67, "did you mean 'max_sessions'?", "peer", "set", "a.example", "max_sesions=2")
        self.fails(67, "did you mean 'max_sessions'?", "peer", "unset", "a.example", "max_sesions")
        self.fails(65, "one of default, allow, deny", "access", "set", "192.0.2.0/24", "relay=yes")
        self.fails(65, "is not: address, network", "access", "set", "example.org", "relay=allow")
        self.fails(65, "is not column=value", "peer", "set", "a.example", "tls")
        self.fails(65, "needs tls_fingerprint", "peer", "set", "a.example", "tls=fingerprint")   # STLS-03
        self.iems("peer", "set", "a.example", "tls=fingerprint", "tls_fingerprint=" + "00" * 32)
        self.fails(65, "needs tls_fingerprint", "peer", "unset", "a.example", "tls_fingerprint")
        self.fails(65, "line 2: r.example has a user, but no password_file", "route", "import", "-", input="b.example hosts=r.example\nc.example hosts=r.example user=me\n")
        self.assertEqual(self.rows("route"), {})
        self.iems("peer", "delete", "a.example")
        self.fails(64, "usage: iems peer set KEY", "peer", "set")
        self.fails(64, "there is no command 'access frob'; there are:\n  iems access test", "access", "frob")
        self.fails(64, "'access' what? There are:\n  iems access test", "access")
        self.assertIn("iems access import", self.iems("access", "--help").stdout)
        help_text = self.iems("help", "peer", "set").stdout
        self.assertIn("max_sessions", help_text)
        self.assertRegex(help_text, r"Default:\s+opportunistic\.")
        self.assertIn("iems route import", self.iems("help", "route").stdout)
        completion = self.iems("completion", "bash").stdout
        self.assertIn("access:set:relay) words=\"default allow deny\"", completion)
        self.assertIn(".TP\n.B keep_tags\n", self.iems("help", "--man").stdout)

    def test_networks(self):   # CONNCTL-02 RELAY-04
        self.iems("access", "set", "192.0.2.77/24", "connect=deny")
        self.iems("access", "set", "192.0.2.5-192.0.2.9", "connect=allow")
        self.assertEqual(self.show("access", "192.0.2.7")["row"], "192.0.2.5-192.0.2.9")
        self.assertEqual(self.show("access", "192.0.2.10")["row"], "192.0.2.0/24")
        self.assertIsNone(self.show("access", "198.51.100.1")["row"])
        for key in ("*", "0.0.0.0/0"):
            p = self.iems("access", "set", key, "relay=allow")
            self.assertIn("open relay", p.stderr)
        self.iems("access", "delete", "*", "0.0.0.0/0", "192.0.2.0/24", "192.0.2.5-192.0.2.9")

    def test_hosts(self):   # RESP-12
        self.iems("host", "set", "Mail2.example", "mail=192.0.2.2:2525", "role=monitor", "fingerprint=" + ":".join(32 * ["0A"]))
        row = self.ldap("ldapsearch", "-LLL", "-b", "o=iems", "(objectClass=iemachine)", "iekey", "ievalue")
        self.assertIn("iekey: mail2.example\n", row)
        self.assertIn("ievalue: mail=192.0.2.2:2525\n", row)
        self.fails(65, "64 hexadecimal digits", "host", "set", "mail2.example", "fingerprint=0a")
        self.fails(65, "not a list", "host", "set", "mail2.example", "control=a.example b.example")
        self.iems("host", "set", "mail2.example", "role=operate")
        self.assertEqual(self.show("host", "mail2.example")["columns"]["control"], {"value": "", "default": True})
        self.iems("host", "delete", "mail2.example")
        self.assertEqual(self.rows("host"), {})

    def greeting(self):
        with socket.create_connection(("127.0.0.1", self.mail.port("smtp")), timeout=30) as s:
            return s.recv(1000)[:1]

    def test_change_is_live_and_stays(self):   # CONNCTL-01 CONNCTL-02
        self.assertEqual(self.greeting(), b"2")
        self.iems("access", "set", "127.0.0.0/8", "connect=deny")
        iems.wait_until("the module follows", lambda: self.greeting() in (b"4", b"5"), 2)
        self.iems("access", "set", "127.0.0.1", "connect=allow")
        iems.wait_until("the narrowest network counts", lambda: self.greeting() == b"2", 2)
        self.iems("access", "delete", "127.0.0.1")
        iems.wait_until("the module follows", lambda: self.greeting() in (b"4", b"5"), 2)
        self.mail.stop()
        self.mail.start()
        self.assertIn(self.greeting(), (b"4", b"5"))   # from the first connection on
        self.iems("access", "delete", "127.0.0.0/8")
        iems.wait_until("the module follows", lambda: self.greeting() == b"2", 2)

    def test_import_export(self):
        lines = "# senders\n@spam.example\n\ngood@spam.example action=accept note=\"a friend\"\n"
        self.fails(65, "line 2: 'nonsense' is not", "sender", "import", "-", input="@a.example\nnonsense\n")
        self.assertIn("2 rows would be set", self.iems("sender", "import", "--dry-run", "-", input=lines).stdout)
        self.assertEqual(self.rows("sender"), {})
        self.assertIn("2 rows were set", self.iems("sender", "import", "-", input=lines).stdout)
        exported = self.iems("sender", "export").stdout
        self.assertEqual(exported, "@spam.example\ngood@spam.example action=accept note=\"a friend\"\n")
        as_csv = self.iems("sender", "export", "--csv").stdout
        self.assertEqual(as_csv, "key,action,note\n@spam.example,,\ngood@spam.example,accept,a friend\n")
        self.iems("sender", "delete", "@spam.example", "good@spam.example")
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
            f.write(as_csv)
            f.flush()
            self.iems("sender", "import", f.name)
        self.assertEqual(self.iems("sender", "export").stdout, exported)
        self.iems("sender", "delete", "@spam.example", "good@spam.example")

    def test_pages(self):
        keys = [f"10.{i // 256}.{i % 256}.0/24" for i in range(2500)]
        self.iems("access", "import", "-", input="".join(f"{k} dnsbl=no\n" for k in keys))
        self.assertEqual(list(self.rows("access")), keys)
        self.assertEqual(self.iems("access", "list", "10.1.7.").stdout.split()[0], "10.1.7.0/24")
        self.mail.run("restart", "dir")   # what is in the directory stays
        iems.wait_until("rows are there again", lambda: self.mail.run("access", "list", check=False).stdout.count("\n") == 2500)
        self.iems("access", "delete", *keys)
        self.assertEqual(self.rows("access"), {})

    def test_rows_by_hand(self):
        dn = "iekey=hand.example,ietable=peer,o=iems"
        self.ldap("ldapadd", input=f"dn: {dn}\nobjectClass: ietablerow\niekey: hand.example\nievalue: max_sessions=4\n")
        iems.wait_until("the row", lambda: self.rows("peer").get("hand.example") == {"max_sessions": "4"})
        self.ldap("ldapmodify", input=f"dn: {dn}\nchangetype: modify\nreplace: ievalue\nievalue: max_sessions=many\n")
        iems.wait_until("the log tells", lambda: "not 'many'" in self.mail.log())
        self.assertEqual(self.rows("peer")["hand.example"], {"max_sessions": "4"})   # the row before stays
        self.iems("peer", "set", "hand.example", "tls=none")   # and a command puts it right
        self.assertEqual(self.rows("peer")["hand.example"], {"max_sessions": "4", "tls": "none"})
        self.ldap("ldapadd", input="dn: iekey=Hand2.example.,ietable=peer,o=iems\nobjectClass: ietablerow\niekey: Hand2.example.\n")
        iems.wait_until("the log tells", lambda: "must be written as 'hand2.example'" in self.mail.log())
        self.ldap("ldapdelete", dn, "iekey=Hand2.example.,ietable=peer,o=iems")
        iems.wait_until("the row is gone", lambda: "hand.example" not in self.rows("peer"))

    def test_older_instance(self):
        self.iems("route", "set", "lost.example", "hosts=[192.0.2.1]")
        self.ldap("ldapdelete", "-r", "ietable=route,o=iems", "ietable=peer,o=iems")
        iems.wait_until("no rows", lambda: self.rows("route") == {} and self.rows("peer") == {})
        self.iems("route", "set", "new.example", "hosts=relay.example:2525 [192.0.2.1]")   # the container is made again
        self.assertEqual(self.rows("route"), {"new.example": {"hosts": "relay.example:2525 [192.0.2.1]"}})
        self.mail.run("restart", "dir")
        iems.wait_until("PEER-03", lambda: self.mail.run("peer", "list", check=False).stdout.startswith("* "))
        self.iems("route", "delete", "new.example")


if __name__ == "__main__":
    unittest.main()
