# Static analysis.  What was said of a file is kept until it changes.
ANALYSE := $(PYTHON) tests/analyse/analyse.py --build $(B) \
	$(if $(T),--only '$(T)')

# clang-tidy takes minutes: make test leaves it to make analyse.
.PHONY: analyse check-analyse
analyse:
	@$(ANALYSE)
check-analyse: ## gcc -fanalyzer and cppcheck [T=common/xml]
	@$(ANALYSE) gcc cppcheck
