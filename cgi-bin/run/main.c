/* The one main of the four web programs: options, hardening, and how to run:
 * one request of plain CGI, threads, or a supervisor and its workers. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgi-bin/run/run.h"
#include "cgi-bin/run/sandbox.h"
#include "cgi-bin/run/supervisor.h"
#include "cgi-bin/run/worker.h"
#include "common/web/fcgi.h"
#include "common/system/crypto.h"
#include "common/wechat/wechat.h"

#define EX_USAGE 64
#define EX_IOERR 74
#define EX_CONFIG 78
/* The usual limit of a process; with many threads it is raised. */
#define FILES_LEAST 1024
#define FILES_PER_THREAD 8 /* connection, poll, gateway, two locks, spare */

struct options {
	const char *conf;
	bool test, version, help;
};

static void
print_help(FILE *to)
{
	(void)fprintf(to,
	    "usage: %s [-c FILE] [-t | -V | -h]\n"
	    "  -c FILE  the configuration\n"
	    "  -t       check the configuration: exit 0 good, 78 bad\n"
	    "  -V       version and number of threads\n"
	    "Started by a web server, as FastCGI or plain CGI.\n",
	    h5_program.name);
}

/* false: not an option of ours. */
static bool
read_options(int argc, char **argv, struct options *o)
{
	int c;

	memset(o, 0, sizeof *o);
	for (;;) {
		c = getopt(argc, argv, "c:tVh");
		if (c == -1)
			return optind == argc;
		switch (c) {
		case 'c':
			o->conf = optarg;
			break;
		case 't':
			o->test = true;
			break;
		case 'V':
			o->version = true;
			break;
		case 'h':
			o->help = true;
			break;
		default:
			return false;
		}
	}
}

/* RFC 3875 4.4: a query without "=" arrives as arguments as well, so in plain
 * CGI with such a query the arguments are the visitor's, and not the
 * operator's. */
static bool
args_from_visitor(bool cgi)
{
	/* All three conditions: a mistake here would let a visitor choose the
	 * configuration. */
	const char *query = getenv("QUERY_STRING");

	return cgi && getenv("REQUEST_METHOD") != NULL && query != NULL &&
	       *query != '\0' && strchr(query, '=') == NULL;
}

/* A closed 0, 1 or 2 would become the first file that is opened. */
static bool
fill_stdio(void)
{
	int fd;

	do {
		/* Opened until a number above 2 comes: then the first three are
		 * taken. */
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static void
block_signals(void)
{
	sigset_t set;

	/* Blocked in every thread, and read through a descriptor by one. */
	h5_worker_signals(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	/* A file that reaches the limit of its size is told by write. */
	(void)signal(SIGXFSZ, SIG_IGN);
}

static void
limit_files(int threads)
{
	rlim_t want = FILES_LEAST;
	struct rlimit l;

	if (threads * FILES_PER_THREAD > FILES_LEAST / 2)
		want += (rlim_t)threads * FILES_PER_THREAD;
	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return;
	/* Never above the hard limit, which is the operator's word. */
	l.rlim_cur = l.rlim_max < want ? l.rlim_max : want;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

/* No core with keys in it, no debugger of the same user, no file of ours is
 * anyone else's. */
static bool
harden(void)
{
	const struct rlimit none = {0, 0};

	/* The umask for files that libraries make; ours name their own mode. */
	(void)umask(077);
	return setrlimit(RLIMIT_CORE, &none) == 0 &&
	       prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

static int
not_hardened(const struct h5_log *log)
{
	h5_log_event(
	    log, H5_LOG_ERROR, "not-hardened", "why", strerror(errno), NULL);
	return EX_CONFIG;
}

/* The same process id and the same socket.  Returns if it fails. */
static int
start_over(const struct h5_run *run, const struct h5_log *log)
{
	h5_log_event(
	    log, H5_LOG_INFO, "starting-over", "binary", run->reload.exe, NULL);
	(void)execv(run->reload.exe, run->argv);
	h5_log_event(log, H5_LOG_ERROR, "not-started-over", "why",
	    strerror(errno), NULL);
	return EX_IOERR;
}

static int
serve(struct h5_run *run)
{
	struct h5_site *site;
	int status;
	struct h5_err e;
	const struct h5_config *c;
	const char *exposed = h5_fcgi_exposed();

	/* Without a configuration, requests may name one, or wait until it is
	 * mended. */
	if (h5_sites_get(&run->sites, "", &site, &e) != H5_OK)
		site = NULL;
	c = site == NULL ? NULL : site->app.c;
	limit_files(h5_worker_threads(&h5_program, c));
	/* Before the threads are counted, each of which needs descriptors. */
	h5_reload_init(&run->reload, &run->sites);
	if (exposed != NULL)
		h5_log_event(h5_sites_log(&run->sites), H5_LOG_WARN,
		    "socket-not-private", "why", exposed, NULL);
	if (c != NULL && c->server.processes > 0 && !h5_program.bare)
		return h5_supervisor_run(run, c->server.processes);
	/* What a supervisor that we were has left over. */
	h5_delegate_release(&run->delegate);
	if (!h5_sandbox_alone(run, site))
		return not_hardened(h5_sites_log(&run->sites));
	h5_sandbox_say(run);
	status = h5_worker_serve(run);
	return run->again ? start_over(run, h5_sites_log(&run->sites)) : status;
}

/* May this one request need TLS?  WeChat is asked for a POST alone. */
static bool
may_ask(void)
{
	const char *method = getenv("REQUEST_METHOD");

	return h5_program.start != NULL && method != NULL &&
	       strcmp(method, "POST") == 0;
}

static int
start(const char *conf, char **argv, bool cgi)
{
	struct h5_run run;
	struct h5_log log;
	struct h5_err e;
	int status;

	memset(&run, 0, sizeof run);
	run.argv = argv;
	h5_delegate_init(&run.delegate);
	h5_log_init(&log, h5_program.name, NULL);
	if (!harden())
		return not_hardened(&log);
	/* A GET of plain CGI only needs digests, so OpenSSL loads the least. */
	if (cgi && !may_ask())
		h5_crypto_start_lean();
	/* For one request the test would cost as much as the request: an
	 * OpenSSL that cannot sign fails at the key, and -t tests it. */
	if (!cgi && h5_wechat_self_test(&e) != H5_OK) {
		h5_log_event(
		    &log, H5_LOG_ERROR, "no-start", "why", e.msg, NULL);
		return EX_CONFIG;
	}
	h5_sites_init(&run.sites, &h5_program, conf, cgi);
	if (cgi) {
		limit_files(1);
		status = h5_worker_once(&run);
	} else {
		status = serve(&run);
	}
	h5_delegate_release(&run.delegate);
	h5_reload_release(&run.reload);
	h5_sites_release(&run.sites);
	return status;
}

int
main(int argc, char **argv)
{
	bool cgi, visitor;
	struct options o;

	/* First of all: whatever is opened below might otherwise become
	 * stdout. */
	if (!fill_stdio()) {
		(void)fprintf(stderr, "%s: open /dev/null: %s\n",
		    h5_program.name, strerror(errno));
		return EX_CONFIG;
	}
	cgi = h5_fcgi_is_cgi();
	visitor = args_from_visitor(cgi);
	memset(&o, 0, sizeof o);
	if (!visitor && !read_options(argc, argv, &o)) {
		print_help(stderr);
		return EX_USAGE;
	}
	if (o.help) {
		print_help(stdout);
		return 0;
	}
	if (o.version) {
		(void)printf("%s (h5pay) %s\nthreads %d\n", h5_program.name,
		    H5_VERSION, h5_program.threads);
		return 0;
	}
	if (o.test)
		return h5_sites_check(&h5_program, o.conf) ? 0 : EX_CONFIG;
	/* Started at a terminal, it would wait for a request that never
	 * comes. */
	if (cgi && getenv("REQUEST_METHOD") == NULL && isatty(STDIN_FILENO)) {
		print_help(stderr);
		return EX_USAGE;
	}
	block_signals();
	return start(o.conf, argv, cgi);
}
