"""Parts of make bench: relaying with TLS 1.3 on both sides beside Postfix, and what checks of clients cost."""
import json
import os
import statistics
import subprocess
import time

from meter import Meter
from peers import DOMAIN, Iems, Postfix, wait_port
import iems
from nameserver import NameServer

SECONDS = 60   # for one series
CLIENTS = 200  # addresses that come again and again: 198.18.0.1 and up
LISTS = "one.bl.test", "two.bl.test"
OFF = "check_rdns", "check_rdns_forward", "check_dnslists"


class TlsSink:
    """Takes mail by TLS 1.3 only, and counts it."""

    def __init__(self, program, pem):
        self.port = iems.free_port()
        self.process = subprocess.Popen([program, "sink", str(self.port), pem], stdout=subprocess.PIPE)
        wait_port(self.port)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.seen, self.text = 0, b""

    def count(self):
        *lines, self.text = (self.text + (self.process.stdout.read() or b"")).split(b"\n")
        self.seen = max([self.seen, *(int(line[5:]) for line in lines)])
        return self.seen

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def wait_count(what, count, wanted):
    end = time.monotonic() + SECONDS
    while count() < wanted:
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: {wanted - count()} messages did not reach the sink")
        time.sleep(0.005)


def make_certificate(work):
    pem, cert, key = (os.path.join(work, name) for name in ("tls.pem", "cert.pem", "key.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                    cert, "-days", "2", "-subj", "/CN=mx." + DOMAIN], check=True, capture_output=True)
    with open(pem, "w", encoding="ascii") as out:
        for name in key, cert:
            with open(name, encoding="ascii") as f:
                out.write(f.read())
    return pem


def relay_tls(work, runs, quick, row):
    """STARTTLS with TLS 1.3 in and out, keys of the same kind, sessions resumed where the two ends can."""
    program, count = os.environ["IEMS_TLS_PEER"], 300 if quick else 1500
    pem = make_certificate(work)
    sink = TlsSink(program, pem)
    ours = peer = None
    try:
        ours = Iems(work, ["u000"], "[smtpd]\nrelay_networks = 127.0.0.0/8\n\n[smtpc]\nresolution = MailRelayHost\n"
                                    f"relay_host = [127.0.0.1]:{sink.port}\n")
        peer = Postfix(work, "relay", sink.port,
                       f"smtpd_tls_security_level = may\nsmtpd_tls_chain_files = {pem}\nsmtp_tls_security_level = encrypt\n"
                       "smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache\n"
                       "smtpd_tls_session_cache_database = btree:${data_directory}/smtpd_scache\n")
        got = {"IEMS": [], "Postfix": []}
        for n in range(runs + 1):
            for server in (ours, peer):
                number = count if n else count // 10
                before = sink.count()
                with Meter(server.roots(), work) as m:
                    out = json.loads(subprocess.run([program, "send", str(server.smtp), "10", str(number), "4096",
                                                     "sink.example" if server is ours else DOMAIN],
                                                    check=True, capture_output=True, timeout=SECONDS).stdout)
                    if out["failed"]:
                        raise RuntimeError(f"{server.name}: {out['failed']} messages failed")
                    wait_count(server.name, sink.count, before + number)
                if n:
                    got[server.name].append((number / m.wall, m.cpu / number * 1e3))
        mid = {k: [statistics.median(x) for x in zip(*v)] for k, v in got.items()}
        row("relay 4 KiB, TLS 1.3 both sides, 10 sessions", mid["IEMS"][0], mid["Postfix"][0], "msg/s", 4,
            extra=f"CPU {mid['IEMS'][1]:.2f} / {mid['Postfix'][1]:.2f} ms")
    finally:
        for one in ours, peer, sink:
            if one is not None:
                one.stop()


def switch(ours, on):
    for name in OFF:
        ours.mail.run("config", "set", "smtpd." + name, "permanent" if on else "off")


def pair(ours, work, runs, row, what, one):
    """Rates of `one(clients)` with the checks on and off, in turns; then with clients that never came before."""
    got, new = {True: [], False: []}, []
    for n in range(runs + 1):
        for on in (True, False):
            switch(ours, on)
            with Meter(ours.roots(), work) as m:
                number = one(CLIENTS)
            if n:
                got[on].append((number / m.wall, m.cpu / number * 1e3))
    switch(ours, True)
    with Meter(ours.roots(), work) as m:
        number = one(100000)
    new.append((number / m.wall, m.cpu / number * 1e3))
    rate, cpu = ({k: statistics.median([x[i] for x in v]) for k, v in got.items()} for i in range(2))
    row(f"{what}, all checks on, against off", rate[True], rate[False], "msg/s", 0.85,
        extra=f"CPU {cpu[True]:.2f} / {cpu[False]:.2f} ms; every client a new address: {new[0][0]:.4g} msg/s, {new[0][1]:.2f} ms")


def checks(work, runs, quick, row, load, sink_class):
    """Reverse DNS with forward confirmation and two DNS lists, asked of a name server on this machine; no client is listed."""
    count = 500 if quick else 3000
    names = "".join(f"{n % 256}.{n // 256} 3600 PTR c{n}.clients.test.\n" for n in range(65536))
    addresses = "".join(f"c{n} 3600 A 198.18.{n // 256}.{n % 256}\n" for n in range(65536))
    dns = NameServer({"18.198.in-addr.arpa": names, "clients.test": addresses, **{name: "" for name in LISTS}})
    sink, config = sink_class(), f"[server]\ndns_servers = 127.0.0.1@{dns.port}\n"
    try:
        for what, more, domain in (("accept 4 KiB, 100 sessions", "[mta]\nauto_start = no\n", DOMAIN),
                                   ("relay 4 KiB, 10 sessions", "[smtpd]\nrelay_networks = 198.18.0.0/15\n[smtpc]\nresolution = MailRelayHost\n"
                                    f"relay_host = [127.0.0.1]:{sink.port}\n", "sink.example")):
            folder = os.path.join(work, what.split()[0])
            os.makedirs(folder)
            ours = Iems(folder, [f"u{n:03d}" for n in range(100)], config + more)
            try:
                ours.mail.run("access", "set", "127.0.0.0/8", "proxy=yes")
                for name in LISTS:
                    ours.mail.run("dnslist", "set", name, "policy=reject")
                relays, sessions = domain != DOMAIN, 10 if domain != DOMAIN else 100

                def one(clients):
                    before = sink.count()
                    load("smtp", "127.0.0.1", ours.smtp, sessions, count, 4096, 100, domain, clients=clients)
                    if relays:
                        wait_count("IEMS", sink.count, before + count)
                    return count
                time.sleep(1)   # rows of tables are live
                pair(ours, work, runs, row, what, one)
            finally:
                ours.stop()
    finally:
        sink.stop()
        dns.stop()
