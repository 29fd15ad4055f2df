# h5pay against what could be reached at all: one run, ratios.
BENCH := $(patsubst %,$(B)/bench/%,limit spawn orders loads calls linked-dynamic \
	linked-crypto)

$(B)/bench/limit $(B)/bench/spawn: $(B)/bench/%: $(B)/obj/tests/bench/%.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_FCGI)
# Does nothing with the libraries it is linked to.
$(B)/bench/linked-dynamic $(B)/bench/linked-crypto: \
    $(B)/obj/tests/bench/limit.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) -Wl,--no-as-needed $(CFLAGS) $(LDFLAGS) -o $@ \
	    $^ $(if $(findstring dynamic,$@),$(filter-out $(LIB_Z),$(LIBS)),\
	    $(LIB_FCGI) $(LIB_CRYPTO))
$(B)/bench/orders $(B)/bench/loads $(B)/bench/calls: $(B)/bench/%: \
    $(B)/obj/tests/bench/%.o $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# The suite from outside floods a store with it.
instruments: $(B)/bench/orders

ROUNDS ?= 5
MANY ?= 100000
.PHONY: bench
bench: all $(BENCH) $(B)/tests/gateway
	@$(PYTHON) tests/bench/bench.py --build $(B) --rounds $(ROUNDS) \
	    --many $(MANY) $(T)

# Memory of each program over 400,000 requests, good and bad.
.PHONY: flat
flat: all $(B)/tests/gateway
	@$(PYTHON) tests/bench/flat.py --build $(B) $(T)

# A flood of abandoned orders against a sweep: docs/measured/SWEEP.md.
.PHONY: bench-sweep
bench-sweep: all $(BENCH) $(B)/tests/gateway
	@$(PYTHON) tests/bench/sweep.py --build $(B) $(T)
