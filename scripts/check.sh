#!/bin/bash
# make check: everything that must hold. Usage: check.sh [all|asan|quick]
#   all    packages, gcc build + tests, clang ASan+UBSan build + tests, lint (both beside the tests), requirements
#   asan   only the sanitizer part
#   quick  packages, gcc build + tests
set -uo pipefail
cd "$(dirname "$0")/.."
what=${1:-all}
logs=()
status=0
builder= linter=
told=$(mktemp -d)
trap 'for p in $builder $linter; do kill -- "-$p" 2>/dev/null; done; rm -rf "$told"' EXIT
step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }
run() { "$@" || { status=1; echo "== FAILED: $*"; }; }

# beside NICENESS NAME COMMAND...: begins what takes minutes of processor time. The tests mostly wait: it has what they leave.
# A session is a group of its own to a scheduler with autogroups, whose niceness counts instead of that of the processes.
beside() {
  local niceness=$1 name=$2
  shift 2
  setsid bash -c 'echo "$0" 2>/dev/null >/proc/self/autogroup; exec nice -n "$0" "$@"' "$niceness" "$@" >"$told/$name" 2>&1 &
}
# ended PID NAME: waits for it and tells what it told.
ended() {
  wait "$1"
  local result=$?
  cat "$told/$2"
  return $result
}
build_asan() {
  [ -f build-asan/build.ninja ] || CC=clang CC_LD=lld meson setup build-asan -Dwerror=true -Db_sanitize=address,undefined -Db_lundef=false \
    -Dbuildtype=debug -Doptimization=1 >/dev/null || return 1
  ninja -C build-asan
}
export -f build_asan
tests_at_once=$((2 * $(nproc))) # twice as many as processors, for the same reason

step "packages"
scripts/deps.sh || exit 1

if [ "$what" != asan ]; then
  step "build with gcc"
  [ -f build/build.ninja ] || meson setup build -Dwerror=true >/dev/null || exit 1
  ninja -C build || exit 1
  if [ "$what" = all ]; then
    beside 10 build bash -c build_asan
    builder=$!
    beside 19 lint scripts/lint.sh
    linter=$!
  fi
  step "tests"
  run meson test -C build --no-rebuild --print-errorlogs --num-processes "$tests_at_once" -t 3 # limits are for a machine that does nothing else
  logs+=(build/meson-logs/testlog.json)
fi
if [ "$what" != quick ]; then
  step "build with clang, ASan and UBSan"
  if [ -n "$builder" ]; then
    ended "$builder" build || exit 1
    builder=
  else
    build_asan || exit 1
  fi
  step "tests under ASan and UBSan"
  export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=0
  export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
  run meson test -C build-asan --no-rebuild --print-errorlogs --num-processes "$tests_at_once" -t 4
  logs+=(build-asan/meson-logs/testlog.json)
fi
if [ "$what" = all ]; then
  step "lint"
  ended "$linter" lint || { status=1; echo "== FAILED: scripts/lint.sh"; }
  linter=
  step "requirements"
  run scripts/requirements.py --check
fi
step "done"
[ $status = 0 ] || echo "some step failed, see FAILED above"
/usr/bin/python3 scripts/count_tests.py "${logs[@]}" || status=1
exit $status
