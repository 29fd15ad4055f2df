/* Which way to pay fits which browser: the one table, and the rule. */
#include "common/pay/product.h"

#include <string.h>
#include <strings.h>

#include "common/base/length.h"

/* The first row whose marks fit decides.  Marks are found in any letters, since
 * some browsers write theirs in small ones; versions are never read. */
static const struct row {
	const char *mark;
	const char *beside; /* also there; NULL: nothing else */
	enum h5_place place;
} rows[] = {
    /* Opens no merchant's JSAPI (fail_nopermission). */
    {"wxwork", NULL, H5_PLACE_WECHAT_SHUT},
    /* Alipay's mini programs carry the word as well, without WeChat's. */
    {"miniProgram", "MicroMessenger", H5_PLACE_WECHAT_SHUT},
    {"MiniProgramEnv/", NULL, H5_PLACE_WECHAT_SHUT},
    {"AlipayClient", NULL, H5_PLACE_APP},
    {"AlipayDefined", NULL, H5_PLACE_APP},
    {"aweme", NULL, H5_PLACE_APP},
    {"NewsArticle", NULL, H5_PLACE_APP},
    {"Weibo", NULL, H5_PLACE_APP},
    {"DingTalk", NULL, H5_PLACE_APP},
    {"Lark", NULL, H5_PLACE_APP},
    {"Feishu", NULL, H5_PLACE_APP},
    {"xhsdiscover", NULL, H5_PLACE_APP},
    /* WeChat's desktop programs have no JSAPI; old ones of the Mac carry the
     * mark of Windows. */
    {"WindowsWechat", NULL, H5_PLACE_DESKTOP},
    {"MacWechat", NULL, H5_PLACE_DESKTOP},
    {"UnifiedPC", NULL, H5_PLACE_DESKTOP},
    {"MicroMessenger", NULL, H5_PLACE_WECHAT},
    /* HarmonyOS on a desktop. */
    {"PC;", "OpenHarmony", H5_PLACE_DESKTOP},
    {"2in1", "OpenHarmony", H5_PLACE_DESKTOP},
    /* iPad's web views say Macintosh and Mobile. */
    {"Mobile", NULL, H5_PLACE_PHONE},
    {"Android", NULL, H5_PLACE_PHONE},
    {"iPhone", NULL, H5_PLACE_PHONE},
    {"iPad", NULL, H5_PLACE_PHONE},
    {"iPod", NULL, H5_PLACE_PHONE},
    {"OpenHarmony", NULL, H5_PLACE_PHONE},
};

static bool
has(const char *text, const char *mark)
{
	size_t n = strlen(mark);

	for (; *text != '\0'; text++)
		if (strncasecmp(text, mark, n) == 0)
			return true;
	return false;
}

static enum h5_place
place_of(const char *user_agent, const struct row *r, const struct row *end)
{
	for (; r < end; r++)
		if (has(user_agent, r->mark) &&
		    (r->beside == NULL || has(user_agent, r->beside)))
			return r->place;
	return H5_PLACE_DESKTOP;
}

/* Is it a phone by the last rows, whatever app it is in? */
static bool
on_phone(const char *user_agent)
{
	const struct row *r = rows;

	while (r->place != H5_PLACE_WECHAT)
		r++;
	return place_of(user_agent, r + 1, rows + H5_LENGTH(rows)) ==
	       H5_PLACE_PHONE;
}

static void
add(struct h5_choice *out, unsigned products, enum h5_product p)
{
	if ((products & 1U << p) != 0)
		out->ways[out->n++] = p;
}

static void
choose_on_phone(unsigned products, struct h5_choice *out)
{
	add(out, products, H5_PRODUCT_H5);
	if (out->n == 0 && (products & 1U << H5_PRODUCT_JSAPI) != 0)
		out->elsewhere = H5_ELSEWHERE_WECHAT;
	out->apart = products == 1U << H5_PRODUCT_NATIVE;
	add(out, products, H5_PRODUCT_NATIVE);
}

static void
choose_on_desktop(unsigned products, struct h5_choice *out)
{
	add(out, products, H5_PRODUCT_NATIVE);
	add(out, products, H5_PRODUCT_H5);
	if (out->n == 0)
		out->elsewhere = H5_ELSEWHERE_WECHAT;
}

void
h5_product_choose(
    const char *user_agent, unsigned products, struct h5_choice *out)
{
	memset(out, 0, sizeof *out);
	out->place = place_of(user_agent, rows, rows + H5_LENGTH(rows));
	switch (out->place) {
	case H5_PLACE_WECHAT_SHUT:
		if (!on_phone(user_agent))
			add(out, products, H5_PRODUCT_NATIVE);
		if (out->n == 0)
			out->elsewhere = H5_ELSEWHERE_BROWSER;
		break;
	case H5_PLACE_APP:
		add(out, products, H5_PRODUCT_H5);
		out->elsewhere = H5_ELSEWHERE_BROWSER;
		break;
	case H5_PLACE_WECHAT:
		add(out, products, H5_PRODUCT_JSAPI);
		if (out->n == 0)
			out->elsewhere = H5_ELSEWHERE_BROWSER;
		out->apart = products == 1U << H5_PRODUCT_NATIVE;
		break;
	case H5_PLACE_PHONE:
		choose_on_phone(products, out);
		break;
	case H5_PLACE_DESKTOP:
		choose_on_desktop(products, out);
		break;
	}
}

bool
h5_product_possible(const struct h5_choice *choice, enum h5_product p)
{
	unsigned i;

	for (i = 0; i < choice->n; i++)
		if (choice->ways[i] == p)
			return true;
	return false;
}
