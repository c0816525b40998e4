// SPDX-License-Identifier: GPL-2.0
/*
 * Advice: pages that will be touched are brought in before, as many as one fault can take at a
 * time. The range may be longer than memory, so it ends with the program that asked, or with the
 * window.
 */
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "odp_mirror.h"

/**
 * struct later - a prefetch for which nobody waits
 * @work: does it
 * @advice: ODP_PREFETCH_*
 * @num: of @ranges
 * @ranges: each with a reference to its window
 */
struct later {
	struct work_struct work;
	unsigned int advice;
	unsigned int num;
	struct odp_range ranges[] __counted_by(num);
};

/* After the pages from @start on that one fault can bring in. */
static unsigned long piece_end(unsigned long start, unsigned long end)
{
	unsigned long chunk_end = (start | (ODP_CHUNK_SIZE - 1)) + 1;

	if (chunk_end - start > ODP_FAULT_PAGES * PAGE_SIZE)
		chunk_end = start + ODP_FAULT_PAGES * PAGE_SIZE;
	/* The last chunk of all ends at 0. */
	return chunk_end - 1 < end - 1 ? chunk_end : end;
}

static int prefetch_one(const struct odp_range *range, unsigned int advice)
{
	unsigned long start = range->uva & PAGE_MASK;
	unsigned long end = PAGE_ALIGN(range->uva + range->len);
	struct odp_umem *umem = range->umem;
	struct odp_tally tally = {};
	long n = 0;

	for (; range->len && start != end && READ_ONCE(umem->open); start += n * PAGE_SIZE) {
		n = fatal_signal_pending(current) ? -EINTR :
		    odp_fault(umem->mirror, start, piece_end(start, end), advice, &tally);
		if (n < 0)
			break;
		cond_resched();
	}
	odp_umem_add(umem, ODP_COUNT_PREFETCHES, tally.pages);
	odp_umem_add(umem, ODP_COUNT_RETRIES, tally.retries);
	return min(n, 0L);
}

int odp_prefetch(const struct odp_range *ranges, unsigned int num, unsigned int advice)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < num && !err; i++)
		err = prefetch_one(&ranges[i], advice);
	return err;
}

static void run_later(struct work_struct *work)
{
	struct later *later = container_of(work, struct later, work);
	unsigned int i;

	odp_prefetch(later->ranges, later->num, later->advice);
	for (i = 0; i < later->num; i++)
		odp_umem_put(later->ranges[i].umem);
	kfree(later);
}

int odp_prefetch_later(const struct odp_range *ranges, unsigned int num, unsigned int advice)
{
	struct later *later;
	unsigned int i;

	later = kmalloc(struct_size(later, ranges, num), GFP_KERNEL_ACCOUNT);
	if (!later)
		return -ENOMEM;
	INIT_WORK(&later->work, run_later);
	later->advice = advice;
	later->num = num;
	for (i = 0; i < num; i++) {
		odp_umem_hold(ranges[i].umem);
		later->ranges[i] = ranges[i];
	}
	queue_work(odp_wq, &later->work);
	return 0;
}
