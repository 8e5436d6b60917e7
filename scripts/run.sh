#!/bin/bash
# make run: from a fresh clone to a running example instance with a message delivered. Stops nothing afterwards: it says how.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${IEMS_EXAMPLE_DIR:-$PWD/run/example}
base=${IEMS_EXAMPLE_PORT_BASE:-20000}
password=secret-1
scripts/deps.sh build run test
[ -f build/build.ninja ] || { echo "== configuring"; meson setup build -Dwerror=true >/dev/null; }
echo "== building"
ninja -C build | tail -1
iems=$PWD/build/src/cli/iems
export IEMS_DIR=$dir
if [ ! -e "$dir/iems.conf" ]; then
  echo "== making an instance in $dir"
  "$iems" init "$dir" --hostname mail.example.test --domain example.test --port-base "$base" >/dev/null
fi
if ! "$iems" status "$dir" >/dev/null 2>&1; then
  echo "== starting it"
  "$iems" start "$dir"
fi
for user in bart lisa; do
  "$iems" user show "$user@example.test" >/dev/null 2>&1 ||
    printf '%s\n' "$password" | "$iems" user add "$user@example.test" --password-stdin
done
echo "== sending a message from lisa to bart by submission with STARTTLS, reading it by IMAPS"
/usr/bin/python3 scripts/run_message.py "$base" "$password"
"$iems" status "$dir"
cat <<END

The instance runs. Accounts: bart@example.test and lisa@example.test, password $password

  IMAP        127.0.0.1 port $((base + 143)) (STARTTLS) or $((base + 993)) (TLS)
  POP3        127.0.0.1 port $((base + 110)) (STLS) or $((base + 995)) (TLS)
  Submission  127.0.0.1 port $((base + 587)) (STARTTLS) or $((base + 465)) (TLS)
  SMTP        127.0.0.1 port $((base + 25)), LMTP $((base + 24)), LDAP $((base + 389))
  Browser     http://127.0.0.1:$((base + 9090))/metrics (measurements; /healthz for health)

The certificate is self-signed: a mail client asks once whether to trust it. Try:
  curl --insecure -u bart@example.test:$password imaps://127.0.0.1:$((base + 993))/INBOX -X 'FETCH 1:* (ENVELOPE)'
  export IEMS_DIR=$dir
  build/src/cli/iems status        build/src/cli/iems trace bart@example.test        build/src/cli/iems help
Stop it with: build/src/cli/iems stop $dir
END
