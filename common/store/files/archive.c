/* Puts records away and brings them back, a month at a time.
 *
 * The steps of a month, each whole before the next one begins:
 *   1. the month's new file, under a name that no index has; synced
 *   2. the ledgers of records that come back; synced
 *   3. the index that names the new file; synced, and renamed
 *   4. the ledgers that were put away are removed, each only if it is still
 *      what was put away, under its lock; then the old file
 * A pass that was killed after 1 leaves a file that the next one overwrites,
 * and after 2 or 3 records that are there twice.  Those have a ledger, and the
 * ledger counts. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "common/store/files/archive.h"

struct pass {
	struct h5_files *st;
	struct h5_engine_away *a;
	struct h5_files_days days; /* with an index of created orders */
	int index; /* -1: none */
	struct h5_archive_head head;
	uint64_t done, total; /* records of the month, for the progress */
	/* One month. */
	struct h5_archive_month old; /* its file; generation 0: none */
	int old_fd;
	struct h5_files_ids live; /* ids named on its days */
	struct h5_archive_list had; /* what its file has */
	struct h5_files_ids replaced; /* of these, not to be kept */
	struct h5_archive_writer w; /* its new file; fd -1: not begun */
	struct h5_archive_gone gone;
	struct h5_buf bytes, other, instead;
};

static void
progress(struct pass *p)
{
	p->done++;
	if (p->a->progress != NULL && (p->done & 255) == 0)
		p->a->progress(p->a->progress_arg, p->done,
		    p->done > p->total ? p->done : p->total);
}

static enum h5_code
writer(struct pass *p, struct h5_err *e)
{
	return p->w.fd >= 0 ? H5_OK
			    : h5_archive_begin(&p->w, p->st, &p->old, e);
}

/* What the month's file has of this entry. */
static enum h5_code
member(struct pass *p, const struct h5_archive_entry *en, struct h5_buf *out,
    struct h5_err *e)
{
	char path[H5_FILES_PATH];
	enum h5_code rc;

	h5_buf_clear(out);
	rc = h5_archive_member(p->old_fd, en->at, en->len, out, e);
	h5_archive_path(&p->old, path);
	/* What cannot be read must not be copied as if it could. */
	if (rc == H5_E_INPUT)
		return h5_err_set(e, rc,
		    "%s: the record of %s is damaged: restore the file from a "
		    "backup",
		    path, en->id);
	return rc;
}

/* --- records with a ledger ------------------------------------------------ */

static bool
begins_with(const struct h5_buf *b, const struct h5_buf *with)
{
	return b->len >= with->len &&
	       (with->len == 0 || memcmp(b->data, with->data, with->len) == 0);
}

static const struct h5_archive_entry *
entry_of(const struct pass *p, const char *id)
{
	uint64_t want = h5_archive_sum(id), is;
	size_t lo = 0, hi = p->had.n, mid;
	int side;

	/* In the order of the index. */
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		is = h5_archive_sum(p->had.v[mid].id);
		side = want != is ? (want < is ? -1 : 1)
				  : strcmp(id, p->had.v[mid].id);
		if (side == 0)
			return &p->had.v[mid];
		if (side < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* p->bytes is put away under id. */
static enum h5_code
put_away(struct pass *p, const char *id, struct h5_err *e)
{
	const struct h5_archive_entry *en = entry_of(p, id);
	enum h5_code rc = H5_OK;

	if (en != NULL) {
		rc = member(p, en, &p->other, e);
		if (rc != H5_OK)
			return rc;
		/* A pass that was killed before its last step. */
		if (p->other.len == p->bytes.len &&
		    begins_with(&p->bytes, &p->other))
			return h5_archive_gone_add(&p->gone, id, &p->bytes, e);
		/* The ledger came out of an old backup, and the archive knows
		 * more.  fsck tells of it. */
		if (begins_with(&p->other, &p->bytes))
			return H5_OK;
		rc = h5_files_ids_add(&p->replaced, id, NULL, e);
	}
	if (rc == H5_OK)
		rc = writer(p, e);
	if (rc == H5_OK)
		rc = h5_archive_put(&p->w, id, &p->bytes, e);
	return rc == H5_OK ? h5_archive_gone_add(&p->gone, id, &p->bytes, e)
			   : rc;
}

/* The ledger gets p->instead for its content, unless somebody has written to
 * it.  Whoever waits for its lock finds that it has no name any more, and opens
 * the new one. */
static enum h5_code
rewrite_live(struct pass *p, const char *id, struct h5_err *e)
{
	char path[H5_FILES_PATH];
	enum h5_code rc;
	int fd;

	h5_buf_clear(&p->other);
	rc = h5_files_hold_live(p->st, id, H5_ENGINE_WRITE, &fd, &p->other, e);
	if (rc == H5_OK && p->other.len == p->bytes.len &&
	    begins_with(&p->other, &p->bytes)) {
		h5_files_path(id, path);
		rc = h5_file_replace(
		    p->st->dir, path, p->instead.data, p->instead.len, 0600, e);
		p->a->rewritten += rc == H5_OK;
	}
	h5_file_unlock(fd);
	h5_file_drop(&fd);
	return rc == H5_E_NOTFOUND || rc == H5_E_BUSY ? H5_OK : rc;
}

static enum h5_code
one_live(struct pass *p, const char *id, struct h5_err *e)
{
	enum h5_engine_verdict verdict = H5_ENGINE_STAY;
	enum h5_code rc;
	int fd;

	progress(p);
	h5_buf_clear(&p->bytes);
	h5_buf_clear(&p->instead);
	rc = h5_files_hold_live(p->st, id, H5_ENGINE_LOOK, &fd, &p->bytes, e);
	h5_file_drop(&fd);
	/* Named and not there: put away, or its creation was cut short.  Not
	 * ours, or too large: for fsck. */
	if (rc == H5_E_NOTFOUND || rc == H5_E_INPUT)
		return H5_OK;
	if (rc == H5_OK)
		rc = p->a->judge(
		    p->a->arg, id, &p->bytes, false, &verdict, &p->instead, e);
	if (rc == H5_OK && verdict == H5_ENGINE_AWAY)
		rc = put_away(p, id, e);
	if (rc == H5_OK && verdict == H5_ENGINE_REWRITE)
		rc = rewrite_live(p, id, e);
	return rc;
}

/* --- records in the month's file ------------------------------------------ */

static bool
has_ledger(const struct pass *p, const char *id)
{
	char path[H5_FILES_PATH];
	struct stat st;

	h5_files_path(id, path);
	return fstatat(p->st->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What becomes of one of them: p->bytes is what it is. */
static enum h5_code
judge_away(struct pass *p, const struct h5_archive_entry *en,
    enum h5_engine_verdict *verdict, struct h5_err *e)
{
	enum h5_code rc;

	*verdict = H5_ENGINE_STAY;
	rc = member(p, en, &p->bytes, e);
	h5_buf_clear(&p->instead);
	if (rc == H5_OK && p->a->look_away)
		rc = p->a->judge(p->a->arg, en->id, &p->bytes, true, verdict,
		    &p->instead, e);
	return rc;
}

/* Is there anything to be done?  Until that is known no file is written. */
static enum h5_code
look_away(struct pass *p, bool *any, struct h5_err *e)
{
	enum h5_engine_verdict verdict;
	enum h5_code rc = H5_OK;
	size_t i;

	*any = p->w.fd >= 0;
	for (i = 0; !*any && p->a->look_away && rc == H5_OK && i < p->had.n;
	     i++) {
		progress(p);
		rc = judge_away(p, &p->had.v[i], &verdict, e);
		*any = rc == H5_OK && (verdict == H5_ENGINE_BACK ||
					  verdict == H5_ENGINE_REWRITE);
	}
	return rc;
}

static enum h5_code
one_away(struct pass *p, const struct h5_archive_entry *en, struct h5_err *e)
{
	enum h5_engine_verdict verdict;
	enum h5_code rc;

	if (h5_files_ids_has(&p->replaced, en->id))
		return H5_OK;
	rc = judge_away(p, en, &verdict, e);
	if (rc == H5_OK && verdict == H5_ENGINE_BACK) {
		/* One that has a ledger is back already. */
		if (has_ledger(p, en->id))
			return H5_OK;
		rc = h5_files_put_live(p->st, en->id, &p->bytes, e);
		p->a->back += rc == H5_OK;
		return rc == H5_E_EXISTS ? H5_OK : rc;
	}
	if (rc == H5_OK && verdict == H5_ENGINE_REWRITE)
		p->a->rewritten++;
	if (rc == H5_OK)
		rc = h5_archive_put(&p->w, en->id,
		    verdict == H5_ENGINE_REWRITE ? &p->instead : &p->bytes, e);
	return rc;
}

/* Writes the rest of the month's new file, if there is to be one. */
static enum h5_code
copy_away(struct pass *p, struct h5_err *e)
{
	enum h5_code rc;
	bool any;
	size_t i;

	rc = look_away(p, &any, e);
	if (rc == H5_OK && any)
		rc = writer(p, e);
	for (i = 0; any && rc == H5_OK && i < p->had.n; i++)
		rc = one_away(p, &p->had.v[i], e);
	/* Nothing is left to be kept: the file that was begun goes as well. */
	if (rc == H5_OK && any && p->w.month.orders > 0)
		rc = h5_archive_end(&p->w, e);
	return rc;
}

/* --- the index ------------------------------------------------------------ */

/* The months of the index that is to be written. */
static enum h5_code
new_head(const struct pass *p, struct h5_archive_head *head, struct h5_err *e)
{
	const struct h5_archive_month *m;
	size_t i;

	memset(head, 0, sizeof *head);
	head->months = calloc(p->head.n + 1, sizeof *head->months);
	if (head->months == NULL)
		return h5_err_nomem(e);
	for (i = 0; i < p->head.n; i++) {
		m = &p->head.months[i];
		if (strcmp(m->name, p->old.name) != 0)
			head->months[head->n++] = *m;
	}
	if (p->w.month.orders > 0)
		head->months[head->n++] = p->w.month;
	return H5_OK;
}

static enum h5_code
publish(struct pass *p, struct h5_err *e)
{
	struct h5_archive_old old = {p->index, &p->head};
	struct h5_archive_head head;
	char path[H5_FILES_PATH];
	enum h5_code rc;

	rc = new_head(p, &head, e);
	if (rc == H5_OK)
		rc = h5_archive_index_write(
		    p->st, &old, p->old.name, &head, &p->w.list, e);
	h5_archive_head_release(&head);
	if (rc != H5_OK)
		return rc;
	/* From here on readers go to the new file.  One that has just looked
	 * into the old index looks again. */
	h5_archive_path(&p->old, path);
	if (p->old.generation > 0)
		rc = h5_file_remove(p->st->dir, path, e);
	h5_archive_path(&p->w.month, path);
	if (rc == H5_OK && p->w.month.orders == 0)
		rc = h5_file_remove(p->st->dir, path, e);
	h5_file_drop(&p->index);
	h5_archive_head_release(&p->head);
	if (rc == H5_OK)
		rc = h5_archive_index_open(p->st, &p->index, &p->head, e);
	return rc;
}

/* --- one month ------------------------------------------------------------ */

static enum h5_code
read_days(struct pass *p, struct h5_err *e)
{
	char id[H5_ORDER_ID_MAX + 1];
	const char *at, *end;
	enum h5_code rc = H5_OK;
	struct h5_buf b;
	bool good;
	size_t i;
	int fd;

	h5_buf_init(&b, H5_FILES_INDEX);
	for (i = 0; rc == H5_OK && i < p->days.n; i++) {
		if (strncmp(p->days.v[i], p->old.name, 7) != 0)
			continue;
		h5_buf_clear(&b);
		rc = h5_files_index_read(
		    p->st, H5_FILES_CREATED, p->days.v[i], 0, &fd, &b, e);
		h5_file_drop(&fd);
		at = b.data;
		end = at + b.len;
		while (rc == H5_OK && h5_files_line(&at, end, id, &good))
			if (id[0] != '\0')
				rc = h5_files_ids_add(&p->live, id, NULL, e);
	}
	h5_buf_release(&b);
	return rc;
}

static enum h5_code
read_month(struct pass *p, struct h5_err *e)
{
	char path[H5_FILES_PATH];
	enum h5_code rc;
	size_t size;

	rc = read_days(p, e);
	if (rc != H5_OK || p->old.generation == 0)
		return rc;
	rc = h5_archive_lines(p->index, &p->head, p->old.name, &p->had, e);
	h5_archive_path(&p->old, path);
	if (rc == H5_OK)
		rc = h5_file_open(
		    p->st->dir, path, O_RDONLY, &p->old_fd, &size, e);
	return rc == H5_E_NOTFOUND
		   ? h5_err_set(e, H5_E_INPUT,
			 "%s is missing: restore it from a backup", path)
		   : rc;
}

static void
leave_month(struct pass *p)
{
	h5_file_drop(&p->old_fd);
	h5_files_ids_release(&p->live);
	h5_files_ids_release(&p->replaced);
	h5_archive_list_release(&p->had);
	h5_archive_drop(&p->w);
	h5_archive_gone_release(&p->gone);
}

static enum h5_code
one_month(struct pass *p, const char *name, struct h5_err *e)
{
	const struct h5_archive_month *old;
	enum h5_code rc;
	size_t i;

	old = h5_archive_head_find(&p->head, name);
	memset(&p->old, 0, sizeof p->old);
	memcpy(p->old.name, name, H5_ARCHIVE_MONTH);
	if (old != NULL)
		p->old = *old;
	p->old_fd = -1;
	memset(&p->w, 0, sizeof p->w);
	p->w.fd = -1;
	rc = read_month(p, e);
	p->total = p->done + p->live.n;
	for (i = 0; rc == H5_OK && i < p->live.n; i++)
		rc = one_live(p, p->live.v[i], e);
	if (rc == H5_OK)
		rc = copy_away(p, e);
	/* Begun, so there is something to be published; the writer closes its
	 * file at the end. */
	if (rc == H5_OK && p->w.month.generation > 0)
		rc = publish(p, e);
	if (rc == H5_OK)
		rc = h5_archive_gone_remove(p->st, &p->gone, &p->a->away, e);
	leave_month(p);
	return rc;
}

/* --- the pass ------------------------------------------------------------- */

enum h5_code
h5_archive_hold(struct h5_files *st, int how, int *fd, struct h5_err *e)
{
	enum h5_code rc;

	rc = h5_files_sub(st, H5_ARCHIVE_FOLDER, fd, e);
	if (rc == H5_E_NOTFOUND)
		return H5_OK;
	if (rc == H5_OK)
		rc = h5_file_lock(*fd, how, 0, e);
	if (rc == H5_E_BUSY)
		(void)h5_err_set(e, rc,
		    "another h5pay archive or fsck is running: try again "
		    "later");
	if (rc != H5_OK)
		h5_file_drop(fd);
	return rc;
}

/* The index of a first pass is there before its first file, or that file would
 * look like one whose index was lost. */
static enum h5_code
open_index(struct pass *p, struct h5_err *e)
{
	struct h5_archive_list none = {0};
	enum h5_code rc;

	rc = h5_archive_index_open(p->st, &p->index, &p->head, e);
	if (rc == H5_E_NOTFOUND) {
		rc = h5_archive_unindexed(p->st, e);
		if (rc == H5_E_NOTFOUND)
			rc = h5_archive_index_write(
			    p->st, NULL, NULL, &p->head, &none, e);
		if (rc == H5_OK)
			rc = h5_archive_index_open(
			    p->st, &p->index, &p->head, e);
	}
	return rc == H5_E_INPUT
		   ? h5_err_set(e, rc,
			 "%s is damaged: h5pay fsck --repair makes it again",
			 H5_ARCHIVE_INDEX)
		   : rc;
}

/* Days that stand for months: those with orders, and those with an archive. */
static enum h5_code
months_of(struct pass *p, struct h5_files_days *months, struct h5_err *e)
{
	char name[H5_CLOCK_DAY], last[H5_CLOCK_DAY] = "";
	enum h5_code rc;
	size_t i;

	rc = h5_files_days_add(p->st, "index/created", &p->days, e);
	for (i = 0; rc == H5_OK && i < p->days.n; i++) {
		memcpy(name, p->days.v[i], H5_CLOCK_DAY);
		memcpy(name + 8, "01", 3);
		if (strcmp(name, last) != 0)
			rc = h5_files_days_one(months, name, e);
		memcpy(last, name, H5_CLOCK_DAY);
	}
	for (i = 0; rc == H5_OK && i < p->head.n; i++) {
		memcpy(name, p->head.months[i].name, 7);
		memcpy(name + 7, "-01", 4);
		rc = h5_files_days_one(months, name, e);
	}
	h5_files_days_sort(months);
	return rc;
}

static enum h5_code
each_month(struct pass *p, struct h5_err *e)
{
	struct h5_files_days months = {0};
	char name[H5_ARCHIVE_MONTH];
	int64_t from;
	enum h5_code rc;
	size_t i;

	rc = months_of(p, &months, e);
	for (i = 0; rc == H5_OK && i < months.n; i++) {
		rc = h5_clock_from_day(months.v[i], &from, e);
		memcpy(name, months.v[i], 7);
		name[7] = '\0';
		if (rc == H5_OK && from < p->a->until)
			rc = one_month(p, name, e);
	}
	h5_files_days_release(&months);
	return rc;
}

enum h5_code
h5_files_away(void *store, struct h5_engine_away *a, struct h5_err *e)
{
	struct pass p = {.st = store, .a = a, .index = -1};
	enum h5_code rc;
	int hold = -1;

	a->away = 0;
	a->back = 0;
	a->rewritten = 0;
	h5_buf_init(&p.bytes, H5_RECORD_MAX);
	h5_buf_init(&p.other, H5_RECORD_MAX);
	h5_buf_init(&p.instead, H5_RECORD_MAX);
	rc = h5_file_mkdir(p.st->dir, H5_ARCHIVE_FOLDER, e);
	if (rc == H5_OK)
		rc = h5_archive_hold(p.st, LOCK_EX, &hold, e);
	if (rc == H5_OK)
		rc = open_index(&p, e);
	if (rc == H5_OK)
		rc = each_month(&p, e);
	h5_file_unlock(hold);
	h5_file_drop(&hold);
	h5_file_drop(&p.index);
	h5_archive_head_release(&p.head);
	h5_files_days_release(&p.days);
	h5_buf_release(&p.bytes);
	h5_buf_release(&p.other);
	h5_buf_release(&p.instead);
	return rc;
}
