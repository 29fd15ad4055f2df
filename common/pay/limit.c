/* Counts what each address and the whole machine start, and says when it is
 * too much. */
#include "common/pay/limit.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/sum.h"
#include "common/system/crypto.h"
#include "common/system/file.h"
#include "common/system/state.h"

#define MAGIC "h5limit1"
#define SECOND INT64_C(1000000000) /* ns */
#define MINUTE (60 * SECOND)
#define FEW 3 /* with fewer starts this minute a buyer is not the flood */
#define WAYS 8 /* addresses that share one place of the table */
#define PLACES 1024
/* The lock is held for a few reads and writes only, and a buyer waits for it.
 */
#define LOCK_MS 50

/* The file: a head, then PLACES times WAYS addresses, in this machine's bytes.
 * A record that does not fit its sum is an empty one. */

/* A bucket that drains evenly, as the time at which it will be empty: what is
 * in it is that time less now. */
struct head {
	char magic[8];
	uint64_t salt; /* so that nobody can choose which addresses meet */
	int64_t empty_at; /* ns; new orders of the whole machine */
	uint64_t sum;
};

struct address {
	uint64_t key; /* 0: nobody */
	int64_t empty_at; /* ns */
	int64_t since; /* ns: when its present minute began */
	uint32_t starts; /* in that minute */
	uint32_t sum;
};

#define PLACE_BYTES (WAYS * sizeof(struct address))

/* One look at the file. */
struct count {
	int fd;
	int64_t now; /* ns */
	struct head head;
	struct address place[WAYS];
	size_t place_at; /* offset */
	struct address *mine; /* NULL: not counted by itself */
	int64_t wait; /* ns, after a refusal */
	const char *full; /* the key that refuses; NULL: none does */
};

static uint64_t
head_sum(const struct head *h)
{
	return h5_sum_64(h, offsetof(struct head, sum), 0);
}

static uint32_t
address_sum(const struct count *n, const struct address *a)
{
	return (uint32_t)h5_sum_64(
	    a, offsetof(struct address, sum), n->head.salt);
}

/* --- whose address -------------------------------------------------------- */

/* An IPv4 address, or the /64 of an IPv6 one, of which a household has all.
 * Public IPv6 addresses begin with 001, so the two never meet. */
static uint64_t
key_of(const struct h5_config *c, const char *ip)
{
	struct h5_netaddr a;
	uint64_t key = 0;
	unsigned i;

	if (h5_netaddr_read(ip, &a, NULL) != H5_OK || !h5_netaddr_public(&a))
		return 0;
	for (i = 0; i < c->site.n_trusted_proxies; i++)
		if (h5_netaddr_in(&a, &c->site.trusted_proxies[i]))
			return 0;
	for (i = 0; i < (a.len == 4 ? 4 : 8); i++)
		key = key << 8 | a.bytes[i];
	return key;
}

/* --- the file ------------------------------------------------------------- */

static enum h5_code
read_head(struct count *n, struct h5_err *e)
{
	enum h5_code rc =
	    h5_file_read_at(n->fd, 0, &n->head, sizeof n->head, e);

	if (rc != H5_OK ||
	    (memcmp(n->head.magic, MAGIC, sizeof n->head.magic) == 0 &&
		n->head.sum == head_sum(&n->head)))
		return rc;
	/* New, torn or another version's: under another salt no record of it
	 * fits its sum. */
	rc = h5_file_cut(n->fd, 0, e);
	memcpy(n->head.magic, MAGIC, sizeof n->head.magic);
	n->head.empty_at = 0;
	if (rc == H5_OK)
		rc = h5_crypto_random(&n->head.salt, sizeof n->head.salt, e);
	n->head.sum = head_sum(&n->head);
	if (rc == H5_OK)
		rc = h5_file_write_at(n->fd, 0, &n->head, sizeof n->head, e);
	return rc;
}

/* If a place is full, the address with the fewest starts is given up for a new
 * one: to forget it helps a flood least. */
static bool
tells_less(const struct address *a, const struct address *b)
{
	if (a->starts != b->starts)
		return a->starts < b->starts;
	return a->empty_at < b->empty_at;
}

static enum h5_code
read_place(struct count *n, uint64_t key, struct h5_err *e)
{
	struct address *a;
	enum h5_code rc;

	n->place_at = PLACE_BYTES *
		      (1 + h5_sum_64(&key, sizeof key, n->head.salt) % PLACES);
	rc = h5_file_read_at(n->fd, n->place_at, n->place, sizeof n->place, e);
	if (rc != H5_OK)
		return rc;
	n->mine = n->place;
	for (a = n->place; a < n->place + WAYS; a++) {
		/* A time far ahead comes from before the clock was set back. */
		if (a->sum != address_sum(n, a) ||
		    a->empty_at > n->now + MINUTE || a->since > n->now)
			memset(a, 0, sizeof *a);
		if (n->now - a->since >= MINUTE)
			a->starts = 0;
		if (n->mine->key != key &&
		    (a->key == key || tells_less(a, n->mine)))
			n->mine = a;
	}
	if (n->mine->key != key)
		memset(n->mine, 0, sizeof *n->mine);
	n->mine->key = key;
	return H5_OK;
}

static enum h5_code
write_all(struct count *n, bool head, struct h5_err *e)
{
	enum h5_code rc = H5_OK;

	if (n->mine != NULL) {
		n->mine->sum = address_sum(n, n->mine);
		rc = h5_file_write_at(n->fd,
		    n->place_at +
			(size_t)(n->mine - n->place) * sizeof *n->mine,
		    n->mine, sizeof *n->mine, e);
	}
	if (rc == H5_OK && head) {
		n->head.sum = head_sum(&n->head);
		rc = h5_file_write_at(n->fd, 0, &n->head, sizeof n->head, e);
	}
	return rc;
}

/* --- the rule ------------------------------------------------------------- */

/* What is in a bucket, as the time it takes to drain. */
static int64_t
level(const struct count *n, int64_t empty_at)
{
	return empty_at > n->now ? empty_at - n->now : 0;
}

/* Is there room for one more, where full is all that it holds?  If not, when
 * there will be. */
static bool
has_room(struct count *n, int64_t have, int64_t one, int64_t full)
{
	if (have + one <= full)
		return true;
	if (n->wait < have + one - full)
		n->wait = have + one - full;
	return false;
}

/* In the last tenth an address may have no more starts than are left for all:
 * so the busiest are refused first. */
static bool
total_has_room(struct count *n, int64_t one)
{
	int64_t have = level(n, n->head.empty_at), left = MINUTE - have;
	uint32_t starts = n->mine == NULL ? 0 : n->mine->starts;

	if (n->mine != NULL && starts < FEW)
		return has_room(n, have, one, 2 * MINUTE);
	if (left < MINUTE / 10 && starts * one > left)
		return has_room(n, have, one, MINUTE - starts * one);
	return has_room(n, have, one, MINUTE);
}

/* Asks both buckets, and only if both have room is anything counted. */
static void
take(const struct h5_shop *shop, enum h5_limit_what what, struct count *n)
{
	int each = shop->c->limits.starts_per_minute;
	int all = what == H5_LIMIT_ORDER
		      ? shop->c->limits.starts_total_per_minute
		      : 0;

	if (n->head.empty_at > n->now + 2 * MINUTE)
		n->head.empty_at = 0;
	if (all > 0 && !total_has_room(n, MINUTE / all))
		n->full = "starts_total_per_minute";
	if (n->mine != NULL && each > 0 &&
	    !has_room(n, level(n, n->mine->empty_at), MINUTE / each, MINUTE))
		n->full = "starts_per_minute";
	if (n->full != NULL)
		return;
	if (all > 0)
		n->head.empty_at =
		    n->now + level(n, n->head.empty_at) + MINUTE / all;
	if (n->mine == NULL)
		return;
	if (each > 0)
		n->mine->empty_at =
		    n->now + level(n, n->mine->empty_at) + MINUTE / each;
	if (n->mine->starts++ == 0)
		n->mine->since = n->now;
}

static enum h5_code
count(const struct h5_shop *shop, enum h5_limit_what what, uint64_t key,
    struct count *n, struct h5_err *e)
{
	enum h5_code rc = h5_file_lock(n->fd, LOCK_EX, LOCK_MS, e);

	n->now = h5_clock_now_ns();
	if (rc == H5_OK)
		rc = read_head(n, e);
	if (rc == H5_OK && key != 0)
		rc = read_place(n, key, e);
	if (rc == H5_OK)
		take(shop, what, n);
	if (rc == H5_OK && n->full == NULL)
		rc = write_all(n, what == H5_LIMIT_ORDER, e);
	h5_file_unlock(n->fd);
	return rc;
}

enum h5_code
h5_limit_admit(
    const struct h5_shop *shop, enum h5_limit_what what, struct h5_err *e)
{
	const struct h5_config *c = shop->c;
	struct count n = {.fd = -1};
	struct h5_buf path;
	struct h5_err why;
	uint64_t key;
	size_t size;
	enum h5_code rc;

	if (shop->limit == NULL || shop->limit->counted)
		return H5_OK;
	key = key_of(c, shop->limit->ip);
	/* Neither bucket is limited, so the file need not be opened. */
	if ((key == 0 || c->limits.starts_per_minute == 0) &&
	    (what == H5_LIMIT_ASK || c->limits.starts_total_per_minute == 0))
		return H5_OK;
	h5_buf_init(&path, 4096);
	h5_buf_puts(&path, h5_config_state_dir(c));
	h5_buf_puts(&path, "/" H5_STATE_LIMITS);
	rc = h5_buf_finish(&path, &why);
	if (rc == H5_OK)
		rc = h5_file_open(
		    AT_FDCWD, path.data, O_RDWR | O_CREAT, &n.fd, &size, &why);
	if (rc == H5_OK)
		rc = count(shop, what, key, &n, &why);
	h5_file_drop(&n.fd);
	h5_buf_release(&path);
	/* A full disk must not keep a buyer from paying. */
	if (rc != H5_OK)
		h5_log_event(shop->log, H5_LOG_WARN, "limits-not-counted",
		    "why", why.msg, NULL);
	shop->limit->counted = n.full == NULL;
	if (n.full == NULL)
		return H5_OK;
	shop->limit->wait_s = n.wait < MINUTE ? (int)(n.wait / SECOND) + 1 : 60;
	return h5_err_set(
	    e, H5_E_BUSY, "more starts than limits.%s allows", n.full);
}
