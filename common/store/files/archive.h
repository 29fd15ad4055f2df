/* archive.h - what the parts of the archive share: one compressed file a month,
 * and one index of all ids in them.
 *
 * A month's file is replaced as a whole, under a new name (its generation), and
 * the index names the one that counts.  So at each moment there is an index and
 * the files it names: readers need no lock.  A record that has a ledger is
 * never looked for here: the ledger counts. */
#ifndef H5_STORE_FILES_ARCHIVE_H
#define H5_STORE_FILES_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/store/files/internal.h"

#define H5_ARCHIVE_FOLDER "archive"
#define H5_ARCHIVE_INDEX "archive/index"
#define H5_ARCHIVE_MONTH 8 /* "2026-10" and NUL */
#define H5_ARCHIVE_MEMBER (H5_RECORD_MAX + 65536) /* most bytes, compressed */

/* Where one record is. */
struct h5_archive_entry {
	char id[H5_ORDER_ID_MAX + 1];
	char month[H5_ARCHIVE_MONTH];
	uint64_t at; /* offset in its month's file */
	size_t len; /* bytes there, compressed */
};

/* A growing list of them. */
struct h5_archive_list {
	struct h5_archive_entry *v;
	size_t n, cap;
};
H5_MUST_CHECK enum h5_code h5_archive_list_add(struct h5_archive_list *l,
    const struct h5_archive_entry *entry, struct h5_err *e);
void h5_archive_list_release(struct h5_archive_list *l);

/* A month's file, as the index names it. */
struct h5_archive_month {
	char name[H5_ARCHIVE_MONTH];
	unsigned generation; /* 1 or more; 0: there is none */
	uint64_t orders;
	uint64_t bytes;
};

/* The head of the index. */
struct h5_archive_head {
	struct h5_archive_month *months; /* each once, in any order */
	size_t n;
	size_t at; /* where the lines of ids begin */
	uint64_t ids;
};

/* --- the index (archive_index.c) --- */

/* h5_archive_path(m, out): "archive/2026-10.1.gz". */
void h5_archive_path(const struct h5_archive_month *m, char out[H5_FILES_PATH]);

void h5_archive_head_release(struct h5_archive_head *head);
/* h5_archive_head_find(head, name): that month, or NULL. */
struct h5_archive_month *h5_archive_head_find(
    const struct h5_archive_head *head, const char *name);

/* h5_archive_sum(id): what the lines are sorted by; ids of the same sum by
 * themselves. */
uint64_t h5_archive_sum(const char *id);
/* h5_archive_line(fd, head, n, en, e): the n-th line of the index, from 0.
 * H5_E_INPUT: it is damaged. */
H5_MUST_CHECK enum h5_code h5_archive_line(int fd,
    const struct h5_archive_head *head, uint64_t n, struct h5_archive_entry *en,
    struct h5_err *e);
/* h5_archive_lines(fd, head, month, l, e): add the entries of the month, or of
 * all months if it is NULL.
 * H5_E_INPUT: a line is damaged, or they are out of order. */
H5_MUST_CHECK enum h5_code h5_archive_lines(int fd,
    const struct h5_archive_head *head, const char *month,
    struct h5_archive_list *l, struct h5_err *e);

/* h5_archive_index_write(st, old, without, head, l, e): put a new index in the
 * place of the old one: the lines of old (NULL: none) but for those of one
 * month, and those of l, which is sorted here.  head: the months of the new
 * one.  Durable.
 * H5_E_INPUT: the old one is damaged. */
struct h5_archive_old {
	int fd;
	const struct h5_archive_head *head;
};
H5_MUST_CHECK enum h5_code h5_archive_index_write(struct h5_files *st,
    const struct h5_archive_old *old, const char *without,
    const struct h5_archive_head *head, struct h5_archive_list *l,
    struct h5_err *e);
/* h5_archive_index_open(st, fd, head, e): the index that stands there now.
 * H5_E_NOTFOUND: there is none. */
H5_MUST_CHECK enum h5_code h5_archive_index_open(struct h5_files *st, int *fd,
    struct h5_archive_head *head, struct h5_err *e);
/* h5_archive_unindexed(st, e): what it means that there is no index.
 * H5_E_NOTFOUND: nothing is archived.
 * H5_E_IO: there are archives, so the index was lost. */
H5_MUST_CHECK enum h5_code h5_archive_unindexed(
    struct h5_files *st, struct h5_err *e);
/* h5_archive_close(st): forget what find has read. */
void h5_archive_close(struct h5_files *st);

/* h5_archive_find(st, id, month, entry, e): where id is.
 * H5_E_NOTFOUND: it is in no archive.
 * H5_E_IO: the index is missing or damaged, or a system call failed. */
H5_MUST_CHECK enum h5_code h5_archive_find(struct h5_files *st, const char *id,
    struct h5_archive_month *month, struct h5_archive_entry *entry,
    struct h5_err *e);
/* h5_archive_read(st, id, out, e): the bytes of the record of id.
 * H5_E_NOTFOUND: it is in no archive.
 * H5_E_INPUT: it is damaged.
 * H5_E_IO: as above. */
H5_MUST_CHECK enum h5_code h5_archive_read(
    struct h5_files *st, const char *id, struct h5_buf *out, struct h5_err *e);

/* --- a month's file (archive_month.c) --- */

/* A new file that is being written. */
struct h5_archive_writer {
	struct h5_files *st;
	struct h5_archive_month month;
	int fd; /* -1: not begun */
	uint64_t sum; /* of all bytes so far */
	struct h5_buf packed; /* not written yet */
	struct h5_archive_list list; /* what is in it */
};
/* h5_archive_begin(w, st, old, e): begin the generation after old's. */
H5_MUST_CHECK enum h5_code h5_archive_begin(struct h5_archive_writer *w,
    struct h5_files *st, const struct h5_archive_month *old, struct h5_err *e);
/* h5_archive_put(w, id, bytes, e): add a record. */
H5_MUST_CHECK enum h5_code h5_archive_put(struct h5_archive_writer *w,
    const char *id, const struct h5_buf *bytes, struct h5_err *e);
/* h5_archive_end(w, e): write its last line; durable with its name. */
H5_MUST_CHECK enum h5_code h5_archive_end(
    struct h5_archive_writer *w, struct h5_err *e);
/* h5_archive_drop(w): close it and forget it; the file stays. */
void h5_archive_drop(struct h5_archive_writer *w);

/* h5_archive_member(fd, at, len, out, e): the content of one member.
 * H5_E_INPUT: damaged. */
H5_MUST_CHECK enum h5_code h5_archive_member(
    int fd, uint64_t at, size_t len, struct h5_buf *out, struct h5_err *e);

/* h5_archive_scan(fd, size, month, each, arg, whole, e): call each for every
 * record of the file, in its order; bytes is empty if the record is damaged.
 * *whole: the file is what was written, to the last byte. */
typedef enum h5_code (*h5_archive_each_fn)(void *arg, uint64_t at, size_t len,
    const struct h5_buf *bytes, struct h5_err *e);
H5_MUST_CHECK enum h5_code h5_archive_scan(int fd, uint64_t size,
    const char *month, h5_archive_each_fn each, void *arg, bool *whole,
    struct h5_err *e);

/* --- ledgers that are in an archive now (archive_gone.c) --- */

/* What a ledger was when it was put away. */
struct h5_archive_ledger {
	char id[H5_ORDER_ID_MAX + 1];
	size_t size;
	uint64_t sum;
};
struct h5_archive_gone {
	struct h5_archive_ledger *v;
	size_t n, cap;
};
H5_MUST_CHECK enum h5_code h5_archive_gone_add(struct h5_archive_gone *l,
    const char *id, const struct h5_buf *bytes, struct h5_err *e);
/* h5_archive_gone_remove(st, l, removed, e): remove each that is still what it
 * was; durable. */
H5_MUST_CHECK enum h5_code h5_archive_gone_remove(struct h5_files *st,
    const struct h5_archive_gone *l, uint64_t *removed, struct h5_err *e);
void h5_archive_gone_release(struct h5_archive_gone *l);

/* --- files.c's table, and fsck --- */
H5_MUST_CHECK enum h5_code h5_files_away(
    void *store, struct h5_engine_away *a, struct h5_err *e);
/* h5_archive_hold(st, how, fd, e): keep passes out; how: LOCK_EX, or LOCK_SH to
 * let other checks in.  *fd: -1: there are no archives.
 * H5_E_BUSY: one is under way. */
H5_MUST_CHECK enum h5_code h5_archive_hold(
    struct h5_files *st, int how, int *fd, struct h5_err *e);
/* h5_archive_check(c, e): read every archive, and compare the index. */
H5_MUST_CHECK enum h5_code h5_archive_check(
    struct h5_files_checking *c, struct h5_err *e);
/* h5_archive_name(name): is it a month's file?  *m: which. */
bool h5_archive_name(const char *name, struct h5_archive_month *m);

#endif
