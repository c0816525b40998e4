/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_GFP_H
#define SHIM_LINUX_GFP_H

#include <linux/types.h>

#define __GFP_DIRECT_RECLAIM	0x1U
#define __GFP_ZERO		0x2U
#define __GFP_NOWARN		0x4U
#define __GFP_ACCOUNT		0x8U
#define GFP_KERNEL		__GFP_DIRECT_RECLAIM
#define GFP_KERNEL_ACCOUNT	(GFP_KERNEL | __GFP_ACCOUNT)
#define GFP_NOIO		GFP_KERNEL
#define GFP_ATOMIC		0U
#define GFP_NOWAIT		0U

#endif
