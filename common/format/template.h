/* template.h - a subset of Mustache over a tree of values.
 * Compile a template once, then render it from any thread.
 *
 * There are variables {{name}} (escaped by h5_escape_html) and {{{name}}} or
 * {{&name}} (raw), sections {{#name}}..{{/name}}, inverted sections
 * {{^name}}..{{/name}}, partials {{>name}} and comments {{!..}}.  Lines that
 * hold a tag alone, and the indentation of partials, are treated as the
 * Mustache specification says.  A name that a view lacks is looked up in the
 * enclosing view.  Names are [0-9A-Za-z_.-]; dotted ones are plain names here.
 * Lambdas and set-delimiter tags do not exist; the latter are refused when a
 * template is compiled. */
#ifndef H5_FORMAT_TEMPLATE_H
#define H5_FORMAT_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/format/template_data.h"

struct h5_template;

#define H5_TEMPLATE_DEPTH 16 /* sections and partials inside each other */

/* h5_template_compile(name, src, n, out, e): compile n bytes of src.  name is
 * copied, and used in messages.
 * H5_E_INPUT: e->msg is "name:line: what is wrong".
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_template_compile(const char *name,
    const char *src, size_t n, struct h5_template **out, struct h5_err *e);

/* h5_template_compile_at(name, line, src, n, out, e): the same for text that
 * begins at a line (from 1) of the file called name. */
H5_MUST_CHECK enum h5_code h5_template_compile_at(const char *name,
    unsigned line, const char *src, size_t n, struct h5_template **out,
    struct h5_err *e);
void h5_template_free(struct h5_template *t);

/* Where partials come from.  find returns NULL if there is none of that name,
 * which is an error when the template is rendered. */
struct h5_template_source {
	const struct h5_template *(*find)(void *arg, const char *name);
	void *arg;
	unsigned set; /* below H5_TEMPLATE_SETS, for h5_template_bind */
};

/* h5_template_bind(t, from): find the partials of t once, for every render from
 * a source of the same set.  Those that it does not have are looked for at each
 * render.  Call it before the first render; what was found must live as long as
 * t is rendered. */
#define H5_TEMPLATE_SETS 2
void h5_template_bind(
    struct h5_template *t, const struct h5_template_source *from);

/* h5_template_render(t, view, from, out, e): append the template, filled from
 * view.  A name that is in no view is empty.  from may be NULL if no partials
 * are used.
 * H5_E_INPUT: an unknown partial, too deep, or out's ceiling was hit.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_template_render(const struct h5_template *t,
    const struct h5_data *view, const struct h5_template_source *from,
    struct h5_buf *out, struct h5_err *e);

/* h5_template_each_partial(t, fn, arg): call fn with each partial's name. */
void h5_template_each_partial(const struct h5_template *t,
    void (*fn)(void *arg, const char *name), void *arg);

#endif
