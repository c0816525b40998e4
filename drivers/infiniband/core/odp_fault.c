// SPDX-License-Identifier: GPL-2.0
/*
 * Bringing pages in: the kernel's page table is asked, made to fault where it must, and the answer
 * is stored, unless it has changed meanwhile.
 *
 *	fault				notifier
 *	-----				--------
 *	seq = read_begin
 *	mmap_lock: walk, fault
 *					chunk lock: seq moves, entries go
 *					the page table changes
 *	chunk lock: seq moved?
 *	then begin again, else store
 *
 * Outcome: what is stored was the process' page when it was stored, and the notifier that ends
 * this, if it comes later, finds the entry.
 *
 * A page that is stored as writable is marked dirty, once, here. The page table entry need not be
 * dirty, and nobody else will know of writes that go past it. The mark holds as long as the entry:
 * whoever cleans a page (writeback, MADV_FREE, reclaim) takes the mapping's right to write first,
 * and then the notifier takes our entry.
 *
 * Only what was asked for is granted. A page that is brought in to be read stays read-only here
 * even if the process may write it, for it is not marked dirty; and reading breaks no copy on
 * write.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/magic.h>
#include <linux/memcontrol.h>
#include <linux/memremap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/userfaultfd_k.h>

#include "odp_mirror.h"

/* A process that changes its mappings for longer than this without a pause is not served. */
#define PATIENCE	(10 * HZ)
/* Beginning again is cheap at first, then with a sleep in between. */
#define SPINS		8

/**
 * struct attempt - one walk of the page table
 * @mirror: whose
 * @chunk: where to store
 * @range: the walk; end is lowered to the end of the mapping
 * @pfns: its result
 * @advice: ODP_PREFETCH_*
 * @tally: of the caller
 */
struct attempt {
	struct odp_mirror *mirror;
	struct odp_chunk *chunk;
	struct hmm_range range;
	unsigned long *pfns;
	unsigned int advice;
	struct odp_tally *tally;
};

static bool wants_write(const struct attempt *a)
{
	return a->advice & ODP_PREFETCH_WRITE;
}

static bool may_wait(const struct attempt *a)
{
	return !(a->advice & ODP_PREFETCH_PRESENT);
}

/* The kernel itself has no mapping of such pages, so nobody but the process can touch them. */
static bool is_secret(const struct vm_area_struct *vma)
{
	return vma->vm_file && file_inode(vma->vm_file)->i_sb->s_magic == SECRETMEM_MAGIC;
}

/*
 * The walk cannot wait for the program that resolves the fault of a userfaultfd, so it is done for
 * it, a page at a time. Return: 0 when the lock was kept, -EAGAIN when it was dropped meanwhile and
 * nothing is known of the mapping any more, or -EFAULT.
 */
static int fault_by_userfaultfd(struct attempt *a)
{
	unsigned int flags = FAULT_FLAG_REMOTE | (wants_write(a) ? FAULT_FLAG_WRITE : 0);
	bool unlocked = false;

	a->range.end = a->range.start + PAGE_SIZE;
	if (fixup_user_fault(a->mirror->mm, a->range.start, flags, &unlocked))
		return -EFAULT;
	return unlocked ? -EAGAIN : 0;
}

/* Choose what the walk does by the mapping at its start. Caller holds the mmap lock. */
static int prepare(struct attempt *a)
{
	struct vm_area_struct *vma = vma_lookup(a->mirror->mm, a->range.start);

	mmap_assert_locked(a->mirror->mm);
	if (!vma || is_secret(vma))
		return -EFAULT;
	a->range.end = min(a->range.end, vma->vm_end);
	a->range.default_flags = 0;
	if (!may_wait(a))
		return 0;
	if (userfaultfd_armed(vma))
		return fault_by_userfaultfd(a);
	a->range.default_flags = HMM_PFN_REQ_FAULT | (wants_write(a) ? HMM_PFN_REQ_WRITE : 0);
	return 0;
}

/* Return: 0, -EBUSY or -EAGAIN to begin again, or another error. */
static int walk(struct attempt *a)
{
	struct mm_struct *mm = a->mirror->mm;
	int err;

	a->range.notifier_seq = mmu_interval_read_begin(a->range.notifier);
	mmap_read_lock(mm);
	err = prepare(a);
	if (!err)
		err = hmm_range_fault(&a->range);
	mmap_read_unlock(mm);
	return err;
}

/* Memory of devices is not the process' to lend. DAX memory is memory. */
static bool is_usable(unsigned long pfn, bool write)
{
	struct page *page;

	if (!(pfn & HMM_PFN_VALID) || (pfn & HMM_PFN_ERROR) || (write && !(pfn & HMM_PFN_WRITE)))
		return false;
	page = hmm_pfn_to_page(pfn);
	return !is_device_private_page(page) && !is_pci_p2pdma_page(page);
}

/* Hold the page if it is still to be marked dirty, and leave in @pfn whether it is. */
static void hold_clean(unsigned long *pfn, const struct page **last)
{
	struct page *page = hmm_pfn_to_page(*pfn);
	const struct page *head = compound_head(page);

	if (head == *last || is_zone_device_page(page) || PageDirty(page)) {
		*pfn = 0;
		return;
	}
	*last = head;
	get_page(page);
}

static int store_one(struct odp_chunk *chunk, unsigned long index, unsigned long pfn, bool write)
{
	unsigned long frame = page_to_pfn(hmm_pfn_to_page(pfn));
	void *old = xa_load(&chunk->pages, index);

	lockdep_assert_held_write(&chunk->lock);
	/* What may be written may be read. */
	if (!write && odp_entry_allows(old, false))
		return 0;
	if (xa_err(xa_store(&chunk->pages, index, odp_entry(frame, write),
			    GFP_NOWAIT | __GFP_NOWARN)))
		return -ENOMEM;
	if (!old)
		chunk->present++;
	return 0;
}

/*
 * Store what the walk has found, up to the first page that is not usable, or past it if only what
 * is present is wanted. Return: how many pages are dealt with, or -ENOMEM if there is no memory
 * without waiting for it.
 */
static long store_all(struct attempt *a)
{
	unsigned long n = (a->range.end - a->range.start) >> PAGE_SHIFT;
	unsigned long first = odp_chunk_index(a->chunk, a->range.start);
	const struct page *last = NULL;
	unsigned long i;

	for (i = 0; i < n; i++) {
		if (!is_usable(a->pfns[i], wants_write(a))) {
			if (may_wait(a))
				break;
			a->pfns[i] = 0;
			continue;
		}
		if (store_one(a->chunk, first + i, a->pfns[i], wants_write(a)))
			return i ?: -ENOMEM;
		a->tally->pages++;
		if (wants_write(a))
			hold_clean(&a->pfns[i], &last);
	}
	return i;
}

static void mark_dirty(struct attempt *a, long n)
{
	struct page *page;
	long i;

	for (i = 0; i < n; i++) {
		if (!a->pfns[i])
			continue;
		page = hmm_pfn_to_page(a->pfns[i]);
		set_page_dirty_lock(page);
		put_page(page);
	}
}

static long store(struct attempt *a)
{
	struct odp_chunk *chunk = a->chunk;
	long n = -EBUSY;

	odp_chunk_change(chunk);
	if (!mmu_interval_read_retry(&chunk->notifier, a->range.notifier_seq))
		n = store_all(a);
	odp_chunk_changed(chunk);
	if (wants_write(a))
		mark_dirty(a, n);
	return n;
}

/* Make room where storing found none: once, with the patience that the lock forbids. */
static int reserve(struct attempt *a)
{
	unsigned long first = odp_chunk_index(a->chunk, a->range.start);

	return xa_reserve_bh(&a->chunk->pages, first, GFP_KERNEL_ACCOUNT);
}

/* Return: as odp_fault() does, or -EBUSY or -EAGAIN to begin again. */
static long attempt(struct attempt *a)
{
	long n;

	memset(a->pfns, 0, ((a->range.end - a->range.start) >> PAGE_SHIFT) * sizeof(*a->pfns));
	n = walk(a);
	if (n)
		return n == -EBUSY || n == -EAGAIN || n == -ENOMEM ? n : -EFAULT;
	n = store(a);
	if (n == -ENOMEM)
		return reserve(a) ?: -EBUSY;
	if (n)
		return n;
	/* Else the walk was not to fault, and what the userfaultfd brought is gone again. */
	return a->range.default_flags ? -EFAULT : -EBUSY;
}

static void take_breath(unsigned int tries)
{
	if (tries < SPINS)
		cond_resched();
	else
		schedule_timeout_uninterruptible(1);
}

static long fault_in_chunk(struct odp_mirror *mirror, struct odp_chunk *chunk, unsigned long start,
			   unsigned long end, unsigned int advice, struct odp_tally *tally)
{
	unsigned long deadline = jiffies + PATIENCE;
	struct attempt a = {
		.mirror = mirror,
		.chunk = chunk,
		.advice = advice,
		.tally = tally,
		.range = {
			.notifier = &chunk->notifier,
			.start = start,
		},
	};
	unsigned int tries;
	long n;

	a.pfns = kmalloc_array((end - start) >> PAGE_SHIFT, sizeof(*a.pfns), GFP_KERNEL);
	if (!a.pfns)
		return -ENOMEM;
	a.range.hmm_pfns = a.pfns;
	for (tries = 0;; tries++) {
		a.range.end = end;
		n = attempt(&a);
		if (n != -EAGAIN && (n != -EBUSY || time_after(jiffies, deadline)))
			break;
		/* -EAGAIN: it has waited for a userfaultfd's program, which may take its time. */
		if (n == -EAGAIN)
			deadline = jiffies + PATIENCE;
		tally->retries += n == -EBUSY;
		take_breath(tries);
	}
	kfree(a.pfns);
	return n == -EBUSY ? -EFAULT : n;
}

static long fault_in(struct odp_mirror *mirror, unsigned long start, unsigned long end,
		     unsigned int advice, struct odp_tally *tally)
{
	struct odp_chunk *chunk = odp_chunk_get(mirror, start);
	long n;

	if (IS_ERR(chunk))
		return PTR_ERR(chunk);
	n = fault_in_chunk(mirror, chunk, start, end, advice, tally);
	odp_chunk_put(chunk);
	return n;
}

long odp_fault(struct odp_mirror *mirror, unsigned long start, unsigned long end,
	       unsigned int advice, struct odp_tally *tally)
{
	struct mem_cgroup *memcg, *before;
	long n;

	might_sleep();
	/* A process that is gone has no memory; one that is going keeps it until we are done. */
	if (!mmget_not_zero(mirror->mm))
		return -EFAULT;
	/* Entries, and pages of files that are read in, are paid for by whose memory it is. */
	memcg = get_mem_cgroup_from_mm(mirror->mm);
	before = set_active_memcg(memcg);
	n = fault_in(mirror, start, end, advice, tally);
	set_active_memcg(before);
	mem_cgroup_put(memcg);
	/* Not mmput(): the last one would tear down the process' memory here, notifiers and all. */
	mmput_async(mirror->mm);
	return n;
}
