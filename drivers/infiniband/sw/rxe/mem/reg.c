// SPDX-License-Identifier: GPL-2.0
/*
 * Registering a program's memory, and registering it again.
 *
 * A region is constant while its key can be found. So what changes is not the region: a new one is
 * made beside it and takes over the key, in one moment for whoever looks it up. What does not
 * change is handed on when the last user of the old region is gone; the old one is then an empty
 * shell for the core to destroy.
 */
#include <linux/err.h>
#include <linux/sched.h>
#include <rdma/ib_umem.h>

#include "mr.h"

/* What makes the same memory another kind of region. */
#define WRITING	(IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_ATOMIC)

static const struct rxe_mr_ops *ops_of(int access)
{
	return access & IB_ACCESS_ON_DEMAND ? &rxe_mr_odp_ops : &rxe_mr_pinned_ops;
}

static int find_memory(struct rxe_mr *mr, u64 uva)
{
	return mr->access & IB_ACCESS_ON_DEMAND ? rxe_mr_open_odp(mr, uva) : rxe_mr_pin(mr, uva);
}

struct rxe_mr *rxe_mr_reg_user(struct ib_pd *pd, u64 uva, u64 length, u64 iova, int access)
{
	struct rxe_mr *mr;
	int err;

	if (!rxe_mr_addressable(uva, iova, length))
		return ERR_PTR(-EINVAL);
	mr = rxe_mr_alloc(pd, ops_of(access), iova, length, access);
	if (IS_ERR(mr))
		return mr;
	err = find_memory(mr, uva);
	if (err) {
		rxe_mr_destroy(mr);
		return ERR_PTR(err);
	}
	rxe_mr_publish(mr);
	return mr;
}

static void destroy_shell(struct rxe_mr *mr)
{
	if (mr->odp)
		odp_umem_put(mr->odp);
}

/*
 * The memory stays: from the old region, which nobody uses any more, to the new one, and with it
 * what was written there to the last. Who lists regions still reads the window's counters by the
 * old one, and sees that it was of a dma-buf.
 */
static void hand_on(struct rxe_mr *old, struct rxe_mr *mr)
{
	static const struct rxe_mr_ops shell = { .kind = "moved", .destroy = destroy_shell };

	if (READ_ONCE(old->fleeting))
		WRITE_ONCE(mr->fleeting, true);
	WRITE_ONCE(old->ops, &shell);
	old->umem = NULL;
	old->pages = NULL;
}

static void share(const struct rxe_mr *old, struct rxe_mr *mr)
{
	mr->umem = old->umem;
	mr->pages = old->pages;
	mr->page_off = old->page_off;
	mr->odp = old->odp;
	mr->dmabuf = old->dmabuf;
	mr->uva = old->uva;
	mr->fleeting = READ_ONCE(old->fleeting);
	if (mr->odp)
		odp_umem_hold(mr->odp);
}

/* Can the region's memory serve @access as it is? */
static bool memory_allows(const struct rxe_mr *mr, int access)
{
	if ((access ^ mr->access) & IB_ACCESS_ON_DEMAND)
		return false;
	/* Pinned pages are looked at once: do they last? Of a dma-buf nobody can tell. */
	if (!mr->odp && (access & ~mr->access & RXC_ACCESS_FLUSH_PERSISTENT))
		return false;
	return !mr->umem || mr->umem->writable || !(access & WRITING);
}

/*
 * Where the memory is, to find it another time for other rights. It is the calling process' only if
 * that registered it.
 */
static int same_memory(const struct rxe_mr *mr, struct rxe_rereg *to)
{
	if (!mr->umem || mr->umem->owning_mm != current->mm)
		return -EOPNOTSUPP;
	to->uva = mr->umem->address;
	return 0;
}

static int fill_in(const struct rxe_mr *mr, struct rxe_rereg *to)
{
	if (!(to->flags & IB_MR_REREG_PD))
		to->pd = mr->pd;
	if (!(to->flags & IB_MR_REREG_ACCESS))
		to->access = mr->access;
	if (to->flags & IB_MR_REREG_TRANS)
		return rxe_mr_addressable(to->uva, to->iova, to->length) ? 0 : -EINVAL;
	to->iova = mr->iova;
	to->length = mr->length;
	if (memory_allows(mr, to->access))
		return 0;
	to->flags |= IB_MR_REREG_TRANS;
	return same_memory(mr, to);
}

static struct rxe_mr *rereg(struct rxe_mr *old, const struct rxe_rereg *what)
{
	const struct rxe_mr_ops *ops = old->ops;
	struct rxe_rereg to = *what;
	struct rxe_mr *mr;
	bool moves;
	int err;

	err = fill_in(old, &to);
	if (err)
		return ERR_PTR(err);
	moves = to.flags & IB_MR_REREG_TRANS;
	if (moves)
		ops = ops_of(to.access);
	mr = rxe_mr_alloc_again(old, to.pd, ops, to.iova, to.length, to.access);
	if (IS_ERR(mr))
		return mr;
	if (moves)
		err = find_memory(mr, to.uva);
	else
		share(old, mr);
	if (err) {
		rxe_mr_abandon(mr);
		return ERR_PTR(err);
	}
	rxe_mr_replace(old, mr);
	if (!moves)
		hand_on(old, mr);
	return mr;
}

/* A window on the old region would be one on nothing. */
struct rxe_mr *rxe_mr_rereg(struct rxe_mr *old, const struct rxe_rereg *what)
{
	struct rxe_mr *mr;
	int err;

	err = rxe_mr_close(old);
	if (err)
		return ERR_PTR(err);
	mr = rereg(old, what);
	if (IS_ERR(mr))
		rxe_mr_reopen(old);
	return mr;
}
