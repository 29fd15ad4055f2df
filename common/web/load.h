/* load.h - all that a program reads before it serves.
 * Configuration, catalogue and templates, in one way for a program's start,
 * its -t, h5pay check and the doctor, so that each finds the same faults. */
#ifndef H5_WEB_LOAD_H
#define H5_WEB_LOAD_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/config/config.h"
#include "common/shop/catalogue.h"
#include "common/web/pages.h"
#include "common/web/program.h"

#define H5_LOAD_FAULTS 65536 /* most bytes of faults that are kept */

/* Which pages a program needs of those that are compiled in.  The shop's own
 * templates are looked through in any case, so that a fault in one shows in
 * every program alike. */
enum h5_load_pages {
	H5_LOAD_PAGES, /* all, for as long as the program runs */
	H5_LOAD_PAGES_ONCE, /* those that one request meets (plain CGI) */
	H5_LOAD_NO_PAGES /* none: the program shows no page */
};

struct h5_loaded {
	struct h5_config *c;
	struct h5_pages *pages; /* NULL for H5_LOAD_NO_PAGES */
	struct h5_catalogue *items; /* NULL: none is configured */
};

/* h5_load(path, ready, faults, out, e): read the configuration at path and all
 * that it names, for -t, check and the doctor.
 * ready: makes the merchant's keys ready as well (h5_program); or NULL.
 * faults: gets one line "file:line: what is wrong" for each fault, of every
 *   file; a catalogue or a template is looked at only once the configuration
 *   itself has none.  Initialised by the caller.
 * out: release it with h5_load_release; empty unless H5_OK.
 * H5_E_CONFIG: faults is not empty.  H5_E_IO, H5_E_NOMEM: e->msg says what. */
H5_MUST_CHECK enum h5_code h5_load(const char *path,
    enum h5_code (*ready)(struct h5_config *c, int64_t now,
	struct h5_buf *faults, struct h5_err *e),
    struct h5_buf *faults, struct h5_loaded *out, struct h5_err *e);
/* h5_load_serving(p, path, which, faults, out, e): the same for p, which is to
 * serve, with the pages it needs; keys are not made ready.  The catalogue is
 * read only if p reads it, and half of one stops nothing that does not need it:
 * notices and signed links go on, and out->items stays NULL. */
H5_MUST_CHECK enum h5_code h5_load_serving(const struct h5_program *p,
    const char *path, enum h5_load_pages which, struct h5_buf *faults,
    struct h5_loaded *out, struct h5_err *e);

/* h5_load_pages(c, which, faults, out, e): the pages alone.  c: NULL if no
 * configuration has been found yet, for the pages that say so.  *out may be
 * NULL. */
H5_MUST_CHECK enum h5_code h5_load_pages(const struct h5_config *c,
    enum h5_load_pages which, struct h5_buf *faults, struct h5_pages **out,
    struct h5_err *e);

/* h5_load_doubts(l, out): append a line "file:line: warning: ..." for what was
 * taken and may all the same be a fault. */
void h5_load_doubts(const struct h5_loaded *l, struct h5_buf *out);

/* h5_load_release(l): free all of it; l may be empty. */
void h5_load_release(struct h5_loaded *l);

#endif
