# What the pages are checked with beside the unit tests.

# Every page in every case as a file: make pages, then open build/pages/*.html.
RENDER_PAGES := $(B)/tests/render-pages
MUSTACHE_DRIVER := $(B)/tests/mustache_driver
$(RENDER_PAGES): $(B)/obj/tests/pages/render.o $(B)/obj/doctor_pages.o $(LIBH5)
$(MUSTACHE_DRIVER): $(B)/obj/tests/pages/mustache_driver.o $(LIBH5)
$(RENDER_PAGES) $(MUSTACHE_DRIVER):
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: pages
pages: $(RENDER_PAGES)
	@$(RENDER_PAGES) $(B)/pages

# npm packages of the checks; the product needs none.
tests/node_modules/.package-lock.json: tests/package.json \
    tests/package-lock.json
	npm --prefix tests ci --silent
	@touch $@

# Our template engine against npm's; make check-mustache MUSTACHE_RUNS=100000
MUSTACHE_RUNS ?= 3000
MUSTACHE_SEED ?= 20261123
.PHONY: check-mustache check-pages
check-mustache: $(MUSTACHE_DRIVER) tests/node_modules/.package-lock.json
	@$(NODE) tests/pages/mustache_differential.mjs $< $(MUSTACHE_RUNS) \
	    $(MUSTACHE_SEED)

# Every page in a browser: axe, narrow screens, target sizes, the policy.
# make check-pages SHOTS=FOLDER keeps pictures; T=paid looks at fewer.
SHOTS ?=
check-pages: pages tests/node_modules/.package-lock.json
	@$(NODE) tests/browser/pages.mjs $(B)/pages \
	    $(if $(SHOTS),--shots $(SHOTS)) $(if $(T),--only '$(T)')

# Memory runs out where the test says so.
UNIT_LDFLAGS_test_pages_oom := -Wl,--wrap=malloc,--wrap=calloc \
	-Wl,--wrap=realloc,--wrap=reallocarray,--wrap=strdup

# The operator's report in the same browser.
.PHONY: check-report
check-report: all $(B)/tests/gateway tests/node_modules/.package-lock.json ## h5pay report in a browser
	@$(PYTHON) tests/pages/report.py $(B) $(if $(SHOTS),--shots $(SHOTS))
