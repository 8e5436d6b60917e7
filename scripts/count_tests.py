#!/usr/bin/python3
"""Prints 'N passed, M failed' for meson's testlog.json files: single cases where a program names them (cmocka, TAP),
else the program as one case."""
import json
import re
import sys

OK = re.compile(r"^(?:\[ +OK \]|ok \d+)", re.M)
BAD = re.compile(r"^(?:\[  FAILED  \] \w+$|not ok \d+)", re.M)
passed = failed = 0
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as log:
        for line in log:
            test = json.loads(line)
            text = test.get("stdout") or ""
            good, bad = len(OK.findall(text)), len(set(BAD.findall(text)))
            if test["result"] == "OK":
                passed += max(good, 1)
            elif test["result"] not in ("SKIP", "EXPECTEDFAIL"):
                passed += good
                failed += max(bad, 1)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
