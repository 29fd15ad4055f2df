# bash completion for h5pay: verbs, options, states, order ids;
# made by deploy/completion/generate.py.
# Sourced by bash-completion from its folder (make install puts it there), or
# by hand:  . deploy/completion/h5pay.bash

# The words before the cursor tell the verb and the configuration.
_h5pay_look() {
	local i
	verb= conf=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c | --config)
			conf=(-c "${COMP_WORDS[i + 1]}")
			((i++))
			;;
		-*) ;;
		*)
			if [[ -z $verb || $verb == help ]]; then
				verb=${COMP_WORDS[i]}
			fi
			;;
		esac
	done
}

_h5pay_options() { # VERB: its own options
	case $1 in
	init) echo --appid --mch-id --api-key --base-url --name --contact --products --app-secret --web --public --user --api-key-file --app-secret-file --lang --offline --web-file --webhook-url --yes ;;
	check) echo --as ;;
	doctor) echo --offline ;;
	link) echo --order --total-fee --yuan --body --attach --expires --return-url --qr ;;
	list) echo --state --since --until --find --limit ;;
	refund) echo --fee --yuan --reason --id --yes ;;
	settle) echo --refunded --disputed-done --yes ;;
	sweep) echo --order --ask --for --parallel ;;
	watch) echo --ask --for ;;
	logs) echo --follow --limit ;;
	listen) echo --port --limit ;;
	bill) echo --type ;;
	reconcile) echo --fix --csv --kept --back ;;
	report) echo --output --lang ;;
	export) echo --format --since --until --bom ;;
	status) echo --prometheus ;;
	support) echo --output ;;
	fsck) echo --repair ;;
	archive) echo --before --forget --restore ;;
	store) echo --from --to --since --print --accept --yes ;;
	help) echo --table ;;
	esac
}

_h5pay_values() { # VERB OPTION: its values; fails if it takes none
	case "$1 $2" in
	*" -c"|*" --config") echo @files ;;
	"init --appid") echo ;;
	"init --mch-id") echo ;;
	"init --api-key") echo ;;
	"init --base-url") echo ;;
	"init --name") echo ;;
	"init --contact") echo ;;
	"init --products") echo ;;
	"init --app-secret") echo ;;
	"init --web") echo ;;
	"init --public") echo ;;
	"init --user") compgen -u ;;
	"init --api-key-file") echo @files ;;
	"init --app-secret-file") echo @files ;;
	"init --lang") echo zh-CN en ;;
	"init --web-file") echo @files ;;
	"init --webhook-url") echo ;;
	"check --as") compgen -u ;;
	"link --order") echo ;;
	"link --total-fee") echo ;;
	"link --yuan") echo ;;
	"link --body") echo ;;
	"link --attach") echo ;;
	"link --expires") echo 30m 1h 2d ;;
	"link --return-url") echo ;;
	"list --state") echo created awaiting paid closed refunding partly-refunded refunded ;;
	"list --since") echo today yesterday 30m 6h 2d ;;
	"list --until") echo today yesterday 30m 6h 2d ;;
	"list --find") echo ;;
	"list -n"|"list --limit") echo ;;
	"refund --fee") echo ;;
	"refund --yuan") echo ;;
	"refund --reason") echo ;;
	"refund --id") echo ;;
	"settle --refunded") echo ;;
	"settle --disputed-done") echo ;;
	"sweep --order") echo @orders ;;
	"sweep --for") echo ;;
	"sweep --parallel") echo ;;
	"watch --for") echo ;;
	"logs -n"|"logs --limit") echo ;;
	"listen --port") echo ;;
	"listen -n"|"listen --limit") echo ;;
	"bill --type") echo ALL SUCCESS REFUND ;;
	"reconcile --back") echo ;;
	"report -o"|"report --output") echo @files ;;
	"report --lang") echo zh-CN en ;;
	"export --format") echo csv json ;;
	"export --since") echo today yesterday 30m 6h 2d ;;
	"export --until") echo today yesterday 30m 6h 2d ;;
	"status --prometheus") echo @files ;;
	"support -o"|"support --output") echo @files ;;
	"archive --before") echo today yesterday 30m 6h 2d ;;
	"archive --forget") echo today yesterday 30m 6h 2d ;;
	"store --from") echo ;;
	"store --to") echo ;;
	"store --since") echo today yesterday 30m 6h 2d ;;
	*) return 1 ;;
	esac
}

_h5pay_operands() { # VERB
	case $1 in
	show | query | close | refund | settle | watch | logs | support) echo @orders ;;
	hook) echo list retry test ;;
	bill) echo yesterday ;;
	reconcile) echo yesterday ;;
	report) echo today yesterday ;;
	esac
}

_h5pay_orders() { # the orders of the last month, newest last
	h5pay "${conf[@]}" list --since 31d 2>/dev/null | cut -f 1
}

_h5pay() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verb words= verbs conf
	verbs="init check config doctor explain link list show query close refund settle sweep hook watch logs trigger listen bill reconcile report export status support fsck archive certs store help"
	_h5pay_look
	COMPREPLY=()
	if ! words=$(_h5pay_values "$verb" "$prev"); then
		if [[ $cur == -* ]]; then
			words="--config --json --quiet --help --version"
			words+=" $(_h5pay_options "$verb")"
		elif [[ -z $verb || $verb == help ]]; then
			words=$verbs
		elif [[ $verb == hook && $prev == retry ]]; then
			words=@orders
		else
			words=$(_h5pay_operands "$verb")
		fi
	fi
	case $words in
	@files)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	@orders) words=$(_h5pay_orders) ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _h5pay h5pay
