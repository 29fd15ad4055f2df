#!/bin/sh
# How much of a module its corpus and traps reach; make fuzz-coverage calls it.
#
#	coverage.sh FOLDER	FOLDER: replay programs with a profile
#
# Needs llvm-profdata and llvm-cov (package llvm).
set -eu
folder=$1
here=tests/fuzz
kept=$folder-corpus
python3 $here/corpus.py unpack "$kept"
while read -r t sources; do
	LLVM_PROFILE_FILE=$folder/$t.raw "$folder/$t" $here/traps/"$t" "$kept/$t" \
	    >/dev/null 2>&1
	llvm-profdata merge -o "$folder/$t.data" "$folder/$t.raw"
	for source in $sources; do
		# The last line's tenth column: lines reached, of all.
		llvm-cov report "$folder/$t" -instr-profile="$folder/$t.data" \
		    "$source" | awk -v t="$t" -v s="$source" \
		    '$1 == "TOTAL" { print t, s, $10, "of", $8, "lines" }'
	done
done <<END
address common/netaddr.c
answer common/wxmsg.c common/wxmsg_refund.c
bill common/bill.c
catalogue common/catalogue.c common/ini.c
cgi common/fcgi.c
config common/config.c common/config_value.c common/ini.c common/url.c
form common/form.c common/fields.c
ledger common/ledger.c common/ledger_json.c common/order.c
ledger_line common/ledger.c
notice common/wxmsg.c common/sign.c
paylink common/paylink.c common/offer.c
template common/template.c common/escape.c common/view.c
text common/text.c common/clock.c
web common/web.c common/url.c common/netaddr.c
xml common/xml.c common/xml_write.c
xml_expat common/xml.c
END
