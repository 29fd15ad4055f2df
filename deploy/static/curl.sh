#!/bin/sh
# The libcurl that static programs are linked with: Debian's own source, but
# HTTP and HTTPS alone, because Debian's libcurl.a needs libraries that have no
# static form.  Nothing outside DIR is written.
#   sh deploy/static/curl.sh DIR      leaves DIR/lib/libcurl.a, DIR/include and,
#                                     for the SBOM, DIR/version
set -eu

die() {
	echo "curl.sh: $*" >&2
	exit 1
}

mkdir -p "$1"
dir=$(cd "$1" && pwd)
# What it needs is asked for by deploy/install-deps.sh (make deps-static).
# The machine's own package sources of this release, wherever they come from,
# with their source packages switched on; its lists stay as they are.
. /etc/os-release
rm -rf "$dir/apt" "$dir/src"
mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial" \
    "$dir/apt/parts" "$dir/src"
for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
	[ ! -e "$f" ] || sed -nE \
	    "s/^deb ((\[[^]]*\] +)?[^ ]+ +$VERSION_CODENAME[^ ]* .*)/deb-src \1/p" "$f"
done >"$dir/apt/parts/curl.list"
for f in /etc/apt/sources.list.d/*.sources; do
	[ ! -e "$f" ] || grep -v '^#' "$f" |
	    awk -v RS= -v ORS='\n\n' -v suite="$VERSION_CODENAME" '
	    $0 ~ "(^|\n)Suites:[^\n]*" suite {
		sub(/Types:[^\n]*/, "Types: deb-src"); print
	    }'
done >"$dir/apt/parts/curl.sources"
[ -s "$dir/apt/parts/curl.list" ] || [ -s "$dir/apt/parts/curl.sources" ] ||
	die "/etc/apt names no packages of $VERSION_CODENAME"
apt() {
	apt-get -qq -o Dir::Etc::sourcelist=/dev/null \
	    -o Dir::Etc::sourceparts="$dir/apt/parts" \
	    -o Dir::State::lists="$dir/apt/lists" \
	    -o Dir::Cache="$dir/apt/cache" "$@"
}
[ "$(id -u)" != 0 ] || as_root=-oAPT::Sandbox::User=root
apt ${as_root:-} update
cd "$dir/src"
apt ${as_root:-} source curl >"$dir/log" 2>&1 || die "apt-get source: $dir/log"

# Proxy support stays in: without it CURLOPT_PROXY is unknown, and that option
# is how common/system/https.c makes sure that no proxy is used.  c-ares asks the
# name servers itself; a static getaddrinfo would need the host's libraries.
cd curl-*/
build() {
	# Debian's two last patches turn it into the GnuTLS and NSS variants.
	patch -R -p1 <debian/patches/99_nss.patch
	patch -R -p1 <debian/patches/90_gnutls.patch
	autoreconf -fi
	./configure --prefix="$dir" --disable-shared --enable-static \
	    --with-pic --with-openssl --enable-ares --enable-http \
	    --disable-ftp --disable-file --disable-ldap --disable-ldaps \
	    --disable-rtsp --disable-dict --disable-telnet --disable-tftp \
	    --disable-pop3 --disable-imap --disable-smb --disable-smtp \
	    --disable-gopher --disable-mqtt --disable-manual \
	    --disable-alt-svc --disable-hsts --disable-unix-sockets \
	    --disable-ntlm --disable-tls-srp --without-zlib \
	    --without-brotli --without-zstd --without-nghttp2 \
	    --without-libpsl --without-libidn2 --without-librtmp \
	    --without-libssh2 --without-gssapi --without-ca-bundle \
	    --without-ca-path \
	    CFLAGS='-O2 -fstack-protector-strong -ffunction-sections -fdata-sections'
	make -C lib libcurl.la
	mkdir -p "$dir/lib" "$dir/include"
	cp -r include/curl "$dir/include"
	sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog >"$dir/version"
	cp lib/.libs/libcurl.a "$dir/lib"
}
# Not "build || die": that would switch set -e off inside.
trap '[ $? = 0 ] || echo "curl.sh: curl does not build: $dir/log" >&2' EXIT
build >>"$dir/log" 2>&1
