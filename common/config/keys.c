/* The table of keys: what a configuration may say, key by key. */
#include "common/config/keys.h"

#include <stddef.h>
#include <string.h>

#include "common/base/length.h"
#include "common/config/value.h"
#include "common/format/ini.h"

#define AT(member) offsetof(struct h5_config, member)
#define T(type) &h5_config_value_##type

/* Two keys with one destination exclude each other. */
const struct h5_config_key h5_keys[] = {
    /* section, key, default, required, type, destination, min, max */
    {"merchant", "appid", NULL, true, T(appid), AT(merchant.appid), 3, 32},
    {"merchant", "mch_id", NULL, true, T(digits), AT(merchant.mch_id), 8, 32},
    {"merchant", "api", "v2", false, T(api), AT(merchant.api), 0, 0},
    {"merchant", "api_key", NULL, false, T(secret), AT(merchant.api_key), 32,
	32},
    {"merchant", "api_key_file", NULL, false, T(secret_file),
	AT(merchant.api_key), 32, 32},
    {"merchant", "api_key_previous", NULL, false, T(previous),
	AT(merchant.api_key_previous), 32, 32},
    {"merchant", "api_key_previous_file", NULL, false, T(previous_file),
	AT(merchant.api_key_previous), 32, 32},
    {"merchant", "sign_type", "HMAC-SHA256", false, T(sign_type),
	AT(merchant.sign_type), 0, 0},
    {"merchant", "sign_type_previous", NULL, false, T(sign_type),
	AT(merchant.sign_type_previous), 0, 0},
    {"merchant", "cert_file", NULL, false, T(file), AT(merchant.cert_file), 0,
	0},
    {"merchant", "key_file", NULL, false, T(key_file), AT(merchant.key_file), 0,
	0},
    {"merchant", "products", "h5", false, T(products), AT(merchant.products), 0,
	0},
    {"merchant", "app_secret", NULL, false, T(secret), AT(merchant.app_secret),
	16, 64},
    {"merchant", "app_secret_file", NULL, false, T(secret_file),
	AT(merchant.app_secret), 16, 64},
    {"merchant", "apiv3_key", NULL, false, T(secret), AT(merchant.apiv3_key),
	32, 32},
    {"merchant", "apiv3_key_file", NULL, false, T(secret_file),
	AT(merchant.apiv3_key), 32, 32},
    {"merchant", "apiv3_key_previous", NULL, false, T(previous),
	AT(merchant.apiv3_key_previous), 32, 32},
    {"merchant", "apiv3_key_previous_file", NULL, false, T(previous_file),
	AT(merchant.apiv3_key_previous), 32, 32},
    {"merchant", "public_key_file", NULL, false, T(file),
	AT(merchant.public_key_file), 0, 0},
    {"merchant", "public_key_id", NULL, false, T(public_key_id),
	AT(merchant.public_key_id), 0, 64},
    {"merchant", "public_key_previous_file", NULL, false, T(file_previous),
	AT(merchant.public_key_previous_file), 0, 0},
    {"merchant", "public_key_previous_id", NULL, false, T(public_key_id),
	AT(merchant.public_key_previous_id), 0, 64},
    {"merchant", "platform_certs", NULL, false, T(path),
	AT(merchant.platform_certs), 0, 0},
    {"merchant", "sub_mch_id", NULL, false, T(digits), AT(merchant.sub_mch_id),
	8, 32},
    {"merchant", "sub_appid", NULL, false, T(appid), AT(merchant.sub_appid), 3,
	32},
    {"site", "base_url", NULL, true, T(base), AT(site.base_url), 0, 0},
    {"site", "program_suffix", "", false, T(suffix), AT(site.program_suffix), 0,
	16},
    {"site", "name", NULL, true, T(text), AT(site.name), 0, H5_INI_VALUE},
    {"site", "secret", NULL, true, T(secret), AT(site.secret), 32, 4096},
    {"site", "secret_file", NULL, false, T(secret_file), AT(site.secret), 32,
	4096},
    {"site", "secret_previous", NULL, false, T(secret),
	AT(site.secret_previous), 32, 4096},
    {"site", "secret_previous_file", NULL, false, T(secret_file),
	AT(site.secret_previous), 32, 4096},
    {"site", "link_key", NULL, false, T(secret), AT(site.link_key), 32, 4096},
    {"site", "link_key_file", NULL, false, T(secret_file), AT(site.link_key),
	32, 4096},
    {"site", "link_key_previous", NULL, false, T(secret),
	AT(site.link_key_previous), 32, 4096},
    {"site", "link_key_previous_file", NULL, false, T(secret_file),
	AT(site.link_key_previous), 32, 4096},
    {"site", "trusted_proxies", "", false, T(ranges), AT(site.trusted_proxies),
	0, 0},
    {"site", "allowed_origins", "", false, T(origins), AT(site.allowed_origins),
	0, 0},
    {"site", "return_origins", "", false, T(origins), AT(site.return_origins),
	0, 0},
    {"site", "aliases", "", false, T(hosts), AT(site.aliases), 0, 0},
    {"site", "shop_url", NULL, false, T(link), AT(site.shop_url), 0, 0},
    {"site", "lang", "zh-CN", false, T(lang), AT(site.lang), 0, 0},
    {"site", "contact", NULL, false, T(optional_text), AT(site.contact), 0,
	H5_INI_VALUE},
    {"site", "contact_wechat", NULL, false, T(optional_text),
	AT(site.contact_wechat), 0, 64},
    {"site", "handoff", "redirect", false, T(handoff), AT(site.handoff_page), 0,
	0},
    {"gateway", "url", "https://api.mch.weixin.qq.com", false, T(base),
	AT(gateway.url), 0, 0},
    {"gateway", "backup_url", "https://api2.mch.weixin.qq.com", false,
	T(optional_base), AT(gateway.backup_url), 0, 0},
    {"gateway", "cashier", "https://wx.tenpay.com/", false, T(prefix),
	AT(gateway.cashier), 0, 0},
    {"gateway", "oauth_url", "https://open.weixin.qq.com", false, T(base),
	AT(gateway.oauth_url), 0, 0},
    {"gateway", "sns_url", "https://api.weixin.qq.com", false, T(base),
	AT(gateway.sns_url), 0, 0},
    {"gateway", "ca_file", NULL, false, T(file), AT(gateway.ca_file), 0, 0},
    {"gateway", "connect_timeout_ms", "3000", false, T(number),
	AT(gateway.connect_timeout_ms), 10, 60000},
    {"gateway", "timeout_ms", "6000", false, T(number), AT(gateway.timeout_ms),
	10, 60000},
    {"gateway", "deadline_ms", "15000", false, T(number),
	AT(gateway.deadline_ms), 10, 300000},
    {"store", "dir", NULL, true, T(path), AT(store.dir), 0, 0},
    {"store", "engine", "files", false, T(engine), AT(store.engine), 0, 0},
    {"store", "database", NULL, false, T(database), AT(store.database), 0,
	1024},
    {"store", "password_file", NULL, false, T(password_file),
	AT(store.password), 1, 1024},
    {"store", "ca_file", NULL, false, T(file), AT(store.ca_file), 0, 0},
    {"store", "cert_file", NULL, false, T(file), AT(store.cert_file), 0, 0},
    {"store", "key_file", NULL, false, T(key_file), AT(store.key_file), 0, 0},
    {"store", "replicas", "1", false, T(number), AT(store.replicas), 0, 16},
    {"store", "connections", "8", false, T(number), AT(store.connections), 1,
	64},
    {"store", "pooler", "no", false, T(yes_no), AT(store.pooler), 0, 0},
    {"orders", "expire_minutes", "120", false, T(number),
	AT(orders.expire_minutes), 6, 10080},
    {"orders", "query_interval_s", "3", false, T(number),
	AT(orders.query_interval_s), 0, 3600},
    {"limits", "starts_per_minute", "300", false, T(number),
	AT(limits.starts_per_minute), 0, 100000},
    {"limits", "starts_total_per_minute", "6000", false, T(number),
	AT(limits.starts_total_per_minute), 0, 100000},
    {"catalogue", "file", NULL, false, T(path), AT(catalogue.file), 0, 0},
    {"hooks", "exec", NULL, false, T(program), AT(hooks.exec), 0, 0},
    {"hooks", "webhook_url", NULL, false, T(link), AT(hooks.webhook_url), 0, 0},
    {"hooks", "webhook_secret", NULL, false, T(webhook),
	AT(hooks.webhook_secret), 16, 64},
    {"hooks", "webhook_secret_file", NULL, false, T(webhook_file),
	AT(hooks.webhook_secret), 16, 64},
    {"hooks", "webhook_secret_previous", NULL, false, T(webhook),
	AT(hooks.webhook_secret_previous), 16, 64},
    {"hooks", "webhook_secret_previous_file", NULL, false, T(webhook_file),
	AT(hooks.webhook_secret_previous), 16, 64},
    {"pages", "templates", NULL, false, T(path), AT(pages.templates), 0, 0},
    {"log", "file", NULL, false, T(log), AT(log.file), 0, 0},
    {"server", "command", NULL, false, T(program), AT(server.command), 0, 0},
    {"server", "threads", NULL, false, T(number), AT(server.threads), 1, 1024},
    {"server", "processes", "0", false, T(number), AT(server.processes), 0, 64},
};
const size_t h5_keys_n = H5_LENGTH(h5_keys);
_Static_assert(H5_LENGTH(h5_keys) <= H5_CONFIG_KEYS, "raise H5_CONFIG_KEYS");

const char *const h5_keys_sections[] = {"merchant", "site", "gateway", "store",
    "orders", "limits", "catalogue", "hooks", "pages", "log", "server"};
const size_t h5_keys_n_sections = H5_LENGTH(h5_keys_sections);
_Static_assert(H5_LENGTH(h5_keys_sections) <= H5_KEYS_SECTIONS_MAX,
    "raise H5_KEYS_SECTIONS_MAX");

size_t
h5_keys_section(const char *name)
{
	size_t i;

	for (i = 0; i < h5_keys_n_sections; i++)
		if (strcmp(h5_keys_sections[i], name) == 0)
			break;
	return i;
}

size_t
h5_keys_find(const char *section, const char *name)
{
	size_t i;

	for (i = 0; i < h5_keys_n; i++)
		if (strcmp(h5_keys[i].section, section) == 0 &&
		    strcmp(h5_keys[i].name, name) == 0)
			break;
	return i;
}
