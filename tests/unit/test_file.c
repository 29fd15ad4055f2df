/* Files: what is refused, what is whole, what locks what. */
#include "tests/unit/help.h"

#include "tests/unit/folder.h"

#include <sys/file.h>
#include <time.h>

#include "common/system/file.h"

static int
make_folder(void **state)
{
	struct folder *f = calloc(1, sizeof *f);

	assert_non_null(f);
	folder_make(f);
	*state = f;
	return 0;
}

static int
remove_folder(void **state)
{
	folder_remove(*state);
	free(*state);
	return 0;
}

static int
dir_of(const struct folder *f)
{
	int fd = open(f->path, O_RDONLY | O_DIRECTORY);

	assert_true(fd >= 0);
	return fd;
}

static size_t
entries(const struct folder *f)
{
	struct dirent *entry;
	DIR *d = opendir(f->path);
	size_t n = 0;

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.' || entry->d_name[1] == 't')
			n++;
	(void)closedir(d);
	return n;
}

static enum h5_code
read_name(int dir, const char *name, size_t max, struct h5_buf *b)
{
	h5_buf_release(b);
	h5_buf_init(b, max);
	return h5_file_read(dir, name, b, NULL);
}

static void
test_file__read_gives_all_bytes(void **state)
{
	const struct folder *f = *state;
	char bytes[10000];
	struct h5_buf b;
	int dir = dir_of(f);
	size_t n;

	h5_buf_init(&b, 1);
	for (n = 0; n < sizeof bytes; n++)
		bytes[n] = (char)(n * 31);
	for (n = 0; n <= sizeof bytes; n += 2500) {
		folder_write_n(f, "x", bytes, n, 0600);
		assert_int_equal(read_name(dir, "x", 100000, &b), H5_OK);
		assert_int_equal(b.len, n);
		assert_memory_equal(b.data, bytes, n);
		/* The ceiling is the limit, to the byte. */
		assert_int_equal(read_name(dir, "x", n, &b), H5_OK);
		assert_int_equal(b.len, n);
		if (n > 0)
			assert_int_equal(
			    read_name(dir, "x", n - 1, &b), H5_E_INPUT);
	}
	h5_buf_release(&b);
	(void)close(dir);
}

/* Files whose size the kernel does not tell are read to their end. */
static void
test_file__read_of_a_sizeless_file(void **state)
{
	struct h5_buf b;

	(void)state;
	h5_buf_init(&b, 65536);
	assert_int_equal(
	    h5_file_read(AT_FDCWD, "/proc/self/status", &b, NULL), H5_OK);
	assert_true(b.len > 100);
	h5_buf_release(&b);
}

static void
test_file__read_refuses_what_is_no_file(void **state)
{
	const struct folder *f = *state;
	char path[FOLDER_PATH];
	struct h5_buf b;
	int dir = dir_of(f);

	h5_buf_init(&b, 1);
	folder_write(f, "real", "x", 0600);
	folder_mkdir(f, "sub");
	assert_int_equal(symlink("real", folder_name(f, "link", path)), 0);
	assert_int_equal(mkfifo(folder_name(f, "fifo", path), 0600), 0);
	assert_int_equal(read_name(dir, "none", 10, &b), H5_E_NOTFOUND);
	assert_int_equal(read_name(dir, "link", 10, &b), H5_E_INPUT);
	/* Does not hang, either. */
	assert_int_equal(read_name(dir, "fifo", 10, &b), H5_E_INPUT);
	assert_int_equal(read_name(dir, "sub", 10, &b), H5_E_INPUT);
	h5_buf_release(&b);
	(void)close(dir);
}

static void
test_file__a_secret_is_closed_to_others(void **state)
{
	static const struct {
		mode_t mode;
		uid_t uid;
		bool own_group;
		const char *mend; /* NULL: good as it is */
	} rows[] = {{0600, 1, true, NULL}, {0400, 1, true, NULL},
	    {0604, 1, true, "chmod o="}, {0602, 1, true, "chmod o="},
	    {0601, 1, true, "chmod o="}, {0640, 1, true, "chmod 600"},
	    {0640, 0, true, NULL}, {0440, 0, true, NULL},
	    {0640, 0, false, "chgrp "}, {0660, 0, true, "chmod g-w"},
	    {0644, 0, true, "chmod o="}};
	struct stat st = {0};
	struct h5_err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		st.st_mode = S_IFREG | rows[i].mode;
		st.st_uid = rows[i].uid;
		st.st_gid = rows[i].own_group ? getegid() : getegid() + 1;
		e.msg[0] = '\0';
		assert_int_equal(h5_file_secret_mode("/etc/key", &st, &e),
		    rows[i].mend == NULL ? H5_OK : H5_E_CONFIG);
		assert_true(rows[i].mend == NULL ||
			    strstr(e.msg, rows[i].mend) != NULL);
	}
}

static void
test_file__read_secret_looks_at_the_mode(void **state)
{
	const struct folder *f = *state;
	char path[FOLDER_PATH];
	struct h5_buf b;

	h5_buf_init(&b, 100);
	folder_write(f, "key", "secret", 0644);
	folder_name(f, "key", path);
	assert_int_equal(h5_file_read_secret(path, &b, NULL), H5_E_CONFIG);
	assert_int_equal(b.len, 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(h5_file_read_secret(path, &b, NULL), H5_OK);
	assert_string_equal(b.data, "secret");
	h5_buf_release(&b);
}

static void
test_file__create_never_overwrites(void **state)
{
	const struct folder *f = *state;
	struct h5_buf b;
	int dir = dir_of(f);
	struct stat st;

	h5_buf_init(&b, 1);
	assert_int_equal(
	    h5_file_create(dir, "new", "one", 3, 0600, NULL), H5_OK);
	assert_int_equal(
	    h5_file_create(dir, "new", "two", 3, 0600, NULL), H5_E_EXISTS);
	assert_int_equal(read_name(dir, "new", 10, &b), H5_OK);
	assert_string_equal(b.data, "one");
	assert_int_equal(fstatat(dir, "new", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(
	    h5_file_create(dir, "no/new", "x", 1, 0600, NULL), H5_E_NOTFOUND);
	/* No temporary name stays behind. */
	assert_int_equal(entries(f), 1);
	h5_buf_release(&b);
	(void)close(dir);
}

static void
test_file__replace_is_whole(void **state)
{
	const struct folder *f = *state;
	struct h5_buf b;
	int dir = dir_of(f);

	h5_buf_init(&b, 1);
	folder_mkdir(f, "sub");
	assert_int_equal(
	    h5_file_replace(dir, "sub/x", "one", 3, 0600, NULL), H5_OK);
	assert_int_equal(
	    h5_file_replace(dir, "sub/x", "second", 6, 0600, NULL), H5_OK);
	assert_int_equal(read_name(dir, "sub/x", 10, &b), H5_OK);
	assert_string_equal(b.data, "second");
	assert_int_equal(
	    h5_file_replace(dir, "no/x", "x", 1, 0600, NULL), H5_E_NOTFOUND);
	h5_buf_release(&b);
	(void)close(dir);
}

static void
test_file__mkdir_twice_is_fine(void **state)
{
	int dir = dir_of(*state);
	struct stat st;

	assert_int_equal(h5_file_mkdir(dir, "a", NULL), H5_OK);
	assert_int_equal(h5_file_mkdir(dir, "a", NULL), H5_OK);
	assert_int_equal(h5_file_mkdir(dir, "a/b", NULL), H5_OK);
	assert_int_equal(fstatat(dir, "a/b", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	(void)close(dir);
}

static void
test_file__below_follows_links(void **state)
{
	const struct folder *f = *state;
	char root[FOLDER_PATH], path[FOLDER_PATH], link[FOLDER_PATH];

	folder_mkdir(f, "www");
	folder_mkdir(f, "www-data");
	folder_mkdir(f, "www/in");
	folder_name(f, "www", root);
	assert_int_equal(symlink(root, folder_name(f, "alias", link)), 0);
	assert_true(h5_file_below(root, root));
	assert_true(h5_file_below(folder_name(f, "www/in", path), root));
	assert_true(h5_file_below(folder_name(f, "alias/in", path), root));
	assert_true(h5_file_below(folder_name(f, "www/in", path), link));
	assert_true(h5_file_below(folder_name(f, "www/new/er", path), root));
	assert_false(h5_file_below(folder_name(f, "www-data", path), root));
	assert_false(h5_file_below(folder_name(f, "www/../x", path), root));
	assert_false(h5_file_below(path, ""));
	assert_false(h5_file_below(path, NULL));
	assert_true(h5_file_below(path, "/"));
}

static void
test_file__open_takes_only_ours(void **state)
{
	const struct folder *f = *state;
	char path[FOLDER_PATH], other[FOLDER_PATH];
	int dir = dir_of(f), fd;
	size_t size;

	folder_write(f, "x", "four", 0600);
	assert_int_equal(
	    h5_file_open(dir, "x", O_RDWR, &fd, &size, NULL), H5_OK);
	assert_int_equal(size, 4);
	h5_file_drop(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(
	    h5_file_open(dir, "none", O_RDWR, &fd, &size, NULL), H5_E_NOTFOUND);
	assert_int_equal(fd, -1);
	assert_int_equal(
	    symlink(folder_name(f, "x", path), folder_name(f, "l", other)), 0);
	assert_int_equal(
	    h5_file_open(dir, "l", O_RDWR, &fd, &size, NULL), H5_E_INPUT);
	assert_int_equal(mkfifo(folder_name(f, "p", other), 0600), 0);
	assert_int_equal(
	    h5_file_open(dir, "p", O_RDONLY, &fd, &size, NULL), H5_E_INPUT);
	assert_int_equal(link(path, folder_name(f, "h", other)), 0);
	assert_int_equal(
	    h5_file_open(dir, "x", O_RDWR, &fd, &size, NULL), H5_E_INPUT);
	assert_int_equal(unlink(other), 0);
	/* Only root can give a file away. */
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 4711, 4711), 0);
		assert_int_equal(
		    h5_file_open(dir, "x", O_RDWR, &fd, &size, NULL),
		    H5_E_INPUT);
	}
	assert_int_equal(fd, -1);
	(void)close(dir);
}

static void
test_file__others_reach_only_what_is_open_all_the_way(void **state)
{
	const struct folder *f = *state;
	char top[FOLDER_PATH], path[FOLDER_PATH];

	folder_mkdir(f, "a");
	folder_name(f, "a", top);
	folder_write(f, "a/x", "", 0600);
	folder_name(f, "a/x", path);
	/* The fixture's folder is closed itself. */
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(chmod(top, 0755), 0);
	assert_false(h5_file_exposed(path, 02));
	assert_int_equal(chmod(f->path, 0711), 0);
	assert_true(h5_file_exposed(path, 02));
	assert_int_equal(chmod(top, 0700), 0);
	assert_false(h5_file_exposed(path, 02));
	assert_int_equal(chmod(top, 0701), 0);
	assert_true(h5_file_exposed(path, 02));
	assert_int_equal(chmod(path, 0660), 0);
	assert_false(h5_file_exposed(path, 02));
	assert_false(h5_file_exposed("/nowhere/at/all", 02));
	assert_int_equal(chmod(f->path, 0700), 0);
}

static void
test_file__folder_must_be_closed(void **state)
{
	const struct folder *f = *state;
	char path[FOLDER_PATH];
	int dir = dir_of(f), fd;

	folder_mkdir(f, "a");
	folder_write(f, "x", "", 0600);
	assert_int_equal(symlink("a", folder_name(f, "l", path)), 0);
	assert_int_equal(h5_file_folder(dir, "a", &fd, NULL), H5_OK);
	h5_file_drop(&fd);
	assert_int_equal(h5_file_folder(dir, "b", &fd, NULL), H5_E_NOTFOUND);
	assert_int_equal(h5_file_folder(dir, "l", &fd, NULL), H5_E_CONFIG);
	assert_int_equal(h5_file_folder(dir, "x", &fd, NULL), H5_E_CONFIG);
	assert_int_equal(chmod(folder_name(f, "a", path), 0750), 0);
	assert_int_equal(h5_file_folder(dir, "a", &fd, NULL), H5_E_CONFIG);
	assert_int_equal(fd, -1);
	(void)close(dir);
}

static void
test_file__lines_do_not_stick_to_a_torn_one(void **state)
{
	const struct folder *f = *state;
	struct h5_buf b;
	int dir = dir_of(f), fd;
	size_t size;

	h5_buf_init(&b, 1);
	folder_write(f, "x", "", 0600);
	assert_int_equal(
	    h5_file_open(dir, "x", O_RDWR | O_APPEND, &fd, &size, NULL), H5_OK);
	assert_int_equal(h5_file_add_line(fd, "one", NULL), H5_OK);
	assert_int_equal(h5_file_add_line(fd, "two", NULL), H5_OK);
	assert_int_equal(write(fd, "thr", 3), 3);
	assert_int_equal(h5_file_add_line(fd, "four", NULL), H5_OK);
	assert_int_equal(read_name(dir, "x", 100, &b), H5_OK);
	assert_string_equal(b.data, "one\ntwo\nthrfour\n\nfour\n");
	h5_file_drop(&fd);
	h5_buf_release(&b);
	(void)close(dir);
}

static void
test_file__slurp_cut_and_spoil(void **state)
{
	const struct folder *f = *state;
	struct h5_buf b;
	int dir = dir_of(f), fd;
	size_t size;

	h5_buf_init(&b, 100);
	folder_write(f, "x", "0123456789", 0600);
	assert_int_equal(
	    h5_file_open(dir, "x", O_RDWR, &fd, &size, NULL), H5_OK);
	assert_int_equal(h5_file_slurp(fd, 3, 4, &b, NULL), H5_OK);
	assert_string_equal(b.data, "3456");
	assert_int_equal(h5_file_slurp(fd, 8, 50, &b, NULL), H5_OK);
	assert_string_equal(b.data, "345689");
	assert_int_equal(h5_file_cut(fd, 5, NULL), H5_OK);
	assert_int_equal(h5_file_write_at(fd, 5, "ab", 2, NULL), H5_OK);
	h5_file_spoil(fd, 6);
	h5_buf_clear(&b);
	assert_int_equal(h5_file_slurp(fd, 0, 50, &b, NULL), H5_OK);
	assert_string_equal(b.data, "01234a!");
	h5_file_drop(&fd);
	h5_buf_release(&b);
	(void)close(dir);
}

static void
test_file__a_look_tells_any_change(void **state)
{
	const struct folder *f = *state;
	struct h5_file_look a, b;
	char path[FOLDER_PATH];
	int dir = dir_of(f), fd;
	size_t size;

	folder_write(f, "x", "one", 0600);
	assert_int_equal(
	    h5_file_open(dir, "x", O_RDWR, &fd, &size, NULL), H5_OK);
	assert_int_equal(h5_file_look(fd, &a, NULL), H5_OK);
	assert_int_equal(h5_file_look(fd, &b, NULL), H5_OK);
	assert_true(a.stamp == b.stamp && a.ino == b.ino && a.named);
	assert_int_equal(a.size, 3);
	assert_int_equal(h5_file_write_at(fd, 3, "x", 1, NULL), H5_OK);
	assert_int_equal(h5_file_look(fd, &b, NULL), H5_OK);
	assert_true(a.stamp != b.stamp && a.ino == b.ino);
	assert_int_equal(unlink(folder_name(f, "x", path)), 0);
	assert_int_equal(h5_file_look(fd, &b, NULL), H5_OK);
	assert_false(b.named);
	h5_file_drop(&fd);
	(void)close(dir);
}

static void
test_file__locks_hold_between_open_files(void **state)
{
	const struct folder *f = *state;
	int dir = dir_of(f), a, b;
	size_t size;

	folder_write(f, "x", "", 0600);
	assert_int_equal(
	    h5_file_open(dir, "x", O_RDWR, &a, &size, NULL), H5_OK);
	assert_int_equal(
	    h5_file_open(dir, "x", O_RDWR, &b, &size, NULL), H5_OK);
	assert_int_equal(h5_file_lock(a, LOCK_SH, 0, NULL), H5_OK);
	assert_int_equal(h5_file_lock(b, LOCK_SH, 0, NULL), H5_OK);
	h5_file_unlock(b);
	assert_int_equal(h5_file_lock(b, LOCK_EX, 5, NULL), H5_E_BUSY);
	h5_file_unlock(a);
	assert_int_equal(h5_file_lock(b, LOCK_EX, 0, NULL), H5_OK);
	assert_int_equal(h5_file_lock_byte(a, 7, 0, NULL), H5_OK);
	assert_int_equal(h5_file_lock_byte(b, 7, 5, NULL), H5_E_BUSY);
	assert_int_equal(h5_file_lock_byte(b, 8, 0, NULL), H5_OK);
	assert_int_equal(h5_file_lock_byte(b, UINT64_MAX, 0, NULL), H5_OK);
	h5_file_drop(&a);
	assert_int_equal(h5_file_lock_byte(b, 7, 0, NULL), H5_OK);
	h5_file_drop(&b);
	(void)close(dir);
}

static enum h5_code
count_up(void *arg, const char *name, struct h5_err *e)
{
	int *n = arg;

	if (strcmp(name, "stop") == 0)
		return h5_err_set(e, H5_E_STATE, "stop");
	(*n)++;
	return H5_OK;
}

static void
test_file__list_names_each_entry(void **state)
{
	const struct folder *f = *state;
	int dir = dir_of(f), n = 0;

	folder_write(f, "a", "", 0600);
	folder_write(f, ".b", "", 0600);
	folder_mkdir(f, "c");
	assert_int_equal(h5_file_list(dir, count_up, &n, NULL), H5_OK);
	assert_int_equal(n, 3);
	folder_write(f, "stop", "", 0600);
	assert_int_equal(h5_file_list(dir, count_up, &n, NULL), H5_E_STATE);
	(void)close(dir);
}

static void
test_file__remove_and_age(void **state)
{
	const struct folder *f = *state;
	struct timespec times[2] = {{1000, 0}, {1000, 0}};
	int dir = dir_of(f);

	folder_write(f, "x", "", 0600);
	assert_false(h5_file_older(dir, "x", 2000));
	assert_int_equal(utimensat(dir, "x", times, 0), 0);
	assert_true(h5_file_older(dir, "x", 2000));
	assert_false(h5_file_older(dir, "none", 2000));
	assert_int_equal(h5_file_remove(dir, "x", NULL), H5_OK);
	assert_int_equal(h5_file_remove(dir, "x", NULL), H5_OK);
	assert_null(h5_file_network(dir));
	(void)close(dir);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_file__read_gives_all_bytes),
	    TEST(test_file__read_of_a_sizeless_file),
	    TEST(test_file__read_refuses_what_is_no_file),
	    TEST(test_file__a_secret_is_closed_to_others),
	    TEST(test_file__read_secret_looks_at_the_mode),
	    TEST(test_file__create_never_overwrites),
	    TEST(test_file__replace_is_whole),
	    TEST(test_file__mkdir_twice_is_fine),
	    TEST(test_file__below_follows_links),
	    TEST(test_file__open_takes_only_ours),
	    TEST(test_file__others_reach_only_what_is_open_all_the_way),
	    TEST(test_file__folder_must_be_closed),
	    TEST(test_file__lines_do_not_stick_to_a_torn_one),
	    TEST(test_file__slurp_cut_and_spoil),
	    TEST(test_file__a_look_tells_any_change),
	    TEST(test_file__locks_hold_between_open_files),
	    TEST(test_file__list_names_each_entry),
	    TEST(test_file__remove_and_age),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
