/* The headers of an answer of APIv3: what it is signed by, and the number that
 * WeChat's support asks for. */
#include "common/wechat/v3/headers.h"

#include <string.h>
#include <strings.h>

#include "common/base/text.h"
#include "common/wechat/v3/check.h"

static const char family[] = "Wechatpay-";

/* The next line, ended by NUL; NULL: there is none. */
static char *
next_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	if (line[0] == '\0')
		return NULL;
	if (end != NULL)
		*end = '\0';
	*at = end != NULL ? end + 1 : line + strlen(line);
	return line;
}

/* The value behind the colon, without the blanks around it. */
static char *
value_of(char *colon)
{
	char *end, *value = colon + 1;

	*colon = '\0';
	value += strspn(value, " \t");
	for (end = value + strlen(value);
	     end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
		end[-1] = '\0';
	return value;
}

static void
take(struct h5_wechat_headers *h, const char *name, char *value)
{
	enum h5_wechat_header i;

	if (strncasecmp(name, family, sizeof family - 1) == 0)
		h->any = true;
	for (i = 0; i < H5_WECHAT_HEADERS; i++) {
		if (strcasecmp(name, h5_v3_check_name(i)) != 0)
			continue;
		if (h->v[i] != NULL)
			h->doubled = true;
		h->v[i] = value;
	}
}

void
h5_v3_headers(struct h5_buf *head, struct h5_wechat_headers *h,
    char request_id[H5_V3_REQUEST_ID])
{
	char *at = head->data, *line, *colon, *value;

	memset(h, 0, sizeof *h);
	request_id[0] = '\0';
	while (head->len > 0 && (line = next_line(&at)) != NULL) {
		/* What came before belongs to an interim answer (100). */
		if (strncmp(line, "HTTP/", 5) == 0) {
			memset(h, 0, sizeof *h);
			request_id[0] = '\0';
			continue;
		}
		colon = strchr(line, ':');
		if (colon == NULL)
			continue;
		value = value_of(colon);
		take(h, line, value);
		if (strcasecmp(line, "Request-ID") == 0 &&
		    strlen(value) < H5_V3_REQUEST_ID &&
		    h5_text_printable(value))
			memcpy(request_id, value, strlen(value) + 1);
	}
}
