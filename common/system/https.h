/* https.h - one request over TLS, believed only when whole.
 * The only user of curl.  TLS 1.2 or newer, verification always on, redirects
 * off, proxies of the environment ignored, own size cap, HTTP/1.1; the
 * connection is kept alive in the handle.  One handle belongs to one thread.
 * Traps and what each must become: docs/PROTOCOL.md 10, tests/wechat. */
#ifndef H5_SYSTEM_HTTPS_H
#define H5_SYSTEM_HTTPS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"

struct h5_https;

struct h5_https_options {
	const char *ca_file; /* NULL: the system's bundle, wherever it is */
	const char *cert_file, *key_file; /* NULL: no client certificate */
	int connect_timeout_ms, timeout_ms; /* of one attempt */
};

/* h5_https_start(e): once per process, before threads.  SIGPIPE is ignored
 * from here on: a peer that goes away is an error, not the end.  A process of
 * one thread that ignores SIGPIPE may leave it out: curl then starts with the
 * first request, if there is one. */
H5_MUST_CHECK enum h5_code h5_https_start(struct h5_err *e);
/* h5_https_new(o, out, e): o is copied.  H5_E_CONFIG: a file of o cannot be
 * read.  H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_https_new(
    const struct h5_https_options *o, struct h5_https **out, struct h5_err *e);
void h5_https_free(struct h5_https *h);

struct h5_https_answer {
	long status;
	bool sent; /* the request may have reached the other side */
	bool distrusted; /* H5_E_NET because of a certificate: theirs or ours */
	char date[64]; /* Date header, "" when absent */
	long new_connections; /* opened for this call */
};

/* h5_https_post(h, url, headers, n_headers, body, timeout_ms, out, a, e): out
 * is cleared and filled with the answer's body (its ceiling is the limit).
 * timeout_ms: at most this and at most options' timeout.  url: https, or
 * http to a loopback host.  H5_OK: a whole HTTP answer with any status.
 * Whole is as far as HTTP tells: a body without length that ends early is
 * found by who reads it.  H5_E_NET: not reached, cut, timed out, TLS refused,
 * headers without end (a->sent tells whether the outcome is unknown);
 * H5_E_REMOTE: body too large; H5_E_CONFIG: such a url is not allowed, or no
 * CA bundle was found; H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_https_post(struct h5_https *h, const char *url,
    const char *const *headers, size_t n_headers, const char *body,
    size_t body_len, int timeout_ms, struct h5_buf *out,
    struct h5_https_answer *a, struct h5_err *e);

#define H5_HTTPS_HEAD 65536 /* most bytes of an answer's headers */

/* h5_https_get(h, url, timeout_ms, head, out, a, e): the same without a body,
 * for looking at an address as a browser would.  head (may be NULL; its
 * ceiling H5_HTTPS_HEAD) is cleared and filled with the headers' lines as they
 * came, each ended by LF.  Errors as h5_https_post. */
H5_MUST_CHECK enum h5_code h5_https_get(struct h5_https *h, const char *url,
    int timeout_ms, struct h5_buf *head, struct h5_buf *out,
    struct h5_https_answer *a, struct h5_err *e);

#endif
