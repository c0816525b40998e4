// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers to objects, on an xarray.
 *
 * A reserved number has a slot that holds nothing: the xarray keeps it allocated, and lookups find
 * NULL there. Publishing fills the slot and retiring empties it again; since the slot exists all
 * the while, neither needs memory. Only when the last user is gone is the number given back.
 *
 * Who may still hold a handle when it is retired, and why that ends: lookups that found it before,
 * each until its rxe_handle_put(), which completes @idle; and lookups that read the slot but come
 * too late for a reference, which look at @refs within their RCU read side, hence the grace period
 * before the handle is freed.
 */
#include <linux/err.h>
#include <linux/slab.h>

#include "idtab.h"

void rxe_idtab_init(struct rxe_idtab *tab, u32 min, u32 max)
{
	xa_init_flags(&tab->xa, XA_FLAGS_ALLOC);
	tab->limit = XA_LIMIT(min, max);
	tab->next = min;
}

void rxe_idtab_destroy(struct rxe_idtab *tab)
{
	WARN_ON(!xa_empty(&tab->xa));
	xa_destroy(&tab->xa);
}

static struct rxe_handle *new_handle(void *obj)
{
	struct rxe_handle *handle = kzalloc(sizeof(*handle), GFP_KERNEL_ACCOUNT);

	if (!handle)
		return NULL;
	refcount_set(&handle->refs, 1);
	handle->obj = obj;
	init_completion(&handle->idle);
	return handle;
}

struct rxe_handle *rxe_idtab_reserve(struct rxe_idtab *tab, void *obj)
{
	struct rxe_handle *handle = new_handle(obj);
	int err;

	if (!handle)
		return ERR_PTR(-ENOMEM);
	err = xa_alloc_cyclic(&tab->xa, &handle->id, NULL, tab->limit, &tab->next, GFP_KERNEL);
	if (err < 0) {
		kfree(handle);
		return ERR_PTR(err);
	}
	return handle;
}

struct rxe_handle *rxe_idtab_reserve_at(struct rxe_idtab *tab, void *obj, u32 id)
{
	struct rxe_handle *handle = new_handle(obj);
	int err;

	if (!handle)
		return ERR_PTR(-ENOMEM);
	handle->id = id;
	err = xa_insert(&tab->xa, id, NULL, GFP_KERNEL);
	if (err) {
		kfree(handle);
		return ERR_PTR(err);
	}
	return handle;
}

struct rxe_handle *rxe_idtab_reserve_again(const struct rxe_handle *old, void *obj)
{
	struct rxe_handle *handle = new_handle(obj);

	if (!handle)
		return ERR_PTR(-ENOMEM);
	handle->id = old->id;
	return handle;
}

/* Storing into a slot that exists allocates nothing; NULL keeps the slot, by XA_FLAGS_ALLOC. */
static void set_slot(struct rxe_idtab *tab, const struct rxe_handle *handle, void *entry)
{
	WARN_ON(xa_is_err(xa_store(&tab->xa, handle->id, entry, GFP_KERNEL)));
}

void rxe_idtab_publish(struct rxe_idtab *tab, struct rxe_handle *handle)
{
	set_slot(tab, handle, handle);
}

/* No lookup finds the handle any more: wait for those that did. */
static void wait_idle(struct rxe_handle *handle)
{
	rxe_handle_put(handle);
	wait_for_completion(&handle->idle);
}

void rxe_idtab_retire(struct rxe_idtab *tab, struct rxe_handle *handle)
{
	set_slot(tab, handle, NULL);
	wait_idle(handle);
	xa_erase(&tab->xa, handle->id);
	kfree_rcu(handle, rcu);
}

void rxe_idtab_replace(struct rxe_idtab *tab, struct rxe_handle *old, struct rxe_handle *handle)
{
	set_slot(tab, handle, handle);
	wait_idle(old);
	kfree_rcu(old, rcu);
}

void rxe_handle_abandon(struct rxe_handle *handle)
{
	kfree(handle);
}

struct rxe_handle *rxe_idtab_get(struct rxe_idtab *tab, u32 id)
{
	struct rxe_handle *handle;

	/*
	 * Without references it has just been retired, and the slot is empty, or replaced, and the
	 * slot has the successor.
	 */
	rcu_read_lock();
	do
		handle = xa_load(&tab->xa, id);
	while (handle && !refcount_inc_not_zero(&handle->refs));
	rcu_read_unlock();
	return handle;
}

void rxe_handle_put(struct rxe_handle *handle)
{
	if (refcount_dec_and_test(&handle->refs))
		complete(&handle->idle);
}
