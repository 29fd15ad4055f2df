/* Reads the items that can be sold by name. */
#include "common/shop/catalogue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/system/file.h"
#include "common/format/ini.h"
#include "common/base/text.h"

/* A file of a few hundred kilobytes holds thousands of items.  The limits keep
 * a wrong path from being read whole, and totals from overflowing. */
#define CATALOGUE_MAX (1024 * 1024) /* bytes of the file */
#define ITEMS_MAX 10000
#define QTY_MAX 9999

enum key { TITLE, PRICE, MIN_PRICE, MAX_PRICE, MAX_QTY, KEYS };
static const char *const key_names[KEYS] = {
    "title", "price", "min_price", "max_price", "max_qty"};

/* An item while it is read. */
struct draft {
	struct h5_item item;
	unsigned line; /* of its header */
	unsigned key_line[KEYS]; /* 0: not there */
};

struct load {
	struct h5_ini ini;
	struct draft *v;
	size_t n, cap;
	bool skip; /* the present item has no place: reported */
	enum h5_code rc; /* H5_E_NOMEM sticks */
};

/* --- line by line --------------------------------------------------------- */

static void
begin_item(struct load *l, const char *name)
{
	struct draft *v;
	size_t cap;

	_Static_assert(sizeof(l->v->item.name) > H5_INI_NAME,
	    "every section's name fits an item");
	/* Until the item has a place, its keys are passed over: its own fault
	 * has been told, and one fault for each key would bury it. */
	l->skip = true;
	if (l->n == ITEMS_MAX) {
		h5_ini_fault(&l->ini, l->ini.line,
		    "there are more than %d items", ITEMS_MAX);
		return;
	}
	if (l->n == l->cap) {
		cap = l->cap == 0 ? 16 : l->cap * 2;
		v = reallocarray(l->v, cap, sizeof(*v));
		if (v == NULL) {
			l->rc = H5_E_NOMEM;
			return;
		}
		l->v = v;
		l->cap = cap;
	}
	memset(&l->v[l->n], 0, sizeof(l->v[l->n]));
	memcpy(l->v[l->n].item.name, name, strlen(name) + 1);
	/* An item without max_qty is sold one at a time. */
	l->v[l->n].item.max_qty = 1;
	l->v[l->n].line = l->ini.line;
	l->n++;
	l->skip = false;
}

static enum h5_code
read_title(const char *value, struct h5_item *item, struct h5_err *e)
{
	if (value[0] == '\0' || !h5_text_printable(value))
		return h5_err_set(e, H5_E_CONFIG,
		    "must be the text that the buyer reads, without control "
		    "characters");
	item->title = strdup(value);
	return item->title == NULL ? h5_err_nomem(e) : H5_OK;
}

static enum h5_code
read_value(
    enum key key, const char *value, struct h5_item *item, struct h5_err *e)
{
	enum h5_code rc = H5_E_BUG;
	uint64_t n;

	switch (key) {
	case TITLE:
		return read_title(value, item, e);
	case PRICE:
		rc = h5_text_yuan(value, &item->price, e);
		break;
	case MIN_PRICE:
		rc = h5_text_yuan(value, &item->min_price, e);
		break;
	case MAX_PRICE:
		rc = h5_text_yuan(value, &item->max_price, e);
		break;
	case MAX_QTY:
		rc = h5_text_u64(value, 1, QTY_MAX, &n, e);
		if (rc == H5_OK)
			item->max_qty = (int64_t)n;
		break;
	case KEYS:
		break;
	}
	return rc;
}

static void
on_line(void *ctx, struct h5_ini *h, const char *section, const char *key,
    char *value)
{
	struct load *l = ctx;
	struct draft *d;
	const char *near;
	enum h5_code rc;
	struct h5_err why;
	unsigned k;

	if (key == NULL) {
		begin_item(l, section);
		return;
	}
	if (section[0] == '\0') {
		h5_ini_fault(h, h->line, "%s before the first [item]", key);
		return;
	}
	if (l->skip)
		return;
	d = &l->v[l->n - 1];
	for (k = 0; k < KEYS && strcmp(key, key_names[k]) != 0; k++)
		;
	if (k == KEYS) {
		near = h5_text_closest(key, key_names, KEYS);
		h5_ini_fault(h, h->line, "unknown key %s%s%s%s", key,
		    near == NULL ? "" : "; did you mean ",
		    near == NULL ? "" : near, near == NULL ? "" : "?");
		return;
	}
	if (d->key_line[k] != 0) {
		h5_ini_fault(h, h->line, "%s is already set in line %u", key,
		    d->key_line[k]);
		return;
	}
	d->key_line[k] = h->line;
	rc = read_value((enum key)k, value, &d->item, &why);
	/* Lack of memory is no fault of the file, so it is not told as a line
	 * of it. */
	if (rc == H5_E_NOMEM)
		l->rc = rc;
	else if (rc != H5_OK)
		h5_ini_fault(h, h->line, "%s: %s", key, why.msg);
}

/* --- item by item --------------------------------------------------------- */

static void
check_item(struct load *l, const struct draft *d)
{
	const struct h5_item *i = &d->item;
	const unsigned *at = d->key_line;
	int64_t most;

	if (at[TITLE] == 0)
		h5_ini_fault(
		    &l->ini, d->line, "[%s]: title is missing", i->name);
	if (at[PRICE] != 0 && (at[MIN_PRICE] != 0 || at[MAX_PRICE] != 0))
		h5_ini_fault(&l->ini, at[PRICE],
		    "[%s]: set price, or min_price and max_price, but not both",
		    i->name);
	else if (at[PRICE] == 0 && (at[MIN_PRICE] == 0 || at[MAX_PRICE] == 0))
		h5_ini_fault(&l->ini, d->line,
		    "[%s]: price is missing (or both min_price and max_price, "
		    "if the buyer names the amount)",
		    i->name);
	if (i->max_price != 0 && i->min_price > i->max_price)
		h5_ini_fault(&l->ini, at[MIN_PRICE],
		    "[%s]: min_price is above max_price", i->name);
	most = i->price > i->max_price ? i->price : i->max_price;
	if (most > H5_FEN_MAX / i->max_qty)
		h5_ini_fault(&l->ini, at[MAX_QTY],
		    "[%s]: max_qty times the price is too large", i->name);
}

static int
by_name(const void *a, const void *b)
{
	const struct draft *x = a, *y = b;
	/* Names are unique in the end.  The line breaks a tie, so that the
	 * later of two is the one that is told. */
	int order = strcmp(x->item.name, y->item.name);

	if (order != 0)
		return order;
	return x->line < y->line ? -1 : x->line > y->line;
}

static void
check_all(struct load *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		check_item(l, &l->v[i]);
	/* The items are sorted for the search; sorted here, doubles are
	 * neighbours. */
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_name);
	for (i = 1; i < l->n; i++)
		if (strcmp(l->v[i].item.name, l->v[i - 1].item.name) == 0)
			h5_ini_fault(&l->ini, l->v[i].line,
			    "[%s] is already defined in line %u",
			    l->v[i].item.name, l->v[i - 1].line);
}

/* --- a whole load --------------------------------------------------------- */

static enum h5_code
read_text(const char *path, struct h5_buf *text, struct h5_err *e)
{
	enum h5_code rc;
	char *real;

	/* The file layer follows no link, an operator may. */
	real = realpath(path, NULL);
	if (real == NULL)
		return h5_err_sys(e,
		    errno == ENOENT   ? H5_E_NOTFOUND
		    : errno == ENOMEM ? H5_E_NOMEM
				      : H5_E_IO,
		    errno, "%s", path);
	rc = h5_file_read(AT_FDCWD, real, text, e);
	if (rc == H5_E_BUSY)
		rc = h5_err_as(e, H5_E_CONFIG);
	free(real);
	return rc;
}

/* Moves the drafts into a catalogue. */
static enum h5_code
build(struct load *l, struct h5_catalogue **out, struct h5_err *e)
{
	struct h5_catalogue *c = calloc(1, sizeof(*c));
	size_t i;

	if (c != NULL)
		c->items = calloc(l->n + 1, sizeof(*c->items));
	if (c == NULL || c->items == NULL) {
		h5_catalogue_free(c);
		return h5_err_nomem(e);
	}
	for (i = 0; i < l->n; i++) {
		c->items[i] = l->v[i].item;
		/* The title belongs to the catalogue now, and must not be freed
		 * with the drafts. */
		l->v[i].item.title = NULL;
	}
	/* calloc above took one more, since of no items it might return
	 * NULL. */
	c->n = l->n;
	*out = c;
	return H5_OK;
}

enum h5_code
h5_catalogue_load(const char *path, struct h5_buf *faults,
    struct h5_catalogue **out, struct h5_err *e)
{
	struct load l = {.ini = {.file = path, .faults = faults}};
	size_t already = faults->len, i;
	struct h5_buf text;
	enum h5_code rc;

	*out = NULL;
	h5_buf_init(&text, CATALOGUE_MAX);
	rc = read_text(path, &text, e);
	if (rc != H5_OK)
		goto out;
	h5_ini_read(&l.ini, text.data, text.len, on_line, &l);
	/* "price = 1" may be what arrived of "price = 12999.00". */
	if (l.ini.open_end)
		h5_ini_fault(&l.ini, l.ini.line == 0 ? 1 : l.ini.line,
		    "%s, so this may be half a file: end it with a line feed",
		    text.len == 0 ? "the file is empty"
				  : "the last line has no line feed");
	check_all(&l);
	rc = l.rc != H5_OK ? h5_err_nomem(e)
			   : h5_ini_verdict(&l.ini, faults->data + already, e);
	if (rc == H5_OK)
		rc = build(&l, out, e);
out:
	for (i = 0; i < l.n; i++)
		free(l.v[i].item.title);
	free(l.v);
	h5_buf_release(&text);
	return rc;
}

void
h5_catalogue_free(struct h5_catalogue *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < c->n; i++)
		free(c->items[i].title);
	free(c->items);
	free(c);
}

static int
name_of_item(const void *name, const void *item)
{
	return strcmp(name, ((const struct h5_item *)item)->name);
}

const struct h5_item *
h5_catalogue_find(const struct h5_catalogue *c, const char *name)
{
	return bsearch(name, c->items, c->n, sizeof(*c->items), name_of_item);
}
