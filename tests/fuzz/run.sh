#!/usr/bin/env bash
# Builds the fuzz targets of this folder and runs each: first its corpus, then mutations of it. Two run at once. Prints a line for
# each target; exit 1 when one found something, whose input is then in build/fuzz/found. The last line is `N passed, N failed`.
#   tests/fuzz/run.sh                          a million executions of each, C++ and Lua
#   tests/fuzz/run.sh 20000                    so many; what CI does (SECONDS_EACH=5 ends a target after so long, BUILT=1 builds nothing)
#   tests/fuzz/run.sh 1000000 name fleet       only these targets
#   tests/fuzz/run.sh keep name                takes what was found worth keeping into the corpus, minimized
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
runs=${1:-1000000}
shift $(($# > 0))
seconds=${SECONDS_EACH:-0}
logs=$(mktemp -d "${TMPDIR:-/tmp}/orctl-fuzz.XXXXXX")
trap 'rm -rf "$logs"' EXIT
log=$logs/build
if [ -z "${BUILT:-}" ]; then
  tests/install.sh fuzz || exit 1
  { cmake --preset fuzz && cmake --build --preset fuzz; } >"$log" 2>&1 || { tail -60 "$log"; echo "the build failed"; exit 1; }
fi
[ $# -gt 0 ] || set -- $(for file in tests/fuzz/*.cc; do basename "$file" .cc; done) lua
mkdir -p build/fuzz/found build/fuzz/dict
passed=0 failed=0

# Words that lead a target further than chance, taken from where they are defined.
dictionary() { # target
  local words=build/fuzz/dict/$1
  case $1 in
    manifest_* | fleet | edit_servers) grep -ohE '"[a-z_0-9]{2,24}"' schemas/instance.json schemas/fleet.json ;;
    config) grep -ohE '"[a-z_0-9]{2,24}"' schemas/config.json ;;
    host_balancer) grep -ohE '"[a-z_0-9]{2,24}"' schemas/host_balancer.json ;;
    gateway_answer) grep -ohE '"[a-z_0-9]{2,24}"' schemas/answers.json lib/gateway/gateway.cc lib/answer/*.cc ;;
    command_line) grep -ohE '(^|[ \[])--?[a-z][a-z-]*' completions/orctl.bash | grep -oE '\-.*' | sed 's/.*/"&"/' ;;
    nginx_config) printf '"%s"\n' content_by_lua_block '${' '--[[' ']]' '[==[' ']==]' load_module include 'http {' 'server {' ;;
    metrics) printf '"%s"\n' openresty_upstream_ _bucket requests_total le= +Inf peer= upstream= 1e999 ;;
  esac | sort -u >"$words"
  [ -s "$words" ] && echo "-dict=$words"
}

tell() { # target executions seconds coverage findings
  printf '%-18s %9s executions %6s s   coverage %-6s %s finding(s)\n' "$@"
}

# One target; as it runs beside another, what it prints stands in $logs/TARGET.said.
fuzz() { # target
  local found=build/fuzz/corpus/$1 status=0 start=$SECONDS longest log=$logs/$1
  mkdir -p "$found"
  case $1 in name | words | server_path | command_line) longest=512 ;; *) longest=2048 ;; esac
  "build/fuzz/fuzz_$1" $(dictionary "$1") -runs="$runs" -max_total_time="$seconds" -max_len=$longest -timeout=10 \
    -print_final_stats=1 -artifact_prefix="build/fuzz/found/$1-" "$found" "tests/fuzz/corpus/$1" >"$log" 2>&1 || status=$?
  tell "$1" "$(awk '/number_of_executed_units/ { print $2 }' "$log")" $((SECONDS - start)) \
    "$(grep -aoE 'cov: [0-9]+' "$log" | tail -1 | cut -c6-)" $((status != 0))
  [ $status = 0 ] || grep -aE 'ERROR|SUMMARY|does not hold|what\(\)|runtime error|#[0-9]+ .* in orctl|Test unit written' "$log" | head -30
  return $status
}

finish_one() {
  local pid status=0
  wait -n -p pid "${!running[@]}" || status=$?
  cat "$logs/${running[$pid]}.said"
  unset "running[$pid]"
  if [ $status = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

declare -A running=()

for target in "$@"; do
  if [ "$runs" = keep ]; then
    "build/fuzz/fuzz_$target" -merge=1 -max_len=4096 "tests/fuzz/corpus/$target" "build/fuzz/corpus/$target" 2>&1 | tail -1
  elif [ "$target" = lua ]; then
    while [ ${#running[@]} -gt 0 ]; do finish_one; done
    if luajit tests/fuzz/lua_mutate.lua "$runs" "$seconds"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  else
    while [ ${#running[@]} -ge 2 ]; do finish_one; done
    fuzz "$target" >"$logs/$target.said" 2>&1 &
    running[$!]=$target
  fi
done
while [ ${#running[@]} -gt 0 ]; do finish_one; done
[ "$runs" = keep ] || echo "$passed passed, $failed failed"
[ $failed = 0 ]
