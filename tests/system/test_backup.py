"""Backups of a running instance, restore of everything and of single mails, undelete, rebuild, upgrade. REBLD-01 to REBLD-07."""
import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

import iems


def messages_of(c):
    """[(uid, flags, date, bytes)] of the folder that is open."""
    messages = []
    for part in c.fetch("1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])")[1]:
        if isinstance(part, tuple):
            uid = int(re.search(rb"UID (\d+)", part[0]).group(1))
            flags = re.search(rb"FLAGS \(([^)]*)\)", part[0]).group(1)
            date = re.search(rb'INTERNALDATE "([^"]*)"', part[0]).group(1)
            messages.append((uid, b" ".join(sorted(f for f in flags.split() if f != b"\\Recent")), date, part[1]))
    return messages


def state(instance, user):
    """folder -> [(uid, flags, date, bytes)] of all that an account has, and UIDVALIDITY."""
    c, out = instance.imap(user), {}
    for line in c.list()[1]:
        name = re.search(rb'"/" "?([^"]*)"?$', line).group(1).decode()
        _, data = c.status(f'"{name}"', "(UIDVALIDITY)")
        validity = int(re.search(rb"UIDVALIDITY (\d+)", data[0]).group(1))
        kind, data = c.select(f'"{name}"', readonly=True)
        assert kind == "OK", name
        out[name] = (validity, messages_of(c) if int(data[0]) else [])
    c.logout()
    return out


def fill(instance, user, folders=("INBOX", "Archive", "a/b"), count=20):
    c = instance.imap(user)
    for folder in folders:
        c.create(folder)
        for i in range(count):
            body = iems.message(f"{folder} {i}", "x" * (i * 37) if i else "big " * 100000)
            flags = ["", "\\Seen", "\\Flagged Work", "\\Answered"][i % 4]
            c.append(folder, flags, f'"{i % 27 + 1:02}-Jan-2020 10:00:{i % 60:02} +0000"', body.replace("\n", "\r\n").encode())
    c.logout()


class Backup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp(prefix="iems-backup-")
        cls.backups = os.path.join(cls.scratch, "backups")
        cls.instance = iems.Instance()
        cls.instance.__enter__()
        cls.lisa, cls.bart = cls.instance.user("lisa"), cls.instance.user("bart")
        fill(cls.instance, "lisa")

    @classmethod
    def tearDownClass(cls):
        cls.instance.__exit__(None, None, None)
        shutil.rmtree(cls.scratch, ignore_errors=True)

    def test_1_backup_under_load_and_whole_restore(self):
        stop, sent = threading.Event(), []

        def load():
            while not stop.is_set():
                self.instance.send("a@sender.example", self.bart, iems.message(f"load {len(sent)}"))
                sent.append(1)

        sender = threading.Thread(target=load)
        sender.start()
        try:
            iems.wait_until("some mail", lambda: len(sent) > 5)
            self.instance.run("backup", self.backups, "--verify")
            before = len(sent)
        finally:
            stop.set()
            sender.join()
        out = self.instance.run("backup", "list", self.backups).stdout
        self.assertIn("format", out)
        self.assertEqual(1, len(out.splitlines()))
        self.assertIn("is whole", self.instance.run("backup", "verify", self.backups).stdout)
        self.assertFalse([n for n in os.listdir(os.path.join(self.instance.dir, "data")) if n.startswith("checkpoint")])
        lisa = state(self.instance, "lisa")
        new = os.path.join(self.scratch, "new")
        base = iems.free_port_base()
        self.instance.run("restore", self.backups, "--instance", new, "--port-base", str(base))
        other = object.__new__(iems.Instance)
        other.__dict__.update(self.instance.__dict__, dir=new, base=base, parent=None, own_folder=False, killed={}, log_seen=0)
        with other:
            self.assertEqual(lisa, state(other, "lisa"))
            self.assertIn("in order", other.run("store", "check").stdout)
            iems.wait_until("queue is empty", lambda: "INPUT" not in other.run("queue", "list").stdout)
            self.assertGreater(other.count("bart"), 4)
            self.assertLessEqual(other.count("bart"), before + 1)
            other.send("a@sender.example", "lisa@example.test", iems.message("after"))
            other.wait_count("lisa", len(lisa["INBOX"][1]) + 1)
        self.assertNotEqual(0, self.instance.run("restore", self.backups, "--instance", new, check=False).returncode)

    def test_2_incremental_and_damage(self):
        fill(self.instance, "bart", ("Archive",), 3)
        first = sorted(os.listdir(self.backups))[0]
        iems.time.sleep(1.1)   # names have seconds
        self.instance.run("backup", self.backups, "--incremental")
        names = sorted(os.listdir(self.backups))
        self.assertEqual(2, len(names))
        tables = os.path.join(self.backups, names[1], "store")
        self.assertTrue([n for n in os.listdir(tables) if n.endswith(".sst") and os.stat(os.path.join(tables, n)).st_nlink > 1])
        shutil.copytree(os.path.join(self.backups, names[1]), os.path.join(self.scratch, "one"))
        shutil.rmtree(os.path.join(self.backups, first))   # each backup is whole by itself
        self.assertIn("is whole", self.instance.run("backup", "verify", self.backups).stdout)
        store = os.path.join(self.scratch, "one", "store")
        table = next(n for n in sorted(os.listdir(store)) if n.endswith(".sst"))
        with open(os.path.join(store, table), "r+b") as f:
            f.write(b"X")
        p = self.instance.run("backup", "verify", os.path.join(self.scratch, "one"), check=False)
        self.assertNotEqual(0, p.returncode)
        self.assertIn(table, p.stderr)
        p = self.instance.run("restore", os.path.join(self.scratch, "one"), "--instance", os.path.join(self.scratch, "bad"), check=False)
        self.assertIn("damaged", p.stderr)
        self.damaged_backup()
        partial = os.path.join(self.backups, "20200101T000000Z.partial")   # what a killed backup left is removed
        os.mkdir(partial)
        with open(os.path.join(partial, "file"), "w", encoding="ascii"):
            pass
        lock = os.open(self.backups, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        p = self.instance.run("backup", self.backups, check=False)
        self.assertEqual(75, p.returncode)
        self.assertIn("under way", p.stderr)
        os.close(lock)
        iems.time.sleep(1.1)
        self.assertIn(partial, self.instance.run("backup", self.backups, "--incremental").stdout)
        self.assertFalse(os.path.exists(partial))

    def damaged_backup(self):
        """One bad place in any file: what cannot be read is told message by message, everything else is there."""
        self.instance.run("backup", os.path.join(self.scratch, "whole"))
        backup = os.path.join(self.scratch, "whole", os.listdir(os.path.join(self.scratch, "whole"))[0])
        listed = self.instance.run("restore", backup, "--list").stdout
        self.assertRegex(listed, r"lisa@example.test +\d+ folders +60 messages")
        folders = self.instance.run("restore", backup, "--list", "--account", self.lisa).stdout
        self.assertRegex(folders, r"(?m)^a/b +20 messages")
        messages = self.instance.run("restore", backup, "--list", "--account", self.lisa, "--folder", "Archive").stdout
        self.assertRegex(messages, r"(?m)^UID 5 .* Archive 4$")
        total = sum(int(n) for n in re.findall(r"(\d+) messages", listed))
        seen, torn = {}, 0
        files = sorted(n for n in os.listdir(os.path.join(backup, "store")) if n.endswith((".sst", ".blob")))
        for name, place in [(n, p) for n in files for p in ((1, 3) if n.endswith(".blob") else (0, 5), (1, 3))[:1 + n.endswith(".sst")]]:
            path = os.path.join(backup, "store", name)
            at = os.path.getsize(path) * place[0] // place[1]
            with open(path, "r+b") as f:
                f.seek(at)
                was = f.read(16)
                f.seek(at)
                f.write(bytes(255 - b for b in was))
            p = self.instance.run("restore", backup, "--all", "--dry-run", check=False)
            lost = len(re.findall(r"UID \d+ cannot be read", p.stderr))
            seen[name, place] = (p.returncode, lost)
            self.assertIn(p.returncode, (0, 65), p.stderr)
            self.assertNotIn("the accounts cannot be read", p.stderr)
            holes = re.search(r'some of its records|folder "[^"]*" cannot be read', p.stderr)
            torn += bool(holes)
            there = sum(int(a) + int(b) for a, b in re.findall(r"(\d+) messages would be restored; (\d+) are", p.stdout))
            if holes:
                self.assertEqual(65, p.returncode, p.stderr)
                self.assertLessEqual(there, total)
            else:
                self.assertEqual((total, lost > 0), (there + lost, p.returncode == 65), (name, p.stderr))
            with open(path, "r+b") as f:
                f.seek(at)
                f.write(was)
        self.assertGreater(torn, 0, seen)
        self.assertTrue([n for n, (code, lost) in seen.items() if code == 65 and lost > 0], seen)
        self.assertIn("is whole", self.instance.run("backup", "verify", backup).stdout)

    def test_3_restore_of_mail(self):
        """REBLD-07: one message, one folder, one account, into the running instance; UIDs, flags and dates as they were."""
        before = state(self.instance, "lisa")
        c = self.instance.imap("lisa")
        c.select("Archive")
        c.uid("STORE", "3:8", "+FLAGS", "\\Deleted")
        c.expunge()
        c.close()
        c.delete("a/b")
        c.append("INBOX", "", None, b"Subject: new\r\n\r\nnew\r\n")
        c.logout()
        one = self.instance.run("restore", self.backups, "--account", self.lisa, "--folder", "Archive", "--message", "5").stdout
        self.assertIn("1 messages were restored; 0 were there. 1 have", one)
        out = self.instance.run("restore", self.backups, "--account", self.lisa, "--folder", "Archive").stdout
        self.assertIn("5 messages were restored; 15 were there. 5 have", out)
        self.assertEqual(before["Archive"], state(self.instance, "lisa")["Archive"])
        out = self.instance.run("restore", self.backups, "--account", self.lisa).stdout
        self.assertIn("20 messages were restored", out)
        after = state(self.instance, "lisa")
        self.assertEqual([m[1:] for m in before["a/b"][1]], [m[1:] for m in after["a/b"][1]])
        self.assertEqual(before["INBOX"][1], after["INBOX"][1][:-1])
        self.assertIn("0 messages were restored", self.instance.run("restore", self.backups, "--account", self.lisa).stdout)
        self.assertEqual(after, state(self.instance, "lisa"))

    def test_4_undelete(self):
        before = state(self.instance, "lisa")["INBOX"]
        c = self.instance.imap("lisa")
        c.select("INBOX")
        c.store("2:9", "+FLAGS", "\\Deleted")
        c.expunge()
        c.logout()
        out = self.instance.run("undelete", "list", self.lisa, "--folder", "INBOX").stdout
        self.assertIn("8 messages may be brought back", out)
        self.assertIn("0 messages", self.instance.run("undelete", "list", self.lisa, "--folder", "Sent").stdout)
        out = self.instance.run("undelete", "restore", self.lisa, "--folder", "INBOX", "--since", "1h").stdout
        self.assertIn("8 messages were brought back", out)
        after = state(self.instance, "lisa")["INBOX"]
        self.assertEqual(before[0], after[0])   # with new UIDs: a client that saw them vanish sees them come
        self.assertEqual(before[1][:1] + before[1][9:], after[1][:-8])
        self.assertEqual([m[1:] for m in before[1][1:9]], [m[1:] for m in after[1][-8:]])
        self.assertGreater(after[1][-8][0], before[1][-1][0])
        self.instance.configure("[store]\nundelete_time = 0")
        self.instance.run("config", "reload")
        c = self.instance.imap("lisa")
        c.select("INBOX")
        c.store("1", "+FLAGS", "\\Deleted")
        c.expunge()
        c.logout()
        self.assertEqual(67, self.instance.run("undelete", "restore", self.lisa, "--folder", "INBOX", check=False).returncode)

    def test_5_rebuild_and_upgrade(self):
        """REBLD-01, REBLD-04, REBLD-05: online, under both names."""
        before = state(self.instance, "lisa")
        self.assertIn("in order", self.instance.run("rebuild", self.lisa).stdout)
        self.assertIn("in order", self.instance.run("-f", program="rebuild").stdout)
        self.assertIn("in order", self.instance.run(self.lisa, "inbox", program="rebuild").stdout)
        self.assertEqual(before, state(self.instance, "lisa"))
        self.assertEqual(67, self.instance.run("rebuild", "nobody@example.test", check=False).returncode)
        self.assertIn("nothing would change", self.instance.run("upgrade", "--dry-run").stdout)
        self.assertIn("in order", self.instance.run("store", "check").stdout)
        self.instance.stop()
        self.assertIn("nothing would change", self.instance.run("upgrade", "--dry-run").stdout)
        self.instance.start()


    def test_6_accounts_that_changed(self):
        """All accounts at once; one that was renamed; an address that somebody else has today."""
        backups, old = os.path.join(self.scratch, "accounts"), self.instance.user("maggie")
        fill(self.instance, "maggie", ("INBOX",), 3)
        self.instance.run("backup", backups)
        new = "mag@" + self.instance.domain
        self.instance.run("user", "set", old, "--rename", new)
        c = self.instance.imap("mag")
        c.select("INBOX")
        c.store("1:2", "+FLAGS", "\\Deleted")
        c.expunge()
        c.logout()
        p = self.instance.run("restore", backups, "--account", new, check=False)
        self.assertEqual(67, p.returncode)
        self.assertIn("--from", p.stderr)
        p = self.instance.run("restore", backups, "--all", check=False)
        self.assertEqual(67, p.returncode)
        self.assertIn("1 accounts were not restored", p.stderr)
        self.assertRegex(p.stdout, "(?m)^lisa@example.test: 0 messages were restored")
        self.instance.user("maggie")
        p = self.instance.run("restore", backups, "--account", old, check=False)
        self.assertEqual(75, p.returncode)
        self.assertIn(f"the account that is {new} now", p.stderr)
        self.assertEqual(0, self.instance.count("maggie"))
        self.assertIn("2 messages were restored; 1 were there", self.instance.run("restore", backups, "--account", new, "--from", old).stdout)
        self.assertEqual(3, self.instance.count("mag"))

    @staticmethod
    def children(path):
        with open(path, encoding="ascii") as f:
            return [int(pid) for pid in f.read().split()]

    @staticmethod
    def serves(pid, folder):
        """It has opened the store below the folder."""
        try:
            return any(os.readlink(f"/proc/{pid}/fd/{fd}").startswith(folder) for fd in os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            return False

    def test_7_killed_restore(self):
        """No working copy of a backup stays: its server removes it, and what was left when both were killed goes with the next call."""
        tmp = os.path.join(self.scratch, "tmp")
        os.mkdir(tmp)
        backup = os.path.join(self.scratch, "killed")
        self.instance.run("backup", backup)
        copies = lambda: [n for n in os.listdir(tmp) if n.startswith("iems-archive-")]
        agent = self.instance.pids()["dir"]
        for both in (False, True):
            os.kill(agent, signal.SIGSTOP)   # so that the restore waits with its copy made
            try:
                p = subprocess.Popen([iems.IEMS, "restore", backup, "--all"], env=dict(os.environ, IEMS_DIR=self.instance.dir, TMPDIR=tmp),
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                children = f"/proc/{p.pid}/task/{p.pid}/children"
                iems.wait_until("the copy is served", lambda: any(self.serves(c, tmp) for c in self.children(children)))
                if both:
                    for c in self.children(children):
                        os.kill(c, signal.SIGKILL)
                p.kill()
                p.wait()
            finally:
                os.kill(agent, signal.SIGCONT)
            if not both:
                iems.wait_until("the copy is gone", lambda: not copies())
        self.assertEqual(1, len(copies()))
        env = dict(os.environ, IEMS_DIR=self.instance.dir, TMPDIR=tmp)
        subprocess.run([iems.IEMS, "restore", backup, "--list"], env=env, check=True, stdout=subprocess.DEVNULL)
        self.assertEqual([], copies())


if __name__ == "__main__":
    iems.main()
