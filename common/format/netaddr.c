/* Reads IP addresses and ranges, and knows which of them are public. */
#include "common/format/netaddr.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "common/base/length.h"
#include "common/base/text.h"

static const unsigned char mapped[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* Reads four decimal numbers and three dots: no octal, no short forms. */
static bool
read_v4(const char *s, unsigned char out[4])
{
	char part[4];
	uint64_t number;
	size_t len;
	int i;

	for (i = 0; i < 4; i++) {
		len = strspn(s, "0123456789");
		if (len < 1 || len > 3 || s[len] != (i < 3 ? '.' : '\0'))
			return false;
		memcpy(part, s, len);
		part[len] = '\0';
		if (h5_text_u64(part, 0, 255, &number, NULL) != H5_OK)
			return false;
		out[i] = (unsigned char)number;
		s += len + 1;
	}
	return true;
}

enum h5_code
h5_netaddr_read(const char *s, struct h5_netaddr *out, struct h5_err *e)
{
	memset(out, 0, sizeof *out);
	if (strchr(s, ':') == NULL) {
		if (!read_v4(s, out->bytes)) {
			memset(out, 0, sizeof *out);
			return h5_err_set(e, H5_E_INPUT, "not an IP address");
		}
		out->len = 4;
		return H5_OK;
	}
	if (inet_pton(AF_INET6, s, out->bytes) != 1) {
		memset(out, 0, sizeof *out);
		return h5_err_set(e, H5_E_INPUT, "not an IP address");
	}
	out->len = 16;
	if (memcmp(out->bytes, mapped, sizeof mapped) == 0) {
		memmove(out->bytes, out->bytes + 12, 4);
		memset(out->bytes + 4, 0, 12);
		out->len = 4;
	}
	return H5_OK;
}

/* Are the first bits of a and b the same? */
static bool
same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static bool
host_bits_zero(const struct h5_netrange *r)
{
	unsigned bit;

	for (bit = r->bits; bit < r->base.len * 8; bit++)
		if ((r->base.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0)
			return false;
	return true;
}

enum h5_code
h5_netaddr_range(const char *s, struct h5_netrange *out, struct h5_err *e)
{
	char base[H5_NETADDR_TEXT];
	size_t len = strcspn(s, "/");
	uint64_t bits, most;
	enum h5_code rc;

	memset(out, 0, sizeof *out);
	if (strcmp(s, "unix:") == 0) {
		out->base.len = H5_NETADDR_UNIX;
		return H5_OK;
	}
	if (len >= sizeof base)
		return h5_err_set(e, H5_E_INPUT, "not an IP address");
	memcpy(base, s, len);
	base[len] = '\0';
	rc = h5_netaddr_read(base, &out->base, e);
	if (rc != H5_OK)
		return rc;
	most = strchr(base, ':') == NULL ? 32 : 128;
	bits = most;
	if (s[len] == '/')
		rc = h5_text_u64(s + len + 1, 0, most, &bits, e);
	/* ::ffff:a.b.c.d/n is kept as a.b.c.d/(n - 96). */
	if (rc == H5_OK && most == 128 && out->base.len == 4) {
		if (bits < 96)
			rc = h5_err_set(e, H5_E_INPUT,
			    "a range of IPv4 addresses written as IPv6 needs "
			    "at least /96");
		else
			bits -= 96;
	}
	out->bits = (unsigned)bits;
	if (rc == H5_OK && !host_bits_zero(out))
		rc = h5_err_set(e, H5_E_INPUT,
		    "the address has bits set beyond its prefix");
	if (rc != H5_OK)
		memset(out, 0, sizeof *out);
	return rc;
}

bool
h5_netaddr_in(const struct h5_netaddr *a, const struct h5_netrange *r)
{
	return a->len == r->base.len && a->len != 0 &&
	       same_bits(a->bytes, r->base.bytes, r->bits);
}

void
h5_netaddr_text(const struct h5_netaddr *a, char out[H5_NETADDR_TEXT])
{
	out[0] = '\0';
	if (a->len == 4)
		(void)inet_ntop(AF_INET, a->bytes, out, H5_NETADDR_TEXT);
	else if (a->len == 16)
		(void)inet_ntop(AF_INET6, a->bytes, out, H5_NETADDR_TEXT);
}

struct prefix {
	unsigned char bytes[16];
	unsigned bits;
};

/* RFC 6890 and IANA's special-purpose registries: nobody pays from here.  The
 * ranges of the documents' examples (192.0.2.0/24 ...) are left out: whoever
 * writes one into a test means a buyer's address. */
static const struct prefix special_v4[] = {
    {{0}, 8}, /* this network */
    {{10}, 8}, /* private */
    {{100, 64}, 10}, /* carrier-grade NAT */
    {{127}, 8}, /* loopback */
    {{169, 254}, 16}, /* link-local */
    {{172, 16}, 12}, /* private */
    {{192, 0, 0}, 24}, /* protocol assignments */
    {{192, 88, 99}, 24}, /* 6to4 relays */
    {{192, 168}, 16}, /* private */
    {{198, 18}, 15}, /* benchmarks */
    {{224}, 4}, /* multicast */
    {{240}, 4}, /* reserved, broadcast */
};

/* Parts of 2000::/3, the only global unicast space of IPv6. */
static const struct prefix special_v6[] = {
    {{0x20, 0x01}, 23}, /* protocol assignments, Teredo */
    {{0x20, 0x02}, 16}, /* 6to4 */
};

static bool
in_any(const struct h5_netaddr *a, const struct prefix *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (same_bits(a->bytes, list[i].bytes, list[i].bits))
			return true;
	return false;
}

bool
h5_netaddr_public(const struct h5_netaddr *a)
{
	if (a->len == 4)
		return !in_any(a, special_v4, H5_LENGTH(special_v4));
	return a->len == 16 && a->bytes[0] >> 5 == 1 &&
	       !in_any(a, special_v6, H5_LENGTH(special_v6));
}

static bool
is_loopback(const struct h5_netaddr *a)
{
	static const unsigned char one[16] = {[15] = 1};

	if (a->len == 4)
		return a->bytes[0] == 127;
	return a->len == 16 && memcmp(a->bytes, one, sizeof one) == 0;
}

static bool
is_trusted(
    const struct h5_netaddr *a, const struct h5_netrange *trusted, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (h5_netaddr_in(a, &trusted[i]))
			return true;
	return false;
}

/* --- who is in front of whom --- */

/* A part of a text, without a copy. */
struct part {
	const char *p;
	size_t n;
};

static void
trim(struct part *x)
{
	while (x->n > 0 && strchr(" \t", x->p[0]) != NULL) {
		x->p++;
		x->n--;
	}
	while (x->n > 0 && strchr(" \t", x->p[x->n - 1]) != NULL)
		x->n--;
}

/* The value of for= (RFC 7239, 4), or all of it if there is no name. */
static struct part
node_of(struct part x)
{
	struct part one;
	const char *end;

	while (memchr(x.p, '=', x.n) != NULL) {
		end = memchr(x.p, ';', x.n);
		one.p = x.p;
		one.n = end == NULL ? x.n : (size_t)(end - x.p);
		x.p += one.n + (end != NULL);
		x.n -= one.n + (end != NULL);
		trim(&one);
		if (one.n >= 4 && strncasecmp(one.p, "for=", 4) == 0) {
			one.p += 4;
			one.n -= 4;
			return one;
		}
	}
	return x;
}

/* May this stand behind an address?  Nothing may, and a port. */
static bool
is_port(const char *p, size_t n)
{
	return n == 0 || (n >= 2 && n <= 6 && p[0] == ':' &&
			     strspn(p + 1, "0123456789") >= n - 1);
}

/* The address within an entry: without quotes, brackets and port.  A single
 * colon ends an IPv4 address; an IPv6 address has more. */
static bool
unwrap(struct part *x)
{
	const char *end;
	size_t n;

	if (x->n >= 2 && x->p[0] == '"' && x->p[x->n - 1] == '"') {
		x->p++;
		x->n -= 2;
	}
	if (x->n > 0 && x->p[0] == '[') {
		end = memchr(x->p, ']', x->n);
		if (end == NULL)
			return false;
		n = (size_t)(end - x->p) - 1;
		if (memchr(x->p, ':', n + 1) == NULL ||
		    !is_port(end + 1, x->n - n - 2))
			return false;
		x->p++;
		x->n = n;
		return true;
	}
	end = memchr(x->p, ':', x->n);
	if (end == NULL)
		return true;
	n = (size_t)(end - x->p);
	if (memchr(end + 1, ':', x->n - n - 1) != NULL)
		return true;
	if (!is_port(end, x->n - n))
		return false;
	x->n = n;
	return true;
}

static bool
is_unix(const struct part *x)
{
	return x->n == 0 || x->p[0] == '/' || (x->n == 1 && x->p[0] == '@') ||
	       (x->n >= 5 && strncmp(x->p, "unix:", 5) == 0);
}

/* Reads one hop as a server or proxy names it. */
static enum h5_code
read_hop(struct part x, struct h5_netaddr *out, struct h5_err *e)
{
	char text[H5_NETADDR_TEXT];

	memset(out, 0, sizeof *out);
	trim(&x);
	if (is_unix(&x)) {
		out->len = H5_NETADDR_UNIX;
		return H5_OK;
	}
	x = node_of(x);
	trim(&x);
	if (!unwrap(&x) || x.n == 0 || x.n >= sizeof text)
		return h5_err_set(e, H5_E_INPUT,
		    "X-Forwarded-For does not contain an IP address");
	memcpy(text, x.p, x.n);
	text[x.n] = '\0';
	return h5_netaddr_read(text, out, e);
}

/* The last entry of the first *n bytes of list that is not empty; *n becomes
 * what is left of it.  false: there is none. */
static bool
last_entry(const char *list, size_t *n, struct part *entry)
{
	size_t start;

	while (*n > 0) {
		for (start = *n; start > 0 && list[start - 1] != ','; start--)
			;
		entry->p = list + start;
		entry->n = *n - start;
		*n = start > 0 ? start - 1 : 0;
		trim(entry);
		if (entry->n > 0)
			return true;
	}
	return false;
}

enum h5_code
h5_netaddr_client(const char *peer, const char *forwarded,
    const struct h5_netrange *trusted, size_t n, struct h5_netaddr *out,
    struct h5_err *e)
{
	struct part entry;
	enum h5_code rc;
	size_t left;

	memset(out, 0, sizeof *out);
	if (peer == NULL)
		return h5_err_set(e, H5_E_INPUT, "there is no client address");
	entry.p = peer;
	entry.n = strlen(peer);
	rc = read_hop(entry, out, e);
	/* From the right, since each hop appended the address that it saw.
	 * What a trusted hop wrote is true, and everything to the left of it is
	 * hearsay. */
	left = forwarded == NULL ? 0 : strlen(forwarded);
	while (rc == H5_OK && is_trusted(out, trusted, n) &&
	       last_entry(forwarded, &left, &entry))
		rc = read_hop(entry, out, e);
	if (rc == H5_OK && out->len == H5_NETADDR_UNIX) {
		memset(out, 0, sizeof *out);
		rc = h5_err_set(e, H5_E_INPUT,
		    "the server in front is at a unix socket and names no "
		    "buyer: site.trusted_proxies takes unix:");
	}
	return rc;
}

bool
h5_netaddr_loopback_host(const char *host)
{
	char text[H5_NETADDR_TEXT];
	size_t n = strlen(host);
	struct h5_netaddr a;

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (host[0] == '[') {
		if (n < 4 || n - 2 >= sizeof text || host[n - 1] != ']' ||
		    strchr(host, ':') == NULL)
			return false;
		memcpy(text, host + 1, n - 2);
		text[n - 2] = '\0';
		host = text;
	}
	return h5_netaddr_read(host, &a, NULL) == H5_OK && is_loopback(&a);
}
