/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_RCUPDATE_H
#define SHIM_LINUX_RCUPDATE_H

#include <pthread.h>

#include <asm/barrier.h>

#include <linux/compiler.h>
#include <linux/slab.h>

struct rcu_head {
	int unused;
};

/* One for the program: a grace period ends when every reader has left. */
__weak pthread_rwlock_t shim_rcu = PTHREAD_RWLOCK_INITIALIZER;

static inline void rcu_read_lock(void)
{
	pthread_rwlock_rdlock(&shim_rcu);
}

static inline void rcu_read_unlock(void)
{
	pthread_rwlock_unlock(&shim_rcu);
}

static inline void synchronize_rcu(void)
{
	pthread_rwlock_wrlock(&shim_rcu);
	pthread_rwlock_unlock(&shim_rcu);
}

#define kfree_rcu(p, head)	do { (void)&(p)->head; synchronize_rcu(); kfree(p); } while (0)
#define rcu_dereference(p)	READ_ONCE(p)
/* Pairs with the reader's rcu_dereference(). */
#define rcu_assign_pointer(p, v) smp_store_release(&(p), v)

#endif
