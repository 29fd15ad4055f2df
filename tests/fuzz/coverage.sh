#!/bin/sh
# How much of a module its corpus and traps reach; make fuzz-coverage calls it.
#
#	coverage.sh FOLDER	FOLDER: replay programs with a profile
#
# Needs llvm-profdata and llvm-cov (package llvm).
set -eu
folder=$1
here=tests/fuzz
kept=$folder-inputs
python3 $here/corpus.py unpack "$kept"
while read -r t sources; do
	LLVM_PROFILE_FILE=$folder/$t.raw "$folder/$t" \
	    "$kept/traps/$t" "$kept/corpus/$t" >/dev/null 2>&1
	llvm-profdata merge -o "$folder/$t.data" "$folder/$t.raw"
	for source in $sources; do
		# The last line's tenth column: lines reached, of all.
		llvm-cov report "$folder/$t" -instr-profile="$folder/$t.data" \
		    "$source" | awk -v t="$t" -v s="$source" \
		    '$1 == "TOTAL" { print t, s, $10, "of", $8, "lines" }'
	done
done <<END
address common/format/netaddr.c
answer common/wechat/v2/message.c common/wechat/v2/message_refund.c
bill common/wechat/bill.c common/wechat/bill_find.c
catalogue common/shop/catalogue.c common/format/ini.c
cgi common/web/fcgi.c
config common/config/config.c common/config/value.c common/config/value_url.c common/format/ini.c common/format/url.c
form common/format/form.c common/base/fields.c
ledger common/store/ledger.c common/store/ledger_line.c common/order/order_json.c common/order/fold.c
ledger_line common/store/ledger_line.c
notice common/wechat/v2/message.c common/wechat/v2/sign.c common/system/crypto.c
paylink common/shop/link.c common/shop/offer.c
template common/format/template.c common/format/template_render.c common/format/escape.c common/format/template_data.c
text common/base/text.c common/base/clock.c
web common/web/request.c common/format/url.c common/format/netaddr.c
xml common/wechat/v2/xml.c common/wechat/v2/xml_write.c
xml_expat common/wechat/v2/xml.c
END
