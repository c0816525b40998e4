/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_MINMAX_H
#define SHIM_LINUX_MINMAX_H

#include <linux/types.h>

#define SHIM_CMP(x, op, y)			\
	({					\
		__typeof__(x) __shim_x = (x);	\
		__typeof__(y) __shim_y = (y);	\
						\
		__shim_x op __shim_y ? __shim_x : __shim_y; \
	})

#define min(x, y)		SHIM_CMP(x, <, y)
#define max(x, y)		SHIM_CMP(x, >, y)
#define min_t(type, x, y)	SHIM_CMP((type)(x), <, (type)(y))
#define max_t(type, x, y)	SHIM_CMP((type)(x), >, (type)(y))
#define min3(x, y, z)		min(min(x, y), z)
#define max3(x, y, z)		max(max(x, y), z)
#define clamp(v, lo, hi)	min(max(v, lo), hi)
#define clamp_t(type, v, lo, hi) min_t(type, max_t(type, v, lo), hi)
#define swap(a, b)				\
	do {					\
		__typeof__(a) __shim_t = (a);	\
						\
		(a) = (b);			\
		(b) = __shim_t;			\
	} while (0)

#endif
