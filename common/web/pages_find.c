/* Where a template or a message is found: in the tables that were loaded, or,
 * for one request alone, in what is compiled in. */
#include "common/web/pages_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/embed.h"

const char *const h5_pages_langs[H5_PAGES_LANGS] = {"zh-CN", "en"};

/* --- tables -------------------------------------------------------------- */

struct h5_pages_entry *
h5_pages_find(const struct h5_pages_table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->v[i].name, name) == 0)
			return &t->v[i];
	}
	return NULL;
}

static int
entry_compare(const void *a, const void *b)
{
	const struct h5_pages_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
name_compare(const void *key, const void *element)
{
	const struct h5_pages_entry *y = element;

	return strcmp(key, y->name);
}

/* Once sorted. */
static const struct h5_template *
table_look_up(const struct h5_pages_table *t, const char *name)
{
	const struct h5_pages_entry *en =
	    t->n == 0 ? NULL
		      : bsearch(name, t->v, t->n, sizeof *t->v, name_compare);

	return en == NULL ? NULL : en->t;
}

/* Puts t under name, in the place of what was there.  Takes t over. */
enum h5_code
h5_pages_put(struct h5_pages_table *tab, const char *name,
    struct h5_template *t, const char *file, unsigned line, bool added,
    struct h5_err *e)
{
	struct h5_pages_entry *en = h5_pages_find(tab, name);
	char *file_copy = strdup(file);

	if (file_copy == NULL)
		goto nomem;
	if (en == NULL) {
		if (tab->n == tab->cap) {
			size_t cap = tab->cap == 0 ? 64 : tab->cap * 2;
			struct h5_pages_entry *more =
			    reallocarray(tab->v, cap, sizeof *more);

			if (more == NULL)
				goto nomem;
			tab->v = more;
			tab->cap = cap;
		}
		en = &tab->v[tab->n];
		*en = (struct h5_pages_entry){
		    .name = strdup(name), .added = added};
		if (en->name == NULL)
			goto nomem;
		tab->n++;
	}
	/* Freed only now that nothing can fail. */
	h5_template_free(en->t);
	free(en->file);
	en->t = t;
	en->file = file_copy;
	en->line = line;
	return H5_OK;
nomem:
	free(file_copy);
	h5_template_free(t);
	return h5_err_nomem(e);
}

void
h5_pages_table_free(struct h5_pages_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		h5_template_free(t->v[i].t);
		free(t->v[i].name);
		free(t->v[i].file);
	}
	free(t->v);
}

void
h5_pages_sort(struct h5_pages_table *t)
{
	if (t->n > 0)
		qsort(t->v, t->n, sizeof *t->v, entry_compare);
}

/* --- on demand ----------------------------------------------------------- */

const char *
h5_pages_embedded(const char *file, size_t *n)
{
	for (size_t i = 0; i < h5_embed_count; i++) {
		/* A dozen names: a search by hand is quick enough. */
		if (strcmp(h5_embed_files[i].name, file) == 0) {
			*n = h5_embed_files[i].length;
			return (const char *)h5_embed_files[i].bytes;
		}
	}
	return NULL;
}

/* The text of "key = text" in the n bytes of a messages file. */
static const char *
find_message(const char *s, size_t n, const char *key, size_t *len)
{
	const char *end = s + n, *nl;
	size_t k = strlen(key);

	for (; s < end; s = nl + 1) {
		nl = memchr(s, '\n', (size_t)(end - s));
		if (nl == NULL)
			nl = end;
		/* The key must be followed by blanks or "=", or "paid" would
		 * find "paid_at". */
		if ((size_t)(nl - s) <= k || memcmp(s, key, k) != 0)
			continue;
		s += k;
		s += strspn(s, " \t");
		if (s >= nl || *s != '=')
			continue;
		s++;
		s += strspn(s, " \t");
		*len = s < nl ? (size_t)(nl - s) : 0;
		return s;
	}
	return NULL;
}

/* Compiles the one text that is asked for, out of what is compiled in. */
static const struct h5_template *
table_fetch(
    struct h5_pages_finder *f, struct h5_pages_table *tab, const char *name)
{
	const char *message = strncmp(name, "m.", 2) == 0 ? name + 2 : NULL;
	struct h5_pages_entry *en = h5_pages_find(tab, name);
	struct h5_template *t;
	struct h5_err e;
	char file[64];
	size_t n;
	const char *s;

	/* A page uses some texts more than once. */
	if (en != NULL)
		return en->t;
	(void)snprintf(file, sizeof file, "%s%s",
	    message == NULL ? name : "messages.",
	    message == NULL ? ".html" : h5_pages_langs[f->lang]);
	s = h5_pages_embedded(file, &n);
	if (s != NULL && message != NULL)
		s = find_message(s, n, message, &n);
	if (s == NULL || h5_template_compile(file, s, n, &t, &e) != H5_OK ||
	    h5_pages_put(tab, name, t, file, 1, false, &e) != H5_OK)
		return NULL;
	return t;
}

const struct h5_template *
h5_pages_partial(void *arg, const char *name)
{
	struct h5_pages_finder *f = arg;
	struct h5_pages_table *tab = strncmp(name, "m.", 2) == 0
					 ? &f->p->messages[f->lang]
					 : &f->p->templates;

	return f->p->on_demand ? table_fetch(f, tab, name)
			       : table_look_up(tab, name);
}
