// SPDX-License-Identifier: GPL-2.0
/*
 * The shim's few functions with a body: the allocator that counts and fails on demand, locks that
 * know their owner, and the CRC32 that compat/ takes from the kernel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/syscall.h>

#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "../../../drivers/infiniband/sw/rxe/compat/crc32.h"
#include "shim.h"

static long live;
static unsigned long calls;
static unsigned long fail_at;
static __thread int atomic_depth;

void shim_fail_nth(unsigned long n)
{
	fail_at = n ? calls + n : 0;
}

bool shim_fail_pending(void)
{
	return fail_at > calls;
}

long shim_live(void)
{
	return __atomic_load_n(&live, __ATOMIC_SEQ_CST);
}

unsigned long shim_calls(void)
{
	return __atomic_load_n(&calls, __ATOMIC_SEQ_CST);
}

int shim_atomic_depth(void)
{
	return atomic_depth;
}

void shim_might_sleep(const char *file, int line)
{
	if (!atomic_depth)
		return;
	fprintf(stderr, "%s:%d: may sleep under %d spinlock(s)\n", file, line, atomic_depth);
	abort();
}

void *shim_alloc(size_t size, gfp_t gfp)
{
	unsigned long call = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
	void *p;

	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	/* As the kernel: what overflowed or is absurd fails, without a word from the sanitizer. */
	if (call == fail_at || size > INT_MAX)
		return NULL;
	p = gfp & __GFP_ZERO ? calloc(1, size) : malloc(size);
	if (p)
		__atomic_add_fetch(&live, 1, __ATOMIC_SEQ_CST);
	return p;
}

void shim_free(const void *p)
{
	if (!p)
		return;
	__atomic_sub_fetch(&live, 1, __ATOMIC_SEQ_CST);
	free((void *)p);
}

static int self(void)
{
	return syscall(SYS_gettid);
}

bool shim_is_held(const spinlock_t *lock)
{
	return __atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == self();
}

bool shim_is_held_any(const void *lock)
{
	return shim_is_held(lock);
}

static bool take(spinlock_t *lock)
{
	int nobody = 0;

	return __atomic_compare_exchange_n(&lock->owner, &nobody, self(), false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void take_waiting(spinlock_t *lock)
{
	BUG_ON(shim_is_held(lock));
	while (!take(lock))
		usleep(10);
}

static void let_go(spinlock_t *lock)
{
	BUG_ON(!shim_is_held(lock));
	__atomic_store_n(&lock->owner, 0, __ATOMIC_RELEASE);
}

bool shim_trylock(spinlock_t *lock)
{
	if (!take(lock))
		return false;
	atomic_depth++;
	return true;
}

void shim_lock(spinlock_t *lock)
{
	take_waiting(lock);
	atomic_depth++;
}

void shim_unlock(spinlock_t *lock)
{
	let_go(lock);
	atomic_depth--;
}

void mutex_lock(struct mutex *m)
{
	might_sleep();
	take_waiting(&m->lock);
}

void mutex_unlock(struct mutex *m)
{
	let_go(&m->lock);
}

/* Bit by bit from the polynomial, so that no table has to be believed. */
u32 rxc_crc32(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;
	int bit;

	for (; len; len--, p++) {
		crc ^= *p;
		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320U : crc >> 1;
	}
	return crc;
}
