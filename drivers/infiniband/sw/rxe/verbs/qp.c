// SPDX-License-Identifier: GPL-2.0
/*
 * Queue pair verbs: create, modify, query, destroy. Creation reserves a number, constructs, answers
 * the program, and publishes last; nothing can fail after that. Destruction is the mirror.
 */
#include <linux/slab.h>
#include <rdma/rdma_user_rxe.h>
#include <rdma/uverbs_ioctl.h>

#include "../base/dev.h"
#include "../base/mmap.h"
#include "../qp/cqe.h"
#include "../qp/mcast.h"
#include "../qp/qp.h"
#include "../qp/rq.h"
#include "../qp/run.h"
#include "../qp/sq.h"
#include "../qp/srq.h"
#include "../qp/state.h"
#include "udata.h"
#include "verbs.h"

/* Buffers of one QP that the network stack may hold: a send queue's worth on any sane link. */
#define FLIGHT_LIMIT	256

static int check_init(const struct ib_qp_init_attr *init)
{
	const struct ib_qp_cap *cap = &init->cap;

	if (init->create_flags || init->xrcd)
		return -EOPNOTSUPP;
	switch (init->qp_type) {
	case IB_QPT_RC:
	case IB_QPT_UC:
	case IB_QPT_UD:
	case IB_QPT_GSI:
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (init->srq && init->qp_type == IB_QPT_GSI)
		return -EINVAL;
	if (!init->send_cq || !init->recv_cq)
		return -EINVAL;
	if (cap->max_send_wr > RXE_MAX_QP_WR || cap->max_recv_wr > RXE_MAX_QP_WR ||
	    cap->max_send_sge > RXE_MAX_SGE || cap->max_recv_sge > RXE_MAX_SGE ||
	    cap->max_inline_data > RXE_MAX_INLINE)
		return -EINVAL;
	return 0;
}

static int create_queues(struct rxe_qp *qp, const struct ib_qp_init_attr *init)
{
	int err;

	qp->sq.max_sge = init->cap.max_send_sge;
	/* Room there is anyway. Some programs send a few bytes inline without having asked. */
	qp->sq.max_inline = max_t(u32, init->cap.max_inline_data,
				  init->cap.max_send_sge * sizeof(struct ib_sge));
	qp->sq.sig_all = init->sq_sig_type == IB_SIGNAL_ALL_WR;
	qp->rq.max_sge = init->cap.max_recv_sge;
	err = rxe_sq_create(&qp->sq, init->cap.max_send_wr, qp->is_user);
	if (err)
		return err;
	if (qp->srq) {
		qp->rq.max_sge = qp->srq->rq.max_sge;
		return 0;
	}
	err = rxe_rq_create(&qp->rq, init->cap.max_recv_wr, qp->is_user);
	if (err) {
		rxe_ring_free(&qp->sq.ring);
		rxe_sq_destroy(&qp->sq);
	}
	return err;
}

static void destroy_queues(struct rxe_qp *qp)
{
	rxe_sq_destroy(&qp->sq);
	rxe_rq_destroy(&qp->rq);
	if (qp->sq.ring.map)
		rxe_mmap_withdraw(&qp->sq.ring);
	else
		rxe_ring_free(&qp->sq.ring);
	if (qp->rq.ring.map)
		rxe_mmap_withdraw(&qp->rq.ring);
	else
		rxe_ring_free(&qp->rq.ring);
}

/* Give both rings an offset and tell the program. What was mapped is undone by destroy_queues(). */
static int tell_user(struct rxe_qp *qp, struct ib_udata *udata)
{
	struct rxe_ucontext *uctx = rdma_udata_to_drv_context(udata, struct rxe_ucontext, ib);
	struct rxe_create_qp_resp resp = {};
	int err;

	err = rxe_mmap_publish(&uctx->ib, &qp->sq.ring, &resp.sq_mi);
	if (!err && !qp->srq)
		err = rxe_mmap_publish(&uctx->ib, &qp->rq.ring, &resp.rq_mi);
	if (!err)
		err = rxe_udata_respond(udata, &resp, sizeof(resp));
	return err;
}

static struct rxe_handle *reserve(struct rxe_qp *qp, enum ib_qp_type type)
{
	if (type == IB_QPT_GSI)
		return rxe_idtab_reserve_at(&qp->dev->qps, qp, IB_QPT_GSI);
	return rxe_idtab_reserve(&qp->dev->qps, qp);
}

/* The network stack has let go of packets: there may be room for more. Any context. */
static void credit_back(void *arg)
{
	rxe_run_kick(arg, RXE_EV_SEND);
}

static void report_caps(struct rxe_qp *qp, struct ib_qp_init_attr *init)
{
	init->cap.max_send_wr = qp->sq.mask;
	init->cap.max_inline_data = qp->sq.max_inline;
	init->cap.max_recv_wr = qp->rq.mask;
	if (qp->srq)
		init->cap.max_recv_sge = 0;
	qp->attr.cap = init->cap;
}

static int create_qp(struct ib_qp *ib, struct ib_qp_init_attr *init, struct ib_udata *udata)
{
	struct rxe_qp *qp = rxe_qp(ib);
	int err;

	err = check_init(init);
	if (!err)
		err = rxe_udata_check(udata, sizeof(struct rxe_create_qp_resp));
	if (err)
		return err;

	qp->dev = rxe_dev(ib->device);
	qp->stats = qp->dev->stats;
	qp->is_user = udata;
	qp->srq = init->srq ? rxe_srq(init->srq) : NULL;
	mutex_init(&qp->verbs_lock);
	rxe_run_init(qp);
	rxe_state_init(qp);
	qp->handle = reserve(qp, init->qp_type);
	if (IS_ERR(qp->handle))
		return PTR_ERR(qp->handle);
	ib->qp_num = qp->handle->id;
	err = create_queues(qp, init);
	if (err)
		goto err_handle;
	qp->flight = rxe_flight_create(FLIGHT_LIMIT, credit_back, qp);
	err = qp->flight ? 0 : -ENOMEM;
	if (err)
		goto err_queues;
	report_caps(qp, init);
	if (udata)
		err = tell_user(qp, udata);
	if (err)
		goto err_flight;
	rxe_idtab_publish(&qp->dev->qps, qp->handle);
	return 0;

err_flight:
	rxe_flight_release(qp->flight);
err_queues:
	destroy_queues(qp);
err_handle:
	rxe_idtab_retire(&qp->dev->qps, qp->handle);
	return err;
}

static int destroy_qp(struct ib_qp *ib, struct ib_udata *udata)
{
	struct rxe_qp *qp = rxe_qp(ib);

	rxe_state_destroy(qp);
	rxe_cq_forget(rxe_cq(ib->send_cq), ib);
	rxe_cq_forget(rxe_cq(ib->recv_cq), ib);
	destroy_queues(qp);
	return 0;
}

static int modify_qp(struct ib_qp *ib, struct ib_qp_attr *attr, int mask, struct ib_udata *udata)
{
	struct rxe_qp *qp = rxe_qp(ib);
	int err;

	mutex_lock(&qp->verbs_lock);
	err = rxe_state_modify(qp, attr, mask);
	mutex_unlock(&qp->verbs_lock);
	return err;
}

static int query_qp(struct ib_qp *ib, struct ib_qp_attr *attr, int mask,
		    struct ib_qp_init_attr *init)
{
	struct rxe_qp *qp = rxe_qp(ib);

	mutex_lock(&qp->verbs_lock);
	rxe_state_query(qp, attr);
	mutex_unlock(&qp->verbs_lock);
	init->event_handler = ib->event_handler;
	init->qp_context = ib->qp_context;
	init->send_cq = ib->send_cq;
	init->recv_cq = ib->recv_cq;
	init->srq = ib->srq;
	init->cap = attr->cap;
	init->sq_sig_type = qp->sq.sig_all ? IB_SIGNAL_ALL_WR : IB_SIGNAL_REQ_WR;
	init->qp_type = ib->qp_type;
	return 0;
}

/*
 * The core has seen that the QP is UD and the address is one of multicast. The LID is none on
 * Ethernet (annex A16.4.4). Programs' QPs are found in the core's own list first: what is attached
 * there already succeeds without a call, what is not fails without one.
 */
static int attach_mcast(struct ib_qp *ib, union ib_gid *mgid, u16 lid)
{
	return rxe_mcast_attach(rxe_qp(ib), mgid);
}

static int detach_mcast(struct ib_qp *ib, union ib_gid *mgid, u16 lid)
{
	return rxe_mcast_detach(rxe_qp(ib), mgid);
}

const struct ib_device_ops rxe_qp_verbs_ops = {
	.attach_mcast = attach_mcast,
	.create_qp = create_qp,
	.destroy_qp = destroy_qp,
	.detach_mcast = detach_mcast,
	.modify_qp = modify_qp,
	.query_qp = query_qp,

	INIT_RDMA_OBJ_SIZE(ib_qp, rxe_qp, ib),
};
