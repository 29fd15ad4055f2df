/* What a message of APIv3 is signed by: five lines, each a header or, if it is
 * "-", none; then the body.  A good signature is believed only for what the
 * rule says, which stands here once more. */
#include "tests/fuzz/fuzz.h"

#include "common/system/rsa.h"
#include "common/wechat/v3/check.h"

#define NOW 1764496800LL

static char signed_text[8192];
static size_t signed_n;

enum h5_code __wrap_h5_rsa_verify(const struct h5_rsa_key *k, const void *p,
    size_t n, const struct h5_buf *signature, struct h5_err *e);
const struct h5_rsa_key *__wrap_h5_v3_keys_find(
    const struct h5_v3_keys *k, const char *serial, bool *previous);

/* Believes everything, and keeps what it was asked about. */
enum h5_code
__wrap_h5_rsa_verify(const struct h5_rsa_key *k, const void *p, size_t n,
    const struct h5_buf *signature, struct h5_err *e)
{
	(void)k;
	(void)e;
	MUST(n <= sizeof signed_text && signature->len <= H5_RSA_SIGNATURE);
	memcpy(signed_text, p, n);
	signed_n = n;
	return H5_OK;
}

const struct h5_rsa_key *
__wrap_h5_v3_keys_find(
    const struct h5_v3_keys *k, const char *serial, bool *previous)
{
	*previous = strcmp(serial, "PUB_KEY_ID_0") == 0;
	return *previous || strcmp(serial, "PUB_KEY_ID_1") == 0
		   ? (const void *)k
		   : NULL;
}

/* The rule of the time, over the C library's reader. */
static bool
in_time(const char *s)
{
	long long t = strtoll(s, NULL, 10);

	return s[strspn(s, "0123456789")] == '\0' && s[0] != '0' &&
	       t >= NOW - 300 && t <= NOW + 300;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *rest = text, *line;
	struct h5_wechat_headers h = {.any = true};
	char expected[8192];
	bool previous = true;
	struct h5_err e;
	enum h5_code rc;
	size_t i, n;

	if (size > 4000)
		goto out;
	for (i = 0; i < H5_WECHAT_HEADERS; i++) {
		line = fuzz_cut(&rest, '\n');
		h.v[i] = strcmp(line, "-") == 0 ? NULL : line;
	}
	n = (size_t)(text + size - rest);
	rc = h5_v3_check((const void *)text, &h, rest, n, NOW, &previous, &e);
	MUST(rc == H5_OK || rc == H5_E_AUTH);
	if (rc != H5_OK) {
		MUST(e.msg[0] != '\0');
		for (i = 0; e.msg[i] != '\0'; i++)
			MUST(
			    (unsigned char)e.msg[i] >= ' ' && e.msg[i] != 0x7f);
		goto out;
	}
	for (i = 0; i < H5_WECHAT_SIGNATURE_TYPE; i++)
		MUST(h.v[i] != NULL && h.v[i][0] != '\0');
	MUST(in_time(h.v[H5_WECHAT_TIMESTAMP]));
	MUST(strcmp(h.v[H5_WECHAT_SERIAL], "PUB_KEY_ID_1") == 0 || previous);
	MUST(h.v[H5_WECHAT_SIGNATURE_TYPE] == NULL ||
	     strcmp(h.v[H5_WECHAT_SIGNATURE_TYPE],
		 "WECHATPAY2-SHA256-RSA2048") == 0);
	/* The very bytes that came. */
	i = (size_t)snprintf(expected, sizeof expected, "%s\n%s\n",
	    h.v[H5_WECHAT_TIMESTAMP], h.v[H5_WECHAT_NONCE]);
	memcpy(expected + i, rest, n);
	expected[i + n] = '\n';
	MUST(signed_n == i + n + 1 &&
	     memcmp(expected, signed_text, signed_n) == 0);
out:
	free(text);
	return 0;
}
