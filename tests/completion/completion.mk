.PHONY: check-completion
check-completion: $(COMMAND) ## bash completion against the command
	@bash tests/completion/test_completion.sh $(COMMAND)
