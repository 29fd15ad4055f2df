/* The configuration: each fault has its line; what is accepted keeps the rules
 * that others rely on, and is accepted again when its lines are written plainly
 * (no comments, no blanks). */
#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/format/ini.h"
#include "common/base/text.h"
#include "common/format/url.h"
#include "tests/fuzz/disk.h"
#include "tests/fuzz/fuzz.h"

#define FILE_NAME "/etc/h5pay/h5pay.conf"

/* Keys are dear to make, and nothing is signed here. */
enum h5_code __wrap_h5_crypto_key_new(
    const void *p, size_t n, struct h5_crypto_key **out, struct h5_err *e);
enum h5_code
__wrap_h5_crypto_key_new(
    const void *p, size_t n, struct h5_crypto_key **out, struct h5_err *e)
{
	(void)e;
	*out = (struct h5_crypto_key *)(void *)fuzz_text(p, n);
	return H5_OK;
}

void __wrap_h5_crypto_key_free(struct h5_crypto_key *k);
void
__wrap_h5_crypto_key_free(struct h5_crypto_key *k)
{
	free(k);
}

/* https, or http to this machine. */
static void
good_url(const char *s)
{
	struct h5_url u;

	MUST(s != NULL && h5_url_read(s, &u, NULL) == H5_OK);
	MUST(u.https || h5_url_loopback(&u));
}

static void
check_site(const struct h5_config *c)
{
	size_t n = strlen(c->site.base_url), i;

	good_url(c->site.base_url);
	good_url(c->site.shop_url);
	MUST(n > 0 && c->site.base_url[n - 1] != '/');
	MUST(n + strlen("/notify") + strlen(c->site.program_suffix) <= 256);
	MUST(strncmp(c->site.base_url, c->site.origin,
		 strcspn(c->site.origin, ":")) == 0);
	MUST(strcmp(strstr(c->site.origin, "//") + 2, c->site.host) == 0);
	MUST(c->site.secret != NULL);
	MUST(c->site.name[0] != '\0' && h5_text_printable(c->site.name));
	MUST(strcmp(c->site.lang, "en") == 0 ||
	     strcmp(c->site.lang, "zh-CN") == 0);
	for (i = 0; i < c->site.n_trusted_proxies; i++)
		MUST(h5_netaddr_in(&c->site.trusted_proxies[i].base,
		    &c->site.trusted_proxies[i]));
	for (i = 0; i < c->site.allowed_origins.n; i++)
		good_url(c->site.allowed_origins.v[i]);
}

static void
check_config(const struct h5_config *c)
{
	size_t n = strlen(c->merchant.mch_id);

	MUST(strncmp(c->merchant.appid, "wx", 2) == 0);
	MUST(n >= 8 && strspn(c->merchant.mch_id, "0123456789") == n);
	MUST(c->merchant.api_key != NULL);
	MUST((c->merchant.cert_file == NULL) == (c->merchant.key_file == NULL));
	check_site(c);
	good_url(c->gateway.url);
	good_url(c->gateway.cashier);
	/* A prefix that ends in the host would fit a longer one, too. */
	MUST(strncmp(c->gateway.cashier, c->gateway.cashier_origin, 7) == 0);
	MUST(strchr(strstr(c->gateway.cashier, "//") + 2, '/') != NULL);
	if (c->gateway.backup_url[0] != '\0')
		good_url(c->gateway.backup_url);
	MUST(c->gateway.timeout_ms >= 10 && c->gateway.timeout_ms <= 60000);
	MUST(
	    c->orders.expire_minutes >= 6 && c->orders.expire_minutes <= 10080);
	MUST(c->store.dir != NULL && c->store.dir[0] == '/');
	MUST((c->hooks.webhook_url == NULL) ==
	     (c->hooks.webhook_secret == NULL));
	MUST(c->server.threads >= 0 && c->server.threads <= 1024);
	MUST(c->server.processes >= 0 && c->server.processes <= 64);
}

static enum h5_code
load(const char *text, size_t n, struct h5_config **c)
{
	struct h5_buf faults;
	enum h5_code rc;

	disk_text = text;
	disk_len = n;
	h5_buf_init(&faults, 65536);
	rc = h5_config_load(FILE_NAME, &faults, c, NULL);
	disk_text = NULL;
	MUST(rc == H5_OK || rc == H5_E_CONFIG);
	MUST((rc == H5_OK) == (disk_faults(faults.data, FILE_NAME) == 0));
	MUST((rc == H5_OK) == (*c != NULL));
	h5_buf_release(&faults);
	return rc;
}

static void
write_line(void *arg, struct h5_ini *h, const char *section, const char *key,
    char *value)
{
	struct h5_buf *out = arg;

	(void)h;
	if (key == NULL)
		h5_buf_printf(out, "[%s]\n", section);
	else
		h5_buf_printf(out, "%s=%s\n", key, value);
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
alike(const struct h5_config *a, const struct h5_config *b)
{
	return same_text(a->merchant.appid, b->merchant.appid) &&
	       same_text(a->site.base_url, b->site.base_url) &&
	       same_text(a->site.name, b->site.name) &&
	       same_text(a->site.contact, b->site.contact) &&
	       same_text(a->gateway.url, b->gateway.url) &&
	       same_text(a->gateway.backup_url, b->gateway.backup_url) &&
	       same_text(a->store.dir, b->store.dir) &&
	       same_text(a->log.file, b->log.file) &&
	       a->merchant.sign_type == b->merchant.sign_type &&
	       a->site.n_trusted_proxies == b->site.n_trusted_proxies &&
	       a->gateway.deadline_ms == b->gateway.deadline_ms &&
	       a->orders.query_interval_s == b->orders.query_interval_s &&
	       a->hooks.mask == b->hooks.mask;
}

/* The same settings on plain lines. */
static void
check_plain(const char *text, size_t n, const struct h5_config *c)
{
	struct h5_buf faults, plain;
	struct h5_ini h = {.file = FILE_NAME, .faults = &faults};
	char *copy = fuzz_text(text, n);
	struct h5_config *again;

	h5_buf_init(&faults, 65536);
	h5_buf_init(&plain, 2 * n + 64);
	h5_ini_read(&h, copy, n, write_line, &plain);
	MUST(h.n_faults == 0 && h5_buf_finish(&plain, NULL) == H5_OK);
	MUST(load(plain.data, plain.len, &again) == H5_OK);
	MUST(alike(c, again));
	h5_config_free(again);
	h5_buf_release(&plain);
	h5_buf_release(&faults);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h5_config *c;
	char *text = fuzz_text(data, size);

	if (load(text, size, &c) == H5_OK) {
		check_config(c);
		check_plain(text, size, c);
	}
	h5_config_free(c);
	free(text);
	return 0;
}
