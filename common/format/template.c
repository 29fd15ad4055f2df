#include "common/format/template.h"

#include <stdlib.h>
#include <string.h>

#include "common/format/escape.h"

enum op_kind {
	OP_TEXT,
	OP_INDENT, /* a line of the template begins here */
	OP_VAR,
	OP_RAW,
	OP_SECTION,
	OP_INVERTED,
	OP_END,
	OP_PARTIAL
};

/* Pointers go into the template's own copy of its source.  A name is made a
 * string by writing a NUL over the byte behind it, which is part of a tag. */
struct op {
	enum op_kind kind;
	bool bol; /* of text: begins a line */
	unsigned key; /* of the name */
	const char *p; /* text, or the name */
	/* Of text its length, of a section the index of its OP_END, of a
	 * partial its index among the partials. */
	size_t n;
};

struct partial {
	const char *indent; /* when it stands alone on its line */
	size_t n_indent;
	const struct h5_template *bound[H5_TEMPLATE_SETS];
};

struct h5_template {
	char *name;
	char *src;
	struct op *ops;
	size_t n, cap;
	struct partial *partials;
	size_t n_partials;
};

struct compiler {
	struct h5_template *t;
	size_t n; /* length of the source */
	unsigned line; /* of the place reached */
	bool bol; /* nothing was emitted for this line yet */
	size_t open[H5_TEMPLATE_DEPTH]; /* sections not yet closed */
	unsigned open_line[H5_TEMPLATE_DEPTH];
	size_t depth;
	struct h5_err *e;
};

struct tag {
	char kind; /* # ^ / > ! & { or 'v' for a variable */
	size_t from, to; /* of the whole tag */
	size_t name, name_end;
	size_t line_start, next; /* of the line, when it stands alone */
	bool alone;
};

#define FAULT(c, ...) fault((c), (c)->line, __VA_ARGS__)
static enum h5_code
fault(
    const struct compiler *c, unsigned line, const char *what, const char *name)
{
	return h5_err_set(c->e, H5_E_INPUT, "%s:%u: %s%s%s", c->t->name, line,
	    what, name[0] == '\0' ? "" : " ", name);
}

static enum h5_code
emit(struct compiler *c, struct op op)
{
	struct h5_template *t = c->t;

	if (t->n == t->cap) {
		size_t cap = t->cap == 0 ? 16 : t->cap * 2;
		struct op *more = reallocarray(t->ops, cap, sizeof *more);

		if (more == NULL)
			return h5_err_nomem(c->e);
		t->ops = more;
		t->cap = cap;
	}
	t->ops[t->n++] = op;
	return H5_OK;
}

static enum h5_code
emit_indent(struct compiler *c)
{
	if (!c->bol)
		return H5_OK;
	c->bol = false;
	return emit(c, (struct op){.kind = OP_INDENT});
}

static void
count_lines(struct compiler *c, size_t from, size_t to)
{
	for (; from < to; from++) {
		if (c->t->src[from] == '\n')
			c->line++;
	}
}

static enum h5_code
emit_text(struct compiler *c, size_t from, size_t to)
{
	const char *s = c->t->src;
	struct op op = {.kind = OP_TEXT, .bol = c->bol};

	if (from == to)
		return H5_OK;
	op.p = s + from;
	op.n = to - from;
	c->bol = s[to - 1] == '\n';
	count_lines(c, from, to);
	return emit(c, op);
}

static enum h5_code
emit_partial(struct compiler *c, struct op op, const struct partial *pa)
{
	struct h5_template *t = c->t;
	struct partial *more =
	    reallocarray(t->partials, t->n_partials + 1, sizeof *more);

	if (more == NULL)
		return h5_err_nomem(c->e);
	t->partials = more;
	op.kind = OP_PARTIAL;
	op.n = t->n_partials++;
	t->partials[op.n] = *pa;
	return emit(c, op);
}

static bool
is_blank(char ch)
{
	return ch == ' ' || ch == '\t';
}

/* Does the tag stand alone on its line (Mustache specification, "standalone
 * lines")?  Then the line leaves no trace. */
static void
find_line(const struct compiler *c, struct tag *tag)
{
	const char *s = c->t->src;
	size_t a = tag->from, b = tag->to;

	if (strchr("#^/>!", tag->kind) == NULL)
		return;
	while (a > 0 && is_blank(s[a - 1]))
		a--;
	while (b < c->n && is_blank(s[b]))
		b++;
	if (b + 1 < c->n && s[b] == '\r' && s[b + 1] == '\n')
		b++;
	if ((a > 0 && s[a - 1] != '\n') || (b < c->n && s[b] != '\n'))
		return;
	tag->alone = true;
	tag->line_start = a;
	tag->next = b < c->n ? b + 1 : b;
}

static bool
is_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char ch = s[i];

		if (!(ch >= '0' && ch <= '9') && !(ch >= 'A' && ch <= 'Z') &&
		    !(ch >= 'a' && ch <= 'z') && ch != '_' && ch != '.' &&
		    ch != '-')
			return false;
	}
	/* "." alone is Mustache's implicit iterator, which we do not have. */
	return n > 0 && !(n == 1 && s[0] == '.');
}

/* The tag that begins at from; c->line is its line. */
static enum h5_code
read_tag(struct compiler *c, size_t from, struct tag *tag)
{
	char *s = c->t->src;
	const char *close;
	size_t p = from + 2;

	*tag = (struct tag){.kind = 'v', .from = from};
	if (p < c->n && s[p] != '\0' && strchr("#^/>!&{=", s[p]) != NULL)
		tag->kind = s[p++];
	close = memmem(s + p, c->n - p, tag->kind == '{' ? "}}}" : "}}",
	    tag->kind == '{' ? 3 : 2);
	if (close == NULL)
		return FAULT(c, "this tag is not closed", "");
	tag->to = (size_t)(close - s) + (tag->kind == '{' ? 3 : 2);
	find_line(c, tag);
	if (tag->kind == '!')
		return H5_OK;
	if (tag->kind == '=')
		return FAULT(c, "the delimiters cannot be changed here", "");
	tag->name = p;
	tag->name_end = (size_t)(close - s);
	while (tag->name < tag->name_end && is_blank(s[tag->name]))
		tag->name++;
	while (tag->name < tag->name_end && is_blank(s[tag->name_end - 1]))
		tag->name_end--;
	if (!is_name(s + tag->name, tag->name_end - tag->name))
		return FAULT(c, "this tag holds no name", "");
	s[tag->name_end] = '\0';
	return H5_OK;
}

static enum h5_code
open_section(struct compiler *c, struct op op)
{
	if (c->depth == H5_TEMPLATE_DEPTH)
		return FAULT(c, "sections are too deep at", op.p);
	c->open_line[c->depth] = c->line;
	c->open[c->depth++] = c->t->n;
	return emit(c, op);
}

static enum h5_code
close_section(struct compiler *c, const struct tag *tag)
{
	const char *name = c->t->src + tag->name;
	struct op *op;

	if (c->depth == 0)
		return FAULT(c, "closes a section that is not open:", name);
	op = &c->t->ops[c->open[--c->depth]];
	if (strcmp(op->p, name) != 0)
		return FAULT(c, "closes another section than the open", op->p);
	op->n = c->t->n;
	return emit(c, (struct op){.kind = OP_END, .p = name});
}

static enum h5_code
emit_tag(struct compiler *c, const struct tag *tag)
{
	const char *s = c->t->src;
	struct op op = {.kind = OP_VAR, .p = s + tag->name};
	struct partial pa = {.indent = NULL};

	if (tag->kind == '!')
		return H5_OK;
	op.key = h5_data_key(op.p);
	switch (tag->kind) {
	case '#':
	case '^':
		op.kind = tag->kind == '#' ? OP_SECTION : OP_INVERTED;
		return open_section(c, op);
	case '/':
		return close_section(c, tag);
	case '>':
		if (tag->alone) {
			pa.indent = s + tag->line_start;
			pa.n_indent = tag->from - tag->line_start;
		}
		return emit_partial(c, op, &pa);
	case '&':
	case '{':
		op.kind = OP_RAW;
		return emit(c, op);
	default:
		return emit(c, op);
	}
}

static enum h5_code
compile(struct compiler *c)
{
	const char *s = c->t->src;
	size_t pos = 0;
	enum h5_code rc;

	while (pos < c->n) {
		const char *at = memmem(s + pos, c->n - pos, "{{", 2);
		unsigned line = c->line;
		size_t text_end, from;
		struct tag tag;

		if (at == NULL)
			return emit_text(c, pos, c->n);
		from = (size_t)(at - s);
		count_lines(c, pos, from);
		rc = read_tag(c, from, &tag);
		if (rc != H5_OK)
			return rc;
		c->line = line;
		text_end = tag.alone ? tag.line_start : from;
		rc = emit_text(c, pos, text_end);
		if (rc == H5_OK && !tag.alone)
			rc = emit_indent(c);
		if (rc == H5_OK)
			rc = emit_tag(c, &tag);
		if (rc != H5_OK)
			return rc;
		pos = tag.alone ? tag.next : tag.to;
		count_lines(c, from, pos);
	}
	return H5_OK;
}

/* There are hundreds, most of one or two steps. */
static enum h5_code
shrink(const struct compiler *c)
{
	struct h5_template *t = c->t;
	struct op *less;

	if (t->n == t->cap)
		return H5_OK;
	less = reallocarray(t->ops, t->n, sizeof *less);
	if (less == NULL)
		return h5_err_nomem(c->e);
	t->ops = less;
	t->cap = t->n;
	return H5_OK;
}

enum h5_code
h5_template_compile_at(const char *name, unsigned line, const char *src,
    size_t n, struct h5_template **out, struct h5_err *e)
{
	struct compiler c = {.line = line, .n = n, .bol = true, .e = e};
	enum h5_code rc;

	*out = NULL;
	c.t = calloc(1, sizeof *c.t);
	if (c.t == NULL)
		return h5_err_nomem(e);
	c.t->name = strdup(name);
	c.t->src = malloc(n + 1);
	if (c.t->name == NULL || c.t->src == NULL) {
		h5_template_free(c.t);
		return h5_err_nomem(e);
	}
	if (n > 0)
		memcpy(c.t->src, src, n);
	c.t->src[n] = '\0';
	rc = compile(&c);
	if (rc == H5_OK && c.depth > 0)
		rc = fault(&c, c.open_line[c.depth - 1],
		    "nothing closes the section",
		    c.t->ops[c.open[c.depth - 1]].p);
	if (rc == H5_OK)
		rc = shrink(&c);
	if (rc != H5_OK) {
		h5_template_free(c.t);
		return rc;
	}
	*out = c.t;
	return H5_OK;
}

enum h5_code
h5_template_compile(const char *name, const char *src, size_t n,
    struct h5_template **out, struct h5_err *e)
{
	return h5_template_compile_at(name, 1, src, n, out, e);
}

void
h5_template_free(struct h5_template *t)
{
	if (t == NULL)
		return;
	free(t->ops);
	free(t->partials);
	free(t->src);
	free(t->name);
	free(t);
}

void
h5_template_each_partial(const struct h5_template *t,
    void (*fn)(void *arg, const char *name), void *arg)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->ops[i].kind == OP_PARTIAL)
			fn(arg, t->ops[i].p);
	}
}

void
h5_template_bind(struct h5_template *t, const struct h5_template_source *from)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct op *op = &t->ops[i];

		if (op->kind == OP_PARTIAL)
			t->partials[op->n].bound[from->set] =
			    from->find(from->arg, op->p);
	}
}

/* --- rendering ----------------------------------------------------------- */

/* Views and indentations of the places we are inside of, innermost first;
 * they live on the stack of the call that opened them. */
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
look_up(const struct scope *sc, const struct op *op)
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

/* Where the text of a partial is indented, each of its lines is, but for empty
 * ones. */
static void
put_text(struct h5_buf *out, const struct op *op, const struct indent *in)
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
		return h5_err_set(
		    r->e, H5_E_INPUT, "%s: too deep at %s", t->name, name);
	r->depth++;
	return H5_OK;
}

/* The section at index i, as often as its value says. */
static enum h5_code
render_section(struct renderer *r, const struct h5_template *t, size_t i,
    const struct scope *sc, const struct indent *in)
{
	const struct op *op = &t->ops[i];
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
    const struct op *op, const struct scope *sc, const struct indent *in)
{
	const struct partial *pa = &t->partials[op->n];
	const struct h5_template *p = NULL;
	struct indent inner = {pa->indent, pa->n_indent, in};
	enum h5_code rc;

	if (r->from != NULL) {
		p = pa->bound[r->from->set];
		if (p == NULL)
			p = r->from->find(r->from->arg, op->p);
	}
	if (p == NULL)
		return h5_err_set(r->e, H5_E_INPUT, "%s: no partial called %s",
		    t->name, op->p);
	rc = deeper(r, t, op->p);
	if (rc != H5_OK)
		return rc;
	/* Inside a line the partial's text goes on where we are. */
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
		const struct op *op = &t->ops[i];

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
