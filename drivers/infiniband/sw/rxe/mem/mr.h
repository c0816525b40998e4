/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the files of the room: how a backend makes a region, and the range check.
 */
#ifndef RXE_MEM_MR_H
#define RXE_MEM_MR_H

#include "../compat/rxc_ib.h"
#include "mem.h"

/* A key is the region's number and a variant, so that the number's next owner has another key. */
#define RXE_KEY_VARIANT_BITS	8

/**
 * rxe_mr_alloc() - a region with a key that nobody finds yet
 * @pd: protection domain
 * @ops: backend; its @destroy must cope with a region that is not complete
 * @iova: first address
 * @length: bytes
 * @access: IB_ACCESS_* as effective
 *
 * To give up before rxe_mr_publish(), call rxe_mr_destroy().
 *
 * Context: process, may sleep.
 * Return: the region, or ERR_PTR: -ENOMEM, or -EBUSY when the device has no key left.
 */
struct rxe_mr *rxe_mr_alloc(struct ib_pd *pd, const struct rxe_mr_ops *ops, u64 iova, u64 length,
			    int access);

/**
 * rxe_mr_alloc_again() - a region that is going to take over another one's key
 * @old: published
 * @pd: as for rxe_mr_alloc(), as are the others
 * @ops: backend
 * @iova: first address
 * @length: bytes
 * @access: IB_ACCESS_* as effective
 *
 * To give up before rxe_mr_replace(), call rxe_mr_abandon().
 *
 * Context: process, may sleep.
 * Return: the region or ERR_PTR(-ENOMEM).
 */
struct rxe_mr *rxe_mr_alloc_again(const struct rxe_mr *old, struct ib_pd *pd,
				  const struct rxe_mr_ops *ops, u64 iova, u64 length, int access);

/* The key is @mr's from here on; nobody uses @old any more, which has none. Sleeps. */
void rxe_mr_replace(struct rxe_mr *old, struct rxe_mr *mr);

/* Free a region that does not take over. Sleeps. */
void rxe_mr_abandon(struct rxe_mr *mr);

/*
 * pinned.c: pin the process' memory from @uva on. Sleeps. Return: 0, -ENOMEM, -EFAULT, or -EINVAL
 * for memory that does not last as it should.
 */
int rxe_mr_pin(struct rxe_mr *mr, u64 uva);

/* odp.c: open a window on the process from @uva on. Sleeps. Return: 0 or -ENOMEM. */
int rxe_mr_open_odp(struct rxe_mr *mr, u64 uva);

extern const struct rxe_mr_ops rxe_mr_pinned_ops;
extern const struct rxe_mr_ops rxe_mr_odp_ops;

/* persist.c: have what was written leave the CPU's caches. */
void rxe_mr_write_back(struct rxe_mr *mr, const struct rxe_chunk *chunk);

/* All of the chunk was written on behalf of others. */
static inline void rxe_mr_written(struct rxe_mr *mr, const struct rxe_chunk *chunk)
{
	struct rxe_mr *memory = mr->region ? mr->region : mr;

	if (memory->access & RXC_ACCESS_FLUSH_PERSISTENT)
		rxe_mr_write_back(memory, chunk);
}

/*
 * key.c: the region or window of a protection domain that has the key's number, held by its handle;
 * whether the key is right is not looked at. NULL if there is none. Any context but hard interrupt.
 */
struct rxe_mr *rxe_mr_find(struct ib_pd *pd, u32 key);

/* Undo rxe_mr_close(): windows may be bound again. Any context but hard interrupt. */
void rxe_mr_reopen(struct rxe_mr *mr);

/*
 * A revocable region's key is no key from here on, and nobody is in the middle of an access by it.
 * Any context but hard interrupt.
 */
void rxe_mr_revoke(struct rxe_mr *mr);

/* Let the key be found; the region is complete and constant from here. Process context. */
void rxe_mr_publish(struct rxe_mr *mr);

/*
 * Does the region hold all @len bytes from @iova? No sum is formed that could wrap, and an address
 * before the region wraps to an offset that is not less than any length.
 */
static inline bool rxe_mr_covers(const struct rxe_mr *mr, u64 iova, u64 len)
{
	u64 off = iova - mr->iova;

	return off <= mr->length && len <= mr->length - off;
}

/* On-demand: the address in the process. The only place where an iova becomes one. */
static inline unsigned long rxe_mr_uva(const struct rxe_mr *mr, u64 iova)
{
	return mr->uva + (unsigned long)(iova - mr->iova);
}

/*
 * Can there be such a region? The last byte must have an address too, in both of the spaces, and in
 * the CPU's word.
 */
static inline bool rxe_mr_addressable(u64 uva, u64 iova, u64 length)
{
	return length && uva + (length - 1) >= uva && iova + (length - 1) >= iova &&
	       uva + (length - 1) <= ULONG_MAX;
}

#endif
