// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of a process on demand: the window and its pages are the core's (rdma/odp_umem.h); this
 * file turns iovas into addresses of the process, and misses into waits.
 *
 * A region over the whole address space is the widest window there is, and nothing else.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "../base/dev.h"
#include "mr.h"

static enum rxe_mem_err chunk(struct rxe_mr *mr, u64 iova, bool write, struct rxe_chunk *chunk)
{
	unsigned long uva = rxe_mr_uva(mr, iova);

	if (!odp_umem_begin(mr->odp, uva, write, &chunk->odp))
		return RXE_MEM_MISS;
	chunk->kva = chunk->odp.kva;
	chunk->lasts = chunk->odp.lasts;
	chunk->len = min_t(u32, chunk->len, PAGE_SIZE - offset_in_page(uva));
	return RXE_MEM_OK;
}

static void done(struct rxe_mr *mr, struct rxe_chunk *chunk)
{
	odp_umem_end(&chunk->odp);
}

/*
 * A page that was waited for in vain fails the access that comes for it again, and only that. That
 * the host has no memory is no verdict on the page.
 */
static enum rxe_mem_err wait_for(struct rxe_mr *mr, u64 iova, u64 ahead, bool write,
				 struct rxe_mem_wait *wait)
{
	unsigned long uva = rxe_mr_uva(mr, iova);
	int err = wait->odp.err;

	wait->odp.err = 0;
	if (err && wait->odp.page == (uva & PAGE_MASK))
		return err == -ENOMEM ? RXE_MEM_BUSY : RXE_MEM_FAULT;
	return odp_umem_wait(mr->odp, uva, ahead, write, &wait->odp) ? RXE_MEM_BUSY : RXE_MEM_MISS;
}

static void destroy(struct rxe_mr *mr)
{
	if (mr->odp)
		odp_umem_destroy(mr->odp);
}

const struct rxe_mr_ops rxe_mr_odp_ops = {
	.kind = "on_demand",
	.chunk = chunk,
	.done = done,
	.wait = wait_for,
	.destroy = destroy,
};

int rxe_mr_open_odp(struct rxe_mr *mr, u64 uva)
{
	struct odp_umem *umem;

	/* Programs keep notes of their own in the upper bits of a pointer, where the CPU allows. */
	uva = untagged_addr(uva);
	umem = odp_umem_create(uva, uva + (mr->length - 1), &rxe_dev(mr->pd->device)->odp);
	if (IS_ERR(umem))
		return PTR_ERR(umem);
	mr->odp = umem;
	mr->uva = uva;
	return 0;
}
