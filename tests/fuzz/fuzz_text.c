/* Numbers, money, ids and times: what is read and printed is what stood there,
 * and what is printed is read as the same. */
#include "common/base/clock.h"
#include "common/format/escape.h"
#include "common/base/text.h"
#include "common/order/number.h"
#include "tests/fuzz/fuzz.h"

static void
money(const char *s)
{
	char text[H5_TEXT_FEN], plain[32];
	int64_t fen, again;

	if (h5_text_fen(s, &fen, NULL) == H5_OK) {
		MUST(fen >= 1 && fen <= H5_FEN_MAX);
		(void)snprintf(plain, sizeof plain, "%lld", (long long)fen);
		MUST(strcmp(plain, s) == 0);
		h5_text_from_fen(fen, text);
		MUST(h5_text_yuan(text, &again, NULL) == H5_OK);
		MUST(again == fen);
	}
	if (h5_text_yuan(s, &fen, NULL) == H5_OK) {
		MUST(fen >= 1 && fen <= H5_FEN_MAX);
		h5_text_from_fen(fen, text);
		MUST(h5_text_yuan(text, &again, NULL) == H5_OK);
		MUST(again == fen);
		/* The same digits, but for decimals that were left out. */
		MUST(strncmp(s, text, strlen(s)) == 0);
		MUST(
		    strspn(text + strlen(s), ".0") == strlen(text + strlen(s)));
	}
}

static void
numbers(const char *s)
{
	char plain[32];
	uint64_t n;

	if (h5_text_u64(s, 0, UINT64_MAX, &n, NULL) != H5_OK)
		return;
	(void)snprintf(plain, sizeof plain, "%llu", (unsigned long long)n);
	MUST(strcmp(plain, s) == 0);
}

static void
ids(const char *s)
{
	char id[H5_ORDER_ID_MAX + 1], again[H5_OUT_TRADE_NO_MAX + 1];
	unsigned attempt;

	if (h5_number_is_order(s)) {
		MUST(strlen(s) >= 6 && strlen(s) <= 28);
		MUST(strpbrk(s, "/.%\\ \n\r") == NULL);
		MUST(h5_number_order_of(s, id, &attempt, NULL) == H5_OK);
		MUST(attempt == 1 && strcmp(id, s) == 0);
	}
	if (h5_number_order_of(s, id, &attempt, NULL) == H5_OK) {
		MUST(h5_number_is_order(id) && attempt >= 1 && attempt <= 999);
		h5_number_attempt(id, attempt, again);
		MUST(strcmp(again, s) == 0);
	}
	MUST(!h5_text_item_name(s) || strpbrk(s, "/. &=\n") == NULL);
}

static void
times(const char *s)
{
	char text[H5_CLOCK_RFC3339];
	int64_t t;

	if (h5_clock_from_wire(s, &t, NULL) == H5_OK) {
		h5_clock_wire(t, text);
		MUST(strcmp(text, s) == 0);
	}
	if (h5_clock_from_rfc3339(s, &t, NULL) == H5_OK) {
		h5_clock_rfc3339(t, text);
		MUST(strcmp(text, s) == 0);
	}
	if (h5_clock_from_plain(s, &t, NULL) == H5_OK) {
		h5_clock_plain(t, text);
		MUST(strcmp(text, s) == 0);
	}
	if (h5_clock_from_day(s, &t, NULL) == H5_OK) {
		h5_clock_day(t, text);
		MUST(strcmp(text, s) == 0);
	}
	if (h5_clock_from_http(s, &t, NULL) == H5_OK) {
		/* "Sun, 06 Nov 1994 08:49:37 GMT"; we print Beijing time. */
		h5_clock_plain(t - 8 * 3600, text);
		MUST(strlen(s) == 29 && memcmp(text, s + 12, 4) == 0);
		MUST(memcmp(text + 8, s + 5, 2) == 0);
		MUST(memcmp(text + 11, s + 17, 8) == 0);
	}
}

static void
escapes(const char *s, size_t n)
{
	bool utf8 = h5_text_utf8(s, n), printable = h5_text_printable(s);
	size_t cut = h5_text_cut(s, n, n / 2);
	struct h5_buf out;

	MUST(!printable || utf8);
	MUST(cut <= n && (!utf8 || h5_text_utf8(s, cut)));
	h5_buf_init(&out, 16 * n + 64);
	h5_escape_tsv(&out, s);
	MUST(strpbrk(out.data, "\t\n\r") == NULL);
	h5_buf_clear(&out);
	h5_escape_csv(&out, s);
	MUST(n == 0 || strchr("=+-@\t\r", out.data[0]) == NULL);
	if (out.data[0] != '"')
		MUST(strcmp(h5_escape_csv_back(out.data), s) == 0);
	h5_buf_clear(&out);
	h5_escape_html(&out, s);
	MUST(strpbrk(out.data, "<>\"'") == NULL);
	MUST(h5_text_utf8(out.data, out.len) || !utf8);
	MUST(h5_buf_finish(&out, NULL) == H5_OK);
	h5_buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	money(text);
	numbers(text);
	ids(text);
	times(text);
	escapes(text, strlen(text));
	free(text);
	return 0;
}
