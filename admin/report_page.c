/* The page of h5pay report: puts numbers under the template's names, and turns
 * charts into coordinates.  Words, markup and style stand in
 * templates/report.*. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "admin/report.h"
#include "common/base/embed.h"
#include "common/base/length.h"
#include "common/format/template.h"

/* The area of a chart in the template's viewBox, in tenths of its units. */
#define LEFT 360
#define WIDTH 3220
#define TOP 80
#define HEIGHT 1480

#define COLUMNS_MAX 32
#define LABEL 64 /* bytes of a column's name */

struct chart {
	const char *id; /* also the key of its heading; "_note" of its note */
	const char *first; /* heading of the first column */
	size_t n, n_series, tick_every;
	const char *class[REPORT_FATES];
	const char *series[REPORT_FATES]; /* keys */
	char label[COLUMNS_MAX][LABEL];
	int64_t v[COLUMNS_MAX][REPORT_FATES];
	bool money;
};

/* --- words ---------------------------------------------------------------- */

static const struct h5_embed *
find_file(const char *name)
{
	size_t i;

	for (i = 0; i < h5_embed_count; i++)
		if (strcmp(h5_embed_files[i].name, name) == 0)
			return &h5_embed_files[i];
	return NULL;
}

/* Every line "key = text" becomes a name in the view. */
static enum h5_code
put_words(struct h5_data *v, const char *lang, struct h5_err *e)
{
	const struct h5_embed *f =
	    find_file(strcmp(lang, "en") == 0 ? "report.en" : "report.zh-CN");
	const char *s, *equals, *end;
	char key[32], text[512];

	if (f == NULL)
		return h5_err_set(e, H5_E_BUG, "the report has no words");
	/* The end of the text is the end of the last line. */
	for (s = (const char *)f->bytes; *s != '\0'; s = end + (*end != '\0')) {
		end = s + strcspn(s, "\n");
		equals = strstr(s, " = ");
		if (*s == '#' || equals == NULL || equals >= end)
			continue;
		(void)snprintf(key, sizeof key, "%.*s", (int)(equals - s), s);
		(void)snprintf(text, sizeof text, "%.*s",
		    (int)(end - equals - 3), equals + 3);
		h5_data_str(v, key, text);
	}
	return H5_OK;
}

static const char *
word(const struct h5_data *v, const char *key)
{
	const struct h5_data_value *found = h5_data_find(v, key);

	return found == NULL || found->str == NULL ? "" : found->str;
}

static void
put_number(struct h5_data *v, const char *name, int64_t n)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%lld", (long long)n);
	h5_data_str(v, name, text);
}

static void
put_tenths(struct h5_data *v, const char *name, int64_t tenths)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%lld.%lld", (long long)(tenths / 10),
	    (long long)(tenths % 10));
	h5_data_str(v, name, text);
}

static void
value_text(const struct chart *c, int64_t n, char out[H5_TEXT_FEN])
{
	if (c->money)
		h5_text_from_fen(n, out);
	else
		(void)snprintf(out, H5_TEXT_FEN, "%lld", (long long)n);
}

/* --- charts --------------------------------------------------------------- */

/* The smallest of 2, 4, 6, 8, 10, 20, 40 and so on that is not below n.  Half
 * of it is a whole number. */
static int64_t
scale_of(int64_t n)
{
	static const int64_t steps[] = {2, 4, 6, 8, 10};
	int64_t power = 1;
	size_t i;

	/* Two marks are drawn, at the half and at the top, so both must be
	 * whole. */
	for (; power < INT64_MAX / 100; power *= 10)
		for (i = 0; i < H5_LENGTH(steps); i++)
			if (steps[i] * power >= n)
				return steps[i] * power;
	return n;
}

static int64_t
sum_of(const struct chart *c, size_t i)
{
	int64_t sum = 0;
	size_t k;

	for (k = 0; k < c->n_series; k++)
		sum += c->v[i][k];
	return sum;
}

static void
put_grid(struct h5_data *v, int64_t top)
{
	static const int64_t parts[] = {0, 1, 2};
	struct h5_data *line;
	char label[24];
	size_t i;

	for (i = 0; i < 3; i++) {
		int64_t n = top / 2 * parts[i];
		/* From the bottom up: y grows downwards in the picture. */
		int64_t y = TOP + HEIGHT - HEIGHT / 2 * parts[i];

		line = h5_data_item(v, "grid");
		put_tenths(line, "y", y);
		put_tenths(line, "text_y", y + 35);
		/* The margin has room for six digits. */
		if (top >= 1000000)
			(void)snprintf(label, sizeof label, "%lldk",
			    (long long)(n / 1000));
		else
			(void)snprintf(
			    label, sizeof label, "%lld", (long long)n);
		h5_data_str(line, "label", label);
	}
}

static void
put_bar(struct h5_data *root, struct h5_data *v, const struct chart *c,
    size_t i, int64_t top)
{
	int64_t slot = WIDTH / (int64_t)c->n, below = 0, height;
	char value[H5_TEXT_FEN], text[256];
	struct h5_data *bar;
	size_t k;

	for (k = 0; k < c->n_series; k++) {
		/* An empty part has no bar, and so no title to hover over. */
		if (c->v[i][k] <= 0)
			continue;
		/* A small part beside a large one has to stay visible. */
		height = c->v[i][k] * HEIGHT / top;
		if (height < 10)
			height = 10;
		value_text(c, c->v[i][k], value);
		(void)snprintf(text, sizeof text, "%s: %s %s", c->label[i],
		    value, word(root, c->series[k]));
		bar = h5_data_item(v, "bar");
		h5_data_str(bar, "class", c->class[k]);
		put_tenths(bar, "x", LEFT + slot * (int64_t)i + slot / 10);
		put_tenths(bar, "y", TOP + HEIGHT - below - height);
		put_tenths(bar, "width", slot * 8 / 10);
		put_tenths(bar, "height", height);
		h5_data_str(bar, "text", text);
		below += height;
	}
}

static void
put_row(struct h5_data *v, const struct chart *c, size_t i)
{
	struct h5_data *row = h5_data_item(v, "row"), *cell;
	char text[H5_TEXT_FEN];
	size_t k;

	h5_data_str(row, "label", c->label[i]);
	for (k = 0; k < c->n_series; k++) {
		cell = h5_data_item(row, "cell");
		value_text(c, c->v[i][k], text);
		h5_data_str(cell, "value", text);
	}
}

static void
put_chart(struct h5_data *root, const struct chart *c)
{
	struct h5_data *v = h5_data_item(root, "chart"), *item;
	int64_t most = 0, top, sum;
	char note[40];
	size_t i;

	for (i = 0; i < c->n; i++) {
		sum = sum_of(c, i);
		most = sum > most ? sum : most;
	}
	/* The scale of money is in whole yuan, while values are in fen. */
	top = scale_of(c->money ? (most + 99) / 100 : most);
	(void)snprintf(note, sizeof note, "%s_note", c->id);
	h5_data_str(v, "id", c->id);
	h5_data_str(v, "heading", word(root, c->id));
	h5_data_str(v, "note", word(root, note));
	h5_data_str(v, "first", word(root, c->first));
	h5_data_flag(v, "any", most > 0);
	h5_data_flag(v, "legend", c->n_series > 1);
	for (i = 0; i < c->n_series; i++) {
		item = h5_data_item(v, "series");
		h5_data_str(item, "class", c->class[i]);
		h5_data_str(item, "name", word(root, c->series[i]));
	}
	put_grid(v, top);
	for (i = 0; i < c->n; i++) {
		put_bar(root, v, c, i, c->money ? top * 100 : top);
		put_row(v, c, i);
		/* Not every column has room for its name. */
		if (i % c->tick_every != 0)
			continue;
		item = h5_data_item(v, "tick");
		put_tenths(item, "x",
		    LEFT + WIDTH / (int64_t)c->n * (int64_t)i +
			WIDTH / (int64_t)c->n / 2);
		h5_data_str(item, "label", c->label[i]);
	}
}

/* --- the four charts ------------------------------------------------------ */

static void
chart_hours(struct h5_data *v, const struct report *r)
{
	struct chart c = {.id = "hours",
	    .first = "hour",
	    .n = 24,
	    .n_series = REPORT_FATES,
	    .tick_every = 3,
	    .class = {"paid", "abandoned", "failed", "open"},
	    .series = {"s_paid", "s_abandoned", "s_failed", "s_open"}};
	size_t i;

	for (i = 0; i < c.n; i++) {
		(void)snprintf(
		    c.label[i], sizeof c.label[i], "%02u", (unsigned)i);
		/* One row of the table is one column of the chart. */
		memcpy(c.v[i], r->hours[i], sizeof c.v[i]);
	}
	put_chart(v, &c);
}

static void
chart_days(struct h5_data *v, const struct report *r)
{
	struct chart c = {.id = "days",
	    .first = "day",
	    .n = r->n_days,
	    .n_series = 1,
	    .tick_every = 5,
	    .class = {"paid"},
	    .series = {"s_yuan"},
	    .money = true};
	char day[H5_CLOCK_DAY];
	size_t i;

	for (i = 0; i < c.n; i++) {
		h5_clock_day(r->days_start + (int64_t)i * 86400, day);
		(void)snprintf(c.label[i], sizeof c.label[i], "%s", day + 5);
		c.v[i][0] = r->day_fen[i];
	}
	put_chart(v, &c);
}

/* "<5 min" */
static void
put_bound(const struct h5_data *v, char label[LABEL], int64_t s)
{
	if (s < 60)
		(void)snprintf(label, LABEL, "<%lld %.16s", (long long)s,
		    word(v, "second"));
	else if (s < 3600)
		(void)snprintf(label, LABEL, "<%lld %.16s", (long long)(s / 60),
		    word(v, "minute"));
	else
		(void)snprintf(label, LABEL, "<%lld %.16s",
		    (long long)(s / 3600), word(v, "hours_unit"));
}

static void
chart_times(struct h5_data *v, const char *id, const int64_t *bounds,
    size_t n_bounds, const int64_t *counts, size_t n)
{
	struct chart c = {.id = id,
	    .first = "time",
	    .n = n,
	    .n_series = 1,
	    .tick_every = 1,
	    .class = {"paid"},
	    .series = {"s_orders"}};
	size_t i;

	for (i = 0; i < n; i++) {
		/* The last columns have names instead of bounds. */
		if (i < n_bounds)
			put_bound(v, c.label[i], bounds[i]);
		else
			(void)snprintf(c.label[i], sizeof c.label[i], "%.31s",
			    word(v, i == n_bounds ? "longer" : "by_query"));
		c.v[i][0] = counts[i];
	}
	put_chart(v, &c);
}

/* --- the page ------------------------------------------------------------- */

static void
put_figure(struct h5_data *v, const char *key, const char *value)
{
	struct h5_data *figure = h5_data_item(v, "figure");

	h5_data_str(figure, "name", word(v, key));
	h5_data_str(figure, "value", value);
}

static const char *const product_keys[] = {
    [H5_PRODUCT_H5] = "k_h5",
    [H5_PRODUCT_NATIVE] = "k_native",
    [H5_PRODUCT_JSAPI] = "k_jsapi",
};
static_assert(
    H5_LENGTH(product_keys) == H5_PRODUCTS, "a name for each product");

static void
put_figures(struct h5_data *v, const struct report *r)
{
	char text[H5_TEXT_FEN], both[H5_TEXT_FEN + 24];
	unsigned i;

	(void)snprintf(text, sizeof text, "%lld", (long long)r->orders);
	put_figure(v, "k_orders", text);
	(void)snprintf(text, sizeof text, "%lld", (long long)r->paid);
	put_figure(v, "k_paid", text);
	h5_text_from_fen(r->paid_fen, text);
	put_figure(v, "k_amount", text);
	for (i = 0; r->products && i < H5_PRODUCTS; i++) {
		h5_text_from_fen(r->product_fen[i], text);
		(void)snprintf(both, sizeof both, "%lld / %s",
		    (long long)r->product_paid[i], text);
		put_figure(v, product_keys[i], both);
	}
	h5_text_from_fen(r->refunded_fen, text);
	put_figure(v, "k_refunded", text);
	/* Without orders there is no share; 0 % would be wrong. */
	if (r->orders > 0)
		(void)snprintf(text, sizeof text, "%lld %%",
		    (long long)(r->orders_paid * 100 / r->orders));
	put_figure(v, "k_share", r->orders > 0 ? text : "-");
}

static void
put_problems(struct h5_data *v, const struct report *r)
{
	const struct report_problem *p;
	struct h5_data *item;
	char yuan[H5_TEXT_FEN];
	unsigned i;

	if (r->n_problems > 0)
		put_number(v, "problem_count", r->n_problems);
	h5_data_flag(v, "more", r->n_problems > REPORT_PROBLEMS);
	for (i = 0; i < r->n_problems && i < REPORT_PROBLEMS; i++) {
		p = &r->problems[i];
		item = h5_data_item(v, "problem");
		/* Empty ones are set as well.  Otherwise a value of that name
		 * in the enclosing view would be shown. */
		h5_data_str(item, "order", p->order);
		h5_text_from_fen(p->fen, yuan);
		h5_data_str(item, "amount", p->fen > 0 ? yuan : "");
		h5_data_str(item, "text", word(v, p->key));
	}
}

static void
put_head(struct h5_data *v, const struct report *r)
{
	const struct h5_embed *css = find_file("report.css");
	char now[H5_CLOCK_PLAIN], iso[H5_CLOCK_RFC3339];

	h5_clock_plain(r->now, now);
	h5_clock_rfc3339(r->now, iso);
	h5_data_str(v, "lang", r->lang);
	h5_data_str(v, "shop", r->shop);
	h5_data_str(v, "period", r->period);
	h5_data_str(v, "now", now);
	h5_data_str(v, "now_iso", iso);
	h5_data_str(v, "version", H5_VERSION);
	h5_data_str(v, "style", css == NULL ? "" : (const char *)css->bytes);
}

enum h5_code
report_page(const struct report *r, struct h5_buf *out, struct h5_err *e)
{
	const struct h5_embed *html = find_file("report.html");
	struct h5_template *t = NULL;
	struct h5_data *v = h5_data_new();
	enum h5_code rc;

	if (v == NULL)
		return h5_err_nomem(e);
	rc = put_words(v, r->lang, e);
	if (rc == H5_OK && html == NULL)
		rc = h5_err_set(e, H5_E_BUG, "the report has no page");
	if (rc != H5_OK)
		goto out;
	put_head(v, r);
	put_problems(v, r);
	put_figures(v, r);
	chart_hours(v, r);
	chart_days(v, r);
	chart_times(
	    v, "wait", report_wait_s, REPORT_WAITS - 1, r->waits, REPORT_WAITS);
	chart_times(v, "notice", report_notice_s, REPORT_NOTICES - 2,
	    r->notices, REPORT_NOTICES);
	/* Compiled here: the report's page is not one of the programs'
	 * pages. */
	rc = h5_template_compile(
	    "report.html", (const char *)html->bytes, html->length, &t, e);
	if (rc == H5_OK)
		rc = h5_template_render(t, v, NULL, out, e);
	if (rc == H5_OK)
		rc = h5_buf_finish(out, e);
out:
	h5_template_free(t);
	h5_data_free(v);
	return rc;
}
