// SPDX-License-Identifier: GPL-2.0
/*
 * The one place that decides whether a key may be used: it exists, belongs to the protection domain
 * of who uses it, grants what is wanted, and covers the range (IBA 10.6.3). lkeys and rkeys are the
 * same numbers; what separates them is that a remote access asks for a remote right. Memory windows
 * are found by the same numbers, and stand for their region (mw.c).
 *
 * Keys that can be revoked are checked under their region's lock. Who holds such a region may find
 * it revoked at the next access; what it stood for does not change before it is given back.
 */
#include "../base/dev.h"
#include "mr.h"

static enum rxe_mem_err check(const struct rxe_mr *mr, const struct rxe_mw_set *by, u32 key,
			      u64 iova, u64 len, int access)
{
	/* A stale variant is no key; a foreign key is not told from it, so nobody can probe. */
	if (mr->key != key || (mr->set && mr->set != by) || (mr->ops->remote_only && !by))
		return RXE_MEM_KEY;
	if (access & ~mr->access)
		return RXE_MEM_ACCESS;
	if (len && !rxe_mr_covers(mr, iova, len))
		return RXE_MEM_RANGE;
	return RXE_MEM_OK;
}

static enum rxe_mem_err check_revocable(struct rxe_mr *mr, const struct rxe_mw_set *by, u32 key,
					u64 iova, u64 len, int access)
{
	enum rxe_mem_err err = RXE_MEM_KEY;

	read_lock_bh(&mr->lock);
	if (mr->valid)
		err = check(mr, by, key, iova, len, access);
	if (!err)
		atomic_inc(&mr->users);
	read_unlock_bh(&mr->lock);
	return err;
}

struct rxe_mr *rxe_mr_find(struct ib_pd *pd, u32 key)
{
	struct rxe_handle *handle;
	struct rxe_mr *mr;

	handle = rxe_idtab_get(&rxe_dev(pd->device)->mrs, key >> RXE_KEY_VARIANT_BITS);
	if (!handle)
		return NULL;
	mr = handle->obj;
	if (mr->pd == pd)
		return mr;
	rxe_handle_put(handle);
	return NULL;
}

enum rxe_mem_err rxe_mem_get(struct ib_pd *pd, const struct rxe_mw_set *by, u32 key, u64 iova,
			     u64 len, int access, struct rxe_mr **found)
{
	struct rxe_mr *mr = rxe_mr_find(pd, key);
	enum rxe_mem_err err;

	if (!mr)
		return RXE_MEM_KEY;
	if (mr->ops->revocable)
		err = check_revocable(mr, by, key, iova, len, access);
	else
		err = check(mr, by, key, iova, len, access);
	if (err)
		rxe_handle_put(mr->handle);
	else
		*found = mr;
	return err;
}

void rxe_mem_put(struct rxe_mr *mr)
{
	/* A full barrier: pairs with who finds no users and changes what the key stands for. */
	if (mr->ops->revocable)
		atomic_dec_return(&mr->users);
	rxe_handle_put(mr->handle);
}

enum rxe_mem_err rxe_mem_invalidate(struct ib_pd *pd, const struct rxe_mw_set *by, u32 key)
{
	struct rxe_mr *mr = rxe_mr_find(pd, key);
	enum rxe_mem_err err = RXE_MEM_ACCESS;

	if (!mr)
		return RXE_MEM_KEY;
	if (mr->ops->invalidate)
		err = mr->ops->invalidate(mr, by, key);
	rxe_handle_put(mr->handle);
	return err;
}

void rxe_mr_revoke(struct rxe_mr *mr)
{
	write_lock_bh(&mr->lock);
	mr->valid = false;
	write_unlock_bh(&mr->lock);
}
