/* gateway.h - the stand-in for WeChat Pay: what its files share.
 *
 * The program shares no code with the payment suite.  It has its own HTTP,
 * XML, form and signing code, so that a mistake in one of them cannot be
 * cancelled out by the same mistake on the other side.
 *
 *	main.c     options, start, stop
 *	text.c     growing text, name/value lists, small parsers, a map
 *	wire.c     XML, percent encoding, forms, HTML escaping
 *	json.c     JSON out, and the little JSON that scene_info needs
 *	sign.c     MD5 and HMAC-SHA256 signatures, random text
 *	net.c      sockets, plain or TLS, with deadlines
 *	http.c     the server's requests and answers, the notices' client
 *	faults.c   what goes wrong on request
 *	orders.c   the order book, the clock, payments
 *	api.c      unifiedorder, orderquery, closeorder, refund, refundquery
 *	bill.c     downloadbill
 *	refunds.c  the book of refunds, refund notices
 *	cashier.c  the page behind mweb_url
 *	phone.c    a phone that scans a code_url
 *	oauth.c    who somebody is: open.weixin.qq.com, api.weixin.qq.com
 *	bridge.c   what WeixinJSBridge answers
 *	notices.c  payment notices and their retries
 *	v3*.c      the same in APIv3: v3.c which call it is and who asks,
 *	           v3order.c, v3money.c what it does, v3notice.c notices and
 *	           signatures, v3json.c, v3sign.c JSON and OpenSSL
 *	control.c  /_control/: what tests steer and read
 *	front.c    the page for people
 *
 * One lock, gw->lock, guards all shared state.  Functions marked [lock] are
 * called with it held, all others without.  Memory that runs out ends the
 * program: this is a test instrument.
 */
#ifndef GW_GATEWAY_H
#define GW_GATEWAY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* ---- text.c ---------------------------------------------------------- */

/* A growing text, always NUL-terminated once something was added. */
struct gw_buf {
	char *data;
	size_t len;
	size_t size;
};

struct gw_pair {
	char *name;
	char *value;
};

/* Names and values in order; names may repeat. */
struct gw_list {
	struct gw_pair *v;
	size_t n;
	size_t size;
};

/* Text to pointer.  Keys are copied, values are the caller's. */
struct gw_map {
	struct gw_slot **slots;
	size_t n;
	size_t size;
};

void *gw_alloc(size_t bytes); /* zeroed; never NULL */
char *gw_dup(const char *text);
void gw_copy(char *to, size_t size, const char *from); /* cuts */

void gw_buf_add(struct gw_buf *b, const char *bytes, size_t n);
void gw_buf_puts(struct gw_buf *b, const char *text);
void gw_buf_putf(struct gw_buf *b, const char *format, ...) GW_PRINTF(2, 3);
void gw_buf_free(struct gw_buf *b);

void gw_list_add(struct gw_list *l, const char *name, const char *value);
void gw_list_addf(struct gw_list *l, const char *name, const char *format, ...)
    GW_PRINTF(3, 4);
/* The first value of that name, NULL if there is none. */
const char *gw_list_get(const struct gw_list *l, const char *name);
/* The same, but "" instead of NULL. */
const char *gw_list_text(const struct gw_list *l, const char *name);
/* Replaces the first of that name, or adds. */
void gw_list_set(struct gw_list *l, const char *name, const char *value);
void gw_list_drop(struct gw_list *l, const char *name);
void gw_list_copy(struct gw_list *to, const struct gw_list *from);
void gw_list_free(struct gw_list *l);

void *gw_map_get(const struct gw_map *m, const char *key);
void gw_map_put(struct gw_map *m, const char *key, void *value);
void gw_map_free(struct gw_map *m);

/* Whole text, decimal digits only, no sign; false if it is anything else or
 * beyond max. */
bool gw_number(const char *text, int64_t max, int64_t *out);
bool gw_starts(const char *text, const char *with);
bool gw_ends(const char *text, const char *with);
/* Is item one of the comma- or blank-separated words of list? */
bool gw_in_words(const char *list, const char *item);
bool gw_utf8(const char *text, size_t n);

/* ---- wire.c ---------------------------------------------------------- */

enum gw_xml_style {
	GW_XML_ANSWER, /* integers plain, as in live answers */
	GW_XML_NOTICE, /* only total_fee plain, as in live notices */
};

/* Reads <xml> with flat children.  False, and why, unless it is exactly
 * that: no DOCTYPE, no attributes, no nesting, no name twice. */
bool gw_xml_read(
    const char *text, size_t n, struct gw_list *out, const char **why);
void gw_xml_write(
    struct gw_buf *b, const struct gw_list *fields, enum gw_xml_style style);

/* Percent decoding of n bytes; plus: '+' is a blank.  False on a bad escape
 * or a NUL byte. */
bool gw_unescape(struct gw_buf *b, const char *text, size_t n, bool plus);
void gw_escape_url(struct gw_buf *b, const char *text);
void gw_escape_html(struct gw_buf *b, const char *text);
bool gw_form_read(const char *text, size_t n, struct gw_list *out);

/* A URL cut into its parts.  port is 0 if none is written. */
struct gw_url {
	bool tls;
	char host[256];
	unsigned port;
	char target[1024]; /* path and query; "" if there is none */
};
bool gw_url_read(const char *text, struct gw_url *out);

/* ---- json.c ---------------------------------------------------------- */

void gw_json_text(struct gw_buf *b, const char *text); /* with quotes */
void gw_json_pair(struct gw_buf *b, const char *name, const char *value);
void gw_json_list(struct gw_buf *b, const struct gw_list *l);
/* Flattens a JSON object of objects and strings: {"a":{"b":"c"}} becomes
 * a.b = c; every object also gives name = {}.  False if it is not JSON. */
bool gw_json_read(const char *text, struct gw_list *out);

/* ---- sign.c ---------------------------------------------------------- */

enum gw_sign_type { GW_MD5, GW_HMAC_SHA256 };

#define GW_SIGN_SIZE 65

const char *gw_sign_name(enum gw_sign_type type);
void gw_sign(const struct gw_list *fields, const char *key,
    enum gw_sign_type type, char out[GW_SIGN_SIZE]);
bool gw_same_text(const char *a, const char *b); /* constant time */
/* req_info of a refund notice: AES-256-ECB under the key's MD5, base64. */
void gw_encrypt_refund(const char *text, const char *key, struct gw_buf *out);
/* n characters of 0-9A-Za-z, and a NUL. */
void gw_random_text(char *out, size_t n);
uint64_t gw_random(uint64_t below);

/* ---- v3json.c, v3sign.c ---------------------------------------------- */

/* One object, read strictly: the head of v3json.c says what out holds. */
bool gw_v3_read(const char *text, size_t n, struct gw_list *out);
char gw_v3_kind(const struct gw_list *l, const char *path);
/* A text's, number's or boolean's value, "" if it is anything else. */
const char *gw_v3_text(const struct gw_list *l, const char *path);
void gw_v3_add(struct gw_list *l, const char *path, const char *text);
void gw_v3_addn(struct gw_list *l, const char *path, int64_t n);
void gw_v3_write(struct gw_buf *b, const struct gw_list *l);

struct gw_v3_keys;
struct gw_setup;

/* NULL, with a message on stderr, if a file is not what it should be. */
struct gw_v3_keys *gw_v3_keys_load(const struct gw_setup *s);
void gw_v3_keys_free(struct gw_v3_keys *k);
const char *gw_v3_merchant_serial(const struct gw_v3_keys *k);
const char *gw_v3_platform_serial(const struct gw_v3_keys *k);
/* By the WeChat Pay public key's other half, else by the platform's. */
void gw_v3_sign(const struct gw_v3_keys *k, bool by_public_key,
    const struct gw_buf *message, struct gw_buf *out);
/* By the merchant? */
bool gw_v3_signed(const struct gw_v3_keys *k, const struct gw_buf *message,
    const char *signature);
/* AES-256-GCM, base64 of what it gives and its tag. */
void gw_v3_encrypt(const char *key, const char *nonce, const char *aad,
    const char *text, struct gw_buf *out);
/* The platform certificate as /v3/certificates lists it. */
void gw_v3_certificate(
    const struct gw_v3_keys *k, const char *key, struct gw_buf *out);
void gw_base64(struct gw_buf *out, const void *bytes, size_t n);
void gw_sha1(const struct gw_buf *in, char out[41]);

/* ---- net.c ----------------------------------------------------------- */

struct gw_tls; /* holds the OpenSSL contexts */

struct gw_conn {
	int fd;
	void *ssl; /* SSL *, NULL on a plain connection */
	unsigned number; /* counts from 1; 0 for outgoing ones */
	unsigned served; /* requests read from it */
	bool side; /* came in by the side door: no connection faults */
	bool carried; /* an API call */
	char cert[64]; /* CN of the client's certificate; "": it showed none */
	struct gw *gw; /* NULL on an outgoing one */
	char peer[64];
	int64_t deadline_ms; /* monotonic; reads and writes end there */
	struct gw_buf in; /* read but not used */
	struct gw_conn *next;
};

int64_t gw_monotonic_ms(void);
/* "HOST:PORT", numeric host.  Returns the socket, or -1 with a message on
 * stderr; fills the real port. */
int gw_listen(const char *address, unsigned *port);
/* client_ca: who signs the clients' certificates; NULL: anybody. */
struct gw_tls *gw_tls_server(
    const char *cert, const char *key, const char *client_ca);
struct gw_tls *gw_tls_client(void);
void gw_tls_free(struct gw_tls *t);
bool gw_conn_secure(struct gw_conn *c, struct gw_tls *t, bool server);
bool gw_conn_dial(struct gw_conn *c, const struct gw_url *url,
    struct gw_tls *client, const char **why);
/* Adds what came to c->in.  1: something, 0: end, -1: broken or late. */
int gw_conn_fill(struct gw_conn *c);
bool gw_conn_write(struct gw_conn *c, const char *bytes, size_t n);
/* reset: the peer sees RST instead of FIN. */
void gw_conn_close(struct gw_conn *c, bool reset);

/* ---- faults.c -------------------------------------------------------- */

enum gw_api {
	GW_UNIFIEDORDER,
	GW_ORDERQUERY,
	GW_CLOSEORDER,
	GW_DOWNLOADBILL,
	GW_REFUND_CALL,
	GW_REFUNDQUERY,
	GW_TRADEBILL, /* APIv3 alone, down to GW_ECHO */
	GW_BILLFILE,
	GW_CERTIFICATES,
	GW_ECHO,
	GW_CASHIER,
	GW_ACCESS_TOKEN,
	GW_NOTICE,
	GW_CONNECT,
	GW_API_COUNT,
};

const char *gw_api_name(enum gw_api api);
bool gw_api_find(const char *name, enum gw_api *out);

/* One row each in faults.c, where the meaning stands. */
enum gw_kind {
	GW_DELAY,
	GW_DELAY_ANSWER,
	GW_CUT_BEFORE,
	GW_CUT_AFTER,
	GW_HANG,
	GW_HANG_BODY,
	GW_HALF,
	GW_HALF_NO_LENGTH,
	GW_DRIP,
	GW_DRIP_HEADER,
	GW_HUGE,
	GW_ENDLESS,
	GW_GZIP,
	GW_TWO_LENGTHS,
	GW_CONTINUE_FLOOD,
	GW_HEADER_BOMB,
	GW_HTTP_STATUS,
	GW_REDIRECT,
	GW_EMPTY,
	GW_HTML,
	GW_SYSTEMERROR,
	GW_SYSTEMERROR_AFTER,
	GW_RETURN_FAIL,
	GW_RESULT_FAIL,
	GW_RESULT_FAIL_AFTER,
	GW_UNSIGNED,
	GW_WRONG_SIGN,
	GW_EMPTY_SIGN,
	GW_LOWER_SIGN,
	GW_MD5_SIGN,
	GW_OTHER_MCH_ID,
	GW_OTHER_APPID,
	GW_OTHER_ORDER,
	GW_SET_FIELD,
	GW_DROP_FIELD,
	GW_DUPLICATE,
	GW_GBK,
	GW_DOCTYPE,
	GW_NO_MWEB_URL,
	GW_FOREIGN_MWEB_URL,
	GW_CRLF_MWEB_URL,
	GW_NO_CODE_URL,
	GW_NO_PREPAY_ID,
	GW_PAY_BEFORE_ANSWER,
	GW_STATE,
	GW_HIDE_PAYMENT,
	GW_REFUND_STATUS,
	GW_COUPONS,
	GW_NEVER,
	GW_LATE,
	GW_TIMES,
	GW_TWICE,
	GW_WRONG_AMOUNT,
	GW_FEE_TYPE,
	GW_UNKNOWN_FIELD,
	GW_SIGN_TYPE,
	GW_SHOW_ERROR,
	GW_ERRCODE,
	GW_SNAPSHOT,
	GW_BILL_ERROR,
	GW_BILL_DROP,
	GW_BILL_EXTRA,
	GW_BILL_AMOUNT,
	GW_BILL_TOTALS,
	GW_BILL_PLAIN,
	GW_ACCEPTED,
	GW_SIGNTEST,
	GW_OTHER_KEY,
	GW_UNKNOWN_SERIAL,
	GW_OLD_TIME,
	GW_NO_HEADER,
	GW_TWO_HEADERS,
	GW_SET_HEADER,
	GW_SPOIL_BODY,
	GW_SET_JSON,
	GW_CHUNKED,
	GW_WRONG_KEY,
	GW_BAD_TAG,
	GW_NO_AAD,
	GW_ENVELOPE,
	GW_PLAINTEXT,
	GW_BILL_HASH,
	GW_BILL_HASH_PACKED,
	GW_BILL_URL,
	GW_CONNECT_RESET,
	GW_CONNECT_HANG,
	GW_CONNECT_PLAIN,
	GW_KIND_COUNT,
};

const char *gw_kind_name(enum gw_kind kind);
const char *gw_kind_text(enum gw_kind kind);
bool gw_kind_find(const char *name, enum gw_kind *out);
bool gw_kind_fits(enum gw_kind kind, enum gw_api api);

struct gw_fault {
	unsigned id;
	enum gw_kind kind;
	unsigned apis; /* one bit an API */
	char out_trade_no[40]; /* "": any */
	int64_t left; /* calls still to be hit; -1: for ever */
	int64_t skip; /* calls to be let through first */
	int64_t num; /* ms, seconds, n, bytes or status, by kind */
	char name[64]; /* field, err_code, state ... */
	char value[2048];
	struct gw_fault *next;
};

/* The faults that hit one call; copies, so that no lock is needed. */
struct gw_plan {
	struct gw_fault *v;
	size_t n;
};

struct gw;

/* Reads a fault from a control request's parameters; NULL and why if they
 * make no sense.  The caller owns it. */
struct gw_fault *gw_fault_read(const struct gw_list *args, const char **why);
unsigned gw_fault_set(struct gw *gw, struct gw_fault *f); /* [lock] takes f */
unsigned gw_fault_clear(struct gw *gw, const struct gw_list *args); /* [lock] */
/* [lock] Counts each fault that hits. */
struct gw_plan gw_fault_plan(
    struct gw *gw, enum gw_api api, const char *out_trade_no);
const struct gw_fault *gw_plan_find(const struct gw_plan *p, enum gw_kind kind);
void gw_plan_add(struct gw_plan *p, const struct gw_fault *f);
void gw_plan_free(struct gw_plan *p);
struct gw_response;
/* The faults of a finished answer's bytes. */
void gw_plan_wire(const struct gw_plan *p, struct gw_response *res);
void gw_fault_json(struct gw_buf *b, const struct gw_fault *f);

/* ---- http.c ---------------------------------------------------------- */

struct gw_request {
	char method[16];
	char *target; /* as received */
	char *path;
	char *query; /* "" if there is none */
	struct gw_list headers; /* names in lower case */
	struct gw_buf body;
	struct gw_conn *conn;
	bool keep;
};

struct gw_response {
	int status;
	struct gw_list headers;
	struct gw_buf body;
	struct gw_fault wire; /* how the bytes leave, if broken is set */
	bool broken;
};

/* 1: a request; 0: the peer is done; -1: refused, an answer is in res. */
int gw_http_read(
    struct gw_conn *c, struct gw_request *req, struct gw_response *res);
/* False: the connection is at its end. */
bool gw_http_write(struct gw *gw, struct gw_conn *c,
    const struct gw_request *req, struct gw_response *res);
void gw_request_free(struct gw_request *req);
void gw_response_free(struct gw_response *res);
void gw_gzip(struct gw_buf *out, const struct gw_buf *in);
const char *gw_request_header(const struct gw_request *req, const char *name);
void gw_response_text(
    struct gw_response *res, int status, const char *type, const char *text);
void gw_response_go(struct gw_response *res, const char *location); /* 303 */

struct gw_reply {
	int status; /* 0: none came */
	struct gw_buf body;
	const char *why; /* static text, if status is 0 */
};
/* One POST, complete within timeout_ms. */
void gw_http_post(struct gw *gw, const char *url, const struct gw_list *headers,
    const struct gw_buf *body, int64_t timeout_ms, struct gw_reply *out);

/* ---- orders.c -------------------------------------------------------- */

enum gw_state {
	GW_NOTPAY,
	GW_SUCCESS,
	GW_REFUND,
	GW_CLOSED,
	GW_REVOKED,
	GW_USERPAYING,
	GW_PAYERROR,
	GW_ACCEPT,
	GW_STATE_COUNT,
};

const char *gw_state_name(enum gw_state s);
const char *gw_state_desc(enum gw_state s);
bool gw_state_find(const char *name, enum gw_state *out);

struct gw_order;

#define GW_CODE_URL "weixin://wxpay/bizpayurl?pr="

/* One prepay_id with its mweb_url or code_url. */
struct gw_entry {
	char prepay_id[40];
	char code[16]; /* the end of its code_url */
	char package[16];
	int64_t issued_ms;
	char account[64]; /* of who opened it first; "" before that */
	struct gw_order *order;
	struct gw_entry *next;
};

struct gw_order {
	char out_trade_no[40];
	bool burnt; /* closed without ever being ordered */
	struct gw_list terms; /* the first request, decoded; APIv2's names */
	bool v3; /* made by APIv3 */
	bool by_public_key; /* asked so at its prepay: notices are signed so */
	struct gw_list asked; /* then the body, as gw_v3_read has it */
	enum gw_sign_type sign_type;
	int64_t total_fee;
	enum gw_state state;
	int64_t made_ms;
	unsigned ordered; /* successful unifiedorder calls */
	char transaction_id[32];
	char openid[32]; /* at appid; "": paid by sub_openid alone */
	char sub_openid[32]; /* at sub_appid */
	int64_t paid_ms;
	int64_t pay_at_ms; /* a payment that is still to come; 0: none */
	unsigned long epoch; /* what it was made in */
	struct gw_entry *entries; /* newest first */
	struct gw_order *next; /* made before this one */
};

int64_t gw_now_ms(struct gw *gw); /* the stand-in's clock, Unix time */
/* The clock of APIv3's signatures and of the Date header: the same, unless
 * option real_wire_clock is set. */
int64_t gw_wire_now_ms(struct gw *gw);
/* yyyyMMddHHmmss in Beijing. */
void gw_beijing(int64_t now_ms, char out[16]);
bool gw_beijing_read(const char *text, int64_t *ms);

const char *gw_order_type(const struct gw_order *o); /* its trade_type */
/* Is it of this sub-merchant?  "" is the merchant itself. */
bool gw_order_of(const struct gw_order *o, const char *sub_mch_id);
struct gw_order *gw_order_find(struct gw *gw, const char *no); /* [lock] */
struct gw_order *gw_order_by_transaction(
    struct gw *gw, const char *id); /* [lock] */
struct gw_order *gw_order_add(struct gw *gw, const char *no); /* [lock] */
struct gw_entry *gw_order_issue(struct gw *gw, struct gw_order *o); /* [lock] */
struct gw_entry *gw_entry_find(struct gw *gw, const char *id); /* [lock] */
/* [lock] Closes by age; call before looking at the state. */
void gw_order_settle(struct gw *gw, struct gw_order *o);
/* [lock] notice: start the notices too. */
void gw_order_pay(struct gw *gw, struct gw_order *o, bool notice);
/* [lock] Without its entries.  Freed by gw_order_drop. */
void gw_order_copy(struct gw_order *to, const struct gw_order *from);
void gw_order_drop(struct gw_order *copy);
/* [lock] */
void gw_order_json(struct gw *gw, struct gw_buf *b, struct gw_order *o);
void gw_order_clear(struct gw *gw); /* [lock] */

/* ---- api.c ----------------------------------------------------------- */

/* The fields of one answer on their way out. */
struct gw_answer {
	struct gw_list f;
	bool bare; /* return_code FAIL: nothing else, no sign */
	enum gw_sign_type sign_type;
};

/* Paid and told before the order's own answer is out. */
void gw_api_pay_early(struct gw *gw, const char *out_trade_no);
void gw_api_handle(struct gw *gw, enum gw_api api, struct gw_request *req,
    struct gw_response *res);
/* Spoils the fields before they are signed, signs, spoils the signature,
 * writes the XML, spoils that.  For answers and notices alike. */
void gw_api_seal(struct gw *gw, const struct gw_plan *plan, struct gw_answer *a,
    enum gw_xml_style style, struct gw_buf *out);

/* ---- bill.c ---------------------------------------------------------- */

/* [lock] The answer to a downloadbill whose fields and sign are good: a file,
 * or "" with the two texts of an error. */
struct gw_bill {
	struct gw_buf file;
	char error_code[16];
	char return_msg[128];
};
void gw_bill_make(struct gw *gw, const struct gw_list *in,
    const struct gw_plan *plan, struct gw_bill *out);

/* ---- refunds.c ------------------------------------------------------- */

/* No pointer of its own: a copy is a copy. */
struct gw_refund {
	char out_refund_no[72];
	char refund_id[32];
	char out_trade_no[40];
	char transaction_id[32];
	int64_t fee;
	int64_t total_fee;
	char status[16]; /* PROCESSING SUCCESS CHANGE REFUNDCLOSE */
	char result[16]; /* what it becomes */
	int64_t asked_ms;
	int64_t due_ms; /* when it does */
	int64_t success_ms;
	char notify_url[256];
	char source[16]; /* API, VENDOR_PLATFORM */
	bool v3; /* its notice is JSON */
	bool by_public_key;
	unsigned long epoch;
	struct gw_refund *next; /* made before this one */
};

struct gw_refusal {
	const char *err_code; /* NULL: none */
	const char *err_code_des;
};

/* [lock] What the API does, once form and signature are good.  Answers go to
 * f. */
struct gw_refusal gw_refund_ask(struct gw *gw, const struct gw_list *in,
    struct gw_order *o, struct gw_list *f);
struct gw_refusal gw_refund_query(struct gw *gw, const struct gw_list *in,
    const struct gw_plan *plan, struct gw_list *f);
/* [lock] Made at the merchant platform. */
struct gw_refund *gw_refund_make(struct gw *gw, struct gw_order *o,
    const char *out_refund_no, int64_t fee, const char *notify_url,
    const char *source);
struct gw_refund *gw_refund_find(
    struct gw *gw, const char *out_refund_no); /* [lock] */
/* [lock] What time has made of it. */
void gw_refund_settle(struct gw *gw, struct gw_refund *r);
void gw_refund_set(
    struct gw *gw, struct gw_refund *r, const char *status); /* [lock] */
void gw_refund_json(
    struct gw *gw, struct gw_buf *b, struct gw_refund *r); /* [lock] */
/* o: the order it is of. */
void gw_refund_notice(struct gw *gw, const struct gw_order *o,
    const struct gw_refund *r, const struct gw_plan *plan, struct gw_buf *body);
bool gw_refund_status_known(const char *status);
void gw_refund_clear(struct gw *gw); /* [lock] */

/* ---- cashier.c ------------------------------------------------------- */

void gw_cashier_open(
    struct gw *gw, struct gw_request *req, struct gw_response *res);
void gw_cashier_act(
    struct gw *gw, struct gw_request *req, struct gw_response *res);
/* The documented text by its short name, NULL if there is none. */
const char *gw_cashier_text(const char *name);
/* Name and text of the n-th, false after the last. */
bool gw_cashier_nth(size_t n, const char **name, const char **text);

/* What the payer is asked for, in cards and forms of one kind. */
void gw_page_begin(struct gw_response *res, const char *page, const char *data);
void gw_page_end(struct gw_buf *b);
void gw_page_hidden(struct gw_buf *b, const char *name, const char *value);
void gw_page_amount(struct gw_buf *b, int64_t fen);
/* [lock] The account that opens a page: X-WeChat-Account, else the option. */
const char *gw_page_account(struct gw *gw, const struct gw_request *req);
/* [lock] False: another account opened this entry before. */
bool gw_entry_claim(struct gw_entry *e, const char *account);

/* ---- phone.c --------------------------------------------------------- */

void gw_phone_scan(
    struct gw *gw, struct gw_request *req, struct gw_response *res);

/* ---- oauth.c --------------------------------------------------------- */

/* One code, for one exchange. */
struct gw_grant {
	char code[40];
	char appid[40];
	char openid[32];
	int64_t at_ms;
	bool used;
	struct gw_grant *next;
};

void gw_oauth_authorize(
    struct gw *gw, struct gw_request *req, struct gw_response *res);
void gw_oauth_access_token(
    struct gw *gw, struct gw_request *req, struct gw_response *res);
/* The same account of the same appid always has the same one. */
void gw_openid(const char *appid, const char *account, char out[32]);
/* [lock] Was it ever given to the merchant? */
bool gw_openid_known(struct gw *gw, const char *appid, const char *openid);
/* The merchant's own, or one of the sub-merchants'. */
bool gw_appid_known(const struct gw *gw, const char *appid);
void gw_grant_clear(struct gw *gw); /* [lock] */

/* ---- bridge.c -------------------------------------------------------- */

void gw_bridge_handle(
    struct gw *gw, struct gw_request *req, struct gw_response *res);

/* ---- notices.c ------------------------------------------------------- */

/* The notices of one payment, until one is taken or all were tried. */
struct gw_notice {
	unsigned id;
	char out_trade_no[40];
	char out_refund_no[72]; /* "": of the payment */
	char *echo; /* of /v3/security/echo instead; with url */
	char url[256];
	bool by_public_key;
	unsigned attempt; /* 0 is the first */
	int64_t due_ms;
	bool held; /* a late-fault was applied */
	unsigned flying;
	bool taken;
	struct gw_notice *next;
};

/* One POST to the merchant. */
struct gw_sent {
	unsigned id;
	unsigned notice; /* 0: sent by hand */
	char out_trade_no[40];
	unsigned attempt;
	int64_t at_ms;
	int64_t took_ms;
	bool answered; /* over, whatever the result */
	bool taken; /* 200 and SUCCESS; APIv3: 200 or 204 */
	bool v3;
	char *inside; /* what is encrypted in it; NULL: APIv2 */
	struct gw_list headers;
	int status;
	char *url;
	char *body;
	char *reply;
	char result[64];
};

/* What a notice is about. */
struct gw_about {
	const struct gw_order *order; /* always; a copy of the caller's */
	const struct gw_refund *refund; /* not NULL: its refund */
	const char *echo; /* not NULL: the echo test */
	bool by_public_key; /* of the echo test */
};

/* [lock] attempt 0 is sent at once, a later one on schedule. */
void gw_notice_start(struct gw *gw, struct gw_order *o, unsigned attempt);
/* [lock] Of a refund, when it is over. */
void gw_notice_refund(struct gw *gw, const struct gw_refund *r);
/* [lock] */
void gw_notice_echo(
    struct gw *gw, const char *url, const char *message, bool by_public_key);
/* [lock] Now, whatever the schedule says. */
void gw_notice_hurry(struct gw *gw, const char *out_trade_no);
/* One POST at once, built with the plan; waits for the reply.  Returns whether
 * it was taken, and the log's id: 0, and nothing sent, if there was a reset
 * since the order was copied. */
bool gw_notice_send(struct gw *gw, const struct gw_about *about,
    const char *url, const struct gw_plan *plan, unsigned notice,
    unsigned attempt, unsigned *id);
void *gw_notice_clockwork(void *gw); /* the thread that watches the clock */
void gw_sent_json(struct gw_buf *b, const struct gw_sent *s);
void gw_notice_drop(struct gw *gw); /* [lock] what is pending */
void gw_sent_clear(struct gw *gw); /* [lock] the log */

/* ---- v3.c, v3money.c, v3notice.c ------------------------------------- */

/* Everything below /v3/. */
void gw_v3_handle(
    struct gw *gw, struct gw_request *req, struct gw_response *res);
void gw_v3_errors_json(struct gw_buf *b); /* which call knows which code */
/* Freshly encrypted and signed; inside: what is encrypted in it. */
void gw_v3_notice(struct gw *gw, const struct gw_about *about,
    const struct gw_plan *plan, struct gw_buf *body, struct gw_buf *inside,
    struct gw_list *headers);
void gw_v3_clear(struct gw *gw); /* [lock] */

/* One file to download. */
struct gw_file {
	char token[48];
	char sub_mch_id[40];
	struct gw_buf bytes;
	int64_t until_ms;
	struct gw_file *next;
};

/* ---- control.c ------------------------------------------------------- */

/* One request that came in, for tests to look at. */
struct gw_call {
	unsigned id;
	enum gw_api api;
	char method[16];
	char peer[64];
	unsigned conn;
	int64_t at_ms; /* the stand-in's clock */
	int64_t real_ms; /* monotonic */
	char out_trade_no[40];
	char cert[64]; /* CN of the client's certificate */
	struct gw_list fields; /* decoded */
	struct gw_list headers;
	char *target; /* of the request line */
	char *body; /* as it came */
	char faults[128]; /* the kinds that hit it */
	char outcome[256]; /* "" until it is over */
};

unsigned gw_call_begin(struct gw *gw, enum gw_api api,
    const struct gw_request *req, const struct gw_list *fields,
    const char *out_trade_no, const struct gw_plan *plan); /* [lock] */
void gw_call_end(struct gw *gw, unsigned id, const char *outcome); /* [lock] */
void gw_call_clear(struct gw *gw); /* [lock] */
void gw_control_handle(
    struct gw *gw, struct gw_request *req, struct gw_response *res);

/* ---- front.c --------------------------------------------------------- */

void gw_front_handle(
    struct gw *gw, struct gw_request *req, struct gw_response *res);
/* The head of every page, up to and with <main>. */
void gw_front_head(struct gw_buf *b, const char *lang, const char *title);

/* ---- main.c: the whole ----------------------------------------------- */

/* Given at the start, never changed. */
struct gw_setup {
	const char *listen;
	const char *side_listen;
	const char *port_file;
	const char *appid;
	const char *mch_id;
	char key[128];
	char app_secret[64];
	char public_url[512];
	const char *tls_cert;
	const char *tls_key;
	const char *client_ca;
	/* APIv3: all, or none; the last two are of public-key mode */
	const char *merchant_cert;
	const char *platform_cert;
	const char *platform_key;
	const char *wechat_key;
	char public_key_id[80];
	char apiv3_key[40];
	/* a service provider's sub-merchants and their appids; "": none */
	char sub_mch_ids[256];
	char sub_appids[256];
	unsigned kept; /* entries of each log */
};

/* Set at the start and by control; one row each in control.c. */
struct gw_options {
	char allowed_domains[512];
	char client_ip[64];
	char account[64];
	char products[64]; /* trade types that the merchant may use */
	char oauth_domains[512]; /* hosts of redirect_uri */
	char jsapi_directories[512]; /* URLs, blank-separated; "": any */
	char refund_result[16]; /* what refunds become */
	int64_t refund_s; /* after so many seconds */
	int64_t refund_gap_s; /* least time between two of one order */
	int64_t balance; /* fen that can be refunded */
	int64_t plain_refund; /* without a certificate */
	int64_t enforce_ip;
	int64_t strict_ip;
	int64_t strict_expire;
	int64_t refuse_early_close;
	int64_t refuse_second_close;
	int64_t refuse_unknown_close;
	int64_t old_urls_live;
	int64_t same_code; /* each code_url is the same */
	int64_t no_scope; /* the account may not ask who somebody is */
	int64_t notice_sign_type;
	int64_t notice_timeout_ms;
	int64_t pay_later_s;
	int64_t latency_ms;
	int64_t speed;
	int64_t bill_early;
	char platform_notify_url[256]; /* refunds that name none */
	int64_t same_prepay; /* a repeated prepay gives what it gave */
	int64_t cross_api; /* orders of one API may be asked by the other */
	int64_t certificates; /* there is a platform certificate to fetch */
	/* signed by the public key; beyond 100: as the call asked to be */
	int64_t notice_public_percent;
	int64_t refund_notice_mchid; /* partner: mchid, not sp_mchid */
	int64_t real_wire_clock;
};

struct gw {
	struct gw_setup setup;
	struct gw_options start; /* what reset goes back to */
	struct gw_tls *tls;
	struct gw_tls *tls_out;
	struct gw_v3_keys *keys; /* NULL: no APIv3 here */

	pthread_mutex_t lock;
	pthread_cond_t changed; /* anything a waiting test may look at */
	pthread_cond_t timing; /* something is due at another time now */
	pthread_cond_t stopped; /* for those who sleep */
	_Atomic bool stopping;
	_Atomic int64_t clock_offset_ms;
	_Atomic int64_t wire_offset_ms; /* the same, or 0 */

	/* all below: under the lock */
	struct gw_options opt;
	struct gw_map orders;
	struct gw_map transactions;
	struct gw_map entries; /* by prepay_id and by code */
	struct gw_map openids;
	struct gw_grant *grants; /* newest first */
	struct gw_order *newest;
	struct gw_refund *refunds; /* newest first */
	struct gw_file *files; /* newest first */
	int64_t notice_share;
	uint64_t serial; /* of prepay and transaction numbers */
	size_t waiting_payments;

	struct gw_fault *faults;
	unsigned last_fault;

	/* Rings: entry id stands at id % kept.  Ids go on over a reset. */
	struct gw_call **calls;
	unsigned last_call;
	uint64_t count[GW_API_COUNT];
	uint64_t connections; /* TCP, without the side door's */
	uint64_t api_connections; /* those that carried an API call */
	uint64_t handshakes; /* TLS, complete */
	uint64_t failed_handshakes;
	uint64_t requests;

	struct gw_notice *notices;
	struct gw_sent **sent;
	unsigned last_notice;
	unsigned last_sent;
	unsigned flying; /* delivery threads */
	unsigned long epoch; /* counts resets */

	struct gw_conn *conns;
	unsigned conn_count;
	unsigned last_conn;
};

/* Sleeps, but not beyond a stop. */
void gw_pause(struct gw *gw, int64_t ms);
/* Waits on cond until the monotonic time at_ms; false once it is over.
 * [lock] */
bool gw_wait(struct gw *gw, pthread_cond_t *cond, int64_t at_ms);
/* A detached thread with a small stack. */
bool gw_thread(void *(*run)(void *), void *arg);
/* Finds the handler of a request and calls it. */
void gw_route(struct gw *gw, struct gw_request *req, struct gw_response *res);

#endif
