// SPDX-License-Identifier: GPL-2.0
/*
 * Access flags: from what was asked for to what is in force.
 *
 * A mandatory flag (bits 0 to 19, 30 and 31) changes what an access means. One that the device does
 * not implement is refused, since a program that asks for zero-based addresses or on-demand memory
 * goes wrong without. An optional flag (bits 20 to 29) only permits something, so one that nobody
 * knows is dropped; libraries rely on it and set such flags without asking first.
 *
 * IB_ACCESS_HUGETLB is mandatory by its number, yet no request of its own: it is the program's
 * promise that on-demand memory consists of huge pages. Memory that is not on demand is registered
 * page by page, whatever the pages are, so there the promise is true or harmless, and is dropped.
 *
 * Relaxed ordering permits payload to be placed out of order. Programs get it when they ask. Kernel
 * consumers never ask (the core has no such argument on most of its paths), are all written to wait
 * for the completion, and get it by default; ODP_ACCESS_STRICT_ORDERING is their way out.
 */
#include <linux/errno.h>
#include <linux/types.h>

#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/odp_access.h>

/* Flags by which others change the memory; the owner must be allowed to as well. */
#define REMOTE_CHANGES	(IB_UVERBS_ACCESS_REMOTE_WRITE | IB_UVERBS_ACCESS_REMOTE_ATOMIC)

static bool contradictory(enum odp_access_origin origin, u32 flags)
{
	if ((flags & REMOTE_CHANGES) && !(flags & IB_UVERBS_ACCESS_LOCAL_WRITE))
		return true;
	return origin == ODP_ACCESS_KERNEL && (flags & ODP_ACCESS_STRICT_ORDERING) &&
	       (flags & IB_UVERBS_ACCESS_RELAXED_ORDERING);
}

static u32 drop_idle_promises(u32 flags)
{
	return flags & IB_UVERBS_ACCESS_ON_DEMAND ? flags : flags & ~IB_UVERBS_ACCESS_HUGETLB;
}

static u32 resolve_ordering(enum odp_access_origin origin, u32 flags)
{
	if (origin != ODP_ACCESS_KERNEL)
		return flags;
	if (!(flags & ODP_ACCESS_STRICT_ORDERING))
		flags |= IB_UVERBS_ACCESS_RELAXED_ORDERING;
	return flags & ~ODP_ACCESS_STRICT_ORDERING;
}

int odp_access_effective(enum odp_access_origin origin, u32 requested, u32 supported)
{
	u32 flags;

	if (contradictory(origin, requested))
		return -EINVAL;
	flags = resolve_ordering(origin, drop_idle_promises(requested));
	if (flags & ~supported & ~IB_UVERBS_ACCESS_OPTIONAL_RANGE)
		return -EOPNOTSUPP;
	return flags & supported;
}
