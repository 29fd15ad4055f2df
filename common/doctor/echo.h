/* echo.h - what the doctor had WeChat send back to notify.
 * The doctor writes down what it asks for, notify that just this came, and the
 * doctor looks whether it did: a file in the state folder, which anybody but us
 * can only read.  Linked by notify, and so without what calls. */
#ifndef H5_DOCTOR_ECHO_H
#define H5_DOCTOR_ECHO_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/config/config.h"

#define H5_ECHO_MAX 64 /* bytes of a message */

/* h5_echo_ask(c, message, e): from now on this message is waited for, and no
 * other.  Others as h5_file_replace: there is no store yet. */
H5_MUST_CHECK enum h5_code h5_echo_ask(
    const struct h5_config *c, const char *message, struct h5_err *e);

/* h5_echo_heard(c, message, e): a believed notice brought it.  One that nobody
 * waits for changes nothing.  Errors as h5_file_replace. */
H5_MUST_CHECK enum h5_code h5_echo_heard(
    const struct h5_config *c, const char *message, struct h5_err *e);

/* h5_echo_came(c, message): did it come? */
bool h5_echo_came(const struct h5_config *c, const char *message);

#endif
