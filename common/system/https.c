/* HTTP requests with libcurl, which is told everything that it might otherwise
 * take from its build or from the environment. */
#include "common/system/https.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/base/length.h"
#include "common/format/url.h"

#define HEADERS_MAX H5_HTTPS_HEAD /* 1xx included */
#define CHAIN_MAX 131072 /* bytes of the certificates of one server */

struct h5_https {
	CURL *easy;
	char *ca_file; /* NULL: none was found */
	int connect_timeout_ms, timeout_ms;
};

/* What the callbacks of one call need. */
struct receiving {
	struct h5_buf *body;
	struct h5_buf *head; /* NULL: not wanted */
	struct h5_https_answer *a;
	size_t header_bytes;
	bool header_flood;
};

enum h5_code
h5_https_start(struct h5_err *e)
{
	/* CURLOPT_NOSIGNAL makes curl leave SIGPIPE to us. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return h5_err_set(e, H5_E_BUG, "SIGPIPE cannot be ignored");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return h5_err_set(e, H5_E_BUG, "libcurl cannot be started");
	return H5_OK;
}

/* --- a handle --- */

/* Where distributions keep the bundle; libcurl's own idea of it is that of the
 * machine it was built on. */
static const char *
system_bundle(void)
{
	static const char *const places[] = {
	    "/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine, Arch */
	    "/etc/pki/tls/certs/ca-bundle.crt", /* Fedora, RHEL */
	    "/etc/ssl/ca-bundle.pem", /* openSUSE */
	    "/etc/ssl/cert.pem", /* BSD, macOS */
	    "/usr/local/share/certs/ca-root-nss.crt", /* FreeBSD */
	};
	size_t i;

	/* The first that can be read.  The list is for the binary that was not
	 * built on this machine. */
	for (i = 0; i < H5_LENGTH(places); i++)
		if (access(places[i], R_OK) == 0)
			return places[i];
	return NULL;
}

static enum h5_code
must_read(const char *path, struct h5_err *e)
{
	if (path == NULL || access(path, R_OK) == 0)
		return H5_OK;
	return h5_err_set(e, H5_E_CONFIG, "%s cannot be read", path);
}

enum h5_code
h5_https_new(
    const struct h5_https_options *o, struct h5_https **out, struct h5_err *e)
{
	/* A file that is configured replaces the system's bundle, and does not
	 * add to it: a shop may want to trust one authority only. */
	const char *ca_file = o->ca_file != NULL ? o->ca_file : system_bundle();
	struct h5_https *h;
	enum h5_code rc;

	*out = NULL;
	rc = must_read(ca_file, e);
	if (rc != H5_OK)
		return rc;
	h = calloc(1, sizeof *h);
	/* curl itself starts with the first call (h5_https_call). */
	if (h == NULL)
		return h5_err_nomem(e);
	h->connect_timeout_ms = o->connect_timeout_ms;
	h->timeout_ms = o->timeout_ms;
	if (ca_file != NULL) {
		h->ca_file = strdup(ca_file);
		if (h->ca_file == NULL) {
			h5_https_free(h);
			return h5_err_nomem(e);
		}
	}
	*out = h;
	return H5_OK;
}

void
h5_https_free(struct h5_https *h)
{
	if (h == NULL)
		return;
	if (h->easy != NULL)
		curl_easy_cleanup(h->easy);
	free(h->ca_file);
	free(h);
}

/* --- receiving --- */

/* Our own cap: curl's knows only what Content-Length announces. */
static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct receiving *r = arg;

	/* Fewer bytes than were given tell curl to stop. */
	h5_buf_add(r->body, p, size * n);
	return r->body->bad == H5_OK ? size * n : 0;
}

static void
take_date(struct h5_https_answer *a, const char *p, size_t n)
{
	while (n > 0 && (*p == ' ' || *p == '\t')) {
		p++;
		n--;
	}
	while (n > 0 && (p[n - 1] == '\r' || p[n - 1] == '\n'))
		n--;
	/* A date that is too long is no date. */
	if (n >= sizeof a->date)
		return;
	memcpy(a->date, p, n);
	a->date[n] = '\0';
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	static const char date[] = "Date:";
	struct receiving *r = arg;
	size_t whole = n *= size;

	/* Headers count together, over all answers of one call. */
	r->header_bytes += n;
	if (r->header_bytes > HEADERS_MAX) {
		r->header_flood = true;
		return 0;
	}
	if (n > sizeof date && strncasecmp(p, date, sizeof date - 1) == 0)
		take_date(r->a, p + sizeof date - 1, n - (sizeof date - 1));
	/* The lines are kept as they came, with a line feed each. */
	if (r->head != NULL) {
		while (n > 0 && (p[n - 1] == '\r' || p[n - 1] == '\n'))
			n--;
		h5_buf_add(r->head, p, n);
		h5_buf_putc(r->head, '\n');
	}
	return whole;
}

/* --- one call --- */

/* Without a bundle TLS could not tell WeChat from anybody else. */
static enum h5_code
need_bundle(const struct h5_https *h, struct h5_err *e)
{
	if (h->ca_file != NULL)
		return H5_OK;
	return h5_err_set(e, H5_E_CONFIG,
	    "no CA bundle found: install ca-certificates or set "
	    "gateway.ca_file");
}

/* A url comes from the configuration alone.  Still, nothing leaves this machine
 * without TLS. */
static enum h5_code
check_request(const struct h5_https *h, const struct h5_https_request *q,
    bool *tls, struct h5_err *e)
{
	struct h5_url u;
	enum h5_code rc;

	/* Checked before each call, not when it was configured: the URL of a
	 * hook takes the same way. */
	rc = h5_url_read(q->url, &u, e);
	if (rc != H5_OK)
		return h5_err_set(e, H5_E_CONFIG, "this URL cannot be called");
	*tls = u.https;
	if (!u.https && !h5_url_loopback(&u))
		return h5_err_set(e, H5_E_CONFIG,
		    "plain http is allowed to this machine only, not to %s",
		    u.host);
	rc = u.https ? need_bundle(h, e) : H5_OK;
	if (rc == H5_OK)
		rc = must_read(q->cert_file, e);
	return rc == H5_OK ? must_read(q->key_file, e) : rc;
}

/* If this libcurl did not take an option, the call would be less safe than it
 * is meant to be: each result is checked. */
#define SET(option, value)                                                     \
	if (code == CURLE_OK)                                                  \
	code = curl_easy_setopt(h->easy, option, value)

static CURLcode
set_safety(const struct h5_https *h, const struct h5_https_request *q, bool tls)
{
	CURLcode code = CURLE_OK;

#if LIBCURL_VERSION_NUM >= 0x075500
	SET(CURLOPT_PROTOCOLS_STR, tls ? "https" : "http");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
#else
	SET(CURLOPT_PROTOCOLS, tls ? CURLPROTO_HTTPS : CURLPROTO_HTTP);
	SET(CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTPS);
#endif
	/* No redirect is followed: a signed request belongs to one host. */
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (tls) {
		/* Checked above to be there. */
		SET(CURLOPT_CAINFO, h->ca_file);
		/* Otherwise the folder that curl was built with would be
		 * trusted as well. */
		SET(CURLOPT_CAPATH, NULL);
	}
	/* curl shares no connection between two certificates. */
	if (q->cert_file != NULL)
		SET(CURLOPT_SSLCERT, q->cert_file);
	if (q->key_file != NULL)
		SET(CURLOPT_SSLKEY, q->key_file);
	SET(CURLOPT_PROXY, ""); /* and no https_proxy of the environment */
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	/* gzip is unpacked by ourselves, with a limit. */
	SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_NOPROGRESS, 1L);
	SET(CURLOPT_TCP_NODELAY, 1L);
	/* Each thread has such a buffer.  curl would take 16 KiB; an answer
	 * has one or two. */
	SET(CURLOPT_BUFFERSIZE, 4096L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* A name server that hangs may not hold us beyond the timeout. */
	SET(CURLOPT_QUICK_EXIT, 1L);
#endif
	return code;
}

static CURLcode
set_request(const struct h5_https *h, const struct h5_https_request *q,
    struct curl_slist *headers, long ms, struct receiving *r)
{
	long connect_ms = h->connect_timeout_ms;
	CURLcode code = CURLE_OK;

	/* A connection may not take longer than the whole call. */
	if (connect_ms <= 0 || connect_ms > ms)
		connect_ms = ms;
	SET(CURLOPT_URL, q->url);
	/* Whoever signs a path signs its bytes. */
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_USERAGENT, "h5pay/" H5_VERSION);
	SET(CURLOPT_HTTPHEADER, headers);
	if (q->method == H5_HTTPS_POST) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len);
		SET(CURLOPT_POSTFIELDS, q->body);
	} else {
		SET(CURLOPT_HTTPGET, 1L);
	}
	SET(CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
	SET(CURLOPT_TIMEOUT_MS, ms);
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)r->body->max);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, r);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, r);
	return code;
}
#undef SET

static enum h5_code
make_headers(const char *const *headers, size_t n, struct curl_slist **out,
    struct h5_err *e)
{
	struct curl_slist *more;
	size_t i;

	/* Without this curl would wait for "100 Continue" before a body. */
	*out = curl_slist_append(NULL, "Expect:");
	if (*out == NULL)
		return h5_err_nomem(e);
	for (i = 0; i < n; i++) {
		more = curl_slist_append(*out, headers[i]);
		if (more == NULL) {
			curl_slist_free_all(*out);
			*out = NULL;
			return h5_err_nomem(e);
		}
		*out = more;
	}
	return H5_OK;
}

/* What left and what was opened, as far as curl knows. */
static void
take_facts(struct h5_https *h, struct h5_https_answer *a)
{
	long sent_bytes = 0;

	(void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &a->status);
	(void)curl_easy_getinfo(
	    h->easy, CURLINFO_NUM_CONNECTS, &a->new_connections);
	(void)curl_easy_getinfo(h->easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
	/* Bytes that left may have had an effect, so their answer is "unknown"
	 * and never "not done". */
	a->sent = sent_bytes > 0 || a->status != 0;
}

static enum h5_code
judge(CURLcode code, const char *text, const struct receiving *r,
    struct h5_https_answer *a, struct h5_err *e)
{
	const char *why = text[0] != '\0' ? text : curl_easy_strerror(code);

	if (code == CURLE_OK)
		return h5_buf_finish(r->body, e) == H5_OK ? H5_OK
							  : h5_err_nomem(e);
	/* Our own reasons first: curl calls each of them a write error. */
	if (r->header_flood)
		return h5_err_set(e, H5_E_NET, "the headers have no end");
	if (r->body->bad == H5_E_NOMEM || code == CURLE_OUT_OF_MEMORY)
		return h5_err_nomem(e);
	if (r->body->bad == H5_E_INPUT || code == CURLE_FILESIZE_EXCEEDED)
		return h5_err_set(e, H5_E_REMOTE,
		    "the answer is longer than %zu bytes", r->body->max);
	switch ((int)code) {
	/* A certificate that is not trusted is told apart: it is a matter for
	 * the operator, at once. */
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		a->distrusted = true;
		break;
	default:
		break;
	}
	return h5_err_set(e, H5_E_NET, "%s", why);
}

enum h5_code
h5_https_call(struct h5_https *h, const struct h5_https_request *q,
    struct h5_buf *out, struct h5_https_answer *a, struct h5_err *e)
{
	struct receiving r = {out, q->head, a, 0, false};
	struct curl_slist *list = NULL;
	char text[CURL_ERROR_SIZE] = "";
	int timeout_ms = q->timeout_ms;
	bool tls = true;
	CURLcode code;
	enum h5_code rc;

	memset(a, 0, sizeof *a);
	/* The handle is made when it is needed: as plain CGI most requests ask
	 * nobody, and curl and TLS would take longer to start than all the
	 * rest. */
	if (h->easy == NULL)
		h->easy = curl_easy_init();
	if (h->easy == NULL)
		return h5_err_nomem(e);
	h5_buf_clear(out);
	if (q->head != NULL)
		h5_buf_clear(q->head);
	rc = check_request(h, q, &tls, e);
	if (rc != H5_OK)
		return rc;
	/* A caller may ask for less than the handle's limit, never for more. */
	if (timeout_ms > h->timeout_ms)
		timeout_ms = h->timeout_ms;
	if (timeout_ms <= 0)
		return h5_err_set(e, H5_E_NET, "there is no time left");
	rc = make_headers(q->headers, q->n_headers, &list, e);
	if (rc != H5_OK)
		return rc;
	/* Keeps connections, forgets everything else. */
	curl_easy_reset(h->easy);
	code = set_safety(h, q, tls);
	if (code == CURLE_OK)
		code = set_request(h, q, list, timeout_ms, &r);
	if (code == CURLE_OK)
		code = curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, text);
	if (code != CURLE_OK) {
		rc = h5_err_set(e, H5_E_BUG, "libcurl refused an option: %s",
		    curl_easy_strerror(code));
		goto out;
	}
	code = curl_easy_perform(h->easy);
	take_facts(h, a);
	rc = judge(code, text, &r, a, e);
	/* A part of an answer must not be taken for one. */
	if (rc != H5_OK)
		h5_buf_clear(out);
out:
	/* text and list end here: curl must not keep them. */
	curl_easy_reset(h->easy);
	curl_slist_free_all(list);
	return rc;
}

/* --- the certificates of a host --- */

/* Trust is not curl's matter here: it would end the handshake at the first
 * fault, and the certificates with it. */
static CURLcode
set_chain(CURL *easy, const char *url, long ms)
{
	const struct {
		CURLoption option;
		long value;
	} all[] = {
		{CURLOPT_CONNECT_ONLY, 1},
		{CURLOPT_CERTINFO, 1},
		{CURLOPT_SSL_VERIFYPEER, 0},
		{CURLOPT_SSL_VERIFYHOST, 0},
		{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
		{CURLOPT_CONNECTTIMEOUT_MS, ms},
		{CURLOPT_TIMEOUT_MS, ms},
		{CURLOPT_NOSIGNAL, 1},
		{CURLOPT_NOPROGRESS, 1},
#if LIBCURL_VERSION_NUM >= 0x075700
		{CURLOPT_QUICK_EXIT, 1},
#endif
	};
	CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, url);
	size_t i;

	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_PROXY, "");
	for (i = 0; i < H5_LENGTH(all) && code == CURLE_OK; i++)
		code = curl_easy_setopt(easy, all[i].option, all[i].value);
	return code;
}

/* curl tells a certificate as lines "name:value"; "Cert" is its PEM. */
static void
take_chain(CURL *easy, struct h5_buf *out)
{
	static const char mark[] = "Cert:";
	struct curl_certinfo *info = NULL;
	const struct curl_slist *line;
	int i;

	if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) != CURLE_OK ||
	    info == NULL)
		return;
	for (i = 0; i < info->num_of_certs; i++)
		for (line = info->certinfo[i]; line != NULL; line = line->next)
			if (strncmp(line->data, mark, sizeof mark - 1) == 0) {
				h5_buf_puts(out, line->data + sizeof mark - 1);
				h5_buf_putc(out, '\n');
			}
}

static enum h5_code
shake_hands(CURL *easy, const char *url, int timeout_ms, struct h5_buf *shown,
    struct h5_err *e)
{
	char text[CURL_ERROR_SIZE] = "";
	CURLcode code = set_chain(easy, url, timeout_ms);

	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, text);
	if (code == CURLE_OK)
		code = curl_easy_perform(easy);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
	if (code != CURLE_OK)
		return h5_err_set(e, H5_E_NET, "%s",
		    text[0] != '\0' ? text : curl_easy_strerror(code));
	take_chain(easy, shown);
	if (h5_buf_finish(shown, NULL) != H5_OK)
		return h5_err_set(e, H5_E_REMOTE,
		    "its certificates are longer than %d bytes", CHAIN_MAX);
	return H5_OK;
}

enum h5_code
h5_https_chain(const struct h5_https *h, const char *url, int timeout_ms,
    int64_t now, struct h5_chain *out, struct h5_err *e)
{
	struct h5_buf shown;
	struct h5_url u;
	CURL *easy;
	enum h5_code rc;

	if (h5_url_read(url, &u, e) != H5_OK || !u.https)
		return h5_err_set(e, H5_E_BUG, "%s is not https", url);
	rc = need_bundle(h, e);
	if (rc != H5_OK)
		return rc;
	/* Of its own: a connection that curl did not judge must never be taken
	 * for one of h. */
	easy = curl_easy_init();
	if (easy == NULL)
		return h5_err_nomem(e);
	h5_buf_init(&shown, CHAIN_MAX);
	rc = shake_hands(easy, url, timeout_ms, &shown, e);
	if (rc == H5_OK)
		rc = h5_chain_judge(&shown, u.host, h->ca_file, now, out, e);
	curl_easy_cleanup(easy);
	h5_buf_release(&shown);
	return rc;
}
