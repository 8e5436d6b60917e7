"""Protection of mail to other hosts: DANE, MTA-STS, peers, reports, by a signed zone of our own (RFC 7672, RFC 8461, RFC 8460,
RFC 8689; STLS-03). The receiver is another instance; its certificate is signed by an authority of this test."""
import email
import gzip
import hashlib
import http.server
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import iems
import zonesign

ZONE = """$ORIGIN {domain}.
@ 60 SOA ns.{domain}. admin.{domain}. {serial} 3600 600 86400 60
@ 60 NS ns.{domain}.
ns 60 A 127.0.0.1
{records}
"""


def run(*args, check=True):
    p = subprocess.run(args, capture_output=True, text=True, check=False)
    if check and p.returncode != 0:
        raise AssertionError(f"{' '.join(args)}: {p.stdout}{p.stderr}")
    return p.stdout


class NameServer:
    """knotd on a loopback port; it signs those zones whose names begin with "s"."""

    def __init__(self, zones, forged):
        self.dir = tempfile.mkdtemp(prefix="iems-dns-")
        self.port = iems.free_port(iems.socket.SOCK_DGRAM)
        text = f"server:\n  rundir: {self.dir}\n  listen: 127.0.0.1@{self.port}\ndatabase:\n  storage: {self.dir}/db\nlog:\n  - target: {self.dir}/log\n    any: info\n"
        text += "policy:\n  - id: one\n    single-type-signing: on\n    algorithm: ecdsap256sha256\n"
        text += f"template:\n  - id: default\n    storage: {self.dir}\n    zonefile-sync: -1\n    zonefile-load: difference-no-serial\n    journal-content: all\nzone:\n"
        os.mkdir(os.path.join(self.dir, "db"))
        self.names = list(zones)
        for domain, records in zones.items():
            self.write(domain, records)
            text += f"  - domain: {domain}\n    file: {domain}.zone\n"
            if domain.startswith("s"):
                text += "    dnssec-signing: on\n    dnssec-policy: one\n"
        self.conf = os.path.join(self.dir, "knot.conf")
        with open(self.conf, "w", encoding="ascii") as f:
            f.write(text)
        self.process = subprocess.Popen(["/usr/sbin/knotd", "-c", self.conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            iems.wait_until("knotd", lambda: all(self.ask(d, "SOA") for d in self.names) and self.ask("secure.test", "DNSKEY"), 15)
        except AssertionError:
            self.stop()
            raise
        self.anchor = os.path.join(self.dir, "anchor")
        with open(self.anchor, "w", encoding="ascii") as f:
            for domain in self.names:
                if domain.startswith("s"):
                    signer = "secure.test" if domain == forged else domain   # its signatures are not those of its key
                    f.write(f"{domain}. 60 IN DNSKEY {self.ask(signer, 'DNSKEY').splitlines()[0]}\n")

    def write(self, domain, records, serial=1):
        with open(os.path.join(self.dir, domain + ".zone"), "w", encoding="ascii") as f:
            f.write(ZONE.format(domain=domain, records=records, serial=serial))

    def ask(self, name, kind):
        return subprocess.run(["kdig", "+short", "+time=1", "+retry=0", "@127.0.0.1", "-p", str(self.port), name, kind],
                              capture_output=True, text=True, check=False).stdout.strip()

    def change(self, domain, records):
        serial = int(self.ask(domain, "SOA").split()[2])
        self.write(domain, records, serial + 1)
        run("knotc", "-c", self.conf, "-b", "zone-reload", domain)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.dir, ignore_errors=True)


class Authority:
    """Certificates for the mail server and the web server of policies."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="iems-ca-")
        self.ca = self.path("ca.pem")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.path("ca.key"),
            "-out", self.ca, "-subj", "/CN=authority", "-days", "3")
        shutil.copy(self.ca, self.path("ca.crt"))

    def path(self, name):
        return os.path.join(self.dir, name)

    def sign(self, name, names):
        """A PEM file with chain and key."""
        with open(self.path(name + ".ext"), "w", encoding="ascii") as f:
            f.write("subjectAltName=" + ",".join("DNS:" + n for n in names) + "\n")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.path(name + ".key"),
            "-out", self.path(name + ".csr"), "-subj", "/CN=leaf")
        run("openssl", "x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.ca, "-CAkey", self.path("ca.key"), "-CAcreateserial",
            "-extfile", self.path(name + ".ext"), "-days", "3", "-out", self.path(name + ".crt"))
        with open(self.path(name + ".pem"), "w", encoding="ascii") as out:
            for part in (name + ".crt", "ca.pem", name + ".key"):
                with open(self.path(part), encoding="ascii") as f:
                    out.write(f.read())
        return self.path(name + ".pem")

    def digest(self, name):
        """SHA-256 of the certificate's public key."""
        der = subprocess.run(["openssl", "x509", "-in", self.path(name + ".crt"), "-pubkey", "-noout"], capture_output=True, check=True).stdout
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(der.decode().replace("PUBLIC KEY", "CERTIFICATE"))).hexdigest()


class PolicyServer:
    """HTTPS with the policies of domains; "mta-sts.NAME" -> text."""

    def __init__(self, pem, policies):
        self.asked, self.reports = [], []   # reports: path, type, body; each is to come again once
        self.answers = threading.Event()    # policies are given while it is set
        self.answers.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host = self.headers["Host"].split(":")[0]
                outer.asked.append(host)
                outer.answers.wait(60)
                text = policies.get(host)
                self.send_response(200 if text and self.path == "/.well-known/mta-sts.txt" else 404)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.end_headers()
                self.wfile.write((text or "").encode())

            def do_POST(self):   # RFC 8460 section 5.4
                body = self.rfile.read(int(self.headers["Content-Length"]))
                report = (self.headers["Host"].split(":")[0] + self.path, self.headers["Content-Type"], body)
                self.send_response(201 if report in outer.reports else 503)
                outer.reports.append(report)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def sts(mode, mx, seconds=86400):
    return f"version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: {seconds}\n"


def expired_zone(zone, port, digest):
    """Records of a zone in which all is signed well but that the signature of the right TLSA record is over; and the zone's key."""
    signer = zonesign.Zone(zone)
    host, tlsa = f"mail.{zone}", f"_{port}._tcp.mail.{zone}"
    sets = {(zone, "SOA"): [f"ns.{zone}. admin.{zone}. 1 3600 600 86400 60"], (zone, "NS"): [f"ns.{zone}."], (f"ns.{zone}", "A"): ["127.0.0.1"],
            (zone, "MX"): [f"10 {host}."], (host, "A"): ["127.0.0.1"], (tlsa, "TLSA"): [f"3 1 1 {digest}"]}
    text = signer.lines(sets, expired=[(tlsa, "TLSA")])
    return "\n".join(line for line in text.splitlines() if " SOA " not in line[:80] or "RRSIG" in line), f"{zone}. 60 IN DNSKEY {signer.dnskey}\n"


HERE = "mail.other.test"      # the name in the receiver's certificate
DOMAINS = {                   # domain: MX
    "secure.test": "mail.secure.test", "swrong.test": "mail.swrong.test", "sanchor.test": "mail.sanchor.test",
    "sunusable.test": "mail.sunusable.test", "enforce.test": HERE, "badname.test": "mail.badname.test", "badmx.test": HERE,
    "testing.test": "mail.testing.test", "missing.test": HERE, "peer.test": HERE, "plain.test": HERE,
    "loose.test": HERE, "brief.test": HERE, "none.test": HERE, "turns.test": HERE, "kept.test": HERE, "child.sparent.test": "mail.child.sparent.test",
    "expired.test": "mail.expired.test",
    "srollover.test": "mail.srollover.test", "sca.test": "mail.sca.test", "sname.test": "mail.sname.test", "sbogus.test": "mail.sbogus.test",
    "stwo.test": HERE, "smx.test": "mail.plainhost.test", "plainmx.test": "mail.swrong.test", "salias.test": "mail.salias.test", "sfoot.test": "mail.sfoot.test",
}
ALIASES = {"salias.test": "mail.secure.test.", "sfoot.test": "mail.plainhost.test."}   # what is no address, but an alias, and of whom


class Transport(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        base_a, base_b = iems.free_port_base(), iems.free_port_base()
        cls.port = base_b + 25
        cls.ca = Authority()
        leaf = cls.ca.sign("leaf", [HERE, "mail.sanchor.test", "mail.sca.test"])
        web = cls.ca.sign("web", [f"mta-sts.{d}" for d in DOMAINS])
        cls.policies = {"mta-sts.enforce.test": sts("enforce", "*.other.test"), "mta-sts.badname.test": sts("enforce", "*.badname.test"),
                                     "mta-sts.badmx.test": sts("enforce", "mail.elsewhere.test"), "mta-sts.none.test": sts("none", "mail.elsewhere.test"),
                                     "mta-sts.brief.test": sts("enforce", "mail.elsewhere.test", 1), "mta-sts.turns.test": sts("enforce", HERE), "mta-sts.kept.test": sts("enforce", HERE), "mta-sts.testing.test": sts("testing", "*.testing.test")}
        cls.web = PolicyServer(web, cls.policies)
        ca_key = subprocess.run(["openssl", "x509", "-in", cls.ca.ca, "-outform", "DER"], capture_output=True, check=True).stdout
        tlsa = {"secure.test": f"3 1 1 {cls.ca.digest('leaf')}", "swrong.test": f"3 1 1 {'00' * 32}",
                "sanchor.test": f"2 0 1 {hashlib.sha256(ca_key).hexdigest()}", "sunusable.test": f"1 1 1 {'00' * 32}", "sca.test": f"2 1 1 {cls.ca.digest('ca')}", "sname.test": f"2 1 1 {cls.ca.digest('ca')}",
                "child.sparent.test": f"3 1 1 {'00' * 32}", "sbogus.test": f"3 1 1 {cls.ca.digest('leaf')}", "srollover.test": f"3 1 1 {'00' * 32}", "sfoot.test": f"3 1 1 {'00' * 32}"}
        zones = {d: "@ 60 MX 10 mail\nmail 60 A 127.0.0.1" for d in ("example.test", "other.test", "plainhost.test")}
        zones["records.test"] = "@ 60 TXT anything"
        for domain, mx in DOMAINS.items():
            records = f"@ 60 MX 10 {mx}.\nmta-sts 60 A 127.0.0.1\n"
            if mx.endswith(domain):
                records += f"mail 60 CNAME {ALIASES[domain]}\n" if domain in ALIASES else "mail 60 A 127.0.0.1\n"
            records += f"_{cls.port}._tcp.mail 60 TLSA {tlsa[domain]}\n" if domain in tlsa else ""
            if domain in ("enforce.test", "badname.test", "badmx.test", "testing.test", "missing.test", "brief.test", "none.test", "turns.test", "kept.test"):
                records += '_mta-sts 60 TXT "v=STSv1; id=1;"\n'
            if domain == "stwo.test":   # its first host has a certificate of another name
                records += "@ 60 MX 5 other\nother 60 A 127.0.0.1\n"
            if domain == "srollover.test":   # the record of the next key stands beside that of the present one
                records += f"_{cls.port}._tcp.mail 60 TLSA 3 1 1 {cls.ca.digest('leaf')}\n_{cls.port}._tcp.mail 60 TLSA 3 0 1 {'00' * 32}\n"
            if domain in ("testing.test", "swrong.test"):
                https = f",https://mta-sts.swrong.test:{cls.web.port}/reports?of=tls" if domain == "swrong.test" else ""
                records += f'_smtp._tls 60 TXT "v=TLSRPTv1; rua=mailto:tls@other.test{https}"\n'
            zones[domain] = records
        zones["sparent.test"] = "child 60 NS ns"   # without DS: what is below is not signed
        zones["expired.test"], key = expired_zone("expired.test", cls.port, cls.ca.digest("leaf"))
        cls.dns = NameServer(zones, forged="sbogus.test")
        with open(cls.dns.anchor, "a", encoding="ascii") as f:
            f.write(key)
        cls.a = iems.Instance(port_base=base_a, config=f"""[smtpc]
dns_servers = 127.0.0.1@{cls.dns.port}
trust_anchor = {cls.dns.anchor}
ca_file = {cls.ca.ca}
mta_sts_port = {cls.web.port}
port = {cls.port}
tlsrpt_from = postmaster@example.test
tlsrpt_period = 4
retry_destination = 1d
""")
        cls.b = iems.Instance(hostname=HERE, domain="other.test", port_base=base_b, config=f"[smtpc]\ndns_servers = 127.0.0.1@{cls.dns.port}\n")
        shutil.copy(leaf, os.path.join(cls.b.dir, "tls", "server.pem"))
        cls.a.__enter__()
        cls.b.__enter__()
        cls.a.run("config", "set", "smtpc.keep_idle", "0")   # messages have connections of their own
        cls.a.user("bart")
        cls.b.user("ned")
        cls.b.user("tls")
        for domain in DOMAINS:
            cls.b.run("domain", "alias", domain, "other.test")

    @classmethod
    def tearDownClass(cls):
        cls.a.__exit__(None, None, None)
        cls.b.__exit__(None, None, None)
        cls.web.stop()
        cls.dns.stop()
        shutil.rmtree(cls.ca.dir, ignore_errors=True)

    def submit(self, domain, **headers):
        sender = "bart@example.test"
        self.a.send(sender, f"ned@{domain}", iems.message(f"to {domain}", sender=sender, to=f"ned@{domain}", **headers), service="submission",
                    tls=True, login=sender)

    def sent(self, domain):
        """The protection of the first message that was sent to the domain."""
        line = iems.wait_until(f"mail to {domain} sent", lambda: re.search(rf" sent id=.* to=<ned@{re.escape(domain)}> .*", self.a.log()), 20)
        return re.search(r" tls=(\S+)", line.group(0)).group(1)

    def deferred(self, domain):
        """Why the domain rests; nothing may have been sent to it."""
        line = iems.wait_until(f"deferral of {domain}", lambda: re.search(rf" destination-deferred destination={re.escape(domain)} .*", self.a.log()), 20)
        self.assertNotRegex(self.a.log(), rf" sent id=.* to=<ned@{re.escape(domain)}>")
        self.assertNotIn(f"ned@{domain}".encode(), b"".join(self.b.messages("ned")) if self.b.count("ned") else b"")
        return line.group(0)

    def test_dane(self):   # RFC 7672
        for domain in ("secure.test", "swrong.test", "sanchor.test", "sunusable.test"):
            self.submit(domain)
        self.assertRegex(self.sent("secure.test"), r"^dane:TLSv1\.3:")
        self.assertRegex(self.sent("sanchor.test"), r"^dane:")
        self.assertRegex(self.sent("sunusable.test"), r"^encrypted:")   # section 2.2: TLS, of whoever it is
        self.assertIn("4.7.5", self.deferred("swrong.test"))

    def test_dane_of_other_shapes(self):   # RFC 7672 sections 2.2 and 3.1, 8.1 (rollover)
        # an alias counts where it ends, then by its own name; where the MX record or the address is not signed, there is no DANE
        how = {"srollover.test": "dane", "sca.test": "dane", "salias.test": "dane", "smx.test": "(encrypted|verified)", "plainmx.test": "(encrypted|verified)"}
        why = {"sname.test": "4.7.5", "sfoot.test": "4.7.5", "sbogus.test": "4.4.3"}
        for domain in (*how, *why):
            self.submit(domain)
        for domain, protection in how.items():
            self.assertRegex(self.sent(domain), f"^{protection}:", domain)
        for domain, status in why.items():
            self.assertIn(status, self.deferred(domain))

    def test_signatures_that_are_over_or_missing(self):   # RFC 7672 sections 2.1.1 to 2.1.3
        self.submit("expired.test")
        self.submit("child.sparent.test")
        self.assertIn("4.7.5", self.deferred("expired.test"))   # the record would fit: what cannot be validated is not "no record"
        self.assertRegex(self.sent("child.sparent.test"), r"^(encrypted|verified):")   # its wrong record is nobody's: not signed

    def test_dane_report(self):   # RFC 8460 section 4.3: sessions that failed are counted, with the records that they failed by
        self.submit("swrong.test")
        self.deferred("swrong.test")

        def report():
            return next((m for m in self.b.messages("tls") if b"TLS-Report-Domain: swrong.test" in m), None) if self.b.count("tls") else None
        text = iems.wait_until("the report", report, 30)
        part = next(p for p in email.message_from_bytes(text).walk() if p.get_content_type() == "application/tlsrpt+gzip")
        (policy,) = json.loads(gzip.decompress(part.get_payload(decode=True)))["policies"]
        self.assertEqual(policy["policy"]["policy-type"], "tlsa")
        self.assertEqual(policy["policy"]["policy-domain"], "mail.swrong.test")   # section 1.1: the TLSA base domain
        self.assertEqual(policy["policy"]["policy-string"], ["3 1 1 " + "00" * 32])
        self.assertEqual(policy["summary"]["total-successful-session-count"], 0)
        self.assertGreater(policy["summary"]["total-failure-session-count"], 0)
        posts = self.web.reports
        where, kind, body = iems.wait_until("a report by HTTPS, offered again", lambda: next((r for r in posts if posts.count(r) == 2), None), 30)
        self.assertEqual((where, kind), ("mta-sts.swrong.test/reports?of=tls", "application/tlsrpt+gzip"))   # sections 5.4 and 5.5
        posted = json.loads(gzip.decompress(body))
        self.assertEqual(posted["contact-info"], "postmaster@example.test")
        self.assertEqual([p["policy"] for p in posted["policies"]], [policy["policy"]])
        self.a.wait_logged(f'domain=swrong.test to=https://mta-sts.swrong.test:{self.web.port}/reports?of=tls again=no error=""')
        self.assertEqual(policy["failure-details"][0]["receiving-mx-hostname"], "mail.swrong.test")

    def test_sts(self):   # RFC 8461 sections 4 and 5
        for domain in ("enforce.test", "badname.test", "badmx.test", "testing.test", "missing.test"):
            self.submit(domain)
        self.assertRegex(self.sent("enforce.test"), r"^sts:TLSv1\.3:")
        self.assertRegex(self.sent("testing.test"), r"^encrypted:")    # the certificate has another name
        self.assertRegex(self.sent("missing.test"), r"^verified:")     # record without a policy: as if there was none
        self.assertIn("hostname mismatch", self.deferred("badname.test"))
        self.assertIn("MTA-STS", self.deferred("badmx.test"))
        iems.wait_until("what was missing", lambda: re.search(r" mta-sts domain=missing.test policy=none error=.*404", self.a.log()), 5)
        # RFC 8460: the domain that tests is told
        iems.wait_until("report", lambda: self.b.count("tls") and "testing.test" in self.b.run("tlsrpt", "tls@other.test").stdout, 25)
        out = self.b.run("tlsrpt", "tls@other.test").stdout
        self.assertRegex(out, r"testing\.test")
        self.assertRegex(out, r"certificate-host-mismatch")
        self.assertTrue(any(b"TLS-Report-Domain: testing.test" in m for m in self.b.messages("tls")))
        # RFC 8689 section 4.2.2: a message that does not insist goes past a policy
        self.submit("badmx.test", TLS_Required="No")
        self.a.run("queue", "run", "badmx.test")
        self.assertRegex(self.sent("badmx.test"), r"^verified:")
        self.assertIn(b"TLS-Required: No", self.b.messages("ned")[-1])

    def wait_kept(self, domain, identifier, seconds=60):
        state = os.path.join(self.a.dir, "data", "smtpc-tls.")
        iems.wait_until("policy on disk", lambda: any(f"sts {domain} {identifier} ".encode() in open(state + n, "rb").read() for n in "01"), seconds)

    def test_policies_that_end(self):   # RFC 8461 sections 3.2 (max_age, mode none), 5.1
        for domain in ("none.test", "brief.test"):
            self.submit(domain)
        self.assertRegex(self.sent("none.test"), r"^verified:")
        self.assertEqual(self.web.asked.count("mta-sts.none.test"), 1)

        def gone():   # it lives for a second: until then the host is not used
            self.a.run("queue", "run", "brief.test")
            return " to=<ned@brief.test> " in self.a.log()
        iems.wait_until("mail behind the policy's end", gone, 20)
        self.assertRegex(self.sent("brief.test"), r"^verified:")

    def test_policies_that_change(self):   # RFC 8461 sections 3.1, 3.3, 5.1, 8.3
        web, log = "mta-sts.turns.test", self.a.log

        def change(identifier, policy):
            """The record names another policy; smtpc has forgotten what it had asked, not the policy that it had fetched."""
            if policy is None:
                self.policies.pop(web)
            else:
                self.policies[web] = policy
            self.dns.change("turns.test", f'@ 60 MX 10 {HERE}.\nmta-sts 60 A 127.0.0.1\n_mta-sts 60 TXT "v=STSv1; id={identifier};"\n')
            asked = self.web.asked.count(web)
            self.a.wait_restarted("smtpc", self.a.kill("smtpc"))
            run_until("the new policy asked for", lambda: self.web.asked.count(web) > asked)
            if policy is not None:   # it comes behind the mail
                self.wait_kept("turns.test", identifier)

        def run_until(what, condition):
            def tried():
                self.submit("turns.test")
                self.a.run("queue", "run", "turns.test")
                return condition()
            iems.wait_until(what, tried, 60)

        def held():
            return log().count(" destination-deferred destination=turns.test ")
        self.submit("turns.test")
        self.assertRegex(self.sent("turns.test"), r"^sts:")
        self.wait_kept("turns.test", 1)
        change(2, sts("enforce", "mail.elsewhere.test"))   # from now on not here
        run_until("mail held back", held)
        change(3, None)   # cannot be fetched: the policy that is known goes on
        before, sent = held(), log().count(" to=<ned@turns.test> ")
        run_until("mail still held back", lambda: held() > before + 1)
        self.assertEqual(log().count(" to=<ned@turns.test> "), sent)
        change(4, sts("none", "mail.elsewhere.test"))   # the way to end it
        run_until("mail sent again", lambda: log().count(" to=<ned@turns.test> ") > sent)
        self.assertFalse([n for n in log().splitlines() if "@turns.test" in n and "tls=none" in n])

    def test_policy_that_changes_while_a_connection_is_open(self):   # RFC 8461 section 5
        web, sent = "mta-sts.kept.test", lambda: self.a.log().count(" to=<ned@kept.test> ")
        self.a.run("config", "set", "smtpc.keep_idle", "300")
        self.addCleanup(self.a.run, "config", "set", "smtpc.keep_idle", "0")
        self.submit("kept.test")
        self.assertRegex(self.sent("kept.test"), r"^sts:")
        self.wait_kept("kept.test", 1)
        self.policies[web] = sts("enforce", "mail.elsewhere.test")
        self.dns.change("kept.test", f'@ 60 MX 10 {HERE}.\nmta-sts 60 A 127.0.0.1\n_mta-sts 60 TXT "v=STSv1; id=2;"\n')
        asked = self.web.asked.count(web)
        self.a.wait_restarted("smtpc", self.a.kill("smtpc"))   # it has forgotten what it had asked, not the policy
        self.web.answers.clear()
        self.addCleanup(self.web.answers.set)
        for number in (2, 3):   # the new policy is on its way, and mail does not wait for it: one connection for both
            self.submit("kept.test")
            iems.wait_until("mail by the old policy", lambda n=number: sent() == n, 20)
        iems.wait_until("the new policy asked for", lambda: self.web.asked.count(web) > asked)
        self.web.answers.set()
        self.wait_kept("kept.test", 2)
        self.submit("kept.test")
        line = iems.wait_until("mail held back", lambda: re.search(r" destination-deferred destination=kept.test .*", self.a.log()), 20)
        self.assertIn("MTA-STS", line.group(0))
        self.assertEqual(sent(), 3)

    def test_policies_survive_a_restart(self):   # RFC 8461 section 5.1
        self.submit("enforce.test")
        self.sent("enforce.test")
        self.wait_kept("enforce.test", 1)
        zone = f"@ 60 MX 10 {HERE}.\nmta-sts 60 A 127.0.0.1\n"
        # the record is there, then gone (section 5.1), then names another policy, which is fetched behind the mail (3.3)
        for records, fetched in (('_mta-sts 60 TXT "v=STSv1; id=1;"\n', 0), ("", 0), ('_mta-sts 60 TXT "v=STSv1; id=2;"\n', 1)):
            self.dns.change("enforce.test", zone + records)
            asked, sent = self.web.asked.count("mta-sts.enforce.test"), self.a.log().count("to=<ned@enforce.test> host")
            self.a.wait_restarted("smtpc", self.a.kill("smtpc"))   # it has forgotten what it had asked, not the policy
            self.web.answers.clear()   # mail does not wait for it
            self.submit("enforce.test")
            iems.wait_until("mail after the restart", lambda: self.a.log().count("to=<ned@enforce.test> host") > sent, 60)
            self.web.answers.set()
            iems.wait_until("the policy", lambda: self.web.asked.count("mta-sts.enforce.test") >= asked + fetched, 10)
            self.assertEqual(asked + fetched, self.web.asked.count("mta-sts.enforce.test"))
        self.wait_kept("enforce.test", 2)
        self.assertNotRegex(self.a.log(), r"to=<ned@enforce.test> .* tls=(?!sts:)")

    def test_peers(self):   # PEER-01, STLS-03
        self.a.run("peer", "set", "peer.test", "tls=fingerprint", "tls_fingerprint=" + self.ca.digest("leaf"))
        self.submit("peer.test")
        self.assertRegex(self.sent("peer.test"), r"^fingerprint:")
        self.a.run("peer", "set", "plain.test", "tls=none")
        self.submit("plain.test")
        self.assertEqual(self.sent("plain.test"), "none")

    def test_requiretls(self):   # RFC 8689 section 4: only where nobody could have forged the name of the host
        before = self.b.count("ned")
        s = self.a.smtp("submission", tls=True, login="bart@example.test")
        for domain in ("secure.test", "loose.test", "stwo.test"):
            s.sendmail("bart@example.test", [f"ned@{domain}"], iems.message(f"strictly to {domain}"), mail_options=["REQUIRETLS"])
        s.quit()
        iems.wait_until("the report", lambda: self.a.count("bart") > 0 and any(b"Status: 5.7.10" in m for m in self.a.messages("bart")), 20)
        report = self.a.messages("bart")[-1]
        self.assertIn(b"ned@loose.test", report)
        for domain in ("secure.test", "stwo.test"):   # 4.2.1: of several hosts the one that is certain
            iems.wait_until(f"mail to {domain}", lambda d=domain: self.b.count("ned") > before and any(f"strictly to {d}".encode() in m for m in self.b.messages("ned")), 20)
        self.assertRegex(self.a.log(), rf" sent id=.* to=<ned@stwo.test> host={HERE} .* tls=verified:")
        self.assertGreater(self.b.count("ned"), before)
        self.assertFalse(any(b"strictly to loose.test" in m for m in self.b.messages("ned")))

    def test_records_to_publish(self):   # RFC 5321 section 5, 7672, 8461, 8460, 6186, 8314: what is printed is what is looked for
        def look(domain):
            out = self.b.run("domain", "dns", domain, "--json", check=False)
            return out.returncode, {(r["type"], r["name"]): r["state"] for r in json.loads(out.stdout)["records"]}
        status, before = look("records.test")
        self.assertEqual((status, before["MX", "records.test."], before["A", "mail.other.test."]), (2, "missing", "ok"))
        self.assertEqual((look("secure.test")[1]["MX", "secure.test."]), "differs")
        zone = self.b.run("domain", "dns", "records.test", "--zone").stdout
        self.assertIn(f"_25._tcp.mail.other.test. IN TLSA 3 1 1 {self.ca.digest('leaf')}\n", zone)
        self.assertIn(f"_imaps._tcp.records.test. IN SRV 0 1 {self.b.port('imaps')} mail.other.test.\n", zone)
        of_host = [line for line in zone.splitlines() if "mail.other.test. IN" in line and " TLSA " in line]
        self.dns.change("other.test", "@ 60 MX 10 mail\nmail 60 A 127.0.0.1\n" + "\n".join(of_host))
        self.dns.change("records.test", "@ 60 TXT anything\n" + "\n".join(line for line in zone.splitlines() if "records.test. IN" in line))
        status, after = look("records.test")
        self.assertEqual((status, set(after.values()), len(after)), (0, {"ok"}, len(before)))
        self.dns.change("other.test", "@ 60 MX 10 mail\nmail 60 A 127.0.0.1\n_25._tcp.mail 60 TLSA 3 1 1 " + "00" * 32)
        status, after = look("records.test")
        self.assertEqual((status, after["TLSA", "_25._tcp.mail.other.test."]), (2, "differs"))
        self.assertIn("differs", self.b.run("domain", "dns", "records.test", check=False).stdout)

    def test_check_explains(self):
        out = self.a.run("tls", "check", "secure.test").stdout
        for part in ("mail.secure.test", "dane", "3 1 1"):
            self.assertIn(part, out)
        out = self.a.run("tls", "check", "badmx.test").stdout
        self.assertIn("enforce", out)
        self.assertIn("not among", out)
        self.a.run("route", "set", "badmx.test", "hosts=[127.0.0.9]")
        try:
            self.assertIn("A route is set: mail goes to [127.0.0.9]", self.a.run("tls", "check", "badmx.test").stdout)
        finally:
            self.a.run("route", "delete", "badmx.test")


if __name__ == "__main__":
    iems.main()
