"""Dovecot from Debian in a scratch folder: mailboxes over IMAP that are filled over LMTP, both on loopback ports."""
import base64
import hmac
import imaplib
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

import iems

PROGRAM = "/usr/sbin/dovecot"
USER = "nobody"
TOKEN_KEY = b"a key of thirty-two bytes or more for tests"


def available():
    return os.path.exists(PROGRAM) and os.path.exists("/usr/lib/dovecot/lmtp") and os.geteuid() == 0


class Dovecot:
    """A child process of the test; users: those who have a mailbox, with the password of all tests."""

    def __init__(self, users, tls=False):
        """tls: IMAPS on imaps_port too, with a certificate for "localhost" (self.certificate), a master user "root", and logins by token."""
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
            keys = os.path.join(self.dir, "keys", "default", "HS256")
            os.makedirs(keys)
            with open(os.path.join(keys, "default"), "w", encoding="ascii") as f:
                f.write(base64.b64encode(TOKEN_KEY).decode())
            with open(os.path.join(self.dir, "oauth2"), "w", encoding="ascii") as f:
                f.write(f"introspection_mode = local\nusername_attribute = sub\nlocal_validation_key_dict = fs:posix:prefix={self.dir}/keys/\n")
        secure = f"ssl = yes\nssl_cert = <{self.certificate}\nssl_key = <{key}\nauth_master_user_separator = *\n" \
                 f"passdb {{\n  driver = passwd-file\n  master = yes\n  args = {self.dir}/masters\n  pass = no\n}}\n" \
                 f"passdb {{\n  driver = oauth2\n  mechanisms = oauthbearer xoauth2\n  args = {self.dir}/oauth2\n}}\n" \
                 "auth_mechanisms = plain oauthbearer xoauth2" if tls else "ssl = no"
        conf = os.path.join(self.dir, "dovecot.conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(f"""base_dir = {self.dir}/run
state_dir = {self.dir}/state
log_path = {self.dir}/log
protocols = imap lmtp
mail_fsync = never
auth_failure_delay = 0
listen = 127.0.0.1
{secure}
disable_plaintext_auth = no
mail_location = maildir:{self.dir}/mail/%n
first_valid_uid = 1
auth_username_format = %n
namespace inbox {{
  inbox = yes
  mailbox "Sent Items" {{
    special_use = \\Sent
  }}
}}
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
    def token(user, key=TOKEN_KEY):
        """RFC 7519: of the user, good for an hour."""
        part = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")
        said = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps({"sub": user, "exp": int(time.time()) + 3600}).encode())
        return (said + b"." + part(hmac.digest(key, said, "sha256"))).decode()

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
