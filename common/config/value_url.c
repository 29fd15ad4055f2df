/* Values that are URLs, hosts or addresses, one or a list of them. */
#include "common/config/value.h"

#include <stdlib.h>
#include <string.h>

#include "common/format/idn.h"
#include "common/format/ini.h"
#include "common/format/url.h"

#define BLANKS " \t"
#define LIST_MAX (H5_INI_VALUE / 2) /* entries of a list: as many as fit */

/* Puts scheme and host in lower case, as a browser's Origin has them. */
static void
fold_case(char *value)
{
	char *end = strstr(value, "://");

	if (end == NULL)
		return;
	for (end += 3 + strcspn(end + 3, "/?#"); value < end; value++)
		if (*value >= 'A' && *value <= 'Z')
			*value = (char)(*value + 32);
}

/* Programs take a host in ASCII only.  For a host in other letters, the message
 * says how it has to be written. */
static void
name_ascii(const char *value, struct h5_err *e)
{
	struct h5_buf b;
	struct h5_url u;

	h5_buf_init(&b, H5_URL_MAX);
	if (h5_idn_url(value, &b, NULL) == H5_OK &&
	    h5_url_read(b.data, &u, NULL) == H5_OK)
		(void)h5_err_set(
		    e, H5_E_CONFIG, "must be written in ASCII: %s", b.data);
	h5_buf_release(&b);
}

static enum h5_code
read_url(char *value, struct h5_url *u, struct h5_err *e)
{
	enum h5_code rc;

	fold_case(value);
	rc = h5_url_read(value, u, e);
	if (rc != H5_OK) {
		name_ascii(value, e);
		return h5_config_value_fault(rc, e);
	}
	if (!u->https && !h5_url_loopback(u))
		return h5_err_set(e, H5_E_CONFIG,
		    "must begin with https:// (http:// is for hosts on this "
		    "machine, for tests)");
	return H5_OK;
}

static enum h5_code
read_plain_url(char *value, struct h5_url *u, struct h5_err *e)
{
	enum h5_code rc;

	rc = read_url(value, u, e);
	if (rc == H5_OK && u->query)
		rc = h5_err_set(
		    e, H5_E_CONFIG, "a query string (?) is not allowed");
	return rc;
}

static enum h5_code
read_base(struct h5_config_in *in, char *value, struct h5_err *e)
{
	struct h5_url u;
	enum h5_code rc;
	size_t n;

	if (value[0] != '\0') {
		rc = read_plain_url(value, &u, e);
		if (rc != H5_OK)
			return rc;
		/* This never cuts into the "//" of the scheme, since a host
		 * stands between. */
		for (n = strlen(value); value[n - 1] == '/'; n--)
			value[n - 1] = '\0';
	}
	return h5_config_value_dup(value, h5_config_value_field(in), e);
}

/* A prefix that ends inside the host would also fit a longer host, which may be
 * a stranger's. */
static enum h5_code
read_prefix(struct h5_config_in *in, char *value, struct h5_err *e)
{
	struct h5_buf b;
	struct h5_url u;
	enum h5_code rc;

	rc = read_plain_url(value, &u, e);
	if (rc != H5_OK)
		return rc;
	h5_buf_init(&b, H5_INI_VALUE);
	h5_buf_puts(&b, value);
	if (u.path[0] == '\0')
		h5_buf_putc(&b, '/');
	return h5_config_value_buf(&b, h5_config_value_field(in), e);
}

static enum h5_code
read_link(struct h5_config_in *in, char *value, struct h5_err *e)
{
	struct h5_url u;
	enum h5_code rc;

	rc = read_url(value, &u, e);
	if (rc != H5_OK)
		return rc;
	return h5_config_value_dup(value, h5_config_value_field(in), e);
}

/* --- lists ---------------------------------------------------------------- */

static size_t
count_words(const char *s)
{
	size_t n = 0;

	for (s += strspn(s, BLANKS); *s != '\0'; s += strspn(s, BLANKS)) {
		s += strcspn(s, BLANKS);
		n++;
	}
	return n;
}

/* Returns the next word of *s, cut off with a NUL; NULL at the end. */
static char *
next_word(char **s)
{
	char *word = *s + strspn(*s, BLANKS);
	size_t n = strcspn(word, BLANKS);

	if (n == 0)
		return NULL;
	*s = word + n + (word[n] == '\0' ? 0 : 1);
	word[n] = '\0';
	return word;
}

static enum h5_code
read_origin(char *word, char **out, struct h5_err *e)
{
	struct h5_buf b;
	struct h5_url u;
	enum h5_code rc;

	rc = read_plain_url(word, &u, e);
	if (rc != H5_OK)
		return rc;
	if (u.path[0] != '\0')
		return h5_err_set(e, H5_E_CONFIG,
		    "an origin is only a scheme and a host, like "
		    "https://shop.example");
	h5_buf_init(&b, H5_INI_VALUE);
	h5_url_origin(&u, &b);
	return h5_config_value_buf(&b, out, e);
}

/* Splits value into words, makes an entry of each by calling one, and puts the
 * entries into the list at the key. */
static enum h5_code
read_list(struct h5_config_in *in, char *value,
    enum h5_code (*one)(char *word, char **out, struct h5_err *e),
    struct h5_err *e)
{
	struct h5_config_list *list = h5_config_value_field(in);
	size_t n = count_words(value), i;
	enum h5_code rc = H5_OK;
	char **v, *word;

	if (n > LIST_MAX)
		return h5_err_set(
		    e, H5_E_CONFIG, "at most %d entries", LIST_MAX);
	v = calloc(n + 1, sizeof(*v));
	if (v == NULL)
		return h5_err_nomem(e);
	for (i = 0; i < n && rc == H5_OK; i++) {
		word = next_word(&value);
		if (word == NULL)
			break;
		rc = one(word, &v[i], e);
	}
	if (rc != H5_OK) {
		while (i > 0)
			free(v[--i]);
		free(v);
		return rc;
	}
	list->v = v;
	list->n = n;
	return H5_OK;
}

static enum h5_code
read_origins(struct h5_config_in *in, char *value, struct h5_err *e)
{
	return read_list(in, value, read_origin, e);
}

/* A host's name alone, in lower-case ASCII. */
static enum h5_code
read_host(char *word, char **out, struct h5_err *e)
{
	struct h5_buf b;
	struct h5_url u;
	enum h5_code rc;

	if (strpbrk(word, "/:@") != NULL)
		return h5_err_set(e, H5_E_CONFIG,
		    "must be only a host name, like shop.example");
	h5_buf_init(&b, H5_INI_VALUE + 8);
	h5_buf_printf(&b, "https://%s", word);
	rc = h5_buf_finish(&b, e);
	if (rc == H5_OK)
		rc = read_url(b.data, &u, e);
	if (rc == H5_OK && u.path[0] != '\0')
		rc = h5_err_set(e, H5_E_CONFIG,
		    "must be only a host name, like shop.example");
	if (rc == H5_OK)
		rc = h5_config_value_dup(u.host, out, e);
	h5_buf_release(&b);
	return rc;
}

static enum h5_code
read_hosts(struct h5_config_in *in, char *value, struct h5_err *e)
{
	return read_list(in, value, read_host, e);
}

static enum h5_code
read_ranges(struct h5_config_in *in, char *value, struct h5_err *e)
{
	size_t n = count_words(value), i;
	struct h5_netrange *list;
	enum h5_code rc = H5_OK;
	char *word;

	if (n > LIST_MAX)
		return h5_err_set(
		    e, H5_E_CONFIG, "at most %d entries", LIST_MAX);
	list = calloc(n + 1, sizeof(*list));
	if (list == NULL)
		return h5_err_nomem(e);
	for (i = 0; i < n && rc == H5_OK; i++) {
		word = next_word(&value);
		if (word == NULL)
			break;
		rc = h5_netaddr_range(word, &list[i], NULL);
		if (rc == H5_E_INPUT)
			rc = h5_err_set(e, H5_E_CONFIG,
			    "entry %zu is neither an address, nor a range like "
			    "192.0.2.0/24, nor unix:",
			    i + 1);
	}
	if (rc != H5_OK) {
		free(list);
		return rc;
	}
	in->c->site.trusted_proxies = list;
	in->c->site.n_trusted_proxies = n;
	return H5_OK;
}

H5_CONFIG_TYPE(base, read_base);
H5_CONFIG_TYPE_OR_EMPTY(optional_base, read_base);
H5_CONFIG_TYPE(prefix, read_prefix);
H5_CONFIG_TYPE(link, read_link);
H5_CONFIG_TYPE_OR_EMPTY(origins, read_origins);
H5_CONFIG_TYPE_OR_EMPTY(hosts, read_hosts);
H5_CONFIG_TYPE_OR_EMPTY(ranges, read_ranges);
