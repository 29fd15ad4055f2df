.PHONY: check-completion completion
check-completion: $(COMMAND) ## completion of bash, zsh and fish against the command
	@bash tests/completion/test_completion.sh $(COMMAND)
	@$(PYTHON) tests/completion/shells.py $(COMMAND)
completion: $(COMMAND) ## writes deploy/completion/ from what the command says
	@$(PYTHON) deploy/completion/generate.py $(COMMAND) deploy/completion
