/* The words for the states of orders, attempts and refunds and for alerts: as
 * the ledger, show --json and the command spell them (INTERFACE 5). */
#include <stdio.h>
#include <string.h>

#include "common/base/length.h"
#include "common/order/order.h"

static const char *const state_names[] = {
    [H5_ORDER_CREATED] = "created",
    [H5_ORDER_AWAITING] = "awaiting",
    [H5_ORDER_PAID] = "paid",
    [H5_ORDER_CLOSED] = "closed",
    [H5_ORDER_REFUNDING] = "refunding",
    [H5_ORDER_PARTLY_REFUNDED] = "partly-refunded",
    [H5_ORDER_REFUNDED] = "refunded",
};

const char *
h5_order_state_name(enum h5_order_state s)
{
	return state_names[s];
}

bool
h5_order_state_of(const char *name, enum h5_order_state *s)
{
	size_t i;

	for (i = 0; i < H5_LENGTH(state_names); i++)
		if (strcmp(state_names[i], name) == 0) {
			*s = (enum h5_order_state)i;
			return true;
		}
	return false;
}

const char *
h5_order_attempt_word(enum h5_attempt_state s)
{
	switch (s) {
	case H5_ATTEMPT_AWAITING:
		return "awaiting";
	case H5_ATTEMPT_PAID:
		return "paid";
	case H5_ATTEMPT_CLOSED:
		break;
	}
	return "closed";
}

static const char *const api_words[] = {
    [H5_API_V2] = "v2",
    [H5_API_V3] = "v3",
};
_Static_assert(H5_LENGTH(api_words) == H5_APIS, "a word for each API");

const char *
h5_order_api_word(enum h5_api api)
{
	return api_words[api];
}

bool
h5_order_api_of(const char *word, enum h5_api *api)
{
	size_t i;

	/* Set even if the word is unknown, so that it is never left
	 * undefined. */
	*api = H5_API_V2;
	for (i = 0; i < H5_LENGTH(api_words); i++)
		if (strcmp(api_words[i], word) == 0) {
			*api = (enum h5_api)i;
			return true;
		}
	return false;
}

static const char *const product_words[] = {
    [H5_PRODUCT_H5] = "h5",
    [H5_PRODUCT_NATIVE] = "native",
    [H5_PRODUCT_JSAPI] = "jsapi",
};
_Static_assert(
    H5_LENGTH(product_words) == H5_PRODUCTS, "a word for each product");

const char *
h5_order_product_word(enum h5_product p)
{
	return product_words[p];
}

void
h5_order_products(unsigned set, char out[H5_ORDER_PRODUCTS])
{
	size_t i, n = 0;

	out[0] = '\0';
	for (i = 0; i < H5_LENGTH(product_words); i++)
		if ((set & 1U << i) != 0)
			n += (size_t)snprintf(out + n, H5_ORDER_PRODUCTS - n,
			    "%s%s", n > 0 ? " " : "", product_words[i]);
}

bool
h5_order_product_of(const char *word, enum h5_product *product)
{
	size_t i;

	*product = H5_PRODUCT_H5;
	for (i = 0; i < H5_LENGTH(product_words); i++)
		if (strcmp(product_words[i], word) == 0) {
			*product = (enum h5_product)i;
			return true;
		}
	return false;
}

static const char *const sign_words[] = {
    [H5_SIGN_UNSAID] = "",
    [H5_SIGN_MD5] = "MD5",
    [H5_SIGN_HMAC_SHA256] = "HMAC-SHA256",
};

const char *
h5_order_sign_word(enum h5_sign_type type)
{
	return sign_words[type];
}

bool
h5_order_sign_type_of(const char *word, enum h5_sign_type *type)
{
	size_t i;

	*type = H5_SIGN_UNSAID;
	for (i = H5_SIGN_MD5; i < H5_LENGTH(sign_words); i++)
		if (strcmp(sign_words[i], word) == 0)
			*type = (enum h5_sign_type)i;
	return *type != H5_SIGN_UNSAID;
}

const char *
h5_order_alert_name(enum h5_order_alert bit)
{
	switch (bit) {
	case H5_ALERT_DISPUTED:
		return "disputed";
	case H5_ALERT_LATE:
		return "late";
	case H5_ALERT_UNRECORDED:
		return "unrecorded";
	case H5_ALERT_WRONG_API:
		return "wrong-api";
	case H5_ALERT_ELSEWHERE:
		return "refunded-elsewhere";
	case H5_ALERT_OVERPAID:
		break;
	}
	return "overpaid";
}

static const char *const refund_words[] = {
    [H5_REFUND_HINTED] = "hinted",
    [H5_REFUND_ASKED] = "asked",
    [H5_REFUND_REFUSED] = "refused",
    [H5_REFUND_PROCESSING] = "PROCESSING",
    [H5_REFUND_SUCCESS] = "SUCCESS",
    [H5_REFUND_CHANGE] = "CHANGE",
    [H5_REFUND_CLOSED] = "REFUNDCLOSE",
};

const char *
h5_order_refund_word(enum h5_refund_state s)
{
	return refund_words[s];
}

bool
h5_order_refund_state_of(const char *word, enum h5_refund_state *s)
{
	size_t i;

	for (i = 0; i < H5_LENGTH(refund_words); i++)
		if (strcmp(refund_words[i], word) == 0) {
			*s = (enum h5_refund_state)i;
			return true;
		}
	return false;
}
