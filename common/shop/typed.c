/* What buyers type as an amount, on keyboards that are set to Chinese. */
#include "common/shop/typed.h"

#include <string.h>
#include <strings.h>

#include "common/base/length.h"

#define DIGITS "0123456789"

/* What stands for an ASCII character. */
static const struct {
	const char *from;
	char to;
} likes[] = {
    {"\xe3\x80\x82", '.'}, /* U+3002, the key of the full stop */
    {"\xef\xbd\xa1", '.'}, /* U+FF61 */
    {"\xef\xbc\x8e", '.'}, /* U+FF0E */
    {"\xef\xbc\x8c", ','}, /* U+FF0C */
    {"\xe3\x80\x80", ' '}, /* U+3000 */
    {"\xc2\xa0", ' '}, /* U+00A0 */
    {"\xe2\x80\x89", ' '}, /* U+2009 */
    {"\xe2\x80\xaf", ' '}, /* U+202F */
    {"\xe2\x80\x8b", ' '}, /* U+200B, of no width */
    {"\xef\xbb\xbf", ' '}, /* U+FEFF */
    {"\t", ' '},
};

/* Names of the yuan, before or behind the number. */
static const char *const names[] = {"\xc2\xa5", /* U+00A5 */
    "\xef\xbf\xa5", /* U+FFE5 */
    "CN\xc2\xa5", "CN\xef\xbf\xa5", "CNY", "RMB",
    "\xe4\xba\xba\xe6\xb0\x91\xe5\xb8\x81", /* renminbi */
    "\xe5\x85\x83\xe6\x95\xb4", /* yuan exactly */
    "\xe5\x9d\x97\xe9\x92\xb1", /* yuan, as people say it */
    "\xe5\x85\x83", "\xe5\x9c\x86", "\xe5\x9d\x97", "yuan"};

/* Write s in ASCII, where a character has a counterpart there.  False: it is
 * too long. */
static bool
to_plain(const char *s, char out[H5_TYPED_TEXT])
{
	size_t n = 0, i, len;

	while (*s != '\0') {
		if (n == H5_TYPED_TEXT - 1)
			return false;
		/* The full-width digits U+FF10 to U+FF19. */
		if (strncmp(s, "\xef\xbc", 2) == 0 &&
		    (unsigned char)s[2] >= 0x90 &&
		    (unsigned char)s[2] <= 0x99) {
			out[n++] = (char)('0' + ((unsigned char)s[2] - 0x90));
			s += 3;
			continue;
		}
		for (i = 0; i < H5_LENGTH(likes); i++) {
			len = strlen(likes[i].from);
			if (strncmp(s, likes[i].from, len) == 0)
				break;
		}
		if (i < H5_LENGTH(likes)) {
			out[n++] = likes[i].to;
			s += len;
		} else {
			out[n++] = *s++;
		}
	}
	out[n] = '\0';
	return true;
}

/* Takes blanks, and once each a name before and behind, off *s of *n bytes. */
static void
strip(const char **s, size_t *n)
{
	bool before = false, behind = false, more;
	size_t i, len;

	do {
		more = false;
		for (; *n > 0 && **s == ' '; (*s)++)
			(*n)--;
		while (*n > 0 && (*s)[*n - 1] == ' ')
			/* Blanks go first in every round: they may stand on
			 * both sides of a name. */
			(*n)--;
		/* The longer names come first in the list, so that "yuan
		 * exactly" is not read as "yuan" with a rest. */
		for (i = 0; i < H5_LENGTH(names) && !more; i++) {
			len = strlen(names[i]);
			if (len > *n)
				continue;
			if (!before && strncasecmp(*s, names[i], len) == 0) {
				before = more = true;
				*s += len;
				*n -= len;
			} else if (!behind && strncasecmp(*s + *n - len,
						  names[i], len) == 0) {
				behind = more = true;
				*n -= len;
			}
		}
	} while (more);
}

static size_t
count(const char *s, size_t n, char c)
{
	size_t times = 0, i;

	for (i = 0; i < n; i++)
		times += s[i] == c;
	return times;
}

/* True if the n bytes at s are groups of three digits, the first of one to
 * three, with mark between them. */
static bool
grouped(const char *s, size_t n, char mark)
{
	size_t first = strspn(s, DIGITS), i;

	/* At least one group of three has to follow, or there is nothing to
	 * part. */
	if (first < 1 || first > 3 || first >= n)
		return false;
	for (i = first; i < n; i += 4)
		if (s[i] != mark || n - i < 4 || strspn(s + i + 1, DIGITS) < 3)
			return false;
	return true;
}

/* Finds the place of the decimal point in the n bytes at s, or n if there is
 * none.  mark: what stands between groups, or 0.  False: it is not certain. */
static bool
find_point(const char *s, size_t n, size_t *point, char *mark)
{
	size_t dots = count(s, n, '.'), commas = count(s, n, ',');
	size_t last = n;

	while (last > 0 && s[last - 1] != '.' && s[last - 1] != ',')
		last--;
	*mark = 0;
	*point = n;
	if (last-- == 0)
		return true;
	if (dots > 0 && commas > 0) {
		/* The last mark is the decimal point, and the other kind parts
		 * groups. */
		*point = last;
		*mark = s[last] == '.' ? ',' : '.';
		return (s[last] == '.' ? dots : commas) == 1 &&
		       grouped(s, last, *mark);
	}
	if (dots + commas > 1) {
		*mark = s[last];
		return grouped(s, n, *mark);
	}
	/* One mark alone: with one or two digits behind it, it is the point of
	 * decimals; with three, it might part thousands, and nobody can
	 * tell. */
	*point = last;
	return n - last - 1 <= 2;
}

bool
h5_typed_fold(const char *s, char out[H5_TYPED_TEXT])
{
	char plain[H5_TYPED_TEXT], mark;
	const char *p = plain;
	size_t n, point, to = 0, i;

	if (!to_plain(s, plain))
		return false;
	n = strlen(plain);
	strip(&p, &n);
	if (n == 0 || strspn(p, DIGITS ".,") < n || strcspn(p, DIGITS) >= n ||
	    !find_point(p, n, &point, &mark))
		return false;
	/* ".5" is how some write it. */
	if (point == 0)
		out[to++] = '0';
	for (i = 0; i < n; i++)
		if (i == point && i + 1 < n)
			out[to++] = '.';
		else if (i != point && p[i] != mark)
			out[to++] = p[i];
	out[to] = '\0';
	return true;
}
