# h5pay - one GNU Makefile; every product under $(B).
#   make            the four programs and the command
#   make run        a shop to click through, with the stand-in gateway
#   make test       everything CI runs
#   make help       the other targets
# Another tree beside the first: make B=build-asan CFLAGS="-g -fsanitize=address"

B ?= build
VERSION := 0.1.0

CC ?= cc
PKG_CONFIG ?= pkg-config
NODE ?= node
PYTHON ?= python3

OPTIMISE ?= -O2 -g
CFLAGS ?= $(OPTIMISE)
WERROR ?=
HARDEN ?= -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
	-fstack-clash-protection -ftrivial-auto-var-init=zero
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wconversion -Wsign-conversion -Wformat=2 \
	-Wundef -Wcast-qual -Wwrite-strings -Wvla -Wswitch-enum \
	-Wnull-dereference -Werror=format-security

H5_CPPFLAGS := -I. -I$(B) -D_GNU_SOURCE -DH5_VERSION='"$(VERSION)"'
H5_CFLAGS := -std=c11 $(WARN) $(WERROR) $(HARDEN) -fPIE -pthread
H5_LDFLAGS := -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack \
	-Wl,--as-needed

LIB_FCGI ?= -lfcgi
LIB_CURL ?= $(shell $(PKG_CONFIG) --libs libcurl 2>/dev/null || echo -lcurl)
LIB_CRYPTO ?= -lcrypto
LIB_MXML ?= $(shell $(PKG_CONFIG) --libs mxml 2>/dev/null || echo -lmxml)
LIB_JSON ?= -ljansson
# --as-needed drops what a program does not use: notify and return-page call
# nothing of curl, so they are not linked to it (checked by make lint).
LIBS = $(LIB_FCGI) $(LIB_CURL) $(LIB_MXML) $(LIB_JSON) $(LIB_CRYPTO)

COMMON_SRC := $(sort $(wildcard common/*.c))
ADMIN_SRC := $(sort $(wildcard admin/*.c))
PROGRAMS := checkout return-page notify query
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))

LIBH5 := $(B)/libh5.a
WEB := $(PROGRAMS:%=$(B)/cgi-bin/%)
COMMAND := $(B)/h5pay
UNIT := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all
all: $(WEB) $(COMMAND)

# --- objects ---------------------------------------------------------------

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(H5_CPPFLAGS) $(CPPFLAGS) $(H5_CFLAGS) $(CFLAGS) -MMD -MP \
	    -c -o $@ $<

# Templates, messages and style are compiled in: a program needs no other
# file at run time.
EMBED_SRC := $(sort $(wildcard templates/*))
$(B)/embed.c: $(EMBED_SRC) templates/embed.sh
	@mkdir -p $(@D)
	sh templates/embed.sh $(filter-out %.sh,$(EMBED_SRC)) >$@.new
	mv $@.new $@
$(B)/obj/embed.o: $(B)/embed.c
	@mkdir -p $(@D)
	$(CC) $(H5_CPPFLAGS) $(CPPFLAGS) $(H5_CFLAGS) $(CFLAGS) -c -o $@ $<

COMMON_OBJ := $(COMMON_SRC:%.c=$(B)/obj/%.o) \
	$(if $(EMBED_SRC),$(B)/obj/embed.o)
$(LIBH5): $(COMMON_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/cgi-bin/%: $(B)/obj/cgi-bin/%.o $(B)/obj/cgi-bin/main.o $(LIBH5)
	@mkdir -p $(@D)
	$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(COMMAND): $(ADMIN_SRC:%.c=$(B)/obj/%.o) $(LIBH5)
	$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# --- tests -----------------------------------------------------------------

$(B)/unit/%: $(B)/obj/tests/unit/%.o $(LIBH5)
	@mkdir -p $(@D)
	$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) $(UNIT_LDFLAGS_$*) -o $@ $^ \
	    $(LIBS) -lcmocka

# Each unit test is a program that prints TAP; make unit T=xml runs one.
T ?=
.PHONY: unit
unit: $(if $(T),$(B)/unit/test_$(T),$(UNIT))
	@tests/run-unit $^

-include $(wildcard tests/*/*.mk)

-include $(shell [ -d $(B)/obj ] && find $(B)/obj -name '*.d' 2>/dev/null)
