// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for pages without sleeping. Who has missed a page, in softirq or wherever, leaves a
 * waiter and goes; a work item brings the page in and wakes the waiter.
 *
 * A fault belongs to nobody. It keeps no window open, and it is not waited for: a page
 * whose data is on a slow disk, or in the hands of a program (userfaultfd), can take for ever, and
 * whoever destroys a window or gives up waiting must not. Many may wait for one fault: those who
 * miss the same page.
 *
 * A fault brings in more than the page that was missed: what the waiter says that it will touch
 * next, and, when it only reads and misses follow each other in increasing order, a run that
 * doubles each time. To have pages ready for writing that nobody will write would cost memory and
 * break sharing. All this ends where the memory does; only the page that was missed decides on
 * success.
 *
 * Faults run on a queue of their process, so that one whose pages never come holds up nobody else.
 *
 * One lock for all waiters: it is taken a few times for each fault and never for an access. So a
 * device may use the same waiters for memory that is not a process': a list of its own, and a work
 * item of its own.
 */
#include <linux/err.h>
#include <linux/slab.h>

#include "odp_mirror.h"

/* Faults of one process that may be under way, most of them waiting for their turn. */
#define FAULTS_LIMIT	4096

/**
 * struct fault - pages that are being brought in
 * @work: does it
 * @umem: the window of who began it, for the counters
 * @waiters: whom to wake with what became of it
 * @others: whom to wake to try again: who came when it was looking already, and may ask for what
 *	has been there since; who only reads, and may have what cannot be had for writing
 * @start: the page that was missed
 * @end: after the last page
 * @write: they will be written
 * @looking: it has begun
 */
struct fault {
	struct work_struct work;
	struct odp_umem *umem;
	struct list_head waiters;
	struct list_head others;
	unsigned long start;
	unsigned long end;
	bool write;
	bool looking;
};

/* Guards waiters, faults, and which waiter is on which. */
static DEFINE_SPINLOCK(waits_lock);

/* Nobody can join the fault any more. */
static void unlist(struct fault *fault)
{
	struct odp_mirror *mirror = fault->umem->mirror;

	lockdep_assert_held(&waits_lock);
	WARN_ON_ONCE(!mirror->num_faults);
	mirror->num_faults--;
	/* Or has one for writing taken its place? */
	xa_cmpxchg(&mirror->faults, fault->start >> PAGE_SHIFT, fault, NULL, 0);
}

static void begin_wait(struct list_head *waiters, struct odp_waiter *waiter, unsigned long page)
{
	lockdep_assert_held(&waits_lock);
	waiter->page = page;
	waiter->pending = true;
	list_add_tail(&waiter->node, waiters);
}

static void wake(struct odp_waiter *waiter, int err)
{
	lockdep_assert_held(&waits_lock);
	list_del(&waiter->node);
	waiter->err = err;
	/* Pairs with the acquire in odp_waiting(). */
	smp_store_release(&waiter->pending, false);
	waiter->wake(waiter);
}

static void wake_all(struct list_head *waiters, int err)
{
	struct odp_waiter *waiter, *next;

	lockdep_assert_held(&waits_lock);
	list_for_each_entry_safe(waiter, next, waiters, node)
		wake(waiter, err);
}

static void begin_look(struct fault *fault)
{
	spin_lock_bh(&waits_lock);
	fault->looking = true;
	spin_unlock_bh(&waits_lock);
}

static void end_look(struct fault *fault, int err)
{
	spin_lock_bh(&waits_lock);
	unlist(fault);
	wake_all(&fault->waiters, err);
	wake_all(&fault->others, 0);
	spin_unlock_bh(&waits_lock);
}

static int bring_in(struct fault *fault)
{
	unsigned int advice = fault->write ? ODP_PREFETCH_WRITE : ODP_PREFETCH;
	struct odp_umem *umem = fault->umem;
	struct odp_tally tally = {};
	long n;

	n = odp_fault(umem->mirror, fault->start, fault->end, advice, &tally);
	odp_umem_add(umem, ODP_COUNT_RETRIES, tally.retries);
	odp_umem_add(umem, ODP_COUNT_FAULTS, tally.pages);
	return min(n, 0L);
}

static void run_fault(struct work_struct *work)
{
	struct fault *fault = container_of(work, struct fault, work);

	begin_look(fault);
	end_look(fault, bring_in(fault));
	odp_umem_put(fault->umem);
	kfree(fault);
}

/* How far a fault at @page reaches, in pages: as needed, and more if reads miss in sequence. */
static unsigned long reach(struct odp_umem *umem, unsigned long page, unsigned long need,
			   bool write)
{
	unsigned int before = READ_ONCE(umem->ahead_pages);

	if (!write && page == READ_ONCE(umem->ahead_from))
		need = max_t(unsigned long, need, 2UL * before);
	need = min_t(unsigned long, need, ODP_FAULT_PAGES);
	/* Not beyond the window, nor the chunk. */
	need = min(need, ((umem->node.last - page) >> PAGE_SHIFT) + 1);
	need = min(need, ((ODP_CHUNK_SIZE - page % ODP_CHUNK_SIZE) >> PAGE_SHIFT));
	WRITE_ONCE(umem->ahead_pages, need);
	WRITE_ONCE(umem->ahead_from, page + need * PAGE_SIZE);
	return need;
}

static struct fault *new_fault(struct odp_umem *umem, unsigned long page, u64 bytes, bool write)
{
	u64 need = min_t(u64, DIV_ROUND_UP_ULL(bytes, PAGE_SIZE), ODP_FAULT_PAGES);
	struct fault *fault = kzalloc(sizeof(*fault), GFP_ATOMIC | __GFP_NOWARN);

	if (!fault)
		return NULL;
	INIT_WORK(&fault->work, run_fault);
	INIT_LIST_HEAD(&fault->waiters);
	INIT_LIST_HEAD(&fault->others);
	fault->umem = umem;
	fault->start = page;
	fault->end = page + reach(umem, page, need, write) * PAGE_SIZE;
	fault->write = write;
	return fault;
}

static struct fault *begin_fault(struct odp_umem *umem, unsigned long page, u64 bytes, bool write)
{
	struct odp_mirror *mirror = umem->mirror;
	struct fault *fault;

	lockdep_assert_held(&waits_lock);
	if (mirror->num_faults >= FAULTS_LIMIT)
		return NULL;
	fault = new_fault(umem, page, bytes, write);
	if (!fault)
		return NULL;
	if (xa_err(xa_store(&mirror->faults, page >> PAGE_SHIFT, fault,
			    GFP_ATOMIC | __GFP_NOWARN))) {
		kfree(fault);
		return NULL;
	}
	mirror->num_faults++;
	odp_umem_hold(umem);
	queue_work(mirror->wq, &fault->work);
	return fault;
}

int odp_umem_wait(struct odp_umem *umem, unsigned long uva, u64 ahead, bool write,
		  struct odp_waiter *waiter)
{
	unsigned long page = uva & PAGE_MASK;
	struct list_head *waiters;
	struct fault *fault;

	spin_lock_bh(&waits_lock);
	fault = xa_load(&umem->mirror->faults, page >> PAGE_SHIFT);
	if (!fault || fault->write < write)
		fault = begin_fault(umem, page, max_t(u64, ahead, 1) + (uva - page), write);
	if (fault) {
		waiters = fault->looking || fault->write != write ? &fault->others :
								    &fault->waiters;
		begin_wait(waiters, waiter, page);
	}
	spin_unlock_bh(&waits_lock);
	return fault ? 0 : -ENOMEM;
}

void odp_wait_on(struct list_head *waiters, struct odp_waiter *waiter)
{
	spin_lock_bh(&waits_lock);
	begin_wait(waiters, waiter, (unsigned long)waiters);
	spin_unlock_bh(&waits_lock);
}

void odp_wait_done(struct list_head *waiters, int err)
{
	spin_lock_bh(&waits_lock);
	wake_all(waiters, err);
	spin_unlock_bh(&waits_lock);
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
