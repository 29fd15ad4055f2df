/* return-page - where WeChat sends the buyer back to.  Reads the store only and
 * never contacts WeChat: the payment may still be going on (PROTOCOL 3.1), so
 * the buyer's click on the first button, which posts to query, asks. */
#include "common/web/program.h"
#include "common/web/reply.h"

static void
handle(struct h5_job *job)
{
	char token[H5_LINK_TOKEN];
	struct h5_order *o = NULL;
	struct h5_fields f;
	struct h5_err e;
	enum h5_code rc;

	/* Whatever else came along in the address is not ours to judge. */
	if (!h5_reply_fields(job, &f))
		goto out;
	rc = h5_link_admit(job->shop.c, &f, token, &e);
	if (rc == H5_OK)
		rc = h5_store_load(
		    job->shop.st, h5_fields_get(&f, "order"), &o, &e);
	if (rc != H5_OK)
		h5_reply_failed(job, rc, &e, NULL, NULL);
	else if (h5_order_settled(o) ||
		 (o->alerts & ~(unsigned)H5_ALERT_WRONG_API) != 0)
		h5_page_result(&job->page, o, token, H5_NOTE_NONE, 0, 200);
	else
		h5_page_return(&job->page, o, token);
out:
	h5_order_free(o);
	h5_fields_release(&f);
}

const struct h5_program h5_program = {
    .name = "return-page",
    .allow = "GET, HEAD",
    .body_max = 0,
    .threads = 3,
    .handle = handle,
};
