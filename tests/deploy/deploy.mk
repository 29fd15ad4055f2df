# Every configuration under deploy/, started for real.
.PHONY: check-deploy
check-deploy: all errors $(B)/tests/gateway ## each folder of deploy/ [T=nginx]
	@$(PYTHON) tests/e2e/run.py --build $(B) --tests tests/deploy \
	    $(if $(T),'$(T)')
