#include "common/view.h"

#include <stdlib.h>
#include <string.h>

struct h5_view {
	struct h5_view_value *v;
	size_t n, cap;
	struct h5_view *root; /* where a failure is remembered */
	bool bad;
};

struct h5_view *
h5_view_new(void)
{
	struct h5_view *v = calloc(1, sizeof *v);

	if (v != NULL)
		v->root = v;
	return v;
}

static void
value_empty(struct h5_view_value *x)
{
	for (size_t i = 0; i < x->n_items; i++)
		h5_view_free(x->items[i]);
	free(x->items);
	free(x->str);
	x->items = NULL;
	x->n_items = 0;
	x->str = NULL;
	x->flag = false;
}

/* Views nest as deep as our own code makes them: two levels. */
void
h5_view_free(struct h5_view *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < v->n; i++) {
		value_empty(&v->v[i]);
		free(v->v[i].name);
	}
	free(v->v);
	free(v);
}

static struct h5_view_value *
value_of(const struct h5_view *v, const char *name)
{
	/* The first letter tells most of them apart. */
	for (size_t i = 0; i < v->n; i++) {
		if (v->v[i].name[0] == name[0] &&
		    strcmp(v->v[i].name, name) == 0)
			return &v->v[i];
	}
	return NULL;
}

/* The value called name, made when there is none; NULL: out of memory. */
static struct h5_view_value *
value_make(struct h5_view *v, const char *name)
{
	struct h5_view_value *x = value_of(v, name);

	if (x != NULL)
		return x;
	if (v->n == v->cap) {
		size_t cap = v->cap == 0 ? 32 : v->cap * 2;
		struct h5_view_value *more =
		    reallocarray(v->v, cap, sizeof *more);

		if (more == NULL)
			goto bad;
		v->v = more;
		v->cap = cap;
	}
	x = &v->v[v->n];
	*x = (struct h5_view_value){.name = strdup(name)};
	if (x->name == NULL)
		goto bad;
	v->n++;
	return x;
bad:
	v->root->bad = true;
	return NULL;
}

void
h5_view_str(struct h5_view *v, const char *name, const char *value)
{
	struct h5_view_value *x;
	char *copy;

	if (v == NULL || value == NULL)
		return;
	copy = strdup(value);
	x = copy == NULL ? NULL : value_make(v, name);
	if (x == NULL) {
		free(copy);
		v->root->bad = true;
		return;
	}
	value_empty(x);
	x->kind = H5_VIEW_STR;
	x->str = copy;
}

void
h5_view_flag(struct h5_view *v, const char *name, bool on)
{
	struct h5_view_value *x = v == NULL ? NULL : value_make(v, name);

	if (x == NULL)
		return;
	value_empty(x);
	x->kind = H5_VIEW_FLAG;
	x->flag = on;
}

struct h5_view *
h5_view_item(struct h5_view *v, const char *name)
{
	struct h5_view_value *x = v == NULL ? NULL : value_make(v, name);
	struct h5_view **more;
	struct h5_view *item;

	if (x == NULL)
		return NULL;
	if (x->kind != H5_VIEW_LIST) {
		value_empty(x);
		x->kind = H5_VIEW_LIST;
	}
	more = reallocarray(x->items, x->n_items + 1, sizeof(*more));
	item = more == NULL ? NULL : h5_view_new();
	if (more != NULL)
		x->items = more;
	if (item == NULL) {
		v->root->bad = true;
		return NULL;
	}
	item->root = v->root;
	x->items[x->n_items++] = item;
	return item;
}

void
h5_view_spoil(struct h5_view *v)
{
	if (v != NULL)
		v->root->bad = true;
}

const struct h5_view_value *
h5_view_find(const struct h5_view *v, const char *name)
{
	return v == NULL ? NULL : value_of(v, name);
}

bool
h5_view_complete(const struct h5_view *v)
{
	return v != NULL && !v->root->bad;
}
