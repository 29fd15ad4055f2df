/* Compiles a template: its text becomes a list of steps. */
#include "common/format/template.h"

#include <stdlib.h>
#include <string.h>

#include "common/format/template_parts.h"

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
emit(struct compiler *c, struct h5_template_op op)
{
	struct h5_template *t = c->t;

	if (t->n == t->cap) {
		size_t cap = t->cap == 0 ? 16 : t->cap * 2;
		struct h5_template_op *more =
		    reallocarray(t->ops, cap, sizeof *more);

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
	return emit(c, (struct h5_template_op){.kind = OP_INDENT});
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
	struct h5_template_op op = {.kind = OP_TEXT, .bol = c->bol};

	if (from == to)
		return H5_OK;
	op.p = s + from;
	op.n = to - from;
	c->bol = s[to - 1] == '\n';
	count_lines(c, from, to);
	return emit(c, op);
}

static enum h5_code
emit_partial(struct compiler *c, struct h5_template_op op,
    const struct h5_template_partial *pa)
{
	struct h5_template *t = c->t;
	struct h5_template_partial *more =
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
 * lines")?  If it does, the line leaves no trace. */
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

/* Reads the tag that begins at from; c->line is its line. */
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
		return FAULT(c, "this tag has no name", "");
	s[tag->name_end] = '\0';
	return H5_OK;
}

static enum h5_code
open_section(struct compiler *c, struct h5_template_op op)
{
	if (c->depth == H5_TEMPLATE_DEPTH)
		return FAULT(c, "sections are nested too deeply at", op.p);
	c->open_line[c->depth] = c->line;
	c->open[c->depth++] = c->t->n;
	return emit(c, op);
}

static enum h5_code
close_section(struct compiler *c, const struct tag *tag)
{
	const char *name = c->t->src + tag->name;
	struct h5_template_op *op;

	if (c->depth == 0)
		return FAULT(c, "closes a section that is not open:", name);
	op = &c->t->ops[c->open[--c->depth]];
	if (strcmp(op->p, name) != 0)
		return FAULT(c, "this does not close the open section", op->p);
	op->n = c->t->n;
	return emit(c, (struct h5_template_op){.kind = OP_END, .p = name});
}

static enum h5_code
emit_tag(struct compiler *c, const struct tag *tag)
{
	const char *s = c->t->src;
	struct h5_template_op op = {.kind = OP_VAR, .p = s + tag->name};
	struct h5_template_partial pa = {.indent = NULL};

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

/* There are hundreds of templates, and most have one or two steps, so no room
 * is left unused. */
static enum h5_code
shrink(const struct compiler *c)
{
	struct h5_template *t = c->t;
	struct h5_template_op *less;

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
		const struct h5_template_op *op = &t->ops[i];

		if (op->kind == OP_PARTIAL)
			t->partials[op->n].bound[from->set] =
			    from->find(from->arg, op->p);
	}
}
