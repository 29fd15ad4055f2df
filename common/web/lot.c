/* Connections whose FastCGI request has not come whole wait here: one epoll for
 * all of them and a timer for the one that has waited longest.  A request stays
 * in its socket, where MSG_PEEK looks at it; libfcgi reads it afterwards.  A
 * peer that sends so many pieces that the socket is full before the request's
 * end waits until its time is over. */
#include "common/web/lot.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/base/clock.h"

#define CARS 256
#define PARAMS_MAX ((size_t)64 << 10) /* beside the body: looked at no more */
#define RECORD 8 /* bytes of a record's header */
#define VERSION 1
#define ABORT_REQUEST 2
#define STDIN 5

struct car {
	int fd; /* -1: nobody waits here */
	int64_t until; /* of h5_clock_mono_ms */
};

struct h5_lot {
	size_t body_max;
	int wait_ms;
	int epfd, timer;
	pthread_mutex_t lock; /* of what follows */
	struct car cars[CARS];
	size_t n;
	unsigned char *peeked; /* PARAMS_MAX and body_max bytes */
};

void
h5_lot_free(struct h5_lot *lot)
{
	size_t i;

	if (lot == NULL)
		return;
	for (i = 0; i < CARS; i++)
		if (lot->cars[i].fd >= 0)
			(void)close(lot->cars[i].fd);
	if (lot->epfd >= 0)
		(void)close(lot->epfd);
	if (lot->timer >= 0)
		(void)close(lot->timer);
	(void)pthread_mutex_destroy(&lot->lock);
	free(lot->peeked);
	free(lot);
}

enum h5_code
h5_lot_new(size_t body_max, int wait_ms, struct h5_lot **out, struct h5_err *e)
{
	struct h5_lot *lot = calloc(1, sizeof *lot);
	struct epoll_event ev;
	size_t i;

	*out = NULL;
	if (lot == NULL)
		return h5_err_nomem(e);
	for (i = 0; i < CARS; i++)
		lot->cars[i].fd = -1;
	lot->body_max = body_max;
	lot->wait_ms = wait_ms;
	(void)pthread_mutex_init(&lot->lock, NULL);
	lot->epfd = epoll_create1(EPOLL_CLOEXEC);
	lot->timer =
	    timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	lot->peeked = malloc(PARAMS_MAX + body_max);
	memset(&ev, 0, sizeof ev);
	ev.events = EPOLLIN;
	ev.data.u64 = CARS;
	if (lot->peeked == NULL || lot->epfd < 0 || lot->timer < 0 ||
	    epoll_ctl(lot->epfd, EPOLL_CTL_ADD, lot->timer, &ev) != 0) {
		h5_lot_free(lot);
		return h5_err_sys(e, H5_E_IO, errno, "a place to wait in");
	}
	*out = lot;
	return H5_OK;
}

int
h5_lot_fd(const struct h5_lot *lot)
{
	return lot->epfd;
}

bool
h5_lot_empty(struct h5_lot *lot)
{
	bool empty;

	(void)pthread_mutex_lock(&lot->lock);
	empty = lot->n == 0;
	(void)pthread_mutex_unlock(&lot->lock);
	return empty;
}

/* True if there is nothing to wait for: the request has come to its end, or it
 * will never be a good one (FastCGI 1.0, 3.3 and 5). */
static bool
is_whole(struct h5_lot *lot, int fd)
{
	size_t max = PARAMS_MAX + lot->body_max, at = 0, body = 0, len;
	const unsigned char *p = lot->peeked;
	ssize_t n = recv(fd, lot->peeked, max, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0)
		return errno != EAGAIN && errno != EINTR;
	if (n == 0 || (size_t)n == max)
		return true;
	while ((size_t)n - at >= RECORD) {
		len = (size_t)p[at + 4] << 8 | p[at + 5];
		if (p[at] != VERSION || p[at + 1] == ABORT_REQUEST ||
		    (p[at + 1] == STDIN && len == 0))
			return true;
		body += p[at + 1] == STDIN ? len : 0;
		if (body > lot->body_max)
			return true;
		len += RECORD + p[at + 6];
		if ((size_t)n - at < len)
			return false;
		at += len;
	}
	return false;
}

/* Sets the timer to the car that has waited longest.  Locked. */
static void
set_timer(struct h5_lot *lot)
{
	struct itimerspec when;
	int64_t next = 0, left;
	size_t i;

	memset(&when, 0, sizeof when);
	for (i = 0; i < CARS; i++)
		if (lot->cars[i].fd >= 0 &&
		    (next == 0 || lot->cars[i].until < next))
			next = lot->cars[i].until;
	left = next - h5_clock_mono_ms();
	left = left > 0 ? left : 1;
	if (next != 0) {
		when.it_value.tv_sec = left / 1000;
		when.it_value.tv_nsec = left % 1000 * 1000000;
	}
	(void)timerfd_settime(lot->timer, 0, &when, NULL);
}

/* Takes car i out.  Locked. */
static int
leave(struct h5_lot *lot, size_t i, int64_t *since)
{
	int fd = lot->cars[i].fd;

	(void)epoll_ctl(lot->epfd, EPOLL_CTL_DEL, fd, NULL);
	*since = lot->cars[i].until - lot->wait_ms;
	lot->cars[i].fd = -1;
	lot->n--;
	return fd;
}

bool
h5_lot_keep(struct h5_lot *lot, int fd)
{
	struct epoll_event ev;
	bool kept = false;
	size_t i;

	(void)pthread_mutex_lock(&lot->lock);
	for (i = 0; i < CARS && lot->cars[i].fd >= 0; i++)
		;
	if (i == CARS || is_whole(lot, fd))
		goto out;
	memset(&ev, 0, sizeof ev);
	/* One event for what comes; what is there now was looked at. */
	ev.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
	ev.data.u64 = i;
	kept = epoll_ctl(lot->epfd, EPOLL_CTL_ADD, fd, &ev) == 0;
	if (!kept)
		goto out;
	lot->cars[i].fd = fd;
	lot->cars[i].until = h5_clock_mono_ms() + lot->wait_ms;
	if (lot->n++ == 0)
		set_timer(lot);
out:
	(void)pthread_mutex_unlock(&lot->lock);
	return kept;
}

/* The first car whose time is over, or -1.  Locked. */
static int
take_late(struct h5_lot *lot, int64_t *since)
{
	int64_t now = h5_clock_mono_ms();
	uint64_t times;
	size_t i;
	int fd = -1;

	(void)!read(lot->timer, &times, sizeof times);
	for (i = 0; i < CARS && fd < 0; i++)
		if (lot->cars[i].fd >= 0 && lot->cars[i].until <= now)
			fd = leave(lot, i, since);
	/* At once again while there are more. */
	set_timer(lot);
	return fd;
}

int
h5_lot_take(struct h5_lot *lot, int64_t *since, bool *late)
{
	struct epoll_event ev;
	int fd = -1;

	*late = false;
	(void)pthread_mutex_lock(&lot->lock);
	if (epoll_wait(lot->epfd, &ev, 1, 0) == 1) {
		if (ev.data.u64 == CARS) {
			fd = take_late(lot, since);
			*late = fd >= 0;
		} else if (lot->cars[ev.data.u64].fd >= 0 &&
			   is_whole(lot, lot->cars[ev.data.u64].fd)) {
			fd = leave(lot, ev.data.u64, since);
		}
	}
	(void)pthread_mutex_unlock(&lot->lock);
	return fd;
}
