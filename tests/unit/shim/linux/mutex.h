/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_MUTEX_H
#define SHIM_LINUX_MUTEX_H

#include <linux/kernel.h>
#include <linux/spinlock.h>

/* One may sleep while holding it, so it does not count as atomic context. */
struct mutex {
	spinlock_t lock;
};

#define DEFINE_MUTEX(name)	struct mutex name
#define mutex_init(m)		spin_lock_init(&(m)->lock)
#define mutex_destroy(m)	((void)(m))

void mutex_lock(struct mutex *m);
void mutex_unlock(struct mutex *m);

#endif
