/* Where the configuration is, and where it must not be.  Started as
 * "PROGRAM find" this program finds its own configuration and prints the
 * path: so that h5pay.path can stand beside a copy of it. */
#include "tests/unit/help.h"
#include "tests/unit/folder.h"

#include <pwd.h>
#include <sys/wait.h>

#include "common/config/config.h"
#include "common/config/stamp.h"

#define KEY32 "0123456789abcdef0123456789abcdef"

struct fixture {
	struct folder folder;
	struct h5_buf out, faults;
	struct h5_config *c;
	struct h5_err e;
};

/* TEST_HOME is the home folder, TEST_ETC stands for /etc. */
int __wrap_getpwuid_r(
    uid_t uid, struct passwd *pw, char *room, size_t n, struct passwd **found);
int __real_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);

int
__wrap_getpwuid_r(
    uid_t uid, struct passwd *pw, char *room, size_t n, struct passwd **found)
{
	const char *home = getenv("TEST_HOME");

	*found = NULL;
	if (home == NULL || uid != geteuid() || strlen(home) >= n)
		return 0;
	memset(pw, 0, sizeof(*pw));
	(void)snprintf(room, n, "%s", home);
	pw->pw_dir = room;
	*found = pw;
	return 0;
}

int
__wrap_stat(const char *path, struct stat *st)
{
	const char *etc = getenv("TEST_ETC");
	char other[FOLDER_PATH];

	if (strncmp(path, "/etc/", 5) != 0)
		return __real_stat(path, st);
	if (etc == NULL)
		etc = "/nowhere";
	(void)snprintf(other, sizeof(other), "%s/%s", etc, path + 5);
	return __real_stat(other, st);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	folder_make(&f->folder);
	h5_buf_init(&f->out, 4096);
	h5_buf_init(&f->faults, 1 << 16);
	(void)unsetenv("H5PAY_CONF");
	(void)unsetenv("TEST_HOME");
	(void)unsetenv("TEST_ETC");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	h5_config_free(f->c);
	h5_buf_release(&f->out);
	h5_buf_release(&f->faults);
	folder_remove(&f->folder);
	free(f);
	return 0;
}

/* --- finding -------------------------------------------------------------- */

/* Puts a copy of this program into the folder. */
static void
copy_program(struct fixture *f, char program[FOLDER_PATH])
{
	char from[PATH_MAX], block[65536];
	ssize_t n;
	int in, out;

	n = readlink("/proc/self/exe", from, sizeof(from) - 1);
	assert_true(n > 0);
	from[n] = '\0';
	in = open(from, O_RDONLY);
	out = open(folder_name(&f->folder, "program", program),
	    O_WRONLY | O_CREAT | O_EXCL, 0700);
	assert_true(in >= 0 && out >= 0);
	for (n = read(in, block, sizeof(block)); n > 0;
	     n = read(in, block, sizeof(block)))
		assert_int_equal(write(out, block, (size_t)n), n);
	assert_int_equal(n, 0);
	assert_int_equal(close(in), 0);
	assert_int_equal(close(out), 0);
}

/* Runs "program find"; what it prints goes to f->out. */
static void
run_find(struct fixture *f, const char *program)
{
	char text[1024];
	int pipes[2], status;
	ssize_t n;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	if (child == 0) {
		(void)dup2(pipes[1], STDOUT_FILENO);
		(void)execl(program, program, "find", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(close(pipes[1]), 0);
	h5_buf_clear(&f->out);
	for (n = read(pipes[0], text, sizeof(text)); n > 0;
	     n = read(pipes[0], text, sizeof(text)))
		h5_buf_add(&f->out, text, (size_t)n);
	assert_int_equal(close(pipes[0]), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void
test_config_find__the_first_that_is_named(void **state)
{
	struct fixture *f = *state;
	char a[FOLDER_PATH], b[FOLDER_PATH], c[FOLDER_PATH];

	folder_write(&f->folder, "a", "", 0600);
	folder_write(&f->folder, "b", "", 0600);
	folder_write(&f->folder, "c", "", 0600);
	(void)folder_name(&f->folder, "a", a);
	(void)folder_name(&f->folder, "b", b);
	(void)folder_name(&f->folder, "c", c);
	assert_int_equal(setenv("H5PAY_CONF", b, 1), 0);
	assert_int_equal(h5_config_find(a, c, &f->out, &f->e), H5_OK);
	assert_string_equal(f->out.data, a);
	assert_int_equal(h5_config_find(NULL, c, &f->out, &f->e), H5_OK);
	assert_string_equal(f->out.data, b);
	assert_int_equal(unsetenv("H5PAY_CONF"), 0);
	assert_int_equal(h5_config_find(NULL, c, &f->out, &f->e), H5_OK);
	assert_string_equal(f->out.data, c);
	/* nginx sends empty parameters, not absent ones. */
	assert_int_equal(setenv("H5PAY_CONF", "", 1), 0);
	assert_int_equal(h5_config_find(NULL, c, &f->out, &f->e), H5_OK);
	assert_string_equal(f->out.data, c);
}

static void
test_config_find__a_named_file_is_never_skipped(void **state)
{
	struct fixture *f = *state;
	char a[FOLDER_PATH];

	folder_write(&f->folder, "a", "", 0600);
	(void)folder_name(&f->folder, "a", a);
	assert_int_equal(
	    h5_config_find("/nowhere/x", a, &f->out, &f->e), H5_E_CONFIG);
	assert_int_equal(f->out.len, 0);
	assert_non_null(strstr(f->e.msg, "/nowhere/x, named by -c"));
	assert_int_equal(setenv("H5PAY_CONF", "/nowhere/y", 1), 0);
	assert_int_equal(h5_config_find(NULL, a, &f->out, &f->e), H5_E_CONFIG);
	assert_non_null(strstr(f->e.msg, "/nowhere/y"));
	assert_int_equal(unsetenv("H5PAY_CONF"), 0);
	assert_int_equal(
	    h5_config_find(NULL, "/nowhere/z", &f->out, &f->e), H5_E_CONFIG);
	assert_non_null(strstr(f->e.msg, "/nowhere/z"));
}

static void
test_config_find__a_header_names_nothing(void **state)
{
	struct fixture *f = *state;
	char a[FOLDER_PATH];

	folder_write(&f->folder, "a", "", 0600);
	(void)folder_name(&f->folder, "a", a);
	assert_int_equal(setenv("HTTP_H5PAY_CONF", a, 1), 0);
	assert_int_equal(
	    h5_config_find(NULL, NULL, &f->out, &f->e), H5_E_CONFIG);
	assert_int_equal(unsetenv("HTTP_H5PAY_CONF"), 0);
}

static void
test_config_find__home_then_etc_then_none(void **state)
{
	struct fixture *f = *state;
	char path[FOLDER_PATH];

	assert_int_equal(
	    h5_config_find(NULL, NULL, &f->out, &f->e), H5_E_CONFIG);
	assert_non_null(strstr(f->e.msg, "no configuration"));
	assert_non_null(strstr(f->e.msg, "/etc/h5pay/h5pay.conf"));
	assert_int_equal(setenv("TEST_ETC", f->folder.path, 1), 0);
	folder_mkdir(&f->folder, "h5pay");
	folder_write(&f->folder, "h5pay/h5pay.conf", "", 0600);
	assert_int_equal(h5_config_find(NULL, NULL, &f->out, &f->e), H5_OK);
	assert_string_equal(f->out.data, "/etc/h5pay/h5pay.conf");
	assert_int_equal(setenv("TEST_HOME", f->folder.path, 1), 0);
	assert_int_equal(h5_config_find(NULL, NULL, &f->out, &f->e), H5_OK);
	assert_string_equal(
	    f->out.data, folder_name(&f->folder, "h5pay/h5pay.conf", path));
	/* HOME is the caller's to choose: it is not asked. */
	assert_int_equal(unsetenv("TEST_HOME"), 0);
	assert_int_equal(setenv("HOME", f->folder.path, 1), 0);
	assert_int_equal(h5_config_find(NULL, NULL, &f->out, &f->e), H5_OK);
	assert_string_equal(f->out.data, "/etc/h5pay/h5pay.conf");
}

static void
test_config_find__a_line_beside_the_program(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} rows[] = {
	    {"relative", "here.conf\n", "@/here.conf"},
	    {"CRLF and blanks", " here.conf \r\n", "@/here.conf"},
	    {"no line end", "here.conf", "@/here.conf"},
	    {"missing", "gone.conf\n", "!@/gone.conf"},
	    {"empty", "\n", "!@/h5pay.path must contain one line"},
	    {"two lines", "here.conf\nhere.conf\n",
		"!@/h5pay.path must contain one line"},
	};
	struct fixture *f = *state;
	char program[FOLDER_PATH], want[FOLDER_PATH];
	const char *expect;
	size_t i;

	copy_program(f, program);
	folder_write(&f->folder, "here.conf", "", 0600);
	/* It comes before the home folder, and a bad one is not skipped. */
	assert_int_equal(setenv("TEST_HOME", f->folder.path, 1), 0);
	folder_mkdir(&f->folder, "h5pay");
	folder_write(&f->folder, "h5pay/h5pay.conf", "", 0600);
	for (i = 0; i < COUNT(rows); i++) {
		folder_write(&f->folder, "h5pay.path", rows[i].text, 0600);
		run_find(f, program);
		expect = strchr(rows[i].want, '@') + 1;
		(void)snprintf(want, sizeof(want), "%s%s%s",
		    rows[i].want[0] == '!' ? "!" : "", f->folder.path, expect);
		ROW(rows[i].name,
		    strncmp(f->out.data, want, strlen(want)) == 0);
	}
	assert_int_equal(
	    unlink(folder_name(&f->folder, "h5pay.path", want)), 0);
	run_find(f, program);
	assert_string_equal(
	    f->out.data, folder_name(&f->folder, "h5pay/h5pay.conf", want));
}

/* --- outside the document root -------------------------------------------- */

/* Loads a configuration conf (below the folder) with these values, which are
 * below the folder too. */
static void
load(struct fixture *f, const char *conf, const char *key_file,
    const char *store, const char *log)
{
	char text[2048], path[FOLDER_PATH];

	(void)snprintf(text, sizeof(text),
	    "[merchant]\nappid = wx8888888888888888\nmch_id = 1900000109\n"
	    "api_key_file = %s/%s\n"
	    "[site]\nbase_url = https://shop.example/cgi-bin\nname = Tea\n"
	    "secret = " KEY32 "\n"
	    "[store]\ndir = %s/%s\n[log]\nfile = %s/%s\n",
	    f->folder.path, key_file, f->folder.path, store, f->folder.path,
	    log);
	folder_write(&f->folder, key_file, KEY32, 0600);
	folder_write(&f->folder, conf, text, 0600);
	h5_config_free(f->c);
	if (h5_config_load(folder_name(&f->folder, conf, path), &f->faults,
		&f->c, &f->e) != H5_OK)
		fail_msg("%s", f->faults.data);
}

static void
test_config_outside__nothing_below_the_document_root(void **state)
{
	static const struct {
		const char *conf, *key, *store, *log;
		bool good;
	} rows[] = {
	    {"h5pay.conf", "key", "store", "log", true},
	    {"www/h5pay.conf", "key", "store", "log", false},
	    {"h5pay.conf", "www/key", "store", "log", false},
	    {"h5pay.conf", "key", "www", "log", false},
	    {"h5pay.conf", "key", "www/store", "log", false},
	    {"h5pay.conf", "key", "www/not/yet", "log", false},
	    {"h5pay.conf", "key", "not/yet", "log", true},
	    {"h5pay.conf", "key", "sub/../store", "log", true},
	    {"h5pay.conf", "key", "sub/../www/x", "log", false},
	    {"h5pay.conf", "key", "link/x", "log", false},
	    {"h5pay.conf", "key", "link", "log", false},
	    {"h5pay.conf", "link/key", "store", "log", false},
	    {"h5pay.conf", "key", "www2", "log", true},
	    {"h5pay.conf", "key", "store", "www/log", false},
	};
	struct fixture *f = *state;
	char root[FOLDER_PATH], link[FOLDER_PATH], name[32];
	enum h5_code rc;
	size_t i;

	folder_mkdir(&f->folder, "www");
	folder_mkdir(&f->folder, "sub");
	(void)folder_name(&f->folder, "link", link);
	assert_int_equal(symlink("www", link), 0);
	(void)folder_name(&f->folder, "www", root);
	for (i = 0; i < COUNT(rows); i++) {
		load(f, rows[i].conf, rows[i].key, rows[i].store, rows[i].log);
		(void)snprintf(name, sizeof(name), "%zu", i);
		rc = h5_config_outside(f->c, root, &f->e);
		ROW(name, rc == (rows[i].good ? H5_OK : H5_E_CONFIG));
		if (!rows[i].good)
			ROW(name, strstr(f->e.msg, "document root") != NULL);
		/* The same root, spoken of differently. */
		ROW(name, h5_config_outside(f->c, link, &f->e) == rc);
	}
}

static void
test_config_outside__no_document_root(void **state)
{
	struct fixture *f = *state;

	load(f, "h5pay.conf", "key", "store", "log");
	assert_int_equal(h5_config_outside(f->c, NULL, &f->e), H5_OK);
	assert_int_equal(h5_config_outside(f->c, "", &f->e), H5_OK);
	assert_int_equal(h5_config_outside(f->c, "/nowhere", &f->e), H5_OK);
	assert_int_equal(h5_config_outside(f->c, "/", &f->e), H5_E_CONFIG);
	assert_int_equal(
	    h5_config_outside(f->c, f->folder.path, &f->e), H5_E_CONFIG);
}

/* --- changes -------------------------------------------------------------- */

static void
test_config_stamp__tells_a_change(void **state)
{
	struct fixture *f = *state;
	char key[FOLDER_PATH], next[FOLDER_PATH];
	uint64_t before;

	load(f, "h5pay.conf", "key", "store", "log");
	before = h5_stamp_config(f->c);
	assert_true(h5_stamp_config(f->c) == before);
	(void)folder_name(&f->folder, "key", key);
	(void)folder_name(&f->folder, "next", next);
	folder_write(&f->folder, "next", KEY32, 0600);
	assert_int_equal(rename(next, key), 0);
	assert_true(h5_stamp_config(f->c) != before);
	before = h5_stamp_config(f->c);
	assert_int_equal(unlink(key), 0);
	assert_true(h5_stamp_config(f->c) != before);
	before = h5_stamp_config(f->c);
	folder_write(&f->folder, "h5pay.conf", "# longer or shorter", 0600);
	assert_true(h5_stamp_config(f->c) != before);
}

/* They may come after the configuration was read, and are renewed. */
static void
test_config_stamp__tells_of_platform_certificates(void **state)
{
	struct fixture *f = *state;
	char path[FOLDER_PATH], next[FOLDER_PATH];
	uint64_t before;

	load(f, "h5pay.conf", "key", "store", "log");
	(void)folder_name(&f->folder, "certs.pem", path);
	(void)folder_name(&f->folder, "next", next);
	f->c->merchant.platform_certs = strdup(path);
	before = h5_stamp_config(f->c);
	assert_true(h5_stamp_config(f->c) == before);
	folder_write(&f->folder, "certs.pem", "one", 0600);
	assert_true(h5_stamp_config(f->c) != before);
	before = h5_stamp_config(f->c);
	folder_write(&f->folder, "next", "two", 0600);
	assert_int_equal(rename(next, path), 0);
	assert_true(h5_stamp_config(f->c) != before);
}

static int
find_and_print(void)
{
	struct h5_buf out;
	struct h5_err e;

	h5_buf_init(&out, 4096);
	if (h5_config_find(NULL, NULL, &out, &e) == H5_OK)
		(void)printf("%s", out.data);
	else
		(void)printf("!%s", e.msg);
	h5_buf_release(&out);
	return 0;
}

int
main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_config_find__the_first_that_is_named),
	    TEST(test_config_find__a_named_file_is_never_skipped),
	    TEST(test_config_find__a_header_names_nothing),
	    TEST(test_config_find__home_then_etc_then_none),
	    TEST(test_config_find__a_line_beside_the_program),
	    TEST(test_config_outside__nothing_below_the_document_root),
	    TEST(test_config_outside__no_document_root),
	    TEST(test_config_stamp__tells_a_change),
	    TEST(test_config_stamp__tells_of_platform_certificates),
	};

	if (argc > 1 && strcmp(argv[1], "find") == 0)
		return find_and_print();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
