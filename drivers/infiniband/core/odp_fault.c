// SPDX-License-Identifier: GPL-2.0
/*
 * Bringing pages in: the process' page table is looked at, the kernel is asked to fault for what is
 * missing there, and the answer is stored, unless it has changed meanwhile.
 *
 *	fault				notifier
 *	-----				--------
 *	seq = read_begin
 *	mmap_lock: walk
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
 * whoever cleans a page (writeback, MADV_FREE, reclaim) changes its mapping first, and then the
 * notifier takes our entry.
 *
 * Only what was asked for is granted. A page that is brought in to be read stays read-only here
 * even if the process may write it, for it is not marked dirty; and reading breaks no copy on
 * write.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/magic.h>
#include <linux/memcontrol.h>
#include <linux/memremap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/userfaultfd_k.h>

#include "odp_mirror.h"
#include "odp_trace.h"

/* A process that changes its mappings for so long, and so often, is not served. */
#define PATIENCE	(10 * HZ)
#define MIN_TRIES	64
/* Beginning again is cheap at first, then with a sleep in between. */
#define SPINS		8
/* Of more pages than this, the first one that is missing may bring in the others: a huge page. */
#define PROBE_ABOVE	64

/**
 * struct attempt - one walk of the page table
 * @mirror: whose
 * @chunk: where to store
 * @limit: address that the walk does not go beyond; lowered where that would take too long
 * @range: the walk; end is @limit or the end of the mapping
 * @pfns: its result
 * @lasting: which of them survive a loss of power
 * @dax: there may be such
 * @advice: ODP_PREFETCH_*
 * @waited: the mmap lock was dropped to wait for a page
 * @probed: the first missing page was brought in
 * @doubted: it seemed to be none, and was asked for all the same
 * @tally: of the caller
 */
struct attempt {
	struct odp_mirror *mirror;
	struct odp_chunk *chunk;
	unsigned long limit;
	struct hmm_range range;
	unsigned long *pfns;
	DECLARE_BITMAP(lasting, ODP_FAULT_PAGES);
	bool dax;
	unsigned int advice;
	bool waited;
	bool probed;
	bool doubted;
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

/* The CPU alone writes there, and checks its returns against it. */
#ifdef VM_SHADOW_STACK
static bool is_shadow_stack(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_SHADOW_STACK;
}
#else
static bool is_shadow_stack(const struct vm_area_struct *vma)
{
	return false;
}
#endif

/* Memory of devices is not the process' to lend. */
static bool is_lendable(const struct attempt *a, const struct vm_area_struct *vma)
{
	if ((vma->vm_flags & (VM_IO | VM_PFNMAP)) || !(vma->vm_flags & VM_READ))
		return false;
	if (wants_write(a) && (!(vma->vm_flags & VM_WRITE) || is_shadow_stack(vma)))
		return false;
	return !is_secret(vma);
}

/* Choose how far to walk by the mapping at the start. Caller holds the mmap lock. */
static int prepare(struct attempt *a)
{
	struct vm_area_struct *vma = vma_lookup(a->mirror->mm, a->range.start);

	mmap_assert_locked(a->mirror->mm);
	if (!vma || !is_lendable(a, vma))
		return -EFAULT;
	a->range.end = min(a->limit, vma->vm_end);
	a->dax = vma_is_dax(vma);
	/* A program brings these in, one by one, as it likes: no more than is needed. */
	if (userfaultfd_armed(vma))
		a->range.end = a->range.start + PAGE_SIZE;
	return 0;
}

/*
 * Did the walk find page @pfn, with the right that is needed? That is all to ask of a walk whose
 * sequence was not checked yet: the page may have gone since, and its structure with it.
 */
static bool is_there(unsigned long pfn, bool write)
{
	return (pfn & HMM_PFN_VALID) && !(pfn & HMM_PFN_ERROR) && (!write || (pfn & HMM_PFN_WRITE));
}

/*
 * Have the kernel fault for page @i of the walk. It may seem to be none because a GPU has it, as a
 * part of a huge page, and that only a fault brings back. So it is worth one try, for the page that
 * decides.
 */
static int bring_in_page(struct attempt *a, unsigned long i)
{
	unsigned int flags = FAULT_FLAG_REMOTE | (wants_write(a) ? FAULT_FLAG_WRITE : 0);

	if (a->pfns[i] & HMM_PFN_ERROR) {
		if (i || a->doubted)
			return -EFAULT;
		a->doubted = true;
	}
	return fixup_user_fault(a->mirror->mm, a->range.start + i * PAGE_SIZE, flags, &a->waited);
}

/*
 * Have the kernel fault for what the walk has not found. A fault that has to wait, for a disk or
 * for a program (userfaultfd, FUSE), drops the mmap lock meanwhile; then what comes behind it is
 * left for another time.
 *
 * Return: 0 when nothing is missing up to range.end, -EAGAIN to walk again, -EINTR, -ENOMEM, or
 * -EFAULT when the first page cannot be had.
 */
static int bring_in_missing(struct attempt *a)
{
	unsigned long n = (a->range.end - a->range.start) >> PAGE_SHIFT;
	unsigned long most = a->probed || n <= PROBE_ABOVE ? n : 1;
	unsigned long i, tried = 0;
	int err = 0;

	a->probed = true;
	for (i = 0; i < n && tried < most && !a->waited; i++) {
		if (is_there(a->pfns[i], wants_write(a)))
			continue;
		err = bring_in_page(a, i);
		if (err)
			break;
		tried++;
	}
	if (i == 0 && err)
		return err == -EINTR || err == -ENOMEM ? err : -EFAULT;
	if (err || a->waited)
		a->limit = a->range.end = a->range.start + i * PAGE_SIZE;
	return tried ? -EAGAIN : 0;
}

/* Of frames, not of pages, as above. Here, for the lock that it takes is none for store(). */
static void find_lasting(struct attempt *a)
{
	unsigned long n = (a->range.end - a->range.start) >> PAGE_SHIFT;
	unsigned long i;

	bitmap_zero(a->lasting, ODP_FAULT_PAGES);
	for (i = 0; a->dax && i < n; i++)
		if ((a->pfns[i] & HMM_PFN_VALID) &&
		    odp_frames_last(a->pfns[i] & ~HMM_PFN_FLAGS, 1))
			__set_bit(i, a->lasting);
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
	if (!err && may_wait(a))
		err = bring_in_missing(a);
	mmap_read_unlock(mm);
	if (!err)
		find_lasting(a);
	return err;
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

/* Store page @i of the walk. */
static int store_one(struct attempt *a, unsigned long i)
{
	unsigned long frame = page_to_pfn(hmm_pfn_to_page(a->pfns[i]));
	struct odp_chunk *chunk = a->chunk;
	unsigned long index = odp_chunk_index(chunk, a->range.start) + i;
	void *old = xa_load(&chunk->pages, index);
	bool write = wants_write(a);

	lockdep_assert_held_write(&chunk->lock);
	/* What may be written may be read. */
	if (!write && odp_entry_allows(old, false))
		return 0;
	if (xa_err(xa_store(&chunk->pages, index,
			    odp_entry(frame, test_bit(i, a->lasting), write),
			    GFP_NOWAIT | __GFP_NOWARN)))
		return -ENOMEM;
	if (!old)
		chunk->present++;
	return 0;
}

/* Memory of devices is not the process' to lend, page by page either. DAX memory is memory. */
static bool is_usable(const struct attempt *a, unsigned long pfn)
{
	lockdep_assert_held_write(&a->chunk->lock);
	return is_there(pfn, wants_write(a)) && !is_pci_p2pdma_page(hmm_pfn_to_page(pfn));
}

/*
 * Store what the walk has found, up to the first page that is not usable, or past it if only what
 * is present is wanted. Return: how many pages are dealt with; -EFAULT if the first is not usable;
 * or -ENOMEM if there is no memory without waiting for it.
 */
static long store_all(struct attempt *a)
{
	unsigned long n = (a->range.end - a->range.start) >> PAGE_SHIFT;
	const struct page *last = NULL;
	unsigned long i;

	for (i = 0; i < n; i++) {
		if (!is_usable(a, a->pfns[i])) {
			if (may_wait(a))
				return i ?: -EFAULT;
			a->pfns[i] = 0;
			continue;
		}
		if (store_one(a, i))
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

	memset(a->pfns, 0, ((a->limit - a->range.start) >> PAGE_SHIFT) * sizeof(*a->pfns));
	n = walk(a);
	if (n)
		return n;
	n = store(a);
	if (n == -ENOMEM)
		return reserve(a) ?: -EBUSY;
	return n;
}

/* What keeps changing changes less in a shorter range. */
static void collided(struct attempt *a, unsigned int tries)
{
	unsigned long pages = (a->limit - a->range.start) >> PAGE_SHIFT;

	a->tally->retries++;
	a->limit = a->range.start + max(pages / 2, 1UL) * PAGE_SIZE;
	if (tries < SPINS)
		cond_resched();
	else
		schedule_timeout_uninterruptible(1);
}

static long attempt_all(struct attempt *a)
{
	unsigned long deadline = jiffies + PATIENCE;
	unsigned int tries;
	long n;

	for (tries = 0;; tries++) {
		n = attempt(a);
		if (n != -EBUSY && n != -EAGAIN)
			return n;
		/* Waiting for a page is no failure, however long. */
		if (a->waited)
			deadline = jiffies + PATIENCE;
		a->waited = false;
		if (tries >= MIN_TRIES && time_after(jiffies, deadline))
			return -EFAULT;
		if (n == -EBUSY)
			collided(a, tries);
		else
			cond_resched();
	}
}

static long fault_in_chunk(struct odp_mirror *mirror, struct odp_chunk *chunk, unsigned long start,
			   unsigned long end, unsigned int advice, struct odp_tally *tally)
{
	struct attempt a = {
		.mirror = mirror,
		.chunk = chunk,
		.limit = end,
		.advice = advice,
		.tally = tally,
		.range = {
			.notifier = &chunk->notifier,
			.start = start,
		},
	};
	long n;

	a.pfns = kmalloc_array((end - start) >> PAGE_SHIFT, sizeof(*a.pfns), GFP_KERNEL);
	if (!a.pfns)
		return -ENOMEM;
	a.range.hmm_pfns = a.pfns;
	n = attempt_all(&a);
	kfree(a.pfns);
	return n;
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
	trace_odp_fault_begin(mirror->mm, start, end, advice);
	if (!odp_mirror_get_memory(mirror)) {
		trace_odp_fault_end(mirror->mm, start, -EFAULT);
		return -EFAULT;
	}
	/* Entries, and pages of files that are read in, are paid for by whose memory it is. */
	memcg = get_mem_cgroup_from_mm(mirror->mm);
	before = set_active_memcg(memcg);
	n = fault_in(mirror, start, end, advice, tally);
	set_active_memcg(before);
	mem_cgroup_put(memcg);
	odp_mirror_put_memory(mirror);
	trace_odp_fault_end(mirror->mm, start, n);
	return n;
}
