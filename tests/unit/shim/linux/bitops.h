/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_BITOPS_H
#define SHIM_LINUX_BITOPS_H

#include <linux/bits.h>
#include <linux/compiler.h>

#define BITS_TO_LONGS(n)	(((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)

static inline bool test_bit(unsigned long n, const unsigned long *map)
{
	return READ_ONCE(map[BIT_WORD(n)]) & BIT_MASK(n);
}

static inline bool test_and_set_bit(unsigned long n, unsigned long *map)
{
	return __atomic_fetch_or(&map[BIT_WORD(n)], BIT_MASK(n), __ATOMIC_SEQ_CST) & BIT_MASK(n);
}

static inline bool test_and_clear_bit(unsigned long n, unsigned long *map)
{
	return __atomic_fetch_and(&map[BIT_WORD(n)], ~BIT_MASK(n), __ATOMIC_SEQ_CST) & BIT_MASK(n);
}

static inline void set_bit(unsigned long n, unsigned long *map)
{
	test_and_set_bit(n, map);
}

static inline void clear_bit(unsigned long n, unsigned long *map)
{
	test_and_clear_bit(n, map);
}

#define __set_bit(n, map)	set_bit(n, map)
#define __clear_bit(n, map)	clear_bit(n, map)
#define __ffs(word)		((unsigned long)__builtin_ctzl(word))
#define __fls(word)		((unsigned long)(BITS_PER_LONG - 1 - __builtin_clzl(word)))
#define fls(x)			((x) ? 32 - __builtin_clz(x) : 0)
#define fls64(x)		((x) ? 64 - __builtin_clzll(x) : 0)
#define ffs(x)			__builtin_ffs(x)
#define hweight32(x)		((unsigned int)__builtin_popcount(x))
#define hweight64(x)		((unsigned int)__builtin_popcountll(x))

#endif
