# Every configuration under deploy/, started for real.  What the web servers
# answer themselves is made once a tree.
ERRORS := $(B)/errors
.PHONY: errors
errors: $(ERRORS)/503.html
$(ERRORS)/503.html: deploy/errors/make.sh templates/style.css
	$(call say,GEN,$(ERRORS))
	$(Q)sh deploy/errors/make.sh templates/style.css $(ERRORS)

.PHONY: check-deploy
check-deploy: all errors $(B)/tests/gateway ## each folder of deploy/ [T=nginx]
	@$(PYTHON) tests/e2e/run.py --build $(B) --tests tests/deploy \
	    $(if $(T),'$(T)')
