/* front.c - the page for people. */
#include <stdlib.h>
#include <string.h>

#include "tests/gateway/gateway.h"

static const char style[] =
    ":root{--bg:#f5f5f5;--card:#fff;--ink:#1a1a1a;--dim:#595959;"
    "--line:#8a8a8a;--go:#067a3c;--goink:#fff;color-scheme:light dark}\n"
    "@media (prefers-color-scheme:dark){:root{--bg:#111;--card:#1c1c1c;"
    "--ink:#e8e8e8;--dim:#ababab;--line:#767676;--go:#3ddc84;"
    "--goink:#06210f}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--bg);color:var(--ink);"
    "font:1rem/1.6 system-ui,-apple-system,\"PingFang SC\","
    "\"Microsoft YaHei\",\"Noto Sans CJK SC\",sans-serif;"
    "overflow-wrap:anywhere}\n"
    "main,footer{max-width:26rem;margin:0 auto;padding:1rem}\n"
    "main.wide{max-width:60rem}\n"
    "footer,.dim,small{color:var(--dim);font-size:.875rem}\n"
    ".card{background:var(--card);border-radius:.75rem;padding:1.25rem;"
    "margin:0 0 1rem;text-align:center}\n"
    "h1{font-size:1.25rem;line-height:1.4;margin:.25rem 0}\n"
    "h2{font-size:1.05rem;margin:1.5rem 0 .25rem}\n"
    ".amount{font-size:2.25rem;font-weight:600;margin:.25rem 0}\n"
    "button,.btn{display:block;width:100%;min-height:3rem;"
    "margin:.75rem 0 0;padding:.5rem 1rem;border-radius:.5rem;"
    "border:1px solid var(--line);background:var(--card);color:var(--ink);"
    "font:inherit;text-align:center;text-decoration:none;cursor:pointer}\n"
    "button small,.btn small{display:block}\n"
    ".go{background:var(--go);border-color:var(--go);color:var(--goink);"
    "font-weight:600}\n"
    ".go small{color:inherit}\n"
    ":focus-visible{outline:3px solid #0b57a4;outline-offset:2px}\n"
    ".row{display:flex;flex-wrap:wrap;gap:.5rem}\n"
    ".row button{width:auto;min-height:2.5rem;margin:0;padding:.25rem "
    ".75rem}\n"
    ".scroll{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%;background:var(--card)}\n"
    "th,td{text-align:left;padding:.4rem .6rem;vertical-align:top;"
    "border-bottom:1px solid var(--line)}\n"
    "code{font-family:ui-monospace,monospace}\n"
    "@media (prefers-color-scheme:dark){:focus-visible{outline-color:"
    "#8ab4f8}}\n";

void
gw_front_head(struct gw_buf *b, const char *lang, const char *title)
{
	gw_buf_putf(b,
	    "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n"
	    "<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" "
	    "content=\"width=device-width, initial-scale=1\">\n"
	    "<title>%s</title>\n<style>\n%s</style>\n</head>\n<body>\n",
	    lang, title, style);
}

void
gw_front_handle(struct gw *gw, struct gw_request *req, struct gw_response *res)
{
	struct gw_buf *b = &res->body;

	(void)req;
	gw_response_text(res, 200, "text/html; charset=utf-8", "");
	gw_front_head(b, "en", "WeChat Pay stand-in");
	gw_buf_puts(b, "<main class=\"wide\">\n<h1>WeChat Pay stand-in</h1>\n");
	pthread_mutex_lock(&gw->lock);
	gw_buf_putf(b, "<p>%zu orders</p>\n", gw->orders.n);
	pthread_mutex_unlock(&gw->lock);
	gw_buf_puts(b, "</main>\n</body>\n</html>\n");
}
