/* spawn - how long a plain CGI program takes from its start to the end of its
 * answer.
 *   spawn COUNT INPUT PROGRAM [ARG...]
 * Prints the median in microseconds and the bytes of one answer; every answer
 * has to be as long as the first. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Bytes of the answer; -1: it failed. */
static long
run(const char *input, char **argv)
{
	char buf[65536];
	long total = 0;
	int fds[2], status = -1;
	ssize_t n;
	pid_t pid;

	if (pipe(fds) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)dup2(open(input, O_RDONLY), STDIN_FILENO);
		(void)dup2(fds[1], STDOUT_FILENO);
		(void)close(fds[0]);
		(void)close(fds[1]);
		(void)execv(argv[0], argv);
		_exit(127);
	}
	(void)close(fds[1]);
	while ((n = read(fds[0], buf, sizeof buf)) > 0)
		total += n;
	(void)close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return -1;
	return total;
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

int
main(int argc, char **argv)
{
	long count = argc > 3 ? strtol(argv[1], NULL, 10) : 0, i, first = 0;
	int64_t *us, t;

	if (count < 1)
		return 64;
	us = calloc((size_t)count, sizeof *us);
	if (us == NULL)
		return 1;
	for (i = -1; i < count; i++) {
		t = now_us();
		long got = run(argv[2], argv + 3);

		if (got <= 0 || (i >= 0 && got != first)) {
			(void)fprintf(stderr, "spawn: %s answers %ld bytes\n",
			    argv[3], got);
			return 1;
		}
		first = got;
		if (i >= 0)
			us[i] = now_us() - t;
	}
	qsort(us, (size_t)count, sizeof *us, compare);
	(void)printf("%lld %ld\n", (long long)us[count / 2], first);
	free(us);
	return 0;
}
