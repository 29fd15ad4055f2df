/* folder.h - a temporary folder for tests that need files.  Include it after
 * help.h. */
#ifndef TESTS_UNIT_FOLDER_H
#define TESTS_UNIT_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_PATH 512

struct folder {
	char path[64];
};

/* folder_make_in(f, base): a new, empty one below base. */
static inline void
folder_make_in(struct folder *f, const char *base)
{
	(void)snprintf(f->path, sizeof(f->path), "%s/h5pay-unit-XXXXXX", base);
	if (mkdtemp(f->path) == NULL)
		fail_msg("cannot make a folder below %s", base);
}

/* folder_make(f): a new, empty one; its path holds no link. */
static inline void
folder_make(struct folder *f)
{
	folder_make_in(f, "/tmp");
}

/* folder_name(f, name, out): its path and a name below it. */
static inline const char *
folder_name(const struct folder *f, const char *name, char out[FOLDER_PATH])
{
	(void)snprintf(out, FOLDER_PATH, "%s/%s", f->path, name);
	return out;
}

static inline void
folder_mkdir(const struct folder *f, const char *name)
{
	char path[FOLDER_PATH];

	if (mkdir(folder_name(f, name, path), 0700) != 0)
		fail_msg("cannot make %s", path);
}

/* folder_write_n(f, name, p, n, mode): a file with these bytes and mode. */
static inline void
folder_write_n(const struct folder *f, const char *name, const void *p,
    size_t n, mode_t mode)
{
	char path[FOLDER_PATH];
	int fd;

	fd = open(
	    folder_name(f, name, path), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n || fchmod(fd, mode) != 0 ||
	    close(fd) != 0)
		fail_msg("cannot write %s", path);
}

static inline void
folder_write(
    const struct folder *f, const char *name, const char *text, mode_t mode)
{
	folder_write_n(f, name, text, strlen(text), mode);
}

static inline void
folder_empty_(int at, const char *name)
{
	struct dirent *entry;
	DIR *dir;
	int fd;

	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL)
		return;
	for (entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, entry->d_name, 0) != 0) {
			folder_empty_(fd, entry->d_name);
			(void)unlinkat(fd, entry->d_name, AT_REMOVEDIR);
		}
	}
	(void)closedir(dir);
}

/* folder_remove(f): with all that is in it. */
static inline void
folder_remove(struct folder *f)
{
	folder_empty_(AT_FDCWD, f->path);
	(void)rmdir(f->path);
}

#endif
