/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_BUG_H
#define SHIM_LINUX_BUG_H

#include <stdio.h>
#include <stdlib.h>

#include <linux/build_bug.h>
#include <linux/compiler.h>

/* A warning in the kernel is a failed case here: no input may reach one. */
#define SHIM_DIE(what)								\
	do {									\
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, (what));	\
		abort();							\
	} while (0)

#define BUG()			SHIM_DIE("BUG()")
#define BUG_ON(cond)		do { if (cond) SHIM_DIE("BUG_ON(" #cond ")"); } while (0)
#define WARN_ON(cond)						\
	({							\
		bool __shim_warn = !!(cond);			\
								\
		if (__shim_warn)				\
			SHIM_DIE("WARN_ON(" #cond ")");		\
		__shim_warn;					\
	})
#define WARN_ON_ONCE(cond)	WARN_ON(cond)
#define WARN(cond, ...)		WARN_ON(cond)
#define WARN_ONCE(cond, ...)	WARN_ON(cond)

#endif
