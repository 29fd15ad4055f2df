/* A bar on stderr that tells an operator how far a long verb is. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "common/base/clock.h"

#define FIRST_MS 1000 /* short work needs no bar */
#define REDRAW_MS 100

void
progress_start(struct progress *p, const struct command *cmd, const char *what)
{
	memset(p, 0, sizeof *p);
	/* On stderr and only there: stdout is the answer. */
	p->on = !cmd->quiet && isatty(STDERR_FILENO) == 1;
	p->started_ms = h5_clock_mono_ms();
	p->what = what;
}

static void
draw(const struct progress *p, uint64_t done, uint64_t total, int64_t spent_ms)
{
	size_t width = table_terminal(STDERR_FILENO), bar, full, i;
	uint64_t left_s;

	/* A total that is only a guess may be passed. */
	if (total == 0 || done > total)
		return;
	bar = width > 70 ? width - 60 : 10;
	if (bar > 40)
		bar = 40;
	full = (size_t)(done * bar / total);
	/* Each part is taken to need as much time as a part has needed so
	 * far. */
	left_s =
	    done == 0 ? 0 : (uint64_t)spent_ms * (total - done) / done / 1000;
	(void)fprintf(stderr, "\r%s [", p->what);
	for (i = 0; i < bar; i++)
		(void)fputc(i < full ? '=' : i == full ? '>' : ' ', stderr);
	(void)fprintf(stderr, "] %llu/%llu %3llu %%  %lld:%02lld left\033[K",
	    (unsigned long long)done, (unsigned long long)total,
	    (unsigned long long)(done * 100 / total), (long long)(left_s / 60),
	    (long long)(left_s % 60));
	(void)fflush(stderr);
}

void
progress_step(struct progress *p, uint64_t done, uint64_t total)
{
	int64_t now;

	if (!p->on)
		return;
	now = h5_clock_mono_ms();
	/* Drawn seldom, since a terminal may be slow. */
	if (now - p->started_ms < FIRST_MS || now - p->drawn_ms < REDRAW_MS)
		return;
	p->drawn_ms = now;
	p->drawn = true;
	draw(p, done, total, now - p->started_ms);
}

void
progress_end(struct progress *p)
{
	if (p->drawn)
		(void)fputs("\r\033[K", stderr);
	p->on = false;
}
