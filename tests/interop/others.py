"""Other mail servers for the interoperation tests, each in a scratch folder on a loopback port. All do the same: mail for
example.test goes to IEMS, all other mail to the sink of the test; TLS is offered and used when it is offered."""
import os
import shutil
import signal
import socket
import subprocess
import threading

import iems

OTHER = os.environ["IEMS_INTEROP"]


class Sink:
    """A small SMTP server that keeps what it gets: (MAIL line, RCPT lines, body)."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.got, self.lock = [], threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        f = c.makefile("rwb")

        def say(text):
            f.write(text.encode() + b"\r\n")
            f.flush()

        say("220 sink.test ESMTP")
        mail, rcpt = b"", []
        for line in f:
            verb = line[:4].upper()
            if verb == b"EHLO":
                say("250-sink.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 200000000")
            elif verb == b"MAIL":
                mail, rcpt = line.strip(), []
                say("250 ok")
            elif verb == b"RCPT":
                rcpt.append(line.strip())
                say("550 5.1.1 nobody here" if b"nobody@" in line else "250 ok")
            elif verb == b"DATA":
                say("354 go on")
                data = []
                while (line := f.readline()) not in (b".\r\n", b""):
                    data.append(line[1:] if line.startswith(b".") else line)
                with self.lock:
                    self.got.append((mail, rcpt, b"".join(data)))
                say("250 ok")
            elif verb == b"QUIT":
                say("221 bye")
                break
            else:
                say("250 ok")
        c.close()

    def find(self, text):
        with self.lock:
            return next((m for m in self.got if text.encode() in m[2]), None)


class Other:
    utf8 = dsn_whole = tls = True

    def __init__(self, folder, iems_port, sink_port):
        self.dir, self.port = os.path.join(folder, self.name), iems.free_port()
        os.makedirs(self.dir)
        os.chmod(folder, 0o755)
        self.cert, self.key = os.path.join(self.dir, "cert.pem"), os.path.join(self.dir, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=other.test", "-days", "2",
                        "-keyout", self.key, "-out", self.cert], check=True, capture_output=True)
        self.start(iems_port, sink_port)
        iems.wait_until(f"{self.name} answers", self.answers, 20)

    def answers(self):
        if self.process.poll() not in (None, 0):
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}; see {self.dir}")
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        return path

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


class Postfix(Other):
    name = "postfix"

    def start(self, iems_port, sink_port):
        for part in ("conf", "spool", "data"):
            os.makedirs(os.path.join(self.dir, part))
        shutil.chown(os.path.join(self.dir, "data"), "postfix")
        self.write("conf/transport", f"example.test smtp:[127.0.0.1]:{iems_port}\n* smtp:[127.0.0.1]:{sink_port}\n")
        self.write("conf/main.cf", f"""compatibility_level = 3.6
queue_directory = {self.dir}/spool
data_directory = {self.dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {self.dir}/maillog
maillog_file_prefixes = {self.dir}
myhostname = other.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
transport_maps = texthash:{self.dir}/conf/transport
smtpd_tls_security_level = may
smtp_tls_security_level = may
smtpd_tls_cert_file = {self.cert}
smtpd_tls_key_file = {self.key}
message_size_limit = 100000000
""")
        lines = []
        with open("/etc/postfix/master.cf", encoding="ascii") as f:
            for w in (line.split() for line in f if line.strip() and not line.startswith(("#", " "))):
                if w[0] == "smtp" and w[1] == "inet":
                    w[0] = f"127.0.0.1:{self.port}"
                w[4] = "n"
                if w[7] != "pipe":
                    lines.append(" ".join(w))
        lines.append("postlog unix-dgram n - n - 1 postlogd")
        self.write("conf/master.cf", "\n".join(dict.fromkeys(lines)) + "\n")
        shutil.copy("/etc/postfix/dynamicmaps.cf", self.dir + "/conf/")
        self.process = subprocess.Popen(["postfix", "-c", self.dir + "/conf", "start-fg"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        subprocess.run(["postfix", "-c", self.dir + "/conf", "stop"], check=False, capture_output=True)
        self.process.wait(30)


class Exim(Other):
    name = "exim"

    def start(self, iems_port, sink_port):
        for part in ("spool", "log"):
            os.makedirs(os.path.join(self.dir, part))
            shutil.chown(os.path.join(self.dir, part), "nobody", "nogroup")
        for path in (self.cert, self.key):
            shutil.chown(path, "nobody")
        config = self.write("exim.conf", f"""exim_path = {OTHER}/usr/sbin/exim4
exim_user = nobody
exim_group = nogroup
never_users = root
primary_hostname = other.test
spool_directory = {self.dir}/spool
log_file_path = {self.dir}/log/%slog
pid_file_path = {self.dir}/spool/pid
local_interfaces = <; [127.0.0.1]:{self.port}
tls_advertise_hosts = *
tls_certificate = {self.cert}
tls_privatekey = {self.key}
smtputf8_advertise_hosts = *
chunking_advertise_hosts = *
dsn_advertise_hosts = *
accept_8bitmime = true
acl_smtp_rcpt = acl_all
acl_smtp_data = acl_all
allow_domain_literals = true
queue_run_in_order = false
keep_environment =
begin acl
acl_all:
  accept
begin routers
back:
  driver = manualroute
  domains = example.test
  transport = smtp_back
  route_list = * 127.0.0.1
  self = send
  no_more
out:
  driver = manualroute
  transport = smtp_out
  route_list = * 127.0.0.1
  self = send
begin transports
smtp_back:
  driver = smtp
  port = {iems_port}
  hosts_try_chunking = *
  tls_verify_certificates =
  hosts_try_dane =
smtp_out:
  driver = smtp
  port = {sink_port}
  hosts_try_dane =
begin retry
* * F,1h,1m
""")
        os.chmod(config, 0o644)
        self.process = subprocess.Popen([os.path.join(OTHER, "usr/sbin/exim4"), "-C", config, "-bdf", "-q1m"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class OpenSmtpd(Other):
    name = "opensmtpd"
    utf8 = dsn_whole = tls = False   # its reports have neither ENVID nor ORCPT; as a server its TLS does not work on Debian 12

    def start(self, iems_port, sink_port):
        os.chmod(self.key, 0o600)
        config = self.write("smtpd.conf", f"""pki other cert "{self.cert}"
pki other key "{self.key}"
listen on 127.0.0.1 port {self.port} hostname other.test tls pki other
action back relay host smtp://127.0.0.1:{iems_port}
action out relay host smtp+notls://127.0.0.1:{sink_port}
match from any for domain example.test action back
match from any for any action out
""")
        os.chmod(config, 0o644)
        self.process = subprocess.Popen([os.path.join(OTHER, "usr/sbin/smtpd"), "-d", "-f", config],
                                        stdout=subprocess.DEVNULL, stderr=open(os.path.join(self.dir, "log"), "wb"))
