#!/bin/sh
# Installs what h5pay needs on Debian and Ubuntu, and nothing when it is there.
#
#	install-deps.sh build       to compile
#	install-deps.sh run         ... and to run the demonstration shop
#	install-deps.sh test        ... and to run every test
#	install-deps.sh static      to compile the static tarball (make dist-static)
#	install-deps.sh -n SET      only say what is missing; exit 1 if something is
#
# What is there is found out by asking the compiler and the PATH, not the
# package system, so that headers from elsewhere count.
set -u

dry=no
if [ "${1:-}" = -n ]; then
	dry=yes
	shift
fi
set=${1:-build}
case $set in
build | run | test | static) ;;
*)
	echo "usage: $0 [-n] build|run|test|static" >&2
	exit 64
	;;
esac

missing=

need() { # PACKAGE PROBE ARGUMENT...: the package is missing if the probe fails
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}
command_() { # one of these commands is there
	for name in "$@"; do
		command -v "$name" && return 0
	done
	return 1
}
header() { # the compiler finds these headers
	for name in "$@"; do
		echo "#include <$name>"
	done | ${CC:-cc} $cppflags -E -x c -o /dev/null -
}
file_() {
	[ -e "$1" ]
}
postgresql_() { # a server, of any version
	for name in /usr/lib/postgresql/*/bin/initdb; do
		[ -x "$name" ] && return 0
	done
	return 1
}
clang_rt_() { # clang's sanitizers and libFuzzer are a package of their own
	for name in asan fuzzer; do
		[ -e "$(clang -print-file-name="libclang_rt.$name-$(uname -m).a" \
		    2>/dev/null)" ] || return 1
	done
}

cppflags=${CPPFLAGS:-}
compiler=${CC:-cc}
if ! command_ "${compiler%% *}" >/dev/null 2>&1; then
	# Without a compiler no header can be asked for: take them all.
	missing=" gcc libc6-dev libfcgi-dev libcurl4-openssl-dev libssl-dev"
	missing="$missing libmxml-dev zlib1g-dev libjansson-dev"
	missing="$missing libqrcodegen-dev"
else
	need libc6-dev header stdlib.h pthread.h
	need libfcgi-dev header fcgiapp.h
	need libcurl4-openssl-dev header curl/curl.h
	need libssl-dev header openssl/evp.h
	need libmxml-dev header mxml.h
	need libjansson-dev header jansson.h
	need libqrcodegen-dev header qrcodegen/qrcodegen.h
	need zlib1g-dev header zlib.h
fi
need make command_ make
need pkg-config command_ "${PKG_CONFIG:-pkg-config}"

if [ "$set" = static ]; then
	archive() { # a library that is linked in as a whole
		for name in "$@"; do
			[ -e "$(${CC:-cc} -print-file-name="$name")" ] || return 1
		done
	}
	need libc6-dev archive libc.a
	need libc-ares-dev archive libcares.a
	need libfcgi-dev archive libfcgi.a
	need libssl-dev archive libssl.a libcrypto.a
	need libmxml-dev archive libmxml.a
	need zlib1g-dev archive libz.a
	need libqrcodegen-dev archive libqrcodegen.a
	need libjansson-dev archive libjansson.a
	need autoconf command_ autoreconf
	need automake command_ automake
	need libtool command_ libtoolize
	need dpkg-dev command_ dpkg-source
	need patch command_ patch
	need xz-utils command_ xz
fi
if [ "$set" = run ] || [ "$set" = test ]; then
	need lighttpd file_ /usr/sbin/lighttpd
	need python3 command_ python3
fi
if [ "$set" = test ]; then
	need libexpat1-dev header expat.h
	need libpq-dev header postgresql/libpq-fe.h
	need postgresql postgresql_
	need libcmocka-dev header stdarg.h stddef.h setjmp.h stdint.h cmocka.h
	need gcc command_ gcc
	need clang command_ clang
	need libclang-rt-dev clang_rt_
	need clang-tidy command_ clang-tidy
	need cppcheck command_ cppcheck
	need clang-format command_ clang-format clang-format-14
	need binutils command_ nm
	need valgrind command_ valgrind
	need strace command_ strace
	need spin command_ spin
	need mandoc command_ mandoc
	need faketime command_ faketime
	need spawn-fcgi command_ spawn-fcgi
	need apache2 file_ /usr/sbin/apache2
	need libapache2-mod-fcgid file_ \
	    /usr/lib/apache2/modules/mod_fcgid.so
	need apache2-suexec-custom file_ /etc/apache2/suexec/www-data
	need nginx-light file_ /usr/sbin/nginx
	need caddy command_ caddy
	need haproxy file_ /usr/sbin/haproxy
	need fcgiwrap file_ /usr/sbin/fcgiwrap
	need systemd command_ systemd-analyze
	need rsync command_ rsync
	need logrotate file_ /usr/sbin/logrotate
	need golang-go command_ go
	need openssl command_ openssl
	need php-cli command_ php
	need nodejs command_ node
	need npm command_ npm
	need chromium command_ chromium chromium-browser google-chrome
	need zbar-tools command_ zbarimg
	need zsh command_ zsh
	need fish command_ fish
	need fonts-wqy-microhei file_ \
	    /usr/share/fonts/truetype/wqy/wqy-microhei.ttc
fi

[ -z "$missing" ] && exit 0
missing=${missing# }
line="apt-get install --no-install-recommends $missing"

if [ $dry = yes ]; then
	{
		echo "Missing: $missing"
		case $set in
		build) echo "\"make deps\" installs what a build needs. By hand:" ;;
		*) echo "\"make deps-$set\" installs it. By hand:" ;;
		esac
		echo "    sudo $line"
	} >&2
	exit 1
fi

become=
if [ "$(id -u)" -ne 0 ]; then
	if command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true; } \
	    2>/dev/null; then
		become="sudo"
	else
		become=no
	fi
fi
if [ "$become" = no ] || ! command -v apt-get >/dev/null 2>&1; then
	{
		echo "Missing: $missing"
		echo "This needs root. Run:"
		echo "    sudo $line"
	} >&2
	exit 1
fi

log=$(mktemp) || exit 1
policy=/usr/sbin/policy-rc.d
held=no
tidy() {
	rm -f "$log"
	[ $held = yes ] && $become rm -f $policy
}
trap tidy EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The demonstration and the tests start web servers of their own on ports of
# their own: the packages must not start theirs on port 80 on the way.
servers=
for name in lighttpd apache2 nginx-light caddy haproxy fcgiwrap; do
	case " $missing " in
	*" $name "*) servers="$servers ${name%-light}" ;;
	esac
done
case $servers in
?*)
	if [ ! -e $policy ]; then
		held=yes
		printf '#!/bin/sh\nexit 101\n' | $become tee $policy >/dev/null &&
		    $become chmod 755 $policy
	fi
	;;
esac

apt() {
	$become env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
	    -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null \
	    >>"$log" 2>&1
}
echo "Needed and not there: $missing" >&2
apt update # what comes of it shows in the next line
# What it comes to, before anything is installed.
# shellcheck disable=SC2086
apt-get -s install --no-install-recommends $missing 2>/dev/null |
	awk '/^Inst / { n++ } END { if (n) print "Installing " n " packages" }' >&2
# shellcheck disable=SC2086
if ! apt install --no-install-recommends $missing; then
	tail -n 20 "$log" >&2
	echo "That failed. By hand: sudo $line" >&2
	exit 1
fi
if [ $held = yes ] && [ -d /run/systemd/system ]; then
	# shellcheck disable=SC2086
	$become systemctl disable -q $servers 2>/dev/null
fi
exit 0
