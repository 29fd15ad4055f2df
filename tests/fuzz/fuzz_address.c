/* The buyer's address: three lines, peer, X-Forwarded-For and the trusted
 * ranges; the rule of site.trusted_proxies once more, written another way. */
#include <arpa/inet.h>

#include "common/format/netaddr.h"
#include "tests/fuzz/fuzz.h"

#define RANGES 16
#define ENTRIES 256

static bool
same(const struct h5_netaddr *a, const struct h5_netaddr *b)
{
	return a->len == b->len &&
	       memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* An address by the C library alone. */
static bool
by_libc(const char *s, struct h5_netaddr *a)
{
	static const unsigned char mapped[12] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	unsigned char six[16];

	memset(a, 0, sizeof *a);
	if (inet_pton(AF_INET, s, a->bytes) == 1) {
		a->len = 4;
		return true;
	}
	memset(a, 0, sizeof *a);
	if (inet_pton(AF_INET6, s, six) != 1)
		return false;
	a->len = memcmp(six, mapped, 12) == 0 ? 4 : 16;
	memcpy(a->bytes, a->len == 4 ? six + 12 : six, a->len);
	return true;
}

static bool
trusted_by_bits(
    const struct h5_netaddr *a, const struct h5_netrange *r, size_t n)
{
	unsigned bit;
	size_t i;

	for (i = 0; i < n; i++) {
		if (a->len != r[i].base.len)
			continue;
		for (bit = 0; bit < r[i].bits; bit++)
			if (((a->bytes[bit / 8] ^ r[i].base.bytes[bit / 8]) &
				(0x80 >> bit % 8)) != 0)
				break;
		if (bit == r[i].bits)
			return true;
	}
	return false;
}

/* The rule, from a list of entries.  false: one that counts is malformed. */
static bool
by_rule(const char *peer, char *forwarded, const struct h5_netrange *r,
    size_t n, struct h5_netaddr *out)
{
	char *entry[ENTRIES], *s, *end;
	size_t count = 0, i;

	if (!by_libc(peer, out))
		return false;
	if (forwarded[strspn(forwarded, " \t")] == '\0')
		return true;
	entry[count++] = forwarded;
	for (s = forwarded; (s = strchr(s, ',')) != NULL;) {
		*s++ = '\0';
		MUST(count < ENTRIES);
		entry[count++] = s;
	}
	for (i = count; i-- > 0 && trusted_by_bits(out, r, n);) {
		s = entry[i] + strspn(entry[i], " \t");
		for (end = s + strlen(s);
		     end > s && (end[-1] == ' ' || end[-1] == '\t');)
			*--end = '\0';
		if (!by_libc(s, out))
			return false;
	}
	return true;
}

static void
check_address(const struct h5_netaddr *a)
{
	char text[H5_NETADDR_TEXT];
	struct h5_netaddr again;

	h5_netaddr_text(a, text);
	MUST(h5_netaddr_read(text, &again, NULL) == H5_OK && same(a, &again));
	MUST(!h5_netaddr_public(a) || !h5_netaddr_loopback_host(text));
	if (a->len == 4)
		MUST(!h5_netaddr_public(a) ||
		     (a->bytes[0] != 10 && a->bytes[0] != 127 &&
			 a->bytes[0] != 0 && a->bytes[0] < 224 &&
			 (a->bytes[0] != 192 || a->bytes[1] != 168)));
}

static size_t
read_ranges(char *s, struct h5_netrange r[RANGES])
{
	char text[H5_NETADDR_TEXT + 8];
	struct h5_netrange again;
	size_t n = 0, len;
	char *word;

	while (n < RANGES && *s != '\0') {
		word = fuzz_cut(&s, ' ');
		if (h5_netaddr_range(word, &r[n], NULL) != H5_OK)
			continue;
		if (r[n].base.len == H5_NETADDR_UNIX) {
			n++;
			continue;
		}
		MUST(h5_netaddr_in(&r[n].base, &r[n]));
		MUST(r[n].bits <= 8 * r[n].base.len);
		h5_netaddr_text(&r[n].base, text);
		len = strlen(text);
		(void)snprintf(text + len, sizeof text - len, "/%u", r[n].bits);
		MUST(h5_netaddr_range(text, &again, NULL) == H5_OK);
		MUST(again.bits == r[n].bits && same(&again.base, &r[n].base));
		n++;
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h5_netrange ranges[RANGES];
	struct h5_netaddr got, want;
	char *text, *rest, *peer, *forwarded;
	bool good;
	size_t n;

	if (size > ENTRIES)
		return 0;
	text = rest = fuzz_text(data, size);
	peer = fuzz_cut(&rest, '\n');
	forwarded = fuzz_cut(&rest, '\n');
	n = read_ranges(fuzz_cut(&rest, '\n'), ranges);
	MUST(h5_netaddr_read(peer, &got, NULL) ==
	     (by_libc(peer, &want) ? H5_OK : H5_E_INPUT));
	MUST(same(&got, &want) || !by_libc(peer, &want));
	good =
	    h5_netaddr_client(peer, forwarded, ranges, n, &got, NULL) == H5_OK;
	if (good)
		check_address(&got);
	/* What is plain keeps its meaning, whatever else is read. */
	if (by_rule(peer, forwarded, ranges, n, &want))
		MUST(good && same(&got, &want));
	free(text);
	return 0;
}
