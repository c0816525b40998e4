/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers that peers and programs name objects by (QP number, key index, AH number), and the only
 * way from such a number to its object.
 *
 * An object's life: reserve a number (lookups find nothing yet), construct (may fail), publish
 * (cannot fail); then retire: unpublish, wait until the last user of a lookup is gone. The object
 * is reached through a small handle, which alone is freed after an RCU grace period; so the object
 * itself may be freed as soon as rxe_idtab_retire() returns.
 */
#ifndef RXE_BASE_IDTAB_H
#define RXE_BASE_IDTAB_H

#include <linux/completion.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/xarray.h>

/**
 * struct rxe_handle - one published object
 * @refs: one of the table from publish to retire, one of each user in between
 * @id: the number
 * @obj: the object; constant
 * @idle: completed by the last put
 * @rcu: frees the handle
 */
struct rxe_handle {
	refcount_t refs;
	u32 id;
	void *obj;
	struct completion idle;
	struct rcu_head rcu;
};

/**
 * struct rxe_idtab - a table of numbers
 * @xa: number to handle; its lock guards @next
 * @next: where the next search begins, so that a number is not soon used again
 * @limit: lowest and highest number that rxe_idtab_reserve() gives
 */
struct rxe_idtab {
	struct xarray xa;
	u32 next;
	struct xa_limit limit;
};

/* Make an empty table that gives out @min to @max. */
void rxe_idtab_init(struct rxe_idtab *tab, u32 min, u32 max);

/* Free an empty table; warns if an object was left in it. */
void rxe_idtab_destroy(struct rxe_idtab *tab);

/**
 * rxe_idtab_reserve() - a number for an object that is being made
 * @tab: the table
 * @obj: the object
 *
 * Context: process, may sleep.
 * Return: the handle, or ERR_PTR(-ENOMEM), or ERR_PTR(-EBUSY) when no number is left.
 */
struct rxe_handle *rxe_idtab_reserve(struct rxe_idtab *tab, void *obj);

/**
 * rxe_idtab_reserve_at() - the same for a well-known number outside of the table's limits
 * @tab: the table
 * @obj: the object
 * @id: the number
 *
 * Context: process, may sleep.
 * Return: the handle, or ERR_PTR(-ENOMEM), or ERR_PTR(-EBUSY) when the number is taken.
 */
struct rxe_handle *rxe_idtab_reserve_at(struct rxe_idtab *tab, void *obj, u32 id);

/**
 * rxe_idtab_reserve_again() - a successor for an object, under the same number
 * @old: handle of the published object
 * @obj: the successor
 *
 * Context: process, may sleep.
 * Return: the handle, for rxe_idtab_replace() or rxe_handle_abandon(); or ERR_PTR(-ENOMEM).
 */
struct rxe_handle *rxe_idtab_reserve_again(const struct rxe_handle *old, void *obj);

/**
 * rxe_idtab_replace() - lookups find the successor from now on, and nobody holds the predecessor
 * @tab: the table
 * @old: the predecessor's; gone afterwards
 * @handle: the successor's
 *
 * At every moment one of the two is found.
 *
 * Context: process, sleeps until the last user of @old is gone.
 */
void rxe_idtab_replace(struct rxe_idtab *tab, struct rxe_handle *old, struct rxe_handle *handle);

/* A successor that does not come. */
void rxe_handle_abandon(struct rxe_handle *handle);

/* Let lookups find the object. Process context; cannot fail, the slot exists since reserve. */
void rxe_idtab_publish(struct rxe_idtab *tab, struct rxe_handle *handle);

/**
 * rxe_idtab_retire() - no lookup finds the object any more, and nobody holds it
 * @tab: the table
 * @handle: from reserve, published or not; gone afterwards
 *
 * The caller has made sure that users that hold the object for long let go of it.
 *
 * Context: process, sleeps until the last user is gone.
 */
void rxe_idtab_retire(struct rxe_idtab *tab, struct rxe_handle *handle);

/**
 * rxe_idtab_get() - number to object
 * @tab: the table
 * @id: any number, also from a packet
 *
 * Context: any.
 * Return: the handle with a reference for rxe_handle_put(), or NULL.
 */
struct rxe_handle *rxe_idtab_get(struct rxe_idtab *tab, u32 id);

/* A reference, unless the object has just been retired. RCU read side, which keeps @handle. */
static inline bool rxe_handle_tryget(struct rxe_handle *handle)
{
	return refcount_inc_not_zero(&handle->refs);
}

/* Give a reference back. Any context. */
void rxe_handle_put(struct rxe_handle *handle);

/* One more reference; the caller already has one. Any context. */
static inline void rxe_handle_hold(struct rxe_handle *handle)
{
	refcount_inc(&handle->refs);
}

#endif
