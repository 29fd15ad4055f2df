/* Keeps the last good catalogue, and answers from it while the file has a
 * fault. */
#include "common/shop/kept.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"

#define FAULTS_MAX 65536

void
h5_kept_init(struct h5_kept *k, struct h5_catalogue *first)
{
	k->last = first;
	k->told = false;
	(void)pthread_mutex_init(&k->lock, NULL);
}

void
h5_kept_release(struct h5_kept *k)
{
	h5_catalogue_free(k->last);
	k->last = NULL;
	(void)pthread_mutex_destroy(&k->lock);
}

static enum h5_code
copy(const struct h5_catalogue *c, const char *name, struct h5_item *item,
    struct h5_err *e)
{
	const struct h5_item *found = h5_catalogue_find(c, name);

	if (found == NULL)
		return h5_err_set(e, H5_E_NOTFOUND, "unknown item");
	*item = *found;
	item->title = strdup(found->title);
	return item->title == NULL ? h5_err_nomem(e) : H5_OK;
}

/* c is the file's and good. */
static void
keep(struct h5_kept *k, struct h5_catalogue *c)
{
	struct h5_catalogue *before;

	(void)pthread_mutex_lock(&k->lock);
	before = k->last;
	k->last = c;
	k->told = false;
	(void)pthread_mutex_unlock(&k->lock);
	h5_catalogue_free(before);
}

/* why: the file's fault. */
static enum h5_code
item_before(const struct h5_shop *shop, const char *name, struct h5_item *item,
    const struct h5_err *why, struct h5_err *e)
{
	struct h5_kept *k = shop->kept;
	bool tell = false;
	enum h5_code rc;

	(void)pthread_mutex_lock(&k->lock);
	if (k->last == NULL) {
		rc = h5_err_pass(e, why);
	} else {
		rc = copy(k->last, name, item, e);
		tell = !k->told;
		k->told = true;
	}
	(void)pthread_mutex_unlock(&k->lock);
	if (tell)
		h5_log_event(shop->log, H5_LOG_ALERT, "catalogue", "why",
		    why->msg, "until-mended", "the-one-before", NULL);
	return rc;
}

enum h5_code
h5_kept_item(const struct h5_shop *shop, const char *name, struct h5_item *item,
    struct h5_err *e)
{
	const char *file = shop->c->catalogue.file;
	struct h5_catalogue *c = NULL;
	struct h5_buf faults;
	struct h5_err why;
	enum h5_code rc;

	memset(item, 0, sizeof *item);
	if (file == NULL)
		return h5_err_set(e, H5_E_NOTFOUND, "no catalogue");
	h5_buf_init(&faults, FAULTS_MAX);
	rc = h5_catalogue_load(file, &faults, &c, &why);
	h5_buf_release(&faults);
	if (rc == H5_E_NOTFOUND)
		return h5_err_set(e, H5_E_CONFIG, "the catalogue is missing");
	if (rc == H5_E_CONFIG && shop->kept != NULL)
		return item_before(shop, name, item, &why, e);
	if (rc != H5_OK)
		return h5_err_pass(e, &why);
	rc = copy(c, name, item, e);
	if (shop->kept != NULL)
		keep(shop->kept, c);
	else
		h5_catalogue_free(c);
	return rc;
}
