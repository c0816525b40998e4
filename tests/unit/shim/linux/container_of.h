/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_CONTAINER_OF_H
#define SHIM_LINUX_CONTAINER_OF_H

#include <linux/build_bug.h>
#include <linux/stddef.h>

#define container_of(ptr, type, member)						\
	({									\
		_Static_assert(__builtin_types_compatible_p(__typeof__(*(ptr)),	\
			       __typeof__(((type *)0)->member)),		\
			       "container_of: wrong pointer type");		\
		(type *)((char *)(ptr) - offsetof(type, member));		\
	})

#endif
