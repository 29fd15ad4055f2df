/* pages_parts.h - what the files of the pages share: templates and messages in
 * tables, and how one is found.  Private to common/web/pages*.c. */
#ifndef H5_WEB_PAGES_PARTS_H
#define H5_WEB_PAGES_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/format/template.h"

#define H5_PAGES_LANGS 2
extern const char *const h5_pages_langs[H5_PAGES_LANGS];

/* Templates by name ("confirm"), messages by key ("m.confirm_title"). */
struct h5_pages_entry {
	char *name;
	struct h5_template *t;
	char *file; /* where it stands, for messages to the operator */
	unsigned line;
	bool added; /* not among the compiled-in ones */
};
struct h5_pages_table {
	struct h5_pages_entry *v;
	size_t n, cap;
};

struct h5_pages {
	struct h5_pages_table templates;
	struct h5_pages_table messages[H5_PAGES_LANGS];
	bool on_demand; /* texts are compiled when first met; the tables are not
			   sorted */
	char *style;
	char *csp;
	char *headers[H5_PAGES_LANGS]; /* of every page; NULL on demand */
};

/* h5_pages_find(t, name): the entry of that name, or NULL. */
struct h5_pages_entry *h5_pages_find(
    const struct h5_pages_table *t, const char *name);

/* h5_pages_put(tab, name, t, file, line, added, e): take over t under that
 * name, and free what had the name.
 * H5_E_NOMEM: t is freed. */
H5_MUST_CHECK enum h5_code h5_pages_put(struct h5_pages_table *tab,
    const char *name, struct h5_template *t, const char *file, unsigned line,
    bool added, struct h5_err *e);

/* h5_pages_sort(t): sort by name, so that h5_pages_partial may look up. */
void h5_pages_sort(struct h5_pages_table *t);
void h5_pages_table_free(struct h5_pages_table *t);

/* h5_pages_embedded(file, n): the bytes of a file that is compiled in, or
 * NULL. */
const char *h5_pages_embedded(const char *file, size_t *n);

/* h5_pages_partial(arg, name): the template or message of that name in the
 * language of arg, a struct h5_pages_finder; NULL: there is none.  On demand it
 * is compiled when it is first met. */
struct h5_pages_finder {
	struct h5_pages *p;
	size_t lang;
};
const struct h5_template *h5_pages_partial(void *arg, const char *name);

/* h5_pages_check(p, faults): does each partial exist that is named, does
 * following them come to an end, and is each added message used?  Appends one
 * line for each fault. */
void h5_pages_check(struct h5_pages *p, struct h5_buf *faults);

#endif
