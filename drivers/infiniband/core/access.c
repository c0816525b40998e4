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
 * Relaxed ordering permits payload to be placed out of order. Programs get it when they ask, and
 * whoever registers their memory for them, too. Kernel consumers get it for their own memory: they
 * never ask, as the core has no such argument on most of its paths, and are all written to wait for
 * the completion. It stays with a region that is registered again and again by work requests, whose
 * flags know nothing of it. A permission may always be withheld: that is what kernel_strict does.
 */
#include <linux/errno.h>
#include <linux/types.h>

#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/odp_access.h>

/* Flags by which others change the memory; the owner must be allowed to as well. */
#define REMOTE_CHANGES	(IB_UVERBS_ACCESS_REMOTE_WRITE | IB_UVERBS_ACCESS_REMOTE_ATOMIC)

static bool contradictory(u32 flags)
{
	return (flags & REMOTE_CHANGES) && !(flags & IB_UVERBS_ACCESS_LOCAL_WRITE);
}

static u32 drop_idle_promises(u32 flags)
{
	return flags & IB_UVERBS_ACCESS_ON_DEMAND ? flags : flags & ~IB_UVERBS_ACCESS_HUGETLB;
}

static bool relaxed(const struct odp_access_request *req)
{
	bool asked = req->requested & IB_UVERBS_ACCESS_RELAXED_ORDERING;

	switch (req->origin) {
	case ODP_ACCESS_USER:
	case ODP_ACCESS_REREG:
		return asked;
	case ODP_ACCESS_KERNEL_USER:
		return asked && !req->kernel_strict;
	case ODP_ACCESS_KERNEL_REG:
		asked |= req->before & IB_UVERBS_ACCESS_RELAXED_ORDERING;
		return asked && !req->kernel_strict;
	case ODP_ACCESS_KERNEL_DMA:
	case ODP_ACCESS_KERNEL_ALLOC:
		return !req->kernel_strict;
	}
	return false;
}

int odp_access_effective(const struct odp_access_request *req)
{
	u32 flags = drop_idle_promises(req->requested);

	if (contradictory(flags))
		return -EINVAL;
	flags &= ~IB_UVERBS_ACCESS_RELAXED_ORDERING;
	if (relaxed(req))
		flags |= IB_UVERBS_ACCESS_RELAXED_ORDERING;
	if (flags & ~req->supported & ~IB_UVERBS_ACCESS_OPTIONAL_RANGE)
		return -EOPNOTSUPP;
	return flags & req->supported;
}
