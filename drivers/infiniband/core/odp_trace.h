/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events of on-demand memory, in /sys/kernel/tracing/events/odp; Documentation/tracing.rst
 * tells how to use them. Addresses are those of the process, [start, end).
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM odp

#if !defined(CORE_ODP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define CORE_ODP_TRACE_H

#include <linux/mm_types.h>
#include <linux/tracepoint.h>

/* Bringing pages in begins; @advice is ODP_PREFETCH_*. @mm only tells processes apart. */
TRACE_EVENT(odp_fault_begin,
	TP_PROTO(const struct mm_struct *mm, unsigned long start, unsigned long end,
		 unsigned int advice),
	TP_ARGS(mm, start, end, advice),
	TP_STRUCT__entry(
		__field(const void *, mm)
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned int, advice)
	),
	TP_fast_assign(
		__entry->mm = mm;
		__entry->start = start;
		__entry->end = end;
		__entry->advice = advice;
	),
	TP_printk("mm=%p start=0x%lx end=0x%lx advice=%u", __entry->mm, __entry->start,
		  __entry->end, __entry->advice)
);

/* It has ended, with so many pages in place, or a negative errno. */
TRACE_EVENT(odp_fault_end,
	TP_PROTO(const struct mm_struct *mm, unsigned long start, long pages),
	TP_ARGS(mm, start, pages),
	TP_STRUCT__entry(
		__field(const void *, mm)
		__field(unsigned long, start)
		__field(long, pages)
	),
	TP_fast_assign(
		__entry->mm = mm;
		__entry->start = start;
		__entry->pages = pages;
	),
	TP_printk("mm=%p start=0x%lx pages=%ld", __entry->mm, __entry->start, __entry->pages)
);

/* The process' mapping changes there; @dropped pages were in use and are no more. */
TRACE_EVENT(odp_invalidate,
	TP_PROTO(const struct mm_struct *mm, unsigned long start, unsigned long end,
		 unsigned int dropped),
	TP_ARGS(mm, start, end, dropped),
	TP_STRUCT__entry(
		__field(const void *, mm)
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned int, dropped)
	),
	TP_fast_assign(
		__entry->mm = mm;
		__entry->start = start;
		__entry->end = end;
		__entry->dropped = dropped;
	),
	TP_printk("mm=%p start=0x%lx end=0x%lx dropped=%u", __entry->mm, __entry->start,
		  __entry->end, __entry->dropped)
);

#endif

/* Found by way of -I$(src)/include. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH ../drivers/infiniband/core
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE odp_trace
#include <trace/define_trace.h>
