/* SPDX-License-Identifier: GPL-2.0 */
/* get_unaligned_*(), put_unaligned_*(): in <linux/unaligned.h> from 6.12, in <asm/> before. */
#ifndef RXE_COMPAT_UNALIGNED_H
#define RXE_COMPAT_UNALIGNED_H

#if __has_include(<linux/unaligned.h>)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#endif
