// SPDX-License-Identifier: GPL-2.0
/*
 * Shared receive queue verbs: create, modify, query, destroy. What such a queue does is in
 * qp/srq.c.
 */
#include <linux/slab.h>
#include <rdma/rdma_user_rxe.h>
#include <rdma/uverbs_ioctl.h>

#include "../base/dev.h"
#include "../base/mmap.h"
#include "../qp/rq.h"
#include "../qp/srq.h"
#include "udata.h"
#include "verbs.h"

static int check_init(const struct ib_srq_init_attr *init)
{
	if (init->srq_type != IB_SRQT_BASIC)
		return -EOPNOTSUPP;
	if (!init->attr.max_wr || init->attr.max_wr > RXE_MAX_QP_WR ||
	    init->attr.max_sge > RXE_MAX_SGE)
		return -EINVAL;
	return 0;
}

static int tell_user(struct rxe_srq *srq, struct ib_udata *udata)
{
	struct rxe_ucontext *uctx = rdma_udata_to_drv_context(udata, struct rxe_ucontext, ib);
	struct rxe_create_srq_resp resp = { .srq_num = srq->num };
	int err;

	err = rxe_mmap_publish(&uctx->ib, &srq->rq.ring, &resp.mi);
	return err ? err : rxe_udata_respond(udata, &resp, sizeof(resp));
}

static void destroy_queue(struct rxe_srq *srq)
{
	struct rxe_ring ring;

	rxe_srq_take_ring(srq, &ring);
	if (ring.map)
		rxe_mmap_withdraw(&ring);
	else
		rxe_ring_free(&ring);
	rxe_rq_destroy(&srq->rq);
}

static int create_queue(struct rxe_srq *srq, struct ib_srq_init_attr *init, struct ib_udata *udata)
{
	int err;

	mutex_init(&srq->resize_lock);
	srq->rq.max_sge = init->attr.max_sge;
	err = rxe_rq_create(&srq->rq, init->attr.max_wr, udata);
	if (err)
		return err;
	init->attr.max_wr = srq->rq.mask;
	if (udata)
		err = tell_user(srq, udata);
	if (err)
		destroy_queue(srq);
	return err;
}

static int create_srq(struct ib_srq *ib, struct ib_srq_init_attr *init, struct ib_udata *udata)
{
	struct rxe_dev *dev = rxe_dev(ib->device);
	struct rxe_srq *srq = rxe_srq(ib);
	int err, num;

	err = check_init(init);
	if (!err)
		err = rxe_udata_check(udata, sizeof(struct rxe_create_srq_resp));
	if (err)
		return err;
	num = ida_alloc_range(&dev->srq_nums, 1, RXE_MAX_SRQ, GFP_KERNEL);
	if (num < 0)
		return num;
	srq->num = num;
	err = create_queue(srq, init, udata);
	if (err)
		ida_free(&dev->srq_nums, num);
	return err;
}

/* QPs that take from it are gone: the core counts them. */
static int destroy_srq(struct ib_srq *ib, struct ib_udata *udata)
{
	struct rxe_srq *srq = rxe_srq(ib);

	destroy_queue(srq);
	ida_free(&rxe_dev(ib->device)->srq_nums, srq->num);
	return 0;
}

/* Where the program wants to be told of its new ring: an address of its own, in the command. */
static int read_answer_address(struct ib_udata *udata, struct mminfo __user **to)
{
	struct rxe_modify_srq_cmd cmd;

	if (udata->inlen < sizeof(cmd) || ib_copy_from_udata(&cmd, udata, sizeof(cmd)))
		return -EINVAL;
	*to = u64_to_user_ptr(cmd.mmap_info_addr);
	return 0;
}

/* The program is told first, since that can fail and the exchange cannot be undone. */
static int resize(struct rxe_srq *srq, u32 max_wr, const u32 *limit, struct ib_udata *udata)
{
	struct rxe_ucontext *uctx = rdma_udata_to_drv_context(udata, struct rxe_ucontext, ib);
	struct mminfo __user *to;
	struct rxe_ring ring = {};
	struct mminfo info = {};
	int err;

	if (!srq->rq.ring.buf || !udata)
		return -EOPNOTSUPP;
	if (!max_wr || max_wr > RXE_MAX_QP_WR)
		return -EINVAL;
	err = read_answer_address(udata, &to);
	if (!err)
		err = rxe_ring_init(&ring, max_wr + 1, 1U << srq->rq.ring.shift);
	if (err)
		return err;
	err = rxe_mmap_publish(&uctx->ib, &ring, &info);
	if (err) {
		rxe_ring_free(&ring);
		return err;
	}
	err = copy_to_user(to, &info, sizeof(info)) ? -EFAULT : 0;
	if (!err)
		err = rxe_srq_swap_ring(srq, &ring, limit);
	rxe_mmap_withdraw(&ring);
	return err;
}

/* Both or nothing: a program whose call has failed goes on with the ring that it had. */
static int modify_srq(struct ib_srq *ib, struct ib_srq_attr *attr, enum ib_srq_attr_mask mask,
		      struct ib_udata *udata)
{
	const u32 *limit = mask & IB_SRQ_LIMIT ? &attr->srq_limit : NULL;
	struct rxe_srq *srq = rxe_srq(ib);

	if (mask & ~(IB_SRQ_MAX_WR | IB_SRQ_LIMIT))
		return -EOPNOTSUPP;
	if (mask & IB_SRQ_MAX_WR)
		return resize(srq, attr->max_wr, limit, udata);
	return limit ? rxe_srq_set_limit(srq, *limit) : 0;
}

static int query_srq(struct ib_srq *ib, struct ib_srq_attr *attr)
{
	struct rxe_srq *srq = rxe_srq(ib);

	attr->max_wr = READ_ONCE(srq->rq.mask);
	attr->max_sge = srq->rq.max_sge;
	attr->srq_limit = READ_ONCE(srq->limit);
	return 0;
}

const struct ib_device_ops rxe_srq_verbs_ops = {
	.create_srq = create_srq,
	.destroy_srq = destroy_srq,
	.modify_srq = modify_srq,
	.query_srq = query_srq,

	INIT_RDMA_OBJ_SIZE(ib_srq, rxe_srq, ib),
};
