/* wechat.h - WeChat Pay in words of no protocol: what it says, as facts, and
 * the calls that ask it.
 *
 * A call goes by the API that its attempt was made with; each API has a folder
 * of its own here, and nothing outside common/wechat includes from it.  What
 * reads notices (notice.c) is linked without what calls (call.c): notify needs
 * neither curl nor what writes requests.
 *
 * The names of facts are WeChat's own (docs/PROTOCOL.md). */
#ifndef H5_WECHAT_WECHAT_H
#define H5_WECHAT_WECHAT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/fields.h"
#include "common/base/log.h"
#include "common/config/config.h"
#include "common/order/order.h"

/* --- facts --- */

/* What to do about an answer, whichever call it answers. */
enum h5_wechat_verdict {
	H5_WECHAT_SUCCESS, /* done as asked */
	H5_WECHAT_PAID, /* the order is paid: query, then settle */
	H5_WECHAT_CLOSED, /* the number is closed */
	H5_WECHAT_TAKEN, /* the number was ordered before: query, close, take
	    the next number */
	H5_WECHAT_TAKEN_PERHAPS, /* against WeChat's rules, and one of them is
	    the above: a query tells which */
	H5_WECHAT_UNKNOWN_ORDER, /* WeChat knows no such number of ours */
	H5_WECHAT_AGAIN, /* a fault at WeChat, or too many calls: the outcome
	    is unknown */
	H5_WECHAT_NO_REFUND, /* WeChat knows no such refund of ours */
	H5_WECHAT_NOT_YET, /* close: not before five minutes have passed;
	    refund: not before a minute has passed */
	H5_WECHAT_MERCHANT, /* the operator must act */
	H5_WECHAT_REFUSED /* any other refusal: our bug or the order's fault */
};

struct h5_wechat_refusal {
	enum h5_wechat_verdict verdict;
	bool merchants; /* with H5_E_REMOTE: an unsigned refusal in words that
			   only the merchant can mend.  It decides what the
			   buyer is told; nothing of it is believed */
	bool not_open; /* the merchant has not this product; as with merchants,
			  nothing of an unsigned one is believed */
	char err_code[33];
	char err_code_des[130]; /* WeChat's words, for the log and show */
	const char *note; /* what the code means and what to fix, in English;
	    NULL: nothing to add */
};

struct h5_wechat_prepay {
	char prepay_id[65];
	char *mweb_url; /* of H5: begins with gateway.cashier; free() it */
	char *code_url; /* of Native: what a QR shows, unchanged; free() it */
};
void h5_wechat_prepay_release(struct h5_wechat_prepay *p);

/* What the bridge inside WeChat is called with, under its own names.  All are
 * texts, as it demands. */
struct h5_wechat_bridge {
	const char *app_id; /* borrowed from the configuration */
	char time_stamp[21];
	char nonce_str[33];
	char package[80]; /* "prepay_id=" and the id */
	const char *sign_type;
	char pay_sign[513];
};

/* What became of a code that was exchanged for an openid. */
enum h5_wechat_who {
	H5_WECHAT_WHO, /* openid is filled */
	H5_WECHAT_WHO_STALE, /* the code was used before, is too old or none:
	    only a new one helps */
	H5_WECHAT_WHO_VIRTUAL, /* a person without an account, of WeChat's
	    "snapshot" mode: nothing can be paid with it */
	H5_WECHAT_WHO_MERCHANT, /* appid or AppSecret are not taken: the
	    operator must act */
	H5_WECHAT_WHO_LATER /* WeChat is busy */
};
#define H5_WECHAT_OPENID 129 /* longest openid and NUL */
#define H5_WECHAT_CODE_MAX 512 /* bytes of a code (PROTOCOL) */

/* What WeChat says of one attempt's trade. */
struct h5_wechat_trade {
	char out_trade_no[33];
	char trade_state[16]; /* SUCCESS REFUND NOTPAY CLOSED REVOKED USERPAYING
	    PAYERROR ACCEPT; a notice is SUCCESS */
	bool paid; /* SUCCESS or REFUND */
	char transaction_id[33];
	int64_t total_fee; /* fen; -1: not said */
	char fee_type[9]; /* "CNY" when not said */
	int64_t time_end; /* Unix seconds; 0: not said or malformed */
	enum h5_sign_type sign_type; /* of a notice; UNSAID from a query, whose
		answer was signed as we had asked, and from APIv3 */
	enum h5_api api; /* whose form a notice came in */
	int64_t returned; /* fen that went back or are on their way there, as
	    h5_wechat_refunds tells; 0 from a notice or a query */
	bool elsewhere; /* some went back, and nobody told how much: returned
	    is all of it until somebody does; set by pay alone */
	struct h5_fields further; /* every other element, to be kept; without
	    the envelope (return_code ... sign), openid and what stands above */
};
void h5_wechat_trade_init(struct h5_wechat_trade *t);
void h5_wechat_trade_release(struct h5_wechat_trade *t);

/* h5_wechat_trade_type(p): WeChat's word for a product: MWEB, NATIVE, JSAPI,
 * as orders, answers and bills spell it (docs/PROTOCOL.md 2.1). */
const char *h5_wechat_trade_type(enum h5_product p);
/* h5_wechat_not_open(p): what the log tells the operator, in English, when
 * WeChat refuses the product because the merchant has not opened it. */
const char *h5_wechat_not_open(enum h5_product p);

/* What WeChat says of one refund. */
struct h5_wechat_refund {
	char out_trade_no[33];
	char transaction_id[33];
	char out_refund_no[65];
	char refund_id[33];
	enum h5_refund_state state; /* one of WeChat's own; accepted by refund
	    is PROCESSING */
	int64_t total_fee, refund_fee; /* fen */
	int64_t success_time; /* Unix seconds; 0: not said or malformed */
};

/* All refunds of one payment, whoever asked for them. */
#define H5_WECHAT_REFUNDS_MAX 50 /* WeChat allows no more */
struct h5_wechat_refunds {
	size_t n;
	struct h5_wechat_refund v[H5_WECHAT_REFUNDS_MAX];
};

/* What a refund notice says.  It proves nothing: it is a reason to ask. */
struct h5_wechat_hint {
	char out_trade_no[33];
	char out_refund_no[65];
	char refund_id[33]; /* "": not said */
	char refund_status[16];
	int64_t refund_fee; /* fen; 0: not said */
	char echo[65]; /* of H5_WECHAT_ECHO */
};

/* --- the keys of APIv3 (ready.c) --- */

/* h5_wechat_ready(c, now, faults, e), h5_wechat_ready_to_take(c, now, faults,
 * e): read the keys of APIv3 that c names, to call WeChat or only to take its
 * notices.  Call it before c is shared and before files are closed to us; it
 * does nothing if APIv3 is not set up.
 * now: for a check, which looks at everything: the Unix seconds at which the
 *   merchant's certificate must be valid; 0: to serve, whatever became of it.
 * faults: gets each fault as a line "file:line: what is wrong"; or NULL.
 * H5_E_CONFIG: a file cannot be read or does not hold what it must.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_wechat_ready(
    struct h5_config *c, int64_t now, struct h5_buf *faults, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_wechat_ready_to_take(
    struct h5_config *c, int64_t now, struct h5_buf *faults, struct h5_err *e);

/* --- notices (notice.c; self_test.c) --- */

/* h5_wechat_self_test(e): can this machine check what WeChat signs?
 * H5_E_BUG: its OpenSSL cannot. */
H5_MUST_CHECK enum h5_code h5_wechat_self_test(struct h5_err *e);

enum h5_wechat_kind {
	H5_WECHAT_PAYMENT,
	H5_WECHAT_PAYMENT_HINT, /* signed with merchant.api_key_previous */
	H5_WECHAT_REFUND,
	H5_WECHAT_ECHO, /* APIv3: the doctor asked for it */
	H5_WECHAT_UNUSED /* APIv3: an event that nothing here waits for */
};

/* What a notice of APIv3 is signed by. */
enum h5_wechat_header {
	H5_WECHAT_TIMESTAMP,
	H5_WECHAT_NONCE,
	H5_WECHAT_SIGNATURE,
	H5_WECHAT_SERIAL,
	H5_WECHAT_SIGNATURE_TYPE,
	H5_WECHAT_HEADERS
};
struct h5_wechat_headers {
	bool any; /* a Wechatpay-* header is there */
	bool doubled; /* one of these is there more than once */
	char *v[H5_WECHAT_HEADERS]; /* NULL: not there */
};

/* h5_wechat_form(h, body, n): the API in whose form these n bytes came: APIv3
 * if they begin with { behind BOM and blanks, or have any of its headers. */
enum h5_api h5_wechat_form(
    const struct h5_wechat_headers *h, const char *body, size_t n);

/* h5_wechat_probe(h): is it one of WeChat's probes, whose signature is wrong on
 * purpose, to see whether it is looked at?  It is refused like anything that is
 * not signed; this is for the level of the log alone. */
bool h5_wechat_probe(const struct h5_wechat_headers *h);

/* h5_wechat_notice(c, h, body, n, kind, t, hint, e): read the n bytes of a
 * notice, and believe it if WeChat signed it for us.  t is initialised here;
 * release it.  If kind is H5_WECHAT_PAYMENT, t is filled, and paid.  If it is
 * H5_WECHAT_PAYMENT_HINT, t is filled and not to be believed.  If it is
 * H5_WECHAT_REFUND, hint is filled.  If it is H5_WECHAT_ECHO, hint has the
 * message that came back.  The caller compares t->api and t->sign_type with the
 * attempt's.  e->msg is English and fit for the reply.
 * H5_E_INPUT: malformed.
 * H5_E_AUTH: not signed by WeChat for us.
 * H5_E_NOTFOUND: about other ids than ours.
 * H5_E_STATE: it tells of no payment.
 * H5_E_BUG: OpenSSL refused.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_wechat_notice(const struct h5_config *c,
    const struct h5_wechat_headers *h, const char *body, size_t n,
    enum h5_wechat_kind *kind, struct h5_wechat_trade *t,
    struct h5_wechat_hint *hint, struct h5_err *e);

/* How notices and the replies to them travel. */
#define H5_WECHAT_TYPE "text/xml; charset=utf-8"
/* The reply for when there is no memory to write one. */
#define H5_WECHAT_REPLY_LATER                                                  \
	"<xml><return_code><![CDATA[FAIL]]></return_code>"                     \
	"<return_msg><![CDATA[try again later]]></return_msg></xml>"

/* h5_wechat_reply(form, ok, msg, out): append the reply to a notice that came
 * in the form of that API, the exact bytes of docs/INTERFACE.md 4; nothing if
 * one of APIv3 is taken.  msg is reduced to plain ASCII without markup. */
void h5_wechat_reply(
    enum h5_api form, bool ok, const char *msg, struct h5_buf *out);
/* h5_wechat_reply_type(form): its Content-Type. */
const char *h5_wechat_reply_type(enum h5_api form);

/* h5_wechat_is_reply(text): does text begin as every reply does? */
bool h5_wechat_is_reply(const char *text);

/* --- the merchant's certificate (certificate.c) --- */

/* h5_wechat_certificate(c, now, e): can merchant.cert_file and
 * merchant.key_file, which must be set, prove at the time now (Unix seconds)
 * that we are merchant.mch_id?
 * H5_E_CONFIG: as h5_crypto_certificate, or others may read the key.
 * H5_E_NOMEM: no memory.
 * Others as h5_file_read: a file cannot be read. */
H5_MUST_CHECK enum h5_code h5_wechat_certificate(
    const struct h5_config *c, int64_t now, struct h5_err *e);

/* h5_wechat_certificate_end(c, end, e): the last second (Unix) at which
 * merchant.cert_file, which must be set, is valid.
 * H5_E_CONFIG, H5_E_NOMEM: as h5_crypto_certificate_end.
 * Others as h5_file_read: the file cannot be read. */
H5_MUST_CHECK enum h5_code h5_wechat_certificate_end(
    const struct h5_config *c, int64_t *end, struct h5_err *e);

/* h5_wechat_platform_end(c, end, e): the last second (Unix) at which the newest
 * of the certificates in merchant.platform_certs, which must be set, is valid.
 * Errors as h5_wechat_certificate_end. */
H5_MUST_CHECK enum h5_code h5_wechat_platform_end(
    const struct h5_config *c, int64_t *end, struct h5_err *e);

/* --- calls (call.c) --- */

/* What one thread calls WeChat with.  The main and the backup host are tried in
 * turn on connection failure and HTTP 5xx, and WeChat's own faults are retried
 * with back-off, always with the same parameters: the number makes an order one
 * order (docs/PROTOCOL.md 1.1, 2.7).  All of that takes at most
 * gateway.deadline_ms, for which a call blocks.  Every call logs one line. */
struct h5_wechat;

/* h5_wechat_new(c, out, e): make what one thread calls with.  c is borrowed.
 * Nothing is connected yet.
 * H5_E_CONFIG: a file that c names cannot be read.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_wechat_new(
    const struct h5_config *c, struct h5_wechat **out, struct h5_err *e);
void h5_wechat_free(struct h5_wechat *w);
/* The same two, as a worker thread of a web program makes and frees what is its
 * own (program.h). */
H5_MUST_CHECK enum h5_code h5_wechat_worker_new(
    const struct h5_config *c, void **out, struct h5_err *e);
void h5_wechat_worker_free(void *worker);

/* h5_wechat_clock(w, ahead_s): by how many seconds this machine's clock is
 * ahead of WeChat's (negative: behind), as far as answers that w got within
 * the last minute tell.  false: no answer told it, or the clock was set
 * since. */
bool h5_wechat_clock(const struct h5_wechat *w, int64_t *ahead_s);

/* h5_wechat_date(w, at): WeChat's own time, in Unix seconds, when it gave the
 * last answer that told it; this machine's clock has no part in it.  false: no
 * answer has. */
bool h5_wechat_date(const struct h5_wechat *w, int64_t *at);

/* Errors of each call that follows:
 * H5_OK: refusal->verdict tells what WeChat said; the facts are filled only if
 * it is H5_WECHAT_SUCCESS.
 * H5_E_NET: not reached, or the outcome is unknown.
 * H5_E_REMOTE: an answer that must not be believed.
 * H5_E_CONFIG: the configuration does not allow the call.
 * H5_E_BUG: OpenSSL or curl refused.
 * H5_E_NOMEM: no memory. */

/* h5_wechat_prepay(w, log, o, a, ip, out, refusal, e): order the attempt a of o
 * for the payer at the address ip.  All other parameters are the stored ones,
 * so that the same attempt is the same order however often this is called. */
H5_MUST_CHECK enum h5_code h5_wechat_prepay(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_attempt *a, const char *ip, struct h5_wechat_prepay *out,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_wechat_request(c, o, a, ip, out, e): append the body in which the attempt
 * a of o, for the payer at the address ip, is ordered first, if its API
 * compares a repetition with those bytes; nothing if it does not.  Asks nobody.
 * H5_E_INPUT: more than H5_ORDER_REQUEST_MAX bytes.
 * H5_E_CONFIG, H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_wechat_request(const struct h5_config *c,
    const struct h5_order *o, const struct h5_attempt *a, const char *ip,
    struct h5_buf *out, struct h5_err *e);

/* h5_wechat_bridge(c, a, now, out, e): what the page hands to the bridge to
 * have attempt a paid, which has a prepay_id.  now: Unix seconds.  Asks nobody.
 * H5_E_BUG: OpenSSL refused.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_wechat_bridge(const struct h5_config *c,
    const struct h5_attempt *a, int64_t now, struct h5_wechat_bridge *out,
    struct h5_err *e);

/* h5_wechat_openid(w, log, order, code, openid, who, e): exchange the code that
 * a buyer of that order came back with.  Once: a code is spent by the first
 * exchange, even if its answer is lost.  Neither code nor openid is logged.
 * H5_OK: *who tells.
 * H5_E_NET, H5_E_REMOTE, H5_E_CONFIG, H5_E_NOMEM: as the calls. */
H5_MUST_CHECK enum h5_code h5_wechat_openid(struct h5_wechat *w,
    const struct h5_log *log, const char *order, const char *code,
    char openid[H5_WECHAT_OPENID], enum h5_wechat_who *who, struct h5_err *e);

/* h5_wechat_try_secret(w, timeout_ms, errcode, words, e): exchange a made-up
 * code, for no order.  Blocks for timeout_ms at most; nothing is logged.
 * H5_OK: *errcode is WeChat's: 40029 (invalid code) if appid and AppSecret are
 * good; 0: it named none.  words->msg has it with WeChat's words.
 * H5_E_REMOTE: the answer is not WeChat's.
 * H5_E_NET, H5_E_CONFIG, H5_E_IO, H5_E_NOMEM: as the calls. */
H5_MUST_CHECK enum h5_code h5_wechat_try_secret(struct h5_wechat *w,
    int timeout_ms, long long *errcode, struct h5_err *words, struct h5_err *e);

/* h5_wechat_query(w, log, a, t, refusal, e): what WeChat knows of an attempt.
 * t is initialised here; release it. */
H5_MUST_CHECK enum h5_code h5_wechat_query(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_attempt *a,
    struct h5_wechat_trade *t, struct h5_wechat_refusal *refusal,
    struct h5_err *e);

/* h5_wechat_close(w, log, a, refusal, e): close an attempt at WeChat.
 * H5_WECHAT_SUCCESS and H5_WECHAT_CLOSED both mean closed. */
H5_MUST_CHECK enum h5_code h5_wechat_close(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_attempt *a,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_wechat_refund(w, log, o, r, got, refusal, e): ask for the refund r of the
 * order o, with its number, its attempt and its amount.  Asking again with the
 * same number is one refund.  H5_WECHAT_SUCCESS means accepted, and not
 * refunded yet.  An answer is believed if it is about this refund, attempt and
 * amounts. */
H5_MUST_CHECK enum h5_code h5_wechat_refund(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_refund *r, struct h5_wechat_refund *got,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_wechat_refund_query(w, log, o, r, got, refusal, e): what became of the
 * refund r of the order o.  An answer is believed as above, except for the
 * amount of a refund that only a notice spoke of: that binds nobody.
 * H5_WECHAT_TAKEN: r was no more than asked for, and the number is another
 * order's. */
H5_MUST_CHECK enum h5_code h5_wechat_refund_query(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_order *o,
    const struct h5_refund *r, struct h5_wechat_refund *got,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_wechat_refunds(w, log, a, transaction_id, list, refusal, e): every refund
 * of what attempt a paid by that transaction, wherever it was asked for.
 * H5_WECHAT_NO_REFUND: there is none.  An answer is believed if all of it is
 * about this payment and no more than it goes back. */
H5_MUST_CHECK enum h5_code h5_wechat_refunds(struct h5_wechat *w,
    const struct h5_log *log, const struct h5_attempt *a,
    const char *transaction_id, struct h5_wechat_refunds *list,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_wechat_refund_ready(c, now, e): is everything there that a refund needs at
 * the time now (Unix seconds)?  Reads the merchant's certificate and key.  A
 * gateway on this machine by plain http needs none.
 * H5_E_CONFIG: e->msg says what to do.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_wechat_refund_ready(
    const struct h5_config *c, int64_t now, struct h5_err *e);

#define H5_WECHAT_BILL_RAW (64U << 20) /* most bytes of a bill as it comes */

/* h5_wechat_bill(c, log, day, type, raw, text, e): download the bill of a day.
 * A bill is large and carries no signature.  TLS alone vouches for it, so it is
 * only compared, and where it differs h5_wechat_query decides (docs/PROTOCOL.md
 * 8).  day: its first second, Unix.  type: ALL, SUCCESS or REFUND.  raw (at
 * most H5_WECHAT_BILL_RAW) gets the answer as it came, a gzip file; text (at
 * most H5_BILL_MAX) gets what is in it.  Both are cleared first.  Blocks for up
 * to twenty times gateway.timeout_ms, three times over.
 * H5_E_NOTFOUND: no trade that day.
 * H5_E_BUSY: WeChat still makes the bill, or failed three times.
 * H5_E_CONFIG: the signature or appid is wrong, or downloads are switched off
 * for the merchant.
 * H5_E_INPUT: WeChat has no bill for such a day.
 * H5_E_NET, H5_E_REMOTE: not reached, not believed. */
H5_MUST_CHECK enum h5_code h5_wechat_bill(const struct h5_config *c,
    const struct h5_log *log, int64_t day, const char *type, struct h5_buf *raw,
    struct h5_buf *text, struct h5_err *e);

/* h5_wechat_certificates(w, log, pem, refusal, e): WeChat's platform
 * certificates of APIv3, those that are valid or will be, one behind the other
 * in PEM.  pem is cleared first.  They are decrypted with merchant.apiv3_key,
 * and the whole answer is checked with the ones that we had and with these.
 * H5_WECHAT_MERCHANT with RESOURCE_NOT_EXISTS: this merchant has none, but a
 * public key.  Source: PROTOCOL-V3 12.1. */
H5_MUST_CHECK enum h5_code h5_wechat_certificates(struct h5_wechat *w,
    const struct h5_log *log, struct h5_buf *pem,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_wechat_echo(w, log, message, notice, refusal, e): have WeChat send message
 * back, signed, over APIv3; no order is touched and no money moves.
 * H5_WECHAT_SUCCESS proves mch_id, certificate, key and clock, and that
 * WeChat's key here is the right one.  notice: have a notice of it sent to
 * notify as well, which proves the APIv3 key and the way there.  Source:
 * PROTOCOL-V3 12.2. */
H5_MUST_CHECK enum h5_code h5_wechat_echo(struct h5_wechat *w,
    const struct h5_log *log, const char *message, bool notice,
    struct h5_wechat_refusal *refusal, struct h5_err *e);

/* h5_wechat_sample_notice(c, number, out, e): append a payment notice signed as
 * WeChat signs, for the doctor to send to the shop's own notify.  number: of an
 * order that cannot be there.
 * H5_E_IO: no random bytes.
 * H5_E_BUG: OpenSSL refused.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_wechat_sample_notice(const struct h5_config *c,
    const char *number, struct h5_buf *out, struct h5_err *e);

#endif
