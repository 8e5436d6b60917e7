#!/bin/bash
# Runs the tests of a build folder and ends with "N passed, M failed", counting single cases. Usage: test.sh BUILD [meson test args]
set -uo pipefail
cd "$(dirname "$0")/.."
build=$1
shift
meson test -C "$build" --no-rebuild --print-errorlogs -t "${TEST_TIMEOUT_MULTIPLIER:-1}" "$@"
status=$?
/usr/bin/python3 scripts/count_tests.py "$build/meson-logs/testlog.json"
exit $status
