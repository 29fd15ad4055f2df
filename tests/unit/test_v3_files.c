/* What comes over APIv3 as a file: the bill of a day, and WeChat's platform
 * certificates; and the echo. */
#include "tests/unit/help.h"
#include "tests/unit/v3desk.h"

#include <openssl/evp.h>

#include "common/base/text.h"
#include "common/format/gzip.h"
#include "common/format/json.h"
#include "common/wechat/v3/message.h"

#define DAY 1764345600 /* 2025-11-29, Beijing */
#define BILL                                                                   \
	"\xef\xbb\xbf"                                                         \
	"a,b\r\n`1,`2\r\nc\r\n`1\r\n"
#define FILE_URL                                                               \
	"https://api.mch.weixin.qq.com/v3/billdownload/file?token=a_b-C"       \
	"&tartype=gzip"
#define PLATFORM "4B0024045C4A427599D09BB4E3DE0279F2E813FD"

static unsigned pauses;
void __wrap_h5_clock_pause_ms(int ms);
void
__wrap_h5_clock_pause_ms(int ms)
{
	assert_true(ms > 0);
	pauses++;
}

static struct h5_buf raw, text, packed, announced;
static struct h5_wechat_refusal refusal;
static struct h5_err err;

static int
set_up(void **state)
{
	pauses = 0;
	h5_buf_init(&raw, 1 << 20);
	h5_buf_init(&text, 1 << 20);
	h5_buf_init(&packed, 1 << 20);
	h5_buf_init(&announced, 1 << 16);
	assert_int_equal(
	    h5_gzip_pack(BILL, strlen(BILL), &packed, &err), H5_OK);
	return desk_set_up(state);
}

static int
tear_down(void **state)
{
	h5_buf_release(&raw);
	h5_buf_release(&text);
	h5_buf_release(&packed);
	h5_buf_release(&announced);
	return desk_tear_down(state);
}

/* --- the bill --- */

static enum h5_code
bill(void)
{
	return h5_wechat_bill(
	    &desk->c, &desk->log, DAY, "ALL", &raw, &text, &err);
}

/* The answer of the first step: where the file lies and what its hash is. */
static struct reply *
announce(const char *url, const char *type, const void *p, size_t n)
{
	unsigned char sha1[20];
	char hex[41];

	assert_int_equal(h5_crypto_sha1(p, n, sha1, &err), H5_OK);
	h5_text_hex(sha1, sizeof sha1, hex);
	h5_buf_clear(&announced);
	h5_buf_putc(&announced, '{');
	h5_json_text("hash_type", type, &announced);
	h5_json_text("hash_value", hex, &announced);
	h5_json_text("download_url", url, &announced);
	h5_buf_putc(&announced, '}');
	return desk_reply(200, announced.data);
}

static struct reply *
file(void)
{
	struct reply *r = desk_reply(200, packed.data);

	r->n = packed.len;
	r->bare = true;
	return r;
}

static void
test_v3__bug_19_the_file_of_a_bill_needs_no_signature(void **state)
{
	(void)state;
	(void)announce(FILE_URL, "SHA1", BILL, strlen(BILL));
	(void)file();
	assert_int_equal(bill(), H5_OK);
	assert_int_equal(text.len, strlen(BILL));
	assert_memory_equal(text.data, BILL, text.len);
	assert_int_equal(raw.len, packed.len);
	desk_asked(2);
	assert_string_equal(desk->seen[0].url,
	    "https://api.mch.weixin.qq.com/v3/bill/tradebill"
	    "?bill_date=2025-11-29&bill_type=ALL&tar_type=GZIP");
	assert_string_equal(desk->seen[1].url, FILE_URL);
	assert_int_equal(desk->seen[1].method, H5_HTTPS_GET);
}

static void
test_v3__bug_20_the_hash_is_of_the_unpacked_text(void **state)
{
	size_t i;

	(void)state;
	/* The packed file's is as good a proof. */
	(void)announce(FILE_URL, "SHA1", packed.data, packed.len);
	(void)file();
	assert_int_equal(bill(), H5_OK);
	/* Any other is none, and the bill is fetched anew three times. */
	desk_anew();
	(void)announce(FILE_URL, "SHA1", "x", 1);
	(void)file();
	for (i = 0; i < 2; i++) {
		(void)desk_reply(200, announced.data);
		(void)file();
	}
	assert_int_equal(bill(), H5_E_REMOTE);
	assert_int_equal(raw.len, 0);
	assert_int_equal(text.len, 0);
	desk_asked(6);
}

static void
test_v3_files__a_bill_that_was_not_packed(void **state)
{
	struct reply *r;

	(void)state;
	(void)announce(FILE_URL, "SHA1", BILL, strlen(BILL));
	r = desk_reply(200, BILL);
	r->bare = true;
	assert_int_equal(bill(), H5_OK);
	assert_int_equal(text.len, strlen(BILL));
}

static void
test_v3_files__our_signature_goes_to_wechats_hosts_alone(void **state)
{
	static const char *const urls[] = {
	    "https://evil.example/v3/billdownload/file?token=1",
	    "https://api.mch.weixin.qq.com.evil.example/v3/x",
	    "https://api.mch.weixin.qq.com@evil.example/v3/x",
	    "http://api.mch.weixin.qq.com/v3/x",
	    "https://api.mch.weixin.qq.com/v3/x y",
	    "https://api.mch.weixin.qq.com/v3/x#y",
	    "https://api.mch.weixin.qq.com",
	    "//api.mch.weixin.qq.com/v3/x",
	    NULL,
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(urls); i++) {
		desk_anew();
		(void)announce(urls[i], "SHA1", BILL, strlen(BILL));
		ROW(urls[i] != NULL ? urls[i] : "none", bill() == H5_E_REMOTE);
		desk_asked(1);
	}
	desk_anew();
	(void)announce(FILE_URL, "MD5", BILL, strlen(BILL));
	assert_int_equal(bill(), H5_E_REMOTE);
	desk_asked(1);
	/* The backup host is one of them. */
	desk_anew();
	(void)announce("https://api2.mch.weixin.qq.com/v3/billdownload/"
		       "downloadurl?token=1",
	    "SHA1", BILL, strlen(BILL));
	(void)file();
	assert_int_equal(bill(), H5_OK);
}

static void
test_v3_files__an_address_that_is_over_is_asked_for_again(void **state)
{
	(void)state;
	(void)announce(FILE_URL, "SHA1", BILL, strlen(BILL));
	(void)desk_reply(400, "{\"code\":\"INVALID_REQUEST\"}");
	(void)desk_reply(200, announced.data);
	(void)desk_reply(0, "");
	(void)desk_reply(200, announced.data);
	(void)file();
	assert_int_equal(bill(), H5_OK);
	desk_asked(6);
	desk_anew();
	(void)announce(FILE_URL, "SHA1", BILL, strlen(BILL));
	(void)desk_reply(403, "{\"code\":\"NO_AUTH\"}");
	assert_int_equal(bill(), H5_E_CONFIG);
	desk_asked(2);
}

static void
test_v3_files__what_a_refused_bill_means(void **state)
{
	static const struct {
		long status;
		const char *body;
		enum h5_code rc;
	} rows[] = {
	    {400, "{\"code\":\"NO_STATEMENT_EXIST\"}", H5_E_NOTFOUND},
	    {404, "{\"code\":\"NO_STATEMENT_EXIST\"}", H5_E_NOTFOUND},
	    {400, "{\"code\":\"STATEMENT_CREATING\"}", H5_E_BUSY},
	    {400, "{\"code\":\"INVALID_REQUEST\"}", H5_E_INPUT},
	    {400, "{\"code\":\"PARAM_ERROR\"}", H5_E_INPUT},
	    {401, "{\"code\":\"SIGN_ERROR\"}", H5_E_CONFIG},
	    {403, "{\"code\":\"NO_AUTH\"}", H5_E_CONFIG},
	    {405, "", H5_E_REMOTE},
	    {200, "{}", H5_E_REMOTE},
	    {200, "{", H5_E_REMOTE},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		desk_anew();
		(void)desk_reply(rows[i].status, rows[i].body);
		ROW(rows[i].body, bill() == rows[i].rc);
		desk_asked(1);
	}
	desk_anew();
	for (i = 0; i < 4; i++)
		(void)desk_reply(429, "{\"code\":\"FREQUENCY_LIMITED\"}");
	assert_int_equal(bill(), H5_E_BUSY);
	desk_anew();
	desk_reply(200, "{}")->wrong = true;
	desk_reply(200, "{}")->wrong = true;
	assert_int_equal(bill(), H5_E_REMOTE);
}

static void
test_v3_files__a_provider_wants_the_bill_of_its_sub_merchant(void **state)
{
	(void)state;
	desk->c.merchant.sub_mch_id = strdup("1900000200");
	(void)desk_reply(400, "{\"code\":\"NO_STATEMENT_EXIST\"}");
	assert_int_equal(bill(), H5_E_NOTFOUND);
	assert_non_null(strstr(desk->seen[0].url, "&sub_mchid=1900000200"));
}

/* --- platform certificates --- */

/* One item of the list, encrypted as WeChat does it. */
static void
put_certificate(
    struct h5_buf *out, const char *path, const char *serial, const char *key)
{
	static const char aad[] = "certificate", nonce[] = "14b16c03dc1b";
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char sealed[16384];
	size_t n;
	char *pem = fixture(path, &n);
	int len = 0, all = 0;

	assert_non_null(ctx);
	assert_true(n + 16 < sizeof sealed);
	assert_int_equal(
	    EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL,
		(const unsigned char *)key, (const unsigned char *)nonce),
	    1);
	assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &len,
			     (const unsigned char *)aad, (int)strlen(aad)),
	    1);
	assert_int_equal(EVP_EncryptUpdate(ctx, sealed, &len,
			     (const unsigned char *)pem, (int)n),
	    1);
	all = len;
	assert_int_equal(EVP_EncryptFinal_ex(ctx, sealed + all, &len), 1);
	all += len;
	assert_int_equal(
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16, sealed + all),
	    1);
	EVP_CIPHER_CTX_free(ctx);
	free(pem);
	h5_buf_printf(out,
	    "%s{\"serial_no\":\"%s\",\"effective_time\":\"x\","
	    "\"encrypt_certificate\":{\"algorithm\":\"AEAD_AES_256_GCM\","
	    "\"nonce\":\"%s\",\"associated_data\":\"%s\",\"ciphertext\":\"",
	    out->data[out->len - 1] == '[' ? "" : ",", serial, nonce, aad);
	h5_base64_write(sealed, (size_t)all + 16, out);
	h5_buf_puts(out, "\"}}");
}

static struct reply *
certificates(const char *path, const char *serial, const char *key)
{
	h5_buf_clear(&announced);
	h5_buf_puts(&announced, "{\"data\":[");
	put_certificate(&announced, path, serial, key);
	h5_buf_puts(&announced, "]}");
	return desk_reply(200, announced.data);
}

static enum h5_code
fetch(void)
{
	return h5_wechat_certificates(
	    desk->w, &desk->log, &text, &refusal, &err);
}

/* A merchant without public key; WeChat signs with its platform certificate. */
static void
certificate_mode(const char *file_name)
{
	free(desk->c.merchant.public_key_file);
	free(desk->c.merchant.public_key_id);
	desk->c.merchant.public_key_file = NULL;
	desk->c.merchant.public_key_id = NULL;
	desk->c.merchant.platform_certs = strdup(file_name);
	h5_rsa_free(desk->theirs);
	desk_key(KEYS "platform_key.pem", false, &desk->theirs);
	desk_load();
}

static void
test_v3_files__a_published_list_of_certificates(void **state)
{
	size_t n, m;
	char *body, *pem;

	(void)state;
	body = fixture(
	    "tests/fixtures/v3/java-sdk/certificates_answer.body.json", &n);
	pem = fixture(
	    "tests/fixtures/v3/java-sdk/certificates_answer.plaintext.pem", &m);
	(void)desk_reply(200, body);
	assert_int_equal(fetch(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_SUCCESS);
	assert_true(text.len == m || text.len == m + 1);
	assert_memory_equal(text.data, pem, m);
	assert_string_equal(desk->seen[0].url,
	    "https://api.mch.weixin.qq.com/v3/certificates?algorithm_type=RSA");
	/* By nobody that is known or new. */
	desk_anew();
	desk_reply(200, body)->wrong = true;
	assert_int_equal(fetch(), H5_E_REMOTE);
	assert_int_equal(text.len, 0);
	desk_anew();
	desk_reply(200, body)->bare = true;
	assert_int_equal(fetch(), H5_E_REMOTE);
	free(body);
	free(pem);
}

static void
test_v3_files__the_first_list_is_checked_by_itself(void **state)
{
	(void)state;
	certificate_mode("/nonexistent/certs.pem");
	certificates(KEYS "platform_cert.pem", PLATFORM, APIV3)->serial =
	    PLATFORM;
	assert_int_equal(fetch(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_SUCCESS);
	assert_non_null(strstr(text.data, "BEGIN CERTIFICATE"));
	assert_null(seen_header(&desk->seen[0], "Wechatpay-Serial"));
}

static void
test_v3_files__a_list_that_is_not_right_is_none(void **state)
{
	struct reply *r;

	(void)state;
	certificate_mode("/nonexistent/certs.pem");
	/* Another serial number than announced. */
	certificates(KEYS "platform_cert.pem",
	    "5B0024045C4A427599D09BB4E3DE0279F2E813FD", APIV3)
	    ->serial = PLATFORM;
	assert_int_equal(fetch(), H5_E_REMOTE);
	/* Encrypted with another key. */
	desk_anew();
	certificates(KEYS "platform_cert.pem", PLATFORM,
	    "b7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb")
	    ->serial = PLATFORM;
	assert_int_equal(fetch(), H5_E_REMOTE);
	assert_int_equal(text.len, 0);
	/* Over. */
	desk_anew();
	certificates("tests/fixtures/v3/java-sdk/wechat_pay_certificate.pem",
	    "440024045C4A427599D09BB4E3DE0279F2E813FD", APIV3)
	    ->serial = PLATFORM;
	assert_int_equal(fetch(), H5_E_REMOTE);
	assert_non_null(strstr(err.msg, "expired"));
	/* No certificate at all. */
	desk_anew();
	certificates(KEYS "pub_key.pem", PLATFORM, APIV3)->serial = PLATFORM;
	assert_int_equal(fetch(), H5_E_REMOTE);
	/* Signed by one that is not in it. */
	desk_anew();
	r = certificates(KEYS "platform_cert.pem", PLATFORM, APIV3);
	r->serial = "5B0024045C4A427599D09BB4E3DE0279F2E813FD";
	assert_int_equal(fetch(), H5_E_REMOTE);
	assert_int_equal(text.len, 0);
	desk_anew();
	(void)desk_reply(200, "{\"data\":[]}");
	assert_int_equal(fetch(), H5_E_REMOTE);
	desk_anew();
	(void)desk_reply(200, "{\"data\":[{\"serial_no\":\"1\"}]}");
	assert_int_equal(fetch(), H5_E_REMOTE);
}

static void
test_v3__bug_13_a_merchant_without_certificates_is_told(void **state)
{
	(void)state;
	(void)desk_reply(404, "{\"code\":\"RESOURCE_NOT_EXISTS\"}");
	assert_int_equal(fetch(), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_MERCHANT);
	assert_non_null(strstr(refusal.note, "merchant.public_key_file"));
	assert_int_equal(text.len, 0);
}

/* --- the echo --- */

static enum h5_code
echo(bool notice)
{
	return h5_wechat_echo(
	    desk->w, &desk->log, "hello", notice, &refusal, &err);
}

static void
test_v3_files__the_echo_must_be_ours(void **state)
{
	(void)state;
	(void)desk_reply(200, "{\"echo_message\":\"hello\"}");
	assert_int_equal(echo(true), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_SUCCESS);
	assert_string_equal(desk->seen[0].body,
	    "{\"echo_message\":\"hello\","
	    "\"notify_url\":\"https://shop.example/cgi-bin/notify\"}");
	desk_anew();
	(void)desk_reply(200, "{\"echo_message\":\"hallo\"}");
	assert_int_equal(echo(false), H5_E_REMOTE);
	desk_anew();
	(void)desk_reply(200, "{}");
	assert_int_equal(echo(false), H5_E_REMOTE);
	desk_anew();
	(void)desk_reply(401, "{\"code\":\"SIGN_ERROR\"}");
	assert_int_equal(echo(false), H5_OK);
	assert_int_equal(refusal.verdict, H5_WECHAT_MERCHANT);
}

static void
test_v3_files__without_public_key_the_echo_names_a_certificate(void **state)
{
	(void)state;
	certificate_mode(KEYS "platform_cert.pem");
	desk_reply(200, "{\"echo_message\":\"hello\"}")->serial = PLATFORM;
	assert_int_equal(echo(false), H5_OK);
	assert_string_equal(
	    seen_header(&desk->seen[0], "Wechatpay-Serial"), PLATFORM);
	free(desk->c.merchant.platform_certs);
	desk->c.merchant.platform_certs = strdup("/nonexistent/certs.pem");
	desk_anew();
	assert_int_equal(echo(false), H5_E_CONFIG);
	assert_non_null(strstr(err.msg, "h5pay certs"));
	desk_asked(0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_v3__bug_19_the_file_of_a_bill_needs_no_signature),
	    T(test_v3__bug_20_the_hash_is_of_the_unpacked_text),
	    T(test_v3_files__a_bill_that_was_not_packed),
	    T(test_v3_files__our_signature_goes_to_wechats_hosts_alone),
	    T(test_v3_files__an_address_that_is_over_is_asked_for_again),
	    T(test_v3_files__what_a_refused_bill_means),
	    T(test_v3_files__a_provider_wants_the_bill_of_its_sub_merchant),
	    T(test_v3_files__a_published_list_of_certificates),
	    T(test_v3_files__the_first_list_is_checked_by_itself),
	    T(test_v3_files__a_list_that_is_not_right_is_none),
	    T(test_v3__bug_13_a_merchant_without_certificates_is_told),
	    T(test_v3_files__the_echo_must_be_ours),
	    T(test_v3_files__without_public_key_the_echo_names_a_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
