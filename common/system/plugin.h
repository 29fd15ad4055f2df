/* plugin.h - code that only some shops need, in a file of its own.
 * Nothing in the environment and nothing that a client sends decides what is
 * loaded: NAME.so is looked for where it was installed, then in engine/ beside
 * this program's own file and beside its folder, so that a tree can be moved.
 * The file and each folder above it must be such that nobody can change them
 * but root and the owner of this program. */
#ifndef H5_SYSTEM_PLUGIN_H
#define H5_SYSTEM_PLUGIN_H

#include "common/base/err.h"

/* h5_plugin_open(name, symbol, out, e): the object `symbol` of the plug-in.  It
 * stays loaded.  Must be called before a sandbox is closed for the first time;
 * later calls find it loaded.
 * H5_E_CONFIG: it is not there, may be changed by others, or has no such
 * symbol; or this program was linked without a loader (the static ones). */
H5_MUST_CHECK enum h5_code h5_plugin_open(
    const char *name, const char *symbol, const void **out, struct h5_err *e);

#endif
