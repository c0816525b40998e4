// SPDX-License-Identifier: GPL-2.0
/*
 * Work requests that send nothing. They are executed when the requester comes to them, so that what
 * is posted behind them may use the key at once, and complete when all before them have.
 *
 * They have no PSN. When the requester goes back for a retry it passes them again, and leaves alone
 * what was executed.
 *
 * Of what is before them they wait for nothing but what a fence asks for: READs and atomics, and,
 * before an invalidation, everything (IBA 10.8.3.3, local invalidate fence). A consumer that
 * invalidates the source of what may have to be sent again sets it.
 */
#include "qp.h"
#include "req_err.h"
#include "req_local.h"
#include "run.h"
#include "sq.h"
#include "wc.h"

bool rxe_req_is_local(const struct rxe_swqe *wqe)
{
	return wqe->opcode == IB_WR_BIND_MW || wqe->opcode == IB_WR_LOCAL_INV ||
	       wqe->opcode == IB_WR_REG_MR;
}

static bool is_fenced(const struct rxe_qp *qp, const struct rxe_swqe *wqe)
{
	if (!(wqe->flags & IB_SEND_FENCE))
		return false;
	if (wqe->opcode == IB_WR_LOCAL_INV)
		return qp->sq.next != qp->sq.tail;
	return qp->req.rd_atomic;
}

static enum rxe_mem_err execute(struct rxe_qp *qp, const struct rxe_swqe *wqe)
{
	switch (wqe->opcode) {
	case IB_WR_BIND_MW:
		return rxe_mw_bind(qp->ib.pd, &qp->windows, &wqe->bind);
	case IB_WR_REG_MR:
		return rxe_mr_fast_reg(qp->ib.pd, &wqe->reg);
	default:
		return rxe_mem_invalidate(qp->ib.pd, &qp->windows, wqe->rkey);
	}
}

bool rxe_req_local(struct rxe_qp *qp, struct rxe_swqe *wqe)
{
	enum rxe_mem_err err;

	rxe_assert_owned(qp);
	if (wqe->state == RXE_SWQE_POSTED) {
		if (is_fenced(qp, wqe))
			return false;
		err = execute(qp, wqe);
		if (err == RXE_MEM_BUSY) {
			/* Held within a run, of this QP or on another CPU: that one ends. */
			rxe_run_kick(qp, RXE_EV_SEND);
			return false;
		}
		if (err) {
			wqe->err = RXE_REQ_BIND;
			return false;
		}
		wqe->state = RXE_SWQE_EXECUTED;
	}
	qp->sq.next = (qp->sq.next + 1) & qp->sq.mask;
	rxe_req_local_complete(qp);
	return true;
}

void rxe_req_local_complete(struct rxe_qp *qp)
{
	const struct rxe_swqe *wqe = rxe_sq_oldest(qp);

	for (; wqe && wqe->state == RXE_SWQE_EXECUTED; wqe = rxe_sq_oldest(qp))
		rxe_wc_send(qp, IB_WC_SUCCESS);
}
