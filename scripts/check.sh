#!/bin/bash
# make check: everything that must hold. Usage: check.sh [all|asan|quick]
#   all    packages, gcc build + tests, clang ASan+UBSan build + tests, lint (clang-tidy beside the tests), requirements
#   asan   only the sanitizer part
#   quick  packages, gcc build + tests
set -uo pipefail
cd "$(dirname "$0")/.."
what=${1:-all}
logs=()
status=0
linter=
trap '[ -z "$linter" ] || kill -- "-$linter" 2>/dev/null; rm -f /tmp/check-tidy.$$' EXIT
step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }
run() { "$@" || { status=1; echo "== FAILED: $*"; }; }

step "packages"
scripts/deps.sh || exit 1

if [ "$what" != asan ]; then
  step "build with gcc"
  [ -f build/build.ninja ] || meson setup build -Dwerror=true >/dev/null || exit 1
  ninja -C build || exit 1
  # clang-tidy takes minutes of processor time, the tests mostly wait: it has what they leave.
  if [ "$what" = all ]; then
    setsid nice -n 19 scripts/lint.sh tidy >/tmp/check-tidy.$$ 2>&1 &
    linter=$!
  fi
  step "tests"
  run meson test -C build --no-rebuild --print-errorlogs
  logs+=(build/meson-logs/testlog.json)
fi
if [ "$what" != quick ]; then
  step "build with clang, ASan and UBSan"
  [ -f build-asan/build.ninja ] || CC=clang meson setup build-asan -Dwerror=true -Db_sanitize=address,undefined -Db_lundef=false \
    -Dbuildtype=debug -Doptimization=1 >/dev/null || exit 1
  ninja -C build-asan || exit 1
  step "tests under ASan and UBSan"
  export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=0
  export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
  run meson test -C build-asan --no-rebuild --print-errorlogs -t 4
  logs+=(build-asan/meson-logs/testlog.json)
fi
if [ "$what" = all ]; then
  step "lint"
  run scripts/lint.sh format structure headers cppcheck
  wait "$linter" || { status=1; echo "== FAILED: scripts/lint.sh tidy"; }
  linter=
  cat /tmp/check-tidy.$$
  step "requirements"
  run scripts/requirements.py --check
fi
step "done"
[ $status = 0 ] || echo "some step failed, see FAILED above"
/usr/bin/python3 scripts/count_tests.py "${logs[@]}" || status=1
exit $status
