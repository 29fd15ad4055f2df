# Every key of the parser stands in docs/CONFIG.md and in the example, and the
# reverse; the examples are good configurations.
$(B)/lint/config_keys: $(B)/obj/tests/lint/config_keys.o $(LIBH5)
	@mkdir -p $(@D)
	$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: lint-config
lint-config: $(B)/lint/config_keys
	sh tests/lint/config-keys.sh $<
