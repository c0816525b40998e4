// SPDX-License-Identifier: GPL-2.0
/*
 * Work requests ending.
 *
 * The order matters: first the slot is released, then the completion becomes visible. A program
 * with one slot posts again the moment that it sees the completion, and must find the slot free.
 */
#include "../compat/rxc_ib.h"
#include "cqe.h"
#include "qp.h"
#include "sq.h"
#include "wc.h"

static const u8 send_wc_opcode[] = {
	[IB_WR_RDMA_WRITE]		= IB_WC_RDMA_WRITE,
	[IB_WR_RDMA_WRITE_WITH_IMM]	= IB_WC_RDMA_WRITE,
	[IB_WR_SEND]			= IB_WC_SEND,
	[IB_WR_SEND_WITH_IMM]		= IB_WC_SEND,
	[IB_WR_SEND_WITH_INV]		= IB_WC_SEND,
	[IB_WR_RDMA_READ]		= IB_WC_RDMA_READ,
	[IB_WR_ATOMIC_CMP_AND_SWP]	= IB_WC_COMP_SWAP,
	[IB_WR_ATOMIC_FETCH_AND_ADD]	= IB_WC_FETCH_ADD,
	[RXC_WR_FLUSH]			= RXC_WC_FLUSH,
	[RXC_WR_ATOMIC_WRITE]		= RXC_WC_ATOMIC_WRITE,
	[IB_WR_BIND_MW]			= IB_WC_BIND_MW,
	[IB_WR_LOCAL_INV]		= IB_WC_LOCAL_INV,
	[IB_WR_REG_MR]			= IB_WC_REG_MR,
	[IB_WR_MASKED_ATOMIC_CMP_AND_SWP]	= IB_WC_MASKED_COMP_SWAP,
	[IB_WR_MASKED_ATOMIC_FETCH_AND_ADD]	= IB_WC_MASKED_FETCH_ADD,
};

void rxe_wc_send(struct rxe_qp *qp, enum ib_wc_status status)
{
	const struct rxe_swqe *wqe = rxe_sq_slot(&qp->sq, qp->sq.tail);
	bool visible = qp->sq.sig_all || (wqe->flags & IB_SEND_SIGNALED) || status;
	struct ib_wc wc = {
		.wr_id = wqe->wr_id,
		.status = status,
		.qp = &qp->ib,
		.byte_len = wqe->length,
		.port_num = RXE_PORT,
	};

	rxe_assert_owned(qp);
	/* The opcode is the program's and can be anything. */
	if (wqe->posted < ARRAY_SIZE(send_wc_opcode))
		wc.opcode = send_wc_opcode[wqe->posted];
	if (!status && wc.opcode == IB_WC_SEND)
		rxe_qp_count(qp, RXE_STAT_RDMA_SENDS);
	rxe_sq_release(qp);
	if (visible)
		rxe_cq_post(rxe_cq(qp->ib.send_cq), &wc, false);
}

void rxe_wc_recv(struct rxe_qp *qp, struct ib_wc *wc, bool solicited)
{
	rxe_assert_owned(qp);
	wc->wr_id = qp->resp.wqe.wr_id;
	wc->qp = &qp->ib;
	wc->port_num = RXE_PORT;
	qp->resp.has_wqe = false;
	rxe_sgl_release(&qp->resp.sgl);
	rxe_cq_post(rxe_cq(qp->ib.recv_cq), wc, solicited);
}
