# What a test of APIv3's calls replaces at link time: the network, and waiting.
V3_LDFLAGS := -Wl,--wrap=h5_https_call,--wrap=h5_clock_pause_ms
UNIT_LDFLAGS_test_v3_calls := $(V3_LDFLAGS)
UNIT_LDFLAGS_test_v3_files := $(V3_LDFLAGS)
UNIT_LDFLAGS_test_v3_calls_oom = $(V3_LDFLAGS) $(OOM_LDFLAGS)
