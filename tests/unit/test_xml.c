#include "tests/unit/help.h"

#include <pthread.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/wechat/v2/xml.h"

#define NAME_64                                                                \
	"a234567890123456789012345678901234567890123456789012345678901234"

static enum h5_code
read_text(const char *text, struct h5_fields *f, struct h5_err *e)
{
	return h5_xml_read(text, strlen(text), "xml", f, e);
}

static void
test_xml__reads_values(void **state)
{
	/* want: the value of <v>, or NULL: there is none */
	static const struct {
		const char *xml, *want;
	} rows[] = {
	    {"<xml></xml>", NULL},
	    {" \r\n\t<xml> \n </xml > \r\n", NULL},
	    {"<xml><v></v></xml>", ""},
	    {"<xml><v>1</v></xml>", "1"},
	    {"<xml><v> 1 </v></xml>", " 1 "},
	    {"<xml><v>\n\t1\n</v></xml>", "\n\t1\n"},
	    {"<xml><v> </v></xml>", " "},
	    {"<xml><v><![CDATA[1]]></v></xml>", "1"},
	    {"<xml><v><![CDATA[]]></v></xml>", ""},
	    {"<xml><v><![CDATA[ ]]></v></xml>", " "},
	    {"<xml><v><![CDATA[]]]></v></xml>", "]"},
	    {"<xml><v><![CDATA[]]]]></v></xml>", "]]"},
	    {"<xml><v><![CDATA[>]]></v></xml>", ">"},
	    {"<xml><v><![CDATA[]>]]></v></xml>", "]>"},
	    {"<xml><v><![CDATA[<b>&x;&lt;</b>]]></v></xml>", "<b>&x;&lt;</b>"},
	    {"<xml><v><![CDATA[<![CDATA[]]></v></xml>", "<![CDATA["},
	    {"<xml><v><![CDATA[a]]><![CDATA[b]]></v></xml>", "ab"},
	    {"<xml><v><![CDATA[a]]]]><![CDATA[>b]]></v></xml>", "a]]>b"},
	    {"<xml><v>a<![CDATA[b]]>c<![CDATA[d]]>e</v></xml>", "abcde"},
	    {"<xml><v> <![CDATA[b]]> </v></xml>", " b "},
	    {"<xml><v>&lt;&gt;&amp;&quot;&apos;</v></xml>", "<>&\"'"},
	    {"<xml><v>&amp;lt;</v></xml>", "&lt;"},
	    {"<xml><v>&amp;#65;</v></xml>", "&#65;"},
	    {"<xml><v>a]]b]</v></xml>", "a]]b]"},
	    {"<xml><v>a>b</v></xml>", "a>b"},
	    {"<xml><v>a\"b'c</v></xml>", "a\"b'c"},
	    {"<xml><v>\xe8\x8c\xb6</v></xml>", "\xe8\x8c\xb6"},
	    {"<xml><v>\xf0\x9f\x8d\xb5</v></xml>", "\xf0\x9f\x8d\xb5"},
	    {"<xml><v>1</v ></xml>", "1"},
	    {"<xml><v>1</v\n\t></xml \r\n>", "1"},
	    {"<xml>\n<a>0</a>\n<v>1</v>\n<w>2</w>\n</xml>\n", "1"},
	    /* line ends, XML 1.0 section 2.11 */
	    {"<xml><v>a\r\nb\rc\r\r\nd\r</v></xml>", "a\nb\nc\n\nd\n"},
	    {"<xml><v><![CDATA[a\r\nb\rc]]></v></xml>", "a\nb\nc"},
	    /* what is no list of numbers, and no white space */
	    {"<xml><v>  1  2   3 </v></xml>", "  1  2   3 "},
	    {"<xml><v>\xc2\xa0</v></xml>", "\xc2\xa0"},
	    {"<xml><" NAME_64 ">1</" NAME_64 "><v>2</v></xml>", "2"},
	};
	struct h5_fields f;
	struct h5_err e;
	const char *got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i].xml, read_text(rows[i].xml, &f, &e) == H5_OK);
		got = h5_fields_get(&f, "v");
		ROW(rows[i].xml, (got == NULL) == (rows[i].want == NULL));
		if (got != NULL)
			assert_string_equal(got, rows[i].want);
		h5_fields_release(&f);
	}
}

static void
test_xml__keeps_order_and_case(void **state)
{
	struct h5_fields f;

	(void)state;
	assert_int_equal(
	    read_text(
		"<xml><b>1</b><a>2</a><B>3</B><_9>4</_9></xml>", &f, NULL),
	    H5_OK);
	assert_int_equal(f.n, 4);
	assert_string_equal(f.v[0].name, "b");
	assert_string_equal(f.v[1].name, "a");
	assert_string_equal(f.v[2].name, "B");
	assert_string_equal(f.v[3].name, "_9");
	assert_int_equal(f.max_n, H5_XML_ELEMENTS);
	assert_int_equal(f.max_bytes, H5_XML_MAX);
	h5_fields_release(&f);
}

static void
test_xml__refuses(void **state)
{
	static const char *const rows[] = {/* not a document, or cut off */
	    "", "<", "<xml>", "<xml/>", "plain text, no markup",
	    "<xml><v>1</v>", "<xml><v>1</v></xml", "<xml><v>1</v></xm",
	    "<xml><v>1</xml>", "<xml><v>1", "<xml><v>1</v", "<xml><v",
	    "<xml></xml", "<xml><v><![CDATA[1</v></xml>",
	    "<xml><v><![CDATA[1]]</v></xml>", "<xml><v><![CDATA[1]>]</v></xml>",
	    /* another root, or a second one, or something after it */
	    "<root><v>1</v></root>", "<XML><v>1</v></XML>", "<xmls></xmls>",
	    "<xml ><v>1</v></xml>", "< xml><v>1</v></xml>",
	    "x<xml><v>1</v></xml>", "<xml><v>1</v></xml>x",
	    "<xml><v>1</v></xml><xml></xml>", "<xml><v>1</v></xml></xml>",
	    "<xml><v>1</v></xml><", "<xml><v>1</v></xml><!-- -->",
	    "<xml><v>1</v></root>", "<xml><v>1</v></xmlx>",
	    /* declarations and comments */
	    "<?xml version=\"1.0\"?><xml><v>1</v></xml>",
	    "<!DOCTYPE xml><xml><v>1</v></xml>",
	    "<!DOCTYPE xml [<!ENTITY a \"1\">]><xml><v>&a;</v></xml>",
	    "<!-- --><xml><v>1</v></xml>", "<xml><!-- --><v>1</v></xml>",
	    "<xml><v>1<!-- -->00</v></xml>", "<xml><?p i?><v>1</v></xml>",
	    "<xml><v>1<?p i?></v></xml>", "<xml><!DOCTYPE a><v>1</v></xml>",
	    /* attributes, nesting, self-closing, text between elements */
	    "<xml a=\"b\"><v>1</v></xml>", "<xml><v a=\"b\">1</v></xml>",
	    "<xml><v a>1</v></xml>", "<xml><v >1</v></xml>", "<xml><v/></xml>",
	    "<xml><v /></xml>", "<xml><v><w>1</w></v></xml>",
	    "<xml><v>1<w></w></v></xml>", "<xml>1<v>1</v></xml>",
	    "<xml><v>1</v>1</xml>", "<xml><![CDATA[1]]><v>1</v></xml>",
	    "<xml>&lt;</xml>", "<xml><v>1</w></xml>", "<xml><v>1</V></xml>",
	    "<xml><v>1</vv></xml>", "<xml><vv>1</v></xml>",
	    "<xml><v>1</ v></xml>", "<xml><v>1</v x></xml>",
	    "<xml><v>1< /v></xml>", "<xml></v></xml>",
	    /* names */
	    "<xml><></></xml>", "<xml><1>x</1></xml>", "<xml><-a>x</-a></xml>",
	    "<xml><a:b>x</a:b></xml>", "<xml><.a>x</.a></xml>",
	    "<xml><a-b>x</a.b></xml>",
	    "<xml><\xe8\x8c\xb6>x</\xe8\x8c\xb6></xml>",
	    "<xml><&#118;>x</v></xml>", "<xml><v\n>x</v></xml>",
	    "<xml><" NAME_64 "x>1</" NAME_64 "x></xml>",
	    /* entities */
	    "<xml><v>&</v></xml>", "<xml><v>&amp</v></xml>",
	    "<xml><v>&nbsp;</v></xml>", "<xml><v>&copy;</v></xml>",
	    "<xml><v>&xxe;</v></xml>", "<xml><v>&AMP;</v></xml>",
	    "<xml><v>&#65;</v></xml>", "<xml><v>&#x41;</v></xml>",
	    "<xml><v>&#0;</v></xml>", "<xml><v>&#4294967361;</v></xml>",
	    "<xml><v>&#xD800;</v></xml>", "<xml><v>& lt;</v></xml>",
	    "<xml><v>&;</v></xml>", "<xml><v>a]]>b</v></xml>",
	    "<xml><v>]]></v></xml>", "<xml><v><![cdata[1]]></v></xml>",
	    "<xml><v><![ CDATA[1]]></v></xml>", "<xml><v><!1></v></xml>",
	    /* bytes */
	    "<xml><v>\x01</v></xml>", "<xml><v>\x1f</v></xml>",
	    "<xml><v>\x0b</v></xml>", "<xml>\x0c<v>1</v></xml>",
	    "<xml><v><![CDATA[\x08]]></v></xml>", "<xml><v>\xff</v></xml>",
	    "<xml><v>\xfe\xff</v></xml>", "<xml><v>\xff\xfe</v></xml>",
	    "<xml><v>\xc0\x80</v></xml>", "<xml><v>\xed\xa0\x80</v></xml>",
	    "<xml><v>\xf7\xbf\xbf\xbf</v></xml>", "<xml><v>\xb2\xe8</v></xml>",
	    "<xml><v>\xef\xbb\xbf</v></xml>", "\xef\xbb\xbf<xml><v>1</v></xml>",
	    "<xml><v>\xef\xbf\xbe</v></xml>", "<xml><v>\xef\xbf\xbf</v></xml>",
	    "\xfe\xff\0<\0x", "<xml><v>\xe8\x8c</v></xml>",
	    /* doubled */
	    "<xml><v>1</v><v>2</v></xml>", "<xml><v>1</v><a/><v>1</v></xml>",
	    "<xml><v>1</v><a></a><v>1</v></xml>"};
	struct h5_fields f;
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i], read_text(rows[i], &f, &e) == H5_E_INPUT);
		ROW(rows[i], strncmp(e.msg, "XML: ", 5) == 0);
		/* The sender's text never reaches the log by this way. */
		ROW(rows[i], h5_text_printable(e.msg));
		ROW(rows[i], f.n == 0);
		h5_fields_release(&f);
	}
}

static void
test_xml__says_what_and_where(void **state)
{
	static const struct {
		const char *xml, *want;
	} rows[] = {
	    {"<xml><v a='1'>1</v></xml>",
		"XML: a start tag has more than a name at byte 7"},
	    {"<xml><v>&nbsp;</v></xml>",
		"XML: an entity is not lt, gt, amp, quot or apos at byte 8"},
	    {"<xml><v>1</w></xml>",
		"XML: not the end tag that belongs here at byte 11"},
	    {"<xml><v>1</v></xml>x",
		"XML: something follows the document at byte 19"},
	    {"<xml><v>\x01</v></xml>", "XML: control byte at byte 8"},
	    {"<xml><v>\xff</v></xml>", "XML: not UTF-8"},
	    {"<xml>", "XML: 5 bytes, not 11 to 65536"},
	    {"<xml><v>1</v><v>2</v></xml>", "XML: an element occurs twice"},
	};
	struct h5_fields f;
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(read_text(rows[i].xml, &f, &e), H5_E_INPUT);
		assert_string_equal(e.msg, rows[i].want);
	}
}

static void
test_xml__says_what_is_wrong(void **state)
{
	static const char doubled[] = "<xml><v>1</v><v>2</v></xml>";
	static const char nested[] = "<xml><v><w>1</w></v></xml>";
	struct h5_fields f;
	struct h5_err e;

	(void)state;
	assert_int_equal(
	    h5_xml_read(doubled, sizeof doubled - 1, "xml", &f, &e),
	    H5_E_INPUT);
	assert_string_equal(e.msg, "XML: an element occurs twice");
	assert_int_equal(
	    h5_xml_read(doubled, sizeof doubled - 1, "root", &f, &e),
	    H5_E_INPUT);
	assert_string_equal(
	    e.msg, "XML: not the root element that belongs here at byte 1");
	assert_int_equal(
	    h5_xml_read(nested, sizeof nested - 1, "xml", &f, &e), H5_E_INPUT);
	assert_string_equal(
	    e.msg, "XML: not the end tag that belongs here at byte 8");
	assert_int_equal(f.n, 0);
}

static void
test_xml__a_nul_ends_nothing(void **state)
{
	static const char inside[] = "<xml><v>1</v></xml>\0<xml></xml>";
	static const char value[] = "<xml><v>1\0</v></xml>";
	struct h5_fields f;

	(void)state;
	assert_int_equal(
	    h5_xml_read(inside, sizeof inside - 1, "xml", &f, NULL),
	    H5_E_INPUT);
	assert_int_equal(
	    h5_xml_read(value, sizeof value - 1, "xml", &f, NULL), H5_E_INPUT);
	assert_int_equal(
	    h5_xml_read(inside, sizeof inside, "xml", &f, NULL), H5_E_INPUT);
}

/* A document of exactly n bytes with one long value. */
static char *
long_document(size_t n)
{
	char *p = malloc(n);

	assert_non_null(p);
	memset(p, 'x', n);
	memcpy(p, "<xml><v>", 8);
	memcpy(p + n - 10, "</v></xml>", 10);
	return p;
}

static void
test_xml__length_and_element_ceilings(void **state)
{
	struct h5_fields f;
	struct h5_buf b;
	struct h5_err e;
	char *p;
	int i, n;

	(void)state;
	p = long_document(H5_XML_MAX);
	assert_int_equal(h5_xml_read(p, H5_XML_MAX, "xml", &f, &e), H5_OK);
	assert_int_equal(f.v[0].value_len, H5_XML_MAX - 18);
	h5_fields_release(&f);
	free(p);
	p = long_document(H5_XML_MAX + 1);
	assert_int_equal(
	    h5_xml_read(p, H5_XML_MAX + 1, "xml", &f, &e), H5_E_INPUT);
	free(p);
	h5_buf_init(&b, H5_XML_MAX);
	for (n = H5_XML_ELEMENTS; n <= H5_XML_ELEMENTS + 1; n++) {
		h5_buf_clear(&b);
		h5_buf_puts(&b, "<xml>");
		for (i = 0; i < n; i++)
			h5_buf_printf(&b, "<c_%d>%d</c_%d>", i, i, i);
		h5_buf_puts(&b, "</xml>");
		assert_int_equal(h5_buf_finish(&b, NULL), H5_OK);
		if (n > H5_XML_ELEMENTS) {
			assert_int_equal(
			    h5_xml_read(b.data, b.len, "xml", &f, &e),
			    H5_E_INPUT);
			assert_non_null(
			    strstr(e.msg, "there are too many elements"));
			continue;
		}
		assert_int_equal(
		    h5_xml_read(b.data, b.len, "xml", &f, &e), H5_OK);
		assert_int_equal(f.n, n);
		assert_true(h5_fields_is(&f, "c_1023", "1023"));
		h5_fields_release(&f);
	}
	h5_buf_release(&b);
}

/* Each document cut at each byte, in a block that ends there: a sanitizer or
 * valgrind sees one byte more. */
static void
test_xml__every_cut_is_refused(void **state)
{
	static const char whole[] =
	    "<xml><a>1</a><v><![CDATA[x]]>&amp;</v ><_>\xe8\x8c\xb6</_></xml>";
	struct h5_fields f;
	enum h5_code rc;
	char *copy;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof whole; n++) {
		copy = malloc(n > 0 ? n : 1);
		assert_non_null(copy);
		memcpy(copy, whole, n);
		rc = h5_xml_read(copy, n, "xml", &f, NULL);
		assert_int_equal(
		    rc, n == sizeof whole - 1 ? H5_OK : H5_E_INPUT);
		h5_fields_release(&f);
		free(copy);
	}
}

static void
test_xml__real_messages(void **state)
{
	/* root NULL: must be refused */
	static const struct {
		const char *file, *root, *name, *value;
		size_t n;
	} rows[] = {
	    {"v2-real/notify-mweb-2020.xml", "xml", "total_fee", "1", 17},
	    {"v2-real/notify-official-doc.xml", "xml", "attach",
		"\xe6\x94\xaf\xe4\xbb\x98\xe6\xb5\x8b\xe8\xaf\x95", 20},
	    {"v2-real/unifiedorder-mweb-response-2021.xml", "xml", "mweb_url",
		"https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb"
		"?prepay_id=wx300938224735257a61dd6c1f12d4c10000"
		"&package=1148742901",
		10},
	    {"v2-real/unifiedorder-mweb-response-official-doc.xml", "xml",
		"prepay_id", "wx201411101639507cbf6ffd8b0779950874", 10},
	    {"v2-xml/php-getpublickey.response.sample.xml", "xml", "mch_id",
		"123456", 5},
	    {"v2-xml/php-paysuccess.notification.sample.xml", "xml",
		"coupon_type", "CASH", 20},
	    {"v2-xml/php-refund.notification.req_info.sample.xml", "root",
		"refund_status", "SUCCESS", 13},
	    {"v2-xml/php-unifiedorder.sample.xml", "xml", "trade_type", "JSAPI",
		13},
	    {"v2-xml/wxjava-orderquery-coupons.xml", "xml", "coupon_fee_1",
		"200", 26},
	    {"v2-xml/wxjava-orderquery-official.xml", "xml", "trade_state",
		"SUCCESS", 19},
	    {"v2-xml/wxjava-refund-coupons.xml", "xml", "refund_channel", "",
		18},
	    {"v2-xml/wxjava-refundquery.xml", "xml", "refund_status_0",
		"PROCESSING", 14},
	    {"v2-refund-notify/gopay-plaintext.xml", "root", "refund_fee", "6",
		13},
	    {"v2-refund-notify/wxjava-req_info-plaintext.xml", "root",
		"settlement_refund_fee", "15", 13},
	    {"v2-refund-notify/wxjava-refund-notify-undecryptable.xml", "xml",
		"return_code", "SUCCESS", 5},
	    {"v2-xml/php-fragment_injection.sample.xml", NULL, "", "", 0},
	    {"v2-xml/php-invalid.bad_entity.sample.xml", NULL, "", "", 0},
	    {"v2-xml/php-invalid.xxe_injection.sample.xml", NULL, "", "", 0},
	    {"v2-xml/wxjava-xxe-doctype.xml", NULL, "", "", 0},
	};
	static const char *const roots[] = {
	    "xml", "root", "batchjob", "movies", "foo", "doc"};
	char path[128], *text;
	struct h5_fields f;
	size_t i, k, n;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		(void)snprintf(
		    path, sizeof path, "tests/fixtures/%s", rows[i].file);
		text = fixture(path, &n);
		/* An attack stays one under whatever root it comes. */
		for (k = 0; k < COUNT(roots) && rows[i].root == NULL; k++)
			ROW(path, h5_xml_read(text, n, roots[k], &f, NULL) ==
				      H5_E_INPUT);
		if (rows[i].root != NULL) {
			ROW(path, h5_xml_read(text, n, rows[i].root, &f,
				      NULL) == H5_OK);
			ROW(path,
			    h5_fields_is(&f, rows[i].name, rows[i].value));
			ROW(path, f.n == rows[i].n);
			h5_fields_release(&f);
		}
		free(text);
	}
}

static void
test_xml__real_failures(void **state)
{
	char *text, *at, *end;
	struct h5_fields f;
	size_t n, found = 0;

	(void)state;
	text = fixture(
	    "tests/fixtures/v2-real/fail-communication-samples.xml.txt", &n);
	for (at = strstr(text, "<xml>"); at != NULL;
	     at = strstr(end, "<xml>")) {
		end = strstr(at, "</xml>");
		assert_non_null(end);
		end += strlen("</xml>");
		assert_int_equal(
		    h5_xml_read(at, (size_t)(end - at), "xml", &f, NULL),
		    H5_OK);
		assert_true(h5_fields_is(&f, "return_code", "FAIL"));
		assert_non_null(h5_fields_get(&f, "return_msg"));
		h5_fields_release(&f);
		found++;
	}
	assert_int_equal(found, 5);
	free(text);
}

static void
write_and_compare(const struct h5_fields *f)
{
	struct h5_fields back;
	struct h5_buf b;
	struct h5_err e;
	size_t i;

	h5_buf_init(&b, H5_XML_MAX);
	if (h5_xml_write(f, &b, &e) != H5_OK)
		fail_msg("write: %s", e.msg);
	if (h5_xml_read(b.data, b.len, "xml", &back, &e) != H5_OK)
		fail_msg("read: %s: %s", e.msg, b.data);
	assert_int_equal(back.n, f->n);
	for (i = 0; i < f->n; i++) {
		assert_string_equal(back.v[i].name, f->v[i].name);
		assert_string_equal(back.v[i].value, f->v[i].value);
	}
	h5_fields_release(&back);
	h5_buf_release(&b);
}

static void
test_xml__writes_markup_as_text(void **state)
{
	static const char scene[] =
	    "{\"h5_info\": {\"type\":\"Wap\",\"wap_url\":\"https://a.example/"
	    "?a=1&b=2\",\"wap_name\":\"Tea's <shop>\"}}";
	struct h5_fields f;
	struct h5_buf b;

	(void)state;
	h5_fields_init(&f, 10, 1000);
	h5_buf_init(&b, 1000);
	assert_int_equal(h5_fields_add(&f, "body",
			     "]]></body><total_fee>1</total_fee>", NULL),
	    H5_OK);
	assert_int_equal(h5_fields_add(&f, "total_fee", "12800", NULL), H5_OK);
	assert_int_equal(h5_fields_add(&f, "attach", "", NULL), H5_OK);
	assert_int_equal(h5_xml_write(&f, &b, NULL), H5_OK);
	assert_string_equal(b.data,
	    "<xml><body>]]&gt;&lt;/body&gt;&lt;total_fee&gt;1&lt;/total_fee&gt;"
	    "</body><total_fee>12800</total_fee><attach></attach></xml>");
	write_and_compare(&f);
	h5_fields_release(&f);
	h5_fields_init(&f, 10, 1000);
	h5_buf_clear(&b);
	assert_int_equal(h5_fields_add(&f, "scene_info", scene, NULL), H5_OK);
	assert_int_equal(h5_xml_write(&f, &b, NULL), H5_OK);
	assert_int_equal(
	    strncmp(b.data, "<xml><scene_info><![CDATA[{\"h5_info\"", 36), 0);
	write_and_compare(&f);
	h5_fields_release(&f);
	h5_buf_release(&b);
}

static void
test_xml__write_refuses(void **state)
{
	static const struct {
		const char *name, *value;
	} rows[] = {
	    {"", "x"},
	    {"a b", "x"},
	    {"a>", "x"},
	    {"1a", "x"},
	    {"a-b", "x"},
	    {"\xe8\x8c\xb6", "x"},
	    {"a234567890123456789012345678901234567890123456789012345678901234"
	     "5",
		"x"},
	    {"a", "\x01"},
	    {"a", "b\tc"},
	    {"a", "b\nc"},
	    {"a", "b\rc"},
	    {"a", "\x1f"},
	    {"a", "\x7f"},
	    {"a", "\xff"},
	    {"a", "\xed\xa0\x80"},
	    {"a", "\xef\xbb\xbf"},
	};
	struct h5_fields f;
	struct h5_buf b;
	size_t i;

	(void)state;
	h5_buf_init(&b, 1000);
	h5_buf_puts(&b, "before");
	for (i = 0; i < COUNT(rows); i++) {
		h5_fields_init(&f, 10, 1000);
		assert_int_equal(h5_fields_add(&f, "good", "x", NULL), H5_OK);
		assert_int_equal(
		    h5_fields_add(&f, rows[i].name, rows[i].value, NULL),
		    H5_OK);
		ROW(rows[i].name, h5_xml_write(&f, &b, NULL) == H5_E_INPUT);
		ROW(rows[i].name, strcmp(b.data, "before") == 0);
		h5_fields_release(&f);
	}
	/* mxml would write <xml />, which the guard does not let pass. */
	h5_fields_init(&f, 10, 1000);
	assert_int_equal(h5_xml_write(&f, &b, NULL), H5_E_INPUT);
	assert_string_equal(b.data, "before");
	h5_buf_release(&b);
	h5_fields_init(&f, 10, 1000);
	h5_buf_init(&b, 5);
	assert_int_equal(h5_xml_write(&f, &b, NULL), H5_E_INPUT);
	h5_buf_release(&b);
	h5_fields_release(&f);
}

static unsigned
next_random(unsigned *seed)
{
	*seed = *seed * 1664525U + 1013904223U;
	return *seed >> 8;
}

/* Property: whatever printable text goes in comes out again, and nothing
 * else.  Values are made of the pieces an attacker would choose. */
static void
test_xml__hostile_values_come_back(void **state)
{
	static const char *const pieces[] = {"<", ">", "&", "\"", "'", "]]>",
	    "<![CDATA[", "]", "</body>", "</xml>", "<total_fee>1</total_fee>",
	    "&lt;", "&amp;", "&#65;", "&nbsp;", "<!--", "-->", "<?xml?>",
	    "<!DOCTYPE a>", "\xe8\x8c\xb6", "\xf0\x9f\x8d\xb5", "\xc2\x85",
	    "\xe2\x80\xa8", " ", "  ", "=", "&key=", "%3C", "\\u003c", "x",
	    "{\"a\": \"b\"}"};
	static const char *const names[] = {
	    "body", "attach", "a", "_", "xml", "sign", NAME_64};
	unsigned seed = 20261123;
	char value[400];
	struct h5_fields f;
	const char *piece;
	size_t i, k, n;
	int round;

	(void)state;
	for (round = 0; round < 3000; round++) {
		h5_fields_init(&f, 10, 5000);
		for (i = 0; i < COUNT(names); i++) {
			n = next_random(&seed) % 12;
			value[0] = '\0';
			for (k = 0; k < n; k++) {
				piece =
				    pieces[next_random(&seed) % COUNT(pieces)];
				memcpy(value + strlen(value), piece,
				    strlen(piece) + 1);
			}
			assert_int_equal(
			    h5_fields_add(&f, names[i], value, NULL), H5_OK);
		}
		write_and_compare(&f);
		h5_fields_release(&f);
	}
}

/* Nothing of a sender's text may reach stderr, which is a web server's log. */
static void *
read_in_thread(void *arg)
{
	static const char good[] = "<xml><v>&amp;<![CDATA[1]]></v></xml>";
	struct h5_fields f;
	enum h5_code rc;
	int i;

	for (i = 0; i < 200; i++) {
		rc = read_text(good, &f, NULL);
		if (rc != H5_OK || !h5_fields_is(&f, "v", "&1"))
			arg = NULL;
		h5_fields_release(&f);
		rc = read_text("<xml><v\nFAKE PAID>1</v></xml>", &f, NULL);
		if (rc != H5_E_INPUT)
			arg = NULL;
		h5_fields_release(&f);
	}
	return arg;
}

static void
test_xml__threads_read_in_silence(void **state)
{
	char path[] = "/tmp/h5xml.XXXXXX";
	pthread_t threads[4];
	void *result;
	int keep, fd;
	size_t i;

	(void)state;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	(void)fflush(stderr);
	keep = dup(STDERR_FILENO);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	for (i = 0; i < COUNT(threads); i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, read_in_thread, path), 0);
	for (i = 0; i < COUNT(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_ptr_equal(result, path);
	}
	assert_int_equal(dup2(keep, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	(void)close(keep);
	(void)close(fd);
	(void)unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_xml__reads_values),
	    cmocka_unit_test(test_xml__keeps_order_and_case),
	    cmocka_unit_test(test_xml__refuses),
	    cmocka_unit_test(test_xml__says_what_and_where),
	    cmocka_unit_test(test_xml__says_what_is_wrong),
	    cmocka_unit_test(test_xml__a_nul_ends_nothing),
	    cmocka_unit_test(test_xml__length_and_element_ceilings),
	    cmocka_unit_test(test_xml__every_cut_is_refused),
	    cmocka_unit_test(test_xml__real_messages),
	    cmocka_unit_test(test_xml__real_failures),
	    cmocka_unit_test(test_xml__writes_markup_as_text),
	    cmocka_unit_test(test_xml__write_refuses),
	    cmocka_unit_test(test_xml__hostile_values_come_back),
	    cmocka_unit_test(test_xml__threads_read_in_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
