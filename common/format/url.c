/* Takes an http or https URL apart; anything unusual is refused. */
#include "common/format/url.h"

#include <string.h>

#include "common/format/netaddr.h"
#include "common/base/text.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* Visible ASCII without what RFC 3986 never allows unescaped. */
static bool
good_bytes(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= 0x20 || *s >= 0x7f ||
		    strchr("\"<>\\^`{|}", *s) != NULL)
			return false;
	return true;
}

/* A name (labels of letters, digits and hyphens) or an IPv4 address. */
static bool
good_host_name(const char *host)
{
	size_t i, label = 0;

	for (i = 0; host[i] != '\0'; i++) {
		if (host[i] == '.') {
			if (label == 0 || host[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (strchr(LOWER DIGITS "-_", host[i]) == NULL ||
		    (host[i] == '-' && label == 0) || ++label > 63)
			return false;
	}
	return label > 0 && host[i - 1] != '-';
}

static bool
good_host(const char *host)
{
	char text[H5_NETADDR_TEXT];
	struct h5_netaddr a;
	size_t n = strlen(host);

	if (host[0] != '[')
		return good_host_name(host);
	if (n < 3 || n - 2 >= sizeof(text) || host[n - 1] != ']')
		return false;
	memcpy(text, host + 1, n - 2);
	text[n - 2] = '\0';
	return strchr(text, ':') != NULL &&
	       h5_netaddr_read(text, &a, NULL) == H5_OK;
}

/* s: what stands between "//" and the path, n bytes. */
static enum h5_code
read_authority(const char *s, size_t n, struct h5_url *out, struct h5_err *e)
{
	const char *bracket, *colon;
	char port[8];
	size_t host, i;
	uint64_t number;

	if (memchr(s, '@', n) != NULL)
		return h5_err_set(
		    e, H5_E_INPUT, "a user name in a URL is not allowed");
	bracket = memchr(s, ']', n);
	host = bracket == NULL ? 0 : (size_t)(bracket - s);
	colon = memchr(s + host, ':', n - host);
	host = colon == NULL ? n : (size_t)(colon - s);
	if (host == 0 || host >= sizeof(out->host))
		return h5_err_set(e, H5_E_INPUT, "the URL has no host");
	for (i = 0; i < host; i++)
		out->host[i] =
		    (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
	out->host[host] = '\0';
	if (!good_host(out->host))
		return h5_err_set(
		    e, H5_E_INPUT, "the host is neither a name nor an address");
	if (colon == NULL)
		return H5_OK;
	n -= host + 1;
	if (n == 0 || n >= sizeof(port))
		return h5_err_set(e, H5_E_INPUT, "a bad port");
	memcpy(port, colon + 1, n);
	port[n] = '\0';
	if (h5_text_u64(port, 1, 65535, &number, NULL) != H5_OK)
		return h5_err_set(e, H5_E_INPUT, "a bad port");
	if (number != (out->https ? 443 : 80))
		out->port = (unsigned)number;
	return H5_OK;
}

enum h5_code
h5_url_read(const char *s, struct h5_url *out, struct h5_err *e)
{
	const char *rest;
	enum h5_code rc;
	size_t n;

	memset(out, 0, sizeof(*out));
	if (strnlen(s, H5_URL_MAX + 1) > H5_URL_MAX)
		return h5_err_set(e, H5_E_INPUT,
		    "the URL is longer than %d bytes", H5_URL_MAX);
	if (!good_bytes(s))
		return h5_err_set(e, H5_E_INPUT,
		    "the URL contains a byte that must be percent-encoded");
	if (strncmp(s, "https://", 8) == 0)
		out->https = true;
	else if (strncmp(s, "http://", 7) != 0)
		return h5_err_set(
		    e, H5_E_INPUT, "a URL must begin with https://");
	if (strchr(s, '#') != NULL)
		return h5_err_set(
		    e, H5_E_INPUT, "a fragment (#) is not allowed");
	rest = s + (out->https ? 8 : 7);
	n = strcspn(rest, "/?");
	rc = read_authority(rest, n, out, e);
	if (rc != H5_OK) {
		memset(out, 0, sizeof(*out));
		return rc;
	}
	out->path = rest + n;
	out->query = strchr(out->path, '?') != NULL;
	if (out->path[0] == '?') {
		memset(out, 0, sizeof(*out));
		return h5_err_set(
		    e, H5_E_INPUT, "the URL needs a / before its ?");
	}
	return H5_OK;
}

void
h5_url_host(const struct h5_url *u, struct h5_buf *out)
{
	h5_buf_puts(out, u->host);
	if (u->port != 0)
		h5_buf_printf(out, ":%u", u->port);
}

void
h5_url_origin(const struct h5_url *u, struct h5_buf *out)
{
	h5_buf_puts(out, u->https ? "https://" : "http://");
	h5_url_host(u, out);
}

bool
h5_url_loopback(const struct h5_url *u)
{
	return h5_netaddr_loopback_host(u->host);
}
