/* The values that a template is filled with: texts, flags, and lists of more.
 */
#include "common/format/template_data.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHAINS 32
#define VALUES_MAX 60000 /* of one list of values; an index fits 16 bits */

struct h5_data {
	struct h5_data_value *v;
	size_t n, cap;
	/* Values by their keys: in each chain stand those of one key modulo
	 * CHAINS, as their index plus one; 0 ends it. */
	uint16_t chains[CHAINS];
	struct h5_data *root; /* where a failure is remembered */
	bool bad;
};

struct h5_data *
h5_data_new(void)
{
	struct h5_data *v = calloc(1, sizeof *v);

	if (v != NULL)
		v->root = v;
	return v;
}

/* A value that was copied lies behind the name, in one block with it. */
static void
value_drop(struct h5_data_value *x)
{
	for (size_t i = 0; i < x->n_items; i++)
		h5_data_free(x->items[i]);
	free(x->items);
	free(x->name);
}

/* Views nest only as deep as our own code makes them, which is two levels. */
void
h5_data_free(struct h5_data *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < v->n; i++)
		value_drop(&v->v[i]);
	free(v->v);
	free(v);
}

unsigned
h5_data_key(const char *name)
{
	unsigned key = 0;

	for (; *name != '\0'; name++)
		key = key * 31 + (unsigned char)*name;
	return key;
}

static struct h5_data_value *
value_of(const struct h5_data *v, unsigned key, const char *name)
{
	size_t i = v->chains[key % CHAINS];

	for (; i != 0; i = v->v[i - 1].next) {
		if (v->v[i - 1].key == key &&
		    strcmp(v->v[i - 1].name, name) == 0)
			return &v->v[i - 1];
	}
	return NULL;
}

/* Makes room for one more value; NULL: out of memory. */
static struct h5_data_value *
append(struct h5_data *v)
{
	if (v->n == v->cap) {
		size_t cap = v->cap == 0 ? 32 : v->cap * 2;
		struct h5_data_value *more =
		    cap > VALUES_MAX ? NULL
				     : reallocarray(v->v, cap, sizeof *more);

		if (more == NULL)
			return NULL;
		v->v = more;
		v->cap = cap;
	}
	return &v->v[v->n++];
}

/* Puts a value called name in the place of one that was there.  str is a copy
 * of copied, unless that is NULL.  NULL: out of memory. */
static struct h5_data_value *
value_make(struct h5_data *v, const char *name, enum h5_data_kind kind,
    const char *copied)
{
	size_t n = strlen(name) + 1, more = copied ? strlen(copied) + 1 : 0;
	struct h5_data_value now = {.key = h5_data_key(name), .kind = kind};
	struct h5_data_value *x = value_of(v, now.key, name);
	bool fresh = x == NULL;
	char *block = malloc(n + more);

	if (block != NULL && fresh)
		x = append(v);
	if (block == NULL || x == NULL) {
		free(block);
		v->root->bad = true;
		return NULL;
	}
	/* The copies come first, since the text to be copied may belong to the
	 * value that is replaced. */
	now.name = memcpy(block, name, n);
	if (more > 0)
		now.str = memcpy(block + n, copied, more);
	if (fresh) {
		now.next = v->chains[now.key % CHAINS];
		v->chains[now.key % CHAINS] = (uint16_t)v->n;
	} else {
		now.next = x->next;
		value_drop(x);
	}
	*x = now;
	return x;
}

void
h5_data_str(struct h5_data *v, const char *name, const char *value)
{
	if (v != NULL && value != NULL)
		(void)value_make(v, name, H5_DATA_STR, value);
}

void
h5_data_ref(struct h5_data *v, const char *name, const char *value)
{
	struct h5_data_value *x = NULL;

	if (v != NULL && value != NULL)
		x = value_make(v, name, H5_DATA_STR, NULL);
	if (x != NULL)
		x->str = value;
}

void
h5_data_flag(struct h5_data *v, const char *name, bool on)
{
	struct h5_data_value *x = NULL;

	if (v != NULL)
		x = value_make(v, name, H5_DATA_FLAG, NULL);
	if (x != NULL)
		x->flag = on;
}

struct h5_data *
h5_data_item(struct h5_data *v, const char *name)
{
	struct h5_data_value *x =
	    v == NULL ? NULL : value_of(v, h5_data_key(name), name);
	struct h5_data **more;
	struct h5_data *item;

	if (v != NULL && (x == NULL || x->kind != H5_DATA_LIST))
		x = value_make(v, name, H5_DATA_LIST, NULL);
	if (x == NULL)
		return NULL;
	more = reallocarray(x->items, x->n_items + 1, sizeof(*more));
	item = more == NULL ? NULL : h5_data_new();
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
h5_data_spoil(struct h5_data *v)
{
	if (v != NULL)
		v->root->bad = true;
}

const struct h5_data_value *
h5_data_find(const struct h5_data *v, const char *name)
{
	return h5_data_find_key(v, h5_data_key(name), name);
}

const struct h5_data_value *
h5_data_find_key(const struct h5_data *v, unsigned key, const char *name)
{
	return v == NULL ? NULL : value_of(v, key, name);
}

bool
h5_data_complete(const struct h5_data *v)
{
	return v != NULL && !v->root->bad;
}
