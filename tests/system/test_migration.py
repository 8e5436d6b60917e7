"""Mail out of and into accounts as Maildir and mbox, and from another IMAP server: bytes, flags, keywords and dates stay, empty
folders too. MIGR-08, LIM-06, LIM-07."""
import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import unittest

import dovecot
import iems
import oddimap
from test_backup import messages_of, state

FLAGS = ["", "\\Seen", "\\Flagged Work", "\\Answered \\Draft", "\\Deleted Work $Label1"]
SHAPES = [b"Subject: s\r\n\r\nFrom here on\r\n>From there\r\n\r\nFrom x\r\n", b"Subject: no end\r\n\r\nlast line",
          b"Status: RO\r\nSubject: own status\r\n\r\nx\r\n\r\n\r\n", b"Subject: bare\r\n\r\na\nb\r\n", b"Subject: \xc3\xa4\r\n\r\n\xff\xfe\r\n",
          b"Subject: first\nTo: x\r\n\r\na\nb\r\n", b"Content-Length: 30\r\n\r\nFrom x\r\n>From y\r\n"]


shared = {}


def setUpModule():
    shared["scratch"] = tempfile.mkdtemp(prefix="iems-migration-")
    shared["instance"] = iems.Instance()
    shared["instance"].__enter__()


def tearDownModule():
    shared["instance"].__exit__(None, None, None)
    shutil.rmtree(shared["scratch"], ignore_errors=True)


def contents(found):
    return {name: [m[1:] for m in messages] for name, (_, messages) in found.items()}


def fill(c, folders, count, first=0):
    for i in range(first, first + count):
        body = SHAPES[i % len(SHAPES)] + b"%d\r\n" % i * (i % 7)
        c.append(folders[i % len(folders)], FLAGS[i % len(FLAGS)], f'"{i % 27 + 1:02}-Mar-2019 10:{i % 60:02}:00 +0000"', body)


class Common(unittest.TestCase):
    """One instance for all."""

    @classmethod
    def setUpClass(cls):
        cls.scratch, cls.instance = shared["scratch"], shared["instance"]


class Migration(Common):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lisa = cls.instance.user("lisa")
        c = cls.instance.imap("lisa")
        for name in ("a.b/c%2E", "a.b/&APY-", "empty/deep"):
            c.create(f'"{name}"')
        fill(c, ("INBOX", '"a.b/c%2E"', '"a.b/&APY-"'), 1000)
        c.logout()
        cls.before = contents(state(cls.instance, "lisa"))

    def round_trip(self, form):
        folder, user = os.path.join(self.scratch, form), self.instance.user(form)
        self.instance.run("export", self.lisa, f"--{form}", folder)
        out = self.instance.run("import", user, f"--{form}", folder, "--dry-run").stdout
        self.assertIn("1000 messages would be imported", out)
        out = self.instance.run("import", user, f"--{form}", folder).stdout
        self.assertIn("1000 messages imported, 0 were there", out)
        after = contents(state(self.instance, form))
        self.assertEqual(sorted(self.before), sorted(after))
        for name, messages in self.before.items():
            self.assertEqual(sorted(messages), sorted(after[name]), name)
        self.assertIn("0 messages imported, 1000 were there", self.instance.run("import", user, f"--{form}", folder).stdout)
        return folder

    def test_1_maildir(self):
        folder = self.round_trip("maildir")
        self.assertIn("0 messages written, 1000 were there", self.instance.run("export", self.lisa, "--maildir", folder).stdout)
        files = sorted(f.split(":")[0] for f in os.listdir(folder + "/cur"))
        c = self.instance.imap("lisa")   # a repeated export brings the flags of today, and no message twice
        c.select("INBOX")
        c.store("1:5", "+FLAGS", "\\Flagged")
        c.logout()
        type(self).before = contents(state(self.instance, "lisa"))
        os.remove(os.path.join(folder, "cur", sorted(os.listdir(folder + "/cur"))[0]))
        with open(os.path.join(folder, "tmp", files[0]), "w", encoding="ascii") as f:
            f.write("what a killed export left")
        self.assertIn("1 messages written, 999 were there", self.instance.run("export", self.lisa, "--maildir", folder).stdout)
        self.assertEqual(files, sorted(f.split(":")[0] for f in os.listdir(folder + "/cur")))
        user = self.instance.user("again")
        self.instance.run("import", user, "--maildir", folder)
        self.assertEqual(sorted(self.before["INBOX"]), sorted(contents(state(self.instance, "again"))["INBOX"]))

    def test_2_mbox(self):
        folder = self.round_trip("mbox")
        again = self.instance.run("export", self.lisa, "--mbox", folder, check=False)
        self.assertEqual(73, again.returncode)
        self.assertIn("is there already", again.stderr)
        self.assertFalse([f for f in os.listdir(folder) if f.endswith(".partial")])

    def test_3_what_others_wrote(self):
        path = os.path.join(self.scratch, "one")
        with open(path, "wb") as f:
            f.write(b"From a@b Sat Mar  2 10:00:00 2019\nStatus: RO\nSubject: x\n\ny\n\nFrom c@d Sun Mar  3 10:00:00 2019\nSubject: z\n\n>From q\n\n")
        user = self.instance.user("other")
        self.assertIn("2 messages imported", self.instance.run("import", user, "--mbox", path).stdout)
        found = state(self.instance, "other")["INBOX"][1]
        self.assertEqual([(b"\\Seen", b" 2-Mar-2019 10:00:00 +0000", b"Status: RO\r\nSubject: x\r\n\r\ny\r\n"),
                          (b"", b" 3-Mar-2019 10:00:00 +0000", b"Subject: z\r\n\r\nFrom q\r\n")],
                         [(m[1], m[2].replace(b"0", b" ", 1) if m[2][:1] == b"0" else m[2], m[3]) for m in found])
        self.assertNotEqual(0, self.instance.run("import", user, "--maildir", path, check=False).returncode)
        with open(path, "wb") as f:   # what UW IMAP, Dovecot, Thunderbird and writers of Content-Length put there
            f.write(b"From MAILER-DAEMON Sat Mar  2 10:00:00 2019\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 9 Work\n\nx\n\n"
                    b"From a Sat Mar  2 10:00:00 2019\nSubject: 1\nX-Status: AFT\nX-Keywords: Work $Label1          \nX-UID: 7\n\ny\n\n"
                    b"From a Sat Mar  2 10:00:00 2019\nX-Mozilla-Status: 0005\nX-Mozilla-Keys: Later\nSubject: 2\n\ny\n\n"
                    b"From a Sat Mar  2 10:00:00 2019\nSubject: 3\nContent-Length: 36\n\ny\n\nFrom here, there\n>From was there\n\n"
                    b"From a Sat Mar  2 10:00:00 2019\nX-Mozilla-Status: 0009\nSubject: 4\nContent-Length: 900\n\ny\n")
        user = self.instance.user("others")
        self.assertIn("4 messages imported", self.instance.run("import", user, "--mbox", path).stdout)
        found = state(self.instance, "others")["INBOX"][1]
        self.assertEqual([b"$Label1 Work \\Answered \\Draft \\Flagged", b"Later \\Flagged \\Seen", b"", b"\\Deleted \\Seen"], [m[1] for m in found])
        self.assertTrue(found[2][3].endswith(b"\r\n\r\ny\r\n\r\nFrom here, there\r\n>From was there\r\n"), found[2])

    def test_4_notes_beside_a_maildir(self):
        """Keywords as Dovecot and Courier keep them, and what is subscribed."""
        top, user = os.path.join(self.scratch, "notes"), self.instance.user("notes")
        for folder in ("", ".Work.Sub", ".Caf&AOk-", ".Sent", ".Trash"):
            os.makedirs(os.path.join(top, folder, "cur"))
        def put(name, text):
            os.makedirs(os.path.dirname(os.path.join(top, name)), exist_ok=True)
            with open(os.path.join(top, name), "w", encoding="ascii") as f:
                f.write(text)
        for name in ("cur/1.a:2,Sa", "cur/2.b:2,", "cur/3.c:2,F", "cur/4.d:2,", ".Work.Sub/cur/1.e:2,b"):
            put(name, f"Subject: {name}\n\nx\n")
        put("dovecot-keywords", "0 Work\n1 Later\n")
        put(".Work.Sub/dovecot-keywords", "1 $Label1\n")
        put("courierimapkeywords/:list", "First\nSecond\n\n2.b:0 1\n3.c:1\n4.d:0\n")
        put("courierimapkeywords/.10.3.c", "Newer\n")
        put("courierimapkeywords/.9.3.c", "Older\n")
        put("courierimapkeywords/4.d", "")
        put("subscriptions", "V\t2\n\nINBOX\nWork\tSub\nTrash\n")
        self.assertIn("5 messages imported", self.instance.run("import", user, "--maildir", top).stdout)
        found = state(self.instance, "notes")
        self.assertEqual([b"Work \\Seen", b"First Second", b"Newer \\Flagged", b""], [m[1] for m in found["INBOX"][1]])
        self.assertEqual([b"$Label1"], [m[1] for m in found["Work/Sub"][1]])
        c = self.instance.imap("notes")
        subscribed = lambda: {re.search(rb'"/" "?([^"]*)"?$', line).group(1) for line in c.lsub()[1] if b"Noselect" not in line}
        self.assertEqual({b"INBOX", b"Work/Sub", b"Trash", b"Archive", b"Drafts", b"Junk"}, subscribed())   # those that are not there are as they were
        self.assertIn("0 messages imported", self.instance.run("import", user, "--maildir", top).stdout)
        again = os.path.join(self.scratch, "notes-again")   # and the way back, as Courier keeps it
        self.instance.run("export", user, "--maildir", again)
        with open(os.path.join(again, "subscriptions"), encoding="ascii") as f:
            names = f.read().splitlines()
        self.assertEqual(["Archive", "Drafts", "INBOX", "Junk", "Trash", "Work.Sub"], sorted(names))
        os.remove(os.path.join(again, "subscriptions"))
        with open(os.path.join(again, "courierimapsubscribed"), "w", encoding="ascii") as f:
            f.write("INBOX\nINBOX.Caf&AOk-\n")
        c.logout()
        c = self.instance.imap(self.instance.user("notes2"))
        self.instance.run("import", "notes2@example.test", "--maildir", again)
        self.assertEqual({b"INBOX", b"Caf&AOk-"}, subscribed())
        c.logout()

    def test_5_folders_of_others(self):
        """An export takes one's own folders alone; an import names a folder that it cannot make, and goes on."""
        owner, user = self.instance.user("owner"), self.instance.user("guest")
        c = self.instance.imap("owner")
        c.setacl("Archive", user, "lr")
        c.append("Archive", None, None, b"Subject: shared\r\n\r\nx\r\n")
        c.logout()
        for form, own in (("--maildir", "6 folders, 0"), ("--mbox", "7 folders, 1")):   # later with Zoo
            top = os.path.join(self.scratch, "guest" + form)
            self.assertIn(own + " messages written", self.instance.run("export", user, form, top).stdout)
            for folder in ("Other Users/somebody", "Zoo"):   # as a server would name them that has no idea of namespaces
                path = os.path.join(top, folder + ".mbox" if form == "--mbox" else "." + folder.replace("/", "."))
                os.makedirs(os.path.dirname(path) if form == "--mbox" else os.path.join(path, "cur"), exist_ok=True)
                with open(path if form == "--mbox" else os.path.join(path, "cur", "1.a:2,S"), "w", encoding="ascii") as f:
                    f.write(("From a@b.test Mon Mar  4 10:00:00 2019\n" if form == "--mbox" else "") + f"Subject: {folder}{form}\n\nx\n")
            p = self.instance.run("import", user, form, top, check=False)
            self.assertEqual((65, True), (p.returncode, "1 messages imported" in p.stdout), p.stdout + p.stderr)
            self.assertIn('folder "Other Users/somebody" is not imported', p.stderr)
        self.assertEqual(2, self.instance.count("guest", "Zoo"))
        self.assertIn("0 messages", self.instance.run("export", owner, "--mbox", os.path.join(self.scratch, "o"), "--folder", "Sent").stdout)


@unittest.skipUnless(dovecot.available(), "needs Dovecot, and root to start it")
class FromServer(Common):
    """RFC 9051 as a client, against Dovecot."""
    FOLDERS = ("INBOX", "Work.Sub", '"Caf&AOk-"')
    HERE = {"INBOX": "INBOX", "Work/Sub": "Work.Sub", "Caf&AOk-": '"Caf&AOk-"'}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = dovecot.Dovecot(["bob", "ann", "big"], tls=True)
        cls.lisa = cls.instance.user("moved")
        os.environ["IEMS_IMPORT_PASSWORD"] = iems.PASSWORD
        c = cls.server.imap("bob")
        for name in (*cls.FOLDERS[1:], '"Sent Items"', "Junk"):
            c.create(name)
        for name in ("INBOX", "Work.Sub", '"Sent Items"'):
            c.subscribe(name)
        fill(c, cls.FOLDERS, 300)
        c.select("INBOX")
        c.store("3:5", "+FLAGS", "\\Deleted")
        c.expunge()   # gaps between the UIDs
        cls.all = int(c.select("INBOX", readonly=True)[1][0]) + 200
        c.logout()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        del os.environ["IEMS_IMPORT_PASSWORD"]

    def plain(self, *more, check=True):
        return self.instance.run("import", self.lisa, "--imap", f"127.0.0.1:{self.server.imap_port}", "--plain", "--user", "bob", *more, check=check)

    def report(self, *more):
        return json.loads(self.plain("--json", *more).stdout)

    def there(self, user, folder):
        c = self.server.imap(user)
        c.select(folder, readonly=True)
        out = messages_of(c)
        c.logout()
        return out

    def test_1_all(self):
        found = self.report("--dry-run")
        self.assertEqual((self.all, 0), (found["imported"], found["present"]))
        self.assertEqual({}, {k: v for k, v in state(self.instance, "moved").items() if v[1]})
        found = self.report()
        self.assertEqual((self.all, self.all, 0), (found["imported"], found["kept_uids"], found["present"]))
        here = state(self.instance, "moved")
        for name, folder in self.HERE.items():
            self.assertEqual(self.there("bob", folder), here[name][1], name)
        c = self.instance.imap("moved")   # what is subscribed, and what a folder is for, as there; folders that are not there stay as they were
        listed = [re.search(rb'\((.*)\) "/" "?([^"]*)"?$', line).groups() for line in c.list()[1]]
        self.assertEqual([b"Sent Items"], [name for flags, name in listed if b"\\Sent" in flags])
        self.assertNotIn(b"Sent", [name for _, name in listed])
        self.assertEqual({b"Archive", b"Drafts", b"INBOX", b"Sent Items", b"Trash", b"Work/Sub"},
                         {re.search(rb'"/" "?([^"]*)"?$', line).group(1) for line in c.lsub()[1] if b"Noselect" not in line})
        c.logout()
        for f in found["accounts"][0]["folders"]:
            self.assertTrue(f["uidvalidity"] and f["remote_uidvalidity"])
        found = self.report()
        self.assertEqual((0, self.all, 0, 0), (found["imported"], found["present"], found["changed_flags"], found["bytes"]))
        self.assertEqual(here, state(self.instance, "moved"))

    def test_2_what_is_new(self):
        """Also without the state of the earlier run, which is only a short cut."""
        c = self.server.imap("bob")
        fill(c, self.FOLDERS, 9, 300)
        c.select("INBOX")
        c.uid("STORE", "1", "+FLAGS", "\\Answered")
        c.uid("STORE", "1", "+FLAGS", "Later")
        c.uid("STORE", "2", "-FLAGS", "\\Answered")
        c.logout()
        c = self.instance.imap("moved")
        c.select("INBOX")
        c.uid("STORE", "1", "+FLAGS", "\\Flagged")   # a change of our own stays
        c.logout()
        found = self.report()
        self.assertEqual((9, self.all, 2), (found["imported"], found["present"], found["changed_flags"]))
        flags = {m[0]: set(m[1].split()) for m in state(self.instance, "moved")["INBOX"][1]}
        there = {m[0]: set(m[1].split()) for m in self.there("bob", "INBOX")}
        self.assertEqual(there[1] | {b"\\Flagged"}, flags[1])
        self.assertEqual(there[2], flags[2])
        shutil.rmtree(os.path.join(self.instance.dir, "import"))
        before = state(self.instance, "moved")
        found = self.report()
        self.assertEqual((0, self.all + 9), (found["imported"], found["present"]))
        self.assertEqual(before, state(self.instance, "moved"))

    def test_3_folders(self):
        self.instance.user("part")
        run = lambda *more: json.loads(self.instance.run("import", "part@example.test", "--imap", f"127.0.0.1:{self.server.imap_port}", "--plain", "--user",
                                                         "bob", "--json", *more).stdout)
        found = run("--folder", "Work*", "--folder", "INBOX", "--exclude", "INBOX", "--subfolder", "Old")
        self.assertEqual(["Old/Work/Sub"], [f["name"] for f in found["accounts"][0]["folders"]])
        self.assertEqual(103, len(state(self.instance, "part")["Old/Work/Sub"][1]))
        self.assertNotEqual(0, self.plain("--folder", "nowhere", check=False).returncode)

    def test_4_killed(self):
        """Goes on where it was, with no message twice."""
        c = self.server.imap("big")
        fill(c, ("INBOX",), 500)
        c.logout()
        user = self.instance.user("big")
        command = ["import", user, "--imap", f"127.0.0.1:{self.server.imap_port}", "--plain", "--user", "big"]
        for goal in (50, 300):
            p = subprocess.Popen([os.path.join(iems.BUILD, "src/cli/iems"), "-c", self.instance.dir, *command], stdout=subprocess.DEVNULL)
            iems.wait_until("some of it", lambda: p.poll() is not None or self.instance.count("big") >= goal, 60)
            p.kill()
            p.wait()
        self.instance.run(*command)
        self.assertEqual(self.there("big", "INBOX"), state(self.instance, "big")["INBOX"][1])

    def test_5_tls_and_accounts(self):
        """STARTTLS and TLS, whom it believes, a master user, many accounts."""
        c = self.server.imap("ann")
        fill(c, ("INBOX",), 10)
        c.logout()
        ann, bob = self.instance.user("ann"), self.instance.user("bob")
        tls = f"localhost:{self.server.imaps_port}"
        p = self.instance.run("import", ann, "--imap", tls, "--user", "ann", check=False)
        self.assertIn("certificate", p.stdout.lower() + p.stderr.lower())
        self.assertNotEqual(0, p.returncode)
        with open(self.server.certificate, encoding="ascii") as f:
            print_of = hashlib.sha256(ssl.PEM_cert_to_DER_cert(f.read())).hexdigest()
        for more in (("--ca-file", self.server.certificate), ("--fingerprint", print_of), ("--no-verify",)):
            out = self.instance.run("import", ann, "--imap", tls, "--user", "ann", *more).stdout
            self.assertIn("10 messages imported" if more[0] == "--ca-file" else "10 were there", out)
        self.assertNotEqual(0, self.instance.run("import", ann, "--imap", tls, "--user", "ann", "--fingerprint", "0" * 64, check=False).returncode)
        out = self.instance.run("import", ann, "--imap", f"localhost:{self.server.imap_port}", "--starttls", "--ca-file", self.server.certificate,
                                "--user", "ann", "--mechanism", "CLEAR").stdout
        self.assertIn("10 were there", out)
        self.tokens(ann, tls)
        accounts, secret = os.path.join(self.scratch, "accounts"), os.path.join(self.scratch, "password")
        with open(accounts, "w", encoding="ascii") as f:
            f.write(f"# who\n{ann} ann\n{bob} bob\nnobody@example.test ann\n")
            f.writelines(f"{self.instance.user(f'more{i}')} ann\n" for i in range(5))
        with open(secret, "w", encoding="ascii") as f:
            f.write(f"master-{iems.PASSWORD}\n")
        for how in (("--mechanism", "PLAIN"), ("--master-separator", "*")):
            p = self.instance.run("import", "--accounts", accounts, "--imap", tls, "--no-verify", "--master", "root", "--password-file", secret, "--json", *how,
                                  check=False)
            found = json.loads(p.stdout)
            self.assertEqual(67, p.returncode)
            self.assertEqual([10, self.all + 9, 0, *[10] * 5], [a["imported"] + a["present"] for a in found["accounts"]])
            self.assertIn("error", found["accounts"][2])

    def tokens(self, ann, tls):
        """RFC 7628, and what Google and Microsoft had before it: the password is a token."""
        command = ["import", ann, "--imap", tls, "--no-verify", "--user", "ann", "--mechanism"]
        for mechanism in ("OAUTHBEARER", "XOAUTH2"):
            for key, there in ((dovecot.TOKEN_KEY, True), (b"another key", False)):
                os.environ["IEMS_IMPORT_PASSWORD"] = self.server.token("ann", key)
                try:
                    p = self.instance.run(*command, mechanism, check=False)
                finally:
                    os.environ["IEMS_IMPORT_PASSWORD"] = iems.PASSWORD
                self.assertEqual(there, p.returncode == 0, (mechanism, p.stdout, p.stderr))
                self.assertIn("10 were there" if there else "the login failed", p.stdout)

    def test_6_refused(self):
        os.environ["IEMS_IMPORT_PASSWORD"] = "wrong"
        try:
            p = self.plain(check=False)
        finally:
            os.environ["IEMS_IMPORT_PASSWORD"] = iems.PASSWORD
        self.assertNotEqual(0, p.returncode)
        self.assertIn("the login failed", p.stdout)
        with iems.socket.socket() as s:   # nobody listens there
            s.bind(("127.0.0.1", 0))
            p = self.instance.run("import", self.lisa, "--imap", f"127.0.0.1:{s.getsockname()[1]}", "--plain", check=False)
        self.assertNotEqual(0, p.returncode)
        self.assertIn("refused", p.stdout)


class FromOddServers(Common):
    """What old servers do: no extensions, names that are wrong, messages that they cannot give. MIGR-08."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.environ["IEMS_IMPORT_PASSWORD"] = "any"

    def bring(self, user, server, *more, check=True):
        p = self.instance.run("import", self.instance.user(user), "--imap", f"127.0.0.1:{server.port}", "--plain", "--json", *more, check=check)
        return p.returncode, json.loads(p.stdout)

    def test_1_names(self):
        names = {b"INBOX": "INBOX", b"INBOX.R&D": "R&D", b"INBOX.Entw&APw-rfe": "Entwürfe", b"INBOX.Gr\xfc\xdfe": "Grüße", b"INBOX.Gr\xc3\xbc\xc3\x9fe 2": "Grüße 2",
                 b"INBOX.a.b/c": "a/b_c", b"INBOX.x..y": "x/_/y", b'INBOX.q"u\\o': 'q"u\\o', b"INBOX.tab\there": "tab_here"}
        server = oddimap.OddServer({name: [oddimap.MESSAGE] for name in names}, prefix=b"INBOX.")
        try:
            server.subscribed = [b"INBOX.R&D", b"INBOX.Gr\xfc\xdfe"]
            code, found = self.bring("odd1", server)
            self.assertEqual((0, len(names), 0), (code, found["imported"], found["accounts"][0]["skipped_folders"]))
            self.assertEqual(sorted(names.values()), sorted(f["name"] for f in found["accounts"][0]["folders"]))
        finally:
            server.close()
        flat = oddimap.OddServer({b"INBOX": [oddimap.MESSAGE], b"a.b/c": [oddimap.MESSAGE]}, separator=b"NIL")
        try:
            code, found = self.bring("odd2", flat)
            self.assertEqual((0, ["INBOX", "a.b_c"]), (code, sorted(f["name"] for f in found["accounts"][0]["folders"])))
            for user, there, other in (("odd1", "R&-D", "x/_/y"), ("odd2", "a.b_c", "R&-D")):   # nothing is subscribed there: everything here
                c = self.instance.imap(user)
                self.assertEqual((1, 0), tuple(len([n for n in c.lsub('""', f'"{name}"')[1] if n]) for name in (there, other)))
                c.logout()
        finally:
            flat.close()

    def test_2_messages(self):
        """Those that the server refuses, leaves out or breaks off at are told; all others come once, byte by byte."""
        good = [oddimap.MESSAGE, b"Subject: long\r\n\r\n" + b"x" * 300000 + b"\r\n", b"Subject: nul\r\n\r\na\0b\r\n", b"", b"no header at all",
                b"Subject: bare\n\nlines\n", b"\xff\xfe: \x80\r\n\r\n"]
        bodies = [good[0], oddimap.refuse, *good[1:4], oddimap.cut, good[4], oddimap.leave_out, *good[5:]]
        bad = [10 * (i + 1) for i, b in enumerate(bodies) if callable(b)]
        server = oddimap.OddServer({b"INBOX": bodies})
        try:
            code, found = self.bring("odd3", server, check=False)
            folder = found["accounts"][0]["folders"][0]
            self.assertEqual((65, len(good), 0, bad), (code, folder["imported"], folder["present"], sorted(folder["refused_uids"])), found)
            here = state(self.instance, "odd3")["INBOX"][1]
            self.assertEqual(good, [m[3] for m in here])
            self.assertEqual({(b"Odd \\Seen", b"05-Mar-2019 09:00:00 +0000")}, {(m[1], m[2].strip()) for m in here})
            for uid in bad:   # mended: they come later
                server.folders[b"INBOX"][uid // 10 - 1] = b"Subject: mended %d\r\n\r\n" % uid
            server.fetched.clear()
            p = self.instance.run("import", "odd3@example.test", "--imap", f"127.0.0.1:{server.port}", "--plain", "--json")
            self.assertEqual((3, bad), (json.loads(p.stdout)["imported"], sorted(server.fetched)))
        finally:
            server.close()


if __name__ == "__main__":
    iems.main()
