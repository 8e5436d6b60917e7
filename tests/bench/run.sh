#!/bin/bash
# make bench: installs the peers, builds the load generator, measures. Arguments go to bench.py.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/deps.sh build run bench
mkdir -p build-bench
[ -f build-bench/build.ninja ] || meson setup build-bench -Dbuildtype=release -Db_ndebug=false >/dev/null
ninja -C build-bench >/dev/null
gcc -O2 -Wall -Wextra -D_GNU_SOURCE -o build-bench/load tests/bench/load.c -lpthread
gcc -O2 -Wall -Wextra -D_GNU_SOURCE -o build-bench/tls_peer tests/bench/tls_peer.c -lssl -lcrypto -lpthread
export IEMS_TLS_PEER=$PWD/build-bench/tls_peer
export IEMS_BUILD=$PWD/build-bench IEMS_LOAD=$PWD/build-bench/load PYTHONPATH=$PWD/tests/lib PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 tests/bench/bench.py "$@"
