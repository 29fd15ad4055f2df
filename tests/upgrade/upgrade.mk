# A shop of 0.1.0 goes on as it is; and what may be taken back.

# The programs of a version that knows one format more.
NEXT := $(B)/tests/next
NEXT_WRAP := $(foreach f,h5_since_newest h5_since_event h5_event_name \
	h5_event_kind_of h5_event_text,-Wl,--wrap=$(f))
NEXT_PROGRAMS := $(NEXT)/h5pay $(PROGRAMS:%=$(NEXT)/cgi-bin/%)
$(NEXT)/h5pay: $(ADMIN_SRC:%.c=$(B)/obj/%.o) $(B)/obj/explain.o \
    $(B)/obj/tests/upgrade/next.o $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) $(NEXT_WRAP) -o $@ $^ \
	    $(LIBS)
$(NEXT)/cgi-bin/%: $(B)/obj/cgi-bin/%.o $(RUN_OBJ) \
    $(B)/obj/tests/upgrade/next.o $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) $(NEXT_WRAP) -o $@ $^ \
	    $(LIBS)

# The programs of 0.1.0 themselves, where the history is there to build them
# from; else the folder is empty, and their tests say that they were skipped.
FIRST := $(B)/h5pay-0.1.0
FIRST_COMMIT := 3331183
$(FIRST)/done:
	@rm -rf $(FIRST) && mkdir -p $(FIRST)
	$(call say,GEN,$@)
	@if git cat-file -e '$(FIRST_COMMIT)^{commit}' 2>/dev/null; then \
	    git archive $(FIRST_COMMIT) -- . ':!docs' ':!tests/fuzz/corpus' | \
	        tar -x -C $(FIRST) && \
	    $(MAKE) --no-print-directory -C $(FIRST) B=build \
	        CFLAGS=-O1 HARDEN= WERROR= all; fi
	@touch $@

.PHONY: first-version check-upgrade
first-version: $(FIRST)/done
check-upgrade: $(WEB) $(COMMAND) $(B)/tests/gateway $(NEXT_PROGRAMS) \
    $(FIRST)/done ## a shop of 0.1.0 under today's programs, and back [T=word]
	@$(PYTHON) tests/e2e/run.py --build $(B) --tests tests/upgrade $(if $(T),'$(T)')
