/* Where the configuration is, and whether the web server could hand it out. */
#include "common/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/system/file.h"

#define PATH_FILE "h5pay.path"
#define NEAR_HOME "h5pay/h5pay.conf"
#define SYSTEM "/etc/h5pay/h5pay.conf"
#define PASSWD_MAX (64 * 1024)

/* --- finding -------------------------------------------------------------- */

/* A path that somebody named has to be there.  Otherwise a typing error that
 * nobody notices would start the program with another configuration. */
static enum h5_code
named(const char *path, const char *by, struct h5_buf *out, struct h5_err *e)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return h5_err_sys(
		    e, H5_E_CONFIG, errno, "%.150s, named by %.60s", path, by);
	h5_buf_puts(out, path);
	return h5_buf_finish(out, e);
}

/* The folder of the running program, with a slash; the present folder if that
 * is not known. */
static void
program_folder(struct h5_buf *out)
{
	char path[PATH_MAX];
	ssize_t n;

	n = readlink("/proc/self/exe", path, sizeof(path));
	while (n > 0 && path[n - 1] != '/')
		n--;
	if (n > 0)
		h5_buf_add(out, path, (size_t)n);
	else
		h5_buf_puts(out, "./");
}

/* The path that the one line of h5pay.path (text) names. */
static enum h5_code
follow_path_file(const char *file, size_t folder, char *text,
    struct h5_buf *out, struct h5_err *e)
{
	char *s = text + h5_text_skip_bom(text, strlen(text));
	size_t n;
	struct h5_buf b;
	enum h5_code rc;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
		s[--n] = '\0';
	if (n == 0 || strchr(s, '\n') != NULL)
		return h5_err_set(e, H5_E_CONFIG,
		    "%.150s must contain one line, the path of the "
		    "configuration",
		    file);
	h5_buf_init(&b, PATH_MAX);
	if (s[0] != '/')
		h5_buf_add(&b, file, folder);
	h5_buf_puts(&b, s);
	rc = h5_buf_finish(&b, e);
	if (rc == H5_OK)
		rc = named(b.data, file, out, e);
	h5_buf_release(&b);
	return rc;
}

/* H5_E_NOTFOUND: no h5pay.path there. */
static enum h5_code
beside_program(struct h5_buf *out, struct h5_err *e)
{
	struct h5_buf file, text;
	enum h5_code rc;
	size_t folder;

	h5_buf_init(&file, PATH_MAX);
	h5_buf_init(&text, PATH_MAX);
	program_folder(&file);
	folder = file.len;
	h5_buf_puts(&file, PATH_FILE);
	rc = h5_buf_finish(&file, e);
	if (rc == H5_OK)
		rc = h5_file_read(AT_FDCWD, file.data, &text, e);
	if (rc == H5_OK)
		rc = follow_path_file(file.data, folder, text.data, out, e);
	else if (rc != H5_E_NOTFOUND && rc != H5_E_NOMEM)
		rc = h5_err_as(e, H5_E_CONFIG);
	h5_buf_release(&text);
	h5_buf_release(&file);
	return rc;
}

/* The account's home, from the password file: HOME can be set by the caller,
 * and suEXEC leaves it out. */
static void
home_path(struct h5_buf *out)
{
	struct passwd pw, *found = NULL;
	char *room = malloc(PASSWD_MAX);

	if (room != NULL &&
	    getpwuid_r(geteuid(), &pw, room, PASSWD_MAX, &found) == 0 &&
	    found != NULL && found->pw_dir != NULL && found->pw_dir[0] == '/') {
		h5_buf_puts(out, found->pw_dir);
		if (out->data[out->len - 1] != '/')
			h5_buf_putc(out, '/');
		h5_buf_puts(out, NEAR_HOME);
	}
	free(room);
}

static enum h5_code
usual_places(struct h5_buf *out, struct h5_err *e)
{
	struct h5_buf home;
	enum h5_code rc;
	struct stat st;

	h5_buf_init(&home, PATH_MAX);
	home_path(&home);
	if (home.bad == H5_OK && home.len > 0 && stat(home.data, &st) == 0)
		rc = named(home.data, "the home folder", out, e);
	else if (stat(SYSTEM, &st) == 0)
		rc = named(SYSTEM, "the system", out, e);
	else
		rc = h5_err_set(e, H5_E_CONFIG,
		    "no configuration: no -c, no H5PAY_CONF, no " PATH_FILE
		    " beside the program, no %.90s, no " SYSTEM,
		    home.len > 0 ? home.data : "home");
	h5_buf_release(&home);
	return rc;
}

enum h5_code
h5_config_find(const char *option, const char *request_param,
    struct h5_buf *out, struct h5_err *e)
{
	const char *start = getenv("H5PAY_CONF");
	struct h5_err ours;
	enum h5_code rc;

	if (e == NULL)
		e = &ours;
	h5_err_clear(e);
	h5_buf_clear(out);
	if (option != NULL)
		rc = named(option, "-c", out, e);
	else if (start != NULL && start[0] != '\0')
		rc = named(start, "H5PAY_CONF in the environment", out, e);
	else if (request_param != NULL && request_param[0] != '\0')
		rc = named(
		    request_param, "H5PAY_CONF of the web server", out, e);
	else
		rc = beside_program(out, e);
	if (rc == H5_E_NOTFOUND)
		rc = usual_places(out, e);
	if (rc != H5_OK)
		h5_buf_clear(out);
	return rc;
}

/* --- outside the web server's reach --------------------------------------- */

const char *
h5_config_log_path(const struct h5_config *c)
{
	if (c->log.file != NULL && strcmp(c->log.file, H5_LOG_SYSLOG) == 0)
		return NULL;
	return c->log.file;
}

enum h5_code
h5_config_outside(
    const struct h5_config *c, const char *document_root, struct h5_err *e)
{
	const char *fixed[] = {c->path, c->store.dir, h5_config_log_path(c)};
	const char *path, *bad = NULL;
	size_t i;

	for (i = 0; i < c->n_files + 3 && bad == NULL; i++) {
		path = i < 3 ? fixed[i] : c->files[i - 3];
		if (h5_file_below(path, document_root))
			bad = path;
	}
	if (bad == NULL)
		return H5_OK;
	return h5_err_set(e, H5_E_CONFIG,
	    "%.110s is below the document root %.70s: move it out", bad,
	    document_root);
}
