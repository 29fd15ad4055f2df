/* h5pay link - a signed pay link. */
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/format/json.h"
#include "common/shop/offer.h"
#include "common/shop/link.h"

enum { ORDER, FEE, YUAN, BODY, ATTACH, EXPIRES, RETURN };

static const struct option_def options[] = {
    [ORDER] = {.name = "order",
	.kind = VALUE_NEW_ORDER,
	.form = "ID",
	.example = "20261123-0007"},
    [FEE] = {.name = "total-fee",
	.kind = VALUE_FEN,
	.form = "FEN",
	.example = "1280"},
    [YUAN] = {.name = "yuan",
	.kind = VALUE_YUAN,
	.form = "YUAN",
	.example = "12.80"},
    [BODY] = {.name = "body",
	.kind = VALUE_TEXT,
	.form = "TEXT",
	.example = "Tea",
	.least = 1,
	.most = H5_OFFER_TEXT},
    [ATTACH] = {.name = "attach",
	.kind = VALUE_TEXT,
	.form = "TEXT",
	.example = "\"table 7\"",
	.most = H5_OFFER_TEXT},
    [EXPIRES] = {.name = "expires",
	.kind = VALUE_COMING,
	.form = "TIME",
	.example = "1h"},
    [RETURN] = {.name = "return-url",
	.kind = VALUE_TEXT,
	.form = "URL",
	.example = "https://shop.example/orders/{order}"},
    {.name = NULL},
};

/* In the order in which the link shows them. */
static enum h5_code
fill(const struct given *given, struct h5_fields *f, struct h5_err *e)
{
	const struct {
		const char *name, *value;
	} fields[] = {{"order", given[ORDER].text},
	    {"total_fee", H5_LOG_NUM(given[FEE].number + given[YUAN].number)},
	    {"body", given[BODY].text}, {"attach", given[ATTACH].text},
	    {"expires", given[EXPIRES].text == NULL
			    ? NULL
			    : H5_LOG_NUM(given[EXPIRES].number)},
	    {"return_url", given[RETURN].text}};
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; rc == H5_OK && i < H5_LENGTH(fields); i++)
		if (fields[i].value != NULL)
			rc = h5_fields_add(
			    f, fields[i].name, fields[i].value, e);
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

/* What is missing, all of it at once. */
static int
check(const struct command *cmd, int argc, char **argv)
{
	const struct given *given = cmd->given;
	bool fee = given[FEE].text != NULL || given[YUAN].text != NULL;

	(void)argc;
	(void)argv;
	if (given[FEE].text != NULL && given[YUAN].text != NULL)
		return command_usage(
		    &verb_link, "--total-fee or --yuan, not both");
	if (given[ORDER].text != NULL && fee && given[BODY].text != NULL)
		return EXIT_DONE;
	return command_usage(&verb_link,
	    "missing:%s%s%s; such as h5pay link --order 20261123-0007 "
	    "--yuan 12.80 --body Tea",
	    given[ORDER].text == NULL ? " --order ID" : "",
	    fee ? "" : " --yuan YUAN or --total-fee FEN",
	    given[BODY].text == NULL ? " --body TEXT" : "");
}

static int
run(struct command *cmd, int argc, char **argv)
{
	struct h5_fields f;
	struct h5_err e;
	int status;

	(void)argc;
	(void)argv;
	h5_fields_init(&f, 8, 4096);
	if (fill(cmd->given, &f, &e) != H5_OK ||
	    sign_and_check(&cmd->shop, &f, &e) != H5_OK)
		status = command_fail(cmd, &e);
	else
		status = print_link(cmd, &f);
	h5_fields_release(&f);
	return status;
}

const struct verb verb_link = {
    .name = "link",
    .usage = "link --order ID --total-fee FEN | --yuan YUAN --body TEXT "
	     "[--attach TEXT] [--expires TIME] [--return-url URL]",
    .options = options,
    .check = check,
    .need_config = true,
    .run = run,
};
