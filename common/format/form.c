/* Reads a query string or a form's body; what is not well-formed is refused. */
#include "common/format/form.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"

/* Decodes n bytes at p to where to points, which has room for n.  H5_E_INPUT: a
 * bad escape, a NUL, or what is not UTF-8. */
static enum h5_code
decode(const char *p, size_t n, char *to, size_t *len, struct h5_err *e)
{
	int high, low;
	size_t i;

	*len = 0;
	for (i = 0; i < n; i++) {
		if (p[i] != '%') {
			to[(*len)++] = p[i] == '+' ? ' ' : p[i];
			continue;
		}
		high = n - i > 2 ? h5_text_hex_digit(p[i + 1]) : -1;
		low = n - i > 2 ? h5_text_hex_digit(p[i + 2]) : -1;
		if (high < 0 || low < 0)
			return h5_err_set(e, H5_E_INPUT,
			    "the form contains a bad percent escape");
		to[(*len)++] = (char)(high << 4 | low);
		i += 2;
	}
	if (!h5_text_utf8(to, *len))
		return h5_err_set(e, H5_E_INPUT, "the form is not UTF-8");
	return H5_OK;
}

/* Which names are kept.  names NULL: all of them. */
struct pick {
	const char *const *names;
	size_t n;
};

static bool
picked(const struct pick *pick, const char *name, size_t n)
{
	size_t i;

	for (i = 0; pick->names != NULL && i < pick->n; i++)
		if (strlen(pick->names[i]) == n &&
		    memcmp(pick->names[i], name, n) == 0)
			return true;
	return pick->names == NULL;
}

/* Reads one piece between two "&": a name, "=", a value.  scratch has room for
 * n bytes. */
static enum h5_code
read_piece(const char *p, size_t n, const struct pick *pick, char *scratch,
    struct h5_fields *out, struct h5_err *e)
{
	const char *equals = memchr(p, '=', n);
	size_t name_n = equals == NULL ? n : (size_t)(equals - p);
	size_t value_n = equals == NULL ? 0 : n - name_n - 1;
	size_t name_len, value_len = 0;
	enum h5_code rc;

	rc = decode(p, name_n, scratch, &name_len, e);
	if (rc == H5_OK && name_len == 0)
		rc = h5_err_set(e, H5_E_INPUT, "a form field has no name");
	if (rc == H5_OK && value_n > 0)
		rc = decode(
		    equals + 1, value_n, scratch + name_len, &value_len, e);
	if (rc == H5_OK && picked(pick, scratch, name_len))
		rc = h5_fields_addn(
		    out, scratch, name_len, scratch + name_len, value_len, e);
	return rc;
}

static enum h5_code
read_form(const char *p, size_t n, const struct pick *pick,
    struct h5_fields *out, struct h5_err *e)
{
	enum h5_code rc = H5_OK;
	const char *end;
	char *scratch;
	size_t at, len;

	scratch = malloc(n > 0 ? n : 1);
	if (scratch == NULL) {
		h5_fields_release(out);
		return h5_err_nomem(e);
	}
	for (at = 0; at < n && rc == H5_OK; at += len + 1) {
		end = memchr(p + at, '&', n - at);
		len = end == NULL ? n - at : (size_t)(end - (p + at));
		if (len > 0)
			rc = read_piece(p + at, len, pick, scratch, out, e);
	}
	/* A form may carry a link's signature, of which nothing should stay in
	 * memory. */
	explicit_bzero(scratch, n);
	free(scratch);
	if (rc != H5_OK)
		h5_fields_release(out);
	return rc;
}

enum h5_code
h5_form_pick(const char *p, size_t n, const char *const *names, size_t n_names,
    struct h5_fields *out, struct h5_err *e)
{
	const struct pick some = {names, n_names};

	return read_form(p, n, &some, out, e);
}
