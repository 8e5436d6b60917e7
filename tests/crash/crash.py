#!/usr/bin/python3
"""Nothing acknowledged is lost and nothing is filed twice, whatever dies (SMTPD-15, REBLD-06, LIM-26).

  crash.py --kills N      N rounds of kill -9 of a random module (or of everything) under load
  crash.py --cuts N       N power cuts: the instance lives on a file system of its own; at a random moment everything stands
                          still, the disk is copied as it is (what was not written through is missing), everything is
                          killed, and a new start is made from the copy (needs root for the loop mount)
  --imap                  only the IMAP clients that cache run meanwhile: more of their changes fall into each break
  --seed S repeats a run. Ends with "N passed, M failed", one case a round.

While clients send messages with marks of their own, an IMAP client appends messages and sets flags, another keeps a folder
selected and deletes, and mail is relayed to a server of the test. Afterwards every mark that was answered with 250 (or OK) must
be in each recipient's mailbox exactly once, under the UID that was seen before; a relayed message may be there twice only if
a kill of smtpc, or of everything, fell between the other server's 250 and our record of it: each further copy needs a kill of
its own, and one kill repeats no more than what was in flight. Victims "... at a 250" die when the other server has a message and
its 250 is held back for a moment, so that this window is hit often. `iems store check` must be clean all the time.

Beside them are IMAP clients that cache (cache.py), one of them in a mailbox that is shared with it, and a POP3 client that
deletes (pop.py). None of them may ever see a UID, a MODSEQ or a unique-id with another meaning, or a change undone that was
acknowledged; QRESYNC must bring each cache to what the mailbox is. Quota, sizes and searches must be those of the messages that are there (recovered.py)."""
import argparse
import collections
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import iems  # noqa: E402
from load import KEEPER, MARK, POPPED, RELAYED, USERS, WATCHED, Keepers, Load, Memory, Sink  # noqa: E402
from recovered import derived_faults  # noqa: E402

SENDERS = 4
AT_250 = " at a 250"
MODULES = ["store", "dir", "smtpd", "mta", "lmda", "imapd", "smtpc" + AT_250, "slapd", "responder", "everything"]
MORE = ["smtpc", "store" + AT_250, "everything" + AT_250]   # of long runs
CACHED = ["store", "imapd", "everything", "store", "imapd", "dir", "responder"]   # with --imap
BREAKS_SESSIONS = ("imapd", "responder", "everything")
MAY_REPEAT = ("smtpc", "responder", "everything")   # these can forget that another server has taken a message
SINK_LAG = 8 if iems.SANITIZED else 2   # seconds
IN_FLIGHT = 2 * 20         # messages that one kill may repeat: smtpc.max_sessions_per_destination, each with one in transfer and one
                           # whose record is being written
CONFIG = """[smtpd]
relay_networks = 127.0.0.0/8
[smtpc]
resolution = MailRelayHost
relay_host = [127.0.0.1]:{port}
retry = 1s
retry_destination = 1s
"""


class Site:
    """The instance, what its clients were told, and when what was killed."""

    def __init__(self, senders, folder=None):
        self.memory, self.sink, self.kills, self.told = Memory(), Sink(), [], set()
        self.repeated = collections.Counter()   # time of a kill -> copies that it explains
        self.mail = iems.Instance(folder=folder, config=CONFIG.format(port=self.sink.port))
        self.keepers, self.senders = Keepers(self.mail), senders

    def start(self):
        self.mail.start()
        for user in [*USERS, WATCHED, POPPED]:
            self.mail.user(user)
        self.keepers.prepare()

    def load(self):
        return Load(self.mail, self.memory, self.keepers, senders=self.senders, relay=True)

    def acknowledged(self):
        return f"{self.memory.count()} messages and {self.keepers.acknowledged()} commands acknowledged"

    def close(self):
        self.mail.stop()
        self.mail.remove()
        self.sink.close()


def queue_empty(mail):
    import json
    p = mail.run("queue", "status", "--json", check=False)
    if p.returncode != 0:
        return False
    return all(c["ready"] + c["leased"] + c["deferred"] == 0 for c in json.loads(p.stdout)["channels"])


def store_faults(mail):
    p = mail.run("store", "check", check=False, timeout=300)
    return [] if p.returncode == 0 else ["store check: " + p.stdout + p.stderr]


def mailbox_faults(site, user):
    memory, faults = site.memory, []
    c = site.mail.imap(user)
    c.select("INBOX", readonly=True)
    validity = int(c.response("UIDVALIDITY")[1][0])
    _, data = c.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (X-Mark)])")
    c.logout()
    seen, flagged, where = collections.Counter(), set(), {}
    for part in data:
        if isinstance(part, tuple):
            mark = MARK.search(part[1]).group(1).decode()
            seen[mark] += 1
            where[mark] = (validity, int(re.search(rb"UID (\d+)", part[0]).group(1)))
            if b"\\Flagged" in part[0]:
                flagged.add(mark)
    may_be_gone, gone = memory.deleting[user], memory.gone[user]
    faults += [f"{user}: {mark} was acknowledged and is lost" for mark in memory.acked[user] - set(seen) - may_be_gone]
    faults += [f"{user}: {mark} is there {n} times" for mark, n in seen.items() if n > 1]
    if user == "u0":
        faults += [f"u0: the acknowledged flag of {mark} is lost" for mark in memory.flagged - flagged]
    faults += [f"{user}: {mark} was expunged and is there" for mark in gone & set(seen)]
    for place, mark in memory.uids[user].items():
        if mark in where and where[mark] != place:
            faults.append(f"{user}: {mark} was {place} and is {where[mark]} now")
    for mark, (_, uid) in where.items():
        memory.saw(user, validity, uid, mark)
    return faults


def reasons(times, deadly):
    """The kill that explains each further copy, none twice; None where there is none. Data may reach the sink after the kill."""
    left, found = list(deadly), []
    for first, second in zip(times, times[1:]):
        why = next((killed for killed in left if first - SINK_LAG < killed < second), None)
        found.append(why)
        left = [killed for killed in left if why is None or killed > why]
    return found


def relay_faults(site):
    """Nothing lost; each copy too many has its kill, and no kill has more of them than messages can be in flight."""
    faults = [f"relay: {mark} was acknowledged and is lost" for mark in site.memory.acked[RELAYED] - set(site.sink.got)]
    deadly = sorted(killed for killed, victim in site.kills if victim in MAY_REPEAT)
    site.repeated = collections.Counter()
    for mark, times in site.sink.got.items():
        why = reasons(times, deadly)
        site.repeated.update(k for k in why if k is not None)
        if None in why and mark not in site.told:
            site.told.add(mark)
            near = ", ".join(f"{victim} {killed - times[0]:+.2f}s" for killed, victim in site.kills if abs(killed - times[0]) < 10)
            faults.append(f"relay: {mark} was sent {len(times)} times ({times[-1] - times[0]:.2f} s later) without a reason; kills: {near}")
    faults += [f"relay: {n} messages were sent again after one kill" for n in site.repeated.values() if n > IN_FLIGHT]
    return faults


def relay_report(site):
    """What was relayed, for the log of the run."""
    deadly = sum(victim in MAY_REPEAT for _, victim in site.kills)
    copies = sum(len(t) - 1 for t in site.sink.got.values())
    most = max(site.repeated.values(), default=0)
    return f"{len(site.sink.got)} relayed, {copies} copies too many after {deadly} kills that may repeat, at most {most} after one"


def verify(site):
    """Faults as text; empty when all is well."""
    iems.wait_until("an empty queue", lambda: queue_empty(site.mail), 60)
    faults = []
    for user in [*USERS, WATCHED, POPPED]:
        faults += mailbox_faults(site, user)
    faults += relay_faults(site) + site.keepers.faults() + derived_faults(site.mail, [KEEPER, POPPED]) + store_faults(site.mail)
    try:
        site.mail.check_log()
    except AssertionError as e:
        faults.append(str(e))
    faults += site.memory.faults
    site.memory.faults = []
    return faults


def kill_round(site, victim):
    """Kills one module (or all); returns the seconds until the instance is ready again."""
    if victim.endswith(AT_250):
        victim = victim[:-len(AT_250)]
        site.sink.hold_one(5 * iems.SLOW)
    mail, begin = site.mail, time.monotonic()
    site.kills.append((begin, victim))
    if victim == "everything":
        mail.kill_everything()
        mail.start()
    elif victim == "responder":
        pids = mail.pids()
        os.kill(mail.responder_pid(), iems.signal.SIGKILL)
        iems.wait_until("modules gone with the responder", lambda: not any(iems.alive(p) for p in pids.values()), 10)
        mail.start()
    else:
        mail.wait_restarted(victim, mail.kill(victim))
    return time.monotonic() - begin


def broken_sessions(site, load):
    """Sessions that ended though neither imapd nor all was killed, since the last look."""
    found = [f"a session broke: {why}" for client in load.breaking for began, broke, why in client.breaks
            if not any(began < killed <= broke for killed, victim in site.kills if victim in BREAKS_SESSIONS)]
    for client in load.breaking:
        client.breaks = []
    return found


def report(number, name, faults):
    print(f"{'not ok' if faults else 'ok'} {number} - {name}", flush=True)
    for fault in faults[:10]:
        print("#", fault, flush=True)
    return not faults


def kills(rounds, senders, per_instance=50):
    """Rounds of kills, with a new instance now and then so that the comparison does not outgrow the load."""
    good = bad = 0
    for first in range(0, rounds, per_instance):
        g, b = kills_of_instance(first, min(rounds, first + per_instance), senders)
        good, bad = good + g, bad + b
    return good, bad


def next_victim(n, senders):
    if senders == 0:
        return CACHED[(n - 1) % len(CACHED)]
    return MODULES[n - 1] if n <= len(MODULES) else random.choice(MODULES + MORE)


def kills_of_instance(before, rounds, senders, per_check=10):
    """Rounds of kills under load; mailboxes are compared after every `per_check` rounds."""
    bad, slowest = 0, 0.0
    site = Site(senders)
    try:
        site.start()
        load = None
        for n in range(before + 1, rounds + 1):
            load = load or site.load()
            time.sleep(random.uniform(0.05, 0.6))
            victim = next_victim(n, senders)
            took = kill_round(site, victim)
            if not victim.startswith(("responder", "everything")):
                slowest = max(slowest, took)
            faults, more = store_faults(site.mail), ""
            if n % per_check == 0 or n == rounds:
                load.stop()
                faults += verify(site) + broken_sessions(site, load)
                more, load = f" ({site.acknowledged()})", None
            bad += not report(n, f"killed {victim} {took:.2f}s{more}", faults)
            if faults:
                print(site.mail.log_tail(20))
        print(f"# {relay_report(site)}; {sum(map(len, site.memory.gone.values()))} expunged; slowest repair of a module {slowest:.2f} s")
        print(f"# {site.keepers.report()}")
    finally:
        site.close()
    return rounds - before - bad, bad


class Disk:
    """An ext4 file system in a file, which can be copied as it stands."""

    def __init__(self):
        self.work = tempfile.mkdtemp(prefix="iems-cut-")
        self.mount, self.image, self.number = os.path.join(self.work, "mount"), os.path.join(self.work, "disk0"), 0
        os.mkdir(self.mount)
        with open(self.image, "wb") as f:
            f.truncate(3 << 30)
        subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=1,lazy_journal_init=1", self.image], check=True)
        self.attach()

    def attach(self):
        # with a long commit interval nothing reaches the disk but what is asked for
        options = "loop,commit=" + random.choice(["1", "5", "300"])
        subprocess.run(["mount", "-o", options, self.image, self.mount], check=True)
        loop = subprocess.run(["findmnt", "-n", "-o", "SOURCE", self.mount], check=True, capture_output=True, text=True).stdout.strip()
        self.stat = f"/sys/block/{os.path.basename(loop)}/stat"

    def detach(self):
        # the threads of a killed process may hold it for a moment after the process is gone
        iems.wait_until("unmounted", lambda: subprocess.run(["umount", self.mount], check=False).returncode == 0, 30)

    def writes(self):
        with open(self.stat, encoding="ascii") as f:
            return f.read().split()[4]

    def copy(self):
        """The disk at one moment: again if the kernel wrote something meanwhile."""
        self.number += 1
        self.following = os.path.join(self.work, f"disk{self.number}")
        while True:
            before = self.writes()
            subprocess.run(["cp", "--sparse=always", self.image, self.following], check=True)
            if self.writes() == before:
                return

    def cut(self):
        self.detach()
        os.unlink(self.image)
        self.image = self.following
        self.attach()

    def close(self):
        if os.path.ismount(self.mount):
            subprocess.run(["fuser", "-k", "-m", self.mount], check=False, capture_output=True)
            subprocess.run(["umount", self.mount], check=False)
        shutil.rmtree(self.work, ignore_errors=True)


def cut_round(site, disk):
    mail = site.mail
    load = site.load()
    time.sleep(random.uniform(0.3, 2.0))
    if random.random() < 0.5:
        site.sink.hold_one(5 * iems.SLOW)
    pids = [*mail.pids().values(), mail.responder_pid()]
    for pid in pids:            # the machine stands still: what clients were told until now counts ...
        os.kill(pid, iems.signal.SIGSTOP)
    site.kills.append((time.monotonic(), "everything"))
    disk.copy()
    for pid in pids:            # ... and loses what the disk did not have
        os.kill(pid, iems.signal.SIGKILL)
    load.stop()
    iems.wait_until("processes gone", lambda: not any(iems.alive(p) for p in pids), 10)
    disk.cut()
    mail.start()
    return verify(site)


def cuts(rounds, first_number, senders):
    """Power cuts; each starts from the state that the last one left."""
    bad, site, disk = 0, None, Disk()
    try:
        site = Site(senders, folder=os.path.join(disk.mount, "instance"))
        site.start()
        subprocess.run(["sync", "-f", disk.mount], check=True)
        for n in range(1, rounds + 1):
            faults = cut_round(site, disk)
            bad += not report(first_number + n, f"power cut {n} ({site.acknowledged()})", faults)
        print(f"# {relay_report(site)}")
        print(f"# {site.keepers.report()}")
    finally:
        if site:
            site.close()
        disk.close()
    return rounds - bad, bad


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--kills", type=int, default=0)
    p.add_argument("--cuts", type=int, default=0)
    p.add_argument("--imap", action="store_true")
    p.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    o = p.parse_args()
    random.seed(o.seed)
    senders = 0 if o.imap else SENDERS
    print(f"# seed {o.seed}", flush=True)
    good = bad = 0
    if o.kills:
        good, bad = kills(o.kills, senders)
    if o.cuts and os.geteuid() == 0:
        g, b = cuts(o.cuts, o.kills, senders)
        good, bad = good + g, bad + b
    elif o.cuts:
        print("# power cuts need root: not run")
    print(f"{good} passed, {bad} failed")
    sys.exit(1 if bad else 0)


main()
