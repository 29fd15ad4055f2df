/* The catalogue: each fault has its line; what is accepted is sorted, keeps
 * its limits, and comes back as the same when it is written down. */
#include "common/shop/catalogue.h"
#include "common/format/ini.h"
#include "common/base/text.h"
#include "tests/fuzz/disk.h"
#include "tests/fuzz/fuzz.h"

#define FILE_NAME "/srv/shop/items.ini"

static enum h5_code
load(const char *text, size_t n, struct h5_catalogue **c)
{
	struct h5_buf faults;
	enum h5_code rc;

	disk_text = text;
	disk_len = n;
	h5_buf_init(&faults, 65536);
	rc = h5_catalogue_load(FILE_NAME, &faults, c, NULL);
	disk_text = NULL;
	MUST(rc == H5_OK || rc == H5_E_CONFIG);
	MUST((rc == H5_OK) == (disk_faults(faults.data, FILE_NAME) == 0));
	MUST((rc == H5_OK) == (*c != NULL));
	h5_buf_release(&faults);
	return rc;
}

static void
check_item(const struct h5_item *i)
{
	size_t n = strlen(i->title);

	MUST(h5_text_item_name(i->name));
	MUST(n >= 1 && n <= H5_INI_VALUE && h5_text_printable(i->title));
	MUST(i->max_qty >= 1);
	if (i->price > 0) {
		MUST(i->min_price == 0 && i->max_price == 0);
		MUST(i->price <= H5_FEN_MAX / i->max_qty);
	} else {
		MUST(i->min_price > 0 && i->min_price <= i->max_price);
		MUST(i->max_price <= H5_FEN_MAX / i->max_qty);
	}
}

static void
write_item(const struct h5_item *i, struct h5_buf *out)
{
	char yuan[H5_TEXT_FEN];

	h5_buf_printf(out, "[%s]\ntitle=%s\nmax_qty=%lld\n", i->name, i->title,
	    (long long)i->max_qty);
	h5_text_from_fen(i->price > 0 ? i->price : i->min_price, yuan);
	h5_buf_printf(
	    out, "%s=%s\n", i->price > 0 ? "price" : "min_price", yuan);
	if (i->price > 0)
		return;
	h5_text_from_fen(i->max_price, yuan);
	h5_buf_printf(out, "max_price=%s\n", yuan);
}

static void
check_again(const struct h5_catalogue *c, size_t size)
{
	struct h5_catalogue *again;
	const struct h5_item *a, *b;
	struct h5_buf out;
	size_t i;

	h5_buf_init(&out, 4 * size + 4096);
	for (i = c->n; i-- > 0;)
		write_item(&c->items[i], &out);
	MUST(h5_buf_finish(&out, NULL) == H5_OK);
	MUST(load(out.data, out.len, &again) == H5_OK && again->n == c->n);
	for (i = 0; i < c->n; i++) {
		a = &c->items[i];
		b = h5_catalogue_find(again, a->name);
		MUST(b == &again->items[i]);
		MUST(strcmp(a->title, b->title) == 0 && a->price == b->price &&
		     a->min_price == b->min_price &&
		     a->max_price == b->max_price && a->max_qty == b->max_qty);
	}
	h5_catalogue_free(again);
	h5_buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct h5_catalogue *c;
	size_t i;

	if (load(text, size, &c) == H5_OK) {
		for (i = 0; i < c->n; i++) {
			check_item(&c->items[i]);
			MUST(h5_catalogue_find(c, c->items[i].name) ==
			     &c->items[i]);
			MUST(i == 0 || strcmp(c->items[i - 1].name,
					   c->items[i].name) < 0);
		}
		check_again(c, size);
	}
	h5_catalogue_free(c);
	free(text);
	return 0;
}
