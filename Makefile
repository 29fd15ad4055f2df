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
# clang 14 knows -ftrivial-auto-var-init=zero only behind a second switch.
IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null))
HARDEN ?= -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
	-fstack-clash-protection \
	$(if $(IS_CLANG),,-ftrivial-auto-var-init=zero)
# x86 alone: marks where an indirect call may land.  A program is marked as a
# whole where the C library's start files are.
CF_PROTECTION := $(shell echo | $(CC) -fcf-protection=full -x c -c \
	-o /dev/null - 2>/dev/null && echo -fcf-protection=full)
# Neither the folder nor the name of $(B) gets into an object: the same commit
# makes the same programs wherever it is built.
PREFIX_MAP ?= -ffile-prefix-map='$(CURDIR)'=. -ffile-prefix-map=$(B)/=build/
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wconversion -Wsign-conversion -Wformat=2 \
	-Wundef -Wcast-qual -Wwrite-strings -Wvla -Wswitch-enum \
	-Wnull-dereference -Werror=format-security

H5_CPPFLAGS := -I. -I$(B) -D_GNU_SOURCE -DH5_VERSION='"$(VERSION)"'
# Everything is bound at start anyway (-z now): -fno-plt calls the libraries
# without a jump in between.
H5_CFLAGS := -std=c11 $(WARN) $(WERROR) $(HARDEN) $(CF_PROTECTION) \
	$(PREFIX_MAP) -fPIE -fno-plt -pthread
H5_LDFLAGS := -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack \
	-Wl,--as-needed

LIB_FCGI ?= -lfcgi
LIB_CURL ?= $(shell $(PKG_CONFIG) --libs libcurl 2>/dev/null || echo -lcurl)
LIB_CRYPTO ?= -lcrypto
LIB_MXML ?= $(shell $(PKG_CONFIG) --libs mxml 2>/dev/null || echo -lmxml)
LIB_Z ?= -lz
LIB_QR ?= -lqrcodegen
LIB_JSON ?= -ljansson
# --as-needed drops what a program does not use: notify and return-page call
# nothing of curl or mxml, so they are not linked to them (checked by make
# lint).
LIBS = $(LIB_FCGI) $(LIB_CURL) $(LIB_MXML) $(LIB_CRYPTO) $(LIB_Z) $(LIB_QR) $(LIB_JSON)

COMMON_SRC := $(filter-out common/store/postgresql/%,\
	$(sort $(wildcard common/*/*.c common/*/*/*.c)))
ADMIN_SRC := $(sort $(wildcard admin/*.c))
PROGRAMS := checkout return-page notify query
# For hosts without a shell: what h5pay doctor says, in the browser.
DOCTOR := doctor
# What they share: main and how a program runs.
RUN_SRC := $(sort $(wildcard cgi-bin/run/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))

LIBH5 := $(B)/libh5.a
WEB := $(PROGRAMS:%=$(B)/cgi-bin/%)
COMMAND := $(B)/h5pay
UNIT := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)

# make run and make test build with every core, unless -j says otherwise.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2))

# make V=1 shows the whole commands.
V ?=
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' '$(1)' '$(2)')

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all
all: $(WEB) $(B)/cgi-bin/$(DOCTOR) $(COMMAND)

.PHONY: help
help:
	@echo "make              the four programs and h5pay, under $(B)/"
	@echo "make deps         install what a build needs, and nothing else (Debian,"
	@echo "                  Ubuntu); deps-run, deps-static, deps-test: what make run,"
	@echo "                  dist-static and test need"
	@echo "make run          a shop to click through, with a stand-in for WeChat Pay"
	@echo "                  [PORT=8080] [API=v3: by APIv3]; Ctrl-C ends it"
	@echo "make test         everything CI runs; ends in one line 'N passed, N failed'"
	@echo "                  [T='wrong amount': the tests of that name, wherever they"
	@echo "                  are] [KEEP=1: goes on if lint or unit tests fail]"
	@echo "make unit         unit tests [T=xml: of one module, T='wrong amount': so named]"
	@echo "make e2e          the suite from outside [T=notify: one file,"
	@echo "                  T='wrong amount': the tests that say so]"
	@echo "make browser      the suite in Chromium; screenshots in build/browser/"
	@echo "                  [T='back': the walks that say so]"
	@echo "make bench        against what could be reached at all: report and chart"
	@echo "                  in $(B)/bench/ [ROUNDS=5] [MANY=100000] [T=notify]"
	@echo "make install      [DESTDIR= prefix=/usr/local libexecdir= sysconfdir=/etc]"
	@echo "make uninstall    takes out what install put in, and no data"
	@echo "make dist         h5pay-$(VERSION).tar.gz of what is committed"
	@echo "make deb          the Debian package of what is committed, $(DEB)/"
	@echo "make deb-check    the package in a fresh Debian 12; root, debootstrap"
	@echo "make fresh-check  from git clone to green tests in a fresh Debian; root,"
	@echo "                  debootstrap [DIST='trixie bookworm'] [FULL=1: make test]"
	@echo "                  [ROOTS=$(B)/roots: kept there] [ANEW=1: not the kept ones]"
	@echo "make boot-check   its units in a booted Debian; root, systemd-nspawn"
	@echo "make static-check the static tarball in an empty root folder; root"
	@echo "make readme-check follows README literally behind five servers; root"
	@echo "make lint         layout, rooms, headers, banned functions, docs [T=rooms]"
	@echo "make analyse      gcc -fanalyzer, cppcheck, clang-tidy over the product"
	@echo "make cover        lines and branches that unit tests and e2e run, as text"
	@echo "                  and in build-cover/cover/index.html"
	@echo "make mutants      breaks one promise after the other: a test must see each"
	@echo "                  [T=settle] [SECONDS_PIECE=300: run it again for the rest]"
	@echo "make mutants-random  changes at random places [N=200] [SEED=1]: the same"
	@echo "make tsan         unit tests and e2e under the thread sanitizer [T=notify]"
	@echo "make format       clang-format over all C"
	@echo "make compile_commands.json   for clangd: each C file and its flags"
	@echo "make clean        remove $(B)/; make distclean: the test trees too"
	@sed -n 's/^\(check-[a-z-]*\):.*## *\(.*\)/\1\t\2/p' tests/*/*.mk \
	    2>/dev/null | awk -F'\t' '{ printf "make %-12s %s\n", $$1, $$2 }'

# --- what a build needs ----------------------------------------------------

INSTALL_DEPS := CC='$(CC)' CPPFLAGS='$(CPPFLAGS)' \
	PKG_CONFIG='$(PKG_CONFIG)' deploy/install-deps.sh
.PHONY: deps deps-run deps-static deps-test
deps:
	@$(INSTALL_DEPS) build
deps-run deps-static:
	@$(INSTALL_DEPS) $(@:deps-%=%)
deps-test:
	@$(INSTALL_DEPS) test
	@$(MAKE) --no-print-directory tests/node_modules/.package-lock.json

# Looked at once a tree: says what is missing before a compiler does.
$(B)/.deps: deploy/install-deps.sh
	@mkdir -p $(@D)
	@$(INSTALL_DEPS) -n build
	@touch $@

# --- the demonstration -----------------------------------------------------

PORT ?=
API ?=
.PHONY: run
run:
	@$(INSTALL_DEPS) run
	@$(MAKE) --no-print-directory $(JOBS) all $(B)/tests/gateway
	@exec $(PYTHON) deploy/demo/run.py --build $(B) $(if $(PORT),--port $(PORT)) \
	    $(if $(API),--api $(API))

# --- objects ---------------------------------------------------------------

compile = $(CC) $(H5_CPPFLAGS) $(CPPFLAGS) $(H5_CFLAGS) $(CFLAGS)
$(B)/obj/%.o: %.c Makefile | $(B)/.deps
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(compile) -MMD -MP -c -o $@ $<

# For clangd and other tools: each C file of the tree, tests and all, by the rule
# above, without the one switch that clangd takes for an error.
C_FILES = $(sort $(shell find admin cgi-bin common tests -name '*.c'))
.PHONY: compile_commands.json $(B)/compile_commands.json
compile_commands.json: $(B)/compile_commands.json
	@cp $< $@
$(B)/compile_commands.json:
	@mkdir -p $(B)
	$(call say,GEN,$@)
	$(file >$(B)/compile,$(filter-out -ftrivial-auto-var-init=%,$(compile)))
	@c=$$(sed 's/[\\"]/\\&/g' $(B)/compile); comma='['; \
	for f in $(C_FILES); do \
		printf '%s\n{"directory": "%s", "file": "%s", "command": "%s"}' \
		    "$$comma" '$(CURDIR)' $$f "$$c -c -o $(B)/obj/$${f%c}o $$f"; \
		comma=,; \
	done >$@; echo ']' >>$@

# Templates, messages and style are compiled in: a program needs no other
# file at run time.
# What the command alone knows: what explain says comes first, then what init
# says and what it writes.
COMMAND_SRC := templates/explain.txt templates/command/help.en \
	templates/command/help.zh-CN templates/init.txt \
	deploy/h5pay.conf.example deploy/catalogue.ini.example \
	deploy/nginx/h5pay.conf deploy/apache/h5pay-proxy.conf \
	deploy/apache/htaccess deploy/lighttpd/50-h5pay.conf \
	deploy/caddy/h5pay.caddy deploy/haproxy/h5pay.cfg
EMBED_SRC := $(filter-out $(COMMAND_SRC),$(sort $(wildcard templates/*.*)))
$(B)/embed.c: $(EMBED_SRC) templates/embed.sh
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)sh templates/embed.sh $(filter-out %.sh,$(EMBED_SRC)) >$@.new
	@mv $@.new $@
$(B)/explain.c: $(COMMAND_SRC) templates/embed.sh
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)sh templates/embed.sh -n h5_embed_command $(COMMAND_SRC) >$@.new
	@mv $@.new $@
# The doctor's words are a member of the library that no other program takes;
# the pages with its own among them are for its program alone.
DOCTOR_WORDS := templates/doctor/faults.txt templates/doctor/words.txt
$(B)/doctor_words.c: $(DOCTOR_WORDS) templates/embed.sh
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)sh templates/embed.sh -n h5_embed_doctor $(DOCTOR_WORDS) >$@.new
	@mv $@.new $@
DOCTOR_SRC := $(filter-out $(DOCTOR_WORDS),$(wildcard templates/doctor/*))
LANGUAGES := messages.en messages.zh-CN
$(B)/doctor_pages.c: $(EMBED_SRC) $(DOCTOR_SRC) templates/embed.sh
	@mkdir -p $(B)/doctor
	$(call say,GEN,$@)
	@set -e; for m in $(LANGUAGES); do \
		cat templates/$$m templates/doctor/$$m >$(B)/doctor/$$m; \
	done
	$(Q)sh templates/embed.sh $(filter-out \
	    %.sh $(LANGUAGES:%=templates/%),$(EMBED_SRC)) $(filter-out \
	    $(LANGUAGES:%=templates/doctor/%),$(DOCTOR_SRC)) \
	    $(LANGUAGES:%=$(B)/doctor/%) >$@.new
	@mv $@.new $@
EMBEDDED := $(B)/obj/embed.o $(B)/obj/explain.o $(B)/obj/doctor_words.o \
	$(B)/obj/doctor_pages.o
$(EMBEDDED): $(B)/obj/%.o: $(B)/%.c Makefile | $(B)/.deps
	$(call say,CC,$<)
	$(Q)$(compile) -c -o $@ $<

COMMON_OBJ := $(COMMON_SRC:%.c=$(B)/obj/%.o) \
	$(B)/obj/embed.o $(B)/obj/doctor_words.o
$(LIBH5): $(COMMON_OBJ)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $^

RUN_OBJ := $(RUN_SRC:%.c=$(B)/obj/%.o)
# Its pages come before the library, which has the others'.
$(B)/cgi-bin/$(DOCTOR): $(B)/obj/doctor_pages.o
$(B)/cgi-bin/%: $(B)/obj/cgi-bin/%.o $(RUN_OBJ) $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
	    $(LIBH5) $(LIBS)

$(COMMAND): $(ADMIN_SRC:%.c=$(B)/obj/%.o) $(B)/obj/explain.o $(LIBH5)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# --- plug-ins ----------------------------------------------------------------

# Built where libpq is.  It carries its own copies of what it calls, and shows
# one symbol.
PG_SRC := $(sort $(wildcard common/store/postgresql/*.c))
PG_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags libpq 2>/dev/null)
PG_LIBS ?= $(shell $(PKG_CONFIG) --libs libpq 2>/dev/null)
PLUGIN := $(B)/engine/store-postgresql.so
PIC_SRC := $(filter common/base/% common/order/% common/format/json.c \
	common/store/%,$(COMMON_SRC)) $(addprefix common/system/,file.c \
	file_own.c crypto.c plugin.c state.c)
# A program that has a sanitizer inside shows it to no plug-in.
unsanitized = $(filter-out -fsanitize% -fno-sanitize% -static-libasan,$(1))
$(B)/pic/%.o: CPPFLAGS += $(PG_CFLAGS)
$(B)/pic/%.o: %.c Makefile | $(B)/.deps
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(call unsanitized,$(patsubst -fPIE,-fPIC,$(compile))) \
	    -fvisibility=hidden -MMD -MP -c -o $@ $<
$(B)/pic/libh5.a: $(PIC_SRC:%.c=$(B)/pic/%.o)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $^
$(PLUGIN): $(PG_SRC:%.c=$(B)/pic/%.o) $(B)/pic/libh5.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(filter-out -pie,$(H5_LDFLAGS)) -Wl,-z,defs \
	    -Wl,--gc-sections -Wl,--exclude-libs,ALL \
	    $(call unsanitized,$(CFLAGS) $(LDFLAGS)) \
	    -o $@ $(filter %.o,$^) $(B)/pic/libh5.a $(PG_LIBS) $(LIB_CRYPTO)
# Not for programs that load nothing.
ifneq ($(PG_LIBS),)
ifeq ($(filter -static-pie,$(H5_LDFLAGS)),)
all: $(PLUGIN)
endif
endif

# --- tests -----------------------------------------------------------------

$(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/obj/tests/unit/filter.o $(LIBH5)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(H5_LDFLAGS) $(CFLAGS) $(LDFLAGS) $(UNIT_LDFLAGS_$*) -o $@ $^ \
	    $(LIBS) $(LIB_JSON) -lcmocka

# What a test replaces at link time: here WeChat and the clock.
UNIT_LDFLAGS_test_pay := $(foreach f,h5_wechat_prepay \
	h5_wechat_query h5_wechat_close h5_wechat_refunds h5_wechat_clock \
	h5_wechat_date h5_order_expires_at \
	h5_clock_now,-Wl,--wrap=$(f))
UNIT_LDFLAGS_test_limit := -Wl,--wrap=h5_clock_now_ns

EMPTY :=
SPACE := $(EMPTY) $(EMPTY)
# Each unit test is a program that prints TAP.  T=xml runs one; other words are
# looked for in the names of tests.
T ?=
UNIT_T := $(if $(T),$(filter $(B)/unit/test_$(T),$(UNIT)))
UNIT_IN = $(shell grep -l '^\w*$(subst $(SPACE),_,$(T))\w*(void \*\*state)' \
	$(UNIT_SRC))
.PHONY: unit
unit: $(if $(T),$(or $(UNIT_T),$(UNIT_IN:tests/unit/%.c=$(B)/unit/%)),$(UNIT))
	@$(if $(T),$(if $(UNIT_T),,TEST='*$(subst $(SPACE),_,$(T))*')) \
	    tests/run-unit $^

# Built, not run.
.PHONY: units instruments
units: $(UNIT)
instruments: $(B)/tests/gateway

# From outside: real lighttpd, real programs, the stand-in gateway.
.PHONY: e2e browser lint format test
e2e: all $(B)/tests/gateway $(B)/bench/orders
	@$(PYTHON) tests/e2e/run.py --build $(B) $(if $(T),'$(T)')
browser: all instruments tests/node_modules/.package-lock.json
	@$(PYTHON) tests/browser/run.py --build $(B) $(if $(T),'$(T)')
lint:
	@CC='$(CC)' B='$(B)' $(PYTHON) tests/lint/lint.py $(if $(T),'$(T)')
format:
	@clang-format -i $(wildcard common/*/*.[ch] common/*/*/*.[ch] \
	    cgi-bin/*.[ch] cgi-bin/*/*.[ch] admin/*.[ch] tests/*/*.[ch])
test:
	@$(INSTALL_DEPS) test
	-@$(MAKE) --no-print-directory tests/node_modules/.package-lock.json
	@$(PYTHON) tests/run $(if $(KEEP),-k) $(if $(T),-t '$(T)')

include deploy/install.mk

-include $(wildcard tests/*/*.mk)

-include $(shell [ -d $(B)/obj ] && find $(B)/obj -name '*.d' 2>/dev/null)

.PHONY: clean distclean
clean:
	rm -rf $(B)
distclean: clean
	rm -rf build build-* tests/node_modules compile_commands.json
