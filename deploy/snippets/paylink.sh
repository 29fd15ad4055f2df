#!/bin/sh
# Prints a signed pay link for h5pay; needs openssl.
#
#	paylink.sh KEY_FILE CHECKOUT_URL order=ID total_fee=FEN body=TEXT ...
#	(attach=TEXT, expires=UNIX, return_url=URL where your shop shows it)
#
# KEY_FILE holds site.link_key.  For a moment the key stands in the process
# list: not for a machine that you share.  "h5pay link" does the same and hides it.
set -eu
LC_ALL=C
export LC_ALL

encode() { # TEXT: all bytes but A-Z a-z 0-9 - . _ ~ as %XX
	printf %s "$1" | od -An -v -tx1 | tr -s ' ' '\n' | while read -r hex; do
		case $hex in
		'') ;;
		2d | 2e | 3[0-9] | 4[1-9a-f] | 5[0-9af] | 6[1-9a-f] | 7[0-9ae])
			printf '%b' "\\0$(printf %o "0x$hex")"
			;;
		*) printf '%%%s' "$hex" | tr abcdef ABCDEF ;;
		esac
	done
}

if [ $# -lt 3 ]; then
	echo "usage: $0 KEY_FILE CHECKOUT_URL name=value ..." >&2
	exit 64
fi
key=$(tr -d '\r\n' <"$1")
url=$2
shift 2

# The parameters in byte order of their names, one a line, no line feed last.
text=$(printf '%s\n' "$@" | grep -v -e '^sig=' -e '^lang=' | sort -t= -k1,1)
sig=$(printf %s "$text" | openssl dgst -sha256 -hmac "$key")

query=
for pair in "$@"; do
	case $pair in
	sig=*) ;;
	*) query="$query${query:+&}${pair%%=*}=$(encode "${pair#*=}")" ;;
	esac
done
echo "$url?$query&sig=${sig##* }"
