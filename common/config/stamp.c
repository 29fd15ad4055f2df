/* Whether files were replaced since they were read: one stamp for the
 * configuration, its secrets, the shop's templates and a program's own file. */
#include "common/config/stamp.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/sum.h"

#define TEMPLATES_MAX 256 /* files looked at in pages.templates */

uint64_t
h5_stamp_mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= 0x9e3779b97f4a7c15U;
	return h ^ (h >> 29);
}

static uint64_t
stamp_at(int dir, const char *path)
{
	struct stat st;
	uint64_t h = 1;

	if (path == NULL || fstatat(dir, path, &st, 0) != 0)
		return 0;
	h = h5_stamp_mix(h, (uint64_t)st.st_dev);
	h = h5_stamp_mix(h, (uint64_t)st.st_ino);
	h = h5_stamp_mix(h, (uint64_t)st.st_size);
	h = h5_stamp_mix(h, (uint64_t)st.st_mtim.tv_sec);
	h = h5_stamp_mix(h, (uint64_t)st.st_mtim.tv_nsec);
	return h == 0 ? 1 : h;
}

uint64_t
h5_stamp_file(const char *path)
{
	return stamp_at(AT_FDCWD, path);
}

uint64_t
h5_stamp_place(const char *path)
{
	uint64_t h = h5_sum_64(path, strlen(path), 0);
	struct stat st;

	if (stat(path, &st) != 0)
		return h;
	h = h5_stamp_mix(h, (uint64_t)st.st_dev);
	h = h5_stamp_mix(h, (uint64_t)st.st_ino);
	h = h5_stamp_mix(h, (uint64_t)st.st_mode);
	return h5_stamp_mix(h, (uint64_t)st.st_uid);
}

/* Mixes the files of a folder, in a way that does not depend on the order they
 * are listed in. */
static uint64_t
stamp_folder(const char *path)
{
	DIR *d = path == NULL ? NULL : opendir(path);
	struct dirent *entry;
	uint64_t sum = 0;
	int n;

	if (d == NULL)
		return 0;
	for (n = 0; n < TEMPLATES_MAX; n++) {
		entry = readdir(d);
		if (entry == NULL)
			break;
		if (entry->d_name[0] != '.')
			sum += stamp_at(dirfd(d), entry->d_name);
	}
	(void)closedir(d);
	return sum;
}

uint64_t
h5_stamp_config(const struct h5_config *c)
{
	uint64_t h = h5_stamp_file(c->path);
	size_t i;

	for (i = 0; i < c->n_files; i++)
		h = h5_stamp_mix(h, h5_stamp_file(c->files[i]));
	/* Not among them, for it may come later: h5pay certs writes it. */
	h = h5_stamp_mix(h, h5_stamp_file(c->merchant.platform_certs));
	return h5_stamp_mix(h, stamp_folder(c->pages.templates));
}
