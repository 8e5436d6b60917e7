#!/usr/bin/python3
"""Nothing acknowledged is lost and nothing is filed twice, whatever dies (SMTPD-15, REBLD-06, LIM-26).

  crash.py --kills N      N rounds of kill -9 of a random module (or of everything) under load
  crash.py --cuts N       N power cuts: the instance lives on a file system of its own; at a random moment the disk is copied as
                          it is (what was not written through is missing), everything is killed, and a new start is made
                          from the copy (needs root for the loop mount)
  --seed S repeats a run. Ends with "N passed, M failed", one case a round.

While clients send messages with marks of their own, an IMAP client appends messages and sets flags. Afterwards every mark that was
answered with 250 (or OK) must be in each recipient's mailbox exactly once, and no mark may be there twice."""
import argparse
import collections
import os
import random
import re
import shutil
import signal
import smtplib
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import iems  # noqa: E402

USERS = [f"u{n}" for n in range(5)]
MODULES = ["store", "dir", "smtpd", "mta", "lmda", "imapd", "smtpc", "slapd", "responder", "everything"]
MARK = re.compile(rb"^X-Mark: (\S+)", re.M)


class Load:
    """Senders over SMTP and an appender over IMAP; remembers what was acknowledged."""

    def __init__(self, mail, senders=4):
        self.mail, self.stopping, self.lock = mail, False, threading.Lock()
        self.acked = collections.defaultdict(set)   # user -> marks
        self.flagged = set()                        # marks of appended messages whose +FLAGS was answered OK
        self.tried = 0
        self.threads = [threading.Thread(target=self.send, args=(n,), daemon=True) for n in range(senders)]
        self.threads.append(threading.Thread(target=self.append, daemon=True))
        for t in self.threads:
            t.start()

    def text(self, mark, to):
        pad = "x" * 70 + "\r\n"
        return iems.message(mark, body=pad * random.randrange(1, 200), to=to, X_Mark=mark)

    def send(self, n):
        count = 0
        while not self.stopping:
            try:
                with smtplib.SMTP("127.0.0.1", self.mail.port("smtp"), timeout=20) as s:
                    for _ in range(random.randrange(1, 6)):
                        count += 1
                        mark = f"s{n}-{count}-{random.getrandbits(40):x}"
                        users = random.sample(USERS, random.randrange(1, 4))
                        self.tried += 1
                        refused = s.sendmail("a@sender.example", [f"{u}@example.test" for u in users], self.text(mark, "list"))
                        with self.lock:
                            for u in users:
                                if f"{u}@example.test" not in refused:
                                    self.acked[u].add(mark)
            except (smtplib.SMTPException, OSError):
                time.sleep(0.05)

    def append(self):
        count = 0
        while not self.stopping:
            try:
                c = self.mail.imap("u0")
                c.select("INBOX")
                for _ in range(20):
                    count += 1
                    mark = f"a-{count}-{random.getrandbits(40):x}"
                    kind, data = c.append("INBOX", None, None, self.text(mark, "u0").replace("\n", "\r\n").encode())
                    if kind != "OK":
                        break
                    with self.lock:
                        self.acked["u0"].add(mark)
                    uid = re.search(rb"APPENDUID \d+ (\d+)", data[0])
                    if uid and c.uid("STORE", uid.group(1), "+FLAGS.SILENT", "(\\Flagged)")[0] == "OK":
                        with self.lock:
                            self.flagged.add(mark)
                    if self.stopping:
                        break
                c.logout()
            except Exception:   # any break of the connection is expected here
                time.sleep(0.05)

    def stop(self):
        self.stopping = True
        for t in self.threads:
            t.join(60)
            assert not t.is_alive(), "a client hangs"


def queue_empty(mail):
    import json
    p = mail.run("queue", "status", "--json", check=False)
    if p.returncode != 0:
        return False
    return all(c["ready"] + c["leased"] + c["deferred"] == 0 for c in json.loads(p.stdout)["channels"])


def verify(mail, load):
    """Faults as text; empty when all is well."""
    iems.wait_until("an empty queue", lambda: queue_empty(mail), 60)
    faults = []
    for user in USERS:
        c = mail.imap(user)
        c.select("INBOX", readonly=True)
        _, data = c.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (X-Mark)])")
        seen, flagged = collections.Counter(), set()
        for part in data:
            if isinstance(part, tuple):
                mark = MARK.search(part[1]).group(1).decode()
                seen[mark] += 1
                if b"\\Flagged" in part[0]:
                    flagged.add(mark)
        c.logout()
        for mark in load.acked[user] - set(seen):
            faults.append(f"{user}: {mark} was acknowledged and is lost")
        faults += [f"{user}: {mark} is there {n} times" for mark, n in seen.items() if n > 1]
        if user == "u0":
            faults += [f"u0: the acknowledged flag of {mark} is lost" for mark in load.flagged - flagged]
    check = mail.run("store", "check", check=False)
    if check.returncode != 0:
        faults.append("store check: " + check.stdout + check.stderr)
    return faults


def responder_pid(mail):
    with open(os.path.join(mail.dir, "run", "responder.pid"), encoding="ascii") as f:
        return int(f.read())


def kill_everything(mail):
    pids = [*mail.pids().values(), responder_pid(mail)]
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    iems.wait_until("all processes gone", lambda: not any(os.path.exists(f"/proc/{p}") for p in pids), 10)


def ready(mail):
    return mail.run("status", mail.dir, check=False).returncode == 0


def kill_round(mail, victim):
    """Kills one module (or all); returns the seconds until the instance is ready again."""
    begin = time.monotonic()
    if victim == "everything":
        kill_everything(mail)
        mail.start()
    elif victim == "responder":
        pids = mail.pids()
        os.kill(responder_pid(mail), signal.SIGKILL)
        iems.wait_until("modules gone with the responder", lambda: not any(os.path.exists(f"/proc/{p}") for p in pids.values()), 10)
        mail.start()
    else:
        pid = mail.pids().get(victim)
        if pid is None:
            return 0.0
        os.kill(pid, signal.SIGKILL)
        iems.wait_until(f"{victim} restarted", lambda: mail.pids().get(victim) not in (None, pid) and ready(mail), 15)
    return time.monotonic() - begin


def report(number, name, faults, more=""):
    print(f"{'not ok' if faults else 'ok'} {number} - {name}{more}", flush=True)
    for fault in faults[:10]:
        print("#", fault)
    return not faults


def kills(rounds, per_check=10):
    """Rounds of kills under load; mailboxes are compared after every `per_check` rounds."""
    bad = 0
    with iems.Instance() as mail:
        for u in USERS:
            mail.user(u)
        load, victims = None, []
        total = collections.defaultdict(set)
        for n in range(1, rounds + 1):
            if load is None:
                load = Load(mail)
                load.acked, load.flagged = total, getattr(mail, "flagged", set())
            time.sleep(random.uniform(0.05, 0.6))
            victim = MODULES[(n - 1) % len(MODULES)] if n <= len(MODULES) else random.choice(MODULES)
            took = kill_round(mail, victim)
            victims.append(f"{victim} {took:.2f}s")
            if n % per_check == 0 or n == rounds:
                load.stop()
                iems.wait_until("the instance ready", lambda: ready(mail), 20)
                faults = verify(mail, load)
                total, mail.flagged = load.acked, load.flagged
                marks = sum(len(m) for m in load.acked.values())
                for i, v in enumerate(victims):
                    bad += not report(n - len(victims) + 1 + i, f"killed {v}", faults if i == len(victims) - 1 else [],
                                      f" ({marks} acknowledged)" if i == len(victims) - 1 else "")
                load, victims = None, []
    return rounds - bad, bad


def cuts(rounds, first_number):
    """Power cuts; each starts from the state that the last one left."""
    work = tempfile.mkdtemp(prefix="iems-cut-")
    mounted, bad = None, 0
    total, flagged = collections.defaultdict(set), set()
    try:
        image, mount = os.path.join(work, "disk0"), os.path.join(work, "mount")
        os.mkdir(mount)
        with open(image, "wb") as f:
            f.truncate(3 << 30)
        subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=1,lazy_journal_init=1", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, mount], check=True)
        mounted = mount
        mail = iems.Instance(folder=os.path.join(mount, "instance"))
        mail.start()
        for u in USERS:
            mail.user(u)
        subprocess.run(["sync", "-f", mount], check=True)
        for n in range(1, rounds + 1):
            load = Load(mail)
            load.acked, load.flagged = total, flagged
            time.sleep(random.uniform(0.3, 2.0))
            pids = [*mail.pids().values(), responder_pid(mail)]
            for pid in pids:            # the machine stands still ...
                os.kill(pid, signal.SIGSTOP)
            with load.lock:
                snapshot = ({u: set(m) for u, m in load.acked.items()}, set(load.flagged))
            following = os.path.join(work, f"disk{n}")
            subprocess.run(["cp", "--sparse=always", image, following], check=True)
            for pid in pids:            # ... and loses what the disk did not have
                os.kill(pid, signal.SIGKILL)
            load.stop()
            iems.wait_until("processes gone", lambda: not any(os.path.exists(f"/proc/{p}") for p in pids), 10)
            subprocess.run(["umount", mount], check=True)
            mounted = None
            os.unlink(image)
            image = following
            subprocess.run(["mount", "-o", "loop", image, mount], check=True)
            mounted = mount
            mail.start()
            load.acked, load.flagged = collections.defaultdict(set, snapshot[0]), snapshot[1]
            faults = verify(mail, load)
            total, flagged = load.acked, load.flagged
            marks = sum(len(m) for m in total.values())
            bad += not report(first_number + n, f"power cut {n} ({marks} acknowledged)", faults)
        mail.stop()
    finally:
        if mounted:
            subprocess.run(["fuser", "-k", "-m", mount], check=False, capture_output=True)
            subprocess.run(["umount", mount], check=False)
        shutil.rmtree(work, ignore_errors=True)
    return rounds - bad, bad


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--kills", type=int, default=0)
    p.add_argument("--cuts", type=int, default=0)
    p.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    o = p.parse_args()
    random.seed(o.seed)
    print(f"# seed {o.seed}", flush=True)
    good = bad = 0
    if o.kills:
        good, bad = kills(o.kills)
    if o.cuts and os.geteuid() == 0:
        g, b = cuts(o.cuts, o.kills)
        good, bad = good + g, bad + b
    elif o.cuts:
        print("# power cuts need root: not run")
    print(f"{good} passed, {bad} failed")
    sys.exit(1 if bad else 0)


main()
