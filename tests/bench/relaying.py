"""Parts of make bench: relaying beside Postfix, in clear and with TLS 1.3 on both sides. Each is measured twice: with the load
on the processors of the servers, where what the load itself takes makes all servers more alike, and with the load on a half
of the processors of its own, as if it came from another machine."""
import json
import os
import statistics
import subprocess
import time

from meter import Meter, place
from peers import DOMAIN, Iems, Postfix, Sink, TlsSink

SECONDS = 120  # for one series
CONFIG = "[smtpd]\nrelay_networks = 127.0.0.0/8\n\n[smtpc]\nresolution = MailRelayHost\nrelay_host = [127.0.0.1]:{port}\n"


def wait_count(what, count, wanted):
    end = time.monotonic() + SECONDS
    while count() < wanted:
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: {wanted - count()} messages did not reach the sink")
        time.sleep(0.005)


def by_turns(work, runs, count, servers, sink, send):
    """The medians of messages a second and of CPU ms a message, by the name of the server; the first round does not count."""
    got = {server.name: [] for server in servers}
    for n in range(runs + 1):
        for server in servers:
            number, before = count if n else count // 10, sink.count()
            with Meter(server.roots(), work) as m:
                send(server, number)
                wait_count(server.name, sink.count, before + number)
            if n:
                got[server.name].append((number / m.wall, m.cpu / number * 1e3))
    return {name: [statistics.median(x) for x in zip(*series)] for name, series in got.items()}


def compare(work, runs, count, servers, sink, send, what, goal, row):
    """A row with the load beside the servers, and one with the load apart where there is more than one processor."""
    processors = sorted(os.sched_getaffinity(0))
    half = len(processors) // 2
    places = (("", processors, processors), (", the load on processors of its own", processors[:half], processors[half:]))
    for more, at, load_at in places:
        if not at:
            continue
        for server in servers:
            place(server.roots(), at)
        place([sink.process.pid], load_at)
        os.sched_setaffinity(0, load_at)   # and of what is started to send
        try:
            ours, peer = by_turns(work, runs, count, servers, sink, send).values()
        finally:
            os.sched_setaffinity(0, processors)
        row(what + more, ours[0], peer[0], "msg/s", goal, extra=f"CPU {ours[1]:.2f} / {peer[1]:.2f} ms")


def domain_for(server):
    return "sink.example" if server.name == "IEMS" else DOMAIN


def stop(*those):
    for one in those:
        if one is not None:
            one.stop()


def relay(work, runs, quick, row, load):
    sink, ours, peer = Sink(), None, None

    def send(server, number):
        load("smtp", "127.0.0.1", server.smtp, 10, number, 4096, 100, domain_for(server))
    try:
        ours = Iems(work, ["u000"], CONFIG.format(port=sink.port))
        peer = Postfix(work, "relay", sink.port)
        compare(work, runs, 500 if quick else 2000, (ours, peer), sink, send, "relay 4 KiB, 10 sessions", 5, row)
    finally:
        stop(ours, peer, sink)


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
    program, pem = os.environ["IEMS_TLS_PEER"], make_certificate(work)
    sink, ours, peer = TlsSink(program, pem), None, None

    def send(server, number):
        out = json.loads(subprocess.run([program, "send", str(server.smtp), "10", str(number), "4096", domain_for(server)],
                                        check=True, capture_output=True, timeout=SECONDS).stdout)
        if out["failed"]:
            raise RuntimeError(f"{server.name}: {out['failed']} messages failed")
    try:
        ours = Iems(work, ["u000"], CONFIG.format(port=sink.port))
        peer = Postfix(work, "relay", sink.port,
                       f"smtpd_tls_security_level = may\nsmtpd_tls_chain_files = {pem}\nsmtp_tls_security_level = encrypt\n"
                       "smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache\n"
                       "smtpd_tls_session_cache_database = btree:${data_directory}/smtpd_scache\n")
        compare(work, runs, 300 if quick else 1500, (ours, peer), sink, send, "relay 4 KiB, TLS 1.3 both sides, 10 sessions", 4, row)
    finally:
        stop(ours, peer, sink)
