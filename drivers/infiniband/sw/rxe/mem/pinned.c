// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of a process, pinned for the life of the region. ib_umem pins, accounts and at the end
 * marks the pages dirty that we were allowed to write, so writes need no bookkeeping here.
 *
 * ib_umem keeps runs of pages, which would have to be searched at every access. We keep one pointer
 * a page beside it, in one array: a page is found in O(1), at the cost of 2 MiB per GiB pinned. The
 * array is virtually contiguous; no allocation depends on physically contiguous memory. Its size
 * ends at what the kernel lets kvmalloc() give, which on 64 bits means a region of 1 TiB.
 *
 * Where a region begins in the process and where it begins as an iova are unrelated numbers; only
 * page_off, of the process' address, says where in the first page its first byte is.
 */
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <rdma/ib_umem.h>

#include "../compat/rxc_ib.h"
#include "mr.h"

#define MAX_PAGES	(INT_MAX / sizeof(struct page *))
#define RESCHED_PAGES	4096

/* Then all of it does: it is not registered otherwise. */
static bool must_last(const struct rxe_mr *mr)
{
	return mr->access & RXC_ACCESS_FLUSH_PERSISTENT;
}

static enum rxe_mem_err chunk(struct rxe_mr *mr, u64 iova, bool write, struct rxe_chunk *chunk)
{
	u64 off = iova - mr->iova + mr->page_off;

	chunk->kva = kmap_local_page(mr->pages[off >> PAGE_SHIFT]) + offset_in_page(off);
	chunk->len = min_t(u32, chunk->len, PAGE_SIZE - offset_in_page(off));
	chunk->lasts = must_last(mr);
	return RXE_MEM_OK;
}

static void done(struct rxe_mr *mr, struct rxe_chunk *chunk)
{
	kunmap_local(chunk->kva);
}

static void destroy(struct rxe_mr *mr)
{
	kvfree(mr->pages);
	if (mr->umem)
		ib_umem_release(mr->umem);
}

const struct rxe_mr_ops rxe_mr_pinned_ops = {
	.kind = "pinned",
	.chunk = chunk,
	.done = done,
	.destroy = destroy,
};

static int list_pages(struct rxe_mr *mr, u64 num)
{
	struct sg_page_iter it;
	u64 n = 0;

	mr->pages = kvmalloc_array(num, sizeof(*mr->pages), GFP_KERNEL_ACCOUNT);
	if (!mr->pages)
		return -ENOMEM;

	for_each_sgtable_page(&mr->umem->sgt_append.sgt, &it, 0) {
		if (WARN_ON_ONCE(n == num))
			return -EFAULT;
		mr->pages[n] = sg_page_iter_page(&it);
		n++;
		if (!(n % RESCHED_PAGES))
			cond_resched();
	}
	return WARN_ON_ONCE(n != num) ? -EFAULT : 0;
}

static bool all_lasts(const struct ib_umem *umem)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_sg(&umem->sgt_append.sgt, sg, i) {
		if (!odp_frames_last(page_to_pfn(sg_page(sg)),
				     PFN_UP(sg->offset + sg->length)))
			return false;
		cond_resched();
	}
	return true;
}

int rxe_mr_pin(struct rxe_mr *mr, u64 uva)
{
	u64 num = ((uva + (mr->length - 1)) >> PAGE_SHIFT) - (uva >> PAGE_SHIFT) + 1;
	struct ib_umem *umem;

	/* Before anything is pinned: a program must not make the allocator warn. */
	if (num > MAX_PAGES)
		return -ENOMEM;
	umem = rxc_umem_get(mr->pd->device, uva, mr->length, mr->access);
	if (IS_ERR(umem))
		return PTR_ERR(umem);
	mr->umem = umem;
	mr->uva = uva;
	mr->page_off = offset_in_page(uva);
	if (must_last(mr) && !all_lasts(umem))
		return -EINVAL;
	return list_pages(mr, num);
}
