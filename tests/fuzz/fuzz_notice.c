/* Notices, of payments and of refunds: once as they come; a payment's once
 * more with the right sign; and a document that begins with <root> encrypted
 * into a refund's req_info as WeChat does (PROTOCOL 7.3). */
#include <openssl/evp.h>

#include "tests/fuzz/wechat.h"

#include "common/format/base64.h"

/* Lower-case hex MD5 of WECHAT_KEY. */
static const char *
refund_key(void)
{
	static char key[33];
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0, i;

	if (key[0] == '\0') {
		MUST(EVP_Digest(WECHAT_KEY, strlen(WECHAT_KEY), digest, &n,
			 EVP_md5(), NULL) == 1 &&
		     n == 16);
		for (i = 0; i < n; i++)
			(void)snprintf(key + 2 * i, 3, "%02x", digest[i]);
	}
	return key;
}

static bool
notice(const char *p, size_t n, struct h5_fields *refund)
{
	enum h5_wechat_kind kind;
	struct h5_wechat_trade t;
	struct h5_fields f;
	enum h5_code rc;

	rc = h5_v2_read_notice(wechat_config(), p, n, &kind, &t, refund, NULL);
	MUST(rc == H5_OK || rc == H5_E_INPUT || rc == H5_E_AUTH ||
	     rc == H5_E_STATE);
	if (rc != H5_OK) {
		MUST(!t.paid && refund->n == 0);
	} else {
		MUST(h5_xml_read(p, n, "xml", &f, NULL) == H5_OK);
		if (kind == H5_WECHAT_PAYMENT) {
			wechat_believed(&f, true);
			MUST(h5_fields_is(&f, "result_code", "SUCCESS"));
			wechat_trade(&f, &t);
			MUST(t.paid && refund->n == 0);
		} else {
			MUST(h5_fields_is(&f, "appid", WECHAT_APPID));
			MUST(h5_fields_is(&f, "mch_id", WECHAT_MCH_ID));
			MUST(h5_fields_get(&f, "sign") == NULL && !t.paid);
		}
		h5_fields_release(&f);
	}
	h5_wechat_trade_release(&t);
	return rc == H5_OK;
}

/* As it comes. */
static bool
plainly(const char *p, size_t n)
{
	struct h5_fields refund;
	bool good = notice(p, n, &refund);

	h5_fields_release(&refund);
	return good;
}

static void
as_payment(const char *p, size_t n)
{
	struct h5_fields f;
	struct h5_buf out;
	char *sign;

	if (h5_xml_read(p, n, "xml", &f, NULL) == H5_OK) {
		h5_buf_init(&out, H5_XML_MAX);
		if (wechat_signed(&f, &out) && plainly(out.data, out.len)) {
			sign = strstr(out.data, "<sign>");
			MUST(sign != NULL);
			sign[6 + n % 64] ^= 1;
			MUST(!plainly(out.data, out.len));
		}
		h5_buf_release(&out);
	}
	h5_fields_release(&f);
}

static void
encrypt(const char *p, size_t n, struct h5_buf *out)
{
	static EVP_CIPHER_CTX *ctx;
	unsigned char *to = malloc(n + 32);
	int len = 0, rest = 0;

	if (ctx == NULL)
		ctx = EVP_CIPHER_CTX_new();
	MUST(ctx != NULL && to != NULL);
	MUST(EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL,
		 (const unsigned char *)refund_key(), NULL) == 1);
	MUST(EVP_EncryptUpdate(
		 ctx, to, &len, (const unsigned char *)p, (int)n) == 1);
	MUST(EVP_EncryptFinal_ex(ctx, to + len, &rest) == 1);
	h5_base64_write(to, (size_t)(len + rest), out);
	free(to);
}

/* What is believed of it is what was encrypted. */
static void
as_refund(const char *p, size_t n)
{
	struct h5_fields refund, plain;
	struct h5_buf out;
	bool good;

	h5_buf_init(&out, 4 * H5_XML_MAX);
	h5_buf_puts(&out,
	    "<xml><return_code>SUCCESS</return_code><appid>" WECHAT_APPID
	    "</appid><mch_id>" WECHAT_MCH_ID "</mch_id><req_info><![CDATA[");
	encrypt(p, n, &out);
	h5_buf_puts(&out, "]]></req_info></xml>");
	MUST(h5_buf_finish(&out, NULL) == H5_OK);
	good = notice(out.data, out.len, &refund);
	MUST((h5_xml_read(p, n, "root", &plain, NULL) == H5_OK) == good);
	MUST(fuzz_same(&refund, &plain));
	h5_fields_release(&refund);
	h5_fields_release(&plain);
	h5_buf_release(&out);
}

static void
check_reply(const char *p, size_t n)
{
	struct h5_fields f;
	struct h5_buf out;
	char *msg = fuzz_text(p, n);

	h5_buf_init(&out, 4096);
	h5_v2_reply(false, msg, &out);
	MUST(h5_xml_read(out.data, out.len, "xml", &f, NULL) == H5_OK);
	MUST(f.n == 2 && h5_fields_is(&f, "return_code", "FAIL"));
	h5_fields_release(&f);
	h5_buf_release(&out);
	free(msg);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;

	(void)plainly(p, size);
	check_reply(p, size);
	if (size >= 6 && memcmp(p, "<root>", 6) == 0)
		as_refund(p, size);
	else
		as_payment(p, size);
	return 0;
}
