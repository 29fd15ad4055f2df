/* Names and values in the order they came, each name once. */
#include "common/base/fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"

#define BLOCK 488 /* bytes of text: with its head and malloc's, 512 */
#define FIRST_CAP 16 /* fields; few events and forms have more */

/* Names and values lie one behind the other in a few blocks and never move.
 * Most lists take two allocations and are freed with two.  What was replaced or
 * dropped stays there, wiped, until the list is released. */
struct h5_fields_block {
	struct h5_fields_block *next;
	size_t used, size;
	char text[];
};

void
h5_fields_init(struct h5_fields *f, size_t max_n, size_t max_bytes)
{
	f->v = NULL;
	f->texts = NULL;
	f->n = 0;
	f->cap = 0;
	f->bytes = 0;
	f->max_n = max_n;
	f->max_bytes = max_bytes;
}

/* n bytes that stay until the list is released; NULL: no memory. */
static char *
take(struct h5_fields *f, size_t n)
{
	struct h5_fields_block *b = f->texts;
	size_t size = n > BLOCK ? n : BLOCK;

	if (b == NULL || b->size - b->used < n) {
		b = malloc(sizeof *b + size);
		if (b == NULL)
			return NULL;
		b->next = f->texts;
		b->used = 0;
		b->size = size;
		f->texts = b;
	}
	b->used += n;
	return b->text + b->used - n;
}

/* Wipes one field; its slot can be used again by the caller. */
static void
clear(struct h5_fields *f, struct h5_field *slot)
{
	f->bytes -= slot->name_len + slot->value_len;
	explicit_bzero(slot->value, slot->value_len);
}

static void
cut_to(struct h5_fields *f, size_t n)
{
	while (f->n > n) {
		f->n--;
		clear(f, &f->v[f->n]);
	}
}

void
h5_fields_release(struct h5_fields *f)
{
	struct h5_fields_block *b, *next;

	for (b = f->texts; b != NULL; b = next) {
		next = b->next;
		explicit_bzero(b->text, b->used);
		free(b);
	}
	free(f->v);
	h5_fields_init(f, f->max_n, f->max_bytes);
}

static struct h5_field *
find(const struct h5_fields *f, const char *name, size_t name_len)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i].name_len == name_len &&
		    memcmp(f->v[i].name, name, name_len) == 0)
			return &f->v[i];
	return NULL;
}

/* Makes room for one more slot. */
static enum h5_code
grow(struct h5_fields *f, struct h5_err *e)
{
	struct h5_field *v;
	size_t cap;

	if (f->n >= f->max_n)
		return h5_err_set(
		    e, H5_E_INPUT, "more than %zu fields", f->max_n);
	if (f->n < f->cap)
		return H5_OK;
	cap = f->cap < FIRST_CAP ? FIRST_CAP : f->cap * 2;
	v = reallocarray(f->v, cap, sizeof *v);
	if (v == NULL)
		return h5_err_nomem(e);
	f->v = v;
	f->cap = cap;
	return H5_OK;
}

/* Would the list stay below its ceiling if gone bytes left it and these came?
 * Written so that no sum can wrap. */
static enum h5_code
fits(const struct h5_fields *f, size_t gone, size_t name_len, size_t value_len,
    struct h5_err *e)
{
	size_t room = f->max_bytes - (f->bytes - gone);

	if (name_len > room || value_len > room - name_len)
		return h5_err_set(e, H5_E_INPUT,
		    "the fields are longer than %zu bytes together",
		    f->max_bytes);
	return H5_OK;
}

static enum h5_code
fill(struct h5_fields *f, struct h5_field *slot, const char *name,
    size_t name_len, const char *value, size_t value_len, struct h5_err *e)
{
	char *block = take(f, name_len + value_len + 2);

	if (block == NULL)
		return h5_err_nomem(e);
	memcpy(block, name, name_len);
	block[name_len] = '\0';
	memcpy(block + name_len + 1, value, value_len);
	block[name_len + 1 + value_len] = '\0';
	slot->name = block;
	slot->name_len = name_len;
	slot->value = block + name_len + 1;
	slot->value_len = value_len;
	return H5_OK;
}

enum h5_code
h5_fields_addn(struct h5_fields *f, const char *name, size_t name_len,
    const char *value, size_t value_len, struct h5_err *e)
{
	enum h5_code rc;

	if (memchr(name, '\0', name_len) != NULL ||
	    memchr(value, '\0', value_len) != NULL)
		return h5_err_set(e, H5_E_INPUT, "a field contains a NUL byte");
	if (find(f, name, name_len) != NULL)
		return h5_err_set(e, H5_E_EXISTS, "doubled field %.*s",
		    (int)(name_len > 64 ? 64 : name_len), name);
	rc = fits(f, 0, name_len, value_len, e);
	if (rc == H5_OK)
		rc = grow(f, e);
	if (rc == H5_OK)
		rc = fill(f, &f->v[f->n], name, name_len, value, value_len, e);
	if (rc != H5_OK)
		return rc;
	f->n++;
	f->bytes += name_len + value_len;
	return H5_OK;
}

enum h5_code
h5_fields_add(
    struct h5_fields *f, const char *name, const char *value, struct h5_err *e)
{
	return h5_fields_addn(f, name, strlen(name), value, strlen(value), e);
}

enum h5_code
h5_fields_add_int(
    struct h5_fields *f, const char *name, int64_t value, struct h5_err *e)
{
	char text[H5_TEXT_NUMBER];

	h5_text_number(value, text);
	return h5_fields_add(f, name, text, e);
}

void
h5_fields_drop(struct h5_fields *f, const char *name)
{
	struct h5_field *slot = find(f, name, strlen(name));
	size_t i;

	if (slot == NULL)
		return;
	i = (size_t)(slot - f->v);
	clear(f, slot);
	memmove(slot, slot + 1, (f->n - i - 1) * sizeof *slot);
	f->n--;
}

const char *
h5_fields_get(const struct h5_fields *f, const char *name)
{
	const struct h5_field *slot = find(f, name, strlen(name));

	return slot == NULL ? NULL : slot->value;
}

bool
h5_fields_is(const struct h5_fields *f, const char *name, const char *value)
{
	const char *got = h5_fields_get(f, name);

	return got != NULL && strcmp(got, value) == 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct h5_field *const *l = a;
	const struct h5_field *const *r = b;

	/* strcmp compares as unsigned char: byte order, "_" between the
	 * cases (PROTOCOL 1.3). */
	return strcmp((*l)->name, (*r)->name);
}

enum h5_code
h5_fields_sorted(
    const struct h5_fields *f, const struct h5_field ***out, struct h5_err *e)
{
	const struct h5_field **v;
	size_t i;

	*out = NULL;
	v = calloc(f->n > 0 ? f->n : 1, sizeof(const struct h5_field *));
	if (v == NULL)
		return h5_err_nomem(e);
	for (i = 0; i < f->n; i++)
		v[i] = &f->v[i];
	qsort(v, f->n, sizeof(const struct h5_field *), by_name);
	*out = v;
	return H5_OK;
}

enum h5_code
h5_fields_copy(
    struct h5_fields *to, const struct h5_fields *from, struct h5_err *e)
{
	size_t before = to->n, i;
	enum h5_code rc = H5_OK;

	for (i = 0; i < from->n && rc == H5_OK; i++)
		rc = h5_fields_addn(to, from->v[i].name, from->v[i].name_len,
		    from->v[i].value, from->v[i].value_len, e);
	/* All or nothing. */
	if (rc != H5_OK)
		cut_to(to, before);
	return rc;
}
