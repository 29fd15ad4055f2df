/* Says in the reader's words what a loader, the store or the network said in
 * English, by the messages that templates/doctor/faults.txt lists. */
#include <ctype.h>
#include <string.h>

#include "common/base/embed.h"
#include "common/doctor/words.h"

#define HOLES 6 /* values in one message */
#define DEEP 4 /* reasons within reasons */
#define SAID 4096 /* longest message, bytes */
#define NAME 16 /* longest name of a value, with its NUL */

/* What stands where a message has a value. */
struct hole {
	char name[NAME];
	const char *at;
	size_t n;
};

struct holes {
	struct hole v[HOLES];
	size_t n;
};

/* --- does a message fit? --- */

/* May this byte stand in a value of that name? */
static bool
may_stand(const char *name, char c)
{
	if (strcmp(name, "n") == 0 || strcmp(name, "m") == 0)
		return c >= '0' && c <= '9';
	if (strcmp(name, "key") == 0)
		return isalnum((unsigned char)c) || strchr("._-", c) != NULL;
	return true;
}

/* Reads "{name}" at like; returns its length, 0: no value stands there. */
static size_t
open_hole(const char *like, size_t n, struct hole *h)
{
	const char *end = n > 0 && like[0] == '{' ? memchr(like, '}', n) : NULL;
	size_t len = end == NULL ? 0 : (size_t)(end - like) - 1;

	if (len == 0 || len >= sizeof h->name)
		return 0;
	memcpy(h->name, like + 1, len);
	h->name[len] = '\0';
	return len + 2;
}

/* Is text like, with at least one byte for each value?  A value ends at the
 * first place from which the rest fits. */
static bool
fits(const char *like, size_t n_like, const char *text, struct holes *found)
{
	struct hole h;
	size_t n = 0, skip, before;

	while (n < n_like && like[n] != '{' && like[n] == text[n])
		n++;
	if (n == n_like)
		return text[n] == '\0';
	skip = open_hole(like + n, n_like - n, &h);
	if (skip == 0 || found->n == HOLES)
		return false;
	like += n + skip;
	n_like -= n + skip;
	before = found->n++;
	h.at = text + n;
	for (h.n = 1; h.at[h.n - 1] != '\0' && may_stand(h.name, h.at[h.n - 1]);
	     h.n++) {
		found->v[before] = h;
		if (fits(like, n_like, h.at + h.n, found))
			return true;
		found->n = before + 1;
	}
	found->n = before;
	return false;
}

/* The entry at text fits said by one of its lines. */
static bool
entry_fits(const char *text, const char *said, struct holes *found)
{
	const char *line;
	size_t n;

	for (line = h5_doctor_line(text, "like", "", &n); line != NULL;
	     line = h5_doctor_line(line + n + 1, "like", "", &n)) {
		found->n = 0;
		if (fits(line, n, said, found))
			return true;
	}
	return false;
}

/* --- what it means --- */

/* One search through the entries. */
struct search {
	const struct h5_doctor *d;
	int deep;
	bool strict; /* an entry fits only if its reasons are known as well */
};

static bool look_up(const struct search *s, const char *said,
    struct h5_buf *found, struct h5_buf *remedy);

/* Sets the value of a hole; a reason is said in the reader's words in its turn,
 * and its remedy is kept.  false: it is a reason that is not known. */
static bool
set_value(const struct search *s, const struct hole *h, struct h5_data *v,
    struct h5_buf *remedy)
{
	struct search within = {s->d, s->deep + 1, s->strict};
	struct h5_buf one, meant;
	bool reason = strcmp(h->name, "why") == 0, known;

	h5_buf_init(&one, SAID);
	h5_buf_init(&meant, SAID);
	h5_buf_add(&one, h->at, h->n);
	known = one.bad == H5_OK && reason &&
		look_up(&within, one.data, &meant, remedy);
	if (one.bad == H5_OK)
		h5_data_str(v, h->name, known ? meant.data : one.data);
	h5_buf_release(&meant);
	h5_buf_release(&one);
	return known || !reason;
}

static bool
say_entry(const struct search *s, const char *at, const struct holes *holes,
    struct h5_buf *found, struct h5_buf *remedy)
{
	const char *lang = h5_doctor_language(s->d), *text;
	struct h5_data *v = h5_data_new();
	struct h5_buf inner;
	bool known = true;
	size_t i, n = 0;

	h5_buf_init(&inner, SAID);
	for (i = 0; i < holes->n; i++)
		known = set_value(s, &holes->v[i], v, &inner) && known;
	if (known || !s->strict) {
		text = h5_doctor_line(at, lang, "", &n);
		h5_doctor_fill(s->d, text, n, v, found);
		text = h5_doctor_line(at, lang, ".next", &n);
		if (text != NULL)
			h5_doctor_fill(s->d, text, n, v, remedy);
		else if (inner.len > 0)
			h5_buf_add(remedy, inner.data, inner.len);
	}
	h5_data_free(v);
	h5_buf_release(&inner);
	return known || !s->strict;
}

static bool
look_up(const struct search *s, const char *said, struct h5_buf *found,
    struct h5_buf *remedy)
{
	const char *at = (const char *)h5_embed_doctor_files[0].bytes;
	struct holes holes;

	if (s->deep == DEEP || strlen(said) >= SAID)
		return false;
	while ((at = strstr(at, "\n= ")) != NULL) {
		at = strchr(at + 1, '\n') + 1;
		if (entry_fits(at, said, &holes) &&
		    say_entry(s, at, &holes, found, remedy))
			return true;
		/* The end of the line before the next entry counts again. */
		at--;
	}
	return false;
}

bool
h5_doctor_explain(const struct h5_doctor *d, const char *said,
    struct h5_buf *found, struct h5_buf *remedy)
{
	struct search s = {d, 0, true};

	if (look_up(&s, said, found, remedy))
		return true;
	s.strict = false;
	return look_up(&s, said, found, remedy);
}
