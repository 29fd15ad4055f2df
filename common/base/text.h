/* text.h - strict numbers, money, alphabets and UTF-8.
 * What is malformed is refused, never repaired. */
#ifndef H5_BASE_TEXT_H
#define H5_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"

#define H5_TEXT_NUMBER 24 /* any int64_t as text, and NUL */
#define H5_TEXT_FEN 24 /* a number of fen or yuan as text, and NUL */
#define H5_FEN_MAX 99999999999 /* 999,999,999.99 yuan: above any real order */

/* h5_text_u64(s, min, max, out, e): read the whole string as a decimal number
 * without sign, blank or superfluous zero, from min to max; else H5_E_INPUT. */
H5_MUST_CHECK enum h5_code h5_text_u64(
    const char *s, uint64_t min, uint64_t max, uint64_t *out, struct h5_err *e);

/* h5_text_fen(s, out, e): read fen as an integer from 1 to H5_FEN_MAX; else
 * H5_E_INPUT. */
H5_MUST_CHECK enum h5_code h5_text_fen(
    const char *s, int64_t *out, struct h5_err *e);

/* h5_text_yuan(s, out, e): read yuan with at most two decimals ("12", "12.3",
 * "12.30") as fen, without floating point, from 1 to H5_FEN_MAX; else
 * H5_E_INPUT. */
H5_MUST_CHECK enum h5_code h5_text_yuan(
    const char *s, int64_t *out, struct h5_err *e);

/* h5_text_decimal(s, places, out, e): read a number such as "-12.30" and
 * multiply it by ten to the power of places, without floating point.  Digits
 * beyond places must be 0.  The whole string counts; a sign may only stand in
 * front, and there are at most 15 digits.  Else H5_E_INPUT. */
H5_MUST_CHECK enum h5_code h5_text_decimal(
    const char *s, unsigned places, int64_t *out, struct h5_err *e);

/* h5_text_from_fen(fen, out): 12800 -> "128.00"; fen >= 0. */
void h5_text_from_fen(int64_t fen, char out[H5_TEXT_FEN]);

/* h5_text_utf8(p, n): is it well-formed UTF-8?  It has no overlong form, no
 * surrogate, no NUL, nothing above U+10FFFF, and no U+FEFF, U+FFFE, U+FFFF. */
bool h5_text_utf8(const char *p, size_t n);

/* h5_text_skip_bom(p, n): how many of the first bytes are the mark (U+FEFF)
 * that Windows editors put before UTF-8: 0 or 3. */
size_t h5_text_skip_bom(const char *p, size_t n);

/* h5_text_printable(s): is it UTF-8 without control bytes (below 0x20, 0x7f)
 * and without the C1 controls U+0080 to U+009F? */
bool h5_text_printable(const char *s);

/* h5_text_show(s, max, also, out): append at most max bytes of s as a person
 * may see them in a log or on a terminal.  Readable characters of UTF-8 stay.
 * Control bytes, bytes that are no UTF-8, and characters that hide or turn
 * around what stands beside them (zero-width, bidirectional, tags, variation
 * selectors) become \xhh, byte by byte, and so do the ASCII characters in also.
 * The result is how many bytes of s were taken; a character is never cut. */
size_t h5_text_show(
    const char *s, size_t max, const char *also, struct h5_buf *out);
/* h5_text_unshow(s, out): append s with each \xhh as the byte that it stands
 * for. */
void h5_text_unshow(const char *s, struct h5_buf *out);

/* h5_text_cut(s, n, max): the greatest length, at most max, at which UTF-8 text
 * of n bytes may be cut without splitting a character. */
size_t h5_text_cut(const char *s, size_t n, size_t max);

/* h5_text_item_name(s): is it [0-9A-Za-z_-]{1,32}? */
bool h5_text_item_name(const char *s);

/* h5_text_closest(word, list, n): the entry that is most like word, for "did
 * you mean"; NULL: none is near (distance above 3, or above half of its
 * length). */
const char *h5_text_closest(
    const char *word, const char *const *list, size_t n);

/* h5_text_number(n, out): write n in decimal. */
void h5_text_number(int64_t n, char out[H5_TEXT_NUMBER]);

/* h5_text_hex_digit(c): the value of a hexadecimal digit, or -1. */
int h5_text_hex_digit(char c);
/* h5_text_hex(p, n, out): lower-case hex, 2n digits and NUL. */
void h5_text_hex(const unsigned char *p, size_t n, char *out);

#endif
