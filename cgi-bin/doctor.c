/* doctor - shows what h5pay doctor says, as a page, for a host without a shell.
 * The page is there only while a file doctor.enable, put there within the last
 * hour, lies in the store: whoever can do that has the account anyway.
 * Otherwise it is a page that does not exist.  GET looks at this machine; POST
 * also asks WeChat and fetches our own pages, once in a while.  The page works
 * whatever is wrong with the configuration, as long as that says where the
 * store is. */
#include "common/doctor/doctor.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "common/base/clock.h"
#include "common/system/file.h"
#include "common/system/https.h"
#include "common/web/program.h"
#include "common/base/text.h"
#include "common/format/url.h"
#include "common/system/state.h"

#define OPEN_S 3600
#define EVERY_S 30 /* least time between two runs that ask WeChat */
#define RUN_MS 25000 /* web servers give up after 40 s */
#define PATH_BYTES 4096
#define STAMP 24 /* more than a time in doctor.last takes, bytes */

struct run {
	struct h5_job *job;
	struct h5_doctor d;
	struct h5_data *v;
	struct h5_buf path, dir; /* of the configuration, of the state */
	bool post, online;
	int64_t wait_s; /* too early to go online; 0: not asked, or not early */
	int fd; /* doctor.last, locked while we are online */
};

/* --- is it open, and is it time --- */

static bool
is_open(struct run *run)
{
	const struct h5_app *app = run->job->app;
	enum h5_code rc = H5_OK;
	struct h5_err e;

	/* The file as it is now: a program that runs on with the configuration
	 * before a bad change is not what is asked about. */
	if (app->c != NULL)
		h5_buf_puts(&run->path, app->c->path);
	else
		rc = h5_config_find(
		    app->option, run->job->r->conf, &run->path, &e);
	if (rc == H5_OK)
		rc = h5_config_state(run->path.data, &run->dir, &e);
	if (rc == H5_OK && !h5_file_flag(run->dir.data, H5_STATE_DOCTOR_ENABLE,
			       h5_clock_now() - OPEN_S))
		rc = h5_err_set(&e, H5_E_NOTFOUND,
		    "the store has no doctor.enable that is ours and from the "
		    "last hour");
	if (rc != H5_OK)
		h5_log_event(&run->job->log, H5_LOG_INFO, "doctor-closed",
		    "why", e.msg, NULL);
	return rc == H5_OK;
}

/* Seconds that must go by before the next run; 0: it begins now. */
static enum h5_code
wait_of(int fd, size_t size, int64_t now, int64_t *wait_s, struct h5_err *e)
{
	char stamp[STAMP];
	struct h5_buf b;
	uint64_t last = 0;
	enum h5_code rc;
	int n;

	*wait_s = 0;
	h5_buf_init(&b, STAMP);
	/* An empty or damaged file stands for "never". */
	rc = h5_file_slurp(fd, 0, size < STAMP ? size : STAMP, &b, e);
	if (rc == H5_OK) {
		b.data[strcspn(b.data, "\n")] = '\0';
		if (h5_text_u64(b.data, 0, INT64_MAX, &last, NULL) == H5_OK &&
		    (int64_t)last <= now && now - (int64_t)last < EVERY_S)
			*wait_s = EVERY_S - (now - (int64_t)last);
	}
	h5_buf_release(&b);
	if (rc != H5_OK || *wait_s > 0)
		return rc;
	/* Written before the run: two that begin together count as one. */
	n = snprintf(stamp, sizeof stamp, "%lld\n", (long long)now);
	return h5_file_write_at(fd, 0, stamp, (size_t)n, e);
}

/* May this run go online?  One at a time, and not too often. */
static void
take_turn(struct run *run)
{
	struct h5_buf path;
	struct h5_err e;
	enum h5_code rc;
	size_t size;

	h5_buf_init(&path, PATH_BYTES);
	h5_buf_printf(&path, "%s/" H5_STATE_DOCTOR_LAST, run->dir.data);
	rc = h5_file_open(
	    AT_FDCWD, path.data, O_RDWR | O_CREAT, &run->fd, &size, &e);
	if (rc == H5_OK)
		/* Without waiting: whoever holds it is the run that this one
		 * would repeat. */
		rc = h5_file_lock(run->fd, LOCK_EX, 0, &e);
	if (rc == H5_OK)
		rc = wait_of(run->fd, size, h5_clock_now(), &run->wait_s, &e);
	/* The other run is not over, so this one is as early as can be. */
	if (rc == H5_E_BUSY)
		run->wait_s = EVERY_S;
	run->online = rc == H5_OK && run->wait_s == 0;
	if (rc != H5_OK && rc != H5_E_BUSY)
		h5_log_event(&run->job->log, H5_LOG_ERROR, "doctor-offline",
		    "why", e.msg, NULL);
	h5_buf_release(&path);
}

/* --- the page --- */

static void
say(void *arg, const struct h5_doctor_finding *f)
{
	static const char *const lists[] = {"pass", "warn", "fail"};
	struct run *run = arg;
	struct h5_data *item;
	struct h5_buf name;

	h5_buf_init(&name, 256);
	h5_doctor_name(&run->d, f->check, &name);
	item = h5_data_item(run->v, lists[f->result]);
	h5_data_str(item, "check", f->check);
	h5_data_str(item, "name", name.data);
	h5_data_str(item, "found", f->found);
	h5_data_str(item, "remedy", f->remedy);
	h5_buf_release(&name);
}

/* What has to be entered at WeChat, to be copied. */
static void
put_places(const struct h5_config *c, struct h5_data *v)
{
	struct h5_buf directory;
	struct h5_url u;

	if (h5_url_read(c->site.base_url, &u, NULL) != H5_OK)
		return;
	if ((c->merchant.products & 1U << H5_PRODUCT_H5) != 0)
		h5_data_str(v, "domain", u.host);
	if ((c->merchant.products & 1U << H5_PRODUCT_JSAPI) == 0)
		return;
	h5_buf_init(&directory, H5_CONFIG_URL);
	h5_doctor_directory(c, &directory);
	h5_data_str(v, "directory", directory.data);
	h5_data_str(v, "oauth", u.host);
	h5_buf_release(&directory);
}

static void
fill(void *arg, struct h5_data *v, const char *lang)
{
	struct run *run = arg;
	struct h5_doctor *d = &run->d;
	const unsigned *n = d->count;

	run->v = v;
	d->lang = lang;
	/* The language is switched by its own link, since this page has no
	 * address of ours when there is no configuration. */
	h5_data_str(v, "other_url",
	    strcmp(lang, "en") == 0 ? "?lang=zh-CN" : "?lang=en");
	if (h5_doctor_configuration(d, run->path.data)) {
		if (run->post)
			take_turn(run);
		/* After the configuration, which says what lies below. */
		h5_doctor_below(d, run->job->r->document_root);
		h5_doctor_local(d);
		if (run->online)
			h5_doctor_online(d);
		h5_data_flag(v, "can_go_on", true);
		put_places(d->c, v);
	}
	h5_data_flag(v, "online", run->online);
	h5_data_flag(v, "any_fail", n[H5_DOCTOR_FAIL] > 0);
	h5_data_flag(v, "any_warn", n[H5_DOCTOR_WARN] > 0);
	h5_data_str(v, "n_fail", H5_LOG_NUM(n[H5_DOCTOR_FAIL]));
	h5_data_str(v, "n_warn", H5_LOG_NUM(n[H5_DOCTOR_WARN]));
	h5_data_str(v, "n_pass", H5_LOG_NUM(n[H5_DOCTOR_PASS]));
	if (run->wait_s > 0)
		h5_data_str(v, "wait_s", H5_LOG_NUM(run->wait_s));
	h5_log_event(&run->job->log, H5_LOG_INFO, "doctor", "online",
	    run->online ? "yes" : "no", "fail", H5_LOG_NUM(n[H5_DOCTOR_FAIL]),
	    "warn", H5_LOG_NUM(n[H5_DOCTOR_WARN]), NULL);
}

static void
show(struct run *run)
{
	h5_page_filled(&run->job->page, "doctor", fill, run, 200);
	if (run->wait_s == 0 || run->job->resp->status != 200)
		return;
	run->job->resp->status = 429;
	/* The page says it as well. */
	(void)!h5_response_header(
	    run->job->resp, "Retry-After", H5_LOG_NUM(run->wait_s), NULL);
}

static void
handle(struct h5_job *job)
{
	struct run run = {.job = job, .fd = -1};
	const struct h5_config *c = job->shop.c;

	run.post = strcmp(job->r->method, "POST") == 0;
	run.d = (struct h5_doctor){.web = true,
	    .until_ms = h5_clock_mono_ms() + RUN_MS,
	    .say = say,
	    .arg = &run};
	h5_buf_init(&run.path, PATH_BYTES);
	h5_buf_init(&run.dir, PATH_BYTES);
	if (!is_open(&run)) {
		h5_page_plain(&job->page, H5_PAGE_NOT_FOUND, NULL, NULL);
	} else if (run.post && c != NULL &&
		   h5_web_origin(c, job->r) == H5_ORIGIN_FOREIGN) {
		h5_page_plain(&job->page, H5_PAGE_BAD_ORIGIN, NULL, NULL);
	} else {
		show(&run);
	}
	h5_file_drop(&run.fd);
	h5_config_free(run.d.c);
	h5_buf_release(&run.path);
	h5_buf_release(&run.dir);
}

const struct h5_program h5_program = {
    .name = "doctor",
    .allow = "GET, HEAD, POST",
    .body_max = 1024,
    .threads = 1,
    .bare = true,
    .handle = handle,
    .start = h5_https_start,
};
