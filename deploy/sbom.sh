#!/bin/sh
# The software bill of materials (SPDX 2.3, JSON) of programs that are built:
# each library that is linked, its version and its licence.
#   sbom.sh NAME VERSION static MAP...       from the maps of the linker
#   sbom.sh NAME VERSION dynamic PROGRAM...  from the programs' own lists
# DEPENDS: what else a package depends on, as in its control file.
# SOURCE_DATE_EPOCH: the day that it bears.  CC: the compiler that linked.
# Libraries are known by their Debian package; one without a licence in the
# table below is an error, so that none is left out.
set -eu
LC_ALL=C
export LC_ALL

die() {
	echo "sbom.sh: $*" >&2
	exit 1
}
licence() { # SOURCE-PACKAGE
	case $1 in
	adduser) echo GPL-2.0-or-later ;;
	c-ares) echo MIT ;;
	ca-certificates) echo "GPL-2.0-or-later AND MPL-2.0" ;;
	curl) echo curl ;;
	gcc-[0-9]*) echo "GPL-3.0-or-later WITH GCC-exception-3.1" ;;
	glibc) echo LGPL-2.1-or-later ;;
	jansson) echo MIT ;;
	libfcgi) echo OML ;;
	mxml) echo Apache-2.0 ;; # since 3.0; with leave to link GPL 2 programs
	openssl) echo Apache-2.0 ;;
	qr-code-generator) echo MIT ;;
	zlib) echo Zlib ;;
	*) die "no licence is known for $1" ;;
	esac
}

[ $# -ge 4 ] || die "usage: sbom.sh NAME VERSION static|dynamic FILE..."
name=$1 version=$2 kind=$3
shift 3
created=$(date -u -d "@${SOURCE_DATE_EPOCH:?}" +%Y-%m-%dT%H:%M:%SZ)
. /etc/os-release
distro="distro=$ID-$VERSION_ID"

# Archives that a member was taken of, and the start files.  A map lists members
# first; lines that begin with a blank tell who asked for them.
static_files() {
	awk 'FNR == 1 { members = 1 }
	/^Memory Configuration/ { members = 0 }
	members && /^[^ \t]+\.a\(/ { sub(/\.a\(.*/, ".a"); print }
	/^LOAD .*\.o$/ { print substr($0, 6) }' "$@" |
	    grep -v -e '/libh5\.a$' -e '/obj/.*\.o$' | sort -u
}
dynamic_files() {
	readelf -d "$@" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p' | sort -u |
	while read -r file; do
		${CC:-cc} -print-file-name="$file"
	done
}
package_of() { # FILE: the Debian package that it is of
	path=$(realpath -e "$1") || die "no file $1"
	# /lib is a link to /usr/lib, and packages have files in either.
	for p in "$path" "${path#/usr}" "/usr$path"; do
		if found=$(dpkg-query -S "$p" 2>/dev/null); then
			echo "${found%%: *}"
			return
		fi
	done
	die "$path is of no package"
}
quote() { # for an address of a package (purl)
	echo "$1" | sed 's/:/%3A/g; s/+/%2B/g'
}

# One line a library: SOURCE VERSION PURL.
of_file() {
	if [ "${1##*/}" = libcurl.a ]; then
		# curl.sh has built it, and says from what.
		v=$(cat "${1%/*}/../version")
		echo "curl $v pkg:deb/$ID/curl@$(quote "$v")?arch=source&$distro"
		return
	fi
	p=$(package_of "$1")
	p=$(dpkg-query -W -f '${source:Package} ${Version} ${Package} ${Architecture}\n' \
	    "$p")
	set -- $p
	echo "$1 $2 pkg:deb/$ID/$3@$(quote "$2")?arch=$4&$distro&upstream=$1"
}
libraries() {
	case $kind in
	static) static_files "$@" ;;
	dynamic) dynamic_files "$@" ;;
	*) die "$kind is neither static nor dynamic" ;;
	esac >"$work/files"
	[ -s "$work/files" ] || die "nothing is linked?"
	while read -r file; do
		of_file "$file"
	done <"$work/files" >"$work/unsorted"
	sort -u "$work/unsorted"
}
# The rest of DEPENDS: the version is whatever the host has.
others() {
	for p in $(echo "${DEPENDS:-}" | tr ',|' '\n\n' | sed 's/(.*//'); do
		grep -q "/$p@" "$work/libraries" ||
		    echo "$p - pkg:deb/$ID/$p?$distro"
	done
}
package() { # ID NAME VERSION LICENCE PURPOSE PURL
	cat <<END
    {
      "SPDXID": "SPDXRef-$1",
      "name": "$2",
END
	[ "$3" = - ] || echo "      \"versionInfo\": \"$3\","
	[ -z "$6" ] || cat <<END
      "supplier": "Organization: Debian",
      "externalRefs": [
        {
          "referenceCategory": "PACKAGE-MANAGER",
          "referenceType": "purl",
          "referenceLocator": "$6"
        }
      ],
END
	cat <<END
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": false,
      "licenseConcluded": "$4",
      "licenseDeclared": "$4",
      "copyrightText": "NOASSERTION",
      "primaryPackagePurpose": "$5"
    }
END
}
relation() { # FROM TYPE TO
	cat <<END
    {
      "spdxElementId": "SPDXRef-$1",
      "relationshipType": "$2",
      "relatedSpdxElement": "SPDXRef-$3"
    }
END
}
id_of() { # PURL: its package's name, in the letters of an identifier
	echo "$1" | sed 's|^pkg:deb/[^/]*/||; s|[@?].*||; s|[^A-Za-z0-9.-]|-|g'
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
libraries "$@" >"$work/libraries"
others >"$work/others"
link=DYNAMIC_LINK
[ $kind = dynamic ] || link=STATIC_LINK
package h5pay h5pay "$version" ISC APPLICATION "" >"$work/packages"
relation DOCUMENT DESCRIBES h5pay >"$work/relations"
for list in libraries others; do
	while read -r source v purl; do
		licence=$(licence "$source")
		id=$(id_of "$purl")
		purpose=LIBRARY relation=$link
		[ $list = libraries ] || purpose=OTHER relation=DEPENDS_ON
		package "$id" "$source" "$v" "$licence" $purpose "$purl"
		relation h5pay $relation "$id" >>"$work/relations"
	done <"$work/$list" >>"$work/packages"
done
sum=$(cat "$work/packages" "$work/relations" | sha256sum | cut -c1-32)
commas() { # between what stands in a list
	sed '$!s/^    }$/    },/' "$1"
}
cat <<END
{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "$name",
  "documentNamespace": "https://h5pay.example/spdx/$name-$sum",
  "creationInfo": {
    "created": "$created",
    "creators": ["Tool: h5pay-sbom-$version"]
  },
  "packages": [
$(commas "$work/packages")
  ],
  "relationships": [
$(commas "$work/relations")
  ]
}
END
