/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_XARRAY_H
#define SHIM_LINUX_XARRAY_H

#include <pthread.h>
#include <string.h>

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/slab.h>

/*
 * The kernel's interface over a list of slots that only grows: no tree, but the same answers, and
 * an allocation, which can fail, wherever the kernel's may make one.
 */
struct shim_xa_slot {
	unsigned long index;
	bool used;
	void *entry;
};

struct xarray {
	pthread_mutex_t mutex;
	struct shim_xa_slot *slots;
	size_t num;
};

struct xa_limit {
	u32 max;
	u32 min;
};

#define XA_LIMIT(lo, hi)	((struct xa_limit) { .min = (lo), .max = (hi) })
#define XA_FLAGS_ALLOC		1

static inline void xa_init_flags(struct xarray *xa, gfp_t flags)
{
	pthread_mutex_init(&xa->mutex, NULL);
	xa->slots = NULL;
	xa->num = 0;
}

static inline void xa_destroy(struct xarray *xa)
{
	kfree(xa->slots);
	xa->slots = NULL;
	xa->num = 0;
}

static inline struct shim_xa_slot *shim_xa_find(struct xarray *xa, unsigned long index)
{
	size_t i;

	for (i = 0; i < xa->num; i++)
		if (xa->slots[i].used && xa->slots[i].index == index)
			return &xa->slots[i];
	return NULL;
}

/* Room for one more; the mutex is held. */
static inline struct shim_xa_slot *shim_xa_add(struct xarray *xa, unsigned long index, gfp_t gfp)
{
	struct shim_xa_slot *slots;
	size_t i;

	for (i = 0; i < xa->num && xa->slots[i].used; i++)
		;
	if (i == xa->num) {
		slots = kcalloc(i + 1, sizeof(*slots), gfp);
		if (!slots)
			return NULL;
		if (i)
			memcpy(slots, xa->slots, i * sizeof(*slots));
		kfree(xa->slots);
		xa->slots = slots;
		xa->num++;
	}
	xa->slots[i] = (struct shim_xa_slot) { .index = index, .used = true };
	return &xa->slots[i];
}

static inline bool xa_empty(struct xarray *xa)
{
	size_t i;

	for (i = 0; i < xa->num; i++)
		if (xa->slots[i].used)
			return false;
	return true;
}

static inline void *xa_load(struct xarray *xa, unsigned long index)
{
	struct shim_xa_slot *slot;
	void *entry;

	pthread_mutex_lock(&xa->mutex);
	slot = shim_xa_find(xa, index);
	entry = slot ? slot->entry : NULL;
	pthread_mutex_unlock(&xa->mutex);
	return entry;
}

static inline int xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	struct shim_xa_slot *slot;
	int err = 0;

	pthread_mutex_lock(&xa->mutex);
	if (shim_xa_find(xa, index)) {
		err = -EBUSY;
	} else {
		slot = shim_xa_add(xa, index, gfp);
		if (slot)
			slot->entry = entry;
		else
			err = -ENOMEM;
	}
	pthread_mutex_unlock(&xa->mutex);
	return err;
}

static inline int xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit,
				  u32 *next, gfp_t gfp)
{
	u64 tries = (u64)limit.max - limit.min + 1;
	u32 at = *next < limit.min || *next > limit.max ? limit.min : *next;
	int err;

	for (; tries; tries--, at = at == limit.max ? limit.min : at + 1) {
		err = xa_insert(xa, at, entry, gfp);
		if (err == -EBUSY)
			continue;
		if (!err) {
			*id = at;
			*next = at == limit.max ? limit.min : at + 1;
		}
		return err;
	}
	return -EBUSY;
}

static inline void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	struct shim_xa_slot *slot;
	void *old = NULL;

	pthread_mutex_lock(&xa->mutex);
	slot = shim_xa_find(xa, index);
	if (!slot)
		slot = shim_xa_add(xa, index, gfp);
	if (slot) {
		old = slot->entry;
		slot->entry = entry;
	} else {
		old = ERR_PTR(-ENOMEM);
	}
	pthread_mutex_unlock(&xa->mutex);
	return old;
}

static inline void *xa_erase(struct xarray *xa, unsigned long index)
{
	struct shim_xa_slot *slot;
	void *old = NULL;

	pthread_mutex_lock(&xa->mutex);
	slot = shim_xa_find(xa, index);
	if (slot) {
		old = slot->entry;
		slot->used = false;
	}
	pthread_mutex_unlock(&xa->mutex);
	return old;
}

#define xa_is_err(entry)	IS_ERR(entry)

#endif
