/* mac.h - SHA-256 (FIPS 180-4) and HMAC (RFC 2104) once more, so that a
 * signature is recomputed by other code than the one that is tested. */
#ifndef TESTS_FUZZ_MAC_H
#define TESTS_FUZZ_MAC_H

#include <stdint.h>
#include <string.h>

#include "common/base/fields.h"

/* Nothing to find in here, and much to slow down. */
#ifdef __clang__
#define MAC_PLAIN                                                              \
	__attribute__((no_sanitize("address", "undefined", "coverage")))
#else
#define MAC_PLAIN __attribute__((no_sanitize("address", "undefined")))
#endif

struct mac_sha {
	uint32_t h[8];
	unsigned char block[64];
	size_t have;
	uint64_t bytes;
};

static const uint32_t mac_k[64] = {0x428a2f98, 0x71374491, 0xb5c0fbcf,
    0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
    0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7,
    0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
    0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
    0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
    0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
    0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c,
    0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee,
    0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2};

static inline uint32_t
mac_turn(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

MAC_PLAIN static inline void
mac_sha_block(struct mac_sha *s)
{
	uint32_t w[64], v[8], a, b;
	int i;

	for (i = 0; i < 16; i++)
		w[i] = (uint32_t)s->block[4 * i] << 24 |
		       (uint32_t)s->block[4 * i + 1] << 16 |
		       (uint32_t)s->block[4 * i + 2] << 8 |
		       (uint32_t)s->block[4 * i + 3];
	for (; i < 64; i++) {
		a = w[i - 15];
		b = w[i - 2];
		w[i] = w[i - 16] + w[i - 7] +
		       (mac_turn(a, 7) ^ mac_turn(a, 18) ^ a >> 3) +
		       (mac_turn(b, 17) ^ mac_turn(b, 19) ^ b >> 10);
	}
	memcpy(v, s->h, sizeof v);
	for (i = 0; i < 64; i++) {
		a = v[7] +
		    (mac_turn(v[4], 6) ^ mac_turn(v[4], 11) ^
			mac_turn(v[4], 25)) +
		    ((v[4] & v[5]) ^ (~v[4] & v[6])) + mac_k[i] + w[i];
		b = (mac_turn(v[0], 2) ^ mac_turn(v[0], 13) ^
			mac_turn(v[0], 22)) +
		    ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof v[0]);
		v[4] += a;
		v[0] = a + b;
	}
	for (i = 0; i < 8; i++)
		s->h[i] += v[i];
}

MAC_PLAIN static inline void
mac_sha_add(struct mac_sha *s, const void *p, size_t n)
{
	const unsigned char *from = p;

	s->bytes += n;
	for (; n > 0; n--) {
		s->block[s->have++] = *from++;
		if (s->have == sizeof s->block) {
			mac_sha_block(s);
			s->have = 0;
		}
	}
}

static inline void
mac_sha_init(struct mac_sha *s)
{
	static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
	    0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	memset(s, 0, sizeof *s);
	memcpy(s->h, first, sizeof first);
}

MAC_PLAIN static inline void
mac_sha_end(struct mac_sha *s, unsigned char out[32])
{
	static const unsigned char pad[64] = {0x80};
	uint64_t bits = s->bytes * 8;
	unsigned char length[8];
	int i;

	mac_sha_add(s, pad, 1 + (119 - s->have) % 64);
	for (i = 0; i < 8; i++)
		length[i] = (unsigned char)(bits >> (56 - 8 * i));
	mac_sha_add(s, length, sizeof length);
	for (i = 0; i < 32; i++)
		out[i] = (unsigned char)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

/* An HMAC with a key of at most 64 bytes: mac_init, mac_add..., mac_hex. */
struct mac {
	struct mac_sha inner;
	unsigned char key[64];
};

static inline void
mac_add(struct mac *m, const void *p, size_t n)
{
	mac_sha_add(&m->inner, p, n);
}

static inline void
mac_init(struct mac *m, const char *key)
{
	unsigned char pad[64];
	size_t i;

	memset(m, 0, sizeof *m);
	memcpy(m->key, key, strnlen(key, sizeof m->key));
	for (i = 0; i < sizeof pad; i++)
		pad[i] = m->key[i] ^ 0x36;
	mac_sha_init(&m->inner);
	mac_add(m, pad, sizeof pad);
}

/* The digits "0123..." are those to use: their case is the caller's. */
static inline void
mac_hex(struct mac *m, const char *digits, char out[65])
{
	unsigned char digest[32], pad[64];
	struct mac_sha outer;
	size_t i;

	mac_sha_end(&m->inner, digest);
	for (i = 0; i < sizeof pad; i++)
		pad[i] = m->key[i] ^ 0x5c;
	mac_sha_init(&outer);
	mac_sha_add(&outer, pad, sizeof pad);
	mac_sha_add(&outer, digest, sizeof digest);
	mac_sha_end(&outer, digest);
	for (i = 0; i < 32; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[64] = '\0';
}

/* The field whose name comes next after last in byte order; NULL: none. */
static inline const struct h5_field *
mac_next(const struct h5_fields *f, const char *last)
{
	const struct h5_field *next = NULL;
	size_t i;

	for (i = 0; i < f->n; i++)
		if ((last == NULL || strcmp(f->v[i].name, last) > 0) &&
		    (next == NULL || strcmp(f->v[i].name, next->name) < 0))
			next = &f->v[i];
	return next;
}

#endif
