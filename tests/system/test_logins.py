"""Logins with other proofs than a password: SCRAM-SHA-1, clients' certificates (EXTERNAL), tokens (OAUTHBEARER, XOAUTH2);
what is announced when, the same for SMTP, IMAP and POP3; ALPN. SAUTH-01 to SAUTH-03, STLS-03; RFC 4422, RFC 5802, RFC 7301,
RFC 7628."""
import base64
import contextlib
import hashlib
import hmac
import imaplib
import json
import os
import poplib
import re
import shutil
import smtplib
import ssl
import subprocess
import tempfile
import time
import unittest

import iems

ISSUER, AUDIENCE = "https://id.example.test", "mail.example.test"


def openssl(*args, input=None):
    return subprocess.run(["openssl", *args], check=True, capture_output=True, input=input).stdout


def url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw_signature(der):
    """r and s of an ECDSA signature behind each other, as tokens have them."""
    out, at = b"", 2
    for _ in range(2):
        size = der[at + 1]
        out += der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return out


class Issuer:
    """Keys of both kinds and tokens made with them, by the command openssl."""

    def __init__(self, folder):
        self.folder = folder
        openssl("genrsa", "-out", self.path("rsa"), "2048")
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path("ec"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def key_set(self):
        modulus = bytes.fromhex(openssl("rsa", "-in", self.path("rsa"), "-noout", "-modulus").decode().strip().split("=")[1])
        point = openssl("ec", "-in", self.path("ec"), "-pubout", "-outform", "DER")[-64:]
        return json.dumps({"keys": [
            {"kty": "RSA", "kid": "one", "use": "sig", "n": url(modulus), "e": "AQAB"},
            {"kty": "EC", "kid": "two", "alg": "ES256", "crv": "P-256", "x": url(point[:32]), "y": url(point[32:])}]})

    def token(self, email, kind="rsa", **claims):
        header = {"alg": "RS256", "kid": "one"} if kind == "rsa" else {"alg": "ES256", "kid": "two"}
        body = dict({"iss": ISSUER, "aud": [AUDIENCE], "exp": int(time.time()) + 300, "email": email}, **claims)
        signed = (url(json.dumps(header).encode()) + "." + url(json.dumps(body).encode())).encode()
        signature = openssl("dgst", "-sha256", "-sign", self.path(kind), input=signed)
        return signed.decode() + "." + url(signature if kind == "rsa" else raw_signature(signature))


class Logins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="iems-logins-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.mail = iems.Instance(config="[dir]\nbrake_failures = 0\n")   # all from one address
        cls.addClassCleanup(cls.mail.remove)
        cls.mail.start()
        cls.addClassCleanup(cls.stop)
        cls.lisa, cls.bart = cls.mail.user("lisa"), cls.mail.user("bart")

    @classmethod
    def stop(cls):
        cls.mail.stop()
        cls.mail.check_log()

    def path(self, name):
        return os.path.join(self.folder, name)

    def tls(self, certificate=None, protocols=None):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(certificate)
        if protocols:
            context.set_alpn_protocols(protocols)
        return context

    def hashes(self):
        return int(re.search(r"(?m)^iems_dir_hashes_total\S* (\d+)$", self.mail.run("metrics").stdout)[1])

    def test_many_at_once(self):
        """SAUTH-01: a client that opens all its connections at once pays for its password once (twice, where two processors
        begin with it together), and those who come after it do not wait for the rest."""
        self.mail.user("marge")
        before = self.hashes()
        clients = [imaplib.IMAP4("127.0.0.1", self.mail.port("imap")) for _ in range(12)]
        for c in clients:
            c.send(b'a LOGIN "marge@example.test" "%s"\r\n' % iems.PASSWORD.encode())
        for c in clients:
            self.assertIn(b"a OK", c.readline())
            c.shutdown()
        iems.wait_until("the logins to be counted", lambda: self.hashes() > before)
        self.assertLessEqual(self.hashes() - before, 2)

    # ---- what is announced
    def smtp_list(self, context=None):
        with smtplib.SMTP("127.0.0.1", self.mail.port("submission"), timeout=20) as s:
            if context:
                s.starttls(context=context)
            s.ehlo("client.example")
            return s.esmtp_features["auth"].split()

    def lists(self, context=None):
        """The mechanisms that SMTP, IMAP and POP3 announce."""
        with imaplib.IMAP4("127.0.0.1", self.mail.port("imap"), timeout=20) as box:
            if context:
                box.starttls(context)
            imap = [c[5:] for c in box.capabilities if c.startswith("AUTH=")]
        pop = poplib.POP3("127.0.0.1", self.mail.port("pop3"), timeout=20)
        if context:
            pop.stls(context)
        pop_list = pop.capa()["SASL"]
        pop.quit()
        return self.smtp_list(context), imap, pop_list

    def assert_lists(self, wanted, context=None):
        for got in self.lists(context):
            self.assertEqual(got, wanted.split())

    # ---- clients
    def smtp(self, mechanism, initial, context=None, more=b""):
        """The last reply of AUTH and, when the server had something to say in between, that."""
        with smtplib.SMTP("127.0.0.1", self.mail.port("submission"), timeout=20) as s:
            if context:
                s.starttls(context=context)
            s.ehlo("client.example")
            code, text = s.docmd("AUTH", mechanism + " " + (base64.b64encode(initial).decode() or "="))
            told = base64.b64decode(text) if code == 334 else b""
            if code == 334:
                code, text = s.docmd(base64.b64encode(more).decode())
            return code, told

    def imap(self, mechanism, initial, context, more=b""):
        """Whether IMAP takes it, for whom."""
        with imaplib.IMAP4("127.0.0.1", self.mail.port("imap"), timeout=20) as box:
            if context:
                box.starttls(context)
            answers = [initial, more]
            try:
                box.authenticate(mechanism, lambda _: answers.pop(0))
            except imaplib.IMAP4.error:
                return False
            return box.select("INBOX")[0] == "OK"

    def pop3(self, mechanism, initial, context):
        pop = poplib.POP3("127.0.0.1", self.mail.port("pop3"), timeout=20)
        with contextlib.closing(pop):
            if context:
                pop.stls(context)
            try:
                pop._shortcmd(f"AUTH {mechanism} {base64.b64encode(initial).decode() or '='}")
            except poplib.error_proto:
                return False
            return pop.stat() is not None

    # ---- tests
    def test_1_what_is_announced(self):
        self.assert_lists("SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 PLAIN LOGIN", self.tls())
        self.assert_lists("SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN")
        self.mail.run("config", "set", "dir.scram_sha1", "no")
        iems.wait_until("the option", lambda: "SCRAM-SHA-1" not in self.smtp_list())
        self.assert_lists("SCRAM-SHA-256 PLAIN LOGIN")
        self.assertEqual(self.smtp("SCRAM-SHA-1", b"n,,n=lisa,r=abc")[0], 504)
        self.assertEqual(self.smtp("OAUTHBEARER", b"n,,\1auth=Bearer x\1\1")[0], 504)
        self.assertFalse(self.imap("EXTERNAL", b"", self.tls()))
        self.mail.run("config", "unset", "dir.scram_sha1")
        iems.wait_until("the option", lambda: "SCRAM-SHA-1" in self.smtp_list())

    def scram_sha1(self, user, password, plus):
        with smtplib.SMTP("127.0.0.1", self.mail.port("submission"), timeout=20) as s:
            s.starttls(context=self.tls())
            s.ehlo("client.example")
            header = "p=tls-server-end-point,," if plus else "n,,"
            bound = hashlib.sha256(s.sock.getpeercert(True)).digest() if plus else b""
            first = f"n={user},r=fyko+d2lbbFgONRv9qkxdawL"
            name = "SCRAM-SHA-1-PLUS" if plus else "SCRAM-SHA-1"
            code, text = s.docmd("AUTH", name + " " + base64.b64encode((header + first).encode()).decode())
            self.assertEqual(code, 334)
            server_first = base64.b64decode(text).decode()
            fields = dict(f.split("=", 1) for f in server_first.split(","))
            salted = hashlib.pbkdf2_hmac("sha1", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
            client = hmac.digest(salted, b"Client Key", "sha1")
            final = "c=" + base64.b64encode(header.encode() + bound).decode() + ",r=" + fields["r"]
            message = f"{first},{server_first},{final}".encode()
            proof = bytes(a ^ b for a, b in zip(client, hmac.digest(hashlib.sha1(client).digest(), message, "sha1")))
            code, text = s.docmd(base64.b64encode((final + ",p=" + base64.b64encode(proof).decode()).encode()).decode())
            if code == 334:
                signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha1"), message, "sha1")
                self.assertEqual(base64.b64decode(text).decode(), "v=" + base64.b64encode(signature).decode())
                code, text = s.docmd("")
            return code

    def test_2_scram_sha_1(self):
        for plus in False, True:
            self.assertEqual(self.scram_sha1(self.lisa, iems.PASSWORD, plus), 235)
            self.assertEqual(self.scram_sha1(self.lisa, "wrong-1", plus), 535)
        self.assertEqual(self.scram_sha1("nobody@example.test", iems.PASSWORD, False), 535)

    def test_3_a_hash_replaces_all_keys(self):
        """A password that is set as a hash leaves no SCRAM keys of the one before."""
        maggie = self.mail.user("maggie", "before-1")
        self.assertEqual(self.scram_sha1(maggie, "before-1", False), 235)
        phc = "$argon2id$v=19$m=256,t=2,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        self.mail.run("user", "passwd", maggie, "--password-stdin", input=phc + "\n")
        self.assertEqual(self.scram_sha1(maggie, "before-1", False), 535)

    def test_4_tokens(self):
        issuer = Issuer(self.folder)
        with open(os.path.join(self.mail.dir, "auth", "keys.json"), "w", encoding="ascii") as f:
            f.write(issuer.key_set())
        for name, value in (("keys", "auth/keys.json"), ("issuer", ISSUER), ("audience", AUDIENCE)):
            self.mail.run("config", "set", "dir.oauth_" + name, value)
        iems.wait_until("the option", lambda: "OAUTHBEARER" in self.smtp_list())
        self.assert_lists("SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 OAUTHBEARER XOAUTH2 PLAIN LOGIN", self.tls())

        def bearer(token, name=self.lisa):
            return (f"n,a={name}," if name else "n,,").encode() + b"\1host=mail\1port=587\1auth=Bearer " + token.encode() + b"\1\1"

        def old(token, name=self.lisa):
            return f"user={name}\1auth=Bearer {token}\1\1".encode()
        good = issuer.token(self.lisa)
        for message in bearer(good), bearer(good, ""), bearer(issuer.token(self.lisa, "ec")):
            self.assertEqual(self.smtp("OAUTHBEARER", message), (235, b""))
        self.assertEqual(self.smtp("XOAUTH2", old(good), self.tls()), (235, b""))
        self.assertTrue(self.imap("OAUTHBEARER", bearer(good), self.tls()))
        self.assertTrue(self.imap("XOAUTH2", old(good), None))
        self.assertTrue(self.pop3("OAUTHBEARER", bearer(good), self.tls()))
        now = int(time.time())
        refused = {"signature": [good[:-8] + "AAAAAAAA", issuer.token(self.lisa, "ec")[:-4] + "AAAA"],
                   "expired": [issuer.token(self.lisa, exp=now - 120)], "not-yet": [issuer.token(self.lisa, nbf=now + 600)],
                   "issuer": [issuer.token(self.lisa, iss="https://other.example")],
                   "audience": [issuer.token(self.lisa, aud="other")],
                   "email-unverified": [issuer.token(self.lisa, email_verified=False)],
                   "no-account": [issuer.token("nobody@example.test")], "other-account": [issuer.token(self.bart)],
                   "malformed": ["x"]}
        for why, tokens in refused.items():
            for token in tokens:
                code, told = self.smtp("OAUTHBEARER", bearer(token), more=b"\1")
                self.assertEqual((code, json.loads(told)["status"]), (535, "invalid_token"), why)
                self.assertEqual(json.loads(told)["openid-configuration"], ISSUER + "/.well-known/openid-configuration")
                iems.wait_until(f"reason={why} in the log", lambda why=why: f"reason={why}\n" in self.mail.log())
                self.assertNotIn(token[-40:], self.mail.log().replace("\n", "")) if len(token) > 40 else None
        self.assertFalse(self.imap("XOAUTH2", old(refused["expired"][0]), self.tls()))
        # the issuer's new keys are seen by themselves; what is no key set changes nothing
        with open(os.path.join(self.mail.dir, "auth", "keys.json"), "w", encoding="ascii") as f:
            f.write("{}")
        self.mail.run("config", "set", "dir.oauth_scope", "mail")
        iems.wait_until("the option", lambda: json.loads(self.smtp("XOAUTH2", old("x"))[1])["scope"] == "mail")
        self.assertEqual(self.smtp("OAUTHBEARER", bearer(good))[0], 235)
        self.mail.wait_logged('option=dir.oauth_keys error="not a JSON key set"')
        # another file that is not there: who was trusted before is trusted no longer
        self.mail.run("config", "set", "dir.oauth_keys", "auth/other.json")
        iems.wait_until("the option", lambda: self.smtp("OAUTHBEARER", bearer(good))[0] == 454)
        for name in "keys", "issuer", "audience", "scope":
            self.mail.run("config", "unset", "dir.oauth_" + name)
        iems.wait_until("the option", lambda: "OAUTHBEARER" not in self.smtp_list())

    def curl(self, address, *more):
        return subprocess.run(["curl", "-sk", "--max-time", "20", *more, address], capture_output=True, text=True, check=False).returncode

    def test_5_clients_of_others(self):
        """curl with a token and with a certificate over IMAP, POP3 and SMTP; msmtp by SCRAM-SHA-1 (libgsasl)."""
        token = self.path("mail.txt")
        with open(token, "w", encoding="ascii") as f:
            f.write("Subject: by curl\r\n\r\ntext\r\n")
        with open(os.path.join(self.mail.dir, "auth", "keys2.json"), "w", encoding="ascii") as f:
            issuer = Issuer(self.folder)
            f.write(issuer.key_set())
        self.authority()
        self.certificate(self.lisa, "lisa")
        for name, value in (("oauth_keys", "auth/keys2.json"), ("oauth_issuer", ISSUER), ("oauth_audience", AUDIENCE),
                            ("client_ca", "auth/people.pem")):
            self.mail.run("config", "set", "dir." + name, value)
        iems.wait_until("the options", lambda: "OAUTHBEARER" in self.smtp_list() and
                        "EXTERNAL" in self.smtp_list(self.tls(self.path("lisa.pem"))))
        port, good = self.mail.port, issuer.token(self.lisa, "ec")
        proofs = {"token": ("--oauth2-bearer", good, "--login-options", "AUTH=OAUTHBEARER"),
                  "older": ("--oauth2-bearer", good, "--login-options", "AUTH=XOAUTH2"),
                  "certificate": ("--cert", self.path("lisa.pem"), "--login-options", "AUTH=EXTERNAL")}
        for name, proof in proofs.items():
            user = ("--user", self.lisa + ":")
            self.assertEqual(self.curl(f"imaps://127.0.0.1:{port('imaps')}/INBOX", *user, *proof), 0, name)
            self.assertEqual(self.curl(f"pop3s://127.0.0.1:{port('pop3s')}/", *user, *proof), 0, name)
            self.assertEqual(self.curl(f"smtps://127.0.0.1:{port('submissions')}", *user, *proof, "--mail-from", self.lisa, "--mail-rcpt",
                                       self.bart, "--upload-file", token), 0, name)
        bad = ("--oauth2-bearer", issuer.token(self.bart), "--login-options", "AUTH=OAUTHBEARER")
        self.assertEqual(self.curl(f"imaps://127.0.0.1:{port('imaps')}/INBOX", "--user", self.lisa + ":", *bad), 67)
        p = subprocess.run(["msmtp", "--host=127.0.0.1", f"--port={port('submission')}", "--tls=on", "--tls-certcheck=off", "--auth=scram-sha-1",
                            "--user=" + self.lisa, "--passwordeval=echo " + iems.PASSWORD, "--from=" + self.lisa, self.bart],
                           input="Subject: by msmtp\n\ntext\n", capture_output=True, text=True, check=False, timeout=20)
        self.assertEqual(p.returncode, 0, p.stderr)
        box = self.mail.imap(self.bart)
        self.addCleanup(box.logout)
        iems.wait_until("four messages", lambda: int(box.select("INBOX")[1][0]) == 4)
        for name in "oauth_keys", "oauth_issuer", "oauth_audience", "client_ca":
            self.mail.run("config", "unset", "dir." + name)
        iems.wait_until("the option", lambda: "OAUTHBEARER" not in self.smtp_list())

    def authority(self):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.path("ca.key"),
                "-out", self.path("ca.pem"), "-days", "2", "-subj", "/CN=people")
        with open(os.path.join(self.mail.dir, "auth", "people.pem"), "wb") as f, open(self.path("ca.pem"), "rb") as ca:
            f.write(ca.read())

    def certificate(self, address, name, days="2", usage="clientAuth"):
        key, request = self.path(name + ".key"), self.path(name + ".csr")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request, "-subj",
                f"/CN={name}")
        with open(self.path("ext"), "w", encoding="ascii") as f:
            f.write(f"subjectAltName=email:{address}\nextendedKeyUsage={usage}\n")
        certificate = openssl("x509", "-req", "-in", request, "-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key"), "-days", days,
                              "-CAcreateserial", "-extfile", self.path("ext"))
        with open(self.path(name + ".pem"), "wb") as f, open(key, "rb") as k:
            f.write(certificate + k.read())
        return self.tls(self.path(name + ".pem"))

    def test_6_certificates(self):
        self.authority()
        lisa = self.certificate(self.lisa, "lisa")
        before = self.smtp_list(lisa)
        self.assertNotIn("EXTERNAL", before)
        self.mail.run("config", "set", "dir.client_ca", "auth/people.pem")
        iems.wait_until("the option", lambda: "EXTERNAL" in self.smtp_list(lisa))
        self.assert_lists("SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 EXTERNAL PLAIN LOGIN", lisa)
        self.assertNotIn("EXTERNAL", self.smtp_list(self.tls()))
        self.assertEqual(self.smtp("EXTERNAL", b"", lisa)[0], 235)
        self.assertEqual(self.smtp("EXTERNAL", self.lisa.encode(), lisa)[0], 235)
        self.assertTrue(self.imap("EXTERNAL", b"", lisa))
        self.assertTrue(self.pop3("EXTERNAL", b"", lisa))
        # a login with the certificate of one, as another; without an account; for another use; ended; of another authority
        self.assertEqual(self.smtp("EXTERNAL", self.bart.encode(), lisa)[0], 535)
        self.assertEqual(self.smtp("EXTERNAL", b"", self.certificate("nobody@example.test", "nobody"))[0], 535)
        self.assertEqual(self.smtp("EXTERNAL", b"", self.certificate(self.lisa, "server", usage="serverAuth"))[0], 535)
        self.assertEqual(self.smtp("EXTERNAL", b"", self.certificate(self.lisa, "ended", days="-1"))[0], 535)
        shutil.copy(self.path("ca.pem"), self.path("first.pem"))
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.path("ca.key"),
                "-out", self.path("ca.pem"), "-days", "2", "-subj", "/CN=people")
        self.assertEqual(self.smtp("EXTERNAL", b"", self.certificate(self.lisa, "forged"))[0], 535)
        self.mail.wait_logged("certificate-refused")
        self.mail.run("config", "unset", "dir.client_ca")
        iems.wait_until("the option", lambda: "EXTERNAL" not in self.smtp_list(lisa))

    def test_7_protocols(self):
        """ALPN: who asks for mail gets it, who asks for the web only is turned away in the handshake (RFC 7301 section 3.2)."""
        import socket
        for service, name in (("imaps", "imap"), ("pop3s", "pop3"), ("submissions", "smtp")):
            with socket.create_connection(("127.0.0.1", self.mail.port(service)), 10) as s:
                with self.tls(protocols=["h2", name]).wrap_socket(s) as t:
                    self.assertEqual(t.selected_alpn_protocol(), name)
            with socket.create_connection(("127.0.0.1", self.mail.port(service)), 10) as s, self.assertRaises(ssl.SSLError):
                self.tls(protocols=["h2", "http/1.1"]).wrap_socket(s).recv(1)

    def test_8_tls_ports(self):
        """STLS-01, STLS-02, IMAPPOP-03, IMAPPOP-04: ports where TLS begins at once, 465, 993 and 995 by default, moved or closed."""
        import socket
        for service, default in (("submissions", 465), ("imaps", 993), ("pop3s", 995)):
            self.assertEqual(self.mail.port(service), self.mail.base + default)
            with socket.create_connection(("127.0.0.1", self.mail.port(service)), 10) as s, self.tls().wrap_socket(s) as t:
                self.assertIn(t.version(), ("TLSv1.2", "TLSv1.3"))
        moved, base = iems.free_port(), iems.free_port_base()
        config = f"[smtpd]\nlisten_submissions = {moved}\n[imapd]\nlisten_imaps = off\n"
        with iems.Instance(config=config, port_base=base) as other:
            with socket.create_connection(("127.0.0.1", moved), 10) as s, self.tls().wrap_socket(s) as t:
                self.assertTrue(t.recv(100).startswith(b"220 "))
            for service in "submissions", "imaps":
                with self.assertRaises(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", other.port(service)), 10).close()


if __name__ == "__main__":
    iems.main()
