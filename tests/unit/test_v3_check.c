/* Who is believed to be WeChat, what is opened, and what a notice says. */
#include "tests/unit/help.h"
#include "tests/unit/v3keys.h"

#include <jansson.h>

#include "common/format/base64.h"
#include "common/system/rsa.h"
#include "common/wechat/v3/check.h"
#include "common/wechat/v3/notice.h"

static const char *const good[] = {"constructed/notify_pay_h5",
    "constructed/notify_pay_cert_serial", "constructed/notify_pay_empty_aad",
    "constructed/notify_pay_partner", "constructed/notify_refund_success",
    "constructed/notify_refund_abnormal", "constructed/notify_refund_partner",
    "constructed/notify_security_echo", "constructed/answer_h5_200",
    "constructed/answer_native_200", "constructed/answer_jsapi_200",
    "constructed/answer_query_notpay_200",
    "constructed/answer_query_partrefund_200", "constructed/answer_close_204"};

static enum h5_code
check(struct v3 *w, const struct v3_message *m, int64_t now)
{
	bool previous = true;
	enum h5_code rc = h5_v3_check(
	    w->c.merchant.v3, &m->h, m->body, m->n, now, &previous, &w->e);

	assert_false(previous && rc == H5_OK);
	return rc;
}

static void
refuses(struct v3 *w, const struct v3_message *m, const char *words)
{
	if (check(w, m, V3_NOW) != H5_E_AUTH)
		fail_msg("not refused: %s", words);
	if (strstr(w->e.msg, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, w->e.msg);
}

/* --- who ------------------------------------------------------------------ */

static void
test_v3__every_vector_verifies(void **state)
{
	struct v3 *w = *state;
	struct v3_message m;
	size_t i;

	for (i = 0; i < COUNT(good); i++) {
		v3_message(&m, good[i]);
		ROW(good[i], check(w, &m, V3_NOW) == H5_OK);
		v3_message_free(&m);
	}
	/* What WeChat itself signed. */
	v3_set(&w->c.merchant.public_key_file,
	    V3 "official-doc/wechatpay_pub.pem");
	v3_set(&w->c.merchant.public_key_id,
	    "PUB_KEY_ID_0000000000000024101100397200000006");
	v3_set(&w->c.merchant.platform_certs, V3 "go-sdk/wechatpay_cert.pem");
	v3_must_ready(w);
	v3_message(&m, "official-doc/native_answer");
	assert_int_equal(check(w, &m, 1722850421), H5_OK);
	v3_message_free(&m);
	v3_message(&m, "go-sdk/notify");
	assert_int_equal(check(w, &m, 1624523846), H5_OK);
	v3_message_free(&m);
}

/* Bug 16, 30, 31: any one byte of what is signed. */
static void
test_v3__bug_30_one_changed_byte_is_refused(void **state)
{
	struct v3 *w = *state;
	struct v3_message m;
	size_t i;

	v3_message(&m, "constructed/notify_pay_h5");
	for (i = 0; i < m.n; i += 7) {
		m.body[i] = (char)(m.body[i] ^ 1);
		refuses(w, &m, "Wechatpay-Signature is not WeChat's");
		m.body[i] = (char)(m.body[i] ^ 1);
	}
	m.h.v[H5_WECHAT_NONCE][0] ^= 1;
	refuses(w, &m, "Wechatpay-Signature is not WeChat's");
	m.h.v[H5_WECHAT_NONCE][0] ^= 1;
	m.h.v[H5_WECHAT_TIMESTAMP][9] ^= 1;
	refuses(w, &m, "Wechatpay-Signature is not WeChat's");
	m.h.v[H5_WECHAT_TIMESTAMP][9] ^= 1;
	assert_int_equal(check(w, &m, V3_NOW), H5_OK);
	/* The same JSON, written otherwise. */
	memmove(m.body + 2, m.body + 1, m.n);
	m.body[1] = ' ';
	m.n++;
	refuses(w, &m, "Wechatpay-Signature is not WeChat's");
	v3_message_free(&m);
	v3_message(&m, "constructed/tampered_notice");
	refuses(w, &m, "Wechatpay-Signature is not WeChat's");
	v3_message_free(&m);
	v3_message(&m, "constructed/trailing_newline_notice");
	refuses(w, &m, "Wechatpay-Signature is not WeChat's");
	v3_message_free(&m);
}

/* Bug 14: a good signature by a key that goes by another name. */
static void
test_v3__bug_14_an_unknown_serial_is_refused_and_named(void **state)
{
	struct v3 *w = *state;
	struct v3_message m;
	char huge[3000];

	v3_message(&m, "constructed/unknown_serial_notice");
	refuses(w, &m,
	    "Wechatpay-Serial PUB_KEY_ID_0114232134912410000000000001 is none");
	m.h.v[H5_WECHAT_SERIAL] += strlen("PUB_KEY_ID_");
	refuses(w, &m, "Wechatpay-Serial 0114232134912410000000000001 is");
	memset(huge, 'A', sizeof huge - 1);
	huge[sizeof huge - 1] = '\0';
	m.h.v[H5_WECHAT_SERIAL] = huge;
	refuses(w, &m, "Wechatpay-Serial AAAA");
	assert_true(strlen(w->e.msg) < 200);
	m.h.v[H5_WECHAT_SERIAL] = (char[]){"\x1b[31m\n"};
	refuses(w, &m, "Wechatpay-Serial \\x1b[31m\\x0a is none");
	v3_message_free(&m);
}

static void
test_v3__five_minutes_and_no_more(void **state)
{
	struct v3 *w = *state;
	struct v3_message m;

	v3_message(&m, "constructed/notify_pay_h5");
	assert_int_equal(check(w, &m, V3_NOW + 300), H5_OK);
	assert_int_equal(check(w, &m, V3_NOW - 300), H5_OK);
	assert_int_equal(check(w, &m, V3_NOW + 301), H5_E_AUTH);
	assert_string_equal(w->e.msg,
	    "Wechatpay-Timestamp is 301 seconds off this machine's clock; 300 "
	    "are allowed");
	assert_int_equal(check(w, &m, V3_NOW - 301), H5_E_AUTH);
	assert_int_equal(check(w, &m, 0), H5_E_AUTH);
	assert_int_equal(check(w, &m, INT64_MAX), H5_E_AUTH);
	v3_message_free(&m);
}

static void
test_v3__a_time_is_digits_alone(void **state)
{
	static const char *const odd[] = {"x", "-1764496800", "+1764496800",
	    "01764496800", " 1764496800", "1764496800 ", "1764496800.0",
	    "1764496800s", "0x692C1A20", "99999999999999999999",
	    "9223372036854775807", "2025-11-30T18:00:00+08:00"};
	struct v3 *w = *state;
	struct v3_message m;
	char text[40];
	size_t i;

	v3_message(&m, "constructed/notify_pay_h5");
	m.h.v[H5_WECHAT_TIMESTAMP] = text;
	for (i = 0; i < COUNT(odd); i++) {
		(void)snprintf(text, sizeof text, "%s", odd[i]);
		refuses(w, &m, "Wechatpay-Timestamp is not a number");
	}
	v3_message_free(&m);
}

/* Bug 32: what a proxy dropped, and what stands there twice. */
static void
test_v3__bug_32_four_headers_each_of_them_once(void **state)
{
	static const char *const names[] = {"Wechatpay-Timestamp is missing",
	    "Wechatpay-Nonce is missing", "Wechatpay-Signature is missing",
	    "Wechatpay-Serial is missing"};
	struct v3 *w = *state;
	struct v3_message m;
	char *had;
	size_t i;

	v3_message(&m, "constructed/notify_pay_h5");
	for (i = 0; i < COUNT(names); i++) {
		had = m.h.v[i];
		m.h.v[i] = NULL;
		refuses(w, &m, names[i]);
		assert_non_null(strstr(w->e.msg, "proxy"));
		m.h.v[i] = (char[]){""};
		refuses(w, &m, names[i]);
		m.h.v[i] = had;
	}
	m.h.doubled = true;
	refuses(w, &m, "twice");
	m.h.doubled = false;
	/* The fifth may be absent, or say what we can check. */
	m.h.v[H5_WECHAT_SIGNATURE_TYPE] = NULL;
	assert_int_equal(check(w, &m, V3_NOW), H5_OK);
	m.h.v[H5_WECHAT_SIGNATURE_TYPE] = (char[]){"WECHATPAY2-SM2-WITH-SM3"};
	refuses(w, &m, "Wechatpay-Signature-Type");
	v3_message_free(&m);
}

static void
test_v3__a_signature_is_whole_base64(void **state)
{
	struct v3 *w = *state;
	struct v3_message m;
	char big[4000], *had;

	v3_message(&m, "constructed/notify_pay_h5");
	had = m.h.v[H5_WECHAT_SIGNATURE];
	m.h.v[H5_WECHAT_SIGNATURE] = (char[]){"!!!!"};
	refuses(w, &m, "Wechatpay-Signature is not a signature");
	m.h.v[H5_WECHAT_SIGNATURE] = (char[]){"AAAA"};
	refuses(w, &m, "Wechatpay-Signature is not WeChat's");
	had[strlen(had) - 1] = '\0';
	m.h.v[H5_WECHAT_SIGNATURE] = had;
	refuses(w, &m, "Wechatpay-Signature is not a signature");
	memset(big, 'A', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	m.h.v[H5_WECHAT_SIGNATURE] = big;
	refuses(w, &m, "Wechatpay-Signature is not a signature");
	v3_message_free(&m);
}

/* Bug 33: a probe is refused as anything else is, and told apart. */
static void
test_v3__bug_33_a_probe_is_refused(void **state)
{
	struct v3 *w = *state;
	struct v3_message m;

	v3_message(&m, "constructed/signtest_notice");
	refuses(w, &m, "Wechatpay-Signature is not WeChat's");
	assert_true(h5_wechat_probe(&m.h));
	v3_message_free(&m);
	v3_message(&m, "constructed/tampered_notice");
	assert_false(h5_wechat_probe(&m.h));
	m.h.v[H5_WECHAT_SIGNATURE] = NULL;
	assert_false(h5_wechat_probe(&m.h));
	v3_message_free(&m);
}

/* Bug 15: while a merchant moves to the public key both kinds come, in any
 * order; and each alone is enough for its own. */
static void
test_v3__bug_15_both_kinds_of_keys_are_believed_in_any_order(void **state)
{
	struct v3 *w = *state;
	struct v3_message pub, cert;
	int i;

	v3_message(&pub, "constructed/notify_pay_h5");
	v3_message(&cert, "constructed/notify_pay_cert_serial");
	for (i = 0; i < 4; i++) {
		assert_int_equal(check(w, i & 1 ? &pub : &cert, V3_NOW), H5_OK);
		assert_int_equal(check(w, i & 2 ? &pub : &cert, V3_NOW), H5_OK);
	}
	v3_set(&w->c.merchant.platform_certs, NULL);
	v3_must_ready(w);
	assert_int_equal(check(w, &pub, V3_NOW), H5_OK);
	refuses(w, &cert, "Wechatpay-Serial " V3_CERT_ID " is none of ours");
	v3_set(&w->c.merchant.platform_certs,
	    V3 "java-sdk/wechat_pay_certificate.pem");
	v3_set(&w->c.merchant.public_key_file, NULL);
	v3_set(&w->c.merchant.public_key_id, NULL);
	v3_must_ready(w);
	assert_int_equal(check(w, &cert, V3_NOW), H5_OK);
	refuses(w, &pub, "Wechatpay-Serial " V3_PUB_ID " is none of ours");
	v3_message_free(&pub);
	v3_message_free(&cert);
}

/* --- what is sealed ------------------------------------------------------- */

static const char *
text_of(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static json_t *
vectors(const char *path)
{
	json_t *root;
	char *text;
	size_t n;

	text = fixture(path, &n);
	root = json_loadb(text, n, 0, NULL);
	assert_non_null(root);
	free(text);
	return root;
}

static enum h5_code
opens(struct v3 *w, const json_t *row, struct h5_buf *out, bool *previous)
{
	const struct h5_v3_sealed s = {text_of(row, "ciphertext"),
	    text_of(row, "nonce"), text_of(row, "associated_data")};

	h5_buf_init(out, 1 << 16);
	return h5_v3_decrypt(w->c.merchant.v3, &s, out, previous, &w->e);
}

static void
opens_to(struct v3 *w, const json_t *row)
{
	struct h5_buf out;
	bool previous;

	v3_secret(&w->c.merchant.apiv3_key, text_of(row, "key"));
	if (opens(w, row, &out, &previous) != H5_OK)
		fail_msg("%s", w->e.msg);
	assert_string_equal(
	    out.len > 0 ? out.data : "", text_of(row, "plaintext"));
	assert_false(previous);
	h5_buf_release(&out);
}

/* Bug 28: also with a nonce that is not of 12 bytes. */
static void
test_v3__bug_28_opens_every_published_vector(void **state)
{
	json_t *one = vectors(V3 "java-sdk/aead.json"),
	       *two = vectors(V3 "axios-plugin/gcm.json");
	struct v3 *w = *state;
	size_t i;

	opens_to(w, one);
	assert_int_equal(json_array_size(two), 2);
	for (i = 0; i < json_array_size(two); i++)
		opens_to(w, json_array_get(two, i));
	json_decref(one);
	json_decref(two);
}

/* Bugs 28, 29: nothing comes out of what is wrong. */
static void
test_v3__bug_29_nothing_is_released_before_the_tag(void **state)
{
	json_t *root = vectors(V3 "bad-inputs/decrypt_must_fail.json");
	const json_t *cases = json_object_get(root, "cases");
	struct v3 *w = *state;
	struct h5_buf out;
	bool previous;
	size_t i;

	assert_int_equal(json_array_size(cases), 12);
	v3_secret(&w->c.merchant.apiv3_key, text_of(root, "key"));
	for (i = 0; i < json_array_size(cases); i++) {
		previous = true;
		ROW(text_of(json_array_get(cases, i), "why"),
		    opens(w, json_array_get(cases, i), &out, &previous) !=
			H5_OK);
		assert_int_equal(out.len, 0);
		assert_false(previous);
		h5_buf_release(&out);
	}
	json_decref(root);
}

/* Bug 29 once more: what had been decrypted is not in memory either. */
static void
test_v3__what_failed_its_tag_is_wiped(void **state)
{
	json_t *row = vectors(V3 "java-sdk/aead.json");
	char changed[] = "ulwSiIajGClcvcOYvOQ7+l+0PAbzzwI=";
	struct v3 *w = *state;
	struct h5_buf out;
	bool previous;

	changed[20] = 'x'; /* in the tag */
	v3_secret(&w->c.merchant.apiv3_key, text_of(row, "key"));
	assert_int_equal(
	    json_object_set_new(row, "ciphertext", json_string(changed)), 0);
	assert_int_equal(opens(w, row, &out, &previous), H5_E_AUTH);
	assert_int_equal(out.len, 0);
	assert_non_null(out.data);
	assert_memory_not_equal(out.data, "message", 7);
	h5_buf_release(&out);
	json_decref(row);
}

/* Bug 27: the keys of wrong length, and the APIv2 key. */
static void
test_v3__bug_27_a_key_of_another_length_opens_nothing(void **state)
{
	json_t *root = vectors(V3 "bad-inputs/decrypt_must_fail.json"),
	       *row = vectors(V3 "java-sdk/aead.json");
	const json_t *keys = json_object_get(root, "bad_keys");
	struct v3 *w = *state;
	struct h5_buf out;
	bool previous;
	size_t i;

	assert_int_equal(json_array_size(keys), 4);
	for (i = 0; i < json_array_size(keys); i++) {
		const char *text = json_string_value(json_array_get(keys, i));

		if (text[0] == '\0')
			continue; /* no key at all: never configured */
		v3_secret(&w->c.merchant.apiv3_key, text);
		assert_int_not_equal(opens(w, row, &out, &previous), H5_OK);
		assert_int_equal(out.len, 0);
		h5_buf_release(&out);
	}
	v3_secret(&w->c.merchant.apiv3_key, "192006250b4c09247ec02edce69f6a2d");
	assert_int_equal(opens(w, row, &out, &previous), H5_E_AUTH);
	assert_non_null(strstr(w->e.msg, "it is not the APIv2 key"));
	h5_buf_release(&out);
	json_decref(root);
	json_decref(row);
}

/* --- notices -------------------------------------------------------------- */

struct told {
	enum h5_wechat_kind kind;
	struct h5_wechat_trade t;
	struct h5_wechat_hint hint;
};

static enum h5_code
notice(struct v3 *w, const struct v3_message *m, struct told *told)
{
	return h5_v3_read_notice(&w->c,
	    &(struct h5_v3_notice){&m->h, m->body, m->n}, V3_NOW, &told->kind,
	    &told->t, &told->hint, &w->e);
}

static enum h5_code
notice_of(struct v3 *w, const char *name, struct told *told)
{
	struct v3_message m;
	enum h5_code rc;

	v3_message(&m, name);
	rc = notice(w, &m, told);
	v3_message_free(&m);
	return rc;
}

static void
payment(struct v3 *w, const char *name, const char *number,
    enum h5_wechat_kind kind)
{
	struct told told;

	if (notice_of(w, name, &told) != H5_OK)
		fail_msg("%s: %s", name, w->e.msg);
	assert_int_equal(told.kind, kind);
	assert_string_equal(told.t.out_trade_no, number);
	assert_string_equal(told.t.trade_state, "SUCCESS");
	assert_true(told.t.paid);
	assert_int_equal(told.t.api, H5_API_V3);
	assert_int_equal(told.t.sign_type, H5_SIGN_UNSAID);
	/* Bug 37: what the buyer gave is less by a coupon. */
	assert_int_equal(told.t.total_fee, 100);
	assert_string_equal(told.t.fee_type, "CNY");
	assert_int_equal(told.t.time_end, 1764496798);
	h5_wechat_trade_release(&told.t);
}

static void
test_v3__bug_37_a_payment_is_read_by_its_total(void **state)
{
	struct v3 *w = *state;

	payment(w, "constructed/notify_pay_h5", "H5T20251130000001",
	    H5_WECHAT_PAYMENT);
	payment(w, "constructed/notify_pay_cert_serial", "H5T20251130000001",
	    H5_WECHAT_PAYMENT);
}

/* Bug 34: no associated data, or none that holds anything. */
static void
test_v3__bug_34_associated_data_may_be_empty(void **state)
{
	payment(*state, "constructed/notify_pay_empty_aad", "H5T20251130000001",
	    H5_WECHAT_PAYMENT);
}

static void
partner(struct v3 *w)
{
	v3_set(&w->c.merchant.sub_mch_id, "1900000110");
	v3_set(&w->c.merchant.sub_appid, "wxd678efh567hg6788");
}

static void
test_v3__a_providers_notice_is_for_its_sub_merchant_alone(void **state)
{
	struct v3 *w = *state;
	struct told told;

	/* An ordinary merchant takes no notice of a provider's. */
	assert_int_equal(notice_of(w, "constructed/notify_pay_partner", &told),
	    H5_E_NOTFOUND);
	h5_wechat_trade_release(&told.t);
	partner(w);
	payment(w, "constructed/notify_pay_partner", "H5P20251130000001",
	    H5_WECHAT_PAYMENT);
	v3_set(&w->c.merchant.sub_mch_id, "1900000111");
	assert_int_equal(notice_of(w, "constructed/notify_pay_partner", &told),
	    H5_E_NOTFOUND);
	h5_wechat_trade_release(&told.t);
	partner(w);
	v3_set(&w->c.merchant.sub_appid, "wxd678efh567hg6789");
	assert_int_equal(notice_of(w, "constructed/notify_pay_partner", &told),
	    H5_E_NOTFOUND);
	h5_wechat_trade_release(&told.t);
	/* Nor a provider of an ordinary merchant's. */
	assert_int_equal(
	    notice_of(w, "constructed/notify_pay_h5", &told), H5_E_NOTFOUND);
	h5_wechat_trade_release(&told.t);
}

static void
test_v3__another_merchant_or_appid_is_not_ours(void **state)
{
	struct v3 *w = *state;
	struct told told;

	v3_set(&w->c.merchant.appid, "wx0000000000000001");
	assert_int_equal(
	    notice_of(w, "constructed/notify_pay_h5", &told), H5_E_NOTFOUND);
	h5_wechat_trade_release(&told.t);
	v3_set(&w->c.merchant.appid, "wxd678efh567hg6787");
	v3_set(&w->c.merchant.mch_id, "1900000108");
	assert_int_equal(
	    notice_of(w, "constructed/notify_pay_h5", &told), H5_E_NOTFOUND);
	h5_wechat_trade_release(&told.t);
	assert_int_equal(
	    notice_of(w, "constructed/notify_refund_success", &told),
	    H5_E_NOTFOUND);
	h5_wechat_trade_release(&told.t);
}

/* Bug 35: a notice says refund_status, an answer status. */
static void
test_v3__bug_35_a_refund_notice_says_refund_status(void **state)
{
	static const struct {
		const char *name, *status;
		bool partner;
	} rows[] = {{"constructed/notify_refund_success", "SUCCESS", false},
	    {"constructed/notify_refund_abnormal", "ABNORMAL", false},
	    {"constructed/notify_refund_partner", "SUCCESS", true}};
	struct v3 *w = *state;
	struct told told;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		if (rows[i].partner)
			partner(w);
		ROW(rows[i].name, notice_of(w, rows[i].name, &told) == H5_OK);
		assert_int_equal(told.kind, H5_WECHAT_REFUND);
		assert_string_equal(
		    told.hint.out_trade_no, "H5T20251130000001");
		assert_string_equal(
		    told.hint.out_refund_no, "H5R20251130000001");
		assert_string_equal(told.hint.refund_status, rows[i].status);
		assert_string_equal(
		    told.hint.refund_id, "50302900122025113012345678901");
		assert_int_equal(told.hint.refund_fee, 60);
		h5_wechat_trade_release(&told.t);
	}
}

static void
test_v3__an_echo_brings_its_message_back(void **state)
{
	struct v3 *w = *state;
	struct told told;

	assert_int_equal(
	    notice_of(w, "constructed/notify_security_echo", &told), H5_OK);
	assert_int_equal(told.kind, H5_WECHAT_ECHO);
	assert_string_equal(told.hint.echo, "hello");
	h5_wechat_trade_release(&told.t);
}

/* Nothing is read of what is not signed, and the kind says so as well. */
static void
test_v3__what_is_not_signed_tells_nothing(void **state)
{
	static const char *const names[] = {"constructed/signtest_notice",
	    "constructed/tampered_notice",
	    "constructed/trailing_newline_notice",
	    "constructed/unknown_serial_notice"};
	struct v3 *w = *state;
	struct told told;
	size_t i;

	for (i = 0; i < COUNT(names); i++) {
		ROW(names[i], notice_of(w, names[i], &told) == H5_E_AUTH);
		assert_int_equal(told.kind, H5_WECHAT_UNUSED);
		assert_false(told.t.paid);
		assert_string_equal(told.t.out_trade_no, "");
		h5_wechat_trade_release(&told.t);
	}
	h5_v3_keys_free(w->c.merchant.v3);
	w->c.merchant.v3 = NULL;
	assert_int_equal(
	    notice_of(w, "constructed/notify_pay_h5", &told), H5_E_AUTH);
	assert_string_equal(w->e.msg, "APIv3 is not set up here");
	h5_wechat_trade_release(&told.t);
}

/* Both of the keys before: of each, and of both. */
static void
test_v3__a_previous_key_is_a_hint_and_no_more(void **state)
{
	static const char other[] = "00000000000000000000000000000000";
	struct v3 *w = *state;
	struct told told;

	v3_secret(&w->c.merchant.apiv3_key, other);
	assert_int_equal(
	    notice_of(w, "constructed/notify_pay_h5", &told), H5_E_AUTH);
	h5_wechat_trade_release(&told.t);
	v3_secret(&w->c.merchant.apiv3_key_previous, V3_KEY);
	payment(w, "constructed/notify_pay_h5", "H5T20251130000001",
	    H5_WECHAT_PAYMENT_HINT);
	assert_int_equal(
	    notice_of(w, "constructed/notify_security_echo", &told), H5_OK);
	assert_int_equal(told.kind, H5_WECHAT_UNUSED);
	h5_wechat_trade_release(&told.t);
	/* The present key and the one before are the same: believed. */
	v3_secret(&w->c.merchant.apiv3_key, V3_KEY);
	payment(w, "constructed/notify_pay_h5", "H5T20251130000001",
	    H5_WECHAT_PAYMENT);
	v3_set(&w->c.merchant.public_key_previous_file,
	    w->c.merchant.public_key_file);
	v3_set(&w->c.merchant.public_key_previous_id, V3_PUB_ID);
	v3_set(&w->c.merchant.public_key_file,
	    V3 "official-doc/wechatpay_pub.pem");
	v3_set(&w->c.merchant.public_key_id, "PUB_KEY_ID_2");
	v3_must_ready(w);
	payment(w, "constructed/notify_pay_h5", "H5T20251130000001",
	    H5_WECHAT_PAYMENT_HINT);
	/* A certificate is none of before. */
	payment(w, "constructed/notify_pay_cert_serial", "H5T20251130000001",
	    H5_WECHAT_PAYMENT);
	assert_string_equal(h5_v3_keys_asked(w->c.merchant.v3), "PUB_KEY_ID_2");
}

/* --- notices that were made here ------------------------------------------ */

/* Signs body with WeChat's test key. */
static void
sign_as_wechat(struct v3_message *m, const char *body, struct h5_buf *base64)
{
	struct h5_buf pem, message, raw;
	struct h5_rsa_key *k;
	struct h5_err e;
	char *text;
	size_t n;

	memset(m, 0, sizeof *m);
	h5_buf_init(&pem, 1 << 16);
	h5_buf_init(&message, 1 << 17);
	h5_buf_init(&raw, H5_RSA_SIGNATURE);
	h5_buf_init(base64, H5_RSA_SIGNATURE * 2);
	text = fixture(V3 "java-sdk/wechat_pay_private_key.pem", &n);
	h5_buf_add(&pem, text, n);
	free(text);
	assert_int_equal(h5_rsa_read_private(&pem, &k, &e), H5_OK);
	h5_buf_printf(&message, "%d\nnonce\n%s\n", V3_NOW, body);
	assert_int_equal(
	    h5_rsa_sign(k, message.data, message.len, &raw, &e), H5_OK);
	h5_base64_write(raw.data, raw.len, base64);
	m->body = strdup(body);
	m->n = strlen(body);
	m->h.any = true;
	m->h.v[H5_WECHAT_TIMESTAMP] = (char *)(uintptr_t) "1764496800";
	m->h.v[H5_WECHAT_NONCE] = (char *)(uintptr_t) "nonce";
	m->h.v[H5_WECHAT_SERIAL] = (char *)(uintptr_t)V3_PUB_ID;
	m->h.v[H5_WECHAT_SIGNATURE] = base64->data;
	h5_rsa_free(k);
	h5_buf_release(&pem);
	h5_buf_release(&message);
	h5_buf_release(&raw);
}

static enum h5_code
signed_notice(struct v3 *w, const char *body, enum h5_wechat_kind *kind)
{
	struct v3_message m;
	struct h5_buf base64;
	struct told told;
	enum h5_code rc;

	sign_as_wechat(&m, body, &base64);
	rc = notice(w, &m, &told);
	*kind = told.kind;
	h5_wechat_trade_release(&told.t);
	h5_buf_release(&base64);
	free(m.body);
	return rc;
}

/* An event that nobody here waits for is taken: it need not even be opened. */
static void
test_v3__an_event_of_another_kind_is_taken_unread(void **state)
{
	static const char *const bodies[] = {
	    "{\"event_type\":\"COUPON.SEND\",\"resource\":{}}",
	    "{\"event_type\":\"TRANSACTION.PAY_BACK\",\"new\":[1e999]}",
	    "\xef\xbb\xbf {\"event_type\":\"transaction.success\"}"};
	struct v3 *w = *state;
	enum h5_wechat_kind kind;
	size_t i;

	for (i = 0; i < COUNT(bodies); i++) {
		ROW(bodies[i], signed_notice(w, bodies[i], &kind) == H5_OK);
		ROW(bodies[i], kind == H5_WECHAT_UNUSED);
	}
}

static void
test_v3__a_signed_notice_may_still_be_malformed(void **state)
{
	static const char *const bodies[] = {"{}", "[]", "x",
	    "{\"event_type\":1}", "{\"event_type\":\"TRANSACTION.SUCCESS\"}",
	    "{\"event_type\":\"TRANSACTION.SUCCESS\",\"event_type\":\"X.Y\"}",
	    "{\"event_type\":\"REFUND.SUCCESS\",\"resource\":[]}",
	    "{\"event_type\":\"REFUND.CLOSED\",\"resource\":{\"algorithm\":"
	    "\"AEAD_SM4_GCM\",\"nonce\":\"123456789012\",\"ciphertext\":"
	    "\"AAAA\"}}",
	    "{\"event_type\":\"REFUND.CLOSED\",\"resource\":{\"algorithm\":"
	    "\"AEAD_AES_256_GCM\",\"nonce\":\"12345678901234567\","
	    "\"ciphertext\":\"AAAA\"}}",
	    "{\"event_type\":\"REFUND.CLOSED\",\"resource\":{\"algorithm\":"
	    "\"AEAD_AES_256_GCM\",\"nonce\":\"123456789012\","
	    "\"ciphertext\":\"AAAA\"}}",
	    ("{\"event_type\":\"REFUND.CLOSED\",\"resource\":{\"algorithm\":"
	     "\"AEAD_AES_256_GCM\",\"nonce\":\"123456789012\"}}")};
	struct v3 *w = *state;
	enum h5_wechat_kind kind;
	enum h5_code rc;
	size_t i;

	for (i = 0; i < COUNT(bodies); i++) {
		rc = signed_notice(w, bodies[i], &kind);
		ROW(bodies[i], rc == H5_E_INPUT || rc == H5_E_AUTH);
	}
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, v3_setup, v3_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH(test_v3__every_vector_verifies),
	    WITH(test_v3__bug_30_one_changed_byte_is_refused),
	    WITH(test_v3__bug_14_an_unknown_serial_is_refused_and_named),
	    WITH(test_v3__five_minutes_and_no_more),
	    WITH(test_v3__a_time_is_digits_alone),
	    WITH(test_v3__bug_32_four_headers_each_of_them_once),
	    WITH(test_v3__a_signature_is_whole_base64),
	    WITH(test_v3__bug_33_a_probe_is_refused),
	    WITH(test_v3__bug_15_both_kinds_of_keys_are_believed_in_any_order),
	    WITH(test_v3__bug_28_opens_every_published_vector),
	    WITH(test_v3__bug_29_nothing_is_released_before_the_tag),
	    WITH(test_v3__what_failed_its_tag_is_wiped),
	    WITH(test_v3__bug_27_a_key_of_another_length_opens_nothing),
	    WITH(test_v3__bug_37_a_payment_is_read_by_its_total),
	    WITH(test_v3__bug_34_associated_data_may_be_empty),
	    WITH(test_v3__a_providers_notice_is_for_its_sub_merchant_alone),
	    WITH(test_v3__another_merchant_or_appid_is_not_ours),
	    WITH(test_v3__bug_35_a_refund_notice_says_refund_status),
	    WITH(test_v3__an_echo_brings_its_message_back),
	    WITH(test_v3__what_is_not_signed_tells_nothing),
	    WITH(test_v3__a_previous_key_is_a_hint_and_no_more),
	    WITH(test_v3__an_event_of_another_kind_is_taken_unread),
	    WITH(test_v3__a_signed_notice_may_still_be_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
