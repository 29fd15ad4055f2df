/* Which other program of ours is started, and with what: the command that
 * delivers and sweeps, and a replacement that is tried out. */
#include "common/hooks/launch.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/length.h"
#include "common/system/process.h"

#define PATH_BYTES 4096
#define COMMAND "h5pay"

extern char **environ;

/* --- where h5pay is --- */

/* Appends the folder this program lies in, without a slash at its end. */
static bool
own_folder(struct h5_buf *out)
{
	char exe[PATH_BYTES];
	/* The program's real place, whatever link or name it was started by. */
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe);

	while (n > 0 && n < (ssize_t)sizeof exe && exe[n - 1] != '/')
		n--;
	/* A path that fills the array may have been cut off, so it is not
	 * used. */
	if (n <= 1 || n == (ssize_t)sizeof exe)
		return false;
	h5_buf_add(out, exe, (size_t)n - 1);
	return true;
}

static bool
runnable(const struct h5_buf *path)
{
	return path->bad == H5_OK && access(path->data, X_OK) == 0;
}

enum h5_code
h5_launch_find(const struct h5_config *c, struct h5_buf *out, struct h5_err *e)
{
	static const char *const beside[] = {"/" COMMAND, "/../" COMMAND};
	static const char *const installed[] = {
	    "/usr/bin/" COMMAND, "/usr/local/bin/" COMMAND};
	size_t i;

	/* If the operator named the command, no other is looked for: the wrong
	 * h5pay would be worse than none. */
	if (c->server.command != NULL) {
		h5_buf_clear(out);
		h5_buf_puts(out, c->server.command);
		if (runnable(out))
			return H5_OK;
		return h5_err_set(e, H5_E_NOTFOUND,
		    "server.command %s cannot be run", c->server.command);
	}
	/* Beside the program is where a build has it, above it where a folder
	 * cgi-bin lies below the command. */
	for (i = 0; i < 2; i++) {
		h5_buf_clear(out);
		if (!own_folder(out))
			break;
		h5_buf_puts(out, beside[i]);
		if (runnable(out))
			return H5_OK;
	}
	for (i = 0; i < 2; i++) {
		h5_buf_clear(out);
		h5_buf_puts(out, installed[i]);
		if (runnable(out))
			return H5_OK;
	}
	h5_buf_clear(out);
	return h5_err_set(e, H5_E_NOTFOUND,
	    "no " COMMAND " beside the program, above it or installed: set "
	    "server.command");
}

/* --- the environment --- */

/* Does the variable describe one request (plain CGI)?  A buyer's header or a
 * token in a query string must not reach the shop's hook. */
static bool
of_request(const char *var)
{
	static const char *const begin[] = {"HTTP_", "REDIRECT_", "SSL_",
	    "REMOTE_", "REQUEST_", "QUERY_", "CONTENT_", "CONTEXT_", "SCRIPT_",
	    "SERVER_", "PATH_", "GATEWAY_", "DOCUMENT_", "AUTH_",
	    "HTTPS=", "UNIQUE_ID="};
	size_t i;

	for (i = 0; i < H5_LENGTH(begin); i++)
		if (strncmp(var, begin[i], strlen(begin[i])) == 0)
			return true;
	return false;
}

/* free() the list, not its strings.  NULL: no memory. */
static char **
clean_environment(void)
{
	size_t n = 0, i, kept = 0;
	char **env;

	/* A program may run without any environment at all. */
	while (environ != NULL && environ[n] != NULL)
		n++;
	env = calloc(n + 1, sizeof *env);
	if (env == NULL)
		return NULL;
	/* Only a program started by plain CGI has a request in its environment.
	 * Under FastCGI the variables are the operator's. */
	for (i = 0; i < n; i++)
		if (getenv("GATEWAY_INTERFACE") == NULL ||
		    !of_request(environ[i]))
			env[kept++] = environ[i];
	return env;
}

/* --- a delivery --- */

/* "h5pay -c FILE sweep OPTION VALUE [FLAG]", with nothing of ours but the
 * words.  flag: NULL for none. */
static enum h5_code
start_sweep(const struct h5_config *c, const char *option, const char *value,
    const char *flag, struct h5_err *e)
{
	/* --order or --for is all that differs.  The path of the configuration
	 * goes along, so that the other program serves the same shop. */
	const char *words[] = {
	    NULL, "-c", c->path, "sweep", option, value, flag};
	char *argv[H5_LENGTH(words) + 1] = {NULL};
	char **env = clean_environment();
	struct h5_buf path;
	enum h5_code rc;
	size_t i;

	h5_buf_init(&path, PATH_BYTES);
	rc = env == NULL ? h5_err_nomem(e) : h5_launch_find(c, &path, e);
	words[0] = path.data;
	/* exec wants strings that it might write to, so the words are
	 * copied. */
	for (i = 0; rc == H5_OK && i < H5_LENGTH(words) &&
		    (i == 0 || words[i] != NULL);
	     i++) {
		argv[i] = strdup(words[i]);
		if (argv[i] == NULL)
			rc = h5_err_nomem(e);
	}
	if (rc == H5_OK)
		rc = h5_process_detach(argv[0], argv, env, e);
	for (i = 0; argv[i] != NULL; i++)
		free(argv[i]);
	h5_buf_release(&path);
	free(env);
	return rc;
}

void
h5_launch_deliver(const struct h5_config *c, const struct h5_log *log,
    const char *id, bool ask)
{
	struct h5_err e;

	/* The payment is safe and the sweep delivers it later.  The reply must
	 * not fail for this. */
	if (start_sweep(c, "--order", id, ask ? "--ask" : NULL, &e) != H5_OK)
		h5_log_event(log, H5_LOG_ERROR, "delivery-not-started", "order",
		    id, "why", e.msg, NULL);
}

void
h5_launch_sweep(const struct h5_config *c, const struct h5_log *log)
{
	struct h5_err e;

	/* Ten seconds at most: it is started beside requests, again and
	 * again. */
	if (start_sweep(c, "--for", "10", NULL, &e) != H5_OK)
		h5_log_event(
		    log, H5_LOG_ERROR, "sweep-not-started", "why", e.msg, NULL);
}

/* --- a trial --- */

static enum h5_code
verdict(const struct h5_process_end *end, struct h5_err *e)
{
	if (end->late)
		return h5_err_set(e, H5_E_BUSY, "it did not end in time");
	if (end->signal != 0)
		return h5_err_set(
		    e, H5_E_STATE, "signal %d ended it", end->signal);
	if (end->status != 0)
		return h5_err_set(e, H5_E_STATE, "it exited %d", end->status);
	return H5_OK;
}

enum h5_code
h5_launch_try(
    char *const argv[], int limit_ms, struct h5_buf *words, struct h5_err *e)
{
	const struct h5_process p = {
	    .path = argv[0], .argv = argv, .mute = true};
	struct h5_process_end end;
	enum h5_code rc = h5_process_run(&p, limit_ms, words, &end, e);

	return rc != H5_OK ? rc : verdict(&end, e);
}
