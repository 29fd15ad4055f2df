/* Makes and frees the facts that have memory of their own, and knows the words
 * that all APIs share. */
#include "common/wechat/api.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/length.h"

/* A trade is only filled from a message, so it never needs more than a message
 * may have. */
#define FURTHER_N 1024
#define FURTHER_BYTES 65536

void
h5_wechat_trade_init(struct h5_wechat_trade *t)
{
	memset(t, 0, sizeof *t);
	/* -1 says that no amount was given; 0 would be an amount. */
	t->total_fee = -1;
	h5_fields_init(&t->further, FURTHER_N, FURTHER_BYTES);
}

void
h5_wechat_trade_release(struct h5_wechat_trade *t)
{
	h5_fields_release(&t->further);
}

void
h5_wechat_prepay_release(struct h5_wechat_prepay *p)
{
	free(p->mweb_url);
	free(p->code_url);
	memset(p, 0, sizeof *p);
}

static const char *const trade_types[] = {
    [H5_PRODUCT_H5] = "MWEB",
    [H5_PRODUCT_NATIVE] = "NATIVE",
    [H5_PRODUCT_JSAPI] = "JSAPI",
};
static_assert(H5_LENGTH(trade_types) == H5_PRODUCTS, "a word for each product");

const char *
h5_wechat_trade_type(enum h5_product p)
{
	return trade_types[p];
}

enum h5_log_level
h5_wechat_level(enum h5_wechat_verdict v)
{
	switch (v) {
	case H5_WECHAT_SUCCESS:
	case H5_WECHAT_PAID:
	case H5_WECHAT_CLOSED:
	case H5_WECHAT_TAKEN:
	case H5_WECHAT_UNKNOWN_ORDER:
	case H5_WECHAT_NO_REFUND:
	case H5_WECHAT_NOT_YET:
		return H5_LOG_INFO;
	case H5_WECHAT_TAKEN_PERHAPS:
	case H5_WECHAT_AGAIN:
		return H5_LOG_WARN;
	case H5_WECHAT_MERCHANT:
		return H5_LOG_ALERT;
	case H5_WECHAT_REFUSED:
		break;
	}
	return H5_LOG_ERROR;
}

static const char *const not_open[] = {
    [H5_PRODUCT_H5] =
	"H5 payment is not opened for this mch_id: open it on the merchant "
	"platform, product centre",
    [H5_PRODUCT_NATIVE] =
	"Native payment is not opened for this mch_id: open it on the merchant "
	"platform, product centre",
    [H5_PRODUCT_JSAPI] =
	"JSAPI payment is not opened for this mch_id: open it on the merchant "
	"platform, product centre",
};
static_assert(H5_LENGTH(not_open) == H5_PRODUCTS, "a note for each product");

const char *
h5_wechat_not_open(enum h5_product p)
{
	return not_open[p];
}
