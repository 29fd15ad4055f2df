/* certificates.h - certificates that end. */
#ifndef H5_ADMIN_CERTIFICATES_H
#define H5_ADMIN_CERTIFICATES_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/command.h"

/* Bytes: two names and some words. */
#define CERTIFICATE_WHY 512

struct certificate {
	const char *name; /* "api": merchant.cert_file; "platform": WeChat's,
		of merchant.platform_certs; "site": base_url's */
	int64_t end; /* Unix seconds: its last; 0: not known */
	int64_t days; /* whole ones that are left; negative: it has ended */
	char why[CERTIFICATE_WHY]; /* "": good until it ends; else what is
				 wrong with it, or why that is not known */
	bool alarm; /* it ends soon, has ended, or is wrong */
};

/* certificates_each(c, now, visit, arg): call visit for each certificate that
 * is watched.  That of the site is as the last look found it. */
void certificates_each(const struct h5_config *c, int64_t now,
    void (*visit)(void *arg, const struct certificate *x), void *arg);

/* certificates_daily(cmd): at most once in 24 hours, look at the site's
 * certificate and write one alert into the log for each with an alarm.  The
 * state folder keeps when.  Blocks for a few seconds at most. */
void certificates_daily(struct command *cmd);

/* certificate_site.c: the one that buyers' browsers see. */
/* certificate_site_look(cmd): shake hands with base_url's host and keep in the
 * state folder what it showed.  If it is not reached, what was kept stays. */
void certificate_site_look(const struct command *cmd);
/* certificate_site(c, now, out): as it was kept.  false: base_url is not https.
 */
bool certificate_site(
    const struct h5_config *c, int64_t now, struct certificate *out);

#endif
