/* Draws QR codes; which modules are black is qrcodegen's work. */
#include "common/format/qr.h"

#include <qrcodegen/qrcodegen.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define QUIET 4 /* modules around a printed code (ISO/IEC 18004, 6.3.8) */
#define QUIET_TERMINAL 2 /* readers of screens need less */
#define SCALE 4 /* pixels a module, where nothing else sets the size */
#define VERSION_PAGE 20 /* larger ones are too dense for a phone */
#define BLACK_ON_WHITE "\033[38;5;16;48;5;231m"

static enum h5_code
encode(const char *text, uint8_t **code, struct h5_err *e)
{
	uint8_t *work = malloc(qrcodegen_BUFFER_LEN_MAX);
	bool done;

	*code = malloc(qrcodegen_BUFFER_LEN_MAX);
	if (work == NULL || *code == NULL) {
		free(work);
		free(*code);
		*code = NULL;
		return h5_err_nomem(e);
	}
	/* Screens and prints are read well; a smaller code is read from
	 * further away.  Where a higher level costs no size it is taken. */
	done = qrcodegen_encodeText(text, work, *code, qrcodegen_Ecc_LOW,
	    qrcodegen_VERSION_MIN, qrcodegen_VERSION_MAX, qrcodegen_Mask_AUTO,
	    true);
	free(work);
	if (done)
		return H5_OK;
	free(*code);
	*code = NULL;
	return h5_err_set(e, H5_E_INPUT, "the text is too long for a QR code");
}

/* One piece of path for each run of black modules in a row. */
static void
put_row(const uint8_t *code, int size, int y, struct h5_buf *out)
{
	int x, from;

	for (x = 0; x < size; x++) {
		if (!qrcodegen_getModule(code, x, y))
			continue;
		for (from = x; x < size && qrcodegen_getModule(code, x, y); x++)
			;
		h5_buf_printf(out, "M%d %dh%dv1h-%dz", from + QUIET, y + QUIET,
		    x - from, x - from);
	}
}

enum h5_code
h5_qr_svg(const char *text, struct h5_buf *out, struct h5_err *e)
{
	uint8_t *code;
	enum h5_code rc;
	int size, all, y;

	rc = encode(text, &code, e);
	if (rc != H5_OK)
		return rc;
	size = qrcodegen_getSize(code);
	all = size + 2 * QUIET;
	h5_buf_printf(out,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
	    "height=\"%d\" viewBox=\"0 0 %d %d\" "
	    "shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 "
	    "0h%dv%dh-%dz\"/><path d=\"",
	    all * SCALE, all * SCALE, all, all, all, all, all);
	for (y = 0; y < size; y++)
		put_row(code, size, y, out);
	h5_buf_puts(out, "\"/></svg>");
	free(code);
	return h5_buf_finish(out, e);
}

enum h5_code
h5_qr_terminal(const char *text, bool colour, size_t *width, struct h5_buf *out,
    struct h5_err *e)
{
	/* By the upper and the lower half: full, upper, lower, none. */
	static const char *const blocks[2][2] = {
	    {" ", "\xe2\x96\x84"}, {"\xe2\x96\x80", "\xe2\x96\x88"}};
	uint8_t *code;
	enum h5_code rc;
	int size, x, y;
	bool up, low;

	rc = encode(text, &code, e);
	if (rc != H5_OK)
		return rc;
	size = qrcodegen_getSize(code);
	*width = (size_t)(size + 2 * QUIET_TERMINAL);
	for (y = -QUIET_TERMINAL; y < size + QUIET_TERMINAL; y += 2) {
		h5_buf_puts(out, colour ? BLACK_ON_WHITE : "");
		for (x = -QUIET_TERMINAL; x < size + QUIET_TERMINAL; x++) {
			/* What lies outside is white. */
			up = qrcodegen_getModule(code, x, y);
			low = qrcodegen_getModule(code, x, y + 1);
			/* Without colours, what is written is the light. */
			h5_buf_puts(out, blocks[up == colour ? 1 : 0]
					       [low == colour ? 1 : 0]);
		}
		h5_buf_puts(out, colour ? "\033[0m\n" : "\n");
	}
	free(code);
	return h5_buf_finish(out, e);
}

enum h5_code
h5_qr_path(const char *text, unsigned most, struct h5_buf *path, unsigned *side,
    struct h5_err *e)
{
	uint8_t data[qrcodegen_BUFFER_LEN_FOR_VERSION(VERSION_PAGE)];
	uint8_t code[sizeof data];
	size_t n = strlen(text);
	int size, y;

	*side = 0;
	/* As bytes: what WeChat's code says is not ours to spell otherwise. */
	if (n <= sizeof data)
		memcpy(data, text, n);
	if (n > sizeof data || !qrcodegen_encodeBinary(data, n, code,
				   qrcodegen_Ecc_MEDIUM, qrcodegen_VERSION_MIN,
				   VERSION_PAGE, qrcodegen_Mask_AUTO, false))
		return h5_err_set(
		    e, H5_E_INPUT, "the text is too long for a page's code");
	size = qrcodegen_getSize(code);
	*side = (unsigned)size + 2 * QUIET;
	if (*side > most)
		return h5_err_set(
		    e, H5_E_INPUT, "a QR code of %u modules", *side);
	for (y = 0; y < size; y++)
		put_row(code, size, y, path);
	return h5_buf_finish(path, e);
}
