/* The calls about keys: WeChat's platform certificates, and the echo that
 * proves ours. */
#include "common/wechat/v3/call.h"

#include <fcntl.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/format/json_read.h"
#include "common/system/crypto.h"
#include "common/system/file.h"
#include "common/system/rsa.h"
#include "common/wechat/v3/check.h"
#include "common/wechat/v3/converse.h"
#include "common/wechat/v3/message.h"

#define PEM_MAX 16384 /* bytes of one certificate */
#define CERTIFICATES_MAX H5_V3_KEYS_MAX

/* --- certificates --------------------------------------------------------- */

static enum h5_code
not_believed(const struct h5_err *why, struct h5_err *e)
{
	if (why->code == H5_E_NOMEM || why->code == H5_E_BUG)
		return h5_err_pass(e, why);
	return h5_err_set(e, H5_E_REMOTE, "WeChat's answer: %s", why->msg);
}

/* Is it the certificate that was announced, and not over?  One that begins
 * later is WeChat's next. */
static enum h5_code
check_certificate(const struct h5_buf *pem, const char *serial_no, int64_t now,
    struct h5_err *e)
{
	char serial[H5_RSA_SERIAL] = "";
	struct h5_rsa_key *key = NULL;
	enum h5_code rc;
	int64_t end = 0;
	size_t at = 0;

	rc = h5_rsa_read_certificate(pem, &at, &key, serial, e);
	h5_rsa_free(key);
	if (rc == H5_OK && strcmp(serial, serial_no) != 0)
		return h5_err_set(e, H5_E_REMOTE,
		    "a certificate has another serial number than announced");
	if (rc == H5_OK)
		rc = h5_crypto_certificate_end(pem, &end, e);
	if (rc == H5_OK && end < now)
		return h5_err_set(
		    e, H5_E_REMOTE, "certificate %s is expired", serial);
	return rc;
}

/* One item of the list: decrypted, looked at, appended. */
static enum h5_code
take_certificate(const struct h5_config *c, const struct h5_json_value *v,
    struct h5_buf *all, struct h5_err *e)
{
	struct h5_v3_sealed s = {.ciphertext = h5_json_string_of(
				     v, "encrypt_certificate.ciphertext"),
	    .nonce = h5_json_string_of(v, "encrypt_certificate.nonce"),
	    .associated_data =
		h5_json_string_of(v, "encrypt_certificate.associated_data")};
	const char *serial = h5_json_string_of(v, "serial_no");
	bool previous = false;
	struct h5_buf pem;
	enum h5_code rc;

	if (s.ciphertext == NULL || s.nonce == NULL || serial == NULL)
		return h5_err_set(e, H5_E_REMOTE, "a certificate lacks a part");
	h5_buf_init(&pem, PEM_MAX);
	rc = h5_v3_decrypt(c->merchant.v3, &s, &pem, &previous, e);
	if (rc == H5_OK && previous)
		rc = h5_err_set(
		    e, H5_E_AUTH, "encrypted with merchant.apiv3_key_previous");
	if (rc == H5_OK)
		rc = check_certificate(&pem, serial, h5_clock_now(), e);
	if (rc == H5_OK) {
		h5_buf_add(all, pem.data, pem.len);
		if (pem.data[pem.len - 1] != '\n')
			h5_buf_putc(all, '\n');
		rc = h5_buf_finish(all, e);
	}
	h5_buf_release(&pem);
	return rc;
}

/* That they could be decrypted proves that they are for us; the signature over
 * the whole answer, by one that we had or by one of these, that nothing of it
 * was changed or is old. */
static enum h5_code
check_answer(struct h5_wechat *w, const struct h5_v3_call *k,
    const struct h5_buf *pem, struct h5_err *e)
{
	const struct h5_v3_keys_how how = {.calls = true};
	struct h5_v3_keys *keys = NULL;
	bool previous = false;
	enum h5_code rc;

	rc = h5_v3_keys_load(w->c, &how, &keys, e);
	if (rc == H5_OK)
		rc = h5_v3_keys_add(keys, pem, e);
	if (rc == H5_OK)
		rc = h5_v3_check(keys, &k->headers, w->answer.data,
		    w->answer.len, h5_clock_now(), &previous, e);
	if (rc == H5_OK && previous)
		rc = h5_err_set(e, H5_E_AUTH,
		    "signed with merchant.public_key_previous_file");
	h5_v3_keys_free(keys);
	return rc;
}

static enum h5_code
take_certificates(struct h5_wechat *w, const struct h5_v3_call *k,
    struct h5_buf *pem, struct h5_err *e)
{
	const struct h5_json_value *list;
	struct h5_json_value *v = NULL;
	struct h5_err why;
	enum h5_code rc;
	size_t i, n;

	rc = h5_json_read(w->answer.data, w->answer.len, &v, &why);
	list = h5_json_list(v, "data");
	n = h5_json_count(list);
	if (rc == H5_OK && (n == 0 || n > CERTIFICATES_MAX))
		rc = h5_err_set(&why, H5_E_REMOTE, "no list of certificates");
	for (i = 0; rc == H5_OK && i < n; i++)
		rc = take_certificate(w->c, h5_json_item(list, i), pem, &why);
	if (rc == H5_OK)
		rc = check_answer(w, k, pem, &why);
	h5_json_free(v);
	if (rc == H5_OK)
		return H5_OK;
	h5_buf_clear(pem);
	return not_believed(&why, e);
}

enum h5_code
h5_wechat_certificates(struct h5_wechat *w, const struct h5_log *log,
    struct h5_buf *pem, struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	struct h5_err why = {H5_OK, 0, ""};
	struct h5_v3_call k;
	enum h5_code rc;

	h5_buf_clear(pem);
	h5_v3_begin(&k, H5_V3_CERTIFICATES, refusal);
	h5_buf_puts(&k.target, "/v3/certificates?algorithm_type=RSA");
	k.unchecked = true;
	rc = h5_v3_converse(w, log, &k, refusal, &why);
	if (rc == H5_OK && refusal->verdict == H5_WECHAT_SUCCESS)
		rc = take_certificates(w, &k, pem, &why);
	h5_v3_report(log, &k, rc, refusal, NULL, &why);
	h5_v3_end(&k);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

/* --- the echo ------------------------------------------------------------- */

/* The serial of a platform certificate, for a merchant without public key: this
 * call alone wants one named (PROTOCOL-V3 12.2). */
static enum h5_code
find_serial(
    const struct h5_config *c, char serial[H5_RSA_SERIAL], struct h5_err *e)
{
	struct h5_rsa_key *key = NULL;
	struct h5_buf pem;
	enum h5_code rc;
	size_t at = 0;

	serial[0] = '\0';
	if (h5_v3_keys_asked(c->merchant.v3) != NULL)
		return H5_OK;
	h5_buf_init(&pem, PEM_MAX * CERTIFICATES_MAX);
	rc = h5_file_read(AT_FDCWD, c->merchant.platform_certs, &pem, e);
	if (rc == H5_OK)
		rc = h5_rsa_read_certificate(&pem, &at, &key, serial, e);
	h5_rsa_free(key);
	h5_buf_release(&pem);
	if (rc != H5_OK && rc != H5_E_NOMEM)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "merchant.platform_certs has no certificate yet: run h5pay "
		    "certs");
	return rc;
}

static enum h5_code
take_echo(const struct h5_buf *answer, const char *message, struct h5_err *e)
{
	struct h5_json_value *v = NULL;
	struct h5_err why;
	const char *s;
	enum h5_code rc = h5_json_read(answer->data, answer->len, &v, &why);

	s = h5_json_string_of(v, "echo_message");
	if (rc == H5_OK && (s == NULL || strcmp(s, message) != 0))
		rc = h5_err_set(&why, H5_E_INPUT, "another echo");
	h5_json_free(v);
	return rc == H5_OK ? H5_OK : not_believed(&why, e);
}

enum h5_code
h5_wechat_echo(struct h5_wechat *w, const struct h5_log *log,
    const char *message, bool notice, struct h5_wechat_refusal *refusal,
    struct h5_err *e)
{
	struct h5_err why = {H5_OK, 0, ""};
	char serial[H5_RSA_SERIAL];
	struct h5_v3_call k;
	enum h5_code rc;

	h5_v3_begin(&k, H5_V3_ECHO, refusal);
	h5_buf_puts(&k.target, "/v3/security/echo");
	rc = h5_v3_ready(w->c, &why);
	if (rc == H5_OK)
		rc = find_serial(w->c, serial, &why);
	if (rc == H5_OK && serial[0] != '\0')
		k.serial = serial;
	if (rc == H5_OK)
		rc = h5_v3_write_echo(w->c, message, notice, &k.body, &why);
	if (rc == H5_OK)
		rc = h5_v3_converse(w, log, &k, refusal, &why);
	if (rc == H5_OK && refusal->verdict == H5_WECHAT_SUCCESS)
		rc = take_echo(&w->answer, message, &why);
	h5_v3_report(log, &k, rc, refusal, NULL, &why);
	h5_v3_end(&k);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}
