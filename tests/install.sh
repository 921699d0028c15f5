#!/usr/bin/env bash
# Installs from Debian 12 what orctl needs to be built and run; with the word `test`, also what its tests need; with `bench`,
# also what tests/bench compares it with; with `fuzz`, also what tests/fuzz is built with; with
# `power`, also the machine of tests/power.
# ORCTL_TEST_NGINX=/path: that one is tested, and Debian's nginx is not installed.
# Does nothing, and needs no rights, when everything is there.
set -euo pipefail
packages=(g++ cmake ninja-build ccache pkg-config git ca-certificates curl
  libcli11-dev libfmt-dev nlohmann-json3-dev libcurl4-openssl-dev libgit2-dev zlib1g-dev libssl-dev libtomlplusplus-dev doctest-dev)
[ -n "${ORCTL_TEST_NGINX:-}" ] || packages+=(nginx libnginx-mod-http-lua lua-cjson)
if [ -n "${1:-}" ]; then
  [ -n "${ORCTL_TEST_NGINX:-}" ] || packages+=(libnginx-mod-stream)
  packages+=(redis-server python3 python3-jsonschema python3-h2 luajit2 lua-check strace wrk mandoc systemd logrotate util-linux iproute2 clang-format prometheus)
fi
if [ "${1:-}" = bench ]; then
  packages+=(haproxy nghttp2-client)
fi
if [ "${1:-}" = fuzz ]; then
  packages+=(clang libclang-rt-14-dev lld)
fi
if [ "${1:-}" = power ]; then
  packages+=(qemu-system-x86 busybox-static cpio kmod e2fsprogs)
fi
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null)" = "ii " ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
sudo=
if [ "$(id -u)" != 0 ]; then
  sudo=$(command -v sudo) || { echo "these packages are missing, and only root can install them: ${missing[*]}" >&2; exit 1; }
fi
echo "installing: ${missing[*]}" >&2
# nginx's package would start a server of its own on port 80, and haproxy's another; a policy that refuses that stands only
# while we install
policy=/usr/sbin/policy-rc.d
made_policy=
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
  $sudo chmod 755 $policy
  made_policy=yes
fi
trap '[ -z "$made_policy" ] || $sudo rm -f $policy' EXIT
$sudo apt-get update -q >&2
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
