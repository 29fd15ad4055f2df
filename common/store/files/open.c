/* Finds the orders that are not at rest without reading those that are.
 *
 * For each day one small file remembers how far the day's two indexes were
 * read and which of the orders named there may still need care.  It claims:
 * every other order named in the part that was read was seen at rest, after
 * that part was read.  An order that wakes up later gets a new line first,
 * behind that part (h5_files_append).  So the claim stays true however old
 * the file is: sweeps may overtake each other, and whichever writes last, no
 * order is missed.  Without the file, or with one that does not fit the
 * indexes, the day is read anew. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "common/base/text.h"
#include "common/store/files/internal.h"
#include "common/base/sum.h"

#define HEAD "h5pay sweep 1\n"
#define END "end\n"
#define TAIL_BYTES 64

static const char *const names[] = {
    [H5_FILES_CREATED] = "created", [H5_FILES_WAKE] = "wake"};

/* --- the file of a day ---------------------------------------------------- */

static void
sweep_path(const char *day, char out[H5_FILES_PATH])
{
	(void)snprintf(out, H5_FILES_PATH, "sweep/%s", day);
}

void
h5_files_sweep_release(struct h5_files_sweep *s)
{
	h5_files_ids_release(&s->open);
	memset(s, 0, sizeof *s);
}

/* Takes the number n of a row "word n" or "word n m"; *p moves behind it. */
static bool
take_number(const char **p, char end, uint64_t *n)
{
	const char *stop = strchr(*p, end);
	char digits[24];
	size_t len;

	*n = 0;
	/* A row that does not fit the array is no row of ours. */
	len = stop != NULL ? (size_t)(stop - *p) : sizeof digits;
	if (len >= sizeof digits)
		return false;
	memcpy(digits, *p, len);
	digits[len] = '\0';
	*p = stop + 1;
	/* Well below the limit, so that sums of two never overflow. */
	return h5_text_u64(digits, 0, UINT64_MAX / 16, n, NULL) == H5_OK;
}

static bool
take_word(const char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*p, word, n) != 0 || (*p)[n] != ' ')
		return false;
	*p += n + 1;
	return true;
}

static enum h5_code
parse(const char *p, size_t n, struct h5_files_sweep *s, bool *sound,
    struct h5_err *e)
{
	const char *end = p + n - (sizeof END - 1);
	uint64_t hooks = 0, at[2] = {0, 0}, count = 0;
	char id[H5_ORDER_ID_MAX + 1];
	enum h5_code rc = H5_OK;
	bool good;
	size_t i;

	/* The end mark: without it the file was cut short, and a list of open
	 * orders that lacks some is worse than none. */
	*sound = n > sizeof HEAD + sizeof END &&
		 memcmp(p, HEAD, sizeof HEAD - 1) == 0 &&
		 memcmp(end, END, sizeof END - 1) == 0;
	if (!*sound)
		return H5_OK;
	p += sizeof HEAD - 1;
	*sound = take_word(&p, "hooks") && take_number(&p, '\n', &hooks);
	for (i = 0; *sound && i < 2; i++)
		*sound = take_word(&p, names[i]) &&
			 take_number(&p, ' ', &at[i]) &&
			 take_number(&p, '\n', &s->tail[i]);
	*sound =
	    *sound && take_word(&p, "open") && take_number(&p, '\n', &count);
	while (*sound && rc == H5_OK && h5_files_line(&p, end, id, &good)) {
		*sound = id[0] != '\0';
		if (*sound)
			rc = h5_files_ids_add(&s->open, id, NULL, e);
	}
	/* The count catches a list that lost lines in its middle. */
	*sound = *sound && p == end && s->open.n == count;
	s->hooks = (unsigned)hooks;
	s->offset[0] = (size_t)at[0];
	s->offset[1] = (size_t)at[1];
	return rc;
}

enum h5_code
h5_files_sweep_read(struct h5_files *st, const char *day,
    struct h5_files_sweep *s, bool *sound, struct h5_err *e)
{
	char path[H5_FILES_PATH];
	struct h5_buf b;
	enum h5_code rc;

	*sound = true;
	memset(s, 0, sizeof *s);
	h5_buf_init(&b, H5_FILES_INDEX);
	sweep_path(day, path);
	rc = h5_file_read(st->dir, path, &b, e);
	if (rc == H5_OK)
		rc = parse(b.data, b.len, s, sound, e);
	else if (rc == H5_E_NOTFOUND)
		rc = H5_OK;
	h5_buf_release(&b);
	/* A damaged file is treated like a missing one: the day is read
	 * anew. */
	if (rc != H5_OK || !*sound)
		h5_files_sweep_release(s);
	return rc;
}

static enum h5_code
write_sweep(struct h5_files *st, const char *day,
    const struct h5_files_sweep *s, struct h5_err *e)
{
	char path[H5_FILES_PATH];
	struct h5_buf b;
	enum h5_code rc;
	size_t i;

	h5_buf_init(&b, H5_FILES_INDEX);
	/* The hooks of this program: what it found at rest is at rest for
	 * these. */
	h5_buf_printf(&b, HEAD "hooks %u\n", st->hooks);
	for (i = 0; i < 2; i++)
		h5_buf_printf(&b, "%s %zu %" PRIu64 "\n", names[i],
		    s->offset[i], s->tail[i]);
	h5_buf_printf(&b, "open %zu\n", s->open.n);
	for (i = 0; i < s->open.n; i++)
		h5_buf_printf(&b, "%s\n", s->open.v[i]);
	h5_buf_puts(&b, END);
	rc = h5_buf_finish(&b, e);
	sweep_path(day, path);
	if (rc == H5_OK)
		rc = h5_file_replace(st->dir, path, b.data, b.len, 0600, e);
	/* An operator removed the folder, which is as good as a fresh start. */
	if (rc == H5_E_NOTFOUND) {
		rc = h5_file_mkdir(st->dir, "sweep", e);
		if (rc == H5_OK)
			rc = h5_file_replace(
			    st->dir, path, b.data, b.len, 0600, e);
	}
	h5_buf_release(&b);
	return rc;
}

/* --- what is new ---------------------------------------------------------- */

/* The bytes just before the offset: they tell whether the index is still the
 * one that was read (it may have been rebuilt, or come from a backup). */
static enum h5_code
tail_of(int fd, size_t offset, uint64_t *tail, struct h5_err *e)
{
	size_t n = offset < TAIL_BYTES ? offset : TAIL_BYTES;
	struct h5_buf b;
	enum h5_code rc;

	*tail = 0;
	if (n == 0)
		return H5_OK;
	h5_buf_init(&b, TAIL_BYTES);
	rc = h5_file_slurp(fd, offset - n, n, &b, e);
	if (rc == H5_OK)
		/* The length goes into the sum, so that an empty tail is not 0
		 * by chance. */
		*tail = h5_sum_64(b.data, b.len, b.len) >> 8;
	h5_buf_release(&b);
	return rc;
}

/* Takes in one index beyond what was read; *fits: false if that cannot be
 * continued. */
static enum h5_code
take_in(struct h5_files *st, enum h5_files_index which, const char *day,
    struct h5_files_sweep *s, bool *fits, int *fd, struct h5_err *e)
{
	char id[H5_ORDER_ID_MAX + 1];
	const char *p, *end;
	struct h5_buf b;
	enum h5_code rc;
	uint64_t tail = 0;
	bool good;

	h5_buf_init(&b, H5_FILES_INDEX);
	rc = h5_files_index_read(st, which, day, s->offset[which], fd, &b, e);
	if (rc == H5_OK && *fd >= 0)
		rc = tail_of(*fd, s->offset[which], &tail, e);
	*fits = *fits && tail == s->tail[which];
	/* What is remembered as read must not vanish in a power cut and be
	 * written anew with other lines. */
	if (rc == H5_OK && b.len > 0)
		rc = h5_file_sync_data(*fd, e);
	p = b.data;
	end = p + b.len;
	while (rc == H5_OK && *fits && h5_files_line(&p, end, id, &good))
		if (id[0] != '\0')
			rc = h5_files_ids_add(&s->open, id, NULL, e);
	/* Only whole lines count as read; the rest of one is read next time. */
	if (rc == H5_OK && *fits && p > b.data) {
		s->offset[which] += (size_t)(p - b.data);
		rc = tail_of(*fd, s->offset[which], &s->tail[which], e);
	}
	h5_buf_release(&b);
	return rc;
}

enum h5_code
h5_files_sweep_news(struct h5_files *st, const char *day,
    struct h5_files_sweep *s, int *fd, struct h5_err *e)
{
	/* An order that was at rest may not be for a new hook. */
	bool fits = (st->hooks & ~s->hooks) == 0;
	int turn, wake = -1;
	enum h5_code rc = H5_OK;

	*fd = -1;
	/* There are two turns at most: what cannot be continued is thrown away,
	 * and the second turn starts at 0, where everything fits. */
	for (turn = 0; turn < 2; turn++) {
		if (!fits)
			h5_files_sweep_release(s);
		fits = true;
		h5_file_drop(fd);
		rc = take_in(st, H5_FILES_CREATED, day, s, &fits, fd, e);
		if (rc == H5_OK)
			rc =
			    take_in(st, H5_FILES_WAKE, day, s, &fits, &wake, e);
		h5_file_drop(&wake);
		if (rc != H5_OK || fits)
			break;
	}
	if (rc != H5_OK)
		h5_file_drop(fd);
	return rc;
}

/* --- what is open of a day
 * ------------------------------------------------------------ */

/* Does it need no more care?  *missing: there is no such order. */
static bool
may_rest(struct h5_files *st, const char *id, bool *missing)
{
	int64_t until = h5_clock_mono_ms() + st->budget_ms;
	struct h5_order *o;
	enum h5_code rc;
	bool rests;

	/* First without a lock: nearly all orders are open or at rest for
	 * good. */
	rc = h5_record_load(st->self, st, id, until, &o, NULL);
	*missing = rc == H5_E_NOTFOUND;
	rests = rc == H5_OK && h5_order_at_rest(o, st->hooks);
	h5_order_free(o);
	if (!rests)
		return false;
	/* An update that will wake it may have its index line, just read, but
	 * not its event: after waiting for it the answer counts. */
	rc = h5_record_read(st->self, st, id, H5_ENGINE_CALM, until, &o, NULL);
	rests = rc == H5_OK && h5_order_at_rest(o, st->hooks);
	h5_order_free(o);
	return rests;
}

/* Orders that are named but not there: being created just now, or their
 * creation was cut short.  A creation holds the index until it is done. */
static enum h5_code
drop_missing(struct h5_files *st, int fd, struct h5_files_ids *missing,
    struct h5_files_ids *kept, struct h5_err *e)
{
	struct h5_file_look look;
	enum h5_code rc = H5_OK;
	bool held, gone = false;
	size_t i;

	/* Without waiting: a creation holds the file shared, and if there is
	 * one, the missing order may just be coming. */
	held = fd >= 0 && missing->n > 0 &&
	       h5_file_lock(fd, LOCK_EX, 0, NULL) == H5_OK &&
	       h5_file_look(fd, &look, NULL) == H5_OK && look.named;
	for (i = 0; i < missing->n && rc == H5_OK; i++) {
		if (held)
			/* It is asked again under the lock, where "missing" is
			 * certain. */
			(void)may_rest(st, missing->v[i], &gone);
		if (!held || !gone)
			rc = h5_files_ids_add(kept, missing->v[i], NULL, e);
	}
	return rc;
}

/* Leaves in s->open what is not at rest; *changed: that is less. */
static enum h5_code
sift(struct h5_files *st, int fd, struct h5_files_sweep *s, bool *changed,
    struct h5_err *e)
{
	struct h5_files_ids missing = {0}, kept = {0};
	enum h5_code rc = H5_OK;
	bool gone;
	size_t i;

	for (i = 0; i < s->open.n && rc == H5_OK; i++)
		if (!may_rest(st, s->open.v[i], &gone))
			rc = h5_files_ids_add(
			    gone ? &missing : &kept, s->open.v[i], NULL, e);
	if (rc == H5_OK)
		rc = drop_missing(st, fd, &missing, &kept, e);
	h5_files_ids_release(&missing);
	if (rc != H5_OK) {
		h5_files_ids_release(&kept);
		return rc;
	}
	*changed = kept.n < s->open.n;
	h5_files_ids_release(&s->open);
	s->open = kept;
	return H5_OK;
}

enum h5_code
h5_files_open_day(struct h5_files *st, const char *day,
    struct h5_files_ids *open, enum h5_code *noted, struct h5_err *why,
    struct h5_err *e)
{
	struct h5_files_sweep s;
	bool sound, changed = false;
	size_t before[2];
	unsigned hooks;
	enum h5_code rc;
	int fd = -1;

	*noted = H5_OK;
	rc = h5_files_sweep_read(st, day, &s, &sound, e);
	memcpy(before, s.offset, sizeof before);
	hooks = s.hooks;
	if (rc == H5_OK)
		rc = h5_files_sweep_news(st, day, &s, &fd, e);
	if (rc == H5_OK)
		rc = sift(st, fd, &s, &changed, e);
	h5_file_drop(&fd);
	changed = changed || !sound || hooks != st->hooks ||
		  memcmp(before, s.offset, sizeof before) != 0;
	if (rc == H5_OK && changed)
		*noted = write_sweep(st, day, &s, why);
	if (rc == H5_OK) {
		*open = s.open;
		memset(&s.open, 0, sizeof s.open);
	}
	h5_files_sweep_release(&s);
	return rc;
}
