/* delegate.h - what a worker has its supervisor do.
 * A worker may run nothing and gain no rights; whoever delivers to the shop
 * must be able to do both.  So workers ask, over a pair of sockets of their
 * own, and their supervisor starts it.  Without a supervisor a program starts
 * it itself. */
#ifndef H5_CGI_BIN_RUN_DELEGATE_H
#define H5_CGI_BIN_RUN_DELEGATE_H

#include <stdbool.h>
#include <stdint.h>

#include "cgi-bin/run/sites.h"

struct h5_delegate {
	int take, ask; /* the supervisor's end and the workers'; -1: none */
	struct h5_site *site; /* the one it is for */
	int64_t swept_ms; /* when a sweep was last started */
};

/* h5_delegate_init(d): none, or that of the program which started over. */
void h5_delegate_init(struct h5_delegate *d);
void h5_delegate_release(struct h5_delegate *d);
/* h5_delegate_open(d, site, e): in the supervisor, which serves site.  H5_E_IO.
 */
H5_MUST_CHECK enum h5_code h5_delegate_open(
    struct h5_delegate *d, struct h5_site *site, struct h5_err *e);
/* h5_delegate_worker(d): in a new worker: what the others ask is not for it. */
void h5_delegate_worker(struct h5_delegate *d);
/* h5_delegate_hand_on(d): to the program that will take our place by execv,
 * with what was asked and not done yet; _take_back: it did not. */
H5_MUST_CHECK bool h5_delegate_hand_on(const struct h5_delegate *d);
void h5_delegate_take_back(const struct h5_delegate *d);
/* h5_delegate_deliver(d, site, log, id), _sweep(d, site, log):
 * h5_launch_deliver and h5_launch_sweep, by the supervisor where there is one.
 */
void h5_delegate_deliver(const struct h5_delegate *d,
    const struct h5_site *site, const struct h5_log *log, const char *id);
void h5_delegate_sweep(const struct h5_delegate *d, const struct h5_site *site,
    const struct h5_log *log);
/* h5_delegate_run(d, log): in the supervisor: do some of what was asked.  true:
 * there may be more. */
bool h5_delegate_run(struct h5_delegate *d, const struct h5_log *log);

#endif
