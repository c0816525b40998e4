// SPDX-License-Identifier: GPL-2.0
/*
 * The key for all of the kernel's memory: the peer names any address, and what is not memory is
 * refused like any other bad address.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "rig.h"

/* Where holes are looked for, and how far apart: firmware keeps some 100 KiB below 4 GiB. */
#define END	SZ_4G
#define STEP	SZ_32K

static int make_both(struct rig *rig)
{
	must(mem_make(&rig->local, rig->dev, 4, 0, 3));
	return mem_make(&rig->far, rig->dev, 1, 3, 777);
}

static int refused(struct rig *rig, const void *addr, u32 len)
{
	u32 key = rig->pd->unsafe_global_rkey;
	u64 iova = (uintptr_t)addr;

	must(rig_rdma(rig, IB_WR_RDMA_READ, iova, key, len, IB_WC_REM_OP_ERR));
	must(rig_rdma(rig, IB_WR_RDMA_WRITE, iova, key, len, IB_WC_REM_OP_ERR));
	return mem_same(&rig->local);
}

int case_global_key(struct rig *rig)
{
	static u8 ours[64];
	struct mem *local = &rig->local, *far = &rig->far;
	u32 key = rig->pd->unsafe_global_rkey;
	u64 there;

	must(make_both(rig));
	there = sg_dma_address(&far->sg[0]);
	far->len = local->len;
	must(rig_rdma(rig, IB_WR_RDMA_WRITE, there, key, local->len, IB_WC_SUCCESS));
	must(mem_expect(far, local, 0));
	mem_fill(far);
	must(rig_rdma(rig, IB_WR_RDMA_READ, there, key, local->len, IB_WC_SUCCESS));
	must(mem_expect(local, far, 0));
	mem_fill(local);
	/* No address of the kernel's; a module's, which is not in the linear map. */
	must(refused(rig, (void *)PAGE_SIZE, 8));
	must(refused(rig, (void *)(ULONG_MAX / 2 + 1), 8));
	return refused(rig, ours, sizeof(ours));
}

static bool is_there(const void *p)
{
	u8 byte;

	return !copy_from_kernel_nofault(&byte, p, sizeof(byte));
}

/* What is memory by its number, but not mapped; behind something that is, if @edge. */
static void *find_hole(bool edge)
{
	unsigned long pfn, step = edge ? 1 : STEP / PAGE_SIZE;
	void *p;

	for (pfn = step; pfn < END / PAGE_SIZE; pfn += step) {
		if (!pfn_valid(pfn) || !pfn_valid(pfn - 1))
			continue;
		p = __va((phys_addr_t)pfn << PAGE_SHIFT);
		if (!is_there(p) && (!edge || is_there(p - 1)))
			return p;
	}
	return NULL;
}

int case_global_holes(struct rig *rig)
{
	void *hole;

	if (IS_ENABLED(CONFIG_KASAN)) {
		pr_info("KASAN does not let memory be searched\n");
		return NOT_HERE;
	}
	hole = find_hole(false);
	if (!hole) {
		pr_info("the linear map has no hole\n");
		return NOT_HERE;
	}
	must(make_both(rig));
	pr_info("a hole at %p\n", hole);
	must(refused(rig, hole, 8));
	/* Only read: what is in front of it belongs to somebody. */
	hole = find_hole(true);
	if (!hole)
		return 0;
	must(rig_rdma(rig, IB_WR_RDMA_READ, (uintptr_t)hole - 3, rig->pd->unsafe_global_rkey, 8,
		      IB_WC_REM_OP_ERR));
	return mem_same(&rig->local);
}
