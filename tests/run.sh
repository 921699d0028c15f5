#!/usr/bin/env bash
# Installs what the tests need on a bare Debian 12, builds with the sanitizers, and runs every test.
# The last line is `N passed, N failed, N skipped`; exit 0 when nothing failed.
#   tests/run.sh            all
#   tests/run.sh unit cli   only these parts: layers docs schema render lua cli quickstart binary fault unit gateway systemd security fuzz
#   tests/run.sh power      only when asked for: four power cuts of a virtual machine (tests/power/run.sh)
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
parts=${*:-layers docs schema render lua cli quickstart binary fault unit gateway systemd security fuzz}
tests/install.sh test || exit 1
export CCACHE_DIR=${CCACHE_DIR:-$PWD/build/ccache}
logs=$(mktemp -d "${TMPDIR:-/tmp}/orctl-tests.XXXXXX")
trap 'rm -rf "$logs"' EXIT
passed=0 failed=0 skipped=0 failures=()

build() { # preset target…
  cmake --preset "$1" >"$logs/cmake" 2>&1 || { cat "$logs/cmake"; exit 1; }
  cmake --build --preset "$1" ${2:+--target "${@:2}"} >"$logs/build" 2>&1 || { tail -60 "$logs/build"; echo "the build failed"; exit 1; }
}

# Counts what one test program printed: doctest, unittest, TAP or "N passed, N failed[, N skipped]".
count() {
  awk '
    /^\[doctest\] test cases:/ { gsub(/\|/, " "); for (i = 1; i <= NF; i++) { if ($i == "passed") p += $(i-1); if ($i == "failed") f += $(i-1); if ($i == "skipped") s += $(i-1) } }
    /^Ran [0-9]+ tests? in/ { ran = $2 }
    /^(OK|FAILED)( |$)/ { bad = 0; skip = 0; t = $0; gsub(/[(),]/, " ", t); n = split(t, w, " ")
      for (i = 1; i <= n; i++) { split(w[i], kv, "="); if (kv[1] == "failures" || kv[1] == "errors") bad += kv[2]; if (kv[1] == "skipped") skip += kv[2] }
      p += ran - bad - skip; f += bad; s += skip; ran = 0 }
    /^ok [0-9]+/ { if ($0 ~ /# [Ss][Kk][Ii][Pp]/) s++; else p++ }
    /^not ok [0-9]+/ { f++ }
    /^[0-9]+ passed, [0-9]+ failed/ { p += $1; f += $3; if (NF >= 5) s += $5; plain = 1; pp = $1; pf = $3; ps = (NF >= 5 ? $5 : 0) }
    END { if (plain) { p = pp; f = pf; s = ps } print p + 0, f + 0, s + 0 }' "$1"
}

# What a log says of the failures: of TAP only the tests that failed, of others the end.
why() { # log
  if grep -q '^not ok ' "$1"; then awk '/^(not )?ok /{ bad = /^not/ } bad' "$1" | head -150; else tail -80 "$1"; fi
}

# Adds what a test program that has ended counted; one that counts nothing but its exit code is one test.
tell() { # name log status seconds
  local name=$1 log=$2 status=$3 p f s
  read -r p f s <<<"$(count "$log")"
  if [ $((p + f + s)) = 0 ]; then [ "$status" = 0 ] && p=1 || f=1; fi
  if [ "$status" != 0 ] && [ "$f" = 0 ]; then f=1; fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  printf '%-34s %4d passed %3d failed %3d skipped %4d s\n' "$name" "$p" "$f" "$s" "$4"
  if [ "$f" != 0 ]; then
    failures+=("$name")
    cp "$log" "$logs/failed.${#failures[@]}"
  fi
}

# Runs test programs side by side, two at once: most of them wait most of the time. `queue` adds one, `drain` waits for all.
declare -A running=() begun=()
finish_one() {
  local pid status=0 name
  wait -n -p pid "${!running[@]}" || status=$?
  name=${running[$pid]}
  unset "running[$pid]"
  tell "$name" "$logs/$pid" $status $((SECONDS - begun[$pid]))
}
queue() { # name command…
  local name=$1
  shift
  while [ ${#running[@]} -ge 2 ]; do finish_one; done
  { exec "$@" >"$logs/$BASHPID" 2>&1 </dev/null; } &
  running[$!]=$name begun[$!]=$SECONDS
}
drain() { while [ ${#running[@]} -gt 0 ]; do finish_one; done; }

# Runs one test program, alone.
run() { # name command…
  local name=$1 status=0 start
  shift
  drain
  start=$SECONDS
  "$@" >"$logs/log" 2>&1 </dev/null || status=$?
  tell "$name" "$logs/log" $status $((SECONDS - start))
}

# Queues every test file of a folder, those named before the others: what runs longest must not begin last.
queue_files() { # part first…
  local part=$1 file
  shift
  for file in "${@/#/tests/$part/}" tests/"$part"/*_test.py; do
    [[ " ${queued:-} " == *" $file "* ]] || queue "$part $(basename "$file" _test.py)" env ORCTL="$release" /usr/bin/python3 "$file"
    queued="${queued:-} $file"
  done
}

asan=$PWD/build/asan/orctl
release=$PWD/build/release/orctl
build asan
[[ " $parts " =~ \ (quickstart|binary|fault|systemd|security|power)\  ]] && build release orctl
for part in $parts; do
  case $part in
    unit) for program in build/asan/unit_*; do [ -x "$program" ] && [ -f "$program" ] && queue "unit ${program##*unit_}" "$program"; done ;;
    layers) run layers tests/layers.sh ;;
    docs) run docs tests/docs.sh "$asan" ;;
    schema) run schema /usr/bin/python3 tests/schema/run.py --orctl "$asan" ;;
    render) run render /usr/bin/python3 tests/render/run.py --orctl "$asan" ;;
    lua) run lua sh tests/lua/run.sh ;;
    cli)
      run "cli runner" /usr/bin/python3 tests/cli/run_txtar_test.py
      run cli /usr/bin/python3 tests/cli/run_txtar.py --orctl "$asan" -j 2
      ;;
    quickstart) run quickstart examples/quickstart.sh ;;
    binary) run binary tests/binary.sh "$release" ;;
    fault) queue_files fault kill_test.py ;;
    gateway | systemd | security) queue_files "$part" ;;
    fuzz) run fuzz env SECONDS_EACH=5 tests/fuzz/run.sh 20000 ;;
    power) run power env ORCTL="$release" tests/power/run.sh 4 ;;
    *) echo "no such part: $part" >&2; exit 2 ;;
  esac
done
drain
for i in "${!failures[@]}"; do
  echo "failed: ${failures[i]}"
  why "$logs/failed.$((i + 1))" | sed 's/^/    /'
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
