/* h5pay certs - renews WeChat's platform certificates, by which answers and
 * notices of APIv3 are checked where a merchant has no WeChat Pay public
 * key. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/format/json.h"
#include "common/system/crypto.h"
#include "common/system/file.h"
#include "common/system/rsa.h"
#include "common/wechat/wechat.h"

#define FILE_MAX 262144 /* bytes of the certificates together */
#define MOST 16

struct one {
	char serial[H5_RSA_SERIAL];
	int64_t end; /* its last second */
	bool news; /* was not in the file */
};
struct list {
	struct one v[MOST];
	size_t n;
	struct h5_buf pem; /* all of them */
};

static bool
has(const struct list *l, const char *serial)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (strcmp(l->v[i].serial, serial) == 0)
			return true;
	return false;
}

/* Takes those of pem that are not over and not there yet. */
static enum h5_code
take(struct list *l, const struct h5_buf *pem, struct h5_err *e)
{
	int64_t now = h5_clock_now();
	struct h5_rsa_key *key;
	size_t at = 0, from;
	struct h5_buf one;
	struct one x;
	enum h5_code rc;

	h5_buf_init(&one, FILE_MAX);
	for (;;) {
		memset(&x, 0, sizeof x);
		key = NULL;
		from = at;
		rc = h5_rsa_read_certificate(pem, &at, &key, x.serial, e);
		h5_rsa_free(key);
		if (rc != H5_OK)
			break;
		h5_buf_clear(&one);
		h5_buf_add(&one, pem->data + from, at - from);
		rc = h5_buf_finish(&one, e);
		if (rc == H5_OK)
			rc = h5_crypto_certificate_end(&one, &x.end, e);
		if (rc != H5_OK)
			break;
		if (x.end < now || l->n == MOST || has(l, x.serial))
			continue;
		l->v[l->n++] = x;
		h5_buf_add(&l->pem, one.data, one.len);
	}
	h5_buf_release(&one);
	if (rc == H5_E_NOTFOUND)
		return h5_buf_finish(&l->pem, e);
	return rc;
}

/* What the file holds now.  A file that is not there, or that nobody can read
 * any more, holds nothing that is worth keeping. */
static enum h5_code
read_old(const struct h5_config *c, struct h5_buf *raw, struct list *old,
    struct h5_err *e)
{
	enum h5_code rc =
	    h5_file_read(AT_FDCWD, c->merchant.platform_certs, raw, e);

	if (rc == H5_OK)
		rc = take(old, raw, e);
	return rc == H5_E_NOTFOUND || rc == H5_E_CONFIG ? H5_OK : rc;
}

static enum h5_code
write_new(const struct h5_config *c, const struct h5_buf *raw,
    const struct list *l, struct h5_err *e)
{
	const struct h5_file_as as = {(uid_t)-1, (gid_t)-1, 0600};

	/* Programs that run take up a file that was replaced. */
	if (raw->len == l->pem.len &&
	    memcmp(raw->data, l->pem.data, raw->len) == 0)
		return H5_OK;
	return h5_file_put(
	    c->merchant.platform_certs, l->pem.data, l->pem.len, &as, e);
}

static enum h5_code
renew(struct command *cmd, struct list *l, struct h5_err *e)
{
	struct list old = {.n = 0};
	struct h5_wechat_refusal refusal = {.note = NULL};
	struct h5_buf fresh, raw;
	enum h5_code rc;
	size_t i;

	h5_buf_init(&fresh, FILE_MAX);
	h5_buf_init(&raw, FILE_MAX);
	h5_buf_init(&old.pem, FILE_MAX);
	rc = command_wechat(cmd, e);
	if (rc == H5_OK)
		rc = h5_wechat_certificates(
		    cmd->shop.wx, &cmd->log, &fresh, &refusal, e);
	if (rc == H5_OK && refusal.verdict != H5_WECHAT_SUCCESS)
		rc = h5_err_set(e,
		    refusal.verdict == H5_WECHAT_AGAIN ? H5_E_NET : H5_E_CONFIG,
		    "WeChat gives no certificates: %s (%s)", refusal.err_code,
		    refusal.note != NULL ? refusal.note : refusal.err_code_des);
	if (rc == H5_OK)
		rc = read_old(cmd->config, &raw, &old, e);
	if (rc == H5_OK)
		rc = take(l, &fresh, e);
	for (i = 0; i < l->n; i++)
		l->v[i].news = !has(&old, l->v[i].serial);
	/* WeChat signs with the old one for days after it has a new one. */
	if (rc == H5_OK)
		rc = take(l, &old.pem, e);
	if (rc == H5_OK)
		rc = write_new(cmd->config, &raw, l, e);
	h5_buf_release(&fresh);
	h5_buf_release(&raw);
	h5_buf_release(&old.pem);
	return rc;
}

static int
print_json(const struct h5_config *c, const struct list *l)
{
	char until[H5_CLOCK_RFC3339];
	struct h5_buf b;
	size_t i;

	h5_buf_init(&b, 65536);
	h5_buf_putc(&b, '{');
	h5_json_text("file", c->merchant.platform_certs, &b);
	h5_json_name("certificates", &b);
	h5_buf_putc(&b, '[');
	for (i = 0; i < l->n; i++) {
		h5_clock_rfc3339(l->v[i].end, until);
		h5_buf_puts(&b, i > 0 ? ",{" : "{");
		h5_json_text("serial", l->v[i].serial, &b);
		h5_json_text("until", until, &b);
		h5_json_name("new", &b);
		h5_buf_puts(&b, l->v[i].news ? "true}" : "false}");
	}
	h5_buf_puts(&b, "]}\n");
	(void)fputs(b.data, stdout);
	h5_buf_release(&b);
	return EXIT_DONE;
}

static int
print(const struct command *cmd, const struct list *l)
{
	static const struct column columns[] = {{"SERIAL", 0, false, false},
	    {"UNTIL", 0, false, false}, {"", 0, false, false}};
	char until[H5_CLOCK_RFC3339];
	struct table *t;
	size_t i;

	if (cmd->json)
		return print_json(cmd->config, l);
	if (cmd->quiet)
		return EXIT_DONE;
	t = table_new(cmd, columns, H5_LENGTH(columns));
	for (i = 0; i < l->n; i++) {
		h5_clock_rfc3339(l->v[i].end, until);
		table_cell(t, l->v[i].serial);
		table_cell(t, until);
		table_cell(t, l->v[i].news ? "new" : "kept");
	}
	return table_end(t) ? EXIT_DONE : h5_err_exit(H5_E_NOMEM);
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct list l = {.n = 0};
	struct h5_err e;
	enum h5_code rc;
	int status;

	(void)argc;
	(void)argv;
	h5_buf_init(&l.pem, FILE_MAX);
	if (cmd->config->merchant.platform_certs == NULL)
		rc = h5_err_set(&e, H5_E_CONFIG,
		    "merchant.platform_certs is not set: with a WeChat Pay "
		    "public key there is nothing to renew");
	else
		rc = command_own_store(cmd->config->path, &e);
	if (rc == H5_OK)
		rc = renew(cmd, &l, &e);
	status = rc == H5_OK ? print(cmd, &l) : command_fail(cmd, &e);
	h5_buf_release(&l.pem);
	return status;
}

const struct verb verb_certs = {
    .name = "certs",
    .usage = "certs [--json]",
    .need_config = true,
    .run = run,
};
