#!/bin/sh
# Runs tests/lua/*_test.lua, or the files named, inside a real nginx. TAP on stdout.
cd "$(dirname "$0")/../.." || exit 2
root=$PWD dir=$(mktemp -d) || exit 2
nginx=${ORCTL_TEST_NGINX:-$(command -v openresty || command -v nginx)} || exit 2
trap 'test -s "$dir/pid" && kill "$(cat "$dir/pid")"; wait; rm -rf "$dir"' EXIT
trap 'exit 2' INT TERM
chmod 755 "$dir"
{
  modules=/usr/lib/nginx/modules
  for name in ndk_http_module ngx_http_lua_module; do
    "$nginx" -V 2>&1 | grep -q 'add-module=[^ ]*lua' && break
    test -e "$modules/$name.so" && echo "load_module $modules/$name.so;"
  done
  cat <<CONF
daemon off; worker_processes 1; pid $dir/pid; error_log $dir/error.log notice;
events { worker_connections 64; }
http {
  client_body_temp_path $dir/1; proxy_temp_path $dir/2; fastcgi_temp_path $dir/3;
  uwsgi_temp_path $dir/4; scgi_temp_path $dir/5; access_log off;
  lua_package_path "$root/lua/?.lua;$root/tests/lua/?.lua;;";
  lua_shared_dict orctl 256k;
  init_by_lua_block { require("tap").root = "$root" }
  server {
    listen unix:$dir/sock;
    location / { content_by_lua_block { require("tap").run(ngx.var.uri) } }
  }
}
CONF
} >"$dir/nginx.conf"
"$nginx" -p "$dir" -c nginx.conf -e "$dir/error.log" &
failed=0
for file in "${@:-}"; do
  test -n "$file" || { set -- tests/lua/*_test.lua; break; }
done
for file in "$@"; do
  echo "# $file"
  curl -sS --retry 50 --retry-delay 0 --retry-all-errors --retry-max-time 5 --max-time 60 \
    --unix-socket "$dir/sock" "http://localhost/$file" >"$dir/out" 2>"$dir/curl" || failed=1
  cat "$dir/out"
  tail -1 "$dir/out" | grep -q '^1\.\.[1-9]' || { failed=1; cat "$dir/curl" "$dir/error.log" >&2; }
  grep -q '^not ok' "$dir/out" && failed=1
done
exit $failed
