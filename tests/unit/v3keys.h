/* v3keys.h - a merchant of APIv3 with the published test keys, and the vectors
 * that were signed with them (tests/fixtures/v3).  Include it after help.h. */
#ifndef TESTS_UNIT_V3KEYS_H
#define TESTS_UNIT_V3KEYS_H

#include "tests/unit/folder.h"

#include "common/config/config.h"
#include "common/system/crypto.h"
#include "common/wechat/v3/keys.h"
#include "common/wechat/wechat.h"

#define V3 "tests/fixtures/v3/"
#define V3_PUB_ID "PUB_KEY_ID_0114232134912410000000000000"
#define V3_CERT_ID "440024045C4A427599D09BB4E3DE0279F2E813FD"
#define V3_KEY "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"
#define V3_NOW 1764496800 /* of the vectors that were made here */

struct v3 {
	struct folder f;
	struct h5_config c;
	char key_file[FOLDER_PATH];
	struct h5_err e;
};

/* Git keeps no modes, and a key that others may read is refused. */
static inline const char *
v3_key_file(struct v3 *w, const char *from)
{
	char *text;
	FILE *out;
	size_t n;

	text = fixture(from, &n);
	(void)folder_name(&w->f, "apiclient_key.pem", w->key_file);
	(void)remove(w->key_file);
	(void)umask(077);
	out = fopen(w->key_file, "wb");
	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, n, out), n);
	assert_int_equal(fclose(out), 0);
	free(text);
	return w->key_file;
}

static inline void
v3_set(char **to, const char *text)
{
	free(*to);
	*to = text == NULL ? NULL : strdup(text);
}

static inline void
v3_secret(struct h5_crypto_key **to, const char *text)
{
	h5_crypto_key_free(*to);
	*to = NULL;
	if (text != NULL)
		assert_int_equal(
		    h5_crypto_key_new(text, strlen(text), to, NULL), H5_OK);
}

static inline void
v3_make(struct v3 *w)
{
	memset(w, 0, sizeof *w);
	folder_make(&w->f);
	v3_set(&w->c.path, "h5pay.conf");
	v3_set(&w->c.merchant.appid, "wxd678efh567hg6787");
	v3_set(&w->c.merchant.mch_id, "1900000109");
	v3_set(&w->c.merchant.key_file,
	    v3_key_file(w, V3 "java-sdk/merchant_private_key.pem"));
	v3_set(
	    &w->c.merchant.cert_file, V3 "java-sdk/merchant_certificate.pem");
	v3_set(&w->c.merchant.public_key_file,
	    V3 "java-sdk/wechat_pay_public_key.pem");
	v3_set(&w->c.merchant.public_key_id, V3_PUB_ID);
	v3_set(&w->c.merchant.platform_certs,
	    V3 "java-sdk/wechat_pay_certificate.pem");
	v3_secret(&w->c.merchant.apiv3_key, V3_KEY);
}

/* The keys once more, after a change. */
static inline enum h5_code
v3_ready(struct v3 *w)
{
	h5_v3_keys_free(w->c.merchant.v3);
	w->c.merchant.v3 = NULL;
	return h5_wechat_ready(&w->c, 0, NULL, &w->e);
}

static inline void
v3_must_ready(struct v3 *w)
{
	if (v3_ready(w) != H5_OK)
		fail_msg("%s", w->e.msg);
}

static inline int
v3_setup(void **state)
{
	struct v3 *w = calloc(1, sizeof *w);

	assert_non_null(w);
	v3_make(w);
	v3_must_ready(w);
	*state = w;
	return 0;
}

static inline int
v3_teardown(void **state)
{
	struct v3 *w = *state;

	h5_v3_keys_free(w->c.merchant.v3);
	v3_set(&w->c.path, NULL);
	v3_set(&w->c.merchant.appid, NULL);
	v3_set(&w->c.merchant.mch_id, NULL);
	v3_set(&w->c.merchant.key_file, NULL);
	v3_set(&w->c.merchant.cert_file, NULL);
	v3_set(&w->c.merchant.public_key_file, NULL);
	v3_set(&w->c.merchant.public_key_id, NULL);
	v3_set(&w->c.merchant.public_key_previous_file, NULL);
	v3_set(&w->c.merchant.public_key_previous_id, NULL);
	v3_set(&w->c.merchant.platform_certs, NULL);
	v3_set(&w->c.merchant.sub_mch_id, NULL);
	v3_set(&w->c.merchant.sub_appid, NULL);
	v3_secret(&w->c.merchant.apiv3_key, NULL);
	v3_secret(&w->c.merchant.apiv3_key_previous, NULL);
	folder_remove(&w->f);
	free(w);
	return 0;
}

/* --- messages --- */

/* A body and its headers; both may be changed. */
struct v3_message {
	char *head, *body;
	size_t n;
	struct h5_wechat_headers h;
};

static inline void
v3_header(struct h5_wechat_headers *h, char *line)
{
	static const char *const names[] = {"Wechatpay-Timestamp: ",
	    "Wechatpay-Nonce: ", "Wechatpay-Signature: ", "Wechatpay-Serial: ",
	    "Wechatpay-Signature-Type: "};
	size_t i;

	for (i = 0; i < COUNT(names); i++)
		if (strncmp(line, names[i], strlen(names[i])) == 0) {
			h->any = true;
			h->v[i] = line + strlen(names[i]);
		}
}

/* v3_message(m, name): the fixture of that name.  A body may be empty. */
static inline void
v3_message(struct v3_message *m, const char *name)
{
	char path[256], *line, *rest = NULL;
	FILE *file;
	size_t n;

	memset(m, 0, sizeof *m);
	(void)snprintf(path, sizeof path, V3 "%s.headers", name);
	m->head = fixture(path, &n);
	for (line = strtok_r(m->head, "\r\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\r\n", &rest))
		v3_header(&m->h, line);
	(void)snprintf(path, sizeof path, V3 "%s.body.json", name);
	file = fopen(path, "rb");
	m->body = calloc(1, 1 << 16);
	assert_non_null(m->body);
	if (file != NULL) {
		m->n = fread(m->body, 1, (1 << 16) - 1, file);
		(void)fclose(file);
	}
}

static inline void
v3_message_free(struct v3_message *m)
{
	free(m->head);
	free(m->body);
}

#endif
