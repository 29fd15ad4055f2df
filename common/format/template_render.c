/* Fills a compiled template from its data. */
#include "common/format/template.h"

#include <string.h>

#include "common/format/escape.h"
#include "common/format/template_parts.h"

/* The views and indentations around the present place, innermost first.  Each
 * lives on the stack of the call that opened it. */
struct scope {
	const struct h5_data *view;
	const struct scope *up;
};
struct indent {
	const char *p;
	size_t n;
	const struct indent *up;
};

struct renderer {
	const struct h5_template_source *from;
	struct h5_buf *out;
	size_t depth;
	struct h5_err *e;
};

static enum h5_code render_ops(struct renderer *r, const struct h5_template *t,
    size_t from, size_t to, const struct scope *sc, const struct indent *in);

static const struct h5_data_value *
look_up(const struct scope *sc, const struct h5_template_op *op)
{
	const struct h5_data_value *x = NULL;

	for (; sc != NULL && x == NULL; sc = sc->up)
		x = h5_data_find_key(sc->view, op->key, op->p);
	return x;
}

static bool
truthy(const struct h5_data_value *x)
{
	if (x == NULL)
		return false;
	switch (x->kind) {
	case H5_DATA_STR:
		return x->str[0] != '\0';
	case H5_DATA_FLAG:
		return x->flag;
	case H5_DATA_LIST:
		return x->n_items > 0;
	}
	return false;
}

static void
put_indent(struct h5_buf *out, const struct indent *in)
{
	if (in == NULL)
		return;
	put_indent(out, in->up);
	h5_buf_add(out, in->p, in->n);
}

/* If a partial is indented, each of its lines is, except empty ones. */
static void
put_text(struct h5_buf *out, const struct h5_template_op *op,
    const struct indent *in)
{
	const char *p = op->p, *end = p + op->n, *nl;
	bool bol = op->bol;

	if (in == NULL) {
		h5_buf_add(out, p, op->n);
		return;
	}
	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		nl = nl == NULL ? end - 1 : nl;
		if (bol && *p != '\n')
			put_indent(out, in);
		h5_buf_add(out, p, (size_t)(nl + 1 - p));
		bol = true;
	}
}

static void
put_value(struct h5_buf *out, const struct h5_data_value *x, bool raw)
{
	if (x == NULL || x->kind == H5_DATA_LIST)
		return;
	if (x->kind == H5_DATA_FLAG)
		h5_buf_puts(out, x->flag ? "true" : "false");
	else if (raw)
		h5_buf_puts(out, x->str);
	else
		h5_escape_html(out, x->str);
}

static enum h5_code
deeper(struct renderer *r, const struct h5_template *t, const char *name)
{
	if (r->depth == H5_TEMPLATE_DEPTH)
		return h5_err_set(r->e, H5_E_INPUT,
		    "%s: nested too deeply at %s", t->name, name);
	r->depth++;
	return H5_OK;
}

/* Renders the section at index i, as often as its value says. */
static enum h5_code
render_section(struct renderer *r, const struct h5_template *t, size_t i,
    const struct scope *sc, const struct indent *in)
{
	const struct h5_template_op *op = &t->ops[i];
	const struct h5_data_value *x = look_up(sc, op);
	enum h5_code rc;

	if (truthy(x) != (op->kind == OP_SECTION))
		return H5_OK;
	rc = deeper(r, t, op->p);
	if (rc != H5_OK)
		return rc;
	if (op->kind == OP_SECTION && x->kind == H5_DATA_LIST) {
		for (size_t k = 0; k < x->n_items && rc == H5_OK; k++) {
			struct scope inner = {x->items[k], sc};

			rc = render_ops(r, t, i + 1, op->n, &inner, in);
		}
	} else {
		rc = render_ops(r, t, i + 1, op->n, sc, in);
	}
	r->depth--;
	return rc;
}

static enum h5_code
render_partial(struct renderer *r, const struct h5_template *t,
    const struct h5_template_op *op, const struct scope *sc,
    const struct indent *in)
{
	const struct h5_template_partial *pa = &t->partials[op->n];
	const struct h5_template *p = NULL;
	struct indent inner = {pa->indent, pa->n_indent, in};
	enum h5_code rc;

	if (r->from != NULL) {
		p = pa->bound[r->from->set];
		if (p == NULL)
			p = r->from->find(r->from->arg, op->p);
	}
	if (p == NULL)
		return h5_err_set(r->e, H5_E_INPUT,
		    "%s: there is no partial called %s", t->name, op->p);
	rc = deeper(r, t, op->p);
	if (rc != H5_OK)
		return rc;
	/* A partial inside a line goes on in that line, so it gets no
	 * indentation. */
	if (pa->indent == NULL)
		in = NULL;
	else if (pa->n_indent > 0)
		in = &inner;
	rc = render_ops(r, p, 0, p->n, sc, in);
	r->depth--;
	return rc;
}

static enum h5_code
render_ops(struct renderer *r, const struct h5_template *t, size_t from,
    size_t to, const struct scope *sc, const struct indent *in)
{
	enum h5_code rc = H5_OK;

	for (size_t i = from; i < to && rc == H5_OK; i++) {
		const struct h5_template_op *op = &t->ops[i];

		switch (op->kind) {
		case OP_TEXT:
			put_text(r->out, op, in);
			break;
		case OP_INDENT:
			put_indent(r->out, in);
			break;
		case OP_VAR:
		case OP_RAW:
			put_value(r->out, look_up(sc, op), op->kind == OP_RAW);
			break;
		case OP_SECTION:
		case OP_INVERTED:
			rc = render_section(r, t, i, sc, in);
			i = op->n;
			break;
		case OP_PARTIAL:
			rc = render_partial(r, t, op, sc, in);
			break;
		case OP_END:
			break;
		}
	}
	return rc;
}

enum h5_code
h5_template_render(const struct h5_template *t, const struct h5_data *view,
    const struct h5_template_source *from, struct h5_buf *out, struct h5_err *e)
{
	struct renderer r = {.from = from, .out = out, .e = e};
	struct scope top = {view, NULL};
	enum h5_code rc;

	if (!h5_data_complete(view))
		return h5_err_nomem(e);
	rc = render_ops(&r, t, 0, t->n, &top, NULL);
	return rc == H5_OK ? h5_buf_finish(out, e) : rc;
}
