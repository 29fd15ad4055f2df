# How the web programs live: FastCGI over the wire, plain CGI, signals,
# replaced files.  The program they talk to is one of its own.
$(B)/tests/echo: $(B)/obj/tests/e2e/echo.o $(RUN_OBJ) $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: check-fcgi
check-fcgi: $(B)/tests/echo
	@$(PYTHON) tests/e2e/fcgi_wire.py $< $(if $(T),'$(T)')
