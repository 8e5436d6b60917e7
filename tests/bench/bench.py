#!/usr/bin/python3
"""make bench: IEMS beside Postfix and Dovecot on this machine, in the same run; results are ratios against goals.
  bench.py [--quick] [--only accept,mailbox,relay,relay_tls,checks,imap,mailboxes,memory,queue] [--runs N]
Prints a markdown table; status 1 when a goal is missed. Needs root (Postfix wants it) and the bench packages."""
import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from corpus import Corpus
from meter import Meter, pss_kib
from peers import DOMAIN, PASSWORD, Dovecot, Iems, Postfix
import checks
import relaying

LOAD = os.environ["IEMS_LOAD"]
rows, missed = [], []


def load(*args, clients=0):
    env = dict(os.environ, LOAD_CLIENTS=str(clients)) if clients else None
    p = subprocess.run([LOAD, *map(str, args)], capture_output=True, text=True, timeout=600, check=True, env=env)
    result = json.loads(p.stdout)
    if result["failed"]:
        raise RuntimeError(f"{result['failed']} failed: load {' '.join(map(str, args))}")
    return result


def row(what, ours, peer, unit, goal, better="more", extra=""):
    """One line of the result; `goal` is the ratio to the peer (or an absolute value when there is no peer), None: there is none."""
    if peer is None:
        good = ours <= goal if better == "less" else ours >= goal
        text = f"| {what} | {ours:.{2 if ours < 10 else 1}f} {unit} | - | - | {'at most' if better == 'less' else 'at least'} {goal} {unit} |"
    else:
        ratio = ours / peer if better == "more" else peer / max(ours, 1e-9)
        good = goal is None or ratio >= goal
        text = f"| {what} | {ours:.4g} {unit} | {peer:.4g} {unit} | {ratio:.2f}x | {'-' if goal is None else f'at least {goal}x'} |"
    text += f" {'-' if goal is None else 'yes' if good else '**no**'} | {extra} |"
    print(text, flush=True)
    if goal is not None:
        rows.append(text)
    if not good:
        missed.append(what)


def median(values):
    return statistics.median(values)


def row_of_best(what, got, unit, goal, better="more", extra=""):
    """Ours against the fastest of the peers; `got`: label of a server -> value."""
    peers = {name: v for name, v in got.items() if name != "IEMS"}
    best = (min if better == "less" else max)(peers, key=peers.get)
    others = ", ".join(f"{name} {v:.4g}" for name, v in peers.items() if name != best)
    row(what, got["IEMS"], peers[best], unit, goal, better, "; ".join(t for t in (f"{best}; {others}", extra) if t))


# ---------------------------------------------------------------- SMTP

def accept(work, runs):
    """Durable 250, nothing is delivered: Postfix holds, IEMS runs without its message switch."""
    ours, peer = Iems(work, [f"u{n:03d}" for n in range(100)], "[mta]\nauto_start = no\n"), Postfix(work, "hold")
    try:
        for sessions, goal, count in ((100, 5, 3000), (10, 3, 2000), (1, 1, 600)):
            got = {"IEMS": [], "Postfix": []}
            for server in (ours, peer):
                load("smtp", "127.0.0.1", server.smtp, sessions, count // 5, 4096, 100, DOMAIN)
            syncs = ours.syncs()
            for _ in range(runs):
                for server in (ours, peer):
                    with Meter(server.roots(), work) as m:
                        rate = load("smtp", "127.0.0.1", server.smtp, sessions, count, 4096, 100, DOMAIN)["rate"]
                    got[server.name].append((rate, m.cpu / count * 1e3, m.flushes / count))
                peer.empty_hold()
            rate, used, flush = ({k: median([x[i] for x in v]) for k, v in got.items()} for i in range(3))
            row(f"accept 4 KiB, {sessions} sessions", rate["IEMS"], rate["Postfix"], "msg/s", goal,
                extra=f"CPU {used['IEMS']:.2f} / {used['Postfix']:.2f} ms")
            if sessions in (1, 100):
                row(f"flushes per message, {sessions} sessions", flush["IEMS"], None, "", 1.2 if sessions == 1 else 0.1, "less",
                    extra=f"Postfix {flush['Postfix']:.2f}; by the store's own count {(ours.syncs() - syncs) / runs / count:.3f}")
    finally:
        ours.stop()
        peer.stop()


def counts(server, users):
    """Messages in each INBOX, by one connection a user."""
    out = []
    for c, _ in users:
        c.sendall(b"a STATUS INBOX (MESSAGES)\r\n")
    for c, f in users:
        number = 0
        while True:
            line = f.readline()
            if b"MESSAGES" in line:
                number = int(re.search(rb"MESSAGES (\d+)", line).group(1))
            if line.startswith(b"a "):
                break
        out.append(number)
    return out


def imap_login(server, user):
    c = socket.create_connection(("127.0.0.1", server.imap))
    c.settimeout(120)
    f = c.makefile("rb")
    f.readline()
    c.sendall(f"a LOGIN {server.login_name(user)} {PASSWORD}\r\n".encode())
    while not (line := f.readline()).startswith(b"a "):
        pass
    if not line.startswith(b"a OK"):
        raise RuntimeError(f"login of {user}: {line!r}")
    return c, f


def into_mailboxes(smtp_port, imap_server, roots, work, size, count, sessions=20):
    """Sends and waits until each mailbox shows its messages. Returns rate, CPU ms a message, flushes a message."""
    users = [imap_login(imap_server, f"u{n:03d}") for n in range(100)]
    want = sum(counts(imap_server, users)) + count
    with Meter(roots, work) as m:
        load("smtp", "127.0.0.1", smtp_port, sessions, count, size, 100, DOMAIN)
        end = time.monotonic() + 120
        while sum(counts(imap_server, users)) < want:
            if time.monotonic() > end:
                raise RuntimeError("messages are missing")
            time.sleep(0.02)
    for c, _ in users:
        c.close()
    return count / m.wall, m.cpu / count * 1e3, m.flushes / count


def mailbox(work, runs):
    ours = Iems(work, [f"u{n:03d}" for n in range(100)])
    dovecot = Dovecot(work, "mdbox")
    postfix = Postfix(work, "lmtp", dovecot.lmtp_socket)
    try:
        for size, count, goal in ((4096, 2000, 8), (256000, 300, 2)):
            systems = (("IEMS", ours.smtp, ours, ours.roots), ("peer", postfix.smtp, dovecot, lambda: postfix.roots() + dovecot.roots()))
            got = {name: [] for name, *_ in systems}
            for n in range(runs + 1):
                for name, smtp, imap, roots in systems:
                    one = into_mailboxes(smtp, imap, roots(), work, size, count if n else 200)
                    if n:
                        got[name].append(one)
            mid = {name: [median(v) for v in zip(*values)] for name, values in got.items()}
            if size == 4096:
                row("end to end 4 KiB into 100 mailboxes, 20 sessions", mid["IEMS"][0], mid["peer"][0], "msg/s", goal)
                row("CPU of that, per message", mid["IEMS"][1], mid["peer"][1], "ms", 8, "less", extra=f"flushes {mid['IEMS'][2]:.2f} / {mid['peer'][2]:.2f}")
            else:
                mb = size * 60 / 1e6
                row("end to end 250 KB", mid["IEMS"][0] * mb, mid["peer"][0] * mb, "MB/min", goal, extra=f"CPU {mid['IEMS'][1]:.2f} / {mid['peer'][1]:.2f} ms")
    finally:
        ours.stop()
        postfix.stop()
        dovecot.stop()


def command(c, text):
    """Seconds and bytes until the tagged reply."""
    begin, got, tail = time.monotonic(), 0, b""
    c.sendall(b"x " + text.encode() + b"\r\n")
    while True:
        data = c.recv(1 << 20)
        if not data:
            raise RuntimeError("connection lost")
        got += len(data)
        tail = (tail + data)[-300:]
        last = tail.rstrip(b"\r\n").rsplit(b"\n", 1)[-1]
        if tail.endswith(b"\r\n") and last.startswith(b"x "):
            if not last.startswith(b"x OK"):
                raise RuntimeError(f"{text}: {last!r}")
            return time.monotonic() - begin, got


def fill(server, user, number, size):
    """Appends messages with LITERAL+ in a pipeline."""
    c, f = imap_login(server, user)
    body = "".join(f"line {n} of a message that is neither long nor short, but plain.\r\n" for n in range(size // 64))
    window, sent, done = 50, 0, 0
    while done < number:
        while sent < number and sent - done < window:
            text = (f"From: Sender {sent % 97} <s{sent % 97}@bench.example>\r\nTo: Reader <{user}@{DOMAIN}>\r\nSubject: Message number {sent} of many\r\n"
                    f"Date: Sat, 21 Nov 2026 07:{sent // 60 % 60:02d}:{sent % 60:02d} +0000\r\nMessage-ID: <{sent}.{user}@bench.example>\r\n"
                    f"Content-Type: text/plain; charset=utf-8\r\n\r\n{body}").encode()
            c.sendall(b"f APPEND INBOX {%d+}\r\n%s\r\n" % (len(text), text))
            sent += 1
        line = f.readline()
        if line.startswith(b"f "):
            if not line.startswith(b"f OK"):
                raise RuntimeError(line)
            done += 1
    c.close()


def imap(work, runs, quick):
    many = 20000 if quick else 100000
    ours = Iems(work, [f"u{n:03d}" for n in range(100)] + [f"a{n:03d}" for n in range(10)] + ["big10k", "big100k"])
    peers = [Dovecot(work, store) for store in ("sdbox", "mdbox")]
    servers = {"IEMS": ours, **{p.label: p for p in peers}}
    reading = (("big100k", many, (("SELECT INBOX", "SELECT", 1), ("FETCH 1:* (UID FLAGS ENVELOPE)", "UID FLAGS ENVELOPE", 1.5),
                                  ("FETCH 1:* (UID FLAGS)", "UID FLAGS", 1.5))),
               ("big10k", 10000, (("FETCH 1:* BODY.PEEK[]", "bodies", 1),)))
    try:
        for server in servers.values():
            if server is not ours:
                server.stop()
                server.start("never")
            fill(server, "big10k", 10000, 10240)
            fill(server, "big100k", many, 2048)
            if server is not ours:
                server.stop()
                server.start()
        for user, number, steps in reading:
            for text, name, goal in steps:
                times = {label: [] for label in servers}
                for n in range(runs + 1):
                    for label, server in servers.items():
                        c, _ = imap_login(server, user)
                        seconds = command(c, "SELECT INBOX")[0]
                        if name != "SELECT":
                            seconds = command(c, text)[0]
                        c.close()
                        if n:
                            times[label].append(seconds * 1e3)
                row_of_best(f"{name}, {number} messages", {k: median(v) for k, v in times.items()}, "ms", goal, "less")
        for mode, sessions, count, goal in (("login", 10, 2000, 3), ("append", 10, 3000, 3)):
            got, args = {label: [] for label in servers}, [PASSWORD, 100] if mode == "login" else [4096, PASSWORD]
            for n in range(runs + 1):
                for label, server in servers.items():
                    number = count if n else 200
                    with Meter(server.roots(), work) as m:
                        rate = load(mode, "127.0.0.1", server.imap, sessions, number, *args, DOMAIN)["rate"]
                    if n:
                        got[label].append((rate, m.cpu / count * 1e3))
            mid = {k: [median(x) for x in zip(*v)] for k, v in got.items()}
            row_of_best(f"{mode}, {sessions} connections", {k: v[0] for k, v in mid.items()}, "/s", goal,
                        extra="CPU " + " / ".join(f"{v[1]:.2f}" for v in mid.values()) + " ms")
    finally:
        for server in servers.values():
            server.stop()


def fill_from(server, user, messages):
    """Appends the messages in a pipeline."""
    c, f = imap_login(server, user)
    for at in range(0, len(messages), 20):
        part = messages[at:at + 20]
        c.sendall(b"".join(b"f APPEND INBOX {%d+}\r\n%s\r\n" % (len(m), m) for m in part))
        done = 0
        while done < len(part):
            line = f.readline()
            if line.startswith(b"f "):
                if not line.startswith(b"f OK"):
                    raise RuntimeError(line)
                done += 1
    c.close()


def disk_bytes(path):
    """What files take, of databases and mail: without logs of changes, which are of a fixed size."""
    return sum(os.stat(os.path.join(at, n)).st_blocks * 512 for at, _, names in os.walk(path) for n in names if not n.endswith(".log"))


def searched(server, needles):
    """Milliseconds of searches for texts that few, or no, messages hold: the first of the session, and the median."""
    c, _ = imap_login(server, "reader")
    command(c, "SELECT INBOX")
    took = [command(c, f"SEARCH BODY {n}")[0] * 1e3 for n in needles]
    c.close()
    return took[0], median(took)


def read_message(c):
    """A reply of many lines, whole: a reader that looks at each line takes as long as the servers do."""
    got = c.recv(1 << 18)
    while got.startswith(b"+OK") and not got.endswith(b"\r\n.\r\n"):
        more = c.recv(1 << 18)
        if not more:
            raise RuntimeError("connection lost")
        got += more
    if not got.startswith(b"+OK"):
        raise RuntimeError(f"POP3: {got[:80]!r}")


def retrieve(server, number):
    c = socket.create_connection(("127.0.0.1", server.pop3))
    c.settimeout(120)
    f = c.makefile("rb")
    f.readline()
    for text in (f"USER {server.login_name('reader')}", f"PASS {PASSWORD}"):
        c.sendall(text.encode() + b"\r\n")
        if not f.readline().startswith(b"+OK"):
            raise RuntimeError("POP3 login")
    begin = time.monotonic()
    for n in range(1, number + 1):
        c.sendall(b"RETR %d\r\n" % n)
        read_message(c)
    took = time.monotonic() - begin
    c.sendall(b"QUIT\r\n")
    f.readline()
    c.close()
    return number / took


def read_all(server):
    """Milliseconds of a FETCH of all bodies."""
    c, _ = imap_login(server, "reader")
    command(c, "SELECT INBOX")
    took = command(c, "FETCH 1:* BODY.PEEK[]")[0] * 1e3
    c.close()
    return took


def changed(server):
    """STORE, COPY and MOVE of the whole mailbox, milliseconds each."""
    c, _ = imap_login(server, "reader")
    command(c, "CREATE Other")
    command(c, "CREATE Third")
    command(c, "SELECT INBOX")
    out = [command(c, "STORE 1:* +FLAGS.SILENT (\\Flagged)")[0] * 1e3, command(c, "COPY 1:* Other")[0] * 1e3]
    command(c, "SELECT Other")
    out.append(command(c, "MOVE 1:* Third")[0] * 1e3)
    command(c, "SELECT INBOX")
    command(c, "DELETE Other")
    command(c, "DELETE Third")
    command(c, "STORE 1:* -FLAGS.SILENT (\\Flagged)")
    c.close()
    return out


def wait_indexed(server):
    end = time.monotonic() + 300
    while json.loads(server.mail.run("search", "status", "--json").stdout)["waiting"] > 0:
        if time.monotonic() > end:
            raise RuntimeError("the search index is not made")
        time.sleep(0.2)


def mailboxes(work, runs, quick):
    """Searches, changes of whole mailboxes, POP3, disk: on mail that is like mail."""
    number = 2000 if quick else 10000
    corpus = Corpus()
    messages = [corpus.message(n).encode() for n in range(number)]
    needles = ["xylograph", "quizzical", "jukebox"]
    ours, peers = Iems(work, ["reader"]), [Dovecot(work, store) for store in ("sdbox", "mdbox")]
    servers = {"IEMS": ours, **{p.label: p for p in peers}}
    try:
        for server in servers.values():
            fill_from(server, "reader", messages)
        wait_indexed(ours)
        took, first, store, pop3, bodies = ({label: [] for label in servers} for _ in range(5))
        for n in range(runs + 1):
            for label, server in servers.items():
                # the changes last: what they leave to be tidied up is done while the others have their turn
                one = searched(server, needles), retrieve(server, min(number, 2000)), read_all(server), changed(server)
                if n == 0:
                    first[label] = one[0][0]   # nothing is in memory yet
                else:
                    took[label].append(one[0][1])
                    pop3[label].append(one[1])
                    bodies[label].append(one[2])
                    store[label].append(one[3])
        row_of_best(f"SEARCH BODY, {number} messages", {k: median(v) for k, v in took.items()}, "ms", 20, "less",
                    extra="the very first " + " / ".join(f"{v:.1f}" for v in first.values()) + " ms")
        # shown without a goal: these are kept at half their size, which the peers do not do, and which a reader pays for
        row_of_best(f"bodies of such mail, {number} messages", {k: median(v) for k, v in bodies.items()}, "ms", None, "less")
        for i, what in enumerate(("STORE", "COPY", "MOVE")):
            row_of_best(f"{what}, {number} messages", {k: median([x[i] for x in v]) for k, v in store.items()}, "ms", 1, "less")
        row_of_best("POP3 RETR", {k: median(v) for k, v in pop3.items()}, "msg/s", 1.5)
        time.sleep(40)  # in quiet times the store gives back what it replaced: it looks every 30 s
        ours.mail.stop()  # what is in memory goes to disk
        total = sum(map(len, messages))
        row("bytes on disk of a byte of mail", disk_bytes(ours.mail.dir + "/data") / total, None, "", 0.6, "less",
            extra=", ".join(f"{p.label} {disk_bytes(p.folder + '/mail') / total:.2f}" for p in peers))
        ours.mail.start()
    finally:
        for server in servers.values():
            server.stop()


def memory(work, quick):
    number = 500 if quick else 2000
    ours = Iems(work, [f"u{n:03d}" for n in range(100)])
    try:
        ours.mail.stop()
        begin = time.monotonic()
        ours.mail.start()
        row("start of an initialised instance", time.monotonic() - begin, None, "s", 2, "less")
        time.sleep(2)
        row("idle instance with slapd", pss_kib(ours.roots()) / 1024, None, "MB PSS", 120, "less")
        for n in range(100):
            imap_login(ours, f"u{n:03d}")[0].close()
        time.sleep(2)
        before, open_ = pss_kib(ours.roots()), []
        for n in range(number):
            c, f = imap_login(ours, f"u{n % 100:03d}")
            command(c, "SELECT INBOX")
            c.sendall(b"i IDLE\r\n")
            if not f.readline().startswith(b"+"):
                raise RuntimeError("no IDLE")
            open_.append(c)
        time.sleep(2)
        row(f"idle IMAP connection, {number} open", (pss_kib(ours.roots()) - before) / number, None, "KiB PSS", 24, "less")
        for c in open_:
            c.close()
    finally:
        ours.stop()


def queue(work, quick):
    """A long queue in a store of its own: what must stay fast with a million messages for 10,000 destinations."""
    program = os.path.join(os.environ["IEMS_BUILD"], "src", "store", "store_queue_load")
    count, destinations = ("100000", "1000") if quick else ("1000000", "10000")
    subprocess.run([program, work + "/queue", "fill", count, destinations], check=True, stdout=subprocess.DEVNULL)
    out = subprocess.run([program, work + "/queue", "run"], check=True, capture_output=True, text=True).stdout
    ms = {m[1]: float(m[2]) for m in re.finditer(r"(?m)^(\S.*?) {2,}([0-9.]+) ms$", out)}
    row(f"start with {count} queued", ms["open"] / 1000, None, "s", 5, "less")
    row("a new message, accepted to leased", ms["a new message, accepted to leased"] / 1000, None, "s", 1, "less")
    row("slowest page of a sorted list", max(v for k, v in ms.items() if k.startswith("list by")) / 1000, None, "s", 5, "less")
    row("memory at the most", max(int(k) for k in re.findall(r"VmHWM:\s+(\d+)", out)) / 1024, None, "MiB", 200, "less")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--quick", action="store_true")
    p.add_argument("--only", default="accept,mailbox,relay,relay_tls,checks,imap,mailboxes,memory,queue")
    p.add_argument("--runs", type=int, default=3)
    o = p.parse_args()
    parts = {"accept": lambda w: accept(w, o.runs), "mailbox": lambda w: mailbox(w, o.runs), "relay": lambda w: relaying.relay(w, o.runs, o.quick, row, load),
             "relay_tls": lambda w: relaying.relay_tls(w, o.runs, o.quick, row),
             "checks": lambda w: checks.checks(w, o.runs, o.quick, row, load),
             "imap": lambda w: imap(w, o.runs, o.quick), "mailboxes": lambda w: mailboxes(w, o.runs, o.quick), "memory": lambda w: memory(w, o.quick),
             "queue": lambda w: queue(w, o.quick)}
    unknown = [name for name in o.only.split(",") if name not in parts]
    if unknown:
        p.error(f"--only: there is no {', '.join(unknown)}; there are {', '.join(parts)}")
    print("| what | IEMS | peer | ratio | goal | met | more |\n|---|---|---|---|---|---|---|", flush=True)
    for name in o.only.split(","):
        work = tempfile.mkdtemp(prefix="iems-bench-", dir=os.environ.get("IEMS_BENCH_DIR"))
        os.chmod(work, 0o755)
        try:
            parts[name](work)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    print(f"\n{len(rows) - len(missed)} of {len(rows)} goals met" + (": missed " + "; ".join(missed) if missed else ""))
    sys.exit(1 if missed else 0)


main()
