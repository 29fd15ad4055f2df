/* Looks through templates and messages when they are loaded, so that no fault
 * waits for a buyer. */
#include "common/web/pages_parts.h"

#include <string.h>

/* What a walk over the partials carries along. */
struct walk {
	struct h5_pages_finder f;
	struct h5_buf *faults;
	const struct h5_pages_entry *from;
	size_t depth;
	const char *too_deep; /* the partial at which the limit was reached */
};

static void
name_missing(void *arg, const char *name)
{
	struct walk *w = arg;

	bool message = strncmp(name, "m.", 2) == 0;

	/* A template that is missing is missing in every language, so it is
	 * reported for the first one only. */
	if (h5_pages_partial(&w->f, name) != NULL ||
	    (!message && w->f.lang > 0))
		return;
	if (message)
		h5_buf_printf(w->faults, "%s:%u: messages.%s has no %s\n",
		    w->from->file, w->from->line, h5_pages_langs[w->f.lang],
		    name + 2);
	else
		h5_buf_printf(w->faults,
		    "%s:%u: there is no template %s.html\n", w->from->file,
		    w->from->line, name);
}

static void
go_deeper(void *arg, const char *name)
{
	struct walk *w = arg;
	const struct h5_template *t = h5_pages_partial(&w->f, name);

	if (t == NULL || w->too_deep != NULL)
		return;
	/* As deep as rendering goes, so what passes here will be rendered. */
	if (w->depth == H5_TEMPLATE_DEPTH) {
		w->too_deep = name;
		return;
	}
	w->depth++;
	h5_template_each_partial(t, go_deeper, w);
	w->depth--;
}

/* A circle shows in every template that leads to it, but is reported once. */
static void
check_depth(struct h5_pages *p, struct h5_buf *faults,
    const struct h5_pages_table *tab, size_t lang)
{
	for (size_t i = 0; i < tab->n; i++) {
		struct walk w = {{p, lang}, faults, &tab->v[i], 1, NULL};
		const struct h5_pages_entry *en = w.from;

		h5_template_each_partial(en->t, go_deeper, &w);
		if (w.too_deep == NULL)
			continue;
		/* The template at which it became too deep is part of the
		 * circle; the one that led to it may be innocent. */
		for (size_t k = 0; k < tab->n; k++) {
			if (strcmp(tab->v[k].name, w.too_deep) == 0)
				en = &tab->v[k];
		}
		h5_buf_printf(faults,
		    "%s:%u: includes itself, or is nested too deeply\n",
		    en->file, en->line);
		return;
	}
}

static void
check_missing(struct h5_pages *p, struct h5_buf *faults,
    const struct h5_pages_table *tab, size_t lang)
{
	for (size_t i = 0; i < tab->n; i++) {
		struct walk w = {{p, lang}, faults, &tab->v[i], 1, NULL};

		h5_template_each_partial(w.from->t, name_missing, &w);
	}
}

struct search {
	const char *name;
	bool found;
};

static void
search_partial(void *arg, const char *name)
{
	struct search *s = arg;

	if (strcmp(name, s->name) == 0)
		s->found = true;
}

static bool
is_used(const struct h5_pages *p, size_t lang, const char *name)
{
	const struct h5_pages_table *tabs[] = {
	    &p->templates, &p->messages[lang]};
	struct search s = {name, false};

	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < tabs[k]->n && !s.found; i++)
			h5_template_each_partial(
			    tabs[k]->v[i].t, search_partial, &s);
	}
	return s.found;
}

/* A key that is new and that nothing uses is taken for a misspelt one. */
static void
check_keys(struct h5_pages *p, struct h5_buf *faults)
{
	for (size_t k = 0; k < H5_PAGES_LANGS; k++) {
		const struct h5_pages_table *tab = &p->messages[k];

		for (size_t i = 0; i < tab->n; i++) {
			if (!tab->v[i].added || is_used(p, k, tab->v[i].name))
				continue;
			h5_buf_printf(faults, "%s:%u: no template uses %s\n",
			    tab->v[i].file, tab->v[i].line, tab->v[i].name + 2);
		}
	}
}

void
h5_pages_check(struct h5_pages *p, struct h5_buf *faults)
{
	/* Each language by itself: a message may be there in one only. */
	for (size_t k = 0; k < H5_PAGES_LANGS; k++) {
		check_missing(p, faults, &p->templates, k);
		check_missing(p, faults, &p->messages[k], k);
		check_depth(p, faults, &p->messages[k], k);
	}
	check_depth(p, faults, &p->templates, 0);
	check_keys(p, faults);
}
