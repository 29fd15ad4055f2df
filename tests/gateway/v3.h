/* v3.h - what the files of APIv3 share beside gateway.h. */
#ifndef GW_V3_H
#define GW_V3_H

#include "tests/gateway/gateway.h"

/* One call on its way through. */
struct gw_v3_call {
	struct gw *gw;
	enum gw_api api;
	const struct gw_request *req;
	bool partner; /* the path of service providers */
	const char *product; /* prepay: MWEB, NATIVE, JSAPI */
	char number[128]; /* the path's own */
	bool by_id; /* number is a transaction_id */
	struct gw_list in; /* the body, as gw_v3_read has it */
	struct gw_list query;
	struct gw_plan plan;

	int status; /* of the answer */
	struct gw_list out; /* of a good one */
	struct gw_buf file; /* instead */
	char code[64]; /* of an error; "": none */
	char message[512];
	char detail[1024]; /* JSON */
	unsigned inner; /* last number of Request-ID */
	bool made; /* prepay issued something */
	bool by_public_key; /* who signs */
};

/* One member that a body or a query may have. */
struct gw_v3_rule {
	const char *path;
	char kind; /* s text, n integer, b boolean, o object, a array */
	size_t max; /* characters */
	const char *needed; /* products, "all", or NULL */
	const char *allowed; /* products, or NULL: all */
};

/* Each returns false, so that a check can end with it. */
bool gw_v3_deny(
    struct gw_v3_call *c, int status, const char *code, const char *message);
bool gw_v3_deny_inner(struct gw_v3_call *c, int status, const char *code,
    const char *message, unsigned inner);
bool gw_v3_deny_member(
    struct gw_v3_call *c, const char *path, const char *issue);
/* The documented error of this call. */
bool gw_v3_deny_code(
    struct gw_v3_call *c, const char *code, const char *message);
/* Body against rules: nothing else, nothing missing, no null, no other
 * kind. */
bool gw_v3_check(struct gw_v3_call *c, const struct gw_v3_rule *rules);
/* The query has these words, and no others; "?" before those that may lack. */
bool gw_v3_check_query(struct gw_v3_call *c, const char *words);
/* mchid, or sp_mchid and sub_mchid, are this merchant's. */
bool gw_v3_check_merchant(
    struct gw_v3_call *c, const char *mchid, const char *sub_mchid);

/* [lock] What the calls do. */
void gw_v3_prepay(struct gw_v3_call *c);
void gw_v3_query(struct gw_v3_call *c);
void gw_v3_close(struct gw_v3_call *c);
void gw_v3_refund(struct gw_v3_call *c);
void gw_v3_refundquery(struct gw_v3_call *c);
void gw_v3_tradebill(struct gw_v3_call *c);
void gw_v3_billfile(struct gw_v3_call *c);
void gw_v3_certificates(struct gw_v3_call *c);
void gw_v3_echo(struct gw_v3_call *c);

/* Members of answers and notices alike. */
void gw_v3_add_order(struct gw *gw, struct gw_list *f, const struct gw_order *o,
    enum gw_state state);
void gw_v3_add_time(struct gw_list *f, const char *path, int64_t ms);
const char *gw_v3_refund_status(const char *v2);
/* The faults of members, before they are written and signed. */
void gw_v3_spoil(const struct gw_plan *plan, struct gw_list *f);
/* Writes them, with the faults of the text. */
void gw_v3_text_of(
    const struct gw_plan *plan, const struct gw_list *f, struct gw_buf *out);
/* The Wechatpay headers over a body, with their faults. */
void gw_v3_seal(struct gw *gw, const struct gw_plan *plan, bool by_public_key,
    const struct gw_buf *body, struct gw_list *headers);

#endif
