/* Reads APIv3's notices: nothing is parsed before its signature is good, and
 * nothing decrypted is used before its tag is. */
#include "common/wechat/v3/notice.h"

#include <string.h>

#include "common/format/json_read.h"
#include "common/wechat/v3/check.h"
#include "common/wechat/v3/facts.h"

#define ALGORITHM "AEAD_AES_256_GCM"

enum event { PAYMENT, REFUND, ECHO, OTHER };

static enum event
event_of(const char *word)
{
	if (strcmp(word, "TRANSACTION.SUCCESS") == 0)
		return PAYMENT;
	if (strcmp(word, "REFUND.SUCCESS") == 0 ||
	    strcmp(word, "REFUND.ABNORMAL") == 0 ||
	    strcmp(word, "REFUND.CLOSED") == 0)
		return REFUND;
	return strcmp(word, "SECURITY_ECHO.SUCCESS") == 0 ? ECHO : OTHER;
}

/* Appends the text of what is sealed in envelope. */
static enum h5_code
open_seal(const struct h5_v3_keys *k, const struct h5_json_value *envelope,
    struct h5_buf *out, bool *previous, struct h5_err *e)
{
	struct h5_v3_sealed s = {NULL, NULL, NULL};
	char algorithm[33];
	enum h5_code rc;

	rc = h5_json_take_word(envelope, "resource.algorithm", H5_JSON_REQUIRED,
	    algorithm, sizeof algorithm, e);
	if (rc == H5_OK && strcmp(algorithm, ALGORITHM) != 0)
		rc = h5_err_set(
		    e, H5_E_INPUT, "resource.algorithm is not " ALGORITHM);
	if (rc == H5_OK)
		rc = h5_json_take_string(envelope, "resource.ciphertext",
		    H5_JSON_REQUIRED, 2 * H5_V3_NOTICE_MAX, &s.ciphertext, e);
	if (rc == H5_OK)
		rc = h5_json_take_string(envelope, "resource.nonce",
		    H5_JSON_REQUIRED, 16, &s.nonce, e);
	if (rc == H5_OK)
		rc = h5_json_take_string(envelope, "resource.associated_data",
		    H5_JSON_OPTIONAL, 256, &s.associated_data, e);
	return rc == H5_OK ? h5_v3_decrypt(k, &s, out, previous, e) : rc;
}

/* --- what was sealed ------------------------------------------------------ */

static enum h5_code
read_payment(const struct h5_config *c, const struct h5_json_value *v,
    struct h5_wechat_trade *t, struct h5_err *e)
{
	enum h5_code rc = h5_v3_check_ids(c, v, true, e);

	if (rc == H5_OK)
		rc = h5_v3_read_trade(v, t, e);
	if (rc == H5_OK && !t->paid)
		rc = h5_err_set(e, H5_E_STATE, "trade_state is not SUCCESS");
	return rc;
}

/* A notice says refund_status; status is what answers say. */
static enum h5_code
read_refund(const struct h5_config *c, const struct h5_json_value *v,
    struct h5_wechat_hint *hint, struct h5_err *e)
{
	enum h5_code rc = h5_v3_check_ids(c, v, false, e);

	if (rc == H5_OK)
		rc = h5_json_take_word(v, "out_trade_no", H5_JSON_REQUIRED,
		    hint->out_trade_no, sizeof hint->out_trade_no, e);
	if (rc == H5_OK)
		rc = h5_json_take_word(v, "out_refund_no", H5_JSON_REQUIRED,
		    hint->out_refund_no, sizeof hint->out_refund_no, e);
	if (rc == H5_OK)
		rc = h5_json_take_word(v, "refund_status", H5_JSON_REQUIRED,
		    hint->refund_status, sizeof hint->refund_status, e);
	if (rc == H5_OK)
		rc = h5_json_take_word(v, "refund_id", H5_JSON_OPTIONAL,
		    hint->refund_id, sizeof hint->refund_id, e);
	if (rc == H5_OK)
		rc = h5_json_take_int(
		    v, "amount.refund", H5_JSON_OPTIONAL, &hint->refund_fee, e);
	if (rc == H5_OK && hint->refund_fee < 0)
		rc = h5_err_set(e, H5_E_INPUT, "amount.refund is out of range");
	return rc;
}

static enum h5_code
read_sealed(const struct h5_config *c, enum event event,
    const struct h5_buf *text, struct h5_wechat_trade *t,
    struct h5_wechat_hint *hint, struct h5_err *e)
{
	struct h5_json_value *v = NULL;
	enum h5_code rc = h5_json_read(text->data, text->len, &v, e);

	if (rc == H5_OK && event == PAYMENT)
		rc = read_payment(c, v, t, e);
	else if (rc == H5_OK && event == REFUND)
		rc = read_refund(c, v, hint, e);
	else if (rc == H5_OK)
		rc = h5_json_take_word(v, "echo_message", H5_JSON_REQUIRED,
		    hint->echo, sizeof hint->echo, e);
	h5_json_free(v);
	return rc;
}

/* --- all of it ------------------------------------------------------------ */

static enum h5_wechat_kind
kind_of(enum event event, bool previous)
{
	switch (event) {
	case PAYMENT:
		/* A key that was given up may be anybody's by now. */
		return previous ? H5_WECHAT_PAYMENT_HINT : H5_WECHAT_PAYMENT;
	case REFUND:
		return H5_WECHAT_REFUND;
	case ECHO:
		return previous ? H5_WECHAT_UNUSED : H5_WECHAT_ECHO;
	case OTHER:
		break;
	}
	return H5_WECHAT_UNUSED;
}

/* The envelope is WeChat's: its signature was good. */
static enum h5_code
read_envelope(const struct h5_config *c, const struct h5_json_value *envelope,
    bool previous, enum h5_wechat_kind *kind, struct h5_wechat_trade *t,
    struct h5_wechat_hint *hint, struct h5_err *e)
{
	bool by_previous = false;
	enum h5_code rc = H5_OK;
	struct h5_buf text;
	char word[65];
	enum event event;

	rc = h5_json_take_word(
	    envelope, "event_type", H5_JSON_REQUIRED, word, sizeof word, e);
	if (rc != H5_OK)
		return rc;
	event = event_of(word);
	h5_buf_init(&text, H5_V3_NOTICE_MAX);
	if (event != OTHER) {
		rc =
		    open_seal(c->merchant.v3, envelope, &text, &by_previous, e);
		if (rc == H5_OK)
			rc = read_sealed(c, event, &text, t, hint, e);
	}
	if (rc == H5_OK)
		*kind = kind_of(event, previous || by_previous);
	h5_buf_release(&text);
	return rc;
}

enum h5_code
h5_v3_read_notice(const struct h5_config *c, const struct h5_v3_notice *notice,
    int64_t now, enum h5_wechat_kind *kind, struct h5_wechat_trade *t,
    struct h5_wechat_hint *hint, struct h5_err *e)
{
	struct h5_json_value *envelope = NULL;
	bool previous = false;
	enum h5_code rc;

	h5_wechat_trade_init(t);
	memset(hint, 0, sizeof *hint);
	*kind = H5_WECHAT_UNUSED;
	if (c->merchant.v3 == NULL)
		return h5_err_set(e, H5_E_AUTH, "APIv3 is not set up here");
	rc = h5_v3_check(c->merchant.v3, notice->h, notice->body, notice->n,
	    now, &previous, e);
	if (rc == H5_OK)
		rc = h5_json_read(notice->body, notice->n, &envelope, e);
	if (rc == H5_OK)
		rc = read_envelope(c, envelope, previous, kind, t, hint, e);
	h5_json_free(envelope);
	/* Half of what it says must not be taken for all of it. */
	if (rc != H5_OK || *kind == H5_WECHAT_UNUSED) {
		h5_wechat_trade_release(t);
		h5_wechat_trade_init(t);
		memset(hint, 0, sizeof *hint);
	}
	return rc;
}
