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

struct rxe_mr *rxe_mr_alloc(struct ib_pd *pd, const struct rxe_mr_ops *ops, u64 iova, u64 length,
			    int access)
{
	struct rxe_handle *handle;
	struct rxe_mr *mr;

	mr = kzalloc(sizeof(*mr), GFP_KERNEL);
	if (!mr)
		return ERR_PTR(-ENOMEM);

	handle = rxe_idtab_reserve(&rxe_dev(pd->device)->mrs, mr);
	if (IS_ERR(handle)) {
		kfree(mr);
		return ERR_CAST(handle);
	}
	mr->handle = handle;
	mr->key = handle->id << RXE_KEY_VARIANT_BITS | get_random_u8();
	mr->pd = pd;
	mr->ops = ops;
	mr->iova = iova;
	mr->length = length;
	mr->access = access;
	return mr;
}

void rxe_mr_publish(struct rxe_mr *mr)
{
	rxe_idtab_publish(&rxe_dev(mr->pd->device)->mrs, mr->handle);
}

void rxe_mr_destroy(struct rxe_mr *mr)
{
	rxe_idtab_retire(&rxe_dev(mr->pd->device)->mrs, mr->handle);
	if (mr->ops->destroy)
		mr->ops->destroy(mr);
	kfree(mr);
}
