// SPDX-License-Identifier: GPL-2.0
/*
 * What can be done to the bytes of a region, whatever its backend: read, write, atomic. Backends
 * find chunks, this file touches them.
 *
 * Programs look at memory while it changes. What they may rely on:
 * - A region without relaxed ordering is written in increasing order, cache line by cache line.
 *   The last word is a separate store, last of all, in regions of either kind.
 * - "Word" is the longest of 8, 4, 2 or 1 bytes that ends, aligned, where the data ends. It is one
 *   store, so a program that polls a counter or a flag at the end sees the old value or the new.
 * - A read of one aligned word is one load: it never sees half of an atomic.
 * - Atomics are the CPU's own, so they are atomic against the program as well.
 *
 * The write barriers pair with the acquire load by which a program polls.
 */
#include <linux/align.h>
#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include <asm/barrier.h>

#include "mr.h"

#define LINE	64

/* Does something to the bytes of a chunk, at least 1, and to as many at @buf. */
typedef void (*chunk_fn)(struct rxe_mr *mr, const struct rxe_chunk *chunk, u8 *buf);

/* Wait at @iova, @done bytes into an access that has @left bytes left. */
static noinline enum rxe_mem_err miss(struct rxe_mr *mr, u64 iova, u32 done, u32 left, bool write,
				      struct rxe_mem_wait *wait)
{
	u64 ahead = max_t(u64, left, wait->ahead - min_t(u64, wait->ahead, done));

	return mr->ops->wait(mr, iova, ahead, write, wait);
}

/* Inlined into its callers, so that @fn is not an indirect call. */
static __always_inline enum rxe_mem_err walk(struct rxe_mr *mr, u64 iova, u8 *buf, u32 len,
					     bool write, chunk_fn fn, struct rxe_mem_wait *wait)
{
	struct rxe_chunk chunk;
	enum rxe_mem_err err;
	u32 n, left = len;

	if (!rxe_mr_covers(mr, iova, len))
		return RXE_MEM_RANGE;

	for (; left; iova += n, buf += n, left -= n) {
		chunk.len = left;
		chunk.lasts = false;
		err = mr->ops->chunk(mr, iova, write, &chunk);
		if (err == RXE_MEM_MISS)
			return miss(mr, iova, len - left, left, write, wait);
		if (err)
			return err;
		n = chunk.len;
		fn(mr, &chunk, buf);
		if (mr->ops->done)
			mr->ops->done(mr, &chunk);
	}
	return RXE_MEM_OK;
}

/* Load @len bytes at @src in one go if they are an aligned word. Return: whether they are. */
static bool load_word(u8 *buf, const u8 *src, u32 len)
{
	u64 v8;
	u32 v4;
	u16 v2;

	if (!IS_ALIGNED((uintptr_t)src, len))
		return false;
	switch (len) {
	case 8:
		v8 = READ_ONCE(*(const u64 *)src);
		memcpy(buf, &v8, 8);
		return true;
	case 4:
		v4 = READ_ONCE(*(const u32 *)src);
		memcpy(buf, &v4, 4);
		return true;
	case 2:
		v2 = READ_ONCE(*(const u16 *)src);
		memcpy(buf, &v2, 2);
		return true;
	default:
		return false;
	}
}

static void read_chunk(struct rxe_mr *mr, const struct rxe_chunk *chunk, u8 *buf)
{
	u32 len = chunk->len;

	if (len > 8 || !is_power_of_2(len) || !load_word(buf, chunk->kva, len))
		memcpy(buf, chunk->kva, len);
}

enum rxe_mem_err rxe_mem_read(struct rxe_mr *mr, u64 iova, void *buf, u32 len,
			      struct rxe_mem_wait *wait)
{
	return walk(mr, iova, buf, len, false, read_chunk, wait);
}

/* The size of the word that ends at @end, of data that is @len > 0 bytes long. */
static u32 word_before(const u8 *end, u32 len)
{
	u32 size = 8;

	while (size > len || !IS_ALIGNED((uintptr_t)end, size))
		size /= 2;
	return size;
}

static void store_word(u8 *dst, const u8 *buf, u32 len)
{
	u64 v8;
	u32 v4;
	u16 v2;

	switch (len) {
	case 8:
		memcpy(&v8, buf, 8);
		WRITE_ONCE(*(u64 *)dst, v8);
		break;
	case 4:
		memcpy(&v4, buf, 4);
		WRITE_ONCE(*(u32 *)dst, v4);
		break;
	case 2:
		memcpy(&v2, buf, 2);
		WRITE_ONCE(*(u16 *)dst, v2);
		break;
	default:
		WRITE_ONCE(*dst, *buf);
		break;
	}
}

/* memcpy() promises no order, string instructions have none: so one line after the other. */
static void copy_in_order(u8 *dst, const u8 *buf, u32 len)
{
	u32 n = min_t(u32, len, -(uintptr_t)dst % LINE);

	/* What was written before this chunk comes before it. */
	smp_wmb();
	memcpy(dst, buf, n);
	for (; len - n >= LINE; n += LINE) {
		/* The line before comes before. */
		smp_wmb();
		memcpy(dst + n, buf + n, LINE);
	}
	/* Likewise. */
	smp_wmb();
	memcpy(dst + n, buf + n, len - n);
}

/* Every chunk may be the last one. */
static void write_chunk(struct rxe_mr *mr, const struct rxe_chunk *chunk, u8 *buf)
{
	u32 word = word_before((u8 *)chunk->kva + chunk->len, chunk->len);
	u32 body = chunk->len - word;
	u8 *kva = chunk->kva;

	if (mr->access & IB_ACCESS_RELAXED_ORDERING)
		memcpy(kva, buf, body);
	else
		copy_in_order(kva, buf, body);
	/* This chunk and those before it are visible when the last word is. */
	smp_wmb();
	store_word(kva + body, buf + body, word);
	rxe_mr_written(mr, chunk);
}

enum rxe_mem_err rxe_mem_write(struct rxe_mr *mr, u64 iova, const void *buf, u32 len,
			       struct rxe_mem_wait *wait)
{
	return walk(mr, iova, (u8 *)buf, len, true, write_chunk, wait);
}

static u64 execute(void *word, const struct rxe_atomic *op)
{
	switch (op->kind) {
	case RXE_ATOMIC_SWAP:
		return cmpxchg64((u64 *)word, op->compare, op->swap_add);
	case RXE_ATOMIC_STORE:
		/* What was written before is visible to who sees it. */
		smp_wmb();
		WRITE_ONCE(*(u64 *)word, op->swap_add);
		return 0;
	default:
		return atomic64_fetch_add(op->swap_add, (atomic64_t *)word);
	}
}

enum rxe_mem_err rxe_mem_atomic(struct rxe_mr *mr, u64 iova, const struct rxe_atomic *op,
				u64 *orig, struct rxe_mem_wait *wait)
{
	struct rxe_chunk chunk = { .len = sizeof(u64) };
	enum rxe_mem_err err;

	if (!IS_ALIGNED(iova, sizeof(u64)))
		return RXE_MEM_ALIGN;
	if (!rxe_mr_covers(mr, iova, sizeof(u64)))
		return RXE_MEM_RANGE;

	err = mr->ops->chunk(mr, iova, true, &chunk);
	if (err == RXE_MEM_MISS)
		return miss(mr, iova, 0, sizeof(u64), true, wait);
	if (err)
		return err;
	/*
	 * An aligned iova does not make aligned memory: the two may begin anywhere. If the memory
	 * is aligned, the word is all in the chunk.
	 */
	if (IS_ALIGNED((uintptr_t)chunk.kva, sizeof(u64))) {
		*orig = execute(chunk.kva, op);
		rxe_mr_written(mr, &chunk);
	} else {
		err = RXE_MEM_ALIGN;
	}
	if (mr->ops->done)
		mr->ops->done(mr, &chunk);
	return err;
}
