/* netaddr.h - IP addresses and ranges as text. */
#ifndef H5_FORMAT_NETADDR_H
#define H5_FORMAT_NETADDR_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

#define H5_NETADDR_TEXT 46
#define H5_NETADDR_UNIX 1 /* len of the peer at a unix socket */

/* IPv4 is kept as itself; ::ffff:a.b.c.d is unmapped to it. */
struct h5_netaddr {
	unsigned char bytes[16];
	unsigned len; /* 4 or 16; H5_NETADDR_UNIX: a peer without one */
};
struct h5_netrange {
	struct h5_netaddr base;
	unsigned bits;
};

/* h5_netaddr_read(s, out, e): read one address without port, brackets or zone;
 * else H5_E_INPUT. */
H5_MUST_CHECK enum h5_code h5_netaddr_read(
    const char *s, struct h5_netaddr *out, struct h5_err *e);

/* h5_netaddr_range(s, out, e): read an address; a CIDR, whose host bits must be
 * 0; or "unix:", the peer at a unix socket.  Else H5_E_INPUT. */
H5_MUST_CHECK enum h5_code h5_netaddr_range(
    const char *s, struct h5_netrange *out, struct h5_err *e);
bool h5_netaddr_in(const struct h5_netaddr *a, const struct h5_netrange *r);
void h5_netaddr_text(const struct h5_netaddr *a, char out[H5_NETADDR_TEXT]);

/* h5_netaddr_public(a): may WeChat see a payer there?  It may not if the
 * address is private, loopback, link-local, unique-local, carrier-grade NAT,
 * multicast, documentation, unspecified or reserved. */
bool h5_netaddr_public(const struct h5_netaddr *a);

/* h5_netaddr_client(peer, forwarded, trusted, n, out, e): the buyer's address,
 * by the rule of site.trusted_proxies (INTERFACE 2).  It is the peer, unless
 * that is trusted.  Then it is the right-most entry of X-Forwarded-For that is
 * not trusted; the left-most if all are; the peer if there is none.
 *
 * Entries are read as proxies write them: an address, with a port (Azure, IIS,
 * AWS), in brackets, in quotes, or as for=... among other parameters (RFC
 * 7239).  Empty ones are passed over.  A peer at a unix socket is "unix:"
 * (nginx), "@" (Go), a path, or "" (lighttpd).
 * H5_E_INPUT: what must be read is no address ("unknown"), or the buyer would
 * be the peer at a unix socket. */
H5_MUST_CHECK enum h5_code h5_netaddr_client(const char *peer,
    const char *forwarded, const struct h5_netrange *trusted, size_t n,
    struct h5_netaddr *out, struct h5_err *e);

/* h5_netaddr_loopback_host(host): is it "localhost", 127.0.0.0/8 or ::1, also
 * in brackets?  Plain http is allowed to these hosts. */
bool h5_netaddr_loopback_host(const char *host);

#endif
