/* Keys that were changed: which of the ones before are still there, and which
 * of them have been there for too long. */
#include "common/config/previous.h"

#include "common/config/keys.h"

#define OLD_S (30 * 86400)

/* A key stands there by itself or by its file. */
static unsigned
line_of(const struct h5_config *c, const char *name, const char *file)
{
	unsigned line = c->key_line[h5_keys_find("merchant", name)];

	return line != 0 ? line : c->key_line[h5_keys_find("merchant", file)];
}

size_t
h5_config_previous(const struct h5_config *c, int64_t now,
    struct h5_config_previous out[H5_CONFIG_PREVIOUS_MAX])
{
	const bool api_key = c->merchant.api_key_previous != NULL,
		   apiv3_key = c->merchant.apiv3_key_previous != NULL,
		   public_key = c->merchant.public_key_previous_file != NULL;
	const struct h5_config_previous keys[H5_CONFIG_PREVIOUS_MAX] = {
	    {"merchant.api_key_previous", api_key,
		line_of(c, "api_key_previous", "api_key_previous_file"),
		api_key && now - c->merchant.api_key_previous_at > OLD_S},
	    {"merchant.apiv3_key_previous", apiv3_key,
		line_of(c, "apiv3_key_previous", "apiv3_key_previous_file"),
		apiv3_key && now - c->merchant.apiv3_key_previous_at > OLD_S},
	    {"merchant.public_key_previous_file", public_key,
		line_of(
		    c, "public_key_previous_file", "public_key_previous_file"),
		public_key && now - c->merchant.public_key_previous_at > OLD_S},
	    {"merchant.sign_type_previous",
		c->merchant.sign_type_previous != H5_SIGN_UNSAID, 0, false},
	    {"site.secret_previous", c->site.secret_previous != NULL, 0, false},
	    {"site.link_key_previous", c->site.link_key_previous != NULL, 0,
		false},
	    {"hooks.webhook_secret_previous",
		c->hooks.webhook_secret_previous != NULL, 0, false},
	};
	size_t i, n = 0;

	for (i = 0; i < H5_CONFIG_PREVIOUS_MAX; i++)
		if (keys[i].set)
			out[n++] = keys[i];
	return n;
}
