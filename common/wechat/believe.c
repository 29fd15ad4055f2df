/* What an answer must fit before it is believed, whichever API it came by. */
#include "common/wechat/believe.h"

#include <string.h>

#define MWEB_URL_MAX 2048
#define CODE_URL_MAX 256 /* a QR of more is too dense for a phone */

static bool
visible_ascii(const char *s, const char *without)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~' || strchr(without, *s) != NULL)
			return false;
	return true;
}

/* The buyer is sent there, so it must lead to the cashier and nowhere else.  If
 * the prefix ends with the host, the host must end there as well:
 * https://a.example is not where https://a.example.evil/ leads. */
static bool
leads_to_cashier(const char *url, const char *cashier)
{
	size_t n = strlen(cashier);
	const char *host = strstr(cashier, "://");

	/* The answer is believed, and this is checked all the same, since it
	 * goes into a Location header and into a page. */
	if (n == 0 || host == NULL || strlen(url) > MWEB_URL_MAX ||
	    strncmp(url, cashier, n) != 0 || !visible_ascii(url, "\"<>\\#"))
		return false;
	if (strchr(host + 3, '/') == NULL && url[n] != '/' && url[n] != '?')
		return false;
	return true;
}

enum h5_code
h5_wechat_take_mweb_url(
    const struct h5_config *c, const char *url, char **out, struct h5_err *e)
{
	if (url == NULL || !leads_to_cashier(url, c->gateway.cashier))
		return h5_err_set(e, H5_E_REMOTE,
		    "WeChat's answer: mweb_url does not lead to %s",
		    c->gateway.cashier);
	*out = strdup(url);
	return *out == NULL ? h5_err_nomem(e) : H5_OK;
}

/* What it says is WeChat's own affair (PROTOCOL-V3 16). */
enum h5_code
h5_wechat_take_code_url(const char *url, char **out, struct h5_err *e)
{
	if (url == NULL || url[0] == '\0' || strlen(url) > CODE_URL_MAX ||
	    !visible_ascii(url, ""))
		return h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: no valid code_url");
	*out = strdup(url);
	return *out == NULL ? h5_err_nomem(e) : H5_OK;
}

enum h5_code
h5_wechat_take_prepay_id(
    const char *id, struct h5_wechat_prepay *out, struct h5_err *e)
{
	if (id == NULL || id[0] == '\0' ||
	    strlen(id) >= sizeof out->prepay_id || !visible_ascii(id, "\"<>&"))
		return h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: no valid prepay_id");
	memcpy(out->prepay_id, id, strlen(id) + 1);
	return H5_OK;
}

static enum h5_code
check_refund(const struct h5_order *o, const struct h5_refund *r,
    const struct h5_wechat_refund *got, struct h5_err *e)
{
	const struct h5_attempt *a = h5_order_attempt(o, got->out_trade_no);

	if (strcmp(got->out_refund_no, r->out_refund_no) != 0)
		return h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: about another refund");
	/* The payment must be the one that this ledger knows: a refund of other
	 * money would make the sums wrong. */
	if (a == NULL || strcmp(a->transaction_id, got->transaction_id) != 0 ||
	    (r->out_trade_no[0] != '\0' &&
		strcmp(r->out_trade_no, got->out_trade_no) != 0))
		return h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: about another order");
	if (got->total_fee != o->total_fee || got->refund_fee > o->total_fee ||
	    (r->asked_at != 0 && got->refund_fee != r->refund_fee))
		return h5_err_set(
		    e, H5_E_REMOTE, "WeChat's answer: about another amount");
	return H5_OK;
}

enum h5_code
h5_wechat_fits(const struct h5_order *o, const struct h5_refund *r,
    struct h5_wechat_refund *got, struct h5_err *e)
{
	enum h5_code rc = check_refund(o, r, got, e);

	/* Not believed, so nothing of it may be read. */
	if (rc != H5_OK)
		memset(got, 0, sizeof *got);
	return rc;
}
