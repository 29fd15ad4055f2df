/* The keys of APIv3: what is read, what is refused; and signing, by the
 * published vectors. */
#include "tests/unit/help.h"
#include "tests/unit/v3keys.h"

#include "common/format/base64.h"
#include "common/system/rsa.h"
#include "common/wechat/v3/sign.h"

#define MADE V3 "made/"

/* --- signing -------------------------------------------------------------- */

/* The parts of a signed message: its first four lines, and the body. */
struct parts {
	char *text;
	const char *line[4];
	const char *body;
	size_t n;
};

static void
take_apart(struct parts *p, const char *path)
{
	char *at, *end;
	size_t n, i;

	p->text = fixture(path, &n);
	for (at = p->text, i = 0; i < 4; i++, at = end + 1) {
		end = strchr(at, '\n');
		assert_non_null(end);
		*end = '\0';
		p->line[i] = at;
	}
	p->body = at;
	/* The last line feed is the message's. */
	p->n = n - (size_t)(at - p->text) - 1;
}

static void
authorization(struct v3 *w, const struct parts *p, struct h5_buf *out)
{
	const struct h5_v3_request r = {
	    p->line[0], p->line[1], p->body, p->n, p->line[3]};
	struct h5_err e;

	h5_buf_init(out, H5_V3_AUTHORIZATION);
	if (h5_v3_authorization(w->c.merchant.v3, &r,
		strtoll(p->line[2], NULL, 10), out, &e) != H5_OK)
		fail_msg("%s", e.msg);
}

/* Bugs 1, 2, 3, 4: the target is signed as it is sent, with its query and its
 * percent signs, and the body byte for byte. */
static void
test_v3__bug_01_signs_each_vector_as_published(void **state)
{
	static const char *const names[] = {"req_query", "req_query_pipe",
	    "req_close", "req_h5_cjk", "req_tradebill", "req_billdownload"};
	struct v3 *w = *state;
	struct h5_buf got;
	struct parts p;
	char path[128];
	char *want;
	size_t i, n;

	for (i = 0; i < COUNT(names); i++) {
		(void)snprintf(
		    path, sizeof path, V3 "constructed/%s.message", names[i]);
		take_apart(&p, path);
		authorization(w, &p, &got);
		(void)snprintf(path, sizeof path,
		    V3 "constructed/%s.authorization", names[i]);
		want = fixture(path, &n);
		want[strcspn(want, "\n")] = '\0';
		ROW(names[i], strcmp(got.data, want) == 0);
		h5_buf_release(&got);
		free(want);
		free(p.text);
	}
}

static void
official(struct v3 *w)
{
	/* Its certificate was never published, so another's stands in: only
	 * the signature is compared. */
	struct h5_v3_keys_how how = {true, 0, NULL};

	v3_set(&w->c.merchant.key_file,
	    v3_key_file(w, V3 "official-doc/merchant_key.pem"));
	v3_set(&w->c.merchant.cert_file, w->c.merchant.key_file);
	h5_v3_keys_free(w->c.merchant.v3);
	w->c.merchant.v3 = NULL;
	assert_int_equal(h5_v3_keys_load(&w->c, &how, &w->c.merchant.v3, &w->e),
	    H5_E_CONFIG);
}

/* The official documents' vectors by the key alone. */
static void
check_signature(const char *name)
{
	struct h5_buf pem, raw, base64;
	struct h5_rsa_key *k;
	char path[128], *text, *want;
	struct h5_err e;
	size_t n, m;

	h5_buf_init(&pem, 1 << 16);
	h5_buf_init(&raw, H5_RSA_SIGNATURE);
	h5_buf_init(&base64, H5_RSA_SIGNATURE * 2);
	text = fixture(V3 "official-doc/merchant_key.pem", &n);
	h5_buf_add(&pem, text, n);
	free(text);
	assert_int_equal(h5_rsa_read_private(&pem, &k, &e), H5_OK);
	(void)snprintf(path, sizeof path, V3 "official-doc/%s.message", name);
	text = fixture(path, &n);
	(void)snprintf(path, sizeof path, V3 "official-doc/%s.signature", name);
	want = fixture(path, &m);
	want[strcspn(want, "\r\n")] = '\0';
	assert_int_equal(h5_rsa_sign(k, text, n, &raw, &e), H5_OK);
	h5_base64_write(raw.data, raw.len, &base64);
	ROW(name, strcmp(base64.data, want) == 0);
	assert_int_equal(strlen(want), 344);
	free(text);
	free(want);
	h5_rsa_free(k);
	h5_buf_release(&pem);
	h5_buf_release(&raw);
	h5_buf_release(&base64);
}

/* Bugs 7, 47, 48: the documents' own samples, those that are right. */
static void
test_v3__bug_48_signs_the_official_samples_alike(void **state)
{
	(void)state;
	check_signature("jsapi_prepay");
	check_signature("get_refund");
	check_signature("paysign_jsapi");
	check_signature("paysign_app");
}

static void
test_v3__a_certificate_file_that_is_a_key_is_refused(void **state)
{
	struct v3 *w = *state;

	official(w);
	assert_non_null(strstr(w->e.msg, "merchant.cert_file: "));
}

/* Bugs 6, 7: five lines that end with LF, the last one too, and an empty one
 * for no body. */
static void
test_v3__bug_07_a_get_ends_with_an_empty_line(void **state)
{
	const struct h5_v3_request nothing = {
	    "GET", "/v3/certificates", NULL, 0, "n0"};
	static const char message[] =
	    "GET\n/v3/certificates\n1700000000\nn0\n\n";
	struct v3 *w = *state;
	struct h5_buf out, raw, base64;
	const struct h5_rsa_key *k;
	const char *mch_id, *serial;
	struct h5_err e;

	h5_buf_init(&out, H5_V3_AUTHORIZATION);
	h5_buf_init(&raw, H5_RSA_SIGNATURE);
	h5_buf_init(&base64, H5_V3_AUTHORIZATION);
	k = h5_v3_keys_merchant(w->c.merchant.v3, &mch_id, &serial);
	assert_int_equal(
	    h5_rsa_sign(k, message, strlen(message), &raw, &e), H5_OK);
	h5_base64_write(raw.data, raw.len, &base64);
	assert_int_equal(h5_v3_authorization(
			     w->c.merchant.v3, &nothing, 1700000000, &out, &e),
	    H5_OK);
	assert_non_null(strstr(out.data, base64.data));
	assert_null(strchr(out.data, '\n'));
	h5_buf_release(&out);
	h5_buf_release(&raw);
	h5_buf_release(&base64);
}

/* Bug 9: the serial is the merchant certificate's, whatever WeChat's is. */
static void
test_v3__bug_09_the_serial_is_the_merchants_own(void **state)
{
	static const char begin[] =
	    "WECHATPAY2-SHA256-RSA2048 mchid=\"1900000109\",nonce_str=\"";
	const struct h5_v3_request r = {"GET", "/x", NULL, 0, NULL};
	struct v3 *w = *state;
	struct h5_buf out;
	struct h5_err e;

	h5_buf_init(&out, H5_V3_AUTHORIZATION);
	assert_int_equal(
	    h5_v3_authorization(w->c.merchant.v3, &r, 1700000000, &out, &e),
	    H5_OK);
	assert_non_null(strstr(out.data,
	    ",serial_no=\"5F1C72E2A8931B72A2E13AF8DEE92471EB397115\""));
	assert_null(strstr(out.data, "PUB_KEY_ID"));
	assert_null(strstr(out.data, V3_CERT_ID));
	assert_int_equal(strncmp(out.data, begin, strlen(begin)), 0);
	h5_buf_release(&out);
}

static void
test_v3__each_signature_has_a_nonce_of_its_own(void **state)
{
	const struct h5_v3_request r = {"GET", "/x", NULL, 0, NULL};
	struct v3 *w = *state;
	struct h5_buf a, b;
	const char *nonce;
	struct h5_err e;

	h5_buf_init(&a, H5_V3_AUTHORIZATION);
	h5_buf_init(&b, H5_V3_AUTHORIZATION);
	assert_int_equal(
	    h5_v3_authorization(w->c.merchant.v3, &r, 1, &a, &e), H5_OK);
	assert_int_equal(
	    h5_v3_authorization(w->c.merchant.v3, &r, 1, &b, &e), H5_OK);
	assert_string_not_equal(a.data, b.data);
	nonce = strstr(a.data, "nonce_str=\"") + 11;
	assert_int_equal(strspn(nonce, "0123456789abcdef"), 32);
	h5_buf_release(&a);
	h5_buf_release(&b);
}

/* Bugs 46, 47: four lines, all of them texts, the package with its name. */
static void
test_v3__bug_47_signs_what_the_bridge_gets(void **state)
{
	struct v3 *w = *state;
	struct h5_buf out, message, raw, want;
	const struct h5_rsa_key *k;
	const char *mch_id, *serial;
	struct h5_err e;

	h5_buf_init(&out, 1024);
	h5_buf_init(&message, 1024);
	h5_buf_init(&raw, H5_RSA_SIGNATURE);
	h5_buf_init(&want, 1024);
	h5_buf_puts(&message, "wx2421b1c4370ec43b\n1554208460\n593BEC0C930BF1AF"
			      "EB40B4A08C8FB242\nprepay_id=wx201410272009395522"
			      "657a690389285100\n");
	k = h5_v3_keys_merchant(w->c.merchant.v3, &mch_id, &serial);
	assert_int_equal(
	    h5_rsa_sign(k, message.data, message.len, &raw, &e), H5_OK);
	h5_base64_write(raw.data, raw.len, &want);
	assert_int_equal(
	    h5_v3_pay_sign(w->c.merchant.v3, "wx2421b1c4370ec43b", "1554208460",
		"593BEC0C930BF1AFEB40B4A08C8FB242",
		"prepay_id=wx201410272009395522657a690389285100", &out, &e),
	    H5_OK);
	assert_string_equal(out.data, want.data);
	h5_buf_release(&out);
	h5_buf_release(&message);
	h5_buf_release(&raw);
	h5_buf_release(&want);
}

static void
test_v3__a_program_that_only_takes_notices_cannot_sign(void **state)
{
	const struct h5_v3_request r = {"GET", "/x", NULL, 0, NULL};
	struct v3 *w = *state;
	struct h5_buf out;
	struct h5_err e;

	h5_v3_keys_free(w->c.merchant.v3);
	w->c.merchant.v3 = NULL;
	/* It does not even look at the private key. */
	assert_int_equal(remove(w->key_file), 0);
	assert_int_equal(h5_wechat_ready_to_take(&w->c, 0, NULL, &e), H5_OK);
	h5_buf_init(&out, H5_V3_AUTHORIZATION);
	assert_int_equal(h5_v3_authorization(w->c.merchant.v3, &r, 1, &out, &e),
	    H5_E_CONFIG);
	assert_int_equal(h5_v3_keys_count(w->c.merchant.v3), 2);
	h5_buf_release(&out);
}

/* --- keys ----------------------------------------------------------------- */

/* Bug 8: not decimal, not lower case, no lost zero. */
static void
test_v3__bug_08_serial_keeps_its_leading_zero(void **state)
{
	struct v3 *w = *state;
	const char *mch_id, *serial;

	v3_set(&w->c.merchant.key_file,
	    v3_key_file(w, MADE "zero_serial_key.pem"));
	v3_set(&w->c.merchant.cert_file, MADE "zero_serial.pem");
	v3_must_ready(w);
	assert_non_null(
	    h5_v3_keys_merchant(w->c.merchant.v3, &mch_id, &serial));
	assert_string_equal(serial, "0A0B0C0D0E0F");
	assert_string_equal(mch_id, "1900000109");
}

/* Bug 8 once more: real serials are shorter, too. */
static void
test_v3__a_short_serial_is_taken_as_it_is(void **state)
{
	struct v3 *w = *state;
	bool previous;

	v3_set(&w->c.merchant.platform_certs, V3 "go-sdk/wechatpay_cert.pem");
	v3_must_ready(w);
	assert_non_null(
	    h5_v3_keys_find(w->c.merchant.v3, "D7CE59D1F522D701", &previous));
}

/* Bugs 14, 15: public key and certificates in one table, by their whole name.
 */
static void
test_v3__bug_14_a_serial_is_found_by_its_whole_text(void **state)
{
	static const char *const none[] = {"0114232134912410000000000000", "",
	    "PUB_KEY_ID_", "pub_key_id_0114232134912410000000000000",
	    "PUB_KEY_ID_0114232134912410000000000001",
	    "PUB_KEY_ID_01142321349124100000000000000",
	    "440024045c4a427599d09bb4e3de0279f2e813fd",
	    "0440024045C4A427599D09BB4E3DE0279F2E813FD",
	    "440024045C4A427599D09BB4E3DE0279F2E813F",
	    " 440024045C4A427599D09BB4E3DE0279F2E813FD",
	    "44:00:24:04:5C:4A:42:75:99:D0:9B:B4:E3:DE:02:79:F2:E8:13:FD"};
	struct v3 *w = *state;
	bool previous = true;
	size_t i;

	assert_int_equal(h5_v3_keys_count(w->c.merchant.v3), 2);
	assert_non_null(
	    h5_v3_keys_find(w->c.merchant.v3, V3_PUB_ID, &previous));
	assert_false(previous);
	assert_non_null(
	    h5_v3_keys_find(w->c.merchant.v3, V3_CERT_ID, &previous));
	assert_false(previous);
	for (i = 0; i < COUNT(none); i++)
		ROW(none[i], h5_v3_keys_find(
				 w->c.merchant.v3, none[i], &previous) == NULL);
}

/* Bugs 12, 13: the header names the public key if there is one, and nothing is
 * needed beside it. */
static void
test_v3__bug_12_the_answer_is_asked_for_by_the_public_key(void **state)
{
	struct v3 *w = *state;

	assert_string_equal(h5_v3_keys_asked(w->c.merchant.v3), V3_PUB_ID);
	v3_set(&w->c.merchant.platform_certs, NULL);
	v3_must_ready(w);
	assert_string_equal(h5_v3_keys_asked(w->c.merchant.v3), V3_PUB_ID);
	assert_int_equal(h5_v3_keys_count(w->c.merchant.v3), 1);
	v3_set(&w->c.merchant.platform_certs,
	    V3 "java-sdk/wechat_pay_certificate.pem");
	v3_set(&w->c.merchant.public_key_file, NULL);
	v3_set(&w->c.merchant.public_key_id, NULL);
	v3_must_ready(w);
	assert_null(h5_v3_keys_asked(w->c.merchant.v3));
	assert_int_equal(h5_v3_keys_count(w->c.merchant.v3), 1);
}

static void
test_v3__nothing_is_read_where_apiv3_is_not_set_up(void **state)
{
	struct v3 *w = *state;

	h5_v3_keys_free(w->c.merchant.v3);
	w->c.merchant.v3 = NULL;
	/* Files that are not there would be faults. */
	v3_set(&w->c.merchant.public_key_file, "/nonexistent");
	v3_secret(&w->c.merchant.apiv3_key, NULL);
	assert_int_equal(h5_wechat_ready(&w->c, 1, NULL, &w->e), H5_OK);
	assert_null(w->c.merchant.v3);
	v3_secret(&w->c.merchant.apiv3_key, V3_KEY);
	v3_set(&w->c.merchant.cert_file, NULL);
	assert_int_equal(h5_wechat_ready(&w->c, 1, NULL, &w->e), H5_OK);
	assert_null(w->c.merchant.v3);
}

static void
test_v3__certificates_may_be_missing_until_they_are_fetched(void **state)
{
	struct v3 *w = *state;

	v3_set(&w->c.merchant.public_key_file, NULL);
	v3_set(&w->c.merchant.public_key_id, NULL);
	v3_set(&w->c.merchant.platform_certs, "/nonexistent/certs.pem");
	v3_must_ready(w);
	assert_int_equal(h5_v3_keys_count(w->c.merchant.v3), 0);
}

static void
test_v3__many_certificates_and_the_same_one_twice(void **state)
{
	static const char *const files[] = {V3
	    "java-sdk/wechat_pay_certificate.pem",
	    V3 "go-sdk/wechatpay_cert.pem",
	    V3 "java-sdk/certificates_answer.plaintext.pem",
	    V3 "java-sdk/wechat_pay_certificate.pem"};
	struct v3 *w = *state;
	struct h5_buf pem;
	bool previous;
	char *text;
	size_t i, n;

	h5_buf_init(&pem, 1 << 16);
	for (i = 0; i < COUNT(files); i++) {
		text = fixture(files[i], &n);
		h5_buf_puts(&pem, "# a comment, as openssl writes them\r\n");
		h5_buf_add(&pem, text, n);
		h5_buf_puts(&pem, "\n\n");
		free(text);
	}
	assert_int_equal(h5_v3_keys_add(w->c.merchant.v3, &pem, &w->e), H5_OK);
	assert_int_equal(h5_v3_keys_count(w->c.merchant.v3), 4);
	assert_non_null(h5_v3_keys_find(w->c.merchant.v3,
	    "5DEA10EF55877E3CF6C33255C2E7DEFFF7E427EC", &previous));
	h5_buf_release(&pem);
}

static void
test_v3__keys_of_other_spellings_are_read(void **state)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct v3 *w = *state;
	struct h5_buf pem;
	struct h5_rsa_key *k, *same;
	char *text, *at;
	size_t n;

	/* PKCS#1, as people convert it. */
	v3_set(
	    &w->c.merchant.key_file, v3_key_file(w, MADE "merchant_pkcs1.pem"));
	v3_must_ready(w);
	/* Notepad's mark and line ends. */
	text = fixture(V3 "java-sdk/wechat_pay_public_key.pem", &n);
	h5_buf_init(&pem, 1 << 16);
	h5_buf_add(&pem, text, n);
	assert_int_equal(h5_rsa_read_public(&pem, &same, &w->e), H5_OK);
	h5_buf_clear(&pem);
	h5_buf_puts(&pem, bom);
	for (at = text; *at != '\0'; at++) {
		if (*at == '\n')
			h5_buf_putc(&pem, '\r');
		h5_buf_putc(&pem, *at);
	}
	assert_int_equal(h5_rsa_read_public(&pem, &k, &w->e), H5_OK);
	assert_true(h5_rsa_same(k, same));
	free(text);
	h5_rsa_free(k);
	h5_rsa_free(same);
	h5_buf_release(&pem);
}

static void
refused(struct v3 *w, const char *words)
{
	if (v3_ready(w) != H5_E_CONFIG)
		fail_msg("taken, not refused as: %s", words);
	if (strstr(w->e.msg, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, w->e.msg);
	assert_null(w->c.merchant.v3);
}

/* Bug 10: the old certificate with the new key. */
static void
test_v3__bug_10_key_and_certificate_belong_together(void **state)
{
	struct v3 *w = *state;

	v3_set(&w->c.merchant.cert_file, MADE "zero_serial.pem");
	refused(w, "merchant.cert_file: does not belong to merchant.key_file");
}

/* Bug 11: the merchant's own key or certificate for WeChat's. */
static void
test_v3__bug_11_the_merchants_own_key_is_not_wechats(void **state)
{
	struct v3 *w = *state;

	v3_set(&w->c.merchant.public_key_file, MADE "merchant_public.pem");
	refused(w, "merchant.public_key_file: contains the merchant's own key");
	v3_set(&w->c.merchant.public_key_file,
	    V3 "java-sdk/wechat_pay_public_key.pem");
	v3_set(&w->c.merchant.platform_certs, MADE "merchant_long.pem");
	refused(w, "merchant.platform_certs: contains the merchant's own key");
	v3_set(&w->c.merchant.platform_certs, NULL);
	v3_set(&w->c.merchant.public_key_previous_file,
	    MADE "merchant_public.pem");
	v3_set(&w->c.merchant.public_key_previous_id, "PUB_KEY_ID_1");
	refused(w, "merchant.public_key_previous_file: contains the");
}

static void
test_v3__a_file_that_is_not_what_it_must_be_is_refused(void **state)
{
	static const char *const privates[] = {MADE "merchant_public.pem",
	    MADE "merchant_long.pem", MADE "locked.pem", MADE "ec.pem",
	    MADE "short.pem", MADE "pss.pem",
	    V3 "java-sdk/certificates_answer.body.json"};
	static const char *const publics[] = {V3
	    "java-sdk/wechat_pay_certificate.pem",
	    MADE "ec_public.pem", MADE "short_public.pem", MADE "pss.pem",
	    MADE "ec.pem", "/nonexistent", "tests"};
	static const char *const certificates[] = {
	    V3 "java-sdk/wechat_pay_public_key.pem", MADE "short_public.pem",
	    V3 "java-sdk/certificates_answer.body.json", "tests"};
	struct v3 *w = *state;
	size_t i;

	for (i = 0; i < COUNT(privates); i++) {
		v3_set(&w->c.merchant.key_file, v3_key_file(w, privates[i]));
		refused(w, "merchant.key_file: ");
	}
	v3_set(&w->c.merchant.key_file,
	    v3_key_file(w, V3 "java-sdk/merchant_private_key.pem"));
	for (i = 0; i < COUNT(publics); i++) {
		v3_set(&w->c.merchant.public_key_file, publics[i]);
		refused(w, "merchant.public_key_file: ");
	}
	v3_set(&w->c.merchant.public_key_file,
	    V3 "java-sdk/wechat_pay_public_key.pem");
	for (i = 0; i < COUNT(certificates); i++) {
		v3_set(&w->c.merchant.platform_certs, certificates[i]);
		refused(w, "merchant.platform_certs: ");
	}
	v3_set(&w->c.merchant.platform_certs, NULL);
	v3_set(
	    &w->c.merchant.cert_file, V3 "java-sdk/wechat_pay_public_key.pem");
	refused(w, "merchant.cert_file: ");
}

static void
test_v3__a_key_that_others_may_read_is_refused(void **state)
{
	struct v3 *w = *state;

	assert_int_equal(chmod(w->key_file, 0644), 0);
	refused(w, "merchant.key_file: ");
}

static void
test_v3__every_fault_is_told_at_once(void **state)
{
	struct v3 *w = *state;
	struct h5_buf faults;
	char *line, *rest = NULL;
	size_t n = 0;

	v3_set(&w->c.merchant.cert_file, MADE "zero_serial.pem");
	v3_set(&w->c.merchant.public_key_file, MADE "merchant_public.pem");
	v3_set(&w->c.merchant.platform_certs, MADE "short_public.pem");
	h5_v3_keys_free(w->c.merchant.v3);
	w->c.merchant.v3 = NULL;
	h5_buf_init(&faults, 4096);
	assert_int_equal(
	    h5_wechat_ready(&w->c, 0, &faults, &w->e), H5_E_CONFIG);
	for (line = strtok_r(faults.data, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest), n++)
		assert_int_equal(
		    strncmp(line, "h5pay.conf:0: merchant.", 23), 0);
	assert_int_equal(n, 3);
	h5_buf_release(&faults);
}

/* What a check asks of the certificate, and a start does not: a notice has to
 * be taken whatever became of it. */
static void
test_v3__a_certificate_that_is_over_fails_the_check_alone(void **state)
{
	struct v3 *w = *state;
	struct h5_buf faults;

	v3_must_ready(w); /* over since May 2025 */
	h5_v3_keys_free(w->c.merchant.v3);
	w->c.merchant.v3 = NULL;
	h5_buf_init(&faults, 4096);
	assert_int_equal(
	    h5_wechat_ready(&w->c, V3_NOW, &faults, &w->e), H5_E_CONFIG);
	assert_string_equal(faults.data,
	    "h5pay.conf:0: merchant.cert_file expired on 2025-05-09: download "
	    "a new certificate from the merchant platform\n");
	h5_buf_clear(&faults);
	v3_set(&w->c.merchant.cert_file, MADE "merchant_other.pem");
	assert_int_equal(
	    h5_wechat_ready(&w->c, 1800000000, &faults, &w->e), H5_E_CONFIG);
	assert_non_null(strstr(w->e.msg, "belongs to merchant 1900000999"));
	/* Also of the program that would not need it to serve. */
	assert_int_equal(
	    h5_wechat_ready_to_take(&w->c, 1800000000, &faults, &w->e),
	    H5_E_CONFIG);
	v3_set(&w->c.merchant.cert_file, MADE "merchant_long.pem");
	assert_int_equal(
	    h5_wechat_ready(&w->c, 1800000000, &faults, &w->e), H5_OK);
	h5_buf_release(&faults);
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, v3_setup, v3_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH(test_v3__bug_01_signs_each_vector_as_published),
	    WITH(test_v3__bug_48_signs_the_official_samples_alike),
	    WITH(test_v3__a_certificate_file_that_is_a_key_is_refused),
	    WITH(test_v3__bug_07_a_get_ends_with_an_empty_line),
	    WITH(test_v3__bug_09_the_serial_is_the_merchants_own),
	    WITH(test_v3__each_signature_has_a_nonce_of_its_own),
	    WITH(test_v3__bug_47_signs_what_the_bridge_gets),
	    WITH(test_v3__a_program_that_only_takes_notices_cannot_sign),
	    WITH(test_v3__bug_08_serial_keeps_its_leading_zero),
	    WITH(test_v3__a_short_serial_is_taken_as_it_is),
	    WITH(test_v3__bug_14_a_serial_is_found_by_its_whole_text),
	    WITH(test_v3__bug_12_the_answer_is_asked_for_by_the_public_key),
	    WITH(test_v3__nothing_is_read_where_apiv3_is_not_set_up),
	    WITH(test_v3__certificates_may_be_missing_until_they_are_fetched),
	    WITH(test_v3__many_certificates_and_the_same_one_twice),
	    WITH(test_v3__keys_of_other_spellings_are_read),
	    WITH(test_v3__bug_10_key_and_certificate_belong_together),
	    WITH(test_v3__bug_11_the_merchants_own_key_is_not_wechats),
	    WITH(test_v3__a_file_that_is_not_what_it_must_be_is_refused),
	    WITH(test_v3__a_key_that_others_may_read_is_refused),
	    WITH(test_v3__every_fault_is_told_at_once),
	    WITH(test_v3__a_certificate_that_is_over_fails_the_check_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
