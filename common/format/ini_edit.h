/* ini_edit.h - sets one key in the text of an INI file.
 * All other bytes stay as they are: comments, blank lines, the order, the ends
 * of lines. */
#ifndef H5_FORMAT_INI_EDIT_H
#define H5_FORMAT_INI_EDIT_H

#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"

struct h5_ini_set {
	const char *section, *key, *value; /* value: without a line end */
	/* Another key that means the same (api_key beside api_key_file), whose
	 * line the new one takes; or NULL. */
	const char *twin;
};

/* h5_ini_edit(text, set, out, e): append text to out with that key set.  Its
 * line is replaced where there is one.  Else the new line goes below the
 * comment "#key = ..." of its section, else below the section's last setting,
 * else into a new section at the end; before a promised last line
 * (ini.h).  H5_E_INPUT: out's ceiling.  H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_ini_edit(const char *text,
    const struct h5_ini_set *set, struct h5_buf *out, struct h5_err *e);

#endif
