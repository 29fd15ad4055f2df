/* https.h - one request over TLS, believed only when whole.
 * https.c is the only file that uses curl.  TLS 1.2 or newer, verification
 * always on, redirects off, proxies of the environment ignored, HTTP/1.1; the
 * connection is kept alive in the handle.  One handle belongs to one thread.
 * Traps and what each must become: docs/PROTOCOL.md 10, tests/wechat. */
#ifndef H5_SYSTEM_HTTPS_H
#define H5_SYSTEM_HTTPS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/system/chain.h"

struct h5_https;

struct h5_https_options {
	const char *ca_file; /* NULL: the system's bundle, wherever it is */
	int connect_timeout_ms, timeout_ms; /* of one request */
};

/* h5_https_start(e): call once per process, before threads.  SIGPIPE is ignored
 * from here on, so that a peer that goes away is an error and not the end.  A
 * process of one thread that ignores SIGPIPE may leave the call out; curl then
 * starts with the first request, if there is one. */
H5_MUST_CHECK enum h5_code h5_https_start(struct h5_err *e);

/* h5_https_new(o, out, e): make a handle; o is copied.  Nothing is connected
 * yet.
 * H5_E_CONFIG: o's ca_file cannot be read.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_https_new(
    const struct h5_https_options *o, struct h5_https **out, struct h5_err *e);
void h5_https_free(struct h5_https *h);

enum h5_https_method { H5_HTTPS_GET, H5_HTTPS_POST };

#define H5_HTTPS_HEAD 65536 /* most bytes of an answer's headers */

struct h5_https_request {
	enum h5_https_method method;
	const char *url; /* https, or http to a loopback host */
	const char *const *headers; /* "Name: value" */
	size_t n_headers;
	const char *body; /* of a POST; body_len bytes */
	size_t body_len;
	const char *cert_file, *key_file; /* NULL: no client certificate */
	int timeout_ms; /* at most this, and at most the handle's */
	struct h5_buf *head; /* cleared and filled with the answer's header
	    lines as they came, each ended by LF; its ceiling is
	    H5_HTTPS_HEAD.  NULL: not wanted */
};

struct h5_https_answer {
	long status;
	bool sent; /* the request may have reached the other side */
	bool distrusted; /* H5_E_NET because of a certificate: theirs or ours */
	char date[64]; /* Date header, "" when absent */
	long new_connections; /* opened for this call */
};

/* h5_https_call(h, q, out, a, e): send q; out is cleared and filled with the
 * answer's body, whose limit is out's ceiling.  Blocks for q->timeout_ms at
 * most.
 * H5_OK: a whole HTTP answer, with any status.  It is whole as far as HTTP can
 * tell: the reader of a body without a length has to notice an early end.
 * H5_E_NET: not reached, cut, timed out, TLS refused, or headers without end;
 * a->sent tells whether the outcome is unknown.
 * H5_E_REMOTE: the body is longer than out may be; a->status has arrived.
 * H5_E_CONFIG: such a url is not allowed, no CA bundle was found, or the client
 * certificate cannot be read.
 * H5_E_BUG: libcurl does not take an option.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_https_call(struct h5_https *h,
    const struct h5_https_request *q, struct h5_buf *out,
    struct h5_https_answer *a, struct h5_err *e);

/* h5_https_chain(h, url, timeout_ms, now, out, e): what would a stranger think
 * of the certificates that url's host shows?  now: Unix seconds.  The handshake
 * is made and nothing is sent in it.  Blocks for timeout_ms at most.
 * H5_OK: it was judged, which may have found a fault.
 * H5_E_NET: not reached, timed out, or not TLS 1.2 or newer.
 * H5_E_REMOTE: what it showed is no chain of certificates, or too long.
 * H5_E_CONFIG: this machine has no bundle of authorities.
 * H5_E_BUG: url is not https. */
H5_MUST_CHECK enum h5_code h5_https_chain(const struct h5_https *h,
    const char *url, int timeout_ms, int64_t now, struct h5_chain *out,
    struct h5_err *e);

#endif
