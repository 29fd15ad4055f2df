/* The doctor's message that WeChat sends back: one line in a file, and the word
 * behind it once it came. */
#include "common/doctor/echo.h"

#include <fcntl.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/system/file.h"
#include "common/system/state.h"

#define CAME " came"
#define LINE_MAX (H5_ECHO_MAX + 16)

static enum h5_code
put_path(const struct h5_config *c, struct h5_buf *path, struct h5_err *e)
{
	h5_buf_init(path, 4096);
	h5_buf_printf(path, "%s/" H5_STATE_DOCTOR_ECHO, h5_config_state_dir(c));
	return h5_buf_finish(path, e);
}

static enum h5_code
keep(const struct h5_config *c, const char *message, const char *word,
    struct h5_err *e)
{
	struct h5_buf path, line;
	enum h5_code rc;

	h5_buf_init(&line, LINE_MAX);
	h5_buf_printf(&line, "%s%s\n", message, word);
	rc = put_path(c, &path, e);
	if (rc == H5_OK)
		rc = h5_buf_finish(&line, e);
	if (rc == H5_OK)
		rc = h5_file_replace(
		    AT_FDCWD, path.data, line.data, line.len, 0600, e);
	h5_buf_release(&line);
	h5_buf_release(&path);
	return rc;
}

/* Does the file hold message and word, and nothing else? */
static bool
holds(const struct h5_config *c, const char *message, const char *word)
{
	struct h5_buf path, line;
	size_t n = strlen(message);
	bool so;

	h5_buf_init(&line, LINE_MAX);
	so = put_path(c, &path, NULL) == H5_OK &&
	     h5_file_read(AT_FDCWD, path.data, &line, NULL) == H5_OK &&
	     line.len == n + strlen(word) + 1 && n > 0 &&
	     memcmp(line.data, message, n) == 0 &&
	     memcmp(line.data + n, word, strlen(word)) == 0 &&
	     line.data[line.len - 1] == '\n';
	h5_buf_release(&line);
	h5_buf_release(&path);
	return so;
}

enum h5_code
h5_echo_ask(const struct h5_config *c, const char *message, struct h5_err *e)
{
	return keep(c, message, "", e);
}

enum h5_code
h5_echo_heard(const struct h5_config *c, const char *message, struct h5_err *e)
{
	return holds(c, message, "") ? keep(c, message, CAME, e) : H5_OK;
}

bool
h5_echo_came(const struct h5_config *c, const char *message)
{
	return holds(c, message, CAME);
}
