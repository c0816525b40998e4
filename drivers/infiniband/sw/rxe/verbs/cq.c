// SPDX-License-Identifier: GPL-2.0
/*
 * Completion queue verbs: create, resize, destroy, poll, notify. What a completion queue does is in
 * qp/cqe.c.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_rxe.h>
#include <rdma/uverbs_ioctl.h>

#include "../base/dev.h"
#include "../base/mmap.h"
#include "../compat/rxc_ib.h"
#include "../qp/cqe.h"
#include "udata.h"
#include "verbs.h"

/* A ring for user space, and the answer that tells where it is. */
static int make_ring(struct rxe_ring *ring, struct ib_udata *udata, u32 cqe)
{
	struct rxe_ucontext *uctx = rdma_udata_to_drv_context(udata, struct rxe_ucontext, ib);
	struct rxe_create_cq_resp resp = {};
	int err;

	err = rxe_udata_check(udata, sizeof(resp));
	if (!err)
		err = rxe_ring_init(ring, cqe + 1, sizeof(struct ib_uverbs_wc));
	if (err)
		return err;
	err = rxe_mmap_publish(&uctx->ib, ring, &resp.mi);
	if (err) {
		rxe_ring_free(ring);
		return err;
	}
	err = rxe_udata_respond(udata, &resp, sizeof(resp));
	if (err)
		rxe_mmap_withdraw(ring);
	return err;
}

static int create_user(struct rxe_cq *cq, struct ib_udata *udata, u32 cqe)
{
	int err = make_ring(&cq->ring, udata, cqe);

	if (err)
		return err;
	cq->user = true;
	cq->ib.cqe = cq->ring.mask;
	return 0;
}

static int create_kernel(struct rxe_cq *cq, u32 cqe)
{
	u32 slots = roundup_pow_of_two(cqe);

	cq->wcs = kvcalloc(slots, sizeof(*cq->wcs), GFP_KERNEL);
	if (!cq->wcs)
		return -ENOMEM;
	cq->mask = slots - 1;
	cq->ib.cqe = slots;
	return 0;
}

static int create_cq(struct ib_cq *ib, const struct ib_cq_init_attr *attr, rxc_create_cq_arg *arg)
{
	struct ib_udata *udata = rxc_create_cq_udata(arg);
	struct rxe_cq *cq = rxe_cq(ib);

	if (attr->flags)
		return -EOPNOTSUPP;
	if (!attr->cqe || attr->cqe > RXE_MAX_CQE)
		return -EINVAL;
	mutex_init(&cq->resize_lock);
	spin_lock_init(&cq->lock);
	return udata ? create_user(cq, udata, attr->cqe) : create_kernel(cq, attr->cqe);
}

/* QPs that complete here are gone: the core counts them. */
static int destroy_cq(struct ib_cq *ib, struct ib_udata *udata)
{
	struct rxe_cq *cq = rxe_cq(ib);
	struct rxe_ring ring;

	if (cq->user) {
		rxe_cq_take_ring(cq, &ring);
		rxe_mmap_withdraw(&ring);
	} else {
		kvfree(cq->wcs);
	}
	return 0;
}

static int resize_cq(struct ib_cq *ib, rxc_resize_cqe cqe, struct ib_udata *udata)
{
	struct rxe_cq *cq = rxe_cq(ib);
	struct rxe_ring ring = {};
	int err;

	if (!cq->user || !udata)
		return -EOPNOTSUPP;
	if (cqe < 1 || cqe > RXE_MAX_CQE)
		return -EINVAL;
	err = make_ring(&ring, udata, cqe);
	if (err)
		return err;
	err = rxe_cq_swap_ring(cq, &ring);
	if (!err)
		ib->cqe = cq->ring.mask;
	rxe_mmap_withdraw(&ring);
	return err;
}

static int poll_cq(struct ib_cq *ib, int num, struct ib_wc *wc)
{
	return rxe_cq_poll(rxe_cq(ib), num, wc);
}

static int req_notify_cq(struct ib_cq *ib, enum ib_cq_notify_flags flags)
{
	return rxe_cq_arm(rxe_cq(ib), flags);
}

const struct ib_device_ops rxe_cq_verbs_ops = {
	.create_cq = create_cq,
	.destroy_cq = destroy_cq,
	.RXC_RESIZE_CQ = resize_cq,
	.poll_cq = poll_cq,
	.req_notify_cq = req_notify_cq,

	INIT_RDMA_OBJ_SIZE(ib_cq, rxe_cq, ib),
};
