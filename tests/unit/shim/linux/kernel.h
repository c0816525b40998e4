/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_KERNEL_H
#define SHIM_LINUX_KERNEL_H

#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/build_bug.h>
#include <linux/container_of.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/types.h>

void shim_might_sleep(const char *file, int line);

#define might_sleep()		shim_might_sleep(__FILE__, __LINE__)
#define might_sleep_if(cond)	do { if (cond) might_sleep(); } while (0)
#define upper_32_bits(n)	((u32)((n) >> 16 >> 16))
#define lower_32_bits(n)	((u32)((n) & 0xffffffff))
#define u64_to_user_ptr(x)	((void *)(uintptr_t)(x))

#endif
