# The stand-in for WeChat Pay.  It uses no file of common/ and no library but
# OpenSSL.
B ?= build
CC ?= cc

GATEWAY_WARN = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wconversion -Wsign-conversion -Wformat=2 \
	-Wundef -Wcast-qual -Wwrite-strings -Wvla -Wswitch-enum \
	-Wnull-dereference
GATEWAY_OBJ = $(patsubst tests/gateway/%.c,$(B)/tests/gateway-obj/%.o, \
	$(sort $(wildcard tests/gateway/*.c)))

$(GATEWAY_OBJ): $(B)/tests/gateway-obj/%.o: tests/gateway/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(GATEWAY_WARN) -O2 -g $(CFLAGS) -pthread \
		-MMD -MP -I. -c -o $@ $<

$(B)/tests/gateway: $(GATEWAY_OBJ)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $(GATEWAY_OBJ) -lssl -lcrypto

-include $(GATEWAY_OBJ:.o=.d)

.PHONY: check-gateway
check-gateway: $(B)/tests/gateway ## the stand-in against the protocol [T=refund]
	@python3 tests/gateway/test_gateway.py $(B)/tests/gateway \
	    $(if $(T),'$(T)')
