/* The store on a disk that fails: each system call in turn, once and for
 * ever.  What was acknowledged is there afterwards, what was refused is not,
 * and the same step again heals. */
#include "tests/unit/help.h"

#include "tests/unit/shop.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/vfs.h>

#include "common/system/file.h"
#include "common/store/ledger.h"
#include "tests/unit/where.h"

#define ID "order-1"

/* --- the disk ------------------------------------------------------------- */

enum op {
	OPENAT,
	FSTAT,
	FLOCK,
	PREAD,
	WRITE,
	PWRITE,
	FSYNC,
	FDATASYNC,
	FTRUNCATE,
	LINKAT,
	MKDIRAT,
	LSEEK,
	CLOSE,
	OPS
};

static const char *const op_names[OPS] = {"openat", "fstat", "flock", "pread",
    "write", "pwrite", "fsync", "fdatasync", "ftruncate", "linkat", "mkdirat",
    "lseek", "close"};

static struct {
	int count[OPS]; /* calls so far */
	int at[OPS]; /* which call fails; 0: none */
	bool sticky; /* and all after it */
	int error;
	size_t most; /* bytes one write takes; 0: all */
	bool fired;
	bool no_tmpfile; /* a file system without nameless files */
	unsigned network; /* what kind of file system it says to be, or 0 */
	int64_t now_ms;
	int garble; /* which pread reads a wrong byte; 0: none */
	/* Somebody else does something just before this call. */
	enum op meet;
	int meet_at; /* which one; 0: none */
	void (*meet_fn)(void *arg);
	void (*pause_fn)(void *arg); /* ... or when a lock is waited for */
	void *arg;
	char *trace; /* what reached the disk, and in which order */
} disk;

static void
disk_good(void)
{
	int64_t now = disk.now_ms;

	memset(&disk, 0, sizeof disk);
	disk.now_ms = now;
}

static bool
fails(enum op op)
{
	int n = ++disk.count[op];

	if (n == disk.meet_at && op == disk.meet) {
		disk.meet_at = 0;
		disk.meet_fn(disk.arg);
	}
	if (disk.at[op] == 0 || n < disk.at[op] ||
	    (n > disk.at[op] && !disk.sticky))
		return false;
	disk.fired = true;
	errno = disk.error;
	return true;
}

#define TRACE 4096

/* Notes "what name; ", where name is fd's below the store. */
static void
note(const char *what, int fd)
{
	char link[64], path[FOLDER_PATH] = "", *name, *c;
	size_t n;

	if (disk.trace == NULL)
		return;
	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof path - 1) < 0)
		path[0] = '\0';
	name = strstr(path, "/store/");
	name = name != NULL ? name + 7 : path;
	if (strstr(path, " (deleted)") != NULL || strstr(name, "/#") != NULL) {
		memcpy(path, "nameless", 9);
		name = path;
	}
	/* Days and random names as a pattern. */
	for (c = name; *c != '\0'; c++)
		if (strncmp(c, "202", 3) == 0)
			memcpy(c, "DAY", 4);
		else if (strncmp(c, ".tmp-", 5) == 0)
			memcpy(c, "TMP", 4);
	n = strlen(disk.trace);
	(void)snprintf(disk.trace + n, TRACE - n, "%s %s; ", what, name);
}

int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int
__wrap_openat(int dir, const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (disk.no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return fails(OPENAT) ? -1 : __real_openat(dir, path, flags, mode);
}

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int
__wrap_fstat(int fd, struct stat *st)
{
	return fails(FSTAT) ? -1 : __real_fstat(fd, st);
}

int __real_flock(int fd, int how);
int __wrap_flock(int fd, int how);
int
__wrap_flock(int fd, int how)
{
	if (how == LOCK_UN)
		return __real_flock(fd, how);
	return fails(FLOCK) ? -1 : __real_flock(fd, how);
}

ssize_t __real_pread(int fd, void *p, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *p, size_t n, off_t at);
ssize_t
__wrap_pread(int fd, void *p, size_t n, off_t at)
{
	ssize_t got;

	if (fails(PREAD))
		return -1;
	got = __real_pread(fd, p, n, at);
	if (disk.garble == disk.count[PREAD] && got > 10)
		((char *)p)[10] ^= 4;
	return got;
}

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	note("write", fd);
	if (disk.most > 0 && n > disk.most)
		n = disk.most;
	return fails(WRITE) ? -1 : __real_write(fd, p, n);
}

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	return fails(PWRITE) ? -1 : __real_pwrite(fd, p, n, at);
}

/* What a sync would do to a real disk is not asked here. */
int __wrap_fsync(int fd);
int
__wrap_fsync(int fd)
{
	note("fsync", fd);
	return fails(FSYNC) ? -1 : 0;
}

int __wrap_fdatasync(int fd);
int
__wrap_fdatasync(int fd)
{
	note("fdatasync", fd);
	return fails(FDATASYNC) ? -1 : 0;
}

int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size);
int
__wrap_ftruncate(int fd, off_t size)
{
	note("cut", fd);
	return fails(FTRUNCATE) ? -1 : __real_ftruncate(fd, size);
}

int __real_linkat(int from, const char *a, int to, const char *b, int flags);
int __wrap_linkat(int from, const char *a, int to, const char *b, int flags);
int
__wrap_linkat(int from, const char *a, int to, const char *b, int flags)
{
	note("link into", to);
	return fails(LINKAT) ? -1 : __real_linkat(from, a, to, b, flags);
}

int __real_mkdirat(int dir, const char *path, mode_t mode);
int __wrap_mkdirat(int dir, const char *path, mode_t mode);
int
__wrap_mkdirat(int dir, const char *path, mode_t mode)
{
	return fails(MKDIRAT) ? -1 : __real_mkdirat(dir, path, mode);
}

off_t __real_lseek(int fd, off_t at, int whence);
off_t __wrap_lseek(int fd, off_t at, int whence);
off_t
__wrap_lseek(int fd, off_t at, int whence)
{
	return fails(LSEEK) ? -1 : __real_lseek(fd, at, whence);
}

int __real_close(int fd);
int __wrap_close(int fd);
int
__wrap_close(int fd)
{
	int rc = __real_close(fd);

	return fails(CLOSE) ? -1 : rc;
}

int __real_fstatfs(int fd, struct statfs *fs);
int __wrap_fstatfs(int fd, struct statfs *fs);
int
__wrap_fstatfs(int fd, struct statfs *fs)
{
	int rc = __real_fstatfs(fd, fs);

	if (disk.network != 0)
		memcpy(&fs->f_type, &(unsigned long){disk.network},
		    sizeof fs->f_type);
	return rc;
}

int64_t __wrap_h5_clock_mono_ms(void);
int64_t
__wrap_h5_clock_mono_ms(void)
{
	return disk.now_ms;
}

void __wrap_h5_clock_pause_ms(int ms);
void
__wrap_h5_clock_pause_ms(int ms)
{
	void (*fn)(void *arg) = disk.pause_fn;

	assert_true(ms > 0);
	disk.now_ms += ms;
	disk.pause_fn = NULL;
	if (fn != NULL)
		fn(disk.arg);
}

/* --- every call in turn --------------------------------------------------- */

/* A life of an order, one step a call; events: how many it adds. */
struct step {
	const char *name;
	int events;
	enum h5_code (*run)(struct h5_store *st);
};

static enum h5_code
step_create(struct h5_store *st)
{
	return shop_create(st, ID, T0);
}

static enum h5_code
step_query(struct h5_store *st)
{
	return shop_query(st, ID, "NOTPAY");
}

static enum h5_code
step_paid(struct h5_store *st)
{
	struct h5_event ev[2];

	paid_of(&ev[0], ID, "4200", T0);
	event_of(&ev[1], H5_EVENT_ALERT, T0, "alert", "late", "out_trade_no",
	    ID, NULL);
	return shop_update(st, ID, ev, 2);
}

static enum h5_code
step_again(struct h5_store *st)
{
	return shop_nothing(st, ID);
}

static enum h5_code
step_wake(struct h5_store *st)
{
	return shop_refund(st, ID, "r1", NULL);
}

static const struct step steps[] = {{"create", 1, step_create},
    {"query", 1, step_query}, {"paid", 2, step_paid}, {"again", 0, step_again},
    {"wake", 1, step_wake}};

/* What a program that starts now would see: the number of events. */
static int
visible(const struct shop *s)
{
	struct h5_store *st;
	int n;

	assert_int_equal(h5_store_open(WHERE(s->dir), 0, &st, NULL), H5_OK);
	n = shop_events(st, ID);
	h5_store_close(st);
	return n < 0 ? 0 : n;
}

static void
sound(const struct shop *s, const char *what)
{
	struct h5_store_report r = {.found = NULL};
	struct shop_seen seen;
	struct h5_store *st;

	assert_int_equal(h5_store_open(WHERE(s->dir), 0, &st, NULL), H5_OK);
	assert_int_equal(h5_store_check(st, false, &r, NULL), H5_OK);
	ROW(what, r.broken == 0 && r.unfinished == 0 && r.derived == 0);
	ROW(what, strcmp(shop_open_orders(st, &seen), ID " ") == 0);
	h5_store_close(st);
}

/* May a step that was refused still show?  Only where the last act of it
 * failed: a new name whose folder would not sync, a close. */
static bool
may_show(enum op op, const struct step *step)
{
	return op == CLOSE || (op == FSYNC && step->run == step_create);
}

/* One life with one fault; false: the fault's turn never came. */
static bool
live(struct shop *s, enum op op, int at, bool sticky, int error)
{
	char what[128];
	bool fired = false;
	int acked = 0, now;
	enum h5_code rc;
	size_t i;

	(void)snprintf(what, sizeof what, "%s %d%s errno %d", op_names[op], at,
	    sticky ? " and on" : "", error);
	disk_good();
	for (i = 0; i < COUNT(steps); i++) {
		disk.at[op] = fired ? 0 : at;
		disk.sticky = sticky;
		disk.error = error;
		rc = steps[i].run(s->st);
		at -= fired ? 0 : disk.count[op];
		fired = fired || disk.fired;
		disk_good();
		now = visible(s);
		disk_good();
		if (rc == H5_OK || rc == H5_E_EXISTS) {
			ROW(what, now == acked + steps[i].events);
		} else {
			ROW(what, fired);
			ROW(what, now == acked ||
				      (may_show(op, &steps[i]) &&
					  now == acked + steps[i].events));
			/* The same again heals. */
			if (now == acked)
				rc = steps[i].run(s->st);
			else
				rc = shop_nothing(s->st, ID);
			ROW(what, rc == H5_OK);
			ROW(what, visible(s) == acked + steps[i].events);
		}
		acked += steps[i].events;
	}
	sound(s, what);
	return fired;
}

/* Hundreds of stores are made: in memory, where that is to be had. */
static int
setup_in_memory(void **state)
{
	return shop_setup_in(
	    state, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

static void
every_call(enum op op, bool sticky, int error)
{
	struct folder gone;
	struct shop *s;
	void *state;
	bool fired;
	int at;

	for (at = 1, fired = true; fired; at++) {
		disk_good();
		(void)setup_in_memory(&state);
		s = state;
		/* So that it has to be made, as in a copy without it. */
		(void)snprintf(
		    gone.path, sizeof gone.path, "%.40s/orders/3", s->dir);
		folder_remove(&gone);
		fired = live(s, op, at, sticky, error);
		(void)shop_teardown(&state);
		assert_true(at < 500);
	}
	/* The trial is one only if the fault was there to meet; a spoiling
	 * write and a lock that is hard to get have their own tests. */
	if (op != PWRITE && op != FTRUNCATE)
		assert_true(at > 2);
}

static void
test_store_fault__each_call_fails_once(void **state)
{
	int op;

	(void)state;
	for (op = 0; op < OPS; op++) {
		every_call((enum op)op, false, EIO);
		every_call((enum op)op, false, ENOSPC);
	}
	disk_good();
}

static void
test_store_fault__each_call_fails_from_then_on(void **state)
{
	int op;

	(void)state;
	for (op = 0; op < OPS; op++) {
		every_call((enum op)op, true, EIO);
		every_call((enum op)op, true, EMFILE);
	}
	disk_good();
}

static void
test_store_fault__interrupted_calls_go_on(void **state)
{
	static const enum op ops[] = {WRITE, PREAD, FLOCK, FTRUNCATE};
	struct shop *s = *state;
	size_t i;
	int at;

	for (i = 0; i < COUNT(ops); i++)
		for (at = 1; at < 6; at++) {
			disk_good();
			disk.at[ops[i]] = at;
			disk.error = EINTR;
			(void)step_create(s->st);
			assert_int_equal(step_query(s->st), H5_OK);
			assert_int_equal(step_again(s->st), H5_OK);
		}
	disk_good();
	assert_int_equal(visible(s), 21);
}

static void
test_store_fault__short_writes_are_finished(void **state)
{
	struct shop *s = *state;

	disk_good();
	disk.most = 7;
	assert_int_equal(step_create(s->st), H5_OK);
	assert_int_equal(step_paid(s->st), H5_OK);
	assert_int_equal(step_wake(s->st), H5_OK);
	disk_good();
	assert_int_equal(visible(s), 4);
	sound(s, "short");
}

/* A disk that fills up in the middle of a line. */
static void
test_store_fault__a_half_written_line_is_cut_off(void **state)
{
	struct shop *s = *state;
	int at;

	disk_good();
	assert_int_equal(step_create(s->st), H5_OK);
	for (at = 2; at < 40; at++) {
		disk_good();
		disk.most = 20;
		disk.at[WRITE] = at;
		disk.sticky = true;
		disk.error = ENOSPC;
		if (step_paid(s->st) == H5_OK)
			break;
		disk_good();
		assert_int_equal(visible(s), 1);
	}
	assert_true(at > 5 && at < 40);
	disk_good();
	assert_int_equal(visible(s), 3);
}

/* Nothing works any more once the sync has failed: what cannot be cut off is
 * made unreadable, the whole unit of it. */
static void
test_store_fault__an_unsynced_unit_never_looks_good(void **state)
{
	struct shop *s = *state;
	struct h5_store_report r = {.found = NULL};

	disk_good();
	assert_int_equal(step_create(s->st), H5_OK);
	assert_int_equal(step_query(s->st), H5_OK);
	disk_good();
	disk.at[FDATASYNC] = 1;
	disk.at[FTRUNCATE] = 1;
	disk.error = EIO;
	assert_int_equal(step_paid(s->st), H5_E_IO);
	assert_int_equal(disk.count[PWRITE], 1);
	/* That descriptor is not synced again: it would lie. */
	assert_int_equal(disk.count[FDATASYNC], 1);
	disk_good();
	assert_int_equal(visible(s), 2);
	assert_int_equal(h5_store_check(s->st, false, &r, NULL), H5_OK);
	assert_int_equal(r.unfinished, 1);
	assert_int_equal(r.broken, 0);
	/* The next writer clears it away. */
	assert_int_equal(step_paid(s->st), H5_OK);
	assert_int_equal(visible(s), 4);
}

/* --- what a repetition costs, and what it does not skip ------------------- */

static void
test_store_fault__a_repetition_by_the_same_program_syncs_nothing(void **state)
{
	struct shop *s = *state;
	int i;

	disk_good();
	assert_int_equal(step_create(s->st), H5_OK);
	disk_good();
	assert_int_equal(step_again(s->st), H5_OK);
	assert_int_equal(step_create(s->st), H5_E_EXISTS);
	assert_int_equal(disk.count[FSYNC] + disk.count[FDATASYNC], 0);
	assert_int_equal(step_paid(s->st), H5_OK);
	/* Two lines, a sync each, and the folder not at all. */
	assert_int_equal(disk.count[FDATASYNC], 2);
	assert_int_equal(disk.count[FSYNC], 0);
	disk_good();
	assert_int_equal(step_query(s->st), H5_OK);
	assert_int_equal(disk.count[FDATASYNC], 1);
	assert_int_equal(disk.count[FSYNC], 0);
	disk_good();
	for (i = 0; i < 3; i++)
		assert_int_equal(step_again(s->st), H5_OK);
	assert_int_equal(disk.count[FSYNC] + disk.count[FDATASYNC], 0);
	assert_int_equal(disk.count[WRITE], 0);
}

static void
test_store_fault__another_program_makes_sure_once(void **state)
{
	struct shop *s = *state;

	disk_good();
	assert_int_equal(step_create(s->st), H5_OK);
	/* Whoever made it may have died before its folder was synced. */
	shop_reopen(s, 0);
	disk_good();
	assert_int_equal(step_create(s->st), H5_E_EXISTS);
	assert_int_equal(disk.count[FSYNC], 1);
	assert_int_equal(disk.count[FDATASYNC], 1);
	assert_int_equal(step_create(s->st), H5_E_EXISTS);
	assert_int_equal(disk.count[FSYNC] + disk.count[FDATASYNC], 2);
	shop_reopen(s, 0);
	disk_good();
	assert_int_equal(step_query(s->st), H5_OK);
	assert_int_equal(disk.count[FSYNC], 1);
	assert_int_equal(disk.count[FDATASYNC], 1);
	/* From the second unit on, its name is known to be safe. */
	shop_reopen(s, 0);
	disk_good();
	assert_int_equal(step_again(s->st), H5_OK);
	assert_int_equal(disk.count[FSYNC], 0);
	assert_int_equal(disk.count[FDATASYNC], 1);
	assert_int_equal(step_again(s->st), H5_OK);
	assert_int_equal(disk.count[FDATASYNC], 1);
}

/* Written by another program since: it may have been killed before its sync.
 */
static void
test_store_fault__a_foreign_line_is_synced_before_it_counts(void **state)
{
	struct shop *s = *state;
	struct h5_store *other;

	disk_good();
	assert_int_equal(step_create(s->st), H5_OK);
	assert_int_equal(h5_store_open(WHERE(s->dir), 0, &other, NULL), H5_OK);
	assert_int_equal(step_paid(other), H5_OK);
	disk_good();
	assert_int_equal(step_again(s->st), H5_OK);
	assert_int_equal(disk.count[FDATASYNC], 1);
	assert_int_equal(step_wake(other), H5_OK);
	disk_good();
	disk.at[FDATASYNC] = 1;
	disk.error = EIO;
	assert_int_equal(step_again(s->st), H5_E_IO);
	disk_good();
	assert_int_equal(step_again(s->st), H5_OK);
	assert_int_equal(disk.count[FDATASYNC], 1);
	h5_store_close(other);
}

static void
test_store_fault__a_folder_that_cannot_be_synced_acknowledges_nothing(
    void **state)
{
	struct shop *s = *state;

	disk_good();
	assert_int_equal(step_create(s->st), H5_OK);
	shop_reopen(s, 0);
	disk_good();
	disk.at[FSYNC] = 1;
	disk.sticky = true;
	disk.error = EIO;
	assert_int_equal(step_create(s->st), H5_E_IO);
	assert_int_equal(step_again(s->st), H5_E_IO);
	assert_int_equal(step_paid(s->st), H5_E_IO);
	disk_good();
	assert_int_equal(visible(s), 1);
}

/* The line that wakes an order is on disk before the event is written. */
static void
test_store_fault__no_event_wakes_an_order_unheard(void **state)
{
	struct shop *s = *state;
	struct shop_seen seen;

	disk_good();
	assert_int_equal(step_create(s->st), H5_OK);
	assert_int_equal(step_paid(s->st), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), "");
	disk_good();
	disk.at[FDATASYNC] = 1; /* the index's */
	disk.error = EIO;
	assert_int_equal(step_wake(s->st), H5_E_IO);
	disk_good();
	assert_int_equal(visible(s), 3);
	disk.at[FDATASYNC] = 2; /* the ledger's */
	disk.error = EIO;
	assert_int_equal(step_wake(s->st), H5_E_IO);
	disk_good();
	assert_int_equal(visible(s), 3);
	assert_string_equal(shop_open_orders(s->st, &seen), "");
	assert_int_equal(step_wake(s->st), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), ID " ");
}

/* --- what reaches the disk, in which order --- */

static void
trace_into(char trace[TRACE])
{
	disk_good();
	trace[0] = '\0';
	disk.trace = trace;
}

static void
test_store_fault__create_in_order(void **state)
{
	struct shop *s = *state;
	char trace[TRACE];

	assert_int_equal(shop_create(s->st, "order-0", T0), H5_OK);
	shop_reopen(s, 0);
	trace_into(trace);
	assert_int_equal(step_create(s->st), H5_OK);
	/* The index line, the folder, then the order. */
	assert_string_equal(trace,
	    "write index/created/DAY; fdatasync index/created/DAY; "
	    "fsync index/created; fsync orders/3; "
	    "write nameless; fsync nameless; link into orders/3/b; "
	    "fsync orders/3/b; ");
	trace_into(trace);
	assert_int_equal(shop_create(s->st, "order-10", T0), H5_OK);
	/* The second of the day need not sync the index's folder. */
	assert_null(strstr(trace, "fsync index/created;"));
	/* Nor a later one in the same folder the one above. */
	trace_into(trace);
	assert_int_equal(shop_create(s->st, "order-173", T0), H5_OK);
	assert_string_equal(trace,
	    "write index/created/DAY; fdatasync index/created/DAY; "
	    "write nameless; fsync nameless; link into orders/3/b; "
	    "fsync orders/3/b; ");
	disk_good();
}

/* An empty folder may be missing in a copy of a store, or vanish. */
static void
test_store_fault__a_missing_folder_is_made_and_synced(void **state)
{
	struct shop *s = *state;
	char trace[TRACE];
	struct folder gone;
	int i;

	(void)snprintf(gone.path, sizeof gone.path, "%.40s/orders/3", s->dir);
	for (i = 0; i < 2; i++) {
		folder_remove(&gone);
		trace_into(trace);
		assert_int_equal(step_create(s->st), H5_OK);
		assert_non_null(strstr(trace,
		    "fsync orders; fsync orders/3; "
		    "write nameless; fsync nameless; link into orders/3/b; "
		    "fsync orders/3/b; "));
	}
	disk_good();
}

static void
test_store_fault__update_in_order(void **state)
{
	struct shop *s = *state;
	char trace[TRACE];

	assert_int_equal(step_create(s->st), H5_OK);
	shop_reopen(s, 0);
	trace_into(trace);
	assert_int_equal(step_paid(s->st), H5_OK);
	assert_string_equal(trace,
	    "fsync orders/3/b; write orders/3/b/order-1.ledger; "
	    "fdatasync orders/3/b/order-1.ledger; "
	    "write orders/3/b/order-1.ledger; "
	    "fdatasync orders/3/b/order-1.ledger; ");
	trace_into(trace);
	assert_int_equal(step_wake(s->st), H5_OK);
	assert_string_equal(trace,
	    "write index/wake/DAY; fdatasync index/wake/DAY; "
	    "fsync index/wake; write orders/3/b/order-1.ledger; "
	    "fdatasync orders/3/b/order-1.ledger; ");
	disk_good();
}

static void
test_store_fault__a_sweep_remembers_only_what_is_on_disk(void **state)
{
	struct shop *s = *state;
	struct shop_seen seen;
	char trace[TRACE];

	assert_int_equal(step_create(s->st), H5_OK);
	trace_into(trace);
	assert_string_equal(shop_open_orders(s->st, &seen), ID " ");
	assert_string_equal(trace,
	    "fdatasync index/created/DAY; "
	    "write sweep/TMP; fsync sweep/TMP; fsync sweep; ");
	trace_into(trace);
	assert_string_equal(shop_open_orders(s->st, &seen), ID " ");
	assert_string_equal(trace, "");
	disk_good();
}

/* Where a file cannot be nameless, it has a temporary name first, never two. */
static void
test_store_fault__without_nameless_files(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH], trace[TRACE];
	struct stat st;
	int at;

	for (at = 1; at < 20; at++) {
		trace_into(trace);
		disk.no_tmpfile = true;
		disk.at[WRITE] = at;
		disk.error = ENOSPC;
		if (step_create(s->st) == H5_OK)
			break;
		disk_good();
		assert_int_equal(visible(s), 0);
	}
	assert_true(at > 1 && at < 20);
	assert_non_null(
	    strstr(trace, "write orders/3/b/TMP; fsync orders/3/b/TMP; "
			  "fsync orders/3/b; "));
	disk.no_tmpfile = true;
	assert_int_equal(step_create(s->st), H5_E_EXISTS);
	disk_good();
	shop_ledger(s, ID, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_nlink, 1);
	/* Nothing else lies in its folder. */
	assert_int_equal(unlink(path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0);
}

/* --- others at the worst moment ------------------------------------------- */

struct other {
	struct shop *s;
	int fd;
	char path[FOLDER_PATH];
};

/* A writer that holds the ledger, has just put the line into the index that
 * wakes the order, and writes the event only when the sweep waits for it. */
static void
write_event_and_let_go(void *arg)
{
	struct other *other = arg;
	struct h5_ledger_at at;
	struct h5_order *o;
	struct h5_event ev;
	struct h5_buf b;
	size_t whole, n;
	char *text;

	text = fixture(other->path, &n);
	assert_int_equal(
	    h5_ledger_fold(text, n, ID, &o, &whole, &at, NULL), H5_OK);
	h5_order_free(o);
	free(text);
	h5_buf_init(&b, 4096);
	event_of(&ev, H5_EVENT_REFUND_ASKED, T0, "out_refund_no", "r1",
	    "refund_fee", "1", NULL);
	assert_int_equal(h5_ledger_write(&at, &ev, &b, NULL), H5_OK);
	h5_event_release(&ev);
	assert_int_equal(
	    __real_pwrite(other->fd, b.data, b.len, (off_t)n), b.len);
	h5_buf_release(&b);
	assert_int_equal(__real_close(other->fd), 0);
}

static void
test_store_fault__a_sweep_waits_for_who_wakes_an_order(void **state)
{
	struct other other = {*state, -1, ""};
	struct shop *s = *state;
	char day[H5_CLOCK_DAY], name[64];
	struct shop_seen seen;

	disk_good();
	assert_int_equal(step_create(s->st), H5_OK);
	assert_int_equal(step_paid(s->st), H5_OK);
	assert_string_equal(shop_open_orders(s->st, &seen), "");
	shop_ledger(s, ID, other.path);
	other.fd = open(other.path, O_RDWR);
	assert_int_equal(__real_flock(other.fd, LOCK_EX), 0);
	h5_clock_day(h5_clock_now(), day);
	(void)snprintf(name, sizeof name, "store/index/wake/%s", day);
	folder_write(&s->f, name, ID "\n", 0600);
	disk.pause_fn = write_event_and_let_go;
	disk.arg = &other;
	assert_string_equal(shop_open_orders(s->st, &seen), ID " ");
	assert_null(disk.pause_fn);
	disk_good();
}

static void
replace_index(void *arg)
{
	struct other *other = arg;
	char path[FOLDER_PATH];

	folder_write(&other->s->f, "new", "order-0\n", 0600);
	assert_int_equal(
	    rename(folder_name(&other->s->f, "new", path), other->path), 0);
}

/* fsck has put a rebuilt index in its place between open and lock. */
static void
test_store_fault__a_line_goes_into_the_index_that_has_the_name(void **state)
{
	struct other other = {*state, -1, ""};
	struct shop *s = *state;
	struct shop_seen seen;

	disk_good();
	assert_int_equal(shop_create(s->st, "order-0", T0), H5_OK);
	folder_name(&s->f, "store/index/created/2026-11-23", other.path);
	disk_good();
	disk.meet = FLOCK;
	disk.meet_at = 1;
	disk.meet_fn = replace_index;
	disk.arg = &other;
	assert_int_equal(step_create(s->st), H5_OK);
	assert_int_equal(disk.meet_at, 0);
	disk_good();
	assert_string_equal(shop_open_orders(s->st, &seen), "order-0 order-1 ");
}

static void
pay_unsynced(void *arg)
{
	struct other *other = arg;
	struct h5_store *st;

	assert_int_equal(
	    h5_store_open(WHERE(other->s->dir), 0, &st, NULL), H5_OK);
	assert_int_equal(step_paid(st), H5_OK);
	h5_store_close(st);
}

/* A line came in between creation and the moment when this program takes the
 * ledger for synced: it must not count as such. */
static void
test_store_fault__a_creator_knows_only_its_own_line(void **state)
{
	struct other other = {*state, -1, ""};
	struct shop *s = *state;

	disk_good();
	assert_int_equal(shop_create(s->st, "order-0", T0), H5_OK);
	disk_good();
	/* Its folder's name, the file, its own name: the last sync. */
	disk.meet = FSYNC;
	disk.meet_at = 3;
	disk.meet_fn = pay_unsynced;
	disk.arg = &other;
	assert_int_equal(step_create(s->st), H5_OK);
	assert_int_equal(disk.meet_at, 0);
	disk_good();
	assert_int_equal(step_again(s->st), H5_OK);
	assert_int_equal(disk.count[FDATASYNC], 1);
}

/* What a reader without a lock may see while a writer cuts and writes. */
static void
test_store_fault__what_looks_broken_is_read_again(void **state)
{
	struct h5_store_report r = {.found = NULL};
	struct shop *s = *state;

	disk_good();
	assert_int_equal(step_create(s->st), H5_OK);
	assert_int_equal(step_query(s->st), H5_OK);
	disk_good();
	disk.garble = 1;
	assert_int_equal(shop_events(s->st, ID), 2);
	disk_good();
	disk.garble = 1;
	assert_int_equal(h5_store_check(s->st, false, &r, NULL), H5_OK);
	assert_int_equal(r.broken, 0);
	assert_int_equal(r.orders, 1);
	disk_good();
}

/* --- what is easily believed ---------------------------------------------- */

static void
test_store_fault__a_close_that_fails_is_told(void **state)
{
	struct shop *s = *state;

	disk_good();
	disk.at[CLOSE] = 1;
	disk.sticky = true;
	disk.error = EIO;
	assert_int_equal(step_create(s->st), H5_E_IO);
	assert_int_equal(step_paid(s->st), H5_E_IO);
	assert_true(disk.fired);
	disk_good();
	assert_int_equal(step_again(s->st), H5_OK);
}

static void
test_store_fault__without_nameless_files_a_name_is_given_once(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	struct h5_buf b;

	disk_good();
	disk.no_tmpfile = true;
	(void)snprintf(path, sizeof path, "%.40s/twice", s->dir);
	assert_int_equal(
	    h5_file_create(AT_FDCWD, path, "one", 3, 0600, NULL), H5_OK);
	assert_int_equal(
	    h5_file_create(AT_FDCWD, path, "two", 3, 0600, NULL), H5_E_EXISTS);
	h5_buf_init(&b, 16);
	assert_int_equal(h5_file_read(AT_FDCWD, path, &b, NULL), H5_OK);
	assert_string_equal(b.data, "one");
	h5_buf_release(&b);
	assert_int_equal(unlink(path), 0);
	disk_good();
}

static void
test_store_fault__a_store_on_a_network_is_refused(void **state)
{
	static const struct {
		unsigned kind;
		const char *name;
	} network[] = {{0x6969, "NFS"}, {0x517b, "SMB"}, {0xfe534d42, "SMB"},
	    {0xff534d42, "SMB"}, {0x01021997, "9p"}, {0x5346414f, "AFS"}};
	struct shop *s = *state;
	struct h5_store *st;
	struct h5_err e;
	size_t i;

	disk_good();
	for (i = 0; i < COUNT(network); i++) {
		disk.network = network[i].kind;
		assert_int_equal(
		    h5_store_open(WHERE(s->dir), 0, &st, &e), H5_E_CONFIG);
		assert_non_null(strstr(e.msg, network[i].name));
	}
	disk.network = 0xef53; /* ext4 */
	assert_int_equal(h5_store_open(WHERE(s->dir), 0, &st, NULL), H5_OK);
	h5_store_close(st);
	disk_good();
}

/* --- locks that are held -------------------------------------------------- */

static void
test_store_fault__a_held_lock_is_given_up_after_four_seconds(void **state)
{
	struct shop *s = *state;
	char path[FOLDER_PATH];
	int64_t began;
	int fd;

	disk_good();
	assert_int_equal(step_create(s->st), H5_OK);
	shop_ledger(s, ID, path);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	began = disk.now_ms;
	assert_int_equal(step_paid(s->st), H5_E_BUSY);
	assert_int_equal(disk.now_ms - began, 4000);
	/* Readers do not wait. */
	began = disk.now_ms;
	assert_int_equal(visible(s), 1);
	assert_int_equal(disk.now_ms, began);
	assert_int_equal(close(fd), 0);
	assert_int_equal(step_paid(s->st), H5_OK);
}

/* Lets go of a lock three seconds after it began to be waited for. */
struct letting_go {
	int fd;
	int64_t at_ms;
};

static void
let_go(void *arg)
{
	struct letting_go *l = arg;

	disk.pause_fn = let_go;
	if (disk.now_ms >= l->at_ms)
		(void)__real_flock(l->fd, LOCK_UN);
}

/* One lock after three seconds, and the next one never: four in all. */
static void
test_store_fault__one_deadline_covers_all_that_a_call_waits_for(void **state)
{
	char path[FOLDER_PATH], name[64], day[H5_CLOCK_DAY];
	struct letting_go ledger;
	struct shop *s = *state;
	int wake[2], i;

	disk_good();
	assert_int_equal(step_create(s->st), H5_OK);
	assert_int_equal(step_paid(s->st), H5_OK);
	/* Also the next day's index, should it begin just now. */
	for (i = 0; i < 2; i++) {
		h5_clock_day(h5_clock_now() + i * 86400, day);
		(void)snprintf(name, sizeof name, "store/index/wake/%s", day);
		wake[i] = open(
		    folder_name(&s->f, name, path), O_RDWR | O_CREAT, 0600);
		assert_true(wake[i] >= 0);
		assert_int_equal(__real_flock(wake[i], LOCK_EX), 0);
	}
	shop_ledger(s, ID, path);
	ledger.fd = open(path, O_RDWR);
	assert_true(ledger.fd >= 0);
	assert_int_equal(__real_flock(ledger.fd, LOCK_EX), 0);
	disk_good();
	ledger.at_ms = disk.now_ms + 3000;
	disk.pause_fn = let_go;
	disk.arg = &ledger;
	assert_int_equal(step_wake(s->st), H5_E_BUSY);
	assert_int_equal(disk.now_ms, ledger.at_ms + 1000);
	disk_good();
	assert_int_equal(close(ledger.fd), 0);
	assert_int_equal(close(wake[0]), 0);
	assert_int_equal(close(wake[1]), 0);
	assert_int_equal(visible(s), 3);
	assert_int_equal(step_wake(s->st), H5_OK);
}

static void
test_store_fault__a_talk_waits_as_long_as_told(void **state)
{
	struct h5_store_hold *a, *b;
	struct shop *s = *state;
	int64_t began;

	disk_good();
	assert_int_equal(h5_store_hold(s->st, ID, 0, 1000, &a, NULL), H5_OK);
	began = disk.now_ms;
	assert_int_equal(
	    h5_store_hold(s->st, ID, 0, 1000, &b, NULL), H5_E_BUSY);
	assert_int_equal(disk.now_ms, began);
	assert_int_equal(
	    h5_store_hold(s->st, ID, 16000, 1000, &b, NULL), H5_E_BUSY);
	assert_int_equal(disk.now_ms, began + 16000);
	h5_store_release(a);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, setup_in_memory, shop_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_store_fault__each_call_fails_once),
	    cmocka_unit_test(test_store_fault__each_call_fails_from_then_on),
	    TEST(test_store_fault__interrupted_calls_go_on),
	    TEST(test_store_fault__short_writes_are_finished),
	    TEST(test_store_fault__a_half_written_line_is_cut_off),
	    TEST(test_store_fault__an_unsynced_unit_never_looks_good),
	    TEST(
		test_store_fault__a_repetition_by_the_same_program_syncs_nothing),
	    TEST(test_store_fault__another_program_makes_sure_once),
	    TEST(test_store_fault__a_foreign_line_is_synced_before_it_counts),
	    TEST(
		test_store_fault__a_folder_that_cannot_be_synced_acknowledges_nothing),
	    TEST(test_store_fault__no_event_wakes_an_order_unheard),
	    TEST(test_store_fault__create_in_order),
	    TEST(test_store_fault__a_missing_folder_is_made_and_synced),
	    TEST(test_store_fault__update_in_order),
	    TEST(test_store_fault__a_sweep_remembers_only_what_is_on_disk),
	    TEST(test_store_fault__without_nameless_files),
	    TEST(test_store_fault__a_sweep_waits_for_who_wakes_an_order),
	    TEST(
		test_store_fault__a_line_goes_into_the_index_that_has_the_name),
	    TEST(test_store_fault__a_creator_knows_only_its_own_line),
	    TEST(test_store_fault__what_looks_broken_is_read_again),
	    TEST(test_store_fault__a_close_that_fails_is_told),
	    TEST(test_store_fault__a_store_on_a_network_is_refused),
	    TEST(test_store_fault__without_nameless_files_a_name_is_given_once),
	    TEST(test_store_fault__a_held_lock_is_given_up_after_four_seconds),
	    TEST(
		test_store_fault__one_deadline_covers_all_that_a_call_waits_for),
	    TEST(test_store_fault__a_talk_waits_as_long_as_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
