/* previous.h - the keys before the present ones (docs/KEYS.md). */
#ifndef H5_CONFIG_PREVIOUS_H
#define H5_CONFIG_PREVIOUS_H

#include "common/config/config.h"

#define H5_CONFIG_PREVIOUS_MAX 7

struct h5_config_previous {
	const char *name; /* as the configuration spells it */
	bool set;
	unsigned line; /* of a merchant key */
	bool old; /* a merchant key, in a file that was written more than 30
		     days ago: nothing in flight can need it */
};

/* h5_config_previous(c, now, out): those that are set, into out; how many.
 * now: Unix seconds. */
size_t h5_config_previous(const struct h5_config *c, int64_t now,
    struct h5_config_previous out[H5_CONFIG_PREVIOUS_MAX]);

#endif
