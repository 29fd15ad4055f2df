/* Remembers for an hour which products WeChat has refused as not opened. */
#include "common/pay/shut.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/base/sum.h"
#include "common/config/config.h"
#include "common/system/file.h"
#include "common/system/state.h"

#define PATH_MAX_BYTES 4096
#define MARK                                                                   \
	(H5_CLOCK_RFC3339 + 18) /* a time, a blank, 16 digits, a line end */

static const char *const files[] = {
    [H5_PRODUCT_H5] = H5_STATE_SHUT_H5,
    [H5_PRODUCT_NATIVE] = H5_STATE_SHUT_NATIVE,
    [H5_PRODUCT_JSAPI] = H5_STATE_SHUT_JSAPI,
};

static enum h5_code
path_of(const struct h5_config *c, unsigned product, struct h5_buf *out)
{
	h5_buf_init(out, PATH_MAX_BYTES);
	h5_buf_printf(out, "%s/%s", h5_config_state_dir(c), files[product]);
	return h5_buf_finish(out, NULL);
}

/* Of another merchant's product, or after the operator has changed what there
 * is, the refusal says nothing. */
static uint64_t
merchant_sum(const struct h5_config *c)
{
	const char *const facts[] = {c->merchant.appid, c->merchant.mch_id,
	    c->merchant.sub_appid, c->merchant.sub_mch_id};
	uint64_t sum =
	    (uint64_t)c->merchant.products << 8 | (uint64_t)c->merchant.api;
	size_t i;

	for (i = 0; i < H5_LENGTH(facts); i++)
		if (facts[i] != NULL)
			sum = h5_sum_64(facts[i], strlen(facts[i]), sum + i);
	return sum;
}

static void
mark_of(const struct h5_config *c, int64_t at, char out[MARK + 1])
{
	char time[H5_CLOCK_RFC3339];

	h5_clock_rfc3339(at, time);
	(void)snprintf(out, MARK + 1, "%s %016llx\n", time,
	    (unsigned long long)merchant_sum(c));
}

static bool
is_shut(const struct h5_config *c, unsigned product, int64_t now)
{
	char want[MARK + 1], time[H5_CLOCK_RFC3339];
	struct h5_buf path, text;
	bool shut = false;
	int64_t at;

	h5_buf_init(&text, MARK + 1);
	if (path_of(c, product, &path) == H5_OK &&
	    h5_file_read(AT_FDCWD, path.data, &text, NULL) == H5_OK) {
		(void)snprintf(time, sizeof time, "%s", text.data);
		/* Written again it has to be the same, to the last byte. */
		if (h5_clock_from_rfc3339(time, &at, NULL) == H5_OK) {
			mark_of(c, at, want);
			shut = strcmp(text.data, want) == 0 && at <= now &&
			       now - at < H5_SHUT_S;
		}
	}
	h5_buf_release(&path);
	h5_buf_release(&text);
	return shut;
}

static bool
is_only(unsigned products)
{
	return (products & (products - 1)) == 0;
}

static unsigned
read_all(const struct h5_config *c, int64_t now)
{
	unsigned i, shut = 0;

	if (is_only(c->merchant.products))
		return 0;
	for (i = 0; i < H5_PRODUCTS; i++)
		if ((c->merchant.products & 1U << i) != 0 && is_shut(c, i, now))
			shut |= 1U << i;
	return shut;
}

unsigned
h5_shut_read(const struct h5_config *c, int64_t now)
{
	unsigned shut = read_all(c, now);

	return shut == c->merchant.products ? 0 : shut;
}

void
h5_shut_note(const struct h5_shop *shop, enum h5_product product)
{
	int64_t now = h5_clock_now();
	char mark[MARK + 1], until[H5_CLOCK_RFC3339];
	struct h5_buf path;
	struct h5_err e;

	if (is_only(shop->c->merchant.products) ||
	    (read_all(shop->c, now) & 1U << product) != 0)
		return;
	mark_of(shop->c, now, mark);
	h5_clock_rfc3339(now + H5_SHUT_S, until);
	/* Without the mark the next buyer is refused as this one was. */
	if (path_of(shop->c, product, &path) != H5_OK ||
	    h5_file_replace(
		AT_FDCWD, path.data, mark, strlen(mark), 0600, &e) != H5_OK)
		until[0] = '\0';
	h5_buf_release(&path);
	h5_log_event(shop->log, H5_LOG_ALERT, "product-shut", "product",
	    h5_order_product_word(product), "until",
	    until[0] != '\0' ? until : NULL, "note",
	    "not asked for until then, buyers are offered the other ways: open "
	    "it at WeChat and run h5pay doctor, or take it out of "
	    "merchant.products",
	    NULL);
}

unsigned
h5_shut_forget(const struct h5_config *c, int64_t now)
{
	unsigned i, shut = read_all(c, now);
	struct h5_buf path;

	for (i = 0; i < H5_PRODUCTS; i++) {
		if ((shut & 1U << i) != 0 && path_of(c, i, &path) == H5_OK)
			(void)!h5_file_remove(AT_FDCWD, path.data, NULL);
		if ((shut & 1U << i) != 0)
			h5_buf_release(&path);
	}
	return shut;
}
