/* engine.h - what an engine does with bytes, so that store.c knows what they
 * mean.
 *
 * An engine keeps records: ids and the bytes of whole units under them.  It
 * finds records again by the day of their creation and by what is open, keeps
 * conversations apart, and makes durable what it is given.  What a unit says,
 * whether it may be added, how large a record may get and when to try again
 * is the core's (store.c, walk.c): the same for every engine.
 *
 * An engine returns H5_OK and the codes that store.h names for the call it
 * serves, and no others; never H5_E_NET.  It keeps to until_ms
 * (h5_clock_mono_ms), which the core sets once a call: H5_E_BUSY after that.
 * Its functions are called by several threads at once. */
#ifndef H5_STORE_ENGINE_H
#define H5_STORE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/order/order.h"
#include "common/store/store.h"

/* H5_ENGINE_CONFLICT: somebody was faster and nothing was written; the core
 * begins again with what stands there now.  An engine whose begin keeps the
 * others out says so of an append only if the record was put away. */
enum h5_engine_result { H5_ENGINE_DONE, H5_ENGINE_CONFLICT };

enum h5_engine_mode {
	H5_ENGINE_LOOK, /* what is there now; a write may be under way */
	H5_ENGINE_CALM, /* what is there between two writes */
	H5_ENGINE_WRITE /* the same, to be followed by append or seal */
};

/* One record from begin to end. */
struct h5_engine_record {
	const char *id; /* a well-formed order id */
	enum h5_engine_mode mode;
	int64_t until_ms;
	struct h5_buf bytes; /* empty; its limit is the largest record */
	void *own; /* the engine's; NULL before begin */
	/* Set by the core between begin and append or seal. */
	size_t whole; /* bytes of whole units; the rest is a write that was
	    cut short, which append replaces */
	unsigned lines; /* in them */
};

/* What the core knows of a unit's meaning, for an engine that finds orders by
 * it.  An engine that files away more gets more here. */
struct h5_engine_facts {
	int64_t created_at; /* of the order, Unix seconds */
	/* The order was at rest, under whatever hooks, and will not be: it must
	 * be found by the next walk over what is open. */
	bool wakes;
	/* From when on there is work for the order after this unit
	 * (h5_due_at); H5_DUE_NEVER: it is at rest. */
	int64_t due_at;
	unsigned lines; /* of the unit */
};

/* A walk: the core hands it to page until more is false, then to leave. */
enum h5_engine_walk_kind {
	H5_ENGINE_CREATED, /* records of since to until, by day */
	H5_ENGINE_OPEN, /* records that may not be at rest */
	H5_ENGINE_DUE /* those with work at now, claimed; or as OPEN */
};
struct h5_engine_walk {
	enum h5_engine_walk_kind kind;
	int64_t since, until; /* Unix seconds; 0: no bound */
	int64_t now;
	int claim_ms;
	/* Set by page. */
	bool more; /* this is a page; false: there was none left */
	char (*ids)[H5_ORDER_ID_MAX + 1]; /* each once a walk, but for
	    CREATED: once a page; an id may be without a record */
	size_t n;
	int64_t from, to; /* CREATED: orders made at another time belong to
	    another page */
	void *own; /* the engine's; NULL before the first page */
};

/* --- putting away ---
 * A record that nothing is expected of any more may be put away: compressed,
 * with the others that were created in its month.  It is a record all the same.
 * begin finds it, walks over CREATED name it, create answers CONFLICT, check
 * reads it, and append brings it back, in one step with the new unit. */

/* What becomes of one record. */
enum h5_engine_verdict {
	H5_ENGINE_STAY, /* nothing: it stays where it is */
	H5_ENGINE_AWAY, /* it is put away */
	H5_ENGINE_BACK, /* it is brought back */
	H5_ENGINE_REWRITE /* its bytes are replaced, where it is */
};

/* Asked of each record of a month, and asked again if its answer is to be
 * carried out later: the answer depends on the arguments alone.  away: it is
 * put away already, and AWAY means STAY.  instead: for REWRITE, the new bytes;
 * empty before.  A result other than H5_OK ends the pass and is handed up. */
typedef enum h5_code (*h5_engine_judge_fn)(void *arg, const char *id,
    const struct h5_buf *bytes, bool away, enum h5_engine_verdict *verdict,
    struct h5_buf *instead, struct h5_err *e);

/* One pass over the records that were created before until (Unix seconds),
 * month by month. */
struct h5_engine_away {
	int64_t until;
	h5_engine_judge_fn judge;
	void *arg;
	bool look_away; /* ask of what is put away already, too */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *progress_arg;
	/* Set by the engine: records that were put away, brought back, and
	 * rewritten. */
	uint64_t away, back, rewritten;
};

/* The format of a store; what needs which: order/since.h. */
struct h5_engine_format {
	unsigned number; /* 1 or more */
	char by[48]; /* the program that raised it, "": not known */
};

/* A plug-in exports one symbol of this name: a struct h5_store_engine. */
#define H5_ENGINE_SYMBOL "h5_store_engine_1"
#define H5_ENGINE_ABI 1U

struct h5_store_engine {
	/* H5_ENGINE_ABI, the size of this struct and H5_VERSION: a plug-in of
	 * another build is not used. */
	unsigned abi, size;
	const char *version;
	const char *name;
	bool files_due; /* it files away when orders have work */

	/* --- without opening the store --- */
	bool (*there)(const struct h5_store_where *w);
	enum h5_code (*probe)(const struct h5_store_where *w, struct h5_err *e);
	void (*local)(
	    const struct h5_store_where *w, struct h5_store_place *out);
	/* What it reaches outside the folder; NULL: nothing. */
	enum h5_code (*needs)(const struct h5_store_where *w,
	    struct h5_store_needs *out, struct h5_err *e);
	/* Make the store in a place that was given to us; NULL: open does.
	 * print: only say how, for somebody who does it himself; NULL: do it.
	 * accept: it may be another place than the one used before. */
	enum h5_code (*init)(const struct h5_store_where *w, bool accept,
	    struct h5_buf *print, struct h5_err *e);

	/* The format of the store that is there.  H5_E_NOTFOUND: there is
	 * none, or none that can be looked at. */
	enum h5_code (*peek)(const struct h5_store_where *w,
	    struct h5_engine_format *f, struct h5_err *e);

	/* hooks: what at rest means.  An engine that keeps what is open looks
	 * again at all it put aside when a hook is new. */
	enum h5_code (*open)(const struct h5_store_where *w, unsigned hooks,
	    void **store, struct h5_err *e);
	void (*close)(void *store);

	/* --- the format of an open store ---
	 * format: as it stands there now.  Asked for after each record that
	 * was read, so it must cost little; a record may hold something that
	 * needs a format only after that format can be seen here.
	 * raise: to f->number if it is lower, durable; *f becomes the one that
	 * stands there.  It is never lowered, whoever else raises it. */
	enum h5_code (*format)(
	    void *store, struct h5_engine_format *f, struct h5_err *e);
	enum h5_code (*raise)(void *store, struct h5_engine_format *f,
	    int64_t until_ms, struct h5_err *e);

	/* --- one record ---
	 * begin: read it.  H5_E_NOTFOUND: there is none.  end follows whatever
	 * begin returned, and its failure means that append or seal failed.
	 * append: add unit behind r->whole and make everything durable.
	 * seal: nothing to add; make durable what was read.
	 * create: a new record of one unit, durable.  CONFLICT: the id is
	 * taken. */
	enum h5_code (*begin)(
	    void *store, struct h5_engine_record *r, struct h5_err *e);
	enum h5_code (*append)(void *store, struct h5_engine_record *r,
	    const struct h5_buf *unit, const struct h5_engine_facts *facts,
	    void *hold, enum h5_engine_result *how, struct h5_err *e);
	enum h5_code (*seal)(
	    void *store, struct h5_engine_record *r, struct h5_err *e);
	enum h5_code (*end)(
	    void *store, struct h5_engine_record *r, struct h5_err *e);
	enum h5_code (*create)(void *store, const char *id,
	    const struct h5_buf *unit, const struct h5_engine_facts *facts,
	    int64_t until_ms, enum h5_engine_result *how, struct h5_err *e);

	/* --- conversations; as store.h says of them --- */
	enum h5_code (*hold)(void *store, const char *id, int wait_ms,
	    int hold_ms, void **hold, struct h5_err *e);
	enum h5_code (*renew)(void *hold, int hold_ms, struct h5_err *e);
	void (*release)(void *hold);

	/* --- walks ---
	 * Nothing is locked between two pages, and a visitor may do anything
	 * with an order of one. */
	enum h5_code (*page)(
	    void *store, struct h5_engine_walk *w, struct h5_err *e);
	void (*leave)(void *store, struct h5_engine_walk *w);

	/* away: carry out what judge says, durable; a pass that was cut short
	 * loses nothing, and the next one ends it.  A record that is written to
	 * meanwhile stays.  H5_E_BUSY: another pass is under way.  H5_E_INPUT:
	 * what was put away cannot be read. */
	enum h5_code (*away)(
	    void *store, struct h5_engine_away *a, struct h5_err *e);

	/* sizes: tell how many bytes each record has; NULL: that costs as much
	 * as reading them. */
	enum h5_code (*sizes)(void *store,
	    void (*tell)(void *arg, const char *id, uint64_t bytes), void *arg,
	    struct h5_err *e);

	/* swept_at: *at 0: no sweep has ended; made_at: when the store was
	 * made, 0: unknown. */
	enum h5_code (*swept)(void *store, int64_t at, struct h5_err *e);
	enum h5_code (*swept_at)(
	    void *store, int64_t *at, int64_t *made_at, struct h5_err *e);
	enum h5_code (*check)(void *store, bool repair,
	    struct h5_store_report *r, struct h5_err *e);
};

/* Plain files in one folder: docs/STORE.md. */
extern const struct h5_store_engine h5_store_files;

#endif
