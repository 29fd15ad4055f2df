.PHONY: check-runner
check-runner: ## make test itself: what hangs is ended, counts add up [T=hang]
	@$(PYTHON) tests/runner/test_runner.py $(if $(T),'$(T)')
