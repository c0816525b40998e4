// SPDX-License-Identifier: GPL-2.0
/*
 * Answering READs. The answer is a cursor, resp.reply; every run sends what the budget and the
 * network stack allow, and the next one goes on from there. A duplicate READ is answered the same
 * way
 * from its own PSN; the key is checked again, as the region may be gone (IBA 9.7.5.1.4).
 */
#include "../wire/aeth.h"
#include "../wire/psn.h"
#include "egress.h"
#include "qp.h"
#include "resp.h"

static bool is_new(const struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	return pkt->psn == qp->resp.psn;
}

enum rxe_resp_err rxe_resp_read(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	struct rxe_reply *reply = &qp->resp.reply;
	struct rxe_mr *mr = NULL;
	enum rxe_mem_err err;

	rxe_assert_owned(qp);
	/* A READ of no bytes has no key to check (IBA 9.7.4.1.5). */
	if (pkt->dma_len) {
		err = rxe_mem_get(qp->ib.pd, pkt->rkey, pkt->va, pkt->dma_len,
				  IB_ACCESS_REMOTE_READ, &mr);
		if (err)
			return RXE_RESP_ACCESS;
	}
	*reply = (struct rxe_reply) {
		.active = true,
		.first = true,
		.psn = pkt->psn,
		/* A new READ counts as completed in its own answer. */
		.msn = (qp->resp.msn + is_new(qp, pkt)) & RXE_MSN_MASK,
		.va = pkt->va,
		.resid = pkt->dma_len,
		.mr = mr,
	};
	return RXE_RESP_OK;
}

static u8 reply_opcode(bool first, bool last)
{
	if (first)
		return last ? RXE_WOP_READ_RESP_ONLY : RXE_WOP_READ_RESP_FIRST;
	return last ? RXE_WOP_READ_RESP_LAST : RXE_WOP_READ_RESP_MIDDLE;
}

/* Send the next packet of the answer. One that is lost at once is asked for again by the peer. */
static enum rxe_resp_err send_one(struct rxe_qp *qp)
{
	struct rxe_reply *reply = &qp->resp.reply;
	u32 len = min(reply->resid, qp->mtu);
	struct rxe_pkt pkt = {
		.opcode = RXE_SVC_RC | reply_opcode(reply->first, len == reply->resid),
		.qpn = qp->attr.dest_qp_num,
		.psn = reply->psn,
		.syndrome = RXE_AETH_ACK | RXE_AETH_NO_CREDITS,
		.msn = reply->msn,
		.payload_len = len,
	};
	struct rxe_out out;

	if (!rxe_egress_begin(qp, &qp->path, &pkt, &out)) {
		if (len && rxe_mem_read(reply->mr, reply->va, out.payload, len)) {
			rxe_egress_abort(&out);
			return RXE_RESP_MEMORY;
		}
		rxe_egress_send(qp, &pkt, &out);
	}
	reply->first = false;
	reply->psn = rxe_psn_add(reply->psn, 1);
	reply->va += len;
	reply->resid -= len;
	return RXE_RESP_OK;
}

static void end(struct rxe_qp *qp)
{
	struct rxe_reply *reply = &qp->resp.reply;

	if (reply->mr)
		rxe_mem_put(reply->mr);
	*reply = (struct rxe_reply) {};
}

enum rxe_resp_err rxe_resp_read_run(struct rxe_qp *qp, int *budget)
{
	struct rxe_reply *reply = &qp->resp.reply;
	enum rxe_resp_err err;

	rxe_assert_owned(qp);
	/* The answer acknowledges everything before it. */
	qp->resp.ack_due = false;
	do {
		if (*budget <= 0 || !rxe_flight_ready(qp->flight))
			return RXE_RESP_OK;
		err = send_one(qp);
		(*budget)--;
	} while (!err && reply->resid);
	end(qp);
	return err;
}
