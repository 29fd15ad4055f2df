/* limit - the least that could be done for a row of the benchmark, with the
 * same web server and the same libfcgi.
 *   limit hello THREADS BYTES          answers that many bytes
 *   limit post THREADS                 reads the body, answers
 *   limit append THREADS FOLDER FILES  the same, and appends 200 bytes to one
 *                                      of the files, durably
 * Without arguments hello of 100 bytes by one thread; as plain CGI one
 * answer. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcgiapp.h>

#define RECORD 200
#define BODY_MAX 65536
/* From file to file: the one after the other would lie beside it on the disk,
 * and what several threads write there would be one write. */
#define STEP 7919u

struct limit {
	const char *mode, *folder;
	char *bytes; /* of hello */
	int n; /* bytes, or files */
	atomic_uint next;
};

static int
append_record(struct limit *l)
{
	char path[512], record[RECORD];
	unsigned turn = atomic_fetch_add(&l->next, 1);
	int i = (int)(turn * STEP % (unsigned)l->n), fd, rc = -1;

	memset(record, 'x', sizeof record);
	record[RECORD - 1] = '\n';
	(void)snprintf(path, sizeof path, "%s/%x/%x/%d", l->folder, i % 16,
	    i / 16 % 16, i);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (write(fd, record, sizeof record) == (ssize_t)sizeof record)
		rc = fdatasync(fd);
	if (close(fd) != 0)
		rc = -1;
	return rc;
}

static void
answer(struct limit *l, FCGX_Request *r)
{
	char body[BODY_MAX];
	const char *length = FCGX_GetParam("CONTENT_LENGTH", r->envp);
	int want = length == NULL ? 0 : (int)strtol(length, NULL, 10);
	int got =
	    want > 0 && want <= BODY_MAX ? FCGX_GetStr(body, want, r->in) : 0;

	if (got != want ||
	    (strcmp(l->mode, "append") == 0 && append_record(l) != 0)) {
		(void)FCGX_PutS("Status: 500\r\n\r\n", r->out);
		return;
	}
	(void)FCGX_PutS("Content-Type: text/html; charset=utf-8\r\n"
			"Cache-Control: no-store\r\n\r\n",
	    r->out);
	if (l->bytes != NULL)
		(void)FCGX_PutStr(l->bytes, l->n, r->out);
	else
		(void)FCGX_PutS("<xml>good</xml>", r->out);
}

static void *
serve(void *arg)
{
	FCGX_Request r;

	if (FCGX_InitRequest(&r, 0, 0) != 0)
		return NULL;
	while (FCGX_Accept_r(&r) == 0) {
		answer(arg, &r);
		FCGX_Finish_r(&r);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	struct limit l = {.mode = argc > 1 ? argv[1] : "hello"};
	int threads = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 1;
	pthread_t t;

	l.n = 100;
	if (strcmp(l.mode, "append") == 0 && argc > 4) {
		l.folder = argv[3];
		l.n = (int)strtol(argv[4], NULL, 10);
	} else if (strcmp(l.mode, "hello") == 0) {
		if (argc > 3)
			l.n = (int)strtol(argv[3], NULL, 10);
		l.bytes = malloc((size_t)l.n);
		if (l.bytes == NULL)
			return 1;
		memset(l.bytes, 'h', (size_t)l.n);
	}
	if (FCGX_IsCGI() != 0) {
		(void)printf("Content-Type: text/html; charset=utf-8\r\n\r\n"
			     "%.*s",
		    l.n, l.bytes == NULL ? "" : l.bytes);
		free(l.bytes);
		return 0;
	}
	if (FCGX_Init() != 0)
		return 1;
	while (--threads > 0)
		if (pthread_create(&t, NULL, serve, &l) != 0)
			return 1;
	(void)serve(&l);
	free(l.bytes);
	return 0;
}
