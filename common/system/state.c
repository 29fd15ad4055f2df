/* Knows what lies in the state folder. */
#include "common/system/state.h"

#include <stddef.h>
#include <string.h>

#include "common/base/length.h"

bool
h5_state_name(const char *name)
{
	static const char *const all[] = {H5_STATE_BILLS,
	    H5_STATE_DOCTOR_ENABLE, H5_STATE_DOCTOR_LAST, H5_STATE_DOCTOR_ECHO,
	    H5_STATE_LIMITS, H5_STATE_CLOCK, H5_STATE_CERTIFICATES,
	    H5_STATE_CERTIFICATE_SITE, H5_STATE_SHUT_H5, H5_STATE_SHUT_NATIVE,
	    H5_STATE_SHUT_JSAPI, H5_STATE_CODES};
	size_t i;

	for (i = 0; i < H5_LENGTH(all); i++)
		if (strcmp(name, all[i]) == 0)
			return true;
	return false;
}
