/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The access-flag policy: who asks for which IB_ACCESS_* flags, and what the region gets. It is the
 * only place that knows these rules; every driver path that takes access flags asks here.
 */
#ifndef RDMA_ODP_ACCESS_H
#define RDMA_ODP_ACCESS_H

#include <linux/bits.h>
#include <linux/types.h>

/**
 * enum odp_access_origin - who decided on the flags
 * @ODP_ACCESS_USER: a program, or a kernel service that registers a program's memory on its behalf:
 *	ordering is strict unless asked otherwise
 * @ODP_ACCESS_KERNEL: a kernel consumer for its own memory: it waits for completions before it
 *	looks at data, so ordering is relaxed unless it asks otherwise
 */
enum odp_access_origin {
	ODP_ACCESS_USER,
	ODP_ACCESS_KERNEL,
};

/*
 * Kernel consumers only: no relaxed ordering by default. Above the range of optional flags, so that
 * a program that sets this bit is refused.
 */
#define ODP_ACCESS_STRICT_ORDERING	((u32)BIT(30))

/**
 * odp_access_effective() - the policy
 * @origin: who asks
 * @requested: IB_ACCESS_*, and ODP_ACCESS_STRICT_ORDERING for ODP_ACCESS_KERNEL
 * @supported: IB_ACCESS_* that the device implements for this kind of region
 *
 * Flags of the optional range (bits 20 to 29) that the device does not implement are dropped; any
 * other such flag is refused, for it would promise what is not there. The result never holds a flag
 * outside of @supported.
 *
 * Context: any; pure.
 * Return: the effective flags; -EINVAL for a combination that the verbs forbid; -EOPNOTSUPP for a
 * mandatory flag that is not supported.
 */
int odp_access_effective(enum odp_access_origin origin, u32 requested, u32 supported);

#endif
