/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_PERCPU_H
#define SHIM_LINUX_PERCPU_H

#include <linux/types.h>

/* One CPU. */
#define __percpu
#define this_cpu_inc(x)		((void)(x)++)
#define this_cpu_add(x, n)	((void)((x) += (n)))

#endif
