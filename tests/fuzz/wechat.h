/* wechat.h - messages of WeChat's side for the targets: our merchant, and the
 * signature by other code (PROTOCOL 1.3). */
#ifndef TESTS_FUZZ_WECHAT_H
#define TESTS_FUZZ_WECHAT_H

#include "common/config/config.h"
#include "tests/fields_set.h"
#include "common/wechat/v2/message.h"
#include "common/wechat/v2/sign.h"
#include "common/wechat/v2/xml.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mac.h"

#define WECHAT_KEY "192006250b4c09247ec02edce69f6a2d"
#define WECHAT_APPID "wxd930ea5d5a258f4f"
#define WECHAT_MCH_ID "10000100"

static const struct h5_config *
wechat_config(void)
{
	static struct h5_config c;
	static char appid[] = WECHAT_APPID, mch_id[] = WECHAT_MCH_ID;

	if (c.merchant.api_key == NULL) {
		MUST(h5_crypto_key_new(WECHAT_KEY, strlen(WECHAT_KEY),
			 &c.merchant.api_key, NULL) == H5_OK);
		c.merchant.appid = appid;
		c.merchant.mch_id = mch_id;
		c.merchant.sign_type = H5_SIGN_HMAC_SHA256;
	}
	return &c;
}

static inline void
wechat_sign(const struct h5_fields *f, char hex[65])
{
	const struct h5_field *x = NULL;
	struct mac m;

	mac_init(&m, WECHAT_KEY);
	while ((x = mac_next(f, x == NULL ? NULL : x->name)) != NULL) {
		if (strcmp(x->name, "sign") == 0 || x->value_len == 0)
			continue;
		mac_add(&m, x->name, x->name_len);
		mac_add(&m, "=", 1);
		mac_add(&m, x->value, x->value_len);
		mac_add(&m, "&", 1);
	}
	mac_add(&m, "key=" WECHAT_KEY, strlen("key=" WECHAT_KEY));
	mac_hex(&m, "0123456789ABCDEF", hex);
}

/* What every message that is believed has. */
static inline void
wechat_believed(const struct h5_fields *f, bool ids)
{
	const char *sign = h5_fields_get(f, "sign");
	const char *type = h5_fields_get(f, "sign_type");
	const char *appid = h5_fields_get(f, "appid");
	const char *mch_id = h5_fields_get(f, "mch_id");
	char hex[65];

	MUST(h5_fields_is(f, "return_code", "SUCCESS"));
	wechat_sign(f, hex);
	MUST(sign != NULL && strcmp(sign, hex) == 0);
	MUST(type == NULL || type[0] == '\0' ||
	     strcmp(type, "HMAC-SHA256") == 0);
	MUST(appid == NULL ? !ids : strcmp(appid, WECHAT_APPID) == 0);
	MUST(mch_id == NULL ? !ids : strcmp(mch_id, WECHAT_MCH_ID) == 0);
}

/* wechat_signed(f, out): f as XML with the right sign in place of its own;
 * false: it cannot be written. */
static inline bool
wechat_signed(struct h5_fields *f, struct h5_buf *out)
{
	char hex[65];

	wechat_sign(f, hex);
	return fields_set(f, "sign", hex, NULL) == H5_OK &&
	       h5_xml_write(f, out, NULL) == H5_OK;
}

/* Do the facts of a trade say what its elements say?  Money above all. */
static inline void
wechat_trade(const struct h5_fields *f, const struct h5_wechat_trade *t)
{
	static const char *const kept_out[] = {"sign", "openid", "nonce_str",
	    "total_fee", "transaction_id", "out_trade_no"};
	const char *state = h5_fields_get(f, "trade_state");
	char fee[32];
	size_t i;

	MUST(h5_fields_is(f, "out_trade_no", t->out_trade_no));
	MUST(t->out_trade_no[0] != '\0');
	if (state == NULL || state[0] == '\0')
		MUST(strcmp(t->trade_state, "SUCCESS") == 0);
	else
		MUST(strcmp(t->trade_state, state) == 0);
	MUST(t->paid == (strcmp(t->trade_state, "SUCCESS") == 0 ||
			    strcmp(t->trade_state, "REFUND") == 0));
	/* 0 is well-formed: it differs from what was ordered. */
	MUST(!t->paid || (t->transaction_id[0] != '\0' && t->total_fee >= 0));
	if (t->transaction_id[0] != '\0')
		MUST(h5_fields_is(f, "transaction_id", t->transaction_id));
	if (t->total_fee >= 0) {
		(void)snprintf(
		    fee, sizeof fee, "%lld", (long long)t->total_fee);
		MUST(h5_fields_is(f, "total_fee", fee));
	}
	for (i = 0; i < sizeof kept_out / sizeof kept_out[0]; i++)
		MUST(h5_fields_get(&t->further, kept_out[i]) == NULL);
	for (i = 0; i < t->further.n; i++)
		MUST(h5_fields_is(
		    f, t->further.v[i].name, t->further.v[i].value));
}

#endif
