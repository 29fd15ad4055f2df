# Storage that fails, power that fails, workers that are killed.  Results:
# docs/RELIABILITY.md.
FAULT := $(B)/fault
FAULT_TOOLS := $(FAULT)/shim.so $(FAULT)/check $(FAULT)/load $(FAULT)/hook \
	$(patsubst %,$(FAULT)/broken/%,notify early unlocked together)
FAULT_CC = $(CC) -std=c11 -D_GNU_SOURCE $(WARN) -Wno-null-dereference -O2 -g

$(FAULT)/shim.so: tests/fault/shim.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(FAULT_CC) -fPIC -shared -o $@ $<
# Small and static: it is started for every order.
$(FAULT)/load $(FAULT)/hook: $(FAULT)/%: tests/fault/%.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(FAULT_CC) -static -o $@ $<
$(FAULT)/check: $(B)/obj/tests/fault/check.o $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# What the proofs must catch: notify that believes in every write, that answers
# before its ledger is on disk, that locks nothing; checkouts that talk with
# WeChat about one order at once.
$(FAULT)/broken/notify.c $(FAULT)/broken/early.c: common/system/file.c
$(FAULT)/broken/unlocked.c: common/system/file_own.c
$(FAULT)/broken/together.c: common/pay/hold.c
$(patsubst %,$(FAULT)/broken/%.c,notify early unlocked together): \
    tests/fault/break.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tests/fault/break.py $(basename $(@F)) \
	    $(filter %.c,$^) $@
$(patsubst %,$(FAULT)/broken/%,notify early unlocked): $(B)/obj/cgi-bin/notify.o
$(FAULT)/broken/together: $(B)/obj/cgi-bin/checkout.o
$(FAULT)/broken/%: $(FAULT)/broken/%.c $(RUN_OBJ) $(LIBH5)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_CPPFLAGS) $(H5_CFLAGS) -w $(CFLAGS) -c -o $@.o $<
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ \
	    $(filter-out $(RUN_OBJ) $(LIBH5),$(filter %.o,$^)) $(RUN_OBJ) $@.o \
	    $(LIBH5) $(LIBS)

.PHONY: fault check-fault soak races
fault: all $(FAULT_TOOLS) ## each storage call fails, power is cut: all of it
	@$(PYTHON) tests/fault/matrix.py --build $(B)
	@$(PYTHON) tests/fault/crash_model.py --build $(B)
	@$(PYTHON) tests/fault/ext4.py --build $(B)
check-fault: all $(FAULT_TOOLS) ## the quick part of make fault and make races
	@$(PYTHON) tests/fault/quick.py --build $(B)

# make soak SECONDS_LONG=1800; make races ROUNDS=2500 (for each of four buyers).
# FIGURES=FILE gets a line a run; storm.py --sum FILE adds them up.
SECONDS_LONG ?= 1800
ROUNDS ?= 2500
WAYS_ROUNDS ?= 200
STORM = $(PYTHON) tests/fault/storm.py --build $(B) \
	$(if $(FIGURES),--log $(FIGURES))
soak: all $(FAULT_TOOLS)
	@$(STORM) --seconds $(SECONDS_LONG)
races: all $(FAULT_TOOLS)
	@$(STORM) --seconds 86400 --rounds $(ROUNDS) --races
	@$(PYTHON) tests/fault/ways.py --build $(B) --rounds $(WAYS_ROUNDS)
