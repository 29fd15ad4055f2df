/* err.h - results, and what went wrong.
 * Every function that can fail returns enum h5_code and fills a struct h5_err
 * of its caller's.  That needs no memory of its own, so it works when memory is
 * gone.  The code answers "what can the caller do"; the message tells a person
 * what happened and what to do. */
#ifndef H5_BASE_ERR_H
#define H5_BASE_ERR_H

#define H5_MUST_CHECK __attribute__((warn_unused_result))
#define H5_PRINTF(f, a) __attribute__((format(printf, f, a)))

enum h5_code {
	H5_OK = 0,
	H5_E_INPUT, /* what came in is malformed, too long, out of range */
	H5_E_AUTH, /* a signature or token is missing or wrong */
	H5_E_NOTFOUND, /* no such order, item, file */
	H5_E_EXISTS, /* the name is taken */
	H5_E_STATE, /* the order's state does not allow it */
	H5_E_REMOTE, /* the other side answered, and not as it must */
	H5_E_NET, /* the other side was not reached, or the outcome is unknown
		   */
	H5_E_IO, /* disk or system call */
	H5_E_NOMEM,
	H5_E_CONFIG, /* the operator must change a setting */
	H5_E_BUSY, /* a limit of this machine or a lock; try again later */
	H5_E_BUG /* our own fault; the value every result starts with */
};

#define H5_ERR_MSG 256

struct h5_err {
	enum h5_code code;
	int sys; /* errno, or 0 */
	char msg[H5_ERR_MSG];
};

/* h5_err_set(e, code, fmt, ...): fill e (may be NULL) and return code, so
 * that "return h5_err_set(...)" is one line.  Over-long messages are cut. */
enum h5_code h5_err_set(
    struct h5_err *e, enum h5_code code, const char *fmt, ...) H5_PRINTF(3, 4);

/* h5_err_sys(e, code, sys, fmt, ...): the same, but it also keeps the errno
 * value sys and appends its text. */
enum h5_code h5_err_sys(struct h5_err *e, enum h5_code code, int sys,
    const char *fmt, ...) H5_PRINTF(4, 5);

/* h5_err_nomem(e): say that there is no memory; returns H5_E_NOMEM. */
enum h5_code h5_err_nomem(struct h5_err *e);

/* h5_err_as(e, code): put the same words under another code, for a caller that
 * must do something else about it; returns code.  e may be NULL. */
enum h5_code h5_err_as(struct h5_err *e, enum h5_code code);
/* h5_err_pass(e, why): copy why to e, for a caller that has looked at it first;
 * returns its code.  e may be NULL. */
enum h5_code h5_err_pass(struct h5_err *e, const struct h5_err *why);

/* h5_err_clear(e): make e say that there is no error. */
void h5_err_clear(struct h5_err *e);

/* h5_err_name(code): short stable word for logs, e.g. "not-found". */
const char *h5_err_name(enum h5_code code);

/* h5_err_exit(code): the exit status of the operator's command for a result: 0,
 * 65 bad data, 66 no such order, 69 unreachable, 70 bug, 74 I/O, 75 try later,
 * 78 configuration (INTERFACE 6). */
int h5_err_exit(enum h5_code code);

#endif
