/* Messages to WeChat, written by mxml.  A file of its own: notify writes none,
 * and a program that does not write does not load the library. */
#include "common/wechat/v2/xml.h"

#include <stdlib.h>
#include <string.h>

#include <mxml.h>

#include "common/base/text.h"

#define DIGITS "0123456789"
#define NAME_BYTES                                                             \
	DIGITS "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* mxml writes names and control bytes as they come. */
static enum h5_code
check_field(const struct h5_field *f, struct h5_err *e)
{
	size_t i;

	/* What h5_xml_read would refuse must not be sent either. */
	if (f->name_len < 1 || f->name_len > H5_XML_NAME ||
	    strspn(f->name, NAME_BYTES) != f->name_len ||
	    strspn(f->name, DIGITS) > 0)
		return h5_err_set(e, H5_E_INPUT, "not a valid XML name");
	for (i = 0; i < f->value_len; i++)
		if ((unsigned char)f->value[i] < 0x20 || f->value[i] == 0x7f)
			return h5_err_set(e, H5_E_INPUT,
			    "%s contains a control byte", f->name);
	if (!h5_text_utf8(f->value, f->value_len))
		return h5_err_set(e, H5_E_INPUT, "%s is not UTF-8", f->name);
	return H5_OK;
}

/* Markup goes into CDATA, as WeChat asks for the JSON of scene_info.  mxml lets
 * through what would end such a section, so a text with that in it is escaped
 * instead. */
static mxml_node_t *
new_value(mxml_node_t *element, const char *value)
{
	mxml_node_t *node;

	if (strpbrk(value, "&<>\"") != NULL && strstr(value, "]]>") == NULL) {
		node = mxmlNewCDATA(element, value);
		return node != NULL && mxmlGetElement(node) != NULL ? node
								    : NULL;
	}
	node = mxmlNewOpaque(element, value);
	return node != NULL && mxmlGetOpaque(node) != NULL ? node : NULL;
}

/* A node without the copy of its text is what mxml gives when memory is
 * short. */
static enum h5_code
add_element(mxml_node_t *root, const struct h5_field *f, struct h5_err *e)
{
	mxml_node_t *element = mxmlNewElement(root, f->name);

	if (element == NULL || mxmlGetElement(element) == NULL ||
	    new_value(element, f->value) == NULL)
		return h5_err_nomem(e);
	return H5_OK;
}

static enum h5_code
print(mxml_node_t *root, struct h5_buf *out, struct h5_err *e)
{
	char *text = mxmlSaveAllocString(root, MXML_NO_CALLBACK);

	if (text == NULL)
		return h5_err_nomem(e);
	/* mxml ends the document with a line feed. */
	h5_buf_add(out, text, strcspn(text, "\n"));
	free(text);
	return h5_buf_finish(out, e);
}

enum h5_code
h5_xml_write(const struct h5_fields *f, struct h5_buf *out, struct h5_err *e)
{
	enum h5_code rc = H5_OK;
	mxml_node_t *root;
	size_t i;

	/* mxml would write <xml />, which is not in our grammar. */
	if (f->n == 0)
		return h5_err_set(e, H5_E_INPUT, "there are no elements");
	/* All of them before anything is built. */
	for (i = 0; i < f->n && rc == H5_OK; i++)
		rc = check_field(&f->v[i], e);
	if (rc != H5_OK)
		return rc;
	root = mxmlNewElement(MXML_NO_PARENT, "xml");
	/* Memory may run out inside as well, which shows in a missing name. */
	if (root == NULL || mxmlGetElement(root) == NULL)
		rc = h5_err_nomem(e);
	for (i = 0; i < f->n && rc == H5_OK; i++)
		rc = add_element(root, &f->v[i], e);
	if (rc == H5_OK)
		rc = print(root, out, e);
	mxmlDelete(root);
	return rc;
}
