// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for pages without sleeping. Who has missed a page, in softirq or wherever, leaves a
 * waiter and goes; a work item brings the page in and wakes the waiter.
 *
 * A fault belongs to nobody. It holds the mirror, not the window, and it is not waited for: a page
 * whose data is on a slow disk, or in the hands of a program (userfaultfd), can take for ever, and
 * whoever destroys a window or gives up waiting must not. Many may wait for one fault; who misses a
 * page that is being brought in already joins.
 *
 * A fault brings in more than the page that was missed: what the waiter says that it will touch
 * next, and, when misses follow each other in increasing order, a run that doubles each time. All
 * this ends where the memory does; only the page that was missed decides on success.
 *
 * One lock for all waiters: it is taken a few times for each fault and never for an access.
 */
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/slab.h>

#include "odp_mirror.h"

/**
 * struct fault - pages that are being brought in
 * @work: does it
 * @umem: the window of who began it, for the counters
 * @node: in mirror->faults
 * @waiters: whom to wake
 * @start: the page that was missed
 * @end: after the last page
 * @write: they will be written
 */
struct fault {
	struct work_struct work;
	struct odp_umem *umem;
	struct list_head node;
	struct list_head waiters;
	unsigned long start;
	unsigned long end;
	bool write;
};

struct workqueue_struct *odp_wq;

/* Guards waiters, the lists of faults, and which waiter is on which. */
static DEFINE_SPINLOCK(waits_lock);

static void wake_all(struct fault *fault, int err)
{
	struct odp_waiter *waiter, *next;

	spin_lock_bh(&waits_lock);
	list_del(&fault->node);
	list_for_each_entry_safe(waiter, next, &fault->waiters, node) {
		list_del(&waiter->node);
		/* Another page than the one that failed has its own fate; it is tried again. */
		waiter->err = waiter->page == fault->start ? err : 0;
		/* Pairs with the acquire in odp_waiting(). */
		smp_store_release(&waiter->pending, false);
		waiter->wake(waiter);
	}
	spin_unlock_bh(&waits_lock);
}

static int bring_in(struct fault *fault)
{
	unsigned int advice = fault->write ? ODP_PREFETCH_WRITE : ODP_PREFETCH;
	struct odp_umem *umem = fault->umem;
	struct odp_tally tally = {};
	long n;

	n = odp_fault(umem->mirror, fault->start, fault->end, advice, &tally);
	/* Something further on may be in the way. */
	if (n < 0 && fault->end - fault->start > PAGE_SIZE)
		n = odp_fault(umem->mirror, fault->start, fault->start + PAGE_SIZE, advice,
			      &tally);
	odp_umem_add(umem, ODP_COUNT_RETRIES, tally.retries);
	odp_umem_add(umem, ODP_COUNT_FAULTS, tally.pages);
	return min(n, 0L);
}

static void run_fault(struct work_struct *work)
{
	struct fault *fault = container_of(work, struct fault, work);

	wake_all(fault, bring_in(fault));
	odp_umem_put(fault->umem);
	kfree(fault);
}

/* A fault that is under way and brings the page in, too, or NULL. */
static struct fault *find_fault(struct odp_mirror *mirror, unsigned long page, bool write)
{
	struct fault *fault;

	lockdep_assert_held(&waits_lock);
	list_for_each_entry(fault, &mirror->faults, node)
		if (page >= fault->start && page < fault->end && fault->write >= write)
			return fault;
	return NULL;
}

/* How far a fault at @page reaches, in pages: as needed, and more if misses are in sequence. */
static unsigned long reach(struct odp_umem *umem, unsigned long page, unsigned long need)
{
	unsigned int before = READ_ONCE(umem->ahead_pages);

	if (page == READ_ONCE(umem->ahead_from))
		need = max_t(unsigned long, need, 2UL * before);
	need = min_t(unsigned long, need, ODP_FAULT_PAGES);
	/* Not beyond the window, nor the chunk. */
	need = min(need, ((umem->node.last - page) >> PAGE_SHIFT) + 1);
	need = min(need, ((ODP_CHUNK_SIZE - page % ODP_CHUNK_SIZE) >> PAGE_SHIFT));
	WRITE_ONCE(umem->ahead_pages, need);
	WRITE_ONCE(umem->ahead_from, page + need * PAGE_SIZE);
	return need;
}

static struct fault *begin_fault(struct odp_umem *umem, unsigned long page, u64 bytes, bool write)
{
	struct fault *fault;
	u64 need;

	lockdep_assert_held(&waits_lock);
	fault = kzalloc(sizeof(*fault), GFP_ATOMIC | __GFP_NOWARN);
	if (!fault)
		return NULL;
	need = min_t(u64, DIV_ROUND_UP_ULL(bytes, PAGE_SIZE), ODP_FAULT_PAGES);
	INIT_WORK(&fault->work, run_fault);
	INIT_LIST_HEAD(&fault->waiters);
	odp_umem_hold(umem);
	fault->umem = umem;
	fault->start = page;
	fault->end = page + reach(umem, page, need) * PAGE_SIZE;
	fault->write = write;
	list_add_tail(&fault->node, &umem->mirror->faults);
	queue_work(odp_wq, &fault->work);
	return fault;
}

int odp_umem_wait(struct odp_umem *umem, unsigned long uva, u64 ahead, bool write,
		  struct odp_waiter *waiter)
{
	unsigned long page = uva & PAGE_MASK;
	struct fault *fault;

	spin_lock_bh(&waits_lock);
	fault = find_fault(umem->mirror, page, write);
	if (!fault)
		fault = begin_fault(umem, page, max_t(u64, ahead, 1) + (uva - page), write);
	if (fault) {
		waiter->page = page;
		waiter->pending = true;
		list_add_tail(&waiter->node, &fault->waiters);
	}
	spin_unlock_bh(&waits_lock);
	return fault ? 0 : -ENOMEM;
}

void odp_wait_cancel(struct odp_waiter *waiter)
{
	spin_lock_bh(&waits_lock);
	if (waiter->pending)
		list_del(&waiter->node);
	waiter->pending = false;
	waiter->err = 0;
	spin_unlock_bh(&waits_lock);
}

int odp_init(void)
{
	/* A fault that is on the way of packets comes before what can wait. */
	odp_wq = alloc_workqueue("rdma_odp", WQ_UNBOUND | WQ_HIGHPRI, 0);
	return odp_wq ? 0 : -ENOMEM;
}

void odp_exit(void)
{
	destroy_workqueue(odp_wq);
}
