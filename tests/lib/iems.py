"""Instances of IEMS for tests: made in a scratch folder on free loopback ports, started, and always stopped again."""
import contextlib
import imaplib
import os
import poplib
import random
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("IEMS_BUILD") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build")
BUILD = os.path.abspath(BUILD)
IEMS = os.path.join(BUILD, "src", "cli", "iems")
PASSWORD = "secret-1"
OFFSETS = {"smtp": 25, "submission": 587, "submissions": 465, "lmtp": 24, "odmr": 366, "pop3": 110, "pop3s": 995, "imap": 143, "imaps": 993,
           "ldap": 389, "https": 443, "http": 80, "responder": 1234, "queue": 1235, "metrics": 9090}
# What no log may hold after a test, whatever was tested.
BAD_LOG = re.compile(r"jail-violation|assertion failed|Sanitizer|runtime error:|module-killed|did not end in time")
ENDED = re.compile(r'module-ended module=(\S+) .*?reason="([^"]*)"')
SANITIZED = "asan" in BUILD


def work_ahead():
    """How many processes want each processor."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


def slowness():
    """How many times longer limits are than the tests say: 2 where the machine has little else to do, more where it has or where it
    is slow, which a piece of work tells that takes 20 ms on a usual one. Only limits grow, nothing waits."""
    begin = time.monotonic()
    sum(range(1000000))
    return (5 if SANITIZED else 2) * min(max(1, (time.monotonic() - begin) / 0.05, work_ahead() / 2), 10)


SLOW = slowness()                   # how long a test waits until it gives up
QUICK = 3 if SANITIZED else 2       # how much longer than it should a thing may take that a test wants to be quick: no load raises it
PORT_LOCKS = contextlib.ExitStack()   # abstract sockets, one a port: a name is taken once


def free_port_base():
    """A base below the ephemeral ports with all our ports free on 127.0.0.1. They are ours until this process ends, also against
    tests that run beside it and look for theirs before these are bound."""
    for _ in range(200):
        base = random.randrange(10000, 23000)
        with contextlib.ExitStack() as locks, contextlib.ExitStack() as sockets:
            try:
                for offset in OFFSETS.values():
                    locks.enter_context(socket.socket(socket.AF_UNIX)).bind(f"\0iems-test-port-{base + offset}")
                    s = sockets.enter_context(socket.socket())
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", base + offset))
            except OSError:
                continue
            PORT_LOCKS.enter_context(locks.pop_all())
            return base
    raise RuntimeError("no free ports")


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(what, condition, seconds=10.0):
    """Polls; the value of condition() once it is true. For states that nothing announces."""
    begin = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - begin
        if waited > seconds * max(SLOW, min(work_ahead(), 20)):   # others may have begun to work since we did
            raise AssertionError(f"waited {waited:.0f} s in vain for: {what}")
        time.sleep(0.02)


def alive(pid):
    """Whether the process runs; one that waits for its parent to take note of its end does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Instance:
    def __init__(self, hostname="mail.example.test", domain="example.test", config="", folder=None, port_base=None, join=None):
        self.own_folder = folder is None
        self.parent = tempfile.mkdtemp(prefix="iems-test-") if folder is None else None
        self.dir = folder or os.path.join(self.parent, "instance")
        self.base = port_base or free_port_base()
        self.hostname, self.domain = hostname, domain
        self.killed = {}         # module -> how often the test has killed it
        self.may_end = re.compile(r"(?!)")   # reasons of module-ended that the test expects
        self.log_seen = 0        # faults of the log that were reported before
        self.started_in = 0.0    # seconds that the last start took: what the machine needs at the moment for all modules
        named = ["--join", join] if join else ["--hostname", hostname, "--domain", domain]   # a join file names both
        self.run("init", self.dir, *named, "--port-base", str(self.base))
        if config:
            self.configure(config)

    def configure(self, text):
        """Adds sections to iems.conf."""
        with open(os.path.join(self.dir, "iems.conf"), "a", encoding="utf-8") as f:
            f.write("\n" + text + "\n")

    def port(self, service):
        return self.base + OFFSETS[service]

    def run(self, *args, input=None, check=True, timeout=60, program=None):
        """Runs `iems ARGS` (or another program name of the same binary) on this instance."""
        env = dict(os.environ, IEMS_DIR=self.dir)
        argv = [IEMS, *args]
        p = subprocess.run([program or argv[0], *argv[1:]] if program is None else [program, *args], executable=IEMS, env=env,
                           input=input, capture_output=True, text=True, timeout=timeout * SLOW)
        if check and p.returncode != 0:
            raise AssertionError(f"iems {' '.join(args)} ended with {p.returncode}:\n{p.stdout}{p.stderr}\n{self.log_tail()}")
        return p

    def start(self):
        begin = time.monotonic()
        self.run("start", self.dir)
        self.started_in = time.monotonic() - begin
        return self

    def kill(self, module, signum=signal.SIGKILL):
        """Sends a signal to the first process of a module; returns its pid. A death that the test did not cause is a fault."""
        pid = self.pids()[module]
        if signum == signal.SIGKILL:
            self.killed[module] = self.killed.get(module, 0) + 1
        os.kill(pid, signum)
        return pid

    def responder_pid(self):
        with open(os.path.join(self.dir, "run", "responder.pid"), encoding="ascii") as f:
            return int(f.read())

    def kill_everything(self):
        """As if the machine had lost its power, except for what is in the cache of the disk. Afterwards no process is left."""
        processes = self.processes()
        pids = [self.responder_pid(), *(pid for _, pid in processes)]
        for module, _ in processes:
            self.killed[module] = self.killed.get(module, 0) + 1   # the responder may see one of them end
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until("all processes gone", lambda: not any(alive(p) for p in pids))

    def ready(self):
        return self.run("status", self.dir, check=False).returncode == 0

    def wait_restarted(self, module, pid, seconds=15):
        """Until `module` runs in another process than `pid` and everything is ready."""
        wait_until(f"{module} restarted", lambda: self.pids().get(module) not in (None, pid) and self.ready(), seconds)

    def log_faults(self):
        """What the log tells of violations of the jail, failed assertions and deaths that the test did not cause."""
        found, left = [], dict(self.killed)
        for line in self.log().splitlines():
            ended = ENDED.search(line)
            if BAD_LOG.search(line):
                found.append(line)
            elif ended and self.may_end.search(ended.group(2)):
                continue
            elif ended and "signal 9" in ended.group(2) and left.get(ended.group(1), 0) > 0:
                left[ended.group(1)] -= 1
            elif ended:
                found.append(line)
        return found

    def check_log(self):
        found = self.log_faults()
        new, self.log_seen = found[self.log_seen:], len(found)
        assert not new, "the log tells of faults:\n" + "\n".join(new[:20])

    def stop(self):
        if os.path.exists(os.path.join(self.dir, "run", "responder.pid")):
            self.run("stop", self.dir, check=False)

    def remove(self):
        if self.parent:
            shutil.rmtree(self.parent, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            self.remove()
            raise

    def __exit__(self, kind, value, trace):
        if kind is not None:
            print(self.log_tail(), file=sys.stderr)
        try:
            self.stop()
            if kind is None:
                self.check_log()
        finally:
            self.remove()

    def user(self, name, password=PASSWORD, *more):
        """Adds an account; returns its address."""
        address = name if "@" in name else f"{name}@{self.domain}"
        self.run("-C", "-a", address, "-p", password, "-f", name.split("@")[0].title(), "-l", "Tester", *more, program="iemsuser")
        return address

    def processes(self):
        """(module, pid) of all running workers."""
        import json
        status = json.loads(self.run("status", self.dir, "--json", check=False).stdout)
        return [(m["name"], m["pid"]) for m in status["modules"] if m.get("pid")]

    def pids(self):
        """module -> pid of the running modules; of several workers, one."""
        return dict(self.processes())

    def log(self):
        """All of it, with the parts that were rotated away."""
        folder, text = os.path.join(self.dir, "log"), ""
        names = os.listdir(folder) if os.path.isdir(folder) else []
        rotated = sorted((n for n in names if n.startswith("iems-")), key=lambda n: n.split(".")[-2])
        for name in [*rotated, *(n for n in names if n == "iemta.log")]:
            with contextlib.suppress(FileNotFoundError):
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
                    text += f.read()
        return text

    def wait_logged(self, *texts, seconds=5.0):
        """Until the log tells all of these; a line is written a moment after what it tells of."""
        for text in texts:
            wait_until(f"a line of the log with: {text}", lambda t=text: t in self.log(), seconds)

    def log_tail(self, lines=60):
        return "\n".join(["-- log of the instance:", *self.log().splitlines()[-lines:]])

    # ---- clients of the standard library
    def smtp(self, service="smtp", tls=False, login=None, password=PASSWORD):
        if service == "submissions":
            s = smtplib.SMTP_SSL("127.0.0.1", self.port(service), timeout=30 * SLOW, context=no_verify())
        else:
            s = smtplib.SMTP("127.0.0.1", self.port(service), timeout=30 * SLOW)
        s.ehlo("client.example")
        if tls:
            s.starttls(context=no_verify())
            s.ehlo("client.example")
        if login:
            s.login(login, password)
        return s

    def send(self, sender, recipients, text, service="smtp", **how):
        """Sends one message over a connection of its own; text is str or bytes with any line ends."""
        data = text.encode() if isinstance(text, str) else text
        data = re.sub(rb"\r?\n", b"\r\n", data)
        recipients = [recipients] if isinstance(recipients, str) else recipients
        s = self.smtp(service, **how)
        try:
            return s.sendmail(sender, recipients, data)
        finally:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                s.quit()

    def imap(self, user, password=PASSWORD, tls=False):
        address = user if "@" in user else f"{user}@{self.domain}"
        if tls:
            c = imaplib.IMAP4_SSL("127.0.0.1", self.port("imaps"), ssl_context=no_verify(), timeout=30 * SLOW)
        else:
            c = imaplib.IMAP4("127.0.0.1", self.port("imap"), timeout=30 * SLOW)
        c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)   # imaplib sends an APPEND in three parts
        c.login(address, password)
        return c

    def pop3(self, user, password=PASSWORD):
        address = user if "@" in user else f"{user}@{self.domain}"
        c = poplib.POP3("127.0.0.1", self.port("pop3"), timeout=30 * SLOW)
        c.user(address)
        c.pass_(password)
        return c

    def messages(self, user, folder="INBOX", password=PASSWORD):
        """All messages of a folder as bytes, in order."""
        c = self.imap(user, password)
        try:
            kind, _ = c.select(f'"{folder}"', readonly=True)
            assert kind == "OK", f"cannot open {folder}"
            kind, data = c.fetch("1:*", "(UID BODY.PEEK[])")
            return [part[1] for part in data if isinstance(part, tuple)]
        finally:
            c.logout()

    def count(self, user, folder="INBOX", password=PASSWORD):
        c = self.imap(user, password)
        try:
            kind, data = c.status(f'"{folder}"', "(MESSAGES)")
            return int(re.search(rb"MESSAGES (\d+)", data[0]).group(1))
        finally:
            c.logout()

    def wait_count(self, user, number, folder="INBOX", seconds=10.0, password=PASSWORD):
        wait_until(f"{number} messages in {folder} of {user}", lambda: self.count(user, folder, password) >= number, seconds)
        found = self.count(user, folder, password)
        assert found == number, f"{found} messages instead of {number} in {folder} of {user}"


def no_verify():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def message(subject="test", body="A line of text.", sender="a@sender.example", to="bart@example.test", **headers):
    head = [f"From: {sender}", f"To: {to}", f"Subject: {subject}", "Date: Sat, 21 Nov 2026 07:24:00 +0000",
            f"Message-ID: <{random.getrandbits(64):x}@sender.example>"]
    head += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
    return "\n".join(head) + "\n\n" + body + "\n"


def main():
    """Runs the unittest cases of the calling module and prints TAP, so that single cases are counted."""
    import unittest

    class Tap(unittest.TextTestResult):
        number = 0

        def line(self, ok, test, more=""):
            Tap.number += 1
            print(f"{'ok' if ok else 'not ok'} {Tap.number} - {test.id().split('.', 1)[-1]}{more}", flush=True)

        def addSuccess(self, test):
            super().addSuccess(test)
            self.line(True, test)

        def addFailure(self, test, err):
            super().addFailure(test, err)
            self.line(False, test)

        def addError(self, test, err):
            super().addError(test, err)
            self.line(False, test)

        def addSkip(self, test, reason):
            super().addSkip(test, reason)
            self.line(True, test, f" # SKIP {reason}")

    unittest.main(module="__main__", testRunner=unittest.TextTestRunner(resultclass=Tap, verbosity=1))
