/* template_data.h - the tree of values that a template is filled from.
 * A view holds named strings, flags and lists of inner views.  An addition that
 * runs out of memory sticks, and h5_template_render reports it.  All functions
 * accept a NULL view and do nothing with it. */
#ifndef H5_FORMAT_TEMPLATE_DATA_H
#define H5_FORMAT_TEMPLATE_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h5_data;

/* h5_data_new(): make an empty view; NULL: out of memory. */
struct h5_data *h5_data_new(void);

/* h5_data_free(v): free v and all inner views. */
void h5_data_free(struct h5_data *v);

/* h5_data_str(v, name, value): add a copy of value; NULL adds nothing.  The
 * same name again replaces what was there.  An empty string counts as false for
 * a section, like in Mustache. */
void h5_data_str(struct h5_data *v, const char *name, const char *value);

/* h5_data_ref(v, name, value): the same without a copy; value lives as long as
 * v. */
void h5_data_ref(struct h5_data *v, const char *name, const char *value);
void h5_data_flag(struct h5_data *v, const char *name, bool on);

/* h5_data_item(v, name): append an inner view to the list called name and
 * return it (owned by v); NULL: out of memory. */
struct h5_data *h5_data_item(struct h5_data *v, const char *name);

/* h5_data_spoil(v): note that a value could not be made, so that no page comes
 * of this. */
void h5_data_spoil(struct h5_data *v);

/* What a name stands for. */
enum h5_data_kind { H5_DATA_STR, H5_DATA_FLAG, H5_DATA_LIST };

struct h5_data_value {
	char *name;
	unsigned key; /* h5_data_key(name) */
	uint16_t next; /* of its chain (template_data.c) */
	enum h5_data_kind kind;
	const char *str; /* H5_DATA_STR */
	bool flag; /* H5_DATA_FLAG */
	struct h5_data **items; /* H5_DATA_LIST */
	size_t n_items;
};

/* h5_data_find(v, name): what the name stands for, borrowed until v changes;
 * NULL: it is not in this view.  h5_data_find_key(v, key, name): the same, for
 * a caller that keeps the name's key, a number that two names seldom share. */
const struct h5_data_value *h5_data_find(
    const struct h5_data *v, const char *name);
unsigned h5_data_key(const char *name);
const struct h5_data_value *h5_data_find_key(
    const struct h5_data *v, unsigned key, const char *name);
/* h5_data_complete(v): did every addition to v and its inner views succeed? */
bool h5_data_complete(const struct h5_data *v);

#endif
