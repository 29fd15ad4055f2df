#include "common/xml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <mxml.h>

#include "common/text.h"

#define NAME_MAX_LEN 64
#define SHORTEST 11 /* <xml></xml> */
#define CDATA "<![CDATA["
#define CDATA_LEN (sizeof CDATA - 1)

/* Where the guard stands in the document. */
struct scan {
	const char *p;
	size_t n;
	size_t i;
	size_t elements;
	struct h5_err *e;
};

static enum h5_code
refuse(const struct scan *s, const char *what)
{
	return h5_err_set(s->e, H5_E_INPUT, "XML: %s at byte %zu", what, s->i);
}

static bool
space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
name_byte(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

static void
skip_space(struct scan *s)
{
	while (s->i < s->n && space(s->p[s->i]))
		s->i++;
}

/* Is word next?  Then step over it. */
static bool
next_is(struct scan *s, const char *word, size_t len)
{
	if (s->n - s->i < len || memcmp(s->p + s->i, word, len) != 0)
		return false;
	s->i += len;
	return true;
}

/* A name, without what follows it. */
static enum h5_code
read_name(struct scan *s, const char **name, size_t *len)
{
	*name = s->p + s->i;
	*len = 0;
	if (s->i < s->n && s->p[s->i] >= '0' && s->p[s->i] <= '9')
		return refuse(s, "name that begins with a digit");
	while (s->i < s->n && *len <= NAME_MAX_LEN &&
	       (name_byte(s->p[s->i]) ||
		   (*len > 0 && (s->p[s->i] == '-' || s->p[s->i] == '.')))) {
		s->i++;
		(*len)++;
	}
	if (*len < 1 || *len > NAME_MAX_LEN)
		return refuse(
		    s, "not a name of 1 to 64 letters, digits, _ - or .");
	return H5_OK;
}

static enum h5_code
read_end_tag(struct scan *s, const char *name, size_t len)
{
	if (!next_is(s, "</", 2) || !next_is(s, name, len))
		return refuse(s, "not the end tag that belongs here");
	skip_space(s);
	return next_is(s, ">", 1) ? H5_OK : refuse(s, "end tag not closed");
}

static enum h5_code
read_cdata(struct scan *s)
{
	const char *end;

	end = memmem(s->p + s->i, s->n - s->i, "]]>", 3);
	if (end == NULL)
		return refuse(s, "CDATA without an end");
	s->i = (size_t)(end - s->p) + 3;
	return H5_OK;
}

/* Numeric references are refused: the gateway sends none, and mxml wraps
 * large ones around to other characters. */
static enum h5_code
read_entity(struct scan *s)
{
	if (next_is(s, "&lt;", 4) || next_is(s, "&gt;", 4) ||
	    next_is(s, "&amp;", 5) || next_is(s, "&quot;", 6) ||
	    next_is(s, "&apos;", 6))
		return H5_OK;
	return refuse(s, "entity that is not lt gt amp quot apos");
}

/* Text and CDATA sections up to the end tag, in any mix. */
static enum h5_code
read_value(struct scan *s)
{
	enum h5_code rc = H5_OK;

	while (rc == H5_OK && s->i < s->n) {
		if (s->p[s->i] == '&')
			rc = read_entity(s);
		else if (next_is(s, CDATA, CDATA_LEN))
			rc = read_cdata(s);
		else if (s->p[s->i] == '<')
			return H5_OK;
		else if (next_is(s, "]]>", 3))
			rc = refuse(s, "]]> outside CDATA");
		else
			s->i++;
	}
	return rc == H5_OK ? refuse(s, "document cut off") : rc;
}

static enum h5_code
read_element(struct scan *s)
{
	const char *name;
	enum h5_code rc;
	size_t len;

	if (!next_is(s, "<", 1))
		return refuse(s, "text between elements");
	s->elements++;
	if (s->elements > H5_XML_ELEMENTS)
		return refuse(s, "too many elements");
	rc = read_name(s, &name, &len);
	if (rc != H5_OK)
		return rc;
	if (!next_is(s, ">", 1))
		return refuse(s, "more than a name in a start tag");
	rc = read_value(s);
	return rc == H5_OK ? read_end_tag(s, name, len) : rc;
}

static enum h5_code
read_document(struct scan *s, const char *root)
{
	enum h5_code rc = H5_OK;
	size_t len = strlen(root);

	skip_space(s);
	if (!next_is(s, "<", 1) || !next_is(s, root, len) ||
	    !next_is(s, ">", 1))
		return refuse(s, "not the root element that belongs here");
	skip_space(s);
	while (rc == H5_OK &&
	       (s->n - s->i < 2 || memcmp(s->p + s->i, "</", 2) != 0)) {
		rc = read_element(s);
		skip_space(s);
	}
	if (rc == H5_OK)
		rc = read_end_tag(s, root, len);
	skip_space(s);
	if (rc == H5_OK && s->i < s->n)
		rc = refuse(s, "something after the document");
	return rc;
}

/* The bytes alone: what XML 1.0 has no character for, and what would send
 * mxml into UTF-16. */
static enum h5_code
check_bytes(struct scan *s)
{
	unsigned char c;

	if (s->n < SHORTEST || s->n > H5_XML_MAX)
		return h5_err_set(s->e, H5_E_INPUT,
		    "XML: %zu bytes, not %d to %d", s->n, SHORTEST, H5_XML_MAX);
	if (!h5_text_utf8(s->p, s->n))
		return h5_err_set(s->e, H5_E_INPUT, "XML: not UTF-8");
	for (s->i = 0; s->i < s->n; s->i++) {
		c = (unsigned char)s->p[s->i];
		if (c < 0x20 && !space(s->p[s->i]))
			return refuse(s, "control byte");
	}
	s->i = 0;
	return H5_OK;
}

static enum h5_code
guard(struct scan *s, const char *root)
{
	enum h5_code rc = check_bytes(s);

	return rc == H5_OK ? read_document(s, root) : rc;
}

enum h5_code
h5_xml_guard(const char *p, size_t n, const char *root, struct h5_err *e)
{
	struct scan s = {p, n, 0, 0, e};

	return guard(&s, root);
}

/* mxml's own default prints the sender's text on stderr. */
static void
say_nothing(const char *message)
{
	(void)message;
}

/* A copy for mxml: begins with "<", which mxml asks for, and has its line
 * ends as XML 1.0 section 2.11 wants them (CR LF and CR are LF), which mxml
 * leaves undone. */
static char *
normal_copy(const char *p, size_t n)
{
	size_t i = 0, len = 0;
	char *copy;

	copy = malloc(n + 1);
	if (copy == NULL)
		return NULL;
	while (i < n && space(p[i]))
		i++;
	for (; i < n; i++) {
		if (p[i] != '\r')
			copy[len++] = p[i];
		else if (i + 1 >= n || p[i + 1] != '\n')
			copy[len++] = '\n';
	}
	copy[len] = '\0';
	return copy;
}

/* An element's value: its text and CDATA children one after the other. */
static enum h5_code
value_of(mxml_node_t *element, struct h5_buf *out, struct h5_err *e)
{
	mxml_node_t *child;
	const char *text;

	h5_buf_clear(out);
	for (child = mxmlGetFirstChild(element); child != NULL;
	     child = mxmlGetNextSibling(child)) {
		text = mxmlGetType(child) == MXML_OPAQUE ? mxmlGetOpaque(child)
							 : mxmlGetCDATA(child);
		if (text == NULL)
			return h5_err_set(e, H5_E_BUG,
			    "XML: mxml found what the guard did not");
		h5_buf_puts(out, text);
	}
	return h5_buf_finish(out, e);
}

static enum h5_code
take_fields(
    mxml_node_t *root, size_t elements, struct h5_fields *out, struct h5_err *e)
{
	enum h5_code rc = H5_OK;
	struct h5_buf value;
	mxml_node_t *node;

	h5_buf_init(&value, H5_XML_MAX);
	for (node = mxmlGetFirstChild(root); node != NULL && rc == H5_OK;
	     node = mxmlGetNextSibling(node)) {
		if (mxmlGetType(node) != MXML_ELEMENT)
			continue; /* white space between elements */
		rc = value_of(node, &value, e);
		if (rc == H5_OK)
			rc = h5_fields_addn(out, mxmlGetElement(node),
			    strlen(mxmlGetElement(node)), value.data, value.len,
			    e);
	}
	h5_buf_release(&value);
	if (rc == H5_E_EXISTS)
		rc = h5_err_set(e, H5_E_INPUT, "XML: doubled element");
	/* Two readers of one document must agree on what it says. */
	if (rc == H5_OK && out->n != elements)
		rc = h5_err_set(e, H5_E_BUG, "XML: mxml and the guard differ");
	return rc;
}

enum h5_code
h5_xml_read(const char *p, size_t n, const char *root, struct h5_fields *out,
    struct h5_err *e)
{
	struct scan s = {p, n, 0, 0, e};
	mxml_node_t *tree = NULL;
	enum h5_code rc;
	char *copy = NULL;

	h5_fields_init(out, H5_XML_ELEMENTS, H5_XML_MAX);
	rc = guard(&s, root);
	if (rc != H5_OK)
		return rc;
	copy = normal_copy(p, n);
	if (copy == NULL)
		return h5_err_nomem(e);
	mxmlSetErrorCallback(say_nothing);
	tree = mxmlLoadString(NULL, copy, MXML_OPAQUE_CALLBACK);
	/* The guard let it pass, so only memory can have been short. */
	if (tree == NULL)
		rc = h5_err_nomem(e);
	else
		rc = take_fields(tree, s.elements, out, e);
	mxmlDelete(tree);
	free(copy);
	if (rc != H5_OK)
		h5_fields_release(out);
	return rc;
}

static enum h5_code
check_field(const struct h5_field *f, struct h5_err *e)
{
	size_t i;

	for (i = 0; i < f->name_len; i++)
		if (!name_byte(f->name[i]))
			break;
	if (i == 0 || i < f->name_len || i > NAME_MAX_LEN ||
	    (f->name[0] >= '0' && f->name[0] <= '9'))
		return h5_err_set(e, H5_E_INPUT, "not a name for XML");
	for (i = 0; i < f->value_len; i++)
		if ((unsigned char)f->value[i] < 0x20 || f->value[i] == 0x7f)
			return h5_err_set(
			    e, H5_E_INPUT, "control byte in %s", f->name);
	if (!h5_text_utf8(f->value, f->value_len))
		return h5_err_set(e, H5_E_INPUT, "%s is not UTF-8", f->name);
	return H5_OK;
}

/* Escaped text, not CDATA: "]]>" needs no second thought, and quotes stay as
 * they are, so that the JSON of scene_info reads the same either way. */
static void
write_value(const struct h5_field *f, struct h5_buf *out)
{
	size_t i;

	for (i = 0; i < f->value_len; i++) {
		if (f->value[i] == '&')
			h5_buf_puts(out, "&amp;");
		else if (f->value[i] == '<')
			h5_buf_puts(out, "&lt;");
		else if (f->value[i] == '>')
			h5_buf_puts(out, "&gt;");
		else
			h5_buf_putc(out, f->value[i]);
	}
}

enum h5_code
h5_xml_write(const struct h5_fields *f, struct h5_buf *out, struct h5_err *e)
{
	enum h5_code rc = H5_OK;
	size_t i;

	for (i = 0; i < f->n && rc == H5_OK; i++)
		rc = check_field(&f->v[i], e);
	if (rc != H5_OK)
		return rc;
	h5_buf_puts(out, "<xml>");
	for (i = 0; i < f->n; i++) {
		h5_buf_printf(out, "<%s>", f->v[i].name);
		write_value(&f->v[i], out);
		h5_buf_printf(out, "</%s>", f->v[i].name);
	}
	h5_buf_puts(out, "</xml>");
	return h5_buf_finish(out, e);
}
