"""An IMAP server with the habits that old servers have: what an import must live with. Single-minded: it knows what iems-fetch says."""
import re
import socket
import threading

MESSAGE = b"Subject: odd\r\n\r\ntext\r\n"


class OddServer:
    """folders: raw name -> list of bodies; a body may be a function (NO, BYE, a cut connection). It has no extension but NAMESPACE, if a prefix is given."""

    def __init__(self, folders, separator=b'"."', prefix=b""):
        self.folders, self.separator, self.prefix = folders, separator, prefix
        self.subscribed = []
        self.fetched = []   # UIDs of bodies that were given
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.session, args=(s,), daemon=True).start()

    def close(self):
        self.socket.close()

    def session(self, s):
        with s, s.makefile("rwb", buffering=0) as f:
            f.write(b"* OK odd\r\n")
            while line := f.readline():
                tag, rest = line.rstrip(b"\r\n").split(b" ", 1)
                try:
                    done = self.command(f, rest)
                except ConnectionError:
                    return
                f.write(tag + b" " + (done or b"OK done") + b"\r\n")

    def command(self, f, rest):
        word = rest.split()[0].upper()
        if word == b"CAPABILITY":
            f.write(b"* CAPABILITY IMAP4rev1" + (b" NAMESPACE" if self.prefix else b"") + b"\r\n")
        elif word == b"NAMESPACE":
            f.write(b'* NAMESPACE (("%s" %s)) NIL NIL\r\n' % (self.prefix, self.separator))
        elif word == b"LIST":
            for name in self.folders:
                f.write(b"* LIST () %s {%d}\r\n%s\r\n" % (self.separator, len(name), name))   # a literal, whatever is in it
        elif word == b"LSUB":
            for name in self.subscribed:
                f.write(b"* LSUB () %s {%d}\r\n%s\r\n" % (self.separator, len(name), name))
        elif word == b"STATUS":
            return b"NO no STATUS here"
        elif word == b"EXAMINE":
            self.open = self.folders[re.search(rb'"(.*)"$', rest, re.S).group(1).replace(b"\\\\", b"\\").replace(b'\\"', b'"')]
            f.write(b"* FLAGS ()\r\n* %d EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 7] v\r\n" % len(self.open))
        elif word == b"FETCH":
            for i in range(len(self.open)):
                f.write(b"* %d FETCH (FLAGS (\\Seen Odd) UID %d)\r\n" % (i + 1, 10 * (i + 1)))
            f.write(b"* OK unasked for\r\n")
        elif word == b"UID":
            for uid in (int(n) for n in rest.split()[2].split(b",")):
                body = self.open[uid // 10 - 1]
                if callable(body):
                    answer = body(f, uid)
                    if answer is None:
                        continue
                    return answer
                self.fetched.append(uid)
                f.write(b'* %d FETCH (INTERNALDATE " 5-Mar-2019 10:00:00 +0100" BODY[] {%d}\r\n%s UID %d FLAGS (\\Seen))\r\n' % (uid // 10, len(body), body, uid))
        return None


def refuse(_file, _uid):
    return b"NO [SERVERBUG] this message is broken"


def cut(file, uid):
    """The connection ends in the middle of the message."""
    file.write(b"* 1 FETCH (UID %d BODY[] {100}\r\nonly a part" % uid)
    raise ConnectionError


def leave_out(_file, _uid):
    return None
