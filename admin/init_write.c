/* What "h5pay init" writes: folders, secrets, the catalogue and the
 * configuration, each with the owner and mode that its readers need. */
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
#include "common/format/base64.h"
#include "common/format/ini_edit.h"
#include "common/format/json.h"
#include "common/system/crypto.h"
#include "common/system/file.h"

#define SYSTEM_DIR "/etc/h5pay"
#define SECRET_BYTES 32
#define TWIN 48 /* a key's name with _file, and NUL */

void
init_note(struct init *in, const char *path)
{
	if (in->written.len > 0)
		h5_buf_putc(&in->written, ',');
	h5_json_string(path, &in->written);
	init_say(in, stdout, "written", "path", path, NULL);
}

/* --- keys to be set ------------------------------------------------------- */

enum h5_code
init_set_key(struct init *in, const char *section, const char *key,
    const char *value, struct h5_err *e)
{
	struct init_set *s = &in->set[in->n_set];

	if (in->n_set == INIT_SETS)
		return h5_err_set(e, H5_E_INPUT, "too many keys at once");
	(void)snprintf(s->section, sizeof s->section, "%s", section);
	(void)snprintf(s->key, sizeof s->key, "%s", key);
	s->value = strdup(value);
	if (s->value == NULL)
		return h5_err_nomem(e);
	in->n_set++;
	return H5_OK;
}

static bool
web_is(const struct init *in, const char *word)
{
	return strcmp(in->answer[INIT_WEB].data, word) == 0;
}

/* What a new configuration says beside the answers. */
static enum h5_code
set_layout(struct init *in, struct h5_err *e)
{
	bool system = strcmp(in->dir.data, SYSTEM_DIR) == 0,
	     shared = web_is(in, "htaccess"), served = !web_is(in, "none");
	const struct {
		bool wanted;
		const char *section, *key, *value;
	} rows[] = {
	    {true, "site", "link_key_file", "secrets/link_key"},
	    {shared, "site", "program_suffix", ".fcgi"},
	    {true, "store", "dir", system ? "/var/lib/h5pay" : "orders"},
	    {true, "catalogue", "file", "catalogue.ini"},
	    {true, "log", "file",
		system ? "/var/log/h5pay/h5pay.log" : "log/h5pay.log"},
	    {strcmp(in->command.data, "/usr/bin/h5pay") != 0 &&
		    strcmp(in->command.data, "/usr/local/bin/h5pay") != 0,
		"server", "command", in->command.data},
	    {shared, "server", "threads", "1"},
	    {served && !shared, "server", "processes", "2"},
	};
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; i < H5_LENGTH(rows) && rc == H5_OK; i++)
		if (rows[i].wanted)
			rc = init_set_key(
			    in, rows[i].section, rows[i].key, rows[i].value, e);
	return rc;
}

static enum h5_code
set_answers(struct init *in, struct h5_err *e)
{
	const struct {
		enum init_answer which;
		const char *section, *key;
	} rows[] = {{INIT_APPID, "merchant", "appid"},
	    {INIT_MCH_ID, "merchant", "mch_id"},
	    {INIT_BASE_URL, "site", "base_url"}, {INIT_NAME, "site", "name"},
	    {INIT_CONTACT, "site", "contact"},
	    {INIT_PRODUCTS, "merchant", "products"}};
	enum h5_code rc = H5_OK;
	struct h5_buf b;
	size_t i;

	for (i = 0; i < H5_LENGTH(rows) && rc == H5_OK; i++)
		if (in->given[rows[i].which])
			rc = init_set_key(in, rows[i].section, rows[i].key,
			    in->answer[rows[i].which].data, e);
	/* The key goes into a file, wherever it stood. */
	h5_buf_init(&b, INIT_PATH);
	if (rc == H5_OK && in->given[INIT_API_KEY] &&
	    !init_present(in, "merchant", "api_key_file", &b))
		rc = init_set_key(
		    in, "merchant", "api_key_file", "secrets/api_key", e);
	h5_buf_clear(&b);
	if (rc == H5_OK && in->given[INIT_APP_SECRET] &&
	    !init_present(in, "merchant", "app_secret_file", &b))
		rc = init_set_key(
		    in, "merchant", "app_secret_file", "secrets/app_secret", e);
	h5_buf_release(&b);
	if (rc == H5_OK && in->webhook_url != NULL)
		rc = init_set_key(
		    in, "hooks", "webhook_url", in->webhook_url, e);
	if (rc == H5_OK && in->webhook_url != NULL)
		rc = init_set_key(in, "hooks", "webhook_secret_file",
		    "secrets/webhook_secret", e);
	return rc == H5_OK && in->fresh ? set_layout(in, e) : rc;
}

/* A secret and the file it may stand in have one destination. */
static void
twin(const char *key, char out[TWIN])
{
	size_t n = strlen(key);

	if (n > 5 && strcmp(key + n - 5, "_file") == 0)
		(void)snprintf(out, TWIN, "%.*s", (int)n - 5, key);
	else
		(void)snprintf(out, TWIN, "%s_file", key);
}

static enum h5_code
edit(struct init *in, struct h5_err *e)
{
	struct h5_ini_set set;
	enum h5_code rc = H5_OK;
	struct h5_buf next;
	char other[TWIN];
	size_t i;

	for (i = 0; i < in->n_set && rc == H5_OK; i++) {
		twin(in->set[i].key, other);
		set = (struct h5_ini_set){in->set[i].section, in->set[i].key,
		    in->set[i].value, other};
		h5_buf_init(&next, in->text.max);
		rc = h5_ini_edit(in->text.data, &set, &next, e);
		if (rc == H5_OK) {
			h5_buf_wipe(&in->text);
			in->text = next;
		} else {
			h5_buf_wipe(&next);
		}
	}
	return rc;
}

/* --- outside the web server's reach --------------------------------------- */

/* Why a folder looks like one that visitors see; NULL: it does not. */
static const char *
shown(const char *folder)
{
	static const char *const names[] = {"public_html", "htdocs", "httpdocs",
	    "wwwroot", "webroot", "docroot", "html"};
	static const char *const marks[] = {
	    "index.html", "index.htm", "index.php", ".htaccess"};
	const char *name = strrchr(folder, '/');
	char path[PATH_MAX + 16];
	size_t i;

	for (i = 0; name != NULL && i < H5_LENGTH(names); i++)
		if (strcmp(name + 1, names[i]) == 0)
			return names[i];
	for (i = 0; i < H5_LENGTH(marks); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, marks[i]);
		if (access(path, F_OK) == 0)
			return marks[i];
	}
	return NULL;
}

enum h5_code
init_outside(const struct init *in, const char *path, struct h5_err *e)
{
	char at[PATH_MAX], real[PATH_MAX];
	const char *why = NULL;
	struct h5_buf b;
	char *slash;

	if (h5_file_below(path, in->answer[INIT_PUBLIC].data))
		why = in->answer[INIT_PUBLIC].data;
	(void)snprintf(at, sizeof at, "%s", path);
	/* From there up, each folder under its real name. */
	while (why == NULL && at[0] == '/' && at[1] != '\0') {
		if (realpath(at, real) == NULL)
			(void)snprintf(real, sizeof real, "%s", at);
		else
			(void)snprintf(at, sizeof at, "%s", real);
		why = shown(real);
		slash = strrchr(at, '/');
		*(slash == at ? slash + 1 : slash) = '\0';
	}
	if (why == NULL)
		return H5_OK;
	h5_buf_init(&b, 2048);
	init_words(in, "below", &b, "path", path, "why", why, NULL);
	(void)h5_err_set(e, H5_E_CONFIG, "%s", b.data);
	h5_buf_release(&b);
	return H5_E_CONFIG;
}

/* --- folders and secrets -------------------------------------------------- */

/* Root's files are read by the account's group; one's own by oneself. */
static struct h5_file_as
readable(const struct init *in, mode_t root_mode, mode_t own_mode)
{
	return (struct h5_file_as){(uid_t)-1,
	    in->root ? (gid_t)in->gid : (gid_t)-1,
	    in->root ? root_mode : own_mode};
}

/* What the programs write into is theirs. */
static struct h5_file_as
writable(const struct init *in, mode_t mode)
{
	return (struct h5_file_as){in->root ? (uid_t)in->uid : (uid_t)-1,
	    in->root ? (gid_t)in->gid : (gid_t)-1, mode};
}

/* The path that a key of the new configuration names; "" if it is not there. */
static void
named(const struct init *in, const char *section, const char *key,
    struct h5_buf *out)
{
	struct h5_buf b;

	h5_buf_clear(out);
	h5_buf_init(&b, INIT_PATH);
	if (init_present(in, section, key, &b)) {
		if (b.data[0] != '/')
			h5_buf_printf(out, "%s/", in->dir.data);
		h5_buf_puts(out, b.data);
	}
	h5_buf_release(&b);
}

/* Makes the folder that a file lies in, unless it is there. */
static enum h5_code
folder_of(const char *path, struct h5_file_as as, struct h5_err *e)
{
	char folder[PATH_MAX], *slash;

	(void)snprintf(folder, sizeof folder, "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return H5_OK;
	*slash = '\0';
	return h5_file_put_folder(folder, &as, e);
}

/* A secret is made once, and never changed here. */
static enum h5_code
make_secret(struct init *in, const char *path, bool webhook, struct h5_err *e)
{
	struct h5_file_as as = readable(in, 0640, 0600);
	unsigned char raw[SECRET_BYTES];
	char hex[2 * SECRET_BYTES + 1];
	struct h5_buf text;
	enum h5_code rc;

	if (path[0] == '\0' || access(path, F_OK) == 0)
		return H5_OK;
	rc = folder_of(path, readable(in, 0750, 0700), e);
	if (rc == H5_OK)
		rc = h5_crypto_random(raw, sizeof raw, e);
	if (rc != H5_OK)
		return rc;
	h5_buf_init(&text, 256);
	h5_text_hex(raw, sizeof raw, hex);
	if (webhook) {
		h5_buf_puts(&text, "whsec_");
		h5_base64_write(raw, sizeof raw, &text);
	} else {
		h5_buf_puts(&text, hex);
	}
	h5_buf_putc(&text, '\n');
	rc = h5_buf_finish(&text, e);
	if (rc == H5_OK)
		rc = h5_file_put(path, text.data, text.len, &as, e);
	if (rc == H5_OK)
		init_note(in, path);
	h5_buf_wipe(&text);
	explicit_bzero(raw, sizeof raw);
	explicit_bzero(hex, sizeof hex);
	return rc;
}

static enum h5_code
write_key(
    struct init *in, enum init_answer which, const char *key, struct h5_err *e)
{
	struct h5_file_as as = readable(in, 0640, 0600);
	struct h5_buf path, text;
	enum h5_code rc;

	if (!in->given[which])
		return H5_OK;
	h5_buf_init(&path, INIT_PATH);
	h5_buf_init(&text, 256);
	named(in, "merchant", key, &path);
	rc = init_outside(in, path.data, e);
	if (rc == H5_OK)
		rc = folder_of(path.data, readable(in, 0750, 0700), e);
	h5_buf_printf(&text, "%s\n", in->answer[which].data);
	if (rc == H5_OK)
		rc = h5_file_put(path.data, text.data, text.len, &as, e);
	if (rc == H5_OK)
		init_note(in, path.data);
	h5_buf_wipe(&text);
	h5_buf_release(&path);
	return rc;
}

static enum h5_code
write_secrets(struct init *in, struct h5_err *e)
{
	static const struct {
		const char *section, *key;
		bool webhook;
	} rows[] = {{"site", "secret_file", false},
	    {"site", "link_key_file", false},
	    {"hooks", "webhook_secret_file", true}};
	struct h5_buf path;
	enum h5_code rc;
	size_t i;

	h5_buf_init(&path, INIT_PATH);
	rc = write_key(in, INIT_API_KEY, "api_key_file", e);
	if (rc == H5_OK)
		rc = write_key(in, INIT_APP_SECRET, "app_secret_file", e);
	for (i = 0; i < H5_LENGTH(rows) && rc == H5_OK; i++) {
		named(in, rows[i].section, rows[i].key, &path);
		rc = make_secret(in, path.data, rows[i].webhook, e);
	}
	/* Ready for the day on which the shop takes events. */
	if (rc == H5_OK && in->fresh) {
		h5_buf_clear(&path);
		h5_buf_printf(&path, "%s/secrets/webhook_secret", in->dir.data);
		rc = make_secret(in, path.data, true, e);
	}
	h5_buf_release(&path);
	return rc;
}

static enum h5_code
write_places(struct init *in, struct h5_err *e)
{
	const char *example = command_file("catalogue.ini.example");
	struct h5_file_as own = writable(in, 0700),
			  as = readable(in, 0640, 0600);
	struct h5_buf path;
	enum h5_code rc;

	h5_buf_init(&path, INIT_PATH);
	named(in, "store", "dir", &path);
	rc = init_outside(in, path.data, e);
	if (rc == H5_OK)
		rc = h5_file_put_folder(path.data, &own, e);
	named(in, "log", "file", &path);
	if (rc == H5_OK && path.data[0] == '/')
		rc = folder_of(path.data, writable(in, 0750), e);
	named(in, "catalogue", "file", &path);
	if (rc == H5_OK && in->fresh && path.len > 0 &&
	    access(path.data, F_OK) != 0) {
		rc = h5_file_put(path.data, example, strlen(example), &as, e);
		if (rc == H5_OK)
			init_note(in, path.data);
	}
	h5_buf_release(&path);
	return rc;
}

/* --- the configuration ---------------------------------------------------- */

/* Tries the new text out under another name.  Its faults are told with the
 * name that it would have had. */
static enum h5_code
try_out(const struct init *in, const char *name, struct h5_err *e)
{
	gid_t ours = getegid();
	struct h5_config *c = NULL;
	struct h5_buf faults;
	enum h5_code rc;
	char *line, *end;

	h5_buf_init(&faults, 65536);
	/* By the rule for the programs' group, as they will read it. */
	if (in->root && setegid((gid_t)in->gid) != 0)
		return h5_err_sys(e, H5_E_CONFIG, errno, "setegid");
	rc = h5_config_load(name, &faults, &c, e);
	if (in->root && setegid(ours) != 0 && rc == H5_OK)
		rc = h5_err_sys(e, H5_E_CONFIG, errno, "setegid");
	for (line = faults.data; (end = strchr(line, '\n')) != NULL;
	     line = end + 1)
		if (strncmp(line, name, strlen(name)) == 0)
			(void)fprintf(stderr, "%s%.*s\n", in->path.data,
			    (int)(end - line) - (int)strlen(name),
			    line + strlen(name));
	if (rc == H5_E_CONFIG)
		(void)h5_err_set(e, rc, "%s was left as it is", in->path.data);
	h5_config_free(c);
	h5_buf_release(&faults);
	return rc;
}

static enum h5_code
write_conf(struct init *in, struct h5_err *e)
{
	struct h5_file_as as = readable(in, 0640, 0600);
	struct h5_buf name;
	struct stat st;
	enum h5_code rc;

	if (!in->fresh && stat(in->path.data, &st) == 0)
		as = (struct h5_file_as){
		    st.st_uid, st.st_gid, st.st_mode & 07777};
	h5_buf_init(&name, INIT_PATH);
	h5_buf_printf(&name, "%s.new", in->path.data);
	rc = h5_file_put(name.data, in->text.data, in->text.len, &as, e);
	if (rc == H5_OK) {
		rc = try_out(in, name.data, e);
		if (rc == H5_OK)
			rc = h5_file_put(
			    in->path.data, in->text.data, in->text.len, &as, e);
		(void)!h5_file_remove(AT_FDCWD, name.data, NULL);
	}
	if (rc == H5_OK)
		init_note(in, in->path.data);
	h5_buf_release(&name);
	return rc;
}

enum h5_code
init_write(struct init *in, struct h5_err *e)
{
	struct h5_file_as as = readable(in, 0750, 0700);
	char *was = strdup(in->text.data);
	bool same;
	enum h5_code rc;

	if (was == NULL)
		return h5_err_nomem(e);
	rc = init_outside(in, in->dir.data, e);
	if (rc == H5_OK)
		rc = set_answers(in, e);
	if (rc == H5_OK)
		rc = edit(in, e);
	if (rc == H5_OK)
		rc = h5_file_put_folder(in->dir.data, &as, e);
	if (rc == H5_OK)
		rc = write_secrets(in, e);
	if (rc == H5_OK)
		rc = write_places(in, e);
	same = !in->fresh && strcmp(was, in->text.data) == 0;
	if (rc == H5_OK && same)
		init_say(in, stdout, "unchanged", "path", in->path.data, NULL);
	else if (rc == H5_OK)
		rc = write_conf(in, e);
	explicit_bzero(was, strlen(was));
	free(was);
	return rc;
}
