#!/bin/bash
# make interop: mail to and from Postfix, Exim and OpenSMTPD of Debian. By hand and as root: Postfix is installed, the other
# two, which would push it out, are unpacked into build-interop/; they get their users, OpenSMTPD its spool /var/spool/smtpd.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "make interop needs root: the other mail servers do" >&2; exit 1; }
scripts/deps.sh build run test bench
into=$PWD/build-interop
if [ ! -x "$into/usr/sbin/exim4" ]; then
  mkdir -p "$into"
  (cd "$into" && apt-get -qq download exim4-daemon-light exim4-base opensmtpd && for f in ./*.deb; do dpkg -x "$f" .; done)
  apt-get -qq install -y --no-install-recommends libgnutls-dane0 libpcre2-8-0 libidn12 libevent-2.1-7 >/dev/null
fi
for user in opensmtpd opensmtpq Debian-exim; do
  id "$user" >/dev/null 2>&1 || useradd --badname --system --no-create-home --shell /usr/sbin/nologin "$user"
done
dpkg-query -W -f='${Status}' opensmtpd 2>/dev/null | grep -q 'ok installed' && { echo "OpenSMTPD is installed here: its spool is not ours to use" >&2; exit 1; }
rm -rf /var/spool/smtpd
mkdir -p /var/lib/opensmtpd/empty
chmod 711 /var/lib/opensmtpd/empty
export IEMS_BUILD=${IEMS_BUILD:-$PWD/build} IEMS_INTEROP=$into PYTHONPATH=$PWD/tests/lib PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 tests/interop/interop.py "$@"
