/* APIv3's messages: whose they are, and the facts in them. */
#include "common/wechat/v3/facts.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/base/text.h"

/* --- values --------------------------------------------------------------- */

/* An amount in fen, above 0. */
static enum h5_code
read_fen(const struct h5_json_value *v, const char *path, int64_t *fen,
    struct h5_err *e)
{
	enum h5_code rc = h5_json_take_int(v, path, H5_JSON_REQUIRED, fen, e);

	if (rc == H5_OK && (*fen < 1 || *fen > H5_FEN_MAX))
		return h5_err_set(e, H5_E_INPUT, "%s is out of range", path);
	return rc;
}

/* A time that is missing or malformed is no reason to doubt the rest. */
static int64_t
read_time(const struct h5_json_value *v, const char *name)
{
	const char *s = h5_json_string_of(v, name);
	int64_t at;

	return s != NULL && h5_clock_from_any_rfc3339(s, &at, NULL) == H5_OK
		   ? at
		   : 0;
}

/* --- whose ---------------------------------------------------------------- */

static bool
is(const struct h5_json_value *v, const char *name, const char *ours,
    bool needed)
{
	const char *s = h5_json_string_of(v, name);

	if (s == NULL || s[0] == '\0')
		return !needed;
	return ours != NULL && strcmp(s, ours) == 0;
}

enum h5_code
h5_v3_check_ids(const struct h5_config *c, const struct h5_json_value *v,
    bool appids, struct h5_err *e)
{
	bool partner = c->merchant.sub_mch_id != NULL;
	const char *mch_id = c->merchant.mch_id;
	bool good;

	if (partner)
		good = is(v, "sp_mchid", mch_id,
			   h5_json_string_of(v, "mchid") == NULL) &&
		       is(v, "mchid", mch_id, false) &&
		       is(v, "sub_mchid", c->merchant.sub_mch_id, true);
	else
		good = is(v, "mchid", mch_id, true) &&
		       is(v, "sp_mchid", NULL, false) &&
		       is(v, "sub_mchid", NULL, false);
	if (!good)
		return h5_err_set(e, H5_E_NOTFOUND, "not our mch_id");
	if (!appids)
		return H5_OK;
	if (partner)
		good = is(v, "sp_appid", c->merchant.appid, true) &&
		       is(v, "sub_appid", c->merchant.sub_appid, false);
	else
		good = is(v, "appid", c->merchant.appid, true);
	return good ? H5_OK : h5_err_set(e, H5_E_NOTFOUND, "not our appid");
}

/* --- trades --------------------------------------------------------------- */

/* What is kept beside the facts, as the ledger names it; not who paid. */
static enum h5_code
keep_further(
    const struct h5_json_value *v, struct h5_fields *f, struct h5_err *e)
{
	static const char *const texts[] = {
	    "trade_type", "trade_state_desc", "bank_type", "attach"};
	enum h5_code rc = H5_OK;
	const char *s;
	int64_t fen;
	size_t i;

	for (i = 0; rc == H5_OK && i < H5_LENGTH(texts); i++) {
		s = h5_json_string_of(v, texts[i]);
		if (s != NULL && s[0] != '\0')
			rc = h5_fields_add(f, texts[i], s, e);
	}
	if (rc == H5_OK && h5_json_take_int(v, "amount.payer_total",
			       H5_JSON_REQUIRED, &fen, NULL) == H5_OK)
		rc = h5_fields_add_int(f, "payer_total", fen, e);
	return rc;
}

enum h5_code
h5_v3_read_trade(
    const struct h5_json_value *v, struct h5_wechat_trade *t, struct h5_err *e)
{
	enum h5_code rc;

	rc = h5_json_take_word(v, "out_trade_no", H5_JSON_REQUIRED,
	    t->out_trade_no, sizeof t->out_trade_no, e);
	if (rc == H5_OK)
		rc = h5_json_take_word(v, "trade_state", H5_JSON_REQUIRED,
		    t->trade_state, sizeof t->trade_state, e);
	/* REFUND says that it was paid, and some of it went back. */
	t->paid = rc == H5_OK && (strcmp(t->trade_state, "SUCCESS") == 0 ||
				     strcmp(t->trade_state, "REFUND") == 0);
	if (rc == H5_OK)
		rc = h5_json_take_word(v, "transaction_id",
		    t->paid ? H5_JSON_REQUIRED : H5_JSON_OPTIONAL,
		    t->transaction_id, sizeof t->transaction_id, e);
	if (rc == H5_OK && t->paid)
		rc = read_fen(v, "amount.total", &t->total_fee, e);
	if (rc == H5_OK)
		rc = h5_json_take_word(v, "amount.currency", H5_JSON_OPTIONAL,
		    t->fee_type, sizeof t->fee_type, e);
	if (rc != H5_OK)
		return rc;
	if (t->fee_type[0] == '\0')
		memcpy(t->fee_type, "CNY", 4);
	if (!t->paid &&
	    read_fen(v, "amount.total", &t->total_fee, NULL) != H5_OK)
		t->total_fee = -1;
	t->time_end = read_time(v, "success_time");
	t->api = H5_API_V3;
	return keep_further(v, &t->further, e);
}

/* --- refunds -------------------------------------------------------------- */

static const struct {
	const char *word;
	enum h5_refund_state state;
} states[] = {
    {"PROCESSING", H5_REFUND_PROCESSING},
    {"SUCCESS", H5_REFUND_SUCCESS},
    {"CLOSED", H5_REFUND_CLOSED},
    {"ABNORMAL", H5_REFUND_CHANGE},
};

static enum h5_code
read_status(const struct h5_json_value *v, enum h5_refund_state *state,
    struct h5_err *e)
{
	char word[16];
	enum h5_code rc = h5_json_take_word(
	    v, "status", H5_JSON_REQUIRED, word, sizeof word, e);
	size_t i;

	for (i = 0; rc == H5_OK && i < H5_LENGTH(states); i++)
		if (strcmp(states[i].word, word) == 0) {
			*state = states[i].state;
			return H5_OK;
		}
	return rc == H5_OK ? h5_err_set(e, H5_E_INPUT, "an unknown status")
			   : rc;
}

enum h5_code
h5_v3_read_refund(
    const struct h5_json_value *v, struct h5_wechat_refund *r, struct h5_err *e)
{
	enum h5_code rc;

	memset(r, 0, sizeof *r);
	rc = h5_json_take_word(v, "out_trade_no", H5_JSON_REQUIRED,
	    r->out_trade_no, sizeof r->out_trade_no, e);
	if (rc == H5_OK)
		rc = h5_json_take_word(v, "transaction_id", H5_JSON_REQUIRED,
		    r->transaction_id, sizeof r->transaction_id, e);
	if (rc == H5_OK)
		rc = h5_json_take_word(v, "out_refund_no", H5_JSON_REQUIRED,
		    r->out_refund_no, sizeof r->out_refund_no, e);
	if (rc == H5_OK)
		rc = h5_json_take_word(v, "refund_id", H5_JSON_REQUIRED,
		    r->refund_id, sizeof r->refund_id, e);
	if (rc == H5_OK)
		rc = read_status(v, &r->state, e);
	if (rc == H5_OK)
		rc = read_fen(v, "amount.total", &r->total_fee, e);
	if (rc == H5_OK)
		rc = read_fen(v, "amount.refund", &r->refund_fee, e);
	if (rc != H5_OK) {
		memset(r, 0, sizeof *r);
		return rc;
	}
	r->success_time = read_time(v, "success_time");
	return H5_OK;
}
