"""Certificates: by name (SNI), live change, warnings, and by ACME from pebble, the test server of Let's Encrypt.
STLS-01; RFC 6066 section 3, RFC 8555, RFC 8737."""
import datetime
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import unittest

import iems
from certificates import make, make_ended, openssl


def peer(port, name, ciphers=None):
    """The certificate that a client sees which asks for `name`, in DER."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if ciphers:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s, context.wrap_socket(s, server_hostname=name) as t:
        return t.getpeercert(True)


def public_key(der):
    return subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-pubkey"], input=der, capture_output=True, check=True).stdout


def text(der):
    return subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-subject", "-issuer", "-serial", "-ext", "subjectAltName"],
                          input=der, capture_output=True, check=True).stdout.decode()


class ByName(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="iems-certs-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def file(self, content, name="new.pem"):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(content)
        return path

    def wait_for(self, port, name, what, ciphers=None):
        iems.wait_until(f"{name} shows {what}", lambda: what in text(peer(port, name, ciphers)))

    def test_names_live_change_and_kinds_of_keys(self):
        with iems.Instance() as i:
            imaps, submissions = i.port("imaps"), i.port("submissions")
            self.assertIn("CN = mail.example.test", text(peer(imaps, "one.example.test")))
            i.run("certificate", "install", "one.example.test", self.file(make(self.folder, "one.example.test")))
            i.run("certificate", "install", "*.wild.test", self.file(make(self.folder, "*.wild.test")))
            for port in imaps, submissions:
                self.wait_for(port, "one.example.test", "CN = one.example.test")
                self.wait_for(port, "any.wild.test", "CN = *.wild.test")
                self.assertIn("CN = mail.example.test", text(peer(port, "other.test")))
            # another certificate in place of the file is seen by itself, without ending sessions
            address = i.user("lisa")
            box = i.imap(address) if hasattr(i, "imap") else None
            both = make(self.folder, "one.example.test") + make(self.folder, "one.example.test", key=("-newkey", "rsa:2048"))
            first = peer(imaps, "one.example.test")
            path = os.path.join(i.dir, "tls", "one.example.test.pem")
            with open(path, "w", encoding="ascii") as f:
                f.write(both)
            iems.wait_until("the new certificate", lambda: peer(imaps, "one.example.test") != first)
            ecdsa = peer(imaps, "one.example.test", "ECDHE-ECDSA-AES128-GCM-SHA256")
            rsa = peer(imaps, "one.example.test", "ECDHE-RSA-AES128-GCM-SHA256")
            self.assertNotEqual(ecdsa, rsa)
            if box:
                box.noop()
                box.logout()
            # a broken one changes nothing and says why
            with open(path, "w", encoding="ascii") as f:
                f.write("-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n")
            iems.wait_until("the reason in the log", lambda: 'action="keeping the old one"' in i.log())
            self.assertEqual(peer(imaps, "one.example.test", "ECDHE-RSA-AES128-GCM-SHA256"), rsa)
            p = i.run("config", "reload", check=False)
            self.assertNotEqual(p.returncode, 0)
            self.assertIn("one.example.test.pem", p.stderr)
            self.assertIn("one.example.test", i.run("status", i.dir).stdout)
            p = i.run("certificate", "install", "two.example.test", path, check=False)
            self.assertIn("certificate is damaged", p.stderr)
            p = i.run("certificate", "install", "two.example.test", self.file(make(self.folder, "three.test")), check=False)
            self.assertIn("not for two.example.test", p.stderr)
            i.run("certificate", "delete", "one.example.test")
            self.wait_for(imaps, "one.example.test", "CN = mail.example.test")

    def test_warnings(self):
        with iems.Instance() as i:
            address = i.user("lisa")
            i.run("config", "set", "dir.postmaster", address)   # MTA-13, NOTIF-01
            i.run("certificate", "install", "soon.example.test", self.file(make(self.folder, "soon.example.test", days=3)))
            i.run("certificate", "install", "late.example.test", self.file(make(self.folder, "late.example.test", days=40)))
            iems.wait_until("the certificate", lambda: "soon.example.test" in i.run("status", i.dir).stdout)
            self.assertRegex(i.run("status", i.dir).stdout, "expires in [23] days")
            self.assertNotIn("late.example.test", i.run("status", i.dir).stdout)
            self.assertRegex(i.run("metrics").stdout, r'iems_certificate_expiry_seconds\{name="soon.example.test"\} \d+')
            rows = {r["name"]: r for r in json.loads(i.run("certificate", "status", "--json").stdout)}
            self.assertTrue(rows["soon.example.test"]["self_signed"])
            self.assertEqual(rows["soon.example.test"]["keys"], "ECDSA")
            # one mail to the postmaster, not one each time
            i.run("config", "set", "acme.retry", "1h")
            iems.wait_until("the mail", lambda: "certificate-warning" in i.log(), 20)
            i.run("config", "set", "acme.retry", "2h")
            mails = iems.wait_until("the mail in the mailbox", lambda: self.subjects(i, address))
            self.assertEqual(mails, ["Certificates of mail.example.test end soon"])
            self.assertEqual(i.log().count("certificate-warning to=<postmaster@example.test>"), 1)
            self.ended(i, address)

    def ended(self, i, address):
        """It is not put in place by the command; where it stands, it is used still, and told wherever one may look."""
        name, content = "ended.example.test", make_ended(self.folder, "ended.example.test")
        p = i.run("certificate", "install", name, self.file(content), check=False)
        self.assertNotEqual(p.returncode, 0)
        self.assertIn("has ended already", p.stderr)
        with open(os.path.join(i.dir, "tls", name + ".pem"), "w", encoding="ascii") as f:
            f.write(content)
        i.run("certificate", "set", name, "acme=no")
        self.wait_for(i.port("imaps"), name, "CN = " + name)
        trusting = ssl.create_default_context(cafile=self.file(content))
        with socket.create_connection(("127.0.0.1", i.port("imaps")), timeout=10) as s:
            with self.assertRaisesRegex(ssl.SSLCertVerificationError, "certificate has expired"):
                trusting.wrap_socket(s, server_hostname=name)
        self.assertRegex(i.run("status", i.dir).stdout, f"{name}.*: expired \\d+ days ago")
        self.assertRegex(i.run("certificate", "status").stdout, f"(?m)^{name} +2020-02-01 +-\\d+ .*\n +has ended: ")
        i.run("config", "set", "acme.retry", "1h")   # a look at once
        iems.wait_until("the mail", lambda: "Certificates of mail.example.test have ended" in self.subjects(i, address))

    @staticmethod
    def subjects(i, address):
        import email
        import imaplib
        with imaplib.IMAP4("127.0.0.1", i.port("imap")) as box:
            box.login(address, iems.PASSWORD)
            box.select("INBOX")
            return [email.message_from_bytes(box.fetch(n, "(RFC822)")[1][0][1])["Subject"]
                    for n in box.search(None, "ALL")[1][0].split()]


class Acme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pebble_program, cls.dns_program = shutil.which("pebble"), shutil.which("pebble-challtestsrv")
        if not cls.pebble_program or not cls.dns_program:
            raise unittest.SkipTest("pebble is not installed")
        cls.folder = tempfile.mkdtemp(prefix="iems-pebble-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.dns, cls.management, cls.directory, cls.manage = (iems.free_port() for _ in range(4))
        cls.instance = iems.Instance(hostname="mail.acme.test", domain="acme.test")
        cls.addClassCleanup(cls.instance.remove)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", cls.path("key.pem"), "-out", cls.path("ca.pem"),
                "-days", "2", "-subj", "/CN=pebble", "-addext", "subjectAltName=IP:127.0.0.1")
        cls.processes = []
        cls.run_program(cls.dns_program, "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", f"127.0.0.1:{cls.dns}",
                        "-http01", "", "-https01", "", "-tlsalpn01", "", "-management", f"127.0.0.1:{cls.management}")
        cls.addClassCleanup(cls.end)
        iems.wait_until("the test DNS", lambda: cls.listens(cls.management))
        i = cls.instance
        shutil.copy(cls.path("ca.pem"), os.path.join(i.dir, "tls", "pebble.pem"))
        i.configure(f"""[acme]
directory = https://127.0.0.1:{cls.directory}/dir
ca_file = pebble.pem
contact = hostmaster@acme.test
listen_http = default
retry = 1h""")
        with open(cls.path("pebble.json"), "w", encoding="ascii") as f:
            json.dump({"pebble": {"listenAddress": f"127.0.0.1:{cls.directory}", "managementListenAddress": f"127.0.0.1:{cls.manage}",
                                  "certificate": cls.path("ca.pem"), "privateKey": cls.path("key.pem"), "httpPort": i.port("http"),
                                  "tlsPort": i.port("imaps"), "ocspResponderURL": "", "externalAccountBindingRequired": False}}, f)
        cls.pebble = cls.run_pebble()
        i.start()
        cls.addClassCleanup(cls.stop)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def run_program(cls, *argv, **env):
        log = open(cls.path("log"), "ab")
        p = subprocess.Popen(argv, stdout=log, stderr=log, env=dict(os.environ, **env))
        cls.processes.append(p)
        log.close()
        return p

    @classmethod
    def run_pebble(cls):
        p = cls.run_program(cls.pebble_program, "-config", cls.path("pebble.json"), "-strict", "-dnsserver", f"127.0.0.1:{cls.dns}",
                            PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT="20")
        iems.wait_until("pebble", lambda: cls.listens(cls.directory))
        return p

    @staticmethod
    def listens(port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    @classmethod
    def end(cls):
        for p in cls.processes:
            p.kill()
            p.wait()

    @classmethod
    def stop(cls):
        cls.instance.stop()
        cls.instance.check_log()

    def state(self, name):
        rows = json.loads(self.instance.run("certificate", "status", "--json").stdout)
        return next(r for r in rows if r["name"] == name)

    def test_1_terms_come_first(self):
        p = self.instance.run("certificate", "request", "first.acme.test", check=False)
        self.assertNotEqual(p.returncode, 0)
        self.assertIn("acme.agree_terms", p.stderr)
        self.assertEqual(self.state("first.acme.test")["failures"], 1)
        self.instance.run("certificate", "delete", "first.acme.test")

    def test_2_http_01_and_renewal(self):
        i = self.instance
        i.run("config", "set", "acme.agree_terms", "yes")
        i.run("certificate", "request", "mail.acme.test")
        seen = peer(i.port("imaps"), "mail.acme.test")
        self.assertIn("Pebble", text(seen))
        self.assertIn("DNS:mail.acme.test", text(seen))
        # who asks for no name that is known sees the server's own
        self.assertEqual(peer(i.port("submissions"), "unknown.test"), seen)
        row = self.state("mail.acme.test")
        self.assertEqual((row["loaded"], row["acme"], row["failures"], row["keys"]), (True, True, 0, "ECDSA"))
        mode = os.stat(os.path.join(i.dir, "tls", "acme.json")).st_mode
        self.assertEqual(mode & 0o077, 0)
        i.run("config", "set", "acme.keys", "ecdsa rsa")
        i.run("certificate", "renew", "mail.acme.test")
        ecdsa = peer(i.port("imaps"), "mail.acme.test", "ECDHE-ECDSA-AES128-GCM-SHA256")
        rsa = peer(i.port("imaps"), "mail.acme.test", "ECDHE-RSA-AES128-GCM-SHA256")
        self.assertEqual(3, len({seen, ecdsa, rsa}))
        # RFC 7671 section 8.1: the key stays, and TLSA records of it are right, until another is asked for
        self.assertEqual(public_key(seen), public_key(ecdsa))
        i.run("config", "unset", "acme.keys")
        i.run("config", "set", "acme.keep_keys", "no")
        i.run("certificate", "renew", "mail.acme.test")
        self.assertNotEqual(public_key(peer(i.port("imaps"), "mail.acme.test")), public_key(seen))
        i.run("config", "unset", "acme.keep_keys")

    def test_3_tls_alpn_01_on_the_imaps_port(self):
        i = self.instance
        i.run("config", "set", "acme.challenge", "tls-alpn-01")
        i.run("certificate", "request", "alpn.acme.test")
        self.assertIn("Pebble", text(peer(i.port("pop3s"), "alpn.acme.test")))

    def test_4_by_itself(self):
        """A row alone is enough; what is due is renewed without being asked; an authority that lost its accounts is no obstacle."""
        i = self.instance
        self.pebble.kill()
        self.pebble.wait()
        type(self).pebble = self.run_pebble()
        i.run("config", "set", "acme.challenge", "http-01")
        old = make(self.folder, "own.acme.test", days=90)
        with open(os.path.join(i.dir, "tls", "own.acme.test.pem"), "w", encoding="ascii") as f:
            f.write(old)
        i.run("certificate", "set", "own.acme.test", "acme=yes")
        iems.wait_until("the row", lambda: any(r["name"] == "own.acme.test" for r in
                                               json.loads(i.run("certificate", "status", "--json").stdout)))
        i.run("config", "set", "acme.timeout", "4m")   # a look at once
        iems.wait_until("a certificate", lambda: "Pebble" in text(peer(i.port("imaps"), "own.acme.test")), 20)

    def test_5_refusal(self):
        i = self.instance
        before = peer(i.port("imaps"), "mail.acme.test")
        with open(self.path("bad"), "w", encoding="ascii"):
            pass
        subprocess.run(["curl", "-s", "-d", '{"host":"nowhere.acme.test","addresses":["127.0.0.2"]}',
                        f"http://127.0.0.1:{self.management}/add-a"], check=True, capture_output=True)
        p = i.run("certificate", "request", "nowhere.acme.test", check=False)
        self.assertNotEqual(p.returncode, 0)
        self.assertIn("was not accepted", p.stderr)
        row = self.state("nowhere.acme.test")
        self.assertEqual((row["loaded"], row["failures"]), (False, 1))
        self.assertGreater(row["next"], datetime.datetime.now().timestamp() + 1000)
        self.assertIn("could not be renewed", i.run("certificate", "status").stdout)
        self.assertEqual(peer(i.port("imaps"), "mail.acme.test"), before)
        p = i.run("certificate", "request", "*.acme.test", check=False)
        self.assertIn("proof by DNS", p.stderr)


if __name__ == "__main__":
    iems.main()
