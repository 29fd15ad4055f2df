/* qr.h - a text as a QR code (ISO/IEC 18004), for a page or a terminal.  qr.c
 * is the only file that uses qrcodegen. */
#ifndef H5_FORMAT_QR_H
#define H5_FORMAT_QR_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* h5_qr_svg(text, out, e): append one self-contained <svg>: black on white,
 * with the four modules of quiet around it that readers need. H5_E_INPUT: the
 * text is too long for a code, or out for the picture. H5_E_NOMEM: no memory.
 */
H5_MUST_CHECK enum h5_code h5_qr_svg(
    const char *text, struct h5_buf *out, struct h5_err *e);

/* h5_qr_terminal(text, colour, width, out, e): append lines of half blocks, two
 * modules a character, with two modules of quiet.  colour: says black and
 * white itself; else the terminal is taken to be dark.  width: columns that a
 * line takes.  Errors as h5_qr_svg. */
H5_MUST_CHECK enum h5_code h5_qr_terminal(const char *text, bool colour,
    size_t *width, struct h5_buf *out, struct h5_err *e);

/* h5_qr_path(text, most, path, side, e): append to path the dark modules of the
 * code that says text byte by byte at level M, as a path of SVG; *side: how
 * many modules it has on a side, with the quiet zone. H5_E_INPUT: it would have
 * more than most modules on a side. H5_E_NOMEM: no memory. */
H5_MUST_CHECK enum h5_code h5_qr_path(const char *text, unsigned most,
    struct h5_buf *path, unsigned *side, struct h5_err *e);

#endif
