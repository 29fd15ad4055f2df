/* template.h - a Mustache subset over a tree of values.
 * Variables {{name}} (escaped by h5_escape_html) and {{{name}}} / {{&name}}
 * (raw), sections {{#name}}..{{/name}}, inverted sections {{^name}}..{{/name}},
 * partials {{>name}}, comments {{!..}}; standalone lines and partial
 * indentation as in the Mustache specification.  A lookup that finds nothing
 * goes on in the enclosing view.  Names are [0-9A-Za-z_.-]; dotted ones are
 * plain names here.  No lambdas, no set-delimiter tags (refused at load).
 * Calling order: compile once, render from any thread. */
#ifndef H5_FORMAT_TEMPLATE_H
#define H5_FORMAT_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/format/template_data.h"

struct h5_template;

#define H5_TEMPLATE_DEPTH 16 /* sections and partials inside each other */

/* h5_template_compile(name, src, n, out, e): name (copied) is used in
 * messages.  H5_E_INPUT: "name:line: what is wrong".  H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_template_compile(const char *name,
    const char *src, size_t n, struct h5_template **out, struct h5_err *e);
/* h5_template_compile_at: the same for text that begins at a line (1...) of
 * the file called name. */
H5_MUST_CHECK enum h5_code h5_template_compile_at(const char *name,
    unsigned line, const char *src, size_t n, struct h5_template **out,
    struct h5_err *e);
void h5_template_free(struct h5_template *t);

/* Where partials come from.  find: NULL when there is none of that name (an
 * error at render). */
struct h5_template_source {
	const struct h5_template *(*find)(void *arg, const char *name);
	void *arg;
	unsigned set; /* below H5_TEMPLATE_SETS, for h5_template_bind */
};

/* h5_template_bind(t, from): find t's partials once and for all, for every
 * render from a source of the same set; those that it does not have are looked
 * for at each render.  What was found must live as long as t is rendered.
 * Before the first render. */
#define H5_TEMPLATE_SETS 2
void h5_template_bind(
    struct h5_template *t, const struct h5_template_source *from);

/* h5_template_render(t, view, from, out, e): appends to out.  A name that is in
 * no view is empty.  H5_E_INPUT: unknown partial, too deep, out's ceiling.
 * from may be NULL when no partials are used. */
H5_MUST_CHECK enum h5_code h5_template_render(const struct h5_template *t,
    const struct h5_data *view, const struct h5_template_source *from,
    struct h5_buf *out, struct h5_err *e);

/* h5_template_each_partial(t, fn, arg): calls fn with each partial's name. */
void h5_template_each_partial(const struct h5_template *t,
    void (*fn)(void *arg, const char *name), void *arg);

#endif
