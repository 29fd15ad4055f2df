/* What keys have to be together: pairs, lengths that WeChat limits, and what an
 * API or a product needs. */
#include "common/config/rules.h"

#include <string.h>

#include "common/config/keys.h"
#include "common/format/url.h"

#define NOTIFY_URL_MAX 256 /* PROTOCOL 2.1: notify_url is String(256) */
#define SCENE_MAX 256 /* PROTOCOL 2.1: scene_info is String(256) */
#define SCENE_NAME 30 /* ten Chinese characters */
#define SCENE_FRAME                                                            \
	"{\"h5_info\":{\"type\":\"Wap\",\"wap_url\":\"\",\"wap_name\":\"\"}}"

struct rules {
	struct h5_ini *ini;
	const struct h5_config *c;
	unsigned merchant; /* the line of that section */
};

/* The line of section.name, 0 when it is not there. */
static unsigned
line_of(const struct rules *l, const char *section, const char *name)
{
	size_t i = h5_keys_find(section, name);

	return i < h5_keys_n ? l->c->key_line[i] : 0;
}

/* Both keys are needed, or neither. */
static void
check_pair(const struct rules *l, const char *section, const char *a,
    const char *b, unsigned line_a, unsigned line_b)
{
	if (line_a != 0 && line_b == 0)
		h5_ini_fault(l->ini, line_a, "%s.%s also needs %s.%s", section,
		    a, section, b);
	if (line_b != 0 && line_a == 0)
		h5_ini_fault(l->ini, line_b, "%s.%s also needs %s.%s", section,
		    b, section, a);
}

/* Two lengths that WeChat limits depend on several keys together. */
static void
check_lengths(const struct rules *l)
{
	const struct h5_config *c = l->c;
	size_t n;

	if (c->site.base_url == NULL || c->site.program_suffix == NULL)
		return;
	n = strlen(c->site.base_url) + strlen("/notify") +
	    strlen(c->site.program_suffix);
	if (n > NOTIFY_URL_MAX)
		h5_ini_fault(l->ini, line_of(l, "site", "base_url"),
		    "site.base_url: the notify URL made from it has %zu bytes, "
		    "but WeChat takes at most %d",
		    n, NOTIFY_URL_MAX);
	if (c->site.origin == NULL)
		return;
	/* The shop's name is cut to the room that is left, but some room has to
	 * be left. */
	n = strlen(SCENE_FRAME) + strlen(c->site.origin) + SCENE_NAME;
	if (n > SCENE_MAX)
		h5_ini_fault(l->ini, line_of(l, "site", "base_url"),
		    "site.base_url: its host leaves no room for site.name in "
		    "scene_info, of which WeChat takes at most %d bytes",
		    SCENE_MAX);
}

/* A name that leads to itself would send every visitor round in a circle. */
static void
check_aliases(const struct rules *l)
{
	const struct h5_config *c = l->c;
	struct h5_url u;
	size_t i;

	if (c->site.base_url == NULL ||
	    h5_url_read(c->site.base_url, &u, NULL) != H5_OK)
		return;
	for (i = 0; i < c->site.aliases.n; i++)
		if (strcmp(c->site.aliases.v[i], u.host) == 0)
			h5_ini_fault(l->ini, line_of(l, "site", "aliases"),
			    "site.aliases: %s is the host of base_url itself",
			    u.host);
}

static void
check_jsapi(const struct rules *l)
{
	if (l->c->merchant.products >> H5_PRODUCT_JSAPI != 0 &&
	    l->c->merchant.app_secret == NULL)
		h5_ini_fault(l->ini, line_of(l, "merchant", "products"),
		    "merchant.products: jsapi needs merchant.app_secret_file");
}

/* --- APIs ----------------------------------------------------------------- */

/* What an API cannot do without, and where it is found. */
static void
check_api(const struct rules *l)
{
	unsigned line = line_of(l, "merchant", "api");

	if (l->c->merchant.api == H5_API_V2) {
		if (l->c->merchant.api_key == NULL &&
		    line_of(l, "merchant", "api_key") == 0 &&
		    line_of(l, "merchant", "api_key_file") == 0)
			h5_ini_fault(l->ini, l->merchant,
			    "merchant.api_key is required and missing");
		return;
	}
	if (line_of(l, "merchant", "key_file") == 0)
		h5_ini_fault(l->ini, line,
		    "merchant.api: v3 needs merchant.cert_file and "
		    "merchant.key_file, apiclient_cert.pem and "
		    "apiclient_key.pem from pay.weixin.qq.com (API security)");
	if (line_of(l, "merchant", "apiv3_key") == 0 &&
	    line_of(l, "merchant", "apiv3_key_file") == 0)
		h5_ini_fault(l->ini, line,
		    "merchant.api: v3 needs merchant.apiv3_key_file, the 32 "
		    "characters that you set at pay.weixin.qq.com (API "
		    "security); WeChat sends no notice before they are set");
	if (line_of(l, "merchant", "public_key_file") == 0 &&
	    line_of(l, "merchant", "platform_certs") == 0)
		h5_ini_fault(l->ini, line,
		    "merchant.api: v3 needs merchant.public_key_file and "
		    "merchant.public_key_id, from pay.weixin.qq.com (API "
		    "security); accounts without one: "
		    "merchant.platform_certs");
}

static void
check_merchant(const struct rules *l)
{
	check_pair(l, "merchant", "cert_file", "key_file",
	    line_of(l, "merchant", "cert_file"),
	    line_of(l, "merchant", "key_file"));
	check_pair(l, "merchant", "public_key_file", "public_key_id",
	    line_of(l, "merchant", "public_key_file"),
	    line_of(l, "merchant", "public_key_id"));
	check_pair(l, "merchant", "public_key_previous_file",
	    "public_key_previous_id",
	    line_of(l, "merchant", "public_key_previous_file"),
	    line_of(l, "merchant", "public_key_previous_id"));
	/* A sub-merchant may sell under the provider's appid alone. */
	if (line_of(l, "merchant", "sub_appid") != 0 &&
	    line_of(l, "merchant", "sub_mch_id") == 0)
		h5_ini_fault(l->ini, line_of(l, "merchant", "sub_appid"),
		    "merchant.sub_appid also needs merchant.sub_mch_id");
	check_api(l);
	check_jsapi(l);
}

static void
check_hooks(const struct rules *l)
{
	unsigned secret = line_of(l, "hooks", "webhook_secret");

	check_pair(l, "hooks", "webhook_url", "webhook_secret",
	    line_of(l, "hooks", "webhook_url"),
	    secret != 0 ? secret : line_of(l, "hooks", "webhook_secret_file"));
}

static void
check_store(const struct rules *l)
{
	const struct h5_store_where *w = &l->c->store;

	if (w->engine != NULL && strcmp(w->engine, "files") != 0 &&
	    line_of(l, "store", "database") == 0)
		h5_ini_fault(l->ini, line_of(l, "store", "engine"),
		    "store.engine also needs store.database");
	check_pair(l, "store", "cert_file", "key_file",
	    line_of(l, "store", "cert_file"), line_of(l, "store", "key_file"));
}

void
h5_config_rules(
    struct h5_ini *ini, const struct h5_config *c, unsigned merchant)
{
	const struct rules l = {ini, c,
	    merchant != 0    ? merchant
	    : ini->line == 0 ? 1
			     : ini->line};

	check_merchant(&l);
	check_store(&l);
	check_hooks(&l);
	check_lengths(&l);
	check_aliases(&l);
}
