/* text.c - growing text, name/value lists, small parsers, a map. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/gateway/gateway.h"

static void
out_of_memory(void)
{
	fputs("gateway: out of memory\n", stderr);
	abort();
}

void *
gw_alloc(size_t bytes)
{
	void *p = calloc(1, bytes > 0 ? bytes : 1);

	if (p == NULL)
		out_of_memory();
	return p;
}

char *
gw_dup(const char *text)
{
	char *p = strdup(text);

	if (p == NULL)
		out_of_memory();
	return p;
}

void
gw_copy(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);

	if (n >= size)
		n = size - 1;
	memcpy(to, from, n);
	to[n] = '\0';
}

static void *
grow(void *p, size_t bytes)
{
	void *q = realloc(p, bytes);

	if (q == NULL)
		out_of_memory();
	return q;
}

void
gw_buf_add(struct gw_buf *b, const char *bytes, size_t n)
{
	if (b->data == NULL || b->size - b->len < n + 1) {
		size_t size = b->size * 2;

		if (size < b->len + n + 1)
			size = b->len + n + 64;
		b->data = grow(b->data, size);
		b->size = size;
	}
	if (n > 0)
		memcpy(b->data + b->len, bytes, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void
gw_buf_puts(struct gw_buf *b, const char *text)
{
	gw_buf_add(b, text, strlen(text));
}

void
gw_buf_putf(struct gw_buf *b, const char *format, ...)
{
	va_list ap;
	char *text = NULL;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	gw_buf_add(b, text, (size_t)n);
	free(text);
}

void
gw_buf_free(struct gw_buf *b)
{
	free(b->data);
	*b = (struct gw_buf){0};
}

void
gw_list_add(struct gw_list *l, const char *name, const char *value)
{
	if (l->n == l->size) {
		l->size = l->size * 2 + 8;
		l->v = grow(l->v, l->size * sizeof(*l->v));
	}
	l->v[l->n].name = gw_dup(name);
	l->v[l->n].value = gw_dup(value);
	l->n++;
}

void
gw_list_addf(struct gw_list *l, const char *name, const char *format, ...)
{
	va_list ap;
	char *text = NULL;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	gw_list_add(l, name, text);
	free(text);
}

const char *
gw_list_get(const struct gw_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].name, name) == 0)
			return l->v[i].value;
	}
	return NULL;
}

const char *
gw_list_text(const struct gw_list *l, const char *name)
{
	const char *value = gw_list_get(l, name);

	return value != NULL ? value : "";
}

void
gw_list_set(struct gw_list *l, const char *name, const char *value)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].name, name) == 0) {
			char *copy = gw_dup(value);

			free(l->v[i].value);
			l->v[i].value = copy;
			return;
		}
	}
	gw_list_add(l, name, value);
}

void
gw_list_drop(struct gw_list *l, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].name, name) == 0) {
			free(l->v[i].name);
			free(l->v[i].value);
		} else {
			l->v[kept++] = l->v[i];
		}
	}
	l->n = kept;
}

void
gw_list_copy(struct gw_list *to, const struct gw_list *from)
{
	for (size_t i = 0; i < from->n; i++)
		gw_list_add(to, from->v[i].name, from->v[i].value);
}

void
gw_list_free(struct gw_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].value);
	}
	free(l->v);
	*l = (struct gw_list){0};
}

struct gw_slot {
	struct gw_slot *next;
	void *value;
	char key[];
};

/* FNV-1a */
static uint64_t
hash(const char *key)
{
	uint64_t h = 14695981039346656037U;

	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * 1099511628211U;
	return h;
}

static void
map_grow(struct gw_map *m)
{
	size_t size = m->size * 2 + 64;
	struct gw_slot **slots = gw_alloc(size * sizeof(struct gw_slot *));

	for (size_t i = 0; i < m->size; i++) {
		struct gw_slot *next;

		for (struct gw_slot *s = m->slots[i]; s != NULL; s = next) {
			size_t at = (size_t)(hash(s->key) % size);

			next = s->next;
			s->next = slots[at];
			slots[at] = s;
		}
	}
	free(m->slots);
	m->slots = slots;
	m->size = size;
}

static struct gw_slot *
map_slot(const struct gw_map *m, const char *key)
{
	struct gw_slot *s;

	if (m->size == 0)
		return NULL;
	s = m->slots[hash(key) % m->size];
	while (s != NULL && strcmp(s->key, key) != 0)
		s = s->next;
	return s;
}

void *
gw_map_get(const struct gw_map *m, const char *key)
{
	const struct gw_slot *s = map_slot(m, key);

	return s != NULL ? s->value : NULL;
}

void
gw_map_put(struct gw_map *m, const char *key, void *value)
{
	struct gw_slot *s = map_slot(m, key);
	size_t n = strlen(key) + 1;
	size_t at;

	if (s != NULL) {
		s->value = value;
		return;
	}
	if (m->n >= m->size)
		map_grow(m);
	s = gw_alloc(sizeof(*s) + n);
	memcpy(s->key, key, n);
	s->value = value;
	at = (size_t)(hash(key) % m->size);
	s->next = m->slots[at];
	m->slots[at] = s;
	m->n++;
}

void
gw_map_free(struct gw_map *m)
{
	for (size_t i = 0; i < m->size; i++) {
		struct gw_slot *next;

		for (struct gw_slot *s = m->slots[i]; s != NULL; s = next) {
			next = s->next;
			free(s);
		}
	}
	free(m->slots);
	*m = (struct gw_map){0};
}

bool
gw_number(const char *text, int64_t max, int64_t *out)
{
	int64_t sum = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		int digit = *text - '0';

		if (digit < 0 || digit > 9 || sum > (max - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	*out = sum;
	return true;
}

bool
gw_starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

bool
gw_ends(const char *text, const char *with)
{
	size_t n = strlen(text);
	size_t m = strlen(with);

	return n >= m && strcmp(text + n - m, with) == 0;
}

bool
gw_in_words(const char *list, const char *item)
{
	size_t n = strlen(item);

	while (*list != '\0') {
		size_t word = strcspn(list, ", ");

		if (word == n && n > 0 && strncasecmp(list, item, n) == 0)
			return true;
		list += word;
		list += strspn(list, ", ");
	}
	return false;
}

/* Length of the character that starts at s, 0 if there is none. */
static size_t
utf8_one(const unsigned char *s, size_t n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc0 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf8 ? 4
				   : 0;
	uint32_t c;

	if (len < 2 || len > n)
		return len > n ? 0 : len;
	c = s[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fU);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return len;
}

bool
gw_utf8(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;

	while (n > 0) {
		size_t one = utf8_one(s, n);

		if (one == 0)
			return false;
		s += one;
		n -= one;
	}
	return true;
}
