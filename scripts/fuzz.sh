#!/bin/bash
# Runs every fuzz harness for a number of seconds with libFuzzer (clang), ASan and UBSan. Usage: fuzz.sh SECONDS [HARNESS...]
# New inputs go to build-fuzz/corpus/NAME; a finding leaves its input in build-fuzz/ and ends with status 1.
set -uo pipefail
cd "$(dirname "$0")/.."
seconds=$1
shift
scripts/deps.sh build test || exit 1
[ -f build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false \
  -Dbuildtype=debugoptimized >/dev/null || exit 1
ninja -C build-fuzz >/dev/null || { ninja -C build-fuzz; exit 1; }
failed=0
count=0
for exe in build-fuzz/tests/fuzz/fuzz_*; do
  [ -x "$exe" ] && [ -f "$exe" ] || continue
  name=$(basename "$exe")
  name=${name#fuzz_}
  [ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
  mkdir -p "build-fuzz/corpus/$name"
  printf '%-24s' "$name"
  if "$exe" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="build-fuzz/finding-$name-" \
    -print_final_stats=1 "build-fuzz/corpus/$name" "tests/fuzz/corpus/$name" >"build-fuzz/$name.log" 2>&1; then
    awk '/stat::number_of_executed_units/ {n=$2} /cov:/ {c=$0} END {sub(/.*cov: /,"",c); sub(/ .*/,"",c); printf "ok  %s runs, %s edges\n", n, c}' "build-fuzz/$name.log"
  else
    echo "FINDING, see build-fuzz/$name.log"
    failed=$((failed + 1))
  fi
  count=$((count + 1))
done
echo "$((count - failed)) passed, $failed failed"
[ $failed = 0 ]
