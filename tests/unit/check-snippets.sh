#!/bin/sh
# The PHP, Python, Node, Go and shell snippets of deploy/snippets all make the pay link of
# tests/fixtures/paylink.json.  A language that is not installed is named and
# left out, but one at least must run.
set -u
vector=tests/fixtures/paylink.json
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# One argument a line: values hold no line feed (a control byte is refused).
python3 - "$vector" "$dir" <<'PY' || exit 1
import json, sys
v = json.load(open(sys.argv[1], encoding="utf-8"))
def put(name, text):
    with open(sys.argv[2] + "/" + name, "w", encoding="utf-8") as f:
        f.write(text)
put("key", v["link_key"] + "\n")
put("link", v["link"])
put("args", "\n".join([v["checkout"]] +
                      [f"{k}={t}" for k, t in v["params"].items()]))
PY

# Splits at line feeds alone, and keeps * and ? as they are.
set -f
IFS='
'
# shellcheck disable=SC2046
set -- $(cat "$dir/args")
unset IFS
want=$(cat "$dir/link")
ran=0 failed=0
for pair in python3:py php:php node:js "go run":go sh:sh; do
	tool=${pair%:*} file=deploy/snippets/paylink.${pair#*:}
	if ! command -v "${tool% *}" >/dev/null; then
		echo "snippets: $tool is not installed, $file not tried"
		continue
	fi
	ran=$((ran + 1))
	# shellcheck disable=SC2086
	got=$($tool "$file" "$dir/key" "$@")
	if [ "$got" != "$want" ]; then
		printf '%s\n  got  %s\n  want %s\n' "$file" "$got" "$want"
		failed=$((failed + 1))
	fi
done
python3 tests/unit/check_shop_page.py || failed=$((failed + 1))
echo "snippets: $((ran - failed)) of $ran make the same pay link"
[ $failed -eq 0 ] && [ $ran -gt 0 ]
