// SPDX-License-Identifier: GPL-2.0
/*
 * Memory windows: keys of their own for parts of a region, given and taken back by work requests
 * (IBA 10.6.7). A window is a region to whoever looks a key up, with bounds and rights of its own;
 * its backend asks the backend of the region that it is bound to.
 *
 * Type 1 belongs to a protection domain and gets another key with each binding. Type 2 (2B: also to
 * the QP that bound it) is bound when it is not, by a key that the consumer chooses, and unbound by
 * invalidation, or by the end of the QP.
 *
 * A region that has windows cannot be destroyed, so a valid window's region is there.
 *
 * Lock order: bind_lock, a window's lock, and what the backend of the region takes.
 */
#include <linux/err.h>

#include "mr.h"

#define RIGHTS	(IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_READ | IB_ACCESS_REMOTE_ATOMIC)
/* By these a peer changes the memory, which its owner must be allowed to, too (IBA 10.6.7). */
#define CHANGES	(IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_ATOMIC)
/* Said by programs out of habit; a window has nothing local, and its region's order. */
#define IGNORED	(IB_ACCESS_LOCAL_WRITE | IB_UVERBS_ACCESS_OPTIONAL_RANGE)

/* Windows of a QP may be millions, and everybody who binds waits. */
#define UNBIND_AT_ONCE	64

/* Which window belongs to which region and which QP. Rare next to accesses, which do without it. */
static DEFINE_SPINLOCK(bind_lock);

static u64 to_region(const struct rxe_mr *mw, u64 iova)
{
	return mw->base + (iova - mw->iova);
}

/* A chunk is in use under the window's lock, until done(). */
static enum rxe_mem_err chunk(struct rxe_mr *mw, u64 iova, bool write, struct rxe_chunk *chunk)
{
	enum rxe_mem_err err = RXE_MEM_KEY;

	read_lock_bh(&mw->lock);
	if (mw->valid)
		err = mw->region->ops->chunk(mw->region, to_region(mw, iova), write, chunk);
	if (err)
		read_unlock_bh(&mw->lock);
	return err;
}

static void done(struct rxe_mr *mw, struct rxe_chunk *chunk)
{
	if (mw->region->ops->done)
		mw->region->ops->done(mw->region, chunk);
	read_unlock_bh(&mw->lock);
}

static enum rxe_mem_err wait_for(struct rxe_mr *mw, u64 iova, u64 ahead, bool write,
				 struct rxe_mem_wait *wait)
{
	enum rxe_mem_err err = RXE_MEM_KEY;

	read_lock_bh(&mw->lock);
	if (mw->valid)
		err = mw->region->ops->wait(mw->region, to_region(mw, iova), ahead, write, wait);
	read_unlock_bh(&mw->lock);
	return err;
}

static void unbind(struct rxe_mr *mw)
{
	lockdep_assert_held(&bind_lock);
	if (!mw->region)
		return;
	rxe_mr_revoke(mw);
	mw->region->windows--;
	mw->region = NULL;
	list_del_init(&mw->bound);
}

static enum rxe_mem_err invalidate(struct rxe_mr *mw, const struct rxe_mw_set *by, u32 key)
{
	enum rxe_mem_err err = RXE_MEM_KEY;

	spin_lock_bh(&bind_lock);
	/* What is not bound belongs to no QP. */
	if (mw->key == key && mw->region && mw->set == by) {
		unbind(mw);
		err = RXE_MEM_OK;
	}
	spin_unlock_bh(&bind_lock);
	return err;
}

static void destroy(struct rxe_mr *mw)
{
	spin_lock_bh(&bind_lock);
	unbind(mw);
	spin_unlock_bh(&bind_lock);
}

static const struct rxe_mr_ops type_1_ops = {
	.kind = "window_1",
	.revocable = true,
	.remote_only = true,
	.chunk = chunk,
	.done = done,
	.wait = wait_for,
	.destroy = destroy,
};

static const struct rxe_mr_ops type_2_ops = {
	.kind = "window_2",
	.revocable = true,
	.remote_only = true,
	.chunk = chunk,
	.done = done,
	.wait = wait_for,
	.invalidate = invalidate,
	.destroy = destroy,
};

struct rxe_mr *rxe_mw_alloc(struct ib_pd *pd, enum ib_mw_type type)
{
	struct rxe_mr *mw;

	mw = rxe_mr_alloc(pd, type == IB_MW_TYPE_1 ? &type_1_ops : &type_2_ops, 0, 0, 0);
	if (!IS_ERR(mw))
		rxe_mr_publish(mw);
	return mw;
}

static bool is_type_1(const struct rxe_mr *mw)
{
	return mw->ops == &type_1_ops;
}

/*
 * Is the window in a state to be bound, by these keys? The new key of a type 1 window must be
 * another one, that of a type 2 window is the consumer's matter.
 */
static enum rxe_mem_err check_window(const struct rxe_mr *mw, const struct rxe_mw_bind *what)
{
	if (mw->key != what->mw_rkey || (mw->key ^ what->rkey) >> RXE_KEY_VARIANT_BITS)
		return RXE_MEM_KEY;
	if (is_type_1(mw))
		return mw->key == what->rkey ? RXE_MEM_KEY : RXE_MEM_OK;
	return mw->region ? RXE_MEM_KEY : RXE_MEM_OK;
}

/* The region, held, if the window may be bound to it like this. */
static enum rxe_mem_err get_region(struct ib_pd *pd, const struct rxe_mw_bind *what,
				   struct rxe_mr **region)
{
	int needs = IB_ACCESS_MW_BIND;
	enum rxe_mem_err err;

	if (what->access & ~(RIGHTS | IB_ZERO_BASED | IGNORED))
		return RXE_MEM_ACCESS;
	if (what->access & CHANGES)
		needs |= IB_ACCESS_LOCAL_WRITE;
	err = rxe_mem_get(pd, NULL, what->lkey, what->addr, what->length, needs, region);
	if (!err && (*region)->closed) {
		rxe_mem_put(*region);
		err = RXE_MEM_KEY;
	}
	return err;
}

static void set_key(struct rxe_mr *mw, u32 key)
{
	write_lock_bh(&mw->lock);
	mw->key = key;
	write_unlock_bh(&mw->lock);
}

static void bind(struct rxe_mr *mw, struct rxe_mr *region, struct rxe_mw_set *by,
		 const struct rxe_mw_bind *what)
{
	lockdep_assert_held(&bind_lock);
	region->windows++;
	mw->region = region;
	mw->set = is_type_1(mw) ? NULL : by;
	if (mw->set)
		list_add(&mw->bound, &mw->set->windows);
	write_lock_bh(&mw->lock);
	mw->key = what->rkey;
	/* The order in which data is written is the region's. */
	mw->access = (what->access & RIGHTS) | (region->access & IB_ACCESS_RELAXED_ORDERING);
	mw->iova = what->access & IB_ZERO_BASED ? 0 : what->addr;
	mw->base = what->addr;
	mw->length = what->length;
	mw->valid = true;
	write_unlock_bh(&mw->lock);
}

static enum rxe_mem_err bind_window(struct rxe_mr *mw, struct ib_pd *pd, struct rxe_mw_set *by,
				    const struct rxe_mw_bind *what)
{
	struct rxe_mr *region;
	enum rxe_mem_err err;

	lockdep_assert_held(&bind_lock);
	err = check_window(mw, what);
	if (err)
		return err;
	if (!what->length) {
		if (!is_type_1(mw))
			return RXE_MEM_RANGE;
		unbind(mw);
		set_key(mw, what->rkey);
		return RXE_MEM_OK;
	}
	err = get_region(pd, what, &region);
	if (err)
		return err;
	unbind(mw);
	if (atomic_read_acquire(&mw->users))
		err = RXE_MEM_BUSY;
	else
		bind(mw, region, by, what);
	rxe_mem_put(region);
	return err;
}

enum rxe_mem_err rxe_mw_bind(struct ib_pd *pd, struct rxe_mw_set *by,
			     const struct rxe_mw_bind *what)
{
	struct rxe_mr *mw = rxe_mr_find(pd, what->mw_rkey);
	enum rxe_mem_err err = RXE_MEM_KEY;

	if (!mw)
		return RXE_MEM_KEY;
	if (mw->ops->remote_only) {
		spin_lock_bh(&bind_lock);
		err = bind_window(mw, pd, by, what);
		spin_unlock_bh(&bind_lock);
	}
	rxe_handle_put(mw->handle);
	return err;
}

/* Return: whether there are more. */
static bool unbind_some(struct rxe_mw_set *set)
{
	struct rxe_mr *mw, *next;
	int left = UNBIND_AT_ONCE;
	bool more;

	spin_lock_bh(&bind_lock);
	list_for_each_entry_safe(mw, next, &set->windows, bound) {
		if (!left--)
			break;
		unbind(mw);
	}
	more = !list_empty(&set->windows);
	spin_unlock_bh(&bind_lock);
	return more;
}

void rxe_mw_unbind_all(struct rxe_mw_set *set)
{
	while (unbind_some(set))
		cpu_relax();
}

int rxe_mr_close(struct rxe_mr *mr)
{
	int err = 0;

	spin_lock_bh(&bind_lock);
	if (mr->windows)
		err = -EBUSY;
	else
		mr->closed = true;
	spin_unlock_bh(&bind_lock);
	return err;
}

void rxe_mr_reopen(struct rxe_mr *mr)
{
	spin_lock_bh(&bind_lock);
	mr->closed = false;
	spin_unlock_bh(&bind_lock);
}
