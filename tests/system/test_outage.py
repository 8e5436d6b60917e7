"""The directory does not answer: what is known goes on, what is not is put off, nothing is refused for good."""
import contextlib
import os
import re
import signal
import unittest

import iems


class Outage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mail = iems.Instance()
        cls.mail.__enter__()
        cls.mail.user("bart")

    @classmethod
    def tearDownClass(cls):
        cls.mail.__exit__(None, None, None)

    def deliver(self):
        before = self.mail.count("bart")
        self.mail.send("a@sender.example", "bart@example.test", iems.message("still alive"))
        self.mail.wait_count("bart", before + 1)

    def test_directory_down_is_temporary(self):   # DIR-20
        pid = self.mail.kill("slapd", signal.SIGSTOP)
        try:
            self.deliver()   # look-ups are answered from the mirror
            p = self.mail.run("-C", "-a", "new@example.test", "-p", "secret-1", "-f", "N", "-l", "N", check=False, program="iemsuser", timeout=150)
            self.assertNotEqual(p.returncode, 0)
            self.assertRegex(p.stderr, "directory|no answer in the time allowed")
        finally:
            os.kill(pid, signal.SIGCONT)

    def test_switch_stands_still(self):   # DEPL-22: what users wait for does not wait for what works behind it
        before = self.mail.count("bart")
        pid = self.mail.kill("mta", signal.SIGSTOP)
        self.mail.may_end = re.compile("did not answer")   # it may be found and restarted meanwhile
        try:
            self.mail.send("a@sender.example", "bart@example.test", iems.message("to be switched"))
            c = self.mail.imap("bart")
            self.assertEqual(c.append("INBOX", None, None, iems.message("appended").replace("\n", "\r\n").encode())[0], "OK")
            c.select()
            self.assertIn(b"appended", c.fetch("*", "(BODY[HEADER])")[1][0][1])
            c.logout()
            p = self.mail.pop3("bart")
            self.assertGreater(p.stat()[0], before)
            p.quit()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.mail.wait_count("bart", before + 2, seconds=60)

    def test_directory_agent_hangs(self):
        """It is found and restarted; meanwhile a recipient is accepted or put off, never refused for good."""
        before = self.mail.count("bart")
        pid = self.mail.kill("dir", signal.SIGSTOP)
        self.mail.may_end = re.compile("did not answer")
        accepted = 0
        with self.mail.smtp() as s:
            s.sock.settimeout(120)
            s.mail("a@sender.example")
            code, text = s.rcpt("bart@example.test")
            self.assertIn(code // 100, (2, 4), text)
            if code == 250:
                self.assertEqual(s.data(iems.message("patience").replace("\n", "\r\n"))[0], 250)
                accepted = 1
        self.mail.wait_restarted("dir", pid, 60)
        self.mail.wait_count("bart", before + accepted)
        self.deliver()


if __name__ == "__main__":
    iems.main()
