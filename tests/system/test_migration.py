"""Mail out of and into accounts as Maildir and mbox: bytes, flags, keywords and dates stay, empty folders too. MIGR-08, LIM-06, LIM-07."""
import os
import shutil
import tempfile
import unittest

import iems
from test_backup import state

FLAGS = ["", "\\Seen", "\\Flagged Work", "\\Answered \\Draft", "\\Deleted Work $Label1"]
SHAPES = [b"Subject: s\r\n\r\nFrom here on\r\n>From there\r\n\r\nFrom x\r\n", b"Subject: no end\r\n\r\nlast line",
          b"Status: RO\r\nSubject: own status\r\n\r\nx\r\n\r\n\r\n", b"Subject: bare\r\n\r\na\nb\r\n", b"Subject: \xc3\xa4\r\n\r\n\xff\xfe\r\n"]


def contents(found):
    return {name: [m[1:] for m in messages] for name, (_, messages) in found.items()}


class Migration(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp(prefix="iems-migration-")
        cls.instance = iems.Instance()
        cls.instance.__enter__()
        cls.lisa = cls.instance.user("lisa")
        c = cls.instance.imap("lisa")
        for name in ("a.b/c%2E", "a.b/&APY-", "empty/deep"):
            c.create(f'"{name}"')
        for i in range(1000):
            folder = ("INBOX", '"a.b/c%2E"', '"a.b/&APY-"')[i % 3]
            body = SHAPES[i % len(SHAPES)] + b"%d\r\n" % i * (i % 7)
            c.append(folder, FLAGS[i % len(FLAGS)], f'"{i % 27 + 1:02}-Mar-2019 10:{i % 60:02}:00 +0000"', body)
        c.logout()
        cls.before = contents(state(cls.instance, "lisa"))

    @classmethod
    def tearDownClass(cls):
        cls.instance.__exit__(None, None, None)
        shutil.rmtree(cls.scratch, ignore_errors=True)

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

    def test_2_mbox(self):
        self.round_trip("mbox")

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


if __name__ == "__main__":
    iems.main()
