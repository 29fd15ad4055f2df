/* Runs the program that hooks.exec names, and says what its end means. */
#include "common/hooks/exec.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/system/process.h"

static enum h5_code
judge(const struct h5_process_end *end, int timeout_ms, struct h5_err *e)
{
	/* Late first: a program that was killed has a signal as well, which
	 * would hide the reason. */
	if (end->late)
		return h5_err_set(e, H5_E_NET,
		    "still running after %d s: killed", timeout_ms / 1000);
	if (end->status == 0)
		return H5_OK;
	/* The shell's convention: 127 means that nothing ran, so the shop's
	 * program is not to blame. */
	if (end->status == H5_PROCESS_NOT_RUN)
		return h5_err_set(e, H5_E_NET,
		    "exit 127: it or its interpreter cannot be run");
	/* Every failure is H5_E_NET: the event waits for its retry, whatever
	 * the program meant by its number. */
	if (end->status > 0)
		return h5_err_set(e, H5_E_NET, "exit %d", end->status);
	return h5_err_set(e, H5_E_NET, "ended by signal %d", end->signal);
}

enum h5_code
h5_exec_run(const char *path, char *const *env, const char *in, size_t n,
    int timeout_ms, char said[H5_EXEC_SAID + 1], struct h5_err *e)
{
	char name[] = "h5pay-hook";
	/* A fixed name and no arguments: nothing that a buyer can write reaches
	 * the command line. */
	char *argv[] = {name, NULL};
	const struct h5_process p = {
	    .path = path, .argv = argv, .env = env, .in = in, .n = n};
	struct h5_process_end end;
	struct h5_buf words;
	enum h5_code rc;

	memset(said, 0, H5_EXEC_SAID + 1);
	h5_buf_init(&words, H5_EXEC_SAID);
	rc = h5_process_run(&p, timeout_ms, &words, &end, e);
	if (rc == H5_OK) {
		memcpy(said, words.data, words.len);
		rc = judge(&end, timeout_ms, e);
	}
	h5_buf_release(&words);
	return rc;
}
