# Unit tests and the suite from outside under the thread sanitizer, in a tree of
# its own.  It is no part of make test, since it takes minutes.
#   make tsan               both
#   make tsan T=notify      what of the suite is called so
TSAN := build-tsan
TSAN_MAKE = $(MAKE) --no-print-directory B=$(TSAN) CC=gcc HARDEN= \
	CFLAGS='-g -O1 -fsanitize=thread -fno-omit-frame-pointer'
# gcc 12's sanitizer does not start if the kernel scatters addresses wider than
# it knows (vm.mmap_rnd_bits above 28).  It always starts without scattering.
TSAN_RUN := $(shell setarch -R true 2>/dev/null && echo setarch -R)
# test_wipe reads all the memory of its process, the sanitizer's as well.
TSAN_UNIT = $(filter-out %/test_wipe,$(UNIT:$(B)/%=$(TSAN)/%))

.PHONY: tsan tsan-build
tsan-build:
	+@$(TSAN_MAKE) all units instruments $(TSAN)/bench/orders
tsan: tsan-build
	@$(if $(T),,$(TSAN_RUN) tests/run-unit $(TSAN_UNIT))
	@$(TSAN_RUN) $(PYTHON) tests/e2e/run.py -v --build $(TSAN) \
	    --without demo,explain $(if $(T),'$(T)')
