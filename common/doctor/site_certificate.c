/* The doctor: the certificate that buyers' browsers see at site.base_url. */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/doctor/words.h"
#include "common/format/url.h"
#include "common/system/https.h"

#define TIMEOUT_MS 5000

/* What is wrong with a chain, as words.txt has it. */
static const char *
what_of(enum h5_chain_fault f)
{
	switch (f) {
	case H5_CHAIN_NAME:
		return "tls-name";
	case H5_CHAIN_SHORT:
		return "tls-short";
	case H5_CHAIN_UNTRUSTED:
		return "tls-untrusted";
	case H5_CHAIN_ENDED:
		return "tls-ended";
	case H5_CHAIN_EARLY:
		return "tls-early";
	case H5_CHAIN_OTHER:
		return "tls-other";
	case H5_CHAIN_GOOD:
		break;
	}
	return NULL;
}

void
h5_doctor_site_certificate(struct h5_doctor *d, const struct h5_https *h)
{
	int left_ms = h5_doctor_left(d, TIMEOUT_MS);
	int64_t now = h5_clock_now(), days;
	char day[H5_CLOCK_DAY];
	const char *what;
	struct h5_chain x;
	struct h5_url u;
	struct h5_err e;

	if (h5_url_read(d->c->site.base_url, &u, &e) != H5_OK || !u.https)
		return;
	if (left_ms == 0) {
		h5_doctor_say(d, H5_DOCTOR_WARN, "tls", "no-time", NULL);
		return;
	}
	if (h5_https_chain(h, d->c->site.base_url, left_ms, now, &x, &e) !=
	    H5_OK) {
		h5_doctor_say(d, H5_DOCTOR_WARN, "tls", "tls-unseen", "host",
		    u.host, "reason", e.msg, NULL);
		return;
	}
	h5_clock_day(x.end, day);
	days = h5_chain_days(x.end, now);
	what = what_of(x.fault);
	if (x.fault != H5_CHAIN_GOOD)
		h5_doctor_say(d, H5_DOCTOR_FAIL, "tls", what, "host", u.host,
		    "text", x.text, "day", day, NULL);
	else if (days < H5_CHAIN_DAYS)
		h5_doctor_say(d, H5_DOCTOR_WARN, "tls", "tls-soon", "host",
		    u.host, "day", day, "days", H5_LOG_NUM(days), NULL);
	else
		h5_doctor_say(d, H5_DOCTOR_PASS, "tls", "tls-good", "host",
		    u.host, "day", day, NULL);
}
