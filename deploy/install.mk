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
unitdir ?= $(prefix)/lib/systemd/system
pkglibexecdir ?= $(libexecdir)/h5pay
pkgdatadir ?= $(datadir)/h5pay
INSTALL ?= install

UNITS := $(wildcard deploy/systemd/*.service deploy/systemd/*.socket \
	deploy/systemd/*.timer)
# What people copy from: with the paths of this installation in it.
EXAMPLES := $(filter-out %/README.md,$(wildcard deploy/lighttpd/* \
	deploy/apache/* deploy/nginx/* deploy/spawn-fcgi/*))
DOCS := $(wildcard README.md docs/*.md)
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
	    $(DESTDIR)$(completionsdir) $(DESTDIR)$(unitdir)
	$(INSTALL) -m 755 $(COMMAND) $(DESTDIR)$(bindir)/h5pay
	$(INSTALL) -m 755 $(WEB) $(DESTDIR)$(pkglibexecdir)
	$(INSTALL) -m 644 $(ERROR_PAGES) $(DESTDIR)$(pkgdatadir)/errors
	$(INSTALL) -m 644 $(DOCS) $(DESTDIR)$(docdir)
	$(INSTALL) -m 644 deploy/h5pay.conf.example \
	    deploy/catalogue.ini.example $(DESTDIR)$(pkgdatadir)
	$(INSTALL) -m 644 docs/man/h5pay.1 $(DESTDIR)$(mandir)/man1
	$(INSTALL) -m 644 docs/man/h5pay.conf.5 $(DESTDIR)$(mandir)/man5
	$(INSTALL) -m 644 docs/man/h5pay-programs.8 $(DESTDIR)$(mandir)/man8
	$(INSTALL) -m 644 deploy/completion/h5pay.bash \
	    $(DESTDIR)$(completionsdir)/h5pay
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
	    $(DESTDIR)$(completionsdir)/h5pay
	rm -f $(UNITS:deploy/systemd/%=$(DESTDIR)$(unitdir)/%)
	rm -rf $(DESTDIR)$(pkglibexecdir) $(DESTDIR)$(pkgdatadir) \
	    $(DESTDIR)$(docdir)

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
