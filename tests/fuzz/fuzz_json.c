/* JSON that others wrote.  jansson alone, without what stands before it here,
 * takes and refuses the same, but for numbers that it cannot hold and for
 * depth; and both read the same. */
#include <jansson.h>

#include "tests/fuzz/fuzz.h"

#include "common/format/json_read.h"

static bool
numbers_alike(const json_t *ours, const json_t *theirs)
{
	/* A fraction is never read here, so it has no value either. */
	if (json_is_real(theirs))
		return json_is_real(ours);
	return json_is_integer(ours) &&
	       json_integer_value(ours) == json_integer_value(theirs);
}

static bool
alike(json_t *ours, json_t *theirs)
{
	const char *name;
	json_t *member;
	size_t i;

	if (json_is_number(theirs))
		return numbers_alike(ours, theirs);
	if (json_typeof(ours) != json_typeof(theirs))
		return false;
	if (json_is_array(theirs)) {
		if (json_array_size(ours) != json_array_size(theirs))
			return false;
		for (i = 0; i < json_array_size(theirs); i++)
			if (!alike(json_array_get(ours, i),
				json_array_get(theirs, i)))
				return false;
		return true;
	}
	if (!json_is_object(theirs))
		return json_equal(ours, theirs);
	if (json_object_size(ours) != json_object_size(theirs))
		return false;
	json_object_foreach(
	    theirs, name, member) if (json_object_get(ours, name) == NULL ||
				      !alike(json_object_get(ours, name),
					  member)) return false;
	return true;
}

static size_t
depth_of(json_t *j)
{
	size_t deepest = 0, n, i;
	const char *name;
	json_t *member;

	if (json_is_array(j)) {
		for (i = 0; i < json_array_size(j); i++) {
			n = depth_of(json_array_get(j, i));
			deepest = n > deepest ? n : deepest;
		}
		return deepest + 1;
	}
	if (!json_is_object(j))
		return 0;
	json_object_foreach(j, name, member)
	{
		n = depth_of(member);
		deepest = n > deepest ? n : deepest;
	}
	return deepest + 1;
}

/* Whatever is asked of it says what is there. */
static void
take(const struct h5_json_value *v, json_t *theirs)
{
	json_t *total = json_object_get(json_object_get(theirs, "a"), "b");
	int64_t n = -7;
	const char *s;
	char word[9];

	if (h5_json_take_int(v, "a.b", H5_JSON_REQUIRED, &n, NULL) == H5_OK)
		MUST(json_is_integer(total) && json_integer_value(total) == n);
	else
		MUST(n == -7 && !json_is_integer(total));
	if (h5_json_take_string(v, "a.b", H5_JSON_REQUIRED, 8, &s, NULL) ==
	    H5_OK)
		MUST(s != NULL && json_is_string(total) && strlen(s) <= 8 &&
		     strcmp(s, json_string_value(total)) == 0);
	else
		MUST(s == NULL);
	if (h5_json_take_word(
		v, "a.b", H5_JSON_OPTIONAL, word, sizeof word, NULL) != H5_OK)
		MUST(word[0] == '\0');
	for (s = word; *s != '\0'; s++)
		MUST(*s > ' ' && *s <= '~');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	size_t bom = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	struct h5_json_value *v;
	json_error_t why;
	json_t *theirs;
	enum h5_code rc;

	rc = h5_json_read(text, size, &v, NULL);
	MUST(rc == H5_OK || rc == H5_E_INPUT);
	MUST((rc == H5_OK) == (v != NULL));
	theirs = json_loadb(text + bom, size - bom,
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	if (theirs != NULL) {
		MUST((rc == H5_OK) == (json_is_object(theirs) &&
					  depth_of(theirs) <= H5_JSON_DEPTH));
		if (rc == H5_OK) {
			MUST(alike((void *)v, theirs));
			take(v, theirs);
		}
	} else if (rc == H5_OK) {
		MUST(json_error_code(&why) == json_error_numeric_overflow);
	}
	json_decref(theirs);
	h5_json_free(v);
	free(text);
	return 0;
}
