/* The table that says since which format of the store each kind of event,
 * field and word exists.  Format 1 is that of version 0.1.0. */
#include "common/order/since.h"

#include <string.h>

#include "common/base/length.h"

/* Fields that came with one format.  The first row of a kind says since when
 * the kind itself exists.  A name that ends in * stands for all that begin
 * so. */
static const struct row {
	enum h5_event_kind kind;
	unsigned since;
	const char *names;
} fields[] = {
    {H5_EVENT_CREATED, 1,
	"order total_fee body attach item qty lang expires_at out_trade_no "
	"spbill_create_ip time_start time_expire"},
    {H5_EVENT_CREATED, 2, "return_url found sign_type product api"},
    {H5_EVENT_ATTEMPT, 1,
	"out_trade_no spbill_create_ip time_start time_expire"},
    {H5_EVENT_ATTEMPT, 2, "sign_type product openid api"},
    {H5_EVENT_ORDERING, 2, "out_trade_no request"},
    {H5_EVENT_PREPAID, 1, "out_trade_no spbill_create_ip prepay_id mweb_url"},
    {H5_EVENT_PREPAID, 2, "code_url"},
    {H5_EVENT_QUERIED, 1, "out_trade_no trade_state trade_state_desc"},
    {H5_EVENT_UNREACHED, 1, "out_trade_no why"},
    {H5_EVENT_PAID, 1,
	/* wx_*, most of a payment's fields, is looked at first. */
	"wx_* out_trade_no transaction_id total_fee via time_end trade_state"},
    {H5_EVENT_PAID, 2, "returned"},
    {H5_EVENT_CLOSING, 1, "out_trade_no"},
    {H5_EVENT_ENDED, 1, "out_trade_no why"},
    {H5_EVENT_CLOSED, 1, "why"},
    {H5_EVENT_REFUND_ASKED, 1, "out_refund_no out_trade_no refund_fee reason"},
    {H5_EVENT_REFUND_HINT, 1,
	"out_refund_no out_trade_no refund_id refund_status refund_fee"},
    {H5_EVENT_REFUNDED, 1,
	"out_refund_no out_trade_no refund_id refund_fee status success_time"},
    {H5_EVENT_REFUND_REFUSED, 1, "out_refund_no why"},
    {H5_EVENT_KEPT, 2, "why"},
    {H5_EVENT_BILLED, 2, "bill_date"},
    {H5_EVENT_ALERT, 1, "alert out_trade_no transaction_id total_fee fee_type"},
    {H5_EVENT_DELIVERED, 1, "id to"},
    {H5_EVENT_UNDELIVERED, 1, "id to failures retry_at why"},
    {H5_EVENT_SETTLED, 2, "how by note refund_fee"},
    {H5_EVENT_FORGOTTEN, 2, "fields"},
    {H5_EVENT_RELEASED, 2, "why"},
    {H5_EVENT_AUTHORIZING, 2, "out_trade_no oauth_state"},
    {H5_EVENT_AUTHORIZED, 2, "out_trade_no oauth_state openid"},
    {H5_EVENT_UNAUTHORIZED, 2, "out_trade_no oauth_state why"},
};

/* Fields whose values come from a closed list: a reader refuses any other
 * value. */
static const struct {
	enum h5_event_kind kind;
	const char *field;
	unsigned since;
	const char *words;
} values[] = {
    {H5_EVENT_CREATED, "sign_type", 2, "MD5 HMAC-SHA256"},
    {H5_EVENT_ATTEMPT, "sign_type", 2, "MD5 HMAC-SHA256"},
    {H5_EVENT_CREATED, "found", 2, "bill"},
    {H5_EVENT_CREATED, "product", 2, "h5 native jsapi"},
    {H5_EVENT_ATTEMPT, "product", 2, "h5 native jsapi"},
    {H5_EVENT_CREATED, "api", 2, "v2 v3"},
    {H5_EVENT_ATTEMPT, "api", 2, "v2 v3"},
    {H5_EVENT_PAID, "via", 1, "notify query"},
    {H5_EVENT_ALERT, "alert", 1, "disputed late overpaid"},
    {H5_EVENT_ALERT, "alert", 2, "wrong-api refunded-elsewhere"},
    {H5_EVENT_DELIVERED, "to", 1, "exec webhook"},
    {H5_EVENT_UNDELIVERED, "to", 1, "exec webhook"},
    {H5_EVENT_SETTLED, "how", 2, "disputed-done refunded"},
};

/* Is word in the list, or does it begin like an entry that ends in *? */
static bool
listed(const char *list, const char *word)
{
	size_t n;

	for (;;) {
		for (n = 0; word[n] != '\0' && list[n] == word[n]; n++)
			continue;
		if (list[n] == '*' ||
		    (word[n] == '\0' && (list[n] == ' ' || list[n] == '\0')))
			return true;
		list = strchr(list + n, ' ');
		if (list == NULL)
			return false;
		list++;
	}
}

/* The first row of a kind; NULL: the table lacks it. */
static const struct row *
rows_of(enum h5_event_kind kind)
{
	size_t i;

	for (i = 0; i < H5_LENGTH(fields); i++)
		if (fields[i].kind == kind)
			return &fields[i];
	return NULL;
}

static unsigned
since_name(const struct row *r, enum h5_event_kind kind, const char *name)
{
	for (; r < fields + H5_LENGTH(fields); r++)
		if (r->kind == kind && listed(r->names, name))
			return r->since;
	return 0;
}

static unsigned
since_value(enum h5_event_kind kind, const char *name, const char *value)
{
	bool closed = false;
	size_t i;

	for (i = 0; i < H5_LENGTH(values); i++) {
		if (values[i].kind != kind ||
		    strcmp(values[i].field, name) != 0)
			continue;
		if (listed(values[i].words, value))
			return values[i].since;
		closed = true;
	}
	/* A field without a list takes any value, and has done so since format
	 * 1. */
	return closed ? 0 : 1;
}

unsigned
h5_since_event(const struct h5_event *ev)
{
	const struct row *r = rows_of(ev->kind);
	unsigned name, value, newest = r == NULL ? 0 : r->since;
	size_t i;

	/* 0 stands for "not in the table", which is a fault of ours and ends
	 * the search. */
	for (i = 0; newest != 0 && i < ev->fields.n; i++) {
		name = since_name(r, ev->kind, ev->fields.v[i].name);
		value = since_value(
		    ev->kind, ev->fields.v[i].name, ev->fields.v[i].value);
		if (name == 0 || value == 0)
			return 0;
		newest = name > newest ? name : newest;
		newest = value > newest ? value : newest;
	}
	return newest;
}

unsigned
h5_since_newest(void)
{
	unsigned newest = H5_SINCE_ARCHIVE;
	size_t i;

	for (i = 0; i < H5_LENGTH(fields); i++)
		newest = fields[i].since > newest ? fields[i].since : newest;
	for (i = 0; i < H5_LENGTH(values); i++)
		newest = values[i].since > newest ? values[i].since : newest;
	return newest;
}
