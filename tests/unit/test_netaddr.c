#include "tests/unit/help.h"

#include "common/format/netaddr.h"

static void
test_netaddr__reads_and_writes_back(void **state)
{
	/* text NULL: refused */
	static const struct {
		const char *in, *text;
	} rows[] = {
	    {"1.2.3.4", "1.2.3.4"},
	    {"0.0.0.0", "0.0.0.0"},
	    {"255.255.255.255", "255.255.255.255"},
	    {"::1", "::1"},
	    {"::", "::"},
	    {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
	    {"fe80::1", "fe80::1"},
	    {"::ffff:1.2.3.4", "1.2.3.4"},
	    {"::FFFF:102:304", "1.2.3.4"},
	    {"0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4"},
	    {"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
	    {"2001:db8:1111:2222:3333:4444:5555:6666",
		"2001:db8:1111:2222:3333:4444:5555:6666"},
	    {"", NULL},
	    {"1", NULL},
	    {"1.2.3", NULL},
	    {"1.2.3.4.5", NULL},
	    {"1.2.3.", NULL},
	    {".1.2.3", NULL},
	    {"1..2.3", NULL},
	    {"1.2.3.4.", NULL},
	    {"256.1.1.1", NULL},
	    {"1.2.3.1000", NULL},
	    {"01.2.3.4", NULL},
	    {"1.2.3.00", NULL},
	    {"0x1.2.3.4", NULL},
	    {"1.2.3.4 ", NULL},
	    {" 1.2.3.4", NULL},
	    {"1.2.3.4:80", NULL},
	    {"+1.2.3.4", NULL},
	    {"1.2.3.-4", NULL},
	    {"16909060", NULL},
	    {"localhost", NULL},
	    {"[::1]", NULL},
	    {"fe80::1%eth0", NULL},
	    {"::1::", NULL},
	    {":::", NULL},
	    {":", NULL},
	    {"1:2:3:4:5:6:7", NULL},
	    {"1:2:3:4:5:6:7:8:9", NULL},
	    {"12345::", NULL},
	    {"::ffff:256.1.1.1", NULL},
	    {"::g", NULL},
	    {"unix:", NULL},
	};
	char text[H5_NETADDR_TEXT];
	struct h5_netaddr a, zero = {{0}, 0};
	enum h5_code rc;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		rc = h5_netaddr_read(rows[i].in, &a, NULL);
		if (rows[i].text == NULL) {
			ROW(rows[i].in, rc == H5_E_INPUT);
			ROW(rows[i].in, memcmp(&a, &zero, sizeof a) == 0);
			continue;
		}
		ROW(rows[i].in, rc == H5_OK);
		h5_netaddr_text(&a, text);
		ROW(rows[i].in, strcmp(text, rows[i].text) == 0);
	}
	h5_netaddr_text(&zero, text);
	assert_string_equal(text, "");
}

static void
test_netaddr__ranges(void **state)
{
	static const struct {
		const char *range, *in, *out;
	} rows[] = {
	    {"10.0.0.0/8", "10.255.0.1", "11.0.0.0"},
	    {"10.0.0.0/8", "::ffff:10.0.0.1", "9.255.255.255"},
	    {"192.168.1.1", "192.168.1.1", "192.168.1.2"},
	    {"192.168.1.1/32", "192.168.1.1", "192.168.1.0"},
	    {"172.16.0.0/12", "172.31.255.255", "172.32.0.0"},
	    {"100.64.0.0/10", "100.127.255.255", "100.128.0.0"},
	    {"0.0.0.0/0", "255.1.2.3", "::1"},
	    {"1.2.3.128/25", "1.2.3.255", "1.2.3.127"},
	    {"::1", "::1", "::2"},
	    {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"},
	    {"::/0", "2001:db8::1", "1.2.3.4"},
	    {"::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.0"},
	    {"::ffff:0:0/96", "1.2.3.4", "::1"},
	    {"::ffff:1.2.3.4", "1.2.3.4", "1.2.3.5"},
	};
	struct h5_netaddr a, b;
	struct h5_netrange r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i].range,
		    h5_netaddr_range(rows[i].range, &r, NULL) == H5_OK);
		ROW(rows[i].in, h5_netaddr_read(rows[i].in, &a, NULL) == H5_OK);
		ROW(rows[i].out,
		    h5_netaddr_read(rows[i].out, &b, NULL) == H5_OK);
		ROW(rows[i].range, h5_netaddr_in(&a, &r));
		ROW(rows[i].range, !h5_netaddr_in(&b, &r));
	}
}

static void
test_netaddr__bad_ranges(void **state)
{
	static const char *const rows[] = {"", "/", "10.0.0.0/", "10.0.0.0/33",
	    "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0 /8",
	    "10.0.0.1/8", "10.0.0.0/255.0.0.0", "::/129", "::1/64",
	    "::ffff:0.0.0.0/95", "2001:db8::1/127", "10/8", "any",
	    "2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/8"};
	struct h5_netrange r, zero;
	size_t i;

	(void)state;
	memset(&zero, 0, sizeof zero);
	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i], h5_netaddr_range(rows[i], &r, NULL) == H5_E_INPUT);
		ROW(rows[i], memcmp(&r, &zero, sizeof r) == 0);
	}
}

static void
test_netaddr__nothing_is_in_an_empty_range(void **state)
{
	struct h5_netrange zero;
	struct h5_netaddr a, none;

	(void)state;
	memset(&zero, 0, sizeof zero);
	memset(&none, 0, sizeof none);
	assert_int_equal(h5_netaddr_read("1.2.3.4", &a, NULL), H5_OK);
	assert_false(h5_netaddr_in(&a, &zero));
	assert_false(h5_netaddr_in(&none, &zero));
	assert_false(h5_netaddr_public(&none));
}

static void
test_netaddr__public(void **state)
{
	/* The last address of each range and the first after it. */
	static const struct {
		const char *s;
		bool is;
	} rows[] = {
	    {"0.255.255.255", false},
	    {"1.0.0.0", true},
	    {"9.255.255.255", true},
	    {"10.0.0.0", false},
	    {"10.255.255.255", false},
	    {"11.0.0.0", true},
	    {"100.63.255.255", true},
	    {"100.64.0.0", false},
	    {"100.127.255.255", false},
	    {"100.128.0.0", true},
	    {"126.255.255.255", true},
	    {"127.0.0.1", false},
	    {"128.0.0.0", true},
	    {"169.253.255.255", true},
	    {"169.254.0.0", false},
	    {"169.255.0.0", true},
	    {"172.15.255.255", true},
	    {"172.16.0.0", false},
	    {"172.31.255.255", false},
	    {"172.32.0.0", true},
	    {"192.0.0.255", false},
	    {"192.0.1.0", true},
	    {"192.0.2.1", true},
	    {"192.0.3.0", true},
	    {"192.88.99.1", false},
	    {"192.168.255.255", false},
	    {"192.169.0.0", true},
	    {"198.17.255.255", true},
	    {"198.18.0.0", false},
	    {"198.19.255.255", false},
	    {"198.20.0.0", true},
	    {"198.51.100.9", true},
	    {"203.0.113.9", true},
	    {"203.0.114.0", true},
	    {"223.255.255.255", true},
	    {"224.0.0.1", false},
	    {"239.255.255.255", false},
	    {"240.0.0.1", false},
	    {"255.255.255.255", false},
	    {"::ffff:10.0.0.1", false},
	    {"::ffff:8.8.8.8", true},
	    {"::", false},
	    {"::1", false},
	    {"::8.8.8.8", false},
	    {"64:ff9b::8.8.8.8", false},
	    {"100::1", false},
	    {"1fff:ffff::1", false},
	    {"2001::1", false},
	    {"2001:1ff:ffff::1", false},
	    {"2001:200::1", true},
	    {"2001:db7:ffff::1", true},
	    {"2001:db8::1", true},
	    {"2001:db9::1", true},
	    {"2002:808:808::1", false},
	    {"2003::1", true},
	    {"240e:1::1", true},
	    {"3ffe:ffff::1", true},
	    {"3fff:fff::1", true},
	    {"3fff:1000::1", true},
	    {"4000::1", false},
	    {"5f00::1", false},
	    {"fc00::1", false},
	    {"fd00::1", false},
	    {"fe80::1", false},
	    {"fec0::1", false},
	    {"ff02::1", false},
	};
	struct h5_netaddr a;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		ROW(rows[i].s, h5_netaddr_read(rows[i].s, &a, NULL) == H5_OK);
		ROW(rows[i].s, h5_netaddr_public(&a) == rows[i].is);
	}
}

static void
test_netaddr__loopback(void **state)
{
	static const struct {
		const char *host;
		bool is;
	} rows[] = {
	    {"127.0.0.1", true},
	    {"127.255.255.254", true},
	    {"::1", true},
	    {"[::1]", true},
	    {"[0:0:0:0:0:0:0:1]", true},
	    {"::ffff:127.0.0.1", true},
	    {"localhost", true},
	    {"LocalHost", true},
	    {"128.0.0.1", false},
	    {"::2", false},
	    {"[::2]", false},
	    {"[127.0.0.1]", false},
	    {"[::1", false},
	    {"::1]", false},
	    {"[]", false},
	    {"[", false},
	    {"", false},
	    {"127.1", false},
	    {"localhost.example", false},
	    {"127.0.0.1.example", false},
	    {"[::1]:80", false},
	    {"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		ROW(rows[i].host,
		    h5_netaddr_loopback_host(rows[i].host) == rows[i].is);
}

static void
test_netaddr__client(void **state)
{
	/* trusted: 10.0.0.0/8, ::1, fd00::/8, unix:; want NULL: refused */
	static const struct {
		const char *name, *peer, *forwarded, *want;
	} rows[] = {
	    {"no proxy", "8.8.8.8", NULL, "8.8.8.8"},
	    {"header of a stranger", "8.8.8.8", "1.1.1.1", "8.8.8.8"},
	    {"bad header of a stranger", "8.8.8.8", "x", "8.8.8.8"},
	    {"one proxy", "10.0.0.1", "8.8.8.8", "8.8.8.8"},
	    {"mapped proxy", "::ffff:10.0.0.1", "8.8.8.8", "8.8.8.8"},
	    {"proxy over IPv6", "::1", "240e::1", "240e::1"},
	    {"two proxies", "10.0.0.1", "8.8.8.8, 10.0.0.2", "8.8.8.8"},
	    {"forged entry on the left", "10.0.0.1", "1.1.1.1, 8.8.8.8",
		"8.8.8.8"},
	    {"rubbish on the left is not read", "10.0.0.1", "<x>, 8.8.8.8",
		"8.8.8.8"},
	    {"private but not trusted", "10.0.0.1", "1.1.1.1,192.168.0.9",
		"192.168.0.9"},
	    {"blanks", "10.0.0.1", " \t8.8.8.8\t ,\t10.0.0.2 ", "8.8.8.8"},
	    {"all trusted", "10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"},
	    {"absent", "10.0.0.1", NULL, "10.0.0.1"},
	    {"empty", "10.0.0.1", "", "10.0.0.1"},
	    {"blank", "10.0.0.1", " \t", "10.0.0.1"},
	    {"unknown", "10.0.0.1", "unknown", NULL},
	    {"B2: a port (Azure, IIS)", "10.0.0.1", "8.8.8.8:54321", "8.8.8.8"},
	    {"B2: no port", "10.0.0.1", "8.8.8.8:", NULL},
	    {"B2: a long port", "10.0.0.1", "8.8.8.8:123456", NULL},
	    {"B2: a port in letters", "10.0.0.1", "8.8.8.8:http", NULL},
	    {"B2: brackets", "10.0.0.1", "[240e::1]", "240e::1"},
	    {"B2: brackets, port", "10.0.0.1", "[240e::1]:443", "240e::1"},
	    {"B2: mapped", "10.0.0.1", "[::ffff:8.8.8.8]:443", "8.8.8.8"},
	    {"B2: half a bracket", "10.0.0.1", "[240e::1", NULL},
	    {"B2: the other half", "10.0.0.1", "240e::1]", NULL},
	    {"B2: IPv4 in brackets", "10.0.0.1", "[8.8.8.8]", NULL},
	    {"B2: words behind", "10.0.0.1", "[240e::1]x", NULL},
	    {"B2: quotes", "10.0.0.1", "\"8.8.8.8\"", "8.8.8.8"},
	    {"B2: quotes, port", "10.0.0.1", "\"[240e::1]:1\"", "240e::1"},
	    {"B2: one quote", "10.0.0.1", "\"8.8.8.8", NULL},
	    {"B2: for=", "10.0.0.1", "for=8.8.8.8", "8.8.8.8"},
	    {"B2: For=, quoted", "10.0.0.1", "For=\"[240e::1]:4711\"",
		"240e::1"},
	    {"B2: among others", "10.0.0.1",
		"for=1.1.1.1, proto=https; for=8.8.8.8 ;by=10.0.0.9",
		"8.8.8.8"},
	    {"B2: by= alone", "10.0.0.1", "by=8.8.8.8", NULL},
	    {"B2: for=unknown", "10.0.0.1", "for=unknown", NULL},
	    {"B2: hidden", "10.0.0.1", "for=_gazonk", NULL},
	    {"B2: a trusted one with a port", "10.0.0.1",
		"8.8.8.8:1, 10.0.0.2:2", "8.8.8.8"},
	    {"B2: empty at the end", "10.0.0.1", "8.8.8.8,", "8.8.8.8"},
	    {"B2: empty between", "10.0.0.1", "8.8.8.8, ,10.0.0.2", "8.8.8.8"},
	    {"B2: empty on the left", "10.0.0.1", ",10.0.0.2", "10.0.0.2"},
	    {"B2: nothing but commas", "10.0.0.1", " ,,\t,", "10.0.0.1"},
	    {"B2: peer with a port", "10.0.0.1:999", "8.8.8.8", "8.8.8.8"},
	    {"B2: nginx's unix peer", "unix:", "8.8.8.8", "8.8.8.8"},
	    {"B2: Go's", "@", "8.8.8.8", "8.8.8.8"},
	    {"B2: a path", "/run/front.sock", "8.8.8.8", "8.8.8.8"},
	    {"B2: lighttpd's", "", "8.8.8.8", "8.8.8.8"},
	    {"B2: a unix hop between", "10.0.0.1", "8.8.8.8, unix:", "8.8.8.8"},
	    {"B2: a unix peer alone", "unix:", NULL, NULL},
	    {"B2: unix at the left end", "10.0.0.1", "unix:, 10.0.0.2", NULL},
	    {"B2: a name", "unix", "8.8.8.8", NULL},
	    {"rubbish behind proxies", "10.0.0.1", "x, 10.0.0.2", NULL},
	    {"blank inside", "10.0.0.1", "8.8.8. 8", NULL},
	    {"over-long", "10.0.0.1",
		"2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999", NULL},
	    {"no peer", NULL, "8.8.8.8", NULL},
	    {"bad peer", "x", "8.8.8.8", NULL},
	    {"empty peer", "", NULL, NULL},
	};
	struct h5_netrange trusted[4];
	char text[H5_NETADDR_TEXT];
	struct h5_netaddr a;
	enum h5_code rc;
	size_t i;

	(void)state;
	assert_int_equal(
	    h5_netaddr_range("10.0.0.0/8", &trusted[0], NULL), H5_OK);
	assert_int_equal(h5_netaddr_range("::1", &trusted[1], NULL), H5_OK);
	assert_int_equal(
	    h5_netaddr_range("fd00::/8", &trusted[2], NULL), H5_OK);
	assert_int_equal(h5_netaddr_range("unix:", &trusted[3], NULL), H5_OK);
	for (i = 0; i < COUNT(rows); i++) {
		rc = h5_netaddr_client(rows[i].peer, rows[i].forwarded, trusted,
		    COUNT(trusted), &a, NULL);
		ROW(rows[i].name,
		    rc == (rows[i].want == NULL ? H5_E_INPUT : H5_OK));
		if (rows[i].want == NULL) {
			ROW(rows[i].name, a.len == 0);
			continue;
		}
		h5_netaddr_text(&a, text);
		ROW(rows[i].name, strcmp(text, rows[i].want) == 0);
	}
	/* Nobody is trusted. */
	assert_int_equal(
	    h5_netaddr_client("10.0.0.1", "8.8.8.8", NULL, 0, &a, NULL), H5_OK);
	h5_netaddr_text(&a, text);
	assert_string_equal(text, "10.0.0.1");
	/* B2: a unix socket is trusted only where it is named. */
	assert_int_equal(
	    h5_netaddr_client("unix:", "8.8.8.8", trusted, 3, &a, NULL),
	    H5_E_INPUT);
	assert_false(h5_netaddr_public(&trusted[3].base));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_netaddr__reads_and_writes_back),
	    cmocka_unit_test(test_netaddr__ranges),
	    cmocka_unit_test(test_netaddr__bad_ranges),
	    cmocka_unit_test(test_netaddr__nothing_is_in_an_empty_range),
	    cmocka_unit_test(test_netaddr__public),
	    cmocka_unit_test(test_netaddr__loopback),
	    cmocka_unit_test(test_netaddr__client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
