# Every page as a file, for eyes and browsers: make pages
RENDER_PAGES := $(B)/tests/render-pages
$(RENDER_PAGES): $(B)/obj/tests/pages/render.o $(LIBH5)
	@mkdir -p $(@D)
	$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: pages
pages: $(RENDER_PAGES)
	@$(RENDER_PAGES) $(B)/pages
