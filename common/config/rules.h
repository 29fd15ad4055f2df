/* rules.h - what keys have to be together.  Private to common/config. */
#ifndef H5_CONFIG_RULES_H
#define H5_CONFIG_RULES_H

#include "common/config/config.h"
#include "common/format/ini.h"

/* h5_config_rules(ini, c, merchant): report each fault that no key has alone.
 * merchant: the line of that section, 0: it is not there.  A key that has a
 * fault of its own is NULL in c. */
void h5_config_rules(
    struct h5_ini *ini, const struct h5_config *c, unsigned merchant);

#endif
