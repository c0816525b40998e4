// SPDX-License-Identifier: GPL-2.0
/*
 * The one place that decides whether a key may be used: it exists, belongs to the protection domain
 * of who uses it, grants what is wanted, and covers the range (IBA 10.6.3). lkeys and rkeys are the
 * same numbers; what separates them is that a remote access asks for a remote right.
 */
#include "../base/dev.h"
#include "mr.h"

static enum rxe_mem_err check(const struct rxe_mr *mr, const struct ib_pd *pd, u32 key, u64 iova,
			      u64 len, int access)
{
	/* A stale variant is no key; a foreign key is not told from it, so nobody can probe. */
	if (mr->key != key || mr->pd != pd)
		return RXE_MEM_KEY;
	if (access & ~mr->access)
		return RXE_MEM_ACCESS;
	if (len && !rxe_mr_covers(mr, iova, len))
		return RXE_MEM_RANGE;
	return RXE_MEM_OK;
}

enum rxe_mem_err rxe_mem_get(struct ib_pd *pd, u32 key, u64 iova, u64 len, int access,
			     struct rxe_mr **mr)
{
	struct rxe_idtab *mrs = &rxe_dev(pd->device)->mrs;
	struct rxe_handle *handle;
	enum rxe_mem_err err;

	handle = rxe_idtab_get(mrs, key >> RXE_KEY_VARIANT_BITS);
	if (!handle)
		return RXE_MEM_KEY;

	err = check(handle->obj, pd, key, iova, len, access);
	if (err)
		rxe_handle_put(handle);
	else
		*mr = handle->obj;
	return err;
}

void rxe_mem_put(struct rxe_mr *mr)
{
	rxe_handle_put(mr->handle);
}
