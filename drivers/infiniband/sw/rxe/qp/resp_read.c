// SPDX-License-Identifier: GPL-2.0
/*
 * Answering READs. The answer is a cursor, resp.reply; every run sends what the budget and the
 * network stack allow, and the next one goes on from there. The key is checked again in every run,
 * and for a duplicate READ, which is answered the same way from its own PSN: the region may be gone
 * (IBA 9.7.5.1.4).
 */
#include "../base/dev.h"
#include "../wire/aeth.h"
#include "../wire/psn.h"
#include "egress.h"
#include "qp.h"
#include "resp.h"

/* For as much as is left. A READ of no bytes has no key to check (IBA 9.7.4.1.5). */
static enum rxe_resp_err hold_source(struct rxe_qp *qp)
{
	struct rxe_reply *reply = &qp->resp.reply;
	enum rxe_mem_err err;

	if (reply->mr || !reply->resid)
		return RXE_RESP_OK;
	err = rxe_mem_get(qp->ib.pd, &qp->windows, reply->rkey, reply->va, reply->resid,
			  IB_ACCESS_REMOTE_READ, &reply->mr);
	return rxe_resp_remote_err(err);
}

static bool is_new(const struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	return pkt->psn == qp->resp.psn;
}

enum rxe_resp_err rxe_resp_read(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	struct rxe_reply *reply = &qp->resp.reply;
	enum rxe_resp_err err;

	rxe_assert_owned(qp);
	*reply = (struct rxe_reply) {
		.first = true,
		.again = !is_new(qp, pkt),
		.psn = pkt->psn,
		/* A new READ counts as completed in its own answer. */
		.msn = (qp->resp.msn + is_new(qp, pkt)) & RXE_MSN_MASK,
		.rkey = pkt->rkey,
		.va = pkt->va,
		.resid = pkt->dma_len,
	};
	err = hold_source(qp);
	reply->active = !err;
	return err;
}

static u8 reply_opcode(bool first, bool last)
{
	if (first)
		return last ? RXE_WOP_READ_RESP_ONLY : RXE_WOP_READ_RESP_FIRST;
	return last ? RXE_WOP_READ_RESP_LAST : RXE_WOP_READ_RESP_MIDDLE;
}

/* Payload of the answer, from where it is now. */
static enum rxe_mem_err gather(struct rxe_qp *qp, void *to, u32 len)
{
	struct rxe_reply *reply = &qp->resp.reply;
	struct rxe_mem_wait *wait = &qp->resp.wait;
	enum rxe_mem_err err;

	if (!len)
		return RXE_MEM_OK;
	wait->ahead = reply->resid;
	err = rxe_mem_read(reply->mr, reply->va, to, len, wait);
	if (err != RXE_MEM_MISS)
		rxe_mem_wait_over(wait);
	return err;
}

/* Send the next packet of the answer. One that is lost at once is asked for again by the peer. */
static enum rxe_resp_err send_one(struct rxe_qp *qp)
{
	struct rxe_reply *reply = &qp->resp.reply;
	enum rxe_mem_err err = RXE_MEM_OK;
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
		err = gather(qp, out.payload, len);
		if (err)
			rxe_egress_abort(&out);
		else
			rxe_egress_send(qp, &pkt, &out);
	} else {
		rxe_mem_wait_over(&qp->resp.wait);
	}
	if (err == RXE_MEM_BUSY)
		rxe_qp_count(qp, RXE_STAT_TX_NOMEM);
	else if (err)
		return rxe_resp_remote_err(err);
	rxe_resp_answered(qp, reply->psn);
	reply->first = false;
	reply->psn = rxe_psn_add(reply->psn, 1);
	reply->va += len;
	reply->resid -= len;
	return RXE_RESP_OK;
}

/* The PSN stays, as an error is told by it. */
void rxe_resp_read_end(struct rxe_qp *qp)
{
	struct rxe_reply *reply = &qp->resp.reply;

	rxe_assert_owned(qp);
	if (reply->mr)
		rxe_mem_put(reply->mr);
	reply->mr = NULL;
	reply->active = false;
	rxe_mem_wait_over(&qp->resp.wait);
}

enum rxe_resp_err rxe_resp_read_run(struct rxe_qp *qp, int *budget)
{
	struct rxe_reply *reply = &qp->resp.reply;
	enum rxe_resp_err err;

	rxe_assert_owned(qp);
	if (rxe_mem_waiting(&qp->resp.wait))
		return RXE_RESP_OK;
	do {
		if (*budget <= 0 || !rxe_flight_ready(qp->flight))
			return RXE_RESP_OK;
		err = hold_source(qp);
		if (!err)
			err = send_one(qp);
		if (err == RXE_RESP_WAIT)
			return RXE_RESP_OK;
		(*budget)--;
	} while (!err && reply->resid);
	rxe_resp_read_end(qp);
	return err;
}
