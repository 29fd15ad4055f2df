# Fuzz targets: one file fuzz_*.c each, with what must hold of any input.
#   make fuzz [T=xml] [RUNS=1000000] [SECONDS_EACH=60]   libFuzzer, clang
#   make check-fuzz [T=xml]                  the corpus again, any compiler
# Results: docs/RELIABILITY.md.
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard \
	tests/fuzz/fuzz_*.c)))
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer

# What a target replaces at link time, and what else it links.
FUZZ_DISK := h5_file_read h5_file_read_secret h5_file_secret_mode realpath \
	stat faccessat
FUZZ_WRAP_config := $(FUZZ_DISK) h5_crypto_key_new h5_crypto_key_free
FUZZ_WRAP_catalogue := $(FUZZ_DISK)
FUZZ_WRAP_paylink := $(FUZZ_DISK)
FUZZ_WRAP_cgi := getenv read poll h5_clock_mono_ms
FUZZ_WRAP_v3_notice := h5_rsa_verify h5_v3_keys_find h5_v3_keys_secret
FUZZ_WRAP_v3_check := h5_rsa_verify h5_v3_keys_find
FUZZ_LIBS := $(LIB_JSON) -lexpat

# $(call fuzz_link,TARGET): the second compiler's words for it.
fuzz_link = $(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) \
	$(FUZZ_WRAP_$(1):%=-Wl,--wrap=%) -o $@ $^ $(LIBS) $(FUZZ_LIBS)

# With libFuzzer (its main is in clang's library)...
$(B)/fuzz/%: $(B)/obj/tests/fuzz/fuzz_%.o $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(call fuzz_link,$*) -fsanitize=fuzzer
# ... and with a main that runs the files it is given.
$(B)/fuzz-replay/%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/replay.o \
    $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(call fuzz_link,$*)

# The tree of libFuzzer's instrumentation.  FUZZ_CMP=no: comparisons are not
# traced; half the time, for the long runs of a corpus that is there.
FUZZ_CMP ?=
FUZZ_NO_CMP := -fno-sanitize-coverage=trace-cmp,trace-div,trace-gep
FUZZ_TREE := $(MAKE) --no-print-directory CC=clang HARDEN= \
	B=build-fuzz$(FUZZ_CMP:%=-%) \
	CFLAGS='-g -O2 -fsanitize=fuzzer-no-link $(FUZZ_SANITIZE) \
	$(if $(FUZZ_CMP),$(FUZZ_NO_CMP))'
.PHONY: fuzz fuzzers
fuzz:
	@$(FUZZ_TREE) fuzzers $(if $(T),T=$(T))
	@sh tests/fuzz/run.sh build-fuzz$(FUZZ_CMP:%=-%)/fuzz $(or $(T),$(FUZZ))
fuzzers: $(addprefix $(B)/fuzz/,$(if $(T),$(filter $(T),$(FUZZ)),$(FUZZ)))

# Lines of each module that the corpus reaches.
.PHONY: fuzz-coverage fuzz-replays
fuzz-coverage:
	@$(MAKE) --no-print-directory B=build-cov CC=clang HARDEN= CFLAGS='-g \
	    -O1 -fprofile-instr-generate -fcoverage-mapping' fuzz-replays
	@sh tests/fuzz/coverage.sh build-cov/fuzz-replay
fuzz-replays: $(addprefix $(B)/fuzz-replay/,$(FUZZ))

# Single changes that traps and corpus must notice [T=word].
.PHONY: fuzz-control
fuzz-control:
	@$(PYTHON) tests/fuzz/control.py $(if $(T),'$(T)')

.PHONY: check-fuzz
ifeq ($(findstring -fsanitize,$(CFLAGS)),)
check-fuzz: ## the fuzzers' corpus again, with the sanitizers [T=xml]
	@$(MAKE) --no-print-directory B=build-asan CC=gcc HARDEN= \
	    CFLAGS='-g -O1 $(FUZZ_SANITIZE) -static-libasan' $@ \
	    $(if $(T),T='$(T)')
else
check-fuzz: $(addprefix $(B)/fuzz-replay/,$(if $(T),$(filter $(T),$(FUZZ)),\
    $(FUZZ)))
	@sh tests/fuzz/replay.sh $^
endif
