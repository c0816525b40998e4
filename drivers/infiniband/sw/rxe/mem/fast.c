// SPDX-License-Identifier: GPL-2.0
/*
 * Fast registration: a kernel consumer's pages under a key that work requests make valid and
 * invalid again.
 *
 * The consumer hands in the next list of pages while the key may still be valid, and then posts an
 * invalidation and a registration in a row. So there are two lists: the one handed in last, and a
 * copy of what it was at the latest registration, which accesses use.
 *
 * On a device without DMA of its own the addresses of pages are the kernel's.
 */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "mr.h"

/**
 * struct rxe_fast - the pages of a region
 * @max: entries of each list
 * @num_staged: entries of @staged that are set
 * @staged_size: bytes of each page
 * @staged_off: where in the first of them the memory begins
 * @page_size: as @staged_size, of @pages
 * @page_off: as @staged_off, of @pages
 * @pages: addresses, in use while the key is valid
 * @staged: addresses, for the next registration
 */
struct rxe_fast {
	u32 max;
	u32 num_staged;
	u32 staged_size;
	u32 staged_off;
	u32 page_size;
	u32 page_off;
	u64 *pages;
	u64 staged[];
};

static void *find(const struct rxe_mr *mr, u64 iova, u32 *left)
{
	const struct rxe_fast *fast = mr->fast;
	u64 off = fast->page_off + (iova - mr->iova);
	u32 in_page = off & (fast->page_size - 1);

	*left = fast->page_size - in_page;
	return (void *)(uintptr_t)(fast->pages[off >> ilog2(fast->page_size)] + in_page);
}

/* A chunk is in use under the region's lock, until done(). */
static enum rxe_mem_err chunk(struct rxe_mr *mr, u64 iova, bool write, struct rxe_chunk *chunk)
{
	u32 left;

	read_lock_bh(&mr->lock);
	if (!mr->valid) {
		read_unlock_bh(&mr->lock);
		return RXE_MEM_KEY;
	}
	chunk->kva = find(mr, iova, &left);
	chunk->len = min(chunk->len, left);
	return RXE_MEM_OK;
}

static void done(struct rxe_mr *mr, struct rxe_chunk *chunk)
{
	read_unlock_bh(&mr->lock);
}

/* To invalidate what is not valid, by the key that it had, does no harm: there is nothing to do. */
static enum rxe_mem_err invalidate(struct rxe_mr *mr, const struct rxe_mw_set *by, u32 key)
{
	enum rxe_mem_err err = RXE_MEM_KEY;

	write_lock_bh(&mr->lock);
	if (mr->key == key) {
		mr->valid = false;
		err = RXE_MEM_OK;
	}
	write_unlock_bh(&mr->lock);
	return err;
}

static void destroy(struct rxe_mr *mr)
{
	kvfree(mr->fast);
}

static const struct rxe_mr_ops fast_ops = {
	.kind = "fast",
	.revocable = true,
	.chunk = chunk,
	.done = done,
	.invalidate = invalidate,
	.destroy = destroy,
};

struct rxe_mr *rxe_mr_alloc_fast(struct ib_pd *pd, u32 max_pages, int access)
{
	struct rxe_mr *mr;

	mr = rxe_mr_alloc(pd, &fast_ops, 0, 0, access);
	if (IS_ERR(mr))
		return mr;
	mr->fast = kvzalloc(struct_size(mr->fast, staged, 2 * (size_t)max_pages), GFP_KERNEL);
	if (!mr->fast) {
		rxe_mr_destroy(mr);
		return ERR_PTR(-ENOMEM);
	}
	mr->fast->max = max_pages;
	mr->fast->pages = mr->fast->staged + max_pages;
	rxe_mr_publish(mr);
	return mr;
}

static int stage(struct ib_mr *ib, u64 addr)
{
	struct rxe_fast *fast = rxe_mr(ib)->fast;

	if (fast->num_staged == fast->max)
		return -ENOMEM;
	fast->staged[fast->num_staged++] = addr;
	return 0;
}

/* The consumer may give the memory another iova afterwards; where it begins is kept here. */
int rxe_mr_map_fast(struct rxe_mr *mr, struct scatterlist *sg, int nents, unsigned int *offset)
{
	int n;

	if (!is_power_of_2(mr->ib.page_size))
		return -EINVAL;
	mr->fast->num_staged = 0;
	n = ib_sg_to_pages(&mr->ib, sg, nents, offset, stage);
	mr->fast->staged_size = mr->ib.page_size;
	mr->fast->staged_off = mr->ib.iova & (mr->ib.page_size - 1);
	return n;
}

/* Are there pages for all of it? */
static bool is_mapped(const struct rxe_fast *fast, const struct rxe_fast_reg *what)
{
	u64 bytes = (u64)fast->num_staged * fast->staged_size;

	return what->length && fast->staged_off <= bytes &&
	       what->length <= bytes - fast->staged_off &&
	       what->iova + (what->length - 1) >= what->iova;
}

static enum rxe_mem_err reg(struct rxe_mr *mr, const struct rxe_fast_reg *what)
{
	struct rxe_fast *fast = mr->fast;

	lockdep_assert_held_write(&mr->lock);
	if (mr->valid || (mr->key ^ what->key) >> RXE_KEY_VARIANT_BITS)
		return RXE_MEM_KEY;
	if (!is_mapped(fast, what))
		return RXE_MEM_RANGE;
	if (atomic_read_acquire(&mr->users))
		return RXE_MEM_BUSY;
	memcpy(fast->pages, fast->staged, fast->num_staged * sizeof(*fast->pages));
	fast->page_size = fast->staged_size;
	fast->page_off = fast->staged_off;
	mr->key = what->key;
	mr->access = what->access;
	mr->iova = what->iova;
	mr->length = what->length;
	mr->valid = true;
	return RXE_MEM_OK;
}

enum rxe_mem_err rxe_mr_fast_reg(struct ib_pd *pd, const struct rxe_fast_reg *what)
{
	struct rxe_mr *mr = rxe_mr_find(pd, what->key);
	enum rxe_mem_err err = RXE_MEM_KEY;

	if (!mr)
		return RXE_MEM_KEY;
	if (mr->fast) {
		write_lock_bh(&mr->lock);
		err = reg(mr, what);
		write_unlock_bh(&mr->lock);
	}
	rxe_handle_put(mr->handle);
	return err;
}
