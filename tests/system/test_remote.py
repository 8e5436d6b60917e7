"""Remote control between two hosts: what each role may do, keys that are not known, trust that ends, garbage on the port."""
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

import certificates
import iems

OPERATOR, WATCHED = "a.example.test", "b.example.test"
ON = "[remote]\nauto_start = yes\nmax_failures = 0\ntimeout = 3"


def frame(method, body, kind=1, number=1):
    length = 12 + len(body)
    return length.to_bytes(4, "little") + number.to_bytes(4, "little") + bytes([method, 0, kind, 0]) + len(body).to_bytes(4, "little") + body


class Remote(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.a, cls.b = (iems.Instance(hostname=name, config=ON) for name in (OPERATOR, WATCHED))
        starts = [threading.Thread(target=i.start) for i in (cls.a, cls.b)]
        for i in (cls.a, cls.b):
            cls.addClassCleanup(i.remove)
            cls.addClassCleanup(i.check_log)
            cls.addClassCleanup(i.stop)
        for t in starts:
            t.start()
        for t in starts:
            t.join()
        cls.keys = {i.hostname: i.run("host", "key").stdout.strip() for i in (cls.a, cls.b)}
        cls.scratch = tempfile.mkdtemp(prefix="iems-remote-")
        cls.addClassCleanup(shutil.rmtree, cls.scratch)

    def setUp(self):
        self.trust(self.a, self.b, "none")
        self.trust(self.b, self.a, "operate")

    def trust(self, at, other, role, key=None):
        at.run("host", "trust", other.hostname, f"127.0.0.1:{other.port('responder')}", key or self.keys[other.hostname], "--role", role)

    def refused(self, text, *args, code=None):
        p = self.a.run(*args, check=False)
        self.assertNotEqual(p.returncode, 0, p.stdout)
        self.assertIn(text, p.stderr)
        if code is not None:
            self.assertEqual(p.returncode, code, p.stderr)

    def allowed(self, *args):
        """The rows of a table come to the module a moment after the command that sets them."""
        return iems.wait_until(" ".join(args), lambda: self.a.run(*args, check=False).returncode == 0)

    def status(self):
        return json.loads(self.a.run("status", "--host", WATCHED, "--json", check=False).stdout)

    def state_of(self, module):
        return next(m["state"] for m in self.status()["modules"] if m["name"] == module)

    def test_key_is_private(self):   # RESP-14
        self.assertRegex(self.keys[OPERATOR], r"^[0-9a-f]{64}$")
        self.assertNotEqual(self.keys[OPERATOR], self.keys[WATCHED])
        mode = os.stat(os.path.join(self.a.dir, "tls", "control.pem")).st_mode & 0o777
        self.assertEqual(mode, 0o600)
        self.assertEqual(self.a.run("host", "key").stdout.strip(), self.keys[OPERATOR])

    def test_status(self):   # DEPL-03 RESP-10
        self.allowed("status", "--host", WATCHED)
        s = self.status()
        self.assertEqual((s["hostname"], s["all_ready"], s["log_level"]), (WATCHED, True, "message"))
        self.assertEqual({m["name"]: m["pid"] for m in s["modules"] if m["pid"]}, self.b.pids())
        store = s["store"]
        self.assertTrue(store["known"] and store["accepting"])
        self.assertGreater(store["disk_free"], 0)
        self.assertEqual(store["format"], store["found_format"])
        self.assertEqual(store["waiting"], 0)
        text = self.a.run("status", "--host", WATCHED).stdout
        self.assertRegex(text, r"store: takes mail, format \d+, disk free .* of .*\nqueued: 0")
        self.assertIn(f"{WATCHED} ({WATCHED}), IEMS", text)
        self.assertIn('iems_module_up{module="imapd"', self.a.run("metrics", "--host", WATCHED).stdout)
        own = json.loads(self.a.run("status", "--host", OPERATOR, "--json").stdout)   # itself, without a row
        self.assertEqual(own["hostname"], OPERATOR)
        self.refused("there is no host 'c.example.test'", "status", "--host", "c.example.test", code=67)

    def test_all_hosts(self):   # DEPL-03 RESP-11
        self.allowed("status", "--all-hosts")
        self.a.run("host", "set", "c.example.test", f"control=127.0.0.1:{iems.free_port()}", "fingerprint=" + 64 * "0", "role=none")
        iems.wait_until("the third host", lambda: "c.example.test" in self.a.run("status", "--all-hosts", check=False).stdout)
        text = self.a.run("status", "--all-hosts", check=False).stdout
        self.assertRegex(text, rf"(?m)^{WATCHED} +ready ")
        self.assertRegex(text, r"(?m)^c.example.test +- +c.example.test: .*refused")
        self.a.run("module", "stop", "slapd", "dir")
        p = self.a.run("status", "--all-hosts", "--json", check=False)
        self.assertIn("the directory does not answer", p.stderr)
        hosts = {h["host"]: h for h in json.loads(p.stdout)["hosts"]}
        self.assertEqual(sorted(hosts), [OPERATOR, WATCHED, "c.example.test"])
        self.assertTrue(hosts[WATCHED]["reached"] and not hosts["c.example.test"]["reached"])
        self.assertEqual(hosts[OPERATOR]["status"]["all_ready"], False)
        self.a.run("module", "start", "slapd", "dir")
        self.a.run("host", "delete", "c.example.test")

    def test_modules(self):   # DEPL-03 RESP-07 RESP-10
        self.allowed("status", "--host", WATCHED)
        self.a.run("module", "stop", f"pop3d@{WATCHED}")
        self.assertEqual(self.state_of("pop3d"), "stopped")
        self.assertNotIn("pop3d", self.b.pids())
        self.refused("", "status", "--host", WATCHED, code=69)
        self.a.run("module", "start", f"pop3d@{WATCHED}")
        self.assertEqual(self.state_of("pop3d"), "ready")
        pid = self.b.pids()["mta"]
        self.a.run("restart", f"mta@{WATCHED}")
        self.assertNotEqual(self.b.pids()["mta"], pid)
        self.b.wait_logged(f"host={OPERATOR} by=")
        self.assertRegex(self.b.log(), rf"remote-served host={OPERATOR} by=\S+ peer=127.0.0.1 role=operate method=action module=mta verb=restart result=\"done\"")
        self.refused("there is no module 'nonsense'", "module", "stop", f"nonsense@{WATCHED}", code=67)
        self.refused("on its host alone", "module", "stop", f"remote@{WATCHED}", code=77)
        self.refused("", "module", "stop", f"x-y@{WATCHED}", code=65)
        self.a.run("config", "reload", "--host", WATCHED)
        self.b.wait_logged("method=reload")

    def test_log_level(self):   # LOG-01 LOG-03: of one host alone, by hand
        self.allowed("status", "--host", WATCHED)
        self.a.run("log", "level", "debug", "--host", WATCHED)
        self.assertEqual(self.a.run("log", "level", "--host", WATCHED).stdout, "debug\n")
        self.assertEqual(self.a.run("log", "level").stdout, "message\n")
        self.b.run("config", "set", "smtpd.max_sessions", "77")   # options that change do not take it away
        self.a.run("module", "restart", f"mta@{WATCHED}")          # and modules that start have it
        self.b.wait_logged("info mta - connected service=store")
        self.assertEqual(self.b.run("log", "level").stdout, "debug\n")
        self.a.run("log", "level", "default", "--host", WATCHED)
        self.assertEqual(self.status()["log_level"], "message")
        self.refused("none of", "log", "level", "loud", code=65)
        self.refused("not a word", "log", "level", "loud", "--host", WATCHED, code=65)

    def test_all_modules(self):   # RESP-02 RESP-10
        self.allowed("status", "--host", WATCHED)
        self.a.run("module", "stop", f"all@{WATCHED}")
        self.assertEqual([m for m, _ in self.b.processes()], ["remote"])
        s = self.status()
        self.assertFalse(s["all_ready"])
        self.assertFalse(s["store"]["known"])
        self.a.run("module", "start", f"all@{WATCHED}")
        self.assertTrue(self.status()["all_ready"])

    def test_roles(self):   # RESP-14
        self.trust(self.b, self.a, "monitor")
        iems.wait_until("the role", lambda: self.a.run("config", "reload", "--host", WATCHED, check=False).returncode == 77)
        self.a.run("status", "--host", WATCHED)
        self.a.run("metrics", "--host", WATCHED)
        self.refused("action needs the role operate, and the calling host has monitor", "module", "stop", f"imapd@{WATCHED}", code=77)
        self.assertEqual(self.state_of("imapd"), "ready")
        self.trust(self.b, self.a, "none")
        iems.wait_until("no role", lambda: self.a.run("status", "--host", WATCHED, check=False).returncode == 77)
        self.refused("its role is none", "status", "--host", WATCHED, code=77)

    def test_keys(self):   # RESP-14
        self.trust(self.b, self.a, "operate", 64 * "1")
        iems.wait_until("another key", lambda: self.a.run("status", "--host", WATCHED, check=False).returncode == 77)
        self.refused("its key is not in the table of hosts", "status", "--host", WATCHED, code=77)
        self.b.wait_logged(f"remote-refused peer=127.0.0.1 fingerprint={self.keys[OPERATOR]}")   # what an administrator would enter
        self.b.run("host", "set", OPERATOR, "fingerprint=" + 64 * "2" + " " + ":".join(re.findall("..", self.keys[OPERATOR].upper())))
        self.allowed("status", "--host", WATCHED)
        self.trust(self.a, self.b, "none", 64 * "3")   # and the other way round: who answers there is not B
        iems.wait_until("an impostor", lambda: self.a.run("status", "--host", WATCHED, check=False).returncode != 0)
        self.refused("fingerprint", "status", "--host", WATCHED, code=77)
        self.a.run("host", "untrust", WATCHED)
        iems.wait_until("no key", lambda: "is not known" in self.a.run("status", "--host", WATCHED, check=False).stderr)

    # ---- with a client of our own: the protocol itself

    def connect(self, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if key:
            context.load_cert_chain(key)
        s = socket.create_connection(("127.0.0.1", self.b.port("responder")), timeout=20 * iems.SLOW)
        s = context.wrap_socket(s)
        self.addCleanup(s.close)
        return s

    @staticmethod
    def reply(s):
        data = b""
        while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "little"):
            more = s.recv(65536)
            if not more:
                return None
            data += more
        return data[10], data[16 + 4:].decode(errors="replace")

    def made_key(self, name, how=certificates.make):
        """A file with a certificate and its key, and the fingerprint that `iems host key` would print."""
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(how(self.scratch, name))
        der = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], check=True, capture_output=True, timeout=60).stdout
        return path, subprocess.run(["openssl", "dgst", "-sha256", "-r"], input=der, check=True, capture_output=True, timeout=60).stdout[:64].decode()

    def test_untrust_ends_connections(self):   # RESP-14
        path, fingerprint = self.made_key("d.example.test")
        self.b.run("host", "trust", "d.example.test", "127.0.0.1", fingerprint, "--role", "monitor")
        iems.wait_until("the host", lambda: self.ask(path)[0] == 2)
        s = self.connect(path)
        s.sendall(frame(1, b""))
        self.assertEqual(self.reply(s)[0], 2)
        s.sendall(frame(3, b"\x1a\x05imapd\x22\x04stop"))   # the role does not permit it; the connection goes on
        self.assertEqual(self.reply(s), (3, "action needs the role operate, and the calling host has monitor"))
        s.sendall(frame(20, b"") + frame(1, b""))           # a method of the command line
        self.assertEqual(self.reply(s), (3, "other hosts cannot ask for this"))
        self.assertEqual(self.reply(s)[0], 2)
        self.b.run("host", "untrust", "d.example.test")
        self.assertIsNone(self.reply(s))                    # ended without a word being said
        kind, text = self.ask(path)
        self.assertEqual((kind, text), (3, "its key is not in the table of hosts"))
        self.b.run("host", "delete", "d.example.test")

    def ask(self, key):
        s = self.connect(key)
        try:
            s.sendall(frame(1, b""))
        except OSError:
            pass   # the refusal came first
        answer = self.reply(s)
        s.close()
        return answer

    def test_ended_key(self):   # RESP-14
        path, fingerprint = self.made_key("old.example.test", certificates.make_ended)
        self.b.run("host", "trust", "old.example.test", "127.0.0.1", fingerprint, "--role", "operate")
        iems.wait_until("the host", lambda: self.ask(path) == (3, "its key has ended"))
        self.b.run("host", "delete", "old.example.test")

    def test_garbage(self):   # RESP-14: nothing of it does harm
        self.allowed("status", "--host", WATCHED)
        pid = self.b.pids()["remote"]
        at = ("127.0.0.1", self.b.port("responder"))
        quiet = [socket.create_connection(at, timeout=20 * iems.SLOW) for _ in range(200)]   # say nothing at all
        for s in quiet:
            self.addCleanup(s.close)
        for data in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000), b"\x16\x03\x01\x02\x00\x01", b"\x16\x03\x01\xff\xff" + b"A" * 70000):
            with socket.create_connection(at, timeout=20 * iems.SLOW) as s:
                try:
                    s.sendall(data)
                    while s.recv(65536):
                        pass
                except OSError:
                    pass
        self.a.run("status", "--host", WATCHED)   # while they are there: who says nothing keeps nobody out
        self.assertEqual(self.ask(None), (3, "it shows no certificate"))
        path, fingerprint = self.made_key("e.example.test")
        self.b.run("host", "trust", "e.example.test", "127.0.0.1", fingerprint, "--role", "operate")
        iems.wait_until("the host", lambda: self.ask(path)[0] == 2)
        for bad in (frame(1, b"\xff\xff\xff"), frame(1, b"x" * 5000), b"\xff\xff\xff\x7f", frame(1, b"", kind=2), frame(3, b"\x22\x04kill"),
                    frame(3, b"\x1a\x07../etc\x22\x04stop")):
            s = self.connect(path)
            s.sendall(bad)
            self.assertEqual(self.reply(s)[0], 3, bad)
            self.assertIsNone(self.reply(s), bad)
        with self.assertRaises(ssl.SSLError):
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname, old.verify_mode, old.maximum_version = False, ssl.CERT_NONE, ssl.TLSVersion.TLSv1_2
            old.wrap_socket(socket.create_connection(at, timeout=20 * iems.SLOW))
        self.b.run("host", "delete", "e.example.test")
        self.assertEqual(self.b.pids()["remote"], pid)
        self.b.check_log()

    def test_too_many_failures(self):   # RESP-14
        self.allowed("status", "--host", WATCHED)
        self.b.run("module", "stop", "remote")   # counts begin anew
        conf = os.path.join(self.b.dir, "iems.conf")
        with open(conf, encoding="utf-8") as f:
            text = f.read()
        def fail_and_call():   # a minute may end between the failures and the call
            for _ in range(3):
                try:
                    self.assertEqual(self.ask(None), (3, "it shows no certificate"))
                except OSError:
                    pass   # turned away already
            return self.a.run("status", "--host", WATCHED, check=False).returncode == 0

        for limit, works in (("3", False), ("0", True)):
            with open(conf, "w", encoding="utf-8") as f:
                f.write(text.replace("max_failures = 0", f"max_failures = {limit}"))
            self.b.run("config", "reload")
            self.b.run("module", "start", "remote")
            iems.wait_until(f"a limit of {limit} failures", lambda w=works: fail_and_call() == w)


if __name__ == "__main__":
    unittest.main()
