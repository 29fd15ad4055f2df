/* request.h - a request and a response as values.
 * Nothing here points into the web server's memory: all of it is copied and
 * capped, so a handler may keep it until the request's end. */
#ifndef H5_WEB_REQUEST_H
#define H5_WEB_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/config/config.h"
#include "common/base/err.h"
#include "common/base/fields.h"
#include "common/base/log.h"
#include "common/format/netaddr.h"
#include "common/shop/browser.h"
#include "common/wechat/wechat.h"

#define H5_WEB_QUERY 8192 /* longest query string, bytes */
#define H5_WEB_HEADER 1024 /* longest single header kept, bytes */
#define H5_WEB_PARAMS 32 /* most parameters of a form */

struct h5_request {
	char method[16];
	char *query; /* raw, never NULL */
	char *user_agent, *accept, *accept_language, *origin, *referer;
	char *content_type, *forwarded_for; /* never NULL, "" when absent */
	struct h5_browser_given browser; /* our cookies, and no other's */
	struct h5_wechat_headers wechatpay; /* of a notice; its texts are kept
		here */
	char *host; /* as the browser, or a proxy, wrote it */
	char remote_addr[64];
	char *document_root;
	char *conf; /* H5PAY_CONF among the parameters, or "" */
	struct h5_buf body;
	int64_t began_ms; /* when it was connected, of h5_clock_mono_ms */
	enum h5_code body_code; /* H5_OK; H5_E_INPUT: short, bad length;
	    H5_E_REMOTE: over the program's limit (413) */
};

struct h5_response {
	int status; /* 200 by default */
	struct h5_buf headers; /* "Name: value\r\n" lines */
	struct h5_buf body;
	bool head; /* send no body, only its length */
};

void h5_request_init(struct h5_request *r);
void h5_request_release(struct h5_request *r);
void h5_response_init(struct h5_response *r);
void h5_response_release(struct h5_response *r);
/* h5_response_clear(r): back to a fresh 200 without headers or body. */
void h5_response_clear(struct h5_response *r);

/* h5_response_header(r, name, value, e): add a header.
 * H5_E_INPUT: value has a byte below 0x20, or 0x7f.  Nothing is added, so no
 * header can be injected. */
H5_MUST_CHECK enum h5_code h5_response_header(struct h5_response *r,
    const char *name, const char *value, struct h5_err *e);

/* h5_response_reason(status): its words, as in "200 OK". */
const char *h5_response_reason(int status);

/* h5_web_params(r, out, e): the parameters of a GET or HEAD (query string) or
 * of a POST (body).  Only names that some page of ours reads are taken: links
 * meet the world, and what WeChat, a campaign or a proxy adds to one decides
 * nothing. out is initialised here.
 * H5_E_INPUT: as h5_form_pick; also if a POST has one of our names but lang in
 * its query string.
 * H5_E_EXISTS: as h5_form_pick. */
H5_MUST_CHECK enum h5_code h5_web_params(
    const struct h5_request *r, struct h5_fields *out, struct h5_err *e);

/* h5_web_client(c, r, out, e): the buyer's address by the trusted-proxy rule,
 * as text.  With a gateway on this machine a server may name no address, which
 * then is 127.0.0.1, whatever was forwarded.
 * H5_E_INPUT: malformed, or not public while the gateway is not on this
 * machine. */
H5_MUST_CHECK enum h5_code h5_web_client(const struct h5_config *c,
    const struct h5_request *r, char out[H5_NETADDR_TEXT], struct h5_err *e);

/* h5_web_lang(c, r): "zh-CN" or "en".  It is lang= of the query string, else
 * what Accept-Language prefers by its q values (zh* is zh-CN, en* is en), else
 * site.lang. */
const char *h5_web_lang(const struct h5_config *c, const struct h5_request *r);

/* h5_web_wants_json(r): does Accept name application/json, or its problems? */
bool h5_web_wants_json(const struct h5_request *r);

/* h5_web_moved(c, r, program, out): is this a GET or HEAD under another name of
 * the site?  Such a name is base_url's host with "www." before it or taken off,
 * or one of site.aliases.  Then out is where it leads: base_url, the query byte
 * for byte, and moved=1.  A request that carries moved is never sent on,
 * whatever its Host, since proxies change that and nothing may loop. */
bool h5_web_moved(const struct h5_config *c, const struct h5_request *r,
    const char *program, struct h5_buf *out);

enum h5_web_origin { H5_ORIGIN_NONE, H5_ORIGIN_OURS, H5_ORIGIN_FOREIGN };
/* h5_web_origin(c, r): OURS if it is base_url's or one of allowed_origins; NONE
 * if it is absent or "null". */
enum h5_web_origin h5_web_origin(
    const struct h5_config *c, const struct h5_request *r);

#endif
