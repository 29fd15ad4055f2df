# Each call that leaves our code fails in its turn, under the sanitizers.
#   make torture                 all of it; goes on where it was stopped
#   make torture MINUTES=6       no more than that
#   make torture T='notify good' the paths that say so, every case anew
TORTURE := $(B)/torture
TORTURE_PROGRAMS := $(PROGRAMS:%=$(TORTURE)/%) $(TORTURE)/h5pay
TORTURE_CALLS := $(shell sh tests/torture/calls.sh tests/torture/faults.c)
# Shared sanitizers: their own calls are not ours.
TORTURE_LINK = $(CC) $(H5_LDFLAGS) $(filter-out -static-libasan,$(CFLAGS)) \
	$(LDFLAGS) $(TORTURE_CALLS:%=-Wl,--wrap=%)

$(B)/obj/tests/torture/faults.o: H5_CFLAGS += -Wno-format-nonliteral
$(PROGRAMS:%=$(TORTURE)/%): $(TORTURE)/%: $(B)/obj/cgi-bin/%.o $(RUN_OBJ) \
    $(B)/obj/tests/torture/faults.o $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(TORTURE_LINK) -o $@ $^ $(LIBS)
$(TORTURE)/h5pay: $(ADMIN_SRC:%.c=$(B)/obj/%.o) $(B)/obj/explain.o \
    $(B)/obj/tests/torture/faults.o $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(TORTURE_LINK) -o $@ $^ $(LIBS)

# What the torture must catch: notify that believes in every write.
$(TORTURE)/control: $(FAULT)/broken/notify $(B)/obj/tests/torture/faults.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(TORTURE_LINK) -o $@ $(B)/obj/cgi-bin/notify.o $(RUN_OBJ) \
	    $(FAULT)/broken/notify.o $(B)/obj/tests/torture/faults.o $(LIBH5) \
	    $(LIBS)

# These are made in the tree of the sanitizers, whatever B is.
TORTURE_MAKE = $(MAKE) --no-print-directory B=build-asan HARDEN= CFLAGS='-g -O1 \
	-fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -static-libasan'
MINUTES ?=
.PHONY: torture check-torture torture-programs
torture-programs: all $(TORTURE_PROGRAMS) $(TORTURE)/control \
    $(FAULT)/check $(B)/tests/gateway
torture:
	@$(TORTURE_MAKE) torture-programs
	@$(PYTHON) tests/torture/torture.py --build build-asan \
	    $(if $(MINUTES),--minutes $(MINUTES)) $(if $(T),'$(T)')
check-torture: ## each call of a program fails in its turn: a sample
	@$(TORTURE_MAKE) torture-programs
	@$(PYTHON) tests/torture/torture.py --build build-asan --sample 14

# The same paths, without a fault, each once under valgrind.
.PHONY: valgrind
valgrind: all $(B)/tests/gateway
	@$(PYTHON) tests/torture/valgrind.py --build $(B) $(if $(T),'$(T)')
