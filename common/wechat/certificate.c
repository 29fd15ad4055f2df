/* The merchant's certificate and its key, as files: whether the pair is fit to
 * be shown to WeChat, and for how long; and until when WeChat's are good. */
#include "common/wechat/api.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/system/crypto.h"
#include "common/system/file.h"

#define PEM_MAX 65536 /* bytes of a certificate or key */
#define PLATFORM_MAX (4 * PEM_MAX)
#define BEGIN "-----BEGIN CERTIFICATE-----"

enum h5_code
h5_wechat_certificate(const struct h5_config *c, int64_t now, struct h5_err *e)
{
	struct h5_buf cert, key;
	enum h5_code rc;

	h5_buf_init(&cert, PEM_MAX);
	h5_buf_init(&key, PEM_MAX);
	/* The certificate is public.  Only the key is a secret, so only for the
	 * key it matters who else may read it. */
	rc = h5_file_read(AT_FDCWD, c->merchant.cert_file, &cert, e);
	if (rc == H5_OK)
		rc = h5_file_read_secret(c->merchant.key_file, &key, e);
	if (rc == H5_OK)
		rc = h5_crypto_certificate(
		    &cert, &key, c->merchant.mch_id, now, e);
	h5_buf_release(&cert);
	h5_buf_wipe(&key);
	return rc;
}

enum h5_code
h5_wechat_pair_ready(const struct h5_config *c, int64_t now, struct h5_err *e)
{
	enum h5_code rc = h5_wechat_certificate(c, now, e);

	/* The file is there but cannot be opened: usually the command runs as
	 * another user than the store's. */
	if (rc != H5_OK && rc != H5_E_NOMEM && rc != H5_E_CONFIG)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "uid %u, which owns the store, cannot read "
		    "merchant.cert_file and merchant.key_file",
		    (unsigned)geteuid());
	return rc;
}

enum h5_code
h5_wechat_certificate_end(
    const struct h5_config *c, int64_t *end, struct h5_err *e)
{
	struct h5_buf cert;
	enum h5_code rc;

	h5_buf_init(&cert, PEM_MAX);
	rc = h5_file_read(AT_FDCWD, c->merchant.cert_file, &cert, e);
	if (rc == H5_OK)
		rc = h5_crypto_certificate_end(&cert, end, e);
	h5_buf_release(&cert);
	return rc;
}

/* Several stand in one file while an old one and its successor are both in
 * use: what counts is until when there is one. */
enum h5_code
h5_wechat_platform_end(
    const struct h5_config *c, int64_t *end, struct h5_err *e)
{
	struct h5_buf all, one;
	const char *at, *next;
	enum h5_code rc;
	int64_t to;

	*end = 0;
	h5_buf_init(&all, PLATFORM_MAX);
	h5_buf_init(&one, PLATFORM_MAX);
	rc = h5_file_read(AT_FDCWD, c->merchant.platform_certs, &all, e);
	at = rc == H5_OK && all.len > 0 ? strstr(all.data, BEGIN) : NULL;
	if (rc == H5_OK && at == NULL)
		rc = h5_err_set(e, H5_E_CONFIG, "%s holds no certificate",
		    c->merchant.platform_certs);
	for (; rc == H5_OK && at != NULL; at = next) {
		next = strstr(at + strlen(BEGIN), BEGIN);
		h5_buf_clear(&one);
		h5_buf_add(
		    &one, at, next != NULL ? (size_t)(next - at) : strlen(at));
		rc = h5_buf_finish(&one, e);
		if (rc == H5_OK)
			rc = h5_crypto_certificate_end(&one, &to, e);
		if (rc == H5_OK && to > *end)
			*end = to;
	}
	h5_buf_release(&one);
	h5_buf_release(&all);
	return rc;
}
