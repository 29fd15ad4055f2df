# Checks of the pure formats that are no cmocka programs.

# XML is read as expat reads it, or refused.  make check-xml XML_RUNS=1000000
XML_RUNS ?= 20000
XML_SEED ?= 20261123
.PHONY: check-xml
check-xml: $(B)/unit/xml_driver
	$(PYTHON) tests/unit/xml_differential.py $< $(XML_RUNS) $(XML_SEED)

# The snippets for shops make the pay link that common/shop/link.c checks.
.PHONY: check-snippets
check-snippets:
	sh tests/unit/check-snippets.sh

# A machine without MD5 (FIPS), and digests that fail.
UNIT_LDFLAGS_test_sign := -Wl,--wrap=EVP_MD_fetch \
	-Wl,--wrap=EVP_MAC_final,--wrap=EVP_Digest
# Memory runs out where the test says so (oom.h).
OOM_LDFLAGS := -Wl,--wrap=malloc,--wrap=calloc,--wrap=strdup \
	-Wl,--wrap=realloc,--wrap=reallocarray
UNIT_LDFLAGS_test_formats_oom = $(OOM_LDFLAGS)
UNIT_LDFLAGS_test_v3_oom = $(OOM_LDFLAGS)
