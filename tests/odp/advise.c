// SPDX-License-Identifier: GPL-2.0
/* The ioctl of UVERBS_METHOD_ADVISE_MR, built by hand; see advise.h. */
#include <errno.h>
#include <sys/ioctl.h>

#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/rdma_user_ioctl_cmds.h>

#include "advise.h"

enum { ATTRS = 4 };

/* The library's sge and the kernel's ib_uverbs_sge are the same sixteen bytes. */
_Static_assert(sizeof(struct ibv_sge) == 16, "struct ibv_sge is no struct ib_uverbs_sge");

int advise_ioctl(struct ibv_pd *pd, unsigned int advice, uint32_t flags,
		 const struct ibv_sge *sge, unsigned int nsge)
{
	struct {
		struct ib_uverbs_ioctl_hdr hdr;
		struct ib_uverbs_attr attr[ATTRS];
	} cmd = {
		.hdr = {
			.length = sizeof(cmd), .object_id = UVERBS_OBJECT_MR,
			.method_id = UVERBS_METHOD_ADVISE_MR, .num_attrs = ATTRS,
			.driver_id = RDMA_DRIVER_RXE,
		},
		.attr = {
			{ .attr_id = UVERBS_ATTR_ADVISE_MR_PD_HANDLE, .data = pd->handle },
			{ .attr_id = UVERBS_ATTR_ADVISE_MR_ADVICE, .len = sizeof(__u64),
			  .data = advice },
			{ .attr_id = UVERBS_ATTR_ADVISE_MR_FLAGS, .len = sizeof(flags),
			  .data = flags },
			{ .attr_id = UVERBS_ATTR_ADVISE_MR_SGE_LIST, .len = nsge * sizeof(*sge),
			  .data = (uintptr_t)sge },
		},
	};

	for (int i = 0; i < ATTRS; i++)
		cmd.attr[i].flags = UVERBS_ATTR_F_MANDATORY;
	t_wait("the ioctl of advise_mr");
	return ioctl(pd->context->cmd_fd, RDMA_VERBS_IOCTL, &cmd) ? errno : 0;
}
