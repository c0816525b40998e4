// SPDX-License-Identifier: GPL-2.0
/*
 * Regions as objects: birth, key, death. What kind of memory stands behind is the backend's matter.
 *
 * Teardown is a proof. After rxe_idtab_retire() has unpublished the key, who may still hold the
 * region? Only who looked it up before: a packet or a work request in execution. A QP lets go of
 * every region at the end of each run and looks the key up again in the next one, so a message that
 * stops half way, for good, holds nothing. Runs are bounded. Nobody else has a reference, so the
 * wait ends, and destroying needs no memory and cannot fail.
 */
#include <linux/err.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "../base/dev.h"
#include "mr.h"

static struct rxe_mr *new_mr(struct ib_pd *pd, const struct rxe_mr_ops *ops, u64 iova, u64 length,
			     int access)
{
	struct rxe_mr *mr = kzalloc(sizeof(*mr), GFP_KERNEL_ACCOUNT);

	if (!mr)
		return NULL;
	mr->pd = pd;
	mr->ops = ops;
	mr->iova = iova;
	mr->length = length;
	mr->access = access;
	INIT_LIST_HEAD(&mr->bound);
	rwlock_init(&mr->lock);
	return mr;
}

struct rxe_mr *rxe_mr_alloc(struct ib_pd *pd, const struct rxe_mr_ops *ops, u64 iova, u64 length,
			    int access)
{
	struct rxe_mr *mr = new_mr(pd, ops, iova, length, access);
	struct rxe_handle *handle;

	if (!mr)
		return ERR_PTR(-ENOMEM);
	handle = rxe_idtab_reserve(&rxe_dev(pd->device)->mrs, mr);
	if (IS_ERR(handle)) {
		kfree(mr);
		return ERR_CAST(handle);
	}
	mr->handle = handle;
	mr->key = handle->id << RXE_KEY_VARIANT_BITS | get_random_u8();
	return mr;
}

struct rxe_mr *rxe_mr_alloc_again(const struct rxe_mr *old, struct ib_pd *pd,
				  const struct rxe_mr_ops *ops, u64 iova, u64 length, int access)
{
	struct rxe_mr *mr = new_mr(pd, ops, iova, length, access);
	struct rxe_handle *handle;

	if (!mr)
		return ERR_PTR(-ENOMEM);
	handle = rxe_idtab_reserve_again(old->handle, mr);
	if (IS_ERR(handle)) {
		kfree(mr);
		return ERR_CAST(handle);
	}
	mr->handle = handle;
	mr->key = old->key;
	return mr;
}

void rxe_mr_publish(struct rxe_mr *mr)
{
	rxe_idtab_publish(&rxe_dev(mr->pd->device)->mrs, mr->handle);
}

void rxe_mr_replace(struct rxe_mr *old, struct rxe_mr *mr)
{
	rxe_idtab_replace(&rxe_dev(mr->pd->device)->mrs, old->handle, mr->handle);
	old->handle = NULL;
}

static void free_mr(struct rxe_mr *mr)
{
	if (mr->ops->destroy)
		mr->ops->destroy(mr);
	kfree(mr);
}

void rxe_mr_abandon(struct rxe_mr *mr)
{
	rxe_handle_abandon(mr->handle);
	free_mr(mr);
}

void rxe_mr_destroy(struct rxe_mr *mr)
{
	/* Another region may have taken over its key. */
	if (mr->handle)
		rxe_idtab_retire(&rxe_dev(mr->pd->device)->mrs, mr->handle);
	free_mr(mr);
}
