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

/* Prefetches of one process that may wait for their turn. */
#define ADVICES_LIMIT	1024

/**
 * struct later - a prefetch for which nobody waits
 * @node: in mirror->advices
 * @advice: ODP_PREFETCH_*
 * @num: of @ranges
 * @ranges: each with a reference to its window
 */
struct later {
	struct list_head node;
	unsigned int advice;
	unsigned int num;
	struct odp_range ranges[];
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

static void free_later(struct later *later)
{
	unsigned int i;

	for (i = 0; i < later->num; i++)
		odp_umem_put(later->ranges[i].umem);
	kvfree(later);
}

/* One at a time; the others keep their place in the queue. */
void odp_run_advice(struct work_struct *work)
{
	struct odp_mirror *mirror = container_of(work, struct odp_mirror, advise);
	struct later *later;
	bool more;

	/* Who queues it may come late: then its advice was the next one of an earlier run. */
	spin_lock(&mirror->advice_lock);
	later = list_first_entry_or_null(&mirror->advices, struct later, node);
	if (later) {
		list_del(&later->node);
		mirror->num_advices--;
	}
	more = mirror->num_advices;
	spin_unlock(&mirror->advice_lock);
	if (!later)
		return;
	if (more)
		queue_work(mirror->wq, &mirror->advise);
	odp_prefetch(later->ranges, later->num, later->advice);
	/* The last to go, it may have the mirror destroyed. */
	free_later(later);
}

static int queue_later(struct odp_mirror *mirror, struct later *later)
{
	bool full;

	spin_lock(&mirror->advice_lock);
	full = mirror->num_advices >= ADVICES_LIMIT;
	if (!full) {
		list_add_tail(&later->node, &mirror->advices);
		mirror->num_advices++;
	}
	spin_unlock(&mirror->advice_lock);
	if (!full)
		queue_work(mirror->wq, &mirror->advise);
	return full ? -ENOMEM : 0;
}

int odp_prefetch_later(const struct odp_range *ranges, unsigned int num, unsigned int advice)
{
	struct later *later;
	unsigned int i;
	int err;

	later = kvmalloc(struct_size(later, ranges, num), GFP_KERNEL_ACCOUNT);
	if (!later)
		return -ENOMEM;
	later->advice = advice;
	later->num = num;
	for (i = 0; i < num; i++) {
		odp_umem_hold(ranges[i].umem);
		later->ranges[i] = ranges[i];
	}
	err = queue_later(ranges[0].umem->mirror, later);
	if (err)
		free_later(later);
	return err;
}
