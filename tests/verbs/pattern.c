// SPDX-License-Identifier: GPL-2.0
/*
 * The byte streams of pattern.h. The mixer is a bijection of 64-bit numbers made of multiplications
 * by odd constants and xor-shifts, so two groups of one seed never hold the same eight bytes.
 * Bytes of a group are taken little end first, whatever the machine.
 */
#include <endian.h>
#include <string.h>

#include "pattern.h"

static uint64_t mix64(uint64_t x)
{
	x ^= x >> 29;
	x *= 0xd6e8feb86659fd93ULL;
	x ^= x >> 31;
	x *= 0xa0761d6478bd642fULL;
	x ^= x >> 32;
	return x;
}

uint64_t pattern_word(uint64_t seed, uint64_t group)
{
	return mix64(group + mix64(seed + 0x9e3779b97f4a7c15ULL));
}

uint8_t pattern_byte(uint64_t seed, uint64_t pos)
{
	return pattern_word(seed, pos >> 3) >> (8 * (pos & 7));
}

void pattern_fill(void *p, size_t len, uint64_t seed, uint64_t pos)
{
	uint8_t *d = p;
	size_t i = 0;

	for (; i < len && ((pos + i) & 7); i++)
		d[i] = pattern_byte(seed, pos + i);
	for (; i + 8 <= len; i += 8) {
		uint64_t w = htole64(pattern_word(seed, (pos + i) >> 3));

		memcpy(d + i, &w, 8);
	}
	for (; i < len; i++)
		d[i] = pattern_byte(seed, pos + i);
}

static void note(struct pattern_bad *bad, size_t off, uint8_t want, uint8_t got)
{
	if (!bad->count++) {
		bad->off = off;
		bad->want = want;
		bad->got = got;
	}
}

int pattern_check(const void *p, size_t len, uint64_t seed, uint64_t pos,
		  struct pattern_bad *bad)
{
	const uint8_t *d = p;
	size_t i = 0;

	memset(bad, 0, sizeof(*bad));
	while (i < len) {
		uint64_t w = htole64(pattern_word(seed, (pos + i) >> 3));

		if (!((pos + i) & 7) && i + 8 <= len && !memcmp(d + i, &w, 8)) {
			i += 8;
			continue;
		}
		if (d[i] != pattern_byte(seed, pos + i))
			note(bad, i, pattern_byte(seed, pos + i), d[i]);
		i++;
	}
	return bad->count ? -1 : 0;
}
