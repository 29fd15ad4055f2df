/* fsck: counts one finding and reports it. */
#include "common/store/files/internal.h"

void
h5_files_check_found(struct h5_files_checking *c, uint64_t *counter,
    const char *id, const char *what, bool repaired)
{
	(*counter)++;
	if (c->r->found != NULL)
		c->r->found(c->r->arg, id, what, repaired);
}
