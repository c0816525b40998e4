/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_UNALIGNED_H
#define SHIM_LINUX_UNALIGNED_H

#include <string.h>

#include <linux/types.h>

#include <asm/byteorder.h>

#define SHIM_UNALIGNED(bits, end)					\
static inline u##bits get_unaligned_##end##bits(const void *p)		\
{									\
	__##end##bits v;						\
									\
	memcpy(&v, p, sizeof(v));					\
	return end##bits##_to_cpu(v);					\
}									\
static inline void put_unaligned_##end##bits(u##bits x, void *p)	\
{									\
	__##end##bits v = cpu_to_##end##bits(x);			\
									\
	memcpy(p, &v, sizeof(v));					\
}

SHIM_UNALIGNED(16, be)
SHIM_UNALIGNED(32, be)
SHIM_UNALIGNED(64, be)
SHIM_UNALIGNED(16, le)
SHIM_UNALIGNED(32, le)
SHIM_UNALIGNED(64, le)

#endif
