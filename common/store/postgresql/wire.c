/* The only file that knows libpq: connects to one server, and carries a
 * statement there and its answer back.  The deadline is ours: a server that
 * waits for its standby ends nothing by itself. */
#include "common/store/postgresql/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#else
#include <libpq-fe.h>
#endif

#include "common/base/clock.h"
#include "common/base/length.h"

#define KEYWORDS 48
#define PORT 5432
/* What libpq would read of an account's own is not ours to read: this leads to
 * no file. */
#define NOWHERE "/nonexistent/h5pay"

/* --- servers -------------------------------------------------------------- */

struct h5_wire_servers {
	PQconninfoOption *o;
};

static const char *
said(const struct h5_wire_servers *s, const char *keyword)
{
	const PQconninfoOption *o;

	for (o = s->o; o->keyword != NULL; o++)
		if (strcmp(o->keyword, keyword) == 0 && o->val != NULL)
			return o->val;
	return "";
}

static enum h5_code
no_environment(const struct h5_wire_servers *s, struct h5_err *e)
{
	const PQconninfoOption *o;

	for (o = s->o; o->keyword != NULL; o++)
		if (o->envvar != NULL && getenv(o->envvar) != NULL)
			return h5_err_set(e, H5_E_CONFIG,
			    "%s is set in the environment, and store.database "
			    "alone may name a database: unset it",
			    o->envvar);
	return H5_OK;
}

enum h5_code
h5_wire_servers(
    const char *database, struct h5_wire_servers **out, struct h5_err *e)
{
	struct h5_wire_servers *s = calloc(1, sizeof *s);
	char *why = NULL;
	enum h5_code rc;

	*out = NULL;
	if (s == NULL)
		return h5_err_nomem(e);
	s->o = PQconninfoParse(database, &why);
	if (s->o != NULL)
		rc = no_environment(s, e);
	else if (why == NULL)
		rc = h5_err_nomem(e);
	else
		rc = h5_err_set(e, H5_E_CONFIG,
		    "store.database is not what libpq reads: %s", why);
	PQfreemem(why);
	if (rc == H5_OK)
		*out = s;
	else
		h5_wire_servers_free(s);
	return rc;
}

void
h5_wire_servers_free(struct h5_wire_servers *s)
{
	if (s == NULL)
		return;
	PQconninfoFree(s->o);
	free(s);
}

int
h5_wire_count(const struct h5_wire_servers *s)
{
	const char *p;
	int n = 1;

	for (p = said(s, "host"); *p != '\0'; p++)
		n += *p == ',';
	return n;
}

/* The i-th of the values that commas part; the last one if there are fewer. */
static void
pick(const char *list, int i, char *out, size_t n)
{
	const char *end = strchr(list, ',');

	while (i-- > 0 && end != NULL) {
		list = end + 1;
		end = strchr(list, ',');
	}
	(void)snprintf(out, n, "%.*s",
	    end != NULL ? (int)(end - list) : (int)strlen(list), list);
}

unsigned
h5_wire_port(const struct h5_wire_servers *s, int i)
{
	char port[16];

	pick(said(s, "port"), i, port, sizeof port);
	return port[0] == '\0' ? PORT : (unsigned)strtoul(port, NULL, 10);
}

/* The name of a place on this machine: a folder of sockets, or loopback. */
bool
h5_wire_nearby(const struct h5_wire_servers *s, int i)
{
	char host[256];

	pick(said(s, "host"), i, host, sizeof host);
	return host[0] == '\0' || host[0] == '/' || host[0] == '@' ||
	       strcmp(host, "localhost") == 0 ||
	       strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

/* --- connecting ----------------------------------------------------------- */

struct h5_wire {
	PGconn *pg;
	struct h5_wire_result *r; /* of the exchange under way, or NULL */
};

struct keywords {
	const char *name[KEYWORDS + 1], *value[KEYWORDS + 1];
	size_t n;
};

static void
set(struct keywords *k, const char *name, const char *value)
{
	size_t i;

	if (value == NULL || value[0] == '\0')
		return;
	for (i = 0; i < k->n && strcmp(k->name[i], name) != 0; i++)
		continue;
	if (i == KEYWORDS)
		return;
	k->name[i] = name;
	k->value[i] = value;
	if (i == k->n)
		k->n++;
}

static void
fill(const struct h5_store_where *w, const struct h5_wire_servers *s,
    struct keywords *k)
{
	static const struct {
		const char *name, *value;
	} ours[] = {{"application_name", "h5pay"}, {"client_encoding", "UTF8"},
	    {"tcp_user_timeout", "2000"}, {"keepalives_idle", "2"},
	    {"keepalives_interval", "1"}, {"keepalives_count", "2"},
	    {"gssencmode", "disable"}, {"passfile", NOWHERE},
	    {"sslcert", NOWHERE}, {"sslkey", NOWHERE}, {"sslrootcert", NOWHERE},
	    {"sslcrl", NOWHERE}};
	const PQconninfoOption *o;
	size_t i;

	k->n = 0;
	for (i = 0; i < H5_LENGTH(ours); i++)
		set(k, ours[i].name, ours[i].value);
	for (o = s->o; o->keyword != NULL; o++)
		set(k, o->keyword, o->val);
	set(k, "password", w->password);
	set(k, "sslrootcert", w->ca_file);
	set(k, "sslcert", w->cert_file);
	set(k, "sslkey", w->key_file);
}

/* libpq's text, which has line feeds. */
static void
say(const PGconn *pg, char *out, size_t n)
{
	size_t i;

	(void)snprintf(out, n, "%s", pg != NULL ? PQerrorMessage(pg) : "");
	for (i = 0; out[i] != '\0'; i++)
		if (out[i] == '\n')
			out[i] = ' ';
	while (i > 0 && out[i - 1] == ' ')
		out[--i] = '\0';
}

static bool
wait_for(const PGconn *pg, bool write, int64_t until_ms)
{
	struct pollfd p = {
	    .fd = PQsocket(pg), .events = write ? POLLOUT : POLLIN};
	int64_t left;
	int n;

	do {
		left = until_ms - h5_clock_mono_ms();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

static enum h5_code
reach(PGconn *pg, int64_t until_ms, struct h5_err *e)
{
	PostgresPollingStatusType how = PGRES_POLLING_WRITING;
	char words[160];

	if (pg == NULL)
		return h5_err_nomem(e);
	while (PQstatus(pg) != CONNECTION_BAD && how != PGRES_POLLING_OK &&
	       how != PGRES_POLLING_FAILED) {
		if (!wait_for(pg, how == PGRES_POLLING_WRITING, until_ms))
			return h5_err_set(e, H5_E_IO,
			    "the database %s does not answer", PQhost(pg));
		how = PQconnectPoll(pg);
	}
	if (PQstatus(pg) == CONNECTION_OK && PQsetnonblocking(pg, 1) == 0)
		return H5_OK;
	say(pg, words, sizeof words);
	return h5_err_set(e, H5_E_IO, "the database: %s", words);
}

/* A commit that was cut off from its standby comes with a warning, and looks
 * like any other one otherwise. */
static void
notice(void *arg, const PGresult *said_so)
{
	const char *severity =
	    PQresultErrorField(said_so, PG_DIAG_SEVERITY_NONLOCALIZED);
	struct h5_wire *c = arg;

	if (c->r != NULL && severity != NULL &&
	    strcmp(severity, "WARNING") == 0)
		c->r->warned = true;
}

enum h5_code
h5_wire_connect(const struct h5_store_where *w, const struct h5_wire_servers *s,
    int i, int64_t until_ms, struct h5_wire **out, struct h5_err *e)
{
	char host[256], port[16];
	struct keywords k;
	struct h5_wire *c;
	enum h5_code rc;

	*out = NULL;
	fill(w, s, &k);
	pick(said(s, "host"), i, host, sizeof host);
	pick(said(s, "port"), i, port, sizeof port);
	set(&k, "host", host);
	set(&k, "port", port);
	/* Who listens on another machine has to prove who it is. */
	if (said(s, "sslmode")[0] == '\0')
		set(&k, "sslmode",
		    h5_wire_nearby(s, i) ? "disable" : "verify-full");
	else if (strcmp(said(s, "sslmode"), "disable") == 0 &&
		 !h5_wire_nearby(s, i))
		return h5_err_set(e, H5_E_CONFIG,
		    "store.database says sslmode=disable, which is allowed to "
		    "this machine alone, not to %s",
		    host);
	k.name[k.n] = NULL;
	k.value[k.n] = NULL;
	c = calloc(1, sizeof *c);
	if (c == NULL)
		return h5_err_nomem(e);
	c->pg = PQconnectStartParams(k.name, k.value, 0);
	rc = reach(c->pg, until_ms, e);
	if (rc != H5_OK) {
		h5_wire_close(c);
		return rc;
	}
	(void)PQsetNoticeReceiver(c->pg, notice, c);
	*out = c;
	return H5_OK;
}

void
h5_wire_close(struct h5_wire *c)
{
	if (c == NULL)
		return;
	PQfinish(c->pg);
	free(c);
}

const char *
h5_wire_host(const struct h5_wire *c)
{
	return PQhost(c->pg);
}

/* --- one exchange --------------------------------------------------------- */

struct h5_wire_answer {
	PGresult *result;
};

static bool
flush(struct h5_wire *c, int64_t until_ms)
{
	int left;

	while ((left = PQflush(c->pg)) == 1) {
		/* A server that answers before it has read everything must be
		 * heard. */
		if (!wait_for(c->pg, true, until_ms))
			return false;
		(void)PQconsumeInput(c->pg);
	}
	return left == 0;
}

/* Gathers what comes until the server waits for the next statement.  An error
 * ends it; what was there before is no answer then. */
static bool
receive(struct h5_wire *c, int64_t until_ms, PGresult **out)
{
	PGresult *r;

	for (;;) {
		while (PQisBusy(c->pg))
			if (!wait_for(c->pg, false, until_ms) ||
			    PQconsumeInput(c->pg) == 0)
				return false;
		r = PQgetResult(c->pg);
		if (r == NULL)
			return PQstatus(c->pg) == CONNECTION_OK;
		if (*out == NULL || PQresultStatus(r) == PGRES_FATAL_ERROR) {
			PQclear(*out);
			*out = r;
		} else {
			PQclear(r);
		}
	}
}

static void
look_at(struct h5_wire *c, PGresult *got, struct h5_wire_result *r)
{
	ExecStatusType how =
	    got != NULL ? PQresultStatus(got) : PGRES_FATAL_ERROR;
	const char *state, *words;

	if (!r->broken && (how == PGRES_TUPLES_OK || how == PGRES_COMMAND_OK)) {
		r->answer = calloc(1, sizeof *r->answer);
		r->good = r->answer != NULL;
		if (r->good)
			r->answer->result = got;
		else
			PQclear(got);
		return;
	}
	state = got != NULL ? PQresultErrorField(got, PG_DIAG_SQLSTATE) : NULL;
	words = got != NULL ? PQresultErrorField(got, PG_DIAG_MESSAGE_PRIMARY)
			    : NULL;
	(void)snprintf(
	    r->state, sizeof r->state, "%s", state != NULL ? state : "");
	if (words != NULL)
		(void)snprintf(r->words, sizeof r->words, "%s", words);
	else
		say(c->pg, r->words, sizeof r->words);
	PQclear(got);
}

/* Sends what was put on its way, and takes the answer. */
static void
go(struct h5_wire *c, int put, int64_t until_ms, struct h5_wire_result *r)
{
	PGresult *got = NULL;

	r->sent = put != 0;
	r->broken = put == 0;
	if (put != 0) {
		c->r = r;
		r->broken = !flush(c, until_ms) || !receive(c, until_ms, &got);
		c->r = NULL;
	}
	look_at(c, got, r);
}

void
h5_wire_prepare(struct h5_wire *c, const char *name, const char *sql,
    int64_t until_ms, struct h5_wire_result *r)
{
	memset(r, 0, sizeof *r);
	go(c, PQsendPrepare(c->pg, name, sql, 0, NULL), until_ms, r);
	/* Preparing writes nothing, and what it answers is nothing. */
	r->sent = false;
	h5_wire_drop(r->answer);
	r->answer = NULL;
}

void
h5_wire_named(struct h5_wire *c, const char *name, int n,
    const char *const *values, int64_t until_ms, struct h5_wire_result *r)
{
	memset(r, 0, sizeof *r);
	go(c, PQsendQueryPrepared(c->pg, name, n, values, NULL, NULL, 0),
	    until_ms, r);
}

void
h5_wire_query(struct h5_wire *c, const char *sql, int n,
    const char *const *values, int64_t until_ms, struct h5_wire_result *r)
{
	memset(r, 0, sizeof *r);
	go(c, PQsendQueryParams(c->pg, sql, n, NULL, values, NULL, NULL, 0),
	    until_ms, r);
}

/* --- answers -------------------------------------------------------------- */

void
h5_wire_drop(struct h5_wire_answer *a)
{
	if (a == NULL)
		return;
	PQclear(a->result);
	free(a);
}

size_t
h5_wire_rows(const struct h5_wire_answer *a)
{
	return (size_t)PQntuples(a->result);
}

static bool
there(const struct h5_wire_answer *a, size_t row, int column)
{
	return row < h5_wire_rows(a) && column < PQnfields(a->result);
}

const char *
h5_wire_value(const struct h5_wire_answer *a, size_t row, int column)
{
	return there(a, row, column) ? PQgetvalue(a->result, (int)row, column)
				     : "";
}

size_t
h5_wire_length(const struct h5_wire_answer *a, size_t row, int column)
{
	return there(a, row, column)
		   ? (size_t)PQgetlength(a->result, (int)row, column)
		   : 0;
}

bool
h5_wire_null(const struct h5_wire_answer *a, size_t row, int column)
{
	return !there(a, row, column) ||
	       PQgetisnull(a->result, (int)row, column) != 0;
}

int64_t
h5_wire_number(const struct h5_wire_answer *a, size_t row, int column)
{
	return strtoll(h5_wire_value(a, row, column), NULL, 10);
}
