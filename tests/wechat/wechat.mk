# Conversations with a WeChat Pay that misbehaves.
$(B)/tests/wxcall: $(B)/obj/tests/wechat/wxcall.o $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: check-wechat
check-wechat: $(B)/tests/wxcall $(B)/tests/gateway ## each fault of WeChat's side [T=tls]
	@$(PYTHON) tests/wechat/faults.py $(B) $(if $(T),'$(T)')

# Its answers are made up; what it sends is looked at.
UNIT_LDFLAGS_test_wxpay := -Wl,--wrap=h5_https_call
