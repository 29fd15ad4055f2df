#!/bin/sh
# The Debian package in a fresh Debian 12: install, use, upgrade, remove, purge.
#	check-deb.sh DEB-FOLDER
# Needs root, debootstrap and a mirror; says so and leaves that part out without.
set -u

folder=$1
passed=0 failed=0
ok() {
	passed=$((passed + 1))
	echo "ok - $1"
}
check() { # WHAT COMMAND...
	what=$1
	shift
	if "$@" >"$log" 2>&1; then
		ok "$what"
	else
		failed=$((failed + 1))
		echo "not ok - $what"
		sed 's/^/#   /' "$log" | tail -20
	fi
}
finish() {
	echo "deb: $passed passed, $failed failed"
	[ $failed -eq 0 ] && [ $passed -gt 0 ]
	exit
}
work=$(mktemp -d)
log=$work/log
# proc goes before the tree that it is mounted in.
server=
trap 'stop_server; umount "$work/debian/proc" 2>/dev/null
rm -rf --one-file-system "$work"' EXIT

deb=$(echo "$folder"/h5pay_*_*.deb)
if command -v lintian >/dev/null; then
	check "lintian finds nothing" lintian --fail-on error,warning \
	    --allow-root "$folder"/h5pay_*.changes
else
	echo "# lintian is not installed"
fi

tree=$work/tree
bill=$tree/usr/share/doc/h5pay/h5pay.spdx.json
dpkg-deb -x "$deb" "$tree"
check "the bill of materials is what is linked" python3 \
    "$(dirname "$0")/sbom.py" "$bill" needed "$tree"/usr/bin/h5pay \
    "$tree"/usr/lib/h5pay/*
check "and has what the package depends on" python3 "$(dirname "$0")/sbom.py" \
    "$bill" depends "$(dpkg-deb -f "$deb" Depends)"

if [ "$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null; then
	echo "# no root or no debootstrap: the package was not installed"
	finish
fi
root=$work/debian
mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p;s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
needs=$(dpkg-deb -f "$deb" Depends | tr ',' '\n' |
    sed 's/ *(.*//; s/^ *//; s/ *|.*//' | paste -s -d,)
if ! debootstrap --variant=minbase --include="$needs,lighttpd,perl" bookworm "$root" \
    "$mirror" >"$log" 2>&1; then
	echo "# debootstrap failed: the package was not installed"
	tail -n 3 "$log" | sed 's/^/#   /'
	finish
fi
mount -t proc proc "$root/proc" 2>/dev/null
inside() {
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	    DEBIAN_FRONTEND=noninteractive "$@"
}
as() { # ACCOUNT COMMAND...
	account=$1
	shift
	inside setpriv --reuid "$account" --regid "$account" --clear-groups "$@"
}
as_h5pay() {
	as h5pay "$@"
}
conf=$root/etc/h5pay/h5pay.conf

# lighttpd by its own files, on a port of this machine that is free.
port=
start_server() { # three tries: somebody may have been faster at the port
	for try in 1 2 3; do
		start_once && return 0
		stop_server
	done
	cat "$work/lighttpd.out" "$root/var/log/lighttpd/error.log" |
	    tail -n 5 | sed 's/^/#   /'
	return 1
}
start_once() {
	port=$(python3 -c 'import socket; s = socket.socket()
s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	sed -i -e "s/^server.port .*/server.port = $port/" \
	    -e '/use-ipv6/d' "$root/etc/lighttpd/lighttpd.conf"
	# What a booted machine has made.
	inside install -d -o www-data -g www-data /run/lighttpd
	# exec: the process that is stopped is lighttpd, no shell before it.
	(exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	    lighttpd -D -f /etc/lighttpd/lighttpd.conf \
	    >"$work/lighttpd.out" 2>&1) &
	server=$!
	until answer / | grep -q '^[0-9]'; do
		kill -0 $server 2>/dev/null || return 1
	done
}
stop_server() {
	[ -z "$server" ] || kill $server 2>/dev/null
	[ -z "$server" ] || wait $server 2>/dev/null
	server=
}
answer() { # PATH: status and data-page
	python3 - "http://127.0.0.1:$port$1" <<'END'
import re, sys, time, urllib.error, urllib.request
try:
    try:
        r = urllib.request.urlopen(sys.argv[1], timeout=30)
    except urllib.error.HTTPError as e:
        r = e
    page = re.search(r'data-page="([^"]*)"', r.read().decode("latin-1"))
    print(r.status, page[1] if page else "-")
except OSError:
    time.sleep(.05)
END
}
runs_as() { # ACCOUNT PROGRAM: it runs there, and as nobody else
	want=$(inside id -u "$1")
	seen=no
	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/exe")" = "$root/usr/lib/h5pay/$2" ] || continue
		seen=yes
		uid=$(awk '/^Uid:/ { print $2 }' "$p/status")
		[ "$uid" = "$want" ] || return 1
	done
	[ $seen = yes ]
}
serves() { # PATH STATUS PAGE
	got=$(answer "$1")
	echo "$1: $got"
	[ "$got" = "$2 $3" ]
}

cp "$deb" "$root/one.deb"
check "install" inside dpkg -i /one.deb
check "the configuration is there, for root and h5pay alone" \
    [ "$(inside stat -c %a:%U:%G /etc/h5pay/h5pay.conf)" = 640:root:h5pay ]
as_h5pay h5pay check >"$log" 2>&1
code=$?
check "h5pay check says what is to be filled in: 78" [ $code = 78 ]

echo 8934e7d15453e97507ef794cf7b0519d >"$root/etc/h5pay/secrets/api_key"
inside chown root:h5pay /etc/h5pay/secrets/api_key
chmod 640 "$root/etc/h5pay/secrets/api_key"
sed -i -e 's/^appid = .*/appid = wx8888888888888888/' \
    -e 's/^mch_id = .*/mch_id = 1230000109/' "$conf"
check "h5pay check, once it is filled in" as_h5pay h5pay check
for p in checkout return-page notify query; do
	check "$p accepts it" as_h5pay /usr/lib/h5pay/$p \
	    -c /etc/h5pay/h5pay.conf -t
done
check "a pay link" as_h5pay h5pay link --order shop-1 --total-fee 1 --body Tea
check "the store is good" as_h5pay h5pay fsck

# lighttpd, as its README says; then back to the account of the units.
inside chown -R www-data: /etc/h5pay /var/lib/h5pay /var/log/h5pay
chmod 600 "$conf" "$root"/etc/h5pay/secrets/*
check "lighty-enable-mod h5pay" inside lighty-enable-mod h5pay
check "it brings mod_fastcgi along" \
    [ -e "$root/etc/lighttpd/conf-enabled/10-fastcgi.conf" ]
check "lighttpd -tt is content" \
    inside lighttpd -tt -f /etc/lighttpd/lighttpd.conf
if start_server; then
	check "lighttpd serves checkout" serves /pay/checkout 400 bad-request
	check "and a signed link's page" serves "/pay/$(as www-data h5pay link \
	    --order shop-2 --total-fee 1 --body Tea | sed 's|.*/||')" \
	    200 confirm
	check "and query" serves /pay/query 404 not-found
	check "as www-data" runs_as www-data checkout
	stop_server
else
	check "lighttpd starts" false
fi
check "lighty-disable-mod h5pay" inside lighty-disable-mod h5pay
check "lighttpd -tt without it" \
    inside lighttpd -tt -f /etc/lighttpd/lighttpd.conf
if start_server; then
	check "and nothing is served" serves /pay/checkout 404 -
	stop_server
else
	check "lighttpd starts without it" false
fi
inside chown -R root:h5pay /etc/h5pay
inside chown -R h5pay: /var/lib/h5pay /var/log/h5pay
chmod 640 "$conf" "$root"/etc/h5pay/secrets/*
chmod 750 "$root/etc/h5pay" "$root/etc/h5pay/secrets"
check "h5pay check as h5pay again" as_h5pay h5pay check
echo kept >"$root/var/lib/h5pay/kept"

# The same package under the next number.
dpkg-deb -R "$deb" "$work/next"
sed -i 's/^Version: .*/&+next/' "$work/next/DEBIAN/control"
dpkg-deb --root-owner-group -b "$work/next" "$root/two.deb" >/dev/null
cp -p "$conf" "$work/conf"
cp -p "$root/etc/h5pay/secrets/site_secret" "$work/secret"
check "upgrade" inside dpkg -i /two.deb
check "the configuration is as it was" cmp "$conf" "$work/conf"
check "the secret is as it was" \
    cmp "$root/etc/h5pay/secrets/site_secret" "$work/secret"
check "it is still good" as_h5pay h5pay check

check "remove" inside dpkg -r h5pay
check "the programs are gone" [ ! -e "$root/usr/lib/h5pay/checkout" ]
check "the configuration stays" [ -e "$conf" ]
check "install again" inside dpkg -i /two.deb
check "the configuration is found again" as_h5pay h5pay check
check "purge" inside dpkg -P h5pay
check "the configuration is gone" [ ! -e "$conf" ]
check "the shop's own key stays" [ -e "$root/etc/h5pay/secrets/api_key" ]
check "the orders stay" [ -e "$root/var/lib/h5pay/kept" ]
finish
