/* Notices: what WeChat sends of its own accord, believed or not, and what it is
 * answered.  Linked by notify, and so without curl and without mxml. */
#include "common/wechat/wechat.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/wechat/v2/message.h"
#include "common/wechat/v3/notice.h"

#define JSON_BEGIN "{\"code\":\"FAIL\",\"message\":\""
#define MESSAGE_MAX 128 /* bytes of a refusal's words */

/* Behind a byte-order mark and blanks, which some proxies add. */
static char
first_byte(const char *body, size_t n)
{
	size_t i = n >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	while (i < n && strchr(" \t\r\n", body[i]) != NULL && body[i] != '\0')
		i++;
	return i < n ? body[i] : '\0';
}

/* Never by the content type, which proxies and senders change. */
enum h5_api
h5_wechat_form(const struct h5_wechat_headers *h, const char *body, size_t n)
{
	return h->any || first_byte(body, n) == '{' ? H5_API_V3 : H5_API_V2;
}

bool
h5_wechat_probe(const struct h5_wechat_headers *h)
{
	static const char mark[] = "WECHATPAY/SIGNTEST/";
	const char *signature = h->v[H5_WECHAT_SIGNATURE];

	return signature != NULL && strncmp(signature, mark, strlen(mark)) == 0;
}

enum h5_code
h5_wechat_notice(const struct h5_config *c, const struct h5_wechat_headers *h,
    const char *body, size_t n, enum h5_wechat_kind *kind,
    struct h5_wechat_trade *t, struct h5_wechat_hint *hint, struct h5_err *e)
{
	struct h5_fields refund;
	enum h5_code rc;

	memset(hint, 0, sizeof *hint);
	if (h5_wechat_form(h, body, n) == H5_API_V3) {
		return h5_v3_read_notice(c, &(struct h5_v3_notice){h, body, n},
		    h5_clock_now(), kind, t, hint, e);
	}
	rc = h5_v2_read_notice(c, body, n, kind, t, &refund, e);
	/* The signed kind is finished.  What the other one says is hearsay, so
	 * it is taken apart for its hint alone. */
	if (rc == H5_OK && *kind == H5_WECHAT_REFUND)
		rc = h5_v2_read_hint(&refund, hint, e);
	h5_fields_release(&refund);
	return rc;
}

const char *
h5_wechat_reply_type(enum h5_api form)
{
	return form == H5_API_V3 ? "application/json" : H5_WECHAT_TYPE;
}

void
h5_wechat_reply(enum h5_api form, bool ok, const char *msg, struct h5_buf *out)
{
	size_t left = MESSAGE_MAX;

	if (form == H5_API_V2) {
		h5_v2_reply(ok, msg, out);
	} else if (!ok) {
		h5_buf_puts(out, JSON_BEGIN);
		/* Plain ASCII without what JSON would have to escape, and cut:
		 * this text may quote what a stranger sent. */
		for (; *msg != '\0' && left > 0; msg++)
			if (*msg >= ' ' && *msg < 0x7f &&
			    strchr("\"\\<>&", *msg) == NULL) {
				h5_buf_putc(out, *msg);
				left--;
			}
		h5_buf_puts(out, "\"}");
	}
}

bool
h5_wechat_is_reply(const char *text)
{
	return h5_v2_is_reply(text) ||
	       strncmp(text, JSON_BEGIN, strlen(JSON_BEGIN)) == 0;
}
