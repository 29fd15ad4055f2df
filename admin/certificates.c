/* Certificates that end: how long each is still good, for status, the report
 * and a line in the log once a day. */
#include "admin/certificates.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/system/chain.h"
#include "common/system/file.h"
#include "common/system/state.h"
#include "common/wechat/wechat.h"

#define DAY_S 86400
#define LINE 32 /* bytes of a time */

/* A file's, of which end_of tells the end. */
static void
look_at(const struct h5_config *c, int64_t now,
    enum h5_code (*end_of)(
	const struct h5_config *c, int64_t *end, struct h5_err *e),
    struct certificate *out)
{
	struct h5_err e;

	if (end_of(c, &out->end, &e) != H5_OK) {
		(void)snprintf(out->why, sizeof out->why, "%s", e.msg);
		out->alarm = true;
		return;
	}
	out->days = h5_chain_days(out->end, now);
	out->alarm = out->days < H5_CHAIN_DAYS;
}

/* merchant.cert_file.  false: none is set. */
static bool
certificate_api(const struct h5_config *c, int64_t now, struct certificate *out)
{
	*out = (struct certificate){.name = "api"};
	if (c->merchant.cert_file == NULL)
		return false;
	look_at(c, now, h5_wechat_certificate_end, out);
	return true;
}

/* WeChat's own.  A public key beside them has no end, and signs instead. */
static bool
certificate_platform(
    const struct h5_config *c, int64_t now, struct certificate *out)
{
	*out = (struct certificate){.name = "platform"};
	if (c->merchant.platform_certs == NULL ||
	    c->merchant.public_key_file != NULL)
		return false;
	look_at(c, now, h5_wechat_platform_end, out);
	return true;
}

/* Each kind that is watched; false: this shop has none of it. */
static bool (*const watched[])(
    const struct h5_config *c, int64_t now, struct certificate *out) = {
    certificate_api, certificate_platform, certificate_site};

void
certificates_each(const struct h5_config *c, int64_t now,
    void (*visit)(void *arg, const struct certificate *x), void *arg)
{
	struct certificate x;
	size_t i;

	for (i = 0; i < H5_LENGTH(watched); i++)
		if (watched[i](c, now, &x))
			visit(arg, &x);
}

/* --- once a day ----------------------------------------------------------- */

/* When this was last looked at; 0: never, or what stands there is no time. */
static int64_t
looked_at(const char *path)
{
	struct h5_buf b;
	long long at = 0;
	char *end;

	h5_buf_init(&b, LINE);
	if (h5_file_read(AT_FDCWD, path, &b, NULL) == H5_OK && b.len > 0) {
		at = strtoll(b.data, &end, 10);
		if (*end != '\n' || at < 0)
			at = 0;
	}
	h5_buf_release(&b);
	return at;
}

static void
say(void *arg, const struct certificate *x)
{
	const struct command *cmd = arg;
	char day[H5_CLOCK_DAY];

	h5_clock_day(x->end, day);
	if (x->alarm && x->why[0] != '\0')
		h5_log_event(cmd->shop.log, H5_LOG_ALERT, "certificate-wrong",
		    "certificate", x->name, "why", x->why, NULL);
	else if (x->alarm)
		h5_log_event(cmd->shop.log, H5_LOG_ALERT, "certificate-ends",
		    "certificate", x->name, "ends", day, "days",
		    H5_LOG_NUM(x->days), NULL);
}

void
certificates_daily(struct command *cmd)
{
	int64_t now = h5_clock_now(), at;
	struct h5_buf path;
	char line[LINE];
	struct h5_err e;
	int n;

	h5_buf_init(&path, 4096);
	h5_buf_printf(&path, "%s/" H5_STATE_CERTIFICATES,
	    h5_config_state_dir(cmd->shop.c));
	if (h5_buf_finish(&path, &e) != H5_OK)
		goto out;
	at = looked_at(path.data);
	/* A clock that was set back must not silence it until then. */
	if (now >= at && now - at < DAY_S)
		goto out;
	/* Noted first: while one sweep waits for the site, the next begins. */
	n = snprintf(line, sizeof line, "%lld\n", (long long)now);
	if (h5_file_replace(AT_FDCWD, path.data, line, (size_t)n, 0600, &e) !=
	    H5_OK)
		h5_log_event(cmd->shop.log, H5_LOG_ERROR,
		    "certificates-not-noted", "why", e.msg, NULL);
	certificate_site_look(cmd);
	certificates_each(cmd->shop.c, now, say, cmd);
out:
	h5_buf_release(&path);
}
