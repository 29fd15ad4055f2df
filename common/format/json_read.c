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
#define LEAST "9223372036854775808" /* below zero */
#define NOT_WHOLE "0.5" /* stands in for numbers that are no int64_t */
/* Whatever may stand in a number, or be taken for a part of one. */
#define NUMBERISH                                                              \
	"+-.0123456789"                                                        \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

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

/* The length of the number at p; 0: RFC 8259 sees none there. */
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
	return strspn(p + n, NUMBERISH) == 0 ? n : 0;
}

/* Is this whole number of n bytes an int64_t? */
static bool
fits(const char *p, size_t n)
{
	const char *limit = GREATEST;

	if (*p == '-') {
		limit = LEAST;
		p++;
		n--;
	}
	return n <= DIGITS_SAFE ||
	       (n == strlen(limit) && strncmp(p, limit, n) <= 0);
}

/* jansson refuses a text for a number that it cannot hold, and turns fractions
 * into floating point.  Nobody here reads such a number, so one that is JSON
 * gives way to another that is as little a whole one.  Returns how long it is,
 * with what else is not to be looked at. */
static size_t
tame_number(char *p)
{
	bool whole;
	size_t n = number_length(p, &whole);

	/* What is no number is jansson's to refuse. */
	if (n == 0)
		return strspn(p, NUMBERISH);
	if (whole && fits(p, n))
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

/* jansson's buffer for a token grows as it must, and where memory ends it goes
 * on with a character less.  So the document comes second in a list, behind a
 * string that is as long as all of it: if that one arrives whole, the buffer
 * need not grow again. */
#define BEFORE 2 /* ["  */
#define BETWEEN 2 /* ", */

static char *
frame(const char *p, size_t n)
{
	char *text = malloc(BEFORE + n + BETWEEN + n + 2), *at = text;

	if (text == NULL)
		return NULL;
	memcpy(at, "[\"", BEFORE);
	memset(at += BEFORE, 'x', n);
	memcpy(at += n, "\",", BETWEEN);
	memcpy(at += BETWEEN, p, n);
	memcpy(at + n, "]", 2);
	return text;
}

static enum h5_code
why_not(const json_error_t *why, size_t n, struct h5_err *e)
{
	int before = (int)(BEFORE + n + BETWEEN), at = why->position - before;

	/* It has words for everything but a lack of memory. */
	if (why->text[0] == '\0')
		return h5_err_nomem(e);
	/* Not its words: they quote the text. */
	return h5_err_set(e, H5_E_INPUT,
	    json_error_code(why) == json_error_duplicate_key
		? "JSON with a name twice in one object (byte %d)"
		: "not valid JSON (byte %d)",
	    at > 0 ? at : 0);
}

/* text: a frame with n bytes of document. */
static enum h5_code
parse(const char *text, size_t n, json_t **out, struct h5_err *e)
{
	json_error_t why;
	json_t *list = json_loadb(text, BEFORE + n + BETWEEN + n + 1,
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	json_t *document = json_array_get(list, 1);
	enum h5_code rc = H5_OK;

	if (list == NULL)
		return why_not(&why, n, e);
	if (json_string_length(json_array_get(list, 0)) != n)
		rc = h5_err_nomem(e);
	else if (json_array_size(list) != 2)
		rc = h5_err_set(
		    e, H5_E_INPUT, "not valid JSON: more than one value");
	else if (!json_is_object(document))
		rc = h5_err_set(e, H5_E_INPUT, "JSON, but not an object");
	else
		*out = json_incref(document);
	json_decref(list);
	return rc;
}

enum h5_code
h5_json_read(
    const char *p, size_t n, struct h5_json_value **out, struct h5_err *e)
{
	size_t bom = h5_text_skip_bom(p, n);
	json_t *root = NULL;
	enum h5_code rc;
	char *text;

	*out = NULL;
	p += bom;
	n -= bom;
	if (memchr(p, '\0', n) != NULL)
		return h5_err_set(e, H5_E_INPUT, "not valid JSON: a NUL byte");
	text = frame(p, n);
	if (text == NULL)
		return h5_err_nomem(e);
	rc = tame(text + BEFORE + n + BETWEEN, e);
	if (rc == H5_OK)
		rc = parse(text, n, &root, e);
	if (rc == H5_OK)
		*out = (void *)root;
	free(text);
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
