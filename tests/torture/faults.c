/* faults.c - linked into a program by --wrap: counts the calls that leave our
 * code for libc, OpenSSL, curl, mxml, zlib and libfcgi, and lets the n-th
 * fail, once or from then on.
 *
 * A run in which nothing fails leaves its calls in ERR.calls: a number each,
 * the same where the call and the functions around it are the same.
 *
 * The program becomes a server of runs: with H5_TORTURE set it reads orders
 * from descriptor 198 before main, and forks a run for each:
 *   N STICKY LATER SECONDS IN OUT ERR
 * 0 for N: nothing fails.  LATER: seconds on the clock.  IN "-": as it is.
 * Leaks are looked for where one call fails once: that takes as long as the
 * run.
 * It answers on 199 with the process id, and when the run has ended with
 *   STATUS CALLS REACHED LATER NAME ADDRESS EARLY FDS
 * (the wait status; how many calls there were; whether the n-th came, how many
 * of its kind came after it, what it was and from where; answered before a
 * ledger was durable; descriptors left).
 *
 * Each macro below begins a line: the makefile takes the names from there. */
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <mxml.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#define ORDERS_FD 198
#define REPORTS_FD 199
#define FDS 192 /* looked at for what is left open; below the two */
#define LEDGER ".ledger"
#define PLACES 65536 /* calls of a run that are told apart */
#define AROUND 6 /* callers that make a place */
#define FRAME 16384 /* bytes of one of our functions, at most */
#define STDIO_ERROR 0x20 /* glibc's mark of a stream that failed */

/* What the run tells its parent; the runs of one program share the page. */
struct report {
	atomic_long calls;
	atomic_int reached;
	atomic_int later;
	const char *name;
	uintptr_t from;
	int early;
	int fds;
	uint32_t place[PLACES];
};

extern const char __executable_start, etext; /* the linker's: our code */

static struct report *report;
static atomic_bool armed;
static atomic_long calls_here; /* of this process; a child counts on */
static atomic_bool reached_here;
static const char *sticky_name;
static long fail_at;
static bool sticky;
static bool was_open[FDS];
static pid_t run_pid;
static int64_t now_s;

/* --- the plan ------------------------------------------------------------- */

static bool
is_memory(const char *name)
{
	static const char *const names[] = {
	    "malloc", "calloc", "realloc", "reallocarray", "strdup", "strndup"};
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Memory that is used up is so for every allocator. */
static bool
same_kind(const char *a, const char *b)
{
	return strcmp(a, b) == 0 || (is_memory(a) && is_memory(b));
}

/* Where we are: what called what.  Every function of ours has a frame pointer;
 * where another library is between, the walk ends. */
__attribute__((no_sanitize("address", "undefined"))) static uint32_t
place_of(const char *name)
{
	const uintptr_t *frame = __builtin_frame_address(0);
	const uintptr_t here = (uintptr_t)&__executable_start;
	uint32_t sum = 2166136261U;
	uintptr_t next;
	int i;

	for (; *name != '\0'; name++)
		sum = (sum ^ (unsigned char)*name) * 16777619U;
	for (i = 0; i < AROUND; i++) {
		if (frame[1] < here || frame[1] >= (uintptr_t)&etext)
			break;
		sum = (sum ^ (uint32_t)(frame[1] - here)) * 16777619U;
		next = frame[0];
		if (next % sizeof next != 0 || next <= (uintptr_t)frame ||
		    next - (uintptr_t)frame > FRAME)
			break;
		frame = (const uintptr_t *)next;
	}
	return sum;
}

static bool
fails(const char *name, void *from)
{
	long n, most;
	int none = 0;

	if (!atomic_load(&armed))
		return false;
	n = atomic_fetch_add(&calls_here, 1) + 1;
	if (fail_at == 0 && n <= PLACES)
		report->place[n - 1] = place_of(name);
	most = atomic_load(&report->calls);
	while (
	    n > most && !atomic_compare_exchange_weak(&report->calls, &most, n))
		;
	if (n != fail_at) {
		if (!atomic_load(&reached_here) ||
		    !same_kind(sticky_name, name))
			return false;
		(void)atomic_fetch_add(&report->later, 1);
		return sticky;
	}
	sticky_name = name;
	atomic_store(&reached_here, true);
	if (atomic_compare_exchange_strong(&report->reached, &none, 1)) {
		report->name = name;
		report->from = (uintptr_t)from;
	}
	return true;
}

#define REAL(RET, NAME, PARAMS)                                                \
	RET __real_##NAME PARAMS;                                              \
	RET __wrap_##NAME PARAMS;                                              \
	RET __wrap_##NAME PARAMS

#define FAIL_HERE(NAME) fails(#NAME, __builtin_return_address(0))

/* name, parameters, arguments, what it returns when it fails, errno */
#define CALL(RET, NAME, PARAMS, ARGS, BAD, ERRNO)                              \
	REAL(RET, NAME, PARAMS)                                                \
	{                                                                      \
		if (FAIL_HERE(NAME)) {                                         \
			errno = ERRNO;                                         \
			return BAD;                                            \
		}                                                              \
		return __real_##NAME ARGS;                                     \
	}

/* The same, but what the call does is done first: a descriptor is closed
 * even where close says that it failed. */
#define CALL_DONE(RET, NAME, PARAMS, ARGS, BAD, ERRNO)                         \
	REAL(RET, NAME, PARAMS)                                                \
	{                                                                      \
		bool bad = FAIL_HERE(NAME);                                    \
		RET got = __real_##NAME ARGS;                                  \
                                                                               \
		if (!bad)                                                      \
			return got;                                            \
		errno = ERRNO;                                                 \
		return BAD;                                                    \
	}

/* --- memory --------------------------------------------------------------- */

/* clang-format off */
CALL(void *, malloc, (size_t n), (n), NULL, ENOMEM)
CALL(void *, calloc, (size_t n, size_t m), (n, m), NULL, ENOMEM)
CALL(void *, realloc, (void *p, size_t n), (p, n), NULL, ENOMEM)
CALL(void *, reallocarray, (void *p, size_t n, size_t m), (p, n, m), NULL, ENOMEM)
CALL(char *, strdup, (const char *s), (s), NULL, ENOMEM)
CALL(char *, strndup, (const char *s, size_t n), (s, n), NULL, ENOMEM)

/* --- libc: files ---------------------------------------------------------- */

CALL(int, access, (const char *p, int m), (p, m), -1, EIO)
CALL(int, chdir, (const char *p), (p), -1, EIO)
CALL(int, dup2, (int a, int b), (a, b), -1, EMFILE)
CALL(int, faccessat, (int d, const char *p, int m, int f), (d, p, m, f), -1, EIO)
CALL(int, fchmod, (int fd, mode_t m), (fd, m), -1, EPERM)
CALL(DIR *, fdopendir, (int fd), (fd), NULL, ENOMEM)
CALL(int, flock, (int fd, int how), (fd, how), -1, ENOLCK)
CALL(FILE *, fopen, (const char *p, const char *m), (p, m), NULL, EMFILE)
CALL(int, fstat, (int fd, struct stat *st), (fd, st), -1, EIO)
CALL(int, fstatat, (int d, const char *p, struct stat *st, int f), (d, p, st, f), -1, EIO)
CALL(int, fstatfs, (int fd, struct statfs *st), (fd, st), -1, EIO)
CALL(char *, getcwd, (char *p, size_t n), (p, n), NULL, EACCES)
CALL(off_t, lseek, (int fd, off_t at, int how), (fd, at, how), -1, EIO)
CALL(int, lstat, (const char *p, struct stat *st), (p, st), -1, EIO)
CALL(int, mkdirat, (int d, const char *p, mode_t m), (d, p, m), -1, ENOSPC)
CALL(DIR *, opendir, (const char *p), (p), NULL, EMFILE)
CALL(int, pipe2, (int p[2], int f), (p, f), -1, EMFILE)
CALL(ssize_t, pread, (int fd, void *p, size_t n, off_t at), (fd, p, n, at), -1, EIO)
CALL(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), -1, EIO)
CALL(struct dirent *, readdir, (DIR *d), (d), NULL, EIO)
CALL(ssize_t, readlink, (const char *p, char *to, size_t n), (p, to, n), -1, EIO)
CALL(char *, realpath, (const char *p, char *to), (p, to), NULL, ENOMEM)
CALL(int, renameat, (int d, const char *p, int e, const char *q), (d, p, e, q), -1, EIO)
CALL(int, renameat2, (int d, const char *p, int e, const char *q, unsigned f), (d, p, e, q, f), -1, EIO)
CALL(int, stat, (const char *p, struct stat *st), (p, st), -1, EIO)
CALL(int, statvfs, (const char *p, struct statvfs *st), (p, st), -1, EIO)
CALL(int, unlinkat, (int d, const char *p, int f), (d, p, f), -1, EIO)
CALL_DONE(int, closedir, (DIR *d), (d), -1, EIO)
CALL_DONE(int, fclose, (FILE *f), (f), EOF, EIO)

/* --- libc: processes, threads, sockets, time ------------------------------ */

CALL(int, epoll_create1, (int f), (f), -1, EMFILE)
CALL(int, epoll_ctl, (int a, int b, int c, struct epoll_event *d), (a, b, c, d), -1, ENOMEM)
CALL(int, epoll_wait, (int a, struct epoll_event *b, int c, int d), (a, b, c, d), -1, EINVAL)
CALL(int, eventfd, (unsigned n, int f), (n, f), -1, EMFILE)
CALL(int, timerfd_create, (int c, int f), (c, f), -1, EMFILE)
CALL(int, execv, (const char *p, char *const a[]), (p, a), -1, ENOMEM)
CALL(int, execve, (const char *p, char *const a[], char *const e[]), (p, a, e), -1, ENOMEM)
CALL(pid_t, fork, (void), (), -1, EAGAIN)
CALL(ssize_t, getrandom, (void *p, size_t n, unsigned f), (p, n, f), -1, ENOSYS)
CALL(int, getpwuid_r, (uid_t u, struct passwd *p, char *b, size_t n, struct passwd **r), (u, p, b, n, r), EIO, EIO)
CALL(int, getrlimit, (__rlimit_resource_t r, struct rlimit *l), (r, l), -1, EPERM)
CALL(int, nanosleep, (const struct timespec *a, struct timespec *b), (a, b), -1, EINTR)
CALL(int, poll, (struct pollfd *p, nfds_t n, int ms), (p, n, ms), -1, ENOMEM)
CALL(int, pthread_attr_init, (pthread_attr_t *a), (a), ENOMEM, ENOMEM)
CALL(int, pthread_attr_setstacksize, (pthread_attr_t *a, size_t n), (a, n), EINVAL, EINVAL)
CALL(int, pthread_create, (pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *x), (t, a, f, x), EAGAIN, EAGAIN)
CALL(int, pthread_mutex_init, (pthread_mutex_t *m, const pthread_mutexattr_t *a), (m, a), ENOMEM, ENOMEM)
CALL(int, setenv, (const char *n, const char *v, int o), (n, v, o), -1, ENOMEM)
CALL(int, setpgid, (pid_t a, pid_t b), (a, b), -1, EPERM)
CALL(int, setrlimit, (__rlimit_resource_t r, const struct rlimit *l), (r, l), -1, EPERM)
CALL(pid_t, setsid, (void), (), -1, EPERM)
CALL(int, setsockopt, (int a, int b, int c, const void *d, socklen_t e), (a, b, c, d, e), -1, ENOMEM)
CALL(ssize_t, recv, (int fd, void *p, size_t n, int f), (fd, p, n, f), -1, EIO)
CALL(ssize_t, send, (int fd, const void *p, size_t n, int f), (fd, p, n, f), -1, EPIPE)
CALL(int, socketpair, (int a, int b, int c, int d[2]), (a, b, c, d), -1, EMFILE)
CALL(int, signalfd, (int fd, const sigset_t *s, int f), (fd, s, f), -1, EMFILE)
CALL(int, uname, (struct utsname *u), (u), -1, EFAULT)
CALL(pid_t, waitpid, (pid_t p, int *s, int o), (p, s, o), -1, ECHILD)

/* --- OpenSSL -------------------------------------------------------------- */

CALL(int, OPENSSL_init_crypto, (uint64_t o, const OPENSSL_INIT_SETTINGS *s), (o, s), 0, 0)
CALL(int, ASN1_TIME_to_tm, (const ASN1_TIME *t, struct tm *m), (t, m), 0, 0)
CALL(BIGNUM *, ASN1_INTEGER_to_BN, (const ASN1_INTEGER *a, BIGNUM *n), (a, n), NULL, 0)
CALL(char *, BN_bn2hex, (const BIGNUM *n), (n), NULL, 0)
CALL(BIO *, BIO_new_mem_buf, (const void *p, int n), (p, n), NULL, 0)
CALL(int, EVP_CIPHER_CTX_ctrl, (EVP_CIPHER_CTX *c, int t, int a, void *p), (c, t, a, p), 0, 0)
CALL(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void), (), NULL, 0)
CALL(EVP_CIPHER *, EVP_CIPHER_fetch, (OSSL_LIB_CTX *c, const char *a, const char *p), (c, a, p), NULL, 0)
CALL(int, EVP_DecryptFinal_ex, (EVP_CIPHER_CTX *c, unsigned char *o, int *n), (c, o, n), 0, 0)
CALL(int, EVP_DecryptInit_ex2, (EVP_CIPHER_CTX *c, const EVP_CIPHER *t, const unsigned char *k, const unsigned char *i, const OSSL_PARAM p[]), (c, t, k, i, p), 0, 0)
CALL(int, EVP_DecryptUpdate, (EVP_CIPHER_CTX *c, unsigned char *o, int *n, const unsigned char *p, int m), (c, o, n, p, m), 0, 0)
CALL(int, EVP_Digest, (const void *p, size_t n, unsigned char *o, unsigned *m, const EVP_MD *t, ENGINE *e), (p, n, o, m, t, e), 0, 0)
CALL(int, EVP_DigestSign, (EVP_MD_CTX *c, unsigned char *s, size_t *n, const unsigned char *p, size_t m), (c, s, n, p, m), 0, 0)
CALL(int, EVP_DigestSignInit_ex, (EVP_MD_CTX *c, EVP_PKEY_CTX **p, const char *m, OSSL_LIB_CTX *l, const char *q, EVP_PKEY *k, const OSSL_PARAM v[]), (c, p, m, l, q, k, v), 0, 0)
CALL(int, EVP_DigestVerifyInit_ex, (EVP_MD_CTX *c, EVP_PKEY_CTX **p, const char *m, OSSL_LIB_CTX *l, const char *q, EVP_PKEY *k, const OSSL_PARAM v[]), (c, p, m, l, q, k, v), 0, 0)
CALL(EVP_MAC_CTX *, EVP_MAC_CTX_dup, (const EVP_MAC_CTX *c), (c), NULL, 0)
CALL(EVP_MAC_CTX *, EVP_MAC_CTX_new, (EVP_MAC *m), (m), NULL, 0)
CALL(EVP_MAC *, EVP_MAC_fetch, (OSSL_LIB_CTX *c, const char *a, const char *p), (c, a, p), NULL, 0)
CALL(int, EVP_MAC_final, (EVP_MAC_CTX *c, unsigned char *o, size_t *n, size_t m), (c, o, n, m), 0, 0)
CALL(int, EVP_MAC_init, (EVP_MAC_CTX *c, const unsigned char *k, size_t n, const OSSL_PARAM p[]), (c, k, n, p), 0, 0)
CALL(int, EVP_MAC_update, (EVP_MAC_CTX *c, const unsigned char *p, size_t n), (c, p, n), 0, 0)
CALL(EVP_MD *, EVP_MD_fetch, (OSSL_LIB_CTX *c, const char *a, const char *p), (c, a, p), NULL, 0)
CALL(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL, 0)
CALL(OPENSSL_STACK *, OPENSSL_sk_new_null, (void), (), NULL, 0)
CALL(int, OPENSSL_sk_push, (OPENSSL_STACK *s, const void *p), (s, p), 0, 0)
CALL(EVP_PKEY *, PEM_read_bio_PUBKEY, (BIO *b, EVP_PKEY **k, pem_password_cb *f, void *x), (b, k, f, x), NULL, 0)
CALL(EVP_PKEY *, PEM_read_bio_PrivateKey, (BIO *b, EVP_PKEY **k, pem_password_cb *f, void *x), (b, k, f, x), NULL, 0)
CALL(X509 *, PEM_read_bio_X509, (BIO *b, X509 **c, pem_password_cb *f, void *x), (b, c, f, x), NULL, 0)
CALL(int, X509_NAME_get_text_by_NID, (const X509_NAME *n, int id, char *p, int m), (n, id, p, m), -1, 0)
CALL(char *, X509_NAME_oneline, (const X509_NAME *n, char *p, int m), (n, p, m), NULL, 0)
CALL(X509_STORE_CTX *, X509_STORE_CTX_new, (void), (), NULL, 0)
CALL(int, X509_STORE_CTX_init, (X509_STORE_CTX *c, X509_STORE *s, X509 *x, STACK_OF(X509) *u), (c, s, x, u), 0, 0)
CALL(int, X509_STORE_CTX_set_default, (X509_STORE_CTX *c, const char *n), (c, n), 0, 0)
CALL(int, X509_STORE_load_locations, (X509_STORE *s, const char *f, const char *d), (s, f, d), 0, 0)
CALL(X509_STORE *, X509_STORE_new, (void), (), NULL, 0)
CALL(int, X509_check_private_key, (const X509 *c, const EVP_PKEY *k), (c, k), 0, 0)
CALL(void *, X509_get_ext_d2i, (const X509 *x, int n, int *c, int *i), (x, n, c, i), NULL, 0)
CALL(EVP_PKEY *, X509_get_pubkey, (X509 *x), (x), NULL, 0)
CALL(int, X509_verify_cert, (X509_STORE_CTX *c), (c), 0, 0)

/* --- curl, mxml, zlib, libfcgi -------------------------------------------- */

CALL(CURLcode, curl_global_init, (long f), (f), CURLE_FAILED_INIT, 0)
CALL(CURL *, curl_easy_init, (void), (), NULL, 0)
CALL(CURLcode, curl_easy_perform, (CURL *c), (c), CURLE_OUT_OF_MEMORY, 0)
CALL(struct curl_slist *, curl_slist_append, (struct curl_slist *l, const char *s), (l, s), NULL, 0)
CALL(mxml_node_t *, mxmlLoadString, (mxml_node_t *t, const char *s, mxml_load_cb_t f), (t, s, f), NULL, 0)
CALL(mxml_node_t *, mxmlNewCDATA, (mxml_node_t *t, const char *s), (t, s), NULL, 0)
CALL(mxml_node_t *, mxmlNewElement, (mxml_node_t *t, const char *s), (t, s), NULL, 0)
CALL(mxml_node_t *, mxmlNewOpaque, (mxml_node_t *t, const char *s), (t, s), NULL, 0)
CALL(char *, mxmlSaveAllocString, (mxml_node_t *t, mxml_save_cb_t f), (t, f), NULL, 0)
CALL(int, inflateInit2_, (z_streamp z, int b, const char *v, int n), (z, b, v, n), Z_MEM_ERROR, 0)
CALL(int, inflate, (z_streamp z, int f), (z, f), Z_MEM_ERROR, 0)
CALL(int, FCGX_Init, (void), (), -1, 0)
CALL(int, FCGX_InitRequest, (FCGX_Request *r, int s, int f), (r, s, f), -1, 0)
CALL(int, FCGX_PutStr, (const char *p, int n, FCGX_Stream *s), (p, n, s), -1, 0)
CALL_DONE(int, FCGX_FClose, (FCGX_Stream *s), (s), -1, 0)
/* clang-format on */

/* --- what a macro does not say ------------------------------------------- */

/* The rest of the arguments is one, whatever it is. */
#define CALL_MORE(RET, NAME, PARAMS, LAST, ARGS, BAD, ERRNO)                   \
	REAL(RET, NAME, PARAMS)                                                \
	{                                                                      \
		va_list ap;                                                    \
		void *more;                                                    \
                                                                               \
		if (FAIL_HERE(NAME)) {                                         \
			errno = ERRNO;                                         \
			return BAD;                                            \
		}                                                              \
		va_start(ap, LAST);                                            \
		more = va_arg(ap, void *);                                     \
		va_end(ap);                                                    \
		return __real_##NAME ARGS;                                     \
	}

/* clang-format off */
CALL_MORE(int, open, (const char *p, int f, ...), f, (p, f, more), -1, EMFILE)
CALL_MORE(int, openat, (int d, const char *p, int f, ...), f, (d, p, f, more), -1, EMFILE)
CALL_MORE(int, fcntl, (int fd, int c, ...), c, (fd, c, more), -1, ENOLCK)
CALL_MORE(int, ioctl, (int fd, unsigned long c, ...), c, (fd, c, more), -1, EIO)
CALL_MORE(CURLcode, curl_easy_setopt, (CURL *c, CURLoption o, ...), o, (c, o, more), CURLE_OUT_OF_MEMORY, 0)
CALL_MORE(CURLcode, curl_easy_getinfo, (CURL *c, CURLINFO i, ...), i, (c, i, more), CURLE_BAD_FUNCTION_ARGUMENT, 0)
/* clang-format on */

REAL(long, syscall, (long what, ...))
{
	long more[4];
	va_list ap;
	size_t i;

	if (FAIL_HERE(syscall)) {
		errno = ENOSYS;
		return -1;
	}
	va_start(ap, what);
	for (i = 0; i < 4; i++)
		more[i] = va_arg(ap, long);
	va_end(ap);
	return __real_syscall(what, more[0], more[1], more[2], more[3]);
}

/* Under the sanitizer a process that cannot be traced cannot look for its
 * leaks. */
REAL(int, prctl, (int what, ...))
{
	va_list ap;
	unsigned long more;

	if (FAIL_HERE(prctl)) {
		errno = EPERM;
		return -1;
	}
	if (what == PR_SET_DUMPABLE)
		return 0;
	va_start(ap, what);
	more = va_arg(ap, unsigned long);
	va_end(ap);
	return __real_prctl(what, more, 0UL, 0UL, 0UL);
}

/* A stream that failed says so. */
#define CALL_STREAM(RET, NAME, PARAMS, ARGS, STREAM, BAD)                      \
	REAL(RET, NAME, PARAMS)                                                \
	{                                                                      \
		if (FAIL_HERE(NAME)) {                                         \
			(STREAM)->_flags |= STDIO_ERROR;                       \
			errno = EIO;                                           \
			return BAD;                                            \
		}                                                              \
		return __real_##NAME ARGS;                                     \
	}

/* clang-format off */
CALL_STREAM(int, fflush, (FILE *f), (f), f, EOF)
CALL_STREAM(char *, fgets, (char *p, int n, FILE *f), (p, n, f), f, NULL)
CALL_STREAM(ssize_t, getdelim, (char **p, size_t *n, int c, FILE *f), (p, n, c, f), f, -1)
/* clang-format on */

/* The library drops the connection when what comes is no request. */
REAL(int, FCGX_Accept_r, (FCGX_Request * r))
{
	if (FAIL_HERE(FCGX_Accept_r))
		(void)shutdown(r->ipcFd, SHUT_RDWR);
	return __real_FCGX_Accept_r(r);
}

REAL(int, FCGX_GetStr, (char *p, int n, FCGX_Stream *s))
{
	if (!FAIL_HERE(FCGX_GetStr))
		return __real_FCGX_GetStr(p, n, s);
	s->FCGI_errno = EIO;
	s->isClosed = 1;
	return 0;
}

CALL(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int f),
    (fd, a, n, f), -1, EMFILE)

/* The same second in every run, so that runs can be compared. */
REAL(int64_t, h5_clock_now, (void))
{
	return now_s != 0 ? now_s : __real_h5_clock_now();
}

/* --- is what was acknowledged durable? ------------------------------------ */

static bool undurable[FDS]; /* descriptor of a ledger, not synced */
static bool entry_undurable; /* a ledger's name, not synced */

static bool
is_ledger(int fd)
{
	char self[64], path[512];
	int was = errno;
	long n;

	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	n = (long)readlinkat(AT_FDCWD, self, path, sizeof path - 1);
	errno = was;
	if (n <= 0 || fd >= FDS)
		return false;
	path[n] = '\0';
	/* O_TMPFILE, before it gets its name */
	return strstr(path, LEDGER) != NULL || strstr(path, "/#") != NULL;
}

static void
synced(int fd)
{
	struct stat st;
	int was = errno;

	if (fd < FDS)
		undurable[fd] = false;
	if (__real_fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		entry_undurable = false;
	errno = was;
}

static void
answered(void)
{
	size_t i;

	for (i = 0; i < FDS; i++)
		if (undurable[i])
			report->early = 1;
	if (entry_undurable)
		report->early = 1;
}

REAL(ssize_t, write, (int fd, const void *p, size_t n))
{
	ssize_t did;

	if (FAIL_HERE(write)) {
		errno = EIO;
		return -1;
	}
	if (fd == STDOUT_FILENO && atomic_load(&armed))
		answered();
	did = __real_write(fd, p, n);
	if (did > 0 && atomic_load(&armed) && is_ledger(fd))
		undurable[fd] = true;
	return did;
}

REAL(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at))
{
	ssize_t did;

	if (FAIL_HERE(pwrite)) {
		errno = ENOSPC;
		return -1;
	}
	did = __real_pwrite(fd, p, n, at);
	if (did > 0 && atomic_load(&armed) && is_ledger(fd))
		undurable[fd] = true;
	return did;
}

#define CALL_SYNC(NAME, PARAMS, ARGS)                                          \
	REAL(int, NAME, PARAMS)                                                \
	{                                                                      \
		int got;                                                       \
                                                                               \
		if (FAIL_HERE(NAME)) {                                         \
			errno = EIO;                                           \
			return -1;                                             \
		}                                                              \
		got = __real_##NAME ARGS;                                      \
		if (got == 0)                                                  \
			synced(fd);                                            \
		return got;                                                    \
	}

CALL_SYNC(fsync, (int fd), (fd))
CALL_SYNC(fdatasync, (int fd), (fd))
/* A line that is cut off again was not acknowledged. */
CALL_SYNC(ftruncate, (int fd, off_t n), (fd, n))

REAL(int, linkat, (int d, const char *p, int e, const char *q, int f))
{
	int got;

	if (FAIL_HERE(linkat)) {
		errno = EIO;
		return -1;
	}
	got = __real_linkat(d, p, e, q, f);
	if (got == 0 && strstr(q, LEDGER) != NULL)
		entry_undurable = true;
	return got;
}

REAL(int, close, (int fd))
{
	bool bad = FAIL_HERE(close);
	int got = __real_close(fd);

	if (!bad)
		return got;
	errno = EIO;
	return -1;
}

/* --- the server of runs --------------------------------------------------- */

static bool
is_open(int fd)
{
	return __real_fcntl(fd, F_GETFD, NULL) >= 0;
}

/* Before the sanitizer looks for leaks. */
static void
leave(int status, void *unused)
{
	int fd;

	(void)unused;

	atomic_store(&armed, false);
	if (getpid() != run_pid)
		return;
	for (fd = 0; fd < FDS; fd++)
		if (is_open(fd) && !was_open[fd])
			report->fds++;
	if (fail_at == 0 || sticky) {
		(void)fflush(NULL);
		_exit(status);
	}
}

static void
redirect(const char *path, int flags, int to)
{
	int fd;

	if (strcmp(path, "-") == 0)
		return;
	fd = __real_open(path, flags, (void *)0600);
	if (fd < 0 || __real_dup2(fd, to) < 0)
		abort();
	(void)__real_close(fd);
}

static void
begin_run(const char *in, const char *out, const char *err, int seconds)
{
	int fd;

	(void)__real_close(ORDERS_FD);
	(void)__real_close(REPORTS_FD);
	redirect(in, O_RDONLY, STDIN_FILENO);
	redirect(out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
	redirect(err, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, STDERR_FILENO);
	for (fd = 0; fd < FDS; fd++)
		was_open[fd] = is_open(fd);
	run_pid = getpid();
	(void)alarm((unsigned)seconds);
	atomic_store(&armed, true);
}

static void
tell_places(const char *err)
{
	long n = atomic_load(&report->calls);
	size_t size = (size_t)(n < PLACES ? n : PLACES) * sizeof(uint32_t);
	char path[600];
	int fd;

	(void)snprintf(path, sizeof path, "%s.calls", err);
	fd = __real_open(path, O_WRONLY | O_CREAT | O_TRUNC, (void *)0600);
	if (fd < 0 || __real_write(fd, report->place, size) != (ssize_t)size)
		abort();
	(void)__real_close(fd);
}

static void
end_run(pid_t pid, const char *err)
{
	int status = 0;

	while (__real_waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (fail_at == 0)
		tell_places(err);
	(void)dprintf(REPORTS_FD, "%d %ld %d %d %s %lx %d %d\n", status,
	    atomic_load(&report->calls), atomic_load(&report->reached),
	    atomic_load(&report->later),
	    report->name != NULL ? report->name : "-",
	    (unsigned long)report->from, report->early, report->fds);
}

/* One order: true in the process that is to run. */
static bool
serve(char *line)
{
	char in[512], out[512], err[512];
	int seconds, stay, later;
	pid_t pid;

	if (sscanf(line, "%ld %d %d %d %511s %511s %511s", &fail_at, &stay,
		&later, &seconds, in, out, err) != 7)
		abort();
	sticky = stay != 0;
	memset(report, 0, offsetof(struct report, place));
	pid = __real_fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		now_s += later;
		begin_run(in, out, err, seconds);
		return true;
	}
	(void)dprintf(REPORTS_FD, "%d\n", (int)pid);
	end_run(pid, err);
	return false;
}

__attribute__((constructor)) static void
serve_runs(void)
{
	const char *now = getenv("H5_TORTURE_NOW");
	char line[2048];
	size_t n = 0;

	if (getenv("H5_TORTURE") == NULL)
		return;
	if (now != NULL)
		now_s = strtol(now, NULL, 10);
	(void)unsetenv("H5_TORTURE");
	(void)unsetenv("H5_TORTURE_NOW");
	report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED || on_exit(leave, NULL) != 0)
		abort();
	/* One byte a time: nothing is left in a buffer when a run forks. */
	for (;;) {
		if (n + 1 >= sizeof line ||
		    __real_read(ORDERS_FD, line + n, 1) != 1)
			_exit(0);
		if (line[n] != '\n') {
			n++;
			continue;
		}
		line[n] = '\0';
		n = 0;
		if (serve(line))
			return;
	}
}
