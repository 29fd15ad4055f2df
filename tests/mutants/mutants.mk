# Not of make test: it builds once more for each of the changes.  In pieces:
# make mutants SECONDS_PIECE=300, again and again.  T: those that say so.
SECONDS_PIECE ?= 0
.PHONY: mutants
mutants:
	@$(PYTHON) tests/mutants/mutants.py --build $(B) \
	    --seconds $(SECONDS_PIECE) --only '$(T)' --table $(B)/mutants/table.md

# Changes at places that a seed chooses.  In pieces as above; it uses one core at
# most, and gives way to everything else.
N ?= 200
SEED ?= 1
.PHONY: mutants-random
mutants-random:
	@$(PYTHON) tests/mutants/at_random.py --build $(B) --n $(N) \
	    --seed $(SEED) --seconds $(SECONDS_PIECE) --only '$(T)' \
	    --table $(B)/mutants/random-$(SEED).md
