/* The file "format": read when the store is opened, looked at after each
 * record that is read, replaced when the format is raised. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "common/base/text.h"
#include "common/store/files/internal.h"

#define HEAD "h5pay store "
#define WORD_MAX 256 /* bytes of the file */

/* Format 1 is one line, the only one that 0.1.0 takes.  From 2 on a second
 * line names the program that raised it, for the message of an older one. */
static void
put_word(const struct h5_engine_format *f, struct h5_buf *out)
{
	h5_buf_printf(out, HEAD "%u\n", f->number);
	if (f->number > 1)
		h5_buf_printf(out, "%s\n", f->by);
}

static bool
parse(const char *text, struct h5_engine_format *f)
{
	char number[8] = "";
	uint64_t value;
	size_t n;

	if (strncmp(text, HEAD, sizeof HEAD - 1) != 0)
		return false;
	text += sizeof HEAD - 1;
	n = strcspn(text, "\n");
	/* A number of eight digits and more is no format of ours. */
	if (n >= sizeof number || text[n] != '\n')
		return false;
	memcpy(number, text, n);
	if (h5_text_u64(number, 1, 999999, &value, NULL) != H5_OK)
		return false;
	text += n + 1;
	f->number = (unsigned)value;
	(void)snprintf(
	    f->by, sizeof f->by, "%.*s", (int)strcspn(text, "\n"), text);
	return true;
}

static enum h5_code
read_word(int fd, size_t size, struct h5_engine_format *f, struct h5_err *e)
{
	struct h5_buf b;
	enum h5_code rc;

	h5_buf_init(&b, WORD_MAX);
	/* One byte less than there is room for, since the text gets a NUL. */
	rc = h5_file_slurp(fd, 0, size < WORD_MAX ? size : WORD_MAX - 1, &b, e);
	if (rc == H5_OK)
		rc = h5_buf_finish(&b, e);
	if (rc == H5_OK && !parse(b.data, f))
		rc = h5_err_set(e, H5_E_CONFIG,
		    "its file \"format\" does not contain a format");
	h5_buf_release(&b);
	return rc;
}

/* Under st->lock.  Takes the file that has the name now. */
static enum h5_code
take_word(struct h5_files *st, struct h5_err *e)
{
	struct h5_engine_format f;
	struct h5_file_look look;
	enum h5_code rc;
	size_t size;
	int fd;

	rc = h5_file_open(st->dir, "format", O_RDONLY, &fd, &size, e);
	/* A link or a folder of that name is a matter of configuration. */
	if (rc == H5_E_INPUT)
		rc = H5_E_CONFIG;
	if (rc == H5_OK)
		rc = h5_file_look(fd, &look, e);
	if (rc == H5_OK)
		rc = read_word(fd, look.size, &f, e);
	if (rc == H5_OK) {
		h5_file_drop(&st->format_fd);
		st->format_fd = fd;
		/* The file is kept open: a look at an open file is cheaper than
		 * opening it, and is made after each record that is read. */
		st->format_stamp = look.stamp;
		st->format = f;
		fd = -1;
	}
	h5_file_drop(&fd);
	return rc;
}

enum h5_code
h5_files_format(void *store, struct h5_engine_format *f, struct h5_err *e)
{
	struct h5_files *st = store;
	struct h5_file_look look;
	enum h5_code rc;
	bool same = false;

	/* The threads of a program share the file and what it said. */
	(void)pthread_mutex_lock(&st->lock);
	if (st->format_fd >= 0) {
		rc = h5_file_look(st->format_fd, &look, e);
		same =
		    rc == H5_OK && look.named && look.stamp == st->format_stamp;
	}
	rc = same ? H5_OK : take_word(st, e);
	/* Somebody removed it: what this program read still holds. */
	if (rc == H5_E_NOTFOUND && st->format_fd >= 0)
		rc = H5_OK;
	*f = st->format;
	(void)pthread_mutex_unlock(&st->lock);
	return rc;
}

enum h5_code
h5_files_peek(const struct h5_store_where *w, struct h5_engine_format *f,
    struct h5_err *e)
{
	size_t size;
	int dir, fd = -1;
	enum h5_code rc;

	/* Whatever is wrong with the folder, h5_files_folder says it when the
	 * store is opened.  Here the question is only whether there is one. */
	if (h5_files_folder(w, false, &dir, NULL) != H5_OK)
		return h5_err_set(e, H5_E_NOTFOUND, "no store");
	rc = h5_file_open(dir, "format", O_RDONLY, &fd, &size, e);
	if (rc == H5_OK)
		rc = read_word(fd, size, f, e);
	h5_file_drop(&fd);
	h5_file_drop(&dir);
	return rc;
}

/* Under the lock of the store's folder: nobody else raises it now. */
static enum h5_code
raise_locked(struct h5_files *st, int folder, struct h5_engine_format *f,
    struct h5_err *e)
{
	struct h5_engine_format now;
	struct h5_buf word;
	enum h5_code rc;

	/* The format is read again under the lock, since another program may
	 * have raised it. */
	rc = h5_files_format(st, &now, e);
	if (rc == H5_OK && now.number >= f->number) {
		*f = now;
		/* Whoever raised it may have died before its sync. */
		return h5_file_sync(folder, e);
	}
	h5_buf_init(&word, WORD_MAX);
	put_word(f, &word);
	if (rc == H5_OK)
		rc = h5_buf_finish(&word, e);
	if (rc == H5_OK)
		rc = h5_file_replace(
		    st->dir, "format", word.data, word.len, 0600, e);
	h5_buf_release(&word);
	return rc;
}

enum h5_code
h5_files_raise(
    void *store, struct h5_engine_format *f, int64_t until_ms, struct h5_err *e)
{
	struct h5_files *st = store;
	enum h5_code rc;
	int folder;
	bool sure;

	(void)pthread_mutex_lock(&st->lock);
	sure = st->format_sure >= f->number;
	(void)pthread_mutex_unlock(&st->lock);
	if (sure)
		return H5_OK;
	/* The folder itself is locked, since the file is replaced and its lock
	 * would go with the old one. */
	rc = h5_files_sub(st, ".", &folder, e);
	if (rc == H5_OK)
		rc = h5_file_lock(folder, LOCK_EX, h5_files_wait(until_ms), e);
	if (rc == H5_OK)
		rc = raise_locked(st, folder, f, e);
	/* The format is durable from here on.  That is remembered, so that the
	 * many writes of one program pay for it once. */
	if (rc == H5_OK) {
		(void)pthread_mutex_lock(&st->lock);
		if (st->format_sure < f->number)
			st->format_sure = f->number;
		(void)pthread_mutex_unlock(&st->lock);
	}
	h5_file_unlock(folder);
	h5_file_drop(&folder);
	return rc;
}
