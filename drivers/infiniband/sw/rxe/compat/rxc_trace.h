/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels 6.1 and 7.2 in trace events. RXC_HAVE_* come from probe.sh.
 */
#ifndef RXE_COMPAT_RXC_TRACE_H
#define RXE_COMPAT_RXC_TRACE_H

/* RXC_ASSIGN_STR() - __assign_str(), which finds the source in __string() itself since 6.10 */
#ifdef RXC_HAVE_ASSIGN_STR_DST
#define RXC_ASSIGN_STR(dst, src)	__assign_str(dst)
#else
#define RXC_ASSIGN_STR(dst, src)	__assign_str(dst, src)
#endif

#endif
