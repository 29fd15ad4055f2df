/* way.h - the buyer's way to pay: which one, and how he gets there.
 * What checkout answers once there is an order. */
#ifndef H5_WEB_WAY_H
#define H5_WEB_WAY_H

#include <stdbool.h>

#include "common/base/fields.h"
#include "common/order/order.h"
#include "common/pay/product.h"
#include "common/web/program.h"

/* h5_way_choose(job, choice): which ways there are in the browser that asks. */
void h5_way_choose(const struct h5_job *job, struct h5_choice *choice);

enum h5_way_found {
	H5_WAY_FOUND,
	H5_WAY_ELSEWHERE, /* choice says where: the page is to be opened there
			   */
	H5_WAY_BAD /* a way that there is not; answered (400) */
};
/* h5_way_find(job, f, choice, product): the way that was posted as via, or the
 * first one of the browser that asks. */
enum h5_way_found h5_way_find(struct h5_job *job, const struct h5_fields *f,
    struct h5_choice *choice, enum h5_product *product);

/* h5_way_elsewhere(job, program, f, token, choice, hidden): answer with the
 * page that says where to open it; the address is that of the order (token) or,
 * if token is NULL, the pay link in f.  hidden: as h5_page_elsewhere. */
void h5_way_elsewhere(struct h5_job *job, const char *program,
    const struct h5_fields *f, const char *token,
    const struct h5_choice *choice, const struct h5_fields *hidden);

/* How the order is to be paid, as posted. */
struct h5_way_asked {
	enum h5_product product;
	bool again; /* there was a problem */
	bool handoff; /* by a page of ours that sends the Referer */
	bool other; /* JSAPI: by whoever asks, whoever began it */
};
/* h5_way_start(job, id, asked): get what the buyer pays with, and send him
 * there.  Inside WeChat he may have to say first who he is. */
void h5_way_start(
    struct h5_job *job, const char *id, const struct h5_way_asked *asked);

/* h5_way_go(job, o, token, f): answer go=1, the page where o is paid.  Asks
 * nobody. */
void h5_way_go(struct h5_job *job, const struct h5_order *o, const char *token,
    const struct h5_fields *f);

/* h5_way_back(job, id, token, f): the buyer comes back from WeChat's authorize
 * page.  Leads on by a 303, so that the code leaves the address. */
void h5_way_back(struct h5_job *job, const char *id, const char *token,
    const struct h5_fields *f);

/* h5_way_show(job, o): answer with the order as it stands. */
void h5_way_show(struct h5_job *job, const struct h5_order *o);

#endif
