# bash completion for orctl, made by "orctl completion bash"
_orctl_paths() {
  mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
  compopt -o filenames 2>/dev/null
}

_orctl() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} cmd='' i w
  COMPREPLY=()
  [[ $cur == = ]] && cur=''
  [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
  for ((i = 1; i < COMP_CWORD; i++)); do
    w=${COMP_WORDS[i]}
    case $w in
      -o | --output | --root | --supervisor | --color) i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
      -*) ;;
      *)
        case "${cmd:+$cmd }$w" in
          'add' | 'audit' | 'config' | 'import' | 'name' | 'overrides' | 'remove' | 'store' | 'add server' | 'apply' | 'audit show' | 'audit verify' | 'completion' | 'config view' | 'confirm' | 'delete' | 'describe' | 'diff' | 'disable' | 'doctor' | 'drain' | 'drift' | 'enable' | 'explain' | 'get' | 'history' | 'import host-balancer' | 'logs' | 'maint' | 'name check' | 'name next' | 'overrides discard' | 'overrides list' | 'overrides promote' | 'plan' | 'ready' | 'reload' | 'remove server' | 'render' | 'restart' | 'rollback' | 'start' | 'status' | 'stop' | 'store repair' | 'store verify' | 'tag' | 'tag delete' | 'tag list' | 'top' | 'upgrade' | 'validate' | 'version' | 'wait' | 'weight') cmd="${cmd:+$cmd }$w" ;;
          *) break ;;
        esac ;;
    esac
  done
  case $cmd in
    '')
      case $prev in
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'json' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else mapfile -t COMPREPLY < <(compgen -W 'add apply audit completion config confirm delete describe diff disable doctor drain drift enable explain get history import logs maint name overrides plan ready reload remove render restart rollback start status stop store tag top upgrade validate version wait weight' -- "$cur"); fi ;;
    'add')
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '' -- "$cur"); else mapfile -t COMPREPLY < <(compgen -W 'server' -- "$cur"); fi ;;
    'audit')
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '' -- "$cur"); else mapfile -t COMPREPLY < <(compgen -W 'show verify' -- "$cur"); fi ;;
    'config')
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '' -- "$cur"); else mapfile -t COMPREPLY < <(compgen -W 'view' -- "$cur"); fi ;;
    'import')
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '' -- "$cur"); else mapfile -t COMPREPLY < <(compgen -W 'host-balancer' -- "$cur"); fi ;;
    'name')
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '' -- "$cur"); else mapfile -t COMPREPLY < <(compgen -W 'check next' -- "$cur"); fi ;;
    'overrides')
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '' -- "$cur"); else mapfile -t COMPREPLY < <(compgen -W 'discard list promote' -- "$cur"); fi ;;
    'remove')
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '' -- "$cur"); else mapfile -t COMPREPLY < <(compgen -W 'server' -- "$cur"); fi ;;
    'store')
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '' -- "$cur"); else mapfile -t COMPREPLY < <(compgen -W 'repair verify' -- "$cur"); fi ;;
    'add server')
      case $prev in
        --weight) :; return ;;
        --max-conns) :; return ;;
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --for) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '--weight --backup --max-conns -l --selector --reason --ticket --for --ignore-min-healthy --lock-timeout --verify-timeout -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'apply')
      case $prev in
        -f | --filename) _orctl_paths -f; return ;;
        --max-impact) mapfile -t COMPREPLY < <(compgen -W 'none hot reload restart' -- "$cur"); return ;;
        --if-revision) :; return ;;
        --confirm-within) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --watch-log) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-f --filename -R --recursive --dry-run --max-impact --if-revision --confirm-within --detailed-exitcode --overwrite-drift --reason --ticket --lock-timeout --verify-timeout --watch-log -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'audit show')
      case $prev in
        --instance) :; return ;;
        --who) :; return ;;
        --since) :; return ;;
        --until) :; return ;;
        --grep) :; return ;;
        --limit) :; return ;;
        --sort-by) :; return ;;
        --field-selector) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'table wide json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '--instance --who --since --until --grep --limit --as-commands --sort-by --field-selector --no-headers -w --watch --watch-only -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'audit verify')
      case $prev in
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'completion')
      case $prev in
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '--root --supervisor --color -v --verbose -h --help' -- "$cur"); else mapfile -t COMPREPLY < <(compgen -W 'bash zsh fish man' -- "$cur"); fi ;;
    'config view')
      case $prev in
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'toml json jsonl name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '--show-origin --lock-timeout --verify-timeout -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'confirm')
      case $prev in
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --watch-log) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '--expired --reason --ticket --lock-timeout --verify-timeout --watch-log -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'delete')
      case $prev in
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --watch-log) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-y --yes --reason --ticket --lock-timeout --verify-timeout --watch-log -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'describe')
      case $prev in
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'diff')
      case $prev in
        -f | --filename) _orctl_paths -f; return ;;
        --from) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json markdown jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-f --filename --from -R --recursive --files -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'disable')
      case $prev in
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --watch-log) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --accept-changes --reason --ticket --lock-timeout --verify-timeout --watch-log -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'doctor')
      case $prev in
        --binary) _orctl_paths -f; return ;;
        --sort-by) :; return ;;
        --field-selector) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'table json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '--binary --sort-by --field-selector --no-headers -w --watch --watch-only -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'drain')
      case $prev in
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --for) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --timeout) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --reason --ticket --for --ignore-min-healthy --lock-timeout --verify-timeout --wait --timeout -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'drift')
      case $prev in
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --watch-log) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'table json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --files --adopt --dry-run --reason --ticket --lock-timeout --verify-timeout --watch-log -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'enable')
      case $prev in
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --watch-log) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --accept-changes --reason --ticket --lock-timeout --verify-timeout --watch-log -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'explain')
      case $prev in
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'get')
      case $prev in
        -l | --selector) :; return ;;
        --sort-by) :; return ;;
        --field-selector) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'table wide json name jsonl toml jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --sort-by --field-selector --no-headers -w --watch --watch-only -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else mapfile -t COMPREPLY < <(compgen -W 'instances upstreams servers health overrides versions certs' -- "$cur"); fi ;;
    'history')
      case $prev in
        --who) :; return ;;
        --since) :; return ;;
        --until) :; return ;;
        --grep) :; return ;;
        --limit) :; return ;;
        --sort-by) :; return ;;
        --field-selector) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'table wide json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '--who --since --until --grep --limit --sort-by --field-selector --no-headers -w --watch --watch-only -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'import host-balancer')
      case $prev in
        --name) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'toml json jsonl name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '--name -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else _orctl_paths -f; fi ;;
    'logs')
      case $prev in
        --tail) :; return ;;
        --since) :; return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-f --follow --tail --since --access --stream --journal --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'maint')
      case $prev in
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --for) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --timeout) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --reason --ticket --for --ignore-min-healthy --lock-timeout --verify-timeout --wait --timeout -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'name check')
      case $prev in
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'name next')
      case $prev in
        --port) :; return ;;
        -f | --filename) _orctl_paths -f; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '--port -f --filename -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'overrides discard')
      case $prev in
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --reason --ticket --lock-timeout --verify-timeout -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'overrides list')
      case $prev in
        -l | --selector) :; return ;;
        --sort-by) :; return ;;
        --field-selector) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'table json name jsonl toml jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --sort-by --field-selector --no-headers -w --watch --watch-only -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'overrides promote')
      case $prev in
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --watch-log) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --dry-run --overwrite-drift --reason --ticket --lock-timeout --verify-timeout --watch-log -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'plan')
      case $prev in
        -f | --filename) _orctl_paths -f; return ;;
        --out) _orctl_paths -f; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json markdown jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-f --filename -R --recursive --out --no-files --detailed-exitcode -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'ready')
      case $prev in
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --reason --ticket --lock-timeout --verify-timeout -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'reload')
      case $prev in
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --watch-log) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --accept-changes --reason --ticket --lock-timeout --verify-timeout --watch-log -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'remove server')
      case $prev in
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --for) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --timeout) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --reason --ticket --for --ignore-min-healthy --lock-timeout --verify-timeout --wait --timeout -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'render')
      case $prev in
        -f | --filename) _orctl_paths -f; return ;;
        -d | --directory) _orctl_paths -d; return ;;
        --file) _orctl_paths -f; return ;;
        --flavor) mapfile -t COMPREPLY < <(compgen -W 'host openresty debian' -- "$cur"); return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-f --filename -R --recursive -d --directory --file --flavor -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'restart')
      case $prev in
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --watch-log) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --accept-changes --reason --ticket --lock-timeout --verify-timeout --watch-log -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'rollback')
      case $prev in
        --to) :; return ;;
        --key) _orctl_paths -f; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --watch-log) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '--to --key --dry-run --overwrite-drift --reason --ticket --lock-timeout --verify-timeout --watch-log -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'start')
      case $prev in
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --watch-log) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --accept-changes --reason --ticket --lock-timeout --verify-timeout --watch-log -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'status')
      case $prev in
        -l | --selector) :; return ;;
        --sort-by) :; return ;;
        --field-selector) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'table wide json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --sort-by --field-selector --no-headers -w --watch --watch-only -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'stop')
      case $prev in
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --watch-log) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --accept-changes --reason --ticket --lock-timeout --verify-timeout --watch-log -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'store repair')
      case $prev in
        -f | --filename) _orctl_paths -f; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-f --filename -y --yes --reason --ticket --lock-timeout --verify-timeout -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'store verify')
      case $prev in
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'tag')
      case $prev in
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '--move --reason --ticket --lock-timeout --verify-timeout -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else mapfile -t COMPREPLY < <(compgen -W 'delete list' -- "$cur"); fi ;;
    'tag delete')
      case $prev in
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '--reason --ticket --lock-timeout --verify-timeout -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'tag list')
      case $prev in
        --sort-by) :; return ;;
        --field-selector) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'table wide json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '--sort-by --field-selector --no-headers -w --watch --watch-only -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'top')
      case $prev in
        -l | --selector) :; return ;;
        --interval) :; return ;;
        --sort-by) :; return ;;
        --field-selector) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'table json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --interval -w --watch --sort-by --field-selector --no-headers -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'upgrade')
      case $prev in
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        --watch-log) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --accept-changes --reason --ticket --lock-timeout --verify-timeout --watch-log -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'validate')
      case $prev in
        -f | --filename) _orctl_paths -f; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-f --filename -R --recursive --strict -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'version')
      case $prev in
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'wait')
      case $prev in
        --for) :; return ;;
        --timeout) :; return ;;
        -l | --selector) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '--for --timeout -l --selector -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
    'weight')
      case $prev in
        -l | --selector) :; return ;;
        --reason) :; return ;;
        --ticket) :; return ;;
        --for) :; return ;;
        --lock-timeout) :; return ;;
        --verify-timeout) :; return ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json jsonl toml name jsonpath= custom-columns=' -- "$cur"); return ;;
        --root) _orctl_paths -d; return ;;
        --supervisor) mapfile -t COMPREPLY < <(compgen -W 'auto systemd process' -- "$cur"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
      esac
      if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '-l --selector --reason --ticket --for --ignore-min-healthy --lock-timeout --verify-timeout -o --output --root --supervisor --color -v --verbose -h --help' -- "$cur"); else :; fi ;;
  esac
}

complete -F _orctl orctl
