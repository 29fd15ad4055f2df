/* The bill of a day over APIv3, in two steps: where it lies, with its hash, and
 * the file, which nobody signs. */
#include "common/wechat/v3/call.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/base/text.h"
#include "common/format/json_read.h"
#include "common/system/crypto.h"
#include "common/wechat/bill_unpack.h"
#include "common/wechat/v3/converse.h"
#include "common/wechat/v3/message.h"

#define PATIENCE 20 /* a bill takes longer than an order's few bytes */
#define TRIES 3
#define PAUSE_MS 250 /* before the second; doubles */
#define HASH_HEX 41 /* SHA-1 as hex, and NUL */

/* Where the file lies, and what it must be. */
struct place {
	const char *host; /* one of the configured ones */
	char hash[HASH_HEX];
	struct h5_buf target;
};

/* --- the first step ------------------------------------------------------- */

/* What a refusal means for whoever wants a bill. */
static enum h5_code
refused(const struct h5_wechat_refusal *refusal, struct h5_err *e)
{
	static const struct {
		const char *code;
		enum h5_code means;
		const char *words;
	} rows[] = {
	    {"NO_STATEMENT_EXIST", H5_E_NOTFOUND,
		"there was no trade on that day"},
	    {"STATEMENT_CREATING", H5_E_BUSY,
		"WeChat is still making that bill: try again after 10:00"},
	    {"INVALID_REQUEST", H5_E_INPUT,
		"WeChat has no bill for that day: it keeps three months, and "
		"makes a day's bill on the next day from 10:00"},
	    {"PARAM_ERROR", H5_E_INPUT,
		"WeChat has no bill for that day: it keeps three months, and "
		"makes a day's bill on the next day from 10:00"},
	};
	size_t i;

	for (i = 0; i < H5_LENGTH(rows); i++)
		if (strcmp(rows[i].code, refusal->err_code) == 0)
			return h5_err_set(e, rows[i].means, "%s (%s %s)",
			    rows[i].words, refusal->err_code,
			    refusal->err_code_des);
	return h5_err_set(e,
	    refusal->verdict == H5_WECHAT_AGAIN	     ? H5_E_BUSY
	    : refusal->verdict == H5_WECHAT_MERCHANT ? H5_E_CONFIG
						     : H5_E_REMOTE,
	    "WeChat refuses the bill: %s %s%s%s", refusal->err_code,
	    refusal->err_code_des, refusal->note != NULL ? ": " : "",
	    refusal->note != NULL ? refusal->note : "");
}

/* Is url below that host?  Then its path with its query, as it came. */
static const char *
below(const char *url, const char *host)
{
	size_t n = host == NULL ? 0 : strlen(host);

	return n > 0 && strncmp(url, host, n) == 0 && url[n] == '/' ? url + n
								    : NULL;
}

static enum h5_code
take_place(const struct h5_config *c, const struct h5_json_value *v,
    struct place *p, struct h5_err *e)
{
	const char *url = h5_json_string_of(v, "download_url");
	const char *type = h5_json_string_of(v, "hash_type");
	const char *hash = h5_json_string_of(v, "hash_value");
	const char *target;
	size_t i;

	if (type == NULL || strcmp(type, "SHA1") != 0 || hash == NULL ||
	    strlen(hash) != HASH_HEX - 1)
		return h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: no SHA1 of the bill");
	for (i = 0; i < HASH_HEX; i++)
		p->hash[i] = (char)(hash[i] >= 'A' && hash[i] <= 'F'
					? hash[i] - 'A' + 'a'
					: hash[i]);
	if (url == NULL)
		url = "";
	/* Our signature goes to WeChat's own hosts and to nobody else. */
	p->host = c->gateway.url;
	target = below(url, p->host);
	if (target == NULL) {
		p->host = c->gateway.backup_url;
		target = below(url, p->host);
	}
	if (target == NULL)
		return h5_err_set(e, H5_E_REMOTE,
		    "WeChat's answer: the bill is said to lie at none of "
		    "gateway.url and gateway.backup_url");
	for (i = 0; target[i] != '\0'; i++)
		if (target[i] <= ' ' || target[i] > '~' || target[i] == '#')
			return h5_err_set(e, H5_E_REMOTE,
			    "WeChat's answer: no valid download_url");
	h5_buf_puts(&p->target, target);
	return h5_buf_finish(&p->target, e);
}

static enum h5_code
find_place(struct h5_wechat *w, const struct h5_log *log, const char *day,
    const char *type, struct place *p, struct h5_err *e)
{
	struct h5_wechat_refusal refusal;
	struct h5_json_value *v = NULL;
	struct h5_v3_call k;
	enum h5_code rc;

	h5_buf_clear(&p->target);
	h5_v3_begin(&k, H5_V3_BILL, &refusal);
	h5_v3_target_bill(w->c, day, type, &k.target);
	rc = h5_v3_converse(w, log, &k, &refusal, e);
	if (rc == H5_OK && refusal.verdict != H5_WECHAT_SUCCESS)
		rc = refused(&refusal, e);
	else if (rc == H5_OK)
		rc = h5_json_read(w->answer.data, w->answer.len, &v, e);
	if (v != NULL)
		rc = take_place(w->c, v, p, e);
	else if (rc == H5_E_INPUT && refusal.verdict == H5_WECHAT_SUCCESS)
		rc = h5_err_as(e, H5_E_REMOTE);
	h5_json_free(v);
	h5_v3_end(&k);
	return rc;
}

/* --- the second ----------------------------------------------------------- */

static enum h5_code
hash_of(const struct h5_buf *b, char hex[HASH_HEX], struct h5_err *e)
{
	unsigned char sha1[20];
	enum h5_code rc = h5_crypto_sha1(b->data, b->len, sha1, e);

	h5_text_hex(sha1, sizeof sha1, hex);
	return rc;
}

/* The hash is that of the unpacked text.  WeChat's words leave open whether it
 * might be that of the packed file, which is as good a proof. */
static enum h5_code
check_hash(const struct h5_buf *raw, const struct h5_buf *text,
    const char *hash, struct h5_err *e)
{
	char of_text[HASH_HEX], of_raw[HASH_HEX];
	enum h5_code rc = hash_of(text, of_text, e);

	if (rc == H5_OK)
		rc = hash_of(raw, of_raw, e);
	if (rc == H5_OK && strcmp(of_text, hash) != 0 &&
	    strcmp(of_raw, hash) != 0)
		rc = h5_err_set(e, H5_E_REMOTE,
		    "the bill is not the one that WeChat announced: its hash "
		    "differs");
	return rc;
}

static enum h5_code
fetch(const struct h5_config *c, struct h5_https *h, const struct place *p,
    struct h5_buf *raw, struct h5_buf *text, struct h5_err *e)
{
	struct h5_wechat_refusal refusal;
	struct h5_v3_call k;
	enum h5_code rc;

	h5_v3_begin(&k, H5_V3_BILL_FILE, &refusal);
	h5_buf_puts(&k.target, p->target.data);
	rc = h5_buf_finish(&k.target, e);
	if (rc == H5_OK)
		rc = h5_v3_send(c, h, &k, p->host,
		    c->gateway.timeout_ms * PATIENCE, raw, e);
	if (rc == H5_OK && k.facts.status != 200) {
		h5_v3_refused(k.what, k.facts.status, raw->data, raw->len,
		    k.request_id, &refusal);
		rc = h5_err_set(e,
		    refusal.verdict == H5_WECHAT_MERCHANT ? H5_E_CONFIG
							  : H5_E_REMOTE,
		    "WeChat refuses the bill's file: %s %s", refusal.err_code,
		    refusal.err_code_des);
	}
	/* No header says who signed a file (PROTOCOL-V3 11): its hash, from an
	 * answer that was signed, vouches for it. */
	if (rc == H5_OK)
		rc = h5_wechat_unpack_bill(raw, text, e);
	if (rc == H5_OK)
		rc = check_hash(raw, text, p->hash, e);
	h5_v3_end(&k);
	return rc;
}

/* A file's address lives five minutes, so both steps are made again. */
static enum h5_code
get(struct h5_wechat *w, struct h5_https *patient, const struct h5_log *log,
    const char *day, const char *type, struct h5_buf *raw, struct h5_buf *text,
    struct h5_err *e)
{
	struct place p = {.host = NULL};
	int pause_ms = PAUSE_MS;
	enum h5_code rc = H5_E_BUG;
	struct h5_err why = {H5_OK, 0, ""};
	unsigned i;

	h5_buf_init(&p.target, H5_V3_TARGET_MAX);
	for (i = 0; i < TRIES; i++) {
		if (i > 0) {
			h5_log_event(log, H5_LOG_WARN, "wechat-try-again",
			    "api", "v3/billdownload", "why", why.msg, NULL);
			h5_clock_pause_ms(pause_ms);
			pause_ms *= 2;
		}
		/* The first step repeats by itself what may be repeated. */
		rc = find_place(w, log, day, type, &p, &why);
		if (rc != H5_OK)
			break;
		rc = fetch(w->c, patient, &p, raw, text, &why);
		if (rc != H5_E_NET && rc != H5_E_REMOTE)
			break;
	}
	h5_buf_release(&p.target);
	return rc == H5_OK ? H5_OK : h5_err_pass(e, &why);
}

enum h5_code
h5_v3_bill(const struct h5_config *c, const struct h5_log *log, int64_t day,
    const char *type, struct h5_buf *raw, struct h5_buf *text, struct h5_err *e)
{
	struct h5_https_options o = {.ca_file = c->gateway.ca_file,
	    .connect_timeout_ms = c->gateway.connect_timeout_ms,
	    .timeout_ms = c->gateway.timeout_ms * PATIENCE};
	int64_t began_ms = h5_clock_mono_ms();
	struct h5_https *patient = NULL;
	struct h5_wechat *w = NULL;
	struct h5_err why = {H5_OK, 0, ""};
	char date[H5_CLOCK_DAY];
	enum h5_code rc;

	/* Both are cleared first, since the caller may hold the bill of another
	 * day in them. */
	h5_buf_clear(raw);
	h5_buf_clear(text);
	h5_clock_day(day, date);
	rc = h5_wechat_new(c, &w, &why);
	if (rc == H5_OK)
		rc = h5_https_new(&o, &patient, &why);
	if (rc == H5_OK)
		rc = get(w, patient, log, date, type, raw, text, &why);
	rc = h5_wechat_end_bill(&(struct h5_wechat_bill_end){log,
				    "v3/tradebill", date, type, began_ms},
	    rc, &why, raw, text, e);
	h5_https_free(patient);
	h5_wechat_free(w);
	return rc;
}
