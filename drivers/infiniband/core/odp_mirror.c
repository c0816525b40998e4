// SPDX-License-Identifier: GPL-2.0
/*
 * The mirror of an address space: which pages of a process are known, and how they stop being so.
 *
 * There is one mirror for each process, whoever looks at it and through however many windows. It
 * consists of chunks, aligned pieces of the address space that are made when something in them is
 * first brought in. A chunk has an interval notifier, which the kernel calls before it changes the
 * process' page table, and the entries of the pages that are known to be there.
 *
 * The rule that everything rests on: an entry is used under the chunk's lock, and the notifier
 * takes it away under the same lock. When the notifier returns, nobody reads or writes the old
 * page, nor will. The lock is a spinning one, so that notifiers which must not sleep (the OOM
 * reaper) are served like all others.
 *
 * A chunk goes when it is empty, or when no window looks at it any more. Neither the notifier nor
 * who closes a window does that itself, they leave a mark, and a work item comes later: memory that
 * is dropped and touched again in turn keeps its chunk, and the removal of a notifier waits until
 * the kernel is invalidating nothing in the whole process, wherever it is. That may take as long as
 * the program likes, so nobody waits for it but that work item, without a lock.
 */
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "odp_mirror.h"
#include "odp_trace.h"

#define MAYBE_EMPTY	XA_MARK_0
#define REAP_DELAY	msecs_to_jiffies(100)
/* Faults of one process that are served at a time; each may wait for a disk, or for a program. */
#define FAULTS_AT_A_TIME	64

static DEFINE_MUTEX(mirrors_lock);
static DEFINE_HASHTABLE(mirrors, 6);
/* Entries change under a lock that softirqs take; the table of chunks does not. */
static struct lock_class_key entries_class;

/* Give-back and the end of mirrors: never waits for a process' page. */
static struct workqueue_struct *odp_wq;
static atomic_t num_mirrors = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(last_mirror_gone);

/* Look at the chunk when there is time. Not under its lock. */
static void may_be_idle(struct odp_chunk *chunk)
{
	struct odp_mirror *mirror = chunk->mirror;

	xa_set_mark(&mirror->chunks, odp_chunk_start(chunk) >> ODP_CHUNK_SHIFT, MAYBE_EMPTY);
	queue_delayed_work(odp_wq, &mirror->reap, REAP_DELAY);
}

/* Take entries away. Return: how many there were. */
static unsigned int drop_entries(struct odp_chunk *chunk, unsigned long first, unsigned long last)
{
	unsigned int before = chunk->present;
	unsigned long index;
	void *entry;

	lockdep_assert_held_write(&chunk->lock);
	if (!first && last == ODP_CHUNK_PAGES - 1) {
		xa_destroy(&chunk->pages);
		chunk->present = 0;
		return before;
	}
	xa_for_each_range(&chunk->pages, index, entry, first, last) {
		xa_erase(&chunk->pages, index);
		chunk->present--;
	}
	return before - chunk->present;
}

static bool invalidate(struct mmu_interval_notifier *notifier,
		       const struct mmu_notifier_range *range, unsigned long seq)
{
	struct odp_chunk *chunk = container_of(notifier, struct odp_chunk, notifier);
	unsigned long start = max(range->start, odp_chunk_start(chunk));
	unsigned long end = min(range->end, odp_chunk_start(chunk) + ODP_CHUNK_SIZE);
	unsigned long first = odp_chunk_index(chunk, start);
	unsigned long last = odp_chunk_index(chunk, end - 1);
	unsigned int present;
	bool emptied;

	odp_chunk_change(chunk);
	mmu_interval_set_seq(notifier, seq);
	present = chunk->present;
	if (present)
		odp_umem_count_invalidation(chunk, first, last);
	emptied = drop_entries(chunk, first, last) && !chunk->present;
	trace_odp_invalidate(chunk->mirror->mm, start, end, present - chunk->present);
	odp_chunk_changed(chunk);
	if (emptied)
		may_be_idle(chunk);
	return true;
}

static const struct mmu_interval_notifier_ops notifier_ops = {
	.invalidate = invalidate,
};

void odp_mirror_put_memory(struct odp_mirror *mirror)
{
	spin_lock(&mirror->memory_lock);
	WARN_ON_ONCE(!mirror->memory_holds--);
	spin_unlock(&mirror->memory_lock);
	/* Not mmput(): the last one would tear down the process' memory here, notifiers and all. */
	mmput_async(mirror->mm);
}

bool odp_mirror_get_memory(struct odp_mirror *mirror)
{
	bool others;

	if (!mmget_not_zero(mirror->mm))
		return false;
	spin_lock(&mirror->memory_lock);
	mirror->memory_holds++;
	others = atomic_read(&mirror->mm->mm_users) > mirror->memory_holds;
	spin_unlock(&mirror->memory_lock);
	if (!others)
		odp_mirror_put_memory(mirror);
	return others;
}

static struct odp_chunk *make_chunk(struct odp_mirror *mirror, unsigned long index)
{
	struct odp_chunk *chunk;
	int err;

	lockdep_assert_held(&mirror->chunks_lock);
	chunk = kzalloc(sizeof(*chunk), GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return ERR_PTR(-ENOMEM);
	chunk->mirror = mirror;
	rwlock_init(&chunk->lock);
	xa_init_flags(&chunk->pages, XA_FLAGS_LOCK_BH | XA_FLAGS_ACCOUNT);
	lockdep_set_class(&chunk->pages.xa_lock, &entries_class);
	/* Room for it first: a notifier that is there cannot be taken back under a lock. */
	err = xa_reserve(&mirror->chunks, index, GFP_KERNEL_ACCOUNT);
	if (!err)
		err = mmu_interval_notifier_insert(&chunk->notifier, mirror->mm,
						   index << ODP_CHUNK_SHIFT, ODP_CHUNK_SIZE,
						   &notifier_ops);
	if (err) {
		xa_release(&mirror->chunks, index);
		kfree(chunk);
		return ERR_PTR(err);
	}
	xa_store(&mirror->chunks, index, chunk, GFP_KERNEL_ACCOUNT);
	return chunk;
}

struct odp_chunk *odp_chunk_get(struct odp_mirror *mirror, unsigned long uva)
{
	struct odp_chunk *chunk;

	mutex_lock(&mirror->chunks_lock);
	chunk = odp_chunk_find(mirror, uva);
	if (!chunk)
		chunk = make_chunk(mirror, uva >> ODP_CHUNK_SHIFT);
	if (!IS_ERR(chunk))
		chunk->users++;
	mutex_unlock(&mirror->chunks_lock);
	return chunk;
}

/* Does anything need the chunk? Nobody stores into it meanwhile. */
static bool is_idle(struct odp_chunk *chunk)
{
	unsigned long start = odp_chunk_start(chunk);

	lockdep_assert_held(&chunk->mirror->chunks_lock);
	return !chunk->users && (!READ_ONCE(chunk->present) ||
				 !odp_umem_any(chunk->mirror, start, start + ODP_CHUNK_SIZE - 1));
}

void odp_chunk_put(struct odp_chunk *chunk)
{
	struct odp_mirror *mirror = chunk->mirror;

	mutex_lock(&mirror->chunks_lock);
	chunk->users--;
	if (is_idle(chunk))
		may_be_idle(chunk);
	mutex_unlock(&mirror->chunks_lock);
}

/* No access finds the chunk by the short way any more; it has no entries, and gets none. */
static void forget_recent(struct odp_chunk *chunk)
{
	struct odp_chunk __rcu **recent = odp_chunk_recent(chunk->mirror, odp_chunk_start(chunk));

	lockdep_assert_held(&chunk->mirror->chunks_lock);
	/* If another chunk gets there in between, it loses the place: it is found by the table. */
	if (rcu_access_pointer(*recent) == chunk)
		RCU_INIT_POINTER(*recent, NULL);
}

/*
 * The end of a chunk: no access finds it any more, but those that have found it, which find no
 * entry. Nobody stores, for there are no users. Its notifier is still called, and finds nothing;
 * another chunk may be made for the same addresses.
 */
static void detach_chunk(struct odp_chunk *chunk, struct list_head *detached)
{
	struct odp_mirror *mirror = chunk->mirror;

	lockdep_assert_held(&mirror->chunks_lock);
	xa_erase(&mirror->chunks, odp_chunk_start(chunk) >> ODP_CHUNK_SHIFT);
	odp_chunk_change(chunk);
	drop_entries(chunk, 0, ODP_CHUNK_PAGES - 1);
	odp_chunk_changed(chunk);
	forget_recent(chunk);
	list_add(&chunk->detached, detached);
}

/* The notifier is gone when its removal returns; RCU keeps the chunk for who looks at it still. */
static void free_chunks(struct list_head *detached)
{
	struct odp_chunk *chunk, *next;

	list_for_each_entry_safe(chunk, next, detached, detached) {
		lockdep_assert_not_held(&chunk->mirror->chunks_lock);
		mmu_interval_notifier_remove(&chunk->notifier);
		kfree_rcu(chunk, rcu);
	}
}

static void reap(struct work_struct *work)
{
	struct odp_mirror *mirror = container_of(work, struct odp_mirror, reap.work);
	struct odp_chunk *chunk;
	LIST_HEAD(detached);
	unsigned long index;

	mutex_lock(&mirror->chunks_lock);
	xa_for_each_marked(&mirror->chunks, index, chunk, MAYBE_EMPTY) {
		/* First the mark, then the look: whoever empties it now marks it again. */
		xa_clear_mark(&mirror->chunks, index, MAYBE_EMPTY);
		if (is_idle(chunk))
			detach_chunk(chunk, &detached);
		cond_resched();
	}
	mutex_unlock(&mirror->chunks_lock);
	free_chunks(&detached);
}

void odp_mirror_forget(struct odp_mirror *mirror, unsigned long first, unsigned long last)
{
	struct odp_chunk *chunk;
	unsigned long index;

	mutex_lock(&mirror->chunks_lock);
	xa_for_each_range(&mirror->chunks, index, chunk, first >> ODP_CHUNK_SHIFT,
			  last >> ODP_CHUNK_SHIFT) {
		if (is_idle(chunk))
			may_be_idle(chunk);
		cond_resched();
	}
	mutex_unlock(&mirror->chunks_lock);
}

static struct odp_mirror *find_mirror(struct mm_struct *mm)
{
	struct odp_mirror *mirror;

	lockdep_assert_held(&mirrors_lock);
	hash_for_each_possible(mirrors, mirror, node, (unsigned long)mm)
		if (mirror->mm == mm)
			return mirror;
	return NULL;
}

static void detach_all(struct odp_mirror *mirror, struct list_head *detached)
{
	struct odp_chunk *chunk;
	unsigned long index;

	mutex_lock(&mirror->chunks_lock);
	xa_for_each(&mirror->chunks, index, chunk) {
		WARN_ON(!is_idle(chunk));
		detach_chunk(chunk, detached);
		cond_resched();
	}
	mutex_unlock(&mirror->chunks_lock);
}

/*
 * There are no windows and no faults, hence no users of chunks. With the last chunk, here or in a
 * work item that runs already, goes the last notifier, and then nobody queues that any more.
 */
static void destroy_mirror(struct work_struct *work)
{
	struct odp_mirror *mirror = container_of(work, struct odp_mirror, destroy);
	LIST_HEAD(detached);

	WARN_ON(!RB_EMPTY_ROOT(&mirror->windows.rb_root) || mirror->num_faults ||
		mirror->memory_holds);
	detach_all(mirror, &detached);
	free_chunks(&detached);
	if (mirror->listens)
		mmu_interval_notifier_remove(&mirror->first);
	cancel_delayed_work_sync(&mirror->reap);
	destroy_workqueue(mirror->wq);
	mmdrop(mirror->mm);
	kfree(mirror);
	if (atomic_dec_and_test(&num_mirrors))
		wake_up(&last_mirror_gone);
}

static void init_mirror(struct odp_mirror *mirror, struct mm_struct *mm)
{
	refcount_set(&mirror->refs, 1);
	mmgrab(mm);
	mirror->mm = mm;
	spin_lock_init(&mirror->memory_lock);
	mutex_init(&mirror->chunks_lock);
	xa_init_flags(&mirror->chunks, XA_FLAGS_ACCOUNT);
	INIT_DELAYED_WORK(&mirror->reap, reap);
	spin_lock_init(&mirror->windows_lock);
	mirror->windows = RB_ROOT_CACHED;
	xa_init_flags(&mirror->faults, XA_FLAGS_LOCK_BH);
	lockdep_set_class(&mirror->faults.xa_lock, &entries_class);
	spin_lock_init(&mirror->advice_lock);
	INIT_LIST_HEAD(&mirror->advices);
	INIT_WORK(&mirror->advise, odp_run_advice);
	INIT_WORK(&mirror->destroy, destroy_mirror);
}

static struct odp_mirror *make_mirror(struct mm_struct *mm)
{
	struct odp_mirror *mirror;

	lockdep_assert_held(&mirrors_lock);
	mirror = kzalloc(sizeof(*mirror), GFP_KERNEL_ACCOUNT);
	if (!mirror)
		return NULL;
	/*
	 * A queue of its own, so that what can wait does not stand before it. But not WQ_HIGHPRI:
	 * a page may cost seconds of reclaim, and that is no time to come before everybody else.
	 */
	mirror->wq = alloc_workqueue("rdma_odp/%d", WQ_UNBOUND, FAULTS_AT_A_TIME, current->tgid);
	if (!mirror->wq) {
		kfree(mirror);
		return NULL;
	}
	init_mirror(mirror, mm);
	atomic_inc(&num_mirrors);
	hash_add(mirrors, &mirror->node, (unsigned long)mm);
	return mirror;
}

struct odp_mirror *odp_mirror_get(void)
{
	struct odp_mirror *mirror;

	mutex_lock(&mirrors_lock);
	mirror = find_mirror(current->mm);
	if (mirror)
		odp_mirror_hold(mirror);
	else
		mirror = make_mirror(current->mm);
	mutex_unlock(&mirrors_lock);
	return mirror ?: ERR_PTR(-ENOMEM);
}

void odp_mirror_put(struct odp_mirror *mirror)
{
	if (!refcount_dec_and_mutex_lock(&mirror->refs, &mirrors_lock))
		return;
	hash_del(&mirror->node);
	mutex_unlock(&mirrors_lock);
	/* It may be a fault that was the last one, on the queue that ends with the mirror. */
	queue_work(odp_wq, &mirror->destroy);
}

int odp_init(void)
{
	odp_wq = alloc_workqueue("rdma_odp", WQ_UNBOUND, 0);
	return odp_wq ? 0 : -ENOMEM;
}

void odp_exit(void)
{
	wait_event(last_mirror_gone, !atomic_read(&num_mirrors));
	destroy_workqueue(odp_wq);
}
