# make install, uninstall, dist.  The GNU names; DESTDIR for packages.
#   make install prefix=/usr libexecdir=/usr/lib     as the Debian package does
# Programs look for their configuration in /etc/h5pay, whatever sysconfdir says,
# unless they are told another place.
prefix ?= /usr/local
exec_prefix ?= $(prefix)
bindir ?= $(exec_prefix)/bin
libexecdir ?= $(exec_prefix)/libexec
sysconfdir ?= /etc
datarootdir ?= $(prefix)/share
datadir ?= $(datarootdir)
mandir ?= $(datarootdir)/man
docdir ?= $(datarootdir)/doc/h5pay
completionsdir ?= $(datarootdir)/bash-completion/completions
zshdir ?= $(datarootdir)/zsh/site-functions
fishdir ?= $(datarootdir)/fish/vendor_completions.d
unitdir ?= $(prefix)/lib/systemd/system
pkglibexecdir ?= $(libexecdir)/h5pay
pkgdatadir ?= $(datadir)/h5pay
INSTALL ?= install

UNITS := $(wildcard deploy/systemd/*.service deploy/systemd/*.socket \
	deploy/systemd/*.timer)
# What people copy from: with the paths of this installation in it.
EXAMPLES := $(filter-out %/README.md,$(wildcard deploy/lighttpd/* \
	deploy/apache/* deploy/nginx/* deploy/caddy/* \
	deploy/haproxy/* deploy/spawn-fcgi/*))
DOCS := $(wildcard README.md CHANGELOG.md SECURITY.md docs/*.md)
paths = sed -e 's|/usr/lib/h5pay|$(pkglibexecdir)|g' \
	-e 's|/usr/share/h5pay|$(pkgdatadir)|g' \
	-e 's|/usr/bin/h5pay|$(bindir)/h5pay|g' \
	-e 's|/etc/h5pay/|$(sysconfdir)/h5pay/|g'

# What the web servers answer themselves, in the design of our pages.
ERRORS := $(B)/errors
ERROR_PAGES := $(foreach n,413 500 502 503,$(ERRORS)/$(n).html)
.PHONY: errors
errors: $(ERROR_PAGES)
$(ERROR_PAGES) &: deploy/errors/make.sh templates/style.css
	$(call say,GEN,$(ERRORS))
	$(Q)sh deploy/errors/make.sh templates/style.css $(ERRORS)

.PHONY: install uninstall dist
install: all errors
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(pkglibexecdir) \
	    $(DESTDIR)$(pkgdatadir)/errors $(DESTDIR)$(docdir) \
	    $(addprefix $(DESTDIR)$(mandir)/,man1 man5 man8) \
	    $(DESTDIR)$(completionsdir) $(DESTDIR)$(zshdir) \
	    $(DESTDIR)$(fishdir) $(DESTDIR)$(unitdir)
	$(INSTALL) -m 755 $(COMMAND) $(DESTDIR)$(bindir)/h5pay
	$(INSTALL) -m 755 $(WEB) $(DESTDIR)$(pkglibexecdir)
	[ ! -e $(PLUGIN) ] || { $(INSTALL) -d $(DESTDIR)$(pkglibexecdir)/engine && \
	    $(INSTALL) -m 644 $(PLUGIN) $(DESTDIR)$(pkglibexecdir)/engine; }
	$(INSTALL) -m 644 $(ERROR_PAGES) $(DESTDIR)$(pkgdatadir)/errors
	$(INSTALL) -m 644 $(DOCS) $(DESTDIR)$(docdir)
	$(INSTALL) -m 644 deploy/h5pay.conf.example \
	    deploy/catalogue.ini.example $(DESTDIR)$(pkgdatadir)
	$(INSTALL) -m 644 docs/man/h5pay.1 $(DESTDIR)$(mandir)/man1
	$(INSTALL) -m 644 docs/man/h5pay.conf.5 $(DESTDIR)$(mandir)/man5
	$(INSTALL) -m 644 docs/man/h5pay-programs.8 $(DESTDIR)$(mandir)/man8
	$(INSTALL) -m 644 deploy/completion/h5pay.bash \
	    $(DESTDIR)$(completionsdir)/h5pay
	$(INSTALL) -m 644 deploy/completion/_h5pay $(DESTDIR)$(zshdir)
	$(INSTALL) -m 644 deploy/completion/h5pay.fish $(DESTDIR)$(fishdir)
	@set -e; umask 022; for f in $(EXAMPLES); do \
		to=$(DESTDIR)$(pkgdatadir)/$$f; \
		mkdir -p "$${to%/*}"; $(paths) "$$f" >"$$to"; \
		[ ! -x "$$f" ] || chmod 755 "$$to"; \
		cp "$${f%/*}/README.md" "$${to%/*}/"; \
	done
	@set -e; umask 022; for f in $(UNITS); do \
		$(paths) "$$f" >$(DESTDIR)$(unitdir)/"$${f##*/}"; \
	done

uninstall:
	rm -f $(DESTDIR)$(bindir)/h5pay $(DESTDIR)$(mandir)/man1/h5pay.1 \
	    $(DESTDIR)$(mandir)/man5/h5pay.conf.5 \
	    $(DESTDIR)$(mandir)/man8/h5pay-programs.8 \
	    $(DESTDIR)$(completionsdir)/h5pay $(DESTDIR)$(zshdir)/_h5pay \
	    $(DESTDIR)$(fishdir)/h5pay.fish
	rm -f $(UNITS:deploy/systemd/%=$(DESTDIR)$(unitdir)/%)
	rm -rf $(DESTDIR)$(pkglibexecdir) $(DESTDIR)$(pkgdatadir) \
	    $(DESTDIR)$(docdir)

# What is packed bears the day of the commit.
EPOCH = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct))

# The same bytes for the same commit.
DIST = h5pay-$(VERSION)
dist:
	@mkdir -p $(B)
	git archive --format=tar --prefix=$(DIST)/ HEAD | \
	    gzip -9n >$(B)/$(DIST).tar.gz.new
	mv $(B)/$(DIST).tar.gz.new $(B)/$(DIST).tar.gz

# The Debian package of what is committed, as build/deb/h5pay_*.deb.
DEB = $(B)/deb
.PHONY: deb
deb: dist
	@rm -rf $(DEB)
	@mkdir -p $(DEB)
	@tar -xzf $(B)/$(DIST).tar.gz -C $(DEB)
	@cp -r $(DEB)/$(DIST)/deploy/debian $(DEB)/$(DIST)/debian
	cd $(DEB)/$(DIST) && env -u MAKEFLAGS -u MFLAGS \
	    dpkg-buildpackage -us -uc -b

# For a host without a shell: programs that need no library of the host, in the
# folders that FTP uploads.  Fetches the source of curl from Debian, once.  What
# nobody calls is left out at link time.
STATIC = $(B)/static
STATIC_NAME = h5pay-$(VERSION)-linux-x86_64-static
STATIC_TREE = $(STATIC)/$(STATIC_NAME)
STATIC_CURL = $(STATIC)/curl/lib/libcurl.a
STATIC_MAPS = $(patsubst %,$(STATIC)/programs/%.map,h5pay \
	$(addprefix cgi-bin/,$(PROGRAMS) $(DOCTOR)))
STATIC_CPPFLAGS = -I$(STATIC)/curl/include -DH5_NO_PLUGINS \
	-ffile-prefix-map=$(STATIC)/=static/ $(CPPFLAGS)
# The maps are for the SBOM.  OpenSSL's tables are pointers: 24 bytes of
# relocation each, 8 % of a program, unless they are packed.
STATIC_LDFLAGS = $(patsubst -pie,-static-pie,$(H5_LDFLAGS)) \
	-Wl,--gc-sections -Wl,-z,pack-relative-relocs -Wl,-Map=$$@.map
STATIC_OPTIMISE = -O2 -g -ffunction-sections -fdata-sections
STATIC_FROM := deploy/snippets/buy-button.html deploy/apache/htaccess deploy/apache/htaccess-minimal \
	deploy/h5pay.conf.example deploy/catalogue.ini.example LICENSE \
	$(wildcard deploy/static/README-FTP*.txt)
# What stands ready in h5pay.conf.example for such a host.
static_conf = sed -e 's|^\#program_suffix = .*|program_suffix = .fcgi|' \
	-e 's|^\#file = log/h5pay.log|file = h5pay.log|' \
	-e 's|^\#command = .*|command = bin/h5pay|' \
	-e 's|^\#threads = .*|threads = 1|' \
	-e 's|^base_url = .*|base_url = https://shop.example/pay|'
$(STATIC)/.deps: deploy/install-deps.sh
	@mkdir -p $(@D)
	@$(INSTALL_DEPS) -n static
	@touch $@
$(STATIC_CURL): deploy/static/curl.sh | $(STATIC)/.deps
	$(call say,GET,$@)
	$(Q)CC='$(CC)' sh deploy/static/curl.sh $(STATIC)/curl

# Asked for by name, not by what fails first.
.PHONY: dist-static
dist-static: $(STATIC)/.deps errors $(STATIC_CURL) $(STATIC_FROM)
	$(Q)$(MAKE) --no-print-directory B=$(STATIC)/programs \
	    OPTIMISE='$(STATIC_OPTIMISE)' \
	    CPPFLAGS='$(STATIC_CPPFLAGS)' H5_LDFLAGS='$(STATIC_LDFLAGS)' \
	    LIB_CURL='$(STATIC_CURL) -lcares -lssl' all
	@rm -rf $(STATIC_TREE)
	@set -e; umask 022; t=$(STATIC_TREE); p=$$t/public_html/pay; h=$$t/h5pay; \
	mkdir -p $$p $$h/bin; cp -r $(ERRORS) $$p/errors; \
	for f in $(PROGRAMS) $(DOCTOR); do \
		strip -o $$p/$$f.fcgi $(STATIC)/programs/cgi-bin/$$f; \
	done; \
	strip -o $$h/bin/h5pay $(STATIC)/programs/h5pay; \
	chmod 711 $$p/*.fcgi; chmod 755 $$h/bin/h5pay; \
	cp deploy/apache/htaccess $$p/.htaccess; \
	echo ../../h5pay/h5pay.conf >$$p/h5pay.path; \
	cp deploy/apache/htaccess-minimal LICENSE \
	    deploy/static/README-FTP*.txt $$h; \
	sed 's|/cgi-bin/checkout|/pay/checkout.fcgi|' \
	    deploy/catalogue.ini.example >$$h/catalogue.ini.example; \
	sed -e 's|/pay/checkout|&.fcgi|' -e 's|item=tea|&-250|' \
	    -e 's|value="tea"|value="tea-250"|' -e 's|"tea"|"tea-250"|' \
	    -e 's|docs/CONFIG.md, catalogue.file|catalogue.ini|' \
	    deploy/snippets/buy-button.html >$$h/buy-button.html; \
	$(static_conf) deploy/h5pay.conf.example >$$h/h5pay.conf.example; \
	SOURCE_DATE_EPOCH=$(EPOCH) CC='$(CC)' sh deploy/sbom.sh $(STATIC_NAME) \
	    $(VERSION) static $(STATIC_MAPS) >$$t/h5pay.spdx.json; \
	cd $$t; all=$$(find * -type f | LC_ALL=C sort); \
	sha256sum $$all >SHA256SUMS
	@set -e; tar -C $(STATIC) --sort=name --owner=0 --group=0 \
	    --numeric-owner --mtime=@$(EPOCH) -cf $(STATIC)/tar $(STATIC_NAME); \
	gzip -9nc $(STATIC)/tar >$(B)/$(STATIC_NAME).tar.gz.new; \
	xz -9e -T1 -c $(STATIC)/tar >$(B)/$(STATIC_NAME).tar.xz.new; \
	for z in gz xz; do \
		mv $(B)/$(STATIC_NAME).tar.$$z.new $(B)/$(STATIC_NAME).tar.$$z; \
		printf '  %s bytes  %s\n' \
		    $$(stat -c %s $(B)/$(STATIC_NAME).tar.$$z) \
		    $(B)/$(STATIC_NAME).tar.$$z; \
	done; rm $(STATIC)/tar
