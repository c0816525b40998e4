/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_ATOMIC_H
#define SHIM_LINUX_ATOMIC_H

#include <linux/types.h>

#include <asm/barrier.h>

#define ATOMIC_INIT(i)		{ (i) }
#define ATOMIC64_INIT(i)	{ (i) }

/* The kernel's two widths differ in name only; every operation is fully ordered here. */
#define SHIM_ATOMIC(name, atype, type)							\
static inline type name##_read(const atype *v)						\
{											\
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);				\
}											\
static inline type name##_read_acquire(const atype *v)					\
{											\
	return __atomic_load_n(&v->counter, __ATOMIC_ACQUIRE);				\
}											\
static inline void name##_set(atype *v, type i)						\
{											\
	__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED);				\
}											\
static inline void name##_set_release(atype *v, type i)					\
{											\
	__atomic_store_n(&v->counter, i, __ATOMIC_RELEASE);				\
}											\
static inline type name##_fetch_add(type i, atype *v)					\
{											\
	return __atomic_fetch_add(&v->counter, i, __ATOMIC_SEQ_CST);			\
}											\
static inline type name##_add_return(type i, atype *v)					\
{											\
	return __atomic_add_fetch(&v->counter, i, __ATOMIC_SEQ_CST);			\
}											\
static inline type name##_sub_return(type i, atype *v)					\
{											\
	return __atomic_sub_fetch(&v->counter, i, __ATOMIC_SEQ_CST);			\
}											\
static inline void name##_add(type i, atype *v) { name##_add_return(i, v); }		\
static inline void name##_sub(type i, atype *v) { name##_sub_return(i, v); }		\
static inline void name##_inc(atype *v) { name##_add_return(1, v); }			\
static inline void name##_dec(atype *v) { name##_sub_return(1, v); }			\
static inline type name##_inc_return(atype *v) { return name##_add_return(1, v); }	\
static inline type name##_dec_return(atype *v) { return name##_sub_return(1, v); }	\
static inline bool name##_dec_and_test(atype *v) { return !name##_sub_return(1, v); }	\
static inline type name##_xchg(atype *v, type i)					\
{											\
	return __atomic_exchange_n(&v->counter, i, __ATOMIC_SEQ_CST);			\
}											\
static inline bool name##_try_cmpxchg(atype *v, type *old, type i)			\
{											\
	return __atomic_compare_exchange_n(&v->counter, old, i, false,			\
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);		\
}											\
static inline type name##_cmpxchg(atype *v, type old, type i)				\
{											\
	name##_try_cmpxchg(v, &old, i);							\
	return old;									\
}											\
static inline bool name##_add_unless(atype *v, type a, type u)				\
{											\
	type c = name##_read(v);							\
											\
	while (c != u)									\
		if (name##_try_cmpxchg(v, &c, c + a))					\
			return true;							\
	return false;									\
}											\
static inline bool name##_inc_not_zero(atype *v) { return name##_add_unless(v, 1, 0); }

SHIM_ATOMIC(atomic, atomic_t, int)
SHIM_ATOMIC(atomic64, atomic64_t, s64)

#define xchg(p, v)	__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define cmpxchg(p, o, n)							\
	({									\
		__typeof__(*(p)) __shim_old = (o);				\
										\
		__atomic_compare_exchange_n(p, &__shim_old, n, false,		\
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
		__shim_old;							\
	})
#define cmpxchg64(p, o, n)	cmpxchg(p, o, n)

#endif
