# Lines and branches that the unit tests and the suite from outside run, a file.
#   make cover           text, and build-cover/cover/index.html
# By gcc and gcov, in a tree of its own; the figures of a day are in
# docs/measured/COVERAGE.md.  The map of prefixes would move the counts, too.
COVER := build-cover
COVER_FLUSH := $(COVER)/obj/tests/cover/flush.o
COVER_MAKE = $(MAKE) --no-print-directory B=$(COVER) CC=gcc HARDEN= PREFIX_MAP= \
	CFLAGS='-g -O0 --coverage -fprofile-update=atomic'
COVER_LINK := $(COVER_FLUSH) \
	-Wl,--wrap=h5_landlock_enforce,--wrap=_exit,--wrap=execve

$(COVER_FLUSH): H5_CPPFLAGS += -DH5_COVER_TREE='"$(abspath $(COVER))"'

.PHONY: cover cover-build
cover-build:
	+@$(COVER_MAKE) CFLAGS='-g -O0' $(COVER_FLUSH)
	+@$(COVER_MAKE) LDFLAGS='$(COVER_LINK)' all units instruments
cover: cover-build
	@$(PYTHON) tests/cover/cover.py $(COVER)
