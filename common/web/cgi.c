/* Plain CGI: the body comes on stdin, and the answer's end is stdout's. */
#include "common/web/cgi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "common/base/clock.h"

ssize_t
h5_cgi_read(char *buf, size_t size, int64_t until)
{
	struct pollfd p;
	int64_t left;
	ssize_t n;

	for (;;) {
		left = until - h5_clock_mono_ms();
		if (left < 0)
			return -1;
		/* Silence is limited apart from the whole: a server that died
		 * must not hold the program for as long as a slow one may. */
		if (left > H5_CGI_SILENCE_S * 1000)
			left = H5_CGI_SILENCE_S * 1000;
		p.fd = STDIN_FILENO;
		p.events = POLLIN;
		p.revents = 0;
		n = poll(&p, 1, (int)left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		n = read(STDIN_FILENO, buf, size);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		return n;
	}
}

void
h5_cgi_leave(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Without /dev/null the descriptors are closed.  A file that is opened
	 * later might get their numbers, but the end of the answer matters
	 * more. */
	if (fd < 0) {
		(void)close(STDIN_FILENO);
		(void)close(STDOUT_FILENO);
		return;
	}
	/* Replaced and not closed, so that nothing opened later takes their
	 * place. */
	(void)dup2(fd, STDIN_FILENO);
	(void)dup2(fd, STDOUT_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}
