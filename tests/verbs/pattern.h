/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Test data: each byte is a function of (seed, position).
 *
 * The function has no short period: positions are taken eight at a time, the group's number and
 * the seed go through a 64-bit mixer, and the group's bytes are the bytes of the result. So a byte
 * that lands at the wrong place, one that is missing, one that comes twice, a page that is swapped
 * with another, or data of another seed all show up, which a constant or counting fill would hide.
 *
 * Words: "position" is the index in the stream of bytes that a seed names, not a memory address.
 * "Guard" is memory around a buffer, filled with a stream of its own, which nothing may change.
 */
#ifndef TESTS_VERBS_PATTERN_H
#define TESTS_VERBS_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* pattern_word - the eight bytes of group @group (positions 8*group .. 8*group+7) as one number. */
uint64_t pattern_word(uint64_t seed, uint64_t group);

/* pattern_byte - the byte of stream @seed at position @pos. */
uint8_t pattern_byte(uint64_t seed, uint64_t pos);

/* pattern_fill - write @len bytes of stream @seed, from position @pos on, to @p. */
void pattern_fill(void *p, size_t len, uint64_t seed, uint64_t pos);

/* struct pattern_bad - the first wrong byte that a check found, and how many there are. */
struct pattern_bad {
	size_t off;	/* of the first wrong byte, from the start of the checked memory */
	size_t count;	/* wrong bytes in all */
	uint8_t want;
	uint8_t got;
};

/*
 * pattern_check - compare @len bytes at @p with stream @seed from position @pos on.
 * Returns 0 when all are right, else -1 with @bad filled.
 */
int pattern_check(const void *p, size_t len, uint64_t seed, uint64_t pos,
		  struct pattern_bad *bad);

#endif
