// SPDX-License-Identifier: GPL-2.0
/*
 * Posting. A program writes its work requests into the shared ring and only rings the doorbell,
 * which the core turns into post_send() without a list; it is served in the caller. A kernel
 * consumer's list is copied into the private queue and served at softirq level; with interrupts or
 * bottom halves off, as under the locks of its completion handler, never within the call.
 */
#include <rdma/ib_verbs.h>

#include "../qp/qp.h"
#include "../qp/rq.h"
#include "../qp/run.h"
#include "../qp/sq.h"
#include "../qp/srq.h"
#include "verbs.h"

/* Sends are taken from RTS on; in the error states they are taken and flushed (IBA 10.3.1). */
static bool may_send(const struct rxe_qp *qp)
{
	enum ib_qp_state state = READ_ONCE(qp->state);

	return state != IB_QPS_RESET && state != IB_QPS_INIT && state != IB_QPS_RTR;
}

static int post_send(struct ib_qp *ib, const struct ib_send_wr *wr,
		     const struct ib_send_wr **bad_wr)
{
	struct rxe_qp *qp = rxe_qp(ib);
	int err;

	if (!may_send(qp)) {
		*bad_wr = wr;
		return -EINVAL;
	}
	if (qp->is_user) {
		rxe_run_doorbell(qp);
		return 0;
	}
	err = rxe_sq_post(qp, wr, bad_wr);
	rxe_run_kick(qp, RXE_EV_SEND);
	return err;
}

static int post_recv(struct ib_qp *ib, const struct ib_recv_wr *wr,
		     const struct ib_recv_wr **bad_wr)
{
	struct rxe_qp *qp = rxe_qp(ib);
	int err;

	if (qp->is_user || qp->srq || READ_ONCE(qp->state) == IB_QPS_RESET) {
		*bad_wr = wr;
		return -EINVAL;
	}
	err = rxe_rq_post(&qp->rq, wr, bad_wr);
	/* Pairs with set_state() of qp/state.c: the flush sees the post, or we the state. */
	smp_mb();
	if (READ_ONCE(qp->state) == IB_QPS_ERR)
		rxe_run_kick(qp, RXE_EV_SEND);
	return err;
}

static int post_srq_recv(struct ib_srq *ib, const struct ib_recv_wr *wr,
			 const struct ib_recv_wr **bad_wr)
{
	struct rxe_srq *srq = rxe_srq(ib);

	if (srq->rq.ring.buf) {
		*bad_wr = wr;
		return -EINVAL;
	}
	return rxe_rq_post(&srq->rq, wr, bad_wr);
}

const struct ib_device_ops rxe_post_ops = {
	.post_send = post_send,
	.post_recv = post_recv,
	.post_srq_recv = post_srq_recv,
};
