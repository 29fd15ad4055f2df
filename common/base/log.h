/* log.h - one line for each event: "LEVEL event key=value ...".
 * A struct h5_log is small and copied by value: the program has one, and each
 * request copies it and sets its request id.  A line is one write(2), so that
 * lines of many processes do not mix.  A log file is opened for each line, so
 * it may be rotated at any time without a signal.
 *
 * Never logged: a key, a sign, a token, a whole XML, a buyer's openid. */
#ifndef H5_BASE_LOG_H
#define H5_BASE_LOG_H

#include <stdint.h>

#include "common/base/text.h"

enum h5_log_level {
	H5_LOG_DEBUG,
	H5_LOG_INFO,
	H5_LOG_WARN,
	H5_LOG_ERROR,
	H5_LOG_ALERT /* an operator must act */
};

#define H5_LOG_RID 20
#define H5_LOG_VALUE 256 /* longest value, bytes; longer ones are cut */

struct h5_log {
	const char *path; /* borrowed; NULL: stderr */
	const char *program; /* borrowed */
	enum h5_log_level least;
	char rid[H5_LOG_RID]; /* request id, or empty */
};

#define H5_LOG_SYSLOG "syslog" /* a path that is none */

/* h5_log_init(l, program, path): log everything from info upwards.  path: a
 * file; H5_LOG_SYSLOG; NULL for stderr, or syslog where stderr is /dev/null,
 * as spawn-fcgi makes it. */
void h5_log_init(struct h5_log *l, const char *program, const char *path);

/* h5_log_event(l, level, event, key, value, ..., NULL): write one line; keys
 * and values are strings.  A NULL value leaves its pair out.  Values are cut at
 * H5_LOG_VALUE bytes; quotes and what cannot be seen are escaped
 * (h5_text_show), so that a line cannot be forged.  Never fails: if the log
 * cannot be written, is a link, has a second name, or belongs to another
 * account than ours and root's, stderr is tried.  syslog gets the line as a
 * message of its level, of the facility daemon. */
void h5_log_event(const struct h5_log *l, enum h5_log_level level,
    const char *event, ...) __attribute__((sentinel));

struct h5_log_num {
	char s[H5_TEXT_NUMBER];
};
/* H5_LOG_NUM(n): a number as a string that lives until the block's end. */
#define H5_LOG_NUM(n) h5_log_num(&(struct h5_log_num){{0}}, (int64_t)(n))
const char *h5_log_num(struct h5_log_num *into, int64_t n);

#endif
