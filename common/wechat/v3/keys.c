/* Reads the keys of APIv3 and keeps them, WeChat's in one table. */
#include "common/wechat/v3/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config/keys.h"
#include "common/system/crypto.h"
#include "common/system/file.h"
#include "common/wechat/wechat.h"

#define PEM_MAX 65536 /* bytes of a file with keys or certificates */

struct entry {
	char serial[H5_V3_SERIAL_MAX + 1];
	struct h5_rsa_key *key;
	bool previous; /* merchant.public_key_previous_id */
};

struct h5_v3_keys {
	const struct h5_config *c;
	struct h5_rsa_key *merchant; /* NULL: not read */
	char serial[H5_RSA_SERIAL]; /* of the merchant's certificate */
	struct entry table[H5_V3_KEYS_MAX];
	size_t n;
};

bool
h5_v3_keys_configured(const struct h5_config *c)
{
	return c->merchant.apiv3_key != NULL && c->merchant.cert_file != NULL &&
	       c->merchant.key_file != NULL &&
	       (c->merchant.public_key_file != NULL ||
		   c->merchant.platform_certs != NULL);
}

/* --- a load --------------------------------------------------------------- */

struct load {
	const struct h5_config *c;
	struct h5_v3_keys *k;
	const struct h5_v3_keys_how *how;
	struct h5_buf pem; /* of the present file */
	struct h5_err first; /* what is told if there is one alone */
	unsigned n; /* faults */
};

/* Notes what is wrong; only a lack of memory ends the load. */
static enum h5_code
note(struct load *l, const char *key, const struct h5_err *why)
{
	size_t i = h5_keys_find("merchant", key);

	if (why->code == H5_E_NOMEM || why->code == H5_E_BUG)
		return h5_err_pass(&l->first, why);
	if (l->n++ == 0)
		(void)h5_err_set(&l->first, H5_E_CONFIG, "%s", why->msg);
	if (l->how->faults != NULL)
		h5_buf_printf(l->how->faults, "%s:%u: %s\n", l->c->path,
		    i < h5_keys_n ? l->c->key_line[i] : 0, why->msg);
	return H5_OK;
}

/* The same about a file, in words that do not name its key. */
static enum h5_code
fault(struct load *l, const char *key, const struct h5_err *why)
{
	struct h5_err what;

	(void)h5_err_set(&what, why->code, "merchant.%s: %s", key, why->msg);
	return note(l, key, &what);
}

/* A file layer that follows no link reads what an operator's link leads to. */
static enum h5_code
read_pem(struct load *l, const char *path, bool secret, struct h5_err *e)
{
	char *real = realpath(path, NULL);
	enum h5_code rc;

	h5_buf_wipe(&l->pem);
	/* All at once, so that growing leaves no copy of a secret behind. */
	if (h5_buf_room(&l->pem, l->pem.max) == NULL)
		rc = h5_buf_finish(&l->pem, e);
	else if (real == NULL)
		rc = h5_err_sys(e, errno == ENOENT ? H5_E_NOTFOUND : H5_E_IO,
		    errno, "%s", path);
	else if (secret)
		rc = h5_file_read_secret(real, &l->pem, e);
	else
		rc = h5_file_read(AT_FDCWD, real, &l->pem, e);
	free(real);
	return rc;
}

/* --- the merchant's own --------------------------------------------------- */

static enum h5_code
load_certificate(struct load *l, struct h5_err *e)
{
	struct h5_rsa_key *owner = NULL;
	size_t at = 0;
	enum h5_code rc;

	rc = read_pem(l, l->c->merchant.cert_file, false, e);
	if (rc != H5_OK)
		return rc;
	rc = h5_rsa_read_certificate(&l->pem, &at, &owner, l->k->serial, e);
	if (rc == H5_E_NOTFOUND)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "does not contain a certificate in PEM form: use "
		    "apiclient_cert.pem from the merchant platform");
	/* The serial goes with the key, or WeChat takes neither. */
	if (rc == H5_OK && l->k->merchant != NULL &&
	    !h5_rsa_same(owner, l->k->merchant))
		rc = h5_err_set(e, H5_E_CONFIG,
		    "does not belong to merchant.key_file: take both from one "
		    "download");
	h5_rsa_free(owner);
	return rc;
}

static enum h5_code
load_merchant(struct load *l)
{
	unsigned before = l->n;
	struct h5_err why;
	enum h5_code rc;

	rc = read_pem(l, l->c->merchant.key_file, true, &why);
	if (rc == H5_OK)
		rc = h5_rsa_read_private(&l->pem, &l->k->merchant, &why);
	if (rc != H5_OK)
		rc = fault(l, "key_file", &why);
	if (rc == H5_OK && load_certificate(l, &why) != H5_OK)
		rc = fault(l, "cert_file", &why);
	if (rc == H5_OK && l->n == before && l->how->now != 0 &&
	    h5_wechat_certificate(l->c, l->how->now, &why) != H5_OK)
		rc = note(l, "cert_file", &why);
	return rc;
}

/* --- WeChat's ------------------------------------------------------------- */

/* The most usual mistake is to take the merchant's own for WeChat's. */
static enum h5_code
not_own(
    const struct h5_v3_keys *k, const struct h5_rsa_key *key, struct h5_err *e)
{
	if (k->merchant == NULL || !h5_rsa_same(k->merchant, key))
		return H5_OK;
	return h5_err_set(e, H5_E_CONFIG,
	    "contains the merchant's own key: use WeChat Pay's (pub_key.pem), "
	    "from the merchant platform, API security");
}

/* Takes the key over, whatever comes of it. */
static enum h5_code
add(struct h5_v3_keys *k, const char *serial, struct h5_rsa_key *key,
    bool previous, struct h5_err *e)
{
	struct entry *to = &k->table[k->n];
	enum h5_code rc = not_own(k, key, e);
	bool older;

	if (rc == H5_OK && h5_v3_keys_find(k, serial, &older) != NULL) {
		/* Two keys of one name: the one that is there stays. */
		h5_rsa_free(key);
		return H5_OK;
	}
	if (rc == H5_OK && k->n == H5_V3_KEYS_MAX)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "contains more than %d certificates", H5_V3_KEYS_MAX);
	if (rc != H5_OK) {
		h5_rsa_free(key);
		return rc;
	}
	(void)snprintf(to->serial, sizeof to->serial, "%s", serial);
	to->key = key;
	to->previous = previous;
	k->n++;
	return H5_OK;
}

static enum h5_code
load_public(struct load *l, const char *file_key, const char *path,
    const char *id, bool previous)
{
	struct h5_rsa_key *key;
	struct h5_err why;
	enum h5_code rc;

	if (path == NULL || id == NULL)
		return H5_OK;
	rc = read_pem(l, path, false, &why);
	if (rc == H5_OK)
		rc = h5_rsa_read_public(&l->pem, &key, &why);
	if (rc == H5_OK)
		rc = add(l->k, id, key, previous, &why);
	return rc == H5_OK ? H5_OK : fault(l, file_key, &why);
}

enum h5_code
h5_v3_keys_add(struct h5_v3_keys *k, const struct h5_buf *pem, struct h5_err *e)
{
	char serial[H5_RSA_SERIAL];
	struct h5_rsa_key *key;
	size_t at = 0, found;
	enum h5_code rc = H5_OK;

	for (found = 0; rc == H5_OK; found++) {
		rc = h5_rsa_read_certificate(pem, &at, &key, serial, e);
		if (rc == H5_E_NOTFOUND)
			break;
		if (rc == H5_OK)
			rc = add(k, serial, key, false, e);
	}
	if (rc == H5_E_NOTFOUND)
		rc = found > 0 ? H5_OK
			       : h5_err_set(e, H5_E_CONFIG,
				     "contains no certificate in PEM form: "
				     "h5pay certs fetches them");
	return rc;
}

static enum h5_code
load_certificates(struct load *l)
{
	const char *path = l->c->merchant.platform_certs;
	struct h5_err why;
	enum h5_code rc;

	if (path == NULL)
		return H5_OK;
	rc = read_pem(l, path, false, &why);
	if (rc == H5_E_NOTFOUND)
		return H5_OK;
	if (rc == H5_OK)
		rc = h5_v3_keys_add(l->k, &l->pem, &why);
	return rc == H5_OK ? H5_OK : fault(l, "platform_certs", &why);
}

/* --- all of it ------------------------------------------------------------ */

enum h5_code
h5_v3_keys_load(const struct h5_config *c, const struct h5_v3_keys_how *how,
    struct h5_v3_keys **out, struct h5_err *e)
{
	struct load l = {.c = c, .how = how};
	enum h5_code rc;

	*out = NULL;
	h5_buf_init(&l.pem, PEM_MAX);
	l.k = calloc(1, sizeof *l.k);
	if (l.k == NULL)
		return h5_err_nomem(e);
	l.k->c = c;
	/* The merchant's own key first: no key of WeChat's may be the same. */
	rc = how->calls ? load_merchant(&l) : H5_OK;
	if (rc == H5_OK)
		rc = load_public(&l, "public_key_file",
		    c->merchant.public_key_file, c->merchant.public_key_id,
		    false);
	if (rc == H5_OK)
		rc = load_public(&l, "public_key_previous_file",
		    c->merchant.public_key_previous_file,
		    c->merchant.public_key_previous_id, true);
	if (rc == H5_OK)
		rc = load_certificates(&l);
	if (rc != H5_OK || l.n > 0) {
		rc = h5_err_pass(e, &l.first);
		h5_v3_keys_free(l.k);
	} else {
		*out = l.k;
	}
	h5_buf_wipe(&l.pem);
	return rc;
}

void
h5_v3_keys_free(struct h5_v3_keys *k)
{
	if (k == NULL)
		return;
	while (k->n > 0)
		h5_rsa_free(k->table[--k->n].key);
	h5_rsa_free(k->merchant);
	free(k);
}

/* --- looking things up ---------------------------------------------------- */

size_t
h5_v3_keys_count(const struct h5_v3_keys *k)
{
	return k->n;
}

const char *
h5_v3_keys_asked(const struct h5_v3_keys *k)
{
	return k->c->merchant.public_key_file != NULL
		   ? k->c->merchant.public_key_id
		   : NULL;
}

const struct h5_rsa_key *
h5_v3_keys_merchant(
    const struct h5_v3_keys *k, const char **mch_id, const char **serial)
{
	*mch_id = k->c->merchant.mch_id;
	*serial = k->serial;
	return k->merchant;
}

const struct h5_rsa_key *
h5_v3_keys_find(const struct h5_v3_keys *k, const char *serial, bool *previous)
{
	size_t i;

	*previous = false;
	for (i = 0; i < k->n; i++)
		/* The whole text, its prefix and all, and never as a number. */
		if (strcmp(k->table[i].serial, serial) == 0) {
			*previous = k->table[i].previous;
			return k->table[i].key;
		}
	return NULL;
}

const struct h5_crypto_key *
h5_v3_keys_secret(const struct h5_v3_keys *k, bool previous)
{
	return previous ? k->c->merchant.apiv3_key_previous
			: k->c->merchant.apiv3_key;
}
