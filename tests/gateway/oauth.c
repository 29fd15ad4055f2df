/* oauth.c - who somebody is: the authorize page of open.weixin.qq.com and the
 * exchange at api.weixin.qq.com (PROTOCOL-V3 17.3). */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "tests/gateway/gateway.h"

enum { CODE_LIFE_MS = 5 * 60 * 1000 };

/* ---- openids --------------------------------------------------------- */

bool
gw_appid_known(const struct gw *gw, const char *appid)
{
	return strcmp(appid, gw->setup.appid) == 0 ||
	       gw_in_words(gw->setup.sub_appids, appid);
}

void
gw_openid(const char *appid, const char *account, char out[32])
{
	static const char set[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz_-";
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};
	struct gw_buf text = {0};

	gw_buf_putf(&text, "%s %s", appid, account);
	EVP_Digest(text.data, text.len, digest, NULL, EVP_sha256(), NULL);
	gw_buf_free(&text);
	out[0] = 'o';
	for (size_t i = 1; i < 28; i++)
		out[i] = set[digest[i] & 63];
	out[28] = '\0';
}

bool
gw_openid_known(struct gw *gw, const char *appid, const char *openid)
{
	const char *of = gw_map_get(&gw->openids, openid);

	return of != NULL && strcmp(of, appid) == 0;
}

void
gw_grant_clear(struct gw *gw)
{
	while (gw->grants != NULL) {
		struct gw_grant *g = gw->grants;

		gw->grants = g->next;
		free(g);
	}
}

/* ---- authorize ------------------------------------------------------- */

/* The parameters in the one order that is taken; connect_redirect may
 * follow. */
static bool
in_order(const struct gw_list *args)
{
	static const char *const due[] = {"appid", "redirect_uri",
	    "response_type", "scope", "state", "connect_redirect"};

	if (args->n < 5 || args->n > 6)
		return false;
	for (size_t i = 0; i < args->n; i++) {
		if (strcmp(args->v[i].name, due[i]) != 0)
			return false;
	}
	return strcmp(args->v[2].value, "code") == 0 &&
	       strcmp(args->v[3].value, "snsapi_base") == 0;
}

static bool
good_state(const char *state)
{
	size_t n = strspn(state, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz");

	return state[n] == '\0' && n <= 128;
}

/* [lock] What the page says instead of going on, NULL if nothing. */
static const char *
refusal(struct gw *gw, const struct gw_list *args)
{
	struct gw_url url;

	if (!in_order(args) || !good_state(gw_list_text(args, "state")))
		return "10015 参数错误";
	if (!gw_appid_known(gw, gw_list_text(args, "appid")))
		return "10013 AppID 参数错误";
	if (gw->opt.no_scope)
		return "10005 该公众号没有这个 scope 的权限";
	if (!gw_url_read(gw_list_text(args, "redirect_uri"), &url) ||
	    !gw_in_words(gw->opt.oauth_domains, url.host))
		return "10003 redirect_uri域名与后台配置不一致";
	return NULL;
}

/* [lock] */
static struct gw_grant *
grant(struct gw *gw, const char *appid, const char *account)
{
	struct gw_grant *g = gw_alloc(sizeof(*g));

	gw_random_text(g->code, 32);
	gw_copy(g->appid, sizeof(g->appid), appid);
	gw_openid(appid, account, g->openid);
	g->at_ms = gw_now_ms(gw);
	g->next = gw->grants;
	gw->grants = g;
	return g;
}

void
gw_oauth_authorize(
    struct gw *gw, struct gw_request *req, struct gw_response *res)
{
	struct gw_list args = {0};
	struct gw_buf to = {0};
	const char *uri;
	const char *why;

	gw_form_read(req->query, strlen(req->query), &args);
	uri = gw_list_text(&args, "redirect_uri");
	pthread_mutex_lock(&gw->lock);
	why = refusal(gw, &args);
	if (why == NULL)
		gw_buf_putf(&to, "%s%ccode=%s&state=%s", uri,
		    strchr(uri, '?') != NULL ? '&' : '?',
		    grant(gw, gw_list_text(&args, "appid"),
			gw_page_account(gw, req))
			->code,
		    gw_list_text(&args, "state"));
	pthread_mutex_unlock(&gw->lock);
	if (why == NULL) {
		gw_response_go(res, to.data);
		res->status = 302;
	} else {
		gw_page_begin(res, "oauth-error", NULL);
		gw_buf_putf(&res->body, "<h1>%s</h1>\n</div>\n", why);
		gw_page_end(&res->body);
	}
	gw_buf_free(&to);
	gw_list_free(&args);
}

/* ---- the exchange ---------------------------------------------------- */

static void
answer_error(struct gw_response *res, long long code, const char *text)
{
	gw_buf_putf(&res->body, "{\"errcode\":%lld,", code);
	gw_json_pair(&res->body, "errmsg", text);
	gw_buf_puts(&res->body, "}");
}

static void
answer_openid(
    struct gw_response *res, const char *openid, const struct gw_plan *plan)
{
	struct gw_buf *b = &res->body;
	char text[65];

	gw_random_text(text, 64);
	gw_buf_puts(b, "{");
	gw_json_pair(b, "access_token", text);
	gw_buf_puts(b, ",\"expires_in\":7200,");
	gw_json_pair(b, "refresh_token", text);
	gw_buf_puts(b, ",");
	gw_json_pair(b, "openid", openid);
	gw_buf_puts(b, ",\"scope\":\"snsapi_base\"");
	if (gw_plan_find(plan, GW_SNAPSHOT) != NULL)
		gw_buf_puts(b, ",\"is_snapshotuser\":1,\"unionid\":\"oUNION\","
			       "\"unheard_of\":{\"a\":[1,\"2\"]}");
	gw_buf_puts(b, "}");
}

/* [lock] */
static struct gw_grant *
find_grant(struct gw *gw, const char *code)
{
	struct gw_grant *g = gw->grants;

	while (g != NULL && strcmp(g->code, code) != 0)
		g = g->next;
	return g;
}

/* [lock] */
static void
exchange(struct gw *gw, const struct gw_list *args, const struct gw_plan *plan,
    struct gw_response *res)
{
	const struct gw_fault *f = gw_plan_find(plan, GW_ERRCODE);
	const char *code = gw_list_text(args, "code");
	struct gw_grant *g = find_grant(gw, code);

	if (f != NULL)
		answer_error(
		    res, f->num, *f->value != '\0' ? f->value : "system error");
	else if (strcmp(gw_list_text(args, "grant_type"),
		     "authorization_code") != 0)
		answer_error(res, 40002, "invalid grant_type");
	else if (!gw_appid_known(gw, gw_list_text(args, "appid")))
		answer_error(res, 40013, "invalid appid");
	else if (!gw_same_text(
		     gw->setup.app_secret, gw_list_text(args, "secret")))
		answer_error(res, 40125, "invalid appsecret");
	else if (*code == '\0')
		answer_error(res, 41008, "missing code");
	else if (g == NULL ||
		 strcmp(g->appid, gw_list_text(args, "appid")) != 0)
		answer_error(res, 40029, "invalid code");
	else if (g->used)
		answer_error(res, 40163, "code been used");
	else if (gw_now_ms(gw) - g->at_ms > CODE_LIFE_MS)
		answer_error(res, 42003, "oauth_code expired");
	else {
		g->used = true;
		gw_map_put(&gw->openids, g->openid, g->appid);
		answer_openid(res, g->openid, plan);
	}
}

void
gw_oauth_access_token(
    struct gw *gw, struct gw_request *req, struct gw_response *res)
{
	struct gw_list args = {0};
	struct gw_plan plan;
	const struct gw_fault *f;
	int64_t latency;
	unsigned id;

	gw_form_read(req->query, strlen(req->query), &args);
	pthread_mutex_lock(&gw->lock);
	plan = gw_fault_plan(gw, GW_ACCESS_TOKEN, "");
	id = gw_call_begin(gw, GW_ACCESS_TOKEN, req, &args, "", &plan);
	latency = gw->opt.latency_ms;
	pthread_mutex_unlock(&gw->lock);
	f = gw_plan_find(&plan, GW_DELAY);
	gw_pause(gw, latency + (f != NULL ? f->num : 0));
	gw_response_text(res, 200, "text/plain", "");
	pthread_mutex_lock(&gw->lock);
	if (gw_plan_find(&plan, GW_CUT_BEFORE) == NULL)
		exchange(gw, &args, &plan, res);
	gw_call_end(gw, id,
	    res->body.data != NULL && strstr(res->body.data, "errcode") != NULL
		? res->body.data
		: "SUCCESS");
	pthread_mutex_unlock(&gw->lock);
	f = gw_plan_find(&plan, GW_DELAY_ANSWER);
	gw_pause(gw, f != NULL ? f->num : 0);
	gw_plan_wire(&plan, res);
	gw_plan_free(&plan);
	gw_list_free(&args);
}
