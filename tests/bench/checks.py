"""Part of make bench: what checks of clients cost."""
import os
import statistics
import time

from meter import Meter
from peers import DOMAIN, Iems, Sink
from nameserver import NameServer
from relaying import wait_count

CLIENTS = 200  # addresses that come again and again: 198.18.0.1 and up
LISTS = "one.bl.test", "two.bl.test"
OFF = "check_rdns", "check_rdns_forward", "check_dnslists"


def switch(ours, on):
    for name in OFF:
        ours.mail.run("config", "set", "smtpd." + name, "permanent" if on else "off")


def pair(ours, work, runs, row, what, one):
    """Rates of `one(clients)` with the checks on and off, in turns; then with clients that never came before."""
    got, new = {True: [], False: []}, []
    for n in range(runs + 1):
        for on in (True, False):
            switch(ours, on)
            with Meter(ours.roots(), work) as m:
                number = one(CLIENTS)
            if n:
                got[on].append((number / m.wall, m.cpu / number * 1e3))
    switch(ours, True)
    with Meter(ours.roots(), work) as m:
        number = one(100000)
    new.append((number / m.wall, m.cpu / number * 1e3))
    rate, cpu = ({k: statistics.median([x[i] for x in v]) for k, v in got.items()} for i in range(2))
    row(f"{what}, all checks on, against off", rate[True], rate[False], "msg/s", 0.85,
        extra=f"CPU {cpu[True]:.2f} / {cpu[False]:.2f} ms; every client a new address: {new[0][0]:.4g} msg/s, {new[0][1]:.2f} ms")


def checks(work, runs, quick, row, load):
    """Reverse DNS with forward confirmation and two DNS lists, asked of a name server on this machine; no client is listed."""
    count = 500 if quick else 3000
    names = "".join(f"{n % 256}.{n // 256} 3600 PTR c{n}.clients.test.\n" for n in range(65536))
    addresses = "".join(f"c{n} 3600 A 198.18.{n // 256}.{n % 256}\n" for n in range(65536))
    dns = NameServer({"18.198.in-addr.arpa": names, "clients.test": addresses, **{name: "" for name in LISTS}})
    sink, config = Sink(), f"[server]\ndns_servers = 127.0.0.1@{dns.port}\n"
    try:
        for what, more, domain in (("accept 4 KiB, 100 sessions", "[mta]\nauto_start = no\n", DOMAIN),
                                   ("relay 4 KiB, 10 sessions", "[smtpd]\nrelay_networks = 198.18.0.0/15\n[smtpc]\nresolution = MailRelayHost\n"
                                    f"relay_host = [127.0.0.1]:{sink.port}\n", "sink.example")):
            folder = os.path.join(work, what.split()[0])
            os.makedirs(folder)
            ours = Iems(folder, [f"u{n:03d}" for n in range(100)], config + more)
            try:
                ours.mail.run("access", "set", "127.0.0.0/8", "proxy=yes")
                for name in LISTS:
                    ours.mail.run("dnslist", "set", name, "policy=reject")
                relays, sessions = domain != DOMAIN, 10 if domain != DOMAIN else 100

                def one(clients):
                    before = sink.count()
                    load("smtp", "127.0.0.1", ours.smtp, sessions, count, 4096, 100, domain, clients=clients)
                    if relays:
                        wait_count("IEMS", sink.count, before + count)
                    return count
                time.sleep(1)   # rows of tables are live
                pair(ours, work, runs, row, what, one)
            finally:
                ours.stop()
    finally:
        sink.stop()
        dns.stop()
