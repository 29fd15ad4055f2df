/* url.h - takes an http or https URL apart.
 * For URLs that an operator wrote or that a browser's Origin names: it is
 * strict and never repairs one. */
#ifndef H5_FORMAT_URL_H
#define H5_FORMAT_URL_H

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/err.h"

#define H5_URL_MAX 1024 /* longest URL, bytes */
#define H5_URL_HOST 256

struct h5_url {
	bool https;
	char host[H5_URL_HOST]; /* lower-case; an IPv6 address in brackets */
	unsigned port; /* 0: the scheme's own */
	const char *path; /* borrowed from the text; "" or begins with / */
	bool query; /* does the path hold a query string? */
};

/* h5_url_read(s, out, e): read scheme://host[:port][/path][?query].
 * H5_E_INPUT: another scheme, a user name, a fragment, a host that is neither a
 * name nor an address, a malformed port, or bytes that a URL must escape. */
H5_MUST_CHECK enum h5_code h5_url_read(
    const char *s, struct h5_url *out, struct h5_err *e);

/* h5_url_host(u, out): append "host[:port]", without the scheme's own port. */
void h5_url_host(const struct h5_url *u, struct h5_buf *out);

/* h5_url_origin(u, out): append "scheme://host[:port]", like a browser's
 * Origin. */
void h5_url_origin(const struct h5_url *u, struct h5_buf *out);
/* h5_url_loopback(u): does it lead to this machine? */
bool h5_url_loopback(const struct h5_url *u);

#endif
