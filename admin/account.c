/* Whom a command runs as: one that root starts becomes the account that runs
 * the programs. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/trust.h"

#define PASSWD_MAX (64 * 1024)

/* Groups first, then the group, then the user: after that no right is left to
 * change them. */
static enum h5_code
become(unsigned uid, unsigned gid, const char *why, struct h5_err *e)
{
	if (setgroups(0, NULL) != 0 || setgid((gid_t)gid) != 0 ||
	    setuid((uid_t)uid) != 0)
		return h5_err_set(
		    e, H5_E_CONFIG, "cannot become uid %u, %s", uid, why);
	return H5_OK;
}

/* uid: 0 where it is root's, or nobody can tell: a file that names no store,
 * a store that nobody made yet.  Whoever reads the one and makes the other will
 * say so. */
static enum h5_code
owner(const char *path, unsigned *uid, unsigned *gid, struct h5_err *e)
{
	struct h5_store_where where = {.budget_ms = H5_STORE_BUDGET_MS};
	struct h5_buf dir;
	enum h5_code rc;

	*uid = *gid = 0;
	h5_buf_init(&dir, 4096);
	rc = h5_config_state(path, &dir, e);
	where.dir = dir.data;
	if (rc == H5_OK)
		rc = h5_store_owner(&where, uid, gid, e);
	if (rc == H5_E_NOTFOUND || (rc == H5_E_CONFIG && dir.len == 0))
		rc = H5_OK;
	h5_buf_release(&dir);
	return rc;
}

/* The owner, of a configuration that nobody else can have written. */
static enum h5_code
trusted_owner(const char *path, unsigned *uid, unsigned *gid, struct h5_err *e)
{
	enum h5_code rc = owner(path, uid, gid, e);

	return rc == H5_OK ? trust_path(path, *uid, *gid, e) : rc;
}

enum h5_code
command_own_store(const char *path, struct h5_err *e)
{
	unsigned uid, gid;
	enum h5_code rc;

	if (geteuid() != 0)
		return H5_OK;
	rc = trusted_owner(path, &uid, &gid, e);
	return rc == H5_OK && uid != 0
		   ? become(uid, gid, "the store's owner", e)
		   : rc;
}

enum h5_code
command_own_group(const char *path, struct h5_err *e)
{
	unsigned uid, gid;
	enum h5_code rc;

	if (geteuid() != 0)
		return H5_OK;
	rc = trusted_owner(path, &uid, &gid, e);
	if (rc == H5_OK && uid != 0 && setegid((gid_t)gid) != 0)
		rc = h5_err_set(e, H5_E_CONFIG,
		    "cannot take on group %u, the store's", gid);
	return rc;
}

enum h5_code
command_trust(const struct h5_config *c, struct h5_err *e)
{
	unsigned uid, gid;
	enum h5_code rc;

	if (geteuid() != 0)
		return H5_OK;
	rc = owner(c->path, &uid, &gid, e);
	return rc == H5_OK ? trust_files(c, uid, gid, e) : rc;
}

enum h5_code
command_account(const char *name, unsigned *uid, unsigned *gid,
    struct h5_buf *home, struct h5_err *e)
{
	struct passwd pw, *found = NULL;
	char *room = malloc(PASSWD_MAX);
	enum h5_code rc = H5_OK;

	*uid = *gid = 0;
	if (room == NULL)
		return h5_err_nomem(e);
	if (name != NULL)
		(void)getpwnam_r(name, &pw, room, PASSWD_MAX, &found);
	else
		(void)getpwuid_r(geteuid(), &pw, room, PASSWD_MAX, &found);
	if (found == NULL) {
		rc = h5_err_set(e, H5_E_NOTFOUND, "no account %s here",
		    name != NULL ? name : "for this user");
	} else {
		*uid = (unsigned)pw.pw_uid;
		*gid = (unsigned)pw.pw_gid;
		if (home != NULL)
			h5_buf_puts(home, pw.pw_dir);
	}
	free(room);
	return rc;
}

enum h5_code
command_become(const char *name, struct h5_err *e)
{
	unsigned uid, gid;
	enum h5_code rc;

	rc = command_account(name, &uid, &gid, NULL, e);
	if (rc != H5_OK || uid == (unsigned)geteuid())
		return rc;
	return become(uid, gid, "only root can", e);
}

void
command_who(struct h5_buf *out)
{
	struct passwd pw, *found = NULL;
	char *room = malloc(PASSWD_MAX);

	if (room != NULL &&
	    getpwuid_r(geteuid(), &pw, room, PASSWD_MAX, &found) == 0 &&
	    found != NULL)
		h5_buf_puts(out, pw.pw_name);
	else
		h5_buf_printf(out, "uid %u", (unsigned)geteuid());
	free(room);
}
