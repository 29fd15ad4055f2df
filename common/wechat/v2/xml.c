/* The reader of WeChat's XML: one strict walk over every byte that takes the
 * values on its way. */
#include "common/wechat/v2/xml.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/length.h"
#include "common/base/text.h"

#define SHORTEST 11 /* <xml></xml> */
#define CDATA "<![CDATA["
#define CDATA_LEN (sizeof CDATA - 1)

/* Where the reader stands in the document. */
struct scan {
	const char *p;
	size_t n;
	size_t i;
	size_t elements;
	struct h5_fields *out;
	struct h5_buf value; /* of the element at hand */
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
	/* Names that begin with a digit are not XML, and no field of ours. */
	if (s->i < s->n && s->p[s->i] >= '0' && s->p[s->i] <= '9')
		return refuse(s, "a name begins with a digit");
	/* One byte more than is allowed at most, to see that it is too long. */
	while (s->i < s->n && *len <= H5_XML_NAME &&
	       (name_byte(s->p[s->i]) ||
		   (*len > 0 && (s->p[s->i] == '-' || s->p[s->i] == '.')))) {
		s->i++;
		(*len)++;
	}
	if (*len < 1 || *len > H5_XML_NAME)
		return refuse(
		    s, "not a name of 1 to 64 letters, digits, _ - or .");
	return H5_OK;
}

static enum h5_code
read_end_tag(struct scan *s, const char *name, size_t len)
{
	/* By the name that was opened, so that nesting cannot be faked. */
	if (!next_is(s, "</", 2) || !next_is(s, name, len))
		return refuse(s, "not the end tag that belongs here");
	skip_space(s);
	return next_is(s, ">", 1) ? H5_OK
				  : refuse(s, "the end tag is not closed");
}

/* Keeps a piece of the document as it stands, except for its line ends: CR LF
 * and CR are LF (XML 1.0, 2.11). */
static void
keep_piece(struct scan *s, const char *p, size_t n)
{
	const char *cr;

	while ((cr = memchr(p, '\r', n)) != NULL) {
		h5_buf_add(&s->value, p, (size_t)(cr - p));
		h5_buf_putc(&s->value, '\n');
		n -= (size_t)(cr + 1 - p);
		p = cr + 1;
		if (n > 0 && *p == '\n') {
			p++;
			n--;
		}
	}
	h5_buf_add(&s->value, p, n);
}

static enum h5_code
read_cdata(struct scan *s)
{
	const char *from = s->p + s->i, *end;

	/* The first end mark ends it: CDATA does not nest. */
	end = memmem(from, s->n - s->i, "]]>", 3);
	if (end == NULL)
		return refuse(s, "CDATA has no end");
	keep_piece(s, from, (size_t)(end - from));
	s->i = (size_t)(end - s->p) + 3;
	return H5_OK;
}

/* Numeric references are refused: the gateway sends none. */
static enum h5_code
read_entity(struct scan *s)
{
	static const struct {
		const char *text;
		size_t len;
		char is;
	} known[] = {{"&lt;", 4, '<'}, {"&gt;", 4, '>'}, {"&amp;", 5, '&'},
	    {"&quot;", 6, '"'}, {"&apos;", 6, '\''}};
	size_t i;

	for (i = 0; i < H5_LENGTH(known); i++)
		if (next_is(s, known[i].text, known[i].len)) {
			keep_piece(s, &known[i].is, 1);
			return H5_OK;
		}
	return refuse(s, "an entity is not lt, gt, amp, quot or apos");
}

/* Plain text up to the next markup. */
static enum h5_code
read_text(struct scan *s)
{
	size_t from = s->i;
	char c;

	for (; s->i < s->n; s->i++) {
		c = s->p[s->i];
		if (c == '<' || c == '&')
			break;
		/* XML forbids it in text, and a reader that is less strict
		 * would disagree about where a value ends. */
		if (c == ']' && s->n - s->i >= 3 &&
		    memcmp(s->p + s->i, "]]>", 3) == 0) {
			s->i += 3;
			return refuse(s, "]]> outside CDATA");
		}
	}
	keep_piece(s, s->p + from, s->i - from);
	return H5_OK;
}

/* Text and CDATA sections up to the end tag, in any mix. */
static enum h5_code
read_value(struct scan *s)
{
	enum h5_code rc = H5_OK;

	/* A value ends at the first tag that is not CDATA. */
	while (rc == H5_OK && s->i < s->n) {
		if (s->p[s->i] == '&')
			rc = read_entity(s);
		else if (s->p[s->i] != '<')
			rc = read_text(s);
		else if (next_is(s, CDATA, CDATA_LEN))
			rc = read_cdata(s);
		else
			return H5_OK;
	}
	return rc == H5_OK ? refuse(s, "the document is cut off") : rc;
}

static enum h5_code
keep_field(struct scan *s, const char *name, size_t len)
{
	enum h5_code rc;

	rc = h5_buf_finish(&s->value, s->e);
	if (rc == H5_OK)
		rc = h5_fields_addn(
		    s->out, name, len, s->value.data, s->value.len, s->e);
	/* Two elements of one name are two truths, and programs differ in which
	 * one they see. */
	if (rc == H5_E_EXISTS)
		rc = h5_err_set(
		    s->e, H5_E_INPUT, "XML: an element occurs twice");
	h5_buf_clear(&s->value);
	return rc;
}

static enum h5_code
read_element(struct scan *s)
{
	const char *name;
	enum h5_code rc;
	size_t len;

	if (!next_is(s, "<", 1))
		return refuse(s, "there is text between elements");
	s->elements++;
	/* The fields have a limit of their own, but this one counts empty
	 * elements as well. */
	if (s->elements > H5_XML_ELEMENTS)
		return refuse(s, "there are too many elements");
	rc = read_name(s, &name, &len);
	if (rc != H5_OK)
		return rc;
	/* An attribute would be lost on us but not on another reader. */
	if (!next_is(s, ">", 1))
		return refuse(s, "a start tag has more than a name");
	rc = read_value(s);
	if (rc == H5_OK)
		rc = read_end_tag(s, name, len);
	return rc == H5_OK ? keep_field(s, name, len) : rc;
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
	/* A second document behind the first could carry other values. */
	if (rc == H5_OK && s->i < s->n)
		rc = refuse(s, "something follows the document");
	return rc;
}

/* The bytes alone: what XML 1.0 has no character for. */
static enum h5_code
check_bytes(struct scan *s)
{
	/* The size first: nothing is looked at that is too large. */
	if (s->n < SHORTEST || s->n > H5_XML_MAX)
		return h5_err_set(s->e, H5_E_INPUT,
		    "XML: %zu bytes, not %d to %d", s->n, SHORTEST, H5_XML_MAX);
	if (!h5_text_utf8(s->p, s->n))
		return h5_err_set(s->e, H5_E_INPUT, "XML: not UTF-8");
	for (s->i = 0; s->i < s->n; s->i++)
		if ((unsigned char)s->p[s->i] < 0x20 && !space(s->p[s->i]))
			return refuse(s, "control byte");
	s->i = 0;
	return H5_OK;
}

enum h5_code
h5_xml_read(const char *p, size_t n, const char *root, struct h5_fields *out,
    struct h5_err *e)
{
	struct scan s = {.p = p, .n = n, .out = out, .e = e};
	enum h5_code rc;

	h5_fields_init(out, H5_XML_ELEMENTS, H5_XML_MAX);
	h5_buf_init(&s.value, H5_XML_MAX);
	rc = check_bytes(&s);
	if (rc == H5_OK)
		rc = read_document(&s, root);
	h5_buf_release(&s.value);
	if (rc != H5_OK)
		h5_fields_release(out);
	return rc;
}
