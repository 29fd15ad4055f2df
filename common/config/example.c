/* What deploy/h5pay.conf.example left behind in a configuration, and what may
 * be put in its place. */
#include <stdlib.h>
#include <string.h>

#include "common/base/length.h"
#include "common/config/config.h"
#include "common/config/keys.h"
#include "common/config/value.h"

/* A secret cannot be read back.  Two keys are the same if they sign alike. */
bool
h5_config_same_key(const struct h5_crypto_key *a, const struct h5_crypto_key *b)
{
	unsigned char x[32], y[32];

	return a != NULL && b != NULL &&
	       h5_crypto_mac(a, "same?", 5, x, NULL) == H5_OK &&
	       h5_crypto_mac(b, "same?", 5, y, NULL) == H5_OK &&
	       memcmp(x, y, sizeof x) == 0;
}

static bool
is_text(const struct h5_crypto_key *k, const char *text)
{
	struct h5_crypto_key *other = NULL;
	bool same;

	if (h5_crypto_key_new(text, strlen(text), &other, NULL) != H5_OK)
		return false;
	same = h5_config_same_key(k, other);
	h5_crypto_key_free(other);
	return same;
}

bool
h5_config_left(const struct h5_config *c, size_t i, struct h5_config_left *out)
{
	const char *const random = "at-least-32-bytes-of-random-text";
	const struct {
		const char *section, *key;
		bool must, left;
	} rows[] = {
	    {"merchant", "appid", true,
		strcmp(c->merchant.appid, "wx0000000000000000") == 0},
	    {"merchant", "mch_id", true,
		strspn(c->merchant.mch_id, "0") == strlen(c->merchant.mch_id)},
	    {"merchant", "api_key", true,
		is_text(
		    c->merchant.api_key, "32-bytes-from-pay.weixin.qq.com-")},
	    {"site", "base_url", false,
		strcmp(c->site.host, "shop.example") == 0},
	    {"site", "name", false, strcmp(c->site.name, "My Shop") == 0},
	    {"site", "secret", true, is_text(c->site.secret, random)},
	    {"site", "link_key", true, is_text(c->site.link_key, random)},
	};
	static const char *const names[] = {"merchant.appid", "merchant.mch_id",
	    "merchant.api_key", "site.base_url", "site.name", "site.secret",
	    "site.link_key"};
	size_t n;

	_Static_assert(H5_LENGTH(names) == H5_LENGTH(rows), "a name a row");
	for (n = 0; n < H5_LENGTH(rows); n++) {
		if (!rows[n].left || i-- > 0)
			continue;
		out->name = names[n];
		out->line =
		    c->key_line[h5_keys_find(rows[n].section, rows[n].key)];
		out->must = rows[n].must;
		return true;
	}
	return false;
}

enum h5_code
h5_config_try(
    const char *section, const char *key, const char *value, struct h5_err *e)
{
	size_t i = h5_keys_find(section, key);
	struct h5_config_in in;
	struct h5_config *c;
	enum h5_code rc;
	char *copy;

	if (i == h5_keys_n)
		return h5_err_set(
		    e, H5_E_NOTFOUND, "there is no key %s.%s", section, key);
	if (value[0] == '\0' && !h5_keys[i].type->may_be_empty)
		return h5_err_set(e, H5_E_CONFIG, "no value");
	c = calloc(1, sizeof *c);
	copy = strdup(value);
	rc = c == NULL || copy == NULL ? h5_err_nomem(e) : H5_OK;
	if (rc == H5_OK) {
		in = (struct h5_config_in){c, &h5_keys[i], ".", false};
		/* The reader may cut its text up. */
		rc = h5_keys[i].type->read(&in, copy, e);
		explicit_bzero(copy, strlen(value));
	}
	free(copy);
	h5_config_free(c);
	return rc;
}
