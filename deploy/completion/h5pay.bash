# bash completion for h5pay: verbs, options, states, order ids.
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
	check) echo --as ;;
	doctor) echo --offline ;;
	link) echo --order --total-fee --body --attach --expires \
		--return-url ;;
	list) echo --state --since --until ;;
	refund) echo --fee --reason --id --yes ;;
	sweep) echo --order --ask --for --parallel ;;
	bill) echo --type ;;
	reconcile) echo --fix --kept --back --csv ;;
	fsck) echo --repair ;;
	archive) echo --before --restore --forget ;;
	export) echo --format --since --until --bom ;;
	report) echo --output --lang ;;
	status) echo --prometheus ;;
	support) echo --output ;;
	esac
}

_h5pay_orders() { # the orders of the last month, newest last
	h5pay "${conf[@]}" list --since "${1:-31d}" 2>/dev/null | cut -f 1
}

_h5pay_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

_h5pay() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verb words= verbs states conf
	verbs="check doctor explain link list show query close refund sweep hook bill reconcile report export status support fsck archive help"
	states="created awaiting paid closed refunding partly-refunded refunded"
	_h5pay_look
	COMPREPLY=()
	case $prev in
	-c | --config | -o | --output | --prometheus)
		_h5pay_files
		return
		;;
	--state) words=$states ;;
	--type) words="ALL SUCCESS REFUND" ;;
	--format) words="csv json" ;;
	--lang) words="zh-CN en" ;;
	--as) words=$(compgen -u) ;;
	--since | --until) words="today yesterday 30m 6h 2d" ;;
	--order) [[ $verb == sweep ]] && words=$(_h5pay_orders) ;;
	--total-fee | --body | --attach | --expires | --return-url | --fee | --reason | --id | \
	    --back) ;;
	*)
		if [[ $cur == -* ]]; then
			words="--help --json --quiet --config --version"
			words+=" $(_h5pay_options "$verb")"
		else
			case $verb in
			'' | help) words=$verbs ;;
			show | query | close | refund | support)
				words=$(_h5pay_orders) ;;
			hook)
				words="list retry test"
				[[ $prev == retry ]] && words=$(_h5pay_orders)
				;;
			bill | reconcile) words=yesterday ;;
			report) words="today yesterday" ;;
			esac
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _h5pay h5pay
