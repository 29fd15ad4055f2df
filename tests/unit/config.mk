# The account's home folder is the test's, and so is what stands in /etc.
UNIT_LDFLAGS_test_config_find := -Wl,--wrap=getpwuid_r -Wl,--wrap=stat
UNIT_LDFLAGS_test_config_oom = $(OOM_LDFLAGS)
# Somebody writes while the file is read.
UNIT_LDFLAGS_test_catalogue := -Wl,--wrap=read
