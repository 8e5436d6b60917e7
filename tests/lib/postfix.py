"""Postfix from Debian in a scratch folder, on a loopback port: a mail server that we did not write."""
import os
import re
import shutil
import socket
import subprocess
import tempfile

import iems

PROGRAM = "/usr/sbin/postfix"


def available():
    return os.path.exists(PROGRAM) and os.geteuid() == 0


class Postfix:
    """transports: domain -> transport ("discard:", "smtp:[127.0.0.1]:25"); config: more of main.cf."""

    def __init__(self, transports, hostname="mx.postfix.test", config=""):
        self.dir = tempfile.mkdtemp(prefix="iems-postfix-")
        os.chmod(self.dir, 0o755)
        self.port = iems.free_port()
        self.hostname = hostname
        for part in ("conf", "spool", "data", "log"):
            os.makedirs(os.path.join(self.dir, part))
        shutil.chown(os.path.join(self.dir, "data"), "postfix")
        maps = ", ".join(f"{{ {domain} = {transport} }}" for domain, transport in transports.items())
        self.write("main.cf", f"""compatibility_level = 3.6
queue_directory = {self.dir}/spool
data_directory = {self.dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {self.dir}/log/maillog
maillog_file_prefixes = {self.dir}
myhostname = {hostname}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
disable_dns_lookups = yes
transport_maps = inline:{{ {maps} }}
{config}
""")
        services = []
        with open("/etc/postfix/master.cf", encoding="ascii") as f:
            for line in f:
                w = line.split()
                if len(w) < 8 or line.startswith(("#", " ")) or w[7] == "pipe":
                    continue
                if w[0] == "smtp" and w[1] == "inet":
                    w[0] = f"127.0.0.1:{self.port}"
                w[4] = "n"
                services.append(" ".join(w))
        if not any(s.startswith("postlog") for s in services):
            services.append("postlog unix-dgram n - n - 1 postlogd")
        self.write("master.cf", "\n".join(services) + "\n")
        shutil.copy("/etc/postfix/dynamicmaps.cf", os.path.join(self.dir, "conf"))
        self.command("start")
        iems.wait_until("postfix", self.answers, 20)

    def write(self, name, text):
        with open(os.path.join(self.dir, "conf", name), "w", encoding="ascii") as f:
            f.write(text)

    def command(self, verb, check=True):
        subprocess.run([PROGRAM, "-c", os.path.join(self.dir, "conf"), verb], check=check, capture_output=True, timeout=60)

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def sendmail(self, text, *args):
        subprocess.run(["/usr/sbin/sendmail", "-C", os.path.join(self.dir, "conf"), *args], input=text, text=True, check=True,
                       capture_output=True, timeout=60)

    def log(self):
        with open(os.path.join(self.dir, "log", "maillog"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_log(self, pattern, seconds=15):
        return iems.wait_until(f"{pattern} in the log of Postfix", lambda: re.search(pattern, self.log()), seconds)

    def stop(self):
        self.command("stop", check=False)
        shutil.rmtree(self.dir, ignore_errors=True)
