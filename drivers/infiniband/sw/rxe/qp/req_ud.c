// SPDX-License-Identifier: GPL-2.0
/*
 * The requester of a datagram QP: one work request, one packet, complete when it has left.
 */
#include <linux/errno.h>

#include "../base/dev.h"
#include "ah.h"
#include "egress.h"
#include "qp.h"
#include "req.h"
#include "req_err.h"

#include "../wire/psn.h"

/*
 * The address handle of a program is a number that it may have made up: it must exist and be of the
 * QP's protection domain. Return: held if @handle is set, or NULL.
 */
static struct rxe_ah *find_ah(struct rxe_qp *qp, const struct rxe_swqe *wqe,
			      struct rxe_handle **handle)
{
	struct rxe_ah *ah;

	*handle = NULL;
	if (!qp->is_user)
		return wqe->ah;
	*handle = rxe_idtab_get(&qp->dev->ahs, wqe->ah_num);
	if (!*handle)
		return NULL;
	ah = (*handle)->obj;
	if (ah->ib.pd == qp->ib.pd)
		return ah;
	rxe_handle_put(*handle);
	*handle = NULL;
	return NULL;
}

/* A Q_Key with the high bit set stands for the QP's own (IBA 10.2.5), also on QP1. */
static u32 qkey_to_send(const struct rxe_qp *qp, const struct rxe_swqe *wqe)
{
	return wqe->remote_qkey & BIT(31) ? qp->attr.qkey : wqe->remote_qkey;
}

/*
 * A datagram above the MTU is not sent, and that is no error (IBA C10-93.1.1). No route or no
 * memory is likewise a datagram that is lost, not a work request that failed.
 */
static int send_to(struct rxe_qp *qp, struct rxe_swqe *wqe, struct rxe_ah *ah)
{
	struct rxe_pkt pkt = {
		.opcode = RXE_SVC_UD | (wqe->opcode == IB_WR_SEND_WITH_IMM ? RXE_WOP_SEND_ONLY_IMM :
									     RXE_WOP_SEND_ONLY),
		.qpn = wqe->remote_qpn & RXE_PSN_MASK,
		.psn = qp->req.psn,
		.se = wqe->flags & IB_SEND_SOLICITED,
		.qkey = qkey_to_send(qp, wqe),
		.src_qpn = qp->ib.qp_num,
		.imm = wqe->imm,
		.payload_len = wqe->length,
	};
	enum rxe_mem_err err;
	struct rxe_out out;

	if (wqe->length > ib_mtu_enum_to_int(rxe_dev_mtu(qp->dev))) {
		rxe_qp_count(qp, RXE_STAT_TX_ABOVE_MTU);
		return RXE_REQ_OK;
	}
	rxe_sgl_init(&qp->req.sgl, qp->ib.pd, wqe->sge, wqe->num_sge, 0);
	if (rxe_egress_begin(qp, &ah->path, &pkt, &out)) {
		rxe_mem_wait_over(&qp->req.wait);
		return RXE_REQ_OK;
	}
	err = rxe_req_gather(qp, wqe, 0, out.payload, wqe->length);
	if (err)
		rxe_egress_abort(&out);
	else
		rxe_egress_send(qp, &pkt, &out);
	rxe_sgl_release(&qp->req.sgl);
	if (err == RXE_MEM_MISS)
		return -EAGAIN;
	if (err == RXE_MEM_BUSY)
		rxe_qp_count(qp, RXE_STAT_TX_NOMEM);
	else if (err)
		return rxe_req_mem_err(err);
	qp->req.psn = rxe_psn_add(qp->req.psn, 1);
	return RXE_REQ_OK;
}

int rxe_req_send_ud(struct rxe_qp *qp, struct rxe_swqe *wqe)
{
	struct rxe_handle *handle;
	int err = RXE_REQ_UNSUPPORTED;
	struct rxe_ah *ah = find_ah(qp, wqe, &handle);

	rxe_assert_owned(qp);
	if (ah)
		err = send_to(qp, wqe, ah);
	if (handle)
		rxe_handle_put(handle);
	return err;
}
