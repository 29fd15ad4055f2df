/* program.h - what the web programs differ by.
 * cgi-bin/run/main.c owns options, configuration, store, pages, threads, the
 * accept loop and the error page.  A program is one table and one handler. */
#ifndef H5_WEB_PROGRAM_H
#define H5_WEB_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config/config.h"
#include "common/base/log.h"
#include "common/pay/limit.h"
#include "common/web/pages.h"
#include "common/shop/shop.h"
#include "common/web/request.h"

/* Long-lived, read-only once the threads run. */
struct h5_app {
	const struct h5_program *program;
	const char *option; /* -c, or NULL; borrowed */
	struct h5_config *c;
	struct h5_pages *pages;
	struct h5_store *st; /* NULL: not made yet, and only looked at */
	struct h5_kept *kept;
	struct h5_log log;
};

/* One request's; on its thread. */
struct h5_job {
	const struct h5_app *app;
	struct h5_shop shop; /* its log is the one below */
	struct h5_log log; /* with the request id */
	const struct h5_request *r;
	struct h5_response *resp;
	struct h5_page_ctx page; /* filled for the pages calls */
	/* The order to sweep once the answer is flushed (tell the shop, ask
	 * about a refund); "": none. */
	char sweep[H5_ORDER_ID_MAX + 1];
	bool ask; /* that sweep asks about the payment, due or not */
	struct h5_limit limit; /* h5_reply_buyer: then it is the shop's */
};

struct h5_program {
	const char *name; /* "checkout" */
	const char *allow; /* "GET, HEAD, POST" */
	size_t body_max; /* bytes */
	int body_ms; /* a body arrives whole within this; 0: 30 s */
	int answer_ms; /* the store is waited for until so long after the
			  connection; 0: as long as it takes */
	int threads; /* as FastCGI, when server.threads is not set */
	/* What it needs; nothing else is left to a confined worker. */
	bool gateway; /* talks with WeChat */
	bool catalogue; /* reads it */
	bool writes; /* to the store */
	bool sweeps; /* its answers may start the sweep of a cronless shop */
	bool bare; /* answers whatever is wrong with us: nothing is opened,
		      refused or closed for it, it has no supervisor;
		      app->c may be NULL, app->st is */
	/* Answers one request; main has checked method and body already.  */
	void (*handle)(struct h5_job *job);
	/* Answers what main refuses before the handler (405, 413, 400, 500,
	 * 503); NULL: the suite's page.  notify answers its FAIL bytes.
	 * resp->status is set already.  Without a configuration app->c and
	 * app->st are NULL, and the status stays 500. */
	void (*refuse)(struct h5_job *job, enum h5_page_plain why);
	/* What is left to say where there is no memory for an answer
	 * (h5_fcgi_last_words); NULL: the suite's page. */
	const char *last_headers, *last_body;
	/* Makes the merchant's keys ready (h5_wechat_ready), once for each
	 * configuration, before threads; NULL: it needs none. */
	enum h5_code (*ready)(struct h5_config *c, int64_t now,
	    struct h5_buf *faults, struct h5_err *e);
	/* Once per process before threads, not for plain CGI; per thread; may
	 * be NULL.  A program with start speaks TLS, and only to answer a POST
	 * (plain CGI starts OpenSSL without TLS for anything else). */
	enum h5_code (*start)(struct h5_err *e);
	enum h5_code (*worker_new)(
	    const struct h5_config *c, void **out, struct h5_err *e);
	void (*worker_free)(void *worker);
};

/* Each of cgi-bin/checkout.c ... defines its own. */
extern const struct h5_program h5_program;

#endif
