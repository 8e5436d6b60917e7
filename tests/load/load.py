#!/usr/bin/python3
"""make load: nobody is held up by others (LIM-23, SMTPC-08, DNSBL-10, SMTPD-03), and a long queue costs little.
  load.py [--only sessions,dns,narrow,queue,idle,large] [--quick]
Prints PASS or FAIL with figures; status 1 if anything failed. Throughputs are compared by turns on the same machine at the same
time: the median of at least three pairs counts, of five when three do not suffice."""
import argparse
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from meter import pss_kib
from peers import Sink
import iems
import mailboxes
import mta
from nameserver import NameServer, SilentRelay
from slow import Crowd

SENDERS, SLOW_SESSIONS = 100, 1900
PSS_MAX_MIB = {"store": 200, "smtpc": 100}   # with a million messages; other processes:
PSS_OTHER_MIB = 60
failed = []


def verdict(good, what, figures):
    print(f"{'PASS' if good else 'FAIL'} {what}: {figures}", flush=True)
    if not good:
        failed.append(what)


def send(mail, count, domain, sessions=20):
    """Messages a second that were accepted."""
    p = subprocess.run([os.environ["IEMS_LOAD"], "smtp", "127.0.0.1", str(mail.port("smtp")), str(sessions), str(count), "4096", "100", domain],
                       capture_output=True, text=True, timeout=120, check=True)
    result = json.loads(p.stdout)
    if result["failed"]:
        raise RuntimeError(f"{result['failed']} of {count} messages failed")
    return result["rate"]


def relayed(mail, sink, count, domain):
    """Messages a second, from the first connection until the other server has the last."""
    before, begin = sink.count(), time.monotonic()
    send(mail, count, domain)
    iems.wait_until(f"{count} messages at the sink", lambda: sink.count() >= before + count, 60)
    return count / (time.monotonic() - begin)


def compare(what, goal, alone, beside):
    """The rate of beside() must be at least `goal` of that of alone()."""
    pairs = []
    while len(pairs) < 3 or (len(pairs) < 5 and statistics.median(b / a for a, b in pairs) < goal):
        pairs.append((alone(), beside()))
    ratio = statistics.median(b / a for a, b in pairs)
    a, b = (statistics.median(x) for x in zip(*pairs))
    verdict(ratio >= goal, what, f"{b:.0f} of {a:.0f} messages a second, {100 * ratio:.0f} % (goal {100 * goal:.0f} %; {len(pairs)} pairs)")


def sessions(quick):
    """1,900 sessions that are slow or silent."""
    count = 1000 if quick else 4000
    with iems.Instance(config="[smtpd]\nmax_sessions = 2100\n[mta]\nauto_start = no\n") as mail:
        users(mail, 100)
        send(mail, count, mail.domain, SENDERS)
        memory = module_pss(mail)["smtpd"]
        crowds, lost = [], [0]

        def beside():
            crowd = Crowd(mail.port("smtp"), mail.domain, SLOW_SESSIONS)
            crowds.append((module_pss(mail)["smtpd"] - memory) * 1024 / SLOW_SESSIONS)
            try:
                return send(mail, count, mail.domain, SENDERS)
            finally:
                lost[0] += SLOW_SESSIONS - crowd.alive()
                crowd.close()
        compare(f"{SENDERS} senders beside {SLOW_SESSIONS} sessions that are slow or silent", 0.8,
                lambda: send(mail, count, mail.domain, SENDERS), beside)
        verdict(lost[0] == 0, "slow sessions stay", f"{lost[0]} were ended; {max(crowds):.1f} KiB of memory for each")


def users(mail, number):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
        f.writelines(f"u{n:03d}@{mail.domain},{iems.PASSWORD}\n" for n in range(number))
        f.flush()
        mail.run("user", "import", f.name)


def module_pss(mail):
    """MiB by module, with the responder."""
    found = {name: pss_kib([pid]) / 1024 for name, pid in mail.pids().items()}
    found["responder"] = own_pss(mail.responder_pid())
    return found


def own_pss(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:")) / 1024


def submit(mail, recipients):
    """Messages of one connection each of a thousand recipients, as one sender would."""
    s = mail.smtp()
    for n in range(0, len(recipients), 500):
        s.sendmail("a@sender.example", recipients[n:n + 500], iems.message("load").replace("\n", "\r\n").encode())
    s.quit()


def arrival(mail, sink, domain):
    """Seconds from acceptance until the other server has a new message to `domain`."""
    before = sink.count()
    submit(mail, [f"x@{domain}"])
    begin = time.monotonic()
    iems.wait_until("the message", lambda: sink.count() > before, 60)
    return time.monotonic() - begin


def dns(quick):
    """Name servers that never answer for some domains: within smtpc.max_lookups, then for more, which are tried every second."""
    count, silent = (1000, 150) if quick else (3000, 300)
    fresh = [f"fresh{n}.test" for n in range(6)]
    sink = Sink()
    names = NameServer({d: f"@ 60 MX 10 mx.{d}.\nmx 60 A 127.0.0.1" for d in ["good.test", *fresh]})
    relay = SilentRelay(names.port)
    config = f"[server]\ndns_servers = 127.0.0.1@{relay.port}\n[smtpd]\nrelay_networks = 127.0.0.0/8\n[smtpc]\nport = {sink.port}\n"
    try:
        with iems.Instance(config=config + "mta_sts = no\n") as mail:
            relayed(mail, sink, 300, "good.test")
            before, rounds = arrival(mail, sink, fresh[0]), [0]

            def beside():
                rounds[0] += 1
                submit(mail, [f"x@d{n}.silent{rounds[0]}.test" for n in range(silent)])
                return relayed(mail, sink, count, "good.test")
            compare(f"relay beside {silent} destinations whose name servers never answer", 0.9, lambda: relayed(mail, sink, count, "good.test"), beside)
            first = arrival(mail, sink, fresh[1])
            verdict(first < 1, "a new destination beside those", f"reached in {first:.2f} s ({before:.2f} s without them; goal 1 s)")
            mail.run("config", "set", "smtpc.retry_destination", "1s")
            submit(mail, [f"x@d{n}.silent.test" for n in range(1500)])
            slowest = max(arrival(mail, sink, d) for d in fresh[2:])
            verdict(slowest < 1, "new destinations beside 1500 silent ones of the same name server", f"the slowest in {slowest:.2f} s (goal 1 s)")
    finally:
        relay.stop()
        names.stop()
        sink.stop()


def narrow(quick):
    """A destination that takes one connection at a time, and its time."""
    count = 1000 if quick else 3000
    sink, host = Sink(), mta.Mta()
    host.open_max, host.slow = 1, 0.02
    config = "[smtpd]\nrelay_networks = 127.0.0.0/8\n"
    try:
        with iems.Instance(config=config) as mail:
            mail.run("route", "set", "narrow.test", f"hosts={host.host}")
            mail.run("route", "set", "wide.test", f"hosts=[127.0.0.1]:{sink.port}")
            relayed(mail, sink, 300, "wide.test")

            def beside():
                send(mail, 200, "narrow.test")
                taken = len(host.taken)
                rate = relayed(mail, sink, count, "wide.test")
                if len(host.taken) == taken and rate < count:
                    raise RuntimeError("nothing went to the narrow destination meanwhile")
                return rate

            def alone():
                iems.wait_until("all of the narrow destination", lambda: "narrow.test" not in mail.run("queue", "list").stdout, 60)
                return relayed(mail, sink, count, "wide.test")
            compare("relay beside a destination that takes one connection at a time", 0.9, alone, beside)
            verdict(host.open_most - (host.refused > 0) == 1, "one connection at a time", f"{len(host.taken)} messages, {host.refused} connections refused")
    finally:
        host.stop()
        sink.stop()


def queue(quick):
    """A million messages for 10,000 destinations in a whole instance, with name servers that never answer."""
    count, destinations = (100000, 1000) if quick else (1000000, 10000)
    program = os.path.join(os.environ["IEMS_BUILD"], "src", "store", "store_queue_load")
    sink = Sink()
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    config = f"[server]\ndns_servers = 127.0.0.1@{silent.getsockname()[1]}\n[smtpd]\nrelay_networks = 127.0.0.0/8\n[store]\ndrive_min = 100M\n"
    mail = iems.Instance(config=config)
    try:
        mail.start()
        mail.run("route", "set", "healthy.test", f"hosts=[127.0.0.1]:{sink.port}")
        mail.stop()
        subprocess.run([program, os.path.join(mail.dir, "data", "store"), "fill", str(count), str(destinations)], check=True, stdout=subprocess.DEVNULL)
        begin = time.monotonic()
        mail.start()
        took = time.monotonic() - begin
        verdict(took < 5, f"start with {count} messages for {destinations} destinations", f"{took:.2f} s (goal 5 s)")
        verdict((t := arrival(mail, sink, "healthy.test")) < 1, "a new message while they rest", f"at the other server after {t:.2f} s (goal 1 s)")
        mail.run("queue", "run", "--all", timeout=120)
        worst = max(arrival(mail, sink, "healthy.test") for _ in range(10))
        verdict(worst < 1, "new messages while all are tried", f"ten, the slowest after {worst:.2f} s (goal 1 s)")
        memory = module_pss(mail)
        good = all(mib <= PSS_MAX_MIB.get(name, PSS_OTHER_MIB) for name, mib in memory.items())
        verdict(good, "memory (PSS)", ", ".join(f"{name} {mib:.0f}" for name, mib in memory.items()) + f" MiB (at most {PSS_MAX_MIB['store']} "
                f"store, {PSS_MAX_MIB['smtpc']} smtpc, {PSS_OTHER_MIB} others)")
    finally:
        mail.stop()
        mail.remove()
        silent.close()
        sink.stop()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--only", default="sessions,dns,narrow,queue,idle,large")
    p.add_argument("--quick", action="store_true")
    o = p.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    begin, parts = time.monotonic(), {"sessions": sessions, "dns": dns, "narrow": narrow, "queue": queue,
                                      "idle": lambda quick: mailboxes.idle(quick, verdict), "large": lambda quick: mailboxes.large(quick, verdict)}
    for name in o.only.split(","):
        try:
            parts[name](o.quick)
        except (AssertionError, RuntimeError, OSError, subprocess.SubprocessError) as e:
            verdict(False, name, f"{type(e).__name__}: {e}")
    print(f"{len(failed)} failed, {time.monotonic() - begin:.0f} s")
    sys.exit(1 if failed else 0)


main()
