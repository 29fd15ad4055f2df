/* The XML reader against expat: whatever is read is a flat <xml> to expat, with
 * the same names, each once, and the same values in the same order. */
#include <expat.h>

#include "common/wechat/v2/xml.h"
#include "tests/fuzz/fuzz.h"

#define ELEMENTS 1024
#define TEXT 65536

/* What expat found. */
struct seen {
	XML_Parser parser;
	int depth;
	bool bad;
	size_t n;
	size_t name[ELEMENTS + 1], value[ELEMENTS + 1]; /* where in text */
	size_t len;
	char text[2 * TEXT];
};

static void
put(struct seen *s, const char *p, size_t n)
{
	if (n > sizeof s->text - s->len) {
		s->bad = true;
		return;
	}
	memcpy(s->text + s->len, p, n);
	s->len += n;
}

static void
on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct seen *s = arg;

	s->depth++;
	if (attributes[0] != NULL || s->depth > 2 || s->n == ELEMENTS ||
	    (s->depth == 1 && strcmp(name, "xml") != 0))
		s->bad = true;
	if (s->depth != 2 || s->bad)
		return;
	s->name[s->n] = s->len;
	put(s, name, strlen(name) + 1);
	s->value[s->n++] = s->len;
}

static void
on_end(void *arg, const XML_Char *name)
{
	struct seen *s = arg;

	(void)name;
	if (s->depth-- == 2)
		put(s, "", 1);
}

static void
on_text(void *arg, const XML_Char *p, int n)
{
	struct seen *s = arg;
	int i;

	if (s->depth == 2) {
		put(s, p, (size_t)n);
		return;
	}
	for (i = 0; i < n; i++)
		if (strchr(" \t\n\r", p[i]) == NULL)
			s->bad = true;
}

static void
on_comment(void *arg, const XML_Char *text)
{
	(void)text;
	((struct seen *)arg)->bad = true;
}

static void
on_instruction(void *arg, const XML_Char *target, const XML_Char *text)
{
	(void)target;
	on_comment(arg, text);
}

static void
on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
    const XML_Char *public_id, int internal)
{
	(void)system_id;
	(void)public_id;
	(void)internal;
	on_comment(arg, name);
}

static void
on_declaration(
    void *arg, const XML_Char *version, const XML_Char *encoding, int alone)
{
	(void)encoding;
	(void)alone;
	on_comment(arg, version);
}

static bool
by_expat(struct seen *s, const char *p, size_t n)
{
	if (s->parser == NULL)
		s->parser = XML_ParserCreate("UTF-8");
	else
		(void)XML_ParserReset(s->parser, "UTF-8");
	MUST(s->parser != NULL);
	s->depth = 0;
	s->bad = false;
	s->n = s->len = 0;
	XML_SetUserData(s->parser, s);
	XML_SetElementHandler(s->parser, on_start, on_end);
	XML_SetCharacterDataHandler(s->parser, on_text);
	XML_SetCommentHandler(s->parser, on_comment);
	XML_SetProcessingInstructionHandler(s->parser, on_instruction);
	XML_SetStartDoctypeDeclHandler(s->parser, on_doctype);
	XML_SetXmlDeclHandler(s->parser, on_declaration);
	return XML_Parse(s->parser, p, (int)n, 1) == XML_STATUS_OK && !s->bad;
}

static void
same(const struct seen *s, const struct h5_fields *f)
{
	size_t i;

	MUST(f->n == s->n);
	for (i = 0; i < f->n; i++) {
		MUST(strcmp(f->v[i].name, s->text + s->name[i]) == 0);
		MUST(strcmp(f->v[i].value, s->text + s->value[i]) == 0);
	}
}

static bool
doubled(const struct seen *s)
{
	size_t i, j;

	for (i = 0; i < s->n; i++)
		for (j = 0; j < i; j++)
			if (strcmp(s->text + s->name[i],
				s->text + s->name[j]) == 0)
				return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seen s; /* a parser is dear to make and can be reset */
	const char *p = (const char *)data;
	enum h5_code rc;
	struct h5_fields f;

	rc = h5_xml_read(p, size, "xml", &f, NULL);
	if (rc == H5_OK) {
		MUST(by_expat(&s, p, size));
		MUST(!doubled(&s));
		same(&s, &f);
	}
	h5_fields_release(&f);
	return 0;
}
