/* What an open store consists of in this process, before it is connected. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/sum.h"
#include "common/store/postgresql/pg.h"
#include "common/system/crypto.h"

#define SEAL_SLOTS 1023 /* rows of h5_seal, less one */

int
h5_state_hash(const char *id)
{
	return (int)(h5_sum_64(id, strlen(id), 0) >> 56);
}

enum h5_code
h5_state_make(const struct h5_store_where *w, unsigned hooks,
    struct h5_postgresql **out, struct h5_err *e)
{
	pthread_condattr_t by;
	unsigned short slot = 0;
	struct h5_postgresql *pg;
	enum h5_code rc;

	*out = NULL;
	if (w->database == NULL)
		return h5_err_set(e, H5_E_CONFIG,
		    "store.engine is postgresql, and store.database says not "
		    "which");
	pg = calloc(1, sizeof *pg);
	if (pg == NULL)
		return h5_err_nomem(e);
	pg->where = *w;
	pg->w = &pg->where;
	pg->hooks = hooks;
	pg->known = calloc(H5_PG_KNOWN, sizeof *pg->known);
	(void)pthread_mutex_init(&pg->lock, NULL);
	(void)pthread_condattr_init(&by);
	(void)pthread_condattr_setclock(&by, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&pg->freed, &by);
	(void)pthread_condattr_destroy(&by);
	if (pg->known == NULL) {
		h5_state_free(pg);
		return h5_err_nomem(e);
	}
	rc = h5_crypto_random(&slot, sizeof slot, e);
	if (rc != H5_OK) {
		h5_state_free(pg);
		return rc;
	}
	pg->slot = slot & SEAL_SLOTS;
	(void)gethostname(pg->holder, sizeof pg->holder - 16);
	pg->holder[sizeof pg->holder - 17] = '\0';
	(void)snprintf(
	    pg->holder + strlen(pg->holder), 16, " %ld", (long)getpid());
	*out = pg;
	return H5_OK;
}

void
h5_state_free(struct h5_postgresql *pg)
{
	if (pg == NULL)
		return;
	h5_connect_close(pg);
	(void)pthread_cond_destroy(&pg->freed);
	(void)pthread_mutex_destroy(&pg->lock);
	free(pg->known);
	free(pg);
}
