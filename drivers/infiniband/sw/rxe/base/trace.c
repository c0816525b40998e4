// SPDX-License-Identifier: GPL-2.0
/*
 * The transport's trace events, made once, and the one for a packet that is lost, which follows
 * from its counter.
 */
#define CREATE_TRACE_POINTS
#include "trace.h"

void rxe_dev_trace_drop(const struct rxe_dev *dev, enum rxe_stat reason)
{
	trace_rxe_drop(dev, rxe_stats_name(reason));
}
