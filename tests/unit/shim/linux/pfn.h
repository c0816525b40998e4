/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_PFN_H
#define SHIM_LINUX_PFN_H

#include <linux/mm.h>

#define PFN_DOWN(x)		((x) >> PAGE_SHIFT)
#define PFN_UP(x)		(((x) + PAGE_SIZE - 1) >> PAGE_SHIFT)

#endif
