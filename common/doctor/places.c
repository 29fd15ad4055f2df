/* The doctor: what to enter at WeChat, for the products that the merchant has.
 * WeChat compares these texts with our addresses, so they are exact. */
#include <string.h>

#include "common/doctor/words.h"
#include "common/format/netaddr.h"
#include "common/format/url.h"
#include "common/order/order.h"

/* An address in place of a name: WeChat takes names only. */
static bool
is_address(const struct h5_url *u)
{
	struct h5_netaddr a;

	return u->host[0] == '[' || h5_netaddr_read(u->host, &a, NULL) == H5_OK;
}

/* The domain of web authorization is one host: no scheme, port or path. */
static void
oauth_domain(struct h5_doctor *d, const struct h5_url *u)
{
	bool port = strchr(d->c->site.host + strlen(u->host), ':') != NULL;

	h5_doctor_say(d,
	    is_address(u) || port ? H5_DOCTOR_WARN : H5_DOCTOR_PASS,
	    "oauth-domain",
	    is_address(u) ? "oauth-address"
	    : port	  ? "oauth-port"
			  : "oauth-domain",
	    "host", u->host, "url", d->c->site.base_url, NULL);
}

void
h5_doctor_directory(const struct h5_config *c, struct h5_buf *out)
{
	struct h5_url u;

	if (h5_url_read(c->site.base_url, &u, NULL) != H5_OK)
		return;
	/* A browser leaves out the scheme's own port, and so does origin. */
	h5_buf_puts(out, c->site.origin);
	h5_buf_puts(out, u.path);
	h5_buf_putc(out, '/');
}

void
h5_doctor_places(struct h5_doctor *d)
{
	const unsigned products = d->c->merchant.products;
	struct h5_buf directory;
	struct h5_url u;

	/* The loader has read it before. */
	if (h5_url_read(d->c->site.base_url, &u, NULL) != H5_OK)
		return;
	if ((products & 1U << H5_PRODUCT_H5) != 0)
		h5_doctor_say(d, H5_DOCTOR_PASS, "domain", "domain", "host",
		    u.host, NULL);
	if ((products & 1U << H5_PRODUCT_JSAPI) == 0)
		return;
	/* Every program stands in this folder, so it is the only one. */
	h5_buf_init(&directory, H5_CONFIG_URL);
	h5_doctor_directory(d->c, &directory);
	h5_doctor_say(d, H5_DOCTOR_PASS, "pay-directory", "pay-directory",
	    "url", directory.data, NULL);
	h5_buf_release(&directory);
	oauth_domain(d, &u);
}
