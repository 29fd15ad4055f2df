/* Secrets and where they are in memory: in their keys, and nowhere once those
 * are gone.  The whole memory of this program is looked through, so it never
 * holds a secret itself but for the moment of writing one to a file. */
#include "tests/unit/help.h"
#include "tests/unit/folder.h"

#include <string.h>

#include "common/config/config.h"
#include "common/system/file.h"

#define MASK 0x55
#define BYTES 32
#define TAIL 16 /* looked for: free() writes over the beginning of a block */

/* Each byte masked: what stands here is no secret. */
static const unsigned char hidden[4][BYTES + 1] = {
    "api-key-1b9f4e0c7a2d8563-aqtxmkw", "site-secret-5d0e8c3f71b-zyhgvfuj",
    "link-key-c7a92e4f60d1b385-plokij", "any-secret-93f7c1e5a8-mnbvcxzlkj"};

static void
reveal(unsigned which, char out[BYTES + 1])
{
	size_t i;

	for (i = 0; i < BYTES; i++)
		out[i] = (char)('a' + (hidden[which][i] ^ MASK) % 26);
	out[BYTES] = '\0';
}

/* --- looking through memory ----------------------------------------------- */

#if defined(__clang__) || defined(__GNUC__)
#define UNCHECKED __attribute__((no_sanitize("address", "undefined")))
#else
#define UNCHECKED
#endif

/* volatile: no copy of what is compared is made, not even by memcmp. */
UNCHECKED static bool
stands_at(const volatile unsigned char *p, unsigned which)
{
	size_t i;

	for (i = BYTES - TAIL; i < BYTES; i++, p++)
		if (*p != (unsigned char)('a' + (hidden[which][i] ^ MASK) % 26))
			return false;
	return true;
}

UNCHECKED static unsigned
count_in(unsigned long from, unsigned long to, unsigned which)
{
	const volatile unsigned char *p, *end;
	unsigned n = 0;

	p = (const volatile unsigned char *)from;
	end = (const volatile unsigned char *)(to - TAIL);
	for (; p <= end; p++)
		if (stands_at(p, which))
			n++;
	return n;
}

/* How often a secret stands in memory that can be written. */
static unsigned
count(unsigned which)
{
	unsigned long from, to;
	char line[512], *dash, *blank;
	unsigned n = 0;
	FILE *maps = fopen("/proc/self/maps", "re");

	assert_non_null(maps);
	while (fgets(line, sizeof line, maps) != NULL) {
		from = strtoul(line, &dash, 16);
		to = strtoul(dash + 1, &blank, 16);
		/* A sanitizer's shadow is terabytes of nothing.  On the stack
		 * registers are saved that just copied something; the next
		 * call writes over them. */
		if (strncmp(blank, " rw", 3) == 0 && to - from < 1UL << 30 &&
		    strstr(blank, "[stack]") == NULL)
			n += count_in(from, to, which);
	}
	(void)fclose(maps);
	return n;
}

/* --- files with secrets --------------------------------------------------- */

/* before, the secret, and behind; after which it is in the file alone. */
static void
write_secret(const struct folder *f, const char *name, const char *before,
    unsigned which, const char *behind)
{
	char path[FOLDER_PATH], secret[BYTES + 1];
	int fd = open(folder_name(f, name, path),
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	reveal(which, secret);
	assert_int_equal(
	    write(fd, before, strlen(before)), (ssize_t)strlen(before));
	assert_int_equal(write(fd, secret, BYTES), BYTES);
	assert_int_equal(
	    write(fd, behind, strlen(behind)), (ssize_t)strlen(behind));
	explicit_bzero(secret, sizeof secret);
	assert_int_equal(close(fd), 0);
}

static void
test_wipe__a_configuration_leaves_no_secret(void **state)
{
	struct h5_config *c = NULL;
	char path[FOLDER_PATH], filler[401];
	struct h5_buf faults;
	struct folder f;
	struct h5_err e;
	unsigned i;

	(void)state;
	memset(filler, 'x', sizeof filler - 1);
	filler[sizeof filler - 1] = '\0';
	folder_make(&f);
	write_secret(&f, "api.key", "", 0, "\n");
	/* Long, so that what is allocated next does not fit where it was. */
	write_secret(&f, "site.key", filler, 1, "\n");
	write_secret(&f, "h5pay.conf",
	    "[merchant]\nappid = wx8888888888888888\nmch_id = 1900000109\n"
	    "api_key_file = api.key\n[site]\nname = Tea\n"
	    "base_url = https://shop.example/cgi-bin\n"
	    "secret_file = site.key\nlink_key = ",
	    2, "\ncontact = 021\n[store]\ndir = data\n");
	for (i = 0; i < 3; i++)
		assert_int_equal(count(i), 0);
	h5_buf_init(&faults, 65536);
	if (h5_config_load(
		folder_name(&f, "h5pay.conf", path), &faults, &c, &e) != H5_OK)
		fail_msg("%s: %s", e.msg, faults.data);
	/* Ours, and the one that OpenSSL keeps. */
	for (i = 0; i < 3; i++)
		assert_in_range(count(i), 1, 2);
	h5_config_free(c);
	for (i = 0; i < 3; i++)
		assert_int_equal(count(i), 0);
	h5_buf_release(&faults);
	folder_remove(&f);
}

static void
test_wipe__a_bad_configuration_leaves_no_secret(void **state)
{
	struct h5_config *c = NULL;
	char path[FOLDER_PATH];
	struct h5_buf faults;
	struct folder f;
	struct h5_err e;

	(void)state;
	folder_make(&f);
	write_secret(&f, "api.key", "", 0, "too long\n");
	write_secret(&f, "h5pay.conf",
	    "[merchant]\napi_key_file = api.key\nx = ", 1,
	    "\n[site]\nsecret =\n");
	h5_buf_init(&faults, 65536);
	assert_int_equal(h5_config_load(folder_name(&f, "h5pay.conf", path),
			     &faults, &c, &e),
	    H5_E_CONFIG);
	assert_int_equal(count(0), 0);
	assert_int_equal(count(1), 0);
	h5_buf_release(&faults);
	folder_remove(&f);
}

/* A buffer grows while the file is read; what it grew out of must not keep
 * the first part. */
static void
test_wipe__a_secret_that_was_read_is_gone_with_its_buffer(void **state)
{
	static const char *const fill[] = {"", "0123456789abcdef",
	    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
	char path[FOLDER_PATH];
	struct folder f;
	struct h5_buf b;
	struct h5_err e;
	size_t i;

	(void)state;
	folder_make(&f);
	for (i = 0; i < sizeof fill / sizeof fill[0]; i++) {
		write_secret(&f, "one", "", 3, fill[i]);
		h5_buf_init(&b, 4096);
		assert_int_equal(
		    h5_file_read_secret(folder_name(&f, "one", path), &b, &e),
		    H5_OK);
		assert_int_equal(count(3), 1);
		h5_buf_wipe(&b);
		assert_int_equal(count(3), 0);
		assert_int_equal(unlink(path), 0);
	}
	folder_remove(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_wipe__a_configuration_leaves_no_secret),
	    cmocka_unit_test(test_wipe__a_bad_configuration_leaves_no_secret),
	    cmocka_unit_test(
		test_wipe__a_secret_that_was_read_is_gone_with_its_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
