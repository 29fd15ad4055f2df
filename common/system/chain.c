/* Judges the certificates of a TLS server the way a stranger does: by the
 * system's authorities and by what the server showed, nothing else. */
#include "common/system/chain.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "common/base/length.h"

#define DAY_S 86400

static const char *const faults[] = {[H5_CHAIN_GOOD] = "good",
    [H5_CHAIN_NAME] = "name",
    [H5_CHAIN_SHORT] = "short",
    [H5_CHAIN_UNTRUSTED] = "untrusted",
    [H5_CHAIN_ENDED] = "ended",
    [H5_CHAIN_EARLY] = "early",
    [H5_CHAIN_OTHER] = "other"};

const char *
h5_chain_fault_name(enum h5_chain_fault f)
{
	return faults[f];
}

enum h5_code
h5_chain_fault_read(const char *s, enum h5_chain_fault *out, struct h5_err *e)
{
	size_t i;

	for (i = 0; i < H5_LENGTH(faults); i++)
		if (strcmp(s, faults[i]) == 0) {
			*out = (enum h5_chain_fault)i;
			return H5_OK;
		}
	return h5_err_set(e, H5_E_INPUT, "no verdict on a certificate");
}

int64_t
h5_chain_days(int64_t end, int64_t now)
{
	return end >= now ? (end - now) / DAY_S : -1 - (now - end) / DAY_S;
}

/* --- what stands in a certificate --- */

/* Appends n bytes that a stranger chose, as far as there is room. */
static void
add_text(char out[H5_CHAIN_TEXT], const char *p, size_t n)
{
	size_t at = strlen(out);

	for (; n > 0 && at + 1 < H5_CHAIN_TEXT; n--, p++)
		out[at++] = *p >= ' ' && *p <= '~' ? *p : '?';
	out[at] = '\0';
}

/* What people call the issuer: its common name, else all of its name. */
static void
add_issuer(const X509 *x, char out[H5_CHAIN_TEXT])
{
	X509_NAME *name = X509_get_issuer_name(x);
	char text[H5_CHAIN_TEXT] = "";

	if (X509_NAME_get_text_by_NID(name, NID_commonName, text, sizeof text) <
	    1)
		(void)X509_NAME_oneline(name, text, sizeof text);
	add_text(out, text, strlen(text));
}

/* The names that a certificate is for, as many as there is room for. */
static void
add_names(const X509 *x, char out[H5_CHAIN_TEXT])
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	const ASN1_STRING *s;
	const GENERAL_NAME *g;
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		g = sk_GENERAL_NAME_value(names, i);
		if (g->type != GEN_DNS)
			continue;
		s = g->d.dNSName;
		if (out[0] != '\0')
			add_text(out, ", ", 2);
		add_text(out, (const char *)ASN1_STRING_get0_data(s),
		    (size_t)ASN1_STRING_length(s));
	}
	GENERAL_NAMES_free(names);
	if (out[0] == '\0')
		add_text(out, "no name", strlen("no name"));
}

static bool
read_time(const ASN1_TIME *at, int64_t *out)
{
	struct tm tm = {0};

	if (ASN1_TIME_to_tm(at, &tm) != 1)
		return false;
	*out = (int64_t)timegm(&tm);
	return true;
}

static bool
is_for(X509 *x, const char *host)
{
	size_t n = strlen(host);
	char bare[H5_CHAIN_TEXT];

	/* An IPv6 address stands in brackets in a URL. */
	if (host[0] == '[' && n - 2 < sizeof bare) {
		(void)snprintf(
		    bare, sizeof bare, "%.*s", (int)(n - 2), host + 1);
		return X509_check_ip_asc(x, bare, 0) == 1;
	}
	return X509_check_host(x, host, n, 0, NULL) == 1 ||
	       X509_check_ip_asc(x, host, 0) == 1;
}

/* --- the judgement --- */

static enum h5_code
read_shown(const struct h5_buf *shown, STACK_OF(X509) * all, struct h5_err *e)
{
	BIO *bio = BIO_new_mem_buf(shown->data, (int)shown->len);
	enum h5_code rc = bio == NULL ? h5_err_nomem(e) : H5_OK;
	X509 *x;

	while (rc == H5_OK &&
	       (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		if (sk_X509_push(all, x) < 1) {
			X509_free(x);
			rc = h5_err_nomem(e);
		}
	if (rc == H5_OK && sk_X509_num(all) == 0)
		rc = h5_err_set(
		    e, H5_E_REMOTE, "no certificate came that can be read");
	BIO_free(bio);
	return rc;
}

/* The end of a good chain is that of the first which ends.  The authority at
 * its end is not the server's to renew. */
static enum h5_code
first_end(STACK_OF(X509) * chain, int n, int64_t *end, struct h5_err *e)
{
	int64_t at;
	int i;

	for (i = 0; i < n; i++) {
		if (!read_time(
			X509_get0_notAfter(sk_X509_value(chain, i)), &at))
			return h5_err_set(e, H5_E_REMOTE,
			    "a certificate's date cannot be read");
		if (i == 0 || at < *end)
			*end = at;
	}
	return H5_OK;
}

static void
say_refused(X509_STORE_CTX *ctx, struct h5_chain *out)
{
	int code = X509_STORE_CTX_get_error(ctx);
	X509 *at = X509_STORE_CTX_get_current_cert(ctx);
	const char *words;

	switch (code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		out->fault = H5_CHAIN_ENDED;
		(void)read_time(X509_get0_notAfter(at), &out->end);
		return;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		out->fault = H5_CHAIN_EARLY;
		return;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		out->fault = H5_CHAIN_SHORT;
		add_issuer(at, out->text);
		return;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		out->fault = H5_CHAIN_UNTRUSTED;
		add_issuer(at, out->text);
		return;
	default:
		out->fault = H5_CHAIN_OTHER;
		words = X509_verify_cert_error_string(code);
		add_text(out->text, words, strlen(words));
		return;
	}
}

static enum h5_code
verify(STACK_OF(X509) * all, X509_STORE *store, int64_t now,
    struct h5_chain *out, struct h5_err *e)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) * chain;
	enum h5_code rc = H5_OK;

	if (ctx == NULL ||
	    X509_STORE_CTX_init(ctx, store, sk_X509_value(all, 0), all) != 1 ||
	    X509_STORE_CTX_set_default(ctx, "ssl_server") != 1) {
		rc = h5_err_nomem(e);
		goto out;
	}
	X509_STORE_CTX_set_time(ctx, 0, (time_t)now);
	if (X509_verify_cert(ctx) != 1) {
		say_refused(ctx, out);
		goto out;
	}
	chain = X509_STORE_CTX_get0_chain(ctx);
	/* A server's own certificate may itself be trusted. */
	if (sk_X509_num(chain) > 1)
		rc = first_end(chain, sk_X509_num(chain) - 1, &out->end, e);
out:
	X509_STORE_CTX_free(ctx);
	return rc;
}

enum h5_code
h5_chain_judge(const struct h5_buf *shown, const char *host, const char *bundle,
    int64_t now, struct h5_chain *out, struct h5_err *e)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	enum h5_code rc;

	memset(out, 0, sizeof *out);
	if (all == NULL || store == NULL) {
		rc = h5_err_nomem(e);
		goto out;
	}
	rc = read_shown(shown, all, e);
	if (rc == H5_OK)
		rc = first_end(all, 1, &out->end, e);
	if (rc != H5_OK)
		goto out;
	if (X509_STORE_load_locations(store, bundle, NULL) != 1)
		rc = h5_err_set(
		    e, H5_E_CONFIG, "%s holds no certificate", bundle);
	/* A server that shows another site's certificate has nothing to renew,
	 * but a name to set. */
	else if (!is_for(sk_X509_value(all, 0), host)) {
		out->fault = H5_CHAIN_NAME;
		add_names(sk_X509_value(all, 0), out->text);
	} else
		rc = verify(all, store, now, out, e);
out:
	X509_STORE_free(store);
	sk_X509_pop_free(all, X509_free);
	ERR_clear_error();
	return rc;
}
