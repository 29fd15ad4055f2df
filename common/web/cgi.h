/* cgi.h - plain CGI's own two descriptors.  Private to fcgi.c. */
#ifndef H5_WEB_CGI_H
#define H5_WEB_CGI_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define H5_CGI_SILENCE_S 10 /* a peer silent for this long is gone */

/* h5_cgi_read(buf, size, until): read up to size bytes of the body.  until: a
 * time of h5_clock_mono_ms.  0: the body has ended.  -1: broken, or too
 * slow. */
ssize_t h5_cgi_read(char *buf, size_t size, int64_t until);

/* h5_cgi_leave(): close stdin and stdout.  The web server waits for the end of
 * stdout, so nothing that runs on after the answer may hold it. */
void h5_cgi_leave(void);

#endif
