#!/usr/bin/env bash
# Installs what the tests need on a bare Debian 12, builds with the sanitizers, and runs every test.
# The last line is `N passed, N failed, N skipped`; exit 0 when nothing failed. Before it stands what each part took.
#   tests/run.sh            all
#   tests/run.sh unit cli   only these parts: lib layers docs schema render lua cli toys quickstart binary fault unit gateway systemd security fuzz
#   tests/run.sh power      only when asked for: four power cuts of a virtual machine (tests/power/run.sh)
#   ORCTL_TEST_NGINX=/path/nginx tests/run.sh …   on that nginx or OpenResty instead of the one that is found here
# Three tests run side by side, as most of them wait most of the time; what is built meanwhile stands back for them (nice). The compiler's
# cache is ccache's own, outside of this checkout.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
parts=${*:-lib layers docs schema render lua cli toys quickstart binary fault unit gateway systemd security fuzz}
for part in $parts; do
  [[ " lib layers docs schema render lua cli toys quickstart binary fault unit gateway systemd security fuzz power " == *" $part "* ]] ||
    { echo "no such part: $part" >&2; exit 2; }
done
wanted() { [[ " $parts " =~ \ ($1)\  ]]; }
tests/install.sh test || exit 1
if wanted fuzz; then tests/install.sh fuzz || exit 1; fi
logs=$(mktemp -d "${TMPDIR:-/tmp}/orctl-tests.XXXXXX")
passed=0 failed=0 skipped=0 failures=()
asan=$PWD/build/asan/orctl
release=$PWD/build/release/orctl
if [ -n "${ORCTL_TEST_NGINX:-}" ]; then
  # orctl takes the first openresty on PATH
  mkdir "$logs/bin"
  chmod 755 "$logs"
  ln -s "$(readlink -f "$ORCTL_TEST_NGINX")" "$logs/bin/openresty"
  ln -s "$(readlink -f "$ORCTL_TEST_NGINX")" "$logs/bin/nginx"
  export PATH=$logs/bin:$PATH
fi
# which calls the fault tests hit: others with every commit (tests/fault/points.py)
export ORCTL_TEST_OFFSET=${ORCTL_TEST_OFFSET:-$(git rev-list --count HEAD 2>/dev/null || echo 0)}
echo "the points of faults are those at offset $ORCTL_TEST_OFFSET (ORCTL_TEST_OFFSET=$ORCTL_TEST_OFFSET takes them again)"

# Counts what one test program printed: doctest, unittest, TAP or "N passed, N failed[, N skipped]".
count() {
  awk '
    /^\[doctest\] test cases:/ { gsub(/\|/, " "); for (i = 1; i <= NF; i++) { if ($i == "passed") p += $(i-1); if ($i == "failed") f += $(i-1); if ($i == "skipped") s += $(i-1) } }
    /^Ran [0-9]+ tests? in/ { ran = $2 }
    /^(OK|FAILED)( |$)/ { bad = 0; skip = 0; t = $0; gsub(/[(),]/, " ", t); n = split(t, w, " ")
      for (i = 1; i <= n; i++) { split(w[i], kv, "="); if (kv[1] == "failures" || kv[1] == "errors") bad += kv[2]; if (kv[1] == "skipped") skip += kv[2] }
      if (ran > bad + skip) p += ran - bad - skip; f += bad; s += skip; ran = 0 }
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
tell() { # name log status seconds cpu
  local name=$1 log=$2 status=$3 p f s
  read -r p f s <<<"$(count "$log")"
  if [ $((p + f + s)) = 0 ]; then [ "$status" = 0 ] && p=1 || f=1; fi
  if [ "$status" != 0 ] && [ "$f" = 0 ]; then f=1; fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  printf '%-34s %4d passed %3d failed %3d skipped %4d s %6.1f s of a core\n' "$name" "$p" "$f" "$s" "$4" "$5"
  if [ "$f" != 0 ]; then
    failures+=("$name")
    cp "$log" "$logs/failed.${#failures[@]}"
  fi
}

# -- jobs: in the order of the queue, each waits for what it needs: a build, or nothing (-)
names=() needs=() commands=()
queue() { # need name command…
  needs+=("$1") names+=("$2")
  shift 2
  commands+=("$(printf '%q ' "$@")")
}

# The test files of a folder, those named before the others: what runs longest must not begin last.
queue_files() { # part first…
  local part=$1 file queued=" "
  shift
  for file in "${@/#/tests/$part/}" tests/"$part"/*_test.py; do
    [[ $queued == *" $file "* ]] || queue release "$part $(basename "$file" _test.py)" env ORCTL="$release" /usr/bin/python3 "$file"
    queued+="$file "
  done
}

# One process of ours in a group of its own, with what it took in a file beside its log. None outlives us.
declare -A running=() begun=()
set -m
end() {
  for pid in "${!running[@]}"; do kill -INT -- "-$pid" 2>/dev/null; done
  wait
  rm -rf "$logs"
}
trap end EXIT
trap 'exit 130' INT TERM
start() { # name command…
  local name=$1
  shift
  {
    log=$logs/$BASHPID
    "$@" >"$log" 2>&1 </dev/null
    status=$?
    times >"$log.times"
    exit $status
  } &
  running[$!]=$name begun[$!]=$SECONDS
}

builds=() built=" - " broken=
# Two processes each; while tests run they get what these leave.
build() { # what
  local preset=${1%-all} targets=()
  case $1 in asan) targets=(--target orctl) ;; release) targets=(--target orctl toy_policy toy_kind) ;; esac
  nice -n 19 cmake --preset "$preset" && nice -n 19 cmake --build --preset "$preset" "${targets[@]}"
}
next_build() {
  [ ${#builds[@]} = 0 ] || start "build ${builds[0]}" build "${builds[0]}"
}

# Waits for one process of ours to end, and takes what it says.
declare -A wall=() cores=()
finish_one() {
  local pid status=0 name part seconds cpu
  wait -n -p pid "${!running[@]}" || status=$?
  name=${running[$pid]} part=${running[$pid]%% *} seconds=$((SECONDS - begun[$pid]))
  unset "running[$pid]"
  cpu=$(awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, /[ms]/); s += t[1] * 60 + t[2] } print s }' "$logs/$pid.times" 2>/dev/null)
  wall[$part]=$((${wall[$part]:-0} + seconds)) cores[$part]=$(awk "BEGIN { print ${cores[$part]:-0} + ${cpu:-0} }")
  if [ "$part" != build ]; then
    tell "$name" "$logs/$pid" $status "$seconds" "${cpu:-0}"
    busy=$((busy - 1))
    return
  fi
  printf '%-34s %39d s %6.1f s of a core\n' "$name" "$seconds" "${cpu:-0}"
  if [ $status != 0 ]; then
    names=() broken=$logs/$pid
    return
  fi
  built+="${name#build } " builds=("${builds[@]:1}")
  next_build
}

# Starts the first job whose need is there; false when there is none.
busy=0
start_one() {
  local i
  for i in "${!names[@]}"; do
    if [[ $built == *" ${needs[i]} "* ]]; then
      eval "start $(printf %q "${names[i]}") ${commands[i]}"
      unset "names[$i]"
      busy=$((busy + 1))
      return 0
    fi
  done
  return 1
}

wanted 'toys|quickstart|binary|fault|gateway|systemd|security|power' && builds+=(release)
wanted 'docs|schema|render|cli|unit' && builds+=(asan)
wanted unit && builds+=(asan-all)
wanted fuzz && builds+=(fuzz)
# -- the queue: what takes longest first
wanted layers && queue - layers tests/layers.sh
wanted lib && queue - lib /usr/bin/python3 tests/lib/lib_test.py
wanted cli && queue - "cli runner" /usr/bin/python3 tests/cli/run_txtar_test.py
wanted lua && queue - lua sh tests/lua/run.sh
wanted fault && queue_files fault kill_test.py errno_test.py signal_test.py upgrade_test.py
wanted systemd && queue_files systemd confirm_test.py
if wanted cli; then
  for n in 1 2 3 4 5 6; do queue asan "cli $n/6" /usr/bin/python3 tests/cli/run_txtar.py --orctl "$asan" --part $n/6; done
fi
wanted gateway && queue_files gateway health_test.py update_test.py
wanted security && queue_files security
for toy in policy kind; do
  wanted toys && queue release "toys $toy" /usr/bin/python3 tests/cli/run_txtar.py --orctl build/release/toy_$toy tests/toys/$toy.txtar
done
wanted quickstart && queue release quickstart examples/quickstart.sh
wanted render && queue asan render /usr/bin/python3 tests/render/run.py --orctl "$asan"
wanted schema && queue asan schema /usr/bin/python3 tests/schema/run.py --orctl "$asan"
wanted docs && queue asan docs tests/docs.sh "$asan"
if wanted unit; then
  for layer in render $(basename -a tests/unit/*_test.cc | cut -d_ -f1 | sort -u | grep -v render); do queue asan-all "unit $layer" "build/asan/unit_$layer"; done
fi
if wanted fuzz; then
  queue - "fuzz lua" env BUILT=1 SECONDS_EACH=5 tests/fuzz/run.sh 20000 lua
  for target in $(basename -s .cc tests/fuzz/*.cc); do queue fuzz "fuzz $target" env BUILT=1 SECONDS_EACH=5 tests/fuzz/run.sh 20000 "$target"; done
fi
wanted binary && queue release binary tests/binary.sh "$release"
work() {
  while :; do
    if [ $busy -lt 3 ] && start_one; then continue; fi
    [ ${#running[@]} -gt 0 ] || break
    finish_one
  done
}
next_build
work
# it counts on its pace, so nothing runs beside it
if wanted power && [ -z "$broken" ]; then
  queue release power env ORCTL="$release" tests/power/run.sh 4
  work
fi

if [ -n "$broken" ]; then
  tail -60 "$broken"
  echo "the build failed"
  exit 1
fi
for i in "${!failures[@]}"; do
  echo "failed: ${failures[i]}"
  why "$logs/failed.$((i + 1))" | sed 's/^/    /'
done
printf '\n%-12s %8s %8s\n' part minutes "of a core"
for part in build $parts; do
  [ -z "${wall[$part]:-}" ] || awk -v part="$part" -v wall="${wall[$part]}" -v cpu="${cores[$part]}" 'BEGIN { printf "%-12s %8.1f %8.1f\n", part, wall / 60, cpu / 60 }'
done
awk -v all=$SECONDS 'BEGIN { printf "%-12s %8.1f\n\n", "in all", all / 60 }'
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
