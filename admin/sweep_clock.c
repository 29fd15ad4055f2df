/* Tells whether this machine's clock was set since the last sweep: the kernel
 * counts the seconds since it started, whatever the clock says. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/sweep.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/system/file.h"
#include "common/system/state.h"

#define OFF_S 60
#define BOOT 36 /* bytes of a boot's id */
#define LINE 128 /* bytes of all that is noted */

struct standing {
	char boot[BOOT + 1]; /* which start of the kernel */
	long long up_s; /* since then */
	long long now;
};

/* A file of the kernel's, which has no size.  false: there is none. */
static bool
first_bytes(const char *path, char *out, size_t n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, out, n - 1) : -1;

	if (fd >= 0)
		(void)close(fd);
	out[got > 0 ? got : 0] = '\0';
	return got > 0;
}

static bool
standing_now(struct standing *s)
{
	char up[64];

	if (!first_bytes(
		"/proc/sys/kernel/random/boot_id", s->boot, sizeof s->boot) ||
	    !first_bytes("/proc/uptime", up, sizeof up))
		return false;
	s->up_s = strtoll(up, NULL, 10);
	s->now = h5_clock_now();
	return strlen(s->boot) == BOOT;
}

/* The line that remember wrote. */
static bool
standing_then(const char *path, struct standing *s)
{
	struct h5_buf b;
	struct h5_err e;
	bool good;
	char *p;

	h5_buf_init(&b, LINE);
	good = h5_file_read(AT_FDCWD, path, &b, &e) == H5_OK && b.len > BOOT;
	if (good) {
		memcpy(s->boot, b.data, BOOT);
		s->boot[BOOT] = '\0';
		s->up_s = strtoll(b.data + BOOT, &p, 10);
		s->now = strtoll(p, &p, 10);
		good = *p == '\n';
	}
	h5_buf_release(&b);
	return good;
}

static void
remember(const struct command *cmd, const char *path, const struct standing *s)
{
	char line[LINE];
	struct h5_err e;
	int n;

	n = snprintf(
	    line, sizeof line, "%s %lld %lld\n", s->boot, s->up_s, s->now);
	if (h5_file_replace(AT_FDCWD, path, line, (size_t)n, 0600, &e) != H5_OK)
		h5_log_event(cmd->shop.log, H5_LOG_ERROR, "clock-not-noted",
		    "why", e.msg, NULL);
}

bool
sweep_clock_jumped(const struct command *cmd, bool note)
{
	struct standing then, now;
	struct h5_buf path;
	struct h5_err e;
	long long jump = 0;

	h5_buf_init(&path, 4096);
	h5_buf_printf(
	    &path, "%s/" H5_STATE_CLOCK, h5_config_state_dir(cmd->shop.c));
	if (h5_buf_finish(&path, &e) != H5_OK || !standing_now(&now))
		goto out;
	if (standing_then(path.data, &then) && strcmp(then.boot, now.boot) == 0)
		jump = (now.now - then.now) - (now.up_s - then.up_s);
	if (note)
		remember(cmd, path.data, &now);
	if (llabs(jump) > OFF_S)
		h5_log_event(cmd->shop.log, H5_LOG_ALERT, "clock-jumped",
		    "by_s", H5_LOG_NUM(jump), "why",
		    "the clock was set since the last sweep: this one expires "
		    "nothing",
		    NULL);
out:
	h5_buf_release(&path);
	return llabs(jump) > OFF_S;
}
