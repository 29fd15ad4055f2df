#!/bin/bash
# test_completion.sh COMMAND: deploy/completion/h5pay.bash against what the
# command says of itself.
set -u
command=$1
. deploy/completion/h5pay.bash
passed=0 failed=0

# The completions of a line, the cursor at its end; one blank between them.
complete_line() {
	COMP_WORDS=($1)
	[[ $1 == *' ' ]] && COMP_WORDS+=('')
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMPREPLY=()
	_h5pay
	echo "${COMPREPLY[*]}"
}

# The shop's orders, and how the command was called for them.
h5pay() {
	echo "$*" >"$called"
	printf 'A-1001\tpaid\t100\nA-1002\tclosed\t5\nB-2001\tpaid\t7\n'
}
called=$(mktemp)
trap 'rm -f "$called"' EXIT

ok() { # SENTENCE GOT WANT
	if [[ $2 == "$3" ]]; then
		((passed++))
		echo "ok - $1"
	else
		((failed++))
		echo "not ok - $1"
		echo "#   got:  $2"
		echo "#   want: $3"
	fi
}

ok "a part of a verb" "$(complete_line 'h5pay rec')" "reconcile"
ok "help of a verb" "$(complete_line 'h5pay help doc')" "doctor"
ok "a verb after -c" "$(complete_line 'h5pay -c /etc/x.conf fs')" "fsck"
ok "orders" "$(complete_line 'h5pay show ')" "A-1001 A-1002 B-2001"
ok "a part of an order" "$(complete_line 'h5pay refund A-')" "A-1001 A-1002"
ok "orders of hook retry" "$(complete_line 'h5pay hook retry B')" "B-2001"
ok "what hook does" "$(complete_line 'h5pay hook ')" "list retry test"
ok "the order of sweep" "$(complete_line 'h5pay sweep --order B')" "B-2001"
ok "no order for a new link" "$(complete_line 'h5pay link --order ')" ""
complete_line 'h5pay -c a.conf show ' >/dev/null
ok "the configuration is passed on" "$(cat "$called")" \
    "-c a.conf list --since 31d"
ok "states" "$(complete_line 'h5pay list --state p')" "paid partly-refunded"
ok "a part of an option" "$(complete_line 'h5pay refund --re')" "--reason"
ok "options that all have" "$(complete_line 'h5pay show --j')" "--json"
ok "files" "$(complete_line 'h5pay -c deploy/h5pay.conf')" \
    "deploy/h5pay.conf.example"

# Every verb of the command, and every option of its usage line.
verbs=$("$command" --help | sed -n 's/^  \([a-z]*\)  *[^ ].*/\1/p' |
	grep -v '^h$' | grep -vx h5pay)
[[ $(wc -w <<<"$verbs") -gt 10 ]] || ok "the verbs were read" "$verbs" many
for verb in $verbs; do
	ok "verb $verb" "$(complete_line "h5pay $verb" | tr ' ' '\n' |
		grep -x -- "$verb")" "$verb"
	usage=$("$command" "$verb" --help | head -1)
	for option in $(grep -o -- '--[a-z-]*' <<<"$usage" | sort -u); do
		ok "$verb $option" "$(complete_line "h5pay $verb $option" |
			tr ' ' '\n' | grep -x -- "$option")" "$option"
	done
	# And no other.
	for option in $(_h5pay_options "$verb"); do
		"$command" "$verb" --help | grep -q -- "$option" ||
			ok "$verb has no $option" "$option" ""
	done
done
for verb in $(complete_line 'h5pay '); do
	[[ $verb == help ]] || grep -qx "$verb" <<<"$verbs" ||
		ok "there is no verb $verb" "$verb" ""
done

echo "completion: $passed passed, $failed failed"
[[ $failed -eq 0 && $passed -gt 20 ]]
