/* run.h - how a web program runs: what main.c, site.c, worker.c, supervisor.c,
 * errand.c, confine.c and watch.c share.  The handlers do not include
 * it.
 *
 *   main -> (supervisor -> fork) -> h5_worker_serve: threads, each
 *   accept -> site -> method, size, syntax -> store -> handler -> answer
 */
#ifndef H5_CGI_BIN_RUN_RUN_H
#define H5_CGI_BIN_RUN_RUN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/web/program.h"

/* --- site.c: a configuration and all that hangs on it --- */

/* Never changes once it is published, but for the store of one that could
 * not be opened: app.st is set, then ready. */
struct h5_site {
	struct h5_site *next;
	char *key; /* H5PAY_CONF of the requests it serves; "": the default */
	struct h5_app app;
	uint64_t stamp;
	pthread_mutex_t opening;
	_Atomic bool ready;
	_Atomic int64_t swept_ms; /* when the last sweep was last looked at */
};

struct h5_sites {
	const struct h5_program *program;
	const char *option; /* -c, or NULL */
	bool once; /* plain CGI: one request, nothing to watch */
	bool fixed; /* -c or the environment named it: requests do not */
	struct h5_app bare; /* without a configuration: for error pages */
	pthread_mutex_t loading;
	_Atomic(struct h5_site *) first;
	char *failed_key; /* what was not usable a moment ago */
	int64_t failed_ms;
};

/* h5_site_init(s, p, option, once): no configuration yet, and no pages. */
void h5_site_init(struct h5_sites *s, const struct h5_program *p,
    const char *option, bool once);
void h5_site_release(struct h5_sites *s);

/* h5_site_get(s, conf, out, e): the site for requests that carry conf ("":
 * none), loaded when it is met first.  H5_E_CONFIG: not usable; every fault
 * was logged (again at most once a second).  Safe in many threads. */
H5_MUST_CHECK enum h5_code h5_site_get(struct h5_sites *s, const char *conf,
    struct h5_site **out, struct h5_err *e);
/* h5_site_bare(s, out): what answers without a configuration; its pages are
 * loaded with the first call, and belong to s.  They may be NULL, for a program
 * that shows none and when memory ran out. */
void h5_site_bare(struct h5_sites *s, struct h5_app *out);
/* h5_site_has_store(site): is its store open, or there to be opened? */
bool h5_site_has_store(struct h5_site *site);
/* h5_site_open(site, e): its store, unless it is open; made if need be. */
H5_MUST_CHECK enum h5_code h5_site_open(struct h5_site *site, struct h5_err *e);
/* h5_site_log(s): where what concerns the process is written. */
const struct h5_log *h5_site_log(struct h5_sites *s);
/* h5_site_check(p, option, e): -t: configuration, catalogue, templates,
 * OpenSSL; every fault on stderr.  true: good. */
bool h5_site_check(const struct h5_program *p, const char *option);

/* --- watch.c: was the configuration or the program replaced? --- */

struct h5_watch {
	struct h5_sites *sites;
	const struct h5_site *known; /* it and those before: not ours */
	char *exe; /* the path this program was started from */
	uint64_t exe_stamp; /* 0: not ours */
	uint64_t refused; /* the stamp of what did not pass -t */
	int64_t again_ms; /* when it is tried once more; 0: not as it is */
};

void h5_watch_init(struct h5_watch *w, struct h5_sites *s);
void h5_watch_release(struct h5_watch *w);
/* h5_watch_leave(w): the supervisor watches the program and what is loaded by
 * now; only what requests will name is left to this worker. */
void h5_watch_leave(struct h5_watch *w);
/* h5_watch_look(w): a new pair is there and passes its own -t: leave.  One
 * that does not pass is logged once; one whose trial came to no end, on a busy
 * machine, say, is tried again. */
bool h5_watch_look(struct h5_watch *w);

/* --- errand.c: what a worker has its supervisor do --- */

/* A worker may run nothing and gain no rights; who delivers to the shop must be
 * able to do both.  So workers ask, over a pair of sockets of their own, and
 * their supervisor starts it.  Without one a program starts it itself. */
struct h5_errands {
	int take, ask; /* the supervisor's end and the workers'; -1: none */
	struct h5_site *site; /* the one it is for */
	int64_t swept_ms; /* when a sweep was last started */
};

/* h5_errand_init(d): none, or that of the program which started over. */
void h5_errand_init(struct h5_errands *d);
void h5_errand_release(struct h5_errands *d);
/* h5_errand_open(d, site, e): in the supervisor, which serves site.  H5_E_IO.
 */
H5_MUST_CHECK enum h5_code h5_errand_open(
    struct h5_errands *d, struct h5_site *site, struct h5_err *e);
/* h5_errand_worker(d): in a new worker: what the others ask is not for it. */
void h5_errand_worker(struct h5_errands *d);
/* h5_errand_hand_on(d): to the program that will take our place by execv,
 * with what was asked and not done yet; _take_back: it did not. */
H5_MUST_CHECK bool h5_errand_hand_on(const struct h5_errands *d);
void h5_errand_take_back(const struct h5_errands *d);
/* h5_errand_deliver(d, site, log, id), _sweep(d, site, log): h5_launch_deliver
 * and h5_launch_sweep, by the supervisor where there is one. */
void h5_errand_deliver(const struct h5_errands *d, const struct h5_site *site,
    const struct h5_log *log, const char *id);
void h5_errand_sweep(const struct h5_errands *d, const struct h5_site *site,
    const struct h5_log *log);
/* h5_errand_run(d, log): in the supervisor: do some of what was asked.  true:
 * there may be more. */
bool h5_errand_run(struct h5_errands *d, const struct h5_log *log);

/* --- a run --- */

struct h5_run {
	struct h5_sites sites;
	struct h5_watch watch;
	struct h5_errands errands;
	char **argv; /* to start over with */
};

/* --- confine.c: what a process may no longer do --- */

/* h5_confine_alone(run, site): of a program without supervisor, before it has
 * threads.  site: what it serves, NULL without one.  false: errno. */
H5_MUST_CHECK bool h5_confine_alone(
    const struct h5_run *run, const struct h5_site *site);
/* h5_confine_worker(run): of a worker, before it has threads.  Where the kernel
 * has Landlock and the configuration cannot be another one tomorrow, a worker
 * reaches its store, its log, what it must read, and, if it talks with WeChat,
 * the gateway's ports; it runs nothing.  Failing that is logged and borne.
 * false: errno. */
H5_MUST_CHECK bool h5_confine_worker(const struct h5_run *run);
/* h5_confine_stamp(run): of the files and folders that workers were let at;
 * when it changes, one was replaced, and they are to be renewed. */
uint64_t h5_confine_stamp(const struct h5_run *run);
/* h5_confine_say(run): in the log: the level, or why there is none. */
void h5_confine_say(struct h5_run *run);

/* h5_worker_once(run): plain CGI.  Exit status. */
int h5_worker_once(struct h5_run *run);
/* h5_worker_serve(run): FastCGI with threads until told to stop.  The signals
 * of h5_worker_signals are blocked.  Exit status. */
int h5_worker_serve(struct h5_run *run);
/* h5_worker_signal(sfd): the next signal of a signalfd that does not block; 0:
 * none.  -1: one is there and cannot be read; since it would be told again and
 * again, that is a reason to leave, too. */
int h5_worker_signal(int sfd);
/* h5_worker_threads(p, c): how many. */
int h5_worker_threads(const struct h5_program *p, const struct h5_config *c);

/* h5_supervisor_run(run, n): n worker processes over one socket.  Exit
 * status; comes back in the workers too. */
int h5_supervisor_run(struct h5_run *run, int n);

#endif
