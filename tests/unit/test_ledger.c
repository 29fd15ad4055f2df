/* Ledger lines there and back, damage at every byte, and what is printed.
 * jansson is the second opinion on what is JSON. */
#include "tests/unit/help.h"

#include <inttypes.h>
#include <jansson.h>

#include "common/order/order_json.h"
#include "common/store/ledger.h"
#include "common/base/sum.h"
#include "tests/unit/orders.h"

#define ID "order-1"

/* --- making ledgers ------------------------------------------------------- */

struct book {
	struct h5_ledger_at at;
	struct h5_buf b;
	size_t ends[64]; /* where each line ends */
	size_t n;
};

static void
book_init(struct book *k)
{
	memset(k, 0, sizeof *k);
	h5_buf_init(&k->b, 1 << 20);
}

/* Appends ev (taken over); more: lines of the same unit to follow. */
static void
book_add(struct book *k, struct h5_event *ev, unsigned more)
{
	k->at.more = more;
	assert_int_equal(h5_ledger_write(&k->at, ev, &k->b, NULL), H5_OK);
	h5_event_release(ev);
	k->ends[k->n++] = k->b.len;
}

/* created, prepaid, then paid and alert as one unit, then delivered. */
static void
book_make(struct book *k)
{
	struct h5_event ev;

	book_init(k);
	created_of(&ev, ID, T0);
	book_add(k, &ev, 0);
	event_of(&ev, H5_EVENT_PREPAID, T0 + 1, "out_trade_no", ID,
	    "spbill_create_ip", "203.0.113.7", "prepay_id", "wx20", "mweb_url",
	    "https://wx.tenpay.com/x", NULL);
	book_add(k, &ev, 0);
	paid_of(&ev, ID, "4200", T0 + 60);
	book_add(k, &ev, 1);
	event_of(&ev, H5_EVENT_ALERT, T0 + 60, "alert", "late", "out_trade_no",
	    ID, NULL);
	book_add(k, &ev, 0);
	event_of(&ev, H5_EVENT_DELIVERED, T0 + 70, "id", "evt_" ID "_3", "to",
	    "exec", NULL);
	book_add(k, &ev, 0);
}

/* Units of that ledger end behind these lines. */
static bool
unit_end(size_t line)
{
	return line != 2;
}

static enum h5_code
fold(const char *p, size_t n, size_t *whole, size_t *events)
{
	struct h5_ledger_at at;
	struct h5_order *o;
	enum h5_code rc;

	rc = h5_ledger_fold(p, n, ID, &o, whole, &at, NULL);
	*events = o != NULL ? o->n_events : 0;
	assert_true((rc == H5_OK) == (o != NULL));
	assert_int_equal(at.n, rc == H5_OK ? *events : at.n);
	h5_order_free(o);
	return rc;
}

/* A line with the given text before its checksum, which is right. */
static size_t
line_of(const char *text, uint64_t seed, char *out, size_t size)
{
	return (size_t)snprintf(out, size, "%s,\"sum\":\"%016" PRIx64 "\"}",
	    text, h5_sum_64(text, strlen(text), seed));
}

/* --- lines ---------------------------------------------------------------- */

static void
test_ledger__the_documented_line(void **state)
{
	struct h5_ledger_at at = {0, "", 0};
	struct h5_event ev;
	struct h5_buf b;

	(void)state;
	/* docs/STORE.md shows these bytes; its Python recomputes the sum. */
	event_of(&ev, H5_EVENT_CREATED, T0, "order", "20261123-0007",
	    "total_fee", "12800", "body", "Green tea, 250 g", "expires_at",
	    T1_TEXT, "out_trade_no", "20261123-0007", "spbill_create_ip",
	    "203.0.113.7", "time_start", T0_TEXT, "time_expire", T1_TEXT, NULL);
	h5_buf_init(&b, 4096);
	assert_int_equal(h5_ledger_write(&at, &ev, &b, NULL), H5_OK);
	assert_string_equal(b.data,
	    "{\"n\":1,\"at\":\"2026-11-23T16:40:12+08:00\","
	    "\"event\":\"created\",\"order\":\"20261123-0007\","
	    "\"total_fee\":12800,\"body\":\"Green tea, 250 g\","
	    "\"expires_at\":\"2026-11-23T18:40:12+08:00\","
	    "\"out_trade_no\":\"20261123-0007\","
	    "\"spbill_create_ip\":\"203.0.113.7\","
	    "\"time_start\":\"2026-11-23T16:40:12+08:00\","
	    "\"time_expire\":\"2026-11-23T18:40:12+08:00\","
	    "\"sum\":\"51eb8246847bdf99\"}\n");
	h5_event_release(&ev);
	h5_buf_release(&b);
}

static void
test_ledger__every_text_comes_back(void **state)
{
	static const char *const texts[] = {"", "plain", "\"", "\\", "/",
	    "\x01\x02\x1f", "\b\f\n\r\t", "a\"b\\c\nd", "\x7f", "\xc3\xa9",
	    "\xe5\x95\x86\xe5\xae\xb6", "\xf0\x9f\x8d\xb5", "\xe2\x80\xa8",
	    "\\u0041", "</script>", "ends in \\", "\n"};
	struct h5_ledger_at w, r;
	struct h5_event ev, back;
	struct h5_buf b;
	json_t *json;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(texts); i++) {
		memset(&w, 0, sizeof w);
		memset(&r, 0, sizeof r);
		h5_buf_init(&b, 4096);
		event_of(&ev, H5_EVENT_PAID, T0, "wx_a", texts[i], "total_fee",
		    "12800", "wx_b", texts[i], NULL);
		ROW(texts[i], h5_ledger_write(&w, &ev, &b, NULL) == H5_OK);
		ROW(texts[i], h5_ledger_read(&r, b.data, b.len - 1, &back,
				  &(bool){false}, NULL) == H5_OK);
		ROW(texts[i], back.at == T0 && back.kind == H5_EVENT_PAID);
		ROW(texts[i], back.fields.n == 3);
		ROW(texts[i], h5_fields_is(&back.fields, "wx_a", texts[i]));
		ROW(texts[i], h5_fields_is(&back.fields, "wx_b", texts[i]));
		ROW(texts[i], h5_fields_is(&back.fields, "total_fee", "12800"));
		ROW(texts[i], memcmp(&w, &r, sizeof w) == 0);
		json = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, NULL);
		ROW(texts[i], json != NULL);
		assert_string_equal(
		    json_string_value(json_object_get(json, "wx_a")), texts[i]);
		assert_true(
		    json_is_integer(json_object_get(json, "total_fee")));
		json_decref(json);
		h5_event_release(&ev);
		h5_event_release(&back);
		h5_buf_release(&b);
	}
}

static void
test_ledger__every_kind_comes_back(void **state)
{
	struct h5_ledger_at w = {0, "", 0}, r = {0, "", 0};
	struct h5_event ev, back;
	const char *p, *lf;
	struct h5_buf b;
	int i;

	(void)state;
	h5_buf_init(&b, 65536);
	for (i = 0; i < H5_EVENT_KINDS; i++) {
		event_of(&ev, (enum h5_event_kind)i, T0 + i, "why", "x", NULL);
		assert_int_equal(h5_ledger_write(&w, &ev, &b, NULL), H5_OK);
		h5_event_release(&ev);
	}
	p = b.data;
	for (i = 0; i < H5_EVENT_KINDS; i++, p = lf + 1) {
		lf = strchr(p, '\n');
		assert_non_null(lf);
		assert_int_equal(h5_ledger_read(&r, p, (size_t)(lf - p), &back,
				     &(bool){false}, NULL),
		    H5_OK);
		assert_int_equal(back.kind, i);
		assert_int_equal(back.at, T0 + i);
		h5_event_release(&back);
	}
	h5_buf_release(&b);
}

static void
test_ledger__refuses_to_write_what_it_could_not_read(void **state)
{
	static const struct {
		const char *row;
		const char *name;
		const char *value;
	} rows[] = {{"not UTF-8", "wx_a", "\xff"},
	    {"surrogate", "wx_a", "\xed\xa0\x80"}, {"taken", "n", "1"},
	    {"taken", "at", "x"}, {"taken", "event", "x"},
	    {"taken", "more", "1"}, {"taken", "sum", "x"},
	    {"empty name", "", "x"}, {"odd name", "a b", "x"},
	    {"quote in name", "a\"b", "x"}, {"no number", "total_fee", "x"},
	    {"no number", "qty", ""}, {"zero before", "refund_fee", "01"},
	    {"sign", "failures", "-1"},
	    {"too many digits", "total_fee", "1234567890123456789"}};
	struct h5_ledger_at at = {0, "", 0};
	struct h5_event ev;
	struct h5_buf b;
	size_t i;

	(void)state;
	h5_buf_init(&b, 4096);
	for (i = 0; i < COUNT(rows); i++) {
		event_of(
		    &ev, H5_EVENT_PAID, T0, rows[i].name, rows[i].value, NULL);
		ROW(rows[i].row,
		    h5_ledger_write(&at, &ev, &b, NULL) == H5_E_INPUT);
		ROW(rows[i].row, at.n == 0 && b.len == 0);
		h5_event_release(&ev);
	}
	h5_buf_release(&b);
}

/* A notice of the greatest size, each byte of which needs an escape. */
static void
test_ledger__the_longest_notice_fits_in_a_line(void **state)
{
	struct h5_ledger_at w = {0, "", 0}, r = {0, "", 0};
	struct h5_event ev, back;
	char name[32], value[61];
	struct h5_buf b;
	int i;

	(void)state;
	h5_buf_init(&b, H5_LEDGER_LINE);
	h5_event_init(&ev, H5_EVENT_PAID, T0);
	memset(value, '"', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	for (i = 0; i < 1024; i++) {
		(void)snprintf(name, sizeof name, "wx_n%d", i);
		assert_int_equal(
		    h5_fields_add(&ev.fields, name, value, NULL), H5_OK);
	}
	assert_int_equal(h5_ledger_write(&w, &ev, &b, NULL), H5_OK);
	assert_int_equal(
	    h5_ledger_read(&r, b.data, b.len - 1, &back, &(bool){false}, NULL),
	    H5_OK);
	assert_int_equal(back.fields.n, 1024);
	h5_event_release(&ev);
	h5_event_release(&back);
	h5_buf_release(&b);
}

static void
test_ledger__one_spelling_only(void **state)
{
#define HEAD "{\"n\":1,\"at\":\"" T0_TEXT "\",\"event\":\"paid\""
	static const struct {
		const char *row;
		const char *text;
		bool good;
	} rows[] = {{"as written", HEAD ",\"wx_a\":\"b\"", true},
	    {"unit", HEAD ",\"more\":1,\"wx_a\":\"b\"", true},
	    {"blank", HEAD ", \"wx_a\":\"b\"", false},
	    {"other number",
		"{\"n\":2,\"at\":\"" T0_TEXT "\",\"event\":\"paid\"", false},
	    {"number as text",
		"{\"n\":\"1\",\"at\":\"" T0_TEXT "\",\"event\":\"paid\"",
		false},
	    {"other zone",
		"{\"n\":1,\"at\":\"2026-11-23T08:40:12+00:00\","
		"\"event\":\"paid\"",
		false},
	    {"a time that is too short",
		"{\"n\":1,\"at\":\"2026-11-23\",\"event\":\"paid\"", false},
	    {"a time without an end",
		"{\"n\":1,\"at\":\"" T0_TEXT T0_TEXT T0_TEXT T0_TEXT T0_TEXT
		"\",\"event\":\"paid\"",
		false},
	    {"an event of 32 letters",
		"{\"n\":1,\"at\":\"" T0_TEXT
		"\",\"event\":\"abcdefghijklmnopqrstuvwxyzabcdef\"",
		false},
	    {"unknown event",
		"{\"n\":1,\"at\":\"" T0_TEXT "\",\"event\":\"lost\"", false},
	    {"event in capitals",
		"{\"n\":1,\"at\":\"" T0_TEXT "\",\"event\":\"PAID\"", false},
	    {"doubled", HEAD ",\"wx_a\":\"b\",\"wx_a\":\"c\"", false},
	    {"amount as text", HEAD ",\"total_fee\":\"1\"", false},
	    {"amount with zero", HEAD ",\"total_fee\":01", false},
	    {"amount with point", HEAD ",\"total_fee\":1.0", false},
	    {"negative", HEAD ",\"total_fee\":-1", false},
	    {"text as number", HEAD ",\"wx_a\":1", false},
	    {"null", HEAD ",\"wx_a\":null", false},
	    {"nested", HEAD ",\"wx_a\":{}", false},
	    {"list", HEAD ",\"wx_a\":[]", false},
	    {"slash escaped", HEAD ",\"wx_a\":\"\\/\"", false},
	    {"letter escaped", HEAD ",\"wx_a\":\"\\u0041\"", false},
	    {"tab the long way", HEAD ",\"wx_a\":\"\\u0009\"", false},
	    {"NUL", HEAD ",\"wx_a\":\"\\u0000\"", false},
	    {"capital hex", HEAD ",\"wx_a\":\"\\u001F\"", false},
	    {"raw control", HEAD ",\"wx_a\":\"\x01\"", false},
	    {"not UTF-8", HEAD ",\"wx_a\":\"\x9e\"", false},
	    {"surrogate", HEAD ",\"wx_a\":\"\xed\xa0\x80\"", false},
	    {"open string", HEAD ",\"wx_a\":\"b", false},
	    {"open escape", HEAD ",\"wx_a\":\"b\\", false},
	    {"no name", HEAD ",\"\":\"b\"", false},
	    {"taken name", HEAD ",\"event\":\"b\"", false},
	    {"late more", HEAD ",\"wx_a\":\"b\",\"more\":1", false},
	    {"more zero", HEAD ",\"more\":0", false},
	    {"more than a unit", HEAD ",\"more\":4", false},
	    {"comma at the end", HEAD ",\"wx_a\":\"b\",", false},
	    {"two sums", HEAD ",\"sum\":\"0000000000000000\"", false},
	    {"nothing", "", false}, {"brace", "{", false}};
#undef HEAD
	struct h5_ledger_at at;
	struct h5_event ev;
	char line[512];
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		memset(&at, 0, sizeof at);
		n = line_of(rows[i].text, 0, line, sizeof line);
		ROW(rows[i].row,
		    (h5_ledger_read(&at, line, n, &ev, &(bool){false}, NULL) ==
			H5_OK) == rows[i].good);
		ROW(rows[i].row, at.n == (rows[i].good ? 1u : 0u));
		h5_event_release(&ev);
	}
}

static void
test_ledger__any_byte_changed_is_noticed(void **state)
{
	struct h5_ledger_at at;
	struct h5_event ev;
	struct book k;
	size_t i, v;
	char was;

	(void)state;
	book_make(&k);
	for (i = 0; i + 1 < k.ends[0]; i++) {
		for (v = 1; v < 256; v += 37) {
			memset(&at, 0, sizeof at);
			was = k.b.data[i];
			k.b.data[i] = (char)(was ^ (char)v);
			assert_int_equal(
			    h5_ledger_read(&at, k.b.data, k.ends[0] - 1, &ev,
				&(bool){false}, NULL),
			    H5_E_INPUT);
			assert_int_equal(at.n, 0);
			k.b.data[i] = was;
		}
	}
	h5_buf_release(&k.b);
}

/* --- whole files ---------------------------------------------------------- */

static void
test_ledger__fold_of_a_whole_file(void **state)
{
	struct h5_ledger_at at;
	struct h5_order *o;
	struct book k;
	size_t whole;

	(void)state;
	book_make(&k);
	assert_int_equal(
	    h5_ledger_fold(k.b.data, k.b.len, ID, &o, &whole, &at, NULL),
	    H5_OK);
	assert_int_equal(whole, k.b.len);
	assert_int_equal(at.n, 5);
	assert_string_equal(at.sum, k.at.sum);
	assert_int_equal(o->state, H5_ORDER_PAID);
	assert_int_equal(o->alerts, H5_ALERT_LATE);
	assert_int_equal(o->n_events, 5);
	assert_int_equal(o->outgoing[0].done, H5_HOOK_EXEC);
	h5_order_free(o);
	h5_buf_release(&k.b);
}

/* Cut anywhere, what is left is the units that are whole. */
static void
test_ledger__torn_at_every_byte(void **state)
{
	size_t cut, line, whole, events, want, lines;
	struct book k;
	enum h5_code rc;

	(void)state;
	book_make(&k);
	for (cut = 0; cut <= k.b.len; cut++) {
		want = 0;
		lines = 0;
		for (line = 0; line < k.n && k.ends[line] <= cut; line++)
			if (unit_end(line)) {
				want = k.ends[line];
				lines = line + 1;
			}
		rc = fold(k.b.data, cut, &whole, &events);
		assert_int_equal(rc, want > 0 ? H5_OK : H5_E_NOTFOUND);
		assert_int_equal(whole, want);
		assert_int_equal(events, lines);
	}
	h5_buf_release(&k.b);
}

/* What a power cut may leave behind the last good line. */
static void
test_ledger__garbage_tails_are_torn(void **state)
{
	static const char *const tails[] = {"x", "{\"n\":6,", "}\n", "\n",
	    "0123456789\n",
	    "{\"n\":6,\"at\":\"" T0_TEXT
	    "\",\"event\":\"paid\",\"sum\":\"\"}\n"};
	size_t i, whole, events, good;
	struct book k;
	char zeros[5000] = {0};

	(void)state;
	for (i = 0; i <= COUNT(tails); i++) {
		book_make(&k);
		good = k.b.len;
		if (i < COUNT(tails))
			h5_buf_puts(&k.b, tails[i]);
		else
			h5_buf_add(&k.b, zeros, sizeof zeros);
		assert_int_equal(
		    fold(k.b.data, k.b.len, &whole, &events), H5_OK);
		assert_int_equal(whole, good);
		assert_int_equal(events, 5);
		h5_buf_release(&k.b);
	}
}

/* The file has its new length, but only the first bytes of the last unit
 * arrived; in place of the rest there are zeros or what the block held
 * before.  Nothing of it was acknowledged. */
static void
test_ledger__half_written_at_every_byte(void **state)
{
	static const int fill[] = {0, 0xa5};
	size_t i, cut, line, from = 0, whole, events;
	struct book k;
	enum h5_code rc;
	char *copy;

	(void)state;
	book_make(&k);
	copy = malloc(k.b.len);
	assert_non_null(copy);
	for (line = 0; line < k.n; line++) {
		if (!unit_end(line))
			continue;
		for (cut = from; cut < k.ends[line]; cut++) {
			for (i = 0; i < COUNT(fill); i++) {
				memset(copy, fill[i], k.ends[line]);
				memcpy(copy, k.b.data, cut);
				rc = fold(copy, k.ends[line], &whole, &events);
				assert_int_equal(
				    rc, from > 0 ? H5_OK : H5_E_NOTFOUND);
				assert_int_equal(whole, from);
			}
		}
		from = k.ends[line];
	}
	free(copy);
	h5_buf_release(&k.b);
}

/* A byte changed in any line but the last is never passed over, nor the line
 * feed between two; one in the last line costs that line and nothing else. */
static void
test_ledger__damage_at_every_byte(void **state)
{
	size_t i, whole, events, last;
	struct book k;
	enum h5_code rc;
	char was;

	(void)state;
	book_make(&k);
	last = k.ends[k.n - 2];
	for (i = 0; i < k.b.len; i++) {
		was = k.b.data[i];
		k.b.data[i] = (char)(was ^ 4);
		rc = fold(k.b.data, k.b.len, &whole, &events);
		if (i < last) {
			assert_int_equal(rc, H5_E_INPUT);
		} else {
			assert_int_equal(rc, H5_OK);
			assert_int_equal(whole, last);
			assert_int_equal(events, 4);
		}
		k.b.data[i] = was;
	}
	h5_buf_release(&k.b);
}

/* Lines lost, doubled or swapped whole break the chain. */
static void
test_ledger__lines_cannot_go_missing(void **state)
{
	size_t whole, events, first, second;
	struct h5_buf b;
	struct book k;

	(void)state;
	book_make(&k);
	first = k.ends[0];
	second = k.ends[1];
	h5_buf_init(&b, 1 << 20);
	h5_buf_add(&b, k.b.data, first);
	h5_buf_add(&b, k.b.data + second, k.b.len - second);
	assert_int_equal(fold(b.data, b.len, &whole, &events), H5_E_INPUT);
	h5_buf_clear(&b);
	h5_buf_add(&b, k.b.data, second);
	h5_buf_add(&b, k.b.data + first, k.b.len - first);
	assert_int_equal(fold(b.data, b.len, &whole, &events), H5_E_INPUT);
	h5_buf_clear(&b);
	h5_buf_add(&b, k.b.data + first, k.b.len - first);
	assert_int_equal(fold(b.data, b.len, &whole, &events), H5_E_INPUT);
	h5_buf_release(&b);
	h5_buf_release(&k.b);
}

static void
test_ledger__the_id_must_fit(void **state)
{
	struct h5_ledger_at at;
	struct h5_order *o;
	struct book k;
	size_t whole;

	(void)state;
	book_make(&k);
	assert_int_equal(
	    h5_ledger_fold(k.b.data, k.b.len, "order-2", &o, &whole, &at, NULL),
	    H5_E_INPUT);
	assert_null(o);
	assert_int_equal(whole, 0);
	h5_buf_release(&k.b);
}

/* A line that arrived whole but says what may not be was not torn by a crash:
 * cutting it off would lose it. */
static void
test_ledger__whole_nonsense_is_broken_not_torn(void **state)
{
	static const char *const texts[] = {"{\"n\":2,\"at\":\"" T0_TEXT
					    "\",\"event\":\"from-the-future\"",
	    "{\"n\":2,\"at\":\"" T0_TEXT "\",\"event\":\"paid\"",
	    "{\"n\":2,\"at\":\"" T0_TEXT "\",\"event\":\"refund-asked\","
	    "\"out_refund_no\":\"r1\",\"refund_fee\":1",
	    "{\"n\":3,\"at\":\"" T0_TEXT "\",\"event\":\"closed\","
	    "\"why\":\"x\""};
	size_t i, whole, events, n;
	struct h5_event ev;
	struct book k;
	char line[512];
	uint64_t seed;

	(void)state;
	for (i = 0; i < COUNT(texts); i++) {
		book_init(&k);
		created_of(&ev, ID, T0);
		book_add(&k, &ev, 0);
		seed = strtoull(k.at.sum, NULL, 16);
		n = line_of(texts[i], seed, line, sizeof line);
		h5_buf_add(&k.b, line, n);
		h5_buf_putc(&k.b, '\n');
		ROW(texts[i],
		    fold(k.b.data, k.b.len, &whole, &events) == H5_E_INPUT);
		h5_buf_release(&k.b);
	}
}

static void
test_ledger__units_are_counted_down(void **state)
{
	/* more of each line; how many lines are whole in the end. */
	static const struct {
		unsigned more[4];
		enum h5_code rc;
		size_t events;
	} rows[] = {{{0, 0, 0, 0}, H5_OK, 5}, {{3, 2, 1, 0}, H5_OK, 5},
	    {{0, 1, 0, 0}, H5_OK, 5}, {{0, 0, 0, 1}, H5_OK, 4},
	    {{1, 0, 0, 2}, H5_OK, 4}, {{0, 0, 2, 1}, H5_OK, 3},
	    {{0, 3, 2, 1}, H5_OK, 2}, {{1, 1, 0, 0}, H5_E_INPUT, 0},
	    {{2, 0, 0, 0}, H5_E_INPUT, 0}};
	size_t i, j, whole, events;
	struct h5_event ev;
	struct book k;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		book_init(&k);
		created_of(&ev, ID, T0);
		book_add(&k, &ev, 0);
		for (j = 0; j < 4; j++) {
			event_of(&ev, H5_EVENT_QUERIED, T0, "out_trade_no", ID,
			    "trade_state", "NOTPAY", NULL);
			book_add(&k, &ev, rows[i].more[j]);
		}
		assert_int_equal(
		    fold(k.b.data, k.b.len, &whole, &events), rows[i].rc);
		assert_int_equal(events, rows[i].events);
		h5_buf_release(&k.b);
	}
}

/* --- what is printed ------------------------------------------------------ */

static struct h5_order *
order_of(const struct book *k)
{
	struct h5_ledger_at at;
	struct h5_order *o;
	size_t whole;

	assert_int_equal(
	    h5_ledger_fold(k->b.data, k->b.len, ID, &o, &whole, &at, NULL),
	    H5_OK);
	return o;
}

static const char *
text_at(json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "(none)";
}

static json_t *
order_json(const struct h5_order *o)
{
	struct h5_buf b;
	json_t *json;

	h5_buf_init(&b, 1 << 20);
	assert_int_equal(h5_order_json(o, &b, NULL), H5_OK);
	json = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	h5_buf_release(&b);
	return json;
}

static void
test_ledger__order_json_keys_in_order(void **state)
{
	static const char *const keys[] = {"order", "state", "alerts",
	    "total_fee", "body", "attach", "created_at", "paid_at", "paid_via",
	    "transaction_id", "attempts", "refunds", "events", "closed_at",
	    "expires_at", "checked_at", "item", "qty"};
	struct h5_order *o;
	struct book k;
	const char *key;
	json_t *json, *value;
	size_t i = 0;

	(void)state;
	book_make(&k);
	o = order_of(&k);
	json = order_json(o);
	json_object_foreach(json, key, value)
	{
		assert_true(i < COUNT(keys));
		assert_string_equal(key, keys[i++]);
	}
	assert_int_equal(i, COUNT(keys));
	json_decref(json);
	h5_order_free(o);
	h5_buf_release(&k.b);
}

static void
test_ledger__order_json_of_a_paid_order(void **state)
{
	json_t *json, *a, *ev;
	struct h5_order *o;
	struct book k;

	(void)state;
	book_make(&k);
	o = order_of(&k);
	json = order_json(o);
	assert_string_equal(text_at(json, "order"), ID);
	assert_string_equal(text_at(json, "state"), "paid");
	assert_int_equal(
	    json_integer_value(json_object_get(json, "total_fee")), 12800);
	assert_string_equal(text_at(json, "paid_via"), "notify");
	assert_string_equal(
	    text_at(json, "paid_at"), "2026-11-23T16:41:12+08:00");
	assert_true(json_is_null(json_object_get(json, "closed_at")));
	assert_string_equal(json_string_value(json_array_get(
				json_object_get(json, "alerts"), 0)),
	    "late");
	a = json_array_get(json_object_get(json, "attempts"), 0);
	assert_string_equal(text_at(a, "out_trade_no"), ID);
	assert_string_equal(text_at(a, "state"), "paid");
	assert_string_equal(
	    text_at(a, "mweb_url_at"), "2026-11-23T16:40:13+08:00");
	assert_null(json_object_get(a, "mweb_url"));
	assert_int_equal(json_array_size(json_object_get(json, "refunds")), 0);
	assert_int_equal(json_array_size(json_object_get(json, "events")), 5);
	ev = json_array_get(json_object_get(json, "events"), 2);
	assert_string_equal(text_at(ev, "event"), "paid");
	assert_string_equal(text_at(ev, "at"), "2026-11-23T16:41:12+08:00");
	assert_int_equal(
	    json_integer_value(json_object_get(ev, "total_fee")), 12800);
	json_decref(json);
	h5_order_free(o);
	h5_buf_release(&k.b);
}

static void
test_ledger__order_json_of_a_bare_order(void **state)
{
	static const char *const nulls[] = {"attach", "paid_at", "paid_via",
	    "transaction_id", "closed_at", "checked_at", "item", "qty"};
	struct h5_event ev;
	struct h5_order *o;
	struct book k;
	json_t *json;
	size_t i;

	(void)state;
	book_init(&k);
	created_of(&ev, ID, T0);
	h5_fields_drop(&ev.fields, "attach");
	h5_fields_drop(&ev.fields, "item");
	h5_fields_drop(&ev.fields, "qty");
	book_add(&k, &ev, 0);
	o = order_of(&k);
	json = order_json(o);
	for (i = 0; i < COUNT(nulls); i++)
		ROW(nulls[i], json_is_null(json_object_get(json, nulls[i])));
	assert_int_equal(json_array_size(json_object_get(json, "alerts")), 0);
	json_decref(json);
	h5_order_free(o);
	h5_buf_release(&k.b);
}

static void
test_ledger__refunds_are_printed(void **state)
{
	struct h5_event ev;
	struct h5_order *o;
	struct book k;
	json_t *json, *r;

	(void)state;
	book_make(&k);
	event_of(&ev, H5_EVENT_REFUND_ASKED, T0 + 100, "out_refund_no", "r1",
	    "refund_fee", "800", "reason", "cold", NULL);
	book_add(&k, &ev, 0);
	o = order_of(&k);
	json = order_json(o);
	r = json_array_get(json_object_get(json, "refunds"), 0);
	assert_string_equal(text_at(r, "out_refund_no"), "r1");
	assert_string_equal(text_at(r, "status"), "asked");
	assert_string_equal(text_at(r, "reason"), "cold");
	assert_true(json_is_null(json_object_get(r, "refund_id")));
	assert_int_equal(
	    json_integer_value(json_object_get(r, "refund_fee")), 800);
	json_decref(json);
	h5_order_free(o);
	h5_buf_release(&k.b);
}

static void
test_ledger__outgoing_json_holds_the_order(void **state)
{
	struct h5_order *o;
	struct h5_buf b;
	struct book k;
	json_t *json;

	(void)state;
	book_make(&k);
	o = order_of(&k);
	h5_buf_init(&b, 1 << 20);
	assert_int_equal(
	    h5_order_outgoing_json(o, &o->outgoing[0], &b, NULL), H5_OK);
	json = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_int_equal(json_object_size(json), 4);
	assert_string_equal(text_at(json, "id"), "evt_" ID "_3");
	assert_string_equal(text_at(json, "type"), "order.paid");
	assert_string_equal(text_at(json, "at"), "2026-11-23T16:41:12+08:00");
	assert_string_equal(
	    text_at(json_object_get(json, "order"), "order"), ID);
	json_decref(json);
	h5_buf_release(&b);
	h5_order_free(o);
	h5_buf_release(&k.b);
}

static void
test_ledger__status_json(void **state)
{
	struct h5_ledger_at at;
	struct h5_order *o;
	struct h5_buf b;
	struct book k;
	size_t whole;

	(void)state;
	book_make(&k);
	h5_buf_init(&b, 4096);
	assert_int_equal(
	    h5_ledger_fold(k.b.data, k.ends[0], ID, &o, &whole, &at, NULL),
	    H5_OK);
	assert_int_equal(h5_order_status_json(o, &b, NULL), H5_OK);
	assert_string_equal(b.data,
	    "{\"order\":\"order-1\",\"state\":\"created\",\"total_fee\":12800,"
	    "\"out_trade_no\":\"order-1\",\"transaction_id\":null,"
	    "\"paid_at\":null,\"checked_at\":null}");
	h5_order_free(o);
	h5_buf_clear(&b);
	o = order_of(&k);
	assert_int_equal(h5_order_status_json(o, &b, NULL), H5_OK);
	assert_string_equal(b.data,
	    "{\"order\":\"order-1\",\"state\":\"paid\",\"total_fee\":12800,"
	    "\"out_trade_no\":\"order-1\",\"transaction_id\":\"4200\","
	    "\"paid_at\":\"2026-11-23T16:41:12+08:00\",\"checked_at\":null}");
	h5_order_free(o);
	h5_buf_release(&b);
	h5_buf_release(&k.b);
}

/* A ceiling that is hit is an error, not half an object. */
static void
test_ledger__too_long_to_print_is_told(void **state)
{
	struct h5_order *o;
	struct h5_buf b;
	struct book k;

	(void)state;
	book_make(&k);
	o = order_of(&k);
	h5_buf_init(&b, 100);
	assert_int_equal(h5_order_json(o, &b, NULL), H5_E_INPUT);
	h5_buf_release(&b);
	h5_order_free(o);
	h5_buf_release(&k.b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ledger__the_documented_line),
	    cmocka_unit_test(test_ledger__every_text_comes_back),
	    cmocka_unit_test(test_ledger__every_kind_comes_back),
	    cmocka_unit_test(
		test_ledger__refuses_to_write_what_it_could_not_read),
	    cmocka_unit_test(test_ledger__the_longest_notice_fits_in_a_line),
	    cmocka_unit_test(test_ledger__one_spelling_only),
	    cmocka_unit_test(test_ledger__any_byte_changed_is_noticed),
	    cmocka_unit_test(test_ledger__fold_of_a_whole_file),
	    cmocka_unit_test(test_ledger__torn_at_every_byte),
	    cmocka_unit_test(test_ledger__garbage_tails_are_torn),
	    cmocka_unit_test(test_ledger__half_written_at_every_byte),
	    cmocka_unit_test(test_ledger__damage_at_every_byte),
	    cmocka_unit_test(test_ledger__lines_cannot_go_missing),
	    cmocka_unit_test(test_ledger__the_id_must_fit),
	    cmocka_unit_test(test_ledger__whole_nonsense_is_broken_not_torn),
	    cmocka_unit_test(test_ledger__units_are_counted_down),
	    cmocka_unit_test(test_ledger__order_json_keys_in_order),
	    cmocka_unit_test(test_ledger__order_json_of_a_paid_order),
	    cmocka_unit_test(test_ledger__order_json_of_a_bare_order),
	    cmocka_unit_test(test_ledger__refunds_are_printed),
	    cmocka_unit_test(test_ledger__outgoing_json_holds_the_order),
	    cmocka_unit_test(test_ledger__status_json),
	    cmocka_unit_test(test_ledger__too_long_to_print_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
