/* Renders what tests/pages/mustache_differential.mjs tells it to, one command
 * a line; texts are hex, so that they may hold anything:
 *   template NAME HEX    str NAME HEX    flag NAME 0|1
 *   item NAME ... end    render NAME -> "ok HEX" or "error MESSAGE"
 * A render ends the view. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/format/template.h"
#include "common/base/text.h"

#define MOST 1024 /* templates */
#define DEPTH 8 /* items inside each other */

struct driver {
	char *names[MOST];
	struct h5_template *templates[MOST];
	size_t n;
	struct h5_data *views[DEPTH];
	size_t depth;
};

static void
die(const char *what)
{
	fprintf(stderr, "mustache_driver: %s\n", what);
	exit(1);
}

static size_t
slot(const struct driver *d, const char *name)
{
	size_t i = 0;

	while (i < d->n && strcmp(d->names[i], name) != 0)
		i++;
	return i;
}

static const struct h5_template *
find(void *arg, const char *name)
{
	const struct driver *d = arg;
	size_t i = slot(d, name);

	return i < d->n ? d->templates[i] : NULL;
}

/* Hex to bytes, in place. */
static size_t
unhex(char *s)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = strlen(s) / 2;

	for (size_t i = 0; i < n; i++) {
		const char *hi = strchr(digits, s[2 * i]);
		const char *lo = strchr(digits, s[2 * i + 1]);

		if (hi == NULL || lo == NULL)
			die("bad hex");
		s[i] = (char)((hi - digits) * 16 + (lo - digits));
	}
	s[n] = '\0';
	return n;
}

static void
add_template(struct driver *d, const char *name, char *hex)
{
	size_t i = slot(d, name), n = unhex(hex);
	struct h5_err e;

	if (i == MOST)
		die("too many templates");
	if (i == d->n) {
		d->names[i] = strdup(name);
		d->n++;
	}
	h5_template_free(d->templates[i]);
	if (h5_template_compile(name, hex, n, &d->templates[i], &e) != H5_OK)
		die(e.msg);
}

static void
render(struct driver *d, const char *name)
{
	const struct h5_template *t = find(d, name);
	const struct h5_template_source from = {.find = find, .arg = d};
	struct h5_buf out;
	struct h5_err e;

	h5_buf_init(&out, 1 << 20);
	if (t == NULL) {
		printf("error no such template\n");
	} else if (h5_template_render(t, d->views[0], &from, &out, &e) !=
		   H5_OK) {
		printf("error %s\n", e.msg);
	} else {
		char *hex = malloc(2 * out.len + 1);

		if (hex == NULL)
			die("memory");
		h5_text_hex((const unsigned char *)out.data, out.len, hex);
		printf("ok %s\n", hex);
		free(hex);
	}
	h5_buf_release(&out);
	h5_data_free(d->views[0]);
	d->views[0] = h5_data_new();
	d->depth = 0;
}

static void
obey(struct driver *d, const char *verb, const char *name, char *rest)
{
	struct h5_data *v = d->views[d->depth];

	if (strcmp(verb, "template") == 0) {
		add_template(d, name, rest);
	} else if (strcmp(verb, "str") == 0) {
		unhex(rest);
		h5_data_str(v, name, rest);
	} else if (strcmp(verb, "flag") == 0) {
		h5_data_flag(v, name, rest[0] == '1');
	} else if (strcmp(verb, "item") == 0 && d->depth + 1 < DEPTH) {
		d->views[++d->depth] = h5_data_item(v, name);
	} else if (strcmp(verb, "end") == 0 && d->depth > 0) {
		d->depth--;
	} else if (strcmp(verb, "render") == 0) {
		render(d, name);
	} else {
		die(verb);
	}
}

int
main(void)
{
	static struct driver d;
	char none[] = "";
	char *line = NULL, *verb, *name, *rest;
	size_t cap = 0;

	d.views[0] = h5_data_new();
	while (getline(&line, &cap, stdin) > 0) {
		rest = line;
		rest[strcspn(rest, "\n")] = '\0';
		verb = strsep(&rest, " ");
		name = rest == NULL ? verb : strsep(&rest, " ");
		obey(&d, verb, name, rest == NULL ? none : rest);
	}
	for (size_t i = 0; i < d.n; i++) {
		h5_template_free(d.templates[i]);
		free(d.names[i]);
	}
	h5_data_free(d.views[0]);
	free(line);
	return 0;
}
