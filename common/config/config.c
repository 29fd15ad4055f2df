/* Reads a configuration and looks at each value and at what they make up
 * together; every fault is told in one run. */
#include "common/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/length.h"
#include "common/config/keys.h"
#include "common/config/rules.h"
#include "common/config/value.h"
#include "common/system/file.h"
#include "common/format/ini.h"
#include "common/base/text.h"
#include "common/format/url.h"
#include "common/order/order.h"

#define CONFIG_MAX (256 * 1024) /* bytes of a configuration */

/* --- reading -------------------------------------------------------------- */

/* One load. */
struct load {
	struct h5_config *c;
	struct h5_ini ini;
	char *dir; /* the configuration's folder */
	size_t section; /* the present one; h5_keys_n_sections: unknown
			or none */
	unsigned section_line[H5_KEYS_SECTIONS_MAX]; /* 0: not there */
	unsigned secret_line; /* the first secret that stands inline */
	enum h5_code rc; /* H5_E_NOMEM sticks */
};

static void
enter_section(struct load *l, const char *name)
{
	const char *near;

	l->section = h5_keys_section(name);
	if (l->section == h5_keys_n_sections) {
		near =
		    h5_text_closest(name, h5_keys_sections, h5_keys_n_sections);
		if (near != NULL)
			h5_ini_fault(&l->ini, l->ini.line,
			    "unknown section [%s]; did you mean [%s]?", name,
			    near);
		else
			h5_ini_fault(
			    &l->ini, l->ini.line, "unknown section [%s]", name);
	} else if (l->section_line[l->section] == 0) {
		l->section_line[l->section] = l->ini.line;
	}
}

static void
unknown_key(struct load *l, const char *name)
{
	const char *list[H5_CONFIG_KEYS] = {NULL};
	const char *section = h5_keys_sections[l->section], *near;
	size_t i, n = 0;

	for (i = 0; i < h5_keys_n; i++)
		if (strcmp(h5_keys[i].section, section) == 0)
			list[n++] = h5_keys[i].name;
	near = h5_text_closest(name, list, n);
	if (near != NULL) {
		h5_ini_fault(&l->ini, l->ini.line,
		    "unknown key %s in [%s]; did you mean %s?", name, section,
		    near);
		return;
	}
	for (i = 0; i < h5_keys_n; i++) {
		if (strcmp(h5_keys[i].name, name) == 0) {
			h5_ini_fault(&l->ini, l->ini.line,
			    "unknown key %s in [%s]; did you mean the one of "
			    "[%s]?",
			    name, section, h5_keys[i].section);
			return;
		}
	}
	h5_ini_fault(
	    &l->ini, l->ini.line, "unknown key %s in [%s]", name, section);
}

/* Gives a value to key i; a fault is reported at that line. */
static void
assign(struct load *l, size_t i, char *value, unsigned line)
{
	struct h5_config_in in = {l->c, &h5_keys[i], l->dir, false};
	enum h5_code rc;
	struct h5_err why;

	h5_err_clear(&why);
	if (value[0] == '\0' && !h5_keys[i].type->may_be_empty)
		rc = h5_err_set(&why, H5_E_CONFIG,
		    "no value; to leave it out, put # before the line");
	else
		rc = h5_keys[i].type->read(&in, value, &why);
	if (in.secret && l->secret_line == 0)
		l->secret_line = line;
	if (rc == H5_E_NOMEM)
		l->rc = rc;
	else if (rc != H5_OK)
		h5_ini_fault(&l->ini, line, "%s.%s: %s", h5_keys[i].section,
		    h5_keys[i].name, why.msg);
}

/* The line at which key i, or the other key with its destination, is there
 * already; 0: it is not.  which: the index of that key. */
static unsigned
taken(const struct load *l, size_t i, size_t *which)
{
	size_t j;

	for (j = 0; j < h5_keys_n; j++) {
		if (h5_keys[j].at == h5_keys[i].at && l->c->key_line[j] != 0) {
			*which = j;
			return l->c->key_line[j];
		}
	}
	return 0;
}

static void
on_line(void *ctx, struct h5_ini *h, const char *section, const char *key,
    char *value)
{
	struct load *l = ctx;
	unsigned before;
	size_t i, j = 0;

	(void)h;
	if (key == NULL) {
		enter_section(l, section);
		return;
	}
	if (section[0] == '\0') {
		h5_ini_fault(
		    &l->ini, l->ini.line, "%s before the first [section]", key);
		return;
	}
	if (l->section == h5_keys_n_sections)
		return; /* reported at its header */
	i = h5_keys_find(section, key);
	if (i == h5_keys_n) {
		unknown_key(l, key);
		return;
	}
	before = taken(l, i, &j);
	if (before != 0) {
		if (i == j)
			h5_ini_fault(&l->ini, l->ini.line,
			    "%s.%s is already set in line %u", section, key,
			    before);
		else
			h5_ini_fault(&l->ini, l->ini.line,
			    "both %s.%s and %s (line %u) are given; keep one",
			    section, key, h5_keys[j].name, before);
		return;
	}
	l->c->key_line[i] = l->ini.line;
	assign(l, i, value, l->ini.line);
}

/* --- what the lines alone do not say -------------------------------------- */

static void
check_required(struct load *l)
{
	unsigned line;
	size_t i, j;

	for (i = 0; i < h5_keys_n; i++) {
		if (!h5_keys[i].required || taken(l, i, &j) != 0)
			continue;
		line = l->section_line[h5_keys_section(h5_keys[i].section)];
		if (line == 0)
			line = l->ini.line == 0 ? 1 : l->ini.line;
		h5_ini_fault(&l->ini, line, "%s.%s is required and missing",
		    h5_keys[i].section, h5_keys[i].name);
	}
}

static void
set_defaults(struct load *l)
{
	const char *value;
	size_t i, j, url = h5_keys_find("gateway", "url");
	char *copy;

	for (i = 0; i < h5_keys_n; i++) {
		value = h5_keys[i].fallback;
		if (value == NULL || taken(l, i, &j) != 0)
			continue;
		/* Orders of a test gateway must never reach the real one. */
		if (h5_keys[i].at ==
			offsetof(struct h5_config, gateway.backup_url) &&
		    (l->c->gateway.url == NULL ||
			strcmp(l->c->gateway.url, h5_keys[url].fallback) != 0))
			value = "";
		copy = strdup(value);
		if (copy == NULL) {
			l->rc = H5_E_NOMEM;
			return;
		}
		assign(l, i, copy, 1);
		free(copy);
	}
}

static enum h5_code
origin_of(const char *url, char **origin, char **host, bool *loopback,
    struct h5_err *e)
{
	struct h5_buf b;
	struct h5_url u;
	enum h5_code rc;

	rc = h5_url_read(url, &u, e);
	if (rc != H5_OK)
		return rc;
	h5_buf_init(&b, H5_URL_MAX);
	if (origin != NULL) {
		h5_url_origin(&u, &b);
		rc = h5_config_value_buf(&b, origin, e);
	}
	if (rc == H5_OK && host != NULL) {
		h5_url_host(&u, &b);
		rc = h5_config_value_buf(&b, host, e);
	}
	if (loopback != NULL)
		*loopback = h5_url_loopback(&u);
	return rc;
}

/* Derives what follows from the keys.  A key that had a fault is NULL here. */
static enum h5_code
derive(struct h5_config *c, struct h5_err *e)
{
	enum h5_code rc = H5_OK;

	if (c->site.base_url != NULL)
		rc = origin_of(
		    c->site.base_url, &c->site.origin, &c->site.host, NULL, e);
	if (rc == H5_OK && c->site.origin != NULL && c->site.shop_url == NULL)
		rc = h5_config_value_dup(c->site.origin, &c->site.shop_url, e);
	if (rc == H5_OK && c->gateway.url != NULL)
		rc = origin_of(
		    c->gateway.url, NULL, NULL, &c->gateway.loopback, e);
	if (rc == H5_OK && c->gateway.cashier != NULL)
		rc = origin_of(c->gateway.cashier, &c->gateway.cashier_origin,
		    NULL, NULL, e);
	if (rc == H5_OK && c->gateway.oauth_url != NULL)
		rc = origin_of(c->gateway.oauth_url, &c->gateway.oauth_origin,
		    NULL, NULL, e);
	c->store.query_gap_s = c->orders.query_interval_s;
	/* The bits are enum h5_hook's, which lives with the orders. */
	c->hooks.mask = (c->hooks.exec != NULL ? 1U : 0U) |
			(c->hooks.webhook_url != NULL ? 2U : 0U);
	return rc;
}

/* --- a whole load --------------------------------------------------------- */

static enum h5_code
locate(struct load *l, const char *path, struct h5_err *e)
{
	char cwd[4096];
	const char *slash;
	struct h5_buf b;
	enum h5_code rc;

	h5_buf_init(&b, sizeof(cwd) + H5_INI_VALUE);
	if (path[0] != '/' && getcwd(cwd, sizeof(cwd)) != NULL) {
		h5_buf_puts(&b, cwd);
		h5_buf_putc(&b, '/');
	}
	h5_buf_puts(&b, path);
	rc = h5_config_value_buf(&b, &l->c->path, e);
	if (rc != H5_OK)
		return rc;
	slash = strrchr(l->c->path, '/');
	l->dir = slash == NULL
		     ? strdup(".")
		     : strndup(l->c->path, (size_t)(slash - l->c->path));
	return l->dir == NULL ? h5_err_nomem(e) : H5_OK;
}

/* Reads the text; a file that cannot be read is a fault like any other. */
static enum h5_code
read_text(struct load *l, struct h5_buf *text, struct h5_err *e)
{
	struct h5_err why;
	enum h5_code rc;
	char *real;

	/* The file layer follows no link, but an operator may use one for the
	 * configuration, so it is resolved here. */
	real = realpath(l->c->path, NULL);
	if (real == NULL && errno == ENOMEM)
		return h5_err_nomem(e);
	if (real == NULL)
		rc = h5_err_sys(&why, H5_E_CONFIG, errno, "cannot be read");
	else
		rc = h5_file_read(AT_FDCWD, real, text, &why);
	free(real);
	if (rc == H5_OK)
		return H5_OK;
	if (rc != H5_E_NOMEM) {
		h5_ini_fault(&l->ini, 1, "%s", why.msg);
		why.code = H5_E_CONFIG;
	}
	return h5_err_pass(e, &why);
}

/* A configuration that holds a secret is itself one. */
static void
check_mode(struct load *l)
{
	struct h5_err why;
	struct stat st;

	if (l->secret_line != 0 && stat(l->c->path, &st) == 0 &&
	    h5_file_secret_mode(l->c->path, &st, &why) != H5_OK)
		h5_ini_fault(&l->ini, l->secret_line,
		    "this line contains a secret, and %s", why.msg);
}

static enum h5_code
check_all(struct load *l, struct h5_err *e)
{
	enum h5_code rc;

	check_required(l);
	set_defaults(l);
	rc = derive(l->c, e);
	if (rc == H5_OK && l->rc != H5_OK)
		rc = h5_err_nomem(e);
	if (rc != H5_OK)
		return rc;
	h5_config_rules(
	    &l->ini, l->c, l->section_line[h5_keys_section("merchant")]);
	check_mode(l);
	return H5_OK;
}

/* l->c is the caller's, whatever comes of it. */
static enum h5_code
load(struct load *l, const char *path, struct h5_buf *faults, struct h5_err *e)
{
	size_t already = faults->len;
	struct h5_buf text;
	enum h5_code rc;

	h5_err_clear(e);
	memset(l, 0, sizeof(*l));
	l->ini.file = path;
	l->ini.faults = faults;
	l->section = h5_keys_n_sections;
	h5_buf_init(&text, CONFIG_MAX);
	l->c = calloc(1, sizeof(*l->c));
	rc = l->c == NULL ? h5_err_nomem(e) : locate(l, path, e);
	if (rc != H5_OK)
		goto out;
	l->c->store.budget_ms = H5_STORE_BUDGET_MS;
	rc = read_text(l, &text, e);
	if (rc == H5_OK) {
		h5_ini_read(&l->ini, text.data, text.len, on_line, l);
		l->c->open_line = l->ini.open_end ? l->ini.line : 0;
		rc = check_all(l, e);
	}
	if (rc == H5_OK || rc == H5_E_CONFIG)
		rc = h5_ini_verdict(&l->ini, faults->data + already, e);
out:
	h5_buf_wipe(&text);
	free(l->dir);
	return rc;
}

enum h5_code
h5_config_load(const char *path, struct h5_buf *faults, struct h5_config **out,
    struct h5_err *e)
{
	struct h5_err ours;
	enum h5_code rc;
	struct load l;

	*out = NULL;
	rc = load(&l, path, faults, e == NULL ? &ours : e);
	if (rc == H5_OK)
		*out = l.c;
	else
		h5_config_free(l.c);
	return rc;
}

const char *
h5_config_state_dir(const struct h5_config *c)
{
	return c->store.dir;
}

enum h5_code
h5_config_state(const char *path, struct h5_buf *out, struct h5_err *e)
{
	struct h5_buf faults;
	enum h5_code rc;
	struct load l;

	h5_buf_init(&faults, CONFIG_MAX);
	rc = load(&l, path, &faults, e);
	if (rc == H5_OK || rc == H5_E_CONFIG)
		rc = l.c->store.dir != NULL
			 ? H5_OK
			 : h5_err_set(e, H5_E_CONFIG,
			       "%.180s does not set store.dir", path);
	if (rc == H5_OK) {
		h5_buf_clear(out);
		h5_buf_puts(out, h5_config_state_dir(l.c));
		rc = h5_buf_finish(out, e);
	}
	h5_config_free(l.c);
	h5_buf_release(&faults);
	return rc;
}

static void
free_list(struct h5_config_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
}

static void
free_merchant_and_site(struct h5_config *c)
{
	if (c->merchant.v3 != NULL)
		c->merchant.v3_free(c->merchant.v3);
	free(c->merchant.appid);
	free(c->merchant.mch_id);
	free(c->merchant.cert_file);
	free(c->merchant.key_file);
	h5_crypto_key_free(c->merchant.api_key);
	h5_crypto_key_free(c->merchant.api_key_previous);
	h5_crypto_key_free(c->merchant.app_secret);
	h5_crypto_key_free(c->merchant.apiv3_key);
	h5_crypto_key_free(c->merchant.apiv3_key_previous);
	free(c->merchant.public_key_file);
	free(c->merchant.public_key_id);
	free(c->merchant.public_key_previous_file);
	free(c->merchant.public_key_previous_id);
	free(c->merchant.platform_certs);
	free(c->merchant.sub_mch_id);
	free(c->merchant.sub_appid);
	free(c->site.base_url);
	free(c->site.origin);
	free(c->site.host);
	free(c->site.program_suffix);
	free(c->site.name);
	free(c->site.shop_url);
	free(c->site.lang);
	free(c->site.contact);
	free(c->site.contact_wechat);
	h5_crypto_key_free(c->site.secret);
	h5_crypto_key_free(c->site.link_key);
	h5_crypto_key_free(c->site.secret_previous);
	h5_crypto_key_free(c->site.link_key_previous);
	free(c->site.trusted_proxies);
	free_list(&c->site.allowed_origins);
	free_list(&c->site.return_origins);
	free_list(&c->site.aliases);
}

void
h5_config_free(struct h5_config *c)
{
	size_t i;

	if (c == NULL)
		return;
	free_merchant_and_site(c);
	free(c->path);
	for (i = 0; i < c->n_files; i++)
		free(c->files[i]);
	free(c->files);
	free(c->gateway.url);
	free(c->gateway.backup_url);
	free(c->gateway.cashier);
	free(c->gateway.cashier_origin);
	free(c->gateway.oauth_url);
	free(c->gateway.oauth_origin);
	free(c->gateway.sns_url);
	free(c->gateway.ca_file);
	free(c->store.dir);
	free(c->store.engine);
	free(c->store.database);
	if (c->store.password != NULL)
		explicit_bzero(c->store.password, strlen(c->store.password));
	free(c->store.password);
	free(c->store.ca_file);
	free(c->store.cert_file);
	free(c->store.key_file);
	free(c->catalogue.file);
	free(c->hooks.exec);
	free(c->hooks.webhook_url);
	h5_crypto_key_free(c->hooks.webhook_secret);
	h5_crypto_key_free(c->hooks.webhook_secret_previous);
	free(c->pages.templates);
	free(c->log.file);
	free(c->server.command);
	free(c);
}

const char *
h5_config_payer_appid(const struct h5_config *c)
{
	return c->merchant.sub_appid != NULL ? c->merchant.sub_appid
					     : c->merchant.appid;
}

void
h5_config_url(
    const struct h5_config *c, const char *program, struct h5_buf *out)
{
	h5_buf_puts(out, c->site.base_url);
	h5_buf_putc(out, '/');
	h5_buf_puts(out, program);
	h5_buf_puts(out, c->site.program_suffix);
}
