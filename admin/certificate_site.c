/* The certificate that buyers' browsers see: looked at over the network, kept
 * in the state folder, and read back from there. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/certificates.h"
#include "common/base/clock.h"
#include "common/base/fields.h"
#include "common/base/text.h"
#include "common/format/url.h"
#include "common/system/chain.h"
#include "common/system/file.h"
#include "common/system/https.h"
#include "common/system/state.h"

#define LOOK_MS 5000
/* "HOST END FAULT TEXT" */
#define LINE (H5_URL_HOST + 16 + H5_CHAIN_TEXT + 64)

static bool
is_https(const struct h5_config *c, struct h5_url *u)
{
	return h5_url_read(c->site.base_url, u, NULL) == H5_OK && u->https;
}

static bool
path_of(const struct h5_config *c, struct h5_buf *out)
{
	h5_buf_printf(
	    out, "%s/" H5_STATE_CERTIFICATE_SITE, h5_config_state_dir(c));
	return h5_buf_finish(out, NULL) == H5_OK;
}

static void
keep(const struct command *cmd, const struct h5_chain *x)
{
	struct h5_buf path, line;
	struct h5_err e;

	h5_buf_init(&path, 4096);
	h5_buf_init(&line, LINE);
	h5_buf_printf(&line, "%s %lld %s %s\n", cmd->shop.c->site.host,
	    (long long)x->end, h5_chain_fault_name(x->fault), x->text);
	if (path_of(cmd->shop.c, &path) && h5_buf_finish(&line, &e) == H5_OK &&
	    h5_file_replace(
		AT_FDCWD, path.data, line.data, line.len, 0600, &e) != H5_OK)
		h5_log_event(cmd->shop.log, H5_LOG_ERROR,
		    "certificates-not-noted", "why", e.msg, NULL);
	h5_buf_release(&path);
	h5_buf_release(&line);
}

void
certificate_site_look(const struct command *cmd)
{
	struct h5_https_options o = {
	    .connect_timeout_ms = LOOK_MS, .timeout_ms = LOOK_MS};
	const struct h5_config *c = cmd->shop.c;
	struct h5_https *h = NULL;
	struct h5_chain x;
	struct h5_url u;
	struct h5_err e;
	enum h5_code rc;

	if (!is_https(c, &u))
		return;
	rc = h5_https_new(&o, &h, &e);
	if (rc == H5_OK)
		rc = h5_https_chain(
		    h, c->site.base_url, LOOK_MS, h5_clock_now(), &x, &e);
	if (rc == H5_OK)
		keep(cmd, &x);
	else
		/* Many hosts cannot reach their own public address. */
		h5_log_event(cmd->shop.log, H5_LOG_WARN, "certificate-not-seen",
		    "certificate", "site", "url", c->site.base_url, "why",
		    e.msg, NULL);
	h5_https_free(h);
}

/* --- read back ------------------------------------------------------------ */

/* Cuts the next word off *at; "": there is none. */
static char *
word(char **at)
{
	char *begin = *at, *end = begin + strcspn(begin, " ");

	*at = *end == '\0' ? end : end + 1;
	*end = '\0';
	return begin;
}

/* line: all of the file.  What is about another host is not believed: base_url
 * was changed since. */
static bool
read_line(struct h5_buf *line, const char *host, struct h5_chain *out)
{
	char *at = line->data;
	uint64_t end;

	if (line->len == 0 || strlen(at) != line->len ||
	    at[line->len - 1] != '\n')
		return false;
	at[line->len - 1] = '\0';
	if (strcmp(word(&at), host) != 0 ||
	    h5_text_u64(word(&at), 0, INT64_MAX, &end, NULL) != H5_OK ||
	    h5_chain_fault_read(word(&at), &out->fault, NULL) != H5_OK)
		return false;
	out->end = (int64_t)end;
	(void)snprintf(out->text, sizeof out->text, "%s", at);
	return true;
}

static bool
kept(const struct h5_config *c, struct h5_chain *out)
{
	struct h5_buf path, line;
	bool good;

	h5_buf_init(&path, 4096);
	h5_buf_init(&line, LINE);
	good = path_of(c, &path) &&
	       h5_file_read(AT_FDCWD, path.data, &line, NULL) == H5_OK &&
	       read_line(&line, c->site.host, out);
	h5_buf_release(&path);
	h5_buf_release(&line);
	return good;
}

static void
put_why(const struct h5_chain *x, const char *host, char why[CERTIFICATE_WHY])
{
	switch (x->fault) {
	case H5_CHAIN_NAME:
		(void)snprintf(why, CERTIFICATE_WHY, "it is for %s, not for %s",
		    x->text, host);
		return;
	case H5_CHAIN_SHORT:
		(void)snprintf(why, CERTIFICATE_WHY,
		    "the certificate of its issuer, %s, is missing: set the "
		    "whole chain (fullchain.pem) in the web server",
		    x->text);
		return;
	case H5_CHAIN_UNTRUSTED:
		(void)snprintf(why, CERTIFICATE_WHY,
		    "its issuer, %s, is not trusted", x->text);
		return;
	case H5_CHAIN_EARLY:
		(void)snprintf(why, CERTIFICATE_WHY,
		    "it is not valid yet: check this machine's clock");
		return;
	case H5_CHAIN_OTHER:
		(void)snprintf(why, CERTIFICATE_WHY, "%s", x->text);
		return;
	case H5_CHAIN_GOOD:
	case H5_CHAIN_ENDED: /* its end says so */
		return;
	}
}

bool
certificate_site(
    const struct h5_config *c, int64_t now, struct certificate *out)
{
	struct h5_chain x;
	struct h5_url u;

	*out = (struct certificate){.name = "site"};
	if (!is_https(c, &u))
		return false;
	if (!kept(c, &x)) {
		(void)snprintf(out->why, sizeof out->why,
		    "not seen yet: a sweep looks at it once a day");
		return true;
	}
	out->end = x.end;
	out->days = h5_chain_days(x.end, now);
	put_why(&x, u.host, out->why);
	out->alarm = out->why[0] != '\0' || out->days < H5_CHAIN_DAYS;
	return true;
}
