/* What WeChat's answers tell about this machine's clock. */
#include "common/base/clock.h"

#include <stdlib.h>

#include "common/wechat/api.h"

#define TELLS_MS 60000 /* an answer tells for so long */
#define APART_MS 2000 /* our two clocks may come apart by rounding */

void
h5_wechat_told_time(struct h5_wechat *w, const char *date)
{
	int64_t there;

	if (h5_clock_from_http(date, &there, NULL) != H5_OK)
		return;
	w->told = true;
	w->told_ms = h5_clock_mono_ms();
	w->told_at = h5_clock_now();
	w->ahead_s = w->told_at - there;
}

bool
h5_wechat_date(const struct h5_wechat *w, int64_t *at)
{
	*at = w->told_at - w->ahead_s;
	return w->told;
}

bool
h5_wechat_clock(const struct h5_wechat *w, int64_t *ahead_s)
{
	int64_t passed_ms = h5_clock_mono_ms() - w->told_ms;
	int64_t told_ms = (h5_clock_now() - w->told_at) * 1000;

	*ahead_s = w->ahead_s;
	return w->told && passed_ms < TELLS_MS &&
	       llabs(told_ms - passed_ms) <= APART_MS;
}
