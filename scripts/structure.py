#!/usr/bin/python3
"""Checks the shape of the code: layers point down only, no banned functions, no file above 900 lines without a reason in
its head; reports the longest files and functions."""
import re
import subprocess
import sys

# From the bottom up. A folder may include itself and what stands before it.
LAYERS = ["base", "net", "proto", "http", "transport", "rpc", "daemon", "access", "channel", "directory", "store"]
PROGRAMS = ["responder", "dir", "smtpd", "mta", "smtpc", "lmda", "index", "dlm", "bsmtp", "imapd", "pop3d", "webd", "acme", "archive", "quota", "remote", "fetch", "cli"]
# Pairs (from, to) that are allowed against the list, each with its reason.
ALLOWED = {
    ("proto", "net"): set(),
}
# Headers that describe data passed between processes; anyone may read them.
SHARED = {"store/mailbox/record.h"}
NOT_BELOW_PROTO = {"net"}  # parsers are sans-I/O: they know no descriptor
BANNED = {
    "strcpy": "str/buf", "strcat": "buf", "sprintf": "snprintf or buf_printf", "vsprintf": "vsnprintf", "gets": "stream",
    "strtok": "str_cut", "atoi": "str_to_u64", "atol": "str_to_u64", "strncpy": "str_to_cstr", "strncat": "buf",
    "system": "posix_spawn without a shell", "popen": "posix_spawn without a shell", "alloca": "arena", "rand": "random_bytes",
    "srand": "random_bytes", "tmpnam": "mkstemp", "mktemp": "mkstemp", "scanf": "str_to_u64", "sscanf": "str_to_u64",
    "memcmp_secret": "str_eq_secret",
}
MAX_LINES, MAX_FUNCTION = 900, 100

files = subprocess.run(["git", "ls-files", "src/*.c", "src/*.h"], capture_output=True, text=True, check=True).stdout.split()
bad = 0


def fail(text):
    global bad
    bad += 1
    print("structure:", text)


def layer(path):
    return path.split("/")[0]


def check_include(path, inner, n, target):
    top, to = layer(inner), layer(target)
    if target in SHARED or top == to:
        return
    if to in PROGRAMS:
        fail(f"{path}:{n}: includes {target} of another program")
    elif to in LAYERS and top in LAYERS:
        if LAYERS.index(to) > LAYERS.index(top):
            fail(f"{path}:{n}: upward include of {target}")
        elif top == "proto" and to in NOT_BELOW_PROTO and not target.startswith("net/address.h"):
            fail(f"{path}:{n}: a sans-I/O parser includes {target}")


FUNCTION = re.compile(r"^[A-Za-z_].*\)\s*\{\s*$")
long_functions = []
sizes = []
for folder in sorted({layer(path[len("src/"):]) for path in files} - set(LAYERS) - set(PROGRAMS)):
    fail(f"src/{folder} is neither a layer nor a program: nothing would be said of what it includes")
for path in files:
    inner = path[len("src/"):]
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    sizes.append((len(lines), path))
    if len(lines) > MAX_LINES and not any("long because" in l for l in lines[:10]):
        fail(f"{path}: {len(lines)} lines; above {MAX_LINES} a reason ('long because ...') must stand in its head")
    start = name = None
    for n, line in enumerate(lines, 1):
        m = re.match(r'#include "([^"]+)"', line)
        if m:
            check_include(path, inner, n, m.group(1))
        code = re.sub(r'"(\\.|[^"\\])*"', '""', line).split("//")[0]
        for word in re.findall(r"(?<![\w.>])([a-z_]+)\s*\(", code):
            if word in ("rand", "srand") and path.endswith("_test.c"):
                continue   # repeatable sequences
            if word in BANNED and not line.lstrip().startswith(("*", "/*")):
                fail(f"{path}:{n}: {word} is banned, use {BANNED[word]}")
        if FUNCTION.match(line):
            start, name = n, line.split("(")[0].split()[-1].lstrip("*")
        elif line.startswith("}") and start:
            long_functions.append((n - start + 1, name, path))
            start = None
for path in files:
    if path.endswith("_test.c"):
        continue
sizes.sort(reverse=True)
long_functions.sort(reverse=True)
print("structure: longest files:", ", ".join(f"{p} {n}" for n, p in sizes[:5]))
print("structure: longest functions:", ", ".join(f"{f} {n} ({p})" for n, f, p in long_functions[:5]))
for n, f, p in long_functions:
    if n > MAX_FUNCTION and not p.endswith("_test.c"):
        fail(f"{p}: function {f} has {n} lines; the most is {MAX_FUNCTION}")
sys.exit(1 if bad else 0)
