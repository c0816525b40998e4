/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The access-flag policy: who asks for which IB_ACCESS_* flags, and what the region gets. It is the
 * only place that knows these rules; every driver path that takes access flags asks here.
 *
 *	ib_device_ops		origin			requested
 *	-------------		------			---------
 *	reg_user_mr		USER, or KERNEL_USER	as passed
 *				when there is no udata
 *	rereg_user_mr		REREG			as passed, with IB_MR_REREG_ACCESS;
 *							without it the flags stay
 *	get_dma_mr		KERNEL_DMA		as passed
 *	alloc_mr		KERNEL_ALLOC		0: the call has no flags
 *	IB_WR_REG_MR		KERNEL_REG		of the work request; @before: what is in
 *							force so far
 */
#ifndef RDMA_ODP_ACCESS_H
#define RDMA_ODP_ACCESS_H

#include <linux/types.h>

/**
 * enum odp_access_origin - who decided on the flags
 * @ODP_ACCESS_USER: a program that registers its memory: ordering is strict unless it asks
 * @ODP_ACCESS_REREG: a program that gives its region other flags: likewise, whatever they were
 * @ODP_ACCESS_KERNEL_USER: a kernel service that registers a program's memory on its behalf: the
 *	program may look while it changes, so likewise
 * @ODP_ACCESS_KERNEL_DMA: the region of all kernel memory of a PD: relaxed
 * @ODP_ACCESS_KERNEL_ALLOC: a kernel consumer's region for fast registration: relaxed
 * @ODP_ACCESS_KERNEL_REG: a fast registration of such a region: relaxed if it was, or if asked
 */
enum odp_access_origin {
	ODP_ACCESS_USER,
	ODP_ACCESS_REREG,
	ODP_ACCESS_KERNEL_USER,
	ODP_ACCESS_KERNEL_DMA,
	ODP_ACCESS_KERNEL_ALLOC,
	ODP_ACCESS_KERNEL_REG,
};

/**
 * struct odp_access_request - all that the policy looks at
 * @origin: who asks
 * @requested: IB_ACCESS_*
 * @before: IB_ACCESS_* that are in force so far; for ODP_ACCESS_KERNEL_REG, ignored for others
 * @supported: IB_ACCESS_* that the device implements for this kind of region
 * @kernel_strict: the administrator wants no kernel consumer to have relaxed ordering
 */
struct odp_access_request {
	enum odp_access_origin origin;
	u32 requested;
	u32 before;
	u32 supported;
	bool kernel_strict;
};

/**
 * odp_access_effective() - the policy
 * @req: who asks for what
 *
 * Flags of the optional range (bits 20 to 29) that the device does not implement are dropped; any
 * other such flag is refused, for it would promise what is not there. The result never holds a flag
 * outside of @req->supported.
 *
 * Context: any; pure.
 * Return: the effective flags; -EINVAL for a combination that the verbs forbid; -EOPNOTSUPP for a
 * mandatory flag that is not supported.
 */
int odp_access_effective(const struct odp_access_request *req);

#endif
