// SPDX-License-Identifier: GPL-2.0
/*
 * Windows: what devices see of a mirror. A window is two addresses and its counters, so it costs
 * the same whether it shows a page or the whole address space, and windows that overlap share what
 * is known of the pages.
 *
 * Faults are counted for the window that asked, invalidations for each window that loses the page,
 * up to a number of them: a notifier must not take the longer the more windows a program opens.
 */
#include <linux/align.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "odp_mirror.h"

#define COUNTED_WINDOWS	32

/* The calling process' mirror, ready for faults. */
static struct odp_mirror *open_mirror(void)
{
	struct odp_mirror *mirror = odp_mirror_get();
	int err;

	if (IS_ERR(mirror))
		return mirror;
	err = odp_listen(mirror);
	if (!err)
		return mirror;
	odp_mirror_put(mirror);
	return ERR_PTR(err);
}

struct odp_umem *odp_umem_create(unsigned long uva, unsigned long last, struct odp_counts *total)
{
	struct odp_mirror *mirror = open_mirror();
	struct odp_umem *umem;

	if (IS_ERR(mirror))
		return ERR_CAST(mirror);
	umem = kzalloc(sizeof(*umem), GFP_KERNEL_ACCOUNT);
	if (!umem) {
		odp_mirror_put(mirror);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&umem->refs, 1);
	umem->mirror = mirror;
	umem->total = total;
	umem->open = true;
	umem->node.start = uva & PAGE_MASK;
	umem->node.last = last | ~PAGE_MASK;
	spin_lock_bh(&mirror->windows_lock);
	interval_tree_insert(&umem->node, &mirror->windows);
	spin_unlock_bh(&mirror->windows_lock);
	return umem;
}

void odp_umem_hold(struct odp_umem *umem)
{
	refcount_inc(&umem->refs);
}

void odp_umem_put(struct odp_umem *umem)
{
	if (!refcount_dec_and_test(&umem->refs))
		return;
	odp_mirror_put(umem->mirror);
	kfree(umem);
}

void odp_umem_destroy(struct odp_umem *umem)
{
	struct odp_mirror *mirror = umem->mirror;

	spin_lock_bh(&mirror->windows_lock);
	WRITE_ONCE(umem->open, false);
	interval_tree_remove(&umem->node, &mirror->windows);
	spin_unlock_bh(&mirror->windows_lock);
	odp_mirror_forget(mirror, umem->node.start, umem->node.last);
	odp_umem_put(umem);
}

bool odp_umem_any(struct odp_mirror *mirror, unsigned long first, unsigned long last)
{
	bool any;

	spin_lock_bh(&mirror->windows_lock);
	any = interval_tree_iter_first(&mirror->windows, first, last);
	spin_unlock_bh(&mirror->windows_lock);
	return any;
}

u64 odp_umem_count(const struct odp_umem *umem, enum odp_count count)
{
	return atomic64_read(&umem->counts.value[count]);
}

/* An open window's device is there. */
static void count_open(struct odp_umem *umem, enum odp_count count, unsigned long n)
{
	lockdep_assert_held(&umem->mirror->windows_lock);
	atomic64_add(n, &umem->counts.value[count]);
	atomic64_add(n, &umem->total->value[count]);
}

void odp_umem_add(struct odp_umem *umem, enum odp_count count, unsigned long n)
{
	struct odp_mirror *mirror = umem->mirror;

	if (!n)
		return;
	spin_lock_bh(&mirror->windows_lock);
	if (umem->open)
		count_open(umem, count, n);
	spin_unlock_bh(&mirror->windows_lock);
}

static unsigned long entries_between(struct odp_chunk *chunk, unsigned long first,
				     unsigned long last)
{
	unsigned long index, n = 0;
	void *entry;

	if (!first && last == ODP_CHUNK_PAGES - 1)
		return chunk->present;
	xa_for_each_range(&chunk->pages, index, entry, first, last)
		n++;
	return n;
}

void odp_umem_count_invalidation(struct odp_chunk *chunk, unsigned long first, unsigned long last)
{
	unsigned long base = odp_chunk_start(chunk), start, end;
	struct odp_mirror *mirror = chunk->mirror;
	struct interval_tree_node *node;
	unsigned int windows = 0;
	unsigned long n;

	lockdep_assert_held_write(&chunk->lock);
	start = base + (first << PAGE_SHIFT);
	end = base + (last << PAGE_SHIFT) + ~PAGE_MASK;
	spin_lock(&mirror->windows_lock);
	for (node = interval_tree_iter_first(&mirror->windows, start, end);
	     node && windows < COUNTED_WINDOWS;
	     node = interval_tree_iter_next(node, start, end), windows++) {
		n = entries_between(chunk, odp_chunk_index(chunk, max(start, node->start)),
				    odp_chunk_index(chunk, min(end, node->last)));
		if (n)
			count_open(container_of(node, struct odp_umem, node),
				   ODP_COUNT_INVALIDATIONS, n);
	}
	spin_unlock(&mirror->windows_lock);
}

/* With bottom halves off the caller is in an RCU read section: a chunk that it finds stays. */
static struct odp_chunk *find_chunk(struct odp_mirror *mirror, unsigned long uva)
{
	struct odp_chunk *chunk = rcu_dereference_bh(*odp_chunk_recent(mirror, uva));

	if (likely(chunk && odp_chunk_start(chunk) == ALIGN_DOWN(uva, ODP_CHUNK_SIZE)))
		return chunk;
	return odp_chunk_find(mirror, uva);
}

static void found_in(struct odp_chunk *chunk, unsigned long uva)
{
	struct odp_chunk __rcu **recent = odp_chunk_recent(chunk->mirror, uva);

	lockdep_assert_held_read(&chunk->lock);
	if (unlikely(rcu_access_pointer(*recent) != chunk))
		rcu_assign_pointer(*recent, chunk);
}

bool odp_umem_begin(struct odp_umem *umem, unsigned long uva, bool write,
		    struct odp_access *access)
{
	struct odp_chunk *chunk = find_chunk(umem->mirror, uva);
	void *entry;

	if (!chunk)
		return false;
	odp_chunk_use(chunk);
	entry = xa_load(&chunk->pages, odp_chunk_index(chunk, uva));
	if (!odp_entry_allows(entry, write)) {
		odp_chunk_unuse(chunk);
		return false;
	}
	found_in(chunk, uva);
	access->chunk = chunk;
	access->lasts = odp_entry_lasts(entry);
	access->kva = kmap_local_page(odp_entry_page(entry)) + offset_in_page(uva);
	return true;
}

void odp_umem_end(struct odp_access *access)
{
	kunmap_local(access->kva);
	odp_chunk_unuse(access->chunk);
}
