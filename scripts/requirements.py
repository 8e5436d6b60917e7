#!/usr/bin/python3
"""docs/requirements.md: every requirement with its title and the tests that name it.
  requirements.py            lists those without a test that are not left out or done otherwise on purpose
  requirements.py --write    renews the column of tests
  requirements.py --check    fails when the column differs from what the tests name, or a test names an unknown ID"""
import collections
import re
import subprocess
import sys

DOC = "docs/requirements.md"
DEPARTURES = "docs/design/violations.md"
ROW = re.compile(r"^\| ([A-Z0-9]+-\d+) \| (.*?) \| (.*?) \|$")
ID = re.compile(r"\b([A-Z][A-Z0-9]+-\d\d?)\b")


def tests():
    """ID -> sorted test files that name it."""
    names = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split()
    found = collections.defaultdict(set)
    for name in names:
        if name.endswith("_test.c") or (name.startswith("tests/") and name.endswith((".py", ".sh", ".dlg", ".c"))):
            with open(name, encoding="utf-8", errors="replace") as f:
                for match in ID.findall(f.read()):
                    found[match].add(name)
    return found


def departures():
    """IDs that the table of departures from the original system names in its first column; "PEER-16 to PEER-18" is a range."""
    with open(DEPARTURES, encoding="utf-8") as f:
        table = f.read().split("# Departures from the original system")[1]
    found = set()
    for line in table.split("\n"):
        first = line.split("|")[1] if line.startswith("|") else ""
        found.update(ID.findall(first))
        for prefix, low, high in re.findall(r"([A-Z]+)-(\d+) to \1-(\d+)", first):
            found.update(f"{prefix}-{n:02}" for n in range(int(low), int(high) + 1))
    return found


def main():
    with open(DOC, encoding="utf-8") as f:
        lines = f.read().split("\n")
    found, departed = tests(), departures()
    known, out, open_ids, differ = set(), [], [], []
    for line in lines:
        m = ROW.match(line)
        if not m:
            out.append(line)
            continue
        ident, title, old = m.groups()
        known.add(ident)
        new = ", ".join(f"`{n}`" for n in sorted(found.get(ident, [])))
        if not new:
            new = f"otherwise, on purpose: `{DEPARTURES}`" if ident in departed else "open"
        if new == "open":
            open_ids.append(f"{ident} {title}")
        if new != old:
            differ.append(ident)
        out.append(f"| {ident} | {title} | {new} |")
    prefixes = {k.split("-")[0] for k in known}
    unknown = sorted(i for i in found if i.split("-")[0] in prefixes and i not in known)
    if "--write" in sys.argv:
        with open(DOC, "w", encoding="utf-8") as f:
            f.write("\n".join(out))
    elif "--check" in sys.argv:
        if differ:
            print("requirements: out of date, run scripts/requirements.py --write:", " ".join(differ[:20]))
        if unknown:
            print("requirements: tests name unknown IDs:", " ".join(unknown))
        print(f"requirements: {len(known) - len(open_ids)} of {len(known)} have a test or depart on purpose")
        return 1 if differ or unknown else 0
    else:
        print("\n".join(open_ids))
    print(f"requirements: {len(known) - len(open_ids)} of {len(known)} have a test or depart on purpose")
    return 0


sys.exit(main())
