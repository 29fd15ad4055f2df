/* doctor.h - tries out what a configuration says.
 * These are the checks of h5pay doctor and of the page in the browser.  What is
 * found is said one finding at a time, in the words of
 * templates/doctor/words.txt.
 *
 * Fill in a struct h5_doctor and call h5_doctor_configuration; then the other
 * checks, in any order.  None changes an order, a payment or a setting. */
#ifndef H5_DOCTOR_DOCTOR_H
#define H5_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/config/config.h"
#include "common/base/err.h"

enum h5_doctor_result { H5_DOCTOR_PASS, H5_DOCTOR_WARN, H5_DOCTOR_FAIL };

struct h5_doctor_finding {
	enum h5_doctor_result result;
	const char *check; /* which: "modes" */
	const char *found;
	const char *remedy; /* NULL: nothing to mend */
};

struct h5_doctor {
	const char *lang; /* "en", "zh-CN" */
	/* For a page that anybody may see while it is open: no remedy needs a
	 * shell, no folder above the configuration's and no number of the
	 * shop's business is told. */
	bool web;
	int64_t until_ms; /* h5_clock_mono_ms when the last request to anybody
			     must be over; 0: no limit */
	/* Called with each finding; all of it is borrowed for the call. */
	void (*say)(void *arg, const struct h5_doctor_finding *f);
	void *arg;
	struct h5_config *c; /* set by h5_doctor_configuration; owned by the
				caller */
	unsigned count[3]; /* by result */
	const char *path; /* of the configuration; borrowed, set with c */
};

/* h5_doctor_configuration(d, path): load and check the file at path, its
 * catalogue and its templates.  Every fault is a finding.  False: it cannot be
 * used, and d->c stays NULL. */
H5_MUST_CHECK bool h5_doctor_configuration(
    struct h5_doctor *d, const char *path);

/* h5_doctor_below(d, document_root): say it if anything that must not be handed
 * out lies below document_root. */
void h5_doctor_below(struct h5_doctor *d, const char *document_root);

/* h5_doctor_processes(d): check the running programs.  Call it before a command
 * becomes the store's owner: until then it can see the processes of others. */
void h5_doctor_processes(struct h5_doctor *d);

/* h5_doctor_local(d): check the rest of this machine, and name what has to be
 * entered at WeChat. */
void h5_doctor_local(struct h5_doctor *d);

/* h5_doctor_directory(c, out): append the directory of every page as WeChat has
 * to know it (JSAPI): as a browser says it, with a slash at its end. */
void h5_doctor_directory(const struct h5_config *c, struct h5_buf *out);

/* h5_doctor_online(d): check WeChat and our own pages over the network.  It
 * asks WeChat about a number that nobody ordered, exchanges a code that nobody
 * got (JSAPI), fetches our pages through
 * their public address, and posts one notice about an order that does not
 * exist.  Blocks until d->until_ms at most. */
void h5_doctor_online(struct h5_doctor *d);

/* h5_doctor_name(d, check, out): append what a check is called in d->lang, or
 * the word itself if it has no other name. */
void h5_doctor_name(
    const struct h5_doctor *d, const char *check, struct h5_buf *out);

/* h5_doctor_say(d, result, check, what, name, value, ..., NULL): say a finding
 * in the words that words.txt has for what, with these values in them. */
void h5_doctor_say(struct h5_doctor *d, enum h5_doctor_result result,
    const char *check, const char *what, ...) __attribute__((sentinel));

#endif
