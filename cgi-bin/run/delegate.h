/* delegate.h - what a worker has its supervisor do.
 * A worker may start no program and gain no rights, and a delivery to the shop
 * needs both.  So workers ask their supervisor, over a pair of sockets of their
 * own, and it starts the delivery.  A program without a supervisor starts it
 * itself. */
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

/* h5_delegate_init(d): begin without a pair, or with that of the program which
 * started over. */
void h5_delegate_init(struct h5_delegate *d);
void h5_delegate_release(struct h5_delegate *d);

/* h5_delegate_open(d, site, e): make the pair, in the supervisor, which serves
 * site.
 * H5_E_IO: there are no sockets. */
H5_MUST_CHECK enum h5_code h5_delegate_open(
    struct h5_delegate *d, struct h5_site *site, struct h5_err *e);

/* h5_delegate_worker(d): call it in a new worker, which must not read what the
 * others ask. */
void h5_delegate_worker(struct h5_delegate *d);

/* h5_delegate_hand_on(d): hand the pair, with what was asked and not done yet,
 * to the program that will take our place by execv.  h5_delegate_take_back(d):
 * it did not. */
H5_MUST_CHECK bool h5_delegate_hand_on(const struct h5_delegate *d);
void h5_delegate_take_back(const struct h5_delegate *d);

/* h5_delegate_deliver(d, site, log, id, ask), h5_delegate_sweep(d, site, log):
 * h5_launch_deliver and h5_launch_sweep, by the supervisor if there is one. */
void h5_delegate_deliver(const struct h5_delegate *d,
    const struct h5_site *site, const struct h5_log *log, const char *id,
    bool ask);
void h5_delegate_sweep(const struct h5_delegate *d, const struct h5_site *site,
    const struct h5_log *log);

/* h5_delegate_run(d, log): do some of what was asked, in the supervisor.  True:
 * there may be more. */
bool h5_delegate_run(struct h5_delegate *d, const struct h5_log *log);

#endif
