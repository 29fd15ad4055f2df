# The promises of store.h, kept by every engine.  A further engine is a further
# word in ENGINES and what to link for it.
ENGINES := files conflict
ENGINE_OBJ_conflict := $(B)/obj/tests/engine/conflict.o
ENGINE_LDFLAGS_conflict := -Wl,--wrap=h5_store_files

ENGINE_CONTRACT := $(ENGINES:%=$(B)/engine/contract-%)
$(ENGINE_CONTRACT): $(B)/engine/contract-%: $(B)/obj/tests/engine/contract.o \
    $(B)/obj/tests/unit/filter.o $(ENGINE_OBJ_conflict) $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) $(ENGINE_LDFLAGS_$*) \
	    -o $@ $(filter-out $(ENGINE_OBJ_conflict),$(filter %.o,$^)) \
	    $(ENGINE_OBJ_$*) $(LIBH5) $(LIBS) -lcmocka

# The same promises kept in a database, which lab.py starts.
$(PG_SRC:%.c=$(B)/obj/%.o) $(B)/obj/tests/engine/database.o: CPPFLAGS += \
	$(PG_CFLAGS)
$(B)/engine/contract-postgresql: $(B)/obj/tests/engine/contract.o \
    $(B)/obj/tests/unit/filter.o $(B)/obj/tests/engine/database.o \
    $(PG_SRC:%.c=$(B)/obj/%.o) $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) \
	    -o $@ $(filter %.o,$^) $(LIBH5) $(LIBS) $(PG_LIBS) -lcmocka

# All of the product that decides under h5_store_update, where every first
# append conflicts: the unit tests of the deciders once more, and whole programs
# for the decider of notify.
DECIDING := store store_archive store_check store_race settle pay refund hooks
ENGINE_UNIT := $(DECIDING:%=$(B)/engine/unit/test_%)
$(ENGINE_UNIT): $(B)/engine/unit/%: $(B)/obj/tests/unit/%.o \
    $(B)/obj/tests/unit/filter.o $(ENGINE_OBJ_conflict) $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) $(UNIT_LDFLAGS_$*) \
	    $(ENGINE_LDFLAGS_conflict) -o $@ $^ $(LIBS) $(LIB_JSON) -lcmocka
# A build of its own: what make says of $(B) holds for it.
ENGINE_WEB := $(PROGRAMS:%=$(B)/engine/cgi-bin/%) $(B)/engine/cgi-bin/$(DOCTOR)
$(B)/engine/cgi-bin/$(DOCTOR): $(B)/obj/doctor_pages.o
$(ENGINE_WEB): $(B)/engine/cgi-bin/%: $(B)/obj/cgi-bin/%.o $(RUN_OBJ) \
    $(ENGINE_OBJ_conflict) $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) $(ENGINE_LDFLAGS_conflict) \
	    -o $@ $(filter %.o,$^) $(LIBH5) $(LIBS)
$(B)/engine/h5pay: $(ADMIN_SRC:%.c=$(B)/obj/%.o) $(B)/obj/explain.o \
    $(ENGINE_OBJ_conflict) $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) $(ENGINE_LDFLAGS_conflict) \
	    -o $@ $^ $(LIBS)

ENGINE_PROGRAMS := $(ENGINE_WEB) $(B)/engine/h5pay $(B)/tests/gateway
ENGINE_TESTS := $(ENGINE_CONTRACT) $(ENGINE_UNIT)
# T=settle, T=conflict: one of them.
ENGINE_T = $(if $(T),$(filter %/contract-$(T) %/test_$(T),$(ENGINE_TESTS)),\
	$(ENGINE_TESTS))
ENGINE_PG = $(if $(PG_LIBS),$(if $(filter-out postgresql,$(T)),,\
	$(B)/engine/contract-postgresql))
.PHONY: check-engine
check-engine: $(if $(T),,$(ENGINE_PROGRAMS)) $(ENGINE_T) \
    $(ENGINE_PG) ## promises of store.h
	@if $(PYTHON) tests/engine/lab.py true; then \
	    $(PYTHON) tests/engine/lab.py tests/run-unit $(ENGINE_T) \
		$(ENGINE_PG); \
	else tests/run-unit $(ENGINE_T); fi
ifeq ($(T),)
	@ln -sfn ../tests $(B)/engine/tests
	@$(PYTHON) tests/e2e/run.py --build $(B)/engine 'refund notice' \
	    'that says SUCCESS for'
endif
