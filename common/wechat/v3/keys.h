/* keys.h - the keys of APIv3: with which one we sign, and by which ones WeChat
 * is believed (PROTOCOL-V3 2, 5).
 *
 * They are read once for a configuration, by h5_wechat_ready, which leaves them
 * in c->v3; nothing is read or parsed where no APIv3 is configured.  Threads
 * share them, for they are only read after that.
 *
 * WeChat's keys stand in one table, public key and platform certificates side
 * by side, each under the exact text that Wechatpay-Serial has: while a
 * merchant moves from one to the other, both sign, in any order. */
#ifndef H5_WECHAT_V3_KEYS_H
#define H5_WECHAT_V3_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/config/config.h"
#include "common/system/rsa.h"

#define H5_V3_SERIAL_MAX 64 /* bytes of a serial or a PUB_KEY_ID_... */
#define H5_V3_KEYS_MAX 16 /* keys of WeChat's in the table */

struct h5_v3_keys;

/* h5_v3_keys_configured(c): does c say all that APIv3 needs? */
bool h5_v3_keys_configured(const struct h5_config *c);

/* What there is to know of a load beside the configuration. */
struct h5_v3_keys_how {
	bool calls; /* read the merchant's own key and certificate, too;
		       without them nothing can be signed, but everything
		       checked */
	int64_t now; /* Unix seconds: may the certificate be shown to WeChat
			then?  0: that is left to WeChat, for a notice has to
			be taken whatever became of it */
	struct h5_buf *faults; /* gets each fault as a line "file:line: what is
				  wrong"; or NULL */
};

/* h5_v3_keys_load(c, how, out, e): read what c, which says all that APIv3
 * needs, names.  c outlives *out. A file of platform certificates that is not
 * there yet is none: its table stays empty, so that h5pay certs can fill it.
 * H5_E_CONFIG: a file cannot be read or does not hold what it must, key and
 *   certificate do not belong together, or WeChat's key is the merchant's own.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_v3_keys_load(const struct h5_config *c,
    const struct h5_v3_keys_how *how, struct h5_v3_keys **out,
    struct h5_err *e);
void h5_v3_keys_free(struct h5_v3_keys *k);

/* h5_v3_keys_add(k, pem, e): put the certificates in pem into the table of k,
 * which no other thread has yet.  A serial that is there already stays as it
 * is.
 * H5_E_CONFIG: there is none, one is broken, there is no room, or one is the
 *   merchant's own; e->msg goes on a sentence about the file.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_v3_keys_add(
    struct h5_v3_keys *k, const struct h5_buf *pem, struct h5_err *e);

/* h5_v3_keys_count(k): how many keys of WeChat's there are. */
size_t h5_v3_keys_count(const struct h5_v3_keys *k);

/* h5_v3_keys_asked(k): what to send as Wechatpay-Serial with every request, so
 * that the answer is signed with the public key; NULL: nothing, for there is no
 * public key. */
const char *h5_v3_keys_asked(const struct h5_v3_keys *k);

/* --- for sign.c and check.c --- */

/* h5_v3_keys_merchant(k, mch_id, serial): the merchant's private key, number
 * and certificate's serial; NULL: read without calls. */
const struct h5_rsa_key *h5_v3_keys_merchant(
    const struct h5_v3_keys *k, const char **mch_id, const char **serial);

/* h5_v3_keys_find(k, serial, previous): WeChat's key with exactly that serial;
 * NULL: there is none.  previous: it is the one before. */
const struct h5_rsa_key *h5_v3_keys_find(
    const struct h5_v3_keys *k, const char *serial, bool *previous);

/* h5_v3_keys_secret(k, previous): the APIv3 key, or the one before, borrowed
 * from the configuration; NULL: none. */
const struct h5_crypto_key *h5_v3_keys_secret(
    const struct h5_v3_keys *k, bool previous);

#endif
