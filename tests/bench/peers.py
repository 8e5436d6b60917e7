"""The systems that are measured: IEMS, and Postfix + Dovecot from Debian, each in a scratch folder on loopback ports."""
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import iems  # noqa: E402

PASSWORD = iems.PASSWORD
DOMAIN = "bench.test"


def wait_port(port, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise RuntimeError(f"nothing answers at port {port}")


class Sink:
    """smtp-sink of Postfix, which counts what it takes."""

    def __init__(self):
        self.port = iems.free_port()
        self.process = subprocess.Popen(["smtp-sink", "-u", "nobody", "-c", f"127.0.0.1:{self.port}", "1000"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        wait_port(self.port)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.seen, self.text = 0, b""

    def count(self):
        """Messages so far: smtp-sink -c writes its counter over and over."""
        self.text = (self.text + (self.process.stdout.read() or b""))[-200:]
        numbers = re.findall(rb"mesg=(\d+)|quit=(\d+)", self.text)
        mesg = [int(a) for a, _ in numbers if a]
        if mesg:
            self.seen = mesg[-1]
        return self.seen

    def stop(self):
        self.process.terminate()
        self.process.wait()


class TlsSink:
    """Takes mail by TLS 1.3 only, and counts it."""

    def __init__(self, program, pem):
        self.port = iems.free_port()
        self.process = subprocess.Popen([program, "sink", str(self.port), pem], stdout=subprocess.PIPE)
        wait_port(self.port)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.seen, self.text = 0, b""

    def count(self):
        *lines, self.text = (self.text + (self.process.stdout.read() or b"")).split(b"\n")
        self.seen = max([self.seen, *(int(line[5:]) for line in lines)])
        return self.seen

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Iems:
    name = "IEMS"

    def __init__(self, folder, users, config=""):
        self.folder = folder
        self.mail = iems.Instance(hostname="mail." + DOMAIN, domain=DOMAIN, folder=os.path.join(folder, "iems"), config=config)
        self.path = self.mail.dir
        self.mail.start()
        listing = os.path.join(folder, "users.csv")
        with open(listing, "w", encoding="utf-8") as f:
            f.writelines(f"{u}@{DOMAIN},{PASSWORD}\n" for u in users)
        try:
            self.mail.run("user", "import", listing, timeout=300)
        except BaseException:
            self.mail.stop()
            raise
        self.smtp, self.imap, self.pop3 = (self.mail.port(s) for s in ("smtp", "imap", "pop3"))

    def roots(self):
        with open(os.path.join(self.mail.dir, "run", "responder.pid"), encoding="ascii") as f:
            return [int(f.read())]

    def syncs(self):
        """Log syncs that the store has made: the disk's count of flushes is of all that runs on the machine."""
        return int(re.search(r"^iems_store_sync_seconds_count (\d+)", self.mail.run("metrics").stdout, re.M).group(1))

    def login_name(self, user):
        return f"{user}@{DOMAIN}"

    def stop(self):
        self.mail.stop()


class Postfix:
    """mode: hold (accept only), relay (to a sink at `to`), lmtp (deliver to Dovecot's socket at `to`); `more` of main.cf."""
    name = "Postfix"

    def __init__(self, folder, mode, to="", more=""):
        self.path = self.folder = os.path.join(folder, "postfix-" + mode)
        self.smtp = iems.free_port()
        for part in ("conf", "spool", "data", "log"):
            os.makedirs(os.path.join(self.folder, part))
        shutil.chown(os.path.join(self.folder, "data"), "postfix")
        route = {"hold": "smtpd_client_restrictions = check_client_access static:HOLD\nrelay_domains = " + DOMAIN,
                 "relay": f"relay_domains = {DOMAIN}\nrelay_transport = smtp:[127.0.0.1]:{to}",
                 "lmtp": f"virtual_mailbox_domains = {DOMAIN}\nvirtual_mailbox_maps = static:ok\nvirtual_transport = lmtp:unix:{to}"}[mode]
        with open(os.path.join(self.folder, "conf", "main.cf"), "w", encoding="ascii") as f:
            f.write(f"""compatibility_level = 3.6
queue_directory = {self.folder}/spool
data_directory = {self.folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {self.folder}/log/maillog
maillog_file_prefixes = {self.folder}
myhostname = mx.{DOMAIN}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
disable_dns_lookups = yes
{route}
{more}
""")
        self.write_services()
        subprocess.run(["postfix", "-c", self.folder + "/conf", "start"], check=True, capture_output=True)
        wait_port(self.smtp)

    def write_services(self):
        """The stock services, without chroot, smtpd on our port."""
        out = []
        with open("/etc/postfix/master.cf", encoding="ascii") as f:
            for line in f:
                w = line.split()
                if len(w) >= 8 and not line.startswith(("#", " ")):
                    if w[0] == "smtp" and w[1] == "inet":
                        w[0] = f"127.0.0.1:{self.smtp}"
                    w[4] = "n"
                    if w[7] != "pipe":
                        out.append(" ".join(w))
        if not any(line.startswith("postlog") for line in out):
            out.append("postlog unix-dgram n - n - 1 postlogd")
        with open(os.path.join(self.folder, "conf", "master.cf"), "w", encoding="ascii") as f:
            f.write("\n".join(out) + "\n")
        shutil.copy("/etc/postfix/dynamicmaps.cf", self.folder + "/conf/")

    def roots(self):
        with open(self.folder + "/spool/pid/master.pid", encoding="ascii") as f:
            return [int(f.read())]

    def empty_hold(self):
        subprocess.run(["postsuper", "-c", self.folder + "/conf", "-d", "ALL"], check=True, capture_output=True)

    def stop(self):
        subprocess.run(["postfix", "-c", self.folder + "/conf", "stop"], check=False, capture_output=True)


class Dovecot:
    name = "Dovecot"
    USER = "nobody"

    def __init__(self, folder, store="sdbox"):
        self.path = self.folder = os.path.join(folder, "dovecot-" + store)
        self.store = store
        self.label = f"{self.name} {store}"
        self.imap, self.pop3 = iems.free_port(), iems.free_port()
        self.lmtp_socket = self.folder + "/lmtp"
        for part in ("run", "state", "mail"):
            os.makedirs(os.path.join(self.folder, part))
        shutil.chown(self.folder + "/mail", self.USER)
        os.chmod(folder, 0o755)
        self.start()

    def start(self, fsync="optimized"):
        user = pwd.getpwnam(self.USER)
        with open(self.folder + "/dovecot.conf", "w", encoding="ascii") as f:
            f.write(f"""base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.folder}/log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_fsync = {fsync}
mail_location = {self.store}:{self.folder}/mail/%n
mail_uid = {user.pw_uid}
mail_gid = {user.pw_gid}
first_valid_uid = 1
mail_max_userip_connections = 3000
auth_username_format = %n
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={user.pw_uid} gid={user.pw_gid} home={self.folder}/mail/%n
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  inet_listener imap {{
    port = {self.imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
  service_count = 0
  process_min_avail = 2
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {self.pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service imap {{
  process_limit = 3000
  service_count = 100
  process_min_avail = 2
}}
service lmtp {{
  unix_listener {self.lmtp_socket} {{
    mode = 0666
  }}
}}
service anvil {{
  client_limit = 6000
}}
service auth {{
  client_limit = 6000
}}
service stats {{
  client_limit = 6000
}}
""")
        subprocess.run(["dovecot", "-c", self.folder + "/dovecot.conf"], check=True)
        wait_port(self.imap)

    def roots(self):
        with open(self.folder + "/run/master.pid", encoding="ascii") as f:
            return [int(f.read())]

    def login_name(self, user):
        return user

    def stop(self):
        pid = self.roots()[0]
        os.kill(pid, signal.SIGTERM)
        while os.path.exists(f"/proc/{pid}"):
            time.sleep(0.02)
