/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_RANDOM_H
#define SHIM_LINUX_RANDOM_H

#include <linux/types.h>

/* Never twice the same in a row. */
static inline u8 get_random_u8(void)
{
	static u8 state;

	return state += 101;
}

#endif
