/* keys.h - the table of keys: what a configuration may say.
 * docs/CONFIG.md names the same keys, as the lint makes sure. */
#ifndef H5_CONFIG_KEYS_H
#define H5_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config/config.h"

#define H5_KEYS_SECTIONS_MAX 24

struct h5_config_type;
struct h5_config_key {
	const char *section, *name;
	const char *fallback; /* the default as it would be written, or NULL */
	bool required; /* this one, or its _file twin */
	/* The rest is the parser's own (value.h). */
	const struct h5_config_type *type;
	size_t at; /* where it goes in struct h5_config */
	uint64_t min, max; /* of a number, or of a text's length in bytes */
};

extern const struct h5_config_key h5_keys[];
extern const size_t h5_keys_n;
extern const char *const h5_keys_sections[];
extern const size_t h5_keys_n_sections;

/* h5_keys_section(name): its index; h5_keys_n_sections: there is none. */
size_t h5_keys_section(const char *name);
/* h5_keys_find(section, name): the key's index; h5_keys_n: there is none. */
size_t h5_keys_find(const char *section, const char *name);

#endif
