#include "cgi-bin/run.h"

#include <sys/prctl.h>

/* From now on nothing that this process runs gains rights by a set-uid or
 * set-gid bit. */
static bool
no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

bool
h5_confine_alone(const struct h5_run *run, const struct h5_site *site)
{
	/* Deliveries are our children here, and their hook may be a mailer that
	 * lives by its set-gid bit. */
	if (site == NULL ? !run->sites.once : site->app.c->hooks.exec != NULL)
		return true;
	return no_new_privs();
}

bool
h5_confine_worker(const struct h5_run *run)
{
	(void)run;
	return no_new_privs();
}
