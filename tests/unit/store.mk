# A disk and a clock that do as the test says.
FAULT_CALLS := openat fstat flock pread write pwrite fsync fdatasync \
	ftruncate linkat mkdirat lseek close fstatfs h5_clock_mono_ms \
	h5_clock_pause_ms
UNIT_LDFLAGS_test_store_fault := $(FAULT_CALLS:%=-Wl,--wrap=%)
# A table of formats that has a second one; and each step to the disk.
UNIT_LDFLAGS_test_store_format := $(foreach f,h5_since_event h5_since_newest \
	fsync fdatasync renameat write,-Wl,--wrap=$(f))
UNIT_LDFLAGS_test_store_oom = $(OOM_LDFLAGS)
