/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the files of on-demand memory: the mirror of an address space, its chunks and windows,
 * and the locks. See Documentation/odp.rst for the whole contract.
 *
 * Lock order, outermost first:
 *	mirrors_lock		mutex (odp_mirror.c): the list of mirrors
 *	mirror->chunks_lock	mutex: birth and death of chunks
 *	the process' mmap_lock, and whatever the kernel holds when it invalidates
 *	chunk->lock		bottom halves off; every access, every change of page entries
 *	mirror->windows_lock	bottom halves off
 *	waits_lock		bottom halves off (odp_wait.c); what a waiter's wake takes is within
 * mirror->memory_lock is taken by faults alone, with nothing above or below.
 */
#ifndef CORE_ODP_MIRROR_H
#define CORE_ODP_MIRROR_H

#include <linux/hmm.h>
#include <linux/interval_tree.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <rdma/odp_umem.h>

/* Bytes of the process that one chunk mirrors. */
#define ODP_CHUNK_SHIFT		21
#define ODP_CHUNK_SIZE		(1UL << ODP_CHUNK_SHIFT)
#define ODP_CHUNK_PAGES		(ODP_CHUNK_SIZE >> PAGE_SHIFT)
/* Pages that one fault brings in at most. */
#define ODP_FAULT_PAGES		512
/* Chunks that accesses find without a walk of the table; 128 MiB in a row. */
#define ODP_RECENT_CHUNKS	64

/**
 * struct odp_mirror - what is known of a process' page table
 * @refs: windows and faults
 * @mm: the address space; its structure is held, its memory is not
 * @node: in the table of mirrors
 * @memory_lock: guards @memory_holds; process context
 * @memory_holds: of the process' memory, by faults under way. Counted after it is held, until
 *	before it is given back: of a process that lives, mm_users is always more
 * @listens: @first is there; changes under the process' mmap lock
 * @first: the process' first notifier, of nothing (odp_listen.c); goes with the mirror
 * @chunks_lock: guards changes of @chunks and their users
 * @chunks: by uva >> ODP_CHUNK_SHIFT; a marked one may be empty
 * @recent: chunks that were used lately, by the low bits of the same; for accesses, under RCU. A
 *	chunk gets there under its lock, and is taken away under @chunks_lock before it is freed
 * @reap: gives empty chunks back
 * @windows_lock: guards @windows and that they are open
 * @windows: by their pages
 * @wq: what faults and advice of this process run on; another's are not held up by it
 * @faults: under way, by the page that was missed first, for others to join; under waits_lock
 * @num_faults: of them, and those that nobody can join any more; likewise
 * @advice_lock: guards @advices and @num_advices; process context
 * @advices: prefetches that nobody waits for (odp_prefetch.c)
 * @num_advices: of them
 * @advise: does them, one after the other
 * @destroy: the end of the mirror
 */
struct odp_mirror {
	refcount_t refs;
	struct mm_struct *mm;
	struct hlist_node node;
	spinlock_t memory_lock;
	unsigned int memory_holds;
	bool listens;
	struct mmu_interval_notifier first;
	struct mutex chunks_lock;
	struct xarray chunks;
	struct odp_chunk __rcu *recent[ODP_RECENT_CHUNKS];
	struct delayed_work reap;
	spinlock_t windows_lock;
	struct rb_root_cached windows;
	struct workqueue_struct *wq;
	struct xarray faults;
	unsigned int num_faults;
	spinlock_t advice_lock;
	struct list_head advices;
	unsigned int num_advices;
	struct work_struct advise;
	struct work_struct destroy;
};

/**
 * struct odp_chunk - page entries of one aligned piece of the address space
 * @notifier: tells of changes
 * @mirror: whose
 * @lock: readers use pages, writers change entries; take it by the functions below
 * @writers: wait for, or hold, @lock; readers let them pass
 * @pages: page of the chunk to entry; entries change under @lock, room for them is made without
 * @present: entries in @pages; under @lock
 * @users: faults under way; guarded by mirror->chunks_lock
 * @detached: in a list of those whose notifier is still to be removed
 * @rcu: accesses find chunks under RCU
 */
struct odp_chunk {
	struct mmu_interval_notifier notifier;
	struct odp_mirror *mirror;
	rwlock_t lock;
	atomic_t writers;
	struct xarray pages;
	unsigned int present;
	unsigned int users;
	struct list_head detached;
	struct rcu_head rcu;
};

/**
 * struct odp_umem - a window
 * @refs: its owner, faults and prefetches
 * @mirror: of the process
 * @node: first and last byte, rounded to pages, in mirror->windows
 * @open: not destroyed yet, so @total may be counted in; under windows_lock
 * @counts: its own
 * @total: its device's
 * @ahead_from: address at which a sequential reader would miss next
 * @ahead_pages: pages that were brought in last time; both are hints, without a lock
 */
struct odp_umem {
	refcount_t refs;
	struct odp_mirror *mirror;
	struct interval_tree_node node;
	bool open;
	struct odp_counts counts;
	struct odp_counts *total;
	unsigned long ahead_from;
	unsigned int ahead_pages;
};

/*
 * Page entries: page frame number, whether it survives a loss of power, and whether it may be
 * written, as an xarray value. No reference goes with it: the notifier takes the entry away before
 * the page goes.
 */
static inline void *odp_entry(unsigned long pfn, bool lasts, bool writable)
{
	return xa_mk_value(pfn << 2 | lasts << 1 | writable);
}

static inline struct page *odp_entry_page(const void *entry)
{
	return pfn_to_page(xa_to_value(entry) >> 2);
}

static inline bool odp_entry_lasts(const void *entry)
{
	return xa_to_value(entry) & 2;
}

static inline bool odp_entry_allows(const void *entry, bool write)
{
	return entry && (!write || (xa_to_value(entry) & 1));
}

static inline unsigned long odp_chunk_start(const struct odp_chunk *chunk)
{
	return chunk->notifier.interval_tree.start;
}

static inline unsigned long odp_chunk_index(const struct odp_chunk *chunk, unsigned long uva)
{
	return (uva - odp_chunk_start(chunk)) >> PAGE_SHIFT;
}

/*
 * Use the chunk's pages. A rwlock alone would let readers with bottom halves off pass a waiting
 * writer for ever, and a munmap() must not starve. So they step aside, for a while: many writers
 * must not starve them either. Bottom halves are off already: an access is a few dozen nanoseconds
 * long, and its caller makes many.
 */
static inline void odp_chunk_use(struct odp_chunk *chunk)
{
	unsigned int courtesy;

	lockdep_assert_in_softirq();
	for (courtesy = 64; courtesy && unlikely(atomic_read(&chunk->writers)); courtesy--)
		cpu_relax();
	read_lock(&chunk->lock);
}

static inline void odp_chunk_unuse(struct odp_chunk *chunk)
{
	read_unlock(&chunk->lock);
}

/* Change the chunk's entries: nobody uses its pages. */
static inline void odp_chunk_change(struct odp_chunk *chunk)
{
	local_bh_disable();
	atomic_inc(&chunk->writers);
	write_lock(&chunk->lock);
}

static inline void odp_chunk_changed(struct odp_chunk *chunk)
{
	write_unlock(&chunk->lock);
	atomic_dec(&chunk->writers);
	local_bh_enable();
}

/**
 * odp_mirror_get() - the mirror of the calling process
 *
 * Context: process, may sleep.
 * Return: a reference for odp_mirror_put(), or ERR_PTR(-ENOMEM).
 */
struct odp_mirror *odp_mirror_get(void);

/* One more reference; the caller has one. Any context. */
static inline void odp_mirror_hold(struct odp_mirror *mirror)
{
	refcount_inc(&mirror->refs);
}

/* Give a reference back. Process context, sleeps; the last one has it destroyed later. */
void odp_mirror_put(struct odp_mirror *mirror);

/**
 * odp_mirror_get_memory() - hold the process' memory for a fault
 * @mirror: a reference is held
 *
 * A fault that a program keeps waiting keeps the memory of its process, and with it all that is
 * mapped there, also of one that was killed. Such a process gets no more pages.
 *
 * Context: process.
 * Return: false when the process is gone, or nobody but faults has its memory any more.
 */
bool odp_mirror_get_memory(struct odp_mirror *mirror);

/* The fault is over. Process context; tears nothing down itself. */
void odp_mirror_put_memory(struct odp_mirror *mirror);

/* The chunk of @uva, if it exists. Caller is in an RCU read section, or has chunks_lock. */
static inline struct odp_chunk *odp_chunk_find(struct odp_mirror *mirror, unsigned long uva)
{
	return xa_load(&mirror->chunks, uva >> ODP_CHUNK_SHIFT);
}

/*
 * Where the chunk of @uva is found if it was used lately. Only who has found an entry in a chunk,
 * and still holds its lock, puts it there: a chunk whose entries are dropped for good, and which is
 * taken away from there afterwards, does not come back.
 */
static inline struct odp_chunk __rcu **odp_chunk_recent(struct odp_mirror *mirror,
							unsigned long uva)
{
	return &mirror->recent[(uva >> ODP_CHUNK_SHIFT) % ODP_RECENT_CHUNKS];
}

/**
 * odp_chunk_get() - the chunk of an address, to store pages in; made if need be
 * @mirror: its process' memory is held (mmget())
 * @uva: address
 *
 * Context: process, sleeps; not under mmap_lock.
 * Return: the chunk, which stays until odp_chunk_put(), or ERR_PTR.
 */
struct odp_chunk *odp_chunk_get(struct odp_mirror *mirror, unsigned long uva);
void odp_chunk_put(struct odp_chunk *chunk);

/**
 * odp_mirror_forget() - have given back, soon, what no window looks at any more
 * @mirror: the mirror
 * @first: first byte of a window that has gone
 * @last: last byte
 *
 * Context: process, sleeps; waits for no change of the process' page table.
 */
void odp_mirror_forget(struct odp_mirror *mirror, unsigned long first, unsigned long last);

/**
 * struct odp_tally - what faults came to
 * @pages: that were brought in
 * @retries: how often the walk had to begin again
 */
struct odp_tally {
	unsigned long pages;
	unsigned long retries;
};

/**
 * odp_fault() - bring pages in
 * @mirror: whose
 * @start: address, of a page
 * @end: address after the last page; the range is at most ODP_FAULT_PAGES and within one chunk
 * @advice: ODP_PREFETCH_*
 * @tally: added to
 *
 * Context: process, sleeps, for as long as the memory takes; no lock is held.
 * Return: pages from @start on that are in place, or with ODP_PREFETCH_PRESENT dealt with, at least
 * 1; -EFAULT: no memory at @start, or none for such use; -EINTR, to a program that is killed;
 * -ENOMEM.
 */
long odp_fault(struct odp_mirror *mirror, unsigned long start, unsigned long end,
	       unsigned int advice, struct odp_tally *tally);

/* odp_umem.c: @n more of @count for the window and its device. Any context but hard interrupt. */
void odp_umem_add(struct odp_umem *umem, enum odp_count count, unsigned long n);

/* odp_umem.c: pages @first to @last of the chunk are going away. Caller holds the chunk's lock. */
void odp_umem_count_invalidation(struct odp_chunk *chunk, unsigned long first,
				 unsigned long last);

/* Is any page from byte @first to byte @last in a window? */
bool odp_umem_any(struct odp_mirror *mirror, unsigned long first, unsigned long last);

/**
 * odp_listen() - odp_listen.c: have the kernel tell of changes of this process at all
 * @mirror: of the calling process
 *
 * To be done before there are faults.
 *
 * Context: process, sleeps; no lock is held.
 * Return: 0, -ENOMEM, or -EINTR to a program that is killed.
 */
int odp_listen(struct odp_mirror *mirror);

/* odp_prefetch.c: does mirror->advices. */
void odp_run_advice(struct work_struct *work);

#endif
