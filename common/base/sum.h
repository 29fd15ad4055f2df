/* sum.h - a 64-bit checksum: XXH64, as published (xxhash.com).
 * It tells damage, not forgery.  Used for the chain of a ledger's lines, for
 * the folder that an order lives in, and for the byte that its conversation
 * lock covers. */
#ifndef H5_BASE_SUM_H
#define H5_BASE_SUM_H

#include <stddef.h>
#include <stdint.h>

/* h5_sum_64(p, n, seed): XXH64 of n bytes, the same on every machine. */
uint64_t h5_sum_64(const void *p, size_t n, uint64_t seed);

#endif
