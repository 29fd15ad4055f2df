/* What a confined worker has its supervisor start: packets over a pair of
 * sockets, each looked at before it is believed. */
#include "cgi-bin/run/delegate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/hooks/launch.h"
#include "common/base/text.h"

/* Names the socket pair of the program that we were before we started over. */
#define INHERITED "H5PAY_ERRANDS"
#define FULL_S 1 /* a worker waits so long for room, after its answer */
#define AT_ONCE 64 /* errands between two looks at the workers */
#define SWEEP_EVERY_MS 60000
/* One packet: what, and for a delivery or a question of which order. */
#define DELIVER 'd'
#define ASK 'a' /* and ask about its payment before */
#define SWEEP 's'
#define PACKET 64

/* --- the pair --- */

static bool
is_ours(int fd)
{
	int domain = 0, type = 0;
	/* The numbers came through the environment: whatever else they might
	 * name, it must not be used as the pair. */
	socklen_t n = sizeof domain;

	return fd > STDERR_FILENO &&
	       getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 &&
	       domain == AF_UNIX && type == SOCK_SEQPACKET &&
	       fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* Two numbers, "7 8", from the environment, which only the program that started
 * us can have written. */
static bool
inherit(const char *list, struct h5_delegate *d)
{
	const char *blank = list == NULL ? NULL : strchr(list, ' ');
	char first[16];
	uint64_t take, ask;
	struct h5_err e;
	size_t n;

	if (blank == NULL)
		return false;
	n = (size_t)(blank - list);
	if (n >= sizeof first)
		return false;
	memcpy(first, list, n);
	first[n] = '\0';
	/* From 3 upwards: the first three are never a pair. */
	if (h5_text_u64(first, 3, 65535, &take, &e) != H5_OK ||
	    h5_text_u64(blank + 1, 3, 65535, &ask, &e) != H5_OK ||
	    !is_ours((int)take) || !is_ours((int)ask))
		return false;
	d->take = (int)take;
	d->ask = (int)ask;
	return true;
}

void
h5_delegate_init(struct h5_delegate *d)
{
	memset(d, 0, sizeof *d);
	d->take = d->ask = -1;
	(void)inherit(getenv(INHERITED), d);
	/* Taken out, so that no program that is started later inherits it. */
	(void)unsetenv(INHERITED);
}

void
h5_delegate_release(struct h5_delegate *d)
{
	if (d->take >= 0)
		(void)close(d->take);
	if (d->ask >= 0)
		(void)close(d->ask);
	d->take = d->ask = -1;
	d->site = NULL;
}

enum h5_code
h5_delegate_open(struct h5_delegate *d, struct h5_site *site, struct h5_err *e)
{
	const struct timeval limit = {FULL_S, 0};
	int fds[2];

	d->site = site;
	/* Inherited: the pair goes on, with what lies in it. */
	if (d->take >= 0)
		return H5_OK;
	/* Packets, so that one request is one read and none can be cut in
	 * two. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return h5_err_sys(e, H5_E_IO, errno, "socketpair");
	d->take = fds[0];
	d->ask = fds[1];
	/* A supervisor that hangs must not hold its workers. */
	(void)setsockopt(d->ask, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	return H5_OK;
}

void
h5_delegate_worker(struct h5_delegate *d)
{
	/* A worker only asks.  With the other end it could read what the others
	 * asked for. */
	(void)close(d->take);
	d->take = -1;
}

bool
h5_delegate_hand_on(const struct h5_delegate *d)
{
	struct h5_buf list;
	bool done;

	h5_buf_init(&list, PACKET);
	h5_buf_printf(&list, "%d %d", d->take, d->ask);
	done = list.bad == H5_OK && setenv(INHERITED, list.data, 1) == 0 &&
	       fcntl(d->take, F_SETFD, 0) == 0 &&
	       fcntl(d->ask, F_SETFD, 0) == 0;
	h5_buf_release(&list);
	return done;
}

void
h5_delegate_take_back(const struct h5_delegate *d)
{
	(void)unsetenv(INHERITED);
	(void)fcntl(d->take, F_SETFD, FD_CLOEXEC);
	(void)fcntl(d->ask, F_SETFD, FD_CLOEXEC);
}

/* --- a worker asks --- */

/* false: there is nobody to ask about this site. */
static bool
ask(const struct h5_delegate *d, const struct h5_site *site,
    const struct h5_log *log, char what, const char *id)
{
	char packet[PACKET];
	size_t n = strlen(id);
	struct h5_err e;
	ssize_t sent;

	/* Another site than the supervisor's is served by the worker itself. */
	if (d->ask < 0 || d->site != site)
		return false;
	packet[0] = what;
	/* An id that does not fit is none; the other side refuses it. */
	if (n > sizeof packet - 1)
		n = sizeof packet - 1;
	memcpy(packet + 1, id, n);
	do {
		sent = send(d->ask, packet, n + 1, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	/* Harmless: a sweep takes up what is left undone. */
	if (sent < 0) {
		(void)h5_err_sys(&e, H5_E_IO, errno, "send");
		h5_log_event(log, H5_LOG_ERROR, "supervisor-not-asked", "order",
		    n > 0 ? id : NULL, "why", e.msg, NULL);
	}
	return true;
}

void
h5_delegate_deliver(const struct h5_delegate *d, const struct h5_site *site,
    const struct h5_log *log, const char *id, bool first)
{
	if (!ask(d, site, log, first ? ASK : DELIVER, id))
		h5_launch_deliver(site->app.c, log, id, first);
}

void
h5_delegate_sweep(const struct h5_delegate *d, const struct h5_site *site,
    const struct h5_log *log)
{
	if (!ask(d, site, log, SWEEP, ""))
		h5_launch_sweep(site->app.c, log);
}

/* --- the supervisor does it --- */

/* A worker may have been taken over: nothing of what it says but an order's id
 * goes anywhere, and sweeps are started no more often than they may be. */
static void
run_errand(struct h5_delegate *d, const struct h5_log *log, const char *packet,
    size_t n)
{
	const struct h5_config *c = d->site->app.c;
	int64_t now_ms = h5_clock_mono_ms();

	/* No NUL inside, or the id that is checked would not be the one that
	 * came. */
	if ((packet[0] == DELIVER || packet[0] == ASK) && strlen(packet) == n &&
	    h5_number_is_order(packet + 1)) {
		h5_launch_deliver(c, log, packet + 1, packet[0] == ASK);
	} else if (packet[0] == SWEEP && n == 1) {
		if (d->swept_ms != 0 && now_ms - d->swept_ms < SWEEP_EVERY_MS)
			return;
		d->swept_ms = now_ms;
		h5_launch_sweep(c, log);
	} else {
		h5_log_event(log, H5_LOG_ALERT, "errand-refused", "why",
		    "a worker asked for something that is not a delivery",
		    NULL);
	}
}

/* One packet; false: there is none. */
static bool
take(const struct h5_delegate *d, char packet[PACKET + 1], size_t *n)
{
	ssize_t got;

	do {
		got = recv(d->take, packet, PACKET, MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	*n = got > 0 ? (size_t)got : 0;
	packet[*n] = '\0';
	/* Room for the NUL is one byte more than a packet has. */
	return got > 0;
}

/* Copies of one notice come together, and each asks: what was asked before
 * the first answer to it begins is done once. */
bool
h5_delegate_run(struct h5_delegate *d, const struct h5_log *log)
{
	char packets[AT_ONCE][PACKET + 1];
	size_t n[AT_ONCE], kept = 0, i, j;
	bool more = true;

	for (i = 0; i < AT_ONCE && more; i++) {
		more = take(d, packets[kept], &n[kept]);
		for (j = 0; j < kept; j++)
			if (n[j] == n[kept] &&
			    memcmp(packets[j], packets[kept], n[j]) == 0)
				break;
		kept += more && j == kept;
	}
	for (i = 0; i < kept; i++)
		run_errand(d, log, packets[i], n[i]);
	return more;
}
