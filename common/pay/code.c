/* Remembers which order each of the last addresses to pay at was for. */
#include "common/pay/code.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/sum.h"
#include "common/config/config.h"
#include "common/system/file.h"
#include "common/system/state.h"

/* The address's sum chooses its place, so one look finds it. */
#define PLACES 256
#define LINE 34 /* two sums in hex, a blank, a line end */
#define PATH_BYTES 4096

static enum h5_code
open_file(const struct h5_shop *shop, int *fd)
{
	struct h5_buf path;
	enum h5_code rc;
	size_t size;

	*fd = -1;
	h5_buf_init(&path, PATH_BYTES);
	h5_buf_printf(
	    &path, "%s/" H5_STATE_CODES, h5_config_state_dir(shop->c));
	rc = h5_buf_finish(&path, NULL);
	if (rc == H5_OK)
		rc = h5_file_open(
		    AT_FDCWD, path.data, O_RDWR | O_CREAT, fd, &size, NULL);
	h5_buf_release(&path);
	return rc;
}

void
h5_code_note(const struct h5_shop *shop, const char *id, const char *url)
{
	uint64_t code, order;
	char line[LINE + 1], was[LINE + 1] = "";
	size_t at;
	int fd;

	if (url == NULL || open_file(shop, &fd) != H5_OK)
		return;
	code = h5_sum_64(url, strlen(url), 0);
	order = h5_sum_64(id, strlen(id), 0);
	(void)snprintf(
	    line, sizeof line, "%016" PRIx64 " %016" PRIx64 "\n", code, order);
	at = (size_t)(code % PLACES) * LINE;
	/* Half a line, or one that another program writes just now, is not the
	 * same address; at worst one warning is lost. */
	if (h5_file_read_at(fd, at, was, LINE, NULL) == H5_OK &&
	    memcmp(was, line, 17) == 0 && strcmp(was, line) != 0 &&
	    was[LINE - 1] == '\n')
		h5_log_event(shop->log, H5_LOG_ALERT, "same-code", "order", id,
		    "gateway", shop->c->gateway.url, "note",
		    "the same code for two orders: is this a test gateway?",
		    NULL);
	if (strcmp(was, line) != 0)
		(void)!h5_file_write_at(fd, at, line, LINE, NULL);
	h5_file_drop(&fd);
}
