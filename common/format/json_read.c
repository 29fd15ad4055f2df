/* Reads JSON that others wrote.  jansson does the reading; what it does not
 * refuse, or refuses though it is JSON, is seen to before it gets the text. */
#include "common/format/json_read.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/base/text.h"

#define NAME_MAX_BYTES 64 /* of one name in a path of ours */
#define DIGITS_SAFE 18 /* so many digits are always an int64_t */
#define GREATEST "9223372036854775807"
#define NOT_WHOLE "0.5" /* stands in for numbers that are no int64_t */

static const json_t *
inside(const struct h5_json_value *v)
{
	return (const void *)v;
}

static const struct h5_json_value *
outside(const json_t *j)
{
	return (const void *)j;
}

/* --- before jansson ------------------------------------------------------- */

/* The length of the number that RFC 8259 sees at p; 0: it sees none there. */
static size_t
number_length(const char *p, bool *whole)
{
	size_t n = *p == '-', digits = strspn(p + n, "0123456789");

	*whole = true;
	if (digits == 0 || (digits > 1 && p[n] == '0'))
		return 0;
	n += digits;
	if (p[n] == '.') {
		*whole = false;
		digits = strspn(p + n + 1, "0123456789");
		if (digits == 0)
			return 0;
		n += 1 + digits;
	}
	if (p[n] == 'e' || p[n] == 'E') {
		*whole = false;
		n += p[n + 1] == '+' || p[n + 1] == '-' ? 2 : 1;
		digits = strspn(p + n, "0123456789");
		if (digits == 0)
			return 0;
		n += digits;
	}
	return n;
}

static bool
fits(const char *p, size_t n)
{
	if (*p == '-') {
		p++;
		n--;
	}
	return n <= DIGITS_SAFE ||
	       (n == strlen(GREATEST) && strncmp(p, GREATEST, n) <= 0);
}

/* jansson refuses a text for a number that it cannot hold, and turns fractions
 * into floating point.  Nobody here reads such a number, so one that is JSON
 * gives way to another that is as little a whole one.  Returns how long it is.
 */
static size_t
tame_number(char *p)
{
	bool whole;
	size_t n = number_length(p, &whole);

	if (n == 0 || (whole && fits(p, n)))
		return n;
	memset(p, ' ', n);
	memcpy(p, NOT_WHOLE, strlen(NOT_WHOLE));
	return n;
}

static size_t
string_length(const char *p)
{
	size_t n = 1;

	while (p[n] != '\0' && p[n] != '"')
		n += p[n] == '\\' && p[n + 1] != '\0' ? 2 : 1;
	return n + (p[n] == '"');
}

/* text ends with NUL.  jansson recurs for each level, so the depth is looked at
 * before it begins. */
static enum h5_code
tame(char *text, struct h5_err *e)
{
	size_t depth = 0, n;

	for (; *text != '\0'; text += n) {
		n = 1;
		if (*text == '"') {
			n = string_length(text);
		} else if (*text == '-' || (*text >= '0' && *text <= '9')) {
			n = tame_number(text);
			/* What is no number is jansson's to refuse. */
			if (n == 0)
				n = 1;
		} else if (*text == '{' || *text == '[') {
			if (++depth > H5_JSON_DEPTH)
				return h5_err_set(e, H5_E_INPUT,
				    "JSON nested deeper than %d levels",
				    H5_JSON_DEPTH);
		} else if ((*text == '}' || *text == ']') && depth > 0) {
			depth--;
		}
	}
	return H5_OK;
}

/* --- reading -------------------------------------------------------------- */

static enum h5_code
parse(const char *text, size_t n, json_t **out, struct h5_err *e)
{
	json_error_t why;

	*out =
	    json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	if (*out != NULL)
		return json_is_object(*out) ? H5_OK
					    : h5_err_set(e, H5_E_INPUT,
						  "JSON, but not an object");
	/* It has words for everything but a lack of memory. */
	if (why.text[0] == '\0')
		return h5_err_nomem(e);
	/* Not its words: they quote the text. */
	if (json_error_code(&why) == json_error_duplicate_key)
		return h5_err_set(e, H5_E_INPUT,
		    "JSON with a name twice in one object (byte %d)",
		    why.position);
	return h5_err_set(
	    e, H5_E_INPUT, "not valid JSON (byte %d)", why.position);
}

enum h5_code
h5_json_read(
    const char *p, size_t n, struct h5_json_value **out, struct h5_err *e)
{
	size_t bom = h5_text_skip_bom(p, n);
	json_t *root = NULL;
	enum h5_code rc;
	char *copy;

	*out = NULL;
	p += bom;
	n -= bom;
	if (memchr(p, '\0', n) != NULL)
		return h5_err_set(e, H5_E_INPUT, "not valid JSON: a NUL byte");
	copy = strndup(p, n);
	if (copy == NULL)
		return h5_err_nomem(e);
	rc = tame(copy, e);
	if (rc == H5_OK)
		rc = parse(copy, n, &root, e);
	if (rc == H5_OK)
		*out = (void *)root;
	else
		json_decref(root);
	free(copy);
	return rc;
}

void
h5_json_free(struct h5_json_value *document)
{
	json_decref((void *)document);
}

/* --- looking -------------------------------------------------------------- */

/* What is there; NULL: nothing, or null. */
static const json_t *
find(const struct h5_json_value *v, const char *path)
{
	const json_t *j = inside(v);
	char name[NAME_MAX_BYTES];
	size_t n;

	for (; j != NULL && *path != '\0'; path += n + (path[n] == '.')) {
		n = strcspn(path, ".");
		if (n >= sizeof name)
			return NULL;
		memcpy(name, path, n);
		name[n] = '\0';
		j = json_object_get(j, name);
	}
	return json_is_null(j) ? NULL : j;
}

const struct h5_json_value *
h5_json_object(const struct h5_json_value *v, const char *path)
{
	const json_t *j = find(v, path);

	return json_is_object(j) ? outside(j) : NULL;
}

const struct h5_json_value *
h5_json_list(const struct h5_json_value *v, const char *path)
{
	const json_t *j = find(v, path);

	return json_is_array(j) ? outside(j) : NULL;
}

size_t
h5_json_count(const struct h5_json_value *list)
{
	return json_array_size(inside(list));
}

const struct h5_json_value *
h5_json_item(const struct h5_json_value *list, size_t i)
{
	return outside(json_array_get(inside(list), i));
}

const char *
h5_json_string_of(const struct h5_json_value *v, const char *path)
{
	const json_t *j = find(v, path);
	const char *s = json_string_value(j);

	return s != NULL && strlen(s) == json_string_length(j) ? s : NULL;
}

/* --- demanding ------------------------------------------------------------ */

static enum h5_code
absent(const char *path, enum h5_json_need need, struct h5_err *e)
{
	return need == H5_JSON_OPTIONAL
		   ? H5_OK
		   : h5_err_set(e, H5_E_INPUT, "%s is missing", path);
}

enum h5_code
h5_json_take_string(const struct h5_json_value *v, const char *path,
    enum h5_json_need need, size_t max, const char **out, struct h5_err *e)
{
	const json_t *j = find(v, path);
	size_t n = json_string_length(j);

	*out = NULL;
	if (j == NULL || (json_is_string(j) && n == 0))
		return absent(path, need, e);
	if (!json_is_string(j))
		return h5_err_set(e, H5_E_INPUT, "%s is not a string", path);
	if (n > max)
		return h5_err_set(
		    e, H5_E_INPUT, "%s is longer than %zu bytes", path, max);
	if (strlen(json_string_value(j)) != n)
		return h5_err_set(
		    e, H5_E_INPUT, "%s has a NUL character", path);
	*out = json_string_value(j);
	return H5_OK;
}

enum h5_code
h5_json_take_word(const struct h5_json_value *v, const char *path,
    enum h5_json_need need, char *to, size_t size, struct h5_err *e)
{
	const char *s, *p;
	enum h5_code rc;

	to[0] = '\0';
	rc = h5_json_take_string(v, path, need, size - 1, &s, e);
	if (rc != H5_OK || s == NULL)
		return rc;
	for (p = s; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			return h5_err_set(
			    e, H5_E_INPUT, "%s is not visible ASCII", path);
	memcpy(to, s, strlen(s) + 1);
	return H5_OK;
}

enum h5_code
h5_json_take_int(const struct h5_json_value *v, const char *path,
    enum h5_json_need need, int64_t *out, struct h5_err *e)
{
	const json_t *j = find(v, path);

	if (j == NULL)
		return absent(path, need, e);
	if (!json_is_integer(j))
		return h5_err_set(
		    e, H5_E_INPUT, "%s is not a whole number", path);
	*out = json_integer_value(j);
	return H5_OK;
}
