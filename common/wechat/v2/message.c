/* APIv2's answers and notices: what is believed, and the facts in it. */
#include "common/wechat/v2/message.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/base/text.h"
#include "common/wechat/v2/sign.h"
#include "common/wechat/v2/xml.h"

#define REPLY_MSG 120

/* --- refusals --- */

/* Every code of docs/PROTOCOL.md 2.6; the note tells the operator, in the log,
 * what to fix or what to know. */
static const struct {
	const char *code;
	enum h5_wechat_verdict verdict;
	const char *note;
} verdicts[] = {
    {"ORDERPAID", H5_WECHAT_PAID, "it is already paid: ask orderquery"},
    {"ORDERCLOSED", H5_WECHAT_CLOSED, "this number is closed"},
    {"OUT_TRADE_NO_USED", H5_WECHAT_TAKEN, "this number was ordered before"},
    {"ORDERNOTEXIST", H5_WECHAT_UNKNOWN_ORDER,
	"WeChat does not know this number under our mch_id"},
    {"SYSTEMERROR", H5_WECHAT_AGAIN,
	"WeChat had a fault: the outcome is unknown"},
    {"FREQUENCY_LIMITED", H5_WECHAT_AGAIN, "too many calls: slow down"},
    {"FREQUENCE_LIMITED", H5_WECHAT_AGAIN, "too many calls: slow down"},
    {"BIZERR_NEED_RETRY", H5_WECHAT_AGAIN, "repeat it with the same numbers"},
    {"TRADE_STATE_ERROR", H5_WECHAT_NOT_YET,
	"the trade's state does not allow it now"},
    {"NOAUTH", H5_WECHAT_MERCHANT,
	"this product is not opened for this mch_id: open it on the merchant "
	"platform, product centre"},
    {"APPID_NOT_EXIST", H5_WECHAT_MERCHANT, "check merchant.appid"},
    {"MCHID_NOT_EXIST", H5_WECHAT_MERCHANT, "check merchant.mch_id"},
    {"APPID_MCHID_NOT_MATCH", H5_WECHAT_MERCHANT,
	"bind merchant.appid to merchant.mch_id on the merchant platform"},
    {"SIGNERROR", H5_WECHAT_MERCHANT,
	"check merchant.api_key (the APIv2 key) and merchant.sign_type"},
    {"INVALID_REQ_TOO_MUCH", H5_WECHAT_NOT_YET,
	"one minute must pass between two refunds of an order"},
    {"NOTENOUGH", H5_WECHAT_REFUSED,
	"the balance is too low: top it up on the merchant platform, then "
	"repeat with the same numbers"},
    {"TRADE_OVERDUE", H5_WECHAT_REFUSED,
	"it was paid more than a year ago: pay it back by other means"},
    {"USER_ACCOUNT_ABNORMAL", H5_WECHAT_REFUSED,
	"the payer's account no longer exists: pay it back by other means"},
    {"REFUND_FEE_MISMATCH", H5_WECHAT_REFUSED,
	"this out_refund_no was used before with a different amount"},
    {"ERROR", H5_WECHAT_REFUSED, "err_code_des says why"},
    {"LACK_PARAMS", H5_WECHAT_REFUSED, "a parameter is missing: report a bug"},
    {"PARAM_ERROR", H5_WECHAT_REFUSED, "a parameter is out of range"},
    {"XML_FORMAT_ERROR", H5_WECHAT_REFUSED, "report a bug"},
    {"REQUIRE_POST_METHOD", H5_WECHAT_REFUSED,
	"not a POST: check whether something between us and WeChat changes "
	"requests"},
    {"POST_DATA_EMPTY", H5_WECHAT_REFUSED,
	"the request was empty: check whether something between us and WeChat "
	"changes requests"},
    {"NOT_UTF8", H5_WECHAT_REFUSED, "report a bug"},
    {"INVALID_TRANSACTIONID", H5_WECHAT_REFUSED,
	"there is no such transaction_id"},
    {"REFUNDNOTEXIST", H5_WECHAT_NO_REFUND,
	"WeChat does not know this out_refund_no under our mch_id"},
    {"ACCOUNTERROR", H5_WECHAT_REFUSED, NULL},
    {"BANKERROR", H5_WECHAT_REFUSED, NULL},
    {"TRADE_ERROR", H5_WECHAT_REFUSED, NULL},
    {"RULELIMIT", H5_WECHAT_REFUSED, NULL},
};

/* INVALID_REQUEST says by its text alone that the number is taken: "201 " and
 * the words for "order number repeated". */
static bool
number_taken(const char *des)
{
	static const char repeated[] = "\xe8\xae\xa2\xe5\x8d\x95\xe5\x8f\xb7"
				       "\xe9\x87\x8d\xe5\xa4\x8d";

	if (des == NULL)
		/* The text has been seen with the code in front and without
		 * it. */
		return false;
	if (strncmp(des, "201", 3) == 0 && (des[3] < '0' || des[3] > '9'))
		return true;
	return strstr(des, repeated) != NULL;
}

/* The words for "relation of acceptance", which a provider has to each of his
 * sub-merchants (PROTOCOL-V3 14). */
static bool
not_accepted(const char *des)
{
	static const char relation[] = "\xe5\x8f\x97\xe7\x90\x86"
				       "\xe5\x85\xb3\xe7\xb3\xbb";

	return des != NULL && strstr(des, relation) != NULL;
}

/* The verdict on an err_code; *note as in struct h5_wechat_refusal. */
static enum h5_wechat_verdict
verdict_of(const char *code, const char *des, const char **note)
{
	size_t i;

	*note = NULL;
	/* The one code whose meaning stands in its text (PROTOCOL 2.6). */
	if (strcmp(code, "INVALID_REQUEST") == 0 && not_accepted(des)) {
		*note = "merchant.sub_mch_id is no sub-merchant of "
			"merchant.mch_id: check both";
		return H5_WECHAT_MERCHANT;
	}
	if (strcmp(code, "INVALID_REQUEST") == 0)
		return number_taken(des) ? H5_WECHAT_TAKEN : H5_WECHAT_REFUSED;
	for (i = 0; i < H5_LENGTH(verdicts); i++)
		if (strcmp(code, verdicts[i].code) == 0) {
			*note = verdicts[i].note;
			return verdicts[i].verdict;
		}
	/* An unknown code is a refusal like any other: WeChat adds some. */
	return H5_WECHAT_REFUSED;
}

/* Copies what fits, cut at a character; "" for NULL. */
static void
copy_cut(char *to, size_t size, const char *from)
{
	size_t n;

	memset(to, 0, size);
	if (from == NULL)
		return;
	n = strlen(from);
	if (n >= size)
		n = h5_text_cut(from, n, size - 1);
	memcpy(to, from, n);
}

/* What a believed answer's result_code, err_code and err_code_des mean. */
static void
read_refusal(const struct h5_fields *f, struct h5_wechat_refusal *refusal)
{
	const char *code = h5_fields_get(f, "err_code");
	const char *des = h5_fields_get(f, "err_code_des");

	memset(refusal, 0, sizeof *refusal);
	refusal->verdict = H5_WECHAT_REFUSED;
	/* Success needs no code, and a refusal without one is a plain
	 * refusal. */
	if (h5_fields_is(f, "result_code", "SUCCESS")) {
		refusal->verdict = H5_WECHAT_SUCCESS;
		return;
	}
	if (code != NULL)
		refusal->verdict = verdict_of(code, des, &refusal->note);
	refusal->not_open = code != NULL && strcmp(code, "NOAUTH") == 0;
	copy_cut(refusal->err_code, sizeof refusal->err_code, code);
	copy_cut(refusal->err_code_des, sizeof refusal->err_code_des, des);
}

/* --- answers --- */

/* A provider has one key for all his sub-merchants: this alone tells whose
 * money it is.  sub_appid is named where it was sent, or not at all. */
static enum h5_code
check_sub(const struct h5_config *c, const struct h5_fields *f,
    bool may_be_absent, struct h5_err *e)
{
	const char *sub = h5_fields_get(f, "sub_mch_id");
	const char *appid = h5_fields_get(f, "sub_appid");
	const char *ours = c->merchant.sub_mch_id;
	bool absent = sub == NULL || sub[0] == '\0';

	if (absent ? ours != NULL && !may_be_absent
		   : ours == NULL || strcmp(sub, ours) != 0)
		return h5_err_set(e, H5_E_AUTH, "not our sub_mch_id");
	if (c->merchant.sub_appid != NULL && appid != NULL &&
	    appid[0] != '\0' && strcmp(appid, c->merchant.sub_appid) != 0)
		return h5_err_set(e, H5_E_AUTH, "not our sub_appid");
	return H5_OK;
}

/* Both ids are ours.  A signed refusal may leave them out (a fault may be
 * found before they are read), but may not name others'. */
static enum h5_code
check_ids(const struct h5_config *c, const struct h5_fields *f,
    bool may_be_absent, struct h5_err *e)
{
	const char *appid = h5_fields_get(f, "appid");
	const char *mch_id = h5_fields_get(f, "mch_id");

	if (appid == NULL ? !may_be_absent
			  : strcmp(appid, c->merchant.appid) != 0)
		return h5_err_set(e, H5_E_AUTH, "not our appid");
	if (mch_id == NULL ? !may_be_absent
			   : strcmp(mch_id, c->merchant.mch_id) != 0)
		return h5_err_set(e, H5_E_AUTH, "not our mch_id");
	return check_sub(c, f, may_be_absent, e);
}

static enum h5_code
not_believed(const struct h5_err *why, struct h5_err *e)
{
	/* What is wrong with the message is WeChat's affair.  A lack of memory
	 * is ours and stays what it is. */
	if (why->code == H5_E_INPUT || why->code == H5_E_AUTH)
		return h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: %s", why->msg);
	return h5_err_pass(e, why);
}

static enum h5_code
believe_answer(const struct h5_config *c, enum h5_sign_type type,
    const struct h5_fields *f, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	struct h5_err why;
	bool success;
	enum h5_code rc;

	/* Unsigned, always.  It may stop us but proves nothing (PROTOCOL
	 * 1.7). */
	if (h5_fields_is(f, "return_code", "FAIL"))
		return h5_err_set(e, H5_E_REMOTE, H5_V2_REFUSED_CALL "%s",
		    h5_fields_get(f, "return_msg") != NULL
			? h5_fields_get(f, "return_msg")
			: "no reason");
	if (!h5_fields_is(f, "return_code", "SUCCESS"))
		return h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: no return_code");
	/* The signature first: before it is checked, anybody may have written
	 * the rest.  The present key alone: we have just signed with it. */
	rc = h5_sign_check(c->merchant.api_key, type, f, &why);
	if (rc != H5_OK)
		return not_believed(&why, e);
	/* It is neither of the two words, so the answer is signed but there is
	 * nothing to go by. */
	success = h5_fields_is(f, "result_code", "SUCCESS");
	if (!success && !h5_fields_is(f, "result_code", "FAIL"))
		return h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: no result_code");
	rc = check_ids(c, f, !success, &why);
	if (rc != H5_OK)
		return not_believed(&why, e);
	read_refusal(f, refusal);
	return H5_OK;
}

enum h5_code
h5_v2_read_answer(const struct h5_config *c, enum h5_sign_type type,
    const char *body, size_t n, struct h5_fields *f,
    struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	struct h5_err why;
	enum h5_code rc;

	memset(refusal, 0, sizeof *refusal);
	refusal->verdict = H5_WECHAT_REFUSED;
	rc = h5_xml_read(body, n, "xml", f, &why);
	if (rc != H5_OK)
		return not_believed(&why, e);
	rc = believe_answer(c, type, f, refusal, e);
	if (rc != H5_OK)
		h5_fields_release(f);
	return rc;
}

/* --- a trade --- */

enum h5_code
h5_v2_read_word(const struct h5_fields *f, const char *name, bool needed,
    char *to, size_t size, struct h5_err *e)
{
	const char *s = h5_fields_get(f, name);
	size_t i;

	to[0] = '\0';
	if (s == NULL || s[0] == '\0')
		return needed ? h5_err_set(e, H5_E_INPUT, "no %s", name)
			      : H5_OK;
	/* Visible ASCII: these words are compared, logged and written into
	 * ledgers. */
	for (i = 0; s[i] != '\0'; i++)
		if (s[i] <= ' ' || s[i] > '~' || i + 1 >= size)
			return h5_err_set(e, H5_E_INPUT, "malformed %s", name);
	memcpy(to, s, i + 1);
	return H5_OK;
}

/* Elements that are not kept: what the trade has fields of its own for, the
 * envelope, what identifies the payer, and names that a ledger cannot hold. */
static bool
left_out(const char *name)
{
	static const char *const out[] = {"sign", "sign_type", "nonce_str",
	    "openid", "sub_openid", "return_code", "return_msg", "result_code",
	    "appid", "mch_id", "sub_appid", "sub_mch_id", "out_trade_no",
	    "trade_state", "transaction_id", "total_fee", "fee_type",
	    "time_end"};
	size_t i;

	/* The first letter tells most of them apart. */
	for (i = 0; i < H5_LENGTH(out); i++)
		if (out[i][0] == name[0] && strcmp(name, out[i]) == 0)
			return true;
	return strchr(name, '.') != NULL;
}

/* No ceiling of its own: a message is at most H5_XML_MAX bytes, and a ledger
 * line holds twice that. */
static enum h5_code
keep_further(const struct h5_fields *f, struct h5_fields *to, struct h5_err *e)
{
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; rc == H5_OK && i < f->n; i++)
		/* Empty elements are not signed either, so nothing that was
		 * vouched for is lost. */
		if (f->v[i].value_len > 0 && !left_out(f->v[i].name))
			rc = h5_fields_add(to, f->v[i].name, f->v[i].value, e);
	return rc;
}

static enum h5_code
take_trade(
    const struct h5_fields *f, struct h5_wechat_trade *t, struct h5_err *e)
{
	const char *s;
	uint64_t fee;
	enum h5_code rc;

	rc = h5_v2_read_word(
	    f, "trade_state", false, t->trade_state, sizeof t->trade_state, e);
	if (rc != H5_OK)
		return rc;
	/* A notice carries no trade_state: it is sent for successes alone. */
	if (t->trade_state[0] == '\0')
		memcpy(t->trade_state, "SUCCESS", sizeof "SUCCESS");
	t->paid = strcmp(t->trade_state, "SUCCESS") == 0 ||
		  strcmp(t->trade_state, "REFUND") == 0;
	rc = h5_v2_read_word(f, "out_trade_no", true, t->out_trade_no,
	    sizeof t->out_trade_no, e);
	if (rc == H5_OK)
		rc = h5_v2_read_word(f, "transaction_id", t->paid,
		    t->transaction_id, sizeof t->transaction_id, e);
	if (rc == H5_OK)
		rc = h5_v2_read_word(
		    f, "fee_type", false, t->fee_type, sizeof t->fee_type, e);
	if (rc != H5_OK)
		return rc;
	/* WeChat leaves out the currency when it is the yuan. */
	if (t->fee_type[0] == '\0')
		memcpy(t->fee_type, "CNY", sizeof "CNY");
	s = h5_fields_get(f, "total_fee");
	if (s != NULL && s[0] != '\0') {
		/* 0 and what no order can cost are well-formed, and differ
		 * from what was ordered. */
		if (h5_text_u64(s, 0, INT64_MAX, &fee, NULL) != H5_OK)
			return h5_err_set(
			    e, H5_E_INPUT, "total_fee is malformed");
		t->total_fee = (int64_t)fee;
	} else if (t->paid) {
		return h5_err_set(e, H5_E_INPUT, "no total_fee");
	}
	/* A time that is malformed is no reason to refuse money. */
	s = h5_fields_get(f, "time_end");
	if (s == NULL || h5_clock_from_wire(s, &t->time_end, NULL) != H5_OK)
		t->time_end = 0;
	return keep_further(f, &t->further, e);
}

enum h5_code
h5_v2_read_trade(
    const struct h5_fields *f, struct h5_wechat_trade *t, struct h5_err *e)
{
	enum h5_code rc;

	h5_wechat_trade_init(t);
	rc = take_trade(f, t, e);
	/* Nothing of a trade that is not believed may be left in t. */
	if (rc != H5_OK) {
		h5_wechat_trade_release(t);
		h5_wechat_trade_init(t);
	}
	return rc;
}

/* --- notices --- */

/* Either type is taken here.  Which one is due is the attempt's affair, and
 * settle compares it. */
static enum h5_code
check_sign(const struct h5_config *c, const struct h5_fields *f,
    enum h5_wechat_kind *kind, enum h5_sign_type *type, struct h5_err *e)
{
	enum h5_code rc;

	rc = h5_sign_type_of(f, type, e);
	if (rc != H5_OK)
		return rc;
	rc = h5_sign_check(c->merchant.api_key, *type, f, e);
	if (rc != H5_E_AUTH || c->merchant.api_key_previous == NULL)
		return rc;
	rc = h5_sign_check(c->merchant.api_key_previous, *type, f, e);
	if (rc == H5_OK)
		*kind = H5_WECHAT_PAYMENT_HINT;
	return rc;
}

static enum h5_code
read_payment(const struct h5_config *c, const struct h5_fields *f,
    enum h5_wechat_kind *kind, struct h5_wechat_trade *t, struct h5_err *e)
{
	enum h5_sign_type type;
	const char *state;
	enum h5_code rc;

	rc = check_sign(c, f, kind, &type, e);
	if (rc != H5_OK)
		return rc;
	/* Signed with our key, but the same key may serve several appids. */
	rc = check_ids(c, f, false, e);
	if (rc != H5_OK)
		return rc;
	if (!h5_fields_is(f, "result_code", "SUCCESS"))
		return h5_err_set(e, H5_E_STATE, "result_code is not SUCCESS");
	/* Our key signs answers as well.  If one that tells of an unpaid trade
	 * ever came this way, it would be no notice. */
	state = h5_fields_get(f, "trade_state");
	if (state != NULL && state[0] != '\0' && strcmp(state, "SUCCESS") != 0)
		return h5_err_set(e, H5_E_STATE, "trade_state is not SUCCESS");
	rc = h5_v2_read_trade(f, t, e);
	t->sign_type = type;
	return rc;
}

static enum h5_code
open_refund(const struct h5_crypto_key *key, const struct h5_fields *f,
    struct h5_fields *refund, struct h5_err *e)
{
	struct h5_buf plain;
	enum h5_code rc;

	/* Wiped at the end: it was decrypted with our key. */
	h5_buf_init(&plain, H5_XML_MAX);
	rc = h5_sign_open_refund(key, h5_fields_get(f, "req_info"), &plain, e);
	if (rc == H5_OK) {
		rc = h5_xml_read(plain.data, plain.len, "root", refund, e);
		if (rc == H5_E_INPUT)
			rc = h5_err_set(e, H5_E_AUTH,
			    "req_info is not encrypted with our key");
	}
	h5_buf_wipe(&plain);
	return rc;
}

/* There is no signature.  All that speaks for it is that it decrypts with our
 * key (docs/PROTOCOL.md 7.3), which makes it a hint, whichever key it is. */
static enum h5_code
read_refund(const struct h5_config *c, const struct h5_fields *f,
    struct h5_fields *refund, struct h5_err *e)
{
	enum h5_code rc;

	rc = check_ids(c, f, false, e);
	if (rc != H5_OK)
		return rc;
	rc = open_refund(c->merchant.api_key, f, refund, e);
	if (rc == H5_E_AUTH && c->merchant.api_key_previous != NULL)
		rc = open_refund(c->merchant.api_key_previous, f, refund, e);
	return rc;
}

enum h5_code
h5_v2_read_notice(const struct h5_config *c, const char *body, size_t n,
    enum h5_wechat_kind *kind, struct h5_wechat_trade *t,
    struct h5_fields *refund, struct h5_err *e)
{
	struct h5_fields f;
	const char *sign, *req_info;
	enum h5_code rc;

	*kind = H5_WECHAT_PAYMENT;
	h5_wechat_trade_init(t);
	h5_fields_init(refund, H5_XML_ELEMENTS, H5_XML_MAX);
	rc = h5_xml_read(body, n, "xml", &f, e);
	if (rc != H5_OK)
		return rc;
	sign = h5_fields_get(&f, "sign");
	req_info = h5_fields_get(&f, "req_info");
	/* Only one kind of notice has an encrypted part and no signature. */
	if (!h5_fields_is(&f, "return_code", "SUCCESS")) {
		rc = h5_err_set(e, H5_E_INPUT, "return_code is not SUCCESS");
	} else if (req_info != NULL && req_info[0] != '\0' && sign == NULL) {
		*kind = H5_WECHAT_REFUND;
		rc = read_refund(c, &f, refund, e);
	} else {
		rc = read_payment(c, &f, kind, t, e);
	}
	h5_fields_release(&f);
	return rc;
}

#define REPLY_BEGIN "<xml><return_code>"

bool
h5_v2_is_reply(const char *text)
{
	return strncmp(text, REPLY_BEGIN, strlen(REPLY_BEGIN)) == 0;
}

void
h5_v2_reply(bool ok, const char *msg, struct h5_buf *out)
{
	size_t i;

	h5_buf_printf(out, REPLY_BEGIN "<![CDATA[%s]]></return_code>",
	    ok ? "SUCCESS" : "FAIL");
	h5_buf_puts(out, "<return_msg><![CDATA[");
	/* WeChat wants "OK" and nothing else for a success. */
	if (ok || msg == NULL)
		h5_buf_puts(out, ok ? "OK" : "refused");
	/* Cut, and without markup: this text may quote what a stranger sent. */
	for (i = 0; !ok && msg != NULL && msg[i] != '\0' && i < REPLY_MSG; i++)
		h5_buf_putc(
		    out, msg[i] < ' ' || msg[i] > '~' || strchr("<>&[]", msg[i])
			     ? ' '
			     : msg[i]);
	h5_buf_puts(out, "]]></return_msg></xml>");
}
