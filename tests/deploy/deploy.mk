# Every configuration under deploy/, started for real.
.PHONY: check-deploy
check-deploy: all errors $(B)/tests/gateway ## each folder of deploy/ [T=nginx]
	@$(PYTHON) tests/e2e/run.py --build $(B) --tests tests/deploy \
	    $(if $(T),'$(T)')

# Each compiler builds the programs in two folders.
.PHONY: check-reproducible
check-reproducible: ## the same commit makes the same bytes in any folder
	@$(PYTHON) tests/deploy/reproducible.py

# Not of make test: it compiles once more and fetches a Debian.
.PHONY: deb-check
deb-check: deb ## the Debian package in a fresh Debian: root, debootstrap
	@sh tests/deploy/check-deb.sh $(B)/deb

# Not of make test: it fetches a Debian, and boots it.
.PHONY: boot-check
boot-check: deb $(B)/tests/gateway
	@$(PYTHON) tests/deploy/boot.py $(B)

# Not of make test: it builds what is committed once more, and needs root.
.PHONY: readme-check
readme-check: $(B)/tests/gateway
	@$(PYTHON) tests/deploy/readme.py $(B) $(T)

# Not of make test: it fetches a Debian for each name in DIST.
DIST ?= trixie bookworm
ROOTS ?= $(B)/roots
.PHONY: fresh-check
fresh-check:
	@$(PYTHON) tests/deploy/fresh.py --build $(B) --roots '$(ROOTS)' \
	    $(if $(FULL),--full) $(if $(ANEW),--anew) $(DIST)

# Not of make test: it fetches the source of curl and compiles once more.
.PHONY: static-check
static-check: dist-static $(B)/tests/gateway
	@$(PYTHON) tests/deploy/static.py $(B)
	@$(PYTHON) tests/deploy/reproducible.py --static
