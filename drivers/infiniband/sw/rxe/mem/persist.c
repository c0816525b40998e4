// SPDX-License-Identifier: GPL-2.0
/*
 * Flushing (IBA annex A19): global visibility and persistence of what others have written.
 *
 * A peer may ask to flush gigabytes, and whoever executes that has no time for it. So a region that
 * may be flushed to persistence is written through: each write leaves the CPU's caches when it is
 * done, and a flush is a barrier, whatever its range.
 *
 * Pinned memory is looked at when it is registered. Of memory on demand nobody knows what will be
 * there, so a write to a page that does not last is remembered, and the flush then says so.
 */
#include <linux/libnvdimm.h>

#include <asm/barrier.h>

#include "mr.h"

void rxe_mr_write_back(struct rxe_mr *mr, const struct rxe_chunk *chunk)
{
	if (chunk->lasts)
		arch_wb_cache_pmem(chunk->kva, chunk->len);
	else
		WRITE_ONCE(mr->fleeting, true);
}

enum rxe_mem_err rxe_mem_flush(struct rxe_mr *mr, bool persistent)
{
	/* All writes before, and their way out of the caches, come before what follows. */
	mb();
	if (persistent)
		pmem_wmb();
	return persistent && READ_ONCE(mr->fleeting) ? RXE_MEM_FAULT : RXE_MEM_OK;
}
