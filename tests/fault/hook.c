/* hook - the shop of the storms: appends the event it is given to the file
 * "events" beside itself, in one write. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int
main(void)
{
	static char text[1 << 20];
	char path[4096], *slash;
	size_t n = 0;
	ssize_t got;
	int fd;

	while ((got = read(0, text + n, sizeof text - 1 - n)) > 0)
		n += (size_t)got;
	if (got < 0 || n == sizeof text - 1)
		return 1;
	if (n > 0 && text[n - 1] != '\n')
		text[n++] = '\n';
	got = readlink("/proc/self/exe", path, sizeof path - sizeof "events");
	if (got <= 0)
		return 1;
	path[got] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL)
		return 1;
	memcpy(slash + 1, "events", sizeof "events");
	fd = open(path, O_WRONLY | O_APPEND);
	return fd >= 0 && write(fd, text, n) == (ssize_t)n ? 0 : 1;
}
