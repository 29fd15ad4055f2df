/* disk.h - a disk with one file, whose text the target has in memory: every
 * path leads to it (linked with --wrap, see fuzz.mk).  libFuzzer's own calls
 * reach the real disk, since they come when disk_text is NULL. */
#ifndef TESTS_FUZZ_DISK_H
#define TESTS_FUZZ_DISK_H

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/system/file.h"
#include "tests/fuzz/fuzz.h"

#define DISK_SECRET "fuzz-secret-fuzz-secret-fuzz-001"

static const char *disk_text;
static size_t disk_len;

enum h5_code __wrap_h5_file_read(
    int dirfd, const char *path, struct h5_buf *out, struct h5_err *e);
enum h5_code
__wrap_h5_file_read(
    int dirfd, const char *path, struct h5_buf *out, struct h5_err *e)
{
	(void)dirfd;
	(void)path;
	h5_buf_add(out, disk_text, disk_len);
	return h5_buf_finish(out, e);
}

enum h5_code __wrap_h5_file_read_secret(
    const char *path, struct h5_buf *out, struct h5_err *e);
enum h5_code
__wrap_h5_file_read_secret(
    const char *path, struct h5_buf *out, struct h5_err *e)
{
	(void)path;
	h5_buf_puts(out, DISK_SECRET);
	return h5_buf_finish(out, e);
}

enum h5_code __wrap_h5_file_secret_mode(
    const char *path, const struct stat *st, struct h5_err *e);
enum h5_code
__wrap_h5_file_secret_mode(
    const char *path, const struct stat *st, struct h5_err *e)
{
	(void)path;
	(void)st;
	(void)e;
	return H5_OK;
}

char *__real_realpath(const char *path, char *out);
char *__wrap_realpath(const char *path, char *out);
char *
__wrap_realpath(const char *path, char *out)
{
	return disk_text == NULL ? __real_realpath(path, out) : strdup(path);
}

int __real_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);
int
__wrap_stat(const char *path, struct stat *st)
{
	if (disk_text == NULL)
		return __real_stat(path, st);
	memset(st, 0, sizeof *st);
	st->st_mode = S_IFREG | 0700;
	/* Some are not there. */
	if (strstr(path, "missing") == NULL)
		return 0;
	errno = ENOENT;
	return -1;
}

int __wrap_faccessat(int dirfd, const char *path, int mode, int flags);
int
__wrap_faccessat(int dirfd, const char *path, int mode, int flags)
{
	(void)dirfd;
	(void)path;
	(void)mode;
	(void)flags;
	return 0;
}

/* disk_faults(text, name, n): is each fault one line "name:line: what"?  How
 * many there are. */
static inline unsigned
disk_faults(const char *text, const char *name)
{
	unsigned n = 0;
	const char *lf;
	size_t digits;

	for (; *text != '\0'; text = lf + 1, n++) {
		lf = strchr(text, '\n');
		MUST(lf != NULL);
		MUST(strncmp(text, name, strlen(name)) == 0);
		text += strlen(name);
		MUST(*text++ == ':');
		digits = strspn(text, "0123456789");
		MUST(digits > 0 && text[0] != '0');
		MUST(strncmp(text + digits, ": ", 2) == 0);
		MUST(lf > text + digits + 2);
	}
	return n;
}

#endif
