/* chain.h - the certificates that a TLS server shows: would a stranger trust
 * them, and until when. */
#ifndef H5_SYSTEM_CHAIN_H
#define H5_SYSTEM_CHAIN_H

#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* Whoever renews a certificate is told this many days before it ends. */
#define H5_CHAIN_DAYS 30
#define H5_CHAIN_TEXT 160

enum h5_chain_fault {
	H5_CHAIN_GOOD,
	H5_CHAIN_NAME, /* it is for other names: text has them */
	H5_CHAIN_SHORT, /* an issuer's certificate is missing: text names it */
	H5_CHAIN_UNTRUSTED, /* the last issuer, in text, is nobody's authority
			     */
	H5_CHAIN_ENDED,
	H5_CHAIN_EARLY, /* not valid yet */
	H5_CHAIN_OTHER, /* text has OpenSSL's words */
};

struct h5_chain {
	enum h5_chain_fault fault; /* the first that a browser would meet */
	int64_t end; /* Unix seconds: the last at which all are valid */
	char text[H5_CHAIN_TEXT]; /* printable ASCII, see fault */
};

/* h5_chain_judge(shown, host, bundle, now, out, e): judge what a server of the
 * name or address host showed: certificates in PEM, its own first.  bundle is a
 * file of trusted authorities.  Nothing is fetched that was not shown, unlike
 * in some browsers: WeChat's servers do not do so either.
 * H5_E_REMOTE: there is no certificate in shown, or its date cannot be read.
 * H5_E_CONFIG: bundle holds no certificate.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_chain_judge(const struct h5_buf *shown,
    const char *host, const char *bundle, int64_t now, struct h5_chain *out,
    struct h5_err *e);

/* h5_chain_fault_name(f), h5_chain_fault_read(s, out): "good", "name", "short",
 * "untrusted", "ended", "early", "other" and back.  H5_E_INPUT: none of them.
 */
const char *h5_chain_fault_name(enum h5_chain_fault f);
H5_MUST_CHECK enum h5_code h5_chain_fault_read(
    const char *s, enum h5_chain_fault *out, struct h5_err *e);

/* h5_chain_days(end, now): whole days from now to end; -1 from the second on
 * after end. */
int64_t h5_chain_days(int64_t end, int64_t now);

#endif
