/* trust.h - whose files root may act on. */
#ifndef H5_ADMIN_TRUST_H
#define H5_ADMIN_TRUST_H

#include "common/base/err.h"
#include "common/config/config.h"

/* trust_path(path, uid, gid, e): may root act on what path names, to become
 * user uid of group gid?  It, each folder above it and each link on the way
 * have to be root's or that user's, and nobody else may write to them; a folder
 * that is sticky may be written to.  So what was looked at stays what it is.
 * H5_E_CONFIG: no, or it is not there; e->msg says which and what to do. */
H5_MUST_CHECK enum h5_code trust_path(
    const char *path, unsigned uid, unsigned gid, struct h5_err *e);

/* trust_files(c, uid, gid, e): likewise each file that c names: secrets, the
 * certificate, the catalogue, the templates' folder and the hook. */
H5_MUST_CHECK enum h5_code trust_files(
    const struct h5_config *c, unsigned uid, unsigned gid, struct h5_err *e);

#endif
