#!/bin/bash
# All static checks. Usage: lint.sh [format|structure|headers|cppcheck|tidy|deep]... (default: all but deep)
#   deep   clang-tidy with the analyzer's own limit of paths in place of ours (.clang-tidy): three times as long, by hand
set -uo pipefail
cd "$(dirname "$0")/.."
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(format structure headers cppcheck tidy)
status=0
mapfile -t sources < <(git ls-files 'src/*.c' 'tests/*.c')
mapfile -t headers < <(git ls-files 'src/*.h')
fail() { echo "lint: $*"; status=1; }
build=build
[ -f $build/compile_commands.json ] || { scripts/deps.sh build lint && meson setup $build -Dwerror=true >/dev/null && ninja -C $build >/dev/null || exit 1; }

for part in "${parts[@]}"; do
  echo "-- $part"
  case $part in
  format)
    clang-format --dry-run -Werror "${sources[@]}" "${headers[@]}" 2>&1 | grep -E 'error:' | cut -d: -f1 | sort -u | sed 's/^/lint: not formatted: /' >/tmp/lint-format.$$
    [ ! -s /tmp/lint-format.$$ ] || { cat /tmp/lint-format.$$; fail "run make format"; }
    rm -f /tmp/lint-format.$$ ;;
  structure)
    scripts/structure.py || status=1 ;;
  headers) # each header compiles alone
    flags=$(pkg-config --cflags libprotobuf-c libuv openssl)
    printf '%s\n' "${headers[@]}" | xargs -P2 -I{} sh -c "gcc -std=gnu17 -D_GNU_SOURCE -Isrc -I$build/src $flags -fsyntax-only -Wall -Wextra -Werror -x c -include {} /dev/null || echo 'lint: not self-contained: {}' >&2" 2>/tmp/lint-headers.$$
    [ ! -s /tmp/lint-headers.$$ ] || { head -40 /tmp/lint-headers.$$; status=1; }
    rm -f /tmp/lint-headers.$$ ;;
  cppcheck)
    cppcheck -q -j2 --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 -D_GNU_SOURCE -Isrc \
      --suppress=missingInclude --suppress=nullPointerOutOfMemory --suppress=ctunullpointer --suppressions-list=scripts/cppcheck.txt "${sources[@]}" || fail "cppcheck" ;;
  tidy | deep)
    more=()
    [ "$part" = tidy ] || more=("--config=$(grep -v ^ExtraArgsBefore .clang-tidy)")
    printf '%s\n' "${sources[@]}" | grep -v '_test\.c$' | xargs -P2 -n4 clang-tidy -p $build --quiet "${more[@]}" 2>/tmp/lint-tidy.$$ >/tmp/lint-tidy-out.$$ || true
    if grep -qE '(error|warning):' /tmp/lint-tidy-out.$$; then
      grep -E -A3 '(error|warning):' /tmp/lint-tidy-out.$$ | head -60
      fail "clang-tidy ($part)"
    fi
    rm -f /tmp/lint-tidy.$$ /tmp/lint-tidy-out.$$ ;;
  *) echo "lint: unknown part $part" >&2; exit 2 ;;
  esac
done
[ $status = 0 ] && echo "lint: clean"
exit $status
