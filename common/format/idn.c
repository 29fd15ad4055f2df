/* Names of hosts in letters beyond ASCII: punycode, as RFC 3492 tells it. */
#include "common/format/idn.h"

#include <stdint.h>
#include <string.h>

#include "common/base/text.h"

#define LABEL_MAX 63 /* characters: each is one of the xn-- form at least */
#define HOST_MAX 1024 /* bytes */
/* RFC 3492, 5 */
#define BASE 36
#define T_MIN 1
#define T_MAX 26
#define SKEW 38
#define DAMP 700
#define BIAS 72
#define FIRST 128

/* Takes the character at *s, which is UTF-8, and moves *s behind it. */
static uint32_t
next_character(const unsigned char **s)
{
	const unsigned char *p = *s;
	unsigned more = p[0] < 0x80 ? 0 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : 3;
	uint32_t c = more == 0 ? p[0] : p[0] & (0x3fU >> more);

	for (*s = p + 1; more > 0; more--, (*s)++)
		c = c << 6 | (**s & 0x3f);
	return c;
}

/* What a keyboard set to Chinese makes of dots, letters and digits. */
static uint32_t
plain(uint32_t c)
{
	if (c == 0x3002 || c == 0xff61)
		return '.';
	if (c >= 0xff01 && c <= 0xff5e)
		c -= 0xfee0;
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static uint32_t
adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / DAMP : delta / 2;
	for (delta += delta / points; delta > (BASE - T_MIN) * T_MAX / 2;
	     k += BASE)
		delta /= BASE - T_MIN;
	return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static void
put_digit(struct h5_buf *out, uint32_t d)
{
	h5_buf_putc(out, (char)(d < 26 ? 'a' + d : '0' + (d - 26)));
}

/* Writes delta as a number of variable length (RFC 3492, 3.3). */
static void
put_delta(struct h5_buf *out, uint32_t delta, uint32_t bias)
{
	uint32_t k, t;

	for (k = BASE;; k += BASE) {
		t = k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
		if (delta < t)
			break;
		put_digit(out, t + (delta - t) % (BASE - t));
		delta = (delta - t) / (BASE - t);
	}
	put_digit(out, delta);
}

/* Writes the label of n characters at v, some of them beyond ASCII. */
static void
put_encoded(struct h5_buf *out, const uint32_t *v, uint32_t n)
{
	uint32_t delta = 0, bias = BIAS, at = FIRST, basic = 0, done, next, i;

	h5_buf_puts(out, "xn--");
	for (i = 0; i < n; i++)
		if (v[i] < FIRST) {
			h5_buf_putc(out, (char)v[i]);
			basic++;
		}
	if (basic > 0)
		h5_buf_putc(out, '-');
	for (done = basic; done < n; delta++, at++) {
		next = UINT32_MAX;
		for (i = 0; i < n; i++)
			if (v[i] >= at && v[i] < next)
				next = v[i];
		/* At most 0x10ffff characters times 64 places, so it cannot
		 * overflow. */
		delta += (next - at) * (done + 1);
		at = next;
		for (i = 0; i < n; i++) {
			delta += v[i] < at;
			if (v[i] != at)
				continue;
			put_delta(out, delta, bias);
			bias = adapt(delta, done + 1, done == basic);
			delta = 0;
			done++;
		}
	}
}

static enum h5_code
put_label(struct h5_buf *out, const uint32_t *v, uint32_t n, struct h5_err *e)
{
	size_t before = out->len;
	bool foreign = false;
	uint32_t i;

	for (i = 0; i < n; i++)
		foreign = foreign || v[i] >= FIRST;
	if (foreign)
		put_encoded(out, v, n);
	for (i = 0; !foreign && i < n; i++)
		h5_buf_putc(out, (char)v[i]);
	return out->len - before <= LABEL_MAX
		   ? H5_OK
		   : h5_err_set(e, H5_E_INPUT, "the name is too long");
}

/* host is decoded and UTF-8; it may have a port. */
static enum h5_code
put_host(struct h5_buf *out, const char *host, struct h5_err *e)
{
	const unsigned char *s = (const unsigned char *)host;
	uint32_t label[LABEL_MAX], c, n = 0;
	enum h5_code rc = H5_OK;

	while (*s != '\0' && rc == H5_OK) {
		c = plain(next_character(&s));
		if (strchr(".:@[]", (int)(c < FIRST ? c : 'x')) != NULL) {
			rc = put_label(out, label, n, e);
			h5_buf_putc(out, (char)c);
			n = 0;
		} else if (n == LABEL_MAX) {
			rc = h5_err_set(e, H5_E_INPUT, "the name is too long");
		} else {
			label[n++] = c;
		}
	}
	return rc == H5_OK ? put_label(out, label, n, e) : rc;
}

/* Writes the n bytes of a host at p without percent escapes.  False: it is too
 * long. */
static bool
decode(const char *p, size_t n, char out[HOST_MAX])
{
	size_t len = 0, i;
	int high, low;

	for (i = 0; i < n && len < HOST_MAX - 1; i++) {
		high =
		    p[i] == '%' && n - i > 2 ? h5_text_hex_digit(p[i + 1]) : -1;
		low = high < 0 ? -1 : h5_text_hex_digit(p[i + 2]);
		out[len++] = low < 0 ? p[i] : (char)(high << 4 | low);
		if (low >= 0)
			i += 2;
	}
	out[len] = '\0';
	return i == n;
}

enum h5_code
h5_idn_url(const char *s, struct h5_buf *out, struct h5_err *e)
{
	const char *rest = strstr(s, "://"), *p;
	char host[HOST_MAX];
	enum h5_code rc;
	size_t n;

	rest = rest == NULL ? s : rest + 3;
	for (p = s; p < rest; p++)
		h5_buf_putc(out, (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p));
	n = strcspn(rest, "/?#");
	if (!decode(rest, n, host) || !h5_text_utf8(host, strlen(host)))
		return h5_err_set(e, H5_E_INPUT, "no name of a host");
	rc = put_host(out, host, e);
	for (p = rest + n; *p != '\0'; p++)
		if ((unsigned char)*p < 0x80)
			h5_buf_putc(out, *p);
		else
			h5_buf_printf(out, "%%%02X", (unsigned char)*p);
	return rc == H5_OK ? h5_buf_finish(out, e) : rc;
}
