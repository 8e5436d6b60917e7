"""A name server (knot) with zones made for a test."""
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import iems

ZONE = """$ORIGIN {domain}.
@ 60 SOA ns.{domain}. admin.{domain}. 1 3600 600 86400 60
@ 60 NS ns.{domain}.
ns 60 A 127.0.0.1
{records}
"""


class NameServer:
    """knotd on a loopback port with the zones given: domain -> records. Those of `sign` are signed; their keys are in the file
    `anchor`, as smtpc.trust_anchor takes it."""

    def __init__(self, zones, sign=()):
        self.dir = tempfile.mkdtemp(prefix="iems-dns-")
        self.first = next(iter(zones))
        if sign:
            os.mkdir(os.path.join(self.dir, "db"))
        for domain, records in zones.items():
            with open(os.path.join(self.dir, domain + ".zone"), "w", encoding="ascii") as f:
                f.write(ZONE.format(domain=domain, records=records))
        for _ in range(5):   # it ends at once when the port is taken for TCP, or by somebody else meanwhile
            self.port = iems.free_port(socket.SOCK_DGRAM)
            self.configure(zones, sign)
            self.process = subprocess.Popen(["/usr/sbin/knotd", "-c", os.path.join(self.dir, "knot.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            iems.wait_until("knotd", lambda: self.process.poll() is not None or self.ask(self.first, "SOA") and all(self.ask(d, "DNSKEY") for d in sign), 30)
            if self.process.poll() is None:
                break
        else:
            raise AssertionError("knotd does not start")
        self.anchor = os.path.join(self.dir, "anchor")
        with open(self.anchor, "w", encoding="ascii") as f:
            f.writelines(f"{d}. 60 IN DNSKEY {self.ask(d, 'DNSKEY').splitlines()[0]}\n" for d in sign)

    def configure(self, zones, sign):
        text = f"server:\n  rundir: {self.dir}\n  listen: 127.0.0.1@{self.port}\ndatabase:\n  storage: {self.dir}/db\nlog:\n  - target: {self.dir}/log\n    any: info\n"
        if sign:
            text += "policy:\n  - id: one\n    single-type-signing: on\n    algorithm: ecdsap256sha256\n"
        text += f"template:\n  - id: default\n    storage: {self.dir}\n    zonefile-sync: -1\n    zonefile-load: difference-no-serial\n    journal-content: all\nzone:\n"
        for domain in zones:
            text += f"  - domain: {domain}\n    file: {domain}.zone\n"
            if domain in sign:
                text += "    dnssec-signing: on\n    dnssec-policy: one\n"
        with open(os.path.join(self.dir, "knot.conf"), "w", encoding="ascii") as f:
            f.write(text)

    def ask(self, name, kind):
        return subprocess.run(["kdig", "+short", "+time=1", "+retry=0", "@127.0.0.1", "-p", str(self.port), name, kind],
                              capture_output=True, text=True, check=False).stdout.strip()

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.dir, ignore_errors=True)


def name_of(query):
    """The name that a query asks for, in lower case."""
    labels, at = [], 12
    while at < len(query) and query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("ascii", "replace").lower())
        at += 1 + query[at]
    return ".".join(labels)


class SilentRelay:
    """A UDP relay in front of a name server that never passes questions on whose name has the word "silent"."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port, self.server = self.socket.getsockname()[1], ("127.0.0.1", port)
        self.unanswered = {}   # name -> when it was asked for first
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                query, client = self.socket.recvfrom(4096)
            except OSError:
                return
            if b"silent" in query.lower():
                self.unanswered.setdefault(name_of(query), time.monotonic())
            else:
                threading.Thread(target=self.forward, args=(query, client), daemon=True).start()

    def forward(self, query, client):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            try:
                s.sendto(query, self.server)
                self.socket.sendto(s.recv(65535), client)
            except OSError:
                pass

    def stop(self):
        self.socket.close()
