/* SPDX-License-Identifier: GPL-2.0 */
/*
 * On-demand memory of a process, for any software device: nothing is pinned, pages are found when
 * they are touched, and the process may change its mappings at any time. The contract, with its
 * races, is in Documentation/odp.rst.
 *
 * Words: "uva" is an address of the process. A "window" is what a device calls a memory region: a
 * range of the process, whether there is memory behind it or not. A "miss" is an access to a page
 * that is not known to be there, or not for writing.
 */
#ifndef RDMA_ODP_UMEM_H
#define RDMA_ODP_UMEM_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/types.h>

#include <asm/barrier.h>

struct odp_chunk;
struct odp_umem;

/* What happened to a window's pages, in pages, and how often a fault had to begin again. */
enum odp_count {
	ODP_COUNT_FAULTS,
	ODP_COUNT_INVALIDATIONS,
	ODP_COUNT_PREFETCHES,
	ODP_COUNT_RETRIES,
	ODP_NUM_COUNTS
};

struct odp_counts {
	atomic64_t value[ODP_NUM_COUNTS];
};

/**
 * odp_umem_create() - a window on the calling process
 * @uva: first byte
 * @last: last byte; not before @uva
 * @total: counters of the device, counted along with those of the window
 *
 * Costs the same whatever the length, and looks at no memory: that is left to the accesses.
 *
 * Context: process, may sleep.
 * Return: the window, or ERR_PTR: -ENOMEM, or -EINTR to a program that is killed.
 */
struct odp_umem *odp_umem_create(unsigned long uva, unsigned long last, struct odp_counts *total);

/**
 * odp_umem_destroy() - the end of a window
 * @umem: no access to it is in progress, and none begins; faults may still be on their way
 *
 * Context: process, may sleep. Does not wait for page faults.
 */
void odp_umem_destroy(struct odp_umem *umem);

/* One more reference, so that the window's memory outlives odp_umem_destroy(). Any context. */
void odp_umem_hold(struct odp_umem *umem);

/* Give a reference back. Process context, may sleep. */
void odp_umem_put(struct odp_umem *umem);

/* A counter of the window. Any context. */
u64 odp_umem_count(const struct odp_umem *umem, enum odp_count count);

/**
 * struct odp_access - a page in use
 * @kva: the byte that was asked for; the rest of its page follows
 * @lasts: it survives a loss of power, once it has left the CPU's caches
 * @chunk: what keeps the page in place
 */
struct odp_access {
	void *kva;
	bool lasts;
	struct odp_chunk *chunk;
};

/**
 * odp_umem_begin() - use a page, if it is there
 * @umem: window
 * @uva: byte in the window
 * @write: it will be written
 * @access: filled in on success
 *
 * Until odp_umem_end() the page stays what the process sees at @uva: invalidations wait. So be
 * quick, and touch nothing of this interface in between.
 *
 * Context: bottom halves off, until odp_umem_end(). On success it holds a spinning lock.
 * Return: false on a miss.
 */
bool odp_umem_begin(struct odp_umem *umem, unsigned long uva, bool write,
		    struct odp_access *access);

/* The page is no longer in use. Context: as left by odp_umem_begin(). */
void odp_umem_end(struct odp_access *access);

/**
 * struct odp_waiter - somebody who waits for a page
 * @wake: called once when the wait is over, with bottom halves off and a spinning lock held: it may
 *	schedule something, no more
 * @node: among those who wait for the same fault
 * @pending: is to be woken
 * @page: address of the page; of what is no page, that of the list of those who wait for it
 * @err: how the latest wait ended
 *
 * Zeroed and given @wake by its owner, who is one at a time; the rest is odp_wait.c's.
 */
struct odp_waiter {
	void (*wake)(struct odp_waiter *waiter);
	struct list_head node;
	bool pending;
	unsigned long page;
	int err;
};

/**
 * odp_umem_wait() - have a page brought in that an access has missed
 * @umem: window
 * @uva: byte that was missed
 * @ahead: bytes from there that are going to be touched; brought in along with it, as far as that
 *	does no harm
 * @write: they will be written
 * @waiter: idle; woken when there is something to try again, or the page cannot be had
 *
 * Context: any but hard interrupt.
 * Return: 0, or -ENOMEM when there is no memory to wait with; try later.
 */
int odp_umem_wait(struct odp_umem *umem, unsigned long uva, u64 ahead, bool write,
		  struct odp_waiter *waiter);

/* Is the waiter still to be woken? */
static inline bool odp_waiting(const struct odp_waiter *waiter)
{
	/* Pairs with the release in odp_wait.c: who sees the end of the wait sees @err, too. */
	return smp_load_acquire(&waiter->pending);
}

/**
 * odp_wait_on() - wait for something else that is not there, with the same kind of waiter
 * @waiters: those who wait for it, initialized; whoever brings it calls odp_wait_done()
 * @waiter: idle; it names @waiters as its @page, so that it is known what @err is about
 *
 * The caller has it brought after this call, not before.
 *
 * Context: any but hard interrupt.
 */
void odp_wait_on(struct list_head *waiters, struct odp_waiter *waiter);

/**
 * odp_wait_done() - wake all who wait
 * @waiters: they
 * @err: 0 when there is something to try again, else why it cannot be had
 *
 * Context: any but hard interrupt.
 */
void odp_wait_done(struct list_head *waiters, int err);

/**
 * odp_wait_cancel() - wait no more
 * @waiter: waiting or not
 *
 * Afterwards @wake is not called, and the waiter may be freed. The fault itself goes on.
 *
 * Context: any but hard interrupt.
 */
void odp_wait_cancel(struct odp_waiter *waiter);

/**
 * odp_frames_last() - does memory survive a loss of power?
 * @pfn: of its first page
 * @num: pages, contiguous
 *
 * Context: process, may sleep; takes the lock of the kernel's map of memory.
 * Return: whether all of it does, once it has left the CPU's caches.
 */
bool odp_frames_last(unsigned long pfn, unsigned long num);

enum odp_advice {
	ODP_PREFETCH		= 0,
	ODP_PREFETCH_WRITE	= 1 << 0,	/* have the pages writable */
	ODP_PREFETCH_PRESENT	= 1 << 1,	/* only pages that the process has already */
};

/**
 * struct odp_range - a piece of a window
 * @umem: window
 * @uva: first byte
 * @len: bytes, within the window
 */
struct odp_range {
	struct odp_umem *umem;
	unsigned long uva;
	u64 len;
};

/**
 * odp_prefetch() - bring pages in before they are touched
 * @ranges: where, in this order
 * @num: of them
 * @advice: ODP_PREFETCH_*
 *
 * Context: process, sleeps, for as long as the memory takes; ends early on a fatal signal, between
 * two looks at the page table.
 * Return: 0, or the first error, which ends it: -EFAULT where there is no memory, or none to be
 * written; -EINTR; -ENOMEM.
 */
int odp_prefetch(const struct odp_range *ranges, unsigned int num, unsigned int advice);

/**
 * odp_prefetch_later() - have it done, without waiting and without a report
 * @ranges: copied; the windows may be destroyed meanwhile
 * @num: of them
 * @advice: ODP_PREFETCH_*
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int odp_prefetch_later(const struct odp_range *ranges, unsigned int num, unsigned int advice);

/**
 * odp_init() - ready for windows
 *
 * Context: process, module load.
 * Return: 0 or -ENOMEM.
 */
int odp_init(void);

/* Wait for page faults that are still on their way, and end. Module unload; no window is left. */
void odp_exit(void);

#endif
