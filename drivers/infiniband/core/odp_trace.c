// SPDX-License-Identifier: GPL-2.0
/* The trace events of on-demand memory, made once. */
#define CREATE_TRACE_POINTS
#include "odp_trace.h"
