"""Real clients that we did not write, unmodified (STORE-09, IMAPPOP-10): swaks, curl, mutt, mbsync, fetchmail, ldapsearch,
Mail::IMAPClient."""
import os
import pty
import re
import select
import signal
import subprocess
import tempfile
import time
import unittest

import iems


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mail = iems.Instance()
        cls.mail.__enter__()
        for name in ("bart", "lisa", "sync", "fetch", "mutt", "perl"):
            cls.mail.user(name)
        cls.home = tempfile.mkdtemp(prefix="iems-client-")

    @classmethod
    def tearDownClass(cls):
        cls.mail.__exit__(None, None, None)
        iems.shutil.rmtree(cls.home, ignore_errors=True)

    def client(self, *argv, input=None, check=True):
        env = dict(os.environ, HOME=self.home, MAIL=os.path.join(self.home, "mbox"), TERM="dumb")
        p = subprocess.run(argv, env=env, input=input, capture_output=True, text=True, timeout=60 * iems.SLOW)
        if check:
            self.assertEqual(p.returncode, 0, f"{argv}\n{p.stdout}{p.stderr}")
        return p

    def on_terminal(self, *argv, seconds=30):
        """Runs a full-screen program on a terminal of its own until it ends."""
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.update(HOME=self.home, TERM="xterm")
            os.execvp(argv[0], argv)
        screen, end = b"", time.monotonic() + seconds * iems.SLOW
        try:
            while time.monotonic() < end:
                if select.select([fd], [], [], 0.5)[0]:
                    screen += os.read(fd, 65536)
        except OSError:   # the program has ended
            pass
        else:
            os.kill(pid, signal.SIGKILL)
            self.fail(f"{argv[0]} does not end; its screen: {screen[-2000:]!r}")
        finally:
            os.close(fd)
            os.waitpid(pid, 0)

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.home, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def test_swaks_submission_with_starttls_and_auth(self):
        for mechanism in ("PLAIN", "LOGIN"):
            before = self.mail.count("lisa")
            self.client("swaks", "-s", "127.0.0.1", "-p", str(self.mail.port("submission")), "--tls", "--auth", mechanism, "-au", "bart@example.test",
                        "-ap", iems.PASSWORD, "-f", "bart@example.test", "-t", "lisa@example.test", "--body", "by swaks")
            self.mail.wait_count("lisa", before + 1)

    def test_swaks_smtp_variants(self):
        before = self.mail.count("lisa")
        for more in (["--pipeline"], ["--tls"], ["--body", "grüße"], ["--protocol", "LMTP"]):
            port = self.mail.port("lmtp" if "LMTP" in more else "smtp")
            self.client("swaks", "-s", "127.0.0.1", "-p", str(port), "-f", "a@sender.example", "-t", "lisa@example.test", *more)
        self.mail.wait_count("lisa", before + 4)

    def test_curl_imaps_and_pop3s(self):
        self.mail.send("a@sender.example", "bart@example.test", iems.message("for curl", body="curl reads this"))
        self.mail.wait_count("bart", 1)
        login = ["curl", "-sS", "--insecure", "-u", f"bart@example.test:{iems.PASSWORD}"]
        self.assertIn("curl reads this", self.client(*login, f"imaps://127.0.0.1:{self.mail.port('imaps')}/INBOX;MAILINDEX=1").stdout)
        self.assertIn("curl reads this", self.client(*login, f"pop3s://127.0.0.1:{self.mail.port('pop3s')}/1").stdout)
        self.assertIn("curl reads this", self.client(*login, "--ssl-reqd", f"imap://127.0.0.1:{self.mail.port('imap')}/INBOX;MAILINDEX=1").stdout)
        self.assertRegex(self.client(*login, f"imap://127.0.0.1:{self.mail.port('imap')}/INBOX?SUBJECT%20curl").stdout, r"SEARCH 1")

    def mbsync(self):
        rc = self.file("mbsyncrc", f"""IMAPAccount s
Host 127.0.0.1
Port {self.mail.port('imap')}
User sync@example.test
Pass {iems.PASSWORD}
SSLType None

IMAPStore far
Account s

MaildirStore near
Path {self.home}/md/
Inbox {self.home}/md/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
""")
        return self.client("mbsync", "-c", rc, "c")

    def test_mbsync_two_ways_1000_messages(self):
        s = self.mail.smtp()
        for n in range(500):
            s.sendmail("a@sender.example", ["sync@example.test"], iems.message(f"number {n}").replace("\n", "\r\n"))
        s.quit()
        self.mail.wait_count("sync", 500, seconds=30)
        for part in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(self.home, "md", "Local", part))
        for n in range(500):
            self.file(f"md/Local/new/{n}.local", iems.message(f"local {n}"))
        self.mbsync()
        self.assertEqual(self.mail.count("sync", "Local"), 500)
        inbox = os.path.join(self.home, "md", "INBOX")
        names = [os.path.join(d, f) for d in ("cur", "new") for f in os.listdir(os.path.join(inbox, d))]
        self.assertEqual(len(names), 500)
        first = sorted(names)[0]   # a flag set and a message removed here ...
        os.rename(os.path.join(inbox, first), os.path.join(inbox, "cur", re.sub(r":2,.*", "", os.path.basename(first)) + ":2,FS"))
        os.unlink(os.path.join(inbox, sorted(names)[1]))
        self.mbsync()
        c = self.mail.imap("sync")   # ... are seen there
        c.select("INBOX")
        self.assertEqual(len(c.search(None, "ALL")[1][0].split()), 499)
        self.assertEqual(len(c.search(None, "FLAGGED SEEN")[1][0].split()), 1)
        c.logout()
        tree = sorted((d, sorted(f)) for d, _, f in os.walk(inbox))
        self.mbsync()
        self.assertEqual(tree, sorted((d, sorted(f)) for d, _, f in os.walk(inbox)), "the second run changed something")

    def test_fetchmail(self):
        for n in range(3):
            self.mail.send("a@sender.example", "fetch@example.test", iems.message(f"fetch {n}"))
        self.mail.wait_count("fetch", 3)
        out = os.path.join(self.home, "fetched")
        rc = self.file("fetchmailrc", f"""poll 127.0.0.1 protocol POP3 port {self.mail.port('pop3')}
user "fetch@example.test" password "{iems.PASSWORD}" sslproto '' mda "/bin/sh -c 'cat >> {out}'"
""")
        self.client("fetchmail", "-f", rc, "--nosyslog", "--pidfile", os.path.join(self.home, "fm.pid"))
        with open(out, encoding="utf-8") as f:
            self.assertEqual(len(re.findall(r"^Subject: fetch \d$", f.read(), re.M)), 3)
        self.assertEqual(self.mail.count("fetch"), 0)

    def test_mutt(self):
        self.mail.send("a@sender.example", "mutt@example.test", iems.message("for mutt"))
        self.mail.wait_count("mutt", 1)
        rc = self.file("muttrc", f"""set ssl_starttls=no ssl_force_tls=no
set imap_user="mutt@example.test" imap_pass="{iems.PASSWORD}"
set folder="imap://127.0.0.1:{self.mail.port('imap')}/" spoolfile="imap://127.0.0.1:{self.mail.port('imap')}/INBOX"
set mbox_type=Maildir quit=yes delete=yes copy=yes confirmappend=no confirmcreate=no
push "<tag-pattern>~A<enter><tag-prefix><copy-message>=Archive<enter><delete-message><quit>"
""")
        self.on_terminal("mutt", "-F", rc)
        self.assertEqual(self.mail.count("mutt", "Archive"), 1)

    def test_perl_mail_imapclient(self):
        """What the library makes of the answers: RFC 9051, 4315, 6851, 5256, 2177, 9208, 2342, 4314."""
        script = self.file("client.pl", r"""
use strict; use warnings; use Mail::IMAPClient;
my ($port, $pass) = @ARGV;
my $i = Mail::IMAPClient->new(Server => '127.0.0.1', Port => $port, User => 'perl@example.test', Password => $pass, Uid => 1, Peek => 1, Timeout => 120)
    or die "login: $@";
my $n = 0;
sub is { my ($got, $want, $what) = @_; $n++; $got = 'undef' unless defined $got; die "$what: got $got, want $want (" . ($i->LastError || '') . ")\n" if $got ne $want; }
sub ok { my ($good, $what) = @_; $n++; die "$what: " . ($i->LastError || '') . "\n" unless $good; }
ok($i->has_capability('IDLE') && $i->has_capability('UIDPLUS'), 'capabilities');
ok($i->create('Box') && $i->create('Box/Sub "quoted" more'), 'create');
ok($i->exists('Box/Sub "quoted" more'), 'exists');
is(scalar(grep { $_ eq 'Box' || $_ eq 'Box/Sub "quoted" more' } $i->folders), 2, 'folders');
ok($i->subscribe('Box') && grep({ $_ eq 'Box' } $i->subscribed), 'subscribed');
is($i->separator, '/', 'separator');
my @uids;
for my $k (1 .. 5) {
    my $uid = $i->append_string('Box', "From: a\@b.example\r\nTo: c\@d.example\r\nSubject: number $k\r\nMessage-ID: <$k\@perl>\r\n" .
        "Date: 0$k Jan 2020 10:00:00 +0000\r\n\r\nline\r\n" x 1 . "x" x $k, '\\Flagged') or die 'append: ' . $i->LastError;
    push @uids, $uid;
}
ok($i->select('Box'), 'select');
is($i->message_count, 5, 'count');
is(join(',', $i->messages), join(',', @uids), 'messages have the UIDs that APPEND told');
is(join(',', $i->search('SUBJECT', 'number 3')), $uids[2], 'search');
is(join(',', $i->sort('REVERSE DATE', 'UTF-8', 'ALL')), join(',', reverse @uids), 'sort');
is($i->subject($uids[1]), 'number 2', 'subject');
is($i->get_header($uids[1], 'Message-Id'), '<2@perl>', 'header');
like($i->body_string($uids[4]), qr/xxxxx$/, 'body');
sub like { my ($got, $want, $what) = @_; $n++; die "$what: $got\n" unless $got =~ $want; }
is($i->size($uids[0]), length($i->message_string($uids[0])), 'size');
my $struct = $i->get_bodystructure($uids[0]);
is(lc($struct->bodytype . '/' . $struct->bodysubtype), 'text/plain', 'bodystructure');
my $env = $i->get_envelope($uids[0]);
is($env->subject, 'number 1', 'envelope');
is(($env->from_addresses)[0], '<a@b.example>', 'envelope from');
ok($i->set_flag('Seen', $uids[0]) && $i->unset_flag('Flagged', $uids[0]), 'flags');
is(join(' ', grep { $_ ne '\\Recent' } $i->flags($uids[0])), '\\Seen', 'flags');
is($i->unseen_count, 4, 'unseen');
is(join(',', $i->seen), $uids[0], 'seen');
ok($i->copy('INBOX', $uids[0]), 'copy');
ok($i->move('INBOX', [@uids[1, 2]]), 'move');
ok($i->expunge, 'expunge');
is($i->message_count, 3, 'count after move');
is($i->message_count('INBOX'), 3, 'count in INBOX');
ok($i->delete_message($uids[3]) && $i->uidexpunge($uids[3]), 'uidexpunge');
is(join(',', $i->messages), join(',', @uids[0, 4]), 'what is left');
is($i->uidnext('Box'), $uids[4] + 1, 'uidnext');
ok($i->uidvalidity('Box') > 0, 'uidvalidity');
my $idle = $i->idle or die 'idle: ' . $i->LastError;
ok($i->done($idle), 'done');
ok($i->namespace, 'namespace');
ok($i->getquotaroot('INBOX'), 'quota');
ok($i->setacl('Box', 'bart@example.test', 'lr'), 'setacl');
is($i->getacl('Box')->{'bart@example.test'}, 'lr', 'getacl');
ok($i->close, 'close');
ok($i->rename('Box', 'Chest') && $i->exists('Chest/Sub "quoted" more') && !$i->exists('Box'), 'rename');
ok($i->delete('Chest/Sub "quoted" more') && $i->delete('Chest'), 'delete');
ok($i->logout, 'logout');
print "ok $n\n";
""")
        out = self.client("perl", script, str(self.mail.port("imap")), iems.PASSWORD)
        self.assertRegex(out.stdout, r"^ok \d+$")

    def test_ldapsearch_shows_people_but_no_password(self):   # DIR-06, DIR-27
        p = self.client("ldapsearch", "-x", "-LLL", "-H", f"ldap://127.0.0.1:{self.mail.port('ldap')}", "-b", "dc=example,dc=test", "(mail=bart@example.test)")
        self.assertIn("mail: bart@example.test", p.stdout)
        self.assertIn("objectClass: ieperson", p.stdout)
        self.assertNotRegex(p.stdout.lower(), r"password|scram")

    def test_sendmail_drop_in(self):   # SCLI-01
        before = self.mail.count("lisa")
        self.mail.run("-t", "-i", input="From: bart@example.test\nTo: lisa@example.test\nSubject: by sendmail\n\n.\nstill here\n", program="sendmail")
        self.mail.wait_count("lisa", before + 1)
        self.assertIn(b"\r\n.\r\nstill here", self.mail.messages("lisa")[-1])


if __name__ == "__main__":
    iems.main()
