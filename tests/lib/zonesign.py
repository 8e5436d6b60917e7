"""Signs the records of a zone (RFC 4034, ECDSA P-256) with times of the test's choice: for signatures that have expired."""
import base64
import os
import socket
import struct
import subprocess
import tempfile
import time

TYPES = {"A": 1, "NS": 2, "SOA": 6, "MX": 15, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "TLSA": 52}
TTL, ALGORITHM, DAY = 60, 13, 86400


def name(text):
    return b"".join(bytes([len(label)]) + label.lower().encode() for label in text.rstrip(".").split(".")) + b"\0"


def types(of):
    """The bitmap of an NSEC record."""
    bits = bytearray(max(TYPES[t] for t in of) // 8 + 1)
    for t in of:
        bits[TYPES[t] // 8] |= 0x80 >> TYPES[t] % 8
    return bytes([0, len(bits)]) + bytes(bits)


def rdata(kind, text):
    """Wire format; `text` as in a zone file, with full names."""
    w = text.split()
    if kind == "A":
        return socket.inet_aton(text)
    if kind == "NS":
        return name(text)
    if kind == "SOA":
        return name(w[0]) + name(w[1]) + struct.pack(">5I", *map(int, w[2:]))
    if kind == "MX":
        return struct.pack(">H", int(w[0])) + name(w[1])
    if kind == "NSEC":
        return name(w[0]) + types(w[1:])
    if kind == "DNSKEY":
        return struct.pack(">HBB", *map(int, w[:3])) + base64.b64decode(w[3])
    return bytes(map(int, w[:3])) + bytes.fromhex(w[3])   # TLSA


class Zone:
    def __init__(self, zone):
        self.zone = zone
        with tempfile.TemporaryDirectory(prefix="iems-key-") as d:
            self.pem = os.path.join(d, "key.pem")
            self.run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.pem)
            with open(self.pem, encoding="ascii") as f:
                self.key = f.read()
            public = self.run("openssl", "pkey", "-in", self.pem, "-pubout", "-outform", "DER")[-64:]
        self.dnskey = f"257 3 {ALGORITHM} {base64.b64encode(public).decode()}"
        wire = rdata("DNSKEY", self.dnskey)
        total = sum(b << 8 if i % 2 == 0 else b for i, b in enumerate(wire))
        self.tag = (total + (total >> 16)) & 0xFFFF

    @staticmethod
    def run(*args, data=b""):
        return subprocess.run(args, input=data, capture_output=True, check=True).stdout

    def sign(self, data):
        with tempfile.NamedTemporaryFile("w", prefix="iems-key-") as f:
            f.write(self.key)
            f.flush()
            der = self.run("openssl", "dgst", "-sha256", "-sign", f.name, data=data)
        r_end = 4 + der[3]
        parts = der[4:r_end], der[r_end + 2:]
        return b"".join(p.lstrip(b"\0").rjust(32, b"\0") for p in parts)

    def rrsig(self, owner, kind, values, expired):
        end = int(time.time()) + (-DAY if expired else DAY)
        begin = end - 30 * DAY
        head = struct.pack(">HBBIIIH", TYPES[kind], ALGORITHM, len(owner.split(".")), TTL, end, begin, self.tag) + name(self.zone)
        data = head
        for wire in sorted(rdata(kind, v) for v in values):
            data += name(owner) + struct.pack(">HHIH", TYPES[kind], 1, TTL, len(wire)) + wire
        at = [time.strftime("%Y%m%d%H%M%S", time.gmtime(t)) for t in (end, begin)]
        return f"{kind} {ALGORITHM} {len(owner.split('.'))} {TTL} {at[0]} {at[1]} {self.tag} {self.zone}. {base64.b64encode(self.sign(data)).decode()}"

    def lines(self, sets, expired=()):
        """Lines of a zone file for `sets`, (owner, type) -> values, all names in full without the last dot; with DNSKEY, NSEC, RRSIG. The
        signatures of the sets in `expired` are over."""
        sets = dict(sets)
        sets[self.zone, "DNSKEY"] = [self.dnskey]
        owners = sorted({owner for owner, _ in sets}, key=lambda o: o.split(".")[::-1])
        for owner, after in zip(owners, owners[1:] + owners[:1]):
            sets[owner, "NSEC"] = [" ".join([after + ".", *sorted((k for o, k in sets if o == owner), key=TYPES.get), "RRSIG", "NSEC"])]
        out = [f"{owner}. {TTL} {kind} {v}" for (owner, kind), values in sets.items() for v in values]
        return "\n".join(out + [f"{owner}. {TTL} RRSIG {self.rrsig(owner, kind, values, (owner, kind) in expired)}" for (owner, kind), values in sets.items()])
