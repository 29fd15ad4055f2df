/* Who runs the programs that "h5pay init" sets up. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/init.h"
#include "common/config/config.h"
#include "common/store/store.h"
#include "common/system/process.h"

#define OURS "h5pay"
#define USERADD_MS 30000

/* Makes the account h5pay: no password, no shell, no home of its own. */
static enum h5_code
make(struct init *in, struct h5_err *e)
{
	static const char *const tools[] = {
	    "/usr/sbin/useradd", "/sbin/useradd"};
	char *argv[] = {(char *)(uintptr_t) "useradd",
	    (char *)(uintptr_t) "--system", (char *)(uintptr_t) "--user-group",
	    (char *)(uintptr_t) "--home-dir",
	    (char *)(uintptr_t) "/var/lib/h5pay",
	    (char *)(uintptr_t) "--no-create-home",
	    (char *)(uintptr_t) "--shell",
	    (char *)(uintptr_t) "/usr/sbin/nologin", (char *)(uintptr_t)OURS,
	    NULL};
	struct h5_process p = {.path = tools[0], .argv = argv};
	struct h5_process_end end = {.status = -1};
	struct h5_buf said;
	enum h5_code rc;

	if (access(tools[0], X_OK) != 0)
		p.path = tools[1];
	h5_buf_init(&said, 1024);
	rc = h5_process_run(&p, USERADD_MS, &said, &end, e);
	if (rc == H5_OK && end.status != 0)
		rc = h5_err_set(e, H5_E_IO,
		    "cannot make the account " OURS " by useradd (%d): %s",
		    end.status, said.data);
	h5_buf_release(&said);
	if (rc == H5_OK)
		init_say(in, stdout, "account-made", "account", OURS, NULL);
	return rc;
}

/* The owner of the orders that are there, or of the folder that they will lie
 * in.  False: nobody can tell yet. */
static bool
store_owner(const struct init *in, unsigned *uid, struct h5_buf *dir)
{
	struct h5_store_where where = {.budget_ms = H5_STORE_BUDGET_MS};
	struct h5_buf b;
	unsigned gid;
	bool known;

	h5_buf_init(&b, INIT_PATH);
	known = !in->fresh && init_present(in, "store", "dir", &b);
	h5_buf_clear(dir);
	if (b.data[0] != '/')
		h5_buf_printf(dir, "%s/", in->dir.data);
	h5_buf_puts(dir, b.data);
	h5_buf_release(&b);
	if (in->fresh && strcmp(in->dir.data, "/etc/h5pay") == 0) {
		/* Its place is known before it is written down; the folder
		 * above it is the system's. */
		h5_buf_clear(dir);
		h5_buf_puts(dir, "/var/lib/h5pay");
		known = access(dir->data, F_OK) == 0;
	}
	where.dir = dir->data;
	known = known && h5_store_owner(&where, uid, &gid, NULL) == H5_OK;
	/* What root left behind is no reason to run programs as root. */
	return known && (*uid != 0 || !in->fresh);
}

static bool
name_of(unsigned uid, char out[64])
{
	struct passwd pw, *found = NULL;
	char *room = malloc(65536);

	if (room != NULL)
		(void)getpwuid_r((uid_t)uid, &pw, room, 65536, &found);
	if (found != NULL)
		(void)snprintf(out, 64, "%s", pw.pw_name);
	free(room);
	return found != NULL;
}

void
init_usual_account(struct init *in)
{
	const char *web = in->answer[INIT_WEB].data;
	struct h5_buf dir;
	unsigned uid;

	h5_buf_init(&dir, INIT_PATH);
	if (!in->root || !store_owner(in, &uid, &dir) ||
	    !name_of(uid, in->account))
		(void)snprintf(in->account, sizeof in->account, "%s",
		    strcmp(web, "lighttpd") == 0 || strcmp(web, "htaccess") == 0
			? "www-data"
			: OURS);
	h5_buf_release(&dir);
}

enum h5_code
init_account(struct init *in, struct h5_err *e)
{
	const char *name = in->answer[INIT_USER].data;
	struct h5_buf dir, words;
	char owner[64] = "?";
	unsigned uid = 0;
	enum h5_code rc;

	if (!in->root) {
		in->uid = (unsigned)geteuid();
		in->gid = (unsigned)getegid();
		h5_buf_init(&words, sizeof in->account);
		command_who(&words);
		(void)snprintf(
		    in->account, sizeof in->account, "%s", words.data);
		h5_buf_release(&words);
		return H5_OK;
	}
	(void)snprintf(in->account, sizeof in->account, "%s", name);
	rc = command_account(name, &in->uid, &in->gid, NULL, e);
	if (rc == H5_E_NOTFOUND && strcmp(name, OURS) == 0) {
		rc = make(in, e);
		if (rc == H5_OK)
			rc = command_account(name, &in->uid, &in->gid, NULL, e);
	}
	h5_buf_init(&dir, INIT_PATH);
	if (rc == H5_OK && store_owner(in, &uid, &dir) && uid != in->uid) {
		(void)name_of(uid, owner);
		h5_buf_init(&words, 2048);
		init_words(in, "store-owner", &words, "dir", dir.data, "owner",
		    owner, "account", name, NULL);
		rc = h5_err_set(e, H5_E_CONFIG, "%s", words.data);
		h5_buf_release(&words);
	}
	h5_buf_release(&dir);
	return rc;
}
