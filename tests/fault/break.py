"""break.py KIND FROM TO - a file of common/ with one thing wrong."""

import sys

WRONG = {
    # Nobody looks whether a write worked.
    "notify": ('return h5_err_sys(e, H5_E_IO, errno, "write");',
               "return H5_OK;"),
    # The one sync of an append is missing.
    "early": ("if (fdatasync(fd) != 0)", "if (fd < -1)"),
    # Two may talk with WeChat about one order at once.
    "together": ("rc = h5_store_hold(shop->st, id, most_ms, most_ms, hold, e);",
                 "rc = most_ms > 0 ? H5_OK : H5_E_BUG;"),
    # Two may append to one ledger at once.
    "unlocked": ("flock(fd, how | LOCK_NB)", "how < 0 ? fd : 0"),
}

kind, source, target = sys.argv[1:]
text = open(source).read()
right, wrong = WRONG[kind]
if text.count(right) != 1:
    sys.exit(f"{source}: {right!r} is there {text.count(right)} times")
open(target, "w").write(text.replace(right, wrong))
