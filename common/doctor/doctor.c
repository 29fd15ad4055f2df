/* What the doctor looks at first, and in which order: the configuration, its
 * place, and what is online. */
#include "common/doctor/doctor.h"

#include <string.h>

#include "common/doctor/words.h"
#include "common/system/https.h"
#include "common/web/load.h"

/* --- the configuration --- */

/* Each fault is a finding of its own: "file:line: what is wrong". */
static void
say_faults(struct h5_doctor *d, struct h5_buf *faults, const char *otherwise)
{
	char *line = faults->data, *end;

	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		h5_doctor_say(d, H5_DOCTOR_FAIL, "configuration",
		    "config-fault", "why", line, NULL);
	}
	if (faults->len == 0)
		h5_doctor_say(d, H5_DOCTOR_FAIL, "configuration",
		    "config-missing", "why", otherwise, NULL);
}

bool
h5_doctor_configuration(struct h5_doctor *d, const char *path)
{
	struct h5_loaded got;
	struct h5_buf faults;
	struct h5_err e;
	enum h5_code rc;

	h5_buf_init(&faults, H5_LOAD_FAULTS);
	d->path = path;
	rc = h5_load(path, h5_wechat_ready, &faults, &got, &e);
	if (rc == H5_OK) {
		/* The pages were only tried; the doctor has its own. */
		d->c = got.c;
		got.c = NULL;
		h5_doctor_say(d, H5_DOCTOR_PASS, "configuration", "config-good",
		    "path", path, NULL);
	} else {
		say_faults(d, &faults, e.msg);
		d->c = NULL;
	}
	h5_load_release(&got);
	h5_buf_release(&faults);
	return rc == H5_OK;
}

void
h5_doctor_below(struct h5_doctor *d, const char *document_root)
{
	struct h5_err e;

	if (h5_config_outside(d->c, document_root, &e) != H5_OK)
		h5_doctor_say(d, H5_DOCTOR_FAIL, "document-root", "below-root",
		    "why", e.msg, NULL);
}

/* --- online --- */

void
h5_doctor_online(struct h5_doctor *d)
{
	struct h5_err e;

	if (h5_https_start(&e) != H5_OK) {
		h5_doctor_say(d, H5_DOCTOR_FAIL, "network", "network-broken",
		    "why", e.msg, NULL);
		return;
	}
	h5_doctor_wechat(d);
	h5_doctor_site(d);
}
