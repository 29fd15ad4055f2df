/* fuzz.h - what the fuzz targets share.  A target is one function that takes
 * any bytes and says with MUST what has to hold; it keeps nothing from one
 * input to the next. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fields.h"
#include "common/store/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* MUST(condition): a property; where it does not hold the program says so and
 * dies, and the input that broke it is kept. */
#define MUST(condition)                                                        \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, \
			    __LINE__, #condition);                             \
			abort();                                               \
		}                                                              \
	} while (0)

/* fuzz_text(p, n): n bytes and a NUL in a block of exactly that size, so that
 * a sanitizer sees one byte more; free() it. */
static inline char *
fuzz_text(const void *p, size_t n)
{
	char *text = malloc(n + 1);

	MUST(text != NULL);
	if (n > 0)
		memcpy(text, p, n);
	text[n] = '\0';
	return text;
}

/* fuzz_cut(rest, mark): the text up to mark, which becomes a NUL; *rest is
 * what follows.  Without a mark all of it, and then "". */
static inline char *
fuzz_cut(char **rest, char mark)
{
	char *piece = *rest, *end = strchr(piece, mark);

	if (end == NULL) {
		*rest = piece + strlen(piece);
	} else {
		*end = '\0';
		*rest = end + 1;
	}
	return piece;
}

/* fuzz_same(a, b): the same fields in the same order? */
static inline bool
fuzz_same(const struct h5_fields *a, const struct h5_fields *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (a->v[i].name_len != b->v[i].name_len ||
		    a->v[i].value_len != b->v[i].value_len ||
		    memcmp(a->v[i].name, b->v[i].name, a->v[i].name_len) != 0 ||
		    memcmp(a->v[i].value, b->v[i].value, a->v[i].value_len) !=
			0)
			return false;
	return true;
}

/* fuzz_there(a, b): the same place in a chain?  Not by bytes: there is padding
 * between them. */
static inline bool
fuzz_there(const struct h5_ledger_at *a, const struct h5_ledger_at *b)
{
	return a->n == b->n && a->more == b->more &&
	       strcmp(a->sum, b->sum) == 0;
}

#endif
