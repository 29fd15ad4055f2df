/* Waits at the listening socket for the next connection: a new one, or one that
 * has waited in the lot for its request, until the server is told to stop. */
#include "common/web/door.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"

#define STOP_LOOK_MS                                                           \
	10 /* how often, once told to stop, the lot is seen to                 \
	    */
#define LATE_MOST 16 /* connections after the word to stop */

enum h5_code
h5_door_open(struct h5_door *d, struct h5_lot *lot, struct h5_err *e)
{
	struct epoll_event ev;

	d->stop_fd = -1;
	d->late = 0;
	d->lot = lot;
	d->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (d->epfd < 0)
		return h5_err_sys(e, H5_E_IO, errno, "epoll_create1");
	/* Exclusive: one connection wakes one of many waiting threads. */
	memset(&ev, 0, sizeof ev);
	ev.events = EPOLLIN | EPOLLEXCLUSIVE;
	ev.data.fd = H5_DOOR_FD;
	if (epoll_ctl(d->epfd, EPOLL_CTL_ADD, H5_DOOR_FD, &ev) != 0) {
		ev.events = EPOLLIN;
		if (epoll_ctl(d->epfd, EPOLL_CTL_ADD, H5_DOOR_FD, &ev) != 0)
			return h5_err_sys(
			    e, H5_E_IO, errno, "cannot poll the socket");
	}
	if (d->lot == NULL)
		return H5_OK;
	ev.events = EPOLLIN;
	ev.data.fd = h5_lot_fd(d->lot);
	if (epoll_ctl(d->epfd, EPOLL_CTL_ADD, ev.data.fd, &ev) != 0)
		return h5_err_sys(e, H5_E_IO, errno, "cannot poll who waits");
	return H5_OK;
}

void
h5_door_close(struct h5_door *d)
{
	if (d->epfd >= 0)
		(void)close(d->epfd);
}

static enum h5_code
watch_stop(struct h5_door *d, int stop_fd, struct h5_err *e)
{
	struct epoll_event ev;

	if (d->stop_fd == stop_fd)
		return H5_OK;
	memset(&ev, 0, sizeof ev);
	ev.events = EPOLLIN;
	ev.data.fd = stop_fd;
	if (epoll_ctl(d->epfd, EPOLL_CTL_ADD, stop_fd, &ev) != 0)
		return h5_err_sys(e, H5_E_IO, errno, "epoll_ctl");
	d->stop_fd = stop_fd;
	return H5_OK;
}

/* *waited: a connection in the lot may have waited for long enough. */
static enum h5_code
wait_turn(
    struct h5_door *d, int stop_fd, int tick_ms, bool *waited, struct h5_err *e)
{
	struct epoll_event ev[3];
	enum h5_code rc = watch_stop(d, stop_fd, e);
	bool stop = false;
	int n, i;

	*waited = false;
	if (rc != H5_OK)
		return rc;
	do {
		n = epoll_wait(d->epfd, ev, 3, tick_ms);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return h5_err_sys(e, H5_E_IO, errno, "epoll_wait");
	for (i = 0; i < n; i++) {
		stop = stop || ev[i].data.fd == stop_fd;
		*waited = *waited || (d->lot != NULL &&
					 ev[i].data.fd == h5_lot_fd(d->lot));
	}
	if (*waited)
		return H5_OK;
	/* A connection in the lot was accepted, and is given its time. */
	if (stop && n < 2 && d->lot != NULL && !h5_lot_empty(d->lot)) {
		h5_clock_pause_ms(STOP_LOOK_MS);
		return h5_err_set(e, H5_E_NOTFOUND, "no request");
	}
	/* A connection that waits would be cut off if this socket is ours
	 * alone, as under mod_fcgid.  Not for ever: others may share it. */
	if (stop && (n < 2 || d->late++ >= LATE_MOST))
		return h5_err_set(e, H5_E_STATE, "told to stop");
	return n > 0 ? H5_OK : h5_err_set(e, H5_E_NOTFOUND, "no request");
}

/* What a failed accept means. */
static enum h5_code
accept_failed(int sys, struct h5_err *e)
{
	switch (sys) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return h5_err_sys(e, H5_E_BUSY, sys, "accept");
	case EAGAIN: /* another thread or process took it */
	case EINTR:
	case ECONNABORTED:
	/* Of the connection, as accept(2) says of Linux, not of the socket. */
	case EPERM:
	case EPROTO:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
	case ETIMEDOUT:
		return H5_OK;
	default:
		return h5_err_sys(e, H5_E_IO, sys, "accept");
	}
}

enum h5_code
h5_door_next(struct h5_door *d, int stop_fd, int tick_ms,
    struct h5_door_caller *who, struct h5_err *e)
{
	bool waited;
	enum h5_code rc;

	for (who->fd = -1; who->fd < 0;) {
		who->over = false;
		rc = wait_turn(d, stop_fd, tick_ms, &waited, e);
		if (rc != H5_OK)
			return rc;
		if (waited) {
			who->fd = h5_lot_take(d->lot, &who->since, &who->over);
			continue;
		}
		who->since = h5_clock_mono_ms();
		who->fd = accept4(H5_DOOR_FD, NULL, NULL, SOCK_CLOEXEC);
		if (who->fd < 0) {
			rc = accept_failed(errno, e);
			if (rc != H5_OK)
				return rc;
		} else if (d->lot != NULL && h5_lot_keep(d->lot, who->fd)) {
			who->fd = -1;
		}
	}
	return H5_OK;
}
