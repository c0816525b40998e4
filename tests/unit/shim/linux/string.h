/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_STRING_H
#define SHIM_LINUX_STRING_H

#include_next <linux/string.h>

#include <string.h>

static inline void *memchr_inv(const void *p, int c, size_t n)
{
	const unsigned char *b = p;

	for (; n--; b++)
		if (*b != (unsigned char)c)
			return (void *)b;
	return NULL;
}

#endif
