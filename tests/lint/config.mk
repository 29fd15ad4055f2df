# Every key of the parser stands in docs/CONFIG.md and in the example, and the
# reverse; the examples are good configurations.
$(B)/lint/config_keys: $(B)/obj/tests/lint/config_keys.o $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: check-config
check-config: $(B)/lint/config_keys ## every key is documented and shown
	@sh tests/lint/config-keys.sh $<
