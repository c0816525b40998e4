// SPDX-License-Identifier: GPL-2.0
/*
 * Flushing (IBA annex A19): global visibility and persistence of what others have written.
 *
 * A peer may ask to flush gigabytes, and whoever executes that has no time for it. So a region that
 * may be flushed to persistence is written through: each write leaves the CPU's caches when it is
 * done, and a flush is a barrier, whatever its range.
 *
 * Memory that lasts is that of a device with pages: DAX. Pinned memory is looked at when it is
 * registered. Of memory on demand nobody knows what will be there, so a write to another page is
 * remembered, and the flush then says so.
 */
#include <linux/highmem.h>
#include <linux/libnvdimm.h>
#include <linux/memremap.h>

#include <asm/barrier.h>

#include "mr.h"

bool rxe_mr_page_lasts(const struct page *page)
{
	return is_zone_device_page(page) && !is_device_private_page(page) &&
	       !is_device_coherent_page(page) && !is_pci_p2pdma_page(page);
}

void rxe_mr_write_back(struct rxe_mr *mr, void *kva, u32 len)
{
	if (rxe_mr_page_lasts(kmap_to_page(kva)))
		arch_wb_cache_pmem(kva, len);
	else
		WRITE_ONCE(mr->fleeting, true);
}

enum rxe_mem_err rxe_mem_flush(struct rxe_mr *mr, bool persistent)
{
	/* All writes before, and their way out of the caches, come before what follows. */
	mb();
	return persistent && READ_ONCE(mr->fleeting) ? RXE_MEM_FAULT : RXE_MEM_OK;
}
