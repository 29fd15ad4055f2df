/* Values that are one of a few words, and those that say where a database
 * is. */
#include <string.h>

#include "common/config/value.h"
#include "common/order/order.h"

#define ALNUM "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static enum h5_code
read_lang(struct h5_config_in *in, char *value, struct h5_err *e)
{
	if (strcmp(value, "zh-CN") != 0 && strcmp(value, "en") != 0)
		return h5_err_set(e, H5_E_CONFIG, "must be zh-CN or en");
	return h5_config_value_dup(value, h5_config_value_field(in), e);
}

static enum h5_code
read_sign_type(struct h5_config_in *in, char *value, struct h5_err *e)
{
	if (!h5_order_sign_type_of(value, h5_config_value_field(in)))
		return h5_err_set(e, H5_E_CONFIG, "must be HMAC-SHA256 or MD5");
	return H5_OK;
}

static enum h5_code
read_api(struct h5_config_in *in, char *value, struct h5_err *e)
{
	if (!h5_order_api_of(value, h5_config_value_field(in)))
		return h5_err_set(e, H5_E_CONFIG, "must be v2 or v3");
	return H5_OK;
}

/* WeChat's own name of a key.  It is compared whole, prefix and all. */
static enum h5_code
read_public_key_id(struct h5_config_in *in, char *value, struct h5_err *e)
{
	static const char prefix[] = "PUB_KEY_ID_";
	size_t n = strlen(prefix);

	if (strncmp(value, prefix, n) != 0 || value[n] == '\0' ||
	    strlen(value) > in->key->max ||
	    value[n + strspn(value + n, ALNUM)] != '\0')
		return h5_err_set(e, H5_E_CONFIG,
		    "must be PUB_KEY_ID_ and digits, as it stands at "
		    "pay.weixin.qq.com under API security");
	return h5_config_value_dup(value, h5_config_value_field(in), e);
}

static enum h5_code
read_handoff(struct h5_config_in *in, char *value, struct h5_err *e)
{
	bool page = strcmp(value, "page") == 0;

	if (!page && strcmp(value, "redirect") != 0)
		return h5_err_set(e, H5_E_CONFIG, "must be redirect or page");
	in->c->site.handoff_page = page;
	return H5_OK;
}

/* Words between blanks, each of them once or more. */
static enum h5_code
read_products(struct h5_config_in *in, char *value, struct h5_err *e)
{
	unsigned products = 0;
	enum h5_product p;
	char *word, *rest = NULL;

	for (word = strtok_r(value, " \t", &rest); word != NULL;
	     word = strtok_r(NULL, " \t", &rest)) {
		if (!h5_order_product_of(word, &p))
			return h5_err_set(e, H5_E_CONFIG,
			    "must be one or more of h5, native and jsapi, "
			    "blanks between them");
		products |= 1U << p;
	}
	in->c->merchant.products = products;
	return H5_OK;
}

static enum h5_code
read_engine(struct h5_config_in *in, char *value, struct h5_err *e)
{
	if (strcmp(value, "files") != 0 && strcmp(value, "postgresql") != 0)
		return h5_err_set(
		    e, H5_E_CONFIG, "must be files or postgresql");
	return h5_config_value_dup(value, h5_config_value_field(in), e);
}

static enum h5_code
read_yes_no(struct h5_config_in *in, char *value, struct h5_err *e)
{
	bool yes = strcmp(value, "yes") == 0;

	if (!yes && strcmp(value, "no") != 0)
		return h5_err_set(e, H5_E_CONFIG, "must be yes or no");
	*(bool *)h5_config_value_field(in) = yes;
	return H5_OK;
}

/* What follows "//" in a URI names the user, and behind a colon his
 * password. */
static bool
holds_password(const char *value)
{
	const char *user = strstr(value, "://"), *at, *colon;

	if (strstr(value, "password") != NULL)
		return true;
	if (user == NULL)
		return false;
	user += 3;
	at = strchr(user, '@');
	colon = strchr(user, ':');
	return at != NULL && colon != NULL && colon < at;
}

/* Shown by config show and in messages, so it holds no secret. */
static enum h5_code
read_database(struct h5_config_in *in, char *value, struct h5_err *e)
{
	if (strlen(value) > in->key->max)
		return h5_err_set(e, H5_E_CONFIG, "is longer than %llu bytes",
		    (unsigned long long)in->key->max);
	if (holds_password(value))
		return h5_err_set(e, H5_E_CONFIG,
		    "must not hold a password: put it into "
		    "store.password_file");
	return h5_config_value_dup(value, h5_config_value_field(in), e);
}

H5_CONFIG_TYPE(engine, read_engine);
H5_CONFIG_TYPE(yes_no, read_yes_no);
H5_CONFIG_TYPE(database, read_database);
H5_CONFIG_TYPE(lang, read_lang);
H5_CONFIG_TYPE(sign_type, read_sign_type);
H5_CONFIG_TYPE(api, read_api);
H5_CONFIG_TYPE(public_key_id, read_public_key_id);
H5_CONFIG_TYPE(handoff, read_handoff);
H5_CONFIG_TYPE(products, read_products);
