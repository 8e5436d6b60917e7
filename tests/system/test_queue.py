"""The queue in the hands of an administrator (QST-01 to QST-06, SQST-01 to SQST-12, SCLI-01 to SCLI-06, MTA-17, LIM-24)."""
import json
import os
import re
import shutil
import socketserver
import subprocess
import threading
import unittest

import iems


class Sink(socketserver.ThreadingTCPServer):
    """An SMTP server that takes everything; while `closed` it refuses for now."""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        self.closed, self.taken, self.got = True, [], threading.Condition()
        self.stall, self.stalled = threading.Event(), 0   # while set: accepts, and says nothing
        super().__init__(("127.0.0.1", 0), Session)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        if self.server.closed:
            return self.say("421 4.3.2 closed for now")
        self.say("220 sink ESMTP")
        rcpt = []
        for line in self.rfile:
            verb = line.split(b":")[0].strip().upper()
            if verb == b"MAIL FROM" and self.server.stall.is_set():
                self.server.stalled += 1
                return self.rfile.read()
            if verb == b"MAIL FROM" and self.server.closed:
                return self.say("421 4.3.2 closed for now")
            if verb == b"DATA":
                self.say("354 go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                with self.server.got:
                    self.server.taken += rcpt
                    self.server.got.notify_all()
                rcpt = []
            elif verb == b"RCPT TO":
                rcpt.append(line.split(b"<")[1].split(b">")[0].decode())
            elif verb == b"QUIT":
                return self.say("221 bye")
            self.say("250 ok")


class Queue(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sink = Sink()
        cls.mail = iems.Instance(config=f"[smtpc]\nrelay_host = [127.0.0.1]:{cls.sink.server_address[1]}\n")
        cls.mail.__enter__()
        cls.mail.user("bart")

    @classmethod
    def tearDownClass(cls):
        cls.mail.__exit__(None, None, None)
        cls.sink.shutdown()
        cls.sink.server_close()

    def setUp(self):
        self.sink.closed = True
        self.sink.taken.clear()

    def tearDown(self):
        self.mail.run("queue", "delete", "--all", "--yes")

    def submit(self, sender, *recipients, body="hello", options=()):
        text = f"Subject: a test\nX-Mark: {sender}\n\n{body}\n"
        self.mail.run(*options, "-f", sender, *recipients, input=text, program="sendmail")

    def status(self, *more):
        return json.loads(self.mail.run("queue", "status", *more, "--json").stdout)

    def list(self, *more):
        return json.loads(self.mail.run("queue", "list", *more, "--json").stdout)

    def rested(self, count, *destinations):
        """Waits until so many messages wait, and these destinations rest."""
        def there():
            s = self.status()
            resting = {d["destination"] for d in s["destinations"] if d["next_try_ms"] > 0}
            total = sum(c["ready"] + c["deferred"] for c in s["channels"] if c["channel"] == "SMTPC")
            leased = sum(c["leased"] for c in s["channels"])
            return total == count and leased == 0 and resting.issuperset(destinations)
        iems.wait_until("deferral", there, 20)

    def test_lists_and_status(self):   # QST-03, QST-04, QST-05, SQST-03, SQST-05, SQM-09
        for i in range(7):
            self.submit(f"s{i}@{'one' if i % 2 else 'two'}.example", f"to{i}@a.test", body="x" * (7 - i) * 100)
        self.submit("lisa@one.example", *[f"r{i}@sub.a.test" for i in range(5)])
        self.rested(8, "a.test", "sub.a.test")
        self.assertEqual(self.list()["total"], 8)
        for filters, count in ((["--sender-domain", "one.example"], 4), (["--destination", "a.test"], 7), (["--destination", "@a.test"], 8),
                               (["--recipient", "R3@SUB"], 1), (["--sender", "s2@"], 1), (["--channel", "LOCAL"], 0), (["--held"], 0)):
            self.assertEqual(self.list(*filters)["total"], count, filters)
        for key, field in (("size", "size"), ("time", "created_ms"), ("sender", "sender"), ("id", "id"), ("priority", "priority")):
            whole = [e[field] for e in self.list("--sort", key)["entries"]]
            self.assertEqual(whole, sorted(whole, reverse=key == "size"))
            pages, after = [], []
            while True:
                page = self.list("--sort", key, "--limit", "3", *after)
                pages += [e["id"] for e in page["entries"]]
                if page["next"] == "":
                    break
                after = ["--after", page["next"]]
            self.assertEqual(len(pages), 8)
            self.assertEqual(len(set(pages)), 8)
        (d,) = self.status("a.test")["destinations"]
        self.assertEqual((d["messages"], d["destination"]), (7, "a.test"))
        self.assertIn("closed for now", d["reason"])
        self.assertGreater(d["next_try_ms"], 0)
        self.mail.run("peer", "set", "a.test", "max_sessions=7")
        iems.wait_until("profile", lambda: self.status("a.test")["profile"].get("max_sessions") == "7")
        text = self.mail.run("queue", "status", "a.test").stdout
        self.assertRegex(text, r"Profile: a.test")
        self.assertRegex(text, r"max_sessions +7")
        text = self.mail.run("queue", "list", "--limit", "2").stdout
        self.assertIn("2 of 8 messages", text)
        self.assertIn("--after", text)
        self.assertIn("(+2 more)", self.mail.run("queue", "list", "--destination", "sub.a.test").stdout)

    def test_pages_and_disk(self):   # SQST-04, SQST-09, QST-02, MTA-10, SQM-01
        self.submit("bart@example.test", *[f"x@d{n}.test" for n in range(101)])
        iems.wait_until("the queue", lambda: self.list()["total"] == 101, 20)
        self.assertEqual(len(self.list()["entries"]), 100)   # a page, if nothing else is said
        self.assertEqual(len(self.list("--after", self.list()["next"])["entries"]), 1)
        self.assertEqual(len(self.list("--all")["entries"]), 101)
        self.assertIn("100 of 101 messages", self.mail.run("queue", "list").stdout)
        self.assertRegex(self.mail.run("queue", "status").stdout, r"(?i)disk:? .*free")
        self.assertTrue(os.listdir(os.path.join(self.mail.dir, "data")))   # the queue lies below the folder given to `iems init`
        self.mail.run("queue", "hold", "--all", "--yes")
        self.assertEqual(self.list("--held")["total"], 101)

    def test_actions(self):   # SQST-11, QST-06
        for i in range(5):
            self.submit("bart@example.test", f"to{i}@a.test")
        self.submit("bart@example.test", "other@b.test")
        self.rested(6, "a.test", "b.test")
        ids = [str(e["id"]) for e in self.list("--destination", "a.test")["entries"]]
        header = self.mail.run("queue", "header", ids[0]).stdout
        self.assertIn("X-Mark: bart@example.test", header)
        self.assertNotIn("hello", header)
        self.assertEqual(json.loads(self.mail.run("queue", "hold", ids[0], "--json").stdout), {"action": "hold", "messages": 1})
        self.mail.run("queue", "delete", ids[1])
        self.assertEqual([self.mail.run("queue", *wrong, check=False, input="").returncode for wrong in (("delete", ids[1]), ("hold", "--held"), ("hold",), ("run",))],
                         [65, 64, 64, 64])
        self.assertEqual(json.loads(self.mail.run("queue", "run", "empty.test", "--json").stdout), {"action": "run", "messages": 0, "destinations": 0})
        before = self.mail.count("bart")
        self.mail.run("queue", "bounce", ids[2], "--reason", "not on my watch")
        self.mail.wait_count("bart", before + 1)
        self.assertTrue(any(b"not on my watch" in m for m in self.mail.messages("bart")))
        self.sink.closed = False
        out = self.mail.run("queue", "run", "a.test").stdout
        self.assertIn("2 messages for 1 destination", out)
        with self.sink.got:
            self.assertTrue(self.sink.got.wait_for(lambda: len(self.sink.taken) == 2, 20))
            self.assertEqual(sorted(self.sink.taken), ["to3@a.test", "to4@a.test"])
        self.mail.run("queue", "release", ids[0])
        self.mail.run("queue", "reset", "--destination", "b.test", "--yes")
        with self.sink.got:
            self.assertTrue(self.sink.got.wait_for(lambda: len(self.sink.taken) == 4, 20), self.sink.taken)
        self.assertIn("No message is queued.", self.mail.run("queue", "list").stdout)

    def test_classic(self):   # SCLI-03 to SCLI-05, SCLI-06, LIM-24: while everything runs
        self.submit("big@one.example", "x@a.test", body="y" * 5000)
        self.submit("small@one.example", "x@b.test", options=("-i", "-N", "never", "-R", "hdrs", "-V", "me"))
        self.rested(2, "a.test", "b.test")
        out = self.mail.run(program="mailq").stdout
        self.assertRegex(out, r"(?m)^\d+ +\d+ .*<big@one.example>$")
        self.assertRegex(out, r"(?m)^    \(.*closed for now.*\)$")
        self.assertRegex(out, r"(?m)^        <x@a.test>$")
        self.assertIn("priority", self.mail.run("-v", program="mailq").stdout)
        senders = re.findall(r"<(\w+)@one", self.mail.run("-s", "size", program="mailq").stdout)
        self.assertEqual(senders, ["big", "small"])
        senders = re.findall(r"<(\w+)@one", self.mail.run("-s", "time", program="mailq").stdout)
        self.assertEqual(senders, ["big", "small"])
        self.assertEqual(re.findall(r"<(\w+)@one", self.mail.run("-q", "b.test", program="mailq").stdout), ["small"])
        self.assertIn("empty", self.mail.run("-q", "", program="mailq").stdout)
        self.assertEqual(len(re.findall(r"<(\w+)@one", self.mail.run("-bp", program="sendmail").stdout)), 2)
        self.assertIn("usage", self.mail.run("-h", program="mailq").stdout)
        self.assertEqual(self.mail.run("-s", "colour", program="mailq", check=False).returncode, 64)
        self.assertIn("in order", self.mail.run(program="dbupdate").stdout)
        self.assertIn("in order", self.mail.run("-r", program="dbupdate").stdout)
        self.assertIn("has format ", self.mail.run("-u", program="dbupdate").stdout)
        self.assertIn("usage", self.mail.run("-h", program="dbupdate").stdout)

    def test_sendmail_runs_the_queue(self):   # SCLI-02, SQST-02
        to = ["w@run.test", "x@run.test", "y@run.test", "z@run.test"]
        for n, address in enumerate(to):
            self.submit(f"s{n}@one.example", address, options=("-V", "a+20b", "-N", "never"))
        self.rested(4, "run.test")
        ids = {e["sender"]: e["id"] for e in self.list()["entries"]}
        for flag in ("-qRX@RUN", "-qSs2@", f"-qI{ids['s3@one.example']}"):
            self.assertEqual(self.mail.run(flag, program="sendmail").stdout, "1 message set to be tried now.\n", flag)
        self.sink.closed = False
        self.mail.run("-q", program="sendmail")
        iems.wait_until("all four", lambda: sorted(self.sink.taken) == to, 20)
        for flags, status in ((["-q30m"], 0), (["-qX1"], 64), (["-bd"], 64), (["-V", "a b", "bart"], 64), (["-qI999999"], 65)):
            p = self.mail.run(*flags, program="sendmail", check=False)
            self.assertEqual(p.returncode, status, (flags, p.stderr))
            self.assertEqual(p.stderr == "", status == 0, flags)

    def test_sendmail_of_users(self):   # SCLI-02
        if os.geteuid() != 0:
            self.skipTest("needs root")
        os.chmod(self.mail.parent, 0o755)
        program = shutil.copy(iems.IEMS, os.path.join(self.mail.parent, "iems"))   # the build may be where others cannot go
        def sendmail(*args, text="Subject: from a user\n\n.dot\n..two\n.\nnot sent\n", user=65534):
            return subprocess.run(["sendmail", *args], executable=program, env=dict(os.environ, IEMS_DIR=self.mail.dir), input=text,
                                  capture_output=True, text=True, timeout=60, user=user, cwd="/")
        before = self.mail.count("bart")
        p = sendmail("bart@example.test")
        self.assertEqual(p.returncode, 0, p.stderr)
        self.mail.wait_count("bart", before + 1)
        got = self.mail.messages("bart")[-1]
        self.assertTrue(got.startswith(b"Return-Path: <nobody@example.test>\r\n"), got)
        self.assertTrue(got.endswith(b"\r\n\r\n.dot\r\n..two\r\n"), got)
        p = sendmail("-t", "-i", "-f", "nobody", "-N", "never", text="To: bart@example.test\n\nbody\n")
        self.assertEqual(p.returncode, 0, p.stderr)
        self.mail.wait_count("bart", before + 2)
        p = sendmail("-f", "lisa@example.test", "bart@example.test")
        self.assertEqual(p.returncode, 77)
        self.assertIn("only root", p.stderr)
        p = sendmail("bart@example.test", "nobody-there@example.test")   # all or none
        self.assertEqual(p.returncode, 67)
        self.assertIn("nobody-there@example.test: 550", p.stderr)
        self.assertEqual(self.mail.count("bart"), before + 2)

    def test_deadly_message(self):   # MTA-14, MTA-17, NOTIF-01, LIM-65, TRBL-32
        """What every process dies of is put aside, and the postmaster is told."""
        self.mail.run("alias", "add", "postmaster@example.test", "bart@example.test")
        before = self.mail.count("bart")
        self.sink.stall.set()
        self.sink.closed = False
        self.submit("lisa@one.example", "dead@c.test")
        for life in range(4):
            iems.wait_until("a lease", lambda: self.sink.stalled > life, 30)
            self.mail.kill("smtpc")
        self.sink.stall.clear()
        (entry,) = iems.wait_until("quarantine", lambda: self.list("--channel", "QUARANTINE")["entries"], 20)
        self.assertTrue(entry["held"])
        self.assertIn("ended unexpectedly", entry["reason"])
        self.assertEqual(entry["recipients"][0]["address"], "dead@c.test")
        self.mail.wait_logged("queue_quarantined")
        self.mail.wait_count("bart", before + 1)
        notice = self.mail.messages("bart")[-1]
        self.assertIn(b"Subject: Messages were put into quarantine", notice)
        self.assertIn(str(entry["id"]).encode() + b" (of SMTPC c.test", notice)
        self.mail.run("queue", "release", str(entry["id"]))
        with self.sink.got:
            self.assertTrue(self.sink.got.wait_for(lambda: self.sink.taken == ["dead@c.test"], 20))


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    iems.main()
