// SPDX-License-Identifier: GPL-2.0
/*
 * The first notifier of a process.
 *
 * For it the kernel takes the mmap lock for writing, and then the locks of each mapping. How long
 * that takes is up to the program, and to the file systems that it uses: for ever, if they like. A
 * fault must not do it: it holds the lock of the chunks, which those need who end a region. So it
 * is done when the process registers memory, before the first fault, and later notifiers take no
 * such locks.
 *
 * The work is not done by the program's thread: the kernel gives up when there is a signal, of
 * whatever kind. Whoever waits for it can be killed.
 */
#include <linux/completion.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "odp_mirror.h"

/**
 * struct listening - one attempt
 * @refs: who waits, and the work
 * @work: does it
 * @mirror: held by the work, and its process' memory, too
 * @done: @err is there
 * @err: what came of it
 */
struct listening {
	refcount_t refs;
	struct work_struct work;
	struct odp_mirror *mirror;
	struct completion done;
	int err;
};

static void put(struct listening *l)
{
	if (refcount_dec_and_test(&l->refs))
		kfree(l);
}

/* There are no entries under it: those of chunks have notifiers of their own, also at address 0. */
static bool ignore(struct mmu_interval_notifier *notifier, const struct mmu_notifier_range *range,
		   unsigned long seq)
{
	return true;
}

static const struct mmu_interval_notifier_ops ignorant_ops = {
	.invalidate = ignore,
};

static int insert_first(struct odp_mirror *mirror)
{
	int err;

	mmap_assert_write_locked(mirror->mm);
	if (mirror->listens)
		return 0;
	err = mmu_interval_notifier_insert_locked(&mirror->first, mirror->mm, 0, PAGE_SIZE,
						  &ignorant_ops);
	WRITE_ONCE(mirror->listens, !err);
	return err;
}

static void listen(struct work_struct *work)
{
	struct listening *l = container_of(work, struct listening, work);
	struct odp_mirror *mirror = l->mirror;

	mmap_write_lock(mirror->mm);
	l->err = insert_first(mirror);
	mmap_write_unlock(mirror->mm);
	complete(&l->done);
	put(l);
	mmput_async(mirror->mm);
	odp_mirror_put(mirror);
}

static struct listening *begin(struct odp_mirror *mirror)
{
	struct listening *l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);

	if (!l)
		return NULL;
	refcount_set(&l->refs, 2);
	INIT_WORK(&l->work, listen);
	init_completion(&l->done);
	l->mirror = mirror;
	odp_mirror_hold(mirror);
	mmget(mirror->mm);
	queue_work(mirror->wq, &l->work);
	return l;
}

int odp_listen(struct odp_mirror *mirror)
{
	struct listening *l;
	int err;

	if (READ_ONCE(mirror->listens))
		return 0;
	l = begin(mirror);
	if (!l)
		return -ENOMEM;
	err = wait_for_completion_killable(&l->done) ? -EINTR : l->err;
	put(l);
	return err;
}
