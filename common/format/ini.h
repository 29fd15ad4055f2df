/* ini.h - strict INI lines: the shape of the file, not its meaning.
 * A line is "[section]", "key = value", blank, or a comment (its first byte
 * that is not blank is # or ;).  Nothing inside a value is a comment or a
 * quote.  Blanks (space, tab) around key and value are dropped.  CR LF, and a
 * byte-order mark at the beginning, are accepted.  A first line
 * "# must end with: TEXT" (or ";") makes it a fault if the last line that is
 * not blank is not TEXT: what was cut off then shows.  Anything else is a
 * fault. All faults are reported in one run, as lines "file:line: what is
 * wrong". */
#ifndef H5_FORMAT_INI_H
#define H5_FORMAT_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"

#define H5_INI_VALUE 4096 /* longest value, bytes */
#define H5_INI_NAME 32 /* longest section or key, bytes */

/* One reading: where faults go, and how many there are. */
struct h5_ini {
	const char *file; /* borrowed; as it stands in the fault lines */
	struct h5_buf *faults; /* borrowed; lines beyond its ceiling are left
				  out, and counted */
	unsigned line; /* the line being read; at the end the last one */
	unsigned n_faults;
	bool open_end; /* the last line has no line feed, or there is none: half
			  a file may look like that */
};

/* Called for each header (key and value are NULL) and each setting, in the
 * order of the lines; h->line is the present one.  The strings are valid
 * UTF-8 without control bytes but tab, and live until the text does. */
typedef void (*h5_ini_fn)(void *ctx, struct h5_ini *h, const char *section,
    const char *key, char *value);

/* h5_ini_read(h, text, n, fn, ctx): read n bytes of text, which must be
 * followed by a NUL and is cut into strings in place.  h: file and faults are
 * set, the numbers are 0. */
void h5_ini_read(
    struct h5_ini *h, char *text, size_t n, h5_ini_fn fn, void *ctx);

/* h5_ini_fault(h, line, fmt, ...): report one fault. */
void h5_ini_fault(struct h5_ini *h, unsigned line, const char *fmt, ...)
    H5_PRINTF(3, 4);

/* h5_ini_verdict(h, first, e): H5_OK without faults, else H5_E_CONFIG.  first:
 * the buffer's text from where the faults of h begin.  e gets the first fault,
 * and how many follow. */
H5_MUST_CHECK enum h5_code h5_ini_verdict(
    const struct h5_ini *h, const char *first, struct h5_err *e);

#endif
