# A shop of 0.1.0 goes on as it is; what it may take back.
.PHONY: check-upgrade
check-upgrade: $(WEB) $(COMMAND) $(B)/tests/gateway ## a shop of 0.1.0 under today's programs [T=word]
	@$(PYTHON) tests/e2e/run.py --build $(B) --tests tests/upgrade $(if $(T),'$(T)')
