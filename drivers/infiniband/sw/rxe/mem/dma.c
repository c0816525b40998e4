// SPDX-License-Identifier: GPL-2.0
/*
 * All of the kernel's memory as one region. On a device without DMA of its own, what a kernel
 * consumer gets from ib_dma_map_*() is the kernel virtual address, and that is our iova.
 *
 * Consumers that open this region to their peers (IB_PD_UNSAFE_GLOBAL_RKEY) let those choose the
 * address, and a lie must not crash the host by itself: only what the kernel's linear map (and its
 * image) holds is touched. To write where that is constant does crash it, but whoever may write all
 * of the kernel's memory has no need of that.
 *
 * Not all that the kernel takes for memory is there: a section that was there at boot may have
 * holes, and pages may be taken out of the map (memfd_secret). So each page is read first. One that
 * is taken out in between is beyond this: nothing holds the map for others.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "mr.h"

static bool is_mapped(const void *p)
{
	u8 byte;

	return virt_addr_valid(p) && !copy_from_kernel_nofault(&byte, p, sizeof(byte));
}

static enum rxe_mem_err chunk(struct rxe_mr *mr, u64 iova, bool write, struct rxe_chunk *chunk)
{
	void *p = (void *)(uintptr_t)iova;

	if ((uintptr_t)p != iova || !is_mapped(p))
		return RXE_MEM_FAULT;
	chunk->kva = p;
	chunk->len = min_t(u64, chunk->len, PAGE_SIZE - offset_in_page(p));
	return RXE_MEM_OK;
}

static const struct rxe_mr_ops dma_ops = {
	.kind = "dma",
	.chunk = chunk,
};

struct rxe_mr *rxe_mr_get_dma(struct ib_pd *pd, int access)
{
	struct rxe_mr *mr;

	mr = rxe_mr_alloc(pd, &dma_ops, 0, U64_MAX, access);
	if (!IS_ERR(mr))
		rxe_mr_publish(mr);
	return mr;
}
