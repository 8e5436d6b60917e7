"""Dovecot from Debian in a scratch folder: mailboxes over IMAP that are filled over LMTP, both on loopback ports."""
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile

import iems

PROGRAM = "/usr/sbin/dovecot"
USER = "nobody"


def available():
    return os.path.exists(PROGRAM) and os.path.exists("/usr/lib/dovecot/lmtp") and os.geteuid() == 0


class Dovecot:
    """A child process of the test; users: those who have a mailbox, with the password of all tests."""

    def __init__(self, users, tls=False):
        """tls: IMAPS on imaps_port too, with a certificate for "localhost" (self.certificate), and a master user "root"."""
        self.dir = tempfile.mkdtemp(prefix="iems-dovecot-")
        os.chmod(self.dir, 0o755)
        self.imap_port, self.lmtp_port = iems.free_port(), iems.free_port()
        for part in ("run", "state", "mail"):
            os.makedirs(os.path.join(self.dir, part))
        shutil.chown(os.path.join(self.dir, "mail"), USER)
        user = pwd.getpwnam(USER)
        with open(os.path.join(self.dir, "users"), "w", encoding="ascii") as f:
            f.writelines(f"{name}:{{PLAIN}}{iems.PASSWORD}:{user.pw_uid}:{user.pw_gid}::{self.dir}/mail/{name}\n" for name in users)
        self.imaps_port, self.certificate = iems.free_port() if tls else 0, os.path.join(self.dir, "cert.pem")
        key = os.path.join(self.dir, "key.pem")
        if tls:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                            "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", self.certificate], check=True, capture_output=True)
            with open(os.path.join(self.dir, "masters"), "w", encoding="ascii") as f:
                f.write(f"root:{{PLAIN}}master-{iems.PASSWORD}::::::\n")
        secure = f"ssl = yes\nssl_cert = <{self.certificate}\nssl_key = <{key}\nauth_master_user_separator = *\n" \
                 f"passdb {{\n  driver = passwd-file\n  master = yes\n  args = {self.dir}/masters\n  pass = no\n}}" if tls else "ssl = no"
        conf = os.path.join(self.dir, "dovecot.conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(f"""base_dir = {self.dir}/run
state_dir = {self.dir}/state
log_path = {self.dir}/log
protocols = imap lmtp
mail_fsync = never
listen = 127.0.0.1
{secure}
disable_plaintext_auth = no
mail_location = maildir:{self.dir}/mail/%n
first_valid_uid = 1
auth_username_format = %n
passdb {{
  driver = passwd-file
  args = {self.dir}/users
}}
userdb {{
  driver = passwd-file
  args = {self.dir}/users
}}
service imap-login {{
  inet_listener imap {{
    port = {self.imap_port}
  }}
  inet_listener imaps {{
    port = {self.imaps_port}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {self.lmtp_port}
  }}
}}
""")
        self.process = subprocess.Popen([PROGRAM, "-F", "-c", conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            iems.wait_until("dovecot", lambda: self.answers(self.imap_port) and self.answers(self.lmtp_port), 20)
        except AssertionError:
            self.stop()
            raise

    @staticmethod
    def answers(port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def imap(self, user):
        c = imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=30 * iems.SLOW)
        c.login(user, iems.PASSWORD)
        return c

    def messages(self, user):
        """All of the inbox, in order."""
        c = self.imap(user)
        try:
            if c.select("INBOX", readonly=True)[1] == [b"0"]:
                return []
            return [part[1] for part in c.fetch("1:*", "(BODY.PEEK[])")[1] if isinstance(part, tuple)]
        finally:
            c.logout()

    def wait_messages(self, user, number, seconds=20):
        return iems.wait_until(f"{number} messages of {user} in Dovecot", lambda: len(got := self.messages(user)) >= number and got, seconds)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)
