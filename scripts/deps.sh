#!/bin/bash
# Installs the Debian packages of scripts/packages.txt that are missing. Usage: deps.sh [SET...] (default: all but bench).
# Packages that bring a service (slapd, postfix, dovecot) are kept from starting it.
set -euo pipefail
cd "$(dirname "$0")/.."
sets=("$@")
[ ${#sets[@]} -gt 0 ] || sets=(build run lint test)
missing=()
while read -r set package; do
  [[ " ${sets[*]} " == *" $set "* ]] || continue
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done < <(grep -v '^#' scripts/packages.txt)
[ ${#missing[@]} -gt 0 ] || exit 0
sudo=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "deps: not root and no sudo; install by hand: ${missing[*]}" >&2; exit 1; }
  sudo=sudo
fi
echo "== installing ${#missing[@]} packages: ${missing[*]}"
guard=/usr/sbin/policy-rc.d
made_guard=
if [ ! -e $guard ]; then
  printf '#!/bin/sh\nexit 101\n' | $sudo tee $guard >/dev/null
  $sudo chmod +x $guard
  made_guard=1
fi
cleanup() { [ -z "$made_guard" ] || $sudo rm -f $guard; }
trap cleanup EXIT
$sudo apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
# What was brought in for us alone shall not start at the next boot either.
if command -v systemctl >/dev/null; then
  for package in "${missing[@]}"; do
    case $package in
    slapd | knot | fetchmail | postfix) $sudo systemctl disable "$package" >/dev/null 2>&1 || true ;;
    dovecot-*) $sudo systemctl disable dovecot >/dev/null 2>&1 || true ;;
    esac
  done
fi
echo "== packages are there"
