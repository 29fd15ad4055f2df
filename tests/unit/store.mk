# A disk and a clock that do as the test says.
FAULT_CALLS := openat fstat flock pread write pwrite fsync fdatasync \
	ftruncate linkat mkdirat lseek close fstatfs h5_clock_mono_ms \
	h5_clock_pause_ms
UNIT_LDFLAGS_test_store_fault := $(FAULT_CALLS:%=-Wl,--wrap=%)
