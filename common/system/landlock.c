/* The kernel's sandbox, by its system calls: not every libc knows them. */
#include "common/system/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- what linux/landlock.h says ------------------------------------------- */

/* The same numbers on every architecture but alpha, which is not ours. */
#define CREATE_RULESET 444
#define ADD_RULE 445
#define RESTRICT_SELF 446
#define CREATE_VERSION 1U

#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2

#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_DIR (UINT64_C(1) << 7)
#define FS_MAKE_REG (UINT64_C(1) << 8)
#define FS_ABI_1 ((UINT64_C(1) << 13) - 1)
#define FS_REFER (UINT64_C(1) << 13) /* ABI 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14) /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define NET_BIND_TCP (UINT64_C(1) << 0) /* ABI 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0) /* ABI 6 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

struct ruleset {
	uint64_t fs;
	uint64_t net; /* from ABI 4 on */
	uint64_t scoped; /* from ABI 6 on */
};

struct path_beneath {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

struct net_port {
	uint64_t allowed;
	uint64_t port;
};

/* -------------------------------------------------------------------------- */

struct h5_landlock {
	int fd;
	struct ruleset closed; /* all that this kernel can close */
};

int
h5_landlock_level(void)
{
	/* This flag makes the kernel tell its level and nothing else. */
	long level = syscall(CREATE_RULESET, NULL, 0, CREATE_VERSION);

	return level > 0 ? (int)level : 0;
}

/* What it can close, and how many bytes of that it knows. */
static size_t
all_of(int level, struct ruleset *r)
{
	memset(r, 0, sizeof *r);
	r->fs = FS_ABI_1;
	if (level >= 2)
		r->fs |= FS_REFER;
	if (level >= 3)
		r->fs |= FS_TRUNCATE;
	if (level >= 5)
		r->fs |= FS_IOCTL_DEV;
	if (level >= H5_LANDLOCK_TCP)
		r->net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (level >= H5_LANDLOCK_SCOPE)
		r->scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	/* The same holds for the size of the structure. */
	return level >= H5_LANDLOCK_SCOPE ? sizeof *r
	       : level >= H5_LANDLOCK_TCP ? 2 * sizeof r->fs
					  : sizeof r->fs;
}

enum h5_code
h5_landlock_new(struct h5_landlock **out, struct h5_err *e)
{
	int level = h5_landlock_level();
	struct h5_landlock *l;
	size_t size;

	*out = NULL;
	/* Not an error: the caller decides whether it may run without. */
	if (level < H5_LANDLOCK_FILES)
		return h5_err_set(
		    e, H5_E_STATE, "this kernel does not offer Landlock");
	l = calloc(1, sizeof *l);
	if (l == NULL)
		return h5_err_nomem(e);
	size = all_of(level, &l->closed);
	/* The kernel sets close-on-exec. */
	l->fd = (int)syscall(CREATE_RULESET, &l->closed, size, 0);
	if (l->fd < 0) {
		(void)h5_err_sys(e, H5_E_IO, errno, "landlock_create_ruleset");
		free(l);
		return H5_E_IO;
	}
	*out = l;
	return H5_OK;
}

void
h5_landlock_free(struct h5_landlock *l)
{
	if (l == NULL)
		return;
	(void)close(l->fd);
	free(l);
}

static uint64_t
rights(enum h5_landlock_may may)
{
	/* Never the right to execute: no program of ours starts another one
	 * from inside the sandbox. */
	switch (may) {
	case H5_LANDLOCK_READ:
		return FS_READ_FILE | FS_READ_DIR;
	case H5_LANDLOCK_ADD:
		return FS_WRITE_FILE | FS_MAKE_REG;
	case H5_LANDLOCK_KEEP:
		return FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE |
		       FS_TRUNCATE | FS_MAKE_REG | FS_MAKE_DIR | FS_REMOVE_FILE;
	}
	return 0;
}

enum h5_code
h5_landlock_allow(struct h5_landlock *l, const char *path,
    enum h5_landlock_may may, struct h5_err *e)
{
	struct path_beneath rule;
	enum h5_code rc = H5_OK;
	struct stat st;
	int fd;

	/* O_PATH needs no right on the file itself. */
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return h5_err_sys(e,
		    errno == ENOENT || errno == ENOTDIR ? H5_E_NOTFOUND
							: H5_E_IO,
		    errno, "cannot open %s", path);
	memset(&rule, 0, sizeof rule);
	rule.parent_fd = fd;
	/* Rights that are not closed need not be allowed, and must not be
	 * named. */
	rule.allowed = rights(may) & l->closed.fs;
	if (fstat(fd, &st) != 0)
		rc = h5_err_sys(e, H5_E_IO, errno, "fstat %s", path);
	else if (!S_ISDIR(st.st_mode)) /* what a file has none of is refused */
		rule.allowed &= FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE;
	if (rc == H5_OK &&
	    syscall(ADD_RULE, l->fd, RULE_PATH_BENEATH, &rule, 0) != 0)
		rc =
		    h5_err_sys(e, H5_E_IO, errno, "landlock_add_rule %s", path);
	(void)close(fd);
	return rc;
}

enum h5_code
h5_landlock_connect(struct h5_landlock *l, unsigned port, struct h5_err *e)
{
	struct net_port rule;

	memset(&rule, 0, sizeof rule);
	rule.allowed = NET_CONNECT_TCP;
	rule.port = port;
	/* A kernel that cannot close ports has nothing to open. */
	if (l->closed.net == 0)
		return H5_OK;
	if (syscall(ADD_RULE, l->fd, RULE_NET_PORT, &rule, 0) != 0)
		return h5_err_sys(
		    e, H5_E_IO, errno, "landlock_add_rule port %u", port);
	return H5_OK;
}

enum h5_code
h5_landlock_enforce(struct h5_landlock *l, struct h5_err *e)
{
	if (syscall(RESTRICT_SELF, l->fd, 0) != 0)
		return h5_err_sys(e, H5_E_IO, errno, "landlock_restrict_self");
	return H5_OK;
}
