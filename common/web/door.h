/* door.h - the listening socket, as one of many threads waits at it.  Private
 * to fcgi.c. */
#ifndef H5_WEB_DOOR_H
#define H5_WEB_DOOR_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/web/lot.h"

#define H5_DOOR_FD 0 /* FastCGI: what we were started with */

struct h5_door {
	int epfd;
	int stop_fd; /* known to epfd, or -1 */
	int late; /* connections taken since we were told to stop */
	struct h5_lot *lot; /* where they wait first; or NULL */
};

/* h5_door_open(d, lot, e): lot is borrowed; or NULL.  H5_E_IO. */
H5_MUST_CHECK enum h5_code h5_door_open(
    struct h5_door *d, struct h5_lot *lot, struct h5_err *e);
void h5_door_close(struct h5_door *d);
struct h5_door_caller {
	int fd;
	int64_t since; /* when it came, of h5_clock_mono_ms */
	bool over; /* it has waited in the lot for as long as may be */
};

/* h5_door_next(d, stop_fd, tick_ms, who, e): waits for the next connection.
 * Errors as h5_fcgi_accept. */
H5_MUST_CHECK enum h5_code h5_door_next(struct h5_door *d, int stop_fd,
    int tick_ms, struct h5_door_caller *who, struct h5_err *e);

#endif
