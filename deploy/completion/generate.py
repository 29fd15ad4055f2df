#!/usr/bin/env python3
"""generate.py COMMAND FOLDER: writes h5pay.bash, _h5pay (zsh) and h5pay.fish
into FOLDER, from what "COMMAND help --table" and its help say ("make
completion").  So no shell offers what the command does not take."""
import pathlib
import re
import subprocess
import sys


class Told:
    """What the command says of itself, in English."""

    def __init__(self, command):
        def ask(*words):
            return subprocess.run(
                [command, *words], check=True, capture_output=True,
                text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout

        overview = ask("help")
        self.verbs = {}  # name: (operand, summary)
        self.options = {}  # verb ("-": all): [(name, letter, kind, words,
        #                     description)]
        rows = [r.split("\t") for r in ask("help", "--table").splitlines()]
        texts = {r[1]: ask("help", r[1]) for r in rows if r[0] == "verb"}
        texts["-"] = overview
        for kind, verb, *rest in rows:
            if kind == "verb":
                summary = re.search(rf"(?m)^  {verb} +(\S.*)$", overview)
                self.verbs[verb] = rest[0], summary.group(1)
                self.options.setdefault(verb, [])
                continue
            name, letter, value, form, words = rest
            told = re.search(rf"(?m)^ +(?:-\w, )?{name}(?: [A-Z_]+)?(?:  +(.*))?$",
                             texts[verb])
            self.options.setdefault(verb, []).append((
                name, "" if letter == "-" else "-" + letter, value,
                [] if words == "-" else words.split(),
                form, re.split("[;:(]", (told and told.group(1)) or name[2:])[0]
                .strip(" ,")))


HEAD = "made by deploy/completion/generate.py"
OPERANDS = {"DATE": "yesterday", "DATE|MONTH": "today yesterday",
            "list, retry ID or test": "list retry test"}
TIMES = {"past": "today yesterday 30m 6h 2d", "coming": "30m 1h 2d"}


def values(value, words):
    """What may be offered as a value: words, or a kind of its own."""
    return " ".join(words) or TIMES.get(value, "")


def bash(told):
    def spelt(verb, o):
        return "|".join(f'"{verb} {x}"' if verb != "-" else f'*" {x}"'
                        for x in (o[1], o[0]) if x)

    cases, takers = [], []
    for verb, options in told.options.items():
        if verb != "-":
            own = " ".join(o[0] for o in options)
            if own:
                takers.append(f"\t{verb}) echo {own} ;;")
        for o in options:
            if o[2] == "flag":
                continue
            does = {"file": "echo @files", "order": "echo @orders"}.get(
                o[2], f"echo {values(o[2], o[3])}".rstrip())
            if o[4] == "ACCOUNT":
                does = "compgen -u"
            cases.append(f"\t{spelt(verb, o)}) {does} ;;")
    ids = [v for v, (operand, _) in told.verbs.items() if operand == "ID"]
    more = [f"\t{v}) echo {OPERANDS[operand]} ;;"
            for v, (operand, _) in told.verbs.items() if operand in OPERANDS]
    common = " ".join(o[0] for o in told.options["-"])
    return f"""\
# bash completion for h5pay: verbs, options, states, order ids;
# {HEAD}.
# Sourced by bash-completion from its folder (make install puts it there), or
# by hand:  . deploy/completion/h5pay.bash

# The words before the cursor tell the verb and the configuration.
_h5pay_look() {{
	local i
	verb= conf=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${{COMP_WORDS[i]}} in
		-c | --config)
			conf=(-c "${{COMP_WORDS[i + 1]}}")
			((i++))
			;;
		-*) ;;
		*)
			if [[ -z $verb || $verb == help ]]; then
				verb=${{COMP_WORDS[i]}}
			fi
			;;
		esac
	done
}}

_h5pay_options() {{ # VERB: its own options
	case $1 in
{chr(10).join(takers)}
	esac
}}

_h5pay_values() {{ # VERB OPTION: its values; fails if it takes none
	case "$1 $2" in
{chr(10).join(cases)}
	*) return 1 ;;
	esac
}}

_h5pay_operands() {{ # VERB
	case $1 in
	{" | ".join(ids)}) echo @orders ;;
{chr(10).join(more)}
	esac
}}

_h5pay_orders() {{ # the orders of the last month, newest last
	h5pay "${{conf[@]}}" list --since 31d 2>/dev/null | cut -f 1
}}

_h5pay() {{
	local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}}
	local verb words= verbs conf
	verbs="{" ".join(told.verbs)}"
	_h5pay_look
	COMPREPLY=()
	if ! words=$(_h5pay_values "$verb" "$prev"); then
		if [[ $cur == -* ]]; then
			words="{common}"
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
}}

complete -F _h5pay h5pay
"""


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def zsh(told):
    def spec(o):
        name, letter, value, words, form, text = o
        text = re.sub(r"([\[\]:\\])", r"\\\1", text)
        rest = f"[{text}]"
        if value != "flag":
            does = {"file": "_files", "order": "_h5pay_orders"}.get(value)
            does = "_users" if form == "ACCOUNT" else does
            given = values(value, words)
            rest += f":{form}:{does or (f'({given})' if given else ' ')}"
        if letter:
            return (f"'({letter} {name})'{{{letter},{name}}}" + quoted(rest))
        return quoted(name + rest)

    def operand(verb):
        kind = told.verbs[verb][0]
        if verb == "hook":
            return ["'1:what:(list retry test)'", "'2:order:_h5pay_orders'"]
        if verb == "help":
            return ["'1:verb:->verb'"]
        if kind == "ID":
            return ["'1:order:_h5pay_orders'"]
        return [f"'1:operand:({OPERANDS[kind]})'"] if kind in OPERANDS else []

    verbs = "\n".join("\t    " + quoted(f"{v}:" + text.replace(":", "\\:"))
                      for v, (_, text) in told.verbs.items())
    cases = []
    for v in told.verbs:
        lines = [spec(o) for o in told.options[v]] + operand(v)
        cases.append(f"\t{v})\n\t\t_arguments $common" + "".join(
            f" \\\n\t\t    {x}" for x in lines) + "\n\t\t;;")
    common = "\n".join("\t    " + spec(o) for o in told.options["-"])
    return f"""\
#compdef h5pay
# zsh completion for h5pay; {HEAD}.

_h5pay_orders() {{ # the orders of the last month
	local -a ids
	ids=(${{(f)"$(h5pay $_h5pay_conf list --since 31d 2>/dev/null | cut -f 1)"}})
	_describe -V order ids
}}

_h5pay() {{
	local curcontext=$curcontext state line
	local -a common verbs _h5pay_conf
	typeset -A opt_args
	common=(
{common}
	)
	verbs=(
{verbs}
	)
	_arguments -C $common '1:verb:->verb' '*::argument:->rest'
	local file=${{opt_args[-c]:-$opt_args[--config]}}
	[[ -n $file ]] && _h5pay_conf=(-c $file)
	if [[ $state == verb ]]; then
		_describe verb verbs
		return
	fi
	[[ $state == rest ]] || return
	case $line[1] in
{chr(10).join(cases)}
	esac
	[[ $state == verb ]] && _describe verb verbs
}}

_h5pay "$@"
"""


def fish(told):
    lines = []
    none = " ".join(told.verbs)
    for o in told.options["-"]:
        lines.append(fish_option("", o))
    for v, (_, text) in told.verbs.items():
        lines.append(f"complete -c h5pay -n {quoted(f'not __fish_seen_subcommand_from {none}')}"
                     f" -a {v} -d {quoted(text)}")
    lines.append("complete -c h5pay -n '__fish_seen_subcommand_from help'"
                 f" -a {quoted(none)}")
    for v, (kind, _) in told.verbs.items():
        where = f"-n '__fish_seen_subcommand_from {v}' "
        for o in told.options[v]:
            lines.append(fish_option(where, o))
        if kind == "ID":
            lines.append(f"complete -c h5pay {where}-a '(__h5pay_orders)'")
        elif v == "hook":
            lines.append("complete -c h5pay -n '__fish_seen_subcommand_from "
                         "hook; and not __fish_seen_subcommand_from list "
                         "retry test' -a 'list retry test'")
            lines.append("complete -c h5pay -n '__fish_seen_subcommand_from "
                         "retry' -a '(__h5pay_orders)'")
        elif kind in OPERANDS:
            lines.append(f"complete -c h5pay {where}-a "
                         + quoted(OPERANDS[kind]))
    return f"""\
# fish completion for h5pay; {HEAD}.

function __h5pay_orders # the orders of the last month
	set -l words (commandline -opc)
	set -l conf
	for i in (seq (count $words))
		if contains -- $words[$i] -c --config
			set conf -c $words[(math $i + 1)]
		end
	end
	h5pay $conf list --since 31d 2>/dev/null | cut -f 1
end

complete -c h5pay -f
{chr(10).join(lines)}
"""


def fish_option(where, o):
    name, letter, value, words, form, text = o
    given = values(value, words)
    takes = {"flag": "", "file": " -r -F",
             "order": " -x -a '(__h5pay_orders)'"}.get(
        value, " -x" + (f" -a {quoted(given)}" if given else ""))
    if form == "ACCOUNT":
        takes = " -x -a '(__fish_complete_users)'"
    short = f" -s {letter[1]}" if letter else ""
    return (f"complete -c h5pay {where}-l {name[2:]}{short}{takes}"
            f" -d {quoted(text)}")


def main(command, folder):
    told = Told(command)
    for name, make in (("h5pay.bash", bash), ("_h5pay", zsh),
                       ("h5pay.fish", fish)):
        pathlib.Path(folder, name).write_text(make(told))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
