#include "tests/unit/help.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"

struct place {
	char dir[64];
	char file[96];
};

static int
set_up(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	if (p == NULL)
		return -1;
	(void)snprintf(p->dir, sizeof p->dir, "/tmp/h5log.XXXXXX");
	if (mkdtemp(p->dir) == NULL)
		return -1;
	(void)snprintf(p->file, sizeof p->file, "%s/log", p->dir);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *p = *state;

	(void)unlink(p->file);
	(void)rmdir(p->dir);
	free(p);
	return 0;
}

/* The line without the time, which is checked on the way. */
static char *
without_time(char *line)
{
	char *at = strstr(line, " at=20"), *next;

	assert_non_null(at);
	next = strchr(at + 1, ' ');
	assert_non_null(next);
	assert_int_equal(next - at, 4 + 25);
	assert_memory_equal(next - 6, "+08:00", 6);
	memmove(at, next, strlen(next) + 1);
	return line;
}

static void
test_log__line_has_level_event_and_pairs(void **state)
{
	struct place *p = *state;
	struct h5_log l;
	char *text;
	size_t n;

	h5_log_init(&l, "notify", p->file);
	(void)snprintf(l.rid, sizeof l.rid, "r1");
	h5_log_event(&l, H5_LOG_WARN, "paid", "order", "abcdef", "gone",
	    (const char *)NULL, "fen", H5_LOG_NUM(-12), (const char *)NULL);
	text = without_time(fixture(p->file, &n));
	assert_string_equal(
	    text, "warn paid program=notify request=r1 order=abcdef fen=-12\n");
	free(text);
}

static void
test_log__below_the_least_level_is_silent(void **state)
{
	struct place *p = *state;
	struct h5_log l;

	h5_log_init(&l, "x", p->file);
	h5_log_event(&l, H5_LOG_DEBUG, "small", (const char *)NULL);
	assert_int_equal(access(p->file, F_OK), -1);
	l.least = H5_LOG_DEBUG;
	h5_log_event(&l, H5_LOG_DEBUG, "small", (const char *)NULL);
	assert_int_equal(access(p->file, F_OK), 0);
}

static void
test_log__a_value_cannot_forge_a_line(void **state)
{
	struct place *p = *state;
	struct h5_log l;
	char *text;
	size_t n;

	h5_log_init(&l, "x", p->file);
	h5_log_event(&l, H5_LOG_ALERT, "e", "v",
	    "a\ninfo PAID x=\"1\"\\\x1b[0m", "u", "\xe8\x8c\xb6", "b", "", "eq",
	    "a=b", (const char *)NULL);
	text = without_time(fixture(p->file, &n));
	assert_string_equal(text,
	    "alert e program=x v=\"a\\x0ainfo PAID x=\\x221\\x22\\x5c\\x1b[0m\""
	    " u=\"\xe8\x8c\xb6\" b=\"\" eq=\"a=b\"\n");
	free(text);
}

static void
test_log__long_values_are_cut(void **state)
{
	struct place *p = *state;
	char longer[1000];
	struct h5_log l;
	char *text, *value;
	size_t n;

	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	h5_log_init(&l, "x", p->file);
	h5_log_event(&l, H5_LOG_INFO, "e", "v", longer, (const char *)NULL);
	text = fixture(p->file, &n);
	value = strstr(text, " v=\"");
	assert_non_null(value);
	assert_int_equal(strspn(value + 4, "x"), H5_LOG_VALUE);
	assert_string_equal(value + 4 + H5_LOG_VALUE, "...\"\n");
	free(text);
}

static void
test_log__a_line_at_the_ceiling_is_still_a_line(void **state)
{
	struct place *p = *state;
	char value[H5_LOG_VALUE + 1];
	struct h5_log l;
	char *text;
	size_t n;

	memset(value, 0x01, sizeof value - 1);
	value[sizeof value - 1] = '\0';
	h5_log_init(&l, "x", p->file);
	h5_log_event(&l, H5_LOG_INFO, "e", "a", value, "b", value, "c", value,
	    "d", value, "e", value, "f", value, "g", value, "h", value, "i",
	    value, "j", value, (const char *)NULL);
	h5_log_event(&l, H5_LOG_INFO, "second", (const char *)NULL);
	text = fixture(p->file, &n);
	assert_true(n > 7000 && n < 8192 + 200);
	assert_int_equal(text[n - 1], '\n');
	assert_non_null(strstr(text, "\ninfo second "));
	free(text);
}

static void
test_log__appends_and_keeps_errno(void **state)
{
	struct place *p = *state;
	struct h5_log l;
	char *text;
	size_t n;

	h5_log_init(&l, "x", p->file);
	errno = EDOM;
	h5_log_event(&l, H5_LOG_INFO, "one", (const char *)NULL);
	h5_log_event(&l, H5_LOG_ERROR, "two", (const char *)NULL);
	assert_int_equal(errno, EDOM);
	text = fixture(p->file, &n);
	assert_memory_equal(text, "info one ", 9);
	assert_non_null(strstr(text, "\nerror two "));
	free(text);
}

static void
test_log__falls_back_to_stderr(void **state)
{
	struct place *p = *state;
	struct h5_log l;
	char *text;
	int keep, fd;
	size_t n;

	h5_log_init(&l, "x", "/nonexistent/log");
	(void)fflush(stderr);
	keep = dup(STDERR_FILENO);
	fd = fileno(freopen(p->file, "w", stderr));
	assert_int_equal(fd, STDERR_FILENO);
	h5_log_event(&l, H5_LOG_INFO, "lost", (const char *)NULL);
	assert_int_equal(dup2(keep, STDERR_FILENO), STDERR_FILENO);
	(void)close(keep);
	text = fixture(p->file, &n);
	assert_memory_equal(text, "info lost ", 10);
	free(text);
}

static void
test_log__does_not_follow_a_link(void **state)
{
	struct place *p = *state;
	char target[128];
	struct h5_log l;

	(void)snprintf(target, sizeof target, "%s/target", p->dir);
	assert_int_equal(symlink(target, p->file), 0);
	h5_log_init(&l, "x", p->file);
	h5_log_event(&l, H5_LOG_INFO, "e", (const char *)NULL);
	assert_int_equal(access(target, F_OK), -1);
}

/* Its size after one line that was meant for it. */
static long
after_a_line(const char *path)
{
	struct stat st;
	struct h5_log l;

	h5_log_init(&l, "x", path);
	h5_log_event(&l, H5_LOG_INFO, "e", (const char *)NULL);
	return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

static void
test_log__does_not_write_what_others_may_mean(void **state)
{
	struct place *p = *state;
	char second[128];

	assert_true(after_a_line(p->file) > 0);
	assert_int_equal(truncate(p->file, 0), 0);
	(void)snprintf(second, sizeof second, "%s/second", p->dir);
	assert_int_equal(link(p->file, second), 0);
	assert_int_equal(after_a_line(p->file), 0);
	assert_int_equal(unlink(second), 0);
	assert_true(after_a_line(p->file) > 0);
	assert_int_equal(truncate(p->file, 0), 0);
	/* Only root can give a file away. */
	if (geteuid() == 0) {
		assert_int_equal(chown(p->file, 4711, 4711), 0);
		assert_int_equal(after_a_line(p->file), 0);
	}
}

/* Nobody reads it: to wait for that would hold the program for ever. */
static void
test_log__does_not_wait_for_a_pipe(void **state)
{
	struct place *p = *state;

	assert_int_equal(mkfifo(p->file, 0600), 0);
	assert_int_equal(after_a_line(p->file), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_log__line_has_level_event_and_pairs, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_log__below_the_least_level_is_silent, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_log__a_value_cannot_forge_a_line, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_log__long_values_are_cut, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_log__a_line_at_the_ceiling_is_still_a_line, set_up,
		tear_down),
	    cmocka_unit_test_setup_teardown(
		test_log__appends_and_keeps_errno, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_log__falls_back_to_stderr, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_log__does_not_follow_a_link, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_log__does_not_write_what_others_may_mean, set_up,
		tear_down),
	    cmocka_unit_test_setup_teardown(
		test_log__does_not_wait_for_a_pipe, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
