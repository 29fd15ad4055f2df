#!/bin/sh
# Checks a webhook of h5pay (Standard Webhooks); needs openssl.
#
#	webhook.sh SECRET_FILE ID TIMESTAMP SIGNATURE <BODY
#
# SECRET_FILE holds hooks.webhook_secret; the three are the headers webhook-id,
# webhook-timestamp, webhook-signature.  Exit 0: it is from our h5pay, and the body
# is printed.  For a moment the secret stands in the process list: not for a
# machine that you share.  A shop on the same machine needs no webhook: see
# hooks.exec.
set -eu

if [ $# -ne 4 ]; then
	echo "usage: $0 SECRET_FILE ID TIMESTAMP SIGNATURE <BODY" >&2
	exit 64
fi
refuse() {
	echo "not from our h5pay" >&2
	exit 1
}

tolerance=300
case $3 in
*[!0-9]* | '' | 0* | ????????????*) refuse ;;
esac
age=$(($(date +%s) - $3))
[ "${age#-}" -le $tolerance ] || refuse

body=$(mktemp)
trap 'rm -f "$body"' EXIT
cat >"$body"
key=$(sed 's/^whsec_//' "$1" | openssl base64 -d -A | od -An -v -tx1 |
    tr -d ' \n')
want=v1,$({
	printf '%s.%s.' "$2" "$3"
	cat "$body"
} | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary |
    openssl base64 -A)

case " $4 " in
*" $want "*) cat "$body" ;;
*) refuse ;;
esac
