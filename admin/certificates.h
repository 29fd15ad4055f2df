/* certificates.h - certificates that end. */
#ifndef H5_ADMIN_CERTIFICATES_H
#define H5_ADMIN_CERTIFICATES_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/command.h"

#define CERTIFICATE_DAYS 30 /* an alarm when fewer are left */

struct certificate {
	const char *name; /* "api": merchant.cert_file */
	int64_t end; /* Unix seconds: its last; 0: not known */
	int64_t days; /* whole ones that are left; negative: it has ended */
	char why[H5_ERR_MSG]; /* "": else why the end is not known */
	bool alarm; /* it ends soon, has ended, or cannot be read */
};

/* certificate_api(c, now, out): how long merchant.cert_file is good.  false:
 * none is set. */
bool certificate_api(
    const struct h5_config *c, int64_t now, struct certificate *out);

/* certificates_daily(cmd): one alert in the log for each certificate with an
 * alarm, at most once in 24 hours.  The state folder keeps when. */
void certificates_daily(const struct command *cmd);

#endif
