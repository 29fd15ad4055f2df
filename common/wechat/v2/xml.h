/* xml.h - WeChat Pay's flat XML, read by its own narrow grammar and written by
 * mxml (docs/PROTOCOL.md 1.2).  A guard that lets nothing else pass has to walk
 * the whole document, so the same walk takes the values, and no general parser
 * sees a stranger's bytes.  The tests ask mxml and expat whether they read the
 * same. */
#ifndef H5_WECHAT_V2_XML_H
#define H5_WECHAT_V2_XML_H

#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/fields.h"

#define H5_XML_MAX 65536 /* bytes of a document */
#define H5_XML_ELEMENTS 1024
#define H5_XML_NAME 64 /* bytes of a name */

/* h5_xml_read(p, n, root, out, e): the n bytes at p must be exactly
 *   ws <root> ws (<name> value </name ws> ws)* </root ws> ws
 * in strict UTF-8 of 11 to H5_XML_MAX bytes.  A name is [A-Za-z0-9_.-]{1,64},
 * begins with a letter or _, and comes once; a value is text and CDATA sections
 * in any mix.  Text knows &lt; &gt; &amp; &quot; &apos; and no other entity, no
 * numeric reference and no "]]>".  So attributes, comments, processing
 * instructions, the XML declaration, DOCTYPE, self-closing and nested elements
 * are refused, and control bytes other than tab, LF, CR.
 * root: "xml", or "root" of a decrypted refund notice.  out is initialised here
 * with H5_XML_ELEMENTS and H5_XML_MAX; release it.  White space in values
 * stays, but CR and CR LF are LF (XML 1.0, 2.11).  Takes linear time.
 * H5_E_INPUT: something else; e->msg says what and at which byte.
 * H5_E_NOMEM. */
H5_MUST_CHECK enum h5_code h5_xml_read(const char *p, size_t n,
    const char *root, struct h5_fields *out, struct h5_err *e);

/* h5_xml_write(f, out, e): append <xml>...</xml>.  Markup and "]]>" in a value
 * stay text, and h5_xml_read reads the same again.
 * H5_E_INPUT: no element at all; a name that h5_xml_read would refuse, or with
 * . or - in it; a control byte (below 0x20, or 0x7f); invalid UTF-8; longer
 * than out may be.
 * H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_xml_write(
    const struct h5_fields *f, struct h5_buf *out, struct h5_err *e);

#endif
