# The program that the trials of the FastCGI machinery talk to.
$(B)/tests/echo: $(B)/obj/tests/e2e/echo.o $(RUN_OBJ) $(LIBH5)
	@mkdir -p $(@D)
	$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
