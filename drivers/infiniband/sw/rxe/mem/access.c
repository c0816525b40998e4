// SPDX-License-Identifier: GPL-2.0
/*
 * The way to the core's policy for access flags (rdma/odp_access.h), for every call and work
 * request that brings some; with what the administrator has said.
 */
#include <linux/module.h>

#include "mem.h"

static bool kernel_strict_ordering;
module_param(kernel_strict_ordering, bool, 0644);
MODULE_PARM_DESC(kernel_strict_ordering,
		 "Place payload in order in new regions of kernel consumers, too (default: N)");

int rxe_mr_access(enum odp_access_origin origin, u32 before, u32 requested, u32 supported)
{
	const struct odp_access_request req = {
		.origin = origin,
		.before = before,
		.requested = requested,
		.supported = supported,
		.kernel_strict = READ_ONCE(kernel_strict_ordering),
	};

	return odp_access_effective(&req);
}
