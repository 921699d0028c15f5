#!/usr/bin/env bash
# Installs, builds, and takes one instance from manifest to traffic and back, in a folder of its own: nothing outside
# that folder and the build folder is touched (packages apart). Each step checks itself; the first that is not true ends the script with exit 1.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$here")

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
proved() { printf '   proved: %s\n' "$*"; }
fail() { printf '\nNOT TRUE: %s\n' "$*" >&2; exit 1; }
run() { printf '   $ %s\n' "${*/#$orctl/orctl}"; "$@" 2>&1 | sed 's/^/   /'; return "${PIPESTATUS[0]}"; }

say "1. Install what is missing and build"
"$top/tests/install.sh"
orctl=${ORCTL:-}
if [ -z "$orctl" ]; then
  (cd "$top" && cmake --preset release >/dev/null && cmake --build --preset release | tail -1)
  orctl=$top/build/release/orctl
fi
"$orctl" version

work=$(mktemp -d "${TMPDIR:-/tmp}/orctl-quickstart.XXXXXX")
export ORCTL_ROOT=$work/root
nginx=$(command -v openresty || command -v nginx || echo /usr/sbin/nginx)
load=$work/load
clean_up() {
  [ -z "${load_pid:-}" ] || kill "$load_pid" 2>/dev/null || true
  [ -z "${name:-}" ] || "$orctl" delete "$name" --yes >/dev/null 2>&1 || true
  [ ! -s "$work/backends.pid" ] || kill "$(cat "$work/backends.pid")" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

# three free ports in a row; 18080 to 18082 unless somebody has them
taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=18080
while taken "$port" || taken $((port + 1)) || taken $((port + 2)); do port=$((port + 10)); done
name=dev_shop_001_$port
mkdir "$work/manifests"
for file in fleet shop; do
  sed "s/18080/$port/g; s/18081/$((port + 1))/g; s/18082/$((port + 2))/g" "$here/quickstart/$file.toml" >"$work/manifests/$file.toml"
done

say "2. Start two small backends, A and B, on 127.0.0.1:$((port + 1)) and :$((port + 2))"
cat >"$work/backends.conf" <<CONF
pid $work/backends.pid; error_log $work/backends.log; worker_processes 1; events {}
http { access_log off; client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  server { listen 127.0.0.1:$((port + 1)); location / { return 200 "A\n"; } }
  server { listen 127.0.0.1:$((port + 2)); location / { return 200 "B\n"; } } }
CONF
"$nginx" -c "$work/backends.conf" 2>/dev/null
[ "$(curl -s "127.0.0.1:$((port + 1))")" = A ] || fail "backend A answers"
proved "both answer directly"

fetch() { curl -s --max-time 5 -H 'Host: shop.example' "http://127.0.0.1:$port/"; }
split() { local a=0 b=0 i; for i in $(seq "$1"); do case $(fetch) in A) a=$((a + 1)) ;; B) b=$((b + 1)) ;; *) fail "a request was lost" ;; esac; done; echo "$a $b"; }
# each worker goes round by itself, so 40 requests may miss the exact share by a few
about() { local want=$1 got=${2% *}; [ $((got - want)) -le 4 ] && [ $((want - got)) -le 4 ]; }
workers() { "$orctl" status "$name" -o json | sed 's/.*"workers":\[\([^]]*\)\].*/\1/' | grep -o '"pid":[0-9]*' | sort; }

say "3. Validate the manifest, look at the plan, apply it"
run "$orctl" validate -f "$work/manifests/shop.toml"
run "$orctl" apply -f "$work/manifests/shop.toml" --reason 'first light'
[ "$(fetch)" = A ] || [ "$(fetch)" = A ] || [ "$(fetch)" = A ] || fail "requests reach backend A through the instance"
run "$orctl" apply -f "$work/manifests/shop.toml" | tee "$work/second"
grep -q unchanged "$work/second" || fail "the second apply changes nothing"
proved "the instance serves on 127.0.0.1:$port, and applying twice changes nothing"

say "4. Change the weights hot, from 3:1 to 1:3, while requests keep coming"
before=$(split 40)
pids=$(workers)
( while [ ! -e "$work/stop" ]; do if [ -n "$(fetch)" ]; then echo ok; else echo lost; fi; done >"$load" ) &
load_pid=$!
sed -i 's/weight = 3/weight = WAS3/; s/weight = 1/weight = 3/; s/weight = WAS3/weight = 1/' "$work/manifests/shop.toml"
run "$orctl" diff -f "$work/manifests/shop.toml" || [ $? = 1 ] || fail "diff shows a change"
run "$orctl" apply -f "$work/manifests/shop.toml" --max-impact hot --reason 'B is the bigger machine'
enough=$(($(wc -l <"$load") + 20))
while [ "$(wc -l <"$load")" -lt $enough ]; do kill -0 "$load_pid" || fail "the requests keep coming"; done
touch "$work/stop"
wait "$load_pid" || true
load_pid=
after=$(split 40)
about 30 "$before" || fail "of 40 requests about 30 went to A and 10 to B (they were: $before)"
about 10 "$after" || fail "now about 10 go to A and 30 to B (they were: $after)"
[ -n "$pids" ] && [ "$(workers)" = "$pids" ] || fail "the same worker processes serve, there was no reload"
! grep -q lost "$load" || fail "no request was lost meanwhile"
proved "A:B went from ${before/ /:} to ${after/ /:} of 40 requests, with the same workers, and none of $(wc -l <"$load") requests meanwhile was lost"

say "5. Apply a broken manifest"
sed 's/upstream = "shop"/upstream = "shopp"/; s/weight = 3/weihgt = 3/' "$work/manifests/shop.toml" >"$work/manifests/broken.toml"
status=0
run "$orctl" apply -f "$work/manifests/broken.toml" || status=$?
rm "$work/manifests/broken.toml"
[ "$status" = 3 ] || fail "a broken manifest is refused with exit code 3 (it was $status)"
about 10 "$(split 40)" || fail "traffic goes on as before"
proved "it was refused with every fault at its place, and traffic goes on as before"

say "6. Roll back"
run "$orctl" rollback "$name" --reason 'as it was'
back=$(split 40)
about 30 "$back" || fail "the first weights are back (the split was $back)"
sed -i 's/weight = 1/weight = WAS1/; s/weight = 3/weight = 1/; s/weight = WAS1/weight = 3/' "$work/manifests/shop.toml"
run "$orctl" diff -f "$work/manifests/shop.toml" || fail "the instance is byte for byte what the first manifest says"
run "$orctl" history "$name"
proved "the split is ${back/ /:} again, and diff against the first manifest shows nothing"

say "7. Drain backend A while requests keep coming, and put it back"
server=$name/shop/127.0.0.1:$((port + 1))
rm -f "$work/stop"
( while [ ! -e "$work/stop" ]; do if [ -n "$(fetch)" ]; then echo ok; else echo lost; fi; done >"$load" ) &
load_pid=$!
run "$orctl" drain "$server" --reason 'kernel upgrade' --for 30m --wait
[ "$(split 40)" = "0 40" ] || fail "no request goes to A any more"
run "$orctl" get servers "$name"
run "$orctl" overrides list
run "$orctl" ready "$server"
touch "$work/stop"
wait "$load_pid" || true
load_pid=
! grep -q lost "$load" || fail "no request was lost meanwhile"
again=$(split 40)
about 30 "$again" || fail "A gets its share again (the split was $again)"
proved "--wait returned when A had no request in flight, A is back at ${again/ /:}, and none of $(wc -l <"$load") requests was lost"

say "8. Delete"
run "$orctl" delete "$name" --yes --reason 'the end'
! taken "$port" || fail "nobody listens any more"
[ -z "$(find "$work/root/opt" "$work/root/run" "$work/root/etc" "$work/root/var/log" -name "*$name*")" ] || fail "no file of the instance is left"
proved "no process, no file and no unit is left; the history is kept in $ORCTL_ROOT/var/lib/orctl/store.git until this script ends"

say "All of it was true. Next: README.md, orctl --help, orctl explain instance"
