#!/bin/sh
# Turns the files named as arguments into C: the array h5_embed_files that
# common/embed.h declares, in the order given.
set -eu
LC_ALL=C
export LC_ALL

echo '#include "common/embed.h"'
i=0
for f in "$@"; do
	printf '\n/* %s */\nstatic const unsigned char file%d[] = {\n' "$f" $i
	# A last byte 0 keeps an empty file from being an empty array.
	od -An -v -tx1 "$f" | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'
	printf '0x00};\n'
	i=$((i + 1))
done
printf '\nconst struct h5_embed h5_embed_files[] = {\n'
i=0
for f in "$@"; do
	printf '\t{"%s", file%d, sizeof file%d - 1},\n' "${f##*/}" $i $i
	i=$((i + 1))
done
printf '};\nconst size_t h5_embed_count = %d;\n' $i
