#!/usr/bin/env bash
# The generated documents are what the command table gives, and sound. UPDATE=1 writes them anew.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
orctl=${1:?path of orctl}
n=0 bad=0
check() { # name status
  n=$((n + 1))
  if [ "$2" = 0 ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; bad=1; fi
}
made=$(mktemp -d "${TMPDIR:-/tmp}/orctl-docs.XXXXXX")
trap 'rm -rf "$made"' EXIT
while read -r what file; do
  "$orctl" completion "$what" >"$made/$what"
  [ "${UPDATE:-}" != 1 ] || cp "$made/$what" "$file"
  cmp "$made/$what" "$file"
  check "$file is what orctl completion $what prints (else: UPDATE=1 tests/docs.sh $orctl)" $?
done <<LIST
man man/orctl.1
bash completions/orctl.bash
zsh completions/_orctl
fish completions/orctl.fish
LIST
mandoc -T lint -W warning man/orctl.1
check "the manual page has no warnings" $?
bash -n completions/orctl.bash
check "the bash completion is bash" $?
find lib cmd tests -name '*.cc' -o -name '*.h' | xargs clang-format --dry-run -Werror
check "the layout is what .clang-format says" $?
luacheck -q lua tests/lua
check "the Lua is clean by luacheck" $?
globals=$(for file in $(find lua -name '*.lua'); do luajit -bl "$file" | grep GSET; done)
[ -z "$globals" ]
check "the Lua sets no globals" $?
elsewhere=$(grep -rnE --include='*.*' --exclude-dir=build --exclude-dir=.git '\b(design|dataplane|reliability|facts|mission|kinds|style)(-[a-z]+)?\.md\b' . | grep -v '^./tests/docs.sh:')
[ -z "$elsewhere" ] || echo "$elsewhere"
[ -z "$elsewhere" ]
check "no text refers to a document that is not here" $?
[ "$(grep -c '^```' README.md)" = 4 ] && [ "$(sed -n '/^```/,/^```/p' README.md | grep -vc '^```')" = 2 ]
check "README has exactly two commands" $?
exit $bad
