/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_SPINLOCK_H
#define SHIM_LINUX_SPINLOCK_H

#include <linux/types.h>

/*
 * A real lock, for suites with threads, which also knows its owner: taking it twice, letting go of
 * what one does not hold, and sleeping under it abort.
 */
typedef struct {
	int owner;
} spinlock_t;

#define __SPIN_LOCK_UNLOCKED(name)	{ 0 }
#define DEFINE_SPINLOCK(name)		spinlock_t name = __SPIN_LOCK_UNLOCKED(name)

void shim_lock(spinlock_t *lock);
bool shim_trylock(spinlock_t *lock);
void shim_unlock(spinlock_t *lock);
bool shim_is_held(const spinlock_t *lock);

#define spin_lock_init(l)		((void)((l)->owner = 0))
#define spin_lock(l)			shim_lock(l)
#define spin_unlock(l)			shim_unlock(l)
#define spin_lock_bh(l)			shim_lock(l)
#define spin_unlock_bh(l)		shim_unlock(l)
#define spin_lock_irq(l)		shim_lock(l)
#define spin_unlock_irq(l)		shim_unlock(l)
#define spin_lock_irqsave(l, f)		((f) = 0, shim_lock(l))
#define spin_unlock_irqrestore(l, f)	((void)(f), shim_unlock(l))
#define spin_trylock(l)			shim_trylock(l)
#define spin_trylock_bh(l)		shim_trylock(l)
#define assert_spin_locked(l)		lockdep_assert_held(l)

/* Readers keep one another out as well, which no caller may notice. */
typedef spinlock_t rwlock_t;

#define rwlock_init(l)			spin_lock_init(l)
#define read_lock_bh(l)			shim_lock(l)
#define read_unlock_bh(l)		shim_unlock(l)
#define write_lock_bh(l)		shim_lock(l)
#define write_unlock_bh(l)		shim_unlock(l)
#define lockdep_assert_held_write(l)	lockdep_assert_held(l)

#include <linux/lockdep.h>

#endif
