#!/bin/sh
# embed.sh [-n NAME] FILE...: turns the files into C: the array NAME_files that
# common/base/embed.h declares, in the order given; NAME: h5_embed.
set -eu
LC_ALL=C
export LC_ALL

name=h5_embed
if [ "$1" = -n ]; then
	name=$2
	shift 2
fi
echo '#include "common/base/embed.h"'
i=0
for f in "$@"; do
	printf '\n/* %s */\nstatic const unsigned char file%d[] = {\n' "${f##*/}" $i
	# A last byte 0 keeps an empty file from being an empty array.
	od -An -v -tx1 "$f" | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'
	printf '0x00};\n'
	i=$((i + 1))
done
printf '\nconst struct h5_embed %s_files[] = {\n' "$name"
i=0
for f in "$@"; do
	printf '\t{"%s", file%d, sizeof file%d - 1},\n' "${f##*/}" $i $i
	i=$((i + 1))
done
printf '};\nconst size_t %s_count = %d;\n' "$name" $i
