#!/bin/bash
# make load: what must hold under load, with whole instances; at most 5 minutes. Arguments go to load.py.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/deps.sh build run test
mkdir -p build-bench
[ -f build-bench/build.ninja ] || meson setup build-bench -Dbuildtype=release -Db_ndebug=false >/dev/null
ninja -C build-bench >/dev/null
gcc -O2 -Wall -Wextra -D_GNU_SOURCE -o build-bench/load tests/bench/load.c -lpthread
export IEMS_BUILD=$PWD/build-bench IEMS_LOAD=$PWD/build-bench/load PYTHONPATH=$PWD/tests/lib:$PWD/tests/bench PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 tests/load/load.py "$@"
