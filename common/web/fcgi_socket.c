/* The socket that a program is started with: is there one, and who may connect
 * to it? */
#include "common/web/fcgi.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/system/file.h"

#define LISTEN_FD 0

bool
h5_fcgi_is_cgi(void)
{
	int listening = 0;
	socklen_t n = sizeof listening;

	return getsockopt(
		   LISTEN_FD, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) != 0 ||
	       listening == 0;
}

const char *
h5_fcgi_exposed(void)
{
	struct sockaddr_un a;
	socklen_t n = sizeof a;

	memset(&a, 0, sizeof a);
	if (getsockname(LISTEN_FD, (struct sockaddr *)&a, &n) != 0)
		return NULL;
	if (a.sun_family != AF_UNIX)
		return "it listens on TCP, so any account on this machine can "
		       "send it requests: make it listen on a unix socket";
	/* Cut off at the end of the name; a name of no file begins with NUL. */
	if (n <= offsetof(struct sockaddr_un, sun_path))
		return NULL;
	if (a.sun_path[0] == '\0')
		return "its socket is abstract, so any account on this machine "
		       "can reach it: use a socket that is a file";
	/* A connection needs the right to write to the socket. */
	if (strnlen(a.sun_path, sizeof a.sun_path) < sizeof a.sun_path &&
	    h5_file_exposed(a.sun_path, 02))
		return "any account on this machine can write to its socket: "
		       "chmod 660 it, or put it in a folder of mode 700";
	return NULL;
}
