/* fcgi.h - requests in, responses out, as FastCGI or plain CGI.  fcgi.c and its
 * parts alone use fcgiapp.h; they bring plain CGI themselves, since
 * FCGX_Accept_r does not know it.  Call h5_fcgi_start once a process; then, in
 * each worker thread, h5_fcgi_new, accept and answer in turn, h5_fcgi_free. */
#ifndef H5_WEB_FCGI_H
#define H5_WEB_FCGI_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"
#include "common/web/lot.h"
#include "common/web/request.h"

struct h5_fcgi; /* one per worker thread */

/* h5_fcgi_is_cgi(): was the program started as plain CGI (fd 0 is not a
 * listening socket)? */
bool h5_fcgi_is_cgi(void);
/* h5_fcgi_exposed(): why others than the web server may reach our socket; NULL:
 * they may not.  Whoever speaks FastCGI to us says who the buyer is, and can
 * bring libfcgi down. */
const char *h5_fcgi_exposed(void);

/* h5_fcgi_start(e): call once per process, before threads.  It starts libfcgi,
 * makes the listening socket non-blocking and ignores SIGPIPE.
 * H5_E_IO: one of these failed. */
H5_MUST_CHECK enum h5_code h5_fcgi_start(struct h5_err *e);
/* h5_fcgi_new(cgi, body_max, body_ms, lot, out, e): make a thread's end of it.
 * A body has at most body_max bytes, and has to arrive within body_ms (0: 30
 * s). lot: where requests that are not whole yet wait; borrowed.  NULL: they
 * are waited for here. */
H5_MUST_CHECK enum h5_code h5_fcgi_new(bool cgi, size_t body_max, int body_ms,
    struct h5_lot *lot, struct h5_fcgi **out, struct h5_err *e);
void h5_fcgi_free(struct h5_fcgi *f);

/* h5_fcgi_accept(f, stop_fd, tick_ms, r, e): wait for the next request, for
 * tick_ms at most (-1: no limit), and read it whole into r, which is
 * initialised here and released by the caller after H5_OK.  No thread ever
 * blocks inside accept: each polls first.  A peer that falls silent within a
 * request is given up after 10 s.
 * H5_E_NOTFOUND: none came within tick_ms; time for house-keeping.
 * H5_E_STATE: leave.  stop_fd became readable and no connection waits (at most
 * 16 more are taken), or the one request of plain CGI is done.
 * H5_E_BUSY: there is no descriptor or memory for one more connection just now.
 * H5_E_NOMEM: a request came, and there was no memory for it; answer it with
 * h5_fcgi_last_words.
 * H5_E_IO: the socket is broken. */
H5_MUST_CHECK enum h5_code h5_fcgi_accept(struct h5_fcgi *f, int stop_fd,
    int tick_ms, struct h5_request *r, struct h5_err *e);

/* h5_fcgi_answer(f, resp, e): send headers and body, flush, and close the
 * connection.  A FastCGI connection that is kept open would block a thread
 * outside the poll.
 * H5_E_NET: the web server is gone.
 * H5_E_NOMEM: nothing was sent. */
H5_MUST_CHECK enum h5_code h5_fcgi_answer(
    struct h5_fcgi *f, const struct h5_response *resp, struct h5_err *e);
/* h5_fcgi_last_words(f, headers, body): answer 500 with these words, each
 * header with its line end, of at most 1,000 bytes together: for when there is
 * no memory for another answer. */
void h5_fcgi_last_words(
    struct h5_fcgi *f, const char *headers, const char *body);

#endif
