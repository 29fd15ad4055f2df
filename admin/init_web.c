/* The web server's part of "h5pay init": the files of deploy/ with the paths of
 * this installation in them, and on a shared host the programs themselves. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/init.h"
#include "common/base/length.h"
#include "common/config/config.h"
#include "common/system/file.h"

#define PROGRAM_MAX (64 << 20) /* bytes of a program */

static const struct web {
	const char *word, *file, *place;
	bool sockets; /* it starts no programs itself */
} webs[] = {
    {"none", NULL, NULL, false},
    {"nginx", "h5pay.conf", "/etc/nginx/snippets/h5pay.conf", true},
    {"apache", "h5pay-proxy.conf",
	"/etc/apache2/conf-available/h5pay-proxy.conf", true},
    {"lighttpd", "50-h5pay.conf", "/etc/lighttpd/conf-available/50-h5pay.conf",
	false},
    {"caddy", "h5pay.caddy", "/etc/caddy/h5pay.caddy", true},
    {"haproxy", "h5pay.cfg", "/etc/haproxy/h5pay.cfg", true},
    {"htaccess", "htaccess", NULL, false},
};

static const struct web *
find(const char *word)
{
	size_t i;

	for (i = 0; i < H5_LENGTH(webs); i++)
		if (strcmp(word, webs[i].word) == 0)
			return &webs[i];
	return NULL;
}

bool
init_web_known(const char *word)
{
	return find(word) != NULL;
}

/* --- the lines ------------------------------------------------------------ */

/* What the files of deploy/ name, and what stands here instead. */
struct path {
	const char *there, *here;
};

static void
put_lines(
    const char *text, const struct path *paths, size_t n, struct h5_buf *out)
{
	const char *next, *at, *p;
	size_t i, which;

	for (p = text;; p = next + strlen(paths[which].there)) {
		next = NULL;
		which = 0;
		for (i = 0; i < n; i++) {
			at = strstr(p, paths[i].there);
			if (at != NULL && (next == NULL || at < next)) {
				next = at;
				which = i;
			}
		}
		if (next == NULL)
			break;
		h5_buf_add(out, p, (size_t)(next - p));
		h5_buf_puts(out, paths[which].here);
	}
	h5_buf_puts(out, p);
}

/* A folder, seen from this command's, that has this file; "" if none. */
static void
look_for(const struct init *in, const char *const *tails, size_t n,
    const char *file, struct h5_buf *out)
{
	const char *slash = strrchr(in->command.data, '/');
	size_t i,
	    folder = slash != NULL ? (size_t)(slash - in->command.data) : 0;
	struct h5_buf b;
	char *real;

	h5_buf_init(&b, INIT_PATH);
	for (i = 0; i < n && out->len == 0; i++) {
		h5_buf_clear(&b);
		h5_buf_printf(&b, "%.*s%s/%s", (int)folder, in->command.data,
		    tails[i], file);
		if (access(b.data, R_OK) != 0)
			continue;
		b.data[b.len - strlen(file) - 1] = '\0';
		real = realpath(b.data, NULL);
		h5_buf_puts(out, real != NULL ? real : b.data);
		free(real);
	}
	h5_buf_release(&b);
}

static void
find_errors(const struct init *in, struct h5_buf *out)
{
	static const char *const tails[] = {
	    "/../share/h5pay/errors", "/errors"};

	look_for(in, tails, H5_LENGTH(tails), "500.html", out);
}

static enum h5_code
lines(const struct init *in, const struct web *w, struct h5_buf *out,
    struct h5_err *e)
{
	struct h5_buf errors;
	struct path paths[] = {{"/etc/h5pay/h5pay.conf", in->path.data},
	    {"/usr/lib/h5pay", in->bin.data},
	    {"/usr/share/h5pay/errors", NULL}};

	h5_buf_init(&errors, INIT_PATH);
	find_errors(in, &errors);
	paths[2].here = errors.len > 0 ? errors.data : paths[2].there;
	put_lines(command_file(w->file), paths, H5_LENGTH(paths), out);
	h5_buf_release(&errors);
	return h5_buf_finish(out, e);
}

/* --- where they go -------------------------------------------------------- */

/* A file of the web server's that somebody changed is left to that person. */
static enum h5_code
put(struct init *in, const struct web *w, const char *place,
    const struct h5_buf *text, struct h5_err *e)
{
	struct h5_file_as as = {(uid_t)-1, (gid_t)-1, 0644};
	struct h5_buf was;
	bool differs, there;
	enum h5_code rc;

	h5_buf_init(&was, 1 << 20);
	there = h5_file_read(AT_FDCWD, place, &was, NULL) == H5_OK;
	differs = there && strcmp(was.data, text->data) != 0;
	h5_buf_release(&was);
	if (differs)
		init_say(
		    in, stdout, "kept", "path", place, "web", w->word, NULL);
	if (there)
		return H5_OK;
	rc = h5_file_put(place, text->data, text->len, &as, e);
	if (rc == H5_OK)
		init_note(in, place);
	return rc;
}

/* The usual place where root may write there, else stdout. */
static enum h5_code
hand_over(struct init *in, const struct web *w, const struct h5_buf *text,
    struct h5_err *e)
{
	char folder[INIT_PATH];
	const char *place = in->web_file;

	if (place == NULL && in->root && w->place != NULL) {
		(void)snprintf(folder, sizeof folder, "%.*s",
		    (int)(strrchr(w->place, '/') - w->place), w->place);
		place = access(folder, W_OK) == 0 ? w->place : NULL;
	}
	if (place != NULL && strcmp(place, "-") != 0)
		return put(in, w, place, text, e);
	if (!in->json)
		(void)fputs(text->data, stdout);
	return H5_OK;
}

/* --- a shared host -------------------------------------------------------- */

static enum h5_code
copy(struct init *in, const char *from, const char *to, mode_t mode,
    struct h5_err *e)
{
	struct h5_file_as as = {in->root ? (uid_t)in->uid : (uid_t)-1,
	    in->root ? (gid_t)in->gid : (gid_t)-1, mode};
	struct h5_buf data;
	enum h5_code rc;

	h5_buf_init(&data, PROGRAM_MAX);
	rc = h5_file_read(AT_FDCWD, from, &data, e);
	if (rc == H5_OK)
		rc = h5_file_put(to, data.data, data.len, &as, e);
	if (rc == H5_OK)
		init_note(in, to);
	h5_buf_release(&data);
	return rc;
}

/* The server's own error pages. */
static enum h5_code
copy_errors(struct init *in, const char *public, struct h5_err *e)
{
	static const char *const pages[] = {"413", "500", "502", "503"};
	struct h5_file_as as = {in->root ? (uid_t)in->uid : (uid_t)-1,
	    in->root ? (gid_t)in->gid : (gid_t)-1, 0755};
	char from[PATH_MAX], to[PATH_MAX];
	struct h5_buf errors;
	enum h5_code rc = H5_OK;
	size_t i;

	h5_buf_init(&errors, INIT_PATH);
	find_errors(in, &errors);
	(void)snprintf(to, sizeof to, "%s/errors", public);
	if (errors.len > 0)
		rc = h5_file_put_folder(to, &as, e);
	for (i = 0; i < H5_LENGTH(pages) && errors.len > 0 && rc == H5_OK;
	     i++) {
		(void)snprintf(
		    from, sizeof from, "%s/%s.html", errors.data, pages[i]);
		(void)snprintf(
		    to, sizeof to, "%s/errors/%s.html", public, pages[i]);
		rc = copy(in, from, to, 0644, e);
	}
	h5_buf_release(&errors);
	return rc;
}

/* Programs, .htaccess and h5pay.path, which names the configuration. */
static enum h5_code
publish(struct init *in, const struct h5_buf *text, struct h5_err *e)
{
	static const char *const programs[] = {
	    "checkout", "return-page", "notify", "query", "doctor"};
	const char *public = in->answer[INIT_PUBLIC].data;
	struct h5_file_as as = {in->root ? (uid_t)in->uid : (uid_t)-1,
	    in->root ? (gid_t)in->gid : (gid_t)-1, 0755};
	char from[PATH_MAX], to[PATH_MAX];
	struct h5_buf line;
	enum h5_code rc;
	size_t i;

	rc = h5_file_put_folder(public, &as, e);
	as.mode = 0644;
	/* First what shuts the folder, then what it shuts in: a program that
	 * no rule covers yet would be sent as a file. */
	(void)snprintf(to, sizeof to, "%s/.htaccess", public);
	if (rc == H5_OK)
		rc = h5_file_put(to, text->data, text->len, &as, e);
	if (rc == H5_OK)
		init_note(in, to);
	(void)snprintf(to, sizeof to, "%s/h5pay.path", public);
	h5_buf_init(&line, INIT_PATH);
	h5_buf_printf(&line, "%s\n", in->path.data);
	if (rc == H5_OK)
		rc = h5_file_put(to, line.data, line.len, &as, e);
	h5_buf_release(&line);
	for (i = 0; i < H5_LENGTH(programs) && rc == H5_OK; i++) {
		(void)snprintf(
		    from, sizeof from, "%s/%s", in->bin.data, programs[i]);
		(void)snprintf(
		    to, sizeof to, "%s/%s.fcgi", public, programs[i]);
		/* A server that is another account may run it, and not
		 * send it. */
		rc = copy(in, from, to, 0711, e);
	}
	return rc == H5_OK ? copy_errors(in, public, e) : rc;
}

enum h5_code
init_web(struct init *in, struct h5_err *e)
{
	const struct web *w = find(in->answer[INIT_WEB].data);
	struct h5_buf text;
	enum h5_code rc;

	if (w == NULL || w->file == NULL)
		return H5_OK;
	h5_buf_init(&text, 1 << 20);
	rc = lines(in, w, &text, e);
	if (rc == H5_OK && in->answer[INIT_PUBLIC].len > 0)
		rc = publish(in, &text, e);
	else if (rc == H5_OK)
		rc = hand_over(in, w, &text, e);
	h5_buf_release(&text);
	return rc;
}

/* --- what is left --------------------------------------------------------- */

static void
next_sockets(const struct init *in)
{
	static const char *const tails[] = {
	    "/../share/h5pay/deploy/spawn-fcgi", "/../deploy/spawn-fcgi"};
	struct h5_buf spawn;

	if (access("/run/systemd/system", F_OK) == 0) {
		init_say(in, stdout, "next-sockets", NULL);
		return;
	}
	h5_buf_init(&spawn, INIT_PATH);
	look_for(in, tails, H5_LENGTH(tails), "h5pay-spawn", &spawn);
	h5_buf_puts(&spawn, spawn.len > 0 ? "/h5pay-spawn" : "h5pay-spawn");
	init_say(in, stdout, "next-spawn", "spawn", spawn.data, NULL);
	h5_buf_release(&spawn);
}

void
init_web_next(const struct init *in)
{
	const struct web *w = find(in->answer[INIT_WEB].data);
	bool systemd = access("/run/systemd/system", F_OK) == 0;
	struct h5_buf url, base, command;
	char name[40];

	h5_buf_init(&url, H5_CONFIG_URL);
	h5_buf_init(&base, H5_CONFIG_URL);
	(void)init_present(in, "site", "base_url", &base);
	h5_buf_printf(&url, "%s/checkout.fcgi", base.data);
	init_say(in, stdout, "next", NULL);
	if (w != NULL && w->sockets)
		next_sockets(in);
	if (w != NULL && w->file != NULL) {
		(void)snprintf(name, sizeof name, "next-%s", w->word);
		init_say(in, stdout, name, "file",
		    in->web_file != NULL ? in->web_file : w->place, "url",
		    url.data, NULL);
	}
	h5_buf_init(&command, 2 * INIT_PATH);
	h5_buf_puts(&command, in->command.data);
	if (in->cmd->config_path != NULL)
		h5_buf_printf(&command, " -c %s", in->path.data);
	if (w == NULL || !w->sockets || !systemd)
		init_say(in, stdout, "next-cron", "account", in->account,
		    "command", command.data, NULL);
	h5_buf_release(&command);
	h5_buf_release(&base);
	h5_buf_release(&url);
}
