# The walks of an order as a model that spin searches whole (docs/MODEL.md).
TROUBLES ?= 3
.PHONY: model check-model
model:
	@$(PYTHON) tests/model/check.py --build $(B) --troubles $(TROUBLES)
check-model: ## the model of the walks holds, and misses each rule
	@$(PYTHON) tests/model/check.py --build $(B)
