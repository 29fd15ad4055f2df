/* Writes one line for each event, with everything escaped that could mislead a
 * reader. */
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/text.h"

#define LINE_MAX_BYTES 8192
#define SYSLOG_SOCKET "/dev/log"
#define SYSLOG_DAEMON                                                          \
	(3 << 3) /* RFC 3164 4.1.1: facility 3, severity below                 \
		  */

void
h5_log_init(struct h5_log *l, const char *program, const char *path)
{
	memset(l, 0, sizeof *l);
	l->program = program;
	l->path = path;
	l->least = H5_LOG_INFO;
}

const char *
h5_log_num(struct h5_log_num *into, int64_t n)
{
	h5_text_number(n, into->s);
	return into->s;
}

static const char *
level_name(enum h5_log_level level)
{
	switch (level) {
	case H5_LOG_DEBUG:
		return "debug";
	case H5_LOG_INFO:
		return "info";
	case H5_LOG_WARN:
		return "warn";
	case H5_LOG_ERROR:
		return "error";
	case H5_LOG_ALERT:
		return "alert";
	}
	return "error";
}

static int
plain(const char *s)
{
	size_t i;

	for (i = 0; s[i] != '\0'; i++)
		if (s[i] <= ' ' || s[i] >= 0x7f || s[i] == '"' ||
		    s[i] == '\\' || s[i] == '=')
			return 0;
	return i > 0 && i <= H5_LOG_VALUE;
}

static void
put_value(struct h5_buf *b, const char *s)
{
	size_t n;

	if (plain(s)) {
		h5_buf_puts(b, s);
		return;
	}
	h5_buf_putc(b, '"');
	n = h5_text_show(s, H5_LOG_VALUE, "\"\\", b);
	h5_buf_puts(b, s[n] == '\0' ? "\"" : "...\"");
}

static void
put_pair(struct h5_buf *b, const char *key, const char *value)
{
	h5_buf_putc(b, ' ');
	h5_buf_puts(b, key);
	h5_buf_putc(b, '=');
	put_value(b, value);
}

static int
write_line(int fd, const struct h5_buf *b)
{
	ssize_t n;

	do {
		n = write(fd, b->data, b->len);
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)b->len ? 0 : -1;
}

/* In a folder that others may write to, a name of theirs may lead to a file of
 * ours, or to one that they will read.  What is no file (a pipe, a terminal) is
 * the business of whoever set it up. */
static int
ours(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return 0;
	return !S_ISREG(st.st_mode) ||
	       (st.st_nlink <= 1 && (st.st_uid == geteuid() || st.st_uid == 0));
}

/* A datagram a line, by a socket of its own: syslog(3) says nothing of a
 * message that nobody took. */
static int
to_syslog(
    const struct h5_log *l, enum h5_log_level level, const struct h5_buf *line)
{
	static const int severity[] = {[H5_LOG_DEBUG] = 7,
	    [H5_LOG_INFO] = 6,
	    [H5_LOG_WARN] = 4,
	    [H5_LOG_ERROR] = 3,
	    [H5_LOG_ALERT] = 1};
	struct sockaddr_un to = {
	    .sun_family = AF_UNIX, .sun_path = SYSLOG_SOCKET};
	struct h5_buf b;
	ssize_t n = -1;
	int fd;

	h5_buf_init(&b, LINE_MAX_BYTES + 128);
	h5_buf_printf(&b, "<%d>%s[%ld]: %.*s", SYSLOG_DAEMON | severity[level],
	    l->program, (long)getpid(), (int)line->len - 1, line->data);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* A daemon that takes nothing in must not hold up a payment. */
	if (fd >= 0 && b.bad == H5_OK)
		n = sendto(fd, b.data, b.len, MSG_DONTWAIT | MSG_NOSIGNAL,
		    (const struct sockaddr *)&to, sizeof to);
	if (fd >= 0)
		(void)close(fd);
	h5_buf_release(&b);
	return n < 0 ? -1 : 0;
}

static int
to_file(const struct h5_log *l, const struct h5_buf *b)
{
	int fd, bad;

	fd = open(l->path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
		O_NOFOLLOW,
	    0640);
	if (fd < 0)
		return -1;
	bad = ours(fd) ? write_line(fd, b) : -1;
	(void)close(fd);
	return bad;
}

/* Is stderr the null device, which throws everything away? */
static int
stderr_is_lost(void)
{
	struct stat st;

	return fstat(STDERR_FILENO, &st) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(1, 3);
}

static void
emit(const struct h5_log *l, enum h5_log_level level, const struct h5_buf *b)
{
	int bad = -1;

	if (l->path == NULL ? stderr_is_lost()
			    : strcmp(l->path, H5_LOG_SYSLOG) == 0)
		bad = to_syslog(l, level, b);
	else if (l->path != NULL)
		bad = to_file(l, b);
	if (bad != 0)
		(void)write_line(STDERR_FILENO, b);
}

void
h5_log_event(
    const struct h5_log *l, enum h5_log_level level, const char *event, ...)
{
	struct h5_buf b;
	const char *key, *value;
	char at[H5_CLOCK_RFC3339];
	int saved = errno;
	va_list ap;

	if (level < l->least)
		return;
	h5_buf_init(&b, LINE_MAX_BYTES);
	h5_buf_printf(&b, "%s %s", level_name(level), event);
	h5_clock_rfc3339(h5_clock_now(), at);
	put_pair(&b, "at", at);
	put_pair(&b, "program", l->program);
	if (l->rid[0] != '\0')
		put_pair(&b, "request", l->rid);
	va_start(ap, event);
	while ((key = va_arg(ap, const char *)) != NULL) {
		value = va_arg(ap, const char *);
		if (value != NULL)
			put_pair(&b, key, value);
	}
	va_end(ap);
	/* A line that hit the ceiling still ends with a line feed, so that the
	 * next one begins at the margin. */
	if (b.bad == H5_E_INPUT) {
		b.bad = H5_OK;
		if (b.len == b.max)
			b.len--;
	}
	h5_buf_putc(&b, '\n');
	if (b.bad == H5_OK)
		emit(l, level, &b);
	h5_buf_release(&b);
	errno = saved;
}
