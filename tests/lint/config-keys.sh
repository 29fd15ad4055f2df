#!/bin/sh
# config-keys.sh PROGRAM: compares the parser's table (PROGRAM keys) with
# docs/CONFIG.md and the examples, and loads the examples; make check-config
# calls it.
#
# docs/CONFIG.md has one heading a key:
#   #### `section.key` - required
#   #### `section.key` - default `value`, 1 to 9
# The example has one line a key, "key = value" or "#key = value".
set -eu
program=$1
doc=docs/CONFIG.md
example=deploy/h5pay.conf.example
catalogue=deploy/catalogue.ini.example
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
: >"$tmp/complaints"

complain() {
	echo "$*" >>"$tmp/complaints"
}

# told SENTENCE: was there a complaint since the last one?
told() {
	if [ -s "$tmp/complaints" ]; then
		failed=$((failed + 1))
		echo "not ok - $1"
		sed 's/^/#   /' "$tmp/complaints"
		: >"$tmp/complaints"
	else
		passed=$((passed + 1))
		echo "ok - $1"
	fi
}

"$program" keys >"$tmp/keys"
cut -f 1 "$tmp/keys" | sort >"$tmp/names"
[ "$(wc -l <"$tmp/names")" -gt 30 ] || complain "the table was not read"

# same WHERE FILE: are the names in FILE those of the table?
same() {
	sort "$2" >"$tmp/sorted"
	uniq -d "$tmp/sorted" | while read -r name; do
		echo "$1: $name stands there twice"
	done >"$tmp/what"
	comm -23 "$tmp/names" "$tmp/sorted" | sed "s|^|$1: missing: |" \
	    >>"$tmp/what"
	uniq "$tmp/sorted" | comm -13 "$tmp/names" - |
	    sed "s|^|$1: unknown to the parser: |" >>"$tmp/what"
	[ ! -s "$tmp/what" ] || complain "$(cat "$tmp/what")"
}

sed -n 's/^#### `\([a-z0-9_.]*\)`.*/\1/p' "$doc" >"$tmp/documented"
same "$doc" "$tmp/documented"
told "$doc has a heading for each key, and no other"

# name, tab, value: of every line, switched on or off.
awk '/^\[/ { section = substr($0, 2, length($0) - 2); next }
/^#?[a-z0-9_]+ =/ {
	sub(/^#/, "")
	key = $0; sub(/ =.*/, "", key)
	value = $0; sub(/^[^=]*= ?/, "", value)
	printf "%s.%s\t%s\n", section, key, value
}' "$example" >"$tmp/settings"
cut -f 1 "$tmp/settings" >"$tmp/shown"
same "$example" "$tmp/shown"
told "$example has a line for each key, and no other"

# Headings state what the table says; the example shows the defaults.
tab=$(printf '\t')
while IFS= read -r line; do
	name=$(printf '%s' "$line" | cut -f 1)
	need=$(printf '%s' "$line" | cut -f 2)
	limits=$(printf '%s' "$line" | cut -f 3)
	default=$(printf '%s' "$line" | cut -f 4)
	heading=$(grep -F "#### \`$name\`" "$doc" || true)
	case $heading in
	'' | *"- $need"* | *"- default \`$default\`"*) ;;
	*) complain "$doc: $name is $need (default \"$default\")" ;;
	esac
	case $heading in
	'' | *"$limits"*) ;;
	*) complain "$doc: $name takes $limits" ;;
	esac
	case $heading in
	'' | *"\`$default\`"*) ;;
	*) [ -z "$default" ] || complain "$doc: $name: default $default" ;;
	esac
	shown=$(sed -n "s/^$name$tab//p" "$tmp/settings")
	[ -z "$default" ] || [ "$shown" = "$default" ] ||
		complain "$example: $name: default $default, not $shown"
done <"$tmp/keys"
told "headings and the example say the defaults and ranges of the table"

# The files that the example names, each good of its kind.
mkdir "$tmp/x"
grep -E '_file|hooks\.exec|server\.command' "$tmp/settings" |
while IFS=$tab read -r name value; do
	mkdir -p "$tmp/x/$(dirname "$value")"
	case $name in
	*webhook*) echo "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3" ;;
	*) echo 0123456789abcdef0123456789abcdef ;;
	esac >"$tmp/x/$value"
	chmod 700 "$tmp/x/$value"
done
find "$tmp/x" -type f ! -path '*/hooks/*' ! -path '*/bin/*' \
    -exec chmod 600 {} +

# try WHAT: loads $tmp/x/h5pay.conf.
try() {
	chmod 600 "$tmp/x/h5pay.conf"
	"$program" load "$tmp/x/h5pay.conf" 2>"$tmp/what" ||
		complain "$example, $1: $(cat "$tmp/what")"
}
twins='api_key|api_key_previous|apiv3_key|apiv3_key_previous|app_secret|secret|link_key|webhook_secret|secret_previous'
twins="$twins|link_key_previous|webhook_secret_previous"
cp "$example" "$tmp/x/h5pay.conf"
try "as it is"
told "$example loads as it is"
sed -E "/^#($twins) =/!s/^#([a-z0-9_]+ =)/\1/" "$example" >"$tmp/x/h5pay.conf"
try "with everything switched on, secrets in files"
sed -E "/^#?($twins)_file =/d; s/^#([a-z0-9_]+ =)/\1/
s/whsec_then-.*/whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3/" "$example" \
    >"$tmp/x/h5pay.conf"
try "with everything switched on, secrets inside"
told "$example loads with everything switched on"
"$program" catalogue "$catalogue" 2>"$tmp/what" ||
	complain "$catalogue: $(cat "$tmp/what")"
told "$catalogue loads"

echo "config: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
