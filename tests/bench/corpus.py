"""Mail that is like mail, of own making: for what depends on the content, as searches and compression do. The same seed gives the
same messages."""
import base64
import random

LETTERS = "etaoinshrdlucmfwypvbgkjqxz"


def vocabulary(rng, count=6000):
    """Words of a language that nobody speaks: syllables, the frequent ones short."""
    onsets = ["b", "br", "c", "d", "f", "g", "h", "k", "l", "m", "n", "p", "pr", "r", "s", "st", "t", "tr", "v", "w", ""]
    cores = ["a", "e", "i", "o", "u", "ea", "ai", "ou", "io"]
    ends = ["", "n", "r", "s", "t", "l", "nd", "ng", "st", "m"]
    words = {}
    while len(words) < count:
        size = 1 + min(3, len(words) * 4 // count)
        words["".join(rng.choice(onsets) + rng.choice(cores) + rng.choice(ends) for _ in range(size))] = None
    return list(words)


class Corpus:
    def __init__(self, seed=1):
        self.rng = random.Random(seed)
        self.words = vocabulary(self.rng)
        self.weights = [1 / (n + 3) for n in range(len(self.words))]

    def text(self, count):
        words = self.rng.choices(self.words, self.weights, k=count)
        out, line = [], ""
        for n, w in enumerate(words):
            if n % 11 == 0:
                w = w.capitalize()
            if len(line) + len(w) > 72:
                out.append(line)
                line = ""
            line += (" " if line else "") + w + (self.rng.choice(".,!?") if n % 11 == 10 else "")
        return "\r\n".join(out + [line]) + "\r\n"

    def noise(self, size):
        return base64.b64encode(self.rng.randbytes(size)).decode()

    def attachment(self):
        """A picture or archive, which is as small as it gets, or a document of text."""
        if self.rng.random() < 0.4:
            raw = self.rng.randbytes(int(self.rng.lognormvariate(10, 0.7)))
            kind, name = "image/jpeg", "picture.jpg"
        else:
            raw = self.text(int(self.rng.lognormvariate(8, 0.8))).encode()
            kind, name = "application/octet-stream", "report.doc"
        body = base64.encodebytes(raw).replace(b"\n", b"\r\n").decode()
        return (f"Content-Type: {kind}; name=\"{name}\"\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n"
                f"Content-Transfer-Encoding: base64\r\n\r\n{body}")

    def html(self, text):
        rows = "".join(f"<p style=\"margin:0;font-family:Arial,sans-serif\">{line}</p>\r\n" for line in text.split("\r\n"))
        return f"<html><head><style>td {{ padding: 4px; color: #333 }}</style></head><body><table width=\"600\"><tr><td>\r\n{rows}</td></tr></table></body></html>\r\n"

    def message(self, n):
        rng = self.rng
        who, host = rng.choice(self.words), rng.choice(self.words) + ".example"
        head = (f"Received: from mail.{host} (mail.{host} [192.0.2.{rng.randrange(255)}])\r\n\tby mx.bench.test with ESMTPS id {self.noise(9)}\r\n"
                f"\tfor <reader@bench.test>; Sat, 21 Nov 2026 07:{n // 60 % 60:02d}:{n % 60:02d} +0000\r\n"
                f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={host}; s=mail;\r\n\th=from:to:subject:date;\r\n\tbh={self.noise(32)};\r\n\tb={self.noise(256)}\r\n"
                f"From: {who.capitalize()} <{who}@{host}>\r\nTo: Reader <reader@bench.test>\r\nSubject: {self.text(5).strip()}\r\n"
                f"Date: Sat, 21 Nov 2026 07:{n // 60 % 60:02d}:{n % 60:02d} +0000\r\nMessage-ID: <{n}.{self.noise(12)}@{host}>\r\nMIME-Version: 1.0\r\n")
        text = self.text(int(rng.lognormvariate(5.2, 0.8)) + 5)
        plain = "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text
        kind = rng.random()
        if kind < 0.45:
            return head + plain
        both = (f"Content-Type: multipart/alternative; boundary=\"alt{n}\"\r\n\r\n--alt{n}\r\n{plain}--alt{n}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
                f"{self.html(text)}--alt{n}--\r\n")
        if kind < 0.85:
            return head + both
        return head + f"Content-Type: multipart/mixed; boundary=\"mix{n}\"\r\n\r\n--mix{n}\r\n{both}--mix{n}\r\n{self.attachment()}--mix{n}--\r\n"
