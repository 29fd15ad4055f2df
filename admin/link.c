/* h5pay link - a signed pay link. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/format/json.h"
#include "common/format/qr.h"
#include "common/shop/offer.h"
#include "common/shop/link.h"

#define PICTURE_MOST (1U << 20) /* bytes of a QR code as SVG or blocks */

enum { ORDER, FEE, YUAN, BODY, ATTACH, EXPIRES, RETURN, QR };

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
    [QR] = {.name = "qr"},
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

static enum h5_code
put_json(const char *url, const char *svg, struct h5_buf *json)
{
	h5_buf_puts(json, "{\"url\":");
	h5_json_string(url, json);
	if (svg != NULL) {
		h5_buf_puts(json, ",\"svg\":");
		h5_json_string(svg, json);
	}
	h5_buf_putc(json, '}');
	return json->bad;
}

/* A code that is wider than the terminal is no code. */
static int
print_qr(const char *url, const char *code, size_t width)
{
	size_t room = table_terminal(STDOUT_FILENO);

	if (width <= room) {
		(void)printf("%s\n%s", url, code);
		return EXIT_DONE;
	}
	(void)puts(url);
	(void)fprintf(stderr,
	    "h5pay link: the QR code needs %zu columns, and the terminal has "
	    "%zu: make it wider, or write --qr >link.svg\n",
	    width, room);
	return EXIT_NO;
}

static int
print_link(struct command *cmd, const struct h5_fields *f)
{
	bool qr = cmd->given[QR].text != NULL, drawn;
	struct h5_buf url, code, json;
	int status = EXIT_DONE;
	size_t width = 0;
	struct h5_err e;
	enum h5_code rc;

	h5_buf_init(&url, 8192);
	h5_buf_init(&code, PICTURE_MOST);
	h5_buf_init(&json, 2 * PICTURE_MOST);
	h5_offer_link(cmd->shop.c, f, &url);
	rc = h5_buf_finish(&url, &e);
	/* People get half blocks, programs the picture. */
	drawn = qr && cmd->terminal && !cmd->json;
	if (rc == H5_OK && drawn)
		rc = h5_qr_terminal(url.data, cmd->colour, &width, &code, &e);
	else if (rc == H5_OK && qr)
		rc = h5_qr_svg(url.data, &code, &e);
	if (rc == H5_OK && cmd->json) {
		rc = put_json(url.data, qr ? code.data : NULL, &json);
		if (rc == H5_OK)
			(void)puts(json.data);
		else
			(void)h5_err_set(&e, rc, "the link is too long");
	} else if (rc == H5_OK && drawn) {
		status = print_qr(url.data, code.data, width);
	} else if (rc == H5_OK) {
		(void)puts(qr ? code.data : url.data);
	}
	h5_buf_release(&json);
	h5_buf_release(&code);
	h5_buf_release(&url);
	return rc == H5_OK ? status : command_fail(cmd, &e);
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
    .usage =
	"link --order ID --total-fee FEN | --yuan YUAN --body TEXT "
	"[--attach TEXT] [--expires TIME] [--return-url URL] [--qr] [--json]",
    .options = options,
    .check = check,
    .need_config = true,
    .run = run,
};
