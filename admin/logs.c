/* h5pay logs - the log of log.file: its end, what tells of an order or a
 * request, and what comes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/command.h"
#include "common/base/length.h"
#include "common/format/json.h"
#include "common/system/file.h"

#define LOOK_MS 250 /* between two looks at the file */
#define CHUNK 65536
#define LINE_MOST 65536 /* bytes of a line that are looked at */
#define LAST 50 /* lines, if nothing narrows them down */

enum { FOLLOW, LIMIT };

static const struct option_def options[] = {
    [FOLLOW] = {.name = "follow", .letter = 'f'},
    [LIMIT] = {.name = "limit",
	.letter = 'n',
	.kind = VALUE_NUMBER,
	.form = "N",
	.example = "50",
	.least = 1,
	.most = 1000000},
    {.name = NULL},
};

struct reading {
	struct command *cmd;
	const char *path;
	const char *word; /* what lines must name; NULL: all of them */
	const char *id; /* the order that it stands for, or NULL */
	int fd;
	struct h5_buf line; /* the beginning of a line that is not whole yet */
	uint64_t matched;
	uint64_t skip; /* of those, how many are not printed */
	bool counting; /* nothing is */
};

/* --- lines ---------------------------------------------------------------- */

/* One "key=value" of a line, whose value may be in quotes. */
struct pair {
	const char *key, *value;
	size_t key_n, value_n;
};

/* Takes the next word at *s, up to end.  A word without "=" has no key. */
static bool
next_word(const char **s, const char *end, struct pair *p)
{
	const char *at = *s, *from;

	while (at < end && *at == ' ')
		at++;
	if (at == end)
		return false;
	p->key = from = at;
	while (at < end && *at != ' ' && *at != '=')
		at++;
	p->key_n = 0;
	if (at < end && *at == '=') {
		p->key_n = (size_t)(at++ - from);
		from = at;
	}
	if (at < end && *at == '"') {
		from = ++at;
		while (at < end && *at != '"')
			at += *at == '\\' && at + 1 < end ? 2 : 1;
		p->value_n = (size_t)(at - from);
		*s = at < end ? at + 1 : end;
	} else {
		while (at < end && *at != ' ')
			at++;
		p->value_n = (size_t)(at - from);
		*s = at;
	}
	p->value = from;
	return true;
}

static bool
is(const struct pair *p, const char *s)
{
	return s != NULL && strlen(s) == p->value_n &&
	       memcmp(s, p->value, p->value_n) == 0;
}

/* Only a whole value counts: A-1 is not A-10. */
static bool
names(const struct reading *r, const char *line, size_t n)
{
	const char *s = line;
	struct pair p;

	if (r->word == NULL)
		return true;
	while (next_word(&s, line + n, &p))
		if (p.key_n > 0 && (is(&p, r->word) || is(&p, r->id)))
			return true;
	return false;
}

static void
print_json(const char *line, size_t n)
{
	static const char *const heads[] = {"level", "event"};
	const char *s = line;
	struct h5_buf b, one;
	struct pair p;
	size_t i;

	h5_buf_init(&b, 8 * LINE_MOST);
	h5_buf_init(&one, LINE_MOST);
	for (i = 0; next_word(&s, line + n, &p); i++) {
		h5_buf_puts(&b, i == 0 ? "{" : ",");
		h5_buf_clear(&one);
		if (p.key_n > 0)
			h5_buf_add(&one, p.key, p.key_n);
		else
			h5_buf_puts(&one, i < 2 ? heads[i] : "text");
		h5_json_string(one.data, &b);
		h5_buf_putc(&b, ':');
		h5_buf_clear(&one);
		h5_buf_add(&one, p.value, p.value_n);
		h5_json_string(one.data, &b);
	}
	if (i > 0 && b.bad == H5_OK && one.bad == H5_OK)
		(void)printf("%s}\n", b.data);
	h5_buf_release(&one);
	h5_buf_release(&b);
}

static void
print_line(const struct reading *r, const char *line, size_t n)
{
	static const struct {
		const char *level, *tint;
	} tints[] = {{"alert ", "\033[1;31m"}, {"error ", "\033[31m"},
	    {"warn ", "\033[33m"}};
	const char *tint = "";
	size_t i;

	if (r->cmd->json) {
		print_json(line, n);
		return;
	}
	for (i = 0; r->cmd->colour && i < H5_LENGTH(tints); i++)
		if (n >= strlen(tints[i].level) &&
		    memcmp(line, tints[i].level, strlen(tints[i].level)) == 0)
			tint = tints[i].tint;
	(void)printf(
	    "%s%.*s%s\n", tint, (int)n, line, tint[0] != '\0' ? "\033[0m" : "");
}

static void
take_line(struct reading *r, const char *line, size_t n)
{
	if (!names(r, line, n))
		return;
	r->matched++;
	if (!r->counting && r->matched > r->skip)
		print_line(r, line, n);
}

/* --- the file ------------------------------------------------------------- */

static enum h5_code
open_log(struct reading *r, struct h5_err *e)
{
	struct stat st;

	r->fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (r->fd < 0)
		return h5_err_set(e, errno == ENOENT ? H5_E_NOTFOUND : H5_E_IO,
		    "%s: %s", r->path, strerror(errno));
	if (fstat(r->fd, &st) == 0 && S_ISREG(st.st_mode))
		return H5_OK;
	h5_file_drop(&r->fd);
	return h5_err_set(e, H5_E_IO, "%s is no file", r->path);
}

/* Takes every whole line up to the present end. */
static enum h5_code
take_all(struct reading *r, struct h5_err *e)
{
	char chunk[CHUNK];
	const char *s, *lf;
	ssize_t got;

	while ((got = read(r->fd, chunk, sizeof chunk)) > 0) {
		for (s = chunk; s < chunk + got; s = lf + 1) {
			lf = memchr(s, '\n', (size_t)(chunk + got - s));
			if (lf == NULL) {
				h5_buf_add(
				    &r->line, s, (size_t)(chunk + got - s));
				break;
			}
			h5_buf_add(&r->line, s, (size_t)(lf - s));
			/* What is too long is no line of ours. */
			if (r->line.bad == H5_OK)
				take_line(r, r->line.data, r->line.len);
			h5_buf_clear(&r->line);
		}
	}
	if (got < 0 && errno != EINTR)
		return h5_err_set(
		    e, H5_E_IO, "%s: %s", r->path, strerror(errno));
	return H5_OK;
}

/* Was the file put away, or cut?  Then what comes is in a new one, or begins
 * anew. */
static void
notice_rotation(struct reading *r)
{
	struct stat now, mine;
	struct h5_err e;
	off_t at;

	if (r->fd >= 0 && fstat(r->fd, &mine) == 0) {
		at = lseek(r->fd, 0, SEEK_CUR);
		if (at > mine.st_size)
			(void)lseek(r->fd, 0, SEEK_SET);
		if (stat(r->path, &now) != 0 ||
		    (now.st_ino == mine.st_ino && now.st_dev == mine.st_dev))
			return;
		/* What the last writer put there meanwhile. */
		if (take_all(r, &e) != H5_OK)
			return;
		h5_file_drop(&r->fd);
	}
	h5_buf_clear(&r->line);
	(void)!open_log(r, &e);
}

static enum h5_code
follow(struct reading *r, struct h5_err *e)
{
	enum h5_code rc = H5_OK;

	while (rc == H5_OK && !ferror(stdout)) {
		if (r->fd >= 0)
			rc = take_all(r, e);
		/* Whoever reads us gets each line as it comes. */
		(void)fflush(stdout);
		(void)poll(NULL, 0, LOOK_MS);
		notice_rotation(r);
	}
	return rc;
}

/* What is there: twice over the file, so that no line has to be kept. */
static enum h5_code
show(struct reading *r, uint64_t last, struct h5_err *e)
{
	enum h5_code rc;

	rc = open_log(r, e);
	if (rc != H5_OK)
		return rc;
	if (last > 0) {
		r->counting = true;
		rc = take_all(r, e);
		r->counting = false;
		r->skip = r->matched > last ? r->matched - last : 0;
		r->matched = 0;
		h5_buf_clear(&r->line);
		if (rc == H5_OK && lseek(r->fd, 0, SEEK_SET) != 0)
			rc = h5_err_set(
			    e, H5_E_IO, "%s: %s", r->path, strerror(errno));
	}
	return rc == H5_OK ? take_all(r, e) : rc;
}

/* --- the verb ------------------------------------------------------------- */

/* Where the lines are, if there is no file of them. */
static int
elsewhere(const struct h5_config *c)
{
	if (c->log.file != NULL)
		(void)fputs("h5pay: log.file = syslog: journalctl -t checkout "
			    "-t notify -t query -t h5pay -f, or grep notify "
			    "/var/log/syslog\n",
		    stderr);
	else
		(void)fputs("h5pay: log.file is not set: the lines are in the "
			    "web server's error log, under systemd in the "
			    "journal (journalctl -u 'h5pay@*' -f), under "
			    "spawn-fcgi in syslog; with log.file = "
			    "/var/log/h5pay/h5pay.log they are in that file "
			    "and here\n",
		    stderr);
	return h5_err_exit(H5_E_CONFIG);
}

static int
run(struct command *cmd, int argc, char **argv)
{
	const struct given *given = cmd->given;
	struct reading r = {.cmd = cmd,
	    .path = h5_config_log_path(cmd->config),
	    .word = argc > 1 ? argv[1] : NULL,
	    .fd = -1};
	uint64_t last = given[LIMIT].text != NULL
			    ? (uint64_t)given[LIMIT].number
			: argc > 1 ? 0
				   : LAST;
	bool go_on = given[FOLLOW].text != NULL;
	struct h5_err e;
	enum h5_code rc;

	if (r.path == NULL)
		return elsewhere(cmd->config);
	/* A request's id names no order, and is looked for as it stands. */
	if (r.word != NULL && command_find(cmd, r.word, &e) == H5_OK)
		r.id = cmd->id;
	h5_buf_init(&r.line, LINE_MOST);
	rc = show(&r, last, &e);
	if (rc == H5_E_NOTFOUND && go_on)
		rc = H5_OK;
	if (rc == H5_OK && go_on)
		rc = follow(&r, &e);
	h5_file_drop(&r.fd);
	h5_buf_release(&r.line);
	if (rc != H5_OK)
		return command_fail(cmd, &e);
	if (r.word == NULL || r.matched > 0)
		return EXIT_DONE;
	if (!cmd->quiet)
		(void)fprintf(stderr, "h5pay: no line of %s names \"%s\"\n",
		    r.path, r.word);
	return EXIT_NO;
}

const struct verb verb_logs = {
    .name = "logs",
    .usage = "logs [ID | REQUEST] [-f] [-n N] [--json]",
    .operand = "ID",
    .example = "20261123-0007",
    .most = 1,
    .options = options,
    .need_config = true,
    .need_store = true,
    .run = run,
};
