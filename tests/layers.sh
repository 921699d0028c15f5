#!/usr/bin/env bash
# Who may include whom, and what may appear only in its one home. Prints FILE:LINE: what is wrong, and
# exits 1 when there is anything.
#   tests/layers.sh               the sources
#   tests/layers.sh --self-test   proves on a planted copy that each kind of violation is found
set -uo pipefail
top=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
cd "${LAYERS_TOP:-$top}" || exit 2

declare -A allowed=(
  [base]="base" [sys]="sys base" [model]="model base" [kind]="kind model base" [nginx]="nginx base" [plan]="plan kind model base"
  [render]="render kind model nginx base" [import]="import model base"
  [store]="store render plan kind model sys base" [manifest]="manifest store render plan kind model nginx sys base"
  [host]="host manifest render kind model nginx sys base"
  [gateway]="gateway store render kind model sys base" [live]="live gateway host store render plan kind model sys base"
  [answer]="answer live gateway host store render plan kind model sys base"
  [change]="change live gateway host manifest store render plan kind model sys base" [cli]="cli answer plan kind model base"
)
faults=0
fault() { printf '%s\n' "$1"; faults=$((faults + 1)); }

check_includes() {
  local layer file line header from
  for layer in "${!allowed[@]}"; do
    while IFS=: read -r file line header; do
      from=${header%%/*}
      case " ${allowed[$layer]} " in *" $from "*) continue ;; esac
      [ "$layer" = cli ] && [ "$header" = sys/world.h ] && continue
      fault "$file:$line: $layer includes $header; it may include ${allowed[$layer]}"
    done < <(grep -rnoE --include=*.h --include=*.cc '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]+"' "lib/$layer" 2>/dev/null | sed -E 's/:[[:space:]]*#[^"]*"([^"]+)"/:\1/')
  done
}

# Commands include no other command, only what lies in cmd/shared/ for all of them; no command is made of that.
check_commands() {
  local file line header found
  for file in cmd/*.h; do
    [ -e "$file" ] && fault "$file:1: what several commands have in common belongs into cmd/shared/"
  done
  while IFS=: read -r file line header; do
    case $header in *..*) ;; shared/*) [ -e "cmd/$header" ] && continue ;; */*) [ -e "lib/$header" ] && continue ;; esac
    fault "$file:$line: a command includes $header, which is neither of cmd/shared/ nor of a layer"
  done < <(grep -rnoE --include=*.h --include=*.cc '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]+"' cmd | sed -E 's/:[[:space:]]*#[^"]*"([^"]+)"/:\1/')
  while IFS= read -r found; do
    fault "$(cut -d: -f1,2 <<<"$found"): a command belongs into a file of its own in cmd/"
  done < <(code_lines '^Command [[:alnum:]_]+_command\(\)' cmd/shared)
}

# Lines of code that match, as FILE:LINE:text; comments and what stands in quotes do not count.
code_lines() { # regex path…
  local regex=$1
  shift
  grep -rnE --include=*.h --include=*.cc "$regex" "$@" 2>/dev/null | awk -v regex="$regex" '{
    match($0, /^[^:]*:[0-9]+:/); place = substr($0, 1, RLENGTH); code = substr($0, RLENGTH + 1)
    if (code !~ /#[ \t]*include/) { gsub(/\\"/, "", code); gsub(/"[^"]*"/, "\"\"", code); sub(/\/\/.*/, "", code) }
    if (code ~ regex) print place code }'
}

only_in() { # regex home… : may appear below these paths only
  local regex=$1 what=$2 found home place inside
  shift 2
  while IFS= read -r found; do
    place=${found%%:*} inside=no
    for home in "$@"; do case $place in "$home"*) inside=yes ;; esac; done
    [ $inside = yes ] || fault "$(cut -d: -f1,2 <<<"$found"): $what belongs into ${*:-no file}"
  done < <(code_lines "$regex" lib cmd)
}

check_homes() {
  only_in '<CLI/' 'CLI11' lib/cli/
  only_in '<curl/' 'libcurl' lib/sys/
  only_in '<git2' 'libgit2' lib/sys/
  only_in '<zlib' 'zlib' lib/sys/
  only_in '<openssl/' 'OpenSSL' lib/model/
  only_in '<nlohmann/' 'nlohmann/json' lib/model/
  only_in '<toml\+\+/' 'toml++' lib/model/
  only_in '<filesystem>|std::filesystem' 'filesystem' lib/sys/
  only_in '<fstream>|ifstream|ofstream' 'a file stream' lib/sys/
  only_in '(^|[^_[:alnum:]])(fork|vfork|posix_spawnp?|execvp?e?|execl[pe]?)[[:space:]]*\(' 'starting a process' lib/sys/
  only_in '(^|[^_[:alnum:]])(secure_)?getenv[[:space:]]*\(' 'getenv' lib/sys/
  only_in '(^|[^_.>[:alnum:]])(std::)?system[[:space:]]*\(|(^|[^_[:alnum:]])popen[[:space:]]*\(' 'a shell'
  # world.clock.now() is the way to ask
  only_in '(_clock|Clock)::now[[:space:]]*\(|(^|[^_.>[:alnum:]])(clock_gettime|gettimeofday|time)[[:space:]]*\((NULL|nullptr|0|CLOCK)' 'the time' lib/sys/
  only_in '<(sys/(socket|stat|file|wait|un|mman|syscall)|fcntl|unistd|spawn|dirent|poll)\.h>' 'posix' lib/sys/
  # answers are made as data, and commands print them
  only_in '\.set[[:space:]]*\(' 'an item' lib/
  # guards are below the commands
  only_in 'env\.(user|is_root|uid|confirm)[[:space:]]*\(' 'who calls, and asking him,' lib/ cmd/shared/
  only_in 'Env(\(\)|\{\})\.(user|is_root|uid|confirm)[[:space:]]*\(' 'who calls, and asking him,' lib/sys/
}

self_test() {
  local work report failed=0 passed=0
  work=$(mktemp -d) || exit 2
  cp -r lib cmd "$work/"
  plant() { # file line-of-code words-in-the-report
    printf '%s\n' "$2" >>"$work/$1"
    report=$(LAYERS_TOP=$work "$top/tests/layers.sh")
    if [ $? = 1 ] && grep -qF "$1:$(wc -l <"$work/$1"): " <<<"$report" && grep -qF "$3" <<<"$report"; then passed=$((passed + 1))
    else failed=$((failed + 1)); printf 'not found: %s in %s\n%s\n' "$2" "$1" "$report"; fi
    cp "$1" "$work/$1"
  }
  plant lib/model/name.cc '#include "sys/world.h"' 'model includes sys/world.h'
  plant lib/model/name.cc '#include "kind/kind.h"' 'model includes kind/kind.h'
  plant lib/kind/instance/instance.cc '#include "render/render.h"' 'kind includes render/render.h'
  plant lib/nginx/lint.cc '  #  include  "model/value.h"' 'nginx includes model/value.h'
  plant lib/plan/plan.cc '#include "change/apply.h"' 'plan includes change/apply.h'
  plant lib/base/text.cc '#include "model/value.h"' 'base includes model/value.h'
  plant lib/import/host_balancer.cc '#include "render/render.h"' 'import includes render/render.h'
  plant lib/render/unit.cc '#include "sys/world.h"' 'render includes sys/world.h'
  plant lib/cli/io.cc '#include "sys/fault.h"' 'cli includes sys/fault.h'
  plant lib/cli/io.cc '#include "manifest/load.h"' 'cli includes manifest/load.h'
  plant lib/manifest/load.cc '#include "cli/io.h"' 'manifest includes cli/io.h'
  plant lib/answer/status.cc '#include "cli/io.h"' 'answer includes cli/io.h'
  plant lib/answer/status.cc '#include "change/apply.h"' 'answer includes change/apply.h'
  plant cmd/apply.cc '#include <CLI/CLI.hpp>' CLI11
  plant cmd/apply.cc '#include "diff.h"' 'includes diff.h'
  plant cmd/apply.cc '#include "../lib/plan/plan.h"' 'includes ../lib/plan/plan.h'
  plant cmd/shared/change.cc '#include "apply.cc"' 'includes apply.cc'
  plant cmd/shared/change.cc '#include <unistd.h>' posix
  plant cmd/shared/change.cc 'Command change_command() { return {}; }' 'a file of its own in cmd/'
  plant lib/change/held.cc '#include "shared/change.h"' 'change includes shared/change.h'
  plant lib/change/held.cc '#include "cli/io.h"' 'change includes cli/io.h'
  plant lib/gateway/gateway.cc '#include <curl/curl.h>' libcurl
  plant lib/store/history.cc '#include <git2.h>' libgit2
  plant lib/store/history.cc '#include <openssl/x509.h>' OpenSSL
  plant lib/plan/json.cc '#include <nlohmann/json.hpp>' nlohmann
  plant lib/manifest/load.cc '#include <toml++/toml.h>' toml++
  plant cmd/render.cc '#include <filesystem>' filesystem
  plant cmd/render.cc 'int x = fork();' 'starting a process'
  plant lib/host/supervisor.cc 'auto r = posix_spawn(a);' 'starting a process'
  plant lib/host/target.cc 'auto p = std::getenv("PATH");' getenv
  plant lib/sys/proc.cc 'int r = system("id");' 'a shell'
  plant lib/sys/proc.cc 'auto f = popen("id", "r");' 'a shell'
  plant lib/live/verify.cc 'auto t = std::chrono::steady_clock::now();' 'the time'
  plant lib/plan/plan.cc 'auto t = time(nullptr);' 'the time'
  plant cmd/apply.cc '#include <unistd.h>' posix
  plant cmd/shared/change.cc 'item.set("a", 1);' 'an item'
  plant cmd/delete.cc 'bool x = world.env.confirm("?");' 'who calls'
  plant lib/cli/run.cc 'auto who = Env{}.user();' 'who calls'
  rm -rf "$work"
  echo "$passed passed, $failed failed, 0 skipped"
  [ $failed = 0 ]
}

if [ "${1:-}" = --self-test ]; then
  self_test
  exit
fi
check_includes
check_commands
check_homes
if [ $faults = 0 ] && [ -z "${LAYERS_TOP:-}" ]; then
  self_test
  exit
fi
[ $faults = 0 ] || echo "0 passed, $faults failed, 0 skipped"
[ $faults = 0 ]
