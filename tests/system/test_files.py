"""Web folders from the command line: WFOLD-01 to WFOLD-04, DOM-10; quotas of them in the reports of the Quota Agent."""
import ctypes
import json
import os
import subprocess
import tempfile
import threading
import unittest

import iems

KB = 1024
MB = 1024 * KB
AT_FDCWD, RENAME_EXCHANGE = -100, 2


def untimed(listed):
    """Of folders no time is kept: they are made again."""
    return [{k: v for k, v in e.items() if not e["folder"] or k != "modified_ms"} for e in json.loads(listed)]


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mail = iems.Instance()
        cls.mail.__enter__()
        cls.addClassCleanup(cls.mail.__exit__, None, None, None)
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)

    def files(self, *args, **how):
        return self.mail.run("files", *args, **how)

    def local(self, name, content):
        path = os.path.join(self.scratch.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return path

    def names(self, target, *more):
        return [f["path"] + ("/" if f["folder"] else "") for f in json.loads(self.files("ls", target, *more, "--json").stdout)]

    def usage(self, user):
        return json.loads(self.files("usage", f"{user}@example.test", "--json").stdout)

    def user(self, name, *more):
        self.mail.user(name, iems.PASSWORD, "-m", "enable", *more)
        return f"{name}@example.test"

    def check(self):
        self.assertIn("in order", self.mail.run("store", "check").stdout)

    def refused(self, status, text, *args, **how):
        done = self.files(*args, check=False, **how)
        self.assertEqual(done.returncode, status, done)
        self.assertIn(text, done.stderr)

    def test_tree(self):   # WFOLD-01
        bart = self.user("bart")
        big = os.urandom(300 * KB) * 4
        one = self.local("one.txt", "hello")
        self.local("tree/a/Überschrift.txt", "in a")
        self.local("tree/a/b/empty", "")
        self.local("tree/big.bin", big)
        os.symlink("/etc/passwd", os.path.join(self.scratch.name, "tree", "link"))
        os.utime(one, (1600000000, 1600000000))
        self.files("put", one, bart)
        self.files("mkdir", "-p", f"{bart}:notes/old")
        self.files("put", "--type", "text/plain", "-", f"{bart}:notes/today", input="from a pipe")
        self.refused(65, "left out", "put", "-r", os.path.join(self.scratch.name, "tree"), f"{bart}:")   # the link
        self.assertEqual(self.names(bart, "-r"), ["notes/", "notes/old/", "notes/today", "one.txt", "tree/", "tree/a/", "tree/a/b/",
                                                  "tree/a/b/empty", "tree/a/Überschrift.txt", "tree/big.bin"])
        listed = self.files("ls", f"{bart}:one.txt").stdout
        self.assertRegex(listed, r"2020-09-13T12:26:40 +one\.txt")
        self.assertEqual(self.files("get", f"{bart}:notes/today", "-").stdout, "from a pipe")
        self.files("cp", f"{bart}:tree", "copy")
        self.files("mv", f"{bart}:tree", "notes/")
        self.files("mv", f"{bart}:one.txt", f"{bart}:notes/first.txt")
        self.refused(73, "is there already", "put", one, f"{bart}:notes/first.txt")
        self.files("put", "--replace", self.local("two.txt", "second"), f"{bart}:notes/first.txt")
        out = os.path.join(self.scratch.name, "out")
        self.files("get", "-r", f"{bart}:copy", out)
        with open(os.path.join(out, "big.bin"), "rb") as f:
            self.assertEqual(f.read(), big)
        self.assertEqual(sorted(os.listdir(os.path.join(out, "a"))), ["b", "Überschrift.txt"])
        self.files("get", "-r", f"{bart}:copy", out)   # into it, now that it is there
        self.refused(65, "3 were left out", "get", "-r", f"{bart}:copy", out)
        self.files("get", "-r", "--replace", f"{bart}:notes/tree", self.scratch.name)
        self.refused(75, "not empty", "rm", f"{bart}:notes")
        use = self.usage("bart")
        self.assertEqual((use["files"], use["folders"], use["used_bytes"]), (8, 8, 2 * (len(big) + 4) + 6 + 11))
        self.files("rm", "-r", f"{bart}:copy", f"{bart}:notes/tree")
        iems.wait_until("the room of what was removed", lambda: self.usage("bart")["files"] == 2)
        for args in (("ls", f"{bart}:nowhere"), ("get", f"{bart}:nowhere"), ("rm", f"{bart}:nowhere"), ("mv", f"{bart}:x", "y")):
            self.refused(67, "is not there", *args)
        self.refused(67, "no account", "ls", "nobody@example.test")
        self.refused(65, "\"..\" is no name", "mkdir", f"{bart}:../up")
        self.assertEqual(self.files("ls", "bart", check=False).returncode, 64)
        self.check()

    def test_folders_that_become_links(self):   # WFOLD-01: what was a folder a moment ago leads nowhere else
        milhouse, names = self.user("milhouse"), [f"f{i}" for i in range(40)]
        self.local("outside/secret", "not for others")
        for name in names:
            self.local(f"swapped/{name}/mine", "mine")
            os.symlink(os.path.join(self.scratch.name, "outside"), os.path.join(self.scratch.name, "swapped", name + ".link"))
        libc, done = ctypes.CDLL(None, use_errno=True), threading.Event()
        pairs = [[os.path.join(self.scratch.name, "swapped", name + end).encode() for end in ("", ".link")] for name in names]

        def swap():
            while not done.is_set():
                for one, other in pairs:
                    libc.renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE)
        thread = threading.Thread(target=swap)
        thread.start()
        try:
            for i in range(3):
                self.refused(65, "left out", "put", "-r", os.path.join(self.scratch.name, "swapped"), f"{milhouse}:{i}/")
        finally:
            done.set()
            thread.join()
        found = {name.rpartition("/")[2] for name in self.names(milhouse, "-r") if not name.endswith("/")}
        self.assertEqual(found, {"mine"})

    def test_permission(self):   # WFOLD-03: nobody has them who was not told to
        mail = self.mail
        one = self.local("perm.txt", "x")
        mail.run("-C", "-a", "maggie@example.test", "-p", "password", "-t", "1", "-c", mail.dir, program="iemsuser")
        self.assertRegex(mail.run("user", "show", "maggie@example.test").stdout, r"Web folders +disabled\nWeb quota +1 MB")
        self.refused(77, "web folders are disabled for maggie@example.test", "put", one, "maggie@example.test")
        self.assertEqual(self.names("maggie@example.test"), [])   # the administrator may look
        mail.run("-C", "-a", "ling@example.test", "-p", "password", "-m", "enable", "-c", mail.dir, program="iemsuser")
        self.files("put", one, "ling@example.test")
        mail.run("user", "set", "maggie@example.test", "--files", "enable")
        self.files("put", one, "maggie@example.test")
        self.refused(75, "full", "put", self.local("perm2", b"y" * MB), "maggie@example.test")
        mail.run("user", "set", "maggie@example.test", "--files-quota", "2")
        self.files("put", self.local("perm2", b"y" * MB), "maggie@example.test")
        self.assertEqual(self.usage("maggie")["limit_bytes"], 2 * MB)

    def test_domain(self):   # WFOLD-04, DOM-10: MB, unlimited or disabled, of all accounts together
        mail = self.mail
        mail.run("domain", "add", "sum.test")
        for name in ("a", "b"):
            mail.run("user", "add", f"{name}@sum.test", "--no-password", "--files", "enable")
        half = self.local("half", b"z" * (700 * KB))
        mail.run("quota", "set", "@sum.test", "--files", "1M")
        use = lambda: json.loads(self.files("usage", "a@sum.test", "--json").stdout)
        iems.wait_until("the domain's limit", lambda: use()["domain_limit_bytes"] == MB)
        self.files("put", half, "a@sum.test")
        self.refused(75, "the domain has used up its room", "put", half, "b@sum.test")
        mail.run("quota", "set", "@sum.test", "--files", "unlimited")
        iems.wait_until("no limit", lambda: use()["domain_limit_bytes"] == 0)
        self.files("put", half, "b@sum.test")
        self.assertEqual(use()["domain_used_bytes"], 1400 * KB)
        mail.run("quota", "set", "@sum.test", "--files", "disabled")
        iems.wait_until("disabled", lambda: not use()["enabled"])
        self.refused(77, "disabled", "put", "--replace", half, "a@sum.test")
        self.assertEqual(self.names("a@sum.test"), ["half"])   # what is there stays

    def test_life(self):   # an account takes its files along: deleted, brought back, gone
        mail = self.mail
        lisa = self.user("lisa")
        self.files("put", self.local("life", "kept"), lisa)
        mail.run("user", "delete", lisa, "--yes")
        self.refused(67, "no account", "ls", lisa)
        mail.run("user", "undelete", lisa)
        self.assertEqual(self.files("get", f"{lisa}:life", "-").stdout, "kept")
        mail.run("user", "delete", lisa, "--yes", "--now")
        self.user("lisa")
        self.assertEqual(self.names(lisa), [])
        self.check()

    def test_backup(self):   # backup and restore of one account carry its web folders
        mail = self.mail
        otto = self.user("otto")
        backups = os.path.join(self.scratch.name, "backups")
        self.files("mkdir", "-p", f"{otto}:docs/empty")
        for name in ("kept", "lost", "changed"):
            self.files("put", "--type", "text/x-note", "-", f"{otto}:docs/{name}", input=f"the first {name}")
        before = self.files("ls", otto, "-r", "--json").stdout
        mail.run("backup", backups)
        self.files("rm", f"{otto}:docs/lost")
        self.files("put", "--replace", "-", f"{otto}:docs/changed", input="the second")
        self.assertRegex(mail.run("restore", backups, "--list", "--account", otto).stdout, r"\(web folders\) +3 files")
        out = mail.run("restore", backups, "--account", otto, "--dry-run").stdout
        self.assertIn("1 files of web folders would be restored; 2 are there.", out)
        out = mail.run("restore", backups, "--account", otto).stdout
        self.assertIn("1 files of web folders were restored; 2 were there.", out)
        self.assertEqual(self.files("get", f"{otto}:docs/changed", "-").stdout, "the second")   # what is there stays
        self.files("rm", "-r", f"{otto}:docs")
        mail.run("user", "set", otto, "--files", "disable")
        p = mail.run("restore", backups, "--account", otto, check=False)
        self.assertEqual((p.returncode, "3 files of web folders are left out" in p.stderr), (77, True))
        mail.run("user", "set", otto, "--files", "enable")
        self.assertIn("1 files of web", mail.run("restore", backups, "--account", otto, "--files", "docs/lost").stdout)
        self.assertEqual(self.names(otto, "-r"), ["docs/", "docs/lost"])
        self.assertIn("2 files of web", mail.run("restore", backups, "--account", otto, "--files", "").stdout)
        self.assertEqual(untimed(self.files("ls", otto, "-r", "--json").stdout), untimed(before))
        self.assertIn("is whole", mail.run("backup", "verify", backups).stdout)
        self.check()

    def test_report(self):   # WFOLD-02: a section of its own, with home directory, totals, limit and use of each
        moe = self.user("moe", "-t", "3")
        self.files("put", self.local("report", b"r" * MB), moe)
        text = self.mail.run("quota", "run").stdout
        mail, web = text.split("Quota Report for Web Store\n")
        self.assertRegex(mail, r"moe@example\.test +0\.0 MB of +unlimited")
        self.assertIn(f"Home directory {self.mail.dir}/data/store\n", web)
        self.assertRegex(web, r"Total usage +\d+\.\d MB in \d+ files\nUsers +\d+\nOver quota +\d+\n")
        self.assertRegex(web, r"moe@example\.test +1\.0 MB of +3\.0 MB +1 files")
        html = self.mail.run("quota", "report", "--html").stdout
        self.assertIn("<td>moe@example.test</td><td>3.0 MB</td><td>1.0 MB</td><td>1</td>", html.split("Web Store")[1])
        self.assertRegex(self.mail.run("quota", "show", moe).stdout, r"web folders \(files\) +3 MB +1\.0 MB +1 +enabled")
        told = json.loads(self.mail.run("quota", "show", moe, "--json").stdout)[0]["web_folders"]
        self.assertEqual(told, {"enabled": True, "limit_bytes": 3 * MB, "used_bytes": MB, "files": 1})

    def test_kill(self):   # in the middle of a transfer: nothing half is seen, what was acknowledged is there
        homer = self.user("homer")
        content = os.urandom(MB)
        pid = self.mail.pids()["store"]
        self.files("put", "-", f"{homer}:whole", input="w" * 100)
        with subprocess.Popen([iems.IEMS, "files", "put", "-", f"{homer}:half"], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=dict(os.environ, IEMS_DIR=self.mail.dir)) as sending:
            for _ in range(12):   # all but the last two megabytes are in the store then
                sending.stdin.write(content)
            self.assertEqual(self.names(homer), ["whole"])
            self.mail.kill("store")
            self.mail.wait_restarted("store", pid)
            sending.stdin.close()
            self.assertIn(b"iems: -: ", sending.stderr.read())
        self.assertNotEqual(sending.returncode, 0)
        self.assertEqual(self.names(homer), ["whole"])
        self.assertEqual(self.usage("homer")["used_bytes"], 100)
        self.check()


iems.main()
