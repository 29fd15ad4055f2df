# What a confined program can no longer do, tried from inside.
PROBES := $(PROGRAMS:%=$(B)/confine/%)
$(B)/confine/%.o: $(B)/obj/cgi-bin/%.o
	@mkdir -p $(@D)
	$(Q)objcopy --redefine-sym h5_program=real_program $< $@
$(PROBES): $(B)/confine/%: $(B)/confine/%.o $(B)/obj/tests/confine/probe.o \
    $(RUN_OBJ) $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) \
	    -Wl,--defsym=h5_program=probe_program -o $@ $^ $(LIBS)

.PHONY: check-confine
check-confine: $(PROBES) $(COMMAND) ## what a confined program can no longer do [T=notify]
	@$(PYTHON) tests/confine/test_confine.py $(B) $(if $(T),'$(T)')
