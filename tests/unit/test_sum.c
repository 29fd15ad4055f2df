/* The checksum is the published XXH64. */
#include "tests/unit/help.h"

#include "common/base/sum.h"

static void
test_sum__published_vectors(void **state)
{
	/* xxhsum -H1 (Debian's xxhash) on the same bytes. */
	static const struct {
		const char *text;
		uint64_t sum;
	} rows[] = {
	    {"", 0xef46db3751d8e999},
	    {"a", 0xd24ec4f1a98c6e5b},
	    {"The quick brown fox jumps over the lazy dog, and again: "
	     "0123456789",
		0x02226e49035b2cb0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		ROW(rows[i].text, h5_sum_64(rows[i].text, strlen(rows[i].text),
				      0) == rows[i].sum);
}

/* Not one byte of any length may be without effect, nor the seed. */
static void
test_sum__every_byte_counts(void **state)
{
	unsigned char p[100];
	uint64_t whole;
	size_t n, i;

	(void)state;
	for (i = 0; i < sizeof p; i++)
		p[i] = (unsigned char)(i * 7);
	for (n = 0; n <= sizeof p; n++) {
		whole = h5_sum_64(p, n, 5);
		assert_true(h5_sum_64(p, n, 6) != whole);
		for (i = 0; i < n; i++) {
			p[i] ^= 1;
			assert_true(h5_sum_64(p, n, 5) != whole);
			p[i] ^= 1;
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sum__published_vectors),
	    cmocka_unit_test(test_sum__every_byte_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
