/* What each kind of value may be, and what it becomes in the configuration. */
#include "common/config/value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/format/base64.h"
#include "common/system/file.h"
#include "common/format/ini.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/order/order.h"

#define DIGITS "0123456789"
#define ALNUM DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define WHSEC "whsec_"

void *
h5_config_value_field(const struct h5_config_in *in)
{
	return (char *)in->c + in->key->at;
}

enum h5_code
h5_config_value_dup(const char *s, char **out, struct h5_err *e)
{
	free(*out);
	*out = strdup(s);
	return *out == NULL ? h5_err_nomem(e) : H5_OK;
}

enum h5_code
h5_config_value_buf(struct h5_buf *b, char **out, struct h5_err *e)
{
	enum h5_code rc;

	rc = h5_buf_finish(b, e);
	if (rc == H5_E_INPUT)
		rc = h5_err_set(e, H5_E_CONFIG, "too long");
	if (rc == H5_OK) {
		free(*out);
		*out = h5_buf_take(b);
		if (*out == NULL)
			rc = h5_err_nomem(e);
	}
	h5_buf_release(b);
	return rc;
}

enum h5_code
h5_config_value_fault(enum h5_code rc, struct h5_err *e)
{
	if (rc != H5_OK && rc != H5_E_NOMEM)
		rc = h5_err_as(e, H5_E_CONFIG);
	return rc;
}

/* --- words and numbers ---------------------------------------------------- */

static enum h5_code
read_text(struct h5_config_in *in, char *value, struct h5_err *e)
{
	size_t n = strlen(value);

	if (n == 0)
		return H5_OK; /* as if the key were not there */
	if (!h5_text_printable(value))
		return h5_err_set(e, H5_E_CONFIG, "a control character");
	if (n > in->key->max)
		return h5_err_set(e, H5_E_CONFIG,
		    "has %zu bytes, at most %llu are allowed (a Chinese "
		    "character has 3)",
		    n, (unsigned long long)in->key->max);
	return h5_config_value_dup(value, h5_config_value_field(in), e);
}

static enum h5_code
read_appid(struct h5_config_in *in, char *value, struct h5_err *e)
{
	size_t n = strlen(value);

	if (strncmp(value, "wx", 2) != 0 || n < in->key->min ||
	    n > in->key->max || strspn(value, ALNUM) != n)
		return h5_err_set(e, H5_E_CONFIG,
		    "must begin with wx, followed by letters and digits "
		    "(usually 16)");
	return h5_config_value_dup(value, h5_config_value_field(in), e);
}

static enum h5_code
read_digits(struct h5_config_in *in, char *value, struct h5_err *e)
{
	size_t n = strlen(value);

	if (n < in->key->min || n > in->key->max || strspn(value, DIGITS) != n)
		return h5_err_set(e, H5_E_CONFIG,
		    "must be %llu to %llu digits and nothing else (usually 10)",
		    (unsigned long long)in->key->min,
		    (unsigned long long)in->key->max);
	return h5_config_value_dup(value, h5_config_value_field(in), e);
}

static enum h5_code
read_suffix(struct h5_config_in *in, char *value, struct h5_err *e)
{
	size_t n = strlen(value);

	if (n > in->key->max || strspn(value, ALNUM "._-") != n)
		return h5_err_set(e, H5_E_CONFIG,
		    "must be at most %llu letters, digits, dots, - or _, like "
		    ".fcgi",
		    (unsigned long long)in->key->max);
	return h5_config_value_dup(value, h5_config_value_field(in), e);
}

static enum h5_code
read_number(struct h5_config_in *in, char *value, struct h5_err *e)
{
	uint64_t n;

	if (h5_text_u64(value, in->key->min, in->key->max, &n, NULL) != H5_OK)
		return h5_err_set(e, H5_E_CONFIG,
		    "must be a whole number from %llu to %llu",
		    (unsigned long long)in->key->min,
		    (unsigned long long)in->key->max);
	*(int *)h5_config_value_field(in) = (int)n;
	return H5_OK;
}

/* --- files ---------------------------------------------------------------- */

/* Makes value an absolute path; a relative one starts at the configuration. */
static enum h5_code
resolve(const struct h5_config_in *in, const char *value, char **out,
    struct h5_err *e)
{
	struct h5_buf b;

	h5_buf_init(&b, H5_INI_VALUE);
	if (value[0] != '/') {
		h5_buf_puts(&b, in->dir);
		h5_buf_putc(&b, '/');
	}
	h5_buf_puts(&b, value);
	return h5_config_value_buf(&b, out, e);
}

/* Remembers a file that belongs to the configuration. */
static enum h5_code
note_file(struct h5_config *c, const char *path, struct h5_err *e)
{
	char **list;

	list = reallocarray(c->files, c->n_files + 1, sizeof(*list));
	if (list == NULL)
		return h5_err_nomem(e);
	c->files = list;
	list[c->n_files] = strdup(path);
	if (list[c->n_files] == NULL)
		return h5_err_nomem(e);
	c->n_files++;
	return H5_OK;
}

/* errno says why a file cannot be read; who may not is this account. */
static enum h5_code
unreadable(const char *path, const struct stat *st, struct h5_err *e)
{
	int why = errno;

	if (why == EACCES && st->st_uid != geteuid())
		return h5_err_set(e, H5_E_CONFIG,
		    "%s cannot be read by user %u: chown %u %s", path,
		    (unsigned)geteuid(), (unsigned)geteuid(), path);
	return h5_err_sys(e, H5_E_CONFIG, why, "%s cannot be read", path);
}

/* Resolves value and asks for mode (R_OK, X_OK) on a regular file. */
static enum h5_code
existing(const struct h5_config_in *in, const char *value, int mode, char **out,
    struct stat *st, struct h5_err *e)
{
	char *path = NULL;
	enum h5_code rc;

	rc = resolve(in, value, &path, e);
	if (rc != H5_OK)
		return rc;
	if (stat(path, st) != 0)
		rc = h5_err_sys(e, H5_E_CONFIG, errno, "%s", path);
	else if (!S_ISREG(st->st_mode))
		rc = h5_err_set(e, H5_E_CONFIG, "%s is not a file", path);
	else if (faccessat(AT_FDCWD, path, mode, AT_EACCESS) != 0)
		rc = mode == X_OK ? h5_err_sys(e, H5_E_CONFIG, errno,
					"%s cannot be run", path)
				  : unreadable(path, st, e);
	if (rc == H5_OK) {
		free(*out);
		*out = path;
	} else {
		free(path);
	}
	return rc;
}

static enum h5_code
read_path(struct h5_config_in *in, char *value, struct h5_err *e)
{
	return resolve(in, value, h5_config_value_field(in), e);
}

/* A path, or the word for the system's log. */
static enum h5_code
read_log(struct h5_config_in *in, char *value, struct h5_err *e)
{
	if (strcmp(value, H5_LOG_SYSLOG) == 0)
		return h5_config_value_dup(value, h5_config_value_field(in), e);
	return read_path(in, value, e);
}

static enum h5_code
read_file(struct h5_config_in *in, char *value, struct h5_err *e)
{
	char **path = h5_config_value_field(in);
	enum h5_code rc;
	struct stat st;

	rc = existing(in, value, R_OK, path, &st, e);
	return rc == H5_OK ? note_file(in->c, *path, e) : rc;
}

static enum h5_code
read_key_file(struct h5_config_in *in, char *value, struct h5_err *e)
{
	char **path = h5_config_value_field(in);
	enum h5_code rc;
	struct stat st;

	rc = existing(in, value, R_OK, path, &st, e);
	if (rc == H5_OK)
		rc = h5_config_value_fault(
		    h5_file_secret_mode(*path, &st, e), e);
	return rc == H5_OK ? note_file(in->c, *path, e) : rc;
}

/* The system reads the first line of a script.  If an editor of another system
 * left something in it, all that anybody hears is "No such file". */
static enum h5_code
check_script(const char *path, struct h5_err *e)
{
	char line[256], *p = line, *end;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	size_t bom;

	if (fd >= 0)
		(void)close(fd);
	if (n < 2)
		return H5_OK;
	line[n] = '\0';
	bom = h5_text_skip_bom(line, (size_t)n);
	if (strncmp(line + bom, "#!", 2) != 0)
		return H5_OK;
	if (bom > 0)
		return h5_err_set(e, H5_E_CONFIG,
		    "%s begins with a byte order mark, so that it cannot be "
		    "run: save it as UTF-8 without BOM",
		    path);
	line[strcspn(line, "\n")] = '\0';
	if (strchr(line, '\r') != NULL)
		return h5_err_set(e, H5_E_CONFIG,
		    "%s has DOS line ends, so that it cannot be run: "
		    "sed -i 's/\\r$//' %s",
		    path, path);
	p += 2 + strspn(p + 2, " \t");
	end = p + strcspn(p, " \t");
	*end = '\0';
	if (p[0] == '/' && access(p, X_OK) != 0)
		return h5_err_sys(
		    e, H5_E_CONFIG, errno, "%s is to be run by %s", path, p);
	return H5_OK;
}

static enum h5_code
read_program(struct h5_config_in *in, char *value, struct h5_err *e)
{
	char **path = h5_config_value_field(in);
	struct stat st;
	enum h5_code rc;

	rc = existing(in, value, X_OK, path, &st, e);
	if (rc == H5_OK)
		rc = check_script(*path, e);
	if (rc != H5_OK) {
		free(*path);
		*path = NULL;
	}
	return rc;
}

/* --- secrets -------------------------------------------------------------- */

static enum h5_code
set_secret(struct h5_config_in *in, const char *p, size_t n, struct h5_err *e)
{
	unsigned long long min = in->key->min, max = in->key->max;

	if (n < min || n > max) {
		if (min == max)
			return h5_err_set(e, H5_E_CONFIG,
			    "has %zu bytes, must have exactly %llu", n, min);
		return h5_err_set(e, H5_E_CONFIG,
		    "has %zu bytes, must have %llu to %llu; openssl rand -hex "
		    "32 makes a good one",
		    n, min, max);
	}
	return h5_config_value_fault(
	    h5_crypto_key_new(p, n, h5_config_value_field(in), e), e);
}

static enum h5_code
set_webhook(struct h5_config_in *in, const char *p, size_t n, struct h5_err *e)
{
	static const char rule[] =
	    "must be whsec_ followed by base64 of 16 to 64 random bytes";
	struct h5_buf raw;
	enum h5_code rc;

	if (n < strlen(WHSEC) || strncmp(p, WHSEC, strlen(WHSEC)) != 0)
		return h5_err_set(e, H5_E_CONFIG, "%s", rule);
	h5_buf_init(&raw, in->key->max);
	rc = h5_base64_read(p + strlen(WHSEC), &raw, NULL);
	if (rc == H5_E_NOMEM)
		rc = h5_err_nomem(e);
	else if (rc != H5_OK || raw.len < in->key->min)
		rc = h5_err_set(e, H5_E_CONFIG, "%s", rule);
	else
		rc = h5_config_value_fault(h5_crypto_key_new(raw.data, raw.len,
					       h5_config_value_field(in), e),
		    e);
	h5_buf_wipe(&raw);
	return rc;
}

static enum h5_code
read_secret(struct h5_config_in *in, char *value, struct h5_err *e)
{
	in->secret = true;
	return set_secret(in, value, strlen(value), e);
}

static enum h5_code
read_webhook(struct h5_config_in *in, char *value, struct h5_err *e)
{
	in->secret = true;
	return set_webhook(in, value, strlen(value), e);
}

/* UTF-16, which Notepad calls Unicode. */
static bool
is_utf16(const char *p, size_t n)
{
	return n >= 2 &&
	       (memcmp(p, "\xff\xfe", 2) == 0 || memcmp(p, "\xfe\xff", 2) == 0);
}

/* Takes a secret from the file that value names.  One line end at its end
 * belongs to the editor and not to the secret. */
static enum h5_code
from_file(struct h5_config_in *in, const char *value,
    enum h5_code (*set)(
	struct h5_config_in *in, const char *p, size_t n, struct h5_err *e),
    struct h5_err *e)
{
	char *path = NULL, *real = NULL;
	struct h5_buf b;
	enum h5_code rc;
	struct stat st;
	size_t skip;

	h5_buf_init(&b, H5_INI_VALUE + 5);
	rc = existing(in, value, R_OK, &path, &st, e);
	if (rc != H5_OK)
		goto out;
	/* The file layer follows no link, an operator may. */
	real = realpath(path, NULL);
	if (real == NULL) {
		rc = h5_err_sys(e, H5_E_CONFIG, errno, "%s", path);
		goto out;
	}
	rc = h5_config_value_fault(h5_file_read_secret(real, &b, e), e);
	if (rc != H5_OK)
		goto out;
	if (b.len > 0 && b.data[b.len - 1] == '\n')
		b.data[--b.len] = '\0';
	if (b.len > 0 && b.data[b.len - 1] == '\r')
		b.data[--b.len] = '\0';
	/* A byte order mark before it belongs to the editor as well. */
	skip = h5_text_skip_bom(b.data, b.len);
	if (is_utf16(b.data, b.len))
		rc = h5_err_set(e, H5_E_CONFIG,
		    "%s is saved as UTF-16: save it as UTF-8 or ANSI", path);
	else if (strlen(b.data) != b.len || strchr(b.data, '\n') != NULL)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "%s must contain only the secret, on one line", path);
	if (rc == H5_OK)
		rc = set(in, b.data + skip, b.len - skip, e);
	if (rc == H5_OK)
		rc = note_file(in->c, path, e);
out:
	h5_buf_wipe(&b);
	free(real);
	free(path);
	return rc;
}

static enum h5_code
read_secret_file(struct h5_config_in *in, char *value, struct h5_err *e)
{
	return from_file(in, value, set_secret, e);
}

static enum h5_code
read_webhook_file(struct h5_config_in *in, char *value, struct h5_err *e)
{
	return from_file(in, value, set_webhook, e);
}

/* libpq takes a password as text. */
static enum h5_code
set_password(struct h5_config_in *in, const char *p, size_t n, struct h5_err *e)
{
	struct h5_buf b;

	if (n < in->key->min || n > in->key->max)
		return h5_err_set(e, H5_E_CONFIG,
		    "has %zu bytes, must have 1 to %llu", n,
		    (unsigned long long)in->key->max);
	h5_buf_init(&b, in->key->max);
	h5_buf_add(&b, p, n);
	return h5_config_value_buf(&b, h5_config_value_field(in), e);
}

static enum h5_code
read_password_file(struct h5_config_in *in, char *value, struct h5_err *e)
{
	return from_file(in, value, set_password, e);
}

/* Where it is kept since when a key is the one before. */
static int64_t *
since(const struct h5_config_in *in)
{
	const void *field = h5_config_value_field(in);
	struct h5_config *c = in->c;

	if (field == &c->merchant.api_key_previous)
		return &c->merchant.api_key_previous_at;
	if (field == &c->merchant.apiv3_key_previous)
		return &c->merchant.apiv3_key_previous_at;
	return &c->merchant.public_key_previous_at;
}

/* When the file that holds the key was last written.  Nothing else tells how
 * long the key has been the one before. */
static enum h5_code
note_age(struct h5_config_in *in, const char *path, struct h5_err *e)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return h5_err_sys(e, H5_E_CONFIG, errno, "%s", path);
	*since(in) = st.st_mtime;
	return H5_OK;
}

/* The key was read from a file of its own, the last one that was noted. */
static enum h5_code
note_age_of_file(struct h5_config_in *in, struct h5_err *e)
{
	return note_age(in, in->c->files[in->c->n_files - 1], e);
}

static enum h5_code
read_previous(struct h5_config_in *in, char *value, struct h5_err *e)
{
	enum h5_code rc = read_secret(in, value, e);

	return rc == H5_OK ? note_age(in, in->c->path, e) : rc;
}

static enum h5_code
read_previous_file(struct h5_config_in *in, char *value, struct h5_err *e)
{
	enum h5_code rc = read_secret_file(in, value, e);

	return rc == H5_OK ? note_age_of_file(in, e) : rc;
}

static enum h5_code
read_file_previous(struct h5_config_in *in, char *value, struct h5_err *e)
{
	enum h5_code rc = read_file(in, value, e);

	return rc == H5_OK ? note_age_of_file(in, e) : rc;
}

H5_CONFIG_TYPE(text, read_text);
H5_CONFIG_TYPE_OR_EMPTY(optional_text, read_text);
H5_CONFIG_TYPE(appid, read_appid);
H5_CONFIG_TYPE(digits, read_digits);
H5_CONFIG_TYPE_OR_EMPTY(suffix, read_suffix);
H5_CONFIG_TYPE(number, read_number);
H5_CONFIG_TYPE(path, read_path);
H5_CONFIG_TYPE(log, read_log);
H5_CONFIG_TYPE(file, read_file);
H5_CONFIG_TYPE(key_file, read_key_file);
H5_CONFIG_TYPE(program, read_program);
H5_CONFIG_TYPE(secret, read_secret);
H5_CONFIG_TYPE(secret_file, read_secret_file);
H5_CONFIG_TYPE(webhook, read_webhook);
H5_CONFIG_TYPE(webhook_file, read_webhook_file);
H5_CONFIG_TYPE(password_file, read_password_file);
H5_CONFIG_TYPE(previous, read_previous);
H5_CONFIG_TYPE(previous_file, read_previous_file);
H5_CONFIG_TYPE(file_previous, read_file_previous);
