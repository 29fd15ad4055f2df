/* config.h - the configuration, read strictly.
 * INTERFACE 2 and docs/CONFIG.md name every key.
 *
 * h5_config_find, h5_config_load, h5_config_free.  A loaded configuration is
 * read-only and shared by all threads. */
#ifndef H5_CONFIG_CONFIG_H
#define H5_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/format/netaddr.h"
#include "common/order/order.h"
#include "common/store/store.h"
#include "common/system/crypto.h"

#define H5_CONFIG_KEYS 128 /* room for this many keys (keys.h) */

struct h5_v3_keys;

struct h5_config_list {
	char **v;
	size_t n;
};

/* Strings are NUL-terminated, owned by the configuration; NULL where a key
 * without default is not set. */
struct h5_config {
	char *path; /* the file it came from, absolute */
	char **files; /* further files that were read: *_file keys */
	size_t n_files;
	/* The line of each key of h5_keys; 0: not there, so its default. */
	unsigned key_line[H5_CONFIG_KEYS];
	unsigned open_line; /* its last line, if that has no line feed; 0: it
			       has */
	struct {
		char *appid, *mch_id, *cert_file, *key_file;
		struct h5_crypto_key *api_key; /* NULL: of v3 alone */
		/* The key before; NULL: none.  What is signed with it alone is
		 * a reason to ask, and nothing of it is believed. */
		struct h5_crypto_key *api_key_previous;
		int64_t api_key_previous_at; /* Unix seconds: when the file that
						holds it was written */
		enum h5_sign_type sign_type; /* of new attempts */
		enum h5_sign_type sign_type_previous; /* of those of 0.1.0 */
		unsigned products; /* bit 1 << enum h5_product each */
		struct h5_crypto_key *app_secret; /* for JSAPI; or NULL */
		enum h5_api api; /* of new attempts */
		/* For v3; NULL where not set.  The private key and its
		 * certificate are those above. */
		struct h5_crypto_key *apiv3_key; /* 32 bytes */
		struct h5_crypto_key *apiv3_key_previous; /* as above */
		int64_t apiv3_key_previous_at;
		char *public_key_file, *public_key_id;
		char *public_key_previous_file, *public_key_previous_id;
		int64_t public_key_previous_at;
		char *platform_certs; /* PEM, of certificate mode */
		/* What common/wechat made of these (h5_wechat_ready), and how
		 * it is freed: a program without APIv3 links nothing of it.
		 * NULL: not set up, or not needed by this program. */
		struct h5_v3_keys *v3;
		void (*v3_free)(struct h5_v3_keys *v3);
		/* A provider's sub-merchant; NULL: an ordinary merchant. */
		char *sub_mch_id, *sub_appid;
	} merchant;
	struct {
		char *base_url; /* no slash at its end */
		char *origin; /* scheme://host[:port] of base_url */
		char *host; /* host[:port] of base_url */
		char *program_suffix; /* "" by default */
		char *name, *shop_url, *lang, *contact, *contact_wechat;
		struct h5_crypto_key *secret; /* order and form tokens */
		struct h5_crypto_key *link_key; /* NULL: signed links are off */
		/* The keys before these; NULL: none.  What was made with them
		 * goes on, and nothing new is. */
		struct h5_crypto_key *secret_previous, *link_key_previous;
		struct h5_netrange *trusted_proxies;
		size_t n_trusted_proxies;
		struct h5_config_list allowed_origins, return_origins;
		struct h5_config_list aliases; /* hosts, lower-case */
		bool handoff_page; /* site.handoff = page */
	} site;
	struct {
		char *url,
		    *backup_url; /* backup_url is "" if url was set and it was
	     not, so that orders of a test gateway never reach the real one */
		char *cashier, *cashier_origin, *ca_file;
		char *oauth_url, *oauth_origin; /* where a buyer says who he
						   is */
		char *sns_url; /* where we are told */
		int connect_timeout_ms, timeout_ms, deadline_ms;
		bool loopback; /* url is a loopback host: addresses unchecked */
	} gateway;
	struct h5_store_where store;
	struct {
		int expire_minutes, query_interval_s;
	} orders;
	struct {
		int starts_per_minute, starts_total_per_minute; /* 0: any */
	} limits;
	struct {
		char *file;
	} catalogue;
	struct {
		char *exec, *webhook_url;
		struct h5_crypto_key *webhook_secret; /* the decoded bytes */
		struct h5_crypto_key *webhook_secret_previous; /* or NULL */
		unsigned mask; /* bits of enum h5_hook */
	} hooks;
	struct {
		char *templates;
	} pages;
	struct {
		char *file; /* NULL: stderr; or H5_LOG_SYSLOG */
	} log;
	struct {
		char *command;
		int threads; /* 0: the program's own number */
		int processes;
	} server;
};

/* h5_config_load(path, faults, out, e): read the file, check everything, and
 * append each fault to faults as a line "file:line: what is wrong".  Relative
 * paths in values are taken from the folder of the file.
 * H5_E_CONFIG: faults is not empty.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_config_load(const char *path,
    struct h5_buf *faults, struct h5_config **out, struct h5_err *e);
void h5_config_free(struct h5_config *c);

/* h5_config_left(c, i): a key that still has the value of the example, the i-th
 * of them from 0 on.  False: there is none more. */
struct h5_config_left {
	const char *name; /* "merchant.appid" */
	unsigned line; /* in the file; 0: not in one of its own */
	bool must; /* nothing can be sold until it is changed */
};
bool h5_config_left(
    const struct h5_config *c, size_t i, struct h5_config_left *out);

/* h5_config_same_key(a, b): are the two secrets the same?  NULL is like none.
 */
bool h5_config_same_key(
    const struct h5_crypto_key *a, const struct h5_crypto_key *b);

/* h5_config_try(section, key, value, e): may that key have this value?
 * H5_E_CONFIG: no; e says why, without a secret.
 * H5_E_NOTFOUND: there is no such key. */
H5_MUST_CHECK enum h5_code h5_config_try(
    const char *section, const char *key, const char *value, struct h5_err *e);

/* h5_config_state_dir(c): the folder for what h5pay keeps beside its orders
 * (common/system/state.h).  It is store.dir today. */
const char *h5_config_state_dir(const struct h5_config *c);

/* h5_config_log_path(c): the file that is logged to; NULL: there is none. */
const char *h5_config_log_path(const struct h5_config *c);

/* h5_config_state(path, out, e): that folder alone, from a file that may be
 * full of faults.
 * H5_E_CONFIG: the file does not say. */
H5_MUST_CHECK enum h5_code h5_config_state(
    const char *path, struct h5_buf *out, struct h5_err *e);

/* h5_config_find(option, request_param, out, e): the path of the file to use.
 * The order is that of INTERFACE 1: option (-c; may be NULL), H5PAY_CONF in the
 * environment, request_param (may be NULL), h5pay.path beside the program, the
 * account's home, /etc.
 * H5_E_CONFIG: there is none; e->msg says where it was looked for. */
H5_MUST_CHECK enum h5_code h5_config_find(const char *option,
    const char *request_param, struct h5_buf *out, struct h5_err *e);

/* h5_config_outside(c, document_root, e): does everything that must not be
 * handed out lie outside of document_root?  NULL and "" lie nowhere.
 * H5_E_CONFIG: the configuration, a secret, a certificate, the store or the log
 * lies below it. */
H5_MUST_CHECK enum h5_code h5_config_outside(
    const struct h5_config *c, const char *document_root, struct h5_err *e);

#define H5_CONFIG_URL 512 /* bytes: longer than any program's address */
/* h5_config_payer_appid(c): the appid of the account that asks a buyer inside
 * WeChat who he is: the sub-merchant's own, else merchant.appid.  His openid
 * is worth something under that appid alone (PROTOCOL-V3 14, 17.3). */
const char *h5_config_payer_appid(const struct h5_config *c);

/* h5_config_url(c, program, out): append the address of a web program,
 * "<base_url>/<program><suffix>". */
void h5_config_url(
    const struct h5_config *c, const char *program, struct h5_buf *out);

#endif
