/* One ledger line.  The input is a line without its checksum, which the target
 * adds (a fuzzer cannot guess it); or, after a first byte 0xff, a line as it
 * stands.  What is read is JSON with the same fields to another reader, and is
 * written again byte by byte the same. */
#include <jansson.h>

#include "common/store/ledger.h"
#include "common/base/sum.h"
#include "tests/fuzz/fuzz.h"

static void
second_reader(const char *line, size_t n, const struct h5_event *ev)
{
	json_t *j = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL), *value;
	char number[32];
	size_t i;

	MUST(j != NULL && json_is_object(j));
	MUST(json_string_value(json_object_get(j, "event")) != NULL);
	MUST(strcmp(json_string_value(json_object_get(j, "event")),
		 h5_event_name(ev->kind)) == 0);
	for (i = 0; i < ev->fields.n; i++) {
		value = json_object_get(j, ev->fields.v[i].name);
		if (json_is_integer(value)) {
			(void)snprintf(number, sizeof number, "%lld",
			    (long long)json_integer_value(value));
			MUST(strcmp(number, ev->fields.v[i].value) == 0);
		} else {
			MUST(json_is_string(value));
			MUST(strcmp(json_string_value(value),
				 ev->fields.v[i].value) == 0);
		}
	}
	/* n, at, event and sum stand in every line, more in some. */
	MUST(json_object_size(j) ==
	     ev->fields.n + 4 + (json_object_get(j, "more") != NULL));
	json_decref(j);
}

static void
check_line(const char *line, size_t n)
{
	struct h5_ledger_at at = {0, "", 0}, before = at, again = at;
	struct h5_event ev;
	struct h5_buf out;
	enum h5_code rc;

	rc = h5_ledger_read(&at, line, n, &ev, &(bool){false}, NULL);
	MUST(rc == H5_OK || rc == H5_E_INPUT);
	if (rc != H5_OK) {
		MUST(fuzz_there(&at, &before));
		MUST(ev.fields.n == 0);
		h5_event_release(&ev);
		return;
	}
	MUST(at.n == 1 && at.more < H5_LEDGER_UNIT);
	again.more = at.more;
	h5_buf_init(&out, 2 * H5_LEDGER_LINE);
	MUST(h5_ledger_write(&again, &ev, &out, NULL) == H5_OK);
	MUST(out.len == n + 1 && memcmp(out.data, line, n) == 0);
	MUST(out.data[n] == '\n' && fuzz_there(&at, &again));
	second_reader(line, n, &ev);
	h5_buf_release(&out);
	h5_event_release(&ev);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n;
	char *line;

	if (size > 0 && data[0] == 0xff) {
		check_line((const char *)data + 1, size - 1);
		return 0;
	}
	line = malloc(size + 32);
	MUST(line != NULL);
	if (size > 0)
		memcpy(line, data, size);
	n = size + (size_t)snprintf(line + size, 32, ",\"sum\":\"%016llx\"}",
		       (unsigned long long)h5_sum_64(data, size, 0));
	check_line(line, n);
	free(line);
	return 0;
}
