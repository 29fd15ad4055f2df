/* XXH64, so that a file of one machine is checked on any other. */
#include "common/base/sum.h"

#define P1 0x9e3779b185ebca87u
#define P2 0xc2b2ae3d27d4eb4fu
#define P3 0x165667b19e3779f9u
#define P4 0x85ebca77c2b2ae63u
#define P5 0x27d4eb2f165667c5u

static uint64_t
rotl(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

/* Little-endian on every machine; compilers make one load of it. */
static uint64_t
get32(const unsigned char *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[3] << 24;
}

static uint64_t
get64(const unsigned char *p)
{
	return get32(p) | get32(p + 4) << 32;
}

static uint64_t
step(uint64_t lane, uint64_t in)
{
	return rotl(lane + in * P2, 31) * P1;
}

static uint64_t
join(uint64_t h, uint64_t lane)
{
	return (h ^ step(0, lane)) * P1 + P4;
}

/* Sums the blocks of 32 bytes, and moves *p behind them. */
static uint64_t
blocks(const unsigned char **p, const unsigned char *end, uint64_t seed)
{
	uint64_t a = seed + P1 + P2, b = seed + P2, c = seed, d = seed - P1, h;
	const unsigned char *q = *p;

	for (; end - q >= 32; q += 32) {
		a = step(a, get64(q));
		b = step(b, get64(q + 8));
		c = step(c, get64(q + 16));
		d = step(d, get64(q + 24));
	}
	*p = q;
	h = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18);
	return join(join(join(join(h, a), b), c), d);
}

uint64_t
h5_sum_64(const void *p, size_t n, uint64_t seed)
{
	const unsigned char *q = p, *end = q + n;
	uint64_t h;

	h = n >= 32 ? blocks(&q, end, seed) : seed + P5;
	h += n;
	for (; end - q >= 8; q += 8)
		h = rotl(h ^ step(0, get64(q)), 27) * P1 + P4;
	if (end - q >= 4) {
		h = rotl(h ^ get32(q) * P1, 23) * P2 + P3;
		q += 4;
	}
	for (; q < end; q++)
		h = rotl(h ^ *q * P5, 11) * P1;
	h = (h ^ h >> 33) * P2;
	h = (h ^ h >> 29) * P3;
	return h ^ h >> 32;
}
