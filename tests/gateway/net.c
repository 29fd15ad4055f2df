/* net.c - sockets, plain or TLS, with deadlines. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/gateway/gateway.h"

struct gw_tls {
	SSL_CTX *ctx;
};

int64_t
gw_monotonic_ms(void)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* "1.2.3.4:80" or "[::1]:80"; numeric only where passive. */
static struct addrinfo *
resolve(const char *address, bool passive)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	char host[256] = "";
	const char *colon = strrchr(address, ':');
	const char *from = address;
	size_t n;

	if (colon == NULL)
		return NULL;
	n = (size_t)(colon - address);
	if (n >= 2 && address[0] == '[' && address[n - 1] == ']') {
		from++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(host))
		return NULL;
	memcpy(host, from, n);
	if (passive)
		hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
	if (getaddrinfo(host, colon + 1, &hints, &list) != 0)
		return NULL;
	return list;
}

static unsigned
port_of(int fd)
{
	struct sockaddr_storage ss = {0};
	socklen_t n = sizeof(ss);
	char port[16] = "";
	int64_t number = 0;

	if (getsockname(fd, (struct sockaddr *)&ss, &n) != 0 ||
	    getnameinfo((struct sockaddr *)&ss, n, NULL, 0, port, sizeof(port),
		NI_NUMERICSERV) != 0 ||
	    !gw_number(port, 65535, &number))
		return 0;
	return (unsigned)number;
}

int
gw_listen(const char *address, unsigned *port)
{
	struct addrinfo *list = resolve(address, true);
	int one = 1;
	int fd = -1;

	if (list == NULL) {
		fprintf(stderr, "gateway: %s is not HOST:PORT\n", address);
		return -1;
	}
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, list->ai_addr, list->ai_addrlen) != 0 ||
	    listen(fd, 1024) != 0) {
		fprintf(stderr, "gateway: %s: %s\n", address, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	} else {
		*port = port_of(fd);
	}
	freeaddrinfo(list);
	return fd;
}

/* Any certificate will do: what it must be is the shop's to know. */
static int
take_any(int good, X509_STORE_CTX *ctx)
{
	(void)good;
	(void)ctx;
	return 1;
}

struct gw_tls *
gw_tls_server(const char *cert, const char *key, const char *client_ca)
{
	struct gw_tls *t = gw_alloc(sizeof(*t));

	t->ctx = SSL_CTX_new(TLS_server_method());
	if (t->ctx == NULL ||
	    SSL_CTX_use_certificate_chain_file(t->ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(t->ctx, key, SSL_FILETYPE_PEM) != 1) {
		ERR_print_errors_fp(stderr);
		gw_tls_free(t);
		return NULL;
	}
	/* A client may show a certificate; refunds look whether it did. */
	SSL_CTX_set_verify(
	    t->ctx, SSL_VERIFY_PEER, client_ca == NULL ? take_any : NULL);
	SSL_CTX_set_session_id_context(
	    t->ctx, (const unsigned char *)"gateway", 7);
	if (client_ca != NULL &&
	    SSL_CTX_load_verify_locations(t->ctx, client_ca, NULL) != 1) {
		ERR_print_errors_fp(stderr);
		gw_tls_free(t);
		return NULL;
	}
	return t;
}

/* Certificates of a test's shop are its own: none is checked. */
struct gw_tls *
gw_tls_client(void)
{
	struct gw_tls *t = gw_alloc(sizeof(*t));

	t->ctx = SSL_CTX_new(TLS_client_method());
	if (t->ctx == NULL) {
		gw_tls_free(t);
		return NULL;
	}
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_NONE, NULL);
	return t;
}

void
gw_tls_free(struct gw_tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

static bool
ready(const struct gw_conn *c, short events)
{
	struct pollfd p = {.fd = c->fd, .events = events};

	for (;;) {
		int64_t left = c->deadline_ms - gw_monotonic_ms();
		int n;

		if (left <= 0)
			return false;
		n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

/* After an SSL call returned n: true if it is to be called again. */
static bool
ssl_again(struct gw_conn *c, int n)
{
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return ready(c, POLLIN);
	case SSL_ERROR_WANT_WRITE:
		return ready(c, POLLOUT);
	default:
		return false;
	}
}

static void
note_certificate(struct gw_conn *c, SSL *ssl)
{
	X509 *x = SSL_get1_peer_certificate(ssl);

	if (x == NULL)
		return;
	if (X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName,
		c->cert, (int)sizeof(c->cert)) < 1)
		gw_copy(c->cert, sizeof(c->cert), "?");
	X509_free(x);
}

bool
gw_conn_secure(struct gw_conn *c, struct gw_tls *t, bool server)
{
	SSL *ssl = SSL_new(t->ctx);
	int n;

	if (ssl == NULL)
		return false;
	c->ssl = ssl;
	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
			      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (SSL_set_fd(ssl, c->fd) != 1)
		return false;
	do {
		ERR_clear_error();
		n = server ? SSL_accept(ssl) : SSL_connect(ssl);
	} while (n != 1 && ssl_again(c, n));
	if (n == 1 && server)
		note_certificate(c, ssl);
	return n == 1;
}

static bool
connected(struct gw_conn *c, const struct addrinfo *a)
{
	int error = 0;
	socklen_t n = sizeof(error);
	int one = 1;

	c->fd =
	    socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return false;
	if (connect(c->fd, a->ai_addr, a->ai_addrlen) != 0 &&
	    errno != EINPROGRESS)
		return false;
	if (!ready(c, POLLOUT) ||
	    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 ||
	    error != 0)
		return false;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return true;
}

bool
gw_conn_dial(struct gw_conn *c, const struct gw_url *url, struct gw_tls *client,
    const char **why)
{
	struct gw_buf address = {0};
	struct addrinfo *list;
	unsigned port = url->port;

	c->fd = -1;
	if (port == 0)
		port = url->tls ? 443 : 80;
	gw_buf_putf(&address, "%s:%u", url->host, port);
	list = resolve(address.data, false);
	gw_buf_free(&address);
	*why = "name not found";
	for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
		*why = "connection refused or timed out";
		if (connected(c, a)) {
			*why = NULL;
			break;
		}
		if (c->fd >= 0)
			close(c->fd);
		c->fd = -1;
	}
	if (list != NULL)
		freeaddrinfo(list);
	if (*why == NULL && url->tls && !gw_conn_secure(c, client, false))
		*why = "TLS handshake failed";
	return *why == NULL;
}

int
gw_conn_fill(struct gw_conn *c)
{
	char bytes[8192];

	for (;;) {
		if (c->ssl != NULL) {
			int n;

			ERR_clear_error();
			n = SSL_read(c->ssl, bytes, (int)sizeof(bytes));
			if (n > 0) {
				gw_buf_add(&c->in, bytes, (size_t)n);
				return 1;
			}
			if (SSL_get_error(c->ssl, n) == SSL_ERROR_ZERO_RETURN)
				return 0;
			if (!ssl_again(c, n))
				return -1;
		} else {
			ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

			if (n > 0)
				gw_buf_add(&c->in, bytes, (size_t)n);
			if (n >= 0)
				return n > 0 ? 1 : 0;
			if (errno != EAGAIN && errno != EINTR)
				return -1;
			if (!ready(c, POLLIN))
				return -1;
		}
	}
}

bool
gw_conn_write(struct gw_conn *c, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done;

		if (c->ssl != NULL) {
			int want = n > 16384 ? 16384 : (int)n;

			ERR_clear_error();
			done = SSL_write(c->ssl, bytes, want);
			if (done <= 0) {
				if (!ssl_again(c, (int)done))
					return false;
				continue;
			}
		} else {
			done = send(c->fd, bytes, n, MSG_NOSIGNAL);
			if (done < 0) {
				if (errno != EAGAIN && errno != EINTR)
					return false;
				if (!ready(c, POLLOUT))
					return false;
				continue;
			}
		}
		bytes += done;
		n -= (size_t)done;
	}
	return true;
}

void
gw_conn_close(struct gw_conn *c, bool reset)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (c->ssl != NULL) {
		if (!reset)
			SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
		c->ssl = NULL;
	}
	if (c->fd >= 0) {
		if (reset)
			setsockopt(
			    c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(c->fd);
	}
	c->fd = -1;
	gw_buf_free(&c->in);
}
