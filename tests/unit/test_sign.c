#include "tests/unit/help.h"
#include "tests/fields_set.h"

#include <pthread.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "common/format/base64.h"
#include "common/system/crypto.h"
#include "common/wechat/v2/sign.h"
#include "common/wechat/v2/xml.h"

/* The linker puts these between common/system/crypto.c and OpenSSL
 * (formats.mk). */
EVP_MD *__real_EVP_MD_fetch(
    OSSL_LIB_CTX *ctx, const char *algorithm, const char *properties);
EVP_MD *__wrap_EVP_MD_fetch(
    OSSL_LIB_CTX *ctx, const char *algorithm, const char *properties);

int __real_EVP_MAC_final(
    EVP_MAC_CTX *ctx, unsigned char *out, size_t *len, size_t size);
int __wrap_EVP_MAC_final(
    EVP_MAC_CTX *ctx, unsigned char *out, size_t *len, size_t size);
int __real_EVP_Digest(const void *p, size_t n, unsigned char *out,
    unsigned *len, const EVP_MD *md, ENGINE *engine);
int __wrap_EVP_Digest(const void *p, size_t n, unsigned char *out,
    unsigned *len, const EVP_MD *md, ENGINE *engine);

static bool no_md5;
static bool no_result;

int
__wrap_EVP_MAC_final(
    EVP_MAC_CTX *ctx, unsigned char *out, size_t *len, size_t size)
{
	return no_result ? 0 : __real_EVP_MAC_final(ctx, out, len, size);
}

int
__wrap_EVP_Digest(const void *p, size_t n, unsigned char *out, unsigned *len,
    const EVP_MD *md, ENGINE *engine)
{
	return no_result ? 0 : __real_EVP_Digest(p, n, out, len, md, engine);
}

EVP_MD *
__wrap_EVP_MD_fetch(
    OSSL_LIB_CTX *ctx, const char *algorithm, const char *properties)
{
	if (no_md5 && strcmp(algorithm, "MD5") == 0)
		return NULL;
	return __real_EVP_MD_fetch(ctx, algorithm, properties);
}

static struct h5_crypto_key *
key_of(const char *text)
{
	struct h5_crypto_key *k = NULL;

	assert_int_equal(
	    h5_crypto_key_new(text, strlen(text), &k, NULL), H5_OK);
	assert_non_null(k);
	return k;
}

static void
add(struct h5_fields *f, const char *name, const char *value)
{
	assert_int_equal(h5_fields_add(f, name, value, NULL), H5_OK);
}

static void
fields_of(json_t *object, struct h5_fields *f)
{
	const char *name;
	json_t *value;

	h5_fields_init(f, 100, 10000);
	json_object_foreach(object, name, value)
	{
		add(f, name, json_string_value(value));
	}
}

static const char *
member(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (text == NULL)
		fail_msg("no member %s", name);
	return text;
}

static enum h5_sign_type
type_of(const char *name)
{
	return strcmp(name, "MD5") == 0 ? H5_SIGN_MD5 : H5_SIGN_HMAC_SHA256;
}

static void
test_sign__every_published_vector(void **state)
{
	json_t *all, *row;
	char hex[H5_SIGN_HEX];
	struct h5_crypto_key *k;
	struct h5_fields f;
	const char *expected;
	enum h5_sign_type type;
	size_t i, rows = 0;

	(void)state;
	all = json_load_file("tests/fixtures/v2-sign/vectors.json", 0, NULL);
	assert_non_null(all);
	json_array_foreach(all, i, row)
	{
		expected = member(row, "expected");
		type = type_of(member(row, "sign_type"));
		k = key_of(member(row, "key"));
		fields_of(json_object_get(row, "params"), &f);
		assert_int_equal(h5_sign_fields(k, type, &f, hex, NULL), H5_OK);
		assert_string_equal(hex, expected);
		/* And as a message: right with the sign, wrong with any
		 * other. */
		add(&f, "sign", expected);
		assert_int_equal(h5_sign_check(k, type, &f, NULL), H5_OK);
		hex[0] = hex[0] == '0' ? '1' : '0';
		assert_int_equal(fields_set(&f, "sign", hex, NULL), H5_OK);
		assert_int_equal(h5_sign_check(k, type, &f, NULL), H5_E_AUTH);
		h5_fields_release(&f);
		h5_crypto_key_free(k);
		rows++;
	}
	assert_int_equal(rows, 10);
	json_decref(all);
}

/* Vectors that are not in the file: jasl/wx_pay's and one of easywechat's. */
static void
test_sign__further_vectors(void **state)
{
	static const char *const scan[][2] = {{"appid", "wxd930ea5d5a258f4f"},
	    {"auth_code", "123456"}, {"body", "test"}, {"device_info", "123"},
	    {"mch_id", "1900000109"},
	    {"nonce_str", "960f228109051b9969f76c82bde183ac"},
	    {"out_trade_no", "1400755861"}, {"spbill_create_ip", "127.0.0.1"},
	    {"total_fee", "1"}};
	char hex[H5_SIGN_HEX];
	struct h5_crypto_key *k;
	struct h5_fields f;
	size_t i;

	(void)state;
	h5_fields_init(&f, 20, 1000);
	for (i = 0; i < COUNT(scan); i++)
		add(&f, scan[i][0], scan[i][1]);
	k = key_of("key");
	assert_int_equal(
	    h5_sign_fields(k, H5_SIGN_HMAC_SHA256, &f, hex, NULL), H5_OK);
	assert_string_equal(hex, "A58C01F990B45A4D0E496F835B2739E3"
				 "91C6C734927B1DA740DC873E607FB42A");
	h5_crypto_key_free(k);
	h5_fields_release(&f);
	add(&f, "foo", "bar");
	k = key_of("88888888888888888888888888888888");
	assert_int_equal(h5_sign_fields(k, H5_SIGN_MD5, &f, hex, NULL), H5_OK);
	assert_string_equal(hex, "834A25C9A5B48305AB997C9A7E101530");
	h5_crypto_key_free(k);
	h5_fields_release(&f);
}

static const char official[] = "9A0A8659F005D6984697E2CA0A9CF3B7";
static const char official_hmac[] =
    "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6";

static void
official_fields(struct h5_fields *f)
{
	h5_fields_init(f, 20, 1000);
	add(f, "mch_id", "10000100");
	add(f, "appid", "wxd930ea5d5a258f4f");
	add(f, "device_info", "1000");
	add(f, "body", "test");
	add(f, "nonce_str", "ibuaiVcKdpRxkhJA");
}

static void
test_sign__which_fields_take_part(void **state)
{
	struct h5_crypto_key *k = key_of("192006250b4c09247ec02edce69f6a2d");
	char hex[H5_SIGN_HEX];
	struct h5_fields f;

	(void)state;
	official_fields(&f);
	/* Not the sign itself, not what is empty. */
	add(&f, "sign", "anything");
	add(&f, "attach", "");
	add(&f, "zz", "");
	assert_int_equal(h5_sign_fields(k, H5_SIGN_MD5, &f, hex, NULL), H5_OK);
	assert_string_equal(hex, official);
	/* A blank is a value, and "Sign" is another name. */
	assert_int_equal(fields_set(&f, "attach", " ", NULL), H5_OK);
	assert_int_equal(h5_sign_fields(k, H5_SIGN_MD5, &f, hex, NULL), H5_OK);
	assert_string_not_equal(hex, official);
	h5_fields_drop(&f, "attach");
	add(&f, "Sign", "x");
	assert_int_equal(h5_sign_fields(k, H5_SIGN_MD5, &f, hex, NULL), H5_OK);
	assert_string_not_equal(hex, official);
	h5_fields_release(&f);
	/* No field at all: the digest of "key=..." alone. */
	assert_int_equal(h5_sign_fields(k, H5_SIGN_MD5, &f, hex, NULL), H5_OK);
	assert_int_equal(strlen(hex), 32);
	h5_crypto_key_free(k);
}

static void
test_sign__check_refuses(void **state)
{
	static const struct {
		const char *name, *sign, *sign_type;
		enum h5_sign_type type;
	} rows[] = {
	    {"missing", NULL, NULL, H5_SIGN_MD5},
	    {"empty", "", NULL, H5_SIGN_MD5},
	    {"MD5 where HMAC is set", official, NULL, H5_SIGN_HMAC_SHA256},
	    {"HMAC where MD5 is set", official_hmac, NULL, H5_SIGN_MD5},
	    {"lower case", "9a0a8659f005d6984697e2ca0a9cf3b7", NULL,
		H5_SIGN_MD5},
	    {"mixed case", "9A0A8659F005D6984697E2CA0A9CF3b7", NULL,
		H5_SIGN_MD5},
	    {"cut", "9A0A8659F005D6984697E2CA0A9CF3B", NULL, H5_SIGN_MD5},
	    {"longer", "9A0A8659F005D6984697E2CA0A9CF3B70", NULL, H5_SIGN_MD5},
	    {"blank before", " 9A0A8659F005D6984697E2CA0A9CF3B", NULL,
		H5_SIGN_MD5},
	    {"blank after", "9A0A8659F005D6984697E2CA0A9CF3B7 ", NULL,
		H5_SIGN_MD5},
	    {"last digit", "9A0A8659F005D6984697E2CA0A9CF3B6", NULL,
		H5_SIGN_MD5},
	    {"first digit", "8A0A8659F005D6984697E2CA0A9CF3B7", NULL,
		H5_SIGN_MD5},
	    {"names another type", official, "HMAC-SHA256", H5_SIGN_MD5},
	    {"names an unknown type", official, "RSA", H5_SIGN_MD5},
	    {"type in lower case", official, "md5", H5_SIGN_MD5},
	    {"names its type, not signed over it", official, "MD5",
		H5_SIGN_MD5},
	    {"sixteen zeroes", "00000000000000000000000000000000", NULL,
		H5_SIGN_MD5},
	};
	struct h5_crypto_key *k = key_of("192006250b4c09247ec02edce69f6a2d");
	struct h5_fields f;
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		official_fields(&f);
		if (rows[i].sign != NULL)
			add(&f, "sign", rows[i].sign);
		if (rows[i].sign_type != NULL)
			add(&f, "sign_type", rows[i].sign_type);
		ROW(rows[i].name,
		    h5_sign_check(k, rows[i].type, &f, &e) == H5_E_AUTH);
		/* The word for the log names neither key nor right sign. */
		ROW(rows[i].name, strstr(e.msg, "9A0A") == NULL);
		h5_fields_release(&f);
	}
	h5_crypto_key_free(k);
}

static void
test_sign__check_accepts(void **state)
{
	struct h5_crypto_key *k = key_of("192006250b4c09247ec02edce69f6a2d");
	struct h5_crypto_key *other =
	    key_of("192006250b4c09247ec02edce69f6a2e");
	char hex[H5_SIGN_HEX];
	struct h5_fields f;

	(void)state;
	official_fields(&f);
	add(&f, "sign", official_hmac);
	assert_int_equal(
	    h5_sign_check(k, H5_SIGN_HMAC_SHA256, &f, NULL), H5_OK);
	assert_int_equal(
	    h5_sign_check(other, H5_SIGN_HMAC_SHA256, &f, NULL), H5_E_AUTH);
	/* An empty sign_type names nothing and is not signed. */
	add(&f, "sign_type", "");
	assert_int_equal(
	    h5_sign_check(k, H5_SIGN_HMAC_SHA256, &f, NULL), H5_OK);
	/* One that is there takes part. */
	assert_int_equal(
	    fields_set(&f, "sign_type", "HMAC-SHA256", NULL), H5_OK);
	assert_int_equal(
	    h5_sign_check(k, H5_SIGN_HMAC_SHA256, &f, NULL), H5_E_AUTH);
	assert_int_equal(
	    h5_sign_fields(k, H5_SIGN_HMAC_SHA256, &f, hex, NULL), H5_OK);
	assert_int_equal(fields_set(&f, "sign", hex, NULL), H5_OK);
	assert_int_equal(
	    h5_sign_check(k, H5_SIGN_HMAC_SHA256, &f, NULL), H5_OK);
	h5_fields_release(&f);
	h5_crypto_key_free(k);
	h5_crypto_key_free(other);
}

/* Any change of any byte of any value, and any field more or less, spoils the
 * sign. */
static void
test_sign__every_bit_counts(void **state)
{
	struct h5_crypto_key *k = key_of("192006250b4c09247ec02edce69f6a2d");
	struct h5_fields f;
	size_t i, at;
	char *value;

	(void)state;
	official_fields(&f);
	add(&f, "sign", official_hmac);
	for (i = 0; i < f.n; i++) {
		for (at = 0; at < f.v[i].value_len; at++) {
			value = f.v[i].value;
			value[at] ^= 1;
			if (h5_sign_check(k, H5_SIGN_HMAC_SHA256, &f, NULL) !=
			    H5_E_AUTH)
				fail_msg("%s byte %zu", f.v[i].name, at);
			value[at] ^= 1;
		}
	}
	assert_int_equal(
	    h5_sign_check(k, H5_SIGN_HMAC_SHA256, &f, NULL), H5_OK);
	add(&f, "total_fee", "1");
	assert_int_equal(
	    h5_sign_check(k, H5_SIGN_HMAC_SHA256, &f, NULL), H5_E_AUTH);
	h5_fields_drop(&f, "total_fee");
	h5_fields_drop(&f, "body");
	assert_int_equal(
	    h5_sign_check(k, H5_SIGN_HMAC_SHA256, &f, NULL), H5_E_AUTH);
	h5_fields_release(&f);
	h5_crypto_key_free(k);
}

static void
test_sign__key_lengths(void **state)
{
	struct h5_crypto_key *k;
	char bytes[4097];

	(void)state;
	memset(bytes, 'k', sizeof bytes);
	assert_int_equal(h5_crypto_key_new(bytes, 0, &k, NULL), H5_E_INPUT);
	assert_null(k);
	assert_int_equal(h5_crypto_key_new(bytes, 4097, &k, NULL), H5_E_INPUT);
	assert_null(k);
	assert_int_equal(h5_crypto_key_new(bytes, 4096, &k, NULL), H5_OK);
	h5_crypto_key_free(k);
	assert_int_equal(h5_crypto_key_new("\0", 1, &k, NULL), H5_OK);
	h5_crypto_key_free(k);
	h5_crypto_key_free(NULL);
}

static void
check_hex(const unsigned char *bytes, const char *want)
{
	char hex[65];
	size_t i;

	for (i = 0; i < 32; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	assert_string_equal(hex, want);
}

static void
test_sign__mac_and_sha256(void **state)
{
	/* RFC 4231, cases 2 and 6 (a key longer than a block). */
	unsigned char out[32], longer[131];
	struct h5_crypto_key *k = key_of("Jefe");

	(void)state;
	assert_int_equal(
	    h5_crypto_mac(k, "what do ya want for nothing?", 28, out, NULL),
	    H5_OK);
	check_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58"
		       "b964ec3843");
	/* The same key again: the first call left nothing behind. */
	assert_int_equal(
	    h5_crypto_mac(k, "what do ya want for nothing?", 28, out, NULL),
	    H5_OK);
	check_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58"
		       "b964ec3843");
	h5_crypto_key_free(k);
	memset(longer, 0xaa, sizeof longer);
	assert_int_equal(
	    h5_crypto_key_new(longer, sizeof longer, &k, NULL), H5_OK);
	assert_int_equal(
	    h5_crypto_mac(k,
		"Test Using Larger Than Block-Size Key - Hash Key First", 54,
		out, NULL),
	    H5_OK);
	check_hex(out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040"
		       "f0ee37f54");
	assert_int_equal(h5_crypto_mac(k, "", 0, out, NULL), H5_OK);
	h5_crypto_key_free(k);
	assert_int_equal(h5_crypto_sha256("abc", 3, out, NULL), H5_OK);
	check_hex(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff"
		       "61f20015ad");
	assert_int_equal(h5_crypto_sha256("", 0, out, NULL), H5_OK);
	check_hex(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca49599"
		       "1b7852b855");
}

static void
test_sign__same(void **state)
{
	(void)state;
	assert_true(h5_crypto_same("", ""));
	assert_true(h5_crypto_same("abc", "abc"));
	assert_false(h5_crypto_same("abc", "abd"));
	assert_false(h5_crypto_same("abc", "bbc"));
	assert_false(h5_crypto_same("abc", "ab"));
	assert_false(h5_crypto_same("ab", "abc"));
	assert_false(h5_crypto_same("", "a"));
	assert_false(h5_crypto_same("a", ""));
	assert_false(h5_crypto_same("abc", "abcabc"));
	assert_false(h5_crypto_same("\x80", ""));
	assert_false(h5_crypto_same("abc\x80", "abc"));
}

static void
test_sign__random_and_nonce(void **state)
{
	unsigned char a[1024], b[1024];
	char first[33], second[33];
	unsigned seen[256] = {0};
	size_t i, values = 0;

	(void)state;
	assert_int_equal(h5_crypto_random(a, sizeof a, NULL), H5_OK);
	assert_int_equal(h5_crypto_random(b, sizeof b, NULL), H5_OK);
	assert_memory_not_equal(a, b, sizeof a);
	for (i = 0; i < sizeof a; i++)
		seen[a[i]] = 1;
	for (i = 0; i < 256; i++)
		values += seen[i];
	assert_true(values > 200);
	assert_int_equal(h5_crypto_random(a, 0, NULL), H5_OK);
	assert_int_equal(h5_crypto_nonce(first, NULL), H5_OK);
	assert_int_equal(h5_crypto_nonce(second, NULL), H5_OK);
	assert_int_equal(strspn(first, "0123456789abcdef"), 32);
	assert_int_equal(strlen(first), 32);
	assert_string_not_equal(first, second);
}

static void
test_sign__base64_both_ways(void **state)
{
	/* RFC 4648, section 10. */
	static const char *const rows[][2] = {{"", ""}, {"f", "Zg=="},
	    {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
	    {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
	    {"\xfb\xff\xbf", "+/+/"}};
	struct h5_buf b;
	size_t i;

	(void)state;
	h5_buf_init(&b, 1000);
	for (i = 0; i < COUNT(rows); i++) {
		h5_buf_clear(&b);
		h5_base64_write(rows[i][0], strlen(rows[i][0]), &b);
		ROW(rows[i][1], strcmp(b.data, rows[i][1]) == 0);
		h5_buf_clear(&b);
		ROW(rows[i][1], h5_base64_read(rows[i][1], &b, NULL) == H5_OK);
		ROW(rows[i][1], strcmp(b.data, rows[i][0]) == 0);
	}
	h5_buf_release(&b);
}

static void
test_sign__base64_of_many_lengths(void **state)
{
	unsigned char bytes[7000];
	struct h5_buf text, back;
	size_t n;

	(void)state;
	assert_int_equal(h5_crypto_random(bytes, sizeof bytes, NULL), H5_OK);
	h5_buf_init(&text, 10000);
	h5_buf_init(&back, 10000);
	for (n = 0; n <= sizeof bytes; n += n < 100 ? 1 : 431) {
		h5_buf_clear(&text);
		h5_buf_clear(&back);
		h5_base64_write(bytes, n, &text);
		assert_int_equal(h5_buf_finish(&text, NULL), H5_OK);
		assert_int_equal(text.len, (n + 2) / 3 * 4);
		assert_int_equal(h5_base64_read(text.data, &back, NULL), H5_OK);
		assert_int_equal(back.len, n);
		assert_memory_equal(back.data, bytes, n);
	}
	h5_buf_release(&text);
	h5_buf_release(&back);
	h5_buf_init(&text, 3);
	h5_base64_write("abc", 3, &text);
	assert_int_equal(h5_buf_finish(&text, NULL), H5_E_INPUT);
	h5_buf_release(&text);
}

static void
test_sign__unbase64_is_strict(void **state)
{
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg===", "Zm8",
	    "Zm9v=", "Zm9v==", "Zm9v====", "=",
	    "==", "====", "Zg==Zg==", "Zg=g", "Zm 9v", "Zm9v ", " Zm9v", "Zm9-",
	    "Zm9_", "Zm9v\t", "Zh==", "Zm9=", "Zm9v!", "\xe8\x8c\xb6", "Z=g="};
	struct h5_buf b;
	size_t i;

	(void)state;
	h5_buf_init(&b, 1000);
	h5_buf_puts(&b, "before");
	for (i = 0; i < COUNT(bad); i++) {
		ROW(bad[i], h5_base64_read(bad[i], &b, NULL) == H5_E_INPUT);
		ROW(bad[i], strcmp(b.data, "before") == 0);
	}
	assert_int_equal(h5_base64_read("Zm9v\r\nYm\nFy\r\n", &b, NULL), H5_OK);
	assert_string_equal(b.data, "beforefoobar");
	h5_buf_release(&b);
	h5_buf_init(&b, 2);
	assert_int_equal(h5_base64_read("Zm9v", &b, NULL), H5_E_INPUT);
	assert_int_equal(b.len, 0);
	h5_buf_release(&b);
}

static void
test_sign__opens_a_real_refund_notice(void **state)
{
	char *key, *req_info, *plain;
	struct h5_crypto_key *k;
	struct h5_fields f;
	struct h5_buf out;
	size_t n, plain_n;

	(void)state;
	key = fixture("tests/fixtures/v2-refund-notify/gopay-key.txt", &n);
	key[strcspn(key, "\r\n")] = '\0';
	req_info =
	    fixture("tests/fixtures/v2-refund-notify/gopay-req_info.b64", &n);
	plain = fixture(
	    "tests/fixtures/v2-refund-notify/gopay-plaintext.xml", &plain_n);
	k = key_of(key);
	h5_buf_init(&out, 65536);
	assert_int_equal(h5_sign_open_refund(k, req_info, &out, NULL), H5_OK);
	assert_int_equal(out.len, plain_n);
	assert_memory_equal(out.data, plain, plain_n);
	assert_int_equal(
	    h5_xml_read(out.data, out.len, "root", &f, NULL), H5_OK);
	assert_true(h5_fields_is(&f, "refund_fee", "6"));
	assert_true(
	    h5_fields_is(&f, "refund_id", "50000404922017112502468056157"));
	h5_fields_release(&f);
	h5_buf_release(&out);
	h5_crypto_key_free(k);
	free(key);
	free(req_info);
	free(plain);
}

static void
test_sign__opens_short_refund_texts(void **state)
{
	json_t *all, *row;
	struct h5_crypto_key *k;
	struct h5_buf out;
	size_t i, rows = 0;

	(void)state;
	all = json_load_file(
	    "tests/fixtures/v2-refund-notify/short-vectors.json", 0, NULL);
	assert_non_null(all);
	json_array_foreach(all, i, row)
	{
		/* A raw AES key is the hash of no API key that we know. */
		if (json_object_get(row, "api_key") == NULL)
			continue;
		k = key_of(member(row, "api_key"));
		h5_buf_init(&out, 1000);
		assert_int_equal(
		    h5_sign_open_refund(k, member(row, "req_info"), &out, NULL),
		    H5_OK);
		assert_string_equal(out.data, member(row, "plaintext"));
		h5_buf_release(&out);
		h5_crypto_key_free(k);
		rows++;
	}
	assert_int_equal(rows, 1);
	json_decref(all);
}

static void
test_sign__refuses_what_our_key_does_not_open(void **state)
{
	static const char *const keys[] = {"192006250b4c09247ec02edce69f6a2d",
	    "8934e7d15453e97507ef794cf7b0519d", "key", "foo-merchant-key",
	    "ziR0QKsTUfMOuochC9RfCdmfHECorQAP"};
	static const char *const bad[] = {"", "=", "AAAA",
	    "AAAAAAAAAAAAAAAAAAAAAA==", "not base64!",
	    /* the short vector, cut by one block and by one byte */
	    "FTuPWOW4npLOTY8GQp+JtQ==",
	    "FTuPWOW4npLOTY8GQp+JtWXKe3ZFa2wsJC6v9gFoAQ=="};
	struct h5_crypto_key *k;
	struct h5_fields f;
	struct h5_buf out;
	struct h5_err e;
	char *xml;
	size_t i, n;

	(void)state;
	xml = fixture("tests/fixtures/v2-refund-notify/"
		      "wxjava-refund-notify-undecryptable.xml",
	    &n);
	assert_int_equal(h5_xml_read(xml, n, "xml", &f, NULL), H5_OK);
	h5_buf_init(&out, 65536);
	h5_buf_puts(&out, "before");
	for (i = 0; i < COUNT(keys); i++) {
		k = key_of(keys[i]);
		ROW(keys[i],
		    h5_sign_open_refund(k, h5_fields_get(&f, "req_info"), &out,
			&e) == H5_E_AUTH);
		ROW(keys[i], strcmp(out.data, "before") == 0);
		h5_crypto_key_free(k);
	}
	k = key_of("foo-merchant-key");
	for (i = 0; i < COUNT(bad); i++) {
		ROW(bad[i],
		    h5_sign_open_refund(k, bad[i], &out, &e) == H5_E_AUTH);
		ROW(bad[i], strcmp(out.data, "before") == 0);
		/* One word for all: nothing to learn from it. */
		ROW(bad[i],
		    strcmp(e.msg,
			"req_info is not encrypted with our API key") == 0);
	}
	h5_crypto_key_free(k);
	h5_buf_release(&out);
	h5_fields_release(&f);
	free(xml);
}

static void *
sign_often(void *arg)
{
	const struct h5_crypto_key *k = arg;
	char hex[H5_SIGN_HEX];
	size_t wrong = 0;
	struct h5_fields f;
	int i;

	official_fields(&f);
	for (i = 0; i < 200; i++) {
		if (h5_sign_fields(k, H5_SIGN_HMAC_SHA256, &f, hex, NULL) !=
			H5_OK ||
		    strcmp(hex, official_hmac) != 0)
			wrong++;
		if (h5_sign_fields(k, H5_SIGN_MD5, &f, hex, NULL) != H5_OK ||
		    strcmp(hex, official) != 0)
			wrong++;
	}
	h5_fields_release(&f);
	return wrong == 0 ? arg : NULL;
}

static void
test_sign__many_threads_share_a_key(void **state)
{
	struct h5_crypto_key *k = key_of("192006250b4c09247ec02edce69f6a2d");
	pthread_t threads[8];
	void *result;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(threads); i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, sign_often, k), 0);
	for (i = 0; i < COUNT(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_ptr_equal(result, k);
	}
	h5_crypto_key_free(k);
}

/* Without any provider nothing may be signed with what happened to stand in
 * the buffer. */
static void
test_sign__says_so_when_openssl_cannot(void **state)
{
	struct h5_crypto_key *k = key_of("192006250b4c09247ec02edce69f6a2d");
	struct h5_crypto_key *none;
	unsigned char out[32];
	static const unsigned char zero[32];
	struct h5_buf text;
	struct h5_err e;

	(void)state;
	assert_int_equal(h5_sign_self_test(NULL), H5_OK);
	assert_int_equal(EVP_set_default_properties(NULL, "provider=none"), 1);
	memset(out, 7, sizeof out);
	assert_int_equal(h5_crypto_sha256("a", 1, out, &e), H5_E_BUG);
	assert_memory_equal(out, zero, sizeof out);
	assert_int_equal(h5_crypto_key_new("k", 1, &none, &e), H5_E_BUG);
	assert_null(none);
	assert_int_equal(h5_sign_self_test(&e), H5_E_BUG);
	assert_non_null(strstr(e.msg, "OpenSSL"));
	h5_buf_init(&text, 1000);
	assert_int_equal(
	    h5_sign_open_refund(
		k, "FTuPWOW4npLOTY8GQp+JtWXKe3ZFa2wsJC6v9gFoATU=", &text, &e),
	    H5_E_BUG);
	assert_int_equal(text.len, 0);
	assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
	assert_int_equal(h5_sign_self_test(NULL), H5_OK);
	h5_buf_release(&text);
	h5_crypto_key_free(k);
}

/* A machine with FIPS providers: everything but MD5 is there. */
static void
test_sign__hmac_works_without_md5(void **state)
{
	struct h5_crypto_key *k;
	char hex[H5_SIGN_HEX];
	struct h5_fields f;
	struct h5_buf text;
	struct h5_err e;

	(void)state;
	official_fields(&f);
	h5_buf_init(&text, 1000);
	no_md5 = true;
	k = key_of("192006250b4c09247ec02edce69f6a2d");
	assert_int_equal(
	    h5_sign_fields(k, H5_SIGN_HMAC_SHA256, &f, hex, NULL), H5_OK);
	assert_string_equal(hex, official_hmac);
	assert_int_equal(h5_sign_fields(k, H5_SIGN_MD5, &f, hex, &e), H5_E_BUG);
	assert_string_equal(hex, "");
	assert_string_equal(e.msg, "OpenSSL does not offer MD5 here");
	add(&f, "sign", official);
	assert_int_equal(h5_sign_check(k, H5_SIGN_MD5, &f, NULL), H5_E_BUG);
	assert_int_equal(
	    h5_sign_open_refund(
		k, "FTuPWOW4npLOTY8GQp+JtWXKe3ZFa2wsJC6v9gFoATU=", &text, NULL),
	    H5_E_BUG);
	assert_int_equal(h5_sign_self_test(NULL), H5_E_BUG);
	no_md5 = false;
	assert_int_equal(h5_sign_self_test(NULL), H5_OK);
	h5_buf_release(&text);
	h5_fields_release(&f);
	h5_crypto_key_free(k);
}

static void
test_sign__a_digest_that_fails_signs_nothing(void **state)
{
	struct h5_crypto_key *k = key_of("192006250b4c09247ec02edce69f6a2d");
	static const unsigned char zero[32];
	unsigned char out[32];
	char hex[H5_SIGN_HEX];
	struct h5_fields f;

	(void)state;
	official_fields(&f);
	no_result = true;
	memset(hex, 'x', sizeof hex);
	assert_int_equal(
	    h5_sign_fields(k, H5_SIGN_HMAC_SHA256, &f, hex, NULL), H5_E_BUG);
	assert_string_equal(hex, "");
	assert_int_equal(
	    h5_sign_fields(k, H5_SIGN_MD5, &f, hex, NULL), H5_E_BUG);
	assert_string_equal(hex, "");
	memset(out, 7, sizeof out);
	assert_int_equal(h5_crypto_mac(k, "a", 1, out, NULL), H5_E_BUG);
	assert_memory_equal(out, zero, sizeof out);
	memset(out, 7, sizeof out);
	assert_int_equal(h5_crypto_sha256("a", 1, out, NULL), H5_E_BUG);
	assert_memory_equal(out, zero, sizeof out);
	no_result = false;
	h5_fields_release(&f);
	h5_crypto_key_free(k);
}

/* A shop of APIv3 alone. */
static void
test_sign__without_a_key_nothing_is_signed_or_opened(void **state)
{
	char hex[H5_SIGN_HEX];
	struct h5_fields f;
	struct h5_buf out;
	struct h5_err e;

	(void)state;
	h5_fields_init(&f, 4, 256);
	h5_buf_init(&out, 256);
	assert_int_equal(
	    h5_sign_fields(NULL, H5_SIGN_MD5, &f, hex, &e), H5_E_CONFIG);
	assert_non_null(strstr(e.msg, "merchant.api_key_file"));
	assert_string_equal(hex, "");
	assert_int_equal(
	    h5_fields_add(&f, "sign", "0123456789ABCDEF0123456789ABCDEF", NULL),
	    H5_OK);
	assert_int_equal(h5_sign_check(NULL, H5_SIGN_MD5, &f, &e), H5_E_CONFIG);
	assert_int_equal(
	    h5_sign_open_refund(NULL, "AAAA", &out, &e), H5_E_CONFIG);
	assert_int_equal(out.len, 0);
	h5_buf_release(&out);
	h5_fields_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sign__every_published_vector),
	    cmocka_unit_test(test_sign__further_vectors),
	    cmocka_unit_test(test_sign__which_fields_take_part),
	    cmocka_unit_test(test_sign__check_refuses),
	    cmocka_unit_test(test_sign__check_accepts),
	    cmocka_unit_test(test_sign__every_bit_counts),
	    cmocka_unit_test(test_sign__key_lengths),
	    cmocka_unit_test(test_sign__mac_and_sha256),
	    cmocka_unit_test(test_sign__same),
	    cmocka_unit_test(test_sign__random_and_nonce),
	    cmocka_unit_test(test_sign__base64_both_ways),
	    cmocka_unit_test(test_sign__base64_of_many_lengths),
	    cmocka_unit_test(test_sign__unbase64_is_strict),
	    cmocka_unit_test(test_sign__opens_a_real_refund_notice),
	    cmocka_unit_test(test_sign__opens_short_refund_texts),
	    cmocka_unit_test(test_sign__refuses_what_our_key_does_not_open),
	    cmocka_unit_test(test_sign__many_threads_share_a_key),
	    cmocka_unit_test(test_sign__says_so_when_openssl_cannot),
	    cmocka_unit_test(test_sign__hmac_works_without_md5),
	    cmocka_unit_test(test_sign__a_digest_that_fails_signs_nothing),
	    cmocka_unit_test(
		test_sign__without_a_key_nothing_is_signed_or_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
