/* h5pay link - a signed pay link. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/format/json.h"
#include "common/shop/offer.h"
#include "common/shop/link.h"

enum {
	OPT_ORDER = 256,
	OPT_FEE,
	OPT_BODY,
	OPT_ATTACH,
	OPT_EXPIRES,
	OPT_RETURN
};

static const struct option options[] = {
    {"order", required_argument, NULL, OPT_ORDER},
    {"total-fee", required_argument, NULL, OPT_FEE},
    {"body", required_argument, NULL, OPT_BODY},
    {"attach", required_argument, NULL, OPT_ATTACH},
    {"expires", required_argument, NULL, OPT_EXPIRES},
    {"return-url", required_argument, NULL, OPT_RETURN},
    {NULL, 0, NULL, 0},
};

static enum h5_code
read_options(
    int argc, char **argv, struct h5_fields *f, int *bad, struct h5_err *e)
{
	static const char *const names[] = {
	    "order", "total_fee", "body", "attach", "expires", "return_url"};
	enum h5_code rc = H5_OK;
	int opt;

	while (rc == H5_OK &&
	       (opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt < OPT_ORDER || opt > OPT_RETURN) {
			*bad = 1;
			return H5_OK;
		}
		rc = h5_fields_add(f, names[opt - OPT_ORDER], optarg, e);
		/* Two different amounts on one line: which one was meant? */
		if (rc == H5_E_EXISTS)
			rc = h5_err_set(e, H5_E_INPUT, "--%s is given twice",
			    options[opt - OPT_ORDER].name);
	}
	*bad = optind < argc;
	return rc;
}

/* The same checks that checkout will make, before the link leaves the house. */
static enum h5_code
sign_and_check(
    const struct h5_shop *shop, struct h5_fields *f, struct h5_err *e)
{
	const struct h5_config *c = shop->c;
	struct h5_offer offer;
	char sig[H5_LINK_SIG];
	enum h5_code rc;

	if (c->site.link_key == NULL)
		return h5_err_set(e, H5_E_CONFIG,
		    "signed links are off: set site.link_key_file");
	/* The signature is made of exactly what the link will carry. */
	rc = h5_link_sign(c->site.link_key, f, sig, e);
	if (rc == H5_OK)
		rc = h5_fields_add(f, "sig", sig, e);
	if (rc != H5_OK)
		return rc;
	/* The whole way back: what checkout would refuse is refused here. */
	rc = h5_offer_read(shop, f, h5_clock_now(), &offer, e);
	h5_offer_release(&offer);
	if (rc != H5_E_STATE)
		return rc;
	/* Nobody can pay by it, but it is what was asked for. */
	(void)fputs("h5pay link: --expires is in the past\n", stderr);
	return H5_OK;
}

static int
print_link(struct command *cmd, const struct h5_fields *f)
{
	struct h5_buf url, json;
	struct h5_err e;
	enum h5_code rc;

	h5_buf_init(&url, 8192);
	h5_buf_init(&json, 16384);
	h5_offer_link(cmd->shop.c, f, &url);
	h5_buf_puts(&json, "{\"url\":");
	h5_json_string(url.data, &json);
	h5_buf_puts(&json, "}");
	rc = h5_buf_finish(&url, &e);
	if (rc == H5_OK)
		rc = h5_buf_finish(&json, &e);
	if (rc == H5_OK)
		/* One of the two; both were checked. */
		(void)puts(cmd->json ? json.data : url.data);
	h5_buf_release(&json);
	h5_buf_release(&url);
	return rc == H5_OK ? EXIT_DONE : command_fail(cmd, &e);
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct h5_fields f;
	struct h5_err e;
	int bad = 0, status;

	h5_fields_init(&f, 8, 4096);
	if (read_options(argc, argv, &f, &bad, &e) != H5_OK)
		status = command_fail(cmd, &e);
	else if (bad != 0)
		status = command_usage(&verb_link, "unknown option");
	else if (h5_fields_get(&f, "order") == NULL ||
		 h5_fields_get(&f, "total_fee") == NULL ||
		 h5_fields_get(&f, "body") == NULL)
		status = command_usage(
		    &verb_link, "--order, --total-fee and --body are needed");
	else if (sign_and_check(&cmd->shop, &f, &e) != H5_OK)
		status = command_fail(cmd, &e);
	else
		status = print_link(cmd, &f);
	h5_fields_release(&f);
	return status;
}

const struct verb verb_link = {
    .name = "link",
    .usage = "link --order ID --total-fee FEN --body TEXT [--attach TEXT] "
	     "[--expires UNIX] [--return-url URL]",
    .summary = "print a signed pay link",
    .help = "\n"
	    "  h5pay link --order 20261123-0007 --total-fee 12800 --body Tea\n"
	    "  h5pay link --order A-1001 --total-fee 100 --body Test "
	    "--expires \"$(date -d '+1 hour' +%s)\"\n\n"
	    "      --order ID       6 to 28 of 0-9 A-Z a-z _ -, unique in "
	    "your shop\n"
	    "      --total-fee FEN  amount in fen: 12800 is 128.00 yuan\n"
	    "      --body TEXT      what the buyer sees, at most 127 bytes\n"
	    "      --attach TEXT    comes back in events, at most 127 bytes\n"
	    "      --expires UNIX   when the link ends, in Unix seconds\n"
	    "      --return-url URL where your shop shows the order; {order} "
	    "becomes ID\n"
	    "      --json           {\"url\":\"...\"}\n",
    .need_config = true,
    .run = run,
};
