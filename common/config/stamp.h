/* stamp.h - one number that tells whether files were replaced.
 * A file's stamp is made of its device, inode, size and time of change, so
 * nothing is read.  Two stamps are equal if nothing was replaced between. */
#ifndef H5_CONFIG_STAMP_H
#define H5_CONFIG_STAMP_H

#include <stdint.h>

#include "common/config/config.h"

/* h5_stamp_mix(h, v): h with v mixed into it. */
uint64_t h5_stamp_mix(uint64_t h, uint64_t v);
/* h5_stamp_file(path): the stamp of a file; 0: nothing is there (an upload may
 * be under way), or path is NULL. */
uint64_t h5_stamp_file(const char *path);

/* h5_stamp_place(path): a stamp of which file stands there and who may use it:
 * device, inode, mode and owner, and the path itself.  Writing into the file
 * does not change it. */
uint64_t h5_stamp_place(const char *path);

/* h5_stamp_config(c): a stamp of all that c was read from: its file, the files
 * that its *_file keys name, platform certificates, and the templates that
 * replace built-in ones. */
uint64_t h5_stamp_config(const struct h5_config *c);

#endif
