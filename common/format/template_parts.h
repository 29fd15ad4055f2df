/* template_parts.h - a compiled template, as compiling leaves it and rendering
 * finds it.  Private to common/format/template*.c. */
#ifndef H5_FORMAT_TEMPLATE_PARTS_H
#define H5_FORMAT_TEMPLATE_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/format/template.h"

enum h5_template_op_kind {
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
struct h5_template_op {
	enum h5_template_op_kind kind;
	bool bol; /* of text: begins a line */
	unsigned key; /* of the name */
	const char *p; /* text, or the name */
	/* Of text its length, of a section the index of its OP_END, of a
	 * partial its index among the partials. */
	size_t n;
};

struct h5_template_partial {
	const char *indent; /* when it stands alone on its line */
	size_t n_indent;
	const struct h5_template *bound[H5_TEMPLATE_SETS];
};

struct h5_template {
	char *name;
	char *src;
	struct h5_template_op *ops;
	size_t n, cap;
	struct h5_template_partial *partials;
	size_t n_partials;
};

#endif
