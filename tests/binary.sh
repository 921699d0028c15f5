#!/usr/bin/env bash
# The release binary is hardened, starts no shell, and needs nothing of its caller's environment (S17).
#   tests/binary.sh ORCTL
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
orctl=$(readlink -f "${1:?path of the release binary}")
work=$(mktemp -d "${TMPDIR:-/tmp}/orctl-binary.XXXXXX")
trap 'rm -rf "$work"' EXIT
readelf -W --file-header --program-headers --dynamic --dyn-syms "$orctl" >"$work/elf" || exit 2
n=0 bad=0
check() { # name command…
  local name=$1
  shift
  n=$((n + 1))
  if "$@" >"$work/said" 2>&1; then echo "ok $n - $name"; else echo "not ok $n - $name"; sed 's/^/# /' "$work/said"; bad=1; fi
}
elf() { grep -qE "$1" "$work/elf"; }
no_elf() { ! grep -E "$1" "$work/elf"; }
bare() { env -i "$orctl" "$@"; }

check "a position-independent executable" elf 'Type: +DYN '
check "relocations are read-only (full RELRO)" elf '\(FLAGS_1\) .*NOW'
check "… with a segment for it" elf 'GNU_RELRO'
check "no executable stack" elf 'GNU_STACK .* RW +0x'
check "no segment is writable and executable" no_elf 'LOAD .* RWE '
check "a stack protector" elf '__stack_chk_fail'
check "checked string functions (FORTIFY_SOURCE)" elf '__[a-z]+_chk@'
check "no RPATH or RUNPATH" no_elf '\((RPATH|RUNPATH)\)'
check "no text relocations" no_elf '\(TEXTREL\)'
check "no call of a shell in the binary" no_elf ' UND (system|popen|execlp|execvp|wordexp)@'
check "and none in the sources" bash -c '! grep -rnE --include="*.cc" --include="*.h" "(^|[^_a-z.>])(system|popen|wordexp)[[:space:]]*\(" lib cmd'
check "no name of a temporary file that others could guess" no_elf ' UND (tmpnam|tempnam|mktemp)@'

cat >"$work/bare.toml" <<'TOML'
kind = "Instance"
name = "dev_bare_001_8080"
[[upstream]]
name = "a"
server = [{ address = "127.0.0.1:1" }]
[[route]]
upstream = "a"
TOML
check "env -i: version" bare version
check "env -i: validate" bare validate -f "$work/bare.toml"
check "env -i: render" bare render -f "$work/bare.toml" -d "$work/out"
check "env -i: diff tells a change" bash -c 'env -i "$0" --root "$1" diff -f "$2"; [ $? = 1 ]' "$orctl" "$work/root" "$work/bare.toml"
echo "1..$n"
exit $bad
