/* openssl.h - what the files that use OpenSSL share.  Private to them. */
#ifndef H5_SYSTEM_OPENSSL_H
#define H5_SYSTEM_OPENSSL_H

#include "common/base/err.h"

/* h5_crypto_refused(what, e): say that this machine's OpenSSL has no such
 * thing.  Its queue of errors is kept for each thread and would grow, so it is
 * emptied.  Returns H5_E_BUG. */
H5_MUST_CHECK enum h5_code h5_crypto_refused(
    const char *what, struct h5_err *e);

/* h5_crypto_no_password: for PEM_read_bio_*; without it OpenSSL would ask at
 * the terminal, where nobody sits. */
int h5_crypto_no_password(char *to, int size, int rw, void *arg);

#endif
