/* Loads the pages' templates, messages and style, and hands them out with the
 * headers that every page has. */
#include "common/web/pages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/embed.h"
#include "common/base/length.h"
#include "common/format/base64.h"
#include "common/system/file.h"
#include "common/system/crypto.h"
#include "common/format/template.h"
#include "common/base/text.h"
#include "common/web/pages_parts.h"

#define FILE_MAX (256 * 1024) /* one template, message or style file, bytes */
struct loader {
	struct h5_pages *p;
	const char *dir; /* pages.templates or NULL */
	bool own; /* the file at hand comes from there */
	struct h5_buf *faults;
	struct h5_err *e;
};

/* --- loading ------------------------------------------------------------- */

/* Reports a fault to the operator, who should see all of them in one run. */
static enum h5_code
report(struct loader *l, enum h5_code rc)
{
	/* H5_E_INPUT is a fault of a file, which is collected.  Anything else
	 * ends the load. */
	if (rc != H5_E_INPUT)
		return rc;
	h5_buf_printf(l->faults, "%s\n", l->e->msg);
	return H5_OK;
}

static enum h5_code
load_template(struct loader *l, const char *name, const char *file,
    const char *src, size_t n)
{
	struct h5_template *t;
	enum h5_code rc = h5_template_compile(file, src, n, &t, l->e);

	if (rc != H5_OK)
		return report(l, rc);
	return h5_pages_put(&l->p->templates, name, t, file, 1, l->own, l->e);
}

/* One line of a messages file: "key = text". */
static enum h5_code
load_message(struct loader *l, struct h5_pages_table *tab, const char *file,
    unsigned line, const char *s, size_t n)
{
	size_t key = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");
	size_t p = key;
	struct h5_template *t;
	struct h5_pages_entry *old;
	char name[64];
	enum h5_code rc;

	/* A key is checked before it is looked up: it becomes the name of a
	 * partial. */
	while (p < n && (s[p] == ' ' || s[p] == '\t'))
		p++;
	if (key == 0 || key > sizeof name - 3 || p >= n || s[p] != '=')
		return report(
		    l, h5_err_set(l->e, H5_E_INPUT,
			   "%s:%u: a line is \"key = text\"", file, line));
	p++;
	while (p < n && (s[p] == ' ' || s[p] == '\t'))
		p++;
	name[0] = 'm';
	name[1] = '.';
	memcpy(name + 2, s, key);
	name[key + 2] = '\0';
	old = h5_pages_find(tab, name);
	/* Twice in one file is a mistake; in two files it is how a shop
	 * replaces a text. */
	if (old != NULL && strcmp(old->file, file) == 0)
		return report(l, h5_err_set(l->e, H5_E_INPUT,
				     "%s:%u: %s is already set in line %u",
				     file, line, name + 2, old->line));
	rc = h5_template_compile_at(file, line, s + p, n - p, &t, l->e);
	if (rc != H5_OK)
		return report(l, rc);
	return h5_pages_put(tab, name, t, file, line, l->own, l->e);
}

static enum h5_code
load_messages(struct loader *l, struct h5_pages_table *tab, const char *file,
    const char *s, size_t n)
{
	enum h5_code rc = H5_OK;
	unsigned line = 1;

	for (size_t from = 0; from < n && rc == H5_OK; line++) {
		const char *nl = memchr(s + from, '\n', n - from);
		size_t end = nl == NULL ? n : (size_t)(nl - s);
		size_t len = end - from;

		if (len > 0 && s[from + len - 1] == '\r')
			len--;
		if (len > 0 && s[from] != '#')
			rc = load_message(l, tab, file, line, s + from, len);
		from = end + 1;
	}
	return rc;
}

/* The style without comments and indentation: it travels with every page. */
static enum h5_code
load_style(struct loader *l, const char *file, const char *s, size_t n)
{
	const char *end = s + n;
	struct h5_buf b;
	bool bol = true;
	enum h5_code rc;

	h5_buf_init(&b, FILE_MAX);
	/* It stands inside a style element of each page, and would end it. */
	if (strcasestr(s, "</style") != NULL)
		rc = report(
		    l, h5_err_set(l->e, H5_E_INPUT,
			   "%s:1: contains \"</style\", which would end it",
			   file));
	else
		rc = H5_OK;
	while (s < end) {
		if (bol)
			s += strspn(s, " \t\n");
		if (s[0] == '/' && s[1] == '*') {
			s = strstr(s + 2, "*/");
			s = s == NULL ? end : s + 2;
			continue;
		}
		n = strcspn(s, "/\n");
		bol = s[n] == '\n';
		/* The line's end goes along, and so does a "/" that begins no
		 * comment. */
		n += s[n] != '\0' && (bol || n == 0);
		h5_buf_add(&b, s, n);
		s += n;
	}
	/* An empty style is text as well, so only a lack of memory leaves
	 * NULL. */
	if (rc == H5_OK)
		rc = h5_buf_finish(&b, l->e);
	free(l->p->style);
	l->p->style = h5_buf_take(&b);
	h5_buf_release(&b);
	return rc == H5_OK && l->p->style == NULL ? h5_err_nomem(l->e) : rc;
}

/* The name of a file tells where it belongs. */
static enum h5_code
load_file(struct loader *l, const char *name, const char *file, const char *s,
    size_t n)
{
	const char *from = s;
	size_t len = strlen(name);
	char stem[64];

	/* Some editors put a byte order mark in front. */
	s += h5_text_skip_bom(s, n);
	n -= (size_t)(s - from);
	if (!h5_text_utf8(s, n))
		return report(l,
		    h5_err_set(l->e, H5_E_INPUT, "%s:1: is not UTF-8", file));
	for (size_t i = 0; i < H5_PAGES_LANGS; i++) {
		if (strncmp(name, "messages.", 9) == 0 &&
		    strcmp(name + 9, h5_pages_langs[i]) == 0)
			return load_messages(l, &l->p->messages[i], file, s, n);
	}
	if (strcmp(name, "style.css") == 0)
		return load_style(l, file, s, n);
	if (len < 6 || len - 5 >= sizeof stem ||
	    strcmp(name + len - 5, ".html") != 0)
		return h5_err_set(l->e, H5_E_BUG, "%s is not a template", name);
	memcpy(stem, name, len - 5);
	stem[len - 5] = '\0';
	return load_template(l, stem, file, s, n);
}

/* The shop's own file of that name, if there is one.  A messages file adds to
 * the compiled-in one line by line, so that it survives new releases. */
static enum h5_code
load_own(struct loader *l, const char *name, bool *found)
{
	struct h5_buf path, b;
	enum h5_code rc;

	*found = false;
	if (l->dir == NULL)
		return H5_OK;
	h5_buf_init(&path, 8192);
	h5_buf_init(&b, FILE_MAX);
	h5_buf_printf(&path, "%s/%s", l->dir, name);
	rc = h5_buf_finish(&path, l->e);
	if (rc != H5_OK)
		goto out;
	rc = h5_file_read(AT_FDCWD, path.data, &b, l->e);
	/* The shop need not have a file of each name. */
	if (rc == H5_E_NOTFOUND) {
		rc = H5_OK;
		goto out;
	}
	*found = true;
	if (rc == H5_OK) {
		l->own = true;
		rc = load_file(l, name, path.data, b.data, b.len);
		l->own = false;
	} else if (rc != H5_E_NOMEM) {
		h5_buf_printf(l->faults, "%s:1: %s\n", path.data, l->e->msg);
		rc = H5_OK;
	}
out:
	h5_buf_release(&path);
	h5_buf_release(&b);
	return rc;
}

/* Not the shop's to change: the report, which is the command's own, and the
 * scripts. */
static bool
is_kept(const char *name)
{
	size_t n = strlen(name);

	return strncmp(name, "report.", 7) == 0 ||
	       (n > 3 && strcmp(name + n - 3, ".js") == 0);
}

static enum h5_code
load_all(struct loader *l)
{
	enum h5_code rc = H5_OK;

	for (size_t i = 0; i < h5_embed_count && rc == H5_OK; i++) {
		const struct h5_embed *f = &h5_embed_files[i];
		bool found = false, messages;

		if (is_kept(f->name))
			continue;
		messages = strncmp(f->name, "messages.", 9) == 0;
		if (!messages)
			/* A template is replaced as a whole; messages are read
			 * one over the other. */
			rc = load_own(l, f->name, &found);
		if (rc == H5_OK && !found)
			rc = load_file(l, f->name, f->name,
			    (const char *)f->bytes, f->length);
		if (rc == H5_OK && messages)
			rc = load_own(l, f->name, &found);
	}
	return rc;
}

/* A file that replaces nothing is a misspelt one. */
static enum h5_code
check_folder(struct loader *l)
{
	const char **names;
	const struct dirent *d;
	const char *near;
	size_t n = 0;
	DIR *dir;

	if (l->dir == NULL)
		return H5_OK;
	dir = opendir(l->dir);
	if (dir == NULL)
		return report(l, h5_err_sys(l->e, H5_E_INPUT, errno,
				     "%s:1: pages.templates", l->dir));
	names = calloc(h5_embed_count, sizeof *names);
	if (names == NULL) {
		closedir(dir);
		return h5_err_nomem(l->e);
	}
	for (size_t i = 0; i < h5_embed_count; i++)
		if (!is_kept(h5_embed_files[i].name))
			names[n++] = h5_embed_files[i].name;
	for (d = readdir(dir); d != NULL; d = readdir(dir)) {
		size_t i = 0, len = strlen(d->d_name);

		/* By its full name, since a template of another name is never
		 * read. */
		while (i < n && strcmp(names[i], d->d_name) != 0)
			i++;
		/* Hidden files and an editor's copies are none of ours. */
		if (i < n || d->d_name[0] == '.' || d->d_name[len - 1] == '~')
			continue;
		near = h5_text_closest(d->d_name, names, n);
		h5_buf_printf(l->faults,
		    "%s/%s:1: there is no template of this name%s%s%s\n",
		    l->dir, d->d_name, near == NULL ? "" : "; did you mean ",
		    near == NULL ? "" : near, near == NULL ? "" : "?");
	}
	closedir(dir);
	free(names);
	return H5_OK;
}

/* --- policy -------------------------------------------------------------- */

/* The style goes inline, so its hash is what the policy allows. */
static enum h5_code
make_csp(struct h5_pages *p, const struct h5_config *c, struct h5_err *e)
{
	unsigned char hash[32];
	struct h5_buf b;
	enum h5_code rc;

	h5_buf_init(&b, 2048);
	rc = h5_crypto_sha256(p->style, strlen(p->style), hash, e);
	if (rc != H5_OK)
		goto out;
	h5_buf_puts(&b, "default-src 'none'; style-src 'sha256-");
	h5_base64_write(hash, sizeof hash, &b);
	/* Forms go to us alone, and where the cashier is configured, on to
	 * it. */
	h5_buf_puts(&b, "'; form-action 'self'");
	if (c != NULL && c->gateway.cashier_origin != NULL)
		h5_buf_printf(&b, " %s", c->gateway.cashier_origin);
	if (c != NULL && (c->merchant.products & 1U << H5_PRODUCT_JSAPI) != 0)
		h5_buf_printf(&b, " %s", c->gateway.oauth_origin);
	h5_buf_puts(&b, "; base-uri 'none'; frame-ancestors 'none'");
	rc = h5_buf_finish(&b, e);
	if (rc != H5_OK)
		goto out;
	p->csp = h5_buf_take(&b);
	if (p->csp == NULL)
		rc = h5_err_nomem(e);
out:
	h5_buf_release(&b);
	return rc;
}

/* The policy of a page that has a script: that one and no other, and it may
 * talk to us. */
static enum h5_code
csp_with(
    const char *csp, const char *script, struct h5_buf *out, struct h5_err *e)
{
	unsigned char hash[32];
	enum h5_code rc = h5_crypto_sha256(script, strlen(script), hash, e);

	if (rc != H5_OK)
		return rc;
	h5_buf_printf(out, "%s; script-src 'sha256-", csp);
	h5_base64_write(hash, sizeof hash, out);
	h5_buf_puts(out, "'; connect-src 'self'");
	return h5_buf_finish(out, e);
}

static enum h5_code
put_headers(struct h5_response *resp, const char *lang, const char *csp,
    struct h5_err *e)
{
	const char *const pairs[][2] = {
	    {"Cache-Control", "no-store"},
	    {"Referrer-Policy", "strict-origin"},
	    {"X-Content-Type-Options", "nosniff"},
	    {"X-Robots-Tag", "noindex"},
	    {"Vary", "Accept-Language"},
	    {"Content-Language", lang},
	    {"Content-Type", "text/html; charset=utf-8"},
	    {"Content-Security-Policy", csp},
	};
	enum h5_code rc = H5_OK;

	for (size_t i = 0; i < H5_LENGTH(pairs) && rc == H5_OK; i++)
		rc = h5_response_header(resp, pairs[i][0], pairs[i][1], e);
	return rc;
}

/* The headers that every page has, once for all of them. */
static enum h5_code
make_headers(struct h5_pages *p, struct h5_err *e)
{
	struct h5_response resp;
	enum h5_code rc = H5_OK;

	for (size_t i = 0; i < H5_PAGES_LANGS && rc == H5_OK; i++) {
		h5_response_init(&resp);
		rc = put_headers(&resp, h5_pages_langs[i], p->csp, e);
		if (rc == H5_OK)
			p->headers[i] = h5_buf_take(&resp.headers);
		if (rc == H5_OK && p->headers[i] == NULL)
			rc = h5_err_nomem(e);
		h5_response_release(&resp);
	}
	return rc;
}

static void
table_bind(const struct h5_pages_table *t, struct h5_pages *p, size_t lang)
{
	struct h5_pages_finder f = {p, lang};
	const struct h5_template_source from = {
	    h5_pages_partial, &f, (unsigned)lang};

	for (size_t i = 0; i < t->n; i++)
		h5_template_bind(t->v[i].t, &from);
}

/* Everything, looked through as far as it is not ours. */
static enum h5_code
load_whole(struct loader *l)
{
	size_t before = l->faults->len;
	enum h5_code rc = load_all(l);

	if (rc == H5_OK)
		rc = check_folder(l);
	if (rc != H5_OK)
		return rc;
	/* The tables are sorted before anything is looked up, and bound after
	 * that, since binding stores what a look-up finds. */
	h5_pages_sort(&l->p->templates);
	for (size_t i = 0; i < H5_PAGES_LANGS; i++)
		h5_pages_sort(&l->p->messages[i]);
	for (size_t i = 0; i < H5_PAGES_LANGS; i++) {
		table_bind(&l->p->templates, l->p, i);
		table_bind(&l->p->messages[i], l->p, i);
	}
	/* What is compiled in was checked by the unit tests.  A template that
	 * did not compile would only be missed again. */
	if (l->dir != NULL && l->faults->len == before)
		h5_pages_check(l->p, l->faults);
	if (l->faults->len != before)
		return h5_err_set(
		    l->e, H5_E_CONFIG, "%s", "the templates have faults");
	return H5_OK;
}

static enum h5_code
load(const struct h5_config *c, bool on_demand, struct h5_buf *faults,
    struct h5_pages **out, struct h5_err *e)
{
	struct h5_err why = {.code = H5_OK};
	struct loader l = {.faults = faults, .e = &why};
	const char *style;
	enum h5_code rc;
	size_t n;

	*out = NULL;
	l.dir = c == NULL ? NULL : c->pages.templates;
	l.p = calloc(1, sizeof *l.p);
	if (l.p == NULL)
		return h5_err_nomem(e);
	/* Only without templates of the shop: reading them for each request
	 * would be slower than loading them once. */
	l.p->on_demand = on_demand && l.dir == NULL;
	if (l.p->on_demand) {
		style = h5_pages_embedded("style.css", &n);
		rc = load_style(&l, "style.css", style, n);
	} else {
		rc = load_whole(&l);
	}
	if (rc == H5_OK)
		rc = make_csp(l.p, c, &why);
	/* One request uses its headers once, so they are made when it needs
	 * them. */
	if (rc == H5_OK && !l.p->on_demand)
		rc = make_headers(l.p, &why);
	if (rc != H5_OK) {
		h5_pages_free(l.p);
		return h5_err_pass(e, &why);
	}
	*out = l.p;
	return H5_OK;
}

enum h5_code
h5_pages_load(const struct h5_config *c, struct h5_buf *faults,
    struct h5_pages **out, struct h5_err *e)
{
	return load(c, false, faults, out, e);
}

enum h5_code
h5_pages_load_once(const struct h5_config *c, struct h5_buf *faults,
    struct h5_pages **out, struct h5_err *e)
{
	return load(c, true, faults, out, e);
}

void
h5_pages_free(struct h5_pages *p)
{
	if (p == NULL)
		return;
	h5_pages_table_free(&p->templates);
	for (size_t i = 0; i < H5_PAGES_LANGS; i++) {
		h5_pages_table_free(&p->messages[i]);
		free(p->headers[i]);
	}
	free(p->style);
	free(p->csp);
	free(p);
}

static size_t
lang_index(const char *lang)
{
	return strcmp(lang, "en") == 0 ? 1 : 0;
}

enum h5_code
h5_pages_render(struct h5_pages *p, const char *name, const char *lang,
    const struct h5_data *v, struct h5_buf *out, struct h5_err *e)
{
	struct h5_pages_finder f = {p, lang_index(lang)};
	const struct h5_template_source from = {
	    h5_pages_partial, &f, (unsigned)f.lang};
	const struct h5_template *t =
	    p == NULL ? NULL : h5_pages_partial(&f, name);

	/* Without any pages the caller writes its last resort. */
	if (t == NULL)
		return h5_err_set(
		    e, H5_E_BUG, "there is no page called %s", name);
	return h5_template_render(t, v, &from, out, e);
}

enum h5_code
h5_pages_headers(const struct h5_pages *p, const char *lang, const char *script,
    struct h5_response *resp, struct h5_err *e)
{
	const char *made = p == NULL ? NULL : p->headers[lang_index(lang)];
	struct h5_buf csp;
	enum h5_code rc;

	if (script != NULL) {
		h5_buf_init(&csp, 4096);
		rc = csp_with(h5_pages_csp(p), script, &csp, e);
		if (rc == H5_OK)
			rc = put_headers(resp, lang, csp.data, e);
		h5_buf_release(&csp);
		return rc;
	}
	if (made == NULL)
		return put_headers(resp, lang, h5_pages_csp(p), e);
	h5_buf_puts(&resp->headers, made);
	return h5_buf_finish(&resp->headers, e);
}

const char *
h5_pages_csp(const struct h5_pages *p)
{
	return p == NULL ? "default-src 'none'" : p->csp;
}

const char *
h5_pages_style(const struct h5_pages *p)
{
	return p == NULL ? "" : p->style;
}
