/* doctor.h - what the parts of h5pay doctor share.  Floor 4. */
#ifndef H5_DOCTOR_H
#define H5_DOCTOR_H

#include "admin/command.h"
#include "common/buf.h"

enum doctor_result { DOCTOR_PASS, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
	struct command *cmd;
	const struct h5_config *c; /* NULL until it is loaded */
	unsigned count[3]; /* by result */
	struct h5_buf json; /* the elements of "checks" */
};

/* doctor_say(d, result, check, remedy, fmt, ...): one line: which check, what
 * was found, and what mends it (NULL: nothing to mend). */
void doctor_say(struct doctor *d, enum doctor_result result, const char *check,
    const char *remedy, const char *fmt, ...) H5_PRINTF(5, 6);

/* doctor_local.c: this machine.  Before the store's owner is taken on:
 * processes of others can be seen then. */
void doctor_processes(struct doctor *d);
/* The rest of this machine. */
void doctor_local(struct doctor *d);
/* Is there a store?  To open one that is not there would make it. */
bool doctor_has_store(const struct doctor *d);
/* doctor_wechat.c: is WeChat reached, and does it know us? */
void doctor_wechat(struct doctor *d);
/* doctor_site.c: our own pages, as the world sees them. */
void doctor_site(struct doctor *d);

#endif
